/*
 * Proofs: the signed checkpoint of a ledger, the proof that a journal is in the tree it signs, the
 * proof that a tree grew out of an older one; and what of them goes into the receipts of appends.
 */
#include <inttypes.h>
#include <stdio.h>

#include "log.h"
#include "note.h"
#include "reply.h"

static struct tally_bytes ledger_of(const struct tally_call *call)
{
	return tally_arg_bytes(call, "LedgerId");
}

static void add_hash(struct tally_call *call, struct tally_node *to, const char *name,
		     const struct tally_hash *hash)
{
	tally_add_hex(call->arena, to, name, hash->bytes, TALLY_HASH_SIZE);
}

void tally_add_hashes(struct tally_call *call, struct tally_node *to, const char *name,
		       const struct tally_hash *hashes, size_t count)
{
	struct tally_node *list = tally_add_list(call->arena, to, name, "Hash");
	size_t i;

	for (i = 0; i < count; i++)
		add_hash(call, list, NULL, &hashes[i]);
}

static int no_ledger(struct tally_err *err)
{
	return tally_err_about(err, TALLY_NOTFOUND, "Ledger", "there is no such ledger");
}

/*
 * The newest checkpoint where one can be had: 1. 0 where the store is not to be signed for (an
 * older copy, no log key): journals are read and proved all the same, without a signature.
 */
int tally_reply_checkpoint(struct tally_call *call, struct tally_signed_checkpoint *checkpoint_r,
			   struct tally_err *err)
{
	int found = tally_ledger_checkpoint(call->core, ledger_of(call), call->arena, checkpoint_r,
					    err);

	if (found < 0 && ((err->code == TALLY_CORRUPT && strcmp(err->subject, "ReadOnly") == 0) ||
			  err->code == TALLY_UNSUPPORTED))
		return 0;
	return found == 0 ? no_ledger(err) : found;
}

/* ---- receipts ---- */

/* The first signature of a note we made: 64 bytes over its text. */
static void add_signature(struct tally_call *call, struct tally_node *to, struct tally_bytes bytes)
{
	struct tally_note note;

	if (!tally_note_parse(bytes, &note) || note.signatures[0].size == 0)
		return;
	tally_add_str(call->arena, to, "ServerSignature",
		      tally_base64_encode(call->arena, tally_bytes(note.signatures[0].bytes,
								   note.signatures[0].size)));
	tally_add_str(call->arena, to, "ServerSignatureType", "ED25519");
}

/*
 * What was appended is durable, whatever happens here: where there is no signature to be had, the
 * receipt goes out without one, and the log says why.
 */
static bool sign_receipts(struct tally_call *call, struct tally_append_result *results,
			  size_t count, struct tally_signed_checkpoint *checkpoint_r)
{
	struct tally_err err = { 0 };
	size_t i;

	if (tally_ledger_checkpoint(call->core, ledger_of(call), call->arena, checkpoint_r,
				    &err) != 1) {
		tally_log(TALLY_LOG_ERROR, "api.unsigned", "action", call->action->name,
			  "code", tally_code_name(err.code), "text", err.text, NULL);
		return false;
	}
	for (i = 0; i < count; i++) {
		results[i].receipt.tree_size = checkpoint_r->size;
		results[i].receipt.root = checkpoint_r->root;
	}
	return true;
}

static bool proof_failed(struct tally_call *call, const struct tally_err *err)
{
	tally_log(TALLY_LOG_ERROR, "api.unproved", "action", call->action->name, "code",
		  tally_code_name(err->code), "text", err->text, NULL);
	return false;
}

/* A STATE_ROOT behind what was appended, where it is asked for. That was appended whatever comes of
 * this: the log says what went wrong. */
static void bring_state_root(struct tally_call *call)
{
	struct tally_err err = { 0 };

	if (tally_arg_bool(call, "StateRoot", false) &&
	    tally_state_refresh(call->core, ledger_of(call), &err) < 0)
		tally_log(TALLY_LOG_ERROR, "api.stateroot", "action", call->action->name, "code",
			  tally_code_name(err.code), "text", err.text, NULL);
}

static void add_signed(struct tally_call *call, const struct tally_signed_checkpoint *checkpoint)
{
	if (checkpoint->state_size > 0)
		add_hash(call, call->reply, "StateRootHash", &checkpoint->state_root);
	tally_add_text(call->arena, call->reply, "Checkpoint", checkpoint->note);
	add_signature(call, call->reply, checkpoint->note);
}

