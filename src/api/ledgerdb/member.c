/* Actions on members: create, role, key, get, list. */
#include <stdio.h>

#include "buf.h"
#include "member_args.h"
#include "reply.h"

static const char *const roles[] = { "READER", "WRITER", "ADMIN", NULL };

static struct tally_bytes ledger_of(const struct tally_call *call)
{
	return tally_arg_bytes(call, "LedgerId");
}

static int no_member(struct tally_call *call, struct tally_err *err)
{
	struct tally_bytes id = tally_arg_bytes(call, "MemberId");
	char subject[sizeof(err->subject)];

	if (id.size == 0)
		return tally_err_about(err, TALLY_NOTFOUND, "Member",
				       "the caller is no member of the ledger");
	snprintf(subject, sizeof(subject), "Member %.*s", (int)id.size, (const char *)id.data);
	return tally_err_about(err, TALLY_NOTFOUND, subject, "the ledger has no such member");
}

int tally_member_key_args(struct tally_call *call, struct tally_member_key *key_r,
			  struct tally_err *err)
{
	unsigned int type = KEY_TYPE_SECP256K1 + (unsigned int)tally_arg_enum(call, "KeyType");

	*key_r = (struct tally_member_key){ .type = KEY_TYPE_NONE };
	if (!tally_arg_given(call, "PublicKey"))
		return 0;
	if (tally_member_key_parse(key_r, type, tally_arg_bytes(call, "PublicKey"), err) == 0)
		return 0;
	snprintf(err->subject, sizeof(err->subject), "PublicKey");
	err->code = TALLY_INVALID;
	return -1;
}

static void reply_member(struct tally_call *call, struct tally_node *to,
			 const struct tally_member *member)
{
	char key[TALLY_MEMBER_KEY_TEXT] = "";
	struct tally_arena *arena = call->arena;

	if (member->key.type != KEY_TYPE_NONE)
		tally_member_key_format(&member->key, key);
	tally_add_text(arena, to, "LedgerId", ledger_of(call));
	tally_add_text(arena, to, "MemberId",
		       tally_arena_bytes(arena, tally_bytes_str(member->id)));
	if (member->account != 0)
		tally_add_uint_text(arena, to, "AliUid", member->account);
	else
		tally_add_str(arena, to, "AliUid", "");
	tally_add_str(arena, to, "KeyType",
		      member->key.type != KEY_TYPE_NONE ? tally_key_type_name(member->key.type) :
							  "");
	tally_add_text(arena, to, "PublicKey", tally_arena_bytes(arena, tally_bytes_str(key)));
	tally_add_str(arena, to, "Role", tally_role_name(member->role));
	tally_add_str(arena, to, "State", member->enabled ? "ENABLED" : "DISABLED");
	tally_add_uint(arena, to, "CreateTime", member->create_ms);
	tally_add_uint(arena, to, "UpdateTime", member->update_ms);
}

/* opt: all but its name is left out where the state has no such member. */
#define MEMBER_ROWS(at, opt) \
	{ at "LedgerId", NODE_TEXT, false, "The ledger." }, \
	{ at "MemberId", NODE_TEXT, false, "The member." }, \
	{ at "AliUid", NODE_TEXT, opt, "Its account; empty: none, it signs only." }, \
	{ at "KeyType", NODE_TEXT, opt, \
	  "SECP256K1, SECP256R1, SM2 or ED25519; empty: it has no key." }, \
	{ at "PublicKey", NODE_TEXT, opt, \
	  "Hex: 65 bytes with leading 04, of ED25519 32 bytes." }, \
	{ at "Role", NODE_TEXT, opt, "ADMIN, WRITER or READER." }, \
	{ at "State", NODE_TEXT, opt, "ENABLED or DISABLED." }, \
	{ at "CreateTime", NODE_UINT, opt, "Milliseconds." }, \
	{ at "UpdateTime", NODE_UINT, opt, "Milliseconds." }

/* What its role allows, as light clients list it; nothing where it is disabled. */
static void reply_permissions(struct tally_call *call, const struct tally_member *member)
{
	struct tally_node *list = tally_add_list(call->arena, call->reply, "Permissions",
						 "PermissionItem");
	struct tally_permission_item items[TALLY_ITEMS_MAX];
	size_t count = member->enabled ? tally_role_items(member->role, items) : 0;

	for (size_t i = 0; i < count; i++) {
		struct tally_node *to = tally_add_object(call->arena, list, NULL);

		tally_add_str(call->arena, to, "Permission", items[i].name);
		tally_add_uint(call->arena, to, "Weight", items[i].weight);
	}
}

