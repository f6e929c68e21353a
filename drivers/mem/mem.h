/*
 * What tests may do to stores of the mem driver beyond the driver interface: play the medium that
 * is slow to answer, or whose answer gets lost, and clear away what a name holds.
 *
 * "mem:NAME" shares its blocks between all opens of that NAME in the process, each open having
 * index tables of its own, as two hosts share an engine; "mem:" is private to one open.
 */
#ifndef TALLY_MEM_H
#define TALLY_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tally_store;

/* How appends through one open store behave. */
enum tally_mem_mood {
	TALLY_MEM_PROMPT,		/* as ever */
	TALLY_MEM_HELD_BEFORE,		/* held, then done: others may be first meanwhile */
	TALLY_MEM_HELD_AFTER,		/* done, then held: others see it before the appender knows */
	TALLY_MEM_UNCERTAIN_DONE,	/* done, every outcome OK becomes UNCERTAIN */
	TALLY_MEM_UNCERTAIN_LOST	/* not done, every outcome is UNCERTAIN */
};

/* The next calls of append through this open store behave so, later ones promptly again. */
void tally_mem_misbehave(struct tally_store *store, enum tally_mem_mood mood, uint64_t calls);

/* From now on erase fails through this open store, with IO; or does not. Returns the calls of erase
 * so far that were not refused. */
uint64_t tally_mem_refuse_erase(struct tally_store *store, bool refuse);
/* The same of scrub; all calls count. */
uint64_t tally_mem_refuse_scrub(struct tally_store *store, bool refuse);

/* Returns when at least count appends are held. */
void tally_mem_await_held(struct tally_store *store, size_t count);

/* Lets all appends go on that are held now. */
void tally_mem_release(struct tally_store *store);

/* Frees the blocks of a name; no store of that name may be open. Unknown: nothing happens. */
void tally_mem_forget(const char *name);

#endif
