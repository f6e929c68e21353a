/*
 * ECDSA on P-256 and SM2 through OpenSSL.
 *
 * Verifying is OpenSSL's own. It costs a quarter more when a key is made anew each time by name of
 * its curve, so a key without a point is kept for each curve, copied, and given its point.
 *
 * Signing is written out here, since OpenSSL before 3.2 has no nonces of RFC 6979, and has none
 * for SM2. What depends on secrets: k times the base point is OpenSSL's ladder or table of
 * constant time, and everything else is done on numbers that are multiplied by a random one.
 */
#include "ec.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/objects.h>
#include <openssl/params.h>
#include <pthread.h>
#include <stdlib.h>

#include "secret.h"

#define SM2_ID "1234567812345678"
#define SM2_HEAD (2 + sizeof(SM2_ID) - 1 + 4 * 32)

/* Made once, then only read. */
struct curve {
	EC_GROUP *group;		/* NULL: not usable */
	EVP_PKEY *empty;		/* the curve's parameters, no key */
	EVP_MD *md;			/* of messages, and of the nonces' HMAC */
	BIGNUM *highest;		/* private key */
	uint8_t half[32];		/* of the order: the highest s that is low */
	uint8_t head[SM2_HEAD];		/* SM2: what Z begins with */
};

static struct curve curves[CURVE_COUNT];
static pthread_once_t curves_once = PTHREAD_ONCE_INIT;

/* ---- the curves ---- */

static EVP_PKEY *key_without_point(const char *type, const char *group)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)group, 0),
		OSSL_PARAM_END
	};
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *key = NULL;

	if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEY_PARAMETERS, params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	return key;
}

/* Size of the id in bits (u16), id, a, b, x and y of the base point. */
static bool sm2_head(struct curve *curve, BN_CTX *ctx)
{
	BIGNUM *numbers[4];
	uint8_t *p = curve->head;
	size_t i;
	bool ok;

	BN_CTX_start(ctx);
	for (i = 0; i < 4; i++)
		numbers[i] = BN_CTX_get(ctx);
	ok = numbers[3] != NULL &&
	     EC_GROUP_get_curve(curve->group, NULL, numbers[0], numbers[1], ctx) == 1 &&
	     EC_POINT_get_affine_coordinates(curve->group, EC_GROUP_get0_generator(curve->group),
					     numbers[2], numbers[3], ctx) == 1;
	tally_put_u16(p, 8 * (sizeof(SM2_ID) - 1));
	memcpy(p + 2, SM2_ID, sizeof(SM2_ID) - 1);
	p += 2 + sizeof(SM2_ID) - 1;
	for (i = 0; i < 4; i++, p += 32)
		ok = ok && BN_bn2binpad(numbers[i], p, 32) == 32;
	BN_CTX_end(ctx);
	return ok;
}

static bool curve_make(struct curve *curve, int nid, const char *type, const char *md)
{
	BN_CTX *ctx = BN_CTX_new();
	BIGNUM *half = BN_new();
	bool ok;

	if (ctx == NULL || half == NULL)
		abort();	/* no memory */
	curve->group = EC_GROUP_new_by_curve_name(nid);
	curve->empty = curve->group != NULL ? key_without_point(type, OBJ_nid2sn(nid)) : NULL;
	curve->md = EVP_MD_fetch(NULL, md, NULL);
	curve->highest = curve->group != NULL ? BN_dup(EC_GROUP_get0_order(curve->group)) : NULL;
	ok = curve->empty != NULL && curve->md != NULL && curve->highest != NULL &&
	     BN_sub_word(curve->highest, nid == NID_sm2 ? 2 : 1) == 1 &&
	     BN_rshift1(half, EC_GROUP_get0_order(curve->group)) == 1 &&
	     BN_bn2binpad(half, curve->half, 32) == 32 && sm2_head(curve, ctx);
	BN_free(half);
	BN_CTX_free(ctx);
	return ok;
}

static void curves_make(void)
{
	static const struct {
		int nid;
		const char *type, *md;
	} parts[CURVE_COUNT] = {
		[CURVE_P256] = { NID_X9_62_prime256v1, "EC", "SHA256" },
		[CURVE_SM2] = { NID_sm2, "SM2", "SM3" }
	};

	ERR_set_mark();
	for (size_t i = 0; i < CURVE_COUNT; i++) {
		struct curve *curve = &curves[i];

		if (curve_make(curve, parts[i].nid, parts[i].type, parts[i].md))
			continue;
		EC_GROUP_free(curve->group);
		EVP_PKEY_free(curve->empty);
		EVP_MD_free(curve->md);
		BN_free(curve->highest);
		memset(curve, 0, sizeof(*curve));
	}
	ERR_pop_to_mark();
}

