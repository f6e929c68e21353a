/* Files and directories as a whole; see files.h. */
#include "config.h"

#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arena.h"
#include "buf.h"
#include "err.h"
#include "print.h"
#include "verb.h"

/* ---- one file ---- */

bool file_read_whole(const struct verb_call *call, const char *path, size_t max,
		     struct tally_arena *arena, struct tally_bytes *bytes_r)
{
	int fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : verb_open(path, O_RDONLY, 0);
	struct tally_buf buf = { 0 };
	ssize_t got = -1;

	while (fd >= 0 && buf.size <= max) {
		got = read(fd, tally_buf_reserve(&buf, 65536), 65536);
		if (got <= 0)
			break;
		buf.size += (size_t)got;
	}
	if (got < 0)
		verb_fail(call, "%s: %s", path, strerror(errno));
	else if (buf.size > max)
		verb_fail(call, "%s is too large", path);
	if (fd >= 0)
		close(fd);
	*bytes_r = tally_bytes(tally_arena_str(arena, tally_buf_bytes(&buf)), buf.size);
	tally_buf_free(&buf);
	return got == 0;
}

static bool write_all(int fd, struct tally_bytes bytes)
{
	while (bytes.size > 0) {
		ssize_t put = write(fd, bytes.data, bytes.size);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return false;
		bytes = tally_bytes(bytes.data + put, bytes.size - (size_t)put);
	}
	return true;
}

bool file_write_whole(const struct verb_call *call, const char *path, struct tally_bytes bytes)
{
	bool good;
	int fd;

	if (path == NULL || strcmp(path, "-") == 0)	/* what fails there is told at the end */
		return fwrite(bytes.data, 1, bytes.size, stdout) == bytes.size;
	fd = verb_open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
	good = fd >= 0 && write_all(fd, bytes);
	if (fd >= 0 && close(fd) != 0)
		good = false;
	if (!good)
		verb_fail(call, "%s: %s", path, strerror(errno));
	return good;
}

/* ---- directories ---- */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

bool remove_tree(const char *path)
{
	return nftw(path, remove_one, 32, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) == 0;
}

/* ---- copying ---- */

struct copying {
	struct bar *bar;
	uint64_t done;
};

static int copy_bytes(struct copying *copying, int in, int out, const char *name,
		      struct tally_err *err)
{
	char buf[65536];

	for (;;) {
		ssize_t got = read(in, buf, sizeof buf), put = 0;

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? tally_err_errno(err, "reading %s", name) : 0;
		while (put < got) {
			ssize_t some = write(out, buf + put, (size_t)(got - put));

			if (some < 0 && errno != EINTR)
				return tally_err_errno(err, "writing the copy of %s", name);
			put += some > 0 ? some : 0;
		}
		copying->done += (uint64_t)got;
		if (copying->bar != NULL)
			bar_show(copying->bar, copying->done, 0);
	}
}

static int copy_at(struct copying *copying, int from_dir, const char *from, int to_dir,
		   const char *to, unsigned int mode, struct tally_err *err)
{
	int in = openat(from_dir, from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	int out = in >= 0 ? openat(to_dir, to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode) : -1;
	int result;

	if (out < 0)
		result = tally_err_errno(err, "%s", in < 0 ? from : to);
	else
		result = copy_bytes(copying, in, out, from, err);
	if (result == 0 && fsync(out) != 0)
		result = tally_err_errno(err, "syncing %s", to);
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
	return result;
}

static int copy_directory(struct copying *copying, int from, int to, struct tally_err *err);

static int copy_entry(struct copying *copying, int from, int to, const char *name,
		      struct tally_err *err)
{
	struct stat st;
	int sub_from, sub_to = -1, result = -1;

	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return tally_err_errno(err, "%s", name);
	if (S_ISSOCK(st.st_mode))
		return 0;
	if (S_ISREG(st.st_mode))
		return copy_at(copying, from, name, to, name, st.st_mode & 0700, err);
	if (!S_ISDIR(st.st_mode))
		return tally_err_set(err, TALLY_INVALID, "%s is neither file nor directory", name);
	sub_from = openat(from, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (sub_from >= 0 && mkdirat(to, name, 0700) == 0)
		sub_to = openat(to, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (sub_to < 0) {
		tally_err_errno(err, "%s", name);
		if (sub_from >= 0)
			close(sub_from);
		return -1;
	}
	result = copy_directory(copying, sub_from, sub_to, err);
	close(sub_to);
	close(sub_from);
	return result;
}

static int copy_directory(struct copying *copying, int from, int to, struct tally_err *err)
{
	DIR *dir = fdopendir(dup(from));
	struct dirent *entry;
	int result = 0;

	if (dir == NULL)
		return tally_err_errno(err, "reading a directory");
	while (result == 0 && (errno = 0, entry = readdir(dir)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			result = copy_entry(copying, from, to, entry->d_name, err);
	if (result == 0 && errno != 0)
		result = tally_err_errno(err, "reading a directory");
	closedir(dir);
	if (result == 0 && fsync(to) != 0)
		result = tally_err_errno(err, "syncing a directory");
	return result;
}

int copy_tree(const char *from, const char *to, struct bar *bar, struct tally_err *err)
{
	struct copying copying = { .bar = bar };
	int in = open(from, O_RDONLY | O_DIRECTORY | O_CLOEXEC), out = -1, result;

	if (in < 0)
		return tally_err_errno(err, "%s", from);
	if (mkdir(to, 0700) == 0)
		out = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (out < 0) {
		tally_err_errno(err, "%s", to);
		close(in);
		return -1;
	}
	result = copy_directory(&copying, in, out, err);
	close(out);
	close(in);
	return result;
}

int copy_file(const char *from, const char *to, unsigned int mode, struct tally_err *err)
{
	struct copying copying = { 0 };

	return copy_at(&copying, AT_FDCWD, from, AT_FDCWD, to, mode, err);
}
