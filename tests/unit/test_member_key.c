/*
 * Members' keys and signatures: the golden vectors (those of the standards among them, and every
 * edge at which a signature or a key is refused), OpenSSL as another implementation of all four
 * kinds, PEM and key files. tests/golden/signatures.py makes the same vectors in another way.
 */
#include "config.h"

#include "member_key.h"
#include "p256.h"

#include <fcntl.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "err.h"
#include "secret.h"
#include "tap.h"
#include "vectors.h"

#define MESSAGE_MAX 600

static struct tally_err err;
static struct json_object *golden;
static char directory[] = "test_member_key.XXXXXX";
static char path[64];

static const enum tally_key_type types[] = {
	KEY_TYPE_SECP256K1, KEY_TYPE_SECP256R1, KEY_TYPE_SM2, KEY_TYPE_ED25519
};
#define TYPES (sizeof(types) / sizeof(types[0]))

/* ---- vectors ---- */

static size_t lines_of(const char *name)
{
	size_t count = json_object_array_length(vectors_member(golden, name));

	if (count == 0)
		FAIL("no %s", name);
	return count;
}

static struct json_object *line_of(const char *name, size_t i)
{
	struct json_object *line = json_object_array_get_idx(vectors_member(golden, name), i);

	CASE("%s: %s", vectors_text(line, "type"), vectors_text(line, "what"));
	return line;
}

static enum tally_key_type type_of(struct json_object *line)
{
	return tally_key_type_find(vectors_bytes(line, "type"));
}

static struct tally_bytes hex_of(struct json_object *line, const char *name, uint8_t *room)
{
	const char *text = vectors_text(line, name);

	vectors_hex(text, room, strlen(text) / 2);
	return tally_bytes(room, strlen(text) / 2);
}

static bool is_true(struct json_object *line, const char *name)
{
	return json_object_get_boolean(vectors_member(line, name));
}

static void signed_vectors(void)
{
	for (size_t i = 0; i < lines_of("signed"); i++) {
		struct json_object *line = line_of("signed", i);
		uint8_t private[32], want[64], signature[64], room[MESSAGE_MAX], digest[32];
		struct tally_bytes message = hex_of(line, "message", room);
		struct tally_member_key key, public;
		char text[TALLY_MEMBER_KEY_TEXT];

		vectors_hex(vectors_text(line, "private"), private, 32);
		vectors_hex(vectors_text(line, "signature"), want, 64);
		CHECK_OK(tally_member_key_parse(&key, type_of(line), vectors_bytes(line, "public"), &err));
		CHECK_OK(tally_member_public(type_of(line), private, &public, &err));
		CHECK(tally_member_key_equal(&key, &public));
		CHECK_MEM(&key, &public, sizeof(key));
		tally_member_key_format(&key, text);
		CHECK_STR(text, vectors_text(line, "public"));
		CHECK_OK(tally_member_sign(type_of(line), private, message, signature, &err));
		if (is_true(line, "ours"))
			CHECK_MEM(signature, want, 64);
		CHECK(tally_member_verify(&key, message, want));
		CHECK(tally_member_verify(&key, message, signature));
		if (key.type == KEY_TYPE_SECP256K1 || key.type == KEY_TYPE_SECP256R1) {
			vectors_hex(vectors_text(line, "digest"), digest, 32);
			CHECK(tally_member_verify_digest(&key, digest, want));
			digest[31] ^= 1;
		} else {
			tally_sha256(message.data, message.size, digest);
		}
		CHECK(!tally_member_verify_digest(&key, digest, want));
	}
}

static void edges_of_verifying(void)
{
	for (size_t i = 0; i < lines_of("edges"); i++) {
		struct json_object *line = line_of("edges", i);
		struct tally_member_key key = { .type = (uint8_t)type_of(line) };
		uint8_t room[MESSAGE_MAX], signature[64], digest[32];
		struct tally_bytes message = hex_of(line, "message", room);

		/* not parsed: what verifies must see a bad key itself */
		key.size = (uint8_t)tally_key_type_size(key.type);
		vectors_hex(vectors_text(line, "public"), key.bytes, key.size);
		vectors_hex(vectors_text(line, "signature"), signature, 64);
		CHECK_INT(tally_member_verify(&key, message, signature), is_true(line, "valid"));
		tally_sha256(message.data, message.size, digest);
		if (key.type == KEY_TYPE_SECP256K1 || key.type == KEY_TYPE_SECP256R1)
			CHECK_INT(tally_member_verify_digest(&key, digest, signature),
				  is_true(line, "valid"));
	}
}

