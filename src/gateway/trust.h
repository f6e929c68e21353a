/* Trusted proxies: which peers may say for whom they speak (X-Forwarded-For). */
#ifndef TALLY_TRUST_H
#define TALLY_TRUST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "address.h"

struct tally_err;

struct tally_trust {
	struct tally_network *networks;		/* malloc'd */
	size_t count;
	bool any_unix;				/* "unix": peers without an address */
};

/*
 * Addresses and networks ("127.0.0.1 10.0.0.0/8 ::1 unix"), separated by spaces or commas; NULL
 * or "" trusts nobody. INVALID names the one that is wrong.
 */
int tally_trust_parse(const char *text, struct tally_trust *trust_r, struct tally_err *err);
void tally_trust_free(struct tally_trust *trust);

bool tally_trusted(const struct tally_trust *trust, struct tally_bytes address);

/*
 * Who sent the request: peer itself unless it is trusted; then the last address of forwarded
 * ("client, proxy1, proxy2") that is not trusted, or the first where all are. What is not an
 * address ends the walk: what stands left of it proves nothing.
 */
struct tally_bytes tally_trust_client(const struct tally_trust *trust, struct tally_bytes peer,
				      struct tally_bytes forwarded);

#endif
