/*
 * Checkpoints: what of a ledger is signed. Only published trees are signed, which are durable; a
 * ledger that is less than what was signed of it before is not signed for, nor written to.
 */
#include <stdio.h>
#include <stdlib.h>

#include "core_private.h"
#include "cose.h"
#include "note.h"
#include "tile.h"

struct tally_note_cache {
	pthread_mutex_t lock;
	uint64_t size;
	struct tally_hash root;
	uint64_t state_size;
	struct tally_hash state_root;
	char text[TALLY_CHECKPOINT_TEXT + 1 + TALLY_NOTE_LINE];
	size_t text_size;
	uint64_t cose_size;		/* of the tree that cose_signature is for */
	uint8_t cose_signature[TALLY_COSE_SIGNATURE];
};

/* ---- trust ---- */

/* The tree's root at a size: the complete subtrees of its 1-bits, folded from the smallest. */
int tally_root_at(struct tally_nodes *nodes, uint64_t size, struct tally_hash *root_r)
{
	struct tally_frontier frontier;

	tally_frontier_init(&frontier);
	frontier.size = size;
	for (unsigned int level = 0; level < TALLY_TREE_MAX_PATH; level++)
		if ((size >> level & 1) != 0 &&
		    tally_view_node(nodes, level, (size >> level) - 1, &frontier.level[level]) != 0)
			return -1;
	tally_frontier_root(&frontier, root_r);
	return 0;
}

static int hold_against(const struct tally_view *view, uint64_t size,
			const struct tally_hash *signed_root, struct tally_err *err)
{
	struct tally_arena arena;
	struct tally_nodes nodes = { view, &arena, err };
	struct tally_hash root;
	int result;

	if (view->head->frontier.size < size)
		return tally_err_about(err, TALLY_CORRUPT, "ReadOnly", "%s has %llu journals, but "
				       "%llu were signed: an older copy? (tally adopt)",
				       view->space->name,
				       (unsigned long long)view->head->frontier.size,
				       (unsigned long long)size);
	tally_arena_init(&arena);
	result = tally_root_at(&nodes, size, &root);
	tally_arena_free(&arena);
	if (result == 0 && memcmp(root.bytes, signed_root->bytes, TALLY_HASH_SIZE) != 0)
		return tally_err_about(err, TALLY_CORRUPT, "ReadOnly", "%s differs from what was "
				       "signed at %llu journals (tally adopt)", view->space->name,
				       (unsigned long long)size);
	return result;
}

int tally_space_trust(struct tally_space *space, struct tally_err *err)
{
	struct tally_hash root;
	struct tally_view view;
	uint64_t size;
	int result = 0;

	if (__atomic_load_n(&space->trusted, __ATOMIC_ACQUIRE) || space->core->high == NULL)
		return 0;
	if (tally_view_take(space, &view, err) != 0)
		return err->code == TALLY_NOTFOUND ? 0 : -1;	/* a new one */
	if (view.head->origin[0] != '\0' &&
	    tally_high_get(space->core->high, view.head->origin, &size, &root))
		result = hold_against(&view, size, &root, err);
	tally_view_drop(&view);
	if (result == 0)
		__atomic_store_n(&space->trusted, true, __ATOMIC_RELEASE);
	return result;
}

/* ---- signing ---- */

static struct tally_note_cache *cache_of(struct tally_space *space)
{
	pthread_mutex_lock(&space->look);
	if (space->note == NULL) {
		space->note = tally_calloc(1, sizeof(*space->note));
		pthread_mutex_init(&space->note->lock, NULL);
	}
	pthread_mutex_unlock(&space->look);
	return space->note;
}

void tally_note_cache_free(struct tally_note_cache *cache)
{
	if (cache == NULL)
		return;
	pthread_mutex_destroy(&cache->lock);
	free(cache);
}

static int sign_head(struct tally_core *core, const struct tally_head *head,
		     struct tally_note_cache *cache, struct tally_err *err)
{
	struct tally_bytes origin = tally_bytes_str(head->origin);
	struct tally_vkey vkey;
	size_t size;

	if (core->log_seed == NULL || !tally_vkey_make(&vkey, origin, NOTE_ED25519,
						       core->log_public))
		return tally_err_set(err, TALLY_UNSUPPORTED, "%s cannot be signed for",
				     head->origin);
	size = tally_checkpoint_format(origin, head->frontier.size, &head->root, cache->text);
	cache->text[size] = '\n';
	cache->text_size = size + 1 +
			   tally_note_sign(&vkey, core->log_seed, tally_bytes(cache->text, size),
					   cache->text + size + 1);
	cache->size = head->frontier.size;
	cache->root = head->root;
	cache->state_size = head->state.size;
	cache->state_root = head->state.root;
	tally_high_put(core->high, head->origin, head->frontier.size, &head->root);
	return 0;
}

/* The newest checkpoint, at least as new as the view. */
int tally_view_checkpoint(const struct tally_view *view, struct tally_arena *arena,
			  struct tally_signed_checkpoint *checkpoint_r, struct tally_err *err)
{
	struct tally_space *space = view->space;
	struct tally_note_cache *cache;
	int result = 0;

