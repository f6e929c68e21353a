/* Time stamps of RFC 3161: queries, replies, tokens. See tsp.h. */
#include "tsp.h"

#include <stdio.h>

#include <openssl/err.h>
#include <openssl/ess.h>
#include <openssl/pem.h>
#include <openssl/ts.h>
#include <openssl/x509v3.h>

#include "arena.h"
#include "buf.h"
#include "clock.h"
#include "secret.h"
#include "tsp_private.h"
#include "utf8.h"

#define TRUST_MAX 1024		/* certificates of one file */

int tally_tsp_fail(struct tally_err *err, enum tally_code code, const char *what)
{
	const char *data = NULL, *reason;
	int flags = 0;
	unsigned long number = ERR_peek_last_error_all(NULL, NULL, NULL, &data, &flags);

	reason = number != 0 ? ERR_reason_error_string(number) : NULL;
	if (data == NULL || (flags & ERR_TXT_STRING) == 0)
		data = "";
	if (reason != NULL)
		tally_err_set(err, code, "%s: %s%s%s", what, reason, data[0] != '\0' ? ", " : "",
			      data);
	else
		tally_err_set(err, code, "%s", what);
	ERR_clear_error();
	return -1;
}

static int refuse(struct tally_err *err, const char *what)
{
	ERR_clear_error();
	return tally_err_set(err, TALLY_INVALID, "%s", what);
}

/* ---- certificates that are trusted ---- */

struct tally_tsp_trust {
	STACK_OF(X509) *certificates;
};

int tally_tsp_trust_parse(struct tally_bytes pem, struct tally_tsp_trust **trust_r,
			  struct tally_err *err)
{
	struct tally_tsp_trust *trust;
	X509 *certificate;
	BIO *bio;

	if (pem.size > INT32_MAX)
		return refuse(err, "too large for a file of certificates");
	trust = tally_calloc(1, sizeof(*trust));
	trust->certificates = sk_X509_new_null();
	bio = BIO_new_mem_buf(pem.size > 0 ? (const void *)pem.data : "", (int)pem.size);
	while (sk_X509_num(trust->certificates) < TRUST_MAX &&
	       (certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL)
		sk_X509_push(trust->certificates, certificate);
	BIO_free(bio);
	ERR_clear_error();
	if (sk_X509_num(trust->certificates) == 0) {
		tally_tsp_trust_free(&trust);
		return refuse(err, "there is no certificate in it (PEM)");
	}
	*trust_r = trust;
	return 0;
}

int tally_tsp_trust_read(const char *path, struct tally_tsp_trust **trust_r,
			 struct tally_err *err)
{
	struct tally_buf buf = { 0 };
	FILE *file = fopen(path, "re");
	size_t got = 1;
	int result;

	if (file == NULL)
		return tally_err_errno(err, "%s", path);
	while (got > 0 && buf.size < (8u << 20)) {
		got = fread(tally_buf_reserve(&buf, 65536), 1, 65536, file);
		buf.size += got;
	}
	result = ferror(file) ? tally_err_errno(err, "%s", path) :
				tally_tsp_trust_parse(tally_buf_bytes(&buf), trust_r, err);
	if (result != 0 && err->code == TALLY_INVALID)
		tally_err_prefix(err, "%s", path);
	fclose(file);
	tally_buf_free(&buf);
	return result;
}

void tally_tsp_trust_free(struct tally_tsp_trust **trust)
{
	if (*trust == NULL)
		return;
	sk_X509_pop_free((*trust)->certificates, X509_free);
	free(*trust);
	*trust = NULL;
}

/* ---- queries ---- */

static bool set_imprint(TS_REQ *request, const uint8_t digest[TALLY_HASH_SIZE])
{
	TS_MSG_IMPRINT *imprint = TS_MSG_IMPRINT_new();
	X509_ALGOR *algorithm = X509_ALGOR_new();
	uint8_t copy[TALLY_HASH_SIZE];
	bool good;

	memcpy(copy, digest, sizeof(copy));
	good = imprint != NULL && algorithm != NULL &&
	       X509_ALGOR_set0(algorithm, OBJ_nid2obj(NID_sha256), V_ASN1_NULL, NULL) == 1 &&
	       TS_MSG_IMPRINT_set_algo(imprint, algorithm) == 1 &&
	       TS_MSG_IMPRINT_set_msg(imprint, copy, sizeof(copy)) == 1 &&
	       TS_REQ_set_msg_imprint(request, imprint) == 1;
	X509_ALGOR_free(algorithm);
	TS_MSG_IMPRINT_free(imprint);
	return good;
}

/* Random and positive: the top bit is 0, the next is 1. */
ASN1_INTEGER *tally_tsp_random_integer(size_t size)
{
	uint8_t bytes[32];
	BIGNUM *number;
	ASN1_INTEGER *integer;

	tally_random(bytes, size);
	bytes[0] = (uint8_t)((bytes[0] & 0x3f) | 0x40);
	number = BN_bin2bn(bytes, (int)size, NULL);
	integer = BN_to_ASN1_INTEGER(number, NULL);
	BN_free(number);
	return integer;
}

int tally_tsp_query(const uint8_t digest[TALLY_HASH_SIZE], struct tally_arena *arena,
		    struct tally_bytes *query_r, struct tally_err *err)
{
	TS_REQ *request = TS_REQ_new();
	ASN1_INTEGER *nonce = tally_tsp_random_integer(8);
	uint8_t *der = NULL;
	int size = -1;

