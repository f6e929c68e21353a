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
#include "record.h"
#include "secret.h"
#include "statement.h"

#define FILL_BATCH 1000

/* Who signs, where it is asked for. */
struct signer {
	uint8_t private[TALLY_MEMBER_PRIVATE];
	char member_id[TALLY_MEMBER_ID_SIZE + 1];
};

struct filling {
	struct bench *bench;
	struct signer *signer;		/* NULL: nobody */
	struct tally_entry entries[FILL_BATCH];
	struct tally_append_result results[FILL_BATCH];
	struct tally_signing signings[FILL_BATCH];
	struct tally_signature signatures[FILL_BATCH];
	uint8_t salts[FILL_BATCH][TALLY_SALT_SIZE];
	char nonces[FILL_BATCH][24];
};

static struct tally_write write_of(const struct bench *bench)
{
	return (struct tally_write){ .caller = { .account = bench->key.account, .local = true } };
}

static bool add_signer(struct bench *bench, struct signer *signer)
{
	struct tally_write write = write_of(bench);
	struct tally_member_create create = { .role = ROLE_WRITER };
	struct tally_err err;

	if (tally_member_generate(KEY_TYPE_SECP256K1, signer->private, &err) == 0 &&
	    tally_member_public(KEY_TYPE_SECP256K1, signer->private, &create.key, &err) == 0 &&
	    tally_member_create(bench->core, &write, tally_bytes_str(bench->ledger), &create,
				signer->member_id, &err) == 0)
		return true;
	verb_fail_err(bench->call, &err);
	return false;
}

static int sign_entry(struct filling *filling, size_t i, uint64_t number, struct tally_err *err)
{
	struct tally_entry *entry = &filling->entries[i];
	struct tally_signature *signature = &filling->signatures[i];
	struct tally_statement statement = {
		.ledger_id = tally_bytes_str(filling->bench->ledger),
		.member_id = tally_bytes_str(filling->signer->member_id),
		.payload_size = entry->payload.size,
		.payload_type = TALLY_BYTES_LIT("CUSTOM"),
	};
	uint8_t hash[TALLY_HASH_SIZE];
	struct tally_buf buf = { 0 };
	int result;

	tally_random(filling->salts[i], TALLY_SALT_SIZE);
	snprintf(filling->nonces[i], sizeof filling->nonces[i], "%llu", (unsigned long long)number);
	tally_payload_hash(filling->salts[i], entry->payload, hash);
	statement.payload_hash = hash;
	statement.nonce = tally_bytes_str(filling->nonces[i]);
	tally_statement_format(&statement, &buf);
	signature->member_id = statement.member_id;
	signature->type = KEY_TYPE_SECP256K1;
	result = tally_member_sign(KEY_TYPE_SECP256K1, filling->signer->private,
				   tally_buf_bytes(&buf), signature->bytes, err);
	tally_buf_free(&buf);
	filling->signings[i] = (struct tally_signing){
		signature, 1, statement.nonce, tally_bytes(filling->salts[i], TALLY_SALT_SIZE),
		TALLY_BYTES_NONE
	};
	entry->signing = &filling->signings[i];
	return result;
}

static int fill_batch(struct filling *filling, const uint8_t *pool, uint64_t *random, size_t count,
		      struct tally_err *err)
{
	struct bench *bench = filling->bench;
	struct tally_write write = write_of(bench);

	for (size_t i = 0; i < count; i++) {
		filling->entries[i] = (struct tally_entry){
			.payload = tally_bytes(pool + bench_random(random) % 65536, bench->size)
		};
		if (filling->signer != NULL && sign_entry(filling, i, bench->filled + i, err) != 0)
			return -1;
	}
	return tally_append(bench->core, &write, tally_bytes_str(bench->ledger), filling->entries,
			    count, true, filling->results, err);
}

static bool fill(struct bench *bench, struct signer *signer)
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
	struct signer signer;
	bool by_member = verb_given(bench->call, "signed"), good;

	if (!bench_open_store(bench) || (by_member && !add_signer(bench, &signer)))
		return false;
	good = fill(bench, by_member ? &signer : NULL) && audit(bench, outcome);
	tally_wipe(&signer, sizeof signer);
	return good;
}
