/*
 * Borrowed bytes, and the text encodings of bytes (hex, base64).
 *
 * A tally_bytes never owns what it points at: whoever made it says how long it lives, mostly as
 * long as an arena. It is not NUL-terminated.
 */
#ifndef TALLY_BYTES_H
#define TALLY_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct tally_arena;

struct tally_bytes {
	const uint8_t *data;
	size_t size;
};

#define TALLY_BYTES_NONE ((struct tally_bytes){ NULL, 0 })
#define TALLY_BYTES_LIT(text) ((struct tally_bytes){ (const uint8_t *)(text), sizeof(text) - 1 })

static inline struct tally_bytes tally_bytes(const void *data, size_t size)
{
	return (struct tally_bytes){ data, size };
}

static inline struct tally_bytes tally_bytes_str(const char *text)
{
	return (struct tally_bytes){ (const uint8_t *)text, text != NULL ? strlen(text) : 0 };
}

/* Where the bytes end; for a NULL of no bytes too, to which C forbids to add even 0. */
static inline const uint8_t *tally_bytes_end(struct tally_bytes bytes)
{
	return bytes.size != 0 ? bytes.data + bytes.size : bytes.data;
}

static inline bool tally_bytes_equal(struct tally_bytes a, struct tally_bytes b)
{
	return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static inline bool tally_bytes_is(struct tally_bytes a, const char *text)
{
	return tally_bytes_equal(a, tally_bytes_str(text));
}

/* Byte order, as memcmp; a prefix sorts before what it begins. Returns <0, 0, >0. */
int tally_bytes_compare(struct tally_bytes a, struct tally_bytes b);

/* Lower-case hex of size bytes into text, which must hold 2 * size + 1 characters. */
void tally_hex_encode(const void *data, size_t size, char *text);

/* Exactly size bytes from 2 * size hex digits of either case; false for anything else. */
bool tally_hex_decode(struct tally_bytes text, void *data, size_t size);

/* RFC 4648 section 4 base64 with padding, NUL-terminated, in the arena. */
char *tally_base64_encode(struct tally_arena *arena, struct tally_bytes data);

/* Strict decoding: padding required, no white space, unused bits zero. False if malformed. */
bool tally_base64_decode(struct tally_arena *arena, struct tally_bytes text,
			 struct tally_bytes *data_r);

/* Base58 of at most TALLY_BASE58_MAX bytes, NUL-terminated; text holds TALLY_BASE58_TEXT of their number. */
#define TALLY_BASE58_MAX 64u
#define TALLY_BASE58_TEXT(size) ((size) * 138 / 100 + 2)
void tally_base58_encode(struct tally_bytes data, char *text);

/* Decimal digits only, no sign, no leading zero but "0" itself, at most max. False otherwise. */
bool tally_parse_u64(struct tally_bytes text, uint64_t max, uint64_t *value_r);

/* The first of such numbers that commas separate, "1,22,333"; takes it off. False at the end, where
 * nothing is left, and where there is no number, which is then left. */
bool tally_next_u64(struct tally_bytes *text, uint64_t max, uint64_t *value_r);

static inline void tally_put_u16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void tally_put_u32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

static inline void tally_put_u64(uint8_t *p, uint64_t v)
{
	tally_put_u32(p, (uint32_t)(v >> 32));
	tally_put_u32(p + 4, (uint32_t)v);
}

static inline uint16_t tally_get_u16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t tally_get_u32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline uint64_t tally_get_u64(const uint8_t *p)
{
	return (uint64_t)tally_get_u32(p) << 32 | tally_get_u32(p + 4);
}

#endif
