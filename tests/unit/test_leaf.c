/* Canonical JSON and leaves: one reading for each, and none for what RFC 8785 would write otherwise. */
#include "leaf.h"

#include "tap.h"
#include "vectors.h"

static void valid_values(void)
{
	static const char *const good[] = {
		"0", "7", "9007199254740991", "true", "false", "\"\"", "\"a\"", "\"caf\xc3\xa9\"",
		"\"\\\"\\\\\\b\\f\\n\\r\\t\\u0000\\u001f\\u000b\"", "\"/\"", "\"\x7f\"", "{}", "[]", "[1,2]",
		"{\"a\":1}", "{\"a\":1,\"b\":{\"a\":[true,false,\"x\"]}}", "{\"a\":1,\"aa\":2,\"b\":3}",
		"{\"\":0}", "{\"A\":0,\"a\":0}", "[[[[[[[[]]]]]]]]", "\"\xf0\x9f\x92\xb6\""
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		CASE("%s", good[i]);
		CHECK(tally_canon_valid(tally_bytes_str(good[i])));
	}
}

static void other_texts_are_refused(void)
{
	static const char *const wrong[] = {
		"", " ", "nul", "null", "True", "-1", "-0", "+1", "01", "1.0", "1e3", "1.", "0x1",
		"9007199254740992", "18446744073709551616", "NaN", "tru", "truely", "\"", "\"a", "a",
		"'a'", "\"\n\"", "\"\x01\"", "\"\\u0041\"", "\"\\/\"", "\"\\u001F\"", "\"\\u0008\"",
		"\"\\u000a\"", "\"\\u0022\"", "\"\\u00e9\"", "\"\\ud83d\\udcb6\"", "\"\\x\"", "\"\\", "\"\\u00",
		"\"\\u001", "\"\\U001f\"", "\"\xff\"", "\"\xc0\x80\"", "\"\xed\xa0\x80\"", "\"\xc3\"", "[", "]", "{", "}",
		"[1,]", "[,1]", "[1 ,2]", "[1, 2]", "[1 2]", "[1;2]", " []", "[] ", "[]\n", "[]x", "[}", "{]",
		"{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{,\"a\":1}", "{\"a\" :1}", "{\"a\": 1}", "{a:1}", "{1:1}",
		"{\"a\":1 }", "{\"a\":1,\"a\":2}", "{\"b\":1,\"a\":2}", "{\"aa\":1,\"a\":2}", "{\"a\":1,\"B\":2}",
		"{\"\\n\":1}", "{\"\xc3\xa9\":1}", "{\"a\\\"\":1}", "{\"\x7f\":1}", "[[[[[[[[[]]]]]]]]]",
		"\xef\xbb\xbf{}", "{}{}", "1,2", "[1],"
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		CASE("%s", wrong[i]);
		CHECK(!tally_canon_valid(tally_bytes_str(wrong[i])));
	}
	CASE("a NUL");
	CHECK(!tally_canon_valid(TALLY_BYTES_LIT("\"\0\"")));
	CHECK(!tally_canon_valid(TALLY_BYTES_LIT("\"\\\0\"")));
	CHECK(!tally_canon_valid(TALLY_BYTES_LIT("{}\0")));
	CHECK(!tally_canon_valid(TALLY_BYTES_NONE));
}

static void members(void)
{
	struct tally_bytes object = TALLY_BYTES_LIT("{\"a\":1,\"b\":[2,\"x\"],\"c\":{\"a\":7}}"), value, item;
	size_t at = 0;

	CHECK_INT(tally_canon_member(object, "a", &value), 1);
	CHECK_BYTES(value, TALLY_BYTES_LIT("1"));
	CHECK_INT(tally_canon_member(object, "c", &value), 1);
	CHECK_BYTES(value, TALLY_BYTES_LIT("{\"a\":7}"));
	CHECK_INT(tally_canon_member(object, "d", &value), 0);
	CHECK_INT(tally_canon_member(object, "", &value), 0);
	CHECK_INT(tally_canon_member(TALLY_BYTES_LIT("[]"), "a", &value), -1);
	CHECK_INT(tally_canon_member(TALLY_BYTES_LIT("{\"a\":1"), "b", &value), -1);
	CHECK_INT(tally_canon_member(TALLY_BYTES_NONE, "b", &value), -1);
	CHECK_INT(tally_canon_member(object, "b", &value), 1);
	CHECK_INT(tally_canon_next(value, &at, NULL, &item), 1);
	CHECK_BYTES(item, TALLY_BYTES_LIT("2"));
	CHECK_INT(tally_canon_next(value, &at, NULL, &item), 1);
	CHECK_BYTES(item, TALLY_BYTES_LIT("\"x\""));
	CHECK_INT(tally_canon_next(value, &at, NULL, &item), 0);
	at = 0;
	CHECK_INT(tally_canon_next(TALLY_BYTES_LIT("[]"), &at, NULL, &item), 0);
	CHECK_INT(tally_canon_next(TALLY_BYTES_LIT("[]x"), &at, NULL, &item), -1);
	CHECK_INT(tally_canon_next(TALLY_BYTES_LIT("\"[]\""), &at, NULL, &item), -1);
	at = 99;
	CHECK_INT(tally_canon_next(TALLY_BYTES_LIT("[1]"), &at, NULL, &item), -1);
}

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define UPPER "0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef"

