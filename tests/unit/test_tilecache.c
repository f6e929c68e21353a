/*
 * The cache of tiles: what it gives for an audit path is what a tree made anew has there, of tiles that
 * are full, and of those that are not yet; nothing beyond what was put is ever given.
 */
#include "config.h"

#include "tilecache.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "secret.h"
#include "tap.h"

static struct tally_hash tile[TALLY_TILE_HASHES];
static unsigned int seed;

static void seed_random(void)
{
	const char *given = getenv("TALLY_TEST_SEED");

	seed = given != NULL ? (unsigned int)atoi(given) : (unsigned int)time(NULL);
	printf("# seed %u\n", seed);
	srand(seed);
}

static void make_tile(void)
{
	struct tally_hash root;

	tally_random(tile, TALLY_TILE_WIDTH * sizeof(*tile));
	tally_tile_complete(tile, &root);
}

/* What is given of every place of a tile that is known up to this width. */
static void check_paths(struct tally_tilecache *cache, unsigned int width)
{
	struct tally_hash path[8];

	for (unsigned int sublevel = 0; sublevel < 8; sublevel++) {
		for (unsigned int place = 0; place < (unsigned int)TALLY_TILE_WIDTH >> sublevel; place++) {
			unsigned int at = place, expected = 0, count;

			for (unsigned int s = sublevel; s < 8 && (at + 1) << s <= width; s++) {
				expected++;
				at = at >> 1 ^ 1;
			}
			count = tally_tilecache_path(cache, 7, 1, 5, sublevel, place, path);
			CASE("width %u, node %u/%u", width, sublevel, place);
			CHECK_INT(count, expected);
			at = place;
			for (unsigned int i = 0; i < count; i++) {
				CHECK_MEM(path[sublevel + i].bytes,
					  tile[tally_tile_place(sublevel + i, at)].bytes,
					  TALLY_HASH_SIZE);
				at = at >> 1 ^ 1;
			}
		}
	}
}

static void every_path_of_every_width(void)
{
	struct tally_tilecache *cache = tally_tilecache_new(1 << 20);
	unsigned int width = 0;

	make_tile();
	check_paths(cache, 0);
	while (width < TALLY_TILE_WIDTH) {
		width += 1 + (unsigned int)rand() % 40;
		if (width > TALLY_TILE_WIDTH)
			width = TALLY_TILE_WIDTH;
		tally_tilecache_put(cache, 7, 1, 5, tile, width);
		check_paths(cache, width);
	}
	tally_tilecache_put(cache, 7, 1, 5, tile, 3);	/* by an older view: nothing is forgotten */
	check_paths(cache, TALLY_TILE_WIDTH);
	tally_tilecache_drop(cache, 7);
	check_paths(cache, 0);
	tally_tilecache_free(cache);
}

static void others_make_room(void)
{
	struct tally_tilecache *cache = tally_tilecache_new(1 << 20), *none = tally_tilecache_new(0);
	struct tally_hash path[8];
	unsigned int kept = 0;

	make_tile();
	for (uint64_t number = 0; number < 1000; number++)
		tally_tilecache_put(cache, 7, 0, number, tile, TALLY_TILE_WIDTH);
	for (uint64_t number = 0; number < 1000; number++)
		kept += tally_tilecache_path(cache, 7, 0, number, 0, 0, path) > 0;
	CHECK(kept > 0 && kept <= (1 << 20) / TALLY_TILE_BYTES);
	CHECK_INT(tally_tilecache_path(cache, 7, 0, 999, 0, 0, path), 8);
	CHECK_INT(tally_tilecache_path(cache, 8, 0, 999, 0, 0, path), 0);	/* of another ledger */
	CHECK_INT(tally_tilecache_path(cache, 7, 1, 999, 0, 0, path), 0);	/* of another level */
	tally_tilecache_put(none, 7, 0, 1, tile, TALLY_TILE_WIDTH);
	CHECK_INT(tally_tilecache_path(none, 7, 0, 1, 0, 0, path), 0);
	tally_tilecache_free(cache);
	tally_tilecache_free(none);
	tally_tilecache_free(NULL);
}

int main(void)
{
	seed_random();
	TEST(every_path_of_every_width);
	TEST(others_make_room);
	return tap_done();
}
