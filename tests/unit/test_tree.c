/*
 * The log tree: against the vectors, against a second, recursive statement of RFC 6962 written from
 * its text, and against proofs that were cut, lengthened or changed.
 */
#include "tree.h"

#include "tap.h"
#include "vectors.h"

#define SEQ_MAX 70000

/* The complete subtrees of a tree of so many leaves, level by level. */
struct nodes {
	uint64_t size;
	struct tally_hash *level[20];
	uint64_t fail_after;		/* source calls that succeed before one fails; 0: no limit */
	uint64_t calls;
};

static void nodes_build(struct nodes *nodes, const struct tally_hash *leaves, uint64_t size)
{
	unsigned int l;
	uint64_t i;

	*nodes = (struct nodes){ .size = size };
	for (l = 0; l < 20 && size >> l != 0; l++) {
		nodes->level[l] = calloc(size >> l, sizeof(struct tally_hash));
		for (i = 0; i < size >> l; i++)
			if (l == 0)
				nodes->level[0][i] = leaves[i];
			else
				tally_node_hash(&nodes->level[l - 1][2 * i],
						&nodes->level[l - 1][2 * i + 1], &nodes->level[l][i]);
	}
}

static void nodes_free(struct nodes *nodes)
{
	unsigned int l;

	for (l = 0; l < 20; l++)
		free(nodes->level[l]);
}

/* A source that has complete subtrees only, as a store does. */
static int nodes_source(void *ctx, unsigned int level, uint64_t index, struct tally_hash *hash_r)
{
	struct nodes *nodes = ctx;

	nodes->calls++;
	if (nodes->fail_after != 0 && nodes->calls > nodes->fail_after)
		return -1;
	if (level >= 20 || index >= nodes->size >> level) {
		FAIL("asked for a node that is not complete: level %u index %" PRIu64, level, index);
		return -1;
	}
	*hash_r = nodes->level[level][index];
	return 0;
}

/* ---- RFC 6962 2.1 as it is written: MTH, PATH and SUBPROOF over D[begin:end] ---- */

static uint64_t split(uint64_t n)
{
	uint64_t k = 1;

	while (2 * k < n)
		k *= 2;
	return k;
}

static struct tally_hash mth(const struct tally_hash *leaves, uint64_t begin, uint64_t end)
{
	struct tally_hash left, right, root;
	uint64_t k;

	if (end == begin) {
		tally_sha256("", 0, root.bytes);
		return root;
	}
	if (end - begin == 1)
		return leaves[begin];
	k = split(end - begin);
	left = mth(leaves, begin, begin + k);
	right = mth(leaves, begin + k, end);
	tally_node_hash(&left, &right, &root);
	return root;
}

static size_t path_of(const struct tally_hash *leaves, uint64_t m, uint64_t begin, uint64_t end,
		      struct tally_hash *path)
{
	uint64_t k;
	size_t count;

	if (end - begin == 1)
		return 0;
	k = split(end - begin);
	if (m < k) {
		count = path_of(leaves, m, begin, begin + k, path);
		path[count] = mth(leaves, begin + k, end);
	} else {
		count = path_of(leaves, m - k, begin + k, end, path);
		path[count] = mth(leaves, begin, begin + k);
	}
	return count + 1;
}

static size_t subproof(const struct tally_hash *leaves, uint64_t m, uint64_t begin, uint64_t end,
		       bool whole, struct tally_hash *proof)
{
	uint64_t n = end - begin, k;
	size_t count;

	if (m == n) {
		if (whole)
			return 0;
		proof[0] = mth(leaves, begin, end);
		return 1;
	}
	k = split(n);
	if (m <= k) {
		count = subproof(leaves, m, begin, begin + k, whole, proof);
		proof[count] = mth(leaves, begin + k, end);
	} else {
		count = subproof(leaves, m - k, begin + k, end, false, proof);
		proof[count] = mth(leaves, begin, begin + k);
	}
	return count + 1;
}

/* ---- leaves ---- */

static struct json_object *vectors;
static struct tally_hash seq[SEQ_MAX];		/* "leaf-0", "leaf-1" ... */

static void make_seq(void)
{
	char entry[32];
	int i, size;

	for (i = 0; i < SEQ_MAX; i++) {
		size = snprintf(entry, sizeof(entry), "leaf-%d", i);
		tally_leaf_hash(tally_bytes(entry, (size_t)size), &seq[i]);
	}
}

