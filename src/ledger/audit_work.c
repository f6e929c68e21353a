/*
 * What can be said of one block without any other: checksums, the leaves, payloads and evidence
 * against their hashes, members' signatures by the keys that stand beside them, time stamps. Which
 * members had which keys, and what follows what, is the replay's.
 */
#include "audit_private.h"

#include <stdio.h>
#include <stdarg.h>

#include "leaf.h"
#include "share_rules.h"
#include "utf8.h"

struct checking {
	const struct audit_work *work;
	struct audit_bench *bench;
	struct audit_block *block;
	struct tally_arena *arena;
	struct audit_note **tail;
	uint64_t journal;		/* at hand */
};

void audit_bench_free(struct audit_bench *bench)
{
	tally_buf_free(&bench->leaf);
	tally_buf_free(&bench->message);
}

__attribute__((format(printf, 4, 0)))
static void note_text(struct checking *c, bool of_journal, const char *what, const char *format,
		      va_list args)
{
	struct audit_note *note = tally_arena_new(c->arena, struct audit_note);

	note->what = what;
	note->of_journal = of_journal;
	note->journal = c->journal;
	vsnprintf(note->text, sizeof(note->text), format, args);
	*c->tail = note;
	c->tail = &note->next;
}

/* Of the whole block. */
__attribute__((format(printf, 3, 4)))
static void note_block(struct checking *c, const char *what, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	note_text(c, false, what, format, args);
	va_end(args);
}

/* Of the journal at hand. */
__attribute__((format(printf, 3, 4)))
static void note(struct checking *c, const char *what, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	note_text(c, true, what, format, args);
	va_end(args);
}

/* ---- record and leaf ---- */

static bool record_read(struct checking *c, const struct tally_block_entry *entry,
			struct tally_bytes bytes, struct audit_item *item)
{
	struct tally_bytes slot;
	struct tally_err err;
	int there = tally_block_slot(entry, bytes, SLOT_RECORD, &slot, &err);

	if (there == 0)
		tally_err_set(&err, TALLY_CORRUPT, "its record is zero");
	if (there == 1 && tally_record_decode(slot, c->arena, &item->record, &err) == 0)
		return true;
	note(c, "record", "%s", err.text);
	return false;
}

static void clues_check(struct checking *c, const struct tally_record *record)
{
	for (size_t i = 0; i < record->clue_count; i++) {
		if (record->clues[i].size == 0 || record->clues[i].size > TALLY_MAX_CLUE)
			note(c, "leaf", "a clue of %zu bytes", record->clues[i].size);
		for (size_t j = 0; j < i; j++)
			if (tally_bytes_equal(record->clues[i], record->clues[j]))
				note(c, "leaf", "a clue stands there twice");
	}
}

static void leaf_make(struct checking *c, struct audit_item *item)
{
	struct tally_place place = { tally_bytes_str(c->block->header.name), c->journal,
				     c->block->header.time_ms };
	struct tally_buf *leaf = &c->bench->leaf;

	tally_buf_clear(leaf);
	tally_leaf_encode(&item->record, &place, leaf);
	if (leaf->size > TALLY_LEAF_MAX)
		note(c, "leaf", "it has %zu bytes", leaf->size);
	tally_leaf_hash(tally_buf_bytes(leaf), &item->leaf);
	clues_check(c, &item->record);
}

/* ---- envelope ---- */

static void envelope_check(struct checking *c, const struct tally_block_entry *entry,
			   struct tally_bytes bytes, struct audit_item *item)
{
	struct tally_envelope *envelope = &item->envelope;
	struct tally_bytes slot;
	struct tally_err err;
	int there = tally_block_slot(entry, bytes, SLOT_ENVELOPE, &slot, &err);

	if (there == 0)
		note(c, "envelope", "its envelope is zero");
	else if (there < 0 || tally_envelope_decode(slot, envelope, &err) != 0)
		note(c, "envelope", "%s", err.text);
	else if (envelope->has_request != (envelope->has_token || envelope->has_nonce))
		note(c, "envelope", "a digest of the request without token or nonce, or the reverse");
}

