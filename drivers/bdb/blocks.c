/*
 * Blocks: one record per part of a block in blocks.db. Keys sort by space, number and part, so the
 * blocks of a space stand together in their order, and its tombstone, if any, comes last.
 */
#include "bdb.h"

struct key_fields {
	uint64_t space, number;
	uint32_t part;
};

void bdb_block_key(uint8_t key[BDB_BLOCK_KEY], uint64_t space, uint64_t number, uint32_t part)
{
	tally_put_u64(key, space);
	tally_put_u64(key + 8, number);
	tally_put_u32(key + 16, part);
}

static struct key_fields key_read(const uint8_t key[BDB_BLOCK_KEY])
{
	return (struct key_fields){ tally_get_u64(key), tally_get_u64(key + 8),
				    tally_get_u32(key + 16) };
}

/*
 * Moves a new cursor to the last record at or before key (with before), or to the first at or
 * after it; key becomes the one found. 0, DB_NOTFOUND, or another code of the engine.
 */
static int seek(struct bdb_store *bdb, uint8_t key[BDB_BLOCK_KEY], bool before)
{
	DBT found = bdb_dbt(key, BDB_BLOCK_KEY);
	DBT nothing = { .flags = DB_DBT_USERMEM | DB_DBT_PARTIAL };
	uint8_t wanted[BDB_BLOCK_KEY];
	DBC *cursor;
	int ret;

	memcpy(wanted, key, sizeof(wanted));
	if ((ret = bdb->blocks->cursor(bdb->blocks, NULL, &cursor, DB_READ_UNCOMMITTED)) != 0)
		return ret;
	ret = cursor->get(cursor, &found, &nothing, DB_SET_RANGE);
	if (before && ret == DB_NOTFOUND)
		ret = cursor->get(cursor, &found, &nothing, DB_LAST);
	else if (before && ret == 0 && memcmp(key, wanted, sizeof(wanted)) > 0)
		ret = cursor->get(cursor, &found, &nothing, DB_PREV);
	cursor->close(cursor);
	return ret == 0 && found.size != BDB_BLOCK_KEY ? DB_VERIFY_BAD : ret;
}

static int seek_patiently(struct bdb_store *bdb, uint8_t key[BDB_BLOCK_KEY], bool before)
{
	uint8_t wanted[BDB_BLOCK_KEY];
	unsigned int tries = 0;
	int ret;

	memcpy(wanted, key, sizeof(wanted));
	do {
		memcpy(key, wanted, sizeof(wanted));
		ret = seek(bdb, key, before);
	} while (bdb_again(bdb, ret, ++tries));
	return ret;
}

int bdb_blocks_load(struct bdb_store *bdb, struct bdb_space *space)
{
	uint8_t key[BDB_BLOCK_KEY];
	struct key_fields last;
	int ret;

	bdb_block_key(key, space->number, BDB_TOMBSTONE, UINT32_MAX);
	ret = seek_patiently(bdb, key, true);
	if (ret != 0)
		return ret == DB_NOTFOUND ? 0 : ret;
	last = key_read(key);
	if (last.space == space->number && last.number == BDB_TOMBSTONE)
		space->dropped = true;
	else if (last.space == space->number)
		space->blocks = last.number + 1;
	return 0;
}

/* The space with the counts it has at this instant. */
static int look(struct bdb_store *bdb, uint64_t number, struct bdb_space *copy_r,
		struct tally_err *err)
{
	struct bdb_space *space;

	if (bdb_space(bdb, number, &space, err) < 0)
		return -1;
	pthread_mutex_lock(&bdb->lock);
	*copy_r = *space;
	pthread_mutex_unlock(&bdb->lock);
	return 0;
}

static int err_dropped(const char *what, uint64_t space, struct tally_err *err)
{
	return tally_err_set(err, TALLY_NOTFOUND, "%s: space %" PRIu64 " was dropped", what, space);
}

int bdb_last(struct tally_store *store, uint64_t number, uint64_t *count_r, struct tally_err *err)
{
	struct bdb_store *bdb = bdb_downcast(store);
	struct bdb_space space;

	if (bdb_may_read(bdb, "last", err) < 0 || look(bdb, number, &space, err) < 0)
		return -1;
	if (space.dropped)
		return err_dropped("last", number, err);
	*count_r = space.blocks;
	return 0;
}

