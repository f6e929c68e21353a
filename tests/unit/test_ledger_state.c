/*
 * Members, keys and values, members' signatures and the state tree, through the core over the mem
 * driver. What the state says is compared with a tree made anew from the journals themselves.
 */
#include "config.h"

#include "core.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "conf.h"
#include "evidence.h"
#include "mem.h"
#include "statement.h"
#include "store.h"
#include "tap.h"
#include "wrap.h"

struct world {
	struct tally_conf *conf;
	struct tally_store *store;
	struct tally_core *core;
	struct tally_first_key first;
	struct tally_ledger_created ledger;
	struct tally_arena arena;
};

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

static struct tally_bytes id_of(const struct world *w)
{
	return tally_bytes_str(w->ledger.ledger_id);
}

static struct tally_write owner(const struct world *w)
{
	return (struct tally_write){ .caller = { .account = w->first.account } };
}

/* A process that lives long keeps much of the state in memory; one that does not reads the index. */
static bool lives_long;
static bool counted;		/* calls of the store are (tally_wrap_fail_at) */

static bool open_core(struct world *w, const char *name, bool create)
{
	struct tally_store_args args = { .location = name, .conf = w->conf, .create = create,
					 .blocks = true, .index = true };
	struct tally_core_options options = { .conf = w->conf, .short_lived = !lives_long };
	const struct tally_driver *driver;

	if (tally_driver_find("mem", NULL, &driver, &err) == 0 &&
	    tally_store_open(driver, &args, &w->store, &err) == 0 &&
	    (!counted || (w->store = tally_wrap_fail(w->store, 0, TALLY_FAULT_IO)) != NULL) &&
	    tally_core_open_on(&options, w->store, w->store, create ? &w->first : NULL, &w->core,
			       &err) == 0)
		return true;
	FAIL("open: %s", err.text);
	return false;
}

static bool begin_with(struct world *w, const char *name, enum tally_ledger_type type,
		       enum tally_sign_policy policy, unsigned int count)
{
	struct tally_ledger_create create = { .name = TALLY_BYTES_LIT("Ledger"), .type = type,
					      .sign_policy = policy, .sign_count = count };
	struct tally_write write;

	memset(w, 0, sizeof(*w));
	w->conf = tally_conf_new();
	tally_conf_override(w->conf, "ledger", "state_journals", "0");	/* only when asked for */
	tally_conf_override(w->conf, "ledger", "state_idle", "0");
	if (!open_core(w, name, true))
		return false;
	write = owner(w);
	if (tally_ledger_create(w->core, &write, &create, &w->ledger, &err) == 0)
		return true;
	FAIL("create: %s", err.text);
	return false;
}

static bool begin(struct world *w, const char *name, enum tally_ledger_type type)
{
	return begin_with(w, name, type, SIGN_ACCEPTED, 0);
}

static void end(struct world *w, const char *name)
{
	tally_core_close(&w->core);
	tally_arena_free(&w->arena);
	tally_conf_free(&w->conf);
	tally_mem_forget(strchr(name, ':') + 1);
}

static int append(struct world *w, const char *text, const char *clue)
{
	struct tally_bytes clues[1] = { tally_bytes_str(clue) };
	struct tally_entry entry = { .payload = tally_bytes_str(text), .clues = clues,
				     .clue_count = clue != NULL };
	struct tally_append_result result;
	struct tally_write write = owner(w);

	return tally_append(w->core, &write, id_of(w), &entry, 1, true, &result, &err);
}

static int kv_set(struct world *w, const char *key, const char *value)
{
	struct tally_write write = owner(w);

	return tally_kv_set(w->core, &write, id_of(w), tally_bytes_str(key),
			    tally_bytes_str(value), NULL, &err);
}

static int kv_delete(struct world *w, const char *key)
{
	struct tally_write write = owner(w);

	return tally_kv_delete(w->core, &write, id_of(w), tally_bytes_str(key), NULL, &err);
}

static uint64_t journals(struct world *w)
{
	struct tally_ledger_info info = { .journal_count = 0 };

	CHECK_INT(tally_ledger_describe(w->core, id_of(w), &w->arena, &info, &err), 1);
	return info.journal_count;
}

/* ---- the state made anew from the journals ---- */

struct model {
	struct tally_state_leaf leaves[600];
	size_t count;
};

static void model_put(struct model *model, enum tally_state_kind kind, struct tally_bytes key,
		      const char *value)
{
	struct tally_hash path;
	size_t i = 0;

	tally_state_path(kind, key, &path);
	while (i < model->count && memcmp(model->leaves[i].path.bytes, path.bytes, 32) != 0)
		i++;
	if (value == NULL) {
		if (i < model->count)
			model->leaves[i] = model->leaves[--model->count];
		return;
	}
	if (i == model->count)
		model->count++;
	model->leaves[i].path = path;
	tally_state_value_hash(tally_bytes_str(value), &model->leaves[i].value_hash);
}

/* The clue's value after all journals before size that have it. */
static void model_clue(struct world *w, struct model *model, struct tally_bytes clue, uint64_t size)
{
	struct tally_hash hashes[600], root;
	char value[TALLY_STATE_VALUE_MAX];
	size_t count = 0;

	for (uint64_t id = 0; id < size; id++) {
		struct tally_journal journal;

		CHECK_INT(tally_journal_get(w->core, id_of(w), id, &w->arena, &journal, &err), 1);
		for (size_t i = 0; i < journal.clue_count; i++)
			if (tally_bytes_equal(journal.clues[i], clue))
				hashes[count++] = journal.hash;
	}
	tally_clue_root(hashes, count, &root);
	tally_state_clue_value(count, &root, value);
	model_put(model, STATE_CLUE, clue, value);
}

