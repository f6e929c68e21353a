/*
 * The blocks half of the flat-file driver: one stream of frames in segment files, shared by all
 * spaces. The functions keep the contracts of driver.h; flatfile.c puts them behind its table.
 */
#ifndef FLAT_BLOCKS_H
#define FLAT_BLOCKS_H

#include "driver.h"
#include "files.h"

struct flat_blocks;

struct flat_blocks_conf {
	uint64_t segment_size;		/* a segment is sealed when it would grow beyond this */
	uint64_t zero_ahead;		/* most bytes that are written as zeros ahead of the end */
};

struct flat_blocks_stat {
	uint64_t appends;
	uint64_t blocks;
	uint64_t bytes;
	uint64_t syncs;			/* that acknowledged appends */
	uint64_t erases;
	uint64_t segments;
};

/* Makes blocks/ with its first segment, durable but for the entry of blocks/ itself. EXISTS when
 * there are segments already. */
int flat_blocks_create(struct flat_disk *disk, struct tally_err *err);

int flat_blocks_open(struct flat_disk *disk, const struct flat_blocks_conf *conf,
		     struct flat_blocks **blocks_r, struct tally_err *err);
/* NULL is fine. */
void flat_blocks_close(struct flat_blocks *blocks);

int flat_blocks_last(struct flat_blocks *blocks, uint64_t space, uint64_t *count_r,
		     struct tally_err *err);
int flat_blocks_append(struct flat_blocks *blocks, struct tally_block_write *writes, size_t count,
		       struct tally_err *err);
int flat_blocks_read(struct flat_blocks *blocks, uint64_t space, uint64_t number, uint64_t offset,
		     uint64_t size, struct tally_arena *arena, struct tally_bytes *bytes_r,
		     struct tally_err *err);
int flat_blocks_erase(struct flat_blocks *blocks, uint64_t space, uint64_t number,
		      const struct tally_range *ranges, size_t range_count, struct tally_err *err);
int flat_blocks_scrub(struct flat_blocks *blocks, struct tally_err *err);
int flat_blocks_drop(struct flat_blocks *blocks, uint64_t space, struct tally_err *err);
int flat_blocks_spaces(struct flat_blocks *blocks, tally_space_each *each, void *ctx);

/* Writes the tail list, so that the next open has nothing to search. */
int flat_blocks_maintain(struct flat_blocks *blocks, struct tally_err *err);

/* Copies the stream as of now into directory/blocks, which exists, and syncs it. */
int flat_blocks_backup(struct flat_blocks *blocks, const char *directory, struct tally_err *err);

void flat_blocks_stat(struct flat_blocks *blocks, struct flat_blocks_stat *stat);

#endif
