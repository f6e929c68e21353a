/*
 * Index tables: applying changes (each apply is one new run), looking keys up, scanning.
 *
 * Applying writes a run and a manifest that names it, and renames the manifest into place; none of
 * it is synced. Every so often, and when the store is closed, the runs are synced and then a second
 * manifest, manifest.sync. What a crash leaves of the first is believed only as far as checksums
 * bear it out; the second can be relied upon (manifest.c).
 */
#include "config.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "arena.h"
#include "tables.h"

/* Of the bytes that are not synced yet, apply waits for a sync beyond this many times the limit. */
#define SYNC_WAIT 8

/* ---- sets ---- */

struct flat_set *flat_set_new(uint64_t generation, const struct tally_mark *mark, uint32_t count)
{
	struct flat_set *set = tally_calloc(1, sizeof(*set) + count * sizeof(set->runs[0]));

	set->users = 1;
	set->generation = generation;
	set->mark = *mark;
	return set;
}

void flat_set_add(struct flat_index *index, struct flat_set *set, struct flat_run *run)
{
	pthread_mutex_lock(&index->lock);
	run->users++;
	pthread_mutex_unlock(&index->lock);
	set->runs[set->count++] = run;
}

struct flat_set *flat_set_hold(struct flat_index *index, struct flat_set *const *place)
{
	struct flat_set *set;

	pthread_mutex_lock(&index->lock);
	set = *place;
	if (set != NULL)
		set->users++;
	pthread_mutex_unlock(&index->lock);
	return set;
}

/* The runs that no set holds any more are moved to the front; returns how many. */
static uint32_t set_unused(struct flat_set *set)
{
	uint32_t unused = 0;

	for (uint32_t i = 0; i < set->count; i++) {
		struct flat_run *run = set->runs[i];

		if (--run->users == 0)
			set->runs[unused++] = run;
	}
	return unused;
}

void flat_set_release(struct flat_index *index, struct flat_set *set)
{
	struct tally_err ignored;
	uint32_t unused = 0;
	bool last;

	if (set == NULL)
		return;
	pthread_mutex_lock(&index->lock);
	last = --set->users == 0;
	if (last)
		unused = set_unused(set);
	pthread_mutex_unlock(&index->lock);
	for (uint32_t i = 0; i < unused; i++) {
		/* One that stays because of an error is swept at the next load. */
		if (!index->closing)
			flat_unlink_paced(index->medium.disk, set->runs[i]->handle.path, &ignored);
		flat_run_free(&index->medium, set->runs[i]);
	}
	if (last)
		free(set);
}

/* ---- spaces ---- */

static struct flat_tables *tables_new(struct flat_index *index, uint64_t space)
{
	struct flat_tables *tables = tally_calloc(1, sizeof(*tables));

	tables->id = space;
	tables->dir = flat_path(index->medium.disk, "index/%016" PRIx64, space);
	pthread_mutex_init(&tables->merge, NULL);
	pthread_mutex_init(&tables->sync, NULL);
	pthread_mutex_init(&tables->apply, NULL);
	return tables;
}

/* *loaded_r: its sets are there. */
static struct flat_tables *tables_find(struct flat_index *index, uint64_t space, bool *loaded_r)
{
	struct flat_tables **bucket, *tables;

	bucket = &index->buckets[((space * 0x9e3779b97f4a7c15u) >> 40) % FLAT_BUCKETS];
	pthread_mutex_lock(&index->lock);
	for (tables = *bucket; tables != NULL && tables->id != space; tables = tables->next)
		;
	if (tables == NULL) {
		tables = tables_new(index, space);
		tables->next = *bucket;
		*bucket = tables;
	}
	*loaded_r = tables->current != NULL;
	pthread_mutex_unlock(&index->lock);
	return tables;
}

struct flat_tables *flat_tables_get(struct flat_index *index, uint64_t space,
				    struct tally_err *err)
{
	bool loaded;
	struct flat_tables *tables = tables_find(index, space, &loaded);
	int ret = 0;

