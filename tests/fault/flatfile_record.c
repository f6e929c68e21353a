/* The log of operations and the making of images from it; see flatfile_record.h. */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arena.h"
#include "flatfile_record.h"

#define FDS 4096
#define SECTOR 4096			/* a write is torn at multiples of this */

enum kind { CREATE, WRITE, TRUNCATE, ZERO, SYNC, RENAME, UNLINK, MKDIR, RMDIR, SYNC_DIR };

struct event {
	enum kind kind;
	uint32_t inode;
	uint64_t offset;
	uint64_t size;
	uint8_t *data;
	char *path;			/* relative to the root; of SYNC_DIR "" is the root */
	char *to;
	size_t begun;			/* SYNC, SYNC_DIR: what is before this is durable */
};

/* A name and what it stands for: inode 0 is a directory. */
struct name {
	char *path;
	uint32_t inode;
};

struct names {
	struct name *names;
	size_t count;
};

struct recorder {
	struct flat_files files;
	char *root;
	pthread_mutex_t lock;
	struct event *events;
	size_t count, room, borrowed;	/* the first borrowed ones belong to another recorder */
	struct names live;
	uint32_t inodes;
	uint32_t fds[FDS];
};

uint64_t random_next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state * 0x2545f4914f6cdd1du >> 11;
}

uint64_t random_below(uint64_t *state, uint64_t bound)
{
	return random_next(state) % bound;
}

static void die(const char *what, const char *path)
{
	fprintf(stderr, "recorder: %s %s: %s\n", what, path, strerror(errno));
	abort();
}

/* ---- names ---- */

static struct name *name_find(struct names *names, const char *path)
{
	for (size_t i = 0; i < names->count; i++) {
		if (strcmp(names->names[i].path, path) == 0)
			return &names->names[i];
	}
	return NULL;
}

static void name_set(struct names *names, const char *path, uint32_t inode)
{
	struct name *name = name_find(names, path);

	if (name == NULL) {
		names->names = tally_realloc(names->names,
					     (names->count + 1) * sizeof(*names->names));
		name = &names->names[names->count++];
		name->path = tally_strdup(path);
	}
	name->inode = inode;
}

static void name_remove(struct names *names, const char *path, uint32_t inode)
{
	struct name *name = name_find(names, path);

	if (name == NULL || name->inode != inode)
		return;
	free(name->path);
	*name = names->names[--names->count];
}

static void names_free(struct names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->names[i].path);
	free(names->names);
	*names = (struct names){ 0 };
}

/* ---- the log ---- */

/* NULL for what is not below the root. */
static const char *relative(const struct recorder *recorder, const char *path)
{
	size_t size = strlen(recorder->root);

	if (strncmp(path, recorder->root, size) != 0)
		return NULL;
	if (path[size] == '\0')
		return path + size;
	if (path[size] != '/' || strcmp(path + size, "/..") == 0)
		return NULL;
	return path + size + 1;
}

static void push(struct recorder *recorder, struct event event)
{
	if (recorder->count == recorder->room) {
		recorder->room = 2 * recorder->room + 256;
		recorder->events = tally_realloc(recorder->events,
						 recorder->room * sizeof(*recorder->events));
	}
	recorder->events[recorder->count++] = event;
}

static char *copy(const char *text)
{
	return text != NULL ? tally_strdup(text) : NULL;
}

static int rec_open(void *ctx, const char *path, int flags, mode_t mode)
{
	struct recorder *recorder = ctx;
	const char *name = relative(recorder, path);
	struct name *known;
	int fd;

	pthread_mutex_lock(&recorder->lock);
	fd = flat_files_system.open(NULL, path, flags, mode);
	if (fd >= 0 && name != NULL) {
		known = name_find(&recorder->live, name);
		if (known == NULL) {
			uint32_t inode = ++recorder->inodes;

			push(recorder, (struct event){ .kind = CREATE, .inode = inode,
						       .path = copy(name) });
			name_set(&recorder->live, name, inode);
			known = name_find(&recorder->live, name);
		} else if (flags & O_TRUNC) {
			push(recorder, (struct event){ .kind = TRUNCATE, .inode = known->inode });
		}
		if (fd >= FDS)
			die("too many files", path);
		recorder->fds[fd] = known->inode;
	}
	pthread_mutex_unlock(&recorder->lock);
	return fd;
}

static int rec_close(void *ctx, int fd)
{
	struct recorder *recorder = ctx;
	int ret;

	pthread_mutex_lock(&recorder->lock);
	recorder->fds[fd] = 0;
	ret = flat_files_system.close(NULL, fd);
	pthread_mutex_unlock(&recorder->lock);
	return ret;
}

static int rec_size(void *ctx, int fd, uint64_t *size_r)
{
	(void)ctx;
	return flat_files_system.size(NULL, fd, size_r);
}

