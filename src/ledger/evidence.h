/*
 * Evidence: what a request brought besides its payload. It is stored and erased with the payload, and
 * its hash is in the leaf. Plain evidence is a ClientId, text. The foreign form of signing has
 *
 *   u8 1 | varint size, ClientId | varint size, message | u8 count, each: u8 size, member id,
 *   u8 key type, u8 size, key, 64 signature
 *
 * which no text begins with. The message is a light client's TxRequest (txrequest.h).
 */
#ifndef TALLY_EVIDENCE_H
#define TALLY_EVIDENCE_H

#include "record.h"
#include "txrequest.h"

struct tally_evidence {
	struct tally_bytes client_id;
	struct tally_bytes message;	/* exactly what was signed; empty: plain */
	const struct tally_record_signature *signatures;
	size_t signature_count;
};

void tally_evidence_encode(const struct tally_evidence *evidence, struct tally_buf *buf);
/* Borrows from bytes; signatures go into arena. CORRUPT. */
int tally_evidence_decode(struct tally_bytes bytes, struct tally_arena *arena,
			  struct tally_evidence *evidence_r, struct tally_err *err);

/* Does a message say what a record and its payload say: kind, payload, key? */
bool tally_evidence_agrees(const struct tally_txrequest *tx, const struct tally_record *record,
			   struct tally_bytes payload);

#endif
