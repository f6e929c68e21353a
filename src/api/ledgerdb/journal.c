/* Actions on journals: append one, get, list, exist; and the block that holds them. */
#include <inttypes.h>
#include <stdio.h>

#include "reply.h"
#include "signing_args.h"

#define PAGE_BYTES (4 << 20)	/* a page also ends at so much payload */

static int not_found(struct tally_err *err, const char *what, uint64_t number)
{
	char subject[sizeof(err->subject)];

	snprintf(subject, sizeof(subject), "%s %" PRIu64, what, number);
	return tally_err_about(err, TALLY_NOTFOUND, subject, "the ledger has no such one");
}

/* ---- AppendJournal ---- */

/* The core speaks of "Journals.0.Payload"; here the parameter is Payload. */
static int own_subject(struct tally_err *err)
{
	static const char prefix[] = "Journals.0.";
	size_t size = sizeof(prefix) - 1;

	if (strncmp(err->subject, prefix, size) == 0)
		memmove(err->subject, err->subject + size, strlen(err->subject + size) + 1);
	return -1;
}

static int check_append_journal(struct tally_call *call, struct tally_err *err)
{
	bool text = tally_arg_given(call, "Payload");
	bool base64 = tally_arg_given(call, "PayloadBase64");

	if (!text && !base64)
		return tally_err_about(err, TALLY_MISSING, "Payload", "there is nothing to append");
	if (text && base64)
		return tally_err_about(err, TALLY_INVALID, "PayloadBase64",
				       "Payload was given too");
	return 0;
}

static int append_journal(struct tally_call *call, struct tally_err *err)
{
	bool text = tally_arg_given(call, "Payload");
	struct tally_entry entry = {
		.payload = tally_arg_bytes(call, text ? "Payload" : "PayloadBase64"),
		.client_id = tally_arg_bytes(call, "ClientId"),
		.token = tally_arg_bytes(call, "ClientToken"),
	};
	struct tally_append_result result;
	struct tally_signing *signing;

	entry.clue_count = tally_arg_list(call, "Clues", &entry.clues);
	if (tally_signing_args(call, &signing, err) != 0)
		return -1;
	entry.signing = signing;
	if (tally_append(call->core, &call->write, tally_arg_bytes(call, "LedgerId"), &entry, 1,
			 true, &result, err) < 0)
		return own_subject(err);
	tally_reply_signed_receipt(call, &result);
	return 0;
}

static const struct tally_param append_journal_params[] = {
	LEDGER_ID_PARAM,
	{ .name = "Payload", .type = PARAM_RAW, .example = "{\"a\":1}",
	  .help = "The record as UTF-8 text; this or PayloadBase64." },
	{ .name = "PayloadBase64", .type = PARAM_BASE64, .example = "eyJhIjoxfQ==",
	  .help = "The record as base64, any bytes." },
	{ .name = "Clues", .type = PARAM_LIST, .max = 32, .example = "[\"clue1\",\"clue2\"]",
	  .help = "Up to 32 clues of up to 128 bytes: Clues.1, Clues.2 ... or a JSON list." },
	{ .name = "ClientId", .type = PARAM_TEXT, .min = 1, .max = 128, .example = "till-7",
	  .help = "Name of the writing program, kept with the journal." },
	{ .name = "ClientToken", .type = PARAM_TOKEN,
	  .example = "123e4567-e89b-12d3-a456-426655440000",
	  .help = "The same token again gives the same journal; up to 64 ASCII characters." },
	STATE_ROOT_PARAM,
	SIGNING_PARAMS,
	PARAM_END
};

static const struct tally_reply_field append_journal_reply[] = {
	RECEIPT_ROWS(""),
	PROVED_ROWS,
	SIGNED_ROWS,
	REPLY_END
};

const struct tally_action tally_action_append_journal = {
	.name = "AppendJournal",
	.family = FAMILY_LEDGERDB,
	.summary = "Append one journal and get its receipt.",
	.methods = METHOD_GET | METHOD_POST,
	.kind = ACTION_WRITE,
	.need = PERM_APPEND,
	.params = append_journal_params,
	.reply = append_journal_reply,
	.example = "Payload Clues",
	.check = check_append_journal,
	.run = append_journal,
};

/* ---- GetJournal ---- */

