/* Base64. See b64.h. */
#include "b64.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t tally_b64_put(const uint8_t *data, size_t size, char *text)
{
	size_t used = 0;

	for (size_t i = 0; i < size; i += 3) {
		uint32_t three = (uint32_t)data[i] << 16;

		three |= i + 1 < size ? (uint32_t)data[i + 1] << 8 : 0;
		three |= i + 2 < size ? data[i + 2] : 0;
		text[used++] = digits[three >> 18];
		text[used++] = digits[three >> 12 & 63];
		text[used++] = i + 1 < size ? digits[three >> 6 & 63] : '=';
		text[used++] = i + 2 < size ? digits[three & 63] : '=';
	}
	return used;
}

static int digit_value(uint8_t c)
{
	const char *at = c != '\0' ? strchr(digits, c) : NULL;

	return at != NULL ? (int)(at - digits) : -1;
}

int tally_b64_get(struct tally_bytes text, uint8_t *data, size_t room)
{
	size_t used = 0, pad = 0;

	if (text.size == 0 || text.size % 4 != 0)
		return -1;
	pad = (size_t)(text.data[text.size - 1] == '=') + (text.data[text.size - 2] == '=');
	if (text.size / 4 * 3 - pad > room)
		return -1;
	for (size_t i = 0; i < text.size; i += 4) {
		bool last = i + 4 == text.size;
		uint32_t three = 0;

		for (size_t k = 0; k < 4; k++) {
			int value = last && k >= 4 - pad ? 0 : digit_value(text.data[i + k]);

			if (value < 0)
				return -1;
			three = three << 6 | (uint32_t)value;
		}
		if (last && ((pad == 1 && (three & 0xff) != 0) || (pad == 2 && (three & 0xffff) != 0)))
			return -1;
		data[used++] = (uint8_t)(three >> 16);
		if (!last || pad < 2)
			data[used++] = (uint8_t)(three >> 8);
		if (!last || pad < 1)
			data[used++] = (uint8_t)three;
	}
	return (int)used;
}

/* Group by group; only the last one may be padded. */
bool tally_b64_valid(struct tally_bytes text)
{
	uint8_t three[3];

	if (text.size == 0 || text.size % 4 != 0)
		return false;
	for (size_t i = 0; i < text.size; i += 4) {
		int size = tally_b64_get(tally_bytes(text.data + i, 4), three, 3);

		if (size < 1 || (size < 3 && i + 4 < text.size))
			return false;
	}
	return true;
}
