/*
 * The file operations of the flat-file driver: the system's own behind struct flat_files, and the
 * helpers that loop, name the file in errors, and keep the number of open files bounded.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arena.h"
#include "err.h"
#include "files.h"
#include "sync.h"

#define FILE_MODE 0600
#define DIR_MODE 0700
#define COPY_PIECE (1u << 20)

/* ---- the system's own ---- */

static int system_open(void *ctx, const char *path, int flags, mode_t mode)
{
	(void)ctx;
	return open(path, flags | O_CLOEXEC, mode);
}

static int system_close(void *ctx, int fd)
{
	(void)ctx;
	return close(fd);
}

static int system_size(void *ctx, int fd, uint64_t *size_r)
{
	struct stat st;

	(void)ctx;
	if (fstat(fd, &st) < 0)
		return -1;
	*size_r = (uint64_t)st.st_size;
	return 0;
}

static ssize_t system_read(void *ctx, int fd, void *data, size_t size, uint64_t offset)
{
	(void)ctx;
	return pread(fd, data, size, (off_t)offset);
}

static ssize_t system_write(void *ctx, int fd, const struct iovec *iov, int count, uint64_t offset)
{
	(void)ctx;
	return pwritev(fd, iov, count, (off_t)offset);
}

static int system_sync(void *ctx, int fd, bool paced)
{
	(void)ctx;
	return paced ? tally_sync_paced(fd) : fdatasync(fd);
}

static int system_truncate(void *ctx, int fd, uint64_t size)
{
	(void)ctx;
	return ftruncate(fd, (off_t)size);
}

static const uint8_t zeros[65536];

/* A hole gives the space back; a file system without holes gets zeros written. */
static int system_zero(void *ctx, int fd, uint64_t offset, uint64_t size)
{
	(void)ctx;
	if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset,
		      (off_t)size) == 0)
		return 0;
	if (errno != EOPNOTSUPP && errno != ENOSYS)
		return -1;
	while (size > 0) {
		ssize_t done = pwrite(fd, zeros, size < sizeof(zeros) ? size : sizeof(zeros),
				      (off_t)offset);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -1;
		offset += (uint64_t)done;
		size -= (uint64_t)done;
	}
	return 0;
}

static int system_rename(void *ctx, const char *from, const char *to)
{
	(void)ctx;
	return rename(from, to);
}

static int system_unlink(void *ctx, const char *path, bool paced)
{
	(void)ctx;
	return paced ? tally_unlink_paced(path) : unlink(path);
}

static int system_mkdir(void *ctx, const char *path, mode_t mode)
{
	(void)ctx;
	return mkdir(path, mode);
}

static int system_rmdir(void *ctx, const char *path)
{
	(void)ctx;
	return rmdir(path);
}

static int system_sync_dir(void *ctx, const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int ret, saved;

	(void)ctx;
	if (fd < 0)
		return -1;
	ret = fsync(fd);
	saved = errno;
	close(fd);
	errno = saved;
	return ret;
}

const struct flat_files flat_files_system = {
	.open = system_open,
	.close = system_close,
	.size = system_size,
	.read = system_read,
	.write = system_write,
	.sync = system_sync,
	.truncate = system_truncate,
	.zero = system_zero,
	.rename = system_rename,
	.unlink = system_unlink,
	.mkdir = system_mkdir,
	.rmdir = system_rmdir,
	.sync_dir = system_sync_dir,
};

static const struct flat_files *files_used = &flat_files_system;

void flat_files_use(const struct flat_files *files)
{
	files_used = files != NULL ? files : &flat_files_system;
}

const struct flat_files *flat_files_used(void)
{
	return files_used;
}

/* ---- a store's medium ---- */

void flat_disk_init(struct flat_disk *disk, const char *dir, unsigned int open_max)
{
	memset(disk, 0, sizeof(*disk));
	disk->files = files_used;
	disk->dir = tally_strdup(dir);
	disk->open_max = open_max;
	atomic_init(&disk->dead, false);
	atomic_init(&disk->syncs, 0);
	pthread_mutex_init(&disk->lock, NULL);
}

void flat_disk_free(struct flat_disk *disk)
{
	pthread_mutex_destroy(&disk->lock);
	free(disk->dir);
}

