/*
 * Members' keys out of the operator's key store: a directory of public keys. The private ones stay where
 * the operator has them; what becomes the member's key is what the file holds at that moment.
 */
#include <stdio.h>

#include "reply.h"
#include "signing_args.h"

/* "DIRECTORY/ID.pem" or "DIRECTORY/ID@VERSION.pem": neither part leads out of it. */
static const char *path_of(const struct tally_call *call, const struct tally_kms_key *kms)
{
	return tally_arena_printf(call->arena, "%s/%.*s%s%.*s.pem", call->settings->key_store,
				  (int)kms->id.size, (const char *)kms->id.data,
				  kms->version.size > 0 ? "@" : "", (int)kms->version.size,
				  (const char *)kms->version.data);
}

static bool is_uri(struct tally_bytes id)
{
	return id.size >= 7 && memcmp(id.data, "pkcs11:", 7) == 0;
}

/* Says no more of files than whether they are there. */
static int read_key(struct tally_call *call, const struct tally_kms_key *kms,
		    struct tally_member_key *key_r, struct tally_err *err)
{
	struct tally_err why;
	char subject[sizeof(err->subject)];

	if (tally_member_public_file_read(path_of(call, kms), key_r, &why) == 0)
		return 0;
	snprintf(subject, sizeof(subject), "KMSKey %.*s", (int)kms->id.size,
		 (const char *)kms->id.data);
	if (why.code == TALLY_NOTFOUND)
		return tally_err_about(err, TALLY_NOTFOUND, subject, "the key store has no such key");
	if (why.code == TALLY_IO)
		return tally_err_set(err, TALLY_IO, "%s", why.text);
	return tally_err_about(err, TALLY_INVALID, "KMSKeyId",
			       "what the key store has is no public key of a kind that members have");
}

static int check_update_member_key_by_kms(struct tally_call *call, struct tally_err *err)
{
	struct tally_kms_key kms = { tally_arg_bytes(call, "KMSKeyId"),
				     tally_arg_bytes(call, "KMSKeyVersion") };

	if (is_uri(kms.id))
		return tally_err_set(err, TALLY_UNSUPPORTED,
				     "PKCS#11 URIs are not read: export the public key into the key "
				     "store, and name it by its file");
	if (tally_kms_key_valid(kms.id, kms.version))
		return 0;
	return tally_err_about(err, TALLY_INVALID,
			       tally_kms_key_valid(kms.id, TALLY_BYTES_NONE) ? "KMSKeyVersion" :
									      "KMSKeyId",
			       "it has 1 to 64 letters, digits, . _ -");
}

static int update_member_key_by_kms(struct tally_call *call, struct tally_err *err)
{
	struct tally_kms_key kms = { tally_arg_bytes(call, "KMSKeyId"),
				     tally_arg_bytes(call, "KMSKeyVersion") };
	struct tally_member_key key;

	if (call->settings->key_store == NULL)
		return tally_err_set(err, TALLY_UNSUPPORTED, "no key store is configured");
	if (read_key(call, &kms, &key, err) < 0)
		return -1;
	if (tally_arg_given(call, "KeyType") &&
	    key.type != KEY_TYPE_SECP256K1 + tally_arg_enum(call, "KeyType"))
		return tally_err_about(err, TALLY_INVALID, "KeyType",
				       "the key in the key store is of kind %s",
				       tally_key_type_name(key.type));
	return tally_member_set_kms_key(call->core, &call->write, tally_arg_bytes(call, "LedgerId"),
					tally_arg_bytes(call, "MemberId"), &key, &kms, err);
}

static const struct tally_param update_member_key_by_kms_params[] = {
	LEDGER_ID_PARAM,
	{ .name = "MemberId", .type = PARAM_MEMBER_ID, .required = true,
	  .example = "m-04389ec1075443bc04389ec107", .help = "The member." },
	{ .name = "KMSKeyId", .type = PARAM_TEXT, .required = true, .min = 1, .max = 256,
	  .example = "till-7", .help = "Name of a key in the operator's key store." },
	{ .name = "KMSKeyVersion", .type = PARAM_TEXT, .max = 64, .example = "2",
	  .help = "Its version, where the key store has several." },
	{ .name = "KeyType", .type = PARAM_ENUM, .choices = tally_key_types,
	  .example = "SECP256K1", .help = "The kind that it must be of." },
	PARAM_END
};

static const struct tally_reply_field empty_reply[] = { REPLY_END };

const struct tally_action tally_action_update_member_key_by_kms = {
	.name = "UpdateMemberKeyByKMS",
	.family = FAMILY_LEDGERDB,
	.summary = "Give a member a key of the operator's key store; the former is of no use ever after.",
	.methods = METHOD_GET | METHOD_POST,
	.kind = ACTION_WRITE,
	.need = PERM_UPDATE_SELF,
	.params = update_member_key_by_kms_params,
	.reply = empty_reply,
	.check = check_update_member_key_by_kms,
	.run = update_member_key_by_kms,
};
