/* Proofs over the log tree, assembled from stored tiles and the overlay. */
#include "core_private.h"

/* What every proof works on, from begin to end. */
struct frame {
	struct tally_view view;
	struct tally_arena arena;
	struct tally_nodes nodes;
	uint64_t newest;	/* leaves of the tree there is */
};

/* 1, with size (0: the newest tree) set; else nothing is to be ended. */
static int begin(struct frame *frame, struct tally_core *core, struct tally_bytes ledger_id,
		 uint64_t *size, struct tally_err *err)
{
	int found = tally_view_of_log(core, ledger_id, &frame->view, err);

	if (found != 1)
		return found;
	tally_arena_init(&frame->arena);
	frame->nodes = (struct tally_nodes){ .view = &frame->view, .arena = &frame->arena,
					     .err = err };
	frame->newest = frame->view.head->frontier.size;
	if (*size == 0)
		*size = frame->newest;
	return 1;
}

static int end(struct frame *frame, int result)
{
	tally_arena_free(&frame->arena);
	tally_view_drop(&frame->view);
	return result;
}

/* The hashes of a proof as they were counted, and the root they lead to. */
static int finish(struct frame *frame, int count, size_t *count_r, uint64_t size,
		  struct tally_hash *root_r)
{
	if (count < 0 || tally_root_at(&frame->nodes, size, root_r) != 0)
		return -1;
	*count_r = (size_t)count;
	return 1;
}

int tally_journal_prove(struct tally_core *core, struct tally_bytes ledger_id, uint64_t journal_id,
			uint64_t tree_size, struct tally_inclusion *proof_r, struct tally_err *err)
{
	struct frame frame;
	int count, result = begin(&frame, core, ledger_id, &tree_size, err);

	if (result != 1)
		return result;
	if (tree_size > frame.newest || journal_id >= tree_size)
		return end(&frame, 0);
	*proof_r = (struct tally_inclusion){ .journal_id = journal_id, .tree_size = tree_size };
	count = tally_inclusion_prove(journal_id, tree_size, tally_view_node, &frame.nodes,
				      proof_r->path);
	return end(&frame, finish(&frame, count, &proof_r->path_count, tree_size, &proof_r->root));
}

int tally_journals_prove(struct tally_core *core, struct tally_bytes ledger_id, uint64_t first,
			 uint64_t count, uint64_t tree_size, struct tally_range_proof *proof_r,
			 struct tally_err *err)
{
	struct frame frame;
	int hashes, result = begin(&frame, core, ledger_id, &tree_size, err);

	if (result != 1)
		return result;
	if (count == 0 || tree_size > frame.newest || first >= tree_size ||
	    count > tree_size - first)
		return end(&frame, 0);
	*proof_r = (struct tally_range_proof){ .first = first, .count = count,
					       .tree_size = tree_size };
	hashes = tally_range_prove(first, count, tree_size, tally_view_node, &frame.nodes,
				   proof_r->hashes);
	return end(&frame, finish(&frame, hashes, &proof_r->hash_count, tree_size, &proof_r->root));
}

int tally_ledger_prove(struct tally_core *core, struct tally_bytes ledger_id, uint64_t old_size,
		       uint64_t new_size, struct tally_consistency *proof_r,
		       struct tally_err *err)
{
	struct frame frame;
	int count, result = begin(&frame, core, ledger_id, &new_size, err);

	if (result != 1)
		return result;
	if (new_size > frame.newest || old_size > new_size)
		return end(&frame, 0);
	*proof_r = (struct tally_consistency){ .old_size = old_size, .new_size = new_size };
	count = tally_consistency_prove(old_size, new_size, tally_view_node, &frame.nodes,
					proof_r->proof);
	result = finish(&frame, count, &proof_r->proof_count, new_size, &proof_r->new_root);
	if (result == 1 && tally_root_at(&frame.nodes, old_size, &proof_r->old_root) != 0)
		result = -1;
	return end(&frame, result);
}
