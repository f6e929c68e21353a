/*
 * Walking over several runs at once, and merging them into one.
 *
 * Runs are sorted into tiers by size, each four times the one below. When the newest runs contain
 * four of one tier, they and all newer ones become one run: so a space has a few runs of each
 * tier, and a pair is rewritten once per tier. Merging streams page by page; what it takes is one
 * page of each run and the filter of the new one. Little merges are done at once, larger ones by a
 * thread that is started when there is first something for it.
 */
#include "config.h"

#include <stdlib.h>

#include "arena.h"
#include "tables.h"

#define TIER_BYTES (256u << 10)		/* up to here a run is of tier 0 */
#define TIER_RUNS 4
#define MERGE_AT_ONCE (1u << 20)	/* bytes that are merged in the caller's thread */
#define RUNS_WAIT 40			/* apply merges by itself beyond so many */

/* ---- walking ---- */

void flat_walk_init(struct flat_walk *walk, struct flat_medium *medium, struct flat_run *const *runs,
		    uint32_t count, bool backwards, bool keep)
{
	*walk = (struct flat_walk){ .count = count, .backwards = backwards };
	walk->cursors = tally_calloc(count + 1, sizeof(*walk->cursors));
	for (uint32_t i = 0; i < count; i++)
		walk->cursors[i] = (struct flat_cursor){ .medium = medium, .run = runs[i],
							 .keep = keep };
}

/* The cursor that comes first in the direction of the walk; of equal ones the newest. */
static void walk_choose(struct flat_walk *walk)
{
	walk->at = NULL;
	for (uint32_t i = 0; i < walk->count; i++) {
		struct flat_cursor *cursor = &walk->cursors[i];
		int order;

		if (!cursor->valid)
			continue;
		order = walk->at == NULL ? -1 : tally_bytes_compare(cursor->key, walk->at->key);
		if (walk->at == NULL || (walk->backwards ? order > 0 : order < 0))
			walk->at = cursor;
	}
}

int flat_walk_seek(struct flat_walk *walk, struct tally_bytes key, struct tally_err *err)
{
	for (uint32_t i = 0; i < walk->count; i++) {
		if (flat_cursor_seek(&walk->cursors[i], key, walk->backwards, err) < 0)
			return -1;
	}
	walk_choose(walk);
	return 0;
}

/* Older pairs of the same key are passed over; the one that counted goes last, it has the key. */
int flat_walk_next(struct flat_walk *walk, struct tally_err *err)
{
	for (uint32_t i = 0; i < walk->count; i++) {
		struct flat_cursor *cursor = &walk->cursors[i];

		if (cursor != walk->at && cursor->valid &&
		    tally_bytes_equal(cursor->key, walk->at->key) &&
		    flat_cursor_step(cursor, walk->backwards, err) < 0)
			return -1;
	}
	if (flat_cursor_step(walk->at, walk->backwards, err) < 0)
		return -1;
	walk_choose(walk);
	return 0;
}

void flat_walk_close(struct flat_walk *walk)
{
	for (uint32_t i = 0; i < walk->count; i++)
		flat_cursor_close(&walk->cursors[i]);
	free(walk->cursors);
}

/* ---- what is due ---- */

static unsigned int tier_of(uint64_t bytes)
{
	unsigned int tier = 0;

	for (uint64_t limit = TIER_BYTES; bytes > limit && tier < 20; limit *= 4)
		tier++;
	return tier;
}

/* How many of the newest runs are to become one; 0: nothing is due. */
static uint32_t merge_due(const struct flat_set *set)
{
	unsigned int top = 0, same = 0;

	for (uint32_t i = 0; i < set->count; i++) {
		unsigned int tier = tier_of(set->runs[i]->bytes);

		if (tier > top || i == 0) {
			top = tier;
			same = 1;
		} else if (tier == top) {
			same++;
		}
		if (same == TIER_RUNS)
			return i + 1;
	}
	return 0;
}

static uint64_t set_bytes(const struct flat_set *set, uint32_t count)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < count; i++)
		bytes += set->runs[i]->bytes;
	return bytes;
}

/* ---- merging ---- */

/* Tombstones have nothing left to hide once no older run is behind them. */
static int merge_pairs(struct flat_index *index, struct flat_walk *walk,
		       struct flat_builder *builder, bool oldest, struct tally_err *err)
{
	static const uint8_t lowest[1] = { 0 };
	int ret = flat_walk_seek(walk, tally_bytes(lowest, 1), err);

