/*
 * Proofs over the state: what a clue, a key or a member was as of a STATE_ROOT journal. Values of that
 * time come from the histories, hashes of journals from the log tree, the path from the stored pages.
 */
#include "core_private.h"
#include "statetree.h"

/* The newest STATE_ROOT journal that a tree of so many journals holds. */
static int point_in(const struct tally_view *view, uint64_t tree_size,
		    struct tally_state_point *point_r)
{
	const struct tally_head *head = view->head;

	if (tree_size == 0)
		tree_size = head->frontier.size;
	if (head->state.size > 0 && head->state.journal < tree_size)
		*point_r = head->state;
	else if (head->state_before.size > 0 && head->state_before.journal < tree_size)
		*point_r = head->state_before;
	else
		return 0;
	return 1;
}

/* What the three have in common. 1, 0 there is no state yet; the view is to be dropped after 1. */
static int begin(struct tally_core *core, struct tally_bytes ledger_id, uint64_t tree_size,
		 enum tally_state_kind kind, struct tally_bytes key, struct tally_view *view_r,
		 struct tally_state_found *found_r, struct tally_err *err)
{
	struct tally_state_point point;
	struct tally_hash path;
	int found = tally_view_of_log(core, ledger_id, view_r, err);

	*found_r = (struct tally_state_found){ 0 };
	if (found < 1)
		return found < 0 ? -1 : tally_err_about(err, TALLY_NOTFOUND, "Ledger",
							"no such ledger");
	if (view_r->head->status != LEDGER_NORMAL) {
		found = tally_err_about(err, TALLY_NOTFOUND, "Ledger", "the ledger is deleted");
	} else if (view_r->head->state_wrong) {
		found = tally_err_set(err, TALLY_CORRUPT, "%s: a STATE_ROOT journal is wrong",
				      view_r->space->name);
	} else {
		found = point_in(view_r, tree_size, &point);
	}
	if (found == 1) {
		found_r->size = point.size;
		found_r->root = point.root;
		found_r->journal_id = point.journal;
		tally_state_path(kind, key, &path);
		found = tally_state_stored_prove(view_r, &point, &path, &found_r->proof, err);
		found_r->there = found == 1;
		found = found < 0 ? -1 : 1;
	}
	if (found != 1)
		tally_view_drop(view_r);
	return found;
}

/* ---- clues ---- */

struct lineage {
	struct tally_arena *arena;
	uint64_t *ids;
	struct tally_hash *hashes;
	size_t count, room;
};

static int take_posting(void *ctx, uint64_t journal_id, const struct tally_hash *leaf)
{
	struct lineage *lineage = ctx;

	if (lineage->count == lineage->room) {
		size_t room = lineage->room == 0 ? 64 : lineage->room * 2;
		uint64_t *ids = tally_arena_array(lineage->arena, uint64_t, room);
		struct tally_hash *hashes = tally_arena_array(lineage->arena, struct tally_hash,
							      room);

		if (lineage->count > 0) {
			memcpy(ids, lineage->ids, lineage->count * sizeof(*ids));
			memcpy(hashes, lineage->hashes, lineage->count * sizeof(*hashes));
		}
		lineage->ids = ids;
		lineage->hashes = hashes;
		lineage->room = room;
	}
	lineage->ids[lineage->count] = journal_id;
	lineage->hashes[lineage->count++] = *leaf;
	return 0;
}

struct hashes {
	const struct tally_hash *leaves;
	uint64_t count;
};

/* A node of the clue's own tree; the nodes of a range proof are few and each is made once. */
static int clue_node(void *ctx, unsigned int level, uint64_t index, struct tally_hash *hash_r)
{
	const struct hashes *hashes = ctx;
	uint64_t width = (uint64_t)1 << level;

	if ((index + 1) * width > hashes->count)
		return -1;
	tally_clue_root(hashes->leaves + index * width, width, hash_r);
	return 0;
}

