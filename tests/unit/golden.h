/* The journals of tests/golden/leaf.json as records, slots and envelopes. */
#ifndef TALLY_TEST_GOLDEN_H
#define TALLY_TEST_GOLDEN_H

#include "arena.h"
#include "record.h"
#include "vectors.h"

struct golden_journal {
	const char *what;
	struct tally_record record;
	struct tally_payload_slot slot;
	struct tally_envelope envelope;
	struct tally_place place;
	struct json_object *object;	/* the rest: what must come out */
};

static inline struct json_object *golden_maybe(struct json_object *object, const char *name)
{
	struct json_object *member = NULL;

	json_object_object_get_ex(object, name, &member);
	return member;
}

static inline struct tally_bytes golden_text(struct json_object *text)
{
	return text != NULL ? tally_bytes(json_object_get_string(text),
					  (size_t)json_object_get_string_len(text)) :
			      TALLY_BYTES_NONE;
}

/* Bytes from a member in hex, in the arena. */
static inline struct tally_bytes golden_hex(struct json_object *object, const char *name,
					    struct tally_arena *arena)
{
	struct tally_bytes text = golden_text(vectors_member(object, name));
	uint8_t *data = tally_arena_alloc(arena, text.size / 2 + 1);

	vectors_hex((const char *)text.data, data, text.size / 2);
	return tally_bytes(data, text.size / 2);
}

static inline void golden_clues(struct golden_journal *journal, struct tally_arena *arena)
{
	struct json_object *list = golden_maybe(journal->object, "clues");
	size_t count = list != NULL ? json_object_array_length(list) : 0;
	struct tally_bytes *clues = tally_arena_array(arena, struct tally_bytes, count + 1);

	for (size_t i = 0; i < count; i++)
		clues[i] = golden_text(json_object_array_get_idx(list, i));
	journal->record.clues = clues;
	journal->record.clue_count = (uint8_t)count;
}

static inline struct tally_field golden_field(const char *name, struct json_object *value)
{
	struct tally_field field = { .name = tally_bytes_str(name) };

	switch (json_object_get_type(value)) {
	case json_type_string:
		field.kind = FIELD_TEXT;
		field.text = golden_text(value);
		break;
	case json_type_boolean:
		field.kind = FIELD_BOOL;
		field.number = json_object_get_boolean(value) != 0;
		break;
	default:
		field.kind = FIELD_UINT;
		field.number = (uint64_t)json_object_get_int64(value);
	}
	return field;
}

static inline void golden_data(struct golden_journal *journal, struct tally_arena *arena)
{
	struct json_object *data = golden_maybe(journal->object, "data");
	struct tally_record *record = &journal->record;
	struct tally_field *fields;

	if (data == NULL)
		return;
	fields = tally_arena_array(arena, struct tally_field, TALLY_MAX_FIELDS);
	record->has_data = true;
	record->fields = fields;
	json_object_object_foreach(data, name, value)
		fields[record->field_count++] = golden_field(name, value);
}

static inline void golden_payload(struct golden_journal *journal, struct tally_arena *arena)
{
	struct json_object *text = golden_maybe(journal->object, "payload");
	struct json_object *base64 = golden_maybe(journal->object, "payloadBase64");
	struct tally_payload_slot *slot = &journal->slot;
	struct tally_record *record = &journal->record;

	if (text == NULL && base64 == NULL)
		return;
	slot->payload = golden_text(text);
	if (base64 != NULL && !tally_base64_decode(arena, golden_text(base64), &slot->payload))
		exit(99);
	vectors_hex(vectors_text(journal->object, "salt"), slot->salt, TALLY_SALT_SIZE);
	record->has_payload = true;
	record->payload_size = slot->payload.size;
	tally_payload_hash(slot->salt, slot->payload, record->payload_hash);
	slot->evidence = golden_text(golden_maybe(journal->object, "evidence"));
	if (slot->evidence.size == 0)
		return;
	vectors_hex(vectors_text(journal->object, "evidenceSalt"), slot->evidence_salt,
		    TALLY_SALT_SIZE);
	record->has_evidence = true;
	tally_evidence_hash(slot->evidence_salt, slot->evidence, record->evidence_hash);
}

static inline bool golden_digest(struct json_object *object, const char *name,
				 uint8_t digest_r[TALLY_DIGEST_SIZE])
{
	struct json_object *text = golden_maybe(object, name);

	if (text != NULL)
		vectors_hex(json_object_get_string(text), digest_r, TALLY_DIGEST_SIZE);
	return text != NULL;
}

static inline void golden_envelope(struct golden_journal *journal)
{
	struct json_object *object = golden_maybe(journal->object, "envelope");
	struct tally_envelope *envelope = &journal->envelope;

	if (object == NULL)
		return;
	envelope->has_token = golden_digest(object, "token", envelope->token);
	envelope->has_nonce = golden_digest(object, "nonce", envelope->nonce);
	envelope->has_request = golden_digest(object, "request", envelope->request);
	if (envelope->has_nonce)
		envelope->nonce_until_ms = vectors_number(object, "nonceUntil");
}

/* Everything borrows from golden and arena. */
static inline struct golden_journal golden_journal(struct json_object *golden, size_t index,
						   struct tally_arena *arena)
{
	struct golden_journal journal = {
		.object = json_object_array_get_idx(vectors_member(golden, "journals"), index) };
	struct json_object *object = journal.object;

	journal.what = vectors_text(object, "what");
	journal.record.type = tally_type_number(vectors_bytes(object, "type"));
	journal.record.member_id = golden_text(golden_maybe(object, "memberId"));
	golden_clues(&journal, arena);
	golden_data(&journal, arena);
	golden_payload(&journal, arena);
	golden_envelope(&journal);
	journal.place = (struct tally_place){ vectors_bytes(golden, "ledgerId"),
					      vectors_number(object, "journalId"),
					      vectors_number(object, "timestamp") };
	return journal;
}

static inline size_t golden_count(struct json_object *golden, const char *list)
{
	return json_object_array_length(vectors_member(golden, list));
}

#endif
