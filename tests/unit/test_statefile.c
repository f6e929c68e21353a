/*
 * State proof files: a log of 12 journals, of which number 8 is the STATE_ROOT of the first 8; files
 * of a clue, a key and a member, and of what is not there; and each way in which a file can be wrong,
 * with the member of the file that the refusal names.
 */
#include "statefile.h"

#include <stdlib.h>

#include "arena.h"
#include "err.h"
#include "tap.h"

#define JOURNALS 12
#define STATE_AT 8
#define STATE_SIZE 8
#define LEDGER "l-0123456789abcdef012345678"
#define ORIGIN "ledger.example/" LEDGER
#define CLUE "order \"4711\""
#define MEMBER "m-00112233445566778899aabbcc"
#define SALT "000102030405060708090a0b0c0d0e0f"

static struct world {
	struct tally_arena arena;
	const char *texts[JOURNALS];	/* the leaves */
	struct tally_hash leaves[JOURNALS];
	struct tally_state_leaf state[3];
	struct tally_hash state_root;
	struct tally_hash path[TALLY_TREE_MAX_PATH];
	size_t path_count;
	const char *note;		/* as a JSON string */
	struct tally_vkey key;
	uint8_t seed[32];
} w;

static const char record[] = "{\"account\":7,\"enabled\":true,\"memberId\":\"" MEMBER
			     "\",\"role\":\"ADMIN\"}";

static int node(void *ctx, unsigned int level, uint64_t index, struct tally_hash *hash_r)
{
	(void)ctx;
	tally_clue_root(w.leaves + (index << level), (uint64_t)1 << level, hash_r);
	return 0;
}

/* {middle,"journalId":i,...}: middle is all that sorts before journalId. */
static void set_leaf(unsigned int i, const char *before, const char *between, const char *type)
{
	w.texts[i] = tally_arena_printf(&w.arena, "{%s\"journalId\":%u,\"ledgerId\":\"" LEDGER "\"%s,"
					"\"payloadType\":\"%s\",\"timestamp\":1767312000123,\"v\":1}",
					before, i, between, type);
	tally_leaf_hash(tally_bytes_str(w.texts[i]), &w.leaves[i]);
}

static const char *payload_of(const char *value)
{
	uint8_t salt[TALLY_SALT_SIZE];
	char hex[2 * TALLY_HASH_SIZE + 1];
	struct tally_sha256 sha;
	struct tally_hash hash;

	tally_hex_decode(TALLY_BYTES_LIT(SALT), salt, sizeof(salt));
	tally_sha256_init(&sha);
	tally_sha256_add(&sha, salt, sizeof(salt));
	tally_sha256_add(&sha, value, strlen(value));
	tally_sha256_end(&sha, hash.bytes);
	tally_hex_encode(hash.bytes, TALLY_HASH_SIZE, hex);
	return tally_arena_printf(&w.arena, ",\"payloadHash\":\"%s\",\"payloadSize\":%zu", hex,
				  strlen(value));
}

static void make_leaves(void)
{
	for (unsigned int i = 0; i < JOURNALS; i++)
		set_leaf(i, "", "", "CUSTOM");
	set_leaf(2, "\"clues\":[\"other\",\"order \\\"4711\\\"\"],", payload_of("a"), "CUSTOM");
	set_leaf(3, "\"data\":{\"key\":\"colour\"},", payload_of("red"), "KV_SET");
	set_leaf(5, "\"clues\":[\"order \\\"4711\\\"\"],", payload_of("b"), "CUSTOM");
}

static void set_state(size_t i, enum tally_state_kind kind, const char *key, const char *value)
{
	tally_state_path(kind, tally_bytes_str(key), &w.state[i].path);
	tally_state_value_hash(tally_bytes_str(value), &w.state[i].value_hash);
}

static void make_state(void)
{
	char value[TALLY_STATE_VALUE_MAX];
	struct tally_hash clue[2] = { w.leaves[2], w.leaves[5] }, root;

	tally_clue_root(clue, 2, &root);
	tally_state_clue_value(2, &root, value);
	set_state(0, STATE_CLUE, CLUE, value);
	tally_state_kv_value(3, &w.leaves[3], value);
	set_state(1, STATE_KV, "colour", value);
	tally_sha256(record, strlen(record), root.bytes);
	tally_state_member_value(1, &root, value);
	set_state(2, STATE_MEMBER, MEMBER, value);
	tally_state_sort(w.state, 3);
	tally_state_root(w.state, 3, &w.state_root);
	tally_state_root_value(STATE_SIZE, &w.state_root, value);
	set_leaf(STATE_AT, tally_arena_printf(&w.arena, "\"data\":%s,", value), "", "STATE_ROOT");
}

