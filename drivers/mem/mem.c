/*
 * The reference driver: everything in memory, nothing kept beyond the process. It is the shortest
 * full statement of what driver.h asks for, the model a new driver is copied from, and what the
 * layers above are tested on.
 *
 * Blocks belong to a pool, shared by all stores opened under one name; index tables belong to one
 * open store, as each host of a shared engine has its own. The pool's lock guards blocks, the
 * store's lock guards index tables, counts and mood; where both are needed the pool's comes first.
 * Nobody waits, calls out or sleeps while holding one.
 */
#include "config.h"

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>

#include "mem.h"
#include "store.h"
#include "table.h"

/* Pairs that a scan copies before it gives the lock back. */
#define SCAN_BATCH 256

struct mem_block {
	uint8_t *data;
	size_t size;
};

struct mem_space {
	uint64_t space;
	struct mem_space *next;			/* ascending */
	struct mem_block *blocks;
	uint64_t count;
	uint64_t room;
	bool dropped;
};

struct mem_pool {
	struct mem_pool *next;
	char *name;				/* "" for a private one */
	size_t users;
	pthread_mutex_t lock;
	struct mem_space *spaces;
};

struct mem_index {
	uint64_t space;
	struct mem_index *next;			/* ascending */
	struct tally_mark mark;
	struct mem_table *tables[TALLY_TABLE_MAX];	/* NULL: empty */
};

struct mem_store {
	struct tally_store base;
	struct mem_pool *pool;
	pthread_mutex_t lock;
	struct mem_index *indexes;

	enum tally_mem_mood mood;
	uint64_t mood_calls;
	size_t held;				/* appends that wait now */
	uint64_t releases;			/* grows with each release */
	bool refuse_erase, refuse_scrub;
	uint64_t erases;			/* calls that were not refused */
	uint64_t scrubs;			/* all calls */
	pthread_cond_t changed;			/* held or releases */

	uint64_t appends, blocks, bytes, applies;
};

/* Pools with a name outlive the stores that use them: that is how a mem store is reopened. */
static pthread_mutex_t pools_lock = PTHREAD_MUTEX_INITIALIZER;
static struct mem_pool *pools;

extern const struct tally_driver tally_driver_mem;

static struct mem_store *mem_downcast(struct tally_store *store)
{
	assert(store->driver == &tally_driver_mem);
	return (struct mem_store *)store;
}

/* ---- pools ---- */

static struct mem_pool *pool_new(const char *name)
{
	struct mem_pool *pool = tally_calloc(1, sizeof(*pool));

	pool->name = tally_strdup(name);
	pthread_mutex_init(&pool->lock, NULL);
	return pool;
}

static void space_clear(struct mem_space *space)
{
	for (uint64_t i = 0; i < space->count; i++)
		free(space->blocks[i].data);
	free(space->blocks);
	space->blocks = NULL;
	space->count = space->room = 0;
}

static void pool_free(struct mem_pool *pool)
{
	struct mem_space *space;

	while ((space = pool->spaces) != NULL) {
		pool->spaces = space->next;
		space_clear(space);
		free(space);
	}
	pthread_mutex_destroy(&pool->lock);
	free(pool->name);
	free(pool);
}

static struct mem_pool **pool_find(const char *name)
{
	struct mem_pool **at;

	for (at = &pools; *at != NULL; at = &(*at)->next) {
		if (strcmp((*at)->name, name) == 0)
			break;
	}
	return at;
}

/* Index tables alone need no pool of that name: it is the blocks that exist or do not. */
static int pool_take(const struct tally_store_args *args, struct mem_pool **pool_r,
		     struct tally_err *err)
{
	const char *name = args->location;
	struct mem_pool **at;
	int ret = 0;

