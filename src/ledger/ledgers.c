/* Ledgers: create, describe, list, modify, delete. */
#include "core_private.h"

#include <stdio.h>
#include <stdlib.h>

#include "utf8.h"

/* ---- names ---- */

static int check_name(struct tally_bytes name, struct tally_err *err)
{
	if (!tally_utf8_printable(name) || name.size == 0 || tally_utf8_length(name) > 128)
		return tally_err_about(err, TALLY_INVALID, "LedgerName",
				       "it has 1 to 128 printable characters");
	return 0;
}

static int check_description(struct tally_bytes text, struct tally_err *err)
{
	if (!tally_utf8_printable(text) || tally_utf8_length(text) > 256)
		return tally_err_about(err, TALLY_INVALID, "LedgerDescription",
				       "it has up to 256 printable characters");
	return 0;
}

/* As it stands in journals. */
static const char *policy_name(enum tally_sign_policy policy)
{
	static const char *const names[] = { "accepted", "off", "required" };

	return names[policy];
}

static const char *removal_name(enum tally_removal_policy policy)
{
	static const char *const names[] = { "dual", "off", "admin" };

	return names[policy];
}

/* ---- changing ---- */

/* A removal policy is made weaker by those only whom a removal would need. */
static int check_modify(struct tally_build *build, struct tally_manage *manage,
			struct tally_err *err)
{
	const struct tally_ledger_change *change = manage->ctx;

	if (!tally_removal_weaker(build->head->removal_policy, change->removal_policy))
		return 0;
	return tally_removal_permit(build, manage->of, true, err);
}

int tally_ledger_modify(struct tally_core *core, const struct tally_write *write,
			struct tally_bytes ledger_id, const struct tally_ledger_change *change,
			struct tally_err *err)
{
	struct tally_ledger_change wanted = *change;
	struct tally_field fields[7];
	struct tally_manage manage = { .what = "modify", .need = PERM_UPDATE_LEDGER,
				       .ctx = &wanted };
	size_t count = 0;

	if ((change->set_name && check_name(change->name, err) != 0) ||
	    (change->set_description && check_description(change->description, err) != 0))
		return -1;
	if (change->set_description)
		fields[count++] = (struct tally_field){ TALLY_BYTES_LIT("description"), FIELD_TEXT,
							change->description, 0 };
	if (change->set_name)
		fields[count++] = (struct tally_field){ TALLY_BYTES_LIT("name"), FIELD_TEXT,
							change->name, 0 };
	if (change->set_public_read)
		fields[count++] = (struct tally_field){ TALLY_BYTES_LIT("publicRead"), FIELD_BOOL,
							TALLY_BYTES_NONE, change->public_read };
	if (change->set_removal_policy) {
		fields[count++] = (struct tally_field){
			TALLY_BYTES_LIT("removal"), FIELD_TEXT,
			tally_bytes_str(removal_name(change->removal_policy)), 0 };
		manage.need = PERM_REMOVE;
		manage.check = check_modify;
	}
	if (change->set_sign_count)
		fields[count++] = (struct tally_field){ TALLY_BYTES_LIT("signatureCount"),
							FIELD_UINT, TALLY_BYTES_NONE,
							change->sign_count };
	if (change->set_sign_policy)
		fields[count++] = (struct tally_field){
			TALLY_BYTES_LIT("signatures"), FIELD_TEXT,
			tally_bytes_str(policy_name(change->sign_policy)), 0 };
	if (change->set_anchor_interval)
		fields[count++] = (struct tally_field){ TALLY_BYTES_LIT("timeAnchorInterval"),
							FIELD_UINT, TALLY_BYTES_NONE,
							change->anchor_interval_s };
	if (count == 0)
		return tally_err_about(err, TALLY_MISSING, "LedgerName", "nothing to change");
	manage.prepared.record = (struct tally_record){ .type = TYPE_UPDATE_LEDGER,
							.has_data = true, .fields = fields,
							.field_count = (uint8_t)count };
	return tally_manage_run(core, write, ledger_id, &manage, NULL, err);
}

