/*
 * Opening the blocks half: from the caches as far as they reach, from the frames behind that.
 *
 * A crash can only have hurt the last write, because each write waits for the sync of the one
 * before. So what follows the last good frame of the open segment is a torn tail, and is cut off,
 * unless a frame is found further on that was written after the broken one had been synced: then
 * acknowledged bytes were damaged, and that is an error. Sealed segments have no tail at all.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "arena.h"
#include "stream.h"

#define LIST_MAX ((size_t)1 << 30)	/* bytes of a catalogue or tail list that we believe */
#define PIECE (1u << 20)

/* ---- the catalogue ---- */

static int add_run(struct flat_blocks *blocks, const struct flat_extent_run *run, uint32_t segment)
{
	struct flat_space *space = flat_space_find(blocks, run->space, true);

	if (run->first != space->blocks)
		return -1;
	if (space->part_count == space->part_room) {
		space->part_room = 2 * space->part_room + 2;
		space->parts = tally_realloc(space->parts,
					     space->part_room * sizeof(*space->parts));
	}
	space->parts[space->part_count++] = (struct flat_part){ run->first, segment, run->start };
	space->blocks += run->count;
	return 0;
}

static int add_record(struct flat_blocks *blocks, struct flat_catalog_record *record)
{
	struct flat_segment *segment = flat_segment_add(blocks, record->segment);

	segment->entries = record->entries;
	segment->first = record->first;
	segment->end = record->end;
	blocks->sequence = record->next;
	for (uint32_t i = 0; i < record->run_count; i++) {
		const struct flat_extent_run run = flat_catalog_run(&record->runs);

		if (add_run(blocks, &run, record->segment) < 0)
			return -1;
	}
	for (uint32_t i = 0; i < record->drop_count; i++)
		flat_space_find(blocks, tally_read_u64(&record->runs), true)->dropped = true;
	return 0;
}

static int load_catalog(struct flat_blocks *blocks, struct tally_err *err)
{
	char *path = flat_path(blocks->disk, "blocks/catalog");
	struct flat_catalog_record record;
	struct tally_buf buf = { 0 };
	struct tally_reader reader;
	int ret = flat_load(blocks->disk, path, LIST_MAX, &buf, err);

	if (ret == 1 && flat_file_head_check(flat_catalog_magic, tally_buf_bytes(&buf))) {
		reader = tally_reader(tally_buf_bytes(&buf));
		reader.at += FLAT_FILE_HEAD;
		blocks->catalog_size = FLAT_FILE_HEAD;
		while (ret >= 0 && flat_catalog_next(&reader, &record) &&
		       record.segment == blocks->segment_count + 1 &&
		       record.first == blocks->sequence) {
			ret = add_record(blocks, &record);
			blocks->catalog_size = (uint64_t)(reader.at - buf.data);
		}
		if (ret < 0)
			tally_err_set(err, TALLY_CORRUPT,
				      "%s contradicts itself before offset %" PRIu64, path,
				      blocks->catalog_size);
	}
	if (ret >= 0 && blocks->catalog_size < buf.size)
		tally_log(TALLY_LOG_WARN, "flatfile.catalog", "file", path, "note",
			  "ends in a torn or damaged record; reading the segments instead", NULL);
	tally_buf_free(&buf);
	free(path);
	return ret < 0 ? -1 : 0;
}

/* ---- the tail list ---- */

/* A frame that is known to be good becomes part of the table. False if it does not fit there. */
static bool accept(struct flat_blocks *blocks, const struct flat_frame *frame, uint32_t offset)
{
	const struct flat_space *space = flat_space_find(blocks, frame->space, false);

	if (offset != flat_segment_open(blocks)->end)
		return false;
	if (frame->kind != FLAT_DROP && frame->number != (space != NULL ? space->blocks : 0))
		return false;
	flat_publish(blocks, frame, offset);
	blocks->sequence++;
	return true;
}

static bool accept_listed(struct flat_blocks *blocks, struct flat_tail_record *record)
{
	for (uint32_t i = 0; i < record->count; i++) {
		const struct flat_tail_entry entry = flat_tail_entry(&record->entries);
		const struct flat_frame frame = {
			.kind = entry.kind,
			.space = entry.space,
			.number = entry.number,
			.size = entry.spot.size,
		};

		if (!accept(blocks, &frame, entry.spot.offset))
			return false;
	}
	return record->end == flat_segment_open(blocks)->end;
}

