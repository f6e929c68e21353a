/*
 * tally bench: how fast this machine appends and reads, durably, through the ledger core itself
 * (no web server), and how fast its disk takes the same bytes with no ledger at all.
 *
 *   append  clients threads, each appending batches of journals to one ledger and waiting until
 *           they are durable, for a number of seconds
 *   read    the same with single journals read at random positions of a ledger filled before
 *   prove   the same with inclusion proofs, from stored tiles; with --clues, lineages of clues
 *   verify  one thread: such proofs checked, without a store and without signatures
 *   audit   a store of so many journals, audited from its blocks up (bench_audit.c)
 *   floor   one thread: one write and one fdatasync for each batch, into space written before;
 *           no hashing, no index: what the medium can give
 *   http    a server, by so many connections (bench_http.c)
 *
 * Rates count journals. The store is made in a directory of its own and removed again.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <json-c/json.h>

#include "arena.h"
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
#define BENCH_PROOFS 4096		/* different ones that verify checks in turn */

/* ---- what every kind shares ---- */

uint8_t *bench_pool(uint64_t size)
{
	uint8_t *pool = tally_malloc(size + 65536);

	tally_random(pool, size + 65536);
	return pool;
}

/* ---- append ---- */

struct clue {
	char text[32];
	struct tally_bytes bytes;
};

static int append_batch(struct bench *bench, const uint8_t *pool, uint64_t *random,
			struct tally_entry *entries, struct clue *clues,
			struct tally_append_result *results, uint64_t count, struct tally_err *err)
{
	struct tally_write write = { .caller = { .account = bench->key.account, .local = true } };

	for (uint64_t i = 0; i < count; i++) {
		entries[i] = (struct tally_entry){
			.payload = tally_bytes(pool + bench_random(random) % 65536, bench->size)
		};
		if (bench->clues == 0)
			continue;
		snprintf(clues[i].text, sizeof clues[i].text, "clue %llu",
			 (unsigned long long)(bench_random(random) % bench->clues));
		clues[i].bytes = tally_bytes_str(clues[i].text);
		entries[i].clues = &clues[i].bytes;
		entries[i].clue_count = 1;
	}
	return tally_append(bench->core, &write, tally_bytes_str(bench->ledger), entries, count, true,
			    results, err);
}

static void *append_thread(void *ctx)
{
	struct worker *worker = ctx;
	struct bench *bench = worker->bench;
	struct tally_entry *entries = tally_calloc(bench->batch, sizeof *entries);
	struct tally_append_result *results = tally_calloc(bench->batch, sizeof *results);
	struct clue *clues = tally_calloc(bench->batch, sizeof *clues);
	uint8_t *pool = bench_pool(bench->size);
	uint64_t now = tally_mono_ns();

	while (bench_goes_on(worker, now)) {
		uint64_t begun = now;

		if (append_batch(bench, pool, &worker->random, entries, clues, results,
				 bench->batch, &worker->err) == 0) {
			worker->count += bench->batch;
		} else if (worker->err.code != TALLY_BUSY) {
			worker->failed = true;
			bench->failed = true;
		}
		now = tally_mono_ns();
		bench_note_latency(worker, now - begun);
	}
	free(pool);
	free(clues);
	free(results);
	free(entries);
	return NULL;
}

/* ---- read ---- */

static bool fill(struct bench *bench)
{
	struct tally_append_result *results = tally_calloc(1000, sizeof *results);
	struct tally_entry *entries = tally_calloc(1000, sizeof *entries);
	struct clue *clues = tally_calloc(1000, sizeof *clues);
	uint8_t *pool = bench_pool(bench->size);
	uint64_t random = 88172645463325252ull, step;
	struct tally_err err;
	struct bar bar;
	bool good = true;

	/* at most a batch of 4 MiB at a time */
	step = bench->size > 4096 ? (4u << 20) / bench->size : 1000;
	bar_begin(&bar, "fill", "journals");
	while (good && !bench_interrupted() && bench->filled < bench->journals) {
		good = append_batch(bench, pool, &random, entries, clues, results, step, &err) == 0;
		bench->filled += step;
		bar_show(&bar, bench->filled, bench->journals);
	}
	bar_end(&bar);
	if (!good)
		verb_fail_err(bench->call, &err);
	free(pool);
	free(clues);
	free(entries);
	free(results);
	return good && tally_core_maintain(bench->core, &err) == 0;
}

