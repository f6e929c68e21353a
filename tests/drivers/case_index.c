/* Conformance: the index half. Tables, marks, scans, and a long random walk against a model. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>

#include "conform.h"

static struct tally_change put(uint32_t table, struct tally_bytes key, struct tally_bytes value)
{
	return (struct tally_change){ .table = table, .key = key, .value = value };
}

static struct tally_change take(uint32_t table, struct tally_bytes key)
{
	return (struct tally_change){ .table = table, .remove = true, .key = key };
}

/* Applies on top of the mark as it is, which it moves by one block. */
static int step(struct tally_store *store, uint64_t space, const struct tally_change *changes,
		size_t count, struct tally_err *err)
{
	struct tally_mark from, to;

	if (tally_store_mark(store, space, &from, err) < 0)
		return -1;
	to = mark_of(space, from.blocks + 1);
	return tally_store_apply(store, space, &from, &to, changes, count, err);
}

static void check_get(struct trial *t, struct tally_store *store, uint64_t space, uint32_t table,
		      struct tally_bytes key, const struct tally_bytes *want)
{
	struct tally_arena arena = { 0 };
	struct tally_err err = { 0 };
	struct tally_bytes got;
	int ret = tally_store_get(store, space, table, key, &arena, &got, &err);

	if (ret < 0)
		FAIL("get: %s", err.text);
	CHECK_INT(ret, want != NULL);
	if (want != NULL)
		CHECK(tally_bytes_equal(got, *want));
	tally_arena_free(&arena);
}

/* ---- keys and values ---- */

#define KEYS 14

/* Ascending; zeros, high bytes, prefixes of each other, the longest. */
static void make_keys(struct tally_bytes keys[KEYS], uint8_t room[4][TALLY_KEY_MAX])
{
	memset(room[0], 0x00, TALLY_KEY_MAX);
	memset(room[1], 'k', TALLY_KEY_MAX);
	memset(room[2], 0xff, TALLY_KEY_MAX);
	memset(room[3], 'k', TALLY_KEY_MAX);
	room[3][TALLY_KEY_MAX - 1] = 'l';
	keys[0] = tally_bytes(room[0], 1);
	keys[1] = tally_bytes(room[0], 2);
	keys[2] = tally_bytes(room[0], TALLY_KEY_MAX);
	keys[3] = TALLY_BYTES_LIT("\0\xff");
	keys[4] = TALLY_BYTES_LIT("\1");
	keys[5] = TALLY_BYTES_LIT("a");
	keys[6] = TALLY_BYTES_LIT("a\0");
	keys[7] = TALLY_BYTES_LIT("aa");
	keys[8] = tally_bytes(room[1], 1);
	keys[9] = tally_bytes(room[1], TALLY_KEY_MAX - 1);
	keys[10] = tally_bytes(room[1], TALLY_KEY_MAX);
	keys[11] = tally_bytes(room[3], TALLY_KEY_MAX);
	keys[12] = tally_bytes(room[2], 1);
	keys[13] = tally_bytes(room[2], TALLY_KEY_MAX);
}

static int next_key(void *ctx, struct tally_bytes key, struct tally_bytes value)
{
	const struct tally_bytes **at = ctx;

	if (!tally_bytes_equal(key, **at) || !tally_bytes_equal(value, **at))
		return 1;
	++*at;
	return 0;
}

static void binary_keys(struct trial *t)
{
	struct tally_store *store = case_open(t, true);
	uint8_t room[4][TALLY_KEY_MAX];
	struct tally_bytes keys[KEYS];
	const struct tally_bytes *at = keys;
	struct tally_change changes[KEYS];

	make_keys(keys, room);
	for (size_t i = 0; i < KEYS; i++)
		changes[i] = put(9, keys[i], keys[i]);
	MUST(step(store, 1, changes, KEYS, &err));
	for (size_t i = 0; i < KEYS; i++)
		check_get(t, store, 1, 9, keys[i], &keys[i]);
	check_get(t, store, 1, 9, TALLY_BYTES_LIT("b"), NULL);
	check_get(t, store, 1, 9, tally_bytes(room[1], 2), NULL);
	check_get(t, store, 1, 8, keys[5], NULL);
	check_get(t, store, 2, 9, keys[5], NULL);
	MUST(tally_store_scan(store, 1, 9, TALLY_BYTES_NONE, TALLY_BYTES_NONE, false, next_key, &at,
			      &err));
	CHECK_INT(at - keys, KEYS);
	at = keys + 8;
	MUST(tally_store_scan(store, 1, 9, tally_bytes(room[1], 1), tally_bytes(room[3], TALLY_KEY_MAX),
			      false, next_key, &at, &err));
	CHECK_INT(at - keys, 11);
	MUST(tally_store_sync_index(store, &err));
	case_close(t, &store);
	if (!(t->driver->caps & TALLY_CAP_DURABLE))
		return;
	store = case_open(t, false);
	for (size_t i = 0; i < KEYS; i++)
		check_get(t, store, 1, 9, keys[i], &keys[i]);
	case_close(t, &store);
}

