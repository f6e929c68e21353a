/* See omission.h. */
#include "omission.h"

#include "err.h"

/* Should it be in the lineage of the clue's journals below size, and is it not? */
static int left_out(const struct tally_hash *lineage, uint64_t count, uint64_t size,
		    const struct tally_leaf *leaf, const struct tally_hash *hash)
{
	if (leaf->journal_id >= size)
		return 0;
	for (uint64_t i = 0; i < count; i++)
		if (memcmp(lineage[i].bytes, hash->bytes, TALLY_HASH_SIZE) == 0)
			return 0;
	return 1;
}

/* The lineage is all that the value stands for. */
static int check_lineage(const struct tally_omission *omission, struct tally_err *err)
{
	struct tally_hash root, made;
	uint64_t count;

	if (omission->claim->absent)
		return omission->lineage_count == 0 ?
			       0 : tally_err_set(err, TALLY_INVALID, "journals of a clue that is absent");
	if (!tally_state_clue_parse(omission->claim->value, &count, &root) ||
	    count != omission->lineage_count)
		return tally_err_set(err, TALLY_INVALID, "these are not all journals of the clue");
	tally_clue_root(omission->lineage, count, &made);
	if (memcmp(made.bytes, root.bytes, TALLY_HASH_SIZE) != 0)
		return tally_err_set(err, TALLY_CORRUPT, "these are not the journals of the clue");
	return 0;
}

/* The journal stands under the clue and in the log. */
static int check_journal(const struct tally_omission *omission, const struct tally_vkey *keys,
			 size_t key_count, struct tally_leaf *leaf_r, struct tally_hash *hash_r,
			 struct tally_err *err)
{
	struct tally_bytes note = omission->checkpoint.size > 0 ? omission->checkpoint :
								  omission->claim->checkpoint;
	struct tally_checkpoint checkpoint;

	if (tally_checkpoint_check(note, keys, key_count, &checkpoint, err) != 0)
		return -1;
	if (!tally_leaf_parse(omission->leaf, leaf_r) ||
	    !tally_leaf_has_clue(leaf_r, omission->claim->key))
		return tally_err_set(err, TALLY_INVALID, "the leaf does not stand under the clue");
	tally_leaf_hash(omission->leaf, hash_r);
	if (!tally_origin_has(checkpoint.origin, leaf_r->ledger_id) ||
	    !tally_inclusion_verify(leaf_r->journal_id, checkpoint.size, hash_r,
				    omission->inclusion, omission->inclusion_count,
				    &checkpoint.root))
		return tally_err_set(err, TALLY_CORRUPT, "the leaf is not in the log at its place");
	return 0;
}

int tally_omission_check(const struct tally_omission *omission, const struct tally_vkey *keys,
			 size_t key_count, struct tally_state_answer *answer_r,
			 struct tally_err *err)
{
	struct tally_leaf leaf;
	struct tally_hash hash;

	if (omission->claim->kind != STATE_CLUE)
		return tally_err_set(err, TALLY_INVALID, "the claim is not about a clue");
	if (tally_state_proof_check(omission->claim, keys, key_count, UINT64_MAX, answer_r,
				    err) != 0 ||
	    check_lineage(omission, err) != 0 ||
	    check_journal(omission, keys, key_count, &leaf, &hash, err) != 0)
		return -1;
	return left_out(omission->lineage, omission->lineage_count, answer_r->size, &leaf, &hash);
}

int tally_omission_of(const struct tally_state_file *file, const struct tally_state_answer *answer,
		      const struct tally_leaf *leaf, const struct tally_hash *hash,
		      struct tally_err *err)
{
	if (file->kind != STATE_CLUE)
		return tally_err_set(err, TALLY_INVALID, "the state proof is not about a clue");
	if (!tally_bytes_equal(file->ledger_id, leaf->ledger_id))
		return tally_err_set(err, TALLY_INVALID, "the journal is of another ledger");
	if (!tally_leaf_has_clue(leaf, file->key))
		return tally_err_set(err, TALLY_INVALID, "the journal does not stand under the clue");
	return left_out(file->hashes, file->absent ? 0 : file->count, answer->size, leaf, hash);
}