	if (loaded)
		return tables;
	pthread_mutex_lock(&tables->apply);
	tables_find(index, space, &loaded);
	if (!loaded)
		ret = flat_tables_load(index, tables, err);
	pthread_mutex_unlock(&tables->apply);
	return ret < 0 ? NULL : tables;
}

/* ---- replacing the current set ---- */

static char *tables_path(const struct flat_tables *tables, const char *name)
{
	struct tally_buf buf = { 0 };

	tally_buf_printf(&buf, "%s/%s", tables->dir, name);
	tally_buf_add_u8(&buf, '\0');
	return (char *)buf.data;
}

static int manifest_write(struct flat_index *index, const struct flat_tables *tables,
			  const struct flat_set *set, bool sync, struct tally_err *err)
{
	char *path = tables_path(tables, sync ? "manifest.sync" : "manifest");
	struct tally_buf buf = { 0 };
	int ret;

	flat_manifest_encode(index, tables, set, sync, &buf);
	ret = flat_replace(index->medium.disk, path, tally_buf_bytes(&buf), sync, err);
	tally_buf_free(&buf);
	free(path);
	return ret;
}

static void set_swap(struct flat_index *index, struct flat_set **place, struct flat_set *set)
{
	struct flat_set *old;

	pthread_mutex_lock(&index->lock);
	old = *place;
	*place = set;
	pthread_mutex_unlock(&index->lock);
	flat_set_release(index, old);
}

int flat_tables_install(struct flat_index *index, struct flat_tables *tables,
			struct flat_set *set, struct tally_err *err)
{
	if (manifest_write(index, tables, set, false, err) < 0) {
		flat_set_release(index, set);
		return -1;
	}
	set_swap(index, &tables->current, set);
	return 0;
}

/* ---- sync ---- */

static int runs_sync(struct flat_index *index, const struct flat_set *set, struct tally_err *err)
{
	for (uint32_t i = 0; i < set->count; i++) {
		struct flat_run *run = set->runs[i];
		bool synced;
		int fd, ret;

		pthread_mutex_lock(&index->lock);
		synced = run->synced;
		pthread_mutex_unlock(&index->lock);
		if (synced)
			continue;
		fd = flat_handle_get(index->medium.disk, &run->handle, err);
		if (fd < 0)
			return -1;
		ret = flat_sync_paced(index->medium.disk, fd, run->handle.path, err);
		flat_handle_put(index->medium.disk, &run->handle);
		if (ret < 0)
			return -1;
	}
	return 0;
}

/* Runs, their entries, the manifest, its entry: each durable before the next says so. */
static int set_sync(struct flat_index *index, struct flat_tables *tables,
		    const struct flat_set *set, struct tally_err *err)
{
	struct flat_disk *disk = index->medium.disk;

	if (runs_sync(index, set, err) < 0 || flat_sync_dir(disk, tables->dir, err) < 0)
		return -1;
	if (!tables->parent_synced && flat_sync_dir(disk, index->dir, err) < 0)
		return -1;
	tables->parent_synced = true;
	pthread_mutex_lock(&index->lock);
	for (uint32_t i = 0; i < set->count; i++)
		set->runs[i]->synced = true;
	index->stat.syncs++;
	pthread_mutex_unlock(&index->lock);
	if (manifest_write(index, tables, set, true, err) < 0)
		return -1;
	return flat_sync_dir(disk, tables->dir, err);
}

int flat_tables_sync(struct flat_index *index, struct flat_tables *tables, struct tally_err *err)
{
	struct flat_set *set;
	uint64_t synced = 0;
	int ret = 0;

	pthread_mutex_lock(&tables->sync);
	set = flat_set_hold(index, &tables->current);
	pthread_mutex_lock(&index->lock);
	if (tables->synced != NULL)
		synced = tables->synced->generation;
	pthread_mutex_unlock(&index->lock);
	if (set != NULL && set->generation != synced) {
		ret = flat_disk_alive(index->medium.disk, "sync of the index", err);
		if (ret == 0)
			ret = set_sync(index, tables, set, err);
		if (ret == 0) {
			set_swap(index, &tables->synced, set);
			set = NULL;
		}
	}
	flat_set_release(index, set);
	pthread_mutex_unlock(&tables->sync);
	return ret;
}

