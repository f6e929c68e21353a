/* Decoding the parameters of an endpoint; see share_decode.h. The leniencies of the interface are here. */
#include "share_decode.h"

#include <assert.h>
#include <inttypes.h>
#include <json.h>
#include <strings.h>

#include "clock.h"
#include "gunzip.h"
#include "json_in.h"
#include "p256.h"
#include "utf8.h"

#define TEXT_MAX 256
#define SIGNATURE_MAX 512	/* bytes; gzip may add the name of a file */

static int invalid(struct tally_err *err, const char *name, const char *why)
{
	return tally_err_about(err, TALLY_INVALID, name, "%s", why);
}

static int missing(struct tally_err *err, const char *name)
{
	return tally_err_about(err, TALLY_MISSING, name, "it is missing");
}

bool tally_share_timestamp(struct tally_bytes text, uint64_t *ms_r)
{
	return text.size <= 40 && tally_time_parse_offset(text, ms_r);
}

bool tally_share_signature(struct tally_bytes text, bool zipped, uint8_t signature_r[64])
{
	uint8_t sent[SIGNATURE_MAX], decimal[TALLY_P256_TEXT];
	struct tally_bytes numbers = tally_bytes(sent, text.size / 2);

	if (text.size == 0 || text.size % 2 != 0 || numbers.size > sizeof(sent) ||
	    !tally_hex_decode(text, sent, numbers.size))
		return false;
	if (zipped) {
		if (!tally_gunzip(numbers, decimal, sizeof(decimal), &numbers.size))
			return false;
		numbers.data = decimal;
	}
	return tally_p256_signature_parse(numbers, signature_r);
}

int tally_share_common(struct tally_arena *arena, struct json_object *body, const char *name,
		       size_t max, struct tally_bytes *text_r, struct tally_err *err)
{
	struct json_object *member = NULL;

	json_object_object_get_ex(body, name, &member);
	if (member == NULL)
		return missing(err, name);
	if (!tally_json_text(arena, member, text_r))
		return invalid(err, name, "it is no text");
	if (text_r->size == 0)
		return missing(err, name);
	if (text_r->size > max)
		return invalid(err, name, "it is too long");
	return 0;
}

/* ---- one type each ---- */

typedef int decode(struct tally_share_call *call, struct json_object *member,
		   struct tally_share_value *value, struct tally_err *err);

static int text_of(struct tally_share_call *call, struct json_object *member,
		   struct tally_share_value *value, struct tally_err *err)
{
	const struct tally_share_param *row = value->param;
	uint64_t max = row->max > 0 ? row->max : TEXT_MAX;

	if (!tally_json_text(call->arena, member, &value->text))
		return invalid(err, row->name, "it is no text");
	if (!tally_utf8_printable(value->text) || tally_utf8_length(value->text) > max)
		return tally_err_about(err, TALLY_INVALID, row->name,
				       "it has up to %" PRIu64 " printable characters", max);
	return 0;
}

static int decode_did(struct tally_share_call *call, struct json_object *member,
		      struct tally_share_value *value, struct tally_err *err)
{
	if (text_of(call, member, value, err) != 0)
		return -1;
	if (value->text.size > 0 && !tally_share_did_valid(value->text))
		return invalid(err, value->param->name, "it is no DID");
	return 0;
}

static int decode_name(struct tally_share_call *call, struct json_object *member,
		       struct tally_share_value *value, struct tally_err *err)
{
	if (text_of(call, member, value, err) != 0)
		return -1;
	if (value->text.size > 0 && !tally_share_name_valid(value->text))
		return tally_err_about(err, TALLY_INVALID, value->param->name,
				       "it has 1 to %d bytes of printable text", TALLY_SHARE_NAME_MAX);
	return 0;
}

static int decode_long_name(struct tally_share_call *call, struct json_object *member,
			    struct tally_share_value *value, struct tally_err *err)
{
	if (text_of(call, member, value, err) != 0)
		return -1;
	if (value->text.size > 0 && !tally_share_long_valid(value->text))
		return tally_err_about(err, TALLY_INVALID, value->param->name,
				       "it has 1 to %d bytes of printable text", TALLY_SHARE_LONG_MAX);
	return 0;
}

static int decode_index(struct tally_share_call *call, struct json_object *member,
			struct tally_share_value *value, struct tally_err *err)
{
	if (!json_object_is_type(member, json_type_int))
		return text_of(call, member, value, err);
	if (json_object_get_int64(member) < 0)
		return invalid(err, value->param->name, "it is no index");
	value->text = tally_bytes_str(tally_arena_printf(call->arena, "%" PRIu64,
							 json_object_get_uint64(member)));
	return 0;
}

static int decode_data(struct tally_share_call *call, struct json_object *member,
		       struct tally_share_value *value, struct tally_err *err)
{
	if (!tally_json_text(call->arena, member, &value->text))
		return invalid(err, value->param->name, "it is no text");
	return 0;
}

static int decode_number(struct tally_share_call *call, struct json_object *member,
			 struct tally_share_value *value, struct tally_err *err)
{
	int64_t number = json_object_get_int64(member);

	(void)call;
	if (!json_object_is_type(member, json_type_int) || number < 0 ||
	    (uint64_t)number > value->param->max)
		return tally_err_about(err, TALLY_INVALID, value->param->name,
				       "it is a number, 0 to %" PRIu64, value->param->max);
	value->number = (uint64_t)number;
	value->text = TALLY_BYTES_LIT("number");
	return 0;
}