static void model_build(struct world *w, struct model *model, uint64_t size)
{
	model->count = 0;
	for (uint64_t id = 0; id < size; id++) {
		struct tally_journal journal;
		char value[TALLY_STATE_VALUE_MAX];

		CHECK_INT(tally_journal_get(w->core, id_of(w), id, &w->arena, &journal, &err), 1);
		for (size_t i = 0; i < journal.clue_count; i++)
			model_clue(w, model, journal.clues[i], size);
		if (strcmp(journal.payload_type, "KV_SET") == 0) {
			tally_state_kv_value(id, &journal.hash, value);
			model_put(model, STATE_KV, journal.key, value);
		} else if (strcmp(journal.payload_type, "KV_DELETE") == 0) {
			model_put(model, STATE_KV, journal.key, NULL);
		} else if (id == 0) {
			struct tally_buf json = { 0 };
			struct tally_hash hash;

			tally_buf_printf(&json, "{\"account\":%llu,\"enabled\":true,\"memberId\":"
					 "\"%s\",\"role\":\"ADMIN\"}",
					 (unsigned long long)w->first.account,
					 w->ledger.member_id);
			tally_sha256(json.data, json.size, hash.bytes);
			tally_buf_free(&json);
			tally_state_member_value(0, &hash, value);
			model_put(model, STATE_MEMBER, tally_bytes_str(w->ledger.member_id), value);
		}
	}
	tally_state_sort(model->leaves, model->count);
}

static void check_state(struct world *w)
{
	static struct model model;
	struct tally_ledger_info info;
	struct tally_hash root;

	CHECK_INT(tally_ledger_describe(w->core, id_of(w), &w->arena, &info, &err), 1);
	model_build(w, &model, info.state_size);
	CHECK_OK(tally_state_root(model.leaves, model.count, &root));
	CHECK_MEM(info.state_root.bytes, root.bytes, 32);
}

static int dump_pair(void *ctx, uint32_t table, struct tally_bytes key, struct tally_bytes value)
{
	struct tally_sha256 *sha = ctx;

	tally_sha256_add(sha, &table, sizeof(table));
	tally_sha256_add(sha, key.data, key.size);
	tally_sha256_add(sha, value.data, value.size);
	return 0;
}

static void check_rebuild(struct world *w)
{
	uint8_t before[32], after[32];
	struct tally_sha256 sha;
	uint64_t space = 0;

	for (size_t i = 2; i < 18; i++)
		space = space << 4 | (uint64_t)(w->ledger.ledger_id[i] <= '9' ?
						w->ledger.ledger_id[i] - '0' :
						w->ledger.ledger_id[i] - 'a' + 10);
	tally_sha256_init(&sha);
	CHECK_OK(tally_core_index_each(w->core, space, dump_pair, &sha, &err));
	tally_sha256_end(&sha, before);
	CHECK_OK(tally_core_rebuild(w->core, TALLY_BYTES_NONE, NULL, NULL, &err));
	tally_sha256_init(&sha);
	CHECK_OK(tally_core_index_each(w->core, space, dump_pair, &sha, &err));
	tally_sha256_end(&sha, after);
	CHECK_MEM(before, after, 32);
}

/* ---- the state ---- */

#define BLOCKS 8
#define EACH 500

/* What changed since the last one is read from the blocks by who opens the ledger anew, in a read or two
 * a block and not a journal: a long gap must not hold up who comes after a crash. */
static void changes_are_read_by_blocks(void)
{
	struct tally_bytes clue = TALLY_BYTES_LIT("c");
	struct tally_append_result results[EACH];
	struct tally_entry entries[EACH];
	struct tally_write write;
	struct world w;
	uint64_t calls;

	counted = true;
	REQUIRE(begin(&w, "mem:gap", LEDGER_JOURNAL));
	write = owner(&w);
	for (size_t i = 0; i < EACH; i++)
		entries[i] = (struct tally_entry){ .payload = TALLY_BYTES_LIT("x"), .clues = &clue,
						   .clue_count = i == 7 };
	for (int block = 0; block < BLOCKS; block++)
		CHECK_OK(tally_append(w.core, &write, id_of(&w), entries, EACH, true, results, &err));
	CHECK_OK(tally_core_maintain(w.core, &err));
	tally_core_close(&w.core);
	REQUIRE(open_core(&w, "mem:gap", false));
	CHECK_INT(journals(&w), 1 + BLOCKS * EACH);
	tally_wrap_fail_at(w.store, 0, TALLY_FAULT_IO);
	CHECK_INT(tally_state_refresh(w.core, id_of(&w), &err), 1);
	calls = tally_wrap_fail_at(w.store, 0, TALLY_FAULT_IO);
	printf("# %llu calls of the store\n", (unsigned long long)calls);
	CHECK(calls > 0 && calls < 8 * BLOCKS);
	check_state(&w);
	end(&w, "mem:gap");
	counted = false;
}

