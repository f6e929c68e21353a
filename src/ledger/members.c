/* Members and permissions: who a caller is in a ledger, what its role allows, and how that changes. */
#include "access.h"

#include <stdio.h>

#include "jcs.h"

/* The role matrix (spec section 1): which roles have which permission. */
#define R(role) (1u << (role))
static const uint8_t role_matrix[] = {
	[PERM_NONE] = R(ROLE_NONE) | R(ROLE_READER) | R(ROLE_WRITER) | R(ROLE_ADMIN),
	[PERM_ANYONE] = R(ROLE_NONE) | R(ROLE_READER) | R(ROLE_WRITER) | R(ROLE_ADMIN),
	[PERM_VIEW_LEDGER] = R(ROLE_READER) | R(ROLE_WRITER) | R(ROLE_ADMIN),
	[PERM_UPDATE_LEDGER] = R(ROLE_ADMIN),
	[PERM_VIEW_MEMBER] = R(ROLE_READER) | R(ROLE_WRITER) | R(ROLE_ADMIN),
	[PERM_UPDATE_MEMBER] = R(ROLE_ADMIN),
	[PERM_UPDATE_SELF] = R(ROLE_READER) | R(ROLE_WRITER) | R(ROLE_ADMIN),
	[PERM_VIEW_JOURNAL] = R(ROLE_READER) | R(ROLE_WRITER) | R(ROLE_ADMIN),
	[PERM_APPEND] = R(ROLE_WRITER) | R(ROLE_ADMIN),
	[PERM_UPDATE_TRUSTPOINT] = R(ROLE_ADMIN),
	[PERM_VIEW_TRUSTPOINT] = R(ROLE_READER) | R(ROLE_WRITER) | R(ROLE_ADMIN),
	[PERM_CREATE_TIMEANCHOR] = R(ROLE_ADMIN),
	[PERM_VIEW_TIMEANCHOR] = R(ROLE_READER) | R(ROLE_WRITER) | R(ROLE_ADMIN),
	[PERM_REMOVE] = R(ROLE_ADMIN),
	[PERM_VIEW_ACCESS] = R(ROLE_READER) | R(ROLE_WRITER) | R(ROLE_ADMIN),
	[PERM_LOCAL] = 0,
};
#undef R

bool tally_role_may(enum tally_role role, enum tally_permission permission)
{
	return role_matrix[permission] >> role & 1;
}

const char *tally_role_name(enum tally_role role)
{
	static const char *const names[] = { NULL, "READER", "WRITER", "ADMIN" };

	return role <= ROLE_ADMIN ? names[role] : NULL;
}

enum tally_role tally_role_find(struct tally_bytes name)
{
	for (enum tally_role role = ROLE_READER; role <= ROLE_ADMIN; role++)
		if (tally_bytes_is(name, tally_role_name(role)))
			return role;
	return ROLE_NONE;
}

bool tally_member_id_valid(struct tally_bytes id)
{
	if (id.size != TALLY_MEMBER_ID_SIZE || memcmp(id.data, "m-", 2) != 0)
		return false;
	for (size_t i = 2; i < id.size; i++)
		if (!((id.data[i] >= '0' && id.data[i] <= '9') ||
		      (id.data[i] >= 'a' && id.data[i] <= 'f')))
			return false;
	return true;
}

/* ---- a member as bytes ---- */

void tally_member_encode(const struct tally_member *member, uint64_t block, struct tally_buf *buf)
{
	tally_buf_add_u8(buf, 1);
	tally_buf_add_u64(buf, block);
	tally_buf_add_u64(buf, member->account);
	tally_buf_add_u8(buf, (uint8_t)member->role);
	tally_buf_add_u8(buf, member->enabled);
	tally_buf_add_u64(buf, member->create_ms);
	tally_buf_add_u64(buf, member->update_ms);
	tally_buf_add_u64(buf, member->journal_id);
	tally_buf_add_u8(buf, member->key.type);
	tally_buf_add_u8(buf, member->key.size);
	tally_buf_add(buf, member->key.bytes, member->key.size);
}

