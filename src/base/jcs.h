/*
 * Writing JSON in the canonical form of RFC 8785 (JCS), for what is hashed and signed.
 *
 * Only what our leaves need: objects whose members the caller gives in sorted order (all our
 * member names are ASCII, so byte order is the UTF-16 order of RFC 8785 3.2.3), arrays, strings of
 * valid UTF-8, and integers below 2^53. Text goes straight into the buffer; nothing is allocated.
 */
#ifndef TALLY_JCS_H
#define TALLY_JCS_H

#include <assert.h>

#include "buf.h"

/* A JSON string with its quotes, escaped as RFC 8785 3.2.2.2 says. text must be valid UTF-8. */
void tally_jcs_string(struct tally_buf *buf, struct tally_bytes text);

/* An integer below 2^53 (asserted). */
void tally_jcs_uint(struct tally_buf *buf, uint64_t value);

/*
 * An object under way: tally_jcs_open, then tally_jcs_name before each value, then
 * tally_jcs_close. Names must come in ascending byte order (asserted).
 */
struct tally_jcs_object {
	struct tally_buf *buf;
	const char *last;
};
void tally_jcs_open(struct tally_jcs_object *object, struct tally_buf *buf);

/* name: of characters that need no escape. Here, so that of a literal its size is known. */
static inline void tally_jcs_name(struct tally_jcs_object *object, const char *name)
{
	struct tally_buf *buf = object->buf;
	size_t size = strlen(name);
	uint8_t *to = tally_buf_reserve(buf, size + 4);

	assert(object->last == NULL || object->last[0] < name[0] || strcmp(object->last, name) < 0);
	if (object->last != NULL)
		*to++ = ',';
	*to++ = '"';
	memcpy(to, name, size);
	to[size] = '"';
	to[size + 1] = ':';
	buf->size += size + 3 + (object->last != NULL);
	object->last = name;
}

void tally_jcs_close(struct tally_jcs_object *object);

#endif
