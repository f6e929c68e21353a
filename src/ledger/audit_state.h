/*
 * The state tree of one ledger in memory, as an auditor makes it anew: proof/state.h has its rules.
 * A crit-bit tree over the paths; a hash is computed again only where something below it changed.
 * About 150 bytes a key, and for a clue the right edge of its tree.
 */
#ifndef TALLY_AUDIT_STATE_H
#define TALLY_AUDIT_STATE_H

#include "state.h"

struct audit_state;

struct audit_state *audit_state_new(void);
void audit_state_free(struct audit_state *state);	/* NULL is fine */

/* The next journal of the clue with this path. */
void audit_state_clue(struct audit_state *state, const struct tally_hash *path,
		      const struct tally_hash *journal_hash);
/* A key or a member has this value from now on. */
void audit_state_put(struct audit_state *state, const struct tally_hash *path,
		     const struct tally_hash *value_hash);
void audit_state_remove(struct audit_state *state, const struct tally_hash *path);

uint64_t audit_state_count(const struct audit_state *state);
void audit_state_root(struct audit_state *state, struct tally_hash *root_r);

#endif
