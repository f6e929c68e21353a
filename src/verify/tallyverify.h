/*
 * libtallyverify: checks what a Tallystick ledger said, offline, in a program of your own. See
 * tallyverify(3).
 *
 *	const char *keys[] = { "ledger.example/l-0123...+7b8488d1+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UN..." };
 *	struct tallyverify_checkpoint checkpoint;
 *	uint64_t index;
 *
 *	if (tallyverify_proof_file(file, file_size, leaf, leaf_size, keys, 1, &index, &checkpoint) == 0)
 *		printf("journal %llu of %s\n", (unsigned long long)index, checkpoint.origin);
 *
 * Every function may be called from any thread, allocates nothing, reads and writes no file and keeps
 * nothing; up to 64 KiB of stack are used. (Verifying with a P-256 key, OpenSSL allocates what it
 * needs.) Bytes are given as pointer and size; NULL goes with size 0. Lists of hashes are 32 bytes
 * each, one after the other. Outputs are set where the result is TALLYVERIFY_OK, and where it says so.
 *
 * Members' signatures in leaves and time stamps (RFC 3161) are not checked here: tallyverify(3) says why.
 *
 * A result other than TALLYVERIFY_OK shows nothing about the log, only that this proof is none.
 */
#ifndef TALLYVERIFY_H
#define TALLYVERIFY_H

#include <stddef.h>
#include <stdint.h>

#ifdef __GNUC__
#define TALLYVERIFY_API __attribute__((visibility("default")))
#else
#define TALLYVERIFY_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define TALLYVERIFY_HASH 32		/* bytes of a hash */
#define TALLYVERIFY_NAME 256		/* room for a log's name, with its NUL */
#define TALLYVERIFY_KEYS 32		/* verifier keys that are taken at once */

enum tallyverify_result {
	TALLYVERIFY_OK = 0,
	TALLYVERIFY_MALFORMED = 1,	/* a text or proof is not of its form */
	TALLYVERIFY_UNSIGNED = 2,	/* not signed by the keys or as the policy given asks, or of
					   another log */
	TALLYVERIFY_MISMATCH = 3,	/* hashes do not lead where they should */
	TALLYVERIFY_STALE = 4,		/* all holds, but it is older than was asked for */
	TALLYVERIFY_ARGUMENT = 5	/* the caller's own input: a key, number or policy that cannot be */
};

/* A sentence in English; never NULL. */
TALLYVERIFY_API const char *tallyverify_text(int result);

/* The library's version, "0.1.0". */
TALLYVERIFY_API const char *tallyverify_version(void);

struct tallyverify_slice {		/* points into what was given */
	const char *text;
	size_t size;
};

/* ---- keys and checkpoints ---- */

enum tallyverify_key_type {
	TALLYVERIFY_ED25519 = 1,	/* a log's own key */
	TALLYVERIFY_COSIGNATURE = 4	/* a witness's, with a time */
};

/* A verifier key (c2sp.org/signed-note), "<name>+<key id>+<base64>". */
struct tallyverify_vkey {
	char name[TALLYVERIFY_NAME];
	uint32_t id;
	int type;
	uint8_t public_key[32];
};

/* Takes a verifier key apart. ARGUMENT where it is none. */
TALLYVERIFY_API enum tallyverify_result
tallyverify_vkey(const char *text, struct tallyverify_vkey *vkey_r);

struct tallyverify_checkpoint {
	char origin[TALLYVERIFY_NAME];	/* the log's name */
	uint64_t size;			/* entries of its tree */
	uint8_t root[TALLYVERIFY_HASH];
};

/*
 * A signed checkpoint (c2sp.org/tlog-checkpoint). vkeys[0] is the log's own key, its name the
 * checkpoint's origin; each of the key_count keys must have signed, so further ones are witnesses
 * that are asked for. A line of a known key that does not verify makes the whole note invalid; lines
 * of others are passed over.
 */
TALLYVERIFY_API enum tallyverify_result
tallyverify_checkpoint(const uint8_t *note, size_t note_size, const char *const *vkeys,
		       size_t key_count, struct tallyverify_checkpoint *checkpoint_r);

/* ---- policies: witnesses that make a quorum ---- */

#define TALLYVERIFY_WITNESSES 64	/* that a policy has at most; so of logs and groups */
#define TALLYVERIFY_WHY 256		/* room for what is wrong, with its NUL */

/* A policy (c2sp.org/tlog-policy) that was read: known logs and witnesses, and which of these must have
 * cosigned. 48 KiB, too much for a small stack. It points into its text, which must stay as it is. */
struct tallyverify_policy {
	uint64_t opaque[6144];
};

/* Reads a policy, strictly. ARGUMENT where it is none: why (or NULL) then names the line, and what is
 * wrong with it. */
TALLYVERIFY_API enum tallyverify_result
tallyverify_policy(const char *text, size_t text_size, struct tallyverify_policy *policy_r,
		   char why[TALLYVERIFY_WHY]);

