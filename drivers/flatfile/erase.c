/*
 * Changing what was written: erasing ranges of a block, and dropping a space.
 *
 * Both work in place, and both may be cut off, so what is about to be done is first written to
 * blocks/intent and synced; open does it again. Doing it twice is harmless: an intent says what
 * the bytes shall be, never what they were, and holds no byte of any block.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>

#include "arena.h"
#include "hash.h"
#include "stream.h"

#define INTENT_MAX ((size_t)256 << 20)
#define ZERO_PIECE 65536

static const char intent_magic[8] = { 't', 'a', 'l', 'l', 'y', 'i', 'n', 't' };
static const uint8_t zeros[ZERO_PIECE];

enum intent_kind { INTENT_ERASE = 1, INTENT_DROP = 2 };

/* What an erase will do: these bytes of the body become zero, these checksums replace the old. */
struct erasure {
	uint32_t segment;
	struct flat_spot spot;
	uint64_t space;
	uint64_t number;
	uint32_t range_count;
	uint32_t chunk_count;
	struct tally_buf ranges;	/* u32 offset, u32 size */
	struct tally_buf chunks;	/* u32 chunk, u32 checksum */
};

static void erasure_free(struct erasure *erasure)
{
	tally_buf_free(&erasure->ranges);
	tally_buf_free(&erasure->chunks);
}

/* ---- the intent file ---- */

static void encode_intent(enum intent_kind kind, const struct erasure *erasure,
			  struct tally_buf *buf)
{
	tally_buf_add(buf, intent_magic, sizeof(intent_magic));
	tally_buf_add_u32(buf, FLAT_FORMAT);
	tally_buf_add_u32(buf, kind);
	tally_buf_add_u64(buf, erasure->space);
	tally_buf_add_u64(buf, erasure->number);
	tally_buf_add_u32(buf, erasure->segment);
	tally_buf_add_u32(buf, erasure->spot.offset);
	tally_buf_add_u32(buf, erasure->spot.size);
	tally_buf_add_u32(buf, erasure->range_count);
	tally_buf_add_u32(buf, erasure->chunk_count);
	tally_buf_add_bytes(buf, tally_buf_bytes(&erasure->ranges));
	tally_buf_add_bytes(buf, tally_buf_bytes(&erasure->chunks));
	tally_buf_add_u32(buf, tally_crc32c(0, buf->data, buf->size));
}

/* False for an intent that was never whole: then nothing was begun either. */
static bool decode_intent(struct tally_bytes file, uint32_t *kind_r, struct erasure *erasure)
{
	struct tally_reader reader = tally_reader(file);
	struct tally_bytes magic = tally_read_bytes(&reader, sizeof(intent_magic));
	uint32_t version = tally_read_u32(&reader);
	size_t size;

	*kind_r = tally_read_u32(&reader);
	erasure->space = tally_read_u64(&reader);
	erasure->number = tally_read_u64(&reader);
	erasure->segment = tally_read_u32(&reader);
	erasure->spot.offset = tally_read_u32(&reader);
	erasure->spot.size = tally_read_u32(&reader);
	erasure->range_count = tally_read_u32(&reader);
	erasure->chunk_count = tally_read_u32(&reader);
	if (reader.failed || memcmp(magic.data, intent_magic, sizeof(intent_magic)) != 0 ||
	    version != FLAT_FORMAT || erasure->range_count > INTENT_MAX / 8 ||
	    erasure->chunk_count > INTENT_MAX / 8)
		return false;
	tally_buf_add_bytes(&erasure->ranges,
			    tally_read_bytes(&reader, 8 * (size_t)erasure->range_count));
	tally_buf_add_bytes(&erasure->chunks,
			    tally_read_bytes(&reader, 8 * (size_t)erasure->chunk_count));
	size = (size_t)(reader.at - file.data);
	return tally_read_u32(&reader) == tally_crc32c(0, file.data, size) && !reader.failed;
}