static void values(void)
{
	struct tally_bytes text;
	struct tally_hash hash;
	uint64_t number;

	CHECK(tally_canon_uint(TALLY_BYTES_LIT("12"), &number) && number == 12);
	CHECK(!tally_canon_uint(TALLY_BYTES_LIT("\"12\""), &number));
	CHECK(tally_canon_plain(TALLY_BYTES_LIT("\"caf\xc3\xa9\""), &text));
	CHECK_BYTES(text, TALLY_BYTES_LIT("caf\xc3\xa9"));
	CHECK(!tally_canon_plain(TALLY_BYTES_LIT("\"a\\n\""), &text));
	CHECK(!tally_canon_plain(TALLY_BYTES_LIT("\"a\"b\""), &text));
	CHECK(!tally_canon_plain(TALLY_BYTES_LIT("\""), &text));
	CHECK(!tally_canon_plain(TALLY_BYTES_LIT("12"), &text));
	CHECK(tally_canon_hash(TALLY_BYTES_LIT("\"" HEX "\""), &hash));
	CHECK(!tally_canon_hash(TALLY_BYTES_LIT("\"" UPPER "\""), &hash));
	CHECK(!tally_canon_hash(TALLY_BYTES_LIT("\"" HEX "0\""), &hash));
	CHECK(!tally_canon_hash(TALLY_BYTES_LIT(HEX), &hash));
	CHECK(tally_canon_is(TALLY_BYTES_LIT("\"a\\\"\\n\\u0001b\""), TALLY_BYTES_LIT("a\"\n\x01" "b")));
	CHECK(tally_canon_is(TALLY_BYTES_LIT("\"\""), TALLY_BYTES_NONE));
	CHECK(!tally_canon_is(TALLY_BYTES_LIT("\"ab\""), TALLY_BYTES_LIT("a")));
	CHECK(!tally_canon_is(TALLY_BYTES_LIT("\"a\""), TALLY_BYTES_LIT("ab")));
	CHECK(!tally_canon_is(TALLY_BYTES_LIT("\"a\"x"), TALLY_BYTES_LIT("a")));
	CHECK(!tally_canon_is(TALLY_BYTES_LIT("1"), TALLY_BYTES_LIT("1")));
}

/* ---- leaves ---- */

static void check_golden(struct json_object *journal)
{
	struct json_object *clues, *payload;
	struct tally_bytes text = vectors_bytes(journal, "leaf");
	struct tally_leaf leaf;

	REQUIRE(tally_leaf_parse(text, &leaf));
	CHECK_INT(leaf.journal_id, vectors_number(journal, "journalId"));
	CHECK_INT(leaf.timestamp, vectors_number(journal, "timestamp"));
	CHECK_BYTES(leaf.payload_type, vectors_bytes(journal, "type"));
	CHECK_INT(leaf.has_payload, json_object_object_get_ex(journal, "payloadHash", NULL));
	CHECK_INT(leaf.data.size > 0, json_object_object_get_ex(journal, "data", NULL));
	if (json_object_object_get_ex(journal, "clues", &clues))
		for (size_t i = 0; i < json_object_array_length(clues); i++) {
			struct json_object *clue = json_object_array_get_idx(clues, i);

			CHECK(tally_leaf_has_clue(&leaf, tally_bytes(json_object_get_string(clue),
				(size_t)json_object_get_string_len(clue))));
		}
	CHECK(!tally_leaf_has_clue(&leaf, TALLY_BYTES_LIT("another clue")));
	if (json_object_object_get_ex(journal, "payload", &payload)) {
		const char *bytes = json_object_get_string(payload);
		uint8_t salt[TALLY_SALT_SIZE];

		vectors_hex(vectors_text(journal, "salt"), salt, sizeof(salt));
		CHECK(tally_leaf_payload_is(&leaf, salt, tally_bytes_str(bytes)));
		salt[0] ^= 1;
		CHECK(!tally_leaf_payload_is(&leaf, salt, tally_bytes_str(bytes)));
		salt[0] ^= 1;
		CHECK(!tally_leaf_payload_is(&leaf, salt, tally_bytes(bytes, strlen(bytes) + 1)));
	} else if (!leaf.has_payload) {
		CHECK(!tally_leaf_payload_is(&leaf, (uint8_t[16]){ 0 }, TALLY_BYTES_NONE));
	}
}

