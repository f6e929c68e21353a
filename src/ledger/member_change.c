/* How members change: each command brings one journal, decided against the state of its block. */
#include "access.h"

#include <stdio.h>

/* ---- ids and fields ---- */

#define TEXT(field, value) ((struct tally_field){ TALLY_BYTES_LIT(field), FIELD_TEXT, value, 0 })
#define UINT(field, value) \
	((struct tally_field){ TALLY_BYTES_LIT(field), FIELD_UINT, TALLY_BYTES_NONE, value })

static void make_id(const char *label, struct tally_bytes ledger_id, struct tally_bytes of,
		    char id_r[TALLY_MEMBER_ID_SIZE + 1])
{
	struct tally_sha256 sha;
	uint8_t hash[32];
	char hex[65];

	tally_sha256_init(&sha);
	tally_sha256_add(&sha, label, strlen(label));
	tally_sha256_add(&sha, ledger_id.data, ledger_id.size);
	tally_sha256_add(&sha, of.data, of.size);
	tally_sha256_end(&sha, hash);
	tally_hex_encode(hash, 32, hex);
	snprintf(id_r, TALLY_MEMBER_ID_SIZE + 1, "m-%.26s", hex);
}

void tally_member_id_of_account(struct tally_bytes ledger_id, uint64_t account,
				char id_r[TALLY_MEMBER_ID_SIZE + 1])
{
	uint8_t number[8];

	tally_put_u64(number, account);
	make_id("tallystick member v1\n", ledger_id, tally_bytes(number, 8), id_r);
}

/* ---- creating ---- */

/* A change of a member under way: what check() holds against the state. */
struct member_change {
	struct tally_manage manage;
	struct tally_field fields[6];
	char id[TALLY_MEMBER_ID_SIZE + 1];
	char key_text[TALLY_MEMBER_KEY_TEXT];
	uint64_t account;
	enum tally_role role;
	const struct tally_member_key *key;	/* NULL: it stays as it is */
	const struct tally_kms_key *kms;	/* NULL: it was given */
	struct tally_field *invitation;		/* that it accepts: its number is to be filled in */
};

static int take_id(struct member_change *change, struct tally_bytes id, struct tally_err *err)
{
	if (!tally_member_id_valid(id))
		return tally_err_about(err, TALLY_INVALID, "MemberId",
				       "it is m- and 26 lower-case hex digits");
	memcpy(change->id, id.data, id.size);
	return 0;
}

static int no_member(const char *id, struct tally_err *err)
{
	char subject[sizeof(err->subject)];

	snprintf(subject, sizeof(subject), "Member %.28s", id);
	return tally_err_about(err, TALLY_NOTFOUND, subject, "the ledger has no such member");
}

/* A key is one member's, for ever. */
static int check_key(struct tally_build *build, const struct tally_member_key *key,
		     struct tally_err *err)
{
	uint8_t name[1 + TALLY_MEMBER_KEY_MAX];
	struct tally_bytes value;
	int found;

	name[0] = key->type;
	memcpy(name + 1, key->bytes, key->size);
	found = tally_view_get(&build->view, TABLE_MEMBER_BY_KEY, tally_bytes(name, 1u + key->size),
			       &build->arena, &value, err);
	if (found == 1)
		return tally_err_about(err, TALLY_INVALID, "PublicKey",
				       "it is or was the key of a member");
	return found;
}

static int account_is_member(struct tally_build *build, uint64_t account, struct tally_err *err)
{
	struct tally_bytes value;
	uint8_t key[8];

	tally_put_u64(key, account);
	return tally_view_get(&build->view, TABLE_MEMBER_BY_ACCOUNT, tally_bytes(key, 8),
			      &build->arena, &value, err);
}

/* The id of a deleted member stands for the same account again, and for nobody else: journals name
 * their authors by it. */
static int check_id(struct tally_build *build, const struct member_change *change,
		    struct tally_err *err)
{
	struct tally_member before;
	int found = tally_member_last(&build->view, tally_bytes_str(change->id), &before, err);

