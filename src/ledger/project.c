/*
 * Projections: what each journal and each block changes in the index tables and in the head. The
 * committer runs them while it builds a block, and a process that opens the store runs the same
 * functions over the blocks after the mark, so both arrive at the same tables.
 */
#include "access.h"
#include "membercache.h"

#include <stddef.h>
#include <stdlib.h>

#include "statetree.h"

struct tally_count {
	char text[64];
	uint32_t count;
};

static struct tally_bytes buf_view(const struct tally_buf *buf)
{
	return tally_buf_bytes(buf);
}

static void put(struct tally_projection *p, uint32_t table, struct tally_bytes key,
		struct tally_bytes value)
{
	tally_overlay_put(p->overlay, p->tag, table, key, value);
}

#define HEAD_CONTENT offsetof(struct tally_head, blocks)

static const uint8_t version_byte[1] = { 1 };

void tally_project_begin(struct tally_projection *p, struct tally_space *space)
{
	struct tally_head *head = tally_malloc(sizeof(*head));

	memset(p, 0, sizeof(*p));
	p->space = space;
	memset(head, 0, sizeof(*head));
	if (space->head != NULL)	/* all behind the count of references, which readers change */
		memcpy((char *)head + HEAD_CONTENT, (char *)space->head + HEAD_CONTENT,
		       sizeof(*head) - HEAD_CONTENT);
	else
		head->anchor_interval_s = TALLY_INTERVAL_UNSET;
	atomic_init(&head->refs, 1);
	p->head = head;
	p->overlay = space->active;
	p->tag = tally_overlay_tag(p->overlay, head->blocks);
	p->first = head->frontier.size;
	p->view = (struct tally_view){ .space = space, .head = space->head, .told = head,
				       .overlay = { space->active, NULL }, .mine = p->tag };
	pthread_mutex_lock(&space->look);	/* a flush may let go of it meanwhile */
	if (space->frozen != NULL)
		p->view.overlay[1] = tally_overlay_ref(space->frozen);
	pthread_mutex_unlock(&space->look);
}

static void count_member(struct tally_projection *p, struct tally_bytes member)
{
	for (size_t i = p->member_count; i-- > 0;) {
		if (tally_bytes_is(member, p->members[i].text)) {
			p->members[i].count++;
			return;
		}
	}
	if (member.size == 0 || member.size >= sizeof(p->members[0].text))
		return;
	if (p->member_count == p->member_room) {
		p->member_room = p->member_room == 0 ? 4 : p->member_room * 2;
		p->members = tally_realloc(p->members, p->member_room * sizeof(*p->members));
	}
	memcpy(p->members[p->member_count].text, member.data, member.size);
	p->members[p->member_count].text[member.size] = '\0';
	p->members[p->member_count++].count = 1;
}

static void copy_text(char *to, size_t room, struct tally_bytes text)
{
	size_t size = text.size < room - 1 ? text.size : room - 1;

	if (size > 0)
		memcpy(to, text.data, size);
	to[size] = '\0';
}

/* ---- digests of tokens and nonces ---- */

static void put_digest(struct tally_projection *p, uint32_t table,
		       const uint8_t digest[TALLY_DIGEST_SIZE], uint64_t journal_id,
		       const uint8_t request[TALLY_DIGEST_SIZE], uint64_t until)
{
	uint8_t value[1 + 8 + 16 + 8], expiry[8 + 1 + 16];

	value[0] = 1;
	tally_put_u64(value + 1, journal_id);
	memcpy(value + 9, request, TALLY_DIGEST_SIZE);
	tally_put_u64(value + 25, until);
	put(p, table, tally_bytes(digest, TALLY_DIGEST_SIZE), tally_bytes(value, sizeof(value)));
	tally_put_u64(expiry, until);
	expiry[8] = (uint8_t)table;
	memcpy(expiry + 9, digest, TALLY_DIGEST_SIZE);
	put(p, TABLE_EXPIRY, tally_bytes(expiry, sizeof(expiry)), tally_bytes(version_byte, 1));
}

