/*
 * Members' private keys as PEM and in files, through OpenSSL.
 *
 * The blocks of a PEM text are taken apart here, since OpenSSL's own reader passes over what it
 * does not like, decodes whatever any module of it can, and asks for passphrases at the terminal.
 */
#include "config.h"

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>

#include "err.h"
#include "member_key.h"
#include "secret.h"
#include "secret_file.h"

#define WHAT "private key"

/* The kinds that are numbers on a curve, by OpenSSL's name of the curve and kind of key. */
static const struct ec_kind {
	enum tally_key_type type;
	int nid;
	const char *key_type;
} ec_kinds[] = {
	{ KEY_TYPE_SECP256K1, NID_secp256k1, "EC" },
	{ KEY_TYPE_SECP256R1, NID_X9_62_prime256v1, "EC" },
	{ KEY_TYPE_SM2, NID_sm2, "SM2" }
};

#define EC_KINDS (sizeof(ec_kinds) / sizeof(ec_kinds[0]))

/* NULL for a curve that is none of ours. */
static const struct ec_kind *ec_kind_by_nid(int nid)
{
	for (size_t i = 0; i < EC_KINDS; i++)
		if (ec_kinds[i].nid == nid)
			return &ec_kinds[i];
	return NULL;
}

/* ---- writing ---- */

/* The number in the machine's byte order, as OpenSSL's parameters have it. */
static void to_native(const uint8_t number[32], uint8_t native_r[32])
{
	for (size_t i = 0; i < 32; i++)
		native_r[i] = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? number[31 - i] : number[i];
}

static EVP_PKEY *ec_pkey(const struct ec_kind *kind, const uint8_t private[32],
			 const struct tally_member_key *public)
{
	uint8_t native[32];
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
						 (char *)OBJ_nid2sn(kind->nid), 0),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)public->bytes,
						  public->size),
		OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_PRIV_KEY, native, sizeof(native)),
		OSSL_PARAM_END
	};
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, kind->key_type, NULL);
	EVP_PKEY *pkey = NULL;

	to_native(private, native);
	if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_KEYPAIR, params) != 1)
		pkey = NULL;
	tally_wipe(native, sizeof(native));
	EVP_PKEY_CTX_free(ctx);
	return pkey;
}

static EVP_PKEY *pkey_of(const struct tally_member_key *public, const uint8_t private[32])
{
	if (public->type == KEY_TYPE_ED25519)
		return EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, private, 32);
	for (size_t i = 0; i < EC_KINDS; i++)
		if (ec_kinds[i].type == public->type)
			return ec_pkey(&ec_kinds[i], private, public);
	return NULL;
}

int tally_member_pem_format(unsigned int type, const uint8_t private[TALLY_MEMBER_PRIVATE],
			    char text_r[TALLY_MEMBER_PEM_TEXT], struct tally_err *err)
{
	struct tally_member_key public;
	EVP_PKEY *pkey = NULL;
	BIO *bio = NULL;
	int size = -1;

	if (tally_member_public(type, private, &public, err) < 0)
		return -1;
	ERR_set_mark();
	pkey = pkey_of(&public, private);
	bio = BIO_new(BIO_s_secmem());		/* cleared when freed */
	if (pkey != NULL && bio != NULL &&
	    PEM_write_bio_PKCS8PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL) == 1)
		size = BIO_read(bio, text_r, TALLY_MEMBER_PEM_TEXT - 1);
	ERR_pop_to_mark();
	EVP_PKEY_free(pkey);
	BIO_free(bio);
	if (size <= 0 || (unsigned int)size >= TALLY_MEMBER_PEM_TEXT - 1)
		return tally_err_set(err, TALLY_UNSUPPORTED, "%s: this system's OpenSSL cannot write it",
				     tally_key_type_name(type));
	text_r[size] = '\0';
	return 0;
}

/* ---- reading ---- */

/* Does the public key that came with a private one belong to it? */
static bool has_public(const EVP_PKEY *pkey, const struct tally_member_key *public)
{
	static const char *const names[2] = { OSSL_PKEY_PARAM_EC_PUB_X, OSSL_PKEY_PARAM_EC_PUB_Y };
	bool ok = true;

	for (size_t i = 0; i < 2 && ok; i++) {
		uint8_t bytes[32];
		BIGNUM *number = NULL;

		ok = EVP_PKEY_get_bn_param(pkey, names[i], &number) == 1 &&
		     BN_bn2binpad(number, bytes, 32) == 32 &&
		     memcmp(bytes, public->bytes + 1 + 32 * i, 32) == 0;
		BN_free(number);
	}
	return ok;
}

