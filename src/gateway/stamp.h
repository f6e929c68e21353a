/*
 * Time-stamp authorities, as configured in [time]: asked in order, each with its time, until one
 * gives a stamp that the trusted certificates bear out. And the thread by which the owner of a
 * store anchors ledgers whose interval has passed.
 */
#ifndef TALLY_STAMP_H
#define TALLY_STAMP_H

#include "core.h"

struct tally_conf;
struct tally_err;
struct tally_authorities;
struct tally_stamp_thread;

/* Rows of [time], for tally_conf_declare and the manual. */
extern const struct tally_setting tally_time_setting_rows[];

/*
 * What [time] says. *authorities_r is NULL where no authority is named. INVALID, or MISSING about
 * time.ca_file: without certificates that are trusted no stamp means anything.
 */
int tally_authorities_open(const struct tally_conf *conf,
			   struct tally_authorities **authorities_r, struct tally_err *err);
void tally_authorities_close(struct tally_authorities **authorities);

/* Breaks off what is asked, and refuses from now on; from any thread. */
void tally_authorities_stop(struct tally_authorities *authorities);

/* A tally_stamp; ctx is a struct tally_authorities. */
int tally_authorities_stamp(void *ctx, const uint8_t digest[TALLY_HASH_SIZE],
			    struct tally_arena *arena, struct tally_bytes *token_r,
			    struct tally_err *err);

/* Looks every second for ledgers to be anchored; after a failure it waits longer and longer. Stop
 * authorities and thread before the core is closed. */
int tally_stamp_start(struct tally_core *core, struct tally_stamp_thread **thread_r,
		      struct tally_err *err);
void tally_stamp_stop(struct tally_stamp_thread **thread);

#endif
