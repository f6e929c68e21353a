/*
 * The high-water file: for each log the largest checkpoint that was signed, kept beside the master
 * key and outside the store. A store that was rolled back, copied or forged is shorter than that
 * or differs, and is then not signed for. One line a log: origin, size, root in hex.
 *
 * Several processes may keep one file (hosts of an engine, or copies of a store that somebody
 * started side by side). It is replaced as a whole under a lock, and who replaces it first takes up
 * what others have written since: a larger tree than one's own is the mark from then on, and any
 * tree of others is one that one's own must hold. A copy thus finds out that another signs too.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core_private.h"

struct mark {
	char origin[256];
	struct tally_high_mark largest;
	struct tally_high_mark other;	/* smaller, signed by somebody else; size 0: none */
	struct tally_high_mark filed;	/* as the file had it when it was read or written last */
	bool forgotten;			/* no mark; its line goes with the next writing */
	bool leaving;			/* it was forgotten before the writing under way */
	struct mark *next;
};

struct tally_high {
	pthread_mutex_t lock;
	pthread_mutex_t writing;	/* one writing at a time; taken before lock */
	char *path;			/* NULL: kept in memory only */
	char *lock_path;		/* a file to lock while the other is replaced */
	struct mark *marks;
	bool dirty;
	struct stat seen;		/* the file as it was read or written last */
	_Atomic uint64_t generation;	/* counts what others signed, from 1 */
};

static bool same(const struct tally_high_mark *a, const struct tally_high_mark *b)
{
	return a->size == b->size &&
	       memcmp(a->root.bytes, b->root.bytes, TALLY_HASH_SIZE) == 0;
}

static struct mark *find(struct tally_high *high, const char *origin)
{
	struct mark *mark = high->marks;

	while (mark != NULL && strcmp(mark->origin, origin) != 0)
		mark = mark->next;
	return mark;
}

static struct mark *need(struct tally_high *high, const char *origin)
{
	struct mark *mark = find(high, origin);

	if (mark == NULL) {
		mark = tally_calloc(1, sizeof(*mark));
		snprintf(mark->origin, sizeof(mark->origin), "%s", origin);
		mark->next = high->marks;
		high->marks = mark;
	}
	return mark;
}

/* What somebody else signed: it must be in our tree too. */
static void take_up(struct tally_high *high, struct mark *mark, const struct tally_high_mark *theirs)
{
	if (same(&mark->filed, theirs))
		return;			/* we know it, or wrote it ourselves */
	mark->filed = *theirs;
	if (same(&mark->largest, theirs))
		return;
	if (theirs->size >= mark->largest.size) {
		mark->largest = *theirs;
	} else {
		mark->other = *theirs;
		high->dirty = true;	/* ours is larger, and to be written */
	}
	high->generation++;
}

static bool read_line(struct tally_high *high, const char *line)
{
	struct tally_high_mark theirs;
	unsigned long long size;
	char origin[256], hex[65];
	struct mark *mark;

	if (sscanf(line, "%255s %llu %64s", origin, &size, hex) != 3 ||
	    !tally_hex_decode(tally_bytes_str(hex), theirs.root.bytes, TALLY_HASH_SIZE))
		return false;
	theirs.size = size;
	mark = need(high, origin);
	if (!mark->forgotten)
		take_up(high, mark, &theirs);
	return true;
}

/* Lock held. */
static int read_file(struct tally_high *high, struct tally_err *err)
{
	FILE *file = fopen(high->path, "re");
	char line[512];
	int result = 0;

	if (file == NULL && errno == ENOENT)
		return 0;
	if (file == NULL)
		return tally_err_errno(err, "%s", high->path);
	if (fstat(fileno(file), &high->seen) != 0)
		memset(&high->seen, 0, sizeof(high->seen));
	while (result == 0 && fgets(line, sizeof(line), file) != NULL)
		if (!read_line(high, line))
			result = tally_err_set(err, TALLY_CORRUPT, "%s: a malformed line",
					       high->path);
	fclose(file);
	return result;
}