static const struct tally_reply_field empty_reply[] = { REPLY_END };

/* ---- CreateMember ---- */

static int check_create_member(struct tally_call *call, struct tally_err *err)
{
	if (tally_arg_given(call, "PublicKey") || tally_arg_given(call, "AliUid"))
		return 0;
	return tally_err_about(err, TALLY_MISSING, "PublicKey",
			       "a member has a key, an account, or both");
}

static int create_member(struct tally_call *call, struct tally_err *err)
{
	struct tally_member_create create = {
		.account = tally_arg_uint(call, "AliUid", 0),
		.role = ROLE_READER + (enum tally_role)tally_arg_enum(call, "Role"),
	};
	char id[TALLY_MEMBER_ID_SIZE + 1];

	if (tally_arg_given(call, "MemberId"))
		create.id = tally_arg_bytes(call, "MemberId");
	if (tally_member_key_args(call, &create.key, err) != 0 ||
	    tally_member_create(call->core, &call->write, ledger_of(call), &create, id, err) != 0)
		return -1;
	tally_add_text(call->arena, call->reply, "MemberId",
		       tally_arena_bytes(call->arena, tally_bytes_str(id)));
	return 0;
}

static const struct tally_param create_member_params[] = {
	LEDGER_ID_PARAM,
	KEY_PARAMS(false),
	{ .name = "AliUid", .type = PARAM_UINT, .min = 1, .max = (1ull << 53) - 1,
	  .example = "1322412345678901",
	  .help = "Account whose access keys act as this member; without one it signs only." },
	{ .name = "Role", .type = PARAM_ENUM, .choices = roles, .fallback = "READER",
	  .example = "WRITER", .help = "What it may do: READER, WRITER or ADMIN." },
	MEMBER_ID_PARAM(false, "Its id; absent: made from the account or the key."),
	TOKEN_PARAM,
	PARAM_END
};

static const struct tally_reply_field create_member_reply[] = {
	{ "MemberId", NODE_TEXT, false, "The new member." },
	REPLY_END
};

const struct tally_action tally_action_create_member = {
	.name = "CreateMember",
	.family = FAMILY_LEDGERDB,
	.summary = "Add a member: an account, a public key, or both.",
	.methods = METHOD_GET | METHOD_POST,
	.kind = ACTION_WRITE,
	.need = PERM_UPDATE_MEMBER,
	.params = create_member_params,
	.reply = create_member_reply,
	.example = "AliUid Role",
	.may_exist = true,
	.check = check_create_member,
	.run = create_member,
};

/* ---- UpdateMember ---- */

static int update_member(struct tally_call *call, struct tally_err *err)
{
	return tally_member_set_role(call->core, &call->write, ledger_of(call),
				     tally_arg_bytes(call, "MemberId"),
				     ROLE_READER + (enum tally_role)tally_arg_enum(call, "Role"),
				     err);
}

static const struct tally_param update_member_params[] = {
	LEDGER_ID_PARAM,
	MEMBER_ID_PARAM(true, "The member."),
	{ .name = "Role", .type = PARAM_ENUM, .required = true, .choices = roles,
	  .example = "WRITER", .help = "Its new role; the owner stays ADMIN." },
	TOKEN_PARAM,
	PARAM_END
};

const struct tally_action tally_action_update_member = {
	.name = "UpdateMember",
	.family = FAMILY_LEDGERDB,
	.summary = "Change what a member may do.",
	.methods = METHOD_GET | METHOD_POST,
	.kind = ACTION_WRITE,
	.need = PERM_UPDATE_MEMBER,
	.params = update_member_params,
	.reply = empty_reply,
	.run = update_member,
};

/* The same by the interface's own name. */
const struct tally_action tally_action_modify_member_acls = {
	.name = "ModifyMemberACLs",
	.family = FAMILY_LEDGERDB,
	.summary = "Change the role of a member.",
	.methods = METHOD_GET | METHOD_POST,
	.kind = ACTION_WRITE,
	.need = PERM_UPDATE_MEMBER,
	.params = update_member_params,
	.reply = empty_reply,
	.run = update_member,
};

/* ---- ModifyMemberKey ---- */

static int modify_member_key(struct tally_call *call, struct tally_err *err)
{
	struct tally_member_key key;

	return tally_member_key_args(call, &key, err) != 0 ?
		       -1 :
		       tally_member_set_key(call->core, &call->write, ledger_of(call),
					    tally_arg_bytes(call, "MemberId"), &key, err);
}