	while (ret == 0 && walk->at != NULL) {
		if (atomic_load_explicit(&index->stop, memory_order_relaxed))
			return tally_err_set(err, TALLY_BUSY, "the store is being closed");
		if (!walk->at->removed || !oldest)
			ret = flat_builder_add(builder, walk->at->key, walk->at->value,
					       walk->at->removed, err);
		if (ret == 0)
			ret = flat_walk_next(walk, err);
	}
	return ret;
}

static int merge_runs(struct flat_index *index, struct flat_tables *tables,
		      const struct flat_set *set, uint32_t count, struct flat_run **run_r,
		      struct tally_err *err)
{
	struct flat_builder *builder;
	struct flat_walk walk;
	uint64_t entries = 0, id;
	int ret;

	for (uint32_t i = 0; i < count; i++)
		entries += set->runs[i]->entries;
	pthread_mutex_lock(&index->lock);
	id = tables->next_id++;
	pthread_mutex_unlock(&index->lock);
	builder = flat_builder_new(&index->medium, tables->id, id, entries);
	flat_walk_init(&walk, &index->medium, set->runs, count, false, false);
	ret = merge_pairs(index, &walk, builder, count == set->count, err);
	flat_walk_close(&walk);
	if (ret < 0) {
		flat_builder_abort(&builder);
		return -1;
	}
	return flat_builder_finish(&builder, run_r, err);
}

/*
 * A large run is synced before a manifest names it: else, if the process is killed before the next
 * sync, the next open reads it from end to end.
 */
static int sync_large(struct flat_index *index, struct flat_run *run, struct tally_err *err)
{
	int fd, ret;

	if (run == NULL || run->bytes <= index->conf.sync_bytes)
		return 0;
	fd = flat_handle_get(index->medium.disk, &run->handle, err);
	if (fd < 0)
		return -1;
	ret = flat_sync_paced(index->medium.disk, fd, run->handle.path, err);
	flat_handle_put(index->medium.disk, &run->handle);
	run->synced = ret == 0;
	return ret;
}

/* The current set with the merged run in place of the first count runs of old; NULL when these
 * are not all there any more. Runs that came since stand in front of them. */
static struct flat_set *set_replaced(struct flat_index *index, const struct flat_set *now,
				     const struct flat_set *old, uint32_t count,
				     struct flat_run *run)
{
	uint32_t front = 0;
	struct flat_set *set;

	while (front < now->count && now->runs[front] != old->runs[0])
		front++;
	if (now->count - front < count)
		return NULL;
	for (uint32_t i = 0; i < count; i++) {
		if (now->runs[front + i] != old->runs[i])
			return NULL;
	}
	set = flat_set_new(now->generation + 1, &now->mark, now->count + 1);
	for (uint32_t i = 0; i < front; i++)
		flat_set_add(index, set, now->runs[i]);
	if (run != NULL)
		flat_set_add(index, set, run);
	for (uint32_t i = front + count; i < now->count; i++)
		flat_set_add(index, set, now->runs[i]);
	return set;
}

/* A run that found no place in any set. */
static void run_discard(struct flat_index *index, struct flat_run *run)
{
	struct tally_err ignored;

	if (run == NULL)
		return;
	flat_unlink(index->medium.disk, run->handle.path, &ignored);
	flat_run_free(&index->medium, run);
}

static int merge_install(struct flat_index *index, struct flat_tables *tables,
			 const struct flat_set *old, uint32_t count, struct flat_run *run,
			 struct tally_err *err)
{
	struct flat_set *now, *set;
	int ret = 0;

	pthread_mutex_lock(&tables->apply);
	now = flat_set_hold(index, &tables->current);
	set = set_replaced(index, now, old, count, run);
	if (set != NULL)
		ret = flat_tables_install(index, tables, set, err);
	else
		run_discard(index, run);
	flat_set_release(index, now);
	pthread_mutex_unlock(&tables->apply);
	return ret;
}

/* 1: merged something, 0: nothing is due (or no more than limit bytes of it), -1. */
static int merge_once(struct flat_index *index, struct flat_tables *tables, uint64_t limit,
		      struct tally_err *err)
{
	struct flat_set *set;
	struct flat_run *run;
	uint32_t count = 0;
	int ret = flat_disk_alive(index->medium.disk, "merge", err);

