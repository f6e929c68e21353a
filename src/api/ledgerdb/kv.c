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
