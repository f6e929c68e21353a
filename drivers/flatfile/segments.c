/* Encoding, decoding and checking of what segments.h declares. No input or output here. */
#include "config.h"

#include "hash.h"
#include "segments.h"

#define FRAME_MAGIC 0x5446524du		/* "TFRM" */
#define CATALOG_MAGIC 0x54434154u	/* "TCAT" */
#define TAIL_MAGIC 0x5454414cu		/* "TTAL" */

#define RECORD_HEAD 8			/* magic, length of the whole record */
#define CATALOG_FIXED 48		/* up to the runs */
#define CATALOG_RUN 24
#define TAIL_FIXED 32			/* up to the entries */
#define TAIL_ENTRY 28

static const char segment_magic[8] = { 't', 'a', 'l', 'l', 'y', 's', 'e', 'g' };
static const char index_magic[8] = { 't', 'a', 'l', 'l', 'y', 'i', 'd', 'x' };
const char flat_catalog_magic[8] = { 't', 'a', 'l', 'l', 'y', 'c', 'a', 't' };
const char flat_tail_magic[8] = { 't', 'a', 'l', 'l', 'y', 't', 'a', 'l' };

/* ---- heads of 64 bytes: the checksum stands in the last four ---- */

static void head_seal(uint8_t head[FLAT_HEAD])
{
	tally_put_u32(head + FLAT_HEAD - 4, tally_crc32c(0, head, FLAT_HEAD - 4));
}

static bool head_whole(const uint8_t head[FLAT_HEAD])
{
	return tally_get_u32(head + FLAT_HEAD - 4) == tally_crc32c(0, head, FLAT_HEAD - 4);
}

void flat_segment_head_encode(const struct flat_segment_head *head, uint8_t out[FLAT_HEAD])
{
	memset(out, 0, FLAT_HEAD);
	memcpy(out, segment_magic, sizeof(segment_magic));
	tally_put_u32(out + 8, FLAT_FORMAT);
	tally_put_u32(out + 12, head->number);
	tally_put_u64(out + 16, head->salt);
	tally_put_u64(out + 24, head->first);
	head_seal(out);
}

bool flat_segment_head_decode(struct flat_segment_head *head, const uint8_t in[FLAT_HEAD])
{
	if (!head_whole(in) || memcmp(in, segment_magic, sizeof(segment_magic)) != 0 ||
	    tally_get_u32(in + 8) != FLAT_FORMAT)
		return false;
	head->number = tally_get_u32(in + 12);
	head->salt = tally_get_u64(in + 16);
	head->first = tally_get_u64(in + 24);
	return true;
}

/* ---- frames ---- */

void flat_frame_encode(const struct flat_frame *frame, uint8_t out[FLAT_HEAD])
{
	memset(out, 0, FLAT_HEAD);
	tally_put_u32(out, FRAME_MAGIC);
	tally_put_u16(out + 4, FLAT_FORMAT);
	tally_put_u16(out + 6, (uint16_t)frame->kind);
	tally_put_u64(out + 8, frame->salt);
	tally_put_u64(out + 16, frame->sequence);
	tally_put_u64(out + 24, frame->batch);
	tally_put_u64(out + 32, frame->space);
	tally_put_u64(out + 40, frame->number);
	tally_put_u32(out + 48, frame->size);
	head_seal(out);
}

bool flat_frame_decode(struct flat_frame *frame, uint64_t salt, const uint8_t in[FLAT_HEAD])
{
	/* Cheap tests first: the search behind a torn tail tries every 64 bytes. */
	if (tally_get_u32(in) != FRAME_MAGIC || tally_get_u64(in + 8) != salt ||
	    tally_get_u16(in + 4) != FLAT_FORMAT || !head_whole(in))
		return false;
	frame->kind = tally_get_u16(in + 6);
	frame->salt = salt;
	frame->sequence = tally_get_u64(in + 16);
	frame->batch = tally_get_u64(in + 24);
	frame->space = tally_get_u64(in + 32);
	frame->number = tally_get_u64(in + 40);
	frame->size = tally_get_u32(in + 48);
	return frame->kind >= FLAT_BLOCK && frame->kind <= FLAT_WIPED;
}

