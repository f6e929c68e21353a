/* Journals as bytes; the layouts are in record.h. */
#include "record.h"

#include "arena.h"
#include "jcs.h"
#include "member_key.h"
#include "statement.h"
#include "utf8.h"

#define RECORD_VERSION 1
#define SLOT_VERSION 1
#define ENVELOPE_VERSION 1

#define NUMBER_END ((uint64_t)1 << 53)	/* integers of a leaf stay below (RFC 8785) */

enum { HAS_PAYLOAD = 1, HAS_EVIDENCE = 2, HAS_DATA = 4, HAS_SIGNATURES = 8, RECORD_FLAGS = 15 };
enum { HAS_TOKEN = 1, HAS_NONCE = 2, HAS_REQUEST = 4, HAS_SIGNED = 8, ENVELOPE_FLAGS = 15 };

static const struct {
	unsigned int number;
	const char *name;
} types[] = {
	{ TYPE_CUSTOM, "CUSTOM" },
	{ TYPE_CREATE_LEDGER, "CREATE_LEDGER" },
	{ TYPE_UPDATE_LEDGER, "UPDATE_LEDGER" },
	{ TYPE_DELETE_LEDGER, "DELETE_LEDGER" },
	{ TYPE_CREATE_MEMBER, "CREATE_MEMBER" },
	{ TYPE_DELETE_MEMBER, "DELETE_MEMBER" },
	{ TYPE_UPDATE_MEMBER_KEY, "UPDATE_MEMBER_KEY" },
	{ TYPE_UPDATE_MEMBER_PERMISSIONS, "UPDATE_MEMBER_PERMISSIONS" },
	{ TYPE_ENABLE_MEMBER, "ENABLE_MEMBER" },
	{ TYPE_DISABLE_MEMBER, "DISABLE_MEMBER" },
	{ TYPE_SET_TRUST_POINT, "SET_TRUST_POINT" },
	{ TYPE_CREATE_TIMEANCHOR, "CREATE_TIMEANCHOR" },
	{ TYPE_KV_SET, "KV_SET" },
	{ TYPE_KV_DELETE, "KV_DELETE" },
	{ TYPE_STATE_ROOT, "STATE_ROOT" },
	{ TYPE_OCCULT, "OCCULT" },
	{ TYPE_PURGE, "PURGE" },
	{ TYPE_DATASHARE, "DATASHARE" },
	{ TYPE_INVITE_MEMBERS, "INVITE_MEMBERS" },
	{ TYPE_CREATE_STORE, "CREATE_STORE" },
	{ TYPE_CREATE_ACCOUNT, "CREATE_ACCOUNT" },
	{ TYPE_CREATE_KEY, "CREATE_KEY" },
	{ TYPE_ENABLE_KEY, "ENABLE_KEY" },
	{ TYPE_DISABLE_KEY, "DISABLE_KEY" },
	{ TYPE_DELETE_KEY, "DELETE_KEY" },
	{ TYPE_ADD_LEDGER, "ADD_LEDGER" },
	{ TYPE_SET_ACCOUNT_POLICY, "SET_ACCOUNT_POLICY" },
	{ TYPE_JOIN_LEDGER, "JOIN_LEDGER" },
	{ TYPE_ADD_ORG, "ADD_ORG" },
	{ TYPE_REMOVE_ORG, "REMOVE_ORG" },
	{ TYPE_ADD_CHANNEL, "ADD_CHANNEL" },
	{ TYPE_REMOVE_CHANNEL, "REMOVE_CHANNEL" },
};

const char *tally_type_name(unsigned int type)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (types[i].number == type)
			return types[i].name;
	return NULL;
}

unsigned int tally_type_number(struct tally_bytes name)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (tally_bytes_is(name, types[i].name))
			return types[i].number;
	return 0;
}

/* ---- record ---- */

