/*
 * Export files: written and read again; what does not hold is refused, and the reason names the member.
 */
#include "config.h"

#include "exportfile.h"

#include <string.h>

#include "arena.h"
#include "buf.h"
#include "err.h"
#include "tap.h"

#define LEDGER "l-00000000000000000000000a1"
#define ORIGIN "example.invalid/log/" LEDGER

static const uint8_t salt[TALLY_SALT_SIZE] = { 1, 2, 3 }, other_salt[TALLY_SALT_SIZE] = { 9 };
static struct tally_arena arena;
static struct tally_buf files[2][4];		/* lines of the two ledgers below; 0: the first line */

static const char *hex_of(const uint8_t hash[TALLY_HASH_SIZE])
{
	char *hex = tally_arena_alloc(&arena, 2 * TALLY_HASH_SIZE + 1);

	tally_hex_encode(hash, TALLY_HASH_SIZE, hex);
	return hex;
}

static const char *salted(struct tally_bytes payload)
{
	uint8_t bytes[16 + 64], hash[TALLY_HASH_SIZE];

	memcpy(bytes, salt, 16);
	if (payload.size > 0)
		memcpy(bytes + 16, payload.data, payload.size);
	tally_sha256(bytes, 16 + payload.size, hash);
	return hex_of(hash);
}

static const char *evidence_hash(const char *evidence)
{
	uint8_t hash[TALLY_HASH_SIZE];

	tally_evidence_hash(other_salt, tally_bytes_str(evidence), hash);
	return hex_of(hash);
}

/* Three journals: the genesis with data; text with clues, member and evidence; and one whose payload is
 * no text, or in the second ledger was removed. */
static void make_lines(bool removed, struct tally_export_line lines[3])
{
	static const struct tally_bytes text = TALLY_BYTES_LIT("line\n\"\x01\xc3\xa9"),
					binary = TALLY_BYTES_LIT("\xff\x00x");

	memset(lines, 0, 3 * sizeof(*lines));
	lines[0].leaf_text = tally_bytes_str(
		"{\"data\":{\"name\":\"x\"},\"journalId\":0,\"ledgerId\":\"" LEDGER
		"\",\"payloadType\":\"CREATE_LEDGER\",\"timestamp\":5,\"v\":1}");
	lines[1] = (struct tally_export_line){ .has_payload = true, .payload = text,
					       .evidence = TALLY_BYTES_LIT("client") };
	memcpy(lines[1].salt, salt, sizeof(salt));
	memcpy(lines[1].evidence_salt, other_salt, sizeof(other_salt));
	lines[1].leaf_text = tally_bytes_str(tally_arena_printf(
		&arena, "{\"clues\":[\"a \\\"clue\\\"\",\"b\"],\"evidenceHash\":\"%s\",\"journalId\":1,"
		"\"ledgerId\":\"" LEDGER "\",\"memberId\":\"m-1\",\"payloadHash\":\"%s\",\"payloadSize\":%zu,"
		"\"payloadType\":\"CUSTOM\",\"timestamp\":5,\"v\":1}", evidence_hash("client"),
		salted(text), text.size));
	lines[2] = (struct tally_export_line){ .has_payload = !removed, .removed = removed,
					       .payload = removed ? TALLY_BYTES_NONE : binary };
	if (!removed)
		memcpy(lines[2].salt, salt, sizeof(salt));
	lines[2].leaf_text = tally_bytes_str(tally_arena_printf(
		&arena, "{\"journalId\":2,\"ledgerId\":\"" LEDGER "\",\"payloadHash\":\"%s\","
		"\"payloadSize\":%zu,\"payloadType\":\"CUSTOM\",\"timestamp\":5,\"v\":1}", salted(binary),
		binary.size));
}

/* The tree of three leaves, by hand. */
static void make_paths(struct tally_export_line lines[3], struct tally_hash *root_r)
{
	struct tally_hash leaf[3], left;

	for (size_t i = 0; i < 3; i++)
		tally_leaf_hash(lines[i].leaf_text, &leaf[i]);
	tally_sha256_pair(1, leaf[0].bytes, leaf[1].bytes, left.bytes);
	tally_sha256_pair(1, left.bytes, leaf[2].bytes, root_r->bytes);
	lines[0].path[0] = leaf[1];
	lines[1].path[0] = leaf[0];
	lines[0].path[1] = lines[1].path[1] = leaf[2];
	lines[2].path[0] = left;
	lines[0].path_count = lines[1].path_count = 2;
	lines[2].path_count = 1;
}

