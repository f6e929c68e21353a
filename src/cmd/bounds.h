/*
 * What bounds a journal in time, as a part of a proof file: the member "time" of what its line
 * extra holds. tally prove writes it, tally verify checks it offline.
 *
 *	{"after": BOUND, "before": BOUND and "cover": [HASH, ...]}	each may be absent
 *	BOUND: "index": NUMBER, "leaf": TEXT, "path": [HASH, ...]
 *
 * after is the newest anchor before the journal, before the oldest whose stamped tree has it; path
 * leads from the anchor's leaf to the file's checkpoint, cover from the journal to the root of the
 * tree that was stamped. A HASH is hex.
 */
#ifndef TALLY_CMD_BOUNDS_H
#define TALLY_CMD_BOUNDS_H

#include "tree.h"
#include "tsp.h"

struct json_object;
struct tally_arena;
struct verb_call;

/* From a reply of GetJournalTimeProof; NULL where it is malformed, or has neither bound. */
struct json_object *bounds_from_reply(struct json_object *reply, struct tally_arena *arena);

/* Is there at least one bound in it? time may be NULL, or anything. */
bool bounds_there(struct json_object *time);

/* The journal, in the tree of the checkpoint: all of that has been verified. */
struct bounds_of {
	struct tally_bytes origin;
	const char *ledger;		/* what leaves call it */
	uint64_t size;			/* of the checkpoint's tree */
	struct tally_hash root;
	uint64_t index;
	struct tally_hash hash;
};

struct bound {
	bool there;
	uint64_t journal_id;		/* of the anchor */
	struct tally_tsp_info stamp;
};

/* Prints what does not hold. The two bounds do not contradict each other either. */
bool bounds_verify(const struct verb_call *call, struct json_object *time,
		   const struct bounds_of *of, const struct tally_tsp_trust *trust,
		   struct tally_arena *arena, struct bound *after_r, struct bound *before_r);

/* "2026-11-22T10:00:00.123Z" into text of 25 characters. */
void bounds_time(uint64_t ms, char text[25]);

/* Lines for people, and members NotBefore and NotAfter for --json. */
void bounds_say(const struct bound *after, const struct bound *before);
void bounds_json(const struct bound *after, const struct bound *before, struct json_object *to);

#endif
