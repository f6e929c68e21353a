/* See audit_state.h. */
#include "audit_state.h"

#include <stdlib.h>

#include "arena.h"

/* A reference to a leaf or a node by its number. */
#define LEAF 0x80000000u
#define NOTHING 0xffffffffu

/* The right edge of a clue's tree: a hash for each 1-bit of count, from the highest down. */
struct clue {
	uint64_t count;
	uint32_t room;
	struct tally_hash hashes[];
};

struct leaf {
	struct tally_hash path;
	struct tally_hash hash;		/* in the state tree */
	struct clue *clue;		/* NULL: a key or a member */
	bool stale;			/* the clue has grown since */
};

/* Two subtrees that part at bit `depth`. */
struct node {
	uint32_t child[2];
	uint16_t depth;
	bool stale;
	struct tally_hash hash;
};

struct audit_state {
	uint32_t root;
	struct leaf *leaves;
	struct node *nodes;
	uint32_t leaf_count, leaf_room, node_count, node_room;
	uint32_t free_leaf, free_node;	/* chains, through child[0] and the first bytes of a path */
	uint64_t count;
};

struct audit_state *audit_state_new(void)
{
	struct audit_state *state = tally_calloc(1, sizeof(*state));

	state->root = state->free_leaf = state->free_node = NOTHING;
	return state;
}

void audit_state_free(struct audit_state *state)
{
	if (state == NULL)
		return;
	for (uint32_t i = 0; i < state->leaf_count; i++)
		free(state->leaves[i].clue);
	free(state->leaves);
	free(state->nodes);
	free(state);
}

uint64_t audit_state_count(const struct audit_state *state)
{
	return state->count;
}

/* ---- numbers of leaves and nodes ---- */

static uint32_t room_for(uint32_t room)
{
	return room == 0 ? 256 : room + room / 2;
}

static uint32_t leaf_new(struct audit_state *state)
{
	uint32_t number = state->free_leaf;

	if (number != NOTHING) {
		memcpy(&state->free_leaf, state->leaves[number].path.bytes, sizeof(uint32_t));
		return number;
	}
	if (state->leaf_count == state->leaf_room) {
		state->leaf_room = room_for(state->leaf_room);
		state->leaves = tally_realloc(state->leaves,
					      (size_t)state->leaf_room * sizeof(*state->leaves));
	}
	return state->leaf_count++;
}

static uint32_t node_new(struct audit_state *state)
{
	uint32_t number = state->free_node;

	if (number != NOTHING) {
		state->free_node = state->nodes[number].child[0];
		return number;
	}
	if (state->node_count == state->node_room) {
		state->node_room = room_for(state->node_room);
		state->nodes = tally_realloc(state->nodes,
					     (size_t)state->node_room * sizeof(*state->nodes));
	}
	return state->node_count++;
}

/* ---- finding ---- */

/* The leaf that the path's bits lead to; everything above it is stale from now on. */
static uint32_t descend(struct audit_state *state, const struct tally_hash *path)
{
	uint32_t at = state->root;

	while ((at & LEAF) == 0) {
		struct node *node = &state->nodes[at];

		node->stale = true;
		at = node->child[tally_state_bit(path, node->depth)];
	}
	return at & ~LEAF;
}

/* Puts a new leaf beside what shares so many bits with it. */
static struct leaf *insert(struct audit_state *state, const struct tally_hash *path,
			   unsigned int shared)
{
	uint32_t number = leaf_new(state), above = node_new(state), *at = &state->root;
	unsigned int side = tally_state_bit(path, shared);

	while ((*at & LEAF) == 0 && state->nodes[*at].depth < shared)
		at = &state->nodes[*at].child[tally_state_bit(path, state->nodes[*at].depth)];
	state->nodes[above] = (struct node){ .depth = (uint16_t)shared, .stale = true };
	state->nodes[above].child[side] = number | LEAF;
	state->nodes[above].child[side ^ 1] = *at;
	*at = above;
	return &state->leaves[number];
}

/* The leaf of a path, made where there is none. */
static struct leaf *need(struct audit_state *state, const struct tally_hash *path)
{
	unsigned int shared = 0;
	struct leaf *leaf;

	if (state->root != NOTHING) {
		leaf = &state->leaves[descend(state, path)];
		shared = tally_state_shared(path, &leaf->path);
		if (shared == TALLY_STATE_BITS)
			return leaf;
		leaf = insert(state, path, shared);
	} else {
		uint32_t number = leaf_new(state);

		state->root = number | LEAF;
		leaf = &state->leaves[number];
	}
	*leaf = (struct leaf){ .path = *path };
	state->count++;
	return leaf;
}

