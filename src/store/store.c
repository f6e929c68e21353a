/*
 * One checked function per method of the driver interface: arguments, capabilities and the order
 * of changes are looked at here, once for all drivers; then comes one call down. What a method
 * promises stands in driver.h.
 */
#include "config.h"

#include <inttypes.h>

#include "store.h"

static int store_need(const struct tally_store *store, uint32_t cap, const char *what,
		      struct tally_err *err)
{
	if (store->caps & cap)
		return 0;
	return tally_err_set(err, TALLY_UNSUPPORTED, "%s: this %s store was opened without %s",
			     what, store->driver->name,
			     cap == TALLY_CAP_BLOCKS ? "blocks" : "index tables");
}

int tally_store_open(const struct tally_driver *driver, const struct tally_store_args *args,
		     struct tally_store **store_r, struct tally_err *err)
{
	uint32_t unwanted = 0;

	*store_r = NULL;
	if (driver->abi != TALLY_DRIVER_ABI)
		return tally_err_set(err, TALLY_UNSUPPORTED,
				     "driver %s was built for driver interface %u, this program has %u",
				     driver->name, driver->abi, (unsigned int)TALLY_DRIVER_ABI);
	if (args->location == NULL || args->location[0] == '\0')
		return tally_err_set(err, TALLY_INVALID, "driver %s: no location of a store given",
				     driver->name);
	if (!args->blocks && !args->index)
		return tally_err_set(err, TALLY_INVALID, "%s: neither blocks nor index tables wanted",
				     args->location);
	if (args->blocks && !(driver->caps & TALLY_CAP_BLOCKS))
		return tally_err_set(err, TALLY_UNSUPPORTED, "driver %s keeps no blocks", driver->name);
	if (args->index && !(driver->caps & TALLY_CAP_INDEX))
		return tally_err_set(err, TALLY_UNSUPPORTED, "driver %s keeps no index tables",
				     driver->name);
	if (driver->open(args, store_r, err) < 0) {
		*store_r = NULL;
		return -1;
	}
	if (!args->blocks)
		unwanted |= TALLY_CAP_BLOCKS;
	if (!args->index)
		unwanted |= TALLY_CAP_INDEX;
	/* A driver may promise less of this one store than of stores in general. */
	if ((*store_r)->caps == 0)
		(*store_r)->caps = driver->caps;
	(*store_r)->caps &= ~unwanted;
	(*store_r)->driver = driver;
	return 0;
}

void tally_store_close(struct tally_store **store)
{
	if (*store == NULL)
		return;
	(*store)->driver->close(*store);
	*store = NULL;
}

/* ---- blocks ---- */

int tally_store_last(struct tally_store *store, uint64_t space, uint64_t *count_r,
		     struct tally_err *err)
{
	*count_r = 0;
	if (store_need(store, TALLY_CAP_BLOCKS, "last", err) < 0)
		return -1;
	return store->driver->last(store, space, count_r, err);
}

static bool spaces_ascend(const struct tally_block_write *blocks, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		if (blocks[i - 1].space >= blocks[i].space)
			return false;
	}
	return true;
}

/* Callers mostly come sorted; only those that do not pay for comparing each with each. */
static bool space_twice(const struct tally_block_write *blocks, size_t count, uint64_t *space_r)
{
	if (spaces_ascend(blocks, count))
		return false;
	for (size_t i = 1; i < count; i++) {
		for (size_t j = 0; j < i; j++) {
			if (blocks[j].space == blocks[i].space) {
				*space_r = blocks[i].space;
				return true;
			}
		}
	}
	return false;
}

static int append_check(const struct tally_block_write *blocks, size_t count,
			struct tally_err *err)
{
	uint64_t space;

	for (size_t i = 0; i < count; i++) {
		if (blocks[i].data.size < 1 || blocks[i].data.size > TALLY_BLOCK_MAX)
			return tally_err_set(err, TALLY_INVALID,
					     "append of space %" PRIu64 " block %" PRIu64
					     ": %zu bytes, must be 1 to %u", blocks[i].space,
					     blocks[i].number, blocks[i].data.size, TALLY_BLOCK_MAX);
	}
	if (space_twice(blocks, count, &space))
		return tally_err_set(err, TALLY_INVALID,
				     "append: space %" PRIu64 " stands twice in one call", space);
	return 0;
}

static void set_outcomes(struct tally_block_write *blocks, size_t count, enum tally_code outcome)
{
	for (size_t i = 0; i < count; i++)
		blocks[i].outcome = outcome;
}

