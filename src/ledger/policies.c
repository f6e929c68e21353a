/* Policies of accounts and of access keys, as texts: journals of the system ledger, and their tables. */
#include "core_private.h"

static struct tally_bytes account_key(uint64_t account, uint8_t key[8])
{
	tally_put_u64(key, account);
	return tally_bytes(key, 8);
}

static int view_has(const struct tally_view *view, uint32_t table, struct tally_bytes key,
		    bool *there_r, struct tally_err *err)
{
	struct tally_arena arena;
	struct tally_bytes value;
	int found;

	tally_arena_init(&arena);
	found = tally_view_get(view, table, key, &arena, &value, err);
	tally_arena_free(&arena);
	*there_r = found == 1;
	return found < 0 ? -1 : 0;
}

int tally_policies_look(const struct tally_view *view, struct tally_access_key *key,
			struct tally_err *err)
{
	uint8_t account[8];

	if (view_has(view, TABLE_ACCOUNT_POLICY, account_key(key->account, account),
		     &key->account_has_policy, err) != 0)
		return -1;
	return view_has(view, TABLE_KEY_POLICY, tally_bytes_str(key->id), &key->has_policy, err);
}

static int read_policy(struct tally_core *core, uint32_t table, struct tally_bytes key,
		       struct tally_arena *arena, struct tally_bytes *policy_r,
		       struct tally_err *err)
{
	struct tally_bytes value;
	struct tally_view view;
	int found;

	if (tally_view_take(core->system, &view, err) != 0)
		return -1;
	found = tally_view_get(&view, table, key, arena, &value, err);
	if (found == 1)		/* the view may hold it */
		*policy_r = tally_arena_bytes(arena, tally_bytes(value.data + 1, value.size - 1));
	tally_view_drop(&view);
	return found;
}

int tally_account_policy(struct tally_core *core, uint64_t account, struct tally_arena *arena,
			 struct tally_bytes *policy_r, struct tally_err *err)
{
	uint8_t key[8];

	return read_policy(core, TABLE_ACCOUNT_POLICY, account_key(account, key), arena, policy_r, err);
}

int tally_key_policy(struct tally_core *core, struct tally_bytes key_id, struct tally_arena *arena,
		     struct tally_bytes *policy_r, struct tally_err *err)
{
	return read_policy(core, TABLE_KEY_POLICY, key_id, arena, policy_r, err);
}

int tally_account_policy_set(struct tally_core *core, const struct tally_write *write,
			     uint64_t account, struct tally_bytes policy, struct tally_err *err)
{
	struct tally_field fields[2] = {
		{ TALLY_BYTES_LIT("account"), FIELD_UINT, TALLY_BYTES_NONE, account },
		{ TALLY_BYTES_LIT("policy"), FIELD_TEXT, policy, 0 },
	};

	return tally_system_run(core, write, TYPE_SET_ACCOUNT_POLICY, fields,
				policy.size > 0 ? 2 : 1, TALLY_BYTES_NONE,
				tally_system_account_check, &account, err);
}
