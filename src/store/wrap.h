/*
 * Drivers around a driver, for diagnosis and tests. Each takes an open store, owns it from then
 * on (closing the wrapper closes it), and is a store itself.
 */
#ifndef TALLY_WRAP_H
#define TALLY_WRAP_H

#include "driver.h"

/* Logs every call with its arguments' sizes, outcome and microseconds, at level debug. */
struct tally_store *tally_wrap_log(struct tally_store *inner);

/* What the failing wrapper does to its Nth call. */
enum tally_wrap_fault {
	TALLY_FAULT_IO,			/* not done; IO */
	TALLY_FAULT_FULL,		/* not done; FULL */
	TALLY_FAULT_UNCERTAIN_DONE,	/* append only: done, but says UNCERTAIN (else as IO) */
	TALLY_FAULT_UNCERTAIN_LOST	/* append only: not done, says UNCERTAIN (else as IO) */
};

/* Fails call number nth (from 1) counted over all methods but close, and only that one. */
struct tally_store *tally_wrap_fail(struct tally_store *inner, uint64_t nth,
				    enum tally_wrap_fault fault);
/* Sets a new nth, counted from now on (0: never); returns the calls counted so far. */
uint64_t tally_wrap_fail_at(struct tally_store *wrapped, uint64_t nth, enum tally_wrap_fault fault);

/*
 * Checks the rules of driver.h from above: block numbers without gaps, blocks that never change
 * but by erase, marks that only move by apply and reset, sorted scans. A broken rule is reported
 * through *err as CORRUPT with "rule:" in front, and counted.
 */
struct tally_store *tally_wrap_rules(struct tally_store *inner);
uint64_t tally_wrap_rules_broken(const struct tally_store *wrapped);

#endif
