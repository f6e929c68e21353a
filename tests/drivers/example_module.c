/*
 * A driver outside of the tree: each block is one file. It is written against the installed
 * headers only, and is what module_test.sh builds and the conformance suite then runs over; read it
 * as the smallest driver that keeps its promises. It keeps blocks only; index tables come from
 * another driver, as for every engine that offers compare-and-create and nothing more.
 *
 *	DIR/format		"example 1"
 *	DIR/<space>/<number>	a block; made by link(), which refuses a name that exists
 *	DIR/<space>/dropped	the tombstone
 *
 * EXAMPLE_ABI and EXAMPLE_NAME let the test build modules that must be refused.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "driver.h"

#ifndef EXAMPLE_ABI
#define EXAMPLE_ABI TALLY_DRIVER_ABI
#endif
#ifndef EXAMPLE_NAME
#define EXAMPLE_NAME "example"
#endif

#define FORMAT "example 1\n"
#define PATH_SIZE 4200

struct example {
	struct tally_store base;
	char *dir;
	pthread_mutex_t lock;			/* guards what follows */
	uint64_t appends, blocks, bytes, syncs;
};

static struct example *downcast(struct tally_store *store)
{
	return (struct example *)store;
}

static void space_path(const struct example *ex, uint64_t space, char path[PATH_SIZE])
{
	snprintf(path, PATH_SIZE, "%s/%" PRIu64, ex->dir, space);
}

static void block_path(const struct example *ex, uint64_t space, uint64_t number,
		       char path[PATH_SIZE])
{
	snprintf(path, PATH_SIZE, "%s/%" PRIu64 "/%" PRIu64, ex->dir, space, number);
}

static bool is_dropped(const struct example *ex, uint64_t space)
{
	char path[PATH_SIZE];

	snprintf(path, sizeof(path), "%s/%" PRIu64 "/dropped", ex->dir, space);
	return access(path, F_OK) == 0;
}

static void count_sync(struct example *ex)
{
	pthread_mutex_lock(&ex->lock);
	ex->syncs++;
	pthread_mutex_unlock(&ex->lock);
}

static int sync_directory(struct example *ex, const char *path, struct tally_err *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int ret = fd < 0 || fsync(fd) < 0 ? tally_err_errno(err, "%s", path) : 0;

	if (fd >= 0)
		close(fd);
	count_sync(ex);
	return ret;
}

/* A new file of these bytes, durable but for its name; gone again if that fails. */
static int write_file(struct example *ex, const char *path, struct tally_bytes data,
		      struct tally_err *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	size_t done = 0;

	if (fd < 0)
		return tally_err_errno(err, "%s", path);
	while (done < data.size) {
		ssize_t some = write(fd, data.data + done, data.size - done);

		if (some < 0)
			break;
		done += (size_t)some;
	}
	if (done < data.size || fsync(fd) < 0)
		tally_err_errno(err, "%s", path);
	else
		done++;				/* tells success from all failures */
	close(fd);
	count_sync(ex);
	if (done == data.size + 1)
		return 0;
	unlink(path);
	return -1;
}

/* ---- open and close ---- */

static int make_store(struct example *ex, struct tally_err *err)
{
	char path[PATH_SIZE];

	if (mkdir(ex->dir, 0700) < 0 && errno != EEXIST)
		return tally_err_errno(err, "%s", ex->dir);
	snprintf(path, sizeof(path), "%s/format", ex->dir);
	if (access(path, F_OK) == 0)
		return tally_err_set(err, TALLY_EXISTS, "there is a store in %s", ex->dir);
	if (write_file(ex, path, TALLY_BYTES_LIT(FORMAT), err) < 0)
		return -1;
	return sync_directory(ex, ex->dir, err);
}

