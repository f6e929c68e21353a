/*
 * Everything the flat-file driver does to a file system goes through one small struct of function
 * pointers, so that tests can make each call fail and can replay a power cut. On top of it stand
 * the helpers that the two halves of the driver share: errors that name operation, file and place,
 * a bounded number of open files, and files that are replaced as a whole.
 */
#ifndef FLAT_FILES_H
#define FLAT_FILES_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "buf.h"
#include "bytes.h"

struct tally_err;

/*
 * As the system calls of the same names: -1 and errno on failure. read and write may do less than
 * asked; the helpers below go on until all is done.
 */
struct flat_files {
	void *ctx;
	int (*open)(void *ctx, const char *path, int flags, mode_t mode);
	int (*close)(void *ctx, int fd);
	int (*size)(void *ctx, int fd, uint64_t *size_r);
	ssize_t (*read)(void *ctx, int fd, void *data, size_t size, uint64_t offset);
	ssize_t (*write)(void *ctx, int fd, const struct iovec *iov, int count, uint64_t offset);
	int (*sync)(void *ctx, int fd, bool paced);		/* data, and the size of the file */
	int (*truncate)(void *ctx, int fd, uint64_t size);
	int (*zero)(void *ctx, int fd, uint64_t offset, uint64_t size);	/* within the file */
	int (*rename)(void *ctx, const char *from, const char *to);
	int (*unlink)(void *ctx, const char *path, bool paced);
	int (*mkdir)(void *ctx, const char *path, mode_t mode);
	int (*rmdir)(void *ctx, const char *path);
	int (*sync_dir)(void *ctx, const char *path);		/* its entries */
};

extern const struct flat_files flat_files_system;

/* Stores opened from now on use these calls; NULL: the system's. For tests. */
void flat_files_use(const struct flat_files *files);
const struct flat_files *flat_files_used(void);

/* ---- one store's view of its medium ---- */

struct flat_disk {
	const struct flat_files *files;
	char *dir;			/* of the store */
	atomic_bool dead;		/* a sync failed: what was written since may be gone */
	atomic_uint_fast64_t syncs;	/* of files and directories, all kinds */

	pthread_mutex_t lock;		/* guards the handles' list and their members */
	struct flat_handle *newest;
	struct flat_handle *oldest;
	unsigned int open_count;
	unsigned int open_max;
};

void flat_disk_init(struct flat_disk *disk, const char *dir, unsigned int open_max);
void flat_disk_free(struct flat_disk *disk);

/* UNCERTAIN, for every write after a sync has failed. */
int flat_disk_alive(struct flat_disk *disk, const char *what, struct tally_err *err);

/* "<dir>/<format>", malloc'd. */
char *flat_path(const struct flat_disk *disk, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * path stands in messages. read: exactly size bytes, else CORRUPT (the file ends too early).
 * read_some: as many as there are. sync: a failure makes the disk dead.
 */
int flat_open(struct flat_disk *disk, const char *path, int flags, struct tally_err *err);
void flat_close(struct flat_disk *disk, int fd);
int flat_size(struct flat_disk *disk, int fd, const char *path, uint64_t *size_r,
	      struct tally_err *err);
int flat_read(struct flat_disk *disk, int fd, const char *path, void *data, size_t size,
	      uint64_t offset, struct tally_err *err);
int flat_read_some(struct flat_disk *disk, int fd, const char *path, void *data, size_t size,
		   uint64_t offset, size_t *got_r, struct tally_err *err);
int flat_write(struct flat_disk *disk, int fd, const char *path, const void *data, size_t size,
	       uint64_t offset, struct tally_err *err);
/* Changes iov while it goes. */
int flat_writev(struct flat_disk *disk, int fd, const char *path, struct iovec *iov, size_t count,
		uint64_t offset, struct tally_err *err);
int flat_sync(struct flat_disk *disk, int fd, const char *path, struct tally_err *err);
/* The same of a large file that is written in the background (sync.h of base/). */
int flat_sync_paced(struct flat_disk *disk, int fd, const char *path, struct tally_err *err);
int flat_sync_dir(struct flat_disk *disk, const char *path, struct tally_err *err);
int flat_truncate(struct flat_disk *disk, int fd, const char *path, uint64_t size,
		  struct tally_err *err);
int flat_zero(struct flat_disk *disk, int fd, const char *path, uint64_t offset, uint64_t size,
	      struct tally_err *err);
int flat_rename(struct flat_disk *disk, const char *from, const char *to, struct tally_err *err);
/* Absent already is fine. */
int flat_unlink(struct flat_disk *disk, const char *path, struct tally_err *err);
/* The same of a large file whose bytes nobody needs, also if it is still there after a crash. */
int flat_unlink_paced(struct flat_disk *disk, const char *path, struct tally_err *err);
/* Present already is fine. */
int flat_mkdir(struct flat_disk *disk, const char *path, struct tally_err *err);

/* The whole file into buf: 1, 0 when there is none, -1; CORRUPT when it is larger than max. */
int flat_load(struct flat_disk *disk, const char *path, size_t max, struct tally_buf *buf,
	      struct tally_err *err);

/* Writes "<path>.new" and renames it to path; with sync its bytes are durable before that (the
 * entry is durable once the directory is synced). */
int flat_replace(struct flat_disk *disk, const char *path, struct tally_bytes data, bool sync,
		 struct tally_err *err);

/* Copies size bytes (all, when UINT64_MAX) from one file into a new one and syncs it. */
int flat_copy(struct flat_disk *disk, const char *from, const char *to, uint64_t size,
	      struct tally_err *err);

/* ---- handles: files that are opened when needed and closed when too many are open ---- */

struct flat_handle {
	char *path;			/* owned */
	int fd;				/* -1: not open */
	unsigned int users;
	struct flat_handle *newer;
	struct flat_handle *older;
};

void flat_handle_init(struct flat_handle *handle, char *path);
/* Nobody uses it any more. */
void flat_handle_free(struct flat_disk *disk, struct flat_handle *handle);

/* The descriptor, valid until put; -1: CORRUPT when the file is not there. */
int flat_handle_get(struct flat_disk *disk, struct flat_handle *handle, struct tally_err *err);
void flat_handle_put(struct flat_disk *disk, struct flat_handle *handle);

#endif