	if (strncmp(name, "mem:", 4) != 0)
		return tally_err_set(err, TALLY_INVALID, "%s: a store in memory is named mem:NAME",
				     args->location);
	name += 4;
	pthread_mutex_lock(&pools_lock);
	at = name[0] != '\0' ? pool_find(name) : NULL;
	if (!args->blocks || (at == NULL && args->create)) {
		*pool_r = pool_new("");
	} else if (at == NULL || (*at == NULL && !args->create)) {
		ret = tally_err_set(err, TALLY_NOTFOUND, "there is no store %s", args->location);
	} else if (*at != NULL && args->create) {
		ret = tally_err_set(err, TALLY_EXISTS, "there is a store %s already",
				    args->location);
	} else {
		if (*at == NULL)
			*at = pool_new(name);
		*pool_r = *at;
	}
	if (ret == 0)
		(*pool_r)->users++;
	pthread_mutex_unlock(&pools_lock);
	return ret;
}

static void pool_release(struct mem_pool *pool)
{
	bool gone;

	pthread_mutex_lock(&pools_lock);
	gone = --pool->users == 0 && pool->name[0] == '\0';
	pthread_mutex_unlock(&pools_lock);
	if (gone)
		pool_free(pool);
}

void tally_mem_forget(const char *name)
{
	struct mem_pool **at, *pool;

	pthread_mutex_lock(&pools_lock);
	at = pool_find(name);
	pool = *at;
	if (pool != NULL) {
		assert(pool->users == 0);
		*at = pool->next;
	}
	pthread_mutex_unlock(&pools_lock);
	if (pool != NULL)
		pool_free(pool);
}

/* ---- open and close ---- */

static void index_free(struct mem_index *index)
{
	for (size_t i = 0; i < TALLY_TABLE_MAX; i++)
		mem_table_free(&index->tables[i]);
	free(index);
}

static int mem_open(const struct tally_store_args *args, struct tally_store **store_r,
		    struct tally_err *err)
{
	struct mem_store *mem;
	struct mem_pool *pool;

	if (pool_take(args, &pool, err) < 0)
		return -1;
	mem = tally_calloc(1, sizeof(*mem));
	mem->base.driver = &tally_driver_mem;
	mem->base.caps = tally_driver_mem.caps;
	mem->pool = pool;
	pthread_mutex_init(&mem->lock, NULL);
	pthread_cond_init(&mem->changed, NULL);
	*store_r = &mem->base;
	return 0;
}

static void mem_close(struct tally_store *store)
{
	struct mem_store *mem = mem_downcast(store);
	struct mem_index *index;

	while ((index = mem->indexes) != NULL) {
		mem->indexes = index->next;
		index_free(index);
	}
	pool_release(mem->pool);
	pthread_cond_destroy(&mem->changed);
	pthread_mutex_destroy(&mem->lock);
	free(mem);
}

/* ---- blocks ---- */

/* The space, or NULL; with make, a new one in its place. */
static struct mem_space *space_find(struct mem_pool *pool, uint64_t number, bool make)
{
	struct mem_space **at = &pool->spaces;
	struct mem_space *space;

	while (*at != NULL && (*at)->space < number)
		at = &(*at)->next;
	if (*at != NULL && (*at)->space == number)
		return *at;
	if (!make)
		return NULL;
	space = tally_calloc(1, sizeof(*space));
	space->space = number;
	space->next = *at;
	*at = space;
	return space;
}

static int err_dropped(const char *what, uint64_t space, struct tally_err *err)
{
	return tally_err_set(err, TALLY_NOTFOUND, "%s: space %" PRIu64 " was dropped", what, space);
}

static int mem_last(struct tally_store *store, uint64_t number, uint64_t *count_r,
		    struct tally_err *err)
{
	struct mem_store *mem = mem_downcast(store);
	const struct mem_space *space;
	int ret = 0;

	pthread_mutex_lock(&mem->pool->lock);
	space = space_find(mem->pool, number, false);
	if (space != NULL && space->dropped)
		ret = err_dropped("last", number, err);
	else
		*count_r = space != NULL ? space->count : 0;
	pthread_mutex_unlock(&mem->pool->lock);
	return ret;
}

/* Takes over the bytes of copy if it succeeds. */
static int append_one(struct mem_pool *pool, struct tally_block_write *block,
		      struct mem_block *copy, struct tally_err *err)
{
	struct mem_space *space = space_find(pool, block->space, false);
	uint64_t count = space != NULL ? space->count : 0;

