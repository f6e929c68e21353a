/*
 * Time anchors: made by an authority's stamp or kept as given, listed, looked up in the time
 * ledger, and what of them bounds one journal in time.
 */
#include <inttypes.h>
#include <stdio.h>

#include "reply.h"
#include "tsp.h"

#define SECONDS_MAX 253402300799	/* the year 9999 */

static struct tally_bytes ledger_of(const struct tally_call *call)
{
	return tally_arg_bytes(call, "LedgerId");
}

static int not_found(struct tally_err *err, const char *what, uint64_t number)
{
	char subject[sizeof(err->subject)];

	snprintf(subject, sizeof(subject), "%s %" PRIu64, what, number);
	return tally_err_about(err, TALLY_NOTFOUND, subject, "there is no such one");
}

/* ---- CreateTimeAnchor ---- */

static int check_create_time_anchor(struct tally_call *call, struct tally_err *err)
{
	bool time = tally_arg_given(call, "TimeStamp"), proof = tally_arg_given(call, "Proof");

	if (time == proof)
		return 0;
	return tally_err_about(err, TALLY_MISSING, time ? "Proof" : "TimeStamp",
			       "a certificate has a time and a proof");
}

static int create_time_anchor(struct tally_call *call, struct tally_err *err)
{
	struct tally_append_result result = { .err.code = TALLY_OK };
	struct tally_anchor anchor;
	int done;

	done = tally_arg_given(call, "Proof") ?
		       tally_anchor_give(call->core, &call->write, ledger_of(call),
					 tally_arg_uint(call, "TimeStamp", 0),
					 tally_arg_bytes(call, "Proof"), &result.receipt, err) :
		       tally_anchor_create(call->core, &call->write, ledger_of(call),
					   &result.receipt, err);
	if (done != 0)
		return -1;
	tally_reply_signed_receipt(call, &result);
	/* it is there; that it cannot be read back is no reason to say that it was not made */
	if (tally_anchor_get(call->core, ledger_of(call), result.receipt.journal_id, call->arena,
			     &anchor, err) == 1)
		tally_reply_anchor(call, tally_add_object(call->arena, call->reply, "TimeAnchor"),
				   &anchor);
	return 0;
}

static const struct tally_param create_time_anchor_params[] = {
	LEDGER_ID_PARAM,
	{ .name = "TimeStamp", .type = PARAM_UINT, .max = SECONDS_MAX, .example = "1587515659",
	  .help = "Of a certificate that you got elsewhere: its time, seconds. It and Proof are kept as "
		  "they are; nothing is checked. Without both the server has the ledger stamped now." },
	{ .name = "Proof", .type = PARAM_RAW, .min = 1, .max = 32768,
	  .example = "{\"serial\":\"0042\"}", .help = "The certificate itself, any text." },
	{ .name = "ClientToken", .type = PARAM_TOKEN,
	  .example = "123e4567-e89b-12d3-a456-426655440000",
	  .help = "The same token again gives the same anchor; up to 64 ASCII characters." },
	STATE_ROOT_PARAM,
	PARAM_END
};

static const struct tally_reply_field create_time_anchor_reply[] = {
	RECEIPT_ROWS(""),
	PROVED_ROWS,
	SIGNED_ROWS,
	{ "TimeAnchor", NODE_OBJECT, true, "The anchor." },
	ANCHOR_ROWS("TimeAnchor."),
	REPLY_END
};

const struct tally_action tally_action_create_time_anchor = {
	.name = "CreateTimeAnchor",
	.family = FAMILY_LEDGERDB,
	.summary = "Have a time-stamp authority stamp the ledger, and journal the stamp.",
	.methods = METHOD_GET | METHOD_POST,
	.kind = ACTION_WRITE,
	.need = PERM_CREATE_TIMEANCHOR,
	.params = create_time_anchor_params,
	.reply = create_time_anchor_reply,
	.check = check_create_time_anchor,
	.run = create_time_anchor,
};

/* ---- GetLastTimeAnchor ---- */

static int get_last_time_anchor(struct tally_call *call, struct tally_err *err)
{
	struct tally_anchor anchor;
	int found = tally_anchor_last(call->core, ledger_of(call), call->arena, &anchor, err);

	if (found == 1)
		tally_reply_anchor(call, tally_add_object(call->arena, call->reply, "TimeAnchor"),
				   &anchor);
	return found < 0 ? -1 : 0;
}