/* What members signed is never to be used again, so it is remembered for ever. */
static void put_signed(struct tally_projection *p, const uint8_t digest[TALLY_DIGEST_SIZE],
		       uint64_t journal_id)
{
	uint8_t value[1 + 8] = { 1 };

	tally_put_u64(value + 1, journal_id);
	put(p, TABLE_SIGNED, tally_bytes(digest, TALLY_DIGEST_SIZE),
	    tally_bytes(value, sizeof(value)));
}

/* ---- members ---- */

/* The member as it is after this journal. */
static void put_member(struct tally_projection *p, struct tally_member *member, uint64_t now,
		       uint64_t journal_id)
{
	struct tally_bytes id = tally_bytes_str(member->id);
	uint8_t at[TALLY_MEMBER_ID_SIZE + 8], account[8], key[1 + TALLY_MEMBER_KEY_MAX];
	struct tally_buf *scratch = &p->scratch;

	p->head->members = tally_membercache_change();
	member->update_ms = now;
	member->journal_id = journal_id;
	tally_buf_clear(scratch);
	tally_member_encode(member, p->head->blocks, scratch);
	put(p, TABLE_MEMBER, id, buf_view(scratch));
	memcpy(at, id.data, id.size);
	tally_put_u64(at + id.size, journal_id);
	put(p, TABLE_MEMBER_HISTORY, tally_bytes(at, id.size + 8), buf_view(scratch));
	tally_buf_clear(scratch);
	tally_buf_add_u8(scratch, 1);
	tally_buf_add_bytes(scratch, id);
	tally_put_u64(account, member->account);
	if (member->account != 0)
		put(p, TABLE_MEMBER_BY_ACCOUNT, tally_bytes(account, 8), buf_view(scratch));
	if (member->key.type == KEY_TYPE_NONE)
		return;
	key[0] = member->key.type;
	memcpy(key + 1, member->key.bytes, member->key.size);
	put(p, TABLE_MEMBER_BY_KEY, tally_bytes(key, 1u + member->key.size), buf_view(scratch));
}

/* A key as a journal's data has it; none where it is malformed, which no command writes. */
static void read_key(const struct tally_record *record, struct tally_member_key *key_r)
{
	struct tally_bytes hex = tally_field_text(record, "key");

	*key_r = (struct tally_member_key){ 0 };
	if (hex.size == 0 || hex.size > 2 * sizeof(key_r->bytes) ||
	    !tally_hex_decode(hex, key_r->bytes, hex.size / 2))
		return;
	key_r->type = (uint8_t)tally_key_type_find(tally_field_text(record, "keyType"));
	key_r->size = (uint8_t)(hex.size / 2);
}

static void remove_of_account(struct tally_projection *p, uint32_t table, uint64_t account)
{
	uint8_t key[8];

	tally_put_u64(key, account);
	if (account != 0)
		tally_overlay_remove(p->overlay, p->tag, table, tally_bytes(key, 8));
}

static void on_create_member(struct tally_projection *p, uint64_t id, uint64_t now,
			     const struct tally_record *record)
{
	struct tally_member member = {
		.account = tally_field_number(record, "account", 0),
		.role = tally_role_find(tally_field_text(record, "role")),
		.enabled = true,
		.create_ms = now,
	};

	copy_text(member.id, sizeof(member.id), tally_field_text(record, "memberId"));
	read_key(record, &member.key);
	p->head->member_count++;
	put_member(p, &member, now, id);
	remove_of_account(p, TABLE_INVITATION, member.account);
}

