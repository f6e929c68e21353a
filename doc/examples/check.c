/*
 * An auditor's own program: checks a proof file, as "tally prove" writes them, with the log's key
 * and nothing else.
 *
 *	cc check.c $(pkg-config --cflags --libs tallyverify) -o check
 *	./check "$(cat vkey)" delivery.tlog-proof delivery.leaf
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <tallyverify.h>

#define FILE_MAX (1u << 20)

/* The whole file, or NULL; the caller frees it. */
static uint8_t *read_file(const char *path, size_t *size_r)
{
	FILE *file = fopen(path, "rb");
	uint8_t *bytes = malloc(FILE_MAX);

	if (file == NULL || bytes == NULL) {
		perror(path);
		free(bytes);
		bytes = NULL;
	} else {
		*size_r = fread(bytes, 1, FILE_MAX, file);
	}
	if (file != NULL)
		fclose(file);
	return bytes;
}

/* What a leaf of Tallystick says; leaves of other logs are bytes that we do not read. */
static enum tallyverify_result show_leaf(const uint8_t *leaf, size_t leaf_size,
					 const struct tallyverify_checkpoint *checkpoint,
					 uint64_t index)
{
	struct tallyverify_leaf said;

	if (tallyverify_leaf(leaf, leaf_size, &said) != TALLYVERIFY_OK)
		return TALLYVERIFY_OK;
	printf("  type %.*s, %" PRIu64 " ms since 1970 as the server says\n",
	       (int)said.payload_type.size, said.payload_type.text, said.timestamp);
	return tallyverify_leaf_place(leaf, leaf_size, checkpoint, index);
}

int main(int argc, char **argv)
{
	const char *vkeys[1];
	struct tallyverify_checkpoint checkpoint;
	enum tallyverify_result result = TALLYVERIFY_ARGUMENT;
	size_t proof_size = 0, leaf_size = 0;
	uint8_t *proof, *leaf;
	uint64_t index;

	if (argc != 4) {
		fprintf(stderr, "usage: %s VERIFIER-KEY PROOF-FILE LEAF-FILE\n", argv[0]);
		return 2;
	}
	vkeys[0] = argv[1];
	proof = read_file(argv[2], &proof_size);
	leaf = read_file(argv[3], &leaf_size);
	if (proof != NULL && leaf != NULL) {
		result = tallyverify_proof_file(proof, proof_size, leaf, leaf_size, vkeys, 1, &index,
						&checkpoint);
		if (result == TALLYVERIFY_OK) {
			printf("entry %" PRIu64 " of the first %" PRIu64 " of %s\n", index,
			       checkpoint.size, checkpoint.origin);
			result = show_leaf(leaf, leaf_size, &checkpoint, index);
		}
		printf("%s: %s\n", result == TALLYVERIFY_OK ? "verified" : "NOT VERIFIED",
		       tallyverify_text(result));
	}
	free(proof);
	free(leaf);
	return result == TALLYVERIFY_OK ? 0 : 1;
}
