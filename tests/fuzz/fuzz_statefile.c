/*
 * State proof files from outside. Whatever is in them, the room is never left, and a file that parses
 * is checked against the very checkpoint that its own path leads to, so that the rest is reached. One
 * file has one answer: what shows that something is there does not show that it is not.
 */
#include "checkpoint.h"
#include "err.h"
#include "fuzz.h"
#include "statefile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct tally_state_file file;
	struct tally_bytes input = tally_bytes(data, size);
	struct tally_state_answer answer;
	struct tally_checkpoint checkpoint;
	struct tally_err err;
	uint8_t tree, *room;

	fuzz_take(&input, &tree, 1);
	room = malloc(input.size > 0 ? input.size : 1);
	PROMISE(room != NULL);
	if (tally_state_file_parse(input, room, &file, &err) == 0) {
		PROMISE(tally_canon_valid(file.root_leaf) && file.key.size <= input.size);
		if (fuzz_checkpoint(&file, tree, &checkpoint) &&
		    tally_state_file_check_in(&file, &checkpoint, UINT64_MAX, &answer, &err) == 0) {
			PROMISE(answer.tree_size == tree && answer.size <= answer.journal_id &&
				answer.lag == tree - answer.size);
			file.absent = !file.absent;
			PROMISE(tally_state_file_check_in(&file, &checkpoint, UINT64_MAX, &answer,
							  &err) == -1);
		}
		PROMISE(tally_state_file_check(&file, NULL, 0, UINT64_MAX, &answer, &err) == -1);
	}
	free(room);
	return 0;
}
