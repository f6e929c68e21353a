/*
 * tally bench: how fast this machine appends and reads, durably, through the ledger core itself
 * (no web server), and how fast its disk takes the same bytes with no ledger at all.
 * The kinds of work stand in bench.h.
 *
 * Rates count journals. The store is made in a directory of its own and removed again.
 */
#include "config.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <json-c/json.h>

#include "bench.h"
#include "bench_work.h"
#include "clock.h"
#include "conf.h"
#include "err.h"
#include "files.h"
#include "log.h"
#include "print.h"
#include "secret.h"
#include "store.h"

#define BENCH_CLIENTS_MAX 1024
#define BENCH_BATCH_MAX 10000
#define BENCH_SIZE_MAX (4u << 20)
#define BENCH_FILL 100000		/* journals that read and prove find in their ledger */

/* ---- what every kind shares ---- */

uint8_t *bench_pool(uint64_t size)
{
	uint8_t *pool = tally_malloc(size + 65536);

	tally_random(pool, size + 65536);
	return pool;
}

struct tally_write bench_write(const struct bench *bench)
{
	return (struct tally_write){ .caller = { .account = bench->key.account, .local = true } };
}

/* ---- the store ---- */

bool bench_configure(struct bench *bench)
{
	const struct tally_driver *driver;
	char path[PATH_MAX + 32];
	struct tally_err err;

	if (tally_driver_find(bench->driver, NULL, &driver, &err) != 0) {
		verb_fail_err(bench->call, &err);
		return false;
	}
	bench->durable = (driver->caps & TALLY_CAP_DURABLE) != 0;
	bench->conf = tally_conf_new();
	if (driver->caps & TALLY_CAP_LOCAL)
		snprintf(path, sizeof path, "%s/store", bench->directory);
	else
		snprintf(path, sizeof path, "%s:bench", bench->driver);
	tally_conf_override(bench->conf, "store", "path", path);
	snprintf(path, sizeof path, "%s/master.key", bench->directory);
	tally_conf_override(bench->conf, "store", "master_key", path);
	tally_conf_override(bench->conf, "store", "driver", bench->driver);
	return true;
}

bool bench_open_store(struct bench *bench)
{
	struct tally_ledger_create create = { .name = TALLY_BYTES_LIT("bench"),
					      .type = LEDGER_JOURNAL };
	struct tally_core_options options = { 0 };
	struct tally_ledger_created created;
	struct tally_write write;
	struct tally_err err;

	if (bench->conf == NULL && !bench_configure(bench))
		return false;
	options.conf = bench->conf;
	if (tally_core_init(&options, NULL, &bench->key, &err) != 0 ||
	    tally_core_open(&options, &bench->core, &err) != 0) {
		verb_fail_err(bench->call, &err);
		return false;
	}
	write = bench_write(bench);
	if (tally_ledger_create(bench->core, &write, &create, &created, &err) != 0) {
		verb_fail_err(bench->call, &err);
		return false;
	}
	memcpy(bench->ledger, created.ledger_id, sizeof bench->ledger);
	return true;
}

/* ---- what is printed ---- */

static double per_group(const struct bench *bench, const struct outcome *outcome)
{
	return outcome->count != 0
		       ? (double)outcome->syncs / ((double)outcome->count / (double)bench->batch)
		       : 0;
}

static double written_each(const struct outcome *outcome)
{
	return outcome->count != 0 ? (double)outcome->written / (double)outcome->count : 0;
}

