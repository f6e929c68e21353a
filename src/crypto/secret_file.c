/* Files that hold a secret: written whole or not at all, read only when nobody else can. */
#include "config.h"

#include "secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arena.h"
#include "err.h"
#include "secret.h"

static int write_all(int fd, struct tally_bytes bytes)
{
	ssize_t done;

	while (bytes.size != 0) {
		done = write(fd, bytes.data, bytes.size);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -1;
		bytes = tally_bytes(bytes.data + done, bytes.size - (size_t)done);
	}
	return 0;
}

/* A new file, synced. path names it, for_path stands in the errors. */
static int write_file(const char *path, const char *for_path, const char *what,
		      struct tally_bytes bytes, struct tally_err *err)
{
	int fd, result;

	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return tally_err_errno(err, "%s %s", what, for_path);
	result = fchmod(fd, 0600) < 0 || write_all(fd, bytes) < 0 || fsync(fd) < 0 ? -1 : 0;
	if (result < 0)
		tally_err_errno(err, "%s %s", what, for_path);
	if (close(fd) < 0 && result == 0)
		result = tally_err_errno(err, "%s %s", what, for_path);
	return result;
}

static int sync_directory_of(struct tally_arena *arena, const char *path, struct tally_err *err)
{
	const char *slash = strrchr(path, '/');
	const char *directory = slash == NULL ? "." : slash == path ? "/" :
		tally_arena_str(arena, tally_bytes(path, (size_t)(slash - path)));
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC), result;

	if (fd < 0)
		return tally_err_errno(err, "directory %s", directory);
	result = fsync(fd);
	if (result < 0)
		tally_err_errno(err, "directory %s", directory);
	close(fd);
	return result;
}

/* Written aside and linked into place, which fails where the name is taken. */
int tally_secret_file_create(const char *path, const char *what, struct tally_bytes bytes,
			     struct tally_err *err)
{
	struct tally_arena arena = { 0 };
	uint64_t random;
	char *aside;
	int result;

	tally_random(&random, sizeof(random));
	aside = tally_arena_printf(&arena, "%s.%016llx.new", path, (unsigned long long)random);
	result = write_file(aside, path, what, bytes, err);
	if (result == 0 && link(aside, path) < 0) {
		if (errno == EEXIST)
			result = tally_err_set(err, TALLY_EXISTS, "%s %s exists already", what, path);
		else
			result = tally_err_errno(err, "%s %s", what, path);
	}
	unlink(aside);
	if (result == 0)
		result = sync_directory_of(&arena, path, err);
	tally_arena_free(&arena);
	return result;
}

static int check_file(int fd, const char *path, const char *what, struct tally_err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return tally_err_errno(err, "%s %s", what, path);
	if (!S_ISREG(st.st_mode))
		return tally_err_set(err, TALLY_INVALID, "%s %s: not a plain file", what, path);
	if ((st.st_mode & 077) != 0)
		return tally_err_set(err, TALLY_DENIED, "%s %s: mode %04o lets others in; make it 0600",
				     what, path, (unsigned int)st.st_mode & 07777);
	return 0;
}

/* Up to room bytes of the file; their number, or -1 with errno. */
static ssize_t read_up_to(int fd, uint8_t *data, size_t room)
{
	size_t size = 0;
	ssize_t got;

	while (size < room) {
		got = read(fd, data + size, room - size);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		size += (size_t)got;
	}
	return (ssize_t)size;
}

int tally_secret_file_read(const char *path, const char *what, void *data, size_t room,
			   size_t *size_r, struct tally_err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), result;
	ssize_t size;

	if (fd < 0) {
		tally_err_errno(err, "%s %s", what, path);
		if (errno == ENOENT && err != NULL)
			err->code = TALLY_NOTFOUND;
		else if (errno == EACCES && err != NULL)
			err->code = TALLY_DENIED;
		return -1;
	}
	result = check_file(fd, path, what, err);
	if (result == 0) {
		size = read_up_to(fd, data, room);
		if (size < 0)
			result = tally_err_errno(err, "%s %s", what, path);
		else
			*size_r = (size_t)size;
	}
	close(fd);
	return result;
}
