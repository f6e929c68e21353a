/* Conformance: the blocks half. Numbers, outcomes, sizes, concurrency, what reopening keeps. */
#include "config.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conform.h"
#include "own.h"
#include "wrap.h"

/* ---- open ---- */

static void open_rules(struct trial *t)
{
	struct tally_store *store;

	if (t->driver->caps & TALLY_CAP_LOCAL)
		mkdir(t->location, 0700);
	MUST_FAIL(TALLY_NOTFOUND, case_try_open(t, false, &store, &err));
	CHECK(store == NULL);
	store = case_open(t, true);
	CHECK_INT(block_count(t, store, 5), 0);
	case_close(t, &store);
	MUST_FAIL(TALLY_EXISTS, case_try_open(t, true, &store, &err));
	store = case_open(t, false);
	CHECK_INT(block_count(t, store, 5), 0);
	case_close(t, &store);
}

static void open_halves(struct trial *t)
{
	struct tally_store *store = case_open_half(t, true, true, false);
	struct tally_mark mark;
	uint64_t count;

	CHECK_INT(store->caps & TALLY_CAP_INDEX, 0);
	MUST(block_append(store, 1, 0, &err));
	MUST_FAIL(TALLY_UNSUPPORTED, tally_store_mark(store, 1, &mark, &err));
	block_check(t, store, 1, 0);
	case_close(t, &store);

	case_move(t, case_place(t, "index"));
	store = case_open_half(t, true, false, true);
	CHECK_INT(store->caps & TALLY_CAP_BLOCKS, 0);
	MUST(index_apply(store, 1, 0, 9, &err));
	MUST_FAIL(TALLY_UNSUPPORTED, tally_store_last(store, 1, &count, &err));
	MUST_FAIL(TALLY_UNSUPPORTED, block_append(store, 1, 0, &err));
	CHECK_INT(index_check(t, store, 1), 9);
	case_close(t, &store);
}

/* ---- numbers ---- */

static enum tally_code append_code(struct tally_store *store, uint64_t space, uint64_t number)
{
	struct tally_err err = { 0 };

	return block_append(store, space, number, &err) < 0 ? err.code : TALLY_OK;
}

static void gapless(struct trial *t)
{
	struct tally_store *store = case_open(t, true);
	struct tally_arena arena = { 0 };
	struct tally_bytes bytes;

	CHECK_INT(append_code(store, 3, 1), TALLY_INVALID);
	CHECK_INT(block_count(t, store, 3), 0);
	for (uint64_t n = 0; n < 40; n++) {
		CHECK_INT(append_code(store, 3, n + 1 + n % 3), TALLY_INVALID);
		CHECK_INT(append_code(store, 3, n), TALLY_OK);
		CHECK_INT(append_code(store, 3, n), TALLY_CONFLICT);
		CHECK_INT(append_code(store, 3, n / 2), TALLY_CONFLICT);
		CHECK_INT(block_count(t, store, 3), n + 1);
	}
	blocks_check(t, store, 3, 40);
	CHECK_INT(tally_store_read(store, 3, 40, 0, 10, &arena, &bytes, &(struct tally_err){ 0 }), 0);
	CHECK_INT(tally_store_read(store, 4, 0, 0, 10, &arena, &bytes, &(struct tally_err){ 0 }), 0);
	CHECK_INT(append_code(store, 3, UINT64_MAX), TALLY_INVALID);
	CHECK_INT(block_count(t, store, 2), 0);
	CHECK_INT(append_code(store, 0, 0), TALLY_OK);
	CHECK_INT(append_code(store, UINT64_MAX, 0), TALLY_OK);
	block_check(t, store, 0, 0);
	block_check(t, store, UINT64_MAX, 0);
	case_close(t, &store);
	store = case_open(t, false);
	blocks_check(t, store, 3, 40);
	CHECK_INT(block_count(t, store, 3), 40);
	block_check(t, store, UINT64_MAX, 0);
	tally_arena_free(&arena);
	case_close(t, &store);
}

