/* CreateTemporaryKey, of local administration: an access key for a while, with its token. */
#include "clock.h"
#include "ram_args.h"
#include "reply.h"
#include "secret.h"

static int create_temporary_key(struct tally_call *call, struct tally_err *err)
{
	uint64_t seconds = tally_arg_uint(call, "DurationSeconds", 0);
	struct tally_arena *arena = call->arena;
	struct tally_temporary_key key;
	char end[24];

	if (tally_key_temporary(call->core, tally_arg_bytes(call, "UserAccessKeyId"),
				tally_now_ms() + seconds * 1000, tally_ram_arg(call), arena, &key,
				err) != 0)
		return -1;
	tally_time_format(key.end_ms, end);
	tally_add_uint_text(arena, call->reply, "AliUid", key.account);
	tally_add_text(arena, call->reply, "AccessKeyId",
		       tally_arena_bytes(arena, tally_bytes_str(key.key_id)));
	tally_add_text(arena, call->reply, "AccessKeySecret",
		       tally_arena_bytes(arena, tally_bytes_str(key.secret)));
	tally_add_str(arena, call->reply, "SecurityToken", key.token);
	tally_add_text(arena, call->reply, "Expiration",
		       tally_arena_bytes(arena, tally_bytes_str(end)));
	tally_wipe(&key, sizeof(key));
	return 0;
}

static const struct tally_param create_temporary_key_params[] = {
	{ .name = "UserAccessKeyId", .type = PARAM_TEXT, .required = true, .min = 1, .max = 128,
	  .example = "AKexample", .help = "The access key that it is from, and ends with." },
	{ .name = "DurationSeconds", .type = PARAM_UINT, .min = 60, .max = 43200, .fallback = "3600",
	  .example = "3600", .help = "How long it is good." },
	{ .name = "Policy", .type = PARAM_RAW, .min = 1, .max = TALLY_TEMPORARY_POLICY_MAX,
	  .example = "read-only",
	  .help = "What it is limited to beside the policies of its key and account: a document, or "
		  "read-only." },
	PARAM_END
};

static const struct tally_reply_field create_temporary_key_reply[] = {
	{ "AliUid", NODE_TEXT, false, "The account it acts for." },
	{ "AccessKeyId", NODE_TEXT, false, "The new key." },
	{ "AccessKeySecret", NODE_TEXT, false, "Its secret, shown this once." },
	{ "SecurityToken", NODE_TEXT, false, "Goes with every request that it signs." },
	{ "Expiration", NODE_TEXT, false, "When it ends, UTC." },
	REPLY_END
};

const struct tally_action tally_action_create_temporary_key = {
	.name = "CreateTemporaryKey",
	.family = FAMILY_ADMIN,
	.summary = "Make a temporary key from an access key.",
	.methods = METHOD_POST,
	.kind = ACTION_WRITE,
	.need = PERM_LOCAL,
	.params = create_temporary_key_params,
	.reply = create_temporary_key_reply,
	.check = tally_ram_check,
	.run = create_temporary_key,
};
