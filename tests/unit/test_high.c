/*
 * The high-water file between processes: what one signed the others learn; nothing that was written
 * is lost, whoever writes at the same time, and whenever one is killed.
 */
#include "config.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "core_private.h"
#include "tap.h"

static struct tally_err err;
static char dir[64], path[128], key[128];

static struct tally_hash root_of(uint64_t size, uint8_t history)
{
	struct tally_hash root = { { history } };

	tally_put_u64(root.bytes + 8, size);
	return root;
}

static struct tally_high *open_high(void)
{
	struct tally_high *high = NULL;

	if (tally_high_open(path, key, &high, &err) != 0)
		FAIL("%s", err.text);
	return high;
}

static void put(struct tally_high *high, const char *origin, uint64_t size, uint8_t history)
{
	struct tally_hash root = root_of(size, history);

	tally_high_put(high, origin, size, &root);
}

static void write_high(struct tally_high *high)
{
	CHECK_OK(tally_high_write(high, &err));
}

/* The marks as "size:history size:history". */
static const char *marks_of(struct tally_high *high, const char *origin)
{
	static char text[128];
	struct tally_high_mark marks[2];
	size_t count = tally_high_get(high, origin, marks), used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < count; i++)
		used += (size_t)sprintf(text + used, "%s%" PRIu64 ":%d", i > 0 ? " " : "",
					marks[i].size, marks[i].root.bytes[0]);
	return text;
}

static void begin(void)
{
	unlink(path);
}

/* ---- two in turn ---- */

static void marks_are_written_and_read(void)
{
	struct tally_high *high;

	begin();
	high = open_high();
	CHECK_STR(marks_of(high, "a"), "");
	put(high, "a", 10, 1);
	put(high, "a", 9, 1);
	put(high, "b", 3, 1);
	CHECK_STR(marks_of(high, "a"), "10:1");
	tally_high_close(&high);
	high = open_high();
	CHECK_STR(marks_of(high, "a"), "10:1");
	CHECK_STR(marks_of(high, "b"), "3:1");
	tally_high_close(&high);
}

static void what_others_sign_is_learned(void)
{
	struct tally_high *one, *two;
	uint64_t before;

	begin();
	one = open_high();
	two = open_high();
	put(one, "a", 10, 1);
	write_high(one);
	CASE("a larger one");
	before = tally_high_generation(two);
	CHECK_OK(tally_high_refresh(two, &err));
	CHECK_STR(marks_of(two, "a"), "10:1");
	CHECK(tally_high_generation(two) != before);
	CASE("nothing new");
	before = tally_high_generation(two);
	CHECK_OK(tally_high_refresh(two, &err));
	CHECK(tally_high_generation(two) == before);
	CASE("one's own");
	before = tally_high_generation(one);
	CHECK_OK(tally_high_refresh(one, &err));
	CHECK(tally_high_generation(one) == before);
	CASE("a smaller one of another history must be held too");
	put(two, "a", 20, 2);
	put(one, "a", 15, 1);
	write_high(one);
	write_high(two);
	CHECK_STR(marks_of(two, "a"), "20:2 15:1");
	CASE("and the other learns of the larger one");
	CHECK_OK(tally_high_refresh(one, &err));
	CHECK_STR(marks_of(one, "a"), "20:2");
	CASE("the same size and another root");
	put(one, "b", 5, 1);
	put(two, "b", 5, 2);
	write_high(one);
	before = tally_high_generation(two);
	write_high(two);
	CHECK_STR(marks_of(two, "b"), "5:1");
	CHECK(tally_high_generation(two) != before);
	tally_high_close(&one);
	tally_high_close(&two);
}

static void evidence_raises_the_mark(void)
{
	struct tally_hash root = root_of(5, 9);
	struct tally_high *high;
	uint64_t before;

	begin();
	high = open_high();
	put(high, "a", 5, 1);
	before = tally_high_generation(high);
	tally_high_evidence(high, "a", 5, &root);
	CHECK_STR(marks_of(high, "a"), "5:9");
	CHECK(tally_high_generation(high) != before);
	tally_high_close(&high);
	high = open_high();
	CHECK_STR(marks_of(high, "a"), "5:9");
	put(high, "a", 7, 1);
	root = root_of(6, 9);
	tally_high_evidence(high, "a", 6, &root);
	CHECK_STR(marks_of(high, "a"), "7:1 6:9");
	tally_high_close(&high);
}