static int intent_write(struct flat_blocks *blocks, enum intent_kind kind,
			const struct erasure *erasure, struct tally_err *err)
{
	char *path = flat_path(blocks->disk, "blocks/intent");
	struct tally_buf buf = { 0 };
	int fd, ret = -1;

	encode_intent(kind, erasure, &buf);
	fd = flat_open(blocks->disk, path, O_RDWR | O_CREAT, err);
	if (fd >= 0) {
		ret = flat_write(blocks->disk, fd, path, buf.data, buf.size, 0, err);
		if (ret == 0)
			ret = flat_sync(blocks->disk, fd, path, err);
		flat_close(blocks->disk, fd);
	}
	if (ret == 0)
		ret = flat_sync_dir(blocks->disk, blocks->dir, err);
	tally_buf_free(&buf);
	free(path);
	if (ret == 0)
		blocks->unfinished = true;
	return ret;
}

/* Need not be durable: doing it again changes nothing. */
static int intent_clear(struct flat_blocks *blocks, struct tally_err *err)
{
	char *path = flat_path(blocks->disk, "blocks/intent");
	int fd = flat_open(blocks->disk, path, O_RDWR, err);
	int ret = fd < 0 ? -1 : flat_truncate(blocks->disk, fd, path, 0, err);

	flat_close(blocks->disk, fd);
	free(path);
	if (ret == 0)
		blocks->unfinished = false;
	return ret;
}

/* ---- erasing ---- */

static int write_zeros(struct flat_blocks *blocks, int fd, const char *path, uint64_t offset,
		       uint64_t size, struct tally_err *err)
{
	while (size > 0) {
		size_t piece = size < sizeof(zeros) ? (size_t)size : sizeof(zeros);

		if (flat_write(blocks->disk, fd, path, zeros, piece, offset, err) < 0)
			return -1;
		offset += piece;
		size -= piece;
	}
	return 0;
}

/* Does what the erasure says, durably. */
static int erasure_do(struct flat_blocks *blocks, int fd, const char *path,
		      const struct erasure *erasure, struct tally_err *err)
{
	uint64_t table = erasure->spot.offset + FLAT_HEAD;
	uint64_t body = erasure->spot.offset + flat_body(erasure->spot.size);

	for (uint32_t i = 0; i < erasure->range_count; i++) {
		const uint8_t *range = erasure->ranges.data + 8 * (size_t)i;

		if (write_zeros(blocks, fd, path, body + tally_get_u32(range),
				tally_get_u32(range + 4), err) < 0)
			return -1;
	}
	for (uint32_t i = 0; i < erasure->chunk_count; i++) {
		const uint8_t *chunk = erasure->chunks.data + 8 * (size_t)i;

		if (flat_write(blocks->disk, fd, path, chunk + 4, 4,
			       table + 4 * (uint64_t)tally_get_u32(chunk), err) < 0)
			return -1;
	}
	return flat_sync(blocks->disk, fd, path, err);
}

/* The ranges, cut to the block; INVALID where one reaches beyond it. */
static int erasure_ranges(struct erasure *erasure, const struct tally_range *ranges, size_t count,
			  struct tally_err *err)
{
	for (size_t i = 0; i < count; i++) {
		if (ranges[i].offset > erasure->spot.size ||
		    ranges[i].size > erasure->spot.size - ranges[i].offset)
			return tally_err_set(err, TALLY_INVALID, "the block has %" PRIu32
					     " bytes and ends before %" PRIu64 "+%" PRIu64,
					     erasure->spot.size, ranges[i].offset, ranges[i].size);
		if (ranges[i].size == 0)
			continue;
		tally_buf_add_u32(&erasure->ranges, (uint32_t)ranges[i].offset);
		tally_buf_add_u32(&erasure->ranges, (uint32_t)ranges[i].size);
		erasure->range_count++;
	}
	return 0;
}

