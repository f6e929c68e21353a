/* Signed notes, verifier keys, checkpoints and cosignatures, against the golden vectors. */
#include "note.h"

#include "b64.h"

#include "tap.h"
#include "vectors.h"

static struct json_object *vectors, *keys;
static struct tally_vkey log_key, witness_key;
static uint8_t log_seed[32], witness_seed[32];

static void load(void)
{
	uint8_t public[32];

	vectors = vectors_load("transparency-log-vectors.json");
	keys = vectors_member(vectors, "keys");
	vectors_hex(vectors_text(keys, "log_seed_hex"), log_seed, 32);
	vectors_hex(vectors_text(keys, "witness_seed_hex"), witness_seed, 32);
	tally_ed25519_public(log_seed, public);
	tally_vkey_make(&log_key, TALLY_BYTES_LIT("ledger.example/demo"), NOTE_ED25519, public);
	tally_ed25519_public(witness_seed, public);
	tally_vkey_make(&witness_key, TALLY_BYTES_LIT("witness.example/w1"), NOTE_COSIGNATURE,
			public);
}

static void keys_have_their_ids_and_texts(void)
{
	char text[TALLY_VKEY_TEXT], id[9];
	struct tally_vkey parsed;

	snprintf(id, sizeof(id), "%08x", log_key.id);
	CHECK_STR(id, vectors_text(keys, "log_keyid"));
	snprintf(id, sizeof(id), "%08x", witness_key.id);
	CHECK_STR(id, vectors_text(keys, "witness_keyid"));
	tally_vkey_format(&log_key, text);
	CHECK_STR(text, vectors_text(keys, "log_vkey"));
	tally_vkey_format(&witness_key, text);
	CHECK_STR(text, vectors_text(keys, "witness_vkey"));
	CHECK(tally_vkey_parse(vectors_bytes(keys, "witness_vkey"), &parsed));
	CHECK_MEM(&parsed, &witness_key, sizeof(parsed));
}

/* Key ids and messages of kinds that are not signed here. */
static void other_kinds_are_the_vectors(void)
{
	struct json_object *p256 = vectors_member(vectors, "ecdsa_p256_key_id");
	const char *spki = vectors_text(p256, "spki_der_hex");
	const char *want = vectors_text(vectors, "mldsa_cosigned_message_hex");
	struct tally_bytes witness = TALLY_BYTES_LIT("witness.example/w1");
	struct tally_bytes origin = TALLY_BYTES_LIT("ledger.example/demo");
	uint8_t point[65], message[TALLY_SUBTREE_MESSAGE], hash[32], bytes[512];
	struct tally_checkpoint checkpoint;
	struct tally_note note;
	char id[65];
	size_t size;

	vectors_hex(spki + strlen(spki) - 130, point, 65);
	snprintf(id, sizeof(id), "%08x", tally_key_id_p256(point));
	CHECK_STR(id, vectors_text(p256, "key_id"));
	tally_sha256(origin.data, origin.size, hash);
	tally_hex_encode(hash, 32, id);
	CHECK_STR(id, vectors_text(vectors, "origin_hash"));
	REQUIRE(tally_note_parse(vectors_bytes(vectors, "checkpoint"), &note));
	REQUIRE(tally_checkpoint_parse(note.text, &checkpoint));
	size = tally_note_subtree_message(witness, 1700000000, origin, 0, checkpoint.size,
					  &checkpoint.root, message);
	vectors_hex(want, bytes, strlen(want) / 2);
	CHECK_BYTES(tally_bytes(message, size), tally_bytes(bytes, strlen(want) / 2));
	CHECK_INT(tally_note_subtree_message(witness, 1, origin, 256, 512, &checkpoint.root, message), 0);
	CHECK(tally_note_subtree_message(witness, 0, origin, 256, 512, &checkpoint.root, message) > 0);
	CHECK_INT(tally_note_subtree_message(witness, 0, origin, 2, 1, &checkpoint.root, message), 0);
	CHECK_INT(tally_note_subtree_message(TALLY_BYTES_NONE, 0, origin, 0, 1, &checkpoint.root,
					     message), 0);
}