int tally_high_open(const char *path, const char *lock_path, struct tally_high **high_r,
		    struct tally_err *err)
{
	struct tally_high *high = tally_calloc(1, sizeof(*high));

	pthread_mutex_init(&high->lock, NULL);
	pthread_mutex_init(&high->writing, NULL);
	high->generation = 1;
	if (path != NULL) {
		high->path = tally_strdup(path);
		high->lock_path = tally_strdup(lock_path);
		if (read_file(high, err) != 0) {
			tally_high_close(&high);
			return -1;
		}
	}
	*high_r = high;
	return 0;
}

void tally_high_close(struct tally_high **high)
{
	struct tally_err err;

	if (*high == NULL)
		return;
	if (tally_high_write(*high, &err) != 0)
		tally_log(TALLY_LOG_ERROR, "high.write", "error", err.text, NULL);
	for (struct mark *mark = (*high)->marks, *next; mark != NULL; mark = next) {
		next = mark->next;
		free(mark);
	}
	pthread_mutex_destroy(&(*high)->lock);
	pthread_mutex_destroy(&(*high)->writing);
	free((*high)->path);
	free((*high)->lock_path);
	free(*high);
	*high = NULL;
}

size_t tally_high_get(struct tally_high *high, const char *origin, struct tally_high_mark marks_r[2])
{
	const struct mark *mark;
	size_t count = 0;

	pthread_mutex_lock(&high->lock);
	mark = find(high, origin);
	if (mark != NULL && !mark->forgotten) {
		marks_r[count++] = mark->largest;
		if (mark->other.size > 0)
			marks_r[count++] = mark->other;
	}
	pthread_mutex_unlock(&high->lock);
	return count;
}

uint64_t tally_high_generation(struct tally_high *high)
{
	return high->generation;
}

void tally_high_put(struct tally_high *high, const char *origin, uint64_t size,
		    const struct tally_hash *root)
{
	struct mark *mark;

	pthread_mutex_lock(&high->lock);
	mark = need(high, origin);
	if (size > mark->largest.size || mark->forgotten) {
		mark->largest = (struct tally_high_mark){ size, *root };
		mark->forgotten = false;
		high->dirty = true;
	}
	pthread_mutex_unlock(&high->lock);
}

void tally_high_evidence(struct tally_high *high, const char *origin, uint64_t size,
			 const struct tally_hash *root)
{
	struct tally_high_mark theirs = { size, *root };
	struct mark *mark;

	pthread_mutex_lock(&high->lock);
	mark = need(high, origin);
	mark->forgotten = false;
	if (!same(&mark->largest, &theirs)) {
		if (size >= mark->largest.size)
			mark->largest = theirs;
		else
			mark->other = theirs;
		high->generation++;
		high->dirty = true;
	}
	pthread_mutex_unlock(&high->lock);
}

void tally_high_forget(struct tally_high *high, const char *origin)
{
	struct mark *mark;

	pthread_mutex_lock(&high->lock);
	mark = find(high, origin);
	if (mark != NULL) {
		*mark = (struct mark){ .forgotten = true, .next = mark->next };
		snprintf(mark->origin, sizeof(mark->origin), "%s", origin);
		high->generation++;
		high->dirty = true;
	}
	pthread_mutex_unlock(&high->lock);
}

/* ---- the file ---- */

static bool has_changed(const struct stat *was, const struct stat *is)
{
	return was->st_ino != is->st_ino || was->st_dev != is->st_dev ||
	       was->st_size != is->st_size || was->st_mtim.tv_sec != is->st_mtim.tv_sec ||
	       was->st_mtim.tv_nsec != is->st_mtim.tv_nsec;
}

int tally_high_refresh(struct tally_high *high, struct tally_err *err)
{
	struct stat is;
	int result = 0;

	if (high->path == NULL || stat(high->path, &is) != 0)
		return 0;
	pthread_mutex_lock(&high->lock);
	if (has_changed(&high->seen, &is))
		result = read_file(high, err);
	pthread_mutex_unlock(&high->lock);
	return result;
}

