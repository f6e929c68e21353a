/*
 * The overlay as a skip list. Nodes are ordered by table, key, then newest first (a later insert
 * of the same key goes in front of the earlier ones), so a search for (table, key) arrives at the
 * newest entry and walks to older ones until it meets one that its sight covers.
 */
#include "overlay.h"

#include <stdlib.h>

#define MAX_HEIGHT 16

struct node {
	const struct tally_tag *tag;
	uint32_t table;
	uint32_t key_size;
	uint32_t value_size;
	uint8_t height;
	bool removed;
	_Atomic(struct node *) next[];	/* height links, then key, then value */
};

struct tally_overlay {
	_Atomic int refs;
	_Atomic size_t size;
	_Atomic int height;
	uint64_t seed;
	struct node *head;

	/* the writer's alone */
	struct tally_arena arena;
	struct node *last[MAX_HEIGHT];	/* on every level: the node inserted last, or the one before it */
};

static const uint8_t *node_key(const struct node *node)
{
	return (const uint8_t *)&node->next[node->height];
}

static struct tally_bytes key_of(const struct node *node)
{
	return tally_bytes(node_key(node), node->key_size);
}

static struct tally_bytes value_of(const struct node *node)
{
	return tally_bytes(node_key(node) + node->key_size, node->value_size);
}

static struct node *node_new(struct tally_overlay *overlay, int height, size_t bytes)
{
	struct node *node = tally_arena_alloc(&overlay->arena, sizeof(*node) +
					      sizeof(node->next[0]) * (size_t)height + bytes);

	node->height = (uint8_t)height;
	for (int i = 0; i < height; i++)
		atomic_init(&node->next[i], NULL);
	return node;
}

struct tally_overlay *tally_overlay_new(void)
{
	struct tally_overlay *overlay = tally_calloc(1, sizeof(*overlay));

	atomic_init(&overlay->refs, 1);
	atomic_init(&overlay->height, 1);
	overlay->seed = 0x9e3779b97f4a7c15u;
	tally_arena_init(&overlay->arena);
	overlay->head = node_new(overlay, MAX_HEIGHT, 0);
	for (int level = 0; level < MAX_HEIGHT; level++)
		overlay->last[level] = overlay->head;
	return overlay;
}

struct tally_overlay *tally_overlay_ref(struct tally_overlay *overlay)
{
	atomic_fetch_add_explicit(&overlay->refs, 1, memory_order_relaxed);
	return overlay;
}

void tally_overlay_unref(struct tally_overlay *overlay)
{
	if (overlay == NULL ||
	    atomic_fetch_sub_explicit(&overlay->refs, 1, memory_order_acq_rel) > 1)
		return;
	tally_arena_free(&overlay->arena);
	free(overlay);
}

struct tally_tag *tally_overlay_tag(struct tally_overlay *overlay, uint64_t block)
{
	struct tally_tag *tag = tally_arena_alloc(&overlay->arena, sizeof(*tag));

	tag->block = block;
	atomic_init(&tag->state, TAG_BUILDING);
	return tag;
}

size_t tally_overlay_size(const struct tally_overlay *overlay)
{
	return atomic_load_explicit(&overlay->size, memory_order_relaxed);
}

static int compare(const struct node *node, uint32_t table, struct tally_bytes key)
{
	if (node->table != table)
		return node->table < table ? -1 : 1;
	return tally_bytes_compare(key_of(node), key);
}

static struct node *link_of(const struct node *node, int level)
{
	return atomic_load_explicit(&node->next[level], memory_order_acquire);
}

/* The last node before (table, key) on every level; before[] may be NULL. Returns level 0's. */
static struct node *find_before(const struct tally_overlay *overlay, uint32_t table,
				struct tally_bytes key, struct node **before)
{
	struct node *node = overlay->head;

	for (int level = atomic_load_explicit(&overlay->height, memory_order_acquire) - 1;
	     level >= 0; level--) {
		for (struct node *next = link_of(node, level);
		     next != NULL && compare(next, table, key) < 0; next = link_of(node, level))
			node = next;
		if (before != NULL)
			before[level] = node;
	}
	return node;
}

