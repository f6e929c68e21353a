/*
 * The audit: everything that a ledger says, held against everything else it says, from the bytes of
 * its blocks up. Nothing is believed that can be computed: leaves, hashes, the log tree, members'
 * signatures and what their members were allowed then, the state tree of every STATE_ROOT journal,
 * time stamps; and, where they are given, checkpoints and receipts that somebody kept, and the index
 * tables. doc/formats.md, "What an auditor checks", is the list.
 *
 * It needs blocks and nothing else: no open core, no index, no key. They come from a source.
 */
#ifndef TALLY_AUDIT_H
#define TALLY_AUDIT_H

#include "core.h"

struct tally_buf;
struct tally_store;
struct tally_tsp_trust;

/* ---- where the blocks come from ---- */

/*
 * read is called from a thread of the audit's own, next from the caller's; never both at once.
 * CORRUPT and UNSUPPORTED are findings and end the audit of that space; other errors end all of it.
 */
struct tally_audit_source {
	/* The next space, ascending, and how many blocks it has (0: not known). 1, or 0: no more. */
	int (*next)(void *ctx, uint64_t *space_r, uint64_t *blocks_r, struct tally_err *err);
	/* Adds a block of that space to bytes; asked for 0, 1, 2 ... in turn. 1, or 0: it has none. */
	int (*read)(void *ctx, uint64_t space, uint64_t block, struct tally_buf *bytes,
		    struct tally_err *err);
	void *ctx;
};

/* How often a source looks for blocks that were added while it was read. */
#define TALLY_AUDIT_ROUNDS 8

/* The blocks of an open store, which the caller keeps open; it may grow meanwhile. core: that has it
 * open, or NULL: it is not written to. Free it with tally_audit_store_free. */
int tally_audit_store_open(struct tally_store *blocks, struct tally_core *core,
			   struct tally_audit_source *source_r, struct tally_err *err);
void tally_audit_store_free(struct tally_audit_source *source);

/* The stores that a core has open, for options and source. index_r may equal blocks_r. */
void tally_core_stores(struct tally_core *core, struct tally_store **blocks_r,
		       struct tally_store **index_r);

/* ---- what the auditor holds ---- */

/* A tree that a log signed, as somebody kept it; a receipt says also where a journal is in it. */
struct tally_audit_held {
	const char *name;		/* the file it is from: how findings call it */
	struct tally_bytes origin;
	uint64_t size;
	struct tally_hash root;
	struct tally_bytes note;	/* to be verified with the key that the ledger names; empty: its
					   signature was verified, or there is none */
	bool has_index;			/* a receipt */
	uint64_t index;
	const struct tally_hash *path;
	size_t path_count;
	bool has_leaf;
	struct tally_hash leaf;		/* its JournalHash, where it is known */
	bool of_store;			/* one of all ledgers of a store: no matter where only one of
					   them is audited */
};

/* The high-water file (doc/formats.md, section 9) as such trees, in arena. No such file: none. */
int tally_audit_held_read(const char *path, struct tally_arena *arena,
			  struct tally_audit_held **held_r, size_t *count_r, struct tally_err *err);

/* ---- what comes out ---- */

/* Something that is not as it must be. text is one line and says it all, the place first. */
struct tally_audit_finding {
	char ledger[TALLY_LEDGER_ID_SIZE + 1];	/* its id, "system", or "" of the store as a whole */
	uint64_t space;
	bool has_block, has_journal, has_table;
	uint64_t block, journal;
	uint32_t table;
	const char *what;		/* of which kind: one word, "header", "leaf", "payload" ... */
	char text[520];
};

/* One ledger that was gone through. */
struct tally_audit_ledger {
	char ledger[TALLY_LEDGER_ID_SIZE + 1];
	uint64_t space;
	uint64_t blocks, journals;
	struct tally_hash root;
	bool whole;			/* it was followed to its end */
	uint64_t from;			/* journals before this one were taken as audited before */
	uint64_t payloads, payload_bytes;	/* hashed */
	uint64_t erased;		/* payloads */
	uint64_t not_erased;		/* ordered to be, and still there */
	uint64_t signatures;		/* of members, verified */
	uint64_t unread_signatures;	/* journals whose evidence was erased: they may have been signed */
	uint64_t members;
	uint64_t state_roots;		/* recomputed */
	uint64_t state_keys;		/* clues, keys and members in the state */
	uint64_t stamps, stamps_unchecked;	/* time stamps verified; not, for want of certificates */
	uint64_t held;			/* of what the auditor holds, compared */
	uint64_t index_pairs;		/* compared */
	uint64_t findings;
};

/* ---- running it ---- */

struct tally_audit_options {
	const char *only;		/* this ledger, or "system"; NULL: all */
	unsigned int threads;		/* that check blocks; 0: as many as there are processors */
	const char *scratch;		/* directory for what does not fit memory; NULL: /var/tmp */
	const struct tally_tsp_trust *trust;	/* authorities of time stamps; NULL: not verified */
	const struct tally_audit_held *held;
	size_t held_count;
	/*
	 * Journals before `from` were audited before, when their tree had root `from_root` (NULL: not
	 * remembered). Of their blocks the leaves and the tree are still computed, for otherwise the
	 * state would rest on nothing; payloads, signatures, time stamps and STATE_ROOTs are not.
	 */
	uint64_t from;
	const struct tally_hash *from_root;
	/* Index tables to compare with what the blocks make; NULL: none. blocks: the store of the same
	 * blocks. A recomputed index of a ledger above 200,000 journals is made in scratch. */
	struct tally_store *index, *blocks;
	/* The core that has these stores open, if one has: it does not apply anything to the tables of a
	 * ledger while they are compared, and its keys are at hand to make digests anew. */
	struct tally_core *core;

	/* 0: go on, 1: that is enough. */
	int (*found)(void *ctx, const struct tally_audit_finding *finding);
	void (*done)(void *ctx, const struct tally_audit_ledger *ledger);	/* may be NULL */
	tally_progress *progress;	/* blocks of the ledger at hand; may be NULL */
	void *ctx;
};

/* 0: it was carried out, whatever was found. NOTFOUND: there is no such ledger. */
int tally_audit(const struct tally_audit_options *options, const struct tally_audit_source *source,
		struct tally_err *err);

#endif
