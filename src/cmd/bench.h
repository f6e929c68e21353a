/* What the kinds of tally bench share. */
#ifndef TALLY_CMD_BENCH_H
#define TALLY_CMD_BENCH_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "core.h"
#include "verb.h"

struct json_object;

struct bench {
	struct verb_call *call;
	const char *driver;
	uint64_t batch, size, clients, seconds, clues, journals;
	char directory[PATH_MAX];	/* ours, removed at the end */
	struct tally_conf *conf;
	struct tally_core *core;
	struct tally_first_key key;
	char ledger[TALLY_LEDGER_ID_SIZE + 1];
	uint64_t filled;		/* journals to read from */
	bool durable;			/* as the driver promises */
	uint64_t deadline_ns;
	_Atomic bool failed;
};

struct outcome {
	double seconds;
	uint64_t count, syncs;
	double p50_ms, p99_ms, p999_ms;
};

/* Payloads that do not compress and differ from one another: part of a random pool each. */
uint8_t *bench_pool(uint64_t size);
uint64_t bench_random(uint64_t *state);

/* A store in the bench's directory, with a ledger. False after printing why not. */
bool bench_open_store(struct bench *bench);

/* An interrupt asked to end early. */
bool bench_interrupted(void);

/* What is printed: the machine in one line; members rate, p50_ms, p99_ms, p999_ms; a number with three
 * places, as precise as it is. */
void bench_describe_machine(char *text, size_t size);
void bench_add_double(struct json_object *object, const char *name, double value);
void bench_add_rate(struct json_object *object, const struct outcome *outcome);
void bench_print_latency(const struct outcome *outcome);

/* bench audit: a store of so many journals, signed or not, audited. */
bool bench_audit(struct bench *bench, struct outcome *outcome);

/* bench http, a part of the verb on its own: it has no store. */
extern const struct verb bench_http;

#endif