static size_t ct8_leaves(struct tally_hash leaves[8])
{
	struct json_object *list = vectors_member(vectors_member(vectors, "ct8"), "leaves_hex");
	size_t count = json_object_array_length(list), i;

	for (i = 0; i < count && i < 8; i++) {
		const char *text = json_object_get_string(json_object_array_get_idx(list, i));
		uint8_t entry[64];

		vectors_hex(text, entry, strlen(text) / 2);
		tally_leaf_hash(tally_bytes(entry, strlen(text) / 2), &leaves[i]);
	}
	return i;
}

static struct tally_hash root_of(const struct tally_hash *leaves, uint64_t size)
{
	struct tally_frontier frontier;
	struct tally_hash root;
	uint64_t i;

	tally_frontier_init(&frontier);
	for (i = 0; i < size; i++)
		tally_frontier_append(&frontier, &leaves[i]);
	tally_frontier_root(&frontier, &root);
	return root;
}

static void check_hash(const struct tally_hash *got, const char *want)
{
	char text[2 * TALLY_HASH_SIZE + 1];

	tally_hex_encode(got->bytes, TALLY_HASH_SIZE, text);
	CHECK_STR(text, want);
}

static void check_hashes(const struct tally_hash *got, int count, struct json_object *list)
{
	int i;

	CHECK_INT(count, json_object_array_length(list));
	for (i = 0; i < count && i < (int)json_object_array_length(list); i++)
		check_hash(&got[i], json_object_get_string(json_object_array_get_idx(list, (size_t)i)));
}

/* ---- the vectors ---- */

static void leaf_hashes(void)
{
	struct json_object *list = vectors_member(vectors_member(vectors, "ct8"), "leaf_hashes");
	struct tally_hash leaves[8];

	REQUIRE(ct8_leaves(leaves) == 8);
	check_hashes(leaves, 8, list);
}

static void check_roots(const char *part, const struct tally_hash *leaves)
{
	struct json_object *roots = vectors_member(vectors_member(vectors, part), "roots");
	unsigned int count = 0;

	json_object_object_foreach(roots, size, want) {
		struct tally_hash root = root_of(leaves, strtoull(size, NULL, 10));

		CASE("%s: root of %s", part, size);
		check_hash(&root, json_object_get_string(want));
		count++;
	}
	CHECK(count >= 9);
}

static void check_inclusions(const char *part, const struct tally_hash *leaves, uint64_t max)
{
	struct json_object *list = vectors_member(vectors_member(vectors, part), "inclusion");
	struct nodes nodes;
	size_t i;

	nodes_build(&nodes, leaves, max);
	for (i = 0; i < json_object_array_length(list); i++) {
		struct json_object *one = json_object_array_get_idx(list, i);
		uint64_t index = vectors_number(one, "index"), size = vectors_number(one, "size");
		struct tally_hash path[TALLY_TREE_MAX_PATH], root = root_of(leaves, size);
		int count = tally_inclusion_prove(index, size, nodes_source, &nodes, path);

		CASE("%s: path of %" PRIu64 " in %" PRIu64, part, index, size);
		REQUIRE(count >= 0);
		check_hashes(path, count, vectors_member(one, "path"));
		CHECK(tally_inclusion_verify(index, size, &leaves[index], path, (size_t)count, &root));
	}
	CHECK(i >= 5);
	nodes_free(&nodes);
}

static void check_consistencies(const char *part, const struct tally_hash *leaves, uint64_t max)
{
	struct json_object *list = vectors_member(vectors_member(vectors, part), "consistency");
	struct nodes nodes;
	size_t i;

	nodes_build(&nodes, leaves, max);
	for (i = 0; i < json_object_array_length(list); i++) {
		struct json_object *one = json_object_array_get_idx(list, i);
		uint64_t before = vectors_number(one, "old"), after = vectors_number(one, "new");
		struct tally_hash proof[TALLY_TREE_MAX_PATH + 1];
		struct tally_hash old_root = root_of(leaves, before), new_root = root_of(leaves, after);
		int count = tally_consistency_prove(before, after, nodes_source, &nodes, proof);

		CASE("%s: from %" PRIu64 " to %" PRIu64, part, before, after);
		REQUIRE(count >= 0);
		check_hashes(proof, count, vectors_member(one, "proof"));
		CHECK(tally_consistency_verify(before, after, proof, (size_t)count, &old_root, &new_root));
	}
	CHECK(i >= 4);
	nodes_free(&nodes);
}

static void roots(void)
{
	struct tally_hash leaves[8];

	REQUIRE(ct8_leaves(leaves) == 8);
	check_roots("ct8", leaves);
	check_roots("seq", seq);
}

