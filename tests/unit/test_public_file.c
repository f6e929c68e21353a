/*
 * Members' public keys as PEM, as openssl writes them: of each kind, compressed too, and everything that is
 * none.
 */
#include "config.h"

#include "member_key.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "err.h"
#include "tap.h"

static const char pem_k1[] =
	"-----BEGIN PUBLIC KEY-----\n"
	"MFYwEAYHKoZIzj0CAQYFK4EEAAoDQgAE1e/ebl1u0tYXjhsbgs4/7fsGEgtyWFo/\n"
	"9veDEvjKki0TtUvclgxw6pYlPwG1EjKmLEGaaGhttSHkpqTdZdbteQ==\n"
	"-----END PUBLIC KEY-----\n";

static const char pem_k1c[] =
	"-----BEGIN PUBLIC KEY-----\n"
	"MDYwEAYHKoZIzj0CAQYFK4EEAAoDIgAD1e/ebl1u0tYXjhsbgs4/7fsGEgtyWFo/\n"
	"9veDEvjKki0=\n"
	"-----END PUBLIC KEY-----\n";

static const char pem_r1[] =
	"-----BEGIN PUBLIC KEY-----\n"
	"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEK9JXhmsSi6ka/2HeoLCPFAZY3Uiy\n"
	"kF36AaL76rP2yLssPi9LkGw5manRbDzVjuEmrNS3Hx4qU8UTMU0tFvu3UA==\n"
	"-----END PUBLIC KEY-----\n";

static const char pem_sm2[] =
	"-----BEGIN PUBLIC KEY-----\n"
	"MFkwEwYHKoZIzj0CAQYIKoEcz1UBgi0DQgAETo8IThlBjgWHzWKRYkEZT768AZnQ\n"
	"VowgYOiQy0T6MwomFtY6hgZ8sjizXF3U/6NAaOR4mFfaWMh38TyjlGEGhQ==\n"
	"-----END PUBLIC KEY-----\n";

static const char pem_ed[] =
	"-----BEGIN PUBLIC KEY-----\n"
	"MCowBQYDK2VwAyEA+DsXVnObDJhieYDyJwDM1WEc/bT2d8EirkQLq3ASXTA=\n"
	"-----END PUBLIC KEY-----\n";

static const char pem_rsa[] =
	"-----BEGIN PUBLIC KEY-----\n"
	"MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQCwV7FiOJVBezxbMPh9iaUKV9YE\n"
	"7azdOPoUpEhJp4hJaAkEPIXvBs+nAdWESbpcRUZotc4nD61hn8JPUuMJpq3IvFqr\n"
	"JhOjyWw3ooyvUivi1uRJIYd9nUEK/QU5IkPAqxj/UzRHeGFbZBCLmZ+Li4ZmhvwA\n"
	"hS3vxYcFbBHx8kLWswIDAQAB\n"
	"-----END PUBLIC KEY-----\n";

static const char pem_p384[] =
	"-----BEGIN PUBLIC KEY-----\n"
	"MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEBckme0Qu5mtHmrtrdQYjUmINiMpTHAqp\n"
	"OLclI4uQA9bKkcEkVHPX4jWGG671J6DOjSCnY/yNLXkwbi7gPB82DDFjQsgsXXXr\n"
	"j0vfqQ2emufZ2nAIHr74sF4Ght2xrDw+\n"
	"-----END PUBLIC KEY-----\n";

static const char pem_k1e[] =
	"-----BEGIN PUBLIC KEY-----\n"
	"MIIBMzCB7AYHKoZIzj0CATCB4AIBATAsBgcqhkjOPQEBAiEA////////////////\n"
	"/////////////////////v///C8wRAQgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"
	"AAAAAAAAAAAEIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAHBEEEeb5m\n"
	"fvncu6xVoGKVzocLBwKb/NstzijZWfKBWxb4F5hIOtp3JqPEZV2k+/wOEQio/Re0\n"
	"SKaFVBmcR9CP+xDUuAIhAP////////////////////66rtzmr0igO7/SXozQNkFB\n"
	"AgEBA0IABNXv3m5dbtLWF44bG4LOP+37BhILclhaP/b3gxL4ypItE7VL3JYMcOqW\n"
	"JT8BtRIypixBmmhobbUh5Kak3WXW7Xk=\n"
	"-----END PUBLIC KEY-----\n";

