/* See record.h. Nothing here may call what it replaces: it goes to the kernel. */
#define _GNU_SOURCE 1		/* and nothing of config.h: names are taken as they stand */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "record.h"

#define HANDLES 4096
#define PATH_ROOM 512

struct handle {
	uint32_t number;		/* 0: not one of ours */
	bool append;
	dev_t dev;
	ino_t ino;
};

static struct {
	pthread_mutex_t lock;
	bool on;
	char root[PATH_ROOM];
	size_t root_size;
	int trace_fd;
	uint64_t operations, die_at;
	uint32_t last_handle;
	struct handle handles[HANDLES];
} record = { .lock = PTHREAD_MUTEX_INITIALIZER };

void record_begin(const char *directory, int trace_fd, uint64_t die_at)
{
	snprintf(record.root, sizeof(record.root), "%s", directory);
	record.root_size = strlen(record.root);
	record.trace_fd = trace_fd;
	record.die_at = die_at;
	record.on = true;
}

static void emit(const struct trace_event *event, const void *data, size_t size)
{
	struct iovec iov[2] = { { (void *)(uintptr_t)event, sizeof(*event) },
				{ (void *)(uintptr_t)data, size } };

	if (syscall(SYS_writev, record.trace_fd, iov, 2) != (long)(sizeof(*event) + size))
		abort();
}

void record_note(const void *data, size_t size)
{
	const struct trace_event event = { .kind = TRACE_NOTE, .size = size };

	pthread_mutex_lock(&record.lock);
	emit(&event, data, size);
	pthread_mutex_unlock(&record.lock);
}

/* Before each operation that changes something; holds the lock until leave. */
static void enter(void)
{
	pthread_mutex_lock(&record.lock);
	if (++record.operations == record.die_at)
		syscall(SYS_kill, getpid(), SIGKILL);
}

static void leave(void)
{
	pthread_mutex_unlock(&record.lock);
}

/* ---- what is ours ---- */

