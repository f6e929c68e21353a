/* The core: opening and closing, and what keeps a store (maintain, rebuild, backup, check, load). */
#include "audit.h"
#include "core_private.h"

#include <errno.h>
#include <libgen.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "statecache.h"
#include "tilecache.h"

/* ---- settings ---- */

struct store_settings {
	const char *path, *driver, *index_path, *index_driver, *master_key, *module_dir;
};

#define AT(member) offsetof(struct store_settings, member)
const struct tally_setting tally_store_settings[] = {
	{ "path", SETTING_TEXT, NULL, AT(path),
	  "Where the store is: a directory, or the URL of an engine." },
	{ "driver", SETTING_TEXT, NULL, AT(driver),
	  "The storage driver of the blocks; default: the one that made the store, for a new one "
	  "bdb." },
	{ "index_path", SETTING_TEXT, NULL, AT(index_path),
	  "Where the index tables are, when not in the store itself." },
	{ "index_driver", SETTING_TEXT, NULL, AT(index_driver),
	  "The storage driver of the index tables, when not that of the blocks." },
	{ "master_key", SETTING_TEXT, NULL, AT(master_key),
	  "The master key file; default: the store's path with .key behind it." },
	{ "module_dir", SETTING_TEXT, NULL, AT(module_dir), "Where driver modules are." },
	{ NULL, SETTING_END, NULL, 0, NULL }
};
#undef AT

#define AT(member) offsetof(struct tally_limits, member)
const struct tally_setting tally_ledger_settings[] = {
	{ "payload_limit", SETTING_SIZE, "4M", AT(payload), "Bytes of one journal's payload." },
	{ "batch_limit", SETTING_U64, "10000", AT(batch), "Journals of one batch." },
	{ "block_limit", SETTING_SIZE, "8M", AT(block), "Bytes of one block." },
	{ "ledger_limit", SETTING_U64, "1000", AT(ledgers), "Ledgers an account may have." },
	{ "clock_window", SETTING_TIME, "15m", AT(clock_window_ms),
	  "How far the time of a request may be off." },
	{ "queue_limit", SETTING_U64, "4096", AT(queue), "Writes that may wait for the committer." },
	{ "overlay_bytes", SETTING_SIZE, "16M", AT(overlay_bytes),
	  "Memory for index changes of one ledger that are not yet applied: its writes slow down from half of it on, "
	  "and wait at one and a half." },
	{ "overlay_journals", SETTING_U64, "100000", AT(overlay_journals),
	  "Journals of one ledger that are not yet applied, in the same way." },
	{ "flush_interval", SETTING_TIME, "5s", AT(flush_ms),
	  "The index is brought up to date at least so often." },
	{ "tile_cache", SETTING_SIZE, "64M", AT(tile_cache),
	  "Memory for tiles of log trees, which proofs are made from." },
	{ "state_cache", SETTING_SIZE, "64M", AT(state_cache),
	  "Memory for parts of state trees, which the next STATE_ROOT is made from." },
	{ "member_limit", SETTING_U64, "1000", AT(members), "Members of a ledger." },
	{ "state_journals", SETTING_U64, "4096", AT(state_journals),
	  "A STATE_ROOT journal, which proofs of clues, keys and members lean on, is made after so "
	  "many journals; 0: never by itself." },
	{ "state_idle", SETTING_TIME, "10s", AT(state_idle_ms),
	  "And one when nothing was appended for so long; 0: not." },
	{ NULL, SETTING_END, NULL, 0, NULL }
};
#undef AT

/* The row of [time] that is the core's; the gateway's table says what it means. */
static const struct tally_setting anchor_rows[] = {
	{ "anchor_interval", SETTING_TIME, NULL, offsetof(struct tally_core, anchor_interval_ms),
	  NULL },
	{ NULL, SETTING_END, NULL, 0, NULL }
};

/* ---- making and freeing ---- */

static struct tally_core *core_new(const struct tally_core_options *options)
{
	struct tally_core *core = tally_calloc(1, sizeof(*core));

