/*
 * The bytes of the blocks half: segment files with frames, and the three caches that make opening
 * quick (index of a sealed segment, catalogue of sealed segments, tail list of the open one). Pure
 * functions over memory; who reads and writes them: blocks.c, recover.c, erase.c.
 *
 * All numbers are big-endian. doc: drivers/flatfile/README.md has the tables.
 */
#ifndef FLAT_SEGMENTS_H
#define FLAT_SEGMENTS_H

#include "buf.h"
#include "bytes.h"

#define FLAT_FORMAT 1			/* version of everything on disk */
#define FLAT_HEAD 64			/* bytes of the head of a segment, index or frame */
#define FLAT_CHUNK 4096			/* bytes of a body that share one checksum */
#define FLAT_SEGMENT_FRAMES 65536	/* a segment is sealed at this many, however small */

/* ---- the head of a segment ---- */

struct flat_segment_head {
	uint32_t number;		/* from 1 */
	uint64_t salt;			/* random: what a body holds never passes for a frame */
	uint64_t first;			/* sequence number of its first frame */
};

void flat_segment_head_encode(const struct flat_segment_head *head, uint8_t out[FLAT_HEAD]);
bool flat_segment_head_decode(struct flat_segment_head *head, const uint8_t in[FLAT_HEAD]);

/* ---- frames: head, a CRC-32C per chunk, body, zeros up to a multiple of 64 ---- */

enum flat_kind {
	FLAT_BLOCK = 1,
	FLAT_DROP = 2,			/* tombstone of a space; no body */
	FLAT_WIPED = 3			/* was a block of a dropped space; table and body are zero */
};

struct flat_frame {
	enum flat_kind kind;
	uint64_t salt;			/* of the segment */
	uint64_t sequence;		/* of this frame in the whole stream, from 1 */
	uint64_t batch;			/* sequence of the first frame of the same write: all below
					 * that were synced before this one was written */
	uint64_t space;
	uint64_t number;		/* UINT64_MAX for FLAT_DROP */
	uint32_t size;			/* of the body */
};

void flat_frame_encode(const struct flat_frame *frame, uint8_t out[FLAT_HEAD]);
/* False when these bytes are no frame of the segment with that salt. */
bool flat_frame_decode(struct flat_frame *frame, uint64_t salt, const uint8_t in[FLAT_HEAD]);

static inline uint32_t flat_chunks(uint32_t size)
{
	return (size + FLAT_CHUNK - 1) / FLAT_CHUNK;
}

/* Where the body begins, counted from the frame. */
static inline uint64_t flat_body(uint32_t size)
{
	return FLAT_HEAD + 4 * (uint64_t)flat_chunks(size);
}

/* Bytes of the whole frame. */
static inline uint64_t flat_extent(uint32_t size)
{
	return (flat_body(size) + size + FLAT_HEAD - 1) / FLAT_HEAD * FLAT_HEAD;
}

static inline uint32_t flat_chunk_size(uint32_t size, uint32_t chunk)
{
	uint32_t from = chunk * FLAT_CHUNK;

	return size - from < FLAT_CHUNK ? size - from : FLAT_CHUNK;
}

/* A chunk's checksum covers its place too: a chunk found elsewhere does not match. */
uint32_t flat_chunk_crc(const struct flat_frame *frame, uint32_t chunk, const uint8_t *data,
			size_t size);

/* The first of count chunks, beginning with chunk first, that does not match; -1: all do. */
int64_t flat_chunks_check(const struct flat_frame *frame, uint32_t first, uint32_t count,
			  const uint8_t *table, const uint8_t *data);

/* ---- index of a sealed segment: where each block lies, by space and number ---- */

#define FLAT_ENTRY 12

struct flat_spot {
	uint32_t offset;		/* of the frame in its segment */
	uint32_t size;			/* of the body */
};

void flat_index_head_encode(uint32_t segment, uint32_t entries, uint8_t out[FLAT_HEAD]);
void flat_entry_encode(uint32_t segment, uint64_t space, uint64_t number, struct flat_spot spot,
		       uint8_t out[FLAT_ENTRY]);
bool flat_entry_decode(uint32_t segment, uint64_t space, uint64_t number, struct flat_spot *spot,
		       const uint8_t in[FLAT_ENTRY]);

/* ---- catalogue: one record per sealed segment, in order ---- */

#define FLAT_FILE_HEAD 16

extern const char flat_catalog_magic[8];
extern const char flat_tail_magic[8];

void flat_file_head_encode(const char magic[8], uint8_t out[FLAT_FILE_HEAD]);
bool flat_file_head_check(const char magic[8], struct tally_bytes file);

/* Blocks first .. first+count-1 of a space are entries start .. of the segment's index. */
struct flat_extent_run {
	uint64_t space;
	uint64_t first;
	uint32_t count;
	uint32_t start;
};

struct flat_catalog_record {
	uint32_t segment;
	uint32_t entries;
	uint64_t first;			/* sequence of its first frame */
	uint64_t next;			/* and of the first frame of the next segment */
	uint64_t end;			/* bytes in use */
	uint32_t run_count;
	uint32_t drop_count;
	struct tally_reader runs;	/* decoding: flat_catalog_run, then u64 per drop */
};

/* add_begin, then run_count times add_run, drop_count times u64, then add_end. */
size_t flat_catalog_add_begin(struct tally_buf *buf, const struct flat_catalog_record *record);
void flat_catalog_add_run(struct tally_buf *buf, const struct flat_extent_run *run);
void flat_record_add_end(struct tally_buf *buf, size_t begin);

/* The next whole record: false at the end, or where bytes are torn or damaged. */
bool flat_catalog_next(struct tally_reader *file, struct flat_catalog_record *record);
struct flat_extent_run flat_catalog_run(struct tally_reader *runs);

/* ---- tail list: the frames of the open segment, appended to after they were synced ---- */

struct flat_tail_entry {
	enum flat_kind kind;
	uint64_t space;
	uint64_t number;
	struct flat_spot spot;
};

struct flat_tail_record {
	uint32_t segment;
	uint32_t count;
	uint64_t first;			/* sequence of the first frame it lists */
	uint64_t end;			/* where the frame behind its last begins */
	struct tally_reader entries;
};

size_t flat_tail_add_begin(struct tally_buf *buf, const struct flat_tail_record *record);
void flat_tail_add_entry(struct tally_buf *buf, const struct flat_tail_entry *entry);
bool flat_tail_next(struct tally_reader *file, struct flat_tail_record *record);
struct flat_tail_entry flat_tail_entry(struct tally_reader *entries);

#endif