static const struct tally_param ledger_params[] = { LEDGER_ID_PARAM, PARAM_END };

static const struct tally_reply_field get_last_time_anchor_reply[] = {
	{ "TimeAnchor", NODE_OBJECT, true, "The newest anchor; absent: there is none." },
	ANCHOR_ROWS("TimeAnchor."),
	REPLY_END
};

const struct tally_action tally_action_get_last_time_anchor = {
	.name = "GetLastTimeAnchor",
	.family = FAMILY_LEDGERDB,
	.summary = "Return the newest time anchor of a ledger.",
	.methods = METHOD_GET | METHOD_POST,
	.kind = ACTION_READ,
	.need = PERM_VIEW_TIMEANCHOR,
	.params = ledger_params,
	.reply = get_last_time_anchor_reply,
	.run = get_last_time_anchor,
};

/* ---- ListTimeAnchors ---- */

static struct tally_bytes list_scope(struct tally_call *call)
{
	struct tally_bytes ledger = ledger_of(call);
	const char *text = tally_arena_printf(call->arena, "ListTimeAnchors %.*s %d",
					      (int)ledger.size, (const char *)ledger.data,
					      tally_arg_bool(call, "Reverse", false));

	return tally_bytes_str(text);
}

static int list_time_anchors(struct tally_call *call, struct tally_err *err)
{
	struct tally_bytes token = tally_arg_bytes(call, "NextToken"), position;
	uint64_t limit = tally_arg_uint(call, "MaxResults", 10);
	bool reverse = tally_arg_bool(call, "Reverse", false);
	uint64_t from = reverse ? UINT64_MAX : 0;
	struct tally_anchor_page page;
	struct tally_node *list;
	uint8_t cursor[8];
	size_t i;

	if (token.size > 0) {
		if (tally_next_open(call, list_scope(call), token, &position, err) < 0)
			return -1;
		from = tally_get_u64(position.data);	/* we made it: 8 bytes */
	}
	if (tally_anchor_list(call->core, ledger_of(call), from, reverse, limit, call->arena, &page,
			      err) != 0)
		return -1;
	tally_put_u64(cursor, page.cursor);
	tally_add_str(call->arena, call->reply, "NextToken",
		      page.more ? tally_next_token(call, list_scope(call),
						   tally_bytes(cursor, sizeof(cursor))) : "");
	tally_add_uint(call->arena, call->reply, "MaxResults", limit);
	list = tally_add_list(call->arena, call->reply, "TimeAnchors", "TimeAnchor");
	for (i = 0; i < page.count; i++)
		tally_reply_anchor(call, tally_add_object(call->arena, list, NULL),
				   &page.anchors[i]);
	return 0;
}

static const struct tally_param list_time_anchors_params[] = {
	LEDGER_ID_PARAM,
	{ .name = "Reverse", .type = PARAM_BOOL, .fallback = "false", .example = "false",
	  .help = "Newest first." },
	{ .name = "NextToken", .type = PARAM_NEXT, .example = "",
	  .help = "From the page before, in the same order; empty or absent: from the start." },
	{ .name = "MaxResults", .type = PARAM_UINT, .min = 1, .max = 1024, .fallback = "10",
	  .example = "100", .help = "Anchors of a page." },
	PARAM_END
};

static const struct tally_reply_field list_time_anchors_reply[] = {
	{ "NextToken", NODE_TEXT, false, "For the next page; empty: there is none." },
	{ "MaxResults", NODE_UINT, false, "As asked." },
	{ "TimeAnchors", NODE_LIST, false, "Time anchors of the ledger." },
	{ "TimeAnchors[TimeAnchor]", NODE_OBJECT, true, "A time anchor." },
	ANCHOR_ROWS("TimeAnchors[TimeAnchor]."),
	REPLY_END
};

const struct tally_action tally_action_list_time_anchors = {
	.name = "ListTimeAnchors",
	.family = FAMILY_LEDGERDB,
	.summary = "Page through the time anchors of a ledger.",
	.methods = METHOD_GET | METHOD_POST,
	.kind = ACTION_READ,
	.need = PERM_VIEW_TIMEANCHOR,
	.params = list_time_anchors_params,
	.reply = list_time_anchors_reply,
	.run = list_time_anchors,
};

