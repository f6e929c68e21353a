/*
 * Shared objects in the audit: each DATASHARE journal is held against the same rules by which it was
 * taken, with the objects as the journals before made them. Of these only hashes and states are kept.
 */
#include "audit_replay.h"

#include "share_rows.h"
#include "share_rules.h"

/* The first 63 bits of a hash: what a map can hold. */
static uint64_t short_hash(struct tally_bytes bytes)
{
	uint8_t hash[TALLY_HASH_SIZE];

	tally_sha256(bytes.data, bytes.size, hash);
	return tally_get_u64(hash) >> 1;
}

static void object_key(enum tally_share_kind kind, struct tally_bytes a, struct tally_bytes b,
		       uint8_t key_r[AUDIT_KEY])
{
	uint8_t name[SHARE_KEY_MAX];

	audit_map_key("object", tally_share_key(kind, a, b, name), key_r);
}

static void party_key(struct tally_bytes creator, struct tally_bytes process, struct tally_bytes did,
		      uint8_t key_r[AUDIT_KEY])
{
	uint8_t name[SHARE_PROCESS_KEY_MAX];
	size_t size = tally_share_process_key(creator, process, name);

	memcpy(name + size, did.data, did.size);
	audit_map_key("party", tally_bytes(name, size + did.size), key_r);
}

/* ---- what the rules ask ---- */

static int see_state(void *ctx, enum tally_share_kind kind, struct tally_bytes a,
		     struct tally_bytes b, enum tally_share_state *state_r, struct tally_err *err)
{
	const struct audit_replay *replay = ctx;
	uint8_t key[AUDIT_KEY];
	uint64_t state = SHARE_NONE;

	(void)err;
	object_key(kind, a, b, key);
	if (!audit_map_get(&replay->shared, key, &state))
		state = SHARE_NONE;
	*state_r = (enum tally_share_state)state;
	return 0;
}

static int see_whose(void *ctx, enum tally_share_kind kind, struct tally_bytes a,
		     struct tally_bytes b, struct tally_bytes did, struct tally_err *err)
{
	const struct audit_replay *replay = ctx;
	uint8_t key[AUDIT_KEY];
	uint64_t whose;

	(void)err;
	object_key(kind, a, b, key);
	return audit_map_get(&replay->share_whose, key, &whose) && whose == short_hash(did);
}

static int see_party(void *ctx, struct tally_bytes creator, struct tally_bytes process,
		     struct tally_bytes did, struct tally_err *err)
{
	const struct audit_replay *replay = ctx;
	uint8_t key[AUDIT_KEY];
	uint64_t value;

	(void)err;
	party_key(creator, process, did, key);
	return audit_map_get(&replay->share_parties, key, &value);
}

/* ---- one journal ---- */

/* A DID is made of its key. */
static bool is_did_of(struct tally_bytes did, const uint8_t point[65])
{
	char made[TALLY_DID_MAX + 1], method[TALLY_DID_MAX + 1];
	const uint8_t *colon = memchr(did.data + 4, ':', did.size - 4);
	size_t size;

	if (colon == NULL || (size = (size_t)(colon - did.data) - 4) > 24)
		return false;
	memcpy(method, did.data + 4, size);
	method[size] = '\0';
	tally_share_did(method, point, made);
	return tally_bytes_is(did, made);
}

static const char *check_register(struct audit_replay *replay, const struct tally_record *record)
{
	struct tally_bytes did = tally_field_text(record, "did");
	uint8_t point[65], key[AUDIT_KEY];
	uint64_t known;

	if (!tally_share_point(record, point))
		return "a malformed public key";
	if (!is_did_of(did, point))
		return "the DID is not that of its key";
	audit_map_key("point", tally_bytes(point, sizeof(point)), key);
	if (audit_map_get(&replay->share_keys, key, &known))
		return "the key has a DID already";
	audit_map_put(&replay->share_keys, key, short_hash(did));
	return NULL;
}

/* By the one key that its author's DID has. */
static const char *check_signature(const struct audit_replay *replay, const struct audit_item *item)
{
	const struct tally_record_signature *signature = item->signatures;
	uint8_t key[AUDIT_KEY];
	uint64_t did;

	if (item->form == FORM_UNREAD)
		return NULL;
	if (item->form != FORM_FOREIGN || item->signature_count != 1 ||
	    signature->type != KEY_TYPE_SECP256R1)
		return "it is not signed by its author alone";
	audit_map_key("point", signature->key, key);
	if (!audit_map_get(&replay->share_keys, key, &did) ||
	    did != short_hash(item->record.member_id))
		return "it is signed with a key that its author does not have";
	return NULL;
}

static const char *check_clues(const struct tally_record *record)
{
	struct tally_bytes clues[SHARE_CLUES];
	struct tally_arena arena;
	const char *wrong = NULL;
	size_t count;

	tally_arena_init(&arena);
	count = tally_share_clues(record, &arena, clues);
	if (count != record->clue_count)
		wrong = "its clues are not its objects";
	for (size_t i = 0; wrong == NULL && i < count; i++)
		if (!tally_bytes_equal(clues[i], record->clues[i]))
			wrong = "its clues are not its objects";
	tally_arena_free(&arena);
	return wrong;
}

static void take_step(struct audit_replay *replay, const struct tally_record *record,
		      const struct tally_share_step *step)
{
	struct tally_bytes a, b, consumer, order, whose;
	uint8_t key[AUDIT_KEY];

	tally_share_parts(record, step->kind, &a, &b);
	object_key(step->kind, a, b, key);
	whose = tally_share_whose(record, step->kind);
	if (whose.size > 0 && (step->from & 1u << SHARE_NONE) != 0)
		audit_map_put(&replay->share_whose, key, short_hash(whose));
	if (step->to != SHARE_SAME)
		audit_map_put(&replay->shared, key, step->to);
	if (step->kind != SHARE_PROCESS)
		return;
	tally_share_parts(record, SHARE_ORDER, &consumer, &order);
	party_key(a, b, consumer, key);
	audit_map_put(&replay->share_parties, key, 1);
}

const char *audit_share_check(struct audit_replay *replay, const struct audit_item *item)
{
	const struct tally_share_world world = { replay, see_state, see_whose, see_party };
	const struct tally_record *record = &item->record;
	struct tally_err err;
	const char *wrong = NULL;

	if (replay->type != LEDGER_JOURNAL)
		return "a KV ledger is no channel";
	if (tally_share_judge(&world, record, &err) != 0) {
		audit_wrong(replay, "story", "DATASHARE: %s", err.text);
		return NULL;
	}
	if (tally_bytes_is(tally_field_text(record, "op"), "register-did"))
		wrong = check_register(replay, record);
	if (wrong == NULL)
		wrong = check_signature(replay, item);
	if (wrong == NULL)
		wrong = check_clues(record);
	if (wrong == NULL)
		wrong = audit_limits_check(replay, item);
	for (const struct tally_share_step *step =
		     tally_share_rule(tally_field_text(record, "op"))->steps; step->kind != 0; step++)
		take_step(replay, record, step);
	return wrong;
}