static void a_state_root_is_about_all_before_it(void)
{
	struct tally_ledger_info info;
	struct tally_journal journal;
	struct world w;

	REQUIRE(begin(&w, "mem:fresh", LEDGER_JOURNAL));
	CHECK_OK(append(&w, "one", "a"));
	CHECK_INT(tally_state_refresh(w.core, id_of(&w), &err), 1);
	CHECK_INT(tally_state_refresh(w.core, id_of(&w), &err), 0);	/* nothing new */
	CHECK_INT(tally_ledger_describe(w.core, id_of(&w), &w.arena, &info, &err), 1);
	CHECK_INT(info.journal_count, 3);
	CHECK_INT(info.state_size, 2);
	CHECK_INT(info.state_journal, 2);
	CHECK_INT(tally_journal_get(w.core, id_of(&w), 2, &w.arena, &journal, &err), 1);
	CHECK_STR(journal.payload_type, "STATE_ROOT");
	CHECK_INT(journal.member_id.size, 0);
	check_state(&w);
	end(&w, "mem:fresh");
}

static void prove_all_clues(struct world *w, unsigned int clues)
{
	for (unsigned int i = 0; i < clues + 3; i++) {
		struct tally_hash path, value_hash, root;
		struct tally_state_found state;
		char clue[24], value[TALLY_STATE_VALUE_MAX];

		snprintf(clue, sizeof(clue), "clue %u", i);
		CASE("%s", clue);
		CHECK_INT(tally_state_prove_clue(w->core, id_of(w), tally_bytes_str(clue), 0,
						 SIZE_MAX, 0, &w->arena, &state, &err), 1);
		tally_state_path(STATE_CLUE, tally_bytes_str(clue), &path);
		if (!state.there) {
			CHECK(tally_state_verify(&state.root, &path, NULL, &state.proof));
			continue;
		}
		CHECK_INT(state.journal_count, state.count);
		tally_clue_root(state.journal_hashes, state.count, &root);
		tally_state_clue_value(state.count, &root, value);
		tally_state_value_hash(tally_bytes_str(value), &value_hash);
		CHECK(tally_state_verify(&state.root, &path, &value_hash, &state.proof));
		CHECK(!tally_state_verify(&state.root, &path, NULL, &state.proof));
	}
}

static void clues_are_proved_complete_at_any_time(void)
{
	unsigned int seed = tap_seed();
	struct world w;

	REQUIRE(begin(&w, "mem:clues", LEDGER_JOURNAL));
	for (unsigned int round = 0; round < 12; round++) {
		CASE("seed %u, round %u", seed, round);
		for (unsigned int i = 0; i < 20; i++) {
			char clue[24];

			/* the first ones get long lineages, so that heads are written */
			snprintf(clue, sizeof(clue), "clue %u",
				 (unsigned int)rand() % (i % 2 == 0 ? 3 : round * 6 + 1));
			CHECK_OK(append(&w, "x", clue));
		}
		CHECK_INT(tally_state_refresh(w.core, id_of(&w), &err), 1);
		check_state(&w);
		if (round % 3 == 2)
			prove_all_clues(&w, round * 6 + 1);
		if (round == 7) {	/* what is in the index, and a process that has just opened it */
			check_rebuild(&w);
			tally_core_close(&w.core);
			REQUIRE(open_core(&w, "mem:clues", false));
		}
	}
	check_rebuild(&w);
	prove_all_clues(&w, 67);
	end(&w, "mem:clues");
}

static void clues_are_proved_from_memory_too(void)
{
	lives_long = true;
	clues_are_proved_complete_at_any_time();
	lives_long = false;
}

static int find_space(void *ctx, uint64_t space, const char *ledger_id, uint64_t blocks)
{
	(void)ledger_id;
	(void)blocks;
	*(uint64_t *)ctx = space;	/* the last one: the ledger */
	return 0;
}

/* Replays the ledger, and once more after call nth of the store failed. True: so many it makes. */
static bool load_twice(struct world *w, const char *name, uint64_t nth)
{
	struct tally_state_found found;
	struct tally_ledger_info info;
	uint64_t space = 0, calls;

	if (!open_core(w, name, false))
		return false;
	CHECK_OK(tally_core_spaces(w->core, find_space, &space, &err));
	CHECK(space != 0);
	CHECK_OK(tally_store_reset(w->store, space, &err));
	tally_wrap_fail_at(w->store, nth, TALLY_FAULT_IO);
	(void)tally_ledger_describe(w->core, id_of(w), &w->arena, &info, &err);
	calls = tally_wrap_fail_at(w->store, 0, TALLY_FAULT_IO);
	CHECK_INT(tally_ledger_describe(w->core, id_of(w), &w->arena, &info, &err), 1);
	CHECK(info.state_size > 0);
	check_state(w);
	CHECK_INT(tally_state_prove_clue(w->core, id_of(w), TALLY_BYTES_LIT("c"), 0, 10, 0,
					 &w->arena, &found, &err), 1);
	CHECK(found.there);
	tally_core_close(&w->core);
	return calls >= nth;
}

/* What is kept of a replay's state in memory goes with a replay that fails. */
static void a_replay_that_fails_is_made_anew(void)
{
	uint64_t nth = 1;
	struct world w;

	lives_long = counted = true;
	REQUIRE(begin(&w, "mem:anew", LEDGER_JOURNAL));
	for (int round = 0; round < 5; round++) {
		CHECK_OK(append(&w, "x", "c"));
		CHECK_INT(tally_state_refresh(w.core, id_of(&w), &err), 1);
	}
	tally_core_close(&w.core);
	while (!tap.bad && load_twice(&w, "mem:anew", nth))
		nth++;
	CHECK(nth > 5);
	end(&w, "mem:anew");
	lives_long = counted = false;
}

