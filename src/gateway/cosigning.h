/*
 * The thread of a long-running owner that shows what grew to the witnesses (submit.h). It takes no
 * lock of the store while it waits for the network, has a low priority, and ends within about
 * a second when it is told to.
 */
#ifndef TALLY_COSIGNING_H
#define TALLY_COSIGNING_H

struct tally_core;
struct tally_cosigning;
struct tally_err;
struct tally_witness_settings;

/* Starts it, where the core has a policy and the settings want it; else *cosigning_r is NULL. core
 * outlives it. */
int tally_cosigning_start(struct tally_core *core, const struct tally_witness_settings *settings,
			  struct tally_cosigning **cosigning_r, struct tally_err *err);
void tally_cosigning_stop(struct tally_cosigning **cosigning);	/* NULL is fine */

#endif