/* Zeroes what the ranges cover of a chunk; false if it was zero there already. */
static bool zero_in_chunk(const struct erasure *erasure, uint32_t chunk, uint8_t *data, size_t size)
{
	uint64_t from = (uint64_t)chunk * FLAT_CHUNK, to = from + size;
	bool changed = false;

	for (uint32_t i = 0; i < erasure->range_count; i++) {
		const uint8_t *range = erasure->ranges.data + 8 * (size_t)i;
		uint64_t low = tally_get_u32(range), high = low + tally_get_u32(range + 4);

		low = low > from ? low : from;
		high = high < to ? high : to;
		for (uint64_t at = low; at < high; at++) {
			changed = changed || data[at - from] != 0;
			data[at - from] = 0;
		}
	}
	return changed;
}

static bool chunk_touched(const struct erasure *erasure, uint32_t chunk)
{
	uint64_t from = (uint64_t)chunk * FLAT_CHUNK, to = from + FLAT_CHUNK;

	for (uint32_t i = 0; i < erasure->range_count; i++) {
		const uint8_t *range = erasure->ranges.data + 8 * (size_t)i;
		uint64_t low = tally_get_u32(range);

		if (low < to && low + tally_get_u32(range + 4) > from)
			return true;
	}
	return false;
}

/* The new checksum of a chunk; the old one must be right, or damage would be sealed in. */
static int erasure_chunk(struct flat_blocks *blocks, int fd, const char *path,
			 const struct flat_frame *frame, uint32_t chunk, struct erasure *erasure,
			 struct tally_err *err)
{
	uint64_t table = erasure->spot.offset + FLAT_HEAD + 4 * (uint64_t)chunk;
	uint64_t body = erasure->spot.offset + flat_body(frame->size) + (uint64_t)chunk * FLAT_CHUNK;
	size_t size = flat_chunk_size(frame->size, chunk);
	uint8_t data[FLAT_CHUNK], crc[4];

	if (flat_read(blocks->disk, fd, path, crc, sizeof(crc), table, err) < 0 ||
	    flat_read(blocks->disk, fd, path, data, size, body, err) < 0)
		return -1;
	if (flat_chunks_check(frame, chunk, 1, crc, data) >= 0)
		return tally_err_set(err, TALLY_CORRUPT, "%s: checksum of the 4 KiB at offset %" PRIu64
				     " does not match", path, body);
	if (!zero_in_chunk(erasure, chunk, data, size))
		return 0;
	tally_buf_add_u32(&erasure->chunks, chunk);
	tally_buf_add_u32(&erasure->chunks, flat_chunk_crc(frame, chunk, data, size));
	erasure->chunk_count++;
	return 0;
}

static int erasure_chunks(struct flat_blocks *blocks, struct flat_segment *segment, int fd,
			  struct erasure *erasure, struct tally_err *err)
{
	struct flat_frame frame;

	if (flat_frame_read(blocks, segment, fd, erasure->spot, erasure->space, erasure->number,
			    &frame, err) < 0)
		return -1;
	for (uint32_t i = 0; i < flat_chunks(frame.size); i++) {
		if (chunk_touched(erasure, i) &&
		    erasure_chunk(blocks, fd, segment->data.path, &frame, i, erasure, err) < 0)
			return -1;
	}
	return 0;
}

static int erase_frame(struct flat_blocks *blocks, struct flat_segment *segment,
		       struct erasure *erasure, const struct tally_range *ranges, size_t count,
		       struct tally_err *err)
{
	int fd = flat_handle_get(blocks->disk, &segment->data, err);
	int ret = -1;

