/*
 * The state tree. Two neighbours among sorted leaves part at the first bit in which they differ, and
 * that is the depth of the node that joins them; so one walk over the leaves makes the whole tree.
 */
#include "state.h"

#include <assert.h>
#include <stdio.h>

#define NUMBER_MAX (((uint64_t)1 << 53) - 1)	/* of what stands in canonical JSON */
#define PROOF_VERSION 1
#define HEX_SIZE (2 * TALLY_HASH_SIZE)

/* ---- keys ---- */

void tally_state_path(enum tally_state_kind kind, struct tally_bytes key, struct tally_hash *path_r)
{
	static const char *const prefixes[] = {
		[STATE_CLUE] = "clue:", [STATE_KV] = "kv:", [STATE_MEMBER] = "member:"
	};
	struct tally_sha256 sha;

	tally_sha256_init(&sha);
	tally_sha256_add(&sha, prefixes[kind], strlen(prefixes[kind]));
	tally_sha256_add(&sha, key.data, key.size);
	tally_sha256_end(&sha, path_r->bytes);
}

unsigned int tally_state_shared(const struct tally_hash *a, const struct tally_hash *b)
{
	unsigned int i = 0, differ;

	while (i < TALLY_HASH_SIZE && a->bytes[i] == b->bytes[i])
		i++;
	if (i == TALLY_HASH_SIZE)
		return TALLY_STATE_BITS;
	differ = a->bytes[i] ^ b->bytes[i];
	return 8 * i + (unsigned int)__builtin_clz(differ) - 24;
}

/* ---- values ---- */

/* A value is a number and a hash between three constant texts. */
struct shape {
	const char *before, *middle, *after;
	bool hash_first;
};

static const struct shape clue_shape = { "{\"count\":", ",\"root\":\"", "\"}", false };
static const struct shape kv_shape = { "{\"journalHash\":\"", "\",\"journalId\":", "}", true };
static const struct shape member_shape = { "{\"journalId\":", ",\"recordHash\":\"", "\"}", false };
static const struct shape root_shape = { "{\"size\":", ",\"stateRoot\":\"", "\"}", false };

static size_t value_put(const struct shape *shape, uint64_t number, const struct tally_hash *hash,
			char text[TALLY_STATE_VALUE_MAX])
{
	char hex[HEX_SIZE + 1], decimal[24];

	assert(number <= NUMBER_MAX);
	tally_hex_encode(hash->bytes, TALLY_HASH_SIZE, hex);
	snprintf(decimal, sizeof(decimal), "%llu", (unsigned long long)number);
	return (size_t)snprintf(text, TALLY_STATE_VALUE_MAX, "%s%s%s%s%s", shape->before,
				shape->hash_first ? hex : decimal, shape->middle,
				shape->hash_first ? decimal : hex, shape->after);
}

/* Takes the number and the hash from where they must stand, then compares with what is written of
 * them: so a value has one form. */
static bool value_get(const struct shape *shape, struct tally_bytes value, uint64_t *number_r,
		      struct tally_hash *hash_r)
{
	size_t fixed = strlen(shape->before) + strlen(shape->middle) + strlen(shape->after);
	size_t digits, number_at, hash_at;
	char again[TALLY_STATE_VALUE_MAX];
	uint64_t number;

	if (value.size <= fixed + HEX_SIZE || value.size >= TALLY_STATE_VALUE_MAX)
		return false;
	digits = value.size - fixed - HEX_SIZE;
	number_at = strlen(shape->before);
	hash_at = number_at + strlen(shape->middle) + digits;
	if (shape->hash_first) {
		hash_at = number_at;
		number_at += HEX_SIZE + strlen(shape->middle);
	}
	if (!tally_parse_u64(tally_bytes(value.data + number_at, digits), NUMBER_MAX, &number) ||
	    !tally_hex_decode(tally_bytes(value.data + hash_at, HEX_SIZE), hash_r->bytes,
			      TALLY_HASH_SIZE))
		return false;
	value_put(shape, number, hash_r, again);
	*number_r = number;
	return tally_bytes_is(value, again);
}

size_t tally_state_clue_value(uint64_t count, const struct tally_hash *root,
			      char text[TALLY_STATE_VALUE_MAX])
{
	return value_put(&clue_shape, count, root, text);
}

size_t tally_state_kv_value(uint64_t journal_id, const struct tally_hash *journal_hash,
			    char text[TALLY_STATE_VALUE_MAX])
{
	return value_put(&kv_shape, journal_id, journal_hash, text);
}

