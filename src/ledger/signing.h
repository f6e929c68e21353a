/* Members' signatures on what is appended; see signing.c. */
#ifndef TALLY_SIGNING_H
#define TALLY_SIGNING_H

#include "core_private.h"
#include "txrequest.h"

/* A signing whose mathematics was checked. Its bytes are in the arena of the command. */
struct tally_signed {
	size_t count;			/* 0: not signed */
	struct tally_record_signature signatures[TALLY_MAX_SIGNATURES];
	uint8_t digest[TALLY_DIGEST_SIZE];	/* keyed, of what was signed */
	struct tally_txrequest tx;	/* of the foreign form */
};

/* In the worker, first: who signs, with which keys. DENIED about "Member". signing may be NULL. */
int tally_signing_signers(struct tally_space *space, const struct tally_caller *caller,
			  const struct tally_signing *signing, struct tally_arena *arena,
			  struct tally_signed *signed_r, struct tally_err *err);
/* In the foreign form: the message taken apart. INVALID about "RequestMessage". */
int tally_signing_check_message(const struct tally_signing *signing, struct tally_signed *signed_r,
				struct tally_err *err);
/* What is kept beside the payload: the foreign form's message and signatures, else the ClientId. */
struct tally_bytes tally_signing_evidence(const struct tally_signing *signing,
					  struct tally_bytes client_id,
					  const struct tally_signed *signed_r,
					  struct tally_arena *arena);
/* Then, when payload and clues stand in the record: the signatures. Fills in the record's author, and
 * in the own form nonce and signatures. DENIED about "MemberSignature", INVALID. */
int tally_signing_check(struct tally_space *space, const struct tally_signing *signing,
			struct tally_bytes payload, struct tally_bytes client_id,
			struct tally_record *record, struct tally_signed *signed_r,
			struct tally_err *err);
/* In the committer: policy, members as they are in this block, and that it was not used before. */
int tally_signing_decide(struct tally_build *build, const struct tally_signed *of,
			 enum tally_permission need, struct tally_envelope *envelope,
			 struct tally_err *err);

#endif