static void values(struct trial *t)
{
	static const size_t sizes[] = { 0, 1, 4000, 5000, 16320, 70000, TALLY_VALUE_MAX };
	struct tally_store *store = case_open(t, true);
	const struct tally_bytes key = TALLY_BYTES_LIT("key"), none = TALLY_BYTES_NONE;
	uint8_t *data = tally_malloc(TALLY_VALUE_MAX + 1);
	uint64_t state = t->seed;
	struct tally_bytes value;
	struct tally_change change;

	rnd_fill(&state, data, TALLY_VALUE_MAX + 1);
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			value = tally_bytes(data + round, sizes[i]);
			change = put(63, key, value);
			MUST(step(store, 1, &change, 1, &err));
			check_get(t, store, 1, 63, key, &value);
		}
	}
	change = put(63, key, none);			/* empty is not absent */
	MUST(step(store, 1, &change, 1, &err));
	check_get(t, store, 1, 63, key, &none);
	change = take(63, key);
	MUST(step(store, 1, &change, 1, &err));
	check_get(t, store, 1, 63, key, NULL);
	MUST(step(store, 1, &change, 1, &err));		/* absent already: fine */
	MUST(step(store, 1, NULL, 0, &err));		/* the mark alone */
	free(data);
	case_close(t, &store);
}

static void bad_arguments(struct trial *t)
{
	struct tally_store *store = case_open(t, true);
	const struct tally_bytes a = TALLY_BYTES_LIT("a"), b = TALLY_BYTES_LIT("b");
	uint8_t *big = tally_calloc(1, TALLY_VALUE_MAX + 1);
	struct tally_change good = put(1, a, b);
	const struct tally_change bad[][2] = {
		{ put(1, b, b), put(1, a, b) },			/* not sorted */
		{ put(1, a, b), put(1, a, b) },			/* twice */
		{ put(2, a, b), put(1, b, b) },			/* tables not sorted */
		{ put(1, a, b), put(TALLY_TABLE_MAX, a, b) },
		{ put(1, a, b), put(2, TALLY_BYTES_NONE, b) },
		{ put(1, a, b), put(2, tally_bytes(big, TALLY_KEY_MAX + 1), b) },
		{ put(1, a, b), put(2, a, tally_bytes(big, TALLY_VALUE_MAX + 1)) },
	};
	struct tally_arena arena = { 0 };
	struct tally_bytes got;
	struct tally_mark mark;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		MUST_FAIL(TALLY_INVALID, step(store, 1, bad[i], 2, &err));
		check_get(t, store, 1, 1, a, NULL);
		MUST(tally_store_mark(store, 1, &mark, &err));
		CHECK_INT(mark.blocks, 0);
	}
	MUST(step(store, 1, &good, 1, &err));
	MUST_FAIL(TALLY_INVALID, tally_store_get(store, 1, 64, a, &arena, &got, &err));
	MUST_FAIL(TALLY_INVALID, tally_store_get(store, 1, 0, TALLY_BYTES_NONE, &arena, &got, &err));
	free(big);
	case_close(t, &store);
}

/* ---- marks ---- */

