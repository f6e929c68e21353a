/*
 * The index half of the flat-file driver: sorted tables of bytes, one directory per space. The
 * functions keep the contracts of driver.h; flatfile.c puts them behind its table.
 */
#ifndef FLAT_INDEX_H
#define FLAT_INDEX_H

#include "driver.h"
#include "files.h"

struct flat_index;

struct flat_index_conf {
	uint64_t cache;			/* bytes of pages kept in memory */
	uint64_t sync_bytes;		/* a space's tables are synced when so much is not */
};

struct flat_index_stat {
	uint64_t applies;
	uint64_t merges;
	uint64_t merged_bytes;
	uint64_t runs;			/* of the spaces in use */
	uint64_t syncs;			/* of a space's tables */
};

/* Makes index/, durable but for its entry. */
int flat_index_create(struct flat_disk *disk, struct tally_err *err);

void flat_index_open(struct flat_disk *disk, const struct flat_index_conf *conf,
		     struct flat_index **index_r);
/* Ends the background work, syncs what is not synced (a failure is logged). NULL is fine. */
void flat_index_close(struct flat_index *index);

int flat_index_mark(struct flat_index *index, uint64_t space, struct tally_mark *mark_r,
		    struct tally_err *err);
int flat_index_apply(struct flat_index *index, uint64_t space, const struct tally_mark *from,
		     const struct tally_mark *to, const struct tally_change *changes,
		     size_t count, struct tally_err *err);
int flat_index_get(struct flat_index *index, uint64_t space, uint32_t table,
		   struct tally_bytes key, struct tally_arena *arena, struct tally_bytes *value_r,
		   struct tally_err *err);
int flat_index_scan(struct flat_index *index, uint64_t space, uint32_t table,
		    struct tally_bytes low, struct tally_bytes high, bool backwards,
		    tally_scan_each *each, void *ctx, struct tally_err *err);
int flat_index_reset(struct flat_index *index, uint64_t space, struct tally_err *err);
int flat_index_sync(struct flat_index *index, struct tally_err *err);

/* Resets the space and takes its directory away. */
int flat_index_drop(struct flat_index *index, uint64_t space, struct tally_err *err);

/* Merges what is due in every space that there is, and syncs. */
int flat_index_maintain(struct flat_index *index, struct tally_err *err);

/* Copies the tables of every space, each as of one mark, into directory/index, which exists. */
int flat_index_backup(struct flat_index *index, const char *directory, struct tally_err *err);

void flat_index_stat(struct flat_index *index, struct flat_index_stat *stat);

#endif
