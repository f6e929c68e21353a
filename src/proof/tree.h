/*
 * The log tree of RFC 6962 section 2.1 (unchanged in RFC 9162): SHA-256, leaf = H(0x00 || entry),
 * node = H(0x01 || left || right), nothing padded. Pure functions; no allocation, no I/O. Sizes
 * are numbers of leaves and stay below 2^63.
 */
#ifndef TALLY_TREE_H
#define TALLY_TREE_H

#include "hash.h"

#define TALLY_TREE_MAX_PATH 63

struct tally_hash {
	uint8_t bytes[TALLY_HASH_SIZE];
};

void tally_leaf_hash(struct tally_bytes entry, struct tally_hash *hash_r);
void tally_node_hash(const struct tally_hash *left, const struct tally_hash *right,
		     struct tally_hash *hash_r);

/* The frontier: the root of the complete subtree for every 1-bit of size; all an append needs. */
struct tally_frontier {
	uint64_t size;
	struct tally_hash level[TALLY_TREE_MAX_PATH];	/* [l] is valid where bit l of size is 1 */
};

void tally_frontier_init(struct tally_frontier *frontier);
void tally_frontier_append(struct tally_frontier *frontier, const struct tally_hash *leaf);

/* The same, and gives the roots of the complete subtrees that this leaf finished: nodes_r[i] is of
 * level i + 1, 2^(i+1) leaves ending with this one. Returns how many; at most 63. */
unsigned int tally_frontier_append_nodes(struct tally_frontier *frontier,
					 const struct tally_hash *leaf,
					 struct tally_hash nodes_r[TALLY_TREE_MAX_PATH]);

/* The root of the tree so far; H("") when it is empty. */
void tally_frontier_root(const struct tally_frontier *frontier, struct tally_hash *root_r);

/* Fixed encoding: u64 size, then the hashes of the 1-bits from the highest level down. */
#define TALLY_FRONTIER_MAX (8 + TALLY_TREE_MAX_PATH * TALLY_HASH_SIZE)
size_t tally_frontier_encode(const struct tally_frontier *frontier,
			     uint8_t out[TALLY_FRONTIER_MAX]);
bool tally_frontier_decode(struct tally_frontier *frontier, struct tally_bytes in);

/*
 * Where a proof gets the root of the complete subtree of 2^level leaves that begins at leaf
 * index * 2^level. 0, or -1 when it cannot be had.
 */
typedef int tally_node_source(void *ctx, unsigned int level, uint64_t index,
			      struct tally_hash *hash_r);

/*
 * Audit path of leaf index in the tree of size leaves, leaf side first (RFC 9162 2.1.3.1).
 * Returns the number of hashes written to path_r, or -1 (index >= size, or the source failed).
 */
int tally_inclusion_prove(uint64_t index, uint64_t size, tally_node_source *source, void *ctx,
			  struct tally_hash path_r[TALLY_TREE_MAX_PATH]);

/* The root that a leaf and its audit path lead to (RFC 9162 2.1.3.2, the loop). False for a path that
 * is too long or too short. */
bool tally_inclusion_root(uint64_t index, uint64_t size, const struct tally_hash *leaf,
			  const struct tally_hash *path, size_t path_count,
			  struct tally_hash *root_r);

/* RFC 9162 2.1.3.2. Refuses a path that is too long or too short. */
bool tally_inclusion_verify(uint64_t index, uint64_t size, const struct tally_hash *leaf,
			    const struct tally_hash *path, size_t path_count,
			    const struct tally_hash *root);

/*
 * Range proof: the fewest hashes that, with the leaf hashes [first, first + count), give the root
 * of the tree of size leaves. From the leaves up; on each level the sibling to the left of the
 * range, then the one to its right, each where there is one. For one leaf it is the audit path.
 * Returns the number of hashes, or -1 (count 0, beyond size, or the source failed).
 */
#define TALLY_TREE_MAX_RANGE (2 * TALLY_TREE_MAX_PATH)
int tally_range_prove(uint64_t first, uint64_t count, uint64_t size, tally_node_source *source,
		      void *ctx, struct tally_hash proof_r[TALLY_TREE_MAX_RANGE]);

/* leaves has count hashes and is used up: it is the work space. */
bool tally_range_verify(uint64_t first, uint64_t count, uint64_t size, struct tally_hash *leaves,
			const struct tally_hash *proof, size_t proof_count,
			const struct tally_hash *root);

/* RFC 9162 2.1.4.1; returns the number of hashes (0 when old is 0 or new), or -1. */
int tally_consistency_prove(uint64_t old_size, uint64_t new_size, tally_node_source *source,
			    void *ctx, struct tally_hash proof_r[TALLY_TREE_MAX_PATH + 1]);

/* RFC 9162 2.1.4.2. */
bool tally_consistency_verify(uint64_t old_size, uint64_t new_size, const struct tally_hash *proof,
			      size_t proof_count, const struct tally_hash *old_root,
			      const struct tally_hash *new_root);

#endif
