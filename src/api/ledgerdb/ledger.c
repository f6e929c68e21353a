/* Actions on whole ledgers: create, describe, list, modify, delete, figures. */
#include <stdio.h>

#include "reply.h"
#include "signing_args.h"

#define ANCHOR_INTERVAL_PARAM \
	{ .name = "TimeAnchorInterval", .type = PARAM_UINT, .max = 366 * 86400, .example = "3600", \
	  .help = "Seconds after which the ledger is anchored in time when it has grown; 0: never by " \
		  "itself. Without it the server's setting counts." }

static const char *const ledger_types[] = { "JOURNAL", "KV", NULL };
static const char *const sign_policies[] = { "ACCEPTED", "OFF", "REQUIRED", NULL };
static const char *const removal_policies[] = { "DUAL", "OFF", "ADMIN", NULL };

#define POLICY_PARAMS(otherwise) \
	{ .name = "SignaturePolicy", .type = PARAM_ENUM, .choices = sign_policies, \
	  .fallback = otherwise, .example = "ACCEPTED", \
	  .help = "Members' signatures on what is appended: ACCEPTED, OFF (refused) or REQUIRED." }, \
	{ .name = "SignatureCount", .type = PARAM_UINT, .min = 1, .max = 8, .example = "1", \
	  .help = "How many members must sign together where signatures are REQUIRED." }, \
	{ .name = "RemovalPolicy", .type = PARAM_ENUM, .choices = removal_policies, \
	  .fallback = (otherwise) != NULL ? "DUAL" : NULL, .example = "DUAL", \
	  .help = "Who can have payloads erased: DUAL (its owner and another ADMIN member sign), ADMIN " \
		  "(whose request is enough), OFF. A weaker one than now needs the signatures of DUAL." }

#define LIMIT_PARAM(limit, most, what) \
	{ .name = limit, .type = PARAM_UINT, .max = most, .example = "10", \
	  .help = what "; at most the server's limit, which counts where this is 0." }

/* The ledger of the call, or -1 NOTFOUND. */
static int get_info(struct tally_call *call, struct tally_ledger_info *info_r,
		    struct tally_err *err)
{
	struct tally_bytes id = tally_arg_bytes(call, "LedgerId");
	char subject[sizeof(err->subject)];
	int found = tally_ledger_describe(call->core, id, call->arena, info_r, err);

	if (found != 0)
		return found < 0 ? -1 : 0;
	snprintf(subject, sizeof(subject), "Ledger %.*s", (int)id.size, (const char *)id.data);
	return tally_err_about(err, TALLY_NOTFOUND, subject, "there is no such ledger");
}

/* ---- CreateLedger ---- */

static int check_create_ledger(struct tally_call *call, struct tally_err *err)
{
	if (call->write.caller.account != 0)
		return 0;
	return tally_err_about(err, TALLY_MISSING, "x-tally-account",
			       "local administration must name the owner of a ledger");
}

static int create_ledger(struct tally_call *call, struct tally_err *err)
{
	struct tally_ledger_create create = {
		.name = tally_arg_bytes(call, "LedgerName"),
		.description = tally_arg_bytes(call, "LedgerDescription"),
		.type = tally_arg_enum(call, "LedgerType") == 0 ? LEDGER_JOURNAL : LEDGER_KV,
		.public_read = tally_arg_bool(call, "PublicRead", false),
		.sign_policy = (enum tally_sign_policy)tally_arg_enum(call, "SignaturePolicy"),
		.sign_count = (unsigned int)tally_arg_uint(call, "SignatureCount", 0),
		.removal_policy = (enum tally_removal_policy)tally_arg_enum(call, "RemovalPolicy"),
		.set_anchor_interval = tally_arg_given(call, "TimeAnchorInterval"),
		.anchor_interval_s = tally_arg_uint(call, "TimeAnchorInterval", 0),
	};
	struct tally_ledger_created created;

	if (tally_ledger_create(call->core, &call->write, &create, &created, err) < 0)
		return -1;
	tally_add_str(call->arena, call->reply, "LedgerId",
		      tally_arena_str(call->arena, tally_bytes_str(created.ledger_id)));
	tally_add_str(call->arena, call->reply, "MemberId",
		      tally_arena_str(call->arena, tally_bytes_str(created.member_id)));
	return 0;
}

