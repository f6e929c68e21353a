/*
 * The Berkeley DB driver: blocks and index tables in one transactional environment. This file has
 * what all parts need (settings, errors, open and close, spaces in memory, figures) and ends with
 * the driver's table; blocks.c and index.c are its two halves, keep.c the work in the background,
 * page.c what is checked of a page, tail.c what is checked before recovery may run.
 *
 * How the promises of driver.h are kept:
 *  - One append is one transaction, committed with one sync of the log. Counts of blocks and marks
 *    live in memory and change after the commit, so that readers see what is durable, at no cost.
 *  - Readers read uncommitted pages and never wait for a transaction: blocks do not change once
 *    they are shown (an erase changes bytes to zeros, and may be seen half done), and a running
 *    apply lays its changes over what index readers find.
 *  - Pages are 4 KiB: recovery has no page images, so a page must reach the medium whole.
 *  - A page with a wrong checksum makes the engine declare a panic. The environment is told to go
 *    on (DB_NOPANIC); only who wanted that page gets an error. Other panics are real: then nothing
 *    is written or read any more until the store is opened again.
 */
#include "bdb.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>

#include "clock.h"
#include "page.h"
#include "sync.h"

/* Space that an append leaves free, so that recovery and checkpoints find some. */
#define ROOM_TO_SPARE (4u << 20)

static const struct tally_setting bdb_settings[] = {
	{ "cache", SETTING_SIZE, "64M", offsetof(struct bdb_settings, cache),
	  "memory for pages of the database" },
	{ "log_file", SETTING_SIZE, "8M", offsetof(struct bdb_settings, log_file),
	  "size of one log file; opening after a crash reads up to this much" },
	{ "checkpoint", SETTING_SIZE, "32M", offsetof(struct bdb_settings, checkpoint),
	  "bytes of log after which a checkpoint is made" },
	{ NULL, SETTING_END, NULL, 0, NULL }
};

/* ---- errors ---- */

static enum tally_code fold(const struct bdb_store *bdb, int ret)
{
	switch (ret) {
	case ENOSPC:
	case EDQUOT:
		return TALLY_FULL;
	case DB_LOCK_DEADLOCK:
	case DB_LOCK_NOTGRANTED:
		return TALLY_BUSY;
	case DB_RUNRECOVERY:
		return atomic_load(&bdb->panicked) ? TALLY_IO : TALLY_CORRUPT;
	case DB_CHKSUM_FAIL:
	case DB_KEYEMPTY:
	case DB_LOG_VERIFY_BAD:
	case DB_NOTFOUND:
	case DB_OLD_VERSION:
	case DB_PAGE_NOTFOUND:
	case DB_VERIFY_BAD:
		return TALLY_CORRUPT;
	case DB_VERSION_MISMATCH:
		return TALLY_UNSUPPORTED;
	default:
		return TALLY_IO;
	}
}

int bdb_fail(struct bdb_store *bdb, int ret, struct tally_err *err, const char *format, ...)
{
	char what[200], message[sizeof(bdb->message)];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	pthread_mutex_lock(&bdb->lock);
	memcpy(message, bdb->message, sizeof(message));
	bdb->message[0] = '\0';
	pthread_mutex_unlock(&bdb->lock);
	return tally_err_set(err, fold(bdb, ret), "%s: %s%s%s", what, db_strerror(ret),
			     message[0] != '\0' ? "; " : "", message);
}

#define QUIET_NS (10 * 1000000000ull)

/*
 * The engine complains in several lines, and on a full medium about every page; the first says
 * most. That one is logged; what follows it within some seconds is for who looks for it.
 */
static enum tally_log_level message_level(struct bdb_store *bdb, const char *message)
{
	uint64_t now = tally_mono_ns();
	bool first;

