/*
 * Ion binary (amazon-ion.github.io/ion-docs/docs/binary.html). A value is a type and a length; what is
 * within it ends where it does.
 */
#include "ion_private.h"

#include <string.h>

#include "utf8.h"

#define SYSTEM_SYMBOLS 9
#define NUMBER_MAX (TALLY_ION_DIGITS * 2 / 5)	/* bytes that text can hold as well */

static const char *const system_symbols[SYSTEM_SYMBOLS + 1] = {
	NULL, "$ion", "$ion_1_0", "$ion_symbol_table", "name", "version", "imports", "symbols", "max_id",
	"$ion_shared_symbol_table"
};

enum { ION_ANNOTATION = 14, ION_RESERVED = 15 };

/* The head of a value: its bytes are [reader->at, end). */
struct head {
	unsigned int type, length;	/* the two halves of the first byte */
	const uint8_t *end;
};

static bool resolve(const struct tally_ion_parse *p, uint64_t id, struct tally_bytes *text_r)
{
	const struct tally_ion_reader *reader = p->reader;

	if (id >= 1 && id <= SYSTEM_SYMBOLS) {
		*text_r = tally_bytes_str(system_symbols[id]);
		return true;
	}
	if (id <= SYSTEM_SYMBOLS || id - SYSTEM_SYMBOLS > reader->symbol_count)
		return false;
	*text_r = reader->symbols[id - SYSTEM_SYMBOLS - 1];
	return text_r->data != NULL;
}

static int take_head(struct tally_ion_parse *p, const uint8_t *end, struct head *head_r)
{
	struct tally_ion_reader *reader = p->reader;
	uint64_t length;

	if (reader->at >= end)
		return tally_ion_wrong(p, "it ends too early");
	head_r->type = *reader->at >> 4;
	head_r->length = *reader->at++ & 15;
	length = head_r->length;
	if (head_r->length == 15 || head_r->type == ION_BOOL)
		length = 0;
	else if ((length == 14 || (length == 1 && head_r->type == ION_STRUCT)) &&
		 !tally_ion_varuint(&reader->at, end, &length))
		return tally_ion_wrong(p, "a malformed length");
	if (length > (uint64_t)(end - reader->at))
		return tally_ion_wrong(p, "a length beyond its end");
	head_r->end = reader->at + length;
	return 0;
}

static bool is_padding(const struct head *head)
{
	return head->type == ION_NULL && head->length != 15;
}

/* ---- scalars ---- */

static int set_int(struct tally_ion_parse *p, struct tally_ion *node, unsigned int type,
		   struct tally_bytes bytes)
{
	node->bytes = tally_ion_magnitude(bytes);
	node->negative = type == ION_INT + 1;
	if (node->bytes.size > NUMBER_MAX)
		return tally_ion_wrong(p, "a number of too many digits");
	return node->negative && node->bytes.size == 0 ? tally_ion_wrong(p, "a negative zero") : 0;
}

static int set_float(struct tally_ion_parse *p, struct tally_ion *node, struct tally_bytes bytes)
{
	uint64_t bits = 0;
	double value = 0;
	float small;

	if (bytes.size != 0 && bytes.size != 4 && bytes.size != 8)
		return tally_ion_wrong(p, "a float of another size");
	if (bytes.size == 4) {
		uint32_t half = tally_get_u32(bytes.data);

		memcpy(&small, &half, 4);
		value = small;
	} else if (bytes.size == 8) {
		bits = tally_get_u64(bytes.data);
		memcpy(&value, &bits, 8);
	}
	node->bytes = tally_ion_float(p->arena, value);
	return 0;
}

static int set_decimal(struct tally_ion_parse *p, struct tally_ion *node, struct tally_bytes bytes)
{
	const uint8_t *at = bytes.data, *end = tally_bytes_end(bytes);
	bool ignored, negative = false;
	int64_t exponent = 0;
	uint8_t *copy;
	size_t size;

	if (bytes.size == 0)
		return 0;
	if (!tally_ion_varint(&at, end, &exponent, &ignored) || exponent > 999999999 ||
	    exponent < -999999999 - (int64_t)TALLY_ION_DIGITS)
		return tally_ion_wrong(p, "a decimal with a malformed exponent");
	size = (size_t)(end - at);
	if (size > NUMBER_MAX)
		return tally_ion_wrong(p, "a number of too many digits");
	copy = tally_arena_copy(p->arena, at, size);
	if (size > 0) {
		negative = (copy[0] & 0x80) != 0;
		copy[0] &= 0x7f;
	}
	node->bytes = tally_ion_decimal(p->arena, exponent, negative, tally_bytes(copy, size));
	return 0;
}

