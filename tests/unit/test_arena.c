/* Arenas: alignment, growth, what stays and what goes. */
#include "arena.h"

#include <stdlib.h>

#include "tap.h"

static void pieces_are_aligned_and_apart(void)
{
	static const size_t sizes[] = { 0, 1, 15, 16, 17, 4000, 20000, 3, 2000000, 5, 70000, 1 };
	struct tally_arena arena;
	uint8_t *pieces[sizeof(sizes) / sizeof(sizes[0])];
	size_t i, k;

	tally_arena_init(&arena);
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		pieces[i] = tally_arena_alloc(&arena, sizes[i]);
		CASE("size %zu", sizes[i]);
		CHECK_INT((uintptr_t)pieces[i] % 16, 0);
		memset(pieces[i], (int)i, sizes[i]);
	}
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		for (k = 0; k < sizes[i]; k++)
			if (pieces[i][k] != i) {
				FAIL("piece %zu was overwritten", i);
				break;
			}
	tally_arena_free(&arena);
	CHECK_INT(arena.total, 0);
}

static void small_pieces_share_a_chunk(void)
{
	struct tally_arena arena = { 0 };
	size_t total;

	tally_arena_alloc(&arena, 100);
	total = arena.total;
	tally_arena_alloc(&arena, 100);
	CHECK_INT(arena.total, total);
	/* a large piece gets its own chunk and leaves the rest of the first in use */
	tally_arena_alloc(&arena, 3000000);
	total = arena.total;
	tally_arena_alloc(&arena, 100);
	CHECK_INT(arena.total, total);
	tally_arena_free(&arena);
}

static void reset_keeps_one_chunk(void)
{
	struct tally_arena arena = { 0 };
	size_t held, i;

	for (i = 0; i < 10000; i++)
		tally_arena_alloc(&arena, 1000);
	CHECK(arena.total >= 10000000);
	tally_arena_reset(&arena);
	held = arena.total;
	CHECK(held > 0);
	CHECK(held <= 1024 * 1024);
	tally_arena_alloc(&arena, held);
	CHECK_INT(arena.total, held);
	tally_arena_reset(&arena);
	tally_arena_alloc(&arena, 5000000);
	tally_arena_reset(&arena);
	CHECK(arena.total <= 1024 * 1024);
	tally_arena_free(&arena);
}

static void wipe_overwrites(void)
{
	struct tally_arena arena = { 0 };
	char *secret = tally_arena_copy(&arena, "very secret", 11), *again;

	tally_arena_wipe(&arena);
	again = tally_arena_alloc(&arena, 12);
	CHECK(again == secret);
	CHECK_MEM(again, "\0\0\0\0\0\0\0\0\0\0\0\0", 12);
	tally_arena_free(&arena);
}

/* An array that grows keeps what is in it, moves only when it is full, and is zero behind that. */
static void arrays_grow(void)
{
	struct tally_arena arena = { 0 };
	uint64_t *list = NULL, *before;
	unsigned int moved = 0;
	size_t room = 0;

	memset(tally_arena_alloc(&arena, 5000), 0xff, 5000);
	tally_arena_reset(&arena);
	for (size_t i = 0; i < 1000; i++) {
		before = list;
		list = tally_arena_more(&arena, list, i, &room, sizeof(*list));
		moved += list != before;
		CHECK(room > i);
		CHECK_INT(list[i], 0);
		list[i] = i + 1;
	}
	CHECK_INT(moved, 7);		/* 16, 32 ... 1024 */
	for (size_t i = 0; i < 1000; i++)
		CHECK_INT(list[i], i + 1);
	tally_arena_free(&arena);
}

static void zalloc_clears_what_was_used(void)
{
	struct tally_arena arena = { 0 };
	uint8_t zeros[256] = { 0 };

	memset(tally_arena_alloc(&arena, 256), 0xff, 256);
	tally_arena_reset(&arena);
	CHECK_MEM(tally_arena_zalloc(&arena, 256), zeros, 256);
	tally_arena_free(&arena);
}

static void copies_are_terminated(void)
{
	struct tally_arena arena = { 0 };
	struct tally_bytes none = tally_arena_bytes(&arena, TALLY_BYTES_NONE);

	CHECK_STR(tally_arena_str(&arena, TALLY_BYTES_LIT("abc")), "abc");
	CHECK_STR(tally_arena_str(&arena, TALLY_BYTES_NONE), "");
	CHECK_INT(none.size, 0);
	CHECK(none.data != NULL && none.data[0] == '\0');
	CHECK_BYTES(tally_arena_bytes(&arena, TALLY_BYTES_LIT("a\0b")), TALLY_BYTES_LIT("a\0b"));
	tally_arena_free(&arena);
}

static void printf_fits_any_length(void)
{
	struct tally_arena arena = { 0 };
	char *text;

	CHECK_STR(tally_arena_printf(&arena, "%s-%d", "x", 7), "x-7");
	CHECK_STR(tally_arena_printf(&arena, "%s", ""), "");
	text = tally_arena_printf(&arena, "%050000d", 1);
	CHECK_INT(strlen(text), 50000);
	CHECK_INT(text[49999], '1');
	tally_arena_free(&arena);
}

static void heap_helpers_give_even_nothing(void)
{
	char *text = tally_strdup("copy");
	void *none = tally_malloc(0), *cleared = tally_calloc(0, 8);

	CHECK_STR(text, "copy");
	CHECK(none != NULL && cleared != NULL);
	text = tally_realloc(text, 100);
	CHECK_STR(text, "copy");
	free(text);
	free(none);
	free(cleared);
}

int main(void)
{
	TEST(pieces_are_aligned_and_apart);
	TEST(small_pieces_share_a_chunk);
	TEST(reset_keeps_one_chunk);
	TEST(wipe_overwrites);
	TEST(zalloc_clears_what_was_used);
	TEST(arrays_grow);
	TEST(copies_are_terminated);
	TEST(printf_fits_any_length);
	TEST(heap_helpers_give_even_nothing);
	return tap_done();
}