uint32_t flat_chunk_crc(const struct flat_frame *frame, uint32_t chunk, const uint8_t *data,
			size_t size)
{
	uint8_t place[20];

	tally_put_u64(place, frame->salt);
	tally_put_u64(place + 8, frame->sequence);
	tally_put_u32(place + 16, chunk);
	return tally_crc32c(tally_crc32c(0, place, sizeof(place)), data, size);
}

int64_t flat_chunks_check(const struct flat_frame *frame, uint32_t first, uint32_t count,
			  const uint8_t *table, const uint8_t *data)
{
	for (uint32_t i = 0; i < count; i++) {
		size_t size = flat_chunk_size(frame->size, first + i);

		if (flat_chunk_crc(frame, first + i, data, size) != tally_get_u32(table + 4 * i))
			return (int64_t)first + i;
		data += size;
	}
	return -1;
}

/* ---- index of a sealed segment ---- */

void flat_index_head_encode(uint32_t segment, uint32_t entries, uint8_t out[FLAT_HEAD])
{
	memset(out, 0, FLAT_HEAD);
	memcpy(out, index_magic, sizeof(index_magic));
	tally_put_u32(out + 8, FLAT_FORMAT);
	tally_put_u32(out + 12, segment);
	tally_put_u32(out + 16, entries);
	head_seal(out);
}

static uint32_t entry_crc(uint32_t segment, uint64_t space, uint64_t number, const uint8_t *spot)
{
	uint8_t place[20];

	tally_put_u32(place, segment);
	tally_put_u64(place + 4, space);
	tally_put_u64(place + 12, number);
	return tally_crc32c(tally_crc32c(0, place, sizeof(place)), spot, 8);
}

void flat_entry_encode(uint32_t segment, uint64_t space, uint64_t number, struct flat_spot spot,
		       uint8_t out[FLAT_ENTRY])
{
	tally_put_u32(out, spot.offset);
	tally_put_u32(out + 4, spot.size);
	tally_put_u32(out + 8, entry_crc(segment, space, number, out));
}

bool flat_entry_decode(uint32_t segment, uint64_t space, uint64_t number, struct flat_spot *spot,
		       const uint8_t in[FLAT_ENTRY])
{
	spot->offset = tally_get_u32(in);
	spot->size = tally_get_u32(in + 4);
	return tally_get_u32(in + 8) == entry_crc(segment, space, number, in);
}

/* ---- files of records ---- */

void flat_file_head_encode(const char magic[8], uint8_t out[FLAT_FILE_HEAD])
{
	memcpy(out, magic, 8);
	tally_put_u32(out + 8, FLAT_FORMAT);
	tally_put_u32(out + 12, tally_crc32c(0, out, 12));
}

bool flat_file_head_check(const char magic[8], struct tally_bytes file)
{
	uint8_t want[FLAT_FILE_HEAD];

	flat_file_head_encode(magic, want);
	return file.size >= sizeof(want) && memcmp(file.data, want, sizeof(want)) == 0;
}

void flat_record_add_end(struct tally_buf *buf, size_t begin)
{
	size_t size = buf->size - begin;

	tally_put_u32(buf->data + begin + 4, (uint32_t)size + 4);
	tally_buf_add_u32(buf, tally_crc32c(0, buf->data + begin, size));
}

/* A record with that magic, at least fixed bytes and a right checksum; reader moves behind it. */
static bool record_next(struct tally_reader *file, uint32_t magic, size_t fixed,
			struct tally_reader *record)
{
	size_t left = tally_reader_left(file), size;

	if (left < fixed + 4 || tally_get_u32(file->at) != magic)
		return false;
	size = tally_get_u32(file->at + 4);
	if (size < fixed + 4 || size > left ||
	    tally_get_u32(file->at + size - 4) != tally_crc32c(0, file->at, size - 4))
		return false;
	*record = tally_reader(tally_bytes(file->at + RECORD_HEAD, size - RECORD_HEAD - 4));
	file->at += size;
	return true;
}