static const struct tally_param create_ledger_params[] = {
	{ .name = "LedgerName", .type = PARAM_TEXT, .required = true, .min = 1, .max = 128,
	  .example = "Deliveries", .help = "Name, 1 to 128 characters." },
	{ .name = "LedgerDescription", .type = PARAM_TEXT, .max = 256,
	  .example = "What came in, and when", .help = "Description, up to 256 characters." },
	{ .name = "LedgerType", .type = PARAM_ENUM, .choices = ledger_types, .fallback = "JOURNAL",
	  .example = "JOURNAL", .help = "JOURNAL takes journals only, KV keys and values only." },
	{ .name = "PublicRead", .type = PARAM_BOOL, .fallback = "false", .example = "false",
	  .help = "Let unsigned requests read the ledger and its journals." },
	POLICY_PARAMS("ACCEPTED"),
	ANCHOR_INTERVAL_PARAM,
	{ .name = "ClientToken", .type = PARAM_TOKEN,
	  .example = "123e4567-e89b-12d3-a456-426655440000",
	  .help = "The same token again gives the same ledger; up to 64 ASCII characters." },
	PARAM_END
};

static const struct tally_reply_field create_ledger_reply[] = {
	{ "LedgerId", NODE_TEXT, false, "The new ledger." },
	{ "MemberId", NODE_TEXT, false, "The owner, its first member." },
	REPLY_END
};

const struct tally_action tally_action_create_ledger = {
	.name = "CreateLedger",
	.family = FAMILY_LEDGERDB,
	.summary = "Create a ledger; the caller becomes its owner and first member.",
	.methods = METHOD_GET | METHOD_POST,
	.kind = ACTION_WRITE,
	.need = PERM_NONE,
	.params = create_ledger_params,
	.reply = create_ledger_reply,
	.example = "LedgerDescription",
	.check = check_create_ledger,
	.run = create_ledger,
};

/* ---- DescribeLedger ---- */

static int describe_ledger(struct tally_call *call, struct tally_err *err)
{
	struct tally_ledger_info info;

	if (get_info(call, &info, err) < 0)
		return -1;
	return tally_reply_ledger(call, tally_add_object(call->arena, call->reply, "Ledger"), &info,
				  err);
}

static const struct tally_param ledger_params[] = {
	LEDGER_ID_PARAM,
	PARAM_END
};

static const struct tally_reply_field describe_ledger_reply[] = {
	{ "Ledger", NODE_OBJECT, false, "The ledger." },
	LEDGER_ROWS("Ledger."),
	REPLY_END
};

const struct tally_action tally_action_describe_ledger = {
	.name = "DescribeLedger",
	.family = FAMILY_LEDGERDB,
	.summary = "Describe one ledger.",
	.methods = METHOD_GET | METHOD_POST,
	.kind = ACTION_READ,
	.need = PERM_VIEW_LEDGER,
	.params = ledger_params,
	.reply = describe_ledger_reply,
	.run = describe_ledger,
};

/* ---- DescribeLedgers ---- */

/* The listing is the caller's own: so is its token. */
static struct tally_bytes list_scope(struct tally_call *call)
{
	const char *text = tally_arena_printf(call->arena, "DescribeLedgers %llu %d",
					      (unsigned long long)call->write.caller.account,
					      call->write.caller.local);

	return tally_bytes_str(text);
}

static int describe_ledgers(struct tally_call *call, struct tally_err *err)
{
	struct tally_bytes token = tally_arg_bytes(call, "NextToken"), after = TALLY_BYTES_NONE;
	uint64_t limit = tally_arg_uint(call, "MaxResults", 10);
	struct tally_ledger_info *infos;
	struct tally_node *list;
	const char *next = "";
	size_t count, i;
	bool more;

	if (token.size > 0 && tally_next_open(call, list_scope(call), token, &after, err) < 0)
		return -1;
	if (tally_ledger_list(call->core, &call->write.caller, after, limit, call->arena, &infos,
			      &count, &more, err) < 0)
		return -1;
	if (more && count > 0)
		next = tally_next_token(call, list_scope(call),
					tally_bytes_str(infos[count - 1].id));
	tally_add_str(call->arena, call->reply, "NextToken", next);
	tally_add_uint(call->arena, call->reply, "MaxResults", limit);
	list = tally_add_list(call->arena, call->reply, "Ledgers", "Ledger");
	for (i = 0; i < count; i++)
		if (tally_reply_ledger(call, tally_add_object(call->arena, list, NULL), &infos[i],
				       err) < 0)
			return -1;
	return 0;
}

