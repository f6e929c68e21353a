/*
 * An arena: memory that is given out piece by piece and taken back all at once. One arena serves
 * one request; what is allocated in it lives until reset or free. Out of memory ends the process,
 * so sizes that come from outside must be bounded before they get here.
 */
#ifndef TALLY_ARENA_H
#define TALLY_ARENA_H

#include <stdarg.h>
#include <stddef.h>

#include "bytes.h"

struct tally_arena_chunk;

struct tally_arena {
	struct tally_arena_chunk *chunk;	/* newest first */
	size_t used;				/* of the newest chunk */
	size_t total;				/* bytes held from the system */
};

/* A zeroed arena is an empty one; this says so by name. */
void tally_arena_init(struct tally_arena *arena);

/* Gives everything back to the arena, keeping one chunk for the next round. */
void tally_arena_reset(struct tally_arena *arena);

/* As reset, and overwrites the memory first: for requests that carried secrets. */
void tally_arena_wipe(struct tally_arena *arena);

/* Gives everything back to the system. */
void tally_arena_free(struct tally_arena *arena);

/* size bytes aligned to 16, not cleared; never NULL. */
void *tally_arena_alloc(struct tally_arena *arena, size_t size);

/* The same, cleared. */
void *tally_arena_zalloc(struct tally_arena *arena, size_t size);

/* A copy of the bytes, followed by one NUL that is not counted. */
void *tally_arena_copy(struct tally_arena *arena, const void *data, size_t size);
struct tally_bytes tally_arena_bytes(struct tally_arena *arena, struct tally_bytes bytes);
char *tally_arena_str(struct tally_arena *arena, struct tally_bytes bytes);
char *tally_arena_printf(struct tally_arena *arena, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
char *tally_arena_vprintf(struct tally_arena *arena, const char *format, va_list args);

#define tally_arena_new(arena, type) ((type *)tally_arena_zalloc((arena), sizeof(type)))
#define tally_arena_array(arena, type, count) \
	((type *)tally_arena_zalloc((arena), sizeof(type) * (count)))

/* An array with room for one more: old itself while *room is more than count (its items so far), else
 * a copy with twice the room. New room is zero. */
void *tally_arena_more(struct tally_arena *arena, void *old, size_t count, size_t *room,
		       size_t item_size);

/* malloc family that ends the process when memory runs out. */
void *tally_malloc(size_t size);
void *tally_calloc(size_t count, size_t size);
void *tally_realloc(void *old, size_t size);
char *tally_strdup(const char *text);

#endif
