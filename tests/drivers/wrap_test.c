/*
 * The wrappers, and what the mem driver offers to tests. The rule checker is shown to see each
 * rule broken, by a driver that lies on demand.
 */
#include "config.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "mem.h"
#include "store.h"
#include "tap.h"
#include "wrap.h"

extern const struct tally_driver tally_driver_mem;

static struct tally_store *open_mem(const char *location, bool create)
{
	const struct tally_store_args args = { .location = location, .create = create,
					       .blocks = true, .index = true };
	struct tally_store *store = NULL;
	struct tally_err err;

	CHECK_OK(tally_store_open(&tally_driver_mem, &args, &store, &err));
	return store;
}

static enum tally_code append(struct tally_store *store, uint64_t space, uint64_t number,
			      const char *text)
{
	struct tally_block_write block = { .space = space, .number = number,
					   .data = tally_bytes_str(text) };
	struct tally_err err = { 0 };

	if (tally_store_append(store, &block, 1, &err) == 0)
		return block.outcome;
	if (err.code != TALLY_CORRUPT)		/* else the checker speaks of more than this block */
		CHECK_INT(block.outcome, err.code);
	return err.code;
}

static enum tally_code apply(struct tally_store *store, uint64_t from, uint64_t to)
{
	const struct tally_mark mark_from = { .blocks = from }, mark_to = { .blocks = to };
	const struct tally_change change = { .key = TALLY_BYTES_LIT("k"),
					     .value = TALLY_BYTES_LIT("v") };
	struct tally_err err = { 0 };

	return tally_store_apply(store, 1, &mark_from, &mark_to, &change, 1, &err) < 0 ? err.code
										      : TALLY_OK;
}

static void check_read(struct tally_store *store, uint64_t number, const char *want)
{
	struct tally_arena arena = { 0 };
	struct tally_err err = { 0 };
	struct tally_bytes got;

	CHECK_INT(tally_store_read(store, 1, number, 0, 100, &arena, &got, &err), 1);
	CHECK_BYTES(got, tally_bytes_str(want));
	tally_arena_free(&arena);
}

/* ---- mem as two hosts ---- */

static void hosts_share_blocks_only(void)
{
	struct tally_store *a = open_mem("mem:two", true), *b = open_mem("mem:two", false);
	struct tally_mark mark;
	struct tally_err err;

	REQUIRE(a != NULL && b != NULL);
	CHECK_INT(append(a, 1, 0, "first"), TALLY_OK);
	CHECK_INT(append(b, 1, 0, "other"), TALLY_CONFLICT);
	CHECK_INT(append(b, 1, 1, "second"), TALLY_OK);
	check_read(a, 1, "second");
	CHECK_INT(apply(a, 0, 1), TALLY_OK);
	CHECK_OK(tally_store_mark(b, 1, &mark, &err));
	CHECK_INT(mark.blocks, 0);
	tally_store_close(&a);
	check_read(b, 0, "first");
	tally_store_close(&b);
	a = open_mem("mem:two", false);
	check_read(a, 1, "second");
	tally_store_close(&a);
	tally_mem_forget("two");
	a = open_mem("mem:two", true);
	tally_store_close(&a);
	tally_mem_forget("two");
	tally_mem_forget("two");
}

static void lost_answers(void)
{
	struct tally_store *a = open_mem("mem:", true);

	tally_mem_misbehave(a, TALLY_MEM_UNCERTAIN_DONE, 2);
	CHECK_INT(append(a, 1, 0, "first"), TALLY_UNCERTAIN);
	CHECK_INT(append(a, 1, 1, "second"), TALLY_UNCERTAIN);
	check_read(a, 1, "second");
	CHECK_INT(append(a, 1, 1, "second"), TALLY_CONFLICT);
	tally_mem_misbehave(a, TALLY_MEM_UNCERTAIN_LOST, 1);
	CHECK_INT(append(a, 1, 2, "third"), TALLY_UNCERTAIN);
	CHECK_INT(append(a, 1, 2, "third"), TALLY_OK);
	tally_store_close(&a);
}

struct delayed {
	struct tally_store *store;
	enum tally_code code;
};

static void *append_delayed(void *arg)
{
	struct delayed *delayed = arg;

	delayed->code = append(delayed->store, 1, 0, "slow");
	return NULL;
}