size_t tally_state_member_value(uint64_t journal_id, const struct tally_hash *record_hash,
				char text[TALLY_STATE_VALUE_MAX])
{
	return value_put(&member_shape, journal_id, record_hash, text);
}

size_t tally_state_root_value(uint64_t size, const struct tally_hash *state_root,
			      char text[TALLY_STATE_VALUE_MAX])
{
	return value_put(&root_shape, size, state_root, text);
}

bool tally_state_clue_parse(struct tally_bytes value, uint64_t *count_r, struct tally_hash *root_r)
{
	return value_get(&clue_shape, value, count_r, root_r);
}

bool tally_state_kv_parse(struct tally_bytes value, uint64_t *journal_id_r,
			  struct tally_hash *journal_hash_r)
{
	return value_get(&kv_shape, value, journal_id_r, journal_hash_r);
}

bool tally_state_member_parse(struct tally_bytes value, uint64_t *journal_id_r,
			      struct tally_hash *record_hash_r)
{
	return value_get(&member_shape, value, journal_id_r, record_hash_r);
}

bool tally_state_root_parse(struct tally_bytes data, uint64_t *size_r,
			    struct tally_hash *state_root_r)
{
	return value_get(&root_shape, data, size_r, state_root_r);
}

void tally_state_value_hash(struct tally_bytes value, struct tally_hash *hash_r)
{
	tally_sha256(value.data, value.size, hash_r->bytes);
}

/* ---- hashes ---- */

void tally_state_leaf_hash(const struct tally_hash *path, const struct tally_hash *value_hash,
			   struct tally_hash *hash_r)
{
	tally_sha256_pair(2, path->bytes, value_hash->bytes, hash_r->bytes);
}

void tally_state_node_hash(const struct tally_hash *left, const struct tally_hash *right,
			   struct tally_hash *hash_r)
{
	tally_sha256_pair(3, left->bytes, right->bytes, hash_r->bytes);
}

static const struct tally_hash empty;

bool tally_state_is_empty(const struct tally_hash *hash)
{
	return memcmp(hash, &empty, sizeof(empty)) == 0;
}

/* The node above a subtree on the path and the one beside it. */
static void join(const struct tally_hash *path, unsigned int depth, const struct tally_hash *sibling,
		 struct tally_hash *hash)
{
	if (tally_state_bit(path, depth) == 0)
		tally_state_node_hash(hash, sibling, hash);
	else
		tally_state_node_hash(sibling, hash, hash);
}

void tally_state_lift(const struct tally_hash *path, unsigned int from, unsigned int to,
		      struct tally_hash *hash)
{
	while (from > to)
		join(path, --from, &empty, hash);
}

/* ---- proofs ---- */

void tally_state_proof_init(struct tally_state_proof *proof)
{
	proof->depth = 0;
	proof->end = STATE_END_EMPTY;
	proof->sibling_count = 0;
	proof->present = proof->other_path = proof->other_value = empty;
}

bool tally_state_proof_add(struct tally_state_proof *proof, const struct tally_hash *sibling)
{
	unsigned int level = proof->depth;

	if (level == TALLY_STATE_DEPTH_MAX)
		return false;
	if (sibling != NULL && !tally_state_is_empty(sibling)) {
		proof->present.bytes[level / 8] |= (uint8_t)(0x80 >> level % 8);
		proof->siblings[proof->sibling_count++] = *sibling;
	}
	proof->depth++;
	return true;
}

void tally_state_proof_end(struct tally_state_proof *proof, enum tally_state_end end,
			   const struct tally_hash *other_path, const struct tally_hash *other_value)
{
	proof->end = end;
	if (end != STATE_END_OTHER)
		return;
	proof->other_path = *other_path;
	proof->other_value = *other_value;
}

/* All of the header's refusals that need neither root nor path. */
static bool well_formed(const struct tally_state_proof *proof)
{
	size_t count = 0, i;

	if (proof->depth > TALLY_STATE_DEPTH_MAX ||
	    (proof->end != STATE_END_LEAF && proof->end != STATE_END_EMPTY &&
	     proof->end != STATE_END_OTHER))
		return false;
	for (i = 0; i < TALLY_STATE_BITS; i++) {
		if (tally_state_bit(&proof->present, (unsigned int)i) == 0)
			continue;
		if (i >= proof->depth)
			return false;
		count++;
	}
	if (count != proof->sibling_count ||
	    (proof->depth > 0 && tally_state_bit(&proof->present, proof->depth - 1) == 0))
		return false;
	for (i = 0; i < count; i++)
		if (tally_state_is_empty(&proof->siblings[i]))
			return false;
	return true;
}