static void on_invite_members(struct tally_projection *p, uint64_t id, uint64_t now,
			      const struct tally_record *record)
{
	struct tally_bytes rest = tally_field_text(record, "accounts");
	uint64_t account;
	uint8_t key[8], value[1 + 8] = { 1 };

	(void)now;
	tally_put_u64(value + 1, id);
	while (tally_next_u64(&rest, TALLY_ACCOUNT_MAX, &account)) {
		tally_put_u64(key, account);
		put(p, TABLE_INVITATION, tally_bytes(key, 8), tally_bytes(value, sizeof(value)));
	}
}

/* The member that a journal is about, as it was before. False: there is none. */
static bool member_before(struct tally_projection *p, const struct tally_record *record,
			  struct tally_member *member_r)
{
	return tally_member_find(&p->view, tally_field_text(record, "memberId"), member_r,
				 &p->failed) == 1;
}

static void on_member_role(struct tally_projection *p, uint64_t id, uint64_t now,
			   const struct tally_record *record)
{
	struct tally_member member;

	if (!member_before(p, record, &member))
		return;
	member.role = tally_role_find(tally_field_text(record, "role"));
	put_member(p, &member, now, id);
}

static void on_member_enabled(struct tally_projection *p, uint64_t id, uint64_t now,
			      const struct tally_record *record)
{
	struct tally_member member;

	if (!member_before(p, record, &member))
		return;
	member.enabled = record->type == TYPE_ENABLE_MEMBER;
	put_member(p, &member, now, id);
}

/* Its keys stay taken, and its history goes on with an entry that says it is gone. */
static void on_delete_member(struct tally_projection *p, uint64_t id, uint64_t now,
			     const struct tally_record *record)
{
	struct tally_member member;

	if (!member_before(p, record, &member))
		return;
	member.role = ROLE_NONE;
	member.enabled = false;
	put_member(p, &member, now, id);
	tally_overlay_remove(p->overlay, p->tag, TABLE_MEMBER, tally_bytes_str(member.id));
	remove_of_account(p, TABLE_MEMBER_BY_ACCOUNT, member.account);
	/* who comes again by this id may bring another key */
	tally_project_kms(p, tally_bytes_str(member.id), record);
	p->head->member_count--;
}

static void on_member_key(struct tally_projection *p, uint64_t id, uint64_t now,
			  const struct tally_record *record)
{
	struct tally_member member;

	if (!member_before(p, record, &member))
		return;
	read_key(record, &member.key);
	put_member(p, &member, now, id);
	tally_project_kms(p, tally_bytes_str(member.id), record);
}

/* ---- keys and values ---- */

static void put_kv(struct tally_projection *p, uint64_t id, const struct tally_record *record,
		   bool removed)
{
	struct tally_bytes key = tally_field_text(record, "key");
	uint8_t at[1 + TALLY_KV_KEY_MAX + 8], history[2 + TALLY_HASH_SIZE] = { 1, removed };

	if (key.size == 0 || key.size > TALLY_KV_KEY_MAX)
		return;
	at[0] = (uint8_t)key.size;
	memcpy(at + 1, key.data, key.size);
	tally_put_u64(at + 1 + key.size, id);
	memcpy(history + 2, p->leaf.bytes, TALLY_HASH_SIZE);
	put(p, TABLE_KV_HISTORY, tally_bytes(at, 1 + key.size + 8),
	    tally_bytes(history, sizeof(history)));
	if (removed) {
		tally_overlay_remove(p->overlay, p->tag, TABLE_KV, tally_bytes(at, 1 + key.size));
		return;
	}
	tally_buf_clear(&p->scratch);
	tally_buf_add_u8(&p->scratch, 1);
	tally_buf_add_u64(&p->scratch, p->head->blocks);
	tally_buf_add_u64(&p->scratch, id);
	tally_buf_add(&p->scratch, p->leaf.bytes, TALLY_HASH_SIZE);
	put(p, TABLE_KV, tally_bytes(at, 1 + key.size), buf_view(&p->scratch));
	put(p, TABLE_KV_NAME, key, tally_bytes(version_byte, 1));
}