static void delayed_appends(void)
{
	static const struct {
		enum tally_mem_mood mood;
		enum tally_code slow, quick;
		const char *stays;
	} rows[] = {
		{ TALLY_MEM_HELD_BEFORE, TALLY_CONFLICT, TALLY_OK, "quick" },
		{ TALLY_MEM_HELD_AFTER, TALLY_OK, TALLY_CONFLICT, "slow" },
	};

	for (size_t i = 0; i < 2; i++) {
		struct tally_store *a = open_mem("mem:held", true), *b = open_mem("mem:held", false);
		struct delayed delayed = { .store = a };
		pthread_t thread;

		tally_mem_misbehave(a, rows[i].mood, 1);
		REQUIRE(pthread_create(&thread, NULL, append_delayed, &delayed) == 0);
		tally_mem_await_held(a, 1);
		CHECK_INT(append(b, 1, 0, "quick"), rows[i].quick);
		check_read(a, 0, rows[i].stays);	/* readers do not wait for it */
		tally_mem_release(a);
		pthread_join(thread, NULL);
		CHECK_INT(delayed.code, rows[i].slow);
		check_read(b, 0, rows[i].stays);
		tally_store_close(&a);
		tally_store_close(&b);
		tally_mem_forget("held");
	}
}

/* ---- the failing wrapper ---- */

static void the_nth_call_fails(void)
{
	struct tally_store *store = tally_wrap_fail(open_mem("mem:", true), 2, TALLY_FAULT_FULL);
	struct tally_err err;
	uint64_t count;

	CHECK_INT(append(store, 1, 0, "a"), TALLY_OK);
	CHECK_INT(append(store, 1, 1, "b"), TALLY_FULL);
	CHECK_OK(tally_store_last(store, 1, &count, &err));
	CHECK_INT(count, 1);
	CHECK_INT(append(store, 1, 1, "b"), TALLY_OK);
	CHECK_INT(tally_wrap_fail_at(store, 1, TALLY_FAULT_IO), 4);
	CHECK_FAILS(tally_store_last(store, 1, &count, &err), TALLY_IO);
	CHECK_OK(tally_store_last(store, 1, &count, &err));
	tally_wrap_fail_at(store, 1, TALLY_FAULT_UNCERTAIN_DONE);
	CHECK_INT(apply(store, 0, 1), TALLY_IO);	/* UNCERTAIN is for appends only */
	CHECK_INT(apply(store, 0, 1), TALLY_OK);
	tally_store_close(&store);
}

/* ---- the logging wrapper ---- */

static void calls_are_logged(void)
{
	char path[] = "/tmp/tally-wrap-XXXXXX", text[4096];
	struct tally_store *store;
	struct tally_err err;
	uint64_t count;
	ssize_t size;
	int fd = mkstemp(path);

	REQUIRE(fd >= 0);
	CHECK_OK(tally_log_open(TALLY_LOG_DEBUG, path, &err));
	store = tally_wrap_log(open_mem("mem:", true));
	CHECK_INT(append(store, 1, 0, "secret"), TALLY_OK);
	CHECK_INT(append(store, 1, 0, "secret"), TALLY_CONFLICT);
	CHECK_OK(tally_store_last(store, 7, &count, &err));
	tally_store_close(&store);
	CHECK_OK(tally_log_open(TALLY_LOG_INFO, NULL, &err));
	size = read(fd, text, sizeof(text) - 1);
	REQUIRE(size > 0);
	text[size] = '\0';
	CHECK(strstr(text, "method=append") != NULL);
	CHECK(strstr(text, "outcome=conflict") != NULL);
	CHECK(strstr(text, "space 7") != NULL);
	CHECK(strstr(text, "method=close") != NULL);
	CHECK(strstr(text, "secret") == NULL);
	close(fd);
	unlink(path);
}

/* ---- the rule checker ---- */

/* A mem store whose next answer may be a lie. */
enum lie {
	HONEST, LAST_SHRINKS, ACK_TWICE, READ_OTHER, READ_MISSING, READ_OTHER_SLICE, ERASE_MORE,
	MARK_MOVES, APPLY_ANY, APPLY_NONE, SCAN_ORDER, SCAN_RANGE, DROP_BACK, OUTCOME_DIFFERS, LIES
};

struct liar {
	struct tally_store base;
	struct tally_store *inner;
	enum lie lie;
};

static struct tally_driver liar_driver;

static struct liar *liar_of(struct tally_store *store)
{
	return (struct liar *)store;
}

static void liar_close(struct tally_store *store)
{
	tally_store_close(&liar_of(store)->inner);
	free(store);
}

static int liar_last(struct tally_store *store, uint64_t space, uint64_t *count_r,
		     struct tally_err *err)
{
	struct liar *liar = liar_of(store);
	int ret = tally_store_last(liar->inner, space, count_r, err);

