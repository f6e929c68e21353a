/*
 * A TxRequest, read and written; the form is in txrequest.h.
 *
 * A message of protobuf is a row of fields, each a tag (number << 3 | wire type) and a value. Both
 * levels here are read by one loop over a table that says which field has which wire type and how
 * often it may come; what is done with a value is a switch by the field's number.
 */
#include "txrequest.h"

#include <assert.h>

#include "buf.h"
#include "err.h"
#include "utf8.h"

#define WIRE_VARINT 0
#define WIRE_BYTES 2
#define TAG(number, wire) ((uint64_t)(number) << 3 | (wire))
#define KEY_SIZE 65

enum check {
	AS_IT_IS,
	TEXT,			/* must be UTF-8 */
	PAYLOAD			/* one of several, of which only one may be there */
};

struct field {
	uint32_t number;	/* 0 ends the table */
	uint8_t wire;
	uint8_t check;
	uint8_t most;		/* how often it may come */
	const char *name;
};

static const struct field request_fields[] = {
	{ 1, WIRE_VARINT, AS_IT_IS, 1, "api_version" },
	{ 2, WIRE_BYTES, TEXT, 1, "ledger_id" },
	{ 3, WIRE_BYTES, TEXT, 1, "client_token" },
	{ 4, WIRE_VARINT, AS_IT_IS, 1, "timestamp_millis" },
	{ 5, WIRE_VARINT, AS_IT_IS, 1, "nonce" },
	{ 6, WIRE_BYTES, TEXT, TALLY_TX_CLUES, "clues" },
	{ 7, WIRE_BYTES, AS_IT_IS, 1, "annotation" },
	{ 8, WIRE_BYTES, AS_IT_IS, TALLY_TX_SENDERS, "senders" },
	{ TX_CUSTOM, WIRE_BYTES, PAYLOAD, 1, "custom_payload" },
	{ TX_KV_GET, WIRE_BYTES, PAYLOAD, 1, "kv_get" },
	{ TX_KV_SET, WIRE_BYTES, PAYLOAD, 1, "kv_set" },
	{ TX_KV_DEL, WIRE_BYTES, PAYLOAD, 1, "kv_del" },
	{ 0 }
};

static const struct field sender_fields[] = {
	{ 1, WIRE_BYTES, TEXT, 1, "member_id" },
	{ 2, WIRE_BYTES, AS_IT_IS, 1, "public_key" },
	{ 3, WIRE_VARINT, AS_IT_IS, 1, "sender_type" },
	{ 0 }
};

static const struct field key_value_fields[] = {
	{ 1, WIRE_BYTES, TEXT, 1, "key" },
	{ 2, WIRE_BYTES, AS_IT_IS, 1, "value" },
	{ 0 }
};

static const struct field key_fields[] = {
	{ 1, WIRE_BYTES, TEXT, 1, "key" },
	{ 0 }
};

#define FIELDS_MAX (sizeof(request_fields) / sizeof(request_fields[0]))

/* ---- reading ---- */

/* A message under way. */
struct message {
	struct tally_reader reader;
	const struct field *fields;
	const char *name;
	uint8_t seen[FIELDS_MAX];	/* of each row of fields, how often */
	bool has_payload;
};

static struct message message(struct tally_bytes bytes, const struct field *fields, const char *name)
{
	return (struct message){ .reader = tally_reader(bytes), .fields = fields, .name = name };
}

/* The row of a tag, counted; NULL, with the reason, for a tag that cannot stand here. */
static const struct field *field_of(struct message *message, uint64_t tag, struct tally_err *err)
{
	const struct field *field = message->fields;

	while (field->number != 0 && field->number != tag >> 3)
		field++;
	if (field->number == 0) {
		tally_err_set(err, TALLY_INVALID, "%s has no field %llu", message->name,
			      (unsigned long long)(tag >> 3));
		return NULL;
	}
	if (field->wire != (tag & 7)) {
		tally_err_set(err, TALLY_INVALID, "%s: wire type %u, not %u", field->name,
			      (unsigned int)tag & 7, field->wire);
		return NULL;
	}
	if (message->seen[field - message->fields] == field->most) {
		tally_err_set(err, TALLY_INVALID, "%s: more than %u", field->name, field->most);
		return NULL;
	}
	message->seen[field - message->fields]++;
	if (field->check == PAYLOAD && message->has_payload) {
		tally_err_set(err, TALLY_INVALID, "%s: a second payload", field->name);
		return NULL;
	}
	message->has_payload |= field->check == PAYLOAD;
	return field;
}

