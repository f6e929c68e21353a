/*
 * The request of LedgerDB's light client: a TxRequest in protobuf's wire form, whose bytes its
 * members sign. Reading is strict, since what stands in a signed message must have one meaning.
 *
 *   1 api_version       enum      must be 1
 *   2 ledger_id         string
 *   3 client_token      string    the client's name; not an idempotency token
 *   4 timestamp_millis  uint64
 *   5 nonce             uint64
 *   6 clues             repeated bytes, UTF-8
 *   7 annotation        bytes
 *   8 senders           repeated {1 member_id string, 2 public_key bytes, 3 sender_type enum}
 *   and exactly one of
 *   100 custom bytes    200 kv_get {1 key}    201 kv_set {1 key, 2 value}    202 kv_del {1 key}
 *
 * The published material says of the key-value operations only "key" and "key, value", bytes; the
 * numbers 1 and 2 in a message of their own, as all other operations have them, are our reading.
 *
 * As in proto3, a field that is absent has the value zero or is empty, and fields come in any order.
 * Refused: fields that are not named here, at either level; a field of another wire type, groups;
 * numbers that are not in their shortest form; a field twice that is not repeated; two payloads or
 * none; text (names, ids, clues, keys) that is not UTF-8; bytes left over.
 */
#ifndef TALLY_TXREQUEST_H
#define TALLY_TXREQUEST_H

#include "bytes.h"

struct tally_buf;
struct tally_err;

#define TALLY_TX_CLUES 32
#define TALLY_TX_SENDERS 8

enum tally_tx_payload {			/* the fields' numbers */
	TX_NONE = 0,
	TX_CUSTOM = 100,
	TX_KV_GET = 200,
	TX_KV_SET = 201,
	TX_KV_DEL = 202
};

enum tally_tx_sender_type {
	TX_SENDER_REGULAR = 0,
	TX_SENDER_TRUSTEE = 1,
	TX_SENDER_LEDGERC = 2
};

struct tally_tx_sender {
	struct tally_bytes member_id;		/* not empty */
	struct tally_bytes public_key;		/* 65 bytes and the first is 04, or empty */
	uint8_t type;
};

/* Everything borrows from the bytes that were read. */
struct tally_txrequest {
	struct tally_bytes ledger_id;
	struct tally_bytes client_token;
	uint64_t timestamp_millis;
	uint64_t nonce;
	struct tally_bytes clues[TALLY_TX_CLUES];
	size_t clue_count;
	struct tally_bytes annotation;
	struct tally_tx_sender senders[TALLY_TX_SENDERS];
	size_t sender_count;
	enum tally_tx_payload payload;
	struct tally_bytes key;			/* of a key-value operation: not empty */
	struct tally_bytes data;		/* the bytes of custom, the value of kv_set */
};

/* INVALID with the place; nothing is allocated. Lengths of texts are for the caller to judge. */
int tally_txrequest_parse(struct tally_bytes bytes, struct tally_txrequest *request_r,
			  struct tally_err *err);

/*
 * Adds the message to buf as the light client writes it: fields by ascending number, those that are
 * zero or empty left out (but the payload, which is always there: it must be one of the four).
 */
void tally_txrequest_format(const struct tally_txrequest *request, struct tally_buf *buf);

#endif