/* ---- DescribeTSA ---- */

static int describe_tsa(struct tally_call *call, struct tally_err *err)
{
	uint64_t sequence = tally_arg_uint(call, "SequenceWithinLedger", 0);
	struct tally_arena *arena = call->arena;
	char *id = tally_arena_alloc(arena, TALLY_LEDGER_ID_SIZE + 1);
	struct tally_anchor anchor;
	struct tally_node *to;
	int found = tally_anchor_stamp(call->core, sequence, arena, id, &anchor, err);

	if (found != 1)
		return found < 0 ? -1 : not_found(err, "Time stamp", sequence);
	to = tally_add_object(arena, call->reply, "TSADetail");
	tally_add_uint(arena, to, "TS", anchor.time_ms);
	tally_add_text(arena, to, "SN", anchor.serial);
	tally_add_hex(arena, to, "RootHash", anchor.digest.bytes, TALLY_HASH_SIZE);
	tally_add_uint(arena, to, "BlockNumber", anchor.block);
	tally_add_str(arena, to, "CTSR",
		      tally_base64_encode(arena, tally_tsp_reply_of(anchor.token, arena)));
	tally_add_text(arena, to, "Authority", anchor.authority);
	tally_add_str(arena, to, "LedgerId", id);
	return 0;
}

static const struct tally_param describe_tsa_params[] = {
	{ .name = "SequenceWithinLedger", .type = PARAM_UINT, .required = true, .min = 1,
	  .max = INT64_MAX, .example = "49998",
	  .help = "Journal of the time ledger: the sequence in a time anchor's Proof." },
	PARAM_END
};

static const struct tally_reply_field describe_tsa_reply[] = {
	{ "TSADetail", NODE_OBJECT, false, "The time stamp." },
	{ "TSADetail.TS", NODE_UINT, false, "Its time, milliseconds." },
	{ "TSADetail.SN", NODE_TEXT, false, "Its serial number, hex." },
	{ "TSADetail.RootHash", NODE_TEXT, false,
	  "What was stamped, hex: the root of a tree (RFC 6962) whose leaves are texts of checkpoints." },
	{ "TSADetail.BlockNumber", NODE_UINT, false, "Block of the time ledger that holds it." },
	{ "TSADetail.CTSR", NODE_TEXT, false,
	  "The time-stamp response (RFC 3161), DER in base64; openssl ts -verify reads it." },
	{ "TSADetail.Authority", NODE_TEXT, false, "Name in the authority's certificate." },
	{ "TSADetail.LedgerId", NODE_TEXT, false, "The time ledger." },
	REPLY_END
};

const struct tally_action tally_action_describe_tsa = {
	.name = "DescribeTSA",
	.family = FAMILY_LEDGERDB,
	.summary = "Return one time stamp of the time ledger.",
	.methods = METHOD_GET | METHOD_POST,
	.kind = ACTION_READ,
	.need = PERM_ANYONE,
	.params = describe_tsa_params,
	.reply = describe_tsa_reply,
	.run = describe_tsa,
};

/* ---- GetJournalTimeProof ---- */

static void add_path(struct tally_call *call, struct tally_node *to, const char *name,
		     const struct tally_inclusion *proof)
{
	tally_add_hashes(call, to, name, proof->path, proof->path_count);
}

static struct tally_node *add_bound(struct tally_call *call, const char *name,
				    const struct tally_time_bound *bound)
{
	struct tally_node *to = tally_add_object(call->arena, call->reply, name);

	tally_add_uint(call->arena, to, "JournalSequence", bound->journal_id);
	tally_add_str(call->arena, to, "Leaf", tally_base64_encode(call->arena, bound->leaf));
	add_path(call, to, "ProofPath", &bound->proof);
	return to;
}