/* *segment_r: the segment that the list is of, 0 if there is no list. */
static int load_list(struct flat_blocks *blocks, uint32_t *segment_r, struct tally_err *err)
{
	uint32_t number = flat_segment_open(blocks)->number;
	char *path = flat_path(blocks->disk, "blocks/tail");
	struct flat_tail_record record;
	struct tally_buf buf = { 0 };
	struct tally_reader reader;
	int ret = flat_load(blocks->disk, path, LIST_MAX, &buf, err);

	*segment_r = 0;
	if (ret == 1 && flat_file_head_check(flat_tail_magic, tally_buf_bytes(&buf))) {
		reader = tally_reader(tally_buf_bytes(&buf));
		reader.at += FLAT_FILE_HEAD;
		while (ret >= 0 && flat_tail_next(&reader, &record)) {
			*segment_r = record.segment;
			if (record.segment != number || record.first != blocks->sequence)
				break;
			if (!accept_listed(blocks, &record))
				ret = tally_err_set(err, TALLY_CORRUPT, "%s contradicts itself "
						    "before offset %td", path, reader.at - buf.data);
			blocks->tail_size = (uint64_t)(reader.at - buf.data);
		}
	}
	tally_buf_free(&buf);
	free(path);
	return ret < 0 ? -1 : 0;
}

/* ---- frames ---- */

/* A segment that is being read through. */
struct scan {
	struct flat_blocks *blocks;
	struct flat_segment *segment;
	const struct flat_intent *intent;
	int fd;
	uint64_t salt;
	uint64_t size;			/* of the file */
	uint64_t listed;		/* so far the tail list reaches */
	bool verify;			/* bodies too */
	struct tally_buf body;
};

/* 1 when table and body agree, 0 when not, -1. */
static int body_whole(struct scan *scan, const struct flat_frame *frame, struct tally_err *err)
{
	uint64_t offset = scan->segment->end + FLAT_HEAD;
	size_t table = 4 * (size_t)flat_chunks(frame->size);

	if (!scan->verify || frame->kind != FLAT_BLOCK)
		return 1;
	tally_buf_clear(&scan->body);
	tally_buf_reserve(&scan->body, table + frame->size);
	if (flat_read(scan->blocks->disk, scan->fd, scan->segment->data.path, scan->body.data,
		      table + frame->size, offset, err) < 0)
		return -1;
	if (flat_chunks_check(frame, 0, flat_chunks(frame->size), scan->body.data,
			      scan->body.data + table) < 0)
		return 1;
	/* Of a space that is being dropped, the body may be zero already and its head not yet. */
	return scan->intent->drop && scan->intent->space == frame->space;
}

/* 1: one more frame is in the table; 0: there is no whole frame at the end; -1. */
static int scan_frame(struct scan *scan, struct tally_err *err)
{
	uint64_t offset = scan->segment->end;
	uint8_t head[FLAT_HEAD];
	struct flat_frame frame;
	int ret;

	if (offset + FLAT_HEAD > scan->size)
		return 0;
	if (flat_read(scan->blocks->disk, scan->fd, scan->segment->data.path, head, sizeof(head),
		      offset, err) < 0)
		return -1;
	if (!flat_frame_decode(&frame, scan->salt, head) ||
	    frame.sequence != scan->blocks->sequence || frame.size > TALLY_BLOCK_MAX ||
	    offset + flat_extent(frame.size) > scan->size)
		return 0;
	ret = body_whole(scan, &frame, err);
	if (ret <= 0)
		return ret;
	if (!accept(scan->blocks, &frame, (uint32_t)offset))
		return tally_err_set(err, TALLY_CORRUPT, "%s: the frame at offset %" PRIu64
				     " is not the next block of its space",
				     scan->segment->data.path, offset);
	flat_list(scan->blocks, &frame, (uint32_t)offset);
	return 1;
}

static int scan_frames(struct scan *scan, struct tally_err *err)
{
	int ret;

	do {
		ret = scan_frame(scan, err);
	} while (ret > 0);
	return ret;
}

/* ---- behind the last frame ---- */

struct rest {
	bool dirty;			/* there is something but zeros */
	uint64_t later;			/* a frame that proves damage stands here; 0: none */
};

static void look_at_piece(const struct scan *scan, const uint8_t *data, size_t size,
			  uint64_t offset, struct rest *rest)
{
	struct flat_frame frame;

	for (size_t at = 0; at < size; at += FLAT_HEAD) {
		size_t left = size - at < FLAT_HEAD ? size - at : FLAT_HEAD;

		for (size_t i = 0; !rest->dirty && i < left; i++)
			rest->dirty = data[at + i] != 0;
		if (left == FLAT_HEAD && flat_frame_decode(&frame, scan->salt, data + at) &&
		    frame.batch > scan->blocks->sequence && rest->later == 0)
			rest->later = offset + at;
	}
}