/* ---- apply ---- */

static bool mark_equal(const struct tally_mark *a, const struct tally_mark *b)
{
	return a->blocks == b->blocks && a->projection == b->projection &&
	       memcmp(a->header_hash, b->header_hash, sizeof(a->header_hash)) == 0 &&
	       memcmp(a->store_id, b->store_id, sizeof(a->store_id)) == 0;
}

static struct tally_bytes full_key(uint32_t table, struct tally_bytes key,
				   uint8_t room[FLAT_RUN_KEY])
{
	room[0] = (uint8_t)table;
	if (key.size > 0)
		memcpy(room + 1, key.data, key.size);
	return tally_bytes(room, key.size + 1);
}

static int build_run(struct flat_index *index, struct flat_tables *tables,
		     const struct tally_change *changes, size_t count, struct flat_run **run_r,
		     struct tally_err *err)
{
	struct flat_builder *builder;
	uint8_t key[FLAT_RUN_KEY];
	uint64_t id;

	pthread_mutex_lock(&index->lock);
	id = tables->next_id++;
	pthread_mutex_unlock(&index->lock);
	builder = flat_builder_new(&index->medium, tables->id, id, count);
	for (size_t i = 0; i < count; i++) {
		const struct tally_change *change = &changes[i];

		if (flat_builder_add(builder, full_key(change->table, change->key, key),
				     change->value, change->remove, err) < 0) {
			flat_builder_abort(&builder);
			return -1;
		}
	}
	return flat_builder_finish(&builder, run_r, err);
}

static int make_dir(struct flat_index *index, struct flat_tables *tables, struct tally_err *err)
{
	if (!tables->has_dir && flat_mkdir(index->medium.disk, tables->dir, err) < 0)
		return -1;
	tables->has_dir = true;
	return 0;
}

static int apply_run(struct flat_index *index, struct flat_tables *tables,
		     const struct flat_set *old, const struct tally_mark *to,
		     const struct tally_change *changes, size_t count, struct tally_err *err)
{
	struct flat_run *run;
	struct flat_set *set;

	if (make_dir(index, tables, err) < 0 ||
	    build_run(index, tables, changes, count, &run, err) < 0)
		return -1;
	set = flat_set_new(old->generation + 1, to, old->count + 1);
	if (run != NULL)
		flat_set_add(index, set, run);
	for (uint32_t i = 0; i < old->count; i++)
		flat_set_add(index, set, old->runs[i]);
	return flat_tables_install(index, tables, set, err);
}

static int apply_locked(struct flat_index *index, struct flat_tables *tables,
			const struct tally_mark *from, const struct tally_mark *to,
			const struct tally_change *changes, size_t count, struct tally_err *err)
{
	struct flat_set *old = flat_set_hold(index, &tables->current);
	int ret;

	if (!mark_equal(&old->mark, from))
		ret = tally_err_set(err, TALLY_CONFLICT, "the mark is at block %" PRIu64
				    ", not %" PRIu64 ", or another one", old->mark.blocks,
				    from->blocks);
	else
		ret = apply_run(index, tables, old, to, changes, count, err);
	flat_set_release(index, old);
	return ret;
}

static uint64_t unsynced_bytes(struct flat_index *index, struct flat_tables *tables)
{
	uint64_t bytes = 0;

	pthread_mutex_lock(&index->lock);
	for (uint32_t i = 0; tables->current != NULL && i < tables->current->count; i++) {
		if (!tables->current->runs[i]->synced)
			bytes += tables->current->runs[i]->bytes;
	}
	pthread_mutex_unlock(&index->lock);
	return bytes;
}

