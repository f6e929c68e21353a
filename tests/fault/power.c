/*
 * Simulated power cuts. A child writes to a store while everything it does to files is recorded;
 * it kills itself at some operation. From the trace come images of the medium: as a power cut at
 * some instant might have left it. Each is opened and held against what had been acknowledged, or
 * shown, until then. The next life goes on either with the files as they are (the process alone
 * had died, so what it wrote still counts, synced or not) or with one of the images.
 */
#include "config.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crash.h"
#include "medium.h"
#include "power.h"
#include "record.h"

#define IMAGES_PER_LIFE 6
#define SECONDS 120			/* for opening one image: then it hangs */

struct power {
	const struct tally_driver *driver;
	struct tally_conf *conf;
	char *base;			/* base/live/store is the store, base/image/store an image */
	char live[400], image[400], trace[400];
	uint64_t random;
	struct medium *medium;
	struct crash_floor floor;
	unsigned int lives, kills, images, empty, cuts[CUT_KINDS];
};

/* ---- lives ---- */

static void note(void *ctx, const struct crash_note *note_)
{
	(void)ctx;
	record_note(note_, sizeof(*note_));
}

static int live(struct power *power)
{
	uint64_t seed = crash_random(&power->random), die_at;
	char location[500];
	int status;
	pid_t pid;

	die_at = 1 + crash_below(&power->random, crash_below(&power->random, 3) == 0 ? 60 : 2500);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		const struct crash_writer writer = { .driver = power->driver, .location = location,
						     .conf = power->conf, .seed = seed, .note = note,
						     .create = !power->floor.opened };
		int fd = open(power->trace, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);

		if (fd < 0)
			_exit(1);
		snprintf(location, sizeof(location), "%s/store", power->live);
		alarm(SECONDS);
		record_begin(power->live, fd, die_at);
		_exit(crash_write(&writer, 50 + crash_below(&seed, 600)));
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	power->lives++;
	power->kills += WIFSIGNALED(status);
	if ((WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) ||
	    (WIFEXITED(status) && WEXITSTATUS(status) == 0))
		return 0;
	fprintf(stderr, "# the writer ended with status %x\n", status);
	return -1;
}

/* ---- images ---- */

/* In a child: a driver that crashes or hangs over an image has failed, not the test. */
static int open_image(struct power *power)
{
	char location[500];
	int status;
	pid_t pid;

	snprintf(location, sizeof(location), "%s/store", power->image);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		struct tally_err err = { 0 };

		alarm(SECONDS);
		if (crash_verify(power->driver, location, power->conf, &power->floor, &err) == 0)
			_exit(0);
		fprintf(stderr, "# %s (%s)\n", err.text, tally_code_name(err.code));
		_exit(1);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	if (status != 0 && WIFSIGNALED(status))
		fprintf(stderr, "# signal %d over an image\n", WTERMSIG(status));
	return status == 0 ? 0 : -1;
}

static int make_image(struct power *power, enum medium_cut *cut_r)
{
	static const enum medium_cut often[] = { CUT_NOTHING_UNSYNCED, CUT_ALL, CUT_ORDERED,
						 CUT_PAGES, CUT_PAGES, CUT_PAGES };

	*cut_r = often[crash_below(&power->random, sizeof(often) / sizeof(*often))];
	crash_remove(power->image);
	if (mkdir(power->image, 0700) != 0)
		return -1;
	medium_image(power->medium, *cut_r, &power->random, power->image);
	power->images++;
	power->cuts[*cut_r]++;
	power->empty += !power->floor.opened;
	return 0;
}

static int try_image(struct power *power, uint64_t event)
{
	uint64_t before = power->random;
	enum medium_cut cut;
	char again[900];

	if (make_image(power, &cut) < 0)
		return -1;
	if (open_image(power) == 0)
		return 0;
	/* Opening has changed the image: make it once more for whoever looks into it. */
	power->random = before;
	make_image(power, &cut);
	snprintf(again, sizeof(again), "%s.bad", power->image);
	crash_remove(again);
	if (rename(power->image, again) == 0)
		fprintf(stderr, "# image %s: life %u, event %" PRIu64 ", cut %d\n", again,
			power->lives, event, (int)cut);
	return -1;
}

/* ---- the trace of one life ---- */

