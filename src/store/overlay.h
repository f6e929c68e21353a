/*
 * The overlay: index changes of the blocks that are not applied to the index tables yet, in
 * memory, ordered by (table, key).
 *
 * One writer at a time inserts; any number of readers search without a lock (a skip list whose
 * links are published with release stores; nothing is ever unlinked). Each entry belongs to a
 * block, through a tag that says whether that block was committed; entries of blocks that were
 * given up stay behind, unseen. A reader says how many blocks its snapshot has and sees of each
 * key the newest entry of those.
 *
 * Generations: writing goes to the active one; a flush freezes it (a new one becomes active),
 * applies it, and lets go of it. A generation is freed when nobody refers to it any more.
 */
#ifndef TALLY_OVERLAY_H
#define TALLY_OVERLAY_H

#include <stdatomic.h>

#include "arena.h"
#include "bytes.h"

struct tally_overlay;		/* one generation */

enum tally_tag_state { TAG_BUILDING, TAG_COMMITTED, TAG_DROPPED };

struct tally_tag {
	uint64_t block;
	_Atomic int state;
};

struct tally_overlay *tally_overlay_new(void);
struct tally_overlay *tally_overlay_ref(struct tally_overlay *overlay);
void tally_overlay_unref(struct tally_overlay *overlay);	/* NULL is fine */

/* A tag for the entries of one block under construction; lives as long as the generation. */
struct tally_tag *tally_overlay_tag(struct tally_overlay *overlay, uint64_t block);

/* Inserts or removes (a tombstone); key and value are copied. Within one tag the last one wins. */
void tally_overlay_put(struct tally_overlay *overlay, struct tally_tag *tag, uint32_t table,
		       struct tally_bytes key, struct tally_bytes value);
void tally_overlay_remove(struct tally_overlay *overlay, struct tally_tag *tag, uint32_t table,
			  struct tally_bytes key);

/* Bytes of memory in use. */
size_t tally_overlay_size(const struct tally_overlay *overlay);

/*
 * What a reader sees: committed entries of blocks below `blocks`, and those of `mine` (NULL:
 * none), which is the block its caller is building.
 */
struct tally_sight {
	uint64_t blocks;
	const struct tally_tag *mine;
};

/* 1 found, 2 found a tombstone, 0 nothing. The value lives as long as the generation. */
int tally_overlay_get(const struct tally_overlay *overlay, struct tally_sight sight,
		      uint32_t table, struct tally_bytes key, struct tally_bytes *value_r);

/* A cursor over a range of one table, each key once with the entry seen. */
struct tally_overlay_cursor {
	const struct tally_overlay *overlay;
	struct tally_sight sight;
	uint32_t table;
	struct tally_bytes low, high;	/* of the caller; high empty: no bound */
	bool backwards;
	const void *node;		/* NULL: at the end */
	struct tally_bytes key;
	struct tally_bytes value;
	bool removed;
};

/* At the first, or backwards at the last, key seen of low <= key < high. Entries beyond the range, which
 * may be many that are not seen yet, are not looked at. */
void tally_overlay_seek(struct tally_overlay_cursor *cursor, const struct tally_overlay *overlay,
			struct tally_sight sight, uint32_t table, struct tally_bytes low,
			struct tally_bytes high, bool backwards);
void tally_overlay_next(struct tally_overlay_cursor *cursor);

/* Every key of all tables in order, the newest committed entry of each: what a flush applies. */
typedef int tally_overlay_each(void *ctx, uint32_t table, struct tally_bytes key,
			       struct tally_bytes value, bool removed);
int tally_overlay_walk(const struct tally_overlay *overlay, uint64_t blocks,
		       tally_overlay_each *each, void *ctx);

#endif
