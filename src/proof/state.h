/*
 * The state tree: what a ledger says now of each clue, key and member, under one hash. A compact
 * sparse Merkle tree over SHA-256 of the key; doc/formats.md, "State tree", is its full statement.
 * Pure functions; no allocation, no I/O.
 *
 *	path		SHA-256 of the key text: "clue:" || clue, "kv:" || key, "member:" || member id
 *	bit i		of a path: bit 7 - i % 8 of byte i / 8; 0 goes left
 *	leaf hash	SHA-256(0x02 || path || value hash), value hash = SHA-256(value)
 *	node hash	SHA-256(0x03 || left || right)
 *	empty		32 zero bytes
 *
 * A subtree with no leaf is empty. A subtree with exactly one leaf IS that leaf's hash, at whatever
 * depth the leaf is alone. A subtree with two or more leaves is a node, also where all of them are on
 * one side; the other side is empty then. The root is the subtree of depth 0.
 *
 * For a root and a path there is one answer: walking down along the path's bits, each node hash
 * names its two children, and the walk ends at the first leaf or at an empty subtree. So no root,
 * however it was made, has two answers for one key that both verify.
 */
#ifndef TALLY_STATE_H
#define TALLY_STATE_H

#include "tree.h"

#define TALLY_STATE_BITS 256		/* of a path */
#define TALLY_STATE_DEPTH_MAX 255	/* levels of a proof; two keys that share 255 bits are not known */

/* ---- keys ---- */

enum tally_state_kind { STATE_CLUE, STATE_KV, STATE_MEMBER };

void tally_state_path(enum tally_state_kind kind, struct tally_bytes key, struct tally_hash *path_r);

/* Bit number bit of a path, 0 to 255: 0 is left. */
static inline unsigned int tally_state_bit(const struct tally_hash *path, unsigned int bit)
{
	return path->bytes[bit / 8] >> (7 - bit % 8) & 1;
}

/* How many leading bits two paths share; 256 for one and the same. */
unsigned int tally_state_shared(const struct tally_hash *a, const struct tally_hash *b);

/* ---- values: canonical JSON (RFC 8785), ended by a NUL; each returns its length ---- */

#define TALLY_STATE_VALUE_MAX 160

/* {"count":N,"root":"<hex>"}: the journals of a clue, and the root of the RFC 6962 tree over their
 * JournalHashes in order. Each JournalHash is a leaf hash of that tree as it is. count < 2^53. */
size_t tally_state_clue_value(uint64_t count, const struct tally_hash *root,
			      char text[TALLY_STATE_VALUE_MAX]);

/* {"journalHash":"<hex>","journalId":N}: the KV_SET journal that the key's value is from. */
size_t tally_state_kv_value(uint64_t journal_id, const struct tally_hash *journal_hash,
			    char text[TALLY_STATE_VALUE_MAX]);

/* {"journalId":N,"recordHash":"<hex>"}: the last journal about a member, and SHA-256 of the member's
 * canonical JSON after it. */
size_t tally_state_member_value(uint64_t journal_id, const struct tally_hash *record_hash,
				char text[TALLY_STATE_VALUE_MAX]);

/* {"size":N,"stateRoot":"<hex>"}: the data of a STATE_ROOT journal, the root of the state tree as of
 * the ledger's first N journals. */
size_t tally_state_root_value(uint64_t size, const struct tally_hash *state_root,
			      char text[TALLY_STATE_VALUE_MAX]);

/* The reverse; false for anything that those would not write. */
bool tally_state_clue_parse(struct tally_bytes value, uint64_t *count_r, struct tally_hash *root_r);
bool tally_state_kv_parse(struct tally_bytes value, uint64_t *journal_id_r,
			  struct tally_hash *journal_hash_r);
bool tally_state_member_parse(struct tally_bytes value, uint64_t *journal_id_r,
			      struct tally_hash *record_hash_r);
bool tally_state_root_parse(struct tally_bytes data, uint64_t *size_r,
			    struct tally_hash *state_root_r);

/* SHA-256 of the value. */
void tally_state_value_hash(struct tally_bytes value, struct tally_hash *hash_r);

/* ---- hashes ---- */

void tally_state_leaf_hash(const struct tally_hash *path, const struct tally_hash *value_hash,
			   struct tally_hash *hash_r);

/* hash_r may be left or right. Not for two empty ones: that is an empty subtree, no node. */
void tally_state_node_hash(const struct tally_hash *left, const struct tally_hash *right,
			   struct tally_hash *hash_r);

static inline void tally_state_empty(struct tally_hash *hash_r)
{
	memset(hash_r, 0, sizeof(*hash_r));
}

bool tally_state_is_empty(const struct tally_hash *hash);

/*
 * Lifts a subtree that is a node (two or more leaves) from one depth to a smaller one along path,
 * with empty siblings: one hash for each level. A leaf is not lifted; it is the same at all depths.
 */