static const struct tally_param modify_member_key_params[] = {
	LEDGER_ID_PARAM,
	KEY_PARAMS(true),
	MEMBER_ID_PARAM(false, "The member; absent: the caller's own."),
	TOKEN_PARAM,
	PARAM_END
};

const struct tally_action tally_action_modify_member_key = {
	.name = "ModifyMemberKey",
	.family = FAMILY_LEDGERDB,
	.summary = "Give a member a new public key; the former is of no use ever after.",
	.methods = METHOD_GET | METHOD_POST,
	.kind = ACTION_WRITE,
	.need = PERM_UPDATE_SELF,
	.params = modify_member_key_params,
	.reply = empty_reply,
	.run = modify_member_key,
};

/* ---- GetMember ---- */

/* Where its key comes from; nothing of a member without a key. */
static int reply_key_source(struct tally_call *call, const struct tally_member *member,
			    struct tally_err *err)
{
	struct tally_kms_key kms;
	int found = tally_member_kms_key(call->core, ledger_of(call), tally_bytes_str(member->id),
					 call->arena, &kms, err);

	if (found < 0)
		return -1;
	if (member->key.type == KEY_TYPE_NONE)
		return 0;
	tally_add_str(call->arena, call->reply, "KeySource", found == 1 ? "KMS" : "USER");
	if (found == 1) {
		tally_add_text(call->arena, call->reply, "KMSKeyId", kms.id);
		tally_add_text(call->arena, call->reply, "KMSKeyVersion", kms.version);
	}
	return 0;
}

/* The id asked for, or the caller's own. 1, 0, -1. */
static int find_id(struct tally_call *call, struct tally_bytes *id_r, struct tally_err *err)
{
	struct tally_member own;
	int found = 1;

	*id_r = tally_arg_bytes(call, "MemberId");
	if (id_r->size == 0) {
		found = tally_member_get(call->core, &call->write.caller, ledger_of(call),
					 TALLY_BYTES_NONE, &own, err);
		if (found == 1)
			*id_r = tally_arena_bytes(call->arena, tally_bytes_str(own.id));
	}
	return found;
}

static void reply_record(struct tally_call *call, const struct tally_member *member)
{
	struct tally_buf record = { 0 };

	reply_member(call, call->reply, member);
	reply_permissions(call, member);
	tally_add_bool(call->arena, call->reply, "Exist", true);
	tally_member_json(member, &record);
	tally_add_text(call->arena, call->reply, "Record",
		       tally_arena_bytes(call->arena, tally_buf_bytes(&record)));
	tally_buf_free(&record);
	tally_add_uint_text(call->arena, call->reply, "RecordJournalId", member->journal_id);
}

/* As of the state: the member or its absence, proved. What came or went since is not looked at. */
static int get_proved(struct tally_call *call, struct tally_err *err)
{
	struct tally_state_found state;
	struct tally_bytes id;
	int found = find_id(call, &id, err);

	if (found < 1)
		return found < 0 ? -1 : no_member(call, err);
	found = tally_state_prove_member(call->core, ledger_of(call), id,
					 tally_arg_uint(call, "TreeSize", 0), &state, err);
	if (found < 1)
		return found < 0 ? -1 : tally_no_state(call, err);
	if (state.there) {
		reply_record(call, &state.member);
	} else {
		tally_add_text(call->arena, call->reply, "LedgerId", ledger_of(call));
		tally_add_text(call->arena, call->reply, "MemberId", id);
		tally_add_bool(call->arena, call->reply, "Exist", false);
	}
	return tally_reply_state(call, &state, err);
}

static int get_member(struct tally_call *call, struct tally_err *err)
{
	struct tally_member member;
	int found;

	if (tally_arg_bool(call, "Proof", false))
		return get_proved(call, err);
	found = tally_member_get(call->core, &call->write.caller, ledger_of(call),
				 tally_arg_bytes(call, "MemberId"), &member, err);
	if (found < 1)
		return found < 0 ? -1 : no_member(call, err);
	reply_member(call, call->reply, &member);
	reply_permissions(call, &member);
	return reply_key_source(call, &member, err);
}

static const struct tally_param get_member_params[] = {
	LEDGER_ID_PARAM,
	MEMBER_ID_PARAM(false, "The member; absent: the caller's own."),
	PROOF_PARAM,
	PARAM_END
};

