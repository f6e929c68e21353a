/* See crash.h. */
#include "config.h"

#include <errno.h>
#include <ftw.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "clock.h"
#include "crash.h"

/* ---- random ---- */

/* splitmix64: every state gives a good number, and states may be simple. */
uint64_t crash_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

uint64_t crash_below(uint64_t *state, uint64_t bound)
{
	return crash_random(state) % bound;
}

uint64_t crash_seed(void)
{
	const char *text = getenv("TALLY_TEST_SEED");

	return text != NULL ? strtoull(text, NULL, 10) : tally_mono_ns() % 1000000000u;
}

unsigned int crash_rounds(void)
{
	const char *text = getenv("TALLY_TEST_ROUNDS");

	return text != NULL ? (unsigned int)strtoul(text, NULL, 10) : 20;
}

/* ---- directories ---- */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void crash_remove(const char *directory)
{
	nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

char *crash_directory(const char *name)
{
	const char *tmp = getenv("TMPDIR");
	char path[300];

	snprintf(path, sizeof(path), "%s/tally-%s-XXXXXX", tmp != NULL ? tmp : "/tmp", name);
	if (mkdtemp(path) == NULL) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		exit(1);
	}
	return tally_strdup(path);
}

/* ---- the bytes of the store ---- */

static uint64_t state_of(uint64_t space, uint64_t number, uint64_t what)
{
	uint64_t state = space << 48 ^ number << 8 ^ what;

	crash_random(&state);
	return state;
}

/* Mostly small blocks, some of several pages, now and then one of more than one part. */
static size_t block_size(uint64_t space, uint64_t number)
{
	uint64_t state = state_of(space, number, 1);

	switch (crash_below(&state, 40)) {
	case 0:
		return 200000 + crash_below(&state, 500000);
	case 1: case 2: case 3: case 4:
		return 4000 + crash_below(&state, 60000);
	default:
		return 1 + crash_below(&state, 3000);
	}
}

static void block_make(struct tally_buf *buf, uint64_t space, uint64_t number)
{
	size_t size = block_size(space, number);
	uint64_t state = state_of(space, number, 2), word = 0;
	uint8_t *data;

	tally_buf_clear(buf);
	data = tally_buf_reserve(buf, size);
	for (size_t i = 0; i < size; i++, word >>= 8) {
		if (i % 8 == 0)
			word = crash_random(&state);
		data[i] = (uint8_t)word | 1;	/* never zero: that means erased */
	}
	buf->size = size;
}

/* What an erase takes of a block: two ranges. */
static void erase_ranges(uint64_t space, uint64_t number, struct tally_range ranges[2])
{
	size_t size = block_size(space, number);

	ranges[0] = (struct tally_range){ size / 5, size / 5 };
	ranges[1] = (struct tally_range){ size / 2, size / 3 };
}

static bool is_erasable(const struct tally_range ranges[2], size_t at)
{
	return (at >= ranges[0].offset && at - ranges[0].offset < ranges[0].size) ||
		(at >= ranges[1].offset && at - ranges[1].offset < ranges[1].size);
}

static struct tally_mark mark_at(uint64_t space, uint64_t blocks)
{
	struct tally_mark mark = { .blocks = blocks, .projection = 1 };

	if (blocks == 0)
		return (struct tally_mark){ 0 };
	tally_put_u64(mark.header_hash, space);
	tally_put_u64(mark.header_hash + 8, blocks * 7919);
	mark.store_id[0] = 1;
	return mark;
}

/* ---- notes ---- */

void crash_floor_note(struct crash_floor *floor, const struct crash_note *note)
{
	uint64_t *at = note->kind == CRASH_TRIED ? &floor->tried[note->space] :
		note->kind == CRASH_ACKED ? &floor->acked[note->space] : &floor->indexed[note->space];

	floor->opened = true;
	if (note->kind == CRASH_ERASING || note->kind == CRASH_ERASED) {
		uint8_t *erased = &floor->erased[note->space][note->number];
		uint8_t now = note->kind == CRASH_ERASED ? 2 : 1;

		if (*erased < now)
			*erased = now;
	} else if (*at < note->number) {
		*at = note->number;
	}
}

/* ---- the index: what each block changes ---- */

