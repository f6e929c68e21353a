/*
 * The state tree as it is stored. proof/state.h has its rules: a compact sparse Merkle tree over the
 * clues, keys and members of a ledger. Here it lies in pages of four levels, 16 slots each; a slot is
 * empty, one leaf, or a subtree of its own page, named with the version of that page. Each page has two
 * rows in the table, and a new version goes over the older of the two (copy on write): so a root stays
 * readable while the next one is made, and the proofs of the newest two STATE_ROOT journals can be given.
 *
 * The tree follows the log. A STATE_ROOT journal {size, stateRoot} says: as of the first `size`
 * journals the root is this. Whoever applies that journal makes the step from the STATE_ROOT before,
 * and arrives at the same root, or knows that it is wrong.
 */
#ifndef TALLY_STATETREE_H
#define TALLY_STATETREE_H

#include "state.h"
#include "space.h"

/* One level more than a page: a path has 64 nibbles. */
#define TALLY_STATE_NIBBLES 64
#define TALLY_STATE_SLOTS 16

/* What journals changed, in their order. Entry: u8 kind (enum tally_state_kind), u64 journal,
 * u8 removed, 32 JournalHash, u16 size of the key, key. */
void tally_changed_add(struct tally_buf *changed, enum tally_state_kind kind,
		       struct tally_bytes key, uint64_t journal_id, bool removed,
		       const struct tally_hash *journal_hash);

/* What one journal changes of the state, if anything. */
void tally_changed_journal(struct tally_buf *changed, uint64_t journal_id,
			   const struct tally_record *record, const struct tally_hash *hash);

/*
 * A step of the tree: from the state of a view's head to that of its first `size` journals. changed
 * has the changes of all journals between, and may have later ones, which are passed over. 0, or -1.
 */
struct tally_state_step {
	uint64_t from, size;
	struct tally_hash root;
	uint64_t version;		/* of the root's page; 0: the tree is empty */
	struct tally_buf puts;		/* changes: u8 where to, u32 table, u16 key, u32 value */
	struct tally_state_step *next;	/* of a space's list */
};
int tally_state_step(const struct tally_view *view, uint64_t size, struct tally_bytes changed,
		     struct tally_state_step *step_r, struct tally_err *err);
void tally_state_step_free(struct tally_state_step *step);
/* Hands its index changes to the overlay. */
void tally_state_step_put(const struct tally_state_step *step, struct tally_overlay *overlay,
			  struct tally_tag *tag);
/* Keeps them in memory for the next step. */
void tally_state_step_keep(const struct tally_state_step *step, struct tally_space *space);

/* The changes of journals from <= id < to, read from the blocks. */
int tally_changed_read(const struct tally_view *view, uint64_t from, uint64_t to,
		       struct tally_buf *changed, struct tally_err *err);

/* The proof of a path in the tree of a state root. 1 it has a value, 0 none, -1. */
int tally_state_stored_prove(const struct tally_view *view, const struct tally_state_point *point,
			     const struct tally_hash *path, struct tally_state_proof *proof_r,
			     struct tally_err *err);

#endif