void tally_reply_signed_receipt(struct tally_call *call, struct tally_append_result *result)
{
	struct tally_node *to = call->reply;
	struct tally_signed_checkpoint checkpoint;
	struct tally_inclusion proof;
	struct tally_err err = { 0 };
	bool good;

	bring_state_root(call);
	good = sign_receipts(call, result, 1, &checkpoint);
	tally_reply_receipt(call, to, &result->receipt);
	if (good && tally_journal_prove(call->core, ledger_of(call), result->receipt.journal_id,
					checkpoint.size, &proof, &err) != 1)
		good = proof_failed(call, &err);
	if (!good)
		return;
	tally_add_uint(call->arena, to, "LeafIndex", proof.journal_id);
	tally_add_hashes(call, to, "ProofPath", proof.path, proof.path_count);
	add_signed(call, &checkpoint);
}

/* The journals that were appended, if their numbers follow one another; else count 0. */
static void find_range(const struct tally_append_result *results, size_t count, uint64_t *first_r,
		       uint64_t *count_r)
{
	uint64_t found = 0, first = 0;
	size_t i;

	for (i = 0; i < count; i++) {
		if (results[i].err.code != TALLY_OK)
			continue;
		if (found == 0)
			first = results[i].receipt.journal_id;
		else if (results[i].receipt.journal_id != first + found) {
			found = 0;
			break;
		}
		found++;
	}
	*first_r = first;
	*count_r = found;
}

static void add_range(struct tally_call *call, uint64_t first, uint64_t count, uint64_t tree_size)
{
	struct tally_range_proof proof;
	struct tally_err err = { 0 };
	struct tally_node *to;

	if (tally_journals_prove(call->core, ledger_of(call), first, count, tree_size, &proof,
				 &err) != 1) {
		proof_failed(call, &err);
		return;
	}
	to = tally_add_object(call->arena, call->reply, "RangeProof");
	tally_add_uint_text(call->arena, to, "FirstJournalId", first);
	tally_add_uint(call->arena, to, "Count", count);
	tally_add_hashes(call, to, "Hashes", proof.hashes, proof.hash_count);
}

void tally_reply_signed_batch(struct tally_call *call, struct tally_append_result *results,
			      size_t count)
{
	struct tally_signed_checkpoint checkpoint;
	uint64_t first, found, i = 0;

	while (i < count && results[i].err.code != TALLY_OK)
		i++;
	if (i < count)
		bring_state_root(call);
	if (i == count || !sign_receipts(call, results, count, &checkpoint))
		return;
	add_signed(call, &checkpoint);
	find_range(results, count, &first, &found);
	if (found > 0)
		add_range(call, first, found, checkpoint.size);
}

/* ---- GetCheckpoint ---- */

static int get_checkpoint(struct tally_call *call, struct tally_err *err)
{
	struct tally_signed_checkpoint checkpoint, cosigned;
	const char *vkey;
	int found = tally_ledger_vkey(call->core, ledger_of(call), call->arena, &vkey, err), has;

	if (found == 1)
		found = tally_ledger_checkpoint(call->core, ledger_of(call), call->arena,
						&checkpoint, err);
	if (found <= 0)
		return found < 0 ? -1 : no_ledger(err);
	has = tally_ledger_cosigned(call->core, ledger_of(call), call->arena, &cosigned, err);
	if (has < 0)
		return -1;
	tally_add_text(call->arena, call->reply, "LedgerId", ledger_of(call));
	tally_add_uint(call->arena, call->reply, "TreeSize", checkpoint.size);
	add_hash(call, call->reply, "RootHash", &checkpoint.root);
	tally_add_text(call->arena, call->reply, "Checkpoint", checkpoint.note);
	if (has == 1)
		tally_add_text(call->arena, call->reply, "CosignedCheckpoint", cosigned.note);
	tally_add_str(call->arena, call->reply, "VerifierKey", vkey);
	return 0;
}

static const struct tally_param get_checkpoint_params[] = { LEDGER_ID_PARAM, PARAM_END };

static const struct tally_reply_field get_checkpoint_reply[] = {
	{ "LedgerId", NODE_TEXT, false, "The ledger." },
	{ "TreeSize", NODE_UINT, false, "Journals of the tree that is signed." },
	{ "RootHash", NODE_TEXT, false, "Its root, hex." },
	{ "Checkpoint", NODE_TEXT, false, "The signed checkpoint (c2sp.org/tlog-checkpoint)." },
	{ "CosignedCheckpoint", NODE_TEXT, true,
	  "The newest that a quorum of witnesses has cosigned (c2sp.org/tlog-cosignature); mostly of "
	  "fewer journals." },
	{ "VerifierKey", NODE_TEXT, false,
	  "The key that verifies it (c2sp.org/signed-note); compare it with one that you had "
	  "before, from elsewhere." },
	REPLY_END
};