/* The path below the root ("" for itself), or NULL. In room: whole, without "//", "." and "..". */
static const char *below(int dir, const char *path, char room[PATH_ROOM])
{
	size_t at = 0;

	if (!record.on)
		return NULL;
	if (path[0] != '/') {
		/* Not from our table: opendir opens without asking us. */
		char link[32];
		long size;

		snprintf(link, sizeof(link), dir == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/%d", dir);
		size = syscall(SYS_readlinkat, AT_FDCWD, link, room, PATH_ROOM - 2);
		if (size < 0)
			return NULL;
		at = (size_t)size;
		room[at++] = '/';
	}
	while (*path != '\0') {
		size_t part = strcspn(path, "/");

		if (part == 2 && path[0] == '.' && path[1] == '.') {
			while (at > 1 && room[--at - 1] != '/')
				;
		} else if (part > 0 && !(part == 1 && path[0] == '.')) {
			if (at + part + 1 >= PATH_ROOM)
				return NULL;
			memcpy(room + at, path, part);
			at += part;
			room[at++] = '/';
		} else if (at == 0) {
			room[at++] = '/';
		}
		path += part + (path[part] == '/');
	}
	while (at > 1 && room[at - 1] == '/')
		at--;
	room[at] = '\0';
	if (strncmp(room, record.root, record.root_size) != 0)
		return NULL;
	if (room[record.root_size] == '\0')
		return room + record.root_size;
	return room[record.root_size] == '/' ? room + record.root_size + 1 : NULL;
}

/* The handle of a descriptor, if it still is the file it was opened as. */
static struct handle *handle_of(int fd)
{
	struct stat st;
	struct handle *handle;

	if (!record.on || fd < 0 || fd >= HANDLES)
		return NULL;
	handle = &record.handles[fd];
	if (handle->number == 0)
		return NULL;
	if (fstat(fd, &st) == 0 && st.st_dev == handle->dev && st.st_ino == handle->ino)
		return handle;
	handle->number = 0;
	return NULL;
}

static void note_open(int fd, const char *relative, int flags, bool existed)
{
	struct trace_event event = { .kind = TRACE_OPEN, .created = !existed };
	struct handle *handle = &record.handles[fd];
	struct stat st;

	if (fd >= HANDLES || fstat(fd, &st) != 0)
		abort();
	handle->number = ++record.last_handle;
	handle->append = (flags & O_APPEND) != 0;
	handle->dev = st.st_dev;
	handle->ino = st.st_ino;
	event.handle = handle->number;
	event.size = strlen(relative);
	emit(&event, relative, event.size);
	if (existed && (flags & O_TRUNC)) {
		const struct trace_event cut = { .kind = TRACE_SIZE, .handle = handle->number };

		emit(&cut, NULL, 0);
	}
}

static int do_open(int dir, const char *path, int flags, mode_t mode)
{
	char room[PATH_ROOM];
	const char *relative;
	bool existed;
	int fd;

	if (!record.on)
		return (int)syscall(SYS_openat, dir, path, flags, mode);
	enter();
	relative = below(dir, path, room);
	existed = relative == NULL || syscall(SYS_faccessat, dir, path, F_OK) == 0;
	fd = (int)syscall(SYS_openat, dir, path, flags, mode);
	if (fd >= 0 && fd < HANDLES)
		record.handles[fd].number = 0;
	if (fd >= 0 && relative != NULL)
		note_open(fd, relative, flags, existed);
	leave();
	return fd;
}

static mode_t mode_of(int flags, va_list args)
{
	return flags & (O_CREAT | O_TMPFILE) ? (mode_t)va_arg(args, int) : 0;
}

#define OPEN_BODY(dir) do { \
	va_list args; \
	mode_t mode; \
	va_start(args, flags); \
	mode = mode_of(flags, args); \
	va_end(args); \
	return do_open(dir, path, flags, mode); \
} while (0)

int open(const char *path, int flags, ...)
{
	OPEN_BODY(AT_FDCWD);
}

int open64(const char *path, int flags, ...)
{
	OPEN_BODY(AT_FDCWD);
}

int openat(int dir, const char *path, int flags, ...)
{
	OPEN_BODY(dir);
}

int openat64(int dir, const char *path, int flags, ...)
{
	OPEN_BODY(dir);
}

int close(int fd)
{
	int ret;

	if (!record.on)
		return (int)syscall(SYS_close, fd);
	pthread_mutex_lock(&record.lock);
	if (fd >= 0 && fd < HANDLES)
		record.handles[fd].number = 0;
	ret = (int)syscall(SYS_close, fd);
	leave();
	return ret;
}

/* ---- writing ---- */

/* Reads back what was written: the same for every way of writing. */
static void note_write(const struct handle *handle, off_t offset, const struct iovec *iov,
		       int count, ssize_t written)
{
	struct trace_event event = { .kind = TRACE_WRITE, .handle = handle->number };

	for (int i = 0; i < count && written > 0; i++) {
		event.offset = (uint64_t)offset;
		event.size = iov[i].iov_len < (size_t)written ? iov[i].iov_len : (size_t)written;
		if (event.size > 0)
			emit(&event, iov[i].iov_base, event.size);
		offset += (off_t)event.size;
		written -= (ssize_t)event.size;
	}
}

static ssize_t do_pwritev(int fd, const struct iovec *iov, int count, off_t offset)
{
	struct handle *handle;
	ssize_t written;

	if (!record.on)
		return syscall(SYS_pwritev, fd, iov, count, offset, 0);
	enter();
	handle = handle_of(fd);
	written = syscall(SYS_pwritev, fd, iov, count, offset, 0);
	if (handle != NULL)
		note_write(handle, offset, iov, count, written);
	leave();
	return written;
}