/* Witnesses of a policy that cosigned a checkpoint, in its order. */
struct tallyverify_cosigned {
	size_t count;
	struct tallyverify_slice names[TALLYVERIFY_WITNESSES];	/* as the policy calls them */
	uint64_t times[TALLYVERIFY_WITNESSES];	/* seconds since 1970, as they say */
};

/*
 * A signed checkpoint by a policy: a log of the policy has signed it, its name the checkpoint's origin,
 * and witnesses that make its quorum have cosigned it. UNSIGNED where not; a line of a key of the
 * policy that does not verify makes the whole note invalid, lines of others are passed over. cosigned_r
 * (may be NULL) is set unless the note is MALFORMED: whoever it is that did; nobody where it is invalid.
 */
TALLYVERIFY_API enum tallyverify_result
tallyverify_checkpoint_policy(const uint8_t *note, size_t note_size,
			      const struct tallyverify_policy *policy,
			      struct tallyverify_cosigned *cosigned_r,
			      struct tallyverify_checkpoint *checkpoint_r);

/* ---- the log tree (RFC 6962, RFC 9162); sizes and roots are those of checkpoints verified ---- */

/* SHA-256 of a zero byte and the leaf: a journal's JournalHash. */
TALLYVERIFY_API void
tallyverify_leaf_hash(const uint8_t *leaf, size_t leaf_size, uint8_t hash_r[TALLYVERIFY_HASH]);

/* Is that leaf number index of the tree? path is its audit path, the leaf's side first. */
TALLYVERIFY_API enum tallyverify_result
tallyverify_inclusion(uint64_t index, uint64_t size, const uint8_t leaf_hash[TALLYVERIFY_HASH],
		      const uint8_t *path, size_t path_count,
		      const uint8_t root[TALLYVERIFY_HASH]);

/* Does the newer tree begin with all of the older one? */
TALLYVERIFY_API enum tallyverify_result
tallyverify_consistency(uint64_t old_size, const uint8_t old_root[TALLYVERIFY_HASH],
			uint64_t new_size, const uint8_t new_root[TALLYVERIFY_HASH],
			const uint8_t *proof, size_t proof_count);

/* Are those leaves first, first + 1, ... of the tree? leaf_hashes is the work space: its content is
 * lost. */
TALLYVERIFY_API enum tallyverify_result
tallyverify_range(uint64_t first, uint64_t count, uint64_t size, uint8_t *leaf_hashes,
		  const uint8_t *proof, size_t proof_count,
		  const uint8_t root[TALLYVERIFY_HASH]);

/* A proof file (c2sp.org/tlog-proof, ".tlog-proof") of a leaf: its checkpoint as above, then its
 * path. */
TALLYVERIFY_API enum tallyverify_result
tallyverify_proof_file(const uint8_t *file, size_t file_size, const uint8_t *leaf,
		       size_t leaf_size, const char *const *vkeys, size_t key_count,
		       uint64_t *index_r, struct tallyverify_checkpoint *checkpoint_r);

/* The same, its checkpoint by a policy. */
TALLYVERIFY_API enum tallyverify_result
tallyverify_proof_file_policy(const uint8_t *file, size_t file_size, const uint8_t *leaf,
			      size_t leaf_size, const struct tallyverify_policy *policy,
			      struct tallyverify_cosigned *cosigned_r, uint64_t *index_r,
			      struct tallyverify_checkpoint *checkpoint_r);

/* A receipt: a signed checkpoint, and a range proof of the journals appended together. Of one journal
 * the proof is its audit path. leaf_hashes is used up. */
TALLYVERIFY_API enum tallyverify_result
tallyverify_receipt(const uint8_t *note, size_t note_size, const char *const *vkeys,
		    size_t key_count, uint64_t first, uint64_t count, uint8_t *leaf_hashes,
		    const uint8_t *proof, size_t proof_count,
		    struct tallyverify_checkpoint *checkpoint_r);

/* ---- leaves of Tallystick: a journal's header as canonical JSON ---- */

struct tallyverify_leaf {		/* slices: text as it stands in the leaf */
	uint64_t journal_id;
	uint64_t timestamp;		/* milliseconds since 1970, as the server says */
	struct tallyverify_slice ledger_id;
	struct tallyverify_slice payload_type;
	struct tallyverify_slice member_id;	/* size 0: none; so of the next two */
	struct tallyverify_slice clues;		/* a JSON array */
	struct tallyverify_slice data;		/* a JSON object */
	int has_payload;
	uint8_t payload_hash[TALLYVERIFY_HASH];
	uint64_t payload_size;
};

/* Reads a leaf, strictly. */
TALLYVERIFY_API enum tallyverify_result
tallyverify_leaf(const uint8_t *leaf, size_t leaf_size, struct tallyverify_leaf *leaf_r);

/* Does the leaf speak of that place in that log? That it is there is another question; one whose
 * proof holds and that speaks of another place convicts the log. */
