/* Actions on what a member is: EnableMember, DisableMember, DeleteMember. */
#include "member_args.h"
#include "reply.h"

static const struct tally_reply_field empty_reply[] = { REPLY_END };

static const struct tally_param member_params[] = {
	LEDGER_ID_PARAM,
	MEMBER_ID_PARAM(true, "The member; not the owner."),
	TOKEN_PARAM,
	PARAM_END
};

static int set_enabled(struct tally_call *call, bool enabled, struct tally_err *err)
{
	return tally_member_enable(call->core, &call->write, tally_arg_bytes(call, "LedgerId"),
				   tally_arg_bytes(call, "MemberId"), enabled, err);
}

static int enable_member(struct tally_call *call, struct tally_err *err)
{
	return set_enabled(call, true, err);
}

static int disable_member(struct tally_call *call, struct tally_err *err)
{
	return set_enabled(call, false, err);
}

static int delete_member(struct tally_call *call, struct tally_err *err)
{
	return tally_member_delete(call->core, &call->write, tally_arg_bytes(call, "LedgerId"),
				   tally_arg_bytes(call, "MemberId"), err);
}

const struct tally_action tally_action_enable_member = {
	.name = "EnableMember",
	.family = FAMILY_LEDGERDB,
	.summary = "Let a disabled member use the ledger again.",
	.methods = METHOD_GET | METHOD_POST,
	.kind = ACTION_WRITE,
	.need = PERM_UPDATE_MEMBER,
	.params = member_params,
	.reply = empty_reply,
	.run = enable_member,
};

const struct tally_action tally_action_disable_member = {
	.name = "DisableMember",
	.family = FAMILY_LEDGERDB,
	.summary = "Keep a member from using the ledger until it is enabled again.",
	.methods = METHOD_GET | METHOD_POST,
	.kind = ACTION_WRITE,
	.need = PERM_UPDATE_MEMBER,
	.params = member_params,
	.reply = empty_reply,
	.run = disable_member,
};

const struct tally_action tally_action_delete_member = {
	.name = "DeleteMember",
	.family = FAMILY_LEDGERDB,
	.summary = "Remove a member; what it wrote and signed stays.",
	.methods = METHOD_GET | METHOD_POST,
	.kind = ACTION_WRITE,
	.need = PERM_UPDATE_MEMBER,
	.params = member_params,
	.reply = empty_reply,
	.run = delete_member,
};
