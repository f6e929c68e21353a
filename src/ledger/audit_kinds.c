/*
 * What a journal of each kind must be at its place: who may write it, whether it has a payload, what
 * it must say, and what it changes of what the replay knows. One row a kind. A kind without a row is
 * in no ledger that this program can answer for.
 */
#include "audit_replay.h"

#include <stdio.h>
#include <stdlib.h>

#include "cert.h"
#include "share.h"

/* Returns what is wrong, or NULL. */
typedef const char *kind_check(struct audit_replay *replay, const struct audit_item *item);

enum kind_payload { PAYLOAD_NEVER, PAYLOAD_ALWAYS, PAYLOAD_MAYBE };

struct kind {
	bool known;
	bool system;			/* in the system ledger, else in all others */
	bool nobody;			/* written by the service: it has no author */
	bool removes;			/* its certificates are by the service, its orders not */
	bool no_data;
	bool shares;			/* its author is an identity of the channel, no member */
	enum kind_payload payload;
	enum tally_permission need;	/* of the author and of every signer */
	kind_check *check;		/* NULL: nothing more */
};

static bool text_copy(char *to, size_t room, struct tally_bytes text)
{
	if (text.size == 0 || text.size >= room)
		return false;
	memcpy(to, text.data, text.size);
	to[text.size] = '\0';
	return true;
}

/* ---- the ledger ---- */

static const char *take_policy(struct audit_replay *replay, const struct tally_record *record)
{
	struct tally_bytes policy = tally_field_text(record, "signatures");

	replay->sign_count = tally_field_number(record, "signatureCount", replay->sign_count);
	if (tally_bytes_is(policy, "off"))
		replay->sign_policy = SIGN_OFF;
	else if (tally_bytes_is(policy, "required"))
		replay->sign_policy = SIGN_REQUIRED;
	else if (tally_bytes_is(policy, "accepted"))
		replay->sign_policy = SIGN_ACCEPTED;
	else if (tally_field_find(record, "signatures") != NULL)
		return "a policy of signatures that is none";
	return NULL;
}

static struct tally_place place_now(const struct audit_replay *replay)
{
	return (struct tally_place){ tally_bytes_str(replay->name), replay->journal,
				     replay->block->header.time_ms };
}

static const char *on_member(struct audit_replay *replay, const struct audit_item *item)
{
	const struct tally_place place = place_now(replay);
	const struct tally_member *member;
	struct tally_hash path, record_hash, value_hash;
	char text[TALLY_STATE_VALUE_MAX];
	const char *wrong = audit_member_change(&replay->members, item, &place, &member);

	if (wrong != NULL)
		return wrong;
	tally_member_hash(member, &record_hash);
	tally_state_path(STATE_MEMBER, tally_bytes_str(member->id), &path);
	if (item->record.type == TYPE_DELETE_MEMBER) {
		audit_change(replay, CHANGE_REMOVE, &path, NULL);
		return NULL;
	}
	tally_state_value_hash(
		tally_bytes(text, tally_state_member_value(replay->journal, &record_hash, text)),
		&value_hash);
	audit_change(replay, CHANGE_PUT, &path, &value_hash);
	return audit_kms_check(replay, item);
}

static const char *on_invite(struct audit_replay *replay, const struct audit_item *item)
{
	return audit_member_invite(&replay->members, &item->record, replay->journal);
}

/* What the system ledger says of this one. */
static const char *fits_store(struct audit_replay *replay, uint64_t owner)
{
	struct audit_common *common = replay->common;
	char origin[300];

	if (!common->has_system)
		return NULL;
	snprintf(origin, sizeof(origin), "%s/%s", common->origin, replay->name);
	if (strcmp(origin, replay->origins[0].name) != 0)
		return "its origin is not that of the store";
	if (strcmp(common->log_key, replay->log_key) != 0)
		return "its log key is not that of the store";
	for (size_t i = 0; i < common->catalogue_count; i++) {
		struct audit_catalogued *row = &common->catalogue[i];

		if (strcmp(row->ledger, replay->name) != 0)
			continue;
		row->there = true;
		if (row->account != owner)
			return "the system ledger says it belongs to another account";
	}
	return NULL;
}

