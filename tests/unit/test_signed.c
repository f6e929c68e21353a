/*
 * Members' signatures in leaves: leaves that were signed with keys of every kind through the statement
 * (statement.h) verify, and nothing in them that was signed can be changed.
 */
#include "signed.h"

#include <stdlib.h>

#include "arena.h"
#include "buf.h"
#include "err.h"
#include "statement.h"
#include "tap.h"

#define LEDGER "l-0123456789abcdef012345678"
#define MEMBERS 2

static struct tally_arena arena;
static const char *const ids[MEMBERS] = { "m-00112233445566778899aabbcc", "m-ff112233445566778899aabbcc" };

/* The list of signatures of a statement, by keys that are made here. -1 where the kind is lacking. */
static int sign(unsigned int type, size_t count, struct tally_bytes statement, struct tally_buf *list)
{
	struct tally_err err;

	for (size_t i = 0; i < count; i++) {
		uint8_t private[TALLY_MEMBER_PRIVATE], signature[TALLY_MEMBER_SIGNATURE];
		char key_text[TALLY_MEMBER_KEY_TEXT], hex[2 * TALLY_MEMBER_SIGNATURE + 1];
		struct tally_member_key key;

		memset(private, (int)(type + i + 1), sizeof(private));
		if (tally_member_public(type, private, &key, &err) != 0 ||
		    tally_member_sign(type, private, statement, signature, &err) != 0)
			return -1;
		tally_member_key_format(&key, key_text);
		tally_hex_encode(signature, sizeof(signature), hex);
		tally_buf_printf(list, "%s{\"key\":\"%s\",\"memberId\":\"%s\",\"sig\":\"%s\","
				 "\"type\":\"%s\"}", i > 0 ? "," : "", key_text, ids[i], hex,
				 tally_key_type_name(type));
	}
	return 0;
}

/* A leaf with everything in it, signed by so many. NULL where the kind of key is lacking. */
static const char *leaf_of(unsigned int type, size_t count)
{
	static const struct tally_bytes clues[] = { TALLY_BYTES_LIT("caf\xc3\xa9"), TALLY_BYTES_LIT("a\"b") };
	static const uint8_t hash[32] = { 0xab };
	struct tally_statement statement = {
		.clues = clues, .clue_count = 2, .data = TALLY_BYTES_LIT("{\"key\":\"colour\"}"),
		.ledger_id = TALLY_BYTES_LIT(LEDGER), .member_id = tally_bytes_str(ids[0]),
		.nonce = TALLY_BYTES_LIT("n 1"), .payload_hash = hash, .payload_size = 12,
		.payload_type = TALLY_BYTES_LIT("KV_SET")
	};
	struct tally_buf text = { 0 }, list = { 0 };
	const char *leaf = NULL, *made, *clue_end, *id_end, *type_end;

	tally_statement_format(&statement, &text);
	if (sign(type, count, tally_buf_bytes(&text), &list) == 0) {
		/* the statement with the leaf's own members put in where they sort */
		made = tally_arena_str(&arena, tally_buf_bytes(&text));
		clue_end = strstr(made, "\"ledgerId\"");
		type_end = strstr(made, ",\"v\":1}");
		id_end = made + strlen(made);
		leaf = tally_arena_printf(&arena, "%.*s\"evidenceHash\":\"%064d\",\"journalId\":7,%.*s,"
					  "\"signatures\":[%.*s],\"timestamp\":1767312000123%.*s",
					  (int)(clue_end - made), made, 0, (int)(type_end - clue_end),
					  clue_end, (int)list.size, (const char *)list.data,
					  (int)(id_end - type_end), type_end);
	}
	tally_buf_free(&text);
	tally_buf_free(&list);
	return leaf;
}

static int check(const char *leaf, struct tally_leaf_signature signatures[TALLY_LEAF_SIGNATURES],
		 struct tally_err *err)
{
	uint8_t *room = malloc(strlen(leaf) + 1);
	int count = tally_leaf_signatures(tally_bytes_str(leaf), room, signatures, err);

	free(room);
	return count;
}

static void all_kinds(void)
{
	struct tally_leaf_signature signatures[TALLY_LEAF_SIGNATURES];
	unsigned int ran = 0;

	for (unsigned int type = KEY_TYPE_SECP256K1; type <= KEY_TYPE_ED25519; type++)
		for (size_t count = 1; count <= MEMBERS; count++) {
			const char *leaf = leaf_of(type, count);
			struct tally_err err = { 0 };

			CASE("%s, %zu", tally_key_type_name(type), count);
			if (leaf == NULL)
				continue;
			ran++;
			CHECK_INT(check(leaf, signatures, &err), (int)count);
			CHECK_BYTES(signatures[count - 1].member_id, tally_bytes_str(ids[count - 1]));
			CHECK_INT(signatures[count - 1].key.type, type);
		}
	CHECK(ran >= 4);
}

