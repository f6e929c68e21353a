/* Reading JSON from outside with json-c: lists of strings, and the bodies of batches. */
#include "decode.h"
#include "json_in.h"
#include "signing_args.h"

#include <json.h>
#include <stdio.h>

#include "utf8.h"

#define DEPTH 8		/* ours needs three levels */

/* What stands behind "\\u" as a number; -1 if it is none. */
static int escaped_unit(const uint8_t *p, const uint8_t *end)
{
	int unit = 0, i;

	if (end - p < 6 || p[0] != '\\' || p[1] != 'u')
		return -1;
	for (i = 2; i < 6; i++) {
		const char *digits = "0123456789abcdef", *at = strchr(digits, p[i] | 0x20);

		if (p[i] == '\0' || at == NULL)
			return -1;
		unit = 16 * unit + (int)(at - digits);
	}
	return unit;
}

/*
 * Half a surrogate pair as an escape is no character. json-c would put U+FFFD in its place, and
 * what is kept were not what was sent.
 */
static bool half_surrogate(struct tally_bytes text)
{
	const uint8_t *p = text.data, *end = p + text.size;

	while (p < end && (p = memchr(p, '\\', (size_t)(end - p))) != NULL) {
		int unit = escaped_unit(p, end), next;

		p += 2;		/* also behind an escaped backslash */
		if (unit < 0xd800 || unit > 0xdfff)
			continue;
		p += 4;
		next = escaped_unit(p, end);
		if (unit > 0xdbff || next < 0xdc00 || next > 0xdfff)
			return true;
		p += 6;
	}
	return false;
}

/* The whole of text as one value, or NULL. */
static struct json_object *parse(struct json_tokener *tokener, struct tally_bytes text)
{
	struct json_object *value;

	json_tokener_reset(tokener);
	if (text.size == 0 || text.size > INT32_MAX || half_surrogate(text))
		return NULL;
	value = json_tokener_parse_ex(tokener, (const char *)text.data, (int)text.size);
	if (value != NULL && json_tokener_get_error(tokener) == json_tokener_success)
		return value;
	json_object_put(value);
	return NULL;
}

static struct json_tokener *new_tokener(void)
{
	struct json_tokener *tokener = json_tokener_new_ex(DEPTH);

	if (tokener == NULL)
		abort();
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	return tokener;
}

/*
 * A copy in the arena, for the json-c objects go before the request does. json-c lets surrogates
 * and overlong forms through, so the bytes are validated here.
 */
static bool get_string(struct tally_arena *arena, struct json_object *value,
		       struct tally_bytes *text_r)
{
	if (!json_object_is_type(value, json_type_string))
		return false;
	*text_r = tally_bytes(json_object_get_string(value),
			      (size_t)json_object_get_string_len(value));
	if (!tally_utf8_valid(*text_r))
		return false;
	*text_r = tally_arena_bytes(arena, *text_r);
	return true;
}

static bool get_strings(struct tally_arena *arena, struct json_object *list,
			const struct tally_bytes **items_r, size_t *count_r)
{
	size_t count, i;
	struct tally_bytes *items;

	if (!json_object_is_type(list, json_type_array))
		return false;
	count = json_object_array_length(list);
	items = tally_arena_array(arena, struct tally_bytes, count + 1);
	for (i = 0; i < count; i++)
		if (!get_string(arena, json_object_array_get_idx(list, i), &items[i]))
			return false;
	*items_r = items;
	*count_r = count;
	return true;
}

struct json_object *tally_json_parse(struct tally_bytes text)
{
	struct json_tokener *tokener = new_tokener();
	struct json_object *value = parse(tokener, text);

	json_tokener_free(tokener);
	return value;
}

bool tally_json_text(struct tally_arena *arena, struct json_object *value,
		     struct tally_bytes *text_r)
{
	return get_string(arena, value, text_r);
}

/* Members of all objects in it. */
static size_t count_members(struct json_object *value)
{
	size_t count = 0;

	if (json_object_is_type(value, json_type_array))
		for (size_t i = 0; i < json_object_array_length(value); i++)
			count += count_members(json_object_array_get_idx(value, i));
	if (!json_object_is_type(value, json_type_object))
		return count;
	json_object_object_foreach(value, name, member) {
		(void)name;
		count += 1 + count_members(member);
	}
	return count;
}

bool tally_json_once(struct json_object *value, struct tally_bytes text)
{
	size_t colons = 0;
	bool quoted = false;

	for (size_t i = 0; i < text.size; i++) {
		if (text.data[i] == '"')
			quoted = !quoted;
		else if (quoted && text.data[i] == '\\')
			i++;
		else if (!quoted && text.data[i] == ':')
			colons++;
	}
	return colons == count_members(value);
}

