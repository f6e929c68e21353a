/*
 * Runs the conformance suite (conform.h): every case over every driver there is, plain and in each
 * wrapper.
 *
 *	conform [DRIVER[/WRAPPING] [CASE]]
 *
 * runs the cases whose name begins with CASE only. TALLY_TEST_SEED repeats a run,
 * TALLY_TEST_ROUNDS says how often tests by chance try (default 20), TALLY_TEST_MODULES is a
 * colon-separated list of directories with loadable drivers, in builds that load them.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "conform.h"
#include "own.h"
#include "wrap.h"

#define CASE_SECONDS 300			/* a case that takes longer hangs */
#define EXIT_SKIP 77

static const char *const wrapping_names[] = { "plain", "log", "rules", "fail" };

/* ---- saying what is wrong ---- */

static _Noreturn void report(struct trial *t, int status, const char *text)
{
	ssize_t sent = write(t->report_fd, text, strlen(text));

	(void)sent;
	_exit(status);
}

_Noreturn void case_fail(struct trial *t, const char *file, int line, const char *format, ...)
{
	const char *base = strrchr(file, '/');
	char text[1000];
	va_list args;
	int size = snprintf(text, sizeof(text), "%s:%d: ", base != NULL ? base + 1 : file, line);

	va_start(args, format);
	vsnprintf(text + size, sizeof(text) - (size_t)size, format, args);
	va_end(args);
	report(t, 1, text);
}

_Noreturn void case_skip(struct trial *t, const char *format, ...)
{
	char text[400];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	report(t, EXIT_SKIP, text);
}

/* ---- stores ---- */

static struct tally_store *wrap(struct trial *t, struct tally_store *store)
{
	switch (t->wrapping) {
	case WRAP_LOG:
		return tally_wrap_log(store);
	case WRAP_RULES:
		return tally_wrap_rules(store);
	case WRAP_FAIL:
		return tally_wrap_fail(store, 0, TALLY_FAULT_IO);
	case WRAP_NONE:
		break;
	}
	return store;
}

static int own_and_open(struct trial *t, const struct tally_store_args *args,
			struct tally_store **store_r, struct tally_err *err)
{
	bool moved;

	*store_r = NULL;
	if (t->driver->caps & TALLY_CAP_LOCAL) {
		if (args->create && mkdir(t->location, 0700) < 0 && errno != EEXIST)
			return tally_err_errno(err, "%s", t->location);
		if (tally_own(t->location, &t->owner, &moved, err) < 0)
			return -1;
	}
	if (tally_store_open(t->driver, args, store_r, err) < 0) {
		tally_disown(&t->owner);
		return -1;
	}
	return 0;
}

int case_try_open(struct trial *t, bool create, struct tally_store **store_r,
		  struct tally_err *err)
{
	const struct tally_store_args args = {
		.location = t->location, .conf = t->conf, .create = create,
		.blocks = t->driver->caps & TALLY_CAP_BLOCKS,
		.index = t->driver->caps & TALLY_CAP_INDEX,
	};

	if (own_and_open(t, &args, store_r, err) < 0)
		return -1;
	*store_r = wrap(t, *store_r);
	return 0;
}

struct tally_store *case_open_half(struct trial *t, bool create, bool blocks, bool index)
{
	const struct tally_store_args args = {
		.location = t->location, .conf = t->conf, .create = create,
		.blocks = blocks, .index = index,
	};
	struct tally_store *store;

	MUST(own_and_open(t, &args, &store, &err));
	return wrap(t, store);
}

struct tally_store *case_open(struct trial *t, bool create)
{
	return case_open_half(t, create, t->driver->caps & TALLY_CAP_BLOCKS,
			      t->driver->caps & TALLY_CAP_INDEX);
}

void case_close(struct trial *t, struct tally_store **store)
{
	if (*store != NULL && t->wrapping == WRAP_RULES)
		CHECK_INT(tally_wrap_rules_broken(*store), 0);
	tally_store_close(store);
	tally_disown(&t->owner);
}

