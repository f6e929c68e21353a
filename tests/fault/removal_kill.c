/*
 * A removal whose process is killed: between the order and the erasing, between that and the
 * certificate, and at random times while one order follows another. Whoever opens the ledger next
 * finishes: of what was ordered no byte is left in any file of the store, and each order has one
 * certificate; what was not ordered is all there. On each durable driver.
 *
 * TALLY_TEST_ROUNDS sets the number of random kills (default 12), TALLY_TEST_SEED repeats a run.
 */
#include "config.h"

#include "core_private.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tap.h"

enum { FIRST = 1, JOURNALS = 120 };	/* journals FIRST .. FIRST + JOURNALS - 1 have payloads */

struct ground {
	char directory[200];
	char store[256];
	const char *driver;
	struct tally_conf *conf;
	struct tally_first_key first;
	struct tally_ledger_created ledger;
	uint8_t salts[FIRST + JOURNALS][TALLY_SALT_SIZE];
	bool removed[FIRST + JOURNALS];	/* as of the last look */
	unsigned int seed;
};

static struct tally_err err;

static struct tally_bytes id_of(const struct ground *ground)
{
	return tally_bytes_str(ground->ledger.ledger_id);
}

static struct tally_write owner(const struct ground *ground)
{
	return (struct tally_write){ .caller = { .account = ground->first.account } };
}

static struct tally_bytes payload_of(const struct ground *ground, uint64_t journal, char text[128])
{
	int size = snprintf(text, 128, "payload %" PRIu64 " of seed %u, which is not to be found",
			    journal, ground->seed);

	return tally_bytes(text, (size_t)size);
}

static struct tally_core *open_core(const struct ground *ground, bool short_lived)
{
	struct tally_core_options options = { .conf = ground->conf, .short_lived = short_lived };
	struct tally_core *core = NULL;

	if (tally_core_open(&options, &core, &err) != 0)
		FAIL("open: %s", err.text);
	return core;
}

static int occult(struct tally_core *core, const struct ground *ground, uint64_t journal)
{
	struct tally_write write = owner(ground);

	return tally_journal_occult(core, &write, id_of(ground), journal, TALLY_BYTES_NONE, NULL,
				    &err);
}

/* ---- every byte of every file ---- */

static struct {
	const struct ground *ground;
	unsigned int found[FIRST + JOURNALS];	/* files that hold payload or salt */
	bool failed;
} search;

static int look(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	size_t size = (size_t)st->st_size, have = 0;
	uint8_t *bytes;
	ssize_t got = 1;
	char text[128];
	int fd;

	(void)ftw;
	if (type != FTW_F || !S_ISREG(st->st_mode))
		return 0;
	bytes = tally_malloc(size + 1);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && have < size && got > 0) {
		got = read(fd, bytes + have, size - have);
		have += got > 0 ? (size_t)got : 0;
	}
	search.failed |= fd < 0 || got < 0;
	if (fd >= 0)
		close(fd);
	for (uint64_t i = FIRST; i < FIRST + JOURNALS; i++) {
		struct tally_bytes payload = payload_of(search.ground, i, text);

		search.found[i] +=
			memmem(bytes, have, payload.data, payload.size) != NULL ||
			memmem(bytes, have, search.ground->salts[i], TALLY_SALT_SIZE) != NULL;
	}
	free(bytes);
	return 0;
}

static void search_files(const struct ground *ground)
{
	memset(&search, 0, sizeof(search));
	search.ground = ground;
	CHECK(nftw(ground->store, look, 16, FTW_PHYS) == 0 && !search.failed);
}

/* ---- making and looking ---- */

