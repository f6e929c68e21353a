/*
 * What the auditor holds: trees that the log signed, and journals that it said were in them. Only
 * this tells a ledger from another one that is just as consistent.
 */
#include "audit_replay.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "stateproof.h"

static int size_order(const void *a, const void *b)
{
	const struct audit_want *one = *(struct audit_want *const *)a;
	const struct audit_want *two = *(struct audit_want *const *)b;

	return one->held->size < two->held->size ? -1 : one->held->size > two->held->size;
}

static int index_order(const void *a, const void *b)
{
	const struct audit_want *one = *(struct audit_want *const *)a;
	const struct audit_want *two = *(struct audit_want *const *)b;

	return one->held->index < two->held->index ? -1 : one->held->index > two->held->index;
}

/* A note that was not verified yet is by the key that the ledger names. */
static bool note_good(const struct audit_replay *replay, const struct tally_audit_held *held)
{
	uint8_t public[TALLY_ED25519_PUBLIC];
	struct tally_checkpoint checkpoint;
	struct tally_vkey vkey;
	struct tally_err err;

	return held->note.size == 0 ||
	       (tally_hex_decode(tally_bytes_str(replay->log_key), public, sizeof(public)) &&
		tally_vkey_make(&vkey, held->origin, NOTE_ED25519, public) &&
		tally_checkpoint_check(held->note, &vkey, 1, &checkpoint, &err) == 0);
}

static void add_want(struct audit_replay *replay, const struct tally_audit_held *held)
{
	struct audit_want *want = &replay->wants[replay->want_count];

	*want = (struct audit_want){ .held = held };
	replay->by_size[replay->want_count++] = want;
	if (held->has_index)
		replay->by_index[replay->index_count++] = want;
}

static void compare(struct audit_replay *replay, struct audit_want *want,
		    const struct tally_hash *root)
{
	const struct tally_audit_held *held = want->held;

	replay->result.held++;
	if (memcmp(root->bytes, held->root.bytes, TALLY_HASH_SIZE) != 0)
		audit_wrong_block(replay, "held", "%s: the first %llu journals are not those that were "
				  "signed then", held->name, (unsigned long long)held->size);
	else if (held->has_index && held->has_leaf &&
		 memcmp(held->leaf.bytes, want->leaf.bytes, TALLY_HASH_SIZE) != 0)
		audit_wrong_block(replay, "held", "%s: journal %llu is another one", held->name,
				  (unsigned long long)held->index);
	else if (held->has_index &&
		 !(want->met && tally_inclusion_verify(held->index, held->size, &want->leaf,
						       held->path, held->path_count, root)))
		audit_wrong_block(replay, "held", "%s: its path does not lead from journal %llu to the "
				  "root", held->name, (unsigned long long)held->index);
}

static void compare_sizes(struct audit_replay *replay)
{
	struct tally_hash root;

	tally_frontier_root(&replay->frontier, &root);
	while (replay->size_next < replay->want_count &&
	       replay->by_size[replay->size_next]->held->size == replay->frontier.size)
		compare(replay, replay->by_size[replay->size_next++], &root);
}

static bool ends_with_ledger_id(struct tally_bytes origin)
{
	size_t at = origin.size;
	uint64_t space;

	while (at > 0 && origin.data[at - 1] != '/')
		at--;
	return at > 0 && tally_ledger_id_space(tally_bytes(origin.data + at, origin.size - at), &space);
}

/*
 * By the ledger's id, which stands at the end of every name its log has or had. The system ledger's
 * names have none: whatever else it calls itself, what was signed under such a name is held against it.
 */
static bool is_of(const struct audit_replay *replay, const struct tally_audit_held *held)
{
	if (replay->result.space == TALLY_SYSTEM_SPACE)
		return tally_bytes_is(held->origin, replay->origins[0].name) ||
		       !ends_with_ledger_id(held->origin);
	return tally_origin_has(held->origin, tally_bytes_str(replay->name));
}

