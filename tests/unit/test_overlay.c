/*
 * The overlay: against a plain list of what was done, step by step and with a random sight; and
 * one writer with many readers, who must see exactly their snapshot whatever is inserted meanwhile.
 * A run is repeated with TALLY_TEST_SEED.
 */
#include "overlay.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "tap.h"

static uint64_t seed;

static uint64_t rnd(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static size_t below(uint64_t *state, size_t bound)
{
	return (size_t)(rnd(state) % bound);
}

/* ---- the model: every insert in its order, nothing sorted, nothing forgotten ---- */

#define OPS 1500
#define TAGS 200
#define TABLES 3
#define KEYS 40				/* different keys of a table */

struct op {
	const struct tally_tag *tag;
	uint32_t table;
	size_t key;			/* index into keys */
	uint32_t value;
	bool removed;
};

struct model {
	struct tally_overlay *overlay;
	uint8_t keys[KEYS][8];
	struct tally_bytes key[KEYS];	/* ascending */
	struct op ops[OPS];
	size_t op_count;
	struct tally_tag *tags[TAGS];
	size_t tag_count;
	uint64_t blocks;		/* committed so far */
};

static int by_bytes(const void *a, const void *b)
{
	return tally_bytes_compare(*(const struct tally_bytes *)a, *(const struct tally_bytes *)b);
}

static bool key_is_new(const struct model *m, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (tally_bytes_equal(m->key[i], m->key[count]))
			return false;
	return true;
}

/* Short keys of few different bytes, so that many are prefixes of others. */
static void model_keys(struct model *m, uint64_t *state)
{
	static const uint8_t bytes[] = { 0, 1, 'a', 'b', 0xff };

	for (size_t i = 0; i < KEYS; i++) {
		do {
			size_t size = 1 + below(state, 5);

			for (size_t k = 0; k < size; k++)
				m->keys[i][k] = bytes[below(state, sizeof(bytes))];
			m->key[i] = tally_bytes(m->keys[i], size);
		} while (!key_is_new(m, i));
	}
	qsort(m->key, KEYS, sizeof(m->key[0]), by_bytes);
}

static void model_op(struct model *m, struct tally_tag *tag, uint64_t *state)
{
	struct op *op = &m->ops[m->op_count];
	uint8_t value[4];

	*op = (struct op){ .tag = tag, .table = (uint32_t)below(state, TABLES) * 7,
			   .key = below(state, KEYS), .value = (uint32_t)m->op_count++,
			   .removed = below(state, 4) == 0 };
	tally_put_u32(value, op->value);
	if (op->removed)
		tally_overlay_remove(m->overlay, tag, op->table, m->key[op->key]);
	else
		tally_overlay_put(m->overlay, tag, op->table, m->key[op->key],
				  tally_bytes(value, 4));
}

static const struct op *model_find(const struct model *m, struct tally_sight sight, uint32_t table,
				   size_t key)
{
	for (size_t i = m->op_count; i-- > 0;) {
		const struct op *op = &m->ops[i];

		if (op->table == table && op->key == key &&
		    (op->tag == sight.mine ||
		     (op->tag->block < sight.blocks && op->tag->state == TAG_COMMITTED)))
			return op;
	}
	return NULL;
}

static void check_value(const struct op *want, struct tally_bytes value, bool removed)
{
	CHECK_INT(removed, want->removed);
	if (want->removed)
		return;
	CHECK_INT(value.size, 4);
	if (value.size == 4)
		CHECK_INT(tally_get_u32(value.data), want->value);
}

static void check_gets(const struct model *m, struct tally_sight sight)
{
	for (uint32_t table = 0; table < TABLES * 7; table += 7) {
		for (size_t key = 0; key < KEYS; key++) {
			const struct op *want = model_find(m, sight, table, key);
			struct tally_bytes value = TALLY_BYTES_NONE;
			int got = tally_overlay_get(m->overlay, sight, table, m->key[key], &value);

			CHECK_INT(got, want == NULL ? 0 : want->removed ? 2 : 1);
			if (want != NULL && got != 0)
				check_value(want, value, got == 2);
		}
	}
}

/* A random range, which may be empty or without a bound, both ways. */
static void check_scan(const struct model *m, struct tally_sight sight, uint32_t table,
		       struct tally_bytes low, struct tally_bytes high, bool backwards)
{
	struct tally_overlay_cursor cursor;

	tally_overlay_seek(&cursor, m->overlay, sight, table, low, high, backwards);
	for (size_t i = 0; i < KEYS; i++) {
		size_t key = backwards ? KEYS - 1 - i : i;
		const struct op *want = model_find(m, sight, table, key);

		if (want == NULL || tally_bytes_compare(m->key[key], low) < 0 ||
		    (high.size > 0 && tally_bytes_compare(m->key[key], high) >= 0))
			continue;
		if (cursor.node == NULL) {
			FAIL("the cursor ends before key %zu", key);
			return;
		}
		CHECK_BYTES(cursor.key, m->key[key]);
		check_value(want, cursor.value, cursor.removed);
		tally_overlay_next(&cursor);
	}
	CHECK(cursor.node == NULL);
	tally_overlay_next(&cursor);	/* at the end: stays there */
	CHECK(cursor.node == NULL);
}

struct walk {
	const struct model *m;
	uint64_t blocks;
	uint32_t table;
	size_t key;			/* the next one that may come */
};

/* Skips what the model does not have; true where it stands on a pair. */
static bool walk_wanted(struct walk *walk, const struct op **want_r)
{
	struct tally_sight sight = { walk->blocks, NULL };

	for (; walk->table < TABLES * 7; walk->table += 7, walk->key = 0)
		for (; walk->key < KEYS; walk->key++)
			if ((*want_r = model_find(walk->m, sight, walk->table, walk->key)) != NULL)
				return true;
	return false;
}

static int walk_each(void *ctx, uint32_t table, struct tally_bytes key, struct tally_bytes value,
		     bool removed)
{
	struct walk *walk = ctx;
	const struct op *want;

	if (!walk_wanted(walk, &want)) {
		FAIL("the walk gives more than there is");
		return 1;
	}
	CHECK_INT(table, walk->table);
	CHECK_BYTES(key, walk->m->key[walk->key]);
	check_value(want, value, removed);
	walk->key++;
	return 0;
}

static void check_walk(const struct model *m, uint64_t blocks)
{
	struct walk walk = { .m = m, .blocks = blocks };
	const struct op *left;

	CHECK_INT(tally_overlay_walk(m->overlay, blocks, walk_each, &walk), 0);
	CHECK(!walk_wanted(&walk, &left));
}

static void check_all(const struct model *m, const struct tally_tag *mine, uint64_t *state)
{
	struct tally_sight sight = { .blocks = below(state, m->blocks + 2), .mine = mine };

	check_gets(m, sight);
	for (int i = 0; i < 6; i++) {
		size_t low = below(state, KEYS + 1), high = below(state, KEYS + 1);

		check_scan(m, sight, (uint32_t)below(state, TABLES) * 7,
			   low == KEYS ? TALLY_BYTES_NONE : m->key[low],
			   high == KEYS ? TALLY_BYTES_NONE : m->key[high], i % 2 != 0);
	}
	check_walk(m, sight.blocks);
}

/* Blocks of a few changes; each is committed or given up, and looked at before and after. */
static void agrees_with_a_plain_list(void)
{
	uint64_t state = seed;
	struct model *m = tally_calloc(1, sizeof(*m));

	m->overlay = tally_overlay_new();
	model_keys(m, &state);
	check_all(m, NULL, &state);
	while (m->op_count + 12 < OPS && m->tag_count < TAGS && !tap.bad) {
		struct tally_tag *tag = tally_overlay_tag(m->overlay, m->blocks);
		size_t changes = below(&state, 12);

		CASE("block %llu, tag %zu", (unsigned long long)m->blocks, m->tag_count);
		m->tags[m->tag_count++] = tag;
		for (size_t i = 0; i < changes; i++)
			model_op(m, tag, &state);
		check_all(m, tag, &state);
		check_all(m, NULL, &state);
		tag->state = below(&state, 3) == 0 ? TAG_DROPPED : TAG_COMMITTED;
		m->blocks += tag->state == TAG_COMMITTED;
		check_all(m, NULL, &state);
	}
	CHECK(m->blocks > 50);
	tally_overlay_unref(m->overlay);
	free(m);
}

static int stop_at_second(void *ctx, uint32_t table, struct tally_bytes key,
			  struct tally_bytes value, bool removed)
{
	(void)table;
	(void)key;
	(void)value;
	(void)removed;
	return ++*(int *)ctx == 2 ? 5 : 0;
}

static void a_walk_stops_when_told(void)
{
	struct tally_overlay *overlay = tally_overlay_new();
	struct tally_tag *tag = tally_overlay_tag(overlay, 0);
	int seen = 0;

	for (uint8_t i = 0; i < 5; i++)
		tally_overlay_put(overlay, tag, 1, tally_bytes(&i, 1), TALLY_BYTES_NONE);
	tag->state = TAG_COMMITTED;
	CHECK_INT(tally_overlay_walk(overlay, 1, stop_at_second, &seen), 5);
	CHECK_INT(seen, 2);
	tally_overlay_unref(overlay);
}

static void sizes_and_references(void)
{
	struct tally_overlay *overlay = tally_overlay_new(), *second;
	struct tally_tag *tag = tally_overlay_tag(overlay, 0);
	struct tally_sight sight = { 0, tag };
	static const uint8_t large[100000];
	struct tally_bytes value;

	tally_overlay_put(overlay, tag, 0, TALLY_BYTES_LIT("k"), tally_bytes(large, sizeof(large)));
	CHECK(tally_overlay_size(overlay) >= sizeof(large));
	second = tally_overlay_ref(overlay);
	tally_overlay_unref(overlay);
	CHECK_INT(tally_overlay_get(second, sight, 0, TALLY_BYTES_LIT("k"), &value), 1);
	CHECK_INT(value.size, sizeof(large));
	tally_overlay_unref(second);
	tally_overlay_unref(NULL);
}

/* ---- one writer, many readers ---- */

#define READERS 4
#define STABLE 32			/* keys that are written again and again */
#define FRESH 40			/* new keys of each block, all around the stable ones */
#define BLOCKS 300
#define ROUNDS 10

struct race {
	struct tally_overlay *overlay;
	_Atomic uint64_t published;	/* blocks that readers may see */
	_Atomic bool done;
	_Atomic uint64_t looks;
	char why[200];			/* of the first reader that was shown something wrong */
	pthread_mutex_t lock;
	uint64_t seed;
};

/* Stable key i is "i"; a fresh one between i-1 and i is "(i-1) block nth", so it sorts before i. */
static struct tally_bytes stable_key(uint8_t key[16], size_t i)
{
	key[0] = (uint8_t)(i + 1);
	return tally_bytes(key, 1);
}

static struct tally_bytes fresh_key(uint8_t key[16], size_t i, uint64_t block, size_t nth)
{
	key[0] = (uint8_t)i;
	tally_put_u64(key + 1, block * FRESH + nth);
	return tally_bytes(key, 9);
}

/* What a stable key holds after n blocks; a fifth of the blocks is given up at first. */
static uint64_t stable_value(size_t i, uint64_t n)
{
	uint64_t last = n - 1;

	while (last % STABLE != i)
		last--;
	return last;
}

static void write_block(struct race *race, uint64_t block, bool commit, uint64_t *state)
{
	struct tally_tag *tag = tally_overlay_tag(race->overlay, block);
	uint8_t key[16], value[8];

	/* The first block has all stable keys. */
	for (size_t i = 0; i < STABLE; i++) {
		if (block >= STABLE && block % STABLE != i)
			continue;
		tally_put_u64(value, block >= STABLE ? block : i);
		tally_overlay_put(race->overlay, tag, 1, stable_key(key, i),
				  tally_bytes(value, 8));
	}
	for (size_t nth = 0; nth < FRESH; nth++)
		tally_overlay_put(race->overlay, tag, 1,
				  fresh_key(key, below(state, STABLE + 1), block, nth),
				  TALLY_BYTES_NONE);
	atomic_store_explicit(&tag->state, commit ? TAG_COMMITTED : TAG_DROPPED,
			      memory_order_release);
	if (commit)
		atomic_store_explicit(&race->published, block + 1, memory_order_release);
}

static void reader_fails(struct race *race, const char *what, uint64_t blocks, uint64_t got,
			 uint64_t want)
{
	pthread_mutex_lock(&race->lock);
	if (race->why[0] == '\0')
		snprintf(race->why, sizeof(race->why), "%s: %llu instead of %llu, of %llu blocks",
			 what, (unsigned long long)got, (unsigned long long)want,
			 (unsigned long long)blocks);
	pthread_mutex_unlock(&race->lock);
	atomic_store(&race->done, true);
}

static void look_up(struct race *race, struct tally_sight sight, size_t i)
{
	struct tally_bytes value = TALLY_BYTES_NONE;
	uint8_t key[16];

	if (tally_overlay_get(race->overlay, sight, 1, stable_key(key, i), &value) != 1)
		reader_fails(race, "a key is not found", sight.blocks, 0, 1);
	else if (tally_get_u64(value.data) != stable_value(i, sight.blocks))
		reader_fails(race, "value", sight.blocks, tally_get_u64(value.data),
			     stable_value(i, sight.blocks));
}

/* All pairs, counted and held against the snapshot. */
static void look_through(struct race *race, struct tally_sight sight, bool backwards)
{
	struct tally_overlay_cursor cursor;
	uint64_t stable = 0, fresh = 0;

	tally_overlay_seek(&cursor, race->overlay, sight, 1, TALLY_BYTES_NONE, TALLY_BYTES_NONE,
			   backwards);
	for (; cursor.node != NULL; tally_overlay_next(&cursor)) {
		uint64_t want;

		if (cursor.key.size == 9) {
			fresh++;
			continue;
		}
		stable++;
		want = stable_value(cursor.key.data[0] - 1u, sight.blocks);
		if (tally_get_u64(cursor.value.data) != want)
			reader_fails(race, "value in a scan", sight.blocks,
				     tally_get_u64(cursor.value.data), want);
	}
	if (stable != STABLE)
		reader_fails(race, backwards ? "keys backwards" : "keys forwards", sight.blocks,
			     stable, STABLE);
	if (fresh != sight.blocks * FRESH)
		reader_fails(race, backwards ? "new keys backwards" : "new keys forwards",
			     sight.blocks, fresh, sight.blocks * FRESH);
}

static void *reader_main(void *arg)
{
	struct race *race = arg;
	uint64_t state = race->seed ^ (uint64_t)(uintptr_t)&state;

	while (!atomic_load(&race->done)) {
		struct tally_sight sight = {
			.blocks = atomic_load_explicit(&race->published, memory_order_acquire) };

		if (sight.blocks < STABLE)
			continue;
		for (int i = 0; i < 2000; i++)
			look_up(race, sight, below(&state, STABLE));
		look_through(race, sight, rnd(&state) % 2 != 0);
		atomic_fetch_add(&race->looks, 1);
	}
	return NULL;
}

static void race_round(struct race *race)
{
	pthread_t readers[READERS];
	uint64_t state = race->seed;

	race->overlay = tally_overlay_new();
	atomic_store(&race->published, 0);
	atomic_store(&race->done, false);
	for (uint64_t block = 0; block < STABLE; block++)
		write_block(race, block, true, &state);
	for (int i = 0; i < READERS; i++)
		if (pthread_create(&readers[i], NULL, reader_main, race) != 0)
			abort();
	for (uint64_t block = STABLE; block < BLOCKS && !atomic_load(&race->done); block++) {
		if (below(&state, 5) == 0)
			write_block(race, block, false, &state);
		write_block(race, block, true, &state);
	}
	/* the readers have begun; let each finish a look */
	while (atomic_load(&race->looks) < READERS && !atomic_load(&race->done))
		sched_yield();
	atomic_store(&race->done, true);
	for (int i = 0; i < READERS; i++)
		pthread_join(readers[i], NULL);
	tally_overlay_unref(race->overlay);
}

static void readers_see_their_snapshot(void)
{
	struct race race = { .lock = PTHREAD_MUTEX_INITIALIZER };

	for (uint64_t round = 0; round < ROUNDS && race.why[0] == '\0'; round++) {
		race.seed = seed + round;
		atomic_store(&race.looks, 0);
		race_round(&race);
	}
	if (race.why[0] != '\0')
		FAIL("%s", race.why);
}

int main(void)
{
	const char *given = getenv("TALLY_TEST_SEED");

	seed = given != NULL ? strtoull(given, NULL, 10) :
			       (uint64_t)time(NULL) * 1000003u ^ (uint64_t)(uintptr_t)&seed;
	printf("# TALLY_TEST_SEED=%llu\n", (unsigned long long)seed);
	TEST(agrees_with_a_plain_list);
	TEST(a_walk_stops_when_told);
	TEST(sizes_and_references);
	TEST(readers_see_their_snapshot);
	return tap_done();
}
