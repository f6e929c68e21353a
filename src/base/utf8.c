/* Checking and counting UTF-8. */
#include "utf8.h"

/* Where the run of ASCII that begins at p ends; eight bytes at a time, as most text is ASCII. */
static const uint8_t *skip_ascii(const uint8_t *p, const uint8_t *end)
{
	uint64_t eight;

	for (; end - p >= 8; p += 8) {
		memcpy(&eight, p, sizeof(eight));
		if ((eight & 0x8080808080808080u) != 0)
			break;
	}
	while (p < end && *p < 0x80)
		p++;
	return p;
}

static bool is_tail(uint8_t c)
{
	return (c & 0xc0) == 0x80;
}

/* Length of the sequence of two or more bytes at p, 0 if there is no valid one (RFC 3629 4). */
static size_t sequence(const uint8_t *p, size_t left)
{
	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		return left >= 2 && is_tail(p[1]) ? 2 : 0;
	if (p[0] >= 0xe0 && p[0] <= 0xef) {
		if (left < 3 || !is_tail(p[1]) || !is_tail(p[2]) ||
		    (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f))
			return 0;
		return 3;
	}
	if (p[0] >= 0xf0 && p[0] <= 0xf4) {
		if (left < 4 || !is_tail(p[1]) || !is_tail(p[2]) || !is_tail(p[3]) ||
		    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
			return 0;
		return 4;
	}
	return 0;
}

bool tally_utf8_valid(struct tally_bytes text)
{
	const uint8_t *p = text.data, *end = tally_bytes_end(text);
	size_t size;

	while ((p = skip_ascii(p, end)) < end) {
		size = sequence(p, (size_t)(end - p));
		if (size == 0)
			return false;
		p += size;
	}
	return true;
}

size_t tally_utf8_length(struct tally_bytes text)
{
	size_t i, count = 0;

	for (i = 0; i < text.size; i++)
		count += !is_tail(text.data[i]);
	return count;
}

bool tally_utf8_printable(struct tally_bytes text)
{
	const uint8_t *p = text.data, *end = tally_bytes_end(text);
	size_t size;

	while (p < end) {
		if (*p < 0x80) {
			if (*p < 0x20 || *p == 0x7f)
				return false;
			p++;
			continue;
		}
		size = sequence(p, (size_t)(end - p));
		if (size == 0 || (p[0] == 0xc2 && p[1] < 0xa0))
			return false;
		p += size;
	}
	return true;
}
