/*
 * tally bench floor: one write and one fdatasync for each batch, into space written before, or with --grow
 * into a file that grows as a ledger does. No hashing, no index: what the medium can give.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "bench_work.h"
#include "clock.h"
#include "secret.h"

#define FLOOR_SPACE (256u << 20)

/* A file of zeros that is all on the disk, so that fdatasync has no block to allocate. */
static int floor_file(struct bench *bench, uint64_t size)
{
	char path[PATH_MAX + 16], zeros[65536] = { 0 };
	int fd;

	snprintf(path, sizeof path, "%s/floor", bench->directory);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	for (uint64_t at = 0; fd >= 0 && at < size; at += sizeof zeros) {
		if (pwrite(fd, zeros, sizeof zeros, (off_t)at) != (ssize_t)sizeof zeros) {
			close(fd);
			fd = -1;
		}
	}
	if (fd < 0 || fsync(fd) != 0) {
		verb_fail(bench->call, "%s: %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	return fd;
}

struct floor {
	uint64_t group, space;		/* bytes; where it grows it has no end */
	uint8_t *data;
	int fd;
};

static void *floor_thread(void *ctx)
{
	struct worker *worker = ctx;
	const struct floor *file = worker->bench->floor;
	uint64_t at = 0, now = tally_mono_ns();

	while (bench_goes_on(worker, now)) {
		uint64_t begun = now;

		if (at + file->group > file->space)
			at = 0;
		if (pwrite(file->fd, file->data, file->group, (off_t)at) != (ssize_t)file->group ||
		    fdatasync(file->fd) != 0) {
			tally_err_errno(&worker->err, "writing");
			worker->failed = true;
			break;
		}
		at += file->group;
		worker->count += worker->bench->batch;
		now = tally_mono_ns();
		bench_note_latency(worker, now - begun);
	}
	return NULL;
}

bool bench_floor(struct bench *bench, struct outcome *outcome)
{
	struct floor file = { .group = bench->batch * bench->size };
	bool good;

	file.space = FLOOR_SPACE > file.group ? FLOOR_SPACE : file.group;
	file.space = (file.space + 65535) / 65536 * 65536;
	file.fd = floor_file(bench, verb_given(bench->call, "grow") ? 0 : file.space);
	if (verb_given(bench->call, "grow"))
		file.space = INT64_MAX;
	if (file.fd < 0)
		return false;
	file.data = bench_pool(file.group);
	bench->floor = &file;
	bench->clients = 1;
	good = bench_run_workers(bench, floor_thread, outcome);
	outcome->syncs = outcome->count / bench->batch;
	bench->floor = NULL;
	free(file.data);
	close(file.fd);
	return good;
}
