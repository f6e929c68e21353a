/*
 * tally bench verify and tree: the log tree alone, by one thread, without a store.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "bench_work.h"
#include "clock.h"
#include "secret.h"
#include "tree.h"

#define PROOFS 4096			/* different ones that verify checks in turn */

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
	for (size_t i = 0; i < PROOFS; i++) {
		proofs[i].index = bench_random(&random) % levels->leaves;
		proofs[i].leaf = levels->level[0][proofs[i].index];
		proofs[i].count = (size_t)tally_inclusion_prove(proofs[i].index, levels->leaves,
								levels_node, (void *)levels,
								proofs[i].path);
	}
}

bool bench_verify(struct bench *bench, struct outcome *outcome)
{
	struct proven *proofs = tally_calloc(PROOFS, sizeof *proofs);
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
	while (good && bench_goes_on(&worker, now)) {
		uint64_t before = now;

		for (size_t i = 0; good && i < PROOFS; i++)
			good = tally_inclusion_verify(proofs[i].index, levels.leaves, &proofs[i].leaf,
						      proofs[i].path, proofs[i].count, &root);
		worker.count += PROOFS;
		now = tally_mono_ns();
		bench_note_latency(&worker, (now - before) / PROOFS);
	}
	if (!good)
		verb_fail(bench->call, "a proof does not verify");
	bench_sum_up(&worker, 1, begun, outcome);
	bench_worker_end(&worker);
	free(proofs);
	levels_free(&levels);
	return good;
}


/* ---- tree ---- */

#define TREE_DEPTH 40
#define TREE_LEAVES 4096		/* different ones, a power of 2 */
#define TURN_NS 50000000ull

/* As it is after this many leaves, more than half of what the depth holds; its hashes are arbitrary. */
static void deep_frontier(struct tally_frontier *frontier)
{
	tally_random(frontier, sizeof *frontier);
	frontier->size &= (1ull << TREE_DEPTH) - 1;
	frontier->size |= 1ull << (TREE_DEPTH - 1);
}

static uint64_t build_for_a_turn(struct bench *bench, struct tally_frontier *frontier,
				 const struct tally_hash *leaves, struct tally_hash *root_r)
{
	uint64_t end = tally_mono_ns() + TURN_NS, count = 0;

	do {
		for (uint64_t i = 0; i < bench->batch; i++)
			tally_frontier_append(frontier, &leaves[(count + i) % TREE_LEAVES]);
		tally_frontier_root(frontier, root_r);
		count += bench->batch;
	} while (tally_mono_ns() < end);
	return count;
}

/* Each node is over the one before, so that none can be left out. */
static uint64_t hash_for_a_turn(const struct tally_hash *leaves, struct tally_hash *node)
{
	uint64_t end = tally_mono_ns() + TURN_NS, count = 0;

	do {
		for (unsigned int i = 0; i < 1024; i++)
			tally_node_hash(&leaves[(count + i) % TREE_LEAVES], node, node);
		count += 1024;
	} while (tally_mono_ns() < end);
	return count;
}

bool bench_tree(struct bench *bench, struct outcome *outcome)
{
	struct tally_hash *leaves = tally_malloc(TREE_LEAVES * sizeof *leaves), root, node = { 0 };
	double building = 0, hashing = 0;
	struct worker worker = { .bench = bench };
	struct tally_frontier frontier;
	uint64_t nodes = 0, begun;

	tally_random(leaves, TREE_LEAVES * sizeof *leaves);
	deep_frontier(&frontier);
	bench->deadline_ns = tally_mono_ns() + bench->seconds * 1000000000ull;
	while (bench_goes_on(&worker, begun = tally_mono_ns())) {
		outcome->count += build_for_a_turn(bench, &frontier, leaves, &root);
		building += (double)(tally_mono_ns() - begun) / 1e9;
		begun = tally_mono_ns();
		nodes += hash_for_a_turn(leaves, &node);
		hashing += (double)(tally_mono_ns() - begun) / 1e9;
	}
	outcome->seconds = building;
	outcome->node_rate = hashing > 0 ? (double)nodes / hashing : 0;
	free(leaves);
	return true;
}