/* Steps that came in from elsewhere, one after the other: each begins with what the one before wrote. */
static void steps_of_another_process(void)
{
	struct world w, other;

	lives_long = true;
	REQUIRE(begin(&w, "mem:elsewhere", LEDGER_JOURNAL));
	CHECK_OK(append(&w, "x", "c"));
	CHECK_INT(tally_state_refresh(w.core, id_of(&w), &err), 1);
	other = w;
	memset(&other.arena, 0, sizeof(other.arena));
	REQUIRE(open_core(&other, "mem:elsewhere", false));
	for (int round = 0; round < 4; round++) {
		CHECK_OK(append(&other, "y", "c"));
		CHECK_INT(tally_state_refresh(other.core, id_of(&other), &err), 1);
	}
	tally_core_close(&other.core);
	tally_arena_free(&other.arena);
	CHECK_OK(append(&w, "z", "c"));		/* has to take up the others first */
	CHECK_INT(journals(&w), 1 + 2 + 8 + 1);
	check_state(&w);
	CHECK_INT(tally_state_refresh(w.core, id_of(&w), &err), 1);
	check_state(&w);
	check_rebuild(&w);
	end(&w, "mem:elsewhere");
	lives_long = false;
}

static void pages_of_a_lineage(void)
{
	struct tally_state_found state;
	struct world w;

	REQUIRE(begin(&w, "mem:pages", LEDGER_JOURNAL));
	for (unsigned int i = 0; i < 23; i++)
		CHECK_OK(append(&w, "x", i % 2 == 0 ? "even" : "odd"));
	CHECK_INT(tally_state_refresh(w.core, id_of(&w), &err), 1);
	for (unsigned int first = 0; first < 12; first++) {
		for (unsigned int size = 1; size <= 12; size++) {
			CASE("from %u, %u journals", first, size);
			CHECK_INT(tally_state_prove_clue(w.core, id_of(&w), TALLY_BYTES_LIT("even"),
							 first, size, 0, &w.arena, &state, &err), 1);
			CHECK_INT(state.count, 12);
			CHECK_INT(state.journal_count, size < 12 - first ? size : 12 - first);
			CHECK_INT(state.journal_ids[0], 1 + 2 * first);
			CHECK(tally_clue_page_verify(state.count, &state.clue_root, first,
						     state.journal_hashes, state.journal_count,
						     state.range, state.range_count));
		}
	}
	CHECK_INT(tally_state_prove_clue(w.core, id_of(&w), TALLY_BYTES_LIT("even"), 13, 1, 0,
					 &w.arena, &state, &err), -1);
	CHECK_INT(err.code, TALLY_INVALID);
	end(&w, "mem:pages");
}

static void older_state_under_an_older_tree(void)
{
	struct tally_state_found state;
	struct tally_hash path;
	struct world w;

	REQUIRE(begin(&w, "mem:older", LEDGER_JOURNAL));
	CHECK_INT(tally_state_prove_clue(w.core, id_of(&w), TALLY_BYTES_LIT("a"), 0, 10, 0, &w.arena,
					 &state, &err), 0);	/* there is none yet */
	CHECK_OK(append(&w, "x", "a"));
	CHECK_INT(tally_state_refresh(w.core, id_of(&w), &err), 1);	/* journal 2 */
	CHECK_OK(append(&w, "x", "a"));
	CHECK_INT(tally_state_refresh(w.core, id_of(&w), &err), 1);	/* journal 4 */
	CHECK_OK(append(&w, "x", "a"));
	CHECK_INT(tally_state_prove_clue(w.core, id_of(&w), TALLY_BYTES_LIT("a"), 0, 10, 4, &w.arena,
					 &state, &err), 1);
	CHECK_INT(state.journal_id, 2);
	CHECK_INT(state.count, 1);
	CHECK_INT(tally_state_prove_clue(w.core, id_of(&w), TALLY_BYTES_LIT("a"), 0, 10, 0, &w.arena,
					 &state, &err), 1);
	CHECK_INT(state.journal_id, 4);
	CHECK_INT(state.count, 2);
	tally_state_path(STATE_CLUE, TALLY_BYTES_LIT("a"), &path);
	CHECK(!tally_state_verify(&state.root, &path, NULL, &state.proof));
	CHECK_INT(tally_state_prove_clue(w.core, id_of(&w), TALLY_BYTES_LIT("a"), 0, 10, 2, &w.arena,
					 &state, &err), 0);
	end(&w, "mem:older");
}

/* ---- keys and values ---- */

static void values_are_set_found_and_deleted(void)
{
	struct tally_journal journal;
	struct world w;

	REQUIRE(begin(&w, "mem:kv", LEDGER_KV));
	CHECK_INT(tally_kv_get(w.core, id_of(&w), TALLY_BYTES_LIT("k"), UINT64_MAX, &w.arena,
			       &journal, &err), 0);
	CHECK_OK(kv_set(&w, "k", "one"));
	CHECK_OK(kv_set(&w, "k", "two"));
	CHECK_INT(tally_kv_get(w.core, id_of(&w), TALLY_BYTES_LIT("k"), UINT64_MAX, &w.arena,
			       &journal, &err), 1);
	CHECK_BYTES(journal.payload, TALLY_BYTES_LIT("two"));
	CHECK_BYTES(journal.key, TALLY_BYTES_LIT("k"));
	CHECK_INT(journal.id, 2);
	CHECK_INT(tally_kv_get(w.core, id_of(&w), TALLY_BYTES_LIT("k"), 2, &w.arena, &journal,
			       &err), 1);
	CHECK_BYTES(journal.payload, TALLY_BYTES_LIT("one"));
	CHECK_OK(kv_delete(&w, "k"));
	CHECK_INT(tally_kv_get(w.core, id_of(&w), TALLY_BYTES_LIT("k"), UINT64_MAX, &w.arena,
			       &journal, &err), 0);
	CHECK_INT(kv_delete(&w, "k"), -1);
	CHECK_INT(err.code, TALLY_NOTFOUND);
	CHECK_INT(kv_set(&w, "", "x"), -1);
	CHECK_INT(err.code, TALLY_INVALID);
	CHECK_INT(append(&w, "x", NULL), -1);
	CHECK_INT(err.code, TALLY_INVALID);
	CHECK_INT(journals(&w), 4);
	end(&w, "mem:kv");
}

