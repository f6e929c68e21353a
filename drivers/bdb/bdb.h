/*
 * Inside the Berkeley DB driver: what its files share. Nobody else includes this; <db.h> is seen
 * in this folder only.
 *
 * One environment (DIR/env) with two B-trees, both with 4 KiB pages and page checksums:
 *  blocks.db  space, number, part -> bytes of the block (first part: 8 bytes of total size before)
 *  index.db   slot, table, key -> value; slot 0 is the directory (see index.c)
 * DIR/format names the format and carries the store's secret, DIR/checkpoint tells how far the log
 * is known to be whole (see tail.c).
 *
 * Locks, in the order in which they are taken: keep_lock (one checkpoint, scrub or backup at a
 * time), append_lock (one writer of blocks.db), index_lock (one writer of index.db), lock (counts,
 * marks and figures in memory; never held over a call of the engine). Readers take only the last.
 */
#ifndef TALLY_BDB_H
#define TALLY_BDB_H

#include "config.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include <db.h>

#include "store.h"

#define BDB_FORMAT 2			/* of new stores; those of format 1 are kept as they are */
#define BDB_PAGE 4096
#define BDB_SECRET 16			/* bytes that nobody outside the store can guess */

/*
 * The most bytes of a part: so many overflow pages hold them and the 8 bytes that the first part
 * has in front. The engine comes to a place in a part by way of all its pages before it, so with
 * few of them a journal of a large block is read fast; with fewer than 8, appends get slower.
 */
#define BDB_PART(pages) ((pages) * (BDB_PAGE - 32u) - BDB_HEAD)
#define BDB_BLOCK_KEY 20		/* u64 space, u64 number, u32 part */
#define BDB_HEAD 8			/* of a first part: u64 size of the block */
#define BDB_TOMBSTONE UINT64_MAX	/* the number under which a dropped space has its tombstone */

/* A deadlock's victim tries again; this often means that something else is wrong. */
#define BDB_TRIES 200

struct bdb_settings {
	uint64_t cache;
	uint64_t log_file;
	uint64_t checkpoint;
};

/* The changes of a running apply, which readers hold against what they find in index.db. */
struct bdb_overlay {
	size_t users;			/* under store->lock */
	uint32_t slot;
	struct tally_mark mark;
	size_t count;
	struct tally_change *changes;	/* sorted by table and key; bytes in the same piece of memory */
};

/* What is known of a space; made at first use and kept until close. Fields: store->lock. */
struct bdb_space {
	struct bdb_space *next;		/* of the same bucket */
	uint64_t number;
	uint64_t blocks;		/* durable ones */
	bool dropped;
	uint32_t slot;			/* of its index tables; 0: it has none */
	struct tally_mark mark;
	struct bdb_overlay *overlay;	/* or NULL */
};

struct bdb_figures {
	uint64_t appends, blocks, bytes, applies, checkpoints, retries, damaged_pages;
};

struct bdb_store {
	struct tally_store base;
	struct bdb_settings set;
	char *dir;
	char *env_dir;
	uint32_t format;		/* as its format file says, or 0 before that is known */
	size_t part;			/* the most bytes of a part; by format */
	uint8_t secret[BDB_SECRET];
	DB_ENV *env;
	DB *blocks;
	DB *index;
	int env_fd;			/* the directory of the environment */

	pthread_mutex_t keep_lock;
	pthread_mutex_t append_lock;
	pthread_mutex_t index_lock;
	pthread_mutex_t lock;

	bool clean;			/* opened as a clean close had left it, which was at ... */
	uint32_t clean_file, clean_offset;

	bool extended;			/* the log file has its full size; under append_lock */
	uint32_t next_slot;		/* under index_lock */

	/* under lock */
	struct bdb_space **buckets;
	size_t bucket_count;
	size_t space_count;
	struct bdb_figures figures;
	char message[160];		/* the engine's first complaint since the last error */
	uint64_t told_ns;		/* when a complaint went into the log */

	atomic_bool failed;		/* a sync failed: nothing is written any more */
	atomic_bool panicked;		/* the engine gave up: nothing is read any more either */
	atomic_bool bad_page;		/* the complaint just heard was a page checksum */
	atomic_bool wrote;		/* since open or the last checkpoint */
	atomic_uint_fast64_t logged;	/* bytes since the last checkpoint, about */

