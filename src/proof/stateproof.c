/* State proofs from the signature down. See stateproof.h. */
#include "stateproof.h"

#include "err.h"
#include "leaf.h"

#include <inttypes.h>

int tally_checkpoint_check(struct tally_bytes bytes, const struct tally_vkey *keys,
			   size_t key_count, struct tally_checkpoint *checkpoint_r,
			   struct tally_err *err)
{
	struct tally_note note;

	if (key_count == 0 || keys[0].type != NOTE_ED25519)
		return tally_err_set(err, TALLY_INVALID, "the first key is no log's");
	if (!tally_note_parse(bytes, &note) || !tally_checkpoint_parse(note.text, checkpoint_r))
		return tally_err_set(err, TALLY_INVALID, "the checkpoint is malformed");
	if (tally_note_verify(&note, keys, key_count, NULL, NULL) != (int)key_count)
		return tally_err_set(err, TALLY_DENIED, "the checkpoint is not signed by %s",
				     key_count == 1 ? "this key" : "all of these keys");
	if (!tally_bytes_is(checkpoint_r->origin, keys[0].name))
		return tally_err_set(err, TALLY_DENIED, "the checkpoint is of another log than %s",
				     keys[0].name);
	return 0;
}

bool tally_origin_has(struct tally_bytes origin, struct tally_bytes ledger_id)
{
	size_t head = origin.size - ledger_id.size;

	if (tally_bytes_is(ledger_id, "system"))
		return true;
	return ledger_id.size > 0 && ledger_id.size < origin.size && origin.data[head - 1] == '/' &&
	       tally_bytes_equal(tally_bytes(origin.data + head, ledger_id.size), ledger_id);
}

/* What the STATE_ROOT journal says, if it is one and stands where it says. */
static int root_of(const struct tally_state_claim *claim, const struct tally_checkpoint *checkpoint,
		   struct tally_state_answer *answer, struct tally_err *err)
{
	struct tally_leaf leaf;
	struct tally_hash hash;

	if (!tally_leaf_parse(claim->leaf, &leaf) ||
	    !tally_bytes_is(leaf.payload_type, "STATE_ROOT") ||
	    !tally_state_root_parse(leaf.data, &answer->size, &answer->root) ||
	    answer->size > leaf.journal_id)
		return tally_err_set(err, TALLY_INVALID, "the leaf is no STATE_ROOT journal's");
	if (!tally_origin_has(checkpoint->origin, leaf.ledger_id))
		return tally_err_set(err, TALLY_CORRUPT, "the state root is another ledger's");
	tally_leaf_hash(claim->leaf, &hash);
	if (!tally_inclusion_verify(leaf.journal_id, checkpoint->size, &hash, claim->inclusion,
				    claim->inclusion_count, &checkpoint->root))
		return tally_err_set(err, TALLY_CORRUPT, "the state root is not journal %" PRIu64
				     " of that log", leaf.journal_id);
	answer->journal_id = leaf.journal_id;
	answer->tree_size = checkpoint->size;
	answer->lag = checkpoint->size - answer->size;
	return 0;
}

int tally_state_proof_check_in(const struct tally_state_claim *claim,
			       const struct tally_checkpoint *checkpoint, uint64_t lag_max,
			       struct tally_state_answer *answer_r, struct tally_err *err)
{
	struct tally_hash path, value_hash;

	if (root_of(claim, checkpoint, answer_r, err) != 0)
		return -1;
	tally_state_path(claim->kind, claim->key, &path);
	tally_state_value_hash(claim->value, &value_hash);
	if (!tally_state_verify(&answer_r->root, &path, claim->absent ? NULL : &value_hash,
				claim->proof))
		return tally_err_set(err, TALLY_CORRUPT, "the state tree does not have this %s",
				     claim->absent ? "key absent" : "value");
	if (answer_r->lag > lag_max)
		return tally_err_set(err, TALLY_EXPIRED, "the state is %" PRIu64 " journals old, and "
				     "%" PRIu64 " are taken", answer_r->lag, lag_max);
	return 0;
}

int tally_state_proof_check(const struct tally_state_claim *claim, const struct tally_vkey *keys,
			    size_t key_count, uint64_t lag_max, struct tally_state_answer *answer_r,
			    struct tally_err *err)
{
	struct tally_checkpoint checkpoint;

	if (tally_checkpoint_check(claim->checkpoint, keys, key_count, &checkpoint, err) != 0)
		return -1;
	return tally_state_proof_check_in(claim, &checkpoint, lag_max, answer_r, err);
}