int flat_index_apply(struct flat_index *index, uint64_t space, const struct tally_mark *from,
		     const struct tally_mark *to, const struct tally_change *changes,
		     size_t count, struct tally_err *err)
{
	struct flat_tables *tables = flat_tables_get(index, space, err);
	int ret = -1;

	if (tables != NULL && flat_disk_alive(index->medium.disk, "apply", err) == 0) {
		pthread_mutex_lock(&tables->apply);
		ret = apply_locked(index, tables, from, to, changes, count, err);
		pthread_mutex_unlock(&tables->apply);
	}
	if (ret < 0)
		return tally_err_prefix(err, "apply: space %" PRIu64, space);
	pthread_mutex_lock(&index->lock);
	index->stat.applies++;
	pthread_mutex_unlock(&index->lock);
	if (unsynced_bytes(index, tables) > SYNC_WAIT * index->conf.sync_bytes &&
	    flat_tables_sync(index, tables, err) < 0)
		tally_log(TALLY_LOG_ERROR, "flatfile.sync", "dir", tables->dir, "reason", err->text,
			  NULL);
	flat_tables_tend(index, tables);
	return 0;
}

/* ---- reading ---- */

int flat_index_mark(struct flat_index *index, uint64_t space, struct tally_mark *mark_r,
		    struct tally_err *err)
{
	struct flat_tables *tables = flat_tables_get(index, space, err);
	struct flat_set *set;

	if (tables == NULL)
		return tally_err_prefix(err, "mark: space %" PRIu64, space);
	set = flat_set_hold(index, &tables->current);
	*mark_r = set->mark;
	flat_set_release(index, set);
	return 0;
}

/* 1: the run has the key (perhaps a tombstone: then *value_r has no data); 0; -1. */
static int run_get(struct flat_index *index, struct flat_run *run, struct tally_bytes key,
		   bool *removed_r, struct tally_arena *arena, struct tally_bytes *value_r,
		   struct tally_err *err)
{
	struct flat_cursor cursor = { .medium = &index->medium, .run = run, .keep = true };
	int ret = flat_run_may_have(&index->medium, run, key, err);

	if (ret <= 0)
		return ret;
	ret = flat_cursor_seek(&cursor, key, false, err);
	if (ret == 0 && cursor.valid && tally_bytes_equal(cursor.key, key)) {
		*removed_r = cursor.removed;
		if (!cursor.removed)
			*value_r = tally_arena_bytes(arena, cursor.value);
		ret = 1;
	}
	flat_cursor_close(&cursor);
	return ret;
}

int flat_index_get(struct flat_index *index, uint64_t space, uint32_t table,
		   struct tally_bytes key, struct tally_arena *arena, struct tally_bytes *value_r,
		   struct tally_err *err)
{
	struct flat_tables *tables = flat_tables_get(index, space, err);
	uint8_t room[FLAT_RUN_KEY];
	struct flat_set *set;
	bool removed = false;
	int ret = tables == NULL ? -1 : 0;

	if (tables != NULL) {
		key = full_key(table, key, room);
		set = flat_set_hold(index, &tables->current);
		for (uint32_t i = 0; ret == 0 && i < set->count; i++)
			ret = run_get(index, set->runs[i], key, &removed, arena, value_r, err);
		flat_set_release(index, set);
	}
	if (ret < 0)
		return tally_err_prefix(err, "get: space %" PRIu64 " table %" PRIu32, space, table);
	return removed ? 0 : ret;
}

/* Where a scan begins and where it ends, as full keys. */
struct bounds {
	struct tally_bytes low;
	struct tally_bytes high;
	bool backwards;
};

static bool within(const struct bounds *bounds, struct tally_bytes key)
{
	if (bounds->backwards)
		return tally_bytes_compare(key, bounds->low) >= 0;
	return tally_bytes_compare(key, bounds->high) < 0;
}

static int scan_set(struct flat_index *index, struct flat_set *set, const struct bounds *bounds,
		    tally_scan_each *each, void *ctx, struct tally_err *err)
{
	struct flat_walk walk;
	bool stop = false;
	int ret;

	flat_walk_init(&walk, &index->medium, set->runs, set->count, bounds->backwards, true);
	ret = flat_walk_seek(&walk, bounds->backwards ? bounds->high : bounds->low, err);
	while (ret == 0 && !stop && walk.at != NULL && within(bounds, walk.at->key)) {
		if (!walk.at->removed)
			stop = each(ctx, tally_bytes(walk.at->key.data + 1, walk.at->key.size - 1),
				    walk.at->value) != 0;
		if (!stop)
			ret = flat_walk_next(&walk, err);
	}
	flat_walk_close(&walk);
	return ret;
}

