/*
 * find_bytes HEX PLACE...: names the files in these places that hold these bytes anywhere, and ends
 * with 0 if there are some, 1 if there are none, 2 when something could not be read. Every byte of
 * every plain file counts, also in directories below.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static unsigned char wanted[256];
static size_t wanted_size;
static int found, failed;

static void look(const char *path, size_t size)
{
	unsigned char *bytes = malloc(size + 1);
	int fd = open(path, O_RDONLY);
	size_t have = 0;
	ssize_t got = 1;

	while (fd >= 0 && bytes != NULL && have < size && got > 0) {
		got = read(fd, bytes + have, size - have);
		have += got > 0 ? (size_t)got : 0;
	}
	if (fd < 0 || bytes == NULL || got < 0) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		failed = 1;
	} else if (memmem(bytes, have, wanted, wanted_size) != NULL) {
		puts(path);
		found = 1;
	}
	if (fd >= 0)
		close(fd);
	free(bytes);
}

static int each(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)ftw;
	if (type == FTW_F && S_ISREG(st->st_mode))
		look(path, (size_t)st->st_size);
	if (type == FTW_DNR || type == FTW_NS)
		failed = 1;
	return 0;
}

int main(int argc, char **argv)
{
	const char *hex = argc > 2 ? argv[1] : "";
	unsigned int byte;

	for (; sscanf(hex, "%2x", &byte) == 1 && wanted_size < sizeof wanted; hex += 2)
		wanted[wanted_size++] = (unsigned char)byte;
	if (wanted_size < 4 || *hex != '\0') {
		fprintf(stderr, "usage: find_bytes HEX PLACE...\n");
		return 2;
	}
	for (int i = 2; i < argc; i++)
		if (nftw(argv[i], each, 16, FTW_PHYS) != 0)
			failed = 1;
	return failed ? 2 : !found;
}
