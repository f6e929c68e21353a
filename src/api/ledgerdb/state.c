/*
 * Proofs over the state: the STATE_ROOT journal, its place in a signed checkpoint, the path of a key
 * in the state tree; and the lineage of a clue, complete.
 */
#include "reply.h"

static struct tally_bytes ledger_of(const struct tally_call *call)
{
	return tally_arg_bytes(call, "LedgerId");
}

int tally_no_state(const struct tally_call *call, struct tally_err *err)
{
	if (tally_arg_given(call, "TreeSize"))
		return tally_err_about(err, TALLY_INVALID, "TreeSize",
				       "no STATE_ROOT journal that is kept for proofs is in a tree of "
				       "that size");
	return tally_err_about(err, TALLY_NOTFOUND, "StateRoot",
			       "the ledger has no STATE_ROOT journal yet: append with StateRoot=true, "
			       "or run tally maintain");
}

int tally_check_proof(struct tally_call *call, struct tally_err *err)
{
	if (!tally_arg_given(call, "TreeSize") || tally_arg_bool(call, "Proof", false))
		return 0;
	return tally_err_about(err, TALLY_INVALID, "TreeSize", "it goes with Proof=true");
}

static int no_tree(struct tally_call *call, struct tally_err *err)
{
	if (!tally_arg_given(call, "TreeSize"))
		return tally_no_state(call, err);
	return tally_err_about(err, TALLY_INVALID, "TreeSize",
			       "the ledger has no tree of that size");
}

/* The STATE_ROOT journal with its path in the tree asked for, or the newest signed one. */
static int reply_root_journal(struct tally_call *call, const struct tally_state_found *state,
			      struct tally_err *err)
{
	struct tally_signed_checkpoint checkpoint = { .size = 0 };
	struct tally_journal journal;
	struct tally_inclusion proof;
	struct tally_node *to;
	int found = tally_journal_get(call->core, ledger_of(call), state->journal_id, call->arena,
				      &journal, err);

	if (found == 1)
		found = tally_reply_checkpoint(call, &checkpoint, err) < 0 ? -1 : 1;
	if (found == 1)
		found = tally_journal_prove(call->core, ledger_of(call), state->journal_id,
					    tally_arg_uint(call, "TreeSize", checkpoint.size),
					    &proof, err);
	if (found < 1)
		return found < 0 ? -1 : no_tree(call, err);
	to = tally_add_object(call->arena, call->reply, "StateRootJournal");
	tally_add_uint_text(call->arena, to, "JournalId", journal.id);
	tally_add_str(call->arena, to, "Leaf", tally_base64_encode(call->arena, journal.leaf));
	tally_add_hashes(call, to, "ProofPath", proof.path, proof.path_count);
	tally_add_uint(call->arena, to, "TreeSize", proof.tree_size);
	tally_add_hex(call->arena, to, "RootHash", proof.root.bytes, TALLY_HASH_SIZE);
	return tally_reply_checkpoint_of(call, proof.tree_size, &checkpoint, err);
}

int tally_reply_state(struct tally_call *call, const struct tally_state_found *state,
		      struct tally_err *err)
{
	uint8_t *bytes = tally_arena_alloc(call->arena, TALLY_STATE_PROOF_MAX);
	size_t size = tally_state_proof_encode(&state->proof, bytes);

	tally_add_uint(call->arena, call->reply, "StateSize", state->size);
	tally_add_hex(call->arena, call->reply, "StateRootHash", state->root.bytes,
		      TALLY_HASH_SIZE);
	tally_add_str(call->arena, call->reply, "StateProof",
		      tally_base64_encode(call->arena, tally_bytes(bytes, size)));
	return reply_root_journal(call, state, err);
}

/* ---- GetClueProof ---- */

#define LEAVES_MOST 10000	/* journals of a page with leaves */
#define LEAVES_BYTES (4u << 20)		/* of the leaves of such a page, but at least one */

/* How many of the page's journals have leaves that fit an answer; their leaves. -1: none is there. */
static int read_leaves(struct tally_call *call, const struct tally_state_found *state,
		       struct tally_bytes *leaves_r, size_t *fit_r, struct tally_err *err)
{
	size_t bytes = 0;