static void put_short(struct tally_buf *buf, struct tally_bytes bytes)
{
	tally_buf_add_u8(buf, (uint8_t)bytes.size);
	tally_buf_add_bytes(buf, bytes);
}

static void put_fields(const struct tally_record *record, struct tally_buf *buf)
{
	tally_buf_add_varint(buf, record->field_count);
	for (size_t i = 0; i < record->field_count; i++) {
		const struct tally_field *field = &record->fields[i];

		put_short(buf, field->name);
		tally_buf_add_u8(buf, (uint8_t)field->kind);
		if (field->kind == FIELD_TEXT) {
			tally_buf_add_varint(buf, field->text.size);
			tally_buf_add_bytes(buf, field->text);
		} else {
			tally_buf_add_varint(buf, field->number);
		}
	}
}

static void put_signatures(const struct tally_record *record, struct tally_buf *buf)
{
	put_short(buf, record->nonce);
	tally_buf_add_u8(buf, record->signature_count);
	for (size_t i = 0; i < record->signature_count; i++) {
		const struct tally_record_signature *signature = &record->signatures[i];

		put_short(buf, signature->member_id);
		tally_buf_add_u8(buf, signature->type);
		put_short(buf, signature->key);
		tally_buf_add_bytes(buf, signature->bytes);
	}
}

void tally_record_encode(const struct tally_record *record, struct tally_buf *buf)
{
	tally_buf_add_u8(buf, RECORD_VERSION);
	tally_buf_add_u8(buf, (uint8_t)record->type);
	tally_buf_add_u8(buf, (uint8_t)((record->has_payload ? HAS_PAYLOAD : 0) |
					(record->has_evidence ? HAS_EVIDENCE : 0) |
					(record->has_data ? HAS_DATA : 0) |
					(record->signature_count > 0 ? HAS_SIGNATURES : 0)));
	if (record->has_payload) {
		tally_buf_add(buf, record->payload_hash, TALLY_HASH_SIZE);
		tally_buf_add_varint(buf, record->payload_size);
	}
	if (record->has_evidence)
		tally_buf_add(buf, record->evidence_hash, TALLY_HASH_SIZE);
	put_short(buf, record->member_id);
	tally_buf_add_u8(buf, record->clue_count);
	for (size_t i = 0; i < record->clue_count; i++)
		put_short(buf, record->clues[i]);
	if (record->has_data)
		put_fields(record, buf);
	if (record->signature_count > 0)
		put_signatures(record, buf);
}

static void read_hash(struct tally_reader *reader, uint8_t hash_r[TALLY_HASH_SIZE])
{
	struct tally_bytes bytes = tally_read_bytes(reader, TALLY_HASH_SIZE);

	if (bytes.size == TALLY_HASH_SIZE)
		memcpy(hash_r, bytes.data, TALLY_HASH_SIZE);
}

static void read_digest(struct tally_reader *reader, uint8_t digest_r[16])
{
	struct tally_bytes bytes = tally_read_bytes(reader, 16);

	if (bytes.size == 16)
		memcpy(digest_r, bytes.data, 16);
}

/* What goes into a leaf as text: UTF-8, or the leaf would be no JSON. */
static struct tally_bytes read_text(struct tally_reader *reader, uint64_t size)
{
	struct tally_bytes text = tally_read_bytes(reader, size);

	if (!tally_utf8_valid(text))
		reader->failed = true;
	return text;
}

static uint64_t read_number(struct tally_reader *reader, uint64_t end)
{
	uint64_t number = tally_read_varint(reader);

	if (number >= end)
		reader->failed = true;
	return number;
}

static void read_field(struct tally_reader *reader, struct tally_field *field)
{
	field->name = read_text(reader, tally_read_u8(reader));
	field->kind = tally_read_u8(reader);
	if (field->kind == FIELD_TEXT)
		field->text = read_text(reader, tally_read_varint(reader));
	else if (field->kind == FIELD_UINT || field->kind == FIELD_BOOL)
		field->number = read_number(reader, field->kind == FIELD_BOOL ? 2 : NUMBER_END);
	else
		reader->failed = true;
}

