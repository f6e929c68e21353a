/* The tables of actions as documents: OpenAPI 3.1, a JSON array of rows, a text. */
#include "actions_doc.h"

#include <stdio.h>

#include "actions_parts.h"
#include "actions_words.h"
#include "buf.h"
#include "rpcsign.h"

static void add_choices(struct tally_arena *arena, struct tally_node *to, const char *name,
			const struct tally_param *row)
{
	struct tally_node *list;
	size_t i;

	if (row->type != PARAM_ENUM)
		return;
	list = tally_add_list(arena, to, name, NULL);
	for (i = 0; row->choices[i] != NULL; i++)
		tally_add_str(arena, list, NULL, row->choices[i]);
}

/* ---- OpenAPI ---- */

static void add_bounds(struct tally_arena *arena, struct tally_node *to,
		       const struct tally_param *row)
{
	const char *low = NULL, *high = NULL;

	if (row->type == PARAM_UINT) {
		low = "minimum";
		high = "maximum";
	} else if (row->type == PARAM_TEXT) {
		low = "minLength";
		high = "maxLength";
	} else if (row->type == PARAM_LIST) {
		low = "minItems";
		high = "maxItems";
	}
	if (low != NULL && (row->min > 0 || row->type == PARAM_UINT))
		tally_add_uint(arena, to, low, row->min);
	if (high != NULL && row->max > 0)
		tally_add_uint(arena, to, high, row->max);
}

static void add_default(struct tally_arena *arena, struct tally_node *to,
			const struct tally_param *row)
{
	uint64_t number;

	if (row->fallback == NULL)
		return;
	if (row->type == PARAM_BOOL)
		tally_add_bool(arena, to, "default", strcmp(row->fallback, "true") == 0);
	else if (row->type == PARAM_UINT &&
		 tally_parse_u64(tally_bytes_str(row->fallback), UINT64_MAX, &number))
		tally_add_uint(arena, to, "default", number);
	else
		tally_add_str(arena, to, "default", row->fallback);
}

static void add_schema(struct tally_arena *arena, struct tally_node *to,
		       const struct tally_param *row)
{
	struct tally_node *schema = tally_add_object(arena, to, "schema");

	tally_add_str(arena, schema, "type", tally_param_words[row->type].json);
	if (row->type == PARAM_LIST)
		tally_add_str(arena, tally_add_object(arena, schema, "items"), "type", "string");
	if (tally_param_words[row->type].pattern != NULL)
		tally_add_str(arena, schema, "pattern", tally_param_words[row->type].pattern);
	if (row->type == PARAM_BASE64)
		tally_add_str(arena, schema, "contentEncoding", "base64");
	add_choices(arena, schema, "enum", row);
	add_bounds(arena, schema, row);
	add_default(arena, schema, row);
}

static void add_parameter(struct tally_arena *arena, struct tally_node *list,
			  const struct tally_param *row)
{
	struct tally_node *to = tally_add_object(arena, list, NULL);

	tally_add_str(arena, to, "name", row->name);
	tally_add_str(arena, to, "in", "query");
	tally_add_str(arena, to, "description", row->help);
	tally_add_bool(arena, to, "required", row->required);
	add_schema(arena, to, row);
}

static void add_action_parameter(struct tally_arena *arena, struct tally_node *list,
				 const struct tally_action *action)
{
	struct tally_node *to = tally_add_object(arena, list, NULL), *schema;

	tally_add_str(arena, to, "name", "Action");
	tally_add_str(arena, to, "in", "query");
	tally_add_bool(arena, to, "required", true);
	schema = tally_add_object(arena, to, "schema");
	tally_add_str(arena, schema, "type", "string");
	tally_add_str(arena, schema, "const", action->name);
}

static void add_body(struct tally_arena *arena, struct tally_node *to,
		     const struct tally_param *row)
{
	struct tally_node *body = tally_add_object(arena, to, "requestBody"), *content, *schema;

	tally_add_str(arena, body, "description", row->help);
	tally_add_bool(arena, body, "required", row->required);
	content = tally_add_object(arena, body, "content");
	schema = tally_add_object(arena, tally_add_object(arena, content, "application/json"),
				  "schema");
	tally_add_str(arena, schema, "type", "array");
	tally_add_str(arena, tally_add_object(arena, schema, "items"), "type", "object");
	schema = tally_add_object(arena, tally_add_object(arena, content, "application/x-ndjson"),
				  "schema");
	tally_add_str(arena, schema, "type", "string");
}

/* ---- replies: the flat rows as a nested schema ---- */

/* The end of a member's name within a path: '.', '[' or the end. */
static size_t name_size(const char *path)
{
	return strcspn(path, ".[");
}

