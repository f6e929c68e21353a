/* The wrapper that checks that what lies below keeps the rules of driver.h (wrap.h). */
#include "config.h"

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "hash.h"
#include "store.h"
#include "wrap.h"

static const struct tally_driver rules_driver;

/*
 * What was learnt of a block: the hash of its bytes, from the append that made it or the first
 * read that saw it. An erase learns anew; one that failed leaves the block unknown.
 */
struct seen_block {
	uint8_t hash[TALLY_HASH_SIZE];
	bool known;
	bool acknowledged;			/* to an append of ours: can happen once only */
};

struct seen_space {
	uint64_t space;
	struct seen_space *next;
	struct seen_block *blocks;
	uint64_t room;
	uint64_t count;				/* so many blocks were shown or acknowledged */
	bool dropped;
	struct tally_mark mark;
	bool mark_known;
	uint64_t mark_moves;			/* odd while apply or reset is under way */
};

/*
 * still is held for writing while blocks change in place (erase, drop), and for reading by those
 * who look at blocks; lock guards the rest for moments only.
 */
struct rules_store {
	struct tally_store base;
	struct tally_store *inner;
	pthread_rwlock_t still;
	pthread_mutex_t lock;
	struct seen_space *spaces;
	uint64_t broken;
};

static struct rules_store *rules_downcast(const struct tally_store *store)
{
	assert(store->driver == &rules_driver);
	return (struct rules_store *)(uintptr_t)store;
}

static struct tally_store *rules_inner(struct tally_store *store)
{
	return rules_downcast(store)->inner;
}

static int __attribute__((format(printf, 3, 4)))
rules_break(struct rules_store *rules, struct tally_err *err, const char *format, ...)
{
	char text[300];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	pthread_mutex_lock(&rules->lock);
	rules->broken++;
	pthread_mutex_unlock(&rules->lock);
	return tally_err_set(err, TALLY_CORRUPT, "rule: %s", text);
}

/* With lock held. */
static struct seen_space *seen_space(struct rules_store *rules, uint64_t number)
{
	struct seen_space *space;

	for (space = rules->spaces; space != NULL; space = space->next) {
		if (space->space == number)
			return space;
	}
	space = tally_calloc(1, sizeof(*space));
	space->space = number;
	space->next = rules->spaces;
	rules->spaces = space;
	return space;
}

/* With lock held. */
static struct seen_block *seen_block(struct rules_store *rules, uint64_t number, uint64_t block)
{
	struct seen_space *space = seen_space(rules, number);

	if (block >= space->room) {
		uint64_t room = 2 * block + 16;

		space->blocks = tally_realloc(space->blocks, room * sizeof(*space->blocks));
		memset(space->blocks + space->room, 0,
		       (room - space->room) * sizeof(*space->blocks));
		space->room = room;
	}
	return &space->blocks[block];
}

/* How far the space was seen to reach; what is asked from now on must not be less. */
static uint64_t seen_count(struct rules_store *rules, uint64_t number, bool *dropped_r)
{
	const struct seen_space *space;
	uint64_t count;

	pthread_mutex_lock(&rules->lock);
	space = seen_space(rules, number);
	count = space->count;
	*dropped_r = space->dropped;
	pthread_mutex_unlock(&rules->lock);
	return count;
}

static void learn_count(struct rules_store *rules, uint64_t number, uint64_t count)
{
	struct seen_space *space;

	pthread_mutex_lock(&rules->lock);
	space = seen_space(rules, number);
	if (count > space->count)
		space->count = count;
	pthread_mutex_unlock(&rules->lock);
}

/* Holds a block's bytes against what is known, or learns them. False: they have changed. */
static bool learn_block(struct rules_store *rules, uint64_t number, uint64_t block,
			struct tally_bytes bytes)
{
	uint8_t hash[TALLY_HASH_SIZE];
	struct seen_block *seen;
	bool same = true;

	tally_sha256(bytes.data, bytes.size, hash);
	pthread_mutex_lock(&rules->lock);
	seen = seen_block(rules, number, block);
	if (seen->known)
		same = memcmp(seen->hash, hash, sizeof(hash)) == 0;
	memcpy(seen->hash, hash, sizeof(hash));
	seen->known = true;
	pthread_mutex_unlock(&rules->lock);
	return same;
}

static void rules_close(struct tally_store *store)
{
	struct rules_store *rules = rules_downcast(store);
	struct seen_space *space;

	tally_store_close(&rules->inner);
	while ((space = rules->spaces) != NULL) {
		rules->spaces = space->next;
		free(space->blocks);
		free(space);
	}
	pthread_mutex_destroy(&rules->lock);
	pthread_rwlock_destroy(&rules->still);
	free(rules);
}