static int get_journal_time_proof(struct tally_call *call, struct tally_err *err)
{
	uint64_t id = tally_arg_uint(call, "JournalSequence", 0);
	struct tally_arena *arena = call->arena;
	struct tally_node *to = call->reply;
	struct tally_time_proof proof;
	int found = tally_time_prove(call->core, ledger_of(call), id, arena, &proof, err);

	if (found != 1)
		return found < 0 ? -1 : not_found(err, "Journal", id);
	tally_add_text(arena, to, "LedgerId", ledger_of(call));
	tally_add_uint(arena, to, "JournalSequence", id);
	tally_add_uint(arena, to, "TreeSize", proof.checkpoint.size);
	tally_add_hex(arena, to, "RootHash", proof.checkpoint.root.bytes, TALLY_HASH_SIZE);
	tally_add_text(arena, to, "Checkpoint", proof.checkpoint.note);
	tally_add_hex(arena, to, "JournalHash", proof.journal.hash.bytes, TALLY_HASH_SIZE);
	tally_add_str(arena, to, "Leaf", tally_base64_encode(arena, proof.journal.leaf));
	if (!proof.journal.is_data)
		tally_add_hex(arena, to, "Salt", proof.journal.salt, sizeof(proof.journal.salt));
	add_path(call, to, "ProofPath", &proof.proof);
	if (proof.has_after)
		add_bound(call, "NotBefore", &proof.after);
	if (proof.has_before)
		add_path(call, add_bound(call, "NotAfter", &proof.before), "CoverPath", &proof.cover);
	return 0;
}

static const struct tally_param get_journal_time_proof_params[] = {
	LEDGER_ID_PARAM,
	{ .name = "JournalSequence", .type = PARAM_UINT, .required = true, .max = INT64_MAX,
	  .example = "100", .help = "Number of the journal, counted from 0: its JournalId." },
	PARAM_END
};

#define BOUND_ROWS(at) \
	{ at "JournalSequence", NODE_UINT, false, "Number of the anchor's journal." }, \
	{ at "Leaf", NODE_TEXT, false, "The anchor's leaf, which has the token, in base64." }, \
	{ at "ProofPath", NODE_LIST, false, "Audit path of the anchor in the Checkpoint's tree." }, \
	{ at "ProofPath[Hash]", NODE_TEXT, true, "A hash, hex." }

static const struct tally_reply_field get_journal_time_proof_reply[] = {
	{ "LedgerId", NODE_TEXT, false, "The ledger." },
	{ "JournalSequence", NODE_UINT, false, "Number of the journal." },
	{ "TreeSize", NODE_UINT, false, "Journals of the tree that is signed." },
	{ "RootHash", NODE_TEXT, false, "Its root, hex." },
	{ "Checkpoint", NODE_TEXT, false, "The signed checkpoint (c2sp.org/tlog-checkpoint)." },
	{ "JournalHash", NODE_TEXT, false, "Merkle leaf hash, SHA-256 of a zero byte and Leaf, hex." },
	{ "Leaf", NODE_TEXT, false, "The journal's leaf, canonical JSON, in base64." },
	{ "Salt", NODE_TEXT, true,
	  "The leaf's payloadHash is SHA-256 of these 16 bytes (hex) and the payload." },
	{ "ProofPath", NODE_LIST, false, "Audit path of the journal in the Checkpoint's tree." },
	{ "ProofPath[Hash]", NODE_TEXT, true, "A hash, hex." },
	{ "NotBefore", NODE_OBJECT, true,
	  "The newest anchor before it: it was appended after that stamp. Absent: there is none." },
	BOUND_ROWS("NotBefore."),
	{ "NotAfter", NODE_OBJECT, true,
	  "The oldest anchor whose stamped tree has it: it existed before that stamp. Absent: there is "
	  "none yet." },
	BOUND_ROWS("NotAfter."),
	{ "NotAfter.CoverPath", NODE_LIST, false,
	  "Audit path of the journal in the tree that was stamped: ledgerVersion and ledgerDigest of "
	  "the anchor's leaf." },
	{ "NotAfter.CoverPath[Hash]", NODE_TEXT, true, "A hash, hex." },
	REPLY_END
};

const struct tally_action tally_action_get_journal_time_proof = {
	.name = "GetJournalTimeProof",
	.family = FAMILY_LEDGERDB,
	.summary = "Prove between which two time stamps a journal was appended.",
	.methods = METHOD_GET | METHOD_POST,
	.kind = ACTION_READ,
	.need = PERM_VIEW_JOURNAL,
	.params = get_journal_time_proof_params,
	.reply = get_journal_time_proof_reply,
	.run = get_journal_time_proof,
};
