/*
 * The conformance suite: what driver.h promises, as functions that run over every driver, plain
 * and inside each wrapper. conform.c runs them, each in a process of its own, so that a case may
 * leave threads, locks and mounts behind, and a crash or a hang is one case's failure. Cases stand
 * in tables at the end of the case_*.c files.
 *
 * A case opens stores with case_open and ends by returning. The first thing that is wrong ends it
 * (CHECK and its kin), from whatever thread. Bytes come from seeds that are printed, so a run can
 * be repeated with TALLY_TEST_SEED.
 */
#ifndef TALLY_CONFORM_H
#define TALLY_CONFORM_H

#include <stdlib.h>

#include "buf.h"
#include "store.h"

struct tally_owner;

enum wrapping { WRAP_NONE, WRAP_LOG, WRAP_RULES, WRAP_FAIL };

/* One case over one driver in one wrapping. */
struct trial {
	const struct tally_driver *driver;
	enum wrapping wrapping;
	const char *directory;		/* scratch of this case, empty at first */
	char *location;			/* where case_open opens: directory/store, or mem:NAME */
	struct tally_owner *owner;	/* while a local store is open */
	struct tally_conf *conf;
	int report_fd;			/* why it failed, for the parent */
	uint64_t seed;
	unsigned int rounds;		/* of tests that repeat: TALLY_TEST_ROUNDS, 20 by default */
};

#define CASE_PLAIN 1			/* wrapping would show nothing more (kills, damaged files) */

struct conform_case {
	const char *name;
	uint32_t needs;			/* TALLY_CAP_*: without them it is skipped, and counted */
	unsigned int flags;
	void (*run)(struct trial *t);
};

extern const struct conform_case block_cases[], index_cases[], reading_cases[], erase_cases[],
	crash_cases[], damage_cases[], format_cases[];

/* ---- saying what is wrong; t is the name of the trial everywhere ---- */

_Noreturn void case_fail(struct trial *t, const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* Ends the case as not run; what counts as a skip is printed with its reason. */
_Noreturn void case_skip(struct trial *t, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#define FAIL(...) case_fail(t, __FILE__, __LINE__, __VA_ARGS__)
#define CHECK(cond) do { if (!(cond)) FAIL("%s", #cond); } while (0)
#define CHECK_INT(got, want) do { \
	long long got_ = (long long)(got), want_ = (long long)(want); \
	if (got_ != want_) FAIL("%s is %lld, not %lld", #got, got_, want_); } while (0)
/* A call with err as its last argument that must succeed, or fail with this code and a text. */
#define MUST(call) do { struct tally_err err = { 0 }; \
	if ((call) < 0) FAIL("%s: %s (%s)", #call, err.text, tally_code_name(err.code)); } while (0)
#define MUST_FAIL(want, call) do { struct tally_err err = { 0 }; int ret_ = (call); \
	if (ret_ >= 0) FAIL("%s gives %d, not an error", #call, ret_); \
	if (err.code != (want) || err.text[0] == '\0') \
		FAIL("%s: %s (%s), not %s", #call, err.text, tally_code_name(err.code), \
		     tally_code_name(want)); } while (0)

/* ---- stores ---- */

/* Opens t->location as the host does: owns a local directory first. */
struct tally_store *case_open(struct trial *t, bool create);
struct tally_store *case_open_half(struct trial *t, bool create, bool blocks, bool index);
/* The same; -1 with err where it cannot be opened. */
int case_try_open(struct trial *t, bool create, struct tally_store **store_r,
		  struct tally_err *err);
/* Closes, and looks whether the rule checker saw a rule broken. */
void case_close(struct trial *t, struct tally_store **store);
/* The place to open from now on; takes the string, which case_place made. */
void case_move(struct trial *t, char *location);
/* Ends the case if a child of its own did not exit with 0; one that failed has said why. */
void case_child(struct trial *t, int status);
/* A place beside t->location that does not exist yet, as this driver names places. */
char *case_place(struct trial *t, const char *name);

/* ---- random, from a seed ---- */

uint64_t rnd(uint64_t *state);
uint64_t rnd_below(uint64_t *state, uint64_t bound);
void rnd_fill(uint64_t *state, void *data, size_t size);

/* ---- blocks whose bytes follow from space and number ---- */

/* The bytes that block number of the space must have; sizes vary from 1 byte to 40 KB. */
void block_make(struct tally_buf *buf, uint64_t space, uint64_t number);
int block_append(struct tally_store *store, uint64_t space, uint64_t number,
		 struct tally_err *err);
/* The same of a given size, appended as the next block whatever its number is. */
void next_make(struct tally_buf *buf, uint64_t space, uint64_t number, size_t size);
int append_next(struct tally_store *store, uint64_t space, size_t size, struct tally_err *err);
/* Reads it whole and compares; fails the case if it is absent or other. */
void block_check(struct trial *t, struct tally_store *store, uint64_t space, uint64_t number);
void blocks_check(struct trial *t, struct tally_store *store, uint64_t space, uint64_t count);
uint64_t block_count(struct trial *t, struct tally_store *store, uint64_t space);

/* ---- index tables that follow from the blocks ---- */

/*
 * Of each block n: table 0 gets a pair of its own, table 1 has one of 50 pairs replaced, table 2
 * gets a pair with every even block and loses it with the next.
 */
struct tally_mark mark_of(uint64_t space, uint64_t blocks);
int index_apply(struct tally_store *store, uint64_t space, uint64_t from, uint64_t to,
		struct tally_err *err);
/* Fails the case unless the tables are exactly those of their mark; returns the mark's blocks. */
uint64_t index_check(struct trial *t, struct tally_store *store, uint64_t space);
/* The same for damaged stores: -1 with err where the store says an error, else as index_check. */
int index_look(struct trial *t, struct tally_store *store, uint64_t space, uint64_t *blocks_r,
	       struct tally_err *err);

/* ---- files ---- */

typedef void file_each(void *ctx, const char *path);
/* Each plain file below the directory, but those of ownership (lock, owner, socket). */
void files_each(struct trial *t, const char *directory, file_each *each, void *ctx);
/* How many files below the directory hold these bytes anywhere. */
size_t files_holding(struct trial *t, const char *directory, struct tally_bytes needle);
void tree_copy(struct trial *t, const char *from, const char *to);
void tree_remove(const char *directory);

#endif
