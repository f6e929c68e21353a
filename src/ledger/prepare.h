/*
 * Entries on their way into a block, for append.c: what a worker does with each before the committer sees
 * it (checks, salt, hashes, slots, members' signatures).
 */
#ifndef TALLY_PREPARE_H
#define TALLY_PREPARE_H

#include "signing.h"

struct tally_appending {
	struct tally_prepared prepared;
	uint8_t request[32];			/* SHA-256 of what is asked, for the receipt */
	uint8_t request_key[TALLY_DIGEST_SIZE];	/* keyed, for the envelope; with a token or nonce only */
	uint8_t token[TALLY_DIGEST_SIZE];
	bool has_token, has_key;
	struct tally_appending *twin;			/* one before it in the command that has the same token */
	bool known;				/* it was there already: journal_id is the first */
	uint64_t journal_id;
	struct tally_hash leaf;
	struct tally_signed *of;		/* NULL: not signed by a member */
	struct tally_err err;			/* of this entry alone */
	bool refused;				/* err is what the committer said: decided anew each time */
	size_t index;				/* in the batch */
};

/* The subject of an error in a batch: which entry it is about. */
void tally_entry_name(size_t index, bool batch, struct tally_err *err);

/* Makes request_key where it is not made yet. Preparing does so where there is a token, and for the first
 * entry where there is a nonce; the committer, where the nonce goes with another. */
void tally_entry_key(struct tally_core *core, struct tally_appending *entry);

/* Threads that share a batch, each with an arena of its own. */
#define TALLY_HANDS 8
struct tally_hands {
	struct tally_arena arenas[TALLY_HANDS];
};
void tally_hands_free(struct tally_hands *hands);

/*
 * Prepares all entries; entries_r is zeroed, and borrows of in and of the hands. A batch of many signed
 * journals is shared among the processors, as checking a signature costs several times what all the
 * rest does. Of an atomic batch -1 with the error of the first entry that has one; else each entry
 * has its own.
 */
int tally_prepare_entries(struct tally_space *space, const struct tally_write *write,
			  const struct tally_entry *in, size_t count, bool atomic,
			  struct tally_hands *hands, struct tally_appending *entries_r,
			  struct tally_err *err);

#endif
