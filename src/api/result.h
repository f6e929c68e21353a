/*
 * The result tree: what a handler returns, before it is JSON or XML. A node is an object, a list,
 * or a value; everything lives in the request's arena. Members keep the order in which they were
 * added. Two encoders write the same tree (json.c, xml.c); the item names of XML lists come from
 * the list node ("Journals" holds "Journal").
 */
#ifndef TALLY_RESULT_H
#define TALLY_RESULT_H

#include "arena.h"
#include "bytes.h"

enum tally_node_kind { NODE_OBJECT, NODE_LIST, NODE_TEXT, NODE_UINT, NODE_INT, NODE_BOOL };

struct tally_node {
	enum tally_node_kind kind;
	const char *name;		/* within an object */
	const char *item;		/* of a list: name of each item in XML */
	const char *marker;		/* of a text that may be any bytes, see tally_add_payload */
	struct tally_bytes text;
	uint64_t uint;
	int64_t sint;
	bool boolean;
	struct tally_node *first, *last, *next;
};

struct tally_node *tally_node_object(struct tally_arena *arena);

/* Members; text is not copied and must be valid UTF-8. name NULL: an item of a list. */
struct tally_node *tally_add_object(struct tally_arena *arena, struct tally_node *to,
				    const char *name);
struct tally_node *tally_add_list(struct tally_arena *arena, struct tally_node *to,
				  const char *name, const char *item);
void tally_add_text(struct tally_arena *arena, struct tally_node *to, const char *name,
		    struct tally_bytes text);
void tally_add_str(struct tally_arena *arena, struct tally_node *to, const char *name,
		   const char *text);
void tally_add_hex(struct tally_arena *arena, struct tally_node *to, const char *name,
		   const void *data, size_t size);
void tally_add_uint(struct tally_arena *arena, struct tally_node *to, const char *name,
		    uint64_t value);
void tally_add_bool(struct tally_arena *arena, struct tally_node *to, const char *name,
		    bool value);
/* An unsigned number as a string, as the API has it for JournalId. */
void tally_add_uint_text(struct tally_arena *arena, struct tally_node *to, const char *name,
			 uint64_t value);

/*
 * Any bytes. Where the format can carry them as text (JSON: valid UTF-8; XML: valid UTF-8 of the
 * characters that XML 1.0 allows) they are written so; else as base64, followed by a member named
 * marker with the value "base64". name and marker must not be NULL.
 */
void tally_add_payload(struct tally_arena *arena, struct tally_node *to, const char *name,
		       const char *marker, struct tally_bytes bytes);

/*
 * Every other text that XML 1.0 cannot carry (control characters in a clue) is written there as
 * base64 in an element with the attribute encoding="base64", so that the document stays whole.
 */

/* The encoders. The JSON of a list or value is that list or value. root_name is the XML root element. */
struct tally_bytes tally_encode_json(struct tally_arena *arena, const struct tally_node *node);
struct tally_bytes tally_encode_xml(struct tally_arena *arena, const struct tally_node *node,
				    const char *root_name);

#endif