#define RING 50				/* keys of table 1, replaced again and again */

struct change_list {
	struct tally_change *changes;
	uint8_t (*keys)[8];
	uint8_t (*values)[24];
	size_t count;
};

static void value_make(uint8_t value[24], uint64_t space, uint64_t number)
{
	uint64_t state = state_of(space, number, 3);

	tally_put_u64(value, number);
	tally_put_u64(value + 8, crash_random(&state));
	tally_put_u64(value + 16, space);
}

static void change_add(struct change_list *list, uint32_t table, uint64_t key, uint64_t space,
		       uint64_t number, bool remove)
{
	size_t i = list->count++;

	tally_put_u64(list->keys[i], key);
	value_make(list->values[i], space, number);
	list->changes[i] = (struct tally_change){ .table = table, .remove = remove,
						  .key = tally_bytes(list->keys[i], 8),
						  .value = tally_bytes(list->values[i], remove ? 0 : 24) };
}

/*
 * From blocks from .. to. Table 0 has a pair for each block; table 1 the newest of RING; table 2
 * those numbers that are even and whose successor is not there yet.
 */
static void change_list_make(struct change_list *list, uint64_t space, uint64_t from, uint64_t to)
{
	size_t room = 3 * (size_t)(to - from) + 8;

	list->changes = tally_calloc(room, sizeof(*list->changes));
	list->keys = tally_calloc(room, sizeof(*list->keys));
	list->values = tally_calloc(room, sizeof(*list->values));
	list->count = 0;
	for (uint64_t n = from; n < to; n++)
		change_add(list, 0, n, space, n, false);
	for (uint64_t key = 0; key < RING; key++) {
		/* the newest below `to` with this remainder, if it is one of ours */
		uint64_t newest = to > key ? (to - 1 - key) / RING * RING + key : 0;

		if (to > key && newest >= from)
			change_add(list, 1, key, space, newest, false);
	}
	for (uint64_t n = from / 2 * 2; n < to; n += 2) {
		if (n + 1 < to)
			change_add(list, 2, n, space, n, true);
		else if (n >= from)
			change_add(list, 2, n, space, n, false);
	}
}

static void change_list_free(struct change_list *list)
{
	free(list->changes);
	free(list->keys);
	free(list->values);
}

static int apply_to(struct tally_store *store, uint64_t space, uint64_t from, uint64_t to,
		    struct tally_err *err)
{
	const struct tally_mark old = mark_at(space, from), fresh = mark_at(space, to);
	struct change_list list;
	int ret;

	change_list_make(&list, space, from, to);
	ret = tally_store_apply(store, space, &old, &fresh, list.changes, list.count, err);
	change_list_free(&list);
	return ret;
}

/* ---- the writer ---- */

struct job {
	const struct crash_writer *writer;
	struct tally_store *store;
	uint64_t blocks[CRASH_SPACES];		/* of the appending thread */
	atomic_uint_fast64_t shown[CRASH_SPACES];
	uint64_t steps;
	pthread_mutex_t lock;			/* one note at a time */
	atomic_bool failed;
	atomic_bool done;
};

static void tell(struct job *job, enum crash_kind kind, uint32_t space, uint64_t number)
{
	const struct crash_note note = { kind, space, number };

	pthread_mutex_lock(&job->lock);
	job->writer->note(job->writer->ctx, &note);
	pthread_mutex_unlock(&job->lock);
}

static void complain(struct job *job, const char *what, const struct tally_err *err)
{
	fprintf(stderr, "writer: %s: %s (%s)\n", what, err->text, tally_code_name(err->code));
	atomic_store(&job->failed, true);
}

