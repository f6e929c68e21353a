/* Clients at work; see bench_work.h. */
#include "config.h"

#include "bench_work.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>

#include <json-c/json.h>

#include "arena.h"
#include "clock.h"

#define LATENCY_MAX (1u << 20)		/* of one thread; beyond, every second one is dropped */

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal)
{
	(void)signal;
	interrupted = 1;
}

void bench_catch_interrupts(void)
{
	signal(SIGINT, on_interrupt);
	signal(SIGTERM, on_interrupt);
}

bool bench_interrupted(void)
{
	return interrupted;
}

bool bench_goes_on(const struct worker *worker, uint64_t now_ns)
{
	return !worker->failed && !worker->bench->failed && !interrupted &&
	       now_ns < worker->bench->deadline_ns;
}

uint64_t bench_random(uint64_t *state)
{
	/* xorshift64*: George Marsaglia, Sebastiano Vigna */
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dull;
}

void bench_worker_begin(struct worker *worker)
{
	worker->latencies = tally_malloc(LATENCY_MAX * sizeof(uint64_t));
}

void bench_worker_end(struct worker *worker)
{
	free(worker->latencies);
}

/* Keeps a latency; once the array is full it is thinned, so it stays a fair sample. */
void bench_note_latency(struct worker *worker, uint64_t ns)
{
	uint64_t longest = worker->longest_now;

	if (ns > worker->longest)
		worker->longest = ns;
	while (ns > longest && !atomic_compare_exchange_weak(&worker->longest_now, &longest, ns))
		;
	if (worker->latency_turn++ % (worker->latency_skip + 1) != 0)
		return;
	if (worker->latency_count == LATENCY_MAX) {
		for (size_t i = 0; i < LATENCY_MAX / 2; i++)
			worker->latencies[i] = worker->latencies[2 * i];
		worker->latency_count = LATENCY_MAX / 2;
		worker->latency_skip = 2 * worker->latency_skip + 1;
	}
	worker->latencies[worker->latency_count++] = ns;
}

static int compare_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

void bench_sum_up(struct worker *workers, size_t count, uint64_t begun_ns, struct outcome *outcome)
{
	uint64_t *all, ended_ns = tally_mono_ns(), longest = 0;
	size_t total = 0, at = 0;

	for (size_t i = 0; i < count; i++)
		total += workers[i].latency_count;
	all = tally_calloc(total + 1, sizeof *all);
	for (size_t i = 0; i < count; i++) {
		if (workers[i].latency_count != 0)
			memcpy(all + at, workers[i].latencies,
			       workers[i].latency_count * sizeof *all);
		at += workers[i].latency_count;
		outcome->count += workers[i].count;
		if (workers[i].longest > longest)
			longest = workers[i].longest;
	}
	qsort(all, total, sizeof *all, compare_u64);
	outcome->seconds = (double)(ended_ns - begun_ns) / 1e9;
	if (total != 0) {
		outcome->p50_ms = (double)all[total / 2] / 1e6;
		outcome->p99_ms = (double)all[total * 99 / 100] / 1e6;
		outcome->p999_ms = (double)all[total * 999 / 1000] / 1e6;
	}
	outcome->longest_ms = (double)longest / 1e6;
	free(all);
}

/* ---- how it goes ---- */

static void print_tick(const struct bench *bench, uint64_t journals, double rate, double longest_ms)
{
	if (verb_given(bench->call, "json")) {
		json_object *line = json_object_new_object();

		json_object_object_add(line, "journals", json_object_new_uint64(journals));
		bench_add_double(line, "rate", rate);
		bench_add_double(line, "longest_ms", longest_ms);
		printf("%s\n", json_object_to_json_string_ext(line, JSON_C_TO_STRING_PLAIN));
		json_object_put(line);
	} else {
		printf("at %-10llu %10.0f journals/s, %.1f ms longest\n", (unsigned long long)journals, rate,
		       longest_ms);
	}
	fflush(stdout);
}