static const struct {
	const char *pem;
	enum tally_key_type type;
	const char *hex;
} good[] = {
	{ pem_k1, KEY_TYPE_SECP256K1,
	  "04d5efde6e5d6ed2d6178e1b1b82ce3fedfb06120b72585a3ff6f78312f8ca922d"
	  "13b54bdc960c70ea96253f01b51232a62c419a68686db521e4a6a4dd65d6ed79" },
	{ pem_k1c, KEY_TYPE_SECP256K1,
	  "04d5efde6e5d6ed2d6178e1b1b82ce3fedfb06120b72585a3ff6f78312f8ca922d"
	  "13b54bdc960c70ea96253f01b51232a62c419a68686db521e4a6a4dd65d6ed79" },
	{ pem_r1, KEY_TYPE_SECP256R1,
	  "042bd257866b128ba91aff61dea0b08f140658dd48b2905dfa01a2fbeab3f6c8bb"
	  "2c3e2f4b906c3999a9d16c3cd58ee126acd4b71f1e2a53c513314d2d16fbb750" },
	{ pem_sm2, KEY_TYPE_SM2,
	  "044e8f084e19418e0587cd62916241194fbebc0199d0568c2060e890cb44fa330a"
	  "2616d63a86067cb238b35c5dd4ffa34068e4789857da58c877f13ca394610685" },
	{ pem_ed, KEY_TYPE_ED25519,
	  "f83b1756739b0c98627980f22700ccd5611cfdb4f677c122ae440bab70125d30" },
};

static struct tally_err err;

static void keys_of_each_kind(void)
{
	char text[TALLY_MEMBER_KEY_TEXT];
	struct tally_member_key key;

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		CASE("%s, %zu", tally_key_type_name(good[i].type), i);
		CHECK_OK(tally_member_public_pem_parse(tally_bytes_str(good[i].pem), &key, &err));
		CHECK_INT(key.type, good[i].type);
		tally_member_key_format(&key, text);
		CHECK_STR(text, good[i].hex);
	}
}

/* Every prefix, and every byte changed, gives this key, another valid one, or an error. */
static void damaged_keys(void)
{
	struct tally_member_key key;

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		size_t size = strlen(good[i].pem);

		for (size_t cut = 0; cut + 12 < size; cut++) {
			char *part = malloc(cut + 1);	/* exactly, so that a sanitizer sees a read beyond */

			memcpy(part, good[i].pem, cut);
			CASE("%zu cut at %zu", i, cut);
			CHECK(tally_member_public_pem_parse(tally_bytes(part, cut), &key, &err) != 0);
			free(part);
		}
		for (size_t at = 0; at < size; at++) {
			char *copy = malloc(size);

			memcpy(copy, good[i].pem, size);
			copy[at] ^= 1;
			if (tally_member_public_pem_parse(tally_bytes(copy, size), &key, &err) == 0)
				CHECK(tally_key_type_name(key.type) != NULL &&
				      key.size == tally_key_type_size(key.type));
			free(copy);
		}
	}
}

static void what_is_none(void)
{
	char two[2048], many[TALLY_MEMBER_PEM_MAX + 2];
	struct tally_member_key key;

	CHECK_FAILS(tally_member_public_pem_parse(tally_bytes_str(pem_rsa), &key, &err),
		    TALLY_UNSUPPORTED);
	CHECK_FAILS(tally_member_public_pem_parse(tally_bytes_str(pem_p384), &key, &err),
		    TALLY_UNSUPPORTED);
	CHECK_FAILS(tally_member_public_pem_parse(tally_bytes_str(pem_k1e), &key, &err),
		    TALLY_UNSUPPORTED);
	CHECK_FAILS(tally_member_public_pem_parse(TALLY_BYTES_NONE, &key, &err), TALLY_INVALID);
	CHECK_FAILS(tally_member_public_pem_parse(TALLY_BYTES_LIT("no PEM"), &key, &err),
		    TALLY_INVALID);
	CHECK_FAILS(tally_member_public_pem_parse(
			    TALLY_BYTES_LIT("-----BEGIN PRIVATE KEY-----\nAAAA\n"
					    "-----END PRIVATE KEY-----\n"), &key, &err),
		    TALLY_INVALID);
	snprintf(two, sizeof(two), "%s%s", pem_k1, pem_ed);
	CHECK_FAILS(tally_member_public_pem_parse(tally_bytes_str(two), &key, &err), TALLY_INVALID);
	memset(many, 'A', sizeof(many));
	CHECK_FAILS(tally_member_public_pem_parse(tally_bytes(many, sizeof(many)), &key, &err),
		    TALLY_INVALID);
}

static void files(void)
{
	char path[] = "/tmp/tally-public-XXXXXX";
	struct tally_member_key key;
	int fd = mkstemp(path);

	REQUIRE(fd >= 0);
	CHECK_INT(write(fd, pem_ed, strlen(pem_ed)), (ssize_t)strlen(pem_ed));
	close(fd);
	CHECK_OK(tally_member_public_file_read(path, &key, &err));
	CHECK_INT(key.type, KEY_TYPE_ED25519);
	unlink(path);
	CHECK_FAILS(tally_member_public_file_read(path, &key, &err), TALLY_NOTFOUND);
	CHECK_FAILS(tally_member_public_file_read("/", &key, &err), TALLY_INVALID);
	CHECK_FAILS(tally_member_public_file_read("/dev/null", &key, &err), TALLY_INVALID);
}

int main(void)
{
	TEST(keys_of_each_kind);
	TEST(damaged_keys);
	TEST(what_is_none);
	TEST(files);
	return tap_done();
}