static void marks(struct trial *t)
{
	struct tally_store *store = case_open(t, true);
	const struct tally_bytes a = TALLY_BYTES_LIT("a"), b = TALLY_BYTES_LIT("b");
	const struct tally_change first = put(0, a, a), second = put(0, a, b);
	struct tally_mark mark, other;

	MUST(tally_store_mark(store, 1, &mark, &err));
	CHECK(tally_mark_equal(&mark, &(struct tally_mark){ 0 }));
	MUST(step(store, 1, &first, 1, &err));
	MUST(tally_store_mark(store, 1, &mark, &err));
	CHECK(tally_mark_equal(&mark, &(struct tally_mark){ 0 }) == false);
	other = mark_of(1, 1);
	CHECK(tally_mark_equal(&mark, &other));
	/* Each field counts: a mark that differs in one is not the mark. */
	for (int field = 0; field < 4; field++) {
		const struct tally_mark to = mark_of(1, 9);

		other = mark;
		if (field == 0)
			other.blocks = 0;
		else if (field == 1)
			other.header_hash[31] ^= 1;
		else if (field == 2)
			other.store_id[15] ^= 1;
		else
			other.projection++;
		MUST_FAIL(TALLY_CONFLICT, tally_store_apply(store, 1, &other, &to, &second, 1, &err));
		check_get(t, store, 1, 0, a, &a);
	}
	MUST(tally_store_mark(store, 2, &other, &err));
	CHECK_INT(other.blocks, 0);
	MUST(step(store, 1, &second, 1, &err));
	check_get(t, store, 1, 0, a, &b);
	MUST_FAIL(TALLY_CONFLICT, tally_store_apply(store, 1, &mark, &mark, &first, 1, &err));
	check_get(t, store, 1, 0, a, &b);
	case_close(t, &store);
}

static void reset_and_rebuild(struct trial *t)
{
	struct tally_store *store = case_open(t, true);
	struct tally_mark mark;

	for (uint64_t n = 0; n < 200; n += 10)
		MUST(index_apply(store, 1, n, n + 10, &err));
	MUST(index_apply(store, 2, 0, 33, &err));
	CHECK_INT(index_check(t, store, 1), 200);
	for (int round = 0; round < 2; round++) {
		MUST(tally_store_reset(store, 1, &err));
		MUST(tally_store_mark(store, 1, &mark, &err));
		CHECK(tally_mark_equal(&mark, &(struct tally_mark){ 0 }));
		CHECK_INT(index_check(t, store, 1), 0);
		CHECK_INT(index_check(t, store, 2), 33);
		if (round == 1) {
			MUST(tally_store_sync_index(store, &err));
			case_close(t, &store);
			store = case_open(t, false);
			CHECK_INT(index_check(t, store, 1), 0);
		}
		for (uint64_t n = 0; n < 200; n += 25)
			MUST(index_apply(store, 1, n, n + 25, &err));
		CHECK_INT(index_check(t, store, 1), 200);
	}
	MUST(tally_store_reset(store, 77, &err));	/* nothing there: fine */
	case_close(t, &store);
}

/* ---- long scans ---- */

#define MANY 100000

static struct tally_bytes many_key(uint64_t i, uint8_t key[12])
{
	memcpy(key, "many", 4);
	tally_put_u64(key + 4, i * 3);
	return tally_bytes(key, 12);
}

struct many {
	uint64_t next;
	uint64_t end;				/* stop after this one was seen */
	bool backwards;
	bool wrong;
};

static int many_pair(void *ctx, struct tally_bytes key, struct tally_bytes value)
{
	struct many *many = ctx;
	uint8_t want[12];

	if (!tally_bytes_equal(key, many_key(many->next, want)) || value.size != many->next % 50 ||
	    (value.size > 0 && value.data[0] != (uint8_t)many->next)) {
		many->wrong = true;
		return 1;
	}
	if (many->next == many->end)
		return 1;
	many->next += many->backwards ? (uint64_t)-1 : 1;
	return 0;
}

/* Keys from .. to - 1 should come, and as many as are asked for. */
static void scan_many(struct trial *t, struct tally_store *store, uint64_t from, uint64_t to,
		      uint64_t take_count, bool backwards)
{
	struct many many = { .backwards = backwards, .next = backwards ? to - 1 : from };
	uint8_t low[12], high[12];
	uint64_t end = backwards ? to - take_count : from + take_count - 1;

	many.end = end;
	MUST(tally_store_scan(store, 1, 5, from == 0 ? TALLY_BYTES_NONE : many_key(from, low),
			      to == MANY ? TALLY_BYTES_NONE : many_key(to, high), backwards,
			      many_pair, &many, &err));
	CHECK(!many.wrong);
	CHECK_INT(many.next, end);
}

