/*
 * Time stamps for many ledgers at once. The checkpoints of all ledgers of a round are the leaves
 * of a small tree, whose root is what an authority stamps; the token is journalled in the time
 * ledger first, then each ledger gets its anchor. If the process dies in between, there is a stamp
 * that fewer ledgers speak of than it covers, which contradicts nothing.
 *
 * Who wants a stamp joins the line; whoever finds nobody asking takes all that wait, asks for them,
 * and wakes them. So an authority is asked by one thread at a time, and no lock is held meanwhile.
 */
#include "core_private.h"

#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "note.h"

#define WAITERS_MOST 8

struct tally_stamp_wait {
	struct tally_stamped *stamped;
	size_t count;
	struct tally_arena *arena;
	struct tally_stamp_note *note;
	int result;
	struct tally_err err;
	bool done;
	struct tally_stamp_wait *next;
};

/* ---- the time ledger ---- */

void tally_time_ledger_name(struct tally_core *core)
{
	static const char label[] = "tallystick time ledger v1\n";
	struct tally_sha256 sha;
	uint8_t hash[TALLY_HASH_SIZE];
	char hex[2 * TALLY_HASH_SIZE + 1];

	tally_sha256_init(&sha);
	tally_sha256_add(&sha, label, sizeof(label) - 1);
	tally_sha256_add(&sha, core->store_id, sizeof(core->store_id));
	tally_sha256_end(&sha, hash);
	tally_hex_encode(hash, sizeof(hash), hex);
	snprintf(core->time_ledger, sizeof(core->time_ledger), "l-%.25s", hex);
}

/* It belongs to the account that was there first. */
static int first_account(struct tally_core *core, uint64_t *account_r, struct tally_err *err)
{
	struct tally_account *accounts, *first = NULL;
	struct tally_arena arena;
	size_t count;
	int result;

	tally_arena_init(&arena);
	result = tally_account_list(core, &arena, &accounts, &count, err);
	for (size_t i = 0; result == 0 && i < count; i++)
		if (first == NULL || accounts[i].create_ms < first->create_ms)
			first = &accounts[i];
	if (result == 0 && first == NULL)
		result = tally_err_set(err, TALLY_NOTFOUND, "the store has no account");
	if (result == 0)
		*account_r = first->id;
	tally_arena_free(&arena);
	return result;
}

int tally_time_ledger_need(struct tally_core *core, struct tally_space **space_r,
			   struct tally_err *err)
{
	static const struct tally_ledger_create create = {
		.name = TALLY_BYTES_LIT("Time"),
		.description = TALLY_BYTES_LIT("Time stamps of all ledgers of this store"),
		.public_read = true,
	};
	struct tally_bytes id = tally_bytes_str(core->time_ledger);
	int found = tally_space_of_ledger(core, id, space_r, err);
	uint64_t account;

	if (found != 0)
		return found < 0 ? -1 : 0;
	if (first_account(core, &account, err) != 0)
		return -1;
	if (tally_ledger_create_as(core, account, core->time_ledger, &create, err) != 0 &&
	    err->code != TALLY_EXISTS)
		return -1;
	found = tally_space_of_ledger(core, id, space_r, err);
	return found == 0 ? tally_err_set(err, TALLY_CORRUPT, "the time ledger is not there") :
			    found < 0 ? -1 : 0;
}

/* ---- one round ---- */

/* The tree of a round: level by level, complete subtrees only. */
struct stamp_tree {
	size_t size;
	struct tally_hash *level[TALLY_STAMP_PATH + 1];
};

static int stamp_node(void *ctx, unsigned int level, uint64_t index, struct tally_hash *hash_r)
{
	const struct stamp_tree *tree = ctx;

	if (level > TALLY_STAMP_PATH || index >= tree->size >> level)
		return -1;
	*hash_r = tree->level[level][index];
	return 0;
}

static void grow_levels(struct stamp_tree *tree, struct tally_arena *arena)
{
	for (unsigned int level = 1; level <= TALLY_STAMP_PATH; level++) {
		size_t count = tree->size >> level;

		tree->level[level] = tally_arena_array(arena, struct tally_hash, count + 1);
		for (size_t i = 0; i < count; i++)
			tally_node_hash(&tree->level[level - 1][2 * i],
					&tree->level[level - 1][2 * i + 1],
					&tree->level[level][i]);
	}
}