static void public_keys(void)
{
	for (size_t i = 0; i < lines_of("keys"); i++) {
		struct json_object *line = line_of("keys", i);
		struct tally_member_key key, same;
		uint8_t room[100];
		struct tally_bytes bytes = hex_of(line, "public", room);

		if (is_true(line, "valid")) {
			CHECK_OK(tally_member_key_set(&key, type_of(line), bytes, &err));
			CHECK_OK(tally_member_key_parse(&same, type_of(line),
							vectors_bytes(line, "public"), &err));
			CHECK(tally_member_key_equal(&key, &same));
			CHECK_BYTES(tally_bytes(key.bytes, key.size), bytes);
			continue;
		}
		CHECK_FAILS(tally_member_key_set(&key, type_of(line), bytes, &err), TALLY_INVALID);
		CHECK_FAILS(tally_member_key_parse(&key, type_of(line), vectors_bytes(line, "public"),
						   &err), TALLY_INVALID);
	}
}

/* ---- kinds ---- */

static void kinds_have_names_and_numbers(void)
{
	static const struct {
		const char *name;
		enum tally_key_type type;
		size_t size;
	} cases[] = {
		{ "SECP256K1", 1, 65 }, { "SECP256R1", 2, 65 }, { "SM2", 3, 65 }, { "ED25519", 4, 32 }
	};
	static const char *const unknown[] = { "", "NONE", "secp256k1", "SECP256K", "SECP256K11", "RSA" };
	struct tally_member_key key;
	uint8_t private[32] = { 1 }, signature[64];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CASE("%s", cases[i].name);
		CHECK_STR(tally_key_type_name(cases[i].type), cases[i].name);
		CHECK_INT(tally_key_type_find(tally_bytes_str(cases[i].name)), cases[i].type);
		CHECK_INT(tally_key_type_size(cases[i].type), cases[i].size);
	}
	for (i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
		CASE("\"%s\"", unknown[i]);
		CHECK_INT(tally_key_type_find(tally_bytes_str(unknown[i])), KEY_TYPE_NONE);
	}
	for (i = 0; i < 300; i += i == 0 ? 5 : 1) {
		unsigned int type = (unsigned int)i;

		CASE("kind %u", type);
		CHECK(tally_key_type_name(type) == NULL);
		CHECK_INT(tally_key_type_size(type), 0);
		CHECK_FAILS(tally_member_key_set(&key, type, TALLY_BYTES_NONE, &err), TALLY_UNSUPPORTED);
		CHECK_FAILS(tally_member_key_parse(&key, type, TALLY_BYTES_NONE, &err), TALLY_UNSUPPORTED);
		CHECK_FAILS(tally_member_generate(type, private, &err), TALLY_UNSUPPORTED);
		CHECK_FAILS(tally_member_public(type, private, &key, &err), TALLY_UNSUPPORTED);
		CHECK_FAILS(tally_member_sign(type, private, TALLY_BYTES_NONE, signature, &err),
			    TALLY_UNSUPPORTED);
		memset(&key, 0, sizeof(key));
		key.type = (uint8_t)type;
		if (type < 256)
			CHECK(!tally_member_verify(&key, TALLY_BYTES_NONE, signature));
	}
}