	pthread_mutex_lock(&tables->merge);
	set = flat_set_hold(index, &tables->current);
	if (ret == 0)
		count = merge_due(set);
	if (count > 0 && set_bytes(set, count) > limit)
		count = 0;
	if (count > 0) {
		ret = merge_runs(index, tables, set, count, &run, err);
		if (ret == 0 && sync_large(index, run, err) < 0) {
			run_discard(index, run);
			ret = -1;
		}
		if (ret == 0)
			ret = merge_install(index, tables, set, count, run, err);
		if (ret == 0) {
			pthread_mutex_lock(&index->lock);
			index->stat.merges++;
			index->stat.merged_bytes += set_bytes(set, count);
			pthread_mutex_unlock(&index->lock);
			ret = 1;
		}
	}
	flat_set_release(index, set);
	pthread_mutex_unlock(&tables->merge);
	return ret;
}

int flat_tables_merge(struct flat_index *index, struct flat_tables *tables, struct tally_err *err)
{
	int ret;

	do {
		ret = merge_once(index, tables, UINT64_MAX, err);
	} while (ret > 0);
	return ret;
}

/* ---- in the background ---- */

static void log_failure(const struct flat_tables *tables, const struct tally_err *err)
{
	if (err->code != TALLY_BUSY)
		tally_log(TALLY_LOG_ERROR, "flatfile.merge", "dir", tables->dir, "reason", err->text,
			  NULL);
}

static uint64_t bytes_to_sync(struct flat_index *index, struct flat_tables *tables)
{
	struct flat_set *set = flat_set_hold(index, &tables->current);
	uint64_t bytes = 0;

	pthread_mutex_lock(&index->lock);
	for (uint32_t i = 0; i < set->count; i++)
		bytes += set->runs[i]->synced ? 0 : set->runs[i]->bytes;
	pthread_mutex_unlock(&index->lock);
	flat_set_release(index, set);
	return bytes;
}

static void work_on(struct flat_index *index, struct flat_tables *tables)
{
	struct tally_err err;

	if (flat_tables_merge(index, tables, &err) < 0 ||
	    (bytes_to_sync(index, tables) > index->conf.sync_bytes &&
	     flat_tables_sync(index, tables, &err) < 0))
		log_failure(tables, &err);
}

static void *worker(void *ctx)
{
	struct flat_index *index = ctx;

	pthread_mutex_lock(&index->lock);
	while (!atomic_load(&index->stop)) {
		struct flat_tables *tables = index->work;

		if (tables == NULL) {
			pthread_cond_wait(&index->wake, &index->lock);
			continue;
		}
		index->work = tables->next_work;
		tables->working = false;
		pthread_mutex_unlock(&index->lock);
		work_on(index, tables);
		pthread_mutex_lock(&index->lock);
	}
	pthread_mutex_unlock(&index->lock);
	return NULL;
}

static void hand_over(struct flat_index *index, struct flat_tables *tables)
{
	pthread_mutex_lock(&index->lock);
	if (!index->has_thread && !atomic_load(&index->stop))
		index->has_thread = pthread_create(&index->thread, NULL, worker, index) == 0;
	if (index->has_thread && !tables->working) {
		tables->working = true;
		tables->next_work = index->work;
		index->work = tables;
		pthread_cond_signal(&index->wake);
	}
	pthread_mutex_unlock(&index->lock);
}

void flat_worker_stop(struct flat_index *index)
{
	atomic_store(&index->stop, true);
	pthread_mutex_lock(&index->lock);
	pthread_cond_broadcast(&index->wake);
	pthread_mutex_unlock(&index->lock);
	if (index->has_thread)
		pthread_join(index->thread, NULL);
	index->has_thread = false;
}

void flat_tables_tend(struct flat_index *index, struct flat_tables *tables)
{
	struct flat_set *set = flat_set_hold(index, &tables->current);
	uint32_t due = merge_due(set), runs = set->count;
	uint64_t bytes = set_bytes(set, due);
	struct tally_err err;
	int ret = 0;

	flat_set_release(index, set);
	if (due > 0 && (bytes <= MERGE_AT_ONCE || runs > RUNS_WAIT))
		ret = merge_once(index, tables, runs > RUNS_WAIT ? UINT64_MAX : MERGE_AT_ONCE, &err);
	else if (due > 0)
		hand_over(index, tables);
	if (ret < 0)
		log_failure(tables, &err);
	if (bytes_to_sync(index, tables) > index->conf.sync_bytes)
		hand_over(index, tables);
}