int flat_index_scan(struct flat_index *index, uint64_t space, uint32_t table,
		    struct tally_bytes low, struct tally_bytes high, bool backwards,
		    tally_scan_each *each, void *ctx, struct tally_err *err)
{
	struct flat_tables *tables = flat_tables_get(index, space, err);
	uint8_t rooms[2][FLAT_RUN_KEY];
	struct bounds bounds = {
		.low = full_key(table, low, rooms[0]),
		/* The end of a table is the beginning of the next one. */
		.high = full_key(high.size > 0 ? table : table + 1, high, rooms[1]),
		.backwards = backwards,
	};
	struct flat_set *set;
	int ret = -1;

	if (tables != NULL) {
		set = flat_set_hold(index, &tables->current);
		ret = scan_set(index, set, &bounds, each, ctx, err);
		flat_set_release(index, set);
	}
	if (ret < 0)
		return tally_err_prefix(err, "scan: space %" PRIu64 " table %" PRIu32, space, table);
	return 0;
}

/* ---- reset, drop ---- */

static int reset_locked(struct flat_index *index, struct flat_tables *tables,
			struct tally_err *err)
{
	const struct tally_mark none = { 0 };
	struct flat_set *old = flat_set_hold(index, &tables->current);
	struct flat_set *set = flat_set_new(old->generation + 1, &none, 0);

	flat_set_release(index, old);
	if (make_dir(index, tables, err) < 0) {
		flat_set_release(index, set);
		return -1;
	}
	return flat_tables_install(index, tables, set, err);
}

/* Also where the tables are damaged: that is what reset is for. */
static int tables_reset(struct flat_index *index, struct flat_tables *tables,
			struct tally_err *err)
{
	bool loaded, failed = false;
	int ret;

	if (flat_disk_alive(index->medium.disk, "reset", err) < 0)
		return -1;
	pthread_mutex_lock(&tables->apply);
	tables_find(index, tables->id, &loaded);
	if (!loaded && flat_tables_load(index, tables, err) < 0) {
		flat_tables_load_empty(index, tables);
		failed = true;
	}
	if (!failed && !tables->has_dir)
		ret = 1;	/* nothing was ever applied */
	else
		ret = reset_locked(index, tables, err);
	pthread_mutex_unlock(&tables->apply);
	if (ret == 0)
		ret = flat_tables_sync(index, tables, err);
	if (ret == 0 && failed)
		flat_tables_sweep(index, tables);
	return ret;
}

int flat_index_reset(struct flat_index *index, uint64_t space, struct tally_err *err)
{
	bool loaded;

	if (tables_reset(index, tables_find(index, space, &loaded), err) < 0)
		return tally_err_prefix(err, "reset: space %" PRIu64, space);
	return 0;
}

static int remove_dir(struct flat_index *index, struct flat_tables *tables, struct tally_err *err)
{
	static const char *const names[] = { "manifest", "manifest.sync" };
	const struct tally_mark none = { 0 };
	struct flat_disk *disk = index->medium.disk;
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < sizeof(names) / sizeof(names[0]); i++) {
		char *path = tables_path(tables, names[i]);

		ret = flat_unlink(disk, path, err);
		free(path);
	}
	if (ret < 0)
		return -1;
	/* Fails when a reader still holds runs: an empty directory may stay. */
	disk->files->rmdir(disk->files->ctx, tables->dir);
	tables->has_dir = false;
	set_swap(index, &tables->synced, NULL);
	set_swap(index, &tables->current, flat_set_new(0, &none, 0));
	return flat_sync_dir(disk, index->dir, err);
}

