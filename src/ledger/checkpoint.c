/*
 * Checkpoints: what of a ledger is signed. Only published trees are signed, which are durable; a
 * ledger that is less than what was signed of it before is not signed for, nor written to.
 */
#include <stdio.h>
#include <stdlib.h>

#include "core_private.h"
#include "cose.h"
#include "note.h"
#include "policy.h"
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
	/* Apart, since it is held while the note is written to the disk: who signs does not wait. */
	pthread_mutex_t cosigned_lock;
	struct tally_cosigned_note cosigned;
};

/* ---- trust ---- */

/* The tree's root at a size: the complete subtrees of its 1-bits, folded from the smallest. */
int tally_root_at(struct tally_nodes *nodes, uint64_t size, struct tally_hash *root_r)
{
	struct tally_frontier frontier;

	if (size == nodes->view->head->frontier.size) {
		*root_r = nodes->view->head->root;
		return 0;
	}
	tally_frontier_init(&frontier);
	frontier.size = size;
	for (unsigned int level = 0; level < TALLY_TREE_MAX_PATH; level++)
		if ((size >> level & 1) != 0 &&
		    tally_view_node(nodes, level, (size >> level) - 1, &frontier.level[level]) != 0)
			return -1;
	tally_frontier_root(&frontier, root_r);
	return 0;
}

static struct tally_note_cache *cache_of(struct tally_space *space)
{
	pthread_mutex_lock(&space->look);
	if (space->note == NULL) {
		space->note = tally_calloc(1, sizeof(*space->note));
		pthread_mutex_init(&space->note->lock, NULL);
		pthread_mutex_init(&space->note->cosigned_lock, NULL);
	}
	pthread_mutex_unlock(&space->look);
	return space->note;
}

void tally_note_cache_free(struct tally_note_cache *cache)
{
	if (cache == NULL)
		return;
	pthread_mutex_destroy(&cache->lock);
	pthread_mutex_destroy(&cache->cosigned_lock);
	tally_buf_free(&cache->cosigned.note);
	free(cache);
}

static int hold_against(const struct tally_view *view, const struct tally_high_mark *mark,
			const char *by, struct tally_err *err)
{
	struct tally_arena arena;
	struct tally_nodes nodes = { .view = view, .arena = &arena, .err = err };
	struct tally_hash root;
	int result;

	if (view->head->frontier.size < mark->size)
		return tally_err_about(err, TALLY_CORRUPT, "ReadOnly", "%s has %llu journals, but "
				       "%llu were %s: an older copy? (tally adopt)",
				       view->space->name,
				       (unsigned long long)view->head->frontier.size,
				       (unsigned long long)mark->size, by);
	tally_arena_init(&arena);
	result = tally_root_at(&nodes, mark->size, &root);
	tally_arena_free(&arena);
	if (result == 0 && memcmp(root.bytes, mark->root.bytes, TALLY_HASH_SIZE) != 0)
		return tally_err_about(err, TALLY_CORRUPT, "ReadOnly", "%s differs from what was "
				       "%s at %llu journals (tally adopt)", view->space->name, by,
				       (unsigned long long)mark->size);
	return result;
}

/* The tree has in it all that is known to be signed of it. */
static int hold_all(struct tally_core *core, const struct tally_view *view, struct tally_err *err)
{
	struct tally_note_cache *cache = cache_of(view->space);
	struct tally_high_mark marks[2], cosigned;
	size_t count = tally_high_get(core->high, view->head->origin, marks);
	int found;

	for (size_t i = 0; i < count; i++)
		if (hold_against(view, &marks[i], "signed", err) != 0)
			return -1;
	pthread_mutex_lock(&cache->cosigned_lock);
	found = tally_cosigned_mark(core, &cache->cosigned, view->head->origin, &cosigned, err);
	pthread_mutex_unlock(&cache->cosigned_lock);
	return found == 1 ? hold_against(view, &cosigned, "cosigned by witnesses", err) : found;
}

static int distrust_of(struct tally_space *space, struct tally_err *err)
{
	int result = 0;

	pthread_mutex_lock(&space->look);
	if (space->distrust != NULL) {
		*err = *space->distrust;
		result = -1;
	}
	pthread_mutex_unlock(&space->look);
	return result;
}

bool tally_space_distrusted(struct tally_space *space)
{
	struct tally_err ignored;

	return distrust_of(space, &ignored) != 0;
}