static int rules_last(struct tally_store *store, uint64_t space, uint64_t *count_r,
		      struct tally_err *err)
{
	struct rules_store *rules = rules_downcast(store);
	uint64_t before;
	bool dropped;
	int ret;

	pthread_rwlock_rdlock(&rules->still);
	before = seen_count(rules, space, &dropped);
	ret = tally_store_last(rules->inner, space, count_r, err);
	pthread_rwlock_unlock(&rules->still);
	if (ret == 0 && dropped)
		return rules_break(rules, err, "dropped space %" PRIu64 " is back", space);
	if (ret == 0 && *count_r < before)
		return rules_break(rules, err, "space %" PRIu64 " had %" PRIu64 " blocks, now %" PRIu64,
				   space, before, *count_r);
	if (ret == 0)
		learn_count(rules, space, *count_r);
	return ret;
}

/* One acknowledged block: the next of its space, never acknowledged before, not seen otherwise. */
static int rules_acknowledged(struct rules_store *rules, const struct tally_block_write *block,
			      uint64_t before, struct tally_err *err)
{
	struct seen_block *seen;
	bool twice;

	pthread_mutex_lock(&rules->lock);
	seen = seen_block(rules, block->space, block->number);
	twice = seen->acknowledged;
	seen->acknowledged = true;
	pthread_mutex_unlock(&rules->lock);
	if (twice || block->number < before)
		return rules_break(rules, err, "space %" PRIu64 " block %" PRIu64
				   " was there and is acknowledged again", block->space, block->number);
	if (!learn_block(rules, block->space, block->number, block->data))
		return rules_break(rules, err, "space %" PRIu64 " block %" PRIu64
				   " is acknowledged but reads otherwise", block->space, block->number);
	learn_count(rules, block->space, block->number + 1);
	return 0;
}

static int rules_outcomes(struct rules_store *rules, struct tally_block_write *blocks,
			  const uint64_t *before, size_t count, int ret, struct tally_err *err)
{
	bool all = true;

	for (size_t i = 0; i < count; i++) {
		if (blocks[i].outcome != TALLY_OK) {
			all = false;
			continue;
		}
		if (rules_acknowledged(rules, &blocks[i], before[i], err) < 0) {
			blocks[i].outcome = TALLY_CORRUPT;
			ret = -1;
			all = false;
		}
	}
	if (all != (ret == 0))
		return rules_break(rules, err, "append returns %d, its outcomes say otherwise", ret);
	return ret;
}

static int rules_append(struct tally_store *store, struct tally_block_write *blocks,
			size_t block_count, struct tally_err *err)
{
	struct rules_store *rules = rules_downcast(store);
	uint64_t *before = tally_calloc(block_count, sizeof(*before));
	bool dropped;
	int ret;

	pthread_rwlock_rdlock(&rules->still);
	for (size_t i = 0; i < block_count; i++)
		before[i] = seen_count(rules, blocks[i].space, &dropped);
	ret = tally_store_append(rules->inner, blocks, block_count, err);
	ret = rules_outcomes(rules, blocks, before, block_count, ret, err);
	pthread_rwlock_unlock(&rules->still);
	free(before);
	return ret;
}

/* The whole block is fetched beside the slice that was asked for, and both are compared. */
static int rules_check_read(struct rules_store *rules, uint64_t space, uint64_t number,
			    uint64_t offset, uint64_t size, struct tally_bytes bytes,
			    struct tally_err *err)
{
	struct tally_arena scratch = { 0 };
	struct tally_bytes whole, slice = TALLY_BYTES_NONE;
	int ret = tally_store_read(rules->inner, space, number, 0, TALLY_BLOCK_MAX, &scratch, &whole,
				   err);

	if (ret == 0) {
		ret = rules_break(rules, err, "space %" PRIu64 " block %" PRIu64
				  " was there and is gone", space, number);
	} else if (ret > 0) {
		if (offset < whole.size) {
			uint64_t left = whole.size - offset;

			slice = tally_bytes(whole.data + offset, size < left ? size : left);
		}
		if (!learn_block(rules, space, number, whole))
			ret = rules_break(rules, err, "space %" PRIu64 " block %" PRIu64
					  " has changed", space, number);
		else if (!tally_bytes_equal(slice, bytes))
			ret = rules_break(rules, err, "space %" PRIu64 " block %" PRIu64 " bytes %"
					  PRIu64 "+%" PRIu64 " are not those of the block", space,
					  number, offset, size);
	}
	tally_arena_free(&scratch);
	return ret;
}

