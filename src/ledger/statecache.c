/*
 * A cache of index values; see statecache.h. A table of slots in sets of WAYS: a key belongs to one
 * set, and within it replaces whoever was asked for the longest ago. Sizes are kept to the bound by
 * letting a slot go whenever the sum is above it.
 */
#include "statecache.h"

#include <pthread.h>
#include <stdlib.h>

#define WAYS 8
#define SLOT_BYTES 192			/* bytes there are for each slot */

struct slot {
	uint64_t space;
	uint32_t table;
	uint32_t used;			/* turn; 0: empty */
	uint32_t tag;			/* of the hash: most others are told apart without their bytes */
	uint32_t key_size, value_size;
	uint8_t *bytes;			/* key, then value */
};

struct tally_statecache {
	pthread_mutex_t lock;
	uint64_t limit, bytes;
	size_t sets;
	uint32_t turn;
	struct slot *slots;
};

struct tally_statecache *tally_statecache_new(uint64_t bytes)
{
	struct tally_statecache *cache = tally_calloc(1, sizeof(*cache));

	pthread_mutex_init(&cache->lock, NULL);
	cache->limit = bytes;
	cache->sets = (size_t)(bytes / SLOT_BYTES / WAYS);
	cache->slots = tally_calloc(cache->sets * WAYS + 1, sizeof(struct slot));
	return cache;
}

void tally_statecache_free(struct tally_statecache *cache)
{
	if (cache == NULL)
		return;
	for (size_t i = 0; i < cache->sets * WAYS; i++)
		free(cache->slots[i].bytes);
	free(cache->slots);
	pthread_mutex_destroy(&cache->lock);
	free(cache);
}

static struct slot *set_of(struct tally_statecache *cache, uint64_t space, uint32_t table,
			   struct tally_bytes key, uint32_t *tag_r)
{
	uint64_t hash = space * 0x9e3779b97f4a7c15u + table;

	for (size_t i = 0; i < key.size; i++)
		hash = (hash ^ key.data[i]) * 0x100000001b3u;
	*tag_r = (uint32_t)(hash >> 32);
	hash ^= hash >> 32;
	if (++cache->turn == 0)
		cache->turn = 1;
	return cache->slots + hash % cache->sets * WAYS;
}

static bool is_it(const struct slot *slot, uint64_t space, uint32_t table, struct tally_bytes key,
		  uint32_t tag)
{
	return slot->used != 0 && slot->tag == tag && slot->space == space && slot->table == table &&
	       tally_bytes_equal(tally_bytes(slot->bytes, slot->key_size), key);
}

static void empty(struct tally_statecache *cache, struct slot *slot)
{
	if (slot->used == 0)
		return;
	cache->bytes -= slot->key_size + slot->value_size;
	free(slot->bytes);
	*slot = (struct slot){ .used = 0 };
}

bool tally_statecache_get(struct tally_statecache *cache, uint64_t space, uint32_t table,
			  struct tally_bytes key, struct tally_arena *arena,
			  struct tally_bytes *value_r)
{
	struct slot *set;
	uint32_t tag;
	bool found = false;

	if (cache->sets == 0)
		return false;
	pthread_mutex_lock(&cache->lock);
	set = set_of(cache, space, table, key, &tag);
	for (size_t i = 0; i < WAYS && !found; i++) {
		found = is_it(&set[i], space, table, key, tag);
		if (!found)
			continue;
		set[i].used = cache->turn;
		*value_r = tally_arena_bytes(arena, tally_bytes(set[i].bytes + set[i].key_size,
								set[i].value_size));
	}
	pthread_mutex_unlock(&cache->lock);
	return found;
}

void tally_statecache_put(struct tally_statecache *cache, uint64_t space, uint32_t table,
			  struct tally_bytes key, struct tally_bytes value)
{
	struct slot *set, *to;
	uint32_t tag;

	if (cache->sets == 0)
		return;
	pthread_mutex_lock(&cache->lock);
	to = set = set_of(cache, space, table, key, &tag);
	for (size_t i = 0; i < WAYS; i++) {
		if (is_it(&set[i], space, table, key, tag)) {
			to = &set[i];
			break;
		}
		if (set[i].used < to->used)
			to = &set[i];
	}
	empty(cache, to);
	if (cache->bytes + key.size + value.size <= cache->limit) {
		*to = (struct slot){ space, table, cache->turn, tag, (uint32_t)key.size,
				     (uint32_t)value.size, tally_malloc(key.size + value.size) };
		memcpy(to->bytes, key.data, key.size);
		memcpy(to->bytes + key.size, value.data, value.size);
		cache->bytes += key.size + value.size;
	}
	pthread_mutex_unlock(&cache->lock);
}

void tally_statecache_drop(struct tally_statecache *cache, uint64_t space)
{
	pthread_mutex_lock(&cache->lock);
	for (size_t i = 0; i < cache->sets * WAYS; i++)
		if (cache->slots[i].space == space)
			empty(cache, &cache->slots[i]);
	pthread_mutex_unlock(&cache->lock);
}
