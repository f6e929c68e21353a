/* Order of bytes, hex, base64 (RFC 4648 10 and what must be refused), decimal numbers. */
#include "bytes.h"

#include "arena.h"
#include "tap.h"

static void order(void)
{
	static const struct {
		struct tally_bytes a, b;
		int want;
	} cases[] = {
		{ TALLY_BYTES_LIT(""), TALLY_BYTES_LIT(""), 0 },
		{ TALLY_BYTES_LIT(""), TALLY_BYTES_LIT("a"), -1 },
		{ TALLY_BYTES_LIT("a"), TALLY_BYTES_LIT("ab"), -1 },
		{ TALLY_BYTES_LIT("ab"), TALLY_BYTES_LIT("b"), -1 },
		{ TALLY_BYTES_LIT("\x7f"), TALLY_BYTES_LIT("\x80"), -1 },
		{ TALLY_BYTES_LIT("a\0b"), TALLY_BYTES_LIT("a\0c"), -1 },
		{ TALLY_BYTES_LIT("same"), TALLY_BYTES_LIT("same"), 0 }
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int there = tally_bytes_compare(cases[i].a, cases[i].b);
		int back = tally_bytes_compare(cases[i].b, cases[i].a);

		CASE("case %zu", i);
		CHECK_INT((there > 0) - (there < 0), cases[i].want);
		CHECK_INT((back > 0) - (back < 0), -cases[i].want);
		CHECK_INT(tally_bytes_equal(cases[i].a, cases[i].b), cases[i].want == 0);
	}
	CHECK(tally_bytes_is(TALLY_BYTES_LIT("x"), "x"));
	CHECK(!tally_bytes_is(TALLY_BYTES_LIT("x"), "xy"));
	CHECK(tally_bytes_is(TALLY_BYTES_NONE, ""));
}

static void hex(void)
{
	uint8_t all[256], back[256];
	char text[513];
	size_t i;

	for (i = 0; i < 256; i++)
		all[i] = (uint8_t)i;
	tally_hex_encode(all, 256, text);
	CHECK_INT(strlen(text), 512);
	CHECK_MEM(text, "000102030405060708090a0b0c0d0e0f10", 34);
	CHECK_MEM(text + 508, "feff", 4);
	CHECK(tally_hex_decode(tally_bytes_str(text), back, 256));
	CHECK_MEM(back, all, 256);
	CHECK(tally_hex_decode(TALLY_BYTES_LIT("aBcDeF"), back, 3));
	CHECK_MEM(back, "\xab\xcd\xef", 3);
	CHECK(tally_hex_decode(TALLY_BYTES_NONE, back, 0));
	tally_hex_encode(NULL, 0, text);
	CHECK_STR(text, "");
}

static void bad_hex_is_refused(void)
{
	static const struct {
		const char *text;
		size_t size;
	} cases[] = {
		{ "", 1 }, { "0", 0 }, { "00", 0 }, { "0", 1 }, { "000", 1 }, { "0000", 1 }, { "00", 2 },
		{ "0g", 1 }, { "g0", 1 }, { " 0", 1 }, { "0x", 1 }, { "-1", 1 }, { "\xff\xff", 1 },
		{ "0/", 1 }, { "0:", 1 }, { "0@", 1 }, { "0`", 1 }
	};
	uint8_t room[8];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CASE("\"%s\" as %zu bytes", cases[i].text, cases[i].size);
		CHECK(!tally_hex_decode(tally_bytes_str(cases[i].text), room, cases[i].size));
	}
}

