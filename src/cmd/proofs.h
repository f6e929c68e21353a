/*
 * What tally prove and tally verify know besides proof files of journals: state proof files
 * (statefile.h), process proof files (processfile.h), COSE receipts (cose.h), and members' signatures
 * in leaves (signed.h).
 */
#ifndef TALLY_CMD_PROOFS_H
#define TALLY_CMD_PROOFS_H

#include "client.h"
#include "signed.h"
#include "statefile.h"

struct json_object;

/* ---- tally prove; functions for client_with ---- */

#define PROVE_STATE_OPTIONS                                                                       \
	{ "clue", "TEXT", "prove which journals have this clue" },                                \
	{ "kv", "KEY", "prove what this key's value is" },                                        \
	{ "member", "ID", "prove what is known of this member, or that there is none" },          \
	{ "process", "CREATOR", "prove which stages this DID's sharing process PROCESS has" },    \
	{ "fresh", NULL, "first append a STATE_ROOT journal, so that the proof is of now" }

#define PROVE_TRIES 3		/* requests anew where witnesses cosigned a newer tree in between */

/* How many journals the newest cosigned checkpoint has; 0: there is none. must: false after printing
 * why it cannot be asked; else that is none too. */
bool prove_cosigned_size(struct client *client, const char *ledger, bool must, uint64_t *size_r);

/* Do words and options go together? VERB_OK, or VERB_USAGE after printing why not. */
int prove_check_options(const struct verb_call *call);

int prove_check_cosigned(const struct verb_call *call);	/* of those only --fresh and --cosigned */

bool prove_wants_state(const struct verb_call *call);
int prove_state(struct client *client);
int prove_process(struct client *client);
int prove_cose(struct client *client);

/* Has the server make a STATE_ROOT journal about all there is; false after printing why not. */
bool prove_make_fresh(struct client *client, const char *ledger);

/* One state proof as a file, for other verbs too: asks for it, holds it against itself, writes it; where
 * the verb has an option "cosigned" that is given, under the newest cosigned checkpoint.
 * reply_r (may be NULL): the answer of KvGet, GetMember or, its first page, GetClueProof; the caller's.
 * VERB_OK, or another after printing why. */
int prove_state_file(struct client *client, const char *ledger, enum tally_state_kind kind,
		     const char *key, const char *path, struct json_object **reply_r);

/* The same, and the file's text goes to buf. */
int prove_state_text(struct client *client, const char *ledger, enum tally_state_kind kind,
		     const char *key, struct tally_buf *buf, struct json_object **reply_r);

/* A journal's proof as a file: what GetJournalProof or GetJournalTimeProof (with_time) answered, or what
 * has the same members, is held against itself and written; output NULL: standard output; leaf: where
 * that goes too, or NULL. VERB_OK, or another after printing why. */
int prove_write(struct client *client, struct json_object *reply, bool with_time,
		const char *output, const char *leaf);

/* ---- tally verify ---- */

#define VERIFY_FILE_MAX TALLY_STATE_FILE_MAX

/* It begins as a state proof file does. */
bool verify_is_state(struct tally_bytes text);

/* How the options demand that a checkpoint is signed. */
struct verify_signed {
	void *ctx;
	/* False after printing why it is not. */
	bool (*check)(void *ctx, struct tally_bytes note, struct tally_checkpoint *checkpoint_r);
	/* By whom it was: lines, or members of an object. */
	void (*say)(void *ctx);
	void (*json)(void *ctx, struct json_object *to);
};

/* --max-lag; false after printing. */
bool verify_max_lag(const struct verb_call *call, uint64_t *lag_r);
/* Which state it was, and of which log; as a JSON string, which may hold anything. */
void verify_say_state(const struct tally_state_answer *answer, struct tally_bytes origin);
void verify_state_json(const struct tally_state_answer *answer, struct tally_bytes origin,
		       const struct tally_state_file *file, struct json_object *to);
const char *verify_quoted(struct tally_arena *arena, struct tally_bytes text);

/* They print what was verified, or why not, and return a verb_exit. */
int verify_state(const struct verb_call *call, struct tally_bytes text,
		 const struct verify_signed *by, struct tally_arena *arena);
int verify_process(const struct verb_call *call, struct tally_bytes text,
		   const struct verify_signed *by, struct tally_arena *arena);
/* Does the state proof file of --left-out-of, demanded to be signed like the journal's, leave out this
 * journal, which is verified? 1, and words that say so (in arena), 0, or -1 after printing why it cannot
 * tell. */
int verify_left_out(const struct verb_call *call, const struct verify_signed *by, struct tally_bytes leaf,
		    struct tally_arena *arena, const char **words_r);
int verify_cose(const struct verb_call *call, struct tally_bytes receipt,
		struct tally_arena *arena);

/* --vkey; false after printing that it is none of a log's. */
bool verify_key(const struct verb_call *call, struct tally_vkey *vkey_r);

/* The members that signed a journal in the own form. */
struct signers {
	struct tally_leaf_signature of[TALLY_LEAF_SIGNATURES];
	int count;
	char unchecked[400];	/* why they could not be checked here; else "" */
};

/* leaf may be empty: only a hash was given. False after printing why it is not verified, which also
 * is so where --signed-by demands a key that did not sign. */
bool signers_check(const struct verb_call *call, struct tally_bytes leaf, struct tally_arena *arena,
		   struct signers *signers_r);
void signers_say(const struct signers *signers);
void signers_json(const struct signers *signers, struct json_object *to);

#endif