	if (found == 1 && (before.account == 0 || before.account != change->account))
		return tally_err_about(err, TALLY_INVALID, "MemberId",
				       "it was the id of another member");
	return found < 0 ? -1 : 0;
}

static int check_create(struct tally_build *build, struct tally_manage *manage,
			struct tally_err *err)
{
	struct member_change *change = manage->ctx;
	struct tally_member known;
	int found = tally_member_find(&build->view, tally_bytes_str(change->id), &known, err);

	if (found == 0 && change->account != 0)
		found = account_is_member(build, change->account, err);
	if (found < 0)
		return -1;
	if (found == 1)
		return tally_err_about(err, TALLY_EXISTS, "Member", "it is a member already");
	if (check_id(build, change, err) != 0)
		return -1;
	if (build->head->member_count >= tally_limit_of(build->core, build->head, LIMIT_MEMBERS))
		return tally_err_about(err, TALLY_DENIED, "Member",
				       "the ledger has %llu members, which is its limit",
				       (unsigned long long)build->head->member_count);
	return change->key != NULL ? check_key(build, change->key, err) : 0;
}

static void add_key_fields(struct member_change *change, size_t *count)
{
	if (change->key == NULL)
		return;
	tally_member_key_format(change->key, change->key_text);
	change->fields[(*count)++] = TEXT("key", tally_bytes_str(change->key_text));
	change->fields[(*count)++] =
		TEXT("keyType", tally_bytes_str(tally_key_type_name(change->key->type)));
}

static void begin_change(struct member_change *change, const char *what, unsigned int type,
			 enum tally_permission need,
			 int (*check)(struct tally_build *, struct tally_manage *,
				      struct tally_err *))
{
	change->manage.what = what;
	change->manage.need = need;
	change->manage.check = check;
	change->manage.ctx = change;
	change->manage.prepared.record = (struct tally_record){
		.type = type, .has_data = true, .fields = change->fields };
}

int tally_member_create(struct tally_core *core, const struct tally_write *write,
			struct tally_bytes ledger_id, const struct tally_member_create *create,
			char id_r[TALLY_MEMBER_ID_SIZE + 1], struct tally_err *err)
{
	struct member_change change = { .account = create->account, .role = create->role };
	bool has_key = create->key.type != KEY_TYPE_NONE;
	size_t count = 0;

	if (!has_key && create->account == 0)
		return tally_err_about(err, TALLY_MISSING, "PublicKey",
				       "a member has a key, an account, or both");
	if (create->id.size > 0 && take_id(&change, create->id, err) != 0)
		return -1;
	if (create->id.size == 0 && create->account != 0)
		tally_member_id_of_account(ledger_id, create->account, change.id);
	else if (create->id.size == 0)
		make_id("tallystick member key v1\n", ledger_id,
			tally_bytes(create->key.bytes, create->key.size), change.id);
	begin_change(&change, "create member", TYPE_CREATE_MEMBER, PERM_UPDATE_MEMBER,
		     check_create);
	change.key = has_key ? &create->key : NULL;
	if (create->account != 0)
		change.fields[count++] = UINT("account", create->account);
	add_key_fields(&change, &count);
	change.fields[count++] = TEXT("memberId", tally_bytes_str(change.id));
	change.fields[count++] = TEXT("role", tally_bytes_str(tally_role_name(create->role)));
	change.manage.prepared.record.field_count = (uint8_t)count;
	memcpy(id_r, change.id, sizeof(change.id));
	if (tally_manage_run(core, write, ledger_id, &change.manage, NULL, err) != 0)
		return -1;
	if (create->account != 0)
		tally_catalogue_join(core, ledger_id, create->account);
	return 0;
}

/* ---- role and key ---- */