/* Many spaces in one call: some new, some there already, some with a gap. */
static void outcome_per_block(struct trial *t)
{
	struct tally_store *store = case_open(t, true);
	struct tally_block_write blocks[12];
	struct tally_buf bufs[12] = { { 0 } };
	struct tally_err why = { 0 };

	for (uint64_t n = 0; n < 4; n++)
		MUST(block_append(store, 4, n, &err));
	MUST(block_append(store, 7, 0, &err));
	for (uint64_t s = 0; s < 12; s++) {
		uint64_t number = s == 4 ? 2 : s == 9 ? 5 : s == 7 ? 1 : 0;

		block_make(&bufs[s], s, number);
		blocks[s] = (struct tally_block_write){
			.space = s, .number = number, .data = tally_buf_bytes(&bufs[s]),
		};
	}
	CHECK_INT(tally_store_append(store, blocks, 12, &why), -1);
	CHECK_INT(why.code, TALLY_CONFLICT);
	for (uint64_t s = 0; s < 12; s++) {
		CHECK_INT(blocks[s].outcome, s == 4 ? TALLY_CONFLICT : s == 9 ? TALLY_INVALID : TALLY_OK);
		CHECK_INT(block_count(t, store, s), s == 4 ? 4 : s == 7 ? 2 : s == 9 ? 0 : 1);
		if (s != 9)
			block_check(t, store, s, blocks[s].number);
		tally_buf_free(&bufs[s]);
	}
	blocks_check(t, store, 4, 4);
	blocks[3].space = blocks[5].space = 20;
	blocks[3].number = blocks[5].number = 0;
	MUST_FAIL(TALLY_INVALID, tally_store_append(store, blocks + 3, 3, &err));
	CHECK_INT(block_count(t, store, 20), 0);
	case_close(t, &store);
}

/* ---- sizes ---- */

static void fill_block(uint8_t *data, size_t size, uint64_t seed)
{
	rnd_fill(&seed, data, size);
}

/* Appends a block of this size as the next one of space 1, and reads it back in one and in parts. */
static void append_sized(struct trial *t, struct tally_store *store, uint64_t number, size_t size,
			 uint8_t *data)
{
	struct tally_block_write block = { .space = 1, .number = number };
	struct tally_arena arena = { 0 };
	struct tally_bytes got;
	uint64_t state = t->seed + number;

	fill_block(data, size, size + number);
	block.data = tally_bytes(data, size);
	MUST(tally_store_append(store, &block, 1, &err));
	for (int i = 0; i < 6; i++) {
		uint64_t offset = i == 0 ? 0 : rnd_below(&state, size);
		uint64_t want = i == 0 ? size : 1 + rnd_below(&state, size - offset);

		MUST(tally_store_read(store, 1, number, offset, want, &arena, &got, &err));
		CHECK_INT(got.size, want);
		CHECK(memcmp(got.data, data + offset, want) == 0);
		tally_arena_reset(&arena);
	}
	tally_arena_free(&arena);
}

static void large_blocks(struct trial *t)
{
	static const size_t sizes[] = {
		1, 2, 4095, 4096, 4097, 65535, 65536, 65537, (1 << 20) - 1, 1 << 20, (1 << 20) + 1,
		8 << 20, (8 << 20) - 3, 1, 3 << 20,
	};
	struct tally_store *store = case_open(t, true);
	uint8_t *data = tally_malloc(8 << 20);
	uint64_t count = sizeof(sizes) / sizeof(sizes[0]);
	struct tally_arena arena = { 0 };
	struct tally_bytes got;

	for (uint64_t n = 0; n < count; n++)
		append_sized(t, store, n, sizes[n], data);
	case_close(t, &store);
	store = case_open(t, false);
	for (uint64_t n = 0; n < count; n++) {
		MUST(tally_store_read(store, 1, n, 0, UINT64_MAX, &arena, &got, &err));
		fill_block(data, sizes[n], sizes[n] + n);
		CHECK(tally_bytes_equal(got, tally_bytes(data, sizes[n])));
		tally_arena_reset(&arena);
	}
	tally_arena_free(&arena);
	free(data);
	case_close(t, &store);
}

