/*
 * A journal that was left out of its clue. A log says of a clue, in a state proof, which journals it
 * has; and of a journal, by its leaf and audit path, that it is in the log and stands under that clue.
 * Where both are signed, both verify, and the journal is not among those of the clue, the log has
 * contradicted itself, and whoever has these two answers can show it to anyone. Pure functions; no
 * allocation, no I/O.
 */
#ifndef TALLY_OMISSION_H
#define TALLY_OMISSION_H

#include "leaf.h"
#include "statefile.h"

struct tally_omission {
	const struct tally_state_claim *claim;	/* about a clue; absent: it has no journals */
	struct tally_hash *lineage;		/* all JournalHashes of the clue, in order ... */
	uint64_t lineage_count;			/* ... as many as the claim's value says; absent: 0 */
	/* the journal, and its audit path in a tree that the log signed, the claim's or a later one */
	struct tally_bytes checkpoint;		/* the signed note; empty: the claim's */
	struct tally_bytes leaf;
	const struct tally_hash *inclusion;	/* leaf side first */
	size_t inclusion_count;
};

/*
 * 1: the log left the journal out, and these proofs convict it. 0: they do not contradict each other:
 * the journal is in the lineage, or came after the state. -1: one of the proofs is none, with the
 * codes of tally_state_proof_check. keys as there. answer_r is that of the claim.
 */
int tally_omission_check(const struct tally_omission *omission, const struct tally_vkey *keys,
			 size_t key_count, struct tally_state_answer *answer_r,
			 struct tally_err *err);

/*
 * The same of a state proof file and a journal that were both verified already, against checkpoints of
 * one log: answer is that of the file's check, hash the leaf's. INVALID: the file is not about a clue,
 * or the journal does not stand under it, or they are of two ledgers.
 */
int tally_omission_of(const struct tally_state_file *file, const struct tally_state_answer *answer,
		      const struct tally_leaf *leaf, const struct tally_hash *hash,
		      struct tally_err *err);

#endif
