/*
 * tally import ndjson: records of any program into a ledger, one a line. Fields of a record can become
 * its payload, its clues, and the id by which it is known again.
 */
#include "config.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "import.h"
#include "jcs.h"

#define CLUE_MAX 32

struct reading {
	struct upload upload;
	const char *payload_field, *id_field;	/* NULL: the whole line; its place */
	bool fields;				/* the line is to be taken apart */
};

static bool wrong(struct reading *reading, uint64_t number, const char *field, const char *what)
{
	bar_end(&reading->upload.bar);
	verb_fail(reading->upload.call, "%s line %" PRIu64 ": %s%s%s", reading->upload.source, number,
		  field, field[0] != '\0' ? ": " : "", what);
	return false;
}

/* ---- fields ---- */

/* A member of the record by name, or, beginning with '/', by JSON Pointer (RFC 6901). NULL: none, or null. */
static json_object *field_of(json_object *record, const char *field)
{
	json_object *value = NULL;

	if (field[0] != '/')
		return reply_member(record, field);
	return json_pointer_get(record, field, &value) == 0 ? value : NULL;
}

/* The text of a string, a number or a flag; NULL for what has none, and for a number that the reader could
 * not hold. */
static const char *text_of(json_object *value, size_t *size_r)
{
	const char *text = json_object_get_string(value);

	if (json_object_is_type(value, json_type_object) || json_object_is_type(value, json_type_array) ||
	    (json_object_is_type(value, json_type_int) &&
	     (json_object_get_uint64(value) == UINT64_MAX || json_object_get_int64(value) == INT64_MIN)))
		return NULL;
	*size_r = json_object_is_type(value, json_type_string) ?
			  (size_t)json_object_get_string_len(value) : strlen(text);
	return text;
}