	core->short_lived = options->short_lived;
	core->read_only = options->read_only;
	core->adopted = options->adopted;
	core->adopted_ctx = options->adopted_ctx;
	core->stamp = options->stamp;
	core->stamp_ctx = options->stamp_ctx;
	core->stamp_tail = &core->stamp_waiting;
	core->queue_tail = &core->queue;
	pthread_mutex_init(&core->table_lock, NULL);
	pthread_mutex_init(&core->queue_lock, NULL);
	pthread_mutex_init(&core->commit_lock, NULL);
	pthread_mutex_init(&core->flush_lock, NULL);
	pthread_mutex_init(&core->state_lock, NULL);
	pthread_cond_init(&core->state_wake, NULL);
	pthread_mutex_init(&core->removal_lock, NULL);
	pthread_cond_init(&core->removal_wake, NULL);
	pthread_mutex_init(&core->certify_lock, NULL);
	pthread_mutex_init(&core->stamp_lock, NULL);
	pthread_cond_init(&core->stamp_done, NULL);
	pthread_cond_init(&core->queue_wake, NULL);
	pthread_cond_init(&core->flush_wake, NULL);
	pthread_cond_init(&core->flush_done, NULL);
	tally_key_cache_new(core);
	core->tiles = tally_tilecache_new(0);
	core->states = tally_statecache_new(0);
	return core;
}

static void core_free(struct tally_core *core)
{
	for (size_t i = 0; i < TALLY_SPACE_BUCKETS; i++) {
		for (struct tally_space *space = core->table[i], *next; space != NULL; space = next) {
			next = space->next;
			tally_space_free(space);
		}
	}
	tally_key_cache_free(core);
	tally_tilecache_free(core->tiles);
	tally_statecache_free(core->states);
	tally_secret_free(core->log_seed);
	tally_high_close(&core->high);
	tally_backups_close(&core->backups);
	tally_cosigned_close(&core->cosigned);
	if (core->index != core->blocks)
		tally_store_close(&core->index);
	tally_store_close(&core->blocks);
	pthread_mutex_destroy(&core->table_lock);
	pthread_mutex_destroy(&core->queue_lock);
	pthread_mutex_destroy(&core->commit_lock);
	pthread_mutex_destroy(&core->flush_lock);
	pthread_mutex_destroy(&core->state_lock);
	pthread_cond_destroy(&core->state_wake);
	pthread_mutex_destroy(&core->removal_lock);
	pthread_cond_destroy(&core->removal_wake);
	pthread_mutex_destroy(&core->certify_lock);
	pthread_mutex_destroy(&core->stamp_lock);
	pthread_cond_destroy(&core->stamp_done);
	pthread_cond_destroy(&core->queue_wake);
	pthread_cond_destroy(&core->flush_wake);
	pthread_cond_destroy(&core->flush_done);
	tally_wipe(core, sizeof(*core));
	free(core);
}

static int master_key_path(const struct store_settings *settings, char *path, size_t room,
			   struct tally_err *err)
{
	size_t size;

	if (settings->master_key != NULL) {
		snprintf(path, room, "%s", settings->master_key);
		return 0;
	}
	if (settings->path == NULL)
		return tally_err_about(err, TALLY_MISSING, "store.path",
				       "no store is named (store.path, TALLY_STORE)");
	size = strlen(settings->path);
	while (size > 1 && settings->path[size - 1] == '/')
		size--;
	snprintf(path, room, "%.*s.key", (int)size, settings->path);
	return 0;
}

static void derive_keys(struct tally_core *core)
{
	tally_derive_key(core->master, "digests", core->digest_key);
	tally_derive_key(core->master, "seal", core->seal_key);
}

/* ---- opening ---- */

/* Threads last, when everything they touch is there. */
static int core_start(struct tally_core *core, struct tally_err *err)
{
	if (core->short_lived || core->read_only)
		return 0;
	return tally_flush_start(core, err) != 0 || tally_queue_start(core, err) != 0 ||
			       tally_state_start(core, err) != 0 ||
			       tally_removal_start(core, err) != 0 ?
		       -1 :
		       0;
}