/* Frames begin at multiples of 64, so pieces of a multiple of 64 cut none. */
static int look_behind(const struct scan *scan, struct rest *rest, struct tally_err *err)
{
	uint8_t *piece = tally_malloc(PIECE);
	uint64_t offset = scan->segment->end;
	int ret = 0;

	*rest = (struct rest){ 0 };
	while (ret == 0 && offset < scan->size) {
		size_t size = scan->size - offset < PIECE ? (size_t)(scan->size - offset) : PIECE;

		ret = flat_read(scan->blocks->disk, scan->fd, scan->segment->data.path, piece, size,
				offset, err);
		if (ret == 0)
			look_at_piece(scan, piece, size, offset, rest);
		offset += size;
	}
	free(piece);
	return ret;
}

static void log_torn(const char *path, uint64_t offset, uint64_t bytes)
{
	char at[24], size[24];

	snprintf(at, sizeof(at), "%" PRIu64, offset);
	snprintf(size, sizeof(size), "%" PRIu64, bytes);
	tally_log(TALLY_LOG_WARN, "flatfile.torn", "file", path, "offset", at, "cut", size, NULL);
}

/*
 * The open segment ends here: whatever a last write left behind is cut off. Frames enter the tail
 * list after the sync that acknowledged them, so where it lists them all, all is on the medium.
 */
static int end_tail(struct scan *scan, struct tally_err *err)
{
	struct flat_segment *segment = scan->segment;
	struct flat_blocks *blocks = scan->blocks;
	struct rest rest;

	if (look_behind(scan, &rest, err) < 0)
		return -1;
	if (rest.later != 0)
		return tally_err_set(err, TALLY_CORRUPT, "%s: the frame at offset %" PRIu64
				     " is damaged (a later one stands at %" PRIu64 ")",
				     segment->data.path, segment->end, rest.later);
	blocks->zeroed = scan->size;
	if (rest.dirty) {
		log_torn(segment->data.path, segment->end, scan->size - segment->end);
		if (flat_truncate(blocks->disk, scan->fd, segment->data.path, segment->end, err) < 0)
			return -1;
		blocks->zeroed = segment->end;
	} else if (segment->end > FLAT_HEAD && segment->end == scan->listed) {
		return 0;
	}
	if (flat_sync(blocks->disk, scan->fd, segment->data.path, err) < 0)
		return -1;
	return flat_sync_dir(blocks->disk, blocks->dir, err);
}

/* ---- segments that are not in the catalogue ---- */

/* Is there nothing behind the place of the head? */
static int no_frames(struct flat_disk *disk, int fd, const char *path, bool *zero_r,
		     struct tally_err *err)
{
	uint8_t *piece = tally_malloc(PIECE);
	uint64_t offset = FLAT_HEAD;
	size_t got = 1;
	int ret = 0;

	*zero_r = true;
	while (ret == 0 && *zero_r && got > 0) {
		ret = flat_read_some(disk, fd, path, piece, PIECE, offset, &got, err);
		for (size_t i = 0; ret == 0 && *zero_r && i < got; i++)
			*zero_r = piece[i] == 0;
		offset += got;
	}
	free(piece);
	return ret;
}

/*
 * The head of a segment file: 1, 0 when there is no such file, -1. A head is durable before there
 * are frames: a file with neither was being created when it was cut off, and is removed, if
 * may_be_new.
 */
static int segment_probe(struct flat_blocks *blocks, uint32_t number, bool may_be_new,
			 struct flat_segment_head *head, struct tally_err *err)
{
	struct flat_disk *disk = blocks->disk;
	char *path = flat_path(disk, "blocks/%010" PRIu32 ".seg", number);
	uint8_t bytes[FLAT_HEAD];
	bool zero = false;
	size_t got;
	int fd = disk->files->open(disk->files->ctx, path, O_RDONLY, 0), ret;

	if (fd < 0) {
		ret = errno == ENOENT ? 0 : tally_err_errno(err, "open %s", path);
		goto out;
	}
	ret = flat_read_some(disk, fd, path, bytes, sizeof(bytes), 0, &got, err);
	if (ret == 0 && got == sizeof(bytes) && flat_segment_head_decode(head, bytes) &&
	    head->number == number) {
		ret = 1;
		goto out;
	}
	if (ret == 0 && may_be_new)
		ret = no_frames(disk, fd, path, &zero, err);
	if (ret == 0 && zero)
		ret = flat_unlink(disk, path, err);
	else if (ret == 0)
		ret = tally_err_set(err, TALLY_CORRUPT, "%s: the head at offset 0 is damaged", path);
out:
	flat_close(disk, fd);
	free(path);
	return ret;
}