/* At the descriptor's own place. */
static ssize_t do_writev(int fd, const struct iovec *iov, int count)
{
	struct handle *handle;
	struct stat st;
	ssize_t written;
	off_t offset;

	if (!record.on)
		return syscall(SYS_writev, fd, iov, count);
	enter();
	handle = handle_of(fd);
	offset = handle == NULL ? 0 : syscall(SYS_lseek, fd, 0, SEEK_CUR);
	if (handle != NULL && handle->append && fstat(fd, &st) == 0)
		offset = st.st_size;
	written = syscall(SYS_writev, fd, iov, count);
	if (handle != NULL)
		note_write(handle, offset, iov, count, written);
	leave();
	return written;
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset)
{
	const struct iovec iov = { (void *)(uintptr_t)data, size };

	return do_pwritev(fd, &iov, 1, offset);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset)
{
	const struct iovec iov = { (void *)(uintptr_t)data, size };

	return do_pwritev(fd, &iov, 1, offset);
}

ssize_t pwritev(int fd, const struct iovec *iov, int count, off_t offset)
{
	return do_pwritev(fd, iov, count, offset);
}

ssize_t pwritev64(int fd, const struct iovec *iov, int count, off64_t offset)
{
	return do_pwritev(fd, iov, count, offset);
}

ssize_t write(int fd, const void *data, size_t size)
{
	const struct iovec iov = { (void *)(uintptr_t)data, size };

	return do_writev(fd, &iov, 1);
}

ssize_t writev(int fd, const struct iovec *iov, int count)
{
	return do_writev(fd, iov, count);
}

static int do_truncate(int fd, off_t size)
{
	struct handle *handle;
	int ret;

	if (!record.on)
		return (int)syscall(SYS_ftruncate, fd, size);
	enter();
	handle = handle_of(fd);
	ret = (int)syscall(SYS_ftruncate, fd, size);
	if (ret == 0 && handle != NULL) {
		const struct trace_event event = { .kind = TRACE_SIZE, .handle = handle->number,
						   .offset = (uint64_t)size };

		emit(&event, NULL, 0);
	}
	leave();
	return ret;
}

int ftruncate(int fd, off_t size)
{
	return do_truncate(fd, size);
}

int ftruncate64(int fd, off64_t size)
{
	return do_truncate(fd, size);
}

/* A hole, or room, is written down as the zeros that it reads as. */
static int do_fallocate(int fd, int mode, off_t offset, off_t size)
{
	static const uint8_t zeros[65536];
	struct handle *handle;
	struct stat st;
	int ret;

	if (!record.on)
		return (int)syscall(SYS_fallocate, fd, mode, offset, size);
	enter();
	handle = handle_of(fd);
	ret = (int)syscall(SYS_fallocate, fd, mode, offset, size);
	if (ret == 0 && handle != NULL && mode == 0 && fstat(fd, &st) == 0) {
		const struct trace_event event = { .kind = TRACE_SIZE, .handle = handle->number,
						   .offset = (uint64_t)st.st_size };

		emit(&event, NULL, 0);
	} else if (ret == 0 && handle != NULL && mode != FALLOC_FL_KEEP_SIZE &&
		   fstat(fd, &st) == 0) {
		if (offset + size > st.st_size)
			size = offset < st.st_size ? st.st_size - offset : 0;
		for (off_t done = 0; done < size; done += (off_t)sizeof(zeros)) {
			off_t n = size - done < (off_t)sizeof(zeros) ? size - done : (off_t)sizeof(zeros);
			const struct iovec iov = { (void *)(uintptr_t)zeros, (size_t)n };

			note_write(handle, offset + done, &iov, 1, n);
		}
	}
	leave();
	return ret;
}

int fallocate(int fd, int mode, off_t offset, off_t size)
{
	return do_fallocate(fd, mode, offset, size);
}

int fallocate64(int fd, int mode, off64_t offset, off64_t size)
{
	return do_fallocate(fd, mode, offset, size);
}

