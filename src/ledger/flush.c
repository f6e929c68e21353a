/*
 * Flushing: what the overlay holds is applied to the index tables. A flush freezes the active
 * generation, adds what belongs to the mark rather than to one block (tiles, the head, expired
 * tokens), applies it sorted in one call, and lets go of it.
 */
#include "core_private.h"

#include <stdlib.h>
#include <time.h>

#include "clock.h"
#include "statecache.h"
#include "tile.h"
#include "tilecache.h"

/* ---- tiles ---- */

/* Level by level: the hashes from `from` on are appended to the tiles of that level. */
struct tiling {
	struct tally_space *space;
	struct tally_overlay *overlay;
	struct tally_tag *tag;
	struct tally_buf up;		/* roots of the tiles completed: the next level's hashes */
	struct tally_buf value;
	struct tally_hash tile[TALLY_TILE_HASHES];
};

static void tile_key(uint8_t key[9], unsigned int level, uint64_t number)
{
	key[0] = (uint8_t)level;
	tally_put_u64(key + 1, number);
}

static void tile_put(struct tiling *t, unsigned int level, uint64_t number, size_t hashes)
{
	uint8_t key[9];

	tile_key(key, level, number);
	tally_buf_clear(&t->value);
	tally_buf_add_u8(&t->value, 1);
	tally_buf_add(&t->value, t->tile, hashes * TALLY_HASH_SIZE);
	tally_overlay_put(t->overlay, t->tag, TABLE_TILE, tally_bytes(key, 9),
			  tally_buf_bytes(&t->value));
}

/* The hashes that the index has of a partial tile. */
static int tile_load(struct tiling *t, unsigned int level, uint64_t number, unsigned int width,
		     struct tally_err *err)
{
	struct tally_arena arena;
	struct tally_bytes value;
	uint8_t key[9];
	int found;

	if (width == 0)
		return 0;
	tile_key(key, level, number);
	tally_arena_init(&arena);
	found = tally_store_get(t->space->core->index, t->space->id, TABLE_TILE,
				tally_bytes(key, 9), &arena, &value, err);
	if (found == 1 && value.size >= 1 + (size_t)width * TALLY_HASH_SIZE)
		memcpy(t->tile, value.data + 1, (size_t)width * TALLY_HASH_SIZE);
	else if (found >= 0)
		found = tally_err_set(err, TALLY_CORRUPT,
				      "ledger %s: the index lacks tile %u/%llu", t->space->name,
				      level, (unsigned long long)number);
	tally_arena_free(&arena);
	return found < 0 ? -1 : 0;
}

static int tile_level(struct tiling *t, unsigned int level, uint64_t from,
		      struct tally_bytes hashes, struct tally_err *err)
{
	size_t count = hashes.size / TALLY_HASH_SIZE, taken = 0;
	unsigned int width = (unsigned int)(from % TALLY_TILE_WIDTH);
	uint64_t number = from / TALLY_TILE_WIDTH;

	tally_buf_clear(&t->up);
	if (tile_load(t, level, number, width, err) != 0)
		return -1;
	while (taken < count) {
		size_t some = TALLY_TILE_WIDTH - width;

		some = some < count - taken ? some : count - taken;
		memcpy(&t->tile[width], hashes.data + taken * TALLY_HASH_SIZE,
		       some * TALLY_HASH_SIZE);
		taken += some;
		width += (unsigned int)some;
		if (width == TALLY_TILE_WIDTH) {
			struct tally_hash root;

			tally_tile_complete(t->tile, &root);
			tally_buf_add(&t->up, root.bytes, TALLY_HASH_SIZE);
			tile_put(t, level, number++, TALLY_TILE_HASHES);
			width = 0;
		} else {
			tile_put(t, level, number, width);
		}
	}
	return 0;
}

/* from: journals that the index knows; to: journals at the new mark. */
static int put_tiles(struct tally_space *space, struct tally_overlay *overlay,
		     struct tally_tag *tag, uint64_t blocks, uint64_t from, uint64_t to,
		     struct tally_err *err)
{
	struct tiling *t = tally_calloc(1, sizeof(*t));
	struct tally_overlay_cursor cursor;
	struct tally_buf hashes = { 0 };
	int result = 0;

