/*
 * Proof files (c2sp.org/tlog-proof): that an entry is in a log, for checking without the log.
 *
 *	c2sp.org/tlog-proof@v1
 *	extra <base64>			optional, not authenticated
 *	index <decimal>
 *	<base64 hash>			the audit path, leaf side first
 *	<empty line>
 *	<signed checkpoint>
 *
 * Pure functions; what is parsed borrows from the text given.
 */
#ifndef TALLY_PROOFFILE_H
#define TALLY_PROOFFILE_H

#include "tree.h"

#define TALLY_PROOF_MAX (1u << 20)	/* bytes of a file we read */

struct tally_proof_file {
	struct tally_bytes extra;	/* base64 as it stands there; empty: none */
	uint64_t index;
	struct tally_hash path[TALLY_TREE_MAX_PATH];
	size_t path_count;
	struct tally_bytes checkpoint;	/* the signed note */
};

/* Strict; false for anything that is no such file. The note is not looked at. */
bool tally_proof_parse(struct tally_bytes text, struct tally_proof_file *file_r);

struct tally_buf;

/* Adds the file to buf; extra is base64, or empty. */
void tally_proof_format(const struct tally_proof_file *file, struct tally_buf *buf);

#endif