	if (liar->lie == LAST_SHRINKS)
		--*count_r;
	if (liar->lie == DROP_BACK)
		return 0;
	return ret;
}

static int liar_append(struct tally_store *store, struct tally_block_write *blocks,
		       size_t block_count, struct tally_err *err)
{
	struct liar *liar = liar_of(store);
	int ret = tally_store_append(liar->inner, blocks, block_count, err);

	if (liar->lie == OUTCOME_DIFFERS)
		return 0;
	if (liar->lie != ACK_TWICE)
		return ret;
	blocks[0].outcome = TALLY_OK;
	return 0;
}

static int liar_read(struct tally_store *store, uint64_t space, uint64_t number, uint64_t offset,
		     uint64_t size, struct tally_arena *arena, struct tally_bytes *bytes_r,
		     struct tally_err *err)
{
	struct liar *liar = liar_of(store);
	int ret = tally_store_read(liar->inner, space, number, offset, size, arena, bytes_r, err);

	if (liar->lie == READ_MISSING)
		return 0;
	if (liar->lie == READ_OTHER || (liar->lie == READ_OTHER_SLICE && offset > 0)) {
		*bytes_r = tally_arena_bytes(arena, *bytes_r);
		((uint8_t *)(uintptr_t)bytes_r->data)[0] ^= 1;
	}
	return ret;
}

static int liar_erase(struct tally_store *store, uint64_t space, uint64_t number,
		      const struct tally_range *ranges, size_t range_count, struct tally_err *err)
{
	struct tally_range more = { ranges[0].offset, ranges[0].size + 1 };
	struct liar *liar = liar_of(store);

	(void)range_count;
	if (liar->lie != ERASE_MORE)
		more.size--;
	return tally_store_erase(liar->inner, space, number, &more, 1, err);
}

static int liar_drop(struct tally_store *store, uint64_t space, struct tally_err *err)
{
	return tally_store_drop(liar_of(store)->inner, space, err);
}

static int liar_mark(struct tally_store *store, uint64_t space, struct tally_mark *mark_r,
		     struct tally_err *err)
{
	struct liar *liar = liar_of(store);
	int ret = tally_store_mark(liar->inner, space, mark_r, err);

	if (liar->lie == MARK_MOVES)
		mark_r->blocks++;
	return ret;
}

static int liar_apply(struct tally_store *store, uint64_t space, const struct tally_mark *from,
		      const struct tally_mark *to, const struct tally_change *changes,
		      size_t change_count, struct tally_err *err)
{
	struct liar *liar = liar_of(store);

	if (liar->lie == APPLY_ANY)
		return 0;
	if (liar->lie == APPLY_NONE)
		return tally_err_set(err, TALLY_CONFLICT, "a lie");
	return tally_store_apply(liar->inner, space, from, to, changes, change_count, err);
}

static int liar_scan(struct tally_store *store, uint64_t space, uint32_t table,
		     struct tally_bytes low, struct tally_bytes high, bool backwards,
		     tally_scan_each *each, void *ctx, struct tally_err *err)
{
	struct liar *liar = liar_of(store);

	if (liar->lie == SCAN_RANGE)
		low = TALLY_BYTES_NONE;
	if (liar->lie == SCAN_ORDER)
		backwards = !backwards;
	return tally_store_scan(liar->inner, space, table, low, high, backwards, each, ctx, err);
}

static struct tally_store *liar_new(struct liar **liar_r)
{
	struct liar *liar = tally_calloc(1, sizeof(*liar));

	liar_driver = (struct tally_driver){
		.abi = TALLY_DRIVER_ABI, .name = "liar", .summary = "lies on demand",
		.close = liar_close, .last = liar_last, .append = liar_append, .read = liar_read,
		.erase = liar_erase, .drop = liar_drop, .mark = liar_mark, .apply = liar_apply,
		.scan = liar_scan,
	};
	liar->base.driver = &liar_driver;
	liar->inner = open_mem("mem:", true);
	liar->base.caps = liar->inner->caps;
	*liar_r = liar;
	return &liar->base;
}

static int any_pair(void *ctx, struct tally_bytes key, struct tally_bytes value)
{
	(void)ctx;
	(void)key;
	(void)value;
	return 0;
}