static void on_kv_set(struct tally_projection *p, uint64_t id, uint64_t now,
		      const struct tally_record *record)
{
	(void)now;
	put_kv(p, id, record, false);
}

static void on_kv_delete(struct tally_projection *p, uint64_t id, uint64_t now,
			 const struct tally_record *record)
{
	(void)now;
	put_kv(p, id, record, true);
}

static void on_state_root(struct tally_projection *p, uint64_t id, uint64_t now,
			  const struct tally_record *record)
{
	(void)now;
	tally_state_project(p, id, record);
}

/* ---- the ledger ---- */

static void read_policy(struct tally_head *head, const struct tally_record *record)
{
	struct tally_bytes policy = tally_field_text(record, "signatures");

	if (tally_bytes_is(policy, "off"))
		head->sign_policy = SIGN_OFF;
	else if (tally_bytes_is(policy, "required"))
		head->sign_policy = SIGN_REQUIRED;
	else if (policy.size > 0)
		head->sign_policy = SIGN_ACCEPTED;
	head->sign_count = (unsigned int)tally_field_number(record, "signatureCount",
							    head->sign_count);
}

static void read_removal(struct tally_head *head, const struct tally_record *record)
{
	struct tally_bytes policy = tally_field_text(record, "removal");

	if (tally_bytes_is(policy, "off"))
		head->removal_policy = REMOVAL_OFF;
	else if (tally_bytes_is(policy, "admin"))
		head->removal_policy = REMOVAL_ADMIN;
	else if (policy.size > 0)
		head->removal_policy = REMOVAL_DUAL;
}

static void on_create_ledger(struct tally_projection *p, uint64_t id, uint64_t now,
			     const struct tally_record *record)
{
	struct tally_member owner = { .role = ROLE_ADMIN, .enabled = true, .create_ms = now };
	struct tally_head *head = p->head;

	head->status = LEDGER_NORMAL;
	head->type = tally_bytes_is(tally_field_text(record, "ledgerType"), "KV") ? LEDGER_KV :
										    LEDGER_JOURNAL;
	head->public_read = tally_field_number(record, "publicRead", 0) != 0;
	head->owner = tally_field_number(record, "ownerAccount", 0);
	head->create_ms = head->update_ms = now;
	copy_text(head->name, sizeof(head->name), tally_field_text(record, "name"));
	copy_text(head->description, sizeof(head->description),
		  tally_field_text(record, "description"));
	copy_text(head->origin, sizeof(head->origin), tally_field_text(record, "origin"));
	copy_text(head->owner_member, sizeof(head->owner_member), record->member_id);
	memcpy(owner.id, head->owner_member, sizeof(owner.id));
	owner.account = head->owner;
	head->anchor_interval_s = tally_field_number(record, "timeAnchorInterval",
						     TALLY_INTERVAL_UNSET);
	head->member_count = 1;
	read_policy(head, record);
	read_removal(head, record);
	put_member(p, &owner, now, id);
}

static void on_update_ledger(struct tally_projection *p, uint64_t id, uint64_t now,
			     const struct tally_record *record)
{
	struct tally_head *head = p->head;

	head->update_ms = now;
	if (tally_field_find(record, "name") != NULL)
		copy_text(head->name, sizeof(head->name), tally_field_text(record, "name"));
	if (tally_field_find(record, "description") != NULL)
		copy_text(head->description, sizeof(head->description),
			  tally_field_text(record, "description"));
	head->public_read = tally_field_number(record, "publicRead", head->public_read) != 0;
	read_policy(head, record);
	read_removal(head, record);
	head->anchor_interval_s = tally_field_number(record, "timeAnchorInterval",
						     head->anchor_interval_s);
	if (tally_field_find(record, "origin") != NULL)
		copy_text(head->origin, sizeof(head->origin), tally_field_text(record, "origin"));
	tally_project_access(p, id, now, record);
}