/* A record that is to be taken apart: an object, and nothing behind it. */
static json_object *parse(struct tally_bytes line)
{
	json_tokener *parser = json_tokener_new();
	json_object *record = NULL;

	if (line.size < INT_MAX) {
		json_tokener_set_flags(parser, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
		record = json_tokener_parse_ex(parser, (const char *)line.data, (int)line.size);
		if (json_tokener_get_parse_end(parser) != line.size ||
		    !json_object_is_type(record, json_type_object)) {
			json_object_put(record);
			record = NULL;
		}
	}
	json_tokener_free(parser);
	return record;
}

/* ---- clues ---- */

struct clues {
	struct tally_bytes of[CLUE_MAX];
	size_t count;
};

/* A clue that a record has twice is one clue. False where there is no more room. */
static bool add_clue(struct clues *clues, struct tally_bytes clue)
{
	for (size_t i = 0; i < clues->count; i++)
		if (tally_bytes_equal(clues->of[i], clue))
			return true;
	if (clues->count == CLUE_MAX)
		return false;
	clues->of[clues->count++] = clue;
	return true;
}

/* One value, or those of a list. */
static const char *add_values(struct clues *clues, json_object *value)
{
	bool list = json_object_is_type(value, json_type_array);
	size_t count = list ? reply_count(value) : 1;

	for (size_t i = 0; i < count; i++) {
		json_object *one = list ? json_object_array_get_idx(value, i) : value;
		size_t size;
		const char *text = one != NULL ? text_of(one, &size) : NULL;

		if (text == NULL)
			return "it is no text, number or flag that could be a clue";
		if (!add_clue(clues, tally_bytes(text, size)))
			return "that makes more than 32 clues";
	}
	return NULL;
}

static bool gather_clues(struct reading *reading, json_object *record, uint64_t number,
			 struct clues *clues)
{
	const char *name, *why;

	clues->count = 0;
	for (size_t i = 0; (name = verb_nth_value(reading->upload.call, "clue", i)) != NULL; i++)
		if (!add_clue(clues, tally_bytes_str(name)))
			return wrong(reading, number, "--clue", "that makes more than 32 clues");
	for (size_t i = 0; (name = verb_nth_value(reading->upload.call, "clue-field", i)) != NULL; i++) {
		json_object *value = field_of(record, name);

		why = value != NULL ? add_values(clues, value) : NULL;
		if (why != NULL)
			return wrong(reading, number, name, why);
	}
	return true;
}

/* ---- one line ---- */

static bool find_payload(struct reading *reading, json_object *record, uint64_t number,
			 struct tally_bytes line, struct tally_bytes *payload_r)
{
	json_object *value;

	*payload_r = line;
	if (reading->payload_field == NULL)
		return true;
	value = field_of(record, reading->payload_field);
	if (value == NULL)
		return wrong(reading, number, reading->payload_field, "the record has no such field");
	if (json_object_is_type(value, json_type_string))
		*payload_r = tally_bytes(json_object_get_string(value),
					 (size_t)json_object_get_string_len(value));
	else if (json_object_is_type(value, json_type_int))
		*payload_r = tally_bytes_str(text_of(value, &payload_r->size));
	else
		*payload_r = tally_bytes_str(json_object_to_json_string_ext(
			value, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	return payload_r->data != NULL ||
	       wrong(reading, number, reading->payload_field, "the number is too large to be read");
}

static bool find_token(struct reading *reading, json_object *record, uint64_t number, char token[65])
{
	json_object *value;
	const char *text;
	size_t size;

	if (reading->id_field == NULL) {
		upload_token(&reading->upload, number, token);
		return true;
	}
	value = field_of(record, reading->id_field);
	text = value != NULL ? text_of(value, &size) : NULL;
	if (text == NULL || size == 0)
		return wrong(reading, number, reading->id_field,
			     "the record has no id there, a text or a number");
	upload_id_token(&reading->upload, tally_bytes(text, size), token);
	return true;
}

static bool add_record(struct reading *reading, json_object *record, struct tally_bytes line,
		       uint64_t number)
{
	struct upload *upload = &reading->upload;
	struct tally_bytes payload;
	struct clues clues;
	char token[65];

	if (!find_payload(reading, record, number, line, &payload) ||
	    !gather_clues(reading, record, number, &clues) ||
	    !find_token(reading, record, number, token))
		return false;
	upload_entry(upload);
	upload_add_payload(&upload->body, payload);
	upload_add_clues(&upload->body, clues.of, clues.count);
	tally_buf_add_u8(&upload->body, ',');
	upload_add_member(&upload->body, "ClientToken", tally_bytes_str(token));
	return upload_entry_end(upload, number);
}

static bool add_line(void *ctx, struct tally_bytes line, uint64_t number)
{
	struct reading *reading = ctx;
	json_object *record = NULL;
	bool good;

	if (line.size > UPLOAD_RECORD_MAX)
		return wrong(reading, number, "", "larger than 16 MiB");
	if (reading->fields) {
		record = parse(line);
		if (record == NULL)
			return wrong(reading, number, "", "no JSON object");
	}
	good = add_record(reading, record, line, number);
	json_object_put(record);
	return good;
}

/* ---- the verb ---- */

static bool import_all(struct reading *reading)
{
	struct verb_call *call = reading->upload.call;
	int count = call->arg_count > 1 ? call->arg_count - 1 : 1;
	bool good = true;

	for (int i = 1; good && i <= count; i++) {
		FILE *from = upload_source(&reading->upload, call->arg_count > 1 ? call->args[i] : "-", i);

		good = from != NULL && upload_lines(&reading->upload, from, add_line, reading);
		if (from != NULL)
			fclose(from);
	}
	return good;
}

static int ndjson_run(struct verb_call *call)
{
	struct reading reading = { .payload_field = verb_value(call, "payload-field", NULL),
				   .id_field = verb_value(call, "id-field", NULL) };
	bool good;
	int status;

	if (verb_given(call, "whole-line") && reading.payload_field != NULL)
		return verb_misuse(call, "--whole-line or --payload-field, not both");
	reading.fields = reading.payload_field != NULL || reading.id_field != NULL ||
			 verb_given(call, "clue-field");
	status = upload_open(call, call->args[0], &reading.upload);
	if (status != VERB_OK)
		return status;
	good = upload_begin(&reading.upload, upload_size(call)) && import_all(&reading);
	if (reading.id_field != NULL)
		reading.upload.named = true;
	return upload_close(&reading.upload, good);
}

static const struct verb_option ndjson_options[] = {
	{ "whole-line", NULL, "the payload is the line as it stands (this is the default)" },
	{ "payload-field", "FIELD", "the payload is this field of the record: a text itself, else its JSON" },
	{ "clue-field", "FIELD", "its value, or each of its list, is a clue; may be given several times" },
	{ "id-field", "FIELD", "its value tells records apart (default: file and line do)" },
	{ "clue", "TEXT", "a clue for every journal; may be given several times" },
	{ "token", "NAME", "name of this import, so that it can be resumed (default: the file's path)" },
	UPLOAD_BATCH_OPTION,
	VERB_JSON_OPTION,
	VERB_STORE_OPTIONS,
	VERB_ENDPOINT_OPTIONS,
	VERB_OPTIONS_END
};

const struct verb import_ndjson = {
	.name = "ndjson",
	.usage = "LEDGER [FILE ...]",
	.summary = "Append records, one a line, with clues and ids out of their fields",
	.details =
		"FIELD is the name of a member of the record, or, beginning with '/', a JSON Pointer such as\n"
		"/order/lines/0/article. With fields every line must be a JSON object.\n"
		"\n"
		"Run again within 7 days, nothing is appended twice: records with the same id, or in the\n"
		"same place of the same file, are the same. One that has changed is refused.",
	.options = ndjson_options,
	.min_args = 1,
	.max_args = -1,
	.run = ndjson_run,
};
