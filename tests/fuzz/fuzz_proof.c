/*
 * Proofs from outside. Whatever sizes and hashes they claim, verifying ends and accepts nothing it
 * should not: no index beyond the size, no path longer than a tree is high, no root but the one
 * that the path leads to. A frontier that decodes encodes to the same bytes.
 */
#include "fuzz.h"
#include "tree.h"

static void frontier(struct tally_bytes input)
{
	uint8_t again[TALLY_FRONTIER_MAX];
	struct tally_frontier made;
	struct tally_hash root;
	size_t size;

	if (!tally_frontier_decode(&made, input))
		return;
	size = tally_frontier_encode(&made, again);
	PROMISE(tally_bytes_equal(tally_bytes(again, size), input));
	tally_frontier_root(&made, &root);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tally_bytes input = tally_bytes(data, size);
	struct tally_hash path[80], leaf, root;
	uint64_t index, leaves;
	uint8_t small;
	size_t count;

	frontier(input);
	fuzz_take(&input, &small, 1);
	index = fuzz_take_u64(&input) >> small % 64;	/* so that small numbers come up too */
	leaves = fuzz_take_u64(&input) >> small % 64;
	fuzz_take(&input, &leaf, sizeof(leaf));
	fuzz_take(&input, &root, sizeof(root));
	for (count = 0; count < 80 && input.size != 0; count++)
		fuzz_take(&input, &path[count], sizeof(path[count]));
	if (tally_inclusion_verify(index, leaves, &leaf, path, count, &root)) {
		PROMISE(index < leaves && leaves <= INT64_MAX && count <= TALLY_TREE_MAX_PATH);
		root.bytes[0] ^= 1;
		PROMISE(!tally_inclusion_verify(index, leaves, &leaf, path, count, &root));
		root.bytes[0] ^= 1;
	}
	if (tally_consistency_verify(index, leaves, path, count, &leaf, &root)) {
		PROMISE(index <= leaves && leaves <= INT64_MAX && count <= TALLY_TREE_MAX_PATH + 1);
		leaf.bytes[0] ^= 1;
		PROMISE(!tally_consistency_verify(index, leaves, path, count, &leaf, &root));
	}
	return 0;
}
