/*
 * libtallyverify through its public header: each function with a proof that holds and with some that
 * do not. What is right in between is tested with src/proof; here it is that nothing is lost or
 * taken for something else on the way.
 */
#include <tallyverify.h>

#include "note.h"
#include "state.h"
#include "tap.h"
#include "vectors.h"

static struct json_object *vectors, *keys;
static const char *vkeys[2];

static const uint8_t *bytes_of(const char *text)
{
	return (const uint8_t *)text;
}

static size_t hashes_of(struct json_object *list, uint8_t *out)
{
	size_t count = json_object_array_length(list), i;

	for (i = 0; i < count; i++)
		vectors_hex(json_object_get_string(json_object_array_get_idx(list, i)), out + 32 * i, 32);
	return count;
}

static void root_of(const char *part, const char *size, uint8_t root[32])
{
	vectors_hex(vectors_text(vectors_member(vectors_member(vectors, part), "roots"), size), root, 32);
}

static void results_have_texts(void)
{
	for (int i = TALLYVERIFY_OK; i <= TALLYVERIFY_ARGUMENT; i++)
		for (int k = 0; k < i; k++)
			CHECK(strcmp(tallyverify_text(i), tallyverify_text(k)) != 0);
	CHECK_STR(tallyverify_text(-1), "unknown result");
	CHECK_STR(tallyverify_text(6), "unknown result");
	CHECK(strlen(tallyverify_version()) >= 5);
}

static void verifier_keys(void)
{
	struct tallyverify_vkey vkey;
	uint8_t public[32];

	CHECK_INT(tallyverify_vkey(vkeys[0], &vkey), TALLYVERIFY_OK);
	CHECK_STR(vkey.name, "ledger.example/demo");
	CHECK_INT(vkey.id, 0x7b8488d1);
	CHECK_INT(vkey.type, TALLYVERIFY_ED25519);
	vectors_hex(vectors_text(keys, "log_public_hex"), public, 32);
	CHECK_MEM(vkey.public_key, public, 32);
	CHECK_INT(tallyverify_vkey(vkeys[1], &vkey), TALLYVERIFY_OK);
	CHECK_INT(vkey.type, TALLYVERIFY_COSIGNATURE);
	CHECK_INT(tallyverify_vkey("ledger.example/demo+7b8488d2+AQOhB7", &vkey), TALLYVERIFY_ARGUMENT);
	CHECK_INT(tallyverify_vkey("", &vkey), TALLYVERIFY_ARGUMENT);
	CHECK_INT(tallyverify_vkey(NULL, &vkey), TALLYVERIFY_ARGUMENT);
}

static void checkpoints(void)
{
	const char *note = vectors_text(vectors, "cosigned_checkpoint");
	const char *alone = vectors_text(vectors, "checkpoint"), *many[TALLYVERIFY_KEYS + 1];
	const char *swapped[2] = { vkeys[1], vkeys[0] };
	struct tallyverify_checkpoint checkpoint;
	uint8_t root[32];

	root_of("seq", "70000", root);
	for (size_t count = 1; count <= 2; count++) {
		memset(&checkpoint, 0xff, sizeof(checkpoint));
		CHECK_INT(tallyverify_checkpoint(bytes_of(note), strlen(note), vkeys, count, &checkpoint),
			  TALLYVERIFY_OK);
		CHECK_STR(checkpoint.origin, "ledger.example/demo");
		CHECK_INT(checkpoint.size, 70000);
		CHECK_MEM(checkpoint.root, root, 32);
	}
	CASE("a witness that is missing");
	CHECK_INT(tallyverify_checkpoint(bytes_of(alone), strlen(alone), vkeys, 2, &checkpoint),
		  TALLYVERIFY_UNSIGNED);
	CASE("keys that cannot be");
	CHECK_INT(tallyverify_checkpoint(bytes_of(note), strlen(note), swapped, 2, &checkpoint),
		  TALLYVERIFY_ARGUMENT);
	CHECK_INT(tallyverify_checkpoint(bytes_of(note), strlen(note), vkeys, 0, &checkpoint),
		  TALLYVERIFY_ARGUMENT);
	for (size_t i = 0; i <= TALLYVERIFY_KEYS; i++)
		many[i] = vkeys[0];
	CHECK_INT(tallyverify_checkpoint(bytes_of(note), strlen(note), many, TALLYVERIFY_KEYS, &checkpoint),
		  TALLYVERIFY_OK);
	CHECK_INT(tallyverify_checkpoint(bytes_of(note), strlen(note), many, TALLYVERIFY_KEYS + 1,
					 &checkpoint), TALLYVERIFY_ARGUMENT);
	CASE("no note");
	CHECK_INT(tallyverify_checkpoint(bytes_of(note), strlen(note) - 1, vkeys, 1, &checkpoint),
		  TALLYVERIFY_MALFORMED);
	CHECK_INT(tallyverify_checkpoint(NULL, 0, vkeys, 1, &checkpoint), TALLYVERIFY_MALFORMED);
}