static void print_marks(const struct tally_high *high, struct tally_buf *buf)
{
	char hex[65];

	for (const struct mark *mark = high->marks; mark != NULL; mark = mark->next) {
		if (mark->forgotten)
			continue;
		tally_hex_encode(mark->largest.root.bytes, TALLY_HASH_SIZE, hex);
		tally_buf_printf(buf, "%s %llu %s\n", mark->origin,
				 (unsigned long long)mark->largest.size, hex);
	}
}

static int sync_directory(const char *path, struct tally_err *err)
{
	const char *slash = strrchr(path, '/');
	char directory[4200];
	int fd, result;

	snprintf(directory, sizeof(directory), "%.*s", slash == path ? 1 : slash == NULL ? 1 :
		 (int)(slash - path), slash == NULL ? "." : path);
	fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	result = fd >= 0 ? fsync(fd) : -1;
	if (result != 0)
		tally_err_errno(err, "%s", directory);
	if (fd >= 0)
		close(fd);
	return result;
}

static int write_beside(const char *path, struct tally_bytes bytes, struct tally_err *err)
{
	char beside[4200];
	int fd, result = 0;

	snprintf(beside, sizeof(beside), "%.4000s.new", path);
	fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return tally_err_errno(err, "%s", beside);
	if (write(fd, bytes.data, bytes.size) != (ssize_t)bytes.size || fdatasync(fd) != 0)
		result = tally_err_errno(err, "%s", beside);
	close(fd);
	if (result == 0 && rename(beside, path) != 0)
		result = tally_err_errno(err, "%s", path);
	return result == 0 ? sync_directory(path, err) : -1;
}

/* The file of others is taken up first; then all that is known is to be written. Lock held. */
static int compose(struct tally_high *high, struct tally_buf *buf, struct tally_err *err)
{
	struct stat is;

	if (stat(high->path, &is) == 0 && has_changed(&high->seen, &is) &&
	    read_file(high, err) != 0)
		return -1;
	print_marks(high, buf);
	high->dirty = false;
	for (struct mark *mark = high->marks; mark != NULL; mark = mark->next) {
		mark->filed = mark->largest;
		mark->leaving = mark->forgotten;
	}
	return 0;
}

/* Lock held. */
static void written(struct tally_high *high, bool good)
{
	struct mark **at = &high->marks;

	if (stat(high->path, &high->seen) != 0)
		memset(&high->seen, 0, sizeof(high->seen));
	high->dirty = high->dirty || !good;
	while (good && *at != NULL) {
		struct mark *mark = *at;

		if (mark->leaving && mark->forgotten) {
			*at = mark->next;
			free(mark);
		} else {
			at = &mark->next;
		}
	}
}

/* Holds writing. */
static int write_locked(struct tally_high *high, struct tally_err *err)
{
	struct tally_buf buf = { 0 };
	int fd = open(high->lock_path, O_RDONLY | O_CLOEXEC), result;

	if (fd < 0)
		return tally_err_errno(err, "%s", high->lock_path);
	do
		result = flock(fd, LOCK_EX);
	while (result != 0 && errno == EINTR);
	if (result != 0)
		tally_err_errno(err, "%s", high->lock_path);
	if (result == 0) {
		pthread_mutex_lock(&high->lock);
		result = compose(high, &buf, err);
		pthread_mutex_unlock(&high->lock);
	}
	if (result == 0)
		result = write_beside(high->path, tally_buf_bytes(&buf), err);
	pthread_mutex_lock(&high->lock);
	written(high, result == 0);
	pthread_mutex_unlock(&high->lock);
	close(fd);
	tally_buf_free(&buf);
	return result;
}

int tally_high_write(struct tally_high *high, struct tally_err *err)
{
	int result = 0;
	bool dirty;

	pthread_mutex_lock(&high->writing);
	pthread_mutex_lock(&high->lock);
	dirty = high->dirty && high->path != NULL;
	pthread_mutex_unlock(&high->lock);
	if (dirty)
		result = write_locked(high, err);
	pthread_mutex_unlock(&high->writing);
	return result;
}