static void print_outcome_json(const struct bench *bench, const char *kind, const char *machine,
			       const struct outcome *outcome)
{
	json_object *object = json_object_new_object();

	json_object_object_add(object, "bench", json_object_new_string(kind));
	if (strcmp(kind, "floor") != 0)
		json_object_object_add(object, "driver", json_object_new_string(bench->driver));
	bench_add_rate(object, outcome);
	if (strcmp(kind, "open") == 0) {
		bench_add_double(object, "recovery_ms", outcome->recovery_ms);
		bench_add_double(object, "open_ms", outcome->open_ms);
		bench_add_double(object, "memory_mb", outcome->memory_mb);
		bench_add_double(object, "bytes_each", outcome->bytes_each);
	}
	if (outcome->node_rate > 0)
		bench_add_double(object, "node_rate", outcome->node_rate);
	json_object_object_add(object, "syncs", json_object_new_uint64(outcome->syncs));
	json_object_object_add(object, "count", json_object_new_uint64(outcome->count));
	bench_add_double(object, "seconds", outcome->seconds);
	json_object_object_add(object, "batch", json_object_new_uint64(bench->batch));
	json_object_object_add(object, "size", json_object_new_uint64(bench->size));
	json_object_object_add(object, "clients", json_object_new_uint64(bench->clients));
	json_object_object_add(object, "clues", json_object_new_uint64(bench->clues));
	json_object_object_add(object, "journals", json_object_new_uint64(bench->journals));
	bench_add_double(object, "syncs_per_batch", per_group(bench, outcome));
	bench_add_double(object, "written_each", written_each(outcome));
	json_object_object_add(object, "durable", json_object_new_boolean(
							  bench->durable || strcmp(kind, "floor") == 0));
	json_object_object_add(object, "machine", json_object_new_string(machine));
	print_json(object);
}

static void print_outcome_text(const struct bench *bench, const char *kind, const char *machine,
			       const struct outcome *outcome)
{
	bool reads = strcmp(kind, "read") == 0, raw = strcmp(kind, "floor") == 0;
	bool proves = strcmp(kind, "prove") == 0, checks = strcmp(kind, "verify") == 0;
	bool audits = strcmp(kind, "audit") == 0, builds = strcmp(kind, "tree") == 0;
	bool opens = strcmp(kind, "open") == 0;

	printf("machine      %s\n", machine);
	printf("work         %s\n",
	       reads ? "single journals read at random, each with its hash" :
	       checks ? "inclusion proofs checked up to a known root, one thread" :
	       proves && bench->clues != 0 ? "whole lineages of clues with their state proofs" :
	       proves ? "inclusion proofs made at random positions, in the newest tree" :
	       opens  ? "a store opened up to its first read: after SIGKILL, and closed in order" :
	       builds ? "leaves into a tree of depth 40, its root after each batch, one thread" :
	       audits ? "every journal of a store audited, as tally audit does" :
	       raw && verb_given(bench->call, "grow") ?
		       "one write and fdatasync a batch into a file that grows; no hashing" :
	       raw   ? "one write and fdatasync a batch into space written before; no hashing" :
		       "journals appended; a client's batch is acknowledged before its next");
	if (!raw && !checks && !builds)
		printf("driver       %s, %s\n", bench->driver,
		       bench->durable ? "durable: on the medium when acknowledged"
				      : "in memory, nothing is durable");
	if (builds)
		printf("batch        %llu leaves\n", (unsigned long long)bench->batch);
	else if (!checks)
		printf("payload      %llu bytes, %llu at a time, %llu client%s\n",
		       (unsigned long long)bench->size,
		       (unsigned long long)(reads || proves ? 1 : bench->batch),
		       (unsigned long long)bench->clients, bench->clients == 1 ? "" : "s");
	if (reads || proves || checks)
		printf("ledger       %llu journals\n", (unsigned long long)bench->journals);
	if (bench->clues != 0)
		printf("clues        one a journal, of %llu\n", (unsigned long long)bench->clues);
	if (opens) {
		printf("ledger       %llu journals\n", (unsigned long long)outcome->count);
		printf("recovery     %.0f ms after SIGKILL\n", outcome->recovery_ms);
		printf("open         %.0f ms\n", outcome->open_ms);
		printf("memory       %.0f MB at most\n", outcome->memory_mb);
		printf("disk         %.0f bytes a journal beyond its payload, log files not counted\n",
		       outcome->bytes_each);
		return;
	}
	printf("rate         %.0f %s/s (%llu in %.2f s)\n",
	       (double)outcome->count / outcome->seconds, proves || checks ? "proofs" :
	       builds ? "leaves" : "journals",
	       (unsigned long long)outcome->count, outcome->seconds);
	if (builds)
		printf("node hashes  %.0f/s alone; %.0f %% of it\n", outcome->node_rate,
		       100 * (double)outcome->count / outcome->seconds / outcome->node_rate);
	if (audits || builds)
		return;
	bench_print_latency(outcome);
	if (!reads && !proves && !checks)
		printf("syncs        %llu, %.3f a batch\n", (unsigned long long)outcome->syncs,
		       per_group(bench, outcome));
	if (outcome->written != 0 && !reads && !proves && !checks)
		printf("written      %.0f bytes a journal\n", written_each(outcome));
}

