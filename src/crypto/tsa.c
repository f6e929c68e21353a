/*
 * An authority's own side of RFC 3161, self-made: its certificates vouch for nobody. For tests,
 * demonstrations, and for learning what an anchor is before paying for one. See tsp.h.
 */
#include <stdio.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ts.h>
#include <openssl/x509v3.h>

#include "arena.h"
#include "secret.h"
#include "tsp_private.h"

#define MARK " (self-made, for tests)"
#define QUERY_MOST 4096			/* what it says (a nonce) comes back in the reply */
#define POLICY "2.999.3161"		/* below the arc that is set aside for examples */

struct tally_tsa {
	X509 *certificate;
	STACK_OF(X509) *chain;
	EVP_PKEY *key;
	ASN1_OBJECT *policy;
	char name[TALLY_TSP_NAME + 1];
};

/* ---- making one ---- */

struct subject {
	const char *name, *role;	/* "Demo" and " CA" */
	EVP_PKEY *key;
	X509 *issuer;			/* NULL: itself */
	EVP_PKEY *issuer_key;
	uint64_t from_ms, until_ms;
};

static bool set_names(X509 *certificate, const struct subject *subject)
{
	X509_NAME *name = X509_get_subject_name(certificate);
	char text[TALLY_TSP_NAME + 1];

	snprintf(text, sizeof(text), "%.100s%s%s", subject->name, subject->role, MARK);
	return X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8, (const uint8_t *)"Self-made, for tests",
					  -1, -1, 0) == 1 &&
	       X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const uint8_t *)text, -1, -1,
					  0) == 1 &&
	       X509_set_issuer_name(certificate, subject->issuer != NULL ?
				    X509_get_subject_name(subject->issuer) : name) == 1;
}

static bool add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
	X509_EXTENSION *extension;
	X509V3_CTX ctx;
	bool good;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, issuer, certificate, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	good = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;
	X509_EXTENSION_free(extension);
	return good;
}

static bool add_extensions(X509 *certificate, X509 *issuer)
{
	bool is_ca = issuer == certificate;

	return add_extension(certificate, issuer, NID_basic_constraints,
			     is_ca ? "critical,CA:TRUE,pathlen:0" : "critical,CA:FALSE") &&
	       add_extension(certificate, issuer, NID_key_usage,
			     is_ca ? "critical,keyCertSign,cRLSign" :
				     "critical,digitalSignature,nonRepudiation") &&
	       (is_ca || add_extension(certificate, issuer, NID_ext_key_usage,
				       "critical,timeStamping")) &&
	       add_extension(certificate, issuer, NID_subject_key_identifier, "hash") &&
	       add_extension(certificate, issuer, NID_authority_key_identifier, "keyid:always");
}

static X509 *make_certificate(const struct subject *subject)
{
	X509 *certificate = X509_new();
	ASN1_INTEGER *serial = tally_tsp_random_integer(16);
	bool good = certificate != NULL && X509_set_version(certificate, 2) == 1 &&
		    X509_set_serialNumber(certificate, serial) == 1 &&
		    X509_set_pubkey(certificate, subject->key) == 1 &&
		    set_names(certificate, subject) &&
		    ASN1_TIME_set(X509_getm_notBefore(certificate),
				  (time_t)(subject->from_ms / 1000)) != NULL &&
		    ASN1_TIME_set(X509_getm_notAfter(certificate),
				  (time_t)(subject->until_ms / 1000)) != NULL &&
		    add_extensions(certificate,
				   subject->issuer != NULL ? subject->issuer : certificate) &&
		    X509_sign(certificate, subject->issuer_key, EVP_sha256()) > 0;

	ASN1_INTEGER_free(serial);
	if (good)
		return certificate;
	X509_free(certificate);
	return NULL;
}

static struct tally_bytes taken(BIO *bio, struct tally_arena *arena)
{
	char *data;
	long size = BIO_get_mem_data(bio, &data);

	return tally_arena_bytes(arena, tally_bytes(data, (size_t)size));
}

static bool write_files(X509 *ca, X509 *certificate, EVP_PKEY *key, struct tally_arena *arena,
			struct tally_tsa_files *files_r)
{
	BIO *bio[3];
	bool good;

	for (int i = 0; i < 3; i++)
		bio[i] = BIO_new(i == 2 ? BIO_s_secmem() : BIO_s_mem());
	good = PEM_write_bio_X509(bio[0], ca) == 1 && PEM_write_bio_X509(bio[1], certificate) == 1 &&
	       PEM_write_bio_PrivateKey(bio[2], key, NULL, NULL, 0, NULL, NULL) == 1;
	if (good)
		*files_r = (struct tally_tsa_files){ taken(bio[0], arena), taken(bio[1], arena),
						     taken(bio[2], arena) };
	for (int i = 0; i < 3; i++)
		BIO_free(bio[i]);
	return good;
}

int tally_tsa_make(const char *name, uint64_t from_ms, uint64_t until_ms,
		   struct tally_arena *arena, struct tally_tsa_files *files_r,
		   struct tally_err *err)
{
	EVP_PKEY *ca_key = EVP_EC_gen("P-256"), *key = EVP_EC_gen("P-256");
	struct subject subject = { .name = name, .role = " CA", .key = ca_key,
				   .issuer_key = ca_key, .from_ms = from_ms, .until_ms = until_ms };
	X509 *ca = ca_key != NULL && key != NULL ? make_certificate(&subject) : NULL;
	X509 *certificate = NULL;
	bool good;