static void inclusions(void)
{
	struct json_object *list = vectors_member(vectors_member(vectors, "seq"), "inclusion");
	uint8_t path[64 * 32], leaf[32], root[32];
	char text[32];

	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *one = json_object_array_get_idx(list, i);
		uint64_t index = vectors_number(one, "index"), size = vectors_number(one, "size");
		size_t count = hashes_of(vectors_member(one, "path"), path);

		CASE("%" PRIu64 " in %" PRIu64, index, size);
		snprintf(text, sizeof(text), "%" PRIu64, size);
		root_of("seq", text, root);
		snprintf(text, sizeof(text), "leaf-%" PRIu64, index);
		tallyverify_leaf_hash(bytes_of(text), strlen(text), leaf);
		CHECK_INT(tallyverify_inclusion(index, size, leaf, path, count, root), TALLYVERIFY_OK);
		CHECK_INT(tallyverify_inclusion(index ^ 1, size, leaf, path, count, root),
			  TALLYVERIFY_MISMATCH);
		leaf[31] ^= 1;
		CHECK_INT(tallyverify_inclusion(index, size, leaf, path, count, root),
			  TALLYVERIFY_MISMATCH);
	}
}

static void consistencies(void)
{
	struct json_object *list = vectors_member(vectors_member(vectors, "seq"), "consistency");
	uint8_t proof[64 * 32], old_root[32], new_root[32];
	char text[32];

	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *one = json_object_array_get_idx(list, i);
		uint64_t before = vectors_number(one, "old"), after = vectors_number(one, "new");
		size_t count = hashes_of(vectors_member(one, "proof"), proof);

		CASE("from %" PRIu64 " to %" PRIu64, before, after);
		snprintf(text, sizeof(text), "%" PRIu64, before);
		root_of("seq", text, old_root);
		snprintf(text, sizeof(text), "%" PRIu64, after);
		root_of("seq", text, new_root);
		CHECK_INT(tallyverify_consistency(before, old_root, after, new_root, proof, count),
			  TALLYVERIFY_OK);
		CHECK_INT(tallyverify_consistency(before, new_root, after, old_root, proof, count),
			  TALLYVERIFY_MISMATCH);
		CHECK_INT(tallyverify_consistency(after, old_root, before, new_root, proof, count),
			  TALLYVERIFY_MISMATCH);
	}
}

static void proof_files(void)
{
	const char *file = vectors_text(vectors, "tlog_proof");
	struct tallyverify_checkpoint checkpoint = { .size = 7 };
	uint64_t index = 7;

	CHECK_INT(tallyverify_proof_file(bytes_of(file), strlen(file), bytes_of("leaf-12346"), 10, vkeys, 2,
					 &index, &checkpoint), TALLYVERIFY_MISMATCH);
	CHECK_INT(tallyverify_proof_file(bytes_of(file), strlen(file) - 1, bytes_of("leaf-12345"), 10,
					 vkeys, 2, &index, &checkpoint), TALLYVERIFY_MALFORMED);
	CHECK_INT(tallyverify_proof_file(bytes_of(file), 9, bytes_of("leaf-12345"), 10, vkeys, 2, &index,
					 &checkpoint), TALLYVERIFY_MALFORMED);
	CHECK_INT(tallyverify_proof_file(bytes_of(file), strlen(file), bytes_of("leaf-12345"), 10,
					 vkeys + 1, 1, &index, &checkpoint), TALLYVERIFY_ARGUMENT);
	CHECK(index == 7 && checkpoint.size == 7);
	CHECK_INT(tallyverify_proof_file(bytes_of(file), strlen(file), bytes_of("leaf-12345"), 10, vkeys, 2,
					 &index, &checkpoint), TALLYVERIFY_OK);
	CHECK_INT(index, 12345);
	CHECK_INT(checkpoint.size, 70000);
}

static struct tallyverify_policy policy;

/* $L and $W are the keys of the vectors' log and witness, $O that of a witness who signed nothing. */
static const char *key_of(char letter)
{
	static char other[TALLY_VKEY_TEXT];
	uint8_t seed[32] = { 6 }, public[32];
	struct tally_vkey vkey;

	if (letter != 'O')
		return vkeys[letter == 'W'];
	tally_ed25519_public(seed, public);
	tally_vkey_make(&vkey, TALLY_BYTES_LIT("witness.example/other"), NOTE_COSIGNATURE, public);
	tally_vkey_format(&vkey, other);
	return other;
}