	if (request != NULL && nonce != NULL && TS_REQ_set_version(request, 1) == 1 &&
	    set_imprint(request, digest) && TS_REQ_set_nonce(request, nonce) == 1 &&
	    TS_REQ_set_cert_req(request, 1) == 1)
		size = i2d_TS_REQ(request, &der);
	if (size > 0)
		*query_r = tally_arena_bytes(arena, tally_bytes(der, (size_t)size));
	OPENSSL_free(der);
	ASN1_INTEGER_free(nonce);
	TS_REQ_free(request);
	return size > 0 ? 0 : tally_tsp_fail(err, TALLY_UNSUPPORTED, "a time-stamp query");
}

/* ---- what a token says ---- */

/* DER and nothing behind it. */
static PKCS7 *parse_token(struct tally_bytes token)
{
	const uint8_t *at = token.data;
	PKCS7 *made;

	if (token.size == 0 || token.size > TALLY_TSP_MAX)
		return NULL;
	made = d2i_PKCS7(NULL, &at, (long)token.size);
	if (made != NULL && at == token.data + token.size && PKCS7_type_is_signed(made))
		return made;
	PKCS7_free(made);
	return NULL;
}

static bool read_digits(const uint8_t **at, const uint8_t *end, int count, unsigned int *value_r)
{
	unsigned int value = 0;

	for (int i = 0; i < count; i++, (*at)++) {
		if (*at == end || **at < '0' || **at > '9')
			return false;
		value = value * 10 + (unsigned int)(**at - '0');
	}
	*value_r = value;
	return true;
}

/* YYYYMMDDhhmmss[.fraction]Z; what is below a millisecond is cut off. */
static bool read_time(const ASN1_GENERALIZEDTIME *time, uint64_t *ms_r)
{
	const uint8_t *at = ASN1_STRING_get0_data(time), *end = at + ASN1_STRING_length(time);
	unsigned int year, month, day, hour, minute, second, ms = 0, weight = 100;
	char text[32];

	if (!read_digits(&at, end, 4, &year) || !read_digits(&at, end, 2, &month) ||
	    !read_digits(&at, end, 2, &day) || !read_digits(&at, end, 2, &hour) ||
	    !read_digits(&at, end, 2, &minute) || !read_digits(&at, end, 2, &second))
		return false;
	if (at < end && *at == '.') {
		for (at++; at < end && *at >= '0' && *at <= '9'; at++, weight /= 10)
			ms += (unsigned int)(*at - '0') * weight;
	}
	if (end - at != 1 || *at != 'Z')
		return false;
	snprintf(text, sizeof(text), "%04u-%02u-%02uT%02u:%02u:%02uZ", year, month, day, hour,
		 minute, second);
	if (!tally_time_parse(tally_bytes_str(text), ms_r))
		return false;
	*ms_r += ms;
	return true;
}

/* The time and how exact it is. */
static bool read_accuracy(TS_TST_INFO *tst, uint64_t *ms_r)
{
	TS_ACCURACY *accuracy = TS_TST_INFO_get_accuracy(tst);
	const ASN1_INTEGER *parts[3];
	uint64_t micros = 0, weight[3] = { 1000000, 1000, 1 };
	int64_t part;

	*ms_r = 0;
	if (accuracy == NULL)
		return true;
	parts[0] = TS_ACCURACY_get_seconds(accuracy);
	parts[1] = TS_ACCURACY_get_millis(accuracy);
	parts[2] = TS_ACCURACY_get_micros(accuracy);
	for (int i = 0; i < 3; i++) {
		if (parts[i] == NULL)
			continue;
		if (ASN1_INTEGER_get_int64(&part, parts[i]) != 1 || part < 0 ||
		    part > (i == 0 ? 10 * 366 * 86400ll : 999))
			return false;
		micros += (uint64_t)part * weight[i];
	}
	*ms_r = (micros + 999) / 1000;
	return true;
}

static bool read_serial(const ASN1_INTEGER *serial, char text[TALLY_TSP_SERIAL + 1])
{
	const uint8_t *data = ASN1_STRING_get0_data(serial);
	int size = ASN1_STRING_length(serial);
	const char *digits;
	char hex[TALLY_TSP_SERIAL + 1];

	if (size < 1 || size > TALLY_TSP_SERIAL / 2 || ASN1_STRING_type(serial) != V_ASN1_INTEGER)
		return false;
	tally_hex_encode(data, (size_t)size, hex);
	digits = hex + strspn(hex, "0");
	snprintf(text, TALLY_TSP_SERIAL + 1, "%s", digits[0] != '\0' ? digits : "0");
	return true;
}

static bool read_imprint(TS_TST_INFO *tst, uint8_t digest_r[TALLY_HASH_SIZE])
{
	TS_MSG_IMPRINT *imprint = TS_TST_INFO_get_msg_imprint(tst);
	const ASN1_OBJECT *algorithm;
	const ASN1_OCTET_STRING *message;

	X509_ALGOR_get0(&algorithm, NULL, NULL, TS_MSG_IMPRINT_get_algo(imprint));
	message = TS_MSG_IMPRINT_get_msg(imprint);
	if (OBJ_obj2nid(algorithm) != NID_sha256 || ASN1_STRING_length(message) != TALLY_HASH_SIZE)
		return false;
	memcpy(digest_r, ASN1_STRING_get0_data(message), TALLY_HASH_SIZE);
	return true;
}

static bool keep_name(const uint8_t *text, int size, char name_r[TALLY_TSP_NAME + 1])
{
	if (size <= 0 || size > TALLY_TSP_NAME ||
	    !tally_utf8_printable(tally_bytes(text, (size_t)size)))
		return false;
	memcpy(name_r, text, (size_t)size);
	name_r[size] = '\0';
	return true;
}

/* The common name that stands last, which is the most particular one. */
static bool read_common_name(X509_NAME *subject, char name_r[TALLY_TSP_NAME + 1])
{
	int at = -1, last = -1, size;
	uint8_t *text = NULL;
	bool good;

	while ((at = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) >= 0)
		last = at;
	if (last < 0)
		return false;
	size = ASN1_STRING_to_UTF8(&text,
				   X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, last)));
	good = size > 0 && keep_name(text, size, name_r);
	if (size >= 0)
		OPENSSL_free(text);
	return good;
}