static int core_setup(struct tally_core *core, const struct tally_core_options *options,
		      const char *origin, struct tally_first_key *first_r, struct tally_err *err)
{
	if (tally_conf_load(options->conf, "ledger", tally_ledger_settings, &core->limits,
			    err) != 0 ||
	    tally_conf_load(options->conf, "time", anchor_rows, core, err) != 0)
		return -1;
	if (core->limits.block > TALLY_BLOCK_MAX / 2)
		return tally_err_about(err, TALLY_INVALID, "ledger.block_limit",
				       "a block has at most %u bytes", TALLY_BLOCK_MAX / 2);
	if (!core->short_lived) {
		tally_tilecache_free(core->tiles);
		core->tiles = tally_tilecache_new(core->limits.tile_cache);
		tally_statecache_free(core->states);
		core->states = tally_statecache_new(core->limits.state_cache);
	}
	derive_keys(core);
	if ((core->high == NULL && tally_high_open(NULL, NULL, &core->high, err) != 0) ||
	    (core->cosigned == NULL &&
	     tally_cosigned_open(NULL, options->policy, &core->cosigned, err) != 0) ||
	    (core->backups == NULL && tally_backups_open(NULL, &core->backups, err) != 0))
		return -1;
	core->hosts = core->blocks->caps & TALLY_CAP_HOSTS;
	if (tally_space_need(core, TALLY_SYSTEM_SPACE, TALLY_SYSTEM_NAME, &core->system, err) != 0)
		return -1;
	if (core->system->head == NULL) {
		if (first_r == NULL)
			return tally_err_set(err, TALLY_NOTFOUND, "the store has no system ledger");
		if (tally_system_create(core, origin, first_r, err) != 0)
			return -1;
	} else if (tally_system_load(core, err) != 0) {
		return tally_err_prefix(err, "system ledger");
	}
	tally_time_ledger_name(core);
	return core_start(core, err);
}

/* A server leaves to its next start what would take long; a short-lived process ends with it. */
static void finish_removals(struct tally_core *core)
{
	struct tally_err err;

	tally_removal_stop(core);
	if (tally_erase_spaces(core, true, &err) != 0)
		tally_log(TALLY_LOG_WARN, "erase", "error", err.text, NULL);
	if (core->short_lived && tally_certify(core, true, NULL, &err) != 0)
		tally_log(TALLY_LOG_WARN, "certify", "error", err.text, NULL);
}

static void core_stop(struct tally_core *core)
{
	struct tally_err err;

	finish_removals(core);
	tally_state_stop(core);
	/* A short-lived writer has answered already; what reads writes nothing. */
	if (core->short_lived && core->stat_commands > 0 && !core->dead &&
	    tally_state_refresh_all(core, false, &err) != 0)
		tally_log(TALLY_LOG_WARN, "state.root", "error", err.text, NULL);
	tally_queue_stop(core);
	tally_flush_stop(core);
	if (tally_erase_spaces(core, true, &err) != 0)
		tally_log(TALLY_LOG_WARN, "erase", "error", err.text, NULL);
	if (!core->read_only && !core->dead && tally_flush_spaces(core, !core->short_lived, &err) != 0)
		tally_log(TALLY_LOG_ERROR, "index.flush", "error", err.text, NULL);
}

int tally_core_open_on(const struct tally_core_options *options, struct tally_store *blocks,
		       struct tally_store *index, struct tally_first_key *first_r,
		       struct tally_core **core_r, struct tally_err *err)
{
	struct tally_core *core = core_new(options);

	core->blocks = blocks;
	core->index = index;
	if (core_setup(core, options, NULL, first_r, err) != 0) {
		core_stop(core);
		core_free(core);
		return -1;
	}
	*core_r = core;
	return 0;
}

static int open_half(const struct tally_core_options *options, const char *driver_name,
		     const char *location, bool create, bool blocks, bool index,
		     const char *module_dir, struct tally_store **store_r, struct tally_err *err)
{
	struct tally_store_args args = { .location = location, .conf = options->conf,
					 .create = create, .blocks = blocks, .index = index };
	const struct tally_driver *driver;

	if (tally_driver_find(driver_name, module_dir, &driver, err) != 0)
		return -1;
	return tally_store_open(driver, &args, store_r, err);
}

/* The index cache of a combined store is made where it is missing: any host can rebuild it. */
static int open_stores(struct tally_core *core, const struct tally_core_options *options,
		       const struct store_settings *s, bool create, struct tally_err *err)
{
	bool split = s->index_path != NULL || s->index_driver != NULL;
	char made_by[TALLY_DRIVER_NAME];
	const char *driver = s->driver != NULL			? s->driver :
			     tally_driver_of(s->path, made_by)	? made_by :
								  tally_driver_default();
	const char *index_driver = s->index_driver != NULL ? s->index_driver : driver;

	if (s->path == NULL)
		return tally_err_about(err, TALLY_MISSING, "store.path",
				       "no store is named (store.path, TALLY_STORE)");
	if (open_half(options, driver, s->path, create, true, !split, s->module_dir,
		      &core->blocks, err) != 0)
		return -1;
	if (!split) {
		core->index = core->blocks;
		return 0;
	}
	if (s->index_path == NULL)
		return tally_err_about(err, TALLY_MISSING, "store.index_path",
				       "index_driver needs index_path");
	if (!create && open_half(options, index_driver, s->index_path, false, false, true,
				 s->module_dir, &core->index, err) == 0)
		return 0;
	if (!create && err->code != TALLY_NOTFOUND)
		return -1;
	return open_half(options, index_driver, s->index_path, true, false, true, s->module_dir,
			 &core->index, err);
}

