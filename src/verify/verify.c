/*
 * The functions of tallyverify.h: plain types outside, those of src/proof inside. What is decided is
 * decided there.
 */
#include "config.h"

#include "tallyverify.h"

#include <stdio.h>

#include "cose.h"
#include "err.h"
#include "leaf.h"
#include "policy.h"
#include "prooffile.h"
#include "stateproof.h"

_Static_assert(TALLYVERIFY_HASH == TALLY_HASH_SIZE, "size of a hash");
_Static_assert(sizeof(struct tally_hash) == TALLY_HASH_SIZE, "hashes lie one after the other");
_Static_assert(TALLYVERIFY_NAME > TALLY_KEY_NAME_MAX, "room for a name");
_Static_assert(sizeof(struct tallyverify_policy) >= sizeof(struct tally_policy) &&
	       TALLYVERIFY_WITNESSES == TALLY_POLICY_WITNESSES, "room for a policy");
_Static_assert((int)TALLYVERIFY_ED25519 == NOTE_ED25519 &&
	       (int)TALLYVERIFY_COSIGNATURE == NOTE_COSIGNATURE, "types of keys");
_Static_assert((int)TALLYVERIFY_CLUE == STATE_CLUE && (int)TALLYVERIFY_KV == STATE_KV &&
	       (int)TALLYVERIFY_MEMBER == STATE_MEMBER, "kinds of keys");

const char *tallyverify_text(int result)
{
	static const char *const texts[] = {
		[TALLYVERIFY_OK] = "it is proved",
		[TALLYVERIFY_MALFORMED] = "a text or proof is malformed",
		[TALLYVERIFY_UNSIGNED] = "not signed as asked, or of another log",
		[TALLYVERIFY_MISMATCH] = "the hashes do not lead to what is claimed",
		[TALLYVERIFY_STALE] = "it is proved, but older than asked for",
		[TALLYVERIFY_ARGUMENT] = "a key, number or policy given to the verifier cannot be"
	};

	if (result < 0 || (size_t)result >= sizeof(texts) / sizeof(texts[0]))
		return "unknown result";
	return texts[result];
}

const char *tallyverify_version(void)
{
	return PACKAGE_VERSION;
}

static enum tallyverify_result holds(bool proved)
{
	return proved ? TALLYVERIFY_OK : TALLYVERIFY_MISMATCH;
}

static enum tallyverify_result result_of(int status, const struct tally_err *err)
{
	if (status == 0)
		return TALLYVERIFY_OK;
	switch (err->code) {
	case TALLY_DENIED:
		return TALLYVERIFY_UNSIGNED;
	case TALLY_CORRUPT:
		return TALLYVERIFY_MISMATCH;
	case TALLY_EXPIRED:
		return TALLYVERIFY_STALE;
	default:
		return TALLYVERIFY_MALFORMED;
	}
}

static const struct tally_hash *hashes_of(const uint8_t *bytes)
{
	return (const struct tally_hash *)bytes;
}

/* ---- keys and checkpoints ---- */

enum tallyverify_result tallyverify_vkey(const char *text, struct tallyverify_vkey *vkey_r)
{
	struct tally_vkey vkey;

	if (!tally_vkey_parse(tally_bytes_str(text), &vkey))
		return TALLYVERIFY_ARGUMENT;
	memset(vkey_r, 0, sizeof(*vkey_r));
	strcpy(vkey_r->name, vkey.name);
	vkey_r->id = vkey.id;
	vkey_r->type = vkey.type;
	memcpy(vkey_r->public_key, vkey.public, sizeof(vkey_r->public_key));
	return TALLYVERIFY_OK;
}

static bool keys_of(const char *const *vkeys, size_t count, struct tally_vkey keys[TALLYVERIFY_KEYS])
{
	if (count == 0 || count > TALLYVERIFY_KEYS)
		return false;
	for (size_t i = 0; i < count; i++)
		if (!tally_vkey_parse(tally_bytes_str(vkeys[i]), &keys[i]))
			return false;
	return keys[0].type == NOTE_ED25519;
}

static void give_checkpoint(const struct tally_checkpoint *checkpoint,
			    struct tallyverify_checkpoint *checkpoint_r)
{
	memset(checkpoint_r, 0, sizeof(*checkpoint_r));
	memcpy(checkpoint_r->origin, checkpoint->origin.data, checkpoint->origin.size);
	checkpoint_r->size = checkpoint->size;
	memcpy(checkpoint_r->root, checkpoint->root.bytes, TALLY_HASH_SIZE);
}

