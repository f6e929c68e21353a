/*
 * Ion text (amazon-ion.github.io/ion-docs/docs/text.html). One function for each thing that can stand
 * there; how deep values may lie in one another is counted, so the recursion is bounded.
 */
#include "ion_private.h"

#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "utf8.h"

static int left(const struct tally_ion_parse *p)
{
	return p->reader->at < p->reader->end;
}

/* The byte so far ahead, or -1. */
static int peek(const struct tally_ion_parse *p, size_t ahead)
{
	return (size_t)(p->reader->end - p->reader->at) > ahead ? p->reader->at[ahead] : -1;
}

static bool take(struct tally_ion_parse *p, const char *text)
{
	size_t size = strlen(text);

	if ((size_t)(p->reader->end - p->reader->at) < size || memcmp(p->reader->at, text, size) != 0)
		return false;
	p->reader->at += size;
	return true;
}

static bool is_digit(int c) { return c >= '0' && c <= '9'; }

static bool is_hex(int c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_name(int c)
{
	return c == '_' || c == '$' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_operator(int c)
{
	return c > 0 && strchr("!#%&*+-./;<=>?@^`|~", c) != NULL;
}

/* What may stand behind a number, a timestamp or a word. */
static bool is_stop(int c)
{
	return c < 0 || strchr("{}[](),\"' \t\n\r\v\f", c) != NULL;
}

/* White space and comments. False where a comment has no end. */
static bool skip_space(struct tally_ion_parse *p)
{
	for (;;) {
		int c = peek(p, 0);

		if (c > 0 && strchr(" \t\n\r\v\f", c) != NULL) {
			p->reader->at++;
		} else if (c == '/' && peek(p, 1) == '/') {
			while (left(p) && *p->reader->at != '\n' && *p->reader->at != '\r')
				p->reader->at++;
		} else if (c == '/' && peek(p, 1) == '*') {
			p->reader->at += 2;
			while (left(p) && !take(p, "*/"))
				p->reader->at++;
			if (p->reader->at[-1] != '/')
				return false;
		} else {
			return true;
		}
	}
}

/* ---- texts ---- */

static void add_character(struct tally_buf *buf, uint32_t c)
{
	if (c < 0x80) {
		tally_buf_add_u8(buf, (uint8_t)c);
	} else if (c < 0x800) {
		tally_buf_add_u8(buf, (uint8_t)(0xc0 | c >> 6));
		tally_buf_add_u8(buf, (uint8_t)(0x80 | (c & 0x3f)));
	} else if (c < 0x10000) {
		tally_buf_add_u8(buf, (uint8_t)(0xe0 | c >> 12));
		tally_buf_add_u8(buf, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
		tally_buf_add_u8(buf, (uint8_t)(0x80 | (c & 0x3f)));
	} else {
		tally_buf_add_u8(buf, (uint8_t)(0xf0 | c >> 18));
		tally_buf_add_u8(buf, (uint8_t)(0x80 | (c >> 12 & 0x3f)));
		tally_buf_add_u8(buf, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
		tally_buf_add_u8(buf, (uint8_t)(0x80 | (c & 0x3f)));
	}
}

static bool take_hex(struct tally_ion_parse *p, unsigned int digits, uint32_t *c_r)
{
	*c_r = 0;
	for (unsigned int i = 0; i < digits; i++) {
		int c = peek(p, 0);

		if (!is_hex(c))
			return false;
		*c_r = *c_r << 4 | (uint32_t)(is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10);
		p->reader->at++;
	}
	return true;
}

/* Two escapes that together are one character. */
static bool take_low_half(struct tally_ion_parse *p, uint32_t *c)
{
	uint32_t low;

	if (*c < 0xd800 || *c > 0xdfff)
		return true;
	if (*c > 0xdbff || !take(p, "\\u") || !take_hex(p, 4, &low) || low < 0xdc00 || low > 0xdfff)
		return false;
	*c = 0x10000 + ((*c - 0xd800) << 10) + (low - 0xdc00);
	return true;
}

/* Behind a backslash. clob: bytes, not characters. */
static bool take_escape(struct tally_ion_parse *p, bool clob, struct tally_buf *buf)
{
	static const char short_forms[] = "abtnfrv\"'?/\\0", meant[] = "\a\b\t\n\f\r\v\"'?/\\\0";
	int c = peek(p, 0);
	const char *at = c > 0 ? strchr(short_forms, c) : NULL;
	uint32_t code;

	p->reader->at += c >= 0;
	if (at != NULL) {
		tally_buf_add_u8(buf, (uint8_t)meant[at - short_forms]);
		return true;
	}
	if (c == '\n')
		return true;		/* the line goes on */
	if (c == '\r') {
		take(p, "\n");
		return true;
	}
	if (c == 'x') {
		if (!take_hex(p, 2, &code))
			return false;
		if (clob)
			tally_buf_add_u8(buf, (uint8_t)code);
		else
			add_character(buf, code);
		return true;
	}
	if (clob || (c != 'u' && c != 'U') || !take_hex(p, c == 'u' ? 4 : 8, &code) ||
	    (c == 'u' && !take_low_half(p, &code)) || code > 0x10ffff ||
	    (code >= 0xd800 && code <= 0xdfff))
		return false;
	add_character(buf, code);
	return true;
}

/* What stands between two quotes; many: line ends may too. The opening one is taken already. */
static bool take_quoted(struct tally_ion_parse *p, const char *quote, bool many, bool clob,
			struct tally_buf *buf)
{
	while (!take(p, quote)) {
		int c = peek(p, 0);

		if (c < 0 || (c < ' ' && c != '\t' && !(many && strchr("\n\r\v\f", c) != NULL && c != 0)) ||
		    (clob && c > 0x7f))
			return false;
		p->reader->at++;
		if (c == '\\') {
			if (!take_escape(p, clob, buf))
				return false;
		} else if (c == '\r') {
			take(p, "\n");
			tally_buf_add_u8(buf, '\n');
		} else {
			tally_buf_add_u8(buf, (uint8_t)c);
		}
	}
	return true;
}

/* Pieces in three quotes, one after the other, are one text. */
static bool take_long(struct tally_ion_parse *p, bool clob, struct tally_buf *buf)
{
	while (take(p, "'''"))
		if (!take_quoted(p, "'''", true, clob, buf) || !skip_space(p))
			return false;
	return true;
}

static struct tally_bytes keep(struct tally_ion_parse *p, struct tally_buf *buf)
{
	struct tally_bytes bytes = tally_arena_bytes(p->arena, tally_buf_bytes(buf));

	tally_buf_free(buf);
	return bytes;
}

/* A string, short or long. */
static int take_string(struct tally_ion_parse *p, struct tally_bytes *text_r)
{
	struct tally_buf buf = { 0 };
	bool good = take(p, "\"") ? take_quoted(p, "\"", false, false, &buf) :
				    take_long(p, false, &buf);

	*text_r = keep(p, &buf);
	return good && tally_utf8_valid(*text_r) ? 0 : tally_ion_wrong(p, "a malformed text");
}

/* A symbol: a name, or in quotes. quoted_r: the name cannot be a keyword. */
static int take_symbol(struct tally_ion_parse *p, struct tally_bytes *text_r, bool *quoted_r)
{
	const uint8_t *begin = p->reader->at;
	struct tally_buf buf = { 0 };
	bool good;

	*quoted_r = take(p, "'");
	if (*quoted_r) {
		good = take_quoted(p, "'", false, false, &buf);
		*text_r = keep(p, &buf);
		return good && tally_utf8_valid(*text_r) ? 0 : tally_ion_wrong(p, "a malformed symbol");
	}
	while (is_name(peek(p, 0)) || is_digit(peek(p, 0)))
		p->reader->at++;
	*text_r = tally_bytes(begin, (size_t)(p->reader->at - begin));
	if (text_r->size > 1 && begin[0] == '$' && is_digit(begin[1]) && !tally_bytes_is(*text_r, "$0"))
		return tally_ion_wrong(p, "a symbol by its number, which text has no table for here");
	return text_r->size > 0 ? 0 : tally_ion_wrong(p, "something that is no value");
}

/* ---- numbers ---- */

/* Digits of a base as a big-endian magnitude. */
static struct tally_bytes magnitude_of(struct tally_arena *arena, const char *digits, size_t count,
				       unsigned int base)
{
	size_t room = count / 2 + 2;		/* at most 4 bits each */
	uint8_t *bytes = tally_arena_zalloc(arena, room);

	for (size_t i = 0; i < count; i++) {
		unsigned int carry = is_digit(digits[i]) ? (unsigned int)(digits[i] - '0') :
						(unsigned int)((digits[i] | 0x20) - 'a' + 10);

		for (size_t at = room; at-- > 0; ) {
			carry += bytes[at] * base;
			bytes[at] = (uint8_t)carry;
			carry >>= 8;
		}
	}
	return tally_ion_magnitude(tally_bytes(bytes, room));
}

/* The parts of a number as text, underscores taken out. */
struct number {
	char whole[TALLY_ION_DIGITS + 1], fraction[TALLY_ION_DIGITS + 1];
	size_t whole_size, fraction_size;
	bool negative, point, is_float, has_exponent;
	int64_t exponent;
};

/* Digits with single underscores between them. base 10, 16 or 2. */
static bool take_digits(struct tally_ion_parse *p, unsigned int base, char *digits, size_t *size_r)
{
	size_t size = 0;
	bool digit = false;

	for (;; p->reader->at++) {
		int c = peek(p, 0);

		if (c == '_' && digit) {
			digit = false;
			continue;
		}
		if (base == 16 ? !is_hex(c) : base == 2 ? c != '0' && c != '1' : !is_digit(c))
			break;
		if (size == TALLY_ION_DIGITS)
			return false;
		digits[size++] = (char)c;
		digit = true;
	}
	digits[size] = '\0';
	*size_r = size;
	return digit || size == 0;
}

static bool take_exponent(struct tally_ion_parse *p, struct number *number)
{
	char digits[TALLY_ION_DIGITS + 1];
	size_t size;
	bool negative;

	p->reader->at++;
	negative = take(p, "-");
	if (!negative)
		take(p, "+");
	number->has_exponent = true;
	if (!take_digits(p, 10, digits, &size) || size == 0 || size > 9)
		return false;
	number->exponent = strtol(digits, NULL, 10) * (negative ? -1 : 1);
	return true;
}

static struct tally_ion *float_node(struct tally_ion_parse *p, double value)
{
	struct tally_ion *node = tally_ion_node(p, ION_FLOAT);

	if (node != NULL)
		node->bytes = tally_ion_float(p->arena, value);
	return node;
}

static struct tally_ion *make_float(struct tally_ion_parse *p, const struct number *number)
{
	return float_node(p, strtod(tally_arena_printf(p->arena, "%s%s.%se%lld",
						       number->negative ? "-" : "", number->whole,
						       number->fraction, (long long)number->exponent), NULL));
}

static struct tally_ion *make_decimal(struct tally_ion_parse *p, const struct number *number)
{
	struct tally_ion *node = tally_ion_node(p, ION_DECIMAL);
	const char *digits = tally_arena_printf(p->arena, "%s%s", number->whole, number->fraction);

	if (node != NULL)
		node->bytes = tally_ion_decimal(p->arena, number->exponent - (int64_t)number->fraction_size,
						number->negative,
						magnitude_of(p->arena, digits, strlen(digits), 10));
	return node;
}

static struct tally_ion *make_int(struct tally_ion_parse *p, bool negative, const char *digits,
				  size_t size, unsigned int base)
{
	struct tally_ion *node = tally_ion_node(p, ION_INT);

	if (node != NULL) {
		node->bytes = magnitude_of(p->arena, digits, size, base);
		node->negative = negative && node->bytes.size > 0;
	}
	return node;
}

/* 0x1f, 0b101: the base's letter is taken already. */
static struct tally_ion *take_other_base(struct tally_ion_parse *p, struct number *number,
					 unsigned int base)
{
	if (!take_digits(p, base, number->whole, &number->whole_size) || number->whole_size == 0 ||
	    !is_stop(peek(p, 0)))
		return NULL;
	return make_int(p, number->negative, number->whole, number->whole_size, base);
}

/* NULL: malformed, or there were too many values. */
static struct tally_ion *take_number(struct tally_ion_parse *p)
{
	struct number *number = tally_arena_new(p->arena, struct number);
	int c;

	number->negative = take(p, "-");
	if (take(p, "0x") || take(p, "0X"))
		return take_other_base(p, number, 16);
	if (take(p, "0b") || take(p, "0B"))
		return take_other_base(p, number, 2);
	if (!take_digits(p, 10, number->whole, &number->whole_size) || number->whole_size == 0 ||
	    (number->whole[0] == '0' && number->whole_size > 1))
		return NULL;
	number->point = take(p, ".");
	if (number->point && !take_digits(p, 10, number->fraction, &number->fraction_size))
		return NULL;
	c = peek(p, 0);
	if (c == 'e' || c == 'E' || c == 'd' || c == 'D') {
		number->is_float = (c | 0x20) == 'e';
		if (!take_exponent(p, number))
			return NULL;
	}
	if (!is_stop(peek(p, 0)) && peek(p, 0) != ':' && peek(p, 0) != '/')
		return NULL;
	if (number->is_float)
		return make_float(p, number);
	if (number->point || number->has_exponent)
		return make_decimal(p, number);
	return make_int(p, number->negative, number->whole, number->whole_size, 10);
}

/* ---- timestamps ---- */

static bool take_fixed(struct tally_ion_parse *p, unsigned int digits, unsigned int *value_r)
{
	*value_r = 0;
	for (unsigned int i = 0; i < digits; i++) {
		if (!is_digit(peek(p, 0)))
			return false;
		*value_r = *value_r * 10 + (unsigned int)(*p->reader->at++ - '0');
	}
	return true;
}

static bool take_offset(struct tally_ion_parse *p, struct tally_ion_time *time)
{
	unsigned int hours, minutes;
	bool negative;

	time->offset_known = true;
	if (take(p, "Z"))
		return true;
	negative = take(p, "-");
	if ((!negative && !take(p, "+")) || !take_fixed(p, 2, &hours) || !take(p, ":") ||
	    !take_fixed(p, 2, &minutes) || hours > 23 || minutes > 59)
		return false;
	time->offset = (int)(hours * 60 + minutes) * (negative ? -1 : 1);
	time->offset_known = !negative || time->offset != 0;
	return true;
}

/* At most 18 digits, which is less than any clock tells. */
static bool take_fraction(struct tally_ion_parse *p, struct tally_ion_time *time)
{
	const uint8_t *begin = p->reader->at;
	size_t size;

	while (is_digit(peek(p, 0)))
		p->reader->at++;
	size = (size_t)(p->reader->at - begin);
	if (size == 0 || size > 18)
		return false;
	time->fraction = true;
	time->exponent = -(int64_t)size;
	time->coefficient = magnitude_of(p->arena, (const char *)begin, size, 10);
	return true;
}

static bool take_clock(struct tally_ion_parse *p, struct tally_ion_time *time)
{
	if (!take_fixed(p, 2, &time->hour) || !take(p, ":") || !take_fixed(p, 2, &time->minute))
		return false;
	time->parts = 5;
	if (take(p, ":")) {
		time->parts = 6;
		if (!take_fixed(p, 2, &time->second) || (take(p, ".") && !take_fraction(p, time)))
			return false;
	}
	return take_offset(p, time);
}

static bool take_date(struct tally_ion_parse *p, struct tally_ion_time *time)
{
	time->parts = 1;
	if (!take_fixed(p, 4, &time->year))
		return false;
	if (take(p, "T"))
		return true;
	if (!take(p, "-") || !take_fixed(p, 2, &time->month))
		return false;
	time->parts = 2;
	if (take(p, "T"))
		return true;
	if (!take(p, "-") || !take_fixed(p, 2, &time->day))
		return false;
	time->parts = 3;
	return !take(p, "T") || !is_digit(peek(p, 0)) || take_clock(p, time);
}

static struct tally_ion *take_timestamp(struct tally_ion_parse *p)
{
	struct tally_ion_time time = { 0 };
	struct tally_ion *node;

	if (!take_date(p, &time) || !is_stop(peek(p, 0)) || !tally_ion_time_valid(&time) ||
	    (time.parts >= 5 && !tally_ion_time_shift(&time, -time.offset)))
		return NULL;
	node = tally_ion_node(p, ION_TIMESTAMP);
	if (node != NULL)
		node->bytes = tally_ion_timestamp(p->arena, &time);
	return node;
}

/* Four digits and then a dash or a T: no number goes on so. */
static bool is_timestamp(const struct tally_ion_parse *p)
{
	for (size_t i = 0; i < 4; i++)
		if (!is_digit(peek(p, i)))
			return false;
	return peek(p, 4) == '-' || peek(p, 4) == 'T';
}

/* ---- values ---- */

static int take_value(struct tally_ion_parse *p, unsigned int depth, bool in_sexp,
		      struct tally_ion **value_r);

/* Items up to the closing sign. */
static int take_items(struct tally_ion_parse *p, unsigned int depth, struct tally_ion *to)
{
	const char *close = to->type == ION_LIST ? "]" : ")";
	struct tally_ion *last = NULL, *item;

	for (;;) {
		if (!skip_space(p))
			return tally_ion_wrong(p, "a comment without an end");
		if (take(p, close))
			return 0;
		if (take_value(p, depth + 1, to->type == ION_SEXP, &item) != 0)
			return -1;
		tally_ion_append(to, &last, item);
		if (!skip_space(p))
			return tally_ion_wrong(p, "a comment without an end");
		if (to->type == ION_LIST && !take(p, ",")) {
			if (take(p, close))
				return 0;
			return tally_ion_wrong(p, "a list that does not go on");
		}
	}
}

static int take_name_of(struct tally_ion_parse *p, struct tally_bytes *name_r)
{
	bool quoted;

	if (peek(p, 0) == '"' || (peek(p, 0) == '\'' && peek(p, 1) == '\'' && peek(p, 2) == '\''))
		return take_string(p, name_r);
	if (take_symbol(p, name_r, &quoted) != 0)
		return -1;
	return quoted || !tally_bytes_is(*name_r, "$0") ? 0 :
							   tally_ion_wrong(p, "a member without a name");
}

static int take_members(struct tally_ion_parse *p, unsigned int depth, struct tally_ion *to)
{
	struct tally_ion *last = NULL, *item;
	struct tally_bytes name;

	for (;;) {
		if (!skip_space(p))
			return tally_ion_wrong(p, "a comment without an end");
		if (take(p, "}"))
			return 0;
		if (take_name_of(p, &name) != 0)
			return -1;
		if (!skip_space(p) || !take(p, ":") || !skip_space(p))
			return tally_ion_wrong(p, "a member without its value");
		if (take_value(p, depth + 1, false, &item) != 0)
			return -1;
		item->name = name;
		tally_ion_append(to, &last, item);
		if (!skip_space(p) || (!take(p, ",") && peek(p, 0) != '}'))
			return tally_ion_wrong(p, "a struct that does not go on");
	}
}

/* Base64 with white space in it. */
static bool take_blob(struct tally_ion_parse *p, struct tally_ion *node)
{
	struct tally_buf buf = { 0 };
	bool good;

	while (left(p) && *p->reader->at != '}') {
		if (strchr(" \t\n\r\v\f", *p->reader->at) == NULL || *p->reader->at == 0)
			tally_buf_add_u8(&buf, *p->reader->at);
		p->reader->at++;
	}
	good = buf.size == 0 || tally_base64_decode(p->arena, tally_buf_bytes(&buf), &node->bytes);
	tally_buf_free(&buf);
	return good && take(p, "}}");
}

static bool take_clob(struct tally_ion_parse *p, struct tally_ion *node)
{
	struct tally_buf buf = { 0 };
	bool good;

	node->type = ION_CLOB;
	good = take(p, "\"") ? take_quoted(p, "\"", false, true, &buf) : take_long(p, true, &buf);
	node->bytes = keep(p, &buf);
	return good && skip_space(p) && take(p, "}}");
}

static int take_lob(struct tally_ion_parse *p, struct tally_ion **value_r)
{
	struct tally_ion *node = tally_ion_node(p, ION_BLOB);
	bool good;

	if (node == NULL)
		return -1;
	while (peek(p, 0) > 0 && strchr(" \t\n\r\v\f", peek(p, 0)) != NULL)
		p->reader->at++;
	good = peek(p, 0) == '"' || peek(p, 0) == '\'' ? take_clob(p, node) : take_blob(p, node);
	*value_r = node;
	return good ? 0 : tally_ion_wrong(p, "a malformed blob or clob");
}

static int take_container(struct tally_ion_parse *p, unsigned int depth, enum tally_ion_type type,
			  struct tally_ion **value_r)
{
	if (depth >= TALLY_ION_DEPTH)
		return tally_ion_wrong(p, "values too deep within one another");
	*value_r = tally_ion_node(p, type);
	if (*value_r == NULL)
		return -1;
	return type == ION_STRUCT ? take_members(p, depth, *value_r) : take_items(p, depth, *value_r);
}

/* null, null.int ..., behind the word null. */
static int take_null(struct tally_ion_parse *p, struct tally_ion **value_r)
{
	static const struct { const char *name; enum tally_ion_type type; } types[] = {
		{ "null", ION_NULL }, { "bool", ION_BOOL }, { "int", ION_INT }, { "float", ION_FLOAT },
		{ "decimal", ION_DECIMAL }, { "timestamp", ION_TIMESTAMP }, { "symbol", ION_SYMBOL },
		{ "string", ION_STRING }, { "clob", ION_CLOB }, { "blob", ION_BLOB },
		{ "list", ION_LIST }, { "sexp", ION_SEXP }, { "struct", ION_STRUCT },
	};
	enum tally_ion_type type = ION_NULL;
	struct tally_bytes name;
	size_t i = 0;
	bool quoted;

	if (take(p, ".")) {
		if (take_symbol(p, &name, &quoted) != 0)
			return -1;
		while (i < 13 && !tally_bytes_is(name, types[i].name))
			i++;
		if (i == 13 || quoted)
			return tally_ion_wrong(p, "null of no type");
		type = types[i].type;
	}
	*value_r = tally_ion_node(p, type);
	if (*value_r != NULL)
		(*value_r)->null = true;
	return *value_r != NULL ? 0 : -1;
}

/* A word that is a value of its own, or a symbol. */
static int make_word(struct tally_ion_parse *p, struct tally_bytes text, bool quoted,
		     struct tally_ion **value_r)
{
	bool is_true = tally_bytes_is(text, "true");

	if (!quoted && tally_bytes_is(text, "null"))
		return take_null(p, value_r);
	if (!quoted && tally_bytes_is(text, "nan")) {
		*value_r = float_node(p, strtod("nan", NULL));
		return *value_r != NULL ? 0 : -1;
	}
	*value_r = tally_ion_node(p, !quoted && (is_true || tally_bytes_is(text, "false")) ? ION_BOOL :
											  ION_SYMBOL);
	if (*value_r == NULL)
		return -1;
	(*value_r)->unknown = !quoted && tally_bytes_is(text, "$0");
	if ((*value_r)->type == ION_BOOL)
		(*value_r)->boolean = is_true;
	else if (!(*value_r)->unknown)
		(*value_r)->bytes = text;
	return 0;
}

static int take_operator(struct tally_ion_parse *p, struct tally_ion **value_r)
{
	const uint8_t *begin = p->reader->at;

	while (is_operator(peek(p, 0)))
		p->reader->at++;
	*value_r = tally_ion_node(p, ION_SYMBOL);
	if (*value_r == NULL)
		return -1;
	(*value_r)->bytes = tally_bytes(begin, (size_t)(p->reader->at - begin));
	return 0;
}

static int take_infinity(struct tally_ion_parse *p, struct tally_ion **value_r)
{
	*value_r = float_node(p, strtod(p->reader->at[0] == '-' ? "-inf" : "inf", NULL));
	p->reader->at += 4;
	return *value_r != NULL ? 0 : -1;
}

static bool is_infinity(const struct tally_ion_parse *p)
{
	return (peek(p, 0) == '-' || peek(p, 0) == '+') && peek(p, 1) == 'i' && peek(p, 2) == 'n' &&
	       peek(p, 3) == 'f' && is_stop(peek(p, 4));
}

/* A value that begins neither as a symbol nor as an annotation. */
static int take_other(struct tally_ion_parse *p, unsigned int depth, bool in_sexp,
		      struct tally_ion **value_r)
{
	int c = peek(p, 0);

	if (take(p, "{{"))
		return take_lob(p, value_r);
	if (take(p, "{"))
		return take_container(p, depth, ION_STRUCT, value_r);
	if (take(p, "["))
		return take_container(p, depth, ION_LIST, value_r);
	if (take(p, "("))
		return take_container(p, depth, ION_SEXP, value_r);
	if (c == '"' || c == '\'') {
		*value_r = tally_ion_node(p, ION_STRING);
		return *value_r != NULL ? take_string(p, &(*value_r)->bytes) : -1;
	}
	if (is_infinity(p))
		return take_infinity(p, value_r);
	if (is_digit(c) || (c == '-' && is_digit(peek(p, 1)))) {
		*value_r = is_timestamp(p) ? take_timestamp(p) : take_number(p);
		return *value_r != NULL ? 0 : tally_ion_wrong(p, "a malformed number or timestamp");
	}
	if (in_sexp && is_operator(c))
		return take_operator(p, value_r);
	return tally_ion_wrong(p, c < 0 ? "it ends too early" : "something that is no value");
}

static bool begins_symbol(const struct tally_ion_parse *p)
{
	if (peek(p, 0) == '\'')
		return !(peek(p, 1) == '\'' && peek(p, 2) == '\'');
	return is_name(peek(p, 0));
}

/* Annotations, then the value; a symbol that no "::" follows is the value itself. */
static int take_value(struct tally_ion_parse *p, unsigned int depth, bool in_sexp,
		      struct tally_ion **value_r)
{
	struct tally_bytes *annotations = NULL, text;
	size_t count = 0, room = 0;
	bool quoted;
	int result;

	while (begins_symbol(p)) {
		if (take_symbol(p, &text, &quoted) != 0)
			return -1;
		if (!skip_space(p))
			return tally_ion_wrong(p, "a comment without an end");
		if (!take(p, "::")) {
			result = make_word(p, text, quoted, value_r);
			goto out;
		}
		if (!quoted && (tally_bytes_is(text, "null") || tally_bytes_is(text, "$0") || tally_bytes_is(text, "true") ||
				tally_bytes_is(text, "false") || tally_bytes_is(text, "nan")))
			return tally_ion_wrong(p, "an annotation that is a keyword");
		annotations = tally_arena_more(p->arena, annotations, count, &room,
					       sizeof(*annotations));
		annotations[count++] = text;
		if (!skip_space(p))
			return tally_ion_wrong(p, "a comment without an end");
	}
	result = take_other(p, depth, in_sexp, value_r);
out:
	if (result == 0) {
		(*value_r)->annotations = annotations;
		(*value_r)->annotation_count = count;
	}
	return result;
}

/* A symbol table in text would give numbers to symbols; who needs one writes binary. */
static bool is_table(const struct tally_ion *value)
{
	return value->annotation_count > 0 && value->type == ION_STRUCT &&
	       tally_bytes_is(value->annotations[0], "$ion_symbol_table");
}

int tally_ion_text_next(struct tally_ion_parse *p, struct tally_ion **value_r)
{
	bool quoted;

	for (;;) {
		if (!skip_space(p))
			return tally_ion_wrong(p, "a comment without an end");
		if (!left(p))
			return 0;
		quoted = peek(p, 0) == '\'';
		if (take_value(p, 0, false, value_r) != 0)
			return -1;
		if (is_table(*value_r))
			return tally_ion_wrong(p, "a symbol table in text is not read");
		if (quoted || (*value_r)->type != ION_SYMBOL || (*value_r)->annotation_count > 0 ||
		    !tally_bytes_is((*value_r)->bytes, "$ion_1_0"))
			return 1;
	}
}
