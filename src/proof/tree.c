/*
 * The log tree. Nothing here recurses: the path from a leaf to the root is the binary digits of the
 * leaf's index, and the complete subtrees that make up any tree are those of its size.
 */
#include "tree.h"

#include <assert.h>

#define TREE_SIZE_MAX ((uint64_t)INT64_MAX)

void tally_leaf_hash(struct tally_bytes entry, struct tally_hash *hash_r)
{
	struct tally_sha256 sha;

	tally_sha256_init(&sha);
	tally_sha256_add(&sha, "\x00", 1);
	tally_sha256_add(&sha, entry.data, entry.size);
	tally_sha256_end(&sha, hash_r->bytes);
}

void tally_node_hash(const struct tally_hash *left, const struct tally_hash *right,
		     struct tally_hash *hash_r)
{
	tally_sha256_pair(1, left->bytes, right->bytes, hash_r->bytes);
}

static bool hash_equal(const struct tally_hash *a, const struct tally_hash *b)
{
	return memcmp(a->bytes, b->bytes, TALLY_HASH_SIZE) == 0;
}

/* ---- the frontier ---- */

void tally_frontier_init(struct tally_frontier *frontier)
{
	frontier->size = 0;
}

/* As adding 1 to a binary number: each 1-bit at the low end is a subtree that the carry swallows. */
unsigned int tally_frontier_append_nodes(struct tally_frontier *frontier,
					 const struct tally_hash *leaf,
					 struct tally_hash nodes_r[TALLY_TREE_MAX_PATH])
{
	const struct tally_hash *carry = leaf;
	unsigned int level;

	assert(frontier->size < TREE_SIZE_MAX);
	for (level = 0; (frontier->size >> level & 1) != 0; level++) {
		tally_node_hash(&frontier->level[level], carry, &nodes_r[level]);
		carry = &nodes_r[level];
	}
	frontier->level[level] = *carry;
	frontier->size++;
	return level;
}

void tally_frontier_append(struct tally_frontier *frontier, const struct tally_hash *leaf)
{
	struct tally_hash nodes[TALLY_TREE_MAX_PATH];

	tally_frontier_append_nodes(frontier, leaf, nodes);
}

void tally_frontier_root(const struct tally_frontier *frontier, struct tally_hash *root_r)
{
	bool any = false;
	unsigned int level;

	if (frontier->size == 0) {
		tally_sha256(NULL, 0, root_r->bytes);
		return;
	}
	for (level = 0; level < TALLY_TREE_MAX_PATH; level++) {
		if ((frontier->size >> level & 1) == 0)
			continue;
		if (any)
			tally_node_hash(&frontier->level[level], root_r, root_r);
		else
			*root_r = frontier->level[level];
		any = true;
	}
}

size_t tally_frontier_encode(const struct tally_frontier *frontier, uint8_t out[TALLY_FRONTIER_MAX])
{
	uint8_t *p = out + 8;
	unsigned int level;

	tally_put_u64(out, frontier->size);
	for (level = TALLY_TREE_MAX_PATH; level-- > 0; ) {
		if ((frontier->size >> level & 1) == 0)
			continue;
		memcpy(p, frontier->level[level].bytes, TALLY_HASH_SIZE);
		p += TALLY_HASH_SIZE;
	}
	return (size_t)(p - out);
}

bool tally_frontier_decode(struct tally_frontier *frontier, struct tally_bytes in)
{
	const uint8_t *p;
	unsigned int level;
	uint64_t size;

	if (in.size < 8)
		return false;
	size = tally_get_u64(in.data);
	if (size > TREE_SIZE_MAX ||
	    in.size != 8 + (size_t)__builtin_popcountll(size) * TALLY_HASH_SIZE)
		return false;
	frontier->size = size;
	p = in.data + 8;
	for (level = TALLY_TREE_MAX_PATH; level-- > 0; ) {
		if ((size >> level & 1) == 0)
			continue;
		memcpy(frontier->level[level].bytes, p, TALLY_HASH_SIZE);
		p += TALLY_HASH_SIZE;
	}
	return true;
}

/* ---- making proofs ---- */

struct prover {
	tally_node_source *source;
	void *ctx;
	uint64_t size;			/* leaves of the tree */
	struct tally_hash *out;
	int count;
};

/*
 * Appends the root of the subtree number index of its level. Where the tree ends inside that
 * subtree, it is put together from the complete ones in it, the smallest and rightmost first.
 */