static void inclusion_proofs(void)
{
	struct tally_hash leaves[8];

	REQUIRE(ct8_leaves(leaves) == 8);
	check_inclusions("ct8", leaves, 8);
	check_inclusions("seq", seq, SEQ_MAX);
}

static void consistency_proofs(void)
{
	struct tally_hash leaves[8];

	REQUIRE(ct8_leaves(leaves) == 8);
	check_consistencies("ct8", leaves, 8);
	check_consistencies("seq", seq, SEQ_MAX);
}

/* ---- against the RFC's recursion, for all small trees ---- */

#define SMALL 70

static void all_small_trees_as_the_rfc_says(void)
{
	struct tally_hash path[TALLY_TREE_MAX_PATH + 1], want[TALLY_TREE_MAX_PATH + 1];
	uint64_t size, index;
	struct nodes nodes;
	size_t wanted;
	int count;

	for (size = 0; size <= SMALL; size++) {
		struct tally_hash root = root_of(seq, size), again = mth(seq, 0, size);

		CASE("size %" PRIu64, size);
		CHECK_MEM(&root, &again, sizeof(root));
		nodes_build(&nodes, seq, size);
		for (index = 0; index < size; index++) {
			CASE("path of %" PRIu64 " in %" PRIu64, index, size);
			wanted = path_of(seq, index, 0, size, want);
			count = tally_inclusion_prove(index, size, nodes_source, &nodes, path);
			REQUIRE(count == (int)wanted);
			CHECK_MEM(path, want, wanted * sizeof(want[0]));
			CHECK(tally_inclusion_verify(index, size, &seq[index], path, wanted, &root));
		}
		for (index = 1; index <= size; index++) {
			struct tally_hash old_root = mth(seq, 0, index);

			CASE("from %" PRIu64 " to %" PRIu64, index, size);
			wanted = subproof(seq, index, 0, size, true, want);
			count = tally_consistency_prove(index, size, nodes_source, &nodes, path);
			REQUIRE(count == (int)wanted);
			CHECK_MEM(path, want, wanted * sizeof(want[0]));
			CHECK(tally_consistency_verify(index, size, path, wanted, &old_root, &root));
		}
		nodes_free(&nodes);
	}
}

/* ---- what must be refused ---- */

/* ---- ranges ---- */

/*
 * Every range of every small tree: it verifies; of one leaf it is the audit path; no hash too many
 * or too few, changed hash, changed leaf, other place or other size passes; and none could be left
 * out, for each is the root of a subtree with no leaf of the range in it.
 */
#define RANGED 20

static bool range_holds(uint64_t first, uint64_t count, uint64_t size,
			const struct tally_hash *leaves, const struct tally_hash *proof,
			size_t proof_count, const struct tally_hash *root)
{
	struct tally_hash work[RANGED + 1];

	memcpy(work, leaves, count * sizeof(*leaves));
	return tally_range_verify(first, count, size, work, proof, proof_count, root);
}

static void refused_ranges(uint64_t first, uint64_t count, uint64_t size,
			   struct tally_hash *proof, size_t proof_count,
			   const struct tally_hash *root)
{
	struct tally_hash leaves[RANGED + 1];
	size_t i;

	memcpy(leaves, seq + first, (count + 1) * sizeof(*seq));
	for (i = 0; i < proof_count; i++) {
		proof[i].bytes[i % 32] ^= 1;
		CHECK(!range_holds(first, count, size, leaves, proof, proof_count, root));
		proof[i].bytes[i % 32] ^= 1;
	}
	for (i = 0; i < count; i++) {
		leaves[i].bytes[7] ^= 0x80;
		CHECK(!range_holds(first, count, size, leaves, proof, proof_count, root));
		leaves[i].bytes[7] ^= 0x80;
	}
	proof[proof_count] = seq[0];
	CHECK(!range_holds(first, count, size, leaves, proof, proof_count + 1, root));
	if (proof_count > 0)
		CHECK(!range_holds(first, count, size, leaves, proof, proof_count - 1, root));
	CHECK(!range_holds(first, count + 1, size, leaves, proof, proof_count, root));
	if (count > 1)
		CHECK(!range_holds(first, count - 1, size, leaves, proof, proof_count, root));
	CHECK(!range_holds(first + size, count, size, leaves, proof, proof_count, root));
	CHECK(!range_holds(first, 0, size, leaves, proof, proof_count, root));
	CHECK(!range_holds(first, count, 0, leaves, proof, proof_count, root));
}

