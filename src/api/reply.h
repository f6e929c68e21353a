/*
 * Parts of replies that several actions share: the builders, and their rows. Each macro takes the
 * path in front ("Journal." or "Journals[Journal].").
 */
#ifndef TALLY_REPLY_H
#define TALLY_REPLY_H

#include "action.h"

#define RECEIPT_ROWS(at) \
	{ at "LedgerId", NODE_TEXT, false, "The ledger." }, \
	{ at "JournalId", NODE_TEXT, false, "Number of the journal, counted from 0." }, \
	{ at "JournalHash", NODE_TEXT, false, "Merkle leaf hash of the journal, hex." }, \
	{ at "RequestDigest", NODE_TEXT, false, "Digest of what was asked, hex." }, \
	{ at "RequestDigestType", NODE_TEXT, false, "SHA256." }, \
	{ at "Timestamp", NODE_UINT, false, "Time of the journal, milliseconds." }, \
	{ at "OpTimeNanos", NODE_UINT, false, "The same in nanoseconds." }, \
	{ at "BlockSequence", NODE_UINT, false, "Block that holds the journal." }, \
	{ at "BlockHash", NODE_TEXT, false, "Hash of that block's header, hex." }, \
	{ at "TreeSize", NODE_UINT, false, \
	  "Journals of the tree that Checkpoint signs; without one, of the ledger after that block." }, \
	{ at "RootHash", NODE_TEXT, false, "Root of the log tree of TreeSize journals, hex." }

/* What a signature of the server adds to an append's reply; absent where it may not sign. */
#define SIGNED_ROWS \
	{ "Checkpoint", NODE_TEXT, true, \
	  "Signed checkpoint (c2sp.org/tlog-checkpoint) of a tree that holds what was appended." }, \
	{ "ServerSignature", NODE_TEXT, true, \
	  "The Checkpoint's Ed25519 signature, 64 bytes in base64, over its text: all before the " \
	  "empty line, with the last line feed." }, \
	{ "ServerSignatureType", NODE_TEXT, true, "ED25519." }

#define JOURNAL_ROWS(at) \
	{ at "MemberId", NODE_TEXT, false, "The member that wrote it." }, \
	{ at "JournalId", NODE_TEXT, false, "Number of the journal, counted from 0." }, \
	{ at "ClientId", NODE_TEXT, false, "As given when it was appended, or empty." }, \
	{ at "Clues", NODE_LIST, false, "Clues of the journal." }, \
	{ at "Clues[Clue]", NODE_TEXT, true, "A clue." }, \
	{ at "LedgerId", NODE_TEXT, false, "The ledger." }, \
	{ at "JournalHash", NODE_TEXT, false, "Merkle leaf hash of the journal, hex." }, \
	{ at "Timestamp", NODE_UINT, false, "Time of the journal, milliseconds." }, \
	{ at "PayloadType", NODE_TEXT, false, "CUSTOM for records, else what the service did." }, \
	{ at "PayloadJsonString", NODE_TEXT, false, "The payload." }, \
	{ at "PayloadEncoding", NODE_TEXT, true, \
	  "base64 where the payload cannot be written as text in the format asked for." }

#define ANCHOR_PROOF_HELP \
	"Place in the time ledger, as JSON: {\"hashInHex\": what was stamped, \"sequence\": the " \
	"journal}; of Source CALLER as it was given."
#define ANCHOR_SOURCE_HELP \
	"TSA: stamped by a time-stamp authority; CALLER: a certificate that is kept as it was given."
#define ANCHOR_AUTHORITY_HELP "Name in the authority's certificate; of Source TSA."

/* A time anchor as the API lists it; in seconds. */
#define ANCHOR_ROWS(at) \
	{ at "JournalId", NODE_UINT, false, "Journal that holds the anchor." }, \
	{ at "LedgerVersion", NODE_UINT, false, "Journals that were stamped." }, \
	{ at "LedgerDigest", NODE_TEXT, false, "Root of their log tree, hex." }, \
	{ at "LedgerDigestType", NODE_TEXT, false, "SHA256." }, \
	{ at "Proof", NODE_TEXT, false, ANCHOR_PROOF_HELP }, \
	{ at "TimeStamp", NODE_UINT, false, "Time of the stamp, seconds." }, \
	{ at "Source", NODE_TEXT, false, ANCHOR_SOURCE_HELP }, \
	{ at "Authority", NODE_TEXT, true, ANCHOR_AUTHORITY_HELP }