static int prover_add(struct prover *prover, unsigned int level, uint64_t index)
{
	struct tally_hash *root = &prover->out[prover->count], left;
	uint64_t begin = index << level, leaves = prover->size - begin;
	unsigned int l;

	if (leaves >> level != 0) {
		prover->count++;
		return prover->source(prover->ctx, level, index, root);
	}
	l = (unsigned int)__builtin_ctzll(leaves);
	if (prover->source(prover->ctx, l, (prover->size >> l) - 1, root) < 0)
		return -1;
	for (l++; leaves >> l != 0; l++) {
		if ((leaves >> l & 1) == 0)
			continue;
		if (prover->source(prover->ctx, l, (prover->size >> l) - 1, &left) < 0)
			return -1;
		tally_node_hash(&left, root, root);
	}
	prover->count++;
	return 0;
}

/* The siblings from the subtree number index of its level up to the root. */
static int prover_climb(struct prover *prover, unsigned int level, uint64_t index)
{
	uint64_t last = (prover->size - 1) >> level;

	for (; last != 0; level++, index >>= 1, last >>= 1) {
		if ((index & 1) != 0) {
			if (prover_add(prover, level, index - 1) < 0)
				return -1;
		} else if (index < last) {
			if (prover_add(prover, level, index + 1) < 0)
				return -1;
		}
	}
	return 0;
}

int tally_inclusion_prove(uint64_t index, uint64_t size, tally_node_source *source, void *ctx,
			  struct tally_hash path_r[TALLY_TREE_MAX_PATH])
{
	struct prover prover = { .source = source, .ctx = ctx, .size = size, .out = path_r };

	if (index >= size || size > TREE_SIZE_MAX || prover_climb(&prover, 0, index) < 0)
		return -1;
	return prover.count;
}

/* As prover_climb, with two edges. The edges may meet; then it is a path. */
int tally_range_prove(uint64_t first, uint64_t count, uint64_t size, tally_node_source *source,
		      void *ctx, struct tally_hash proof_r[TALLY_TREE_MAX_RANGE])
{
	struct prover prover = { .source = source, .ctx = ctx, .size = size, .out = proof_r };
	uint64_t low = first, high = first + count - 1, last = size - 1;
	unsigned int level;

	if (count == 0 || size > TREE_SIZE_MAX || first >= size || count > size - first)
		return -1;
	for (level = 0; last != 0; level++, low >>= 1, high >>= 1, last >>= 1) {
		if ((low & 1) != 0 && prover_add(&prover, level, low - 1) < 0)
			return -1;
		if ((high & 1) == 0 && high < last && prover_add(&prover, level, high + 1) < 0)
			return -1;
	}
	return prover.count;
}

/*
 * The smallest complete subtree at the old tree's right edge is where both trees part: its root
 * (left out where it is the whole old tree), then its path in the new tree.
 */
int tally_consistency_prove(uint64_t old_size, uint64_t new_size, tally_node_source *source,
			    void *ctx, struct tally_hash proof_r[TALLY_TREE_MAX_PATH + 1])
{
	struct prover prover = { .source = source, .ctx = ctx, .size = new_size, .out = proof_r };
	unsigned int level;
	uint64_t index;

	if (old_size > new_size || new_size > TREE_SIZE_MAX)
		return -1;
	if (old_size == 0 || old_size == new_size)
		return 0;
	level = (unsigned int)__builtin_ctzll(old_size);
	index = (old_size >> level) - 1;
	if (index != 0 && prover_add(&prover, level, index) < 0)
		return -1;
	if (prover_climb(&prover, level, index) < 0)
		return -1;
	return prover.count;
}

/* ---- verifying ---- */

bool tally_inclusion_root(uint64_t index, uint64_t size, const struct tally_hash *leaf,
			  const struct tally_hash *path, size_t path_count,
			  struct tally_hash *root_r)
{
	struct tally_hash hash = *leaf;
	uint64_t last = size - 1;
	size_t i;

	if (index >= size || size > TREE_SIZE_MAX)
		return false;
	for (i = 0; i < path_count; i++) {
		if (last == 0)
			return false;
		if ((index & 1) != 0 || index == last) {
			tally_node_hash(&path[i], &hash, &hash);
			while ((index & 1) == 0) {	/* ends: index == last != 0 here */
				index >>= 1;
				last >>= 1;
			}
		} else {
			tally_node_hash(&hash, &path[i], &hash);
		}
		index >>= 1;
		last >>= 1;
	}
	*root_r = hash;
	return last == 0;
}

