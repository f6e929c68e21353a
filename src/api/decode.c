/*
 * Validators by type, and the walk over an action's rows. See decode.h. A parameter that is there
 * but empty counts as missing where the row requires it; where it does not, it must be valid like
 * any other value.
 */
#include "decode.h"

#include <assert.h>
#include <strings.h>

#include "utf8.h"

#define ID_MAX 64
#define TOKEN_MAX 64
#define NEXT_MAX 1024

struct decoder {
	struct tally_arena *arena;
	const struct tally_form *form;
	enum tally_body_kind body_kind;
	struct tally_bytes body;
};

static bool within(const struct tally_param *row, uint64_t n)
{
	return n >= row->min && (row->max == 0 || n <= row->max);
}

/* prefix, then letters, digits, '-' and '_'. */
static bool is_id(struct tally_bytes text, const char *prefix)
{
	size_t i;

	if (text.size < 3 || text.size > ID_MAX || memcmp(text.data, prefix, 2) != 0)
		return false;
	for (i = 2; i < text.size; i++) {
		uint8_t c = text.data[i], lower = c | 0x20;

		if (!(c >= '0' && c <= '9') && !(lower >= 'a' && lower <= 'z') && c != '-' &&
		    c != '_')
			return false;
	}
	return true;
}

static bool is_printable_ascii(struct tally_bytes text, size_t max)
{
	size_t i;

	for (i = 0; i < text.size; i++)
		if (text.data[i] < 0x20 || text.data[i] > 0x7e)
			return false;
	return text.size <= max;
}

static bool parse_bool(struct tally_value *value)
{
	static const char *const words[] = { "false", "true" };

	for (value->number = 0; value->number < 2; value->number++)
		if (strlen(words[value->number]) == value->bytes.size &&
		    strncasecmp(words[value->number], (const char *)value->bytes.data,
				value->bytes.size) == 0)
			return true;
	return false;
}

static bool parse_enum(const struct tally_param *row, struct tally_value *value)
{
	for (value->number = 0; row->choices[value->number] != NULL; value->number++)
		if (tally_bytes_is(value->bytes, row->choices[value->number]))
			return true;
	return false;
}

static bool parse_hash(struct tally_arena *arena, struct tally_value *value)
{
	uint8_t *hash = tally_arena_alloc(arena, TALLY_HASH_SIZE);

	if (!tally_hex_decode(value->bytes, hash, TALLY_HASH_SIZE))
		return false;
	value->bytes = tally_bytes(hash, TALLY_HASH_SIZE);
	return true;
}

/* value->bytes is as sent; true when it is a value of the row's type within its bounds. */
static bool parse_value(struct tally_arena *arena, const struct tally_param *row,
			struct tally_value *value)
{
	switch (row->type) {
	case PARAM_TEXT:
		return tally_utf8_printable(value->bytes) &&
		       within(row, tally_utf8_length(value->bytes));
	case PARAM_RAW:
		return tally_utf8_valid(value->bytes) && within(row, value->bytes.size);
	case PARAM_BASE64:
		return tally_base64_decode(arena, value->bytes, &value->bytes) &&
		       within(row, value->bytes.size);
	case PARAM_LEDGER_ID:
		return is_id(value->bytes, "l-");
	case PARAM_MEMBER_ID:
		return is_id(value->bytes, "m-");
	case PARAM_UINT:
		return tally_parse_u64(value->bytes, row->max != 0 ? row->max : UINT64_MAX,
				       &value->number) && value->number >= row->min;
	case PARAM_BOOL:
		return parse_bool(value);
	case PARAM_ENUM:
		return parse_enum(row, value);
	case PARAM_HASH:
		return parse_hash(arena, value);
	case PARAM_TOKEN:
		return value->bytes.size > 0 && is_printable_ascii(value->bytes, TOKEN_MAX);
	case PARAM_NEXT:
		return is_printable_ascii(value->bytes, NEXT_MAX);
	case PARAM_LIST:
	case PARAM_BODY:
		break;
	}
	return false;
}

/* ---- lists: Name.1, Name.2 ..., or Name with a JSON array ---- */

static bool has_prefix(struct tally_bytes name, const char *list)
{
	size_t size = strlen(list);

	return name.size > size + 1 && memcmp(name.data, list, size) == 0 &&
	       name.data[size] == '.';
}

static size_t count_numbered(const struct tally_form *form, const char *name)
{
	size_t count = 0, i;

	for (i = 0; i < form->count; i++)
		count += has_prefix(form->params[i].name, name);
	return count;
}

/* The count items of Name.1 to Name.count, each there once (names do not repeat in a form). */
static bool collect_numbered(struct decoder *decoder, const char *name, size_t count,
			     struct tally_value *value)
{
	struct tally_bytes *items = tally_arena_array(decoder->arena, struct tally_bytes, count);
	size_t skip = strlen(name) + 1, i;