static int core_open(const struct tally_core_options *options, bool create, const char *origin,
		     struct tally_first_key *first_r, struct tally_core **core_r,
		     struct tally_err *err)
{
	struct store_settings settings = { 0 };
	struct tally_core *core;
	char key_path[4096], high_path[4200], cosigned_path[4200], backups_path[4200];

	if (tally_conf_load(options->conf, "store", tally_store_settings, &settings, err) != 0 ||
	    master_key_path(&settings, key_path, sizeof(key_path), err) != 0)
		return -1;
	core = core_new(options);
	if (open_stores(core, options, &settings, create, err) != 0)
		goto failed;
	if (create && access(key_path, F_OK) != 0 && tally_master_key_create(key_path, err) != 0)
		goto failed;
	snprintf(high_path, sizeof(high_path), "%.4000s.high", key_path);
	snprintf(cosigned_path, sizeof(cosigned_path), "%.4000s.cosigned", key_path);
	snprintf(backups_path, sizeof(backups_path), "%.4000s.backups", key_path);
	if (tally_master_key_read(key_path, core->master, err) != 0 ||
	    tally_high_open(high_path, key_path, &core->high, err) != 0 ||
	    tally_cosigned_open(cosigned_path, options->policy, &core->cosigned, err) != 0 ||
	    tally_backups_open(backups_path, &core->backups, err) != 0 ||
	    core_setup(core, options, origin, first_r, err) != 0)
		goto failed;
	*core_r = core;
	return 0;
failed:
	core_stop(core);
	core_free(core);
	return -1;
}

int tally_core_open(const struct tally_core_options *options, struct tally_core **core_r,
		    struct tally_err *err)
{
	return core_open(options, false, NULL, NULL, core_r, err);
}

int tally_core_init(const struct tally_core_options *options, const char *origin,
		    struct tally_first_key *first_r, struct tally_err *err)
{
	struct tally_core_options own = *options;
	struct tally_core *core;

	own.short_lived = true;
	own.read_only = false;
	if (core_open(&own, true, origin, first_r, &core, err) != 0)
		return -1;
	tally_core_close(&core);
	return 0;
}

void tally_core_close(struct tally_core **core)
{
	if (*core == NULL)
		return;
	core_stop(*core);
	core_free(*core);
	*core = NULL;
}

bool tally_core_healthy(struct tally_core *core)
{
	return !core->dead;
}

bool tally_core_read_only(struct tally_core *core)
{
	return core->read_only;
}

void tally_core_key(struct tally_core *core, const char *purpose, uint8_t key_r[32])
{
	tally_derive_key(core->master, purpose, key_r);
}

/* ---- projecting blocks elsewhere ---- */

int tally_core_bare(const struct tally_conf *conf, struct tally_store *blocks,
		    struct tally_store *index, const uint8_t store_id[16],
		    struct tally_core **core_r, struct tally_err *err)
{
	const struct tally_core_options options = { .conf = conf, .short_lived = true };
	struct tally_core *core = core_new(&options);

	core->blocks = blocks;
	core->index = index;
	memcpy(core->store_id, store_id, sizeof(core->store_id));
	*core_r = core;
	return tally_conf_load(conf, "ledger", tally_ledger_settings, &core->limits, err);
}

void tally_core_bare_free(struct tally_core **core)
{
	if (*core != NULL)
		core_free(*core);
	*core = NULL;
}

int tally_core_open_stores(const struct tally_conf *conf, struct tally_store **blocks_r,
			   struct tally_store **index_r, struct tally_err *err)
{
	const struct tally_core_options options = { .conf = conf };
	struct store_settings settings = { 0 };
	struct tally_core *core;
	int result;

	*blocks_r = *index_r = NULL;
	if (tally_conf_load(conf, "store", tally_store_settings, &settings, err) != 0)
		return -1;
	core = core_new(&options);
	result = open_stores(core, &options, &settings, false, err);
	if (result == 0) {
		*blocks_r = core->blocks;
		*index_r = core->index;
		core->blocks = core->index = NULL;
	}
	core_free(core);
	return result;
}