static ssize_t rec_read(void *ctx, int fd, void *data, size_t size, uint64_t offset)
{
	(void)ctx;
	return flat_files_system.read(NULL, fd, data, size, offset);
}

static ssize_t rec_write(void *ctx, int fd, const struct iovec *iov, int count, uint64_t offset)
{
	struct recorder *recorder = ctx;
	struct event event = { .kind = WRITE, .offset = offset };
	ssize_t ret;

	for (int i = 0; i < count; i++)
		event.size += iov[i].iov_len;
	event.data = tally_malloc(event.size + 1);
	event.size = 0;
	for (int i = 0; i < count; i++) {
		memcpy(event.data + event.size, iov[i].iov_base, iov[i].iov_len);
		event.size += iov[i].iov_len;
	}
	pthread_mutex_lock(&recorder->lock);
	event.inode = recorder->fds[fd];
	push(recorder, event);
	pthread_mutex_unlock(&recorder->lock);
	ret = flat_files_system.write(NULL, fd, iov, count, offset);
	if (ret >= 0 && (uint64_t)ret != event.size)
		die("short write", "");
	return ret;
}

static int rec_sync(void *ctx, int fd, bool paced)
{
	struct recorder *recorder = ctx;

	(void)paced;
	pthread_mutex_lock(&recorder->lock);
	push(recorder, (struct event){ .kind = SYNC, .inode = recorder->fds[fd],
				       .begun = recorder->count });
	pthread_mutex_unlock(&recorder->lock);
	return 0;
}

static int rec_truncate(void *ctx, int fd, uint64_t size)
{
	struct recorder *recorder = ctx;

	pthread_mutex_lock(&recorder->lock);
	push(recorder, (struct event){ .kind = TRUNCATE, .inode = recorder->fds[fd],
				       .size = size });
	pthread_mutex_unlock(&recorder->lock);
	return flat_files_system.truncate(NULL, fd, size);
}

static int rec_zero(void *ctx, int fd, uint64_t offset, uint64_t size)
{
	struct recorder *recorder = ctx;

	pthread_mutex_lock(&recorder->lock);
	push(recorder, (struct event){ .kind = ZERO, .inode = recorder->fds[fd], .offset = offset,
				       .size = size });
	pthread_mutex_unlock(&recorder->lock);
	return flat_files_system.zero(NULL, fd, offset, size);
}

static int rec_rename(void *ctx, const char *from, const char *to)
{
	struct recorder *recorder = ctx;
	const char *a = relative(recorder, from), *b = relative(recorder, to);
	uint32_t inode;
	int ret;

	pthread_mutex_lock(&recorder->lock);
	ret = flat_files_system.rename(NULL, from, to);
	if (ret == 0) {
		inode = name_find(&recorder->live, a)->inode;
		push(recorder, (struct event){ .kind = RENAME, .inode = inode, .path = copy(a),
					       .to = copy(b) });
		name_remove(&recorder->live, a, inode);
		name_set(&recorder->live, b, inode);
	}
	pthread_mutex_unlock(&recorder->lock);
	return ret;
}

/* A paced one shortens the file first: after a power cut any part of it may be left. */
static int rec_unlink(void *ctx, const char *path, bool paced)
{
	struct recorder *recorder = ctx;
	const char *name = relative(recorder, path);
	struct stat st = { .st_size = 0 };
	int ret;

	pthread_mutex_lock(&recorder->lock);
	if (paced && stat(path, &st) != 0)
		paced = false;
	ret = flat_files_system.unlink(NULL, path, paced);
	if (ret == 0) {
		uint32_t inode = name_find(&recorder->live, name)->inode;

		if (paced)
			push(recorder, (struct event){ .kind = TRUNCATE, .inode = inode,
						       .size = (uint64_t)st.st_size / 2 });
		push(recorder, (struct event){ .kind = UNLINK, .inode = inode, .path = copy(name) });
		name_remove(&recorder->live, name, inode);
	}
	pthread_mutex_unlock(&recorder->lock);
	return ret;
}

static int rec_mkdir(void *ctx, const char *path, mode_t mode)
{
	struct recorder *recorder = ctx;
	const char *name = relative(recorder, path);
	int ret;

	pthread_mutex_lock(&recorder->lock);
	ret = flat_files_system.mkdir(NULL, path, mode);
	/* The root itself stands on firm ground: making it durable is the creator's first act. */
	if (ret == 0 && name != NULL && name[0] != '\0') {
		push(recorder, (struct event){ .kind = MKDIR, .path = copy(name) });
		name_set(&recorder->live, name, 0);
	}
	pthread_mutex_unlock(&recorder->lock);
	return ret;
}

