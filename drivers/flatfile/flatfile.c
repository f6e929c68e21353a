/*
 * The flat-file driver: plain files and no library. Blocks are frames in append-only segment
 * files (blocks.c, recover.c, erase.c), index tables are sorted runs (index.c, merge.c), and all
 * of it goes through the file operations of files.h. This file opens the two halves and puts them
 * behind the driver interface. README.md says what the files look like and what is promised.
 */
#include "config.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "arena.h"
#include "blocks.h"
#include "index.h"

#define FORMAT_TITLE "tallystick flatfile "
#define FORMAT_VERSION 1

struct flat_settings {
	uint64_t segment_size;
	uint64_t zero_ahead;
	uint64_t cache;
	uint64_t index_sync;
	uint64_t open_files;
};

static const struct tally_setting flat_setting_rows[] = {
	{ "segment_size", SETTING_SIZE, "64MiB", offsetof(struct flat_settings, segment_size),
	  "Bytes at which a segment file is closed and the next one begun (64KiB to 1GiB)." },
	{ "zero_ahead", SETTING_SIZE, "1MiB", offsetof(struct flat_settings, zero_ahead),
	  "Most bytes written as zeros ahead of the end, which makes small appends faster; 0: none." },
	{ "cache", SETTING_SIZE, "16MiB", offsetof(struct flat_settings, cache),
	  "Memory for pages of index tables." },
	{ "index_sync", SETTING_SIZE, "32MiB", offsetof(struct flat_settings, index_sync),
	  "Index tables of a space are synced when so many bytes of them are not (at most 32MiB)." },
	{ "open_files", SETTING_U64, "200", offsetof(struct flat_settings, open_files),
	  "Files kept open at a time." },
	{ 0 }
};

struct flat_store {
	struct tally_store base;
	struct flat_disk disk;
	struct flat_blocks *blocks;	/* NULL: this half is not wanted */
	struct flat_index *index;	/* NULL: this half is not wanted */
};

#ifdef TALLY_DRIVER_AS_MODULE
#define tally_driver_flatfile tally_driver_module
#endif
extern const struct tally_driver tally_driver_flatfile;

static struct flat_store *flat_downcast(struct tally_store *store)
{
	assert(store->driver == &tally_driver_flatfile);
	return (struct flat_store *)store;
}

/* ---- open and close ---- */

static int load_settings(const struct tally_conf *conf, struct flat_settings *settings,
			 struct tally_err *err)
{
	if (tally_conf_load(conf, "flatfile", flat_setting_rows, settings, err) < 0)
		return -1;
	if (settings->segment_size < 65536 || settings->segment_size > (1u << 30))
		return tally_err_set(err, TALLY_INVALID,
				     "flatfile.segment_size must be 64KiB to 1GiB");
	if (settings->zero_ahead > (64u << 20))
		return tally_err_set(err, TALLY_INVALID, "flatfile.zero_ahead must be at most 64MiB");
	if (settings->index_sync > (32u << 20))
		return tally_err_set(err, TALLY_INVALID, "flatfile.index_sync must be at most 32MiB");
	if (settings->open_files < 8 || settings->open_files > 100000)
		return tally_err_set(err, TALLY_INVALID, "flatfile.open_files must be 8 to 100000");
	return 0;
}

/* 1 when there is a store of our version, 0 when there is none, -1. */
static int check_format(struct flat_disk *disk, struct tally_err *err)
{
	char *path = flat_path(disk, "format");
	const size_t title = strlen(FORMAT_TITLE);
	struct tally_buf buf = { 0 };
	uint64_t version = 0;
	int ret = flat_load(disk, path, 4096, &buf, err);

	if (ret == 1 &&
	    (buf.size < title + 2 || memcmp(buf.data, FORMAT_TITLE, title) != 0 ||
	     buf.data[buf.size - 1] != '\n' ||
	     !tally_parse_u64(tally_bytes(buf.data + title, buf.size - title - 1), UINT32_MAX,
			      &version) || version == 0))
		ret = tally_err_set(err, TALLY_CORRUPT, "%s does not say \"%s%d\"", path,
				    FORMAT_TITLE, FORMAT_VERSION);
	else if (ret == 1 && version > FORMAT_VERSION)
		ret = tally_err_set(err, TALLY_UNSUPPORTED, "%s says format %" PRIu64
				    ", this build knows up to %d", path, version, FORMAT_VERSION);
	tally_buf_free(&buf);
	free(path);
	return ret;
}