/* False where keeping the store failed; the workers go on with nothing. */
static bool maintain(struct bench *bench)
{
	struct tally_err err;

	if (!verb_given(bench->call, "maintain") || bench->core == NULL ||
	    tally_core_maintain(bench->core, &err) == 0)
		return true;
	verb_fail_err(bench->call, &err);
	bench->failed = true;
	return false;
}

/* Prints a line each time so many seconds are over, up to the end. */
static void watch(struct bench *bench, struct worker *workers, uint64_t begun_ns)
{
	uint64_t every = bench->every * 1000000000ull, next = begun_ns + every, before = 0, at = begun_ns;

	while (next <= bench->deadline_ns && !interrupted && !bench->failed && maintain(bench)) {
		uint64_t count = 0, longest = 0, now = tally_mono_ns();
		struct timespec when;

		/* Maintaining may take longer than the time between two lines. */
		while (next < now && next + every <= bench->deadline_ns)
			next += every;
		when = (struct timespec){ .tv_sec = (time_t)(next / 1000000000), .tv_nsec = (long)(next % 1000000000) };
		while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL) == EINTR && !interrupted)
			;
		now = tally_mono_ns();
		for (uint64_t i = 0; i < bench->clients; i++) {
			uint64_t one = atomic_exchange(&workers[i].longest_now, 0);

			count += workers[i].count;
			longest = one > longest ? one : longest;
		}
		print_tick(bench, bench->filled + count, (double)(count - before) / ((double)(now - at) / 1e9),
			   (double)longest / 1e6);
		before = count;
		at = now;
		next += every;
	}
}

/* What was written to the disk that the bench's directory is on, by anybody; 0 where it has no such count. */
static uint64_t written_bytes(const struct bench *bench)
{
	char path[64], line[512] = "";
	unsigned long long sectors = 0;
	struct stat st;
	FILE *file;

	if (stat(bench->directory, &st) != 0)
		return 0;
	snprintf(path, sizeof path, "/sys/dev/block/%u:%u/stat", major(st.st_dev), minor(st.st_dev));
	file = fopen(path, "re");
	if (file == NULL)
		return 0;
	/* Documentation/block/stat.rst of the kernel: the seventh is sectors of 512 bytes. */
	if (fgets(line, sizeof line, file) == NULL ||
	    sscanf(line, "%*u %*u %*u %*u %*u %*u %llu", &sectors) != 1)
		sectors = 0;
	fclose(file);
	return 512 * (uint64_t)sectors;
}

bool bench_run_workers(struct bench *bench, void *(*run)(void *worker), struct outcome *outcome)
{
	struct worker *workers = tally_calloc(bench->clients, sizeof *workers);
	uint64_t begun = tally_mono_ns(), written = written_bytes(bench);
	bool good = true;

	bench->deadline_ns = begun + bench->seconds * 1000000000ull;
	for (uint64_t i = 0; i < bench->clients; i++) {
		workers[i].bench = bench;
		workers[i].random = 0x9e3779b97f4a7c15ull * (i + 1);
		bench_worker_begin(&workers[i]);
		if (pthread_create(&workers[i].thread, NULL, run, &workers[i]) != 0) {
			verb_fail(bench->call, "cannot start %llu threads",
				  (unsigned long long)bench->clients);
			bench_worker_end(&workers[i]);
			bench->failed = true;
			bench->clients = i;
		}
	}
	if (bench->every != 0)
		watch(bench, workers, begun);
	for (uint64_t i = 0; i < bench->clients; i++)
		pthread_join(workers[i].thread, NULL);
	bench_sum_up(workers, bench->clients, begun, outcome);
	outcome->written = written_bytes(bench) - written;
	for (uint64_t i = 0; i < bench->clients; i++) {
		if (workers[i].failed && good) {
			good = false;
			verb_fail_err(bench->call, &workers[i].err);
		}
		bench_worker_end(&workers[i]);
	}
	free(workers);
	return good && !bench->failed;
}