static const char *on_create_ledger(struct audit_replay *replay, const struct audit_item *item)
{
	const struct tally_record *record = &item->record;
	struct tally_bytes type = tally_field_text(record, "ledgerType");
	struct tally_hash log_key;
	const char *wrong;

	if (!tally_bytes_is(type, "KV") && !tally_bytes_is(type, "JOURNAL"))
		return "a ledgerType that is none";
	replay->type = tally_bytes_is(type, "KV") ? LEDGER_KV : LEDGER_JOURNAL;
	if (!audit_origin_add(replay, tally_field_text(record, "origin")))
		return "its origin does not end with its id";
	if (!text_copy(replay->log_key, sizeof(replay->log_key),
		       tally_field_text(record, "logKey")) ||
	    !tally_hex_decode(tally_bytes_str(replay->log_key), log_key.bytes, TALLY_HASH_SIZE))
		return "a malformed log key";
	audit_wants_begin(replay);
	wrong = take_policy(replay, record);
	if (wrong == NULL)
		wrong = audit_removal_policy(replay, item);
	if (wrong == NULL)
		wrong = on_member(replay, item);
	return wrong != NULL ? wrong :
			       fits_store(replay, tally_field_number(record, "ownerAccount", 0));
}

/* A new name for the log: after a store was restored from a copy that is older than what was signed. */
static const char *on_origin(struct audit_replay *replay, const struct tally_record *record)
{
	struct tally_bytes before = tally_field_text(record, "previousOrigin");

	if (!tally_bytes_is(before, replay->origins[replay->origin_count - 1].name))
		return "the name of the log before was another";
	if (!audit_origin_add(replay, tally_field_text(record, "origin")))
		return "its origin does not end with its id";
	return NULL;
}

static const char *on_update_ledger(struct audit_replay *replay, const struct audit_item *item)
{
	const char *wrong = take_policy(replay, &item->record);

	if (wrong == NULL && tally_field_find(&item->record, "origin") != NULL)
		wrong = on_origin(replay, &item->record);
	if (wrong == NULL)
		wrong = audit_access_check(replay, item);
	return wrong != NULL ? wrong : audit_removal_policy(replay, item);
}

static const char *on_delete_ledger(struct audit_replay *replay, const struct audit_item *item)
{
	(void)item;
	replay->deleted = true;
	return NULL;
}

/* ---- journals, keys and values ---- */

static const char *on_custom(struct audit_replay *replay, const struct audit_item *item)
{
	return replay->type == LEDGER_JOURNAL ? audit_limits_check(replay, item) :
						"a KV ledger takes no journals of clients";
}

static const char *on_kv(struct audit_replay *replay, const struct audit_item *item)
{
	struct tally_bytes key = tally_field_text(&item->record, "key");
	bool set = item->record.type == TYPE_KV_SET;
	uint64_t journal;

	if (replay->type != LEDGER_KV)
		return "it is no KV ledger";
	if (key.size == 0 || key.size > TALLY_KV_KEY_MAX)
		return "a key of another length than 1 to 255";
	if (set)
		audit_map_put(&replay->keys, item->key_path.bytes, replay->journal);
	else if (!audit_map_get(&replay->keys, item->key_path.bytes, &journal))
		return "it deletes a key that has no value";
	else
		audit_map_remove(&replay->keys, item->key_path.bytes);
	audit_change(replay, set ? CHANGE_PUT : CHANGE_REMOVE, &item->key_path,
		     set ? &item->value_hash : NULL);
	return audit_limits_check(replay, item);
}

/* ---- the state ---- */

static bool read_state_root(const struct tally_record *record, uint64_t *size_r,
			    struct tally_hash *root_r)
{
	struct tally_buf data = { 0 };
	bool good;

	tally_data_encode(record, &data);
	good = tally_state_root_parse(tally_buf_bytes(&data), size_r, root_r);
	tally_buf_free(&data);
	return good;
}

static const char *on_state_root(struct audit_replay *replay, const struct audit_item *item)
{
	bool wanted = replay->journal >= replay->options->from;
	struct tally_hash said, root;
	char made[65], text[65];
	uint64_t size;

	if (!read_state_root(&item->record, &size, &said))
		return "a malformed state root";
	if (size <= replay->state_size || size > replay->block->header.first ||
	    replay->state_block == replay->block->number + 1)
		return "it does not follow the STATE_ROOT before it";
	replay->state_size = size;
	replay->state_block = replay->block->number + 1;
	if (audit_state_at(replay, size, wanted ? &root : NULL) != 0 || !wanted)
		return NULL;	/* what failed is remembered */
	replay->result.state_roots++;
	if (memcmp(root.bytes, said.bytes, TALLY_HASH_SIZE) == 0)
		return NULL;
	tally_hex_encode(root.bytes, TALLY_HASH_SIZE, made);
	tally_hex_encode(said.bytes, TALLY_HASH_SIZE, text);
	audit_wrong(replay, "state", "the first %llu journals make the state root %s, and it says %s",
		    (unsigned long long)size, made, text);
	return NULL;
}

