/* Receipts of journals for those who read COSE (RFC 9942, verifiable data structure 1). */
#include <inttypes.h>
#include <stdio.h>

#include "cose.h"
#include "reply.h"

static struct tally_bytes ledger_of(const struct tally_call *call)
{
	return tally_arg_bytes(call, "LedgerId");
}

static int no_journal(struct tally_err *err, uint64_t id)
{
	char subject[sizeof(err->subject)];

	snprintf(subject, sizeof(subject), "Journal %" PRIu64, id);
	return tally_err_about(err, TALLY_NOTFOUND, subject, "the ledger has no such one");
}

/* The receipt, once its tree is known. A tree that is signed has the journal: it was looked up first. */
static int write_receipt(struct tally_call *call, uint64_t id, struct tally_cose_receipt *receipt,
			 struct tally_bytes *bytes_r, struct tally_err *err)
{
	uint8_t *out = tally_arena_alloc(call->arena, TALLY_COSE_MAX);
	struct tally_inclusion proof;
	int found = tally_journal_prove(call->core, ledger_of(call), id, receipt->size, &proof, err);

	if (found < 1)
		return found < 0 ? -1 : no_journal(err, id);
	receipt->from = id;
	receipt->path_count = proof.path_count;
	memcpy(receipt->path, proof.path, proof.path_count * sizeof(proof.path[0]));
	*bytes_r = tally_bytes(out, tally_cose_format(receipt, out));
	return bytes_r->size > 0 ? 0 :
	       tally_err_set(err, TALLY_UNSUPPORTED,
			     "the only journal of a ledger has no COSE receipt until there is a second");
}

static int get_cose_receipt(struct tally_call *call, struct tally_err *err)
{
	uint64_t id = tally_arg_uint(call, "JournalSequence", 0);
	struct tally_arena *arena = call->arena;
	struct tally_cose_receipt receipt;
	struct tally_journal journal;
	struct tally_bytes bytes;
	int found = tally_journal_get(call->core, ledger_of(call), id, arena, &journal, err);

	if (found == 1)		/* after the journal, so it is in the tree */
		found = tally_ledger_cose(call->core, ledger_of(call), arena, &receipt, err);
	if (found < 1)
		return found < 0 ? -1 : no_journal(err, id);
	if (write_receipt(call, id, &receipt, &bytes, err) != 0)
		return -1;
	tally_add_text(arena, call->reply, "LedgerId", ledger_of(call));
	tally_add_uint(arena, call->reply, "JournalSequence", id);
	tally_add_hex(arena, call->reply, "JournalHash", journal.hash.bytes, TALLY_HASH_SIZE);
	tally_add_str(arena, call->reply, "Leaf", tally_base64_encode(arena, journal.leaf));
	if (!journal.is_data && !journal.removed)
		tally_add_hex(arena, call->reply, "Salt", journal.salt, sizeof(journal.salt));
	tally_add_uint(arena, call->reply, "TreeSize", receipt.size);
	tally_add_hex(arena, call->reply, "RootHash", receipt.root.bytes, TALLY_HASH_SIZE);
	tally_add_str(arena, call->reply, "CoseReceipt", tally_base64_encode(arena, bytes));
	return 0;
}

static const struct tally_param get_cose_receipt_params[] = {
	LEDGER_ID_PARAM,
	{ .name = "JournalSequence", .type = PARAM_UINT, .required = true, .max = INT64_MAX,
	  .example = "100", .help = "Number of the journal, counted from 0: its JournalId." },
	PARAM_END
};

static const struct tally_reply_field get_cose_receipt_reply[] = {
	{ "LedgerId", NODE_TEXT, false, "The ledger." },
	{ "JournalSequence", NODE_UINT, false, "Number of the journal." },
	{ "JournalHash", NODE_TEXT, false, "Merkle leaf hash, SHA-256 of a zero byte and Leaf, hex." },
	{ "Leaf", NODE_TEXT, false, "The journal's leaf, canonical JSON, in base64." },
	{ "Salt", NODE_TEXT, true,
	  "The leaf's payloadHash is SHA-256 of these 16 bytes (hex) and the payload; not there where "
	  "the payload was removed or there is none." },
	{ "TreeSize", NODE_UINT, false, "Journals of the tree that is signed." },
	{ "RootHash", NODE_TEXT, false, "Its root, hex." },
	{ "CoseReceipt", NODE_TEXT, false,
	  "The receipt in base64: COSE_Sign1 with an inclusion proof, signed by the log's Ed25519 key." },
	REPLY_END
};

const struct tally_action tally_action_get_cose_receipt = {
	.name = "GetCoseReceipt",
	.family = FAMILY_LEDGERDB,
	.summary = "Prove that a journal is in the ledger, as a COSE receipt (RFC 9942).",
	.methods = METHOD_GET | METHOD_POST,
	.kind = ACTION_READ,
	.need = PERM_VIEW_JOURNAL,
	.params = get_cose_receipt_params,
	.reply = get_cose_receipt_reply,
	.run = get_cose_receipt,
};