void tally_space_distrust(struct tally_space *space, struct tally_err *err)
{
	struct tally_err *kept = tally_malloc(sizeof(*kept));

	tally_log(TALLY_LOG_ERROR, "ledger.distrusted", "ledger", space->name, "why", err->text, NULL);
	tally_err_about(err, TALLY_CORRUPT, "ReadOnly", "%s; nothing more is written to it or signed "
			"of it", err->text);
	*kept = *err;
	pthread_mutex_lock(&space->look);
	if (space->distrust == NULL) {
		space->distrust = kept;
		kept = NULL;
	}
	pthread_mutex_unlock(&space->look);
	free(kept);
}

static int trust(struct tally_space *space, bool again, struct tally_err *err)
{
	struct tally_core *core = space->core;
	uint64_t generation;
	struct tally_view view;
	int result = 0;

	if (distrust_of(space, err) != 0)
		return -1;
	if (core->high == NULL)
		return 0;
	generation = tally_high_generation(core->high);
	if (__atomic_load_n(&space->trusted_at, __ATOMIC_ACQUIRE) == generation)
		return 0;
	if (tally_view_take(space, &view, err) != 0)
		return err->code == TALLY_NOTFOUND ? 0 : -1;	/* a new one */
	if (view.head->origin[0] != '\0')
		result = hold_all(core, &view, err);
	tally_view_drop(&view);
	/* What another process signed may be what we have not seen yet. */
	if (result != 0 && core->hosts && !again)
		return tally_space_refresh(space, true, err) == 0 ? trust(space, true, err) : -1;
	if (result == 0)
		__atomic_store_n(&space->trusted_at, generation, __ATOMIC_RELEASE);
	return result;
}

int tally_space_trust(struct tally_space *space, struct tally_err *err)
{
	return trust(space, false, err);
}

/* ---- signing ---- */

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

/* Signs what is newest, which was found to be trusted: an older view may still bear an origin that
 * the ledger had to give up. Lock of the cache held. */
static int sign_newest(struct tally_space *space, struct tally_note_cache *cache,
		       struct tally_err *err)
{
	struct tally_view newest;
	int result;

	if (tally_view_take(space, &newest, err) != 0)
		return -1;
	result = sign_head(space->core, newest.head, cache, err);
	tally_view_drop(&newest);
	return result;
}

/* The newest checkpoint, at least as new as the view. */
int tally_view_checkpoint(const struct tally_view *view, struct tally_arena *arena,
			  struct tally_signed_checkpoint *checkpoint_r, struct tally_err *err)
{
	struct tally_space *space = view->space;
	struct tally_note_cache *cache;
	int result = 0;

	/* A copy may sign what the original never had. */
	if (space->core->read_only)
		return tally_err_about(err, TALLY_CORRUPT, "ReadOnly", "the store was moved or copied: "
				       "nothing is signed (tally adopt)");
	/* What others have signed under our name meanwhile must be in the tree. */
	if (tally_high_refresh(space->core->high, err) != 0 || tally_space_trust(space, err) != 0)
		return -1;
	if (view->head->state_wrong)
		return tally_err_about(err, TALLY_CORRUPT, "ReadOnly",
				       "%s has a STATE_ROOT journal that is not what its journals "
				       "make; it is not signed for", space->name);
	cache = cache_of(space);
	pthread_mutex_lock(&cache->lock);
	if (cache->size < view->head->frontier.size)
		result = sign_newest(space, cache, err);
	if (result == 0)
		*checkpoint_r = (struct tally_signed_checkpoint){
			.size = cache->size, .root = cache->root,
			.state_size = cache->state_size, .state_root = cache->state_root,
			.note = tally_arena_bytes(arena,
						  tally_bytes(cache->text, cache->text_size)) };
	pthread_mutex_unlock(&cache->lock);
	return result;
}

/* A view taken after the space was found to be trusted, so that its origin is one that holds. */
static int trusted_view(struct tally_core *core, struct tally_bytes ledger_id,
			struct tally_view *view_r, struct tally_err *err)
{
	struct tally_space *space;
	int found = tally_space_of_log(core, ledger_id, &space, err);

	if (found == 1 && tally_space_trust(space, err) != 0)
		return -1;
	if (found == 1 && tally_view_take(space, view_r, err) != 0)
		found = -1;
	return found;
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

/* ---- what witnesses signed ---- */

static int cosigned_of(const struct tally_view *view, struct tally_arena *arena,
		       struct tally_signed_checkpoint *checkpoint_r, struct tally_err *err)
{
	struct tally_note_cache *cache = cache_of(view->space);
	int found;

