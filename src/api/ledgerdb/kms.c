/*
 * Members' keys out of the operator's key store: a directory of public keys, and PKCS#11 tokens. The
 * private ones stay where the operator has them; what becomes the member's key is what file or token
 * holds at that moment.
 */
#include <stdio.h>

#include "pkcs11.h"
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

static int no_such_key(const struct tally_kms_key *kms, const char *where, struct tally_err *err)
{
	char subject[sizeof(err->subject)];

	snprintf(subject, sizeof(subject), "KMSKey %.*s", (int)kms->id.size,
		 (const char *)kms->id.data);
	return tally_err_about(err, TALLY_NOTFOUND, subject, "the %s no such key", where);
}

/* Says no more of files than whether they are there. */
static int read_file(struct tally_call *call, const struct tally_kms_key *kms,
		     struct tally_member_key *key_r, struct tally_err *err)
{
	struct tally_err why;

	if (call->settings->key_store == NULL)
		return tally_err_set(err, TALLY_UNSUPPORTED, "no key store is configured");
	if (tally_member_public_file_read(path_of(call, kms), key_r, &why) == 0)
		return 0;
	if (why.code == TALLY_NOTFOUND)
		return no_such_key(kms, "key store has", err);
	if (why.code == TALLY_IO)
		return tally_err_set(err, TALLY_IO, "%s", why.text);
	return tally_err_about(err, TALLY_INVALID, "KMSKeyId",
			       "what the key store has is no public key of a kind that members have");
}

static int read_token(struct tally_call *call, const struct tally_kms_key *kms,
		      struct tally_member_key *key_r, struct tally_err *err)
{
	if (call->settings->pkcs11 == NULL)
		return tally_err_set(err, TALLY_UNSUPPORTED, "no PKCS#11 module is configured");
	if (tally_pkcs11_read(call->settings->pkcs11, kms->id, key_r, err) == 0)
		return 0;
	return err->code == TALLY_NOTFOUND ? no_such_key(kms, "tokens have", err) : -1;
}

static int check_update_member_key_by_kms(struct tally_call *call, struct tally_err *err)
{
	struct tally_kms_key kms = { tally_arg_bytes(call, "KMSKeyId"),
				     tally_arg_bytes(call, "KMSKeyVersion") };
	bool is_uri = tally_kms_key_is_uri(kms.id);

	if (is_uri && tally_pkcs11_check(kms.id, err) < 0)
		return -1;
	if (tally_kms_key_valid(kms.id, kms.version))
		return 0;
	if (!tally_kms_key_valid(kms.id, TALLY_BYTES_NONE))
		return tally_err_about(err, TALLY_INVALID, "KMSKeyId",
				       is_uri ? "the PKCS#11 URI has a character that must be written "
						"as %%XX" : "it has 1 to 64 letters, digits, . _ -");
	return tally_err_about(err, TALLY_INVALID, "KMSKeyVersion",
			       is_uri ? "a key that a PKCS#11 URI names has no version" :
					"it has 1 to 64 letters, digits, . _ -");
}

static int update_member_key_by_kms(struct tally_call *call, struct tally_err *err)
{
	struct tally_kms_key kms = { tally_arg_bytes(call, "KMSKeyId"),
				     tally_arg_bytes(call, "KMSKeyVersion") };
	struct tally_member_key key;

	if ((tally_kms_key_is_uri(kms.id) ? read_token : read_file)(call, &kms, &key, err) < 0)
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
	  .example = "till-7",
	  .help = "Name of a key in the operator's key store, or the PKCS#11 URI of one on a token." },
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