	for (i = 0; i < decoder->form->count; i++) {
		const struct tally_rpc_param *param = &decoder->form->params[i];
		uint64_t number;

		if (!has_prefix(param->name, name))
			continue;
		if (!tally_parse_u64(tally_bytes(param->name.data + skip,
						 param->name.size - skip), count, &number) ||
		    number == 0)
			return false;
		items[number - 1] = param->value;
	}
	value->items = items;
	value->item_count = count;
	return true;
}

static bool parse_list(struct decoder *decoder, const struct tally_param *row,
		       struct tally_value *value)
{
	size_t numbered = count_numbered(decoder->form, row->name), i;
	struct tally_bytes json;

	if (tally_form_get(decoder->form, row->name, &json)) {
		if (numbered > 0 || !tally_json_strings(decoder->arena, json, &value->items,
							&value->item_count))
			return false;
	} else if (!collect_numbered(decoder, row->name, numbered, value)) {
		return false;
	}
	for (i = 0; i < value->item_count; i++)
		if (value->items[i].size == 0 || !tally_utf8_valid(value->items[i]))
			return false;
	return within(row, value->item_count);
}

/* ---- the rows ---- */

static bool is_given(const struct decoder *decoder, const struct tally_param *row,
		     struct tally_bytes *text_r)
{
	*text_r = TALLY_BYTES_NONE;
	if (row->type == PARAM_BODY) {
		*text_r = decoder->body;
		return decoder->body_kind != BODY_NONE && decoder->body_kind != BODY_FORM;
	}
	return tally_form_get(decoder->form, row->name, text_r) ||
	       (row->type == PARAM_LIST && count_numbered(decoder->form, row->name) > 0);
}

static bool is_missing(const struct decoder *decoder, const struct tally_param *row)
{
	struct tally_bytes text;

	if (!row->required)
		return false;
	if (!is_given(decoder, row, &text))
		return true;
	return text.size == 0 && row->type != PARAM_LIST;
}

static bool decode_row(struct decoder *decoder, const struct tally_param *row,
		       struct tally_value *value)
{
	value->given = is_given(decoder, row, &value->bytes);
	if (!value->given && row->fallback == NULL)
		return true;
	if (!value->given)
		value->bytes = tally_bytes_str(row->fallback);
	if (row->type == PARAM_LIST)
		return parse_list(decoder, row, value);
	if (row->type == PARAM_BODY) {
		value->number = decoder->body_kind == BODY_LINES;
		return decoder->body_kind != BODY_OTHER;
	}
	return parse_value(decoder->arena, row, value);
}

int tally_decode(struct tally_arena *arena, const struct tally_action *action,
		 const struct tally_form *form, enum tally_body_kind body_kind,
		 struct tally_bytes body, struct tally_values *values_r,
		 struct tally_fault *fault)
{
	struct decoder decoder = { arena, form, body_kind, body };
	const struct tally_param *row;
	size_t count = 0, i;

	for (row = action->params; row->name != NULL; row++, count++)
		if (is_missing(&decoder, row))
			return tally_fault_named(fault, FAULT_MISSING_PARAMETER, row->name);
	values_r->action = action;
	values_r->of = tally_arena_array(arena, struct tally_value, count + 1);
	for (i = 0; i < count; i++)
		if (!decode_row(&decoder, &action->params[i], &values_r->of[i]))
			return tally_fault_named(fault, FAULT_INVALID_PARAMETER,
						 action->params[i].name);
	return 0;
}

/* ---- what handlers ask ---- */

static const struct tally_value *find(const struct tally_call *call, const char *name)
{
	const struct tally_param *rows = call->action->params;
	size_t i;

	for (i = 0; rows[i].name != NULL; i++)
		if (strcmp(rows[i].name, name) == 0)
			return &call->values->of[i];
	assert(!"an argument that the row does not declare");
	return NULL;
}

/* A value was sent, or the row has a default. */
static bool has_value(const struct tally_call *call, const char *name)
{
	const struct tally_param *row = call->action->params;

	while (strcmp(row->name, name) != 0)
		row++;
	return row->fallback != NULL || find(call, name)->given;
}

bool tally_arg_given(const struct tally_call *call, const char *name)
{
	return find(call, name)->given;
}

struct tally_bytes tally_arg_bytes(const struct tally_call *call, const char *name)
{
	return find(call, name)->bytes;
}

uint64_t tally_arg_uint(const struct tally_call *call, const char *name, uint64_t absent)
{
	return has_value(call, name) ? find(call, name)->number : absent;
}

bool tally_arg_bool(const struct tally_call *call, const char *name, bool absent)
{
	return has_value(call, name) ? find(call, name)->number != 0 : absent;
}

size_t tally_arg_enum(const struct tally_call *call, const char *name)
{
	return find(call, name)->number;
}

bool tally_arg_lines(const struct tally_call *call, const char *name)
{
	return find(call, name)->number != 0;
}

size_t tally_arg_list(const struct tally_call *call, const char *name,
		      const struct tally_bytes **items_r)
{
	const struct tally_value *value = find(call, name);

	*items_r = value->items;
	return value->item_count;
}