int tally_ledger_delete(struct tally_core *core, const struct tally_write *write,
			struct tally_bytes ledger_id, struct tally_err *err)
{
	struct tally_manage manage = { .what = "delete", .need = PERM_UPDATE_LEDGER };

	manage.prepared.record = (struct tally_record){ .type = TYPE_DELETE_LEDGER,
							.has_data = true };
	return tally_manage_run(core, write, ledger_id, &manage, NULL, err);
}

/* ---- creating ---- */

/*
 * An existing block 0 is ours if it was made by the same request with the same token; without one,
 * it was made with this nonce, which admits nobody but a relay that sends the same again.
 */
static int decide_create(struct tally_build *build, struct tally_command *command,
			 struct tally_err *err)
{
	struct tally_manage *manage = command->ctx;
	uint64_t journal;
	int known;

	if (build->head->blocks > 0) {
		known = manage->has_token ?
				tally_build_token(build, manage->token, manage->request, &journal, err) :
				tally_build_admit(build, command->write, manage->request, &journal, err);
		if (known == 1)
			return 0;
		return known < 0 ? -1 :
				   tally_err_about(err, TALLY_EXISTS, "Ledger", "the id is taken");
	}
	if (tally_build_admit(build, command->write, manage->request, &journal, err) != 0)
		return -1;
	return tally_manage_add(build, command->write, manage, err);
}

/*
 * "l-" and 25 hex digits: from the account and the token, so that a ledger is made once for it; else
 * from the nonce, so that a replay meets the block that has it; else random.
 */
static void make_ledger_id(struct tally_core *core, const struct tally_write *write,
			   char id_r[TALLY_LEDGER_ID_SIZE + 1])
{
	bool random = write->token.size == 0 && write->nonce.size == 0;
	uint8_t bytes[32];
	char hex[65];

	do {
		tally_random(bytes, sizeof(bytes));
		if (write->token.size > 0)
			tally_token_digest(core, TALLY_BYTES_LIT("ledger"), write->caller.account,
					   write->token, bytes);
		else if (write->nonce.size > 0)
			tally_token_digest(core, TALLY_BYTES_LIT("ledger of a nonce"),
					   write->caller.account, write->nonce, bytes);
		tally_hex_encode(bytes, sizeof(bytes), hex);
	} while (random && tally_get_u64(bytes) == TALLY_SYSTEM_SPACE);
	snprintf(id_r, TALLY_LEDGER_ID_SIZE + 1, "l-%.25s", hex);
}

/* Ledgers of an account, at most limit of them counted. */
struct count_ledgers {
	uint64_t count, limit;
};

static int count_ledger(void *ctx, struct tally_bytes key, struct tally_bytes value)
{
	struct count_ledgers *counting = ctx;

	(void)key;
	(void)value;
	return ++counting->count >= counting->limit;
}

static int check_ledger_count(struct tally_core *core, uint64_t account, struct tally_err *err)
{
	struct count_ledgers counting = { 0, core->limits.ledgers };
	struct tally_view view;
	uint8_t low[8], high[8];

	tally_put_u64(low, account);
	tally_put_u64(high, account + 1);
	if (tally_view_take(core->system, &view, err) != 0)
		return -1;
	if (tally_view_scan(&view, TABLE_CATALOGUE_BY_ACCOUNT, tally_bytes(low, 8),
			    tally_bytes(high, 8), false, count_ledger, &counting, err) != 0)
		counting.count = UINT64_MAX;
	tally_view_drop(&view);
	if (counting.count == UINT64_MAX)
		return -1;
	if (counting.count >= counting.limit)
		return tally_err_about(err, TALLY_DENIED, "Ledger",
				       "the account has %llu ledgers, which is its limit",
				       (unsigned long long)counting.count);
	return 0;
}

static int create_genesis(struct tally_core *core, const struct tally_write *write,
			  const struct tally_ledger_create *create,
			  struct tally_ledger_created *created, struct tally_err *err)
{
	char origin[256], log_key[65];
	struct tally_command command = { .decide = decide_create, .write = write, .bytes = 16384,
					 .journals = 1 };
	struct tally_manage manage = { .what = "create", .need = PERM_NONE };
	uint64_t account = write->caller.account, space;
	struct tally_field fields[12];
	uint8_t count = 8;

