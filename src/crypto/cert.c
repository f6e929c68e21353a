/* Certificates of callers, through OpenSSL; see cert.h. */
#include "config.h"

#include "cert.h"

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <time.h>

#include "arena.h"
#include "ec.h"
#include "member_key.h"

/* ---- reading ---- */

static int malformed(struct tally_err *err, const char *why)
{
	return tally_err_about(err, TALLY_INVALID, "form", "%s", why);
}

/*
 * Every block of the text must be a certificate: what else stands there, a private key above all, was
 * put there by mistake.
 */
static int read_blocks(BIO *bio, STACK_OF(X509) *certs, struct tally_err *err)
{
	char *name = NULL, *header = NULL;
	uint8_t *der = NULL;
	long size = 0;

	while (PEM_read_bio_ex(bio, &name, &header, &der, &size, PEM_FLAG_SECURE) == 1) {
		const uint8_t *end = der;
		bool right = strcmp(name, "CERTIFICATE") == 0 && header[0] == '\0';
		X509 *cert = right ? d2i_X509(NULL, &end, size) : NULL;
		bool whole = cert != NULL && end == der + size;

		OPENSSL_secure_free(name);
		OPENSSL_secure_free(header);
		OPENSSL_secure_clear_free(der, (size_t)size);
		name = header = NULL;
		der = NULL;
		if (!whole || sk_X509_num(certs) >= (int)TALLY_CERT_CHAIN ||
		    sk_X509_push(certs, cert) == 0) {
			X509_free(cert);
			return malformed(err, !right ? "a block of it is no certificate" :
					      !whole ? "a certificate in it is malformed" :
						       "it has more than 8 certificates");
		}
	}
	if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		return malformed(err, "it is malformed PEM (RFC 7468)");
	if (sk_X509_num(certs) == 0)
		return malformed(err, "there is no certificate in it");
	return 0;
}

static int read_certs(struct tally_bytes pem, STACK_OF(X509) **certs_r, struct tally_err *err)
{
	BIO *bio;
	int result;

	*certs_r = NULL;
	if (pem.size == 0 || pem.size > TALLY_CERT_MAX)
		return malformed(err, "it has 1 to 16384 characters");
	bio = BIO_new_mem_buf(pem.data, (int)pem.size);
	*certs_r = sk_X509_new_null();
	if (bio == NULL || *certs_r == NULL)
		abort();	/* no memory */
	result = read_blocks(bio, *certs_r, err);
	BIO_free(bio);
	return result;
}

static void free_certs(STACK_OF(X509) *certs)
{
	sk_X509_pop_free(certs, X509_free);
}

/* ---- what a certificate says ---- */

/* A date outside of what 64 bits of milliseconds since 1970 hold is its end. */
static uint64_t time_ms(const ASN1_TIME *at)
{
	struct tm tm;
	time_t seconds;

	if (ASN1_TIME_to_tm(at, &tm) != 1)
		return 0;
	seconds = timegm(&tm);
	return seconds > 0 ? (uint64_t)seconds * 1000 : 0;
}

static void name_of(X509 *cert, char name_r[TALLY_CERT_NAME + 1])
{
	BIO *bio = BIO_new(BIO_s_mem());
	int size = 0;

	if (bio == NULL)
		abort();	/* no memory */
	if (X509_NAME_print_ex(bio, X509_get_subject_name(cert), 0,
			       XN_FLAG_RFC2253 & ~ASN1_STRFLGS_UTF8_CONVERT) >= 0)
		size = BIO_read(bio, name_r, TALLY_CERT_NAME);
	name_r[size > 0 ? size : 0] = '\0';
	for (int i = 0; i < size; i++)
		if (name_r[i] < ' ' || name_r[i] > '~')
			name_r[i] = '?';
	BIO_free(bio);
}

static void describe(X509 *cert, struct tally_cert *cert_r)
{
	unsigned int size = 0;

	memset(cert_r, 0, sizeof(*cert_r));
	cert_r->from_ms = time_ms(X509_get0_notBefore(cert));
	cert_r->until_ms = time_ms(X509_get0_notAfter(cert));
	if (X509_digest(cert, EVP_sha256(), cert_r->hash, &size) != 1)
		abort();	/* no memory */
	name_of(cert, cert_r->name);
}

static int take_point(X509 *cert, uint8_t point_r[65], struct tally_err *err)
{
	EVP_PKEY *key = X509_get0_pubkey(cert);
	char group[32] = "";
	uint8_t bytes[65];
	size_t size = 0;

	if (key == NULL || !EVP_PKEY_is_a(key, "EC") ||
	    EVP_PKEY_get_group_name(key, group, sizeof(group), &size) != 1 ||
	    strcmp(group, "prime256v1") != 0 ||
	    EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, bytes,
					    sizeof(bytes), &size) != 1 ||
	    size != sizeof(bytes) || !tally_ec_point_valid(CURVE_P256, bytes))
		return tally_err_about(err, TALLY_INVALID, "key",
				       "the key of the certificate is not on the curve P-256");
	memcpy(point_r, bytes, sizeof(bytes));
	return 0;
}

