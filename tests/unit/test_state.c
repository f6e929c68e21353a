/*
 * The state tree: against golden files that a second program makes, against a recursive statement of
 * the rules, and against proofs that were changed, cut, or would say more than they may. A run is
 * repeated with TALLY_TEST_SEED.
 */
#include "state.h"

#include <stdlib.h>
#include <time.h>

#include "tap.h"
#include "vectors.h"

static struct json_object *golden;

static void check_hash(const struct tally_hash *got, const char *want)
{
	char text[2 * TALLY_HASH_SIZE + 1];

	tally_hex_encode(got->bytes, TALLY_HASH_SIZE, text);
	CHECK_STR(text, want);
}

static struct tally_hash hash_of(const char *hex)
{
	struct tally_hash hash;

	vectors_hex(hex, hash.bytes, TALLY_HASH_SIZE);
	return hash;
}

static enum tally_state_kind kind_of(struct json_object *key)
{
	const char *text = vectors_text(key, "kind");

	return strcmp(text, "clue") == 0 ? STATE_CLUE : strcmp(text, "kv") == 0 ? STATE_KV : STATE_MEMBER;
}

/* ---- the rules once more: the subtree of a depth, by dividing ---- */

static struct tally_hash divided(const struct tally_state_leaf *leaves, size_t count, unsigned int depth)
{
	struct tally_hash hash = { { 0 } }, left, right;
	size_t i = 0;

	if (count == 1)
		tally_state_leaf_hash(&leaves[0].path, &leaves[0].value_hash, &hash);
	if (count <= 1)
		return hash;
	while (i < count && (leaves[i].path.bytes[depth / 8] >> (7 - depth % 8) & 1) == 0)
		i++;
	left = divided(leaves, i, depth + 1);
	right = divided(leaves + i, count - i, depth + 1);
	tally_state_node_hash(&left, &right, &hash);
	return hash;
}

/* ---- golden ---- */

static size_t golden_leaves(struct tally_state_leaf *leaves, size_t room)
{
	struct json_object *keys = vectors_member(golden, "keys");
	size_t count = json_object_array_length(keys), i;

	for (i = 0; i < count && i < room; i++) {
		struct json_object *key = json_object_array_get_idx(keys, i);

		leaves[i].path = hash_of(vectors_text(key, "path"));
		tally_state_value_hash(vectors_bytes(key, "value"), &leaves[i].value_hash);
	}
	tally_state_sort(leaves, i);
	return i;
}

static void check_clue(struct json_object *key, char *text)
{
	struct json_object *list = vectors_member(key, "journalHashes");
	size_t count = json_object_array_length(list), i;
	struct tally_hash hashes[8], root, again;
	uint64_t number;

	REQUIRE(count <= 8);
	for (i = 0; i < count; i++)
		hashes[i] = hash_of(json_object_get_string(json_object_array_get_idx(list, i)));
	tally_clue_root(hashes, count, &root);
	CHECK_INT(tally_state_clue_value(count, &root, text), strlen(text));
	CHECK(tally_state_clue_parse(tally_bytes_str(text), &number, &again));
	CHECK_INT(number, count);
	CHECK_MEM(&again, &root, sizeof(root));
}

static void check_kv(struct json_object *key, char *text)
{
	struct tally_hash hash = hash_of(vectors_text(key, "journalHash")), again;
	uint64_t id = vectors_number(key, "journalId"), number;

	CHECK_INT(tally_state_kv_value(id, &hash, text), strlen(text));
	CHECK(tally_state_kv_parse(tally_bytes_str(text), &number, &again));
	CHECK_INT(number, id);
	CHECK_MEM(&again, &hash, sizeof(hash));
}

static void check_member(struct json_object *key, char *text)
{
	struct tally_hash hash, again;
	uint64_t id = vectors_number(key, "journalId"), number;

	tally_state_value_hash(vectors_bytes(key, "record"), &hash);
	CHECK_INT(tally_state_member_value(id, &hash, text), strlen(text));
	CHECK(tally_state_member_parse(tally_bytes_str(text), &number, &again));
	CHECK_INT(number, id);
	CHECK_MEM(&again, &hash, sizeof(hash));
}

