/*
 * The driver interface: what a storage engine must promise, for those who write drivers and for
 * store.c, which is the only caller. Everyone else calls the functions of store.h.
 *
 * A driver keeps bytes and knows nothing of journals. A store has spaces, named by a number; a
 * space holds blocks (the truth) and index tables (a cache that can be rebuilt from the blocks).
 * store.c has already checked arguments and capabilities; methods may assert them. Unless said
 * otherwise a method returns 0, or -1 with *err naming operation, space, block or table and key,
 * and cause. Every method may be called from several threads at once, except that apply and reset
 * of one space come from one thread at a time, and close comes last and alone.
 *
 * Rules for all drivers (the conformance suite checks them):
 *  - After a crash at any instant the store opens by itself to the last acknowledged block. A torn
 *    tail is cut off with a logged note. Index marks are at or before the blocks. Any other damage
 *    is CORRUPT and names the place; wrong bytes are never returned.
 *  - A block is shown (last, read) only when a power cut can no longer take it back; open syncs
 *    the tail and its directory before it shows anything.
 *  - After a failed sync the handle is dead: every later write is UNCERTAIN.
 *  - FULL and IO lose nothing acknowledged. Readers never wait for writers.
 */
#ifndef TALLY_DRIVER_H
#define TALLY_DRIVER_H

#include "arena.h"
#include "bytes.h"
#include "conf.h"
#include "err.h"
#include "log.h"

#define TALLY_DRIVER_ABI 1

/* What a driver promises; asked once at open. */
enum tally_cap {
	TALLY_CAP_BLOCKS = 1 << 0,	/* has the blocks half */
	TALLY_CAP_INDEX = 1 << 1,	/* has the index half */
	TALLY_CAP_DURABLE = 1 << 2,	/* survives the process and a power cut */
	TALLY_CAP_HOSTS = 1 << 3,	/* several processes and hosts may open it at once */
	TALLY_CAP_LOCAL = 1 << 4,	/* lives in a local directory that one process owns */
	TALLY_CAP_GROUP = 1 << 5	/* one append may carry many spaces under one sync */
};

#define TALLY_BLOCK_MAX (64u << 20)	/* bytes of a block a driver must take; we write up to ~8 MiB */
#define TALLY_TABLE_MAX 64		/* index tables are numbered 0 .. 63 */
#define TALLY_KEY_MAX 512		/* bytes of an index key, at least 1 */
#define TALLY_VALUE_MAX (1u << 20)	/* bytes of an index value, may be 0 */

/* One block to create. data is borrowed for the call. */
struct tally_block_write {
	uint64_t space;
	uint64_t number;
	struct tally_bytes data;	/* at least 1 byte */
	enum tally_code outcome;	/* filled in: TALLY_OK, CONFLICT, UNCERTAIN, FULL, IO ... */
};

struct tally_range {
	uint64_t offset;
	uint64_t size;
};

/* How far the index tables of a space have come. All zero: nothing applied. */
struct tally_mark {
	uint64_t blocks;		/* blocks 0 .. blocks-1 are applied */
	uint8_t header_hash[32];	/* hash of the header of block blocks-1 */
	uint8_t store_id[16];		/* the store these tables were built for */
	uint32_t projection;		/* version of the functions that built them */
};
#define TALLY_MARK_SIZE 60		/* u64, 32, 16, u32 big-endian: how drivers should keep it */

/* One change of an index table. */
struct tally_change {
	uint32_t table;
	bool remove;			/* key is taken out (absent already: fine); value is ignored */
	struct tally_bytes key;
	struct tally_bytes value;
};

/* Called for each pair of a scan, in order; the bytes live until it returns. 0: go on, 1: stop. */
typedef int tally_scan_each(void *ctx, struct tally_bytes key, struct tally_bytes value);

/* Called for each space; 0: go on, 1: stop. */
typedef int tally_space_each(void *ctx, uint64_t space, uint64_t blocks, bool dropped);

/* Figures for `tally stat`; the driver adds what it likes. */
typedef void tally_stat_each(void *ctx, const char *name, uint64_t value);

struct tally_store_args {
	const char *location;		/* directory, or URL of the engine */
	const struct tally_conf *conf;	/* section [<driver name>] has the driver's settings */
	bool create;			/* make a new store there (EXISTS if there is one) */
	bool blocks;			/* which halves are wanted of it */
	bool index;
};

/* What every driver's own struct begins with. */
struct tally_store {
	const struct tally_driver *driver;
	uint32_t caps;
};

struct tally_driver {
	unsigned int abi;			/* TALLY_DRIVER_ABI it was built for */
	const char *name;			/* as written in tally.conf */
	const char *summary;			/* one line for `tally drivers` */
	uint32_t caps;				/* TALLY_CAP_* */
	const struct tally_setting *settings;	/* rows of [<name>], or NULL */

