/*
 * Tiles (c2sp.org/tlog-tiles): the tree's complete subtrees in groups of 256 hashes a level. A
 * tile is stored with the nodes above its hashes, so that a proof picks single hashes: the 256
 * hashes, then the 128, 64 ... 2 nodes above them, 510 hashes or 16,320 bytes when full. The
 * first 8,192 bytes are what C2SP serves. A partial tile is its hashes alone.
 */
#ifndef TALLY_TILE_H
#define TALLY_TILE_H

#include "tree.h"

#define TALLY_TILE_WIDTH 256
#define TALLY_TILE_HASHES 510
#define TALLY_TILE_BYTES (TALLY_TILE_HASHES * TALLY_HASH_SIZE)	/* 16,320 */
#define TALLY_TILE_LEVELS 8					/* 256^8 = 2^64 */

/* Completes a tile: fills [256..509] from [0..255], and gives the tile's own root. */
void tally_tile_complete(struct tally_hash tile[TALLY_TILE_HASHES], struct tally_hash *root_r);

/* Place of the node (sublevel 0..7 above the tile's hashes, index) within a full tile. */
size_t tally_tile_place(unsigned int sublevel, unsigned int index);

/* Root of the complete subtree of 2^sublevel hashes that begins at hash index << sublevel, computed
 * from a tile of which only the hashes [0, width) are there. False if they do not reach. */
bool tally_tile_subtree(const struct tally_hash *hashes, unsigned int width, unsigned int sublevel,
			unsigned int index, struct tally_hash *hash_r);

/* Path of a tile below its prefix: "tile/0/x001/067" or, width 1..255, "tile/0/x001/067.p/112".
 * level -1 means entries. Returns the length; text must hold 96 characters. */
int tally_tile_path(int level, uint64_t number, unsigned int width, char *text);

/* The reverse; false for anything tally_tile_path would not write. width_r 256 for a full tile. */
bool tally_tile_parse(struct tally_bytes path, int *level_r, uint64_t *number_r,
		      unsigned int *width_r);

/*
 * Takes one entry off the front of an entry bundle (u16 size, then so many bytes, for each): 1, 0 at
 * the end, -1 where it is cut. bytes and entry borrow.
 */
int tally_bundle_next(struct tally_bytes *bytes, struct tally_bytes *entry_r);

#endif
