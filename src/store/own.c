/*
 * Ownership of a local directory (own.h). In the directory stand
 *
 *	lock	empty; whoever holds an exclusive flock on it owns the directory. Never renamed or
 *		removed, as two processes could then hold "the" lock.
 *	owner	two lines of text: the machine and the lock file's inode when the directory was first
 *		owned. A copy of the directory, here or elsewhere, has another inode or machine.
 *	socket	where the owner listens, if it does. One left by a dead owner is replaced.
 *
 * Files that root makes here are given to the directory's uid and gid.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "arena.h"
#include "clock.h"
#include "err.h"
#include "own.h"

#define MACHINE_ID_MAX 64
#define BACKLOG 128
#define NS_PER_MS 1000000u

struct tally_owner {
	char *directory;
	int dir_fd;
	int lock_fd;
	uid_t uid;			/* the directory's */
	gid_t gid;
	bool listening;
};

/* ---- small helpers ---- */

static int owner_errno(const struct tally_owner *owner, const char *what, struct tally_err *err)
{
	if (errno == EACCES || errno == EPERM)
		return tally_err_set(err, TALLY_DENIED, "%s/%s: permission denied",
				     owner->directory, what);
	return tally_err_errno(err, "%s/%s", owner->directory, what);
}

static void nap(uint64_t ns)
{
	struct timespec left = { (time_t)(ns / 1000000000u), (long)(ns % 1000000000u) };

	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		;
}

