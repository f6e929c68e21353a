/*
 * Full tiles of log trees in memory, for proofs: a tile that is complete never changes, so what was
 * read once is good for every view. One cache for all ledgers of a store, bounded in bytes; what was
 * not asked for the longest makes room. From any thread; a lock is held while one hash is copied.
 */
#ifndef TALLY_TILECACHE_H
#define TALLY_TILECACHE_H

#include "tile.h"

struct tally_tilecache;

/* Of at most so many bytes; 0: it keeps nothing. */
struct tally_tilecache *tally_tilecache_new(uint64_t bytes);
void tally_tilecache_free(struct tally_tilecache *cache);	/* NULL is fine */

/* The hash at that place (tally_tile_place) of a tile; false where the tile is not kept. */
bool tally_tilecache_get(struct tally_tilecache *cache, uint64_t space, unsigned int level,
			 uint64_t number, size_t place, struct tally_hash *hash_r);

/* Keeps a tile; hashes is all TALLY_TILE_HASHES of it, copied. */
void tally_tilecache_put(struct tally_tilecache *cache, uint64_t space, unsigned int level,
			 uint64_t number, const void *hashes);

/* Lets go of a space's tiles: its index is made anew. */
void tally_tilecache_drop(struct tally_tilecache *cache, uint64_t space);

#endif
