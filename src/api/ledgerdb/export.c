/*
 * ExportJournals: journals with all that their leaves speak of and their audit paths, many at a time,
 * so that who carries a ledger away can prove each of them alone. Pages go on by number: all pages of
 * one export name the same tree.
 */
#include <inttypes.h>

#include "reply.h"

#define PAGE_BYTES (4u << 20)		/* of payload; a page ends there */

static struct tally_bytes ledger_of(const struct tally_call *call)
{
	return tally_arg_bytes(call, "LedgerId");
}

/* The hashes one after the other, leaf side first: a third shorter than in hex, and one text. */
static const char *path_text(struct tally_call *call, const struct tally_inclusion *proof)
{
	return tally_base64_encode(call->arena, tally_bytes(proof->path,
							    proof->path_count * TALLY_HASH_SIZE));
}

static void add_base64(struct tally_call *call, struct tally_node *to, const char *name,
		       struct tally_bytes bytes)
{
	tally_add_str(call->arena, to, name, tally_base64_encode(call->arena, bytes));
}

static void add_entry(struct tally_call *call, struct tally_node *list,
		      const struct tally_journal *journal, const struct tally_inclusion *proof)
{
	struct tally_node *to = tally_add_object(call->arena, list, NULL);

	tally_add_uint_text(call->arena, to, "JournalId", journal->id);
	add_base64(call, to, "Leaf", journal->leaf);
	tally_add_str(call->arena, to, "ProofPath", path_text(call, proof));
	if (journal->removed) {
		tally_reply_removed(call, to, journal);
	} else if (journal->has_payload) {
		add_base64(call, to, "Payload",
			   journal->is_data ? journal->sealed : journal->payload);
		tally_add_hex(call->arena, to, "Salt", journal->salt, sizeof(journal->salt));
	}
	if (journal->evidence.size > 0) {
		add_base64(call, to, "Evidence", journal->evidence);
		tally_add_hex(call->arena, to, "EvidenceSalt", journal->evidence_salt,
			      sizeof(journal->evidence_salt));
	}
}

static int no_tree(struct tally_err *err)
{
	return tally_err_about(err, TALLY_INVALID, "TreeSize",
			       "the ledger has no tree of that size with this journal");
}

static int add_entries(struct tally_call *call, const struct tally_journal_page *page,
		       struct tally_inclusion *proof, struct tally_err *err)
{
	struct tally_node *list = tally_add_list(call->arena, call->reply, "Entries", "Entry");

	for (size_t i = 0; i < page->count; i++) {
		int found = tally_journal_prove(call->core, ledger_of(call), page->journals[i].id,
						proof->tree_size, proof, err);

		if (found <= 0)
			return found < 0 ? -1 : no_tree(err);
		add_entry(call, list, &page->journals[i], proof);
	}
	return 0;
}

static int export_journals(struct tally_call *call, struct tally_err *err)
{
	struct tally_journal_query query = {
		.start_id = tally_arg_uint(call, "StartJournalId", 0),
		.end_ms = UINT64_MAX,
		.limit = tally_arg_uint(call, "MaxResults", 256),
		.byte_limit = PAGE_BYTES,
	};
	struct tally_signed_checkpoint checkpoint = { 0 };
	struct tally_journal_page page;
	struct tally_inclusion proof;
	int found;

	if (tally_reply_checkpoint(call, &checkpoint, err) < 0)
		return -1;
	found = tally_journal_prove(call->core, ledger_of(call), query.start_id,
				    tally_arg_uint(call, "TreeSize", checkpoint.size), &proof, err);
	if (found <= 0)
		return found < 0 ? -1 : no_tree(err);
	query.end_id = proof.tree_size - 1;
	if (tally_journal_list(call->core, ledger_of(call), &query, call->arena, &page, err) < 0)
		return -1;
	tally_add_text(call->arena, call->reply, "LedgerId", ledger_of(call));
	tally_add_uint(call->arena, call->reply, "TreeSize", proof.tree_size);
	tally_add_hex(call->arena, call->reply, "RootHash", proof.root.bytes, TALLY_HASH_SIZE);
	if (proof.tree_size == checkpoint.size)
		tally_add_text(call->arena, call->reply, "Checkpoint", checkpoint.note);
	if (page.more)
		tally_add_uint(call->arena, call->reply, "NextJournalId", page.cursor);
	return add_entries(call, &page, &proof, err);
}

static const struct tally_param export_journals_params[] = {
	LEDGER_ID_PARAM,
	{ .name = "StartJournalId", .type = PARAM_UINT, .max = INT64_MAX, .fallback = "0",
	  .example = "0", .help = "The first journal of the page." },
	{ .name = "TreeSize", .type = PARAM_UINT, .min = 1, .max = INT64_MAX, .example = "3",
	  .help = "Journals of the tree they are proved in, which ends the last page; absent: the "
		  "newest signed one." },
	{ .name = "MaxResults", .type = PARAM_UINT, .min = 1, .max = 1024, .fallback = "256",
	  .example = "100", .help = "Journals of a page; it also ends at 4 MiB of payload." },
	PARAM_END
};

static const struct tally_reply_field export_journals_reply[] = {
	{ "LedgerId", NODE_TEXT, false, "The ledger." },
	{ "TreeSize", NODE_UINT, false, "Journals of the tree that all are proved in." },
	{ "RootHash", NODE_TEXT, false, "Its root, hex." },
	{ "Checkpoint", NODE_TEXT, true,
	  "The signed checkpoint of that tree, where it is the newest signed one." },
	{ "NextJournalId", NODE_UINT, true,
	  "StartJournalId of the next page; absent: there is none in this tree." },
	{ "Entries", NODE_LIST, false, "Journals, by their numbers." },
	{ "Entries[Entry]", NODE_OBJECT, true, "A journal." },
	{ "Entries[Entry].JournalId", NODE_TEXT, false, "Number of the journal, counted from 0." },
	{ "Entries[Entry].Leaf", NODE_TEXT, false, "The journal's leaf, canonical JSON, in base64." },
	{ "Entries[Entry].ProofPath", NODE_TEXT, false,
	  "Audit path from the leaf upwards (RFC 9162 2.1.3): the hashes one after the other, base64." },
	{ "Entries[Entry].Payload", NODE_TEXT, true,
	  "The payload, base64; not there where the leaf has none (it may hold data), or it is removed." },
	{ "Entries[Entry].Salt", NODE_TEXT, true,
	  "The leaf's payloadHash is SHA-256 of these 16 bytes (hex) and the payload." },
	{ "Entries[Entry].Evidence", NODE_TEXT, true,
	  "What the request brought beside its payload, base64 (doc/formats.md); erased with it." },
	{ "Entries[Entry].EvidenceSalt", NODE_TEXT, true, "Its own salt, 16 bytes, hex." },
	REMOVED_ROWS("Entries[Entry]."),
	REPLY_END
};

const struct tally_action tally_action_export_journals = {
	.name = "ExportJournals",
	.family = FAMILY_LEDGERDB,
	.summary = "Return journals as they are hashed, each with its audit path.",
	.methods = METHOD_GET | METHOD_POST,
	.kind = ACTION_READ,
	.need = PERM_VIEW_JOURNAL,
	.params = export_journals_params,
	.reply = export_journals_reply,
	.example = "StartJournalId MaxResults",
	.run = export_journals,
};