	pthread_mutex_lock(&bdb->lock);
	first = bdb->message[0] == '\0';
	if (first)
		snprintf(bdb->message, sizeof(bdb->message), "%s", message);
	first = first || now - bdb->told_ns >= QUIET_NS;
	if (first)
		bdb->told_ns = now;
	pthread_mutex_unlock(&bdb->lock);
	return first ? TALLY_LOG_WARN : TALLY_LOG_DEBUG;
}

static void on_message(const DB_ENV *env, const char *prefix, const char *message)
{
	struct bdb_store *bdb = env->app_private;

	(void)prefix;
	if (strstr(message, "checksum error") != NULL)
		atomic_store(&bdb->bad_page, true);
	tally_log(message_level(bdb, message), "bdb.engine", "path", bdb->env_dir, "message", message, NULL);
}

static void on_event(DB_ENV *env, u_int32_t event, void *info)
{
	struct bdb_store *bdb = env->app_private;

	(void)info;
	if (event != DB_EVENT_PANIC)
		return;
	if (atomic_exchange(&bdb->bad_page, false)) {
		pthread_mutex_lock(&bdb->lock);
		bdb->figures.damaged_pages++;
		pthread_mutex_unlock(&bdb->lock);
		return;
	}
	atomic_store(&bdb->panicked, true);
	bdb_set_failed(bdb, "panic of the engine", DB_RUNRECOVERY);
}

void bdb_env_listen(struct bdb_store *bdb, DB_ENV *env)
{
	env->app_private = bdb;
	env->set_errcall(env, on_message);
	env->set_event_notify(env, on_event);
}

void bdb_set_failed(struct bdb_store *bdb, const char *what, int ret)
{
	if (atomic_exchange(&bdb->failed, true))
		return;
	tally_log(TALLY_LOG_ERROR, "bdb.failed", "path", bdb->dir, "what", what,
		  "reason", db_strerror(ret), NULL);
}

int bdb_may_read(struct bdb_store *bdb, const char *what, struct tally_err *err)
{
	if (!atomic_load(&bdb->panicked))
		return 0;
	return tally_err_set(err, TALLY_IO, "%s: the engine gave up earlier; "
			     "the store must be opened again", what);
}

/*
 * The engine survives a full medium badly (a log record that cannot be written ends it), so it is
 * kept away from there. What was logged since the last checkpoint may yet need room in the trees.
 */
int bdb_may_write(struct bdb_store *bdb, uint64_t bytes, const char *what, struct tally_err *err)
{
	struct bdb_log_state log;
	struct statvfs fs;
	uint64_t left;

	if (atomic_load(&bdb->failed))
		return tally_err_set(err, TALLY_UNCERTAIN, "%s: writing failed earlier; "
				     "the store must be opened again", what);
	if (bdb_log_state(bdb, &log) != 0 || fstatvfs(bdb->env_fd, &fs) != 0)
		return 0;
	left = (uint64_t)fs.f_bavail * fs.f_frsize;
	if (left >= 2 * bytes + log.since_checkpoint + ROOM_TO_SPARE)
		return 0;
	return tally_err_set(err, TALLY_FULL, "%s: %" PRIu64 " bytes are left on the medium of %s",
			     what, left, bdb->dir);
}

bool bdb_again(struct bdb_store *bdb, int ret, unsigned int tries)
{
	struct timespec pause = { 0, 20000L * (tries < 50 ? tries : 50) };

	if ((ret != DB_LOCK_DEADLOCK && ret != DB_LOCK_NOTGRANTED) || tries >= BDB_TRIES)
		return false;
	pthread_mutex_lock(&bdb->lock);
	bdb->figures.retries++;
	pthread_mutex_unlock(&bdb->lock);
	/* The winner needs a moment; a fixed pause would let two victims meet again. */
	pause.tv_nsec += (long)((uintptr_t)pthread_self() >> 12) % 20000;
	nanosleep(&pause, NULL);
	return true;
}

/* ---- spaces in memory ---- */

