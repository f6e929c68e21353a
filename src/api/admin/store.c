/* Keeping a store while a server owns it: local callers only. */
#include <inttypes.h>
#include <stdio.h>

#include "log.h"
#include "reply.h"

#define PART_MAX (4 << 20)	/* bytes of a block in one answer */

static const struct tally_param no_params[] = { PARAM_END };
static const struct tally_reply_field empty_reply[] = { REPLY_END };

static const struct tally_param some_ledger_params[] = {
	{ .name = "LedgerId", .type = PARAM_LEDGER_ID, .example = "l-c8cc7be3eea542abc8cc7be3e",
	  .help = "Only this ledger; absent: all, the system ledger too." },
	PARAM_END
};

/* Ledgers that are due are anchored. That no authority answers keeps a store from nothing else. */
static void anchor_due(struct tally_call *call)
{
	struct tally_err err = { 0 };
	size_t count;

	if (tally_anchor_many(call->core, ANCHOR_DUE, &count, &err) != 0) {
		tally_log(TALLY_LOG_WARN, "time.anchor", "error", err.text, NULL);
		tally_add_str(call->arena, call->reply, "AnchorError",
			      tally_arena_str(call->arena, tally_bytes_str(err.text)));
	}
	tally_add_uint(call->arena, call->reply, "Anchored", count);
}

static int maintain(struct tally_call *call, struct tally_err *err)
{
	if (tally_core_maintain(call->core, err) != 0)
		return -1;
	anchor_due(call);
	return 0;
}

static const struct tally_reply_field maintain_reply[] = {
	{ "AnchorError", NODE_TEXT, true, "Why ledgers that are due were not anchored in time." },
	{ "Anchored", NODE_UINT, false, "Ledgers that were due and are anchored in time now." },
	REPLY_END
};

const struct tally_action tally_action_maintain = {
	.name = "Maintain",
	.family = FAMILY_ADMIN,
	.summary = "Flush the index, let the driver tidy up, anchor ledgers that are due.",
	.methods = METHOD_POST,
	.kind = ACTION_WRITE,
	.need = PERM_LOCAL,
	.params = no_params,
	.reply = maintain_reply,
	.run = maintain,
};

static int anchor_ledgers(struct tally_call *call, struct tally_err *err)
{
	size_t count;

	if (tally_anchor_many(call->core, ANCHOR_GROWN, &count, err) != 0)
		return -1;
	tally_add_uint(call->arena, call->reply, "Anchored", count);
	return 0;
}

static const struct tally_reply_field anchor_ledgers_reply[] = {
	{ "Anchored", NODE_UINT, false, "Ledgers that had grown and are anchored in time now." },
	REPLY_END
};

const struct tally_action tally_action_anchor_ledgers = {
	.name = "AnchorLedgers",
	.family = FAMILY_ADMIN,
	.summary = "Anchor in time all ledgers that have grown, with one stamp.",
	.methods = METHOD_POST,
	.kind = ACTION_WRITE,
	.need = PERM_LOCAL,
	.params = no_params,
	.reply = anchor_ledgers_reply,
	.run = anchor_ledgers,
};

static int rebuild_index(struct tally_call *call, struct tally_err *err)
{
	return tally_core_rebuild(call->core, tally_arg_bytes(call, "LedgerId"), NULL, NULL, err);
}

const struct tally_action tally_action_rebuild_index = {
	.name = "RebuildIndex",
	.family = FAMILY_ADMIN,
	.summary = "Drop the index and build it anew from the blocks.",
	.methods = METHOD_POST,
	.kind = ACTION_WRITE,
	.need = PERM_LOCAL,
	.params = some_ledger_params,
	.reply = empty_reply,
	.run = rebuild_index,
};

static int check_check_store(struct tally_call *call, struct tally_err *err)
{
	if (!tally_arg_bool(call, "SinceTrustPoint", false) || tally_arg_given(call, "LedgerId"))
		return 0;
	return tally_err_about(err, TALLY_MISSING, "LedgerId", "whose trust point?");
}

