/*
 * The body of a request of the data-sharing family, with a private key and data in base64 in it. It ends;
 * where it is taken, what is left is JSON without the key, and the key stands nowhere in it any more;
 * what json-c reads as an object is taken, but for members that may not be so. What an endpoint's rows take
 * of it is as the rows say, and base64 is what was sent. Also the timestamp, and the header with a
 * signature. As an index: it is made of its two parts. As a schema and data that it takes: the data has as
 * many members as the schema has attributes.
 */
#include <json.h>

#include "arena.h"
#include "credentials.h"
#include "endpoint.h"
#include "err.h"
#include "fuzz.h"
#include "json_in.h"
#include "secret_body.h"
#include "share_decode.h"
#include "utf8.h"

static const char *const bulk[] = { "plainData", "encryptData", "file", NULL };

/* json-c takes control characters in strings, which RFC 8259 does not. */
static bool has_controls(struct tally_bytes text)
{
	for (size_t i = 0; i < text.size; i++)
		if (text.data[i] < ' ')
			return true;
	return false;
}

/* The strings of these names, and sk, are strings and stand once; by json-c, which keeps the last. */
static bool may_be_taken(struct json_object *object, struct tally_bytes text)
{
	struct json_object *member;

	for (size_t i = 0; bulk[i] != NULL; i++)
		if (json_object_object_get_ex(object, bulk[i], &member) && member != NULL &&
		    !json_object_is_type(member, json_type_string))
			return false;
	return tally_json_once(object, text);
}

/* ---- the rows of endpoints ---- */

static void check_base64(struct tally_arena *arena, const struct tally_secret_body *taken,
			 const struct tally_share_value *value)
{
	for (size_t i = 0; i < taken->bulk_count; i++)
		if (tally_bytes_is(taken->bulk_names[i], value->param->name))
			PROMISE(tally_bytes_is(taken->bulk[i],
					       tally_base64_encode(arena, value->text)));
}

static void check_value(struct tally_arena *arena, const struct tally_secret_body *taken,
			const struct tally_share_value *value)
{
	PROMISE(value->given || !value->param->required);
	if (!value->given)
		return;
	switch (value->param->type) {
	case SP_BASE64:
		check_base64(arena, taken, value);
		break;
	case SP_DID:
		PROMISE(tally_share_did_valid(value->text));
		break;
	case SP_NAME:
		PROMISE(tally_share_name_valid(value->text));
		break;
	case SP_LONG_NAME:
		PROMISE(tally_share_long_valid(value->text));
		break;
	case SP_DATA:
		PROMISE(value->text.size > 0 && tally_utf8_valid(value->text));
		break;
	case SP_INDEX:
	case SP_TEXT:
		PROMISE(value->text.size > 0 && tally_utf8_printable(value->text));
		break;
	case SP_NUMBER:
	case SP_NUMBER_TEXT:
		PROMISE(value->number <= value->param->max);
		break;
	case SP_FLAG:
		PROMISE(value->number < 2);
		break;
	case SP_CHOICE:
		PROMISE(value->param->choices[value->number] != NULL);
		break;
	case SP_LIST:
		PROMISE(json_object_is_type(value->json, json_type_array));
		break;
	case SP_OBJECT:
	case SP_WITHIN:
		PROMISE(json_object_is_type(value->json, json_type_object));
		break;
	}
}

/* What is behind an object "within" is of that object, where it is given, and of nothing beside it. */
static void check_values(struct tally_arena *arena, const struct tally_secret_body *taken,
			 const struct tally_share_call *call)
{
	const struct tally_share_value *value = call->values, *within = NULL;

	for (; value < call->values + SHARE_VALUES && value->param != NULL; value++) {
		check_value(arena, taken, value);
		if (within != NULL && value->given)
			PROMISE(json_object_object_get_ex(within->json, value->param->name, NULL));
		if (value->param->type == SP_WITHIN && value->given)
			within = value;
	}
}

static void check_endpoints(struct tally_arena *arena, struct json_object *body,
			    const struct tally_secret_body *taken)
{
	const struct tally_share_endpoint *row;

	for (row = tally_share_endpoints; row->path != NULL; row++) {
		struct tally_share_call call = { .arena = arena, .endpoint = row };
		struct tally_err err = { 0 };

		if (tally_share_decode(&call, body, taken, &err) != 0) {
			PROMISE(err.subject[0] != '\0' && err.text[0] != '\0');
			continue;
		}
		check_values(arena, taken, &call);
	}
}