	if (space != NULL && space->dropped) {
		err_dropped("append", block->space, err);
	} else if (block->number < count) {
		tally_err_set(err, TALLY_CONFLICT,
			      "append: space %" PRIu64 " has a block %" PRIu64 " already",
			      block->space, block->number);
	} else if (block->number > count) {
		tally_err_set(err, TALLY_INVALID,
			      "append: space %" PRIu64 " has %" PRIu64 " blocks, number %" PRIu64
			      " would leave a gap", block->space, count, block->number);
	} else {
		if (space == NULL)
			space = space_find(pool, block->space, true);
		if (space->count == space->room) {
			space->room = space->room > 0 ? 2 * space->room : 16;
			space->blocks = tally_realloc(space->blocks,
						      space->room * sizeof(*space->blocks));
		}
		space->blocks[space->count++] = *copy;
		copy->data = NULL;
		block->outcome = TALLY_OK;
		return 0;
	}
	block->outcome = err->code;
	return -1;
}

static int append_all(struct mem_store *mem, struct tally_block_write *blocks, size_t count,
		      struct tally_err *err)
{
	struct mem_block *copies = tally_calloc(count, sizeof(*copies));
	uint64_t done = 0, bytes = 0;
	struct tally_err one;
	int ret = 0;

	for (size_t i = 0; i < count; i++) {
		copies[i].size = blocks[i].data.size;
		copies[i].data = tally_malloc(copies[i].size);
		memcpy(copies[i].data, blocks[i].data.data, copies[i].size);
	}
	pthread_mutex_lock(&mem->pool->lock);
	for (size_t i = 0; i < count; i++) {
		if (append_one(mem->pool, &blocks[i], &copies[i], &one) == 0) {
			done++;
			bytes += copies[i].size;
		} else if (ret == 0) {
			*err = one;
			ret = -1;
		}
	}
	pthread_mutex_unlock(&mem->pool->lock);
	for (size_t i = 0; i < count; i++)
		free(copies[i].data);
	free(copies);
	pthread_mutex_lock(&mem->lock);
	mem->appends++;
	mem->blocks += done;
	mem->bytes += bytes;
	pthread_mutex_unlock(&mem->lock);
	return ret;
}

static enum tally_mem_mood take_mood(struct mem_store *mem)
{
	enum tally_mem_mood mood = TALLY_MEM_PROMPT;

	pthread_mutex_lock(&mem->lock);
	if (mem->mood_calls > 0) {
		mem->mood_calls--;
		mood = mem->mood;
	}
	pthread_mutex_unlock(&mem->lock);
	return mood;
}

static void hold(struct mem_store *mem)
{
	uint64_t releases;

	pthread_mutex_lock(&mem->lock);
	releases = mem->releases;
	mem->held++;
	pthread_cond_broadcast(&mem->changed);
	while (mem->releases == releases)
		pthread_cond_wait(&mem->changed, &mem->lock);
	mem->held--;
	pthread_mutex_unlock(&mem->lock);
}

static int lose_answer(struct tally_block_write *blocks, size_t count, struct tally_err *err)
{
	for (size_t i = 0; i < count; i++) {
		if (blocks[i].outcome == TALLY_OK)
			blocks[i].outcome = TALLY_UNCERTAIN;
	}
	return tally_err_set(err, TALLY_UNCERTAIN,
			     "append: no answer from the medium; it may or may not be done");
}

static int mem_append(struct tally_store *store, struct tally_block_write *blocks,
		      size_t block_count, struct tally_err *err)
{
	struct mem_store *mem = mem_downcast(store);
	enum tally_mem_mood mood = take_mood(mem);
	int ret;

	if (mood == TALLY_MEM_HELD_BEFORE)
		hold(mem);
	if (mood == TALLY_MEM_UNCERTAIN_LOST) {
		for (size_t i = 0; i < block_count; i++)
			blocks[i].outcome = TALLY_OK;
		return lose_answer(blocks, block_count, err);
	}
	ret = append_all(mem, blocks, block_count, err);
	if (mood == TALLY_MEM_HELD_AFTER)
		hold(mem);
	if (mood == TALLY_MEM_UNCERTAIN_DONE)
		return lose_answer(blocks, block_count, err);
	return ret;
}