static void private_keys_out_of_range(void)
{
	static const char *const orders[] = {
		[KEY_TYPE_SECP256K1] = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141",
		[KEY_TYPE_SECP256R1] = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
		[KEY_TYPE_SM2] = "fffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123"
	};
	uint8_t private[32], signature[64];
	struct tally_member_key key;

	for (unsigned int type = KEY_TYPE_SECP256K1; type <= KEY_TYPE_SM2; type++) {
		for (int what = 0; what < 4; what++) {
			CASE("%s, %d", tally_key_type_name(type), what);
			vectors_hex(orders[type], private, 32);
			if (what == 1)
				memset(private, 0, 32);
			else if (what == 2)
				memset(private, 0xff, 32);
			else if (what == 3 && type == KEY_TYPE_SM2)
				private[31]--;		/* d + 1 would be 0 */
			CHECK_FAILS(tally_member_public(type, private, &key, &err), TALLY_INVALID);
			CHECK_FAILS(tally_member_sign(type, private, TALLY_BYTES_LIT("m"), signature, &err),
				    TALLY_INVALID);
		}
	}
}

static void hex_of_other_lengths(void)
{
	static const char digits[] = "04d563c1c3b967d00d6fbac0c14661b7d8633d48031fa050e35752670b27d9bceb"
		"04dfa6d46d66cb5ff1e2d0459436415b47012f6426ba1cd7405c47828b21128b";
	struct tally_member_key key;
	char upper[sizeof(digits)];

	CASE("upper-case digits");
	for (size_t i = 0; i < sizeof(digits); i++)
		upper[i] = (char)(digits[i] >= 'a' && digits[i] <= 'f' ? digits[i] - 32 : digits[i]);
	CHECK_OK(tally_member_key_parse(&key, KEY_TYPE_SECP256K1, tally_bytes_str(upper), &err));
	for (size_t size = 0; size < 130; size++) {
		CASE("%zu digits", size);
		CHECK_FAILS(tally_member_key_parse(&key, KEY_TYPE_SECP256K1, tally_bytes(digits, size), &err),
			    TALLY_INVALID);
	}
	CASE("a space");
	upper[129] = ' ';
	CHECK_FAILS(tally_member_key_parse(&key, KEY_TYPE_SECP256K1, tally_bytes_str(upper), &err),
		    TALLY_INVALID);
}