static int check_store(struct example *ex, struct tally_err *err)
{
	char path[PATH_SIZE], text[32] = "";
	FILE *file;

	snprintf(path, sizeof(path), "%s/format", ex->dir);
	file = fopen(path, "re");
	if (file == NULL)
		return tally_err_set(err, TALLY_NOTFOUND, "there is no store in %s", ex->dir);
	if (fgets(text, sizeof(text), file) == NULL)
		text[0] = '\0';
	fclose(file);
	if (strncmp(text, "example ", 8) != 0)
		return tally_err_set(err, TALLY_CORRUPT, "%s says no format", path);
	if (strcmp(text, FORMAT) != 0)
		return tally_err_set(err, TALLY_UNSUPPORTED, "%s has format %.10s, this driver has 1",
				     ex->dir, text + 8);
	return 0;
}

static int example_open(const struct tally_store_args *args, struct tally_store **store_r,
			struct tally_err *err)
{
	struct example *ex = tally_calloc(1, sizeof(*ex));

	ex->dir = tally_strdup(args->location);
	pthread_mutex_init(&ex->lock, NULL);
	if (args->create ? make_store(ex, err) < 0 : check_store(ex, err) < 0) {
		free(ex->dir);
		free(ex);
		return -1;
	}
	*store_r = &ex->base;
	return 0;
}

static void example_close(struct tally_store *store)
{
	struct example *ex = downcast(store);

	pthread_mutex_destroy(&ex->lock);
	free(ex->dir);
	free(ex);
}

/* ---- blocks ---- */

/* The number in a file name, or false for names that are none. */
static bool name_number(const char *name, uint64_t *number_r)
{
	return tally_parse_u64(tally_bytes_str(name), UINT64_MAX, number_r);
}

static uint64_t count_blocks(const struct example *ex, uint64_t space)
{
	char path[PATH_SIZE];
	const struct dirent *entry;
	uint64_t count = 0, number;
	DIR *dir;

	space_path(ex, space, path);
	dir = opendir(path);
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (name_number(entry->d_name, &number) && number >= count)
			count = number + 1;
	}
	if (dir != NULL)
		closedir(dir);
	return count;
}

/* A name is shown only once it is durable: whoever looks syncs the directory first. */
static int example_last(struct tally_store *store, uint64_t space, uint64_t *count_r,
			struct tally_err *err)
{
	struct example *ex = downcast(store);
	char path[PATH_SIZE];

	if (is_dropped(ex, space))
		return tally_err_set(err, TALLY_NOTFOUND, "space %" PRIu64 " was dropped", space);
	*count_r = count_blocks(ex, space);
	space_path(ex, space, path);
	return *count_r > 0 ? sync_directory(ex, path, err) : 0;
}

static int check_number(const struct example *ex, const struct tally_block_write *block,
			struct tally_err *err)
{
	char path[PATH_SIZE];

	if (is_dropped(ex, block->space))
		return tally_err_set(err, TALLY_NOTFOUND, "space %" PRIu64 " was dropped",
				     block->space);
	block_path(ex, block->space, block->number - 1, path);
	if (block->number > 0 && access(path, F_OK) < 0)
		return tally_err_set(err, TALLY_INVALID, "space %" PRIu64 ": block %" PRIu64
				     " would leave a gap", block->space, block->number);
	return 0;
}

/* Written aside, then linked to its name: whole or not at all, and only one can be first. */
static int append_one(struct example *ex, const struct tally_block_write *block,
		      struct tally_err *err)
{
	static _Atomic uint64_t aside;
	char path[PATH_SIZE], temporary[PATH_SIZE];
	int ret = 0;

	if (check_number(ex, block, err) < 0)
		return -1;
	space_path(ex, block->space, path);
	if (mkdir(path, 0700) == 0 && sync_directory(ex, ex->dir, err) < 0)
		return -1;
	snprintf(temporary, sizeof(temporary), "%s/new-%d-%" PRIu64, ex->dir, (int)getpid(), aside++);
	if (write_file(ex, temporary, block->data, err) < 0)
		return -1;
	block_path(ex, block->space, block->number, path);
	if (link(temporary, path) < 0 && errno == EEXIST)
		ret = tally_err_set(err, TALLY_CONFLICT, "space %" PRIu64 " has block %" PRIu64,
				    block->space, block->number);
	else if (access(path, F_OK) < 0)
		ret = tally_err_errno(err, "%s", path);
	unlink(temporary);
	space_path(ex, block->space, path);
	if (ret == 0 && sync_directory(ex, path, err) < 0)
		return tally_err_set(err, TALLY_UNCERTAIN, "%s cannot be synced", path);
	return ret;
}