/* All that can be asked of the store below; the number of calls that failed for a broken rule. */
static unsigned int ask_everything(struct tally_store *store)
{
	const struct tally_range range = { 2, 1 };
	struct tally_arena arena = { 0 };
	struct tally_bytes got;
	struct tally_err err = { 0 };
	struct tally_mark mark;
	uint64_t count;
	unsigned int broken = 0;

#define ASK(call) do { \
	if ((call) < 0 && err.code == TALLY_CORRUPT && strncmp(err.text, "rule: ", 6) == 0) \
		broken++; } while (0)
	ASK(tally_store_last(store, 1, &count, &err));
	broken += append(store, 1, 0, "again") == TALLY_CORRUPT;
	ASK(tally_store_read(store, 1, 0, 0, 100, &arena, &got, &err));
	ASK(tally_store_read(store, 1, 1, 2, 2, &arena, &got, &err));
	ASK(tally_store_erase(store, 1, 0, &range, 1, &err));
	ASK(tally_store_mark(store, 1, &mark, &err));
	broken += apply(store, 9, 10) == TALLY_CORRUPT;
	broken += apply(store, 2, 3) == TALLY_CORRUPT;
	ASK(tally_store_scan(store, 1, 0, TALLY_BYTES_LIT("b"), TALLY_BYTES_NONE, false, any_pair,
			     NULL, &err));
	ASK(tally_store_drop(store, 2, &err));
	ASK(tally_store_last(store, 2, &count, &err));
#undef ASK
	tally_arena_free(&arena);
	return broken;
}

static void each_broken_rule_is_seen(void)
{
	static const struct tally_mark none, one = { .blocks = 2 };
	const struct tally_change changes[] = {
		{ .key = TALLY_BYTES_LIT("a"), .value = TALLY_BYTES_LIT("1") },
		{ .key = TALLY_BYTES_LIT("b"), .value = TALLY_BYTES_LIT("2") },
		{ .key = TALLY_BYTES_LIT("c"), .value = TALLY_BYTES_LIT("3") },
	};
	struct tally_err err;

	for (int lie = HONEST; lie < LIES; lie++) {
		struct liar *liar;
		struct tally_store *store = tally_wrap_rules(liar_new(&liar));
		unsigned int broken;

		CASE("lie %d", lie);
		CHECK_INT(append(store, 1, 0, "block zero"), TALLY_OK);
		CHECK_INT(append(store, 1, 1, "block one"), TALLY_OK);
		CHECK_INT(append(store, 2, 0, "other"), TALLY_OK);
		CHECK_OK(tally_store_apply(store, 1, &none, &one, changes, 3, &err));
		CHECK_INT(tally_wrap_rules_broken(store), 0);
		liar->lie = (enum lie)lie;
		broken = ask_everything(store);
		if (lie == HONEST)
			CHECK_INT(broken, 0);
		else
			CHECK(broken > 0);
		CHECK((tally_wrap_rules_broken(store) > 0) == (lie != HONEST));
		tally_store_close(&store);
	}
}

/* An append that failed, or ended unknown, breaks no rule whatever came of it. */
static void unknown_ends_break_no_rule(void)
{
	struct tally_store *fail = tally_wrap_fail(open_mem("mem:", true), 0, TALLY_FAULT_IO);
	struct tally_store *store = tally_wrap_rules(fail);

	CHECK_INT(append(store, 1, 0, "a"), TALLY_OK);
	tally_wrap_fail_at(fail, 1, TALLY_FAULT_UNCERTAIN_DONE);
	CHECK_INT(append(store, 1, 1, "b"), TALLY_UNCERTAIN);
	CHECK_INT(append(store, 1, 1, "b"), TALLY_CONFLICT);
	tally_wrap_fail_at(fail, 1, TALLY_FAULT_UNCERTAIN_LOST);
	CHECK_INT(append(store, 1, 2, "c"), TALLY_UNCERTAIN);
	CHECK_INT(append(store, 1, 2, "d"), TALLY_OK);
	check_read(store, 2, "d");
	CHECK_INT(apply(store, 0, 1), TALLY_OK);
	tally_wrap_fail_at(fail, 1, TALLY_FAULT_IO);
	CHECK_INT(apply(store, 1, 2), TALLY_IO);
	CHECK_INT(apply(store, 1, 2), TALLY_OK);
	CHECK_INT(tally_wrap_rules_broken(store), 0);
	tally_store_close(&store);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	TEST(hosts_share_blocks_only);
	TEST(lost_answers);
	TEST(delayed_appends);
	TEST(the_nth_call_fails);
	TEST(calls_are_logged);
	TEST(each_broken_rule_is_seen);
	TEST(unknown_ends_break_no_rule);
	return tap_done();
}