	/* Opens, recovers, syncs. NOTFOUND where there is no store and create is false. With CAP_LOCAL,
	 * a store that was closed and is only read costs no sync and is left as it was found: what
	 * is to be synced is what its last writer did not say it had. */
	int (*open)(const struct tally_store_args *args, struct tally_store **store_r,
		    struct tally_err *err);
	/* Everything acknowledged is durable already; this only lets go. */
	void (*close)(struct tally_store *store);

	/* ---- blocks ---- */

	/* Number of blocks of a space: 0 where it does not exist. NOTFOUND (-1) once dropped. */
	int (*last)(struct tally_store *store, uint64_t space, uint64_t *count_r,
		    struct tally_err *err);

	/*
	 * Create these blocks, each with exactly the next number of its space, each whole or not
	 * at all; those whose outcome is OK are durable when it returns. At most one block per
	 * space in a call. CONFLICT: a block of that number exists already (nothing of it was
	 * written); UNCERTAIN: the engine cannot tell, so read back and compare. A number above
	 * the next is INVALID. An append to a dropped space is NOTFOUND. Returns -1, with *err of
	 * the first, if any outcome is not OK.
	 */
	int (*append)(struct tally_store *store, struct tally_block_write *blocks,
		      size_t block_count, struct tally_err *err);

	/*
	 * Bytes offset .. offset+size of a block, fewer where it ends before (none at or beyond
	 * its end). 1 found, 0 no such block. The bytes live in arena.
	 */
	int (*read)(struct tally_store *store, uint64_t space, uint64_t number, uint64_t offset,
		    uint64_t size, struct tally_arena *arena, struct tally_bytes *bytes_r,
		    struct tally_err *err);

	/*
	 * Zero these ranges of a block in place, durably: same length, idempotent, commutative. A
	 * crash in the midst leaves each byte old or zero, and the block readable.
	 */
	int (*erase)(struct tally_store *store, uint64_t space, uint64_t number,
		     const struct tally_range *ranges, size_t range_count, struct tally_err *err);

	/* Returns when no erased byte is left in anything the driver owns: data files, free pages,
	 * logs, region files. */
	int (*scrub)(struct tally_store *store, struct tally_err *err);

	/* Removes all bytes of a space and leaves a tombstone: the number is never used again. */
	int (*drop)(struct tally_store *store, uint64_t space, struct tally_err *err);

	/* All spaces in ascending order, dropped ones too. */
	int (*spaces)(struct tally_store *store, tally_space_each *each, void *ctx,
		      struct tally_err *err);

	/* ---- index tables ---- */

	/* The mark of a space; all zero where nothing was applied. */
	int (*mark)(struct tally_store *store, uint64_t space, struct tally_mark *mark_r,
		    struct tally_err *err);

	/*
	 * Make these changes, sorted by table and key with no pair twice, and move the mark from
	 * *from to *to: all or nothing. CONFLICT when *from is not the mark. Need not be synced:
	 * after a crash an older mark with exactly the tables of that mark may be found.
	 */
	int (*apply)(struct tally_store *store, uint64_t space, const struct tally_mark *from,
		     const struct tally_mark *to, const struct tally_change *changes,
		     size_t change_count, struct tally_err *err);

	/* 1 found, 0 not. The value lives in arena. */
	int (*get)(struct tally_store *store, uint64_t space, uint32_t table,
		   struct tally_bytes key, struct tally_arena *arena, struct tally_bytes *value_r,
		   struct tally_err *err);

	/*
	 * All pairs with low <= key < high (high empty: to the end of the table) in ascending
	 * order, or descending when backwards. Each call of each sees a pair of one mark; pairs of
	 * two marks may meet in one scan.
	 */
	int (*scan)(struct tally_store *store, uint64_t space, uint32_t table,
		    struct tally_bytes low, struct tally_bytes high, bool backwards,
		    tally_scan_each *each, void *ctx, struct tally_err *err);

	/* Drops all index tables of the space; its mark is all zero again. */
	int (*reset)(struct tally_store *store, uint64_t space, struct tally_err *err);

	/* Makes the index durable as of now. NULL: nothing to do. */
	int (*sync_index)(struct tally_store *store, struct tally_err *err);

	/* ---- the store ---- */

	/* Checkpoints, merges, log removal; safe at any time, also from cron. NULL: nothing. */
	int (*maintain)(struct tally_store *store, struct tally_err *err);

	/*
	 * A copy in a new directory that opens as a store with every block acknowledged before the
	 * call, while appends go on. Space 0 is copied first, then of each space the index before
	 * the blocks. NULL: UNSUPPORTED.
	 */
	int (*backup)(struct tally_store *store, const char *directory, struct tally_err *err);

	/* Counts since open: at least "appends", "blocks", "bytes", "syncs", "applies". */
	int (*stat)(struct tally_store *store, tally_stat_each *each, void *ctx,
		    struct tally_err *err);
};

/* A loadable module, $libdir/tallystick/<name>.so, exports its table under this name. */
#define TALLY_DRIVER_SYMBOL "tally_driver_module"

#endif
