/*
 * Power cuts over the flat-file driver. Each round runs a workload by chance with a recorder below
 * it, then cuts the power at random points in several ways, and opens and audits what each may
 * leave: every acknowledged block is there and whole, nothing is there that was not written, and
 * the index is exactly what its mark says.
 *
 * And once more for each kind of cut: killed at a random point, opened again, what is then shown is
 * noted; then the power goes, and all that was shown must still be there.
 *
 * TALLY_TEST_ROUNDS (default 20) and TALLY_TEST_SEED as everywhere.
 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "flatfile_model.h"
#include "flatfile_record.h"

#define STEPS 60
#define CUTS 12				/* of one workload */

struct round {
	uint64_t seed;
	uint64_t random;
	char store[256];		/* directories */
	char image[256];
	char later[256];
	struct recorder *recorder;
	struct model *model;
	size_t created;			/* from here on there is a store */
};

static const char *const cut_names[] = { "lose all", "keep all", "ordered", "chance" };

static size_t position_of(void *ctx)
{
	return recorder_position(((struct round *)ctx)->recorder);
}

static int failed(const struct round *round, size_t position, enum record_cut cut,
		  const char *what, const char *why)
{
	printf("not ok - seed %" PRIu64 ": power cut after operation %zu (%s), %s: %s\n",
	       round->seed, position, cut_names[cut], what, why);
	printf("# %s is left to look at\n", round->image);
	return -1;
}

/* ---- the workload ---- */

static int work(struct round *round)
{
	struct tally_store *store;
	struct tally_err err = { 0 };
	int ret;

	flat_files_use(recorder_files(round->recorder));
	ret = model_open(round->store, true, &store, &err);
	round->created = recorder_position(round->recorder);
	for (int i = 0; ret == 0 && i < STEPS; i++) {
		ret = model_step(round->model, store, &err);
		if (ret == 0 && random_below(&round->random, 25) == 0) {
			tally_store_close(&store);
			ret = model_open(round->store, false, &store, &err);
		}
	}
	if (ret == 0)
		tally_store_close(&store);
	flat_files_use(NULL);
	if (ret < 0)
		printf("not ok - seed %" PRIu64 ": the workload failed: %s\n", round->seed, err.text);
	return ret;
}

/* ---- one cut ---- */

/* Opened twice: what the first opening repaired must satisfy the second. */
static int check_image(struct round *round, size_t position, enum record_cut cut)
{
	struct tally_err err = { 0 };
	struct tally_store *store;
	const char *bad;

	for (int i = 0; i < 2; i++) {
		if (model_open(round->image, false, &store, &err) < 0)
			return failed(round, position, cut, i == 0 ? "open" : "second open", err.text);
		bad = model_audit(round->model, position, store);
		if (bad == NULL && i == 1)
			bad = model_goes_on(round->model, store);
		tally_store_close(&store);
		if (bad != NULL)
			return failed(round, position, cut, i == 0 ? "audit" : "second audit", bad);
	}
	return 0;
}

static int check_cut(struct round *round)
{
	size_t end = recorder_position(round->recorder);
	size_t position = round->created + random_below(&round->random, end - round->created + 1);
	enum record_cut cut = (enum record_cut)random_below(&round->random, CUT_KINDS);

	recorder_image(round->recorder, position, cut, &round->random, round->image);
	return check_image(round, position, cut);
}

/* ---- killed, opened, then the power ---- */

static int check_shown(struct round *round, enum record_cut cut)
{
	uint64_t shown[MODEL_SPACES], now[MODEL_SPACES];
	size_t end = recorder_position(round->recorder);
	size_t position = round->created + random_below(&round->random, end - round->created + 1);
	struct tally_err err = { 0 };
	struct tally_store *store;
	struct recorder *again;
	size_t opened;
	char why[100];

	recorder_image(round->recorder, position, CUT_KEEP_ALL, &round->random, round->image);
	again = recorder_resume(round->recorder, position, round->image);
	flat_files_use(recorder_files(again));
	if (model_open(round->image, false, &store, &err) < 0) {
		flat_files_use(NULL);
		recorder_free(again);
		return failed(round, position, CUT_KEEP_ALL, "open", err.text);
	}
	opened = recorder_position(again);
	model_counts(store, shown);
	tally_store_close(&store);
	flat_files_use(NULL);
	recorder_image(again, opened, cut, &round->random, round->later);
	recorder_free(again);
	if (model_open(round->later, false, &store, &err) < 0)
		return failed(round, position, cut, "open after being killed", err.text);
	model_counts(store, now);
	tally_store_close(&store);
	for (size_t i = 0; i < MODEL_SPACES; i++) {
		snprintf(why, sizeof(why), "space %zu showed %" PRIu64 " blocks, has %" PRIu64, i,
			 shown[i], now[i]);
		if (now[i] < shown[i])
			return failed(round, position, cut, "after being killed", why);
	}
	return 0;
}

/* ---- rounds ---- */

static int run_round(uint64_t seed, const char *directory)
{
	struct round round = { .seed = seed, .random = seed * 0xc2b2ae3d27d4eb4fu | 1 };
	int ret;

	snprintf(round.store, sizeof(round.store), "%s/store", directory);
	snprintf(round.image, sizeof(round.image), "%s/image", directory);
	snprintf(round.later, sizeof(round.later), "%s/later", directory);
	round.recorder = recorder_new(round.store);
	round.model = model_new(seed, position_of, &round);
	ret = work(&round);
	for (int i = 0; ret == 0 && i < CUTS; i++)
		ret = check_cut(&round);
	for (int i = 0; ret == 0 && i < CUT_KINDS; i++)
		ret = check_shown(&round, (enum record_cut)i);
	directory_remove(round.store);
	if (ret == 0) {
		directory_remove(round.image);
		directory_remove(round.later);
	}
	model_free(round.model);
	recorder_free(round.recorder);
	return ret;
}

static uint64_t number_from(const char *name, uint64_t fallback)
{
	const char *text = getenv(name);

	return text != NULL && text[0] != '\0' ? strtoull(text, NULL, 10) : fallback;
}

int main(void)
{
	const char *base = getenv("TMPDIR");
	uint64_t seed = number_from("TALLY_TEST_SEED", (uint64_t)time(NULL) * 1000003u % 1000000007u);
	uint64_t rounds = number_from("TALLY_TEST_ROUNDS", 20);
	struct tally_err err;
	char directory[200];
	int ret = 0;

	snprintf(directory, sizeof(directory), "%s/flatfile_power.XXXXXX", base != NULL ? base : "/tmp");
	if (mkdtemp(directory) == NULL) {
		printf("not ok - scratch directory %s\n", directory);
		return 1;
	}
	/* Torn tails and older manifests are what this is about: their notes would fill the screen. */
	tally_log_open(TALLY_LOG_ERROR, NULL, &err);
	printf("# seed %" PRIu64 " (TALLY_TEST_SEED), %" PRIu64 " rounds (TALLY_TEST_ROUNDS)\n", seed,
	       rounds);
	for (uint64_t i = 0; ret == 0 && i < rounds; i++)
		ret = run_round(seed + i, directory);
	if (ret == 0) {
		printf("ok - power cuts: %" PRIu64 " workloads, %" PRIu64 " images\n", rounds,
		       rounds * (CUTS + CUT_KINDS));
		rmdir(directory);
	}
	printf("1..1\n");
	return ret < 0;
}