static bool fill(struct ground *ground)
{
	struct tally_ledger_create create = { .name = TALLY_BYTES_LIT("ledger"),
					      .removal_policy = REMOVAL_ADMIN };
	struct tally_core *core = open_core(ground, true);
	struct tally_write write = owner(ground);
	struct tally_append_result result;
	struct tally_arena arena = { 0 };
	struct tally_journal journal;
	char text[128];

	if (core == NULL)
		return false;
	CHECK_OK(tally_ledger_create(core, &write, &create, &ground->ledger, &err));
	for (uint64_t i = FIRST; i < FIRST + JOURNALS && !tap.bad; i++) {
		struct tally_entry entry = { .payload = payload_of(ground, i, text) };

		CHECK_OK(tally_append(core, &write, id_of(ground), &entry, 1, true, &result, &err));
		CHECK_INT(tally_journal_get(core, id_of(ground), i, &arena, &journal, &err), 1);
		memcpy(ground->salts[i], journal.salt, TALLY_SALT_SIZE);
	}
	tally_arena_free(&arena);
	tally_core_close(&core);
	return !tap.bad;
}

static bool begin(struct ground *ground, const char *driver)
{
	struct tally_core_options options = { .short_lived = true };
	const char *seed = getenv("TALLY_TEST_SEED"), *tmp = getenv("TMPDIR");

	memset(ground, 0, sizeof(*ground));
	ground->driver = driver;
	ground->seed = seed != NULL ? (unsigned int)atoi(seed) : (unsigned int)time(NULL);
	snprintf(ground->directory, sizeof(ground->directory), "%.150s/tally-removal-XXXXXX",
		 tmp != NULL ? tmp : "/tmp");
	if (mkdtemp(ground->directory) == NULL) {
		FAIL("%s: %s", ground->directory, strerror(errno));
		return false;
	}
	snprintf(ground->store, sizeof(ground->store), "%s/store", ground->directory);
	ground->conf = tally_conf_new();
	tally_conf_override(ground->conf, "store", "path", ground->store);
	tally_conf_override(ground->conf, "store", "driver", driver);
	options.conf = ground->conf;
	printf("# %s, seed %u\n", driver, ground->seed);
	srand(ground->seed);
	if (tally_core_init(&options, NULL, &ground->first, &err) == 0)
		return fill(ground);
	FAIL("init: %s", err.text);
	return false;
}

static void end(struct ground *ground)
{
	char command[300];

	tally_conf_free(&ground->conf);
	snprintf(command, sizeof(command), "rm -r '%s'", ground->directory);
	if (system(command) != 0)
		printf("# %s stays\n", ground->directory);
}

/* One order of one journal, and what certifies it, once. */
static void check_certified(struct tally_core *core, const struct ground *ground, uint64_t journal)
{
	struct tally_journal_query query = { .payload_type = TALLY_BYTES_LIT("OCCULT"),
					     .end_id = UINT64_MAX, .end_ms = UINT64_MAX,
					     .limit = 4 * JOURNALS };
	struct tally_journal_page page = { 0 };
	unsigned int orders = 0, certificates = 0;
	struct tally_erasure erasure = { 0 };
	struct tally_arena arena = { 0 };

	CHECK_INT(tally_erasure_get(core, id_of(ground), journal, &arena, &erasure, &err), 1);
	CHECK(erasure.certified);
	CHECK_OK(tally_journal_list(core, id_of(ground), &query, &arena, &page, &err));
	for (size_t i = 0; i < page.count; i++) {
		struct tally_record record = { .fields = page.journals[i].fields,
					       .field_count = (uint8_t)page.journals[i].field_count };

		if (tally_field_number(&record, "journalId", UINT64_MAX) != journal)
			continue;
		if (tally_field_number(&record, "erased", 0) != 0)
			certificates++;
		else
			orders++;
	}
	CHECK_INT(orders, 1);
	CHECK_INT(certificates, 1);
	tally_arena_free(&arena);
}

