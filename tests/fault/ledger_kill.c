/*
 * A ledger whose process is killed. In each round a child opens the store and appends from several
 * threads, single journals and batches, each under a ClientToken, and reports what was
 * acknowledged; after a random number of reports it gets SIGKILL. The parent then opens the store:
 * every acknowledged journal is there with its hash, all blocks and the tree are whole, nothing is
 * there twice. What was not acknowledged is sent again under the same token by the next child. At
 * the end the index is rebuilt and must be what it was.
 *
 * TALLY_TEST_ROUNDS sets the number of rounds (default 20), TALLY_TEST_SEED repeats a run.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arena.h"
#include "conf.h"
#include "core.h"
#include "index_hash.h"
#include "store.h"
#include "tap.h"

enum { THREADS = 4, BATCH = 7, MOST = 200000 };

/* One acknowledged command: thread's serial number, its first journal and how many. */
struct report {
	uint32_t thread;
	uint32_t serial;
	uint32_t count;
	uint64_t first;
	struct tally_hash hash;		/* of the first */
};

struct ground {
	char directory[200];
	char store[256];
	const char *driver;
	struct tally_conf *conf;
	struct tally_first_key first;
	struct tally_ledger_created ledger;
	uint32_t next[THREADS];		/* first serial number not acknowledged */
	struct report *reports;
	size_t report_count;
	unsigned int seed;
};

static struct tally_err err;

static uint32_t count_of(uint32_t thread, uint32_t serial)
{
	return (serial + thread) % 3 == 0 ? BATCH : 1;
}

/* ---- the child ---- */

struct worker {
	struct ground *ground;
	struct tally_core *core;
	uint32_t number;
	int pipe;
};

static int append(struct worker *worker, uint32_t serial, struct tally_append_result *results)
{
	struct tally_write write = { .caller = { .account = worker->ground->first.account } };
	struct tally_entry entries[BATCH];
	char token[32], text[BATCH][48], clue[16];
	struct tally_bytes clues[1];
	uint32_t count = count_of(worker->number, serial);
	struct tally_err own;

	snprintf(token, sizeof(token), "t%u-%u", worker->number, serial);
	snprintf(clue, sizeof(clue), "thread %u", worker->number);
	clues[0] = tally_bytes_str(clue);
	for (uint32_t i = 0; i < count; i++) {
		snprintf(text[i], sizeof(text[i]), "%u/%u/%u", worker->number, serial, i);
		entries[i] = (struct tally_entry){ .payload = tally_bytes_str(text[i]),
						   .clues = clues, .clue_count = 1 };
	}
	write.token = tally_bytes_str(token);
	return tally_append(worker->core, &write, tally_bytes_str(worker->ground->ledger.ledger_id),
			    entries, count, true, results, &own);
}

static void *work(void *arg)
{
	struct worker *worker = arg;

	for (uint32_t serial = worker->ground->next[worker->number];; serial++) {
		struct tally_append_result results[BATCH];
		struct report report = { .thread = worker->number, .serial = serial };

		if (append(worker, serial, results) != 0)
			_exit(3);
		report.count = count_of(worker->number, serial);
		report.first = results[0].receipt.journal_id;
		report.hash = results[0].receipt.journal_hash;
		if (write(worker->pipe, &report, sizeof(report)) != sizeof(report))
			_exit(4);
	}
	return NULL;
}

static void child(struct ground *ground, int out)
{
	struct tally_core_options options = { 0 };
	struct worker workers[THREADS];
	struct tally_core *core;
	pthread_t thread;

	options.conf = ground->conf;
	if (tally_core_open(&options, &core, &err) != 0) {
		fprintf(stderr, "child: %s\n", err.text);
		_exit(2);
	}
	for (uint32_t i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){ ground, core, i, out };
		if (pthread_create(&thread, NULL, work, &workers[i]) != 0)
			_exit(2);
	}
	for (;;)
		if (tally_core_maintain(core, &err) != 0)
			_exit(5);
}

/* ---- the parent ---- */

