/*
 * X.509 certificates of callers, held against the one certificate that their organisation is known by.
 * Texts are PEM. Only what is here is asked: no revocation lists, no names, nothing of the system's own
 * store of certificates.
 */
#ifndef TALLY_CERT_H
#define TALLY_CERT_H

#include "bytes.h"
#include "err.h"
#include "hash.h"

#define TALLY_CERT_MAX 16384u		/* characters of a text; a chain of a few certificates */
#define TALLY_CERT_CHAIN 8u		/* certificates of a text */
#define TALLY_CERT_NAME 200

struct tally_cert {
	uint8_t point[65];		/* public key on P-256: 04, x, y; of an anchor: zero */
	uint64_t from_ms, until_ms;	/* it is good in between */
	uint8_t hash[TALLY_HASH_SIZE];	/* SHA-256 of its DER */
	char name[TALLY_CERT_NAME + 1];	/* its subject, printable ASCII, one line */
};

/*
 * What an organisation may be known by: one certificate, of a CA. Its dates do not matter here: they
 * do when it is used. INVALID.
 */
int tally_cert_anchor(struct tally_bytes pem, struct tally_cert *cert_r, struct tally_err *err);

/*
 * The first certificate of pem, with a chain of further ones from it to the anchor, as of a time. The
 * subject of an error is the rule that was broken: "form" (INVALID: no certificates, or too many),
 * "key" (INVALID: not on P-256), "validity" (DENIED: of any certificate of the chain), "usage" (DENIED:
 * it may not sign, or one in between is of no CA), "chain" (DENIED: it does not lead to the anchor).
 */
int tally_cert_verify(struct tally_bytes pem, struct tally_bytes anchor, uint64_t now_ms,
		      struct tally_cert *cert_r, struct tally_err *err);

/* The same public key as PEM (SubjectPublicKeyInfo), NUL-terminated, in arena. */
struct tally_arena;
char *tally_point_pem(const uint8_t point[65], struct tally_arena *arena);

/* ---- for tests and the command line: a CA of one's own ---- */

/*
 * Certificates for tests: subject "CN=name", key on P-256, signed by issuer_key under issuer_name, or
 * by itself where issuer_key is NULL. Written into arena, NUL-terminated.
 */
struct tally_cert_make {
	const char *name;
	const uint8_t *key;		/* private, 32 bytes */
	const char *issuer_name;
	const uint8_t *issuer_key;
	bool ca;
	bool no_signing;		/* keyUsage without digitalSignature */
	uint64_t from_ms, until_ms;
};
int tally_cert_make(const struct tally_cert_make *make, struct tally_arena *arena, char **pem_r,
		    struct tally_err *err);

#endif