	if (tally_space_trust(space, err) != 0)
		return -1;
	if (view->head->state_wrong)
		return tally_err_about(err, TALLY_CORRUPT, "ReadOnly",
				       "%s has a STATE_ROOT journal that is not what its journals "
				       "make; it is not signed for", space->name);
	cache = cache_of(space);
	pthread_mutex_lock(&cache->lock);
	if (cache->size < view->head->frontier.size)
		result = sign_head(space->core, view->head, cache, err);
	if (result == 0)
		*checkpoint_r = (struct tally_signed_checkpoint){
			.size = cache->size, .root = cache->root,
			.state_size = cache->state_size, .state_root = cache->state_root,
			.note = tally_arena_bytes(arena,
						  tally_bytes(cache->text, cache->text_size)) };
	pthread_mutex_unlock(&cache->lock);
	return result;
}

int tally_ledger_checkpoint(struct tally_core *core, struct tally_bytes ledger_id,
			    struct tally_arena *arena, struct tally_signed_checkpoint *checkpoint_r,
			    struct tally_err *err)
{
	struct tally_view view;
	int found = tally_view_of_log(core, ledger_id, &view, err);

	if (found != 1)
		return found;
	if (tally_view_checkpoint(&view, arena, checkpoint_r, err) != 0)
		found = -1;
	tally_view_drop(&view);
	return found;
}

/* Who signs, as COSE has it. */
static int cose_head(struct tally_core *core, const struct tally_head *head,
		     struct tally_arena *arena, struct tally_cose_receipt *receipt_r,
		     struct tally_err *err)
{
	uint8_t *kid = tally_arena_alloc(arena, TALLY_COSE_KID);
	const char *origin = tally_arena_str(arena, tally_bytes_str(head->origin));
	const char *slash = strrchr(origin, '/');
	struct tally_vkey vkey;

	if (!tally_vkey_make(&vkey, tally_bytes_str(origin), NOTE_ED25519, core->log_public))
		return tally_err_set(err, TALLY_UNSUPPORTED, "%s cannot be signed for", origin);
	tally_cose_kid(&vkey, kid);
	*receipt_r = (struct tally_cose_receipt){
		.kind = COSE_INCLUSION, .alg = COSE_EDDSA, .kid = tally_bytes(kid, TALLY_COSE_KID),
		.issuer = tally_bytes_str(origin),
	};
	if (slash != NULL) {
		receipt_r->issuer = tally_bytes(origin, (size_t)(slash - origin));
		receipt_r->subject = tally_bytes_str(slash + 1);
	}
	return 0;
}

/* Only of a tree that a checkpoint was signed for: so it is durable, and remembered outside. */
static int view_cose(const struct tally_view *view, struct tally_arena *arena,
		     struct tally_cose_receipt *receipt_r, struct tally_err *err)
{
	struct tally_core *core = view->space->core;
	struct tally_signed_checkpoint checkpoint;
	struct tally_note_cache *cache;
	int result = 0;

	if (tally_view_checkpoint(view, arena, &checkpoint, err) != 0 ||
	    cose_head(core, view->head, arena, receipt_r, err) != 0)
		return -1;
	receipt_r->size = checkpoint.size;
	receipt_r->root = checkpoint.root;
	cache = cache_of(view->space);
	pthread_mutex_lock(&cache->lock);
	if (cache->cose_size != checkpoint.size &&
	    !tally_cose_sign_root(receipt_r, core->log_seed, cache->cose_signature))
		result = tally_err_set(err, TALLY_UNSUPPORTED, "%s has no COSE receipts",
				       view->head->origin);
	cache->cose_size = result == 0 ? checkpoint.size : 0;
	memcpy(receipt_r->signature, cache->cose_signature, sizeof(cache->cose_signature));
	pthread_mutex_unlock(&cache->lock);
	return result;
}

int tally_ledger_cose(struct tally_core *core, struct tally_bytes ledger_id,
		      struct tally_arena *arena, struct tally_cose_receipt *receipt_r,
		      struct tally_err *err)
{
	struct tally_view view;
	int found = tally_view_of_log(core, ledger_id, &view, err);

	if (found != 1)
		return found;
	if (view_cose(&view, arena, receipt_r, err) != 0)
		found = -1;
	tally_view_drop(&view);
	return found;
}

int tally_ledger_vkey(struct tally_core *core, struct tally_bytes ledger_id,
		      struct tally_arena *arena, const char **vkey_r, struct tally_err *err)
{
	char text[TALLY_VKEY_TEXT];
	struct tally_vkey vkey;
	struct tally_view view;
	int found = tally_view_of_log(core, ledger_id, &view, err);

	if (found != 1)
		return found;
	if (!tally_vkey_make(&vkey, tally_bytes_str(view.head->origin), NOTE_ED25519,
			     core->log_public))
		found = tally_err_set(err, TALLY_UNSUPPORTED, "%s is no name of a key",
				      view.head->origin);
	tally_view_drop(&view);
	if (found == 1) {
		tally_vkey_format(&vkey, text);
		*vkey_r = tally_arena_str(arena, tally_bytes_str(text));
	}
	return found;
}