void case_child(struct trial *t, int status)
{
	if (WIFSIGNALED(status))
		FAIL("a child died of signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
	if (status != 0)
		_exit(1);
}

void case_move(struct trial *t, char *location)
{
	free(t->location);
	t->location = location;
}

char *case_place(struct trial *t, const char *name)
{
	char place[600];

	if (t->driver->caps & TALLY_CAP_LOCAL)
		snprintf(place, sizeof(place), "%s/%s", t->directory, name);
	else
		snprintf(place, sizeof(place), "%s:%s", t->driver->name, name);
	return tally_strdup(place);
}

/* ---- random ---- */

uint64_t rnd(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15u);	/* splitmix64 */

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

uint64_t rnd_below(uint64_t *state, uint64_t bound)
{
	return rnd(state) % bound;
}

void rnd_fill(uint64_t *state, void *data, size_t size)
{
	uint8_t *at = data;

	while (size > 0) {
		uint64_t bits = rnd(state);
		size_t some = size < 8 ? size : 8;

		memcpy(at, &bits, some);
		at += some;
		size -= some;
	}
}

static uint64_t seed_of_name(uint64_t seed, const char *name)
{
	for (; *name != '\0'; name++)
		seed = (seed ^ (uint8_t)*name) * 0x100000001b3u;
	return seed;
}

/* ---- blocks whose bytes follow from space and number ---- */

void block_make(struct tally_buf *buf, uint64_t space, uint64_t number)
{
	uint64_t state = space * 0x10001 + number;
	size_t size = 1 + rnd_below(&state, 3000);

	if (rnd_below(&state, 16) == 0)
		size += rnd_below(&state, 40000);
	tally_buf_clear(buf);
	rnd_fill(&state, tally_buf_reserve(buf, size), size);
	buf->size = size;
}

static int append_buf(struct tally_store *store, uint64_t space, uint64_t number,
		      struct tally_buf *buf, struct tally_err *err)
{
	struct tally_block_write block = {
		.space = space, .number = number, .data = tally_buf_bytes(buf),
	};
	int ret = tally_store_append(store, &block, 1, err);

	tally_buf_free(buf);
	return ret;
}

int block_append(struct tally_store *store, uint64_t space, uint64_t number,
		 struct tally_err *err)
{
	struct tally_buf buf = { 0 };

	block_make(&buf, space, number);
	return append_buf(store, space, number, &buf, err);
}

void next_make(struct tally_buf *buf, uint64_t space, uint64_t number, size_t size)
{
	uint64_t state = space * 0x20003 + number;

	tally_buf_clear(buf);
	rnd_fill(&state, tally_buf_reserve(buf, size), size);
	buf->size = size;
}

int append_next(struct tally_store *store, uint64_t space, size_t size, struct tally_err *err)
{
	struct tally_buf buf = { 0 };
	uint64_t number;

	if (tally_store_last(store, space, &number, err) < 0)
		return -1;
	next_make(&buf, space, number, size);
	return append_buf(store, space, number, &buf, err);
}

void block_check(struct trial *t, struct tally_store *store, uint64_t space, uint64_t number)
{
	struct tally_arena arena = { 0 };
	struct tally_err err = { 0 };
	struct tally_buf want = { 0 };
	struct tally_bytes got;
	int ret = tally_store_read(store, space, number, 0, TALLY_BLOCK_MAX, &arena, &got, &err);

	if (ret < 0)
		FAIL("read of space %" PRIu64 " block %" PRIu64 ": %s", space, number, err.text);
	if (ret == 0)
		FAIL("space %" PRIu64 " block %" PRIu64 " is not there", space, number);
	block_make(&want, space, number);
	if (!tally_bytes_equal(got, tally_buf_bytes(&want)))
		FAIL("space %" PRIu64 " block %" PRIu64 " has other bytes", space, number);
	tally_buf_free(&want);
	tally_arena_free(&arena);
}

void blocks_check(struct trial *t, struct tally_store *store, uint64_t space, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++)
		block_check(t, store, space, i);
}

uint64_t block_count(struct trial *t, struct tally_store *store, uint64_t space)
{
	uint64_t count;

	MUST(tally_store_last(store, space, &count, &err));
	return count;
}

/* ---- index tables that follow from the blocks ---- */

#define SLOTS 50				/* keys of table 1 */

struct tally_mark mark_of(uint64_t space, uint64_t blocks)
{
	struct tally_mark mark = { .blocks = blocks };
	uint64_t state = space * 31 + blocks;

	if (blocks == 0)
		return mark;
	rnd_fill(&state, mark.header_hash, sizeof(mark.header_hash));
	memset(mark.store_id, 0x5a, sizeof(mark.store_id));
	mark.projection = 7;
	return mark;
}

