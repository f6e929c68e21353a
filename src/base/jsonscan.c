/* The members of a JSON object where they stand; see jsonscan.h. */
#include "jsonscan.h"

#define DEPTH 64

static void skip_space(struct tally_jsonscan *scan)
{
	while (scan->at < scan->end &&
	       (*scan->at == ' ' || *scan->at == '\t' || *scan->at == '\n' || *scan->at == '\r'))
		scan->at++;
}

static bool take(struct tally_jsonscan *scan, uint8_t c)
{
	skip_space(scan);
	if (scan->at == scan->end || *scan->at != c)
		return false;
	scan->at++;
	return true;
}

/* From a quote to behind the one that ends it. */
static bool skip_string(struct tally_jsonscan *scan)
{
	for (scan->at++; scan->at < scan->end; scan->at++) {
		if (*scan->at == '"') {
			scan->at++;
			return true;
		}
		if (*scan->at == '\\' && ++scan->at == scan->end)
			return false;
	}
	return false;
}

/* An array or an object: to behind the bracket that ends it. */
static bool skip_nested(struct tally_jsonscan *scan)
{
	unsigned int depth = 0;

	while (scan->at < scan->end) {
		uint8_t c = *scan->at;

		if (c == '"') {
			if (!skip_string(scan))
				return false;
			continue;
		}
		scan->at++;
		if ((c == '[' || c == '{') && ++depth > DEPTH)
			return false;
		if ((c == ']' || c == '}') && --depth == 0)
			return true;
	}
	return false;
}

static bool skip_word(struct tally_jsonscan *scan)
{
	const uint8_t *start = scan->at;

	while (scan->at < scan->end && strchr(",]} \t\r\n", *scan->at) == NULL)
		scan->at++;
	return scan->at > start;
}

static bool skip_value(struct tally_jsonscan *scan)
{
	if (scan->at == scan->end)
		return false;
	if (*scan->at == '"')
		return skip_string(scan);
	return *scan->at == '[' || *scan->at == '{' ? skip_nested(scan) : skip_word(scan);
}

void tally_jsonscan_begin(struct tally_jsonscan *scan, struct tally_bytes text)
{
	*scan = (struct tally_jsonscan){ text.data, tally_bytes_end(text), true };
}

static int end_of_text(struct tally_jsonscan *scan)
{
	skip_space(scan);
	return scan->at == scan->end ? 0 : -1;
}

int tally_jsonscan_next(struct tally_jsonscan *scan, struct tally_jsonscan_member *member_r)
{
	const uint8_t *start;

	if (scan->first && !take(scan, '{'))
		return -1;
	if (take(scan, '}'))
		return end_of_text(scan);
	if (!scan->first && !take(scan, ','))
		return -1;
	scan->first = false;
	skip_space(scan);
	start = scan->at;
	if (start == scan->end || *start != '"' || !skip_string(scan))
		return -1;
	member_r->name = tally_bytes(start + 1, (size_t)(scan->at - start) - 2);
	if (!take(scan, ':'))
		return -1;
	skip_space(scan);
	start = scan->at;
	if (!skip_value(scan))
		return -1;
	member_r->value = tally_bytes(start, (size_t)(scan->at - start));
	return 1;
}

/* ---- strings ---- */

static int hex_unit(const uint8_t *p, const uint8_t *end)
{
	uint8_t bytes[2];

	if (end - p < 4 || !tally_hex_decode(tally_bytes(p, 4), bytes, 2))
		return -1;
	return tally_get_u16(bytes);
}

/* Behind "\u": one unit, or a pair of them. Moves p behind; -1 for half a pair. */
static long take_unit(const uint8_t **p, const uint8_t *end)
{
	int unit = hex_unit(*p, end), low;

	if (unit < 0)
		return -1;
	*p += 4;
	if (unit < 0xd800 || unit > 0xdfff)
		return unit;
	if (unit > 0xdbff || end - *p < 6 || (*p)[0] != '\\' || (*p)[1] != 'u')
		return -1;
	low = hex_unit(*p + 2, end);
	if (low < 0xdc00 || low > 0xdfff)
		return -1;
	*p += 6;
	return 0x10000 + ((long)(unit - 0xd800) << 10) + (low - 0xdc00);
}

static uint8_t *put_utf8(uint8_t *out, long code)
{
	if (code < 0x80) {
		*out++ = (uint8_t)code;
	} else if (code < 0x800) {
		*out++ = (uint8_t)(0xc0 | code >> 6);
		*out++ = (uint8_t)(0x80 | (code & 63));
	} else if (code < 0x10000) {
		*out++ = (uint8_t)(0xe0 | code >> 12);
		*out++ = (uint8_t)(0x80 | (code >> 6 & 63));
		*out++ = (uint8_t)(0x80 | (code & 63));
	} else {
		*out++ = (uint8_t)(0xf0 | code >> 18);
		*out++ = (uint8_t)(0x80 | (code >> 12 & 63));
		*out++ = (uint8_t)(0x80 | (code >> 6 & 63));
		*out++ = (uint8_t)(0x80 | (code & 63));
	}
	return out;
}

/* What stands behind a backslash; -1 if it is none. */
static long take_escape(const uint8_t **p, const uint8_t *end)
{
	static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
	const char *found;
	uint8_t c;

	if (*p == end)
		return -1;
	c = *(*p)++;
	if (c == 'u')
		return take_unit(p, end);
	found = c != 0 ? strchr(names, c) : NULL;
	return found != NULL ? values[found - names] : -1;
}

bool tally_jsonscan_text(struct tally_bytes raw, uint8_t *text_r, size_t *size_r)
{
	const uint8_t *p = raw.data, *end = tally_bytes_end(raw);
	uint8_t *out = text_r;

	while (p < end) {
		long code;

		if (*p != '\\') {
			if (*p < ' ')
				return false;
			*out++ = *p++;
			continue;
		}
		p++;
		code = take_escape(&p, end);
		if (code < 0)
			return false;
		out = put_utf8(out, code);
	}
	*size_r = (size_t)(out - text_r);
	return true;
}

bool tally_jsonscan_is(struct tally_bytes raw, const char *name)
{
	uint8_t text[256];
	size_t size;

	return raw.size <= sizeof(text) && tally_jsonscan_text(raw, text, &size) &&
	       tally_bytes_is(tally_bytes(text, size), name);
}