static int take_ec(const EVP_PKEY *pkey, enum tally_key_type *type_r, uint8_t private_r[32],
		   struct tally_err *err)
{
	struct tally_member_key public;
	const struct ec_kind *kind;
	BIGNUM *number = NULL;
	char group[64];
	int explicit = 0;
	bool ok;

	EVP_PKEY_get_int_param(pkey, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &explicit);
	if (explicit != 0 || EVP_PKEY_get_group_name(pkey, group, sizeof(group), NULL) != 1 ||
	    (kind = ec_kind_by_nid(OBJ_txt2nid(group))) == NULL)
		return tally_err_set(err, TALLY_UNSUPPORTED, "it is on another curve");
	ok = EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_PRIV_KEY, &number) == 1 &&
	     BN_bn2binpad(number, private_r, 32) == 32;
	BN_clear_free(number);
	if (!ok)
		return tally_err_set(err, TALLY_INVALID, "it has no private key in range");
	if (tally_member_public(kind->type, private_r, &public, err) < 0)
		return -1;
	if (!has_public(pkey, &public))
		return tally_err_set(err, TALLY_INVALID, "its public key is not that of its private key");
	*type_r = kind->type;
	return 0;
}

static int take_pkey(const EVP_PKEY *pkey, enum tally_key_type *type_r, uint8_t private_r[32],
		     struct tally_err *err)
{
	size_t size = 32;

	if (EVP_PKEY_is_a(pkey, "EC") || EVP_PKEY_is_a(pkey, "SM2"))
		return take_ec(pkey, type_r, private_r, err);
	if (!EVP_PKEY_is_a(pkey, "ED25519"))
		return tally_err_set(err, TALLY_UNSUPPORTED, "it is a key of another kind");
	if (EVP_PKEY_get_raw_private_key(pkey, private_r, &size) != 1 || size != 32)
		return tally_err_set(err, TALLY_INVALID, "it has no private key");
	*type_r = KEY_TYPE_ED25519;
	return 0;
}

/* Is the algorithm that PKCS#8 names one of ours? Asked before anything further is decoded. */
static bool is_known(const PKCS8_PRIV_KEY_INFO *info)
{
	const X509_ALGOR *algorithm;
	const ASN1_OBJECT *name, *curve;
	const void *parameter;
	int kind, nid;

	if (PKCS8_pkey_get0(NULL, NULL, NULL, &algorithm, info) != 1)
		return false;
	X509_ALGOR_get0(&name, &kind, &parameter, algorithm);
	nid = OBJ_obj2nid(name);
	if (nid == NID_ED25519)
		return true;
	if (nid != NID_X9_62_id_ecPublicKey || kind != V_ASN1_OBJECT)
		return false;
	curve = parameter;
	return ec_kind_by_nid(OBJ_obj2nid(curve)) != NULL;
}

static int take_pkcs8(const uint8_t *der, size_t size, EVP_PKEY **pkey_r, struct tally_err *err)
{
	const uint8_t *end = der;
	PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &end, (long)size);
	int result = 0;

	if (info == NULL || end != der + size)
		result = tally_err_set(err, TALLY_INVALID, "not PKCS#8 (RFC 5958)");
	else if (!is_known(info))
		result = tally_err_set(err, TALLY_UNSUPPORTED,
				       "it is a key of another kind, or on another curve");
	else if ((*pkey_r = EVP_PKCS82PKEY(info)) == NULL)
		result = tally_err_set(err, TALLY_INVALID, "the key in it is malformed");
	PKCS8_PRIV_KEY_INFO_free(info);
	return result;
}

static int take_sec1(const uint8_t *der, size_t size, EVP_PKEY **pkey_r, struct tally_err *err)
{
	const uint8_t *end = der;

	*pkey_r = d2i_PrivateKey(EVP_PKEY_EC, NULL, &end, (long)size);
	if (*pkey_r == NULL || end != der + size)
		return tally_err_set(err, TALLY_INVALID, "not an EC private key (RFC 5915) of a curve "
				     "that OpenSSL knows");
	return 0;
}

/* One block of PEM, cleared when it is freed. */
struct block {
	char *name, *header;
	uint8_t *der;
	long size;
};

static void block_free(struct block *block)
{
	OPENSSL_secure_free(block->name);
	OPENSSL_secure_free(block->header);
	OPENSSL_secure_clear_free(block->der, (size_t)block->size);
	*block = (struct block){ 0 };
}