/* ---- the verb ---- */

/* A fresh directory under --dir; a memory file system would say nothing about durability. */
static bool make_directory(struct bench *bench)
{
	const char *under = verb_value(bench->call, "dir", ".");
	struct statfs fs;

	if (statfs(under, &fs) != 0) {
		verb_fail(bench->call, "%s: %s", under, strerror(errno));
		return false;
	}
	if (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC) {
		verb_fail(bench->call, "%s is in memory, so nothing there is durable: use --dir on a disk",
			  under);
		return false;
	}
	snprintf(bench->directory, sizeof bench->directory, "%s/tally-bench-XXXXXX", under);
	if (mkdtemp(bench->directory) == NULL) {
		verb_fail(bench->call, "making a directory in %s: %s", under, strerror(errno));
		return false;
	}
	return true;
}

static bool read_options(struct bench *bench)
{
	struct verb_call *call = bench->call;
	struct tally_err err;

	bench->driver = verb_value(call, "driver", bench->driver);
	if (!verb_number(call, "size", 1, BENCH_SIZE_MAX, &bench->size) ||
	    !verb_number(call, "batch", 1, BENCH_BATCH_MAX, &bench->batch) ||
	    !verb_number(call, "clues", 0, 100000000, &bench->clues) ||
	    !verb_number(call, "journals", 1000, 100000000, &bench->journals) ||
	    !verb_number(call, "clients", 1, BENCH_CLIENTS_MAX, &bench->clients) ||
	    !verb_number(call, "every", 0, 86400, &bench->every) ||
	    !verb_number(call, "seconds", 1, 86400, &bench->seconds))
		return false;
	if (bench->batch * bench->size > (64u << 20)) {
		verb_misuse(call, "a batch is at most 64 MiB");
		return false;
	}
	return tally_log_open(TALLY_LOG_WARN, NULL, &err) == 0;
}

static int run_bench(struct verb_call *call, const char *kind,
		     bench_kind *run)
{
	struct bench bench = { .call = call, .driver = tally_driver_default(), .batch = 1,
			       .size = 256, .clients = 1, .seconds = 5,
			       .journals = BENCH_FILL };
	struct outcome outcome = { 0 };
	char machine[512];
	bool good;

	if (!read_options(&bench))
		return VERB_USAGE;
	if (!make_directory(&bench))
		return VERB_FAILED;
	bench_catch_interrupts();
	good = run(&bench, &outcome);
	if (bench.core != NULL)
		tally_core_close(&bench.core);
	tally_conf_free(&bench.conf);
	tally_wipe(&bench.key, sizeof bench.key);
	if (!remove_tree(bench.directory))
		verb_fail(call, "removing %s: %s", bench.directory, strerror(errno));
	if (!good)
		return VERB_FAILED;
	bench_describe_machine(machine, sizeof machine);
	if (verb_given(call, "json"))
		print_outcome_json(&bench, kind, machine, &outcome);
	else
		print_outcome_text(&bench, kind, machine, &outcome);
	return VERB_OK;
}