/* ---- trust points ---- */

static const char *on_trust_point(struct audit_replay *replay, const struct audit_item *item)
{
	return tally_field_number(&item->record, "journalId", UINT64_MAX) < replay->journal ?
		       NULL : "it names a journal that was not there yet";
}

/* ---- the system ledger ---- */

static void time_ledger_of(struct audit_common *common, const uint8_t store_id[16])
{
	struct tally_sha256 sha;
	uint8_t hash[TALLY_HASH_SIZE];
	char hex[65];

	tally_sha256_init(&sha);
	tally_sha256_add(&sha, "tallystick time ledger v1\n", 26);
	tally_sha256_add(&sha, store_id, 16);
	tally_sha256_end(&sha, hash);
	tally_hex_encode(hash, sizeof(hash), hex);
	snprintf(common->time_ledger, sizeof(common->time_ledger), "l-%.25s", hex);
}

static const char *on_create_store(struct audit_replay *replay, const struct audit_item *item)
{
	struct audit_common *common = replay->common;
	const struct tally_record *record = &item->record;
	struct tally_hash log_key;
	uint8_t store_id[16];

	if (!audit_origin_add(replay, tally_field_text(record, "origin")) ||
	    !text_copy(replay->log_key, sizeof(replay->log_key),
		       tally_field_text(record, "logKey")) ||
	    !tally_hex_decode(tally_bytes_str(replay->log_key), log_key.bytes, TALLY_HASH_SIZE) ||
	    !tally_hex_decode(tally_field_text(record, "storeId"), store_id, 16))
		return "it does not say origin, log key and store id";
	audit_wants_begin(replay);
	if (memcmp(store_id, replay->block->header.store_id, 16) != 0)
		return "its store id is not that of its block";
	common->has_system = true;
	memcpy(common->store_id, store_id, 16);
	memcpy(common->origin, replay->origins[0].name, sizeof(common->origin));
	memcpy(common->log_key, replay->log_key, sizeof(common->log_key));
	time_ledger_of(common, store_id);
	return NULL;
}

/* The map's key of a number or a name that stands in a field. */
static void name_of(const struct tally_record *record, const char *field, uint8_t key_r[AUDIT_KEY])
{
	const struct tally_field *found = tally_field_find(record, field);
	uint8_t number[8] = { 0 };

	if (found != NULL && found->kind != FIELD_TEXT)
		tally_put_u64(number, found->number);
	audit_map_key(field, found != NULL && found->kind == FIELD_TEXT ?
				     found->text : tally_bytes(number, 8), key_r);
}

static const char *on_create_account(struct audit_replay *replay, const struct audit_item *item)
{
	uint8_t key[AUDIT_KEY];
	uint64_t known;

	name_of(&item->record, "account", key);
	if (audit_map_get(&replay->accounts, key, &known))
		return "the account is there already";
	audit_map_put(&replay->accounts, key, replay->journal);
	return NULL;
}

static const char *on_account_policy(struct audit_replay *replay, const struct audit_item *item)
{
	uint8_t account[AUDIT_KEY];
	uint64_t known;

	name_of(&item->record, "account", account);
	return audit_map_get(&replay->accounts, account, &known) ?
		       NULL : "a policy of an account that is not there";
}

static const char *on_create_key(struct audit_replay *replay, const struct audit_item *item)
{
	uint8_t account[AUDIT_KEY], key[AUDIT_KEY];
	uint64_t known;

	name_of(&item->record, "account", account);
	name_of(&item->record, "keyId", key);
	if (!audit_map_get(&replay->accounts, account, &known))
		return "a key of an account that is not there";
	if (audit_map_get(&replay->access_keys, key, &known))
		return "the key is there already";
	audit_map_put(&replay->access_keys, key, replay->journal);
	return NULL;
}

