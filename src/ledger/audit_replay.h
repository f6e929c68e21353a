/* One ledger on its way through the audit, shared by the replay and what it knows of each kind. */
#ifndef TALLY_AUDIT_REPLAY_H
#define TALLY_AUDIT_REPLAY_H

#include "audit_private.h"
#include "sign.h"

/* Something that the auditor holds of this ledger. */
struct audit_want {
	const struct tally_audit_held *held;
	struct tally_hash leaf;			/* of a receipt, once it was met */
	bool met;
};

/* A name of a log, and the journal that gave it: larger trees have it. */
struct audit_origin {
	char name[256];
	uint64_t journal;
};

struct audit_replay {
	struct audit *audit;
	struct audit_common *common;
	const struct tally_audit_options *options;
	struct tally_audit_ledger result;
	bool broken;

	/* the chain */
	char name[TALLY_BLOCK_NAME + 1];	/* "": nothing was read yet */
	uint8_t store_id[16];
	uint8_t last_hash[TALLY_HASH_SIZE];
	uint64_t time_ms;
	struct tally_frontier frontier;
	bool root_off;				/* a root was wrong: all later ones will be */
	const struct audit_block *block;	/* at hand */
	uint64_t journal;			/* at hand */
	struct audit_spill roots;		/* behind each block: u64 size, root */

	/* what the ledger said of itself */
	struct audit_origin *origins;		/* the names of its log, the newest last */
	size_t origin_count;
	char log_key[2 * TALLY_ED25519_PUBLIC + 1];
	enum tally_ledger_type type;
	enum tally_sign_policy sign_policy;
	uint64_t sign_count;
	unsigned int removal;			/* its policy (audit_removal.c) */
	uint64_t limits[LIMITS];		/* 0: none of its own (audit_access.c) */
	bool service_role;
	struct audit_map endpoints;		/* that are there, by listener and by listener and id */
	struct audit_map orders;		/* to erase, without a certificate */
	bool deleted;
	struct audit_members members;
	struct audit_map keys;			/* KV: those that have a value */
	struct audit_map accounts, access_keys;	/* of the system ledger; and: */
	struct audit_map orgs, channels;
	/* of a channel: states of objects, whose they are, who got stages, DIDs of keys */
	struct audit_map shared, share_whose, share_parties, share_keys;
	struct audit_twice signed_hashes, signed_digests;
	bool signed_twice;			/* that was found */
	struct audit_erasures erasures;

	/* the state tree, and the changes behind the newest STATE_ROOT's size */
	struct audit_state *state;
	struct audit_spill changes;
	uint64_t changes_done;			/* of them, in the state */
	uint64_t state_size;
	uint64_t state_block;			/* plus 1: that has the newest STATE_ROOT */

	/* what the auditor holds, by size and by index */
	struct audit_want *wants;
	struct audit_want **by_size, **by_index;
	size_t want_count, index_count, size_next, index_next;
	struct tally_audit_held from;		/* the tree that was audited before */

	struct tally_err failed;		/* of the system; code not OK */
};

/* Reports something about the journal at hand, or about the block at hand. */
void audit_wrong(struct audit_replay *replay, const char *what, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void audit_wrong_block(struct audit_replay *replay, const char *what, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* A change of the state, by the journal at hand. */
enum audit_change { CHANGE_CLUE, CHANGE_PUT, CHANGE_REMOVE };
void audit_change(struct audit_replay *replay, enum audit_change change,
		  const struct tally_hash *path, const struct tally_hash *hash);
/* Root of the state as of the first `size` journals, which must not be before an earlier call's.
 * root_r NULL: it is not wanted. */
int audit_state_at(struct audit_replay *replay, uint64_t size, struct tally_hash *root_r);

/* Root of the log tree behind a block: 1, 0 where no block ends with that size, -1. */
int audit_root_at(struct audit_replay *replay, uint64_t size, struct tally_hash *root_r);

/* Takes a name for the log from now on: false for one that is none, or not this ledger's. */
bool audit_origin_add(struct audit_replay *replay, struct tally_bytes name);
/* The name of the log when its tree had this size; size at least 1. */
const char *audit_origin_of(const struct audit_replay *replay, uint64_t size);

/* The held trees of this ledger, once its log has a name. */
void audit_wants_begin(struct audit_replay *replay);
/* After a journal was added to the tree. */
void audit_wants_met(struct audit_replay *replay, const struct tally_hash *leaf);
void audit_wants_end(struct audit_replay *replay);

/* What a journal of its kind must be, at its place (audit_kinds.c). */
void audit_kind_check(struct audit_replay *replay, const struct audit_item *item);

/* OCCULT and PURGE, and what CREATE_LEDGER and UPDATE_LEDGER say of them (audit_removal.c). */
const char *audit_removal_check(struct audit_replay *replay, const struct audit_item *item);
const char *audit_removal_policy(struct audit_replay *replay, const struct audit_item *item);

/* How it is reached and its limits, what is appended within these, and keys of the key store
 * (audit_access.c). */
const char *audit_access_check(struct audit_replay *replay, const struct audit_item *item);
const char *audit_limits_check(const struct audit_replay *replay, const struct audit_item *item);
const char *audit_kms_check(const struct audit_replay *replay, const struct audit_item *item);

/* A change of shared objects (audit_share.c). */
const char *audit_share_check(struct audit_replay *replay, const struct audit_item *item);

/* An anchor (audit_anchor.c). */
const char *audit_anchor_check(struct audit_replay *replay, const struct audit_item *item);

#endif
