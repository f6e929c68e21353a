/* Sharing processes: chains of orders, each a stage. */
#include "objects.h"

#include "jsonscan.h"

struct stages {
	struct tally_share_call *call;
	struct tally_node *list;
};

/* The member stageName of a content, which is read no further than to there and not taken apart: its other
 * members may be large. */
static bool find_name(struct tally_arena *arena, struct tally_bytes content, struct tally_bytes *name_r)
{
	struct tally_jsonscan_member member;
	struct tally_jsonscan scan;

	tally_jsonscan_begin(&scan, content);
	while (tally_jsonscan_next(&scan, &member) == 1) {
		uint8_t *text;

		if (!tally_jsonscan_is(member.name, "stageName") || !tally_jsonscan_is_text(&member))
			continue;
		text = tally_arena_alloc(arena, member.value.size);
		name_r->data = text;
		return tally_jsonscan_text(tally_bytes(member.value.data + 1, member.value.size - 2), text,
					   &name_r->size);
	}
	return false;
}

/* Its name is content, and may be removed from the ledger; the stage stays. */
static int add_stage(void *ctx, const struct tally_share_stage *stage, const struct tally_bytes *content,
		     struct tally_err *err)
{
	const struct stages *stages = ctx;
	struct tally_arena *arena = stages->call->arena;
	struct tally_node *to = tally_add_object(arena, stages->list, NULL);
	struct tally_bytes name = TALLY_BYTES_NONE;

	if (content != NULL && !find_name(arena, *content, &name))
		return tally_err_set(err, TALLY_CORRUPT, "journal %llu has no stageName",
				     (unsigned long long)stage->journal_id);
	tally_add_text(arena, to, "stageName", name);
	tally_share_add_time(arena, to, "createTime", stage->time_ms);
	tally_add_text(arena, to, "consumer", stage->consumer);
	tally_add_text(arena, to, "orderSeq", stage->order);
	return 0;
}

static int add_process(struct tally_share_call *call, struct tally_node *to,
		       const struct tally_share_object *process, struct tally_err *err)
{
	struct stages ctx = { .call = call };
	struct tally_share_stage *stages;
	size_t count;

	if (tally_share_stages(call->core, call->ledger_id, process->a, process->b, call->arena, &stages,
			       &count, err) != 0)
		return -1;
	tally_add_text(call->arena, to, "creatorDID", process->a);
	tally_add_text(call->arena, to, "processID", process->b);
	ctx.list = tally_add_list(call->arena, to, "stages", "item");
	return tally_share_stage_contents(call->core, call->ledger_id, stages, count, add_stage, &ctx, err);
}

int tally_share_query_process(struct tally_share_call *call, struct tally_err *err)
{
	struct tally_share_object process;

	if (tally_share_need(call, SHARE_PROCESS, tally_share_text(call, "creatorDID"),
			     tally_share_text(call, "processID"), &process, err) != 0)
		return -1;
	return add_process(call, call->reply, &process, err);
}

int tally_share_query_processes(struct tally_share_call *call, struct tally_err *err)
{
	struct tally_share_object *processes;
	struct tally_share_page page;
	struct tally_node *items;
	size_t count;

	if (tally_share_page(call, &page, err) != 0 ||
	    tally_share_list(call->core, call->ledger_id, SHARE_PROCESS,
			     tally_share_text(call, "creatorDID"), call->arena, &processes, &count,
			     err) != 0)
		return -1;
	items = tally_add_list(call->arena, call->reply, "items", "item");
	for (size_t i = 0; i < count; i++)
		if (tally_share_on_page(&page, i) &&
		    add_process(call, tally_add_object(call->arena, items, NULL), &processes[i],
				err) != 0)
			return -1;
	tally_share_add_page(call, &page, count);
	return 0;
}