bool tally_json_strings(struct tally_arena *arena, struct tally_bytes text,
			const struct tally_bytes **items_r, size_t *count_r)
{
	struct json_tokener *tokener = new_tokener();
	struct json_object *list = parse(tokener, text);
	bool good = list != NULL && get_strings(arena, list, items_r, count_r);

	json_object_put(list);
	json_tokener_free(tokener);
	return good;
}

/* ---- members' signatures ---- */

/* One of the names of a signature's parts, or NULL. */
static struct tally_bytes *signature_part(struct tally_signature_text *text, const char *name)
{
	if (strcmp(name, "MemberId") == 0)
		return &text->member_id;
	if (strcmp(name, "MemberSignature") == 0 || strcmp(name, "Signature") == 0)
		return &text->signature;
	if (strcmp(name, "MemberSignatureType") == 0 || strcmp(name, "SignatureType") == 0)
		return &text->type;
	return NULL;
}

static bool get_signature(struct tally_arena *arena, struct json_object *object,
			  struct tally_signature_text *text)
{
	*text = (struct tally_signature_text){ .type = TALLY_BYTES_NONE };
	if (!json_object_is_type(object, json_type_object))
		return false;
	json_object_object_foreach(object, name, value) {
		struct tally_bytes *part = signature_part(text, name);

		if (part == NULL || part->size > 0 || !get_string(arena, value, part))
			return false;
	}
	return true;
}

static bool get_signatures(struct tally_arena *arena, struct json_object *list,
			   struct tally_signature_text *signatures, size_t most, size_t *count_r)
{
	if (!json_object_is_type(list, json_type_array) ||
	    json_object_array_length(list) > most)
		return false;
	*count_r = json_object_array_length(list);
	for (size_t i = 0; i < *count_r; i++)
		if (!get_signature(arena, json_object_array_get_idx(list, i), &signatures[i]))
			return false;
	return true;
}

bool tally_json_signatures(struct tally_arena *arena, struct tally_bytes text,
			   struct tally_signature_text *signatures, size_t most, size_t *count_r)
{
	struct json_tokener *tokener = new_tokener();
	struct json_object *list = parse(tokener, text);
	bool good = list != NULL && get_signatures(arena, list, signatures, most, count_r);

	json_object_put(list);
	json_tokener_free(tokener);
	return good;
}

/* ---- batches ---- */

struct batch {
	struct tally_arena *arena;
	const struct tally_batch_rules *rules;
	struct tally_entry *entries;
	size_t count, room;
};

static int wrong(struct tally_err *err, enum tally_code code, size_t number, const char *member)
{
	char subject[sizeof(err->subject)];

	snprintf(subject, sizeof(subject), "Journals.%zu%s%.40s", number,
		 *member != '\0' ? "." : "", member);
	return tally_err_about(err, code, subject, "journal %zu of the batch: %.40s %s", number,
			       *member != '\0' ? member : "it",
			       code == TALLY_MISSING ? "is missing" : "is not valid");
}

static struct tally_entry *next_entry(struct batch *batch)
{
	batch->entries = tally_arena_more(batch->arena, batch->entries, batch->count, &batch->room,
					  sizeof(*batch->entries));
	return &batch->entries[batch->count++];
}

static bool get_payload(struct batch *batch, struct json_object *value, bool base64, bool *given,
			struct tally_entry *entry)
{
	bool twice = *given;

	*given = true;
	return !twice && get_string(batch->arena, value, &entry->payload) &&
	       (!base64 || tally_base64_decode(batch->arena, entry->payload, &entry->payload));
}

static bool get_token(struct batch *batch, struct json_object *value, struct tally_bytes *token_r)
{
	size_t i;

	if (!get_string(batch->arena, value, token_r) || token_r->size == 0 || token_r->size > 64)
		return false;
	for (i = 0; i < token_r->size; i++)
		if (token_r->data[i] < 0x20 || token_r->data[i] > 0x7e)
			return false;
	return true;
}

/* What goes with a member's signature. False: no such name, or malformed. */
static bool get_signing(struct batch *batch, const char *name, struct json_object *value,
			struct tally_signing_text *text)
{
	const struct {
		const char *name;
		struct tally_bytes *part;
	} parts[] = {
		{ "MemberId", &text->member_id }, { "MemberSignature", &text->signature },
		{ "Signature", &text->signature }, { "MemberSignatureType", &text->type },
		{ "SignatureType", &text->type }, { "MemberNonce", &text->nonce },
		{ "PayloadSalt", &text->salt }, { "RequestMessage", &text->message },
	};

