/* Administration of accounts and access keys: local callers only. */
#include "ram_args.h"
#include "reply.h"
#include "secret.h"

/* An access key as UserAccessKeyId: AccessKeyId itself is the common parameter of a signed call. */
#define KEY_PARAM \
	{ .name = "UserAccessKeyId", .type = PARAM_TEXT, .required = true, .min = 1, .max = 128, \
	  .example = "AKexample", .help = "The access key." }

static const struct tally_param no_params[] = { PARAM_END };
static const struct tally_reply_field empty_reply[] = { REPLY_END };

/* ---- accounts ---- */

static int create_account(struct tally_call *call, struct tally_err *err)
{
	uint64_t account;

	if (tally_account_create(call->core, &call->write, tally_arg_bytes(call, "Name"), &account,
				 err) < 0)
		return -1;
	tally_add_uint_text(call->arena, call->reply, "AliUid", account);
	return 0;
}

static const struct tally_param create_account_params[] = {
	{ .name = "Name", .type = PARAM_TEXT, .required = true, .min = 1, .max = 128,
	  .example = "warehouse", .help = "Name, 1 to 128 characters." },
	PARAM_END
};

static const struct tally_reply_field create_account_reply[] = {
	{ "AliUid", NODE_TEXT, false, "Number of the new account." },
	REPLY_END
};

const struct tally_action tally_action_create_account = {
	.name = "CreateAccount",
	.family = FAMILY_ADMIN,
	.summary = "Create an account.",
	.methods = METHOD_POST,
	.kind = ACTION_WRITE,
	.need = PERM_LOCAL,
	.params = create_account_params,
	.reply = create_account_reply,
	.run = create_account,
};

static int list_accounts(struct tally_call *call, struct tally_err *err)
{
	struct tally_account *accounts;
	struct tally_node *list;
	size_t count, i;

	if (tally_account_list(call->core, call->arena, &accounts, &count, err) < 0)
		return -1;
	list = tally_add_list(call->arena, call->reply, "Accounts", "Account");
	for (i = 0; i < count; i++) {
		struct tally_node *to = tally_add_object(call->arena, list, NULL);

		tally_add_uint_text(call->arena, to, "AliUid", accounts[i].id);
		tally_add_text(call->arena, to, "Name", accounts[i].name);
		tally_add_uint(call->arena, to, "CreateTime", accounts[i].create_ms);
	}
	return 0;
}

static const struct tally_reply_field list_accounts_reply[] = {
	{ "Accounts", NODE_LIST, false, "All accounts." },
	{ "Accounts[Account]", NODE_OBJECT, true, "An account." },
	{ "Accounts[Account].AliUid", NODE_TEXT, false, "Its number." },
	{ "Accounts[Account].Name", NODE_TEXT, false, "Its name." },
	{ "Accounts[Account].CreateTime", NODE_UINT, false, "Milliseconds." },
	REPLY_END
};

const struct tally_action tally_action_list_accounts = {
	.name = "ListAccounts",
	.family = FAMILY_ADMIN,
	.summary = "List all accounts.",
	.methods = METHOD_GET | METHOD_POST,
	.kind = ACTION_READ,
	.need = PERM_LOCAL,
	.params = no_params,
	.reply = list_accounts_reply,
	.run = list_accounts,
};

/* ---- access keys ---- */

static int create_access_key(struct tally_call *call, struct tally_err *err)
{
	struct tally_first_key key;
	uint64_t account = tally_arg_uint(call, "AliUid", 0);

	if (tally_key_create_limited(call->core, &call->write, account, tally_ram_arg(call), &key,
				     err) < 0)
		return -1;
	tally_add_uint_text(call->arena, call->reply, "AliUid", account);
	tally_add_str(call->arena, call->reply, "AccessKeyId",
		      tally_arena_str(call->arena, tally_bytes_str(key.key_id)));
	tally_add_str(call->arena, call->reply, "AccessKeySecret",
		      tally_arena_str(call->arena, tally_bytes_str(key.secret)));
	tally_wipe(&key, sizeof(key));
	return 0;
}

static const struct tally_param create_access_key_params[] = {
	{ .name = "AliUid", .type = PARAM_UINT, .required = true, .min = 1, .example = "1001",
	  .help = "The account." },
	POLICY_PARAM(false, "What the key is limited to, for good: a document, or read-only."),
	PARAM_END
};

static const struct tally_reply_field create_access_key_reply[] = {
	{ "AliUid", NODE_TEXT, false, "The account." },
	{ "AccessKeyId", NODE_TEXT, false, "The new key." },
	{ "AccessKeySecret", NODE_TEXT, false, "Its secret, shown this once." },
	REPLY_END
};