static void keys_and_values(void)
{
	struct json_object *keys = vectors_member(golden, "keys");
	char text[TALLY_STATE_VALUE_MAX];
	struct tally_hash path;

	for (size_t i = 0; i < json_object_array_length(keys); i++) {
		struct json_object *key = json_object_array_get_idx(keys, i);

		CASE("%s", vectors_text(key, "key"));
		tally_state_path(kind_of(key), vectors_bytes(key, "key"), &path);
		check_hash(&path, vectors_text(key, "path"));
		if (kind_of(key) == STATE_CLUE)
			check_clue(key, text);
		else if (kind_of(key) == STATE_KV)
			check_kv(key, text);
		else
			check_member(key, text);
		CHECK_STR(text, vectors_text(key, "value"));
	}
}

static void the_largest_values_fit(void)
{
	uint64_t most = ((uint64_t)1 << 53) - 1;
	char text[TALLY_STATE_VALUE_MAX];
	struct tally_hash hash;

	memset(&hash, 0xff, sizeof(hash));
	CHECK(tally_state_clue_value(most, &hash, text) < TALLY_STATE_VALUE_MAX - 1);
	CHECK(tally_state_kv_value(most, &hash, text) < TALLY_STATE_VALUE_MAX - 1);
	CHECK(tally_state_member_value(most, &hash, text) < TALLY_STATE_VALUE_MAX - 1);
	CHECK(tally_state_root_value(most, &hash, text) < TALLY_STATE_VALUE_MAX - 1);
}

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void other_values_are_refused(void)
{
	static const char *const wrong[] = {
		"", "{}", "{\"count\":1}", "{\"count\":01,\"root\":\"" HEX "\"}",
		"{\"count\":-1,\"root\":\"" HEX "\"}", "{\"count\":1.0,\"root\":\"" HEX "\"}",
		"{\"count\":,\"root\":\"" HEX "\"}", "{\"count\":9007199254740992,\"root\":\"" HEX "\"}",
		"{\"count\": 1,\"root\":\"" HEX "\"}", "{\"count\":1,\"root\":\"" HEX "\"} ",
		"{\"root\":\"" HEX "\",\"count\":1}", "{\"count\":1,\"root\":\"A" HEX "\"}",
		"{\"count\":1,\"root\":\"A123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"}",
		"{\"count\":1,\"root\":\"g123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"}",
		"{\"count\":1,\"root\":\"" HEX "\",\"x\":1}", "{\"count\":\"1\",\"root\":\"" HEX "\"}",
		"{\"journalId\":1,\"root\":\"" HEX "\"}", "{\"count\":12345678901234567890,\"root\":\"" HEX "\"}"
	};
	struct tally_hash hash;
	uint64_t number;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		CASE("%s", wrong[i]);
		CHECK(!tally_state_clue_parse(tally_bytes_str(wrong[i]), &number, &hash));
		CHECK(!tally_state_kv_parse(tally_bytes_str(wrong[i]), &number, &hash));
		CHECK(!tally_state_member_parse(tally_bytes_str(wrong[i]), &number, &hash));
		CHECK(!tally_state_root_parse(tally_bytes_str(wrong[i]), &number, &hash));
	}
	CASE("the good one");
	CHECK(tally_state_clue_parse(TALLY_BYTES_LIT("{\"count\":1,\"root\":\"" HEX "\"}"), &number, &hash));
}