/* ---- the body ---- */

static void check_body(struct tally_arena *arena, struct tally_bytes input)
{
	struct json_object *object = tally_json_parse(input), *rest, *key = NULL;
	struct tally_bytes body = tally_arena_bytes(arena, input);
	struct tally_secret_body taken;
	bool good = tally_secret_body_take(body, bulk, arena, &taken);

	if (json_object_is_type(object, json_type_object) && !has_controls(input) &&
	    may_be_taken(object, input))
		PROMISE(good);
	if (good && taken.private_given) {
		json_object_object_get_ex(object, "sk", &key);
		PROMISE(object == NULL || !json_object_is_type(key, json_type_string) ||
			taken.private_text || json_object_get_string_len(key) > 0);
	}
	rest = good ? tally_json_parse(taken.rest) : NULL;
	if (rest != NULL) {
		PROMISE(json_object_is_type(rest, json_type_object));
		PROMISE(!json_object_object_get_ex(rest, "sk", &key));
		check_endpoints(arena, rest, &taken);
	}
	/* a key of some length is nowhere in what other code reads */
	if (good && taken.private_size > 24 && memchr(taken.private_pem, '\\', 24) == NULL &&
	    memchr(taken.private_pem, '\n', 24) == NULL && memchr(taken.private_pem, '"', 24) == NULL)
		PROMISE(taken.rest.size < 24 || taken.private_pem[0] == ' ' ||
			memcmp(taken.rest.data, taken.private_pem, 24) != 0);
	json_object_put(rest);
	json_object_put(object);
	tally_secret_body_free(&taken);
}

static void check_index(struct tally_arena *arena, struct tally_bytes input)
{
	struct tally_bytes did, name;

	if (!tally_share_index_parts(input, &did, &name))
		return;
	PROMISE(memchr(did.data, '_', did.size) == NULL);
	PROMISE(memchr(input.data, '\0', input.size) != NULL ||
		tally_bytes_equal(tally_share_index(arena, did, name), input));
}

/* What decoding lets through: a list of objects. */
static bool is_list(struct json_object *list)
{
	if (!json_object_is_type(list, json_type_array))
		return false;
	for (size_t i = 0; i < json_object_array_length(list); i++)
		if (!json_object_is_type(json_object_array_get_idx(list, i), json_type_object))
			return false;
	return true;
}

/* {"attributes": [...], "data": "..."} */
static void check_schema(struct tally_arena *arena, struct tally_bytes input)
{
	struct json_object *whole = tally_json_parse(input), *attributes = NULL, *text = NULL, *data;
	struct tally_bytes bytes;
	struct tally_err err = { 0 };

	json_object_object_get_ex(whole, "attributes", &attributes);
	json_object_object_get_ex(whole, "data", &text);
	if (is_list(attributes) && tally_json_text(arena, text, &bytes) &&
	    tally_share_check_attributes(arena, attributes, &err) == 0) {
		size_t count = json_object_array_length(attributes);

		if (tally_share_check_data(attributes, bytes, &err) == 0) {
			data = tally_json_parse(bytes);
			PROMISE(json_object_is_type(data, json_type_object));
			PROMISE(count == 0 || (size_t)json_object_object_length(data) == count);
			json_object_put(data);
		} else {
			PROMISE(err.code == TALLY_INVALID && strcmp(err.subject, "data") == 0);
		}
	}
	json_object_put(whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tally_arena arena = { 0 };
	struct tally_bytes input = tally_bytes(data, size);
	uint8_t signature[64];
	uint64_t ms;

	check_body(&arena, input);
	check_index(&arena, input);
	check_schema(&arena, input);
	if (tally_share_timestamp(input, &ms))
		PROMISE(ms < 253402387200000);	/* the year 10000, and a day */
	for (int zipped = 0; zipped < 2; zipped++)
		if (tally_share_signature(input, zipped, signature))
			PROMISE(signature[32] < 0x80);	/* s is low */
	tally_arena_free(&arena);
	return 0;
}