int flat_disk_alive(struct flat_disk *disk, const char *what, struct tally_err *err)
{
	if (!atomic_load(&disk->dead))
		return 0;
	return tally_err_set(err, TALLY_UNCERTAIN,
			     "%s: an earlier sync of %s failed; open the store anew", what, disk->dir);
}

char *flat_path(const struct flat_disk *disk, const char *format, ...)
{
	struct tally_buf buf = { 0 };
	char tail[128];
	va_list args;

	va_start(args, format);
	vsnprintf(tail, sizeof(tail), format, args);
	va_end(args);
	tally_buf_printf(&buf, "%s/%s", disk->dir, tail);
	tally_buf_add_u8(&buf, '\0');
	return (char *)buf.data;
}

int flat_open(struct flat_disk *disk, const char *path, int flags, struct tally_err *err)
{
	int fd = disk->files->open(disk->files->ctx, path, flags, FILE_MODE);

	if (fd < 0)
		return tally_err_errno(err, "open %s", path);
	return fd;
}

void flat_close(struct flat_disk *disk, int fd)
{
	if (fd >= 0)
		disk->files->close(disk->files->ctx, fd);
}

int flat_size(struct flat_disk *disk, int fd, const char *path, uint64_t *size_r,
	      struct tally_err *err)
{
	if (disk->files->size(disk->files->ctx, fd, size_r) < 0)
		return tally_err_errno(err, "stat %s", path);
	return 0;
}

int flat_read_some(struct flat_disk *disk, int fd, const char *path, void *data, size_t size,
		   uint64_t offset, size_t *got_r, struct tally_err *err)
{
	size_t got = 0;

	while (got < size) {
		ssize_t done = disk->files->read(disk->files->ctx, fd, (uint8_t *)data + got,
						 size - got, offset + got);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return tally_err_errno(err, "read %s at offset %" PRIu64, path, offset + got);
		if (done == 0)
			break;
		got += (size_t)done;
	}
	*got_r = got;
	return 0;
}

int flat_read(struct flat_disk *disk, int fd, const char *path, void *data, size_t size,
	      uint64_t offset, struct tally_err *err)
{
	size_t got;

	if (flat_read_some(disk, fd, path, data, size, offset, &got, err) < 0)
		return -1;
	if (got < size)
		return tally_err_set(err, TALLY_CORRUPT, "%s ends at offset %" PRIu64
				     ", in the midst of what was stored", path, offset + got);
	return 0;
}

/* Skips what was written at the front of iov. */
static void iov_advance(struct iovec **iov, size_t *count, size_t done)
{
	while (*count > 0 && done >= (*iov)->iov_len) {
		done -= (*iov)->iov_len;
		(*iov)++;
		(*count)--;
	}
	if (done > 0) {
		(*iov)->iov_base = (uint8_t *)(*iov)->iov_base + done;
		(*iov)->iov_len -= done;
	}
}

int flat_writev(struct flat_disk *disk, int fd, const char *path, struct iovec *iov, size_t count,
		uint64_t offset, struct tally_err *err)
{
	while (count > 0) {
		int part = count < IOV_MAX ? (int)count : IOV_MAX;
		ssize_t done = disk->files->write(disk->files->ctx, fd, iov, part, offset);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return tally_err_errno(err, "write %s at offset %" PRIu64, path, offset);
		offset += (uint64_t)done;
		iov_advance(&iov, &count, (size_t)done);
	}
	return 0;
}

int flat_write(struct flat_disk *disk, int fd, const char *path, const void *data, size_t size,
	       uint64_t offset, struct tally_err *err)
{
	struct iovec iov = { .iov_base = (void *)(uintptr_t)data, .iov_len = size };

	return flat_writev(disk, fd, path, &iov, size > 0, offset, err);
}

static int sync_file(struct flat_disk *disk, int fd, bool paced, const char *path, struct tally_err *err)
{
	if (disk->files->sync(disk->files->ctx, fd, paced) < 0) {
		tally_err_errno(err, "sync %s", path);
		atomic_store(&disk->dead, true);
		return -1;
	}
	atomic_fetch_add(&disk->syncs, 1);
	return 0;
}