void tally_core_stores(struct tally_core *core, struct tally_store **blocks_r,
		       struct tally_store **index_r)
{
	*blocks_r = core->blocks;
	*index_r = core->index;
}

/* ---- keeping a store ---- */

struct spaces {
	uint64_t *ids;
	uint64_t *blocks;
	size_t count, room;
};

static int collect_space(void *ctx, uint64_t space, uint64_t blocks, bool dropped)
{
	struct spaces *spaces = ctx;

	if (dropped || blocks == 0)
		return 0;
	if (spaces->count == spaces->room) {
		spaces->room = spaces->room == 0 ? 16 : spaces->room * 2;
		spaces->ids = tally_realloc(spaces->ids, spaces->room * sizeof(uint64_t));
		spaces->blocks = tally_realloc(spaces->blocks, spaces->room * sizeof(uint64_t));
	}
	spaces->ids[spaces->count] = space;
	spaces->blocks[spaces->count++] = blocks;
	return 0;
}

static void spaces_free(struct spaces *spaces)
{
	free(spaces->ids);
	free(spaces->blocks);
}

/* All spaces, or the one of a ledger. */
static int choose_spaces(struct tally_core *core, struct tally_bytes ledger_id,
			 struct spaces *spaces, struct tally_err *err)
{
	struct tally_space *space;
	int found;

	if (ledger_id.size == 0)
		return tally_store_spaces(core->blocks, collect_space, spaces, err);
	found = tally_space_of_log(core, ledger_id, &space, err);
	if (found == 0)
		return tally_err_about(err, TALLY_NOTFOUND, "Ledger", "no such ledger");
	if (found == 1)
		collect_space(spaces, space->id, space->head->blocks, false);
	return found == 1 ? 0 : -1;
}

/* A creation that was cut off between the genesis block and the catalogue is finished here. */
static int list_all(struct tally_core *core, struct tally_err *err)
{
	struct spaces spaces = { 0 };
	int result = tally_store_spaces(core->blocks, collect_space, &spaces, err);

	for (size_t i = 0; result == 0 && i < spaces.count; i++) {
		struct tally_space *space;
		int found = spaces.ids[i] == TALLY_SYSTEM_SPACE ?
				    0 :
				    tally_space_find(core, spaces.ids[i], &space, err);

		if (found < 0)
			result = -1;
		else if (found == 1)
			result = tally_catalogue_need(core, space, err);
	}
	spaces_free(&spaces);
	return result;
}

int tally_core_maintain(struct tally_core *core, struct tally_err *err)
{
	struct tally_err why;
	bool erased;

	if (!core->read_only && list_all(core, err) != 0)
		return -1;
	/* Where no daemon runs. One ledger that may not be written to keeps nobody from looking
	   after the others. */
	if (core->short_lived && !core->read_only &&
	    tally_state_refresh_all(core, core->limits.state_journals > 0, err) != 0)
		tally_log(TALLY_LOG_WARN, "state.root", "error", err->text, NULL);
	erased = tally_erase_spaces(core, true, &why) == 0;
	if (tally_certify(core, true, NULL, &why) != 0)
		erased = false;
	if (tally_flush_spaces(core, true, err) != 0 ||
	    tally_store_sync_index(core->index, err) != 0 ||
	    tally_store_maintain(core->blocks, err) != 0 ||
	    (core->index != core->blocks && tally_store_maintain(core->index, err) != 0))
		return -1;
	if (!erased)
		*err = why;
	return erased ? 0 : -1;
}

int tally_core_rebuild(struct tally_core *core, struct tally_bytes ledger_id,
		       tally_progress *progress, void *ctx, struct tally_err *err)
{
	struct spaces spaces = { 0 };
	struct tally_space *space;
	int result = choose_spaces(core, ledger_id, &spaces, err);

	for (size_t i = 0; result == 0 && i < spaces.count; i++) {
		int found = tally_space_find(core, spaces.ids[i], &space, err);

		if (found == 1)
			result = tally_space_rebuild(space, NULL, NULL, err);
		else
			result = found;
		if (progress != NULL)
			progress(ctx, i + 1, spaces.count);
	}
	spaces_free(&spaces);
	return result;
}

