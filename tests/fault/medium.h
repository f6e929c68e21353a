/*
 * A medium that can lose power: it replays the trace of record.h and knows of every file what is
 * durable and what is only written. An image is one of the states in which a power cut might leave
 * the files.
 *
 * The rules: what was written before a sync of its file is durable. Of what was not, each page of
 * 4 KiB may be as it was, or as it was after any of the writes since; the size likewise. A name is
 * durable once its directory was synced; of the names that are not, as many as one likes from the
 * first on (names are journalled in their order).
 */
#ifndef TALLY_MEDIUM_H
#define TALLY_MEDIUM_H

#include "record.h"

struct medium;

struct medium *medium_new(void);
void medium_free(struct medium *medium);

/* One event of the trace; not for notes. */
void medium_replay(struct medium *medium, const struct trace_event *event, const uint8_t *data);

/* Another process goes on with the same files: handles begin anew. */
void medium_next_process(struct medium *medium);

enum medium_cut {
	CUT_NOTHING_UNSYNCED,		/* all that was not synced is gone */
	CUT_ALL,			/* all of it has come through */
	CUT_ORDERED,			/* of each file the first so many writes */
	CUT_PAGES,			/* each page on its own */
	CUT_KINDS
};

/* Writes an image into directory (which is there and empty), by chance from *random. */
void medium_image(const struct medium *medium, enum medium_cut cut, uint64_t *random,
		  const char *directory);

/* Nothing but what stands in this directory, all of it durable. */
void medium_load(struct medium *medium, const char *directory);

#endif