const struct tally_action tally_action_get_checkpoint = {
	.name = "GetCheckpoint",
	.family = FAMILY_LEDGERDB,
	.summary = "Return the newest signed checkpoint of a ledger.",
	.methods = METHOD_GET | METHOD_POST,
	.kind = ACTION_READ,
	.need = PERM_VIEW_JOURNAL,
	.params = get_checkpoint_params,
	.reply = get_checkpoint_reply,
	.run = get_checkpoint,
};

/* ---- GetJournalProof ---- */

/* The path as the API has it: one text, a JSON list of hex hashes. */
static const char *path_text(struct tally_call *call, const struct tally_inclusion *proof)
{
	char *text = tally_arena_alloc(call->arena, 3 + proof->path_count *
						    (2 * TALLY_HASH_SIZE + 3)), *out = text;
	size_t i;

	*out++ = '[';
	for (i = 0; i < proof->path_count; i++) {
		if (i > 0)
			*out++ = ',';
		*out++ = '"';
		tally_hex_encode(proof->path[i].bytes, TALLY_HASH_SIZE, out);
		out += 2 * TALLY_HASH_SIZE;
		*out++ = '"';
	}
	*out++ = ']';
	*out = '\0';
	return text;
}

static void reply_proof(struct tally_call *call, const struct tally_journal *journal,
			const struct tally_inclusion *proof)
{
	struct tally_arena *arena = call->arena;
	struct tally_node *to = call->reply;

	tally_add_text(arena, to, "LedgerId", ledger_of(call));
	tally_add_uint(arena, to, "JournalSequence", journal->id);
	add_hash(call, to, "RootHash", &proof->root);
	tally_add_str(arena, to, "ProofPath", path_text(call, proof));
	tally_add_text(arena, to, "WriterPubKey", journal->author_key);
	add_hash(call, to, "JournalHash", &journal->hash);
	tally_add_str(arena, to, "Leaf", tally_base64_encode(arena, journal->leaf));
	if (!journal->is_data && !journal->removed)
		tally_add_hex(arena, to, "Salt", journal->salt, sizeof(journal->salt));
	tally_add_uint(arena, to, "LeafIndex", proof->journal_id);
	tally_add_uint(arena, to, "TreeSize", proof->tree_size);
}

static int no_journal(struct tally_err *err, uint64_t id)
{
	char subject[sizeof(err->subject)];

	snprintf(subject, sizeof(subject), "Journal %" PRIu64, id);
	return tally_err_about(err, TALLY_NOTFOUND, subject, "the ledger has no such one");
}

int tally_reply_checkpoint_of(struct tally_call *call, uint64_t size,
			      const struct tally_signed_checkpoint *newest, struct tally_err *err)
{
	struct tally_signed_checkpoint cosigned;
	int has = newest->size == 0 ? 0 :	/* nothing is signed here now */
		  tally_ledger_cosigned(call->core, ledger_of(call), call->arena, &cosigned, err);

	if (has < 0)
		return -1;
	if (has == 1 && cosigned.size == size)
		tally_add_text(call->arena, call->reply, "Checkpoint", cosigned.note);
	else if (size == newest->size)
		tally_add_text(call->arena, call->reply, "Checkpoint", newest->note);
	return 0;
}

int tally_reply_journal_proof(struct tally_call *call, uint64_t id, uint64_t size,
			      struct tally_err *err)
{
	struct tally_signed_checkpoint checkpoint = { 0 };
	struct tally_journal journal;
	struct tally_inclusion proof;
	int found = tally_journal_get(call->core, ledger_of(call), id, call->arena, &journal, err);

	if (found <= 0)
		return found < 0 ? -1 : no_journal(err, id);
	if (tally_reply_checkpoint(call, &checkpoint, err) < 0)	/* after the journal, so it is in the tree */
		return -1;
	if (size == 0)
		size = checkpoint.size;		/* 0 where none is signed: the newest */
	found = tally_journal_prove(call->core, ledger_of(call), id, size, &proof, err);
	if (found < 0)
		return -1;
	if (found == 0)
		return tally_err_about(err, TALLY_INVALID, "TreeSize",
				       "the ledger has no tree of that size with this journal");
	reply_proof(call, &journal, &proof);
	return tally_reply_checkpoint_of(call, proof.tree_size, &checkpoint, err);
}