	snprintf(origin, sizeof(origin), "%s/%s", core->origin, created->ledger_id);
	tally_hex_encode(core->log_public, sizeof(core->log_public), log_key);
	fields[0] = (struct tally_field){ TALLY_BYTES_LIT("description"), FIELD_TEXT,
					  create->description, 0 };
	fields[1] = (struct tally_field){ TALLY_BYTES_LIT("ledgerType"), FIELD_TEXT,
					  tally_bytes_str(create->type == LEDGER_KV ? "KV" :
										      "JOURNAL"),
					  0 };
	fields[2] = (struct tally_field){ TALLY_BYTES_LIT("logKey"), FIELD_TEXT,
					  tally_bytes_str(log_key), 0 };
	fields[3] = (struct tally_field){ TALLY_BYTES_LIT("name"), FIELD_TEXT, create->name, 0 };
	fields[4] = (struct tally_field){ TALLY_BYTES_LIT("origin"), FIELD_TEXT,
					  tally_bytes_str(origin), 0 };
	fields[5] = (struct tally_field){ TALLY_BYTES_LIT("ownerAccount"), FIELD_UINT,
					  TALLY_BYTES_NONE, account };
	fields[6] = (struct tally_field){ TALLY_BYTES_LIT("ownerRole"), FIELD_TEXT,
					  TALLY_BYTES_LIT("ADMIN"), 0 };
	fields[7] = (struct tally_field){ TALLY_BYTES_LIT("publicRead"), FIELD_BOOL,
					  TALLY_BYTES_NONE, create->public_read };
	if (create->removal_policy != REMOVAL_DUAL)
		fields[count++] = (struct tally_field){
			TALLY_BYTES_LIT("removal"), FIELD_TEXT,
			tally_bytes_str(removal_name(create->removal_policy)), 0 };
	if (create->sign_count > 1)
		fields[count++] = (struct tally_field){ TALLY_BYTES_LIT("signatureCount"),
							FIELD_UINT, TALLY_BYTES_NONE,
							create->sign_count };
	if (create->sign_policy != SIGN_ACCEPTED)
		fields[count++] = (struct tally_field){
			TALLY_BYTES_LIT("signatures"), FIELD_TEXT,
			tally_bytes_str(policy_name(create->sign_policy)), 0 };
	if (create->set_anchor_interval)
		fields[count++] = (struct tally_field){ TALLY_BYTES_LIT("timeAnchorInterval"),
							FIELD_UINT, TALLY_BYTES_NONE,
							create->anchor_interval_s };
	manage.prepared.record = (struct tally_record){
		.type = TYPE_CREATE_LEDGER, .has_data = true, .fields = fields, .field_count = count,
		.member_id = tally_bytes_str(created->member_id) };
	tally_manage_request(core, TALLY_BYTES_NONE, &manage);
	tally_manage_token(core, write, tally_bytes_str(created->ledger_id), &manage);
	command.ctx = &manage;
	if (!tally_ledger_id_space(tally_bytes_str(created->ledger_id), &space) ||
	    tally_space_need(core, space, created->ledger_id, &command.space, err) != 0)
		return -1;
	if (strcmp(command.space->name, created->ledger_id) != 0)
		return tally_err_about(err, TALLY_EXISTS, "Ledger", "the id is taken");
	return tally_queue_run(core, &command, err);
}

int tally_ledger_create(struct tally_core *core, const struct tally_write *write,
			const struct tally_ledger_create *create,
			struct tally_ledger_created *created_r, struct tally_err *err)
{
	uint64_t account = write->caller.account;
	int known;