static void wrong_keys_are_refused(void)
{
	static const char *const wrong[] = {
		"", "ledger.example/demo", "ledger.example/demo+7b8488d1",
		"+7b8488d1+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4",
		"ledger.example/demo+7b8488d2+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4",
		"ledger.example/demo+7B8488D1+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4",
		"ledger.example/demO+7b8488d1+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4",
		"ledger.example/demo+7b8488d1+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG",
		"ledger.example/demo+7b8488d1+BQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4",
	};
	struct tally_vkey key;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		CASE("%s", wrong[i]);
		CHECK(!tally_vkey_parse(tally_bytes_str(wrong[i]), &key));
	}
	CASE("names");
	CHECK(!tally_key_name_valid(TALLY_BYTES_LIT("a b")));
	CHECK(!tally_key_name_valid(TALLY_BYTES_LIT("a+b")));
	CHECK(!tally_key_name_valid(TALLY_BYTES_LIT("a\xc2\xa0" "b")));
	CHECK(!tally_key_name_valid(TALLY_BYTES_LIT("a\xe2\x80\x83")));
	CHECK(!tally_key_name_valid(TALLY_BYTES_LIT("a\xff")));
	CHECK(tally_key_name_valid(TALLY_BYTES_LIT("zähler.example/1")));
}

static void checkpoints_are_signed_byte_for_byte(void)
{
	static const char *const names[] = { "checkpoint", "empty_checkpoint" };
	char text[TALLY_CHECKPOINT_TEXT], line[TALLY_NOTE_LINE], whole[1024];

	for (int i = 0; i < 2; i++) {
		struct tally_checkpoint checkpoint;
		struct tally_note note;
		size_t size;

		CASE("%s", names[i]);
		REQUIRE(tally_note_parse(vectors_bytes(vectors, names[i]), &note));
		REQUIRE(tally_checkpoint_parse(note.text, &checkpoint));
		CHECK_INT(tally_note_verify(&note, &log_key, 1, NULL, NULL), 1);
		size = tally_checkpoint_format(checkpoint.origin, checkpoint.size,
					       &checkpoint.root, text);
		tally_note_sign(&log_key, log_seed, tally_bytes(text, size), line);
		snprintf(whole, sizeof(whole), "%s\n%s", text, line);
		CHECK_STR(whole, vectors_text(vectors, names[i]));
	}
}

static void cosignatures_are_the_vectors(void)
{
	struct tally_vkey both[2] = { log_key, witness_key };
	char line[TALLY_NOTE_LINE], whole[1024];
	struct tally_note note;
	uint64_t times[2] = { 0 };
	bool who[2];

	REQUIRE(tally_note_parse(vectors_bytes(vectors, "cosigned_checkpoint"), &note));
	CHECK_INT(note.signature_count, 2);
	CHECK_INT(tally_note_verify(&note, both, 2, who, times), 2);
	CHECK(who[0] && who[1]);
	CHECK_INT(times[1], 1700000000);
	CHECK_INT(tally_note_verify(&note, &witness_key, 1, who, times), 1);
	tally_note_cosign(&witness_key, witness_seed, note.text, 1700000000, line);
	snprintf(whole, sizeof(whole), "%s%s", vectors_text(vectors, "checkpoint"), line);
	CHECK_STR(whole, vectors_text(vectors, "cosigned_checkpoint"));
	CHECK_STR(line, vectors_text(vectors, "add_checkpoint_response_200"));
	CHECK(tally_ed25519_verify(witness_key.public, vectors_bytes(vectors, "cosignature_message"),
				   note.signatures[1].bytes + 8));
}

/* Appends a line of that name and key id with so many bytes of signature. */
static void add_line(char *note, size_t room, const struct tally_vkey *key, size_t size)
{
	uint8_t bytes[4 + 3000] = { 0 };
	char text[4100];

	tally_put_u32(bytes, key->id);
	text[tally_b64_put(bytes, 4 + size, text)] = '\0';
	snprintf(note + strlen(note), room - strlen(note), "\xe2\x80\x94 %s %s\n", key->name, text);
}

/* Of a known key a signature has its size; of unknown ones it may have any. */
static void signatures_of_other_sizes(void)
{
	static const size_t sizes[] = { 1, 32, 63, 65, 70, 71, 72, 73, 74, 75, 76, 200, 2428 };
	struct tally_vkey stranger = witness_key, both[2] = { log_key, witness_key };
	struct tally_note note;
	char text[8192];

	stranger.id ^= 1;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		CASE("%zu bytes", sizes[i]);
		snprintf(text, sizeof(text), "%s", vectors_text(vectors, "checkpoint"));
		add_line(text, sizeof(text), &stranger, sizes[i]);
		REQUIRE(tally_note_parse(tally_bytes_str(text), &note));
		CHECK_INT(note.signature_count, 2);
		CHECK_INT(tally_note_verify(&note, both, 2, NULL, NULL), 1);
		snprintf(text, sizeof(text), "%s", vectors_text(vectors, "checkpoint"));
		add_line(text, sizeof(text), &witness_key, sizes[i]);
		CHECK(tally_note_parse(tally_bytes_str(text), &note));
		CHECK_INT(tally_note_verify(&note, both, 2, NULL, NULL), -1);
	}
	CASE("no base64 in a long one");
	text[strlen(text) - 100] = '!';
	CHECK(!tally_note_parse(tally_bytes_str(text), &note));
	CASE("only a key id");
	snprintf(text, sizeof(text), "%s", vectors_text(vectors, "checkpoint"));
	add_line(text, sizeof(text), &stranger, 0);
	CHECK(!tally_note_parse(tally_bytes_str(text), &note));
}

