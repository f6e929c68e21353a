/*
 * What a member signs in our own form, against the golden statements, which another program made
 * from the same parts (tests/golden/signatures.py), and through json-c, which reads it back.
 */
#include "statement.h"

#include "buf.h"
#include "tap.h"
#include "vectors.h"

static struct json_object *golden;

/* Empty where it is absent. */
static struct tally_bytes text_of(struct json_object *parts, const char *name)
{
	struct json_object *member;

	return json_object_object_get_ex(parts, name, &member) ?
		tally_bytes_str(json_object_get_string(member)) : TALLY_BYTES_NONE;
}

struct room {
	struct tally_bytes clues[40];
	uint8_t payload_hash[32];
};

static struct tally_statement statement_of(struct json_object *parts, struct room *room)
{
	struct tally_statement statement = {
		.ledger_id = text_of(parts, "ledgerId"),
		.member_id = text_of(parts, "memberId"),
		.nonce = text_of(parts, "nonce"),
		.payload_type = text_of(parts, "payloadType"),
		.clues = room->clues
	};
	struct json_object *member;

	if (json_object_object_get_ex(parts, "clues", &member))
		for (; statement.clue_count < json_object_array_length(member); statement.clue_count++)
			room->clues[statement.clue_count] = tally_bytes_str(json_object_get_string(
				json_object_array_get_idx(member, statement.clue_count)));
	if (json_object_object_get_ex(parts, "data", &member))	/* its members stand sorted */
		statement.data = tally_bytes_str(json_object_to_json_string_ext(
			member, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	if (json_object_object_get_ex(parts, "payloadHash", &member)) {
		vectors_hex(json_object_get_string(member), room->payload_hash, 32);
		statement.payload_hash = room->payload_hash;
		statement.payload_size = vectors_number(parts, "payloadSize");
	}
	return statement;
}

static void golden_statements(void)
{
	struct json_object *lines = vectors_member(golden, "statements");
	struct tally_buf buf = { 0 };

	CHECK(json_object_array_length(lines) >= 9);
	for (size_t i = 0; i < json_object_array_length(lines); i++) {
		struct json_object *line = json_object_array_get_idx(lines, i);
		struct room room;
		struct tally_statement statement = statement_of(vectors_member(line, "parts"), &room);

		CASE("%s", vectors_text(line, "what"));
		tally_buf_clear(&buf);
		tally_statement_format(&statement, &buf);
		CHECK_BYTES(tally_buf_bytes(&buf), vectors_bytes(line, "bytes"));
	}
	tally_buf_free(&buf);
}

/* As JSON it says what went in, and v; nothing else. */
static void statements_read_back(void)
{
	struct json_object *lines = vectors_member(golden, "statements");
	struct tally_buf buf = { 0 };

	for (size_t i = 0; i < json_object_array_length(lines); i++) {
		struct json_object *parts = vectors_member(json_object_array_get_idx(lines, i), "parts");
		struct room room;
		struct tally_statement statement = statement_of(parts, &room);
		struct json_object *read;

		CASE("statement %zu", i);
		tally_buf_clear(&buf);
		tally_statement_format(&statement, &buf);
		tally_buf_add_u8(&buf, '\0');
		read = json_tokener_parse((char *)buf.data);
		REQUIRE(read != NULL);
		CHECK_INT(vectors_number(read, "v"), 1);
		json_object_object_del(read, "v");
		CHECK(json_object_equal(read, parts));
		json_object_put(read);
	}
	tally_buf_free(&buf);
}

/* It goes behind what is in the buffer; without a payload, its size does not count. */
static void appends(void)
{
	struct tally_statement statement = {
		.payload_type = TALLY_BYTES_LIT("CUSTOM"), .payload_size = 77
	};
	struct tally_buf buf = { 0 };

	tally_buf_add_str(&buf, "before");
	tally_statement_format(&statement, &buf);
	CHECK_BYTES(tally_buf_bytes(&buf), TALLY_BYTES_LIT("before{\"payloadType\":\"CUSTOM\",\"v\":1}"));
	tally_buf_free(&buf);
}

int main(void)
{
	golden = vectors_load("signatures.json");
	TEST(golden_statements);
	TEST(statements_read_back);
	TEST(appends);
	json_object_put(golden);
	return tap_done();
}