static const struct tally_param describe_ledgers_params[] = {
	{ .name = "NextToken", .type = PARAM_NEXT, .example = "",
	  .help = "From the page before; empty or absent: from the start." },
	{ .name = "MaxResults", .type = PARAM_UINT, .min = 1, .max = 100, .fallback = "10",
	  .example = "10", .help = "Ledgers of a page." },
	PARAM_END
};

static const struct tally_reply_field describe_ledgers_reply[] = {
	{ "NextToken", NODE_TEXT, false, "For the next page; empty: there is none." },
	{ "MaxResults", NODE_UINT, false, "As asked." },
	{ "Ledgers", NODE_LIST, false, "Ledgers that the caller owns or has joined." },
	{ "Ledgers[Ledger]", NODE_OBJECT, true, "A ledger." },
	LEDGER_ROWS("Ledgers[Ledger]."),
	REPLY_END
};

const struct tally_action tally_action_describe_ledgers = {
	.name = "DescribeLedgers",
	.family = FAMILY_LEDGERDB,
	.summary = "Page through the caller's ledgers.",
	.methods = METHOD_GET | METHOD_POST,
	.kind = ACTION_READ,
	.need = PERM_NONE,
	.params = describe_ledgers_params,
	.reply = describe_ledgers_reply,
	.example = "MaxResults",
	.run = describe_ledgers,
};

/* ---- ModifyLedgerAttribute ---- */

static int check_modify_ledger(struct tally_call *call, struct tally_err *err)
{
	for (enum tally_limit i = 0; i < LIMITS; i++)
		if (tally_arg_given(call, tally_limit_param(i)))
			return 0;
	if (tally_arg_given(call, "LedgerName") || tally_arg_given(call, "LedgerDescription") ||
	    tally_arg_given(call, "PublicRead") || tally_arg_given(call, "SignaturePolicy") ||
	    tally_arg_given(call, "SignatureCount") ||
	    tally_arg_given(call, "TimeAnchorInterval") || tally_arg_given(call, "RemovalPolicy"))
		return 0;
	return tally_err_about(err, TALLY_MISSING, "LedgerName", "nothing to change");
}

static int modify_ledger(struct tally_call *call, struct tally_err *err)
{
	struct tally_ledger_change change = {
		.set_name = tally_arg_given(call, "LedgerName"),
		.set_description = tally_arg_given(call, "LedgerDescription"),
		.set_public_read = tally_arg_given(call, "PublicRead"),
		.set_sign_policy = tally_arg_given(call, "SignaturePolicy"),
		.set_sign_count = tally_arg_given(call, "SignatureCount"),
		.sign_policy = (enum tally_sign_policy)tally_arg_enum(call, "SignaturePolicy"),
		.sign_count = (unsigned int)tally_arg_uint(call, "SignatureCount", 1),
		.set_removal_policy = tally_arg_given(call, "RemovalPolicy"),
		.removal_policy = (enum tally_removal_policy)tally_arg_enum(call, "RemovalPolicy"),
		.name = tally_arg_bytes(call, "LedgerName"),
		.description = tally_arg_bytes(call, "LedgerDescription"),
		.public_read = tally_arg_bool(call, "PublicRead", false),
		.set_anchor_interval = tally_arg_given(call, "TimeAnchorInterval"),
		.anchor_interval_s = tally_arg_uint(call, "TimeAnchorInterval", 0),
	};
	struct tally_signing *signing;

	for (enum tally_limit i = 0; i < LIMITS; i++) {
		change.set_limit[i] = tally_arg_given(call, tally_limit_param(i));
		change.limits[i] = tally_arg_uint(call, tally_limit_param(i), 0);
	}
	if (tally_signing_args(call, &signing, err) != 0)
		return -1;
	call->write.signing = signing;
	return tally_ledger_modify(call->core, &call->write, tally_arg_bytes(call, "LedgerId"),
				   &change, err);
}

static const struct tally_param modify_ledger_params[] = {
	LEDGER_ID_PARAM,
	{ .name = "LedgerName", .type = PARAM_TEXT, .min = 1, .max = 128, .example = "firstledger",
	  .help = "New name; something must be given." },
	{ .name = "LedgerDescription", .type = PARAM_TEXT, .max = 256,
	  .example = "My first Ledger", .help = "New description; may be empty." },
	{ .name = "PublicRead", .type = PARAM_BOOL, .example = "true",
	  .help = "Let unsigned requests read the ledger and its journals." },
	POLICY_PARAMS(NULL),
	ANCHOR_INTERVAL_PARAM,
	LIMIT_PARAM("BatchLimit", 1ull << 32, "Journals of one batch"),
	LIMIT_PARAM("ClueLimit", 32, "Clues of one journal"),
	LIMIT_PARAM("MemberLimit", 1ull << 32, "Members"),
	LIMIT_PARAM("PageLimit", 1024, "Journals, or keys, of a page"),
	LIMIT_PARAM("PayloadLimit", 1ull << 40, "Bytes of one payload"),
	SIGNING_PARAMS,
	PARAM_END
};