static size_t bucket_of(const struct bdb_store *bdb, uint64_t number)
{
	return (size_t)((number * 0x9e3779b97f4a7c15u) >> 32) & (bdb->bucket_count - 1);
}

static struct bdb_space *space_find(struct bdb_store *bdb, uint64_t number)
{
	struct bdb_space *space = bdb->buckets[bucket_of(bdb, number)];

	while (space != NULL && space->number != number)
		space = space->next;
	return space;
}

static void spaces_grow(struct bdb_store *bdb)
{
	struct bdb_space **old = bdb->buckets;
	size_t old_count = bdb->bucket_count;
	struct bdb_space *space;

	bdb->bucket_count = 2 * old_count;
	bdb->buckets = tally_calloc(bdb->bucket_count, sizeof(*bdb->buckets));
	for (size_t i = 0; i < old_count; i++) {
		while ((space = old[i]) != NULL) {
			size_t bucket = bucket_of(bdb, space->number);

			old[i] = space->next;
			space->next = bdb->buckets[bucket];
			bdb->buckets[bucket] = space;
		}
	}
	free(old);
}

/* Takes the space over; the one that is in the table afterwards is returned. */
static struct bdb_space *space_insert(struct bdb_store *bdb, struct bdb_space *space)
{
	struct bdb_space *other;
	size_t bucket;

	pthread_mutex_lock(&bdb->lock);
	other = space_find(bdb, space->number);
	if (other == NULL) {
		if (bdb->space_count++ == bdb->bucket_count)
			spaces_grow(bdb);
		bucket = bucket_of(bdb, space->number);
		space->next = bdb->buckets[bucket];
		bdb->buckets[bucket] = space;
	}
	pthread_mutex_unlock(&bdb->lock);
	if (other == NULL)
		return space;
	free(space);
	return other;
}

/*
 * Loading reads uncommitted pages, and yet sees only what is committed: a writer loads the space
 * before it begins, so whoever finds it absent here has read before that writer wrote, or finds
 * the writer's when inserting.
 */
int bdb_space(struct bdb_store *bdb, uint64_t number, struct bdb_space **space_r,
	      struct tally_err *err)
{
	struct bdb_space *space;
	int ret;

	pthread_mutex_lock(&bdb->lock);
	*space_r = space_find(bdb, number);
	pthread_mutex_unlock(&bdb->lock);
	if (*space_r != NULL)
		return 0;
	space = tally_calloc(1, sizeof(*space));
	space->number = number;
	if ((ret = bdb_blocks_load(bdb, space)) != 0 || (ret = bdb_index_load(bdb, space)) != 0) {
		free(space);
		return bdb_fail(bdb, ret, err, "space %" PRIu64, number);
	}
	*space_r = space_insert(bdb, space);
	return 0;
}

static void spaces_free(struct bdb_store *bdb)
{
	struct bdb_space *space;

	for (size_t i = 0; i < bdb->bucket_count; i++) {
		while ((space = bdb->buckets[i]) != NULL) {
			bdb->buckets[i] = space->next;
			bdb_overlay_free(space->overlay);
			free(space);
		}
	}
	free(bdb->buckets);
}

/* ---- the environment ---- */