int flat_sync(struct flat_disk *disk, int fd, const char *path, struct tally_err *err)
{
	return sync_file(disk, fd, false, path, err);
}

int flat_sync_paced(struct flat_disk *disk, int fd, const char *path, struct tally_err *err)
{
	return sync_file(disk, fd, true, path, err);
}

int flat_sync_dir(struct flat_disk *disk, const char *path, struct tally_err *err)
{
	if (disk->files->sync_dir(disk->files->ctx, path) < 0) {
		tally_err_errno(err, "sync directory %s", path);
		atomic_store(&disk->dead, true);
		return -1;
	}
	atomic_fetch_add(&disk->syncs, 1);
	return 0;
}

int flat_truncate(struct flat_disk *disk, int fd, const char *path, uint64_t size,
		  struct tally_err *err)
{
	if (disk->files->truncate(disk->files->ctx, fd, size) < 0)
		return tally_err_errno(err, "truncate %s to %" PRIu64, path, size);
	return 0;
}

int flat_zero(struct flat_disk *disk, int fd, const char *path, uint64_t offset, uint64_t size,
	      struct tally_err *err)
{
	if (size > 0 && disk->files->zero(disk->files->ctx, fd, offset, size) < 0)
		return tally_err_errno(err, "zero %s at offset %" PRIu64, path, offset);
	return 0;
}

int flat_rename(struct flat_disk *disk, const char *from, const char *to, struct tally_err *err)
{
	if (disk->files->rename(disk->files->ctx, from, to) < 0)
		return tally_err_errno(err, "rename %s to %s", from, to);
	return 0;
}

static int unlink_file(struct flat_disk *disk, const char *path, bool paced, struct tally_err *err)
{
	if (disk->files->unlink(disk->files->ctx, path, paced) < 0 && errno != ENOENT)
		return tally_err_errno(err, "unlink %s", path);
	return 0;
}

int flat_unlink(struct flat_disk *disk, const char *path, struct tally_err *err)
{
	return unlink_file(disk, path, false, err);
}

int flat_unlink_paced(struct flat_disk *disk, const char *path, struct tally_err *err)
{
	return unlink_file(disk, path, true, err);
}

int flat_mkdir(struct flat_disk *disk, const char *path, struct tally_err *err)
{
	if (disk->files->mkdir(disk->files->ctx, path, DIR_MODE) < 0 && errno != EEXIST)
		return tally_err_errno(err, "create directory %s", path);
	return 0;
}

int flat_load(struct flat_disk *disk, const char *path, size_t max, struct tally_buf *buf,
	      struct tally_err *err)
{
	int fd = disk->files->open(disk->files->ctx, path, O_RDONLY, 0);
	uint64_t size;
	int ret = -1;

	buf->size = 0;
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return tally_err_errno(err, "open %s", path);
	if (flat_size(disk, fd, path, &size, err) < 0)
		goto out;
	if (size > max) {
		tally_err_set(err, TALLY_CORRUPT, "%s has %" PRIu64 " bytes, more than it can have",
			      path, size);
		goto out;
	}
	if (flat_read(disk, fd, path, tally_buf_reserve(buf, size + 1), size, 0, err) < 0)
		goto out;
	buf->size = size;
	ret = 1;
out:
	flat_close(disk, fd);
	return ret;
}

int flat_replace(struct flat_disk *disk, const char *path, struct tally_bytes data, bool sync,
		 struct tally_err *err)
{
	struct tally_buf beside = { 0 };
	const char *name;
	int fd, ret = -1;

	tally_buf_printf(&beside, "%s.new", path);
	tally_buf_add_u8(&beside, '\0');
	name = (const char *)beside.data;
	fd = flat_open(disk, name, O_WRONLY | O_CREAT | O_TRUNC, err);
	if (fd >= 0) {
		ret = flat_write(disk, fd, name, data.data, data.size, 0, err);
		if (ret == 0 && sync)
			ret = flat_sync(disk, fd, name, err);
		flat_close(disk, fd);
		if (ret == 0)
			ret = flat_rename(disk, name, path, err);
		if (ret < 0)
			disk->files->unlink(disk->files->ctx, name, false);
	}
	tally_buf_free(&beside);
	return ret;
}