	*t = (struct tiling){ .space = space, .overlay = overlay, .tag = tag };
	tally_overlay_seek(&cursor, overlay, (struct tally_sight){ blocks, NULL }, TABLE_NODES,
			   TALLY_BYTES_NONE, TALLY_BYTES_NONE, false);
	for (; cursor.node != NULL && cursor.key.data[0] == 0; tally_overlay_next(&cursor))
		tally_buf_add_bytes(&hashes, cursor.value);
	if (hashes.size != (to - from) * TALLY_HASH_SIZE)
		result = tally_err_set(err, TALLY_CORRUPT, "overlay of %s lacks leaves",
				       space->name);
	for (unsigned int level = 0; result == 0 && hashes.size > 0; level++) {
		struct tally_buf swap;

		result = tile_level(t, level, from, tally_buf_bytes(&hashes), err);
		from /= TALLY_TILE_WIDTH;
		swap = hashes;
		hashes = t->up;
		t->up = swap;
	}
	tally_buf_free(&hashes);
	tally_buf_free(&t->up);
	tally_buf_free(&t->value);
	free(t);
	return result;
}

/* ---- tokens and nonces whose time has passed ---- */

struct expiry {
	struct tally_overlay *overlay;
	struct tally_tag *tag;
	struct tally_buf keys;		/* 25 bytes each */
};

static int collect_expired(void *ctx, struct tally_bytes key, struct tally_bytes value)
{
	struct expiry *expiry = ctx;

	(void)value;
	tally_buf_add_bytes(&expiry->keys, key);
	return 0;
}

/* An entry is taken out when block time has passed its end; of a digest that was used again since,
 * only the older note goes. */
static int put_expired(struct tally_space *space, struct tally_overlay *overlay,
		       struct tally_tag *tag, const struct tally_head *head, struct tally_err *err)
{
	struct tally_view view = { .space = space, .head = (struct tally_head *)head, .told = head,
				   .overlay = { overlay, NULL } };
	struct expiry expiry = { overlay, tag, { 0 } };
	struct tally_arena arena;
	uint8_t end[8];
	int result;

	tally_arena_init(&arena);
	tally_put_u64(end, head->time_ms);
	result = tally_view_scan(&view, TABLE_EXPIRY, TALLY_BYTES_NONE, tally_bytes(end, 8), false,
				 collect_expired, &expiry, err);
	for (size_t at = 0; result == 0 && at + 25 <= expiry.keys.size; at += 25) {
		const uint8_t *key = expiry.keys.data + at;
		struct tally_bytes digest = { key + 9, TALLY_DIGEST_SIZE }, value;
		int found = tally_view_get(&view, key[8], digest, &arena, &value, err);

		if (found < 0)
			result = -1;
		else if (found == 1 && value.size == 33 &&
			 tally_get_u64(value.data + 25) == tally_get_u64(key))
			tally_overlay_remove(overlay, tag, key[8], digest);
		tally_overlay_remove(overlay, tag, TABLE_EXPIRY, tally_bytes(key, 25));
	}
	tally_buf_free(&expiry.keys);
	tally_arena_free(&arena);
	return result;
}

/* ---- one flush ---- */

struct changes {
	struct tally_change *list;
	size_t count, room;
};

static int collect_change(void *ctx, uint32_t table, struct tally_bytes key,
			  struct tally_bytes value, bool removed)
{
	struct changes *changes = ctx;

	if (table == TABLE_NODES)
		return 0;
	if (changes->count == changes->room) {
		changes->room = changes->room == 0 ? 1024 : changes->room * 2;
		changes->list = tally_realloc(changes->list,
					      changes->room * sizeof(*changes->list));
	}
	changes->list[changes->count++] = (struct tally_change){ table, removed, key, value };
	return 0;
}

static void put_head(struct tally_overlay *overlay, struct tally_tag *tag,
		     const struct tally_head *head)
{
	struct tally_buf buf = { 0 };

	tally_head_encode(head, &buf);
	tally_overlay_put(overlay, tag, TABLE_HEAD, TALLY_BYTES_LIT("head"), tally_buf_bytes(&buf));
	tally_buf_free(&buf);
}

static int apply_changes(struct tally_space *space, struct tally_overlay *overlay,
			 const struct tally_head *head, const struct tally_mark *to,
			 struct tally_err *err)
{
	struct changes changes = { 0 };
	int result;

