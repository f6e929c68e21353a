/*
 * A witness: a key, the logs whose checkpoints it cosigns, and what it remembers of each, in a
 * directory of its own. It knows nothing of our ledgers and nothing of HTTP. The rules are those of
 * c2sp.org/tlog-witness (proof/witness.h); here is the memory.
 *
 * Any number of processes may use one directory at the same time, on a local file system. A
 * checkpoint is compared with the last one and stored under a lock, and is durable before its
 * cosignature is given out, so what is remembered never goes back.
 *
 *	witness			"tallystick witness 1", the verifier key
 *	key			the seed of the key, mode 0600
 *	logs/<hex H(origin)>	one log: origin, trusted keys, last cosigned checkpoint
 *	logs/<hex>.conflict	a checkpoint that convicts the log: signed by it, of the size and not
 *				of the root that was cosigned
 */
#ifndef TALLY_COSIGNER_H
#define TALLY_COSIGNER_H

#include "arena.h"
#include "err.h"
#include "note.h"

#define TALLY_COSIGNER_KEYS 8		/* trusted for one log at the same time */

struct tally_cosigner;

/* Makes the directory (0700) if there is none, and a key of that name in it. EXISTS where there is a
 * witness already; INVALID for a name that cannot be one. */
int tally_cosigner_init(const char *directory, const char *name, struct tally_err *err);

/* NOTFOUND where there is no witness. May be used by any number of threads. */
int tally_cosigner_open(const char *directory, struct tally_cosigner **cosigner_r,
			struct tally_err *err);
void tally_cosigner_close(struct tally_cosigner **cosigner);	/* NULL is fine */

const struct tally_vkey *tally_cosigner_vkey(const struct tally_cosigner *cosigner);

/*
 * Checkpoints of origin are cosigned from now on if this key signs them. A log may have several
 * keys. EXISTS where it has this one; INVALID for an origin that is none.
 */
int tally_cosigner_add_log(struct tally_cosigner *cosigner, struct tally_bytes origin,
			   const struct tally_vkey *key, struct tally_err *err);

/* No checkpoint of origin is cosigned from now on. What was cosigned stays remembered, for it holds
 * also when the log is added again. NOTFOUND. */
int tally_cosigner_remove_log(struct tally_cosigner *cosigner, struct tally_bytes origin,
			      struct tally_err *err);

struct tally_cosigned_log {
	char origin[TALLY_KEY_NAME_MAX + 1];
	struct tally_vkey keys[TALLY_COSIGNER_KEYS];
	size_t key_count;		/* 0: it was removed */
	bool cosigned;			/* whether any was; then: */
	uint64_t size;
	struct tally_hash root;
	uint64_t time;			/* of the cosignature, seconds since 1970 */
	bool conflict;			/* logs/<hex>.conflict is there */
};
typedef void tally_cosigner_each_log(void *ctx, const struct tally_cosigned_log *log);

/* Every log, in no particular order; ends at the first whose file is damaged (CORRUPT). */
int tally_cosigner_each(struct tally_cosigner *cosigner, tally_cosigner_each_log *each, void *ctx,
			struct tally_err *err);

/* What is to be answered over HTTP. */
struct tally_cosigner_answer {
	int status;
	const char *type;		/* its media type */
	struct tally_bytes body;	/* in the arena */
};

/*
 * A request add-checkpoint, at a time (seconds since 1970). Never fails: a medium that does is
 * answered 500 (507 where it is full), and nothing was promised then.
 */
void tally_cosigner_add_checkpoint(struct tally_cosigner *cosigner, struct tally_bytes body,
				   uint64_t now, struct tally_arena *arena,
				   struct tally_cosigner_answer *answer_r);

/* The last cosigned checkpoint of the log with that hash (64 lower-case hex digits), with the log's
 * and our line. 1, or 0 where there is none. */
int tally_cosigner_last(struct tally_cosigner *cosigner, struct tally_bytes hex,
			struct tally_arena *arena, struct tally_bytes *note_r,
			struct tally_err *err);

#endif