const struct tally_action tally_action_create_access_key = {
	.name = "CreateAccessKey",
	.family = FAMILY_ADMIN,
	.summary = "Create an access key of an account.",
	.methods = METHOD_POST,
	.kind = ACTION_WRITE,
	.need = PERM_LOCAL,
	.params = create_access_key_params,
	.reply = create_access_key_reply,
	.check = tally_ram_check,
	.run = create_access_key,
};

static int list_access_keys(struct tally_call *call, struct tally_err *err)
{
	struct tally_access_key *keys;
	struct tally_bytes policy;
	struct tally_node *list;
	size_t count, i;
	int found;

	if (tally_key_list(call->core, tally_arg_uint(call, "AliUid", 0), call->arena, &keys,
			   &count, err) < 0)
		return -1;
	list = tally_add_list(call->arena, call->reply, "AccessKeys", "AccessKey");
	for (i = 0; i < count; i++) {
		struct tally_node *to = tally_add_object(call->arena, list, NULL);

		tally_add_str(call->arena, to, "AccessKeyId", keys[i].id);
		tally_add_uint_text(call->arena, to, "AliUid", keys[i].account);
		tally_add_str(call->arena, to, "Status",
			      keys[i].state == KEY_ACTIVE ? "Active" : "Inactive");
		tally_add_uint(call->arena, to, "CreateTime", keys[i].create_ms);
		found = tally_key_policy(call->core, tally_bytes_str(keys[i].id), call->arena, &policy,
					 err);
		if (found < 0)
			return -1;
		if (found == 1)
			tally_add_text(call->arena, to, "Policy", policy);
	}
	return 0;
}

static const struct tally_param list_access_keys_params[] = {
	{ .name = "AliUid", .type = PARAM_UINT, .min = 1, .example = "1001",
	  .help = "Only keys of this account." },
	PARAM_END
};

static const struct tally_reply_field list_access_keys_reply[] = {
	{ "AccessKeys", NODE_LIST, false, "Access keys." },
	{ "AccessKeys[AccessKey]", NODE_OBJECT, true, "An access key." },
	{ "AccessKeys[AccessKey].AccessKeyId", NODE_TEXT, false, "The key." },
	{ "AccessKeys[AccessKey].AliUid", NODE_TEXT, false, "Its account." },
	{ "AccessKeys[AccessKey].Status", NODE_TEXT, false, "Active or Inactive." },
	{ "AccessKeys[AccessKey].CreateTime", NODE_UINT, false, "Milliseconds." },
	{ "AccessKeys[AccessKey].Policy", NODE_TEXT, true, "Its policy; absent: it has none." },
	REPLY_END
};

const struct tally_action tally_action_list_access_keys = {
	.name = "ListAccessKeys",
	.family = FAMILY_ADMIN,
	.summary = "List access keys, without their secrets.",
	.methods = METHOD_GET | METHOD_POST,
	.kind = ACTION_READ,
	.need = PERM_LOCAL,
	.params = list_access_keys_params,
	.reply = list_access_keys_reply,
	.run = list_access_keys,
};

static int enable_access_key(struct tally_call *call, struct tally_err *err)
{
	return tally_key_set_state(call->core, &call->write,
				   tally_arg_bytes(call, "UserAccessKeyId"), KEY_ACTIVE, err);
}

static int disable_access_key(struct tally_call *call, struct tally_err *err)
{
	return tally_key_set_state(call->core, &call->write,
				   tally_arg_bytes(call, "UserAccessKeyId"), KEY_DISABLED, err);
}

static int delete_access_key(struct tally_call *call, struct tally_err *err)
{
	return tally_key_delete(call->core, &call->write,
				tally_arg_bytes(call, "UserAccessKeyId"), err);
}

static const struct tally_param key_params[] = {
	KEY_PARAM,
	PARAM_END
};

const struct tally_action tally_action_enable_access_key = {
	.name = "EnableAccessKey",
	.family = FAMILY_ADMIN,
	.summary = "Let a disabled access key sign again.",
	.methods = METHOD_POST,
	.kind = ACTION_WRITE,
	.need = PERM_LOCAL,
	.params = key_params,
	.reply = empty_reply,
	.run = enable_access_key,
};

const struct tally_action tally_action_disable_access_key = {
	.name = "DisableAccessKey",
	.family = FAMILY_ADMIN,
	.summary = "Refuse requests signed with an access key until it is enabled again.",
	.methods = METHOD_POST,
	.kind = ACTION_WRITE,
	.need = PERM_LOCAL,
	.params = key_params,
	.reply = empty_reply,
	.run = disable_access_key,
};

const struct tally_action tally_action_delete_access_key = {
	.name = "DeleteAccessKey",
	.family = FAMILY_ADMIN,
	.summary = "Delete an access key for good.",
	.methods = METHOD_POST,
	.kind = ACTION_WRITE,
	.need = PERM_LOCAL,
	.params = key_params,
	.reply = empty_reply,
	.run = delete_access_key,
};