int tally_core_stat(struct tally_core *core, void (*each)(void *ctx, const char *name, uint64_t v),
		    void *ctx, struct tally_err *err)
{
	uint64_t spaces = 0, journals = 0;
	size_t bytes = 0;

	for (struct tally_space *space = tally_space_next(core, NULL); space != NULL;
	     space = tally_space_next(core, space)) {
		uint64_t lag;
		size_t size;

		tally_space_lag(space, &size, &lag);
		spaces++;
		journals += lag;
		bytes += size;
	}
	each(ctx, "groups", core->stat_groups);
	each(ctx, "commands", core->stat_commands);
	each(ctx, "journals", core->stat_journals);
	each(ctx, "conflicts", core->stat_conflicts);
	each(ctx, "flushes", core->stat_flushes);
	each(ctx, "erased", core->stat_erased);
	each(ctx, "open_ledgers", spaces);
	each(ctx, "overlay_journals", journals);
	each(ctx, "overlay_bytes", bytes);
	return tally_store_stat(core->blocks, each, ctx, err);
}

struct check {
	struct tally_core *core;
	struct tally_space *shadow;	/* a second head over the same blocks, projected into an
					   overlay that is thrown away */
	struct tally_named *named;
	tally_progress *progress;
	void *ctx;
};

static int check_block(struct check *check, uint64_t number, struct tally_err *err)
{
	struct tally_space *shadow = check->shadow;
	struct tally_projection projection;
	struct tally_arena arena;
	struct tally_bytes bytes;
	int result;

	tally_arena_init(&arena);
	result = tally_erase_read(check->core, shadow->id, number, &arena, &bytes, err);
	if (result == 0)
		result = tally_err_set(err, TALLY_CORRUPT, "it is not there");
	else if (result == 1)
		result = tally_space_take_block(shadow, bytes, &projection, err);
	if (result == 0) {
		tally_project_commit(&projection);
		result = tally_block_check_payloads(bytes, check->named, err);
	}
	if (result != 0)
		tally_err_prefix(err, "space %llx, block %llu", (unsigned long long)shadow->id,
				 (unsigned long long)number);
	tally_overlay_unref(shadow->active);
	shadow->active = tally_overlay_new();
	tally_arena_free(&arena);
	return result;
}

static int check_blocks(struct check *check, uint64_t from, uint64_t to, struct tally_err *err)
{
	int result = 0;

	for (uint64_t n = from; result == 0 && n < to; n++) {
		result = check_block(check, n, err);
		if (check->progress != NULL && (n % 64 == 0 || n + 1 == to))
			check->progress(check->ctx, n + 1, to);
	}
	return result;
}

/* What was erased while this went on, was ordered by a block that was not read yet: they are, as long
 * as there are new ones. */
static int check_to_end(struct check *check, uint64_t from, uint64_t to, struct tally_err *err)
{
	int result;

	for (;;) {
		struct tally_err why;
		uint64_t count;

		result = check_blocks(check, from, to, err);
		if (result != 0 || tally_named_check(check->named, err) == 0)
			return result;
		if (tally_store_last(check->core->blocks, check->shadow->id, &count, &why) != 0 ||
		    count <= to)
			return tally_err_prefix(err, "space %llx",
						(unsigned long long)check->shadow->id);
		from = to;
		to = count;
	}
}

/* head: NULL, or where to begin; it is taken over. */
static int check_space(struct tally_core *core, uint64_t id, struct tally_head *head,
		       uint64_t blocks, tally_progress *progress, void *ctx, struct tally_err *err)
{
	struct check check = { .core = core, .shadow = tally_space_new(core, id),
			       .named = tally_named_new(), .progress = progress, .ctx = ctx };
	int result;

	check.shadow->shadow = true;
	check.shadow->head = head;
	result = check_to_end(&check, head != NULL ? head->blocks : 0, blocks, err);
	tally_named_free(check.named);
	tally_space_free(check.shadow);
	return result;
}

int tally_core_check(struct tally_core *core, struct tally_bytes ledger_id,
		     tally_progress *progress, void *ctx, struct tally_err *err)
{
	struct spaces spaces = { 0 };
	int result = choose_spaces(core, ledger_id, &spaces, err);

	for (size_t i = 0; result == 0 && i < spaces.count; i++)
		result = check_space(core, spaces.ids[i], NULL, spaces.blocks[i], progress, ctx,
				     err);
	spaces_free(&spaces);
	return result;
}

