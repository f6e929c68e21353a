/*
 * Clients at work: threads that do one kind of thing again and again until the time is over, and how
 * long each time took.
 */
#ifndef TALLY_CMD_BENCH_WORK_H
#define TALLY_CMD_BENCH_WORK_H

#include <pthread.h>

#include "bench.h"
#include "err.h"

/* One client's own: nothing in it is shared while it runs. */
struct worker {
	struct bench *bench;
	pthread_t thread;
	uint64_t random;
	_Atomic uint64_t count;		/* journals done */
	_Atomic uint64_t longest_now;	/* latency since somebody last took it, ns */
	uint64_t *latencies;		/* ns of each call */
	size_t latency_count, latency_skip, latency_turn;
	uint64_t longest;		/* of them, also of those that were dropped */
	struct tally_err err;
	bool failed;
};

/* An interrupt ends the work early, and what was made is removed as ever. */
void bench_catch_interrupts(void);

/* False once the time is over, an interrupt came, or one of the workers failed. */
bool bench_goes_on(const struct worker *worker, uint64_t now_ns);

void bench_note_latency(struct worker *worker, uint64_t ns);

/* bench->clients threads run it until bench->seconds are over; with bench->every a line is printed each
 * time so many are. False after printing the first error. */
bool bench_run_workers(struct bench *bench, void *(*run)(void *worker), struct outcome *outcome);

/* The same in parts, for what is one thread: what latencies lie in, and the sum of all. */
void bench_worker_begin(struct worker *worker);
void bench_worker_end(struct worker *worker);
void bench_sum_up(struct worker *workers, size_t count, uint64_t begun_ns, struct outcome *outcome);

#endif
