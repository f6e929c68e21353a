/*
 * Index tables: pairs in index.db under the slot of their space. A slot is a number that is never
 * used twice; reset gives the space a new one and leaves the old one's pairs to be cleared away.
 * Slot 0 is the directory:
 *   m space  ->  slot, mark		the space's tables and how far they have come
 *   n        ->  slot			the next free one
 *   t slot   ->  nothing		pairs of this slot are to be removed
 *   b space  ->  nothing		blocks of this dropped space are to be removed
 *
 * Apply lays its changes over the tables in memory, publishes the mark, and only then writes them,
 * in one transaction. A reader looks at the overlay first and at index.db, uncommitted pages and
 * all, for what is not in it: so it sees the pairs of the old mark or of the new one and waits for
 * neither. If the writing fails, the overlay stays and is written before the next apply.
 */
#include "bdb.h"

#define SLOT_PREFIX 5			/* u32 slot, u8 table */
#define KEY_ROOM (SLOT_PREFIX + TALLY_KEY_MAX)
#define MARK_RECORD (4 + TALLY_MARK_SIZE)

enum { DIR_BLOCKS = 'b', DIR_MARK = 'm', DIR_NEXT = 'n', DIR_TRASH = 't' };

/* A key of index.db. */
struct full_key {
	uint8_t data[KEY_ROOM];
	size_t size;
};

static struct full_key key_make(uint32_t slot, uint8_t table, struct tally_bytes key)
{
	struct full_key full = { .size = SLOT_PREFIX + key.size };

	tally_put_u32(full.data, slot);
	full.data[4] = table;
	if (key.size > 0)
		memcpy(full.data + SLOT_PREFIX, key.data, key.size);
	return full;
}

static struct full_key dir_space(uint8_t kind, uint64_t space)
{
	uint8_t number[8];

	tally_put_u64(number, space);
	return key_make(0, kind, tally_bytes(number, sizeof(number)));
}

static struct full_key dir_slot(uint8_t kind, uint32_t slot)
{
	uint8_t number[4];

	tally_put_u32(number, slot);
	return key_make(0, kind, tally_bytes(number, sizeof(number)));
}

static struct tally_bytes key_bytes(const struct full_key *key)
{
	return tally_bytes(key->data, key->size);
}

static int put(struct bdb_store *bdb, DB_TXN *txn, const struct full_key *key, const void *data,
	       size_t size)
{
	DBT key_dbt = bdb_dbt(key->data, key->size);
	DBT data_dbt = bdb_dbt(data, size);

	return bdb->index->put(bdb->index, txn, &key_dbt, &data_dbt, 0);
}

static int take_out(struct bdb_store *bdb, DB_TXN *txn, const struct full_key *key)
{
	DBT key_dbt = bdb_dbt(key->data, key->size);
	int ret = bdb->index->del(bdb->index, txn, &key_dbt, 0);

	return ret == DB_NOTFOUND ? 0 : ret;
}

/* A record of the directory of exactly this size; DB_NOTFOUND. */
static int dir_get(struct bdb_store *bdb, const struct full_key *key, void *data, size_t size)
{
	DBT key_dbt = bdb_dbt(key->data, key->size);
	DBT data_dbt = bdb_dbt(data, size);
	unsigned int tries = 0;
	int ret;

	do {
		ret = bdb->index->get(bdb->index, NULL, &key_dbt, &data_dbt, DB_READ_UNCOMMITTED);
	} while (bdb_again(bdb, ret, ++tries));
	if (ret == DB_BUFFER_SMALL || (ret == 0 && data_dbt.size != size))
		return DB_VERIFY_BAD;
	return ret;
}

/* The first key at or after *key, which becomes it. */
static int seek(struct bdb_store *bdb, struct full_key *key)
{
	DBT nothing = { .flags = DB_DBT_USERMEM | DB_DBT_PARTIAL };
	DBT key_dbt = bdb_dbt(key->data, key->size);
	unsigned int tries = 0;
	DBC *cursor;
	int ret;

	key_dbt.ulen = sizeof(key->data);
	do {
		ret = bdb->index->cursor(bdb->index, NULL, &cursor, DB_READ_UNCOMMITTED);
		if (ret == 0) {
			ret = cursor->get(cursor, &key_dbt, &nothing, DB_SET_RANGE);
			cursor->close(cursor);
		}
	} while (bdb_again(bdb, ret, ++tries));
	key->size = key_dbt.size;
	return ret;
}

/* Is there a record of this kind? Its number's bytes are behind the prefix of *key_r. */
static int dir_first(struct bdb_store *bdb, uint8_t kind, struct full_key *key_r)
{
	int ret;

	*key_r = key_make(0, kind, TALLY_BYTES_NONE);
	if ((ret = seek(bdb, key_r)) != 0)
		return ret;
	return tally_get_u32(key_r->data) == 0 && key_r->data[4] == kind ? 0 : DB_NOTFOUND;
}