static void tree_root(const struct stamp_tree *tree, struct tally_hash *root_r)
{
	struct tally_frontier frontier;

	tally_frontier_init(&frontier);
	for (size_t i = 0; i < tree->size; i++)
		tally_frontier_append(&frontier, &tree->level[0][i]);
	tally_frontier_root(&frontier, root_r);
}

/* Adds a ledger's checkpoint as it is now. Signing it remembers it, so that what was stamped is
 * never contradicted; a ledger that is not to be signed for is left out. */
static void add_leaf(struct stamp_tree *tree, struct tally_stamped *stamped,
		     struct tally_arena *arena)
{
	struct tally_signed_checkpoint checkpoint;
	char text[TALLY_CHECKPOINT_TEXT];
	struct tally_view view;
	size_t size;

	stamped->err.code = TALLY_OK;
	if (tally_view_take(stamped->space, &view, &stamped->err) != 0)
		return;
	if (tally_view_checkpoint(&view, arena, &checkpoint, &stamped->err) == 0) {
		stamped->err.code = TALLY_OK;
		stamped->version = checkpoint.size;
		stamped->root = checkpoint.root;
		stamped->index = tree->size;
		size = tally_checkpoint_format(tally_bytes_str(view.head->origin), checkpoint.size,
					       &checkpoint.root, text);
		tally_leaf_hash(tally_bytes(text, size), &tree->level[0][tree->size++]);
	}
	tally_view_drop(&view);
}

static void find_path(const struct stamp_tree *tree, struct tally_stamped *stamped)
{
	struct tally_hash path[TALLY_TREE_MAX_PATH];
	int count = tally_inclusion_prove(stamped->index, tree->size, stamp_node,
					  (void *)(uintptr_t)tree, path);

	stamped->path_count = count > 0 ? (size_t)count : 0;
	memcpy(stamped->path, path, stamped->path_count * sizeof(path[0]));
}

/* The token, and the time ledger's journal of it, which is also the time ledger's own anchor. */
static int stamp_tree_root(struct tally_core *core, struct stamp_tree *tree,
			   struct tally_stamped *own, struct tally_arena *arena,
			   struct tally_stamp_note *note, struct tally_err *err)
{
	static const struct tally_write local = { .caller = { .local = true } };
	struct tally_manage manage = { .what = "stamp", .need = PERM_NONE };
	struct tally_field fields[TALLY_MAX_FIELDS];
	struct tally_receipt receipt;

	tree_root(tree, &note->digest);
	note->count = tree->size;
	if (core->stamp(core->stamp_ctx, note->digest.bytes, arena, &note->token, err) != 0)
		return -1;
	if (tally_tsp_read(note->token, &note->info, err) != 0)
		return -1;
	if (memcmp(note->info.digest, note->digest.bytes, TALLY_HASH_SIZE) != 0)
		return tally_err_set(err, TALLY_CORRUPT, "the time stamp is of something else");
	grow_levels(tree, arena);
	find_path(tree, own);
	manage.prepared.record = (struct tally_record){
		.type = TYPE_CREATE_TIMEANCHOR, .has_data = true, .fields = fields };
	manage.prepared.record.field_count =
		(uint8_t)tally_anchor_fields(core, own, note, true, arena, fields);
	if (tally_manage_run(core, &local, tally_bytes_str(core->time_ledger), &manage, &receipt,
			     err) != 0)
		return -1;
	note->sequence = receipt.journal_id;
	return 0;
}

static int run_round(struct tally_core *core, struct tally_stamp_wait *first,
		     struct tally_arena *arena, struct tally_stamp_note *note,
		     struct tally_err *err)
{
	struct tally_stamped own = { 0 };
	struct stamp_tree tree = { 0 };
	size_t most = 1;

	if (tally_time_ledger_need(core, &own.space, err) != 0)
		return -1;
	for (struct tally_stamp_wait *wait = first; wait != NULL; wait = wait->next)
		most += wait->count;
	tree.level[0] = tally_arena_array(arena, struct tally_hash, most);
	add_leaf(&tree, &own, arena);
	if (own.err.code != TALLY_OK) {
		*err = own.err;
		return -1;
	}
	for (struct tally_stamp_wait *wait = first; wait != NULL; wait = wait->next)
		for (size_t i = 0; i < wait->count; i++)
			add_leaf(&tree, &wait->stamped[i], arena);
	if (stamp_tree_root(core, &tree, &own, arena, note, err) != 0)
		return -1;
	for (struct tally_stamp_wait *wait = first; wait != NULL; wait = wait->next)
		for (size_t i = 0; i < wait->count; i++)
			if (wait->stamped[i].err.code == TALLY_OK)
				find_path(&tree, &wait->stamped[i]);
	return 0;
}

