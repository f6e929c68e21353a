/*
 * The rules of shared objects: which operations there are, what each does to which objects, from which
 * states, and who may. One table; the committer, the projection and the audit all read it. What a
 * journal says stands in its data, so that its rules can be checked when its payload is erased.
 */
#ifndef TALLY_SHARE_RULES_H
#define TALLY_SHARE_RULES_H

#include "record.h"
#include "share.h"

/* A change of one object. to SHARE_SAME: it only must be in one of these states. */
#define SHARE_SAME 255
struct tally_share_step {
	enum tally_share_kind kind;	/* 0: the end */
	unsigned int from;		/* bits: 1 << state */
	unsigned int to;
};

enum {					/* who may, by DID; bits */
	SHARE_BY_DID = 1,		/* the DID that it is about */
	SHARE_BY_PROVIDER = 2,
	SHARE_BY_CONSUMER = 4,
	SHARE_BY_PARTY = 8,		/* beside: of the process, who made it, or got a stage of it */
	SHARE_BY_PUBLISHER = 16,
	SHARE_BY_APPLICANT = 32,
	SHARE_BY_ISSUER = 64,
	SHARE_BY_ASKED = 128		/* beside: whom the application asks, with a credential of who
					   applied */
};

#define SHARE_STEPS 4
struct tally_share_rule {
	const char *op;
	unsigned int who;
	struct tally_share_step steps[SHARE_STEPS + 1];
};

/* The rows, those of one operation behind each other; op NULL ends them. */
extern const struct tally_share_rule tally_share_rules[];
/* The first row of an operation, or NULL. What the steps lead to is the same in all of its rows. */
const struct tally_share_rule *tally_share_rule(struct tally_bytes op);

/* The two parts of an object's name as a record has them. */
void tally_share_parts(const struct tally_record *record, enum tally_share_kind kind,
		       struct tally_bytes *a_r, struct tally_bytes *b_r);

/* The DID that an object is of beside its names, as the record that makes it has it: an order's provider,
 * an application's issuer, a credential's owner. Empty for other kinds. */
struct tally_bytes tally_share_whose(const struct tally_record *record, enum tally_share_kind kind);

/* What the rules ask for. Lookups as ever: 1, 0, -1; state_r is SHARE_NONE where there is none. */
struct tally_share_world {
	void *ctx;
	int (*state)(void *ctx, enum tally_share_kind kind, struct tally_bytes a,
		     struct tally_bytes b, enum tally_share_state *state_r, struct tally_err *err);
	/* Is an object that is there of this DID (tally_share_whose)? */
	int (*whose)(void *ctx, enum tally_share_kind kind, struct tally_bytes a, struct tally_bytes b,
		     struct tally_bytes did, struct tally_err *err);
	/* Did it get a stage of the process? */
	int (*party)(void *ctx, struct tally_bytes creator, struct tally_bytes process,
		     struct tally_bytes did, struct tally_err *err);
};

/*
 * May the author of this record (its member) do what it says, now? 0, or -1: NOTFOUND or EXISTS about
 * "DID", "Dataset", "Order", "Process", "Ciphertext", "Schema", "Application" or "Credential", INVALID
 * about "State", DENIED about "Caller", INVALID about "Record" where it says nothing that can be done.
 */
int tally_share_judge(const struct tally_share_world *world, const struct tally_record *record,
		      struct tally_err *err);

/*
 * Does what was signed say what the record says? It is either the record's statement, made by who held
 * the key for the caller; or the body of the caller's own request, whose hash the record has, and none of
 * whose members names other objects.
 */
bool tally_share_says(const struct tally_record *record, struct tally_bytes ledger_id,
		      struct tally_bytes message);

/* The clues of a record: its objects; of a name with more than TALLY_SHARE_NAME_MAX bytes the hash, for a
 * clue has an end. Returns their number; texts in arena. */
#define SHARE_CLUES 4
size_t tally_share_clues(const struct tally_record *record, struct tally_arena *arena,
			 struct tally_bytes clues_r[SHARE_CLUES]);

#endif
