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

/* What the newest STATE_ROOT journal says, and what a signature of the server adds to an append's reply; absent where it may not sign. */
#define SIGNED_ROWS \
	{ "StateRootHash", NODE_TEXT, true, \
	  "Root of the state tree in the newest STATE_ROOT journal of that tree, hex." }, \
	{ "Checkpoint", NODE_TEXT, true, \
	  "Signed checkpoint (c2sp.org/tlog-checkpoint) of a tree that holds what was appended." }, \
	{ "ServerSignature", NODE_TEXT, true, \
	  "The Checkpoint's Ed25519 signature, 64 bytes in base64, over its text: all before the " \
	  "empty line, with the last line feed." }, \
	{ "ServerSignatureType", NODE_TEXT, true, "ED25519." }

/* Of one journal that was appended: where it is in the Checkpoint's tree. */
#define PROVED_ROWS \
	{ "LeafIndex", NODE_UINT, true, "Place of the leaf in the tree: the journal's number." }, \
	{ "ProofPath", NODE_LIST, true, \
	  "Audit path of the journal in the Checkpoint's tree, from the leaf upwards." }, \
	{ "ProofPath[Hash]", NODE_TEXT, true, "A hash, hex." }

/* Of a write: bring a STATE_ROOT journal behind it (tally_reply_signed_receipt does it). */
#define STATE_ROOT_PARAM \
	{ .name = "StateRoot", .type = PARAM_BOOL, .fallback = "false", .example = "false", \
	  .help = "Append a STATE_ROOT journal behind it, so that proofs of clues, keys and members " \
		  "know of it at once." }

/* Of a read that can be proved against the state: tally_check_proof looks at both. */
#define PROOF_PARAM \
	{ .name = "Proof", .type = PARAM_BOOL, .fallback = "false", .example = "true", \
	  .help = "Answer as of the newest STATE_ROOT journal, with the proof." }, \
	STATE_TREE_PARAM

#define STATE_TREE_PARAM \
	{ .name = "TreeSize", .type = PARAM_UINT, .min = 1, .max = INT64_MAX, .example = "1000", \
	  .help = "Prove it in the tree of so many journals, as of the newest STATE_ROOT journal in " \
		  "it that is kept for proofs; absent: in the newest signed one." }

#define STATE_ROWS(opt) \
	{ "StateSize", NODE_UINT, opt, "The answer is as of the first so many journals." }, \
	{ "StateRootHash", NODE_TEXT, opt, "Root of the state tree of that time, hex." }, \
	{ "StateProof", NODE_TEXT, opt, "The key's path in the state tree, base64 (doc/formats.md)." }, \
	{ "StateRootJournal", NODE_OBJECT, opt, "The journal in which the log says that root." }, \
	{ "StateRootJournal.JournalId", NODE_TEXT, false, "Its number." }, \
	{ "StateRootJournal.Leaf", NODE_TEXT, false, "Its leaf, base64; it holds StateSize and root." }, \
	{ "StateRootJournal.ProofPath", NODE_LIST, false, "Its audit path, from the leaf upwards." }, \
	{ "StateRootJournal.ProofPath[Hash]", NODE_TEXT, true, "A hash, hex." }, \
	{ "StateRootJournal.TreeSize", NODE_UINT, false, "Journals of the tree it is proved in." }, \
	{ "StateRootJournal.RootHash", NODE_TEXT, false, "Root of that tree, hex." }, \
	{ "Checkpoint", NODE_TEXT, true, \
	  "The signed checkpoint of that tree, where it is the newest signed one, or the newest that " \
	  "witnesses cosigned." }

/* Of a payload that was removed. */
#define REMOVED_ROWS(at) \
	{ at "Removed", NODE_BOOL, true, "true: the payload is erased, and empty here." }, \
	{ at "RemovedBy", NODE_UINT, true, "The OCCULT or PURGE journal that ordered it." }

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
	  "base64 where the payload cannot be written as text in the format asked for." }, \
	REMOVED_ROWS(at), \
	{ at "Key", NODE_TEXT, true, "The key of KV_SET, whose payload is the value, and KV_DELETE." }

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

