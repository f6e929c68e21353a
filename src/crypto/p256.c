/* Signatures of ECDSA on P-256 in decimal; see p256.h. Numbers are 32 bytes, big-endian, and public. */
#include "p256.h"

static const uint8_t order[32] = {
	0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51
};

/* number = number * 10 + digit; false where it does not fit. */
static bool push_digit(uint8_t number[32], unsigned int digit)
{
	unsigned int carry = digit;

	for (size_t i = 32; i-- > 0;) {
		carry += number[i] * 10u;
		number[i] = (uint8_t)carry;
		carry >>= 8;
	}
	return carry == 0;
}

static bool parse(const uint8_t *digits, size_t count, uint8_t number_r[32])
{
	static const uint8_t zero[32];

	memset(number_r, 0, 32);
	if (count == 0 || digits[0] == '0')
		return false;
	for (size_t i = 0; i < count; i++)
		if (digits[i] < '0' || digits[i] > '9' ||
		    !push_digit(number_r, (unsigned int)(digits[i] - '0')))
			return false;
	return memcmp(number_r, zero, 32) != 0 && memcmp(number_r, order, 32) < 0;
}

static void subtract_from_order(const uint8_t number[32], uint8_t rest_r[32])
{
	int borrow = 0;

	for (size_t i = 32; i-- > 0;) {
		int digit = order[i] - number[i] - borrow;

		borrow = digit < 0;
		rest_r[i] = (uint8_t)(digit + (borrow ? 256 : 0));
	}
}

bool tally_p256_signature_parse(struct tally_bytes text, uint8_t signature_r[64])
{
	const uint8_t *plus = text.size > 0 ? memchr(text.data, '+', text.size) : NULL;
	uint8_t other[32];
	size_t left;

	if (plus == NULL)
		return false;
	left = (size_t)(plus - text.data);
	if (!parse(text.data, left, signature_r) ||
	    !parse(plus + 1, text.size - left - 1, signature_r + 32))
		return false;
	subtract_from_order(signature_r + 32, other);
	if (memcmp(other, signature_r + 32, 32) < 0)
		memcpy(signature_r + 32, other, 32);
	return true;
}

/* Digits of a number, most significant first; their count. */
static size_t format(const uint8_t number[32], char *digits)
{
	uint8_t rest[32];
	char reversed[80];
	size_t count = 0;
	bool more = true;

	memcpy(rest, number, 32);
	while (more) {
		unsigned int carry = 0;

		more = false;
		for (size_t i = 0; i < 32; i++) {
			carry = carry << 8 | rest[i];
			rest[i] = (uint8_t)(carry / 10);
			carry %= 10;
			more = more || rest[i] != 0;
		}
		reversed[count++] = (char)('0' + carry);
	}
	for (size_t i = 0; i < count; i++)
		digits[i] = reversed[count - 1 - i];
	return count;
}

void tally_p256_signature_format(const uint8_t signature[64], char text_r[TALLY_P256_TEXT])
{
	size_t size = format(signature, text_r);

	text_r[size++] = '+';
	size += format(signature + 32, text_r + size);
	text_r[size] = '\0';
}