/* The signed checkpoint, its line feeds escaped. */
static const char *note_of(const char *origin)
{
	char text[TALLY_CHECKPOINT_TEXT], line[TALLY_NOTE_LINE], *out, *to;
	struct tally_hash root;
	struct tally_vkey key = w.key;
	const char *whole, *at;
	size_t size;

	tally_clue_root(w.leaves, JOURNALS, &root);
	tally_vkey_make(&key, tally_bytes_str(origin), NOTE_ED25519, w.key.public);
	size = tally_checkpoint_format(tally_bytes_str(origin), JOURNALS, &root, text);
	tally_note_sign(&key, w.seed, tally_bytes(text, size), line);
	whole = tally_arena_printf(&w.arena, "%s\n%s", text, line);
	out = to = tally_arena_alloc(&w.arena, 2 * strlen(whole) + 1);
	for (at = whole; *at != '\0'; at++) {
		if (*at == '\n')
			*to++ = '\\';
		*to++ = *at == '\n' ? 'n' : *at;
	}
	*to = '\0';
	return out;
}

static void make_world(void)
{
	uint8_t public[32];

	memset(w.seed, 1, 32);
	tally_ed25519_public(w.seed, public);
	tally_vkey_make(&w.key, TALLY_BYTES_LIT(ORIGIN), NOTE_ED25519, public);
	make_leaves();
	make_state();
	w.path_count = (size_t)tally_inclusion_prove(STATE_AT, JOURNALS, node, NULL, w.path);
	w.note = note_of(ORIGIN);
}

/* ---- files ---- */

static const char *proof_of(enum tally_state_kind kind, const char *key)
{
	static uint8_t bytes[TALLY_STATE_PROOF_MAX];
	static struct tally_state_proof proof;
	struct tally_hash path;

	tally_state_path(kind, tally_bytes_str(key), &path);
	tally_state_prove(w.state, 3, &path, &proof);
	return tally_base64_encode(&w.arena, tally_bytes(bytes, tally_state_proof_encode(&proof,
										       bytes)));
}

static const char *path_text(void)
{
	char text[TALLY_TREE_MAX_PATH * (2 * TALLY_HASH_SIZE + 3) + 3] = "", hex[65];

	for (size_t i = 0; i < w.path_count; i++) {
		tally_hex_encode(w.path[i].bytes, TALLY_HASH_SIZE, hex);
		sprintf(text + strlen(text), "%s\"%s\"", i > 0 ? "," : "", hex);
	}
	return tally_arena_printf(&w.arena, "[%s]", text);
}

/* Of the members that differ between kinds, those that sort before "format", before "key", before
 * "stateProof", and last; each with the comma that it needs. */
static const char *file_of(enum tally_state_kind kind, const char *key, const char *json_key,
			   bool absent, const char *a, const char *b, const char *c, const char *d)
{
	return tally_arena_printf(
		&w.arena, "{\"absent\":%s,\"checkpoint\":\"%s\",%s\"format\":\"tallystick state proof v1\","
		"%s\"key\":\"%s\",\"kind\":\"%s\",\"ledgerId\":\"" LEDGER "\",%s\"stateProof\":\"%s\","
		"\"stateRootLeaf\":%s,\"stateRootPath\":%s%s}\n", absent ? "true" : "false", w.note, a, b,
		json_key, tally_state_kind_name(kind), c, proof_of(kind, key), w.texts[STATE_AT],
		path_text(), d);
}

static const char *clue_file(void)
{
	return file_of(STATE_CLUE, CLUE, "order \\\"4711\\\"", false, "\"count\":2,",
		       tally_arena_printf(&w.arena, "\"journals\":[%s,%s],", w.texts[2], w.texts[5]),
		       "", "");
}

static const char *kv_file(void)
{
	return file_of(STATE_KV, "colour", "colour", false, "",
		       tally_arena_printf(&w.arena, "\"journal\":%s,", w.texts[3]),
		       "\"salt\":\"" SALT "\",", ",\"value\":\"cmVk\"");
}

static const char *member_file(void)
{
	return file_of(STATE_MEMBER, MEMBER, MEMBER, false, "", "",
		       tally_arena_printf(&w.arena, "\"record\":%s,\"recordJournalId\":1,", record), "");
}

static const char *absent_file(enum tally_state_kind kind, const char *key)
{
	return file_of(kind, key, key, true, "", "", "", "");
}