void tally_openapi_members(struct tally_arena *arena, struct tally_node *schema,
			   const struct tally_reply_field *rows, const char *prefix, bool top)
{
	struct tally_node *properties, *required, *to;
	const struct tally_reply_field *row;
	size_t skip = strlen(prefix);

	tally_add_str(arena, schema, "type", "object");
	properties = tally_add_object(arena, schema, "properties");
	required = tally_add_list(arena, schema, "required", NULL);
	if (top) {
		to = tally_add_object(arena, properties, "RequestId");
		tally_add_str(arena, to, "type", "string");
		tally_add_str(arena, required, NULL, "RequestId");
	}
	for (row = rows; row->name != NULL; row++) {
		const char *name = row->name + skip;

		if (strncmp(row->name, prefix, skip) != 0 || name[name_size(name)] != '\0')
			continue;
		to = tally_add_object(arena, properties, name);
		if (!row->optional)
			tally_add_str(arena, required, NULL, name);
		tally_add_str(arena, to, "description", row->help);
		if (row->kind == NODE_OBJECT) {
			tally_openapi_members(arena, to, rows,
					      tally_arena_printf(arena, "%s.", row->name), false);
			continue;
		}
		tally_add_str(arena, to, "type", tally_node_words[row->kind]);
		if (row->kind == NODE_LIST) {
			const struct tally_reply_field *item = row + 1;
			struct tally_node *items = tally_add_object(arena, to, "items");

			/* a list's row is followed by the row of its items */
			if (item->kind == NODE_OBJECT)
				tally_openapi_members(arena, items, rows,
						      tally_arena_printf(arena, "%s.", item->name),
						      false);
			else
				tally_add_str(arena, items, "type", tally_node_words[item->kind]);
		}
	}
}

static void add_responses(struct tally_arena *arena, struct tally_node *to,
			  const struct tally_action *action)
{
	struct tally_node *responses = tally_add_object(arena, to, "responses"), *one, *content;

	one = tally_add_object(arena, responses, "200");
	tally_add_str(arena, one, "description", "Done.");
	content = tally_add_object(arena, one, "content");
	tally_openapi_members(arena, tally_add_object(arena, tally_add_object(arena, content,
									      "application/json"),
						      "schema"), action->reply, "", true);
	one = tally_add_object(arena, responses, "default");
	tally_add_str(arena, one, "$ref", "#/components/responses/Error");
}

static void add_operation(struct tally_arena *arena, struct tally_node *item,
			  const struct tally_action *action, const char *method)
{
	struct tally_node *to = tally_add_object(arena, item, method), *list;
	const struct tally_param *row;

	tally_add_str(arena, to, "operationId",
		      tally_arena_printf(arena, "%s_%s", method, action->name));
	tally_add_str(arena, to, "summary", action->summary);
	tally_add_str(arena, to, "description",
		      tally_arena_printf(arena, "Needs: %s.", tally_need_words[action->need]));
	list = tally_add_list(arena, to, "parameters", NULL);
	add_action_parameter(arena, list, action);
	for (row = action->params; row->name != NULL; row++)
		if (row->type != PARAM_BODY)
			add_parameter(arena, list, row);
	for (row = action->params; row->name != NULL; row++)
		if (row->type == PARAM_BODY)
			add_body(arena, to, row);
	add_responses(arena, to, action);
}

/* Returns the responses that are referred to. */
static struct tally_node *add_error(struct tally_arena *arena, struct tally_node *document)
{
	static const char *const members[] = { "RequestId", "HostId", "Code", "Message" };
	struct tally_node *responses, *error, *schema, *list;
	size_t i;

	responses = tally_add_object(arena, tally_add_object(arena, document, "components"), "responses");
	error = tally_add_object(arena, responses, "Error");
	tally_add_str(arena, error, "description", "Refused or failed: see Code.");
	schema = tally_add_object(arena, tally_add_object(arena,
			tally_add_object(arena, error, "content"), "application/json"), "schema");
	tally_add_str(arena, schema, "type", "object");
	list = tally_add_object(arena, schema, "properties");
	for (i = 0; i < 4; i++)
		tally_add_str(arena, tally_add_object(arena, list, members[i]), "type", "string");
	list = tally_add_list(arena, schema, "required", NULL);
	for (i = 0; i < 4; i++)
		tally_add_str(arena, list, NULL, members[i]);
	return responses;
}

struct tally_bytes tally_actions_openapi(struct tally_arena *arena)
{
	struct tally_node *document = tally_node_object(arena), *to, *item;
	size_t i;

	tally_add_str(arena, document, "openapi", "3.1.0");
	to = tally_add_object(arena, document, "info");
	tally_add_str(arena, to, "title", "Tallystick");
	tally_add_str(arena, to, "version", TALLY_RPC_VERSION);
	tally_add_str(arena, to, "description",
		      "Every action has the same path; what stands after '#' only tells them apart "
		      "here. The common parameters of signature version 1.0 come on top. A POST may "
		      "carry the parameters as a form body instead. Format=XML gives XML. Paths below /v1/ "
		      "are the endpoints of data sharing, each with a body of JSON.");
	to = tally_add_object(arena, document, "paths");
	for (i = 0; tally_actions[i] != NULL; i++) {
		const struct tally_action *action = tally_actions[i];

		item = tally_add_object(arena, to, tally_arena_printf(arena, "%s#Action=%s",
								      tally_action_path(action),
								      action->name));
		if (action->methods & METHOD_GET)
			add_operation(arena, item, action, "get");
		if (action->methods & METHOD_POST)
			add_operation(arena, item, action, "post");
	}
	tally_share_openapi_paths(arena, to);
	tally_share_openapi_error(arena, add_error(arena, document));
	return tally_encode_json(arena, document);
}