static struct mem_block *block_find(struct mem_pool *pool, uint64_t number, uint64_t block)
{
	struct mem_space *space = space_find(pool, number, false);

	if (space == NULL || block >= space->count)
		return NULL;
	return &space->blocks[block];
}

static int mem_read(struct tally_store *store, uint64_t space, uint64_t number, uint64_t offset,
		    uint64_t size, struct tally_arena *arena, struct tally_bytes *bytes_r,
		    struct tally_err *err)
{
	struct mem_store *mem = mem_downcast(store);
	const struct mem_block *block;

	(void)err;
	pthread_mutex_lock(&mem->pool->lock);
	block = block_find(mem->pool, space, number);
	if (block != NULL && offset < block->size) {
		if (size > block->size - offset)
			size = block->size - offset;
		bytes_r->data = tally_arena_copy(arena, block->data + offset, size);
		bytes_r->size = size;
	}
	pthread_mutex_unlock(&mem->pool->lock);
	return block != NULL;
}

static int mem_erase(struct tally_store *store, uint64_t space, uint64_t number,
		     const struct tally_range *ranges, size_t range_count, struct tally_err *err)
{
	struct mem_store *mem = mem_downcast(store);
	struct mem_block *block;
	bool refused;
	int ret = 0;

	pthread_mutex_lock(&mem->lock);
	refused = mem->refuse_erase;
	mem->erases += !refused;
	pthread_mutex_unlock(&mem->lock);
	if (refused)
		return tally_err_set(err, TALLY_IO, "erase: refused");
	pthread_mutex_lock(&mem->pool->lock);
	block = block_find(mem->pool, space, number);
	if (block == NULL) {
		ret = tally_err_set(err, TALLY_NOTFOUND,
				    "erase: space %" PRIu64 " has no block %" PRIu64, space, number);
	}
	for (size_t i = 0; ret == 0 && i < range_count; i++) {
		if (ranges[i].offset + ranges[i].size > block->size)
			ret = tally_err_set(err, TALLY_INVALID,
					    "erase: space %" PRIu64 " block %" PRIu64
					    " ends before %" PRIu64 "+%" PRIu64, space, number,
					    ranges[i].offset, ranges[i].size);
	}
	for (size_t i = 0; ret == 0 && i < range_count; i++)
		memset(block->data + ranges[i].offset, 0, ranges[i].size);
	pthread_mutex_unlock(&mem->pool->lock);
	return ret;
}

/* Erased bytes are overwritten where they stood and exist nowhere else. */
static int mem_scrub(struct tally_store *store, struct tally_err *err)
{
	struct mem_store *mem = mem_downcast(store);
	bool refused;

	pthread_mutex_lock(&mem->lock);
	refused = mem->refuse_scrub;
	mem->scrubs++;
	pthread_mutex_unlock(&mem->lock);
	return refused ? tally_err_set(err, TALLY_IO, "scrub: refused") : 0;
}

/* ---- index tables ---- */

static struct mem_index *index_find(struct mem_store *mem, uint64_t number, bool make)
{
	struct mem_index **at = &mem->indexes;
	struct mem_index *index;

	while (*at != NULL && (*at)->space < number)
		at = &(*at)->next;
	if (*at != NULL && (*at)->space == number)
		return *at;
	if (!make)
		return NULL;
	index = tally_calloc(1, sizeof(*index));
	index->space = number;
	index->next = *at;
	*at = index;
	return index;
}

static int mem_mark(struct tally_store *store, uint64_t space, struct tally_mark *mark_r,
		    struct tally_err *err)
{
	struct mem_store *mem = mem_downcast(store);
	const struct mem_index *index;

	(void)err;
	pthread_mutex_lock(&mem->lock);
	index = index_find(mem, space, false);
	if (index != NULL)
		*mark_r = index->mark;
	pthread_mutex_unlock(&mem->lock);
	return 0;
}