static void base64(void)
{
	static const struct {
		struct tally_bytes data;
		const char *text;
	} cases[] = {
		{ TALLY_BYTES_LIT(""), "" },
		{ TALLY_BYTES_LIT("f"), "Zg==" },
		{ TALLY_BYTES_LIT("fo"), "Zm8=" },
		{ TALLY_BYTES_LIT("foo"), "Zm9v" },
		{ TALLY_BYTES_LIT("foob"), "Zm9vYg==" },
		{ TALLY_BYTES_LIT("fooba"), "Zm9vYmE=" },
		{ TALLY_BYTES_LIT("foobar"), "Zm9vYmFy" },
		{ TALLY_BYTES_LIT("\xfb\xff\xfe\x00"), "+//+AA==" },
		{ TALLY_BYTES_LIT("\xff\xff\xff\xff\xff"), "//////8=" }
	};
	struct tally_arena arena = { 0 };
	struct tally_bytes data;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CASE("%s", cases[i].text);
		CHECK_STR(tally_base64_encode(&arena, cases[i].data), cases[i].text);
		REQUIRE(tally_base64_decode(&arena, tally_bytes_str(cases[i].text), &data));
		CHECK_BYTES(data, cases[i].data);
	}
	tally_arena_free(&arena);
}

static void base64_of_all_lengths(void)
{
	struct tally_arena arena = { 0 };
	struct tally_bytes data;
	uint8_t in[300];
	size_t i;

	for (i = 0; i < sizeof(in); i++)
		in[i] = (uint8_t)(i * 151 + 7);
	for (i = 0; i <= sizeof(in); i++) {
		char *text = tally_base64_encode(&arena, tally_bytes(in, i));

		CASE("length %zu", i);
		CHECK_INT(strlen(text), (i + 2) / 3 * 4);
		REQUIRE(tally_base64_decode(&arena, tally_bytes_str(text), &data));
		CHECK_BYTES(data, tally_bytes(in, i));
	}
	tally_arena_free(&arena);
}

static void bad_base64_is_refused(void)
{
	static const char *const cases[] = {
		"Z", "Zg", "Zg=", "Zg===", "=", "==", "====", "Z===", "Zm9", "Zm9v=", "Zm9v====",
		"Zg==Zg==", "Zm8=Zm8=", "Zh==", "Zi==", "Zk==", "Zo==", "Zm9=", "Zm+=", "Z=g=", "Zg=A", " Zg==", "Zg== ", "Zm9\n",
		"Zm\nv", "Zm-v", "Zm_v", "Zm9v\xff\xff\xff\xff", "Zm.vZm9v", "Zm9vZ==="
	};
	struct tally_arena arena = { 0 };
	struct tally_bytes data;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CASE("\"%s\"", cases[i]);
		CHECK(!tally_base64_decode(&arena, tally_bytes_str(cases[i]), &data));
	}
	tally_arena_free(&arena);
}

static void numbers(void)
{
	static const struct {
		const char *text;
		uint64_t max;
		bool ok;
		uint64_t want;
	} cases[] = {
		{ "0", UINT64_MAX, true, 0 },
		{ "0", 0, true, 0 },
		{ "7", 7, true, 7 },
		{ "8", 7, false, 0 },
		{ "9223372036854775807", INT64_MAX, true, INT64_MAX },
		{ "9223372036854775808", INT64_MAX, false, 0 },
		{ "18446744073709551615", UINT64_MAX, true, UINT64_MAX },
		{ "18446744073709551616", UINT64_MAX, false, 0 },
		{ "99999999999999999999", UINT64_MAX, false, 0 },
		{ "100000000000000000000", UINT64_MAX, false, 0 },
		{ "", UINT64_MAX, false, 0 },
		{ "00", UINT64_MAX, false, 0 },
		{ "01", UINT64_MAX, false, 0 },
		{ "+1", UINT64_MAX, false, 0 },
		{ "-1", UINT64_MAX, false, 0 },
		{ " 1", UINT64_MAX, false, 0 },
		{ "1 ", UINT64_MAX, false, 0 },
		{ "1.0", UINT64_MAX, false, 0 },
		{ "1e3", UINT64_MAX, false, 0 },
		{ "0x10", UINT64_MAX, false, 0 },
		{ "\xd9\xa1", UINT64_MAX, false, 0 }
	};
	uint64_t value;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CASE("\"%s\"", cases[i].text);
		value = 0;
		CHECK_INT(tally_parse_u64(tally_bytes_str(cases[i].text), cases[i].max, &value),
			  cases[i].ok);
		CHECK(value == cases[i].want);
	}
}

