/* See medium.h. */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crash.h"
#include "medium.h"

#define PAGE 4096

/* A change of a file that is not synced. */
struct change {
	bool resize;			/* to offset; else bytes at offset */
	uint64_t offset;
	struct tally_buf bytes;
};

struct file {
	bool directory;
	uint8_t *data;			/* durable */
	uint64_t size;
	struct change *changes;
	size_t change_count;
	struct file *next;		/* of all files, for the end */
};

struct name {
	char *path;
	struct file *file;
};

struct names {
	struct name *list;
	size_t count;
};

enum name_kind { NAME_SET, NAME_MOVE, NAME_GONE };

/* A change of names that is not synced. */
struct renaming {
	enum name_kind kind;
	char *path, *target;
	struct file *file;
};

struct medium {
	struct file *files;
	struct names now, durable;
	struct renaming *pending;
	size_t pending_count;
	struct file **handles;		/* by number */
	char **handle_paths;
	size_t handle_count;
};

/* ---- names ---- */

static struct name *name_find(struct names *names, const char *path)
{
	for (size_t i = 0; i < names->count; i++) {
		if (strcmp(names->list[i].path, path) == 0)
			return &names->list[i];
	}
	return NULL;
}

static void name_remove(struct names *names, const char *path)
{
	struct name *name = name_find(names, path);

	if (name == NULL)
		return;
	free(name->path);
	*name = names->list[--names->count];
}

static void name_set(struct names *names, const char *path, struct file *file)
{
	struct name *name = name_find(names, path);

	if (name == NULL) {
		names->list = tally_realloc(names->list, (names->count + 1) * sizeof(*names->list));
		name = &names->list[names->count++];
		name->path = tally_strdup(path);
	}
	name->file = file;
}

static void names_free(struct names *names)
{
	while (names->count > 0)
		free(names->list[--names->count].path);
	free(names->list);
	*names = (struct names){ NULL, 0 };
}

static void names_change(struct names *names, const struct renaming *change)
{
	if (change->kind == NAME_SET) {
		name_set(names, change->path, change->file);
	} else {
		if (change->kind == NAME_MOVE)
			name_set(names, change->target, change->file);
		name_remove(names, change->path);
	}
}

static void rename_later(struct medium *medium, enum name_kind kind, const char *path,
			 const char *target, struct file *file)
{
	struct renaming *change;

	medium->pending = tally_realloc(medium->pending,
					(medium->pending_count + 1) * sizeof(*medium->pending));
	change = &medium->pending[medium->pending_count++];
	*change = (struct renaming){ kind, tally_strdup(path),
				     target != NULL ? tally_strdup(target) : NULL, file };
	names_change(&medium->now, change);
}

static void renaming_free(struct renaming *change)
{
	free(change->path);
	free(change->target);
}

static bool lies_in(const char *path, const char *directory)
{
	const char *slash = strrchr(path, '/');
	size_t size = slash != NULL ? (size_t)(slash - path) : 0;

	return strlen(directory) == size && strncmp(path, directory, size) == 0;
}

static void sync_names(struct medium *medium, const char *directory)
{
	size_t left = 0;

	for (size_t i = 0; i < medium->pending_count; i++) {
		struct renaming *change = &medium->pending[i];

		if (lies_in(change->path, directory)) {
			names_change(&medium->durable, change);
			renaming_free(change);
		} else {
			medium->pending[left++] = *change;
		}
	}
	medium->pending_count = left;
}

/* ---- files ---- */

static struct file *file_new(struct medium *medium, bool directory)
{
	struct file *file = tally_calloc(1, sizeof(*file));

	file->directory = directory;
	file->next = medium->files;
	medium->files = file;
	return file;
}

static void change_later(struct file *file, bool resize, uint64_t offset, const uint8_t *data,
			 size_t size)
{
	struct change *change;

	file->changes = tally_realloc(file->changes,
				      (file->change_count + 1) * sizeof(*file->changes));
	change = &file->changes[file->change_count++];
	*change = (struct change){ .resize = resize, .offset = offset };
	if (size > 0)
		tally_buf_add(&change->bytes, data, size);
}

static uint64_t size_after(const struct file *file, size_t changes)
{
	uint64_t size = file->size;

	for (size_t i = 0; i < changes; i++) {
		const struct change *change = &file->changes[i];

		if (change->resize)
			size = change->offset;
		else if (change->offset + change->bytes.size > size)
			size = change->offset + change->bytes.size;
	}
	return size;
}

