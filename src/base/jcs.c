/* Canonical JSON, straight into a buffer. */
#include "jcs.h"

#include <assert.h>

/*
 * What stands after the backslash; 'u' for the control characters without a short form, 0 for
 * characters that go as they are.
 */
static const char escapes[256] = {
	'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'b', 't', 'n', 'u', 'f', 'r', 'u', 'u',
	'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u',
	['"'] = '"', ['\\'] = '\\'
};

static uint8_t *escape(uint8_t *out, uint8_t c)
{
	static const char digits[] = "0123456789abcdef";

	*out++ = '\\';
	*out++ = (uint8_t)escapes[c];
	if (escapes[c] == 'u') {
		*out++ = '0';
		*out++ = '0';
		*out++ = (uint8_t)digits[c >> 4];
		*out++ = (uint8_t)digits[c & 15];
	}
	return out;
}

#define EACH_BYTE(b) (0x0101010101010101u * (b))

/* Whether none of eight bytes needs an escape. Each byte is below n if the subtraction of n borrows
 * into its highest bit, which is not set itself; a borrow from the byte below may only make it say no. */
static bool plain(const uint8_t *p)
{
	uint64_t eight, quote, backslash;

	memcpy(&eight, p, sizeof(eight));
	quote = eight ^ EACH_BYTE('"');
	backslash = eight ^ EACH_BYTE('\\');
	return ((((eight - EACH_BYTE(' ')) & ~eight) | ((quote - EACH_BYTE(1u)) & ~quote) |
		 ((backslash - EACH_BYTE(1u)) & ~backslash)) & EACH_BYTE(0x80u)) == 0;
}

void tally_jcs_string(struct tally_buf *buf, struct tally_bytes text)
{
	const uint8_t *p = text.data, *run = p, *end = tally_bytes_end(text);
	uint8_t *out;

	tally_buf_reserve(buf, text.size + 2);	/* enough for all that needs no escape */
	tally_buf_add_u8(buf, '"');
	while (p < end) {
		if (end - p >= 8 && plain(p)) {
			p += 8;
			continue;
		}
		if (escapes[*p] == 0) {
			p++;
			continue;
		}
		tally_buf_add(buf, run, (size_t)(p - run));
		out = tally_buf_reserve(buf, 6);
		buf->size += (size_t)(escape(out, *p) - out);
		run = ++p;
	}
	tally_buf_add(buf, run, (size_t)(p - run));
	tally_buf_add_u8(buf, '"');
}

void tally_jcs_uint(struct tally_buf *buf, uint64_t value)
{
	assert(value < (uint64_t)1 << 53);
	tally_buf_add_decimal(buf, value);
}

void tally_jcs_open(struct tally_jcs_object *object, struct tally_buf *buf)
{
	object->buf = buf;
	object->last = NULL;
	tally_buf_add_u8(buf, '{');
}

void tally_jcs_close(struct tally_jcs_object *object)
{
	tally_buf_add_u8(object->buf, '}');
}