	pthread_mutex_lock(&cache->cosigned_lock);
	found = tally_cosigned_get(view->space->core, &cache->cosigned, view->head->origin, arena,
				   checkpoint_r, err);
	pthread_mutex_unlock(&cache->cosigned_lock);
	return found;
}

int tally_ledger_cosigned(struct tally_core *core, struct tally_bytes ledger_id,
			  struct tally_arena *arena, struct tally_signed_checkpoint *checkpoint_r,
			  struct tally_err *err)
{
	struct tally_view view;
	int found = trusted_view(core, ledger_id, &view, err);

	if (found != 1)
		return found;
	found = cosigned_of(&view, arena, checkpoint_r, err);
	tally_view_drop(&view);
	return found;
}

int tally_ledger_published(struct tally_core *core, struct tally_bytes ledger_id,
			   struct tally_arena *arena, struct tally_signed_checkpoint *checkpoint_r,
			   struct tally_err *err)
{
	const struct tally_policy *policy = tally_core_policy(core);
	struct tally_signed_checkpoint cosigned;
	struct tally_view view;
	int found = trusted_view(core, ledger_id, &view, err), has;

	if (found != 1)
		return found;
	has = policy != NULL ? cosigned_of(&view, arena, &cosigned, err) : 0;
	if (has < 0)
		found = -1;
	else if (policy != NULL && policy->quorum != QUORUM_NONE && has == 0)
		found = tally_err_set(err, TALLY_BUSY, "no checkpoint of %s has been cosigned by a "
				      "quorum of witnesses yet", view.space->name);
	else if (policy == NULL || policy->quorum == QUORUM_NONE)
		found = tally_view_checkpoint(&view, arena, checkpoint_r, err) == 0 ? 1 : -1;
	if (found == 1 && has == 1 &&
	    (policy->quorum != QUORUM_NONE || cosigned.size == checkpoint_r->size))
		*checkpoint_r = cosigned;
	tally_view_drop(&view);
	return found;
}

/* Has the ledger the tree of a mark? 1, 0. */
static int has_tree(const struct tally_view *view, const struct tally_high_mark *mark,
		    struct tally_err *err)
{
	struct tally_err why;

	if (hold_against(view, mark, "signed", &why) == 0)
		return 1;
	if (strcmp(why.subject, "ReadOnly") == 0)
		return 0;
	*err = why;
	return -1;
}

int tally_ledger_keep_cosigned(struct tally_core *core, struct tally_bytes ledger_id,
			       struct tally_bytes note, struct tally_err *err)
{
	struct tally_note_cache *cache;
	struct tally_high_mark mark;
	struct tally_view view;
	int found = trusted_view(core, ledger_id, &view, err);

	if (found != 1)
		return found;
	cache = cache_of(view.space);
	if (tally_cosigned_check(core, view.head->origin, note, &mark, err) != 0)
		found = -1;
	if (found == 1)
		found = has_tree(&view, &mark, err);
	if (found == 0)
		found = tally_err_about(err, TALLY_INVALID, "Checkpoint",
					"the ledger has no such tree");
	if (found == 1) {
		pthread_mutex_lock(&cache->cosigned_lock);
		if (tally_cosigned_keep(core, &cache->cosigned, view.head->origin, note, err) != 0)
			found = -1;
		pthread_mutex_unlock(&cache->cosigned_lock);
	}
	tally_view_drop(&view);
	return found;
}

int tally_ledger_was_signed(struct tally_core *core, struct tally_bytes ledger_id,
			    struct tally_bytes note, bool *fits_r, struct tally_err *err)
{
	struct tally_high_mark mark;
	struct tally_view view;
	int found = tally_view_of_log(core, ledger_id, &view, err), has;

	if (found != 1)
		return found;
	has = tally_cosigned_check(core, view.head->origin, note, &mark, err);
	if (has == 0)
		has = has_tree(&view, &mark, err);
	*fits_r = has == 1;
	if (has == 0) {
		tally_high_evidence(core->high, view.head->origin, mark.size, &mark.root);
		tally_log(TALLY_LOG_ERROR, "ledger.signed_elsewhere", "ledger", view.space->name,
			  "effect", "read only until it is adopted", NULL);
		has = tally_high_write(core->high, err);
	}
	tally_view_drop(&view);
	return has < 0 ? -1 : 1;
}

/* ---- adopting ---- */

/* Goes on under another origin; the journal that says so is the first of the new log's own. */
struct rename {
	struct tally_field fields[4];
	const char *old;
};

static int check_rename(struct tally_build *build, struct tally_manage *manage,
			struct tally_err *err)
{
	const struct rename *rename = manage->ctx;

