/*
 * Schemas of credentials: which attributes the data of a credential has, and of what types. The content of
 * a schema is {"schema": {"title": "...", "attributes": [{"name", "type", "description"}, ...]}}.
 */
#include "credentials.h"

#include <json.h>

#include "json_in.h"
#include "utf8.h"

#define ATTRIBUTES 64
#define NAME_MAX 128		/* characters */
#define DESCRIPTION_MAX 1024

/* ---- attributes ---- */

static bool is_number(struct json_object *value)
{
	return json_object_is_type(value, json_type_int) ||
	       json_object_is_type(value, json_type_double);
}

static bool is_text(struct json_object *value)
{
	return json_object_is_type(value, json_type_string);
}

static bool is_integer(struct json_object *value)
{
	return json_object_is_type(value, json_type_int);
}

static bool is_boolean(struct json_object *value)
{
	return json_object_is_type(value, json_type_boolean);
}

static bool is_object(struct json_object *value)
{
	return json_object_is_type(value, json_type_object);
}

static bool is_array(struct json_object *value)
{
	return json_object_is_type(value, json_type_array);
}

static const struct type {
	const char *name;
	bool (*is)(struct json_object *value);
} types[] = {
	{ "string", is_text }, { "number", is_number }, { "integer", is_integer },
	{ "boolean", is_boolean }, { "object", is_object }, { "array", is_array },
};

static const struct type *find_type(struct tally_bytes name)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (tally_bytes_is(name, types[i].name))
			return &types[i];
	return NULL;
}

static int wrong_attribute(struct tally_err *err, size_t i, const char *why)
{
	return tally_err_about(err, TALLY_INVALID, "attributes", "number %zu %s", i + 1, why);
}

/* An absent member is empty. False: it is no text, or too long. */
static bool text_of(struct tally_arena *arena, struct json_object *attribute, const char *name,
		    size_t max, struct tally_bytes *text_r)
{
	struct json_object *member = NULL;

	*text_r = TALLY_BYTES_NONE;
	json_object_object_get_ex(attribute, name, &member);
	return member == NULL ||
	       (tally_json_text(arena, member, text_r) && tally_utf8_printable(*text_r) &&
		tally_utf8_length(*text_r) <= max);
}

/* Has an earlier one this name? */
static bool is_twice(struct tally_arena *arena, struct json_object *attributes, size_t i,
		     struct tally_bytes name)
{
	struct tally_bytes other;

	for (size_t j = 0; j < i; j++)
		if (text_of(arena, json_object_array_get_idx(attributes, j), "name", NAME_MAX, &other) &&
		    tally_bytes_equal(other, name))
			return true;
	return false;
}

int tally_share_check_attributes(struct tally_arena *arena, struct json_object *attributes,
				 struct tally_err *err)
{
	size_t count = json_object_array_length(attributes);
	struct tally_bytes name, type, description;

	if (count > ATTRIBUTES)
		return tally_err_about(err, TALLY_INVALID, "attributes", "there are up to %d of them",
				       ATTRIBUTES);
	for (size_t i = 0; i < count; i++) {
		struct json_object *attribute = json_object_array_get_idx(attributes, i);

		if (!text_of(arena, attribute, "name", NAME_MAX, &name) || name.size == 0)
			return wrong_attribute(err, i, "has no name, or one that is none");
		if (!text_of(arena, attribute, "type", NAME_MAX, &type) || find_type(type) == NULL)
			return wrong_attribute(err, i, "has no type: string, number, integer, boolean, "
					       "object or array");
		if (!text_of(arena, attribute, "description", DESCRIPTION_MAX, &description))
			return wrong_attribute(err, i, "has a description that is none");
		if (is_twice(arena, attributes, i, name))
			return wrong_attribute(err, i, "has the name of another one");
	}
	return 0;
}

/* ---- data ---- */

static int wrong_data(struct tally_err *err, const char *name, const char *why)
{
	return tally_err_about(err, TALLY_INVALID, "data", "the attribute %.100s %s", name, why);
}

static const char *member_text(struct json_object *object, const char *name)
{
	struct json_object *member = NULL;

	json_object_object_get_ex(object, name, &member);
	return member != NULL ? json_object_get_string(member) : "";
}

/* All attributes, each of its type. */
static int has_all(struct json_object *attributes, struct json_object *data, struct tally_err *err)
{
	for (size_t i = 0; i < json_object_array_length(attributes); i++) {
		struct json_object *attribute = json_object_array_get_idx(attributes, i), *value;
		const char *name = member_text(attribute, "name");
		const struct type *type = find_type(tally_bytes_str(member_text(attribute, "type")));

		if (!json_object_object_get_ex(data, name, &value))
			return wrong_data(err, name, "is missing");
		if (type == NULL || !type->is(value))
			return wrong_data(err, name, "is of another type");
	}
	return 0;
}