/* ENABLE_KEY, DISABLE_KEY, DELETE_KEY: they name the key and the journal that made it. */
static const char *on_key(struct audit_replay *replay, const struct audit_item *item)
{
	uint64_t created = UINT64_MAX;
	uint8_t key[AUDIT_KEY];

	name_of(&item->record, "keyId", key);
	if (!audit_map_get(&replay->access_keys, key, &created) ||
	    tally_field_number(&item->record, "journal", UINT64_MAX) != created)
		return "it names no key that is there";
	if (item->record.type != TYPE_DELETE_KEY)
		return NULL;
	audit_map_remove(&replay->access_keys, key);
	audit_erasures_order(&replay->erasures, created);
	return NULL;
}

static const char *on_add_ledger(struct audit_replay *replay, const struct audit_item *item)
{
	struct audit_common *common = replay->common;
	struct audit_catalogued row = {
		.account = tally_field_number(&item->record, "account", 0),
		.journal = replay->journal,
	};

	if (!text_copy(row.ledger, sizeof(row.ledger), tally_field_text(&item->record, "ledgerId")))
		return "a malformed ledgerId";
	for (size_t i = 0; i < common->catalogue_count; i++)
		if (strcmp(common->catalogue[i].ledger, row.ledger) == 0)
			return "the ledger is listed already";
	if (common->catalogue_count == common->catalogue_room) {
		common->catalogue_room = common->catalogue_room == 0 ? 64 :
							common->catalogue_room * 2;
		common->catalogue = tally_realloc(common->catalogue,
						  common->catalogue_room * sizeof(row));
	}
	common->catalogue[common->catalogue_count++] = row;
	return NULL;
}

/* An account was made a member of a ledger: so that it can be listed, nothing hangs on it. */
static const char *on_join_ledger(struct audit_replay *replay, const struct audit_item *item)
{
	char ledger[TALLY_LEDGER_ID_SIZE + 1];

	(void)replay;
	return text_copy(ledger, sizeof(ledger), tally_field_text(&item->record, "ledgerId")) &&
			       tally_field_number(&item->record, "account", 0) != 0 ?
		       NULL : "a malformed ledgerId or account";
}

/* A name that is taken, or let go of. */
static const char *take_name(struct audit_replay *replay, struct audit_map *map,
			     const struct tally_record *record, const char *field, bool add)
{
	uint8_t key[AUDIT_KEY];
	uint64_t known;

	name_of(record, field, key);
	if (audit_map_get(map, key, &known) == add)
		return add ? "the name is taken already" : "it names none that is there";
	if (add)
		audit_map_put(map, key, replay->journal);
	else
		audit_map_remove(map, key);
	return NULL;
}

static const char *on_org(struct audit_replay *replay, const struct audit_item *item)
{
	bool add = item->record.type == TYPE_ADD_ORG;
	struct tally_cert cert;
	struct tally_err err;

	if (!tally_org_id_valid(tally_field_text(&item->record, "organization")))
		return "a malformed name";
	if (add && tally_cert_anchor(tally_field_text(&item->record, "certificate"), &cert, &err) != 0)
		return "its certificate is that of no CA";
	return take_name(replay, &replay->orgs, &item->record, "organization", add);
}

static const char *on_channel(struct audit_replay *replay, const struct audit_item *item)
{
	bool add = item->record.type == TYPE_ADD_CHANNEL;

	if (!tally_org_id_valid(tally_field_text(&item->record, "channel")))
		return "a malformed name";
	if (add && tally_field_text(&item->record, "ledgerId").size != TALLY_LEDGER_ID_SIZE)
		return "a malformed ledgerId";
	return take_name(replay, &replay->channels, &item->record, "channel", add);
}

/* ---- the table ---- */

