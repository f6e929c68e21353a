/*
 * Time anchors as leaves (doc/formats.md, "Time anchors"): what an authority stamped, and that a
 * ledger's checkpoint is in it. Pure functions over the text given. The token itself is verified
 * with tsp.h, against the digest found here.
 */
#ifndef TALLY_ANCHOR_H
#define TALLY_ANCHOR_H

#include "leaf.h"

#define TALLY_ANCHOR_PATH 32		/* hashes of the longest path that is read */

struct tally_anchor_leaf {
	uint64_t journal_id;
	struct tally_bytes ledger_id;
	uint64_t version;		/* journals of the tree whose checkpoint was stamped ... */
	struct tally_hash root;		/* ... and its root */
	struct tally_hash digest;	/* what was stamped: the root of a tree of checkpoint texts ... */
	uint64_t index, count;		/* ... in which this one stands here, among so many ... */
	struct tally_hash path[TALLY_ANCHOR_PATH];	/* ... by this path */
	size_t path_count;
	uint64_t time_ms;		/* genTime, as the leaf says it; the token counts */
	struct tally_bytes token;	/* base64 */
};

/* False for anything but the leaf of an anchor that an authority stamped. */
bool tally_anchor_parse(struct tally_bytes leaf, struct tally_anchor_leaf *anchor_r);

/* Is the checkpoint of that tree, of the log with this origin, in what was stamped? */
bool tally_anchor_verify(const struct tally_anchor_leaf *anchor, struct tally_bytes origin);

#endif