/* A group: the next block of some spaces. */
static void step_append(struct job *job, uint64_t *random)
{
	struct tally_buf bytes[CRASH_SPACES] = { { 0 } };
	struct tally_block_write writes[CRASH_SPACES] = { { 0 } };
	struct tally_err err = { 0 };
	size_t count = 0;

	for (uint32_t space = 0; space < CRASH_SPACES; space++) {
		if (job->blocks[space] == CRASH_BLOCKS || crash_below(random, 2) == 0)
			continue;
		block_make(&bytes[space], space, job->blocks[space]);
		writes[count++] = (struct tally_block_write){ .space = space,
							     .number = job->blocks[space],
							     .data = tally_buf_bytes(&bytes[space]) };
		tell(job, CRASH_TRIED, space, job->blocks[space] + 1);
	}
	if (count > 0 && tally_store_append(job->store, writes, count, &err) < 0)
		complain(job, "append", &err);
	for (size_t i = 0; i < count && !atomic_load(&job->failed); i++) {
		job->blocks[writes[i].space]++;
		tell(job, CRASH_ACKED, (uint32_t)writes[i].space, writes[i].number + 1);
		atomic_store(&job->shown[writes[i].space], writes[i].number + 1);
	}
	for (uint32_t space = 0; space < CRASH_SPACES; space++)
		tally_buf_free(&bytes[space]);
}

static void step_erase(struct job *job, uint64_t *random)
{
	uint32_t space = (uint32_t)crash_below(random, CRASH_SPACES);
	struct tally_range ranges[2];
	struct tally_err err = { 0 };
	uint64_t number;

	if (job->blocks[space] == 0)
		return;
	number = crash_below(random, job->blocks[space]);
	erase_ranges(space, number, ranges);
	tell(job, CRASH_ERASING, space, number);
	if (tally_store_erase(job->store, space, number, ranges, 2, &err) < 0)
		complain(job, "erase", &err);
	else
		tell(job, CRASH_ERASED, space, number);
}

static void step_apply(struct job *job, uint64_t *random)
{
	uint32_t space = (uint32_t)crash_below(random, CRASH_SPACES);
	uint64_t shown = atomic_load(&job->shown[space]), to;
	struct tally_err err = { 0 };
	struct tally_mark mark;

	if (tally_store_mark(job->store, space, &mark, &err) < 0) {
		complain(job, "mark", &err);
	} else if (mark.blocks < shown) {
		to = mark.blocks + 1 + crash_below(random, shown - mark.blocks);
		if (apply_to(job->store, space, mark.blocks, to, &err) < 0)
			complain(job, "apply", &err);
		else if (crash_below(random, 4) == 0) {
			if (tally_store_sync_index(job->store, &err) < 0)
				complain(job, "sync_index", &err);
			else
				tell(job, CRASH_INDEXED, space, to);
		}
	}
}

static void *index_thread(void *arg)
{
	struct job *job = arg;
	uint64_t random = job->writer->seed ^ 0x5555;
	struct tally_err err = { 0 };

	while (!atomic_load(&job->done) && !atomic_load(&job->failed)) {
		step_apply(job, &random);
		if (crash_below(&random, 100) == 0 && tally_store_maintain(job->store, &err) < 0)
			complain(job, "maintain", &err);
		if (crash_below(&random, 300) == 0 && tally_store_scrub(job->store, &err) < 0)
			complain(job, "scrub", &err);
		sched_yield();
	}
	return NULL;
}

static int begin(struct job *job)
{
	struct tally_store_args args = { .location = job->writer->location,
					 .conf = job->writer->conf,
					 .blocks = true, .index = true };
	struct tally_err err = { 0 };
	uint64_t count;
	int ret = tally_store_open(job->writer->driver, &args, &job->store, &err);

	if (ret < 0 && err.code == TALLY_NOTFOUND && job->writer->create) {
		args.create = true;
		ret = tally_store_open(job->writer->driver, &args, &job->store, &err);
	}
	if (ret < 0) {
		complain(job, "open", &err);
		return -1;
	}
	for (uint32_t space = 0; space < CRASH_SPACES; space++) {
		if (tally_store_last(job->store, space, &count, &err) < 0) {
			complain(job, "last", &err);
			return -1;
		}
		job->blocks[space] = count;
		atomic_store(&job->shown[space], count);
		/* Shown to a caller: from here on it may not be taken back. */
		tell(job, CRASH_ACKED, space, count);
	}
	return 0;
}