static void read_fields(struct tally_reader *reader, struct tally_arena *arena,
			struct tally_record *record)
{
	uint64_t count = tally_read_varint(reader);
	struct tally_field *fields;

	if (count > TALLY_MAX_FIELDS) {
		reader->failed = true;
		return;
	}
	fields = tally_arena_array(arena, struct tally_field, count + 1);
	for (size_t i = 0; i < count; i++) {
		read_field(reader, &fields[i]);
		if (i > 0 && tally_bytes_compare(fields[i - 1].name, fields[i].name) >= 0)
			reader->failed = true;
	}
	record->fields = fields;
	record->field_count = (uint8_t)count;
}

static void read_signatures(struct tally_reader *reader, struct tally_arena *arena,
			    struct tally_record *record)
{
	struct tally_record_signature *signatures;
	uint8_t count;

	record->nonce = read_text(reader, tally_read_u8(reader));
	count = tally_read_u8(reader);
	if (count == 0 || count > TALLY_MAX_SIGNATURES) {
		reader->failed = true;
		return;
	}
	signatures = tally_arena_array(arena, struct tally_record_signature, count);
	for (size_t i = 0; i < count; i++) {
		signatures[i].member_id = read_text(reader, tally_read_u8(reader));
		signatures[i].type = tally_read_u8(reader);
		signatures[i].key = tally_read_bytes(reader, tally_read_u8(reader));
		signatures[i].bytes = tally_read_bytes(reader, TALLY_MEMBER_SIGNATURE);
		if (tally_key_type_name(signatures[i].type) == NULL)
			reader->failed = true;
	}
	record->signatures = signatures;
	record->signature_count = count;
}

int tally_record_decode(struct tally_bytes bytes, struct tally_arena *arena,
			struct tally_record *record_r, struct tally_err *err)
{
	struct tally_reader reader = tally_reader(bytes);
	uint8_t version = tally_read_u8(&reader);
	uint8_t flags, count;

	*record_r = (struct tally_record){ 0 };
	if (version != RECORD_VERSION && !reader.failed)
		return tally_err_set(err, TALLY_UNSUPPORTED,
				     "record version %u, this program reads %u", version,
				     RECORD_VERSION);
	record_r->type = tally_read_u8(&reader);
	flags = tally_read_u8(&reader);
	if (flags & HAS_PAYLOAD) {
		record_r->has_payload = true;
		read_hash(&reader, record_r->payload_hash);
		record_r->payload_size = read_number(&reader, NUMBER_END);
	}
	if (flags & HAS_EVIDENCE) {
		record_r->has_evidence = true;
		read_hash(&reader, record_r->evidence_hash);
	}
	record_r->member_id = read_text(&reader, tally_read_u8(&reader));
	count = tally_read_u8(&reader);
	if (count > TALLY_MAX_CLUES) {
		reader.failed = true;
	} else if (count > 0) {
		struct tally_bytes *clues = tally_arena_array(arena, struct tally_bytes, count);

		for (size_t i = 0; i < count; i++)
			clues[i] = read_text(&reader, tally_read_u8(&reader));
		record_r->clues = clues;
		record_r->clue_count = count;
	}
	if (flags & HAS_DATA) {
		record_r->has_data = true;
		read_fields(&reader, arena, record_r);
	}
	if (flags & HAS_SIGNATURES)
		read_signatures(&reader, arena, record_r);
	if (reader.failed || tally_reader_left(&reader) != 0 || (flags & ~RECORD_FLAGS) != 0 ||
	    tally_type_name(record_r->type) == NULL)
		return tally_err_set(err, TALLY_CORRUPT, "malformed journal record");
	return 0;
}

/* ---- leaf ---- */