static int check_store(struct tally_call *call, struct tally_err *err)
{
	struct tally_bytes id = tally_arg_bytes(call, "LedgerId");
	uint64_t from = 0;

	if (tally_arg_bool(call, "SinceTrustPoint", false) ?
	    tally_core_check_trusting(call->core, id, NULL, NULL, &from, err) != 0 :
	    tally_core_check(call->core, id, NULL, NULL, err) != 0)
		return -1;
	tally_add_uint(call->arena, call->reply, "FromBlock", from);
	return 0;
}

static const struct tally_param check_store_params[] = {
	{ .name = "LedgerId", .type = PARAM_LEDGER_ID, .example = "l-c8cc7be3eea542abc8cc7be3e",
	  .help = "Only this ledger; absent: all, the system ledger too." },
	{ .name = "SinceTrustPoint", .type = PARAM_BOOL, .fallback = "false", .example = "false",
	  .help = "Only blocks behind the one with the ledger's trust point." },
	PARAM_END
};

static const struct tally_reply_field check_store_reply[] = {
	{ "FromBlock", NODE_UINT, false, "The first block of each ledger that was read." },
	REPLY_END
};

const struct tally_action tally_action_check_store = {
	.name = "CheckStore",
	.family = FAMILY_ADMIN,
	.summary = "Read every block again: header chain, checksums, leaves, root.",
	.methods = METHOD_GET | METHOD_POST,
	.kind = ACTION_READ,
	.need = PERM_LOCAL,
	.params = check_store_params,
	.reply = check_store_reply,
	.check = check_check_store,
	.run = check_store,
};

static int backup_store(struct tally_call *call, struct tally_err *err)
{
	return tally_core_backup(call->core,
				 tally_arena_str(call->arena, tally_arg_bytes(call, "Directory")),
				 err);
}

static const struct tally_param backup_store_params[] = {
	{ .name = "Directory", .type = PARAM_TEXT, .required = true, .min = 1, .max = 4096,
	  .example = "/var/backups/tallystick", .help = "Where to; absolute path." },
	PARAM_END
};

const struct tally_action tally_action_backup_store = {
	.name = "BackupStore",
	.family = FAMILY_ADMIN,
	.summary = "Copy the store into a directory while it is in use.",
	.methods = METHOD_POST,
	.kind = ACTION_WRITE,
	.need = PERM_LOCAL,
	.params = backup_store_params,
	.reply = empty_reply,
	.run = backup_store,
};

static int list_backups(struct tally_call *call, struct tally_err *err)
{
	struct tally_arena *arena = call->arena;
	struct tally_backups backups;
	struct tally_node *list;

	if (tally_core_backups(call->core, arena, &backups, err) < 0)
		return -1;
	list = tally_add_list(arena, call->reply, "Backups", "Backup");
	for (size_t i = 0; i < backups.count; i++) {
		struct tally_node *to = tally_add_object(arena, list, NULL);

		tally_add_str(arena, to, "Directory", backups.list[i].directory);
		tally_add_uint(arena, to, "BeginTime", backups.list[i].begin_ms);
		if (backups.list[i].end_ms > 0)
			tally_add_uint(arena, to, "EndTime", backups.list[i].end_ms);
		tally_add_bool(arena, to, "HoldsErased", backups.list[i].holds);
	}
	list = tally_add_list(arena, call->reply, "LostErasures", "Erasure");
	for (size_t i = 0; i < backups.lost_count; i++) {
		struct tally_node *to = tally_add_object(arena, list, NULL);
		const struct tally_lost_erasure *lost = &backups.lost[i];

		tally_add_str(arena, to, "LedgerId", lost->ledger_id);
		tally_add_uint(arena, to, lost->purge ? "Before" : "JournalId", lost->journal_id);
		tally_add_uint(arena, to, "ScrubbedAt", lost->scrubbed_ms);
	}
	return 0;
}

