/* Actions that have payloads erased, and what certifies that. */
#include <inttypes.h>
#include <stdio.h>

#include "reply.h"
#include "signing_args.h"

static struct tally_bytes ledger_of(const struct tally_call *call)
{
	return tally_arg_bytes(call, "LedgerId");
}

#define TOKEN_PARAM \
	{ .name = "ClientToken", .type = PARAM_TOKEN, \
	  .example = "123e4567-e89b-12d3-a456-426655440000", \
	  .help = "The same token again gives the same journal; up to 64 ASCII characters." }

static const struct tally_reply_field receipt_reply[] = {
	RECEIPT_ROWS(""),
	PROVED_ROWS,
	SIGNED_ROWS,
	REPLY_END
};

static int take_signing(struct tally_call *call, struct tally_err *err)
{
	struct tally_signing *signing;

	if (tally_signing_args(call, &signing, err) != 0)
		return -1;
	call->write.signing = signing;
	return 0;
}

/* ---- OccultJournal ---- */

static int occult_journal(struct tally_call *call, struct tally_err *err)
{
	struct tally_append_result result = { .err = { .code = TALLY_OK } };

	if (take_signing(call, err) != 0 ||
	    tally_journal_occult(call->core, &call->write, ledger_of(call),
				 tally_arg_uint(call, "JournalId", 0),
				 tally_arg_bytes(call, "Reason"), &result.receipt, err) != 0)
		return -1;
	tally_reply_signed_receipt(call, &result);
	return 0;
}

static const struct tally_param occult_journal_params[] = {
	LEDGER_ID_PARAM,
	{ .name = "JournalId", .type = PARAM_UINT, .required = true, .max = INT64_MAX,
	  .example = "100", .help = "Number of the journal whose payload is erased." },
	{ .name = "Reason", .type = PARAM_TEXT, .max = 256, .example = "by order of 2026-03-02",
	  .help = "Why, up to 256 characters; it stays in the ledger for ever." },
	TOKEN_PARAM,
	STATE_ROOT_PARAM,
	SIGNING_PARAMS,
	PARAM_END
};

const struct tally_action tally_action_occult_journal = {
	.name = "OccultJournal",
	.family = FAMILY_LEDGERDB,
	.summary = "Erase a journal's payload for ever; its leaf and all proofs stay.",
	.methods = METHOD_GET | METHOD_POST,
	.kind = ACTION_WRITE,
	.need = PERM_REMOVE,
	.params = occult_journal_params,
	.reply = receipt_reply,
	.example = "Reason",
	.run = occult_journal,
};

/* ---- PurgeLedger ---- */

static int purge_ledger(struct tally_call *call, struct tally_err *err)
{
	struct tally_append_result result = { .err = { .code = TALLY_OK } };

	if (take_signing(call, err) != 0 ||
	    tally_ledger_purge(call->core, &call->write, ledger_of(call),
			       tally_arg_uint(call, "Before", 0),
			       tally_arg_bool(call, "KeepLive", false), &result.receipt, err) != 0)
		return -1;
	tally_reply_signed_receipt(call, &result);
	return 0;
}

static const struct tally_param purge_ledger_params[] = {
	LEDGER_ID_PARAM,
	{ .name = "Before", .type = PARAM_UINT, .required = true, .min = 1, .max = INT64_MAX,
	  .example = "1000", .help = "The payloads of all journals below this number are erased." },
	{ .name = "KeepLive", .type = PARAM_BOOL, .fallback = "false", .example = "true",
	  .help = "Of a KV ledger: leave values that are in force. Without it such a value makes the "
		  "purge fail." },
	TOKEN_PARAM,
	STATE_ROOT_PARAM,
	SIGNING_PARAMS,
	PARAM_END
};

const struct tally_action tally_action_purge_ledger = {
	.name = "PurgeLedger",
	.family = FAMILY_LEDGERDB,
	.summary = "Erase the payloads of all journals below a number; leaves and proofs stay.",
	.methods = METHOD_GET | METHOD_POST,
	.kind = ACTION_WRITE,
	.need = PERM_REMOVE,
	.params = purge_ledger_params,
	.reply = receipt_reply,
	.run = purge_ledger,
};

