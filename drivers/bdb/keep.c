/*
 * What keeps a store in shape: checkpoints and the removal of old logs (by a thread of the driver,
 * by maintain, and at close), scrub, and backup.
 */
#include "page.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#define KEEPER_SECONDS 60		/* an idle store is checkpointed after this */
#define SHORT_LOG (512u << 10)		/* recovery reads the last log file: a close leaves it shorter */

/* ---- checkpoints ---- */

int bdb_checkpoint_trees(struct bdb_store *bdb, bool force, struct tally_err *err)
{
	int ret;

	if (atomic_load(&bdb->failed))
		return tally_err_set(err, TALLY_IO, "checkpoint of %s: writing failed earlier", bdb->dir);
	atomic_store(&bdb->wrote, false);
	atomic_store(&bdb->logged, 0);
	ret = bdb_env_checkpoint(bdb, force);
	if (ret == 0 && fsync(bdb->env_fd) != 0)
		ret = errno;
	if (ret != 0) {
		/* A sync that failed once may seem to succeed the next time, without its bytes. */
		bdb_set_failed(bdb, "checkpoint", ret);
		return bdb_fail(bdb, ret, err, "checkpoint of %s", bdb->dir);
	}
	pthread_mutex_lock(&bdb->lock);
	bdb->figures.checkpoints++;
	pthread_mutex_unlock(&bdb->lock);
	return 0;
}

static int remove_old_logs(struct bdb_store *bdb, struct tally_err *err)
{
	int ret = bdb->env->log_archive(bdb->env, NULL, DB_ARCH_REMOVE);

	return ret == 0 ? 0 : bdb_fail(bdb, ret, err, "removing old logs of %s", bdb->dir);
}

int bdb_checkpoint(struct bdb_store *bdb, bool force, struct tally_err *err)
{
	if (bdb_checkpoint_trees(bdb, force, err) < 0 || bdb_tail_remember(bdb, NULL, err) < 0)
		return -1;
	return remove_old_logs(bdb, err);
}

/* On a medium that is nearly full a log file is not filled up: that would end the engine. */
static int may_fill(struct bdb_store *bdb, const char *what, struct tally_err *err)
{
	return bdb_may_write(bdb, bdb->set.log_file / 2, what, err);
}

/* Fills the log file up, so that the next record begins another. */
static int next_log_file(struct bdb_store *bdb)
{
	char filler[1500];
	struct bdb_log_state log;
	uint32_t file;
	int ret = bdb_log_state(bdb, &log);

	memset(filler, '.', sizeof(filler) - 1);
	filler[sizeof(filler) - 1] = '\0';
	for (file = log.file; ret == 0 && log.file == file; ret = ret ? ret : bdb_log_state(bdb, &log)) {
		for (int i = 0; ret == 0 && i < 16; i++)
			ret = bdb->env->log_printf(bdb->env, NULL, "%s", filler);
	}
	return ret;
}

/* What is to be in the trees is there, and the log is short. */
static int settle(struct bdb_store *bdb, struct tally_err *err)
{
	struct bdb_log_state log;
	struct tally_err none;

	if (bdb_index_drain(bdb, err) < 0)
		return -1;
	if (!atomic_load(&bdb->wrote))
		return 0;
	if (bdb_log_state(bdb, &log) == 0 && log.offset > SHORT_LOG &&
	    may_fill(bdb, "close", &none) == 0 && next_log_file(bdb) != 0)
		return tally_err_set(err, TALLY_IO, "the log cannot be written");
	return bdb_checkpoint_trees(bdb, true, err);
}

/* Nothing of the log reached its file since the store was opened as a clean close had left it. */
static bool as_found(struct bdb_store *bdb)
{
	struct bdb_log_state log;

	return bdb->clean && !atomic_load(&bdb->wrote) && bdb_log_state(bdb, &log) == 0 &&
	       log.disk_file == bdb->clean_file && log.disk_offset == bdb->clean_offset;
}