static void ranges(void)
{
	struct tally_hash proof[TALLY_TREE_MAX_RANGE + 1], path[TALLY_TREE_MAX_PATH];
	uint64_t size, first, count;
	struct nodes nodes;
	int hashes;

	for (size = 1; size <= RANGED; size++) {
		struct tally_hash root = mth(seq, 0, size);

		nodes_build(&nodes, seq, size);
		for (first = 0; first < size; first++)
			for (count = 1; count <= size - first; count++) {
				CASE("%" PRIu64 " from %" PRIu64 " in %" PRIu64, count, first, size);
				hashes = tally_range_prove(first, count, size, nodes_source, &nodes,
							   proof);
				REQUIRE(hashes >= 0);
				CHECK(range_holds(first, count, size, seq + first, proof,
						  (size_t)hashes, &root));
				refused_ranges(first, count, size, proof, (size_t)hashes, &root);
				if (count == size)
					CHECK_INT(hashes, 0);
				if (count > 1)
					continue;
				CHECK_INT(tally_inclusion_prove(first, size, nodes_source, &nodes,
								path), hashes);
				CHECK_MEM(path, proof, (size_t)hashes * sizeof(*path));
			}
		CHECK_INT(tally_range_prove(0, 0, size, nodes_source, &nodes, proof), -1);
		CHECK_INT(tally_range_prove(0, size + 1, size, nodes_source, &nodes, proof), -1);
		CHECK_INT(tally_range_prove(size, 1, size, nodes_source, &nodes, proof), -1);
		CHECK_INT(tally_range_prove(1, UINT64_MAX, size, nodes_source, &nodes, proof), -1);
		nodes_free(&nodes);
	}
	CHECK_INT(tally_range_prove(0, 1, 0, nodes_source, &nodes, proof), -1);
}

static void wrong_inclusion_proofs(void)
{
	struct tally_hash path[TALLY_TREE_MAX_PATH + 1], changed;
	uint64_t size, index, other;
	struct nodes nodes;
	int count, i;

	for (size = 1; size <= 20; size++) {
		struct tally_hash root = root_of(seq, size);

		nodes_build(&nodes, seq, size);
		for (index = 0; index < size; index++) {
			count = tally_inclusion_prove(index, size, nodes_source, &nodes, path);
			REQUIRE(count >= 0);
			path[count] = root;
			CASE("%" PRIu64 " in %" PRIu64, index, size);
			CHECK(!tally_inclusion_verify(index, size, &seq[index], path, (size_t)count + 1,
						      &root));
			if (count > 0) {
				CHECK(!tally_inclusion_verify(index, size, &seq[index], path,
							      (size_t)count - 1, &root));
				CHECK(!tally_inclusion_verify(index, size, &seq[index], path + 1,
							      (size_t)count - 1, &root));
			}
			for (other = 0; other < size + 3; other++)
				CHECK_INT(tally_inclusion_verify(other, size, &seq[index], path,
								 (size_t)count, &root), other == index);
			CHECK(!tally_inclusion_verify(index, size, &seq[index + 1], path, (size_t)count,
						      &root));
			for (i = 0; i < count; i++) {
				path[i].bytes[i % 32] ^= 1;
				CHECK(!tally_inclusion_verify(index, size, &seq[index], path,
							      (size_t)count, &root));
				path[i].bytes[i % 32] ^= 1;
			}
			changed = root;
			changed.bytes[31] ^= 0x80;
			CHECK(!tally_inclusion_verify(index, size, &seq[index], path, (size_t)count,
						      &changed));
		}
		nodes_free(&nodes);
	}
	CASE("an empty tree");
	CHECK(!tally_inclusion_verify(0, 0, &seq[0], path, 0, &seq[0]));
	CASE("a tree too large");
	CHECK(!tally_inclusion_verify(0, (uint64_t)1 << 63, &seq[0], path, 0, &seq[0]));
}