static void make_file(bool removed, struct tally_buf file[4])
{
	static const uint8_t seed[TALLY_ED25519_SEED] = { 7 };
	static char note[TALLY_CHECKPOINT_TEXT + 1 + TALLY_NOTE_LINE], key[TALLY_VKEY_TEXT];
	struct tally_export_head head = { .ledger_id = TALLY_BYTES_LIT(LEDGER), .to = 2 };
	uint8_t public[TALLY_ED25519_PUBLIC];
	struct tally_export_line lines[3];
	struct tally_vkey vkey;
	struct tally_hash root;
	size_t size;

	make_lines(removed, lines);
	make_paths(lines, &root);
	tally_ed25519_public(seed, public);
	REQUIRE(tally_vkey_make(&vkey, TALLY_BYTES_LIT(ORIGIN), NOTE_ED25519, public));
	tally_vkey_format(&vkey, key);
	size = tally_checkpoint_format(TALLY_BYTES_LIT(ORIGIN), 3, &root, note);
	note[size] = '\n';
	size += 1 + tally_note_sign(&vkey, seed, tally_bytes(note, size), note + size + 1);
	head.checkpoint = tally_bytes(note, size);
	head.verifier_key = tally_bytes_str(key);
	tally_export_head_format(&head, &file[0]);
	for (size_t i = 0; i < 3; i++)
		tally_export_line_format(&lines[i], &file[1 + i]);
}

/* ---- reading ---- */

static int read_head(struct tally_bytes text, struct tally_export_head *head, struct tally_err *err)
{
	return tally_export_head_read(text, tally_arena_alloc(&arena, text.size + 1), head, err);
}

static int read_line(struct tally_bytes text, const struct tally_export_head *head, uint64_t id,
		     struct tally_export_line *line, struct tally_err *err)
{
	return tally_export_line_read(text, head, id, tally_arena_alloc(&arena, text.size + 1), line, err);
}

static struct tally_bytes line_of(const struct tally_buf *buf)
{
	return tally_bytes(buf->data, buf->size - 1);
}

static void written_and_read(void)
{
	for (size_t f = 0; f < 2; f++) {
		struct tally_export_head head;
		struct tally_export_line lines[3];
		struct tally_err err;

		CASE("file %zu", f);
		CHECK_OK(read_head(line_of(&files[f][0]), &head, &err));
		CHECK_INT(head.from, 0);
		CHECK_INT(head.to, 2);
		CHECK_INT(head.tree.size, 3);
		for (uint64_t i = 0; i < 3; i++)
			CHECK_OK(read_line(line_of(&files[f][1 + i]), &head, i, &lines[i], &err));
		CHECK(!lines[0].has_payload && !lines[0].removed);
		CHECK_BYTES(lines[1].payload, TALLY_BYTES_LIT("line\n\"\x01\xc3\xa9"));
		CHECK_BYTES(lines[1].evidence, TALLY_BYTES_LIT("client"));
		CHECK_INT(lines[2].removed, f == 1);
		if (f == 0)
			CHECK_BYTES(lines[2].payload, TALLY_BYTES_LIT("\xff\x00x"));
	}
}

/* The first place of old in a text replaced. */
static struct tally_bytes changed(struct tally_bytes text, const char *old, const char *by)
{
	const uint8_t *at = memmem(text.data, text.size, old, strlen(old));
	struct tally_buf buf = { 0 };
	struct tally_bytes made;

	if (at == NULL)
		return TALLY_BYTES_NONE;
	tally_buf_add(&buf, text.data, (size_t)(at - text.data));
	tally_buf_add_str(&buf, by);
	tally_buf_add(&buf, at + strlen(old), (size_t)(text.data + text.size - at) - strlen(old));
	made = tally_arena_bytes(&arena, tally_buf_bytes(&buf));
	tally_buf_free(&buf);
	return made;
}