static void on_delete_ledger(struct tally_projection *p, uint64_t id, uint64_t now,
			     const struct tally_record *record)
{
	(void)id;
	(void)record;
	p->head->update_ms = now;
	p->head->status = LEDGER_DELETED;
}

/* ---- anchors and trust points ---- */

static bool is_stamp(const struct tally_record *record)
{
	return record->type == TYPE_CREATE_TIMEANCHOR &&
	       tally_field_find(record, "token") != NULL;
}

/* What the service writes by itself about the journals before. */
static bool is_account_of_others(const struct tally_record *record)
{
	return record->type == TYPE_STATE_ROOT || is_stamp(record);
}

static void on_create_timeanchor(struct tally_projection *p, uint64_t id, uint64_t now,
				 const struct tally_record *record)
{
	bool given = !is_stamp(record);
	uint64_t version = tally_field_number(record, "ledgerVersion", 0);
	uint8_t key[8], value[1 + 1 + 8 + 8];

	p->head->anchor_count++;
	if (!given) {
		p->head->has_anchor = true;
		p->head->anchor_journal = id;
		p->head->anchor_version = version;
		p->head->anchor_ms = now;
	}
	tally_put_u64(key, id);
	value[0] = 1;
	value[1] = given;
	tally_put_u64(value + 2, version);
	tally_put_u64(value + 10, given ? tally_field_number(record, "timeStamp", 0) * 1000 :
					  tally_field_number(record, "genTime", 0));
	put(p, TABLE_ANCHOR, tally_bytes(key, sizeof(key)), tally_bytes(value, sizeof(value)));
}

static void on_set_trust_point(struct tally_projection *p, uint64_t id, uint64_t now,
			       const struct tally_record *record)
{
	p->head->has_trust_point = true;
	p->head->trust_point = tally_field_number(record, "journalId", 0);
	p->head->trust_journal = id;
	p->head->trust_ms = now;
}

/* ---- the system ledger ---- */

static void on_create_store(struct tally_projection *p, uint64_t id, uint64_t now,
			    const struct tally_record *record)
{
	(void)id;
	p->head->status = LEDGER_NORMAL;
	p->head->create_ms = p->head->update_ms = now;
	copy_text(p->head->origin, sizeof(p->head->origin), tally_field_text(record, "origin"));
}

static void on_create_account(struct tally_projection *p, uint64_t id, uint64_t now,
			      const struct tally_record *record)
{
	uint8_t key[8];

	(void)id;
	tally_put_u64(key, tally_field_number(record, "account", 0));
	tally_buf_clear(&p->scratch);
	tally_buf_add_u8(&p->scratch, 1);
	tally_buf_add_u64(&p->scratch, now);
	tally_buf_add_bytes(&p->scratch, tally_field_text(record, "name"));
	put(p, TABLE_ACCOUNT, tally_bytes(key, 8), buf_view(&p->scratch));
}

static void put_key(struct tally_projection *p, const struct tally_record *record,
		    enum tally_key_state state)
{
	uint8_t value[1 + 8 + 8 + 1 + 8];

	value[0] = 1;
	tally_put_u64(value + 1, tally_field_number(record, "journal", 0));
	tally_put_u64(value + 9, tally_field_number(record, "account", 0));
	value[17] = (uint8_t)state;
	tally_put_u64(value + 18, tally_field_number(record, "created", 0));
	put(p, TABLE_KEY, tally_field_text(record, "keyId"), tally_bytes(value, sizeof(value)));
}

/* The policy that a journal's data has; without one there is none. */
static void put_policy(struct tally_projection *p, uint32_t table, struct tally_bytes key,
		       const struct tally_record *record)
{
	struct tally_bytes policy = tally_field_text(record, "policy");

	if (policy.size == 0) {
		tally_overlay_remove(p->overlay, p->tag, table, key);
		return;
	}
	tally_buf_clear(&p->scratch);
	tally_buf_add_u8(&p->scratch, 1);
	tally_buf_add_bytes(&p->scratch, policy);
	put(p, table, key, buf_view(&p->scratch));
}

