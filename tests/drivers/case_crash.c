/*
 * Conformance: processes that are killed at any instant. What was acknowledged is there, whole;
 * nothing is there by half; index tables are exactly those of their mark.
 *
 * A child works and reports each acknowledgement through a pipe; its parent kills it after a
 * number of reports drawn by lot, plus a moment of spinning, so that it dies at any point of a
 * call, then opens what it left. What the parent read from the pipe is a lower bound of what must
 * be there; one call beyond all reports may be there too.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conform.h"

/* One acknowledgement: of a block, or of an apply up to a block. */
struct report {
	uint32_t space;
	bool apply;
	uint64_t blocks;
};

#define SPACES 3

struct acknowledged {
	uint64_t blocks[SPACES];
	uint64_t marked[SPACES];
};

static void tell(int fd, uint32_t space, bool apply, uint64_t blocks)
{
	struct report report;

	memset(&report, 0, sizeof(report));
	report.space = space;
	report.apply = apply;
	report.blocks = blocks;
	if (write(fd, &report, sizeof(report)) != sizeof(report))
		_exit(0);
}

static void append_group(struct trial *t, struct tally_store *store, const uint64_t *counts,
			 size_t spaces)
{
	struct tally_block_write blocks[SPACES];
	struct tally_buf bufs[SPACES] = { { 0 } };

	for (size_t s = 0; s < spaces; s++) {
		block_make(&bufs[s], s, counts[s]);
		blocks[s] = (struct tally_block_write){
			.space = s, .number = counts[s], .data = tally_buf_bytes(&bufs[s]),
		};
	}
	MUST(tally_store_append(store, blocks, spaces, &err));
	for (size_t s = 0; s < spaces; s++)
		tally_buf_free(&bufs[s]);
}

/* The child: appends to several spaces at once or to one, applies now and then, for ever. */
static void work(struct trial *t, int fd, uint64_t seed)
{
	struct tally_store *store = case_open(t, false);
	uint64_t counts[SPACES], marked[SPACES];

	for (uint32_t s = 0; s < SPACES; s++) {
		counts[s] = block_count(t, store, s);
		marked[s] = index_check(t, store, s);
		tell(fd, s, true, marked[s]);		/* a mark that was seen at opening */
	}
	for (;;) {
		size_t spaces = 1 + rnd_below(&seed, SPACES);
		uint32_t s = (uint32_t)rnd_below(&seed, SPACES);

		append_group(t, store, counts, spaces);
		for (uint32_t i = 0; i < spaces; i++)
			tell(fd, i, false, ++counts[i]);
		if (rnd_below(&seed, 3) == 0 && counts[s] > marked[s]) {
			MUST(index_apply(store, s, marked[s], counts[s], &err));
			marked[s] = counts[s];
			tell(fd, s, true, marked[s]);
		}
		if (rnd_below(&seed, 20) == 0)
			MUST(tally_store_maintain(store, &err));
	}
}

/* Reads the child's reports until it has been killed. */
static void follow(struct trial *t, int fd, pid_t pid, uint64_t *state, struct acknowledged *ack)
{
	uint64_t reports = SPACES + rnd_below(state, 40), spin = rnd_below(state, 30000);
	struct report report;
	bool killed = false;
	ssize_t got;

	for (uint64_t seen = 0; (got = read(fd, &report, sizeof(report))) > 0; seen++) {
		CHECK_INT(got, sizeof(report));
		if (report.apply)
			ack->marked[report.space] = report.blocks;
		else
			ack->blocks[report.space] = report.blocks;
		if (seen < reports || killed)
			continue;
		for (uint64_t i = 0; i < spin; i++)
			__asm__ volatile("" ::: "memory");
		kill(pid, SIGKILL);
		killed = true;
	}
}

/* What a killed child left: at least the acknowledged, at most one call more. */
static void look_after_crash(struct trial *t, const struct acknowledged *ack, unsigned int round)
{
	struct tally_store *store = case_open(t, false);

	for (uint32_t s = 0; s < SPACES; s++) {
		uint64_t count = block_count(t, store, s), marked;

		if (count < ack->blocks[s] || count > ack->blocks[s] + 1)
			FAIL("seed %" PRIu64 " round %u: space %" PRIu32 " has %" PRIu64
			     " blocks, %" PRIu64 " were acknowledged", t->seed, round, s, count,
			     ack->blocks[s]);
		blocks_check(t, store, s, count);
		marked = index_check(t, store, s);
		if (marked > count)
			FAIL("seed %" PRIu64 " round %u: the mark of space %" PRIu32
			     " is beyond its blocks", t->seed, round, s);
	}
	case_close(t, &store);
}

static pid_t start(struct trial *t, int *fd_r, uint64_t seed)
{
	int fds[2];
	pid_t pid;

	CHECK_INT(pipe(fds), 0);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		close(fds[0]);
		work(t, fds[1], seed);
		_exit(0);
	}
	close(fds[1]);
	*fd_r = fds[0];
	return pid;
}

