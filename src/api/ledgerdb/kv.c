/* Actions on keys and values. */
#include "reply.h"
#include "signing_args.h"

static struct tally_bytes ledger_of(const struct tally_call *call)
{
	return tally_arg_bytes(call, "LedgerId");
}

static int key_of(struct tally_call *call, struct tally_bytes *key_r, struct tally_err *err)
{
	*key_r = tally_arg_bytes(call, "Key");
	if (key_r->size > 0 && key_r->size <= TALLY_KV_KEY_MAX)
		return 0;
	return tally_err_about(err, TALLY_INVALID, "Key", "a key has 1 to %d bytes of UTF-8",
			       TALLY_KV_KEY_MAX);
}

#define KEY_PARAM \
	{ .name = "Key", .type = PARAM_RAW, .required = true, .min = 1, .max = 255, \
	  .example = "price/4711", .help = "The key, 1 to 255 bytes; it stays in the ledger for " \
	  "ever, so it should name nobody." }

#define TOKEN_PARAM \
	{ .name = "ClientToken", .type = PARAM_TOKEN, \
	  .example = "123e4567-e89b-12d3-a456-426655440000", \
	  .help = "The same token again gives the same journal; up to 64 ASCII characters." }

static const struct tally_reply_field receipt_reply[] = {
	RECEIPT_ROWS(""),
	PROVED_ROWS,
	SIGNED_ROWS,
	REPLY_END
};

/* ---- KvSet ---- */

static int check_kv_set(struct tally_call *call, struct tally_err *err)
{
	bool text = tally_arg_given(call, "Value"), base64 = tally_arg_given(call, "ValueBase64");

	if (!text && !base64)
		return tally_err_about(err, TALLY_MISSING, "Value", "there is nothing to set");
	if (text && base64)
		return tally_err_about(err, TALLY_INVALID, "ValueBase64", "Value was given too");
	return 0;
}

static int begin_write(struct tally_call *call, struct tally_bytes *key_r, struct tally_err *err)
{
	struct tally_signing *signing;

	if (key_of(call, key_r, err) != 0 || tally_signing_args(call, &signing, err) != 0)
		return -1;
	call->write.signing = signing;
	return 0;
}

static int kv_set(struct tally_call *call, struct tally_err *err)
{
	const char *from = tally_arg_given(call, "Value") ? "Value" : "ValueBase64";
	struct tally_append_result result = { .err = { .code = TALLY_OK } };
	struct tally_bytes key;

	if (begin_write(call, &key, err) != 0 ||
	    tally_kv_set(call->core, &call->write, ledger_of(call), key,
			 tally_arg_bytes(call, from), &result.receipt, err) != 0)
		return -1;
	tally_reply_signed_receipt(call, &result);
	return 0;
}

static const struct tally_param kv_set_params[] = {
	LEDGER_ID_PARAM,
	KEY_PARAM,
	{ .name = "Value", .type = PARAM_RAW, .example = "19.90",
	  .help = "The value as UTF-8 text; this or ValueBase64." },
	{ .name = "ValueBase64", .type = PARAM_BASE64, .example = "MTkuOTA=",
	  .help = "The value as base64, any bytes." },
	TOKEN_PARAM,
	STATE_ROOT_PARAM,
	SIGNING_PARAMS,
	PARAM_END
};

const struct tally_action tally_action_kv_set = {
	.name = "KvSet",
	.family = FAMILY_LEDGERDB,
	.summary = "Set the value of a key in a KV ledger.",
	.methods = METHOD_GET | METHOD_POST,
	.kind = ACTION_WRITE,
	.need = PERM_APPEND,
	.params = kv_set_params,
	.reply = receipt_reply,
	.example = "Value",
	.check = check_kv_set,
	.run = kv_set,
};

/* ---- KvDelete ---- */

static int kv_delete(struct tally_call *call, struct tally_err *err)
{
	struct tally_append_result result = { .err = { .code = TALLY_OK } };
	struct tally_bytes key;

	if (begin_write(call, &key, err) != 0 ||
	    tally_kv_delete(call->core, &call->write, ledger_of(call), key, &result.receipt,
			    err) != 0)
		return -1;
	tally_reply_signed_receipt(call, &result);
	return 0;
}