/* Parses and checks; the room is just what the contract says. */
static int check_file(const char *text, uint64_t lag_max, struct tally_state_file *file,
		      struct tally_state_answer *answer, struct tally_err *err)
{
	uint8_t *room = malloc(strlen(text) + 1);
	int result = tally_state_file_parse(tally_bytes_str(text), room, file, err);

	if (result == 0)
		result = tally_state_file_check(file, &w.key, 1, lag_max, answer, err);
	/* what is read of it afterwards here is in the text */
	free(room);
	return result;
}

/* ---- what is shown ---- */

static void files_verify(void)
{
	struct tally_state_file file;
	struct tally_state_answer answer;
	struct tally_err err = { 0 };

	CASE("a clue");
	CHECK_OK(check_file(clue_file(), 4, &file, &answer, &err));
	CHECK_INT(file.kind, STATE_CLUE);
	CHECK_INT(file.count, 2);
	CHECK(!file.absent);
	CHECK_INT(answer.size, STATE_SIZE);
	CHECK_INT(answer.tree_size, JOURNALS);
	CHECK_INT(answer.lag, JOURNALS - STATE_SIZE);
	CASE("a key");
	CHECK_OK(check_file(kv_file(), 4, &file, &answer, &err));
	CHECK(file.has_value);
	CHECK_INT(file.value.size, 3);
	CASE("a member");
	CHECK_OK(check_file(member_file(), 4, &file, &answer, &err));
	CHECK_INT(file.record_journal, 1);
	CHECK_BYTES(file.record, tally_bytes_str(record));
	CASE("no clue");
	CHECK_OK(check_file(absent_file(STATE_CLUE, "colour"), 4, &file, &answer, &err));
	CHECK(file.absent);
	CASE("no value");
	CHECK_OK(check_file(absent_file(STATE_KV, "price"), 4, &file, &answer, &err));
	CASE("no member");
	CHECK_OK(check_file(absent_file(STATE_MEMBER, "m-1"), 4, &file, &answer, &err));
}

static void texts_are_unescaped(void)
{
	const char *text = clue_file();
	uint8_t *room = malloc(strlen(text));
	struct tally_state_file file;
	struct tally_err err = { 0 };

	CHECK_OK(tally_state_file_parse(tally_bytes_str(text), room, &file, &err));
	CHECK_BYTES(file.key, tally_bytes_str(CLUE));
	CHECK(file.checkpoint.size > 0 && file.checkpoint.data[file.checkpoint.size - 1] == '\n');
	free(room);
}

/* The value of a key may be left out, with its salt. */
static void erased_values(void)
{
	struct tally_state_file file;
	struct tally_state_answer answer;
	struct tally_err err = { 0 };

	CHECK_OK(check_file(file_of(STATE_KV, "colour", "colour", false, "",
				    tally_arena_printf(&w.arena, "\"journal\":%s,", w.texts[3]), "", ""),
			    4, &file, &answer, &err));
	CHECK(!file.has_value);
}

static void old_states(void)
{
	struct tally_state_file file;
	struct tally_state_answer answer;
	struct tally_err err = { 0 };

	CHECK_FAILS(check_file(kv_file(), 3, &file, &answer, &err), TALLY_EXPIRED);
	CHECK_INT(answer.lag, 4);
	CHECK_OK(check_file(kv_file(), UINT64_MAX, &file, &answer, &err));
}

/* ---- what is refused: one edit of a good file each ---- */

struct edit {
	const char *from, *to;
	const char *names;		/* what the refusal begins with */
};

static void refuses(const char *good, const struct edit *edits, size_t count)
{
	struct tally_state_file file;
	struct tally_state_answer answer;

	for (size_t i = 0; i < count; i++) {
		struct tally_err err = { 0 };
		const char *at = strstr(good, edits[i].from), *edited;

		CASE("%s to %s", edits[i].from, edits[i].to);
		REQUIRE(at != NULL);
		edited = tally_arena_printf(&w.arena, "%.*s%s%s", (int)(at - good), good, edits[i].to,
					    at + strlen(edits[i].from));
		CHECK(check_file(edited, 4, &file, &answer, &err) == -1);
		if (strncmp(err.text, edits[i].names, strlen(edits[i].names)) != 0)
			tap_fail(__FILE__, __LINE__, "said '%s', not '%s'", err.text, edits[i].names);
	}
}

#define REFUSES(good, edits) refuses(good, edits, sizeof(edits) / sizeof(edits[0]))