static void golden_leaves(void)
{
	struct json_object *golden = vectors_load("leaf.json");
	struct json_object *list = vectors_member(golden, "journals");

	for (size_t i = 0; i < json_object_array_length(list); i++) {
		CASE("journal %zu", i);
		check_golden(json_object_array_get_idx(list, i));
	}
	CHECK(json_object_array_length(list) >= 5);
	json_object_put(golden);
}

static void other_leaves_are_refused(void)
{
	static const char *const wrong[] = {
		"[]", "1", "{}",
		"{\"journalId\":1,\"ledgerId\":\"l\",\"payloadType\":\"CUSTOM\",\"timestamp\":1}",
		"{\"journalId\":1,\"ledgerId\":\"l\",\"payloadType\":\"CUSTOM\",\"timestamp\":1,\"v\":2}",
		"{\"journalId\":1,\"ledgerId\":\"l\",\"payloadType\":\"CUSTOM\",\"v\":1}",
		"{\"journalId\":1,\"ledgerId\":\"l\",\"timestamp\":1,\"v\":1}",
		"{\"journalId\":1,\"payloadType\":\"CUSTOM\",\"timestamp\":1,\"v\":1}",
		"{\"ledgerId\":\"l\",\"payloadType\":\"CUSTOM\",\"timestamp\":1,\"v\":1}",
		"{\"journalId\":\"1\",\"ledgerId\":\"l\",\"payloadType\":\"CUSTOM\",\"timestamp\":1,\"v\":1}",
		"{\"journalId\":1,\"ledgerId\":7,\"payloadType\":\"CUSTOM\",\"timestamp\":1,\"v\":1}",
		"{\"journalId\":1,\"ledgerId\":\"l\\n\",\"payloadType\":\"CUSTOM\",\"timestamp\":1,\"v\":1}",
		"{\"journalId\":1,\"ledgerId\":\"l\",\"payloadType\":\"CUSTOM\",\"timestamp\":true,\"v\":1}",
		"{\"clues\":\"a\",\"journalId\":1,\"ledgerId\":\"l\",\"payloadType\":\"CUSTOM\",\"timestamp\":1,\"v\":1}",
		"{\"data\":[],\"journalId\":1,\"ledgerId\":\"l\",\"payloadType\":\"CUSTOM\",\"timestamp\":1,\"v\":1}",
		"{\"journalId\":1,\"ledgerId\":\"l\",\"payloadHash\":\"" HEX "\",\"payloadType\":\"CUSTOM\","
		"\"timestamp\":1,\"v\":1}",
		"{\"journalId\":1,\"ledgerId\":\"l\",\"payloadSize\":3,\"payloadType\":\"CUSTOM\",\"timestamp\":1,"
		"\"v\":1}",
		"{\"journalId\":1,\"ledgerId\":\"l\",\"payloadHash\":\"" UPPER "\",\"payloadSize\":3,"
		"\"payloadType\":\"CUSTOM\",\"timestamp\":1,\"v\":1}",
		"{\"v\":1,\"journalId\":1,\"ledgerId\":\"l\",\"payloadType\":\"CUSTOM\",\"timestamp\":1}",
		"{\"journalId\":1,\"ledgerId\":\"l\",\"payloadType\":\"CUSTOM\",\"timestamp\":1,\"v\":1}\n"
	};
	static const char good[] =
		"{\"journalId\":1,\"ledgerId\":\"l\",\"payloadType\":\"CUSTOM\",\"timestamp\":1,\"v\":1}";
	static char large[TALLY_LEAF_MAX + 2];
	struct tally_leaf leaf;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		CASE("%s", wrong[i]);
		CHECK(!tally_leaf_parse(tally_bytes_str(wrong[i]), &leaf));
	}
	CASE("the good one");
	CHECK(tally_leaf_parse(tally_bytes_str(good), &leaf));
	for (size_t more = 0; more < 2; more++) {
		size_t filler = TALLY_LEAF_MAX - strlen("{\"a\":\"\",") - strlen(good + 1) + more;

		CASE("%zu bytes too large", more);
		strcpy(large, "{\"a\":\"");
		memset(large + strlen(large), 'x', filler);
		strcpy(large + strlen("{\"a\":\"") + filler, "\",");
		strcat(large, good + 1);
		CHECK_INT(strlen(large), TALLY_LEAF_MAX + more);
		CHECK(tally_canon_valid(tally_bytes_str(large)));
		CHECK_INT(tally_leaf_parse(tally_bytes_str(large), &leaf), more == 0);
	}
}

int main(void)
{
	TEST(valid_values);
	TEST(other_texts_are_refused);
	TEST(members);
	TEST(values);
	TEST(golden_leaves);
	TEST(other_leaves_are_refused);
	return tap_done();
}