/* NULL where OpenSSL lacks it. */
static const struct curve *curve_get(enum tally_curve id)
{
	pthread_once(&curves_once, curves_make);
	return curves[id].group != NULL ? &curves[id] : NULL;
}

bool tally_ec_usable(enum tally_curve curve)
{
	return curve_get(curve) != NULL;
}

/* ---- public keys and verifying ---- */

bool tally_ec_point_valid(enum tally_curve id, const uint8_t bytes[65])
{
	const struct curve *curve = curve_get(id);
	EC_POINT *point = curve != NULL ? EC_POINT_new(curve->group) : NULL;
	bool ok;

	ERR_set_mark();
	ok = point != NULL && bytes[0] == POINT_CONVERSION_UNCOMPRESSED &&
	     EC_POINT_oct2point(curve->group, point, bytes, 65, NULL) == 1;
	ERR_pop_to_mark();
	EC_POINT_free(point);
	return ok;
}

/* The form that OpenSSL takes: DER of two integers. Freed by OPENSSL_free; NULL if it fails. */
static uint8_t *signature_der(const uint8_t signature[64], size_t *size_r)
{
	ECDSA_SIG *pair = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(signature, 32, NULL), *s = BN_bin2bn(signature + 32, 32, NULL);
	uint8_t *der = NULL;
	int size;

	if (pair == NULL || ECDSA_SIG_set0(pair, r, s) != 1) {
		BN_free(r);
		BN_free(s);
		ECDSA_SIG_free(pair);
		return NULL;
	}
	size = i2d_ECDSA_SIG(pair, &der);
	ECDSA_SIG_free(pair);
	*size_r = size > 0 ? (size_t)size : 0;
	return size > 0 ? der : NULL;
}

bool tally_ec_verify(enum tally_curve id, const uint8_t point[65], const uint8_t digest[32],
		     const uint8_t signature[64])
{
	const struct curve *curve = curve_get(id);
	EVP_PKEY_CTX *ctx = NULL;
	EVP_PKEY *key = NULL;
	uint8_t *der;
	size_t size;
	bool ok;

	if (curve == NULL || point[0] != POINT_CONVERSION_UNCOMPRESSED ||
	    (id == CURVE_P256 && memcmp(signature + 32, curve->half, 32) > 0))
		return false;
	ERR_set_mark();
	der = signature_der(signature, &size);
	ok = der != NULL && (key = EVP_PKEY_dup(curve->empty)) != NULL &&
	     EVP_PKEY_set1_encoded_public_key(key, point, 65) == 1 &&
	     (ctx = EVP_PKEY_CTX_new(key, NULL)) != NULL && EVP_PKEY_verify_init(ctx) == 1 &&
	     EVP_PKEY_verify(ctx, der, size, digest, 32) == 1;
	ERR_pop_to_mark();
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(key);
	OPENSSL_free(der);
	return ok;
}

bool tally_sm2_digest(const uint8_t point[65], struct tally_bytes message, uint8_t digest_r[32])
{
	const struct curve *curve = curve_get(CURVE_SM2);
	EVP_MD_CTX *ctx = curve != NULL ? EVP_MD_CTX_new() : NULL;
	uint8_t z[32];
	bool ok;

	ok = ctx != NULL && EVP_DigestInit_ex2(ctx, curve->md, NULL) == 1 &&
	     EVP_DigestUpdate(ctx, curve->head, sizeof(curve->head)) == 1 &&
	     EVP_DigestUpdate(ctx, point + 1, 64) == 1 && EVP_DigestFinal_ex(ctx, z, NULL) == 1 &&
	     EVP_DigestInit_ex2(ctx, curve->md, NULL) == 1 &&
	     EVP_DigestUpdate(ctx, z, sizeof(z)) == 1 &&
	     EVP_DigestUpdate(ctx, message.data, message.size) == 1 &&
	     EVP_DigestFinal_ex(ctx, digest_r, NULL) == 1;
	EVP_MD_CTX_free(ctx);
	return ok;
}

/* ---- nonces: RFC 6979 3.2, where order and hash have 256 bits ---- */

struct nonce {
	const EVP_MD *md;
	uint8_t k[32], v[32];
};