static int check_role(struct tally_build *build, struct tally_manage *manage, struct tally_err *err)
{
	struct member_change *change = manage->ctx;
	struct tally_member member;
	int found = tally_member_find(&build->view, tally_bytes_str(change->id), &member, err);

	if (found < 1)
		return found < 0 ? -1 : no_member(change->id, err);
	if (change->role != ROLE_ADMIN && strcmp(change->id, build->head->owner_member) == 0)
		return tally_err_about(err, TALLY_INVALID, "Role", "the owner stays ADMIN");
	return 0;
}

int tally_member_set_role(struct tally_core *core, const struct tally_write *write,
			  struct tally_bytes ledger_id, struct tally_bytes member_id,
			  enum tally_role role, struct tally_err *err)
{
	struct member_change change = { .role = role };

	if (take_id(&change, member_id, err) != 0)
		return -1;
	begin_change(&change, "member role", TYPE_UPDATE_MEMBER_PERMISSIONS, PERM_UPDATE_MEMBER,
		     check_role);
	change.fields[0] = TEXT("memberId", tally_bytes_str(change.id));
	change.fields[1] = TEXT("role", tally_bytes_str(tally_role_name(role)));
	change.manage.prepared.record.field_count = 2;
	return tally_manage_run(core, write, ledger_id, &change.manage, NULL, err);
}

/* One's own key, or, for an ADMIN, another's. */
static int check_new_key(struct tally_build *build, struct tally_manage *manage,
			 struct tally_err *err)
{
	struct member_change *change = manage->ctx;
	struct tally_member member;
	int found;

	if (change->id[0] == '\0')
		memcpy(change->id, manage->member.id, sizeof(change->id));
	if (strcmp(change->id, manage->member.id) != 0 && manage->member.role != ROLE_ADMIN)
		return tally_err_about(err, TALLY_DENIED, "Role",
				       "only an ADMIN changes the key of another member");
	/* Else one ADMIN could sign for two where a removal needs the owner and another. */
	if (strcmp(change->id, build->head->owner_member) == 0 &&
	    strcmp(manage->member.id, change->id) != 0)
		return tally_err_about(err, TALLY_DENIED, "Member",
				       "only the owner changes its own key");
	found = tally_member_find(&build->view, tally_bytes_str(change->id), &member, err);
	if (found < 1)
		return found < 0 ? -1 : no_member(change->id, err);
	if (change->kms != NULL && !build->head->service_role)
		return tally_err_about(err, TALLY_DENIED, "ServiceRole",
				       "the ledger's owner has not granted the use of the key store "
				       "(GrantServiceLinkedRole)");
	change->fields[manage->prepared.record.field_count - 1] =
		TEXT("memberId", tally_bytes_str(change->id));
	return check_key(build, change->key, err);
}

static int set_key(struct tally_core *core, const struct tally_write *write,
		   struct tally_bytes ledger_id, struct tally_bytes member_id,
		   const struct tally_member_key *key, const struct tally_kms_key *kms,
		   struct tally_err *err)
{
	struct member_change change = { .key = key, .kms = kms };
	size_t count = 0;

	if (member_id.size > 0 && take_id(&change, member_id, err) != 0)
		return -1;
	begin_change(&change, "member key", TYPE_UPDATE_MEMBER_KEY, PERM_UPDATE_SELF,
		     check_new_key);
	add_key_fields(&change, &count);
	if (kms != NULL)
		change.fields[count++] = TEXT("kmsKeyId", kms->id);
	if (kms != NULL && kms->version.size > 0)
		change.fields[count++] = TEXT("kmsKeyVersion", kms->version);
	change.fields[count++] = TEXT("memberId", tally_bytes_str(change.id));
	change.manage.prepared.record.field_count = (uint8_t)count;
	return tally_manage_run(core, write, ledger_id, &change.manage, NULL, err);
}

int tally_member_set_key(struct tally_core *core, const struct tally_write *write,
			 struct tally_bytes ledger_id, struct tally_bytes member_id,
			 const struct tally_member_key *key, struct tally_err *err)
{
	return set_key(core, write, ledger_id, member_id, key, NULL, err);
}