static int copy_bytes(struct flat_disk *disk, int in, const char *from, int out, const char *to,
		      uint64_t size, struct tally_err *err)
{
	uint8_t *piece = tally_malloc(COPY_PIECE);
	uint64_t done = 0;
	size_t got = 1;
	int ret = 0;

	while (ret == 0 && done < size && got > 0) {
		size_t want = size - done < COPY_PIECE ? (size_t)(size - done) : COPY_PIECE;

		ret = flat_read_some(disk, in, from, piece, want, done, &got, err);
		if (ret == 0)
			ret = flat_write(disk, out, to, piece, got, done, err);
		done += got;
	}
	if (ret == 0 && size != UINT64_MAX && done < size)
		ret = tally_err_set(err, TALLY_CORRUPT, "%s ends at offset %" PRIu64
				    ", in the midst of what was stored", from, done);
	free(piece);
	return ret;
}

int flat_copy(struct flat_disk *disk, const char *from, const char *to, uint64_t size,
	      struct tally_err *err)
{
	int in = flat_open(disk, from, O_RDONLY, err);
	int out, ret = -1;

	if (in < 0)
		return -1;
	out = flat_open(disk, to, O_WRONLY | O_CREAT | O_TRUNC, err);
	if (out >= 0) {
		ret = copy_bytes(disk, in, from, out, to, size, err);
		/* A copy that cannot be synced says nothing about the store itself. */
		if (ret == 0 && disk->files->sync(disk->files->ctx, out, true) < 0)
			ret = tally_err_errno(err, "sync %s", to);
	}
	flat_close(disk, out);
	flat_close(disk, in);
	return ret;
}

/* ---- handles ---- */

void flat_handle_init(struct flat_handle *handle, char *path)
{
	*handle = (struct flat_handle){ .path = path, .fd = -1 };
}

static void list_take(struct flat_disk *disk, struct flat_handle *handle)
{
	if (handle->newer != NULL)
		handle->newer->older = handle->older;
	else
		disk->newest = handle->older;
	if (handle->older != NULL)
		handle->older->newer = handle->newer;
	else
		disk->oldest = handle->newer;
	handle->newer = handle->older = NULL;
}

static void list_put(struct flat_disk *disk, struct flat_handle *handle)
{
	handle->older = disk->newest;
	if (disk->newest != NULL)
		disk->newest->newer = handle;
	else
		disk->oldest = handle;
	disk->newest = handle;
}

static void handle_close(struct flat_disk *disk, struct flat_handle *handle)
{
	list_take(disk, handle);
	flat_close(disk, handle->fd);
	handle->fd = -1;
	disk->open_count--;
}

void flat_handle_free(struct flat_disk *disk, struct flat_handle *handle)
{
	pthread_mutex_lock(&disk->lock);
	if (handle->fd >= 0)
		handle_close(disk, handle);
	pthread_mutex_unlock(&disk->lock);
	free(handle->path);
	handle->path = NULL;
}

int flat_handle_get(struct flat_disk *disk, struct flat_handle *handle, struct tally_err *err)
{
	int fd;

	pthread_mutex_lock(&disk->lock);
	if (handle->fd >= 0) {
		list_take(disk, handle);
	} else {
		handle->fd = disk->files->open(disk->files->ctx, handle->path, O_RDWR, 0);
		if (handle->fd >= 0)
			disk->open_count++;
		else if (errno == ENOENT)
			tally_err_set(err, TALLY_CORRUPT, "%s is missing", handle->path);
		else
			tally_err_errno(err, "open %s", handle->path);
	}
	fd = handle->fd;
	if (fd >= 0) {
		list_put(disk, handle);
		handle->users++;
	}
	for (struct flat_handle *at = disk->oldest, *next; at != NULL; at = next) {
		next = at->newer;
		if (disk->open_count <= disk->open_max)
			break;
		if (at->users == 0)
			handle_close(disk, at);
	}
	pthread_mutex_unlock(&disk->lock);
	return fd;
}

void flat_handle_put(struct flat_disk *disk, struct flat_handle *handle)
{
	pthread_mutex_lock(&disk->lock);
	handle->users--;
	pthread_mutex_unlock(&disk->lock);
}