static size_t slot_of(uint64_t space, uint64_t number)
{
	uint64_t state = space ^ (number << 20);

	return rnd(&state) % SLOTS;
}

static size_t own_value(uint64_t space, uint64_t number, uint8_t value[64])
{
	uint64_t state = space * 77 + number;

	rnd_fill(&state, value, 64);
	return number % 64;			/* empty ones too */
}

static struct tally_change change(struct tally_arena *arena, uint32_t table, bool remove,
				  uint64_t key, const void *value, size_t value_size)
{
	uint8_t bytes[8];

	tally_put_u64(bytes, key);
	return (struct tally_change){
		.table = table, .remove = remove,
		.key = tally_bytes(tally_arena_copy(arena, bytes, 8), 8),
		.value = tally_bytes(tally_arena_copy(arena, value, value_size), value_size),
	};
}

/* The last block in from .. to that has this slot; false if there is none. */
static bool slot_last(uint64_t space, size_t slot, uint64_t from, uint64_t to, uint64_t *number_r)
{
	for (uint64_t n = to; n > from; n--) {
		if (slot_of(space, n - 1) == slot) {
			*number_r = n - 1;
			return true;
		}
	}
	return false;
}

int index_apply(struct tally_store *store, uint64_t space, uint64_t from, uint64_t to,
		struct tally_err *err)
{
	const struct tally_mark mark_from = mark_of(space, from), mark_to = mark_of(space, to);
	struct tally_arena arena = { 0 };
	struct tally_change *changes = tally_arena_array(&arena, struct tally_change,
							 2 * (to - from) + SLOTS + 2);
	uint8_t value[64];
	uint64_t number;
	size_t count = 0;
	int ret;

	for (uint64_t n = from; n < to; n++) {
		size_t size = own_value(space, n, value);

		changes[count++] = change(&arena, 0, false, n, value, size);
	}
	for (size_t slot = 0; slot < SLOTS; slot++) {
		if (slot_last(space, slot, from, to, &number)) {
			tally_put_u64(value, number);
			changes[count++] = change(&arena, 1, false, slot, value, 8);
		}
	}
	for (uint64_t n = from > 0 ? from - 1 : 0; n < to; n++) {
		if (n % 2 == 0)
			changes[count++] = change(&arena, 2, n + 1 < to, n, "even", 4);
	}
	ret = tally_store_apply(store, space, &mark_from, &mark_to, changes, count, err);
	tally_arena_free(&arena);
	return ret;
}

/* A scan of one table under way, against what the table should be. */
struct look {
	struct trial *t;
	uint64_t space;
	uint32_t table;
	uint64_t blocks;			/* of the mark */
	uint64_t next;				/* the next key that should come */
};

/* Skips the slots that no block has. */
static uint64_t slot_next(const struct look *look, uint64_t *number_r)
{
	uint64_t slot = look->next;

	while (slot < SLOTS && !slot_last(look->space, slot, 0, look->blocks, number_r))
		slot++;
	return slot;
}

static int look_pair(void *ctx, struct tally_bytes key, struct tally_bytes value)
{
	struct look *look = ctx;
	struct trial *t = look->t;
	uint8_t want[64];
	size_t want_size = 0;
	uint64_t number = 0;

	if (look->table == 0) {
		want_size = own_value(look->space, look->next, want);
	} else if (look->table == 1) {
		look->next = slot_next(look, &number);
		tally_put_u64(want, number);
		want_size = 8;
	} else {
		look->next = look->blocks - 1;	/* the only one there can be */
		memcpy(want, "even", 4);
		want_size = 4;
	}
	if (key.size != 8 || tally_get_u64(key.data) != look->next)
		FAIL("space %" PRIu64 " table %" PRIu32 " as of block %" PRIu64 ": a key that is not %"
		     PRIu64, look->space, look->table, look->blocks, look->next);
	if (!tally_bytes_equal(value, tally_bytes(want, want_size)))
		FAIL("space %" PRIu64 " table %" PRIu32 " as of block %" PRIu64 ": wrong value of key %"
		     PRIu64, look->space, look->table, look->blocks, look->next);
	look->next++;
	return 0;
}

/* The keys that must not be missing at the end of the scan. */
static bool look_complete(struct look *look)
{
	uint64_t number;

	switch (look->table) {
	case 0:
		return look->next == look->blocks;
	case 1:
		return slot_next(look, &number) == SLOTS;
	default:
		return look->next == (look->blocks % 2 == 1 ? look->blocks : 0);
	}
}