static void keys_come_and_go_in_the_state(void)
{
	unsigned int seed = tap_seed();
	char key[16];
	struct world w;

	REQUIRE(begin(&w, "mem:churn", LEDGER_KV));
	for (unsigned int round = 0; round < 15; round++) {
		CASE("seed %u, round %u", seed, round);
		for (unsigned int i = 0; i < 25; i++) {
			snprintf(key, sizeof(key), "k%u", (unsigned int)rand() % 40);
			if (rand() % 100 < (round < 10 ? 40 : 85))
				(void)kv_delete(&w, key);
			else
				CHECK_OK(kv_set(&w, key, "v"));
		}
		CHECK(tally_state_refresh(w.core, id_of(&w), &err) >= 0);
		check_state(&w);
		for (unsigned int i = 0; i < 42; i++) {
			struct tally_hash path, value_hash;
			char value[TALLY_STATE_VALUE_MAX];
			struct tally_state_found state;

			snprintf(key, sizeof(key), "k%u", i);
			CHECK_INT(tally_state_prove_kv(w.core, id_of(&w), tally_bytes_str(key), 0,
						       &state, &err), 1);
			tally_state_path(STATE_KV, tally_bytes_str(key), &path);
			tally_state_kv_value(state.kv_journal_id, &state.kv_journal_hash, value);
			tally_state_value_hash(tally_bytes_str(value), &value_hash);
			CHECK(tally_state_verify(&state.root, &path,
						 state.there ? &value_hash : NULL, &state.proof));
		}
	}
	check_rebuild(&w);
	end(&w, "mem:churn");
}

/* ---- members ---- */

static const uint8_t private_keys[4][32] = { { 1, 2, 3 }, { 4, 5, 6 }, { 7, 8, 9 }, { 10, 11, 12 } };

static struct tally_member_key key_of(unsigned int type, unsigned int number)
{
	struct tally_member_key key = { 0 };

	CHECK_OK(tally_member_public(type, private_keys[number], &key, &err));
	return key;
}

static int add_member(struct world *w, struct tally_write write, enum tally_role role,
		      struct tally_member_key key, uint64_t account, char id[])
{
	struct tally_member_create create = { .role = role, .key = key, .account = account };

	return tally_member_create(w->core, &write, id_of(w), &create, id, &err);
}

static void members_have_accounts_keys_and_roles(void)
{
	char id[TALLY_MEMBER_ID_SIZE + 1], other[TALLY_MEMBER_ID_SIZE + 1];
	struct tally_write reader = { .caller = { .account = 4711 } };
	struct tally_member_key key, next;
	struct tally_state_found state;
	struct tally_member member, *members;
	struct world w;
	size_t count;
	bool more;

	REQUIRE(begin(&w, "mem:members", LEDGER_JOURNAL));
	key = key_of(KEY_TYPE_SECP256K1, 0);
	CHECK_OK(add_member(&w, owner(&w), ROLE_READER, key, 4711, id));
	CHECK_INT(tally_member_get(w.core, &reader.caller, id_of(&w), TALLY_BYTES_NONE, &member,
				   &err), 1);
	CHECK_STR(member.id, id);
	CHECK_INT(member.role, ROLE_READER);
	CHECK(tally_member_key_equal(&member.key, &key));
	CHECK_INT(add_member(&w, owner(&w), ROLE_READER, key_of(KEY_TYPE_ED25519, 1), 4711, other),
		  -1);
	CHECK_INT(err.code, TALLY_EXISTS);
	CHECK_INT(add_member(&w, owner(&w), ROLE_WRITER, key, 0, other), -1);	/* a key twice */
	CHECK_INT(err.code, TALLY_INVALID);
	CHECK_INT(add_member(&w, reader, ROLE_WRITER, key_of(KEY_TYPE_ED25519, 1), 0, other), -1);
	CHECK_INT(err.code, TALLY_DENIED);
	/* one's own key; the former is of no use for ever */
	next = key_of(KEY_TYPE_SECP256R1, 1);
	CHECK_OK(tally_member_set_key(w.core, &reader, id_of(&w), TALLY_BYTES_NONE, &next, &err));
	CHECK_INT(tally_member_set_key(w.core, &reader, id_of(&w), TALLY_BYTES_NONE, &key, &err), -1);
	CHECK_INT(err.code, TALLY_INVALID);
	CHECK_INT(tally_member_set_key(w.core, &reader, id_of(&w), tally_bytes_str(w.ledger.member_id),
				       &key, &err), -1);
	CHECK_INT(err.code, TALLY_DENIED);
	{
		struct tally_write admin = owner(&w);

		CHECK_OK(tally_member_set_role(w.core, &admin, id_of(&w), tally_bytes_str(id),
					       ROLE_WRITER, &err));
		CHECK_INT(tally_member_set_role(w.core, &admin, id_of(&w),
						tally_bytes_str(w.ledger.member_id), ROLE_READER,
						&err), -1);
		CHECK_INT(err.code, TALLY_INVALID);
		CHECK_INT(tally_member_set_role(w.core, &admin, id_of(&w),
						TALLY_BYTES_LIT("m-00000000000000000000000000"),
						ROLE_READER, &err), -1);
		CHECK_INT(err.code, TALLY_NOTFOUND);
	}
	CHECK_OK(tally_member_list(w.core, id_of(&w), TALLY_BYTES_NONE, 10, &w.arena, &members,
				   &count, &more, &err));
	CHECK_INT(count, 2);
	CHECK(!more);
	/* its record is in the state */
	CHECK_INT(tally_state_refresh(w.core, id_of(&w), &err), 1);
	CHECK_INT(tally_state_prove_member(w.core, id_of(&w), tally_bytes_str(id), 0, &state, &err),
		  1);
	CHECK(state.there);
	CHECK_INT(state.member.role, ROLE_WRITER);
	CHECK_INT(state.member.journal_id, 3);
	check_rebuild(&w);
	end(&w, "mem:members");
}

