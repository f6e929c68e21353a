/*
 * Signature V3 (ACS3-HMAC-SHA256): what a request says in its headers, and the string that its
 * signature is over. Pure; keys, clock and nonces are auth.c's.
 */
#ifndef TALLY_ACS3_H
#define TALLY_ACS3_H

#include "decode.h"

struct tally_acs3 {
	struct tally_bytes key_id, action, version, date, nonce;
	struct tally_bytes token;		/* of a temporary key; empty: none */
	struct tally_bytes signature;		/* 32 bytes, decoded */
	struct tally_bytes string_to_sign;
};

/* The request has an Authorization of this scheme. Headers x-acs-* alone mean nothing: clients of
 * signature 1.0 send them too. */
bool tally_acs3_given(const struct tally_request *request);

/*
 * Reads and checks everything but key, clock, signature and nonce: the needed headers are there
 * and signed (host, x-acs-action, -version, -date, -signature-nonce, -content-sha256, and
 * content-type and x-acs-security-token where there is a body or a token), and the hash is that of the body.
 */
int tally_acs3_read(const struct tally_request *request, struct tally_acs3 *acs3_r,
		    struct tally_fault *fault);

/* The HMAC under the secret as it is. */
void tally_acs3_mac(struct tally_bytes secret, struct tally_bytes string_to_sign,
		    uint8_t mac_r[32]);

#endif
