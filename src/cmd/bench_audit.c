/*
 * tally bench audit: makes a ledger of so many journals, then times an audit of the whole store by
 * the same code as tally audit. What is counted is the audit alone.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit.h"
#include "bench.h"
#include "clock.h"
#include "err.h"
#include "print.h"
#include "secret.h"

#define FILL_BATCH 1000

struct filling {
	struct bench *bench;
	struct bench_signer *signer;	/* NULL: nobody signs */
	struct tally_entry entries[FILL_BATCH];
	struct tally_append_result results[FILL_BATCH];
	struct bench_signed signatures[FILL_BATCH];
};

static int fill_batch(struct filling *filling, const uint8_t *pool, uint64_t *random, size_t count,
		      struct tally_err *err)
{
	struct bench *bench = filling->bench;
	struct tally_write write = bench_write(bench);

	for (size_t i = 0; i < count; i++) {
		filling->entries[i] = (struct tally_entry){
			.payload = tally_bytes(pool + bench_random(random) % 65536, bench->size)
		};
		if (filling->signer != NULL &&
		    bench_sign(bench, filling->signer, bench->filled + i, &filling->entries[i],
			       &filling->signatures[i], err) != 0)
			return -1;
	}
	return tally_append(bench->core, &write, tally_bytes_str(bench->ledger), filling->entries,
			    count, true, filling->results, err);
}

static bool fill(struct bench *bench, struct bench_signer *signer)
{
	struct filling *filling = tally_calloc(1, sizeof *filling);
	uint8_t *pool = bench_pool(bench->size);
	uint64_t random = 88172645463325252ull, most;
	struct tally_err err;
	struct bar bar;
	bool good = true;

	/* at most a batch of 4 MiB at a time */
	most = bench->size > 4096 ? (4u << 20) / bench->size : FILL_BATCH;
	if (verb_given(bench->call, "batch") && bench->batch < most)
		most = bench->batch;
	filling->bench = bench;
	filling->signer = signer;
	bar_begin(&bar, "fill", "journals");
	while (good && !bench_interrupted() && bench->filled < bench->journals) {
		uint64_t left = bench->journals - bench->filled, count = left < most ? left : most;

		good = fill_batch(filling, pool, &random, count, &err) == 0;
		bench->filled += count;
		bar_show(&bar, bench->filled, bench->journals);
	}
	bar_end(&bar);
	good = good && tally_core_maintain(bench->core, &err) == 0;
	if (!good)
		verb_fail_err(bench->call, &err);
	free(pool);
	free(filling);
	return good && !bench_interrupted();
}

static int on_found(void *ctx, const struct tally_audit_finding *finding)
{
	struct bench *bench = ctx;

	verb_fail(bench->call, "%s", finding->text);
	bench->failed = true;
	return 1;
}

static bool audit(struct bench *bench, struct outcome *outcome)
{
	struct tally_audit_options options = { .core = bench->core, .scratch = bench->directory,
					       .threads = (unsigned int)bench->clients,
					       .found = on_found, .ctx = bench };
	struct tally_audit_source source;
	uint64_t begun = tally_mono_ns();
	struct tally_err err;
	bool good;

	if (!verb_given(bench->call, "clients"))
		options.threads = 0;
	tally_core_stores(bench->core, &options.blocks, &options.index);
	if (!verb_given(bench->call, "index"))
		options.index = NULL;
	if (tally_audit_store_open(options.blocks, options.core, &source, &err) != 0) {
		verb_fail_err(bench->call, &err);
		return false;
	}
	good = tally_audit(&options, &source, &err) == 0;
	if (!good)
		verb_fail_err(bench->call, &err);
	tally_audit_store_free(&source);
	outcome->seconds = (double)(tally_mono_ns() - begun) / 1e9;
	outcome->count = bench->journals;
	return good && !bench->failed;
}

bool bench_audit(struct bench *bench, struct outcome *outcome)
{
	struct bench_signer signer;
	bool by_member = verb_given(bench->call, "signed"), good;

	if (!bench_open_store(bench) || (by_member && !bench_signer_add(bench, &signer)))
		return false;
	good = fill(bench, by_member ? &signer : NULL) && audit(bench, outcome);
	tally_wipe(&signer, sizeof signer);
	return good;
}