static int rec_rmdir(void *ctx, const char *path)
{
	struct recorder *recorder = ctx;
	const char *name = relative(recorder, path);
	int ret;

	pthread_mutex_lock(&recorder->lock);
	ret = flat_files_system.rmdir(NULL, path);
	if (ret == 0) {
		push(recorder, (struct event){ .kind = RMDIR, .path = copy(name) });
		name_remove(&recorder->live, name, 0);
	}
	pthread_mutex_unlock(&recorder->lock);
	return ret;
}

static int rec_sync_dir(void *ctx, const char *path)
{
	struct recorder *recorder = ctx;
	const char *name = relative(recorder, path);

	pthread_mutex_lock(&recorder->lock);
	if (name != NULL)
		push(recorder, (struct event){ .kind = SYNC_DIR, .path = copy(name),
					       .begun = recorder->count });
	pthread_mutex_unlock(&recorder->lock);
	return 0;
}

struct recorder *recorder_new(const char *root)
{
	struct recorder *recorder = tally_calloc(1, sizeof(*recorder));

	recorder->files = (struct flat_files){
		.ctx = recorder,
		.open = rec_open,
		.close = rec_close,
		.size = rec_size,
		.read = rec_read,
		.write = rec_write,
		.sync = rec_sync,
		.truncate = rec_truncate,
		.zero = rec_zero,
		.rename = rec_rename,
		.unlink = rec_unlink,
		.mkdir = rec_mkdir,
		.rmdir = rec_rmdir,
		.sync_dir = rec_sync_dir,
	};
	recorder->root = tally_strdup(root);
	pthread_mutex_init(&recorder->lock, NULL);
	return recorder;
}

void recorder_free(struct recorder *recorder)
{
	for (size_t i = recorder->borrowed; i < recorder->count; i++) {
		free(recorder->events[i].data);
		free(recorder->events[i].path);
		free(recorder->events[i].to);
	}
	free(recorder->events);
	names_free(&recorder->live);
	pthread_mutex_destroy(&recorder->lock);
	free(recorder->root);
	free(recorder);
}

const struct flat_files *recorder_files(struct recorder *recorder)
{
	return &recorder->files;
}

size_t recorder_position(struct recorder *recorder)
{
	size_t position;

	pthread_mutex_lock(&recorder->lock);
	position = recorder->count;
	pthread_mutex_unlock(&recorder->lock);
	return position;
}

/* ---- what survives ---- */

struct cutting {
	const struct recorder *recorder;
	size_t position;
	enum record_cut cut;
	uint64_t *random;
	size_t instant;			/* CUT_ORDERED: all before survives */
	size_t *durable;		/* by inode: events before this are */
};

/* Events of this directory before this one are durable. */
static size_t dir_durable(const struct cutting *cutting, const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t size = slash != NULL ? (size_t)(slash - path) : 0, durable = 0;

	for (size_t i = 0; i < cutting->position; i++) {
		const struct event *event = &cutting->recorder->events[i];

		if (event->kind == SYNC_DIR && strlen(event->path) == size &&
		    strncmp(event->path, path, size) == 0)
			durable = event->begun;
	}
	return durable;
}

static bool survives(const struct cutting *cutting, size_t event, size_t durable)
{
	if (event < durable)
		return true;
	switch (cutting->cut) {
	case CUT_KEEP_ALL:
		return true;
	case CUT_ORDERED:
		return event < cutting->instant;
	case CUT_CHANCE:
		return random_below(cutting->random, 2) == 0;
	default:
		return false;
	}
}

static void names_apply(struct names *names, const struct event *event)
{
	switch (event->kind) {
	case CREATE:
		name_set(names, event->path, event->inode);
		break;
	case MKDIR:
		name_set(names, event->path, 0);
		break;
	case RENAME:
		name_remove(names, event->path, event->inode);
		name_set(names, event->to, event->inode);
		break;
	case UNLINK:
	case RMDIR:
		name_remove(names, event->path, event->inode);
		break;
	default:
		break;
	}
}

static void names_cut(const struct cutting *cutting, struct names *names)
{
	for (size_t i = 0; i < cutting->position; i++) {
		const struct event *event = &cutting->recorder->events[i];

		if (event->path != NULL && event->kind != SYNC_DIR &&
		    survives(cutting, i, dir_durable(cutting, event->path)))
			names_apply(names, event);
	}
}

struct content {
	uint8_t *data;
	uint64_t size;
};

static void content_grow(struct content *content, uint64_t size)
{
	if (size <= content->size)
		return;
	content->data = tally_realloc(content->data, size);
	memset(content->data + content->size, 0, size - content->size);
	content->size = size;
}

/* Bytes from..to of a write (counted in the file). */
static void content_write(struct content *content, const struct event *event, uint64_t from,
			  uint64_t to)
{
	content_grow(content, to);
	if (event->kind == ZERO)
		memset(content->data + from, 0, to - from);
	else
		memcpy(content->data + from, event->data + (from - event->offset), to - from);
}