/* Only what members signed leaves a digest of it. */
static void envelope_of_signed(struct checking *c, const struct audit_item *item)
{
	bool was_signed = item->form == FORM_OWN || item->form == FORM_FOREIGN;
	uint8_t bytes[7 + TALLY_HASH_SIZE] = "signed\n", digest[TALLY_DIGEST_SIZE];

	if (item->form == FORM_UNREAD)
		return;
	if (item->envelope.has_signed != was_signed) {
		note(c, "envelope", was_signed ? "the digest of what was signed is not there" :
						 "a digest of what was signed, but nothing is");
		return;
	}
	if (!was_signed || c->work->digest_key == NULL)
		return;
	memcpy(bytes + 7, item->signed_hash, TALLY_HASH_SIZE);
	tally_keyed_digest(c->work->digest_key, tally_bytes(bytes, sizeof(bytes)), digest);
	if (memcmp(digest, item->envelope.signed_bytes, sizeof(digest)) != 0)
		note(c, "envelope", "the digest of what was signed is of something else");
}

/* ---- signatures ---- */

static bool signature_good(const struct tally_record_signature *signature,
			   struct tally_bytes message)
{
	struct tally_member_key key = { .type = signature->type };

	if (signature->key.size > sizeof(key.bytes))
		return false;
	key.size = (uint8_t)signature->key.size;
	memcpy(key.bytes, signature->key.data, signature->key.size);
	return tally_member_verify(&key, message, signature->bytes.data);
}

static void signatures_check(struct checking *c, struct audit_item *item, struct tally_bytes message)
{
	tally_sha256(message.data, message.size, item->signed_hash);
	if (!tally_bytes_equal(item->record.member_id, item->signatures[0].member_id))
		note(c, "signature", "its author is not who signed it first");
	for (size_t i = 0; i < item->signature_count; i++) {
		const struct tally_record_signature *signature = &item->signatures[i];

		for (size_t j = 0; j < i; j++)
			if (tally_bytes_equal(signature->member_id, item->signatures[j].member_id))
				note(c, "signature", "a member signs it twice");
		if (c->block->light)
			continue;
		c->block->signatures++;
		if (!signature_good(signature, message))
			note(c, "signature", "that of member %.*s does not verify",
			     (int)signature->member_id.size,
			     (const char *)signature->member_id.data);
	}
}

static void own_form(struct checking *c, struct audit_item *item)
{
	const struct tally_record *record = &item->record;

	if (record->nonce.size == 0 || record->nonce.size > TALLY_MAX_NONCE ||
	    !tally_utf8_printable(record->nonce))
		note(c, "signature", "the signer's nonce is not 1 to %d printable characters",
		     TALLY_MAX_NONCE);
	item->form = FORM_OWN;
	item->signatures = record->signatures;
	item->signature_count = record->signature_count;
	tally_buf_clear(&c->bench->message);
	tally_record_statement(record, tally_bytes_str(c->block->header.name), &c->bench->message);
	signatures_check(c, item, tally_buf_bytes(&c->bench->message));
}

/* Does the message that was signed say what the journal says? */
static bool message_agrees(const struct checking *c, const struct audit_item *item,
			   const struct tally_evidence *evidence, const struct tally_txrequest *tx,
			   struct tally_bytes payload)
{
	const struct tally_record *record = &item->record;
	bool same = tally_bytes_is(tx->ledger_id, c->block->header.name) &&
		    tx->clue_count == record->clue_count && tx->annotation.size == 0 &&
		    tx->sender_count == evidence->signature_count &&
		    tally_bytes_equal(tx->client_token, evidence->client_id) &&
		    tally_evidence_agrees(tx, record, payload);

	for (size_t i = 0; same && i < tx->clue_count; i++)
		same = tally_bytes_equal(tx->clues[i], record->clues[i]);
	for (size_t i = 0; same && i < tx->sender_count; i++)
		same = tx->senders[i].type == TX_SENDER_REGULAR &&
		       tally_bytes_equal(tx->senders[i].member_id,
					 evidence->signatures[i].member_id) &&
		       (tx->senders[i].public_key.size == 0 ||
			tally_bytes_equal(tx->senders[i].public_key, evidence->signatures[i].key));
	return same;
}