static void changed_files(void)
{
	static const struct edit edits[] = {
		{ "{\"absent\"", "{ \"absent\"", "it is no canonical" },
		{ "\"absent\":false", "\"absent\":true", "count: it does not belong" },
		{ "\"absent\":false", "\"absent\":0", "absent: it is malformed" },
		{ "\"absent\":false,", "", "absent: it is missing" },
		{ "\"checkpoint\":\"ledger", "\"checkpoint\":\"ledgir", "checkpoint: the checkpoint is not" },
		{ "\\n12\\n", "\\n13\\n", "checkpoint: the checkpoint is not" },
		{ "\\n\\n", "\\n", "checkpoint: the checkpoint is malformed" },
		{ "\"checkpoint\":", "\"checkpoinu\":", "checkpoinu: this format has no" },
		{ "\"count\":2", "\"count\":3", "count: there are 2" },
		{ "\"count\":2", "\"count\":02", "it is no canonical" },
		{ "\"count\":2", "\"count\":\"2\"", "count: it is malformed" },
		{ "\"count\":2,", "", "count: it is missing" },
		{ "state proof v1", "state proof v2", "format:" },
		{ "\"format\"", "\"formas\"", "format: it is missing" },
		{ "\"format\":\"", "\"count\":2,\"format\":\"", "it is no canonical" },
		{ "\"key\":\"order", "\"key\":\"Order", "journals: journal 2 does not" },
		{ "\"kind\":\"clue\"", "\"kind\":\"kv\"", "count: it does not belong" },
		{ "\"kind\":\"clue\"", "\"kind\":\"cluE\"", "kind: it is malformed" },
		{ "\"ledgerId\":\"" LEDGER "\",\"stateProof\"", "\"ledgerId\":\"l-other\",\"stateProof\"",
		  "ledgerId:" },
		{ "\"stateProof\":\"AQ", "\"stateProof\":\"AR", "stateProof: it is malformed" },
		{ "\"stateProof\":\"AQ", "\"stateProof\":\"A", "stateProof: it is malformed" },
		{ "\"journalId\":5", "\"journalId\":6", "journals: those, and no others" },
		{ "\"journalId\":5", "\"journalId\":2", "journals: they do not ascend" },
		{ "\"journalId\":5", "\"journalId\":8", "journals: number 1 of the list" },
		{ "\"timestamp\":1767312000123", "\"timestamp\":1767312000124",
		  "journals: those, and no others" },
		{ "[\"other\",\"order", "[\"other\",\"Order", "journals: journal 2 does not" },
		{ "[{\"clues\":[\"other\"", "[{\"v\":1},{\"clues\":[\"other\"", "journals: it is malformed" },
		{ "\"journals\":[", "\"journals\":[[\"0123456789abcdef0123456789abcdef01234567\"],",
		  "journals: number 0 of the list" },
		{ "\"stateRootLeaf\":{\"data\"", "\"stateRootLeaf\":{\"dota\"", "stateRootLeaf: it is no" },
		{ "\"data\":{\"size\":8", "\"data\":{\"size\":7", "stateRootLeaf, stateRootPath:" },
		{ "\"stateRootLeaf\":{", "\"stateRootLeaf\":[{", "it is no canonical" },
		{ "\"stateRootPath\":[\"", "\"stateRootPath\":[\"0", "stateRootPath: it is malformed" },
		{ "\"stateRootPath\":[", "\"stateRootPath\":[\"0000000000000000000000000000000000000000"
		  "000000000000000000000000\",", "stateRootLeaf, stateRootPath:" },
		{ "]}\n", "],\"z\":1}\n", "z: this format has no" },
		{ "]}\n", "],\"value\":\"\"}\n", "salt: it is missing" },
		{ "]}\n", "]}\n\n", "it is no canonical" },
		{ "]}\n", "]", "it is no canonical" }
	};

	REFUSES(clue_file(), edits);
}

/* A list that leaves one out, or has one more, which the clue would not have been given. */
static void incomplete_lineages(void)
{
	const char *one = tally_arena_printf(&w.arena, "\"journals\":[%s],", w.texts[5]);
	const char *none = "\"journals\":[],";
	struct tally_state_file file;
	struct tally_state_answer answer;
	struct tally_err err = { 0 };

	CHECK_FAILS(check_file(file_of(STATE_CLUE, CLUE, "order \\\"4711\\\"", false, "\"count\":1,", one,
				       "", ""), 4, &file, &answer, &err), TALLY_CORRUPT);
	CHECK(strncmp(err.text, "journals: those, and no others", 30) == 0);
	CHECK_FAILS(check_file(file_of(STATE_CLUE, CLUE, "order \\\"4711\\\"", false, "\"count\":0,", none,
				       "", ""), 4, &file, &answer, &err), TALLY_CORRUPT);
	CASE("that there is none");
	CHECK_FAILS(check_file(file_of(STATE_CLUE, CLUE, "order \\\"4711\\\"", true, "", "", "", ""), 4,
			       &file, &answer, &err), TALLY_CORRUPT);
	CHECK(strncmp(err.text, "absent:", 7) == 0);
}