enum tallyverify_result
tallyverify_checkpoint(const uint8_t *note, size_t note_size, const char *const *vkeys,
		       size_t key_count, struct tallyverify_checkpoint *checkpoint_r)
{
	struct tally_vkey keys[TALLYVERIFY_KEYS];
	struct tally_checkpoint checkpoint;
	struct tally_err err;
	int status;

	if (!keys_of(vkeys, key_count, keys))
		return TALLYVERIFY_ARGUMENT;
	status = tally_checkpoint_check(tally_bytes(note, note_size), keys, key_count, &checkpoint,
					&err);
	if (status != 0)
		return result_of(status, &err);
	give_checkpoint(&checkpoint, checkpoint_r);
	return TALLYVERIFY_OK;
}

/* ---- policies ---- */

static const struct tally_policy *policy_of(const struct tallyverify_policy *policy)
{
	return (const struct tally_policy *)policy->opaque;
}

static struct tallyverify_slice slice(struct tally_bytes bytes)
{
	return (struct tallyverify_slice){ (const char *)bytes.data, bytes.size };
}

enum tallyverify_result
tallyverify_policy(const char *text, size_t text_size, struct tallyverify_policy *policy_r,
		   char why[TALLYVERIFY_WHY])
{
	struct tally_err err;

	if (tally_policy_parse(tally_bytes(text, text_size), (struct tally_policy *)policy_r->opaque,
			       &err) == 0)
		return TALLYVERIFY_OK;
	/* one that is used all the same knows no log */
	memset(policy_r, 0, sizeof(*policy_r));
	if (why != NULL)
		snprintf(why, TALLYVERIFY_WHY, "%.*s", TALLYVERIFY_WHY - 1, err.text);
	return TALLYVERIFY_ARGUMENT;
}

static void give_cosigned(const struct tally_policy *policy, const struct tally_policy_found *found,
			  struct tallyverify_cosigned *cosigned_r)
{
	memset(cosigned_r, 0, sizeof(*cosigned_r));
	for (size_t i = 0; found != NULL && i < policy->witness_count; i++) {
		if (!found->signed_by[i])
			continue;
		cosigned_r->names[cosigned_r->count] = slice(policy->witnesses[i].name);
		cosigned_r->times[cosigned_r->count++] = found->times[i];
	}
}

static enum tallyverify_result by_policy(struct tally_bytes bytes, const struct tally_policy *policy,
					 struct tallyverify_cosigned *cosigned_r,
					 struct tally_checkpoint *checkpoint_r)
{
	struct tally_policy_found found;
	struct tally_note note;
	bool valid;

	if (!tally_note_parse(bytes, &note) || !tally_checkpoint_parse(note.text, checkpoint_r))
		return TALLYVERIFY_MALFORMED;
	valid = tally_policy_check(policy, &note, checkpoint_r, &found);
	if (cosigned_r != NULL)
		give_cosigned(policy, valid ? &found : NULL, cosigned_r);
	return valid && found.log >= 0 && found.quorum ? TALLYVERIFY_OK : TALLYVERIFY_UNSIGNED;
}

enum tallyverify_result
tallyverify_checkpoint_policy(const uint8_t *note, size_t note_size,
			      const struct tallyverify_policy *policy,
			      struct tallyverify_cosigned *cosigned_r,
			      struct tallyverify_checkpoint *checkpoint_r)
{
	struct tally_checkpoint checkpoint;
	enum tallyverify_result result = by_policy(tally_bytes(note, note_size), policy_of(policy),
						   cosigned_r, &checkpoint);

	if (result == TALLYVERIFY_OK)
		give_checkpoint(&checkpoint, checkpoint_r);
	return result;
}

/* ---- the log tree ---- */

void tallyverify_leaf_hash(const uint8_t *leaf, size_t leaf_size, uint8_t hash_r[TALLYVERIFY_HASH])
{
	struct tally_hash hash;

	tally_leaf_hash(tally_bytes(leaf, leaf_size), &hash);
	memcpy(hash_r, hash.bytes, TALLY_HASH_SIZE);
}

enum tallyverify_result
tallyverify_inclusion(uint64_t index, uint64_t size, const uint8_t leaf_hash[TALLYVERIFY_HASH],
		      const uint8_t *path, size_t path_count, const uint8_t root[TALLYVERIFY_HASH])
{
	return holds(tally_inclusion_verify(index, size, hashes_of(leaf_hash), hashes_of(path),
					    path_count, hashes_of(root)));
}