/* Does what one change does to the bytes at .. at + room. */
static void change_window(const struct change *change, uint64_t at, uint8_t *window, size_t room)
{
	uint64_t low = change->offset, high = low + change->bytes.size;

	if (change->resize) {
		if (low < at)
			low = at;
		if (low < at + room)
			memset(window + (low - at), 0, at + room - low);
		return;
	}
	if (low < at)
		low = at;
	if (high > at + room)
		high = at + room;
	if (low < high)
		memcpy(window + (low - at), change->bytes.data + (low - change->offset), high - low);
}

static void sync_file(struct file *file)
{
	uint64_t size = size_after(file, file->change_count), room = size;

	for (size_t i = 0; i <= file->change_count; i++) {
		if (size_after(file, i) > room)
			room = size_after(file, i);
	}
	file->data = tally_realloc(file->data, room + 1);
	if (room > file->size)
		memset(file->data + file->size, 0, room - file->size);
	for (size_t i = 0; i < file->change_count; i++) {
		change_window(&file->changes[i], 0, file->data, room);
		tally_buf_free(&file->changes[i].bytes);
	}
	file->size = size;
	file->change_count = 0;
}

/* ---- replaying ---- */

static void impossible(const char *what, const char *path)
{
	fprintf(stderr, "medium: %s %s\n", what, path);
	exit(1);
}

static void replay_open(struct medium *medium, const struct trace_event *event, const char *path)
{
	struct name *name = name_find(&medium->now, path);
	struct file *file = name != NULL ? name->file : NULL;

	if (file == NULL && path[0] == '\0') {
		file = file_new(medium, true);		/* the directory itself is always there */
		name_set(&medium->now, path, file);
		name_set(&medium->durable, path, file);
	} else if (file == NULL) {
		if (!event->created)
			impossible("opened, but never made:", path);
		file = file_new(medium, false);
		rename_later(medium, NAME_SET, path, NULL, file);
	}
	if (event->handle >= medium->handle_count) {
		size_t count = event->handle + 64;

		medium->handles = tally_realloc(medium->handles, count * sizeof(*medium->handles));
		medium->handle_paths = tally_realloc(medium->handle_paths,
						     count * sizeof(*medium->handle_paths));
		for (size_t i = medium->handle_count; i < count; i++)
			medium->handle_paths[i] = NULL;
		medium->handle_count = count;
	}
	medium->handles[event->handle] = file;
	medium->handle_paths[event->handle] = tally_strdup(path);
}

static void replay_rename(struct medium *medium, const char *path, const char *target)
{
	struct name *name = name_find(&medium->now, path);

	if (name == NULL)
		impossible("renamed, but never made:", path);
	rename_later(medium, NAME_MOVE, path, target, name->file);
}

void medium_replay(struct medium *medium, const struct trace_event *event, const uint8_t *data)
{
	struct file *file = event->handle > 0 && event->kind != TRACE_OPEN ?
		medium->handles[event->handle] : NULL;
	char *path = tally_malloc(event->size + 1);

	if (event->size > 0)
		memcpy(path, data, event->size);
	path[event->size] = '\0';
	switch ((enum trace_kind)event->kind) {
	case TRACE_OPEN:
		replay_open(medium, event, path);
		break;
	case TRACE_WRITE:
		change_later(file, false, event->offset, data, event->size);
		break;
	case TRACE_SIZE:
		change_later(file, true, event->offset, NULL, 0);
		break;
	case TRACE_SYNC:
		if (file->directory)
			sync_names(medium, medium->handle_paths[event->handle]);
		else
			sync_file(file);
		break;
	case TRACE_RENAME:
		replay_rename(medium, path, path + strlen(path) + 1);
		break;
	case TRACE_UNLINK:
		rename_later(medium, NAME_GONE, path, NULL, NULL);
		break;
	case TRACE_MKDIR:
		if (path[0] != '\0')
			rename_later(medium, NAME_SET, path, NULL, file_new(medium, true));
		break;
	case TRACE_NOTE:
		break;
	}
	free(path);
}

void medium_next_process(struct medium *medium)
{
	for (size_t i = 0; i < medium->handle_count; i++)
		free(medium->handle_paths[i]);
	free(medium->handles);
	free(medium->handle_paths);
	medium->handles = NULL;
	medium->handle_paths = NULL;
	medium->handle_count = 0;
}

/* ---- images ---- */

/* How many of the changes have reached the medium where nothing decides: 0 .. count. */
static size_t by_chance(size_t count, enum medium_cut cut, uint64_t *random)
{
	if (cut == CUT_NOTHING_UNSYNCED)
		return 0;
	return cut == CUT_ALL ? count : crash_below(random, count + 1);
}