int tally_store_append(struct tally_store *store, struct tally_block_write *blocks,
		       size_t block_count, struct tally_err *err)
{
	if (store_need(store, TALLY_CAP_BLOCKS, "append", err) < 0) {
		set_outcomes(blocks, block_count, TALLY_UNSUPPORTED);
		return -1;
	}
	if (append_check(blocks, block_count, err) < 0) {
		set_outcomes(blocks, block_count, TALLY_INVALID);
		return -1;
	}
	if (block_count == 0)
		return 0;
	/* An outcome that a driver forgets to tell must not look like success. */
	set_outcomes(blocks, block_count, TALLY_UNCERTAIN);
	return store->driver->append(store, blocks, block_count, err);
}

int tally_store_read(struct tally_store *store, uint64_t space, uint64_t number, uint64_t offset,
		     uint64_t size, struct tally_arena *arena, struct tally_bytes *bytes_r,
		     struct tally_err *err)
{
	*bytes_r = TALLY_BYTES_NONE;
	if (store_need(store, TALLY_CAP_BLOCKS, "read", err) < 0)
		return -1;
	/* No block reaches beyond the limit, so drivers need not fear that offset + size wraps. */
	if (offset > TALLY_BLOCK_MAX)
		offset = TALLY_BLOCK_MAX;
	if (size > TALLY_BLOCK_MAX - offset)
		size = TALLY_BLOCK_MAX - offset;
	return store->driver->read(store, space, number, offset, size, arena, bytes_r, err);
}

int tally_store_erase(struct tally_store *store, uint64_t space, uint64_t number,
		      const struct tally_range *ranges, size_t range_count, struct tally_err *err)
{
	if (store_need(store, TALLY_CAP_BLOCKS, "erase", err) < 0)
		return -1;
	for (size_t i = 0; i < range_count; i++) {
		if (ranges[i].offset > TALLY_BLOCK_MAX ||
		    ranges[i].size > TALLY_BLOCK_MAX - ranges[i].offset)
			return tally_err_set(err, TALLY_INVALID,
					     "erase of space %" PRIu64 " block %" PRIu64
					     ": range %" PRIu64 "+%" PRIu64 " is beyond any block",
					     space, number, ranges[i].offset, ranges[i].size);
	}
	return store->driver->erase(store, space, number, ranges, range_count, err);
}

int tally_store_scrub(struct tally_store *store, struct tally_err *err)
{
	return store->driver->scrub(store, err);
}

int tally_store_drop(struct tally_store *store, uint64_t space, struct tally_err *err)
{
	return store->driver->drop(store, space, err);
}

int tally_store_spaces(struct tally_store *store, tally_space_each *each, void *ctx,
		       struct tally_err *err)
{
	return store->driver->spaces(store, each, ctx, err);
}

/* ---- index tables ---- */

int tally_store_mark(struct tally_store *store, uint64_t space, struct tally_mark *mark_r,
		     struct tally_err *err)
{
	memset(mark_r, 0, sizeof(*mark_r));
	if (store_need(store, TALLY_CAP_INDEX, "mark", err) < 0)
		return -1;
	return store->driver->mark(store, space, mark_r, err);
}

static int key_check(const char *what, uint32_t table, struct tally_bytes key,
		     struct tally_err *err)
{
	if (table >= TALLY_TABLE_MAX)
		return tally_err_set(err, TALLY_INVALID, "%s: table %" PRIu32 " is not below %d",
				     what, table, TALLY_TABLE_MAX);
	if (key.size < 1 || key.size > TALLY_KEY_MAX)
		return tally_err_set(err, TALLY_INVALID,
				     "%s: table %" PRIu32 ": a key of %zu bytes, must be 1 to %d",
				     what, table, key.size, TALLY_KEY_MAX);
	return 0;
}

static int change_compare(const struct tally_change *a, const struct tally_change *b)
{
	if (a->table != b->table)
		return a->table < b->table ? -1 : 1;
	return tally_bytes_compare(a->key, b->key);
}

static int changes_check(const struct tally_change *changes, size_t count, struct tally_err *err)
{
	for (size_t i = 0; i < count; i++) {
		if (key_check("apply", changes[i].table, changes[i].key, err) < 0)
			return -1;
		if (!changes[i].remove && changes[i].value.size > TALLY_VALUE_MAX)
			return tally_err_set(err, TALLY_INVALID,
					     "apply: table %" PRIu32 ": a value of %zu bytes, "
					     "must be at most %u", changes[i].table,
					     changes[i].value.size, TALLY_VALUE_MAX);
		if (i > 0 && change_compare(&changes[i - 1], &changes[i]) >= 0)
			return tally_err_set(err, TALLY_INVALID,
					     "apply: change %zu is not behind the one before it", i);
	}
	return 0;
}