int bdb_spaces(struct tally_store *store, tally_space_each *each, void *ctx,
	       struct tally_err *err)
{
	struct bdb_store *bdb = bdb_downcast(store);
	uint8_t key[BDB_BLOCK_KEY];
	struct bdb_space space;
	uint64_t next = 0;
	int ret;

	if (bdb_may_read(bdb, "spaces", err) < 0)
		return -1;
	for (;;) {
		bdb_block_key(key, next, 0, 0);
		if ((ret = seek_patiently(bdb, key, false)) != 0)
			return ret == DB_NOTFOUND ? 0 : bdb_fail(bdb, ret, err, "spaces");
		next = key_read(key).space;
		if (look(bdb, next, &space, err) < 0)
			return -1;
		/* Neither: its first block is being written just now. */
		if ((space.blocks > 0 || space.dropped) &&
		    each(ctx, next, space.blocks, space.dropped) != 0)
			return 0;
		if (next++ == UINT64_MAX)
			return 0;
	}
}

/* ---- appending ---- */

static int put_part(struct bdb_store *bdb, DB_TXN *txn, const struct tally_block_write *block,
		    uint32_t part, const void *data, size_t size)
{
	uint8_t key[BDB_BLOCK_KEY];
	DBT key_dbt = bdb_dbt(key, sizeof(key));
	DBT data_dbt = bdb_dbt(data, size);

	bdb_block_key(key, block->space, block->number, part);
	return bdb->blocks->put(bdb->blocks, txn, &key_dbt, &data_dbt, DB_NOOVERWRITE);
}

static int put_block(struct bdb_store *bdb, DB_TXN *txn, const struct tally_block_write *block,
		     uint8_t *scratch)
{
	size_t size = block->data.size < bdb->part ? block->data.size : bdb->part;
	size_t done = size;
	int ret;

	tally_put_u64(scratch, block->data.size);
	memcpy(scratch + BDB_HEAD, block->data.data, size);
	ret = put_part(bdb, txn, block, 0, scratch, BDB_HEAD + size);
	for (uint32_t part = 1; ret == 0 && done < block->data.size; part++) {
		size = block->data.size - done < bdb->part ? block->data.size - done : bdb->part;
		ret = put_part(bdb, txn, block, part, block->data.data + done, size);
		done += size;
	}
	return ret;
}

/* One transaction with all blocks whose outcome is OK so far. *committing: the end was begun. */
static int write_blocks(struct bdb_store *bdb, const struct tally_block_write *blocks,
			size_t count, uint8_t *scratch, bool *committing)
{
	DB_TXN *txn;
	int ret;

	*committing = false;
	if ((ret = bdb_tail_mark(bdb)) != 0 ||
	    (ret = bdb->env->txn_begin(bdb->env, NULL, &txn, 0)) != 0)
		return ret;
	for (size_t i = 0; ret == 0 && i < count; i++) {
		if (blocks[i].outcome == TALLY_OK)
			ret = put_block(bdb, txn, &blocks[i], scratch);
	}
	if (ret != 0) {
		int abort_ret = txn->abort(txn);

		if (abort_ret != 0)
			bdb_set_failed(bdb, "taking back an append", abort_ret);
		return ret;
	}
	*committing = true;
	return txn->commit(txn, DB_TXN_SYNC);
}

/* Decides about one block before anything is written: its outcome, OK if it is to be written. */
static int judge(struct bdb_store *bdb, struct tally_block_write *block, struct tally_err *err)
{
	struct bdb_space space;

	if (look(bdb, block->space, &space, err) == 0) {
		if (space.dropped)
			err_dropped("append", block->space, err);
		else if (block->number < space.blocks)
			tally_err_set(err, TALLY_CONFLICT,
				      "append: space %" PRIu64 " has a block %" PRIu64 " already",
				      block->space, block->number);
		else if (block->number > space.blocks)
			tally_err_set(err, TALLY_INVALID,
				      "append: space %" PRIu64 " has %" PRIu64
				      " blocks, number %" PRIu64 " would leave a gap",
				      block->space, space.blocks, block->number);
		else
			return block->outcome = TALLY_OK;
	}
	block->outcome = err->code;
	return -1;
}

