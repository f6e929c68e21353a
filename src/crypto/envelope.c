/* Envelopes of shared data, through OpenSSL; see envelope.h. */
#include "config.h"

#include "envelope.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/obj_mac.h>
#include <openssl/params.h>
#include <stdlib.h>

#include "buf.h"
#include "ec.h"
#include "member_key.h"
#include "secret.h"

#define ENVELOPE_VERSION 1
#define NONCE 12
#define TAG 16

_Static_assert(1 + NONCE + TAG == TALLY_DATA_OVERHEAD, "size of a data envelope");
_Static_assert(1 + 65 + NONCE + TALLY_DATA_KEY + TAG == TALLY_WRAPPED_KEY, "size of a wrapped key");

/* ---- contexts ---- */

static void add_part(struct tally_buf *buf, struct tally_bytes part)
{
	tally_buf_add_u16(buf, (uint16_t)part.size);
	tally_buf_add_bytes(buf, part);
}

struct tally_bytes tally_envelope_context(struct tally_arena *arena, struct tally_bytes channel,
					  const char *purpose, const struct tally_bytes *parts,
					  size_t count)
{
	struct tally_buf buf = { 0 };
	struct tally_bytes context;

	tally_buf_add_str(&buf, "tallystick share v1\n");
	add_part(&buf, tally_bytes_str(purpose));
	add_part(&buf, channel);
	for (size_t i = 0; i < count; i++)
		add_part(&buf, parts[i]);
	context = tally_arena_bytes(arena, tally_buf_bytes(&buf));
	tally_buf_free(&buf);
	return context;
}

/* ---- AES-256-GCM ---- */

/* Lengths are an int's: what comes here is bounded by the limit of a request. */
static bool add_context(EVP_CIPHER_CTX *ctx, struct tally_bytes context)
{
	int size;

	return context.size == 0 ||
	       EVP_CipherUpdate(ctx, NULL, &size, context.data, (int)context.size) == 1;
}

static bool run_cipher(EVP_CIPHER_CTX *ctx, struct tally_bytes in, uint8_t *out)
{
	int size = 0, last = 0;

	return (in.size == 0 || EVP_CipherUpdate(ctx, out, &size, in.data, (int)in.size) == 1) &&
	       EVP_CipherFinal_ex(ctx, out + size, &last) == 1;
}

/* ciphertext, then the tag */
static void gcm_seal(const uint8_t key[32], const uint8_t nonce[NONCE], struct tally_bytes context,
		     struct tally_bytes plain, uint8_t *out)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

	if (ctx == NULL || EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, nonce, 1) != 1 ||
	    !add_context(ctx, context) || !run_cipher(ctx, plain, out) ||
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG, out + plain.size) != 1)
		abort();	/* no memory */
	EVP_CIPHER_CTX_free(ctx);
}

static bool gcm_open(const uint8_t key[32], const uint8_t nonce[NONCE], struct tally_bytes context,
		     struct tally_bytes sealed, uint8_t *plain)
{
	struct tally_bytes text = tally_bytes(sealed.data, sealed.size - TAG);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	bool good;

	if (ctx == NULL || EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, nonce, 0) != 1)
		abort();	/* no memory */
	good = EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG,
				   (void *)(sealed.data + text.size)) == 1 &&
	       add_context(ctx, context) && run_cipher(ctx, text, plain);
	EVP_CIPHER_CTX_free(ctx);
	if (!good && text.size > 0)
		tally_wipe(plain, text.size);
	return good;
}

void tally_data_seal_with(const uint8_t key[TALLY_DATA_KEY], struct tally_bytes context,
			  struct tally_bytes plain, const uint8_t nonce[12], uint8_t *sealed_r)
{
	sealed_r[0] = ENVELOPE_VERSION;
	memcpy(sealed_r + 1, nonce, NONCE);
	gcm_seal(key, nonce, context, plain, sealed_r + 1 + NONCE);
}

void tally_data_seal(const uint8_t key[TALLY_DATA_KEY], struct tally_bytes context,
		     struct tally_bytes plain, uint8_t *sealed_r)
{
	uint8_t nonce[NONCE];

	tally_random(nonce, sizeof(nonce));
	tally_data_seal_with(key, context, plain, nonce, sealed_r);
}

static int open_failed(struct tally_err *err)
{
	return tally_err_set(err, TALLY_DENIED, "it does not open: another key, another place, or "
			     "changed bytes");
}

int tally_data_open(const uint8_t key[TALLY_DATA_KEY], struct tally_bytes context,
		    struct tally_bytes sealed, uint8_t *plain_r, struct tally_err *err)
{
	bool good;

	if (sealed.size < TALLY_DATA_OVERHEAD || sealed.data[0] != ENVELOPE_VERSION)
		return tally_err_set(err, TALLY_INVALID, "it is no envelope of data, version 1");
	ERR_set_mark();
	good = gcm_open(key, sealed.data + 1, context,
			tally_bytes(sealed.data + 1 + NONCE, sealed.size - 1 - NONCE), plain_r);
	ERR_pop_to_mark();
	return good ? 0 : open_failed(err);
}

