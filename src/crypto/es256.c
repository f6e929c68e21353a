/*
 * ES256 through OpenSSL, which takes keys as parameters and signatures as DER. Apart from ec.c, which
 * is for members' signatures: those have one form only, while others' receipts may have a high s.
 */
#include "es256.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#define DER_MAX 72			/* two integers of 33 bytes */

static EVP_PKEY *key_of(const uint8_t point[TALLY_P256_POINT])
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	char curve[] = "P-256";
	uint8_t copy[TALLY_P256_POINT];
	OSSL_PARAM params[3];
	EVP_PKEY *key = NULL;

	memcpy(copy, point, sizeof(copy));
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, curve, 0);
	params[1] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, copy, sizeof(copy));
	params[2] = OSSL_PARAM_construct_end();
	if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	return key;
}

/* A DER integer of 32 bytes: without leading zeros, but with one where it would look negative. */
static size_t put_integer(const uint8_t number[32], uint8_t *out)
{
	size_t skip = 0, pad;

	while (skip < 31 && number[skip] == 0)
		skip++;
	pad = number[skip] >> 7;
	out[0] = 0x02;
	out[1] = (uint8_t)(32 - skip + pad);
	out[2] = 0;
	memcpy(out + 2 + pad, number + skip, 32 - skip);
	return 2 + pad + 32 - skip;
}

static size_t der_of(const uint8_t signature[TALLY_ES256_SIGNATURE], uint8_t der[DER_MAX])
{
	size_t size = put_integer(signature, der + 2);

	size += put_integer(signature + 32, der + 2 + size);
	der[0] = 0x30;
	der[1] = (uint8_t)size;
	return 2 + size;
}

bool tally_es256_verify(const uint8_t point[TALLY_P256_POINT], struct tally_bytes message,
			const uint8_t signature[TALLY_ES256_SIGNATURE])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t der[DER_MAX];
	size_t size = der_of(signature, der);
	EVP_PKEY *key;
	bool good;

	ERR_set_mark();
	key = point[0] == 0x04 ? key_of(point) : NULL;
	good = ctx != NULL && key != NULL &&
	       EVP_DigestVerifyInit_ex(ctx, NULL, "SHA256", NULL, NULL, key, NULL) == 1 &&
	       EVP_DigestVerify(ctx, der, size, message.data, message.size) == 1;
	ERR_pop_to_mark();
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	return good;
}