static int set_timestamp(struct tally_ion_parse *p, struct tally_ion *node,
			 struct tally_bytes bytes)
{
	struct tally_ion_time time;

	if (!tally_ion_time_read(bytes, &time))
		return tally_ion_wrong(p, "a malformed timestamp");
	node->bytes = tally_ion_timestamp(p->arena, &time);
	return 0;
}

static int set_symbol(struct tally_ion_parse *p, struct tally_ion *node, struct tally_bytes bytes)
{
	uint64_t id = 0;

	for (size_t i = 0; i < bytes.size; i++) {
		if (id >> 56 != 0)
			return tally_ion_wrong(p, "a symbol that no table has");
		id = id << 8 | bytes.data[i];
	}
	node->unknown = id == 0;
	return id == 0 || resolve(p, id, &node->bytes) ? 0 :
							tally_ion_wrong(p, "a symbol that no table has");
}

static int set_string(struct tally_ion_parse *p, struct tally_ion *node, struct tally_bytes bytes)
{
	node->bytes = bytes;
	return tally_utf8_valid(bytes) ? 0 : tally_ion_wrong(p, "a text that is no UTF-8");
}

static int set_scalar(struct tally_ion_parse *p, struct tally_ion *node, unsigned int type,
		      struct tally_bytes bytes)
{
	switch (type) {
	case ION_INT: case ION_INT + 1:	return set_int(p, node, type, bytes);
	case ION_FLOAT:			return set_float(p, node, bytes);
	case ION_DECIMAL:		return set_decimal(p, node, bytes);
	case ION_TIMESTAMP:		return set_timestamp(p, node, bytes);
	case ION_SYMBOL:		return set_symbol(p, node, bytes);
	case ION_STRING:		return set_string(p, node, bytes);
	default:			node->bytes = bytes; return 0;	/* clob, blob */
	}
}

/* ---- values ---- */

static int take_value(struct tally_ion_parse *p, const uint8_t *end, unsigned int depth,
		      struct tally_ion **value_r);

static int take_items(struct tally_ion_parse *p, const uint8_t *end, unsigned int depth,
		      struct tally_ion *to)
{
	struct tally_ion *last = NULL, *item;
	struct tally_bytes name = TALLY_BYTES_NONE;
	uint64_t id;

	while (p->reader->at < end) {
		if (to->type == ION_STRUCT && !tally_ion_varuint(&p->reader->at, end, &id))
			return tally_ion_wrong(p, "a malformed member");
		if (take_value(p, end, depth + 1, &item) != 0)
			return -1;
		if (item == NULL)
			continue;		/* padding, whatever its name */
		if (to->type == ION_STRUCT && !resolve(p, id, &name))
			return tally_ion_wrong(p, "a member whose name no table has");
		item->name = name;
		tally_ion_append(to, &last, item);
	}
	return 0;
}

/* Annotations and the value they are of. */
static int take_annotated(struct tally_ion_parse *p, const struct head *head, unsigned int depth,
			  struct tally_ion **value_r)
{
	struct tally_ion_reader *reader = p->reader;
	struct tally_bytes *annotations = NULL;
	size_t count = 0, room = 0;
	const uint8_t *end;
	uint64_t size, id;

	if (head->length == 15 || !tally_ion_varuint(&reader->at, head->end, &size) || size == 0 ||
	    size > (uint64_t)(head->end - reader->at))
		return tally_ion_wrong(p, "malformed annotations");
	for (end = reader->at + size; reader->at < end; ) {
		annotations = tally_arena_more(p->arena, annotations, count, &room,
					       sizeof(*annotations));
		if (!tally_ion_varuint(&reader->at, end, &id) ||
		    !resolve(p, id, &annotations[count++]))
			return tally_ion_wrong(p, "an annotation that no table has");
	}
	if (reader->at < head->end && *reader->at >> 4 == ION_ANNOTATION)
		return tally_ion_wrong(p, "annotations of annotations");
	if (take_value(p, head->end, depth, value_r) != 0)
		return -1;
	if (*value_r == NULL || reader->at != head->end)
		return tally_ion_wrong(p, "annotations of something else than one value");
	(*value_r)->annotations = annotations;
	(*value_r)->annotation_count = count;
	return 0;
}