/* The text stays until the next is read. */
static enum tallyverify_result read_policy(const char *text, char why[TALLYVERIFY_WHY])
{
	static char filled[4096];
	size_t used = 0;

	for (; *text != '\0'; text++)
		if (text[0] == '$')
			used += (size_t)sprintf(filled + used, "%s", key_of(*++text));
		else
			filled[used++] = *text;
	return tallyverify_policy(filled, used, &policy, why);
}

static enum tallyverify_result by_policy(const char *note, struct tallyverify_cosigned *cosigned)
{
	struct tallyverify_checkpoint checkpoint;

	return tallyverify_checkpoint_policy(bytes_of(note), strlen(note), &policy, cosigned, &checkpoint);
}

static void policies(void)
{
	char why[TALLYVERIFY_WHY] = "";

	CHECK_INT(read_policy("log $L\nwitness w $W\nquorum w\n", why), TALLYVERIFY_OK);
	CHECK_STR(why, "");
	CHECK_INT(read_policy("log $L\nwitness w $W\nquorum v\n", why), TALLYVERIFY_ARGUMENT);
	CHECK_STR(why, "line 3: no witness or group of this name is defined before: v");
	CASE("one that was refused lets nothing pass");
	CHECK_INT(by_policy(vectors_text(vectors, "cosigned_checkpoint"), NULL), TALLYVERIFY_UNSIGNED);
	CASE("no text, and nobody who asks why");
	CHECK_INT(tallyverify_policy(NULL, 0, &policy, NULL), TALLYVERIFY_ARGUMENT);
	CHECK_INT(read_policy("log $W\nquorum none\n", NULL), TALLYVERIFY_ARGUMENT);
	CASE("a long word");
	CHECK_INT(tallyverify_policy("quorum none\nwitness wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww"
				     "wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww x\n",
				     148, &policy, why), TALLYVERIFY_ARGUMENT);
	CHECK(strncmp(why, "line 2: ", 8) == 0 && strlen(why) < TALLYVERIFY_WHY);
}

static void checkpoints_by_policy(void)
{
	static const struct {
		const char *policy;
		enum tallyverify_result both, alone;	/* cosigned, or not */
	} rows[] = {
		{ "log $L\nwitness w $W\nquorum w\n", TALLYVERIFY_OK, TALLYVERIFY_UNSIGNED },
		{ "log $L\nwitness w $W\nquorum none\n", TALLYVERIFY_OK, TALLYVERIFY_OK },
		{ "log $L\nwitness w $W\ngroup g all w\nquorum g\n", TALLYVERIFY_OK, TALLYVERIFY_UNSIGNED },
		{ "log $L\nquorum none\n", TALLYVERIFY_OK, TALLYVERIFY_OK },
		{ "witness w $W\nquorum w\n", TALLYVERIFY_UNSIGNED, TALLYVERIFY_UNSIGNED },
		{ "quorum none\n", TALLYVERIFY_UNSIGNED, TALLYVERIFY_UNSIGNED },
		{ "log $L\nwitness o $O\nwitness w $W\ngroup g all w o\nquorum g\n", TALLYVERIFY_UNSIGNED,
		  TALLYVERIFY_UNSIGNED },
		{ "log $L\nwitness o $O\nwitness w $W\ngroup g any w o\nquorum g\n", TALLYVERIFY_OK,
		  TALLYVERIFY_UNSIGNED },
	};
	const char *both = vectors_text(vectors, "cosigned_checkpoint");
	const char *alone = vectors_text(vectors, "checkpoint");
	struct tallyverify_checkpoint checkpoint;
	struct tallyverify_cosigned cosigned;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		bool known = strstr(rows[i].policy, "$W") != NULL;

		CASE("policy %zu", i);
		CHECK_INT(read_policy(rows[i].policy, NULL), TALLYVERIFY_OK);
		CHECK_INT(by_policy(both, &cosigned), rows[i].both);
		CHECK_INT(cosigned.count, known);
		if (known) {
			CHECK_BYTES(tally_bytes(cosigned.names[0].text, cosigned.names[0].size),
				    TALLY_BYTES_LIT("w"));
			CHECK(cosigned.times[0] > 0);
		}
		CHECK_INT(by_policy(alone, &cosigned), rows[i].alone);
		CHECK_INT(cosigned.count, 0);
		CHECK_INT(by_policy(alone, NULL), rows[i].alone);
	}
	CASE("what was signed");
	CHECK_INT(read_policy(rows[0].policy, NULL), TALLYVERIFY_OK);
	CHECK_INT(tallyverify_checkpoint_policy(bytes_of(both), strlen(both), &policy, NULL, &checkpoint),
		  TALLYVERIFY_OK);
	CHECK_STR(checkpoint.origin, "ledger.example/demo");
	CHECK_INT(checkpoint.size, 70000);
	CASE("no note");
	CHECK_INT(tallyverify_checkpoint_policy(bytes_of(both), strlen(both) - 1, &policy, NULL, &checkpoint),
		  TALLYVERIFY_MALFORMED);
	CHECK_INT(tallyverify_checkpoint_policy(NULL, 0, &policy, NULL, &checkpoint), TALLYVERIFY_MALFORMED);
}

