/* Secrets: sealing and opening, and the master key file with everything that may be wrong with it. */
#include "config.h"

#include "secret.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arena.h"
#include "err.h"
#include "hash.h"
#include "tap.h"

static struct tally_err err;
static char directory[] = "test_secret.XXXXXX";
static char path[64];

static void random_differs(void)
{
	uint8_t a[32] = { 0 }, b[32] = { 0 }, zero[32] = { 0 };

	tally_random(a, sizeof(a));
	tally_random(b, sizeof(b));
	CHECK(memcmp(a, b, sizeof(a)) != 0);
	CHECK(memcmp(a, zero, sizeof(a)) != 0);
}

static void comparing(void)
{
	CHECK(tally_secret_equal(TALLY_BYTES_LIT("same"), TALLY_BYTES_LIT("same")));
	CHECK(!tally_secret_equal(TALLY_BYTES_LIT("same"), TALLY_BYTES_LIT("samf")));
	CHECK(!tally_secret_equal(TALLY_BYTES_LIT("same"), TALLY_BYTES_LIT("sam")));
	CHECK(!tally_secret_equal(TALLY_BYTES_LIT("same"), TALLY_BYTES_NONE));
	CHECK(tally_secret_equal(TALLY_BYTES_NONE, TALLY_BYTES_NONE));
}

static void wiping(void)
{
	uint8_t data[64], zero[64] = { 0 };

	memset(data, 0xee, sizeof(data));
	tally_wipe(data, sizeof(data));
	CHECK_MEM(data, zero, sizeof(data));
}

static void secret_memory(void)
{
	static const size_t sizes[] = { 0, 1, 31, 32, 100, 5000 };
	size_t i;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint8_t *data = tally_secret_alloc(sizes[i]);

		CASE("%zu bytes", sizes[i]);
		CHECK_INT((uintptr_t)data % 16, 0);
		memset(data, 1, sizes[i]);
		tally_secret_free(data);
	}
	tally_secret_free(NULL);
}

static size_t entries_in_directory(void)
{
	DIR *dir = opendir(directory);
	struct dirent *entry;
	size_t count = 0;

	if (dir == NULL)
		return SIZE_MAX;
	while ((entry = readdir(dir)) != NULL)
		count += entry->d_name[0] != '.';
	closedir(dir);
	return count;
}

static void master_key_is_made_once(void)
{
	uint8_t key[TALLY_MASTER_KEY_SIZE], again[TALLY_MASTER_KEY_SIZE];
	mode_t mask = umask(0277);
	struct stat st;

	CHECK_OK(tally_master_key_create(path, &err));
	umask(mask);
	REQUIRE(stat(path, &st) == 0);
	CHECK_INT(st.st_mode & 07777, 0600);
	CHECK_INT(st.st_size, 65);
	CHECK_INT(st.st_nlink, 1);
	CHECK_OK(tally_master_key_read(path, key, &err));
	CHECK_FAILS(tally_master_key_create(path, &err), TALLY_EXISTS);
	CHECK_OK(tally_master_key_read(path, again, &err));
	CHECK_MEM(again, key, sizeof(key));
	CHECK_INT(entries_in_directory(), 1);
	CHECK_INT(unlink(path), 0);
	CHECK_OK(tally_master_key_create(path, &err));
	CHECK_OK(tally_master_key_read(path, again, &err));
	CHECK(memcmp(key, again, sizeof(key)) != 0);
	CHECK_INT(unlink(path), 0);
	CHECK_FAILS(tally_master_key_create("no/such/folder/key", &err), TALLY_IO);
}

static void master_key_file_is_checked(void)
{
#define DIGITS "000102030405060708090A0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
	static const struct {
		const char *text;
		mode_t mode;
		enum tally_code want;
	} cases[] = {
		{ DIGITS "\n", 0600, TALLY_OK },
		{ DIGITS, 0600, TALLY_OK },
		{ DIGITS "\n", 0400, TALLY_OK },
		{ DIGITS "\n", 0640, TALLY_DENIED },
		{ DIGITS "\n", 0604, TALLY_DENIED },
		{ DIGITS "\n", 0620, TALLY_DENIED },
		{ DIGITS "\n", 0601, TALLY_DENIED },
		{ "", 0600, TALLY_CORRUPT },
		{ "\n", 0600, TALLY_CORRUPT },
		{ DIGITS "\n\n", 0600, TALLY_CORRUPT },
		{ DIGITS "\r\n", 0600, TALLY_CORRUPT },
		{ DIGITS "0\n", 0600, TALLY_CORRUPT },
		{ DIGITS "0", 0600, TALLY_CORRUPT },
		{ DIGITS DIGITS "\n", 0600, TALLY_CORRUPT },
		{ "g" DIGITS, 0600, TALLY_CORRUPT },
		{ "00", 0600, TALLY_CORRUPT }
	};
	uint8_t key[TALLY_MASTER_KEY_SIZE];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

		REQUIRE(fd >= 0);
		CASE("mode %04o, %zu characters", (unsigned int)cases[i].mode, strlen(cases[i].text));
		REQUIRE(write(fd, cases[i].text, strlen(cases[i].text)) >= 0);
		REQUIRE(fchmod(fd, cases[i].mode) == 0);
		close(fd);
		if (cases[i].want == TALLY_OK) {
			CHECK_OK(tally_master_key_read(path, key, &err));
			CHECK_MEM(key, "\0\1\2\3\4\5\6\7\x08\x09\x0a", 11);
		} else {
			CHECK_FAILS(tally_master_key_read(path, key, &err), cases[i].want);
			CHECK(strstr(err.text, "0001") == NULL);	/* the text shows no key */
		}
		unlink(path);
	}
	CASE("no file");
	CHECK_FAILS(tally_master_key_read(path, key, &err), TALLY_NOTFOUND);
	CASE("a directory");
	CHECK_FAILS(tally_master_key_read(directory, key, &err), TALLY_INVALID);
}