static void golden_tree_and_proofs(void)
{
	struct json_object *proofs = vectors_member(golden, "proofs");
	struct tally_state_leaf leaves[200];
	size_t count = golden_leaves(leaves, 200), i;
	uint8_t bytes[TALLY_STATE_PROOF_MAX];
	char hex[2 * TALLY_STATE_PROOF_MAX + 1];
	unsigned int ends[3] = { 0 };
	struct tally_hash root;

	REQUIRE(tally_state_root(leaves, count, &root) == 0);
	check_hash(&root, vectors_text(golden, "root"));
	for (i = 0; i < json_object_array_length(proofs); i++) {
		struct json_object *one = json_object_array_get_idx(proofs, i);
		struct tally_state_proof proof, parsed;
		struct tally_hash path, value;
		const char *text = vectors_text(one, "value");
		size_t size;

		CASE("%s", vectors_text(one, "key"));
		tally_state_path(kind_of(one), vectors_bytes(one, "key"), &path);
		REQUIRE(tally_state_prove(leaves, count, &path, &proof) == 0);
		size = tally_state_proof_encode(&proof, bytes);
		tally_hex_encode(bytes, size, hex);
		CHECK_STR(hex, vectors_text(one, "proof"));
		REQUIRE(tally_state_proof_decode(tally_bytes(bytes, size), &parsed));
		ends[parsed.end]++;
		if (text != NULL)
			tally_state_value_hash(tally_bytes_str(text), &value);
		CHECK(tally_state_verify(&root, &path, text != NULL ? &value : NULL, &parsed));
	}
	CHECK(ends[0] >= 5 && ends[1] >= 3 && ends[2] >= 3);
}

static void golden_shapes(void)
{
	struct json_object *shapes = vectors_member(golden, "shapes");

	for (size_t i = 0; i < json_object_array_length(shapes); i++) {
		struct json_object *shape = json_object_array_get_idx(shapes, i);
		struct json_object *list = vectors_member(shape, "leaves");
		size_t count = json_object_array_length(list), k;
		struct tally_state_leaf leaves[40];
		struct tally_hash root;

		CASE("%s", vectors_text(shape, "what"));
		REQUIRE(count <= 40);
		for (k = 0; k < count; k++) {
			struct json_object *pair = json_object_array_get_idx(list, k);

			leaves[k].path = hash_of(json_object_get_string(json_object_array_get_idx(pair, 0)));
			leaves[k].value_hash =
				hash_of(json_object_get_string(json_object_array_get_idx(pair, 1)));
		}
		REQUIRE(tally_state_root(leaves, count, &root) == 0);
		check_hash(&root, vectors_text(shape, "root"));
	}
	CHECK(json_object_array_length(shapes) >= 9);
}

/* ---- random trees ---- */

static uint64_t seed;

static uint64_t next_random(void)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return seed >> 33;
}

/* Paths whose leading bits are few, so that neighbours share many. */
static void random_leaves(struct tally_state_leaf *leaves, size_t count)
{
	unsigned int style = (unsigned int)(next_random() % 3);

	for (size_t i = 0; i < count; i++) {
		size_t bytes = style == 0 ? 1 : style == 1 ? 4 : 32;

		memset(&leaves[i].path, next_random() % 2 ? 0xff : 0, sizeof(leaves[i].path));
		for (size_t k = 0; k < bytes; k++)
			leaves[i].path.bytes[style == 1 ? 28 + k : k] = (uint8_t)next_random();
		memset(&leaves[i].value_hash, (int)next_random(), TALLY_HASH_SIZE);
	}
	tally_state_sort(leaves, count);
}

static size_t without_doubles(struct tally_state_leaf *leaves, size_t count)
{
	size_t used = 0;

	for (size_t i = 0; i < count; i++)
		if (used == 0 || memcmp(&leaves[used - 1].path, &leaves[i].path, TALLY_HASH_SIZE) != 0)
			leaves[used++] = leaves[i];
	return used;
}

/* Every leaf's value, and of each leaf's neighbours by one bit that they are absent. */
static void check_answers(const struct tally_state_leaf *leaves, size_t count,
			  const struct tally_hash *root)
{
	struct tally_state_proof proof;
	struct tally_hash path, wrong;

	for (size_t i = 0; i < count; i++) {
		REQUIRE(tally_state_prove(leaves, count, &leaves[i].path, &proof) == 0);
		CHECK_INT(proof.end, STATE_END_LEAF);
		CHECK(tally_state_verify(root, &leaves[i].path, &leaves[i].value_hash, &proof));
		CHECK(!tally_state_verify(root, &leaves[i].path, NULL, &proof));
		wrong = leaves[i].value_hash;
		wrong.bytes[next_random() % 32] ^= 1;
		CHECK(!tally_state_verify(root, &leaves[i].path, &wrong, &proof));
		path = leaves[i].path;
		path.bytes[next_random() % 32] ^= (uint8_t)(1 << next_random() % 8);
		CHECK(!tally_state_verify(root, &path, &leaves[i].value_hash, &proof));
		if (tally_state_prove(leaves, count, &path, &proof) != 0 ||
		    proof.end == STATE_END_LEAF)
			continue;
		CHECK(tally_state_verify(root, &path, NULL, &proof));
		CHECK(!tally_state_verify(root, &path, &leaves[i].value_hash, &proof));
		CHECK(!tally_state_verify(root, &leaves[i].path, NULL, &proof));
	}
}

