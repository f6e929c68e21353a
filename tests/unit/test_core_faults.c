/*
 * The core with a store that fails: one body of work is run with call 1 of the driver failing,
 * then call 2, and so on until it passes untouched. After each run the store is opened without the
 * fault and audited: what was acknowledged is there exactly once and whole, nothing half, and the
 * index agrees with the blocks.
 */
#include "core.h"

#include <stdlib.h>

#include "conf.h"
#include "mem.h"
#include "store.h"
#include "tap.h"
#include "wrap.h"

#define STORE "mem:faults"
enum { STEPS = 6 };

static struct tally_err err;

/* What the body was told. */
struct told {
	bool made;			/* the store */
	bool created;			/* the ledger */
	struct tally_first_key first;
	struct tally_ledger_created ledger;
	bool acked[STEPS];
	uint64_t id[STEPS];
	struct tally_hash hash[STEPS];
};

static struct tally_store *mem_open(struct tally_conf *conf, bool create)
{
	struct tally_store_args args = { .location = STORE, .conf = conf, .create = create,
					 .blocks = true, .index = true };
	const struct tally_driver *driver;
	struct tally_store *store = NULL;

	if (tally_driver_find("mem", NULL, &driver, &err) != 0 ||
	    tally_store_open(driver, &args, &store, &err) != 0)
		return NULL;
	return store;
}

static int append_step(struct tally_core *core, struct told *told, int step)
{
	struct tally_write write = { .caller = { .account = told->first.account } };
	struct tally_append_result result;
	struct tally_entry entry = { 0 };
	char text[32], token[32];

	snprintf(text, sizeof(text), "step %d", step);
	snprintf(token, sizeof(token), "token-%d", step);
	entry.payload = tally_bytes_str(text);
	write.token = tally_bytes_str(token);
	if (tally_append(core, &write, tally_bytes_str(told->ledger.ledger_id), &entry, 1, true,
			 &result, &err) != 0)
		return -1;
	told->acked[step] = true;
	told->id[step] = result.receipt.journal_id;
	told->hash[step] = result.receipt.journal_hash;
	return 0;
}

/* The body. Failing is fine; saying that something was done when it was not is not. */
static void body(struct tally_core *core, struct told *told)
{
	struct tally_ledger_create create = { .name = TALLY_BYTES_LIT("faulty") };
	struct tally_write write = { .caller = { .account = told->first.account },
				     .token = TALLY_BYTES_LIT("create") };

	if (tally_ledger_create(core, &write, &create, &told->ledger, &err) != 0)
		return;
	told->created = true;
	for (int step = 0; step < STEPS; step++) {
		append_step(core, told, step);
		if (step % 2 == 1)
			(void)tally_core_maintain(core, &err);
	}
}

/* One run with call nth failing; the number of calls there were, 0 when it was not reached. */
static bool run(struct tally_conf *conf, uint64_t nth, enum tally_wrap_fault fault, struct told *told)
{
	struct tally_core_options options = { .short_lived = true };
	struct tally_store *store = mem_open(conf, true);
	struct tally_core *core;
	uint64_t calls;

	options.conf = conf;
	memset(told, 0, sizeof(*told));
	if (store == NULL) {
		FAIL("open: %s", err.text);
		return false;
	}
	store = tally_wrap_fail(store, 0, fault);
	if (tally_core_open_on(&options, store, store, &told->first, &core, &err) != 0) {
		FAIL("init: %s", err.text);
		return false;
	}
	told->made = true;
	tally_wrap_fail_at(store, nth, fault);
	body(core, told);
	calls = tally_wrap_fail_at(store, 0, fault);
	tally_core_close(&core);
	return calls >= nth;
}

static int count_space(void *ctx, uint64_t space, const char *ledger_id, uint64_t blocks)
{
	(void)ledger_id;
	(void)blocks;
	*(size_t *)ctx += space != 0;
	return 0;
}

