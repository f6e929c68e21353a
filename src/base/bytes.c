/* Comparing bytes, and their text forms: hex, decimal; base64.c has the other one. */
#include "bytes.h"

int tally_bytes_compare(struct tally_bytes a, struct tally_bytes b)
{
	size_t shorter = a.size < b.size ? a.size : b.size;
	int order = shorter != 0 ? memcmp(a.data, b.data, shorter) : 0;

	return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

void tally_hex_encode(const void *data, size_t size, char *text)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *p = data;
	size_t i;

	for (i = 0; i < size; i++) {
		*text++ = digits[p[i] >> 4];
		*text++ = digits[p[i] & 15];
	}
	*text = '\0';
}

/* The value of a hex digit plus one; 0 for all else. */
static const uint8_t hex_value[256] = {
	['0'] = 1, ['1'] = 2, ['2'] = 3, ['3'] = 4, ['4'] = 5, ['5'] = 6, ['6'] = 7, ['7'] = 8,
	['8'] = 9, ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15,
	['f'] = 16, ['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16
};

bool tally_hex_decode(struct tally_bytes text, void *data, size_t size)
{
	uint8_t *out = data;
	size_t i;

	if (text.size / 2 != size || text.size % 2 != 0)
		return false;
	for (i = 0; i < size; i++) {
		unsigned int high = hex_value[text.data[2 * i]];
		unsigned int low = hex_value[text.data[2 * i + 1]];

		if (high == 0 || low == 0)
			return false;
		out[i] = (uint8_t)((high - 1) << 4 | (low - 1));
	}
	return true;
}

bool tally_parse_u64(struct tally_bytes text, uint64_t max, uint64_t *value_r)
{
	uint64_t value = 0;
	size_t i;

	if (text.size == 0 || text.size > 20 || (text.size > 1 && text.data[0] == '0'))
		return false;
	for (i = 0; i < text.size; i++) {
		unsigned int digit = (unsigned int)text.data[i] - '0';

		if (digit > 9 || __builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, digit, &value))
			return false;
	}
	if (value > max)
		return false;
	*value_r = value;
	return true;
}

bool tally_next_u64(struct tally_bytes *text, uint64_t max, uint64_t *value_r)
{
	const uint8_t *comma = text->size > 0 ? memchr(text->data, ',', text->size) : NULL;
	size_t size = comma != NULL ? (size_t)(comma - text->data) : text->size;

	if (!tally_parse_u64(tally_bytes(text->data, size), max, value_r) ||
	    (comma != NULL && size + 1 == text->size))
		return false;
	*text = comma != NULL ? tally_bytes(comma + 1, text->size - size - 1) : TALLY_BYTES_NONE;
	return true;
}