static int get_journal(struct tally_call *call, struct tally_err *err)
{
	uint64_t id = tally_arg_uint(call, "JournalId", 0);
	struct tally_journal journal;
	int found = tally_journal_get(call->core, tally_arg_bytes(call, "LedgerId"), id,
				      call->arena, &journal, err);

	if (found <= 0)
		return found < 0 ? -1 : not_found(err, "Journal", id);
	tally_reply_journal(call, tally_add_object(call->arena, call->reply, "Journal"), &journal);
	return 0;
}

static const struct tally_param get_journal_params[] = {
	LEDGER_ID_PARAM,
	{ .name = "JournalId", .type = PARAM_UINT, .required = true, .max = INT64_MAX,
	  .example = "100", .help = "Number of the journal, counted from 0." },
	PARAM_END
};

static const struct tally_reply_field get_journal_reply[] = {
	{ "Journal", NODE_OBJECT, false, "The journal." },
	JOURNAL_ROWS("Journal."),
	REPLY_END
};

const struct tally_action tally_action_get_journal = {
	.name = "GetJournal",
	.family = FAMILY_LEDGERDB,
	.summary = "Return one journal.",
	.methods = METHOD_GET | METHOD_POST,
	.kind = ACTION_READ,
	.need = PERM_VIEW_JOURNAL,
	.params = get_journal_params,
	.reply = get_journal_reply,
	.run = get_journal,
};

/* ---- ListJournals ---- */

static const char *const payload_types[] = {
	"CUSTOM", "CREATE_LEDGER", "DELETE_LEDGER", "UPDATE_LEDGER", "CREATE_MEMBER",
	"DELETE_MEMBER", "UPDATE_MEMBER_KEY", "UPDATE_MEMBER_PERMISSIONS", "ENABLE_MEMBER",
	"DISABLE_MEMBER", "SET_TRUST_POINT", "CREATE_TIMEANCHOR", "KV_SET", "KV_DELETE",
	"STATE_ROOT", "OCCULT", "PURGE", "DATASHARE", NULL
};

/* All that decides what a listing holds, in an unambiguous form: a token is good for it alone. */
static struct tally_bytes list_scope(struct tally_call *call,
				     const struct tally_journal_query *query)
{
	struct tally_bytes ledger = tally_arg_bytes(call, "LedgerId");
	const char *text = tally_arena_printf(
		call->arena, "ListJournals %.*s %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64
		" %d %zu %zu %zu ", (int)ledger.size, (const char *)ledger.data, query->start_id,
		query->end_id, query->start_ms, query->end_ms, query->reverse, query->clue.size,
		query->member_id.size, query->payload_type.size);
	const struct tally_bytes parts[] = {
		tally_bytes_str(text), query->clue, query->member_id, query->payload_type
	};
	size_t size = parts[0].size + parts[1].size + parts[2].size + parts[3].size, i;
	uint8_t *scope = tally_arena_alloc(call->arena, size + 1), *out = scope;

	for (i = 0; i < 4; i++) {
		if (parts[i].size > 0)
			memcpy(out, parts[i].data, parts[i].size);
		out += parts[i].size;
	}
	return tally_bytes(scope, size);
}

static int open_cursor(struct tally_call *call, struct tally_journal_query *query,
		       struct tally_err *err)
{
	struct tally_bytes token = tally_arg_bytes(call, "NextToken"), position;

	if (token.size == 0)
		return 0;
	if (tally_next_open(call, list_scope(call, query), token, &position, err) < 0)
		return -1;
	query->has_cursor = true;
	query->cursor = tally_get_u64(position.data);	/* we made it: 8 bytes */
	return 0;
}

static const char *close_cursor(struct tally_call *call, const struct tally_journal_query *query,
				const struct tally_journal_page *page)
{
	uint8_t position[8];

	if (!page->more)
		return "";
	tally_put_u64(position, page->cursor);
	return tally_next_token(call, list_scope(call, query),
				tally_bytes(position, sizeof(position)));
}

