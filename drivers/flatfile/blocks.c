/*
 * Blocks: the table of where they lie, appending, and copying the stream for a backup.
 *
 * One append of many spaces becomes one write behind the end of the open segment and one
 * fdatasync; only then do its blocks enter the table, which is all that readers see. Small writes
 * go into space that was filled with zeros before, so that their sync need not wait for the file
 * system's journal. Reading: read.c. Beginning a new segment: seal.c. Recovery after a crash:
 * recover.c. Changing what was written: erase.c.
 */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>

#include "arena.h"
#include "stream.h"

#define ZERO_PIECE 65536		/* least that is zeroed ahead, and the size of zeros[] */
#define ZERO_BATCH 131072		/* larger writes pay for their own growth */

static const uint8_t zeros[ZERO_PIECE];

/* ---- the table ---- */

static size_t bucket_of(uint64_t id, size_t count)
{
	return (size_t)((id * 0x9e3779b97f4a7c15u) >> 32) & (count - 1);
}

static void buckets_grow(struct flat_blocks *blocks)
{
	size_t count = blocks->bucket_count > 0 ? 2 * blocks->bucket_count : 64;
	struct flat_space **buckets = tally_calloc(count, sizeof(*buckets));

	for (size_t i = 0; i < blocks->bucket_count; i++) {
		for (struct flat_space *at = blocks->buckets[i], *next; at != NULL; at = next) {
			struct flat_space **bucket = &buckets[bucket_of(at->id, count)];

			next = at->next;
			at->next = *bucket;
			*bucket = at;
		}
	}
	free(blocks->buckets);
	blocks->buckets = buckets;
	blocks->bucket_count = count;
}

struct flat_space *flat_space_find(struct flat_blocks *blocks, uint64_t id, bool make)
{
	struct flat_space *space = NULL, **bucket;

	if (blocks->bucket_count > 0)
		space = blocks->buckets[bucket_of(id, blocks->bucket_count)];
	while (space != NULL && space->id != id)
		space = space->next;
	if (space != NULL || !make)
		return space;
	if (blocks->space_count >= blocks->bucket_count)
		buckets_grow(blocks);
	space = tally_calloc(1, sizeof(*space));
	space->id = id;
	bucket = &blocks->buckets[bucket_of(id, blocks->bucket_count)];
	space->next = *bucket;
	*bucket = space;
	blocks->space_count++;
	return space;
}

struct flat_segment *flat_segment_add(struct flat_blocks *blocks, uint32_t number)
{
	struct flat_segment *segment = tally_calloc(1, sizeof(*segment));

	segment->number = number;
	segment->end = FLAT_HEAD;
	atomic_init(&segment->salt, 0);
	flat_handle_init(&segment->data, flat_path(blocks->disk, "blocks/%010" PRIu32 ".seg", number));
	flat_handle_init(&segment->index, flat_path(blocks->disk, "blocks/%010" PRIu32 ".idx", number));
	pthread_mutex_lock(&blocks->lock);
	if (blocks->segment_count == blocks->segment_room) {
		blocks->segment_room = blocks->segment_room > 0 ? 2 * blocks->segment_room : 16;
		blocks->segments = tally_realloc(blocks->segments,
						 blocks->segment_room * sizeof(*blocks->segments));
	}
	blocks->segments[blocks->segment_count++] = segment;
	pthread_mutex_unlock(&blocks->lock);
	return segment;
}

struct flat_segment *flat_segment_open(struct flat_blocks *blocks)
{
	return blocks->segments[blocks->segment_count - 1];
}

static void publish_block(struct flat_blocks *blocks, const struct flat_frame *frame,
			  uint32_t offset)
{
	struct flat_space *space = flat_space_find(blocks, frame->space, true);

	if (space->tail_count == 0) {
		if (blocks->tail_space_count == blocks->tail_space_room) {
			blocks->tail_space_room = 2 * blocks->tail_space_room + 16;
			blocks->tail_spaces = tally_realloc(blocks->tail_spaces,
				blocks->tail_space_room * sizeof(*blocks->tail_spaces));
		}
		blocks->tail_spaces[blocks->tail_space_count++] = space;
	}
	if (space->tail_count == space->tail_room) {
		space->tail_room = 2 * space->tail_room + 4;
		space->tail = tally_realloc(space->tail, space->tail_room * sizeof(*space->tail));
	}
	space->tail[space->tail_count++] = (struct flat_spot){ offset, frame->size };
	space->blocks++;
	flat_segment_open(blocks)->entries++;
}