	if (ca != NULL) {
		subject.role = "";
		subject.key = key;
		subject.issuer = ca;
		certificate = make_certificate(&subject);
	}
	good = certificate != NULL && write_files(ca, certificate, key, arena, files_r);
	X509_free(certificate);
	X509_free(ca);
	EVP_PKEY_free(key);
	EVP_PKEY_free(ca_key);
	return good ? 0 : tally_tsp_fail(err, TALLY_UNSUPPORTED, "making an authority");
}

/* ---- opening it ---- */

static X509 *parse_certificate(struct tally_bytes pem)
{
	BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.size);
	X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);

	BIO_free(bio);
	return certificate;
}

static EVP_PKEY *parse_key(struct tally_bytes pem)
{
	BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.size);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);

	BIO_free(bio);
	return key;
}

int tally_tsa_open(const struct tally_tsa_files *files, struct tally_tsa **tsa_r,
		   struct tally_err *err)
{
	struct tally_tsa *tsa = tally_calloc(1, sizeof(*tsa));
	X509 *ca = parse_certificate(files->ca);

	tsa->certificate = parse_certificate(files->certificate);
	tsa->key = parse_key(files->key);
	tsa->policy = OBJ_txt2obj(POLICY, 1);
	tsa->chain = sk_X509_new_null();
	if (ca != NULL)
		sk_X509_push(tsa->chain, ca);
	if (ca == NULL || tsa->certificate == NULL || tsa->key == NULL ||
	    X509_check_private_key(tsa->certificate, tsa->key) != 1) {
		tally_tsa_free(&tsa);
		return tally_tsp_fail(err, TALLY_INVALID, "no certificate of an authority, or no key of it");
	}
	tally_tsp_name_of(tsa->certificate, tsa->name);
	ERR_clear_error();
	*tsa_r = tsa;
	return 0;
}

void tally_tsa_free(struct tally_tsa **tsa)
{
	if (*tsa == NULL)
		return;
	X509_free((*tsa)->certificate);
	sk_X509_pop_free((*tsa)->chain, X509_free);
	EVP_PKEY_free((*tsa)->key);
	ASN1_OBJECT_free((*tsa)->policy);
	free(*tsa);
	*tsa = NULL;
}

const char *tally_tsa_name(const struct tally_tsa *tsa)
{
	return tsa->name;
}

/* ---- answering ---- */

static ASN1_INTEGER *next_serial(TS_RESP_CTX *ctx, void *data)
{
	(void)ctx;
	(void)data;
	return tally_tsp_random_integer(16);
}

static int time_of(TS_RESP_CTX *ctx, void *data, long *seconds, long *micros)
{
	const uint64_t *ms = data;

	(void)ctx;
	*seconds = (long)(*ms / 1000);
	*micros = (long)(*ms % 1000) * 1000;
	return 1;
}

static bool set_up(TS_RESP_CTX *ctx, const struct tally_tsa *tsa, uint64_t *time_ms)
{
	TS_RESP_CTX_set_serial_cb(ctx, next_serial, NULL);
	TS_RESP_CTX_set_time_cb(ctx, time_of, time_ms);
	TS_RESP_CTX_add_flags(ctx, TS_TSA_NAME);
	return TS_RESP_CTX_set_signer_cert(ctx, tsa->certificate) == 1 &&
	       TS_RESP_CTX_set_signer_key(ctx, tsa->key) == 1 &&
	       TS_RESP_CTX_set_signer_digest(ctx, EVP_sha256()) == 1 &&
	       TS_RESP_CTX_set_ess_cert_id_digest(ctx, EVP_sha256()) == 1 &&
	       TS_RESP_CTX_set_def_policy(ctx, tsa->policy) == 1 &&
	       TS_RESP_CTX_set_certs(ctx, tsa->chain) == 1 &&
	       TS_RESP_CTX_add_md(ctx, EVP_sha256()) == 1 &&
	       TS_RESP_CTX_add_md(ctx, EVP_sha384()) == 1 &&
	       TS_RESP_CTX_add_md(ctx, EVP_sha512()) == 1 &&
	       TS_RESP_CTX_set_accuracy(ctx, 1, 0, 0) == 1 &&
	       TS_RESP_CTX_set_clock_precision_digits(ctx, 3) == 1;
}

int tally_tsa_answer(const struct tally_tsa *tsa, struct tally_bytes query, uint64_t time_ms,
		     struct tally_arena *arena, struct tally_bytes *reply_r,
		     struct tally_err *err)
{
	TS_RESP_CTX *ctx = TS_RESP_CTX_new();
	BIO *bio = BIO_new_mem_buf(query.size > 0 ? (const void *)query.data : "",
				   query.size < QUERY_MOST ? (int)query.size : QUERY_MOST);
	TS_RESP *reply = NULL;
	uint8_t *der = NULL;
	int size = -1;

	if (ctx != NULL && bio != NULL && set_up(ctx, tsa, &time_ms))
		reply = TS_RESP_create_response(ctx, bio);
	if (reply != NULL)
		size = i2d_TS_RESP(reply, &der);
	if (size > 0)
		*reply_r = tally_arena_bytes(arena, tally_bytes(der, (size_t)size));
	OPENSSL_free(der);
	TS_RESP_free(reply);
	BIO_free(bio);
	TS_RESP_CTX_free(ctx);
	if (size <= 0)
		return tally_tsp_fail(err, TALLY_UNSUPPORTED, "answering a time-stamp query");
	ERR_clear_error();
	return 0;
}