static const struct tally_param kv_delete_params[] = {
	LEDGER_ID_PARAM,
	KEY_PARAM,
	TOKEN_PARAM,
	STATE_ROOT_PARAM,
	SIGNING_PARAMS,
	PARAM_END
};

const struct tally_action tally_action_kv_delete = {
	.name = "KvDelete",
	.family = FAMILY_LEDGERDB,
	.summary = "Take a key's value away; its history stays.",
	.methods = METHOD_GET | METHOD_POST,
	.kind = ACTION_WRITE,
	.need = PERM_APPEND,
	.params = kv_delete_params,
	.reply = receipt_reply,
	.run = kv_delete,
};

/* ---- KvGet ---- */

static int no_value(struct tally_err *err)
{
	return tally_err_about(err, TALLY_NOTFOUND, "Key", "the key has no value");
}

static void reply_value(struct tally_call *call, const struct tally_journal *journal)
{
	tally_add_payload(call->arena, call->reply, "Value", "ValueEncoding", journal->payload);
	tally_reply_removed(call, call->reply, journal);
	tally_add_uint_text(call->arena, call->reply, "JournalId", journal->id);
	tally_add_hex(call->arena, call->reply, "JournalHash", journal->hash.bytes,
		      TALLY_HASH_SIZE);
}

/* As of the state: the value or its absence, proved. */
static int get_proved(struct tally_call *call, struct tally_bytes key, struct tally_err *err)
{
	struct tally_state_found state;
	struct tally_journal journal;
	int found = tally_state_prove_kv(call->core, ledger_of(call), key,
					 tally_arg_uint(call, "TreeSize", 0), &state, err);

	if (found < 1)
		return found < 0 ? -1 : tally_no_state(call, err);
	tally_add_text(call->arena, call->reply, "Key", key);
	tally_add_bool(call->arena, call->reply, "Exist", state.there);
	if (state.there) {
		found = tally_journal_get(call->core, ledger_of(call), state.kv_journal_id,
					  call->arena, &journal, err);
		if (found < 1)
			return found < 0 ? -1 : no_value(err);
		reply_value(call, &journal);
	}
	return tally_reply_state(call, &state, err);
}

static int kv_get(struct tally_call *call, struct tally_err *err)
{
	struct tally_journal journal;
	struct tally_bytes key;
	int found;

	if (key_of(call, &key, err) != 0)
		return -1;
	if (tally_arg_bool(call, "Proof", false))
		return get_proved(call, key, err);
	found = tally_kv_get(call->core, ledger_of(call), key, UINT64_MAX, call->arena, &journal,
			     err);
	if (found < 1)
		return found < 0 ? -1 : no_value(err);
	tally_add_text(call->arena, call->reply, "Key", key);
	tally_add_bool(call->arena, call->reply, "Exist", true);
	reply_value(call, &journal);
	return 0;
}

static const struct tally_param kv_get_params[] = {
	LEDGER_ID_PARAM,
	KEY_PARAM,
	PROOF_PARAM,
	PARAM_END
};

static const struct tally_reply_field kv_get_reply[] = {
	{ "Key", NODE_TEXT, false, "The key." },
	{ "Exist", NODE_BOOL, false, "It has a value; false is answered with Proof only." },
	{ "Value", NODE_TEXT, true, "The value." },
	{ "ValueEncoding", NODE_TEXT, true,
	  "base64 where the value cannot be written as text in the format asked for." },
	REMOVED_ROWS(""),
	{ "JournalId", NODE_TEXT, true, "The KV_SET journal that set it." },
	{ "JournalHash", NODE_TEXT, true, "That journal's hash, hex." },
	STATE_ROWS(true),
	REPLY_END
};

const struct tally_action tally_action_kv_get = {
	.name = "KvGet",
	.family = FAMILY_LEDGERDB,
	.summary = "Return the value of a key, with a proof if asked.",
	.methods = METHOD_GET | METHOD_POST,
	.kind = ACTION_READ,
	.need = PERM_VIEW_JOURNAL,
	.params = kv_get_params,
	.reply = kv_get_reply,
	.example = "Proof",
	.check = tally_check_proof,
	.run = kv_get,
};

/* ---- KvList, KvHistory ---- */

/* Position and page of a listing; the bound of bytes is that of ListJournals. */
#define PAGE_BYTES (4u << 20)