void tally_state_lift(const struct tally_hash *path, unsigned int from, unsigned int to,
		      struct tally_hash *hash);

/* ---- proofs ---- */

enum tally_state_end {
	STATE_END_LEAF = 0,		/* the key's own leaf: it has a value */
	STATE_END_EMPTY = 1,		/* an empty subtree: the key has none */
	STATE_END_OTHER = 2		/* the leaf of another key, alone there: the key has none */
};

/*
 * The siblings along a path from the root down to where it ends. Sibling i, 0 <= i < depth, is the
 * subtree of depth i + 1 beside the path; present has bit i (numbered as a path's) where it is not
 * empty, and siblings holds those alone, in that order.
 */
struct tally_state_proof {
	unsigned int depth;		/* 0 to TALLY_STATE_DEPTH_MAX */
	enum tally_state_end end;
	struct tally_hash present;
	struct tally_hash siblings[TALLY_STATE_DEPTH_MAX];
	size_t sibling_count;
	struct tally_hash other_path;	/* of STATE_END_OTHER: the other leaf */
	struct tally_hash other_value;	/* its value hash */
};

/* For provers: an empty proof, then one call for each level from the root down, then the end. */
void tally_state_proof_init(struct tally_state_proof *proof);
/* False where the proof is full. sibling may be empty, and NULL for empty. */
bool tally_state_proof_add(struct tally_state_proof *proof, const struct tally_hash *sibling);
void tally_state_proof_end(struct tally_state_proof *proof, enum tally_state_end end,
			   const struct tally_hash *other_path, const struct tally_hash *other_value);

/*
 * Does the tree of this root have this value under the path (value_hash given), or none (NULL)?
 * Each answer has one proof; whatever else could be written is refused:
 *
 * - a depth above 255, a bit of present at depth or beyond, a number of siblings that is not that of
 *   its bits, a sibling that is 32 zero bytes (an empty one is written as bit 0);
 * - depth > 0 and the deepest sibling empty: what the path ends at would have been alone, or would
 *   have been empty, one level higher;
 * - STATE_END_OTHER with the key's own path, or with one that does not share its first depth bits;
 * - STATE_END_LEAF for absence, another end for a value.
 *
 * That an empty end has a node and not a single leaf beside it cannot be seen from the hash; a root
 * over such a tree is not the root of any set of leaves, and whoever replays the log finds it.
 */
bool tally_state_verify(const struct tally_hash *root, const struct tally_hash *path,
			const struct tally_hash *value_hash, const struct tally_state_proof *proof);

/*
 * Encoding: u8 version 1, u8 end, u8 depth, ceil(depth / 8) bytes of present, then the siblings (32
 * each), then for STATE_END_OTHER path and value hash (64). The length; out must have room for
 * TALLY_STATE_PROOF_MAX bytes. The proof is one that was made here.
 */
#define TALLY_STATE_PROOF_MAX (3 + 32 + (TALLY_STATE_DEPTH_MAX + 2) * TALLY_HASH_SIZE)
size_t tally_state_proof_encode(const struct tally_state_proof *proof,
				uint8_t out[TALLY_STATE_PROOF_MAX]);

/* Strict: refuses all that tally_state_verify would refuse without knowing root and path, other
 * versions, and bytes that are missing or left over. */
bool tally_state_proof_decode(struct tally_bytes in, struct tally_state_proof *proof_r);

/* ---- a whole tree from its leaves, for tests and auditors ---- */

struct tally_state_leaf {
	struct tally_hash path;
	struct tally_hash value_hash;
};

/* Sorts by path, in place. */
void tally_state_sort(struct tally_state_leaf *leaves, size_t count);

/* The root. leaves ascend strictly by path: else -1, and nothing is said of the root. */
int tally_state_root(const struct tally_state_leaf *leaves, size_t count, struct tally_hash *root_r);

/* The proof for a path, of its value or of its absence. -1 where the leaves do not ascend strictly,
 * or would need a proof deeper than 255. Hashes the whole tree. */
int tally_state_prove(const struct tally_state_leaf *leaves, size_t count,
		      const struct tally_hash *path, struct tally_state_proof *proof_r);

/* ---- the lineage of a clue: an RFC 6962 tree whose leaf hashes are its JournalHashes ---- */

void tally_clue_root(const struct tally_hash *journal_hashes, uint64_t count,
		     struct tally_hash *root_r);

/*
 * Are these the JournalHashes first, first + 1, ... of the clue's count, in order? proof is
 * tally_range_prove's over the clue's tree. hashes is used up: it is the work space. A page that
 * begins at 0 and has count hashes is the whole lineage and needs no proof hashes. count and root
 * are those of one verified value; a root alone does not say of how many leaves it is.
 */
bool tally_clue_page_verify(uint64_t count, const struct tally_hash *root, uint64_t first,
			    struct tally_hash *hashes, uint64_t hash_count,
			    const struct tally_hash *proof, size_t proof_count);

#endif