static void killed_writers(struct trial *t)
{
	struct tally_store *store = case_open(t, true);
	struct acknowledged ack = { { 0 }, { 0 } };
	uint64_t state = t->seed;

	case_close(t, &store);
	for (unsigned int round = 0; round < t->rounds; round++) {
		int fd, status;
		pid_t pid = start(t, &fd, rnd(&state));

		follow(t, fd, pid, &state, &ack);
		close(fd);
		CHECK_INT(waitpid(pid, &status, 0), pid);
		if (!WIFSIGNALED(status))
			_exit(1);			/* the child failed and has said why */
		CHECK_INT(WTERMSIG(status), SIGKILL);
		look_after_crash(t, &ack, round);
		store = case_open(t, false);		/* what was shown now may not go again */
		for (uint32_t s = 0; s < SPACES; s++)
			ack.blocks[s] = block_count(t, store, s);
		case_close(t, &store);
	}
}

/*
 * A mark may fall back to one that was set before, never to another, and once synced never behind
 * that; with it the tables are those of that mark (index_check).
 */
static void fallen_marks(struct trial *t)
{
	struct tally_store *store = case_open(t, true);
	uint64_t state = t->seed, synced = 0, from;

	case_close(t, &store);
	for (unsigned int round = 0; round < t->rounds; round++) {
		int fds[2], status;
		uint64_t steps = 1 + rnd_below(&state, 12), sync_at = rnd_below(&state, 12);
		pid_t pid;

		CHECK_INT(pipe(fds), 0);
		pid = fork();
		if (pid == 0) {
			store = case_open(t, false);
			from = index_check(t, store, 1);
			CHECK(from >= synced);
			for (uint64_t i = 0; i < steps; i++, from += 5) {
				for (uint64_t n = from; n < from + 5; n++) {
					if (n >= block_count(t, store, 1))
						MUST(block_append(store, 1, n, &err));
				}
				MUST(index_apply(store, 1, from, from + 5, &err));
				if (i == sync_at) {
					MUST(tally_store_sync_index(store, &err));
					tell(fds[1], 1, true, from + 5);
				}
			}
			kill(getpid(), SIGKILL);
		}
		close(fds[1]);
		CHECK_INT(waitpid(pid, &status, 0), pid);
		if (!WIFSIGNALED(status))
			_exit(1);
		for (struct report report; read(fds[0], &report, sizeof(report)) > 0;)
			synced = report.blocks;
		close(fds[0]);
		store = case_open(t, false);
		from = index_check(t, store, 1);
		CHECK(from >= synced && from % 5 == 0);
		CHECK(from <= block_count(t, store, 1));
		case_close(t, &store);
	}
}

/* Killed while bytes are erased: each is old or zero, and the block can be read. */
static void killed_erasers(struct trial *t)
{
	struct tally_store *store = case_open(t, true);
	const size_t size = 200000;
	uint8_t *data = tally_malloc(size);
	struct tally_block_write block = { .space = 1, .data = tally_bytes(data, size) };
	uint64_t state = t->seed;

	memset(data, 'x', size);
	for (unsigned int round = 0; round < t->rounds; round++) {
		struct tally_range ranges[50];
		struct tally_arena arena = { 0 };
		struct tally_bytes got;
		uint64_t spin = rnd_below(&state, 60000);
		char go;
		int fds[2];
		pid_t pid;

		block.number = round;
		MUST(tally_store_append(store, &block, 1, &err));
		case_close(t, &store);
		for (size_t i = 0; i < 50; i++)
			ranges[i] = (struct tally_range){ i * 4000, 3000 };
		CHECK_INT(pipe(fds), 0);
		pid = fork();
		if (pid == 0) {
			store = case_open(t, false);
			tell(fds[1], 1, false, 0);
			MUST(tally_store_erase(store, 1, round, ranges, 50, &err));
			MUST(tally_store_scrub(store, &err));
			_exit(0);
		}
		close(fds[1]);
		while (read(fds[0], &go, 1) < 0 && errno == EINTR)
			;
		for (uint64_t i = 0; i < spin; i++)
			__asm__ volatile("" ::: "memory");
		kill(pid, SIGKILL);
		close(fds[0]);
		CHECK_INT(waitpid(pid, NULL, 0), pid);
		store = case_open(t, false);
		CHECK_INT(block_count(t, store, 1), round + 1);
		MUST(tally_store_read(store, 1, round, 0, UINT64_MAX, &arena, &got, &err));
		CHECK_INT(got.size, size);
		for (size_t i = 0; i < size; i++)
			CHECK(got.data[i] == 'x' || (got.data[i] == 0 && i % 4000 < 3000));
		MUST(tally_store_erase(store, 1, round, ranges, 50, &err));
		MUST(tally_store_read(store, 1, round, 0, UINT64_MAX, &arena, &got, &err));
		for (size_t i = 0; i < size; i++)
			CHECK(got.data[i] == (i % 4000 < 3000 ? 0 : 'x'));
		tally_arena_free(&arena);
	}
	free(data);
	case_close(t, &store);
}

const struct conform_case crash_cases[] = {
	{ "crash: killed writers", TALLY_CAP_BLOCKS | TALLY_CAP_INDEX | TALLY_CAP_DURABLE |
	  TALLY_CAP_LOCAL, CASE_PLAIN, killed_writers },
	{ "crash: marks that fall back", TALLY_CAP_BLOCKS | TALLY_CAP_INDEX | TALLY_CAP_DURABLE |
	  TALLY_CAP_LOCAL, CASE_PLAIN, fallen_marks },
	{ "crash: killed while erasing", TALLY_CAP_BLOCKS | TALLY_CAP_DURABLE | TALLY_CAP_LOCAL,
	  CASE_PLAIN, killed_erasers },
	{ NULL, 0, 0, NULL }
};