static struct tally_bytes list_scope(struct tally_call *call, const char *what)
{
	struct tally_bytes id = ledger_of(call), of = tally_arg_bytes(call, what);

	return tally_bytes_str(tally_arena_printf(call->arena, "%s %.*s %.*s", call->action->name,
						  (int)id.size, (const char *)id.data, (int)of.size,
						  (const char *)of.data));
}

static void add_value(struct tally_call *call, struct tally_node *to,
		      const struct tally_journal *journal)
{
	tally_add_payload(call->arena, to, "Value", "ValueEncoding", journal->payload);
	tally_reply_removed(call, to, journal);
}

#define PAGE_PARAMS(text) \
	{ .name = "NextToken", .type = PARAM_NEXT, .example = "", \
	  .help = "From the page before; empty or absent: from the start." }, \
	{ .name = "MaxResults", .type = PARAM_UINT, .min = 1, .max = 1024, .fallback = "100", \
	  .example = "100", .help = text }

#define VALUE_ROWS(at) \
	{ at "Value", NODE_TEXT, true, "The value, where it was asked for." }, \
	{ at "ValueEncoding", NODE_TEXT, true, \
	  "base64 where the value cannot be written as text in the format asked for." }, \
	REMOVED_ROWS(at)

static int kv_list(struct tally_call *call, struct tally_err *err)
{
	struct tally_bytes token = tally_arg_bytes(call, "NextToken");
	struct tally_kv_query query = {
		.prefix = tally_arg_bytes(call, "Prefix"),
		.values = tally_arg_bool(call, "Values", false),
		.limit = (size_t)tally_arg_uint(call, "MaxResults", 100),
		.byte_limit = PAGE_BYTES,
	};
	struct tally_kv_page page;
	struct tally_node *list;

	if (token.size > 0 &&
	    tally_next_open(call, list_scope(call, "Prefix"), token, &query.after, err) < 0)
		return -1;
	if (tally_kv_list(call->core, ledger_of(call), &query, call->arena, &page, err) < 0)
		return -1;
	tally_add_str(call->arena, call->reply, "NextToken",
		      page.more ? tally_next_token(call, list_scope(call, "Prefix"), page.last_key) :
				  "");
	tally_add_uint(call->arena, call->reply, "MaxResults", query.limit);
	list = tally_add_list(call->arena, call->reply, "Entries", "Entry");
	for (size_t i = 0; i < page.count; i++) {
		struct tally_node *to = tally_add_object(call->arena, list, NULL);

		tally_add_text(call->arena, to, "Key", page.items[i].key);
		tally_add_uint_text(call->arena, to, "JournalId", page.items[i].journal_id);
		tally_add_hex(call->arena, to, "JournalHash", page.items[i].hash.bytes,
			      TALLY_HASH_SIZE);
		if (query.values)
			add_value(call, to, &page.items[i].journal);
	}
	return 0;
}

static const struct tally_param kv_list_params[] = {
	LEDGER_ID_PARAM,
	{ .name = "Prefix", .type = PARAM_RAW, .max = 255, .example = "price/",
	  .help = "Only keys that begin with this; empty or absent: all." },
	{ .name = "Values", .type = PARAM_BOOL, .fallback = "false", .example = "true",
	  .help = "Answer the values too; a page then ends at 4 MiB of them." },
	PAGE_PARAMS("Keys of a page."),
	PARAM_END
};

static const struct tally_reply_field kv_list_reply[] = {
	{ "NextToken", NODE_TEXT, false, "For the next page; empty: there is none." },
	{ "MaxResults", NODE_UINT, false, "As asked." },
	{ "Entries", NODE_LIST, false, "Keys that have a value, in the order of their bytes." },
	{ "Entries[Entry]", NODE_OBJECT, true, "A key." },
	{ "Entries[Entry].Key", NODE_TEXT, false, "The key." },
	{ "Entries[Entry].JournalId", NODE_TEXT, false, "The KV_SET journal that set it." },
	{ "Entries[Entry].JournalHash", NODE_TEXT, false, "That journal's hash, hex." },
	VALUE_ROWS("Entries[Entry]."),
	REPLY_END
};