#define LEDGER_ROWS(at) \
	{ at "LedgerId", NODE_TEXT, false, "The ledger." }, \
	{ at "LedgerName", NODE_TEXT, false, "Its name." }, \
	{ at "LedgerDescription", NODE_TEXT, false, "Its description." }, \
	{ at "LedgerType", NODE_TEXT, false, "JOURNAL or KV." }, \
	{ at "LedgerStatus", NODE_TEXT, false, "INVALID, NORMAL, DELETING or DELETED." }, \
	{ at "OwnerAliUid", NODE_TEXT, false, "Account that created it." }, \
	{ at "RegionId", NODE_TEXT, false, "Region, as configured." }, \
	{ at "ZoneId", NODE_TEXT, false, "Zone, as configured." }, \
	{ at "CreateTime", NODE_TEXT, false, "Milliseconds." }, \
	{ at "UpdateTime", NODE_TEXT, false, "Milliseconds." }, \
	{ at "JournalCount", NODE_UINT, false, "All journals of the ledger." }, \
	{ at "MemberCount", NODE_UINT, false, "All members." }, \
	{ at "TimeAnchorCount", NODE_UINT, false, "All time anchors." }, \
	{ at "PublicRead", NODE_BOOL, false, "Unsigned requests may read it." }, \
	{ at "TimeAnchorInterval", NODE_UINT, true, \
	  "Seconds after which it is anchored in time when it has grown, 0: never by itself; absent: " \
	  "as the server is configured." }, \
	{ at "LastTimeAnchor", NODE_OBJECT, true, "Its newest time anchor; absent: there is none." }, \
	{ at "LastTimeAnchor.JournalId", NODE_TEXT, false, "Journal that holds the anchor." }, \
	{ at "LastTimeAnchor.LedgerVersion", NODE_TEXT, false, "Journals that were stamped." }, \
	{ at "LastTimeAnchor.LedgerDigest", NODE_TEXT, false, "Root of their log tree, hex." }, \
	{ at "LastTimeAnchor.LedgerDigestType", NODE_TEXT, false, "SHA256." }, \
	{ at "LastTimeAnchor.Proof", NODE_TEXT, false, ANCHOR_PROOF_HELP }, \
	{ at "LastTimeAnchor.TimeStamp", NODE_TEXT, false, "Time of the stamp, milliseconds." }, \
	{ at "LastTimeAnchor.Source", NODE_TEXT, false, ANCHOR_SOURCE_HELP }, \
	{ at "LastTimeAnchor.Authority", NODE_TEXT, true, ANCHOR_AUTHORITY_HELP }

/* Shape docs: JournalId a number, Clues one text, as the documentation's samples have it. */
bool tally_shape_docs(const struct tally_call *call);

void tally_reply_journal(struct tally_call *call, struct tally_node *to,
			 const struct tally_journal *journal);
void tally_reply_receipt(struct tally_call *call, struct tally_node *to,
			 const struct tally_receipt *receipt);
/* AppendJournal's receipt: with a checkpoint and the journal's path in it (proof.c). */
void tally_reply_signed_receipt(struct tally_call *call, struct tally_append_result *result);

/* One checkpoint and one range proof for a batch; before its receipts, whose TreeSize and RootHash
 * become the checkpoint's. */
void tally_reply_signed_batch(struct tally_call *call, struct tally_append_result *results,
			      size_t count);

/* -1 when its last anchor cannot be read. */
int tally_reply_ledger(struct tally_call *call, struct tally_node *to,
		       const struct tally_ledger_info *info, struct tally_err *err);

void tally_reply_anchor(struct tally_call *call, struct tally_node *to,
			const struct tally_anchor *anchor);

/* The paths that shape docs writes as another kind than the rows say. */
bool tally_shape_differs(const char *path, enum tally_node_kind *kind_r);

/* LedgerId, for the many actions that have it. */
#define LEDGER_ID_PARAM \
	{ .name = "LedgerId", .type = PARAM_LEDGER_ID, .required = true, \
	  .example = "l-c8cc7be3eea542abc8cc7be3e", .help = "The ledger." }

/* ---- NextToken ---- */

/*
 * A token that says where the next page begins: position, and a MAC over it and scope, under a
 * key of the store. It is good for the same listing only (scope: action, ledger, filters, caller)
 * and cannot be made up.
 */
const char *tally_next_token(struct tally_call *call, struct tally_bytes scope,
			     struct tally_bytes position);

/* The position, or -1 INVALID about NextToken. Not for an empty token. */
int tally_next_open(struct tally_call *call, struct tally_bytes scope, struct tally_bytes token,
		    struct tally_bytes *position_r, struct tally_err *err);

#endif
