/*
 * Writers that are killed at random instants: kill [DRIVER [ROUNDS]], by default every built-in
 * driver that is durable, TALLY_TEST_ROUNDS or 20 rounds each. A child appends, erases, applies,
 * scrubs and maintains until a timer of its own kills it with SIGKILL; then what it had told before
 * must be there, and the next child goes on with the same store.
 */
#include "config.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "crash.h"

/* A store that is full enough is followed by a fresh one. */
#define STORE_BLOCKS 1200

/* Runs the child's clock: it dies when it has been alive for so long, whatever it does. */
static void die_after(uint64_t ns)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL };
	const struct itimerspec when = { .it_value = { (time_t)(ns / 1000000000u),
						       (long)(ns % 1000000000u) } };
	timer_t timer;

	if (timer_create(CLOCK_MONOTONIC, &event, &timer) != 0 ||
	    timer_settime(timer, 0, &when, NULL) != 0) {
		perror("timer");
		_exit(1);
	}
}

static void note(void *ctx, const struct crash_note *note_)
{
	crash_floor_note(ctx, note_);
}

/* 0: it was killed as it should, or finished before. */
static int run_child(const struct tally_driver *driver, const char *location, uint64_t seed, struct crash_floor *floor)
{
	uint64_t random = seed;
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		const struct crash_writer writer = { .driver = driver, .location = location,
						     .create = !floor->opened, .seed = seed, .note = note,
						     .ctx = floor };

		die_after(1000 * (500 + crash_below(&random, 200000)));
		_exit(crash_write(&writer, 1000000));
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid) {
		perror("child");
		return -1;
	}
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL ? 0 : -1;
}

static bool is_full(const struct crash_floor *floor)
{
	for (uint32_t space = 0; space < CRASH_SPACES; space++) {
		if (floor->acked[space] > STORE_BLOCKS)
			return true;
	}
	return false;
}

static int verify(const struct tally_driver *driver, const char *location,
		  struct crash_floor *floor)
{
	struct tally_err err = { 0 };

	if (crash_verify(driver, location, NULL, floor, &err) == 0)
		return 0;
	fprintf(stderr, "# %s (%s)\n", err.text, tally_code_name(err.code));
	return -1;
}

static int kill_driver(const struct tally_driver *driver, unsigned int rounds, uint64_t seed)
{
	char *directory = crash_directory("kill");
	struct crash_floor *floor = mmap(NULL, sizeof(*floor), PROT_READ | PROT_WRITE,
					 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t random = seed, blocks = 0;
	unsigned int round, stores = 0;
	char location[400] = "";
	bool fresh = true;
	int ret = 0;

	for (round = 0; round < rounds && ret == 0; round++) {
		if (fresh) {
			memset(floor, 0, sizeof(*floor));
			snprintf(location, sizeof(location), "%s/store%u", directory, stores++);
		}
		ret = run_child(driver, location, crash_random(&random), floor);
		if (ret == 0)
			ret = verify(driver, location, floor);
		fresh = is_full(floor);
		if (fresh || round + 1 == rounds) {
			for (uint32_t space = 0; space < CRASH_SPACES; space++)
				blocks += floor->acked[space];
		}
	}
	printf("%sok - %s: %u rounds of SIGKILL, %u stores, %" PRIu64 " blocks acknowledged\n",
	       ret == 0 ? "" : "not ", driver->name, round, stores, blocks);
	if (ret == 0)
		crash_remove(directory);
	else
		printf("# the store is left in %s\n", location);
	munmap(floor, sizeof(*floor));
	free(directory);
	return ret;
}

int main(int argc, char **argv)
{
	unsigned int rounds = argc > 2 ? (unsigned int)strtoul(argv[2], NULL, 10) : crash_rounds();
	const uint32_t needs = TALLY_CAP_BLOCKS | TALLY_CAP_INDEX | TALLY_CAP_DURABLE | TALLY_CAP_LOCAL;
	uint64_t seed = crash_seed();
	struct tally_err err;
	unsigned int run = 0;
	int failed = 0;

	tally_log_open(TALLY_LOG_ERROR, NULL, &err);
	printf("# seed %" PRIu64 " (TALLY_TEST_SEED), %u rounds (TALLY_TEST_ROUNDS)\n", seed, rounds);
	for (size_t i = 0; tally_builtin_drivers[i] != NULL; i++) {
		const struct tally_driver *driver = tally_builtin_drivers[i];

		if (argc > 1 && strcmp(argv[1], driver->name) != 0)
			continue;
		if ((driver->caps & needs) != needs)
			continue;
		failed += kill_driver(driver, rounds, seed) < 0;
		run++;
	}
	printf("1..%u\n", run);
	return failed > 0;
}