static int take_plain(struct tally_ion_parse *p, const struct head *head, unsigned int depth,
		      struct tally_ion **value_r)
{
	bool container = head->type >= ION_LIST && head->type <= ION_STRUCT;
	unsigned int type = head->type == ION_INT + 1 ? ION_INT : head->type;
	struct tally_bytes bytes = tally_bytes(p->reader->at, (size_t)(head->end - p->reader->at));
	struct tally_ion *node;

	if (head->type == ION_RESERVED || (head->type == ION_BOOL && head->length > 1 &&
					   head->length != 15))
		return tally_ion_wrong(p, "a value of no type");
	node = *value_r = tally_ion_node(p, (enum tally_ion_type)type);
	if (node == NULL)
		return -1;
	node->null = head->length == 15;
	node->boolean = head->type == ION_BOOL && head->length == 1;
	if (node->null || type == ION_BOOL)
		return 0;
	if (container)
		return depth >= TALLY_ION_DEPTH ?
			       tally_ion_wrong(p, "values too deep within one another") :
			       take_items(p, head->end, depth, node);
	p->reader->at = head->end;
	return set_scalar(p, node, head->type, bytes);
}

/* *value_r NULL: it was padding. */
static int take_value(struct tally_ion_parse *p, const uint8_t *end, unsigned int depth,
		      struct tally_ion **value_r)
{
	struct head head = { 0 };

	*value_r = NULL;
	if (take_head(p, end, &head) != 0)
		return -1;
	if (is_padding(&head)) {
		p->reader->at = head.end;
		return 0;
	}
	if (head.type == ION_ANNOTATION)
		return take_annotated(p, &head, depth, value_r);
	return take_plain(p, &head, depth, value_r);
}

/* ---- symbol tables ---- */

static bool imports_current(const struct tally_ion *imports, bool *append_r)
{
	struct tally_bytes text;

	*append_r = false;
	if (imports == NULL || (imports->type == ION_LIST && imports->count == 0))
		return true;
	*append_r = imports->type == ION_SYMBOL && tally_ion_text(imports, &text) &&
		    tally_bytes_is(text, "$ion_symbol_table");
	return *append_r;
}

/* The new symbols behind those that are kept. A symbol that is no text has a number and no text. */
static int take_table(struct tally_ion_parse *p, const struct tally_ion *table)
{
	const struct tally_ion *symbols = tally_ion_member(table, "symbols"), *item;
	struct tally_ion_reader *reader = p->reader;
	size_t kept, added = symbols != NULL && symbols->type == ION_LIST ? symbols->count : 0;
	struct tally_bytes *all;
	bool append;

	if (!imports_current(tally_ion_member(table, "imports"), &append))
		return tally_ion_wrong(p, "a shared symbol table, which is not read");
	kept = append ? reader->symbol_count : 0;
	all = tally_arena_array(reader->symbols_in, struct tally_bytes, kept + added + 1);
	if (kept > 0)
		memcpy(all, reader->symbols, kept * sizeof(*all));
	reader->symbols = all;
	reader->symbol_count = kept;
	for (item = added > 0 ? symbols->first : NULL; item != NULL; item = item->next) {
		struct tally_bytes *to = &all[reader->symbol_count++];

		*to = TALLY_BYTES_NONE;
		if (item->type == ION_STRING && !item->null)
			*to = tally_arena_bytes(reader->symbols_in, item->bytes);
	}
	return 0;
}

static bool is_table(const struct tally_ion *value)
{
	return value->annotation_count > 0 && value->type == ION_STRUCT &&
	       tally_bytes_is(value->annotations[0], "$ion_symbol_table");
}

/* E0 and the version, which also ends the symbol table. */
static int take_marker(struct tally_ion_parse *p)
{
	static const uint8_t marker[4] = { 0xe0, 0x01, 0x00, 0xea };
	struct tally_ion_reader *reader = p->reader;

	if (reader->end - reader->at < 4 || memcmp(reader->at, marker, 4) != 0)
		return tally_ion_wrong(p, "another version of Ion");
	reader->at += 4;
	reader->symbol_count = 0;
	return 0;
}

int tally_ion_binary_next(struct tally_ion_parse *p, struct tally_ion **value_r)
{
	struct tally_ion_reader *reader = p->reader;

	while (reader->at < reader->end) {
		if (*reader->at == 0xe0) {
			if (take_marker(p) != 0)
				return -1;
			continue;
		}
		if (take_value(p, reader->end, 0, value_r) != 0)
			return -1;
		if (*value_r == NULL)
			continue;
		if (!is_table(*value_r))
			return 1;
		if (take_table(p, *value_r) != 0)
			return -1;
	}
	*value_r = NULL;
	return 0;
}