static void publish(struct bdb_store *bdb, const struct tally_block_write *blocks, size_t count)
{
	struct bdb_space *space;
	struct tally_err err;

	for (size_t i = 0; i < count; i++) {
		/* It was loaded when the block was judged, so this cannot fail. */
		if (blocks[i].outcome != TALLY_OK ||
		    bdb_space(bdb, blocks[i].space, &space, &err) < 0)
			continue;
		pthread_mutex_lock(&bdb->lock);
		space->blocks = blocks[i].number + 1;
		bdb->figures.blocks++;
		bdb->figures.bytes += blocks[i].data.size;
		pthread_mutex_unlock(&bdb->lock);
	}
}

/* Writes the blocks judged OK, as one; if that fails, all of them get its outcome. */
static int append_judged(struct bdb_store *bdb, struct tally_block_write *blocks, size_t count,
			 uint64_t bytes, struct tally_err *err)
{
	uint8_t *scratch = tally_malloc(BDB_HEAD + bdb->part);
	unsigned int tries = 0;
	bool committing;
	int ret;

	if (!bdb->extended)
		bdb_tail_extend(bdb);
	bdb->extended = true;
	do {
		ret = write_blocks(bdb, blocks, count, scratch, &committing);
	} while (bdb_again(bdb, ret, ++tries));
	free(scratch);
	if (ret == 0) {
		publish(bdb, blocks, count);
		atomic_store(&bdb->wrote, true);
		bdb_keeper_hint(bdb, bytes);
		return 0;
	}
	bdb_fail(bdb, ret, err, "append of %zu blocks", count);
	if (committing) {
		bdb_set_failed(bdb, "append", ret);
		err->code = TALLY_UNCERTAIN;
	}
	return -1;
}

int bdb_append(struct tally_store *store, struct tally_block_write *blocks, size_t block_count,
	       struct tally_err *err)
{
	struct bdb_store *bdb = bdb_downcast(store);
	size_t first_bad = block_count, first_good = block_count;
	struct tally_err one;
	uint64_t bytes = 0;
	int ret = 0;

	pthread_mutex_lock(&bdb->append_lock);
	for (size_t i = 0; i < block_count; i++) {
		if (judge(bdb, &blocks[i], &one) == TALLY_OK) {
			bytes += blocks[i].data.size;
			if (first_good == block_count)
				first_good = i;
		} else if (first_bad == block_count) {
			first_bad = i;
			*err = one;
		}
	}
	if (first_good < block_count) {
		ret = bdb_may_write(bdb, bytes, "append", &one);
		if (ret == 0)
			ret = append_judged(bdb, blocks, block_count, bytes, &one);
	}
	for (size_t i = 0; ret < 0 && i < block_count; i++) {
		if (blocks[i].outcome == TALLY_OK)
			blocks[i].outcome = one.code;
	}
	pthread_mutex_unlock(&bdb->append_lock);
	pthread_mutex_lock(&bdb->lock);
	bdb->figures.appends++;
	pthread_mutex_unlock(&bdb->lock);
	if (ret < 0 && first_good < first_bad)
		*err = one;
	return ret < 0 || first_bad < block_count ? -1 : 0;
}

/* ---- reading ---- */

/* Bytes offset .. offset+size of one record, fewer where it ends; 0 or a code of the engine. */
static int get_piece(struct bdb_store *bdb, const uint8_t key[BDB_BLOCK_KEY], size_t offset,
		     void *data, size_t size, size_t *size_r)
{
	DBT key_dbt = bdb_dbt(key, BDB_BLOCK_KEY);
	DBT data_dbt = bdb_dbt(data, size);
	unsigned int tries = 0;
	int ret;

	data_dbt.flags |= DB_DBT_PARTIAL;
	data_dbt.doff = (u_int32_t)offset;
	data_dbt.dlen = (u_int32_t)size;
	do {
		ret = bdb->blocks->get(bdb->blocks, NULL, &key_dbt, &data_dbt, DB_READ_UNCOMMITTED);
	} while (bdb_again(bdb, ret, ++tries));
	*size_r = data_dbt.size;
	return ret;
}

static int get_size(struct bdb_store *bdb, uint64_t space, uint64_t number, uint64_t *size_r)
{
	uint8_t key[BDB_BLOCK_KEY], head[BDB_HEAD];
	size_t got;
	int ret;

	bdb_block_key(key, space, number, 0);
	if ((ret = get_piece(bdb, key, 0, head, sizeof(head), &got)) != 0)
		return ret;
	*size_r = tally_get_u64(head);
	return got < sizeof(head) || *size_r == 0 || *size_r > TALLY_BLOCK_MAX ? DB_VERIFY_BAD : 0;
}

