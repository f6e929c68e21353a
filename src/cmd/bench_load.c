/*
 * tally bench append, read and prove: threads that work on one ledger, each waiting for its answer
 * before it asks for more.
 */
#include "config.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "bench.h"
#include "bench_work.h"
#include "clock.h"
#include "err.h"
#include "print.h"
#include "secret.h"

/* ---- threads ---- */

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

/* ---- append ---- */

struct clue {
	char text[32];
	struct tally_bytes bytes;
};

static int append_batch(struct bench *bench, const uint8_t *pool, uint64_t *random,
			struct tally_entry *entries, struct clue *clues,
			struct tally_append_result *results, uint64_t count, struct tally_err *err)
{
	struct tally_write write = bench_write(bench);

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

static void note_append(struct worker *worker, int result)
{
	if (result == 0) {
		worker->count += worker->bench->batch;
	} else if (worker->err.code != TALLY_BUSY) {
		worker->failed = true;
		worker->bench->failed = true;
	}
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

		note_append(worker, append_batch(bench, pool, &worker->random, entries, clues, results,
						 bench->batch, &worker->err));
		now = tally_mono_ns();
		bench_note_latency(worker, now - begun);
	}
	free(pool);
	free(clues);
	free(results);
	free(entries);
	return NULL;
}

/* ---- append, signed ---- */

/* Signing is the clients' work, and done before anything is measured. */
static bool sign_ahead(struct bench *bench, struct bench_signer *signer, const uint8_t *pool,
		       struct bench_signed *signatures)
{
	uint64_t random = 88172645463325252ull;
	struct tally_err err;
	struct bar bar;
	bool good = true;

	if (!bench_signer_add(bench, signer))
		return false;
	bar_begin(&bar, "sign", "journals");
	for (uint64_t i = 0; good && !bench_interrupted() && i < bench->prepared_count; i++) {
		bench->prepared[i] = (struct tally_entry){
			.payload = tally_bytes(pool + bench_random(&random) % 65536, bench->size)
		};
		good = bench_sign(bench, signer, i, &bench->prepared[i], &signatures[i], &err) == 0;
		if (!good)
			verb_fail_err(bench->call, &err);
		bar_show(&bar, i + 1, bench->prepared_count);
	}
	bar_end(&bar);
	tally_wipe(signer->private, sizeof signer->private);
	return good && !bench_interrupted();
}

static void *signed_thread(void *ctx)
{
	struct worker *worker = ctx;
	struct bench *bench = worker->bench;
	struct tally_append_result *results = tally_calloc(bench->batch, sizeof *results);
	struct tally_write write = bench_write(bench);
	uint64_t now = tally_mono_ns();

	while (bench_goes_on(worker, now)) {
		uint64_t begun = now, at = atomic_fetch_add(&bench->prepared_next, bench->batch);

		if (at + bench->batch > bench->prepared_count)
			break;
		note_append(worker, tally_append(bench->core, &write, tally_bytes_str(bench->ledger),
						 bench->prepared + at, bench->batch, true, results,
						 &worker->err));
		now = tally_mono_ns();
		bench_note_latency(worker, now - begun);
	}
	free(results);
	return NULL;
}

static bool append_signed(struct bench *bench, struct outcome *outcome)
{
	struct bench_signed *signatures = tally_calloc(bench->journals, sizeof *signatures);
	uint8_t *pool = bench_pool(bench->size);
	struct bench_signer signer;
	bool good;

	bench->prepared_count = bench->journals;
	bench->prepared = tally_calloc(bench->journals, sizeof *bench->prepared);
	good = sign_ahead(bench, &signer, pool, signatures) && run_threads(bench, signed_thread, outcome);
	free(bench->prepared);
	free(pool);
	free(signatures);
	return good;
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

/* ---- the kinds ---- */

bool bench_append(struct bench *bench, struct outcome *outcome)
{
	if (!bench_open_store(bench))
		return false;
	if (verb_given(bench->call, "signed"))
		return append_signed(bench, outcome);
	return (!verb_given(bench->call, "journals") || fill(bench)) &&
	       run_threads(bench, append_thread, outcome);
}

bool bench_prove(struct bench *bench, struct outcome *outcome)
{
	return bench_open_store(bench) && fill(bench) && run_threads(bench, prove_thread, outcome);
}

bool bench_read(struct bench *bench, struct outcome *outcome)
{
	return bench_open_store(bench) && fill(bench) && run_threads(bench, read_thread, outcome);
}