static void nobody_signed(void)
{
	struct tally_leaf_signature signatures[TALLY_LEAF_SIGNATURES];
	struct tally_err err = { 0 };

	CHECK_INT(check("{\"journalId\":7,\"ledgerId\":\"" LEDGER "\",\"payloadType\":\"CUSTOM\","
			"\"timestamp\":1,\"v\":1}", signatures, &err), 0);
}

static void changed_leaves(void)
{
	static const struct {
		const char *from, *to;
		int want;		/* code of the refusal; 0: it verifies all the same */
	} edits[] = {
		{ "caf", "cof", TALLY_CORRUPT },
		{ "\"colour\"", "\"color\"", TALLY_CORRUPT },
		{ LEDGER, "l-0123456789abcdef012345679", TALLY_CORRUPT },
		{ "\"nonce\":\"n 1\"", "\"nonce\":\"n 2\"", TALLY_CORRUPT },
		{ "\"payloadSize\":12", "\"payloadSize\":13", TALLY_CORRUPT },
		{ "\"payloadHash\":\"ab", "\"payloadHash\":\"ac", TALLY_CORRUPT },
		{ "KV_SET", "CUSTOM", TALLY_CORRUPT },
		{ "\"memberId\":\"m-00", "\"memberId\":\"m-01", TALLY_CORRUPT },
		{ "\"sig\":\"", "\"sig\":\"0", TALLY_INVALID },
		{ "\"key\":\"04", "\"key\":\"05", TALLY_INVALID },
		{ "\"type\":\"SECP256K1\"", "\"type\":\"SECP256R1\"", TALLY_INVALID },
		{ "\"type\":\"SECP256K1\"", "\"type\":\"RSA\"", TALLY_UNSUPPORTED },
		{ "\"type\":\"SECP256K1\"", "\"typo\":\"SECP256K1\"", TALLY_INVALID },
		{ "\"signatures\":[{", "\"signatures\":[[],{", TALLY_INVALID },
		{ "\"signatures\":[{", "\"signatures\":[7,{", TALLY_INVALID },
		{ "\"v\":1", "\"v\":2", TALLY_INVALID },
		{ "\"v\":1", "\"v\": 1", TALLY_INVALID },
		{ "\"timestamp\":1767312000123", "\"timestamp\":\"then\"", TALLY_INVALID },
		/* the log says these, nobody signed them: the leaf's place in the log is another proof */
		{ "\"journalId\":7", "\"journalId\":8", 0 },
		{ "\"timestamp\":1767312000123", "\"timestamp\":1", 0 }
	};
	const char *good = leaf_of(KEY_TYPE_SECP256K1, 1);

	for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
		struct tally_leaf_signature signatures[TALLY_LEAF_SIGNATURES];
		struct tally_err err = { 0 };
		const char *at = strstr(good, edits[i].from), *edited;

		CASE("%s to %s", edits[i].from, edits[i].to);
		REQUIRE(at != NULL);
		edited = tally_arena_printf(&arena, "%.*s%s%s", (int)(at - good), good, edits[i].to,
					    at + strlen(edits[i].from));
		CHECK_INT(check(edited, signatures, &err), edits[i].want == 0 ? 1 : -1);
		CHECK_INT(err.code, edits[i].want);
	}
}

static void too_many(void)
{
	struct tally_leaf_signature signatures[TALLY_LEAF_SIGNATURES];
	struct tally_buf buf = { 0 };
	struct tally_err err = { 0 };
	const char *good = leaf_of(KEY_TYPE_ED25519, 1), *list = strstr(good, "\"signatures\":[") + 14;
	const char *end = strstr(list, "],\"timestamp\"");

	tally_buf_add(&buf, good, (size_t)(list - good));
	for (int i = 0; i <= TALLY_LEAF_SIGNATURES; i++)
		tally_buf_printf(&buf, "%s%.*s", i > 0 ? "," : "", (int)(end - list), list);
	tally_buf_add_str(&buf, end);
	CHECK_INT(check(tally_arena_str(&arena, tally_buf_bytes(&buf)), signatures, &err), -1);
	CHECK_INT(err.code, TALLY_INVALID);
	CASE("none in the list");
	CHECK_INT(check(tally_arena_printf(&arena, "%.*s%s", (int)(list - good), good, end), signatures,
			&err), -1);
	CHECK_INT(err.code, TALLY_INVALID);
	tally_buf_free(&buf);
}

int main(void)
{
	TEST(all_kinds);
	TEST(nobody_signed);
	TEST(changed_leaves);
	TEST(too_many);
	tally_arena_free(&arena);
	return tap_done();
}