static void image_page(const struct file *file, size_t changes, uint64_t at, uint8_t page[PAGE])
{
	memset(page, 0, PAGE);
	if (at < file->size)
		memcpy(page, file->data + at, file->size - at < PAGE ? file->size - at : PAGE);
	for (size_t i = 0; i < changes; i++)
		change_window(&file->changes[i], at, page, PAGE);
}

static void image_file(const struct file *file, enum medium_cut cut, uint64_t *random,
		       const char *path)
{
	size_t all = by_chance(file->change_count, cut, random), changes = all;
	uint64_t size = size_after(file, all);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	uint8_t page[PAGE];

	if (fd < 0 && errno == ENOENT)
		return;			/* the name of its directory was lost */
	if (fd < 0 || ftruncate(fd, (off_t)size) != 0)
		impossible(strerror(errno), path);
	for (uint64_t at = 0; at < size; at += PAGE) {
		size_t room = size - at < PAGE ? size - at : PAGE;

		if (cut == CUT_PAGES)
			changes = by_chance(file->change_count, cut, random);
		image_page(file, changes, at, page);
		if (pwrite(fd, page, room, (off_t)at) != (ssize_t)room)
			impossible(strerror(errno), path);
	}
	close(fd);
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct name *)a)->path, ((const struct name *)b)->path);
}

void medium_image(const struct medium *medium, enum medium_cut cut, uint64_t *random,
		  const char *directory)
{
	size_t count = by_chance(medium->pending_count, cut, random);
	struct names names = { NULL, 0 };
	char path[1200];

	for (size_t i = 0; i < medium->durable.count; i++)
		name_set(&names, medium->durable.list[i].path, medium->durable.list[i].file);
	for (size_t i = 0; i < count; i++)
		names_change(&names, &medium->pending[i]);
	/* Directories sort before what is in them. */
	if (names.count > 0)
		qsort(names.list, names.count, sizeof(*names.list), by_path);
	for (size_t i = 0; i < names.count; i++) {
		snprintf(path, sizeof(path), "%s/%s", directory, names.list[i].path);
		if (!names.list[i].file->directory)
			image_file(names.list[i].file, cut, random, path);
		else if (names.list[i].path[0] != '\0' && mkdir(path, 0700) != 0 && errno != ENOENT)
			impossible(strerror(errno), path);
	}
	names_free(&names);
}

/* ---- beginning and end ---- */

static void load_file(struct medium *medium, const char *path, const char *relative)
{
	struct file *file = file_new(medium, false);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0)
		impossible(strerror(errno), path);
	file->size = (uint64_t)st.st_size;
	file->data = tally_malloc(file->size + 1);
	if (read(fd, file->data, file->size) != (ssize_t)file->size)
		impossible("short read of", path);
	close(fd);
	name_set(&medium->now, relative, file);
	name_set(&medium->durable, relative, file);
}

static void load_below(struct medium *medium, const char *directory, const char *prefix)
{
	char path[1200], relative[600];
	struct dirent *entry;
	struct file *file;
	struct stat st;
	DIR *dir = opendir(directory);

	if (dir == NULL)
		impossible(strerror(errno), directory);
	while ((entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
		snprintf(relative, sizeof(relative), "%s%s%s", prefix, prefix[0] != '\0' ? "/" : "",
			 entry->d_name);
		if (stat(path, &st) != 0)
			impossible(strerror(errno), path);
		if (S_ISDIR(st.st_mode)) {
			file = file_new(medium, true);
			name_set(&medium->now, relative, file);
			name_set(&medium->durable, relative, file);
			load_below(medium, path, relative);
		} else {
			load_file(medium, path, relative);
		}
	}
	closedir(dir);
}

static void clear(struct medium *medium)
{
	struct file *file;

	medium_next_process(medium);
	names_free(&medium->now);
	names_free(&medium->durable);
	while (medium->pending_count > 0)
		renaming_free(&medium->pending[--medium->pending_count]);
	free(medium->pending);
	medium->pending = NULL;
	while ((file = medium->files) != NULL) {
		medium->files = file->next;
		for (size_t i = 0; i < file->change_count; i++)
			tally_buf_free(&file->changes[i].bytes);
		free(file->changes);
		free(file->data);
		free(file);
	}
}

struct medium *medium_new(void)
{
	return tally_calloc(1, sizeof(struct medium));
}

void medium_load(struct medium *medium, const char *directory)
{
	clear(medium);
	load_below(medium, directory, "");
}

void medium_free(struct medium *medium)
{
	clear(medium);
	free(medium);
}