/* What the path ends at; false where the proof proves something else. */
static bool end_hash(const struct tally_hash *path, const struct tally_hash *value_hash,
		     const struct tally_state_proof *proof, struct tally_hash *hash_r)
{
	unsigned int shared;

	if ((value_hash != NULL) != (proof->end == STATE_END_LEAF))
		return false;
	if (proof->end == STATE_END_EMPTY) {
		*hash_r = empty;
	} else if (proof->end == STATE_END_LEAF) {
		tally_state_leaf_hash(path, value_hash, hash_r);
	} else {
		shared = tally_state_shared(path, &proof->other_path);
		if (shared < proof->depth || shared == TALLY_STATE_BITS)
			return false;
		tally_state_leaf_hash(&proof->other_path, &proof->other_value, hash_r);
	}
	return true;
}

bool tally_state_verify(const struct tally_hash *root, const struct tally_hash *path,
			const struct tally_hash *value_hash, const struct tally_state_proof *proof)
{
	size_t used = proof->sibling_count;
	struct tally_hash hash;

	if (!well_formed(proof) || !end_hash(path, value_hash, proof, &hash))
		return false;
	for (unsigned int depth = proof->depth; depth-- > 0; ) {
		bool there = tally_state_bit(&proof->present, depth) != 0;

		join(path, depth, there ? &proof->siblings[--used] : &empty, &hash);
	}
	return memcmp(&hash, root, sizeof(hash)) == 0;
}

size_t tally_state_proof_encode(const struct tally_state_proof *proof,
				uint8_t out[TALLY_STATE_PROOF_MAX])
{
	size_t map = (proof->depth + 7) / 8, hashes = proof->sibling_count * TALLY_HASH_SIZE;
	uint8_t *p = out;

	assert(well_formed(proof));
	*p++ = PROOF_VERSION;
	*p++ = (uint8_t)proof->end;
	*p++ = (uint8_t)proof->depth;
	memcpy(p, proof->present.bytes, map);
	memcpy(p + map, proof->siblings, hashes);
	p += map + hashes;
	if (proof->end == STATE_END_OTHER) {
		memcpy(p, proof->other_path.bytes, TALLY_HASH_SIZE);
		memcpy(p + TALLY_HASH_SIZE, proof->other_value.bytes, TALLY_HASH_SIZE);
		p += 2 * TALLY_HASH_SIZE;
	}
	return (size_t)(p - out);
}

bool tally_state_proof_decode(struct tally_bytes in, struct tally_state_proof *proof_r)
{
	size_t map, at = 3, count = 0, ends;

	tally_state_proof_init(proof_r);
	if (in.size < at || in.data[0] != PROOF_VERSION || in.data[1] > STATE_END_OTHER)
		return false;
	proof_r->end = (enum tally_state_end)in.data[1];
	proof_r->depth = in.data[2];
	map = (proof_r->depth + 7) / 8;
	if (in.size - at < map)
		return false;
	memcpy(proof_r->present.bytes, in.data + at, map);
	at += map;
	for (size_t i = 0; i < map; i++)
		count += (size_t)__builtin_popcount(proof_r->present.bytes[i]);
	ends = proof_r->end == STATE_END_OTHER ? 2 * TALLY_HASH_SIZE : 0;
	if (count > TALLY_STATE_DEPTH_MAX || in.size - at != count * TALLY_HASH_SIZE + ends)
		return false;
	proof_r->sibling_count = count;
	memcpy(proof_r->siblings, in.data + at, count * TALLY_HASH_SIZE);
	at += count * TALLY_HASH_SIZE;
	if (ends != 0) {
		memcpy(proof_r->other_path.bytes, in.data + at, TALLY_HASH_SIZE);
		memcpy(proof_r->other_value.bytes, in.data + at + TALLY_HASH_SIZE, TALLY_HASH_SIZE);
	}
	return well_formed(proof_r);
}

/* ---- whole trees ---- */

static int compare(const struct tally_hash *a, const struct tally_hash *b)
{
	return memcmp(a->bytes, b->bytes, TALLY_HASH_SIZE);
}

/* Lets the leaf at i sink in the heap below it. */
static void sink(struct tally_state_leaf *leaves, size_t i, size_t count)
{
	struct tally_state_leaf leaf = leaves[i];
	size_t child;

	while ((child = 2 * i + 1) < count) {
		if (child + 1 < count && compare(&leaves[child].path, &leaves[child + 1].path) < 0)
			child++;
		if (compare(&leaf.path, &leaves[child].path) >= 0)
			break;
		leaves[i] = leaves[child];
		i = child;
	}
	leaves[i] = leaf;
}

