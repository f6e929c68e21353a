/* For fuzzers of files with a state proof. */
#ifndef TALLY_FUZZ_CHECKPOINT_H
#define TALLY_FUZZ_CHECKPOINT_H

#include <stdio.h>

#include "statefile.h"

/* The checkpoint of a log in which the file's state root stands where it says. */
static inline bool fuzz_checkpoint(const struct tally_state_file *file, uint64_t size,
				   struct tally_checkpoint *checkpoint_r)
{
	static char origin[TALLY_KEY_NAME_MAX + 1];
	struct tally_leaf leaf;
	struct tally_hash hash;

	if (!tally_leaf_parse(file->root_leaf, &leaf) ||
	    snprintf(origin, sizeof(origin), "x/%.*s", (int)file->ledger_id.size,
		     (const char *)file->ledger_id.data) >= (int)sizeof(origin))
		return false;
	tally_leaf_hash(file->root_leaf, &hash);
	*checkpoint_r = (struct tally_checkpoint){ .origin = tally_bytes_str(origin), .size = size };
	return tally_inclusion_root(leaf.journal_id, size, &hash, file->root_path,
				    file->root_path_count, &checkpoint_r->root);
}

#endif