/* ---- the line ---- */

/* Lock held. As many of those that wait as fit one round, in their order. */
static struct tally_stamp_wait *take_line(struct tally_core *core)
{
	struct tally_stamp_wait *first = core->stamp_waiting, *last = first;
	size_t count = first->count;

	while (last->next != NULL && count + last->next->count <= TALLY_STAMP_LEDGERS) {
		last = last->next;
		count += last->count;
	}
	core->stamp_waiting = last->next;
	if (core->stamp_waiting == NULL)
		core->stamp_tail = &core->stamp_waiting;
	last->next = NULL;
	return first;
}

/* Lock held when called and when it returns, not in between. */
static void lead_round(struct tally_core *core)
{
	struct tally_stamp_wait *first = take_line(core), *next;
	struct tally_stamp_note note = { 0 };
	struct tally_arena arena;
	struct tally_err err = { 0 };
	int result;

	core->stamp_asking = true;
	pthread_mutex_unlock(&core->stamp_lock);
	tally_arena_init(&arena);
	result = run_round(core, first, &arena, &note, &err);
	for (struct tally_stamp_wait *wait = first; wait != NULL; wait = wait->next) {
		wait->result = result;
		wait->err = err;
		*wait->note = note;
		if (result == 0)
			wait->note->token = tally_arena_bytes(wait->arena, note.token);
	}
	tally_arena_free(&arena);
	pthread_mutex_lock(&core->stamp_lock);
	for (; first != NULL; first = next) {
		next = first->next;	/* who waits is gone when it is done */
		first->done = true;
	}
	core->stamp_asking = false;
	pthread_cond_broadcast(&core->stamp_done);
}

int tally_stamp_ledgers(struct tally_core *core, struct tally_stamped *stamped, size_t count,
			struct tally_arena *arena, struct tally_stamp_note *note_r,
			struct tally_err *err)
{
	struct tally_stamp_wait wait = { .stamped = stamped, .count = count, .arena = arena,
					 .note = note_r };

	if (core->stamp == NULL)
		return tally_err_set(err, TALLY_UNSUPPORTED, "no time-stamp authority is configured");
	pthread_mutex_lock(&core->stamp_lock);
	if (core->stamp_waiters >= WAITERS_MOST) {
		pthread_mutex_unlock(&core->stamp_lock);
		return tally_err_set(err, TALLY_BUSY, "many wait for a time stamp already");
	}
	core->stamp_waiters++;
	*core->stamp_tail = &wait;
	core->stamp_tail = &wait.next;
	while (!wait.done) {
		if (core->stamp_asking)
			pthread_cond_wait(&core->stamp_done, &core->stamp_lock);
		else
			lead_round(core);
	}
	core->stamp_waiters--;
	pthread_mutex_unlock(&core->stamp_lock);
	if (wait.result != 0)
		*err = wait.err;
	return wait.result;
}

/* ---- many ledgers ---- */

/* It has journals that no stamp covers. Anchors and STATE_ROOTs do not count, or the one would bring
 * the other for ever. */
static bool has_grown(const struct tally_head *head)
{
	return !head->has_anchor || head->changed >= head->anchor_version;
}

static bool has_passed(const struct tally_core *core, const struct tally_head *head,
		       enum tally_anchor_which which)
{
	uint64_t interval = head->anchor_interval_s == TALLY_INTERVAL_UNSET ?
				    core->anchor_interval_ms :
				    head->anchor_interval_s * 1000;

	if (which == ANCHOR_GROWN)
		return true;
	if (which == ANCHOR_DUE)	/* cron is not on time to the second */
		interval -= interval / 10;
	return interval > 0 &&
	       (!head->has_anchor || tally_now_ms() >= head->anchor_ms + interval);
}

static bool is_due(struct tally_space *space, enum tally_anchor_which which)
{
	struct tally_core *core = space->core;
	struct tally_view view;
	struct tally_err err;
	bool due;

	if (space->id == TALLY_SYSTEM_SPACE || strcmp(space->name, core->time_ledger) == 0 ||
	    tally_view_take(space, &view, &err) != 0)
		return false;
	due = view.head->status == LEDGER_NORMAL && has_grown(view.head) &&
	      has_passed(core, view.head, which);
	tally_view_drop(&view);
	return due && tally_space_trust(space, &err) == 0;
}

