/* Administration of what accounts may do at all: local callers only. */
#include "ram_args.h"
#include "ram.h"
#include "reply.h"

static const struct tally_reply_field empty_reply[] = { REPLY_END };

#define ACCOUNT_PARAM \
	{ .name = "AliUid", .type = PARAM_UINT, .required = true, .min = 1, \
	  .max = TALLY_ACCOUNT_MAX, .example = "1001", .help = "The account." }

struct tally_bytes tally_ram_arg(const struct tally_call *call)
{
	struct tally_bytes text = tally_arg_bytes(call, "Policy");

	return tally_bytes_is(text, "read-only") ? tally_bytes_str(tally_ram_read_only) : text;
}

int tally_ram_check(struct tally_call *call, struct tally_err *err)
{
	const struct tally_ram_policy *policy;

	if (!tally_arg_given(call, "Policy"))
		return 0;
	return tally_ram_parse(call->arena, tally_ram_arg(call), &policy, err);
}

/* ---- SetAccountPolicy, DeleteAccountPolicy ---- */

static int set_account_policy(struct tally_call *call, struct tally_err *err)
{
	return tally_account_policy_set(call->core, &call->write, tally_arg_uint(call, "AliUid", 0),
					tally_ram_arg(call), err);
}

static const struct tally_param set_account_policy_params[] = {
	ACCOUNT_PARAM,
	POLICY_PARAM(true, "What all its keys are limited to: a document, or read-only."),
	PARAM_END
};

const struct tally_action tally_action_set_account_policy = {
	.name = "SetAccountPolicy",
	.family = FAMILY_ADMIN,
	.summary = "Limit what an account may do at all.",
	.methods = METHOD_POST,
	.kind = ACTION_WRITE,
	.need = PERM_LOCAL,
	.params = set_account_policy_params,
	.reply = empty_reply,
	.check = tally_ram_check,
	.run = set_account_policy,
};

static int delete_account_policy(struct tally_call *call, struct tally_err *err)
{
	return tally_account_policy_set(call->core, &call->write, tally_arg_uint(call, "AliUid", 0),
					TALLY_BYTES_NONE, err);
}

static const struct tally_param account_params[] = {
	ACCOUNT_PARAM,
	PARAM_END
};

const struct tally_action tally_action_delete_account_policy = {
	.name = "DeleteAccountPolicy",
	.family = FAMILY_ADMIN,
	.summary = "Let an account do everything again that its roles allow.",
	.methods = METHOD_POST,
	.kind = ACTION_WRITE,
	.need = PERM_LOCAL,
	.params = account_params,
	.reply = empty_reply,
	.run = delete_account_policy,
};

/* ---- GetAccountPolicy ---- */

static int get_account_policy(struct tally_call *call, struct tally_err *err)
{
	uint64_t account = tally_arg_uint(call, "AliUid", 0);
	struct tally_bytes policy;
	int found = tally_account_policy(call->core, account, call->arena, &policy, err);

	if (found < 0)
		return -1;
	tally_add_uint_text(call->arena, call->reply, "AliUid", account);
	if (found == 1)
		tally_add_text(call->arena, call->reply, "Policy", policy);
	return 0;
}

static const struct tally_reply_field get_account_policy_reply[] = {
	{ "AliUid", NODE_TEXT, false, "The account." },
	{ "Policy", NODE_TEXT, true, "Its policy; absent: it has none." },
	REPLY_END
};

const struct tally_action tally_action_get_account_policy = {
	.name = "GetAccountPolicy",
	.family = FAMILY_ADMIN,
	.summary = "Return the policy of an account.",
	.methods = METHOD_GET | METHOD_POST,
	.kind = ACTION_READ,
	.need = PERM_LOCAL,
	.params = account_params,
	.reply = get_account_policy_reply,
	.run = get_account_policy,
};
