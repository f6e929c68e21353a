/* The members of a ledger as its journals make them, for the replay; see audit_private.h. */
#include "audit_private.h"

#include <stdlib.h>

static bool index_of(const struct audit_members *members, struct tally_bytes id, uint64_t *index_r)
{
	uint8_t key[AUDIT_KEY];

	audit_map_key("member", id, key);
	return audit_map_get(&members->by_id, key, index_r);
}

static struct tally_member *find(struct audit_members *members, struct tally_bytes id)
{
	uint64_t index;

	if (members->count > 0 && tally_bytes_is(id, members->list[members->last].id))
		return &members->list[members->last];
	if (!index_of(members, id, &index))
		return NULL;
	members->last = (size_t)index;
	return &members->list[index];
}

static struct tally_member *find_live(struct audit_members *members, struct tally_bytes id)
{
	struct tally_member *member = find(members, id);

	return member != NULL && member->role != ROLE_NONE ? member : NULL;
}

const struct tally_member *audit_member_find(struct audit_members *members, struct tally_bytes id)
{
	return find_live(members, id);
}

/* ---- keys and accounts: each is one member's ---- */

/* What a journal says of a key: NULL, or what is wrong with it. None where it says nothing. */
static const char *read_key(const struct tally_record *record, struct tally_member_key *key_r)
{
	struct tally_bytes hex = tally_field_text(record, "key");
	enum tally_key_type type = tally_key_type_find(tally_field_text(record, "keyType"));

	*key_r = (struct tally_member_key){ 0 };
	if (hex.size == 0 && tally_field_find(record, "keyType") == NULL)
		return NULL;
	if (type == KEY_TYPE_NONE || hex.size != 2 * tally_key_type_size(type) ||
	    !tally_hex_decode(hex, key_r->bytes, hex.size / 2))
		return "a malformed key";
	key_r->type = (uint8_t)type;
	key_r->size = (uint8_t)(hex.size / 2);
	return NULL;
}

static const char *take_key(struct audit_members *members, const struct tally_member_key *key,
			    uint64_t index)
{
	uint8_t bytes[1 + TALLY_MEMBER_KEY_MAX], name[AUDIT_KEY];
	uint64_t other;

	if (key->type == KEY_TYPE_NONE)
		return NULL;
	bytes[0] = key->type;
	memcpy(bytes + 1, key->bytes, key->size);
	audit_map_key("key", tally_bytes(bytes, 1u + key->size), name);
	if (audit_map_get(&members->by_key, name, &other))
		return "a key that is or was a member's";
	audit_map_put(&members->by_key, name, index);
	return NULL;
}

static void account_name(uint64_t account, uint8_t name_r[AUDIT_KEY])
{
	uint8_t bytes[8];

	tally_put_u64(bytes, account);
	audit_map_key("account", tally_bytes(bytes, 8), name_r);
}

static const char *take_account(struct audit_members *members, uint64_t account, uint64_t index)
{
	uint8_t name[AUDIT_KEY];
	uint64_t other;

	if (account == 0)
		return NULL;
	account_name(account, name);
	if (audit_map_get(&members->by_account, name, &other))
		return "an account that is a member's already";
	audit_map_put(&members->by_account, name, index);
	audit_map_remove(&members->invited, name);
	return NULL;
}

/* A CREATE_MEMBER that accepts an invitation is the new member's own journal. */
static const char *check_invitation(const struct audit_members *members,
				    const struct tally_record *record,
				    const struct tally_member *member)
{
	uint64_t said = tally_field_number(record, "invitation", UINT64_MAX), journal;
	uint8_t name[AUDIT_KEY];

	if (tally_field_find(record, "invitation") == NULL)
		return NULL;
	account_name(member->account, name);
	if (member->account == 0 || !audit_map_get(&members->invited, name, &journal) ||
	    journal != said)
		return "it accepts an invitation that there is none of";
	if (!tally_bytes_is(record->member_id, member->id))
		return "it accepts the invitation of another";
	return member->role == ROLE_READER ? NULL : "who accepts an invitation is a READER";
}