static void put_hex(struct tally_buf *buf, const uint8_t hash[TALLY_HASH_SIZE])
{
	char text[2 * TALLY_HASH_SIZE + 1];

	tally_hex_encode(hash, TALLY_HASH_SIZE, text);
	tally_buf_add_u8(buf, '"');
	tally_buf_add(buf, text, 2 * TALLY_HASH_SIZE);
	tally_buf_add_u8(buf, '"');
}

static void put_hex_bytes(struct tally_buf *buf, struct tally_bytes bytes)
{
	char text[2 * 255 + 1];

	tally_hex_encode(bytes.data, bytes.size, text);
	tally_jcs_string(buf, tally_bytes_str(text));
}

static void put_leaf_signatures(struct tally_buf *buf, const struct tally_record *record)
{
	for (size_t i = 0; i < record->signature_count; i++) {
		const struct tally_record_signature *signature = &record->signatures[i];
		struct tally_jcs_object object;

		tally_buf_add_u8(buf, i == 0 ? '[' : ',');
		tally_jcs_open(&object, buf);
		tally_jcs_name(&object, "key");
		put_hex_bytes(buf, signature->key);
		tally_jcs_name(&object, "memberId");
		tally_jcs_string(buf, signature->member_id);
		tally_jcs_name(&object, "sig");
		put_hex_bytes(buf, signature->bytes);
		tally_jcs_name(&object, "type");
		tally_jcs_string(buf, tally_bytes_str(tally_key_type_name(signature->type)));
		tally_jcs_close(&object);
	}
	tally_buf_add_u8(buf, ']');
}

void tally_data_encode(const struct tally_record *record, struct tally_buf *buf)
{
	tally_buf_add_u8(buf, '{');
	for (size_t i = 0; i < record->field_count; i++) {
		const struct tally_field *field = &record->fields[i];

		if (i > 0)
			tally_buf_add_u8(buf, ',');
		tally_jcs_string(buf, field->name);
		tally_buf_add_u8(buf, ':');
		if (field->kind == FIELD_TEXT)
			tally_jcs_string(buf, field->text);
		else if (field->kind == FIELD_UINT)
			tally_jcs_uint(buf, field->number);
		else
			tally_buf_add_str(buf, field->number != 0 ? "true" : "false");
	}
	tally_buf_add_u8(buf, '}');
}

void tally_leaf_encode(const struct tally_record *record, const struct tally_place *place,
		       struct tally_buf *buf)
{
	struct tally_jcs_object object;

	tally_jcs_open(&object, buf);
	if (record->clue_count > 0) {
		tally_jcs_name(&object, "clues");
		for (size_t i = 0; i < record->clue_count; i++) {
			tally_buf_add_u8(buf, i == 0 ? '[' : ',');
			tally_jcs_string(buf, record->clues[i]);
		}
		tally_buf_add_u8(buf, ']');
	}
	if (record->has_data) {
		tally_jcs_name(&object, "data");
		tally_data_encode(record, buf);
	}
	if (record->has_evidence) {
		tally_jcs_name(&object, "evidenceHash");
		put_hex(buf, record->evidence_hash);
	}
	tally_jcs_name(&object, "journalId");
	tally_jcs_uint(buf, place->journal_id);
	tally_jcs_name(&object, "ledgerId");
	tally_jcs_string(buf, place->ledger_id);
	if (record->member_id.size > 0) {
		tally_jcs_name(&object, "memberId");
		tally_jcs_string(buf, record->member_id);
	}
	if (record->nonce.size > 0) {
		tally_jcs_name(&object, "nonce");
		tally_jcs_string(buf, record->nonce);
	}
	if (record->has_payload) {
		tally_jcs_name(&object, "payloadHash");
		put_hex(buf, record->payload_hash);
		tally_jcs_name(&object, "payloadSize");
		tally_jcs_uint(buf, record->payload_size);
	}
	tally_jcs_name(&object, "payloadType");
	tally_jcs_string(buf, tally_bytes_str(tally_type_name(record->type)));
	if (record->signature_count > 0) {
		tally_jcs_name(&object, "signatures");
		put_leaf_signatures(buf, record);
	}
	tally_jcs_name(&object, "timestamp");
	tally_jcs_uint(buf, place->timestamp_ms);
	tally_jcs_name(&object, "v");
	tally_jcs_uint(buf, 1);
	tally_jcs_close(&object);
}

