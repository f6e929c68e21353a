/* Hashes against published vectors, and CRC-32C by instruction against by table. */
#include "hash.h"

#include <stdlib.h>
#include <time.h>

#include "tap.h"

static void check_hex(const char *what, const uint8_t *got, size_t size, const char *want)
{
	char text[129];

	tally_hex_encode(got, size, text);
	CASE("%s", what);
	CHECK_STR(text, want);
}

/* FIPS 180-4 examples. */
static void sha256(void)
{
	static const struct {
		const char *in, *want;
	} cases[] = {
		{ "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
		{ "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
		{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" }
	};
	uint8_t hash[TALLY_HASH_SIZE];
	struct tally_sha256 sha;
	size_t i, k;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		tally_sha256(cases[i].in, strlen(cases[i].in), hash);
		check_hex("at once", hash, sizeof(hash), cases[i].want);
		tally_sha256_init(&sha);
		for (k = 0; cases[i].in[k] != '\0'; k++)
			tally_sha256_add(&sha, &cases[i].in[k], 1);
		tally_sha256_add(&sha, NULL, 0);
		tally_sha256_end(&sha, hash);
		check_hex("in steps", hash, sizeof(hash), cases[i].want);
	}
	tally_sha256_init(&sha);
	for (i = 0; i < 1000; i++) {
		char thousand[1000];

		memset(thousand, 'a', sizeof(thousand));
		tally_sha256_add(&sha, thousand, sizeof(thousand));
	}
	tally_sha256_end(&sha, hash);
	check_hex("a million a", hash, sizeof(hash),
		  "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

/* A node of a tree, over each of its inputs too. */
static void sha256_pair(void)
{
	uint8_t node[65], a[32], b[32], want[32], hash[32];

	for (unsigned int first = 0; first < 4; first++) {
		node[0] = (uint8_t)first;
		for (unsigned int i = 0; i < 64; i++)
			node[1 + i] = (uint8_t)(i * 37 + first);
		memcpy(a, node + 1, 32);
		memcpy(b, node + 33, 32);
		tally_sha256(node, sizeof(node), want);
		tally_sha256_pair((uint8_t)first, a, b, hash);
		CHECK_MEM(hash, want, sizeof(want));
		tally_sha256_pair((uint8_t)first, a, b, a);
		CHECK_MEM(a, want, sizeof(want));
		memcpy(a, node + 1, 32);
		tally_sha256_pair((uint8_t)first, a, b, b);
		CHECK_MEM(b, want, sizeof(want));
	}
}

/* RFC 2202 3 and RFC 4231 4. */
static void hmac(void)
{
	uint8_t key[131], data[50], mac[32];

	memset(key, 0x0b, 20);
	tally_hmac_sha1(tally_bytes(key, 20), TALLY_BYTES_LIT("Hi There"), mac);
	check_hex("RFC 2202 case 1", mac, 20, "b617318655057264e28bc0b6fb378c8ef146be00");
	tally_hmac_sha256(tally_bytes(key, 20), TALLY_BYTES_LIT("Hi There"), mac);
	check_hex("RFC 4231 case 1", mac, 32,
		  "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
	tally_hmac_sha1(TALLY_BYTES_LIT("Jefe"), TALLY_BYTES_LIT("what do ya want for nothing?"), mac);
	check_hex("RFC 2202 case 2", mac, 20, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
	tally_hmac_sha256(TALLY_BYTES_LIT("Jefe"), TALLY_BYTES_LIT("what do ya want for nothing?"), mac);
	check_hex("RFC 4231 case 2", mac, 32,
		  "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	memset(key, 0xaa, sizeof(key));
	memset(data, 0xdd, sizeof(data));
	tally_hmac_sha1(tally_bytes(key, 20), tally_bytes(data, 50), mac);
	check_hex("RFC 2202 case 3", mac, 20, "125d7342b9ac11cd91a39af48aa17b4f63f175d3");
	tally_hmac_sha1(tally_bytes(key, 80),
			TALLY_BYTES_LIT("Test Using Larger Than Block-Size Key - Hash Key First"), mac);
	check_hex("RFC 2202 case 6", mac, 20, "aa4ae5e15272d00e95705637ce8a3b55ed402112");
	tally_hmac_sha256(tally_bytes(key, 131),
			  TALLY_BYTES_LIT("Test Using Larger Than Block-Size Key - Hash Key First"), mac);
	check_hex("RFC 4231 case 6", mac, 32,
		  "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
	tally_hmac_sha1(TALLY_BYTES_NONE, TALLY_BYTES_NONE, mac);
	check_hex("no key, no data", mac, 20, "fbdb1d1b18aa6c08324b7d64b71fb76370690e1d");
}

/* Expected values by an independent implementation of keyed BLAKE2b (Python's hashlib). */
static void keyed_digest(void)
{
	uint8_t key[32], digest[TALLY_DIGEST_SIZE], other[TALLY_DIGEST_SIZE];
	size_t i;

	for (i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)i;
	tally_keyed_digest(key, TALLY_BYTES_LIT("token"), digest);
	check_hex("token", digest, sizeof(digest), "70924fc06b4dacb58e8ce7fd832b9189");
	tally_keyed_digest(key, TALLY_BYTES_NONE, digest);
	check_hex("nothing", digest, sizeof(digest), "3daf97bce7888fd59773c66bf647459c");
	key[31] ^= 1;
	tally_keyed_digest(key, TALLY_BYTES_NONE, other);
	CHECK(memcmp(digest, other, sizeof(digest)) != 0);
}

/* RFC 3720 B.4. */
static void crc32c_vectors(void)
{
	uint8_t data[32];
	size_t i;

	memset(data, 0, 32);
	CHECK_INT(tally_crc32c(0, data, 32), 0x8a9136aa);
	memset(data, 0xff, 32);
	CHECK_INT(tally_crc32c(0, data, 32), 0x62a8ab43);
	for (i = 0; i < 32; i++)
		data[i] = (uint8_t)i;
	CHECK_INT(tally_crc32c(0, data, 32), 0x46dd794e);
	CHECK_INT(tally_crc32c_table(0, data, 32), 0x46dd794e);
	for (i = 0; i < 32; i++)
		data[i] = (uint8_t)(31 - i);
	CHECK_INT(tally_crc32c(0, data, 32), 0x113fdb5c);
	CHECK_INT(tally_crc32c(0, "123456789", 9), 0xe3069283);
	CHECK_INT(tally_crc32c_table(0, "123456789", 9), 0xe3069283);
	CHECK_INT(tally_crc32c(0, "", 0), 0);
	CHECK_INT(tally_crc32c(7, "", 0), 7);
}

/* All lengths and alignments of a small buffer, whole and in two parts. */
static void crc32c_ways_agree(void)
{
	unsigned int seed = (unsigned int)time(NULL);
	uint8_t data[320];
	size_t i, begin, size;

	printf("# seed %u\n", seed);
	srandom(seed);
	for (i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)random();
	for (begin = 0; begin < 16; begin++)
		for (size = 0; begin + size <= sizeof(data); size++) {
			uint32_t crc = tally_crc32c(0, data + begin, size);
			uint32_t table = tally_crc32c_table(0, data + begin, size);
			size_t part = (size_t)random() % (size + 1);

			if (crc != table) {
				FAIL("begin %zu size %zu: %08x and %08x", begin, size, crc, table);
				return;
			}
			if (tally_crc32c(tally_crc32c(0, data + begin, part), data + begin + part,
					 size - part) != crc) {
				FAIL("begin %zu size %zu: parted at %zu it differs", begin, size, part);
				return;
			}
		}
}

int main(void)
{
	TEST(sha256);
	TEST(sha256_pair);
	TEST(hmac);
	TEST(keyed_digest);
	TEST(crc32c_vectors);
	TEST(crc32c_ways_agree);
	return tap_done();
}
