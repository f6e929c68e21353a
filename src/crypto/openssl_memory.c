/* See openssl_memory.h. The allocator knows how large a block is, so none of its own is kept. */
#include "config.h"

#include "openssl_memory.h"

#include <malloc.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

static void *give(size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return malloc(size);
}

static void take_back(void *block, const char *file, int line)
{
	(void)file;
	(void)line;
	if (block == NULL)
		return;
	explicit_bzero(block, malloc_usable_size(block));
	free(block);
}

/* realloc would leave a copy where the block was. */
static void *give_more(void *block, size_t size, const char *file, int line)
{
	size_t old = block != NULL ? malloc_usable_size(block) : 0;
	void *made;

	if (size == 0) {
		take_back(block, file, line);
		return NULL;
	}
	made = malloc(size);
	if (made != NULL && old > 0)
		memcpy(made, block, old < size ? old : size);
	if (made != NULL)
		take_back(block, file, line);
	return made;
}

bool tally_openssl_overwrites(void)
{
	return CRYPTO_set_mem_functions(give, give_more, take_back) == 1;
}