static void load_many(struct trial *t, struct tally_store *store)
{
	const size_t batch = 10000;
	struct tally_change *changes = tally_calloc(batch, sizeof(*changes));
	uint8_t (*keys)[12] = tally_calloc(batch, sizeof(*keys));
	uint8_t value[256][50];

	for (size_t i = 0; i < 256; i++)
		memset(value[i], (int)i, 50);
	/* Batches interleave: each spreads over all of the range. */
	for (size_t b = 0; b < MANY / batch; b++) {
		for (size_t i = 0; i < batch; i++) {
			uint64_t n = i * (MANY / batch) + b;

			changes[i] = put(5, many_key(n, keys[i]), tally_bytes(value[n % 256], n % 50));
		}
		MUST(step(store, 1, changes, batch, &err));
	}
	free(keys);
	free(changes);
}

static void scans(struct trial *t)
{
	struct tally_store *store = case_open(t, true);
	uint64_t state = t->seed;
	struct many nothing = { .next = MANY + 1 };
	uint8_t low[12], high[12];

	load_many(t, store);
	for (int round = 0; round < 2; round++) {
		for (int backwards = 0; backwards < 2; backwards++) {
			scan_many(t, store, 0, MANY, MANY, backwards);
			for (int i = 0; i < 30; i++) {
				uint64_t from = rnd_below(&state, MANY - 1);
				uint64_t to = from + 1 + rnd_below(&state, MANY - from);
				uint64_t some = i % 2 ? to - from : 1 + rnd_below(&state, to - from);

				scan_many(t, store, from, to, some < 2000 ? some : 2000, backwards);
			}
		}
		/* Bounds that are no keys themselves, an empty range, one turned around. */
		many_key(500, low);
		low[11]--;
		many_key(501, high);
		high[11]++;
		nothing = (struct many){ .next = 500, .end = MANY };
		MUST(tally_store_scan(store, 1, 5, tally_bytes(low, 12), tally_bytes(high, 12), false,
				      many_pair, &nothing, &err));
		CHECK(!nothing.wrong && nothing.next == 502);
		nothing = (struct many){ .next = MANY };
		MUST(tally_store_scan(store, 1, 5, tally_bytes(high, 12), tally_bytes(high, 12), false,
				      many_pair, &nothing, &err));
		MUST(tally_store_scan(store, 1, 5, tally_bytes(high, 12), tally_bytes(low, 12), true,
				      many_pair, &nothing, &err));
		MUST(tally_store_scan(store, 1, 4, TALLY_BYTES_NONE, TALLY_BYTES_NONE, true, many_pair,
				      &nothing, &err));
		CHECK(!nothing.wrong && nothing.next == MANY);
		if (round == 0) {
			MUST(tally_store_maintain(store, &err));
			MUST(tally_store_sync_index(store, &err));
		}
		if (round == 0 && (t->driver->caps & TALLY_CAP_DURABLE)) {
			case_close(t, &store);
			store = case_open(t, false);
		}
	}
	case_close(t, &store);
}

/* A scan calls back into the store: get and another scan within. */
struct nested {
	struct trial *t;
	struct tally_store *store;
	uint64_t count;
};

static int stop_at_once(void *ctx, struct tally_bytes key, struct tally_bytes value)
{
	(void)key;
	(void)value;
	++*(uint64_t *)ctx;
	return 1;
}

static int nested_pair(void *ctx, struct tally_bytes key, struct tally_bytes value)
{
	struct nested *nested = ctx;
	struct trial *t = nested->t;
	uint64_t inner = 0;

	check_get(t, nested->store, 1, 0, key, &value);
	MUST(tally_store_scan(nested->store, 1, 0, key, TALLY_BYTES_NONE, false, stop_at_once, &inner,
			      &err));
	CHECK_INT(inner, 1);
	nested->count++;
	return 0;
}

