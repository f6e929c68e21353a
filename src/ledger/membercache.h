/*
 * Members of a ledger in memory, for those who are asked for with each journal. What is kept is good for
 * as long as no journal changed a member: each head has the number of the last change that it knows of, a
 * number that this process never gives twice. From any thread; a lock is held while one is copied.
 */
#ifndef TALLY_MEMBERCACHE_H
#define TALLY_MEMBERCACHE_H

#include "core.h"

struct tally_membercache;

struct tally_membercache *tally_membercache_new(void);
void tally_membercache_free(struct tally_membercache *cache);

/* The number of a change that happens now; of a ledger's members as they were loaded, too. Never 0. */
uint64_t tally_membercache_change(void);

/* By id, or, where that is empty, by account. False where it is not kept as of that change. */
bool tally_membercache_get(struct tally_membercache *cache, uint64_t change, struct tally_bytes id,
			   uint64_t account, struct tally_member *member_r);
void tally_membercache_put(struct tally_membercache *cache, uint64_t change,
			   const struct tally_member *member);

#endif
