/*
 * The skip list behind table.h. Each node holds its key behind its links; the value is apart, as
 * it may be replaced. Heights come from a generator of the table's own, so that runs repeat.
 */
#include "config.h"

#include <stdlib.h>

#include "arena.h"
#include "table.h"

#define HEIGHT_MAX 20				/* enough for 4^20 pairs */

struct node {
	struct mem_pair pair;
	struct node *next[];
};

struct mem_table {
	struct node *head;			/* of full height, without a pair */
	uint64_t random;
};

static struct node *node_new(int height, struct tally_bytes key)
{
	size_t links = (size_t)height * sizeof(struct node *);
	struct node *node = tally_calloc(1, sizeof(*node) + links + key.size);
	uint8_t *bytes = (uint8_t *)node + sizeof(*node) + links;

	if (key.size > 0)
		memcpy(bytes, key.data, key.size);
	node->pair.key = tally_bytes(bytes, key.size);
	return node;
}

static void node_free(struct node *node)
{
	free((void *)(uintptr_t)node->pair.value.data);
	free(node);
}

struct mem_table *mem_table_new(void)
{
	struct mem_table *table = tally_calloc(1, sizeof(*table));

	table->head = node_new(HEIGHT_MAX, TALLY_BYTES_NONE);
	table->random = 0x9e3779b97f4a7c15u;
	return table;
}

void mem_table_free(struct mem_table **table)
{
	struct node *node, *next;

	if (*table == NULL)
		return;
	for (node = (*table)->head; node != NULL; node = next) {
		next = node->next[0];
		node_free(node);
	}
	free(*table);
	*table = NULL;
}

/* Height h with probability 3/4 * (1/4)^(h-1). */
static int random_height(struct mem_table *table)
{
	uint64_t bits;
	int height = 1;

	table->random ^= table->random << 13;		/* xorshift64 */
	table->random ^= table->random >> 7;
	table->random ^= table->random << 17;
	for (bits = table->random >> 16; (bits & 3) == 0 && height < HEIGHT_MAX; bits >>= 2)
		height++;
	return height;
}

/* The last node before key (the head if none is); with before, the last one on every level. */
static struct node *find_before(const struct mem_table *table, struct tally_bytes key,
				struct node **before)
{
	struct node *node = table->head;

	for (int level = HEIGHT_MAX - 1; level >= 0; level--) {
		while (node->next[level] != NULL &&
		       tally_bytes_compare(node->next[level]->pair.key, key) < 0)
			node = node->next[level];
		if (before != NULL)
			before[level] = node;
	}
	return node;
}

static struct node *find_equal(const struct node *before, struct tally_bytes key)
{
	struct node *node = before->next[0];

	return node != NULL && tally_bytes_equal(node->pair.key, key) ? node : NULL;
}

static void set_value(struct node *node, struct tally_bytes value)
{
	uint8_t *copy = tally_malloc(value.size + 1);

	if (value.size > 0)
		memcpy(copy, value.data, value.size);
	free((void *)(uintptr_t)node->pair.value.data);
	node->pair.value = tally_bytes(copy, value.size);
}

void mem_table_put(struct mem_table *table, struct tally_bytes key, struct tally_bytes value)
{
	struct node *before[HEIGHT_MAX];
	struct node *node = find_equal(find_before(table, key, before), key);

	if (node == NULL) {
		int height = random_height(table);

		node = node_new(height, key);
		for (int level = 0; level < height; level++) {
			node->next[level] = before[level]->next[level];
			before[level]->next[level] = node;
		}
	}
	set_value(node, value);
}

void mem_table_remove(struct mem_table *table, struct tally_bytes key)
{
	struct node *before[HEIGHT_MAX];
	struct node *node = find_equal(find_before(table, key, before), key);

	if (node == NULL)
		return;
	for (int level = 0; level < HEIGHT_MAX && before[level]->next[level] == node; level++)
		before[level]->next[level] = node->next[level];
	node_free(node);
}

const struct mem_pair *mem_table_get(const struct mem_table *table, struct tally_bytes key)
{
	const struct node *node = find_equal(find_before(table, key, NULL), key);

	return node != NULL ? &node->pair : NULL;
}

const struct mem_pair *mem_table_from(const struct mem_table *table, struct tally_bytes key,
				      bool strictly)
{
	const struct node *node = find_before(table, key, NULL)->next[0];

	if (node != NULL && strictly && tally_bytes_equal(node->pair.key, key))
		node = node->next[0];
	return node != NULL ? &node->pair : NULL;
}

const struct mem_pair *mem_table_below(const struct mem_table *table, struct tally_bytes key)
{
	const struct node *node = table->head;

	if (key.size > 0) {
		node = find_before(table, key, NULL);
	} else {
		for (int level = HEIGHT_MAX - 1; level >= 0; level--) {
			while (node->next[level] != NULL)
				node = node->next[level];
		}
	}
	return node != table->head ? &node->pair : NULL;
}
