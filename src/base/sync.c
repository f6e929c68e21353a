/* Paced syncs; see sync.h. */
#include "config.h"

#include "sync.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE (1 << 20)

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
