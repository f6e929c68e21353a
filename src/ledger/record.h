/*
 * Journals as bytes: the compact record, the payload slot and the envelope of a block, and the
 * leaf that is hashed into the log tree. The leaf is not stored: it is rebuilt byte for byte from
 * the record and the journal's place. doc/formats.md has the same in prose.
 *
 * Record, version 1:
 *   u8 1 | u8 payload type | u8 flags | [payload: 32 hash, varint size] | [evidence: 32 hash]
 *   | u8 size, member id | u8 count, each clue: u8 size, bytes | [data: varint count of fields,
 *   each: u8 size, name, u8 kind, varint number or varint size and text] | [signed: u8 size, nonce,
 *   u8 count, each: u8 size, member id, u8 key type, u8 size, key, 64 signature]
 * Payload slot, version 1 (absent, size 0, where there is no payload):
 *   u8 1 | 16 salt | varint size of evidence [16 salt, evidence] | payload
 * Envelope, version 1 (absent where nothing is in it):
 *   u8 1 | u8 flags | [16 token] | [16 nonce, u64 until] | [16 request] | [16 signed bytes]
 *
 * payloadHash = SHA-256(salt || payload); evidenceHash = SHA-256(label || salt || evidence).
 */
#ifndef TALLY_RECORD_H
#define TALLY_RECORD_H

#include "buf.h"
#include "err.h"
#include "leaf.h"
#include "tree.h"

#define TALLY_MAX_CLUES 32
#define TALLY_MAX_CLUE 128
#define TALLY_MAX_FIELDS 16
#define TALLY_MAX_SIGNATURES 8
#define TALLY_MAX_NONCE 64		/* characters of a signing member's nonce */

/* Numbers are on disk: never renumber. Names are in the leaf. */
enum tally_type {
	TYPE_CUSTOM = 1, TYPE_CREATE_LEDGER, TYPE_UPDATE_LEDGER, TYPE_DELETE_LEDGER,
	TYPE_CREATE_MEMBER, TYPE_DELETE_MEMBER, TYPE_UPDATE_MEMBER_KEY,
	TYPE_UPDATE_MEMBER_PERMISSIONS, TYPE_ENABLE_MEMBER, TYPE_DISABLE_MEMBER,
	TYPE_SET_TRUST_POINT, TYPE_CREATE_TIMEANCHOR, TYPE_KV_SET, TYPE_KV_DELETE,
	TYPE_STATE_ROOT, TYPE_OCCULT, TYPE_PURGE, TYPE_DATASHARE,
	TYPE_INVITE_MEMBERS = 19,
	/* the system ledger's own */
	TYPE_CREATE_STORE = 64, TYPE_CREATE_ACCOUNT, TYPE_CREATE_KEY, TYPE_ENABLE_KEY,
	TYPE_DISABLE_KEY, TYPE_DELETE_KEY, TYPE_ADD_LEDGER,
	TYPE_SET_ACCOUNT_POLICY = 71, TYPE_JOIN_LEDGER = 72,
	TYPE_ADD_ORG = 80, TYPE_REMOVE_ORG, TYPE_ADD_CHANNEL, TYPE_REMOVE_CHANNEL
};

/* "CUSTOM" ...; NULL for a number that is none. And back: 0 for a name that is none. */
const char *tally_type_name(unsigned int type);
unsigned int tally_type_number(struct tally_bytes name);

/* One member of a journal's data. Fields stand in ascending order of name. */
enum tally_field_kind { FIELD_TEXT = 1, FIELD_UINT = 2, FIELD_BOOL = 3 };
struct tally_field {
	struct tally_bytes name;
	enum tally_field_kind kind;
	struct tally_bytes text;
	uint64_t number;		/* of UINT and BOOL */
};

/* A member's signature over the record's own words (statement.h). */
struct tally_record_signature {
	struct tally_bytes member_id;
	uint8_t type;			/* enum tally_key_type */
	struct tally_bytes key;		/* the member's public key at that time */
	struct tally_bytes bytes;	/* 64 */
};