bool tally_inclusion_verify(uint64_t index, uint64_t size, const struct tally_hash *leaf,
			    const struct tally_hash *path, size_t path_count,
			    const struct tally_hash *root)
{
	struct tally_hash made;

	return tally_inclusion_root(index, size, leaf, path, path_count, &made) &&
	       hash_equal(&made, root);
}

/* One level up, in place: pairs of hashes, those at the edges with their siblings outside. */
static uint64_t range_pair(struct tally_hash *hashes, uint64_t count, const struct tally_hash *left,
			   const struct tally_hash *right)
{
	uint64_t in = 0, out = 0;

	if (left != NULL)
		tally_node_hash(left, &hashes[in++], &hashes[out++]);
	for (; in + 1 < count; in += 2)
		tally_node_hash(&hashes[in], &hashes[in + 1], &hashes[out++]);
	if (in < count && right != NULL)
		tally_node_hash(&hashes[in], right, &hashes[out++]);
	else if (in < count)
		hashes[out++] = hashes[in];	/* at the tree's right edge: carried up */
	return out;
}

bool tally_range_verify(uint64_t first, uint64_t count, uint64_t size, struct tally_hash *leaves,
			const struct tally_hash *proof, size_t proof_count,
			const struct tally_hash *root)
{
	uint64_t low = first, high = first + count - 1, last = size - 1;
	const struct tally_hash *left, *right;
	size_t used = 0;

	if (count == 0 || size > TREE_SIZE_MAX || first >= size || count > size - first)
		return false;
	for (; last != 0; low >>= 1, high >>= 1, last >>= 1) {
		left = right = NULL;
		if ((low & 1) != 0) {
			if (used == proof_count)
				return false;
			left = &proof[used++];
		}
		if ((high & 1) == 0 && high < last) {
			if (used == proof_count)
				return false;
			right = &proof[used++];
		}
		count = range_pair(leaves, count, left, right);
	}
	return used == proof_count && hash_equal(&leaves[0], root);
}

/* Both roots from the proof's first hash on; RFC 9162 2.1.4.2 steps 3 to 6. */
static bool consistency_climb(uint64_t index, uint64_t last, const struct tally_hash *first,
			      const struct tally_hash *proof, size_t proof_count,
			      struct tally_hash *old_r, struct tally_hash *new_r)
{
	size_t i;

	*old_r = *new_r = *first;
	for (i = 0; i < proof_count; i++) {
		if (last == 0)
			return false;
		if ((index & 1) != 0 || index == last) {
			tally_node_hash(&proof[i], old_r, old_r);
			tally_node_hash(&proof[i], new_r, new_r);
			while ((index & 1) == 0) {	/* ends: index == last != 0 here */
				index >>= 1;
				last >>= 1;
			}
		} else {
			tally_node_hash(new_r, &proof[i], new_r);
		}
		index >>= 1;
		last >>= 1;
	}
	return last == 0;
}

bool tally_consistency_verify(uint64_t old_size, uint64_t new_size, const struct tally_hash *proof,
			      size_t proof_count, const struct tally_hash *old_root,
			      const struct tally_hash *new_root)
{
	struct tally_hash old_made, new_made, empty;
	const struct tally_hash *first = old_root;
	unsigned int level;

	if (old_size > new_size || new_size > TREE_SIZE_MAX)
		return false;
	if (old_size == 0) {
		tally_sha256(NULL, 0, empty.bytes);
		return proof_count == 0 && hash_equal(old_root, &empty) &&
		       (new_size != 0 || hash_equal(new_root, &empty));
	}
	if (old_size == new_size)
		return proof_count == 0 && hash_equal(old_root, new_root);
	if (proof_count == 0)
		return false;
	if ((old_size & (old_size - 1)) != 0) {
		first = proof++;
		proof_count--;
	}
	level = (unsigned int)__builtin_ctzll(old_size);
	if (!consistency_climb((old_size - 1) >> level, (new_size - 1) >> level, first, proof,
			       proof_count, &old_made, &new_made))
		return false;
	return hash_equal(&old_made, old_root) && hash_equal(&new_made, new_root);
}