int tally_member_set_kms_key(struct tally_core *core, const struct tally_write *write,
			     struct tally_bytes ledger_id, struct tally_bytes member_id,
			     const struct tally_member_key *key, const struct tally_kms_key *kms,
			     struct tally_err *err)
{
	if (!tally_kms_key_valid(kms->id, kms->version))
		return tally_err_about(err, TALLY_INVALID, "KMSKeyId",
				       "id and version have up to %d letters, digits, . _ -; a PKCS#11 "
				       "URI has no version", TALLY_ENDPOINT_PART);
	return set_key(core, write, ledger_id, member_id, key, kms, err);
}

/* ---- enabled, disabled, deleted ---- */

static int check_not_owner(struct tally_build *build, struct tally_manage *manage,
			   struct tally_err *err)
{
	struct member_change *change = manage->ctx;
	struct tally_member member;
	int found = tally_member_find(&build->view, tally_bytes_str(change->id), &member, err);

	if (found < 1)
		return found < 0 ? -1 : no_member(change->id, err);
	if (strcmp(change->id, build->head->owner_member) == 0)
		return tally_err_about(err, TALLY_INVALID, "MemberId",
				       "the owner stays an enabled ADMIN, so that the ledger has one");
	return 0;
}

static int change_state(struct tally_core *core, const struct tally_write *write,
			struct tally_bytes ledger_id, struct tally_bytes member_id,
			const char *what, unsigned int type, struct tally_err *err)
{
	struct member_change change = { 0 };

	if (take_id(&change, member_id, err) != 0)
		return -1;
	begin_change(&change, what, type, PERM_UPDATE_MEMBER, check_not_owner);
	change.fields[0] = TEXT("memberId", tally_bytes_str(change.id));
	change.manage.prepared.record.field_count = 1;
	return tally_manage_run(core, write, ledger_id, &change.manage, NULL, err);
}

int tally_member_enable(struct tally_core *core, const struct tally_write *write,
			struct tally_bytes ledger_id, struct tally_bytes member_id, bool enabled,
			struct tally_err *err)
{
	return change_state(core, write, ledger_id, member_id,
			    enabled ? "enable member" : "disable member",
			    enabled ? TYPE_ENABLE_MEMBER : TYPE_DISABLE_MEMBER, err);
}

int tally_member_delete(struct tally_core *core, const struct tally_write *write,
			struct tally_bytes ledger_id, struct tally_bytes member_id,
			struct tally_err *err)
{
	return change_state(core, write, ledger_id, member_id, "delete member", TYPE_DELETE_MEMBER,
			    err);
}

/* ---- invitations ---- */

struct invitation {
	struct tally_manage manage;
	struct tally_field field;
	const uint64_t *accounts;
	size_t count;
};

static int about_account(struct tally_err *err, enum tally_code code, const char *what,
			 uint64_t account, const char *why)
{
	char subject[sizeof(err->subject)];

	snprintf(subject, sizeof(subject), "%s%llu", what, (unsigned long long)account);
	return tally_err_about(err, code, subject, "%s", why);
}

static int check_invite(struct tally_build *build, struct tally_manage *manage,
			struct tally_err *err)
{
	const struct invitation *invitation = manage->ctx;
	uint64_t journal;

	for (size_t i = 0; i < invitation->count; i++) {
		uint64_t account = invitation->accounts[i];
		int found = account_is_member(build, account, err);

		if (found == 1)
			return about_account(err, TALLY_EXISTS, "Member of account ", account,
					     "the account is a member already");
		if (found == 0)
			found = tally_invitation_find(&build->view, account, &journal, err);
		if (found == 1)
			return about_account(err, TALLY_EXISTS, "Invitation of account ", account,
					     "the account is invited already");
		if (found < 0)
			return -1;
	}
	return 0;
}

