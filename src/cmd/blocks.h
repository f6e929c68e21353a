/*
 * Blocks as they are stored, from the store's owner. One that does not go into one answer comes in
 * parts, and a payload may be zeroed between two of them: the parts are then of different times, and
 * the block is begun anew.
 */
#ifndef TALLY_CMD_BLOCKS_H
#define TALLY_CMD_BLOCKS_H

#include "buf.h"

struct client;
struct tally_err;

struct block_part {
	uint64_t size;			/* of the whole block */
	struct tally_bytes bytes;	/* at least one; good until the next is asked for */
	char digest[65];		/* of the whole block as it was then */
};

/* The part that begins at offset. 1, 0 there is no such block, -1. */
typedef int block_ask(void *ctx, uint64_t offset, struct block_part *part_r, struct tally_err *err);

/* Puts a block of parts that are of one time behind what is in bytes. 1, 0, -1: BUSY where it changes
 * faster than it is read; bytes is as it was then. */
int block_join(block_ask *ask, void *ctx, struct tally_buf *bytes, struct tally_err *err);

/* The same for a block of the store that a client asks: IO, or CORRUPT where the owner found damage. */
int block_fetch(struct client *client, uint64_t space, uint64_t block, struct tally_buf *bytes,
		struct tally_err *err);

/* Why the client's last request failed. -1. */
int block_failed(const struct client *client, struct tally_err *err);

#endif