/* A line of a known key that does not verify: the note is invalid, and nobody has signed it. */
static void a_cosignature_that_is_changed(void)
{
	const char *both = vectors_text(vectors, "cosigned_checkpoint");
	struct tallyverify_cosigned cosigned;
	char changed[2048];
	size_t size = strlen(both);

	CHECK(size < sizeof(changed));
	CHECK_INT(read_policy("log $L\nwitness w $W\nquorum none\n", NULL), TALLYVERIFY_OK);
	strcpy(changed, both);
	changed[size - 20] = changed[size - 20] == 'A' ? 'B' : 'A';
	CHECK_INT(by_policy(changed, &cosigned), TALLYVERIFY_UNSIGNED);
	CHECK_INT(cosigned.count, 0);
}

static void proof_files_by_policy(void)
{
	const char *file = vectors_text(vectors, "tlog_proof");
	struct tallyverify_checkpoint checkpoint = { .size = 7 };
	struct tallyverify_cosigned cosigned;
	uint64_t index = 7;

	CHECK_INT(read_policy("log $L\nwitness w $W\nquorum w\n", NULL), TALLYVERIFY_OK);
	CHECK_INT(tallyverify_proof_file_policy(bytes_of(file), strlen(file), bytes_of("leaf-12346"), 10,
						&policy, NULL, &index, &checkpoint), TALLYVERIFY_MISMATCH);
	CHECK_INT(tallyverify_proof_file_policy(bytes_of(file), 9, bytes_of("leaf-12345"), 10, &policy, NULL,
						&index, &checkpoint), TALLYVERIFY_MALFORMED);
	CHECK(index == 7 && checkpoint.size == 7);
	CHECK_INT(tallyverify_proof_file_policy(bytes_of(file), strlen(file), bytes_of("leaf-12345"), 10,
						&policy, &cosigned, &index, &checkpoint), TALLYVERIFY_OK);
	CHECK_INT(index, 12345);
	CHECK_INT(checkpoint.size, 70000);
	CHECK_INT(cosigned.count, 1);
	CHECK_INT(read_policy("witness w $W\nquorum w\n", NULL), TALLYVERIFY_OK);
	CHECK_INT(tallyverify_proof_file_policy(bytes_of(file), strlen(file), bytes_of("leaf-12345"), 10,
						&policy, NULL, &index, &checkpoint), TALLYVERIFY_UNSIGNED);
}

/* ---- a log of our own: 40 entries, number 30 the STATE_ROOT of the first 28 ---- */

#define ENTRIES 40
#define STATE_AT 30
#define STATE_SIZE 28
#define LEDGER "l-0123456789abcdef012345678"
#define ORIGIN "ledger.example/" LEDGER

static struct {
	struct tally_hash leaves[ENTRIES];
	struct tally_state_leaf state[2];
	struct tally_state_proof proof;
	uint8_t encoded[TALLY_STATE_PROOF_MAX];
	struct tally_hash path[TALLY_TREE_MAX_PATH];
	char vkey[TALLY_VKEY_TEXT], note[2048], leaf[512], value[TALLY_STATE_VALUE_MAX];
	struct tallyverify_state claim;
} own;

static int node(void *ctx, unsigned int level, uint64_t index, struct tally_hash *hash_r)
{
	(void)ctx;
	tally_clue_root(own.leaves + (index << level), (uint64_t)1 << level, hash_r);
	return 0;
}