static int rules_read(struct tally_store *store, uint64_t space, uint64_t number, uint64_t offset,
		      uint64_t size, struct tally_arena *arena, struct tally_bytes *bytes_r,
		      struct tally_err *err)
{
	struct rules_store *rules = rules_downcast(store);
	uint64_t before;
	bool dropped;
	int ret;

	pthread_rwlock_rdlock(&rules->still);
	before = seen_count(rules, space, &dropped);
	ret = tally_store_read(rules->inner, space, number, offset, size, arena, bytes_r, err);
	if (ret > 0 && dropped)
		ret = rules_break(rules, err, "block %" PRIu64 " of dropped space %" PRIu64 " is back",
				  number, space);
	else if (ret > 0)
		ret = rules_check_read(rules, space, number, offset, size, *bytes_r, err);
	else if (ret == 0 && !dropped && number < before)
		ret = rules_break(rules, err, "space %" PRIu64 " had %" PRIu64 " blocks, %" PRIu64
				  " is missing", space, before, number);
	pthread_rwlock_unlock(&rules->still);
	if (ret > 0)
		learn_count(rules, space, number + 1);
	return ret;
}

static void forget_block(struct rules_store *rules, uint64_t space, uint64_t number)
{
	pthread_mutex_lock(&rules->lock);
	seen_block(rules, space, number)->known = false;
	pthread_mutex_unlock(&rules->lock);
}

/* After an erase the block must be what it was, with zeros in the ranges and nowhere else. */
static int rules_check_erased(struct rules_store *rules, uint64_t space, uint64_t number,
			      const struct tally_range *ranges, size_t range_count,
			      struct tally_arena *scratch, struct tally_bytes before,
			      struct tally_err *err)
{
	struct tally_bytes after;
	uint8_t *want = tally_arena_copy(scratch, before.data, before.size);
	int ret;

	for (size_t i = 0; i < range_count; i++) {
		if (ranges[i].offset + ranges[i].size <= before.size)
			memset(want + ranges[i].offset, 0, ranges[i].size);
	}
	ret = tally_store_read(rules->inner, space, number, 0, TALLY_BLOCK_MAX, scratch, &after, err);
	if (ret < 0)
		return -1;
	if (ret == 0 || !tally_bytes_equal(after, tally_bytes(want, before.size)))
		return rules_break(rules, err, "erase of space %" PRIu64 " block %" PRIu64
				   " did something else", space, number);
	learn_block(rules, space, number, after);
	return 0;
}

static int rules_erase(struct tally_store *store, uint64_t space, uint64_t number,
		       const struct tally_range *ranges, size_t range_count, struct tally_err *err)
{
	struct rules_store *rules = rules_downcast(store);
	struct tally_arena scratch = { 0 };
	struct tally_bytes before;
	struct tally_err unheard;
	bool was;
	int ret;

	pthread_rwlock_wrlock(&rules->still);
	was = tally_store_read(rules->inner, space, number, 0, TALLY_BLOCK_MAX, &scratch, &before,
			       &unheard) > 0;
	ret = tally_store_erase(rules->inner, space, number, ranges, range_count, err);
	if (was || ret == 0)
		forget_block(rules, space, number);
	if (ret == 0 && was)
		ret = rules_check_erased(rules, space, number, ranges, range_count, &scratch, before,
					 err);
	pthread_rwlock_unlock(&rules->still);
	tally_arena_free(&scratch);
	return ret;
}

static int rules_scrub(struct tally_store *store, struct tally_err *err)
{
	return tally_store_scrub(rules_inner(store), err);
}

static int rules_drop(struct tally_store *store, uint64_t number, struct tally_err *err)
{
	struct rules_store *rules = rules_downcast(store);
	struct seen_space *space;
	int ret;

	pthread_rwlock_wrlock(&rules->still);
	ret = tally_store_drop(rules->inner, number, err);
	pthread_mutex_lock(&rules->lock);
	space = seen_space(rules, number);
	space->mark_known = false;
	if (ret == 0)
		space->dropped = true;
	pthread_mutex_unlock(&rules->lock);
	pthread_rwlock_unlock(&rules->still);
	return ret;
}

struct rules_walk {
	struct rules_store *rules;
	tally_space_each *each;
	void *ctx;
	struct tally_err *err;
	bool any;
	uint64_t last;
	bool broken;
};

