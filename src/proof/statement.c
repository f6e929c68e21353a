/* What a member signs, written out; the form is in statement.h. */
#include "statement.h"

#include "hash.h"
#include "jcs.h"

static void add_clues(struct tally_jcs_object *object, const struct tally_statement *statement)
{
	if (statement->clue_count == 0)
		return;
	tally_jcs_name(object, "clues");
	for (size_t i = 0; i < statement->clue_count; i++) {
		tally_buf_add_u8(object->buf, i == 0 ? '[' : ',');
		tally_jcs_string(object->buf, statement->clues[i]);
	}
	tally_buf_add_u8(object->buf, ']');
}

static void add_text(struct tally_jcs_object *object, const char *name, struct tally_bytes text)
{
	if (text.size == 0)
		return;
	tally_jcs_name(object, name);
	tally_jcs_string(object->buf, text);
}

static void add_payload(struct tally_jcs_object *object, const struct tally_statement *statement)
{
	char hex[2 * TALLY_HASH_SIZE + 1];

	if (statement->payload_hash == NULL)
		return;
	tally_hex_encode(statement->payload_hash, TALLY_HASH_SIZE, hex);
	add_text(object, "payloadHash", tally_bytes_str(hex));
	tally_jcs_name(object, "payloadSize");
	tally_jcs_uint(object->buf, statement->payload_size);
}

void tally_statement_format(const struct tally_statement *statement, struct tally_buf *buf)
{
	struct tally_jcs_object object;

	tally_jcs_open(&object, buf);
	add_clues(&object, statement);
	if (statement->data.size != 0) {
		tally_jcs_name(&object, "data");
		tally_buf_add_bytes(buf, statement->data);
	}
	add_text(&object, "ledgerId", statement->ledger_id);
	add_text(&object, "memberId", statement->member_id);
	add_text(&object, "nonce", statement->nonce);
	add_payload(&object, statement);
	add_text(&object, "payloadType", statement->payload_type);
	tally_jcs_name(&object, "v");
	tally_jcs_uint(buf, 1);
	tally_jcs_close(&object);
}
