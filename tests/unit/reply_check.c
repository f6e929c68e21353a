/* See reply_check.h. Both formats become one json-c value, which is then held against the rows. */
#include "reply_check.h"

#include <json.h>
#include <libxml/parser.h>
#include <stdio.h>
#include <stdlib.h>

#include "reply.h"

static char why[600];

__attribute__((format(printf, 1, 2)))
static const char *because(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	return why;
}

static const struct tally_reply_field request_id[] = {
	{ "RequestId", NODE_TEXT, false, "" }, REPLY_END
};
static const struct tally_reply_field error_rows[] = {
	{ "HostId", NODE_TEXT, false, "" }, { "Code", NODE_TEXT, false, "" },
	{ "Message", NODE_TEXT, false, "" }, { "Recommend", NODE_TEXT, true, "" }, REPLY_END
};

static const struct tally_reply_field *find_row(const struct tally_reply_field *rows,
						const char *path)
{
	const struct tally_reply_field *row;

	for (row = request_id; row->name != NULL; row++)
		if (strcmp(row->name, path) == 0)
			return row;
	for (row = rows; row->name != NULL; row++)
		if (strcmp(row->name, path) == 0)
			return row;
	return NULL;
}

/* The row of a list's items: "Clues[Clue]" of "Clues". */
static const struct tally_reply_field *item_row(const struct tally_reply_field *rows,
						const char *path)
{
	size_t size = strlen(path);
	const struct tally_reply_field *row;

	for (row = rows; row->name != NULL; row++)
		if (strncmp(row->name, path, size) == 0 && row->name[size] == '[' &&
		    strchr(row->name + size, ']')[1] == '\0')
			return row;
	return NULL;
}

static enum tally_node_kind kind_of(const struct tally_reply_field *row, bool docs)
{
	enum tally_node_kind kind = row->kind;

	if (docs)
		tally_shape_differs(row->name, &kind);
	return kind;
}

/* ---- XML, by the rows ---- */

struct reader {
	const struct tally_reply_field *rows;
	bool docs;
	bool bad;
};

static struct json_object *read_element(struct reader *reader, xmlNodePtr element,
					const char *path, enum tally_node_kind kind);

static void read_children(struct reader *reader, xmlNodePtr element, const char *path,
			  struct json_object *to)
{
	xmlNodePtr child;

	for (child = element->children; child != NULL; child = child->next) {
		const char *name = (const char *)child->name;
		const struct tally_reply_field *row;
		char below[300];

		if (child->type != XML_ELEMENT_NODE) {
			reader->bad = true;
			because("text within %s", path);
			return;
		}
		snprintf(below, sizeof(below), "%s%s%s", path, *path != '\0' ? "." : "", name);
		row = find_row(reader->rows, below);
		if (row == NULL || json_object_object_get_ex(to, name, NULL)) {
			reader->bad = true;
			because("%s is not in the rows, or there twice", below);
			return;
		}
		json_object_object_add(to, name,
				       read_element(reader, child, row->name,
						    kind_of(row, reader->docs)));
	}
}

static void read_items(struct reader *reader, xmlNodePtr element, const char *path,
		       struct json_object *to)
{
	const struct tally_reply_field *row = item_row(reader->rows, path);
	xmlNodePtr child;

	for (child = element->children; child != NULL; child = child->next) {
		char below[300];

		snprintf(below, sizeof(below), "%s[%s]", path, (const char *)child->name);
		if (row == NULL || strcmp(row->name, below) != 0) {
			reader->bad = true;
			because("an item is %s", below);
			return;
		}
		json_object_array_add(to, read_element(reader, child, below,
						       kind_of(row, reader->docs)));
	}
}

static struct json_object *read_element(struct reader *reader, xmlNodePtr element,
					const char *path, enum tally_node_kind kind)
{
	struct json_object *value;
	xmlChar *text;

	if (kind == NODE_OBJECT) {
		value = json_object_new_object();
		read_children(reader, element, path, value);
		return value;
	}
	if (kind == NODE_LIST) {
		value = json_object_new_array();
		read_items(reader, element, path, value);
		return value;
	}
	text = xmlNodeGetContent(element);
	if (kind == NODE_TEXT)
		value = json_object_new_string((const char *)text);
	else if (kind == NODE_BOOL && xmlStrEqual(text, BAD_CAST "true"))
		value = json_object_new_boolean(true);
	else if (kind == NODE_BOOL && xmlStrEqual(text, BAD_CAST "false"))
		value = json_object_new_boolean(false);
	else if (kind != NODE_BOOL && *text != '\0' && strspn((char *)text, "0123456789") ==
						       strlen((char *)text))
		value = json_object_new_uint64(strtoull((char *)text, NULL, 10));
	else
		value = NULL;
	xmlFree(text);
	return value;
}

static const char declaration[] = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<";

static struct json_object *read_xml(struct reader *reader, struct tally_bytes body,
				    const char *root_name)
{
	struct json_object *value = NULL;
	xmlNodePtr root;
	xmlDocPtr document;

	if (body.size < sizeof(declaration) ||
	    memcmp(body.data, declaration, sizeof(declaration) - 1) != 0) {
		because("the XML declaration is not as it should be");
		return NULL;
	}
	document = xmlReadMemory((const char *)body.data, (int)body.size, NULL, NULL,
				 XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_HUGE);
	root = document != NULL ? xmlDocGetRootElement(document) : NULL;
	if (root == NULL)
		because("not well-formed XML");
	else if (strcmp((const char *)root->name, root_name) != 0)
		because("the root is %s, not %s", (const char *)root->name, root_name);
	else
		value = read_element(reader, root, "", NODE_OBJECT);
	xmlFreeDoc(document);
	if (reader->bad) {
		json_object_put(value);
		return NULL;
	}
	return value;
}