static void publish_drop(struct flat_blocks *blocks, uint64_t id)
{
	flat_space_find(blocks, id, true)->dropped = true;
	if (blocks->tail_drop_count == blocks->tail_drop_room) {
		blocks->tail_drop_room = 2 * blocks->tail_drop_room + 16;
		blocks->tail_drops = tally_realloc(blocks->tail_drops,
						   blocks->tail_drop_room * sizeof(uint64_t));
	}
	blocks->tail_drops[blocks->tail_drop_count++] = id;
}

void flat_publish(struct flat_blocks *blocks, const struct flat_frame *frame, uint32_t offset)
{
	pthread_mutex_lock(&blocks->lock);
	if (frame->kind == FLAT_DROP)
		publish_drop(blocks, frame->space);
	else
		publish_block(blocks, frame, offset);
	flat_segment_open(blocks)->end = offset + flat_extent(frame->size);
	pthread_mutex_unlock(&blocks->lock);
}

/* ---- writing ---- */

static int make_room(struct flat_blocks *blocks, uint64_t size, struct tally_err *err)
{
	const struct flat_segment *segment = flat_segment_open(blocks);

	if (!blocks->rotate && segment->entries < FLAT_SEGMENT_FRAMES &&
	    (segment->end == FLAT_HEAD || segment->end + size <= blocks->conf.segment_size))
		return 0;
	return flat_rotate(blocks, err);
}

/* A frame on its way into the stream. */
struct item {
	struct tally_block_write *write;	/* NULL: a tombstone */
	struct flat_frame frame;
	uint32_t offset;
};

/* Zeros to write behind a batch of this size that ends there. */
static uint64_t zeros_behind(const struct flat_blocks *blocks, uint64_t size, uint64_t end)
{
	uint64_t ahead = end < blocks->conf.zero_ahead ? end : blocks->conf.zero_ahead;

	if (end <= blocks->zeroed || size > ZERO_BATCH || blocks->conf.zero_ahead == 0)
		return 0;
	if (ahead < ZERO_PIECE)
		ahead = ZERO_PIECE;
	ahead = (end + ahead) / FLAT_CHUNK * FLAT_CHUNK;
	if (ahead > blocks->conf.segment_size)
		ahead = blocks->conf.segment_size;
	return ahead > end ? ahead - end : 0;
}

/* Head and table of a frame. */
static void encode_head(const struct item *item, uint8_t *out)
{
	const uint8_t *data = item->write != NULL ? item->write->data.data : NULL;

	flat_frame_encode(&item->frame, out);
	out += FLAT_HEAD;
	for (uint32_t i = 0; i < flat_chunks(item->frame.size); i++) {
		size_t size = flat_chunk_size(item->frame.size, i);

		tally_put_u32(out, flat_chunk_crc(&item->frame, i, data, size));
		data += size;
		out += 4;
	}
}

static void iov_add(struct iovec *iov, size_t *count, const void *data, size_t size)
{
	if (size == 0)
		return;
	iov[(*count)++] = (struct iovec){ (void *)(uintptr_t)data, size };
}

/* Gathers the items in the order of the file; heads holds what is not borrowed. */
static size_t gather(const struct item *items, size_t count, uint64_t fill, uint8_t *heads,
		     struct iovec *iov)
{
	size_t n = 0;

	for (size_t i = 0; i < count; i++) {
		uint32_t size = items[i].frame.size;
		uint64_t body = flat_body(size);

		encode_head(&items[i], heads);
		iov_add(iov, &n, heads, body);
		if (size > 0)
			iov_add(iov, &n, items[i].write->data.data, size);
		iov_add(iov, &n, zeros, flat_extent(size) - body - size);
		heads += body;
	}
	for (; fill > 0; fill -= fill < ZERO_PIECE ? fill : ZERO_PIECE)
		iov_add(iov, &n, zeros, fill < ZERO_PIECE ? fill : ZERO_PIECE);
	return n;
}