static bool decode(struct tally_bytes id, struct tally_bytes value, struct tally_member *member_r)
{
	struct tally_reader reader = tally_reader(value);
	bool known = tally_read_u8(&reader) == 1;
	struct tally_bytes key;

	*member_r = (struct tally_member){ 0 };
	tally_read_u64(&reader);
	member_r->account = tally_read_u64(&reader);
	member_r->role = tally_read_u8(&reader);
	member_r->enabled = tally_read_u8(&reader) != 0;
	member_r->create_ms = tally_read_u64(&reader);
	member_r->update_ms = tally_read_u64(&reader);
	member_r->journal_id = tally_read_u64(&reader);
	member_r->key.type = tally_read_u8(&reader);
	member_r->key.size = tally_read_u8(&reader);
	key = tally_read_bytes(&reader, member_r->key.size);
	if (!known || reader.failed || tally_reader_left(&reader) != 0 ||
	    key.size > sizeof(member_r->key.bytes) || id.size >= sizeof(member_r->id) ||
	    member_r->role > ROLE_ADMIN)
		return false;
	if (key.size > 0)
		memcpy(member_r->key.bytes, key.data, key.size);
	memcpy(member_r->id, id.data, id.size);
	return true;
}

void tally_member_json(const struct tally_member *member, struct tally_buf *buf)
{
	char key[TALLY_MEMBER_KEY_TEXT];
	struct tally_jcs_object object;

	tally_jcs_open(&object, buf);
	if (member->account != 0) {
		tally_jcs_name(&object, "account");
		tally_jcs_uint(buf, member->account);
	}
	tally_jcs_name(&object, "enabled");
	tally_buf_add_str(buf, member->enabled ? "true" : "false");
	if (member->key.type != KEY_TYPE_NONE) {
		tally_member_key_format(&member->key, key);
		tally_jcs_name(&object, "key");
		tally_jcs_string(buf, tally_bytes_str(key));
		tally_jcs_name(&object, "keyType");
		tally_jcs_string(buf, tally_bytes_str(tally_key_type_name(member->key.type)));
	}
	tally_jcs_name(&object, "memberId");
	tally_jcs_string(buf, tally_bytes_str(member->id));
	tally_jcs_name(&object, "role");
	tally_jcs_string(buf, tally_bytes_str(tally_role_name(member->role)));
	tally_jcs_close(&object);
}

void tally_member_hash(const struct tally_member *member, struct tally_hash *hash_r)
{
	struct tally_buf buf = { 0 };

	tally_member_json(member, &buf);
	tally_sha256(buf.data, buf.size, hash_r->bytes);
	tally_buf_free(&buf);
}

/* ---- finding ---- */

int tally_member_find(const struct tally_view *view, struct tally_bytes id,
		      struct tally_member *member_r, struct tally_err *err)
{
	struct tally_arena arena;
	struct tally_bytes value;
	int found;

	if (id.size == 0 || id.size > TALLY_MEMBER_ID_SIZE)
		return 0;
	tally_arena_init(&arena);
	found = tally_view_get(view, TABLE_MEMBER, id, &arena, &value, err);
	if (found == 1 && !decode(id, value, member_r))
		found = tally_err_set(err, TALLY_CORRUPT, "%s: malformed member",
				      view->space->name);
	tally_arena_free(&arena);
	return found;
}

struct at {
	struct tally_bytes id;
	struct tally_member *member;
	int found;
};

static int take_member(void *ctx, struct tally_bytes key, struct tally_bytes value)
{
	struct at *at = ctx;

	(void)key;
	at->found = decode(at->id, value, at->member) ? 1 : -1;
	return 1;
}

int tally_member_at(const struct tally_view *view, struct tally_bytes id, uint64_t size,
		    struct tally_member *member_r, struct tally_err *err)
{
	uint8_t low[TALLY_MEMBER_ID_SIZE + 8], high[TALLY_MEMBER_ID_SIZE + 8];
	struct at at = { id, member_r, 0 };

	if (id.size != TALLY_MEMBER_ID_SIZE)
		return 0;
	memcpy(low, id.data, id.size);
	memcpy(high, id.data, id.size);
	tally_put_u64(low + id.size, 0);
	tally_put_u64(high + id.size, size);
	if (tally_view_scan(view, TABLE_MEMBER_HISTORY, tally_bytes(low, sizeof(low)),
			    tally_bytes(high, sizeof(high)), true, take_member, &at, err) != 0)
		return -1;
	if (at.found < 0)
		return tally_err_set(err, TALLY_CORRUPT, "%s: malformed member",
				     view->space->name);
	return at.found;
}