void audit_state_remove(struct audit_state *state, const struct tally_hash *path)
{
	uint32_t number, *at = &state->root, *above = NULL, node;

	if (state->root == NOTHING)
		return;
	number = descend(state, path);
	if (tally_state_shared(path, &state->leaves[number].path) != TALLY_STATE_BITS)
		return;
	while ((*at & LEAF) == 0) {
		above = at;
		at = &state->nodes[*at].child[tally_state_bit(path, state->nodes[*at].depth)];
	}
	if (above == NULL) {
		state->root = NOTHING;
	} else {
		node = *above;
		*above = state->nodes[node].child[state->nodes[node].child[0] == (number | LEAF)];
		state->nodes[node].child[0] = state->free_node;
		state->free_node = node;
	}
	free(state->leaves[number].clue);
	state->leaves[number].clue = NULL;
	memcpy(state->leaves[number].path.bytes, &state->free_leaf, sizeof(uint32_t));
	state->free_leaf = number;
	state->count--;
}

/* ---- values ---- */

void audit_state_put(struct audit_state *state, const struct tally_hash *path,
		     const struct tally_hash *value_hash)
{
	tally_state_leaf_hash(path, value_hash, &need(state, path)->hash);
}

/* Hashes that the new one completes a subtree with stand at the end. */
static struct clue *clue_append(struct clue *clue, const struct tally_hash *journal_hash)
{
	bool fresh = clue == NULL;
	uint64_t before = fresh ? 0 : clue->count;
	uint32_t used = (uint32_t)__builtin_popcountll(before);
	struct tally_hash hash = *journal_hash;

	for (; (before & 1) != 0; before >>= 1)
		tally_node_hash(&clue->hashes[--used], &hash, &hash);
	if (fresh || used == clue->room) {
		uint32_t room = fresh ? 1 : clue->room + 2;

		clue = tally_realloc(clue, sizeof(*clue) + room * sizeof(hash));
		clue->room = room;
	}
	clue->hashes[used] = hash;
	clue->count = fresh ? 1 : clue->count + 1;
	return clue;
}

void audit_state_clue(struct audit_state *state, const struct tally_hash *path,
		      const struct tally_hash *journal_hash)
{
	struct leaf *leaf = need(state, path);

	leaf->clue = clue_append(leaf->clue, journal_hash);
	leaf->stale = true;
}

static void clue_hash(struct leaf *leaf)
{
	const struct clue *clue = leaf->clue;
	uint32_t used = (uint32_t)__builtin_popcountll(clue->count);
	struct tally_hash root = clue->hashes[used - 1], value_hash;
	char text[TALLY_STATE_VALUE_MAX];

	for (uint32_t i = used - 1; i-- > 0;)
		tally_node_hash(&clue->hashes[i], &root, &root);
	tally_state_value_hash(tally_bytes(text, tally_state_clue_value(clue->count, &root, text)),
			       &value_hash);
	tally_state_leaf_hash(&leaf->path, &value_hash, &leaf->hash);
	leaf->stale = false;
}

/* ---- hashes ---- */

/* Any path below a reference: all of them share the bits above it. */
static const struct tally_hash *path_below(const struct audit_state *state, uint32_t at)
{
	while ((at & LEAF) == 0)
		at = state->nodes[at].child[0];
	return &state->leaves[at & ~LEAF].path;
}

/* The subtree at a depth. As deep as paths share bits: for hashes, some tens of levels. */
static void hash_at(struct audit_state *state, uint32_t at, unsigned int depth,
		    struct tally_hash *hash_r)
{
	struct node *node;

	if ((at & LEAF) != 0) {
		struct leaf *leaf = &state->leaves[at & ~LEAF];

		if (leaf->stale)
			clue_hash(leaf);
		*hash_r = leaf->hash;
		return;
	}
	node = &state->nodes[at];
	if (node->stale) {
		struct tally_hash left, right;

		hash_at(state, node->child[0], node->depth + 1u, &left);
		hash_at(state, node->child[1], node->depth + 1u, &right);
		tally_state_node_hash(&left, &right, &node->hash);
		node->stale = false;
	}
	*hash_r = node->hash;
	if (node->depth > depth)
		tally_state_lift(path_below(state, at), node->depth, depth, hash_r);
}

void audit_state_root(struct audit_state *state, struct tally_hash *root_r)
{
	if (state->root == NOTHING)
		tally_state_empty(root_r);
	else
		hash_at(state, state->root, 0, root_r);
}