/* All of these bytes, across parts; a piece that is missing is damage. */
static int get_range(struct bdb_store *bdb, uint64_t space, uint64_t number, uint64_t offset,
		     uint8_t *data, size_t size)
{
	uint8_t key[BDB_BLOCK_KEY];
	size_t done = 0, got, want;
	int ret;

	while (done < size) {
		uint32_t part = (uint32_t)((offset + done) / bdb->part);
		size_t at = (offset + done) % bdb->part;

		want = size - done < bdb->part - at ? size - done : bdb->part - at;
		bdb_block_key(key, space, number, part);
		ret = get_piece(bdb, key, at + (part == 0 ? BDB_HEAD : 0), data + done, want, &got);
		if (ret != 0)
			return ret;
		if (got != want)
			return DB_VERIFY_BAD;
		done += want;
	}
	return 0;
}

/* Short reads mostly lie within the block: then there is no need to ask for its size first. */
#define SHORT_READ 16384

static int read_block(struct bdb_store *bdb, uint64_t space, uint64_t number, uint64_t offset,
		      uint64_t size, struct tally_arena *arena, struct tally_bytes *bytes_r)
{
	uint8_t *data = NULL;
	uint64_t total;
	int ret;

	if (size > 0 && size <= SHORT_READ) {
		data = tally_arena_alloc(arena, size);
		ret = get_range(bdb, space, number, offset, data, size);
		if (ret == 0)
			*bytes_r = tally_bytes(data, size);
		/* Beyond the end: a record is short, or not there at all. */
		if (ret != DB_VERIFY_BAD && ret != DB_NOTFOUND)
			return ret;
	}
	if ((ret = get_size(bdb, space, number, &total)) != 0)
		return ret;
	if (offset >= total)
		return 0;
	if (size > total - offset)
		size = total - offset;
	if (size > SHORT_READ || data == NULL)
		data = tally_arena_alloc(arena, size);
	if ((ret = get_range(bdb, space, number, offset, data, size)) == 0)
		*bytes_r = tally_bytes(data, size);
	return ret;
}

int bdb_read(struct tally_store *store, uint64_t number, uint64_t block, uint64_t offset,
	     uint64_t size, struct tally_arena *arena, struct tally_bytes *bytes_r,
	     struct tally_err *err)
{
	struct bdb_store *bdb = bdb_downcast(store);
	struct bdb_space space;
	int ret;

	*bytes_r = TALLY_BYTES_NONE;
	if (bdb_may_read(bdb, "read", err) < 0 || look(bdb, number, &space, err) < 0)
		return -1;
	if (block >= space.blocks || space.dropped)
		return 0;
	ret = read_block(bdb, number, block, offset, size, arena, bytes_r);
	if (ret == 0)
		return 1;
	*bytes_r = TALLY_BYTES_NONE;
	if (look(bdb, number, &space, err) < 0)
		return -1;
	if (space.dropped)		/* while we were reading */
		return 0;
	return bdb_fail(bdb, ret, err, "read of space %" PRIu64 " block %" PRIu64, number, block);
}

/* ---- erasing ---- */

/* Zeroes what the ranges cover of bytes start .. start+size; whether that changed anything. */
static bool wipe(uint8_t *data, uint64_t start, size_t size, const struct tally_range *ranges,
		 size_t range_count)
{
	bool changed = false;

	for (size_t i = 0; i < range_count; i++) {
		uint64_t low = ranges[i].offset > start ? ranges[i].offset : start;
		uint64_t high = ranges[i].offset + ranges[i].size;

		if (high > start + size)
			high = start + size;
		for (; low < high; low++) {
			changed |= data[low - start] != 0;
			data[low - start] = 0;
		}
	}
	return changed;
}

static bool touches(uint64_t start, size_t size, const struct tally_range *ranges,
		    size_t range_count)
{
	for (size_t i = 0; i < range_count; i++) {
		if (ranges[i].offset < start + size && ranges[i].offset + ranges[i].size > start)
			return true;
	}
	return false;
}