static const struct tally_reply_field list_backups_reply[] = {
	{ "Backups", NODE_LIST, false, "Backups in the order in which they were made." },
	{ "Backups[Backup]", NODE_OBJECT, true, "A backup." },
	{ "Backups[Backup].Directory", NODE_TEXT, false, "Where it was made." },
	{ "Backups[Backup].BeginTime", NODE_UINT, false, "When it was begun, milliseconds." },
	{ "Backups[Backup].EndTime", NODE_UINT, true,
	  "When it was finished; not there where it was not, or nobody knows." },
	{ "Backups[Backup].HoldsErased", NODE_BOOL, false,
	  "It may hold something that was erased from the store since." },
	{ "LostErasures", NODE_LIST, false,
	  "What was erased and is there again, since an older copy of the store was put back." },
	{ "LostErasures[Erasure]", NODE_OBJECT, true, "One of them." },
	{ "LostErasures[Erasure].LedgerId", NODE_TEXT, false, "The ledger." },
	{ "LostErasures[Erasure].JournalId", NODE_UINT, true, "The journal that was occulted." },
	{ "LostErasures[Erasure].Before", NODE_UINT, true, "All journals below were purged." },
	{ "LostErasures[Erasure].ScrubbedAt", NODE_UINT, false, "When that was certified." },
	REPLY_END
};

const struct tally_action tally_action_list_backups = {
	.name = "ListBackups",
	.family = FAMILY_ADMIN,
	.summary = "List the backups that were made, and which may hold what is erased.",
	.methods = METHOD_GET | METHOD_POST,
	.kind = ACTION_READ,
	.need = PERM_LOCAL,
	.params = no_params,
	.reply = list_backups_reply,
	.run = list_backups,
};

static int forget_backup(struct tally_call *call, struct tally_err *err)
{
	const char *directory = tally_arena_str(call->arena, tally_arg_bytes(call, "Directory"));
	int found = tally_core_backup_forget(call->core, directory, err);

	if (found == 0)
		return tally_err_about(err, TALLY_NOTFOUND, "Backup", "none was made there");
	return found < 0 ? -1 : 0;
}

const struct tally_action tally_action_forget_backup = {
	.name = "ForgetBackup",
	.family = FAMILY_ADMIN,
	.summary = "Take a backup that was destroyed off the list.",
	.methods = METHOD_POST,
	.kind = ACTION_WRITE,
	.need = PERM_LOCAL,
	.params = backup_store_params,
	.reply = empty_reply,
	.run = forget_backup,
};

struct listing {
	struct tally_arena *arena;
	struct tally_node *list;
};

static void add_figure(void *ctx, const char *name, uint64_t value)
{
	struct listing *listing = ctx;
	struct tally_node *to = tally_add_object(listing->arena, listing->list, NULL);

	tally_add_str(listing->arena, to, "Name",
		      tally_arena_str(listing->arena, tally_bytes_str(name)));
	tally_add_uint(listing->arena, to, "Value", value);
}

static int stat_store(struct tally_call *call, struct tally_err *err)
{
	struct listing listing = {
		call->arena, tally_add_list(call->arena, call->reply, "Figures", "Figure")
	};

	return tally_core_stat(call->core, add_figure, &listing, err);
}

static const struct tally_reply_field stat_store_reply[] = {
	{ "Figures", NODE_LIST, false, "Figures of driver, queue and overlay." },
	{ "Figures[Figure]", NODE_OBJECT, true, "A figure." },
	{ "Figures[Figure].Name", NODE_TEXT, false, "Its name." },
	{ "Figures[Figure].Value", NODE_UINT, false, "Its value." },
	REPLY_END
};

const struct tally_action tally_action_stat_store = {
	.name = "StatStore",
	.family = FAMILY_ADMIN,
	.summary = "Figures of the store.",
	.methods = METHOD_GET | METHOD_POST,
	.kind = ACTION_READ,
	.need = PERM_LOCAL,
	.params = no_params,
	.reply = stat_store_reply,
	.run = stat_store,
};

static void add_copy(const struct listing *listing, struct tally_node *to, const char *name,
		     const char *text)
{
	tally_add_str(listing->arena, to, name,
		      tally_arena_str(listing->arena, tally_bytes_str(text)));
}