int bdb_keep_close(struct bdb_store *bdb, struct tally_err *err)
{
	struct bdb_log_end end;
	int ret;

	if (atomic_load(&bdb->failed)) {
		bdb_env_close(bdb);
		return tally_err_set(err, TALLY_IO, "close of %s: writing failed earlier", bdb->dir);
	}
	ret = settle(bdb, err);
	if (ret == 0 && as_found(bdb)) {
		bdb_env_leave(bdb);
		return 0;
	}
	bdb_trees_close(bdb);
	/* The note first: it must never speak of a log that is gone. */
	if (ret == 0 && (ret = bdb_tail_remember(bdb, &end, err)) == 0)
		ret = remove_old_logs(bdb, err);
	bdb_env_close(bdb);
	if (ret == 0)
		bdb_tail_cut(bdb, &end);
	return ret;
}

/* ---- the keeper ---- */

static void keeper_work(struct bdb_store *bdb, bool due)
{
	struct tally_err err;
	int ret = 0;

	if (due && !atomic_load(&bdb->failed)) {
		pthread_mutex_lock(&bdb->keep_lock);
		ret = bdb_checkpoint(bdb, false, &err);
		pthread_mutex_unlock(&bdb->keep_lock);
	}
	if (ret == 0 && atomic_load(&bdb->trash) && !atomic_load(&bdb->failed))
		ret = bdb_clear_trash(bdb, &bdb->keeper_stop, &err);
	if (ret < 0)
		tally_log(TALLY_LOG_WARN, "bdb.keeper", "path", bdb->dir, "reason", err.text, NULL);
}

static void *keeper_main(void *arg)
{
	struct bdb_store *bdb = arg;
	struct timespec until;
	bool due, idle;

	pthread_mutex_lock(&bdb->keeper_lock);
	while (!atomic_load(&bdb->keeper_stop)) {
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec += KEEPER_SECONDS;
		idle = false;
		while (!atomic_load(&bdb->keeper_stop) && !bdb->keeper_due && !idle)
			idle = pthread_cond_timedwait(&bdb->keeper_wake, &bdb->keeper_lock, &until) != 0;
		bdb->keeper_due = false;
		if (atomic_load(&bdb->keeper_stop))
			break;
		pthread_mutex_unlock(&bdb->keeper_lock);
		due = atomic_load(&bdb->logged) >= bdb->set.checkpoint ||
			(idle && atomic_load(&bdb->wrote));
		keeper_work(bdb, due);
		pthread_mutex_lock(&bdb->keeper_lock);
	}
	pthread_mutex_unlock(&bdb->keeper_lock);
	return NULL;
}

int bdb_keeper_start(struct bdb_store *bdb, struct tally_err *err)
{
	pthread_condattr_t attr;
	int ret;

	pthread_cond_destroy(&bdb->keeper_wake);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&bdb->keeper_wake, &attr);
	pthread_condattr_destroy(&attr);
	/* What earlier lives left to be cleared away is not a short life's business: maintain. */
	ret = pthread_create(&bdb->keeper, NULL, keeper_main, bdb);
	bdb->keeper_runs = ret == 0;
	if (ret == 0)
		return 0;
	return tally_err_set(err, TALLY_IO, "open %s: no thread: %s", bdb->dir, strerror(ret));
}

void bdb_keeper_poke(struct bdb_store *bdb)
{
	pthread_mutex_lock(&bdb->keeper_lock);
	bdb->keeper_due = true;
	pthread_cond_signal(&bdb->keeper_wake);
	pthread_mutex_unlock(&bdb->keeper_lock);
}

void bdb_keeper_stop(struct bdb_store *bdb)
{
	if (!bdb->keeper_runs)
		return;
	atomic_store(&bdb->keeper_stop, true);
	bdb_keeper_poke(bdb);
	pthread_join(bdb->keeper, NULL);
	bdb->keeper_runs = false;
}

void bdb_keeper_hint(struct bdb_store *bdb, uint64_t log_bytes)
{
	if (atomic_fetch_add(&bdb->logged, log_bytes) + log_bytes >= bdb->set.checkpoint)
		bdb_keeper_poke(bdb);
}

int bdb_maintain(struct tally_store *store, struct tally_err *err)
{
	struct bdb_store *bdb = bdb_downcast(store);
	int ret;

	if (bdb_index_drain(bdb, err) < 0 || bdb_clear_trash(bdb, NULL, err) < 0)
		return -1;
	pthread_mutex_lock(&bdb->keep_lock);
	ret = bdb_checkpoint(bdb, false, err);
	pthread_mutex_unlock(&bdb->keep_lock);
	return ret;
}

