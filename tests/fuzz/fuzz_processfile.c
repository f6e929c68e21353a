/*
 * Process proof files from outside. Whatever is in them, neither room is left; a file that parses is
 * checked against the very checkpoint that its own path leads to, so that its stages are reached.
 */
#include "checkpoint.h"
#include "err.h"
#include "fuzz.h"
#include "processfile.h"

static void look_at(const struct tally_process_stage *stage)
{
	uint8_t *room = malloc(stage->content.size + 1);
	struct tally_bytes name;

	PROMISE(room != NULL);
	name = tally_process_stage_name(stage, room);
	PROMISE(name.size <= stage->content.size);
	PROMISE(stage->other || (stage->consumer.size > 2 && stage->consumer.data[0] == '"'));
	PROMISE(!stage->other || !stage->has_content);
	free(room);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct tally_process_file file;
	struct tally_bytes input = tally_bytes(data, size);
	struct tally_process_stage *stages;
	struct tally_state_answer answer;
	struct tally_checkpoint checkpoint;
	uint8_t tree, *room, *contents;
	struct tally_err err;

	fuzz_take(&input, &tree, 1);
	room = malloc(input.size + 1);
	contents = malloc(input.size + 1);
	PROMISE(room != NULL && contents != NULL);
	if (tally_process_file_parse(input, room, &file, &err) == 0) {
		PROMISE(tally_process_file_is(input) && file.state.count <= input.size);
		PROMISE(file.creator.size > 0 && file.process.size > 0);
		stages = calloc(file.state.count + 1, sizeof(*stages));
		PROMISE(stages != NULL);
		if (fuzz_checkpoint(&file.state, tree, &checkpoint) &&
		    tally_process_file_check_in(&file, &checkpoint, UINT64_MAX, contents, stages,
						&answer, &err) == 0)
			for (uint64_t i = 0; i < file.state.count; i++)
				look_at(&stages[i]);
		free(stages);
	}
	free(room);
	free(contents);
	return 0;
}