static void change_table(struct mem_index *index, const struct tally_change *change)
{
	struct mem_table **table = &index->tables[change->table];

	if (change->remove) {
		if (*table != NULL)
			mem_table_remove(*table, change->key);
		return;
	}
	if (*table == NULL)
		*table = mem_table_new();
	mem_table_put(*table, change->key, change->value);
}

static int mem_apply(struct tally_store *store, uint64_t space, const struct tally_mark *from,
		     const struct tally_mark *to, const struct tally_change *changes,
		     size_t change_count, struct tally_err *err)
{
	struct mem_store *mem = mem_downcast(store);
	struct mem_index *index;
	int ret = 0;

	pthread_mutex_lock(&mem->lock);
	index = index_find(mem, space, true);
	if (!tally_mark_equal(&index->mark, from)) {
		ret = tally_err_set(err, TALLY_CONFLICT,
				    "apply: the mark of space %" PRIu64 " is at block %" PRIu64
				    ", not %" PRIu64 ", or another one", space,
				    index->mark.blocks, from->blocks);
	} else {
		for (size_t i = 0; i < change_count; i++)
			change_table(index, &changes[i]);
		index->mark = *to;
		mem->applies++;
	}
	pthread_mutex_unlock(&mem->lock);
	return ret;
}

static struct mem_table *table_find(struct mem_store *mem, uint64_t space, uint32_t table)
{
	struct mem_index *index = index_find(mem, space, false);

	return index != NULL ? index->tables[table] : NULL;
}

static int mem_get(struct tally_store *store, uint64_t space, uint32_t number,
		   struct tally_bytes key, struct tally_arena *arena, struct tally_bytes *value_r,
		   struct tally_err *err)
{
	struct mem_store *mem = mem_downcast(store);
	const struct mem_table *table;
	const struct mem_pair *pair;

	(void)err;
	pthread_mutex_lock(&mem->lock);
	table = table_find(mem, space, number);
	pair = table != NULL ? mem_table_get(table, key) : NULL;
	if (pair != NULL)
		*value_r = tally_arena_bytes(arena, pair->value);
	pthread_mutex_unlock(&mem->lock);
	return pair != NULL;
}

/* Where a scan has come to: the next pair is at or above low, and below high (or behind it). */
struct mem_scan {
	uint64_t space;
	uint32_t table;
	struct tally_bytes low;
	struct tally_bytes high;		/* empty: no bound */
	bool above;				/* low itself was given out already */
	bool backwards;
};

static const struct mem_pair *scan_next(const struct mem_table *table, const struct mem_scan *scan)
{
	const struct mem_pair *pair;

	if (scan->backwards) {
		pair = mem_table_below(table, scan->high);
		return pair != NULL && tally_bytes_compare(pair->key, scan->low) >= 0 ? pair : NULL;
	}
	pair = mem_table_from(table, scan->low, scan->above);
	if (pair != NULL && scan->high.size > 0 && tally_bytes_compare(pair->key, scan->high) >= 0)
		return NULL;
	return pair;
}

/* Copies the next pairs into arena, which also holds the new position; returns how many. */
static size_t scan_batch(struct mem_store *mem, struct mem_scan *scan, struct tally_arena *arena,
			 struct mem_pair *pairs)
{
	const struct mem_table *table;
	const struct mem_pair *pair;
	size_t count = 0;

	pthread_mutex_lock(&mem->lock);
	table = table_find(mem, scan->space, scan->table);
	pair = table != NULL ? scan_next(table, scan) : NULL;
	while (pair != NULL && count < SCAN_BATCH) {
		pairs[count].key = tally_arena_bytes(arena, pair->key);
		pairs[count].value = tally_arena_bytes(arena, pair->value);
		if (scan->backwards) {
			scan->high = pairs[count].key;
		} else {
			scan->low = pairs[count].key;
			scan->above = true;
		}
		count++;
		pair = scan_next(table, scan);
	}
	pthread_mutex_unlock(&mem->lock);
	return count;
}

