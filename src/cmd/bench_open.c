/*
 * tally bench open: how long a store of many journals takes to be there again. A child fills it and is
 * killed by SIGKILL amid appending; what is timed is opening it here, up to the first journal read: after
 * that (recovery), and once more after it was closed in order. Before each the store's files leave the
 * page cache.
 */
#define _GNU_SOURCE
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arena.h"
#include "bench.h"
#include "clock.h"
#include "print.h"
#include "secret.h"

#define AFTER_FILL 200		/* batches more, before it is killed */

/* What the child tells, each as a whole. */
struct word {
	char ledger[TALLY_LEDGER_ID_SIZE + 1];
	uint64_t journals;
};

/* ---- the child ---- */

static void tell(const struct bench *bench, int to)
{
	struct word word = { .journals = bench->filled };

	memcpy(word.ledger, bench->ledger, sizeof word.ledger);
	if (write(to, &word, sizeof word) != (ssize_t)sizeof word)
		_exit(1);
}

/* Never returns: it appends until it is killed. */
static void child_main(struct bench *bench, int to)
{
	struct tally_entry *entries = tally_calloc(bench->batch, sizeof *entries);
	struct tally_append_result *results = tally_calloc(bench->batch, sizeof *results);
	uint8_t *pool = bench_pool(bench->size);
	uint64_t random = 88172645463325252ull;
	struct tally_write write;
	struct tally_err err;

	if (!bench_open_store(bench))
		_exit(1);
	write = bench_write(bench);
	for (;;) {
		bool before = bench->filled < bench->journals;

		for (uint64_t i = 0; i < bench->batch; i++)
			entries[i] = (struct tally_entry){
				.payload = tally_bytes(pool + bench_random(&random) % 65536,
						       bench->size)
			};
		if (tally_append(bench->core, &write, tally_bytes_str(bench->ledger), entries,
				 bench->batch, true, results, &err) != 0) {
			if (err.code == TALLY_BUSY)
				continue;
			verb_fail_err(bench->call, &err);
			_exit(1);
		}
		bench->filled += bench->batch;
		if (before && bench->filled >= bench->journals &&
		    tally_core_maintain(bench->core, &err) != 0) {
			verb_fail_err(bench->call, &err);
			_exit(1);
		}
		tell(bench, to);
	}
}

/* ---- here ---- */

/* What the child said last before it was killed. False where it failed. */
static bool listen_and_kill(struct bench *bench, pid_t child, int from)
{
	uint64_t full = bench->journals + AFTER_FILL * bench->batch;
	struct word word = { .journals = 0 };
	struct bar bar;
	bool alive = true;

	bar_begin(&bar, "fill", "journals");
	while (alive && !bench_interrupted() && word.journals < full) {
		struct word next;

		alive = read(from, &next, sizeof next) == (ssize_t)sizeof next;
		if (alive)
			word = next;
		bar_show(&bar, word.journals, full);
	}
	bar_end(&bar);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	memcpy(bench->ledger, word.ledger, sizeof bench->ledger);
	bench->filled = word.journals;
	return alive && !bench_interrupted();
}

static bool fill_and_kill(struct bench *bench)
{
	int ends[2];
	pid_t child;
	bool good;

	if (pipe(ends) != 0 || (child = fork()) < 0) {
		verb_fail(bench->call, "starting a process: %s", strerror(errno));
		return false;
	}
	if (child == 0) {
		close(ends[0]);
		child_main(bench, ends[1]);
	}
	close(ends[1]);
	good = listen_and_kill(bench, child, ends[0]);
	close(ends[0]);
	return good;
}

static int forget_file(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	int fd;

	(void)st;
	(void)ftw;
	if (type != FTW_F)
		return 0;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	fdatasync(fd);		/* only what is on the medium can be forgotten */
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	close(fd);
	return 0;
}

/* Log files are what a store needs until its next checkpoint; they do not grow with it. */
static uint64_t bytes_on_disk;

static int count_file(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	if (type == FTW_F && strncmp(path + ftw->base, "log.", 4) != 0)
		bytes_on_disk += (uint64_t)st->st_size;
	return 0;
}

static bool open_timed(struct bench *bench, double *ms_r)
{
	struct tally_core_options options = { .conf = bench->conf };
	struct tally_arena arena = { 0 };
	struct tally_journal journal;
	struct tally_err err;
	uint64_t begun;
	int found;

	nftw(bench->directory, forget_file, 16, FTW_PHYS);
	begun = tally_mono_ns();
	if (tally_core_open(&options, &bench->core, &err) != 0) {
		verb_fail_err(bench->call, &err);
		return false;
	}
	found = tally_journal_get(bench->core, tally_bytes_str(bench->ledger), bench->filled - 1,
				  &arena, &journal, &err);
	*ms_r = (double)(tally_mono_ns() - begun) / 1e6;
	tally_arena_free(&arena);
	if (found == 0)
		tally_err_set(&err, TALLY_CORRUPT, "a journal that was acknowledged is not there");
	if (found != 1)
		verb_fail_err(bench->call, &err);
	return found == 1;
}

bool bench_open(struct bench *bench, struct outcome *outcome)
{
	char store[PATH_MAX + 32];
	struct rusage usage;
	struct tally_err err;

	if (!bench_configure(bench) || !fill_and_kill(bench) ||
	    !open_timed(bench, &outcome->recovery_ms))
		return false;
	if (tally_core_maintain(bench->core, &err) != 0) {
		verb_fail_err(bench->call, &err);
		return false;
	}
	tally_core_close(&bench->core);
	if (!open_timed(bench, &outcome->open_ms))
		return false;
	getrusage(RUSAGE_SELF, &usage);
	outcome->memory_mb = (double)usage.ru_maxrss / 1024;
	snprintf(store, sizeof store, "%s/store", bench->directory);
	bytes_on_disk = 0;
	nftw(store, count_file, 16, FTW_PHYS);
	outcome->bytes_each = (double)bytes_on_disk / (double)bench->filled - (double)bench->size;
	outcome->count = bench->filled;
	outcome->seconds = outcome->open_ms / 1000;
	return true;
}