enum tallyverify_result
tallyverify_consistency(uint64_t old_size, const uint8_t old_root[TALLYVERIFY_HASH],
			uint64_t new_size, const uint8_t new_root[TALLYVERIFY_HASH],
			const uint8_t *proof, size_t proof_count)
{
	return holds(tally_consistency_verify(old_size, new_size, hashes_of(proof), proof_count,
					      hashes_of(old_root), hashes_of(new_root)));
}

enum tallyverify_result
tallyverify_range(uint64_t first, uint64_t count, uint64_t size, uint8_t *leaf_hashes,
		  const uint8_t *proof, size_t proof_count, const uint8_t root[TALLYVERIFY_HASH])
{
	return holds(tally_range_verify(first, count, size, (struct tally_hash *)leaf_hashes,
					hashes_of(proof), proof_count, hashes_of(root)));
}

/* Of a proof whose checkpoint was verified. */
static enum tallyverify_result proof_in(const struct tally_proof_file *proof,
					const struct tallyverify_checkpoint *checkpoint,
					const uint8_t *leaf, size_t leaf_size, uint64_t *index_r,
					struct tallyverify_checkpoint *checkpoint_r)
{
	struct tally_hash hash;

	tally_leaf_hash(tally_bytes(leaf, leaf_size), &hash);
	if (!tally_inclusion_verify(proof->index, checkpoint->size, &hash, proof->path,
				    proof->path_count, hashes_of(checkpoint->root)))
		return TALLYVERIFY_MISMATCH;
	*index_r = proof->index;
	*checkpoint_r = *checkpoint;
	return TALLYVERIFY_OK;
}

enum tallyverify_result
tallyverify_proof_file(const uint8_t *file, size_t file_size, const uint8_t *leaf, size_t leaf_size,
		       const char *const *vkeys, size_t key_count, uint64_t *index_r,
		       struct tallyverify_checkpoint *checkpoint_r)
{
	struct tallyverify_checkpoint checkpoint;
	struct tally_proof_file proof;
	enum tallyverify_result result;

	if (!tally_proof_parse(tally_bytes(file, file_size), &proof))
		return TALLYVERIFY_MALFORMED;
	result = tallyverify_checkpoint(proof.checkpoint.data, proof.checkpoint.size, vkeys,
					key_count, &checkpoint);
	return result != TALLYVERIFY_OK ? result :
		       proof_in(&proof, &checkpoint, leaf, leaf_size, index_r, checkpoint_r);
}

enum tallyverify_result
tallyverify_proof_file_policy(const uint8_t *file, size_t file_size, const uint8_t *leaf,
			      size_t leaf_size, const struct tallyverify_policy *policy,
			      struct tallyverify_cosigned *cosigned_r, uint64_t *index_r,
			      struct tallyverify_checkpoint *checkpoint_r)
{
	struct tallyverify_checkpoint checkpoint;
	struct tally_proof_file proof;
	enum tallyverify_result result;

	if (!tally_proof_parse(tally_bytes(file, file_size), &proof))
		return TALLYVERIFY_MALFORMED;
	result = tallyverify_checkpoint_policy(proof.checkpoint.data, proof.checkpoint.size, policy,
					       cosigned_r, &checkpoint);
	return result != TALLYVERIFY_OK ? result :
		       proof_in(&proof, &checkpoint, leaf, leaf_size, index_r, checkpoint_r);
}

enum tallyverify_result
tallyverify_receipt(const uint8_t *note, size_t note_size, const char *const *vkeys,
		    size_t key_count, uint64_t first, uint64_t count, uint8_t *leaf_hashes,
		    const uint8_t *proof, size_t proof_count,
		    struct tallyverify_checkpoint *checkpoint_r)
{
	struct tallyverify_checkpoint checkpoint;
	enum tallyverify_result result = tallyverify_checkpoint(note, note_size, vkeys, key_count,
								&checkpoint);

	if (result == TALLYVERIFY_OK)
		result = tallyverify_range(first, count, checkpoint.size, leaf_hashes, proof,
					   proof_count, checkpoint.root);
	if (result == TALLYVERIFY_OK)
		*checkpoint_r = checkpoint;
	return result;
}

/* ---- leaves ---- */

enum tallyverify_result
tallyverify_leaf(const uint8_t *leaf, size_t leaf_size, struct tallyverify_leaf *leaf_r)
{
	struct tally_leaf read;

	if (!tally_leaf_parse(tally_bytes(leaf, leaf_size), &read))
		return TALLYVERIFY_MALFORMED;
	memset(leaf_r, 0, sizeof(*leaf_r));
	leaf_r->journal_id = read.journal_id;
	leaf_r->timestamp = read.timestamp;
	leaf_r->ledger_id = slice(read.ledger_id);
	leaf_r->payload_type = slice(read.payload_type);
	leaf_r->member_id = slice(read.member_id);
	leaf_r->clues = slice(read.clues);
	leaf_r->data = slice(read.data);
	leaf_r->has_payload = read.has_payload;
	memcpy(leaf_r->payload_hash, read.payload_hash.bytes, TALLY_HASH_SIZE);
	leaf_r->payload_size = read.payload_size;
	return TALLYVERIFY_OK;
}

