/*
 * The audit's memory: the state tree against the one that is made from all leaves at once, the map
 * against a plain list, and what occurs twice against sorting it.
 */
#include "config.h"

#include <stdlib.h>
#include <time.h>

#include "arena.h"
#include "audit_map.h"
#include "audit_state.h"
#include "tap.h"

static struct tally_err err;

/* Printed with whatever fails; TALLY_TEST_SEED repeats it. */
static unsigned int tap_seed(void)
{
	const char *given = getenv("TALLY_TEST_SEED");
	unsigned int seed = given != NULL ? (unsigned int)atoi(given) : (unsigned int)time(NULL);

	printf("# seed %u\n", seed);
	srand(seed);
	return seed;
}

/* ---- the state tree ---- */

#define KEYS 300

/* Some paths share many bits, as no hashes do: levels with nothing beside them. */
static struct tally_hash path_of(unsigned int number)
{
	struct tally_hash path;

	tally_sha256(&number, sizeof(number), path.bytes);
	if (number % 3 == 0) {
		memset(path.bytes, 0, 20);
		path.bytes[20] = (uint8_t)(number >> 8);
	}
	return path;
}

struct model {
	bool there[KEYS];
	struct tally_hash values[KEYS];
	struct tally_hash journals[KEYS][64];	/* of clues: numbers divisible by 4 */
	size_t counts[KEYS];
};

static void model_root(const struct model *model, struct tally_hash *root_r)
{
	struct tally_state_leaf leaves[KEYS];
	size_t count = 0;

	for (unsigned int i = 0; i < KEYS; i++) {
		char text[TALLY_STATE_VALUE_MAX];
		struct tally_hash root;

		if (!model->there[i])
			continue;
		leaves[count].path = path_of(i);
		leaves[count].value_hash = model->values[i];
		if (i % 4 == 0) {
			tally_clue_root(model->journals[i], model->counts[i], &root);
			tally_state_value_hash(tally_bytes(text, tally_state_clue_value(
							   model->counts[i], &root, text)),
					       &leaves[count].value_hash);
		}
		count++;
	}
	tally_state_sort(leaves, count);
	CHECK_OK(tally_state_root(leaves, count, root_r));
}

static void change(struct audit_state *state, struct model *model)
{
	unsigned int number = (unsigned int)rand() % KEYS;
	struct tally_hash path = path_of(number), hash;
	int random = rand();

	tally_sha256(&random, sizeof(random), hash.bytes);
	if (number % 4 == 0) {
		if (model->counts[number] == 64)
			return;
		audit_state_clue(state, &path, &hash);
		model->journals[number][model->counts[number]++] = hash;
		model->there[number] = true;
	} else if (random % 3 == 0) {
		audit_state_remove(state, &path);
		model->there[number] = false;
	} else {
		audit_state_put(state, &path, &hash);
		model->values[number] = hash;
		model->there[number] = true;
	}
}

static void the_state_tree_is_that_of_its_leaves(void)
{
	unsigned int seed = tap_seed();

	for (unsigned int round = 0; round < 6; round++) {
		struct model *model = tally_calloc(1, sizeof(*model));
		struct audit_state *state = audit_state_new();
		struct tally_hash root, want;

		audit_state_root(state, &root);
		CHECK(tally_state_is_empty(&root));
		for (unsigned int i = 0; i < 2000; i++) {
			CASE("seed %u, round %u, change %u", seed, round, i);
			change(state, model);
			if (rand() % 20 != 0 && i > 5)
				continue;
			audit_state_root(state, &root);
			model_root(model, &want);
			CHECK_MEM(root.bytes, want.bytes, TALLY_HASH_SIZE);
		}
		audit_state_free(state);
		free(model);
	}
}

static void all_keys_may_go_again(void)
{
	struct audit_state *state = audit_state_new();
	struct tally_hash value = { { 1 } }, root;

	for (unsigned int i = 0; i < KEYS; i++) {
		struct tally_hash path = path_of(i);

		audit_state_put(state, &path, &value);
	}
	CHECK_INT(audit_state_count(state), KEYS);
	for (unsigned int i = 0; i < KEYS; i++) {
		struct tally_hash path = path_of(i);

		audit_state_remove(state, &path);
		audit_state_remove(state, &path);
	}
	CHECK_INT(audit_state_count(state), 0);
	audit_state_root(state, &root);
	CHECK(tally_state_is_empty(&root));
	audit_state_free(state);
}