/*
 * The first node at or behind (table, key), or NULL: the one that the search compared. To take the
 * link of the node before it once more would be wrong for readers: by then it may lead to a node
 * that the writer has put in between, and that sorts before the key.
 */
static struct node *find_from(const struct tally_overlay *overlay, uint32_t table,
			      struct tally_bytes key)
{
	struct node *node = overlay->head, *next = NULL;

	for (int level = atomic_load_explicit(&overlay->height, memory_order_acquire) - 1;
	     level >= 0; level--)
		for (next = link_of(node, level); next != NULL && compare(next, table, key) < 0;
		     next = link_of(node, level))
			node = next;
	return next;
}

/* A key not far behind the one inserted last is looked for from there, up to this level. */
#define NEAR 3

/* As find_before; true if it was found so. Much of what is inserted comes in order. */
static bool find_near(const struct tally_overlay *overlay, uint32_t table, struct tally_bytes key,
		      struct node **before)
{
	struct node *node = overlay->last[0], *next;
	int level = 0;

	if (node == overlay->head || compare(node, table, key) >= 0)
		return false;
	while ((next = link_of(overlay->last[level], level)) != NULL &&
	       compare(next, table, key) < 0) {
		if (++level > NEAR)
			return false;
	}
	/* From here up, nothing lies between the last one and the key. */
	for (int above = level; above < MAX_HEIGHT; above++)
		before[above] = overlay->last[above];
	if (level > 0)
		node = overlay->last[level - 1];
	while (--level >= 0) {
		for (next = link_of(node, level); next != NULL && compare(next, table, key) < 0;
		     next = link_of(node, level))
			node = next;
		before[level] = node;
	}
	return true;
}

static int random_height(struct tally_overlay *overlay)
{
	int height = 1;

	overlay->seed ^= overlay->seed << 13;
	overlay->seed ^= overlay->seed >> 7;
	overlay->seed ^= overlay->seed << 17;
	for (uint64_t bits = overlay->seed; (bits & 3) == 0 && height < MAX_HEIGHT; bits >>= 2)
		height++;
	return height;
}

static void insert(struct tally_overlay *overlay, struct tally_tag *tag, uint32_t table,
		   struct tally_bytes key, struct tally_bytes value, bool removed)
{
	struct node *before[MAX_HEIGHT];
	int height = random_height(overlay);
	int tall = atomic_load_explicit(&overlay->height, memory_order_relaxed);
	struct node *node = node_new(overlay, height, key.size + value.size);
	uint8_t *to = (uint8_t *)&node->next[height];

	node->tag = tag;
	node->table = table;
	node->key_size = (uint32_t)key.size;
	node->value_size = (uint32_t)value.size;
	node->removed = removed;
	if (key.size > 0)
		memcpy(to, key.data, key.size);
	if (value.size > 0)
		memcpy(to + key.size, value.data, value.size);
	for (int level = tall; level < MAX_HEIGHT; level++)
		before[level] = overlay->head;
	if (height > tall)
		atomic_store_explicit(&overlay->height, height, memory_order_release);
	if (!find_near(overlay, table, key, before))
		find_before(overlay, table, key, before);
	memcpy(overlay->last, before, sizeof(before));
	for (int level = 0; level < height; level++) {
		overlay->last[level] = node;
		atomic_store_explicit(&node->next[level], link_of(before[level], level),
				      memory_order_relaxed);
		atomic_store_explicit(&before[level]->next[level], node, memory_order_release);
	}
	atomic_store_explicit(&overlay->size, overlay->arena.total, memory_order_relaxed);
}

void tally_overlay_put(struct tally_overlay *overlay, struct tally_tag *tag, uint32_t table,
		       struct tally_bytes key, struct tally_bytes value)
{
	insert(overlay, tag, table, key, value, false);
}

void tally_overlay_remove(struct tally_overlay *overlay, struct tally_tag *tag, uint32_t table,
			  struct tally_bytes key)
{
	insert(overlay, tag, table, key, TALLY_BYTES_NONE, true);
}

static bool seen(const struct node *node, struct tally_sight sight)
{
	if (node->tag == sight.mine)
		return true;
	return node->tag->block < sight.blocks &&
	       atomic_load_explicit(&node->tag->state, memory_order_acquire) == TAG_COMMITTED;
}