static void largest_block(struct trial *t)
{
	struct tally_store *store = case_open(t, true);
	uint8_t *data = tally_malloc(TALLY_BLOCK_MAX + 1);
	struct tally_block_write block = { .space = 1, .number = 1 };

	append_sized(t, store, 0, TALLY_BLOCK_MAX, data);
	block.data = tally_bytes(data, TALLY_BLOCK_MAX + 1);
	MUST_FAIL(TALLY_INVALID, tally_store_append(store, &block, 1, &err));
	block.data = tally_bytes(data, 0);
	MUST_FAIL(TALLY_INVALID, tally_store_append(store, &block, 1, &err));
	CHECK_INT(block_count(t, store, 1), 1);
	free(data);
	case_close(t, &store);
}

static void partial_reads(struct trial *t)
{
	static const uint64_t beyond[] = { 5000, 5001, 1 << 20, UINT64_MAX };
	struct tally_store *store = case_open(t, true);
	struct tally_arena arena = { 0 };
	struct tally_bytes got;
	uint8_t data[5000];

	append_sized(t, store, 0, sizeof(data), data);
	append_sized(t, store, 1, sizeof(data), data);
	fill_block(data, sizeof(data), sizeof(data));
	for (size_t i = 0; i < sizeof(beyond) / sizeof(beyond[0]); i++) {
		CHECK_INT(tally_store_read(store, 1, 0, beyond[i], 10, &arena, &got,
					   &(struct tally_err){ 0 }), 1);
		CHECK_INT(got.size, 0);
	}
	MUST(tally_store_read(store, 1, 0, 4990, 100, &arena, &got, &err));
	CHECK(tally_bytes_equal(got, tally_bytes(data + 4990, 10)));
	MUST(tally_store_read(store, 1, 0, 4999, UINT64_MAX, &arena, &got, &err));
	CHECK(tally_bytes_equal(got, tally_bytes(data + 4999, 1)));
	CHECK_INT(tally_store_read(store, 1, 0, 7, 0, &arena, &got, &(struct tally_err){ 0 }), 1);
	CHECK_INT(got.size, 0);
	tally_arena_free(&arena);
	case_close(t, &store);
}

/* ---- concurrency ---- */

#define RACERS 6
#define RACE_BLOCKS 30

struct race {
	struct trial *t;
	struct tally_store *store;
	pthread_barrier_t start;
	pthread_mutex_t lock;
	uint8_t winner[2][RACE_BLOCKS];		/* racer + 1; 0: nobody yet */
	bool twice;
};

struct racer {
	struct race *race;
	uint8_t id;
};

static void race_block(struct racer *racer, uint64_t space, uint64_t number, uint8_t data[200])
{
	memset(data, 'A' + racer->id, 200);
	tally_put_u64(data, space);
	tally_put_u64(data + 8, number);
}

static void race_won(struct racer *racer, const struct tally_block_write *block)
{
	struct race *race = racer->race;
	struct trial *t = race->t;

	if (block->outcome != TALLY_OK) {
		CHECK_INT(block->outcome, TALLY_CONFLICT);
		return;
	}
	pthread_mutex_lock(&race->lock);
	if (race->winner[block->space - 1][block->number] != 0)
		race->twice = true;
	race->winner[block->space - 1][block->number] = (uint8_t)(racer->id + 1);
	pthread_mutex_unlock(&race->lock);
}

/* All racers try every number of two spaces, together; exactly one may have each. */
static void *race_run(void *arg)
{
	struct racer *racer = arg;
	struct race *race = racer->race;
	struct trial *t = race->t;
	uint8_t data[2][200];

	pthread_barrier_wait(&race->start);
	for (uint64_t n = 0; n < RACE_BLOCKS; n++) {
		struct tally_block_write blocks[2];
		struct tally_err err = { 0 };
		size_t count = n % 3 == 0 ? 2 : 1;

		for (size_t i = 0; i < 2; i++) {
			race_block(racer, i + 1, n, data[i]);
			blocks[i] = (struct tally_block_write){
				.space = i + 1, .number = n, .data = tally_bytes(data[i], 200),
			};
		}
		for (size_t i = 0; i < 2; i += count) {
			if (tally_store_append(race->store, &blocks[i], count, &err) < 0 &&
			    err.code != TALLY_CONFLICT)
				FAIL("append of number %" PRIu64 ": %s", n, err.text);
			for (size_t j = i; j < i + count; j++)
				race_won(racer, &blocks[j]);
		}
		pthread_barrier_wait(&race->start);
	}
	return NULL;
}