static void on_create_key(struct tally_projection *p, uint64_t id, uint64_t now,
			  const struct tally_record *record)
{
	uint8_t value[1 + 8 + 8 + 1 + 8];

	value[0] = 1;
	tally_put_u64(value + 1, id);
	tally_put_u64(value + 9, tally_field_number(record, "account", 0));
	value[17] = KEY_ACTIVE;
	tally_put_u64(value + 18, now);
	put(p, TABLE_KEY, tally_field_text(record, "keyId"), tally_bytes(value, sizeof(value)));
	put_policy(p, TABLE_KEY_POLICY, tally_field_text(record, "keyId"), record);
}

static void on_account_policy(struct tally_projection *p, uint64_t id, uint64_t now,
			      const struct tally_record *record)
{
	uint8_t key[8];

	(void)id;
	(void)now;
	tally_put_u64(key, tally_field_number(record, "account", 0));
	put_policy(p, TABLE_ACCOUNT_POLICY, tally_bytes(key, 8), record);
}

static void on_enable_key(struct tally_projection *p, uint64_t id, uint64_t now,
			  const struct tally_record *record)
{
	(void)id;
	(void)now;
	put_key(p, record, KEY_ACTIVE);
}

static void on_disable_key(struct tally_projection *p, uint64_t id, uint64_t now,
			   const struct tally_record *record)
{
	(void)id;
	(void)now;
	put_key(p, record, KEY_DISABLED);
}

static void on_delete_key(struct tally_projection *p, uint64_t id, uint64_t now,
			  const struct tally_record *record)
{
	(void)now;
	tally_overlay_remove(p->overlay, p->tag, TABLE_KEY, tally_field_text(record, "keyId"));
	tally_overlay_remove(p->overlay, p->tag, TABLE_KEY_POLICY, tally_field_text(record, "keyId"));
	tally_project_removed(p, id, record->type,
			      tally_field_number(record, "journal", UINT64_MAX));
}

static void on_add_ledger(struct tally_projection *p, uint64_t id, uint64_t now,
			  const struct tally_record *record)
{
	struct tally_bytes ledger = tally_field_text(record, "ledgerId");
	uint8_t value[9];

	(void)id;
	(void)now;
	value[0] = 1;
	tally_put_u64(value + 1, tally_field_number(record, "account", 0));
	put(p, TABLE_CATALOGUE, ledger, tally_bytes(value, 9));
	tally_buf_clear(&p->scratch);
	tally_buf_add(&p->scratch, value + 1, 8);
	tally_buf_add_bytes(&p->scratch, ledger);
	put(p, TABLE_CATALOGUE_BY_ACCOUNT, buf_view(&p->scratch), tally_bytes(version_byte, 1));
}

static void on_join_ledger(struct tally_projection *p, uint64_t id, uint64_t now,
			   const struct tally_record *record)
{
	(void)id;
	(void)now;
	tally_buf_clear(&p->scratch);
	tally_buf_add_u64(&p->scratch, tally_field_number(record, "account", 0));
	tally_buf_add_bytes(&p->scratch, tally_field_text(record, "ledgerId"));
	put(p, TABLE_JOINED, buf_view(&p->scratch), tally_bytes(version_byte, 1));
}

typedef void projector(struct tally_projection *p, uint64_t id, uint64_t now,
		       const struct tally_record *record);