/* Keyed BLAKE2b, expected by an independent implementation (Python's hashlib). */
static void derived_keys(void)
{
	uint8_t master[TALLY_MASTER_KEY_SIZE], key[32], other[32];
	char text[65];
	size_t i;

	for (i = 0; i < sizeof(master); i++)
		master[i] = (uint8_t)i;
	tally_derive_key(master, "access keys", key);
	tally_hex_encode(key, sizeof(key), text);
	CHECK_STR(text, "f56b9be0a69eb0b34a58293dd8813ba805a5818c3bec068a01c7d842428e5c7d");
	tally_derive_key(master, "access keyt", other);
	CHECK(memcmp(key, other, sizeof(key)) != 0);
}

/* The bytes of a plain text of size n: recognisable, none of them zero. */
static struct tally_bytes plain_of(size_t size, uint8_t *room)
{
	size_t i;

	for (i = 0; i < size; i++)
		room[i] = (uint8_t)('A' + i % 26);
	return tally_bytes(room, size);
}

static void sealing(void)
{
	static const size_t sizes[] = { 0, 1, 30, 64, 1000 };
	uint8_t key[32], room[1000], sealed[1000 + TALLY_SEAL_OVERHEAD], again[1000 + TALLY_SEAL_OVERHEAD];
	uint8_t opened[1000];
	size_t i;

	tally_random(key, sizeof(key));
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct tally_bytes plain = plain_of(sizes[i], room);
		size_t size = sizes[i] + TALLY_SEAL_OVERHEAD;

		CASE("%zu bytes", sizes[i]);
		tally_seal(key, plain, TALLY_BYTES_LIT("context"), sealed);
		tally_seal(key, plain, TALLY_BYTES_LIT("context"), again);
		CHECK(memcmp(sealed, again, size) != 0);
		if (sizes[i] >= 30)
			CHECK(memmem(sealed, size, room, 8) == NULL);
		CHECK_OK(tally_unseal(key, tally_bytes(sealed, size), TALLY_BYTES_LIT("context"), opened,
				      &err));
		CHECK_MEM(opened, room, sizes[i]);
	}
}

static void a_seal_that_does_not_fit(void)
{
	uint8_t key[32], room[32], sealed[32 + TALLY_SEAL_OVERHEAD], opened[32];
	size_t bit, size;

	tally_random(key, sizeof(key));
	tally_seal(key, plain_of(32, room), TALLY_BYTES_LIT("context"), sealed);
	for (bit = 0; bit < sizeof(sealed) * 8; bit++) {
		sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
		CASE("bit %zu", bit);
		CHECK_FAILS(tally_unseal(key, tally_bytes(sealed, sizeof(sealed)),
					 TALLY_BYTES_LIT("context"), opened, &err), TALLY_CORRUPT);
		sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size = 0; size < sizeof(sealed); size++) {
		CASE("cut to %zu", size);
		CHECK_FAILS(tally_unseal(key, tally_bytes(sealed, size), TALLY_BYTES_LIT("context"), opened,
					 &err), TALLY_CORRUPT);
	}
	CASE("other context");
	CHECK_FAILS(tally_unseal(key, tally_bytes(sealed, sizeof(sealed)), TALLY_BYTES_LIT("Context"),
				 opened, &err), TALLY_CORRUPT);
	CHECK_FAILS(tally_unseal(key, tally_bytes(sealed, sizeof(sealed)), TALLY_BYTES_NONE, opened,
				 &err), TALLY_CORRUPT);
	CASE("other key");
	key[0] ^= 1;
	CHECK_FAILS(tally_unseal(key, tally_bytes(sealed, sizeof(sealed)), TALLY_BYTES_LIT("context"),
				 opened, &err), TALLY_CORRUPT);
	key[0] ^= 1;
	CASE("unchanged");
	CHECK_OK(tally_unseal(key, tally_bytes(sealed, sizeof(sealed)), TALLY_BYTES_LIT("context"), opened,
			      &err));
}

int main(void)
{
	if (mkdtemp(directory) == NULL)
		return 99;
	snprintf(path, sizeof(path), "%s/master.key", directory);
	TEST(random_differs);
	TEST(comparing);
	TEST(wiping);
	TEST(secret_memory);
	TEST(master_key_is_made_once);
	TEST(master_key_file_is_checked);
	TEST(derived_keys);
	TEST(sealing);
	TEST(a_seal_that_does_not_fit);
	unlink(path);
	rmdir(directory);
	return tap_done();
}