static int rules_space(void *ctx, uint64_t space, uint64_t blocks, bool dropped)
{
	struct rules_walk *walk = ctx;

	if (walk->any && space <= walk->last) {
		rules_break(walk->rules, walk->err, "spaces: %" PRIu64 " comes after %" PRIu64, space,
			    walk->last);
		walk->broken = true;
		return 1;
	}
	walk->any = true;
	walk->last = space;
	return walk->each(walk->ctx, space, blocks, dropped);
}

static int rules_spaces(struct tally_store *store, tally_space_each *each, void *ctx,
			struct tally_err *err)
{
	struct rules_walk walk = { rules_downcast(store), each, ctx, err, false, 0, false };
	int ret = tally_store_spaces(rules_inner(store), rules_space, &walk, err);

	return walk.broken ? -1 : ret;
}

/* The mark as it should be now, and the count of its moves; false if it cannot be told. */
static bool seen_mark(struct rules_store *rules, uint64_t number, struct tally_mark *mark_r,
		      uint64_t *moves_r)
{
	const struct seen_space *space;
	bool known;

	pthread_mutex_lock(&rules->lock);
	space = seen_space(rules, number);
	*mark_r = space->mark;
	*moves_r = space->mark_moves;
	known = space->mark_known && space->mark_moves % 2 == 0;
	pthread_mutex_unlock(&rules->lock);
	return known;
}

static void move_begin(struct rules_store *rules, uint64_t number)
{
	pthread_mutex_lock(&rules->lock);
	seen_space(rules, number)->mark_moves++;
	pthread_mutex_unlock(&rules->lock);
}

/* mark NULL: it is no longer known. */
static void move_end(struct rules_store *rules, uint64_t number, const struct tally_mark *mark)
{
	struct seen_space *space;

	pthread_mutex_lock(&rules->lock);
	space = seen_space(rules, number);
	space->mark_moves++;
	space->mark_known = mark != NULL;
	if (mark != NULL)
		space->mark = *mark;
	pthread_mutex_unlock(&rules->lock);
}

static int rules_mark(struct tally_store *store, uint64_t number, struct tally_mark *mark_r,
		      struct tally_err *err)
{
	struct rules_store *rules = rules_downcast(store);
	struct tally_mark before, after;
	uint64_t moves_before, moves_after;
	bool known = seen_mark(rules, number, &before, &moves_before);

	if (tally_store_mark(rules->inner, number, mark_r, err) < 0)
		return -1;
	if (known && seen_mark(rules, number, &after, &moves_after) &&
	    moves_before == moves_after && !tally_mark_equal(mark_r, &before))
		return rules_break(rules, err, "the mark of space %" PRIu64 " moved from %" PRIu64
				   " to %" PRIu64 " blocks by itself", number, before.blocks,
				   mark_r->blocks);
	return 0;
}

static int rules_apply(struct tally_store *store, uint64_t number, const struct tally_mark *from,
		       const struct tally_mark *to, const struct tally_change *changes,
		       size_t change_count, struct tally_err *err)
{
	struct rules_store *rules = rules_downcast(store);
	struct tally_mark before;
	uint64_t moves;
	bool known = seen_mark(rules, number, &before, &moves);
	bool fits = tally_mark_equal(&before, from);
	int ret;

	move_begin(rules, number);
	ret = tally_store_apply(rules->inner, number, from, to, changes, change_count, err);
	if (ret == 0)
		move_end(rules, number, to);
	else if (err->code == TALLY_CONFLICT && known)
		move_end(rules, number, &before);
	else
		move_end(rules, number, NULL);
	if (ret == 0 && known && !fits)
		return rules_break(rules, err, "apply to space %" PRIu64 " took a mark at %" PRIu64
				   " that was not its own", number, from->blocks);
	if (ret < 0 && err->code == TALLY_CONFLICT && known && fits)
		return rules_break(rules, err, "apply to space %" PRIu64
				   " refuses its own mark at %" PRIu64, number, from->blocks);
	return ret;
}

static int rules_get(struct tally_store *store, uint64_t space, uint32_t table,
		     struct tally_bytes key, struct tally_arena *arena,
		     struct tally_bytes *value_r, struct tally_err *err)
{
	struct rules_store *rules = rules_downcast(store);
	int ret = tally_store_get(rules->inner, space, table, key, arena, value_r, err);

	if (ret > 0 && value_r->size > TALLY_VALUE_MAX)
		return rules_break(rules, err, "space %" PRIu64 " table %" PRIu32
				   ": a value of %zu bytes cannot have been put there", space, table,
				   value_r->size);
	return ret;
}

