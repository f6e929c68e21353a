/* Members in memory; see membercache.h. */
#include "membercache.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "arena.h"

#define SLOTS 8			/* those of one ledger who write at a time */

struct slot {
	uint64_t change;		/* 0: empty */
	struct tally_member member;
};

struct tally_membercache {
	pthread_mutex_t lock;
	size_t next;
	struct slot slots[SLOTS];
};

struct tally_membercache *tally_membercache_new(void)
{
	struct tally_membercache *cache = tally_calloc(1, sizeof(*cache));

	pthread_mutex_init(&cache->lock, NULL);
	return cache;
}

void tally_membercache_free(struct tally_membercache *cache)
{
	pthread_mutex_destroy(&cache->lock);
	free(cache);
}

uint64_t tally_membercache_change(void)
{
	static _Atomic uint64_t changes;

	return atomic_fetch_add(&changes, 1) + 1;
}

static bool is_it(const struct slot *slot, uint64_t change, struct tally_bytes id, uint64_t account)
{
	return slot->change == change && (id.size > 0 ? tally_bytes_is(id, slot->member.id) :
							slot->member.account == account);
}

bool tally_membercache_get(struct tally_membercache *cache, uint64_t change, struct tally_bytes id,
			   uint64_t account, struct tally_member *member_r)
{
	bool found = false;

	if (change == 0)
		return false;
	pthread_mutex_lock(&cache->lock);
	for (size_t i = 0; i < SLOTS && !found; i++) {
		found = is_it(&cache->slots[i], change, id, account);
		if (found)
			*member_r = cache->slots[i].member;
	}
	pthread_mutex_unlock(&cache->lock);
	return found;
}

void tally_membercache_put(struct tally_membercache *cache, uint64_t change,
			   const struct tally_member *member)
{
	if (change == 0)
		return;
	pthread_mutex_lock(&cache->lock);
	cache->slots[cache->next] = (struct slot){ change, *member };
	cache->next = (cache->next + 1) % SLOTS;
	pthread_mutex_unlock(&cache->lock);
}