/* Opens and closes the ledger, as the next process does; then all that was ordered is gone. */
static void look_at(struct ground *ground)
{
	struct tally_core *core = open_core(ground, true);
	struct tally_arena arena = { 0 };
	struct tally_journal journal;
	char text[128];

	REQUIRE(core != NULL);
	CHECK_INT(tally_journal_get(core, id_of(ground), 0, &arena, &journal, &err), 1);
	tally_core_close(&core);
	core = open_core(ground, true);
	REQUIRE(core != NULL);
	for (uint64_t i = FIRST; i < FIRST + JOURNALS && !tap.bad; i++) {
		CHECK_INT(tally_journal_get(core, id_of(ground), i, &arena, &journal, &err), 1);
		CHECK(journal.removed || !ground->removed[i]);
		ground->removed[i] = journal.removed;
		if (journal.removed)
			check_certified(core, ground, i);
		else
			CHECK_BYTES(journal.payload, payload_of(ground, i, text));
	}
	CHECK_OK(tally_core_check(core, TALLY_BYTES_NONE, NULL, NULL, &err));
	tally_core_close(&core);
	tally_arena_free(&arena);
	search_files(ground);
	for (uint64_t i = FIRST; i < FIRST + JOURNALS && !tap.bad; i++)
		if ((search.found[i] > 0) == ground->removed[i])
			FAIL("journal %" PRIu64 " is %sremoved, and in %u files", i,
			     ground->removed[i] ? "" : "not ", search.found[i]);
}

/* ---- killed at a place ---- */

/* Runs in a child, which kills itself or is killed. */
static void killed(void (*run)(struct ground *ground, int out), struct ground *ground,
		   unsigned int after_us, uint64_t *last_r)
{
	struct timespec pause = { 0, (long)after_us * 1000 };
	int ends[2], status;
	uint64_t journal;
	pid_t child;

	REQUIRE(pipe(ends) == 0);
	fflush(NULL);
	child = fork();
	REQUIRE(child >= 0);
	if (child == 0) {
		close(ends[0]);
		run(ground, ends[1]);
		_exit(7);
	}
	close(ends[1]);
	if (after_us > 0) {
		nanosleep(&pause, NULL);
		kill(child, SIGKILL);
	}
	while (read(ends[0], &journal, sizeof(journal)) == sizeof(journal))
		if (last_r != NULL)
			*last_r = journal;
	close(ends[0]);
	CHECK_INT(waitpid(child, &status, 0), child);
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		FAIL("the child ended with %d instead of being killed", status);
}

/* The order is durable; nothing is zero yet, since who would do it does not get the lock. */
static void die_before_erasing(struct ground *ground, int out)
{
	struct tally_core *core = open_core(ground, true);
	struct tally_space *space;

	(void)out;
	if (core == NULL || tally_space_of_ledger(core, id_of(ground), &space, &err) != 1)
		_exit(2);
	pthread_mutex_lock(&space->erase);
	if (occult(core, ground, FIRST) == 0)
		kill(getpid(), SIGKILL);
}

/* It is zero where it stood; nothing was scrubbed. */
static void die_before_the_scrub(struct ground *ground, int out)
{
	struct tally_core *core = open_core(ground, true);

	(void)out;
	if (core != NULL && occult(core, ground, FIRST + 1) == 0)
		kill(getpid(), SIGKILL);
}

/* The same with index tables that know of the order, so that no block is read again. */
static void die_indexed(struct tally_core *core, struct tally_space *space, uint64_t journal,
			struct ground *ground)
{
	if (occult(core, ground, journal) == 0 && tally_space_flush(space, &err) == 0 &&
	    tally_store_sync_index(core->index, &err) == 0)
		kill(getpid(), SIGKILL);
}

static void die_before_erasing_indexed(struct ground *ground, int out)
{
	struct tally_core *core = open_core(ground, true);
	struct tally_space *space;

	(void)out;
	if (core == NULL || tally_space_of_ledger(core, id_of(ground), &space, &err) != 1)
		_exit(2);
	pthread_mutex_lock(&space->erase);
	die_indexed(core, space, FIRST + 3, ground);
}

static void die_before_the_scrub_indexed(struct ground *ground, int out)
{
	struct tally_core *core = open_core(ground, true);
	struct tally_space *space;

	(void)out;
	if (core == NULL || tally_space_of_ledger(core, id_of(ground), &space, &err) != 1)
		_exit(2);
	die_indexed(core, space, FIRST + 4, ground);
}