/* The format file comes last: until it is there, there is no store. */
static int write_format(struct flat_disk *disk, struct tally_err *err)
{
	char *path = flat_path(disk, "format"), *parent = flat_path(disk, "..");
	char text[64];
	int ret = flat_sync_dir(disk, disk->dir, err);

	snprintf(text, sizeof(text), "%s%d\n", FORMAT_TITLE, FORMAT_VERSION);
	if (ret == 0)
		ret = flat_replace(disk, path, tally_bytes_str(text), true, err);
	if (ret == 0)
		ret = flat_sync_dir(disk, disk->dir, err);
	/* The directory itself: a parent that we may not read was not made by us. */
	if (ret == 0 && disk->files->sync_dir(disk->files->ctx, parent) < 0 && errno != EACCES)
		ret = tally_err_errno(err, "sync directory %s", parent);
	free(parent);
	free(path);
	return ret;
}

static int create(struct flat_disk *disk, const struct tally_store_args *args,
		  struct tally_err *err)
{
	int ret = check_format(disk, err);

	if (ret != 0)
		return ret < 0 ? -1 : tally_err_set(err, TALLY_EXISTS, "%s holds a store already",
						    disk->dir);
	if (flat_mkdir(disk, disk->dir, err) < 0 ||
	    (args->blocks && flat_blocks_create(disk, err) < 0) ||
	    (args->index && flat_index_create(disk, err) < 0))
		return -1;
	return write_format(disk, err);
}

static int check_exists(struct flat_disk *disk, struct tally_err *err)
{
	int ret = check_format(disk, err);

	if (ret == 0)
		return tally_err_set(err, TALLY_NOTFOUND, "there is no store in %s", disk->dir);
	return ret < 0 ? -1 : 0;
}

static int open_halves(struct flat_store *flat, const struct tally_store_args *args,
		       const struct flat_settings *settings, struct tally_err *err)
{
	const struct flat_blocks_conf blocks = {
		.segment_size = settings->segment_size,
		.zero_ahead = settings->zero_ahead,
	};
	const struct flat_index_conf index = {
		.cache = settings->cache,
		.sync_bytes = settings->index_sync,
	};

	if (args->index) {
		/* Half a store may have been created; the index half can be had at any time. */
		if (flat_index_create(&flat->disk, err) < 0)
			return -1;
		flat_index_open(&flat->disk, &index, &flat->index);
	}
	return args->blocks ? flat_blocks_open(&flat->disk, &blocks, &flat->blocks, err) : 0;
}

static void flat_close_store(struct tally_store *store)
{
	struct flat_store *flat = (struct flat_store *)store;

	flat_index_close(flat->index);
	flat_blocks_close(flat->blocks);
	flat_disk_free(&flat->disk);
	free(flat);
}

static int flat_open_store(const struct tally_store_args *args, struct tally_store **store_r,
			   struct tally_err *err)
{
	struct flat_settings settings = { 0 };
	struct flat_store *flat;
	int ret;

	if (load_settings(args->conf, &settings, err) < 0)
		return -1;
	flat = tally_calloc(1, sizeof(*flat));
	flat->base.driver = &tally_driver_flatfile;
	flat->base.caps = tally_driver_flatfile.caps;
	flat_disk_init(&flat->disk, args->location, (unsigned int)settings.open_files);
	ret = args->create ? create(&flat->disk, args, err) : check_exists(&flat->disk, err);
	if (ret == 0)
		ret = open_halves(flat, args, &settings, err);
	if (ret < 0) {
		flat_close_store(&flat->base);
		return tally_err_prefix(err, "open");
	}
	*store_r = &flat->base;
	return 0;
}