static int append_run(struct verb_call *call) { return run_bench(call, "append", bench_append); }
static int read_run(struct verb_call *call) { return run_bench(call, "read", bench_read); }
static int prove_run(struct verb_call *call) { return run_bench(call, "prove", bench_prove); }
static int verify_run(struct verb_call *call) { return run_bench(call, "verify", bench_verify); }
static int tree_run(struct verb_call *call) { return run_bench(call, "tree", bench_tree); }
static int audit_run(struct verb_call *call) { return run_bench(call, "audit", bench_audit); }
static int open_run(struct verb_call *call) { return run_bench(call, "open", bench_open); }
static int floor_run(struct verb_call *call) { return run_bench(call, "floor", bench_floor); }

static const struct verb_option bench_options[] = {
	{ "driver", "NAME", "storage driver (default: bdb; floor uses none)" },
	{ "batch", "N", "journals a call (default 1; read takes one by one)" },
	{ "size", "BYTES", "bytes of each payload (default 256)" },
	{ "clients", "N", "threads at work at the same time (default 1; floor uses one)" },
	{ "seconds", "N", "how long it runs (default 5)" },
	{ "clues", "N", "each journal has one of so many clues (default 0: none)" },
	{ "journals", "N", "ledger to work on (default 100000; append: none); what append --signed signs first" },
	{ "every", "N", "a line each N seconds: journals, rate, longest wait (default 0: none)" },
	{ "maintain", NULL, "append: the store is maintained before each such line" },
	{ "grow", NULL, "floor: into a file that grows, not into space written before" },
	{ "signed", NULL, "append, audit: each journal is signed by a member (secp256k1)" },
	{ "index", NULL, "audit: index tables too are made anew, and compared" },
	{ "dir", "DIR", "where its store is made and removed again; a disk (default: here)" },
	VERB_JSON_OPTION,
	VERB_OPTIONS_END
};

static const struct verb append_verb = {
	.name = "append", .usage = "", .summary = "Append journals, each batch durable",
	.options = bench_options, .run = append_run,
};
static const struct verb read_verb = {
	.name = "read", .usage = "", .summary = "Read single journals at random positions",
	.options = bench_options, .run = read_run,
};
static const struct verb prove_verb = {
	.name = "prove", .usage = "", .summary = "Make inclusion proofs, or with --clues lineages",
	.options = bench_options, .run = prove_run,
};
static const struct verb verify_verb = {
	.name = "verify", .usage = "", .summary = "Check inclusion proofs, without a store",
	.options = bench_options, .run = verify_run,
};
static const struct verb tree_verb = {
	.name = "tree", .usage = "", .summary = "Build a deep log tree in batches, without a store",
	.options = bench_options, .run = tree_run,
};
static const struct verb audit_verb = {
	.name = "audit", .usage = "", .summary = "Audit a store of many journals, by all processors",
	.options = bench_options, .run = audit_run,
};
static const struct verb open_verb = {
	.name = "open", .usage = "", .summary = "Open a large store again, after SIGKILL and in order",
	.options = bench_options, .run = open_run,
};
static const struct verb floor_verb = {
	.name = "floor", .usage = "", .summary = "Write and sync the same bytes to a plain file",
	.options = bench_options, .run = floor_run,
};
static const struct verb *const bench_parts[] = { &append_verb, &read_verb, &prove_verb, &verify_verb,
						  &tree_verb, &audit_verb, &open_verb, &floor_verb,
						  &bench_http, NULL };

const struct verb verb_bench = {
	.name = "bench",
	.usage = "append|read|prove|verify|tree|audit|open|floor|http",
	.summary = "Measure appending, reading and proving, the disk alone, and a server",
	.parts = bench_parts,
};
