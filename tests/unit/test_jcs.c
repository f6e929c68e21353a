/* Canonical JSON: the escapes of RFC 8785 3.2.2.2 and its example, objects, integers. */
#include "jcs.h"

#include "tap.h"

static void strings(void)
{
	static const struct {
		struct tally_bytes in;
		const char *want;
	} cases[] = {
		{ TALLY_BYTES_LIT(""), "\"\"" },
		{ TALLY_BYTES_LIT("plain"), "\"plain\"" },
		/* RFC 8785 3.2.3: the string of the example, as it stands in the canonical form */
		{ TALLY_BYTES_LIT("\xe2\x82\xac$\x0f\nA'B\"\\\\\"/"),
		  "\"\xe2\x82\xac$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"" },
		{ TALLY_BYTES_LIT("\b\t\n\f\r"), "\"\\b\\t\\n\\f\\r\"" },
		{ TALLY_BYTES_LIT("\0\x01\x0b\x1a\x1f"), "\"\\u0000\\u0001\\u000b\\u001a\\u001f\"" },
		{ TALLY_BYTES_LIT("\x7f</script>"), "\"\x7f</script>\"" },
		{ TALLY_BYTES_LIT("\xc2\x80\xe2\x80\xa8\xf0\x9f\x98\x82"),
		  "\"\xc2\x80\xe2\x80\xa8\xf0\x9f\x98\x82\"" },
		{ TALLY_BYTES_LIT("end\""), "\"end\\\"\"" },
		{ TALLY_BYTES_LIT("\"start"), "\"\\\"start\"" }
	};
	struct tally_buf buf = { 0 };
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CASE("case %zu", i);
		tally_buf_clear(&buf);
		tally_jcs_string(&buf, cases[i].in);
		CHECK_BYTES(tally_buf_bytes(&buf), tally_bytes_str(cases[i].want));
	}
	tally_buf_free(&buf);
}

/* Each ASCII character alone: which get a short escape, which a long one and which none. */
static void every_ascii_character(void)
{
	static const char specials[] = "\b\t\n\f\r\"\\", letters[] = "btnfr\"\\";
	struct tally_buf buf = { 0 };
	unsigned int c;

	for (c = 0; c < 128; c++) {
		const char *special = memchr(specials, (int)c, sizeof(specials) - 1);
		uint8_t byte = (uint8_t)c;
		char want[16];

		if (special != NULL)
			snprintf(want, sizeof(want), "\"\\%c\"", letters[special - specials]);
		else if (c < 32)
			snprintf(want, sizeof(want), "\"\\u%04x\"", c);
		else
			snprintf(want, sizeof(want), "\"%c\"", c);
		CASE("character %u", c);
		tally_buf_clear(&buf);
		tally_jcs_string(&buf, tally_bytes(&byte, 1));
		CHECK_BYTES(tally_buf_bytes(&buf), tally_bytes_str(want));
	}
	tally_buf_free(&buf);
}

/* Text is looked through by eight bytes: each character at each place, among letters of one byte and of two. */
static void every_character_at_every_place(void)
{
	static const char *const around[] = { "xxxxxxxxxxxxxxxxxxxxxxxx", "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"
					      "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9" };
	struct tally_buf alone = { 0 }, in = { 0 }, want = { 0 }, got = { 0 };

	for (unsigned int c = 0; c < 128; c++) {
		uint8_t byte = (uint8_t)c;

		tally_buf_clear(&alone);
		tally_jcs_string(&alone, tally_bytes(&byte, 1));
		for (size_t at = 0; at <= 24; at += 2) {
			for (size_t odd = 0; odd < 2; odd++) {
				struct tally_bytes left = tally_bytes(around[at % 4 / 2], at);
				struct tally_bytes right = tally_bytes(around[1 - at % 4 / 2], 24 - at);

				CASE("character %u at %zu", c, at + odd);
				tally_buf_clear(&in);
				tally_buf_clear(&want);
				tally_buf_clear(&got);
				tally_buf_add(&in, "y", odd);
				tally_buf_add_bytes(&in, left);
				tally_buf_add_u8(&in, byte);
				tally_buf_add_bytes(&in, right);
				tally_buf_add_u8(&want, '"');
				tally_buf_add(&want, "y", odd);
				tally_buf_add_bytes(&want, left);
				tally_buf_add(&want, alone.data + 1, alone.size - 2);
				tally_buf_add_bytes(&want, right);
				tally_buf_add_u8(&want, '"');
				tally_jcs_string(&got, tally_buf_bytes(&in));
				CHECK_BYTES(tally_buf_bytes(&got), tally_buf_bytes(&want));
			}
		}
	}
	tally_buf_free(&alone);
	tally_buf_free(&in);
	tally_buf_free(&want);
	tally_buf_free(&got);
}

static void long_text_full_of_escapes(void)
{
	struct tally_buf in = { 0 }, want = { 0 }, got = { 0 };
	unsigned int i;

	tally_buf_add_u8(&want, '"');
	for (i = 0; i < 5000; i++) {
		tally_buf_add_str(&in, i % 3 != 0 ? "\x01" : "ab");
		tally_buf_add_str(&want, i % 3 != 0 ? "\\u0001" : "ab");
	}
	tally_buf_add_u8(&want, '"');
	tally_jcs_string(&got, tally_buf_bytes(&in));
	CHECK_BYTES(tally_buf_bytes(&got), tally_buf_bytes(&want));
	tally_buf_free(&in);
	tally_buf_free(&want);
	tally_buf_free(&got);
}

static void objects(void)
{
	struct tally_jcs_object outer, inner;
	struct tally_buf buf = { 0 };

	tally_jcs_open(&outer, &buf);
	tally_jcs_close(&outer);
	CHECK_BYTES(tally_buf_bytes(&buf), TALLY_BYTES_LIT("{}"));
	tally_buf_clear(&buf);
	tally_jcs_open(&outer, &buf);
	tally_jcs_name(&outer, "A");
	tally_jcs_uint(&buf, 0);
	tally_jcs_name(&outer, "a");
	tally_jcs_open(&inner, &buf);
	tally_jcs_name(&inner, "x\"y");
	tally_jcs_string(&buf, TALLY_BYTES_LIT("v"));
	tally_jcs_close(&inner);
	tally_jcs_name(&outer, "ab");
	tally_jcs_uint(&buf, 9007199254740991);
	tally_jcs_close(&outer);
	CHECK_BYTES(tally_buf_bytes(&buf),
		    TALLY_BYTES_LIT("{\"A\":0,\"a\":{\"x\\\"y\":\"v\"},\"ab\":9007199254740991}"));
	tally_buf_free(&buf);
}

int main(void)
{
	TEST(strings);
	TEST(every_ascii_character);
	TEST(every_character_at_every_place);
	TEST(long_text_full_of_escapes);
	TEST(objects);
	return tap_done();
}