/* ---- ECIES ---- */

/* x of private times point. False for a point that is none, or a private key out of range. */
static bool ecdh(const uint8_t private[32], const uint8_t point[65], uint8_t secret_r[32])
{
	EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
	BN_CTX *ctx = BN_CTX_secure_new();
	EC_POINT *other = NULL, *product = NULL;
	BIGNUM *d, *x;
	bool good;

	if (group == NULL || ctx == NULL)
		abort();	/* no memory */
	BN_CTX_start(ctx);
	d = BN_CTX_get(ctx);
	x = BN_CTX_get(ctx);
	other = EC_POINT_new(group);
	product = EC_POINT_new(group);
	if (x == NULL || other == NULL || product == NULL)
		abort();	/* no memory */
	BN_set_flags(d, BN_FLG_CONSTTIME);
	good = BN_bin2bn(private, 32, d) != NULL && !BN_is_zero(d) &&
	       BN_cmp(d, EC_GROUP_get0_order(group)) < 0 && point[0] == 4 &&
	       EC_POINT_oct2point(group, other, point, 65, ctx) == 1 &&
	       EC_POINT_mul(group, product, NULL, other, d, ctx) == 1 &&
	       EC_POINT_get_affine_coordinates(group, product, x, NULL, ctx) == 1 &&
	       BN_bn2binpad(x, secret_r, 32) == 32;
	EC_POINT_free(other);
	EC_POINT_clear_free(product);
	BN_CTX_end(ctx);
	BN_CTX_free(ctx);
	EC_GROUP_free(group);
	return good;
}

static void hkdf(const uint8_t secret[32], const uint8_t salt[65], struct tally_bytes info,
		 uint8_t key_r[32])
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *ctx = kdf != NULL ? EVP_KDF_CTX_new(kdf) : NULL;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)"SHA256", 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)secret, 32),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)salt, 65),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)info.data, info.size),
		OSSL_PARAM_END
	};

	if (ctx == NULL || EVP_KDF_derive(ctx, key_r, 32, params) != 1)
		abort();	/* no memory */
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
}

int tally_key_wrap_with(const uint8_t point[65], struct tally_bytes context,
			const uint8_t key[TALLY_DATA_KEY], const uint8_t ephemeral[32],
			const uint8_t nonce[12], uint8_t wrapped_r[TALLY_WRAPPED_KEY])
{
	uint8_t secret[32], kek[32];

	wrapped_r[0] = ENVELOPE_VERSION;
	if (!tally_ec_public(CURVE_P256, ephemeral, wrapped_r + 1) || !ecdh(ephemeral, point, secret))
		return -1;
	hkdf(secret, wrapped_r + 1, context, kek);
	memcpy(wrapped_r + 66, nonce, NONCE);
	gcm_seal(kek, nonce, context, tally_bytes(key, TALLY_DATA_KEY), wrapped_r + 66 + NONCE);
	tally_wipe(secret, sizeof(secret));
	tally_wipe(kek, sizeof(kek));
	return 0;
}

void tally_key_wrap(const uint8_t point[65], struct tally_bytes context,
		    const uint8_t key[TALLY_DATA_KEY], uint8_t wrapped_r[TALLY_WRAPPED_KEY])
{
	uint8_t ephemeral[TALLY_MEMBER_PRIVATE], nonce[NONCE];
	struct tally_err err;

	tally_random(nonce, sizeof(nonce));
	if (tally_member_generate(KEY_TYPE_SECP256R1, ephemeral, &err) != 0 ||
	    tally_key_wrap_with(point, context, key, ephemeral, nonce, wrapped_r) != 0)
		abort();	/* the point is valid: no memory */
	tally_wipe(ephemeral, sizeof(ephemeral));
}

int tally_key_unwrap(const uint8_t private[32], struct tally_bytes context,
		     struct tally_bytes wrapped, uint8_t key_r[TALLY_DATA_KEY], struct tally_err *err)
{
	uint8_t secret[32], kek[32];
	bool good;

	if (wrapped.size != TALLY_WRAPPED_KEY || wrapped.data[0] != ENVELOPE_VERSION ||
	    !tally_ec_point_valid(CURVE_P256, wrapped.data + 1))
		return tally_err_set(err, TALLY_INVALID, "it is no wrapped key, version 1");
	ERR_set_mark();
	good = ecdh(private, wrapped.data + 1, secret);
	if (good) {
		hkdf(secret, wrapped.data + 1, context, kek);
		good = gcm_open(kek, wrapped.data + 66, context,
				tally_bytes(wrapped.data + 66 + NONCE, TALLY_DATA_KEY + TAG), key_r);
		tally_wipe(kek, sizeof(kek));
	}
	tally_wipe(secret, sizeof(secret));
	ERR_pop_to_mark();
	return good ? 0 : open_failed(err);
}
