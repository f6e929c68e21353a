/*
 * Members' signatures in a leaf, of the own form (doc/formats.md, "Member signatures"). Leaf and
 * statement are canonical JSON with the same members in the same order, so what was signed is the
 * leaf without evidenceHash, journalId, signatures and timestamp. Pure functions; no allocation, no
 * I/O; what is read borrows from the leaf given.
 *
 * The key in a leaf is the one that the log knew as the member's then. That it is the member's own is
 * for the verifier to know: from elsewhere, or from a proof of the member's record.
 */
#ifndef TALLY_SIGNED_H
#define TALLY_SIGNED_H

#include "leaf.h"
#include "member_key.h"

struct tally_err;

/* What is signed of a leaf: its members that are the statement's, in their order. room has leaf.size
 * bytes: it is shorter. Of what is no leaf: any bytes. */
struct tally_bytes tally_leaf_statement(struct tally_bytes leaf, uint8_t *room);

#define TALLY_LEAF_SIGNATURES 8

struct tally_leaf_signature {
	struct tally_bytes member_id;
	struct tally_member_key key;
	uint8_t bytes[TALLY_MEMBER_SIGNATURE];
};

/*
 * How many members signed, each signature verified; 0 where the leaf has none (nobody signed, or the
 * signatures are kept with the payload). -1: INVALID where it is no leaf or its signatures are
 * malformed, CORRUPT where one does not verify, UNSUPPORTED for a kind of key this program lacks.
 * room has leaf.size bytes.
 */
int tally_leaf_signatures(struct tally_bytes leaf, uint8_t *room,
			  struct tally_leaf_signature signatures_r[TALLY_LEAF_SIGNATURES],
			  struct tally_err *err);

#endif