static void wrong_lines(void)
{
	static const struct {
		size_t file, line;		/* line 0: the first line */
		const char *old, *by, *says;
	} cases[] = {
		{ 0, 0, "export v1", "export v2", "format" },
		{ 0, 0, "\"from\":0", "\"from\":3", "to: the checkpoint has no such" },
		{ 0, 0, "\"to\":2", "\"to\":3", "to: the checkpoint has no such" },
		{ 0, 0, "\"to\":2", "\"to\":02", "canonical" },
		{ 0, 0, "\"to\":2", "\"to\":2,\"too\":1", "members" },
		{ 0, 0, "\"ledgerId\":\"l-0", "\"ledgerId\":\"l-1", "ledgerId" },
		{ 0, 0, "\\n3\\n", "\\n4\\n", "checkpoint" },
		{ 0, 0, "\"verifierKey\":\"example", "\"verifierKey\":\"xample", "verifierKey" },
		{ 0, 1, "\"journalId\":0", "\"journalId\":1", "members" },
		{ 0, 1, "\"type\":\"CREATE_LEDGER\"", "\"type\":\"CUSTOM\"", "members" },
		{ 0, 1, "\"type\"", "\"payload\":\"x\",\"salt\":\"01020300000000000000000000000000\",\"type\"",
		  "payload" },
		{ 0, 1, "\"type\"", "\"removed\":true,\"type\"", "removed" },
		{ 0, 1, "\"path\":\"", "\"path\":\"AAAA", "path" },
		{ 0, 2, "\\\"clue", "\\\"glue", "members" },
		{ 0, 2, "\"memberId\":\"m-1\"", "\"memberId\":\"m-2\"", "members" },
		{ 0, 2, "\"memberId\":\"m-1\",", "", "members" },
		{ 0, 2, "\\u0001", "\\u0002", "payload: it is not the leaf's" },
		{ 0, 2, "\\u0001", "\x01", "canonical" },
		{ 0, 2, "\"salt\":\"01", "\"salt\":\"02", "payload: it is not the leaf's" },
		{ 0, 2, "\"evidence\":\"Y2xp", "\"evidence\":\"Z2xp", "evidence: it is not the leaf's" },
		{ 0, 2, "\"evidence\":\"Y2xpZW50\",\"evidenceSalt\":\"09000000000000000000000000000000\",",
		  "", "evidence" },
		{ 0, 2, "\"evidenceSalt\":\"09", "\"evidenceSalt\":\"0A", "members" },
		{ 0, 3, "\"payloadBase64\":\"/wB4\",\"salt\":\"01020300000000000000000000000000\"",
		  "\"removed\":false", "removed" },
		{ 0, 3, "\"payloadBase64\":\"/wB4\"", "\"payloadBase64\":\"/wB5\"", "payload" },
		{ 0, 3, "\"payloadBase64\"", "\"payload\"", "payload" },
		{ 1, 3, "\"removed\":true,", "", "payload: the leaf has one" },
		{ 1, 3, "\"removed\":true,", "\"removed\":true,\"salt\":\"01020300000000000000000000000000\",",
		  "members" },
	};
	struct tally_export_head head, wrong;
	struct tally_export_line line;
	struct tally_err err;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct tally_buf *file = files[cases[i].file];
		struct tally_bytes text = changed(line_of(&file[cases[i].line]), cases[i].old, cases[i].by);

		CASE("case %zu, line %zu: %s", i, cases[i].line, cases[i].by);
		REQUIRE(text.size > 0);
		err.text[0] = '\0';
		CHECK_OK(read_head(line_of(&file[0]), &head, &err));
		if (cases[i].line == 0)
			CHECK_INT(read_head(text, &wrong, &err), -1);
		else
			CHECK_INT(read_line(text, &head, cases[i].line - 1, &line, &err), -1);
		CHECK(strstr(err.text, cases[i].says) != NULL);
	}
}

/* A journal stands for no other: each line at each place, and in the other ledger's tree. */
static void other_places(void)
{
	struct tally_export_line line;
	struct tally_export_head heads[2];
	struct tally_err err;

	for (size_t f = 0; f < 2; f++)
		CHECK_OK(read_head(line_of(&files[f][0]), &heads[f], &err));
	for (size_t i = 0; i < 3; i++)
		for (uint64_t at = 0; at < 4; at++)
			CHECK_INT(read_line(line_of(&files[0][1 + i]), &heads[0], at, &line, &err),
				  at == i ? 0 : -1);
	heads[1].tree.root.bytes[0] ^= 1;
	CHECK_INT(read_line(line_of(&files[0][2]), &heads[1], 1, &line, &err), -1);
	CHECK(strstr(err.text, "path") != NULL);
}

int main(void)
{
	make_file(false, files[0]);
	make_file(true, files[1]);
	TEST(written_and_read);
	TEST(wrong_lines);
	TEST(other_places);
	for (size_t i = 0; i < 4; i++) {
		tally_buf_free(&files[0][i]);
		tally_buf_free(&files[1][i]);
	}
	tally_arena_free(&arena);
	return tap_done();
}