static const struct tally_reply_field empty_reply[] = { REPLY_END };

const struct tally_action tally_action_modify_ledger_attribute = {
	.name = "ModifyLedgerAttribute",
	.family = FAMILY_LEDGERDB,
	.summary = "Change a ledger's name, description, public reading, policies, anchoring or limits.",
	.methods = METHOD_GET | METHOD_POST,
	.kind = ACTION_WRITE,
	.need = PERM_UPDATE_LEDGER,
	.params = modify_ledger_params,
	.reply = empty_reply,
	.example = "LedgerName",
	.check = check_modify_ledger,
	.run = modify_ledger,
};

/* ---- DeleteLedger ---- */

static int delete_ledger(struct tally_call *call, struct tally_err *err)
{
	return tally_ledger_delete(call->core, &call->write, tally_arg_bytes(call, "LedgerId"),
				   err);
}

const struct tally_action tally_action_delete_ledger = {
	.name = "DeleteLedger",
	.family = FAMILY_LEDGERDB,
	.summary = "Delete a ledger; its last journal says so.",
	.methods = METHOD_GET | METHOD_POST,
	.kind = ACTION_WRITE,
	.need = PERM_UPDATE_LEDGER,
	.params = ledger_params,
	.reply = empty_reply,
	.run = delete_ledger,
};

/* ---- StatLedger ---- */

static int stat_ledger(struct tally_call *call, struct tally_err *err)
{
	struct tally_arena *arena = call->arena;
	struct tally_ledger_info info;
	struct tally_node *to;

	if (get_info(call, &info, err) < 0)
		return -1;
	to = tally_add_object(arena, call->reply, "LedgerInfo");
	if (tally_reply_ledger(call, to, &info, err) < 0)
		return -1;
	tally_add_uint(arena, to, "BlockCount", info.block_count);
	tally_add_hex(arena, to, "LastBlockHash", info.last_block_hash.bytes, TALLY_HASH_SIZE);
	tally_add_hex(arena, to, "RootHash", info.root.bytes, TALLY_HASH_SIZE);
	tally_add_str(arena, to, "Origin", info.origin);
	if (info.state_size > 0) {
		tally_add_uint(arena, to, "StateSize", info.state_size);
		tally_add_hex(arena, to, "StateRootHash", info.state_root.bytes, TALLY_HASH_SIZE);
		tally_add_uint_text(arena, to, "StateRootJournalId", info.state_journal);
	}
	return 0;
}

static const struct tally_reply_field stat_ledger_reply[] = {
	{ "LedgerInfo", NODE_OBJECT, false, "The ledger and its figures." },
	LEDGER_ROWS("LedgerInfo."),
	{ "LedgerInfo.BlockCount", NODE_UINT, false, "Blocks of the ledger." },
	{ "LedgerInfo.LastBlockHash", NODE_TEXT, false, "Hash of the last block's header, hex." },
	{ "LedgerInfo.RootHash", NODE_TEXT, false,
	  "Root of the log tree of JournalCount journals, hex." },
	{ "LedgerInfo.Origin", NODE_TEXT, false, "Name of the log in its checkpoints." },
	{ "LedgerInfo.StateSize", NODE_UINT, true,
	  "The newest STATE_ROOT journal is about the first so many; these three are absent where "
	  "there is none." },
	{ "LedgerInfo.StateRootHash", NODE_TEXT, true, "The root of the state tree in it, hex." },
	{ "LedgerInfo.StateRootJournalId", NODE_TEXT, true, "Its number." },
	REPLY_END
};

const struct tally_action tally_action_stat_ledger = {
	.name = "StatLedger",
	.family = FAMILY_LEDGERDB,
	.summary = "A ledger with its figures: journals, blocks, root of the log tree.",
	.methods = METHOD_GET | METHOD_POST,
	.kind = ACTION_READ,
	.need = PERM_VIEW_LEDGER,
	.params = ledger_params,
	.reply = stat_ledger_reply,
	.run = stat_ledger,
};
