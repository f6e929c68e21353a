/* The four kinds of members' keys: a table of what each can do, and what all have in common. */
#include "member_key.h"

#include <sodium.h>

#include "ec.h"
#include "err.h"
#include "hash.h"
#include "k1.h"
#include "secret.h"
#include "sign.h"
#include "sodium_ready.h"

/* Sizes are right when these are called; false is INVALID. */
struct kind {
	const char *name;
	uint8_t size;
	bool (*usable)(void);		/* NULL: always */
	bool (*valid)(const uint8_t *key);
	bool (*public)(const uint8_t *private, uint8_t *key_r);
	bool (*verify)(const uint8_t *key, struct tally_bytes message, const uint8_t *signature);
	bool (*verify_digest)(const uint8_t *key, const uint8_t *digest, const uint8_t *signature);
	bool (*sign)(const uint8_t *private, struct tally_bytes message, uint8_t *signature_r);
};

/* ---- SECP256K1 ---- */

static bool k1_verify(const uint8_t *key, struct tally_bytes message, const uint8_t *signature)
{
	uint8_t digest[32];

	tally_sha256(message.data, message.size, digest);
	return tally_k1_verify(key, digest, signature);
}

static bool k1_sign(const uint8_t *private, struct tally_bytes message, uint8_t *signature_r)
{
	uint8_t digest[32];

	tally_sha256(message.data, message.size, digest);
	return tally_k1_sign(private, digest, signature_r);
}

/* ---- SECP256R1 ---- */

static bool r1_usable(void)
{
	return tally_ec_usable(CURVE_P256);
}

static bool r1_valid(const uint8_t *key)
{
	return tally_ec_point_valid(CURVE_P256, key);
}

static bool r1_public(const uint8_t *private, uint8_t *key_r)
{
	return tally_ec_public(CURVE_P256, private, key_r);
}

static bool r1_verify_digest(const uint8_t *key, const uint8_t *digest, const uint8_t *signature)
{
	return tally_ec_verify(CURVE_P256, key, digest, signature);
}

static bool r1_verify(const uint8_t *key, struct tally_bytes message, const uint8_t *signature)
{
	uint8_t digest[32];

	tally_sha256(message.data, message.size, digest);
	return tally_ec_verify(CURVE_P256, key, digest, signature);
}

static bool r1_sign(const uint8_t *private, struct tally_bytes message, uint8_t *signature_r)
{
	uint8_t digest[32];

	tally_sha256(message.data, message.size, digest);
	return tally_ec_sign(CURVE_P256, private, digest, signature_r);
}

/* ---- SM2 ---- */

static bool sm2_usable(void)
{
	return tally_ec_usable(CURVE_SM2);
}

static bool sm2_valid(const uint8_t *key)
{
	return tally_ec_point_valid(CURVE_SM2, key);
}

static bool sm2_public(const uint8_t *private, uint8_t *key_r)
{
	return tally_ec_public(CURVE_SM2, private, key_r);
}

static bool sm2_verify(const uint8_t *key, struct tally_bytes message, const uint8_t *signature)
{
	uint8_t digest[32];

	return tally_sm2_digest(key, message, digest) &&
	       tally_ec_verify(CURVE_SM2, key, digest, signature);
}

static bool sm2_sign(const uint8_t *private, struct tally_bytes message, uint8_t *signature_r)
{
	uint8_t key[65], digest[32];

	return tally_ec_public(CURVE_SM2, private, key) && tally_sm2_digest(key, message, digest) &&
	       tally_ec_sign(CURVE_SM2, private, digest, signature_r);
}

/* ---- ED25519 ---- */

/* libsodium's test covers all that member_key.h says of such a point; so for R of a signature. */
static bool ed_valid(const uint8_t *key)
{
	tally_sodium_ready();
	return crypto_core_ed25519_is_valid_point(key) == 1;
}

/*
 * Versions of libsodium differ in what they make of an R with a part of small order: up to 1.0.18
 * the equation is checked as it stands, later multiplied by the cofactor. With R in the group of
 * prime order, as whoever signs honestly makes it, both say the same, today and in ten years.
 */
static bool ed_verify(const uint8_t *key, struct tally_bytes message, const uint8_t *signature)
{
	return ed_valid(signature) && tally_ed25519_verify(key, message, signature);
}

static bool ed_public(const uint8_t *private, uint8_t *key_r)
{
	tally_ed25519_public(private, key_r);
	return true;
}

static bool ed_sign(const uint8_t *private, struct tally_bytes message, uint8_t *signature_r)
{
	tally_ed25519_sign(private, message, signature_r);
	return true;
}

/* ---- the table ---- */