enum tallyverify_result
tallyverify_leaf_place(const uint8_t *leaf, size_t leaf_size,
		       const struct tallyverify_checkpoint *checkpoint, uint64_t index)
{
	struct tally_leaf read;

	if (!tally_leaf_parse(tally_bytes(leaf, leaf_size), &read))
		return TALLYVERIFY_MALFORMED;
	return holds(read.journal_id == index &&
		     tally_origin_has(tally_bytes_str(checkpoint->origin), read.ledger_id));
}

enum tallyverify_result
tallyverify_payload(const uint8_t *leaf, size_t leaf_size, const uint8_t salt[16],
		    const uint8_t *payload, size_t payload_size)
{
	struct tally_leaf read;

	if (!tally_leaf_parse(tally_bytes(leaf, leaf_size), &read))
		return TALLYVERIFY_MALFORMED;
	return holds(tally_leaf_payload_is(&read, salt, tally_bytes(payload, payload_size)));
}

/* ---- state ---- */

static struct tally_state_claim claim_of(const struct tallyverify_state *state,
					 const struct tally_state_proof *proof)
{
	return (struct tally_state_claim){
		.checkpoint = tally_bytes(state->checkpoint, state->checkpoint_size),
		.leaf = tally_bytes(state->leaf, state->leaf_size),
		.inclusion = hashes_of(state->path),
		.inclusion_count = state->path_count,
		.kind = (enum tally_state_kind)state->kind,
		.key = tally_bytes(state->key, state->key_size),
		.absent = state->value == NULL,
		.value = tally_bytes(state->value, state->value != NULL ? state->value_size : 0),
		.proof = proof
	};
}

static bool is_kind(int kind)
{
	return kind >= TALLYVERIFY_CLUE && kind <= TALLYVERIFY_MEMBER;
}

static enum tallyverify_result give_answer(enum tallyverify_result result,
					   const struct tally_state_answer *answer,
					   struct tallyverify_state_info *info_r)
{
	if (result != TALLYVERIFY_OK && result != TALLYVERIFY_STALE)
		return result;
	info_r->size = answer->size;
	info_r->tree_size = answer->tree_size;
	info_r->lag = answer->lag;
	info_r->journal_id = answer->journal_id;
	memcpy(info_r->root, answer->root.bytes, TALLY_HASH_SIZE);
	return result;
}

enum tallyverify_result
tallyverify_state(const struct tallyverify_state *state, const char *const *vkeys, size_t key_count,
		  uint64_t lag_max, struct tallyverify_state_info *info_r)
{
	struct tally_vkey keys[TALLYVERIFY_KEYS];
	struct tally_state_answer answer = { 0 };
	struct tally_state_proof proof;
	struct tally_state_claim claim;
	struct tally_err err;
	int status;

	if (!keys_of(vkeys, key_count, keys) || !is_kind(state->kind))
		return TALLYVERIFY_ARGUMENT;
	if (!tally_state_proof_decode(tally_bytes(state->proof, state->proof_size), &proof))
		return TALLYVERIFY_MALFORMED;
	claim = claim_of(state, &proof);
	status = tally_state_proof_check(&claim, keys, key_count, lag_max, &answer, &err);
	return give_answer(result_of(status, &err), &answer, info_r);
}

enum tallyverify_result
tallyverify_state_policy(const struct tallyverify_state *state, const struct tallyverify_policy *policy,
			 struct tallyverify_cosigned *cosigned_r, uint64_t lag_max,
			 struct tallyverify_state_info *info_r)
{
	struct tally_state_answer answer = { 0 };
	struct tally_checkpoint checkpoint;
	struct tally_state_proof proof;
	struct tally_state_claim claim;
	enum tallyverify_result result;
	struct tally_err err;
	int status;

	if (!is_kind(state->kind))
		return TALLYVERIFY_ARGUMENT;
	if (!tally_state_proof_decode(tally_bytes(state->proof, state->proof_size), &proof))
		return TALLYVERIFY_MALFORMED;
	claim = claim_of(state, &proof);
	result = by_policy(claim.checkpoint, policy_of(policy), cosigned_r, &checkpoint);
	if (result != TALLYVERIFY_OK)
		return result;
	status = tally_state_proof_check_in(&claim, &checkpoint, lag_max, &answer, &err);
	return give_answer(result_of(status, &err), &answer, info_r);
}