/* ---- rows as they are ---- */

static void add_row_params(struct tally_arena *arena, struct tally_node *to,
			   const struct tally_action *action)
{
	struct tally_node *list = tally_add_list(arena, to, "params", NULL), *one;
	const struct tally_param *row;

	for (row = action->params; row->name != NULL; row++) {
		one = tally_add_object(arena, list, NULL);
		tally_add_str(arena, one, "name", row->name);
		tally_add_str(arena, one, "type", tally_param_words[row->type].name);
		tally_add_bool(arena, one, "required", row->required);
		if (row->min > 0)
			tally_add_uint(arena, one, "min", row->min);
		if (row->max > 0)
			tally_add_uint(arena, one, "max", row->max);
		if (row->fallback != NULL)
			tally_add_str(arena, one, "default", row->fallback);
		add_choices(arena, one, "choices", row);
		tally_add_str(arena, one, "example", row->example);
		tally_add_str(arena, one, "help", row->help);
	}
}

void tally_actions_row_reply(struct tally_arena *arena, struct tally_node *to,
			     const struct tally_reply_field *row)
{
	struct tally_node *list = tally_add_list(arena, to, "reply", NULL), *one;

	for (; row->name != NULL; row++) {
		one = tally_add_object(arena, list, NULL);
		tally_add_str(arena, one, "name", row->name);
		tally_add_str(arena, one, "type", tally_node_words[row->kind]);
		tally_add_bool(arena, one, "optional", row->optional);
		tally_add_str(arena, one, "help", row->help);
	}
}

static void add_row_errors(struct tally_arena *arena, struct tally_node *to,
			   const struct tally_action *action)
{
	struct tally_node *list = tally_add_list(arena, to, "errors", NULL);
	enum tally_fault_kind kinds[TALLY_ACTION_FAULTS];
	size_t count = tally_action_faults(action, kinds), i;

	for (i = 0; i < count; i++) {
		struct tally_fault fault = { .kind = kinds[i] };

		tally_add_str(arena, list, NULL, tally_fault_code(&fault, arena));
	}
}

struct tally_bytes tally_actions_list(struct tally_arena *arena)
{
	struct tally_node *holder = tally_node_object(arena), *list, *to, *methods, *one;
	size_t i;

	list = tally_add_list(arena, holder, "actions", NULL);
	for (i = 0; tally_actions[i] != NULL; i++) {
		const struct tally_action *action = tally_actions[i];

		to = tally_add_object(arena, list, NULL);
		tally_add_str(arena, to, "name", action->name);
		tally_add_str(arena, to, "family",
			      action->family == FAMILY_ADMIN ? "admin" : "ledgerdb");
		tally_add_str(arena, to, "path", tally_action_path(action));
		tally_add_str(arena, to, "summary", action->summary);
		methods = tally_add_list(arena, to, "methods", NULL);
		if (action->methods & METHOD_GET)
			tally_add_str(arena, methods, NULL, "GET");
		if (action->methods & METHOD_POST)
			tally_add_str(arena, methods, NULL, "POST");
		tally_add_str(arena, to, "kind", action->kind == ACTION_READ ? "read" : "write");
		tally_add_str(arena, to, "need", tally_need_words[action->need]);
		add_row_params(arena, to, action);
		tally_actions_row_reply(arena, to, action->reply);
		add_row_errors(arena, to, action);
		one = tally_add_object(arena, to, "example");
		tally_add_str(arena, one, "call", tally_action_example(arena, action, EXAMPLE_CALL));
		if (tally_action_example(arena, action, EXAMPLE_CURL) != NULL)
			tally_add_str(arena, one, "curl",
				      tally_action_example(arena, action, EXAMPLE_CURL));
	}
	tally_share_rows(arena, list);
	return tally_encode_json(arena, list);
}

struct tally_bytes tally_actions_text(struct tally_arena *arena)
{
	struct tally_buf buf = { 0 };
	struct tally_bytes text;
	size_t i;

	for (i = 0; tally_actions[i] != NULL; i++)
		tally_buf_printf(&buf, "%-31s %-9s %s\n", tally_actions[i]->name,
				 tally_actions[i]->family == FAMILY_ADMIN ? "admin" : "ledgerdb",
				 tally_actions[i]->summary);
	tally_share_lines(&buf);
	text = tally_arena_bytes(arena, tally_buf_bytes(&buf));
	tally_buf_free(&buf);
	return text;
}
