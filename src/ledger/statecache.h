/*
 * What the last steps of the state trees wrote, in memory: the next step begins with just that, the
 * newest pages and the heads of clues. Filled after a step was applied and only then, so it never has
 * what no block has. Bounded in bytes; what was not asked for the longest makes room. From any thread.
 */
#ifndef TALLY_STATECACHE_H
#define TALLY_STATECACHE_H

#include "arena.h"
#include "bytes.h"

struct tally_statecache;

struct tally_statecache *tally_statecache_new(uint64_t bytes);	/* 0: it keeps nothing */
void tally_statecache_free(struct tally_statecache *cache);	/* NULL is fine */

/* The value of a key of an index table, copied into arena; false where it is not kept. */
bool tally_statecache_get(struct tally_statecache *cache, uint64_t space, uint32_t table,
			  struct tally_bytes key, struct tally_arena *arena,
			  struct tally_bytes *value_r);
void tally_statecache_put(struct tally_statecache *cache, uint64_t space, uint32_t table,
			  struct tally_bytes key, struct tally_bytes value);
/* Lets go of all that a space has: its index is made anew. */
void tally_statecache_drop(struct tally_statecache *cache, uint64_t space);

#endif