/* A file that root made belongs to the directory's owner. */
static int give_away(const struct tally_owner *owner, const char *name, struct tally_err *err)
{
	if (geteuid() != 0)
		return 0;
	if (fchownat(owner->dir_fd, name, owner->uid, owner->gid, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	return owner_errno(owner, name, err);
}

/*
 * The address of the socket in a directory. A path that does not fit into an address is reached
 * through the directory's descriptor instead.
 */
static struct sockaddr_un socket_address(const char *directory, int dir_fd)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t room = sizeof(address.sun_path);

	if ((size_t)snprintf(address.sun_path, room, "%s/socket", directory) >= room)
		snprintf(address.sun_path, room, "/proc/self/fd/%d/socket", dir_fd);
	return address;
}

/* ---- what is remembered of machine and inode ---- */

/* The machine's name for itself; "" where it has none. */
static void machine_id(char id[MACHINE_ID_MAX + 1])
{
	FILE *file = fopen("/etc/machine-id", "re");

	id[0] = '\0';
	if (file == NULL)
		return;
	if (fscanf(file, "%64s", id) != 1)
		id[0] = '\0';
	fclose(file);
}

static void identity_text(ino_t inode, char *text, size_t size)
{
	char id[MACHINE_ID_MAX + 1];

	machine_id(id);
	snprintf(text, size, "machine %s\ninode %" PRIu64 "\n", id[0] != '\0' ? id : "-",
		 (uint64_t)inode);
}

static int write_identity(struct tally_owner *owner, const char *text, struct tally_err *err)
{
	size_t size = strlen(text);
	int fd = openat(owner->dir_fd, "owner.new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool bad;

	if (fd < 0)
		return owner_errno(owner, "owner.new", err);
	errno = ENOSPC;				/* what a short write means */
	bad = write(fd, text, size) != (ssize_t)size || fsync(fd) < 0;
	if (bad)
		owner_errno(owner, "owner.new", err);
	close(fd);
	if (bad || give_away(owner, "owner.new", err) < 0) {
		unlinkat(owner->dir_fd, "owner.new", 0);
		return -1;
	}
	if (renameat(owner->dir_fd, "owner.new", owner->dir_fd, "owner") < 0 ||
	    fsync(owner->dir_fd) < 0)
		return owner_errno(owner, "owner", err);
	return 0;
}

/* 1 read, 0 there is none yet. */
static int read_identity(struct tally_owner *owner, char *text, size_t size, struct tally_err *err)
{
	int fd = openat(owner->dir_fd, "owner", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t got;

	if (fd < 0)
		return errno == ENOENT ? 0 : owner_errno(owner, "owner", err);
	got = read(fd, text, size - 1);
	if (got < 0)
		owner_errno(owner, "owner", err);
	close(fd);
	if (got < 0)
		return -1;
	text[got] = '\0';
	return 1;
}

static int lock_identity(struct tally_owner *owner, char *text, size_t size, struct tally_err *err)
{
	struct stat st;

	if (fstat(owner->lock_fd, &st) < 0)
		return owner_errno(owner, "lock", err);
	identity_text(st.st_ino, text, size);
	return 0;
}

/* Any difference counts, an unreadable text too: better asked once too often than never. */
static int check_identity(struct tally_owner *owner, bool *moved_r, struct tally_err *err)
{
	char is[160], was[160];
	int found;

	*moved_r = false;
	if (lock_identity(owner, is, sizeof(is), err) < 0)
		return -1;
	found = read_identity(owner, was, sizeof(was), err);
	if (found < 0)
		return -1;
	if (found == 0)
		return write_identity(owner, is, err);
	*moved_r = strcmp(is, was) != 0;
	/* A driver takes what a clean close left for durable. Of a copy that may not be true yet. */
	if (*moved_r && syncfs(owner->dir_fd) < 0)
		return owner_errno(owner, ".", err);
	return 0;
}

int tally_own_adopt(struct tally_owner *owner, struct tally_err *err)
{
	char is[160];

	if (lock_identity(owner, is, sizeof(is), err) < 0)
		return -1;
	return write_identity(owner, is, err);
}

/* ---- the lock ---- */

/*
 * tally_own_connect looks at the lock by taking it, shared, for a moment. Only who still finds it
 * taken after a few tries has met an owner.
 */
static int take_lock(struct tally_owner *owner, struct tally_err *err)
{
	uint64_t ns = NS_PER_MS / 4;

	for (int tries = 0; flock(owner->lock_fd, LOCK_EX | LOCK_NB) < 0; tries++) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return owner_errno(owner, "lock", err);
		if (tries == 5)
			return tally_err_set(err, TALLY_BUSY, "%s is owned by another process",
					     owner->directory);
		nap(ns);
		ns *= 2;
	}
	return 0;
}

/* The file we locked must be the one that stands in the directory. */
static int check_lock(struct tally_owner *owner, struct tally_err *err)
{
	struct stat locked, named;

	if (fstat(owner->lock_fd, &locked) < 0 ||
	    fstatat(owner->dir_fd, "lock", &named, AT_SYMLINK_NOFOLLOW) < 0)
		return owner_errno(owner, "lock", err);
	if (locked.st_ino != named.st_ino || locked.st_dev != named.st_dev)
		return tally_err_set(err, TALLY_BUSY, "%s/lock was replaced while it was taken",
				     owner->directory);
	return 0;
}

static int open_lock(struct tally_owner *owner, struct tally_err *err)
{
	owner->lock_fd = openat(owner->dir_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
				0600);
	if (owner->lock_fd < 0)
		return owner_errno(owner, "lock", err);
	if (give_away(owner, "lock", err) < 0 || take_lock(owner, err) < 0)
		return -1;
	return check_lock(owner, err);
}

static int open_directory(struct tally_owner *owner, struct tally_err *err)
{
	struct stat st;

	owner->dir_fd = open(owner->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (owner->dir_fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return tally_err_set(err, TALLY_NOTFOUND, "there is no directory %s",
				     owner->directory);
	if (owner->dir_fd < 0 || fstat(owner->dir_fd, &st) < 0)
		return owner_errno(owner, ".", err);
	owner->uid = st.st_uid;
	owner->gid = st.st_gid;
	return 0;
}

int tally_own(const char *directory, struct tally_owner **owner_r, bool *moved_r,
	      struct tally_err *err)
{
	struct tally_owner *owner = tally_calloc(1, sizeof(*owner));

	owner->directory = tally_strdup(directory);
	owner->dir_fd = owner->lock_fd = -1;
	*owner_r = NULL;
	*moved_r = false;
	if (open_directory(owner, err) < 0 || open_lock(owner, err) < 0 ||
	    check_identity(owner, moved_r, err) < 0) {
		tally_disown(&owner);
		return -1;
	}
	*owner_r = owner;
	return 0;
}

void tally_disown(struct tally_owner **owner)
{
	struct tally_owner *gone = *owner;

	if (gone == NULL)
		return;
	*owner = NULL;
	if (gone->listening)
		unlinkat(gone->dir_fd, "socket", 0);
	if (gone->lock_fd >= 0)
		close(gone->lock_fd);
	if (gone->dir_fd >= 0)
		close(gone->dir_fd);
	free(gone->directory);
	free(gone);
}

/* ---- the socket ---- */

int tally_own_listen(struct tally_owner *owner, struct tally_err *err)
{
	struct sockaddr_un address = socket_address(owner->directory, owner->dir_fd);
	int fd;

	/* We hold the lock, so a socket that stands here belongs to nobody. */
	if (unlinkat(owner->dir_fd, "socket", 0) < 0 && errno != ENOENT)
		return owner_errno(owner, "socket", err);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return owner_errno(owner, "socket", err);
	/* Linux makes the file with the mode of the descriptor, so it is never open to others. */
	if (fchmod(fd, 0600) < 0 ||
	    bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
		owner_errno(owner, "socket", err);
		close(fd);
		return -1;
	}
	owner->listening = true;
	if (fchmodat(owner->dir_fd, "socket", 0600, 0) < 0 || listen(fd, BACKLOG) < 0)
		owner_errno(owner, "socket", err);
	else if (give_away(owner, "socket", err) == 0)
		return fd;
	close(fd);
	unlinkat(owner->dir_fd, "socket", 0);
	owner->listening = false;
	return -1;
}

/* 1 somebody owns the directory, 0 nobody does. */
static int is_owned(const char *directory, int dir_fd, struct tally_err *err)
{
	int fd = openat(dir_fd, "lock", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	int owned;

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 && errno == EACCES)
		return tally_err_set(err, TALLY_DENIED, "%s/lock: permission denied", directory);
	if (fd < 0)
		return tally_err_errno(err, "%s/lock", directory);
	owned = flock(fd, LOCK_SH | LOCK_NB) < 0;
	close(fd);
	return owned;
}

/* A connection, or -1 with errno as of connect(); never waits. */
static int try_connect(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int saved;

	if (fd < 0)
		return -1;
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 &&
	    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

/* One look: a connection, or -1: BUSY to look again, any other code is final. */
static int connect_once(const char *directory, int dir_fd, const struct sockaddr_un *address,
			struct tally_err *err)
{
	int fd = try_connect(address);
	int owned;

	if (fd >= 0)
		return fd;
	if (errno == EACCES || errno == EPERM)
		return tally_err_set(err, TALLY_DENIED, "%s/socket: permission denied", directory);
	if (errno != ENOENT && errno != ECONNREFUSED && errno != EAGAIN && errno != EINTR)
		return tally_err_errno(err, "%s/socket", directory);
	owned = is_owned(directory, dir_fd, err);
	if (owned < 0)
		return -1;
	if (owned == 0)
		return tally_err_set(err, TALLY_NOTFOUND, "nobody owns %s", directory);
	return tally_err_set(err, TALLY_BUSY, "the owner of %s does not answer", directory);
}

int tally_own_connect(const char *directory, uint64_t wait_ms, struct tally_err *err)
{
	uint64_t end = tally_mono_ns() + wait_ms * NS_PER_MS;
	uint64_t ns = NS_PER_MS;
	struct sockaddr_un address;
	int dir_fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd;

	if (dir_fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return tally_err_set(err, TALLY_NOTFOUND, "there is no directory %s", directory);
	if (dir_fd < 0)
		return tally_err_errno(err, "%s", directory);
	address = socket_address(directory, dir_fd);
	while ((fd = connect_once(directory, dir_fd, &address, err)) < 0 &&
	       err->code == TALLY_BUSY) {
		uint64_t now = tally_mono_ns();

		if (now >= end)
			break;
		nap(ns < end - now ? ns : end - now);
		if (ns < 50 * NS_PER_MS)
			ns *= 2;
	}
	close(dir_fd);
	return fd;
}

bool tally_own_peer(int fd, uint32_t *uid_r)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 || size != sizeof(peer))
		return false;
	*uid_r = peer.uid;
	return true;
}