static void wrong_consistency_proofs(void)
{
	struct tally_hash proof[TALLY_TREE_MAX_PATH + 2], changed;
	uint64_t before, after;
	struct nodes nodes;
	int count, i;

	for (after = 1; after <= 20; after++) {
		struct tally_hash new_root = root_of(seq, after);

		nodes_build(&nodes, seq, after);
		for (before = 1; before <= after; before++) {
			struct tally_hash old_root = root_of(seq, before);

			count = tally_consistency_prove(before, after, nodes_source, &nodes, proof);
			REQUIRE(count >= 0);
			proof[count] = new_root;
			CASE("from %" PRIu64 " to %" PRIu64, before, after);
			CHECK(!tally_consistency_verify(before, after, proof, (size_t)count + 1, &old_root,
							&new_root));
			if (count > 0) {
				CHECK(!tally_consistency_verify(before, after, proof, (size_t)count - 1,
								&old_root, &new_root));
				CHECK(!tally_consistency_verify(before, after, proof, 0, &old_root,
								&new_root));
				CHECK(!tally_consistency_verify(before, after, proof + 1,
								(size_t)count - 1, &old_root, &new_root));
			}
			for (i = 0; i < count; i++) {
				proof[i].bytes[i % 32] ^= 1;
				CHECK(!tally_consistency_verify(before, after, proof, (size_t)count,
								&old_root, &new_root));
				proof[i].bytes[i % 32] ^= 1;
			}
			changed = old_root;
			changed.bytes[0] ^= 1;
			CHECK(!tally_consistency_verify(before, after, proof, (size_t)count, &changed,
							&new_root));
			changed = new_root;
			changed.bytes[0] ^= 1;
			CHECK(!tally_consistency_verify(before, after, proof, (size_t)count, &old_root,
							&changed));
			if (before != after)
				CHECK(!tally_consistency_verify(after, before, proof, (size_t)count,
								&new_root, &old_root));
		}
		nodes_free(&nodes);
	}
}

static void consistency_with_the_empty_tree(void)
{
	struct tally_hash empty = root_of(seq, 0), seven = root_of(seq, 7);
	struct tally_hash proof[TALLY_TREE_MAX_PATH + 1];
	struct nodes nodes;

	nodes_build(&nodes, seq, 7);
	CHECK_INT(tally_consistency_prove(0, 7, nodes_source, &nodes, proof), 0);
	CHECK_INT(nodes.calls, 0);
	nodes_free(&nodes);
	CHECK(tally_consistency_verify(0, 7, NULL, 0, &empty, &seven));
	CHECK(tally_consistency_verify(0, 0, NULL, 0, &empty, &empty));
	CHECK(!tally_consistency_verify(0, 0, NULL, 0, &empty, &seven));
	CHECK(!tally_consistency_verify(0, 7, NULL, 0, &seven, &seven));
	CHECK(!tally_consistency_verify(0, 7, &seven, 1, &empty, &seven));
}

static void proving_what_is_not_there(void)
{
	struct tally_hash proof[TALLY_TREE_MAX_PATH + 1];
	struct nodes nodes;
	uint64_t calls, fail;

	nodes_build(&nodes, seq, 13);
	CHECK_INT(tally_inclusion_prove(13, 13, nodes_source, &nodes, proof), -1);
	CHECK_INT(tally_inclusion_prove(0, 0, nodes_source, &nodes, proof), -1);
	CHECK_INT(tally_inclusion_prove(0, UINT64_MAX, nodes_source, &nodes, proof), -1);
	CHECK_INT(tally_consistency_prove(14, 13, nodes_source, &nodes, proof), -1);
	CHECK_INT(tally_consistency_prove(1, UINT64_MAX, nodes_source, &nodes, proof), -1);
	CHECK_INT(nodes.calls, 0);
	REQUIRE(tally_inclusion_prove(3, 13, nodes_source, &nodes, proof) == 4);
	calls = nodes.calls;
	CHECK_INT(calls, 5);	/* three siblings; the rest of the tree is a four and a one */
	for (fail = 1; fail < calls; fail++) {
		nodes.calls = 0;
		nodes.fail_after = fail;
		CASE("source fails after %" PRIu64, fail);
		CHECK_INT(tally_inclusion_prove(3, 13, nodes_source, &nodes, proof), -1);
		nodes.calls = 0;
		CHECK_INT(tally_consistency_prove(3, 13, nodes_source, &nodes, proof), -1);
	}
	nodes_free(&nodes);
}

/* ---- large sizes: no tree of 2^62 leaves fits anywhere, so all its subtrees are made alike ---- */

static int alike_source(void *ctx, unsigned int level, uint64_t index, struct tally_hash *hash_r)
{
	(void)index;
	*hash_r = ((const struct tally_hash *)ctx)[level];
	return 0;
}

