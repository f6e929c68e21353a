/* Conformance: erasing bytes of blocks, scrubbing what is left of them, dropping spaces. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>

#include "conform.h"

/* A block of this size whose bytes come from the seed. */
static int append_filled(struct tally_store *store, uint64_t space, uint64_t number, size_t size,
			 uint64_t seed, struct tally_err *err)
{
	struct tally_block_write block = { .space = space, .number = number };
	uint8_t *data = tally_malloc(size);
	int ret;

	rnd_fill(&seed, data, size);
	block.data = tally_bytes(data, size);
	ret = tally_store_append(store, &block, 1, err);
	free(data);
	return ret;
}

static void check_bytes(struct trial *t, struct tally_store *store, uint64_t space,
			uint64_t number, const uint8_t *want, size_t size)
{
	struct tally_arena arena = { 0 };
	struct tally_bytes got;

	CHECK_INT(tally_store_read(store, space, number, 0, UINT64_MAX, &arena, &got,
				   &(struct tally_err){ 0 }), 1);
	CHECK_INT(got.size, size);
	CHECK(memcmp(got.data, want, size) == 0);
	if (size > 10) {
		MUST(tally_store_read(store, space, number, size / 3, size / 2, &arena, &got, &err));
		CHECK(tally_bytes_equal(got, tally_bytes(want + size / 3, size / 2)));
	}
	tally_arena_free(&arena);
}

/* ---- erase ---- */

static const size_t erase_sizes[] = { 1, 100, 4096, 5000, 70000, 3 << 20 };
#define ERASE_SIZES (sizeof(erase_sizes) / sizeof(erase_sizes[0]))
#define RANGES 5

static void random_ranges(uint64_t *state, size_t size, struct tally_range ranges[RANGES])
{
	for (size_t i = 0; i < RANGES; i++) {
		ranges[i].offset = rnd_below(state, size);
		ranges[i].size = rnd_below(state, size - ranges[i].offset + 1);
		if (i > 1 && ranges[i].size > 64)
			ranges[i].size = 1 + rnd_below(state, 64);
	}
}

static void zero_ranges(uint8_t *data, const struct tally_range *ranges, size_t count)
{
	for (size_t i = 0; i < count; i++)
		memset(data + ranges[i].offset, 0, ranges[i].size);
}

/*
 * Spaces 1 and 2 hold the same blocks. The same ranges are erased in 1 all at once and twice, in 2
 * one by one from the last to the first: both must read alike.
 */
static void erase_block(struct trial *t, struct tally_store *store, uint64_t number, size_t size)
{
	uint64_t state = t->seed + number, seed = number;
	struct tally_range ranges[RANGES];
	uint8_t *want = tally_malloc(size);

	rnd_fill(&seed, want, size);
	check_bytes(t, store, 1, number, want, size);
	random_ranges(&state, size, ranges);
	zero_ranges(want, ranges, RANGES);
	MUST(tally_store_erase(store, 1, number, ranges, RANGES, &err));
	check_bytes(t, store, 1, number, want, size);
	MUST(tally_store_erase(store, 1, number, ranges, RANGES, &err));
	check_bytes(t, store, 1, number, want, size);
	for (size_t i = RANGES; i-- > 0;)
		MUST(tally_store_erase(store, 2, number, &ranges[i], 1, &err));
	check_bytes(t, store, 2, number, want, size);
	free(want);
}

static void check_erased(struct trial *t, struct tally_store *store, uint64_t number, size_t size)
{
	uint64_t state = t->seed + number, seed = number;
	struct tally_range ranges[RANGES];
	uint8_t *want = tally_malloc(size);

	rnd_fill(&seed, want, size);
	random_ranges(&state, size, ranges);
	zero_ranges(want, ranges, RANGES);
	for (uint64_t space = 1; space <= 2; space++)
		check_bytes(t, store, space, number, want, size);
	free(want);
}

static void erase(struct trial *t)
{
	struct tally_store *store = case_open(t, true);
	const struct tally_range all = { 0, 100 };

	for (uint64_t n = 0; n < ERASE_SIZES; n++) {
		for (uint64_t space = 1; space <= 2; space++)
			MUST(append_filled(store, space, n, erase_sizes[n], n, &err));
	}
	MUST(block_append(store, 3, 0, &err));
	for (uint64_t n = 0; n < ERASE_SIZES; n++)
		erase_block(t, store, n, erase_sizes[n]);
	MUST_FAIL(TALLY_NOTFOUND, tally_store_erase(store, 1, ERASE_SIZES, &all, 1, &err));
	MUST_FAIL(TALLY_NOTFOUND, tally_store_erase(store, 9, 0, &all, 1, &err));
	MUST(tally_store_erase(store, 1, 0, NULL, 0, &err));
	CHECK_INT(block_count(t, store, 1), ERASE_SIZES);
	MUST(append_filled(store, 1, ERASE_SIZES, 500, 1, &err));
	block_check(t, store, 3, 0);
	for (int round = 0; round < 3; round++) {
		for (uint64_t n = 0; n < ERASE_SIZES; n++)
			check_erased(t, store, n, erase_sizes[n]);
		CHECK_INT(block_count(t, store, 1), ERASE_SIZES + 1);
		if (round == 0)
			MUST(tally_store_scrub(store, &err));
		case_close(t, &store);
		store = case_open(t, false);
	}
	block_check(t, store, 3, 0);
	case_close(t, &store);
}