static void *read_thread(void *ctx)
{
	struct worker *worker = ctx;
	struct bench *bench = worker->bench;
	struct tally_bytes ledger = tally_bytes_str(bench->ledger);
	struct tally_arena arena = { 0 };
	uint64_t now = tally_mono_ns();

	while (bench_goes_on(worker, now)) {
		uint64_t id = bench_random(&worker->random) % bench->filled, begun = now;
		struct tally_journal journal;
		int found = tally_journal_get(bench->core, ledger, id, &arena, &journal, &worker->err);

		if (found == 0)
			tally_err_set(&worker->err, TALLY_CORRUPT, "journal %llu is not there",
				      (unsigned long long)id);
		worker->failed = found != 1;
		bench->failed = bench->failed || worker->failed;
		worker->count++;
		tally_arena_reset(&arena);
		now = tally_mono_ns();
		bench_note_latency(worker, now - begun);
	}
	tally_arena_free(&arena);
	return NULL;
}

/* ---- prove ---- */

static int prove_one(struct bench *bench, uint64_t random, struct tally_arena *arena,
		     struct tally_err *err)
{
	struct tally_bytes ledger = tally_bytes_str(bench->ledger);
	struct tally_state_found state;
	struct tally_inclusion proof;
	char clue[32];

	if (bench->clues == 0)
		return tally_journal_prove(bench->core, ledger, random % bench->filled, 0, &proof, err);
	snprintf(clue, sizeof clue, "clue %llu", (unsigned long long)(random % bench->clues));
	return tally_state_prove_clue(bench->core, ledger, tally_bytes_str(clue), 0, SIZE_MAX, 0, arena,
				      &state, err);
}

static void *prove_thread(void *ctx)
{
	struct worker *worker = ctx;
	struct bench *bench = worker->bench;
	struct tally_arena arena = { 0 };
	uint64_t now = tally_mono_ns();

	while (bench_goes_on(worker, now)) {
		uint64_t begun = now;
		int found = prove_one(bench, bench_random(&worker->random), &arena, &worker->err);

		if (found == 0)
			tally_err_set(&worker->err, TALLY_CORRUPT, "there is nothing to prove");
		worker->failed = found != 1;
		bench->failed = bench->failed || worker->failed;
		worker->count++;
		tally_arena_reset(&arena);
		now = tally_mono_ns();
		bench_note_latency(worker, now - begun);
	}
	tally_arena_free(&arena);
	return NULL;
}

/* ---- verify ---- */

/* A tree of so many leaves that differ in their number alone, all its levels. */
struct levels {
	struct tally_hash *level[TALLY_TREE_MAX_PATH];
	uint64_t leaves;
};

static void levels_make(struct levels *levels, uint64_t leaves)
{
	uint64_t width = leaves;

	*levels = (struct levels){ .leaves = leaves };
	for (unsigned int l = 0; width > 0; l++, width /= 2) {
		levels->level[l] = tally_malloc(width * sizeof(struct tally_hash));
		for (uint64_t i = 0; i < width; i++) {
			if (l == 0)
				tally_leaf_hash(tally_bytes(&i, sizeof i), &levels->level[0][i]);
			else
				tally_node_hash(&levels->level[l - 1][2 * i],
						&levels->level[l - 1][2 * i + 1],
						&levels->level[l][i]);
		}
	}
}

static void levels_free(struct levels *levels)
{
	for (unsigned int l = 0; l < TALLY_TREE_MAX_PATH; l++)
		free(levels->level[l]);
}

static int levels_node(void *ctx, unsigned int level, uint64_t index, struct tally_hash *hash_r)
{
	const struct levels *levels = ctx;

	*hash_r = levels->level[level][index];
	return 0;
}

struct proven {
	uint64_t index;
	struct tally_hash leaf;
	struct tally_hash path[TALLY_TREE_MAX_PATH];
	size_t count;
};

