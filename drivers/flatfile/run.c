/* Writing and reading of one run; the format is described in run.h and in the README. */
#include "config.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>

#include "arena.h"
#include "err.h"
#include "hash.h"
#include "run.h"
#include "segments.h"

#define PAGE_TARGET 8192		/* a page is closed when the next entry would pass this */
#define WRITE_PIECE (256u << 10)
#define VERIFY_PIECE (1u << 20)
#define REMOVED 0x80000000u		/* in the size of a value: there is none, the key is gone */

#define FILTER_PAGE 4096		/* the last four bytes are its checksum */
#define FILTER_BITS ((FILTER_PAGE - 4) * 8)
#define FILTER_KEYS 2048		/* to a page */
#define FILTER_PROBES 6
#define FILTER_MAX 8000000		/* runs with more keys have none: building it takes memory */

static const char run_magic[8] = { 't', 'a', 'l', 'l', 'y', 'r', 'u', 'n' };

static char *run_path(struct flat_medium *medium, uint64_t space, uint64_t id)
{
	return flat_path(medium->disk, "index/%016" PRIx64 "/%010" PRIu64 ".run", space, id);
}

/* ---- the filter ---- */

static uint64_t key_hash(struct tally_bytes key)
{
	uint64_t hash = 0xcbf29ce484222325u;

	for (size_t i = 0; i < key.size; i++)
		hash = (hash ^ key.data[i]) * 0x100000001b3u;
	hash = (hash ^ (hash >> 33)) * 0xff51afd7ed558ccdu;
	hash = (hash ^ (hash >> 33)) * 0xc4ceb9fe1a85ec53u;
	return hash ^ (hash >> 33);
}

static uint32_t filter_page(uint64_t hash, uint32_t pages)
{
	return (uint32_t)((hash >> 32) % pages);
}

/* The bits of a key in its page: bit i is at (a + i * b) mod FILTER_BITS. */
static uint32_t filter_bit(uint64_t hash, unsigned int i)
{
	uint32_t a = (uint32_t)hash, b = (uint32_t)(hash >> 17) | 1;

	return (a + i * b) % FILTER_BITS;
}

static void filter_set(uint8_t *filter, uint32_t pages, uint64_t hash)
{
	uint8_t *page = filter + (size_t)filter_page(hash, pages) * FILTER_PAGE;

	for (unsigned int i = 0; i < FILTER_PROBES; i++) {
		uint32_t bit = filter_bit(hash, i);

		page[bit / 8] |= (uint8_t)(1u << (bit % 8));
	}
}

static bool filter_test(const uint8_t *page, uint64_t hash)
{
	for (unsigned int i = 0; i < FILTER_PROBES; i++) {
		uint32_t bit = filter_bit(hash, i);

		if ((page[bit / 8] & (1u << (bit % 8))) == 0)
			return false;
	}
	return true;
}

/* ---- the footer ---- */

static void footer_encode(const struct flat_run *run, uint8_t out[FLAT_FOOTER])
{
	memset(out, 0, FLAT_FOOTER);
	memcpy(out, run_magic, sizeof(run_magic));
	tally_put_u32(out + 8, FLAT_FORMAT);
	tally_put_u32(out + 12, run->height);
	tally_put_u64(out + 16, run->space);
	tally_put_u64(out + 24, run->id);
	tally_put_u64(out + 32, run->entries);
	tally_put_u64(out + 40, run->root_offset);
	tally_put_u32(out + 48, run->root_size);
	tally_put_u32(out + 52, run->root_crc);
	tally_put_u64(out + 56, run->filter_offset);
	tally_put_u32(out + 64, run->filter_pages);
	tally_put_u32(out + 68, run->body_crc);
	tally_put_u64(out + 72, run->bytes - FLAT_FOOTER);
	tally_put_u32(out + FLAT_FOOTER - 4, tally_crc32c(0, out, FLAT_FOOTER - 4));
}

