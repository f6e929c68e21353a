/*
 * State proofs from outside. What decodes encodes to the same bytes; what verifies for a root does
 * not verify for another one, nor say both that a key has a value and that it has none. The answers
 * of trees made from the input have proofs that verify.
 */
#include "fuzz.h"
#include "state.h"

static void values(struct tally_bytes input)
{
	char text[TALLY_STATE_VALUE_MAX];
	struct tally_hash hash;
	uint64_t number;

	if (tally_state_clue_parse(input, &number, &hash))
		PROMISE(tally_state_clue_value(number, &hash, text) == input.size &&
			tally_bytes_is(input, text));
	if (tally_state_kv_parse(input, &number, &hash))
		PROMISE(tally_state_kv_value(number, &hash, text) == input.size &&
			tally_bytes_is(input, text));
	if (tally_state_member_parse(input, &number, &hash))
		PROMISE(tally_state_member_value(number, &hash, text) == input.size &&
			tally_bytes_is(input, text));
	if (tally_state_root_parse(input, &number, &hash))
		PROMISE(tally_state_root_value(number, &hash, text) == input.size &&
			tally_bytes_is(input, text));
}

/* The root that a proof leads to is found by folding it, so that proofs of any shape verify. */
static void fold(const struct tally_state_proof *proof, const struct tally_hash *path,
		 const struct tally_hash *value_hash, struct tally_hash *root_r)
{
	size_t used = proof->sibling_count;
	unsigned int depth = proof->depth;

	tally_state_empty(root_r);
	if (proof->end == STATE_END_LEAF)
		tally_state_leaf_hash(path, value_hash, root_r);
	else if (proof->end == STATE_END_OTHER)
		tally_state_leaf_hash(&proof->other_path, &proof->other_value, root_r);
	while (depth-- > 0) {
		struct tally_hash sibling;

		tally_state_empty(&sibling);
		if (tally_state_bit(&proof->present, depth) != 0)
			sibling = proof->siblings[--used];
		if (tally_state_bit(path, depth) == 0)
			tally_state_node_hash(root_r, &sibling, root_r);
		else
			tally_state_node_hash(&sibling, root_r, root_r);
	}
}

static void proof(struct tally_bytes input)
{
	uint8_t again[TALLY_STATE_PROOF_MAX];
	struct tally_hash path, value, root;
	struct tally_state_proof made;
	bool has, lacks;

	fuzz_take(&input, &path, sizeof(path));
	fuzz_take(&input, &value, sizeof(value));
	if (!tally_state_proof_decode(input, &made))
		return;
	PROMISE(tally_state_proof_encode(&made, again) == input.size &&
		memcmp(again, input.data, input.size) == 0);
	fold(&made, &path, &value, &root);
	has = tally_state_verify(&root, &path, &value, &made);
	lacks = tally_state_verify(&root, &path, NULL, &made);
	PROMISE(!(has && lacks) && has == (made.end == STATE_END_LEAF));
	PROMISE(lacks == (made.end == STATE_END_EMPTY ||
			  (made.end == STATE_END_OTHER &&
			   tally_state_shared(&path, &made.other_path) >= made.depth &&
			   tally_state_shared(&path, &made.other_path) < TALLY_STATE_BITS)));
	root.bytes[31] ^= 1;
	PROMISE(!tally_state_verify(&root, &path, &value, &made) &&
		!tally_state_verify(&root, &path, NULL, &made));
}

#define LEAVES 40

static void tree(struct tally_bytes input)
{
	struct tally_state_leaf leaves[LEAVES];
	struct tally_state_proof made;
	struct tally_hash root, asked;
	size_t count = 0, kept = 0;

	fuzz_take(&input, asked.bytes, sizeof(asked));
	memset(leaves, 0, sizeof(leaves));
	for (; count < LEAVES && input.size > 0; count++) {
		uint8_t style[3];

		fuzz_take(&input, style, sizeof(style));
		leaves[count].path.bytes[style[0] % TALLY_HASH_SIZE] = style[1];
		leaves[count].value_hash.bytes[0] = style[2];
	}
	tally_state_sort(leaves, count);
	for (size_t i = 0; i < count; i++)
		if (kept == 0 || tally_state_shared(&leaves[kept - 1].path, &leaves[i].path) < TALLY_STATE_BITS)
			leaves[kept++] = leaves[i];
	PROMISE(tally_state_root(leaves, kept, &root) == 0);
	if (tally_state_prove(leaves, kept, &asked, &made) != 0)
		return;		/* two keys of 255 equal bits */
	if (made.end != STATE_END_LEAF) {
		PROMISE(tally_state_verify(&root, &asked, NULL, &made));
		return;
	}
	for (size_t i = 0; i < kept; i++)
		if (tally_state_shared(&leaves[i].path, &asked) == TALLY_STATE_BITS)
			PROMISE(tally_state_verify(&root, &asked, &leaves[i].value_hash, &made));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tally_bytes input = tally_bytes(data, size);

	values(input);
	proof(input);
	tree(input);
	return 0;
}