/* ---- scrub ---- */

#define MARKER 24				/* bytes of a pattern that occurs nowhere by chance */

static struct tally_bytes marker(struct trial *t, uint64_t which, uint8_t bytes[MARKER])
{
	uint64_t state = t->seed * 1000 + which;

	rnd_fill(&state, bytes, MARKER);
	return tally_bytes(bytes, MARKER);
}

/* A block with the marker at its beginning, in its middle and at its end. */
static int append_marked(struct trial *t, struct tally_store *store, uint64_t space,
			 uint64_t number, size_t size, uint64_t which, struct tally_err *err)
{
	struct tally_block_write block = { .space = space, .number = number };
	uint8_t *data = tally_malloc(size), bytes[MARKER];
	uint64_t state = which;
	int ret;

	rnd_fill(&state, data, size);
	marker(t, which, bytes);
	memcpy(data, bytes, MARKER);
	memcpy(data + size / 2, bytes, MARKER);
	memcpy(data + size - MARKER, bytes, MARKER);
	block.data = tally_bytes(data, size);
	ret = tally_store_append(store, &block, 1, err);
	free(data);
	return ret;
}

static void erase_marked(struct trial *t, struct tally_store *store, uint64_t space,
			 uint64_t number, size_t size)
{
	const struct tally_range ranges[] = {
		{ 0, MARKER }, { size / 2, MARKER }, { size - MARKER, MARKER },
	};

	MUST(tally_store_erase(store, space, number, ranges, 3, &err));
}

static size_t found(struct trial *t, uint64_t which)
{
	uint8_t bytes[MARKER];

	return files_holding(t, t->location, marker(t, which, bytes));
}

#define SCRUB_BLOCKS 12

static size_t scrub_size(uint64_t number)
{
	return number % 4 == 0 ? 300000 : number % 4 == 1 ? 2000 : number % 4 == 2 ? 5000 : 100;
}

/* Erased markers (even blocks) must be nowhere, the others must still be somewhere. */
static void check_scrubbed(struct trial *t, const char *when)
{
	for (uint64_t n = 0; n < SCRUB_BLOCKS; n++) {
		size_t files = found(t, n);

		if (n % 2 == 0 && files > 0)
			FAIL("%s: an erased pattern of block %" PRIu64 " is in %zu files", when, n, files);
		if (n % 2 == 1 && files == 0)
			FAIL("%s: the pattern of block %" PRIu64 " cannot be found at all", when, n);
	}
}

/* Memory that held what is erased now, as whoever read it before leaves it behind. */
static void leave_in_memory(struct trial *t)
{
	enum { EACH = 24, FROM = 64, TO = 8192 };
	void *chunks[EACH];

	for (size_t size = FROM; size <= TO; size += size < 1024 ? 16 : 64) {
		for (size_t i = 0; i < EACH; i++) {
			uint8_t bytes[MARKER], *chunk = tally_malloc(size);

			marker(t, 2 * (i % (SCRUB_BLOCKS / 2)), bytes);
			for (size_t at = 0; at + MARKER <= size; at += MARKER)
				memcpy(chunk + at, bytes, MARKER);
			chunks[i] = chunk;
		}
		for (size_t i = 0; i < EACH; i++)
			free(chunks[i]);
	}
}

/* What the driver writes after a scrub must not bring back what its memory happens to hold: keys
 * between those that are there already, so that pages are split and made anew. */
static void write_more(struct trial *t, struct tally_store *store)
{
	enum { PAIRS = 600, ROUNDS = 20 };
	struct tally_change *changes = tally_calloc(PAIRS, sizeof(*changes));
	uint8_t (*keys)[8] = tally_calloc(PAIRS, sizeof(*keys));

	for (uint64_t n = 0; n < ROUNDS; n++) {
		const struct tally_mark from = mark_of(1, n), to = mark_of(1, n + 1);

		for (uint64_t i = 0; i < PAIRS; i++) {
			tally_put_u64(keys[i], i * ROUNDS + n);
			changes[i] = (struct tally_change){
				.table = 1, .key = tally_bytes(keys[i], sizeof(keys[i])),
				.value = TALLY_BYTES_LIT("a value that is neither long nor short") };
		}
		leave_in_memory(t);
		MUST(tally_store_apply(store, 1, &from, &to, changes, PAIRS, &err));
	}
	leave_in_memory(t);
	MUST(tally_store_sync_index(store, &err));
	free(changes);
	free(keys);
}