int bdb_directory_load(struct bdb_store *bdb, struct tally_err *err)
{
	struct full_key key = key_make(0, DIR_NEXT, TALLY_BYTES_NONE);
	uint8_t number[4];
	int ret = dir_get(bdb, &key, number, sizeof(number));

	bdb->next_slot = ret == 0 ? tally_get_u32(number) : 1;
	if (ret == 0 || ret == DB_NOTFOUND) {
		ret = dir_first(bdb, DIR_BLOCKS, &key);
		if (ret == DB_NOTFOUND)
			ret = dir_first(bdb, DIR_TRASH, &key);
		atomic_store(&bdb->trash, ret == 0);
	}
	if (ret == 0 || ret == DB_NOTFOUND)
		return 0;
	return bdb_fail(bdb, ret, err, "open %s/index.db", bdb->env_dir);
}

int bdb_index_load(struct bdb_store *bdb, struct bdb_space *space)
{
	struct full_key key = dir_space(DIR_MARK, space->number);
	uint8_t record[MARK_RECORD];
	int ret = dir_get(bdb, &key, record, sizeof(record));

	if (ret != 0)
		return ret == DB_NOTFOUND ? 0 : ret;
	space->slot = tally_get_u32(record);
	tally_mark_decode(&space->mark, record + 4);
	return 0;
}

int bdb_mark(struct tally_store *store, uint64_t number, struct tally_mark *mark_r,
	     struct tally_err *err)
{
	struct bdb_store *bdb = bdb_downcast(store);
	struct bdb_space *space;

	if (bdb_may_read(bdb, "mark", err) < 0 || bdb_space(bdb, number, &space, err) < 0)
		return -1;
	pthread_mutex_lock(&bdb->lock);
	*mark_r = space->mark;
	pthread_mutex_unlock(&bdb->lock);
	return 0;
}

/* ---- overlays ---- */

static struct bdb_overlay *overlay_new(uint32_t slot, const struct tally_mark *mark,
				       const struct tally_change *changes, size_t count)
{
	size_t bytes = sizeof(struct bdb_overlay) + count * sizeof(*changes);
	struct bdb_overlay *overlay;
	uint8_t *at;

	for (size_t i = 0; i < count; i++)
		bytes += changes[i].key.size + (changes[i].remove ? 0 : changes[i].value.size);
	overlay = tally_malloc(bytes);
	*overlay = (struct bdb_overlay){ .users = 1, .slot = slot, .mark = *mark, .count = count,
					 .changes = (struct tally_change *)(overlay + 1) };
	at = (uint8_t *)(overlay->changes + count);
	for (size_t i = 0; i < count; i++) {
		struct tally_change *change = &overlay->changes[i];

		*change = changes[i];
		change->key.data = memcpy(at, changes[i].key.data, changes[i].key.size);
		at += change->key.size;
		if (change->remove || change->value.size == 0) {
			change->value = TALLY_BYTES_NONE;
			continue;
		}
		change->value.data = memcpy(at, changes[i].value.data, changes[i].value.size);
		at += change->value.size;
	}
	return overlay;
}

void bdb_overlay_free(struct bdb_overlay *overlay)
{
	free(overlay);
}

/* The overlay and slot a reader is to use now; to be given back with unpin. */
static struct bdb_overlay *pin(struct bdb_store *bdb, struct bdb_space *space, uint32_t *slot_r)
{
	struct bdb_overlay *overlay;

	pthread_mutex_lock(&bdb->lock);
	overlay = space->overlay;
	*slot_r = space->slot;
	if (overlay != NULL)
		overlay->users++;
	pthread_mutex_unlock(&bdb->lock);
	return overlay;
}

static void unpin(struct bdb_store *bdb, struct bdb_overlay *overlay)
{
	bool last;

	if (overlay == NULL)
		return;
	pthread_mutex_lock(&bdb->lock);
	last = --overlay->users == 0;
	pthread_mutex_unlock(&bdb->lock);
	if (last)
		bdb_overlay_free(overlay);
}

static int compare(uint32_t table, struct tally_bytes key, const struct tally_change *change)
{
	if (table != change->table)
		return table < change->table ? -1 : 1;
	return tally_bytes_compare(key, change->key);
}

/* The first change that is not before table and key. */
static size_t overlay_seek(const struct bdb_overlay *overlay, uint32_t table,
			   struct tally_bytes key)
{
	size_t low = 0, high = overlay->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare(table, key, &overlay->changes[middle]) > 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static const struct tally_change *overlay_find(const struct bdb_overlay *overlay, uint32_t table,
					       struct tally_bytes key)
{
	size_t at = overlay != NULL ? overlay_seek(overlay, table, key) : 0;