static void prove_some(const struct levels *levels, struct proven *proofs, struct tally_hash *root_r)
{
	uint64_t random = 88172645463325252ull;
	struct tally_frontier frontier;

	tally_frontier_init(&frontier);
	for (uint64_t i = 0; i < levels->leaves; i++)
		tally_frontier_append(&frontier, &levels->level[0][i]);
	tally_frontier_root(&frontier, root_r);
	for (size_t i = 0; i < BENCH_PROOFS; i++) {
		proofs[i].index = bench_random(&random) % levels->leaves;
		proofs[i].leaf = levels->level[0][proofs[i].index];
		proofs[i].count = (size_t)tally_inclusion_prove(proofs[i].index, levels->leaves,
								levels_node, (void *)levels,
								proofs[i].path);
	}
}

static bool run_verify(struct bench *bench, struct outcome *outcome)
{
	struct proven *proofs = tally_calloc(BENCH_PROOFS, sizeof *proofs);
	struct worker worker = { .bench = bench };
	uint64_t begun, now;
	struct levels levels;
	struct tally_hash root;
	bool good = true;

	levels_make(&levels, bench->journals);
	prove_some(&levels, proofs, &root);
	bench_worker_begin(&worker);
	begun = now = tally_mono_ns();
	bench->deadline_ns = begun + bench->seconds * 1000000000ull;
	while (good && !bench_interrupted() && now < bench->deadline_ns) {
		uint64_t before = now;

		for (size_t i = 0; good && i < BENCH_PROOFS; i++)
			good = tally_inclusion_verify(proofs[i].index, levels.leaves, &proofs[i].leaf,
						      proofs[i].path, proofs[i].count, &root);
		worker.count += BENCH_PROOFS;
		now = tally_mono_ns();
		bench_note_latency(&worker, (now - before) / BENCH_PROOFS);
	}
	if (!good)
		verb_fail(bench->call, "a proof does not verify");
	bench_sum_up(&worker, 1, begun, outcome);
	bench_worker_end(&worker);
	free(proofs);
	levels_free(&levels);
	return good;
}

/* ---- the store of append, read and prove ---- */

bool bench_open_store(struct bench *bench)
{
	struct tally_ledger_create create = { .name = TALLY_BYTES_LIT("bench"),
					      .type = LEDGER_JOURNAL };
	struct tally_core_options options = { 0 };
	struct tally_ledger_created created;
	struct tally_write write = { 0 };
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
	options.conf = bench->conf;
	if (tally_core_init(&options, NULL, &bench->key, &err) != 0 ||
	    tally_core_open(&options, &bench->core, &err) != 0) {
		verb_fail_err(bench->call, &err);
		return false;
	}
	write.caller = (struct tally_caller){ .account = bench->key.account, .local = true };
	if (tally_ledger_create(bench->core, &write, &create, &created, &err) != 0) {
		verb_fail_err(bench->call, &err);
		return false;
	}
	memcpy(bench->ledger, created.ledger_id, sizeof bench->ledger);
	return true;
}

static void add_syncs(void *ctx, const char *name, uint64_t value)
{
	uint64_t *syncs = ctx;

	if (strcmp(name, "syncs") == 0)
		*syncs += value;
}

static uint64_t count_syncs(struct bench *bench)
{
	struct tally_err err;
	uint64_t syncs = 0;

	if (tally_core_stat(bench->core, add_syncs, &syncs, &err) != 0)
		return 0;
	return syncs;
}

static bool run_threads(struct bench *bench, void *(*run)(void *), struct outcome *outcome)
{
	uint64_t syncs = count_syncs(bench);
	bool good = bench_run_workers(bench, run, outcome);

	outcome->syncs = count_syncs(bench) - syncs;
	return good;
}

static bool run_append(struct bench *bench, struct outcome *outcome)
{
	return bench_open_store(bench) && run_threads(bench, append_thread, outcome);
}

static bool run_prove(struct bench *bench, struct outcome *outcome)
{
	return bench_open_store(bench) && fill(bench) && run_threads(bench, prove_thread, outcome);
}

static bool run_read(struct bench *bench, struct outcome *outcome)
{
	return bench_open_store(bench) && fill(bench) && run_threads(bench, read_thread, outcome);
}

/* ---- floor ---- */

#define FLOOR_SPACE (256u << 20)