static void foreign_form(struct checking *c, struct audit_item *item,
			 const struct tally_evidence *evidence, struct tally_bytes payload)
{
	struct tally_txrequest tx;
	struct tally_err err;

	if (item->form == FORM_OWN)
		note(c, "evidence", "it is signed in two forms");
	item->form = FORM_FOREIGN;
	item->signatures = evidence->signatures;
	item->signature_count = evidence->signature_count;
	if (item->record.type == TYPE_DATASHARE) {
		if (!tally_share_says(&item->record, tally_bytes_str(c->block->header.name),
				      evidence->message))
			note(c, "evidence", "what was signed is not what the journal says");
	} else if (tally_txrequest_parse(evidence->message, &tx, &err) != 0) {
		note(c, "evidence", "what was signed: %s", err.text);
	} else if (!message_agrees(c, item, evidence, &tx, payload)) {
		note(c, "evidence", "what was signed is not what the journal says");
	}
	signatures_check(c, item, evidence->message);
}

/* ---- payload and evidence ---- */

static void evidence_check(struct checking *c, struct audit_item *item,
			   const struct tally_payload_slot *slot)
{
	struct tally_evidence evidence;
	struct tally_err err;

	if (tally_evidence_decode(slot->evidence, c->arena, &evidence, &err) != 0)
		note(c, "evidence", "%s", err.text);
	else if (evidence.message.size > 0)
		foreign_form(c, item, &evidence, slot->payload);
	else if (evidence.client_id.size > 256)
		note(c, "evidence", "a ClientId of %zu bytes", evidence.client_id.size);
}

static void payload_there(struct checking *c, struct audit_item *item, struct tally_bytes bytes)
{
	struct tally_payload_slot slot;
	struct tally_err err;
	int result = c->block->light ? tally_payload_slot_decode(bytes, &slot, &err) :
				       tally_payload_slot_check(&item->record, bytes, &slot, &err);

	item->payload = PAYLOAD_THERE;
	if (result != 0) {
		note(c, "payload", "%s", err.text);
		item->form = item->record.has_evidence ? FORM_UNREAD : item->form;
		return;
	}
	if (!c->block->light) {
		c->block->payloads++;
		c->block->payload_bytes += slot.payload.size;
	}
	if (slot.evidence.size > 0)
		evidence_check(c, item, &slot);
}

static void payload_check(struct checking *c, const struct tally_block_entry *entry,
			  struct tally_bytes bytes, struct audit_item *item)
{
	struct tally_bytes slot;
	struct tally_err err;
	int there = tally_block_slot(entry, bytes, SLOT_PAYLOAD, &slot, &err);

	if (there < 0) {
		note(c, "payload", "%s", err.text);
		item->payload = PAYLOAD_UNREAD;
	} else if (item->record.has_payload != (slot.size > 0)) {
		note(c, "payload", slot.size > 0 ? "a payload that its record does not know" :
						   "its payload is not there");
	} else if (there == 0) {
		item->payload = PAYLOAD_ERASED;
	} else if (slot.size > 0) {
		payload_there(c, item, slot);
		return;
	} else {
		item->payload = PAYLOAD_NONE;
	}
	if (item->record.has_evidence && item->form == FORM_UNSIGNED)
		item->form = FORM_UNREAD;
}

/* ---- what the state tree has of it ---- */

static void state_paths(struct checking *c, struct audit_item *item)
{
	const struct tally_record *record = &item->record;
	char text[TALLY_STATE_VALUE_MAX];

	if (record->clue_count > 0) {
		item->clue_paths = tally_arena_alloc(c->arena, record->clue_count *
						     sizeof(*item->clue_paths));
		for (size_t i = 0; i < record->clue_count; i++)
			tally_state_path(STATE_CLUE, record->clues[i], &item->clue_paths[i]);
	}
	if (record->type != TYPE_KV_SET && record->type != TYPE_KV_DELETE)
		return;
	tally_state_path(STATE_KV, tally_field_text(record, "key"), &item->key_path);
	tally_state_value_hash(
		tally_bytes(text, tally_state_kv_value(c->journal, &item->leaf, text)),
		&item->value_hash);
}

/* ---- time stamps ---- */

