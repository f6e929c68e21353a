/*
 * The high-water file: for each log the largest checkpoint that was signed, kept beside the master
 * key and outside the store. A store that was rolled back, copied or forged is shorter than that
 * or differs, and is then not signed for. One line a log: origin, size, root in hex.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core_private.h"

struct mark {
	char origin[256];
	uint64_t size;
	struct tally_hash root;
	struct mark *next;
};

struct tally_high {
	pthread_mutex_t lock;
	char *path;
	struct mark *marks;
	bool dirty;
};

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

static bool read_line(struct tally_high *high, const char *line)
{
	unsigned long long size;
	char origin[256], hex[65];
	struct tally_hash root;
	struct mark *mark;

	if (sscanf(line, "%255s %llu %64s", origin, &size, hex) != 3 ||
	    !tally_hex_decode(tally_bytes_str(hex), root.bytes, TALLY_HASH_SIZE))
		return false;
	mark = need(high, origin);
	mark->size = size;
	mark->root = root;
	return true;
}

static int read_file(struct tally_high *high, struct tally_err *err)
{
	FILE *file = fopen(high->path, "re");
	char line[512];
	int result = 0;

	if (file == NULL && errno == ENOENT)
		return 0;
	if (file == NULL)
		return tally_err_errno(err, "%s", high->path);
	while (result == 0 && fgets(line, sizeof(line), file) != NULL)
		if (!read_line(high, line))
			result = tally_err_set(err, TALLY_CORRUPT, "%s: a malformed line",
					       high->path);
	fclose(file);
	return result;
}

int tally_high_open(const char *path, struct tally_high **high_r, struct tally_err *err)
{
	struct tally_high *high = tally_calloc(1, sizeof(*high));

	pthread_mutex_init(&high->lock, NULL);
	if (path != NULL) {
		high->path = tally_strdup(path);
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
	free((*high)->path);
	free(*high);
	*high = NULL;
}

int tally_high_get(struct tally_high *high, const char *origin, uint64_t *size_r,
		   struct tally_hash *root_r)
{
	struct mark *mark;

	pthread_mutex_lock(&high->lock);
	mark = find(high, origin);
	if (mark != NULL) {
		*size_r = mark->size;
		*root_r = mark->root;
	}
	pthread_mutex_unlock(&high->lock);
	return mark != NULL;
}

void tally_high_put(struct tally_high *high, const char *origin, uint64_t size,
		    const struct tally_hash *root)
{
	struct mark *mark;

	pthread_mutex_lock(&high->lock);
	mark = need(high, origin);
	if (size > mark->size) {
		mark->size = size;
		mark->root = *root;
		high->dirty = true;
	}
	pthread_mutex_unlock(&high->lock);
}

void tally_high_forget(struct tally_high *high, const char *origin)
{
	pthread_mutex_lock(&high->lock);
	for (struct mark **at = &high->marks; *at != NULL; at = &(*at)->next) {
		if (strcmp((*at)->origin, origin) == 0) {
			struct mark *mark = *at;

			*at = mark->next;
			free(mark);
			high->dirty = true;
			break;
		}
	}
	pthread_mutex_unlock(&high->lock);
}

static void print_marks(const struct tally_high *high, struct tally_buf *buf)
{
	char hex[65];

	for (const struct mark *mark = high->marks; mark != NULL; mark = mark->next) {
		tally_hex_encode(mark->root.bytes, TALLY_HASH_SIZE, hex);
		tally_buf_printf(buf, "%s %llu %s\n", mark->origin,
				 (unsigned long long)mark->size, hex);
	}
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
	return result;
}

int tally_high_write(struct tally_high *high, struct tally_err *err)
{
	struct tally_buf buf = { 0 };
	int result = 0;
	bool dirty;

	pthread_mutex_lock(&high->lock);
	dirty = high->dirty && high->path != NULL;
	high->dirty = false;
	if (dirty)
		print_marks(high, &buf);
	pthread_mutex_unlock(&high->lock);
	if (dirty)
		result = write_beside(high->path, tally_buf_bytes(&buf), err);
	if (result != 0) {
		pthread_mutex_lock(&high->lock);
		high->dirty = true;
		pthread_mutex_unlock(&high->lock);
	}
	tally_buf_free(&buf);
	return result;
}