	if (overlay == NULL || at == overlay->count ||
	    compare(table, key, &overlay->changes[at]) != 0)
		return NULL;
	return &overlay->changes[at];
}

/* ---- apply ---- */

static int put_mark(struct bdb_store *bdb, DB_TXN *txn, uint64_t space, uint32_t slot,
		    const struct tally_mark *mark)
{
	struct full_key key = dir_space(DIR_MARK, space);
	uint8_t record[MARK_RECORD];

	tally_put_u32(record, slot);
	tally_mark_encode(mark, record + 4);
	return put(bdb, txn, &key, record, sizeof(record));
}

static int put_next_slot(struct bdb_store *bdb, DB_TXN *txn)
{
	struct full_key key = key_make(0, DIR_NEXT, TALLY_BYTES_NONE);
	uint8_t number[4];

	tally_put_u32(number, bdb->next_slot);
	return put(bdb, txn, &key, number, sizeof(number));
}

/* Ends a transaction one way or the other; ret is how it went so far. */
static int finish(struct bdb_store *bdb, DB_TXN *txn, int ret, u_int32_t flags)
{
	int end;

	if (ret == 0) {
		if ((ret = txn->commit(txn, flags)) != 0)
			bdb_set_failed(bdb, "committing to the index", ret);
		return ret;
	}
	if ((end = txn->abort(txn)) != 0)
		bdb_set_failed(bdb, "taking back a change of the index", end);
	return ret;
}

/* Pairs that go to the engine in one call. */
#define GROUP_BYTES (128u << 10)

struct group {
	struct bdb_store *bdb;
	DB_TXN *txn;
	DBT pairs;
	void *at;			/* of the engine's macros: where the next pair goes */
	bool some;
};

static void group_begin(struct group *group)
{
	group->some = false;
	DB_MULTIPLE_WRITE_INIT(group->at, &group->pairs);
}

static int group_put(struct group *group)
{
	DBT nothing = { .size = 0 };
	int ret = 0;

	if (group->some)
		ret = group->bdb->index->put(group->bdb->index, group->txn, &group->pairs, &nothing,
					     DB_MULTIPLE_KEY);
	group_begin(group);
	return ret;
}

/* Adds a pair; false: it does not fit. */
static bool group_add(struct group *group, const struct full_key *key, struct tally_bytes value)
{
	void *to_key, *to_value;

	DB_MULTIPLE_KEY_RESERVE_NEXT(group->at, &group->pairs, to_key, key->size, to_value,
				     value.size);
	if (to_key == NULL || to_value == NULL)
		return false;
	memcpy(to_key, key->data, key->size);
	if (value.size > 0)
		memcpy(to_value, value.data, value.size);
	group->some = true;
	return true;
}

static int write_change(struct group *group, uint32_t slot, const struct tally_change *change)
{
	struct full_key key = key_make(slot, (uint8_t)change->table, change->key);
	int ret;

	if (change->remove) {
		ret = group_put(group);
		return ret != 0 ? ret : take_out(group->bdb, group->txn, &key);
	}
	if (group_add(group, &key, change->value))
		return 0;
	if ((ret = group_put(group)) != 0 || group_add(group, &key, change->value))
		return ret;
	return put(group->bdb, group->txn, &key, change->value.data, change->value.size);
}

static int write_all(struct bdb_store *bdb, DB_TXN *txn, const struct bdb_overlay *overlay)
{
	struct group group = { .bdb = bdb, .txn = txn };
	int ret = 0;

	group.pairs = bdb_dbt(tally_malloc(GROUP_BYTES), GROUP_BYTES);
	group_begin(&group);
	for (size_t i = 0; ret == 0 && i < overlay->count; i++)
		ret = write_change(&group, overlay->slot, &overlay->changes[i]);
	if (ret == 0)
		ret = group_put(&group);
	free(group.pairs.data);
	return ret;
}

static int write_changes(struct bdb_store *bdb, uint64_t space, const struct bdb_overlay *overlay)
{
	DB_TXN *txn;
	int ret;

	if ((ret = bdb->env->txn_begin(bdb->env, NULL, &txn, 0)) != 0)
		return ret;
	ret = write_all(bdb, txn, overlay);
	if (ret == 0)
		ret = put_mark(bdb, txn, space, overlay->slot, &overlay->mark);
	if (ret == 0)
		ret = put_next_slot(bdb, txn);
	return finish(bdb, txn, ret, DB_TXN_NOSYNC);
}

/* Puts another overlay (or none) over the tables, and the mark and slot that go with it. */
static void publish(struct bdb_store *bdb, struct bdb_space *space, uint32_t slot,
		    const struct tally_mark *mark, struct bdb_overlay *overlay)
{
	struct bdb_overlay *old;

	pthread_mutex_lock(&bdb->lock);
	old = space->overlay;
	space->overlay = overlay;
	space->slot = slot;
	space->mark = *mark;
	pthread_mutex_unlock(&bdb->lock);
	unpin(bdb, old);
}

/* Writes the overlay of a space and takes it off. index_lock held. */
static int settle(struct bdb_store *bdb, struct bdb_space *space)
{
	const struct bdb_overlay *overlay = space->overlay;
	struct tally_mark mark = overlay->mark;
	unsigned int tries = 0;
	int ret;

	do {
		ret = write_changes(bdb, space->number, overlay);
	} while (bdb_again(bdb, ret, ++tries));
	if (ret == 0)
		publish(bdb, space, overlay->slot, &mark, NULL);
	atomic_store(&bdb->wrote, true);
	return ret;
}

static struct bdb_space *find_unsettled(struct bdb_store *bdb)
{
	struct bdb_space *found = NULL;