static void scan_within_scan(struct trial *t)
{
	struct nested nested = { t, case_open(t, true), 0 };

	MUST(index_apply(nested.store, 1, 0, 600, &err));
	MUST(tally_store_scan(nested.store, 1, 0, TALLY_BYTES_NONE, TALLY_BYTES_NONE, false,
			      nested_pair, &nested, &err));
	CHECK_INT(nested.count, 600);
	case_close(t, &nested.store);
}

/* ---- a random walk against a model ---- */

#define MODEL_KEYS 600				/* of a small universe, so that they meet often */
#define MODEL_TABLES 3
#define MODEL_SPACES 2

/* The model: for each possible key whether it is there, and the seed of its value. */
struct model {
	struct {
		bool there;
		uint64_t value;
	} pairs[MODEL_SPACES][MODEL_TABLES][MODEL_KEYS];
	struct tally_mark mark[MODEL_SPACES];
};

/* Keys of varied length whose order is that of their numbers: 3 digits and a tail. */
static struct tally_bytes model_key(uint64_t number, uint8_t key[64])
{
	size_t tail = number * 7 % 50;

	snprintf((char *)key, 4, "%03u", (unsigned int)number);
	memset(key + 3, (int)(number % 256), tail);
	return tally_bytes(key, 3 + tail);
}

static struct tally_bytes model_value(uint64_t seed, uint8_t value[2048])
{
	uint64_t state = seed;
	size_t size = rnd_below(&state, 20) == 0 ? rnd_below(&state, 2048) : rnd_below(&state, 60);

	rnd_fill(&state, value, size);
	return tally_bytes(value, size);
}

static void model_step(struct trial *t, struct tally_store *store, struct model *model,
		       uint64_t *state)
{
	struct tally_arena arena = { 0 };
	size_t space = rnd_below(state, MODEL_SPACES);
	unsigned int one_in = (unsigned int)(1 + rnd_below(state, 60));
	struct tally_change *changes = tally_arena_array(&arena, struct tally_change,
							 MODEL_TABLES * MODEL_KEYS);
	struct tally_mark to = mark_of(space, model->mark[space].blocks + 1);
	size_t count = 0;
	uint8_t room[2048];

	for (uint32_t table = 0; table < MODEL_TABLES; table++) {
		for (uint64_t k = 0; k < MODEL_KEYS; k++) {
			struct tally_bytes key = model_key(k, room);

			if (rnd_below(state, one_in) != 0)
				continue;
			key = tally_arena_bytes(&arena, key);
			if (rnd_below(state, 3) == 0) {
				changes[count++] = take(table * 20, key);
				model->pairs[space][table][k].there = false;
				continue;
			}
			model->pairs[space][table][k].there = true;
			model->pairs[space][table][k].value = rnd(state);
			changes[count++] = put(table * 20, key, tally_arena_bytes(&arena, model_value(
				model->pairs[space][table][k].value, room)));
		}
	}
	MUST(tally_store_apply(store, space, &model->mark[space], &to, changes, count, &err));
	model->mark[space] = to;
	tally_arena_free(&arena);
}

struct model_scan {
	struct trial *t;
	const struct model *model;
	size_t space;
	uint32_t table;
	bool backwards;
	uint64_t at;				/* the next key number to look at */
	uint64_t end;
};

static bool model_next(struct model_scan *scan, uint64_t *number_r)
{
	while (scan->at != scan->end) {
		*number_r = scan->backwards ? --scan->at : scan->at++;
		if (scan->model->pairs[scan->space][scan->table][*number_r].there)
			return true;
	}
	return false;
}

static int model_pair(void *ctx, struct tally_bytes key, struct tally_bytes value)
{
	struct model_scan *scan = ctx;
	struct trial *t = scan->t;
	uint8_t room[2048];
	uint64_t number;

	if (!model_next(scan, &number))
		FAIL("seed %" PRIu64 ": a scan gives too much", t->seed);
	if (!tally_bytes_equal(key, model_key(number, room)))
		FAIL("seed %" PRIu64 ": a scan gives another key than %" PRIu64, t->seed, number);
	if (!tally_bytes_equal(value, model_value(scan->model->pairs[scan->space][scan->table][number]
						  .value, room)))
		FAIL("seed %" PRIu64 ": a scan gives another value of %" PRIu64, t->seed, number);
	return 0;
}

