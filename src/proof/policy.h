/*
 * Policies (c2sp.org/tlog-policy): which logs are known, which witnesses, and which of those must
 * have cosigned a checkpoint for it to count. Pure functions; nothing is allocated, what is parsed
 * borrows from the text given.
 *
 *	log <vkey> [<url>]
 *	witness <name> <vkey> [<url>]
 *	group <name> all|any|<k> <member> ...
 *	quorum <name>|none
 *
 * Items are separated by spaces and tabs; lines that begin with # are comments. Names are defined
 * before they are used, and a name is a member of at most one group, so witnesses and groups form
 * a forest and each counts once.
 */
#ifndef TALLY_POLICY_H
#define TALLY_POLICY_H

#include "note.h"

struct tally_err;

#define TALLY_POLICY_MAX (256u << 10)	/* bytes of a file we read */
#define TALLY_POLICY_LOGS 64		/* at least 32 of each, by the text */
#define TALLY_POLICY_WITNESSES 64
#define TALLY_POLICY_GROUPS 64

struct tally_policy_witness {
	struct tally_bytes name;
	struct tally_bytes url;		/* its submission prefix; empty: none */
	int group;			/* that it is a member of, or -1 */
};

struct tally_policy_group {
	struct tally_bytes name;
	unsigned int needed, members;	/* needed of members; 1 <= needed <= members */
	int group;			/* that it is a member of: a later one; or -1 */
};

enum tally_quorum { QUORUM_NONE, QUORUM_WITNESS, QUORUM_GROUP };

/* Some 40 KiB: not for the stack of a thread. */
struct tally_policy {
	size_t log_count, witness_count, group_count;
	struct tally_vkey log_keys[TALLY_POLICY_LOGS];		/* NOTE_ED25519 */
	struct tally_bytes log_urls[TALLY_POLICY_LOGS];
	struct tally_vkey witness_keys[TALLY_POLICY_WITNESSES];	/* NOTE_COSIGNATURE */
	struct tally_policy_witness witnesses[TALLY_POLICY_WITNESSES];
	struct tally_policy_group groups[TALLY_POLICY_GROUPS];
	enum tally_quorum quorum;
	int quorum_index;		/* of witnesses or groups */
};

/* Strict. -1 INVALID: the text names the line and what is wrong with it. */
int tally_policy_parse(struct tally_bytes text, struct tally_policy *policy_r,
		       struct tally_err *err);

/* Do these witnesses (a flag for each, by index) make a quorum? */
bool tally_policy_quorum(const struct tally_policy *policy, const bool *signed_by);

/* What a note has by a policy. */
struct tally_policy_found {
	int log;					/* that signed it, by index; -1: none */
	size_t witness_count;				/* that cosigned it */
	bool signed_by[TALLY_POLICY_WITNESSES];
	uint64_t times[TALLY_POLICY_WITNESSES];		/* seconds since 1970, where signed_by */
	bool quorum;
};

/*
 * Holds a note and the checkpoint in it against a policy. A log counts when the checkpoint is of
 * its own origin. False where a line of a key of the policy does not verify: the note is invalid
 * as a whole. The caller asks found_r for what it needs.
 */
bool tally_policy_check(const struct tally_policy *policy, const struct tally_note *note,
			const struct tally_checkpoint *checkpoint,
			struct tally_policy_found *found_r);

#endif