TALLYVERIFY_API enum tallyverify_result
tallyverify_leaf_place(const uint8_t *leaf, size_t leaf_size,
		       const struct tallyverify_checkpoint *checkpoint, uint64_t index);

/* Is it the journal's payload? salt is the 16 bytes that are kept with it. */
TALLYVERIFY_API enum tallyverify_result
tallyverify_payload(const uint8_t *leaf, size_t leaf_size, const uint8_t salt[16],
		    const uint8_t *payload, size_t payload_size);

/* ---- the state of a ledger: clues, keys, members ---- */

enum tallyverify_kind { TALLYVERIFY_CLUE = 0, TALLYVERIFY_KV = 1, TALLYVERIFY_MEMBER = 2 };

struct tallyverify_state {
	const uint8_t *checkpoint;	/* signed */
	size_t checkpoint_size;
	const uint8_t *leaf;		/* of the STATE_ROOT journal */
	size_t leaf_size;
	const uint8_t *path;		/* its audit path */
	size_t path_count;
	int kind;			/* enum tallyverify_kind */
	const uint8_t *key;		/* the clue, key or member id */
	size_t key_size;
	const uint8_t *value;		/* NULL: that there is none */
	size_t value_size;
	const uint8_t *proof;		/* the path in the state tree, encoded */
	size_t proof_size;
};

struct tallyverify_state_info {
	uint64_t size;			/* journals that the state stands for */
	uint64_t tree_size;		/* journals that the checkpoint signs */
	uint64_t lag;			/* tree_size - size: what happened in those it does not show */
	uint64_t journal_id;		/* of the STATE_ROOT journal */
	uint8_t root[TALLYVERIFY_HASH];	/* of the state tree */
};

/*
 * That a key had that value after the ledger's first info_r->size journals, or had none. STALE where
 * lag is above lag_max; info_r is set then too.
 */
TALLYVERIFY_API enum tallyverify_result
tallyverify_state(const struct tallyverify_state *state, const char *const *vkeys,
		  size_t key_count, uint64_t lag_max, struct tallyverify_state_info *info_r);

/* The same, its checkpoint by a policy. */
TALLYVERIFY_API enum tallyverify_result
tallyverify_state_policy(const struct tallyverify_state *state,
			 const struct tallyverify_policy *policy,
			 struct tallyverify_cosigned *cosigned_r, uint64_t lag_max,
			 struct tallyverify_state_info *info_r);

/* What values say: of a clue the number of its journals and the root over their JournalHashes; of a
 * key the journal that set it; of a member the last journal about it and SHA-256 of its canonical
 * JSON. */
TALLYVERIFY_API enum tallyverify_result
tallyverify_clue_value(const uint8_t *value, size_t value_size, uint64_t *count_r,
		       uint8_t root_r[TALLYVERIFY_HASH]);
TALLYVERIFY_API enum tallyverify_result
tallyverify_kv_value(const uint8_t *value, size_t value_size, uint64_t *journal_id_r,
		     uint8_t journal_hash_r[TALLYVERIFY_HASH]);
TALLYVERIFY_API enum tallyverify_result
tallyverify_member_value(const uint8_t *value, size_t value_size, uint64_t *journal_id_r,
			 uint8_t record_hash_r[TALLYVERIFY_HASH]);

/*
 * The lineage of a clue, whole or a page of it: are those the JournalHashes first, first + 1, ... of
 * the clue's journals, in order? count and root are those of its verified value. All of them
 * (first 0, hash_count count) need no proof. hashes is used up.
 */
TALLYVERIFY_API enum tallyverify_result
tallyverify_lineage(uint64_t count, const uint8_t root[TALLYVERIFY_HASH], uint64_t first,
		    uint8_t *hashes, uint64_t hash_count, const uint8_t *proof,
		    size_t proof_count);

/* ---- COSE receipts (RFC 9942, verifiable data structure 1) ---- */

struct tallyverify_cose {
	uint64_t size;			/* entries of the tree that is signed */
	uint64_t from;			/* the entry's index, or the size of the older tree */
	uint8_t root[TALLYVERIFY_HASH];	/* of the tree that is signed */
};

/* key has 32 bytes (Ed25519, EdDSA receipts) or 65 (P-256, an uncompressed point, ES256 receipts). */
TALLYVERIFY_API enum tallyverify_result
tallyverify_cose_inclusion(const uint8_t *receipt, size_t receipt_size,
			   const uint8_t leaf_hash[TALLYVERIFY_HASH], const uint8_t *key,
			   size_t key_size, struct tallyverify_cose *cose_r);
TALLYVERIFY_API enum tallyverify_result
tallyverify_cose_consistency(const uint8_t *receipt, size_t receipt_size,
			     const uint8_t old_root[TALLYVERIFY_HASH], const uint8_t *key,
			     size_t key_size, struct tallyverify_cose *cose_r);

#ifdef __cplusplus
}
#endif

#endif