	if (fd < 0)
		return -1;
	if (erasure_ranges(erasure, ranges, count, err) == 0 &&
	    erasure_chunks(blocks, segment, fd, erasure, err) == 0)
		ret = 0;
	if (ret == 0 && erasure->chunk_count > 0) {
		ret = intent_write(blocks, INTENT_ERASE, erasure, err);
		if (ret == 0)
			ret = erasure_do(blocks, fd, segment->data.path, erasure, err);
		if (ret == 0)
			ret = intent_clear(blocks, err);
	}
	flat_handle_put(blocks->disk, &segment->data);
	return ret;
}

/* Finishes what an earlier call left half done, before another intent replaces its intent. */
static int settle(struct flat_blocks *blocks, struct tally_err *err)
{
	struct flat_intent intent;

	if (flat_disk_alive(blocks->disk, "erase", err) < 0)
		return -1;
	if (!blocks->unfinished)
		return 0;
	if (flat_intent_redo(blocks, &intent, err) < 0)
		return -1;
	return intent.drop ? flat_drop_redo(blocks, intent.space, err) : 0;
}

int flat_blocks_erase(struct flat_blocks *blocks, uint64_t space, uint64_t number,
		      const struct tally_range *ranges, size_t range_count, struct tally_err *err)
{
	struct erasure erasure = { .space = space, .number = number };
	struct flat_segment *segment;
	int ret;

	pthread_mutex_lock(&blocks->modify);
	ret = settle(blocks, err);
	if (ret == 0)
		ret = flat_locate(blocks, space, number, &segment, &erasure.spot, err);
	if (ret == 0) {
		ret = tally_err_set(err, TALLY_NOTFOUND, "no such block");
	} else if (ret > 0) {
		erasure.segment = segment->number;
		ret = erase_frame(blocks, segment, &erasure, ranges, range_count, err);
	}
	pthread_mutex_unlock(&blocks->modify);
	erasure_free(&erasure);
	if (ret < 0)
		return tally_err_prefix(err, "erase: space %" PRIu64 " block %" PRIu64, space, number);
	pthread_mutex_lock(&blocks->lock);
	blocks->stat.erases++;
	pthread_mutex_unlock(&blocks->lock);
	return 0;
}

/* Erased bytes are overwritten where they stood and exist nowhere else; an erase that failed
 * half-way is finished here. */
int flat_blocks_scrub(struct flat_blocks *blocks, struct tally_err *err)
{
	int ret;

	pthread_mutex_lock(&blocks->modify);
	ret = settle(blocks, err);
	pthread_mutex_unlock(&blocks->modify);
	return ret < 0 ? tally_err_prefix(err, "scrub") : 0;
}

/* ---- doing an erase again ---- */

/* Is the frame of the intent where it says? The table of spaces may not be there yet. */
static int redo_check(struct flat_blocks *blocks, int fd, const char *path,
		      const struct erasure *erasure, struct tally_err *err)
{
	struct flat_segment_head head;
	struct flat_frame frame;
	uint8_t bytes[FLAT_HEAD];

	if (flat_read(blocks->disk, fd, path, bytes, sizeof(bytes), 0, err) < 0)
		return -1;
	if (!flat_segment_head_decode(&head, bytes))
		return tally_err_set(err, TALLY_CORRUPT, "%s: the head at offset 0 is damaged", path);
	if (flat_read(blocks->disk, fd, path, bytes, sizeof(bytes), erasure->spot.offset, err) < 0)
		return -1;
	if (!flat_frame_decode(&frame, head.salt, bytes) || frame.space != erasure->space ||
	    frame.number != erasure->number || frame.size != erasure->spot.size)
		return tally_err_set(err, TALLY_CORRUPT, "%s: the frame at offset %" PRIu32
				     " is damaged", path, erasure->spot.offset);
	return 0;
}

static int redo_erasure(struct flat_blocks *blocks, const struct erasure *erasure,
			struct tally_err *err)
{
	char *path = flat_path(blocks->disk, "blocks/%010" PRIu32 ".seg", erasure->segment);
	int fd = flat_open(blocks->disk, path, O_RDWR, err);
	int ret = -1;

