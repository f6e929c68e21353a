/* What a request of the data-sharing family can be refused with: one table of codes. */
#ifndef TALLY_SHARE_FAULT_H
#define TALLY_SHARE_FAULT_H

#include "bytes.h"
#include "err.h"

struct tally_arena;

enum tally_share_fault_kind {
	SHARE_FAULT_NONE = 0,
	SHARE_FAULT_ARGUMENTS,		/* a field is missing, empty, of another type or no such value */
	SHARE_FAULT_JSON,
	SHARE_FAULT_TOO_LARGE,
	SHARE_FAULT_SHORT,
	SHARE_FAULT_ORGANIZATION,
	SHARE_FAULT_CHANNEL,
	SHARE_FAULT_SERVICE,		/* without type or serviceEndpoint */
	SHARE_FAULT_INTERNAL,
	SHARE_FAULT_NOT_AVAILABLE,
	/* the project's own block */
	SHARE_FAULT_NOT_FOUND,
	SHARE_FAULT_EXISTS,
	SHARE_FAULT_CALLER,		/* another identity must ask */
	SHARE_FAULT_STATE,
	SHARE_FAULT_CERT_FORM,
	SHARE_FAULT_CERT_VALIDITY,
	SHARE_FAULT_CERT_USAGE,
	SHARE_FAULT_CERT_CHAIN,
	SHARE_FAULT_KEY_FORM,
	SHARE_FAULT_KEY_MISMATCH,
	SHARE_FAULT_SIGNATURE,
	SHARE_FAULT_NO_IDENTITY,
	SHARE_FAULT_DECRYPTION,
	SHARE_FAULT_NEEDS_KEY,
	SHARE_FAULT_TIMESTAMP,
	SHARE_FAULT_REPLAYED,
	SHARE_FAULT_PLAIN_HTTP,
	SHARE_FAULT_UNSUPPORTED,
	SHARE_FAULT_REMOVED,
	SHARE_FAULT_UNCERTAIN,
	SHARE_FAULT_BUSY,
	SHARE_FAULT_THROTTLED,		/* wait_ms */
	SHARE_FAULT_READ_ONLY,		/* an older copy, or moved: an operator has to look */
	SHARE_FAULT_NO_ENDPOINT,
	SHARE_FAULT_METHOD,
	SHARE_FAULTS
};

struct tally_share_fault {
	enum tally_share_fault_kind kind;
	struct tally_bytes detail;	/* behind the message; may be empty */
	uint64_t wait_ms;		/* of SHARE_FAULT_THROTTLED: until it may be tried again */
};

/* Sets it and returns -1; detail is copied, and cut where it is long or no text. */
int tally_share_fault_set(struct tally_share_fault *fault, struct tally_arena *arena,
			  enum tally_share_fault_kind kind, const char *detail);
/* From an error of what lies below. */
int tally_share_fault_from(struct tally_share_fault *fault, struct tally_arena *arena,
			   const struct tally_err *err);

int tally_share_fault_status(const struct tally_share_fault *fault);
const char *tally_share_fault_code(enum tally_share_fault_kind kind);
/* 2 to 512 characters. */
struct tally_bytes tally_share_fault_message(const struct tally_share_fault *fault,
					     struct tally_arena *arena);
/* Seconds for Retry-After; 0: none. */
unsigned int tally_share_fault_retry(const struct tally_share_fault *fault);

#endif