static bool is_known(struct json_object *attributes, const char *name)
{
	for (size_t i = 0; i < json_object_array_length(attributes); i++)
		if (strcmp(member_text(json_object_array_get_idx(attributes, i), "name"), name) == 0)
			return true;
	return false;
}

static int check_members(struct json_object *attributes, struct json_object *data,
			 struct tally_err *err)
{
	if (json_object_array_length(attributes) == 0)
		return 0;
	if (has_all(attributes, data, err) != 0)
		return -1;
	json_object_object_foreach(data, name, value) {
		(void)value;
		if (!is_known(attributes, name))
			return wrong_data(err, name, "is not in the schema");
	}
	return 0;
}

int tally_share_check_data(struct json_object *attributes, struct tally_bytes data,
			   struct tally_err *err)
{
	struct json_object *object = tally_json_parse(data);
	int result;

	if (!json_object_is_type(object, json_type_object) || !tally_json_once(object, data))
		result = tally_err_about(err, TALLY_INVALID, "data", "it is no JSON object");
	else
		result = check_members(attributes, object, err);
	json_object_put(object);
	return result;
}

/* ---- answers ---- */

/* CredentialSchema, as of its last publication. */
static int add_schema(struct tally_share_call *call, struct tally_node *to,
		      const struct tally_share_object *schema, struct tally_err *err)
{
	struct json_object *whole, *part, *attributes = NULL;

	if (tally_share_open(call, schema->content, "schema", &whole, &part, err) != 0)
		return -1;
	tally_add_text(call->arena, to, "creator", schema->a);
	tally_share_copy(call, to, part, "title");
	tally_add_text(call->arena, to, "identifier", schema->b);
	json_object_object_get_ex(part, "attributes", &attributes);
	tally_share_add_json(call->arena, to, "attributes", attributes);
	tally_add_uint(call->arena, to, "version", schema->version);
	json_object_put(whole);
	return 0;
}

int tally_share_query_schema(struct tally_share_call *call, struct tally_err *err)
{
	struct tally_share_object schema;

	if (tally_share_need_index(call, SHARE_SCHEMA, "schemaIndex", &schema, err) != 0)
		return -1;
	return add_schema(call, call->reply, &schema, err);
}

/* ---- publishing ---- */

static struct tally_bytes schema_content(struct tally_share_call *call, struct json_object *attributes)
{
	struct tally_node *root = tally_node_object(call->arena);
	struct tally_node *to = tally_add_object(call->arena, root, "schema");
	struct tally_node *list;
	size_t count = attributes != NULL ? json_object_array_length(attributes) : 0;

	tally_add_text(call->arena, to, "title", tally_share_text(call, "title"));
	list = tally_add_list(call->arena, to, "attributes", "item");
	for (size_t i = 0; i < count; i++) {
		struct json_object *attribute = json_object_array_get_idx(attributes, i);
		struct tally_node *item = tally_add_object(call->arena, list, NULL);

		tally_share_copy(call, item, attribute, "name");
		tally_share_copy(call, item, attribute, "type");
		tally_share_copy(call, item, attribute, "description");
	}
	return tally_encode_json(call->arena, root);
}

int tally_share_publish_schema(struct tally_share_call *call, struct tally_err *err)
{
	struct json_object *attributes = tally_share_value(call, "attributes")->json;
	struct tally_bytes issuer = tally_share_text(call, "issuer");
	struct tally_bytes identifier = tally_share_text(call, "identifier");
	struct tally_share_object schema;
	struct tally_share_change change;
	struct tally_share_done done;

	if (tally_share_must_be(call, issuer, err) != 0 ||
	    (attributes != NULL && tally_share_check_attributes(call->arena, attributes, err) != 0))
		return -1;
	tally_share_begin(call, "publish-schema", &change);
	tally_share_say(&change, "publisher", issuer);
	tally_share_say(&change, "schema", identifier);
	change.content = schema_content(call, attributes);
	if (tally_share_run(call, &change, &done, err) != 0 ||
	    tally_share_need(call, SHARE_SCHEMA, issuer, identifier, &schema, err) != 0)
		return -1;
	tally_add_text(call->arena, call->reply, "schemaIndex",
		       tally_share_index(call->arena, issuer, identifier));
	return add_schema(call, tally_add_object(call->arena, call->reply, "credentialSchema"), &schema,
			  err);
}