static void random_trees(void)
{
	struct tally_state_leaf leaves[120];
	struct tally_hash root, want;

	printf("# TALLY_TEST_SEED=%" PRIu64 "\n", seed);
	for (unsigned int round = 0; round < 60; round++) {
		size_t count = next_random() % 120;

		random_leaves(leaves, count);
		count = without_doubles(leaves, count);
		CASE("round %u, %zu leaves", round, count);
		REQUIRE(tally_state_root(leaves, count, &root) == 0);
		want = divided(leaves, count, 0);
		CHECK_MEM(&root, &want, sizeof(root));
		check_answers(leaves, count, &root);
	}
}

static void sorting(void)
{
	struct tally_state_leaf leaves[300];

	for (size_t count = 0; count < 300; count += 1 + count / 9) {
		memset(leaves, 0, sizeof(leaves));
		for (size_t i = 0; i < count; i++) {
			leaves[i].path.bytes[0] = (uint8_t)next_random();
			leaves[i].value_hash.bytes[0] = (uint8_t)~leaves[i].path.bytes[0];
		}
		tally_state_sort(leaves, count);
		for (size_t i = 0; i < count; i++) {
			CHECK_INT(leaves[i].value_hash.bytes[0], (uint8_t)~leaves[i].path.bytes[0]);
			CHECK(i == 0 || leaves[i - 1].path.bytes[0] <= leaves[i].path.bytes[0]);
		}
	}
}

static void the_order_is_kept(void)
{
	struct tally_state_leaf leaves[3] = { { .path = { { 1 } } }, { .path = { { 2 } } },
					      { .path = { { 3 } } } }, swapped;
	struct tally_state_proof proof;
	struct tally_hash root;

	CHECK_INT(tally_state_root(leaves, 3, &root), 0);
	swapped = leaves[1];
	leaves[1] = leaves[2];
	leaves[2] = swapped;
	CHECK_INT(tally_state_root(leaves, 3, &root), -1);
	CHECK_INT(tally_state_prove(leaves, 3, &leaves[0].path, &proof), -1);
	leaves[2] = leaves[1];
	CHECK_INT(tally_state_root(leaves, 3, &root), -1);
}

