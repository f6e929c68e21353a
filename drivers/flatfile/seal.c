/*
 * The caches that make opening quick, and the passing from one segment to the next.
 *
 * The tail list names the frames of the open segment; it is appended to now and then, always after
 * the frames were synced. When the segment is full it is sealed: its index is written, the next
 * segment is created, and a record of it goes into the catalogue. All three can be made again from
 * the frames, so that none of them can be written is never a reason to refuse an append, but for the
 * index: without it a block of a sealed segment could not be found.
 */
#include "config.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/random.h>

#include "arena.h"
#include "stream.h"

#define LIST_FRAMES 1024		/* the tail list is written when it lacks so many frames, */
#define LIST_BYTES (4u << 20)		/* or so many bytes: the most an open has to search */

/* ---- the tail list ---- */

void flat_list(struct flat_blocks *blocks, const struct flat_frame *frame, uint32_t offset)
{
	if (blocks->listed_count == blocks->listed_room) {
		blocks->listed_room = 2 * blocks->listed_room + 64;
		blocks->listed = tally_realloc(blocks->listed,
					       blocks->listed_room * sizeof(*blocks->listed));
	}
	blocks->listed[blocks->listed_count++] = (struct flat_tail_entry){
		.kind = frame->kind,
		.space = frame->space,
		.number = frame->number,
		.spot = { offset, frame->size },
	};
	blocks->listed_bytes += flat_extent(frame->size);
}

static int list_write(struct flat_blocks *blocks, struct tally_bytes data, struct tally_err *err)
{
	bool anew = blocks->tail_size == 0;
	char *path = flat_path(blocks->disk, "blocks/tail");
	int fd = flat_open(blocks->disk, path, O_RDWR | O_CREAT | (anew ? O_TRUNC : 0), err);
	int ret = -1;

	if (fd >= 0) {
		ret = flat_write(blocks->disk, fd, path, data.data, data.size, blocks->tail_size, err);
		flat_close(blocks->disk, fd);
	}
	if (ret == 0)
		blocks->tail_size += data.size;
	free(path);
	return ret;
}

int flat_list_save(struct flat_blocks *blocks, struct tally_err *err)
{
	const struct flat_tail_record record = {
		.segment = flat_segment_open(blocks)->number,
		.count = (uint32_t)blocks->listed_count,
		.first = blocks->sequence - blocks->listed_count,
		.end = flat_segment_open(blocks)->end,
	};
	struct tally_buf buf = { 0 };
	size_t begin;
	int ret;

	if (blocks->listed_count == 0)
		return 0;
	if (blocks->tail_size == 0) {
		flat_file_head_encode(flat_tail_magic, tally_buf_reserve(&buf, FLAT_FILE_HEAD));
		buf.size += FLAT_FILE_HEAD;
	}
	begin = flat_tail_add_begin(&buf, &record);
	for (size_t i = 0; i < blocks->listed_count; i++)
		flat_tail_add_entry(&buf, &blocks->listed[i]);
	flat_record_add_end(&buf, begin);
	ret = list_write(blocks, tally_buf_bytes(&buf), err);
	tally_buf_free(&buf);
	if (ret == 0) {
		blocks->listed_count = 0;
		blocks->listed_bytes = 0;
	}
	return ret;
}

/* The list only saves time at the next open: that it cannot be written is no failure. */
void flat_list_due(struct flat_blocks *blocks)
{
	struct tally_err err;

	if (blocks->listed_count < LIST_FRAMES && blocks->listed_bytes < LIST_BYTES)
		return;
	if (flat_list_save(blocks, &err) < 0)
		tally_log(TALLY_LOG_WARN, "flatfile.tail", "reason", err.text, NULL);
}

/* ---- sealing a segment and beginning the next ---- */

int flat_seal_index(struct flat_blocks *blocks, struct tally_err *err)
{
	struct flat_segment *segment = flat_segment_open(blocks);
	struct tally_buf buf = { 0 };
	uint32_t entries = 0;
	int ret;

	buf.size = FLAT_HEAD;
	tally_buf_reserve(&buf, FLAT_HEAD);
	for (size_t i = 0; i < blocks->tail_space_count; i++) {
		const struct flat_space *space = blocks->tail_spaces[i];
		uint64_t first = space->blocks - space->tail_count;

		for (uint32_t k = 0; k < space->tail_count; k++) {
			flat_entry_encode(segment->number, space->id, first + k, space->tail[k],
					  tally_buf_reserve(&buf, FLAT_ENTRY));
			buf.size += FLAT_ENTRY;
			entries++;
		}
	}
	flat_index_head_encode(segment->number, entries, buf.data);
	ret = flat_replace(blocks->disk, segment->index.path, tally_buf_bytes(&buf), true, err);
	tally_buf_free(&buf);
	return ret;
}