static struct json_object *read_json(struct tally_bytes body)
{
	struct json_tokener *tokener = json_tokener_new();
	struct json_object *value;

	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	value = json_tokener_parse_ex(tokener, (const char *)body.data, (int)body.size);
	if (value == NULL)
		because("not JSON: %s", json_tokener_error_desc(json_tokener_get_error(tokener)));
	json_tokener_free(tokener);
	return value;
}

/* ---- against the rows ---- */

static const char *check_value(const struct reader *reader, struct json_object *value,
			       const char *path, enum tally_node_kind kind);

static const char *check_object(const struct reader *reader, struct json_object *value,
				const char *path)
{
	const struct tally_reply_field *const sets[] = { request_id, reader->rows };
	const struct tally_reply_field *row;
	size_t skip = *path != '\0' ? strlen(path) + 1 : 0, i;
	char below[300];

	json_object_object_foreach(value, name, member) {
		const char *wrong;

		snprintf(below, sizeof(below), "%s%s%s", path, skip > 0 ? "." : "", name);
		row = find_row(reader->rows, below);
		if (row == NULL)
			return because("%s is not in the rows", below);
		wrong = check_value(reader, member, row->name, kind_of(row, reader->docs));
		if (wrong != NULL)
			return wrong;
	}
	/* a refused item of a batch has Code and Message in the place of a receipt */
	if (skip > 0 && json_object_object_get_ex(value, "Code", NULL))
		return NULL;
	for (i = *path != '\0'; i < 2; i++)
		for (row = sets[i]; row->name != NULL; row++)
			if (strncmp(row->name, path, strlen(path)) == 0 &&
			    (skip == 0 || row->name[skip - 1] == '.') &&
			    strpbrk(row->name + skip, ".[") == NULL && !row->optional &&
			    !json_object_object_get_ex(value, row->name + skip, NULL))
				return because("%s is not there", row->name);
	return NULL;
}

static const char *check_list(const struct reader *reader, struct json_object *value,
			      const char *path)
{
	const struct tally_reply_field *row = item_row(reader->rows, path);
	size_t i;

	if (row == NULL)
		return because("the list %s has no row for its items", path);
	for (i = 0; i < json_object_array_length(value); i++) {
		const char *wrong = check_value(reader, json_object_array_get_idx(value, i),
						row->name, kind_of(row, reader->docs));

		if (wrong != NULL)
			return wrong;
	}
	return NULL;
}

static const char *check_value(const struct reader *reader, struct json_object *value,
			       const char *path, enum tally_node_kind kind)
{
	static const enum json_type types[] = {
		[NODE_OBJECT] = json_type_object, [NODE_LIST] = json_type_array,
		[NODE_TEXT] = json_type_string, [NODE_UINT] = json_type_int,
		[NODE_INT] = json_type_int, [NODE_BOOL] = json_type_boolean
	};

	if (!json_object_is_type(value, types[kind]))
		return because("%s is %s, not %s", path,
			       json_type_to_name(json_object_get_type(value)),
			       json_type_to_name(types[kind]));
	if (kind == NODE_OBJECT)
		return check_object(reader, value, path);
	return kind == NODE_LIST ? check_list(reader, value, path) : NULL;
}

static struct json_object *read_reply(struct reader *reader, const struct tally_action *action,
				      struct tally_bytes body, bool xml)
{
	char root[100];

	snprintf(root, sizeof(root), "%sResponse", action->name);
	return xml ? read_xml(reader, body, root) : read_json(body);
}

const char *reply_disagrees(const struct tally_action *action, struct tally_bytes body, bool xml,
			    bool docs)
{
	struct reader reader = { .rows = action->reply, .docs = docs };
	struct json_object *value = read_reply(&reader, action, body, xml);
	const char *wrong = value == NULL ? why : check_value(&reader, value, "", NODE_OBJECT);

	json_object_put(value);
	return wrong;
}

const char *error_disagrees(struct tally_bytes body, bool xml, const char *code,
			    const char *message)
{
	struct reader reader = { .rows = error_rows };
	struct json_object *value = xml ? read_xml(&reader, body, "Error") : read_json(body), *got;
	const char *wrong = value == NULL ? why : check_value(&reader, value, "", NODE_OBJECT);

	if (wrong == NULL) {
		json_object_object_get_ex(value, "Code", &got);
		if (strcmp(json_object_get_string(got), code) != 0)
			wrong = because("Code is %s, not %s", json_object_get_string(got), code);
	}
	if (wrong == NULL && message != NULL) {
		json_object_object_get_ex(value, "Message", &got);
		if (strcmp(json_object_get_string(got), message) != 0)
			wrong = because("Message is \"%s\", not \"%s\"",
					json_object_get_string(got), message);
	}
	json_object_put(value);
	return wrong;
}

const char *reply_text(const struct tally_action *action, struct tally_bytes body, bool xml,
		       const char *path)
{
	static char text[4096];
	struct reader reader = { .rows = action->reply };
	struct json_object *value = read_reply(&reader, action, body, xml), *at = value;
	char part[100];

	while (at != NULL && *path != '\0') {
		size_t size = strcspn(path, "/");

		snprintf(part, sizeof(part), "%.*s", (int)size, path);
		path += size + (path[size] == '/');
		if (json_object_is_type(at, json_type_array))
			at = json_object_array_get_idx(at, strtoul(part, NULL, 10));
		else if (!json_object_object_get_ex(at, part, &at))
			at = NULL;
	}
	if (at != NULL)
		snprintf(text, sizeof(text), "%s", json_object_get_string(at));
	json_object_put(value);
	return at != NULL ? text : NULL;
}