/* ---- the map ---- */

static void the_map_keeps_what_was_put(void)
{
	unsigned int seed = tap_seed();
	bool there[2000] = { false };
	uint64_t values[2000] = { 0 };
	struct audit_map map = { 0 };

	for (unsigned int i = 0; i < 30000; i++) {
		unsigned int number = (unsigned int)rand() % 2000;
		uint8_t key[AUDIT_KEY];
		uint64_t value;

		CASE("seed %u, step %u", seed, i);
		audit_map_key("number", tally_bytes(&number, sizeof(number)), key);
		CHECK_INT(audit_map_get(&map, key, &value), there[number]);
		if (there[number])
			CHECK_INT(value, values[number]);
		if (rand() % 2 == 0) {
			values[number] = (uint64_t)rand();
			audit_map_put(&map, key, values[number]);
			there[number] = true;
		} else {
			audit_map_remove(&map, key);
			there[number] = false;
		}
	}
	audit_map_free(&map);
}

/* ---- spilling ---- */

static void rows_come_back_from_the_file(void)
{
	struct audit_spill spill;
	uint64_t row[5], got[10];

	audit_spill_begin(&spill, "/var/tmp", sizeof(row));
	for (uint64_t i = 0; i < 250000; i++) {
		for (size_t j = 0; j < 5; j++)
			row[j] = 5 * i + j;
		CHECK_OK(audit_spill_add(&spill, row, &err));
	}
	CHECK_INT(spill.count, 250000);
	CHECK(spill.written > 0 && spill.written < spill.count);
	for (uint64_t at = 0; at + 2 <= spill.count; at += 997) {
		CHECK_OK(audit_spill_get(&spill, at, 2, got, &err));
		CHECK_INT(got[0], 5 * at);
		CHECK_INT(got[9], 5 * at + 9);
	}
	CHECK_OK(audit_spill_get(&spill, spill.written - 1, 2, got, &err));
	CHECK_INT(got[5], 5 * spill.written);
	audit_spill_clear(&spill);
	CHECK_INT(spill.count, 0);
	CHECK_OK(audit_spill_add(&spill, row, &err));
	CHECK_OK(audit_spill_get(&spill, 0, 1, got, &err));
	CHECK_INT(got[4], row[4]);
	audit_spill_free(&spill);
	audit_spill_begin(&spill, "/nonexistent/place", 1 << 20);
	{
		uint8_t *large = tally_calloc(1, 1 << 20);
		int result = 0;

		for (int i = 0; result == 0 && i < 8; i++)
			result = audit_spill_add(&spill, large, &err);
		CHECK_INT(result, -1);
		free(large);
	}
	audit_spill_free(&spill);
}

struct twos {
	uint64_t count, sum;
};

static void each_two(void *ctx, uint64_t before, uint64_t number)
{
	struct twos *twos = ctx;

	CHECK(before < number);
	twos->count++;
	twos->sum += before * 3 + number;
}

/* More rows than one run has; number n is there again as n + 1,000,000 where n divides by 1,000. */
static void what_occurs_twice_is_found(void)
{
	const uint64_t rows = 1200000;
	struct audit_twice twice;
	struct twos twos = { 0, 0 };

	audit_twice_begin(&twice, "/var/tmp");
	for (uint64_t i = 0; i < rows; i++) {
		uint64_t name = i >= 1000000 && i % 1000 == 0 ? i - 1000000 : i;
		uint8_t hash[TALLY_HASH_SIZE];

		tally_sha256(&name, sizeof(name), hash);
		CHECK_OK(audit_twice_add(&twice, hash, i, &err));
	}
	CHECK_OK(audit_twice_each(&twice, each_two, &twos, &err));
	CHECK_INT(twos.count, 200);
	CHECK_INT(twos.sum, 200 * 1000000 + 4 * 1000 * (199 * 200 / 2));
	audit_twice_free(&twice);
}

int main(void)
{
	TEST(the_state_tree_is_that_of_its_leaves);
	TEST(all_keys_may_go_again);
	TEST(the_map_keeps_what_was_put);
	TEST(rows_come_back_from_the_file);
	TEST(what_occurs_twice_is_found);
	return tap_done();
}
