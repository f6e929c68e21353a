/* Paced syncs: of files of any size, and what fails is told. */
#include "sync.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
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

int main(void)
{
	TEST(files_of_any_size_are_synced);
	TEST(what_cannot_be_synced_is_told);
	return tap_done();
}