/* Accounts are never deleted, so what is true here stays so. */
static int check_accounts(struct tally_core *core, const uint64_t *accounts, size_t count,
			  struct tally_err *err)
{
	for (size_t i = 0; i < count; i++) {
		int found = tally_account_exists(core, accounts[i], err);

		if (found < 0)
			return -1;
		if (found == 0)
			return about_account(err, TALLY_NOTFOUND, "Account ", accounts[i],
					     "there is no such account");
		for (size_t j = 0; j < i; j++)
			if (accounts[j] == accounts[i])
				return tally_err_about(err, TALLY_INVALID, "AliUids",
						       "an account stands in it twice");
	}
	return 0;
}

int tally_member_invite(struct tally_core *core, const struct tally_write *write,
			struct tally_bytes ledger_id, const uint64_t *accounts, size_t count,
			struct tally_err *err)
{
	struct invitation invitation = { .accounts = accounts, .count = count };
	struct tally_manage *manage = &invitation.manage;
	struct tally_buf text = { 0 };
	int result;

	if (count == 0 || count > TALLY_INVITE_MAX)
		return tally_err_about(err, TALLY_INVALID, "AliUids", "it has 1 to %d accounts",
				       TALLY_INVITE_MAX);
	if (tally_authorise(core, &write->caller, ledger_id, PERM_UPDATE_MEMBER, err) != 0 ||
	    check_accounts(core, accounts, count, err) != 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		tally_buf_printf(&text, "%s%llu", i > 0 ? "," : "",
				 (unsigned long long)accounts[i]);
	invitation.field = TEXT("accounts", tally_buf_bytes(&text));
	*manage = (struct tally_manage){ .what = "invite members", .need = PERM_UPDATE_MEMBER,
					 .check = check_invite, .ctx = &invitation };
	manage->prepared.record = (struct tally_record){ .type = TYPE_INVITE_MEMBERS,
							 .has_data = true, .field_count = 1,
							 .fields = &invitation.field };
	result = tally_manage_run(core, write, ledger_id, manage, NULL, err);
	tally_buf_free(&text);
	return result;
}

/* The journal is the new member's own. */
static int check_accept(struct tally_build *build, struct tally_manage *manage,
			struct tally_err *err)
{
	struct member_change *change = manage->ctx;
	int found;

	if (check_create(build, manage, err) != 0)
		return -1;
	found = tally_invitation_find(&build->view, change->account, &change->invitation->number,
				      err);
	if (found == 0)
		return tally_err_about(err, TALLY_DENIED, "Invitation",
				       "the account has no open invitation");
	manage->prepared.record.member_id = tally_bytes_str(change->id);
	return found < 0 ? -1 : 0;
}

int tally_member_accept(struct tally_core *core, const struct tally_write *write,
			struct tally_bytes ledger_id, const struct tally_member_key *key,
			char id_r[TALLY_MEMBER_ID_SIZE + 1], struct tally_err *err)
{
	struct member_change change = { .account = write->caller.account, .role = ROLE_READER };
	struct tally_write own = *write;
	size_t count = 0;

	if (change.account == 0)
		return tally_err_about(err, TALLY_MISSING, "Account",
				       "an invitation is accepted by the account that has it");
	own.caller.local = false;	/* not as the owner */
	tally_member_id_of_account(ledger_id, change.account, change.id);
	begin_change(&change, "accept invitation", TYPE_CREATE_MEMBER, PERM_ACCEPT, check_accept);
	change.key = key->type != KEY_TYPE_NONE ? key : NULL;
	change.fields[count++] = UINT("account", change.account);
	change.invitation = &change.fields[count];
	change.fields[count++] = UINT("invitation", 0);
	add_key_fields(&change, &count);
	change.fields[count++] = TEXT("memberId", tally_bytes_str(change.id));
	change.fields[count++] = TEXT("role", tally_bytes_str(tally_role_name(change.role)));
	change.manage.prepared.record.field_count = (uint8_t)count;
	memcpy(id_r, change.id, sizeof(change.id));
	if (tally_manage_run(core, &own, ledger_id, &change.manage, NULL, err) != 0)
		return -1;
	tally_catalogue_join(core, ledger_id, change.account);
	return 0;
}