static bool footer_decode(struct flat_run *run, const uint8_t in[FLAT_FOOTER])
{
	if (tally_get_u32(in + FLAT_FOOTER - 4) != tally_crc32c(0, in, FLAT_FOOTER - 4) ||
	    tally_get_u32(in + FLAT_FOOTER - 4) != run->footer_crc ||
	    memcmp(in, run_magic, sizeof(run_magic)) != 0 ||
	    tally_get_u32(in + 8) != FLAT_FORMAT || tally_get_u64(in + 16) != run->space ||
	    tally_get_u64(in + 24) != run->id || tally_get_u64(in + 72) != run->bytes - FLAT_FOOTER)
		return false;
	run->height = tally_get_u32(in + 12);
	run->entries = tally_get_u64(in + 32);
	run->root_offset = tally_get_u64(in + 40);
	run->root_size = tally_get_u32(in + 48);
	run->root_crc = tally_get_u32(in + 52);
	run->filter_offset = tally_get_u64(in + 56);
	run->filter_pages = tally_get_u32(in + 64);
	run->body_crc = tally_get_u32(in + 68);
	return run->height < FLAT_LEVELS;
}

/* ---- opening ---- */

static int run_verify(struct flat_medium *medium, const struct flat_run *run, int fd,
		      struct tally_err *err)
{
	uint8_t *piece = tally_malloc(VERIFY_PIECE);
	uint64_t left = run->bytes - FLAT_FOOTER, offset = 0;
	uint32_t crc = 0;
	int ret = 0;

	while (ret == 0 && left > 0) {
		size_t size = left < VERIFY_PIECE ? (size_t)left : VERIFY_PIECE;

		ret = flat_read(medium->disk, fd, run->handle.path, piece, size, offset, err);
		if (ret == 0)
			crc = tally_crc32c(crc, piece, size);
		offset += size;
		left -= size;
	}
	free(piece);
	if (ret == 0 && crc != run->body_crc)
		ret = tally_err_set(err, TALLY_CORRUPT, "%s: the checksum of the file does not match",
				    run->handle.path);
	return ret;
}

static int run_load(struct flat_medium *medium, struct flat_run *run, bool verify,
		    struct tally_err *err)
{
	const char *path = run->handle.path;
	uint8_t footer[FLAT_FOOTER];
	uint64_t size;
	int fd, ret;

	fd = flat_handle_get(medium->disk, &run->handle, err);
	if (fd < 0)
		return -1;
	ret = flat_size(medium->disk, fd, path, &size, err);
	if (ret == 0 && size != run->bytes)
		ret = tally_err_set(err, TALLY_CORRUPT, "%s has %" PRIu64 " bytes, not %" PRIu64,
				    path, size, run->bytes);
	if (ret == 0)
		ret = flat_read(medium->disk, fd, path, footer, sizeof(footer),
				run->bytes - FLAT_FOOTER, err);
	if (ret == 0 && !footer_decode(run, footer))
		ret = tally_err_set(err, TALLY_CORRUPT, "%s: the footer at offset %" PRIu64
				    " is damaged", path, run->bytes - FLAT_FOOTER);
	if (ret == 0 && verify)
		ret = run_verify(medium, run, fd, err);
	flat_handle_put(medium->disk, &run->handle);
	return ret;
}

static struct flat_run *run_new(struct flat_medium *medium, uint64_t space, uint64_t id)
{
	struct flat_run *run = tally_calloc(1, sizeof(*run));

	run->space = space;
	run->id = id;
	run->serial = atomic_fetch_add(&medium->serial, 1);
	flat_handle_init(&run->handle, run_path(medium, space, id));
	return run;
}

int flat_run_open(struct flat_medium *medium, uint64_t space, uint64_t id, uint64_t bytes,
		  uint32_t footer_crc, bool verify, struct flat_run **run_r, struct tally_err *err)
{
	struct flat_run *run = run_new(medium, space, id);

	run->bytes = bytes;
	run->footer_crc = footer_crc;
	if (bytes < FLAT_FOOTER || run_load(medium, run, verify, err) < 0) {
		if (bytes < FLAT_FOOTER)
			tally_err_set(err, TALLY_CORRUPT, "%s cannot be that short",
				      run->handle.path);
		flat_run_free(medium, run);
		return -1;
	}
	*run_r = run;
	return 0;
}

void flat_run_free(struct flat_medium *medium, struct flat_run *run)
{
	flat_handle_free(medium->disk, &run->handle);
	free(run);
}

/* ---- pages ---- */

/* An entry of any page begins with the sizes of its key and of what follows that. */
#define PAIR_HEAD 6			/* u16 key, u32 value or REMOVED */
#define REF_HEAD 2			/* u16 key; then: */
#define REF_TAIL 16			/* u64 offset, u32 size, u32 checksum */