	for (*fit_r = 0; *fit_r < state->journal_count; ++*fit_r) {
		struct tally_journal journal;
		int found = tally_journal_get(call->core, ledger_of(call),
					      state->journal_ids[*fit_r], call->arena, &journal,
					      err);

		if (found < 1)
			return found < 0 ? -1 : tally_no_state(call, err);
		bytes += journal.leaf.size;
		if (bytes > LEAVES_BYTES && *fit_r > 0)
			break;
		leaves_r[*fit_r] = journal.leaf;
	}
	return 0;
}

/* One page; with leaves it may be a shorter one, which is then proved anew: leaves_r has its leaves,
 * or is NULL. */
static int prove_page(struct tally_call *call, struct tally_state_found *state,
		      struct tally_bytes **leaves_r, struct tally_err *err)
{
	bool leaves = tally_arg_bool(call, "Leaves", false);
	uint64_t limit = tally_arg_uint(call, "MaxResults", 10000);

	*leaves_r = NULL;
	if (leaves && limit > LEAVES_MOST)
		limit = LEAVES_MOST;
	for (;;) {
		int found = tally_state_prove_clue(call->core, ledger_of(call),
						   tally_arg_bytes(call, "Clue"),
						   tally_arg_uint(call, "First", 0), limit,
						   tally_arg_uint(call, "TreeSize", 0),
						   call->arena, state, err);
		size_t fit;

		if (found < 1)
			return found < 0 ? -1 : tally_no_state(call, err);
		if (!leaves)
			return 0;
		*leaves_r = tally_arena_array(call->arena, struct tally_bytes,
					      state->journal_count + 1);
		if (read_leaves(call, state, *leaves_r, &fit, err) != 0)
			return -1;
		if (fit == state->journal_count)
			return 0;
		limit = fit;
	}
}

static int get_clue_proof(struct tally_call *call, struct tally_err *err)
{
	struct tally_bytes clue = tally_arg_bytes(call, "Clue"), *leaves;
	struct tally_state_found state;
	struct tally_node *list;

	if (prove_page(call, &state, &leaves, err) != 0)
		return -1;
	tally_add_text(call->arena, call->reply, "LedgerId", ledger_of(call));
	tally_add_text(call->arena, call->reply, "Clue", clue);
	tally_add_uint(call->arena, call->reply, "Count", state.count);
	tally_add_uint(call->arena, call->reply, "First", state.first);
	list = tally_add_list(call->arena, call->reply, "JournalIds", "JournalId");
	for (size_t i = 0; i < state.journal_count; i++)
		tally_add_uint_text(call->arena, list, NULL, state.journal_ids[i]);
	tally_add_hashes(call, call->reply, "JournalHashes", state.journal_hashes,
			 state.journal_count);
	if (leaves != NULL) {
		list = tally_add_list(call->arena, call->reply, "Leaves", "Leaf");
		for (size_t i = 0; i < state.journal_count; i++)
			tally_add_str(call->arena, list, NULL,
				      tally_base64_encode(call->arena, leaves[i]));
	}
	if (state.there)
		tally_add_hex(call->arena, call->reply, "ClueRoot", state.clue_root.bytes,
			      TALLY_HASH_SIZE);
	tally_add_hashes(call, call->reply, "RangeProof", state.range, state.range_count);
	return tally_reply_state(call, &state, err);
}

static const struct tally_param get_clue_proof_params[] = {
	LEDGER_ID_PARAM,
	{ .name = "Clue", .type = PARAM_RAW, .required = true, .min = 1, .max = 128,
	  .example = "clue1", .help = "The clue." },
	{ .name = "First", .type = PARAM_UINT, .max = INT64_MAX, .fallback = "0", .example = "0",
	  .help = "Begin with journal number so and so of its lineage, counted from 0." },
	{ .name = "MaxResults", .type = PARAM_UINT, .min = 1, .max = 100000, .fallback = "10000",
	  .example = "100",
	  .help = "Journals of a page; with Leaves at most 10000, and fewer where they are large." },
	{ .name = "Leaves", .type = PARAM_BOOL, .fallback = "false", .example = "true",
	  .help = "Give the journals' leaves too." },
	STATE_TREE_PARAM,
	PARAM_END
};