/* ---- signatures ---- */

/* An entry signed in the own form. */
static int append_signed(struct world *w, const char *text, const char *nonce, unsigned int count,
			 const unsigned int *types, const unsigned int *numbers,
			 char (*ids)[TALLY_MEMBER_ID_SIZE + 1], struct tally_append_result *result)
{
	static const uint8_t salt[16] = "sixteen bytes..";
	struct tally_signature signatures[4] = { { .type = 0 } };
	struct tally_signing signing = { signatures, count, tally_bytes_str(nonce),
					 tally_bytes(salt, 16), TALLY_BYTES_NONE };
	struct tally_entry entry = { .payload = tally_bytes_str(text), .signing = &signing };
	struct tally_statement statement = { .ledger_id = id_of(w), .nonce = signing.nonce,
					     .member_id = tally_bytes_str(ids[0]),
					     .payload_size = strlen(text),
					     .payload_type = TALLY_BYTES_LIT("CUSTOM") };
	struct tally_write write = owner(w);
	struct tally_buf buf = { 0 };
	uint8_t hash[32];
	int status;

	tally_payload_hash(salt, entry.payload, hash);
	statement.payload_hash = hash;
	tally_statement_format(&statement, &buf);
	for (unsigned int i = 0; i < count; i++) {
		signatures[i].member_id = tally_bytes_str(ids[i]);
		CHECK_OK(tally_member_sign(types[i], private_keys[numbers[i]],
					   tally_buf_bytes(&buf), signatures[i].bytes, &err));
	}
	tally_buf_free(&buf);
	status = tally_append(w->core, &write, id_of(w), &entry, 1, true, result, &err);
	return status;
}

static void members_sign_in_the_own_form(void)
{
	static const unsigned int types[] = { KEY_TYPE_SECP256K1, KEY_TYPE_SECP256R1, KEY_TYPE_SM2,
					      KEY_TYPE_ED25519 };
	static const unsigned int same[] = { 0, 1, 2, 3 }, swapped[] = { 1, 0, 2, 3 };
	char ids[4][TALLY_MEMBER_ID_SIZE + 1];
	struct tally_append_result result;
	struct tally_journal journal;
	struct tally_write admin;
	struct tally_member_key next;
	struct world w;

	REQUIRE(begin(&w, "mem:sign", LEDGER_JOURNAL));
	for (unsigned int i = 0; i < 4; i++) {
		CHECK_OK(add_member(&w, owner(&w), ROLE_WRITER, key_of(types[i], i), 0, ids[i]));
		CASE("key type %u", types[i]);
		CHECK_OK(append_signed(&w, "paid", "n-1", 1, &types[i], &same[i], &ids[i], &result));
		CHECK_INT(tally_journal_get(w.core, id_of(&w), result.receipt.journal_id, &w.arena,
					    &journal, &err), 1);
		CHECK_BYTES(journal.member_id, tally_bytes_str(ids[i]));
		CHECK(memmem(journal.leaf.data, journal.leaf.size, "\"signatures\":[{\"key\":", 21));
		/* the same bytes are taken once */
		CHECK_INT(append_signed(&w, "paid", "n-1", 1, &types[i], &same[i], &ids[i], &result),
			  -1);
		CHECK_INT(err.code, TALLY_REPLAYED);
	}
	CASE("another's key");
	CHECK_INT(append_signed(&w, "paid", "n-2", 1, types, swapped, ids, &result), -1);
	CHECK_INT(err.code, TALLY_DENIED);
	CASE("four together");
	CHECK_OK(append_signed(&w, "paid", "n-3", 4, types, same, ids, &result));
	CASE("after the key was changed");
	admin = owner(&w);
	next = key_of(KEY_TYPE_ED25519, 2);
	CHECK_OK(tally_member_set_key(w.core, &admin, id_of(&w), tally_bytes_str(ids[0]), &next,
				      &err));
	CHECK_INT(append_signed(&w, "paid", "n-4", 1, types, same, ids, &result), -1);
	CHECK_INT(err.code, TALLY_DENIED);
	CASE("a reader");
	CHECK_OK(tally_member_set_role(w.core, &admin, id_of(&w), tally_bytes_str(ids[1]),
				       ROLE_READER, &err));
	CHECK_INT(append_signed(&w, "paid", "n-5", 1, &types[1], &same[1], &ids[1], &result), -1);
	CHECK_INT(err.code, TALLY_DENIED);
	check_rebuild(&w);
	end(&w, "mem:sign");
}