static void model_scan(struct trial *t, struct tally_store *store, const struct model *model,
		       size_t space, uint32_t table, uint64_t from, uint64_t to, bool backwards)
{
	struct model_scan scan = { t, model, space, table, backwards, backwards ? to : from,
				   backwards ? from : to };
	uint8_t low[64], high[64];
	uint64_t number;

	MUST(tally_store_scan(store, space, table * 20, model_key(from, low),
			      to == MODEL_KEYS ? TALLY_BYTES_NONE : model_key(to, high), backwards,
			      model_pair, &scan, &err));
	if (model_next(&scan, &number))
		FAIL("seed %" PRIu64 ": a scan ends before key %" PRIu64, t->seed, number);
}

static void model_look(struct trial *t, struct tally_store *store, const struct model *model,
		       uint64_t *state)
{
	for (int i = 0; i < 20; i++) {
		size_t space = rnd_below(state, MODEL_SPACES);
		uint32_t table = (uint32_t)rnd_below(state, MODEL_TABLES);
		uint64_t k = rnd_below(state, MODEL_KEYS);
		uint8_t key[64], room[2048];
		struct tally_bytes value = model_value(model->pairs[space][table][k].value, room);

		check_get(t, store, space, table * 20, model_key(k, key),
			  model->pairs[space][table][k].there ? &value : NULL);
		model_scan(t, store, model, space, table, k,
			   k + 1 + rnd_below(state, MODEL_KEYS - k), rnd_below(state, 2));
	}
}

static void model_all(struct trial *t, struct tally_store *store, const struct model *model)
{
	struct tally_mark mark;

	for (size_t space = 0; space < MODEL_SPACES; space++) {
		MUST(tally_store_mark(store, space, &mark, &err));
		CHECK(tally_mark_equal(&mark, &model->mark[space]));
		for (uint32_t table = 0; table < MODEL_TABLES; table++) {
			model_scan(t, store, model, space, table, 0, MODEL_KEYS, false);
			model_scan(t, store, model, space, table, 0, MODEL_KEYS, true);
		}
	}
}

static void random_walk(struct trial *t)
{
	struct tally_store *store = case_open(t, true);
	struct model *model = tally_calloc(1, sizeof(*model));
	uint64_t state = t->seed;

	for (int i = 0; i < 120; i++) {
		uint64_t dice = rnd_below(&state, 20);
		size_t space = rnd_below(&state, MODEL_SPACES);

		model_step(t, store, model, &state);
		model_look(t, store, model, &state);
		if (dice == 0) {
			MUST(tally_store_maintain(store, &err));
		} else if (dice == 1) {
			MUST(tally_store_reset(store, space, &err));
			memset(model->pairs[space], 0, sizeof(model->pairs[space]));
			memset(&model->mark[space], 0, sizeof(model->mark[space]));
		} else if (dice < 5 && (t->driver->caps & TALLY_CAP_DURABLE)) {
			MUST(tally_store_sync_index(store, &err));
			case_close(t, &store);
			store = case_open(t, false);
			model_all(t, store, model);
		}
	}
	model_all(t, store, model);
	free(model);
	case_close(t, &store);
}

const struct conform_case index_cases[] = {
	{ "index: binary keys", TALLY_CAP_INDEX | TALLY_CAP_BLOCKS, 0, binary_keys },
	{ "index: values empty to largest", TALLY_CAP_INDEX | TALLY_CAP_BLOCKS, 0, values },
	{ "index: bad arguments change nothing", TALLY_CAP_INDEX | TALLY_CAP_BLOCKS, 0, bad_arguments },
	{ "index: marks", TALLY_CAP_INDEX | TALLY_CAP_BLOCKS, 0, marks },
	{ "index: reset and rebuild are equal", TALLY_CAP_INDEX | TALLY_CAP_BLOCKS, 0,
	  reset_and_rebuild },
	{ "index: scans of 100000 keys", TALLY_CAP_INDEX | TALLY_CAP_BLOCKS, 0, scans },
	{ "index: reading within a scan", TALLY_CAP_INDEX | TALLY_CAP_BLOCKS, 0, scan_within_scan },
	{ "index: a random walk against a model", TALLY_CAP_INDEX | TALLY_CAP_BLOCKS, 0, random_walk },
	{ NULL, 0, 0, NULL }
};
