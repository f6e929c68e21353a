/*
 * Text forms. Each has one spelling: what decodes encodes to the very same text, and all that was
 * encoded decodes.
 */
#include "arena.h"
#include "buf.h"
#include "clock.h"
#include "fuzz.h"
#include "utf8.h"

static void base64(struct tally_arena *arena, struct tally_bytes input)
{
	struct tally_bytes data;
	char *text;

	if (tally_base64_decode(arena, input, &data))
		PROMISE(tally_bytes_is(input, tally_base64_encode(arena, data)));
	text = tally_base64_encode(arena, input);
	PROMISE(tally_base64_decode(arena, tally_bytes_str(text), &data));
	PROMISE(tally_bytes_equal(data, input));
}

static void hex(struct tally_arena *arena, struct tally_bytes input)
{
	char *text = tally_arena_alloc(arena, 2 * input.size + 1);
	uint8_t *data = tally_arena_alloc(arena, input.size);
	size_t i;

	tally_hex_encode(input.data, input.size, text);
	PROMISE(tally_hex_decode(tally_bytes_str(text), data, input.size));
	PROMISE(input.size == 0 || memcmp(data, input.data, input.size) == 0);
	if (!tally_hex_decode(input, data, input.size / 2))
		return;
	tally_hex_encode(data, input.size / 2, text);
	for (i = 0; i < input.size; i++)	/* upper case is read, lower case written */
		PROMISE(text[i] == (char)(input.data[i] | (input.data[i] >= 'A' ? 0x20 : 0)));
}

static void number_and_time(struct tally_bytes input)
{
	struct tally_buf buf = { 0 };
	uint64_t value;
	char text[21];

	if (tally_parse_u64(input, UINT64_MAX, &value)) {
		tally_buf_add_decimal(&buf, value);
		PROMISE(tally_bytes_equal(tally_buf_bytes(&buf), input));
	}
	if (tally_time_parse(input, &value)) {
		tally_time_format(value, text);
		PROMISE(tally_bytes_is(input, text));
	}
	tally_buf_free(&buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tally_bytes input = tally_bytes(data, size);
	struct tally_arena arena = { 0 };

	base64(&arena, input);
	hex(&arena, input);
	number_and_time(input);
	if (tally_utf8_printable(input))
		PROMISE(tally_utf8_valid(input));
	if (tally_utf8_valid(input))
		PROMISE(tally_utf8_length(input) <= size);
	tally_arena_free(&arena);
	return 0;
}