static int write_items(struct flat_blocks *blocks, int fd, const struct item *items, size_t count,
		       uint64_t fill, struct tally_err *err)
{
	struct flat_segment *segment = flat_segment_open(blocks);
	struct iovec *iov = tally_calloc(3 * count + fill / ZERO_PIECE + 1, sizeof(*iov));
	size_t head_bytes = 0;
	uint8_t *heads;
	int ret;

	for (size_t i = 0; i < count; i++)
		head_bytes += flat_body(items[i].frame.size);
	heads = tally_malloc(head_bytes);
	ret = flat_writev(blocks->disk, fd, segment->data.path, iov,
			  gather(items, count, fill, heads, iov), segment->end, err);
	free(heads);
	free(iov);
	return ret;
}

/* After a write that failed: what it left behind the end must not look like frames later. */
static void take_back(struct flat_blocks *blocks, int fd)
{
	struct flat_segment *segment = flat_segment_open(blocks);
	struct tally_err err;

	blocks->zeroed = segment->end;
	if (flat_truncate(blocks->disk, fd, segment->data.path, segment->end, &err) < 0) {
		tally_log(TALLY_LOG_ERROR, "flatfile.truncate", "reason", err.text, NULL);
		atomic_store(&blocks->disk->dead, true);
	}
}

static int write_and_sync(struct flat_blocks *blocks, int fd, const struct item *items,
			  size_t count, uint64_t size, struct tally_err *err)
{
	struct flat_segment *segment = flat_segment_open(blocks);
	uint64_t end = segment->end + size;
	uint64_t fill = zeros_behind(blocks, size, end);
	int ret = write_items(blocks, fd, items, count, fill, err);

	if (ret < 0 && fill > 0 && err->code == TALLY_FULL) {
		take_back(blocks, fd);
		fill = 0;
		ret = write_items(blocks, fd, items, count, fill, err);
	}
	if (ret < 0) {
		take_back(blocks, fd);
		return -1;
	}
	if (flat_sync(blocks->disk, fd, segment->data.path, err) < 0) {
		err->code = TALLY_UNCERTAIN;
		return -1;
	}
	if (end + fill > blocks->zeroed)
		blocks->zeroed = end + fill;
	return 0;
}

/* Gives the items their places behind the end of the open segment; returns their bytes. */
static uint64_t place_items(struct flat_blocks *blocks, struct item *items, size_t count,
			    uint64_t salt)
{
	uint64_t end = flat_segment_open(blocks)->end, from = end;

	for (size_t i = 0; i < count; i++) {
		items[i].frame.salt = salt;
		items[i].frame.sequence = blocks->sequence + i;
		items[i].frame.batch = blocks->sequence;
		items[i].offset = (uint32_t)end;
		end += flat_extent(items[i].frame.size);
	}
	return end - from;
}

/* One write, one sync, then the table. */
static int stream_write(struct flat_blocks *blocks, struct item *items, size_t count,
			struct tally_err *err)
{
	struct flat_segment *segment = flat_segment_open(blocks);
	uint64_t salt, size;
	int fd, ret;

	if (flat_segment_salt(blocks, segment, &salt, err) < 0)
		return -1;
	fd = flat_handle_get(blocks->disk, &segment->data, err);
	if (fd < 0)
		return -1;
	size = place_items(blocks, items, count, salt);
	ret = write_and_sync(blocks, fd, items, count, size, err);
	flat_handle_put(blocks->disk, &segment->data);
	if (ret < 0)
		return -1;
	blocks->sequence += count;
	for (size_t i = 0; i < count; i++) {
		flat_publish(blocks, &items[i].frame, items[i].offset);
		flat_list(blocks, &items[i].frame, items[i].offset);
	}
	pthread_mutex_lock(&blocks->lock);
	blocks->stat.syncs++;
	pthread_mutex_unlock(&blocks->lock);
	flat_list_due(blocks);
	return 0;
}

/* How many of the items go into the open segment together: at least one, it has room for it. */
static size_t items_that_fit(const struct flat_blocks *blocks, const struct item *items,
			     size_t count)
{
	const struct flat_segment *segment = blocks->segments[blocks->segment_count - 1];
	uint64_t end = segment->end + flat_extent(items[0].frame.size);
	size_t n = 1;

	while (n < count && segment->entries + n < FLAT_SEGMENT_FRAMES) {
		end += flat_extent(items[n].frame.size);
		if (end > blocks->conf.segment_size)
			break;
		n++;
	}
	return n;
}

