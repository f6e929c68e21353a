/*
 * Conformance: a store that is only read. A CGI program opens it for one request and closes it
 * again, so that must cost no sync and change no file, unless the store was left in a hurry.
 */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conform.h"
#include "hash.h"

/* Every sync of this program, also those of libraries: these names are taken before libc's. */
static atomic_uint syncs;

int fsync(int fd)
{
	atomic_fetch_add(&syncs, 1);
	return (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
	atomic_fetch_add(&syncs, 1);
	return (int)syscall(SYS_fdatasync, fd);
}

int syncfs(int fd)
{
	atomic_fetch_add(&syncs, 1);
	return (int)syscall(SYS_syncfs, fd);
}

/* Names, bytes, places and times of all files. */
static void add_file(void *ctx, const char *path)
{
	struct tally_sha256 *sha = ctx;
	FILE *file = fopen(path, "re");
	char piece[4096], line[256];
	struct stat st;
	size_t got;

	tally_sha256_add(sha, path, strlen(path) + 1);
	if (file == NULL || fstat(fileno(file), &st) != 0)
		abort();
	tally_sha256_add(sha, line, (size_t)snprintf(line, sizeof(line), "%ju %ju %jd.%09ld",
						     (uintmax_t)st.st_ino, (uintmax_t)st.st_size,
						     (intmax_t)st.st_mtim.tv_sec,
						     st.st_mtim.tv_nsec));
	while ((got = fread(piece, 1, sizeof(piece), file)) > 0)
		tally_sha256_add(sha, piece, got);
	fclose(file);
}

static void files_hash(struct trial *t, uint8_t hash_r[TALLY_HASH_SIZE])
{
	struct tally_sha256 sha;

	tally_sha256_init(&sha);
	files_each(t, t->location, add_file, &sha);
	tally_sha256_end(&sha, hash_r);
}

static void write_some(struct trial *t, struct tally_store *store, uint64_t from, uint64_t to)
{
	for (uint64_t n = from; n < to; n++)
		MUST(block_append(store, 3, n, &err));
	MUST(index_apply(store, 3, index_check(t, store, 3), to, &err));
}

/* Opens, reads everything, closes; returns the syncs that took. */
static unsigned int read_all(struct trial *t, uint64_t count)
{
	unsigned int before = atomic_load(&syncs);
	struct tally_store *store = case_open(t, false);

	CHECK_INT(block_count(t, store, 3), count);
	CHECK_INT(block_count(t, store, 4), 0);
	blocks_check(t, store, 3, count);
	index_check(t, store, 3);
	case_close(t, &store);
	return atomic_load(&syncs) - before;
}

static void check_undisturbed(struct trial *t, uint64_t count)
{
	uint8_t before[TALLY_HASH_SIZE], after[TALLY_HASH_SIZE];

	files_hash(t, before);
	for (int i = 0; i < 3; i++) {
		CHECK_INT(read_all(t, count), 0);
		files_hash(t, after);
		CHECK(memcmp(before, after, sizeof(before)) == 0);
	}
}

static void reading_costs_no_sync(struct trial *t)
{
	struct tally_store *store = case_open(t, true);
	uint64_t count = 0;

	/* also of a store that was closed by who wrote it, and that grew beyond a segment */
	for (uint64_t more = 1; more <= 64; more *= 4, count += more / 4) {
		unsigned int before = atomic_load(&syncs);

		write_some(t, store, count, count + more);
		CHECK(atomic_load(&syncs) - before >= more);	/* what counts counts */
		case_close(t, &store);
		check_undisturbed(t, count + more);
		store = case_open(t, false);
	}
	case_close(t, &store);
}

/* After a kill the first to come syncs what it shows; the next one finds that done. */
static void after_a_kill_once(struct trial *t)
{
	struct tally_store *store = case_open(t, true);
	unsigned int first = 0;

	case_close(t, &store);
	for (uint64_t round = 0; round < 3; round++) {
		int status;
		pid_t pid = fork();

		if (pid == 0) {
			store = case_open(t, false);
			write_some(t, store, 5 * round, 5 * round + 5);
			kill(getpid(), SIGKILL);
		}
		CHECK_INT(waitpid(pid, &status, 0), pid);
		if (!WIFSIGNALED(status))
			_exit(1);
		first += read_all(t, 5 * round + 5);
		check_undisturbed(t, 5 * round + 5);
	}
	CHECK(first >= 3);
}

/* Who goes on writing after reading syncs each append, as ever. */
static void writing_after_reading(struct trial *t)
{
	struct tally_store *store = case_open(t, true);

	write_some(t, store, 0, 5);
	case_close(t, &store);
	for (uint64_t n = 5; n < 8; n++) {
		unsigned int before;

		check_undisturbed(t, n);
		store = case_open(t, false);
		blocks_check(t, store, 3, n);
		before = atomic_load(&syncs);
		MUST(block_append(store, 3, n, &err));
		CHECK(atomic_load(&syncs) > before);
		case_close(t, &store);
	}
}

#define NEEDS (TALLY_CAP_BLOCKS | TALLY_CAP_INDEX | TALLY_CAP_DURABLE | TALLY_CAP_LOCAL)

const struct conform_case reading_cases[] = {
	{ "reading: no sync, no change", NEEDS, CASE_PLAIN, reading_costs_no_sync },
	{ "reading: after a kill one sync", NEEDS, CASE_PLAIN, after_a_kill_once },
	{ "reading: then writing", NEEDS, CASE_PLAIN, writing_after_reading },
	{ NULL, 0, 0, NULL }
};
