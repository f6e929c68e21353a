/*
 * Blocks of an Amazon QLDB journal, as its exports have them: read out of Ion, and checked as Amazon's own
 * sample of validating a hash chain does it (aws-samples/amazon-qldb-dmv-sample-java). Hashes are joined by
 * an operator of their own, "dot": SHA-256 over both, the smaller one first.
 */
#ifndef TALLY_QLDB_H
#define TALLY_QLDB_H

#include "hash.h"
#include "ion.h"

struct tally_qldb_hash {
	uint8_t bytes[TALLY_HASH_SIZE];
};

/* SHA-256 of both; which comes first their last differing byte decides, taken as signed. r may be a or b. */
void tally_qldb_dot(const struct tally_qldb_hash *a, const struct tally_qldb_hash *b,
		    struct tally_qldb_hash *r);
/* The root over hashes[count], count > 0: pairs joined, what is left over carried up. They are overwritten. */
void tally_qldb_root(struct tally_qldb_hash *hashes, size_t count, struct tally_qldb_hash *r);

struct tally_qldb_block {
	struct tally_bytes strand, transaction;
	uint64_t sequence;
	struct tally_qldb_hash hash, previous;
	const struct tally_ion *timestamp;
	const struct tally_ion *info;		/* transactionInfo */
	const struct tally_ion *revisions;	/* a list, or NULL */
};

/*
 * Takes a block apart and checks it by itself: transactionInfo, redactionInfo and the revisions are under
 * entriesHashList, that under entriesHash, and that with the hash of the block before makes blockHash; each
 * revision is of this block and transaction, and its hash is that of its data (or dataHash) and metadata.
 * INVALID where something is missing or malformed, CORRUPT where a hash does not fit; text names the block.
 */
int tally_qldb_block_read(const struct tally_ion *value, struct tally_arena *arena,
			  struct tally_qldb_block *block_r, struct tally_err *err);

/* A revision of a checked block. What belongs to the service itself has a hash and nothing else. */
struct tally_qldb_revision {
	bool internal;
	bool redacted;			/* its data is gone, by order; dataHash stands for it */
	struct tally_bytes id;		/* of the document */
	uint64_t version;
	const struct tally_ion *data;	/* NULL: redacted, or the document was deleted */
	struct tally_bytes table;	/* name of its table as transactionInfo has it; may be empty */
};
void tally_qldb_revision(const struct tally_qldb_block *block, const struct tally_ion *revision,
			 struct tally_qldb_revision *revision_r);

/* A digest as it is saved: the hash and the address of the last block that it covers. */
struct tally_qldb_digest {
	struct tally_qldb_hash hash;
	struct tally_bytes strand;
	uint64_t sequence;
};
/* Out of a struct with digest and digestTipAddress, in any case. False for anything else. */
bool tally_qldb_digest_read(const struct tally_ion *value, struct tally_arena *arena,
			    struct tally_qldb_digest *digest_r);

#endif