	tally_overlay_walk(overlay, head->blocks, collect_change, &changes);
	result = tally_store_apply(space->core->index, space->id, &space->mark, to, changes.list,
				   changes.count, err);
	free(changes.list);
	if (result != 0)
		tally_err_prefix(err, "applying blocks %llu..%llu of %s",
				 (unsigned long long)space->mark.blocks,
				 (unsigned long long)to->blocks - 1, space->name);
	return result;
}

static int apply_frozen(struct tally_space *space, struct tally_err *err)
{
	struct tally_overlay *overlay = space->frozen;
	struct tally_head *head = space->frozen_head;
	struct tally_tag *tag = tally_overlay_tag(overlay, head->blocks - 1);
	struct tally_mark to = { .blocks = head->blocks, .projection = TALLY_PROJECTION_VERSION };

	atomic_store_explicit(&tag->state, TAG_COMMITTED, memory_order_release);
	memcpy(to.header_hash, head->block_hash, TALLY_HASH_SIZE);
	memcpy(to.store_id, space->core->store_id, 16);
	if (put_tiles(space, overlay, tag, head->blocks, space->mark_journals,
		      head->frontier.size, err) != 0 ||
	    put_expired(space, overlay, tag, head, err) != 0)
		return -1;
	put_head(overlay, tag, head);
	if (apply_changes(space, overlay, head, &to, err) != 0)
		return -1;
	pthread_mutex_lock(&space->look);
	space->mark = to;
	space->mark_journals = head->frontier.size;
	space->frozen = NULL;
	space->frozen_head = NULL;
	pthread_mutex_unlock(&space->look);
	tally_overlay_unref(overlay);
	tally_head_unref(head);
	space->core->stat_flushes++;
	return 0;
}

/* Freezes what was committed. False: there is nothing to apply. A generation whose flush failed
 * before is still frozen, and is tried again first. */
static bool freeze(struct tally_space *space)
{
	bool some;

	tally_space_lock(space);
	pthread_mutex_lock(&space->look);
	/* The entries of a parked block are in the active generation: it must stay. */
	some = space->frozen != NULL ||
	       (space->parked == NULL && space->head != NULL &&
		(space->head->blocks > space->mark.blocks ||
		 __atomic_load_n(&space->confirmed, __ATOMIC_RELAXED)));
	if (some && space->frozen == NULL) {
		__atomic_store_n(&space->confirmed, false, __ATOMIC_RELAXED);
		space->frozen = space->active;
		space->frozen_head = tally_head_ref(space->head);
		space->active = tally_overlay_new();
	}
	pthread_mutex_unlock(&space->look);
	tally_space_unlock(space);
	return some;
}

int tally_space_flush(struct tally_space *space, struct tally_err *err)
{
	int result = 0;

	pthread_mutex_lock(&space->flush);
	if (freeze(space))
		result = apply_frozen(space, err);
	pthread_mutex_unlock(&space->flush);
	return result;
}

void tally_space_lag(struct tally_space *space, size_t *bytes_r, uint64_t *journals_r)
{
	pthread_mutex_lock(&space->look);
	*bytes_r = tally_overlay_size(space->active);
	*journals_r = space->head != NULL ? space->head->frontier.size - space->mark_journals : 0;
	pthread_mutex_unlock(&space->look);
}

/* ---- rebuilding ---- */

static bool rebuild_begin(struct tally_space *space)
{
	bool alone;

	pthread_mutex_lock(&space->look);
	space->rebuilding = true;
	alone = space->readers == 0;
	pthread_mutex_unlock(&space->look);
	return alone;
}

/* Lets go of all that was made of the blocks. No flush runs; the threads that only look find nothing. */
static int rebuild_reset(struct tally_space *space, struct tally_err *err)
{
	struct tally_overlay *active, *frozen;
	struct tally_head *head, *frozen_head;

	if (tally_store_reset(space->core->index, space->id, err) != 0)
		return -1;
	pthread_mutex_lock(&space->look);
	active = space->active;
	frozen = space->frozen;
	head = space->head;
	frozen_head = space->frozen_head;
	space->active = tally_overlay_new();
	space->frozen = NULL;
	space->frozen_head = NULL;
	space->head = NULL;
	space->mark_journals = 0;
	memset(&space->mark, 0, sizeof(space->mark));
	pthread_mutex_unlock(&space->look);
	tally_overlay_unref(active);
	tally_overlay_unref(frozen);
	tally_head_unref(head);
	tally_head_unref(frozen_head);
	tally_state_forget(space);
	tally_tilecache_drop(space->core->tiles, space->id);
	tally_statecache_drop(space->core->states, space->id);
	space->changed_from = 0;
	return 0;
}

