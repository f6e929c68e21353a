/*
 * A state proof as a client gets it, checked from the signature down: a signed checkpoint, the leaf
 * of a STATE_ROOT journal with its audit path, and the path of a key in the state tree of that root.
 * Pure functions; no allocation, no I/O.
 *
 * What it shows: the log says for everyone that after its first `size` journals this was the value
 * of the key, or that it had none. That the root is the one those journals give is the log's word, to
 * which it can be held: whoever replays them finds out. What happened in the `lag` journals after
 * that it does not show, so a verifier sets the greatest lag it takes.
 */
#ifndef TALLY_STATEPROOF_H
#define TALLY_STATEPROOF_H

#include "note.h"
#include "state.h"

struct tally_err;

struct tally_state_claim {
	struct tally_bytes checkpoint;		/* the signed note */
	struct tally_bytes leaf;		/* of the STATE_ROOT journal */
	const struct tally_hash *inclusion;	/* its audit path, leaf side first */
	size_t inclusion_count;
	enum tally_state_kind kind;
	struct tally_bytes key;			/* clue, key or member id */
	bool absent;				/* true: that the key has no value */
	struct tally_bytes value;		/* else its value */
	const struct tally_state_proof *proof;
};

struct tally_state_answer {
	uint64_t size;				/* journals that the state stands for */
	uint64_t tree_size;			/* journals that the checkpoint signs */
	uint64_t lag;				/* tree_size - size */
	uint64_t journal_id;			/* of the STATE_ROOT journal; size <= journal_id < tree_size */
	struct tally_hash root;			/* of the state tree */
};

/*
 * keys[0] is the log's own key (an Ed25519 one, and its name the checkpoint's origin); all the keys
 * given must have signed. 0, or -1: INVALID where something is malformed, DENIED where the checkpoint
 * is not signed as asked or is of another log, CORRUPT where a hash does not lead to its root or the
 * leaf is of another place or ledger, EXPIRED where lag is above lag_max. answer_r is set also then.
 */
int tally_state_proof_check(const struct tally_state_claim *claim, const struct tally_vkey *keys,
			    size_t key_count, uint64_t lag_max, struct tally_state_answer *answer_r,
			    struct tally_err *err);

/* The same against a checkpoint that the caller has verified; claim->checkpoint is not looked at. */
int tally_state_proof_check_in(const struct tally_state_claim *claim,
			       const struct tally_checkpoint *checkpoint, uint64_t lag_max,
			       struct tally_state_answer *answer_r, struct tally_err *err);

/* The signed checkpoint of a log: the first step of the above. INVALID, DENIED. */
int tally_checkpoint_check(struct tally_bytes bytes, const struct tally_vkey *keys,
			   size_t key_count, struct tally_checkpoint *checkpoint_r,
			   struct tally_err *err);

/* Does a leaf of this ledger belong into the log of this origin? A ledger's origin ends with '/' and
 * its id; the system ledger has that of its store. */
bool tally_origin_has(struct tally_bytes origin, struct tally_bytes ledger_id);

#endif