/* Writes the items, segment by segment; *done_r of them are durable. */
static int write_all(struct flat_blocks *blocks, struct item *items, size_t count, size_t *done_r,
		     struct tally_err *err)
{
	size_t done = 0, n;

	while (done < count) {
		*done_r = done;
		if (make_room(blocks, flat_extent(items[done].frame.size), err) < 0)
			return -1;
		n = items_that_fit(blocks, items + done, count - done);
		if (stream_write(blocks, items + done, n, err) < 0)
			return -1;
		done += n;
	}
	*done_r = done;
	return 0;
}

static int refuse(struct tally_block_write *write, const struct flat_space *space,
		  struct tally_err *err)
{
	uint64_t count = space != NULL ? space->blocks : 0;

	if (space != NULL && space->dropped)
		tally_err_set(err, TALLY_NOTFOUND, "append: space %" PRIu64 " was dropped",
			      write->space);
	else if (write->number < count)
		tally_err_set(err, TALLY_CONFLICT,
			      "append: space %" PRIu64 " has a block %" PRIu64 " already",
			      write->space, write->number);
	else if (write->number > count)
		tally_err_set(err, TALLY_INVALID,
			      "append: space %" PRIu64 " has %" PRIu64 " blocks, number %" PRIu64
			      " would leave a gap", write->space, count, write->number);
	else
		return 0;
	write->outcome = err->code;
	return -1;
}

/* Those whose number is the next become items. *err is of the first that is refused. */
static size_t admit(struct flat_blocks *blocks, struct tally_block_write *writes, size_t count,
		    struct item *items, int *ret_r, struct tally_err *err)
{
	struct tally_err one;
	size_t n = 0;

	pthread_mutex_lock(&blocks->lock);
	for (size_t i = 0; i < count; i++) {
		if (refuse(&writes[i], flat_space_find(blocks, writes[i].space, false), &one) < 0) {
			if (*ret_r == 0)
				*err = one;
			*ret_r = -1;
			continue;
		}
		items[n++] = (struct item){
			.write = &writes[i],
			.frame = {
				.kind = FLAT_BLOCK,
				.space = writes[i].space,
				.number = writes[i].number,
				.size = (uint32_t)writes[i].data.size,
			},
		};
	}
	pthread_mutex_unlock(&blocks->lock);
	return n;
}

static void count_append(struct flat_blocks *blocks, const struct item *items, size_t done)
{
	pthread_mutex_lock(&blocks->lock);
	blocks->stat.appends++;
	blocks->stat.blocks += done;
	for (size_t i = 0; i < done; i++)
		blocks->stat.bytes += items[i].frame.size;
	pthread_mutex_unlock(&blocks->lock);
}

int flat_blocks_append(struct flat_blocks *blocks, struct tally_block_write *writes, size_t count,
		       struct tally_err *err)
{
	struct item *items = tally_calloc(count + 1, sizeof(*items));
	struct tally_err one;
	size_t n = 0, done = 0;
	int ret = 0;

	pthread_mutex_lock(&blocks->append);
	if (flat_disk_alive(blocks->disk, "append", err) < 0) {
		for (size_t i = 0; i < count; i++)
			writes[i].outcome = TALLY_UNCERTAIN;
		ret = -1;
	} else {
		n = admit(blocks, writes, count, items, &ret, err);
	}
	if (n > 0 && write_all(blocks, items, n, &done, &one) < 0) {
		if (atomic_load(&blocks->disk->dead))
			one.code = TALLY_UNCERTAIN;
		tally_err_prefix(&one, "append: space %" PRIu64 " block %" PRIu64,
				 items[done].frame.space, items[done].frame.number);
		if (ret == 0)
			*err = one;
		ret = -1;
	}
	for (size_t i = 0; i < n; i++)
		items[i].write->outcome = i < done ? TALLY_OK : one.code;
	count_append(blocks, items, done);
	pthread_mutex_unlock(&blocks->append);
	free(items);
	return ret;
}

int flat_append_drop(struct flat_blocks *blocks, uint64_t space, struct tally_err *err)
{
	struct item item = {
		.frame = { .kind = FLAT_DROP, .space = space, .number = UINT64_MAX },
	};
	size_t done;

	return write_all(blocks, &item, 1, &done, err);
}