/* 1 with the next field and its value (number or bytes), 0 at the end of the message. */
static int next_field(struct message *message, uint32_t *field_r, uint64_t *number_r,
		      struct tally_bytes *bytes_r, struct tally_err *err)
{
	struct tally_reader *reader = &message->reader;
	const struct field *field;
	uint64_t tag, size;

	if (tally_reader_left(reader) == 0)
		return 0;
	tag = tally_read_varint(reader);
	if (reader->failed)
		return tally_err_set(err, TALLY_INVALID, "%s: a malformed tag", message->name);
	field = field_of(message, tag, err);
	if (field == NULL)
		return -1;
	*number_r = size = tally_read_varint(reader);
	*bytes_r = TALLY_BYTES_NONE;
	if (reader->failed)
		return tally_err_set(err, TALLY_INVALID, "%s: a malformed number", field->name);
	if (field->wire == WIRE_BYTES) {
		if (size > tally_reader_left(reader))
			return tally_err_set(err, TALLY_INVALID, "%s: longer than what is there",
					     field->name);
		*bytes_r = tally_read_bytes(reader, (size_t)size);
		if (field->check == TEXT && !tally_utf8_valid(*bytes_r))
			return tally_err_set(err, TALLY_INVALID, "%s: not UTF-8", field->name);
	}
	*field_r = field->number;
	return 1;
}

static int parse_sender(struct tally_bytes bytes, struct tally_tx_sender *sender_r,
			struct tally_err *err)
{
	struct message part = message(bytes, sender_fields, "a sender");
	struct tally_bytes value;
	uint32_t field;
	uint64_t number;
	int got;

	*sender_r = (struct tally_tx_sender){ 0 };
	while ((got = next_field(&part, &field, &number, &value, err)) == 1) {
		if (field == 1) {
			sender_r->member_id = value;
		} else if (field == 2) {
			if (value.size != 0 && (value.size != KEY_SIZE || value.data[0] != 0x04))
				return tally_err_set(err, TALLY_INVALID,
						     "public_key: not 65 bytes that begin with 04");
			sender_r->public_key = value;
		} else {
			if (number > TX_SENDER_LEDGERC)
				return tally_err_set(err, TALLY_INVALID, "sender_type: unknown");
			sender_r->type = (uint8_t)number;
		}
	}
	if (got == 0 && sender_r->member_id.size == 0)
		return tally_err_set(err, TALLY_INVALID, "a sender without member_id");
	return got;
}

static int parse_key_value(struct tally_bytes bytes, const struct field *fields,
			   struct tally_txrequest *request, struct tally_err *err)
{
	struct message part = message(bytes, fields, "a key-value operation");
	struct tally_bytes value;
	uint32_t field;
	uint64_t number;
	int got;

	while ((got = next_field(&part, &field, &number, &value, err)) == 1) {
		if (field == 1)
			request->key = value;
		else
			request->data = value;
	}
	if (got == 0 && request->key.size == 0)
		return tally_err_set(err, TALLY_INVALID, "a key-value operation without key");
	return got;
}

static int take_field(struct tally_txrequest *request, uint32_t field, uint64_t number,
		      struct tally_bytes value, struct tally_err *err)
{
	switch (field) {
	case 1:
		if (number != 1)
			return tally_err_set(err, TALLY_INVALID, "api_version: not 1");
		return 0;
	case 2:
		request->ledger_id = value;
		return 0;
	case 3:
		request->client_token = value;
		return 0;
	case 4:
		request->timestamp_millis = number;
		return 0;
	case 5:
		request->nonce = number;
		return 0;
	case 6:
		request->clues[request->clue_count++] = value;
		return 0;
	case 7:
		request->annotation = value;
		return 0;
	case 8:
		return parse_sender(value, &request->senders[request->sender_count++], err);
	}
	request->payload = (enum tally_tx_payload)field;
	if (field != TX_CUSTOM)
		return parse_key_value(value, field == TX_KV_SET ? key_value_fields : key_fields,
				       request, err);
	request->data = value;
	return 0;
}