	if (fd >= 0 && redo_check(blocks, fd, path, erasure, err) == 0 &&
	    erasure_do(blocks, fd, path, erasure, err) == 0)
		ret = intent_clear(blocks, err);
	flat_close(blocks->disk, fd);
	free(path);
	return ret;
}

int flat_intent_redo(struct flat_blocks *blocks, struct flat_intent *intent_r,
		     struct tally_err *err)
{
	char *path = flat_path(blocks->disk, "blocks/intent");
	struct erasure erasure = { 0 };
	struct tally_buf buf = { 0 };
	uint32_t kind;
	int ret = flat_load(blocks->disk, path, INTENT_MAX, &buf, err);

	*intent_r = (struct flat_intent){ 0 };
	if (ret == 1) {
		ret = 0;
		if (!decode_intent(tally_buf_bytes(&buf), &kind, &erasure))
			blocks->unfinished = false;
		else if (kind == INTENT_DROP)
			*intent_r = (struct flat_intent){ true, erasure.space };
		else
			ret = redo_erasure(blocks, &erasure, err);
	}
	erasure_free(&erasure);
	tally_buf_free(&buf);
	free(path);
	return ret;
}

/* ---- dropping ---- */

/* The head says that the body is gone, and the body goes. Damaged heads stay as they are. */
static int wipe_frame(struct flat_blocks *blocks, struct flat_segment *segment, int fd,
		      struct flat_spot spot, uint64_t space, uint64_t number, struct tally_err *err)
{
	const char *path = segment->data.path;
	struct flat_frame frame;
	uint8_t head[FLAT_HEAD];

	if (flat_frame_read(blocks, segment, fd, spot, space, number, &frame, err) == 0) {
		frame.kind = FLAT_WIPED;
		flat_frame_encode(&frame, head);
		if (flat_write(blocks->disk, fd, path, head, sizeof(head), spot.offset, err) < 0)
			return -1;
	} else if (err->code != TALLY_CORRUPT) {
		return -1;
	}
	return flat_zero(blocks->disk, fd, path, spot.offset + FLAT_HEAD,
			 flat_extent(spot.size) - FLAT_HEAD, err);
}

/* Blocks first .. first+count-1, all in one segment: in its index, or at these spots. */
static int wipe_blocks(struct flat_blocks *blocks, struct flat_segment *segment, uint64_t space,
		       uint64_t first, uint64_t count, uint32_t start, const struct flat_spot *spots,
		       struct tally_err *err)
{
	int fd = flat_handle_get(blocks->disk, &segment->data, err);
	struct flat_spot spot;
	int ret = 0;

	if (fd < 0)
		return -1;
	for (uint64_t i = 0; ret == 0 && i < count; i++) {
		if (spots != NULL)
			spot = spots[i];
		else
			ret = flat_entry_read(blocks, segment, start + (uint32_t)i, space, first + i,
					      &spot, err);
		if (ret == 0)
			ret = wipe_frame(blocks, segment, fd, spot, space, first + i, err);
	}
	if (ret == 0)
		ret = flat_sync(blocks->disk, fd, segment->data.path, err);
	flat_handle_put(blocks->disk, &segment->data);
	return ret;
}

/* What a dropped space had: its tail may move into a part while we work, so all is copied. */
struct remains {
	struct flat_part *parts;
	uint32_t part_count;
	uint64_t tail_first;
	struct flat_spot *tail;
	uint32_t tail_count;
	struct flat_segment *tail_segment;
};

static void remains_copy(struct flat_blocks *blocks, const struct flat_space *space,
			 struct remains *remains)
{
	*remains = (struct remains){
		.parts = tally_calloc(space->part_count + 1, sizeof(*space->parts)),
		.part_count = space->part_count,
		.tail_first = space->blocks - space->tail_count,
		.tail = tally_calloc(space->tail_count + 1, sizeof(*space->tail)),
		.tail_count = space->tail_count,
		.tail_segment = flat_segment_open(blocks),
	};
	for (uint32_t i = 0; i < space->part_count; i++)
		remains->parts[i] = space->parts[i];
	for (uint32_t i = 0; i < space->tail_count; i++)
		remains->tail[i] = space->tail[i];
}

