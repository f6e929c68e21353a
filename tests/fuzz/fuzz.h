/* What every fuzzer defines, and how it says that a promise was broken. */
#ifndef TALLY_FUZZ_H
#define TALLY_FUZZ_H

#include <stdio.h>
#include <stdlib.h>

#include "bytes.h"

/* Called with many inputs; must return 0 and keep nothing between calls. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* As assert, but never compiled out. */
#define PROMISE(cond) do { \
	if (!(cond)) { \
		fprintf(stderr, "%s:%d: broken promise: %s\n", __FILE__, __LINE__, #cond); \
		abort(); \
	} \
} while (0)

/* Takes up to size bytes off the front of an input; zeros for what is not there. */
static inline void fuzz_take(struct tally_bytes *input, void *out, size_t size)
{
	size_t there = input->size < size ? input->size : size;

	memset(out, 0, size);
	if (there == 0)
		return;
	memcpy(out, input->data, there);
	*input = tally_bytes(input->data + there, input->size - there);
}

static inline uint64_t fuzz_take_u64(struct tally_bytes *input)
{
	uint8_t room[8];

	fuzz_take(input, room, sizeof(room));
	return tally_get_u64(room);
}

#endif
