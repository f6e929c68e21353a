/* The endpoints of data sharing in the documents of actions: OpenAPI 3.1, rows, lines. */
#include "actions_parts.h"

#include "buf.h"
#include "endpoint_words.h"

/* The six fields of every body; a signature in a header may stand for the last one. */
static const struct {
	const char *name, *help;
	bool required;
} common[] = {
	{ "orgID", "The caller's organisation.", true },
	{ "channelID", "The channel.", true },
	{ "cryptoMethod", "SW.", true },
	{ "cert", "The caller's certificate, PEM, with those between it and the organisation's CA.", true },
	{ "timestamp", "RFC 3339, with an offset.", true },
	{ "sk", "Its private key, PEM; without it the header x-bcs-signature-sign signs the body.", false },
};
#define COMMON (sizeof(common) / sizeof(*common))

static void add_choices(struct tally_arena *arena, struct tally_node *to, const char *name,
			const struct tally_share_param *param)
{
	struct tally_node *list;

	if (param->choices == NULL)
		return;
	list = tally_add_list(arena, to, name, NULL);
	for (size_t i = 0; param->choices[i] != NULL; i++)
		tally_add_str(arena, list, NULL, param->choices[i]);
}

/* ---- OpenAPI ---- */

/* Of a text in characters; 0: it has no bound of its own. */
static uint64_t longest(const struct tally_share_param *param)
{
	switch (param->type) {
	case SP_TEXT: case SP_INDEX: return param->max > 0 ? param->max : 256;
	case SP_DID: return TALLY_DID_MAX;
	case SP_NAME: return TALLY_SHARE_NAME_MAX;
	case SP_LONG_NAME: return TALLY_SHARE_LONG_MAX;
	default: return 0;
	}
}

static struct tally_node *add_property(struct tally_arena *arena, struct tally_node *properties,
				       const struct tally_share_param *param)
{
	struct tally_node *to = tally_add_object(arena, properties, param->name);

	tally_add_str(arena, to, "type", tally_share_type_words[param->type].json);
	tally_add_str(arena, to, "description", tally_share_param_words(param->name)->help);
	if (param->type == SP_LIST)
		tally_add_str(arena, tally_add_object(arena, to, "items"), "type", "object");
	if (param->type == SP_BASE64)
		tally_add_str(arena, to, "contentEncoding", "base64");
	if (param->type == SP_NUMBER)
		tally_add_uint(arena, to, "maximum", param->max);
	if (longest(param) > 0)
		tally_add_uint(arena, to, "maxLength", longest(param));
	add_choices(arena, to, "enum", param);
	return to;
}

static void add_required(struct tally_arena *arena, struct tally_node *schema,
			 const struct tally_share_param *params)
{
	struct tally_node *list = tally_add_list(arena, schema, "required", NULL);

	for (; params->name != NULL; params++)
		if (params->required)
			tally_add_str(arena, list, NULL, params->name);
}

/* What is behind an object "within" stands either in it or beside it, so what is required of that is
 * required there. */
static void add_within(struct tally_arena *arena, struct tally_node *schema, struct tally_node *property,
		       const struct tally_share_param *param)
{
	struct tally_node *list = tally_add_object(arena, property, "properties");

	for (size_t i = 1; param[i].name != NULL; i++)
		add_property(arena, list, &param[i]);
	add_required(arena, property, param + 1);
	list = tally_add_list(arena, schema, "anyOf", NULL);
	tally_add_str(arena, tally_add_list(arena, tally_add_object(arena, list, NULL), "required", NULL), NULL,
		      param->name);
	add_required(arena, tally_add_object(arena, list, NULL), param + 1);
}

static void add_body(struct tally_arena *arena, struct tally_node *to,
		     const struct tally_share_endpoint *row)
{
	struct tally_node *body = tally_add_object(arena, to, "requestBody"), *content, *schema, *list;
	const struct tally_share_param *param;

	tally_add_bool(arena, body, "required", true);
	content = tally_add_object(arena, body, "content");
	schema = tally_add_object(arena, tally_add_object(arena, content, "application/json"), "schema");
	tally_add_str(arena, schema, "type", "object");
	list = tally_add_object(arena, schema, "properties");
	for (size_t i = 0; i < COMMON; i++) {
		struct tally_node *one = tally_add_object(arena, list, common[i].name);

		tally_add_str(arena, one, "type", "string");
		tally_add_str(arena, one, "description", common[i].help);
	}
	for (param = row->params; param->name != NULL; param++) {
		struct tally_node *property = add_property(arena, list, param);

		if (param->type == SP_WITHIN)
			add_within(arena, schema, property, param);
	}
	list = tally_add_list(arena, schema, "required", NULL);
	for (size_t i = 0; i < COMMON; i++)
		if (common[i].required || row->needs_private)
			tally_add_str(arena, list, NULL, common[i].name);
	for (param = row->params; param->name != NULL && param->type != SP_WITHIN; param++)
		if (param->required)
			tally_add_str(arena, list, NULL, param->name);
}