static int wipe(struct flat_blocks *blocks, uint64_t space, const struct remains *remains,
		struct tally_err *err)
{
	for (uint32_t i = 0; i < remains->part_count; i++) {
		const struct flat_part *part = &remains->parts[i];
		uint64_t end = i + 1 < remains->part_count ? part[1].first : remains->tail_first;
		struct flat_segment *segment;

		pthread_mutex_lock(&blocks->lock);
		segment = blocks->segments[part->segment - 1];
		pthread_mutex_unlock(&blocks->lock);
		if (wipe_blocks(blocks, segment, space, part->first, end - part->first, part->start,
				NULL, err) < 0)
			return -1;
	}
	if (remains->tail_count == 0)
		return 0;
	return wipe_blocks(blocks, remains->tail_segment, space, remains->tail_first,
			   remains->tail_count, 0, remains->tail, err);
}

static void forget(struct flat_space *space)
{
	free(space->parts);
	free(space->tail);
	space->parts = NULL;
	space->tail = NULL;
	space->part_count = space->part_room = space->tail_count = space->tail_room = 0;
}

/* Puts the tombstone into the stream if it is not there yet, and copies what is to be wiped. */
static int bury(struct flat_blocks *blocks, uint64_t id, struct remains *remains,
		struct tally_err *err)
{
	const struct flat_space *space;
	bool dropped;
	int ret = 0;

	pthread_mutex_lock(&blocks->append);
	pthread_mutex_lock(&blocks->lock);
	space = flat_space_find(blocks, id, false);
	dropped = space != NULL && space->dropped;
	pthread_mutex_unlock(&blocks->lock);
	if (!dropped)
		ret = flat_append_drop(blocks, id, err);
	if (ret == 0) {
		pthread_mutex_lock(&blocks->lock);
		remains_copy(blocks, flat_space_find(blocks, id, false), remains);
		pthread_mutex_unlock(&blocks->lock);
	}
	pthread_mutex_unlock(&blocks->append);
	return ret;
}

int flat_drop_redo(struct flat_blocks *blocks, uint64_t id, struct tally_err *err)
{
	struct remains remains = { 0 };
	int ret = bury(blocks, id, &remains, err);

	if (ret == 0)
		ret = wipe(blocks, id, &remains, err);
	if (ret == 0) {
		pthread_mutex_lock(&blocks->append);
		pthread_mutex_lock(&blocks->lock);
		forget(flat_space_find(blocks, id, false));
		pthread_mutex_unlock(&blocks->lock);
		pthread_mutex_unlock(&blocks->append);
		ret = intent_clear(blocks, err);
	}
	free(remains.parts);
	free(remains.tail);
	return ret;
}

int flat_blocks_drop(struct flat_blocks *blocks, uint64_t id, struct tally_err *err)
{
	const struct erasure intent = { .space = id };
	const struct flat_space *space;
	bool done;
	int ret;

	pthread_mutex_lock(&blocks->modify);
	ret = settle(blocks, err);
	pthread_mutex_lock(&blocks->lock);
	space = flat_space_find(blocks, id, false);
	done = space != NULL && space->dropped;
	pthread_mutex_unlock(&blocks->lock);
	if (ret == 0 && !done) {
		ret = intent_write(blocks, INTENT_DROP, &intent, err);
		if (ret == 0)
			ret = flat_drop_redo(blocks, id, err);
	}
	pthread_mutex_unlock(&blocks->modify);
	return ret < 0 ? tally_err_prefix(err, "drop: space %" PRIu64, id) : 0;
}
