/*
 * Process proof files from outside. Whatever is in them, neither room is left; a file that parses is
 * checked against the very checkpoint that its own path leads to, so that its stages are reached.
 */
#include "err.h"
#include "fuzz.h"
#include "processfile.h"

/* The checkpoint of a log in which the file's state root stands where it says. */
static bool make_checkpoint(const struct tally_state_file *file, uint64_t size,
			    struct tally_checkpoint *checkpoint_r)
{
	static char origin[TALLY_KEY_NAME_MAX + 1];
	struct tally_leaf leaf;
	struct tally_hash hash;

	if (!tally_leaf_parse(file->root_leaf, &leaf) ||
	    snprintf(origin, sizeof(origin), "x/%.*s", (int)file->ledger_id.size,
		     (const char *)file->ledger_id.data) >= (int)sizeof(origin))
		return false;
	tally_leaf_hash(file->root_leaf, &hash);
	*checkpoint_r = (struct tally_checkpoint){ .origin = tally_bytes_str(origin), .size = size };
	return tally_inclusion_root(leaf.journal_id, size, &hash, file->root_path,
				    file->root_path_count, &checkpoint_r->root);
}

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
		if (make_checkpoint(&file.state, tree, &checkpoint) &&
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