/* 1 for a private key of one of our kinds, 0 for a block to be passed over. */
static int take_block(const struct block *block, enum tally_key_type *type_r, uint8_t private_r[32],
		      struct tally_err *err)
{
	EVP_PKEY *pkey = NULL;
	int result;

	if (strcmp(block->name, "EC PARAMETERS") == 0 || strcmp(block->name, "SM2 PARAMETERS") == 0)
		return 0;
	if (strcmp(block->name, "ENCRYPTED PRIVATE KEY") == 0 || block->header[0] != '\0')
		return tally_err_set(err, TALLY_UNSUPPORTED, "it is under a passphrase");
	if (strcmp(block->name, "PRIVATE KEY") == 0)
		result = take_pkcs8(block->der, (size_t)block->size, &pkey, err);
	else if (strcmp(block->name, "EC PRIVATE KEY") == 0)
		result = take_sec1(block->der, (size_t)block->size, &pkey, err);
	else
		result = tally_err_set(err, TALLY_UNSUPPORTED, "it is not a private key of a kind that "
				       "members have");
	if (result == 0)
		result = take_pkey(pkey, type_r, private_r, err);
	EVP_PKEY_free(pkey);
	return result < 0 ? -1 : 1;
}

/* The next block; 0 where there is no further one. */
static int next_block(BIO *bio, struct block *block_r, struct tally_err *err)
{
	unsigned long reason;

	*block_r = (struct block){ 0 };
	if (PEM_read_bio_ex(bio, &block_r->name, &block_r->header, &block_r->der, &block_r->size,
			    PEM_FLAG_SECURE | PEM_FLAG_EAY_COMPATIBLE) == 1)
		return 1;
	reason = ERR_peek_last_error();
	*block_r = (struct block){ 0 };
	if (ERR_GET_LIB(reason) == ERR_LIB_PEM && ERR_GET_REASON(reason) == PEM_R_NO_START_LINE)
		return 0;
	return tally_err_set(err, TALLY_INVALID, "it is malformed PEM (RFC 7468)");
}

static int take_blocks(BIO *bio, enum tally_key_type *type_r, uint8_t private_r[32],
		       struct tally_err *err)
{
	struct block block;
	int got, keys = 0;

	while ((got = next_block(bio, &block, err)) == 1) {
		got = take_block(&block, type_r, private_r, err);
		block_free(&block);
		if (got < 0)
			return -1;
		keys += got;
	}
	if (got < 0)
		return -1;
	if (keys != 1)
		return tally_err_set(err, TALLY_INVALID, "there is %s private key in it",
				     keys == 0 ? "no" : "more than one");
	return 0;
}

int tally_member_pem_parse(struct tally_bytes text, enum tally_key_type *type_r,
			   uint8_t private_r[TALLY_MEMBER_PRIVATE], struct tally_err *err)
{
	BIO *bio;
	int result;

	if (text.size == 0 || text.size > TALLY_MEMBER_PEM_MAX)
		return tally_err_set(err, TALLY_INVALID, "a private key has 1 to %u characters, not %zu",
				     TALLY_MEMBER_PEM_MAX, text.size);
	bio = BIO_new_mem_buf(text.data, (int)text.size);
	if (bio == NULL)
		abort();	/* no memory */
	ERR_set_mark();
	result = take_blocks(bio, type_r, private_r, err);
	ERR_pop_to_mark();
	BIO_free(bio);
	if (result < 0)
		tally_wipe(private_r, TALLY_MEMBER_PRIVATE);
	return result;
}

/* ---- files ---- */

int tally_member_key_file_write(const char *path, unsigned int type,
				const uint8_t private[TALLY_MEMBER_PRIVATE], struct tally_err *err)
{
	char text[TALLY_MEMBER_PEM_TEXT];
	int result = tally_member_pem_format(type, private, text, err);

	if (result == 0)
		result = tally_secret_file_create(path, WHAT, tally_bytes_str(text), err);
	tally_wipe(text, sizeof(text));
	return result;
}

int tally_member_key_file_read(const char *path, enum tally_key_type *type_r,
			       uint8_t private_r[TALLY_MEMBER_PRIVATE], struct tally_err *err)
{
	uint8_t text[TALLY_MEMBER_PEM_MAX + 1];
	size_t size = 0;
	int result = tally_secret_file_read(path, WHAT, text, sizeof(text), &size, err);

	if (result == 0 && tally_member_pem_parse(tally_bytes(text, size), type_r, private_r, err) < 0)
		result = tally_err_prefix(err, WHAT " %s", path);
	tally_wipe(text, sizeof(text));
	return result;
}