int index_look(struct trial *t, struct tally_store *store, uint64_t space, uint64_t *blocks_r,
	       struct tally_err *err)
{
	struct tally_mark mark, want;

	if (tally_store_mark(store, space, &mark, err) < 0)
		return -1;
	want = mark_of(space, mark.blocks);
	if (!tally_mark_equal(&mark, &want))
		FAIL("the mark of space %" PRIu64 " at %" PRIu64 " was never set", space, mark.blocks);
	for (uint32_t table = 0; table < 3; table++) {
		struct look look = { t, space, table, mark.blocks, 0 };

		if (tally_store_scan(store, space, table, TALLY_BYTES_NONE, TALLY_BYTES_NONE, false,
				     look_pair, &look, err) < 0)
			return -1;
		if (!look_complete(&look))
			FAIL("space %" PRIu64 " table %" PRIu32 " as of block %" PRIu64
			     " ends before key %" PRIu64, space, table, mark.blocks, look.next);
	}
	*blocks_r = mark.blocks;
	return 0;
}

uint64_t index_check(struct trial *t, struct tally_store *store, uint64_t space)
{
	uint64_t blocks;

	MUST(index_look(t, store, space, &blocks, &err));
	return blocks;
}

/* ---- running ---- */

struct tally_run {
	struct trial trial;
	const char *only_wrapping;
	const char *only_case;
	unsigned int passed, failed, skipped;
};

static void child(struct trial *t, const struct conform_case *c)
{
	struct tally_err err;
	char log[600];

	setpgid(0, 0);
	alarm(CASE_SECONDS);
	snprintf(log, sizeof(log), "%s/log", t->directory);
	if (tally_log_open(TALLY_LOG_DEBUG, log, &err) < 0)
		FAIL("%s", err.text);
	t->conf = tally_conf_new();
	t->location = case_place(t, "store");
	c->run(t);
	free(t->location);
	tally_conf_free(&t->conf);
	exit(0);
}

static void print_result(struct tally_run *run, const struct conform_case *c, int status,
			 const char *why, double seconds)
{
	const struct trial *t = &run->trial;
	bool ok = WIFEXITED(status) && WEXITSTATUS(status) == 0;
	bool skip = WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SKIP;
	char label[160];

	snprintf(label, sizeof(label), "%s/%s: %s", t->driver->name, wrapping_names[t->wrapping],
		 c->name);
	if (ok)
		printf("ok - %s (%.2f s)\n", label, seconds);
	else if (skip)
		printf("ok - %s # SKIP %s\n", label, why);
	else if (WIFSIGNALED(status))
		printf("not ok - %s: died of signal %d (%s)\n", label, WTERMSIG(status),
		       WTERMSIG(status) == SIGALRM ? "hangs" : strsignal(WTERMSIG(status)));
	else
		printf("not ok - %s: %s\n", label, why[0] != '\0' ? why : "no reason given");
	if (ok)
		run->passed++;
	else if (skip)
		run->skipped++;
	else
		run->failed++;
	fflush(stdout);
}

static void run_forked(struct tally_run *run, const struct conform_case *c)
{
	const char *tmp = getenv("TMPDIR");
	uint64_t start = tally_mono_ns();
	char directory[300], why[1000];
	size_t size = 0;
	ssize_t got;
	int fds[2], status = 0;
	pid_t pid;

	snprintf(directory, sizeof(directory), "%s/tally-conform-XXXXXX", tmp != NULL ? tmp : "/tmp");
	if (mkdtemp(directory) == NULL || pipe(fds) < 0) {
		perror(directory);
		exit(2);
	}
	pid = fork();
	if (pid == 0) {
		close(fds[0]);
		run->trial.directory = directory;
		run->trial.report_fd = fds[1];
		run->trial.seed = seed_of_name(run->trial.seed, c->name);
		child(&run->trial, c);
	}
	close(fds[1]);
	if (pid < 0 || waitpid(pid, &status, 0) < 0) {
		perror("fork");
		exit(2);
	}
	kill(-pid, SIGKILL);			/* what it may have left running */
	while (size < sizeof(why) - 1 && (got = read(fds[0], why + size, sizeof(why) - 1 - size)) > 0)
		size += (size_t)got;
	why[size] = '\0';
	close(fds[0]);
	tree_remove(directory);
	print_result(run, c, status, why, (double)(tally_mono_ns() - start) / 1e9);
}