/* ---- scrub ---- */

enum { ITEM_HEAD = 3, ITEM_PLAIN = 1 };

static uint16_t native_u16(const uint8_t *at)
{
	uint16_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

/* Zeroes bytes low .. high; with look, only tells whether any is not zero. */
static bool blank(uint8_t *page, size_t low, size_t high, bool look)
{
	bool found = false;

	for (; low < high && !(look && found); low++) {
		found |= page[low] != 0;
		if (!look)
			page[low] = 0;
	}
	return found;
}

/* The up to 3 bytes behind each item of a leaf that align the next. */
static bool blank_padding(uint8_t *page, size_t entries, bool look)
{
	bool found = false;

	for (size_t i = 0; i < entries; i++) {
		size_t item = native_u16(page + PAGE_HEAD + 2 * i), end;

		if (item < PAGE_HEAD || item > BDB_PAGE - ITEM_HEAD || (page[item + 2] & 0x7f) != ITEM_PLAIN)
			continue;
		end = item + ITEM_HEAD + native_u16(page + item);
		if (end < BDB_PAGE)
			found |= blank(page, end, (end + 3) & ~(size_t)3, look);
	}
	return found;
}

/* Blanks what is not in use of a page; returns whether there was (with look: is) anything. */
static bool blank_unused(uint8_t *page, bool look)
{
	size_t entries = native_u16(page + PAGE_ENTRIES), offset = native_u16(page + PAGE_OFFSET);
	bool found = false;

	switch (page[PAGE_TYPE]) {
	case PAGE_FREE:
		return blank(page, PAGE_HEAD, BDB_PAGE, look);
	case PAGE_OVERFLOW:
		return offset <= BDB_PAGE - PAGE_HEAD &&
			blank(page, PAGE_HEAD + offset, BDB_PAGE, look);
	case PAGE_LEAF:
	case PAGE_INNER:
		if (offset > BDB_PAGE || PAGE_HEAD + 2 * entries > offset)
			return false;
		found = blank(page, PAGE_HEAD + 2 * entries, offset, look);
		if (page[PAGE_TYPE] == PAGE_LEAF)
			found |= blank_padding(page, entries, look);
		return found;
	default:
		return false;
	}
}

static bool page_whole(const uint8_t *page)
{
	uint32_t sum;

	memcpy(&sum, page + PAGE_SUM, sizeof(sum));
	return sum == bdb_page_sum(page) || bdb_page_blank(page);
}

/*
 * Blanks one page in the file, and in the cache, from where it would come back. While the page is
 * held in the cache nobody reads it from the file.
 */
static int scrub_page(DB_MPOOLFILE *pool, int fd, uint8_t *page, db_pgno_t number)
{
	off_t at = (off_t)number * BDB_PAGE;
	void *cached;
	uint32_t sum;
	int ret, end;

	blank_unused(page, false);
	sum = bdb_page_sum(page);
	memcpy(page + PAGE_SUM, &sum, sizeof(sum));
	ret = pool->get(pool, &number, NULL, 0, &cached);
	if (ret == DB_PAGE_NOTFOUND)		/* behind the end of the tree, but in the file */
		return pwrite(fd, page, BDB_PAGE, at) == BDB_PAGE ? 0 : errno;
	if (ret != 0)
		return ret;
	blank_unused(cached, false);
	if (memcmp(cached, page, PAGE_SUM) != 0 ||
	    memcmp((uint8_t *)cached + PAGE_HEAD, page + PAGE_HEAD, BDB_PAGE - PAGE_HEAD) != 0)
		ret = DB_VERIFY_BAD;		/* it was to be clean */
	else if (pwrite(fd, page, BDB_PAGE, at) != BDB_PAGE)
		ret = errno;
	end = pool->put(pool, cached, DB_PRIORITY_UNCHANGED, 0);
	return ret != 0 ? ret : end;
}

/* Pages looked at while the writer waits. */
#define SCRUB_PAGES 4096

/* Some pages of a tree that nobody changes now and whose pages are all in the file. */
static int scrub_pages(DB *db, int fd, db_pgno_t number, db_pgno_t *next_r)
{
	uint8_t page[BDB_PAGE];
	ssize_t n;
	int ret;

	for (db_pgno_t end = number + SCRUB_PAGES; number < end; number++) {
		n = pread(fd, page, sizeof(page), (off_t)number * BDB_PAGE);
		if (n < (ssize_t)sizeof(page)) {
			*next_r = 0;
			return n < 0 ? errno : 0;
		}
		if (!page_whole(page))
			return DB_CHKSUM_FAIL;
		if (blank_unused(page, true) &&
		    (ret = scrub_page(db->get_mpf(db), fd, page, number)) != 0)
			return ret;
	}
	*next_r = number;
	return 0;
}

/*
 * Blanks the unused parts of all pages of a tree. The engine's interface has no way to change a
 * page (its flag for that is lost on the way in), so the file is written behind its back: after a
 * checkpoint, with the tree's writer shut out, every page in the cache is as in the file. Nothing
 * of this is logged: recovery never needs what is unused. Page 0 holds nothing of ours.
 */
static int scrub_tree(struct bdb_store *bdb, DB *db, const char *name,
		      pthread_mutex_t *writer_lock, struct tally_err *err)
{
	int fd = openat(bdb->env_fd, name, O_RDWR | O_CLOEXEC), ret = 0;
	db_pgno_t number = 1;

	if (fd < 0)
		return tally_err_errno(err, "scrub of %s/%s", bdb->env_dir, name);
	while (ret == 0 && number != 0) {
		pthread_mutex_lock(writer_lock);
		ret = bdb_checkpoint(bdb, true, err);
		if (ret == 0 && (ret = scrub_pages(db, fd, number, &number)) != 0)
			ret = bdb_fail(bdb, ret, err, "scrub of %s/%s page %u", bdb->env_dir, name,
				       number);
		pthread_mutex_unlock(writer_lock);
	}
	if (ret == 0 && fsync(fd) != 0) {
		bdb_set_failed(bdb, "scrub", errno);
		ret = tally_err_errno(err, "sync %s/%s", bdb->env_dir, name);
	}
	close(fd);
	return ret;
}

/* Overwrites a file that has no name any more. */
static int wipe_file(int fd)
{
	static const uint8_t zeros[65536];
	struct stat st;

	if (fstat(fd, &st) != 0)
		return errno;
	for (off_t at = 0; at < st.st_size; at += (off_t)sizeof(zeros)) {
		if (pwrite(fd, zeros, sizeof(zeros), at) < 0)
			return errno;
	}
	return fdatasync(fd) == 0 ? 0 : errno;
}

/* Opens the log files before this one, so that they can be overwritten when they have no name. */
static size_t open_old_logs(struct bdb_store *bdb, uint32_t running, int **fds_r)
{
	char **names = NULL;
	size_t count = 0, opened = 0;

	*fds_r = NULL;
	if (bdb->env->log_archive(bdb->env, &names, DB_ARCH_LOG) != 0 || names == NULL)
		return 0;
	while (names[count] != NULL)
		count++;
	*fds_r = tally_calloc(count + 1, sizeof(int));
	for (size_t i = 0; i < count; i++) {
		if (strtoul(names[i] + strcspn(names[i], "0123456789"), NULL, 10) >= running)
			continue;
		(*fds_r)[opened] = openat(bdb->env_fd, names[i], O_RDWR | O_CLOEXEC);
		opened += (*fds_r)[opened] >= 0;
	}
	free(names);
	return opened;
}

static int remove_logs_below(struct bdb_store *bdb, uint32_t running)
{
	char **names = NULL;
	int ret = bdb->env->log_archive(bdb->env, &names, DB_ARCH_LOG);

	for (size_t i = 0; ret == 0 && names != NULL && names[i] != NULL; i++) {
		if (strtoul(names[i] + strcspn(names[i], "0123456789"), NULL, 10) < running &&
		    unlinkat(bdb->env_fd, names[i], 0) != 0 && errno != ENOENT)
			ret = errno;
	}
	free(names);
	return ret;
}

/*
 * Removes and overwrites all log files but the running one. No transaction is open (the writers'
 * locks are held), so recovery never needs more than what follows the checkpoint made here.
 */
static int scrub_logs(struct bdb_store *bdb, struct tally_err *err)
{
	struct bdb_log_state log;
	size_t count;
	int *fds, ret;

	if ((ret = next_log_file(bdb)) != 0 || (ret = bdb_log_state(bdb, &log)) != 0)
		return bdb_fail(bdb, ret, err, "scrub of %s", bdb->dir);
	count = open_old_logs(bdb, log.file, &fds);
	ret = bdb_checkpoint(bdb, true, err);
	if (ret == 0 && (ret = remove_logs_below(bdb, log.file)) != 0)
		ret = bdb_fail(bdb, ret, err, "scrub of %s: removing old logs", bdb->dir);
	if (ret == 0)
		ret = bdb_sync_dir(bdb->env_dir, err);
	for (size_t i = 0; i < count; i++) {
		int wiped = ret == 0 ? wipe_file(fds[i]) : 0;

		close(fds[i]);
		if (wiped != 0)
			ret = bdb_fail(bdb, wiped, err, "scrub of %s: overwriting old logs", bdb->dir);
	}
	free(fds);
	return ret;
}

static int scrub_locked(struct bdb_store *bdb, struct tally_err *err)
{
	int ret;

	if (scrub_tree(bdb, bdb->blocks, "blocks.db", &bdb->append_lock, err) < 0 ||
	    scrub_tree(bdb, bdb->index, "index.db", &bdb->index_lock, err) < 0)
		return -1;
	pthread_mutex_lock(&bdb->append_lock);
	pthread_mutex_lock(&bdb->index_lock);
	ret = scrub_logs(bdb, err);
	pthread_mutex_unlock(&bdb->index_lock);
	pthread_mutex_unlock(&bdb->append_lock);
	return ret;
}

int bdb_scrub(struct tally_store *store, struct tally_err *err)
{
	struct bdb_store *bdb = bdb_downcast(store);
	int ret;

	if (may_fill(bdb, "scrub", err) < 0 || bdb_index_drain(bdb, err) < 0 ||
	    bdb_clear_trash(bdb, NULL, err) < 0)
		return -1;
	pthread_mutex_lock(&bdb->keep_lock);
	ret = scrub_locked(bdb, err);
	pthread_mutex_unlock(&bdb->keep_lock);
	return ret;
}

/* ---- backup ---- */

/* Makes a consistent store of files that were copied while others wrote. */
static int settle_copy(struct bdb_store *copy, struct tally_err *err)
{
	if (bdb_tail_check(copy, err) < 0 || bdb_env_open(copy, false, true, err) < 0)
		return -1;
	atomic_store(&copy->wrote, true);
	if (bdb_keep_close(copy, err) < 0)
		return -1;
	return bdb_sync_files(copy, err);
}

static int copy_to(struct bdb_store *bdb, struct bdb_store *copy, struct tally_err *err)
{
	int ret;

	if (bdb_make_dirs(copy, err) < 0)
		return -1;
	bdb_format_copy(copy, bdb);
	/* Trees first, then logs, which so contain all that a copied page may have in it. */
	ret = bdb->env->backup(bdb->env, copy->env_dir, DB_BACKUP_SINGLE_DIR);
	if (ret != 0)
		return bdb_fail(bdb, ret, err, "backup to %s", copy->dir);
	if (settle_copy(copy, err) < 0)
		return tally_err_prefix(err, "backup");
	return bdb_format_write(copy, err);
}

int bdb_backup(struct tally_store *store, const char *directory, struct tally_err *err)
{
	struct bdb_store *bdb = bdb_downcast(store), *copy;
	int ret;

	if (bdb_may_read(bdb, "backup", err) < 0)
		return -1;
	copy = bdb_new(directory, &bdb->set);
	if (access(copy->env_dir, F_OK) == 0) {
		ret = tally_err_set(err, TALLY_EXISTS, "backup: %s exists already", copy->env_dir);
	} else {
		/* No checkpoint meanwhile, so no log is removed before it is copied. */
		pthread_mutex_lock(&bdb->keep_lock);
		ret = copy_to(bdb, copy, err);
		pthread_mutex_unlock(&bdb->keep_lock);
	}
	bdb_env_close(copy);
	bdb_free(copy);
	return ret;
}
