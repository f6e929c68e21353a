/*
 * How often a caller may ask for an action: a token bucket for each account and action (for who does not
 * sign: for each address). It lives in memory: one for all threads of the process that has the store
 * open, and so for all who hand it their requests.
 */
#ifndef TALLY_THROTTLE_H
#define TALLY_THROTTLE_H

#include "action.h"

struct tally_throttle;

struct tally_throttle_settings {	/* [throttle] */
	uint64_t rate;			/* requests a second of one account and action; 0: any number */
	uint64_t burst;			/* that may come at once; 0: a second's worth */
	const char *actions;		/* "AppendJournal=100 KvGet=50:200 ListJournals=0" */
};
extern const struct tally_setting tally_throttle_setting_rows[];

/* INVALID about the setting that is wrong. */
int tally_throttle_new(const struct tally_throttle_settings *settings,
		       struct tally_throttle **throttle_r, struct tally_err *err);
void tally_throttle_free(struct tally_throttle **throttle);

/* Who asks; address counts where account is 0. */
struct tally_throttle_caller {
	uint64_t account;
	bool has_address;
	uint8_t address[16];
};

/* What is to be told of a bucket. */
struct tally_throttle_state {
	uint64_t limit;			/* requests a second */
	uint64_t remain;		/* that may come now */
	uint64_t wait_ms;		/* until the next may; at least 1 where it may not */
	uint64_t reset_ms;		/* until the bucket is full */
};

/*
 * One request more at this time (monotonic): true where it may go on. action NULL: reads of log files.
 * Where so many ask at once that the table is full, the bucket of whoever asked least is forgotten.
 */
bool tally_throttle_take(struct tally_throttle *throttle,
			 const struct tally_throttle_caller *caller,
			 const struct tally_action *action, uint64_t now_ns,
			 struct tally_throttle_state *state_r);

#endif
