/* Sharing processes: chains of orders, each a stage. */
#include "objects.h"

#include <json.h>

/* Its name is content, and may be removed from the ledger; the stage stays. */
static int stage_name(struct tally_share_call *call, const struct tally_share_stage *stage,
		      struct tally_bytes *name_r, struct tally_err *err)
{
	struct json_object *whole, *part;

	*name_r = TALLY_BYTES_NONE;
	if (tally_share_open(call, stage->journal_id, "stageName", &whole, &part, err) != 0)
		return err->code == TALLY_NOTFOUND ? 0 : -1;
	*name_r = tally_share_member(call, whole, "stageName");
	json_object_put(whole);
	return 0;
}

static int add_process(struct tally_share_call *call, struct tally_node *to,
		       const struct tally_share_object *process, struct tally_err *err)
{
	struct tally_share_stage *stages;
	struct tally_node *list;
	size_t count;

	if (tally_share_stages(call->core, call->ledger_id, process->a, process->b, call->arena, &stages,
			       &count, err) != 0)
		return -1;
	tally_add_text(call->arena, to, "creatorDID", process->a);
	tally_add_text(call->arena, to, "processID", process->b);
	list = tally_add_list(call->arena, to, "stages", "item");
	for (size_t i = 0; i < count; i++) {
		struct tally_node *stage = tally_add_object(call->arena, list, NULL);
		struct tally_bytes name;

		if (stage_name(call, &stages[i], &name, err) != 0)
			return -1;
		tally_add_text(call->arena, stage, "stageName", name);
		tally_share_add_time(call->arena, stage, "createTime", stages[i].time_ms);
		tally_add_text(call->arena, stage, "consumer", stages[i].consumer);
		tally_add_text(call->arena, stage, "orderSeq", stages[i].order);
	}
	return 0;
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
