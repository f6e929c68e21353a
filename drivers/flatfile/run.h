/*
 * A run: one file of sorted pairs of all index tables of a space, written once, never changed.
 *
 * A pair's full key is its table (one byte) and its key, so one order covers all tables. Pairs lie
 * in pages; pages of references (first key, place, checksum) form a tree over them, whose root the
 * footer names. Every page is checked against the checksum in its reference when it is read, the
 * footer against its own, and the footer's checksum stands in the manifest: a run that opens and a
 * page that is found are what was written. A removed key is a pair without a value, a tombstone,
 * until a merge that reaches the oldest run leaves it out.
 *
 * Runs of more than one page have a filter (blocked Bloom, 16 bits to a key) that answers most
 * questions for absent keys with one read.
 */
#ifndef FLAT_RUN_H
#define FLAT_RUN_H

#include "files.h"
#include "pages.h"

#define FLAT_FOOTER 96
#define FLAT_LEVELS 10			/* a tree is never as high as this */
#define FLAT_RUN_KEY 513		/* table and key */

struct flat_run {
	uint64_t id;			/* names the file; never used twice in a space */
	uint64_t space;
	uint64_t serial;		/* of this process, for the cache */
	unsigned int users;		/* under the index' lock */
	bool synced;			/* file and entry are durable; under the index' lock */

	uint64_t bytes;			/* of the file */
	uint64_t entries;
	uint32_t footer_crc;
	uint32_t body_crc;
	uint32_t height;		/* levels of references over the pages of pairs */
	uint64_t root_offset;
	uint32_t root_size;
	uint32_t root_crc;
	uint64_t filter_offset;
	uint32_t filter_pages;		/* 0: none */
	struct flat_handle handle;
};

/* What runs of one store share. */
struct flat_medium {
	struct flat_disk *disk;
	struct flat_pages pages;
	atomic_uint_fast64_t serial;
};

/*
 * Opens a run that a manifest names: CORRUPT when size or footer is another. verify: reads the
 * whole file and checks it (for a run that may not have reached the medium).
 */
int flat_run_open(struct flat_medium *medium, uint64_t space, uint64_t id, uint64_t bytes,
		  uint32_t footer_crc, bool verify, struct flat_run **run_r, struct tally_err *err);
void flat_run_free(struct flat_medium *medium, struct flat_run *run);

/* ---- writing ---- */

struct flat_builder;

/* entries: how many there will be at most, for the filter. */
struct flat_builder *flat_builder_new(struct flat_medium *medium, uint64_t space, uint64_t id,
				      uint64_t entries);
/* In ascending order of full keys. */
int flat_builder_add(struct flat_builder *builder, struct tally_bytes key,
		     struct tally_bytes value, bool removed, struct tally_err *err);
/* Takes the builder. *run_r is NULL when nothing was added. On failure no file is left. */
int flat_builder_finish(struct flat_builder **builder, struct flat_run **run_r,
			struct tally_err *err);
/* Takes the builder and removes its file; NULL is fine. */
void flat_builder_abort(struct flat_builder **builder);

/* ---- reading ---- */

/* A place among the pairs of a run. A zeroed one holds nothing. */
struct flat_cursor {
	struct flat_medium *medium;
	struct flat_run *run;
	bool keep;			/* its pages go to the cache */
	bool valid;			/* stands on a pair: */
	struct tally_bytes key;		/* full */
	struct tally_bytes value;
	bool removed;
	struct flat_page *page[FLAT_LEVELS];	/* [0] pairs, [height] the root */
	uint32_t at[FLAT_LEVELS];
};

/* To the first pair at or above key; to the last one below it; to the last of all (key empty). */
int flat_cursor_seek(struct flat_cursor *cursor, struct tally_bytes key, bool backwards,
		     struct tally_err *err);
int flat_cursor_step(struct flat_cursor *cursor, bool backwards, struct tally_err *err);
void flat_cursor_close(struct flat_cursor *cursor);

/* 0: the run certainly does not have the key; 1: look; -1. */
int flat_run_may_have(struct flat_medium *medium, struct flat_run *run, struct tally_bytes key,
		      struct tally_err *err);

#endif
