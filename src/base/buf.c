/* The growing buffer and the reader of buf.h. */
#include "buf.h"

#include <stdio.h>
#include <stdlib.h>

#include "arena.h"

#define BUF_FIRST 256

static void release(const struct tally_buf *buf)
{
	if (buf->secret && buf->data != NULL)
		explicit_bzero(buf->data, buf->room);
	free(buf->data);
}

void tally_buf_free(struct tally_buf *buf)
{
	release(buf);
	*buf = (struct tally_buf){ 0 };
}

void tally_buf_grow(struct tally_buf *buf, size_t extra)
{
	size_t room = buf->room != 0 ? buf->room : BUF_FIRST;

	while (room - buf->size < extra) {
		if (room > SIZE_MAX / 2)
			abort();	/* no machine has that; realloc could not be told */
		room *= 2;
	}
	if (buf->secret) {	/* realloc may leave a copy behind */
		uint8_t *data = tally_malloc(room);

		if (buf->size > 0)
			memcpy(data, buf->data, buf->size);
		release(buf);
		buf->data = data;
	} else {
		buf->data = tally_realloc(buf->data, room);
	}
	buf->room = room;
}

void tally_buf_add_u16(struct tally_buf *buf, uint16_t v)
{
	tally_put_u16(tally_buf_reserve(buf, 2), v);
	buf->size += 2;
}

void tally_buf_add_u32(struct tally_buf *buf, uint32_t v)
{
	tally_put_u32(tally_buf_reserve(buf, 4), v);
	buf->size += 4;
}

void tally_buf_add_u64(struct tally_buf *buf, uint64_t v)
{
	tally_put_u64(tally_buf_reserve(buf, 8), v);
	buf->size += 8;
}

void tally_buf_add_varint(struct tally_buf *buf, uint64_t v)
{
	uint8_t *p = tally_buf_reserve(buf, 10), *begin = p;

	for (; v >= 0x80; v >>= 7)
		*p++ = (uint8_t)(v | 0x80);
	*p++ = (uint8_t)v;
	buf->size += (size_t)(p - begin);
}

void tally_buf_add_decimal(struct tally_buf *buf, uint64_t v)
{
	static const char pairs[] = "00010203040506070809101112131415161718192021222324"
				    "25262728293031323334353637383940414243444546474849"
				    "50515253545556575859606162636465666768697071727374"
				    "75767778798081828384858687888990919293949596979899";
	char digits[20], *p = digits + sizeof(digits);

	for (; v >= 100; v /= 100)
		memcpy(p -= 2, pairs + 2 * (v % 100), 2);
	if (v >= 10)
		memcpy(p -= 2, pairs + 2 * v, 2);
	else
		*--p = (char)('0' + v);
	tally_buf_add(buf, p, (size_t)(digits + sizeof(digits) - p));
}

void tally_buf_printf(struct tally_buf *buf, const char *format, ...)
{
	va_list args;
	size_t room;
	int size;

	tally_buf_reserve(buf, 1);
	room = buf->room - buf->size;
	va_start(args, format);
	size = vsnprintf((char *)buf->data + buf->size, room, format, args);
	va_end(args);
	if (size < 0)
		abort();	/* only a wrong format string does that */
	if ((size_t)size >= room) {
		tally_buf_reserve(buf, (size_t)size + 1);
		va_start(args, format);
		vsnprintf((char *)buf->data + buf->size, (size_t)size + 1, format, args);
		va_end(args);
	}
	buf->size += (size_t)size;
}

/* Takes size bytes off the front; NULL, and failed for good, when fewer are left. */
static const uint8_t *reader_take(struct tally_reader *reader, size_t size)
{
	const uint8_t *at = reader->at;

	if (reader->failed || tally_reader_left(reader) < size) {
		reader->failed = true;
		return NULL;
	}
	if (size != 0)		/* at may be NULL then */
		reader->at += size;
	return at;
}

uint8_t tally_read_u8(struct tally_reader *reader)
{
	const uint8_t *p = reader_take(reader, 1);

	return p != NULL ? *p : 0;
}

uint16_t tally_read_u16(struct tally_reader *reader)
{
	const uint8_t *p = reader_take(reader, 2);

	return p != NULL ? tally_get_u16(p) : 0;
}

uint32_t tally_read_u32(struct tally_reader *reader)
{
	const uint8_t *p = reader_take(reader, 4);

	return p != NULL ? tally_get_u32(p) : 0;
}

uint64_t tally_read_u64(struct tally_reader *reader)
{
	const uint8_t *p = reader_take(reader, 8);

	return p != NULL ? tally_get_u64(p) : 0;
}

/*
 * Only the shortest form of a number is accepted, so that bytes that are hashed have one reading
 * and a number one writing.
 */
uint64_t tally_read_varint(struct tally_reader *reader)
{
	const uint8_t *p = reader->at;
	uint64_t value = 0;
	unsigned int shift;

	if (reader->failed)
		return 0;
	for (shift = 0; shift < 64 && p < reader->end; shift += 7) {
		uint8_t byte = *p++;

		if (shift == 63 && byte > 1)
			break;		/* more than 64 bits */
		value |= (uint64_t)(byte & 0x7f) << shift;
		if ((byte & 0x80) == 0) {
			if (byte == 0 && shift != 0)
				break;	/* a longer form than needed */
			reader->at = p;
			return value;
		}
	}
	reader->failed = true;
	return 0;
}

struct tally_bytes tally_read_bytes(struct tally_reader *reader, size_t size)
{
	const uint8_t *p = reader_take(reader, size);

	return p != NULL ? tally_bytes(p, size) : TALLY_BYTES_NONE;
}
