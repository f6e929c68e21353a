/*
 * Witnessing (c2sp.org/tlog-witness): the request by which a log asks a witness to cosign a
 * checkpoint, and what a witness that holds an earlier one of that log has to answer. Pure
 * functions; what is parsed borrows from the text given. What a witness holds, and keeps, is kept
 * elsewhere (witness/).
 *
 *	old <size of the checkpoint the witness holds, decimal>
 *	<base64 hash>			the consistency proof from there, 0 to 63 lines
 *	<empty line>
 *	<signed checkpoint>
 */
#ifndef TALLY_WITNESS_H
#define TALLY_WITNESS_H

#include "note.h"

#define TALLY_WITNESS_PROOF_MAX 63	/* lines of a proof, by the text */
/* Bytes of the lines before the checkpoint, and of a whole request. */
#define TALLY_WITNESS_HEAD_MAX (4 + 20 + 1 + TALLY_WITNESS_PROOF_MAX * 45 + 1)
#define TALLY_WITNESS_REQUEST_MAX (TALLY_WITNESS_HEAD_MAX + TALLY_NOTE_MAX)

struct tally_witness_request {
	uint64_t old_size;
	struct tally_hash proof[TALLY_WITNESS_PROOF_MAX];
	size_t proof_count;
	struct tally_bytes signed_note;		/* as it came */
	struct tally_note note;			/* the same, taken apart */
	struct tally_checkpoint checkpoint;	/* its text */
};

/* Strict; false for anything malformed, an extension too long to be cosigned, too many bytes. */
bool tally_witness_parse(struct tally_bytes body, struct tally_witness_request *request_r);

/* The lines before the checkpoint, with the empty one, into head (TALLY_WITNESS_HEAD_MAX
 * characters, no NUL); how many. The checkpoint follows as it is. proof_count is at most 63. */
size_t tally_witness_head(uint64_t old_size, const struct tally_hash *proof, size_t proof_count,
			  char *head);

/* The last checkpoint of an origin that a witness cosigned. */
struct tally_witnessed {
	uint64_t size;			/* 0 also where there is none */
	struct tally_hash root;		/* of no meaning where size is 0 */
};

/*
 * The status of HTTP that a witness has to answer, in the order in which the text has them:
 *	404	no key is trusted for that origin (key_count 0)
 *	403	no trusted key signed it, or a line of one does not verify
 *	400	old size above the checkpoint's
 *	409	old size is not what the witness holds
 *	422	the checkpoint does not continue what the witness holds: a proof that does not
 *		verify, a proof with old size 0, another root at the same size or at size 0
 *	200	it does: to be stored, durably, and then cosigned
 * *why_r (may be NULL) is a sentence about it, without its full stop.
 */
int tally_witness_judge(const struct tally_witness_request *request,
			const struct tally_vkey *keys, size_t key_count,
			const struct tally_witnessed *held, const char **why_r);

/*
 * Two trees of one log with the same size and different roots: what convicts a log, if both
 * checkpoints are signed. Of different sizes it takes a proof to tell, and that may just be missing.
 */
bool tally_witness_conflict(const struct tally_witness_request *request,
			    const struct tally_witnessed *held);

/*
 * What a witness answered with 200: one or more signature lines and nothing else. Those of this key
 * that verify over the checkpoint's text are good; lines of other keys are passed over. The line
 * (borrowed, with its LF) and its time; false where there is none, or one that does not verify.
 */
bool tally_witness_answer(struct tally_bytes body, struct tally_bytes text,
			  const struct tally_vkey *key, struct tally_bytes *line_r,
			  uint64_t *time_r);

/* The size in an answer 409: decimal and a line end. */
bool tally_witness_size(struct tally_bytes body, uint64_t *size_r);

/* The name of an origin in paths and files: lower-case hex of SHA-256(origin); 65 characters. */
#define TALLY_ORIGIN_HEX 65
void tally_origin_hex(struct tally_bytes origin, char *hex);

#endif
