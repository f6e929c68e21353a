/*
 * What an audit remembers, in little memory: a map from 16 bytes of a hash to a number, files for
 * what grows without bound, and a set that only has to say at its end what was in it twice.
 */
#ifndef TALLY_AUDIT_MAP_H
#define TALLY_AUDIT_MAP_H

#include "buf.h"
#include "err.h"
#include "hash.h"

/* ---- map ---- */

#define AUDIT_KEY 16

struct audit_map_row {
	uint8_t key[AUDIT_KEY];
	uint64_t value;		/* plus 1; 0: free */
};

/* Zeroed: empty. Keys are uniformly distributed: parts of hashes. */
struct audit_map {
	struct audit_map_row *rows;
	size_t room, count;
};

/* The key for some bytes of one kind. */
void audit_map_key(const char *kind, struct tally_bytes bytes, uint8_t key_r[AUDIT_KEY]);
/* True and the value where it is there. */
bool audit_map_get(const struct audit_map *map, const uint8_t key[AUDIT_KEY], uint64_t *value_r);
void audit_map_put(struct audit_map *map, const uint8_t key[AUDIT_KEY], uint64_t value);
void audit_map_remove(struct audit_map *map, const uint8_t key[AUDIT_KEY]);
void audit_map_free(struct audit_map *map);

/* ---- bytes that may grow beyond memory ---- */

/* Rows of one size, added at the end; beyond 4 MiB they go to a file without a name. */
struct audit_spill {
	const char *directory;
	size_t row;		/* bytes */
	uint64_t count;
	uint64_t written;	/* rows in the file */
	struct tally_buf tail;	/* those behind them */
	int fd;			/* -1: there is no file */
};

void audit_spill_begin(struct audit_spill *spill, const char *directory, size_t row);
int audit_spill_add(struct audit_spill *spill, const void *row, struct tally_err *err);
int audit_spill_get(const struct audit_spill *spill, uint64_t number, uint64_t count, void *rows_r,
		    struct tally_err *err);
/* All rows go; what they took on the disk too. */
void audit_spill_clear(struct audit_spill *spill);
void audit_spill_free(struct audit_spill *spill);

/* ---- what occurs twice ---- */

/* Rows of a key and a number. Sorted runs go to a spill, and are merged when it is asked. */
struct audit_twice {
	struct audit_map_row *rows;
	size_t count;
	struct audit_spill runs;
};

void audit_twice_begin(struct audit_twice *twice, const char *directory);
int audit_twice_add(struct audit_twice *twice, const uint8_t key[AUDIT_KEY], uint64_t number,
		    struct tally_err *err);
/* Calls each() for every number whose key a smaller number has, with the nearest smaller one. */
int audit_twice_each(struct audit_twice *twice,
		     void (*each)(void *ctx, uint64_t before, uint64_t number), void *ctx,
		     struct tally_err *err);
void audit_twice_free(struct audit_twice *twice);

#endif