/* Batches of so many signed journals are shared among threads (prepare.c). */
#define MANY 200
struct many {
	struct tally_entry entries[MANY];
	struct tally_signing signings[MANY];
	struct tally_signature signatures[MANY];
	struct tally_append_result results[MANY];
	char nonces[MANY][16];
};

static void sign_many(struct world *w, struct many *many, const char *member_id)
{
	static const uint8_t salt[16] = "sixteen bytes..";
	struct tally_bytes payload = TALLY_BYTES_LIT("one of many");
	uint8_t hash[32];

	tally_payload_hash(salt, payload, hash);
	for (size_t i = 0; i < MANY; i++) {
		struct tally_statement statement = { .ledger_id = id_of(w),
						     .member_id = tally_bytes_str(member_id),
						     .payload_size = payload.size,
						     .payload_hash = hash,
						     .payload_type = TALLY_BYTES_LIT("CUSTOM") };
		struct tally_buf buf = { 0 };

		snprintf(many->nonces[i], sizeof(many->nonces[i]), "many-%zu", i);
		statement.nonce = tally_bytes_str(many->nonces[i]);
		tally_statement_format(&statement, &buf);
		many->signatures[i].member_id = statement.member_id;
		CHECK_OK(tally_member_sign(KEY_TYPE_SECP256K1, private_keys[0],
					   tally_buf_bytes(&buf), many->signatures[i].bytes, &err));
		tally_buf_free(&buf);
		many->signings[i] = (struct tally_signing){ &many->signatures[i], 1, statement.nonce,
							    tally_bytes(salt, 16), TALLY_BYTES_NONE };
		many->entries[i] = (struct tally_entry){ .payload = payload,
							 .signing = &many->signings[i] };
	}
}

static void many_signatures_of_a_batch(void)
{
	static struct many many;
	char id[TALLY_MEMBER_ID_SIZE + 1];
	struct tally_write write;
	struct world w;

	REQUIRE(begin(&w, "mem:many", LEDGER_JOURNAL));
	write = owner(&w);
	CHECK_OK(add_member(&w, write, ROLE_WRITER, key_of(KEY_TYPE_SECP256K1, 0), 0, id));
	sign_many(&w, &many, id);
	many.signatures[170].bytes[40] ^= 1;
	many.signatures[43].bytes[40] ^= 1;
	CASE("all or none");
	CHECK_INT(tally_append(w.core, &write, id_of(&w), many.entries, MANY, true, many.results, &err),
		  -1);
	CHECK_INT(err.code, TALLY_DENIED);
	CHECK_STR(err.subject, "Journals.43.MemberSignature");	/* the first of them */
	CHECK_INT(journals(&w), 2);
	CASE("each by itself");
	CHECK_OK(tally_append(w.core, &write, id_of(&w), many.entries, MANY, false, many.results, &err));
	for (size_t i = 0; i < MANY; i++)
		CHECK_INT(many.results[i].err.code, i == 43 || i == 170 ? TALLY_DENIED : TALLY_OK);
	CHECK_INT(journals(&w), MANY);
	check_rebuild(&w);
	end(&w, "mem:many");
}

static void a_ledger_has_its_policy(void)
{
	static const unsigned int types[] = { KEY_TYPE_SECP256K1, KEY_TYPE_ED25519 };
	static const unsigned int same[] = { 0, 1 };
	char ids[2][TALLY_MEMBER_ID_SIZE + 1];
	struct tally_append_result result;
	struct tally_ledger_change change = { .set_sign_policy = true, .sign_policy = SIGN_OFF };
	struct tally_write admin;
	struct world w;

	REQUIRE(begin_with(&w, "mem:policy", LEDGER_JOURNAL, SIGN_REQUIRED, 2));
	for (unsigned int i = 0; i < 2; i++)
		CHECK_OK(add_member(&w, owner(&w), ROLE_WRITER, key_of(types[i], i), 0, ids[i]));
	CHECK_INT(append(&w, "x", NULL), -1);
	CHECK_INT(err.code, TALLY_MISSING);
	CHECK_INT(append_signed(&w, "x", "1", 1, types, same, ids, &result), -1);
	CHECK_INT(err.code, TALLY_DENIED);
	CHECK_OK(append_signed(&w, "x", "1", 2, types, same, ids, &result));
	admin = owner(&w);
	CHECK_OK(tally_ledger_modify(w.core, &admin, id_of(&w), &change, &err));
	CHECK_OK(append(&w, "x", NULL));
	CHECK_INT(append_signed(&w, "x", "2", 2, types, same, ids, &result), -1);
	CHECK_INT(err.code, TALLY_INVALID);
	end(&w, "mem:policy");
}

/* What REQUIRED demands is about records. What the service notes for a caller goes by his role: nothing
 * that is proved rests on who said it (doc/security.md, "Members' signatures"). */
