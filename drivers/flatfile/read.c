/*
 * Reading blocks: finding the frame, and checking all that is read of it.
 *
 * The table is looked at under its lock, the files without any: frames do not move. What is read
 * are whole chunks of 4 KiB, the head of the frame and the checksums of these chunks; so a small
 * part of a large block costs little, and every byte that is returned was checked.
 */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>

#include "arena.h"
#include "stream.h"

#define HEAD_ROOM 4096			/* head and table are read at once if they fit in here */

int flat_segment_salt(struct flat_blocks *blocks, struct flat_segment *segment, uint64_t *salt_r,
		      struct tally_err *err)
{
	struct flat_segment_head head;
	uint8_t bytes[FLAT_HEAD];
	int fd, ret;

	*salt_r = atomic_load(&segment->salt);
	if (*salt_r != 0)
		return 0;
	fd = flat_handle_get(blocks->disk, &segment->data, err);
	if (fd < 0)
		return -1;
	ret = flat_read(blocks->disk, fd, segment->data.path, bytes, sizeof(bytes), 0, err);
	flat_handle_put(blocks->disk, &segment->data);
	if (ret < 0)
		return -1;
	if (!flat_segment_head_decode(&head, bytes) || head.number != segment->number)
		return tally_err_set(err, TALLY_CORRUPT, "%s: the head at offset 0 is damaged",
				     segment->data.path);
	atomic_store(&segment->salt, head.salt);
	*salt_r = head.salt;
	return 0;
}

int flat_entry_read(struct flat_blocks *blocks, struct flat_segment *segment, uint32_t entry,
		    uint64_t space, uint64_t number, struct flat_spot *spot_r,
		    struct tally_err *err)
{
	uint64_t offset = FLAT_HEAD + (uint64_t)entry * FLAT_ENTRY;
	uint8_t bytes[FLAT_ENTRY];
	int fd = flat_handle_get(blocks->disk, &segment->index, err);
	int ret;

	if (fd < 0)
		return -1;
	ret = flat_read(blocks->disk, fd, segment->index.path, bytes, sizeof(bytes), offset, err);
	flat_handle_put(blocks->disk, &segment->index);
	if (ret == 0 && !flat_entry_decode(segment->number, space, number, spot_r, bytes))
		ret = tally_err_set(err, TALLY_CORRUPT, "%s: the entry at offset %" PRIu64
				    " is damaged", segment->index.path, offset);
	return ret;
}

/* The part that holds a block below the tail. */
static const struct flat_part *part_find(const struct flat_space *space, uint64_t number)
{
	uint32_t low = 0, high = space->part_count;

	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		if (space->parts[middle].first <= number)
			low = middle;
		else
			high = middle;
	}
	return &space->parts[low];
}

int flat_locate(struct flat_blocks *blocks, uint64_t id, uint64_t number,
		struct flat_segment **segment_r, struct flat_spot *spot_r, struct tally_err *err)
{
	const struct flat_space *space;
	struct flat_part part = { 0 };
	bool found = false, sealed = false;

	pthread_mutex_lock(&blocks->lock);
	space = flat_space_find(blocks, id, false);
	if (space != NULL && !space->dropped && number < space->blocks) {
		uint64_t tail = space->blocks - space->tail_count;

		found = true;
		sealed = number < tail;
		if (sealed) {
			part = *part_find(space, number);
			*segment_r = blocks->segments[part.segment - 1];
		} else {
			*spot_r = space->tail[number - tail];
			*segment_r = flat_segment_open(blocks);
		}
	}
	pthread_mutex_unlock(&blocks->lock);
	if (sealed && flat_entry_read(blocks, *segment_r, part.start + (uint32_t)(number - part.first),
				      id, number, spot_r, err) < 0)
		return -1;
	return found;
}

static int err_frame(const struct flat_segment *segment, struct flat_spot spot,
		     struct tally_err *err)
{
	return tally_err_set(err, TALLY_CORRUPT, "%s: the frame at offset %" PRIu32 " is damaged",
			     segment->data.path, spot.offset);
}

static bool frame_is(const struct flat_frame *frame, struct flat_spot spot, uint64_t space,
		     uint64_t number)
{
	return frame->kind != FLAT_DROP && frame->space == space && frame->number == number &&
	       frame->size == spot.size;
}

int flat_frame_read(struct flat_blocks *blocks, struct flat_segment *segment, int fd,
		    struct flat_spot spot, uint64_t space, uint64_t number,
		    struct flat_frame *frame_r, struct tally_err *err)
{
	uint8_t bytes[FLAT_HEAD];
	uint64_t salt;

	if (flat_segment_salt(blocks, segment, &salt, err) < 0 ||
	    flat_read(blocks->disk, fd, segment->data.path, bytes, sizeof(bytes), spot.offset, err) < 0)
		return -1;
	if (!flat_frame_decode(frame_r, salt, bytes) || !frame_is(frame_r, spot, space, number))
		return err_frame(segment, spot, err);
	return 0;
}

