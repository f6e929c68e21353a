/*
 * The wrapper that logs every call (wrap.h). Like the other wrappers it passes calls on through
 * store.h, so optional methods may be missing below.
 */
#include "config.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "store.h"
#include "wrap.h"

static const struct tally_driver log_driver;

struct log_store {
	struct tally_store base;
	struct tally_store *inner;
};

static struct tally_store *log_inner(struct tally_store *store)
{
	assert(store->driver == &log_driver);
	return ((struct log_store *)store)->inner;
}

/* One call under way: where, on what, since when. */
struct log_call {
	const char *method;
	uint64_t start_ns;
	char what[160];
};

static struct log_call __attribute__((format(printf, 2, 3)))
log_begin(const char *method, const char *format, ...)
{
	struct log_call call = { .method = method, .start_ns = tally_mono_ns() };
	va_list args;

	va_start(args, format);
	vsnprintf(call.what, sizeof(call.what), format, args);
	va_end(args);
	return call;
}

static int log_end(const struct log_call *call, int ret, const struct tally_err *err)
{
	char us[24];

	snprintf(us, sizeof(us), "%" PRIu64, (tally_mono_ns() - call->start_ns) / 1000);
	if (ret < 0)
		tally_log(TALLY_LOG_DEBUG, "store.call", "method", call->method, "what", call->what,
			  "outcome", tally_code_name(err->code), "us", us, "error", err->text, NULL);
	else
		tally_log(TALLY_LOG_DEBUG, "store.call", "method", call->method, "what", call->what,
			  "outcome", ret == 0 ? "0" : "1", "us", us, NULL);
	return ret;
}

static void log_close(struct tally_store *store)
{
	struct tally_store *inner = log_inner(store);
	struct log_call call = log_begin("close", "%s", inner->driver->name);

	tally_store_close(&inner);
	log_end(&call, 0, NULL);
	free(store);
}

static int log_last(struct tally_store *store, uint64_t space, uint64_t *count_r,
		    struct tally_err *err)
{
	struct log_call call = log_begin("last", "space %" PRIu64, space);

	return log_end(&call, tally_store_last(log_inner(store), space, count_r, err), err);
}

static int log_append(struct tally_store *store, struct tally_block_write *blocks,
		      size_t block_count, struct tally_err *err)
{
	struct log_call call;
	uint64_t bytes = 0;

	for (size_t i = 0; i < block_count; i++)
		bytes += blocks[i].data.size;
	call = log_begin("append", "%zu blocks, first space %" PRIu64 " number %" PRIu64 ", %" PRIu64
			 " bytes", block_count, blocks[0].space, blocks[0].number, bytes);
	return log_end(&call, tally_store_append(log_inner(store), blocks, block_count, err), err);
}

static int log_read(struct tally_store *store, uint64_t space, uint64_t number, uint64_t offset,
		    uint64_t size, struct tally_arena *arena, struct tally_bytes *bytes_r,
		    struct tally_err *err)
{
	struct log_call call = log_begin("read", "space %" PRIu64 " block %" PRIu64 " bytes %" PRIu64
					 "+%" PRIu64, space, number, offset, size);

	return log_end(&call, tally_store_read(log_inner(store), space, number, offset, size, arena,
					       bytes_r, err), err);
}

static int log_erase(struct tally_store *store, uint64_t space, uint64_t number,
		     const struct tally_range *ranges, size_t range_count, struct tally_err *err)
{
	struct log_call call = log_begin("erase", "space %" PRIu64 " block %" PRIu64 ", %zu ranges",
					 space, number, range_count);

	return log_end(&call, tally_store_erase(log_inner(store), space, number, ranges, range_count,
						err), err);
}

static int log_scrub(struct tally_store *store, struct tally_err *err)
{
	struct log_call call = log_begin("scrub", "all");

	return log_end(&call, tally_store_scrub(log_inner(store), err), err);
}

static int log_drop(struct tally_store *store, uint64_t space, struct tally_err *err)
{
	struct log_call call = log_begin("drop", "space %" PRIu64, space);

	return log_end(&call, tally_store_drop(log_inner(store), space, err), err);
}

static int log_spaces(struct tally_store *store, tally_space_each *each, void *ctx,
		      struct tally_err *err)
{
	struct log_call call = log_begin("spaces", "all");

