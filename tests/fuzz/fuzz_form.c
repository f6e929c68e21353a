/*
 * Query strings and form bodies: the first byte says where the query ends and the body begins.
 * What parses is sorted, without duplicates, found by its names, and means the same when it is
 * written canonically and parsed again; the string to sign is plain ASCII whatever came in.
 */
#include "arena.h"
#include "decode.h"
#include "fuzz.h"
#include "utf8.h"

static const char *const choices[] = { "ONE", "TWO", NULL };
static const struct tally_param rows[] = {
	{ .name = "A", .type = PARAM_TEXT, .max = 9 }, { .name = "B", .type = PARAM_RAW },
	{ .name = "C", .type = PARAM_BASE64 }, { .name = "D", .type = PARAM_LEDGER_ID },
	{ .name = "E", .type = PARAM_UINT, .max = 99 }, { .name = "F", .type = PARAM_BOOL },
	{ .name = "G", .type = PARAM_ENUM, .choices = choices },
	{ .name = "H", .type = PARAM_HASH }, { .name = "I", .type = PARAM_TOKEN },
	{ .name = "J", .type = PARAM_NEXT }, { .name = "K", .type = PARAM_LIST, .max = 5 },
	PARAM_END
};
static const struct tally_reply_field reply[] = { REPLY_END };
static const struct tally_action action = { .name = "Fuzz", .params = rows, .reply = reply };

static void check_values(const struct tally_values *values)
{
	struct tally_call call = { .action = &action, .values = (struct tally_values *)values };
	const struct tally_bytes *items;
	size_t count = tally_arg_list(&call, "K", &items), i;

	PROMISE(tally_utf8_printable(tally_arg_bytes(&call, "A")));
	PROMISE(tally_utf8_valid(tally_arg_bytes(&call, "B")));
	PROMISE(tally_arg_uint(&call, "E", 0) <= 99);
	PROMISE(tally_arg_enum(&call, "G") < 2);
	PROMISE(!tally_arg_given(&call, "H") || tally_arg_bytes(&call, "H").size == 32);
	PROMISE(count <= 5);
	for (i = 0; i < count; i++)
		PROMISE(items[i].size > 0 && tally_utf8_valid(items[i]));
}

static void check_canonical(struct tally_arena *arena, const struct tally_form *form)
{
	struct tally_bytes query = tally_rpc_canonical_query(arena, form->params, form->count);
	struct tally_bytes text = tally_rpc_string_to_sign(arena, "GET", form->params, form->count);
	struct tally_bytes value;
	struct tally_form again;
	struct tally_fault fault;
	size_t i;

	PROMISE(tally_utf8_printable(text));
	PROMISE(tally_form_parse(arena, query, TALLY_BYTES_NONE, &again, &fault) == 0);
	PROMISE(again.count == form->count - tally_form_get(form, "Signature", &value));
	PROMISE(tally_bytes_equal(query, tally_rpc_canonical_query(arena, again.params,
								   again.count)));
	for (i = 1; i < form->count; i++)
		PROMISE(tally_bytes_compare(form->params[i - 1].name, form->params[i].name) < 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tally_arena arena = { 0 };
	struct tally_bytes query, body = TALLY_BYTES_NONE;
	struct tally_form form;
	struct tally_fault fault;
	struct tally_values values;
	size_t cut = size > 0 ? data[0] : 0;

	query = tally_bytes(data + (size > 0), size - (size > 0));
	if (cut < query.size) {
		body = tally_bytes(query.data + cut, query.size - cut);
		query.size = cut;
	}
	if (tally_form_parse(&arena, query, body, &form, &fault) == 0) {
		check_canonical(&arena, &form);
		if (tally_decode(&arena, &action, &form, BODY_FORM, body, &values, &fault) == 0)
			check_values(&values);
	}
	if (fault.kind != FAULT_NONE) {
		PROMISE(tally_utf8_valid(tally_fault_message(&fault, &arena)));
		PROMISE(tally_fault_status(&fault) == 400);
	}
	tally_arena_free(&arena);
	return 0;
}