static void add_log(void *ctx, const struct tally_adopt_log *log)
{
	struct listing *listing = ctx;
	struct tally_node *to = tally_add_object(listing->arena, listing->list, NULL);

	add_copy(listing, to, "LedgerId", log->ledger_id);
	add_copy(listing, to, "Origin", log->origin);
	tally_add_uint(listing->arena, to, "SignedSize", log->was);
	tally_add_uint(listing->arena, to, "CosignedSize", log->cosigned);
	tally_add_uint(listing->arena, to, "JournalCount", log->is);
	tally_add_bool(listing->arena, to, "Fits", log->fits);
	if (log->new_origin != NULL)
		add_copy(listing, to, "NewOrigin", log->new_origin);
}

static int adopt_store(struct tally_call *call, struct tally_err *err)
{
	struct listing listing = { .arena = call->arena };
	enum tally_adopt how = !tally_arg_bool(call, "Adopt", false)    ? ADOPT_LOOK :
			       tally_arg_bool(call, "NewOrigin", false) ? ADOPT_NEW_ORIGIN :
									  ADOPT_FORGET;

	tally_add_bool(call->arena, call->reply, "Moved", tally_core_read_only(call->core));
	listing.list = tally_add_list(call->arena, call->reply, "Logs", "Log");
	return tally_core_adopt(call->core, how, add_log, &listing, err);
}

static const struct tally_param adopt_store_params[] = {
	{ .name = "Adopt", .type = PARAM_BOOL, .fallback = "false", .example = "false",
	  .help = "false: only tell; true: go on with what is there, and forget what was signed." },
	{ .name = "NewOrigin", .type = PARAM_BOOL, .fallback = "false", .example = "false",
	  .help = "With Adopt: forget nothing; ledgers that do not fit go on under a new origin, which a "
		  "journal of each tells. In a store that was moved only its place is adopted." },
	PARAM_END
};

static const struct tally_reply_field adopt_store_reply[] = {
	{ "Moved", NODE_BOOL, false,
	  "The store is not where it was made, or is a copy, and was read only for that." },
	{ "Logs", NODE_LIST, false, "Every ledger." },
	{ "Logs[Log]", NODE_OBJECT, true, "One of them." },
	{ "Logs[Log].LedgerId", NODE_TEXT, false, "The ledger." },
	{ "Logs[Log].Origin", NODE_TEXT, false, "Its name in checkpoints." },
	{ "Logs[Log].SignedSize", NODE_UINT, false,
	  "Journals of the largest tree that is known to be signed; 0: none." },
	{ "Logs[Log].CosignedSize", NODE_UINT, false,
	  "And of the largest that witnesses are known to have cosigned; 0: none." },
	{ "Logs[Log].JournalCount", NODE_UINT, false, "Journals that are there." },
	{ "Logs[Log].Fits", NODE_BOOL, false,
	  "What is there begins with what was signed; if not, the ledger was read only." },
	{ "Logs[Log].NewOrigin", NODE_TEXT, true, "The name it has from now on." },
	REPLY_END
};

const struct tally_action tally_action_adopt_store = {
	.name = "AdoptStore",
	.family = FAMILY_ADMIN,
	.summary = "Go on with a store that is older than what was signed of it.",
	.methods = METHOD_POST,
	.kind = ACTION_WRITE,
	.need = PERM_LOCAL,
	.params = adopt_store_params,
	.reply = adopt_store_reply,
	.run = adopt_store,
};

static int add_space(void *ctx, uint64_t space, const char *ledger_id, uint64_t blocks)
{
	struct listing *listing = ctx;
	struct tally_node *to = tally_add_object(listing->arena, listing->list, NULL);

	tally_add_uint(listing->arena, to, "Space", space);
	tally_add_str(listing->arena, to, "LedgerId",
		      tally_arena_str(listing->arena, tally_bytes_str(ledger_id)));
	tally_add_uint(listing->arena, to, "Blocks", blocks);
	return 0;
}

