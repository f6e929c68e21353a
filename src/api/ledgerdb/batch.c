/*
 * AppendJournals: many journals in one POST. Its body is JSON or NDJSON, no form, so signature 1.0
 * does not cover it: ContentSHA256, which the signature covers, does.
 */
#include <stdio.h>

#include "decode.h"
#include "hash.h"
#include "reply.h"

/* Nothing is committed before the body is known to be the one that was signed. */
static int check_append_journals(struct tally_call *call, struct tally_err *err)
{
	struct tally_bytes body = tally_arg_bytes(call, "Journals");
	uint8_t hash[TALLY_HASH_SIZE];

	if (!tally_arg_given(call, "ContentSHA256"))
		return call->body_covered ? 0 :
		       tally_err_about(err, TALLY_MISSING, "ContentSHA256",
				       "the signature does not cover the body");
	tally_sha256(body.data, body.size, hash);
	if (tally_bytes_equal(tally_arg_bytes(call, "ContentSHA256"),
			      tally_bytes(hash, sizeof(hash))))
		return 0;
	return tally_err_about(err, TALLY_INVALID, "ContentSHA256",
			       "it is not the hash of the body");
}

static void add_results(struct tally_call *call, const struct tally_append_result *results,
			size_t count)
{
	struct tally_node *list = tally_add_list(call->arena, call->reply, "Receipts", "Receipt");
	size_t i;

	for (i = 0; i < count; i++) {
		struct tally_node *to = tally_add_object(call->arena, list, NULL);

		if (results[i].err.code == TALLY_OK)
			tally_reply_receipt(call, to, &results[i].receipt);
		else
			tally_fault_add(call->arena, to, &results[i].err);
	}
}

/*
 * The core takes one entry for a journal on its own: its token would be the batch's, not token#0,
 * and its errors would not say which journal. A batch of one is a batch all the same, or a stream
 * cut into batches could not be resumed at another place.
 */
static void make_batch_of_one(struct tally_call *call, struct tally_entry *entry)
{
	struct tally_bytes token = call->write.token;

	if (entry->token.size == 0 && token.size > 0)
		entry->token = tally_bytes_str(tally_arena_printf(
			call->arena, "%.*s#0", (int)token.size, (const char *)token.data));
}

static void name_first(struct tally_err *err)
{
	char subject[sizeof(err->subject)];

	if (err->code != TALLY_INVALID || strncmp(err->subject, "Journals", 8) == 0)
		return;
	snprintf(subject, sizeof(subject), "Journals.0%s%.80s",
		 err->subject[0] != '\0' ? "." : "", err->subject);
	memcpy(err->subject, subject, sizeof(subject));
}

static int append_journals(struct tally_call *call, struct tally_err *err)
{
	struct tally_bytes body = tally_arg_bytes(call, "Journals");
	bool atomic = tally_arg_bool(call, "Atomic", true);
	struct tally_batch_rules rules = { .lines = tally_arg_lines(call, "Journals"),
					   .each = !atomic,
					   .most = tally_core_batch_limit(call->core) };
	struct tally_append_result *results;
	struct tally_entry *entries;
	size_t count;

	if (tally_json_entries(call->arena, body, &rules, &entries, &count, err) < 0)
		return -1;
	if (count == 1)
		make_batch_of_one(call, entries);
	results = tally_arena_array(call->arena, struct tally_append_result, count);
	if (tally_append(call->core, &call->write, tally_arg_bytes(call, "LedgerId"), entries,
			 count, atomic, results, err) < 0) {
		if (count == 1)
			name_first(err);
		return -1;
	}
	if (count == 1)
		name_first(&results[0].err);
	tally_add_uint(call->arena, call->reply, "Count", count);
	tally_reply_signed_batch(call, results, count);
	add_results(call, results, count);
	return 0;
}

static const struct tally_param append_journals_params[] = {
	LEDGER_ID_PARAM,
	{ .name = "Atomic", .type = PARAM_BOOL, .fallback = "true", .example = "true",
	  .help = "true: all or none, in one block of at most 8 MiB; false: an outcome for each." },
	{ .name = "ClientToken", .type = PARAM_TOKEN,
	  .example = "123e4567-e89b-12d3-a456-426655440000",
	  .help = "Journal i of the batch has the token ClientToken#i, so a repeated batch appends "
		  "nothing twice." },
	{ .name = "ContentSHA256", .type = PARAM_HASH,
	  .example = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
	  .help = "SHA-256 of the body, hex; required with signature 1.0." },
	STATE_ROOT_PARAM,
	{ .name = "Journals", .type = PARAM_BODY, .required = true,
	  .example = "[{\"Payload\":\"one\",\"Clues\":[\"clue1\"]},{\"PayloadBase64\":\"dHdv\"}]",
	  .help = "The body: a JSON array (application/json) or one object a line "
		  "(application/x-ndjson) with Payload or PayloadBase64, Clues, ClientId, "
		  "ClientToken, and the members of a member's signature as AppendJournal has them." },
	PARAM_END
};

static const struct tally_reply_field append_journals_reply[] = {
	{ "Count", NODE_UINT, false, "Journals of the batch." },
	SIGNED_ROWS,
	{ "RangeProof", NODE_OBJECT, true,
	  "One proof for all journals of the batch in the Checkpoint's tree; not there where their "
	  "numbers do not follow one another." },
	{ "RangeProof.FirstJournalId", NODE_TEXT, false, "The first of them." },
	{ "RangeProof.Count", NODE_UINT, false, "How many they are." },
	{ "RangeProof.Hashes", NODE_LIST, false,
	  "From the leaves up; on each level the hash left of the range, then the one right of it." },
	{ "RangeProof.Hashes[Hash]", NODE_TEXT, true, "A hash, hex." },
	{ "Receipts", NODE_LIST, false, "One for each journal, in the order of the batch." },
	{ "Receipts[Receipt]", NODE_OBJECT, true,
	  "A receipt, or Code and Message where that journal was refused." },
	RECEIPT_ROWS("Receipts[Receipt]."),
	{ "Receipts[Receipt].Code", NODE_TEXT, true, "Why it was refused (Atomic=false only)." },
	{ "Receipts[Receipt].Message", NODE_TEXT, true, "The same in words." },
	REPLY_END
};

const struct tally_action tally_action_append_journals = {
	.name = "AppendJournals",
	.family = FAMILY_LEDGERDB,
	.summary = "Append many journals in one request.",
	.methods = METHOD_POST,
	.kind = ACTION_WRITE,
	.need = PERM_APPEND,
	.params = append_journals_params,
	.reply = append_journals_reply,
	.check = check_append_journals,
	.run = append_journals,
};