int flat_index_drop(struct flat_index *index, uint64_t space, struct tally_err *err)
{
	bool loaded;
	struct flat_tables *tables = tables_find(index, space, &loaded);
	int ret;

	pthread_mutex_lock(&tables->merge);
	ret = tables_reset(index, tables, err);
	if (ret == 0) {
		pthread_mutex_lock(&tables->sync);
		pthread_mutex_lock(&tables->apply);
		ret = remove_dir(index, tables, err);
		pthread_mutex_unlock(&tables->apply);
		pthread_mutex_unlock(&tables->sync);
	}
	pthread_mutex_unlock(&tables->merge);
	return ret < 0 ? tally_err_prefix(err, "drop: index of space %" PRIu64, space) : 0;
}

/* ---- all spaces ---- */

static int id_compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* The spaces that have a directory, ascending; free *ids_r. */
static int list_spaces(struct flat_index *index, uint64_t **ids_r, size_t *count_r,
		       struct tally_err *err)
{
	DIR *dir = opendir(index->dir);
	struct dirent *entry;
	size_t room = 0;

	*ids_r = NULL;
	*count_r = 0;
	if (dir == NULL)
		return tally_err_errno(err, "open directory %s", index->dir);
	while ((entry = readdir(dir)) != NULL) {
		uint8_t id[8];

		if (!tally_hex_decode(tally_bytes_str(entry->d_name), id, sizeof(id)))
			continue;
		if (*count_r == room) {
			room = 2 * room + 16;
			*ids_r = tally_realloc(*ids_r, room * sizeof(**ids_r));
		}
		(*ids_r)[(*count_r)++] = tally_get_u64(id);
	}
	closedir(dir);
	if (*count_r > 0)
		qsort(*ids_r, *count_r, sizeof(**ids_r), id_compare);
	return 0;
}

int flat_index_sync(struct flat_index *index, struct tally_err *err)
{
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < FLAT_BUCKETS; i++) {
		struct flat_tables *tables;

		pthread_mutex_lock(&index->lock);
		tables = index->buckets[i];
		pthread_mutex_unlock(&index->lock);
		/* New ones are put in front, none is ever taken out. */
		for (; ret == 0 && tables != NULL; tables = tables->next)
			ret = flat_tables_sync(index, tables, err);
	}
	return ret;
}

int flat_index_maintain(struct flat_index *index, struct tally_err *err)
{
	uint64_t *ids;
	size_t count;
	int ret = list_spaces(index, &ids, &count, err);

	for (size_t i = 0; ret == 0 && i < count; i++) {
		struct flat_tables *tables = flat_tables_get(index, ids[i], err);

		ret = tables == NULL ? -1 : flat_tables_merge(index, tables, err);
	}
	free(ids);
	return ret < 0 ? ret : flat_index_sync(index, err);
}

/* ---- backup ---- */

static char *copy_path(const char *directory, const char *path)
{
	struct tally_buf buf = { 0 };
	const char *slash = strrchr(path, '/');
	const char *name = slash - 1;

	while (*name != '/')
		name--;
	tally_buf_printf(&buf, "%s/index%s", directory, name);
	tally_buf_add_u8(&buf, '\0');
	return (char *)buf.data;
}

static int copy_manifest(struct flat_index *index, const struct flat_tables *tables,
			 const struct flat_set *set, const char *directory, struct tally_err *err)
{
	char *here = tables_path(tables, "manifest.sync"), *there = copy_path(directory, here);
	struct tally_buf buf = { 0 };
	int ret;

	flat_manifest_encode(index, tables, set, true, &buf);
	ret = flat_replace(index->medium.disk, there, tally_buf_bytes(&buf), true, err);
	tally_buf_free(&buf);
	free(there);
	free(here);
	return ret;
}