struct tally_record {
	unsigned int type;
	bool has_payload;
	uint8_t payload_hash[TALLY_HASH_SIZE];
	uint64_t payload_size;
	bool has_evidence;
	uint8_t evidence_hash[TALLY_HASH_SIZE];
	struct tally_bytes member_id;		/* may be empty */
	uint8_t clue_count;
	const struct tally_bytes *clues;
	bool has_data;
	uint8_t field_count;
	const struct tally_field *fields;
	/* own form of signing; count 0: not signed, or in foreign form (then the evidence has it) */
	struct tally_bytes nonce;		/* of the signing member's choice, UTF-8 */
	uint8_t signature_count;
	const struct tally_record_signature *signatures;
};

/* Where a journal stands: what the leaf holds besides the record. */
struct tally_place {
	struct tally_bytes ledger_id;
	uint64_t journal_id;
	uint64_t timestamp_ms;
};

void tally_record_encode(const struct tally_record *record, struct tally_buf *buf);
/* Borrows from bytes; clues and fields go into arena. CORRUPT, or UNSUPPORTED of a newer version. */
int tally_record_decode(struct tally_bytes bytes, struct tally_arena *arena,
			struct tally_record *record_r, struct tally_err *err);

/* Appends the leaf, RFC 8785 canonical JSON, to buf. */
void tally_leaf_encode(const struct tally_record *record, const struct tally_place *place,
		       struct tally_buf *buf);

/* Appends the data of a record alone, as canonical JSON. */
void tally_data_encode(const struct tally_record *record, struct tally_buf *buf);

/* A field by name, or NULL. */
const struct tally_field *tally_field_find(const struct tally_record *record, const char *name);
/* Text, number or flag of a field; absent where there is none. */
struct tally_bytes tally_field_text(const struct tally_record *record, const char *name);
uint64_t tally_field_number(const struct tally_record *record, const char *name,
			    uint64_t absent);

/* What a member signs in the own form: the bytes of statement.h for this record. */
void tally_record_statement(const struct tally_record *record, struct tally_bytes ledger_id,
			    struct tally_buf *buf);

/* ---- payload slot ---- */

struct tally_payload_slot {
	uint8_t salt[TALLY_SALT_SIZE];
	uint8_t evidence_salt[TALLY_SALT_SIZE];
	struct tally_bytes evidence;		/* may be empty */
	struct tally_bytes payload;
};

/* What stands before the payload in its slot. */
void tally_payload_head_encode(const struct tally_payload_slot *slot, struct tally_buf *buf);
int tally_payload_slot_decode(struct tally_bytes bytes, struct tally_payload_slot *slot_r,
			      struct tally_err *err);
/* The same, and holds it against its record: size of the payload, both hashes. CORRUPT. */
int tally_payload_slot_check(const struct tally_record *record, struct tally_bytes bytes,
			     struct tally_payload_slot *slot_r, struct tally_err *err);
void tally_payload_hash(const uint8_t salt[TALLY_SALT_SIZE], struct tally_bytes payload,
			uint8_t hash_r[TALLY_HASH_SIZE]);

/* ---- envelope ---- */

struct tally_envelope {
	bool has_token, has_nonce, has_request, has_signed;
	uint8_t token[TALLY_DIGEST_SIZE];
	uint8_t nonce[TALLY_DIGEST_SIZE];
	uint64_t nonce_until_ms;
	uint8_t request[TALLY_DIGEST_SIZE];	/* keyed, like the others */
	uint8_t signed_bytes[TALLY_DIGEST_SIZE]; /* what members signed: not to be used again */
};

void tally_envelope_encode(const struct tally_envelope *envelope, struct tally_buf *buf);
int tally_envelope_decode(struct tally_bytes bytes, struct tally_envelope *envelope_r,
			  struct tally_err *err);

#endif