/* ---- changes ---- */

static const char *take(struct audit_members *members, const struct tally_member *member,
			uint64_t index)
{
	const char *wrong = take_account(members, member->account, index);

	return wrong != NULL ? wrong : take_key(members, &member->key, index);
}

static const char *add(struct audit_members *members, const struct tally_member *member,
		       const struct tally_member **member_r)
{
	uint8_t name[AUDIT_KEY];
	const char *wrong;

	if (members->count == members->room) {
		members->room = members->room == 0 ? 16 : members->room * 2;
		members->list = tally_realloc(members->list,
					      members->room * sizeof(*members->list));
	}
	wrong = take(members, member, members->count);
	if (wrong != NULL)
		return wrong;
	audit_map_key("member", tally_bytes_str(member->id), name);
	audit_map_put(&members->by_id, name, members->count);
	members->list[members->count] = *member;
	*member_r = &members->list[members->count++];
	return NULL;
}

static const char *on_ledger(struct audit_members *members, const struct audit_item *item,
			     const struct tally_place *place,
			     const struct tally_member **member_r)
{
	struct tally_member owner = { .role = ROLE_ADMIN, .enabled = true,
				      .create_ms = place->timestamp_ms,
				      .update_ms = place->timestamp_ms };

	owner.account = tally_field_number(&item->record, "ownerAccount", 0);
	tally_member_id_of_account(place->ledger_id, owner.account, owner.id);
	if (!tally_bytes_is(item->record.member_id, owner.id))
		return "the owner's memberId is not that of the account";
	if (!tally_bytes_is(tally_field_text(&item->record, "ownerRole"), "ADMIN"))
		return "the owner is no ADMIN";
	memcpy(members->owner, owner.id, sizeof(owner.id));
	return add(members, &owner, member_r);
}

/* Whom an account's deleted member was, it can be again. */
static const char *add_again(struct audit_members *members, struct tally_member *before,
			     const struct tally_member *member,
			     const struct tally_member **member_r)
{
	const char *wrong;

	if (before->role != ROLE_NONE)
		return "it is a member already";
	if (before->account == 0 || before->account != member->account)
		return "a memberId that was another's";
	wrong = take(members, member, (uint64_t)(before - members->list));
	if (wrong == NULL)
		*before = *member;
	*member_r = before;
	return wrong;
}

static const char *on_create(struct audit_members *members, const struct tally_record *record,
			     const struct tally_place *place,
			     const struct tally_member **member_r)
{
	struct tally_bytes id = tally_field_text(record, "memberId");
	struct tally_member member = { .enabled = true, .create_ms = place->timestamp_ms,
				       .update_ms = place->timestamp_ms,
				       .journal_id = place->journal_id };
	const char *wrong = read_key(record, &member.key);
	struct tally_member *before;

	if (!tally_member_id_valid(id))
		return "a malformed memberId";
	memcpy(member.id, id.data, id.size);
	member.account = tally_field_number(record, "account", 0);
	member.role = tally_role_find(tally_field_text(record, "role"));
	if (member.role == ROLE_NONE)
		return "a role that is none";
	if (member.account == 0 && member.key.type == KEY_TYPE_NONE && wrong == NULL)
		return "a member with neither account nor key";
	if (wrong == NULL)
		wrong = check_invitation(members, record, &member);
	if (wrong != NULL)
		return wrong;
	before = find(members, id);
	return before != NULL ? add_again(members, before, &member, member_r) :
				add(members, &member, member_r);
}

static const char *on_state(struct audit_members *members, unsigned int type,
			    struct tally_member *member)
{
	uint8_t name[AUDIT_KEY];

	if (strcmp(member->id, members->owner) == 0)
		return "the owner stays an enabled ADMIN";
	member->enabled = type == TYPE_ENABLE_MEMBER;
	if (type != TYPE_DELETE_MEMBER)
		return NULL;
	member->role = ROLE_NONE;
	account_name(member->account, name);
	if (member->account != 0)
		audit_map_remove(&members->by_account, name);
	return NULL;
}

