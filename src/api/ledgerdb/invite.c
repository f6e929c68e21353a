/* Actions by which an account becomes a member: InviteMembers, AcceptMember. */
#include "member_args.h"
#include "reply.h"

static const struct tally_reply_field empty_reply[] = { REPLY_END };

/* ---- InviteMembers ---- */

/* The accounts of AliUids. */
static int read_accounts(struct tally_call *call, uint64_t accounts_r[TALLY_INVITE_MAX],
			 size_t *count_r, struct tally_err *err)
{
	struct tally_bytes rest = tally_arg_bytes(call, "AliUids");

	*count_r = 0;
	while (*count_r < TALLY_INVITE_MAX &&
	       tally_next_u64(&rest, TALLY_ACCOUNT_MAX, &accounts_r[*count_r]) &&
	       accounts_r[*count_r] != 0)
		(*count_r)++;
	if (rest.size > 0 || *count_r == 0)
		return tally_err_about(err, TALLY_INVALID, "AliUids",
				       "it is 1 to %d numbers of accounts, with commas between them",
				       TALLY_INVITE_MAX);
	return 0;
}

static int check_invite_members(struct tally_call *call, struct tally_err *err)
{
	uint64_t accounts[TALLY_INVITE_MAX];
	size_t count;

	return read_accounts(call, accounts, &count, err);
}

static int invite_members(struct tally_call *call, struct tally_err *err)
{
	uint64_t accounts[TALLY_INVITE_MAX];
	size_t count;

	if (read_accounts(call, accounts, &count, err) != 0)
		return -1;
	return tally_member_invite(call->core, &call->write, tally_arg_bytes(call, "LedgerId"),
				   accounts, count, err);
}

static const struct tally_param invite_members_params[] = {
	LEDGER_ID_PARAM,
	{ .name = "AliUids", .type = PARAM_TEXT, .required = true, .min = 1, .max = 1700,
	  .example = "1322412345678901,1322412345678902",
	  .help = "Accounts to invite, up to 100 numbers with commas between them." },
	TOKEN_PARAM,
	PARAM_END
};

const struct tally_action tally_action_invite_members = {
	.name = "InviteMembers",
	.family = FAMILY_LEDGERDB,
	.summary = "Invite accounts to become members; each accepts with AcceptMember.",
	.methods = METHOD_GET | METHOD_POST,
	.kind = ACTION_WRITE,
	.need = PERM_UPDATE_MEMBER,
	.params = invite_members_params,
	.reply = empty_reply,
	.may_exist = true,
	.check = check_invite_members,
	.run = invite_members,
};

/* ---- AcceptMember ---- */

static int accept_member(struct tally_call *call, struct tally_err *err)
{
	char id[TALLY_MEMBER_ID_SIZE + 1];
	struct tally_member_key key;

	if (tally_member_key_args(call, &key, err) != 0 ||
	    tally_member_accept(call->core, &call->write, tally_arg_bytes(call, "LedgerId"), &key,
				id, err) != 0)
		return -1;
	tally_add_text(call->arena, call->reply, "MemberId",
		       tally_arena_bytes(call->arena, tally_bytes_str(id)));
	return 0;
}

static const struct tally_param accept_member_params[] = {
	LEDGER_ID_PARAM,
	KEY_PARAMS(false),
	TOKEN_PARAM,
	PARAM_END
};

static const struct tally_reply_field accept_member_reply[] = {
	{ "MemberId", NODE_TEXT, false, "The new member, a READER." },
	REPLY_END
};

const struct tally_action tally_action_accept_member = {
	.name = "AcceptMember",
	.family = FAMILY_LEDGERDB,
	.summary = "Accept the invitation of the caller's account, and become a member.",
	.methods = METHOD_GET | METHOD_POST,
	.kind = ACTION_WRITE,
	.need = PERM_ACCEPT,
	.params = accept_member_params,
	.reply = accept_member_reply,
	.may_exist = true,
	.run = accept_member,
};