/* A piece of a block: whole chunks, so that each can be checked. */
struct piece {
	struct flat_segment *segment;
	struct flat_spot spot;
	uint64_t space;
	uint64_t number;
	uint32_t chunk;			/* the first */
	uint32_t count;
	uint8_t *data;
	size_t size;
};

/* table_r points into head, or to memory that the caller frees (*owned_r). */
static int read_head(struct flat_blocks *blocks, int fd, const struct piece *piece,
		     uint8_t head[HEAD_ROOM], struct flat_frame *frame, const uint8_t **table_r,
		     uint8_t **owned_r, struct tally_err *err)
{
	const char *path = piece->segment->data.path;
	uint64_t salt, wanted = FLAT_HEAD + 4 * (uint64_t)(piece->chunk + piece->count);
	bool together = wanted <= HEAD_ROOM;

	if (flat_segment_salt(blocks, piece->segment, &salt, err) < 0 ||
	    flat_read(blocks->disk, fd, path, head, together ? wanted : FLAT_HEAD,
		      piece->spot.offset, err) < 0)
		return -1;
	if (!flat_frame_decode(frame, salt, head) ||
	    !frame_is(frame, piece->spot, piece->space, piece->number))
		return err_frame(piece->segment, piece->spot, err);
	if (together) {
		*table_r = head + FLAT_HEAD + 4 * (size_t)piece->chunk;
		return 0;
	}
	*table_r = *owned_r = tally_malloc(4 * (size_t)piece->count);
	return flat_read(blocks->disk, fd, path, *owned_r, 4 * (size_t)piece->count,
			 piece->spot.offset + FLAT_HEAD + 4 * (uint64_t)piece->chunk, err);
}

/* 1, 0 when the block was wiped meanwhile, -1. */
static int read_piece(struct flat_blocks *blocks, const struct piece *piece, struct tally_err *err)
{
	const char *path = piece->segment->data.path;
	uint64_t at = piece->spot.offset + flat_body(piece->spot.size) +
		      (uint64_t)piece->chunk * FLAT_CHUNK;
	uint8_t head[HEAD_ROOM], *owned = NULL;
	const uint8_t *table = NULL;
	struct flat_frame frame;
	int64_t bad;
	int fd, ret;

	fd = flat_handle_get(blocks->disk, &piece->segment->data, err);
	if (fd < 0)
		return -1;
	ret = read_head(blocks, fd, piece, head, &frame, &table, &owned, err);
	if (ret == 0 && frame.kind == FLAT_BLOCK) {
		ret = flat_read(blocks->disk, fd, path, piece->data, piece->size, at, err);
		bad = ret == 0 ? flat_chunks_check(&frame, piece->chunk, piece->count, table,
						   piece->data) : -1;
		if (bad >= 0)
			ret = tally_err_set(err, TALLY_CORRUPT,
					    "%s: checksum of the 4 KiB at offset %" PRIu64
					    " does not match", path, at +
					    ((uint64_t)bad - piece->chunk) * FLAT_CHUNK);
		if (ret == 0)
			ret = 1;
	}
	free(owned);
	flat_handle_put(blocks->disk, &piece->segment->data);
	return ret;
}

/*
 * An erase may have been at work between two reads of one piece: what does not match is read
 * again while no erase is, before it is called damaged.
 */
static int read_settled(struct flat_blocks *blocks, const struct piece *piece,
			struct tally_err *err)
{
	int ret = read_piece(blocks, piece, err);

	if (ret < 0 && err->code == TALLY_CORRUPT) {
		pthread_mutex_lock(&blocks->modify);
		ret = read_piece(blocks, piece, err);
		pthread_mutex_unlock(&blocks->modify);
	}
	return ret;
}

int flat_blocks_read(struct flat_blocks *blocks, uint64_t space, uint64_t number, uint64_t offset,
		     uint64_t size, struct tally_arena *arena, struct tally_bytes *bytes_r,
		     struct tally_err *err)
{
	struct piece piece = { .space = space, .number = number };
	uint64_t first, end;
	int ret = flat_locate(blocks, space, number, &piece.segment, &piece.spot, err);

	if (ret < 0)
		return tally_err_prefix(err, "read: space %" PRIu64 " block %" PRIu64, space, number);
	if (ret == 0)
		return 0;
	*bytes_r = TALLY_BYTES_NONE;
	if (offset >= piece.spot.size || size == 0)
		return 1;
	if (size > piece.spot.size - offset)
		size = piece.spot.size - offset;
	piece.chunk = (uint32_t)(offset / FLAT_CHUNK);
	piece.count = (uint32_t)((offset + size - 1) / FLAT_CHUNK) - piece.chunk + 1;
	first = (uint64_t)piece.chunk * FLAT_CHUNK;
	end = first + (uint64_t)piece.count * FLAT_CHUNK;
	piece.size = (size_t)((end < piece.spot.size ? end : piece.spot.size) - first);
	piece.data = tally_arena_alloc(arena, piece.size);
	ret = read_settled(blocks, &piece, err);
	if (ret < 0)
		return tally_err_prefix(err, "read: space %" PRIu64 " block %" PRIu64, space, number);
	*bytes_r = tally_bytes(piece.data + (offset - first), (size_t)size);
	return ret;
}