size_t flat_catalog_add_begin(struct tally_buf *buf, const struct flat_catalog_record *record)
{
	size_t begin = buf->size;

	tally_buf_add_u32(buf, CATALOG_MAGIC);
	tally_buf_add_u32(buf, 0);
	tally_buf_add_u32(buf, record->segment);
	tally_buf_add_u32(buf, record->entries);
	tally_buf_add_u64(buf, record->first);
	tally_buf_add_u64(buf, record->next);
	tally_buf_add_u64(buf, record->end);
	tally_buf_add_u32(buf, record->run_count);
	tally_buf_add_u32(buf, record->drop_count);
	return begin;
}

void flat_catalog_add_run(struct tally_buf *buf, const struct flat_extent_run *run)
{
	tally_buf_add_u64(buf, run->space);
	tally_buf_add_u64(buf, run->first);
	tally_buf_add_u32(buf, run->count);
	tally_buf_add_u32(buf, run->start);
}

bool flat_catalog_next(struct tally_reader *file, struct flat_catalog_record *record)
{
	const struct tally_reader before = *file;
	struct tally_reader *at = &record->runs;

	if (!record_next(file, CATALOG_MAGIC, CATALOG_FIXED, at))
		return false;
	record->segment = tally_read_u32(at);
	record->entries = tally_read_u32(at);
	record->first = tally_read_u64(at);
	record->next = tally_read_u64(at);
	record->end = tally_read_u64(at);
	record->run_count = tally_read_u32(at);
	record->drop_count = tally_read_u32(at);
	if (tally_reader_left(at) ==
	    (uint64_t)record->run_count * CATALOG_RUN + (uint64_t)record->drop_count * 8)
		return true;
	*file = before;
	return false;
}

struct flat_extent_run flat_catalog_run(struct tally_reader *runs)
{
	struct flat_extent_run run;

	run.space = tally_read_u64(runs);
	run.first = tally_read_u64(runs);
	run.count = tally_read_u32(runs);
	run.start = tally_read_u32(runs);
	return run;
}

size_t flat_tail_add_begin(struct tally_buf *buf, const struct flat_tail_record *record)
{
	size_t begin = buf->size;

	tally_buf_add_u32(buf, TAIL_MAGIC);
	tally_buf_add_u32(buf, 0);
	tally_buf_add_u32(buf, record->segment);
	tally_buf_add_u32(buf, record->count);
	tally_buf_add_u64(buf, record->first);
	tally_buf_add_u64(buf, record->end);
	return begin;
}

void flat_tail_add_entry(struct tally_buf *buf, const struct flat_tail_entry *entry)
{
	tally_buf_add_u32(buf, (uint32_t)entry->kind);
	tally_buf_add_u64(buf, entry->space);
	tally_buf_add_u64(buf, entry->number);
	tally_buf_add_u32(buf, entry->spot.offset);
	tally_buf_add_u32(buf, entry->spot.size);
}

bool flat_tail_next(struct tally_reader *file, struct flat_tail_record *record)
{
	const struct tally_reader before = *file;
	struct tally_reader *at = &record->entries;

	if (!record_next(file, TAIL_MAGIC, TAIL_FIXED, at))
		return false;
	record->segment = tally_read_u32(at);
	record->count = tally_read_u32(at);
	record->first = tally_read_u64(at);
	record->end = tally_read_u64(at);
	if (tally_reader_left(at) == (uint64_t)record->count * TAIL_ENTRY)
		return true;
	*file = before;
	return false;
}

struct flat_tail_entry flat_tail_entry(struct tally_reader *entries)
{
	struct flat_tail_entry entry;

	entry.kind = tally_read_u32(entries);
	entry.space = tally_read_u64(entries);
	entry.number = tally_read_u64(entries);
	entry.spot.offset = tally_read_u32(entries);
	entry.spot.size = tally_read_u32(entries);
	return entry;
}
