/*
 * tally bench floor: one write and one fdatasync for each batch, into space written before. No hashing,
 * no index: what the medium can give.
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

/* ---- floor ---- */

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

bool bench_floor(struct bench *bench, struct outcome *outcome)
{
	uint64_t group = bench->batch * bench->size, at = 0, space, begun, now;
	struct worker worker = { .bench = bench };
	uint8_t *data;
	bool good = true;
	int fd;

	space = FLOOR_SPACE > group ? FLOOR_SPACE : group;
	space = (space + 65535) / 65536 * 65536;
	fd = floor_file(bench, space);
	if (fd < 0)
		return false;
	data = bench_pool(group);
	bench_worker_begin(&worker);
	begun = now = tally_mono_ns();
	bench->deadline_ns = begun + bench->seconds * 1000000000ull;
	while (good && bench_goes_on(&worker, now)) {
		uint64_t before = now;

		if (at + group > space)
			at = 0;
		good = pwrite(fd, data, group, (off_t)at) == (ssize_t)group && fdatasync(fd) == 0;
		at += group;
		worker.count += bench->batch;
		outcome->syncs++;
		now = tally_mono_ns();
		bench_note_latency(&worker, now - before);
	}
	if (!good)
		verb_fail(bench->call, "writing: %s", strerror(errno));
	bench_sum_up(&worker, 1, begun, outcome);
	bench_worker_end(&worker);
	free(data);
	close(fd);
	return good;
}