/* A journal with its audit path, as GetJournalProof answers. */
#define JOURNAL_PROOF_ROWS(at) \
	{ at "LedgerId", NODE_TEXT, false, "The ledger." }, \
	{ at "JournalSequence", NODE_UINT, false, "Number of the journal." }, \
	{ at "RootHash", NODE_TEXT, false, "Root of the tree of TreeSize journals, hex." }, \
	{ at "ProofPath", NODE_TEXT, false, \
	  "Audit path from the leaf upwards (RFC 9162 2.1.3): a JSON list of hashes in hex, as one " \
	  "text." }, \
	{ at "WriterPubKey", NODE_TEXT, false, "Public key of the member that signed it, hex; empty where none did." }, \
	{ at "JournalHash", NODE_TEXT, false, "Merkle leaf hash, SHA-256 of a zero byte and Leaf, hex." }, \
	{ at "Leaf", NODE_TEXT, false, "The journal's leaf, canonical JSON, in base64." }, \
	{ at "Salt", NODE_TEXT, true, \
	  "The leaf's payloadHash is SHA-256 of these 16 bytes (hex) and the payload. Not there " \
	  "where the leaf holds data instead of a payload, or the payload is removed." }, \
	{ at "LeafIndex", NODE_UINT, false, "Place of the leaf in the tree: the journal's number." }, \
	{ at "TreeSize", NODE_UINT, false, "Journals of the tree." }, \
	{ at "Checkpoint", NODE_TEXT, true, \
	  "The signed checkpoint of that tree, where it is the newest signed one, or the newest that " \
	  "witnesses cosigned." }

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
	{ at "SignaturePolicy", NODE_TEXT, false, \
	  "Members' signatures on what is appended: ACCEPTED, OFF or REQUIRED." }, \
	{ at "SignatureCount", NODE_UINT, false, "How many members must sign where it is REQUIRED." }, \
	{ at "RemovalPolicy", NODE_TEXT, false, \
	  "Who can have payloads erased: DUAL (owner and another ADMIN sign), ADMIN, or OFF." }, \
	{ at "MinimumIndex", NODE_UINT, false, "Payloads of the journals below are purged." }, \
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

/* The members of a state proof, after those that say what is proved. -1: the ledger has no such
 * journal any more. */
int tally_reply_state(struct tally_call *call, const struct tally_state_found *state,
		      struct tally_err *err);
/* There is no STATE_ROOT to prove it by: NOTFOUND about StateRoot, or INVALID about TreeSize. */
int tally_no_state(const struct tally_call *call, struct tally_err *err);
/* TreeSize without Proof is refused: nothing would be proved in it. */
int tally_check_proof(struct tally_call *call, struct tally_err *err);

/* The members of JOURNAL_PROOF_ROWS; size 0: in the newest signed tree. */
int tally_reply_journal_proof(struct tally_call *call, uint64_t id, uint64_t size,
			      struct tally_err *err);
/* The members of REMOVED_ROWS, where they say something. */
void tally_reply_removed(struct tally_call *call, struct tally_node *to,
			 const struct tally_journal *journal);

/* The newest checkpoint: 1; 0 where the store is not to be signed for; -1. */
int tally_reply_checkpoint(struct tally_call *call, struct tally_signed_checkpoint *checkpoint_r,
			   struct tally_err *err);
/* Checkpoint of a tree of so many journals, where there is one: newest, or the cosigned one, which says
 * more. newest->size is 0 where nothing is signed here now. */
int tally_reply_checkpoint_of(struct tally_call *call, uint64_t size,
			      const struct tally_signed_checkpoint *newest, struct tally_err *err);
void tally_add_hashes(struct tally_call *call, struct tally_node *to, const char *name,
		      const struct tally_hash *hashes, size_t count);

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
