/*
 * Who calls: RPC signature 1.0, signature V3, local administration, or nobody. Whether the caller may do what
 * it asks is the service's next step.
 */
#ifndef TALLY_AUTH_H
#define TALLY_AUTH_H

#include "decode.h"

struct tally_nonces;

/*
 * Nonces of signed requests, in memory: a bounded table that forgets what has expired, and under
 * pressure what expires next. With each stands for what it was used. Any thread.
 */
struct tally_nonces *tally_nonces_new(size_t capacity);
void tally_nonces_free(struct tally_nonces **nonces);

/* NEW: it is remembered until expire_ms, with use. SAME: it was taken with that use, ELSEWHERE: with
 * another one (of two uses in 65,536 the table knows no difference). */
enum tally_nonce_use { NONCE_NEW, NONCE_SAME, NONCE_ELSEWHERE };
enum tally_nonce_use tally_nonces_take(struct tally_nonces *nonces, struct tally_bytes nonce,
				       struct tally_bytes use, uint64_t now_ms,
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

/* Policies that must allow what a caller asks (ram.h), as texts: those of its account, of its key, of its
 * temporary key. */
struct tally_auth_policies {
	struct tally_bytes texts[3];
	size_t count;
};

/*
 * Fills write_r (caller, nonce, request_ms, again) or sets the fault. Checks in this order: the
 * common parameters are there, their values, the access key, the clock, the signature, the nonce
 * (so that a forged request burns no nonce). A temporary key brings its token: the parameter
 * SecurityToken, or, signed, the header x-acs-security-token. A nonce that was used with another action or ledger is
 * refused; that of a write is passed on as well, and the core keeps it with what it commits.
 *
 * Neither AccessKeyId nor Signature: local administration if the request is local (the header
 * x-tally-account names the account it acts as), else nobody, account 0.
 */
/* *covered_r: nothing of the body needs further proof that it is the caller's. */
int tally_auth_check(const struct tally_auth *auth, const struct tally_request *request,
		     const struct tally_form *form, enum tally_action_kind kind,
		     struct tally_write *write_r, bool *covered_r,
		     struct tally_auth_policies *policies_r, struct tally_fault *fault);

#endif