static bool read_report(int in, struct report *report)
{
	size_t got = 0;

	while (got < sizeof(*report)) {
		ssize_t n = read(in, (char *)report + got, sizeof(*report) - got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		got += (size_t)n;
	}
	return true;
}

static void note(struct ground *ground, const struct report *report)
{
	if (ground->report_count < MOST)
		ground->reports[ground->report_count++] = *report;
	ground->next[report->thread] = report->serial + 1;
}

static void kill_one(struct ground *ground)
{
	uint32_t reports = (uint32_t)rand_r(&ground->seed) % 400;
	struct report report;
	int ends[2], status;
	pid_t pid;

	REQUIRE(pipe(ends) == 0);
	fflush(stdout);
	pid = fork();
	REQUIRE(pid >= 0);
	if (pid == 0) {
		close(ends[0]);
		child(ground, ends[1]);
	}
	close(ends[1]);
	while (reports-- > 0 && read_report(ends[0], &report))
		note(ground, &report);
	kill(pid, SIGKILL);
	while (read_report(ends[0], &report))
		note(ground, &report);
	close(ends[0]);
	waitpid(pid, &status, 0);
	CHECK(WIFSIGNALED(status));
}

static void check_acknowledged(struct ground *ground, struct tally_core *core, size_t from)
{
	struct tally_bytes ledger = tally_bytes_str(ground->ledger.ledger_id);
	struct tally_arena arena;

	tally_arena_init(&arena);
	for (size_t i = from; i < ground->report_count; i++) {
		const struct report *report = &ground->reports[i];
		struct tally_journal journal;
		char text[48];

		for (uint32_t k = 0; k < report->count; k++) {
			tally_arena_reset(&arena);
			snprintf(text, sizeof(text), "%u/%u/%u", report->thread, report->serial, k);
			CHECK_INT(tally_journal_get(core, ledger, report->first + k, &arena,
						    &journal, &err), 1);
			CHECK_BYTES(journal.payload, tally_bytes_str(text));
			if (k == 0)
				CHECK_MEM(journal.hash.bytes, report->hash.bytes, 32);
			if (tap.bad)
				break;
		}
	}
	tally_arena_free(&arena);
}

/* Each payload once: (thread, serial, item) in order along each thread's clue. */
static void check_once(struct ground *ground, struct tally_core *core)
{
	struct tally_journal_query query = { .end_id = UINT64_MAX, .end_ms = UINT64_MAX,
					     .limit = 1000 };
	struct tally_journal_page page;
	struct tally_arena arena;

	tally_arena_init(&arena);
	for (uint32_t thread = 0; thread < THREADS; thread++) {
		uint32_t serial = 0, item = 0;
		char clue[16], want[48];

		snprintf(clue, sizeof(clue), "thread %u", thread);
		query.clue = tally_bytes_str(clue);
		query.has_cursor = false;
		do {
			tally_arena_reset(&arena);
			CHECK_OK(tally_journal_list(core,
						    tally_bytes_str(ground->ledger.ledger_id),
						    &query, &arena, &page, &err));
			for (size_t i = 0; i < page.count && !tap.bad; i++) {
				snprintf(want, sizeof(want), "%u/%u/%u", thread, serial, item);
				CHECK_BYTES(page.journals[i].payload, tally_bytes_str(want));
				if (++item == count_of(thread, serial)) {
					item = 0;
					serial++;
				}
			}
			query.has_cursor = true;
			query.cursor = page.cursor;
		} while (page.more && !tap.bad);
		CHECK_INT(item, 0);		/* a batch is whole or absent */
		CHECK(serial >= ground->next[thread]);
	}
	tally_arena_free(&arena);
}

struct spaces {
	uint64_t id[8];
	size_t count;
};

static int note_space(void *ctx, uint64_t space, const char *ledger_id, uint64_t blocks)
{
	struct spaces *spaces = ctx;

	(void)ledger_id;
	(void)blocks;
	if (spaces->count < 8)
		spaces->id[spaces->count++] = space;
	return 0;
}

static void store_hash(struct tally_core *core, uint8_t hash[32])
{
	struct spaces spaces = { .count = 0 };
	struct tally_sha256 sha;

	tally_sha256_init(&sha);
	CHECK_OK(tally_core_spaces(core, note_space, &spaces, &err));
	for (size_t i = 0; i < spaces.count; i++)
		CHECK_OK(tally_core_index_each(core, spaces.id[i], index_hash_add, &sha, &err));
	tally_sha256_end(&sha, hash);
}

static void check_rebuild(struct tally_core *core)
{
	uint8_t before[32], after[32];

	store_hash(core, before);
	CHECK_OK(tally_core_rebuild(core, TALLY_BYTES_NONE, NULL, NULL, &err));
	store_hash(core, after);
	CHECK_MEM(after, before, 32);
}

static void rounds(struct ground *ground, unsigned int count)
{
	struct tally_core_options options = { .short_lived = true };
	struct tally_core *core;

	options.conf = ground->conf;
	for (unsigned int round = 0; round < count && !tap.bad; round++) {
		size_t from = round % 10 == 9 ? 0 : ground->report_count;

		CASE("%s, round %u", ground->driver, round);
		kill_one(ground);
		if (tally_core_open(&options, &core, &err) != 0) {
			FAIL("it does not open: %s", err.text);
			return;
		}
		check_acknowledged(ground, core, from);
		CHECK_OK(tally_core_check(core, TALLY_BYTES_NONE, NULL, NULL, &err));
		if (round + 1 == count) {
			check_once(ground, core);
			check_rebuild(core);
			check_once(ground, core);
		}
		tally_core_close(&core);
	}
}

static bool make_store(struct ground *ground)
{
	struct tally_core_options options = { .short_lived = true };
	struct tally_ledger_create create = { .name = TALLY_BYTES_LIT("killed") };
	struct tally_write write = { 0 };
	struct tally_core *core;

	options.conf = ground->conf;
	if (tally_core_init(&options, NULL, &ground->first, &err) != 0 ||
	    tally_core_open(&options, &core, &err) != 0) {
		FAIL("%s", err.text);
		return false;
	}
	write.caller.account = ground->first.account;
	CHECK_OK(tally_ledger_create(core, &write, &create, &ground->ledger, &err));
	tally_core_close(&core);
	return !tap.bad;
}

static void killed(const char *driver)
{
	const char *count = getenv("TALLY_TEST_ROUNDS"), *seed = getenv("TALLY_TEST_SEED");
	const char *tmp = getenv("TMPDIR");
	struct ground ground = { .driver = driver };
	char command[300];

	ground.seed = seed != NULL ? (unsigned int)strtoul(seed, NULL, 10) :
				     (unsigned int)getpid();
	printf("# %s: seed %u\n", driver, ground.seed);
	snprintf(ground.directory, sizeof(ground.directory), "%.150s/tally-kill-XXXXXX",
		 tmp != NULL ? tmp : "/tmp");
	REQUIRE(mkdtemp(ground.directory) != NULL);
	snprintf(ground.store, sizeof(ground.store), "%s/store", ground.directory);
	ground.conf = tally_conf_new();
	tally_conf_override(ground.conf, "store", "path", ground.store);
	tally_conf_override(ground.conf, "store", "driver", driver);
	ground.reports = tally_calloc(MOST, sizeof(*ground.reports));
	if (make_store(&ground))
		rounds(&ground, count != NULL ? (unsigned int)strtoul(count, NULL, 10) : 20);
	printf("# %s: %zu commands acknowledged\n", driver, ground.report_count);
	free(ground.reports);
	tally_conf_free(&ground.conf);
	snprintf(command, sizeof(command), "rm -rf '%s'", ground.directory);
	if (!tap.bad)
		CHECK_INT(system(command), 0);
}

static const char *driver_name;

static void a_killed_ledger_keeps_what_it_acknowledged(void)
{
	killed(driver_name);
}

int main(void)
{
	for (size_t i = 0; tally_builtin_drivers[i] != NULL; i++) {
		const struct tally_driver *driver = tally_builtin_drivers[i];

		if (!(driver->caps & TALLY_CAP_DURABLE))
			continue;
		driver_name = driver->name;
		printf("# driver %s\n", driver_name);
		TEST(a_killed_ledger_keeps_what_it_acknowledged);
	}
	return tap_done();
}