/* Some of the sectors of a write. */
static void content_tear(const struct cutting *cutting, struct content *content,
			 const struct event *event)
{
	uint64_t end = event->offset + event->size, next;

	for (uint64_t at = event->offset; at < end; at = next) {
		next = (at / SECTOR + 1) * SECTOR;
		next = next < end ? next : end;
		if (random_below(cutting->random, 2) == 0)
			content_write(content, event, at, next);
	}
}

static void content_apply(const struct cutting *cutting, struct content *content, size_t number)
{
	const struct event *event = &cutting->recorder->events[number];
	bool durable = number < cutting->durable[event->inode];
	uint64_t end = event->offset + event->size;

	/* A hole or an overwriting with zeros does not make the file longer. */
	if (event->kind == ZERO && end > content->size)
		end = content->size;
	if (event->kind == TRUNCATE && survives(cutting, number, cutting->durable[event->inode])) {
		content_grow(content, event->size);
		content->size = event->size;
	} else if (event->kind == WRITE || (event->kind == ZERO && event->offset < end)) {
		if (!durable && cutting->cut == CUT_CHANCE && random_below(cutting->random, 3) == 0 &&
		    event->kind == WRITE)
			content_tear(cutting, content, event);
		else if (survives(cutting, number, cutting->durable[event->inode]))
			content_write(content, event, event->offset, end);
	}
}

static void contents_cut(const struct cutting *cutting, struct content *contents)
{
	for (size_t i = 0; i < cutting->position; i++) {
		const struct event *event = &cutting->recorder->events[i];

		if (event->inode != 0)
			content_apply(cutting, &contents[event->inode], i);
	}
}

/* ---- images ---- */

static int name_compare(const void *a, const void *b)
{
	return strcmp(((const struct name *)a)->path, ((const struct name *)b)->path);
}

static void write_file(const char *path, const struct content *content)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	/* Below a directory that was lost there is nothing. */
	if (fd < 0 && errno == ENOENT)
		return;
	if (fd < 0 || (content->size > 0 &&
		       write(fd, content->data, content->size) != (ssize_t)content->size))
		die("write", path);
	close(fd);
}

static void image_write(struct names *names, const struct content *contents, const char *directory)
{
	char path[4096];

	if (mkdir(directory, 0700) < 0)
		die("mkdir", directory);
	/* In this order a directory comes before what is in it. */
	qsort(names->names, names->count, sizeof(*names->names), name_compare);
	for (size_t i = 0; i < names->count; i++) {
		const struct name *name = &names->names[i];

		snprintf(path, sizeof(path), "%s/%s", directory, name->path);
		if (name->inode != 0)
			write_file(path, &contents[name->inode]);
		else if (mkdir(path, 0700) < 0 && errno != ENOENT)
			die("mkdir", path);
	}
}

void recorder_image(struct recorder *recorder, size_t position, enum record_cut cut,
		    uint64_t *random, const char *directory)
{
	struct cutting cutting = {
		.recorder = recorder,
		.position = position,
		.cut = cut,
		.random = random,
		.instant = position > 0 ? position - random_below(random, position < 40 ? position
								  : 40) : 0,
		.durable = tally_calloc(recorder->inodes + 1, sizeof(size_t)),
	};
	struct content *contents = tally_calloc(recorder->inodes + 1, sizeof(*contents));
	struct names names = { 0 };

	for (size_t i = 0; i < position; i++) {
		const struct event *event = &recorder->events[i];

		if (event->kind == SYNC)
			cutting.durable[event->inode] = event->begun;
	}
	contents_cut(&cutting, contents);
	names_cut(&cutting, &names);
	directory_remove(directory);
	image_write(&names, contents, directory);
	for (uint32_t i = 0; i <= recorder->inodes; i++)
		free(contents[i].data);
	free(contents);
	free(cutting.durable);
	names_free(&names);
}

struct recorder *recorder_resume(struct recorder *old, size_t position, const char *directory)
{
	struct recorder *recorder = recorder_new(directory);

	for (size_t i = 0; i < position; i++) {
		push(recorder, old->events[i]);
		if (old->events[i].path != NULL && old->events[i].kind != SYNC_DIR)
			names_apply(&recorder->live, &old->events[i]);
	}
	recorder->borrowed = position;
	recorder->inodes = old->inodes;
	return recorder;
}

void directory_remove(const char *directory)
{
	DIR *dir = opendir(directory);
	struct dirent *entry;
	char path[4096];

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
		if (unlink(path) < 0)
			directory_remove(path);
	}
	if (dir != NULL)
		closedir(dir);
	rmdir(directory);
}