static int get_journal_proof(struct tally_call *call, struct tally_err *err)
{
	return tally_reply_journal_proof(call, tally_arg_uint(call, "JournalSequence", 0),
					 tally_arg_uint(call, "TreeSize", 0), err);
}

static const struct tally_param get_journal_proof_params[] = {
	LEDGER_ID_PARAM,
	{ .name = "JournalSequence", .type = PARAM_UINT, .required = true, .max = INT64_MAX,
	  .example = "100", .help = "Number of the journal, counted from 0: its JournalId." },
	{ .name = "TreeSize", .type = PARAM_UINT, .min = 1, .max = INT64_MAX, .example = "1000",
	  .help = "Prove it in the tree of so many journals; absent: in the newest signed one." },
	PARAM_END
};

static const struct tally_reply_field get_journal_proof_reply[] = {
	JOURNAL_PROOF_ROWS(""),
	REPLY_END
};

const struct tally_action tally_action_get_journal_proof = {
	.name = "GetJournalProof",
	.family = FAMILY_LEDGERDB,
	.summary = "Prove that a journal is in the ledger.",
	.methods = METHOD_GET | METHOD_POST,
	.kind = ACTION_READ,
	.need = PERM_VIEW_JOURNAL,
	.params = get_journal_proof_params,
	.reply = get_journal_proof_reply,
	.run = get_journal_proof,
};

/* ---- GetConsistencyProof ---- */

static int get_consistency_proof(struct tally_call *call, struct tally_err *err)
{
	uint64_t old_size = tally_arg_uint(call, "OldSize", 0);
	uint64_t new_size = tally_arg_uint(call, "NewSize", 0);
	struct tally_signed_checkpoint checkpoint = { 0 };
	struct tally_consistency proof;
	int found;

	if (tally_reply_checkpoint(call, &checkpoint, err) < 0)
		return -1;
	found = tally_ledger_prove(call->core, ledger_of(call), old_size,
				   new_size != 0 ? new_size : checkpoint.size, &proof, err);
	if (found < 0)
		return -1;
	if (found == 0)
		return tally_err_about(err, TALLY_INVALID, new_size != 0 ? "NewSize" : "OldSize",
				       "the ledger has no such trees");
	tally_add_text(call->arena, call->reply, "LedgerId", ledger_of(call));
	tally_add_uint(call->arena, call->reply, "OldSize", proof.old_size);
	add_hash(call, call->reply, "OldRootHash", &proof.old_root);
	tally_add_uint(call->arena, call->reply, "NewSize", proof.new_size);
	add_hash(call, call->reply, "NewRootHash", &proof.new_root);
	tally_add_hashes(call, call->reply, "Proof", proof.proof, proof.proof_count);
	if (proof.new_size == checkpoint.size)
		tally_add_text(call->arena, call->reply, "Checkpoint", checkpoint.note);
	return 0;
}

static const struct tally_param get_consistency_proof_params[] = {
	LEDGER_ID_PARAM,
	{ .name = "OldSize", .type = PARAM_UINT, .required = true, .max = INT64_MAX,
	  .example = "1000", .help = "Journals of the older tree." },
	{ .name = "NewSize", .type = PARAM_UINT, .min = 1, .max = INT64_MAX, .example = "2000",
	  .help = "Journals of the newer tree; absent: the newest signed one." },
	PARAM_END
};

static const struct tally_reply_field get_consistency_proof_reply[] = {
	{ "LedgerId", NODE_TEXT, false, "The ledger." },
	{ "OldSize", NODE_UINT, false, "Journals of the older tree." },
	{ "OldRootHash", NODE_TEXT, false, "Its root, hex; compare it with the one you kept." },
	{ "NewSize", NODE_UINT, false, "Journals of the newer tree." },
	{ "NewRootHash", NODE_TEXT, false, "Its root, hex." },
	{ "Proof", NODE_LIST, false, "That the newer tree begins with the older (RFC 9162 2.1.4)." },
	{ "Proof[Hash]", NODE_TEXT, true, "A hash, hex." },
	{ "Checkpoint", NODE_TEXT, true,
	  "The signed checkpoint of the newer tree, where it is the newest signed one." },
	REPLY_END
};

const struct tally_action tally_action_get_consistency_proof = {
	.name = "GetConsistencyProof",
	.family = FAMILY_LEDGERDB,
	.summary = "Prove that a tree grew out of an older one.",
	.methods = METHOD_GET | METHOD_POST,
	.kind = ACTION_READ,
	.need = PERM_VIEW_JOURNAL,
	.params = get_consistency_proof_params,
	.reply = get_consistency_proof_reply,
	.run = get_consistency_proof,
};
