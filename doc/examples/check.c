/*
 * An auditor's own program: checks a proof file, as "tally prove" writes them, with the log's key
 * and nothing else; or with a policy, which asks for witnesses too.
 *
 *	cc check.c $(pkg-config --cflags --libs tallyverify) -o check
 *	./check "$(cat vkey)" delivery.tlog-proof delivery.leaf
 *	./check --policy witnesses.policy delivery.tlog-proof delivery.leaf
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

struct file {
	uint8_t *bytes;
	size_t size;
};

/* By the policy in a file; who cosigned is shown, whether they are enough or not. */
static enum tallyverify_result check_policy(const char *path, const struct file *proof,
					    const struct file *leaf, uint64_t *index_r,
					    struct tallyverify_checkpoint *checkpoint_r)
{
	static struct tallyverify_policy policy;
	struct tallyverify_cosigned cosigned = { .count = 0 };
	enum tallyverify_result result = TALLYVERIFY_ARGUMENT;
	char why[TALLYVERIFY_WHY] = "";
	struct file text = { NULL, 0 };

	text.bytes = read_file(path, &text.size);
	if (text.bytes != NULL)
		result = tallyverify_policy((const char *)text.bytes, text.size, &policy, why);
	if (why[0] != '\0')
		fprintf(stderr, "%s: %s\n", path, why);
	if (result == TALLYVERIFY_OK)
		result = tallyverify_proof_file_policy(proof->bytes, proof->size, leaf->bytes,
						       leaf->size, &policy, &cosigned, index_r,
						       checkpoint_r);
	for (size_t i = 0; i < cosigned.count; i++)
		printf("cosigned by %.*s\n", (int)cosigned.names[i].size, cosigned.names[i].text);
	free(text.bytes);
	return result;
}

int main(int argc, char **argv)
{
	const char *vkeys[1];
	struct tallyverify_checkpoint checkpoint;
	enum tallyverify_result result = TALLYVERIFY_ARGUMENT;
	struct file proof = { NULL, 0 }, leaf = { NULL, 0 };
	int by_policy = argc == 5 && strcmp(argv[1], "--policy") == 0;
	uint64_t index;

	if (argc != 4 && !by_policy) {
		fprintf(stderr, "usage: %s VERIFIER-KEY|--policy FILE PROOF-FILE LEAF-FILE\n", argv[0]);
		return 2;
	}
	vkeys[0] = argv[1];
	proof.bytes = read_file(argv[argc - 2], &proof.size);
	leaf.bytes = read_file(argv[argc - 1], &leaf.size);
	if (proof.bytes != NULL && leaf.bytes != NULL) {
		result = by_policy ? check_policy(argv[2], &proof, &leaf, &index, &checkpoint) :
			 tallyverify_proof_file(proof.bytes, proof.size, leaf.bytes, leaf.size, vkeys,
						1, &index, &checkpoint);
		if (result == TALLYVERIFY_OK) {
			printf("entry %" PRIu64 " of the first %" PRIu64 " of %s\n", index,
			       checkpoint.size, checkpoint.origin);
			result = show_leaf(leaf.bytes, leaf.size, &checkpoint, index);
		}
		printf("%s: %s\n", result == TALLYVERIFY_OK ? "verified" : "NOT VERIFIED",
		       tallyverify_text(result));
	}
	free(proof.bytes);
	free(leaf.bytes);
	return result == TALLYVERIFY_OK ? 0 : 1;
}