static int fill_clue(const struct tally_view *view, struct tally_bytes clue, uint64_t first,
		     size_t limit, struct tally_arena *arena, struct tally_state_found *state,
		     struct tally_err *err)
{
	struct lineage lineage = { .arena = arena };
	struct hashes all;
	int range = 0;

	if (tally_postings(view, clue, 0, state->size, false, take_posting, &lineage, err) != 0)
		return -1;
	state->count = lineage.count;
	tally_clue_root(lineage.hashes, lineage.count, &state->clue_root);
	if (first > lineage.count)
		return tally_err_about(err, TALLY_INVALID, "First", "the clue has %zu journals",
				       lineage.count);
	state->first = first;
	state->journal_count = lineage.count - first < limit ? lineage.count - first : limit;
	state->journal_ids = lineage.ids != NULL ? lineage.ids + first : NULL;
	state->journal_hashes = lineage.hashes != NULL ? lineage.hashes + first : NULL;
	all = (struct hashes){ lineage.hashes, lineage.count };
	if (state->journal_count > 0 && state->journal_count < lineage.count)
		range = tally_range_prove(first, state->journal_count, lineage.count, clue_node,
					  &all, state->range);
	state->range_count = range > 0 ? (size_t)range : 0;
	return 0;
}

int tally_state_prove_clue(struct tally_core *core, struct tally_bytes ledger_id,
			   struct tally_bytes clue, uint64_t first, size_t limit,
			   uint64_t tree_size, struct tally_arena *arena,
			   struct tally_state_found *found_r, struct tally_err *err)
{
	struct tally_view view;
	int found;

	if (clue.size == 0 || clue.size > TALLY_MAX_CLUE)
		return tally_err_about(err, TALLY_INVALID, "Clue", "a clue has 1 to %d bytes",
				       TALLY_MAX_CLUE);
	found = begin(core, ledger_id, tree_size, STATE_CLUE, clue, &view, found_r, err);
	if (found != 1)
		return found;
	if (found_r->there &&
	    fill_clue(&view, clue, first, limit, arena, found_r, err) != 0)
		found = -1;
	tally_view_drop(&view);
	return found;
}

/* ---- keys and members ---- */

int tally_state_prove_kv(struct tally_core *core, struct tally_bytes ledger_id,
			 struct tally_bytes key, uint64_t tree_size,
			 struct tally_state_found *found_r, struct tally_err *err)
{
	struct tally_kv_change change;
	struct tally_view view;
	int found;

	if (key.size == 0 || key.size > TALLY_KV_KEY_MAX)
		return tally_err_about(err, TALLY_INVALID, "Key", "a key has 1 to %d bytes",
				       TALLY_KV_KEY_MAX);
	found = begin(core, ledger_id, tree_size, STATE_KV, key, &view, found_r, err);
	if (found != 1)
		return found;
	if (found_r->there) {
		found = tally_kv_at(&view, key, found_r->size, &change, err);
		found_r->kv_journal_id = change.journal_id;
		found_r->kv_journal_hash = change.hash;
		if (found == 0)
			found = tally_err_set(err, TALLY_CORRUPT,
					      "%s: the state has a key that no journal set",
					      view.space->name);
	}
	tally_view_drop(&view);
	return found;
}

int tally_state_prove_member(struct tally_core *core, struct tally_bytes ledger_id,
			     struct tally_bytes member_id, uint64_t tree_size,
			     struct tally_state_found *found_r, struct tally_err *err)
{
	struct tally_view view;
	int found = begin(core, ledger_id, tree_size, STATE_MEMBER, member_id, &view, found_r,
			  err);

	if (found != 1)
		return found;
	if (found_r->there) {
		found = tally_member_at(&view, member_id, found_r->size, &found_r->member, err);
		if (found == 0)
			found = tally_err_set(err, TALLY_CORRUPT,
					      "%s: the state has a member that no journal made",
					      view.space->name);
	}
	tally_view_drop(&view);
	return found;
}
