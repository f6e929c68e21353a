/*
 * The arena: a list of chunks, newest first, of which only the newest is allocated from. Chunks
 * double in size, so a big request needs few of them; a piece too large for that gets a chunk of
 * its own behind the newest, whose rest stays usable.
 *
 * Under AddressSanitizer what is not given out is poisoned, so a piece used after its arena's
 * reset, or written past its end, is found like any other use after free.
 */
#include "config.h"

#include "arena.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_POISON 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define ARENA_POISON 1
#endif
#ifdef ARENA_POISON
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#endif

#define ARENA_FIRST (16 * 1024 - 64)	/* a little less than a power of two, for malloc's header */
#define ARENA_LARGEST (1024 * 1024 - 64)
#define ARENA_ALIGN 16

struct tally_arena_chunk {
	struct tally_arena_chunk *older;
	size_t size;
	_Alignas(ARENA_ALIGN) uint8_t data[];
};

/* Nobody can go on without memory, and the standard library may need some itself: write(2) only. */
static _Noreturn void out_of_memory(void)
{
	static const char text[] = "tallystick: out of memory\n";

	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		abort();
	abort();
}

void *tally_malloc(size_t size)
{
	void *data = malloc(size != 0 ? size : 1);

	if (data == NULL)
		out_of_memory();
	return data;
}

void *tally_calloc(size_t count, size_t size)
{
	void *data = calloc(count != 0 ? count : 1, size != 0 ? size : 1);

	if (data == NULL)
		out_of_memory();
	return data;
}

void *tally_realloc(void *old, size_t size)
{
	void *data = realloc(old, size != 0 ? size : 1);

	if (data == NULL)
		out_of_memory();
	return data;
}

char *tally_strdup(const char *text)
{
	size_t size = strlen(text) + 1;

	return memcpy(tally_malloc(size), text, size);
}

void tally_arena_init(struct tally_arena *arena)
{
	*arena = (struct tally_arena){ 0 };
}

static struct tally_arena_chunk *chunk_new(struct tally_arena *arena, size_t size)
{
	struct tally_arena_chunk *chunk;

	if (size > SIZE_MAX - sizeof(*chunk))
		out_of_memory();
	chunk = tally_malloc(sizeof(*chunk) + size);
	chunk->older = NULL;
	chunk->size = size;
	arena->total += size;
	ASAN_POISON_MEMORY_REGION(chunk->data, size);
	return chunk;
}

static void chunk_free(struct tally_arena *arena, struct tally_arena_chunk *chunk)
{
	arena->total -= chunk->size;
	ASAN_UNPOISON_MEMORY_REGION(chunk->data, chunk->size);
	free(chunk);
}

/* The way of an allocation that does not fit into the newest chunk. */
static void *alloc_slow(struct tally_arena *arena, size_t size)
{
	struct tally_arena_chunk *newest = arena->chunk, *chunk;
	size_t next = newest == NULL ? ARENA_FIRST : newest->size * 2;

	if (next > ARENA_LARGEST)
		next = ARENA_LARGEST;
	if (newest != NULL && size > next / 4) {
		chunk = chunk_new(arena, size);
		chunk->older = newest->older;
		newest->older = chunk;
		return chunk->data;
	}
	chunk = chunk_new(arena, size > next ? size : next);
	chunk->older = newest;
	arena->chunk = chunk;
	arena->used = size;
	return chunk->data;
}

void *tally_arena_alloc(struct tally_arena *arena, size_t size)
{
	size_t rounded = (size + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
	uint8_t *data;

	if (rounded < size)
		out_of_memory();
	if (arena->chunk != NULL && rounded <= arena->chunk->size - arena->used) {
		data = arena->chunk->data + arena->used;
		arena->used += rounded;
	} else {
		data = alloc_slow(arena, rounded);
	}
	ASAN_UNPOISON_MEMORY_REGION(data, size);
	return data;
}

void *tally_arena_zalloc(struct tally_arena *arena, size_t size)
{
	return memset(tally_arena_alloc(arena, size), 0, size);
}

void *tally_arena_copy(struct tally_arena *arena, const void *data, size_t size)
{
	uint8_t *copy;

	if (size == SIZE_MAX)
		out_of_memory();
	copy = tally_arena_alloc(arena, size + 1);
	if (size != 0)
		memcpy(copy, data, size);
	copy[size] = '\0';
	return copy;
}

struct tally_bytes tally_arena_bytes(struct tally_arena *arena, struct tally_bytes bytes)
{
	return tally_bytes(tally_arena_copy(arena, bytes.data, bytes.size), bytes.size);
}

char *tally_arena_str(struct tally_arena *arena, struct tally_bytes bytes)
{
	return tally_arena_copy(arena, bytes.data, bytes.size);
}

void *tally_arena_more(struct tally_arena *arena, void *old, size_t count, size_t *room,
		       size_t item_size)
{
	void *more;

	if (count < *room)
		return old;
	*room = *room > 0 ? 2 * *room : 16;
	more = tally_arena_zalloc(arena, *room * item_size);
	if (count > 0)
		memcpy(more, old, count * item_size);
	return more;
}

char *tally_arena_vprintf(struct tally_arena *arena, const char *format, va_list args)
{
	va_list again;
	char *text;
	int size;

	va_copy(again, args);
	size = vsnprintf(NULL, 0, format, args);
	if (size < 0)
		out_of_memory();
	text = tally_arena_alloc(arena, (size_t)size + 1);
	vsnprintf(text, (size_t)size + 1, format, again);
	va_end(again);
	return text;
}

char *tally_arena_printf(struct tally_arena *arena, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = tally_arena_vprintf(arena, format, args);
	va_end(args);
	return text;
}

/*
 * The largest ordinary chunk stays, so that an arena finds its size within a few rounds and one
 * huge request does not hold its memory for ever.
 */
void tally_arena_reset(struct tally_arena *arena)
{
	struct tally_arena_chunk *keep = NULL, *chunk, *older;

	for (chunk = arena->chunk; chunk != NULL; chunk = chunk->older)
		if (chunk->size <= ARENA_LARGEST && (keep == NULL || chunk->size > keep->size))
			keep = chunk;
	for (chunk = arena->chunk; chunk != NULL; chunk = older) {
		older = chunk->older;
		if (chunk != keep)
			chunk_free(arena, chunk);
	}
	if (keep != NULL) {
		keep->older = NULL;
		ASAN_POISON_MEMORY_REGION(keep->data, keep->size);
	}
	arena->chunk = keep;
	arena->used = 0;
}

void tally_arena_wipe(struct tally_arena *arena)
{
	struct tally_arena_chunk *chunk;

	for (chunk = arena->chunk; chunk != NULL; chunk = chunk->older) {
		ASAN_UNPOISON_MEMORY_REGION(chunk->data, chunk->size);
		explicit_bzero(chunk->data, chunk == arena->chunk ? arena->used : chunk->size);
	}
	tally_arena_reset(arena);
}

void tally_arena_free(struct tally_arena *arena)
{
	struct tally_arena_chunk *chunk, *older;

	for (chunk = arena->chunk; chunk != NULL; chunk = older) {
		older = chunk->older;
		chunk_free(arena, chunk);
	}
	tally_arena_init(arena);
}