static int mem_scan(struct tally_store *store, uint64_t space, uint32_t table,
		    struct tally_bytes low, struct tally_bytes high, bool backwards,
		    tally_scan_each *each, void *ctx, struct tally_err *err)
{
	struct mem_store *mem = mem_downcast(store);
	struct mem_scan scan = { space, table, low, high, false, backwards };
	struct tally_arena arenas[2] = { { 0 }, { 0 } };
	struct mem_pair pairs[SCAN_BATCH];
	size_t count = SCAN_BATCH;
	bool stop = false;

	(void)err;
	/* The position lives in the batch before, so the arenas take turns. */
	for (size_t turn = 0; count == SCAN_BATCH && !stop; turn ^= 1) {
		tally_arena_reset(&arenas[turn]);
		count = scan_batch(mem, &scan, &arenas[turn], pairs);
		for (size_t i = 0; i < count && !stop; i++)
			stop = each(ctx, pairs[i].key, pairs[i].value) != 0;
	}
	tally_arena_free(&arenas[0]);
	tally_arena_free(&arenas[1]);
	return 0;
}

static int mem_reset(struct tally_store *store, uint64_t space, struct tally_err *err)
{
	struct mem_store *mem = mem_downcast(store);
	struct mem_index *index;

	(void)err;
	pthread_mutex_lock(&mem->lock);
	index = index_find(mem, space, false);
	if (index != NULL) {
		for (size_t i = 0; i < TALLY_TABLE_MAX; i++)
			mem_table_free(&index->tables[i]);
		memset(&index->mark, 0, sizeof(index->mark));
	}
	pthread_mutex_unlock(&mem->lock);
	return 0;
}

/* ---- the store ---- */

static int mem_drop(struct tally_store *store, uint64_t number, struct tally_err *err)
{
	struct mem_store *mem = mem_downcast(store);
	struct mem_space *space;

	pthread_mutex_lock(&mem->pool->lock);
	space = space_find(mem->pool, number, true);
	space_clear(space);
	space->dropped = true;
	pthread_mutex_unlock(&mem->pool->lock);
	return mem_reset(store, number, err);
}

/* A space as it was at one instant: each is called without the lock. */
struct space_row {
	uint64_t space;
	uint64_t blocks;
	bool dropped;
};

static size_t copy_spaces(struct mem_pool *pool, struct space_row **rows_r)
{
	size_t count = 0;

	pthread_mutex_lock(&pool->lock);
	for (const struct mem_space *at = pool->spaces; at != NULL; at = at->next)
		count++;
	*rows_r = tally_calloc(count + 1, sizeof(**rows_r));
	count = 0;
	for (const struct mem_space *at = pool->spaces; at != NULL; at = at->next)
		(*rows_r)[count++] = (struct space_row){ at->space, at->count, at->dropped };
	pthread_mutex_unlock(&pool->lock);
	return count;
}

static int mem_spaces(struct tally_store *store, tally_space_each *each, void *ctx,
		      struct tally_err *err)
{
	struct mem_store *mem = mem_downcast(store);
	struct space_row *rows;
	size_t count = copy_spaces(mem->pool, &rows);

	(void)err;
	for (size_t i = 0; i < count; i++) {
		if (each(ctx, rows[i].space, rows[i].blocks, rows[i].dropped) != 0)
			break;
	}
	free(rows);
	return 0;
}

static void copy_blocks(const struct mem_pool *from, struct mem_pool *to)
{
	for (const struct mem_space *at = from->spaces; at != NULL; at = at->next) {
		struct mem_space *copy = space_find(to, at->space, true);

		copy->dropped = at->dropped;
		copy->count = copy->room = at->count;
		copy->blocks = tally_calloc(at->count + 1, sizeof(*copy->blocks));
		for (uint64_t i = 0; i < at->count; i++) {
			copy->blocks[i].size = at->blocks[i].size;
			copy->blocks[i].data = tally_malloc(at->blocks[i].size);
			memcpy(copy->blocks[i].data, at->blocks[i].data, at->blocks[i].size);
		}
	}
}

