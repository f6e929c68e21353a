/*
 * A file operation that fails. A workload runs with the first operation failing, then the second,
 * and so on until it ends before its turn; each time it goes on afterwards as far as the store lets
 * it. Then the store is opened without failures, and holds all that was acknowledged and nothing
 * that was not tried. Once with EIO (a write is half done by then), once with ENOSPC.
 *
 * TALLY_TEST_ROUNDS: how many operations on the average lie between two that are made to fail is
 * 20 / TALLY_TEST_ROUNDS, so 20 (the default) tries each. TALLY_TEST_SEED as everywhere.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "flatfile_model.h"
#include "flatfile_record.h"

#define STEPS 25

struct fault {
	struct flat_files files;
	pthread_mutex_t lock;
	uint64_t calls;
	uint64_t nth;			/* this call fails */
	int error;
};

/* Counts a call; true if it shall fail, with errno set. */
static bool fails(struct fault *fault)
{
	bool now;

	pthread_mutex_lock(&fault->lock);
	now = ++fault->calls == fault->nth;
	pthread_mutex_unlock(&fault->lock);
	if (now)
		errno = fault->error;
	return now;
}

static int try_open(void *ctx, const char *path, int flags, mode_t mode)
{
	return fails(ctx) ? -1 : flat_files_system.open(NULL, path, flags, mode);
}

static int try_close(void *ctx, int fd)
{
	(void)ctx;
	return flat_files_system.close(NULL, fd);
}

static int try_size(void *ctx, int fd, uint64_t *size_r)
{
	return fails(ctx) ? -1 : flat_files_system.size(NULL, fd, size_r);
}

static ssize_t try_read(void *ctx, int fd, void *data, size_t size, uint64_t offset)
{
	return fails(ctx) ? -1 : flat_files_system.read(NULL, fd, data, size, offset);
}

static ssize_t try_write(void *ctx, int fd, const struct iovec *iov, int count, uint64_t offset)
{
	struct fault *fault = ctx;
	struct iovec half = iov[0];

	if (!fails(fault))
		return flat_files_system.write(NULL, fd, iov, count, offset);
	half.iov_len /= 2;
	if (flat_files_system.write(NULL, fd, &half, 1, offset) < 0)
		return -1;
	errno = fault->error;
	return -1;
}

/* Nothing here loses power: what is written can be read. */
static int try_sync(void *ctx, int fd, bool paced)
{
	(void)paced;
	(void)fd;
	return fails(ctx) ? -1 : 0;
}

static int try_truncate(void *ctx, int fd, uint64_t size)
{
	return fails(ctx) ? -1 : flat_files_system.truncate(NULL, fd, size);
}

static int try_zero(void *ctx, int fd, uint64_t offset, uint64_t size)
{
	return fails(ctx) ? -1 : flat_files_system.zero(NULL, fd, offset, size);
}

static int try_rename(void *ctx, const char *from, const char *to)
{
	return fails(ctx) ? -1 : flat_files_system.rename(NULL, from, to);
}

static int try_unlink(void *ctx, const char *path, bool paced)
{
	return fails(ctx) ? -1 : flat_files_system.unlink(NULL, path, paced);
}

static int try_mkdir(void *ctx, const char *path, mode_t mode)
{
	return fails(ctx) ? -1 : flat_files_system.mkdir(NULL, path, mode);
}

static int try_rmdir(void *ctx, const char *path)
{
	return fails(ctx) ? -1 : flat_files_system.rmdir(NULL, path);
}

static int try_sync_dir(void *ctx, const char *path)
{
	(void)path;
	return fails(ctx) ? -1 : 0;
}

static void fault_init(struct fault *fault, uint64_t nth, int error)
{
	*fault = (struct fault){
		.files = {
			.ctx = fault,
			.open = try_open,
			.close = try_close,
			.size = try_size,
			.read = try_read,
			.write = try_write,
			.sync = try_sync,
			.truncate = try_truncate,
			.zero = try_zero,
			.rename = try_rename,
			.unlink = try_unlink,
			.mkdir = try_mkdir,
			.rmdir = try_rmdir,
			.sync_dir = try_sync_dir,
		},
		.nth = nth,
		.error = error,
	};
	pthread_mutex_init(&fault->lock, NULL);
}