/* ---- blocks ---- */

static int flat_last(struct tally_store *store, uint64_t space, uint64_t *count_r,
		     struct tally_err *err)
{
	return flat_blocks_last(flat_downcast(store)->blocks, space, count_r, err);
}

static int flat_append(struct tally_store *store, struct tally_block_write *blocks,
		       size_t block_count, struct tally_err *err)
{
	return flat_blocks_append(flat_downcast(store)->blocks, blocks, block_count, err);
}

static int flat_read_block(struct tally_store *store, uint64_t space, uint64_t number,
			   uint64_t offset, uint64_t size, struct tally_arena *arena,
			   struct tally_bytes *bytes_r, struct tally_err *err)
{
	return flat_blocks_read(flat_downcast(store)->blocks, space, number, offset, size, arena,
				bytes_r, err);
}

static int flat_erase(struct tally_store *store, uint64_t space, uint64_t number,
		      const struct tally_range *ranges, size_t range_count, struct tally_err *err)
{
	return flat_blocks_erase(flat_downcast(store)->blocks, space, number, ranges, range_count,
				 err);
}

static int flat_scrub(struct tally_store *store, struct tally_err *err)
{
	struct flat_store *flat = flat_downcast(store);

	return flat->blocks != NULL ? flat_blocks_scrub(flat->blocks, err) : 0;
}

/* The index first: cut off in between, the space still stands and its tables are rebuilt. */
static int flat_drop(struct tally_store *store, uint64_t space, struct tally_err *err)
{
	struct flat_store *flat = flat_downcast(store);

	if (flat->index != NULL && flat_index_drop(flat->index, space, err) < 0)
		return -1;
	return flat->blocks != NULL ? flat_blocks_drop(flat->blocks, space, err) : 0;
}

static int flat_spaces(struct tally_store *store, tally_space_each *each, void *ctx,
		       struct tally_err *err)
{
	struct flat_store *flat = flat_downcast(store);

	(void)err;
	return flat->blocks != NULL ? flat_blocks_spaces(flat->blocks, each, ctx) : 0;
}

/* ---- index tables ---- */

static int flat_mark(struct tally_store *store, uint64_t space, struct tally_mark *mark_r,
		     struct tally_err *err)
{
	return flat_index_mark(flat_downcast(store)->index, space, mark_r, err);
}

static int flat_apply(struct tally_store *store, uint64_t space, const struct tally_mark *from,
		      const struct tally_mark *to, const struct tally_change *changes,
		      size_t change_count, struct tally_err *err)
{
	return flat_index_apply(flat_downcast(store)->index, space, from, to, changes, change_count,
				err);
}

static int flat_get(struct tally_store *store, uint64_t space, uint32_t table,
		    struct tally_bytes key, struct tally_arena *arena, struct tally_bytes *value_r,
		    struct tally_err *err)
{
	return flat_index_get(flat_downcast(store)->index, space, table, key, arena, value_r, err);
}

static int flat_scan(struct tally_store *store, uint64_t space, uint32_t table,
		     struct tally_bytes low, struct tally_bytes high, bool backwards,
		     tally_scan_each *each, void *ctx, struct tally_err *err)
{
	return flat_index_scan(flat_downcast(store)->index, space, table, low, high, backwards, each,
			       ctx, err);
}

static int flat_reset(struct tally_store *store, uint64_t space, struct tally_err *err)
{
	return flat_index_reset(flat_downcast(store)->index, space, err);
}

static int flat_sync_index(struct tally_store *store, struct tally_err *err)
{
	return flat_index_sync(flat_downcast(store)->index, err);
}

/* ---- the store ---- */

static int flat_maintain(struct tally_store *store, struct tally_err *err)
{
	struct flat_store *flat = flat_downcast(store);

	if (flat->blocks != NULL && flat_blocks_maintain(flat->blocks, err) < 0)
		return tally_err_prefix(err, "maintain");
	if (flat->index != NULL && flat_index_maintain(flat->index, err) < 0)
		return tally_err_prefix(err, "maintain");
	return 0;
}