/* The head as it was behind a block, as far as checking those behind it needs one. The tree comes
 * from the index; its root must be the one in the block's header. */
static int head_behind(const struct tally_view *view, uint64_t block, struct tally_head *head_r,
		       struct tally_err *err)
{
	struct tally_block_header header;
	struct tally_arena arena;
	struct tally_nodes nodes = { .view = view, .arena = &arena, .err = err };
	struct tally_frontier *frontier = &head_r->frontier;
	struct tally_bytes bytes;
	int result = -1;

	tally_arena_init(&arena);
	if (tally_store_read(view->space->core->blocks, view->space->id, block, 0,
			     TALLY_BLOCK_HEADER, &arena, &bytes, err) == 1 &&
	    tally_block_header_read(bytes, &header, head_r->block_hash, err) == 0)
		result = 0;
	frontier->size = result == 0 ? header.first + header.count : 0;
	for (unsigned int level = 0; result == 0 && level < TALLY_TREE_MAX_PATH; level++)
		if ((frontier->size >> level & 1) != 0)
			result = tally_view_node(&nodes, level, (frontier->size >> level) - 1,
						 &frontier->level[level]);
	tally_arena_free(&arena);
	if (result != 0)
		return -1;
	tally_frontier_root(frontier, &head_r->root);
	if (memcmp(head_r->root.bytes, header.root, TALLY_HASH_SIZE) != 0)
		return tally_err_set(err, TALLY_CORRUPT, "%s: the index does not lead to the root of "
				     "block %llu", view->space->name, (unsigned long long)block);
	head_r->blocks = block + 1;
	head_r->time_ms = header.time_ms;
	head_r->status = LEDGER_NORMAL;
	return 0;
}

/* The head behind the trust point's block; NULL where no trust point is set. */
static int trusted_head(struct tally_space *space, struct tally_head **head_r,
			struct tally_err *err)
{
	struct tally_journal journal;
	struct tally_arena arena;
	struct tally_view view;
	int result = 0;

	*head_r = NULL;
	if (tally_view_take(space, &view, err) != 0)
		return -1;
	tally_arena_init(&arena);
	if (view.head->has_trust_point) {
		*head_r = tally_calloc(1, sizeof(**head_r));
		atomic_init(&(*head_r)->refs, 1);
		if (tally_view_journal(&view, view.head->trust_point, &arena, &journal, err) != 1 ||
		    head_behind(&view, journal.block, *head_r, err) != 0) {
			tally_head_unref(*head_r);
			result = -1;
		}
	}
	tally_arena_free(&arena);
	tally_view_drop(&view);
	return result;
}

int tally_core_check_trusting(struct tally_core *core, struct tally_bytes ledger_id,
			      tally_progress *progress, void *ctx, uint64_t *from_r,
			      struct tally_err *err)
{
	struct tally_space *space;
	struct tally_head *head;
	uint64_t blocks;
	int found = tally_space_of_ledger(core, ledger_id, &space, err);

	if (found != 1)
		return found < 0 ? -1 : tally_err_about(err, TALLY_NOTFOUND, "Ledger", "no such ledger");
	if (tally_store_last(core->blocks, space->id, &blocks, err) != 0 ||
	    trusted_head(space, &head, err) != 0)
		return -1;
	*from_r = head != NULL ? head->blocks : 0;
	return check_space(core, space->id, head, blocks, progress, ctx, err);
}

int tally_core_spaces(struct tally_core *core, tally_core_space_each *each, void *ctx,
		      struct tally_err *err)
{
	struct spaces spaces = { 0 };
	int result = tally_store_spaces(core->blocks, collect_space, &spaces, err);

	for (size_t i = 0; result == 0 && i < spaces.count; i++) {
		struct tally_block_header header;
		uint8_t hash[TALLY_HASH_SIZE];
		struct tally_arena arena;
		struct tally_bytes bytes;

		tally_arena_init(&arena);
		if (tally_store_read(core->blocks, spaces.ids[i], 0, 0, TALLY_BLOCK_HEADER, &arena,
				     &bytes, err) != 1 ||
		    tally_block_header_read(bytes, &header, hash, err) != 0)
			result = -1;
		else if (each(ctx, spaces.ids[i], header.name, spaces.blocks[i]) != 0)
			i = spaces.count;
		tally_arena_free(&arena);
	}
	spaces_free(&spaces);
	return result;
}

