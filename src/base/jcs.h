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

/* All that RFC 8785 has escaped. */
#define TALLY_JCS_ESCAPED "\"\\\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17\20\21\22\23\24\25\26\27\30\31" \
			  "\32\33\34\35\36\37"

/* Here, so that of a literal size and escapes are known beforehand. */
static inline __attribute__((always_inline)) void tally_jcs_name(struct tally_jcs_object *object, const char *name)
{
	struct tally_buf *buf = object->buf;
	size_t size = strlen(name);

	assert(object->last == NULL || object->last[0] < name[0] || strcmp(object->last, name) < 0);
	if (object->last != NULL)
		tally_buf_add_u8(buf, ',');
	object->last = name;
	if (strcspn(name, TALLY_JCS_ESCAPED) == size) {
		uint8_t *to = tally_buf_reserve(buf, size + 3);

		to[0] = '"';
		memcpy(to + 1, name, size);
		to[size + 1] = '"';
		to[size + 2] = ':';
		buf->size += size + 3;
	} else {
		tally_jcs_string(buf, tally_bytes(name, size));
		tally_buf_add_u8(buf, ':');
	}
}

void tally_jcs_close(struct tally_jcs_object *object);

#endif
