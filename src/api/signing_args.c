/* Members' signatures as parameters; see signing_args.h. */
#include "signing_args.h"

#include "decode.h"

#define SIGNATURES_MOST 8

const char *const tally_key_types[] = { "SECP256K1", "SECP256R1", "SM2", "ED25519", NULL };

static int wrong(struct tally_err *err, const char *name, const char *why)
{
	return tally_err_about(err, TALLY_INVALID, name, "%s", why);
}

/* One signature of its three texts. */
static int make_one(struct tally_bytes member_id, struct tally_bytes hex, struct tally_bytes type,
		    struct tally_signature *signature_r, struct tally_err *err)
{
	*signature_r = (struct tally_signature){ .member_id = member_id };
	if (member_id.size > 0 && (member_id.size != TALLY_MEMBER_ID_SIZE ||
				   memcmp(member_id.data, "m-", 2) != 0))
		return wrong(err, "MemberId", "it is m- and 26 lower-case hex digits");
	if (hex.size != 2 * TALLY_MEMBER_SIGNATURE ||
	    !tally_hex_decode(hex, signature_r->bytes, TALLY_MEMBER_SIGNATURE))
		return wrong(err, "MemberSignature", "it is 64 bytes in hex");
	signature_r->type = (uint8_t)tally_key_type_find(type);
	if (type.size > 0 && signature_r->type == KEY_TYPE_NONE)
		return wrong(err, "MemberSignatureType", "no such kind of key");
	return 0;
}

static int make_list(struct tally_arena *arena, struct tally_bytes json,
		     struct tally_signing *signing, struct tally_err *err)
{
	struct tally_signature *signatures = tally_arena_array(arena, struct tally_signature,
							       SIGNATURES_MOST);
	struct tally_signature_text texts[SIGNATURES_MOST];
	size_t count;

	if (!tally_json_signatures(arena, json, texts, SIGNATURES_MOST, &count) || count == 0)
		return wrong(err, "MemberSignatures", "it is no list of 1 to 8 signatures");
	for (size_t i = 0; i < count; i++)
		if (make_one(texts[i].member_id, texts[i].signature, texts[i].type, &signatures[i],
			     err) != 0)
			return -1;
	signing->signatures = signatures;
	signing->count = count;
	return 0;
}

int tally_signing_make(struct tally_arena *arena, const struct tally_signing_text *text,
		       struct tally_signing **signing_r, struct tally_err *err)
{
	struct tally_signature *one = tally_arena_alloc(arena, sizeof(*one));
	struct tally_signing *signing = tally_arena_alloc(arena, sizeof(*signing));
	uint8_t *salt = tally_arena_alloc(arena, 16);

	*signing_r = NULL;
	*signing = (struct tally_signing){ .signatures = one, .count = 1, .nonce = text->nonce,
					   .message = text->message };
	if (text->signature.size == 0 && text->list.size == 0)
		return text->nonce.size == 0 && text->message.size == 0 && text->salt.size == 0 ?
			       0 :
			       tally_err_about(err, TALLY_MISSING, "MemberSignature",
					       "there is no signature to what goes with one");
	if (text->signature.size > 0 && text->list.size > 0)
		return wrong(err, "MemberSignatures", "MemberSignature was given too");
	if (text->message.size > 0 && text->nonce.size > 0)
		return wrong(err, "MemberNonce", "RequestMessage was given too");
	if (text->salt.size > 0 &&
	    (text->salt.size != 32 || !tally_hex_decode(text->salt, salt, 16)))
		return wrong(err, "PayloadSalt", "it is 16 bytes in hex");
	if (text->salt.size > 0)
		signing->salt = tally_bytes(salt, 16);
	if (text->list.size > 0 ?
		    make_list(arena, text->list, signing, err) != 0 :
		    make_one(text->member_id, text->signature, text->type, one, err) != 0)
		return -1;
	*signing_r = signing;
	return 0;
}

static struct tally_bytes given(struct tally_call *call, const char *name)
{
	return tally_arg_given(call, name) ? tally_arg_bytes(call, name) : TALLY_BYTES_NONE;
}

int tally_signing_args(struct tally_call *call, struct tally_signing **signing_r,
		       struct tally_err *err)
{
	const struct tally_signing_text text = {
		.member_id = given(call, "MemberId"),
		.signature = given(call, "MemberSignature"),
		.type = given(call, "MemberSignatureType"),
		.nonce = given(call, "MemberNonce"),
		.salt = given(call, "PayloadSalt"),
		.list = given(call, "MemberSignatures"),
		.message = given(call, "RequestMessage"),
	};

	return tally_signing_make(call->arena, &text, signing_r, err);
}
