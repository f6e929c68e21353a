/*
 * Damaged files of the flat-file driver. A store with several segments is written and closed; then,
 * again and again, one byte of one file is turned, or a file is cut short or taken away, and the
 * store is opened and read through. Whatever it gives must be right, or an error that says CORRUPT
 * and names a place: never other bytes, never fewer blocks or an older index.
 *
 * TALLY_TEST_ROUNDS times 20 damages (default 400). TALLY_TEST_SEED as everywhere.
 */
#include "config.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "arena.h"
#include "flatfile_model.h"
#include "flatfile_record.h"

#define STEPS 120
#define FILES 400

struct files {
	char paths[FILES][512];		/* relative */
	uint64_t sizes[FILES];
	size_t count;
};

static void list(const char *root, const char *below, struct files *files)
{
	char path[1024];
	struct dirent *entry;
	struct stat st;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/%s", root, below);
	dir = opendir(path);
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		char name[512];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%.200s%s%.200s", below, below[0] != '\0' ? "/" : "",
			 entry->d_name);
		snprintf(path, sizeof(path), "%s/%s", root, name);
		if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
			list(root, name, files);
		} else if (files->count < FILES && st.st_size > 0) {
			files->sizes[files->count] = (uint64_t)st.st_size;
			memcpy(files->paths[files->count++], name, sizeof(name));
		}
	}
	if (dir != NULL)
		closedir(dir);
}

static void copy_tree(const char *from, const char *to, const struct files *files)
{
	char a[1024], b[1024];

	directory_remove(to);
	mkdir(to, 0700);
	for (size_t i = 0; i < files->count; i++) {
		uint8_t *data = tally_malloc(files->sizes[i]);
		int in, out;

		snprintf(a, sizeof(a), "%s/%s", from, files->paths[i]);
		snprintf(b, sizeof(b), "%s/%s", to, files->paths[i]);
		for (char *slash = strchr(b + strlen(to) + 1, '/'); slash != NULL;
		     slash = strchr(slash + 1, '/')) {
			*slash = '\0';
			mkdir(b, 0700);
			*slash = '/';
		}
		in = open(a, O_RDONLY | O_CLOEXEC);
		out = open(b, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		if (in < 0 || out < 0 ||
		    read(in, data, files->sizes[i]) != (ssize_t)files->sizes[i] ||
		    write(out, data, files->sizes[i]) != (ssize_t)files->sizes[i])
			abort();
		close(in);
		close(out);
		free(data);
	}
}

/* What was done, in words. */
static void damage(const char *root, const struct files *files, uint64_t *random, char what[700])
{
	size_t i = random_below(random, files->count);
	uint64_t at = random_below(random, files->sizes[i]), kind = random_below(random, 10);
	char path[1024];
	uint8_t byte;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", root, files->paths[i]);
	if (kind == 0) {
		snprintf(what, 700, "%s cut to %" PRIu64 " bytes", files->paths[i], at);
		if (truncate(path, (off_t)at) < 0)
			abort();
		return;
	}
	if (kind == 1) {
		snprintf(what, 700, "%s taken away", files->paths[i]);
		unlink(path);
		return;
	}
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 || pread(fd, &byte, 1, (off_t)at) != 1)
		abort();
	byte ^= (uint8_t)(1u << random_below(random, 8));
	if (pwrite(fd, &byte, 1, (off_t)at) != 1)
		abort();
	close(fd);
	snprintf(what, 700, "%s with a turned bit at %" PRIu64, files->paths[i], at);
}

/* An error must say what it is and where. Without the format file there is no store at all. */
static bool is_told(enum tally_code code, const char *text, const char *what)
{
	if (strncmp(what, "format ", 7) == 0)
		return code == TALLY_CORRUPT || code == TALLY_UNSUPPORTED || code == TALLY_NOTFOUND;
	return code == TALLY_CORRUPT && strchr(text, '/') != NULL;
}

/* NULL, or what is wrong; *told_r: the store told of the damage. */
static const char *look(struct model *model, const char *directory, const char *what, bool *told_r)
{
	static struct tally_err err;
	struct tally_store *store;
	const char *bad;

	*told_r = true;
	if (model_open(directory, false, &store, &err) < 0)
		return is_told(err.code, err.text, what) ? NULL : err.text;
	bad = model_audit(model, 0, store);
	tally_store_close(&store);
	*told_r = bad != NULL;
	return bad != NULL && is_told(model_code(), bad, what) ? NULL : bad;
}

static int write_store(struct model *model, const char *directory)
{
	struct tally_store *store;
	struct tally_err err = { 0 };
	int ret = model_open(directory, true, &store, &err);

	for (int i = 0; ret == 0 && i < STEPS; i++)
		ret = model_step(model, store, &err);
	if (ret == 0)
		ret = tally_store_sync_index(store, &err);
	if (ret == 0)
		tally_store_close(&store);
	else
		printf("not ok - the workload failed: %s\n", err.text);
	return ret;
}

static int run(uint64_t seed, uint64_t rounds, const char *store, const char *copy)
{
	static struct files files;
	struct model *model = model_new(seed, NULL, NULL);
	uint64_t random = seed * 77 | 1, told = 0;
	const char *bad = NULL;
	char what[700];
	bool was_told;

	if (write_store(model, store) < 0)
		return -1;
	model_synced(model);
	list(store, "", &files);
	for (uint64_t i = 0; bad == NULL && i < 20 * rounds; i++) {
		copy_tree(store, copy, &files);
		damage(copy, &files, &random, what);
		bad = look(model, copy, what, &was_told);
		told += was_told;
	}
	if (bad != NULL)
		printf("not ok - %s: %s\n", what, bad);
	else
		printf("ok - damaged files: %" PRIu64 " of %" PRIu64 " were told of, the others did no "
		       "harm\n", told, 20 * rounds);
	model_free(model);
	return bad != NULL ? -1 : 0;
}

static uint64_t number_from(const char *name, uint64_t fallback)
{
	const char *text = getenv(name);

	return text != NULL && text[0] != '\0' ? strtoull(text, NULL, 10) : fallback;
}

int main(void)
{
	const char *base = getenv("TMPDIR");
	uint64_t seed = number_from("TALLY_TEST_SEED", (uint64_t)time(NULL) * 1000003u % 1000000007u);
	char directory[200], store[256], copy[256];
	struct tally_err err;
	int ret;

	snprintf(directory, sizeof(directory), "%s/flatfile_damage.XXXXXX",
		 base != NULL ? base : "/tmp");
	if (mkdtemp(directory) == NULL) {
		printf("not ok - scratch directory %s\n", directory);
		return 1;
	}
	snprintf(store, sizeof(store), "%s/store", directory);
	snprintf(copy, sizeof(copy), "%s/copy", directory);
	tally_log_open(TALLY_LOG_ERROR, "/dev/null", &err);
	printf("# seed %" PRIu64 " (TALLY_TEST_SEED)\n", seed);
	ret = run(seed, number_from("TALLY_TEST_ROUNDS", 20), store, copy);
	if (ret == 0)
		directory_remove(directory);
	else
		printf("# %s is left to look at\n", directory);
	printf("1..1\n");
	return ret < 0;
}
