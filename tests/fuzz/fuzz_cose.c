/*
 * COSE receipts from outside: what parses is within bounds, and when it is written again from its
 * parts the result parses to the same parts. No signature of a foreign receipt verifies.
 */
#include "cose.h"
#include "fuzz.h"

static void same_parts(const struct tally_cose_receipt *a, const struct tally_cose_receipt *b)
{
	PROMISE(a->kind == b->kind && a->size == b->size && a->from == b->from);
	PROMISE(a->path_count == b->path_count &&
		memcmp(a->path, b->path, a->path_count * sizeof(a->path[0])) == 0);
	PROMISE(tally_bytes_equal(a->kid, b->kid) && tally_bytes_equal(a->issuer, b->issuer) &&
		tally_bytes_equal(a->subject, b->subject));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t seed[TALLY_ED25519_SEED] = { 1 };
	struct tally_cose_receipt receipt, again;
	struct tally_hash leaf = { { 0 } };
	uint8_t public[TALLY_ED25519_PUBLIC], out[TALLY_COSE_MAX];
	struct tally_cose_key key;
	size_t written;

	if (!tally_cose_parse(tally_bytes(data, size), &receipt))
		return 0;
	PROMISE(receipt.path_count >= 1 && receipt.path_count <= TALLY_TREE_MAX_PATH + 1);
	PROMISE(receipt.from < receipt.size && receipt.size <= INT64_MAX);
	PROMISE(receipt.alg == COSE_EDDSA || receipt.alg == COSE_ES256);
	tally_ed25519_public(seed, public);
	tally_cose_key_ed25519(&key, public);
	PROMISE(!tally_cose_inclusion_verify(&receipt, &leaf, &key, NULL) &&
		!tally_cose_consistency_verify(&receipt, &leaf, &key));
	receipt.alg = COSE_EDDSA;
	written = tally_cose_sign(&receipt, seed, out);
	if (written == 0)
		return 0;
	PROMISE(tally_cose_parse(tally_bytes(out, written), &again));
	same_parts(&receipt, &again);
	return 0;
}