	return log_end(&call, tally_store_spaces(log_inner(store), each, ctx, err), err);
}

static int log_mark(struct tally_store *store, uint64_t space, struct tally_mark *mark_r,
		    struct tally_err *err)
{
	struct log_call call = log_begin("mark", "space %" PRIu64, space);

	return log_end(&call, tally_store_mark(log_inner(store), space, mark_r, err), err);
}

static int log_apply(struct tally_store *store, uint64_t space, const struct tally_mark *from,
		     const struct tally_mark *to, const struct tally_change *changes,
		     size_t change_count, struct tally_err *err)
{
	struct log_call call;
	uint64_t bytes = 0;

	for (size_t i = 0; i < change_count; i++)
		bytes += changes[i].key.size + (changes[i].remove ? 0 : changes[i].value.size);
	call = log_begin("apply", "space %" PRIu64 " from %" PRIu64 " to %" PRIu64 ", %zu changes, %"
			 PRIu64 " bytes", space, from->blocks, to->blocks, change_count, bytes);
	return log_end(&call, tally_store_apply(log_inner(store), space, from, to, changes,
						change_count, err), err);
}

static int log_get(struct tally_store *store, uint64_t space, uint32_t table,
		   struct tally_bytes key, struct tally_arena *arena, struct tally_bytes *value_r,
		   struct tally_err *err)
{
	struct log_call call = log_begin("get", "space %" PRIu64 " table %" PRIu32 ", key of %zu bytes",
					 space, table, key.size);

	return log_end(&call, tally_store_get(log_inner(store), space, table, key, arena, value_r,
					      err), err);
}

static int log_scan(struct tally_store *store, uint64_t space, uint32_t table,
		    struct tally_bytes low, struct tally_bytes high, bool backwards,
		    tally_scan_each *each, void *ctx, struct tally_err *err)
{
	struct log_call call = log_begin("scan", "space %" PRIu64 " table %" PRIu32 " %s", space,
					 table, backwards ? "backwards" : "forwards");

	return log_end(&call, tally_store_scan(log_inner(store), space, table, low, high, backwards,
					       each, ctx, err), err);
}

static int log_reset(struct tally_store *store, uint64_t space, struct tally_err *err)
{
	struct log_call call = log_begin("reset", "space %" PRIu64, space);

	return log_end(&call, tally_store_reset(log_inner(store), space, err), err);
}

static int log_sync_index(struct tally_store *store, struct tally_err *err)
{
	struct log_call call = log_begin("sync_index", "all");

	return log_end(&call, tally_store_sync_index(log_inner(store), err), err);
}

static int log_maintain(struct tally_store *store, struct tally_err *err)
{
	struct log_call call = log_begin("maintain", "all");

	return log_end(&call, tally_store_maintain(log_inner(store), err), err);
}

static int log_backup(struct tally_store *store, const char *directory, struct tally_err *err)
{
	struct log_call call = log_begin("backup", "to %s", directory);

	return log_end(&call, tally_store_backup(log_inner(store), directory, err), err);
}

static int log_stat(struct tally_store *store, tally_stat_each *each, void *ctx,
		    struct tally_err *err)
{
	struct log_call call = log_begin("stat", "all");

	return log_end(&call, tally_store_stat(log_inner(store), each, ctx, err), err);
}

static const struct tally_driver log_driver = {
	.abi = TALLY_DRIVER_ABI,
	.name = "log",
	.summary = "logs each call to the store within",

	.close = log_close,
	.last = log_last,
	.append = log_append,
	.read = log_read,
	.erase = log_erase,
	.scrub = log_scrub,
	.drop = log_drop,
	.spaces = log_spaces,
	.mark = log_mark,
	.apply = log_apply,
	.get = log_get,
	.scan = log_scan,
	.reset = log_reset,
	.sync_index = log_sync_index,
	.maintain = log_maintain,
	.backup = log_backup,
	.stat = log_stat,
};

struct tally_store *tally_wrap_log(struct tally_store *inner)
{
	struct log_store *outer = tally_calloc(1, sizeof(*outer));

	outer->base.driver = &log_driver;
	outer->base.caps = inner->caps;
	outer->inner = inner;
	return &outer->base;
}
