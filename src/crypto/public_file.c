/* Members' public keys as PEM and in files, through OpenSSL. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "err.h"
#include "member_key.h"

#define WHAT "public key"

static enum tally_key_type type_of_curve(const EVP_PKEY *pkey)
{
	char group[64];
	int explicit = 0;

	EVP_PKEY_get_int_param(pkey, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &explicit);
	if (explicit != 0 || EVP_PKEY_get_group_name(pkey, group, sizeof(group), NULL) != 1)
		return KEY_TYPE_NONE;
	switch (OBJ_txt2nid(group)) {
	case NID_secp256k1:
		return KEY_TYPE_SECP256K1;
	case NID_X9_62_prime256v1:
		return KEY_TYPE_SECP256R1;
	case NID_sm2:
		return KEY_TYPE_SM2;
	default:
		return KEY_TYPE_NONE;
	}
}

/* 04, x, y: whatever form the point has in the file. */
static bool read_point(const EVP_PKEY *pkey, uint8_t point_r[65])
{
	static const char *const names[2] = { OSSL_PKEY_PARAM_EC_PUB_X, OSSL_PKEY_PARAM_EC_PUB_Y };
	bool ok = true;

	point_r[0] = 4;
	for (size_t i = 0; i < 2 && ok; i++) {
		BIGNUM *number = NULL;

		ok = EVP_PKEY_get_bn_param(pkey, names[i], &number) == 1 &&
		     BN_bn2binpad(number, point_r + 1 + 32 * i, 32) == 32;
		BN_free(number);
	}
	return ok;
}

static int take_pkey(const EVP_PKEY *pkey, struct tally_member_key *key_r, struct tally_err *err)
{
	enum tally_key_type type;
	uint8_t bytes[65];
	size_t size = 32;

	if (EVP_PKEY_is_a(pkey, "ED25519")) {
		if (EVP_PKEY_get_raw_public_key(pkey, bytes, &size) != 1 || size != 32)
			return tally_err_set(err, TALLY_INVALID, "it has no public key");
		return tally_member_key_set(key_r, KEY_TYPE_ED25519, tally_bytes(bytes, 32), err);
	}
	if (!EVP_PKEY_is_a(pkey, "EC") && !EVP_PKEY_is_a(pkey, "SM2"))
		return tally_err_set(err, TALLY_UNSUPPORTED, "it is a key of another kind");
	type = type_of_curve(pkey);
	if (type == KEY_TYPE_NONE)
		return tally_err_set(err, TALLY_UNSUPPORTED, "it is on another curve");
	if (!read_point(pkey, bytes))
		return tally_err_set(err, TALLY_INVALID, "it has no public key");
	return tally_member_key_set(key_r, type, tally_bytes(bytes, 65), err);
}

static int take_block(const char *name, const uint8_t *der, long size,
		      struct tally_member_key *key_r, struct tally_err *err)
{
	const uint8_t *end = der;
	EVP_PKEY *pkey;
	int result;

	if (strcmp(name, "PUBLIC KEY") != 0)
		return tally_err_set(err, TALLY_INVALID, "it is PEM of something else");
	pkey = d2i_PUBKEY(NULL, &end, size);
	if (pkey == NULL || end != der + size)
		result = tally_err_set(err, TALLY_INVALID, "the key in it is malformed, or of a kind "
				       "that OpenSSL does not know");
	else
		result = take_pkey(pkey, key_r, err);
	EVP_PKEY_free(pkey);
	return result;
}

/* One block, and no further one. */
static int take_text(BIO *bio, struct tally_member_key *key_r, struct tally_err *err)
{
	char *name = NULL, *header = NULL;
	uint8_t *der = NULL;
	int result;
	long size = 0;

	if (PEM_read_bio(bio, &name, &header, &der, &size) != 1)
		return tally_err_set(err, TALLY_INVALID, "there is no PEM (RFC 7468) in it");
	result = take_block(name, der, size, key_r, err);
	OPENSSL_free(name);
	OPENSSL_free(header);
	OPENSSL_free(der);
	if (result == 0 && PEM_read_bio(bio, &name, &header, &der, &size) == 1) {
		OPENSSL_free(name);
		OPENSSL_free(header);
		OPENSSL_free(der);
		result = tally_err_set(err, TALLY_INVALID, "there is more than one key in it");
	}
	return result;
}

int tally_member_public_pem_parse(struct tally_bytes text, struct tally_member_key *key_r,
				  struct tally_err *err)
{
	BIO *bio;
	int result;

	if (text.size == 0 || text.size > TALLY_MEMBER_PEM_MAX)
		return tally_err_set(err, TALLY_INVALID, "a public key has 1 to %u characters, not %zu",
				     TALLY_MEMBER_PEM_MAX, text.size);
	bio = BIO_new_mem_buf(text.data, (int)text.size);
	if (bio == NULL)
		abort();	/* no memory */
	ERR_set_mark();
	result = take_text(bio, key_r, err);
	ERR_pop_to_mark();
	BIO_free(bio);
	return result;
}

int tally_member_public_file_read(const char *path, struct tally_member_key *key_r,
				  struct tally_err *err)
{
	uint8_t text[TALLY_MEMBER_PEM_MAX + 1];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	ssize_t size;

	if (fd < 0 && errno == ENOENT)
		return tally_err_set(err, TALLY_NOTFOUND, WHAT " %s: there is none", path);
	if (fd < 0)
		return tally_err_errno(err, WHAT " %s", path);
	size = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? read(fd, text, sizeof(text)) : -1;
	close(fd);
	if (size < 0)
		return tally_err_set(err, TALLY_INVALID, WHAT " %s: it is no plain file", path);
	if (tally_member_public_pem_parse(tally_bytes(text, (size_t)size), key_r, err) != 0)
		return tally_err_prefix(err, WHAT " %s", path);
	return 0;
}
