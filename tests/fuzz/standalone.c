/*
 * The main of a fuzzer that is built without libFuzzer: it gives the fuzzer every file of its
 * corpus, and every beginning of each short one, since decoders fail where input ends too soon.
 * Files named on the command line are given instead, to look at one that libFuzzer found.
 */
#include <dirent.h>

#include "fuzz.h"

#define PREFIXES_OF 2048	/* longer inputs are given whole only */

/* A copy of exactly the size, so that a sanitizer sees a read past its end. */
static void give(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size != 0 ? size : 1);

	if (copy == NULL)
		exit(99);
	memcpy(copy, data, size);
	if (LLVMFuzzerTestOneInput(copy, size) != 0)
		abort();
	free(copy);
}

static void replay(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data = malloc(1 << 20);
	size_t size, part;

	if (file == NULL || data == NULL) {
		fprintf(stderr, "%s: cannot be read\n", path);
		exit(99);
	}
	size = fread(data, 1, 1 << 20, file);
	fclose(file);
	if (size <= PREFIXES_OF)
		for (part = 0; part < size; part++)
			give(data, part);
	give(data, size);
	free(data);
}

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* The number of inputs in the corpus of this program. */
static int replay_corpus(const char *name)
{
	struct dirent **entries;
	char path[2048];
	int count, i;

	snprintf(path, sizeof(path), "%s/%s", TALLY_CORPUS, name);
	count = scandir(path, &entries, is_visible, alphasort);
	for (i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s/%s/%s", TALLY_CORPUS, name, entries[i]->d_name);
		replay(path);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	return count;
}

int main(int argc, char **argv)
{
	const char *slash = strrchr(argv[0], '/'), *name = slash != NULL ? slash + 1 : argv[0];
	int count, i;

	for (i = 1; i < argc; i++)
		replay(argv[i]);
	count = argc > 1 ? argc - 1 : replay_corpus(name);
	if (count <= 0) {
		printf("not ok - %s: no input in %s/%s\n", name, TALLY_CORPUS, name);
		return 1;
	}
	printf("ok - %s: %d inputs\n", name, count);
	return 0;
}