int posix_fallocate(int fd, off_t offset, off_t size)
{
	return do_fallocate(fd, 0, offset, size) == 0 ? 0 : errno;
}

int posix_fallocate64(int fd, off64_t offset, off64_t size)
{
	return do_fallocate(fd, 0, offset, size) == 0 ? 0 : errno;
}

/* ---- syncing ---- */

static int do_sync(long call, int fd)
{
	struct handle *handle;

	if (!record.on)
		return (int)syscall(call, fd);
	enter();
	handle = handle_of(fd);
	/* The medium of this test is the trace; waiting for the real one would show nothing. */
	if (handle != NULL) {
		const struct trace_event event = { .kind = TRACE_SYNC, .handle = handle->number };

		emit(&event, NULL, 0);
	}
	leave();
	return handle != NULL ? 0 : (int)syscall(call, fd);
}

int fsync(int fd)
{
	return do_sync(SYS_fsync, fd);
}

int fdatasync(int fd)
{
	return do_sync(SYS_fdatasync, fd);
}

/* ---- names ---- */

static void note_name(enum trace_kind kind, const char *first, const char *second)
{
	struct trace_event event = { .kind = kind };
	char both[2 * PATH_ROOM];

	event.size = (uint64_t)snprintf(both, sizeof(both), "%s", first);
	if (second != NULL)
		event.size += 1 + (uint64_t)snprintf(both + event.size + 1,
						     sizeof(both) - event.size - 1, "%s", second);
	emit(&event, both, event.size);
}

static int do_rename(int old_dir, const char *old, int new_dir, const char *fresh)
{
	char old_room[PATH_ROOM], new_room[PATH_ROOM];
	const char *from, *to;
	int ret;

	if (!record.on)
		return (int)syscall(SYS_renameat, old_dir, old, new_dir, fresh);
	enter();
	from = below(old_dir, old, old_room);
	to = below(new_dir, fresh, new_room);
	ret = (int)syscall(SYS_renameat, old_dir, old, new_dir, fresh);
	if (ret == 0 && from != NULL && to != NULL)
		note_name(TRACE_RENAME, from, to);
	leave();
	return ret;
}

int rename(const char *old, const char *fresh)
{
	return do_rename(AT_FDCWD, old, AT_FDCWD, fresh);
}

int renameat(int old_dir, const char *old, int new_dir, const char *fresh)
{
	return do_rename(old_dir, old, new_dir, fresh);
}

static int do_unlink(int dir, const char *path, int flags)
{
	char room[PATH_ROOM];
	const char *relative;
	int ret;

	if (!record.on)
		return (int)syscall(SYS_unlinkat, dir, path, flags);
	enter();
	relative = below(dir, path, room);
	ret = (int)syscall(SYS_unlinkat, dir, path, flags);
	if (ret == 0 && relative != NULL)
		note_name(TRACE_UNLINK, relative, NULL);
	leave();
	return ret;
}

int unlink(const char *path)
{
	return do_unlink(AT_FDCWD, path, 0);
}

int unlinkat(int dir, const char *path, int flags)
{
	return do_unlink(dir, path, flags);
}

static int do_mkdir(int dir, const char *path, mode_t mode)
{
	char room[PATH_ROOM];
	const char *relative;
	int ret;

	if (!record.on)
		return (int)syscall(SYS_mkdirat, dir, path, mode);
	enter();
	relative = below(dir, path, room);
	ret = (int)syscall(SYS_mkdirat, dir, path, mode);
	if (ret == 0 && relative != NULL)
		note_name(TRACE_MKDIR, relative, NULL);
	leave();
	return ret;
}

int mkdir(const char *path, mode_t mode)
{
	return do_mkdir(AT_FDCWD, path, mode);
}

int mkdirat(int dir, const char *path, mode_t mode)
{
	return do_mkdir(dir, path, mode);
}
