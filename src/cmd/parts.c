/* Blocks that come in parts. See blocks.h. */
#include "config.h"

#include <string.h>

#include "blocks.h"
#include "err.h"

#define TIMES 8		/* a block is begun: what is zeroed in it is zeroed within moments */

/* 1; 2: the block is another one than it was when its first part came; 0, -1. */
static int join_once(block_ask *ask, void *ctx, struct tally_buf *bytes, struct tally_err *err)
{
	size_t begin = bytes->size;
	struct block_part first = { .size = 0 };
	int found;

	do {
		uint64_t offset = bytes->size - begin;
		struct block_part part = { .size = 0 };

		found = ask(ctx, offset, &part, err);
		if (found != 1)
			break;
		if (part.bytes.size == 0 || part.size < offset ||
		    part.bytes.size > part.size - offset)
			return tally_err_set(err, TALLY_IO, "a block came in another form than expected");
		if (offset == 0)
			first = part;
		else if (part.size != first.size || strcmp(part.digest, first.digest) != 0)
			return 2;
		tally_buf_add_bytes(bytes, part.bytes);
	} while (bytes->size - begin < first.size);
	return found;
}

int block_join(block_ask *ask, void *ctx, struct tally_buf *bytes, struct tally_err *err)
{
	size_t begin = bytes->size;
	int found = 2;

	for (int i = 0; found == 2 && i < TIMES; i++) {
		bytes->size = begin;
		found = join_once(ask, ctx, bytes, err);
	}
	if (found != 1)
		bytes->size = begin;
	return found != 2 ? found : tally_err_set(err, TALLY_BUSY, "a block changes faster than it can be "
						  "read");
}