	pthread_mutex_lock(&bdb->lock);
	for (size_t i = 0; i < bdb->bucket_count && found == NULL; i++) {
		for (found = bdb->buckets[i]; found != NULL; found = found->next) {
			if (found->overlay != NULL)
				break;
		}
	}
	pthread_mutex_unlock(&bdb->lock);
	return found;
}

int bdb_index_drain(struct bdb_store *bdb, struct tally_err *err)
{
	struct bdb_space *space;
	int ret = 0;

	pthread_mutex_lock(&bdb->index_lock);
	while (ret == 0 && (space = find_unsettled(bdb)) != NULL) {
		if ((ret = settle(bdb, space)) != 0)
			bdb_fail(bdb, ret, err, "index of space %" PRIu64, space->number);
	}
	pthread_mutex_unlock(&bdb->index_lock);
	return ret == 0 ? 0 : -1;
}

static uint64_t bytes_of(const struct tally_change *changes, size_t count)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < count; i++)
		bytes += SLOT_PREFIX + changes[i].key.size + changes[i].value.size;
	return bytes;
}

static int apply_check(struct bdb_store *bdb, struct bdb_space *space,
		       const struct tally_mark *from, uint64_t bytes, struct tally_err *err)
{
	int ret;

	if (bdb_may_write(bdb, bytes, "apply", err) < 0)
		return -1;
	if (space->dropped)
		return tally_err_set(err, TALLY_NOTFOUND, "apply: space %" PRIu64 " was dropped",
				     space->number);
	if (!tally_mark_equal(&space->mark, from))
		return tally_err_set(err, TALLY_CONFLICT,
				     "apply: the mark of space %" PRIu64 " is at block %" PRIu64
				     ", not %" PRIu64 ", or another one", space->number,
				     space->mark.blocks, from->blocks);
	if (space->overlay != NULL && (ret = settle(bdb, space)) != 0)
		return bdb_fail(bdb, ret, err, "apply to space %" PRIu64, space->number);
	return 0;
}

int bdb_apply(struct tally_store *store, uint64_t number, const struct tally_mark *from,
	      const struct tally_mark *to, const struct tally_change *changes,
	      size_t change_count, struct tally_err *err)
{
	struct bdb_store *bdb = bdb_downcast(store);
	uint64_t bytes = bytes_of(changes, change_count);
	struct bdb_space *space;
	struct tally_err later;
	uint32_t slot;
	int ret;

	if (bdb_space(bdb, number, &space, err) < 0)
		return -1;
	pthread_mutex_lock(&bdb->index_lock);
	if (apply_check(bdb, space, from, bytes, err) < 0) {
		pthread_mutex_unlock(&bdb->index_lock);
		return -1;
	}
	slot = space->slot != 0 ? space->slot : bdb->next_slot++;
	publish(bdb, space, slot, to, overlay_new(slot, to, changes, change_count));
	ret = settle(bdb, space);
	if (ret != 0) {
		/* Done, as readers see it; that it may be lost in a crash is allowed. */
		bdb_fail(bdb, ret, &later, "apply to space %" PRIu64, number);
		tally_log(TALLY_LOG_WARN, "bdb.apply.later", "path", bdb->dir, "reason", later.text,
			  NULL);
	}
	pthread_mutex_unlock(&bdb->index_lock);
	pthread_mutex_lock(&bdb->lock);
	bdb->figures.applies++;
	pthread_mutex_unlock(&bdb->lock);
	bdb_keeper_hint(bdb, bytes);
	return 0;
}

int bdb_sync_index(struct tally_store *store, struct tally_err *err)
{
	struct bdb_store *bdb = bdb_downcast(store);
	int ret;

	if (bdb_may_write(bdb, 0, "sync_index", err) < 0 && err->code != TALLY_FULL)
		return -1;
	if (bdb_index_drain(bdb, err) < 0)
		return -1;
	if ((ret = bdb->env->log_flush(bdb->env, NULL)) == 0)
		return 0;
	bdb_set_failed(bdb, "syncing the index", ret);
	return bdb_fail(bdb, ret, err, "sync_index");
}

/* ---- reading ---- */

/* Most values fit here; a tile of the log does not miss it either. */
#define VALUE_ROOM 20480

static int get_stored(struct bdb_store *bdb, const struct full_key *key,
		      struct tally_arena *arena, struct tally_bytes *value_r)
{
	uint8_t room[VALUE_ROOM];
	DBT key_dbt = bdb_dbt(key->data, key->size);
	DBT data_dbt = bdb_dbt(room, sizeof(room));
	unsigned int tries = 0;
	int ret;

