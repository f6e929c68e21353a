/* The wrapper that fails a chosen call (wrap.h). */
#include "config.h"

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>

#include "store.h"
#include "wrap.h"

static const struct tally_driver fail_driver;

struct fail_store {
	struct tally_store base;
	struct tally_store *inner;
	pthread_mutex_t lock;
	uint64_t calls;			/* so far */
	uint64_t fail_at;		/* that call; 0: none */
	enum tally_wrap_fault fault;
};

static struct fail_store *fail_downcast(const struct tally_store *store)
{
	assert(store->driver == &fail_driver);
	return (struct fail_store *)(uintptr_t)store;
}

static struct tally_store *fail_inner(struct tally_store *store)
{
	return fail_downcast(store)->inner;
}

/* Counts this call; true if it is the one to fail. */
static bool fail_now(struct tally_store *store, enum tally_wrap_fault *fault_r)
{
	struct fail_store *fail = fail_downcast(store);
	bool now;

	pthread_mutex_lock(&fail->lock);
	now = ++fail->calls == fail->fail_at;
	*fault_r = fail->fault;
	pthread_mutex_unlock(&fail->lock);
	return now;
}

static int fail_err(const char *method, enum tally_wrap_fault fault, struct tally_err *err)
{
	return tally_err_set(err, fault == TALLY_FAULT_FULL ? TALLY_FULL : TALLY_IO,
			     "%s: made to fail", method);
}

/* For all methods but append: 0 to go on, -1 having failed. */
static int fail_check(struct tally_store *store, const char *method, struct tally_err *err)
{
	enum tally_wrap_fault fault;

	return fail_now(store, &fault) ? fail_err(method, fault, err) : 0;
}

static void fail_close(struct tally_store *store)
{
	struct fail_store *fail = fail_downcast(store);

	tally_store_close(&fail->inner);
	pthread_mutex_destroy(&fail->lock);
	free(fail);
}

static int fail_last(struct tally_store *store, uint64_t space, uint64_t *count_r,
		     struct tally_err *err)
{
	if (fail_check(store, "last", err) < 0)
		return -1;
	return tally_store_last(fail_inner(store), space, count_r, err);
}

static int fail_append(struct tally_store *store, struct tally_block_write *blocks,
		       size_t block_count, struct tally_err *err)
{
	enum tally_wrap_fault fault;
	struct tally_err unheard;

	if (!fail_now(store, &fault))
		return tally_store_append(fail_inner(store), blocks, block_count, err);
	if (fault == TALLY_FAULT_UNCERTAIN_DONE)
		tally_store_append(fail_inner(store), blocks, block_count, &unheard);
	if (fault == TALLY_FAULT_UNCERTAIN_DONE || fault == TALLY_FAULT_UNCERTAIN_LOST)
		tally_err_set(err, TALLY_UNCERTAIN, "append: made to end unknown");
	else
		fail_err("append", fault, err);
	for (size_t i = 0; i < block_count; i++)
		blocks[i].outcome = err->code;
	return -1;
}

static int fail_read(struct tally_store *store, uint64_t space, uint64_t number, uint64_t offset,
		     uint64_t size, struct tally_arena *arena, struct tally_bytes *bytes_r,
		     struct tally_err *err)
{
	if (fail_check(store, "read", err) < 0)
		return -1;
	return tally_store_read(fail_inner(store), space, number, offset, size, arena, bytes_r, err);
}

static int fail_erase(struct tally_store *store, uint64_t space, uint64_t number,
		      const struct tally_range *ranges, size_t range_count, struct tally_err *err)
{
	if (fail_check(store, "erase", err) < 0)
		return -1;
	return tally_store_erase(fail_inner(store), space, number, ranges, range_count, err);
}

static int fail_scrub(struct tally_store *store, struct tally_err *err)
{
	if (fail_check(store, "scrub", err) < 0)
		return -1;
	return tally_store_scrub(fail_inner(store), err);
}

static int fail_drop(struct tally_store *store, uint64_t space, struct tally_err *err)
{
	if (fail_check(store, "drop", err) < 0)
		return -1;
	return tally_store_drop(fail_inner(store), space, err);
}

