/*
 * What the files of the blocks half share: the table of spaces and segments in memory, and the
 * steps of writing the stream. For blocks.c, recover.c and erase.c only.
 *
 * Locks, in the order in which they are taken:
 *   modify   one erase, drop or copying of a segment at a time
 *   append   one appender at a time; guards everything named "appender's" below
 *   lock     the table; held for a look or a change in memory, never over a system call
 */
#ifndef FLAT_STREAM_H
#define FLAT_STREAM_H

#include "blocks.h"
#include "segments.h"

struct flat_segment {
	uint32_t number;
	uint32_t entries;		/* frames of blocks; of the open segment so far */
	uint64_t first;			/* sequence number of its first frame */
	uint64_t end;			/* bytes in use; of the open segment: published and synced */
	atomic_uint_fast64_t salt;	/* 0: not read yet */
	struct flat_handle data;
	struct flat_handle index;
};

/* Blocks from first on (up to the next part) are entries from start on in the segment's index. */
struct flat_part {
	uint64_t first;
	uint32_t segment;
	uint32_t start;
};

struct flat_space {
	uint64_t id;
	uint64_t blocks;
	bool dropped;
	struct flat_part *parts;	/* in sealed segments */
	uint32_t part_count;
	uint32_t part_room;
	struct flat_spot *tail;		/* in the open segment: blocks - tail_count and up */
	uint32_t tail_count;
	uint32_t tail_room;
	struct flat_space *next;	/* in its bucket */
};

struct flat_blocks {
	struct flat_disk *disk;
	struct flat_blocks_conf conf;
	char *dir;			/* blocks/ */

	pthread_mutex_t modify;
	pthread_mutex_t append;
	pthread_mutex_t lock;

	struct flat_space **buckets;
	size_t bucket_count;		/* a power of two */
	size_t space_count;
	struct flat_segment **segments;	/* [i] has number i + 1; the last one is open */
	uint32_t segment_count;
	uint32_t segment_room;
	struct flat_space **tail_spaces;	/* those with frames in the open segment */
	size_t tail_space_count;
	size_t tail_space_room;
	uint64_t *tail_drops;		/* spaces whose tombstone is in the open segment */
	size_t tail_drop_count;
	size_t tail_drop_room;

	/* the appender's */
	uint64_t sequence;		/* of the next frame */
	uint64_t zeroed;		/* size of the open segment's file; zero from end on */
	bool rotate;			/* a rotation failed half-way: finish it before anything else */
	struct flat_tail_entry *listed;	/* frames the tail list lacks */
	size_t listed_count;
	size_t listed_room;
	uint64_t listed_bytes;
	uint64_t tail_size;		/* of the tail list's file; 0: begin anew */
	uint64_t catalog_size;		/* 0: no file; UINT64_MAX: leave it alone until next open */

	bool unfinished;		/* an erase or drop failed half-way; under modify */

	struct flat_blocks_stat stat;	/* under lock */
};

/* What a crash may have left half done: found in blocks/intent. */
struct flat_intent {
	bool drop;			/* else an erase, which recover.c has finished already */
	uint64_t space;
};

/* ---- blocks.c ---- */

/* The space, or NULL; with make a new one. Under lock. */
struct flat_space *flat_space_find(struct flat_blocks *blocks, uint64_t id, bool make);
struct flat_segment *flat_segment_add(struct flat_blocks *blocks, uint32_t number);
struct flat_segment *flat_segment_open(struct flat_blocks *blocks);	/* the open one */

/* Puts a synced frame into the table; takes lock. */
void flat_publish(struct flat_blocks *blocks, const struct flat_frame *frame, uint32_t offset);
/* Appends the tombstone of a space; append is held. */
int flat_append_drop(struct flat_blocks *blocks, uint64_t space, struct tally_err *err);

/* ---- read.c ---- */

int flat_segment_salt(struct flat_blocks *blocks, struct flat_segment *segment, uint64_t *salt_r,
		      struct tally_err *err);

/* Where a block lies. 1, 0 when there is none (or no such space any more), -1. */
int flat_locate(struct flat_blocks *blocks, uint64_t space, uint64_t number,
		struct flat_segment **segment_r, struct flat_spot *spot_r, struct tally_err *err);
int flat_entry_read(struct flat_blocks *blocks, struct flat_segment *segment, uint32_t entry,
		    uint64_t space, uint64_t number, struct flat_spot *spot_r,
		    struct tally_err *err);

/* Reads and checks the head of the frame at a spot. */
int flat_frame_read(struct flat_blocks *blocks, struct flat_segment *segment, int fd,
		    struct flat_spot spot, uint64_t space, uint64_t number,
		    struct flat_frame *frame_r, struct tally_err *err);

/* ---- seal.c ---- */

/* Notes a synced frame for the tail list; writes what was noted, now or if it is much. */
void flat_list(struct flat_blocks *blocks, const struct flat_frame *frame, uint32_t offset);
int flat_list_save(struct flat_blocks *blocks, struct tally_err *err);
void flat_list_due(struct flat_blocks *blocks);

int flat_segment_create(struct flat_blocks *blocks, uint32_t number, uint64_t first,
			uint64_t *salt_r, struct tally_err *err);

/* Writes the index of the open segment; then, once its successor is there, its record. */
int flat_seal_index(struct flat_blocks *blocks, struct tally_err *err);
void flat_seal_record(struct flat_blocks *blocks);

/* Seals the open segment and begins the next. */
int flat_rotate(struct flat_blocks *blocks, struct tally_err *err);

/* ---- recover.c ---- */

int flat_recover(struct flat_blocks *blocks, struct tally_err *err);

/* ---- erase.c ---- */

/* Finishes an interrupted erase (files only); tells of an interrupted drop. */
int flat_intent_redo(struct flat_blocks *blocks, struct flat_intent *intent_r,
		     struct tally_err *err);
/* Finishes an interrupted drop, once the table is there. */
int flat_drop_redo(struct flat_blocks *blocks, uint64_t space, struct tally_err *err);

#endif
