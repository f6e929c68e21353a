/*
 * COSE receipts of the log tree (RFC 9942, verifiable data structure 1, RFC9162_SHA256): that an
 * entry is in a tree, or that a tree grew out of an older one, signed by the log. Pure functions; no
 * allocation, no I/O; what is parsed borrows from the bytes given.
 *
 *	receipt		18([bstr(protected), unprotected, payload, signature])
 *	protected	{1: alg, ?4: kid, ?15: {?1: issuer, ?2: subject}, 395: 1}
 *	inclusion	unprotected {396: {-1: [bstr([size, index, [+hash]])]}}, payload nil
 *	consistency	unprotected {396: {-2: [bstr([old size, size, [+hash]])]}}, payload the newer root
 *	signed		["Signature1", bstr(protected), h'', bstr(root)]
 *
 * Read strictly: core deterministic CBOR (RFC 8949 4.2.1: shortest heads, definite lengths, keys of
 * maps ascending by their bytes), nothing after it, one proof of one kind, at least one hash. Further
 * members of protected and of its claims are passed over, but not crit (2), nor 395 or 1 or 4 or 15
 * in the unprotected header, which holds 396 and nothing else.
 */
#ifndef TALLY_COSE_H
#define TALLY_COSE_H

#include "note.h"

#define TALLY_COSE_MAX 4096		/* bytes of a receipt */
#define TALLY_COSE_PROTECTED_MAX 1024	/* of those of its protected header */
#define TALLY_COSE_SIGNATURE 64		/* both kinds */

enum tally_cose_alg { COSE_ES256 = -7, COSE_EDDSA = -8 };
enum tally_cose_kind { COSE_INCLUSION = -1, COSE_CONSISTENCY = -2 };

struct tally_cose_receipt {
	enum tally_cose_kind kind;
	enum tally_cose_alg alg;
	struct tally_bytes kid;		/* these three may be empty: not there */
	struct tally_bytes issuer, subject;
	uint64_t size;			/* leaves of the tree that is signed */
	uint64_t from;			/* the entry's index, or the size of the older tree */
	struct tally_hash path[TALLY_TREE_MAX_PATH + 1];
	size_t path_count;
	struct tally_hash root;		/* of the tree that is signed; read: only of COSE_CONSISTENCY */
	uint8_t signature[TALLY_COSE_SIGNATURE];
	struct tally_bytes protected;	/* read: the header as it stands there, which is signed */
};

/* A log's key: 32 bytes (Ed25519), or 65 bytes, an uncompressed point (P-256). */
struct tally_cose_key {
	enum tally_cose_alg alg;
	uint8_t public[65];
};

void tally_cose_key_ed25519(struct tally_cose_key *key_r,
			    const uint8_t public[TALLY_ED25519_PUBLIC]);

/* A log's key id in four bytes, as kid. */
#define TALLY_COSE_KID 4
void tally_cose_kid(const struct tally_vkey *vkey, uint8_t kid_r[TALLY_COSE_KID]);

/*
 * Writes a receipt, signed with a log's Ed25519 seed over receipt->root; signature and protected of
 * receipt are not looked at. Its length, or 0: no hash (a tree of one leaf has no receipt), not
 * EdDSA, sizes that are no proof's, texts that are no UTF-8 or that do not fit.
 */
size_t tally_cose_sign(const struct tally_cose_receipt *receipt,
		       const uint8_t seed[TALLY_ED25519_SEED], uint8_t out[TALLY_COSE_MAX]);

/*
 * The same in two steps. What is signed is the root under alg, kid, issuer and subject, so that one
 * signature serves every receipt of a tree; the second writes receipt->signature as it is.
 */
bool tally_cose_sign_root(const struct tally_cose_receipt *receipt,
			  const uint8_t seed[TALLY_ED25519_SEED],
			  uint8_t signature_r[TALLY_COSE_SIGNATURE]);
size_t tally_cose_format(const struct tally_cose_receipt *receipt, uint8_t out[TALLY_COSE_MAX]);

/* False for anything that is no such receipt. */
bool tally_cose_parse(struct tally_bytes bytes, struct tally_cose_receipt *receipt_r);

/* Is the entry with this leaf hash in the tree that the key signed? root_r (may be NULL) gets the
 * root that it leads to. */
bool tally_cose_inclusion_verify(const struct tally_cose_receipt *receipt,
				 const struct tally_hash *leaf, const struct tally_cose_key *key,
				 struct tally_hash *root_r);

/* Did the tree that the key signed, receipt->size and receipt->root, grow out of the tree of
 * receipt->from leaves with this root? */
bool tally_cose_consistency_verify(const struct tally_cose_receipt *receipt,
				   const struct tally_hash *old_root,
				   const struct tally_cose_key *key);

#endif