/* Journals that change more than the lists they stand in. */
static projector *const projectors[256] = {
	[TYPE_CREATE_LEDGER] = on_create_ledger,
	[TYPE_UPDATE_LEDGER] = on_update_ledger,
	[TYPE_DELETE_LEDGER] = on_delete_ledger,
	[TYPE_CREATE_MEMBER] = on_create_member,
	[TYPE_DELETE_MEMBER] = on_delete_member,
	[TYPE_ENABLE_MEMBER] = on_member_enabled,
	[TYPE_DISABLE_MEMBER] = on_member_enabled,
	[TYPE_INVITE_MEMBERS] = on_invite_members,
	[TYPE_UPDATE_MEMBER_KEY] = on_member_key,
	[TYPE_UPDATE_MEMBER_PERMISSIONS] = on_member_role,
	[TYPE_KV_SET] = on_kv_set,
	[TYPE_KV_DELETE] = on_kv_delete,
	[TYPE_STATE_ROOT] = on_state_root,
	[TYPE_CREATE_TIMEANCHOR] = on_create_timeanchor,
	[TYPE_SET_TRUST_POINT] = on_set_trust_point,
	[TYPE_DATASHARE] = tally_project_share,
	[TYPE_OCCULT] = tally_project_occult,
	[TYPE_PURGE] = tally_project_purge,
	[TYPE_CREATE_STORE] = on_create_store,
	[TYPE_CREATE_ACCOUNT] = on_create_account,
	[TYPE_CREATE_KEY] = on_create_key,
	[TYPE_ENABLE_KEY] = on_enable_key,
	[TYPE_DISABLE_KEY] = on_disable_key,
	[TYPE_DELETE_KEY] = on_delete_key,
	[TYPE_ADD_LEDGER] = on_add_ledger,
	[TYPE_SET_ACCOUNT_POLICY] = on_account_policy,
	[TYPE_JOIN_LEDGER] = on_join_ledger,
	[TYPE_ADD_ORG] = tally_project_org,
	[TYPE_REMOVE_ORG] = tally_project_org,
	[TYPE_ADD_CHANNEL] = tally_project_channel,
	[TYPE_REMOVE_CHANNEL] = tally_project_channel,
};

static void add_node(struct tally_projection *p, unsigned int level, uint64_t index,
		     const struct tally_hash *hash)
{
	if (p->nodes[level].size == 0)
		p->node_first[level] = index;
	tally_buf_add(&p->nodes[level], hash->bytes, TALLY_HASH_SIZE);
}

static void add_leaf(struct tally_projection *p, uint64_t journal_id, const struct tally_hash *leaf)
{
	struct tally_hash nodes[TALLY_TREE_MAX_PATH];
	unsigned int count = tally_frontier_append_nodes(&p->head->frontier, leaf, nodes);

	add_node(p, 0, journal_id, leaf);
	for (unsigned int i = 0; i < count; i++)
		add_node(p, i + 1, journal_id >> (i + 1), &nodes[i]);
}

static void put_nodes(struct tally_projection *p)
{
	uint8_t key[9];

	for (unsigned int level = 0; level <= TALLY_TREE_MAX_PATH; level++) {
		if (p->nodes[level].size == 0)
			break;		/* a higher one would have finished this one too */
		key[0] = (uint8_t)level;
		tally_put_u64(key + 1, p->node_first[level]);
		put(p, TABLE_NODES, tally_bytes(key, 9), buf_view(&p->nodes[level]));
	}
}

void tally_project_journal(struct tally_projection *p, uint64_t journal_id, uint64_t time_ms,
			   const struct tally_record *record,
			   const struct tally_envelope *envelope, const struct tally_hash *leaf)
{
	uint8_t key[TALLY_POSTING_KEY_MAX], posting[TALLY_POSTING_VALUE];

	p->leaf = *leaf;
	add_leaf(p, journal_id, leaf);
	tally_posting_value(leaf, posting);
	for (size_t i = 0; i < record->clue_count; i++)
		put(p, TABLE_CLUE,
		    tally_bytes(key, tally_posting_key(record->clues[i], journal_id, key)),
		    tally_bytes(posting, sizeof(posting)));
	if (envelope->has_token)
		put_digest(p, TABLE_TOKEN, envelope->token, journal_id, envelope->request,
			   time_ms + TALLY_TOKEN_MS);
	if (envelope->has_nonce)
		put_digest(p, TABLE_NONCE, envelope->nonce, journal_id, envelope->request,
			   envelope->nonce_until_ms);
	if (envelope->has_signed)
		put_signed(p, envelope->signed_bytes, journal_id);
	if (p->space->id != TALLY_SYSTEM_SPACE && !p->space->shadow)
		tally_changed_journal(&p->changed, journal_id, record, leaf);
	count_member(p, record->member_id);
	p->types[record->type & 255]++;
	if (!is_account_of_others(record))
		p->head->changed = journal_id;
	if (projectors[record->type & 255] != NULL)
		projectors[record->type & 255](p, journal_id, time_ms, record);
}