/* Every byte of a note, changed, makes it malformed, unsigned or invalid. */
static void every_changed_byte_shows(void)
{
	struct tally_bytes good = vectors_bytes(vectors, "checkpoint");
	uint8_t bad[1024];
	struct tally_note note;

	for (size_t i = 0; i < good.size; i++) {
		CASE("byte %zu", i);
		memcpy(bad, good.data, good.size);
		bad[i] ^= 1;
		CHECK(!tally_note_parse(tally_bytes(bad, good.size), &note) ||
		      tally_note_verify(&note, &log_key, 1, NULL, NULL) != 1);
	}
}

static void malformed_notes_are_refused(void)
{
	const char *good = vectors_text(vectors, "checkpoint");
	struct tally_vkey both[2] = { log_key, witness_key };
	const char *mark = strstr(good, "\n\n");
	struct tally_note note;
	char bad[1024];

	CASE("no final LF");
	CHECK(!tally_note_parse(tally_bytes(good, strlen(good) - 1), &note));
	CASE("CR before LF");
	snprintf(bad, sizeof(bad), "ledger.example/demo\r%s", good + 19);
	CHECK(!tally_note_parse(tally_bytes_str(bad), &note));
	CASE("a tab");
	snprintf(bad, sizeof(bad), "\t%s", good);
	CHECK(!tally_note_parse(tally_bytes_str(bad), &note));
	CASE("a NUL");
	memcpy(bad, good, strlen(good));
	bad[3] = '\0';
	CHECK(!tally_note_parse(tally_bytes(bad, strlen(good)), &note));
	CASE("no signature");
	CHECK(!tally_note_parse(tally_bytes(good, (size_t)(mark - good) + 2), &note));
	CHECK(!tally_note_parse(tally_bytes(good, (size_t)(mark - good) + 1), &note));
	CASE("a known key whose signature fails beside a good one");
	snprintf(bad, sizeof(bad), "%s\xe2\x80\x94 witness.example/w1 IDJKvgAAAABlU/EAiC4buxbmuEo9LPBJ4"
		 "iCuFYA/tLrcmU0vQCVo1EfaMKxCXfW1dgxI/sLEmhHDbL2OKgFgqlCFz/Mi8LVsFFljBA==\n", good);
	bad[strlen(bad) - 10] ^= 1;
	CHECK(tally_note_parse(tally_bytes_str(bad), &note));
	CHECK_INT(tally_note_verify(&note, both, 2, NULL, NULL), -1);
	CHECK_INT(tally_note_verify(&note, &log_key, 1, NULL, NULL), 1);
}

static void malformed_checkpoints_are_refused(void)
{
	static const char *const wrong[] = {
		"",
		"o\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",		/* no LF */
		"o\n01\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
		"o\n+1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
		"o\n-1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
		"o\n\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
		"\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
		"o\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU\n",		/* 43 */
		"o\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU==\n",	/* 45 */
		"o\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV=\n",		/* unused bits */
		"o\n9223372036854775808\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
		"o\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n",
	};
	struct tally_checkpoint checkpoint;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		CASE("case %zu", i);
		CHECK(!tally_checkpoint_parse(tally_bytes_str(wrong[i]), &checkpoint));
	}
	CASE("extension lines");
	CHECK(tally_checkpoint_parse(TALLY_BYTES_LIT("o\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3h"
						     "SuFU=\nmore\n"), &checkpoint));
	CHECK_BYTES(checkpoint.extension, TALLY_BYTES_LIT("more\n"));
}

int main(void)
{
	load();
	TEST(keys_have_their_ids_and_texts);
	TEST(wrong_keys_are_refused);
	TEST(checkpoints_are_signed_byte_for_byte);
	TEST(cosignatures_are_the_vectors);
	TEST(other_kinds_are_the_vectors);
	TEST(signatures_of_other_sizes);
	TEST(every_changed_byte_shows);
	TEST(malformed_notes_are_refused);
	TEST(malformed_checkpoints_are_refused);
	return tap_done();
}