	if (strcmp(build->head->origin, rename->old) != 0)
		return tally_err_set(err, TALLY_CONFLICT, "%s has another origin by now",
				     build->space->name);
	return 0;
}

/* Store origin, 8 random digits, LedgerId: no copy of the store comes upon the same. */
static void make_origin(const struct tally_core *core, const char *ledger_id, char *origin,
			size_t room)
{
	uint8_t random[4];
	char hex[9];

	tally_random(random, sizeof(random));
	tally_hex_encode(random, sizeof(random), hex);
	snprintf(origin, room, "%s/%s/%s", core->origin, hex, ledger_id);
}

/* What was signed under the name before is not given out again. */
static void drop_note(struct tally_space *space)
{
	struct tally_note_cache *cache = cache_of(space);

	pthread_mutex_lock(&cache->lock);
	cache->size = 0;
	pthread_mutex_unlock(&cache->lock);
}

static int new_origin(struct tally_core *core, const struct tally_ledger_info *info,
		      const struct tally_high_mark *was, const char *origin, struct tally_err *err)
{
	struct tally_write write = { .caller = { .account = info->owner, .local = true } };
	struct tally_manage manage = { .what = "origin", .need = PERM_UPDATE_LEDGER,
				       .check = check_rename, .mends = true };
	struct rename rename = { .old = info->origin };
	char root[65];

	tally_hex_encode(was->root.bytes, TALLY_HASH_SIZE, root);
	rename.fields[0] = (struct tally_field){ TALLY_BYTES_LIT("origin"), FIELD_TEXT,
						 tally_bytes_str(origin), 0 };
	rename.fields[1] = (struct tally_field){ TALLY_BYTES_LIT("previousOrigin"), FIELD_TEXT,
						 tally_bytes_str(info->origin), 0 };
	rename.fields[2] = (struct tally_field){ TALLY_BYTES_LIT("previousRoot"), FIELD_TEXT,
						 tally_bytes_str(root), 0 };
	rename.fields[3] = (struct tally_field){ TALLY_BYTES_LIT("previousSize"), FIELD_UINT,
						 TALLY_BYTES_NONE, was->size };
	manage.prepared.record = (struct tally_record){ .type = TYPE_UPDATE_LEDGER, .has_data = true,
							.fields = rename.fields, .field_count = 4 };
	manage.ctx = &rename;
	return tally_manage_run(core, &write, tally_bytes_str(info->id), &manage, NULL, err);
}

/* The largest tree that is known to be signed of it, and the one that witnesses cosigned; size 0:
 * none. */
static int marks_of(struct tally_core *core, struct tally_space *space, const char *origin,
		    struct tally_high_mark *mark_r, struct tally_high_mark *cosigned_r,
		    struct tally_err *err)
{
	struct tally_note_cache *cache = cache_of(space);
	struct tally_high_mark marks[2];
	size_t count = tally_high_get(core->high, origin, marks);
	int found;

	*mark_r = count > 0 ? marks[0] : (struct tally_high_mark){ 0 };
	*cosigned_r = (struct tally_high_mark){ 0 };
	pthread_mutex_lock(&cache->cosigned_lock);
	found = tally_cosigned_mark(core, &cache->cosigned, origin, cosigned_r, err);
	pthread_mutex_unlock(&cache->cosigned_lock);
	if (found == 1 && cosigned_r->size > mark_r->size)
		*mark_r = *cosigned_r;
	return found < 0 ? -1 : 0;
}

/* What witnesses cosigned is not forgotten: they would not cosign another tree after it. */
static int may_forget(struct tally_space *space, const struct tally_high_mark *cosigned,
		      struct tally_err *err)
{
	struct tally_view view;
	int has = 1;

	if (cosigned->size == 0)
		return 0;
	if (tally_view_take(space, &view, err) != 0)
		return -1;
	has = has_tree(&view, cosigned, err);
	tally_view_drop(&view);
	if (has != 0)
		return has == 1 ? 0 : -1;
	return tally_err_set(err, TALLY_DENIED, "witnesses have cosigned %llu journals of %s that it does "
			     "not have: it can only go on under a new origin",
			     (unsigned long long)cosigned->size, space->name);
}

static int forget(struct tally_core *core, struct tally_space *space, const char *origin,
		  struct tally_err *err)
{
	struct tally_note_cache *cache = cache_of(space);
	int result;

	drop_note(space);
	tally_high_forget(core->high, origin);
	pthread_mutex_lock(&cache->cosigned_lock);
	result = tally_cosigned_forget(core, &cache->cosigned, origin, err);
	pthread_mutex_unlock(&cache->cosigned_lock);
	return result;
}

/* each NULL: only whether it may be done. */
static int adopt_one(struct tally_core *core, const struct tally_ledger_info *info,
		     enum tally_adopt how, tally_adopt_each *each, void *ctx,
		     struct tally_err *err)
{
	struct tally_adopt_log log = { .ledger_id = info->id, .origin = info->origin,
				       .is = info->journal_count };
	struct tally_high_mark mark, cosigned;
	struct tally_space *space;
	struct tally_err why;
	char origin[256];