static int decode_number_text(struct tally_share_call *call, struct json_object *member,
			      struct tally_share_value *value, struct tally_err *err)
{
	if (json_object_is_type(member, json_type_int))
		return decode_number(call, member, value, err);
	if (text_of(call, member, value, err) != 0)
		return -1;
	if (value->text.size > 0 &&
	    !tally_parse_u64(value->text, value->param->max, &value->number))
		return tally_err_about(err, TALLY_INVALID, value->param->name,
				       "it is a number, 0 to %" PRIu64, value->param->max);
	return 0;
}

static int decode_flag(struct tally_share_call *call, struct json_object *member,
		       struct tally_share_value *value, struct tally_err *err)
{
	if (json_object_is_type(member, json_type_boolean)) {
		value->number = json_object_get_boolean(member) != 0;
		value->text = TALLY_BYTES_LIT("flag");
		return 0;
	}
	if (text_of(call, member, value, err) != 0)
		return -1;
	value->number = tally_bytes_is(value->text, "true");
	if (value->text.size > 0 && value->number == 0 && !tally_bytes_is(value->text, "false"))
		return invalid(err, value->param->name, "it is true or false");
	return 0;
}

static int decode_choice(struct tally_share_call *call, struct json_object *member,
			 struct tally_share_value *value, struct tally_err *err)
{
	const char *const *choices = value->param->choices;

	if (text_of(call, member, value, err) != 0)
		return -1;
	for (value->number = 0; choices[value->number] != NULL; value->number++)
		if (tally_bytes_is(value->text, choices[value->number]))
			return 0;
	return value->text.size == 0 ? 0 : invalid(err, value->param->name, "it has no such value");
}

static int decode_json(struct tally_share_call *call, struct json_object *member,
		       struct tally_share_value *value, struct tally_err *err)
{
	bool list = value->param->type == SP_LIST;

	(void)call;
	if (!json_object_is_type(member, list ? json_type_array : json_type_object))
		return invalid(err, value->param->name, list ? "it is no list" : "it is no object");
	for (size_t i = 0; list && i < json_object_array_length(member); i++)
		if (!json_object_is_type(json_object_array_get_idx(member, i), json_type_object))
			return invalid(err, value->param->name, "it is no list of objects");
	value->json = member;
	value->text = TALLY_BYTES_LIT("json");
	return 0;
}

static decode *const decoders[] = {
	[SP_TEXT] = text_of, [SP_DID] = decode_did, [SP_NAME] = decode_name,
	[SP_LONG_NAME] = decode_long_name, [SP_INDEX] = decode_index, [SP_DATA] = decode_data,
	[SP_NUMBER_TEXT] = decode_number_text, [SP_NUMBER] = decode_number,
	[SP_FLAG] = decode_flag, [SP_CHOICE] = decode_choice, [SP_LIST] = decode_json,
	[SP_OBJECT] = decode_json, [SP_WITHIN] = decode_json,
};

/* It was taken out of the body before. */
static int decode_base64(struct tally_share_call *call, const struct tally_secret_body *taken,
			 struct tally_share_value *value, struct tally_err *err)
{
	for (size_t i = 0; i < taken->bulk_count; i++) {
		if (!tally_bytes_is(taken->bulk_names[i], value->param->name))
			continue;
		value->given = true;
		if (!tally_base64_decode(call->arena, taken->bulk[i], &value->text))
			return invalid(err, value->param->name, "it is no base64");
	}
	return 0;
}

static int decode_one(struct tally_share_call *call, struct json_object *body,
		      const struct tally_secret_body *taken, struct tally_share_value *value,
		      struct tally_err *err)
{
	struct json_object *member = NULL;

	if (value->param->type == SP_BASE64) {
		if (decode_base64(call, taken, value, err) != 0)
			return -1;
	} else {
		json_object_object_get_ex(body, value->param->name, &member);
		if (member != NULL && decoders[value->param->type](call, member, value, err) != 0)
			return -1;
		value->given = member != NULL && value->text.size > 0;	/* "" is as absent */
	}
	if (value->param->required && !value->given)
		return missing(err, value->param->name);
	return 0;
}

int tally_share_decode(struct tally_share_call *call, struct json_object *body,
		       const struct tally_secret_body *taken, struct tally_err *err)
{
	const struct tally_share_param *row = call->endpoint->params;

	for (size_t i = 0; row->name != NULL; row++, i++) {
		assert(i < SHARE_VALUES);
		call->values[i] = (struct tally_share_value){ .param = row };
		if (decode_one(call, body, taken, &call->values[i], err) != 0)
			return -1;
		if (row->type == SP_WITHIN && call->values[i].given)
			body = call->values[i].json;
	}
	return 0;
}

/* ---- for handlers ---- */

const struct tally_share_value *tally_share_value(const struct tally_share_call *call,
						  const char *name)
{
	const struct tally_share_param *row = call->endpoint->params;
	size_t i = 0;

	while (row[i].name != NULL && strcmp(row[i].name, name) != 0)
		i++;
	assert(row[i].name != NULL);
	return &call->values[i];
}

struct tally_bytes tally_share_text(const struct tally_share_call *call, const char *name)
{
	const struct tally_share_value *value = tally_share_value(call, name);

	return value->given ? value->text : TALLY_BYTES_NONE;
}

bool tally_share_flag(const struct tally_share_call *call, const char *name)
{
	const struct tally_share_value *value = tally_share_value(call, name);

	return value->given && value->number != 0;
}