static void sign_own(void)
{
	char text[TALLY_CHECKPOINT_TEXT], line[TALLY_NOTE_LINE];
	uint8_t seed[32] = { 5 }, public[32];
	struct tally_vkey vkey;
	struct tally_hash root;
	size_t size;

	tally_ed25519_public(seed, public);
	tally_vkey_make(&vkey, TALLY_BYTES_LIT(ORIGIN), NOTE_ED25519, public);
	tally_vkey_format(&vkey, own.vkey);
	tally_clue_root(own.leaves, ENTRIES, &root);
	size = tally_checkpoint_format(TALLY_BYTES_LIT(ORIGIN), ENTRIES, &root, text);
	tally_note_sign(&vkey, seed, tally_bytes(text, size), line);
	snprintf(own.note, sizeof(own.note), "%s\n%s", text, line);
}

static void prove_own(enum tally_state_kind kind, const char *key)
{
	struct tally_hash path;

	tally_state_path(kind, tally_bytes_str(key), &path);
	tally_state_prove(own.state, 2, &path, &own.proof);
	own.claim.kind = (int)kind;
	own.claim.key = bytes_of(key);
	own.claim.key_size = strlen(key);
	own.claim.proof = own.encoded;
	own.claim.proof_size = tally_state_proof_encode(&own.proof, own.encoded);
}

static void make_own(void)
{
	char data[TALLY_STATE_VALUE_MAX], kv[TALLY_STATE_VALUE_MAX];
	struct tally_hash root;

	for (unsigned int i = 0; i < ENTRIES; i++)
		tally_leaf_hash(tally_bytes(&i, sizeof(i)), &own.leaves[i]);
	tally_clue_root(own.leaves + 4, 3, &root);
	tally_state_clue_value(3, &root, own.value);
	tally_state_path(STATE_CLUE, TALLY_BYTES_LIT("order 4711"), &own.state[0].path);
	tally_state_value_hash(tally_bytes_str(own.value), &own.state[0].value_hash);
	tally_state_kv_value(9, &own.leaves[9], kv);
	tally_state_path(STATE_KV, TALLY_BYTES_LIT("colour"), &own.state[1].path);
	tally_state_value_hash(tally_bytes_str(kv), &own.state[1].value_hash);
	tally_state_sort(own.state, 2);
	tally_state_root(own.state, 2, &root);
	tally_state_root_value(STATE_SIZE, &root, data);
	snprintf(own.leaf, sizeof(own.leaf), "{\"data\":%s,\"journalId\":%d,\"ledgerId\":\"%s\","
		 "\"payloadType\":\"STATE_ROOT\",\"timestamp\":1767312000123,\"v\":1}", data, STATE_AT,
		 LEDGER);
	tally_leaf_hash(tally_bytes_str(own.leaf), &own.leaves[STATE_AT]);
	sign_own();
	own.claim.checkpoint = bytes_of(own.note);
	own.claim.checkpoint_size = strlen(own.note);
	own.claim.leaf = bytes_of(own.leaf);
	own.claim.leaf_size = strlen(own.leaf);
	own.claim.path_count = (size_t)tally_inclusion_prove(STATE_AT, ENTRIES, node, NULL, own.path);
	own.claim.path = own.path[0].bytes;
	own.claim.value = bytes_of(own.value);
	own.claim.value_size = strlen(own.value);
	prove_own(STATE_CLUE, "order 4711");
}

static void receipts(void)
{
	struct tally_hash proof[TALLY_TREE_MAX_RANGE], hashes[ENTRIES], root;
	struct tallyverify_checkpoint checkpoint = { .size = 7 };
	const char *vkey = own.vkey;
	int count = tally_range_prove(7, 9, ENTRIES, node, NULL, proof);
	const uint8_t *note = bytes_of(own.note);
	size_t size = strlen(own.note);

	REQUIRE(count > 0);
	memcpy(hashes, own.leaves + 8, 9 * sizeof(hashes[0]));
	CHECK_INT(tallyverify_receipt(note, size, &vkey, 1, 7, 9, hashes[0].bytes, proof[0].bytes,
				      (size_t)count, &checkpoint), TALLYVERIFY_MISMATCH);
	CHECK_INT(tallyverify_receipt(note, size, vkeys, 1, 7, 9, hashes[0].bytes, proof[0].bytes,
				      (size_t)count, &checkpoint), TALLYVERIFY_UNSIGNED);
	CHECK_INT(checkpoint.size, 7);
	memcpy(hashes, own.leaves + 7, 9 * sizeof(hashes[0]));
	CHECK_INT(tallyverify_receipt(note, size, &vkey, 1, 7, 9, hashes[0].bytes, proof[0].bytes,
				      (size_t)count, &checkpoint), TALLYVERIFY_OK);
	CHECK_INT(checkpoint.size, ENTRIES);
	CASE("the range alone");
	tally_clue_root(own.leaves, ENTRIES, &root);
	memcpy(hashes, own.leaves + 7, 9 * sizeof(hashes[0]));
	CHECK_INT(tallyverify_range(7, 9, ENTRIES, hashes[0].bytes, proof[0].bytes, (size_t)count,
				    root.bytes), TALLYVERIFY_OK);
	memcpy(hashes, own.leaves + 7, 9 * sizeof(hashes[0]));
	CHECK_INT(tallyverify_range(8, 9, ENTRIES, hashes[0].bytes, proof[0].bytes, (size_t)count,
				    root.bytes), TALLYVERIFY_MISMATCH);
}