static int owner_member(const struct tally_view *view, struct tally_member *member_r,
			struct tally_err *err)
{
	return tally_member_find(view, tally_bytes_str(view->head->owner_member), member_r, err);
}

int tally_member_of(const struct tally_view *view, const struct tally_caller *caller,
		    struct tally_member *member_r, struct tally_err *err)
{
	struct tally_arena arena;
	struct tally_bytes value;
	uint8_t key[8];
	int found;

	*member_r = (struct tally_member){ .role = ROLE_NONE };
	if (caller->local)
		return owner_member(view, member_r, err);
	if (caller->account == 0)
		return 0;
	tally_arena_init(&arena);
	tally_put_u64(key, caller->account);
	found = tally_view_get(view, TABLE_MEMBER_BY_ACCOUNT, tally_bytes(key, 8), &arena, &value,
			       err);
	if (found == 1)
		found = tally_member_find(view, tally_bytes(value.data + 1, value.size - 1),
					  member_r, err);
	tally_arena_free(&arena);
	return found;
}

static bool public_may(const struct tally_head *head, enum tally_permission permission)
{
	return head->public_read &&
	       (permission == PERM_VIEW_LEDGER || permission == PERM_VIEW_JOURNAL ||
		permission == PERM_VIEW_TRUSTPOINT || permission == PERM_VIEW_TIMEANCHOR);
}

/* The time ledger is written by the service alone, which asks for no permission. */
static bool nobody_may(const struct tally_view *view, enum tally_permission permission)
{
	return (permission == PERM_UPDATE_LEDGER || permission == PERM_UPDATE_MEMBER ||
		permission == PERM_UPDATE_SELF || permission == PERM_APPEND ||
		permission == PERM_UPDATE_TRUSTPOINT || permission == PERM_CREATE_TIMEANCHOR ||
		permission == PERM_REMOVE) &&
	       strcmp(view->space->name, view->space->core->time_ledger) == 0;
}

/* By who it is, from wherever. */
static int permit_role(const struct tally_view *view, const struct tally_caller *caller,
		       enum tally_permission permission, struct tally_member *member_r,
		       struct tally_err *err)
{
	const struct tally_head *head = view->head;
	int found;

	found = tally_member_of(view, caller, member_r, err);
	if (found < 0)
		return -1;
	/* Of a deleted ledger its members still see that it was deleted. */
	if (head->status != LEDGER_NORMAL &&
	    (found == 0 || permission != PERM_VIEW_LEDGER))
		return tally_err_about(err, TALLY_NOTFOUND, "Ledger", "the ledger is deleted");
	if (nobody_may(view, permission))
		return tally_err_about(err, TALLY_DENIED, "Role",
				       "the time ledger is written by the service alone");
	if (found == 1 && member_r->enabled && tally_role_may(member_r->role, permission))
		return 0;
	if (public_may(head, permission))
		return 0;
	/* A stranger does not learn which private ledgers there are. */
	if (found == 0 && !head->public_read)
		return tally_err_about(err, TALLY_NOTFOUND, "Ledger", "no such ledger");
	if (found == 1 && !member_r->enabled)
		return tally_err_about(err, TALLY_DENIED, "Member", "the member is disabled");
	return tally_err_about(err, TALLY_DENIED, "Role", "the caller's role does not allow it");
}

/* Where a ledger is not reached from is told to those only who may. */
int tally_permit(const struct tally_view *view, const struct tally_caller *caller,
		 enum tally_permission permission, struct tally_member *member_r,
		 struct tally_err *err)
{
	if (permit_role(view, caller, permission, member_r, err) != 0)
		return -1;
	return tally_reach_permit(view, caller->reach, err);
}

int tally_authorise(struct tally_core *core, const struct tally_caller *caller,
		    struct tally_bytes ledger_id, enum tally_permission permission,
		    struct tally_err *err)
{
	struct tally_space *space;
	struct tally_member member;
	struct tally_view view;
	int found = tally_space_of_ledger(core, ledger_id, &space, err);

	if (found < 0)
		return -1;
	if (found == 0)
		return tally_err_about(err, TALLY_NOTFOUND, "Ledger", "no such ledger");
	if (tally_view_take(space, &view, err) != 0)
		return -1;
	found = tally_permit(&view, caller, permission, &member, err);
	tally_view_drop(&view);
	return found;
}