/* ---- GetErasureCertificate ---- */

static void add_backups(struct tally_call *call, struct tally_bytes text)
{
	struct tally_node *list = tally_add_list(call->arena, call->reply, "Backups", "Backup");

	while (text.size > 0) {
		const uint8_t *end = memchr(text.data, '\n', text.size);
		size_t size = end != NULL ? (size_t)(end - text.data) : text.size;

		tally_add_text(call->arena, list, NULL, tally_bytes(text.data, size));
		text = end != NULL ? tally_bytes(end + 1, text.size - size - 1) : TALLY_BYTES_NONE;
	}
}

/* The certificate's own proof, as GetJournalProof has it. */
static int add_certificate(struct tally_call *call, uint64_t journal_id, struct tally_err *err)
{
	struct tally_node *reply = call->reply;
	int result;

	call->reply = tally_add_object(call->arena, reply, "Certificate");
	result = tally_reply_journal_proof(call, journal_id, 0, err);
	call->reply = reply;
	return result;
}

static int get_erasure_certificate(struct tally_call *call, struct tally_err *err)
{
	uint64_t id = tally_arg_uint(call, "JournalId", 0);
	char subject[sizeof(err->subject)];
	struct tally_erasure erasure;
	int found = tally_erasure_get(call->core, ledger_of(call), id, call->arena, &erasure, err);

	if (found < 0)
		return -1;
	if (found == 0) {
		snprintf(subject, sizeof(subject), "Removal %" PRIu64, id);
		return tally_err_about(err, TALLY_NOTFOUND, subject,
				       "the payload of this journal is not removed");
	}
	tally_add_text(call->arena, call->reply, "LedgerId", ledger_of(call));
	tally_add_uint_text(call->arena, call->reply, "JournalId", id);
	tally_add_uint(call->arena, call->reply, "RemovedBy", erasure.order);
	tally_add_str(call->arena, call->reply, "State", erasure.certified ? "CERTIFIED" : "PENDING");
	if (!erasure.certified)
		return 0;
	tally_add_uint(call->arena, call->reply, "ScrubbedAt", erasure.scrubbed_ms);
	add_backups(call, erasure.backups);
	return add_certificate(call, erasure.certificate, err);
}

static const struct tally_param get_erasure_certificate_params[] = {
	LEDGER_ID_PARAM,
	{ .name = "JournalId", .type = PARAM_UINT, .required = true, .max = INT64_MAX,
	  .example = "100",
	  .help = "A journal whose payload was removed, or the OCCULT or PURGE journal." },
	PARAM_END
};

static const struct tally_reply_field get_erasure_certificate_reply[] = {
	{ "LedgerId", NODE_TEXT, false, "The ledger." },
	{ "JournalId", NODE_TEXT, false, "As asked." },
	{ "RemovedBy", NODE_UINT, false, "The OCCULT or PURGE journal that ordered it." },
	{ "State", NODE_TEXT, false,
	  "CERTIFIED; or PENDING while bytes are erased or the store is scrubbed: then ask again." },
	{ "ScrubbedAt", NODE_UINT, true,
	  "From this time on (milliseconds) no erased byte was left in any file of the store." },
	{ "Backups", NODE_LIST, true, "Backups that may still hold it." },
	{ "Backups[Backup]", NODE_TEXT, true, "One of them: time when it was begun, and name." },
	{ "Certificate", NODE_OBJECT, true, "The journal that certifies it, with its proof." },
	JOURNAL_PROOF_ROWS("Certificate."),
	REPLY_END
};

const struct tally_action tally_action_get_erasure_certificate = {
	.name = "GetErasureCertificate",
	.family = FAMILY_LEDGERDB,
	.summary = "Return the certificate that a payload was erased.",
	.methods = METHOD_GET | METHOD_POST,
	.kind = ACTION_READ,
	.need = PERM_VIEW_JOURNAL,
	.params = get_erasure_certificate_params,
	.reply = get_erasure_certificate_reply,
	.run = get_erasure_certificate,
};