static const struct kind kinds[] = {
	[KEY_TYPE_SECP256K1] = {
		.name = "SECP256K1",
		.size = 65,
		.valid = tally_k1_point_valid,
		.public = tally_k1_public,
		.verify = k1_verify,
		.verify_digest = tally_k1_verify,
		.sign = k1_sign
	},
	[KEY_TYPE_SECP256R1] = {
		.name = "SECP256R1",
		.size = 65,
		.usable = r1_usable,
		.valid = r1_valid,
		.public = r1_public,
		.verify = r1_verify,
		.verify_digest = r1_verify_digest,
		.sign = r1_sign
	},
	[KEY_TYPE_SM2] = {
		.name = "SM2",
		.size = 65,
		.usable = sm2_usable,
		.valid = sm2_valid,
		.public = sm2_public,
		.verify = sm2_verify,
		.sign = sm2_sign
	},
	[KEY_TYPE_ED25519] = {
		.name = "ED25519",
		.size = TALLY_ED25519_PUBLIC,
		.valid = ed_valid,
		.public = ed_public,
		.verify = ed_verify,
		.sign = ed_sign
	}
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* NULL for a number that no kind has. */
static const struct kind *kind_of(unsigned int type)
{
	return type < KINDS && kinds[type].name != NULL ? &kinds[type] : NULL;
}

static const struct kind *usable_kind(unsigned int type, struct tally_err *err)
{
	const struct kind *kind = kind_of(type);

	if (kind == NULL) {
		tally_err_set(err, TALLY_UNSUPPORTED, "there is no kind of key %u", type);
		return NULL;
	}
	if (kind->usable != NULL && !kind->usable()) {
		tally_err_set(err, TALLY_UNSUPPORTED, "%s: this system's OpenSSL is built without it",
			      kind->name);
		return NULL;
	}
	return kind;
}

const char *tally_key_type_name(unsigned int type)
{
	const struct kind *kind = kind_of(type);

	return kind != NULL ? kind->name : NULL;
}

enum tally_key_type tally_key_type_find(struct tally_bytes name)
{
	for (unsigned int type = 0; type < KINDS; type++)
		if (kinds[type].name != NULL && tally_bytes_is(name, kinds[type].name))
			return type;
	return KEY_TYPE_NONE;
}

size_t tally_key_type_size(unsigned int type)
{
	const struct kind *kind = kind_of(type);

	return kind != NULL ? kind->size : 0;
}

/* ---- keys ---- */

int tally_member_key_set(struct tally_member_key *key_r, unsigned int type,
			 struct tally_bytes bytes, struct tally_err *err)
{
	const struct kind *kind = usable_kind(type, err);
	struct tally_member_key key = { .type = (uint8_t)type };

	if (kind == NULL)
		return -1;
	key.size = kind->size;
	if (bytes.size != kind->size)
		return tally_err_set(err, TALLY_INVALID, "a key of kind %s has %u bytes, not %zu",
				     kind->name, kind->size, bytes.size);
	if (!kind->valid(bytes.data))
		return tally_err_set(err, TALLY_INVALID, kind->size == TALLY_MEMBER_KEY_MAX ?
				     "no key of kind %s: not 04 and a point of its curve" :
				     "no key of kind %s: not a point of its group", kind->name);
	memcpy(key.bytes, bytes.data, bytes.size);
	*key_r = key;		/* bytes may be those of key_r */
	return 0;
}

int tally_member_key_parse(struct tally_member_key *key_r, unsigned int type,
			   struct tally_bytes hex, struct tally_err *err)
{
	const struct kind *kind = usable_kind(type, err);
	uint8_t bytes[TALLY_MEMBER_KEY_MAX];

	if (kind == NULL)
		return -1;
	if (!tally_hex_decode(hex, bytes, kind->size))
		return tally_err_set(err, TALLY_INVALID, "a key of kind %s is written in %u hex digits",
				     kind->name, 2u * kind->size);
	return tally_member_key_set(key_r, type, tally_bytes(bytes, kind->size), err);
}

void tally_member_key_format(const struct tally_member_key *key, char *text)
{
	tally_hex_encode(key->bytes, key->size, text);
}

/* ---- verifying ---- */

bool tally_member_verify(const struct tally_member_key *key, struct tally_bytes message,
			 const uint8_t signature[TALLY_MEMBER_SIGNATURE])
{
	const struct kind *kind = kind_of(key->type);

	return kind != NULL && key->size == kind->size &&
	       kind->verify(key->bytes, message, signature);
}

bool tally_member_verify_digest(const struct tally_member_key *key, const uint8_t digest[32],
				const uint8_t signature[TALLY_MEMBER_SIGNATURE])
{
	const struct kind *kind = kind_of(key->type);

	return kind != NULL && key->size == kind->size && kind->verify_digest != NULL &&
	       kind->verify_digest(key->bytes, digest, signature);
}

/* ---- private keys ---- */

/* A random number is out of range so rarely that nobody will see it; then the next one is not. */
int tally_member_generate(unsigned int type, uint8_t private_r[TALLY_MEMBER_PRIVATE],
			  struct tally_err *err)
{
	const struct kind *kind = usable_kind(type, err);
	uint8_t bytes[TALLY_MEMBER_KEY_MAX];

	if (kind == NULL)
		return -1;
	do
		tally_random(private_r, TALLY_MEMBER_PRIVATE);
	while (!kind->public(private_r, bytes));
	return 0;
}

static int out_of_range(const struct kind *kind, struct tally_err *err)
{
	return tally_err_set(err, TALLY_INVALID, "no private key of kind %s: 0, or not below the order "
			     "of its group", kind->name);
}

int tally_member_public(unsigned int type, const uint8_t private[TALLY_MEMBER_PRIVATE],
			struct tally_member_key *key_r, struct tally_err *err)
{
	const struct kind *kind = usable_kind(type, err);

	if (kind == NULL)
		return -1;
	memset(key_r, 0, sizeof(*key_r));
	if (!kind->public(private, key_r->bytes))
		return out_of_range(kind, err);
	key_r->type = (uint8_t)type;
	key_r->size = kind->size;
	return 0;
}

int tally_member_sign(unsigned int type, const uint8_t private[TALLY_MEMBER_PRIVATE],
		      struct tally_bytes message, uint8_t signature_r[TALLY_MEMBER_SIGNATURE],
		      struct tally_err *err)
{
	const struct kind *kind = usable_kind(type, err);

	if (kind == NULL)
		return -1;
	return kind->sign(private, message, signature_r) ? 0 : out_of_range(kind, err);
}