int tally_cert_anchor(struct tally_bytes pem, struct tally_cert *cert_r, struct tally_err *err)
{
	STACK_OF(X509) *certs;
	int result;

	ERR_set_mark();
	result = read_certs(pem, &certs, err);
	if (result == 0 && sk_X509_num(certs) != 1)
		result = malformed(err, "it has more than one certificate");
	if (result == 0 && X509_check_ca(sk_X509_value(certs, 0)) != 1)
		result = malformed(err, "it is not the certificate of a CA (basicConstraints, keyUsage)");
	if (result == 0)
		describe(sk_X509_value(certs, 0), cert_r);
	free_certs(certs);
	ERR_pop_to_mark();
	return result;
}

/* ---- verifying ---- */

/* OpenSSL's many reasons as the few of ours. */
static int refuse(int reason, struct tally_err *err)
{
	static const struct {
		int reason;
		const char *rule;
	} rules[] = {
		{ X509_V_ERR_CERT_NOT_YET_VALID, "validity" },
		{ X509_V_ERR_CERT_HAS_EXPIRED, "validity" },
		{ X509_V_ERR_ERROR_IN_CERT_NOT_BEFORE_FIELD, "validity" },
		{ X509_V_ERR_ERROR_IN_CERT_NOT_AFTER_FIELD, "validity" },
		{ X509_V_ERR_INVALID_CA, "usage" },
		{ X509_V_ERR_INVALID_NON_CA, "usage" },
		{ X509_V_ERR_KEYUSAGE_NO_CERTSIGN, "usage" },
		{ X509_V_ERR_PATH_LENGTH_EXCEEDED, "usage" },
		{ X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION, "usage" },
	};
	const char *rule = "chain";

	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++)
		if (rules[i].reason == reason)
			rule = rules[i].rule;
	return tally_err_about(err, TALLY_DENIED, rule, "%s", X509_verify_cert_error_string(reason));
}

/* Where the organisation is known by a CA under another one, that is the end of the chain. */
static int verify_chain(X509 *anchor, STACK_OF(X509) *certs, uint64_t now_ms, struct tally_err *err)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	X509_VERIFY_PARAM *param;
	int result;

	if (store == NULL || ctx == NULL || X509_STORE_add_cert(store, anchor) != 1 ||
	    X509_STORE_CTX_init(ctx, store, sk_X509_value(certs, 0), certs) != 1)
		abort();	/* no memory */
	param = X509_STORE_CTX_get0_param(ctx);
	X509_VERIFY_PARAM_set_time(param, (time_t)(now_ms / 1000));
	X509_VERIFY_PARAM_set_depth(param, (int)TALLY_CERT_CHAIN);
	X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_X509_STRICT);
	result = X509_verify_cert(ctx) == 1 ? 0 : refuse(X509_STORE_CTX_get_error(ctx), err);
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	return result;
}

static int verify(STACK_OF(X509) *anchors, STACK_OF(X509) *certs, uint64_t now_ms,
		  struct tally_cert *cert_r, struct tally_err *err)
{
	X509 *cert = sk_X509_value(certs, 0);
	uint8_t point[65];

	if (take_point(cert, point, err) != 0 ||
	    verify_chain(sk_X509_value(anchors, 0), certs, now_ms, err) != 0)
		return -1;
	if ((X509_get_key_usage(cert) & KU_DIGITAL_SIGNATURE) == 0)
		return tally_err_about(err, TALLY_DENIED, "usage",
				       "the certificate is not for digital signatures");
	describe(cert, cert_r);
	memcpy(cert_r->point, point, sizeof(point));
	return 0;
}

int tally_cert_verify(struct tally_bytes pem, struct tally_bytes anchor, uint64_t now_ms,
		      struct tally_cert *cert_r, struct tally_err *err)
{
	STACK_OF(X509) *certs = NULL, *anchors = NULL;
	int result;

	ERR_set_mark();
	result = read_certs(pem, &certs, err);
	if (result == 0 && read_certs(anchor, &anchors, err) != 0)
		result = tally_err_set(err, TALLY_CORRUPT, "the organisation's certificate");
	if (result == 0)
		result = verify(anchors, certs, now_ms, cert_r, err);
	free_certs(certs);
	free_certs(anchors);
	ERR_pop_to_mark();
	return result;
}

/* ---- keys ---- */

static EVP_PKEY *pkey_of_point(const uint8_t point[65])
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)"prime256v1", 0),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)point, 65),
		OSSL_PARAM_END
	};
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY *pkey = NULL;

	if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
		pkey = NULL;
	EVP_PKEY_CTX_free(ctx);
	return pkey;
}

char *tally_point_pem(const uint8_t point[65], struct tally_arena *arena)
{
	EVP_PKEY *pkey = pkey_of_point(point);
	BIO *bio = BIO_new(BIO_s_mem());
	char *data = NULL, *text;
	long size;

	if (pkey == NULL || bio == NULL || PEM_write_bio_PUBKEY(bio, pkey) != 1)
		abort();	/* the point is valid: no memory */
	size = BIO_get_mem_data(bio, &data);
	text = tally_arena_str(arena, tally_bytes(data, (size_t)size));
	BIO_free(bio);
	EVP_PKEY_free(pkey);
	return text;
}