static int copy_set(struct flat_index *index, const struct flat_tables *tables,
		    const struct flat_set *set, const char *directory, struct tally_err *err)
{
	struct flat_disk *disk = index->medium.disk;
	struct tally_buf dir = { 0 };
	int ret;

	tally_buf_printf(&dir, "%s/index/%016" PRIx64, directory, tables->id);
	tally_buf_add_u8(&dir, '\0');
	ret = flat_mkdir(disk, (const char *)dir.data, err);
	for (uint32_t i = 0; ret == 0 && i < set->count; i++) {
		char *to = copy_path(directory, set->runs[i]->handle.path);

		ret = flat_copy(disk, set->runs[i]->handle.path, to, set->runs[i]->bytes, err);
		free(to);
	}
	if (ret == 0)
		ret = copy_manifest(index, tables, set, directory, err);
	if (ret == 0 && disk->files->sync_dir(disk->files->ctx, (const char *)dir.data) < 0)
		ret = tally_err_errno(err, "sync directory %s", (const char *)dir.data);
	tally_buf_free(&dir);
	return ret;
}

int flat_index_backup(struct flat_index *index, const char *directory, struct tally_err *err)
{
	uint64_t *ids;
	size_t count;
	int ret = list_spaces(index, &ids, &count, err);

	for (size_t i = 0; ret == 0 && i < count; i++) {
		struct flat_tables *tables = flat_tables_get(index, ids[i], err);
		struct flat_set *set;

		/* Tables can be rebuilt: damaged ones do not keep the blocks from being saved. */
		if (tables == NULL && err->code == TALLY_CORRUPT) {
			tally_log(TALLY_LOG_WARN, "flatfile.backup", "left-out", err->text, NULL);
			continue;
		}
		if (tables == NULL)
			ret = -1;
		set = ret < 0 ? NULL : flat_set_hold(index, &tables->current);
		if (set != NULL && set->generation > 0)
			ret = copy_set(index, tables, set, directory, err);
		flat_set_release(index, set);
	}
	free(ids);
	return ret;
}

/* ---- open, close, figures ---- */

int flat_index_create(struct flat_disk *disk, struct tally_err *err)
{
	char *dir = flat_path(disk, "index");
	int ret = flat_mkdir(disk, dir, err);

	free(dir);
	return ret;
}

void flat_index_open(struct flat_disk *disk, const struct flat_index_conf *conf,
		     struct flat_index **index_r)
{
	struct flat_index *index = tally_calloc(1, sizeof(*index));

	index->medium.disk = disk;
	flat_pages_init(&index->medium.pages, conf->cache);
	atomic_init(&index->medium.serial, 1);
	atomic_init(&index->stop, false);
	index->conf = *conf;
	index->dir = flat_path(disk, "index");
	pthread_mutex_init(&index->lock, NULL);
	pthread_cond_init(&index->wake, NULL);
	*index_r = index;
}

static void tables_free(struct flat_index *index, struct flat_tables *tables)
{
	flat_set_release(index, tables->synced);
	flat_set_release(index, tables->current);
	pthread_mutex_destroy(&tables->apply);
	pthread_mutex_destroy(&tables->sync);
	pthread_mutex_destroy(&tables->merge);
	free(tables->dir);
	free(tables);
}

void flat_index_close(struct flat_index *index)
{
	struct tally_err err;

	if (index == NULL)
		return;
	flat_worker_stop(index);
	if (!atomic_load(&index->medium.disk->dead) && flat_index_sync(index, &err) < 0)
		tally_log(TALLY_LOG_WARN, "flatfile.sync", "reason", err.text, NULL);
	index->closing = true;
	for (size_t i = 0; i < FLAT_BUCKETS; i++) {
		for (struct flat_tables *at = index->buckets[i], *next; at != NULL; at = next) {
			next = at->next;
			tables_free(index, at);
		}
	}
	flat_pages_free(&index->medium.pages);
	pthread_cond_destroy(&index->wake);
	pthread_mutex_destroy(&index->lock);
	free(index->dir);
	free(index);
}

void flat_index_stat(struct flat_index *index, struct flat_index_stat *stat)
{
	pthread_mutex_lock(&index->lock);
	*stat = index->stat;
	for (size_t i = 0; i < FLAT_BUCKETS; i++) {
		for (const struct flat_tables *at = index->buckets[i]; at != NULL; at = at->next)
			stat->runs += at->current != NULL ? at->current->count : 0;
	}
	pthread_mutex_unlock(&index->lock);
}