/* Steps that fail are passed over; the store is opened again in the middle. */
static void work(struct model *model, const char *directory)
{
	struct tally_store *store = NULL;
	struct tally_err err;

	if (model_open(directory, true, &store, &err) < 0)
		return;
	for (int i = 0; i < STEPS; i++) {
		model_step(model, store, &err);
		if (i == STEPS / 2) {
			tally_store_close(&store);
			if (model_open(directory, false, &store, &err) < 0)
				return;
		}
	}
	tally_store_close(&store);
}

/* Where creating failed there may be no store; it must be possible to create one then. */
static const char *audit(struct model *model, const char *directory)
{
	static struct tally_err err;
	struct tally_store *store;
	const char *bad;
	int ret = model_open(directory, false, &store, &err);

	if (ret < 0 && err.code == TALLY_NOTFOUND)
		ret = model_open(directory, true, &store, &err);
	if (ret < 0)
		return err.text;
	bad = model_audit(model, 0, store);
	if (bad == NULL)
		bad = model_goes_on(model, store);
	tally_store_close(&store);
	return bad;
}

/* 1: the workload ended before call nth, 0, -1. */
static int run(uint64_t seed, uint64_t nth, int error, const char *directory)
{
	struct model *model = model_new(seed, NULL, NULL);
	struct fault fault;
	const char *bad;
	int ret;

	directory_remove(directory);
	fault_init(&fault, nth, error);
	flat_files_use(&fault.files);
	work(model, directory);
	flat_files_use(NULL);
	bad = audit(model, directory);
	ret = bad != NULL ? -1 : fault.calls < nth;
	if (bad != NULL)
		printf("not ok - seed %" PRIu64 ": file operation %" PRIu64 " fails (%s): %s\n", seed,
		       nth, strerror(error), bad);
	model_free(model);
	pthread_mutex_destroy(&fault.lock);
	return ret;
}

static uint64_t number_from(const char *name, uint64_t fallback)
{
	const char *text = getenv(name);

	return text != NULL && text[0] != '\0' ? strtoull(text, NULL, 10) : fallback;
}

static int sweep(uint64_t seed, uint64_t rounds, int error, const char *directory)
{
	uint64_t nth = 1, tried = 0, random = seed | 1;
	int ret = 0;

	for (; ret == 0; tried++) {
		ret = run(seed, nth, error, directory);
		nth += rounds >= 20 ? 1 : 1 + random_below(&random, 40 / (rounds + 1));
	}
	if (ret > 0)
		printf("ok - each file operation fails once (%s): %" PRIu64 " tried of %" PRIu64 "\n",
		       strerror(error), tried, nth - 1);
	return ret;
}

int main(void)
{
	const char *base = getenv("TMPDIR");
	uint64_t seed = number_from("TALLY_TEST_SEED", (uint64_t)time(NULL) * 1000003u % 1000000007u);
	uint64_t rounds = number_from("TALLY_TEST_ROUNDS", 20);
	char directory[200], store[256];
	struct tally_err err;
	int ret;

	snprintf(directory, sizeof(directory), "%s/flatfile_errors.XXXXXX",
		 base != NULL ? base : "/tmp");
	if (mkdtemp(directory) == NULL) {
		printf("not ok - scratch directory %s\n", directory);
		return 1;
	}
	snprintf(store, sizeof(store), "%s/store", directory);
	/* The failures that are made on purpose are logged as errors, too. */
	tally_log_open(TALLY_LOG_ERROR, "/dev/null", &err);
	printf("# seed %" PRIu64 " (TALLY_TEST_SEED)\n", seed);
	ret = sweep(seed, rounds, EIO, store);
	if (ret > 0)
		ret = sweep(seed, rounds, ENOSPC, store);
	if (ret > 0) {
		directory_remove(store);
		rmdir(directory);
	} else {
		printf("# %s is left to look at\n", store);
	}
	printf("1..2\n");
	return ret < 0;
}
