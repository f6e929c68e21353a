/*
 * Trust points: up to where a ledger was verified, and the proof that what is there now grew out of
 * that. (Who remembers a checkpoint of his own asks GetConsistencyProof.)
 */
#include "reply.h"

static struct tally_bytes ledger_of(const struct tally_call *call)
{
	return tally_arg_bytes(call, "LedgerId");
}

/* ---- SetTrustPoint ---- */

static int set_trust_point(struct tally_call *call, struct tally_err *err)
{
	struct tally_append_result result = { .err.code = TALLY_OK };

	if (tally_trust_point_set(call->core, &call->write, ledger_of(call),
				  tally_arg_uint(call, "JournalId", 0), &result.receipt, err) != 0)
		return -1;
	tally_reply_signed_receipt(call, &result);
	return 0;
}

static const struct tally_param set_trust_point_params[] = {
	LEDGER_ID_PARAM,
	{ .name = "JournalId", .type = PARAM_UINT, .required = true, .max = INT64_MAX,
	  .example = "100", .help = "The last journal up to which the ledger was verified." },
	{ .name = "ClientToken", .type = PARAM_TOKEN,
	  .example = "123e4567-e89b-12d3-a456-426655440000",
	  .help = "The same token again gives the same journal; up to 64 ASCII characters." },
	STATE_ROOT_PARAM,
	PARAM_END
};

static const struct tally_reply_field set_trust_point_reply[] = {
	RECEIPT_ROWS(""),
	PROVED_ROWS,
	SIGNED_ROWS,
	REPLY_END
};

const struct tally_action tally_action_set_trust_point = {
	.name = "SetTrustPoint",
	.family = FAMILY_LEDGERDB,
	.summary = "Say up to which journal the ledger was verified.",
	.methods = METHOD_GET | METHOD_POST,
	.kind = ACTION_WRITE,
	.need = PERM_UPDATE_TRUSTPOINT,
	.params = set_trust_point_params,
	.reply = set_trust_point_reply,
	.run = set_trust_point,
};

/* ---- GetTrustPoint ---- */

/* The tree up to the trust point, and that the newest signed one grew out of it. */
static int add_growth(struct tally_call *call, uint64_t size, struct tally_err *err)
{
	struct tally_signed_checkpoint checkpoint = { 0 };
	struct tally_arena *arena = call->arena;
	struct tally_consistency proof;
	int found = tally_reply_checkpoint(call, &checkpoint, err);

	if (found < 0)
		return -1;
	found = tally_ledger_prove(call->core, ledger_of(call), size, checkpoint.size, &proof, err);
	if (found != 1)
		return found < 0 ? -1 : tally_err_set(err, TALLY_CORRUPT, "no tree of the trust point");
	tally_add_uint(arena, call->reply, "TreeSize", proof.old_size);
	tally_add_hex(arena, call->reply, "RootHash", proof.old_root.bytes, TALLY_HASH_SIZE);
	tally_add_uint(arena, call->reply, "NewSize", proof.new_size);
	tally_add_hex(arena, call->reply, "NewRootHash", proof.new_root.bytes, TALLY_HASH_SIZE);
	tally_add_hashes(call, call->reply, "Proof", proof.proof, proof.proof_count);
	if (checkpoint.size > 0)
		tally_add_text(arena, call->reply, "Checkpoint", checkpoint.note);
	return 0;
}

static int get_trust_point(struct tally_call *call, struct tally_err *err)
{
	struct tally_arena *arena = call->arena;
	struct tally_trust_point point;
	struct tally_journal journal;
	int found = tally_trust_point_get(call->core, ledger_of(call), &point, err);

	if (found != 1)
		return found < 0 ? -1 : 0;	/* none is set: nothing is said of it */
	found = tally_journal_get(call->core, ledger_of(call), point.journal_id, arena, &journal, err);
	if (found != 1)
		return found < 0 ? -1 : tally_err_set(err, TALLY_CORRUPT, "no journal of the trust point");
	if (tally_shape_docs(call))
		tally_add_uint(arena, call->reply, "JournalId", point.journal_id);
	else
		tally_add_uint_text(arena, call->reply, "JournalId", point.journal_id);
	tally_add_uint_text(arena, call->reply, "SetBy", point.set_by);
	tally_add_uint(arena, call->reply, "Timestamp", point.time_ms);
	tally_reply_journal(call, tally_add_object(arena, call->reply, "Journal"), &journal);
	return add_growth(call, point.journal_id + 1, err);
}

static const struct tally_param ledger_params[] = { LEDGER_ID_PARAM, PARAM_END };

static const struct tally_reply_field get_trust_point_reply[] = {
	{ "JournalId", NODE_TEXT, true, "The trust point. Absent, as all below: none was set." },
	{ "SetBy", NODE_TEXT, true, "The journal that set it." },
	{ "Timestamp", NODE_UINT, true, "Time of that, milliseconds." },
	{ "Journal", NODE_OBJECT, true, "The journal that is the trust point." },
	JOURNAL_ROWS("Journal."),
	{ "TreeSize", NODE_UINT, true, "Journals up to the trust point, itself included." },
	{ "RootHash", NODE_TEXT, true, "Root of their log tree, hex; compare it with the one you kept." },
	{ "NewSize", NODE_UINT, true, "Journals of the newest tree." },
	{ "NewRootHash", NODE_TEXT, true, "Its root, hex." },
	{ "Proof", NODE_LIST, true, "That the newest tree begins with that one (RFC 9162 2.1.4)." },
	{ "Proof[Hash]", NODE_TEXT, true, "A hash, hex." },
	{ "Checkpoint", NODE_TEXT, true, "The signed checkpoint of the newest tree." },
	REPLY_END
};

const struct tally_action tally_action_get_trust_point = {
	.name = "GetTrustPoint",
	.family = FAMILY_LEDGERDB,
	.summary = "Return up to where the ledger was verified, and the proof of its growth since.",
	.methods = METHOD_GET | METHOD_POST,
	.kind = ACTION_READ,
	.need = PERM_VIEW_TRUSTPOINT,
	.params = ledger_params,
	.reply = get_trust_point_reply,
	.run = get_trust_point,
};