/* k = HMAC(k, v || extra), then v = HMAC(k, v). It fails only for want of memory. */
static void nonce_step(struct nonce *nonce, const uint8_t *extra, size_t size)
{
	uint8_t message[32 + 1 + 64];

	memcpy(message, nonce->v, 32);
	memcpy(message + 32, extra, size);
	if (HMAC(nonce->md, nonce->k, 32, message, 32 + size, nonce->k, NULL) == NULL ||
	    HMAC(nonce->md, nonce->k, 32, nonce->v, 32, nonce->v, NULL) == NULL)
		abort();
	tally_wipe(message, sizeof(message));
}

/* Steps a to g; digest is below the order. */
static void nonce_init(struct nonce *nonce, const EVP_MD *md, const uint8_t private[32],
		       const uint8_t digest[32])
{
	uint8_t extra[1 + 64];

	nonce->md = md;
	memset(nonce->k, 0, 32);
	memset(nonce->v, 1, 32);
	extra[0] = 0;
	memcpy(extra + 1, private, 32);
	memcpy(extra + 33, digest, 32);
	nonce_step(nonce, extra, sizeof(extra));
	extra[0] = 1;
	nonce_step(nonce, extra, sizeof(extra));
	tally_wipe(extra, sizeof(extra));
}

/* Step h: the next candidate, and what leads to the one after it. */
static void nonce_next(struct nonce *nonce, uint8_t candidate_r[32])
{
	static const uint8_t zero[1];

	if (HMAC(nonce->md, nonce->k, 32, nonce->v, 32, nonce->v, NULL) == NULL)
		abort();
	memcpy(candidate_r, nonce->v, 32);
	nonce_step(nonce, zero, 1);
}

/* ---- signing ---- */

/* The numbers of one signature; they live in ctx, which clears them. */
struct signing {
	const struct curve *curve;
	const BIGNUM *n;		/* the order */
	BN_CTX *ctx;
	BIGNUM *d, *e, *k;		/* private key, digest mod n, nonce */
	BIGNUM *b;			/* random: what depends on d or k is multiplied by it first */
	BIGNUM *bd, *bk;		/* b d, b k */
	BIGNUM *r, *s, *t;
};

static bool signing_init(struct signing *sign, const struct curve *curve, const uint8_t private[32],
			 const uint8_t digest[32])
{
	BIGNUM **const numbers[] = { &sign->d, &sign->e, &sign->k, &sign->b, &sign->bd, &sign->bk,
				     &sign->r, &sign->s, &sign->t };

	sign->curve = curve;
	sign->n = EC_GROUP_get0_order(curve->group);
	sign->ctx = BN_CTX_secure_new();
	if (sign->ctx == NULL)
		return false;
	BN_CTX_start(sign->ctx);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		*numbers[i] = BN_CTX_get(sign->ctx);
	if (sign->t == NULL)
		return false;
	BN_set_flags(sign->d, BN_FLG_CONSTTIME);
	BN_set_flags(sign->k, BN_FLG_CONSTTIME);
	return BN_bin2bn(private, 32, sign->d) != NULL && !BN_is_zero(sign->d) &&
	       BN_cmp(sign->d, curve->highest) <= 0 && BN_bin2bn(digest, 32, sign->e) != NULL &&
	       BN_nnmod(sign->e, sign->e, sign->n, sign->ctx) == 1;
}

static void signing_end(struct signing *sign)
{
	if (sign->ctx != NULL)
		BN_CTX_end(sign->ctx);
	BN_CTX_free(sign->ctx);
}

/* x of k times the base point, mod n, into r; and the random number with its multiples. */
static bool signing_begin(struct signing *sign)
{
	EC_POINT *point = EC_POINT_new(sign->curve->group);
	bool ok;

	ok = point != NULL &&
	     EC_POINT_mul(sign->curve->group, point, sign->k, NULL, NULL, sign->ctx) == 1 &&
	     EC_POINT_get_affine_coordinates(sign->curve->group, point, sign->r, NULL,
					     sign->ctx) == 1 &&
	     BN_nnmod(sign->r, sign->r, sign->n, sign->ctx) == 1 &&
	     BN_priv_rand_range(sign->b, sign->curve->highest) == 1 && BN_add_word(sign->b, 1) == 1 &&
	     BN_mod_mul(sign->bd, sign->b, sign->d, sign->n, sign->ctx) == 1 &&
	     BN_mod_mul(sign->bk, sign->b, sign->k, sign->n, sign->ctx) == 1;
	EC_POINT_clear_free(point);
	return ok;
}