static void leaves(void)
{
	struct json_object *golden = vectors_load("leaf.json");
	struct json_object *journal = json_object_array_get_idx(vectors_member(golden, "journals"), 2);
	const char *text = vectors_text(journal, "leaf"), *payload = vectors_text(journal, "payload");
	struct tallyverify_checkpoint checkpoint = { .origin = ORIGIN };
	struct tallyverify_leaf leaf;
	uint8_t salt[16];

	CHECK_INT(tallyverify_leaf(bytes_of(text), strlen(text), &leaf), TALLYVERIFY_OK);
	CHECK_INT(leaf.journal_id, 2);
	CHECK_INT(leaf.timestamp, vectors_number(journal, "timestamp"));
	CHECK_BYTES(tally_bytes(leaf.payload_type.text, leaf.payload_type.size), TALLY_BYTES_LIT("CUSTOM"));
	CHECK_BYTES(tally_bytes(leaf.ledger_id.text, leaf.ledger_id.size), TALLY_BYTES_LIT(LEDGER));
	CHECK_BYTES(tally_bytes(leaf.clues.text, leaf.clues.size),
		    TALLY_BYTES_LIT("[\"order 4711\",\"caf\xc3\xa9\"]"));
	CHECK_INT(leaf.data.size, 0);
	CHECK(leaf.has_payload && leaf.payload_size == strlen(payload));
	CHECK_INT(tallyverify_leaf(bytes_of(text), strlen(text) - 1, &leaf), TALLYVERIFY_MALFORMED);
	CHECK_INT(tallyverify_leaf(NULL, 0, &leaf), TALLYVERIFY_MALFORMED);
	CASE("its place");
	CHECK_INT(tallyverify_leaf_place(bytes_of(text), strlen(text), &checkpoint, 2), TALLYVERIFY_OK);
	CHECK_INT(tallyverify_leaf_place(bytes_of(text), strlen(text), &checkpoint, 3),
		  TALLYVERIFY_MISMATCH);
	strcpy(checkpoint.origin, "ledger.example/l-other");
	CHECK_INT(tallyverify_leaf_place(bytes_of(text), strlen(text), &checkpoint, 2),
		  TALLYVERIFY_MISMATCH);
	CHECK_INT(tallyverify_leaf_place(bytes_of("{}"), 2, &checkpoint, 2), TALLYVERIFY_MALFORMED);
	CASE("its payload");
	vectors_hex(vectors_text(journal, "salt"), salt, sizeof(salt));
	CHECK_INT(tallyverify_payload(bytes_of(text), strlen(text), salt, bytes_of(payload), strlen(payload)),
		  TALLYVERIFY_OK);
	CHECK_INT(tallyverify_payload(bytes_of(text), strlen(text), salt, bytes_of(payload),
				      strlen(payload) - 1), TALLYVERIFY_MISMATCH);
	salt[15] ^= 1;
	CHECK_INT(tallyverify_payload(bytes_of(text), strlen(text), salt, bytes_of(payload), strlen(payload)),
		  TALLYVERIFY_MISMATCH);
	CHECK_INT(tallyverify_payload(bytes_of("[]"), 2, salt, NULL, 0), TALLYVERIFY_MALFORMED);
	json_object_put(golden);
}

static enum tallyverify_result state(uint64_t lag_max, struct tallyverify_state_info *info)
{
	const char *vkey = own.vkey;

	return tallyverify_state(&own.claim, &vkey, 1, lag_max, info);
}