static int fail_spaces(struct tally_store *store, tally_space_each *each, void *ctx,
		       struct tally_err *err)
{
	if (fail_check(store, "spaces", err) < 0)
		return -1;
	return tally_store_spaces(fail_inner(store), each, ctx, err);
}

static int fail_mark(struct tally_store *store, uint64_t space, struct tally_mark *mark_r,
		     struct tally_err *err)
{
	if (fail_check(store, "mark", err) < 0)
		return -1;
	return tally_store_mark(fail_inner(store), space, mark_r, err);
}

static int fail_apply(struct tally_store *store, uint64_t space, const struct tally_mark *from,
		      const struct tally_mark *to, const struct tally_change *changes,
		      size_t change_count, struct tally_err *err)
{
	if (fail_check(store, "apply", err) < 0)
		return -1;
	return tally_store_apply(fail_inner(store), space, from, to, changes, change_count, err);
}

static int fail_get(struct tally_store *store, uint64_t space, uint32_t table,
		    struct tally_bytes key, struct tally_arena *arena, struct tally_bytes *value_r,
		    struct tally_err *err)
{
	if (fail_check(store, "get", err) < 0)
		return -1;
	return tally_store_get(fail_inner(store), space, table, key, arena, value_r, err);
}

static int fail_scan(struct tally_store *store, uint64_t space, uint32_t table,
		     struct tally_bytes low, struct tally_bytes high, bool backwards,
		     tally_scan_each *each, void *ctx, struct tally_err *err)
{
	if (fail_check(store, "scan", err) < 0)
		return -1;
	return tally_store_scan(fail_inner(store), space, table, low, high, backwards, each, ctx, err);
}

static int fail_reset(struct tally_store *store, uint64_t space, struct tally_err *err)
{
	if (fail_check(store, "reset", err) < 0)
		return -1;
	return tally_store_reset(fail_inner(store), space, err);
}

static int fail_sync_index(struct tally_store *store, struct tally_err *err)
{
	if (fail_check(store, "sync_index", err) < 0)
		return -1;
	return tally_store_sync_index(fail_inner(store), err);
}

static int fail_maintain(struct tally_store *store, struct tally_err *err)
{
	if (fail_check(store, "maintain", err) < 0)
		return -1;
	return tally_store_maintain(fail_inner(store), err);
}

static int fail_backup(struct tally_store *store, const char *directory, struct tally_err *err)
{
	if (fail_check(store, "backup", err) < 0)
		return -1;
	return tally_store_backup(fail_inner(store), directory, err);
}

static int fail_stat(struct tally_store *store, tally_stat_each *each, void *ctx,
		     struct tally_err *err)
{
	if (fail_check(store, "stat", err) < 0)
		return -1;
	return tally_store_stat(fail_inner(store), each, ctx, err);
}

static const struct tally_driver fail_driver = {
	.abi = TALLY_DRIVER_ABI,
	.name = "fail",
	.summary = "fails a chosen call to the store within",

	.close = fail_close,
	.last = fail_last,
	.append = fail_append,
	.read = fail_read,
	.erase = fail_erase,
	.scrub = fail_scrub,
	.drop = fail_drop,
	.spaces = fail_spaces,
	.mark = fail_mark,
	.apply = fail_apply,
	.get = fail_get,
	.scan = fail_scan,
	.reset = fail_reset,
	.sync_index = fail_sync_index,
	.maintain = fail_maintain,
	.backup = fail_backup,
	.stat = fail_stat,
};

struct tally_store *tally_wrap_fail(struct tally_store *inner, uint64_t nth,
				    enum tally_wrap_fault fault)
{
	struct fail_store *outer = tally_calloc(1, sizeof(*outer));

	outer->base.driver = &fail_driver;
	outer->base.caps = inner->caps;
	outer->inner = inner;
	outer->fail_at = nth;
	outer->fault = fault;
	pthread_mutex_init(&outer->lock, NULL);
	return &outer->base;
}

uint64_t tally_wrap_fail_at(struct tally_store *wrapped, uint64_t nth, enum tally_wrap_fault fault)
{
	struct fail_store *fail = fail_downcast(wrapped);
	uint64_t calls;

	pthread_mutex_lock(&fail->lock);
	calls = fail->calls;
	fail->fail_at = nth > 0 ? calls + nth : 0;
	fail->fault = fault;
	pthread_mutex_unlock(&fail->lock);
	return calls;
}
