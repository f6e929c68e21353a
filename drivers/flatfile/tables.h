/*
 * What the files of the index half share: a space's tables as a set of runs, how the set is
 * written down, merged and synced. For index.c, manifest.c and merge.c only.
 *
 * A set is immutable and counted; readers take the current one and keep it as long as they like.
 * A run that stands in no set any more is unlinked. Besides the current set the one that was last
 * synced is held, because it is what a power cut leaves: its runs stay until a newer one is durable.
 *
 * Locks, in the order in which they are taken:
 *   tables->merge   one merge of a space at a time
 *   tables->sync    one sync of a space at a time
 *   tables->apply   whoever replaces the current set
 *   index->lock     lists, counts and pointers; held for a change in memory, never over a call
 */
#ifndef FLAT_TABLES_H
#define FLAT_TABLES_H

#include "index.h"
#include "run.h"

#define FLAT_RUNS_MAX 4096		/* in one set: more is not believed */

struct flat_set {
	unsigned int users;		/* under index->lock */
	uint64_t generation;		/* grows with every set of a space */
	struct tally_mark mark;
	uint32_t count;
	struct flat_run *runs[];	/* newest first */
};

struct flat_tables {
	uint64_t id;
	char *dir;			/* index/<space> */
	struct flat_tables *next;	/* in its bucket */
	struct flat_tables *next_work;
	bool working;			/* in the queue of the background thread */

	pthread_mutex_t merge;
	pthread_mutex_t sync;
	pthread_mutex_t apply;

	struct flat_set *current;	/* NULL: not loaded yet */
	struct flat_set *synced;	/* NULL: none is known to be durable */
	uint64_t next_id;
	bool has_dir;			/* under apply */
	bool parent_synced;		/* under sync */
};

#define FLAT_BUCKETS 1024

struct flat_index {
	struct flat_medium medium;
	struct flat_index_conf conf;
	char *dir;			/* index/ */
	pthread_mutex_t lock;
	struct flat_tables *buckets[FLAT_BUCKETS];
	struct flat_index_stat stat;
	bool closing;			/* runs that are let go stay on disk */

	pthread_t thread;
	bool has_thread;
	pthread_cond_t wake;
	struct flat_tables *work;
	atomic_bool stop;
};

/* ---- index.c: sets ---- */

/* A set with room for count runs, in no list, held once. */
struct flat_set *flat_set_new(uint64_t generation, const struct tally_mark *mark, uint32_t count);
/* Puts a run into the next place; the set holds it. */
void flat_set_add(struct flat_index *index, struct flat_set *set, struct flat_run *run);
struct flat_set *flat_set_hold(struct flat_index *index, struct flat_set *const *place);
void flat_set_release(struct flat_index *index, struct flat_set *set);

/* The tables of a space, loaded. NULL on failure. */
struct flat_tables *flat_tables_get(struct flat_index *index, uint64_t space,
				    struct tally_err *err);

/*
 * Writes the manifest of a new set and makes it the current one; takes over the hold on it, on
 * failure lets it go. apply is held.
 */
int flat_tables_install(struct flat_index *index, struct flat_tables *tables,
			struct flat_set *set, struct tally_err *err);

/* Makes the current set durable. */
int flat_tables_sync(struct flat_index *index, struct flat_tables *tables, struct tally_err *err);

/* ---- manifest.c ---- */

/* Loads the newest set that is whole. apply is held, nothing is loaded. */
int flat_tables_load(struct flat_index *index, struct flat_tables *tables, struct tally_err *err);
/* The same where loading failed: an empty set, newer than all that is there. */
void flat_tables_load_empty(struct flat_index *index, struct flat_tables *tables);
/* Unlinks all files but the manifests and the runs of the two sets. */
void flat_tables_sweep(struct flat_index *index, struct flat_tables *tables);

/* all_synced: says so of every run (for manifest.sync and for copies). */
void flat_manifest_encode(struct flat_index *index, const struct flat_tables *tables,
			  const struct flat_set *set, bool all_synced, struct tally_buf *buf);

/* ---- merge.c ---- */

/* Merges what is due; at once when it is little, else in the background. */
void flat_tables_tend(struct flat_index *index, struct flat_tables *tables);
/* Merges until nothing is due, in the caller's thread. */
int flat_tables_merge(struct flat_index *index, struct flat_tables *tables, struct tally_err *err);
void flat_worker_stop(struct flat_index *index);

/* One walk over several runs in order of full keys; of equal keys the newest run's pair counts. */
struct flat_walk {
	struct flat_cursor *cursors;	/* newest first */
	uint32_t count;
	bool backwards;
	struct flat_cursor *at;		/* the pair that counts; NULL: the end */
};

void flat_walk_init(struct flat_walk *walk, struct flat_medium *medium, struct flat_run *const *runs,
		    uint32_t count, bool backwards, bool keep);
int flat_walk_seek(struct flat_walk *walk, struct tally_bytes key, struct tally_err *err);
int flat_walk_next(struct flat_walk *walk, struct tally_err *err);
void flat_walk_close(struct flat_walk *walk);

#endif