static int backup_halves(struct flat_store *flat, struct flat_disk *copy, struct tally_err *err)
{
	char *blocks = flat_path(copy, "blocks"), *index = flat_path(copy, "index");
	int ret = flat_mkdir(copy, copy->dir, err);

	/* Tables before blocks: their marks are then at or before what is copied of the blocks. */
	if (ret == 0 && flat->index != NULL) {
		ret = flat_mkdir(copy, index, err);
		if (ret == 0)
			ret = flat_index_backup(flat->index, copy->dir, err);
		if (ret == 0)
			ret = flat_sync_dir(copy, index, err);
	}
	if (ret == 0 && flat->blocks != NULL) {
		ret = flat_mkdir(copy, blocks, err);
		if (ret == 0)
			ret = flat_blocks_backup(flat->blocks, copy->dir, err);
		if (ret == 0)
			ret = flat_sync_dir(copy, blocks, err);
	}
	free(index);
	free(blocks);
	return ret == 0 ? write_format(copy, err) : -1;
}

/* All spaces share one stream, so any length of it is a state in which space 0 is not ahead. */
static int flat_backup(struct tally_store *store, const char *directory, struct tally_err *err)
{
	struct flat_store *flat = flat_downcast(store);
	struct flat_disk copy;
	int ret;

	flat_disk_init(&copy, directory, 8);
	copy.files = flat->disk.files;
	ret = check_format(&copy, err);
	if (ret > 0)
		ret = tally_err_set(err, TALLY_EXISTS, "%s holds a store already", directory);
	if (ret == 0)
		ret = backup_halves(flat, &copy, err);
	flat_disk_free(&copy);
	return ret < 0 ? tally_err_prefix(err, "backup") : 0;
}

static int flat_stat(struct tally_store *store, tally_stat_each *each, void *ctx,
		     struct tally_err *err)
{
	struct flat_store *flat = flat_downcast(store);
	struct flat_blocks_stat blocks = { 0 };
	struct flat_index_stat index = { 0 };

	(void)err;
	if (flat->blocks != NULL)
		flat_blocks_stat(flat->blocks, &blocks);
	if (flat->index != NULL)
		flat_index_stat(flat->index, &index);
	each(ctx, "appends", blocks.appends);
	each(ctx, "blocks", blocks.blocks);
	each(ctx, "bytes", blocks.bytes);
	each(ctx, "syncs", blocks.syncs);
	each(ctx, "erases", blocks.erases);
	each(ctx, "segments", blocks.segments);
	each(ctx, "applies", index.applies);
	each(ctx, "runs", index.runs);
	each(ctx, "merges", index.merges);
	each(ctx, "merged_bytes", index.merged_bytes);
	each(ctx, "index_syncs", index.syncs);
	each(ctx, "all_syncs", atomic_load(&flat->disk.syncs));
	return 0;
}

const struct tally_driver tally_driver_flatfile = {
	.abi = TALLY_DRIVER_ABI,
	.name = "flatfile",
	.summary = "plain files, no library: append-only segments and sorted index runs",
	.caps = TALLY_CAP_BLOCKS | TALLY_CAP_INDEX | TALLY_CAP_DURABLE | TALLY_CAP_LOCAL |
		TALLY_CAP_GROUP,
	.settings = flat_setting_rows,

	.open = flat_open_store,
	.close = flat_close_store,
	.last = flat_last,
	.append = flat_append,
	.read = flat_read_block,
	.erase = flat_erase,
	.scrub = flat_scrub,
	.drop = flat_drop,
	.spaces = flat_spaces,
	.mark = flat_mark,
	.apply = flat_apply,
	.get = flat_get,
	.scan = flat_scan,
	.reset = flat_reset,
	.sync_index = flat_sync_index,
	.maintain = flat_maintain,
	.backup = flat_backup,
	.stat = flat_stat,
};