static void scrub(struct trial *t)
{
	struct tally_store *store = case_open(t, true);

	for (uint64_t n = 0; n < SCRUB_BLOCKS; n++) {
		MUST(append_marked(t, store, 1, n, scrub_size(n), n, &err));
		if (n == SCRUB_BLOCKS / 2)
			MUST(tally_store_maintain(store, &err));
	}
	for (uint64_t n = 0; n < SCRUB_BLOCKS; n += 2)
		erase_marked(t, store, 1, n, scrub_size(n));
	MUST(tally_store_scrub(store, &err));
	check_scrubbed(t, "while open");
	leave_in_memory(t);
	MUST(append_marked(t, store, 1, SCRUB_BLOCKS, 1000, 99, &err));
	if (t->driver->caps & TALLY_CAP_INDEX)
		write_more(t, store);
	check_scrubbed(t, "after writing more");
	CHECK_INT(block_count(t, store, 1), SCRUB_BLOCKS + 1);
	case_close(t, &store);
	check_scrubbed(t, "after closing");
	CHECK(found(t, 99) > 0);
	store = case_open(t, false);
	CHECK_INT(block_count(t, store, 1), SCRUB_BLOCKS + 1);
	case_close(t, &store);
	check_scrubbed(t, "after reopening");
}

/* ---- drop ---- */

static void check_dropped(struct trial *t, struct tally_store *store, uint64_t space)
{
	struct tally_arena arena = { 0 };
	struct tally_bytes bytes;
	struct tally_err why = { 0 };
	uint64_t count;

	MUST_FAIL(TALLY_NOTFOUND, tally_store_last(store, space, &count, &err));
	MUST_FAIL(TALLY_NOTFOUND, block_append(store, space, 0, &err));
	MUST_FAIL(TALLY_NOTFOUND, block_append(store, space, 3, &err));
	CHECK(tally_store_read(store, space, 0, 0, 100, &arena, &bytes, &why) <= 0);
	CHECK(why.code == TALLY_OK || why.code == TALLY_NOTFOUND);
	tally_arena_free(&arena);
}

/* What drop takes must be gone from the files too, blocks and index tables, and nothing else. */
static void check_drop_files(struct trial *t, const char *when)
{
	for (uint64_t which = 10; which < 14; which++) {
		if (found(t, which) > 0)
			FAIL("%s: bytes of the dropped space are in a file (%s)", when,
			     which < 13 ? "block" : "index");
	}
	for (uint64_t which = 20; which < 23; which++) {
		if (found(t, which) == 0)
			FAIL("%s: the other space's bytes cannot be found", when);
	}
}

static int apply_marker(struct trial *t, struct tally_store *store, uint64_t space,
			uint64_t which, struct tally_err *err)
{
	const struct tally_mark from = mark_of(space, 0), to = mark_of(space, 1);
	uint8_t bytes[MARKER];
	struct tally_change change = { .table = 1, .key = TALLY_BYTES_LIT("key") };

	change.value = marker(t, which, bytes);
	return tally_store_apply(store, space, &from, &to, &change, 1, err);
}

static void drop(struct trial *t)
{
	struct tally_store *store = case_open(t, true);
	bool files = t->driver->caps & TALLY_CAP_LOCAL;
	struct tally_mark mark;

	for (uint64_t n = 0; n < 3; n++) {
		MUST(append_marked(t, store, 1, n, n == 1 ? 200000 : 3000, 10 + n, &err));
		MUST(append_marked(t, store, 2, n, n == 1 ? 200000 : 3000, 20 + n, &err));
	}
	MUST(apply_marker(t, store, 1, 13, &err));
	MUST(apply_marker(t, store, 2, 23, &err));
	MUST(tally_store_sync_index(store, &err));
	MUST(tally_store_drop(store, 1, &err));
	check_dropped(t, store, 1);
	MUST(tally_store_mark(store, 1, &mark, &err));
	CHECK_INT(mark.blocks, 0);
	MUST(tally_store_drop(store, 1, &err));		/* once more: fine */
	MUST(tally_store_drop(store, 8, &err));		/* never used, and never will be */
	check_dropped(t, store, 8);
	CHECK_INT(block_count(t, store, 2), 3);
	case_close(t, &store);
	store = case_open(t, false);
	check_dropped(t, store, 1);
	check_dropped(t, store, 8);
	MUST(tally_store_scrub(store, &err));
	if (files)
		check_drop_files(t, "while open");
	check_dropped(t, store, 1);
	CHECK_INT(block_count(t, store, 2), 3);
	case_close(t, &store);
	if (files)
		check_drop_files(t, "after closing");
	store = case_open(t, false);
	check_dropped(t, store, 1);
	CHECK_INT(block_count(t, store, 2), 3);
	MUST(block_append(store, 2, 3, &err));
	case_close(t, &store);
}

const struct conform_case erase_cases[] = {
	{ "erase: any order, any number of times", TALLY_CAP_BLOCKS, 0, erase },
	{ "scrub: no erased byte is in any file", TALLY_CAP_BLOCKS | TALLY_CAP_LOCAL, 0, scrub },
	{ "drop: a tombstone, and nothing else", TALLY_CAP_BLOCKS | TALLY_CAP_INDEX, 0, drop },
	{ NULL, 0, 0, NULL }
};
