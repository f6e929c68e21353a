/*
 * A command that brings one journal of the service's own kind: changes of the ledger, of members,
 * of keys and values, anchors. What these have in common: token, nonce, permission, the receipt.
 */
#include "signing.h"

void tally_manage_request(struct tally_core *core, struct tally_bytes ledger_id,
			  struct tally_manage *manage)
{
	struct tally_buf buf = { 0 };

	tally_buf_add_str(&buf, manage->what);
	tally_buf_add_u8(&buf, '\n');
	tally_buf_add_bytes(&buf, ledger_id);
	tally_buf_add_u8(&buf, '\n');
	tally_data_encode(&manage->prepared.record, &buf);
	if (manage->prepared.record.has_payload) {
		tally_buf_add_u8(&buf, '\n');
		tally_buf_add_bytes(&buf, manage->prepared.payload);
	}
	tally_sha256(buf.data, buf.size, manage->digest);
	tally_keyed_digest(core->digest_key, tally_buf_bytes(&buf), manage->request);
	tally_buf_free(&buf);
}

void tally_manage_token(struct tally_core *core, const struct tally_write *write,
			struct tally_bytes ledger_id, struct tally_manage *manage)
{
	if (write->token.size == 0)
		return;
	manage->has_token = true;
	tally_token_digest(core, ledger_id, write->caller.account, write->token, manage->token);
}

int tally_manage_add(struct tally_build *build, const struct tally_write *write,
		     struct tally_manage *manage, struct tally_err *err)
{
	static const struct tally_signed nobody;

	manage->known = false;
	tally_envelope_fill(build->core, write,
			    manage->has_token ? tally_bytes(manage->token, TALLY_DIGEST_SIZE) :
						TALLY_BYTES_NONE,
			    manage->request, true, &manage->prepared.envelope);
	if (tally_signing_decide(build, manage->of != NULL ? manage->of : &nobody, manage->need,
				 &manage->prepared.envelope, err) != 0)
		return -1;
	return tally_build_add(build, &manage->prepared, &manage->journal_id, &manage->leaf, err);
}

/* 0: it is to be done; 1: it was done before. */
static int settle(struct tally_build *build, struct tally_command *command, struct tally_err *err)
{
	struct tally_manage *manage = command->ctx;
	int again = 0;

	manage->known = false;
	if (manage->has_token)
		again = tally_build_token(build, manage->token, manage->request,
					  &manage->journal_id, err);
	if (again == 0)
		again = tally_build_admit(build, command->write, manage->request,
					  &manage->journal_id, err);
	manage->known = again == 1;
	if (again != 0)
		return again;
	if (tally_permit(&build->view, &command->write->caller, manage->need, &manage->member,
			 err) != 0)
		return -1;
	if (manage->of == NULL)
		manage->prepared.record.member_id = tally_bytes_str(manage->member.id);
	return manage->check != NULL ? manage->check(build, manage, err) : 0;
}

static int decide(struct tally_build *build, struct tally_command *command, struct tally_err *err)
{
	int again = settle(build, command, err);

	if (again != 0)
		return again == 1 ? 0 : -1;
	return tally_manage_add(build, command->write, command->ctx, err);
}

/* Adds nothing, so nothing is written. */
static int decide_probe(struct tally_build *build, struct tally_command *command,
			struct tally_err *err)
{
	return settle(build, command, err) < 0 ? -1 : 0;
}

static size_t cost_of(const struct tally_manage *manage)
{
	const struct tally_record *record = &manage->prepared.record;
	size_t size = 8192;

	for (size_t i = 0; i < record->field_count; i++)
		size += record->fields[i].text.size;
	return tally_block_cost(size, manage->prepared.payload_head.size +
					      manage->prepared.payload.size, 64);
}

/* Members' signatures over the record as it stands: of commands whose check() completes it there is
 * nothing that a member could have signed. */
static int sign(struct tally_space *space, const struct tally_write *write,
		struct tally_manage *manage, struct tally_arena *arena, struct tally_err *err)
{
	const struct tally_signing *signing = write->signing;
	struct tally_signed *of;

	if (signing == NULL || signing->count == 0)
		return 0;
	of = tally_arena_alloc(arena, sizeof(*of));
	if (tally_signing_signers(space, &write->caller, signing, arena, of, err) != 0 ||
	    tally_signing_check_message(signing, of, err) != 0)
		return -1;
	if (manage->resign != NULL)
		manage->resign(manage, signing, of, arena);
	if (tally_signing_check(space, signing, manage->prepared.payload, TALLY_BYTES_NONE,
				&manage->prepared.record, of, err) != 0)
		return -1;
	manage->of = of;
	return 0;
}

/* The ledger, and digests of the request unless a probe made them. */
static int prepare(struct tally_core *core, struct tally_bytes ledger_id,
		   struct tally_command *command, struct tally_err *err)
{
	struct tally_manage *manage = command->ctx;
	int found = tally_space_of_ledger(core, ledger_id, &command->space, err);

	if (found < 0)
		return -1;
	if (found == 0)
		return tally_err_about(err, TALLY_NOTFOUND, "Ledger", "no such ledger");
	if (manage->probed)
		return 0;
	tally_manage_request(core, ledger_id, manage);
	tally_manage_token(core, command->write, ledger_id, manage);
	return 0;
}

int tally_manage_probe(struct tally_core *core, const struct tally_write *write,
		       struct tally_bytes ledger_id, struct tally_manage *manage,
		       struct tally_err *err)
{
	struct tally_command command = { .decide = decide_probe, .write = write, .ctx = manage,
					 .journals = 1 };

	if (prepare(core, ledger_id, &command, err) != 0)
		return -1;
	manage->probed = true;
	return tally_queue_run(core, &command, err);
}

int tally_manage_run(struct tally_core *core, const struct tally_write *write,
		     struct tally_bytes ledger_id, struct tally_manage *manage,
		     struct tally_receipt *receipt_r, struct tally_err *err)
{
	struct tally_command command = { .decide = decide, .write = write, .ctx = manage,
					 .mends = manage->mends, .bytes = cost_of(manage),
					 .journals = 1 };
	struct tally_arena arena;
	int result;

	tally_arena_init(&arena);
	result = prepare(core, ledger_id, &command, err);
	if (result == 0 && !manage->known)
		result = sign(command.space, write, manage, &arena, err);
	if (result == 0 && !manage->known)
		result = tally_queue_run(core, &command, err);
	tally_arena_free(&arena);
	if (result != 0)
		return -1;
	if (receipt_r == NULL)
		return 0;
	if (manage->known)
		return tally_receipt_again(core, command.space, manage->journal_id, manage->digest,
					   receipt_r, err);
	tally_receipt_fill(&command, manage->journal_id, &manage->leaf, manage->digest, receipt_r);
	return 0;
}
