/* Paced syncs and removals: of files of any size, and what fails is told. */
#include "sync.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tap.h"

#define MIB (1 << 20)

static void files_of_any_size_are_synced(void)
{
	static const off_t sizes[] = { 0, 1, MIB - 1, MIB, MIB + 1, 5 * MIB + 4096 };
	static char block[MIB];
	char path[] = "sync-XXXXXX";
	int fd = mkstemp(path);

	REQUIRE(fd >= 0);
	unlink(path);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		CASE("%lld bytes", (long long)sizes[i]);
		CHECK_INT(ftruncate(fd, 0), 0);
		for (off_t at = 0; at < sizes[i]; at += MIB) {
			off_t some = sizes[i] - at < MIB ? sizes[i] - at : MIB;

			CHECK_INT(pwrite(fd, block, (size_t)some, at), some);
		}
		CHECK_INT(tally_sync_paced(fd), 0);
	}
	close(fd);
}

static void what_cannot_be_synced_is_told(void)
{
	int ends[2], fd = open("/dev/null", O_RDONLY);

	REQUIRE(fd >= 0 && pipe(ends) == 0);
	CHECK_INT(tally_sync_paced(ends[1]), -1);
	CHECK_INT(errno, EINVAL);
	close(ends[0]);
	close(ends[1]);
	close(fd);
	CHECK_INT(tally_sync_paced(fd), -1);
	CHECK_INT(errno, EBADF);
}

/* Files without blocks do: what is shortened and what is left are seen by whoever has them open. */
static void files_of_any_size_are_removed(void)
{
	static const off_t sizes[] = { 0, 1, 4 * MIB, 4 * MIB + 1, 10 * MIB };
	static const off_t left[] = { 0, 1, 4 * MIB, 1, 2 * MIB };
	struct stat st;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		char path[] = "gone-XXXXXX";
		int fd = mkstemp(path);

		CASE("%lld bytes", (long long)sizes[i]);
		REQUIRE(fd >= 0);
		CHECK_INT(ftruncate(fd, sizes[i]), 0);
		CHECK_INT(tally_unlink_paced(path), 0);
		CHECK_INT(access(path, F_OK), -1);
		CHECK_INT(fstat(fd, &st), 0);
		CHECK_INT(st.st_size, left[i]);
		close(fd);
	}
	CHECK_INT(tally_unlink_paced("no-such-file"), -1);
	CHECK_INT(errno, ENOENT);
}

/* A name is taken from a file that has others, which stays as it is; so does what a link points to. */
static void only_what_nobody_else_names_is_shortened(void)
{
	char path[] = "kept-XXXXXX";
	int fd = mkstemp(path);
	struct stat st;

	REQUIRE(fd >= 0);
	CHECK_INT(ftruncate(fd, 10 * MIB), 0);
	CHECK_INT(link(path, "other-name"), 0);
	CHECK_INT(symlink(path, "soft-name"), 0);
	CHECK_INT(tally_unlink_paced("other-name"), 0);
	CHECK_INT(tally_unlink_paced("soft-name"), 0);
	CHECK_INT(access("other-name", F_OK), -1);
	CHECK_INT(lstat("soft-name", &st), -1);
	CHECK_INT(fstat(fd, &st), 0);
	CHECK_INT(st.st_size, 10 * MIB);
	unlink(path);
	close(fd);
}

int main(void)
{
	TEST(files_of_any_size_are_synced);
	TEST(what_cannot_be_synced_is_told);
	TEST(files_of_any_size_are_removed);
	TEST(only_what_nobody_else_names_is_shortened);
	return tap_done();
}
