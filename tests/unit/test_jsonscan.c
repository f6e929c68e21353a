/* The members of JSON objects where they stand. */
#include "jsonscan.h"

#include <stdlib.h>

#include "tap.h"

/* "name=value|name=value"; "!" behind it: malformed. */
static const char *scanned(const char *text, char room[400])
{
	struct tally_jsonscan_member member;
	struct tally_jsonscan scan;
	size_t used = 0;
	int more;

	room[0] = '\0';
	tally_jsonscan_begin(&scan, tally_bytes_str(text));
	while ((more = tally_jsonscan_next(&scan, &member)) == 1)
		used += (size_t)snprintf(room + used, 400 - used, "%s%.*s=%.*s", used > 0 ? "|" : "",
					 (int)member.name.size, (const char *)member.name.data,
					 (int)member.value.size, (const char *)member.value.data);
	if (more < 0)
		snprintf(room + used, 400 - used, "!");
	return room;
}

static void members(void)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "{}", "" },
		{ " { } \n", "" },
		{ "{\"a\":1}", "a=1" },
		{ "{\"a\":1,\"b\":\"c\"}", "a=1|b=\"c\"" },
		{ "\t{ \"a\" : true , \"b\" : null }\r\n", "a=true|b=null" },
		{ "{\"a\":{\"b\":[1,{\"c\":\"}\"}]},\"d\":[\"]\",[]]}", "a={\"b\":[1,{\"c\":\"}\"}]}|d=[\"]\",[]]" },
		{ "{\"a\\\"b\":\"c\\\\\",\"d\":2}", "a\\\"b=\"c\\\\\"|d=2" },
		{ "", "!" }, { "1", "!" }, { "[]", "!" }, { "{", "!" }, { "{\"a\"", "!" },
		{ "{\"a\":", "!" }, { "{\"a\":1", "a=1!" }, { "{\"a\":1,", "a=1!" },
		{ "{\"a\":1,}", "a=1!" }, { "{\"a\":1 \"b\":2}", "a=1!" }, { "{a:1}", "!" },
		{ "{\"a\":1}x", "a=1!" }, { "{\"a\":\"b}", "!" }, { "{\"a\":\"b\\", "!" },
		{ "{\"a\":[1}", "a=[1}!" }, { "{\"a\":}", "!" }, { "{,\"a\":1}", "!" },
	};
	char room[400];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		CASE("%s", cases[i].text);
		CHECK_STR(scanned(cases[i].text, room), cases[i].want);
	}
}

static void depth_is_bounded(void)
{
	struct tally_jsonscan_member member;
	struct tally_jsonscan scan;
	char text[200] = "{\"a\":";

	memset(text + 5, '[', 64);
	memset(text + 69, ']', 64);
	text[133] = '}';
	tally_jsonscan_begin(&scan, tally_bytes_str(text));
	CHECK_INT(tally_jsonscan_next(&scan, &member), 1);
	memset(text + 5, '[', 65);
	memset(text + 70, ']', 65);
	text[135] = '}';
	tally_jsonscan_begin(&scan, tally_bytes_str(text));
	CHECK_INT(tally_jsonscan_next(&scan, &member), -1);
}

static void texts(void)
{
	static const struct {
		const char *raw, *want;		/* NULL: malformed */
	} cases[] = {
		{ "", "" }, { "abc", "abc" }, { "\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t" },
		{ "\\u0041\\u00e4\\u20ac", "A\xc3\xa4\xe2\x82\xac" },
		{ "\\ud83d\\ude00", "\xf0\x9f\x98\x80" },
		{ "\\ud83d", NULL }, { "\\ud83dx", NULL }, { "\\ude00", NULL },
		{ "\\ud83d\\u0041", NULL }, { "\\u12", NULL }, { "\\u12g4", NULL }, { "\\x", NULL },
		{ "\\", NULL }, { "a\nb", NULL },
	};
	uint8_t text[100];
	size_t size;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		bool good = tally_jsonscan_text(tally_bytes_str(cases[i].raw), text, &size);

		CASE("%s", cases[i].raw);
		CHECK(good == (cases[i].want != NULL));
		if (good && cases[i].want != NULL)
			CHECK_BYTES(tally_bytes(text, size), tally_bytes_str(cases[i].want));
	}
	CHECK(tally_jsonscan_is(TALLY_BYTES_LIT("s\\u006b"), "sk"));
	CHECK(!tally_jsonscan_is(TALLY_BYTES_LIT("s\\u006c"), "sk"));
}

/* Any bytes: it ends, and what it gives lies within. */
static void any_bytes(void)
{
	static const char alphabet[] = "{}[]\":,\\ua1 \n";
	unsigned int seed = 20261126;
	char text[64], *copy;

	printf("# seed %u\n", seed);
	for (int round = 0; round < 20000; round++) {
		struct tally_jsonscan_member member;
		struct tally_jsonscan scan;
		size_t size = (size_t)rand_r(&seed) % sizeof(text);

		for (size_t i = 0; i < size; i++)
			text[i] = alphabet[(size_t)rand_r(&seed) % (sizeof(alphabet) - 1)];
		text[0] = '{';
		copy = malloc(size + 1);	/* so that a sanitizer sees a read beyond */
		memcpy(copy, text, size);
		tally_jsonscan_begin(&scan, tally_bytes(copy, size));
		for (size_t count = 0; tally_jsonscan_next(&scan, &member) == 1; count++) {
			REQUIRE(count < sizeof(text));
			CHECK((const char *)member.name.data >= copy &&
			      (const char *)member.value.data + member.value.size <= copy + size);
		}
		free(copy);
	}
}

int main(void)
{
	TEST(members);
	TEST(depth_is_bounded);
	TEST(texts);
	TEST(any_bytes);
	return tap_done();
}