static void run_case(struct tally_run *run, const struct conform_case *c)
{
	const struct trial *t = &run->trial;

	if (run->only_case != NULL && strncmp(c->name, run->only_case, strlen(run->only_case)) != 0)
		return;
	if ((c->flags & CASE_PLAIN) && t->wrapping != WRAP_NONE)
		return;
	if ((t->driver->caps & c->needs) != c->needs) {
		printf("ok - %s/%s: %s # SKIP the driver does not promise this\n", t->driver->name,
		       wrapping_names[t->wrapping], c->name);
		run->skipped++;
		return;
	}
	run_forked(run, c);
}

static void run_driver(struct tally_run *run, const struct tally_driver *driver)
{
	static const struct conform_case *const groups[] = {
		block_cases, index_cases, reading_cases, erase_cases, crash_cases, damage_cases,
		format_cases,
	};

	run->trial.driver = driver;
	for (int w = WRAP_NONE; w <= WRAP_FAIL; w++) {
		run->trial.wrapping = (enum wrapping)w;
		if (run->only_wrapping != NULL && strcmp(run->only_wrapping, wrapping_names[w]) != 0)
			continue;
		for (size_t g = 0; g < sizeof(groups) / sizeof(groups[0]); g++) {
			for (const struct conform_case *c = groups[g]; c->name != NULL; c++)
				run_case(run, c);
		}
	}
}

/* Drivers that are modules in this build; one that was not built is none. */
static void run_modules(struct tally_run *run, const char *only)
{
#ifdef TALLY_MODULES
	static const char *const names[] = { "bdb", "flatfile", "example" };
	const char *list = getenv("TALLY_TEST_MODULES");
	char *copy = tally_strdup(list != NULL ? list : ""), *rest = copy, *directory;
	const struct tally_driver *driver;
	struct tally_err err;

	while ((directory = strsep(&rest, ":")) != NULL) {
		for (size_t i = 0; directory[0] != '\0' && i < 3; i++) {
			char path[600];

			snprintf(path, sizeof(path), "%s/%s.so", directory, names[i]);
			if (access(path, R_OK) < 0 || (only[0] != '\0' && strcmp(only, names[i]) != 0))
				continue;
			if (tally_driver_find(names[i], directory, &driver, &err) < 0) {
				printf("not ok - %s: %s\n", names[i], err.text);
				run->failed++;
			} else {
				run_driver(run, driver);
			}
		}
	}
	free(copy);
#else
	(void)run;
	(void)only;
#endif
}

static uint64_t number_from(const char *variable, uint64_t fallback)
{
	const char *text = getenv(variable);

	return text != NULL && text[0] != '\0' ? strtoull(text, NULL, 10) : fallback;
}

int main(int argc, char **argv)
{
	char only[64] = "";
	char *slash;
	struct tally_run run = { .only_case = argc > 2 ? argv[2] : NULL };

	setvbuf(stdout, NULL, _IOLBF, 0);	/* or children would print it again */
	signal(SIGPIPE, SIG_IGN);
	run.trial.seed = number_from("TALLY_TEST_SEED", tally_mono_ns() % 1000000007);
	run.trial.rounds = (unsigned int)number_from("TALLY_TEST_ROUNDS", 20);
	printf("# seed %" PRIu64 " (TALLY_TEST_SEED), %u rounds (TALLY_TEST_ROUNDS)\n", run.trial.seed,
	       run.trial.rounds);
	if (argc > 1)
		snprintf(only, sizeof(only), "%s", argv[1]);
	slash = strchr(only, '/');
	if (slash != NULL) {
		*slash = '\0';
		run.only_wrapping = slash + 1;
	}
	fflush(stdout);
	for (size_t i = 0; tally_builtin_drivers[i] != NULL; i++) {
		if (only[0] == '\0' || strcmp(tally_builtin_drivers[i]->name, only) == 0)
			run_driver(&run, tally_builtin_drivers[i]);
	}
	run_modules(&run, only);
	printf("# %u passed, %u failed, %u skipped\n1..%u\n", run.passed, run.failed, run.skipped,
	       run.passed + run.failed + run.skipped);
	return run.failed > 0 || run.passed == 0;
}