static const char *on_role(const struct audit_members *members, const struct tally_record *record,
			   struct tally_member *member)
{
	enum tally_role role = tally_role_find(tally_field_text(record, "role"));

	if (role == ROLE_NONE)
		return "a role that is none";
	if (role != ROLE_ADMIN && strcmp(member->id, members->owner) == 0)
		return "the owner stays ADMIN";
	member->role = role;
	return NULL;
}

/* Unsigned, the journal's author is who asked for it: a member for himself, or an ADMIN. */
static const char *on_key(struct audit_members *members, const struct audit_item *item,
			  struct tally_member *member)
{
	const struct tally_record *record = &item->record;
	const struct tally_member *author = find(members, record->member_id);
	struct tally_member_key key;
	const char *wrong = read_key(record, &key);

	if (wrong == NULL && key.type == KEY_TYPE_NONE)
		wrong = "no key";
	if (wrong == NULL && item->form == FORM_UNSIGNED && author != NULL && author != member &&
	    (author->role != ROLE_ADMIN || strcmp(member->id, members->owner) == 0))
		wrong = "the key of another member, changed by one who must not";
	if (wrong == NULL)
		wrong = take_key(members, &key, (uint64_t)(member - members->list));
	if (wrong == NULL)
		member->key = key;
	return wrong;
}

static const char *on_change(struct audit_members *members, const struct audit_item *item,
			     const struct tally_place *place,
			     const struct tally_member **member_r)
{
	struct tally_member *member = find_live(members,
						tally_field_text(&item->record, "memberId"));
	unsigned int type = item->record.type;
	const char *wrong;

	if (member == NULL)
		return "there is no such member";
	if (type == TYPE_UPDATE_MEMBER_KEY)
		wrong = on_key(members, item, member);
	else if (type == TYPE_UPDATE_MEMBER_PERMISSIONS)
		wrong = on_role(members, &item->record, member);
	else
		wrong = on_state(members, type, member);
	if (wrong != NULL)
		return wrong;
	member->update_ms = place->timestamp_ms;
	member->journal_id = place->journal_id;
	*member_r = member;
	return NULL;
}

const char *audit_member_change(struct audit_members *members, const struct audit_item *item,
				const struct tally_place *place,
				const struct tally_member **member_r)
{
	switch (item->record.type) {
	case TYPE_CREATE_LEDGER:
		return on_ledger(members, item, place, member_r);
	case TYPE_CREATE_MEMBER:
		return on_create(members, &item->record, place, member_r);
	default:
		return on_change(members, item, place, member_r);
	}
}

const char *audit_member_invite(struct audit_members *members, const struct tally_record *record,
				uint64_t journal)
{
	struct tally_bytes rest = tally_field_text(record, "accounts");
	uint64_t account, other, count = 0;
	uint8_t name[AUDIT_KEY];

	for (; count < TALLY_INVITE_MAX && tally_next_u64(&rest, TALLY_ACCOUNT_MAX, &account);
	     count++) {
		account_name(account, name);
		if (audit_map_get(&members->by_account, name, &other))
			return "it invites an account that is a member's";
		if (audit_map_get(&members->invited, name, &other))
			return "it invites an account that is invited";
		audit_map_put(&members->invited, name, journal);
	}
	return count > 0 && rest.size == 0 ? NULL : "a malformed list of accounts";
}

uint64_t audit_members_count(const struct audit_members *members)
{
	uint64_t count = 0;

	for (size_t i = 0; i < members->count; i++)
		count += members->list[i].role != ROLE_NONE;
	return count;
}

void audit_members_free(struct audit_members *members)
{
	audit_map_free(&members->invited);
	free(members->list);
	audit_map_free(&members->by_id);
	audit_map_free(&members->by_account);
	audit_map_free(&members->by_key);
}
