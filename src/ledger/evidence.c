/* Evidence as bytes; see evidence.h. */
#include "evidence.h"

#include "arena.h"
#include "member_key.h"
#include "utf8.h"

#define EVIDENCE_VERSION 1

static void put_short(struct tally_buf *buf, struct tally_bytes bytes)
{
	tally_buf_add_u8(buf, (uint8_t)bytes.size);
	tally_buf_add_bytes(buf, bytes);
}

void tally_evidence_encode(const struct tally_evidence *evidence, struct tally_buf *buf)
{
	if (evidence->message.size == 0) {
		tally_buf_add_bytes(buf, evidence->client_id);
		return;
	}
	tally_buf_add_u8(buf, EVIDENCE_VERSION);
	tally_buf_add_varint(buf, evidence->client_id.size);
	tally_buf_add_bytes(buf, evidence->client_id);
	tally_buf_add_varint(buf, evidence->message.size);
	tally_buf_add_bytes(buf, evidence->message);
	tally_buf_add_u8(buf, (uint8_t)evidence->signature_count);
	for (size_t i = 0; i < evidence->signature_count; i++) {
		const struct tally_record_signature *signature = &evidence->signatures[i];

		put_short(buf, signature->member_id);
		tally_buf_add_u8(buf, signature->type);
		put_short(buf, signature->key);
		tally_buf_add_bytes(buf, signature->bytes);
	}
}

static void read_signatures(struct tally_reader *reader, struct tally_arena *arena,
			    struct tally_evidence *evidence)
{
	uint8_t count = tally_read_u8(reader);
	struct tally_record_signature *signatures;

	if (count == 0 || count > TALLY_MAX_SIGNATURES) {
		reader->failed = true;
		return;
	}
	signatures = tally_arena_array(arena, struct tally_record_signature, count);
	for (size_t i = 0; i < count; i++) {
		signatures[i].member_id = tally_read_bytes(reader, tally_read_u8(reader));
		signatures[i].type = tally_read_u8(reader);
		signatures[i].key = tally_read_bytes(reader, tally_read_u8(reader));
		signatures[i].bytes = tally_read_bytes(reader, TALLY_MEMBER_SIGNATURE);
	}
	evidence->signatures = signatures;
	evidence->signature_count = count;
}

int tally_evidence_decode(struct tally_bytes bytes, struct tally_arena *arena,
			  struct tally_evidence *evidence_r, struct tally_err *err)
{
	struct tally_reader reader = tally_reader(bytes);

	*evidence_r = (struct tally_evidence){ .client_id = bytes };
	if (bytes.size == 0 || bytes.data[0] != EVIDENCE_VERSION)
		return tally_utf8_valid(bytes) ?
			       0 :
			       tally_err_set(err, TALLY_CORRUPT, "malformed evidence");
	tally_read_u8(&reader);
	evidence_r->client_id = tally_read_bytes(&reader, tally_read_varint(&reader));
	evidence_r->message = tally_read_bytes(&reader, tally_read_varint(&reader));
	read_signatures(&reader, arena, evidence_r);
	if (reader.failed || tally_reader_left(&reader) != 0 || evidence_r->message.size == 0 ||
	    !tally_utf8_valid(evidence_r->client_id))
		return tally_err_set(err, TALLY_CORRUPT, "malformed evidence");
	return 0;
}

bool tally_evidence_agrees(const struct tally_txrequest *tx, const struct tally_record *record,
			   struct tally_bytes payload)
{
	switch (record->type) {
	case TYPE_CUSTOM:
		return tx->payload == TX_CUSTOM && tally_bytes_equal(tx->data, payload);
	case TYPE_KV_SET:
		return tx->payload == TX_KV_SET && tally_bytes_equal(tx->data, payload) &&
		       tally_bytes_equal(tx->key, tally_field_text(record, "key"));
	case TYPE_KV_DELETE:
		return tx->payload == TX_KV_DEL &&
		       tally_bytes_equal(tx->key, tally_field_text(record, "key"));
	default:
		return false;
	}
}
