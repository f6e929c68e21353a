/*
 * Members' signatures. A worker checks the mathematics with the members' keys as they are; the
 * committer holds members, keys and policy against the state of the block under construction, and
 * refuses what was signed for another journal.
 *
 * Own form: the record holds nonce, keys and signatures, and what was signed is rebuilt from it.
 * Foreign form: the message (a light client's TxRequest) says what the journal says, and is kept with
 * its signatures as evidence beside the payload.
 */
#include "evidence.h"
#include "signing.h"
#include "utf8.h"

/* ---- checking, in the worker ---- */

static int wrong(struct tally_err *err, const char *subject, const char *why)
{
	return tally_err_about(err, TALLY_INVALID, subject, "%s", why);
}

/* The member that a signature names, else the caller's own; it must have a key. */
static int find_signer(const struct tally_view *view, const struct tally_caller *caller,
		       const struct tally_signature *signature, struct tally_member *member_r,
		       struct tally_err *err)
{
	int found = signature->member_id.size > 0 ?
			    tally_member_find(view, signature->member_id, member_r, err) :
			    tally_member_of(view, caller, member_r, err);

	if (found < 0)
		return -1;
	if (found == 0)
		return tally_err_about(err, TALLY_DENIED, "Member",
				       "there is no such member to have signed it");
	if (member_r->key.type == KEY_TYPE_NONE)
		return tally_err_about(err, TALLY_DENIED, "Member", "the member has no key");
	if (signature->type != KEY_TYPE_NONE && signature->type != member_r->key.type)
		return wrong(err, "MemberSignatureType", "the member's key is of another kind");
	return 0;
}

static int take_signers(const struct tally_view *view, const struct tally_caller *caller,
			const struct tally_signing *signing, struct tally_arena *arena,
			struct tally_signed *signed_r, struct tally_err *err)
{
	if (signing->count > TALLY_MAX_SIGNATURES)
		return wrong(err, "MemberSignatures", "there are too many of them");
	for (size_t i = 0; i < signing->count; i++) {
		struct tally_record_signature *signature = &signed_r->signatures[i];
		struct tally_member member;

		if (find_signer(view, caller, &signing->signatures[i], &member, err) != 0)
			return -1;
		for (size_t j = 0; j < i; j++)
			if (tally_bytes_is(signed_r->signatures[j].member_id, member.id))
				return wrong(err, "MemberSignatures", "a member signs it twice");
		signature->member_id = tally_arena_bytes(arena, tally_bytes_str(member.id));
		signature->type = member.key.type;
		signature->key = tally_arena_bytes(arena, tally_bytes(member.key.bytes,
								      member.key.size));
		signature->bytes = tally_bytes(signing->signatures[i].bytes,
					       TALLY_MEMBER_SIGNATURE);
		signed_r->count++;
	}
	return 0;
}

static int check_signatures(struct tally_core *core, struct tally_bytes message,
			    struct tally_signed *signed_r, struct tally_err *err)
{
	uint8_t digest[7 + TALLY_HASH_SIZE] = "signed\n";

	for (size_t i = 0; i < signed_r->count; i++) {
		const struct tally_record_signature *signature = &signed_r->signatures[i];
		struct tally_member_key key = { .type = signature->type,
						.size = (uint8_t)signature->key.size };

		memcpy(key.bytes, signature->key.data, signature->key.size);
		if (!tally_member_verify(&key, message, signature->bytes.data))
			return tally_err_about(err, TALLY_DENIED, "MemberSignature",
					       "the signature of member %.*s does not verify",
					       (int)signature->member_id.size,
					       (const char *)signature->member_id.data);
	}
	tally_sha256(message.data, message.size, digest + 7);
	tally_keyed_digest(core->digest_key, tally_bytes(digest, sizeof(digest)),
			   signed_r->digest);
	return 0;
}

static int check_own(struct tally_core *core, struct tally_bytes ledger_id,
		     const struct tally_signing *signing, struct tally_record *record,
		     struct tally_signed *signed_r, struct tally_err *err)
{
	struct tally_buf statement = { 0 };
	int result;

	if (signing->nonce.size == 0 || signing->nonce.size > TALLY_MAX_NONCE ||
	    !tally_utf8_printable(signing->nonce))
		return wrong(err, "MemberNonce", "it has 1 to 64 printable characters");
	record->nonce = signing->nonce;
	record->signatures = signed_r->signatures;
	record->signature_count = (uint8_t)signed_r->count;
	record->member_id = signed_r->signatures[0].member_id;
	tally_record_statement(record, ledger_id, &statement);
	result = check_signatures(core, tally_buf_bytes(&statement), signed_r, err);
	tally_buf_free(&statement);
	return result;
}

/* What a light client signed must be what the request asks for. */
static int check_agrees(struct tally_bytes ledger_id, const struct tally_txrequest *tx,
			const struct tally_record *record, struct tally_bytes payload,
			struct tally_bytes client_id, const struct tally_signed *signed_r,
			struct tally_err *err)
{
	bool same = tally_bytes_equal(tx->ledger_id, ledger_id) &&
		    tx->clue_count == record->clue_count &&
		    tx->sender_count == signed_r->count && tx->annotation.size == 0 &&
		    tally_evidence_agrees(tx, record, payload) &&
		    (client_id.size == 0 || tally_bytes_equal(client_id, tx->client_token));

	for (size_t i = 0; same && i < tx->clue_count; i++)
		same = tally_bytes_equal(tx->clues[i], record->clues[i]);
	for (size_t i = 0; same && i < tx->sender_count; i++)
		same = tally_bytes_equal(tx->senders[i].member_id,
					 signed_r->signatures[i].member_id) &&
		       (tx->senders[i].public_key.size == 0 ||
			tally_bytes_equal(tx->senders[i].public_key,
					  signed_r->signatures[i].key)) &&
		       tx->senders[i].type == TX_SENDER_REGULAR;
	return same ? 0 :
		      wrong(err, "RequestMessage", "what was signed is not what is asked for");
}