static int list_journals(struct tally_call *call, struct tally_err *err)
{
	struct tally_journal_query query = {
		.clue = tally_arg_bytes(call, "Clue"),
		.member_id = tally_arg_bytes(call, "MemberId"),
		.payload_type = tally_arg_bytes(call, "PayloadType"),
		.start_id = tally_arg_uint(call, "StartJournalId", 0),
		.end_id = tally_arg_uint(call, "EndJournalId", UINT64_MAX),
		.start_ms = tally_arg_uint(call, "StartTime", 0),
		.end_ms = tally_arg_uint(call, "EndTime", UINT64_MAX),
		.reverse = tally_arg_bool(call, "Reverse", false),
		.limit = tally_arg_uint(call, "MaxResults", 1024),
		.byte_limit = PAGE_BYTES,
	};
	struct tally_journal_page page;
	struct tally_node *list;
	size_t i;

	if (open_cursor(call, &query, err) < 0 ||
	    tally_journal_list(call->core, tally_arg_bytes(call, "LedgerId"), &query, call->arena,
			       &page, err) < 0)
		return -1;
	tally_add_str(call->arena, call->reply, "NextToken", close_cursor(call, &query, &page));
	tally_add_uint(call->arena, call->reply, "MaxResults", query.limit);
	list = tally_add_list(call->arena, call->reply, "Journals", "Journal");
	for (i = 0; i < page.count; i++)
		tally_reply_journal(call, tally_add_object(call->arena, list, NULL),
				    &page.journals[i]);
	return 0;
}

static const struct tally_param list_journals_params[] = {
	LEDGER_ID_PARAM,
	{ .name = "Clue", .type = PARAM_RAW, .min = 1, .max = 128, .example = "clue1",
	  .help = "Only journals with this clue." },
	{ .name = "MemberId", .type = PARAM_MEMBER_ID, .example = "m-04389ec1075443bc04389ec107",
	  .help = "Only journals written by this member." },
	{ .name = "PayloadType", .type = PARAM_ENUM, .choices = payload_types, .example = "CUSTOM",
	  .help = "Only journals of this type." },
	{ .name = "StartJournalId", .type = PARAM_UINT, .max = INT64_MAX, .example = "1",
	  .help = "Only journals from this number on." },
	{ .name = "EndJournalId", .type = PARAM_UINT, .max = INT64_MAX, .example = "1000",
	  .help = "Only journals up to this number, itself included." },
	{ .name = "StartTime", .type = PARAM_UINT, .max = INT64_MAX, .example = "1587090122155",
	  .help = "Only journals from this time on, milliseconds." },
	{ .name = "EndTime", .type = PARAM_UINT, .max = INT64_MAX, .example = "1587515659345",
	  .help = "Only journals up to this time, itself included, milliseconds." },
	{ .name = "Reverse", .type = PARAM_BOOL, .fallback = "false", .example = "false",
	  .help = "Newest first." },
	{ .name = "NextToken", .type = PARAM_NEXT, .example = "",
	  .help = "From the page before, with the same filters; empty or absent: from the start." },
	{ .name = "MaxResults", .type = PARAM_UINT, .min = 1, .max = 1024, .fallback = "1024",
	  .example = "100", .help = "Journals of a page; it also ends at 4 MiB of payload." },
	PARAM_END
};

static const struct tally_reply_field list_journals_reply[] = {
	{ "NextToken", NODE_TEXT, false, "For the next page; empty: there is none." },
	{ "MaxResults", NODE_UINT, false, "As asked." },
	{ "Journals", NODE_LIST, false, "Journals for which all filters hold." },
	{ "Journals[Journal]", NODE_OBJECT, true, "A journal." },
	JOURNAL_ROWS("Journals[Journal]."),
	REPLY_END
};

const struct tally_action tally_action_list_journals = {
	.name = "ListJournals",
	.family = FAMILY_LEDGERDB,
	.summary = "Page through journals, by clue, member, type, number or time.",
	.methods = METHOD_GET | METHOD_POST,
	.kind = ACTION_READ,
	.need = PERM_VIEW_JOURNAL,
	.params = list_journals_params,
	.reply = list_journals_reply,
	.example = "Clue MaxResults",
	.run = list_journals,
};

/* ---- ExistJournal ---- */

static int exist_journal(struct tally_call *call, struct tally_err *err)
{
	struct tally_bytes given = tally_arg_bytes(call, "JournalHash");
	struct tally_hash hash;
	int found;

	if (given.size > 0)
		memcpy(hash.bytes, given.data, TALLY_HASH_SIZE);
	found = tally_journal_exist(call->core, tally_arg_bytes(call, "LedgerId"),
				    tally_arg_uint(call, "JournalId", 0),
				    given.size > 0 ? &hash : NULL, err);
	if (found < 0)
		return -1;
	tally_add_bool(call->arena, call->reply, "Exist", found > 0);
	return 0;
}