static void what_is_forgotten_stays_so(void)
{
	struct tally_high *one, *two;

	begin();
	one = open_high();
	put(one, "a", 10, 1);
	put(one, "b", 10, 1);
	write_high(one);
	two = open_high();
	tally_high_forget(two, "a");
	CHECK_STR(marks_of(two, "a"), "");
	write_high(two);
	CHECK_STR(marks_of(two, "a"), "");
	CHECK_OK(tally_high_refresh(two, &err));
	CHECK_STR(marks_of(two, "a"), "");
	CHECK_STR(marks_of(two, "b"), "10:1");
	put(two, "a", 4, 2);
	tally_high_close(&two);
	two = open_high();
	CHECK_STR(marks_of(two, "a"), "4:2");
	tally_high_close(&two);
	tally_high_close(&one);
}

static void damage_is_told(void)
{
	static const char *const wrong[] = { "a\n", "a x y\n", "a 5 12\n", "\n", "a 5\n" };
	struct tally_high *high;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		FILE *file = fopen(path, "w");

		CASE("%s", wrong[i]);
		fputs(wrong[i], file);
		fclose(file);
		CHECK_FAILS(tally_high_open(path, key, &high, &err), TALLY_CORRUPT);
	}
}

/* ---- many at once ---- */

enum { PROCESSES = 6, STEPS = 60 };

static void signer(int number)
{
	struct tally_high *high = open_high();
	char origin[16];

	snprintf(origin, sizeof(origin), "log%d", number);
	for (uint64_t i = 1; i <= STEPS; i++) {
		put(high, origin, i, (uint8_t)number);
		put(high, "common", i * PROCESSES + (uint64_t)number, 7);
		if (tally_high_write(high, &err) != 0)
			_exit(1);
	}
	tally_high_close(&high);
	_exit(0);
}

static void nobodys_marks_are_lost(void)
{
	pid_t pids[PROCESSES];
	struct tally_high *high;
	char origin[16], want[32];
	int status;

	begin();
	for (int i = 0; i < PROCESSES; i++)
		if ((pids[i] = fork()) == 0)
			signer(i);
	for (int i = 0; i < PROCESSES; i++) {
		CHECK(waitpid(pids[i], &status, 0) == pids[i]);
		CHECK_INT(status, 0);
	}
	high = open_high();
	for (int i = 0; i < PROCESSES; i++) {
		snprintf(origin, sizeof(origin), "log%d", i);
		snprintf(want, sizeof(want), "%d:%d", STEPS, i);
		CHECK_STR(marks_of(high, origin), want);
	}
	snprintf(want, sizeof(want), "%d:7", STEPS * PROCESSES + PROCESSES - 1);
	CHECK_STR(marks_of(high, "common"), want);
	tally_high_close(&high);
}

static void killed_nothing_written_is_lost(void)
{
	const char *rounds_text = getenv("TALLY_TEST_ROUNDS");
	int rounds = rounds_text != NULL ? atoi(rounds_text) : 20;
	unsigned int seed = (unsigned int)tally_now_ms();
	uint64_t size = 0;

	begin();
	printf("# killed_nothing_written_is_lost: seed %u\n", seed);
	srandom(seed);
	for (int round = 0; round < rounds; round++) {
		struct tally_high_mark marks[2];
		struct tally_high *high;
		uint64_t acknowledged = size;
		int pipes[2], status;
		pid_t pid;

		CASE("round %d, seed %u", round, seed);
		REQUIRE(pipe(pipes) == 0);
		pid = fork();
		if (pid == 0) {
			high = open_high();
			for (uint64_t i = size + 1;; i++) {
				put(high, "a", i, 1);
				if (tally_high_write(high, &err) != 0 ||
				    write(pipes[1], &i, sizeof(i)) != sizeof(i))
					_exit(1);
			}
		}
		close(pipes[1]);
		CHECK(read(pipes[0], &acknowledged, sizeof(acknowledged)) == sizeof(acknowledged));
		usleep((useconds_t)(random() % 20000));
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		while (read(pipes[0], &acknowledged, sizeof(acknowledged)) == sizeof(acknowledged))
			continue;
		close(pipes[0]);
		high = open_high();
		CHECK_INT(tally_high_get(high, "a", marks), 1);
		CHECK(marks[0].size == acknowledged || marks[0].size == acknowledged + 1);
		size = marks[0].size;
		tally_high_close(&high);
	}
}

int main(void)
{
	char command[128];
	int fd;

	snprintf(dir, sizeof(dir), "/tmp/tally-high-XXXXXX");
	if (mkdtemp(dir) == NULL)
		return 99;
	snprintf(path, sizeof(path), "%s/key.high", dir);
	snprintf(key, sizeof(key), "%s/key", dir);
	fd = open(key, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	close(fd);
	TEST(marks_are_written_and_read);
	TEST(what_others_sign_is_learned);
	TEST(evidence_raises_the_mark);
	TEST(what_is_forgotten_stays_so);
	TEST(damage_is_told);
	TEST(nobodys_marks_are_lost);
	TEST(killed_nothing_written_is_lost);
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	if (system(command) != 0)
		return 99;
	return tap_done();
}