static int example_append(struct tally_store *store, struct tally_block_write *blocks,
			  size_t block_count, struct tally_err *err)
{
	struct example *ex = downcast(store);
	struct tally_err one;
	int ret = 0;

	for (size_t i = 0; i < block_count; i++) {
		blocks[i].outcome = TALLY_OK;
		if (append_one(ex, &blocks[i], &one) < 0) {
			blocks[i].outcome = one.code;
			if (ret == 0)
				*err = one;
			ret = -1;
			continue;
		}
		pthread_mutex_lock(&ex->lock);
		ex->blocks++;
		ex->bytes += blocks[i].data.size;
		pthread_mutex_unlock(&ex->lock);
	}
	pthread_mutex_lock(&ex->lock);
	ex->appends++;
	pthread_mutex_unlock(&ex->lock);
	return ret;
}

/* The descriptor of a block's file, and its size; -1 with errno. */
static int open_block(const struct example *ex, uint64_t space, uint64_t number, int flags,
		      uint64_t *size_r)
{
	char path[PATH_SIZE];
	struct stat st;
	int fd;

	if (is_dropped(ex, space)) {
		errno = ENOENT;
		return -1;
	}
	block_path(ex, space, number, path);
	fd = open(path, flags | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -1;
	*size_r = (uint64_t)st.st_size;
	return fd;
}

static int example_read(struct tally_store *store, uint64_t space, uint64_t number,
			uint64_t offset, uint64_t size, struct tally_arena *arena,
			struct tally_bytes *bytes_r, struct tally_err *err)
{
	uint64_t whole;
	int fd = open_block(downcast(store), space, number, O_RDONLY, &whole);
	uint8_t *data;
	ssize_t got = 0;

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return tally_err_errno(err, "space %" PRIu64 " block %" PRIu64, space, number);
	if (offset >= whole)
		size = 0;
	else if (size > whole - offset)
		size = whole - offset;
	data = tally_arena_alloc(arena, size);
	if (size > 0)
		got = pread(fd, data, size, (off_t)offset);
	close(fd);
	if (got != (ssize_t)size)
		return tally_err_errno(err, "space %" PRIu64 " block %" PRIu64, space, number);
	*bytes_r = tally_bytes(data, size);
	return 1;
}

static int zero_range(int fd, struct tally_range range)
{
	static const uint8_t zeros[65536];

	while (range.size > 0) {
		size_t some = range.size < sizeof(zeros) ? range.size : sizeof(zeros);

		if (pwrite(fd, zeros, some, (off_t)range.offset) != (ssize_t)some)
			return -1;
		range.offset += some;
		range.size -= some;
	}
	return 0;
}

static int example_erase(struct tally_store *store, uint64_t space, uint64_t number,
			 const struct tally_range *ranges, size_t range_count,
			 struct tally_err *err)
{
	uint64_t size;
	int fd = open_block(downcast(store), space, number, O_RDWR, &size);
	int ret = 0;

	if (fd < 0)
		return tally_err_set(err, errno == ENOENT ? TALLY_NOTFOUND : TALLY_IO,
				     "space %" PRIu64 " block %" PRIu64 " cannot be erased", space,
				     number);
	for (size_t i = 0; ret == 0 && i < range_count; i++) {
		if (ranges[i].offset + ranges[i].size > size)
			ret = tally_err_set(err, TALLY_INVALID, "erase beyond the end of a block");
		else if (zero_range(fd, ranges[i]) < 0)
			ret = tally_err_errno(err, "space %" PRIu64 " block %" PRIu64, space, number);
	}
	if (ret == 0 && fsync(fd) < 0)
		ret = tally_err_errno(err, "space %" PRIu64 " block %" PRIu64, space, number);
	close(fd);
	count_sync(downcast(store));
	return ret;
}

/* Zeros went over the bytes where they stood; a crash may have left files that were put aside. */
static int example_scrub(struct tally_store *store, struct tally_err *err)
{
	struct example *ex = downcast(store);
	const struct dirent *entry;
	DIR *dir = opendir(ex->dir);
	char path[PATH_SIZE];

	if (dir == NULL)
		return tally_err_errno(err, "%s", ex->dir);
	while ((entry = readdir(dir)) != NULL) {
		snprintf(path, sizeof(path), "%s/%s", ex->dir, entry->d_name);
		if (strncmp(entry->d_name, "new-", 4) == 0)
			unlink(path);
	}
	closedir(dir);
	return 0;
}

static int example_drop(struct tally_store *store, uint64_t space, struct tally_err *err)
{
	struct example *ex = downcast(store);
	uint64_t count = count_blocks(ex, space);
	char path[PATH_SIZE];

	space_path(ex, space, path);
	if (mkdir(path, 0700) == 0 && sync_directory(ex, ex->dir, err) < 0)
		return -1;
	snprintf(path, sizeof(path), "%s/%" PRIu64 "/dropped", ex->dir, space);
	if (write_file(ex, path, TALLY_BYTES_NONE, err) < 0)
		return -1;
	space_path(ex, space, path);
	if (sync_directory(ex, path, err) < 0)
		return -1;
	for (uint64_t n = 0; n < count; n++) {
		block_path(ex, space, n, path);
		unlink(path);
	}
	return 0;
}

static int compare_numbers(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static int example_spaces(struct tally_store *store, tally_space_each *each, void *ctx,
			  struct tally_err *err)
{
	struct example *ex = downcast(store);
	uint64_t *spaces = NULL, space;
	size_t count = 0;
	const struct dirent *entry;
	DIR *dir = opendir(ex->dir);

	if (dir == NULL)
		return tally_err_errno(err, "%s", ex->dir);
	while ((entry = readdir(dir)) != NULL) {
		if (!name_number(entry->d_name, &space))
			continue;
		spaces = tally_realloc(spaces, (count + 1) * sizeof(*spaces));
		spaces[count++] = space;
	}
	closedir(dir);
	if (count > 0)
		qsort(spaces, count, sizeof(*spaces), compare_numbers);
	for (size_t i = 0; i < count; i++) {
		if (each(ctx, spaces[i], count_blocks(ex, spaces[i]), is_dropped(ex, spaces[i])) != 0)
			break;
	}
	free(spaces);
	return 0;
}

static int example_stat(struct tally_store *store, tally_stat_each *each, void *ctx,
			struct tally_err *err)
{
	struct example *ex = downcast(store);

	(void)err;
	pthread_mutex_lock(&ex->lock);
	each(ctx, "appends", ex->appends);
	each(ctx, "blocks", ex->blocks);
	each(ctx, "bytes", ex->bytes);
	each(ctx, "syncs", ex->syncs);
	each(ctx, "applies", 0);
	pthread_mutex_unlock(&ex->lock);
	return 0;
}

extern const struct tally_driver tally_driver_module;

const struct tally_driver tally_driver_module = {
	.abi = EXAMPLE_ABI,
	.name = EXAMPLE_NAME,
	.summary = "each block is one file: an example of a driver outside of the tree",
	.caps = TALLY_CAP_BLOCKS | TALLY_CAP_DURABLE | TALLY_CAP_LOCAL,

	.open = example_open,
	.close = example_close,
	.last = example_last,
	.append = example_append,
	.read = example_read,
	.erase = example_erase,
	.scrub = example_scrub,
	.drop = example_drop,
	.spaces = example_spaces,
	.stat = example_stat,
};