static void race_threads(struct trial *t)
{
	struct tally_store *store = case_open(t, true);
	struct race race = { .t = t, .store = store };
	struct racer racers[RACERS];
	pthread_t threads[RACERS];
	struct tally_arena arena = { 0 };

	pthread_barrier_init(&race.start, NULL, RACERS);
	pthread_mutex_init(&race.lock, NULL);
	for (size_t i = 0; i < RACERS; i++) {
		racers[i] = (struct racer){ &race, (uint8_t)i };
		CHECK_INT(pthread_create(&threads[i], NULL, race_run, &racers[i]), 0);
	}
	for (size_t i = 0; i < RACERS; i++)
		pthread_join(threads[i], NULL);
	CHECK(!race.twice);
	for (uint64_t s = 1; s <= 2; s++) {
		CHECK_INT(block_count(t, store, s), RACE_BLOCKS);
		for (uint64_t n = 0; n < RACE_BLOCKS; n++) {
			struct racer winner = { &race, (uint8_t)(race.winner[s - 1][n] - 1) };
			struct tally_bytes got;
			uint8_t want[200];

			CHECK(race.winner[s - 1][n] != 0);
			race_block(&winner, s, n, want);
			MUST(tally_store_read(store, s, n, 0, 1000, &arena, &got, &err));
			CHECK(tally_bytes_equal(got, tally_bytes(want, 200)));
		}
	}
	tally_arena_free(&arena);
	case_close(t, &store);
}

/* Waits for its turn as owner of the directory, then opens. */
static struct tally_store *open_in_turn(struct trial *t)
{
	struct tally_store *store;
	struct tally_err err = { 0 };

	while (case_try_open(t, false, &store, &err) < 0) {
		if (err.code != TALLY_BUSY)
			FAIL("open: %s", err.text);
	}
	return store;
}

/* One process: in each turn it appends what it believes to be next, then what really is. */
static void take_turns(struct trial *t, int turns)
{
	uint64_t believed = 0, count;

	for (int i = 0; i < turns; i++) {
		struct tally_store *store = open_in_turn(t);

		count = block_count(t, store, 1);
		CHECK_INT(append_code(store, 1, believed), believed < count ? TALLY_CONFLICT : TALLY_OK);
		count = block_count(t, store, 1);
		CHECK_INT(append_code(store, 1, count), TALLY_OK);
		CHECK_INT(append_code(store, 1, count), TALLY_CONFLICT);
		believed = count + 1;
		block_check(t, store, 1, count);
		tally_store_close(&store);	/* not wrapped, so not case_close */
		tally_disown(&t->owner);
	}
}

static void race_processes(struct trial *t)
{
	struct tally_store *store = case_open(t, true);
	const int processes = 4, turns = 6;
	uint64_t count;
	int status;

	case_close(t, &store);
	for (int i = 0; i < processes; i++) {
		if (fork() == 0) {
			take_turns(t, turns);
			_exit(0);
		}
	}
	for (int i = 0; i < processes; i++) {
		CHECK(wait(&status) > 0);
		case_child(t, status);
	}
	store = case_open(t, false);
	count = block_count(t, store, 1);
	CHECK(count >= (uint64_t)(processes * turns) && count <= (uint64_t)(2 * processes * turns));
	blocks_check(t, store, 1, count);
	case_close(t, &store);
}

/* A writer goes on while readers look at what was acknowledged; no reader may fail or see other. */
struct reading {
	struct trial *t;
	struct tally_store *store;
	pthread_mutex_t lock;
	uint64_t blocks;			/* acknowledged */
	uint64_t reads;
	bool done;
};

static uint64_t reading_blocks(struct reading *reading, bool *done_r)
{
	uint64_t blocks;

	pthread_mutex_lock(&reading->lock);
	blocks = reading->blocks;
	*done_r = reading->done;
	reading->reads++;
	pthread_mutex_unlock(&reading->lock);
	return blocks;
}

static int count_pair(void *ctx, struct tally_bytes key, struct tally_bytes value)
{
	uint64_t *next = ctx;

	(void)value;
	if (key.size != 8 || tally_get_u64(key.data) != *next)
		return 1;
	++*next;
	return 0;
}

