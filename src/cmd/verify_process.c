/* tally verify of a process proof file; see proofs.h and processfile.h. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>

#include <json-c/json.h>

#include "clock.h"
#include "err.h"
#include "print.h"
#include "processfile.h"
#include "proofs.h"

struct shown {
	struct tally_process_file *file;
	struct tally_process_stage *stages;
	struct tally_state_answer answer;
	struct tally_bytes origin;
	struct tally_arena *arena;
};

static uint64_t count_of(const struct shown *shown, bool other)
{
	uint64_t count = 0;

	for (uint64_t i = 0; i < shown->file->state.count; i++)
		count += shown->stages[i].other == other;
	return count;
}

static struct tally_bytes name_of(const struct shown *shown, const struct tally_process_stage *stage)
{
	return tally_process_stage_name(stage,
					tally_arena_alloc(shown->arena, stage->content.size + 1));
}

/* A name as the leaf has it. */
static struct tally_bytes text_of(const struct shown *shown, struct tally_bytes item)
{
	struct tally_bytes text = TALLY_BYTES_NONE;

	tally_canon_text(item, tally_arena_alloc(shown->arena, item.size), &text);
	return text;
}

/* ---- for people ---- */

static void say_stage(const struct shown *shown, const struct tally_process_stage *stage,
		      uint64_t number)
{
	char time[21];

	tally_time_format(stage->timestamp, time);
	printf("  stage %" PRIu64 ": %s at %s, as the server says, journal %" PRIu64 "\n", number,
	       stage->has_content ? verify_quoted(shown->arena, name_of(shown, stage)) :
				    "its name is not in the file,",
	       time, stage->journal_id);
	printf("    order %.*s of %.*s\n", (int)stage->order.size, (const char *)stage->order.data,
	       (int)stage->consumer.size, (const char *)stage->consumer.data);
	printf("    product %.*s of %.*s%s\n", (int)stage->product.size,
	       (const char *)stage->product.data, (int)stage->provider.size,
	       (const char *)stage->provider.data,
	       stage->has_content ? ", who signed it" : "; the signature is not in the file");
}

static void say_text(const struct shown *shown, const struct verify_signed *by)
{
	const struct tally_state_file *state = &shown->file->state;
	const char *process = verify_quoted(shown->arena, shown->file->process);
	const char *creator = verify_quoted(shown->arena, shown->file->creator);
	uint64_t stages = count_of(shown, false), others = count_of(shown, true), number = 0;

	if (stages == 0)
		printf("verified: there was no process %s of %s\n", process, creator);
	else
		printf("verified: the process %s of %s has exactly %" PRIu64 " stage%s\n", process,
		       creator, stages, stages == 1 ? "" : "s");
	for (uint64_t i = 0; i < state->count; i++)
		if (!shown->stages[i].other)
			say_stage(shown, &shown->stages[i], ++number);
	if (others > 0)
		printf("  other journals with its clue, which are no stages: %" PRIu64 "\n", others);
	verify_say_state(&shown->answer, shown->origin);
	by->say(by->ctx);
}

/* ---- for programs ---- */

static void add_text(json_object *to, const char *name, struct tally_bytes text)
{
	json_object_object_add(to, name, json_object_new_string_len((const char *)text.data,
								    (int)text.size));
}

static json_object *stage_json(const struct shown *shown, const struct tally_process_stage *stage)
{
	json_object *to = json_object_new_object();
	char hex[2 * TALLY_HASH_SIZE + 1];

	if (stage->has_content)
		add_text(to, "StageName", name_of(shown, stage));
	json_object_object_add(to, "Timestamp", json_object_new_uint64(stage->timestamp));
	add_text(to, "Consumer", text_of(shown, stage->consumer));
	add_text(to, "OrderSeq", text_of(shown, stage->order));
	add_text(to, "Provider", text_of(shown, stage->provider));
	add_text(to, "ProductId", text_of(shown, stage->product));
	json_object_object_add(to, "Signed", json_object_new_boolean(stage->has_content));
	json_object_object_add(to, "JournalId", json_object_new_uint64(stage->journal_id));
	tally_hex_encode(stage->hash.bytes, TALLY_HASH_SIZE, hex);
	json_object_object_add(to, "JournalHash", json_object_new_string(hex));
	return to;
}

static void say_json(const struct shown *shown, const struct verify_signed *by)
{
	const struct tally_state_file *state = &shown->file->state;
	json_object *all = json_object_new_object(), *list = json_object_new_array();

	verify_state_json(&shown->answer, shown->origin, state, all);
	json_object_object_add(all, "Kind", json_object_new_string("process"));
	add_text(all, "Creator", shown->file->creator);
	add_text(all, "Process", shown->file->process);
	json_object_object_add(all, "Count", json_object_new_uint64(count_of(shown, false)));
	json_object_object_add(all, "OtherJournals", json_object_new_uint64(count_of(shown, true)));
	for (uint64_t i = 0; i < state->count; i++)
		if (!shown->stages[i].other)
			json_object_array_add(list, stage_json(shown, &shown->stages[i]));
	json_object_object_add(all, "Stages", list);
	by->json(by->ctx, all);
	print_json(all);
}

/* ---- the check ---- */

/* False after printing why not. */
static bool check(const struct verb_call *call, struct tally_bytes text,
		  const struct verify_signed *by, uint64_t lag_max, struct shown *shown)
{
	struct tally_checkpoint checkpoint;
	struct tally_err err;

	shown->file = tally_arena_alloc(shown->arena, sizeof *shown->file);
	if (tally_process_file_parse(text, tally_arena_alloc(shown->arena, text.size), shown->file,
				     &err) != 0) {
		verb_fail(call, "NOT VERIFIED: %s", err.text);
		return false;
	}
	if (!by->check(by->ctx, shown->file->state.checkpoint, &checkpoint))
		return false;
	shown->origin = checkpoint.origin;
	shown->stages = tally_arena_array(shown->arena, struct tally_process_stage,
					  shown->file->state.count + 1);
	if (tally_process_file_check_in(shown->file, &checkpoint, lag_max,
					tally_arena_alloc(shown->arena, text.size), shown->stages,
					&shown->answer, &err) != 0) {
		verb_fail(call, "NOT VERIFIED: %s", err.text);
		return false;
	}
	return true;
}

int verify_process(const struct verb_call *call, struct tally_bytes text,
		   const struct verify_signed *by, struct tally_arena *arena)
{
	struct shown shown = { .arena = arena };
	uint64_t lag_max;

	if (!verify_max_lag(call, &lag_max))
		return VERB_USAGE;
	if (!check(call, text, by, lag_max, &shown))
		return VERB_FAILED;
	if (verb_given(call, "json"))
		say_json(&shown, by);
	else
		say_text(&shown, by);
	return VERB_OK;
}
