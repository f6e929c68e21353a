/*
 * What OpenSSL gives back is overwritten: once a private key was read, used and wiped, its number is
 * nowhere in this process. It is looked for as the complement of its bytes, which is no finding itself.
 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <fcntl.h>

#include "err.h"
#include "member_key.h"
#include "openssl_memory.h"
#include "secret.h"
#include "tap.h"

#define PART 16u		/* bytes of a number that are a finding */
#define MOST (1u << 30)		/* larger mappings are reserved by sanitizers */

static struct tally_err err;
static bool overwrites;

static unsigned int count_in(const uint8_t *data, size_t size, const uint8_t complement[32])
{
	unsigned int found = 0;

	for (size_t i = 0; i + PART <= size; i++) {
		size_t k = 0;

		while (k < PART && (data[i + k] ^ complement[k]) == 0xff)
			k++;
		found += k == PART;
	}
	return found;
}

/* In all that can be written. */
static unsigned int count(const uint8_t complement[32])
{
	static uint8_t buffer[65536 + PART];
	FILE *maps = fopen("/proc/self/maps", "r");
	int memory = open("/proc/self/mem", O_RDONLY);
	unsigned int found = 0;
	char line[512];

	while (maps != NULL && memory >= 0 && fgets(line, sizeof(line), maps) != NULL) {
		uint64_t begin, end;
		char access[5];

		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s", &begin, &end, access) != 3 ||
		    strncmp(access, "rw", 2) != 0 || end - begin > MOST)
			continue;
		for (uint64_t at = begin; at < end; at += 65536) {
			size_t size = end - at < sizeof(buffer) ? (size_t)(end - at) : sizeof(buffer);
			uint64_t own = (uint64_t)(uintptr_t)buffer;
			ssize_t got;

			if (at < own + sizeof(buffer) && own < at + size)
				continue;	/* what was read before */
			got = pread(memory, buffer, size, (off_t)at);
			if (got > 0)
				found += count_in(buffer, (size_t)got, complement);
		}
	}
	if (maps != NULL)
		fclose(maps);
	if (memory >= 0)
		close(memory);
	tally_wipe(buffer, sizeof(buffer));
	return found;
}

/* Deep enough for what the calls before had on the stack: a signal would overwrite it as well. */
static void clear_stack(void)
{
	uint8_t deep[65536];

	tally_wipe(deep, sizeof(deep));
}

/* The key is made here and leaves nothing here. */
static __attribute__((noinline)) void use(uint8_t complement_r[32], char **pem_r)
{
	uint8_t private[TALLY_MEMBER_PRIVATE], signature[TALLY_MEMBER_SIGNATURE];
	char pem[TALLY_MEMBER_PEM_TEXT];
	struct tally_member_key public;
	enum tally_key_type type;

	tally_random(private, sizeof(private));
	private[0] = 1;		/* below every order */
	for (size_t i = 0; i < 32; i++)
		complement_r[i] = (uint8_t)~private[i];
	CHECK_OK(tally_member_pem_format(KEY_TYPE_SECP256R1, private, pem, &err));
	tally_wipe(private, sizeof(private));
	*pem_r = strdup(pem);
	tally_wipe(pem, sizeof(pem));
	CHECK_OK(tally_member_pem_parse(tally_bytes_str(*pem_r), &type, private, &err));
	CHECK_OK(tally_member_public(type, private, &public, &err));
	CHECK_OK(tally_member_sign(type, private, TALLY_BYTES_LIT("x"), signature, &err));
	tally_wipe(private, sizeof(private));
}

static void a_number_is_found(void)
{
	uint8_t complement[32], *copy = malloc(32);

	for (size_t i = 0; i < 32; i++) {
		complement[i] = (uint8_t)(i * 37 + 11);
		copy[i] = (uint8_t)~complement[i];
	}
	CHECK(count(complement) >= 1);
	tally_wipe(copy, 32);
	CHECK_INT(count(complement), 0);
	free(copy);
}

static void keys_leave_nothing(void)
{
	if (access("/proc/self/mem", R_OK) != 0)
		SKIP("there is no /proc/self/mem");
	CHECK(overwrites);
	for (unsigned int i = 0; i < 8; i++) {
		uint8_t complement[32];
		char *pem = NULL;

		CASE("key %u", i);
		use(complement, &pem);
		tally_wipe(pem, strlen(pem));
		free(pem);
		clear_stack();
		CHECK_INT(count(complement), 0);
	}
}

int main(void)
{
	overwrites = tally_openssl_overwrites();
	TEST(a_number_is_found);
	TEST(keys_leave_nothing);
	return tap_done();
}