/* Into another name; the copy begins without index tables, as any fresh open does. */
static int mem_backup(struct tally_store *store, const char *directory, struct tally_err *err)
{
	const struct tally_store_args args = { .location = directory, .create = true, .blocks = true };
	struct mem_store *mem = mem_downcast(store);
	struct mem_pool *copy;

	if (strcmp(directory, "mem:") == 0)
		return tally_err_set(err, TALLY_INVALID, "backup: mem: alone would be gone at once");
	if (pool_take(&args, &copy, err) < 0)
		return tally_err_prefix(err, "backup");
	pthread_mutex_lock(&mem->pool->lock);
	pthread_mutex_lock(&copy->lock);
	copy_blocks(mem->pool, copy);
	pthread_mutex_unlock(&copy->lock);
	pthread_mutex_unlock(&mem->pool->lock);
	pool_release(copy);
	return 0;
}

static int mem_stat(struct tally_store *store, tally_stat_each *each, void *ctx,
		    struct tally_err *err)
{
	struct mem_store *mem = mem_downcast(store);
	uint64_t appends, blocks, bytes, applies;

	(void)err;
	pthread_mutex_lock(&mem->lock);
	appends = mem->appends;
	blocks = mem->blocks;
	bytes = mem->bytes;
	applies = mem->applies;
	pthread_mutex_unlock(&mem->lock);
	each(ctx, "appends", appends);
	each(ctx, "blocks", blocks);
	each(ctx, "bytes", bytes);
	each(ctx, "syncs", 0);
	each(ctx, "applies", applies);
	return 0;
}

/* ---- what tests may do (mem.h) ---- */

void tally_mem_misbehave(struct tally_store *store, enum tally_mem_mood mood, uint64_t calls)
{
	struct mem_store *mem = mem_downcast(store);

	pthread_mutex_lock(&mem->lock);
	mem->mood = mood;
	mem->mood_calls = calls;
	pthread_mutex_unlock(&mem->lock);
}

uint64_t tally_mem_refuse_erase(struct tally_store *store, bool refuse)
{
	struct mem_store *mem = mem_downcast(store);
	uint64_t erases;

	pthread_mutex_lock(&mem->lock);
	mem->refuse_erase = refuse;
	erases = mem->erases;
	pthread_mutex_unlock(&mem->lock);
	return erases;
}

uint64_t tally_mem_refuse_scrub(struct tally_store *store, bool refuse)
{
	struct mem_store *mem = mem_downcast(store);
	uint64_t scrubs;

	pthread_mutex_lock(&mem->lock);
	mem->refuse_scrub = refuse;
	scrubs = mem->scrubs;
	pthread_mutex_unlock(&mem->lock);
	return scrubs;
}

void tally_mem_await_held(struct tally_store *store, size_t count)
{
	struct mem_store *mem = mem_downcast(store);

	pthread_mutex_lock(&mem->lock);
	while (mem->held < count)
		pthread_cond_wait(&mem->changed, &mem->lock);
	pthread_mutex_unlock(&mem->lock);
}

void tally_mem_release(struct tally_store *store)
{
	struct mem_store *mem = mem_downcast(store);

	pthread_mutex_lock(&mem->lock);
	mem->releases++;
	pthread_cond_broadcast(&mem->changed);
	pthread_mutex_unlock(&mem->lock);
}

const struct tally_driver tally_driver_mem = {
	.abi = TALLY_DRIVER_ABI,
	.name = "mem",
	.summary = "in memory, nothing kept: for tests and for trying things out",
	.caps = TALLY_CAP_BLOCKS | TALLY_CAP_INDEX | TALLY_CAP_HOSTS | TALLY_CAP_GROUP,

	.open = mem_open,
	.close = mem_close,
	.last = mem_last,
	.append = mem_append,
	.read = mem_read,
	.erase = mem_erase,
	.scrub = mem_scrub,
	.drop = mem_drop,
	.spaces = mem_spaces,
	.mark = mem_mark,
	.apply = mem_apply,
	.get = mem_get,
	.scan = mem_scan,
	.reset = mem_reset,
	.backup = mem_backup,
	.stat = mem_stat,
};