static const struct kind kinds[256] = {
	[TYPE_CUSTOM] = { .known = true, .no_data = true, .payload = PAYLOAD_ALWAYS,
			  .need = PERM_APPEND, .check = on_custom },
	[TYPE_CREATE_LEDGER] = { .known = true, .need = PERM_NONE, .check = on_create_ledger },
	[TYPE_UPDATE_LEDGER] = { .known = true, .need = PERM_UPDATE_LEDGER,
				 .check = on_update_ledger },
	[TYPE_DELETE_LEDGER] = { .known = true, .need = PERM_UPDATE_LEDGER,
				 .check = on_delete_ledger },
	[TYPE_CREATE_MEMBER] = { .known = true, .need = PERM_UPDATE_MEMBER, .check = on_member },
	[TYPE_DELETE_MEMBER] = { .known = true, .need = PERM_UPDATE_MEMBER, .check = on_member },
	[TYPE_ENABLE_MEMBER] = { .known = true, .need = PERM_UPDATE_MEMBER, .check = on_member },
	[TYPE_DISABLE_MEMBER] = { .known = true, .need = PERM_UPDATE_MEMBER, .check = on_member },
	[TYPE_INVITE_MEMBERS] = { .known = true, .need = PERM_UPDATE_MEMBER, .check = on_invite },
	[TYPE_UPDATE_MEMBER_KEY] = { .known = true, .need = PERM_UPDATE_SELF, .check = on_member },
	[TYPE_UPDATE_MEMBER_PERMISSIONS] = { .known = true, .need = PERM_UPDATE_MEMBER,
					     .check = on_member },
	[TYPE_SET_TRUST_POINT] = { .known = true, .need = PERM_UPDATE_TRUSTPOINT,
				   .check = on_trust_point },
	[TYPE_CREATE_TIMEANCHOR] = { .known = true, .need = PERM_CREATE_TIMEANCHOR,
				     .check = audit_anchor_check },
	[TYPE_KV_SET] = { .known = true, .payload = PAYLOAD_ALWAYS, .need = PERM_APPEND,
			  .check = on_kv },
	[TYPE_KV_DELETE] = { .known = true, .payload = PAYLOAD_MAYBE, .need = PERM_APPEND,
			     .check = on_kv },
	[TYPE_STATE_ROOT] = { .known = true, .nobody = true, .check = on_state_root },
	[TYPE_DATASHARE] = { .known = true, .shares = true, .payload = PAYLOAD_ALWAYS,
			     .check = audit_share_check },
	[TYPE_OCCULT] = { .known = true, .removes = true, .need = PERM_REMOVE,
			  .check = audit_removal_check },
	[TYPE_PURGE] = { .known = true, .removes = true, .need = PERM_REMOVE,
			 .check = audit_removal_check },
	[TYPE_CREATE_STORE] = { .known = true, .system = true, .nobody = true,
				.payload = PAYLOAD_ALWAYS, .check = on_create_store },
	[TYPE_CREATE_ACCOUNT] = { .known = true, .system = true, .nobody = true,
				  .check = on_create_account },
	[TYPE_CREATE_KEY] = { .known = true, .system = true, .nobody = true,
			      .payload = PAYLOAD_ALWAYS, .check = on_create_key },
	[TYPE_ENABLE_KEY] = { .known = true, .system = true, .nobody = true, .check = on_key },
	[TYPE_DISABLE_KEY] = { .known = true, .system = true, .nobody = true, .check = on_key },
	[TYPE_DELETE_KEY] = { .known = true, .system = true, .nobody = true, .check = on_key },
	[TYPE_SET_ACCOUNT_POLICY] = { .known = true, .system = true, .nobody = true,
				      .check = on_account_policy },
	[TYPE_JOIN_LEDGER] = { .known = true, .system = true, .nobody = true,
			       .check = on_join_ledger },
	[TYPE_ADD_ORG] = { .known = true, .system = true, .nobody = true, .check = on_org },
	[TYPE_REMOVE_ORG] = { .known = true, .system = true, .nobody = true, .check = on_org },
	[TYPE_ADD_CHANNEL] = { .known = true, .system = true, .nobody = true, .check = on_channel },
	[TYPE_REMOVE_CHANNEL] = { .known = true, .system = true, .nobody = true,
				  .check = on_channel },
	[TYPE_ADD_LEDGER] = { .known = true, .system = true, .nobody = true,
			      .check = on_add_ledger },
};

/* ---- what holds for all kinds ---- */

/* The first journal makes the ledger, the last may delete it. */
static const char *check_story(const struct audit_replay *replay, unsigned int type)
{
	bool makes = type == TYPE_CREATE_LEDGER || type == TYPE_CREATE_STORE;

	if (replay->deleted)
		return "it stands behind DELETE_LEDGER";
	if (makes != (replay->journal == 0))
		return makes ? "it is not the first journal" : "the first journal does not make the ledger";
	return NULL;
}