static int check_foreign(struct tally_core *core, struct tally_bytes ledger_id,
			 const struct tally_signing *signing, struct tally_bytes payload,
			 struct tally_bytes client_id, struct tally_record *record,
			 struct tally_signed *signed_r, struct tally_err *err)
{
	if (check_agrees(ledger_id, &signed_r->tx, record, payload, client_id, signed_r, err) != 0)
		return -1;
	record->member_id = signed_r->signatures[0].member_id;
	return check_signatures(core, signing->message, signed_r, err);
}

struct tally_bytes tally_signing_evidence(const struct tally_signing *signing,
					  struct tally_bytes client_id,
					  const struct tally_signed *signed_r,
					  struct tally_arena *arena)
{
	struct tally_evidence evidence = { .client_id = client_id };
	struct tally_buf buf = { 0 };
	struct tally_bytes bytes;

	if (signing == NULL || signing->message.size == 0)
		return client_id.size > 0 ? tally_arena_bytes(arena, client_id) : TALLY_BYTES_NONE;
	evidence.client_id = signed_r->tx.client_token;
	evidence.message = signing->message;
	evidence.signatures = signed_r->signatures;
	evidence.signature_count = signed_r->count;
	tally_evidence_encode(&evidence, &buf);
	bytes = tally_arena_bytes(arena, tally_buf_bytes(&buf));
	tally_buf_free(&buf);
	return bytes;
}

int tally_signing_signers(struct tally_space *space, const struct tally_caller *caller,
			  const struct tally_signing *signing, struct tally_arena *arena,
			  struct tally_signed *signed_r, struct tally_err *err)
{
	struct tally_view view;
	int result;

	*signed_r = (struct tally_signed){ 0 };
	if (signing == NULL || signing->count == 0)
		return 0;
	if (tally_view_take(space, &view, err) != 0)
		return -1;
	result = take_signers(&view, caller, signing, arena, signed_r, err);
	tally_view_drop(&view);
	return result;
}

int tally_signing_check_message(const struct tally_signing *signing, struct tally_signed *signed_r,
				struct tally_err *err)
{
	if (signing->message.size == 0 ||
	    tally_txrequest_parse(signing->message, &signed_r->tx, err) == 0)
		return 0;
	return wrong(err, "RequestMessage", "it is no TxRequest of the light client");
}

int tally_signing_check(struct tally_space *space, const struct tally_signing *signing,
			struct tally_bytes payload, struct tally_bytes client_id,
			struct tally_record *record, struct tally_signed *signed_r,
			struct tally_err *err)
{
	struct tally_bytes ledger_id = tally_bytes_str(space->name);

	if (signed_r->count == 0)
		return 0;
	return signing->message.size > 0 ?
		       check_foreign(space->core, ledger_id, signing, payload, client_id, record,
				     signed_r, err) :
		       check_own(space->core, ledger_id, signing, record, signed_r, err);
}

/* ---- deciding, in the committer ---- */

static int decide_signer(struct tally_build *build, const struct tally_record_signature *signature,
			 enum tally_permission need, struct tally_err *err)
{
	struct tally_member member;
	int found = tally_member_find(&build->view, signature->member_id, &member, err);

	if (found < 0)
		return -1;
	if (found == 0 || !member.enabled || !tally_role_may(member.role, need))
		return tally_err_about(err, TALLY_DENIED, "Member",
				       "member %.*s may not sign this",
				       (int)signature->member_id.size,
				       (const char *)signature->member_id.data);
	if (member.key.type != signature->type ||
	    !tally_bytes_equal(tally_bytes(member.key.bytes, member.key.size), signature->key))
		return tally_err_about(err, TALLY_DENIED, "MemberSignature",
				       "the key of member %.*s has changed",
				       (int)signature->member_id.size,
				       (const char *)signature->member_id.data);
	return 0;
}

static int decide_policy(const struct tally_head *head, const struct tally_signed *of,
			 enum tally_permission need, struct tally_err *err)
{
	if (of->count > 0 && head->sign_policy == SIGN_OFF && need != PERM_REMOVE)
		return wrong(err, "MemberSignature", "the ledger takes no members' signatures");
	if (need != PERM_APPEND || head->sign_policy != SIGN_REQUIRED)
		return 0;
	if (of->count == 0)
		return tally_err_about(err, TALLY_MISSING, "MemberSignature",
				       "the ledger demands a member's signature");
	if (of->count < head->sign_count)
		return tally_err_about(err, TALLY_DENIED, "MemberSignatures",
				       "the ledger demands the signatures of %u members",
				       head->sign_count);
	return 0;
}

int tally_signing_decide(struct tally_build *build, const struct tally_signed *of,
			 enum tally_permission need, struct tally_envelope *envelope,
			 struct tally_err *err)
{
	struct tally_bytes value;
	int found;

	if (decide_policy(build->head, of, need, err) != 0)
		return -1;
	if (of->count == 0)
		return 0;
	for (size_t i = 0; i < of->count; i++)
		if (decide_signer(build, &of->signatures[i], need, err) != 0)
			return -1;
	found = tally_view_get(&build->view, TABLE_SIGNED, tally_bytes(of->digest, 16),
			       &build->arena, &value, err);
	if (found == 1)
		return tally_err_about(err, TALLY_REPLAYED, "MemberSignature",
				       "what the member signed stands in a journal already");
	envelope->has_signed = true;
	memcpy(envelope->signed_bytes, of->digest, TALLY_DIGEST_SIZE);
	return found;
}