static const struct tally_param exist_journal_params[] = {
	LEDGER_ID_PARAM,
	{ .name = "JournalId", .type = PARAM_UINT, .required = true, .max = INT64_MAX,
	  .example = "100", .help = "Number of the journal, counted from 0." },
	{ .name = "JournalHash", .type = PARAM_HASH,
	  .example = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
	  .help = "Ask also whether it has this hash." },
	PARAM_END
};

static const struct tally_reply_field exist_journal_reply[] = {
	{ "Exist", NODE_BOOL, false, "It exists, with that hash where one was given." },
	REPLY_END
};

const struct tally_action tally_action_exist_journal = {
	.name = "ExistJournal",
	.family = FAMILY_LEDGERDB,
	.summary = "Tell whether a journal exists.",
	.methods = METHOD_GET | METHOD_POST,
	.kind = ACTION_READ,
	.need = PERM_VIEW_JOURNAL,
	.params = exist_journal_params,
	.reply = exist_journal_reply,
	.example = "JournalHash",
	.run = exist_journal,
};

/* ---- GetBlockInfo ---- */

static int get_block_info(struct tally_call *call, struct tally_err *err)
{
	uint64_t block = tally_arg_uint(call, "BlockSequence", 0);
	struct tally_arena *arena = call->arena;
	struct tally_block_info info;
	struct tally_node *to;
	int found = tally_block_info(call->core, tally_arg_bytes(call, "LedgerId"), block, &info,
				     err);

	if (found <= 0)
		return found < 0 ? -1 : not_found(err, "Block", block);
	to = tally_add_object(arena, call->reply, "BlockInfo");
	tally_add_uint(arena, to, "BlockSequence", info.block);
	tally_add_hex(arena, to, "ParentBlockHash", info.parent_hash.bytes, TALLY_HASH_SIZE);
	tally_add_hex(arena, to, "BlockHash", info.hash.bytes, TALLY_HASH_SIZE);
	tally_add_uint_text(arena, to, "FirstJournalId", info.first_journal_id);
	tally_add_uint_text(arena, to, "LastJournalId", info.last_journal_id);
	tally_add_hex(arena, to, "JournalRootHash", info.root.bytes, TALLY_HASH_SIZE);
	tally_add_uint(arena, to, "Timestamp", info.timestamp_ms);
	return 0;
}

static const struct tally_param get_block_info_params[] = {
	LEDGER_ID_PARAM,
	{ .name = "BlockSequence", .type = PARAM_UINT, .required = true, .max = INT64_MAX,
	  .example = "7", .help = "Number of the block, counted from 0." },
	PARAM_END
};

static const struct tally_reply_field get_block_info_reply[] = {
	{ "BlockInfo", NODE_OBJECT, false, "The block's header." },
	{ "BlockInfo.BlockSequence", NODE_UINT, false, "Number of the block." },
	{ "BlockInfo.ParentBlockHash", NODE_TEXT, false,
	  "Hash of the header before, hex; zeros for block 0." },
	{ "BlockInfo.BlockHash", NODE_TEXT, false, "Hash of its header, hex." },
	{ "BlockInfo.FirstJournalId", NODE_TEXT, false, "First journal in it." },
	{ "BlockInfo.LastJournalId", NODE_TEXT, false, "Last journal in it." },
	{ "BlockInfo.JournalRootHash", NODE_TEXT, false,
	  "Root of the log tree after its last journal, hex." },
	{ "BlockInfo.Timestamp", NODE_UINT, false, "Time of the block, milliseconds." },
	REPLY_END
};

const struct tally_action tally_action_get_block_info = {
	.name = "GetBlockInfo",
	.family = FAMILY_LEDGERDB,
	.summary = "Return the header of one block.",
	.methods = METHOD_GET | METHOD_POST,
	.kind = ACTION_READ,
	.need = PERM_VIEW_JOURNAL,
	.params = get_block_info_params,
	.reply = get_block_info_reply,
	.run = get_block_info,
};