	for (;;) {
		ret = bdb->index->get(bdb->index, NULL, &key_dbt, &data_dbt, DB_READ_UNCOMMITTED);
		if (ret == DB_BUFFER_SMALL)
			data_dbt = bdb_dbt(tally_arena_alloc(arena, data_dbt.size), data_dbt.size);
		else if (!bdb_again(bdb, ret, ++tries))
			break;
	}
	if (ret != 0)
		return ret;
	if (data_dbt.data == room)
		*value_r = tally_bytes(tally_arena_copy(arena, room, data_dbt.size), data_dbt.size);
	else
		*value_r = tally_bytes(data_dbt.data, data_dbt.size);
	return 0;
}

int bdb_get(struct tally_store *store, uint64_t number, uint32_t table, struct tally_bytes key,
	    struct tally_arena *arena, struct tally_bytes *value_r, struct tally_err *err)
{
	struct bdb_store *bdb = bdb_downcast(store);
	const struct tally_change *change;
	struct bdb_overlay *overlay;
	struct bdb_space *space;
	struct full_key full;
	char hex[2 * 16 + 1];
	uint32_t slot;
	int ret;

	if (bdb_may_read(bdb, "get", err) < 0 || bdb_space(bdb, number, &space, err) < 0)
		return -1;
	overlay = pin(bdb, space, &slot);
	change = overlay_find(overlay, table, key);
	if (change != NULL && !change->remove)
		*value_r = tally_arena_bytes(arena, change->value);
	ret = change == NULL ? -1 : !change->remove;
	unpin(bdb, overlay);
	if (ret >= 0 || slot == 0)
		return ret > 0;
	full = key_make(slot, (uint8_t)table, key);
	ret = get_stored(bdb, &full, arena, value_r);
	if (ret == 0 || ret == DB_NOTFOUND)
		return ret == 0;
	tally_hex_encode(key.data, key.size < 16 ? key.size : 16, hex);
	return bdb_fail(bdb, ret, err, "get of space %" PRIu64 " table %" PRIu32 " key %s%s", number,
			table, hex, key.size > 16 ? "..." : "");
}

/* ---- scanning ---- */

/* Many scans want the first pair only: the first batch has one, each further one eight times as many. */
#define BATCH_GROWTH 8
#define BATCH_PAIRS 256
#define BATCH_BYTES (256u << 10)

struct pair {
	struct tally_bytes key;		/* without the prefix */
	struct tally_bytes value;
};

/* Where a scan has come to: what is left lies from low (or behind it) to below high. */
struct scan {
	struct bdb_store *bdb;
	struct bdb_space *space;
	uint32_t slot;
	uint32_t table;
	bool backwards;
	bool above;			/* low itself was given out */
	bool done;
	struct full_key low, high;

	/* of the running batch */
	DBC *cursor;
	bool placed;			/* the cursor stands somewhere */
	bool stored_end;		/* no more pairs from the tree */
	bool stored_held;		/* one was fetched and not used yet */
	struct full_key stored_key;
	DBT stored_value;		/* grows as needed; freed at the end of the scan */
	const struct bdb_overlay *overlay;
	size_t over_low, over_high;	/* changes left */
	size_t count, bytes;
	size_t most;			/* pairs of the batch */
	struct pair pairs[BATCH_PAIRS];
};

static bool in_range(const struct scan *scan, struct tally_bytes full)
{
	int low = tally_bytes_compare(full, key_bytes(&scan->low));

	return (low > 0 || (low == 0 && !scan->above)) &&
		tally_bytes_compare(full, key_bytes(&scan->high)) < 0;
}

static int cursor_move(struct scan *scan, u_int32_t how)
{
	DBT key = bdb_dbt(scan->stored_key.data, scan->stored_key.size);
	int ret;

	key.ulen = sizeof(scan->stored_key.data);
	ret = scan->cursor->get(scan->cursor, &key, &scan->stored_value, how);
	scan->stored_key.size = key.size;
	return ret;
}

/* The tree's pair next in the scan's direction becomes the held one, if it is in range. */
static int stored_next(struct scan *scan)
{
	int ret;

	if (scan->placed) {
		ret = cursor_move(scan, scan->backwards ? DB_PREV : DB_NEXT);
	} else if (scan->backwards) {
		scan->stored_key = scan->high;
		ret = cursor_move(scan, DB_SET_RANGE);
		if (ret == 0 || ret == DB_NOTFOUND)
			ret = cursor_move(scan, ret == 0 ? DB_PREV : DB_LAST);
	} else {
		scan->stored_key = scan->low;
		ret = cursor_move(scan, DB_SET_RANGE);
		if (ret == 0 && scan->above && tally_bytes_equal(key_bytes(&scan->stored_key),
								 key_bytes(&scan->low)))
			ret = cursor_move(scan, DB_NEXT);
	}
	if (ret != 0 && ret != DB_NOTFOUND)
		return ret;
	scan->placed = true;
	scan->stored_held = ret == 0 && in_range(scan, key_bytes(&scan->stored_key));
	scan->stored_end = !scan->stored_held;
	return 0;
}

