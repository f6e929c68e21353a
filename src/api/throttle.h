/*
 * How often a caller may ask for an action: a token bucket for each account and action; for each
 * organisation, certificate and endpoint of the data-sharing family; for who does not sign, for each
 * address. It lives in memory: one for all threads of the process that has the store open, and so for all
 * who hand it their requests.
 */
#ifndef TALLY_THROTTLE_H
#define TALLY_THROTTLE_H

#include "bytes.h"
#include "conf.h"
#include "hash.h"

struct tally_err;
struct tally_throttle;

struct tally_throttle_settings {	/* [throttle] */
	uint64_t rate;			/* requests a second of one caller and action; 0: any number */
	uint64_t burst;			/* that may come at once; 0: a second's worth */
	const char *actions;		/* "AppendJournal=100 KvGet=50:200 ListJournals=0" */
};
extern const struct tally_setting tally_throttle_setting_rows[];

/* INVALID about the setting that is wrong. */
int tally_throttle_new(const struct tally_throttle_settings *settings,
		       struct tally_throttle **throttle_r, struct tally_err *err);
void tally_throttle_free(struct tally_throttle **throttle);

/* Who asks: an account, or an organisation's certificate; where it is neither the address counts. */
#define TALLY_THROTTLE_ORGANIZATION 128
struct tally_throttle_caller {
	uint64_t account;
	struct tally_bytes organization;	/* empty: none; up to that many bytes count */
	uint8_t certificate[TALLY_HASH_SIZE];
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
 * One request more at this time (monotonic): true where it may go on. The name is an action's or an
 * endpoint's, no copy of it; NULL: files that everybody may read, of logs and identities. Where so many ask at once that the table is full, the bucket of whoever asked least is forgotten.
 */
bool tally_throttle_take(struct tally_throttle *throttle,
			 const struct tally_throttle_caller *caller,
			 const char *name, uint64_t now_ns,
			 struct tally_throttle_state *state_r);

#endif