int crash_write(const struct crash_writer *writer, uint64_t steps)
{
	struct job job = { .writer = writer, .steps = steps, .lock = PTHREAD_MUTEX_INITIALIZER };
	uint64_t random = writer->seed;
	pthread_t thread;

	if (begin(&job) < 0)
		return 1;
	if (pthread_create(&thread, NULL, index_thread, &job) != 0)
		return 1;
	for (uint64_t i = 0; i < steps && !atomic_load(&job.failed); i++) {
		if (crash_below(&random, 8) == 0)
			step_erase(&job, &random);
		else
			step_append(&job, &random);
	}
	atomic_store(&job.done, true);
	pthread_join(thread, NULL);
	if (atomic_load(&job.failed))
		return 1;
	tally_store_close(&job.store);
	return 0;
}

/* ---- the check ---- */

static int check_bytes(uint32_t space, uint64_t number, struct tally_bytes got,
		       const struct tally_buf *want, uint8_t erased, struct tally_err *err)
{
	struct tally_range ranges[2];

	if (got.size != want->size)
		return tally_err_set(err, TALLY_CORRUPT, "space %u block %" PRIu64
				     " has %zu bytes, not %zu", space, number, got.size, want->size);
	erase_ranges(space, number, ranges);
	for (size_t i = 0; i < got.size; i++) {
		bool inside = erased > 0 && is_erasable(ranges, i);

		if (inside && got.data[i] == 0)
			continue;
		if (got.data[i] != want->data[i] || (inside && erased == 2))
			return tally_err_set(err, TALLY_CORRUPT, "space %u block %" PRIu64
					     " byte %zu is %02x (%s)", space, number, i, got.data[i],
					     inside ? "to be erased" : "never written so");
	}
	return 0;
}

static int check_blocks(struct tally_store *store, uint32_t space,
			const struct crash_floor *floor, uint64_t *count_r, struct tally_err *err)
{
	struct tally_arena arena = { 0 };
	struct tally_buf want = { 0 };
	struct tally_bytes got;
	int ret = tally_store_last(store, space, count_r, err);

	if (ret == 0 && *count_r < floor->acked[space])
		ret = tally_err_set(err, TALLY_CORRUPT, "space %u has %" PRIu64 " blocks, but %"
				    PRIu64 " were acknowledged", space, *count_r, floor->acked[space]);
	if (ret == 0 && *count_r > floor->acked[space] && *count_r > floor->tried[space])
		ret = tally_err_set(err, TALLY_CORRUPT, "space %u has %" PRIu64 " blocks, but only %"
				    PRIu64 " were ever written", space, *count_r, floor->tried[space]);
	for (uint64_t n = 0; ret == 0 && n < *count_r; n++) {
		tally_arena_reset(&arena);
		block_make(&want, space, n);
		ret = tally_store_read(store, space, n, 0, TALLY_BLOCK_MAX, &arena, &got, err);
		if (ret == 0)
			ret = tally_err_set(err, TALLY_CORRUPT, "space %u has no block %" PRIu64
					    " of %" PRIu64, space, n, *count_r);
		if (ret > 0)
			ret = check_bytes(space, n, got, &want, floor->erased[space][n], err);
	}
	tally_buf_free(&want);
	tally_arena_free(&arena);
	return ret;
}

/* A scan that is compared with what the model says, pair by pair. */
struct expected {
	uint32_t space, table;
	uint64_t blocks;		/* of the mark */
	uint64_t next;			/* key that must come, if there is one */
	bool wrong;
	char why[120];
};

/* The number whose value the model has under a key, or UINT64_MAX. */
static uint64_t model(uint32_t table, uint64_t key, uint64_t blocks)
{
	switch (table) {
	case 0:
		return key < blocks ? key : UINT64_MAX;
	case 1:
		return key < RING && key < blocks ? (blocks - 1 - key) / RING * RING + key : UINT64_MAX;
	default:
		return key % 2 == 0 && key + 1 == blocks ? key : UINT64_MAX;
	}
}

static void skip_absent(struct expected *expected)
{
	while (expected->next < expected->blocks &&
	       model(expected->table, expected->next, expected->blocks) == UINT64_MAX)
		expected->next++;
}

static int compare_pair(void *ctx, struct tally_bytes key, struct tally_bytes value)
{
	struct expected *expected = ctx;
	uint8_t want[24];

	skip_absent(expected);
	value_make(want, expected->space, model(expected->table, expected->next, expected->blocks));
	if (key.size == 8 && tally_get_u64(key.data) == expected->next &&
	    expected->next < expected->blocks && tally_bytes_equal(value, tally_bytes(want, 24))) {
		expected->next++;
		return 0;
	}
	expected->wrong = true;
	snprintf(expected->why, sizeof(expected->why), "key %" PRIu64 " where %" PRIu64 " belongs",
		 key.size == 8 ? tally_get_u64(key.data) : 0, expected->next);
	return 1;
}