/* ---- changing ---- */

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
};

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

static int check_create(struct tally_build *build, struct tally_manage *manage,
			struct tally_err *err)
{
	struct member_change *change = manage->ctx;
	struct tally_bytes value;
	struct tally_member known;
	uint8_t account[8];
	int found = tally_member_find(&build->view, tally_bytes_str(change->id), &known, err);

	tally_put_u64(account, change->account);
	if (found == 0 && change->account != 0)
		found = tally_view_get(&build->view, TABLE_MEMBER_BY_ACCOUNT,
				       tally_bytes(account, 8), &build->arena, &value, err);
	if (found < 0)
		return -1;
	if (found == 1)
		return tally_err_about(err, TALLY_EXISTS, "Member", "it is a member already");
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
	if (create->id.size > 0 && !tally_member_id_valid(create->id))
		return tally_err_about(err, TALLY_INVALID, "MemberId",
				       "it is m- and 26 lower-case hex digits");
	if (create->id.size > 0)
		memcpy(change.id, create->id.data, create->id.size);
	else if (create->account != 0)
		tally_member_id_of_account(ledger_id, create->account, change.id);
	else
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
	return tally_manage_run(core, write, ledger_id, &change.manage, NULL, err);
}

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

	if (!tally_member_id_valid(member_id))
		return tally_err_about(err, TALLY_INVALID, "MemberId",
				       "it is m- and 26 lower-case hex digits");
	memcpy(change.id, member_id.data, member_id.size);
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

	if (member_id.size > 0 && !tally_member_id_valid(member_id))
		return tally_err_about(err, TALLY_INVALID, "MemberId",
				       "it is m- and 26 lower-case hex digits");
	if (member_id.size > 0)
		memcpy(change.id, member_id.data, member_id.size);
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
				       "id and version have up to %d letters, digits, . _ -",
				       TALLY_ENDPOINT_PART);
	return set_key(core, write, ledger_id, member_id, key, kms, err);
}

/* ---- reading ---- */

int tally_member_get(struct tally_core *core, const struct tally_caller *caller,
		     struct tally_bytes ledger_id, struct tally_bytes member_id,
		     struct tally_member *member_r, struct tally_err *err)
{
	struct tally_view view;
	int found = tally_view_of_log(core, ledger_id, &view, err);

	if (found != 1)
		return found;
	found = member_id.size > 0 ? tally_member_find(&view, member_id, member_r, err) :
				     tally_member_of(&view, caller, member_r, err);
	tally_view_drop(&view);
	return found;
}

struct listing {
	struct tally_member *members;
	size_t count, limit;
	bool more, failed;
};

static int list_member(void *ctx, struct tally_bytes key, struct tally_bytes value)
{
	struct listing *listing = ctx;

	if (listing->count == listing->limit) {
		listing->more = true;
		return 1;
	}
	listing->failed = !decode(key, value, &listing->members[listing->count++]);
	return listing->failed;
}

int tally_member_list(struct tally_core *core, struct tally_bytes ledger_id,
		      struct tally_bytes after, size_t limit, struct tally_arena *arena,
		      struct tally_member **members_r, size_t *count_r, bool *more_r,
		      struct tally_err *err)
{
	struct listing listing = { tally_arena_array(arena, struct tally_member, limit), 0, limit,
				   false, false };
	struct tally_view view;
	struct tally_buf low = { 0 };
	int result = tally_view_of_log(core, ledger_id, &view, err);

	if (result < 1)
		return result < 0 ? -1 : tally_err_about(err, TALLY_NOTFOUND, "Ledger",
							 "no such ledger");
	tally_buf_add_bytes(&low, after);
	if (after.size > 0)
		tally_buf_add_u8(&low, 0);
	result = tally_view_scan(&view, TABLE_MEMBER, tally_buf_bytes(&low), TALLY_BYTES_NONE,
				 false, list_member, &listing, err);
	if (result == 0 && listing.failed)
		result = tally_err_set(err, TALLY_CORRUPT, "%s: malformed member",
				       view.space->name);
	tally_buf_free(&low);
	tally_view_drop(&view);
	*members_r = listing.members;
	*count_r = listing.count;
	*more_r = listing.more;
	return result;
}
