/* Writing Ion values as Ion text or JSON, from the representation in which they are kept. */
#include "ion_private.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "jcs.h"

/* ---- numbers ---- */

/* A magnitude in decimal. */
static void add_magnitude(struct tally_buf *buf, struct tally_bytes magnitude)
{
	size_t room = magnitude.size * 5 / 2 + 2, used = 0;
	uint8_t *digits = tally_calloc(room, 1), *rest = tally_malloc(magnitude.size + 1);
	size_t from = 0;

	if (magnitude.size > 0)
		memcpy(rest, magnitude.data, magnitude.size);
	while (from < magnitude.size) {
		unsigned int carry = 0;

		for (size_t i = from; i < magnitude.size; i++) {
			carry = carry << 8 | rest[i];
			rest[i] = (uint8_t)(carry / 10);
			carry %= 10;
		}
		digits[used++] = (uint8_t)('0' + carry);
		while (from < magnitude.size && rest[from] == 0)
			from++;
	}
	if (used == 0)
		digits[used++] = '0';
	while (used > 0)
		tally_buf_add_u8(buf, digits[--used]);
	free(digits);
	free(rest);
}

static void add_float(struct tally_buf *buf, struct tally_bytes bytes, bool json)
{
	uint64_t bits = bytes.size == 8 ? tally_get_u64(bytes.data) : 0;
	double value;
	char text[40];

	memcpy(&value, &bits, 8);
	if (isnan(value) || isinf(value)) {
		tally_buf_add_str(buf, json ? "null" : isnan(value) ? "nan" : value > 0 ? "+inf" : "-inf");
		return;
	}
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, value);
		if (strtod(text, NULL) == value)
			break;
	}
	tally_buf_add_str(buf, text);
	if (!json && strchr(text, 'e') == NULL)
		tally_buf_add_str(buf, "e0");
}

/* As people write them where that is short: 12.50, and not 1250e-2. at: where the digits begin. */
static void add_exponent(struct tally_buf *buf, size_t at, int64_t exponent, bool json)
{
	size_t digits = buf->size - at, places = (size_t)-exponent;

	if (!json) {
		tally_buf_printf(buf, "d%lld", (long long)exponent);
	} else if (exponent > 0 || exponent < -40) {
		tally_buf_printf(buf, "e%lld", (long long)exponent);
	} else if (exponent < 0) {
		for (; digits <= places; digits++) {
			tally_buf_add_u8(buf, '0');
			memmove(buf->data + at + 1, buf->data + at, buf->size - at - 1);
			buf->data[at] = '0';
		}
		tally_buf_add_u8(buf, 0);
		memmove(buf->data + at + digits - places + 1, buf->data + at + digits - places, places);
		buf->data[at + digits - places] = '.';
	}
}

/* Coefficient and exponent. */
static void add_decimal(struct tally_buf *buf, struct tally_bytes bytes, bool json)
{
	const uint8_t *at = bytes.data, *end = tally_bytes_end(bytes);
	uint8_t first = 0;
	int64_t exponent = 0;
	bool ignored;
	size_t digits;

	if (bytes.size > 0)
		tally_ion_varint(&at, end, &exponent, &ignored);
	if (at < end)
		first = *at;
	if (first & 0x80)
		tally_buf_add_u8(buf, '-');
	digits = buf->size;
	if ((first & 0x7f) != 0) {
		struct tally_buf magnitude = { 0 };

		tally_buf_add(&magnitude, at, (size_t)(end - at));
		magnitude.data[0] &= 0x7f;
		add_magnitude(buf, tally_buf_bytes(&magnitude));
		tally_buf_free(&magnitude);
	} else {
		add_magnitude(buf, at < end ? tally_ion_magnitude(tally_bytes(at + 1, (size_t)(end - at - 1))) :
					      TALLY_BYTES_NONE);
	}
	add_exponent(buf, digits, exponent, json);
}

/* ---- timestamps ---- */

static void add_offset(struct tally_buf *buf, const struct tally_ion_time *time)
{
	unsigned int minutes = (unsigned int)(time->offset < 0 ? -time->offset : time->offset);

	if (!time->offset_known)
		tally_buf_add_str(buf, "-00:00");
	else if (time->offset == 0)
		tally_buf_add_str(buf, "Z");
	else
		tally_buf_printf(buf, "%c%02u:%02u", time->offset < 0 ? '-' : '+', minutes / 60,
				 minutes % 60);
}

static void add_fraction(struct tally_buf *buf, const struct tally_ion_time *time)
{
	struct tally_buf digits = { 0 };

	if (!time->fraction || time->exponent >= 0)
		return;
	add_magnitude(&digits, time->coefficient);
	tally_buf_add_u8(buf, '.');
	for (size_t zeros = (size_t)-time->exponent; zeros > digits.size; zeros--)
		tally_buf_add_u8(buf, '0');
	tally_buf_add_bytes(buf, tally_buf_bytes(&digits));
	tally_buf_free(&digits);
}

static void add_timestamp(struct tally_buf *buf, struct tally_bytes bytes)
{
	struct tally_ion_time time;

	tally_ion_time_read(bytes, &time);
	if (time.parts >= 5)
		tally_ion_time_shift(&time, time.offset);
	tally_buf_printf(buf, "%04u", time.year);
	if (time.parts >= 2)
		tally_buf_printf(buf, "-%02u", time.month);
	if (time.parts >= 3)
		tally_buf_printf(buf, "-%02u", time.day);
	if (time.parts != 3)
		tally_buf_add_u8(buf, 'T');
	if (time.parts < 5)
		return;
	tally_buf_printf(buf, "%02u:%02u", time.hour, time.minute);
	if (time.parts >= 6)
		tally_buf_printf(buf, ":%02u", time.second);
	add_fraction(buf, &time);
	add_offset(buf, &time);
}