/* Reports one ledger, if anything was signed of it. */
static int adopt_one(struct tally_core *core, const struct tally_ledger_info *info, bool adopt,
		     tally_adopt_each *each, void *ctx, struct tally_err *err)
{
	struct tally_space *space;
	struct tally_hash root;
	struct tally_err why;
	uint64_t size;
	bool fits;

	if (!tally_high_get(core->high, info->origin, &size, &root))
		return 0;
	if (tally_space_of_ledger(core, tally_bytes_str(info->id), &space, err) != 1)
		return -1;
	fits = tally_space_trust(space, &why) == 0;
	if (!fits && strcmp(why.subject, "ReadOnly") != 0) {
		*err = why;
		return -1;
	}
	each(ctx, info->origin, size, info->journal_count, fits);
	if (adopt && !fits)
		tally_high_forget(core->high, info->origin);
	return 0;
}

int tally_core_adopt(struct tally_core *core, bool adopt, tally_adopt_each *each, void *ctx,
		     struct tally_err *err)
{
	struct tally_arena arena;
	struct tally_ledger_info *infos;
	struct tally_caller local = { .local = true };
	struct tally_bytes after = TALLY_BYTES_NONE;
	size_t count = 0;
	int result = 0;
	bool more = true;

	tally_arena_init(&arena);
	while (result == 0 && more) {
		result = tally_ledger_list(core, &local, after, 100, &arena, &infos, &count, &more,
					   err);
		for (size_t i = 0; result == 0 && i < count; i++)
			result = adopt_one(core, &infos[i], adopt, each, ctx, err);
		if (count > 0)
			after = tally_bytes_str(infos[count - 1].id);
		more = more && count > 0;
	}
	tally_arena_free(&arena);
	if (result == 0 && adopt)
		result = tally_high_write(core->high, err);
	if (result == 0 && adopt && core->read_only && core->adopted != NULL) {
		result = core->adopted(core->adopted_ctx, err);
		core->dead = core->dead || result == 0;
	}
	return result;
}

/* ---- tiles ---- */

static int tile_hashes(const struct tally_view *view, unsigned int level, uint64_t number,
		       unsigned int width, struct tally_arena *arena, struct tally_bytes *bytes_r,
		       struct tally_err *err)
{
	struct tally_nodes nodes = { view, arena, err };
	uint8_t *bytes = tally_arena_alloc(arena, (size_t)width * TALLY_HASH_SIZE);

	for (unsigned int i = 0; i < width; i++) {
		struct tally_hash hash;

		if (tally_view_node(&nodes, 8 * level, number * TALLY_TILE_WIDTH + i, &hash) != 0)
			return -1;
		memcpy(bytes + (size_t)i * TALLY_HASH_SIZE, hash.bytes, TALLY_HASH_SIZE);
	}
	*bytes_r = tally_bytes(bytes, (size_t)width * TALLY_HASH_SIZE);
	return 1;
}

/* Each entry: u16 length, the leaf. */
static int tile_entries(const struct tally_view *view, uint64_t number, unsigned int width,
			struct tally_arena *arena, struct tally_bytes *bytes_r,
			struct tally_err *err)
{
	struct tally_buf buf = { 0 };
	struct tally_arena scratch;
	int result = 1;

	tally_arena_init(&scratch);
	for (unsigned int i = 0; result == 1 && i < width; i++) {
		struct tally_journal journal;

		tally_arena_reset(&scratch);
		result = tally_view_journal(view, number * TALLY_TILE_WIDTH + i, &scratch, &journal,
					    err);
		if (result == 1) {
			tally_buf_add_u16(&buf, (uint16_t)journal.leaf.size);
			tally_buf_add_bytes(&buf, journal.leaf);
		}
	}
	if (result == 1)
		*bytes_r = tally_arena_bytes(arena, tally_buf_bytes(&buf));
	tally_buf_free(&buf);
	tally_arena_free(&scratch);
	return result;
}

int tally_ledger_tile(struct tally_core *core, struct tally_bytes ledger_id, int level,
		      uint64_t number, unsigned int width, struct tally_arena *arena,
		      struct tally_bytes *bytes_r, struct tally_err *err)
{
	unsigned int shift = level > 0 ? 8 * (unsigned int)level : 0;
	struct tally_view view;
	uint64_t hashes;
	int found = tally_view_of_log(core, ledger_id, &view, err);

	if (found != 1)
		return found;
	hashes = shift < 64 ? view.head->frontier.size >> shift : 0;
	if (width == 0 || width > TALLY_TILE_WIDTH || number > hashes / TALLY_TILE_WIDTH ||
	    hashes - number * TALLY_TILE_WIDTH < width)
		found = 0;
	else if (level < 0)
		found = tile_entries(&view, number, width, arena, bytes_r, err);
	else
		found = tile_hashes(&view, (unsigned int)level, number, width, arena, bytes_r, err);
	tally_view_drop(&view);
	return found;
}
