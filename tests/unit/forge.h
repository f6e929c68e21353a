/*
 * Forging: the blocks of a space taken apart, changed, and put together again so that everything
 * fits that its author could make fit: checksums, leaves, roots, the chain of headers. What whoever
 * has the store's tools, but no member's key, can do to a ledger.
 */
#ifndef TALLY_FORGE_H
#define TALLY_FORGE_H

#include "block.h"
#include "record.h"
#include "store.h"

struct forged_journal {
	struct tally_record record;
	struct tally_bytes payload;	/* the slot; zeros where it is erased */
	uint32_t payload_crc;		/* as it is to stand in the table */
	struct tally_bytes envelope;
	bool keep_crc;			/* payload_crc is not made anew: an erased slot */
};

struct forged_block {
	struct tally_block_header header;
	struct forged_journal *journals;
	size_t count;
};

struct forge {
	uint64_t space;
	struct forged_block *blocks;
	size_t count;
	struct tally_arena arena;
};

/* All blocks of a space. -1 with *err. */
int forge_read(struct tally_store *store, uint64_t space, struct forge *forge_r,
	       struct tally_err *err);
void forge_free(struct forge *forge);

/* A journal by its number, or NULL; the block it is in. */
struct forged_journal *forge_journal(struct forge *forge, uint64_t journal, size_t *block_r);
/* The first journal of a type from a number on; UINT64_MAX: none. */
uint64_t forge_find(struct forge *forge, unsigned int type, uint64_t from);
/* Takes a journal, or a block, out; the others move up. */
void forge_drop_journal(struct forge *forge, uint64_t journal);
void forge_drop_block(struct forge *forge, size_t block);
/* Two journals change places, with all that is theirs. */
void forge_swap_journals(struct forge *forge, uint64_t one, uint64_t two);
/* A field of a journal's data, to be changed in place; NULL: it has none. */
struct tally_field *forge_field(struct forge *forge, uint64_t journal, const char *name);
/* A new text in the forge's arena. */
struct tally_bytes forge_text(struct forge *forge, const char *text);

/*
 * The blocks as bytes. Numbers, roots and the chain are made anew from block number `from` on, what
 * stands before is as it was read. The hashes of the leaves, in order, go to leaves_r where it is not
 * NULL (an array in the forge's arena).
 */
struct tally_bytes *forge_blocks(struct forge *forge, size_t from, struct tally_hash **leaves_r,
				 uint64_t *journals_r);

/* A copy of a store in another one, which is open and empty: all spaces, but with these blocks for
 * one of them (NULL: none); index tables too where with_index. */
int forge_copy(struct tally_store *from, struct tally_store *to, struct forge *forge,
	       const struct tally_bytes *blocks, bool with_index, struct tally_err *err);

#endif