static void huge_trees(void)
{
	static const uint64_t sizes[] = {
		(uint64_t)1 << 62, ((uint64_t)1 << 62) + 1, INT64_MAX, INT64_MAX - 1, 0x5555555555555555
	};
	struct tally_hash alike[64], path[TALLY_TREE_MAX_PATH + 1];
	struct tally_frontier frontier;
	size_t i, k;

	alike[0] = seq[0];
	for (i = 1; i < 64; i++)
		tally_node_hash(&alike[i - 1], &alike[i - 1], &alike[i]);
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		const uint64_t indexes[] = { 0, 1, sizes[i] / 2, sizes[i] / 3, sizes[i] - 2, sizes[i] - 1 };
		struct tally_hash root, old_root;
		int count;

		frontier.size = sizes[i];
		memcpy(frontier.level, alike, sizeof(frontier.level));
		tally_frontier_root(&frontier, &root);
		for (k = 0; k < sizeof(indexes) / sizeof(indexes[0]); k++) {
			CASE("%" PRIu64 " of %" PRIu64, indexes[k], sizes[i]);
			count = tally_inclusion_prove(indexes[k], sizes[i], alike_source, alike, path);
			REQUIRE(count >= 0 && count <= TALLY_TREE_MAX_PATH);
			CHECK(tally_inclusion_verify(indexes[k], sizes[i], &alike[0], path, (size_t)count,
						     &root));
			frontier.size = indexes[k];
			tally_frontier_root(&frontier, &old_root);
			count = tally_consistency_prove(indexes[k], sizes[i], alike_source, alike, path);
			REQUIRE(count >= 0 && count <= TALLY_TREE_MAX_PATH + 1);
			CHECK(tally_consistency_verify(indexes[k], sizes[i], path, (size_t)count,
						       &old_root, &root));
		}
	}
}

/* ---- the frontier's encoding ---- */

static void frontier_encoding(void)
{
	static const uint64_t sizes[] = { 0, 1, 2, 3, 255, 256, 257, 70000 };
	uint8_t bytes[TALLY_FRONTIER_MAX];
	struct tally_frontier frontier, back;
	struct tally_hash root, again;
	size_t i, size, cut;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		tally_frontier_init(&frontier);
		while (frontier.size < sizes[i])
			tally_frontier_append(&frontier, &seq[frontier.size]);
		CASE("size %" PRIu64, sizes[i]);
		size = tally_frontier_encode(&frontier, bytes);
		CHECK_INT(size, 8 + 32 * __builtin_popcountll(sizes[i]));
		CHECK(tally_get_u64(bytes) == sizes[i]);
		REQUIRE(tally_frontier_decode(&back, tally_bytes(bytes, size)));
		tally_frontier_root(&frontier, &root);
		tally_frontier_root(&back, &again);
		CHECK_MEM(&again, &root, sizeof(root));
		/* both go on alike */
		tally_frontier_append(&frontier, &seq[5]);
		tally_frontier_append(&back, &seq[5]);
		tally_frontier_root(&frontier, &root);
		tally_frontier_root(&back, &again);
		CHECK_MEM(&again, &root, sizeof(root));
		for (cut = 0; cut < size; cut++)
			CHECK(!tally_frontier_decode(&back, tally_bytes(bytes, cut)));
		CHECK(!tally_frontier_decode(&back, tally_bytes(bytes, size + 1)));
	}
	/* the highest level comes first */
	tally_frontier_init(&frontier);
	for (i = 0; i < 3; i++)
		tally_frontier_append(&frontier, &seq[i]);
	tally_frontier_encode(&frontier, bytes);
	CHECK_MEM(bytes + 8 + 32, &seq[2], 32);
	/* 2^63 leaves and more do not exist */
	memset(bytes, 0, sizeof(bytes));
	bytes[0] = 0x80;
	CHECK(!tally_frontier_decode(&back, tally_bytes(bytes, 8 + 32)));
	tally_put_u64(bytes, INT64_MAX);
	CHECK(tally_frontier_decode(&back, tally_bytes(bytes, TALLY_FRONTIER_MAX)));
}

int main(void)
{
	vectors = vectors_load("transparency-log-vectors.json");
	make_seq();
	TEST(leaf_hashes);
	TEST(roots);
	TEST(inclusion_proofs);
	TEST(consistency_proofs);
	TEST(all_small_trees_as_the_rfc_says);
	TEST(ranges);
	TEST(wrong_inclusion_proofs);
	TEST(wrong_consistency_proofs);
	TEST(consistency_with_the_empty_tree);
	TEST(proving_what_is_not_there);
	TEST(huge_trees);
	TEST(frontier_encoding);
	json_object_put(vectors);
	return tap_done();
}