/* It is scrubbed, and no journal says so: the queue takes no more. */
static void die_before_the_certificate(struct ground *ground, int out)
{
	struct tally_core *core = open_core(ground, true);

	(void)out;
	if (core == NULL || occult(core, ground, FIRST + 2) != 0)
		_exit(2);
	core->stop = true;
	if (tally_core_maintain(core, &err) != 0 && err.code == TALLY_BUSY)
		kill(getpid(), SIGKILL);
}

static void killed_at_its_worst_places(const char *driver)
{
	static const struct {
		const char *what;
		void (*run)(struct ground *ground, int out);
		bool is_there;		/* the payload, still, when it was killed */
	} places[] = {
		{ "before erasing", die_before_erasing, true },
		{ "before the scrub", die_before_the_scrub, false },
		{ "before the certificate", die_before_the_certificate, false },
		{ "before erasing, indexed", die_before_erasing_indexed, true },
		{ "before the scrub, indexed", die_before_the_scrub_indexed, false },
	};
	struct ground ground;

	REQUIRE(begin(&ground, driver));
	for (size_t i = 0; i < sizeof(places) / sizeof(*places) && !tap.bad; i++) {
		CASE("%s, seed %u", places[i].what, ground.seed);
		killed(places[i].run, &ground, 0, NULL);
		search_files(&ground);
		CHECK(search.found[FIRST + i] > 0 || !places[i].is_there);
		look_at(&ground);
		CHECK(ground.removed[FIRST + i]);
		CHECK(!ground.removed[FIRST + i + 1]);
	}
	end(&ground);
}

/* ---- killed at random ---- */

/* A server that gets one order after the other, and reports those it acknowledged. */
static void order_one_by_one(struct ground *ground, int out)
{
	struct tally_core *core = open_core(ground, false);

	for (uint64_t i = FIRST; core != NULL && i < FIRST + JOURNALS; i++) {
		if (ground->removed[i])
			continue;
		if (occult(core, ground, i) != 0 || write(out, &i, sizeof(i)) != sizeof(i))
			_exit(3);
		if (i % 5 == 0 && tally_core_maintain(core, &err) != 0)
			_exit(4);
	}
	for (;;)
		pause();
}

static void killed_at_random(const char *driver)
{
	const char *given = getenv("TALLY_TEST_ROUNDS");
	int rounds = given != NULL ? atoi(given) : 12;
	uint64_t last = 0, ordered = 0;
	struct ground ground;

	REQUIRE(begin(&ground, driver));
	for (int round = 0; round < rounds && !tap.bad; round++) {
		CASE("seed %u, round %d", ground.seed, round);
		killed(order_one_by_one, &ground, 1000 + (unsigned int)rand() % 120000, &last);
		look_at(&ground);
		for (uint64_t i = FIRST; i <= last; i++)	/* what was acknowledged */
			CHECK(ground.removed[i]);
	}
	for (uint64_t i = FIRST; i < FIRST + JOURNALS; i++)
		ordered += ground.removed[i];
	printf("# %s: %" PRIu64 " of %d removed\n", driver, ordered, JOURNALS);
	CHECK(ordered > 0);
	end(&ground);
}

static const char *at_hand;

static void at_its_worst_places(void)
{
	killed_at_its_worst_places(at_hand);
}

static void at_random(void)
{
	killed_at_random(at_hand);
}

int main(void)
{
	bool any = false;

	for (size_t i = 0; tally_builtin_drivers[i] != NULL; i++) {
		if ((tally_builtin_drivers[i]->caps & TALLY_CAP_DURABLE) == 0)
			continue;
		any = true;
		at_hand = tally_builtin_drivers[i]->name;
		TEST(at_its_worst_places);
		TEST(at_random);
	}
	if (!any)
		printf("ok - removal # SKIP no durable driver is built in\n1..1\n");
	return any ? tap_done() : 0;
}
