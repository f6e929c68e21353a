/* Base58 in the alphabet of Bitcoin, as identifiers use it: no 0, O, I, l. Encoding only. */
#include "bytes.h"

static const char digits[] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/* The number is divided by 58 until nothing is left; a leading zero byte is a leading '1'. */
void tally_base58_encode(struct tally_bytes data, char *text)
{
	uint8_t number[TALLY_BASE58_MAX];
	char reversed[TALLY_BASE58_TEXT(TALLY_BASE58_MAX)];
	size_t zeros = 0, size = 0, first;

	while (zeros < data.size && data.data[zeros] == 0)
		zeros++;
	if (data.size > 0)
		memcpy(number, data.data, data.size);
	for (first = zeros; first < data.size;) {
		unsigned int rest = 0;

		for (size_t i = first; i < data.size; i++) {
			rest = rest << 8 | number[i];
			number[i] = (uint8_t)(rest / 58);
			rest %= 58;
		}
		reversed[size++] = digits[rest];
		while (first < data.size && number[first] == 0)
			first++;
	}
	memset(text, '1', zeros);
	for (size_t i = 0; i < size; i++)
		text[zeros + i] = reversed[size - 1 - i];
	text[zeros + size] = '\0';
}