/* The three kinds of values differ in their text alone. */
static enum tallyverify_result
value_of(bool (*parse)(struct tally_bytes, uint64_t *, struct tally_hash *), const uint8_t *value,
	 size_t value_size, uint64_t *number_r, uint8_t hash_r[TALLYVERIFY_HASH])
{
	struct tally_hash hash;

	if (!parse(tally_bytes(value, value_size), number_r, &hash))
		return TALLYVERIFY_MALFORMED;
	memcpy(hash_r, hash.bytes, TALLY_HASH_SIZE);
	return TALLYVERIFY_OK;
}

enum tallyverify_result
tallyverify_clue_value(const uint8_t *value, size_t value_size, uint64_t *count_r,
		       uint8_t root_r[TALLYVERIFY_HASH])
{
	return value_of(tally_state_clue_parse, value, value_size, count_r, root_r);
}

enum tallyverify_result
tallyverify_kv_value(const uint8_t *value, size_t value_size, uint64_t *journal_id_r,
		     uint8_t journal_hash_r[TALLYVERIFY_HASH])
{
	return value_of(tally_state_kv_parse, value, value_size, journal_id_r, journal_hash_r);
}

enum tallyverify_result
tallyverify_member_value(const uint8_t *value, size_t value_size, uint64_t *journal_id_r,
			 uint8_t record_hash_r[TALLYVERIFY_HASH])
{
	return value_of(tally_state_member_parse, value, value_size, journal_id_r, record_hash_r);
}

enum tallyverify_result
tallyverify_lineage(uint64_t count, const uint8_t root[TALLYVERIFY_HASH], uint64_t first,
		    uint8_t *hashes, uint64_t hash_count, const uint8_t *proof, size_t proof_count)
{
	return holds(tally_clue_page_verify(count, hashes_of(root), first,
					    (struct tally_hash *)hashes, hash_count,
					    hashes_of(proof), proof_count));
}

/* ---- COSE receipts ---- */

static bool cose_key(const uint8_t *bytes, size_t size, struct tally_cose_key *key)
{
	if (size != TALLY_ED25519_PUBLIC && size != sizeof(key->public))
		return false;
	memset(key, 0, sizeof(*key));
	key->alg = size == TALLY_ED25519_PUBLIC ? COSE_EDDSA : COSE_ES256;
	memcpy(key->public, bytes, size);
	return true;
}

/* In receipts the signature is made over the root, so a wrong leaf shows as a wrong signature. */
static enum tallyverify_result
cose_check(const uint8_t *bytes, size_t size, enum tally_cose_kind kind, const struct tally_hash *from,
	   const uint8_t *key_bytes, size_t key_size, struct tallyverify_cose *cose_r)
{
	struct tally_cose_receipt receipt;
	struct tally_cose_key key;
	bool good;

	if (!cose_key(key_bytes, key_size, &key))
		return TALLYVERIFY_ARGUMENT;
	if (!tally_cose_parse(tally_bytes(bytes, size), &receipt) || receipt.kind != kind)
		return TALLYVERIFY_MALFORMED;
	if (kind == COSE_INCLUSION)
		good = tally_cose_inclusion_verify(&receipt, from, &key, &receipt.root);
	else
		good = tally_cose_consistency_verify(&receipt, from, &key);
	if (!good)
		return TALLYVERIFY_MISMATCH;
	cose_r->size = receipt.size;
	cose_r->from = receipt.from;
	memcpy(cose_r->root, receipt.root.bytes, TALLY_HASH_SIZE);
	return TALLYVERIFY_OK;
}

enum tallyverify_result
tallyverify_cose_inclusion(const uint8_t *receipt, size_t receipt_size,
			   const uint8_t leaf_hash[TALLYVERIFY_HASH], const uint8_t *key,
			   size_t key_size, struct tallyverify_cose *cose_r)
{
	return cose_check(receipt, receipt_size, COSE_INCLUSION, hashes_of(leaf_hash), key, key_size,
			  cose_r);
}

enum tallyverify_result
tallyverify_cose_consistency(const uint8_t *receipt, size_t receipt_size,
			     const uint8_t old_root[TALLYVERIFY_HASH], const uint8_t *key,
			     size_t key_size, struct tallyverify_cose *cose_r)
{
	return cose_check(receipt, receipt_size, COSE_CONSISTENCY, hashes_of(old_root), key, key_size,
			  cose_r);
}