static const struct tally_change *over_next(const struct scan *scan)
{
	if (scan->over_low == scan->over_high)
		return NULL;
	return &scan->overlay->changes[scan->backwards ? scan->over_high - 1 : scan->over_low];
}

static void over_use(struct scan *scan)
{
	if (scan->backwards)
		scan->over_high--;
	else
		scan->over_low++;
}

static void emit(struct scan *scan, struct tally_arena *arena, struct tally_bytes key,
		 struct tally_bytes value)
{
	struct pair *pair = &scan->pairs[scan->count++];

	pair->key = tally_arena_bytes(arena, key);
	pair->value = tally_arena_bytes(arena, value);
	scan->bytes += key.size + value.size;
}

/* The scan has come past this key. */
static void come_past(struct scan *scan, struct tally_bytes key)
{
	struct full_key *edge = scan->backwards ? &scan->high : &scan->low;

	*edge = key_make(scan->slot, (uint8_t)scan->table, key);
	if (!scan->backwards)
		scan->above = true;
}

/* One step of the merge of tree and overlay. */
static int step(struct scan *scan, struct tally_arena *arena)
{
	const struct tally_change *change = over_next(scan);
	struct tally_bytes stored = TALLY_BYTES_NONE, key;
	int order, ret;

	if (!scan->stored_held && !scan->stored_end && (ret = stored_next(scan)) != 0)
		return ret;
	if (!scan->stored_held && change == NULL) {
		scan->done = true;
		return 0;
	}
	if (scan->stored_held)
		stored = tally_bytes(scan->stored_key.data + SLOT_PREFIX,
				     scan->stored_key.size - SLOT_PREFIX);
	if (!scan->stored_held || change == NULL)
		order = change == NULL ? -1 : 1;
	else
		order = tally_bytes_compare(stored, change->key) * (scan->backwards ? -1 : 1);
	if (order < 0) {
		key = stored;
		emit(scan, arena, key, tally_bytes(scan->stored_value.data, scan->stored_value.size));
	} else {
		key = change->key;
		if (!change->remove)
			emit(scan, arena, key, change->value);
		over_use(scan);
	}
	come_past(scan, key);
	if (order <= 0)
		scan->stored_held = false;
	return 0;
}

/* The part of the overlay that lies in what is left of the scan. */
static void over_begin(struct scan *scan)
{
	const struct bdb_overlay *overlay = scan->overlay;
	struct tally_bytes low = tally_bytes(scan->low.data + SLOT_PREFIX,
					     scan->low.size - SLOT_PREFIX);
	struct tally_bytes high = tally_bytes(scan->high.data + SLOT_PREFIX,
					      scan->high.size - SLOT_PREFIX);

	scan->over_low = scan->over_high = 0;
	if (overlay == NULL || overlay->slot != scan->slot)
		return;
	scan->over_low = overlay_seek(overlay, scan->table, low);
	if (scan->above && scan->over_low < overlay->count &&
	    compare(scan->table, low, &overlay->changes[scan->over_low]) == 0)
		scan->over_low++;
	scan->over_high = overlay_seek(overlay, scan->high.data[4], high);
	if (scan->over_high < scan->over_low)
		scan->over_high = scan->over_low;
}

/* Copies the next pairs to arena; the cursor is closed and nothing held when it returns. */
static int batch(struct scan *scan, struct tally_arena *arena)
{
	struct bdb_overlay *overlay;
	uint32_t slot;
	int ret;

	scan->placed = scan->stored_end = scan->stored_held = false;
	scan->count = scan->bytes = 0;
	overlay = pin(scan->bdb, scan->space, &slot);
	scan->overlay = overlay;
	over_begin(scan);
	ret = scan->bdb->index->cursor(scan->bdb->index, NULL, &scan->cursor, DB_READ_UNCOMMITTED);
	if (ret == 0) {
		while (ret == 0 && !scan->done && scan->count < scan->most &&
		       scan->bytes < BATCH_BYTES)
			ret = step(scan, arena);
		scan->cursor->close(scan->cursor);
	}
	unpin(scan->bdb, overlay);
	return ret;
}

static int scan_all(struct scan *scan, tally_scan_each *each, void *ctx)
{
	struct tally_arena arena;
	unsigned int tries = 0;
	bool stop = false;
	int ret = 0;

	tally_arena_init(&arena);
	scan->most = 1;
	while (!scan->done && !stop) {
		tally_arena_reset(&arena);
		ret = batch(scan, &arena);
		for (size_t i = 0; i < scan->count && !stop; i++)
			stop = each(ctx, scan->pairs[i].key, scan->pairs[i].value) != 0;
		if (scan->count > 0)
			tries = 0;
		scan->most = scan->most < BATCH_PAIRS / BATCH_GROWTH ? scan->most * BATCH_GROWTH :
								       BATCH_PAIRS;
		if (ret != 0 && !bdb_again(scan->bdb, ret, ++tries))
			break;
	}
	tally_arena_free(&arena);
	return stop ? 0 : ret;
}

