/*
 * Nodes of the log tree for proofs: from the tiles of the index up to the mark, from the overlay
 * beyond it. Nothing is computed that is stored.
 */
#include "core_private.h"
#include "tile.h"
#include "tilecache.h"

/* The newest run of a level that begins at or before index, if index lies in it. */
static bool overlay_node(const struct tally_view *view, unsigned int level, uint64_t index,
			 struct tally_hash *hash_r)
{
	struct tally_sight sight = { view->head->blocks, view->mine };
	uint8_t behind[9];

	behind[0] = (uint8_t)level;
	tally_put_u64(behind + 1, index + 1);
	for (int i = 0; i < 2 && view->overlay[i] != NULL; i++) {
		struct tally_overlay_cursor cursor;
		uint64_t first;

		tally_overlay_seek(&cursor, view->overlay[i], sight, TABLE_NODES,
				   TALLY_BYTES_NONE, tally_bytes(behind, sizeof(behind)), true);
		if (cursor.node == NULL || cursor.key.size != 9 || cursor.key.data[0] != level)
			continue;
		first = tally_get_u64(cursor.key.data + 1);
		if (index - first >= cursor.value.size / TALLY_HASH_SIZE)
			continue;
		memcpy(hash_r->bytes, cursor.value.data + (index - first) * TALLY_HASH_SIZE,
		       TALLY_HASH_SIZE);
		return true;
	}
	return false;
}

/* A path climbs eight levels in one tile, so its hashes there are taken at once. */
static bool kept_node(struct tally_nodes *nodes, unsigned int level, uint64_t number,
		      unsigned int sublevel, unsigned int place, struct tally_hash *hash_r)
{
	struct tally_space *space = nodes->view->space;
	unsigned int up = sublevel - nodes->ahead.sublevel;	/* wraps, where it is below */

	if (nodes->ahead.level != level || nodes->ahead.number != number ||
	    up >= nodes->ahead.count || place != (nodes->ahead.place >> up ^ (up > 0))) {
		nodes->ahead.count = tally_tilecache_path(space->core->tiles, space->id, level,
							  number, sublevel, place,
							  nodes->ahead.path);
		nodes->ahead.level = level;
		nodes->ahead.number = number;
		nodes->ahead.sublevel = sublevel;
		nodes->ahead.place = place;
	}
	if (nodes->ahead.count > 0)
		*hash_r = nodes->ahead.path[sublevel];
	return nodes->ahead.count > 0;
}

/* From the tile of level / 8 that holds the node or what is below it. It is kept: what is
 * complete of it is the same for every view. */
static int tile_node(struct tally_nodes *nodes, unsigned int level, uint64_t index,
		     struct tally_hash *hash_r)
{
	const struct tally_view *view = nodes->view;
	unsigned int tile_level = level / 8, sub = level % 8;
	uint64_t number = index >> (8 - sub);
	unsigned int place = (unsigned int)(index & ((1u << (8 - sub)) - 1));
	struct tally_bytes value;
	size_t hashes;
	uint8_t key[9];
	int found;

	if (kept_node(nodes, tile_level, number, sub, place, hash_r))
		return 0;
	key[0] = (uint8_t)tile_level;
	tally_put_u64(key + 1, number);
	found = tally_view_get(view, TABLE_TILE, tally_bytes(key, 9), nodes->arena, &value,
			       nodes->err);
	if (found < 0)
		return -1;
	hashes = found == 1 && value.size > 0 ? (value.size - 1) / TALLY_HASH_SIZE : 0;
	if (hashes == TALLY_TILE_HASHES) {
		memcpy(hash_r->bytes,
		       value.data + 1 + tally_tile_place(sub, place) * TALLY_HASH_SIZE,
		       TALLY_HASH_SIZE);
		tally_tilecache_put(view->space->core->tiles, view->space->id, tile_level, number,
				    value.data + 1, TALLY_TILE_WIDTH);
		return 0;
	}
	if (hashes < TALLY_TILE_WIDTH &&
	    tally_tile_subtree((const struct tally_hash *)(value.data + 1), (unsigned int)hashes, sub,
			       place, hash_r)) {
		tally_tilecache_put(view->space->core->tiles, view->space->id, tile_level, number,
				    value.data + 1, (unsigned int)hashes);
		return 0;
	}
	return tally_err_set(nodes->err, TALLY_CORRUPT, "%s: no tile has node %u/%llu",
			     view->space->name, level, (unsigned long long)index);
}

/* The right edge of the newest tree is in the head. */
static bool edge_node(const struct tally_view *view, unsigned int level, uint64_t index,
		      struct tally_hash *hash_r)
{
	const struct tally_frontier *frontier = &view->head->frontier;

	if (level >= TALLY_TREE_MAX_PATH || (frontier->size >> level & 1) == 0 ||
	    index != (frontier->size >> level) - 1)
		return false;
	*hash_r = frontier->level[level];
	return true;
}

/* A subtree that was finished after the mark is in the overlay. One finished before it is in a
 * tile: where a node of level 8l or above is complete, so are hashes of the tiles of level l. */
int tally_view_node(void *ctx, unsigned int level, uint64_t index, struct tally_hash *hash_r)
{
	struct tally_nodes *nodes = ctx;

	if (edge_node(nodes->view, level, index, hash_r))
		return 0;
	if (index + 1 > nodes->view->base >> level &&
	    overlay_node(nodes->view, level, index, hash_r))
		return 0;
	return tile_node(nodes, level, index, hash_r);
}