	if (strcmp(name, "MemberSignatures") == 0) {
		text->list = tally_arena_bytes(batch->arena, tally_bytes_str(
			json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN)));
		return true;
	}
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		struct tally_bytes *part = parts[i].part;

		if (strcmp(name, parts[i].name) != 0)
			continue;
		return part->size == 0 && get_string(batch->arena, value, part) &&
		       part->size > 0 && (part != &text->message ||
					  tally_base64_decode(batch->arena, *part, part));
	}
	return false;
}

static int read_entry(struct batch *batch, struct json_object *object, struct tally_entry *entry,
		      struct tally_err *err)
{
	size_t number = batch->count - 1;
	struct tally_signing_text signing = { .list = TALLY_BYTES_NONE };
	struct tally_signing *made;
	bool given = false, good = true;

	if (!json_object_is_type(object, json_type_object))
		return wrong(err, TALLY_INVALID, number, "");
	json_object_object_foreach(object, name, value) {
		if (strcmp(name, "Payload") == 0)
			good = get_payload(batch, value, false, &given, entry);
		else if (strcmp(name, "PayloadBase64") == 0)
			good = get_payload(batch, value, true, &given, entry);
		else if (strcmp(name, "Clues") == 0)
			good = get_strings(batch->arena, value, &entry->clues, &entry->clue_count);
		else if (strcmp(name, "ClientId") == 0)
			good = get_string(batch->arena, value, &entry->client_id);
		else if (strcmp(name, "ClientToken") == 0)
			good = get_token(batch, value, &entry->token);
		else
			good = get_signing(batch, name, value, &signing);
		if (!good)
			return wrong(err, TALLY_INVALID, number, name);
	}
	if (!given)
		return wrong(err, TALLY_MISSING, number, "Payload");
	if (tally_signing_make(batch->arena, &signing, &made, err) != 0)
		return wrong(err, err->code, number, err->subject);
	entry->signing = made;
	return 0;
}

/* NULL: what stands there is no JSON. */
static int take_entry(struct batch *batch, struct json_object *object, struct tally_err *err)
{
	struct tally_entry *entry;
	struct tally_err *why;

	if (batch->count >= batch->rules->most)
		return tally_err_about(err, TALLY_INVALID, "Journals",
				       "the batch has more than %zu journals", batch->rules->most);
	entry = next_entry(batch);
	if (read_entry(batch, object, entry, err) == 0)
		return 0;
	if (!batch->rules->each)
		return -1;
	why = tally_arena_array(batch->arena, struct tally_err, 1);
	*why = *err;
	*entry = (struct tally_entry){ .refused = why };
	return 0;
}

static int take_array(struct batch *batch, struct json_tokener *tokener, struct tally_bytes body,
		      struct tally_err *err)
{
	struct json_object *list = parse(tokener, body);
	size_t count, i;
	int result = 0;

	if (!json_object_is_type(list, json_type_array)) {
		json_object_put(list);
		return tally_err_about(err, TALLY_INVALID, "Journals",
				       "the body is not a JSON array");
	}
	count = json_object_array_length(list);
	for (i = 0; i < count && result == 0; i++)
		result = take_entry(batch, json_object_array_get_idx(list, i), err);
	json_object_put(list);
	return result;
}

static bool is_blank(struct tally_bytes line)
{
	size_t i;

	for (i = 0; i < line.size; i++)
		if (strchr(" \t\r", line.data[i]) == NULL || line.data[i] == '\0')
			return false;
	return true;
}

static int take_lines(struct batch *batch, struct json_tokener *tokener, struct tally_bytes body,
		      struct tally_err *err)
{
	const uint8_t *p = body.data, *end, *stop;
	int result = 0;

	if (body.size == 0)
		return 0;
	for (end = p + body.size; p < end && result == 0; p = stop + 1) {
		struct tally_bytes line;
		struct json_object *object;

		stop = memchr(p, '\n', (size_t)(end - p));
		if (stop == NULL)
			stop = end;
		line = tally_bytes(p, (size_t)(stop - p));
		if (is_blank(line))
			continue;
		object = parse(tokener, line);
		result = take_entry(batch, object, err);
		json_object_put(object);
	}
	return result;
}

int tally_json_entries(struct tally_arena *arena, struct tally_bytes body,
		       const struct tally_batch_rules *rules, struct tally_entry **entries_r,
		       size_t *count_r, struct tally_err *err)
{
	struct json_tokener *tokener = new_tokener();
	struct batch batch = { .arena = arena, .rules = rules };
	int result = rules->lines ? take_lines(&batch, tokener, body, err) :
				    take_array(&batch, tokener, body, err);

	json_tokener_free(tokener);
	if (result == 0 && batch.count == 0)
		result = tally_err_about(err, TALLY_INVALID, "Journals", "the batch is empty");
	*entries_r = batch.entries;
	*count_r = batch.count;
	return result;
}