int tally_txrequest_parse(struct tally_bytes bytes, struct tally_txrequest *request_r,
			  struct tally_err *err)
{
	struct message whole = message(bytes, request_fields, "a TxRequest");
	struct tally_bytes value;
	uint32_t field;
	uint64_t number;
	int got;

	*request_r = (struct tally_txrequest){ 0 };
	while ((got = next_field(&whole, &field, &number, &value, err)) == 1)
		if (take_field(request_r, field, number, value, err) < 0)
			return -1;
	if (got < 0)
		return -1;
	if (whole.seen[0] == 0)
		return tally_err_set(err, TALLY_INVALID, "api_version: not 1");
	if (!whole.has_payload)
		return tally_err_set(err, TALLY_INVALID, "there is no payload");
	return 0;
}

/* ---- writing ---- */

static size_t varint_size(uint64_t v)
{
	size_t size = 1;

	while ((v >>= 7) != 0)
		size++;
	return size;
}

/* Bytes that add_bytes and add_number will take for a field of a number below 16. */
static size_t bytes_size(struct tally_bytes bytes)
{
	return bytes.size != 0 ? 1 + varint_size(bytes.size) + bytes.size : 0;
}

static size_t number_size(uint64_t number)
{
	return number != 0 ? 1 + varint_size(number) : 0;
}

static void add_head(struct tally_buf *buf, uint32_t field, size_t size)
{
	tally_buf_add_varint(buf, TAG(field, WIRE_BYTES));
	tally_buf_add_varint(buf, size);
}

static void add_bytes(struct tally_buf *buf, uint32_t field, struct tally_bytes bytes)
{
	if (bytes.size == 0)
		return;
	add_head(buf, field, bytes.size);
	tally_buf_add_bytes(buf, bytes);
}

static void add_number(struct tally_buf *buf, uint32_t field, uint64_t number)
{
	if (number == 0)
		return;
	tally_buf_add_varint(buf, TAG(field, WIRE_VARINT));
	tally_buf_add_varint(buf, number);
}

static void add_sender(struct tally_buf *buf, const struct tally_tx_sender *sender)
{
	add_head(buf, 8, bytes_size(sender->member_id) + bytes_size(sender->public_key) +
		 number_size(sender->type));
	add_bytes(buf, 1, sender->member_id);
	add_bytes(buf, 2, sender->public_key);
	add_number(buf, 3, sender->type);
}

static void add_payload(struct tally_buf *buf, const struct tally_txrequest *request)
{
	struct tally_bytes value = request->payload == TX_KV_SET ? request->data : TALLY_BYTES_NONE;

	if (request->payload == TX_CUSTOM) {
		add_head(buf, TX_CUSTOM, request->data.size);
		tally_buf_add_bytes(buf, request->data);
		return;
	}
	assert(request->payload == TX_KV_GET || request->payload == TX_KV_SET ||
	       request->payload == TX_KV_DEL);
	add_head(buf, request->payload, bytes_size(request->key) + bytes_size(value));
	add_bytes(buf, 1, request->key);
	add_bytes(buf, 2, value);
}

void tally_txrequest_format(const struct tally_txrequest *request, struct tally_buf *buf)
{
	size_t i;

	assert(request->clue_count <= TALLY_TX_CLUES && request->sender_count <= TALLY_TX_SENDERS);
	add_number(buf, 1, 1);
	add_bytes(buf, 2, request->ledger_id);
	add_bytes(buf, 3, request->client_token);
	add_number(buf, 4, request->timestamp_millis);
	add_number(buf, 5, request->nonce);
	for (i = 0; i < request->clue_count; i++) {
		add_head(buf, 6, request->clues[i].size);
		tally_buf_add_bytes(buf, request->clues[i]);
	}
	add_bytes(buf, 7, request->annotation);
	for (i = 0; i < request->sender_count; i++)
		add_sender(buf, &request->senders[i]);
	add_payload(buf, request);
}