/* ---- making ---- */

static bool add_extension(X509 *cert, int nid, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
	bool good = extension != NULL && X509_add_ext(cert, extension, -1) == 1;

	X509_EXTENSION_free(extension);
	return good;
}

/* Key identifiers are what a strict check wants to find. */
static bool add_key_ids(X509 *cert, X509 *issuer)
{
	X509V3_CTX ctx;
	X509_EXTENSION *subject, *authority = NULL;
	bool good;

	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	subject = X509V3_EXT_conf_nid(NULL, &ctx, NID_subject_key_identifier, "hash");
	good = subject != NULL && X509_add_ext(cert, subject, -1) == 1;
	if (good && issuer != cert)
		authority = X509V3_EXT_conf_nid(NULL, &ctx, NID_authority_key_identifier, "keyid");
	if (good && issuer != cert)
		good = authority != NULL && X509_add_ext(cert, authority, -1) == 1;
	X509_EXTENSION_free(subject);
	X509_EXTENSION_free(authority);
	return good;
}

static bool set_name(X509_NAME *name, const char *common)
{
	return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const uint8_t *)common, -1, -1,
					  0) == 1;
}

static EVP_PKEY *pkey_of_private(const uint8_t private[32], struct tally_err *err)
{
	char text[TALLY_MEMBER_PEM_TEXT];
	EVP_PKEY *pkey;
	BIO *bio;

	if (tally_member_pem_format(KEY_TYPE_SECP256R1, private, text, err) != 0)
		return NULL;
	bio = BIO_new_mem_buf(text, -1);
	pkey = bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;
	BIO_free(bio);
	OPENSSL_cleanse(text, sizeof(text));
	return pkey;
}

/* The issuer's own certificate, as far as the key identifiers need one. */
static bool fill(X509 *cert, X509 *issuer, const struct tally_cert_make *make, EVP_PKEY *key,
		 EVP_PKEY *issuer_key)
{
	ASN1_INTEGER *serial = X509_get_serialNumber(cert);
	X509 *by = make->issuer_key != NULL ? issuer : cert;
	uint8_t random[8];

	tally_put_u64(random, make->from_ms ^ (uint64_t)(uintptr_t)make->key);
	return X509_set_version(cert, X509_VERSION_3) == 1 &&
	       ASN1_INTEGER_set_uint64(serial, tally_get_u64(random) >> 1 | 1) == 1 &&
	       ASN1_TIME_set(X509_getm_notBefore(cert), (time_t)(make->from_ms / 1000)) != NULL &&
	       ASN1_TIME_set(X509_getm_notAfter(cert), (time_t)(make->until_ms / 1000)) != NULL &&
	       set_name(X509_get_subject_name(cert), make->name) &&
	       set_name(X509_get_subject_name(issuer), make->issuer_name != NULL ? make->issuer_name :
										 make->name) &&
	       X509_set_issuer_name(cert, X509_get_subject_name(issuer)) == 1 &&
	       X509_set_pubkey(cert, key) == 1 && X509_set_pubkey(issuer, issuer_key) == 1 &&
	       add_extension(issuer, NID_basic_constraints, "critical,CA:TRUE") &&
	       add_key_ids(issuer, issuer) &&
	       add_extension(cert, NID_basic_constraints,
			     make->ca ? "critical,CA:TRUE" : "critical,CA:FALSE") &&
	       add_extension(cert, NID_key_usage, make->ca ? "critical,keyCertSign,cRLSign" :
						  make->no_signing ? "critical,keyAgreement" :
								     "critical,digitalSignature") &&
	       add_key_ids(cert, by) && X509_sign(cert, issuer_key, EVP_sha256()) > 0;
}

static char *to_pem(X509 *cert, struct tally_arena *arena)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *data = NULL, *text = NULL;
	long size;

	if (bio != NULL && PEM_write_bio_X509(bio, cert) == 1) {
		size = BIO_get_mem_data(bio, &data);
		text = tally_arena_str(arena, tally_bytes(data, (size_t)size));
	}
	BIO_free(bio);
	return text;
}

int tally_cert_make(const struct tally_cert_make *make, struct tally_arena *arena, char **pem_r,
		    struct tally_err *err)
{
	EVP_PKEY *key = pkey_of_private(make->key, err), *issuer_key = NULL;
	X509 *cert = X509_new(), *issuer = X509_new();

	*pem_r = NULL;
	if (key != NULL)
		issuer_key = pkey_of_private(
			make->issuer_key != NULL ? make->issuer_key : make->key, err);
	if (issuer_key != NULL && cert != NULL && issuer != NULL &&
	    fill(cert, issuer, make, key, issuer_key))
		*pem_r = to_pem(cert, arena);
	X509_free(cert);
	X509_free(issuer);
	EVP_PKEY_free(key);
	EVP_PKEY_free(issuer_key);
	if (*pem_r != NULL)
		return 0;
	return tally_err_set(err, TALLY_INVALID, "the certificate cannot be made");
}