static void shared_bits(void)
{
	struct tally_hash a, b;

	memset(&a, 0x5a, sizeof(a));
	CHECK_INT(tally_state_shared(&a, &a), 256);
	for (unsigned int bit = 0; bit < 256; bit++) {
		b = a;
		b.bytes[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
		CASE("bit %u", bit);
		CHECK_INT(tally_state_shared(&a, &b), bit);
		CHECK(tally_state_bit(&a, bit) != tally_state_bit(&b, bit));
		memset(b.bytes + bit / 8 + 1, 0xff, 31 - bit / 8);
		CHECK_INT(tally_state_shared(&a, &b), bit);
	}
}

/* 255 levels are a proof; two keys that part at the last bit would need 256. */
static void the_deepest_proof(void)
{
	struct tally_state_leaf leaves[2];
	uint8_t bytes[TALLY_STATE_PROOF_MAX];
	struct tally_state_proof proof, parsed;
	struct tally_hash root;
	size_t size;

	memset(leaves, 0, sizeof(leaves));
	leaves[1].path.bytes[31] = 2;
	REQUIRE(tally_state_root(leaves, 2, &root) == 0);
	REQUIRE(tally_state_prove(leaves, 2, &leaves[1].path, &proof) == 0);
	CHECK_INT(proof.depth, 255);
	CHECK_INT(proof.sibling_count, 1);
	CHECK(tally_state_verify(&root, &leaves[1].path, &leaves[1].value_hash, &proof));
	size = tally_state_proof_encode(&proof, bytes);
	CHECK_INT(size, 3 + 32 + 32);
	CHECK(tally_state_proof_decode(tally_bytes(bytes, size), &parsed));
	leaves[1].path.bytes[31] = 1;
	CHECK_INT(tally_state_root(leaves, 2, &root), 0);
	CHECK_INT(tally_state_prove(leaves, 2, &leaves[1].path, &proof), -1);
	CASE("255 siblings");
	tally_state_proof_init(&proof);
	for (int i = 0; i < 255; i++)
		CHECK(tally_state_proof_add(&proof, &root));
	CHECK(!tally_state_proof_add(&proof, &root));
	tally_state_proof_end(&proof, STATE_END_OTHER, &root, &root);
	size = tally_state_proof_encode(&proof, bytes);
	CHECK_INT(size, TALLY_STATE_PROOF_MAX);
	CHECK(tally_state_proof_decode(tally_bytes(bytes, size), &parsed));
}

/* ---- what must be refused ---- */

struct fixture {
	struct tally_state_leaf leaves[120];
	size_t count;
	struct tally_hash root;
	struct tally_hash path;			/* of a key that has a value */
	struct tally_hash value;
	struct tally_state_proof proof;
};

static bool fixture(struct fixture *f, size_t which)
{
	f->count = golden_leaves(f->leaves, 120);
	f->path = f->leaves[which].path;
	f->value = f->leaves[which].value_hash;
	return tally_state_root(f->leaves, f->count, &f->root) == 0 &&
	       tally_state_prove(f->leaves, f->count, &f->path, &f->proof) == 0;
}

static void every_changed_byte_shows(void)
{
	uint8_t bytes[TALLY_STATE_PROOF_MAX];
	struct tally_state_proof parsed;
	struct fixture f;
	size_t size;

	REQUIRE(fixture(&f, 17));
	size = tally_state_proof_encode(&f.proof, bytes);
	for (size_t i = 0; i < size; i++)
		for (unsigned int bit = 0; bit < 8; bit++) {
			CASE("byte %zu bit %u", i, bit);
			bytes[i] ^= (uint8_t)(1 << bit);
			CHECK(!tally_state_proof_decode(tally_bytes(bytes, size), &parsed) ||
			      !tally_state_verify(&f.root, &f.path, &f.value, &parsed));
			bytes[i] ^= (uint8_t)(1 << bit);
		}
	for (size_t i = 0; i < size; i++) {
		CASE("cut at %zu", i);
		CHECK(!tally_state_proof_decode(tally_bytes(bytes, i), &parsed));
	}
	CASE("a byte more");
	bytes[size] = 0;
	CHECK(!tally_state_proof_decode(tally_bytes(bytes, size + 1), &parsed));
	CASE("as it was");
	CHECK(tally_state_proof_decode(tally_bytes(bytes, size), &parsed));
	CHECK(tally_state_verify(&f.root, &f.path, &f.value, &parsed));
}

/* Proofs that lead to the root of the tree but are not the one way to write them. */
static void second_forms_are_refused(void)
{
	static const struct tally_hash zeros;
	struct tally_state_proof bad;
	struct fixture f;

	REQUIRE(fixture(&f, 3));
	CASE("an empty sibling written out");
	bad = f.proof;
	memmove(&bad.siblings[1], &bad.siblings[0], bad.sibling_count * sizeof(bad.siblings[0]));
	bad.siblings[0] = zeros;
	bad.sibling_count++;
	CHECK(!tally_state_verify(&f.root, &f.path, &f.value, &bad));
	bad = f.proof;
	bad.siblings[0] = zeros;
	CHECK(!tally_state_verify(&f.root, &f.path, &f.value, &bad));
	CASE("a bit beyond the depth");
	bad = f.proof;
	bad.present.bytes[bad.depth / 8] |= (uint8_t)(0x80 >> bad.depth % 8);
	CHECK(!tally_state_verify(&f.root, &f.path, &f.value, &bad));
	bad = f.proof;
	bad.present.bytes[31] |= 1;
	CHECK(!tally_state_verify(&f.root, &f.path, &f.value, &bad));
	CASE("a sibling that no bit names");
	bad = f.proof;
	bad.siblings[bad.sibling_count++] = f.root;
	CHECK(!tally_state_verify(&f.root, &f.path, &f.value, &bad));
	CASE("a depth of no tree");
	bad = f.proof;
	bad.depth = 256;
	CHECK(!tally_state_verify(&f.root, &f.path, &f.value, &bad));
	CASE("an end that is none");
	bad = f.proof;
	bad.end = (enum tally_state_end)3;
	CHECK(!tally_state_verify(&f.root, &f.path, NULL, &bad));
}

/* A leaf that was put deeper than where it is alone: the root over that is no tree's. */
static void a_leaf_too_deep_is_refused(void)
{
	struct tally_state_leaf leaf = { .path = { { 0x40 } }, .value_hash = { { 1 } } };
	struct tally_hash hash, absent = { { 0x7f } };
	struct tally_state_proof proof;

	tally_state_leaf_hash(&leaf.path, &leaf.value_hash, &hash);
	tally_state_proof_init(&proof);
	tally_state_proof_end(&proof, STATE_END_LEAF, NULL, NULL);
	CHECK(tally_state_verify(&hash, &leaf.path, &leaf.value_hash, &proof));
	tally_state_lift(&leaf.path, 2, 0, &hash);
	CHECK(tally_state_proof_add(&proof, NULL));
	CHECK(tally_state_proof_add(&proof, NULL));
	CHECK(!tally_state_verify(&hash, &leaf.path, &leaf.value_hash, &proof));
	tally_state_proof_end(&proof, STATE_END_OTHER, &leaf.path, &leaf.value_hash);
	CHECK(!tally_state_verify(&hash, &absent, NULL, &proof));
	CASE("an empty end beside nothing");
	tally_state_empty(&hash);
	tally_state_lift(&leaf.path, 1, 0, &hash);
	tally_state_proof_init(&proof);
	CHECK(tally_state_proof_add(&proof, NULL));
	tally_state_proof_end(&proof, STATE_END_EMPTY, NULL, NULL);
	CHECK(!tally_state_verify(&hash, &leaf.path, NULL, &proof));
}

/* The leaf that ends a proof of absence must be another key's, and on the key's way. */
static void other_leaves(void)
{
	struct tally_state_proof proof, bad;
	struct tally_hash absent;
	struct fixture f;

	REQUIRE(fixture(&f, 40));
	absent = f.path;
	absent.bytes[31] ^= 1;
	REQUIRE(tally_state_prove(f.leaves, f.count, &absent, &proof) == 0);
	CHECK_INT(proof.end, STATE_END_OTHER);
	CHECK(tally_state_verify(&f.root, &absent, NULL, &proof));
	CASE("the key's own leaf");
	CHECK(!tally_state_verify(&f.root, &f.path, NULL, &proof));
	CASE("of a key elsewhere");
	absent.bytes[0] ^= 0x80;
	CHECK(!tally_state_verify(&f.root, &absent, NULL, &proof));
	absent.bytes[0] ^= 0x80;
	absent.bytes[(proof.depth - 1) / 8] ^= (uint8_t)(0x80 >> (proof.depth - 1) % 8);
	CHECK(!tally_state_verify(&f.root, &absent, NULL, &proof));
	CASE("another value");
	absent.bytes[(proof.depth - 1) / 8] ^= (uint8_t)(0x80 >> (proof.depth - 1) % 8);
	bad = proof;
	bad.other_value.bytes[5] ^= 1;
	CHECK(!tally_state_verify(&f.root, &absent, NULL, &bad));
}

/* An empty tree and a tree of one leaf have proofs without a sibling. */
static void the_smallest_trees(void)
{
	struct tally_state_leaf leaf = { .path = { { 0xaa } }, .value_hash = { { 1 } } };
	struct tally_hash root, other = { { 0x2a } };
	struct tally_state_proof proof;

	CHECK_INT(tally_state_root(NULL, 0, &root), 0);
	CHECK(tally_state_is_empty(&root));
	CHECK_INT(tally_state_prove(NULL, 0, &other, &proof), 0);
	CHECK_INT(proof.depth, 0);
	CHECK_INT(proof.end, STATE_END_EMPTY);
	CHECK(tally_state_verify(&root, &other, NULL, &proof));
	CHECK(!tally_state_verify(&other, &other, NULL, &proof));
	CHECK_INT(tally_state_root(&leaf, 1, &root), 0);
	CHECK(!tally_state_verify(&root, &other, NULL, &proof));
	CHECK_INT(tally_state_prove(&leaf, 1, &other, &proof), 0);
	CHECK_INT(proof.end, STATE_END_OTHER);
	CHECK(tally_state_verify(&root, &other, NULL, &proof));
	CHECK_INT(tally_state_prove(&leaf, 1, &leaf.path, &proof), 0);
	CHECK(tally_state_verify(&root, &leaf.path, &leaf.value_hash, &proof));
}

/* ---- lineages ---- */

struct lineage {
	struct tally_hash *hashes;
	uint64_t count;
};

static int lineage_node(void *ctx, unsigned int level, uint64_t index, struct tally_hash *hash_r)
{
	struct lineage *lineage = ctx;

	if ((index + 1) << level > lineage->count)
		return -1;
	tally_clue_root(lineage->hashes + (index << level), (uint64_t)1 << level, hash_r);
	return 0;
}

static bool page_holds(const struct lineage *lineage, uint64_t count, const struct tally_hash *root,
		       uint64_t first, uint64_t size, const struct tally_hash *proof, int hashes)
{
	struct tally_hash work[101];

	memcpy(work, lineage->hashes + first, size * sizeof(work[0]));
	return tally_clue_page_verify(count, root, first, work, size, proof, (size_t)hashes);
}

static void pages_of_a_lineage(void)
{
	struct tally_hash hashes[101], proof[TALLY_TREE_MAX_RANGE], root;
	struct lineage lineage = { hashes, 100 };
	int count;

	for (int i = 0; i < 101; i++)
		tally_sha256(&i, sizeof(i), hashes[i].bytes);
	tally_clue_root(hashes, 100, &root);
	CHECK(page_holds(&lineage, 100, &root, 0, 100, NULL, 0));
	CASE("one left out at the end, one too many");
	CHECK(!page_holds(&lineage, 99, &root, 0, 99, NULL, 0));
	CHECK(!page_holds(&lineage, 101, &root, 0, 101, NULL, 0));
	for (uint64_t first = 0; first < 100; first += 20) {
		CASE("from %" PRIu64, first);
		count = tally_range_prove(first, 20, 100, lineage_node, &lineage, proof);
		REQUIRE(count > 0);
		CHECK(page_holds(&lineage, 100, &root, first, 20, proof, count));
		CHECK(!page_holds(&lineage, 100, &root, first + 1, 20, proof, count));
		CHECK(!page_holds(&lineage, 100, &root, first, 19, proof, count));
		CHECK(!page_holds(&lineage, 64, &root, first, 20, proof, count));
	}
}

int main(void)
{
	const char *text = getenv("TALLY_TEST_SEED");

	seed = text != NULL ? strtoull(text, NULL, 10) : (uint64_t)time(NULL);
	golden = vectors_load("state.json");
	TEST(keys_and_values);
	TEST(the_largest_values_fit);
	TEST(other_values_are_refused);
	TEST(golden_tree_and_proofs);
	TEST(golden_shapes);
	TEST(random_trees);
	TEST(sorting);
	TEST(the_order_is_kept);
	TEST(shared_bits);
	TEST(the_deepest_proof);
	TEST(every_changed_byte_shows);
	TEST(second_forms_are_refused);
	TEST(a_leaf_too_deep_is_refused);
	TEST(other_leaves);
	TEST(the_smallest_trees);
	TEST(pages_of_a_lineage);
	json_object_put(golden);
	return tap_done();
}