/* Numbers with commas between them, to the end or to what is none. */
static void lists_of_integers(void)
{
	static const struct {
		const char *text;
		unsigned int count;
		uint64_t sum;
		const char *left;
	} cases[] = {
		{ "1", 1, 1, "" }, { "1,22,333", 3, 356, "" }, { "0,0", 2, 0, "" },
		{ "", 0, 0, "" }, { ",", 0, 0, "," }, { "1,", 0, 0, "1," }, { "1,2,", 1, 1, "2," },
		{ ",1", 0, 0, ",1" }, { "1,,2", 1, 1, ",2" }, { "1, 2", 1, 1, " 2" },
		{ "5,1001,7", 1, 5, "1001,7" }, { "1,01", 1, 1, "01" }, { "1;2", 0, 0, "1;2" },
	};
	uint64_t value;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tally_bytes rest = tally_bytes_str(cases[i].text);
		unsigned int count = 0;
		uint64_t sum = 0;

		CASE("\"%s\"", cases[i].text);
		for (; tally_next_u64(&rest, 1000, &value); count++)
			sum += value;
		CHECK_INT(count, cases[i].count);
		CHECK(sum == cases[i].sum);
		CHECK_BYTES(rest, tally_bytes_str(cases[i].left));
	}
}

static void integers_in_place(void)
{
	uint8_t room[8];

	tally_put_u64(room, 0x0102030405060708);
	CHECK_MEM(room, "\x01\x02\x03\x04\x05\x06\x07\x08", 8);
	CHECK(tally_get_u64(room) == 0x0102030405060708);
	CHECK(tally_get_u32(room + 4) == 0x05060708);
	CHECK(tally_get_u16(room + 6) == 0x0708);
	memset(room, 0xff, sizeof(room));
	CHECK(tally_get_u64(room) == UINT64_MAX);
	CHECK(tally_get_u32(room) == UINT32_MAX);
	CHECK(tally_get_u16(room) == UINT16_MAX);
}

static void base58(void)
{
	static const struct {
		const char *hex, *text;
	} cases[] = {	/* draft-msporny-base58, 5, and leading zeros */
		{ "", "" },
		{ "00", "1" },
		{ "61", "2g" },
		{ "48656c6c6f20576f726c6421", "2NEpo7TZRRrLZSi2U" },
		{ "54686520717569636b2062726f776e20666f78206a756d7073206f76657220746865206c617a7920646f672e",
		  "USm3fpXnKG5EUBx2ndxBDMPVciP5hGey2Jh4NDv6gmeo1LkMeiKrLJUUBk6Z" },
		{ "0000287fb4cd", "11233QC4" },
		{ "ffffffffffffffffffffffffffffffff", "YcVfxkQb6JRzqk5kF2tNLv" },
	};
	char text[TALLY_BASE58_TEXT(TALLY_BASE58_MAX)];
	uint8_t data[TALLY_BASE58_MAX];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		size_t size = strlen(cases[i].hex) / 2;

		CASE("%s", cases[i].hex);
		REQUIRE(tally_hex_decode(tally_bytes_str(cases[i].hex), data, size));
		tally_base58_encode(tally_bytes(data, size), text);
		CHECK_STR(text, cases[i].text);
	}
	memset(data, 0xff, sizeof(data));	/* the longest fits */
	tally_base58_encode(tally_bytes(data, sizeof(data)), text);
	CHECK(strlen(text) < sizeof(text));
}

int main(void)
{
	TEST(order);
	TEST(hex);
	TEST(bad_hex_is_refused);
	TEST(base64);
	TEST(base64_of_all_lengths);
	TEST(bad_base64_is_refused);
	TEST(numbers);
	TEST(lists_of_integers);
	TEST(integers_in_place);
	TEST(base58);
	return tap_done();
}