void tally_tsp_name_of(X509 *certificate, char name_r[TALLY_TSP_NAME + 1])
{
	X509_NAME *subject = X509_get_subject_name(certificate);
	BIO *bio;
	char *text;
	long size;

	name_r[0] = '\0';
	if (read_common_name(subject, name_r))
		return;
	bio = BIO_new(BIO_s_mem());
	X509_NAME_print_ex(bio, subject, 0, XN_FLAG_RFC2253);
	size = BIO_get_mem_data(bio, &text);
	keep_name((const uint8_t *)text, size < TALLY_TSP_NAME ? (int)size : TALLY_TSP_NAME, name_r);
	BIO_free(bio);
}

static void read_authority(PKCS7 *token, char name_r[TALLY_TSP_NAME + 1])
{
	STACK_OF(X509) *signers = PKCS7_get0_signers(token, NULL, 0);

	name_r[0] = '\0';
	if (signers != NULL && sk_X509_num(signers) == 1)
		tally_tsp_name_of(sk_X509_value(signers, 0), name_r);
	sk_X509_free(signers);
	ERR_clear_error();
}

/* NULL: all is well; else what is wrong. */
static const char *read_info(PKCS7 *token, TS_TST_INFO *tst, struct tally_tsp_info *info_r)
{
	memset(info_r, 0, sizeof(*info_r));
	if (TS_TST_INFO_get_version(tst) != 1)
		return "a time stamp of another version";
	if (!read_imprint(tst, info_r->digest))
		return "a time stamp of something else than a SHA-256";
	if (!read_time(TS_TST_INFO_get_time(tst), &info_r->time_ms))
		return "a time stamp without a time in UTC";
	if (!read_accuracy(tst, &info_r->accuracy_ms))
		return "a time stamp of impossible accuracy";
	if (!read_serial(TS_TST_INFO_get_serial(tst), info_r->serial))
		return "a time stamp with an impossible serial number";
	if (OBJ_obj2txt(info_r->policy, sizeof(info_r->policy), TS_TST_INFO_get_policy_id(tst), 1) >=
	    (int)sizeof(info_r->policy))
		return "a time stamp with an impossible policy";
	read_authority(token, info_r->authority);
	return NULL;
}