static const struct tally_reply_field get_clue_proof_reply[] = {
	{ "LedgerId", NODE_TEXT, false, "The ledger." },
	{ "Clue", NODE_TEXT, false, "The clue." },
	{ "Count", NODE_UINT, false,
	  "Journals that have it, among the first StateSize; 0: none, which is proved too." },
	{ "First", NODE_UINT, false, "Where in the lineage the page begins." },
	{ "JournalIds", NODE_LIST, false, "Numbers of the journals of the page, ascending." },
	{ "JournalIds[JournalId]", NODE_TEXT, true, "A number." },
	{ "JournalHashes", NODE_LIST, false, "Their hashes, in the same order." },
	{ "JournalHashes[Hash]", NODE_TEXT, true, "A hash, hex." },
	{ "Leaves", NODE_LIST, true, "With Leaves: their leaves; the hash of each is its JournalHash." },
	{ "Leaves[Leaf]", NODE_TEXT, true, "A leaf, canonical JSON, in base64." },
	{ "ClueRoot", NODE_TEXT, true,
	  "Root of the RFC 6962 tree whose leaf hashes are the JournalHashes of all Count journals." },
	{ "RangeProof", NODE_LIST, false,
	  "Where the page is not the whole lineage: what its hashes and these give is ClueRoot." },
	{ "RangeProof[Hash]", NODE_TEXT, true, "A hash, hex." },
	STATE_ROWS(false),
	REPLY_END
};

const struct tally_action tally_action_get_clue_proof = {
	.name = "GetClueProof",
	.family = FAMILY_LEDGERDB,
	.summary = "Prove which journals have a clue: all of them, or that there is none.",
	.methods = METHOD_GET | METHOD_POST,
	.kind = ACTION_READ,
	.need = PERM_VIEW_JOURNAL,
	.params = get_clue_proof_params,
	.reply = get_clue_proof_reply,
	.run = get_clue_proof,
};

/* ---- CreateStateRoot ---- */

static int create_state_root(struct tally_call *call, struct tally_err *err)
{
	struct tally_ledger_info info = { .state_size = 0 };
	int made = tally_state_refresh(call->core, ledger_of(call), err), found;

	if (made < 0)
		return -1;
	found = tally_ledger_describe(call->core, ledger_of(call), call->arena, &info, err);
	if (found < 0)
		return -1;
	if (info.state_size == 0)
		return tally_no_state(call, err);
	tally_add_text(call->arena, call->reply, "LedgerId", ledger_of(call));
	tally_add_bool(call->arena, call->reply, "Created", made == 1);
	tally_add_uint_text(call->arena, call->reply, "JournalId", info.state_journal);
	tally_add_uint(call->arena, call->reply, "StateSize", info.state_size);
	tally_add_hex(call->arena, call->reply, "StateRootHash", info.state_root.bytes,
		      TALLY_HASH_SIZE);
	return 0;
}

static const struct tally_param create_state_root_params[] = { LEDGER_ID_PARAM, PARAM_END };

static const struct tally_reply_field create_state_root_reply[] = {
	{ "LedgerId", NODE_TEXT, false, "The ledger." },
	{ "Created", NODE_BOOL, false, "false: the newest one was about all there is already." },
	{ "JournalId", NODE_TEXT, false, "The newest STATE_ROOT journal." },
	{ "StateSize", NODE_UINT, false, "It is about the first so many journals." },
	{ "StateRootHash", NODE_TEXT, false, "Root of the state tree of that time, hex." },
	REPLY_END
};

const struct tally_action tally_action_create_state_root = {
	.name = "CreateStateRoot",
	.family = FAMILY_LEDGERDB,
	.summary = "Bring a STATE_ROOT journal about all there is, so that proofs are of now.",
	.methods = METHOD_GET | METHOD_POST,
	.kind = ACTION_WRITE,
	.need = PERM_APPEND,
	.params = create_state_root_params,
	.reply = create_state_root_reply,
	.run = create_state_root,
};