struct ref {
	struct tally_bytes key;
	uint64_t offset;
	uint32_t size;
	uint32_t crc;
};

static void start_add(struct flat_page *page, uint32_t *room, uint32_t at)
{
	if (page->count == *room) {
		*room = 2 * *room + 32;
		page->starts = tally_realloc(page->starts, *room * sizeof(*page->starts));
	}
	page->starts[page->count++] = at;
}

static bool pairs_split(struct flat_page *page)
{
	uint32_t at = 0, room = 0;

	while (at < page->size) {
		uint32_t size;

		if (page->size - at < PAIR_HEAD)
			return false;
		size = tally_get_u32(page->data + at + 2);
		size = PAIR_HEAD + tally_get_u16(page->data + at) + (size == REMOVED ? 0 : size);
		if (size > page->size - at)
			return false;
		start_add(page, &room, at);
		at += size;
	}
	return page->count > 0;
}

static bool refs_split(struct flat_page *page)
{
	uint32_t at = 0, room = 0;

	while (at < page->size) {
		uint32_t size;

		if (page->size - at < REF_HEAD)
			return false;
		size = REF_HEAD + tally_get_u16(page->data + at) + REF_TAIL;
		if (size > page->size - at)
			return false;
		start_add(page, &room, at);
		at += size;
	}
	return page->count > 0;
}

static struct tally_bytes pair_key(const struct flat_page *page, uint32_t i)
{
	const uint8_t *entry = page->data + page->starts[i];

	return tally_bytes(entry + PAIR_HEAD, tally_get_u16(entry));
}

static struct ref page_ref(const struct flat_page *page, uint32_t i)
{
	const uint8_t *entry = page->data + page->starts[i];
	struct ref ref = { .key = tally_bytes(entry + REF_HEAD, tally_get_u16(entry)) };

	entry += REF_HEAD + ref.key.size;
	ref.offset = tally_get_u64(entry);
	ref.size = tally_get_u32(entry + 8);
	ref.crc = tally_get_u32(entry + 12);
	return ref;
}

static int page_load(struct flat_medium *medium, struct flat_run *run, const struct ref *ref,
		     uint32_t level, struct flat_page *page, struct tally_err *err)
{
	const char *path = run->handle.path;
	int fd = flat_handle_get(medium->disk, &run->handle, err);
	int ret;

	if (fd < 0)
		return -1;
	ret = flat_read(medium->disk, fd, path, page->data, page->size, ref->offset, err);
	flat_handle_put(medium->disk, &run->handle);
	if (ret == 0 && (tally_crc32c(0, page->data, page->size) != ref->crc ||
			 !(level == 0 ? pairs_split(page) : refs_split(page))))
		ret = tally_err_set(err, TALLY_CORRUPT, "%s: the page at offset %" PRIu64
				    " is damaged", path, ref->offset);
	return ret;
}

static int page_get(struct flat_medium *medium, struct flat_run *run, const struct ref *ref,
		    uint32_t level, bool keep, struct flat_page **page_r, struct tally_err *err)
{
	struct flat_page *page = flat_pages_find(&medium->pages, run->serial, ref->offset);

	if (page == NULL) {
		if (ref->offset > run->bytes || ref->size > run->bytes - ref->offset)
			return tally_err_set(err, TALLY_CORRUPT, "%s: a reference to offset %" PRIu64
					     " leads out of the file", run->handle.path, ref->offset);
		page = flat_page_new(run->serial, ref->offset, ref->size);
		if (page_load(medium, run, ref, level, page, err) < 0) {
			flat_page_release(page);
			return -1;
		}
		if (keep || level > 0)
			flat_pages_keep(&medium->pages, page);
	}
	*page_r = page;
	return 0;
}

/* ---- cursors ---- */

static void cursor_show(struct flat_cursor *cursor)
{
	const struct flat_page *page = cursor->page[0];
	const uint8_t *entry = page->data + page->starts[cursor->at[0]];
	uint32_t size = tally_get_u32(entry + 2);

	cursor->key = pair_key(page, cursor->at[0]);
	cursor->removed = size == REMOVED;
	cursor->value = tally_bytes(entry + PAIR_HEAD + cursor->key.size,
				    cursor->removed ? 0 : size);
	cursor->valid = true;
}