int bdb_scan(struct tally_store *store, uint64_t number, uint32_t table, struct tally_bytes low,
	     struct tally_bytes high, bool backwards, tally_scan_each *each, void *ctx,
	     struct tally_err *err)
{
	struct bdb_store *bdb = bdb_downcast(store);
	struct bdb_space *space;
	struct scan *scan;
	uint32_t slot;
	int ret;

	if (bdb_may_read(bdb, "scan", err) < 0 || bdb_space(bdb, number, &space, err) < 0)
		return -1;
	unpin(bdb, pin(bdb, space, &slot));
	if (slot == 0)
		return 0;
	scan = tally_calloc(1, sizeof(*scan));
	scan->bdb = bdb;
	scan->space = space;
	scan->slot = slot;
	scan->table = table;
	scan->backwards = backwards;
	scan->low = key_make(slot, (uint8_t)table, low);
	/* No bound: to where the next table would begin. */
	scan->high = key_make(slot, (uint8_t)(table + (high.size == 0)), high);
	scan->stored_value.flags = DB_DBT_REALLOC;
	ret = scan_all(scan, each, ctx);
	free(scan->stored_value.data);
	free(scan);
	if (ret == 0)
		return 0;
	return bdb_fail(bdb, ret, err, "scan of space %" PRIu64 " table %" PRIu32, number, table);
}

/* ---- reset and drop ---- */

/* In a transaction: the space has no tables any more; those of slot are to be cleared away. */
static int forget_tables(struct bdb_store *bdb, DB_TXN *txn, uint64_t space, uint32_t slot)
{
	struct full_key mark = dir_space(DIR_MARK, space), trash = dir_slot(DIR_TRASH, slot);
	int ret = take_out(bdb, txn, &mark);

	if (ret == 0 && slot != 0)
		ret = put(bdb, txn, &trash, "", 0);
	/* A slot that was only promised to an overlay must not be given out again either. */
	return ret != 0 ? ret : put_next_slot(bdb, txn);
}

static int reset_once(struct bdb_store *bdb, uint64_t space, uint32_t slot)
{
	DB_TXN *txn;
	int ret = bdb->env->txn_begin(bdb->env, NULL, &txn, 0);

	if (ret != 0)
		return ret;
	return finish(bdb, txn, forget_tables(bdb, txn, space, slot), DB_TXN_SYNC);
}

int bdb_reset(struct tally_store *store, uint64_t number, struct tally_err *err)
{
	struct bdb_store *bdb = bdb_downcast(store);
	const struct tally_mark none = { 0 };
	unsigned int tries = 0;
	struct bdb_space *space;
	int ret = 0;

	if (bdb_space(bdb, number, &space, err) < 0)
		return -1;
	pthread_mutex_lock(&bdb->index_lock);
	if (bdb_may_write(bdb, 0, "reset", err) < 0) {
		pthread_mutex_unlock(&bdb->index_lock);
		return -1;
	}
	if (space->slot != 0) {
		do {
			ret = reset_once(bdb, number, space->slot);
		} while (bdb_again(bdb, ret, ++tries));
		if (ret == 0)
			publish(bdb, space, 0, &none, NULL);
		atomic_store(&bdb->wrote, true);
		atomic_store(&bdb->trash, true);
	}
	pthread_mutex_unlock(&bdb->index_lock);
	if (ret != 0)
		return bdb_fail(bdb, ret, err, "reset of space %" PRIu64, number);
	bdb_keeper_poke(bdb);
	return 0;
}

static int drop_once(struct bdb_store *bdb, uint64_t space, uint32_t slot)
{
	struct full_key blocks = dir_space(DIR_BLOCKS, space);
	uint8_t key[BDB_BLOCK_KEY];
	DBT key_dbt = bdb_dbt(key, sizeof(key));
	DBT nothing = bdb_dbt("", 0);
	DB_TXN *txn;
	int ret;

	if ((ret = bdb->env->txn_begin(bdb->env, NULL, &txn, 0)) != 0)
		return ret;
	bdb_block_key(key, space, BDB_TOMBSTONE, 0);
	ret = bdb->blocks->put(bdb->blocks, txn, &key_dbt, &nothing, 0);
	if (ret == 0)
		ret = put(bdb, txn, &blocks, "", 0);
	if (ret == 0)
		ret = forget_tables(bdb, txn, space, slot);
	return finish(bdb, txn, ret, DB_TXN_SYNC);
}

static int drop_locked(struct bdb_store *bdb, struct bdb_space *space, struct tally_err *err)
{
	const struct tally_mark none = { 0 };
	unsigned int tries = 0;
	int ret;

	if (space->dropped)
		return 0;
	if (bdb_may_write(bdb, 0, "drop", err) < 0 && err->code != TALLY_FULL)
		return -1;
	do {
		ret = drop_once(bdb, space->number, space->slot);
	} while (bdb_again(bdb, ret, ++tries));
	if (ret != 0)
		return bdb_fail(bdb, ret, err, "drop of space %" PRIu64, space->number);
	publish(bdb, space, 0, &none, NULL);
	pthread_mutex_lock(&bdb->lock);
	space->dropped = true;
	space->blocks = 0;
	pthread_mutex_unlock(&bdb->lock);
	atomic_store(&bdb->wrote, true);
	atomic_store(&bdb->trash, true);
	return 0;
}