	/* the keeper: a thread that checkpoints and clears away */
	pthread_t keeper;
	bool keeper_runs;
	pthread_mutex_t keeper_lock;
	pthread_cond_t keeper_wake;
	atomic_bool keeper_stop;
	bool keeper_due;
	atomic_bool trash;		/* there is something to clear away */
};

extern const struct tally_driver tally_driver_bdb;

static inline struct bdb_store *bdb_downcast(struct tally_store *store)
{
	assert(store->driver == &tally_driver_bdb);
	return (struct bdb_store *)store;
}

/* ---- bdb.c ---- */

/* From a code of the engine to ours, with its own words; always returns -1. */
int bdb_fail(struct bdb_store *bdb, int ret, struct tally_err *err, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Waits a little before try number tries (from 1) after a deadlock; false: give up. */
bool bdb_again(struct bdb_store *bdb, int ret, unsigned int tries);

/* Refuses to write after a failure, or when the medium could not take bytes more. */
int bdb_may_write(struct bdb_store *bdb, uint64_t bytes, const char *what, struct tally_err *err);
int bdb_may_read(struct bdb_store *bdb, const char *what, struct tally_err *err);

/* The store has failed; says so in the log once. */
void bdb_set_failed(struct bdb_store *bdb, const char *what, int ret);

/* Finds or loads a space. The pointer is good until close. */
int bdb_space(struct bdb_store *bdb, uint64_t number, struct bdb_space **space_r,
	      struct tally_err *err);

/* Opens environment and trees in bdb->env_dir; catastrophic: read all logs there are. */
int bdb_env_open(struct bdb_store *bdb, bool create, bool catastrophic, struct tally_err *err);

/* Lets go of the trees, which is logged; and of all of it. */
void bdb_trees_close(struct bdb_store *bdb);
void bdb_env_close(struct bdb_store *bdb);
/* The same, and nothing of what was logged since open reaches the files. */
void bdb_env_leave(struct bdb_store *bdb);
/* A checkpoint of the engine, whose syncs appends do not wait for. */
int bdb_env_checkpoint(struct bdb_store *bdb, bool force);

/* A store that is not open yet; make_dirs: also what open needs of it in dir. */
struct bdb_store *bdb_new(const char *dir, const struct bdb_settings *set);
void bdb_free(struct bdb_store *bdb);
int bdb_make_dirs(struct bdb_store *bdb, struct tally_err *err);
int bdb_open_dir(struct bdb_store *bdb, struct tally_err *err);

/* The engine's own callbacks, for every environment of the store. */
void bdb_env_listen(struct bdb_store *bdb, DB_ENV *env);

static inline DBT bdb_dbt(const void *data, size_t size)
{
	return (DBT){ .data = (void *)(uintptr_t)data, .size = (u_int32_t)size,
		      .ulen = (u_int32_t)size, .flags = DB_DBT_USERMEM };
}

/* ---- blocks.c ---- */

int bdb_blocks_load(struct bdb_store *bdb, struct bdb_space *space);
int bdb_last(struct tally_store *store, uint64_t space, uint64_t *count_r, struct tally_err *err);
int bdb_append(struct tally_store *store, struct tally_block_write *blocks, size_t block_count,
	       struct tally_err *err);
int bdb_read(struct tally_store *store, uint64_t space, uint64_t number, uint64_t offset,
	     uint64_t size, struct tally_arena *arena, struct tally_bytes *bytes_r,
	     struct tally_err *err);
int bdb_erase(struct tally_store *store, uint64_t space, uint64_t number,
	      const struct tally_range *ranges, size_t range_count, struct tally_err *err);
int bdb_spaces(struct tally_store *store, tally_space_each *each, void *ctx,
	       struct tally_err *err);
void bdb_block_key(uint8_t key[BDB_BLOCK_KEY], uint64_t space, uint64_t number, uint32_t part);

/* ---- index.c ---- */

int bdb_index_load(struct bdb_store *bdb, struct bdb_space *space);
int bdb_mark(struct tally_store *store, uint64_t space, struct tally_mark *mark_r,
	     struct tally_err *err);
int bdb_apply(struct tally_store *store, uint64_t space, const struct tally_mark *from,
	      const struct tally_mark *to, const struct tally_change *changes,
	      size_t change_count, struct tally_err *err);
int bdb_get(struct tally_store *store, uint64_t space, uint32_t table, struct tally_bytes key,
	    struct tally_arena *arena, struct tally_bytes *value_r, struct tally_err *err);
int bdb_scan(struct tally_store *store, uint64_t space, uint32_t table, struct tally_bytes low,
	     struct tally_bytes high, bool backwards, tally_scan_each *each, void *ctx,
	     struct tally_err *err);
int bdb_reset(struct tally_store *store, uint64_t space, struct tally_err *err);
int bdb_drop(struct tally_store *store, uint64_t space, struct tally_err *err);
int bdb_sync_index(struct tally_store *store, struct tally_err *err);
void bdb_overlay_free(struct bdb_overlay *overlay);

/* Writes what applies could not write; at most what sync_index would. */
int bdb_index_drain(struct bdb_store *bdb, struct tally_err *err);

/* At open: the next free slot, and whether resets or drops left something to clear away. */
int bdb_directory_load(struct bdb_store *bdb, struct tally_err *err);

/* Removes what resets and drops left behind; with stop, ends early when *stop turns true. */
int bdb_clear_trash(struct bdb_store *bdb, const atomic_bool *stop, struct tally_err *err);

/* ---- keep.c ---- */

int bdb_keeper_start(struct bdb_store *bdb, struct tally_err *err);
void bdb_keeper_stop(struct bdb_store *bdb);

/* Told after each write: wakes the keeper when enough log has gathered. */
void bdb_keeper_hint(struct bdb_store *bdb, uint64_t log_bytes);
void bdb_keeper_poke(struct bdb_store *bdb);

/* Everything written is in the trees and synced. keep_lock held, as for the next. */
int bdb_checkpoint_trees(struct bdb_store *bdb, bool force, struct tally_err *err);

/* The same; the end of the log is remembered, and old logs go. */
int bdb_checkpoint(struct bdb_store *bdb, bool force, struct tally_err *err);

/* A clean close: a checkpoint if anything was written, a short log, and all handles let go. */
int bdb_keep_close(struct bdb_store *bdb, struct tally_err *err);

int bdb_maintain(struct tally_store *store, struct tally_err *err);
int bdb_scrub(struct tally_store *store, struct tally_err *err);
int bdb_backup(struct tally_store *store, const char *directory, struct tally_err *err);

/* ---- tail.c ---- */

/* Secret, format and what follows from it: as the file in bdb->dir says (1; 0: there is none) ... */
int bdb_format_read(struct bdb_store *bdb, struct tally_err *err);
/* ... of a store about to be made, or as in another one. */
int bdb_format_new(struct bdb_store *bdb, struct tally_err *err);
void bdb_format_copy(struct bdb_store *bdb, const struct bdb_store *from);
/* Makes the file, durably. */
int bdb_format_write(const struct bdb_store *bdb, struct tally_err *err);

/* Before recovery: is the log whole as far as it was known to be, and what hangs behind it? */
int bdb_tail_check(struct bdb_store *bdb, struct tally_err *err);

/* Makes the log durable up to its end, and remembers that it is. */
struct bdb_log_end {
	uint32_t file, offset;
};
int bdb_tail_remember(struct bdb_store *bdb, struct bdb_log_end *end_r, struct tally_err *err);

/*
 * The engine makes a log file in its full size, and recovery fills what is behind the end with
 * zeros, slowly. So a log file is cut when nobody needs its size, and made whole for appending.
 */
void bdb_tail_cut(struct bdb_store *bdb, const struct bdb_log_end *end);
void bdb_tail_extend(struct bdb_store *bdb);

/* A log record that tells recovery how far the log was durable when it was written. */
int bdb_tail_mark(struct bdb_store *bdb);

/* Of the log now: where it ends, what is durable, bytes since the last checkpoint. */
struct bdb_log_state {
	uint32_t file, offset;
	uint32_t disk_file, disk_offset;
	uint64_t since_checkpoint;
	uint64_t syncs;
};
int bdb_log_state(struct bdb_store *bdb, struct bdb_log_state *state_r);

int bdb_sync_names(const char *dir, struct tally_err *err);
int bdb_sync_dir(const char *dir, struct tally_err *err);
int bdb_sync_files(const struct bdb_store *bdb, struct tally_err *err);

#endif