const struct tally_action tally_action_kv_list = {
	.name = "KvList",
	.family = FAMILY_LEDGERDB,
	.summary = "Page through the keys of a KV ledger, by a prefix.",
	.methods = METHOD_GET | METHOD_POST,
	.kind = ACTION_READ,
	.need = PERM_VIEW_JOURNAL,
	.params = kv_list_params,
	.reply = kv_list_reply,
	.run = kv_list,
};

static void add_version(struct tally_call *call, struct tally_node *to,
			const struct tally_kv_item *item)
{
	tally_add_uint_text(call->arena, to, "JournalId", item->journal_id);
	tally_add_hex(call->arena, to, "JournalHash", item->hash.bytes, TALLY_HASH_SIZE);
	tally_add_uint(call->arena, to, "Timestamp", item->journal.timestamp_ms);
	tally_add_text(call->arena, to, "MemberId", item->journal.member_id);
	tally_add_bool(call->arena, to, "Deleted", item->deleted);
	if (!item->deleted && tally_arg_bool(call, "Values", true))
		add_value(call, to, &item->journal);
}

static int kv_history(struct tally_call *call, struct tally_err *err)
{
	struct tally_bytes token = tally_arg_bytes(call, "NextToken"), at;
	struct tally_kv_query query = {
		.values = true,		/* their journals have times and members as well */
		.limit = (size_t)tally_arg_uint(call, "MaxResults", 100),
		.byte_limit = PAGE_BYTES,
	};
	struct tally_kv_page page;
	struct tally_node *list;
	const char *next = "";
	uint8_t cursor[8];

	if (key_of(call, &query.prefix, err) != 0)
		return -1;
	if (token.size > 0) {
		if (tally_next_open(call, list_scope(call, "Key"), token, &at, err) < 0)
			return -1;
		query.has_cursor = true;
		query.cursor = at.size == 8 ? tally_get_u64(at.data) : 0;
	}
	if (tally_kv_history(call->core, ledger_of(call), &query, call->arena, &page, err) < 0)
		return -1;
	tally_put_u64(cursor, page.cursor);
	if (page.more)
		next = tally_next_token(call, list_scope(call, "Key"), tally_bytes(cursor, 8));
	tally_add_str(call->arena, call->reply, "NextToken", next);
	tally_add_uint(call->arena, call->reply, "MaxResults", query.limit);
	tally_add_text(call->arena, call->reply, "Key", query.prefix);
	list = tally_add_list(call->arena, call->reply, "Versions", "Version");
	for (size_t i = 0; i < page.count; i++)
		add_version(call, tally_add_object(call->arena, list, NULL), &page.items[i]);
	return 0;
}

static const struct tally_param kv_history_params[] = {
	LEDGER_ID_PARAM,
	KEY_PARAM,
	{ .name = "Values", .type = PARAM_BOOL, .fallback = "true", .example = "false",
	  .help = "Answer the values too." },
	PAGE_PARAMS("Versions of a page, which also ends at 4 MiB of values."),
	PARAM_END
};

static const struct tally_reply_field kv_history_reply[] = {
	{ "NextToken", NODE_TEXT, false, "For the next page; empty: there is none." },
	{ "MaxResults", NODE_UINT, false, "As asked." },
	{ "Key", NODE_TEXT, false, "The key." },
	{ "Versions", NODE_LIST, false, "All that the key was, the newest first." },
	{ "Versions[Version]", NODE_OBJECT, true, "A version." },
	{ "Versions[Version].JournalId", NODE_TEXT, false, "The KV_SET or KV_DELETE journal." },
	{ "Versions[Version].JournalHash", NODE_TEXT, false, "That journal's hash, hex." },
	{ "Versions[Version].Timestamp", NODE_UINT, false, "Its time, milliseconds." },
	{ "Versions[Version].MemberId", NODE_TEXT, false, "The member that wrote it." },
	{ "Versions[Version].Deleted", NODE_BOOL, false, "true: it took the value away." },
	VALUE_ROWS("Versions[Version]."),
	REPLY_END
};

const struct tally_action tally_action_kv_history = {
	.name = "KvHistory",
	.family = FAMILY_LEDGERDB,
	.summary = "Page through all values that a key had, the newest first.",
	.methods = METHOD_GET | METHOD_POST,
	.kind = ACTION_READ,
	.need = PERM_VIEW_JOURNAL,
	.params = kv_history_params,
	.reply = kv_history_reply,
	.run = kv_history,
};
