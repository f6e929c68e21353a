/*
 * The result tree as JSON, written straight into one buffer: a page of a thousand journals is one
 * pass over the tree. json-c, which reads the bodies of requests, would first build a second tree
 * with several allocations a member. Escaping is the one of jcs.h.
 */
#include "result.h"

#include "buf.h"
#include "jcs.h"
#include "utf8.h"

static void put_value(struct tally_buf *buf, struct tally_arena *arena,
		      const struct tally_node *node);

static void put_name(struct tally_buf *buf, const char *name)
{
	tally_jcs_string(buf, tally_bytes_str(name));
	tally_buf_add_u8(buf, ':');
}

static void put_children(struct tally_buf *buf, struct tally_arena *arena,
			 const struct tally_node *node)
{
	const struct tally_node *child;

	for (child = node->first; child != NULL; child = child->next) {
		if (child != node->first)
			tally_buf_add_u8(buf, ',');
		if (node->kind == NODE_OBJECT)
			put_name(buf, child->name);
		put_value(buf, arena, child);
	}
}

/* A text that may be any bytes; see tally_add_payload. */
static void put_payload(struct tally_buf *buf, struct tally_arena *arena,
			const struct tally_node *node)
{
	if (tally_utf8_valid(node->text)) {
		tally_jcs_string(buf, node->text);
		return;
	}
	tally_buf_add_u8(buf, '"');
	tally_buf_add_str(buf, tally_base64_encode(arena, node->text));
	tally_buf_add_str(buf, "\",");
	put_name(buf, node->marker);
	tally_buf_add_str(buf, "\"base64\"");
}

static void put_int(struct tally_buf *buf, int64_t value)
{
	if (value < 0)
		tally_buf_add_u8(buf, '-');
	tally_buf_add_decimal(buf, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

static void put_value(struct tally_buf *buf, struct tally_arena *arena,
		      const struct tally_node *node)
{
	switch (node->kind) {
	case NODE_OBJECT:
		tally_buf_add_u8(buf, '{');
		put_children(buf, arena, node);
		tally_buf_add_u8(buf, '}');
		break;
	case NODE_LIST:
		tally_buf_add_u8(buf, '[');
		put_children(buf, arena, node);
		tally_buf_add_u8(buf, ']');
		break;
	case NODE_TEXT:
		if (node->marker != NULL)
			put_payload(buf, arena, node);
		else
			tally_jcs_string(buf, node->text);
		break;
	case NODE_UINT:
		tally_buf_add_decimal(buf, node->uint);
		break;
	case NODE_INT:
		put_int(buf, node->sint);
		break;
	case NODE_BOOL:
		tally_buf_add_str(buf, node->boolean ? "true" : "false");
		break;
	}
}

struct tally_bytes tally_encode_json(struct tally_arena *arena, const struct tally_node *node)
{
	struct tally_buf buf = { .secret = true };	/* answers have keys and data in them */
	struct tally_bytes text;

	put_value(&buf, arena, node);
	text = tally_arena_bytes(arena, tally_buf_bytes(&buf));
	tally_buf_free(&buf);
	return text;
}
