/* Form decoding of query string and body. See decode.h. */
#include "decode.h"

#include <strings.h>

#define MAX_PARAMS 4096

enum tally_body_kind tally_body_kind(const struct tally_request *request)
{
	static const struct {
		const char *type;
		enum tally_body_kind kind;
	} types[] = {
		{ "application/x-www-form-urlencoded", BODY_FORM },
		{ "application/json", BODY_JSON },
		{ "application/x-ndjson", BODY_LINES },
		{ "application/jsonl", BODY_LINES },
	};
	struct tally_bytes type = tally_request_header(request, "content-type", NULL);
	size_t size = 0, i;

	if (!tally_bytes_is(request->method, "POST") || request->body.size == 0)
		return BODY_NONE;
	while (size < type.size && type.data[size] != ';' && type.data[size] != ' ')
		size++;
	for (i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (strlen(types[i].type) == size &&
		    strncasecmp(types[i].type, (const char *)type.data, size) == 0)
			return types[i].kind;
	return BODY_OTHER;
}

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The decoded text; the slice itself where nothing is encoded. False for a broken escape. */
static bool form_decode(struct tally_arena *arena, struct tally_bytes text,
			struct tally_bytes *text_r)
{
	const uint8_t *p = text.data, *end;
	uint8_t *data, *out;

	*text_r = text;
	if (text.size == 0 ||
	    (memchr(p, '%', text.size) == NULL && memchr(p, '+', text.size) == NULL))
		return true;
	end = p + text.size;
	data = out = tally_arena_alloc(arena, text.size);
	while (p < end) {
		int high, low;

		if (*p != '%') {
			*out++ = *p == '+' ? ' ' : *p;
			p++;
			continue;
		}
		high = end - p > 2 ? hex_digit(p[1]) : -1;
		low = end - p > 2 ? hex_digit(p[2]) : -1;
		if (high < 0 || low < 0)
			return false;
		*out++ = (uint8_t)(high << 4 | low);
		p += 3;
	}
	*text_r = tally_bytes(data, (size_t)(out - data));
	return true;
}

static size_t count_params(struct tally_bytes text)
{
	size_t count = text.size > 0, i;

	for (i = 0; i < text.size; i++)
		count += text.data[i] == '&';
	return count;
}

static void parse_one(struct tally_arena *arena, struct tally_bytes text,
		      struct tally_rpc_param *param, struct tally_fault *fault)
{
	const uint8_t *equals = memchr(text.data, '=', text.size);
	size_t name = equals != NULL ? (size_t)(equals - text.data) : text.size;
	size_t rest = equals != NULL ? text.size - name - 1 : 0;
	bool good;

	good = form_decode(arena, tally_bytes(text.data, name), &param->name);
	good &= form_decode(arena, tally_bytes(equals != NULL ? equals + 1 : NULL, rest),
			    &param->value);
	if ((!good || param->name.size == 0) && fault->kind == FAULT_NONE)
		tally_fault_about(fault, arena, FAULT_INVALID_PARAMETER, param->name);
}

static void parse_all(struct tally_arena *arena, struct tally_bytes text, struct tally_form *form,
		      struct tally_fault *fault)
{
	const uint8_t *p = text.data, *end, *stop;

	if (text.size == 0)
		return;
	for (end = p + text.size; p < end; p = stop + 1) {
		stop = memchr(p, '&', (size_t)(end - p));
		if (stop == NULL)
			stop = end;
		if (stop > p)
			parse_one(arena, tally_bytes(p, (size_t)(stop - p)),
				  &form->params[form->count++], fault);
	}
}

int tally_form_parse(struct tally_arena *arena, struct tally_bytes query, struct tally_bytes body,
		     struct tally_form *form_r, struct tally_fault *fault)
{
	size_t room = count_params(query) + count_params(body), i;

	fault->kind = FAULT_NONE;
	form_r->count = 0;
	if (room > MAX_PARAMS)
		return tally_fault_named(fault, FAULT_INVALID_PARAMETER, "(too many)");
	form_r->params = tally_arena_array(arena, struct tally_rpc_param, room + 1);
	parse_all(arena, query, form_r, fault);
	parse_all(arena, body, form_r, fault);
	tally_rpc_sort(form_r->params, form_r->count);
	for (i = 1; i < form_r->count && fault->kind == FAULT_NONE; i++)
		if (tally_bytes_equal(form_r->params[i - 1].name, form_r->params[i].name))
			tally_fault_about(fault, arena, FAULT_INVALID_PARAMETER,
					  form_r->params[i].name);
	return fault->kind == FAULT_NONE ? 0 : -1;
}

bool tally_form_get(const struct tally_form *form, const char *name, struct tally_bytes *value_r)
{
	struct tally_bytes wanted = tally_bytes_str(name);
	size_t low = 0, high = form->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = tally_bytes_compare(form->params[middle].name, wanted);

		if (order == 0) {
			*value_r = form->params[middle].value;
			return true;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*value_r = TALLY_BYTES_NONE;
	return false;
}