int tally_store_apply(struct tally_store *store, uint64_t space, const struct tally_mark *from,
		      const struct tally_mark *to, const struct tally_change *changes,
		      size_t change_count, struct tally_err *err)
{
	if (store_need(store, TALLY_CAP_INDEX, "apply", err) < 0 ||
	    changes_check(changes, change_count, err) < 0)
		return -1;
	if (to->blocks < from->blocks)
		return tally_err_set(err, TALLY_INVALID,
				     "apply of space %" PRIu64 ": a mark cannot go back from %" PRIu64
				     " to %" PRIu64 " blocks", space, from->blocks, to->blocks);
	return store->driver->apply(store, space, from, to, changes, change_count, err);
}

int tally_store_get(struct tally_store *store, uint64_t space, uint32_t table,
		    struct tally_bytes key, struct tally_arena *arena,
		    struct tally_bytes *value_r, struct tally_err *err)
{
	*value_r = TALLY_BYTES_NONE;
	if (store_need(store, TALLY_CAP_INDEX, "get", err) < 0 ||
	    key_check("get", table, key, err) < 0)
		return -1;
	return store->driver->get(store, space, table, key, arena, value_r, err);
}

int tally_store_scan(struct tally_store *store, uint64_t space, uint32_t table,
		     struct tally_bytes low, struct tally_bytes high, bool backwards,
		     tally_scan_each *each, void *ctx, struct tally_err *err)
{
	if (store_need(store, TALLY_CAP_INDEX, "scan", err) < 0 ||
	    (low.size > 0 && key_check("scan", table, low, err) < 0) ||
	    (high.size > 0 && key_check("scan", table, high, err) < 0))
		return -1;
	if (table >= TALLY_TABLE_MAX)
		return tally_err_set(err, TALLY_INVALID, "scan: table %" PRIu32 " is not below %d",
				     table, TALLY_TABLE_MAX);
	if (high.size > 0 && tally_bytes_compare(low, high) >= 0)
		return 0;
	return store->driver->scan(store, space, table, low, high, backwards, each, ctx, err);
}

int tally_store_reset(struct tally_store *store, uint64_t space, struct tally_err *err)
{
	if (store_need(store, TALLY_CAP_INDEX, "reset", err) < 0)
		return -1;
	return store->driver->reset(store, space, err);
}

int tally_store_sync_index(struct tally_store *store, struct tally_err *err)
{
	if (store_need(store, TALLY_CAP_INDEX, "sync", err) < 0)
		return -1;
	return store->driver->sync_index != NULL ? store->driver->sync_index(store, err) : 0;
}

/* ---- the store ---- */

int tally_store_maintain(struct tally_store *store, struct tally_err *err)
{
	return store->driver->maintain != NULL ? store->driver->maintain(store, err) : 0;
}

int tally_store_backup(struct tally_store *store, const char *directory, struct tally_err *err)
{
	if (directory == NULL || directory[0] == '\0')
		return tally_err_set(err, TALLY_INVALID, "backup: no directory given");
	if (store->driver->backup == NULL)
		return tally_err_set(err, TALLY_UNSUPPORTED, "driver %s makes no backups itself",
				     store->driver->name);
	return store->driver->backup(store, directory, err);
}

int tally_store_stat(struct tally_store *store, tally_stat_each *each, void *ctx,
		     struct tally_err *err)
{
	return store->driver->stat(store, each, ctx, err);
}

/* ---- marks ---- */

void tally_mark_encode(const struct tally_mark *mark, uint8_t out[TALLY_MARK_SIZE])
{
	tally_put_u64(out, mark->blocks);
	memcpy(out + 8, mark->header_hash, sizeof(mark->header_hash));
	memcpy(out + 40, mark->store_id, sizeof(mark->store_id));
	tally_put_u32(out + 56, mark->projection);
}

void tally_mark_decode(struct tally_mark *mark, const uint8_t in[TALLY_MARK_SIZE])
{
	memset(mark, 0, sizeof(*mark));
	mark->blocks = tally_get_u64(in);
	memcpy(mark->header_hash, in + 8, sizeof(mark->header_hash));
	memcpy(mark->store_id, in + 40, sizeof(mark->store_id));
	mark->projection = tally_get_u32(in + 56);
}

bool tally_mark_equal(const struct tally_mark *a, const struct tally_mark *b)
{
	return a->blocks == b->blocks && a->projection == b->projection &&
	       memcmp(a->header_hash, b->header_hash, sizeof(a->header_hash)) == 0 &&
	       memcmp(a->store_id, b->store_id, sizeof(a->store_id)) == 0;
}
