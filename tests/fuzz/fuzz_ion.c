/*
 * Ion from outside, text and binary. Reading ends and stays within its bytes; what was read is written as
 * text that reads as the same value, which has the same hash and is written the same way; and blocks and
 * digests of a journal are looked for in whatever it is.
 */
#include "arena.h"
#include "buf.h"
#include "err.h"
#include "fuzz.h"
#include "hash.h"
#include "qldb.h"

static void is_same_again(const struct tally_ion *value, struct tally_arena *arena)
{
	struct tally_buf text = { 0 }, again = { 0 }, json = { 0 };
	uint8_t hash[TALLY_HASH_SIZE], other[TALLY_HASH_SIZE];
	struct tally_ion_reader reader;
	struct tally_ion *read;
	struct tally_err err;

	tally_ion_write_text(value, &text);
	tally_ion_write_json(value, &json);
	tally_ion_open(&reader, tally_buf_bytes(&text), arena);
	PROMISE(tally_ion_next(&reader, arena, &read, &err) == 1);
	tally_ion_hash(value, hash);
	tally_ion_hash(read, other);
	PROMISE(memcmp(hash, other, sizeof(hash)) == 0);
	tally_ion_write_text(read, &again);
	PROMISE(tally_bytes_equal(tally_buf_bytes(&text), tally_buf_bytes(&again)));
	PROMISE(tally_ion_next(&reader, arena, &read, &err) == 0);
	tally_buf_free(&text);
	tally_buf_free(&again);
	tally_buf_free(&json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tally_arena symbols = { 0 }, arena = { 0 };
	struct tally_ion_reader reader;
	struct tally_qldb_digest digest;
	struct tally_qldb_block block;
	struct tally_ion *value;
	struct tally_err err;
	int found;

	tally_ion_open(&reader, tally_bytes(data, size), &symbols);
	while ((found = tally_ion_next(&reader, &arena, &value, &err)) == 1) {
		PROMISE(value != NULL);
		is_same_again(value, &arena);
		tally_qldb_block_read(value, &arena, &block, &err);
		tally_qldb_digest_read(value, &arena, &digest);
		tally_arena_reset(&arena);
	}
	PROMISE(found == 0 || err.text[0] != '\0');
	tally_arena_free(&arena);
	tally_arena_free(&symbols);
	return 0;
}