struct rules_pairs {
	struct rules_store *rules;
	struct tally_bytes low, high;
	bool backwards;
	tally_scan_each *each;
	void *ctx;
	struct tally_err *err;
	uint8_t last[TALLY_KEY_MAX];
	size_t last_size;			/* 0: none yet */
	bool broken;
};

static int rules_pair(void *ctx, struct tally_bytes key, struct tally_bytes value)
{
	struct rules_pairs *pairs = ctx;
	struct tally_bytes last = { pairs->last, pairs->last_size };
	const char *wrong = NULL;

	if (key.size < 1 || key.size > TALLY_KEY_MAX || value.size > TALLY_VALUE_MAX)
		wrong = "gives a pair of impossible size";
	else if (tally_bytes_compare(key, pairs->low) < 0 ||
		 (pairs->high.size > 0 && tally_bytes_compare(key, pairs->high) >= 0))
		wrong = "leaves its range";
	else if (last.size > 0 && (pairs->backwards ? tally_bytes_compare(key, last) >= 0
						    : tally_bytes_compare(key, last) <= 0))
		wrong = "is out of order";
	if (wrong != NULL) {
		rules_break(pairs->rules, pairs->err, "a scan %s", wrong);
		pairs->broken = true;
		return 1;
	}
	memcpy(pairs->last, key.data, key.size);
	pairs->last_size = key.size;
	return pairs->each(pairs->ctx, key, value);
}

static int rules_scan(struct tally_store *store, uint64_t space, uint32_t table,
		      struct tally_bytes low, struct tally_bytes high, bool backwards,
		      tally_scan_each *each, void *ctx, struct tally_err *err)
{
	struct rules_pairs pairs = {
		.rules = rules_downcast(store), .low = low, .high = high, .backwards = backwards,
		.each = each, .ctx = ctx, .err = err,
	};
	int ret = tally_store_scan(rules_inner(store), space, table, low, high, backwards, rules_pair,
				   &pairs, err);

	return pairs.broken ? -1 : ret;
}

static int rules_reset(struct tally_store *store, uint64_t number, struct tally_err *err)
{
	static const struct tally_mark none;
	struct rules_store *rules = rules_downcast(store);
	int ret;

	move_begin(rules, number);
	ret = tally_store_reset(rules->inner, number, err);
	move_end(rules, number, ret == 0 ? &none : NULL);
	return ret;
}

static int rules_sync_index(struct tally_store *store, struct tally_err *err)
{
	return tally_store_sync_index(rules_inner(store), err);
}

static int rules_maintain(struct tally_store *store, struct tally_err *err)
{
	return tally_store_maintain(rules_inner(store), err);
}

static int rules_backup(struct tally_store *store, const char *directory, struct tally_err *err)
{
	return tally_store_backup(rules_inner(store), directory, err);
}

static int rules_stat(struct tally_store *store, tally_stat_each *each, void *ctx,
		      struct tally_err *err)
{
	return tally_store_stat(rules_inner(store), each, ctx, err);
}

static const struct tally_driver rules_driver = {
	.abi = TALLY_DRIVER_ABI,
	.name = "rules",
	.summary = "checks that the store within keeps the rules of the driver interface",

	.close = rules_close,
	.last = rules_last,
	.append = rules_append,
	.read = rules_read,
	.erase = rules_erase,
	.scrub = rules_scrub,
	.drop = rules_drop,
	.spaces = rules_spaces,
	.mark = rules_mark,
	.apply = rules_apply,
	.get = rules_get,
	.scan = rules_scan,
	.reset = rules_reset,
	.sync_index = rules_sync_index,
	.maintain = rules_maintain,
	.backup = rules_backup,
	.stat = rules_stat,
};

struct tally_store *tally_wrap_rules(struct tally_store *inner)
{
	struct rules_store *outer = tally_calloc(1, sizeof(*outer));

	outer->base.driver = &rules_driver;
	outer->base.caps = inner->caps;
	outer->inner = inner;
	pthread_rwlock_init(&outer->still, NULL);
	pthread_mutex_init(&outer->lock, NULL);
	return &outer->base;
}

uint64_t tally_wrap_rules_broken(const struct tally_store *wrapped)
{
	struct rules_store *rules = rules_downcast(wrapped);
	uint64_t broken;

	pthread_mutex_lock(&rules->lock);
	broken = rules->broken;
	pthread_mutex_unlock(&rules->lock);
	return broken;
}