/* ---- counts, spaces, figures ---- */

int flat_blocks_last(struct flat_blocks *blocks, uint64_t id, uint64_t *count_r,
		     struct tally_err *err)
{
	const struct flat_space *space;
	int ret = 0;

	pthread_mutex_lock(&blocks->lock);
	space = flat_space_find(blocks, id, false);
	if (space != NULL && space->dropped)
		ret = tally_err_set(err, TALLY_NOTFOUND, "last: space %" PRIu64 " was dropped", id);
	else
		*count_r = space != NULL ? space->blocks : 0;
	pthread_mutex_unlock(&blocks->lock);
	return ret;
}

struct space_row {
	uint64_t id;
	uint64_t blocks;
	bool dropped;
};

static int row_compare(const void *a, const void *b)
{
	const struct space_row *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

int flat_blocks_spaces(struct flat_blocks *blocks, tally_space_each *each, void *ctx)
{
	struct space_row *rows;
	size_t count = 0;

	pthread_mutex_lock(&blocks->lock);
	rows = tally_calloc(blocks->space_count + 1, sizeof(*rows));
	for (size_t i = 0; i < blocks->bucket_count; i++) {
		for (const struct flat_space *at = blocks->buckets[i]; at != NULL; at = at->next)
			rows[count++] = (struct space_row){ at->id, at->dropped ? 0 : at->blocks,
							    at->dropped };
	}
	pthread_mutex_unlock(&blocks->lock);
	qsort(rows, count, sizeof(*rows), row_compare);
	for (size_t i = 0; i < count; i++) {
		if (each(ctx, rows[i].id, rows[i].blocks, rows[i].dropped) != 0)
			break;
	}
	free(rows);
	return 0;
}

void flat_blocks_stat(struct flat_blocks *blocks, struct flat_blocks_stat *stat)
{
	pthread_mutex_lock(&blocks->lock);
	*stat = blocks->stat;
	stat->segments = blocks->segment_count;
	pthread_mutex_unlock(&blocks->lock);
}

int flat_blocks_maintain(struct flat_blocks *blocks, struct tally_err *err)
{
	int ret;

	pthread_mutex_lock(&blocks->append);
	ret = flat_list_save(blocks, err);
	pthread_mutex_unlock(&blocks->append);
	return ret;
}

/* ---- backup ---- */

/* How far a copy goes. */
struct extent {
	uint32_t segments;
	uint64_t end;			/* of the last of them */
	uint64_t catalog;		/* bytes */
	uint64_t tail;
};

static int copy_named(struct flat_blocks *blocks, const char *from, const char *directory,
		      uint64_t size, struct tally_err *err)
{
	struct tally_buf to = { 0 };
	int ret;

	tally_buf_printf(&to, "%s/blocks/%s", directory, strrchr(from, '/') + 1);
	tally_buf_add_u8(&to, '\0');
	ret = flat_copy(blocks->disk, from, (const char *)to.data, size, err);
	tally_buf_free(&to);
	return ret;
}

static int copy_segment(struct flat_blocks *blocks, uint32_t number, const struct extent *extent,
			const char *directory, struct tally_err *err)
{
	bool last = number == extent->segments;
	struct flat_segment *segment;
	uint64_t end;
	int ret;

	pthread_mutex_lock(&blocks->lock);
	segment = blocks->segments[number - 1];
	end = last ? extent->end : segment->end;
	pthread_mutex_unlock(&blocks->lock);
	ret = copy_named(blocks, segment->data.path, directory, end, err);
	if (ret == 0 && !last)
		ret = copy_named(blocks, segment->index.path, directory, UINT64_MAX, err);
	return ret;
}

static int copy_list(struct flat_blocks *blocks, const char *name, uint64_t size,
		     const char *directory, struct tally_err *err)
{
	char *path;
	int ret;

	if (size == 0 || size == UINT64_MAX)
		return 0;
	path = flat_path(blocks->disk, "blocks/%s", name);
	ret = copy_named(blocks, path, directory, size, err);
	free(path);
	return ret;
}

/*
 * modify is held throughout, so that no copied frame is half erased, and so that no tombstone can
 * be copied whose space was copied before it was wiped. Appends go on; what they add behind the
 * extent is not copied. The lists are copied first: they are overwritten when a segment is sealed.
 */
int flat_blocks_backup(struct flat_blocks *blocks, const char *directory, struct tally_err *err)
{
	struct extent extent;
	int ret;

	pthread_mutex_lock(&blocks->modify);
	pthread_mutex_lock(&blocks->append);
	ret = flat_list_save(blocks, err);
	extent = (struct extent){
		.segments = blocks->segment_count,
		.end = flat_segment_open(blocks)->end,
		.catalog = blocks->catalog_size,
		.tail = blocks->tail_size,
	};
	if (ret == 0)
		ret = copy_list(blocks, "tail", extent.tail, directory, err);
	pthread_mutex_unlock(&blocks->append);
	if (ret == 0)
		ret = copy_list(blocks, "catalog", extent.catalog, directory, err);
	for (uint32_t i = 1; ret == 0 && i <= extent.segments; i++)
		ret = copy_segment(blocks, i, &extent, directory, err);
	pthread_mutex_unlock(&blocks->modify);
	return ret;
}

/* ---- open and close ---- */

int flat_blocks_create(struct flat_disk *disk, struct tally_err *err)
{
	struct flat_blocks blocks = { .disk = disk };
	char *first = flat_path(disk, "blocks/%010d.seg", 1);
	struct tally_buf old = { 0 };
	uint64_t salt;
	int ret;

	blocks.dir = flat_path(disk, "blocks");
	ret = flat_mkdir(disk, blocks.dir, err);
	/* A creation that was cut off may be begun anew, but blocks are never overwritten. */
	if (ret == 0)
		ret = flat_load(disk, first, FLAT_HEAD, &old, err);
	if (ret < 0 && err->code == TALLY_CORRUPT)
		tally_err_set(err, TALLY_EXISTS, "%s holds blocks already", first);
	if (ret >= 0)
		ret = flat_segment_create(&blocks, 1, 1, &salt, err);
	tally_buf_free(&old);
	free(first);
	free(blocks.dir);
	return ret;
}

int flat_blocks_open(struct flat_disk *disk, const struct flat_blocks_conf *conf,
		     struct flat_blocks **blocks_r, struct tally_err *err)
{
	struct flat_blocks *blocks = tally_calloc(1, sizeof(*blocks));

	blocks->disk = disk;
	blocks->conf = *conf;
	blocks->dir = flat_path(disk, "blocks");
	pthread_mutex_init(&blocks->modify, NULL);
	pthread_mutex_init(&blocks->append, NULL);
	pthread_mutex_init(&blocks->lock, NULL);
	if (flat_recover(blocks, err) < 0) {
		/* What could not be opened is left as it is: no list is written over it. */
		blocks->listed_count = 0;
		flat_blocks_close(blocks);
		return -1;
	}
	*blocks_r = blocks;
	return 0;
}

static void space_free(struct flat_space *space)
{
	free(space->parts);
	free(space->tail);
	free(space);
}

void flat_blocks_close(struct flat_blocks *blocks)
{
	struct tally_err err;

	if (blocks == NULL)
		return;
	if (blocks->segment_count > 0 && !atomic_load(&blocks->disk->dead) &&
	    flat_list_save(blocks, &err) < 0)
		tally_log(TALLY_LOG_WARN, "flatfile.tail", "reason", err.text, NULL);
	for (size_t i = 0; i < blocks->bucket_count; i++) {
		for (struct flat_space *at = blocks->buckets[i], *next; at != NULL; at = next) {
			next = at->next;
			space_free(at);
		}
	}
	for (uint32_t i = 0; i < blocks->segment_count; i++) {
		flat_handle_free(blocks->disk, &blocks->segments[i]->data);
		flat_handle_free(blocks->disk, &blocks->segments[i]->index);
		free(blocks->segments[i]);
	}
	free(blocks->buckets);
	free(blocks->segments);
	free(blocks->tail_spaces);
	free(blocks->tail_drops);
	free(blocks->listed);
	free(blocks->dir);
	pthread_mutex_destroy(&blocks->lock);
	pthread_mutex_destroy(&blocks->append);
	pthread_mutex_destroy(&blocks->modify);
	free(blocks);
}