int tally_core_block_read(struct tally_core *core, uint64_t space, uint64_t block,
			  struct tally_arena *arena, struct tally_bytes *bytes_r,
			  struct tally_err *err)
{
	return tally_erase_read(core, space, block, arena, bytes_r, err);
}

/* ---- loading blocks of another store ---- */

int tally_core_load_begin(const struct tally_core_options *options, struct tally_core **core_r,
			  struct tally_err *err)
{
	struct store_settings settings = { 0 };
	struct tally_core *core;
	char key_path[4096];

	if (tally_conf_load(options->conf, "store", tally_store_settings, &settings, err) != 0 ||
	    master_key_path(&settings, key_path, sizeof(key_path), err) != 0)
		return -1;
	core = core_new(options);
	core->short_lived = true;
	if (open_stores(core, options, &settings, true, err) != 0 ||
	    tally_conf_load(options->conf, "ledger", tally_ledger_settings, &core->limits,
			    err) != 0 ||
	    tally_master_key_read(key_path, core->master, err) != 0) {
		core_free(core);
		return -1;
	}
	derive_keys(core);
	*core_r = core;
	return 0;
}

int tally_core_load_block(struct tally_core *core, uint64_t space_id, uint64_t block,
			  struct tally_bytes bytes, struct tally_err *err)
{
	struct tally_block_write write = { .space = space_id, .number = block, .data = bytes };
	struct tally_projection projection;
	struct tally_block_header header;
	uint8_t hash[TALLY_HASH_SIZE];
	struct tally_space *space;
	uint64_t journals;
	size_t lag;

	if (tally_space_need(core, space_id, NULL, &space, err) != 0)
		return -1;
	if (space_id == TALLY_SYSTEM_SPACE && block == 0) {
		if (tally_block_header_read(bytes, &header, hash, err) != 0)
			return -1;
		memcpy(core->store_id, header.store_id, sizeof(core->store_id));
	}
	if (tally_space_take_block(space, bytes, &projection, err) != 0)
		return tally_err_prefix(err, "space %llx, block %llu",
					(unsigned long long)space_id, (unsigned long long)block);
	if (space->named == NULL)
		space->named = tally_named_new();
	if (tally_block_check_payloads(bytes, space->named, err) != 0) {
		tally_project_drop(&projection);
		return tally_err_prefix(err, "space %llx, block %llu",
					(unsigned long long)space_id, (unsigned long long)block);
	}
	if (tally_store_append(core->blocks, &write, 1, err) != 0) {
		tally_project_drop(&projection);
		return -1;
	}
	tally_project_commit(&projection);
	tally_space_lag(space, &lag, &journals);
	if (lag > core->limits.overlay_bytes / 2 || journals > core->limits.overlay_journals / 2)
		return tally_space_flush(space, err);
	return 0;
}

int tally_core_load_end(struct tally_core *core, struct tally_err *err)
{
	for (struct tally_space *space = tally_space_next(core, NULL); space != NULL;
	     space = tally_space_next(core, space))
		if (space->named != NULL && tally_named_check(space->named, err) != 0)
			return tally_err_prefix(err, "%s", space->name);
	return 0;
}

/* ---- for tests ---- */

struct index_walk {
	uint32_t table;
	int (*each)(void *ctx, uint32_t table, struct tally_bytes key, struct tally_bytes value);
	void *ctx;
};

static int walk_pair(void *ctx, struct tally_bytes key, struct tally_bytes value)
{
	struct index_walk *walk = ctx;

	return walk->each(walk->ctx, walk->table, key, value);
}

int tally_core_index_each(struct tally_core *core, uint64_t space_id,
			  int (*each)(void *ctx, uint32_t table, struct tally_bytes key,
				      struct tally_bytes value),
			  void *ctx, struct tally_err *err)
{
	struct tally_space *space;
	int found = tally_space_find(core, space_id, &space, err);

	if (found != 1)
		return found == 0 ? tally_err_set(err, TALLY_NOTFOUND, "no such space") : -1;
	(void)tally_erase_run(core, space, err);	/* what fails stays in its table */
	if (tally_space_flush(space, err) != 0)
		return -1;
	for (uint32_t table = 0; table < TALLY_TABLE_MAX; table++) {
		struct index_walk walk = { table, each, ctx };

		if (tally_store_scan(core->index, space_id, table, TALLY_BYTES_NONE,
				     TALLY_BYTES_NONE, false, walk_pair, &walk, err) != 0)
			return -1;
	}
	return 0;
}