static int cursor_load(struct flat_cursor *cursor, uint32_t level, const struct ref *ref,
		       struct tally_err *err)
{
	flat_page_release(cursor->page[level]);
	cursor->page[level] = NULL;
	return page_get(cursor->medium, cursor->run, ref, level, cursor->keep,
			&cursor->page[level], err);
}

static int cursor_load_root(struct flat_cursor *cursor, struct tally_err *err)
{
	const struct flat_run *run = cursor->run;
	const struct ref root = { TALLY_BYTES_NONE, run->root_offset, run->root_size, run->root_crc };

	return cursor_load(cursor, run->height, &root, err);
}

/* How many entries of a page have a key below key (or equal to it, with equal). */
static uint32_t count_below(const struct flat_page *page, uint32_t level, struct tally_bytes key,
			    bool equal)
{
	uint32_t low = 0, high = page->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		int order = tally_bytes_compare(level == 0 ? pair_key(page, middle)
						: page_ref(page, middle).key, key);

		if (order < 0 || (order == 0 && equal))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Down from level - 1 to the first or last entries below the position at level. */
static int cursor_descend(struct flat_cursor *cursor, uint32_t level, bool to_last,
			  struct tally_err *err)
{
	while (level > 0) {
		const struct ref ref = page_ref(cursor->page[level], cursor->at[level]);

		level--;
		if (cursor_load(cursor, level, &ref, err) < 0)
			return -1;
		cursor->at[level] = to_last ? cursor->page[level]->count - 1 : 0;
	}
	return 0;
}

int flat_cursor_step(struct flat_cursor *cursor, bool backwards, struct tally_err *err)
{
	uint32_t level = 0, height = cursor->run->height;

	cursor->valid = false;
	while (level <= height &&
	       (backwards ? cursor->at[level] == 0
			  : cursor->at[level] + 1 >= cursor->page[level]->count))
		level++;
	if (level > height)
		return 0;
	if (backwards)
		cursor->at[level]--;
	else
		cursor->at[level]++;
	if (cursor_descend(cursor, level, backwards, err) < 0)
		return -1;
	cursor_show(cursor);
	return 0;
}

/*
 * Down to the page of pairs that would hold key, then to the first pair at or above it. Going
 * backwards, to the last pair below it, which may be at the end of the page before.
 */
int flat_cursor_seek(struct flat_cursor *cursor, struct tally_bytes key, bool backwards,
		     struct tally_err *err)
{
	uint32_t level = cursor->run->height, below;

	cursor->valid = false;
	if (cursor_load_root(cursor, err) < 0)
		return -1;
	if (backwards && key.size == 0) {
		cursor->at[level] = cursor->page[level]->count - 1;
		if (cursor_descend(cursor, level, true, err) < 0)
			return -1;
		cursor_show(cursor);
		return 0;
	}
	for (; level > 0; level--) {
		struct ref ref;

		below = count_below(cursor->page[level], level, key, true);
		cursor->at[level] = below > 0 ? below - 1 : 0;
		ref = page_ref(cursor->page[level], cursor->at[level]);
		if (cursor_load(cursor, level - 1, &ref, err) < 0)
			return -1;
	}
	below = count_below(cursor->page[0], 0, key, false);
	cursor->at[0] = below;
	if (backwards)
		return flat_cursor_step(cursor, true, err);
	if (below == cursor->page[0]->count) {
		cursor->at[0] = below - 1;
		return flat_cursor_step(cursor, false, err);
	}
	cursor_show(cursor);
	return 0;
}

void flat_cursor_close(struct flat_cursor *cursor)
{
	for (uint32_t i = 0; i < FLAT_LEVELS; i++) {
		flat_page_release(cursor->page[i]);
		cursor->page[i] = NULL;
	}
	cursor->valid = false;
}

/* ---- asking the filter ---- */

int flat_run_may_have(struct flat_medium *medium, struct flat_run *run, struct tally_bytes key,
		      struct tally_err *err)
{
	uint64_t hash, offset;
	struct flat_page *page;
	int fd, ret = 0;

	if (run->filter_pages == 0)
		return 1;
	hash = key_hash(key);
	offset = run->filter_offset + (uint64_t)filter_page(hash, run->filter_pages) * FILTER_PAGE;
	page = flat_pages_find(&medium->pages, run->serial, offset);
	if (page == NULL) {
		page = flat_page_new(run->serial, offset, FILTER_PAGE);
		fd = flat_handle_get(medium->disk, &run->handle, err);
		ret = fd < 0 ? -1 : flat_read(medium->disk, fd, run->handle.path, page->data,
					      FILTER_PAGE, offset, err);
		if (fd >= 0)
			flat_handle_put(medium->disk, &run->handle);
		if (ret == 0 && tally_get_u32(page->data + FILTER_PAGE - 4) !=
		    tally_crc32c((uint32_t)offset, page->data, FILTER_PAGE - 4))
			ret = tally_err_set(err, TALLY_CORRUPT, "%s: the filter at offset %" PRIu64
					    " is damaged", run->handle.path, offset);
		if (ret == 0)
			flat_pages_keep(&medium->pages, page);
	}
	if (ret == 0)
		ret = filter_test(page->data, hash);
	flat_page_release(page);
	return ret;
}

/* ---- writing ---- */

/* The page that is being filled at one level. */
struct level {
	struct tally_buf page;
	struct tally_buf first;		/* key of its first entry */
	uint64_t flushed;		/* pages written so far */
};

struct flat_builder {
	struct flat_medium *medium;
	struct flat_run *run;
	int fd;				/* -1: not created yet */
	struct tally_buf out;		/* written, but not to the file yet */
	uint64_t offset;		/* of the end of out */
	uint32_t crc;
	struct level levels[FLAT_LEVELS];
	uint8_t *filter;
	uint32_t filter_pages;
};

struct flat_builder *flat_builder_new(struct flat_medium *medium, uint64_t space, uint64_t id,
				      uint64_t entries)
{
	struct flat_builder *builder = tally_calloc(1, sizeof(*builder));

	builder->medium = medium;
	builder->run = run_new(medium, space, id);
	builder->fd = -1;
	if (entries <= FILTER_MAX) {
		builder->filter_pages = (uint32_t)(entries / FILTER_KEYS) + 1;
		builder->filter = tally_calloc(builder->filter_pages, FILTER_PAGE);
	}
	return builder;
}

static int out_flush(struct flat_builder *builder, struct tally_err *err)
{
	const char *path = builder->run->handle.path;
	struct flat_disk *disk = builder->medium->disk;

	if (builder->fd < 0) {
		builder->fd = flat_open(disk, path, O_RDWR | O_CREAT | O_TRUNC, err);
		if (builder->fd < 0)
			return -1;
	}
	if (flat_write(disk, builder->fd, path, builder->out.data, builder->out.size,
		       builder->offset - builder->out.size, err) < 0)
		return -1;
	builder->out.size = 0;
	return 0;
}

static int out_add(struct flat_builder *builder, const void *data, size_t size,
		   struct tally_err *err)
{
	tally_buf_add(&builder->out, data, size);
	builder->offset += size;
	builder->crc = tally_crc32c(builder->crc, data, size);
	return builder->out.size >= WRITE_PIECE ? out_flush(builder, err) : 0;
}

static int level_flush(struct flat_builder *builder, uint32_t level, struct tally_err *err);

/* A reference to a page that begins with key. */
static int level_add_ref(struct flat_builder *builder, uint32_t number, const struct ref *ref,
			 struct tally_err *err)
{
	struct level *level = &builder->levels[number];

	if (level->page.size > 0 &&
	    level->page.size + REF_HEAD + ref->key.size + REF_TAIL > PAGE_TARGET &&
	    level_flush(builder, number, err) < 0)
		return -1;
	if (level->page.size == 0) {
		level->first.size = 0;
		tally_buf_add_bytes(&level->first, ref->key);
	}
	tally_buf_add_u16(&level->page, (uint16_t)ref->key.size);
	tally_buf_add_bytes(&level->page, ref->key);
	tally_buf_add_u64(&level->page, ref->offset);
	tally_buf_add_u32(&level->page, ref->size);
	tally_buf_add_u32(&level->page, ref->crc);
	return 0;
}

static int level_flush(struct flat_builder *builder, uint32_t number, struct tally_err *err)
{
	struct level *level = &builder->levels[number];
	const struct ref ref = {
		.key = tally_buf_bytes(&level->first),
		.offset = builder->offset,
		.size = (uint32_t)level->page.size,
		.crc = tally_crc32c(0, level->page.data, level->page.size),
	};

	if (out_add(builder, level->page.data, level->page.size, err) < 0)
		return -1;
	level->page.size = 0;
	level->flushed++;
	builder->run->root_offset = ref.offset;
	builder->run->root_size = ref.size;
	builder->run->root_crc = ref.crc;
	return level_add_ref(builder, number + 1, &ref, err);
}

int flat_builder_add(struct flat_builder *builder, struct tally_bytes key,
		     struct tally_bytes value, bool removed, struct tally_err *err)
{
	struct level *level = &builder->levels[0];
	size_t size = PAIR_HEAD + key.size + (removed ? 0 : value.size);

	if (level->page.size > 0 && level->page.size + size > PAGE_TARGET &&
	    level_flush(builder, 0, err) < 0)
		return -1;
	if (level->page.size == 0) {
		level->first.size = 0;
		tally_buf_add_bytes(&level->first, key);
	}
	tally_buf_add_u16(&level->page, (uint16_t)key.size);
	tally_buf_add_u32(&level->page, removed ? REMOVED : (uint32_t)value.size);
	tally_buf_add_bytes(&level->page, key);
	if (!removed)
		tally_buf_add_bytes(&level->page, value);
	if (builder->filter != NULL)
		filter_set(builder->filter, builder->filter_pages, key_hash(key));
	builder->run->entries++;
	return 0;
}

/* Closes the levels from the bottom up, until one consists of a single page: the root. */
static int finish_tree(struct flat_builder *builder, struct tally_err *err)
{
	for (uint32_t i = 0; i + 1 < FLAT_LEVELS; i++) {
		if (builder->levels[i].page.size > 0 && level_flush(builder, i, err) < 0)
			return -1;
		if (builder->levels[i].flushed == 1) {
			builder->run->height = i;
			return 0;
		}
	}
	return tally_err_set(err, TALLY_IO, "%s: too many pages", builder->run->handle.path);
}

static int finish_filter(struct flat_builder *builder, struct tally_err *err)
{
	if (builder->run->height == 0 || builder->filter == NULL)
		return 0;
	builder->run->filter_offset = builder->offset;
	builder->run->filter_pages = builder->filter_pages;
	for (uint32_t i = 0; i < builder->filter_pages; i++) {
		uint8_t *page = builder->filter + (size_t)i * FILTER_PAGE;

		tally_put_u32(page + FILTER_PAGE - 4,
			      tally_crc32c((uint32_t)builder->offset, page, FILTER_PAGE - 4));
		if (out_add(builder, page, FILTER_PAGE, err) < 0)
			return -1;
	}
	return 0;
}

static int finish_footer(struct flat_builder *builder, struct tally_err *err)
{
	struct flat_run *run = builder->run;
	uint8_t footer[FLAT_FOOTER];

	run->body_crc = builder->crc;
	run->bytes = builder->offset + FLAT_FOOTER;
	footer_encode(run, footer);
	run->footer_crc = tally_get_u32(footer + FLAT_FOOTER - 4);
	return out_add(builder, footer, sizeof(footer), err);
}

static void builder_free(struct flat_builder **at)
{
	struct flat_builder *builder = *at;

	flat_close(builder->medium->disk, builder->fd);
	for (uint32_t i = 0; i < FLAT_LEVELS; i++) {
		tally_buf_free(&builder->levels[i].page);
		tally_buf_free(&builder->levels[i].first);
	}
	tally_buf_free(&builder->out);
	free(builder->filter);
	free(builder);
	*at = NULL;
}

int flat_builder_finish(struct flat_builder **at, struct flat_run **run_r, struct tally_err *err)
{
	struct flat_builder *builder = *at;

	*run_r = NULL;
	if (builder->run->entries == 0) {
		flat_builder_abort(at);
		return 0;
	}
	if (finish_tree(builder, err) < 0 || finish_filter(builder, err) < 0 ||
	    finish_footer(builder, err) < 0 || out_flush(builder, err) < 0) {
		flat_builder_abort(at);
		return -1;
	}
	*run_r = builder->run;
	builder_free(at);
	return 0;
}

void flat_builder_abort(struct flat_builder **at)
{
	struct flat_builder *builder = *at;
	struct tally_err ignored;

	if (builder == NULL)
		return;
	if (builder->fd >= 0)
		flat_unlink(builder->medium->disk, builder->run->handle.path, &ignored);
	flat_run_free(builder->medium, builder->run);
	builder_free(at);
}