static int erase_part(struct bdb_store *bdb, DB_TXN *txn, const uint8_t key[BDB_BLOCK_KEY],
		      uint64_t start, size_t size, const struct tally_range *ranges,
		      size_t range_count, uint8_t *scratch)
{
	size_t head = start == 0 ? BDB_HEAD : 0;
	DBT key_dbt = bdb_dbt(key, BDB_BLOCK_KEY);
	DBT data_dbt = bdb_dbt(scratch, BDB_HEAD + bdb->part);
	int ret = bdb->blocks->get(bdb->blocks, txn, &key_dbt, &data_dbt, DB_RMW);

	if (ret != 0)
		return ret;
	if (data_dbt.size != head + size)
		return DB_VERIFY_BAD;
	if (!wipe(scratch + head, start, size, ranges, range_count))
		return 0;
	return bdb->blocks->put(bdb->blocks, txn, &key_dbt, &data_dbt, 0);
}

static int erase_block(struct bdb_store *bdb, uint64_t space, uint64_t number, uint64_t total,
		       const struct tally_range *ranges, size_t range_count, uint8_t *scratch,
		       bool *committing)
{
	uint8_t key[BDB_BLOCK_KEY];
	DB_TXN *txn;
	size_t size;
	int ret;

	*committing = false;
	if ((ret = bdb->env->txn_begin(bdb->env, NULL, &txn, 0)) != 0)
		return ret;
	for (uint64_t at = 0; ret == 0 && at < total; at += size) {
		size = total - at < bdb->part ? total - at : bdb->part;
		bdb_block_key(key, space, number, (uint32_t)(at / bdb->part));
		if (touches(at, size, ranges, range_count))
			ret = erase_part(bdb, txn, key, at, size, ranges, range_count, scratch);
	}
	if (ret != 0) {
		int abort_ret = txn->abort(txn);

		if (abort_ret != 0)
			bdb_set_failed(bdb, "taking back an erase", abort_ret);
		return ret;
	}
	*committing = true;
	return txn->commit(txn, DB_TXN_SYNC);
}

static int erase_check(struct bdb_store *bdb, uint64_t number, uint64_t block,
		       const struct tally_range *ranges, size_t range_count, uint64_t *total_r,
		       struct tally_err *err)
{
	struct bdb_space space;
	int ret;

	if (look(bdb, number, &space, err) < 0)
		return -1;
	if (space.dropped || block >= space.blocks)
		return tally_err_set(err, TALLY_NOTFOUND,
				     "erase: space %" PRIu64 " has no block %" PRIu64, number, block);
	if ((ret = get_size(bdb, number, block, total_r)) != 0)
		return bdb_fail(bdb, ret, err, "erase of space %" PRIu64 " block %" PRIu64,
				number, block);
	for (size_t i = 0; i < range_count; i++) {
		if (ranges[i].offset > *total_r || ranges[i].size > *total_r - ranges[i].offset)
			return tally_err_set(err, TALLY_INVALID,
					     "erase: space %" PRIu64 " block %" PRIu64
					     " ends before %" PRIu64 "+%" PRIu64, number, block,
					     ranges[i].offset, ranges[i].size);
	}
	return bdb_may_write(bdb, *total_r, "erase", err);
}

/*
 * The value is replaced as a whole, so a crash leaves all of it old or all of it new. The old
 * bytes stay in the log and in unused parts of pages until scrub.
 */
int bdb_erase(struct tally_store *store, uint64_t space, uint64_t number,
	      const struct tally_range *ranges, size_t range_count, struct tally_err *err)
{
	struct bdb_store *bdb = bdb_downcast(store);
	uint8_t *scratch;
	unsigned int tries = 0;
	bool committing;
	uint64_t total;
	int ret;

	pthread_mutex_lock(&bdb->append_lock);
	if (erase_check(bdb, space, number, ranges, range_count, &total, err) < 0) {
		pthread_mutex_unlock(&bdb->append_lock);
		return -1;
	}
	scratch = tally_malloc(BDB_HEAD + bdb->part);
	do {
		ret = erase_block(bdb, space, number, total, ranges, range_count, scratch,
				  &committing);
	} while (bdb_again(bdb, ret, ++tries));
	free(scratch);
	atomic_store(&bdb->wrote, true);
	if (ret != 0 && committing)
		bdb_set_failed(bdb, "erase", ret);
	pthread_mutex_unlock(&bdb->append_lock);
	bdb_keeper_hint(bdb, total);
	if (ret == 0)
		return 0;
	bdb_fail(bdb, ret, err, "erase of space %" PRIu64 " block %" PRIu64, space, number);
	if (committing)
		err->code = TALLY_UNCERTAIN;
	return -1;
}