int tally_tsp_read(struct tally_bytes token, struct tally_tsp_info *info_r, struct tally_err *err)
{
	PKCS7 *parsed = parse_token(token);
	TS_TST_INFO *tst = parsed != NULL ? PKCS7_to_TS_TST_INFO(parsed) : NULL;
	const char *wrong = tst != NULL ? read_info(parsed, tst, info_r) : "no time-stamp token";

	TS_TST_INFO_free(tst);
	PKCS7_free(parsed);
	ERR_clear_error();
	return wrong == NULL ? 0 : refuse(err, wrong);
}

/* ---- verifying ---- */

/* OpenSSL before 2026 takes the type of these two attributes for granted. */
static bool attributes_sound(PKCS7 *token)
{
	STACK_OF(PKCS7_SIGNER_INFO) *signers = PKCS7_get_signer_info(token);
	static const int kinds[] = { NID_id_smime_aa_signingCertificate,
				     NID_id_smime_aa_signingCertificateV2 };

	if (signers == NULL || sk_PKCS7_SIGNER_INFO_num(signers) != 1)
		return false;
	for (size_t i = 0; i < 2; i++) {
		ASN1_TYPE *value = PKCS7_get_signed_attribute(
			sk_PKCS7_SIGNER_INFO_value(signers, 0), kinds[i]);

		if (value != NULL && value->type != V_ASN1_SEQUENCE)
			return false;
	}
	return true;
}

/* The trusted certificates as of a time. */
static X509_STORE *store_at(const struct tally_tsp_trust *trust, uint64_t time_ms)
{
	X509_STORE *store = X509_STORE_new();
	X509_VERIFY_PARAM *param = X509_STORE_get0_param(store);

	for (int i = 0; i < sk_X509_num(trust->certificates); i++)
		X509_STORE_add_cert(store, sk_X509_value(trust->certificates, i));
	X509_VERIFY_PARAM_set_time(param, (time_t)(time_ms / 1000));
	/* who trusts an authority's certificate itself need not trust its issuer */
	X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
	return store;
}

static bool is_signed(PKCS7 *token, const struct tally_tsp_trust *trust,
		      const struct tally_tsp_info *info)
{
	TS_VERIFY_CTX *ctx = TS_VERIFY_CTX_new();
	uint8_t *imprint = OPENSSL_memdup(info->digest, TALLY_HASH_SIZE);
	bool good;

	TS_VERIFY_CTX_set_flags(ctx, TS_VFY_SIGNATURE | TS_VFY_VERSION | TS_VFY_IMPRINT);
	TS_VERIFY_CTX_set_store(ctx, store_at(trust, info->time_ms));
	TS_VERIFY_CTX_set_imprint(ctx, imprint, TALLY_HASH_SIZE);
	good = attributes_sound(token) && TS_RESP_verify_token(ctx, token) == 1;
	TS_VERIFY_CTX_free(ctx);
	return good;
}

int tally_tsp_verify(struct tally_bytes token, const uint8_t digest[TALLY_HASH_SIZE],
		     const struct tally_tsp_trust *trust, struct tally_tsp_info *info_r,
		     struct tally_err *err)
{
	PKCS7 *parsed;
	bool good;

	if (tally_tsp_read(token, info_r, err) != 0)
		return -1;
	if (memcmp(info_r->digest, digest, TALLY_HASH_SIZE) != 0)
		return refuse(err, "the time stamp is of something else");
	parsed = parse_token(token);
	ERR_clear_error();
	good = is_signed(parsed, trust, info_r);
	PKCS7_free(parsed);
	if (!good)
		return tally_tsp_fail(err, TALLY_INVALID, "the time stamp's signature");
	ERR_clear_error();
	return 0;
}

/* ---- replies ---- */

static TS_RESP *parse_reply(struct tally_bytes reply)
{
	const uint8_t *at = reply.data;
	TS_RESP *made;

	if (reply.size == 0 || reply.size > TALLY_TSP_MAX)
		return NULL;
	made = d2i_TS_RESP(NULL, &at, (long)reply.size);
	if (made != NULL && at == reply.data + reply.size)
		return made;
	TS_RESP_free(made);
	return NULL;
}

static TS_REQ *parse_query(struct tally_bytes query)
{
	const uint8_t *at = query.data;
	TS_REQ *made = d2i_TS_REQ(NULL, &at, (long)query.size);

	if (made != NULL && at == query.data + query.size)
		return made;
	TS_REQ_free(made);
	return NULL;
}