/* What the journal says beside the token is what stands in the token. */
static bool stamp_agrees(const struct tally_record *record, const struct tally_tsp_info *info)
{
	struct tally_hash digest;

	return tally_hex_decode(tally_field_text(record, "digest"), digest.bytes,
				TALLY_HASH_SIZE) &&
	       memcmp(digest.bytes, info->digest, TALLY_HASH_SIZE) == 0 &&
	       tally_field_number(record, "genTime", UINT64_MAX) == info->time_ms &&
	       tally_field_number(record, "accuracy", UINT64_MAX) == info->accuracy_ms &&
	       tally_bytes_is(tally_field_text(record, "serial"), info->serial) &&
	       tally_bytes_is(tally_field_text(record, "policy"), info->policy) &&
	       tally_bytes_is(tally_field_text(record, "authority"), info->authority);
}

static void stamp_check(struct checking *c, struct audit_item *item)
{
	struct tally_tsp_info *info = tally_arena_new(c->arena, struct tally_tsp_info);
	struct tally_bytes token;
	struct tally_err err;

	if (!tally_base64_decode(c->arena, tally_field_text(&item->record, "token"), &token) ||
	    token.size > TALLY_TSP_MAX)
		note(c, "anchor", "its token is not base64");
	else if (tally_tsp_read(token, info, &err) != 0)
		note(c, "anchor", "its token: %s", err.text);
	else if (!stamp_agrees(&item->record, info))
		note(c, "anchor", "its token says something else than the journal");
	else if (c->work->trust != NULL &&
		 tally_tsp_verify(token, info->digest, c->work->trust, info, &err) != 0)
		note(c, "anchor", "its token does not verify: %s", err.text);
	else
		item->stamp = info;
}

/* ---- the block ---- */

static bool item_check(struct checking *c, const struct tally_block_entry *entry,
		       struct tally_bytes bytes, struct audit_item *item)
{
	if (!record_read(c, entry, bytes, item))
		return false;
	leaf_make(c, item);
	envelope_check(c, entry, bytes, item);
	if (item->record.signature_count > 0)
		own_form(c, item);
	else if (item->record.nonce.size > 0)
		note(c, "record", "a nonce without signatures");
	payload_check(c, entry, bytes, item);
	envelope_of_signed(c, item);
	state_paths(c, item);
	if (item->record.type == TYPE_CREATE_TIMEANCHOR && !c->block->light &&
	    tally_field_find(&item->record, "token") != NULL)
		stamp_check(c, item);
	return true;
}

/* Slots follow each other without a gap, from the first byte of the body to the last: there is no
 * byte in a block that nothing vouches for. */
static bool items_check(struct checking *c)
{
	struct audit_block *block = c->block;
	struct tally_bytes body = {
		block->bytes.data + tally_block_body_place(block->header.count),
		block->header.body_size
	};
	uint64_t at = 0;

	block->items = tally_arena_array(c->arena, struct audit_item, block->header.count);
	for (uint32_t i = 0; i < block->header.count; i++) {
		struct tally_block_entry entry;

		c->journal = block->header.first + i;
		tally_block_entry_read(block->bytes.data + tally_block_table_place(i), &entry);
		if (entry.place != at || entry.size[SLOT_RECORD] > body.size - at ||
		    (uint64_t)tally_block_entry_size(&entry) > body.size - at) {
			note(c, "table", "its slots do not follow those before");
			return false;
		}
		if (!item_check(c, &entry, tally_bytes(body.data + at, body.size - at),
				&block->items[i]))
			return false;
		at += tally_block_entry_size(&entry);
	}
	if (at != body.size)
		note_block(c, "table", "%llu bytes behind the last slot",
			   (unsigned long long)(body.size - at));
	return true;
}

void audit_block_check(const struct audit_work *work, struct audit_bench *bench,
		       struct audit_block *block, struct tally_arena *arena)
{
	struct checking c = { .work = work, .bench = bench, .block = block, .arena = arena,
			      .tail = &block->notes };
	struct tally_err err;

	block->notes = NULL;
	block->readable = false;
	if (tally_block_header_read(block->bytes, &block->header, block->hash, &err) != 0) {
		note_block(&c, "header", "%s", err.text);
		return;
	}
	if (block->bytes.size != tally_block_size(&block->header)) {
		note_block(&c, "header", "it has %zu bytes, and by its header %llu",
			   block->bytes.size,
			   (unsigned long long)tally_block_size(&block->header));
		return;
	}
	block->light = block->header.first + block->header.count <= work->from;
	block->readable = items_check(&c);
}