static int sync_parent(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *parent = tally_strdup(path);
	int fd, ret;

	parent[slash != NULL ? slash - path : 0] = '\0';
	fd = open(slash != NULL ? parent : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ret = fd < 0 ? -1 : fsync(fd);
	if (fd >= 0)
		close(fd);
	free(parent);
	return ret;
}

/*
 * How the engine opens files. It syncs what it writes to a new log file, but not the file's name,
 * and then believes the log to be on the medium when it writes pages; so names are synced here.
 */
static int open_durably(const char *path, int flags, ...)
{
	bool fresh = (flags & O_CREAT) && access(path, F_OK) != 0;
	va_list args;
	mode_t mode;
	int fd;

	va_start(args, flags);
	mode = flags & O_CREAT ? (mode_t)va_arg(args, int) : 0;
	va_end(args);
	fd = open(path, flags | O_CLOEXEC, mode);
	if (fd >= 0 && fresh && sync_parent(path) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/*
 * Opening and closing trees is logged, and the engine flushes its log when it is let go of. Of a
 * store that was only read that is of no use to anybody; what this thread is told to write and to
 * sync is then dropped.
 */
static __thread bool leaving;

static ssize_t write_unless_leaving(int fd, const void *data, size_t size, off_t offset)
{
	return leaving ? (ssize_t)size : pwrite(fd, data, size, offset);
}

/* The trees of a checkpoint are large, and appends sync the log meanwhile. */
static __thread bool in_checkpoint;

static int sync_unless_leaving(int fd)
{
	if (leaving)
		return 0;
	return in_checkpoint ? tally_sync_paced(fd) : fdatasync(fd);
}

int bdb_env_checkpoint(struct bdb_store *bdb, bool force)
{
	int ret;

	in_checkpoint = true;
	ret = bdb->env->txn_checkpoint(bdb->env, 0, 0, force ? DB_FORCE : 0);
	in_checkpoint = false;
	return ret;
}

void bdb_env_leave(struct bdb_store *bdb)
{
	leaving = true;
	bdb_env_close(bdb);
	leaving = false;
}

static int open_tree(struct bdb_store *bdb, DB_TXN *txn, const char *name, bool create, DB **db_r)
{
	u_int32_t flags = DB_THREAD | DB_READ_UNCOMMITTED | (create ? DB_CREATE : 0);
	DB *db;
	int ret;

	if ((ret = db_create(&db, bdb->env, 0)) != 0)
		return ret;
	if ((ret = db->set_pagesize(db, BDB_PAGE)) == 0 &&
	    (ret = db->set_flags(db, DB_CHKSUM)) == 0)
		ret = db->open(db, txn, name, NULL, DB_BTREE, flags, 0600);
	if (ret != 0) {
		db->close(db, DB_NOSYNC);
		return ret;
	}
	*db_r = db;
	return 0;
}

static int open_trees(struct bdb_store *bdb, bool create, struct tally_err *err)
{
	const char *name = "blocks.db";
	DB_TXN *txn;
	int ret;

	if ((ret = bdb->env->txn_begin(bdb->env, NULL, &txn, 0)) != 0)
		return bdb_fail(bdb, ret, err, "open %s", bdb->dir);
	ret = open_tree(bdb, txn, name, create, &bdb->blocks);
	if (ret == 0)
		ret = open_tree(bdb, txn, name = "index.db", create, &bdb->index);
	if (ret != 0) {
		txn->abort(txn);
	} else {
		ret = txn->commit(txn, create ? DB_TXN_SYNC : DB_TXN_NOSYNC);
	}
	if (ret == 0)
		return 0;
	bdb_fail(bdb, ret, err, "open %s/%s", bdb->env_dir, name);
	/* EINVAL: the tree is ahead of the log, or its first page is not one. */
	if (ret == ENOENT || ret == EINVAL)
		err->code = TALLY_CORRUPT;
	return -1;
}

static int configure(struct bdb_store *bdb, DB_ENV *env)
{
	uint64_t log_file = bdb->set.log_file;
	int ret;

	bdb_env_listen(bdb, env);
	if ((ret = env->set_cachesize(env, (u_int32_t)(bdb->set.cache >> 30),
				      (u_int32_t)(bdb->set.cache & ((1u << 30) - 1)), 1)) != 0 ||
	    (ret = env->set_lg_bsize(env, (u_int32_t)(log_file / 8))) != 0 ||
	    (ret = env->set_lg_max(env, (u_int32_t)log_file)) != 0 ||
	    (ret = env->set_flags(env, DB_NOPANIC, 1)) != 0)
		return ret;
	/* The reader or the small writer gives way, not an apply of many thousand changes. */
	return env->set_lk_detect(env, DB_LOCK_MINWRITE);
}

int bdb_env_open(struct bdb_store *bdb, bool create, bool catastrophic, struct tally_err *err)
{
	u_int32_t flags = DB_CREATE | DB_PRIVATE | DB_THREAD | DB_INIT_TXN | DB_INIT_LOG |
		DB_INIT_MPOOL | DB_INIT_LOCK;
	int ret;

	if ((ret = db_env_create(&bdb->env, 0)) != 0) {
		bdb->env = NULL;
		return bdb_fail(bdb, ret, err, "open %s", bdb->dir);
	}
	flags |= catastrophic ? DB_RECOVER_FATAL : DB_RECOVER;
	ret = configure(bdb, bdb->env);
	if (ret == 0) {
		bdb_page_recovering(true);
		ret = bdb->env->open(bdb->env, bdb->env_dir, flags, 0600);
		bdb_page_recovering(false);
	}
	if (ret != 0) {
		bdb_fail(bdb, ret, err, "open %s", bdb->env_dir);
		/* What recovery cannot read is damage, unless the system itself refused. */
		if (ret == EINVAL || ret == ENOENT || ret == DB_RUNRECOVERY)
			err->code = TALLY_CORRUPT;
		bdb_env_close(bdb);
		return -1;
	}
	if (open_trees(bdb, create, err) < 0) {
		bdb_env_close(bdb);
		return -1;
	}
	return 0;
}

void bdb_trees_close(struct bdb_store *bdb)
{
	if (bdb->blocks != NULL)
		bdb->blocks->close(bdb->blocks, DB_NOSYNC);
	if (bdb->index != NULL)
		bdb->index->close(bdb->index, DB_NOSYNC);
	bdb->blocks = bdb->index = NULL;
}

void bdb_env_close(struct bdb_store *bdb)
{
	bdb_trees_close(bdb);
	if (bdb->env != NULL)
		bdb->env->close(bdb->env, 0);
	bdb->env = NULL;
}

/* ---- open and close ---- */

static int load_settings(const struct tally_store_args *args, struct bdb_settings *set,
			 struct tally_err *err)
{
	if (tally_conf_load(args->conf, "bdb", bdb_settings, set, err) < 0)
		return -1;
	if (set->cache < 1u << 20)
		return tally_err_about(err, TALLY_INVALID, "bdb.cache", "bdb.cache must be at least 1M");
	if (set->log_file < 1u << 20 || set->log_file > 1u << 30)
		return tally_err_about(err, TALLY_INVALID, "bdb.log_file",
				       "bdb.log_file must be 1M to 1G");
	return 0;
}

struct bdb_store *bdb_new(const char *dir, const struct bdb_settings *set)
{
	struct bdb_store *bdb = tally_calloc(1, sizeof(*bdb));

	bdb->base.driver = &tally_driver_bdb;
	bdb->base.caps = tally_driver_bdb.caps;
	bdb->set = *set;
	bdb->dir = tally_strdup(dir);
	bdb->env_dir = tally_malloc(strlen(dir) + sizeof("/env"));
	sprintf(bdb->env_dir, "%s/env", dir);
	bdb->env_fd = -1;
	bdb->bucket_count = 64;
	bdb->buckets = tally_calloc(bdb->bucket_count, sizeof(*bdb->buckets));
	pthread_mutex_init(&bdb->keep_lock, NULL);
	pthread_mutex_init(&bdb->append_lock, NULL);
	pthread_mutex_init(&bdb->index_lock, NULL);
	pthread_mutex_init(&bdb->lock, NULL);
	pthread_mutex_init(&bdb->keeper_lock, NULL);
	pthread_cond_init(&bdb->keeper_wake, NULL);
	return bdb;
}

void bdb_free(struct bdb_store *bdb)
{
	if (bdb->env_fd >= 0)
		close(bdb->env_fd);
	spaces_free(bdb);
	pthread_cond_destroy(&bdb->keeper_wake);
	pthread_mutex_destroy(&bdb->keeper_lock);
	pthread_mutex_destroy(&bdb->lock);
	pthread_mutex_destroy(&bdb->index_lock);
	pthread_mutex_destroy(&bdb->append_lock);
	pthread_mutex_destroy(&bdb->keep_lock);
	free(bdb->env_dir);
	free(bdb->dir);
	free(bdb);
}

int bdb_open_dir(struct bdb_store *bdb, struct tally_err *err)
{
	bdb->env_fd = open(bdb->env_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (bdb->env_fd >= 0)
		return 0;
	tally_err_errno(err, "open %s", bdb->env_dir);
	if (errno == ENOENT)
		err->code = TALLY_CORRUPT;
	return -1;
}

static int make_dir(const char *path, struct tally_err *err)
{
	if (mkdir(path, 0700) == 0 || errno == EEXIST)
		return 0;
	return tally_err_errno(err, "mkdir %s", path);
}

int bdb_make_dirs(struct bdb_store *bdb, struct tally_err *err)
{
	if (make_dir(bdb->dir, err) < 0 || make_dir(bdb->env_dir, err) < 0)
		return -1;
	return bdb_open_dir(bdb, err);
}

/* Removes what an interrupted creation left behind. */
static int clear_env(struct bdb_store *bdb, struct tally_err *err)
{
	DIR *dir = opendir(bdb->env_dir);
	struct dirent *entry;
	int ret = 0;

	if (dir == NULL)
		return tally_err_errno(err, "open %s", bdb->env_dir);
	while (ret == 0 && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] != '.' && unlinkat(bdb->env_fd, entry->d_name, 0) != 0)
			ret = tally_err_errno(err, "remove %s/%s", bdb->env_dir, entry->d_name);
	}
	closedir(dir);
	return ret;
}

/* The format file comes last: a store is there when it is. */
static int create(struct bdb_store *bdb, struct tally_err *err)
{
	int ret = bdb_format_read(bdb, err);

	if (ret != 0)
		return ret < 0 ? -1 : tally_err_set(err, TALLY_EXISTS, "there is a store in %s already",
						    bdb->dir);
	if (bdb_format_new(bdb, err) < 0 || bdb_make_dirs(bdb, err) < 0 || clear_env(bdb, err) < 0 ||
	    bdb_env_open(bdb, true, false, err) < 0 ||
	    bdb_checkpoint_trees(bdb, true, err) < 0 ||
	    bdb_format_write(bdb, err) < 0)
		return -1;
	/* Last, since whoever finds it takes all names for durable. */
	return bdb_tail_remember(bdb, NULL, err);
}

static int reopen(struct bdb_store *bdb, struct tally_err *err)
{
	int ret = bdb_format_read(bdb, err);

	if (ret <= 0)
		return ret < 0 ? -1 : tally_err_set(err, TALLY_NOTFOUND, "there is no bdb store in %s",
						    bdb->dir);
	if (bdb_open_dir(bdb, err) < 0 || bdb_tail_check(bdb, err) < 0)
		return -1;
	return bdb_env_open(bdb, false, false, err);
}

/*
 * Pages live in memory of the program's heap (DB_PRIVATE), and of a new page the engine clears the
 * head only: what the heap held there before, such as a payload that was read and has been erased
 * since, would be written to the file in the unused part of the page.
 */
static void *clean_memory(size_t size)
{
	return calloc(1, size);
}

static int bdb_open(const struct tally_store_args *args, struct tally_store **store_r,
		    struct tally_err *err)
{
	struct bdb_settings set;
	struct bdb_store *bdb;

	if (load_settings(args, &set, err) < 0)
		return -1;
	db_env_set_func_malloc(clean_memory);
	db_env_set_func_open(open_durably);
	db_env_set_func_pread(bdb_page_read);
	db_env_set_func_pwrite(write_unless_leaving);
	db_env_set_func_fsync(sync_unless_leaving);
	bdb = bdb_new(args->location, &set);
	if ((args->create ? create(bdb, err) : reopen(bdb, err)) < 0 ||
	    bdb_directory_load(bdb, err) < 0 || bdb_keeper_start(bdb, err) < 0) {
		bdb_env_close(bdb);
		bdb_free(bdb);
		return -1;
	}
	*store_r = &bdb->base;
	return 0;
}

static void bdb_close(struct tally_store *store)
{
	struct bdb_store *bdb = bdb_downcast(store);
	struct tally_err err;

	bdb_keeper_stop(bdb);
	if (bdb_keep_close(bdb, &err) < 0)
		tally_log(TALLY_LOG_WARN, "bdb.close", "path", bdb->dir, "reason", err.text, NULL);
	bdb_free(bdb);
}

/* ---- figures ---- */

static void stat_engine(struct bdb_store *bdb, tally_stat_each *each, void *ctx)
{
	struct bdb_log_state log;
	DB_MPOOL_STAT *pool;

	if (bdb_log_state(bdb, &log) == 0) {
		each(ctx, "syncs", log.syncs);
		each(ctx, "log_file", log.file);
		each(ctx, "log_offset", log.offset);
		each(ctx, "log_since_checkpoint", log.since_checkpoint);
	}
	if (bdb->env->memp_stat(bdb->env, &pool, NULL, 0) == 0) {
		each(ctx, "cache_bytes", ((uint64_t)pool->st_gbytes << 30) + pool->st_bytes);
		each(ctx, "cache_hits", pool->st_cache_hit);
		each(ctx, "cache_misses", pool->st_cache_miss);
		each(ctx, "cache_dirty_pages", pool->st_page_dirty);
		each(ctx, "pages_read", pool->st_page_in);
		each(ctx, "pages_written", pool->st_page_out);
		free(pool);
	}
}

static int bdb_stat(struct tally_store *store, tally_stat_each *each, void *ctx,
		    struct tally_err *err)
{
	struct bdb_store *bdb = bdb_downcast(store);
	struct bdb_figures figures;

	if (bdb_may_read(bdb, "stat", err) < 0)
		return -1;
	pthread_mutex_lock(&bdb->lock);
	figures = bdb->figures;
	pthread_mutex_unlock(&bdb->lock);
	each(ctx, "appends", figures.appends);
	each(ctx, "blocks", figures.blocks);
	each(ctx, "bytes", figures.bytes);
	each(ctx, "applies", figures.applies);
	each(ctx, "checkpoints", figures.checkpoints);
	each(ctx, "retries", figures.retries);
	each(ctx, "damaged_pages", figures.damaged_pages);
	stat_engine(bdb, each, ctx);
	return 0;
}

const struct tally_driver tally_driver_bdb = {
	.abi = TALLY_DRIVER_ABI,
	.name = "bdb",
	.summary = "Berkeley DB 5.3: a transactional store in a local directory; the default",
	.caps = TALLY_CAP_BLOCKS | TALLY_CAP_INDEX | TALLY_CAP_DURABLE | TALLY_CAP_LOCAL |
		TALLY_CAP_GROUP,
	.settings = bdb_settings,

	.open = bdb_open,
	.close = bdb_close,
	.last = bdb_last,
	.append = bdb_append,
	.read = bdb_read,
	.erase = bdb_erase,
	.scrub = bdb_scrub,
	.drop = bdb_drop,
	.spaces = bdb_spaces,
	.mark = bdb_mark,
	.apply = bdb_apply,
	.get = bdb_get,
	.scan = bdb_scan,
	.reset = bdb_reset,
	.sync_index = bdb_sync_index,
	.maintain = bdb_maintain,
	.backup = bdb_backup,
	.stat = bdb_stat,
};

#ifdef TALLY_DRIVER_AS_MODULE
extern const struct tally_driver tally_driver_module __attribute__((alias("tally_driver_bdb")));
#endif
