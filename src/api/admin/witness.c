/* Checkpoints of ours that come from elsewhere: from witnesses, for local callers only. */
#include "note.h"
#include "reply.h"

static int no_ledger(int found, struct tally_err *err)
{
	if (found == 0)
		tally_err_about(err, TALLY_NOTFOUND, "Ledger", "there is no such ledger");
	return found == 1 ? 0 : -1;
}

static const struct tally_param checkpoint_params[] = {
	{ .name = "LedgerId", .type = PARAM_LEDGER_ID, .required = true,
	  .example = "l-c8cc7be3eea542abc8cc7be3e", .help = "The ledger." },
	{ .name = "Checkpoint", .type = PARAM_RAW, .required = true, .min = 1, .max = TALLY_NOTE_MAX,
	  .example = "ledger.example/...", .help = "The signed note." },
	PARAM_END
};

static int keep_cosigned(struct tally_call *call, struct tally_err *err)
{
	return no_ledger(tally_ledger_keep_cosigned(call->core, tally_arg_bytes(call, "LedgerId"),
						    tally_arg_bytes(call, "Checkpoint"), err), err);
}

static const struct tally_reply_field empty_reply[] = { REPLY_END };

const struct tally_action tally_action_keep_cosigned_checkpoint = {
	.name = "KeepCosignedCheckpoint",
	.family = FAMILY_ADMIN,
	.summary = "Keep a checkpoint of a ledger that a quorum of witnesses has cosigned.",
	.methods = METHOD_POST,
	.kind = ACTION_WRITE,
	.need = PERM_LOCAL,
	.params = checkpoint_params,
	.reply = empty_reply,
	.run = keep_cosigned,
};

static int check_signed(struct tally_call *call, struct tally_err *err)
{
	bool fits = false;
	int found = tally_ledger_was_signed(call->core, tally_arg_bytes(call, "LedgerId"),
					    tally_arg_bytes(call, "Checkpoint"), &fits, err);

	tally_add_bool(call->arena, call->reply, "Fits", fits);
	return no_ledger(found, err);
}

static const struct tally_reply_field check_signed_reply[] = {
	{ "Fits", NODE_BOOL, false,
	  "The ledger has that tree; if not, it is read only from now on." },
	REPLY_END
};

const struct tally_action tally_action_check_signed_checkpoint = {
	.name = "CheckSignedCheckpoint",
	.family = FAMILY_ADMIN,
	.summary = "Hold a ledger against a checkpoint that was signed for it.",
	.methods = METHOD_POST,
	.kind = ACTION_WRITE,
	.need = PERM_LOCAL,
	.params = checkpoint_params,
	.reply = check_signed_reply,
	.run = check_signed,
};
