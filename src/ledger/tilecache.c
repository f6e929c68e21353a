/*
 * A cache of tiles; see tilecache.h. Tiles lie in shards by their name, so that threads seldom meet.
 * A shard is a table of as many slots as it may keep tiles, in sets of WAYS: a name belongs to one
 * set, and within it replaces whoever was asked for the longest ago.
 */
#include "tilecache.h"

#include <pthread.h>
#include <stdlib.h>

#include "arena.h"

#define SHARDS 16
#define WAYS 4

struct slot {
	uint64_t space, number;
	uint16_t level, width;		/* hashes of its lowest sublevel */
	uint32_t used;			/* turn of the shard; 0: empty */
	struct tally_hash *hashes;
};

struct shard {
	pthread_mutex_t lock;
	uint32_t turn;
	struct slot *slots;
};

struct tally_tilecache {
	size_t sets;			/* of each shard */
	struct shard shards[SHARDS];
};

struct tally_tilecache *tally_tilecache_new(uint64_t bytes)
{
	struct tally_tilecache *cache = tally_calloc(1, sizeof(*cache));

	cache->sets = (size_t)(bytes / TALLY_TILE_BYTES / SHARDS / WAYS);
	for (size_t i = 0; i < SHARDS; i++) {
		pthread_mutex_init(&cache->shards[i].lock, NULL);
		cache->shards[i].slots = tally_calloc(cache->sets * WAYS + 1, sizeof(struct slot));
	}
	return cache;
}

void tally_tilecache_free(struct tally_tilecache *cache)
{
	if (cache == NULL)
		return;
	for (size_t i = 0; i < SHARDS; i++) {
		for (size_t j = 0; j < cache->sets * WAYS; j++)
			free(cache->shards[i].slots[j].hashes);
		free(cache->shards[i].slots);
		pthread_mutex_destroy(&cache->shards[i].lock);
	}
	free(cache);
}

static uint64_t mix(uint64_t space, unsigned int level, uint64_t number)
{
	uint64_t x = (space ^ (number * 0x9e3779b97f4a7c15u)) + level;

	x = (x ^ x >> 32) * 0xd6e8feb86659fd93u;
	return x ^ x >> 32;
}

/* The set of a name, in a shard that is locked with it. */
static struct slot *set_of(struct tally_tilecache *cache, uint64_t space, unsigned int level,
			   uint64_t number, struct shard **shard_r)
{
	uint64_t hash = mix(space, level, number);
	struct shard *shard = &cache->shards[hash % SHARDS];

	*shard_r = shard;
	pthread_mutex_lock(&shard->lock);
	if (++shard->turn == 0)		/* after 2^32 turns all are as old */
		shard->turn = 1;
	return shard->slots + (hash / SHARDS % cache->sets) * WAYS;
}

static bool is_it(const struct slot *slot, uint64_t space, unsigned int level, uint64_t number)
{
	return slot->used != 0 && slot->space == space && slot->number == number &&
	       slot->level == level;
}

unsigned int tally_tilecache_path(struct tally_tilecache *cache, uint64_t space, unsigned int level,
				  uint64_t number, unsigned int sublevel, unsigned int place,
				  struct tally_hash path_r[8])
{
	struct shard *shard;
	struct slot *set;
	unsigned int count = 0;

	if (cache->sets == 0)
		return 0;
	set = set_of(cache, space, level, number, &shard);
	for (size_t i = 0; i < WAYS; i++) {
		if (!is_it(&set[i], space, level, number))
			continue;
		set[i].used = shard->turn;
		for (; sublevel < 8 && (place + 1) << sublevel <= set[i].width; count++) {
			path_r[sublevel] = set[i].hashes[tally_tile_place(sublevel, place)];
			sublevel++;
			place = place >> 1 ^ 1;
		}
		break;
	}
	pthread_mutex_unlock(&shard->lock);
	return count;
}

/* The nodes of a tile that is not full, as far as they are complete. */
static void complete(struct tally_hash *hashes, unsigned int width)
{
	for (unsigned int sublevel = 1; sublevel < 8; sublevel++)
		for (unsigned int i = 0; (i + 1) << sublevel <= width; i++)
			tally_node_hash(&hashes[tally_tile_place(sublevel - 1, 2 * i)],
					&hashes[tally_tile_place(sublevel - 1, 2 * i + 1)],
					&hashes[tally_tile_place(sublevel, i)]);
}

void tally_tilecache_put(struct tally_tilecache *cache, uint64_t space, unsigned int level,
			 uint64_t number, const void *hashes, unsigned int width)
{
	bool full = width == TALLY_TILE_WIDTH;
	struct shard *shard;
	struct slot *set, *to;

	if (cache->sets == 0)
		return;
	to = set = set_of(cache, space, level, number, &shard);
	for (size_t i = 0; i < WAYS; i++) {
		if (is_it(&set[i], space, level, number)) {
			to = &set[i];
			break;
		}
		if (set[i].used < to->used)
			to = &set[i];
	}
	to->used = shard->turn;
	if (is_it(to, space, level, number) && to->width >= width) {	/* an older view's */
		pthread_mutex_unlock(&shard->lock);
		return;
	}
	if (to->hashes == NULL)
		to->hashes = tally_malloc(TALLY_TILE_BYTES);
	memcpy(to->hashes, hashes, full ? TALLY_TILE_BYTES : width * TALLY_HASH_SIZE);
	if (!full)
		complete(to->hashes, width);
	to->space = space;
	to->number = number;
	to->level = (uint16_t)level;
	to->width = (uint16_t)width;
	pthread_mutex_unlock(&shard->lock);
}

void tally_tilecache_drop(struct tally_tilecache *cache, uint64_t space)
{
	for (size_t i = 0; i < SHARDS; i++) {
		struct shard *shard = &cache->shards[i];

		pthread_mutex_lock(&shard->lock);
		for (size_t j = 0; j < cache->sets * WAYS; j++)
			if (shard->slots[j].space == space)
				shard->slots[j].used = 0;
		pthread_mutex_unlock(&shard->lock);
	}
}