/* ---- texts ---- */

/* A text or a symbol between quotes; clobs and control characters as \xHH. */
static void add_quoted(struct tally_buf *buf, struct tally_bytes text, char quote, bool clob)
{
	tally_buf_add_u8(buf, (uint8_t)quote);
	for (size_t i = 0; i < text.size; i++) {
		uint8_t c = text.data[i];

		if (c == (uint8_t)quote || c == '\\')
			tally_buf_printf(buf, "\\%c", c);
		else if (c < ' ' || c == 0x7f || (clob && c > 0x7e))
			tally_buf_printf(buf, "\\x%02x", c);
		else
			tally_buf_add_u8(buf, c);
	}
	tally_buf_add_u8(buf, (uint8_t)quote);
}

static void add_base64(struct tally_buf *buf, struct tally_bytes bytes)
{
	struct tally_arena arena = { 0 };

	tally_buf_add_str(buf, tally_base64_encode(&arena, bytes));
	tally_arena_free(&arena);
}

static void add_lob(struct tally_buf *buf, const struct tally_ion *value, bool json)
{
	tally_buf_add_str(buf, json ? "\"" : "{{");
	if (!json && value->type == ION_CLOB)
		add_quoted(buf, value->bytes, '"', true);
	else
		add_base64(buf, value->bytes);
	tally_buf_add_str(buf, json ? "\"" : "}}");
}

/* ---- values ---- */

static void add_value(struct tally_buf *buf, const struct tally_ion *value, bool json);

static bool is_repeated(const struct tally_ion *in, const struct tally_ion *item)
{
	const struct tally_ion *before;

	for (before = in->first; before != item; before = before->next)
		if (tally_bytes_equal(before->name, item->name))
			return true;
	return false;
}

static void add_items(struct tally_buf *buf, const struct tally_ion *value, bool json)
{
	bool members = value->type == ION_STRUCT, spaces = value->type == ION_SEXP && !json, any = false;
	const struct tally_ion *item;

	tally_buf_add_u8(buf, members ? '{' : spaces ? '(' : '[');
	for (item = value->first; item != NULL; item = item->next) {
		if (json && members && is_repeated(value, item))
			continue;
		if (any)
			tally_buf_add_u8(buf, spaces ? ' ' : ',');
		any = true;
		if (members && json)
			tally_jcs_string(buf, item->name);
		else if (members)
			add_quoted(buf, item->name, '\'', false);
		if (members)
			tally_buf_add_u8(buf, ':');
		add_value(buf, item, json);
	}
	tally_buf_add_u8(buf, members ? '}' : spaces ? ')' : ']');
}

static void add_null(struct tally_buf *buf, enum tally_ion_type type, bool json)
{
	static const char *const names[] = {
		[ION_NULL] = "null", [ION_BOOL] = "bool", [ION_INT] = "int", [ION_FLOAT] = "float",
		[ION_DECIMAL] = "decimal", [ION_TIMESTAMP] = "timestamp", [ION_SYMBOL] = "symbol",
		[ION_STRING] = "string", [ION_CLOB] = "clob", [ION_BLOB] = "blob", [ION_LIST] = "list",
		[ION_SEXP] = "sexp", [ION_STRUCT] = "struct"
	};

	tally_buf_add_str(buf, "null");
	if (!json)
		tally_buf_printf(buf, ".%s", names[type]);
}

static void add_text(struct tally_buf *buf, const struct tally_ion *value, bool json)
{
	if (value->unknown)
		tally_buf_add_str(buf, json ? "null" : "$0");
	else if (json)
		tally_jcs_string(buf, value->bytes);
	else
		add_quoted(buf, value->bytes, value->type == ION_SYMBOL ? '\'' : '"', false);
}

static void add_plain(struct tally_buf *buf, const struct tally_ion *value, bool json)
{
	switch (value->type) {
	case ION_NULL:	break;
	case ION_BOOL:
		tally_buf_add_str(buf, value->boolean ? "true" : "false");
		break;
	case ION_INT:
		if (value->negative)
			tally_buf_add_u8(buf, '-');
		add_magnitude(buf, value->bytes);
		break;
	case ION_FLOAT:		add_float(buf, value->bytes, json); break;
	case ION_DECIMAL:	add_decimal(buf, value->bytes, json); break;
	case ION_TIMESTAMP:
		tally_buf_add_str(buf, json ? "\"" : "");
		add_timestamp(buf, value->bytes);
		tally_buf_add_str(buf, json ? "\"" : "");
		break;
	case ION_SYMBOL: case ION_STRING:	add_text(buf, value, json); break;
	case ION_CLOB: case ION_BLOB:		add_lob(buf, value, json); break;
	case ION_LIST: case ION_SEXP: case ION_STRUCT:	add_items(buf, value, json); break;
	}
}

static void add_value(struct tally_buf *buf, const struct tally_ion *value, bool json)
{
	for (size_t i = 0; !json && i < value->annotation_count; i++) {
		add_quoted(buf, value->annotations[i], '\'', false);
		tally_buf_add_str(buf, "::");
	}
	if (value->null)
		add_null(buf, value->type, json);
	else
		add_plain(buf, value, json);
}

void tally_ion_write_text(const struct tally_ion *value, struct tally_buf *buf)
{
	add_value(buf, value, false);
}

void tally_ion_write_json(const struct tally_ion *value, struct tally_buf *buf)
{
	add_value(buf, value, true);
}