struct due {
	struct tally_stamped *list;
	size_t count, room;
};

static void add_due(struct due *due, struct tally_space *space)
{
	if (due->count == due->room) {
		due->room = due->room == 0 ? 16 : due->room * 2;
		due->list = tally_realloc(due->list, due->room * sizeof(*due->list));
	}
	due->list[due->count] = (struct tally_stamped){ .space = space };
	due->count++;
}

static void collect_open(struct tally_core *core, struct due *due)
{
	for (size_t i = 0; i < TALLY_SPACE_BUCKETS; i++) {
		struct tally_space *space;

		pthread_mutex_lock(&core->table_lock);
		space = core->table[i];		/* spaces are only ever added in front */
		pthread_mutex_unlock(&core->table_lock);
		for (; space != NULL; space = space->next)
			if (__atomic_load_n(&space->loaded, __ATOMIC_ACQUIRE) &&
			    is_due(space, ANCHOR_OPEN))
				add_due(due, space);
	}
}

static int collect_all(struct tally_core *core, enum tally_anchor_which which, struct due *due,
		       struct tally_err *err)
{
	struct tally_caller local = { .local = true };
	struct tally_bytes after = TALLY_BYTES_NONE;
	struct tally_ledger_info *infos;
	struct tally_space *space;
	struct tally_arena arena;
	size_t count = 0;
	bool more = true;
	int result = 0;

	tally_arena_init(&arena);
	while (result == 0 && more) {
		result = tally_ledger_list(core, &local, after, 100, &arena, &infos, &count, &more,
					   err);
		for (size_t i = 0; result == 0 && i < count; i++) {
			int found = tally_space_of_ledger(core, tally_bytes_str(infos[i].id),
							  &space, err);

			if (found == 1 && is_due(space, which))
				add_due(due, space);
			result = found < 0 ? -1 : 0;
		}
		if (count > 0)
			after = tally_bytes_str(infos[count - 1].id);
		more = more && count > 0;
	}
	tally_arena_free(&arena);
	return result;
}

/* A ledger that could not be anchored (it was deleted meanwhile) keeps none of the others back. */
static void write_anchor(struct tally_core *core, struct tally_stamped *stamped,
			 const struct tally_stamp_note *note, struct tally_arena *arena,
			 size_t *count)
{
	static const struct tally_write local = { .caller = { .local = true } };
	struct tally_manage manage = { .what = "anchor", .need = PERM_CREATE_TIMEANCHOR };
	struct tally_field fields[TALLY_MAX_FIELDS];
	struct tally_err err = stamped->err;

	manage.prepared.record = (struct tally_record){
		.type = TYPE_CREATE_TIMEANCHOR, .has_data = true, .fields = fields };
	if (err.code == TALLY_OK) {
		manage.prepared.record.field_count = (uint8_t)tally_anchor_fields(
			core, stamped, note, false, arena, fields);
		if (tally_manage_run(core, &local, tally_bytes_str(stamped->space->name), &manage,
				     NULL, &err) == 0) {
			++*count;
			return;
		}
	}
	tally_log(TALLY_LOG_WARN, "time.anchor", "ledger", stamped->space->name, "error", err.text,
		  NULL);
}

static int anchor_batch(struct tally_core *core, struct tally_stamped *list, size_t count,
			size_t *count_r, struct tally_err *err)
{
	struct tally_stamp_note note;
	struct tally_arena arena;
	int result;

	tally_arena_init(&arena);
	result = tally_stamp_ledgers(core, list, count, &arena, &note, err);
	for (size_t i = 0; result == 0 && i < count; i++)
		write_anchor(core, &list[i], &note, &arena, count_r);
	tally_arena_free(&arena);
	return result;
}

int tally_anchor_many(struct tally_core *core, enum tally_anchor_which which, size_t *count_r,
		      struct tally_err *err)
{
	struct due due = { 0 };
	int result = 0;

	*count_r = 0;
	if (core->stamp == NULL || core->read_only)
		return 0;
	if (which == ANCHOR_OPEN)
		collect_open(core, &due);
	else
		result = collect_all(core, which, &due, err);
	for (size_t at = 0; result == 0 && at < due.count; at += TALLY_STAMP_LEDGERS) {
		size_t some = due.count - at;

		some = some < TALLY_STAMP_LEDGERS ? some : TALLY_STAMP_LEDGERS;
		result = anchor_batch(core, due.list + at, some, count_r, err);
	}
	free(due.list);
	return result;
}
