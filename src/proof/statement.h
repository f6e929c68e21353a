/*
 * The bytes that a member signs in our own form: canonical JSON (RFC 8785), which anyone rebuilds
 * from the leaf. Members stand sorted, those that are absent are left out:
 *
 *   {"clues":["order 4711"],"data":{...},"ledgerId":"l-...","memberId":"m-...","nonce":"...",
 *    "payloadHash":"<64 hex digits>","payloadSize":15,"payloadType":"CUSTOM","v":1}
 */
#ifndef TALLY_STATEMENT_H
#define TALLY_STATEMENT_H

#include "bytes.h"

struct tally_buf;

/* Everything is borrowed. All text is valid UTF-8; the caller has checked it. */
struct tally_statement {
	const struct tally_bytes *clues;	/* in the order given */
	size_t clue_count;			/* 0: no clues */
	struct tally_bytes data;		/* ready canonical JSON; empty: none */
	struct tally_bytes ledger_id;		/* empty: none; so the other three texts */
	struct tally_bytes member_id;
	struct tally_bytes nonce;
	const uint8_t *payload_hash;		/* 32 bytes; NULL: there is no payload */
	uint64_t payload_size;			/* below 2^53 */
	struct tally_bytes payload_type;
};

/* Adds them to buf. */
void tally_statement_format(const struct tally_statement *statement, struct tally_buf *buf);

#endif