void tally_record_statement(const struct tally_record *record, struct tally_bytes ledger_id,
			    struct tally_buf *buf)
{
	struct tally_statement statement = {
		.clues = record->clues, .clue_count = record->clue_count,
		.ledger_id = ledger_id, .member_id = record->member_id, .nonce = record->nonce,
		.payload_hash = record->has_payload ? record->payload_hash : NULL,
		.payload_size = record->payload_size,
		.payload_type = tally_bytes_str(tally_type_name(record->type)),
	};
	struct tally_buf data = { 0 };

	if (record->has_data)
		tally_data_encode(record, &data);
	statement.data = tally_buf_bytes(&data);
	tally_statement_format(&statement, buf);
	tally_buf_free(&data);
}

const struct tally_field *tally_field_find(const struct tally_record *record, const char *name)
{
	for (size_t i = 0; i < record->field_count; i++)
		if (tally_bytes_is(record->fields[i].name, name))
			return &record->fields[i];
	return NULL;
}

struct tally_bytes tally_field_text(const struct tally_record *record, const char *name)
{
	const struct tally_field *field = tally_field_find(record, name);

	return field != NULL && field->kind == FIELD_TEXT ? field->text : TALLY_BYTES_NONE;
}

uint64_t tally_field_number(const struct tally_record *record, const char *name, uint64_t absent)
{
	const struct tally_field *field = tally_field_find(record, name);

	return field != NULL && field->kind != FIELD_TEXT ? field->number : absent;
}

/* ---- payload slot ---- */

void tally_payload_head_encode(const struct tally_payload_slot *slot, struct tally_buf *buf)
{
	tally_buf_add_u8(buf, SLOT_VERSION);
	tally_buf_add(buf, slot->salt, TALLY_SALT_SIZE);
	tally_buf_add_varint(buf, slot->evidence.size);
	if (slot->evidence.size > 0) {
		tally_buf_add(buf, slot->evidence_salt, TALLY_SALT_SIZE);
		tally_buf_add_bytes(buf, slot->evidence);
	}
}

int tally_payload_slot_decode(struct tally_bytes bytes, struct tally_payload_slot *slot_r,
			      struct tally_err *err)
{
	struct tally_reader reader = tally_reader(bytes);
	uint8_t version = tally_read_u8(&reader);
	uint64_t evidence;

	*slot_r = (struct tally_payload_slot){ 0 };
	if (version != SLOT_VERSION && !reader.failed)
		return tally_err_set(err, TALLY_UNSUPPORTED,
				     "payload slot version %u, this program reads %u", version,
				     SLOT_VERSION);
	read_digest(&reader, slot_r->salt);
	evidence = tally_read_varint(&reader);
	if (evidence > 0) {
		read_digest(&reader, slot_r->evidence_salt);
		slot_r->evidence = tally_read_bytes(&reader, evidence);
	}
	slot_r->payload = tally_read_bytes(&reader, tally_reader_left(&reader));
	if (reader.failed)
		return tally_err_set(err, TALLY_CORRUPT, "malformed payload slot");
	return 0;
}

void tally_payload_hash(const uint8_t salt[TALLY_SALT_SIZE], struct tally_bytes payload,
			uint8_t hash_r[TALLY_HASH_SIZE])
{
	struct tally_sha256 sha;

	tally_sha256_init(&sha);
	tally_sha256_add(&sha, salt, TALLY_SALT_SIZE);
	tally_sha256_add(&sha, payload.data, payload.size);
	tally_sha256_end(&sha, hash_r);
}