static void states(void)
{
	struct tallyverify_state_info info = { 0 };
	struct tallyverify_state good = own.claim;

	CHECK_INT(state(12, &info), TALLYVERIFY_OK);
	CHECK_INT(info.size, STATE_SIZE);
	CHECK_INT(info.tree_size, ENTRIES);
	CHECK_INT(info.lag, 12);
	CHECK_INT(info.journal_id, STATE_AT);
	memset(&info, 0, sizeof(info));
	CHECK_INT(state(11, &info), TALLYVERIFY_STALE);
	CHECK_INT(info.lag, 12);
	CASE("by another key");
	CHECK_INT(tallyverify_state(&own.claim, vkeys, 1, 12, &info), TALLYVERIFY_UNSIGNED);
	CHECK_INT(tallyverify_state(&own.claim, vkeys, 0, 12, &info), TALLYVERIFY_ARGUMENT);
	CASE("that it is absent");
	own.claim.value = NULL;
	CHECK_INT(state(12, &info), TALLYVERIFY_MISMATCH);
	prove_own(STATE_KV, "order 4711");
	CHECK_INT(state(12, &info), TALLYVERIFY_OK);
	CASE("a kind that is none");
	own.claim.kind = 3;
	CHECK_INT(state(12, &info), TALLYVERIFY_ARGUMENT);
	own.claim.kind = -1;
	CHECK_INT(state(12, &info), TALLYVERIFY_ARGUMENT);
	own.claim = good;
	prove_own(STATE_CLUE, "order 4711");
	CASE("half a proof, half a leaf, half a path");
	own.claim.proof_size--;
	CHECK_INT(state(12, &info), TALLYVERIFY_MALFORMED);
	own.claim.proof_size++, own.claim.leaf_size--;
	CHECK_INT(state(12, &info), TALLYVERIFY_MALFORMED);
	own.claim.leaf_size++, own.claim.path_count--;
	CHECK_INT(state(12, &info), TALLYVERIFY_MISMATCH);
	own.claim.path_count++;
	CASE("another value");
	own.value[9] ^= 1;
	CHECK_INT(state(12, &info), TALLYVERIFY_MISMATCH);
	own.value[9] ^= 1;
	CHECK_INT(state(12, &info), TALLYVERIFY_OK);
}

static void states_by_policy(void)
{
	struct tallyverify_state_info info = { 0 };
	struct tallyverify_state good = own.claim;
	struct tallyverify_cosigned cosigned;
	char text[2 * TALLY_VKEY_TEXT];

	snprintf(text, sizeof(text), "log %s\nquorum none\n", own.vkey);
	CHECK_INT(tallyverify_policy(text, strlen(text), &policy, NULL), TALLYVERIFY_OK);
	CHECK_INT(tallyverify_state_policy(&own.claim, &policy, &cosigned, 12, &info), TALLYVERIFY_OK);
	CHECK_INT(info.size, STATE_SIZE);
	CHECK_INT(info.tree_size, ENTRIES);
	CHECK_INT(cosigned.count, 0);
	CHECK_INT(tallyverify_state_policy(&own.claim, &policy, NULL, 11, &info), TALLYVERIFY_STALE);
	CASE("that it is absent");
	own.claim.value = NULL;
	CHECK_INT(tallyverify_state_policy(&own.claim, &policy, NULL, 12, &info), TALLYVERIFY_MISMATCH);
	own.claim = good;
	CASE("malformed");
	own.claim.kind = 3;
	CHECK_INT(tallyverify_state_policy(&own.claim, &policy, NULL, 12, &info), TALLYVERIFY_ARGUMENT);
	own.claim = good;
	own.claim.proof_size--;
	CHECK_INT(tallyverify_state_policy(&own.claim, &policy, NULL, 12, &info), TALLYVERIFY_MALFORMED);
	own.claim = good;
	CASE("a quorum that is not met");
	snprintf(text, sizeof(text), "log %s\nwitness w %s\nquorum w\n", own.vkey, vkeys[1]);
	CHECK_INT(tallyverify_policy(text, strlen(text), &policy, NULL), TALLYVERIFY_OK);
	CHECK_INT(tallyverify_state_policy(&own.claim, &policy, NULL, 12, &info), TALLYVERIFY_UNSIGNED);
	CASE("another log");
	CHECK_INT(read_policy("log $L\nquorum none\n", NULL), TALLYVERIFY_OK);
	CHECK_INT(tallyverify_state_policy(&own.claim, &policy, NULL, 12, &info), TALLYVERIFY_UNSIGNED);
}