/* A file of zeros that is all on the disk, so that fdatasync has no block to allocate. */
static int floor_file(struct bench *bench, uint64_t size)
{
	char path[PATH_MAX + 16], zeros[65536] = { 0 };
	int fd;

	snprintf(path, sizeof path, "%s/floor", bench->directory);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	for (uint64_t at = 0; fd >= 0 && at < size; at += sizeof zeros) {
		if (pwrite(fd, zeros, sizeof zeros, (off_t)at) != (ssize_t)sizeof zeros) {
			close(fd);
			fd = -1;
		}
	}
	if (fd < 0 || fsync(fd) != 0) {
		verb_fail(bench->call, "%s: %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	return fd;
}

static bool run_floor(struct bench *bench, struct outcome *outcome)
{
	uint64_t group = bench->batch * bench->size, at = 0, space, begun, now;
	struct worker worker = { .bench = bench };
	uint8_t *data;
	bool good = true;
	int fd;

	space = FLOOR_SPACE > group ? FLOOR_SPACE : group;
	space = (space + 65535) / 65536 * 65536;
	fd = floor_file(bench, space);
	if (fd < 0)
		return false;
	data = bench_pool(group);
	bench_worker_begin(&worker);
	begun = now = tally_mono_ns();
	bench->deadline_ns = begun + bench->seconds * 1000000000ull;
	while (good && !bench_interrupted() && now < bench->deadline_ns) {
		uint64_t before = now;

		if (at + group > space)
			at = 0;
		good = pwrite(fd, data, group, (off_t)at) == (ssize_t)group && fdatasync(fd) == 0;
		at += group;
		worker.count += bench->batch;
		outcome->syncs++;
		now = tally_mono_ns();
		bench_note_latency(&worker, now - before);
	}
	if (!good)
		verb_fail(bench->call, "writing: %s", strerror(errno));
	bench_sum_up(&worker, 1, begun, outcome);
	bench_worker_end(&worker);
	free(data);
	close(fd);
	return good;
}

/* ---- what is printed ---- */

static double per_group(const struct bench *bench, const struct outcome *outcome)
{
	return outcome->count != 0
		       ? (double)outcome->syncs / ((double)outcome->count / (double)bench->batch)
		       : 0;
}

static void print_outcome_json(const struct bench *bench, const char *kind, const char *machine,
			       const struct outcome *outcome)
{
	json_object *object = json_object_new_object();

	json_object_object_add(object, "bench", json_object_new_string(kind));
	if (strcmp(kind, "floor") != 0)
		json_object_object_add(object, "driver", json_object_new_string(bench->driver));
	bench_add_rate(object, outcome);
	json_object_object_add(object, "syncs", json_object_new_uint64(outcome->syncs));
	json_object_object_add(object, "count", json_object_new_uint64(outcome->count));
	bench_add_double(object, "seconds", outcome->seconds);
	json_object_object_add(object, "batch", json_object_new_uint64(bench->batch));
	json_object_object_add(object, "size", json_object_new_uint64(bench->size));
	json_object_object_add(object, "clients", json_object_new_uint64(bench->clients));
	json_object_object_add(object, "clues", json_object_new_uint64(bench->clues));
	json_object_object_add(object, "journals", json_object_new_uint64(bench->journals));
	bench_add_double(object, "syncs_per_batch", per_group(bench, outcome));
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
	bool audits = strcmp(kind, "audit") == 0;

	printf("machine      %s\n", machine);
	printf("work         %s\n",
	       reads ? "single journals read at random, each with its hash" :
	       checks ? "inclusion proofs checked up to a known root, one thread" :
	       proves && bench->clues != 0 ? "whole lineages of clues with their state proofs" :
	       proves ? "inclusion proofs made at random positions, in the newest tree" :
	       audits ? "every journal of a store audited, as tally audit does" :
	       raw   ? "one write and fdatasync a batch into space written before; no hashing" :
		       "journals appended; a client's batch is acknowledged before its next");
	if (!raw && !checks)
		printf("driver       %s, %s\n", bench->driver,
		       bench->durable ? "durable: on the medium when acknowledged"
				      : "in memory, nothing is durable");
	if (!checks)
		printf("payload      %llu bytes, %llu at a time, %llu client%s\n",
		       (unsigned long long)bench->size,
		       (unsigned long long)(reads || proves ? 1 : bench->batch),
		       (unsigned long long)bench->clients, bench->clients == 1 ? "" : "s");
	if (reads || proves || checks)
		printf("ledger       %llu journals\n", (unsigned long long)bench->journals);
	if (bench->clues != 0)
		printf("clues        one a journal, of %llu\n", (unsigned long long)bench->clues);
	printf("rate         %.0f %s/s (%llu in %.2f s)\n",
	       (double)outcome->count / outcome->seconds, proves || checks ? "proofs" : "journals",
	       (unsigned long long)outcome->count, outcome->seconds);
	if (audits)
		return;
	bench_print_latency(outcome);
	if (!reads && !proves && !checks)
		printf("syncs        %llu, %.3f a batch\n", (unsigned long long)outcome->syncs,
		       per_group(bench, outcome));
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
	    !verb_number(call, "seconds", 1, 86400, &bench->seconds))
		return false;
	if (bench->batch * bench->size > (64u << 20)) {
		verb_misuse(call, "a batch is at most 64 MiB");
		return false;
	}
	return tally_log_open(TALLY_LOG_WARN, NULL, &err) == 0;
}

static int run_bench(struct verb_call *call, const char *kind,
		     bool (*run)(struct bench *bench, struct outcome *outcome))
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

static int append_run(struct verb_call *call) { return run_bench(call, "append", run_append); }
static int read_run(struct verb_call *call) { return run_bench(call, "read", run_read); }
static int prove_run(struct verb_call *call) { return run_bench(call, "prove", run_prove); }
static int verify_run(struct verb_call *call) { return run_bench(call, "verify", run_verify); }
static int audit_run(struct verb_call *call) { return run_bench(call, "audit", bench_audit); }
static int floor_run(struct verb_call *call) { return run_bench(call, "floor", run_floor); }

static const struct verb_option bench_options[] = {
	{ "driver", "NAME", "storage driver (default: bdb; floor uses none)" },
	{ "batch", "N", "journals a call (default 1; read takes one by one)" },
	{ "size", "BYTES", "bytes of each payload (default 256)" },
	{ "clients", "N", "threads at work at the same time (default 1; floor uses one)" },
	{ "seconds", "N", "how long it runs (default 5)" },
	{ "clues", "N", "each journal has one of so many clues (default 0: none)" },
	{ "journals", "N", "ledger that read, prove, verify and audit work on (default 100000)" },
	{ "signed", NULL, "audit: each journal is signed by a member (secp256k1)" },
	{ "index", NULL, "audit: index tables too are made anew, and compared" },
	{ "dir", "DIR", "where its store is made and removed again; a disk (default: here)" },
	VERB_JSON_OPTION,
	VERB_OPTIONS_END
};

static const struct verb bench_append = {
	.name = "append", .usage = "", .summary = "Append journals, each batch durable",
	.options = bench_options, .run = append_run,
};
static const struct verb bench_read = {
	.name = "read", .usage = "", .summary = "Read single journals at random positions",
	.options = bench_options, .run = read_run,
};
static const struct verb bench_prove = {
	.name = "prove", .usage = "", .summary = "Make inclusion proofs, or with --clues lineages",
	.options = bench_options, .run = prove_run,
};
static const struct verb bench_verify = {
	.name = "verify", .usage = "", .summary = "Check inclusion proofs, without a store",
	.options = bench_options, .run = verify_run,
};
static const struct verb bench_audit_verb = {
	.name = "audit", .usage = "", .summary = "Audit a store of many journals, by all processors",
	.options = bench_options, .run = audit_run,
};
static const struct verb bench_floor = {
	.name = "floor", .usage = "", .summary = "Write and sync the same bytes to a plain file",
	.options = bench_options, .run = floor_run,
};
static const struct verb *const bench_parts[] = { &bench_append, &bench_read, &bench_prove, &bench_verify,
						  &bench_audit_verb, &bench_floor, &bench_http, NULL };

const struct verb verb_bench = {
	.name = "bench",
	.usage = "append|read|prove|verify|audit|floor|http",
	.summary = "Measure appending, reading and proving, the disk alone, and a server",
	.parts = bench_parts,
};