static void *reading_run(void *arg)
{
	struct reading *reading = arg;
	struct trial *t = reading->t;
	struct tally_arena arena = { 0 };
	uint64_t state = t->seed ^ (uintptr_t)&arena, blocks;
	bool done = false;

	while (blocks = reading_blocks(reading, &done), !done) {
		struct tally_bytes value;
		uint64_t next = 0, count;
		uint8_t key[8];

		MUST(tally_store_last(reading->store, 1, &count, &err));
		CHECK(count >= blocks);
		if (blocks == 0)
			continue;
		block_check(t, reading->store, 1, rnd_below(&state, blocks));
		block_check(t, reading->store, 1, count - 1);
		tally_put_u64(key, rnd_below(&state, blocks));
		CHECK_INT(tally_store_get(reading->store, 1, 0, tally_bytes(key, 8), &arena, &value,
					  &(struct tally_err){ 0 }), 1);
		MUST(tally_store_scan(reading->store, 1, 0, TALLY_BYTES_NONE, TALLY_BYTES_NONE, false,
				      count_pair, &next, &err));
		CHECK(next >= blocks);
		tally_arena_reset(&arena);
	}
	tally_arena_free(&arena);
	return NULL;
}

static void readers_during_writes(struct trial *t)
{
	struct tally_store *store = case_open(t, true);
	struct reading reading = { .t = t, .store = store };
	uint64_t n, reads = 0;
	pthread_t threads[3];

	pthread_mutex_init(&reading.lock, NULL);
	for (size_t i = 0; i < 3; i++)
		CHECK_INT(pthread_create(&threads[i], NULL, reading_run, &reading), 0);
	for (n = 0; n < 120 || reads < 60; n++) {
		MUST(block_append(store, 1, n, &err));
		MUST(index_apply(store, 1, n, n + 1, &err));
		pthread_mutex_lock(&reading.lock);
		reading.blocks = n + 1;
		reads = reading.reads;
		pthread_mutex_unlock(&reading.lock);
		if (n % 40 == 39)
			MUST(tally_store_maintain(store, &err));
	}
	pthread_mutex_lock(&reading.lock);
	reading.done = true;
	pthread_mutex_unlock(&reading.lock);
	for (size_t i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	CHECK_INT(index_check(t, store, 1), n);
	case_close(t, &store);
}

/* ---- unknown and failed appends ---- */

static void uncertain(struct trial *t)
{
	struct tally_store *store = case_open(t, true);
	struct tally_store *fail = tally_wrap_fail(store, 0, TALLY_FAULT_IO);

	MUST(block_append(fail, 1, 0, &err));
	tally_wrap_fail_at(fail, 1, TALLY_FAULT_UNCERTAIN_DONE);
	CHECK_INT(append_code(fail, 1, 1), TALLY_UNCERTAIN);
	block_check(t, fail, 1, 1);			/* reading back tells: it is ours */
	CHECK_INT(append_code(fail, 1, 1), TALLY_CONFLICT);
	CHECK_INT(block_count(t, fail, 1), 2);

	tally_wrap_fail_at(fail, 1, TALLY_FAULT_UNCERTAIN_LOST);
	CHECK_INT(append_code(fail, 1, 2), TALLY_UNCERTAIN);
	CHECK_INT(block_count(t, fail, 1), 2);
	CHECK_INT(append_code(fail, 1, 2), TALLY_OK);	/* and retrying is harmless */

	tally_wrap_fail_at(fail, 1, TALLY_FAULT_FULL);
	CHECK_INT(append_code(fail, 1, 3), TALLY_FULL);
	CHECK_INT(append_code(fail, 1, 3), TALLY_OK);
	case_close(t, &fail);
	store = case_open(t, false);
	CHECK_INT(block_count(t, store, 1), 4);
	blocks_check(t, store, 1, 4);
	case_close(t, &store);
}

/* What the script of the next case has been told: so much is there, whatever failed. */
struct told {
	uint64_t blocks;
	uint64_t marked;
};

static bool script(struct tally_store *store, struct told *told)
{
	struct tally_err err = { 0 };
	uint64_t count;

	for (uint64_t n = 0; n < 6; n++) {
		if (block_append(store, 1, told->blocks, &err) < 0)
			return false;
		told->blocks++;
		if (tally_store_last(store, 1, &count, &err) < 0)
			return false;
		if (n % 2 == 1) {
			if (index_apply(store, 1, told->marked, told->blocks, &err) < 0)
				return false;
			told->marked = told->blocks;
		}
	}
	return tally_store_maintain(store, &err) == 0 && tally_store_sync_index(store, &err) == 0;
}

/* Fails call 1 of the script, then call 2, and so on until none fails; each time all is well after. */
static void fail_each_call(struct trial *t)
{
	bool through = false;

	for (uint64_t nth = 1; !through; nth++) {
		struct told told = { 0 };
		struct tally_store *fail;
		char name[40];

		snprintf(name, sizeof(name), "script%" PRIu64, nth);
		case_move(t, case_place(t, name));
		fail = tally_wrap_fail(case_open(t, true), nth, TALLY_FAULT_IO);
		through = script(fail, &told);
		tally_wrap_fail_at(fail, 0, TALLY_FAULT_IO);
		CHECK_INT(block_count(t, fail, 1), told.blocks);
		CHECK_INT(index_check(t, fail, 1), told.marked);
		CHECK(script(fail, &told));
		case_close(t, &fail);
		fail = case_open(t, false);
		CHECK_INT(block_count(t, fail, 1), told.blocks);
		blocks_check(t, fail, 1, told.blocks);
		if (t->driver->caps & TALLY_CAP_DURABLE)
			CHECK_INT(index_check(t, fail, 1), told.marked);
		case_close(t, &fail);
		CHECK(nth < 100);
	}
}

/* ---- the list of spaces, reopening, figures ---- */

struct listing {
	uint64_t spaces[64];
	uint64_t blocks[64];
	bool dropped[64];
	size_t count;
	size_t limit;
};

static int list_space(void *ctx, uint64_t space, uint64_t blocks, bool dropped)
{
	struct listing *list = ctx;

	list->spaces[list->count] = space;
	list->blocks[list->count] = blocks;
	list->dropped[list->count] = dropped;
	return ++list->count == list->limit;
}

static void check_listing(struct trial *t, struct tally_store *store)
{
	struct listing list = { .limit = 64 }, some = { .limit = 2 };

	MUST(tally_store_spaces(store, list_space, &list, &err));
	CHECK_INT(list.count, 20);
	for (size_t i = 0; i < 20; i++) {
		CHECK_INT(list.spaces[i], i * i * 1000);
		CHECK_INT(list.dropped[i], i == 5);
		if (i != 5)
			CHECK_INT(list.blocks[i], 1 + i % 3);
	}
	MUST(tally_store_spaces(store, list_space, &some, &err));
	CHECK_INT(some.count, 2);
}

static void reopen_keeps_all(struct trial *t)
{
	struct tally_store *store = case_open(t, true);
	uint64_t marked;

	for (uint64_t i = 20; i-- > 0;) {
		for (uint64_t n = 0; n < 1 + i % 3; n++)
			MUST(block_append(store, i * i * 1000, n, &err));
		MUST(index_apply(store, i * i * 1000, 0, i, &err));
	}
	MUST(tally_store_drop(store, 25000, &err));
	check_listing(t, store);
	MUST(tally_store_sync_index(store, &err));
	for (int round = 0; round < 3; round++) {
		case_close(t, &store);
		store = case_open(t, false);
		check_listing(t, store);
		for (uint64_t i = 0; i < 20; i++) {
			if (i == 5)
				continue;
			blocks_check(t, store, i * i * 1000, 1 + i % 3);
			marked = index_check(t, store, i * i * 1000);
			if (t->driver->caps & TALLY_CAP_DURABLE)
				CHECK_INT(marked, i);
		}
		if (round == 1)
			MUST(tally_store_maintain(store, &err));
	}
	case_close(t, &store);
}

struct figures {
	uint64_t appends, blocks, bytes, syncs, applies;
	unsigned int seen;
};

static void figure(void *ctx, const char *name, uint64_t value)
{
	struct figures *figures = ctx;
	uint64_t *const places[] = {
		&figures->appends, &figures->blocks, &figures->bytes, &figures->syncs,
		&figures->applies,
	};
	static const char *const names[] = { "appends", "blocks", "bytes", "syncs", "applies" };

	for (size_t i = 0; i < 5; i++) {
		if (strcmp(names[i], name) == 0) {
			*places[i] = value;
			figures->seen |= 1u << i;
		}
	}
}

/* A group of many spaces costs one sync where the driver promises that. */
static void figures_count(struct trial *t)
{
	struct tally_store *store = case_open(t, true);
	struct figures before = { 0 }, after = { 0 }, later = { 0 };
	uint8_t data[300] = { 1 };
	const uint64_t calls = 10, spaces = 8;

	for (uint64_t n = 0; n <= calls; n++) {
		struct tally_block_write blocks[8];

		for (uint64_t s = 0; s < spaces; s++)
			blocks[s] = (struct tally_block_write){
				.space = s, .number = n, .data = tally_bytes(data, sizeof(data)),
			};
		MUST(tally_store_append(store, blocks, spaces, &err));
		if (n == 0)			/* making the spaces may cost more */
			MUST(tally_store_stat(store, figure, &before, &err));
	}
	MUST(tally_store_stat(store, figure, &after, &err));
	CHECK_INT(after.seen, 31);
	CHECK_INT(after.appends - before.appends, calls);
	CHECK_INT(after.blocks - before.blocks, calls * spaces);
	CHECK_INT(after.bytes - before.bytes, calls * spaces * sizeof(data));
	if (t->driver->caps & TALLY_CAP_DURABLE)
		CHECK(after.syncs - before.syncs >= calls);
	if (t->driver->caps & TALLY_CAP_GROUP)
		CHECK(after.syncs - before.syncs <= calls + 2);
	/* What was refused is not counted as written. */
	CHECK_INT(append_code(store, 0, 0), TALLY_CONFLICT);
	if (t->driver->caps & TALLY_CAP_INDEX) {
		MUST(index_apply(store, 0, 0, 3, &err));
		MUST(index_apply(store, 0, 3, 5, &err));
		MUST_FAIL(TALLY_CONFLICT, index_apply(store, 0, 3, 5, &err));
	}
	MUST(tally_store_stat(store, figure, &later, &err));
	CHECK_INT(later.blocks, after.blocks);
	CHECK_INT(later.bytes, after.bytes);
	if (t->driver->caps & TALLY_CAP_INDEX)
		CHECK_INT(later.applies - after.applies, 2);
	case_close(t, &store);
}

const struct conform_case block_cases[] = {
	{ "open: missing, existing, again", TALLY_CAP_BLOCKS, 0, open_rules },
	{ "open: one half alone", TALLY_CAP_BLOCKS | TALLY_CAP_INDEX, 0, open_halves },
	{ "append: gapless numbers", TALLY_CAP_BLOCKS, 0, gapless },
	{ "append: an outcome for each block", TALLY_CAP_BLOCKS, 0, outcome_per_block },
	{ "append: blocks up to 8 MB", TALLY_CAP_BLOCKS, 0, large_blocks },
	{ "append: the largest block", TALLY_CAP_BLOCKS, CASE_PLAIN, largest_block },
	{ "append: threads race", TALLY_CAP_BLOCKS, 0, race_threads },
	{ "append: processes take turns", TALLY_CAP_BLOCKS | TALLY_CAP_LOCAL, CASE_PLAIN,
	  race_processes },
	{ "append: unknown outcomes", TALLY_CAP_BLOCKS, CASE_PLAIN, uncertain },
	{ "read: parts and beyond the end", TALLY_CAP_BLOCKS, 0, partial_reads },
	{ "read: during writes", TALLY_CAP_BLOCKS | TALLY_CAP_INDEX, 0, readers_during_writes },
	{ "store: each call fails once", TALLY_CAP_BLOCKS | TALLY_CAP_INDEX, CASE_PLAIN, fail_each_call },
	{ "store: reopening keeps all", TALLY_CAP_BLOCKS | TALLY_CAP_INDEX, 0, reopen_keeps_all },
	{ "store: figures", TALLY_CAP_BLOCKS, 0, figures_count },
	{ NULL, 0, 0, NULL }
};