static void add_operation(struct tally_arena *arena, struct tally_node *item,
			  const struct tally_share_endpoint *row, const struct tally_share_words *words)
{
	const char *method = strcmp(row->method, "POST") == 0 ? "post" :
			     strcmp(row->method, "PUT") == 0 ? "put" : "delete";
	const struct tally_share_fault wrong = { .kind = SHARE_FAULT_ARGUMENTS };
	struct tally_node *to = tally_add_object(arena, item, method), *responses, *one;
	int status;

	tally_add_str(arena, to, "operationId", row->name);
	tally_add_str(arena, to, "summary", words->summary);
	tally_add_str(arena, to, "description",
		      tally_arena_printf(arena, "Needs: %s.", tally_share_need_words(row)));
	add_body(arena, to, row);
	responses = tally_add_object(arena, to, "responses");
	one = tally_add_object(arena, responses, "200");
	tally_add_str(arena, one, "description", "Done.");
	one = tally_add_object(arena, tally_add_object(arena, one, "content"), "application/json");
	tally_openapi_members(arena, tally_add_object(arena, one, "schema"), words->reply, "", false);
	status = tally_share_endpoint_status(row, &wrong);
	if (status != tally_share_fault_status(&wrong)) {
		one = tally_add_object(arena, responses, tally_arena_printf(arena, "%d", status));
		tally_add_str(arena, one, "$ref", "#/components/responses/ShareError");
	}
	one = tally_add_object(arena, responses, "default");
	tally_add_str(arena, one, "$ref", "#/components/responses/ShareError");
}

/* Rows of one path need not stand together, but a path stands once. */
static bool is_first(const struct tally_share_endpoint *row)
{
	for (const struct tally_share_endpoint *other = tally_share_endpoints; other < row; other++)
		if (tally_share_words(other) != NULL && strcmp(other->path, row->path) == 0)
			return false;
	return tally_share_words(row) != NULL;
}

void tally_share_openapi_paths(struct tally_arena *arena, struct tally_node *paths)
{
	for (const struct tally_share_endpoint *row = tally_share_endpoints; row->path != NULL; row++) {
		struct tally_node *item;

		if (!is_first(row))
			continue;
		item = tally_add_object(arena, paths, row->path);
		for (const struct tally_share_endpoint *of = row; of->path != NULL; of++)
			if (strcmp(of->path, row->path) == 0 && tally_share_words(of) != NULL)
				add_operation(arena, item, of, tally_share_words(of));
	}
}

void tally_share_openapi_error(struct tally_arena *arena, struct tally_node *responses)
{
	static const struct tally_reply_field error[] = {
		{ "errorCode", NODE_TEXT, false, "BCS. and seven digits." },
		{ "errorMsg", NODE_TEXT, false, "What is wrong." }, REPLY_END
	};
	struct tally_node *to = tally_add_object(arena, responses, "ShareError"), *content;

	tally_add_str(arena, to, "description", "Refused or failed: see errorCode.");
	content = tally_add_object(arena, tally_add_object(arena, to, "content"), "application/json");
	tally_openapi_members(arena, tally_add_object(arena, content, "schema"), error, "", false);
}

/* ---- rows as they are ---- */

static void add_row_params(struct tally_arena *arena, struct tally_node *to,
			   const struct tally_share_endpoint *row)
{
	struct tally_node *list = tally_add_list(arena, to, "params", NULL);

	for (const struct tally_share_param *param = row->params; param->name != NULL; param++) {
		const struct tally_share_param_words *words = tally_share_param_words(param->name);
		struct tally_node *one = tally_add_object(arena, list, NULL);

		tally_add_str(arena, one, "name", param->name);
		tally_add_str(arena, one, "type", tally_share_type_words[param->type].name);
		tally_add_bool(arena, one, "required", param->required);
		if (param->max > 0)
			tally_add_uint(arena, one, "max", param->max);
		add_choices(arena, one, "choices", param);
		tally_add_str(arena, one, "example", words->example);
		tally_add_str(arena, one, "help", words->help);
	}
}

static void add_row(struct tally_arena *arena, struct tally_node *list,
		    const struct tally_share_endpoint *row, const struct tally_share_words *words)
{
	struct tally_node *to = tally_add_object(arena, list, NULL), *errors;
	enum tally_share_fault_kind kinds[TALLY_SHARE_ROW_FAULTS];
	size_t count = tally_share_row_faults(row, kinds);

	tally_add_str(arena, to, "name", row->name);
	tally_add_str(arena, to, "family", "datashare");
	tally_add_str(arena, to, "path", row->path);
	tally_add_str(arena, to, "summary", words->summary);
	tally_add_str(arena, tally_add_list(arena, to, "methods", NULL), NULL, row->method);
	tally_add_str(arena, to, "kind", words->writes ? "write" : "read");
	tally_add_str(arena, to, "need", tally_share_need_words(row));
	add_row_params(arena, to, row);
	tally_actions_row_reply(arena, to, words->reply);
	errors = tally_add_list(arena, to, "errors", NULL);
	for (size_t i = 0; i < count; i++)
		tally_add_str(arena, errors, NULL, tally_share_fault_code(kinds[i]));
	tally_add_str(arena, tally_add_object(arena, to, "example"), row->needs_private ? "curl" : "call",
		      tally_share_example(arena, row));
}

void tally_share_rows(struct tally_arena *arena, struct tally_node *list)
{
	for (const struct tally_share_endpoint *row = tally_share_endpoints; row->path != NULL; row++)
		if (tally_share_words(row) != NULL)
			add_row(arena, list, row, tally_share_words(row));
}

void tally_share_lines(struct tally_buf *buf)
{
	for (const struct tally_share_endpoint *row = tally_share_endpoints; row->path != NULL; row++)
		if (tally_share_words(row) != NULL)
			tally_buf_printf(buf, "%-31s %-9s %s\n", row->name, "datashare",
					 tally_share_words(row)->summary);
}
