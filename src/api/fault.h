/*
 * What a request can be refused with. One table maps every reason, and every code of the core, to
 * the HTTP status, the Code and the Message of the API.
 */
#ifndef TALLY_FAULT_H
#define TALLY_FAULT_H

#include "bytes.h"
#include "err.h"

struct tally_arena;
struct tally_node;

enum tally_fault_kind {
	FAULT_NONE = 0,
	/* of the product */
	FAULT_INVALID_PARAMETER,	/* subject: the parameter */
	FAULT_MISSING_PARAMETER,	/* subject: the parameter */
	FAULT_UNAUTHORIZED,		/* subject: a sentence more, or empty */
	FAULT_FORBIDDEN,		/* by a policy */
	FAULT_NOT_FOUND,		/* subject: "Journal 100" */
	FAULT_EXISTS,			/* subject: the resource */
	FAULT_TOKEN_MISMATCH,
	FAULT_UNSUPPORTED,		/* subject: what */
	/* of the gateway */
	FAULT_NO_ACTION,
	FAULT_NO_VERSION,
	FAULT_MISSING_COMMON,		/* subject: the common parameter; part of the code */
	FAULT_INVALID_COMMON,		/* the same */
	FAULT_FORMAT,
	FAULT_METHOD,
	FAULT_KEY_NOT_FOUND,
	FAULT_KEY_INACTIVE,
	FAULT_SECURITY_TOKEN_EXPIRED,
	FAULT_SECURITY_TOKEN_MALFORMED,
	FAULT_TIME_FORMAT,
	FAULT_TIME_EXPIRED,
	FAULT_NONCE_USED,
	FAULT_SIGNATURE_METHOD,
	FAULT_SIGNATURE_MISMATCH,	/* subject: the server's string to sign */
	FAULT_SIGNATURE_INCOMPLETE,
	FAULT_BODY_TOO_LARGE,
	FAULT_BODY_SHORT,
	FAULT_THROTTLING,		/* too much waits */
	FAULT_THROTTLED,		/* the caller asks too often; wait_ms */
	FAULT_UNAVAILABLE,
	FAULT_UNCERTAIN,
	FAULT_READ_ONLY,		/* subject: why, a sentence */
	FAULT_NO_AUTHORITY,		/* subject: why, a sentence */
	FAULT_NO_KEY_STORE,		/* why is for the log: it names the operator's files */
	FAULT_INTERNAL,
	FAULT_NOT_HERE			/* a part of the URL map that this server does not have */
};

/* A refusal. Kind FAULT_NONE: none. Its bytes live as long as the request. */
struct tally_fault {
	enum tally_fault_kind kind;
	struct tally_bytes subject;
	struct tally_bytes hint;	/* for the member Recommend: what is wrong, in words */
	uint64_t wait_ms;		/* of FAULT_THROTTLED: until it may be tried again */
};

/* Sets it and returns -1. The subject is made valid UTF-8 where it is not (in the arena), since
 * it goes into the answer. */
int tally_fault_set(struct tally_fault *fault, enum tally_fault_kind kind);
int tally_fault_about(struct tally_fault *fault, struct tally_arena *arena,
		      enum tally_fault_kind kind, struct tally_bytes subject);
int tally_fault_named(struct tally_fault *fault, enum tally_fault_kind kind, const char *subject);

/* From an error of the core. */
int tally_fault_from(struct tally_fault *fault, struct tally_arena *arena,
		     const struct tally_err *err);

int tally_fault_status(const struct tally_fault *fault);
const char *tally_fault_code(const struct tally_fault *fault, struct tally_arena *arena);
struct tally_bytes tally_fault_message(const struct tally_fault *fault,
				       struct tally_arena *arena);
/* Seconds for Retry-After; 0: none. */
unsigned int tally_fault_retry(const struct tally_fault *fault);

/* Code and Message of an error as members of a node: what stands for a receipt that failed. */
void tally_fault_add(struct tally_arena *arena, struct tally_node *to,
		     const struct tally_err *err);

#endif
