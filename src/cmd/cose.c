/*
 * tally prove --cose and tally verify --cose: a journal's receipt in COSE (RFC 9942). The log's key
 * signs it, which only the server has; the leaf, which a receipt does not hold, goes beside it.
 */
#include "config.h"

#include "cose.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "files.h"
#include "print.h"
#include "proofs.h"

/* ---- prove ---- */

/* Does the receipt lead the leaf to the root that the server named? Its signature is verify's. */
static bool holds(struct tally_bytes bytes, struct tally_bytes leaf, json_object *reply)
{
	struct tally_cose_receipt receipt;
	struct tally_hash hash, root, want;

	tally_leaf_hash(leaf, &hash);
	return tally_cose_parse(bytes, &receipt) && receipt.kind == COSE_INCLUSION &&
	       tally_inclusion_root(receipt.from, receipt.size, &hash, receipt.path,
				    receipt.path_count, &root) &&
	       tally_hex_decode(tally_bytes_str(reply_text(reply, "RootHash")), want.bytes,
				TALLY_HASH_SIZE) &&
	       memcmp(&root, &want, sizeof root) == 0;
}

int prove_cose(struct client *client)
{
	const struct verb_call *call = client->call;
	const char *leaf_path = verb_value(call, "leaf", NULL);
	struct tally_bytes receipt, leaf;
	json_object *reply;
	int status = VERB_OK;

	if (leaf_path == NULL)
		return verb_misuse(call, "a receipt is checked with the journal's leaf: --leaf FILE");
	client_start(client, "GetCoseReceipt");
	client_add(client, "LedgerId", call->args[0]);
	client_add(client, "JournalSequence", call->args[1]);
	reply = client_run(client);
	if (reply == NULL)
		return VERB_FAILED;
	if (!tally_base64_decode(&client->arena, tally_bytes_str(reply_text(reply, "CoseReceipt")),
				 &receipt) ||
	    !tally_base64_decode(&client->arena, tally_bytes_str(reply_text(reply, "Leaf")), &leaf) ||
	    !holds(receipt, leaf, reply))
		status = verb_fail(call, "the answer proves nothing: its hashes do not fit");
	else if (!file_write_whole(call, leaf_path, leaf) ||
		 !file_write_whole(call, verb_value(call, "output", NULL), receipt))
		status = VERB_FAILED;
	json_object_put(reply);
	return status;
}

/* ---- verify ---- */

static int refuse(const struct verb_call *call, const char *why)
{
	return verb_fail(call, "NOT VERIFIED: %s", why);
}

/* kid and claims may be left out by who wrote it; what is there must be this log's. */
static bool is_of(const struct tally_cose_receipt *receipt, const struct tally_vkey *vkey)
{
	struct tally_bytes name = tally_bytes_str(vkey->name);
	uint8_t kid[TALLY_COSE_KID];
	size_t issuer = receipt->issuer.size;

	tally_cose_kid(vkey, kid);
	if (receipt->kid.size > 0 && !tally_bytes_equal(receipt->kid, tally_bytes(kid, sizeof kid)))
		return false;
	if (receipt->subject.size == 0)
		return issuer == 0 || tally_bytes_equal(receipt->issuer, name);
	return issuer > 0 && issuer + 1 + receipt->subject.size == name.size &&
	       memcmp(name.data, receipt->issuer.data, issuer) == 0 && name.data[issuer] == '/' &&
	       memcmp(name.data + issuer + 1, receipt->subject.data, receipt->subject.size) == 0;
}

static void say_json(const struct tally_cose_receipt *receipt, const char *origin,
		     const struct tally_hash *root, const struct tally_hash *hash,
		     const struct signers *signers)
{
	json_object *all = json_object_new_object();
	char hex[2 * TALLY_HASH_SIZE + 1];

	json_object_object_add(all, "Verified", json_object_new_boolean(true));
	json_object_object_add(all, "Origin", json_object_new_string(origin));
	json_object_object_add(all, "JournalId", json_object_new_uint64(receipt->from));
	json_object_object_add(all, "TreeSize", json_object_new_uint64(receipt->size));
	tally_hex_encode(root->bytes, TALLY_HASH_SIZE, hex);
	json_object_object_add(all, "RootHash", json_object_new_string(hex));
	tally_hex_encode(hash->bytes, TALLY_HASH_SIZE, hex);
	json_object_object_add(all, "JournalHash", json_object_new_string(hex));
	signers_json(signers, all);
	print_json(all);
}

static void say_text(const struct tally_cose_receipt *receipt, const char *origin,
		     const struct tally_hash *hash, const struct signers *signers)
{
	char hex[2 * TALLY_HASH_SIZE + 1];

	tally_hex_encode(hash->bytes, TALLY_HASH_SIZE, hex);
	printf("verified: journal %" PRIu64 " of the first %" PRIu64 " of %s\n", receipt->from,
	       receipt->size, origin);
	printf("  signature of the receipt by the key given: good\n");
	printf("  hash %s\n", hex);
	signers_say(signers);
}

int verify_cose(const struct verb_call *call, struct tally_bytes bytes, struct tally_arena *arena)
{
	const char *path = verb_value(call, "leaf", NULL);
	struct tally_cose_receipt receipt;
	struct tally_cose_key key;
	struct tally_hash hash, root;
	struct tally_bytes text;
	struct tally_leaf leaf;
	struct tally_vkey vkey;
	struct signers signers;

	if (path == NULL)
		return verb_misuse(call, "a receipt is checked with the journal's leaf: --leaf FILE");
	if (!verify_key(call, &vkey) || !file_read_whole(call, path, TALLY_LEAF_MAX, arena, &text))
		return VERB_FAILED;
	if (!tally_cose_parse(bytes, &receipt) || receipt.kind != COSE_INCLUSION)
		return refuse(call, "it is no COSE receipt of an entry");
	if (!is_of(&receipt, &vkey))
		return refuse(call, "the receipt is of another log");
	tally_leaf_hash(text, &hash);
	tally_cose_key_ed25519(&key, vkey.public);
	if (!tally_cose_inclusion_verify(&receipt, &hash, &key, &root))
		return refuse(call, "the leaf is not what the receipt is for, or this key did not sign it");
	if (!tally_leaf_parse(text, &leaf) || leaf.journal_id != receipt.from ||
	    !tally_origin_has(tally_bytes_str(vkey.name), leaf.ledger_id))
		return refuse(call, "the leaf is of another journal than its place says");
	if (!signers_check(call, text, arena, &signers))
		return VERB_FAILED;
	if (verb_given(call, "json"))
		say_json(&receipt, vkey.name, &root, &hash, &signers);
	else
		say_text(&receipt, vkey.name, &hash, &signers);
	return VERB_OK;
}
