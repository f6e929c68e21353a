/* Proofs over the log tree, assembled from stored tiles and the overlay. */
#include "core_private.h"

static int view_of(struct tally_core *core, struct tally_bytes ledger_id,
		   struct tally_view *view_r, struct tally_err *err)
{
	struct tally_space *space;
	int found = tally_space_of_ledger(core, ledger_id, &space, err);

	if (found == 1 && tally_view_take(space, view_r, err) != 0)
		found = -1;
	return found;
}

int tally_journal_prove(struct tally_core *core, struct tally_bytes ledger_id, uint64_t journal_id,
			uint64_t tree_size, struct tally_inclusion *proof_r, struct tally_err *err)
{
	struct tally_arena arena;
	struct tally_view view;
	struct tally_nodes nodes = { &view, &arena, err };
	int result = view_of(core, ledger_id, &view, err), count;

	if (result != 1)
		return result;
	tally_arena_init(&arena);
	if (tree_size == 0)
		tree_size = view.head->frontier.size;
	if (tree_size > view.head->frontier.size || journal_id >= tree_size) {
		result = 0;
	} else {
		*proof_r = (struct tally_inclusion){ .journal_id = journal_id,
						     .tree_size = tree_size };
		count = tally_inclusion_prove(journal_id, tree_size, tally_view_node, &nodes,
					      proof_r->path);
		if (count < 0 || tally_root_at(&nodes, tree_size, &proof_r->root) != 0)
			result = -1;
		else
			proof_r->path_count = (size_t)count;
	}
	tally_arena_free(&arena);
	tally_view_drop(&view);
	return result;
}

int tally_journals_prove(struct tally_core *core, struct tally_bytes ledger_id, uint64_t first,
			 uint64_t count, uint64_t tree_size, struct tally_range_proof *proof_r,
			 struct tally_err *err)
{
	struct tally_arena arena;
	struct tally_view view;
	struct tally_nodes nodes = { &view, &arena, err };
	int result = view_of(core, ledger_id, &view, err), hashes;

	if (result != 1)
		return result;
	tally_arena_init(&arena);
	if (tree_size == 0)
		tree_size = view.head->frontier.size;
	if (count == 0 || tree_size > view.head->frontier.size || first >= tree_size ||
	    count > tree_size - first) {
		result = 0;
	} else {
		*proof_r = (struct tally_range_proof){ .first = first, .count = count,
						 .tree_size = tree_size };
		hashes = tally_range_prove(first, count, tree_size, tally_view_node, &nodes,
					   proof_r->hashes);
		if (hashes < 0 || tally_root_at(&nodes, tree_size, &proof_r->root) != 0)
			result = -1;
		else
			proof_r->hash_count = (size_t)hashes;
	}
	tally_arena_free(&arena);
	tally_view_drop(&view);
	return result;
}

int tally_ledger_prove(struct tally_core *core, struct tally_bytes ledger_id, uint64_t old_size,
		       uint64_t new_size, struct tally_consistency *proof_r,
		       struct tally_err *err)
{
	struct tally_arena arena;
	struct tally_view view;
	struct tally_nodes nodes = { &view, &arena, err };
	int result = view_of(core, ledger_id, &view, err), count;

	if (result != 1)
		return result;
	tally_arena_init(&arena);
	if (new_size == 0)
		new_size = view.head->frontier.size;
	if (new_size > view.head->frontier.size || old_size > new_size) {
		result = 0;
	} else {
		*proof_r = (struct tally_consistency){ .old_size = old_size,
						       .new_size = new_size };
		count = tally_consistency_prove(old_size, new_size, tally_view_node, &nodes,
						proof_r->proof);
		if (count < 0 || tally_root_at(&nodes, old_size, &proof_r->old_root) != 0 ||
		    tally_root_at(&nodes, new_size, &proof_r->new_root) != 0)
			result = -1;
		else
			proof_r->proof_count = (size_t)count;
	}
	tally_arena_free(&arena);
	tally_view_drop(&view);
	return result;
}
