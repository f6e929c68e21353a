/* Base64 of bytes into an arena; bytes.h has the contract. */
#include "bytes.h"

#include "arena.h"

static const char base64_digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* The value of a base64 digit plus one; 0 for all else, padding included. */
static const uint8_t base64_value[256] = {
	['A'] = 1, ['B'] = 2, ['C'] = 3, ['D'] = 4, ['E'] = 5, ['F'] = 6, ['G'] = 7, ['H'] = 8,
	['I'] = 9, ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15,
	['P'] = 16, ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22,
	['W'] = 23, ['X'] = 24, ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29,
	['d'] = 30, ['e'] = 31, ['f'] = 32, ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36,
	['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40, ['o'] = 41, ['p'] = 42, ['q'] = 43,
	['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48, ['w'] = 49, ['x'] = 50,
	['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56, ['4'] = 57,
	['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['+'] = 63, ['/'] = 64
};

char *tally_base64_encode(struct tally_arena *arena, struct tally_bytes data)
{
	char *text = tally_arena_alloc(arena, (data.size + 2) / 3 * 4 + 1), *p = text;
	size_t i, left;
	uint32_t v;

	for (i = 0; data.size - i >= 3; i += 3) {
		v = (uint32_t)data.data[i] << 16 | (uint32_t)data.data[i + 1] << 8 | data.data[i + 2];
		*p++ = base64_digits[v >> 18];
		*p++ = base64_digits[v >> 12 & 63];
		*p++ = base64_digits[v >> 6 & 63];
		*p++ = base64_digits[v & 63];
	}
	left = data.size - i;
	if (left != 0) {
		v = (uint32_t)data.data[i] << 16;
		if (left == 2)
			v |= (uint32_t)data.data[i + 1] << 8;
		*p++ = base64_digits[v >> 18];
		*p++ = base64_digits[v >> 12 & 63];
		*p++ = left == 2 ? base64_digits[v >> 6 & 63] : '=';
		*p++ = '=';
	}
	*p = '\0';
	return text;
}

/* The last quad of four digits with its padding, of which bits that carry nothing must be zero. */
static bool base64_last(const uint8_t *quad, size_t digits, uint8_t *out)
{
	uint32_t v = 0;
	size_t i;

	for (i = 0; i < digits; i++) {
		if (base64_value[quad[i]] == 0)
			return false;
		v |= (uint32_t)(base64_value[quad[i]] - 1) << (18 - 6 * i);
	}
	if ((v & (digits == 2 ? 0xffffu : digits == 3 ? 0xffu : 0u)) != 0)
		return false;
	out[0] = (uint8_t)(v >> 16);
	if (digits > 2)
		out[1] = (uint8_t)(v >> 8);
	if (digits > 3)
		out[2] = (uint8_t)v;
	return true;
}

bool tally_base64_decode(struct tally_arena *arena, struct tally_bytes text,
			 struct tally_bytes *data_r)
{
	size_t quads = text.size / 4, pad = 0, i;
	const uint8_t *p = text.data;
	uint8_t *data, *out;

	if (text.size % 4 != 0)
		return false;
	data = out = tally_arena_alloc(arena, quads * 3 + 1);
	for (i = 0; i + 1 < quads; i++, p += 4, out += 3) {
		uint32_t a = base64_value[p[0]], b = base64_value[p[1]];
		uint32_t c = base64_value[p[2]], d = base64_value[p[3]], v;

		if (a == 0 || b == 0 || c == 0 || d == 0)
			return false;
		v = (a - 1) << 18 | (b - 1) << 12 | (c - 1) << 6 | (d - 1);
		out[0] = (uint8_t)(v >> 16);
		out[1] = (uint8_t)(v >> 8);
		out[2] = (uint8_t)v;
	}
	if (quads != 0) {
		pad = p[3] != '=' ? 0 : p[2] != '=' ? 1 : 2;
		if (!base64_last(p, 4 - pad, out))
			return false;
	}
	*data_r = tally_bytes(data, quads * 3 - pad);
	return true;
}