static int rebuild_run(struct tally_space *space, tally_progress *progress, void *ctx,
		       struct tally_err *err)
{
	uint64_t count;
	int result;

	space->bulk = true;
	result = tally_space_catch_up(space, err);
	space->bulk = false;
	if (result != 0)
		return -1;
	count = space->head != NULL ? space->head->blocks : 0;
	if (progress != NULL)
		progress(ctx, count, count);
	return 0;
}

int tally_space_rebuild(struct tally_space *space, tally_progress *progress, void *ctx,
			struct tally_err *err)
{
	const struct timespec instant = { 0, 1000000 };
	int result;

	pthread_mutex_lock(&space->flush);
	tally_space_lock(space);
	while (!rebuild_begin(space)) {
		tally_space_unlock(space);
		pthread_mutex_unlock(&space->flush);
		nanosleep(&instant, NULL);
		pthread_mutex_lock(&space->flush);
		tally_space_lock(space);
	}
	result = rebuild_reset(space, err);
	pthread_mutex_unlock(&space->flush);
	if (result == 0)
		result = rebuild_run(space, progress, ctx, err);
	pthread_mutex_lock(&space->look);
	space->rebuilding = false;
	pthread_mutex_unlock(&space->look);
	tally_space_unlock(space);
	if (result == 0 && tally_erase_run(space->core, space, err) != 0)
		tally_log(TALLY_LOG_WARN, "erase", "error", err->text, NULL);
	return result != 0 ? -1 : tally_space_flush(space, err);
}

/* ---- the flush thread ---- */

static bool is_due(struct tally_core *core, struct tally_space *space, bool everything)
{
	size_t bytes;
	uint64_t journals;

	tally_space_lag(space, &bytes, &journals);
	return (journals > 0 || __atomic_load_n(&space->confirmed, __ATOMIC_RELAXED)) &&
	       (everything || bytes > core->limits.overlay_bytes / 2 ||
		journals > core->limits.overlay_journals / 2);
}

int tally_flush_spaces(struct tally_core *core, bool everything, struct tally_err *err)
{
	int result = 0;

	for (struct tally_space *space = tally_space_next(core, NULL); space != NULL;
	     space = tally_space_next(core, space))
		if (is_due(core, space, everything) && tally_space_flush(space, err) != 0)
			result = -1;
	return result;
}

void tally_request_flush(struct tally_core *core)
{
	pthread_mutex_lock(&core->flush_lock);
	pthread_cond_signal(&core->flush_wake);
	pthread_mutex_unlock(&core->flush_lock);
}

static void *flush_main(void *arg)
{
	struct tally_core *core = arg;
	uint64_t last = tally_mono_ns();
	struct tally_err err;

	pthread_mutex_lock(&core->flush_lock);
	while (!core->flush_stop) {
		struct timespec until;
		uint64_t now;
		bool due;

		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec++;		/* what was signed is written down every second */
		pthread_cond_timedwait(&core->flush_wake, &core->flush_lock, &until);
		if (core->flush_stop)
			break;
		pthread_mutex_unlock(&core->flush_lock);
		now = tally_mono_ns();
		due = now - last >= core->limits.flush_ms * 1000000;
		last = due ? now : last;
		if (tally_flush_spaces(core, due, &err) != 0)
			tally_log(TALLY_LOG_ERROR, "index.flush", "error", err.text, NULL);
		if (tally_high_write(core->high, &err) != 0)
			tally_log(TALLY_LOG_ERROR, "high.write", "error", err.text, NULL);
		pthread_mutex_lock(&core->flush_lock);
		pthread_cond_broadcast(&core->flush_done);
	}
	pthread_mutex_unlock(&core->flush_lock);
	return NULL;
}

int tally_flush_start(struct tally_core *core, struct tally_err *err)
{
	if (pthread_create(&core->flusher, NULL, flush_main, core) != 0)
		return tally_err_errno(err, "flush thread");
	core->flusher_runs = true;
	return 0;
}

void tally_flush_stop(struct tally_core *core)
{
	if (!core->flusher_runs)
		return;
	pthread_mutex_lock(&core->flush_lock);
	core->flush_stop = true;
	pthread_cond_signal(&core->flush_wake);
	pthread_mutex_unlock(&core->flush_lock);
	pthread_join(core->flusher, NULL);
	core->flusher_runs = false;
}
