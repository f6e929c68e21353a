/*
 * Showing our checkpoints to witnesses (c2sp.org/tlog-witness): the newest of a ledger is held fixed,
 * sent to every witness of the policy that has a URL, with the proof from what that witness cosigned
 * before; what comes back is verified, and kept once it makes a quorum. It is used by the
 * long-running owner of a store (host.c) and by tally maintain; where the ledgers are is behind a
 * few calls. Nothing here holds a lock of anybody's while it waits for the network.
 *
 * A witness that does not answer is asked again after a while, at most every five minutes; that it
 * failed is logged once, and once that it is back.
 */
#ifndef TALLY_SUBMIT_H
#define TALLY_SUBMIT_H

#include "arena.h"
#include "err.h"

struct tally_consistency;
struct tally_policy;
struct tally_submitter;

/* Where the ledgers are. Called from the thread that calls the submitter only. */
struct tally_submit_calls {
	/* The newest checkpoint, and the newest cosigned one (empty: none). 1, 0, -1. */
	int (*checkpoint)(void *ctx, const char *ledger_id, struct tally_arena *arena,
			  struct tally_bytes *note_r, struct tally_bytes *cosigned_r,
			  struct tally_err *err);
	/* 1, 0 no such trees, -1. */
	int (*prove)(void *ctx, const char *ledger_id, uint64_t old_size, uint64_t new_size,
		     struct tally_consistency *proof_r, struct tally_err *err);
	/* Keeps a note that has a quorum (tally_ledger_keep_cosigned). 0, -1. */
	int (*keep)(void *ctx, const char *ledger_id, struct tally_bytes note,
		    struct tally_err *err);
	/* A witness has cosigned something that our proof does not continue (tally_ledger_was_signed).
	 * 0, -1. */
	int (*check)(void *ctx, const char *ledger_id, struct tally_bytes note, bool *fits_r,
		     struct tally_err *err);
};

/* policy and calls outlive it. timeout_ms is of one exchange. */
struct tally_submitter *tally_submitter_new(const struct tally_policy *policy, uint64_t timeout_ms,
					    const struct tally_submit_calls *calls, void *ctx);
void tally_submitter_free(struct tally_submitter **submitter);	/* NULL is fine */

/* From any thread: exchanges under way are given up, and no further ones begun. */
void tally_submitter_stop(struct tally_submitter *submitter);

/* Is there anything to do for a ledger of so many journals now? Cheap. */
bool tally_submitter_wants(struct tally_submitter *submitter, const char *ledger_id,
			   uint64_t size);

/* What became of one ledger. */
struct tally_submit_result {
	uint64_t size;			/* of the checkpoint shown */
	unsigned int cosigned;		/* witnesses that have cosigned it */
	bool quorum;			/* which they are */
	bool conflict;			/* a witness holds a tree of ours that the ledger has not */
};

/* Shows its newest checkpoint to all witnesses that lack it and are to be asked now. 1; 0 where there
 * is no such ledger; -1 where it cannot be read, or no checkpoint is to be had. That witnesses do not
 * answer is no failure. */
int tally_submit(struct tally_submitter *submitter, const char *ledger_id,
		 struct tally_submit_result *result_r, struct tally_err *err);

/* The last checkpoint of an origin that a witness gives out, from <url>/<hex>/checkpoint: its note in
 * the arena. 1, 0 it has none, -1 no proper answer. stop may be NULL. */
int tally_witness_ask(const char *url, struct tally_bytes origin, uint64_t timeout_ms,
		      bool (*stop)(void *ctx), void *stop_ctx, struct tally_arena *arena,
		      struct tally_bytes *note_r, struct tally_err *err);

#endif
