/*
 * Who calls: RPC signature 1.0, signature V3, local administration, or nobody. Whether the caller may do what
 * it asks is the service's next step.
 */
#ifndef TALLY_AUTH_H
#define TALLY_AUTH_H

#include "decode.h"

struct tally_nonces;

/*
 * Nonces of signed reads, in memory: a bounded table that forgets what has expired, and under
 * pressure what expires next. Any thread.
 */
struct tally_nonces *tally_nonces_new(size_t capacity);
void tally_nonces_free(struct tally_nonces **nonces);

/* True when it is new; it is then remembered until expire_ms. */
bool tally_nonces_take(struct tally_nonces *nonces, struct tally_bytes nonce, uint64_t now_ms,
		       uint64_t expire_ms);

/* How a request says who sends it. */
enum tally_scheme { SCHEME_NONE, SCHEME_RPC, SCHEME_ACS3 };
enum tally_scheme tally_auth_scheme(const struct tally_request *request,
				    const struct tally_form *form);

struct tally_auth {
	struct tally_core *core;
	struct tally_nonces *nonces;
	uint64_t window_ms;
};

/*
 * Fills write_r (caller, nonce, request_ms, again) or sets the fault. Checks in this order: the
 * common parameters are there, their values, the access key, the clock, the signature, the nonce
 * (so that a forged request burns no nonce). The nonce of a write is only passed on: the core
 * keeps it with what it commits.
 *
 * Neither AccessKeyId nor Signature: local administration if the request is local (the header
 * x-tally-account names the account it acts as), else nobody, account 0.
 */
/* *covered_r: nothing of the body needs further proof that it is the caller's. */
int tally_auth_check(const struct tally_auth *auth, const struct tally_request *request,
		     const struct tally_form *form, enum tally_action_kind kind,
		     struct tally_write *write_r, bool *covered_r, struct tally_fault *fault);

#endif