static void changed_values(void)
{
	static const struct edit edits[] = {
		{ "\"value\":\"cmVk\"", "\"value\":\"cmVl\"", "value:" },
		{ "\"value\":\"cmVk\"", "\"value\":\"\"", "value:" },
		{ "\"value\":\"cmVk\"", "\"value\":\"cmV\"", "value: it is malformed" },
		{ ",\"value\":\"cmVk\"", "", "value: it is missing" },
		{ "\"salt\":\"00", "\"salt\":\"01", "value:" },
		{ "\"salt\":\"00", "\"salt\":\"0", "salt: it is malformed" },
		{ "0d0e0f\"", "0d0e0F\"", "salt: it is malformed" },
		{ "\"salt\":\"" SALT "\",", "", "salt: it is missing" },
		{ "\"key\":\"colour\",\"kind\"", "\"key\":\"color\",\"kind\"", "journal: it does not set" },
		{ "{\"data\":{\"key\":\"colour\"}", "{\"data\":{\"key\":\"color\"}", "journal: it does not set" },
		{ "KV_SET", "CUSTOM", "journal: it does not set" },
		{ "\"journalId\":3", "\"journalId\":4", "journal: the value of that journal" },
		{ "\"journalId\":3", "\"journalId\":8", "journal: it is no journal" },
		{ "\"timestamp\":1767312000123", "\"timestamp\":1767312000124",
		  "journal: the value of that journal" },
		{ "\"kind\":\"kv\"", "\"kind\":\"clue\"", "count: it is missing" },
		{ "\"absent\":false", "\"absent\":true", "journal: it does not belong" }
	};

	REFUSES(kv_file(), edits);
}

static void changed_members(void)
{
	static const struct edit edits[] = {
		{ "\"role\":\"ADMIN\"", "\"role\":\"READER\"", "record: that record" },
		{ "\"enabled\":true", "\"enabled\":false", "record: that record" },
		{ "\"key\":\"m-00", "\"key\":\"m-01", "record: it is another" },
		{ "\"memberId\":\"m-00", "\"memberId\":\"m-01", "record: it is another" },
		{ "\"recordJournalId\":1", "\"recordJournalId\":2", "record: that record" },
		{ "\"recordJournalId\":1", "\"recordJournalId\":8", "recordJournalId: the state" },
		{ ",\"recordJournalId\":1", "", "recordJournalId: it is missing" },
		{ "\"record\":{\"account\":7", "\"record\":{\"account\":8", "record: that record" }
	};

	REFUSES(member_file(), edits);
}

static void changed_absences(void)
{
	static const struct edit edits[] = {
		{ "\"key\":\"price\"", "\"key\":\"colour\"", "absent:" },
		{ "\"absent\":true", "\"absent\":false", "journal: it is missing" },
		{ "\"stateProof\":\"AQ", "\"stateProof\":\"AQ==\",\"stateProof\":\"", "it is no canonical" }
	};
	const char *good = absent_file(STATE_KV, "price");

	REFUSES(good, edits);
}

/* The checkpoint of another log of the same key, whose name is the verifier's. */
static void other_logs(void)
{
	struct tally_state_file file;
	struct tally_state_answer answer;
	struct tally_err err = { 0 };

	w.note = note_of("ledger.example/l-other");
	CHECK_FAILS(check_file(kv_file(), 4, &file, &answer, &err), TALLY_DENIED);
	w.note = note_of(ORIGIN);
	CHECK_OK(check_file(kv_file(), 4, &file, &answer, &err));
}

static void no_files(void)
{
	static const char *const texts[] = { "", "\n", "{", "[]", "1", "{}", "{\"format\":1}", "\"\"",
					     "c2sp.org/tlog-proof@v1\n" };
	struct tally_state_file file;
	uint8_t room[64];

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct tally_err err = { 0 };

		CASE("%s", texts[i]);
		CHECK(tally_state_file_parse(tally_bytes_str(texts[i]), room, &file, &err) == -1);
		CHECK(err.text[0] != '\0');
	}
}

int main(void)
{
	make_world();
	TEST(files_verify);
	TEST(texts_are_unescaped);
	TEST(erased_values);
	TEST(old_states);
	TEST(changed_files);
	TEST(incomplete_lineages);
	TEST(changed_values);
	TEST(changed_members);
	TEST(changed_absences);
	TEST(other_logs);
	TEST(no_files);
	tally_arena_free(&w.arena);
	return tap_done();
}