/* After maintain every ledger that has a genesis block is listed. */
static void check_catalogue(struct tally_core *core)
{
	struct tally_caller local = { .local = true };
	struct tally_ledger_info *infos;
	struct tally_arena arena;
	size_t ledgers = 0, listed = 0;
	bool more;

	tally_arena_init(&arena);
	CHECK_OK(tally_core_maintain(core, &err));
	CHECK_OK(tally_core_spaces(core, count_space, &ledgers, &err));
	CHECK_OK(tally_ledger_list(core, &local, TALLY_BYTES_NONE, 100, &arena, &infos, &listed,
				   &more, &err));
	CHECK_INT(listed, ledgers);
	tally_arena_free(&arena);
}

static void audit(struct tally_conf *conf, struct told *told)
{
	struct tally_core_options options = { .short_lived = true };
	struct tally_bytes ledger = tally_bytes_str(told->ledger.ledger_id);
	struct tally_store *store = mem_open(conf, false);
	struct tally_ledger_info info;
	struct tally_journal journal;
	struct tally_arena arena;
	struct tally_core *core;
	struct told again = *told;

	options.conf = conf;
	tally_arena_init(&arena);
	REQUIRE(store != NULL);
	CHECK_OK(tally_core_open_on(&options, store, store, NULL, &core, &err));
	CHECK_OK(tally_core_check(core, TALLY_BYTES_NONE, NULL, NULL, &err));
	check_catalogue(core);
	if (!told->created) {
		tally_core_close(&core);
		tally_arena_free(&arena);
		return;
	}
	for (int step = 0; step < STEPS; step++) {
		if (!told->acked[step])
			continue;
		CHECK_INT(tally_journal_get(core, ledger, told->id[step], &arena, &journal, &err),
			  1);
		CHECK_MEM(journal.hash.bytes, told->hash[step].bytes, 32);
	}
	/* Asking for everything again changes only what was not done. */
	for (int step = 0; step < STEPS; step++)
		CHECK_OK(append_step(core, &again, step));
	for (int step = 0; step < STEPS; step++)
		if (told->acked[step])
			CHECK_INT(again.id[step], told->id[step]);
	CHECK_INT(tally_ledger_describe(core, ledger, &arena, &info, &err), 1);
	CHECK_INT(info.journal_count, 1 + STEPS);
	tally_core_close(&core);
	tally_arena_free(&arena);
}

static void sweep(enum tally_wrap_fault fault)
{
	struct tally_conf *conf = tally_conf_new();
	struct told told;
	bool reached = true;

	tally_conf_override(conf, "ledger", "state_journals", "0");	/* journals are counted */
	for (uint64_t nth = 1; reached && !tap.bad; nth++) {
		CASE("fault %d at call %" PRIu64, fault, nth);
		reached = run(conf, nth, fault, &told);
		audit(conf, &told);
		tally_mem_forget(strchr(STORE, ':') + 1);
		if (!reached) {
			for (int step = 0; step < STEPS; step++)
				CHECK(told.acked[step]);
			CHECK(nth > 30);	/* the body makes that many calls at least */
		}
	}
	tally_conf_free(&conf);
}

static void every_call_may_fail_with_io(void)
{
	sweep(TALLY_FAULT_IO);
}

static void every_call_may_fail_for_want_of_space(void)
{
	sweep(TALLY_FAULT_FULL);
}

static void every_append_may_be_done_without_an_answer(void)
{
	sweep(TALLY_FAULT_UNCERTAIN_DONE);
}

static void every_append_may_be_lost_without_an_answer(void)
{
	sweep(TALLY_FAULT_UNCERTAIN_LOST);
}

int main(void)
{
	TEST(every_call_may_fail_with_io);
	TEST(every_call_may_fail_for_want_of_space);
	TEST(every_append_may_be_done_without_an_answer);
	TEST(every_append_may_be_lost_without_an_answer);
	return tap_done();
}