	if (account == 0)
		return tally_err_about(err, TALLY_MISSING, "Account",
				       "a ledger needs an account that owns it");
	if (check_name(create->name, err) != 0 || check_description(create->description, err) != 0)
		return -1;
	make_ledger_id(core, write, created_r->ledger_id);
	tally_member_id_of_account(tally_bytes_str(created_r->ledger_id), account,
				   created_r->member_id);
	/* A creation that was cut short is finished when it is asked again. */
	known = tally_catalogue_has(core, tally_bytes_str(created_r->ledger_id), err);
	if (known < 0 || (known == 0 && check_ledger_count(core, account, err) != 0))
		return -1;
	if (create_genesis(core, write, create, created_r, err) != 0)
		return -1;
	if (known == 1)
		return 0;
	return tally_catalogue_add(core, tally_bytes_str(created_r->ledger_id), account, err);
}

int tally_ledger_create_as(struct tally_core *core, uint64_t account, const char *ledger_id,
			   const struct tally_ledger_create *create, struct tally_err *err)
{
	struct tally_write write = { .caller = { .account = account, .local = true } };
	struct tally_ledger_created created;

	snprintf(created.ledger_id, sizeof(created.ledger_id), "%s", ledger_id);
	tally_member_id_of_account(tally_bytes_str(ledger_id), account, created.member_id);
	if (create_genesis(core, &write, create, &created, err) != 0)
		return -1;
	return tally_catalogue_add(core, tally_bytes_str(ledger_id), account, err);
}

/* ---- describing ---- */

static void describe(const struct tally_view *view, struct tally_arena *arena,
		     struct tally_ledger_info *info_r)
{
	const struct tally_head *head = view->head;

	*info_r = (struct tally_ledger_info){
		.name = tally_arena_bytes(arena, tally_bytes_str(head->name)),
		.description = tally_arena_bytes(arena, tally_bytes_str(head->description)),
		.type = head->type,
		.status = head->status,
		.public_read = head->public_read,
		.owner = head->owner,
		.create_ms = head->create_ms,
		.update_ms = head->update_ms,
		.journal_count = head->frontier.size,
		.block_count = head->blocks,
		.member_count = head->member_count,
		.time_anchor_count = head->anchor_count,
		.root = head->root,
		.origin = tally_arena_str(arena, tally_bytes_str(head->origin)),
		.sign_policy = head->sign_policy,
		.sign_count = head->sign_count,
		.state_size = head->state.size,
		.state_journal = head->state.journal,
		.state_root = head->state.root,
		.has_anchor_interval = head->anchor_interval_s != TALLY_INTERVAL_UNSET,
		.anchor_interval_s = head->anchor_interval_s,
		.removal_policy = head->removal_policy,
		.purged_before = head->purge_before,
	};
	memcpy(info_r->last_block_hash.bytes, head->block_hash, TALLY_HASH_SIZE);
	snprintf(info_r->id, sizeof(info_r->id), "%.27s", view->space->name);
}

int tally_ledger_describe(struct tally_core *core, struct tally_bytes ledger_id,
			  struct tally_arena *arena, struct tally_ledger_info *info_r,
			  struct tally_err *err)
{
	struct tally_space *space;
	struct tally_view view;
	int found = tally_space_of_ledger(core, ledger_id, &space, err);

	if (found != 1)
		return found;
	if (tally_view_take(space, &view, err) != 0)
		return -1;
	describe(&view, arena, info_r);
	tally_view_drop(&view);
	return 1;
}

/* ---- listing ---- */

/* Ids of one table, behind the first `skip` bytes of its keys. */
struct listing {
	struct tally_arena *arena;
	struct tally_bytes *ids;
	size_t count, room, skip;
};

static int list_id(void *ctx, struct tally_bytes key, struct tally_bytes value)
{
	struct listing *listing = ctx;

	(void)value;
	if (listing->count == listing->room)
		return 1;
	listing->ids[listing->count++] = tally_arena_bytes(
		listing->arena, tally_bytes(key.data + listing->skip, key.size - listing->skip));
	return 0;
}

/* The next ids of a table behind `after`; of one account, or (0) all of the catalogue. */
static int list_table(const struct tally_view *view, uint32_t table, uint64_t account,
		      struct tally_bytes after, struct listing *listing, struct tally_err *err)
{
	struct tally_buf low = { 0 };
	uint8_t high[8];
	int result;