/* Every bit of signature, message and key counts. */
static void every_changed_bit_shows(void)
{
	for (size_t t = 0; t < TYPES; t++) {
		uint8_t private[32], signature[64], message[8] = "message";
		struct tally_bytes bytes = tally_bytes(message, sizeof(message));
		struct tally_member_key key;
		size_t bit;

		memset(private, 0x21, sizeof(private));
		CASE("%s", tally_key_type_name(types[t]));
		CHECK_OK(tally_member_public(types[t], private, &key, &err));
		CHECK_OK(tally_member_sign(types[t], private, bytes, signature, &err));
		REQUIRE(tally_member_verify(&key, bytes, signature));
		for (bit = 0; bit < 512; bit++) {
			CASE("%s, bit %zu of the signature", tally_key_type_name(types[t]), bit);
			signature[bit / 8] ^= (uint8_t)(1 << bit % 8);
			CHECK(!tally_member_verify(&key, bytes, signature));
			signature[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		for (bit = 0; bit < 64; bit++) {
			CASE("%s, bit %zu of the message", tally_key_type_name(types[t]), bit);
			message[bit / 8] ^= (uint8_t)(1 << bit % 8);
			CHECK(!tally_member_verify(&key, bytes, signature));
			message[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		for (bit = 0; bit < 8 * (size_t)key.size; bit++) {
			CASE("%s, bit %zu of the key", tally_key_type_name(types[t]), bit);
			key.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
			CHECK(!tally_member_verify(&key, bytes, signature));
			key.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		CASE("%s", tally_key_type_name(types[t]));
		key.size--;
		CHECK(!tally_member_verify(&key, bytes, signature));
		key.size++;
		key.type = (uint8_t)(types[(t + 1) % TYPES]);
		CHECK(!tally_member_verify(&key, bytes, signature));
	}
}

/* ---- against OpenSSL ---- */

static const char *const group_names[] = {
	[KEY_TYPE_SECP256K1] = "secp256k1", [KEY_TYPE_SECP256R1] = "prime256v1", [KEY_TYPE_SM2] = "SM2"
};

static EVP_PKEY *openssl_public(const struct tally_member_key *key)
{
	const char *kind = key->type == KEY_TYPE_SM2 ? "SM2" : "EC";
	EVP_PKEY_CTX *ctx;
	EVP_PKEY *pkey = NULL;
	OSSL_PARAM params[3] = { OSSL_PARAM_END, OSSL_PARAM_END, OSSL_PARAM_END };

	if (key->type == KEY_TYPE_ED25519)
		return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key->bytes, key->size);
	params[0] = OSSL_PARAM_construct_utf8_string("group", (char *)group_names[key->type], 0);
	params[1] = OSSL_PARAM_construct_octet_string("pub", (void *)key->bytes, key->size);
	ctx = EVP_PKEY_CTX_new_from_name(NULL, kind, NULL);
	if (EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
		FAIL("OpenSSL takes no public key");
	EVP_PKEY_CTX_free(ctx);
	return pkey;
}

/* By way of PEM, which so is read by another reader. */
static EVP_PKEY *openssl_private(enum tally_key_type type, const uint8_t private[32])
{
	char pem[TALLY_MEMBER_PEM_TEXT];
	EVP_PKEY *pkey;
	BIO *bio;

	CHECK_OK(tally_member_pem_format(type, private, pem, &err));
	bio = BIO_new_mem_buf(pem, -1);
	pkey = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	BIO_free(bio);
	return pkey;
}

static EVP_MD_CTX *openssl_digesting(EVP_PKEY *pkey, enum tally_key_type type, bool verify)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	const char *md = type == KEY_TYPE_SM2 ? "SM3" : type == KEY_TYPE_ED25519 ? NULL : "SHA256";
	EVP_PKEY_CTX *pctx = NULL;

	if ((verify ? EVP_DigestVerifyInit_ex : EVP_DigestSignInit_ex)(ctx, &pctx, md, NULL, NULL, pkey,
								       NULL) != 1 ||
	    (type == KEY_TYPE_SM2 && EVP_PKEY_CTX_set1_id(pctx, "1234567812345678", 16) != 1))
		FAIL("OpenSSL digests nothing");
	return ctx;
}

static bool openssl_verify(const struct tally_member_key *key, struct tally_bytes message,
			   const uint8_t signature[64])
{
	EVP_PKEY *pkey = openssl_public(key);
	EVP_MD_CTX *ctx = openssl_digesting(pkey, key->type, true);
	uint8_t *der = NULL;
	int size = 0, result;

	if (key->type != KEY_TYPE_ED25519) {
		ECDSA_SIG *pair = ECDSA_SIG_new();

		ECDSA_SIG_set0(pair, BN_bin2bn(signature, 32, NULL), BN_bin2bn(signature + 32, 32, NULL));
		size = i2d_ECDSA_SIG(pair, &der);
		ECDSA_SIG_free(pair);
	}
	result = EVP_DigestVerify(ctx, der != NULL ? der : signature, der != NULL ? (size_t)size : 64,
				  message.data, message.size);
	OPENSSL_free(der);
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	return result == 1;
}

/* Whatever s OpenSSL chose. */
static void openssl_sign(enum tally_key_type type, const uint8_t private[32],
			 struct tally_bytes message, uint8_t signature_r[64])
{
	EVP_PKEY *pkey = openssl_private(type, private);
	EVP_MD_CTX *ctx = openssl_digesting(pkey, type, false);
	uint8_t made[100];
	const uint8_t *at = made;
	size_t size = sizeof(made);

	if (EVP_DigestSign(ctx, made, &size, message.data, message.size) != 1)
		FAIL("OpenSSL signs nothing");
	if (type == KEY_TYPE_ED25519) {
		memcpy(signature_r, made, 64);
	} else {
		ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &at, (long)size);

		BN_bn2binpad(ECDSA_SIG_get0_r(pair), signature_r, 32);
		BN_bn2binpad(ECDSA_SIG_get0_s(pair), signature_r + 32, 32);
		ECDSA_SIG_free(pair);
	}
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(pkey);
}

/* The other of the two forms of a signature. */
static void turn_s(enum tally_key_type type, uint8_t signature[64])
{
	EC_GROUP *group = EC_GROUP_new_by_curve_name(type == KEY_TYPE_SECP256K1 ? NID_secp256k1 :
						     NID_X9_62_prime256v1);
	BIGNUM *s = BN_bin2bn(signature + 32, 32, NULL);

	BN_sub(s, EC_GROUP_get0_order(group), s);
	BN_bn2binpad(s, signature + 32, 32);
	BN_free(s);
	EC_GROUP_free(group);
}

static void openssl_agrees(void)
{
	const char *text = getenv("TALLY_TEST_SEED");
	unsigned int seed = text != NULL ? (unsigned int)strtoul(text, NULL, 0) :
			    (unsigned int)time(NULL) ^ (unsigned int)getpid();
	unsigned int rounds = 60, turned = 0;

	printf("# seed %u\n", seed);
	srandom(seed);
	for (unsigned int round = 0; round < rounds * TYPES; round++) {
		enum tally_key_type type = types[round % TYPES];
		uint8_t private[32], signature[64], text_of[200];
		struct tally_bytes message = tally_bytes(text_of, (size_t)random() % sizeof(text_of));
		struct tally_member_key key;

		CASE("seed %u, round %u, %s", seed, round, tally_key_type_name(type));
		for (size_t i = 0; i < sizeof(text_of); i++)
			text_of[i] = (uint8_t)random();
		for (size_t i = 0; i < 32; i++)
			private[i] = (uint8_t)random();
		private[0] &= 0x7f;
		CHECK_OK(tally_member_public(type, private, &key, &err));
		CHECK_OK(tally_member_sign(type, private, message, signature, &err));
		CHECK(openssl_verify(&key, message, signature));
		openssl_sign(type, private, message, signature);
		CHECK(openssl_verify(&key, message, signature));
		if (type == KEY_TYPE_SM2 || type == KEY_TYPE_ED25519) {
			CHECK(tally_member_verify(&key, message, signature));
			continue;
		}
		/* of the two forms exactly one is taken */
		if (tally_member_verify(&key, message, signature)) {
			turn_s(type, signature);
			CHECK(openssl_verify(&key, message, signature));
			CHECK(!tally_member_verify(&key, message, signature));
		} else {
			turn_s(type, signature);
			CHECK(tally_member_verify(&key, message, signature));
			turned++;
		}
	}
	CASE("OpenSSL makes both forms");
	CHECK(turned > 0 && turned < 2 * rounds);
}

/* ---- private keys as PEM and in files ---- */

static void generated_keys_differ(void)
{
	for (size_t t = 0; t < TYPES; t++) {
		uint8_t a[32], b[32], signature[64];
		struct tally_member_key key, same;

		CASE("%s", tally_key_type_name(types[t]));
		CHECK_OK(tally_member_generate(types[t], a, &err));
		CHECK_OK(tally_member_generate(types[t], b, &err));
		CHECK(memcmp(a, b, 32) != 0);
		CHECK_OK(tally_member_public(types[t], a, &key, &err));
		CHECK_OK(tally_member_sign(types[t], a, TALLY_BYTES_LIT("m"), signature, &err));
		CHECK(tally_member_verify(&key, TALLY_BYTES_LIT("m"), signature));
		same = key;		/* its own bytes may be given */
		CHECK_OK(tally_member_key_set(&key, types[t], tally_bytes(key.bytes, key.size), &err));
		CHECK_MEM(&key, &same, sizeof(key));
	}
}

static void pem_there_and_back(void)
{
	for (size_t t = 0; t < TYPES; t++) {
		uint8_t private[32], again[32];
		char pem[TALLY_MEMBER_PEM_TEXT];
		enum tally_key_type type;

		CASE("%s", tally_key_type_name(types[t]));
		memset(private, 0, sizeof(private));
		private[31] = 7;		/* leading zeros stay */
		CHECK_OK(tally_member_pem_format(types[t], private, pem, &err));
		CHECK(strncmp(pem, "-----BEGIN PRIVATE KEY-----\n", 28) == 0);
		CHECK_OK(tally_member_pem_parse(tally_bytes_str(pem), &type, again, &err));
		CHECK_INT(type, types[t]);
		CHECK_MEM(again, private, 32);
	}
	CASE("out of range");
	CHECK_FAILS(tally_member_pem_format(KEY_TYPE_SECP256K1, (const uint8_t[32]){ 0 },
					    (char[TALLY_MEMBER_PEM_TEXT]){ 0 }, &err), TALLY_INVALID);
}

/* Keys that OpenSSL's programs wrote, and texts that are refused. */
static void pem_of_others(void)
{
	struct json_object *lines = vectors_load("private-keys.json"), *code;
	char large[TALLY_MEMBER_PEM_MAX + 2];
	enum tally_key_type type;
	uint8_t private[32], want[32], zero[32] = { 0 };
	size_t taken = 0, refused = 0;

	for (size_t i = 0; i < json_object_array_length(lines); i++) {
		struct json_object *line = json_object_array_get_idx(lines, i);
		struct tally_bytes pem = vectors_bytes(line, "pem");

		CASE("%s", vectors_text(line, "what"));
		memset(private, 1, sizeof(private));
		if (json_object_object_get_ex(line, "code", &code)) {
			memset(&err, 0, sizeof(err));
			CHECK_INT(tally_member_pem_parse(pem, &type, private, &err), -1);
			CHECK_STR(tally_code_name(err.code), json_object_get_string(code));
			if (pem.size != 0)
				CHECK_MEM(private, zero, 32);
			refused++;
			continue;
		}
		vectors_hex(vectors_text(line, "private"), want, 32);
		CHECK_OK(tally_member_pem_parse(pem, &type, private, &err));
		CHECK_INT(type, type_of(line));
		CHECK_MEM(private, want, 32);
		taken++;
	}
	CASE("too large");
	memset(large, '\n', sizeof(large));
	CHECK_FAILS(tally_member_pem_parse(tally_bytes(large, TALLY_MEMBER_PEM_MAX + 1), &type, private,
					   &err), TALLY_INVALID);
	CASE("all of them");
	CHECK(taken >= 15 && refused >= 25);
	json_object_put(lines);
}

static void key_files(void)
{
	static const mode_t modes[] = { 0640, 0604, 0660, 0622, 0601, 0400, 0600 };
	enum tally_key_type type = KEY_TYPE_NONE;
	uint8_t private[32], again[32];
	struct stat st;
	mode_t mask;

	memset(private, 0x35, sizeof(private));
	mask = umask(0);
	CHECK_OK(tally_member_key_file_write(path, KEY_TYPE_SM2, private, &err));
	umask(mask);
	REQUIRE(stat(path, &st) == 0);
	CHECK_INT(st.st_mode & 07777, 0600);
	CHECK_INT(st.st_nlink, 1);
	CHECK_FAILS(tally_member_key_file_write(path, KEY_TYPE_SM2, private, &err), TALLY_EXISTS);
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		CASE("mode %04o", (unsigned int)modes[i]);
		CHECK_INT(chmod(path, modes[i]), 0);
		if ((modes[i] & 077) != 0) {
			CHECK_FAILS(tally_member_key_file_read(path, &type, again, &err), TALLY_DENIED);
			continue;
		}
		memset(again, 0, sizeof(again));
		CHECK_OK(tally_member_key_file_read(path, &type, again, &err));
		CHECK_INT(type, KEY_TYPE_SM2);
		CHECK_MEM(again, private, 32);
	}
	CASE("files that are none");
	CHECK_INT(truncate(path, 40), 0);
	CHECK_FAILS(tally_member_key_file_read(path, &type, again, &err), TALLY_INVALID);
	CHECK(strstr(err.text, path) != NULL);
	CHECK_INT(truncate(path, TALLY_MEMBER_PEM_MAX + 1), 0);
	CHECK_FAILS(tally_member_key_file_read(path, &type, again, &err), TALLY_INVALID);
	CHECK_INT(unlink(path), 0);
	CHECK_FAILS(tally_member_key_file_read(path, &type, again, &err), TALLY_NOTFOUND);
	CHECK_FAILS(tally_member_key_file_read(directory, &type, again, &err), TALLY_INVALID);
	CHECK_FAILS(tally_member_key_file_write(path, 9, private, &err), TALLY_UNSUPPORTED);
	memset(private, 0, sizeof(private));
	CHECK_FAILS(tally_member_key_file_write(path, KEY_TYPE_SM2, private, &err), TALLY_INVALID);
	private[31] = 1;
	CHECK(access(path, F_OK) != 0);
	CHECK_FAILS(tally_member_key_file_write("no/such/folder/key", KEY_TYPE_SM2, private, &err),
		    TALLY_IO);
}

/* ---- threads ---- */

struct worker {
	pthread_t thread;
	bool good;
};

/* Signs and verifies with all kinds; each thread leaves, and may leave nothing behind. */
static void *work(void *arg)
{
	struct worker *worker = arg;
	struct tally_err failed;

	worker->good = true;
	for (unsigned int round = 0; round < 20; round++) {
		enum tally_key_type type = types[round % TYPES];
		uint8_t private[32], signature[64];
		struct tally_member_key key;

		worker->good &= tally_member_generate(type, private, &failed) == 0 &&
			tally_member_public(type, private, &key, &failed) == 0 &&
			tally_member_sign(type, private, TALLY_BYTES_LIT("m"), signature, &failed) == 0 &&
			tally_member_verify(&key, TALLY_BYTES_LIT("m"), signature) &&
			!tally_member_verify(&key, TALLY_BYTES_LIT("n"), signature) &&
			tally_member_key_set(&key, type, TALLY_BYTES_NONE, &failed) == -1;
	}
	return NULL;
}

static void threads(void)
{
	struct worker workers[8];
	size_t i;

	for (i = 0; i < 8; i++)
		REQUIRE(pthread_create(&workers[i].thread, NULL, work, &workers[i]) == 0);
	for (i = 0; i < 8; i++) {
		pthread_join(workers[i].thread, NULL);
		CASE("thread %zu", i);
		CHECK(workers[i].good);
	}
}

/* Signatures of P-256 as decimal numbers: there and back, and a high s made low. */
static void decimal_signatures(void)
{
	static const char *const bad[] = {
		"", "+", "1", "1+", "+1", "1+2+3", "0+1", "1+0", "01+1", "1 +1", "-1+1", "a+1", "1+1 ",
		"115792089210356248762697446949407573529996955224135760342422259061068512044369+1",
		"1+115792089210356248762697446949407573529996955224135760342422259061068512044369",
		"999999999999999999999999999999999999999999999999999999999999999999999999999999999+1"
	};
	uint8_t private[32] = { 5 }, signature[64], again[64];
	char text[TALLY_P256_TEXT];

	for (unsigned int i = 0; i < 50; i++) {
		struct tally_bytes message = tally_bytes(&i, sizeof(i));

		CHECK_OK(tally_member_sign(KEY_TYPE_SECP256R1, private, message, signature, &err));
		tally_p256_signature_format(signature, text);
		CHECK(tally_p256_signature_parse(tally_bytes_str(text), again));
		CHECK_MEM(again, signature, 64);
	}
	/* order - 1 is the high form of 1 */
	CHECK(tally_p256_signature_parse(
		TALLY_BYTES_LIT("7+115792089210356248762697446949407573529996955224135760342422259061068"
				"512044368"), signature));
	tally_p256_signature_format(signature, text);
	CHECK_STR(text, "7+1");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		CASE("%s", bad[i]);
		CHECK(!tally_p256_signature_parse(tally_bytes_str(bad[i]), signature));
	}
}

int main(void)
{
	if (mkdtemp(directory) == NULL) {
		perror(directory);
		return 99;
	}
	snprintf(path, sizeof(path), "%s/key", directory);
	golden = vectors_load("signatures.json");
	TEST(threads);			/* first, while nothing is made yet */
	TEST(signed_vectors);
	TEST(edges_of_verifying);
	TEST(public_keys);
	TEST(kinds_have_names_and_numbers);
	TEST(private_keys_out_of_range);
	TEST(hex_of_other_lengths);
	TEST(every_changed_bit_shows);
	TEST(openssl_agrees);
	TEST(generated_keys_differ);
	TEST(pem_there_and_back);
	TEST(pem_of_others);
	TEST(key_files);
	json_object_put(golden);
	rmdir(directory);
	TEST(decimal_signatures);
	return tap_done();
}
