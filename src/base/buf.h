/* A growing buffer of bytes. A zeroed one is empty; tally_buf_free gives its memory back. */
#ifndef TALLY_BUF_H
#define TALLY_BUF_H

#include <stdarg.h>

#include "bytes.h"

struct tally_buf {
	uint8_t *data;
	size_t size;
	size_t room;
	bool secret;		/* what it holds is overwritten before memory is given back */
};

void tally_buf_free(struct tally_buf *buf);

/* tally_buf_reserve where there is no room. */
void tally_buf_grow(struct tally_buf *buf, size_t extra);

/* Makes room for extra bytes behind size and returns where they begin; size stays as it is. */
static inline uint8_t *tally_buf_reserve(struct tally_buf *buf, size_t extra)
{
	if (buf->data == NULL || buf->room - buf->size < extra)
		tally_buf_grow(buf, extra);
	return buf->data + buf->size;
}

static inline void tally_buf_add(struct tally_buf *buf, const void *data, size_t size)
{
	if (size == 0)
		return;
	memcpy(tally_buf_reserve(buf, size), data, size);
	buf->size += size;
}

static inline void tally_buf_add_bytes(struct tally_buf *buf, struct tally_bytes bytes)
{
	tally_buf_add(buf, bytes.data, bytes.size);
}

static inline void tally_buf_add_str(struct tally_buf *buf, const char *text)
{
	tally_buf_add(buf, text, strlen(text));
}

static inline void tally_buf_add_u8(struct tally_buf *buf, uint8_t v)
{
	*tally_buf_reserve(buf, 1) = v;
	buf->size++;
}

void tally_buf_add_u16(struct tally_buf *buf, uint16_t v);	/* big-endian, as all of ours */
void tally_buf_add_u32(struct tally_buf *buf, uint32_t v);
void tally_buf_add_u64(struct tally_buf *buf, uint64_t v);
void tally_buf_add_varint(struct tally_buf *buf, uint64_t v);	/* LEB128: 7 bits a byte, low first */
void tally_buf_add_decimal(struct tally_buf *buf, uint64_t v);	/* ASCII digits */
void tally_buf_printf(struct tally_buf *buf, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static inline void tally_buf_clear(struct tally_buf *buf)
{
	buf->size = 0;
}

static inline struct tally_bytes tally_buf_bytes(const struct tally_buf *buf)
{
	return (struct tally_bytes){ buf->data, buf->size };
}

/*
 * The reading side: a cursor over borrowed bytes. Reads past the end set failed, return zero or
 * nothing, and leave the cursor there, so a decoder reads all its fields and tests failed once.
 */
struct tally_reader {
	const uint8_t *at;
	const uint8_t *end;
	bool failed;
};

static inline struct tally_reader tally_reader(struct tally_bytes bytes)
{
	return (struct tally_reader){ bytes.data, tally_bytes_end(bytes), false };
}

uint8_t tally_read_u8(struct tally_reader *reader);
uint16_t tally_read_u16(struct tally_reader *reader);
uint32_t tally_read_u32(struct tally_reader *reader);
uint64_t tally_read_u64(struct tally_reader *reader);
uint64_t tally_read_varint(struct tally_reader *reader);
struct tally_bytes tally_read_bytes(struct tally_reader *reader, size_t size);
static inline size_t tally_reader_left(const struct tally_reader *reader)
{
	return (size_t)(reader->end - reader->at);
}

#endif
