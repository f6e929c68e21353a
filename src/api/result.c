/* Building the result tree. See result.h. */
#include "result.h"

static struct tally_node *new_node(struct tally_arena *arena, struct tally_node *to,
				   enum tally_node_kind kind, const char *name)
{
	struct tally_node *node = tally_arena_new(arena, struct tally_node);

	node->kind = kind;
	node->name = name;
	if (to == NULL)
		return node;
	if (to->last != NULL)
		to->last->next = node;
	else
		to->first = node;
	to->last = node;
	return node;
}

struct tally_node *tally_node_object(struct tally_arena *arena)
{
	return new_node(arena, NULL, NODE_OBJECT, NULL);
}

struct tally_node *tally_add_object(struct tally_arena *arena, struct tally_node *to,
				    const char *name)
{
	return new_node(arena, to, NODE_OBJECT, name);
}

struct tally_node *tally_add_list(struct tally_arena *arena, struct tally_node *to,
				  const char *name, const char *item)
{
	struct tally_node *node = new_node(arena, to, NODE_LIST, name);

	node->item = item;
	return node;
}

void tally_add_text(struct tally_arena *arena, struct tally_node *to, const char *name,
		    struct tally_bytes text)
{
	new_node(arena, to, NODE_TEXT, name)->text = text;
}

void tally_add_str(struct tally_arena *arena, struct tally_node *to, const char *name,
		   const char *text)
{
	tally_add_text(arena, to, name, tally_bytes_str(text));
}

void tally_add_hex(struct tally_arena *arena, struct tally_node *to, const char *name,
		   const void *data, size_t size)
{
	char *text = tally_arena_alloc(arena, 2 * size + 1);

	tally_hex_encode(data, size, text);
	tally_add_text(arena, to, name, tally_bytes(text, 2 * size));
}

void tally_add_uint(struct tally_arena *arena, struct tally_node *to, const char *name,
		    uint64_t value)
{
	new_node(arena, to, NODE_UINT, name)->uint = value;
}

void tally_add_bool(struct tally_arena *arena, struct tally_node *to, const char *name,
		    bool value)
{
	new_node(arena, to, NODE_BOOL, name)->boolean = value;
}

void tally_add_uint_text(struct tally_arena *arena, struct tally_node *to, const char *name,
			 uint64_t value)
{
	char *text = tally_arena_alloc(arena, 21), *p = text + 20;

	*p = '\0';
	do
		*--p = (char)('0' + value % 10);
	while ((value /= 10) > 0);
	tally_add_text(arena, to, name, tally_bytes(p, (size_t)(text + 20 - p)));
}

void tally_add_payload(struct tally_arena *arena, struct tally_node *to, const char *name,
		       const char *marker, struct tally_bytes bytes)
{
	struct tally_node *node = new_node(arena, to, NODE_TEXT, name);

	node->marker = marker;
	node->text = bytes;
}