static const struct tally_reply_field get_member_reply[] = {
	MEMBER_ROWS("", true),
	{ "Permissions", NODE_LIST, true, "What its role allows; of a disabled member nothing." },
	{ "Permissions[PermissionItem]", NODE_OBJECT, true, "A permission." },
	{ "Permissions[PermissionItem].Permission", NODE_TEXT, false,
	  "UPDATE_LEDGER, VIEW_LEDGER, UPDATE_MEMBER, VIEW_MEMBER, UPDATE_TRUSTPOINT, VIEW_TRUSTPOINT, "
	  "CUSTOM_TX, VIEW_TX, CREATE_TIMEANCHOR or VIEW_TIMEANCHOR." },
	{ "Permissions[PermissionItem].Weight", NODE_UINT, false, "Always 1." },
	{ "Exist", NODE_BOOL, true, "With Proof: it was a member then; false is proved as well." },
	{ "KeySource", NODE_TEXT, true, "USER: it was given; KMS: out of the key store. Not with Proof." },
	{ "KMSKeyId", NODE_TEXT, true, "Of KMS: its name in the key store." },
	{ "KMSKeyVersion", NODE_TEXT, true, "Of KMS: its version there; empty where none was named." },
	{ "Record", NODE_TEXT, true,
	  "With Proof: the member's record of that time, canonical JSON; the state has its hash." },
	{ "RecordJournalId", NODE_TEXT, true, "With Proof: the last journal about it." },
	STATE_ROWS(true),
	REPLY_END
};

const struct tally_action tally_action_get_member = {
	.name = "GetMember",
	.family = FAMILY_LEDGERDB,
	.summary = "Return one member, or the caller's own, with a proof if asked.",
	.methods = METHOD_GET | METHOD_POST,
	.kind = ACTION_READ,
	.need = PERM_VIEW_MEMBER,
	.params = get_member_params,
	.reply = get_member_reply,
	.check = tally_check_proof,
	.run = get_member,
};

/* ---- ListMembers ---- */

static struct tally_bytes list_scope(struct tally_call *call)
{
	struct tally_bytes id = ledger_of(call);

	return tally_bytes_str(tally_arena_printf(call->arena, "ListMembers %.*s", (int)id.size,
						  (const char *)id.data));
}

static int list_members(struct tally_call *call, struct tally_err *err)
{
	struct tally_bytes token = tally_arg_bytes(call, "NextToken"), after = TALLY_BYTES_NONE;
	uint64_t limit = tally_arg_uint(call, "MaxResults", 1024);
	struct tally_member *members;
	struct tally_node *list;
	const char *next = "";
	size_t count;
	bool more;

	if (token.size > 0 && tally_next_open(call, list_scope(call), token, &after, err) < 0)
		return -1;
	if (tally_member_list(call->core, ledger_of(call), after, limit, call->arena, &members,
			      &count, &more, err) < 0)
		return -1;
	if (more && count > 0)
		next = tally_next_token(call, list_scope(call),
					tally_bytes_str(members[count - 1].id));
	tally_add_str(call->arena, call->reply, "NextToken", next);
	tally_add_uint(call->arena, call->reply, "MaxResults", limit);
	list = tally_add_list(call->arena, call->reply, "Members", "Member");
	for (size_t i = 0; i < count; i++)
		reply_member(call, tally_add_object(call->arena, list, NULL), &members[i]);
	return 0;
}

static const struct tally_param list_members_params[] = {
	LEDGER_ID_PARAM,
	{ .name = "NextToken", .type = PARAM_NEXT, .example = "",
	  .help = "From the page before; empty or absent: from the start." },
	{ .name = "MaxResults", .type = PARAM_UINT, .min = 1, .max = 1024, .fallback = "1024",
	  .example = "100", .help = "Members of a page." },
	PARAM_END
};

static const struct tally_reply_field list_members_reply[] = {
	{ "NextToken", NODE_TEXT, false, "For the next page; empty: there is none." },
	{ "MaxResults", NODE_UINT, false, "As asked." },
	{ "Members", NODE_LIST, false, "Members of the ledger, by id." },
	{ "Members[Member]", NODE_OBJECT, true, "A member." },
	MEMBER_ROWS("Members[Member].", false),
	REPLY_END
};

const struct tally_action tally_action_list_members = {
	.name = "ListMembers",
	.family = FAMILY_LEDGERDB,
	.summary = "Page through the members of a ledger.",
	.methods = METHOD_GET | METHOD_POST,
	.kind = ACTION_READ,
	.need = PERM_VIEW_MEMBER,
	.params = list_members_params,
	.reply = list_members_reply,
	.run = list_members,
};
