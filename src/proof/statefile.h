/*
 * State proof files (doc/formats.md, "State proof files"): one canonical JSON object (RFC 8785), a
 * line feed behind it or not, that shows offline which journals a clue has, what a key's value was,
 * what was known of a member, or that there was none of it. The checkpoint in it goes down to all the
 * rest: nothing in such a file counts that no hash leads to, and a member that the format does not
 * know is refused. Pure functions; no allocation, no I/O.
 */
#ifndef TALLY_STATEFILE_H
#define TALLY_STATEFILE_H

#include "leaf.h"
#include "stateproof.h"

#define TALLY_STATE_FILE_MAX (64u << 20)	/* bytes of a file we read */
#define TALLY_STATE_FILE_FORMAT "tallystick state proof v1"

/* What a file says. Leaves, journals and record are the file's own bytes; the others stand in the
 * reader's room. */
struct tally_state_file {
	enum tally_state_kind kind;
	struct tally_bytes ledger_id;
	struct tally_bytes key;			/* clue, key, or member id */
	bool absent;
	struct tally_bytes checkpoint;		/* the signed note */
	struct tally_bytes root_leaf;		/* of the STATE_ROOT journal */
	struct tally_hash root_path[TALLY_TREE_MAX_PATH];
	size_t root_path_count;
	struct tally_state_proof proof;
	/* of a clue that is not absent: the leaves of all its journals, a JSON list */
	struct tally_bytes journals;
	uint64_t count;
	struct tally_hash *hashes;		/* room for those of so many journals */
	/* of a key that is not absent: the KV_SET journal's leaf, and its payload, which may be left
	 * out (it was erased) */
	struct tally_bytes journal;
	bool has_value;
	uint8_t salt[TALLY_SALT_SIZE];
	struct tally_bytes value;
	/* of a member that is not absent: its record, canonical JSON, and the last journal about it */
	struct tally_bytes record;
	uint64_t record_journal;
};

/* "clue", "kv", "member". */
const char *tally_state_kind_name(enum tally_state_kind kind);

/*
 * Takes a file apart; nothing is verified. room has text.size bytes and lives as long as file_r is
 * used. INVALID, and the text names the member that is wrong; UNSUPPORTED for another format.
 */
int tally_state_file_parse(struct tally_bytes text, uint8_t *room,
			   struct tally_state_file *file_r, struct tally_err *err);

/*
 * Does all of it hold? keys and lag_max as of tally_state_proof_check, and so the codes; text begins
 * with the member of the file that does not hold. answer_r is set with EXPIRED too.
 */
int tally_state_file_check(const struct tally_state_file *file, const struct tally_vkey *keys,
			   size_t key_count, uint64_t lag_max,
			   struct tally_state_answer *answer_r, struct tally_err *err);

/* The same against a checkpoint that the caller has verified; the file's is not looked at. */
int tally_state_file_check_in(const struct tally_state_file *file,
			      const struct tally_checkpoint *checkpoint, uint64_t lag_max,
			      struct tally_state_answer *answer_r, struct tally_err *err);

#endif
