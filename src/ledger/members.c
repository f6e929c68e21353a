/* Members and permissions: who a caller is in a ledger, and what its role allows. */
#include "core_private.h"

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
	[PERM_LOCAL] = 0,
};
#undef R

static void owner_member(const struct tally_view *view, struct tally_member *member_r)
{
	*member_r = (struct tally_member){ .account = view->head->owner, .role = ROLE_ADMIN,
					   .enabled = true };
	memcpy(member_r->id, view->head->owner_member, sizeof(member_r->id));
}

static int member_read(const struct tally_view *view, struct tally_bytes id,
		       struct tally_arena *arena, struct tally_member *member_r,
		       struct tally_err *err)
{
	struct tally_bytes value;
	int found = tally_view_get(view, TABLE_MEMBER, id, arena, &value, err);

	if (found != 1)
		return found;
	if (value.size != 43 || id.size >= sizeof(member_r->id))
		return tally_err_set(err, TALLY_CORRUPT, "%s: malformed member",
				     view->space->name);
	*member_r = (struct tally_member){ .account = tally_get_u64(value.data + 9),
					   .role = value.data[17],
					   .enabled = value.data[18] != 0 };
	memcpy(member_r->id, id.data, id.size);
	return 1;
}

int tally_member_of(const struct tally_view *view, const struct tally_caller *caller,
		    struct tally_member *member_r, struct tally_err *err)
{
	struct tally_arena arena;
	struct tally_bytes value;
	uint8_t key[8];
	int found;

	*member_r = (struct tally_member){ .role = ROLE_NONE };
	if (caller->local) {
		owner_member(view, member_r);
		return 1;
	}
	if (caller->account == 0)
		return 0;
	tally_arena_init(&arena);
	tally_put_u64(key, caller->account);
	found = tally_view_get(view, TABLE_MEMBER_BY_ACCOUNT, tally_bytes(key, 8), &arena, &value,
			       err);
	if (found == 1)
		found = member_read(view, tally_bytes(value.data + 1, value.size - 1), &arena,
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
		permission == PERM_UPDATE_TRUSTPOINT || permission == PERM_CREATE_TIMEANCHOR) &&
	       strcmp(view->space->name, view->space->core->time_ledger) == 0;
}

int tally_permit(const struct tally_view *view, const struct tally_caller *caller,
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
	if (found == 1 && member_r->enabled && (role_matrix[permission] >> member_r->role & 1))
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
