/* UTF-8: every encoding of every code point, and all that only looks like one. */
#include "utf8.h"

#include "tap.h"

/* The encoding of a code point with a given number of bytes, needed or not. */
static struct tally_bytes encode(uint32_t point, size_t size, uint8_t *room)
{
	static const uint8_t lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
	size_t i;

	if (size == 1) {
		room[0] = (uint8_t)point;
		return tally_bytes(room, 1);
	}
	for (i = size; i-- > 1; point >>= 6)
		room[i] = (uint8_t)(0x80 | (point & 0x3f));
	room[0] = (uint8_t)(lead[size] | point);
	return tally_bytes(room, size);
}

static size_t needed(uint32_t point)
{
	return point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
}

static void every_code_point(void)
{
	uint32_t point;
	uint8_t room[4];
	size_t size;

	for (point = 0; point < 0x1fffff; point++) {
		bool is_char = point <= 0x10ffff && (point < 0xd800 || point > 0xdfff);
		bool is_control = point < 0x20 || (point >= 0x7f && point < 0xa0);

		for (size = 1; size <= 4; size++) {
			static const uint32_t limit[] = { 0, 0x80, 0x800, 0x10000, 0x200000 };
			struct tally_bytes text;
			bool want = is_char && size == needed(point);

			if (point >= limit[size])
				continue;
			text = encode(point, size, room);
			if (tally_utf8_valid(text) != want ||
			    tally_utf8_printable(text) != (want && !is_control) ||
			    (want && tally_utf8_length(text) != 1)) {
				FAIL("U+%04X in %zu bytes", point, size);
				return;
			}
		}
	}
}

static void texts(void)
{
	static const struct {
		const char *what;
		struct tally_bytes text;
		bool valid;
		size_t length;
	} cases[] = {
		{ "nothing", TALLY_BYTES_LIT(""), true, 0 },
		{ "NUL inside", TALLY_BYTES_LIT("a\0b"), true, 3 },
		{ "mixed", TALLY_BYTES_LIT("aaaaaaaaaaaaaaa\xc3\xa4zzzzzzzz\xe2\x82\xac"), true, 25 },
		{ "a lone tail", TALLY_BYTES_LIT("12345678\x80"), false, 0 },
		{ "cut after one of two", TALLY_BYTES_LIT("1234567\xc3"), false, 0 },
		{ "cut after two of three", TALLY_BYTES_LIT("\xe2\x82"), false, 0 },
		{ "cut after three of four", TALLY_BYTES_LIT("\xf0\x9f\x98"), false, 0 },
		{ "letter in a sequence", TALLY_BYTES_LIT("\xe2\x82" "a"), false, 0 },
		{ "five bytes", TALLY_BYTES_LIT("\xf8\x88\x80\x80\x80"), false, 0 },
		{ "0xff", TALLY_BYTES_LIT("abc\xff"), false, 0 },
		{ "CESU-8 pair", TALLY_BYTES_LIT("\xed\xa0\xbd\xed\xb8\x82"), false, 0 },
		{ "overlong slash", TALLY_BYTES_LIT("\xc0\xaf"), false, 0 }
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CASE("%s", cases[i].what);
		CHECK_INT(tally_utf8_valid(cases[i].text), cases[i].valid);
		if (cases[i].valid)
			CHECK_INT(tally_utf8_length(cases[i].text), cases[i].length);
	}
}

/* A wrong byte at any place of a text of any short length, since ASCII is skipped in eights. */
static void wrong_byte_anywhere(void)
{
	uint8_t text[40];
	size_t size, at;

	for (size = 1; size <= sizeof(text); size++)
		for (at = 0; at < size; at++) {
			memset(text, 'a', sizeof(text));
			text[at] = 0xff;
			CASE("at %zu of %zu", at, size);
			CHECK(!tally_utf8_valid(tally_bytes(text, size)));
			CHECK(!tally_utf8_printable(tally_bytes(text, size)));
			text[at] = '\n';
			CHECK(tally_utf8_valid(tally_bytes(text, size)));
			CHECK(!tally_utf8_printable(tally_bytes(text, size)));
		}
}

int main(void)
{
	TEST(every_code_point);
	TEST(texts);
	TEST(wrong_byte_anywhere);
	return tap_done();
}