	if (tally_space_of_ledger(core, tally_bytes_str(info->id), &space, err) != 1 ||
	    marks_of(core, space, info->origin, &mark, &cosigned, err) != 0)
		return -1;
	log.was = mark.size;
	log.cosigned = cosigned.size;
	log.fits = tally_space_trust(space, &why) == 0;
	if (!log.fits && strcmp(why.subject, "ReadOnly") != 0) {
		*err = why;
		return -1;
	}
	/* A ledger with a block that is not what it says is not mended by forgetting. */
	if (tally_space_distrusted(space))
		how = ADOPT_LOOK;
	if (each == NULL)
		return log.fits || how != ADOPT_FORGET ? 0 : may_forget(space, &cosigned, err);
	if (!log.fits && how == ADOPT_FORGET && forget(core, space, info->origin, err) != 0)
		return -1;
	if (!log.fits && how == ADOPT_NEW_ORIGIN && !core->read_only) {
		make_origin(core, info->id, origin, sizeof(origin));
		if (new_origin(core, info, &mark, origin, err) != 0)
			return tally_err_prefix(err, "%s", info->id);
		drop_note(space);
		log.new_origin = origin;
	}
	each(ctx, &log);
	return 0;
}

static int adopt_all(struct tally_core *core, enum tally_adopt how, tally_adopt_each *each,
		     void *ctx, struct tally_err *err)
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
			result = adopt_one(core, &infos[i], how, each, ctx, err);
		if (count > 0)
			after = tally_bytes_str(infos[count - 1].id);
		more = more && count > 0;
	}
	tally_arena_free(&arena);
	return result;
}

int tally_core_adopt(struct tally_core *core, enum tally_adopt how, tally_adopt_each *each,
		     void *ctx, struct tally_err *err)
{
	int result = tally_high_refresh(core->high, err);

	if (result == 0 && how == ADOPT_FORGET)
		result = adopt_all(core, how, NULL, NULL, err);
	if (result == 0)
		result = adopt_all(core, how, each, ctx, err);
	if (result == 0 && how != ADOPT_LOOK)
		result = tally_high_write(core->high, err);
	if (result == 0 && how != ADOPT_LOOK && core->read_only && core->adopted != NULL) {
		result = core->adopted(core->adopted_ctx, err);
		core->dead = core->dead || result == 0;
	}
	return result;
}

/* ---- ledgers that are at work ---- */

int tally_core_open_ledgers(struct tally_core *core, tally_open_ledger_each *each, void *ctx)
{
	for (size_t i = 0; i < TALLY_SPACE_BUCKETS; i++) {
		struct tally_space *space;

		pthread_mutex_lock(&core->table_lock);
		space = core->table[i];		/* spaces are only ever added in front */
		pthread_mutex_unlock(&core->table_lock);
		for (; space != NULL; space = space->next) {
			struct tally_err ignored;
			struct tally_view view;
			int stop = 0;

			if (space->id == TALLY_SYSTEM_SPACE ||
			    !__atomic_load_n(&space->loaded, __ATOMIC_ACQUIRE) ||
			    tally_view_take(space, &view, &ignored) != 0)
				continue;
			if (view.head->status == LEDGER_NORMAL)
				stop = each(ctx, space->name, view.head->frontier.size,
					    view.head->public_read);
			tally_view_drop(&view);
			if (stop != 0)
				return stop;
		}
	}
	return 0;
}

/* ---- tiles ---- */

static int tile_hashes(const struct tally_view *view, unsigned int level, uint64_t number,
		       unsigned int width, struct tally_arena *arena, struct tally_bytes *bytes_r,
		       struct tally_err *err)
{
	struct tally_nodes nodes = { .view = view, .arena = arena, .err = err };
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
	else if (level < 0 && number < view.head->purge_before / TALLY_TILE_WIDTH)
		found = tally_err_about(err, TALLY_NOTFOUND, "MinimumIndex",
					"journals below %llu are purged",
					(unsigned long long)view.head->purge_before);
	else if (level < 0)
		found = tile_entries(&view, number, width, arena, bytes_r, err);
	else
		found = tile_hashes(&view, (unsigned int)level, number, width, arena, bytes_r, err);
	tally_view_drop(&view);
	return found;
}