int bdb_drop(struct tally_store *store, uint64_t number, struct tally_err *err)
{
	struct bdb_store *bdb = bdb_downcast(store);
	struct bdb_space *space;
	int ret;

	if (bdb_space(bdb, number, &space, err) < 0)
		return -1;
	pthread_mutex_lock(&bdb->append_lock);
	pthread_mutex_lock(&bdb->index_lock);
	ret = drop_locked(bdb, space, err);
	pthread_mutex_unlock(&bdb->index_lock);
	pthread_mutex_unlock(&bdb->append_lock);
	return ret < 0 ? -1 : bdb_clear_trash(bdb, NULL, err);
}

/* ---- clearing away ---- */

/* Records removed in one transaction: few enough that nobody waits for it long. */
#define CLEAR_PAIRS 256
#define CLEAR_PARTS 16

/* Deletes some records whose keys begin with prefix; *end_r: there are no more. */
static int clear_some(DB *db, DB_TXN *txn, struct tally_bytes prefix, int limit, bool *end_r)
{
	DBT nothing = { .flags = DB_DBT_USERMEM | DB_DBT_PARTIAL };
	uint8_t key[KEY_ROOM];
	DBT key_dbt = bdb_dbt(key, prefix.size);
	DBC *cursor;
	int ret, end;

	memcpy(key, prefix.data, prefix.size);
	key_dbt.ulen = sizeof(key);
	*end_r = false;
	if ((ret = db->cursor(db, txn, &cursor, 0)) != 0)
		return ret;
	ret = cursor->get(cursor, &key_dbt, &nothing, DB_SET_RANGE | DB_RMW);
	for (int i = 0; ret == 0 && i < limit; i++) {
		if (key_dbt.size < prefix.size || memcmp(key, prefix.data, prefix.size) != 0 ||
		    (prefix.size == 8 && tally_get_u64(key + 8) == BDB_TOMBSTONE))
			ret = DB_NOTFOUND;
		else if ((ret = cursor->del(cursor, 0)) == 0)
			ret = cursor->get(cursor, &key_dbt, &nothing, DB_NEXT | DB_RMW);
	}
	if (ret == DB_NOTFOUND) {
		*end_r = true;
		ret = 0;
	}
	end = cursor->close(cursor);
	return ret != 0 ? ret : end;
}

/* One transaction's worth of the work that a directory record asks for; the last takes it out. */
static int clear_chunk(struct bdb_store *bdb, bool blocks, const struct full_key *record)
{
	struct tally_bytes prefix = tally_bytes(record->data + SLOT_PREFIX,
						record->size - SLOT_PREFIX);
	bool ended = false;
	DB_TXN *txn;
	int ret;

	if ((ret = bdb->env->txn_begin(bdb->env, NULL, &txn, 0)) != 0)
		return ret;
	ret = clear_some(blocks ? bdb->blocks : bdb->index, txn, prefix,
			 blocks ? CLEAR_PARTS : CLEAR_PAIRS, &ended);
	if (ret == 0 && ended)
		ret = take_out(bdb, txn, record);
	return finish(bdb, txn, ret, DB_TXN_NOSYNC);
}

/* 1: did a chunk, 0: nothing left, -1: failed. */
static int clear_next(struct bdb_store *bdb, struct tally_err *err)
{
	struct full_key record;
	unsigned int tries = 0;
	bool blocks;
	int ret;

	pthread_mutex_lock(&bdb->append_lock);
	pthread_mutex_lock(&bdb->index_lock);
	blocks = (ret = dir_first(bdb, DIR_BLOCKS, &record)) == 0;
	if (ret == DB_NOTFOUND)
		ret = dir_first(bdb, DIR_TRASH, &record);
	if (ret == 0) {
		atomic_store(&bdb->wrote, true);
		do {
			ret = clear_chunk(bdb, blocks, &record);
		} while (bdb_again(bdb, ret, ++tries));
		ret = ret == 0 ? 1 : bdb_fail(bdb, ret, err, "clearing away");
	} else if (ret == DB_NOTFOUND) {
		atomic_store(&bdb->trash, false);
		ret = 0;
	} else {
		ret = bdb_fail(bdb, ret, err, "clearing away");
	}
	pthread_mutex_unlock(&bdb->index_lock);
	pthread_mutex_unlock(&bdb->append_lock);
	return ret;
}

int bdb_clear_trash(struct bdb_store *bdb, const atomic_bool *stop, struct tally_err *err)
{
	int ret;

	if (bdb_may_write(bdb, 0, "clearing away", err) < 0 && err->code != TALLY_FULL)
		return -1;
	while ((ret = clear_next(bdb, err)) > 0) {
		bdb_keeper_hint(bdb, 1);
		if (stop != NULL && atomic_load(stop))
			return 0;
	}
	return ret;
}
