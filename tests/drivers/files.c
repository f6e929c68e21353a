/* What the conformance suite does with the files of a store: walking, searching, copying. */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conform.h"

static bool of_ownership(const char *name)
{
	return strcmp(name, "lock") == 0 || strcmp(name, "owner") == 0 || strcmp(name, "socket") == 0;
}

void files_each(struct trial *t, const char *directory, file_each *each, void *ctx)
{
	struct dirent **entries;
	int count = scandir(directory, &entries, NULL, alphasort);

	if (count < 0)
		FAIL("%s: %s", directory, strerror(errno));
	for (int i = 0; i < count; i++) {
		const char *name = entries[i]->d_name;
		char path[1200];
		struct stat st;

		snprintf(path, sizeof(path), "%s/%s", directory, name);
		if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && lstat(path, &st) == 0) {
			if (S_ISDIR(st.st_mode))
				files_each(t, path, each, ctx);
			else if (S_ISREG(st.st_mode) && !of_ownership(name))
				each(ctx, path);
		}
		free(entries[i]);
	}
	free(entries);
}

struct search {
	struct trial *t;
	struct tally_bytes needle;
	size_t found;
};

static void search_file(void *ctx, const char *path)
{
	struct search *search = ctx;
	struct trial *t = search->t;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *data;

	if (fd < 0 || fstat(fd, &st) < 0)
		FAIL("%s: %s", path, strerror(errno));
	if (st.st_size > 0) {
		data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
		if (data == MAP_FAILED)
			FAIL("%s: %s", path, strerror(errno));
		if (memmem(data, (size_t)st.st_size, search->needle.data, search->needle.size) != NULL)
			search->found++;
		munmap(data, (size_t)st.st_size);
	}
	close(fd);
}

size_t files_holding(struct trial *t, const char *directory, struct tally_bytes needle)
{
	struct search search = { t, needle, 0 };

	files_each(t, directory, search_file, &search);
	return search.found;
}

/* Holes stay holes: preallocated files cost nothing. */
static void copy_file(struct trial *t, const char *from, const char *to)
{
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct stat st;
	off_t at = 0, end;

	if (in < 0 || out < 0 || fstat(in, &st) < 0 || ftruncate(out, st.st_size) < 0)
		FAIL("%s to %s: %s", from, to, strerror(errno));
	while ((at = lseek(in, at, SEEK_DATA)) >= 0) {
		end = lseek(in, at, SEEK_HOLE);
		while (at < end) {
			off_t target = at;
			ssize_t got = copy_file_range(in, &at, out, &target, (size_t)(end - at), 0);

			if (got <= 0)
				FAIL("%s to %s: %s", from, to, strerror(errno));
		}
	}
	close(in);
	close(out);
}

void tree_copy(struct trial *t, const char *from, const char *to)
{
	DIR *dir = opendir(from);
	const struct dirent *entry;

	if (dir == NULL || (mkdir(to, 0700) < 0 && errno != EEXIST))
		FAIL("%s to %s: %s", from, to, strerror(errno));
	while ((entry = readdir(dir)) != NULL) {
		char source[1200], target[1200];
		struct stat st;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		snprintf(source, sizeof(source), "%s/%s", from, entry->d_name);
		snprintf(target, sizeof(target), "%s/%s", to, entry->d_name);
		if (lstat(source, &st) < 0)
			continue;
		if (S_ISDIR(st.st_mode))
			tree_copy(t, source, target);
		else if (S_ISREG(st.st_mode))
			copy_file(t, source, target);
	}
	closedir(dir);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
	(void)st;
	(void)kind;
	(void)where;
	return remove(path) < 0 && errno != ENOENT ? -1 : 0;
}

void tree_remove(const char *directory)
{
	nftw(directory, remove_one, 32, FTW_DEPTH | FTW_PHYS);
}