/* Heap sort, since the C library's may allocate. */
void tally_state_sort(struct tally_state_leaf *leaves, size_t count)
{
	for (size_t i = count / 2; i-- > 0; )
		sink(leaves, i, count);
	for (size_t end = count; end > 1; ) {
		struct tally_state_leaf last = leaves[--end];

		leaves[end] = leaves[0];
		leaves[0] = last;
		sink(leaves, 0, end);
	}
}

static bool ascending(const struct tally_state_leaf *leaves, size_t count)
{
	for (size_t i = 1; i < count; i++)
		if (compare(&leaves[i - 1].path, &leaves[i].path) >= 0)
			return false;
	return true;
}

/*
 * The subtree of a depth that has these leaves, which share that many bits. pending holds the left
 * children of nodes whose right side is not done, each with the depth of its node, ascending. A
 * leaf's right neighbour parts from it at next: all pending nodes below that are complete then.
 */
static void subtree(const struct tally_state_leaf *leaves, size_t count, unsigned int depth,
		    struct tally_hash *hash_r)
{
	struct { struct tally_hash left; int at; } pending[TALLY_STATE_BITS];
	size_t used = 0;

	*hash_r = empty;
	for (size_t i = 0; i < count; i++) {
		const struct tally_hash *path = &leaves[i].path;
		bool more = i + 1 < count;
		int next = more ? (int)tally_state_shared(path, &leaves[i + 1].path) : (int)depth - 1;
		int at = -1;			/* depth of hash_r where it is a node */

		tally_state_leaf_hash(path, &leaves[i].value_hash, hash_r);
		for (; used > 0 && pending[used - 1].at > next; used--) {
			if (at >= 0)
				tally_state_lift(path, (unsigned int)at,
						 (unsigned int)pending[used - 1].at + 1, hash_r);
			at = pending[used - 1].at;
			tally_state_node_hash(&pending[used - 1].left, hash_r, hash_r);
		}
		if (at >= 0)
			tally_state_lift(path, (unsigned int)at, (unsigned int)(next + 1), hash_r);
		if (more) {
			pending[used].left = *hash_r;
			pending[used++].at = next;
		}
	}
}

int tally_state_root(const struct tally_state_leaf *leaves, size_t count, struct tally_hash *root_r)
{
	if (!ascending(leaves, count))
		return -1;
	subtree(leaves, count, 0, root_r);
	return 0;
}

/* How many of the leaves go left at a depth. */
static size_t left_of(const struct tally_state_leaf *leaves, size_t count, unsigned int depth)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (tally_state_bit(&leaves[middle].path, depth) == 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int tally_state_prove(const struct tally_state_leaf *leaves, size_t count,
		      const struct tally_hash *path, struct tally_state_proof *proof_r)
{
	struct tally_hash sibling;

	tally_state_proof_init(proof_r);
	if (!ascending(leaves, count))
		return -1;
	for (unsigned int depth = 0; count > 1; depth++) {
		size_t left = left_of(leaves, count, depth);

		if (tally_state_bit(path, depth) == 0) {
			subtree(leaves + left, count - left, depth + 1, &sibling);
			count = left;
		} else {
			subtree(leaves, left, depth + 1, &sibling);
			leaves += left;
			count -= left;
		}
		if (!tally_state_proof_add(proof_r, &sibling))
			return -1;
	}
	if (count == 0)
		tally_state_proof_end(proof_r, STATE_END_EMPTY, NULL, NULL);
	else if (compare(&leaves[0].path, path) == 0)
		tally_state_proof_end(proof_r, STATE_END_LEAF, NULL, NULL);
	else
		tally_state_proof_end(proof_r, STATE_END_OTHER, &leaves[0].path,
				      &leaves[0].value_hash);
	return 0;
}

/* ---- clues ---- */

void tally_clue_root(const struct tally_hash *journal_hashes, uint64_t count,
		     struct tally_hash *root_r)
{
	struct tally_frontier frontier;

	tally_frontier_init(&frontier);
	for (uint64_t i = 0; i < count; i++)
		tally_frontier_append(&frontier, &journal_hashes[i]);
	tally_frontier_root(&frontier, root_r);
}

bool tally_clue_page_verify(uint64_t count, const struct tally_hash *root, uint64_t first,
			    struct tally_hash *hashes, uint64_t hash_count,
			    const struct tally_hash *proof, size_t proof_count)
{
	return tally_range_verify(first, hash_count, count, hashes, proof, proof_count, root);
}