static int list_spaces(struct tally_call *call, struct tally_err *err)
{
	struct listing listing = {
		call->arena, tally_add_list(call->arena, call->reply, "Spaces", "Space")
	};

	return tally_core_spaces(call->core, add_space, &listing, err);
}

static const struct tally_reply_field list_spaces_reply[] = {
	{ "Spaces", NODE_LIST, false, "Every space of the store, in ascending order." },
	{ "Spaces[Space]", NODE_OBJECT, true, "A space." },
	{ "Spaces[Space].Space", NODE_UINT, false, "Its number; 0 is the system ledger." },
	{ "Spaces[Space].LedgerId", NODE_TEXT, false, "The ledger in it, or system." },
	{ "Spaces[Space].Blocks", NODE_UINT, false, "Its blocks." },
	REPLY_END
};

const struct tally_action tally_action_list_spaces = {
	.name = "ListSpaces",
	.family = FAMILY_ADMIN,
	.summary = "List the spaces of the store: one for each ledger, and the system's.",
	.methods = METHOD_GET | METHOD_POST,
	.kind = ACTION_READ,
	.need = PERM_LOCAL,
	.params = no_params,
	.reply = list_spaces_reply,
	.run = list_spaces,
};

static int read_block(struct tally_call *call, struct tally_err *err)
{
	uint64_t block = tally_arg_uint(call, "Block", 0), offset, size;
	struct tally_bytes bytes;
	struct tally_hash digest;
	char subject[sizeof(err->subject)];
	int found = tally_core_block_read(call->core, tally_arg_uint(call, "Space", 0), block,
					  call->arena, &bytes, err);

	if (found < 0)
		return -1;
	if (found == 0) {
		snprintf(subject, sizeof(subject), "Block %" PRIu64, block);
		return tally_err_about(err, TALLY_NOTFOUND, subject, "the space has no such block");
	}
	offset = tally_arg_uint(call, "Offset", 0);
	if (offset > bytes.size)
		return tally_err_about(err, TALLY_INVALID, "Offset", "beyond the block's end");
	size = tally_arg_uint(call, "Length", PART_MAX);
	if (size > bytes.size - offset)
		size = bytes.size - offset;
	tally_add_uint(call->arena, call->reply, "Size", bytes.size);
	tally_add_uint(call->arena, call->reply, "Offset", offset);
	tally_sha256(bytes.data, bytes.size, digest.bytes);
	tally_add_hex(call->arena, call->reply, "Digest", digest.bytes, TALLY_HASH_SIZE);
	tally_add_str(call->arena, call->reply, "BytesBase64",
		      tally_base64_encode(call->arena, tally_bytes(bytes.data + offset, size)));
	return 0;
}

static const struct tally_param read_block_params[] = {
	{ .name = "Space", .type = PARAM_UINT, .required = true, .example = "0",
	  .help = "Number of the space." },
	{ .name = "Block", .type = PARAM_UINT, .required = true, .example = "0",
	  .help = "Number of the block." },
	{ .name = "Offset", .type = PARAM_UINT, .fallback = "0", .example = "0",
	  .help = "First byte wanted." },
	{ .name = "Length", .type = PARAM_UINT, .min = 1, .max = PART_MAX, .fallback = "4194304",
	  .example = "4194304", .help = "Bytes wanted, at most 4 MiB." },
	PARAM_END
};

static const struct tally_reply_field read_block_reply[] = {
	{ "Size", NODE_UINT, false, "Bytes of the whole block." },
	{ "Offset", NODE_UINT, false, "Where this part begins." },
	{ "Digest", NODE_TEXT, false,
	  "SHA-256 of the whole block, hex: where two parts differ in it, a payload was zeroed in between." },
	{ "BytesBase64", NODE_TEXT, false, "The part." },
	REPLY_END
};

const struct tally_action tally_action_read_block = {
	.name = "ReadBlock",
	.family = FAMILY_ADMIN,
	.summary = "One block as it is stored.",
	.methods = METHOD_GET | METHOD_POST,
	.kind = ACTION_READ,
	.need = PERM_LOCAL,
	.params = read_block_params,
	.reply = read_block_reply,
	.run = read_block,
};
