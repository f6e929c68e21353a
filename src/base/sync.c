/* Paced syncs and removals; see sync.h. */
#include "config.h"

#include "sync.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE (1 << 20)
#define GONE_AT_ONCE (4 << 20)

int tally_sync_paced(int fd)
{
	unsigned int how = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
			   SYNC_FILE_RANGE_WAIT_AFTER;
	struct stat st;

	if (fstat(fd, &st) != 0)
		return -1;
	for (off_t at = 0; at + PIECE < st.st_size; at += PIECE) {
		if (sync_file_range(fd, at, PIECE, how) == 0)
			continue;
		/* What failed here is told here alone: it counts as the sync's. */
		if (errno != ENOSYS && errno != EINVAL && errno != ESPIPE)
			return -1;
		break;
	}
	return fdatasync(fd);
}

int tally_unlink_paced(const char *path)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1) {
		/* Where a step fails, what is left goes at once. */
		for (off_t at = st.st_size - GONE_AT_ONCE; at > 0; at -= GONE_AT_ONCE)
			if (ftruncate(fd, at) != 0 || fdatasync(fd) != 0)
				break;
	}
	if (fd >= 0)
		close(fd);
	return unlink(path);
}