static bool read_event(FILE *trace, struct trace_event *event, struct tally_buf *data)
{
	if (fread(event, sizeof(*event), 1, trace) != 1)
		return false;
	tally_buf_clear(data);
	tally_buf_reserve(data, event->size + 1);
	data->size = event->size;
	return event->size == 0 || fread(data->data, event->size, 1, trace) == 1;
}

static uint64_t count_events(const char *path)
{
	FILE *trace = fopen(path, "r");
	struct tally_buf data = { 0 };
	struct trace_event event;
	uint64_t count = 0;

	while (trace != NULL && read_event(trace, &event, &data))
		count++;
	if (trace != NULL)
		fclose(trace);
	tally_buf_free(&data);
	return count;
}

/* Replays the life, stopping here and there for an image. */
static int replay(struct power *power)
{
	uint64_t events = count_events(power->trace), at = 0;
	FILE *trace = fopen(power->trace, "r");
	struct tally_buf data = { 0 };
	struct trace_event event;
	int ret = 0;

	if (trace == NULL)
		return -1;
	medium_next_process(power->medium);
	while (ret == 0 && read_event(trace, &event, &data)) {
		if (crash_below(&power->random, events / IMAGES_PER_LIFE + 1) == 0)
			ret = try_image(power, at);
		if (event.kind == TRACE_NOTE)
			crash_floor_note(&power->floor, (const struct crash_note *)data.data);
		else
			medium_replay(power->medium, &event, data.data);
		at++;
	}
	fclose(trace);
	tally_buf_free(&data);
	return ret;
}

/* The power goes off, and the medium is what the next life finds. */
static int cut_power(struct power *power)
{
	enum medium_cut cut;

	if (make_image(power, &cut) < 0)
		return -1;
	crash_remove(power->live);
	if (rename(power->image, power->live) != 0)
		return -1;
	medium_load(power->medium, power->live);
	return 0;
}

static int one_store(struct power *power)
{
	unsigned int lives = 2 + (unsigned int)crash_below(&power->random, 4);
	int ret = 0;

	memset(&power->floor, 0, sizeof(power->floor));
	crash_remove(power->live);
	if (mkdir(power->live, 0700) != 0)
		return -1;
	medium_load(power->medium, power->live);
	for (unsigned int i = 0; i < lives && ret == 0; i++) {
		ret = live(power);
		if (ret == 0)
			ret = replay(power);
		if (ret == 0)
			ret = try_image(power, UINT64_MAX);
		if (ret == 0 && crash_below(&power->random, 2) == 0)
			ret = cut_power(power);
	}
	return ret;
}

int power_test(const char *driver, const struct power_setting *settings, int argc, char **argv)
{
	unsigned int rounds = argc > 1 ? (unsigned int)strtoul(argv[1], NULL, 10) : crash_rounds();
	struct power *power = tally_calloc(1, sizeof(*power));
	uint64_t seed = crash_seed();
	unsigned int round;
	struct tally_err err;
	int ret = 0;

	tally_log_open(TALLY_LOG_ERROR, NULL, &err);
	printf("# seed %" PRIu64 " (TALLY_TEST_SEED), %u rounds (TALLY_TEST_ROUNDS)\n", seed, rounds);
	if (tally_driver_find(driver, NULL, &power->driver, &err) < 0) {
		printf("1..0 # SKIP %s\n", err.text);
		return 77;
	}
	power->conf = tally_conf_new();
	for (; settings->key != NULL; settings++)
		tally_conf_override(power->conf, driver, settings->key, settings->value);
	power->base = crash_directory("power");
	snprintf(power->live, sizeof(power->live), "%s/live", power->base);
	snprintf(power->image, sizeof(power->image), "%s/image", power->base);
	snprintf(power->trace, sizeof(power->trace), "%s/trace", power->base);
	power->random = seed;
	power->medium = medium_new();
	for (round = 0; round < rounds && ret == 0; round++)
		ret = one_store(power);
	printf("%sok - %s: %u stores, %u lives (%u killed), %u images (%u before there was a store; "
	       "%u synced only, %u all, %u ordered, %u by page)\n1..1\n", ret == 0 ? "" : "not ", driver,
	       round, power->lives, power->kills, power->images, power->empty,
	       power->cuts[CUT_NOTHING_UNSYNCED], power->cuts[CUT_ALL], power->cuts[CUT_ORDERED],
	       power->cuts[CUT_PAGES]);
	if (ret == 0)
		crash_remove(power->base);
	medium_free(power->medium);
	tally_conf_free(&power->conf);
	free(power->base);
	free(power);
	return ret < 0;
}