int tally_payload_slot_check(const struct tally_record *record, struct tally_bytes bytes,
			     struct tally_payload_slot *slot_r, struct tally_err *err)
{
	uint8_t hash[TALLY_HASH_SIZE];

	if (tally_payload_slot_decode(bytes, slot_r, err) != 0)
		return -1;
	tally_payload_hash(slot_r->salt, slot_r->payload, hash);
	if (slot_r->payload.size != record->payload_size ||
	    memcmp(hash, record->payload_hash, TALLY_HASH_SIZE) != 0)
		return tally_err_set(err, TALLY_CORRUPT, "payload does not match its hash");
	if (record->has_evidence != (slot_r->evidence.size > 0))
		return tally_err_set(err, TALLY_CORRUPT, "evidence without its hash, or the reverse");
	if (!record->has_evidence)
		return 0;
	tally_evidence_hash(slot_r->evidence_salt, slot_r->evidence, hash);
	if (memcmp(hash, record->evidence_hash, TALLY_HASH_SIZE) != 0)
		return tally_err_set(err, TALLY_CORRUPT, "evidence does not match its hash");
	return 0;
}

/* ---- envelope ---- */

void tally_envelope_encode(const struct tally_envelope *envelope, struct tally_buf *buf)
{
	if (!envelope->has_token && !envelope->has_nonce && !envelope->has_request &&
	    !envelope->has_signed)
		return;
	tally_buf_add_u8(buf, ENVELOPE_VERSION);
	tally_buf_add_u8(buf, (uint8_t)((envelope->has_token ? HAS_TOKEN : 0) |
					(envelope->has_nonce ? HAS_NONCE : 0) |
					(envelope->has_request ? HAS_REQUEST : 0) |
					(envelope->has_signed ? HAS_SIGNED : 0)));
	if (envelope->has_token)
		tally_buf_add(buf, envelope->token, TALLY_DIGEST_SIZE);
	if (envelope->has_nonce) {
		tally_buf_add(buf, envelope->nonce, TALLY_DIGEST_SIZE);
		tally_buf_add_u64(buf, envelope->nonce_until_ms);
	}
	if (envelope->has_request)
		tally_buf_add(buf, envelope->request, TALLY_DIGEST_SIZE);
	if (envelope->has_signed)
		tally_buf_add(buf, envelope->signed_bytes, TALLY_DIGEST_SIZE);
}

int tally_envelope_decode(struct tally_bytes bytes, struct tally_envelope *envelope_r,
			  struct tally_err *err)
{
	struct tally_reader reader = tally_reader(bytes);
	uint8_t version, flags;

	*envelope_r = (struct tally_envelope){ 0 };
	if (bytes.size == 0)
		return 0;
	version = tally_read_u8(&reader);
	if (version != ENVELOPE_VERSION)
		return tally_err_set(err, TALLY_UNSUPPORTED,
				     "envelope version %u, this program reads %u", version,
				     ENVELOPE_VERSION);
	flags = tally_read_u8(&reader);
	envelope_r->has_token = flags & HAS_TOKEN;
	envelope_r->has_nonce = flags & HAS_NONCE;
	envelope_r->has_request = flags & HAS_REQUEST;
	envelope_r->has_signed = flags & HAS_SIGNED;
	if (envelope_r->has_token)
		read_digest(&reader, envelope_r->token);
	if (envelope_r->has_nonce) {
		read_digest(&reader, envelope_r->nonce);
		envelope_r->nonce_until_ms = tally_read_u64(&reader);
	}
	if (envelope_r->has_request)
		read_digest(&reader, envelope_r->request);
	if (envelope_r->has_signed)
		read_digest(&reader, envelope_r->signed_bytes);
	if (reader.failed || tally_reader_left(&reader) != 0 || flags == 0 ||
	    (flags & ~ENVELOPE_FLAGS) != 0)
		return tally_err_set(err, TALLY_CORRUPT, "malformed envelope");
	return 0;
}