static const char *check_shape(const struct audit_replay *replay, const struct kind *kind,
			       const struct tally_record *record)
{
	if (!kind->known)
		return "a kind of journal that no program writes yet";
	if (kind->system != (replay->result.space == TALLY_SYSTEM_SPACE))
		return "a kind of journal that this ledger does not have";
	if ((kind->payload == PAYLOAD_ALWAYS && !record->has_payload) ||
	    (kind->payload == PAYLOAD_NEVER && record->has_payload))
		return record->has_payload ? "it has a payload" : "it has no payload";
	if (record->has_data == kind->no_data)
		return record->has_data ? "it has data" : "it has no data";
	if (!kind->removes && kind->nobody != (record->member_id.size == 0))
		return kind->nobody ? "it has an author" : "it has no author";
	return kind->nobody && record->signature_count > 0 ? "it is signed" : NULL;
}

/* A member, as the ledger's journals had it then, that might do this. */
static const struct tally_member *check_member(struct audit_replay *replay,
					       const struct kind *kind, struct tally_bytes id,
					       const char *what)
{
	const struct tally_member *member = audit_member_find(&replay->members, id);
	const char *wrong = member == NULL	? "was no member" :
			    !member->enabled	? "was disabled" :
			    !tally_role_may(member->role, kind->need) ? "had no role for that" :
									NULL;

	if (wrong != NULL)
		audit_wrong(replay, what, "%.*s %s", (int)id.size, (const char *)id.data, wrong);
	return member;
}

static void check_signers(struct audit_replay *replay, const struct kind *kind,
			  const struct audit_item *item)
{
	for (size_t i = 0; i < item->signature_count; i++) {
		const struct tally_record_signature *signature = &item->signatures[i];
		const struct tally_member *member = check_member(replay, kind,
								 signature->member_id, "signature");

		if (member != NULL &&
		    (member->key.type != signature->type ||
		     !tally_bytes_equal(tally_bytes(member->key.bytes, member->key.size),
					signature->key)))
			audit_wrong(replay, "signature", "%s had another key then", member->id);
	}
}

static const char *check_policy(const struct audit_replay *replay, const struct kind *kind,
				const struct audit_item *item)
{
	uint64_t needed = replay->sign_count > 1 ? replay->sign_count : 1;

	if (item->form == FORM_UNREAD)
		return NULL;
	if (item->signature_count > 0 && replay->sign_policy == SIGN_OFF && !kind->removes &&
	    tally_field_find(&item->record, "removal") == NULL)
		return "it is signed, and the ledger takes no members' signatures";
	if (kind->need == PERM_APPEND && replay->sign_policy == SIGN_REQUIRED &&
	    item->signature_count < needed)
		return "fewer members signed it than the ledger demands";
	return NULL;
}

/* By this time a ledger's first journal has made its owner a member. Who accepts an invitation is
 * none yet. */
static void check_author(struct audit_replay *replay, const struct kind *kind,
			 const struct audit_item *item)
{
	const char *wrong;

	if (kind->nobody || kind->shares || item->record.type == TYPE_CREATE_LEDGER ||
	    (kind->removes && item->record.member_id.size == 0))
		return;
	if (item->record.type == TYPE_CREATE_MEMBER &&
	    tally_field_find(&item->record, "invitation") != NULL) {
		if (item->form != FORM_UNSIGNED)
			audit_wrong(replay, "signature", "an invitation is accepted by an account");
		return;
	}
	check_member(replay, kind, item->record.member_id, "author");
	check_signers(replay, kind, item);
	wrong = check_policy(replay, kind, item);
	if (wrong != NULL)
		audit_wrong(replay, "policy", "%s", wrong);
}

void audit_kind_check(struct audit_replay *replay, const struct audit_item *item)
{
	const struct kind *kind = &kinds[item->record.type & 255];
	const char *wrong = check_story(replay, item->record.type);

	if (wrong == NULL)
		wrong = check_shape(replay, kind, &item->record);
	if (wrong != NULL) {
		audit_wrong(replay, "story", "%s: %s", tally_type_name(item->record.type), wrong);
		return;
	}
	check_author(replay, kind, item);
	wrong = kind->check != NULL ? kind->check(replay, item) : NULL;
	if (wrong != NULL)
		audit_wrong(replay, "story", "%s: %s", tally_type_name(item->record.type), wrong);
}