static bool same_key(const struct node *a, const struct node *b)
{
	return a->table == b->table && tally_bytes_equal(key_of(a), key_of(b));
}

/* From the newest entry of a key: the one that is seen, or NULL. *past_r: first of the next key. */
static const struct node *newest_seen(const struct node *first, struct tally_sight sight,
				      const struct node **past_r)
{
	const struct node *node = first, *hit = NULL;

	for (; node != NULL && (node == first || same_key(node, first)); node = link_of(node, 0))
		if (hit == NULL && seen(node, sight))
			hit = node;
	*past_r = node;
	return hit;
}

int tally_overlay_get(const struct tally_overlay *overlay, struct tally_sight sight,
		      uint32_t table, struct tally_bytes key, struct tally_bytes *value_r)
{
	const struct node *node = find_from(overlay, table, key);

	for (; node != NULL && compare(node, table, key) == 0; node = link_of(node, 0)) {
		if (!seen(node, sight))
			continue;
		*value_r = value_of(node);
		return node->removed ? 2 : 1;
	}
	return 0;
}

static void cursor_at(struct tally_overlay_cursor *cursor, const struct node *hit)
{
	cursor->node = hit;
	if (hit == NULL)
		return;
	cursor->key = key_of(hit);
	cursor->value = value_of(hit);
	cursor->removed = hit->removed;
}

static bool is_below_high(const struct tally_overlay_cursor *cursor, const struct node *node)
{
	if (cursor->high.size == 0)
		return node->table == cursor->table;
	return compare(node, cursor->table, cursor->high) < 0;
}

static void settle_forwards(struct tally_overlay_cursor *cursor, const struct node *node)
{
	const struct node *hit = NULL;

	while (node != NULL && is_below_high(cursor, node) && hit == NULL)
		hit = newest_seen(node, cursor->sight, &node);
	cursor_at(cursor, hit);
}

/* Backwards there are no links: each step searches for the entry before the key. */
static void settle_backwards(struct tally_overlay_cursor *cursor, const struct node *node)
{
	while (node != cursor->overlay->head && compare(node, cursor->table, cursor->low) >= 0) {
		const struct node *first = find_from(cursor->overlay, cursor->table, key_of(node));
		const struct node *past;
		const struct node *hit = newest_seen(first, cursor->sight, &past);

		if (hit != NULL) {
			cursor_at(cursor, hit);
			return;
		}
		node = find_before(cursor->overlay, cursor->table, key_of(node), NULL);
	}
	cursor_at(cursor, NULL);
}

void tally_overlay_seek(struct tally_overlay_cursor *cursor, const struct tally_overlay *overlay,
			struct tally_sight sight, uint32_t table, struct tally_bytes low,
			struct tally_bytes high, bool backwards)
{
	*cursor = (struct tally_overlay_cursor){ .overlay = overlay, .sight = sight,
						 .table = table, .low = low, .high = high,
						 .backwards = backwards };
	if (!backwards)
		settle_forwards(cursor, find_from(overlay, table, low));
	else if (high.size == 0)
		settle_backwards(cursor, find_before(overlay, table + 1, TALLY_BYTES_NONE, NULL));
	else
		settle_backwards(cursor, find_before(overlay, table, high, NULL));
}

void tally_overlay_next(struct tally_overlay_cursor *cursor)
{
	const struct node *node = cursor->node, *past;

	if (node == NULL)
		return;
	if (cursor->backwards) {
		settle_backwards(cursor, find_before(cursor->overlay, cursor->table,
						     key_of(node), NULL));
		return;
	}
	for (past = node; past != NULL && same_key(past, node); past = link_of(past, 0))
		;
	settle_forwards(cursor, past);
}

int tally_overlay_walk(const struct tally_overlay *overlay, uint64_t blocks,
		       tally_overlay_each *each, void *ctx)
{
	struct tally_sight sight = { .blocks = blocks };
	const struct node *node = link_of(overlay->head, 0);
	int result = 0;

	while (node != NULL && result == 0) {
		const struct node *hit = newest_seen(node, sight, &node);

		if (hit != NULL)
			result = each(ctx, hit->table, key_of(hit), value_of(hit), hit->removed);
	}
	return result;
}
