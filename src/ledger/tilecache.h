/*
 * Tiles of log trees in memory, for proofs: a node of a tile never changes once it is complete, so what
 * was read once is good for every view, of tiles that are not full yet too. One cache for all ledgers of
 * a store, bounded in bytes; what was not asked for the longest makes room. From any thread; a lock is
 * held while some hashes are copied.
 */
#ifndef TALLY_TILECACHE_H
#define TALLY_TILECACHE_H

#include "tile.h"

struct tally_tilecache;

/* Of at most so many bytes; 0: it keeps nothing. */
struct tally_tilecache *tally_tilecache_new(uint64_t bytes);
void tally_tilecache_free(struct tally_tilecache *cache);	/* NULL is fine */

/*
 * What an audit path takes from a tile: the hash number place of its sublevel, to path_r[sublevel], and
 * from each sublevel above it the sibling of the one that is over it, as far as they are complete.
 * Returns how many; 0 where the tile is not kept, or not as far.
 */
unsigned int tally_tilecache_path(struct tally_tilecache *cache, uint64_t space, unsigned int level,
				  uint64_t number, unsigned int sublevel, unsigned int place,
				  struct tally_hash path_r[8]);

/* Keeps a tile of width hashes: all TALLY_TILE_HASHES of a full one, else these alone. */
void tally_tilecache_put(struct tally_tilecache *cache, uint64_t space, unsigned int level,
			 uint64_t number, const void *hashes, unsigned int width);

/* Lets go of a space's tiles: its index is made anew. */
void tally_tilecache_drop(struct tally_tilecache *cache, uint64_t space);

#endif