void tally_project_block(struct tally_projection *p, const struct tally_block_header *header,
			 const uint8_t block_hash[TALLY_HASH_SIZE])
{
	struct tally_head *head = p->head;
	uint8_t first[8], value[1 + 8 + 4 + 8 + 32], count[5];
	uint8_t key[1 + sizeof(p->members[0].text) + 8];

	tally_put_u64(first, header->first);
	put_nodes(p);
	value[0] = 1;
	tally_put_u64(value + 1, header->number);
	tally_put_u32(value + 9, header->count);
	tally_put_u64(value + 13, header->time_ms);
	memcpy(value + 21, block_hash, TALLY_HASH_SIZE);
	put(p, TABLE_LOCATOR, tally_bytes(first, 8), tally_bytes(value, sizeof(value)));
	count[0] = 1;
	for (size_t i = 0; i < p->member_count; i++) {
		size_t size = strlen(p->members[i].text);

		key[0] = (uint8_t)size;
		memcpy(key + 1, p->members[i].text, size);
		tally_put_u64(key + 1 + size, header->first);
		tally_put_u32(count + 1, p->members[i].count);
		put(p, TABLE_BY_MEMBER, tally_bytes(key, 1 + size + 8), tally_bytes(count, 5));
	}
	for (unsigned int type = 0; type < 256; type++) {
		if (p->types[type] == 0)
			continue;
		key[0] = (uint8_t)type;
		tally_put_u64(key + 1, header->first);
		tally_put_u32(count + 1, p->types[type]);
		put(p, TABLE_BY_TYPE, tally_bytes(key, 9), tally_bytes(count, 5));
	}
	head->blocks = header->number + 1;
	head->time_ms = header->time_ms;
	memcpy(head->block_hash, block_hash, TALLY_HASH_SIZE);
	memcpy(head->root.bytes, header->root, TALLY_HASH_SIZE);
}

static void project_end(struct tally_projection *p)
{
	for (unsigned int level = 0; level <= TALLY_TREE_MAX_PATH; level++)
		tally_buf_free(&p->nodes[level]);
	tally_buf_free(&p->scratch);
	tally_buf_free(&p->changed);
	tally_state_end(p);
	tally_overlay_unref(p->view.overlay[1]);
	free(p->members);
}

void tally_project_commit(struct tally_projection *p)
{
	struct tally_space *space = p->space;
	struct tally_head *old;

	tally_state_committed(p);
	if (p->erases)		/* and again below: a run may come in between and see nothing */
		tally_erase_note(space);
	atomic_store_explicit(&p->tag->state, TAG_COMMITTED, memory_order_release);
	pthread_mutex_lock(&space->look);
	old = space->head;
	space->head = p->head;
	pthread_mutex_unlock(&space->look);
	if (p->erases)
		tally_erase_note(space);
	if (p->certifies)
		__atomic_store_n(&space->certify_due, true, __ATOMIC_RELEASE);
	tally_head_unref(old);
	project_end(p);
}

void tally_project_drop(struct tally_projection *p)
{
	atomic_store_explicit(&p->tag->state, TAG_DROPPED, memory_order_release);
	tally_head_unref(p->head);
	project_end(p);
}