/* "status 2" and the first thing that the authority says about it. */
static int refused(TS_STATUS_INFO *status, int64_t number, struct tally_err *err)
{
	const STACK_OF(ASN1_UTF8STRING) *texts = TS_STATUS_INFO_get0_text(status);
	char words[TALLY_TSP_NAME + 1] = "";

	if (texts != NULL && sk_ASN1_UTF8STRING_num(texts) > 0) {
		const ASN1_UTF8STRING *text = sk_ASN1_UTF8STRING_value(texts, 0);

		keep_name(ASN1_STRING_get0_data(text), ASN1_STRING_length(text), words);
	}
	ERR_clear_error();
	return tally_err_set(err, TALLY_DENIED, "the authority refused, status %lld%s%s",
			     (long long)number, words[0] != '\0' ? ": " : "", words);
}

static int check_status(TS_RESP *reply, struct tally_err *err)
{
	TS_STATUS_INFO *status = TS_RESP_get_status_info(reply);
	int64_t number;

	if (ASN1_INTEGER_get_int64(&number, TS_STATUS_INFO_get0_status(status)) != 1)
		return refuse(err, "a time-stamp reply of unknown status");
	if (number != TS_STATUS_GRANTED && number != TS_STATUS_GRANTED_WITH_MODS)
		return refused(status, number, err);
	if (TS_RESP_get_token(reply) == NULL || TS_RESP_get_tst_info(reply) == NULL)
		return refuse(err, "a time-stamp reply without a token");
	return 0;
}

static int check_reply(TS_REQ *query, TS_RESP *reply, const struct tally_tsp_trust *trust,
		       struct tally_arena *arena, struct tally_bytes *token_r,
		       struct tally_tsp_info *info_r, struct tally_err *err)
{
	const ASN1_INTEGER *nonce = TS_REQ_get_nonce(query), *its;
	const ASN1_OCTET_STRING *message = TS_MSG_IMPRINT_get_msg(TS_REQ_get_msg_imprint(query));
	uint8_t *der = NULL;
	int size;

	if (check_status(reply, err) != 0)
		return -1;
	its = TS_TST_INFO_get_nonce(TS_RESP_get_tst_info(reply));
	if (nonce == NULL || its == NULL || ASN1_INTEGER_cmp(nonce, its) != 0)
		return refuse(err, "the time-stamp reply is to another query");
	size = i2d_PKCS7(TS_RESP_get_token(reply), &der);
	if (size <= 0)
		return tally_tsp_fail(err, TALLY_INVALID, "the time-stamp reply's token");
	*token_r = tally_arena_bytes(arena, tally_bytes(der, (size_t)size));
	OPENSSL_free(der);
	/* of the bytes that are kept, not of those that came */
	return tally_tsp_verify(*token_r, ASN1_STRING_get0_data(message), trust, info_r, err);
}

int tally_tsp_accept(struct tally_bytes query, struct tally_bytes reply,
		     const struct tally_tsp_trust *trust, struct tally_arena *arena,
		     struct tally_bytes *token_r, struct tally_tsp_info *info_r,
		     struct tally_err *err)
{
	TS_REQ *asked = parse_query(query);
	TS_RESP *answered = parse_reply(reply);
	int result;

	if (asked == NULL || answered == NULL)
		result = refuse(err, asked == NULL ? "no time-stamp query" : "no time-stamp reply");
	else
		result = check_reply(asked, answered, trust, arena, token_r, info_r, err);
	TS_RESP_free(answered);
	TS_REQ_free(asked);
	ERR_clear_error();
	return result;
}

/* SEQUENCE { SEQUENCE { INTEGER 0 }, token } */
struct tally_bytes tally_tsp_reply_of(struct tally_bytes token, struct tally_arena *arena)
{
	static const uint8_t granted[] = { 0x30, 3, 0x02, 1, 0 };
	size_t size = sizeof(granted) + token.size;
	uint8_t *der = tally_arena_alloc(arena, size + 4), *at = der;

	*at++ = 0x30;
	if (size < 128) {
		*at++ = (uint8_t)size;
	} else if (size < 256) {
		*at++ = 0x81;
		*at++ = (uint8_t)size;
	} else {
		*at++ = 0x82;
		tally_put_u16(at, (uint16_t)size);
		at += 2;
	}
	memcpy(at, granted, sizeof(granted));
	memcpy(at + sizeof(granted), token.data, token.size);
	return tally_bytes(der, (size_t)(at - der) + size);
}
