/*
 * What the crash tests of drivers share: a store whose every byte follows from a seed, a writer
 * that works on it at random and tells before and after what it does, and the check that what was
 * acknowledged is there, whole, and nothing else. Nothing here knows how the writer comes to die:
 * kill.c kills it, power.c cuts the power.
 */
#ifndef TALLY_CRASH_H
#define TALLY_CRASH_H

#include "buf.h"
#include "store.h"

#define CRASH_SPACES 3
#define CRASH_BLOCKS 3000		/* of a space; then the writer leaves it alone */

enum crash_kind {
	CRASH_TRIED,			/* an append of this block begins */
	CRASH_ACKED,			/* it was acknowledged; also: blocks below were shown */
	CRASH_ERASING,			/* an erase of this block begins */
	CRASH_ERASED,
	CRASH_INDEXED			/* the index is durable up to so many blocks */
};

struct crash_note {
	uint32_t kind;
	uint32_t space;
	uint64_t number;
};

/* What is known from notes: plain memory, so that it may be shared with a child. */
struct crash_floor {
	bool opened;			/* there was a store: it must not be gone */
	uint64_t acked[CRASH_SPACES];	/* blocks that must be there */
	uint64_t tried[CRASH_SPACES];	/* and those that may be */
	uint64_t indexed[CRASH_SPACES];
	uint8_t erased[CRASH_SPACES][CRASH_BLOCKS];	/* 0, 1: begun, 2: done */
};

void crash_floor_note(struct crash_floor *floor, const struct crash_note *note);

typedef void crash_note_fn(void *ctx, const struct crash_note *note);

struct crash_writer {
	const struct tally_driver *driver;
	const char *location;
	const struct tally_conf *conf;
	bool create;			/* makes the store where there is none */
	uint64_t seed;			/* of what is done, not of the bytes */
	crash_note_fn *note;		/* called from several threads, one at a time */
	void *ctx;
};

/* Opens the store, notes what it shows, and writes until it dies or steps are done; 0, or 1 after
 * a message to stderr: an error, or something that must not be. */
int crash_write(const struct crash_writer *writer, uint64_t steps);

/*
 * Opens the store and holds it against the floor; then appends to each space, closes, opens and
 * looks again. 0, and the floor is raised by what was appended; or -1 with what is wrong. No store
 * where none was ever opened is fine too.
 */
int crash_verify(const struct tally_driver *driver, const char *location,
		 const struct tally_conf *conf, struct crash_floor *floor, struct tally_err *err);

/* A small generator; *state is the seed. */
uint64_t crash_random(uint64_t *state);
uint64_t crash_below(uint64_t *state, uint64_t bound);

/* TALLY_TEST_SEED or the clock; TALLY_TEST_ROUNDS or 20. Printed by the caller. */
uint64_t crash_seed(void);
unsigned int crash_rounds(void);

/* An empty directory for this test, and its removal with all that is in it. */
char *crash_directory(const char *name);
void crash_remove(const char *directory);

#endif