static int check_index(struct tally_store *store, uint32_t space, uint64_t blocks,
		       const struct crash_floor *floor, struct tally_err *err)
{
	struct tally_mark mark, want;

	if (tally_store_mark(store, space, &mark, err) < 0)
		return -1;
	want = mark_at(space, mark.blocks);
	if (!tally_mark_equal(&mark, &want))
		return tally_err_set(err, TALLY_CORRUPT, "space %u: a mark nobody made", space);
	if (mark.blocks > blocks || mark.blocks < floor->indexed[space])
		return tally_err_set(err, TALLY_CORRUPT, "space %u: the mark is at %" PRIu64
				     ", with %" PRIu64 " blocks and %" PRIu64 " synced", space,
				     mark.blocks, blocks, floor->indexed[space]);
	for (uint32_t table = 0; table < 3; table++) {
		struct expected expected = { .space = space, .table = table, .blocks = mark.blocks };

		if (tally_store_scan(store, space, table, TALLY_BYTES_NONE, TALLY_BYTES_NONE, false,
				     compare_pair, &expected, err) < 0)
			return -1;
		skip_absent(&expected);
		if (expected.wrong || expected.next < mark.blocks)
			return tally_err_set(err, TALLY_CORRUPT, "space %u table %u of mark %" PRIu64
					     ": %s", space, table, mark.blocks,
					     expected.wrong ? expected.why : "pairs are missing");
	}
	return 0;
}

static int check_all(struct tally_store *store, const struct crash_floor *floor,
		     uint64_t counts[CRASH_SPACES], struct tally_err *err)
{
	for (uint32_t space = 0; space < CRASH_SPACES; space++) {
		if (check_blocks(store, space, floor, &counts[space], err) < 0 ||
		    check_index(store, space, counts[space], floor, err) < 0)
			return -1;
	}
	return 0;
}

static int write_more(struct tally_store *store, uint64_t counts[CRASH_SPACES],
		      struct tally_err *err)
{
	struct tally_buf bytes = { 0 };
	struct tally_mark mark;
	int ret = 0;

	for (uint32_t space = 0; ret == 0 && space < CRASH_SPACES; space++) {
		struct tally_block_write write = { .space = space, .number = counts[space] };

		block_make(&bytes, space, counts[space]);
		write.data = tally_buf_bytes(&bytes);
		ret = tally_store_append(store, &write, 1, err);
		counts[space]++;
		if (ret == 0 && (ret = tally_store_mark(store, space, &mark, err)) == 0)
			ret = apply_to(store, space, mark.blocks, counts[space], err);
	}
	tally_buf_free(&bytes);
	return ret;
}

int crash_verify(const struct tally_driver *driver, const char *location,
		 const struct tally_conf *conf, struct crash_floor *floor, struct tally_err *err)
{
	const struct tally_store_args args = { .location = location, .conf = conf, .blocks = true,
					       .index = true };
	uint64_t counts[CRASH_SPACES];
	struct tally_store *store;
	int ret = tally_store_open(driver, &args, &store, err);

	if (ret < 0 && err->code == TALLY_NOTFOUND && !floor->opened)
		return 0;
	if (ret < 0) {
		tally_err_prefix(err, "open");
	} else {
		floor->opened = true;
		ret = check_all(store, floor, counts, err);
		if (ret == 0 && (ret = write_more(store, counts, err)) < 0)
			tally_err_prefix(err, "writing on");
		tally_store_close(&store);
	}
	if (ret == 0 && (ret = tally_store_open(driver, &args, &store, err)) == 0) {
		for (uint32_t space = 0; space < CRASH_SPACES; space++)
			floor->acked[space] = floor->tried[space] = counts[space];
		ret = check_all(store, floor, counts, err);
		tally_store_close(&store);
		if (ret < 0)
			tally_err_prefix(err, "opened again");
	}
	return ret;
}