/* Reads the frames of the newest segment that the table has. */
static int read_segment(struct flat_blocks *blocks, const struct flat_segment_head *next,
			const struct flat_intent *intent, struct tally_err *err)
{
	struct flat_segment *segment = flat_segment_open(blocks);
	struct scan scan = {
		.blocks = blocks,
		.segment = segment,
		.intent = intent,
		.salt = atomic_load(&segment->salt),
		.listed = segment->end,
		.verify = next == NULL,
	};
	int ret;

	scan.fd = flat_handle_get(blocks->disk, &segment->data, err);
	if (scan.fd < 0)
		return -1;
	ret = flat_size(blocks->disk, scan.fd, segment->data.path, &scan.size, err);
	if (ret == 0 && scan.size < segment->end)
		ret = tally_err_set(err, TALLY_CORRUPT, "%s has %" PRIu64 " bytes, but %" PRIu64
				    " were acknowledged", segment->data.path, scan.size,
				    segment->end);
	if (ret == 0)
		ret = scan_frames(&scan, err);
	if (ret == 0 && next == NULL)
		ret = end_tail(&scan, err);
	else if (ret == 0 && blocks->sequence != next->first)
		ret = tally_err_set(err, TALLY_CORRUPT, "%s: the frame at offset %" PRIu64
				    " is damaged", segment->data.path, segment->end);
	flat_handle_put(blocks->disk, &segment->data);
	tally_buf_free(&scan.body);
	return ret;
}

/* The segment has a successor: what sealing it lacks is done now. */
static int seal(struct flat_blocks *blocks, struct tally_err *err)
{
	if (flat_seal_index(blocks, err) < 0 || flat_sync_dir(blocks->disk, blocks->dir, err) < 0)
		return -1;
	flat_seal_record(blocks);
	return 0;
}

static int add_segment(struct flat_blocks *blocks, const struct flat_segment_head *head,
		       struct tally_err *err)
{
	struct flat_segment *segment = flat_segment_add(blocks, head->number);

	segment->first = head->first;
	atomic_store(&segment->salt, head->salt);
	if (head->first != blocks->sequence)
		return tally_err_set(err, TALLY_CORRUPT, "%s begins with frame %" PRIu64 ", not %"
				     PRIu64, segment->data.path, head->first, blocks->sequence);
	return 0;
}

static int err_missing(struct flat_blocks *blocks, uint32_t number, struct tally_err *err)
{
	return tally_err_set(err, TALLY_CORRUPT, "%s/%010" PRIu32 ".seg is missing", blocks->dir,
			     number);
}

static int read_segments(struct flat_blocks *blocks, const struct flat_intent *intent,
			 struct tally_err *err)
{
	uint32_t number = blocks->segment_count + 1, listed = 0;
	struct flat_segment_head head, next;
	int more = segment_probe(blocks, number, false, &head, err);

	if (more == 0)
		return err_missing(blocks, number, err);
	while (more > 0) {
		if (add_segment(blocks, &head, err) < 0 || load_list(blocks, &listed, err) < 0)
			return -1;
		more = segment_probe(blocks, ++number, true, &next, err);
		if (more < 0 || read_segment(blocks, more > 0 ? &next : NULL, intent, err) < 0)
			return -1;
		if (more > 0 && seal(blocks, err) < 0)
			return -1;
		head = next;
	}
	if (more == 0 && listed > blocks->segment_count)
		return err_missing(blocks, listed, err);
	return more;
}

/* Where the blocks of dropped spaces were is of no interest once they are wiped. */
static void forget_dropped(struct flat_blocks *blocks)
{
	for (size_t i = 0; i < blocks->bucket_count; i++) {
		for (struct flat_space *at = blocks->buckets[i]; at != NULL; at = at->next) {
			if (!at->dropped)
				continue;
			free(at->parts);
			free(at->tail);
			at->parts = NULL;
			at->tail = NULL;
			at->part_count = at->part_room = at->tail_count = at->tail_room = 0;
		}
	}
}

int flat_recover(struct flat_blocks *blocks, struct tally_err *err)
{
	struct flat_intent intent;

	blocks->sequence = 1;
	if (flat_intent_redo(blocks, &intent, err) < 0 || load_catalog(blocks, err) < 0 ||
	    read_segments(blocks, &intent, err) < 0)
		return -1;
	if (intent.drop && flat_drop_redo(blocks, intent.space, err) < 0)
		return -1;
	forget_dropped(blocks);
	return 0;
}