	listing->skip = account == 0 ? 0 : 8;
	listing->count = 0;
	if (account != 0)
		tally_buf_add_u64(&low, account);
	tally_buf_add_bytes(&low, after);
	if (after.size > 0)
		tally_buf_add_u8(&low, 0);
	tally_put_u64(high, account + 1);
	result = tally_view_scan(view, table, tally_buf_bytes(&low),
				 account == 0 ? TALLY_BYTES_NONE : tally_bytes(high, 8), false, list_id,
				 listing, err);
	tally_buf_free(&low);
	return result;
}

static int by_id(const void *a, const void *b)
{
	return tally_bytes_compare(*(const struct tally_bytes *)a, *(const struct tally_bytes *)b);
}

/* In ids_r, which has room for twice that: the next room ids, or all, of what the caller owns and what it
 * has joined. Each list has its first ones, so they are among the first of both. */
static int list_ids(struct tally_core *core, const struct tally_caller *caller,
		    struct tally_bytes after, struct tally_arena *arena, size_t room,
		    struct tally_bytes *ids_r, size_t *count_r, struct tally_err *err)
{
	struct listing owned = { .arena = arena, .ids = ids_r, .room = room };
	struct listing joined = { .arena = arena, .room = room };
	struct tally_view view;
	int result;

	*count_r = 0;
	if (caller->account == 0 && !caller->local)
		return 0;
	if (tally_view_take(core->system, &view, err) != 0)
		return -1;
	result = list_table(&view, caller->account == 0 ? TABLE_CATALOGUE :
							  TABLE_CATALOGUE_BY_ACCOUNT,
			    caller->account, after, &owned, err);
	joined.ids = ids_r + owned.count;
	if (result == 0 && caller->account != 0)
		result = list_table(&view, TABLE_JOINED, caller->account, after, &joined, err);
	tally_view_drop(&view);
	qsort(ids_r, owned.count + joined.count, sizeof(*ids_r), by_id);
	*count_r = owned.count + joined.count < room ? owned.count + joined.count : room;
	return result;
}

/* Is the ledger to be shown: it is there, and the caller owns it, or is an enabled member. */
static int is_listed(struct tally_core *core, const struct tally_caller *caller,
		     struct tally_bytes id, struct tally_arena *arena,
		     struct tally_ledger_info *info_r, struct tally_err *err)
{
	struct tally_caller member_caller = { .account = caller->account };
	struct tally_member member;
	struct tally_space *space;
	struct tally_view view;
	int found = tally_space_of_ledger(core, id, &space, err);

	if (found != 1)
		return found;
	if (tally_view_take(space, &view, err) != 0)
		return -1;
	describe(&view, arena, info_r);
	if (info_r->status != LEDGER_NORMAL)
		found = 0;
	else if (caller->account != 0 && info_r->owner != caller->account)
		found = tally_member_of(&view, &member_caller, &member, err);
	if (found == 1 && caller->account != 0 && info_r->owner != caller->account)
		found = member.enabled;
	tally_view_drop(&view);
	return found;
}

int tally_ledger_list(struct tally_core *core, const struct tally_caller *caller,
		      struct tally_bytes after, size_t limit, struct tally_arena *arena,
		      struct tally_ledger_info **infos_r, size_t *count_r, bool *more_r,
		      struct tally_err *err)
{
	struct tally_ledger_info *infos = tally_arena_array(arena, struct tally_ledger_info,
							    limit + 1);
	size_t room = limit + 1, count = 0, found;
	struct tally_bytes *ids = tally_arena_array(arena, struct tally_bytes, 2 * room);

	do {
		if (list_ids(core, caller, after, arena, room, ids, &found, err) != 0)
			return -1;
		for (size_t i = 0; i < found && count <= limit; i++) {
			int listed = is_listed(core, caller, ids[i], arena, &infos[count], err);

			if (listed < 0)
				return -1;
			count += (size_t)listed;
			after = ids[i];
		}
	} while (count <= limit && found == room);
	*more_r = count > limit;
	*count_r = count > limit ? limit : count;
	*infos_r = infos;
	return 0;
}