/* s = (b e + b d r) / (b k), then the lower of s and n - s. */
static bool ecdsa_finish(struct signing *sign)
{
	BIGNUM *s = sign->s, *t = sign->t;
	uint8_t bytes[32];
	bool ok;

	ok = BN_mod_mul(s, sign->bd, sign->r, sign->n, sign->ctx) == 1 &&
	     BN_mod_mul(t, sign->b, sign->e, sign->n, sign->ctx) == 1 &&
	     BN_mod_add(s, s, t, sign->n, sign->ctx) == 1 &&
	     BN_mod_inverse(t, sign->bk, sign->n, sign->ctx) != NULL &&
	     BN_mod_mul(s, s, t, sign->n, sign->ctx) == 1 && BN_bn2binpad(s, bytes, 32) == 32;
	if (ok && memcmp(bytes, sign->curve->half, 32) > 0)
		ok = BN_sub(s, sign->n, s) == 1;
	return ok;
}

/*
 * r = e + x, s = (b k - b d r) / (b + b d). r + k = n would show the private key; r is made 0
 * then, which is no signature either.
 */
static bool sm2_finish(struct signing *sign)
{
	BIGNUM *s = sign->s, *t = sign->t;
	bool ok;

	ok = BN_mod_add(sign->r, sign->r, sign->e, sign->n, sign->ctx) == 1 &&
	     BN_mod_add(t, sign->r, sign->k, sign->n, sign->ctx) == 1;
	if (ok && BN_is_zero(t))
		BN_zero(sign->r);
	return ok && BN_mod_mul(s, sign->bd, sign->r, sign->n, sign->ctx) == 1 &&
	       BN_mod_sub(s, sign->bk, s, sign->n, sign->ctx) == 1 &&
	       BN_mod_add(t, sign->b, sign->bd, sign->n, sign->ctx) == 1 &&
	       BN_mod_inverse(t, t, sign->n, sign->ctx) != NULL &&
	       BN_mod_mul(s, s, t, sign->n, sign->ctx) == 1;
}

/* One nonce after the other until r and s are numbers that a signature may have. */
static bool signing_run(struct signing *sign, bool (*finish)(struct signing *),
			const uint8_t private[32])
{
	struct nonce nonce;
	uint8_t bytes[32];
	bool ok;

	ok = BN_bn2binpad(sign->e, bytes, 32) == 32;
	nonce_init(&nonce, sign->curve->md, private, bytes);
	while (ok) {
		nonce_next(&nonce, bytes);
		ok = BN_bin2bn(bytes, 32, sign->k) != NULL;
		if (ok && (BN_is_zero(sign->k) || BN_cmp(sign->k, sign->n) >= 0))
			continue;
		ok = ok && signing_begin(sign) && finish(sign);
		if (ok && !BN_is_zero(sign->r) && !BN_is_zero(sign->s))
			break;
	}
	tally_wipe(&nonce, sizeof(nonce));
	tally_wipe(bytes, sizeof(bytes));
	return ok;
}

bool tally_ec_sign(enum tally_curve id, const uint8_t private[32], const uint8_t digest[32],
		   uint8_t signature_r[64])
{
	const struct curve *curve = curve_get(id);
	struct signing sign;
	bool ok;

	if (curve == NULL)
		return false;
	ERR_set_mark();
	ok = signing_init(&sign, curve, private, digest) &&
	     signing_run(&sign, id == CURVE_SM2 ? sm2_finish : ecdsa_finish, private) &&
	     BN_bn2binpad(sign.r, signature_r, 32) == 32 &&
	     BN_bn2binpad(sign.s, signature_r + 32, 32) == 32;
	signing_end(&sign);
	ERR_pop_to_mark();
	return ok;
}

bool tally_ec_public(enum tally_curve id, const uint8_t private[32], uint8_t point_r[65])
{
	static const uint8_t no_digest[32];
	const struct curve *curve = curve_get(id);
	EC_POINT *point = curve != NULL ? EC_POINT_new(curve->group) : NULL;
	struct signing sign;
	bool ok;

	if (point == NULL)
		return false;
	ERR_set_mark();
	ok = signing_init(&sign, curve, private, no_digest) &&
	     EC_POINT_mul(curve->group, point, sign.d, NULL, NULL, sign.ctx) == 1 &&
	     EC_POINT_point2oct(curve->group, point, POINT_CONVERSION_UNCOMPRESSED, point_r, 65,
				sign.ctx) == 65;
	signing_end(&sign);
	ERR_pop_to_mark();
	EC_POINT_clear_free(point);
	return ok;
}