static void catalog_append(struct flat_blocks *blocks, struct tally_bytes record)
{
	char *path = flat_path(blocks->disk, "blocks/catalog");
	uint8_t head[FLAT_FILE_HEAD];
	struct tally_err err;
	int fd, ret;

	if (blocks->catalog_size != UINT64_MAX) {
		fd = flat_open(blocks->disk, path, O_RDWR | O_CREAT, &err);
		ret = fd;
		if (fd >= 0 && blocks->catalog_size == 0) {
			flat_file_head_encode(flat_catalog_magic, head);
			ret = flat_write(blocks->disk, fd, path, head, sizeof(head), 0, &err);
			blocks->catalog_size = sizeof(head);
		}
		if (ret >= 0)
			ret = flat_write(blocks->disk, fd, path, record.data, record.size,
					 blocks->catalog_size, &err);
		flat_close(blocks->disk, fd);
		blocks->catalog_size += record.size;
		if (ret < 0) {
			/* Records must follow each other: the next open finds out by itself. */
			blocks->catalog_size = UINT64_MAX;
			tally_log(TALLY_LOG_WARN, "flatfile.catalog", "reason", err.text, NULL);
		}
	}
	free(path);
}

/* Moves the tails of all spaces into parts and writes down the same. */
static void seal_runs(struct flat_blocks *blocks, struct flat_segment *segment,
		      struct tally_buf *buf)
{
	uint32_t start = 0;

	for (size_t i = 0; i < blocks->tail_space_count; i++) {
		struct flat_space *space = blocks->tail_spaces[i];
		const struct flat_extent_run run = {
			.space = space->id,
			.first = space->blocks - space->tail_count,
			.count = space->tail_count,
			.start = start,
		};

		if (space->tail_count == 0)
			continue;
		flat_catalog_add_run(buf, &run);
		if (space->part_count == space->part_room) {
			space->part_room = 2 * space->part_room + 2;
			space->parts = tally_realloc(space->parts,
						     space->part_room * sizeof(*space->parts));
		}
		space->parts[space->part_count++] =
			(struct flat_part){ run.first, segment->number, start };
		start += space->tail_count;
		free(space->tail);
		space->tail = NULL;
		space->tail_count = space->tail_room = 0;
	}
	for (size_t i = 0; i < blocks->tail_drop_count; i++)
		tally_buf_add_u64(buf, blocks->tail_drops[i]);
	segment->entries = start;
	blocks->tail_space_count = 0;
	blocks->tail_drop_count = 0;
}

void flat_seal_record(struct flat_blocks *blocks)
{
	struct flat_segment *segment = flat_segment_open(blocks);
	struct flat_catalog_record record = {
		.segment = segment->number,
		.first = segment->first,
		.next = blocks->sequence,
		.end = segment->end,
		.drop_count = (uint32_t)blocks->tail_drop_count,
	};
	struct tally_buf buf = { 0 };
	size_t begin;

	for (size_t i = 0; i < blocks->tail_space_count; i++) {
		record.entries += blocks->tail_spaces[i]->tail_count;
		record.run_count += blocks->tail_spaces[i]->tail_count > 0;
	}
	begin = flat_catalog_add_begin(&buf, &record);
	pthread_mutex_lock(&blocks->lock);
	seal_runs(blocks, segment, &buf);
	pthread_mutex_unlock(&blocks->lock);
	flat_record_add_end(&buf, begin);
	catalog_append(blocks, tally_buf_bytes(&buf));
	tally_buf_free(&buf);
	blocks->listed_count = 0;
	blocks->listed_bytes = 0;
	blocks->tail_size = 0;
}

int flat_segment_create(struct flat_blocks *blocks, uint32_t number, uint64_t first,
			uint64_t *salt_r, struct tally_err *err)
{
	struct flat_segment_head head = { .number = number, .first = first };
	char *path = flat_path(blocks->disk, "blocks/%010" PRIu32 ".seg", number);
	uint8_t bytes[FLAT_HEAD];
	int fd, ret = -1;

	while (head.salt == 0) {
		if (getrandom(&head.salt, sizeof(head.salt), 0) != sizeof(head.salt))
			head.salt = 0;
	}
	flat_segment_head_encode(&head, bytes);
	fd = flat_open(blocks->disk, path, O_RDWR | O_CREAT | O_TRUNC, err);
	if (fd >= 0) {
		ret = flat_write(blocks->disk, fd, path, bytes, sizeof(bytes), 0, err);
		if (ret == 0)
			ret = flat_sync(blocks->disk, fd, path, err);
		flat_close(blocks->disk, fd);
	}
	if (ret < 0)
		blocks->disk->files->unlink(blocks->disk->files->ctx, path, false);
	else
		ret = flat_sync_dir(blocks->disk, blocks->dir, err);
	*salt_r = head.salt;
	free(path);
	return ret;
}

/*
 * The order matters. The index is durable before the successor exists, the successor before the
 * catalogue speaks of the segment: so a segment in the catalogue has an index and a successor.
 */
int flat_rotate(struct flat_blocks *blocks, struct tally_err *err)
{
	struct flat_segment *old = flat_segment_open(blocks), *segment;
	struct tally_err ignored;
	uint64_t salt;
	int fd;

	blocks->rotate = true;
	if (flat_seal_index(blocks, err) < 0 ||
	    flat_segment_create(blocks, old->number + 1, blocks->sequence, &salt, err) < 0)
		return -1;
	fd = flat_handle_get(blocks->disk, &old->data, &ignored);
	if (fd >= 0) {
		flat_truncate(blocks->disk, fd, old->data.path, old->end, &ignored);
		flat_handle_put(blocks->disk, &old->data);
	}
	flat_seal_record(blocks);
	segment = flat_segment_add(blocks, old->number + 1);
	segment->first = blocks->sequence;
	atomic_store(&segment->salt, salt);
	blocks->zeroed = FLAT_HEAD;
	blocks->rotate = false;
	return 0;
}
