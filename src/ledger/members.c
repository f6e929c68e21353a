/* Members: who a caller is in a ledger, whether that allows something, and how members change. */
#include "access.h"
#include "membercache.h"

#include <stdio.h>

#include "jcs.h"

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
	uint64_t change = view->told->members;
	struct tally_arena arena;
	struct tally_bytes value;
	int found;

	if (id.size == 0 || id.size > TALLY_MEMBER_ID_SIZE)
		return 0;
	if (tally_membercache_get(view->space->members, change, id, 0, member_r))
		return 1;
	tally_arena_init(&arena);
	found = tally_view_get(view, TABLE_MEMBER, id, &arena, &value, err);
	if (found == 1 && !decode(id, value, member_r))
		found = tally_err_set(err, TALLY_CORRUPT, "%s: malformed member",
				      view->space->name);
	if (found == 1)
		tally_membercache_put(view->space->members, change, member_r);
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

/* The last entry of a member's history before `size`. Role NONE: it was deleted by that. */
static int last_entry(const struct tally_view *view, struct tally_bytes id, uint64_t size,
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

int tally_member_at(const struct tally_view *view, struct tally_bytes id, uint64_t size,
		    struct tally_member *member_r, struct tally_err *err)
{
	int found = last_entry(view, id, size, member_r, err);

	return found == 1 && member_r->role == ROLE_NONE ? 0 : found;
}

int tally_member_last(const struct tally_view *view, struct tally_bytes id,
		      struct tally_member *member_r, struct tally_err *err)
{
	return last_entry(view, id, UINT64_MAX, member_r, err);
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
	if (tally_membercache_get(view->space->members, view->told->members, TALLY_BYTES_NONE,
				  caller->account, member_r))
		return 1;
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

int tally_invitation_find(const struct tally_view *view, uint64_t account, uint64_t *journal_r,
			  struct tally_err *err)
{
	struct tally_arena arena;
	struct tally_bytes value;
	uint8_t key[8];
	int found;

	tally_arena_init(&arena);
	tally_put_u64(key, account);
	found = tally_view_get(view, TABLE_INVITATION, tally_bytes(key, 8), &arena, &value, err);
	if (found == 1)
		*journal_r = tally_get_u64(value.data + 1);
	tally_arena_free(&arena);
	return found;
}

/* By who it is, from wherever. */
static int permit_role(const struct tally_view *view, const struct tally_caller *caller,
		       enum tally_permission permission, struct tally_member *member_r,
		       struct tally_err *err)
{
	const struct tally_head *head = view->head;
	uint64_t journal;
	int found;

	found = tally_member_of(view, caller, member_r, err);
	if (found < 0)
		return -1;
	/* Of a deleted ledger its members still see that it was deleted. */
	if (head->status != LEDGER_NORMAL &&
	    (found == 0 || permission != PERM_VIEW_LEDGER))
		return tally_err_about(err, TALLY_NOTFOUND, "Ledger", "the ledger is deleted");
	/* It is written by the service alone, which asks for no permission. */
	if (tally_permission_changes(permission) &&
	    strcmp(view->space->name, view->space->core->time_ledger) == 0)
		return tally_err_about(err, TALLY_DENIED, "Role",
				       "the time ledger is written by the service alone");
	if (found == 1 && member_r->enabled && tally_role_may(member_r->role, permission))
		return 0;
	if (head->public_read && tally_permission_public(permission))
		return 0;
	if (found == 0 && permission == PERM_ACCEPT && caller->account != 0) {
		int invited = tally_invitation_find(view, caller->account, &journal, err);

		if (invited != 0)
			return invited < 0 ? -1 : 0;
	}
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
