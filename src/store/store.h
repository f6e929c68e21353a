/*
 * Stores, for everyone above them: finding a driver, opening a store, and one checked function
 * per method of the driver interface (contracts: driver.h). The checks here are those that every
 * driver would need: sizes, order of changes, capabilities.
 */
#ifndef TALLY_STORE_H
#define TALLY_STORE_H

#include "driver.h"

/* ---- registry ---- */

/* Built-in drivers in the order of configure's list; NULL-terminated. Generated. */
extern const struct tally_driver *const tally_builtin_drivers[];

/*
 * The driver of that name: built in, registered, or loaded from module_dir (NULL: the installed
 * place). NOTFOUND lists the names there are; a module of another ABI is UNSUPPORTED with both
 * numbers. The table lives as long as the process.
 */
int tally_driver_find(const char *name, const char *module_dir,
		      const struct tally_driver **driver_r, struct tally_err *err);

/* Adds a driver at run time (tests, wrappers). A name registered twice is EXISTS. */
int tally_driver_register(const struct tally_driver *driver, struct tally_err *err);

#define TALLY_DRIVER_NAME 33	/* bytes that hold a driver's name */

/*
 * Which driver made the store in a directory: the first line of its file "format" is "tallystick
 * NAME ..." by convention of all drivers that live in one. False where nothing says so.
 */
bool tally_driver_of(const char *location, char name[TALLY_DRIVER_NAME]);

/* The driver of a new store where none is named: bdb, or the first that is built in. */
const char *tally_driver_default(void);

/* ---- one store ---- */

int tally_store_open(const struct tally_driver *driver, const struct tally_store_args *args,
		     struct tally_store **store_r, struct tally_err *err);
/* Takes the handle and clears it; NULL is fine. */
void tally_store_close(struct tally_store **store);

int tally_store_last(struct tally_store *store, uint64_t space, uint64_t *count_r,
		     struct tally_err *err);
int tally_store_append(struct tally_store *store, struct tally_block_write *blocks,
		       size_t block_count, struct tally_err *err);
int tally_store_read(struct tally_store *store, uint64_t space, uint64_t number, uint64_t offset,
		     uint64_t size, struct tally_arena *arena, struct tally_bytes *bytes_r,
		     struct tally_err *err);
int tally_store_erase(struct tally_store *store, uint64_t space, uint64_t number,
		      const struct tally_range *ranges, size_t range_count, struct tally_err *err);
int tally_store_scrub(struct tally_store *store, struct tally_err *err);
int tally_store_drop(struct tally_store *store, uint64_t space, struct tally_err *err);
int tally_store_spaces(struct tally_store *store, tally_space_each *each, void *ctx,
		       struct tally_err *err);
int tally_store_mark(struct tally_store *store, uint64_t space, struct tally_mark *mark_r,
		     struct tally_err *err);
int tally_store_apply(struct tally_store *store, uint64_t space, const struct tally_mark *from,
		      const struct tally_mark *to, const struct tally_change *changes,
		      size_t change_count, struct tally_err *err);
int tally_store_get(struct tally_store *store, uint64_t space, uint32_t table,
		    struct tally_bytes key, struct tally_arena *arena,
		    struct tally_bytes *value_r, struct tally_err *err);
int tally_store_scan(struct tally_store *store, uint64_t space, uint32_t table,
		     struct tally_bytes low, struct tally_bytes high, bool backwards,
		     tally_scan_each *each, void *ctx, struct tally_err *err);
int tally_store_reset(struct tally_store *store, uint64_t space, struct tally_err *err);
int tally_store_sync_index(struct tally_store *store, struct tally_err *err);
int tally_store_maintain(struct tally_store *store, struct tally_err *err);
int tally_store_backup(struct tally_store *store, const char *directory, struct tally_err *err);
int tally_store_stat(struct tally_store *store, tally_stat_each *each, void *ctx,
		     struct tally_err *err);

/* Encoding of a mark for drivers that keep it as bytes. */
void tally_mark_encode(const struct tally_mark *mark, uint8_t out[TALLY_MARK_SIZE]);
void tally_mark_decode(struct tally_mark *mark, const uint8_t in[TALLY_MARK_SIZE]);
bool tally_mark_equal(const struct tally_mark *a, const struct tally_mark *b);

#endif