void audit_wants_begin(struct audit_replay *replay)
{
	const struct tally_audit_options *options = replay->options;

	replay->wants = tally_calloc(options->held_count + 1, sizeof(*replay->wants));
	replay->by_size = tally_calloc(options->held_count + 1, sizeof(*replay->by_size));
	replay->by_index = tally_calloc(options->held_count + 1, sizeof(*replay->by_index));
	for (size_t i = 0; i < options->held_count; i++) {
		const struct tally_audit_held *held = &options->held[i];

		if (!is_of(replay, held))
			continue;
		audit_held_used(replay->audit, i);
		if (note_good(replay, held))
			add_want(replay, held);
		else
			audit_wrong_block(replay, "held", "%s: it is not signed by the key that the "
					  "ledger names", held->name);
	}
	if (options->from > 0 && options->from_root != NULL) {
		replay->from = (struct tally_audit_held){ .name = "what was audited before",
							  .size = options->from,
							  .root = *options->from_root };
		add_want(replay, &replay->from);
	}
	qsort(replay->by_size, replay->want_count, sizeof(*replay->by_size), size_order);
	qsort(replay->by_index, replay->index_count, sizeof(*replay->by_index), index_order);
	compare_sizes(replay);
}

void audit_wants_met(struct audit_replay *replay, const struct tally_hash *leaf)
{
	for (; replay->index_next < replay->index_count &&
	       replay->by_index[replay->index_next]->held->index == replay->journal;
	     replay->index_next++) {
		replay->by_index[replay->index_next]->leaf = *leaf;
		replay->by_index[replay->index_next]->met = true;
	}
	if (replay->size_next < replay->want_count &&
	    replay->by_size[replay->size_next]->held->size == replay->frontier.size)
		compare_sizes(replay);
}

/* What was signed for this ledger under a name that its log never had. */
static void check_names(struct audit_replay *replay)
{
	for (size_t i = 0; i < replay->want_count; i++) {
		const struct tally_audit_held *held = replay->wants[i].held;
		bool known = held->origin.size == 0;

		for (size_t j = 0; !known && j < replay->origin_count; j++)
			known = tally_bytes_is(held->origin, replay->origins[j].name);
		if (!known)
			audit_wrong_block(replay, "held", "%s: its log was never called %.*s",
					  held->name, (int)held->origin.size,
					  (const char *)held->origin.data);
	}
}

/* What is larger than the ledger; of one that could not be followed nothing can be said. */
void audit_wants_end(struct audit_replay *replay)
{
	if (!replay->broken)
		check_names(replay);
	for (; !replay->broken && replay->size_next < replay->want_count; replay->size_next++) {
		const struct tally_audit_held *held = replay->by_size[replay->size_next]->held;

		replay->result.held++;
		audit_wrong_block(replay, "held", "%s: %llu journals were signed for, and only %llu are "
				  "there", held->name, (unsigned long long)held->size,
				  (unsigned long long)replay->frontier.size);
	}
}

/* ---- the high-water file ---- */

struct held_list {
	struct tally_audit_held *list;
	size_t count, room;
};

static bool held_line(struct held_list *held, const char *name, const char *line,
		      struct tally_arena *arena)
{
	struct tally_audit_held *row;
	unsigned long long size;
	char origin[256], hex[65];

	if (held->count == held->room) {
		size_t room = held->room == 0 ? 64 : held->room * 2;
		struct tally_audit_held *more = tally_arena_array(arena, struct tally_audit_held,
								  room);

		if (held->count > 0)
			memcpy(more, held->list, held->count * sizeof(*more));
		held->list = more;
		held->room = room;
	}
	row = &held->list[held->count];
	if (sscanf(line, "%255s %llu %64s", origin, &size, hex) != 3 ||
	    !tally_hex_decode(tally_bytes_str(hex), row->root.bytes, TALLY_HASH_SIZE))
		return false;
	row->name = name;
	row->origin = tally_arena_bytes(arena, tally_bytes_str(origin));
	row->size = size;
	row->of_store = true;
	held->count++;
	return true;
}

int tally_audit_held_read(const char *path, struct tally_arena *arena,
			  struct tally_audit_held **held_r, size_t *count_r, struct tally_err *err)
{
	const char *name = tally_arena_str(arena, tally_bytes_str(path));
	struct held_list held = { 0 };
	FILE *file = fopen(path, "re");
	char line[512];
	int result = 0;

	*held_r = NULL;
	*count_r = 0;
	if (file == NULL)
		return errno == ENOENT ? 0 : tally_err_errno(err, "%s", path);
	while (result == 0 && fgets(line, sizeof(line), file) != NULL)
		if (!held_line(&held, name, line, arena))
			result = tally_err_set(err, TALLY_CORRUPT, "%s: a malformed line", path);
	fclose(file);
	*held_r = held.list;
	*count_r = held.count;
	return result;
}
