/* Ownership of a directory: who gets the lock, what is remembered, where the owner answers. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "err.h"
#include "own.h"
#include "tap.h"

static char root[200];			/* scratch of this run */

static const char *fresh(const char *name)
{
	static char path[400];

	snprintf(path, sizeof(path), "%s/%s", root, name);
	mkdir(path, 0700);
	return path;
}

static enum tally_code own_code(const char *directory, struct tally_owner **owner_r, bool *moved_r)
{
	struct tally_err err = { 0 };

	return tally_own(directory, owner_r, moved_r, &err) < 0 ? err.code : TALLY_OK;
}

static enum tally_code connect_code(const char *directory, uint64_t wait_ms, int *fd_r)
{
	struct tally_err err = { 0 };

	*fd_r = tally_own_connect(directory, wait_ms, &err);
	return *fd_r < 0 ? err.code : TALLY_OK;
}

/* A process that owns the directory, listening or not, until it is killed. */
static pid_t owner_process(const char *directory, bool listens)
{
	int ready[2];
	char byte = 0;
	pid_t pid;

	if (pipe(ready) < 0 || (pid = fork()) < 0)
		return -1;
	if (pid == 0) {
		struct tally_owner *owner;
		struct tally_err err;
		bool moved;

		close(ready[0]);
		if (tally_own(directory, &owner, &moved, &err) < 0 ||
		    (listens && tally_own_listen(owner, &err) < 0))
			_exit(1);
		byte = 1;
		if (write(ready[1], &byte, 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		pid = -1;
	close(ready[0]);
	return pid;
}

static void stop(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void one_owner(void)
{
	const char *dir = fresh("one");
	struct tally_owner *owner, *other;
	bool moved;
	pid_t pid;

	CHECK_INT(own_code(dir, &owner, &moved), TALLY_OK);
	CHECK(!moved);
	CHECK_INT(own_code(dir, &other, &moved), TALLY_BUSY);
	CHECK(other == NULL);
	tally_disown(&owner);
	CHECK(owner == NULL);
	tally_disown(&owner);
	pid = owner_process(dir, false);
	REQUIRE(pid > 0);
	CHECK_INT(own_code(dir, &other, &moved), TALLY_BUSY);
	stop(pid);
	CHECK_INT(own_code(dir, &owner, &moved), TALLY_OK);
	tally_disown(&owner);
	CHECK_INT(own_code("/nonexistent/place", &owner, &moved), TALLY_NOTFOUND);
}

/* No descriptor of ours survives into a program that is run. */
static void descriptors_close_on_exec(void)
{
	struct tally_err err;
	struct tally_owner *owner;
	bool moved;
	int found = 0, fd;

	REQUIRE(own_code(fresh("exec"), &owner, &moved) == TALLY_OK);
	fd = tally_own_listen(owner, &err);
	CHECK(fd >= 0);
	for (int i = 3; i < 64; i++) {
		int flags = fcntl(i, F_GETFD);
		char link[64], target[PATH_MAX];
		ssize_t size;

		snprintf(link, sizeof(link), "/proc/self/fd/%d", i);
		size = readlink(link, target, sizeof(target) - 1);
		if (flags < 0 || size < 0)
			continue;
		target[size] = '\0';
		if (strstr(target, "/exec") == NULL && i != fd)
			continue;
		found++;
		CHECK(flags & FD_CLOEXEC);
	}
	CHECK_INT(found, 3);			/* directory, lock, socket */
	close(fd);
	tally_disown(&owner);
}

static bool moved_now(const char *dir)
{
	struct tally_owner *owner;
	bool moved = false;

	if (own_code(dir, &owner, &moved) != TALLY_OK)
		return false;
	tally_disown(&owner);
	return moved;
}

static void replace_text(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");

	if (file != NULL) {
		fputs(text, file);
		fclose(file);
	}
}

static void copies_are_noticed(void)
{
	const char *dir = fresh("moved");
	char lock[500], owner_file[500], other[500];
	struct tally_owner *owner;
	struct tally_err err;
	bool moved;

	snprintf(lock, sizeof(lock), "%s/lock", dir);
	snprintf(other, sizeof(other), "%s/other", dir);
	snprintf(owner_file, sizeof(owner_file), "%s/owner", dir);
	CHECK(!moved_now(dir));
	CHECK(!moved_now(dir));
	/* As a copy has it: the same owner file, another lock file. */
	CHECK_INT(rename(lock, other), 0);
	CHECK(moved_now(dir));
	CHECK(moved_now(dir));
	REQUIRE(own_code(dir, &owner, &moved) == TALLY_OK);
	CHECK_INT(tally_own_adopt(owner, &err), 0);
	tally_disown(&owner);
	CHECK(!moved_now(dir));
	replace_text(owner_file, "machine elsewhere\ninode 1\n");
	CHECK(moved_now(dir));
	replace_text(owner_file, "");
	CHECK(moved_now(dir));
}

/* Sends a byte through a connection to ourselves and says whether it arrived. */
static bool talks(const char *dir, int listen_fd)
{
	uint32_t uid = 12345;
	int fd, peer;
	char byte = 'x';
	bool ok;

	if (connect_code(dir, 1000, &fd) != TALLY_OK)
		return false;
	peer = accept(listen_fd, NULL, NULL);
	ok = peer >= 0 && write(fd, &byte, 1) == 1;
	byte = 0;
	ok = ok && read(peer, &byte, 1) == 1 && byte == 'x';
	ok = ok && tally_own_peer(peer, &uid) && uid == geteuid();
	ok = ok && (fcntl(fd, F_GETFL) & O_NONBLOCK) == 0 && (fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(peer);
	close(fd);
	return ok;
}

static void the_socket(void)
{
	const char *dir = fresh("socket");
	struct tally_owner *owner;
	struct tally_err err;
	struct stat st;
	char path[500];
	bool moved;
	int fd, other;

	snprintf(path, sizeof(path), "%s/socket", dir);
	REQUIRE(own_code(dir, &owner, &moved) == TALLY_OK);
	umask(0);
	fd = tally_own_listen(owner, &err);
	umask(022);
	REQUIRE(fd >= 0);
	CHECK_INT(stat(path, &st), 0);
	CHECK(S_ISSOCK(st.st_mode));
	CHECK_INT(st.st_mode & 07777, 0600);
	CHECK(talks(dir, fd));
	tally_disown(&owner);
	close(fd);
	CHECK(stat(path, &st) < 0 && errno == ENOENT);
	CHECK_INT(connect_code(dir, 0, &other), TALLY_NOTFOUND);
	CHECK_INT(connect_code("/nonexistent/place", 0, &other), TALLY_NOTFOUND);
}

static void paths_longer_than_an_address(void)
{
	char path[400];
	struct tally_owner *owner;
	struct tally_err err;
	bool moved;
	int fd;

	snprintf(path, sizeof(path), "%s", fresh("long"));
	while (strlen(path) < 180) {
		strcat(path, "/a-folder-with-a-name");
		mkdir(path, 0700);
	}
	REQUIRE(own_code(path, &owner, &moved) == TALLY_OK);
	fd = tally_own_listen(owner, &err);
	REQUIRE(fd >= 0);
	CHECK(talks(path, fd));
	tally_disown(&owner);
	close(fd);
}

/* The longest path that fits, and the first that does not. */
static void paths_at_the_limit(void)
{
	for (size_t size = 98; size < 103; size++) {
		char path[500];
		struct tally_owner *owner;
		struct tally_err err;
		bool moved;
		int fd;

		snprintf(path, sizeof(path), "%s/", fresh("limit"));
		while (strlen(path) < size)
			strcat(path, "p");
		mkdir(path, 0700);
		REQUIRE(own_code(path, &owner, &moved) == TALLY_OK);
		fd = tally_own_listen(owner, &err);
		REQUIRE(fd >= 0);
		CHECK(talks(path, fd));
		tally_disown(&owner);
		close(fd);
	}
}

static void dead_owners_socket(void)
{
	const char *dir = fresh("stale");
	pid_t pid = owner_process(dir, true);
	struct tally_owner *owner;
	struct tally_err err;
	struct stat st;
	char path[500];
	bool moved;
	int fd;

	REQUIRE(pid > 0);
	snprintf(path, sizeof(path), "%s/socket", dir);
	CHECK_INT(connect_code(dir, 0, &fd), TALLY_OK);
	close(fd);
	stop(pid);
	CHECK_INT(stat(path, &st), 0);		/* it is still there, but nobody is */
	CHECK_INT(connect_code(dir, 5000, &fd), TALLY_NOTFOUND);
	REQUIRE(own_code(dir, &owner, &moved) == TALLY_OK);
	fd = tally_own_listen(owner, &err);
	CHECK(fd >= 0 && talks(dir, fd));
	tally_disown(&owner);
	close(fd);
}

static void silent_owner(void)
{
	const char *dir = fresh("silent");
	pid_t pid = owner_process(dir, false);
	int fd;

	REQUIRE(pid > 0);
	CHECK_INT(connect_code(dir, 0, &fd), TALLY_BUSY);
	CHECK_INT(connect_code(dir, 20, &fd), TALLY_BUSY);
	stop(pid);
	CHECK_INT(connect_code(dir, 5000, &fd), TALLY_NOTFOUND);
}

/* Connects in a thread, with patience, and says how that ended. */
struct waiting {
	const char *dir;
	enum tally_code code;
	int fd;
};

static void *wait_for_owner(void *arg)
{
	struct waiting *waiting = arg;

	waiting->code = connect_code(waiting->dir, 60000, &waiting->fd);
	return NULL;
}

static void connecting_waits(void)
{
	struct waiting waiting = { .dir = fresh("waits") };
	struct tally_owner *owner;
	struct tally_err err;
	pthread_t thread;
	bool moved;
	int fd;

	/* For one that owns already and listens a little later. */
	REQUIRE(own_code(waiting.dir, &owner, &moved) == TALLY_OK);
	REQUIRE(pthread_create(&thread, NULL, wait_for_owner, &waiting) == 0);
	fd = tally_own_listen(owner, &err);
	CHECK(fd >= 0);
	pthread_join(thread, NULL);
	CHECK_INT(waiting.code, TALLY_OK);
	close(waiting.fd);
	close(fd);
	tally_disown(&owner);
	/* Not for one that goes. */
	REQUIRE(own_code(waiting.dir, &owner, &moved) == TALLY_OK);
	REQUIRE(pthread_create(&thread, NULL, wait_for_owner, &waiting) == 0);
	tally_disown(&owner);
	pthread_join(thread, NULL);
	CHECK_INT(waiting.code, TALLY_NOTFOUND);
}

static void *look_for_owner(void *arg)
{
	const char *dir = arg;
	int fd;

	for (int i = 0; i < 2000; i++) {
		if (connect_code(dir, 0, &fd) == TALLY_OK)
			close(fd);
	}
	return NULL;
}

/* Those who look whether there is an owner must not keep one from becoming it. */
static void looking_does_not_disturb(void)
{
	char dir[400];
	pthread_t threads[2];
	struct tally_owner *owner;
	bool moved;

	snprintf(dir, sizeof(dir), "%s", fresh("look"));
	CHECK(!moved_now(dir));
	for (size_t i = 0; i < 2; i++)
		REQUIRE(pthread_create(&threads[i], NULL, look_for_owner, dir) == 0);
	for (int i = 0; i < 300; i++) {
		CHECK_INT(own_code(dir, &owner, &moved), TALLY_OK);
		tally_disown(&owner);
	}
	for (size_t i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
}

static void files_of_root(void)
{
	const char *names[] = { "lock", "owner", "socket" };
	const char *dir = fresh("given");
	struct tally_owner *owner;
	struct tally_err err;
	struct stat st;
	bool moved;
	int fd;

	if (geteuid() != 0)
		SKIP("only root gives files away");
	REQUIRE(chown(dir, 12345, 23456) == 0);
	REQUIRE(own_code(dir, &owner, &moved) == TALLY_OK);
	fd = tally_own_listen(owner, &err);
	REQUIRE(fd >= 0);
	for (size_t i = 0; i < 3; i++) {
		char path[500];

		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		CASE("%s", names[i]);
		CHECK_INT(stat(path, &st), 0);
		CHECK_INT(st.st_uid, 12345);
		CHECK_INT(st.st_gid, 23456);
		CHECK_INT(st.st_mode & 0777, 0600);
	}
	tally_disown(&owner);
	close(fd);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
	(void)st;
	(void)kind;
	(void)where;
	return remove(path);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	setvbuf(stdout, NULL, _IOLBF, 0);
	/* Short, so that lengths at the limit of an address can be made; not $TMPDIR therefore. */
	strcpy(root, "/tmp/tally-own-XXXXXX");
	if (mkdtemp(root) == NULL) {
		perror(root);
		return 2;
	}
	TEST(one_owner);
	TEST(descriptors_close_on_exec);
	TEST(copies_are_noticed);
	TEST(the_socket);
	TEST(paths_longer_than_an_address);
	TEST(paths_at_the_limit);
	TEST(dead_owners_socket);
	TEST(silent_owner);
	TEST(connecting_waits);
	TEST(looking_does_not_disturb);
	TEST(files_of_root);
	nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return tap_done();
}