static void what_is_demanded_to_be_signed(void)
{
	struct tally_ledger_change change = { .set_anchor_interval = true, .anchor_interval_s = 60 };
	struct tally_receipt receipt;
	struct tally_write write;
	char id[TALLY_MEMBER_ID_SIZE + 1];
	struct world w;

	REQUIRE(begin_with(&w, "mem:demand", LEDGER_KV, SIGN_REQUIRED, 1));
	write = owner(&w);
	CHECK_INT(kv_set(&w, "k", "v"), -1);
	CHECK_INT(err.code, TALLY_MISSING);
	CHECK_STR(err.subject, "MemberSignature");
	CHECK_INT(kv_delete(&w, "k"), -1);
	CHECK_INT(journals(&w), 1);
	CHECK_OK(tally_trust_point_set(w.core, &write, id_of(&w), 0, &receipt, &err));
	CHECK_OK(tally_anchor_give(w.core, &write, id_of(&w), 1587515659, TALLY_BYTES_LIT("{}"),
				   &receipt, &err));
	CHECK_OK(add_member(&w, owner(&w), ROLE_WRITER, key_of(KEY_TYPE_ED25519, 0), 4711, id));
	CHECK_OK(tally_ledger_modify(w.core, &write, id_of(&w), &change, &err));
	CHECK_INT(journals(&w), 5);
	CASE("by the role");
	write.caller.account = 4711;
	CHECK_INT(tally_ledger_modify(w.core, &write, id_of(&w), &change, &err), -1);
	CHECK_INT(err.code, TALLY_DENIED);
	end(&w, "mem:demand");
}

static void a_light_client_signs_its_own_message(void)
{
	char ids[1][TALLY_MEMBER_ID_SIZE + 1];
	struct tally_txrequest tx = { .client_token = TALLY_BYTES_LIT("LedgerDB-Client4j-127.0.0.1"),
				      .timestamp_millis = 1587515659345, .nonce = 42,
				      .clues = { TALLY_BYTES_LIT("clue1") }, .clue_count = 1,
				      .sender_count = 1, .payload = TX_CUSTOM,
				      .data = TALLY_BYTES_LIT("hello ledger") };
	struct tally_signature signature = { .type = KEY_TYPE_SECP256K1 };
	struct tally_signing signing = { .signatures = &signature, .count = 1 };
	struct tally_entry entry = { .payload = tx.data, .clues = tx.clues, .clue_count = 1,
				     .signing = &signing };
	struct tally_append_result result;
	struct tally_member_key key;
	struct tally_journal journal;
	struct tally_buf message = { 0 };
	struct tally_write write;
	struct world w;

	REQUIRE(begin(&w, "mem:foreign", LEDGER_JOURNAL));
	key = key_of(KEY_TYPE_SECP256K1, 0);
	CHECK_OK(add_member(&w, owner(&w), ROLE_WRITER, key, 0, ids[0]));
	tx.ledger_id = id_of(&w);
	tx.senders[0].member_id = tally_bytes_str(ids[0]);
	tx.senders[0].public_key = tally_bytes(key.bytes, key.size);
	tally_txrequest_format(&tx, &message);
	signing.message = tally_buf_bytes(&message);
	signature.member_id = tally_bytes_str(ids[0]);
	CHECK_OK(tally_member_sign(KEY_TYPE_SECP256K1, private_keys[0], signing.message,
				   signature.bytes, &err));
	write = owner(&w);
	entry.payload = TALLY_BYTES_LIT("hello Ledger");	/* not what was signed */
	CHECK_INT(tally_append(w.core, &write, id_of(&w), &entry, 1, true, &result, &err), -1);
	CHECK_INT(err.code, TALLY_INVALID);
	CHECK_STR(err.subject, "RequestMessage");
	entry.payload = tx.data;
	entry.clue_count = 0;
	CHECK_INT(tally_append(w.core, &write, id_of(&w), &entry, 1, true, &result, &err), -1);
	entry.clue_count = 1;
	CHECK_OK(tally_append(w.core, &write, id_of(&w), &entry, 1, true, &result, &err));
	CHECK_INT(tally_journal_get(w.core, id_of(&w), result.receipt.journal_id, &w.arena, &journal,
				    &err), 1);
	CHECK_BYTES(journal.client_id, tx.client_token);
	CHECK_BYTES(journal.member_id, tally_bytes_str(ids[0]));
	CHECK(memmem(journal.leaf.data, journal.leaf.size, "evidenceHash", 12) != NULL);
	CHECK_INT(tally_append(w.core, &write, id_of(&w), &entry, 1, true, &result, &err), -1);
	CHECK_INT(err.code, TALLY_REPLAYED);
	signature.bytes[10] ^= 1;
	CHECK_INT(tally_append(w.core, &write, id_of(&w), &entry, 1, true, &result, &err), -1);
	CHECK_INT(err.code, TALLY_DENIED);
	tally_buf_free(&message);
	end(&w, "mem:foreign");
}

int main(void)
{
	TEST(a_state_root_is_about_all_before_it);
	TEST(changes_are_read_by_blocks);
	TEST(clues_are_proved_complete_at_any_time);
	TEST(clues_are_proved_from_memory_too);
	TEST(a_replay_that_fails_is_made_anew);
	TEST(steps_of_another_process);
	TEST(pages_of_a_lineage);
	TEST(older_state_under_an_older_tree);
	TEST(values_are_set_found_and_deleted);
	TEST(keys_come_and_go_in_the_state);
	TEST(members_have_accounts_keys_and_roles);
	TEST(members_sign_in_the_own_form);
	TEST(many_signatures_of_a_batch);
	TEST(a_ledger_has_its_policy);
	TEST(what_is_demanded_to_be_signed);
	TEST(a_light_client_signs_its_own_message);
	return tap_done();
}