static void values_and_lineages(void)
{
	struct tally_hash hashes[3], proof[TALLY_TREE_MAX_RANGE];
	uint8_t root[32], hash[32];
	char text[TALLY_STATE_VALUE_MAX];
	uint64_t count = 0;

	CHECK_INT(tallyverify_clue_value(bytes_of(own.value), strlen(own.value), &count, root),
		  TALLYVERIFY_OK);
	CHECK_INT(count, 3);
	memcpy(hashes, own.leaves + 4, sizeof(hashes));
	CHECK_INT(tallyverify_lineage(count, root, 0, hashes[0].bytes, 3, NULL, 0), TALLYVERIFY_OK);
	memcpy(hashes, own.leaves + 4, sizeof(hashes));
	CHECK_INT(tallyverify_lineage(count, root, 0, hashes[0].bytes, 2, NULL, 0), TALLYVERIFY_MISMATCH);
	CASE("the last of three");
	tally_node_hash(&own.leaves[4], &own.leaves[5], &proof[0]);
	hashes[0] = own.leaves[6];
	CHECK_INT(tallyverify_lineage(count, root, 2, hashes[0].bytes, 1, proof[0].bytes, 1),
		  TALLYVERIFY_OK);
	CASE("values");
	CHECK_INT(tallyverify_kv_value(bytes_of(own.value), strlen(own.value), &count, hash),
		  TALLYVERIFY_MALFORMED);
	tally_state_kv_value(9, &own.leaves[9], text);
	CHECK_INT(tallyverify_kv_value(bytes_of(text), strlen(text), &count, hash), TALLYVERIFY_OK);
	CHECK_INT(count, 9);
	CHECK_MEM(hash, &own.leaves[9], 32);
	tally_state_member_value(8, &own.leaves[8], text);
	CHECK_INT(tallyverify_member_value(bytes_of(text), strlen(text), &count, hash), TALLYVERIFY_OK);
	CHECK_INT(count, 8);
	CHECK_MEM(hash, &own.leaves[8], 32);
	CHECK_INT(tallyverify_clue_value(bytes_of(text), strlen(text), &count, hash), TALLYVERIFY_MALFORMED);
}

static size_t receipt_of(const char *name, uint8_t *out)
{
	const char *hex = vectors_text(vectors_member(vectors, name), "receipt_hex");

	vectors_hex(hex, out, strlen(hex) / 2);
	return strlen(hex) / 2;
}

static void cose_receipts(void)
{
	uint8_t receipt[1024], leaf[32], root[32], key[65];
	size_t size = receipt_of("cose_inclusion_receipt", receipt);
	struct tallyverify_cose cose = { 0 };

	vectors_hex(vectors_text(keys, "log_public_hex"), key, 32);
	tallyverify_leaf_hash(bytes_of("\x40\x41\x42\x43"), 4, leaf);
	root_of("ct8", "8", root);
	CHECK_INT(tallyverify_cose_inclusion(receipt, size, leaf, key, 32, &cose), TALLYVERIFY_OK);
	CHECK_INT(cose.size, 8);
	CHECK_INT(cose.from, 5);
	CHECK_MEM(cose.root, root, 32);
	CHECK_INT(tallyverify_cose_inclusion(receipt, size, leaf, key, 65, &cose), TALLYVERIFY_MISMATCH);
	CHECK_INT(tallyverify_cose_inclusion(receipt, size, leaf, key, 33, &cose), TALLYVERIFY_ARGUMENT);
	CHECK_INT(tallyverify_cose_inclusion(receipt, size - 1, leaf, key, 32, &cose),
		  TALLYVERIFY_MALFORMED);
	CHECK_INT(tallyverify_cose_consistency(receipt, size, leaf, key, 32, &cose),
		  TALLYVERIFY_MALFORMED);
	leaf[0] ^= 1;
	CHECK_INT(tallyverify_cose_inclusion(receipt, size, leaf, key, 32, &cose), TALLYVERIFY_MISMATCH);
	CASE("consistency");
	size = receipt_of("cose_consistency_receipt", receipt);
	root_of("ct8", "6", root);
	CHECK_INT(tallyverify_cose_consistency(receipt, size, root, key, 32, &cose), TALLYVERIFY_OK);
	CHECK_INT(cose.from, 6);
	CHECK_INT(cose.size, 8);
	root_of("ct8", "8", root);
	CHECK_MEM(cose.root, root, 32);
	CHECK_INT(tallyverify_cose_consistency(receipt, size, root, key, 32, &cose), TALLYVERIFY_MISMATCH);
}

int main(void)
{
	vectors = vectors_load("transparency-log-vectors.json");
	keys = vectors_member(vectors, "keys");
	vkeys[0] = vectors_text(keys, "log_vkey");
	vkeys[1] = vectors_text(keys, "witness_vkey");
	make_own();
	TEST(results_have_texts);
	TEST(verifier_keys);
	TEST(checkpoints);
	TEST(inclusions);
	TEST(consistencies);
	TEST(proof_files);
	TEST(policies);
	TEST(checkpoints_by_policy);
	TEST(a_cosignature_that_is_changed);
	TEST(proof_files_by_policy);
	TEST(receipts);
	TEST(leaves);
	TEST(states);
	TEST(states_by_policy);
	TEST(values_and_lineages);
	TEST(cose_receipts);
	json_object_put(vectors);
	return tap_done();
}
