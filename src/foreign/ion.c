/* Ion values: what both readers need, and looking into what was read. See ion.h. */
#include "ion.h"

#include "buf.h"
#include "ion_private.h"

static const uint8_t version_marker[4] = { 0xe0, 0x01, 0x00, 0xea };

void tally_ion_open(struct tally_ion_reader *reader, struct tally_bytes bytes,
		    struct tally_arena *symbols_in)
{
	*reader = (struct tally_ion_reader){ .at = bytes.data, .end = tally_bytes_end(bytes),
					     .symbols_in = symbols_in };
	reader->binary = bytes.size >= sizeof(version_marker) &&
			 memcmp(bytes.data, version_marker, sizeof(version_marker)) == 0;
}

int tally_ion_next(struct tally_ion_reader *reader, struct tally_arena *arena,
		   struct tally_ion **value_r, struct tally_err *err)
{
	struct tally_ion_parse parse = { .reader = reader, .arena = arena, .begin = reader->at,
					 .err = err };

	*value_r = NULL;
	return reader->binary ? tally_ion_binary_next(&parse, value_r) :
				tally_ion_text_next(&parse, value_r);
}

int tally_ion_wrong(struct tally_ion_parse *parse, const char *what)
{
	return tally_err_set(parse->err, TALLY_INVALID, "Ion, byte %zu of a value: %s",
			     (size_t)(parse->reader->at - parse->begin), what);
}

struct tally_ion *tally_ion_node(struct tally_ion_parse *parse, enum tally_ion_type type)
{
	struct tally_ion *node;

	if (++parse->nodes > TALLY_ION_NODES) {
		tally_ion_wrong(parse, "there are too many values in it");
		return NULL;
	}
	node = tally_arena_new(parse->arena, struct tally_ion);
	node->type = type;
	return node;
}

void tally_ion_append(struct tally_ion *to, struct tally_ion **last, struct tally_ion *item)
{
	if (*last == NULL)
		to->first = item;
	else
		(*last)->next = item;
	*last = item;
	to->count++;
}

/* ---- looking into values ---- */

const struct tally_ion *tally_ion_member(const struct tally_ion *value, const char *name)
{
	const struct tally_ion *found = NULL, *item;

	if (value == NULL || value->type != ION_STRUCT)
		return NULL;
	for (item = value->first; item != NULL; item = item->next)
		if (tally_bytes_is(item->name, name)) {
			if (found != NULL)
				return NULL;	/* which of the two is meant? */
			found = item;
		}
	return found != NULL && !found->null ? found : NULL;
}

bool tally_ion_text(const struct tally_ion *value, struct tally_bytes *text_r)
{
	if (value == NULL || value->null || value->unknown ||
	    (value->type != ION_STRING && value->type != ION_SYMBOL))
		return false;
	*text_r = value->bytes;
	return true;
}

bool tally_ion_uint(const struct tally_ion *value, uint64_t max, uint64_t *number_r)
{
	uint64_t number = 0;

	if (value == NULL || value->type != ION_INT || value->null || value->negative ||
	    value->bytes.size > 8)
		return false;
	for (size_t i = 0; i < value->bytes.size; i++)
		number = number << 8 | value->bytes.data[i];
	*number_r = number;
	return number <= max;
}

/* ---- representations ---- */

struct tally_bytes tally_ion_magnitude(struct tally_bytes bytes)
{
	while (bytes.size > 0 && bytes.data[0] == 0) {
		bytes.data++;
		bytes.size--;
	}
	return bytes;
}

struct tally_bytes tally_ion_float(struct tally_arena *arena, double value)
{
	uint8_t *bytes = tally_arena_alloc(arena, 8);
	uint64_t bits;

	memcpy(&bits, &value, 8);
	if (bits == 0)
		return TALLY_BYTES_NONE;
	if (value != value)
		bits = (uint64_t)0x7ff8 << 48;
	tally_put_u64(bytes, bits);
	return tally_bytes(bytes, 8);
}

/* VarUInt and VarInt: 7 bits a byte, the highest first, the last with the high bit set. */
static void add_varuint(struct tally_buf *buf, uint64_t value)
{
	uint8_t bytes[10];
	size_t at = sizeof(bytes);

	bytes[--at] = 0x80 | (value & 0x7f);
	while ((value >>= 7) != 0)
		bytes[--at] = value & 0x7f;
	tally_buf_add(buf, bytes + at, sizeof(bytes) - at);
}

static void add_varint(struct tally_buf *buf, int64_t value, bool negative_zero)
{
	uint64_t magnitude = value < 0 ? (uint64_t)-value : (uint64_t)value;
	uint8_t bytes[11], sign = value < 0 || negative_zero ? 0x40 : 0;
	size_t at = sizeof(bytes);
	bool last = true;

	while (magnitude > 0x3f) {
		bytes[--at] = (last ? 0x80 : 0) | (magnitude & 0x7f);
		magnitude >>= 7;
		last = false;
	}
	bytes[--at] = (uint8_t)((last ? 0x80 : 0) | sign | magnitude);
	tally_buf_add(buf, bytes + at, sizeof(bytes) - at);
}

/* Int: sign and magnitude; a zero byte, or one with the sign alone, where the first bit is taken. */
static void add_int(struct tally_buf *buf, bool negative, struct tally_bytes magnitude)
{
	size_t at = buf->size;

	if (magnitude.size == 0 || (magnitude.data[0] & 0x80))
		tally_buf_add_u8(buf, 0);
	tally_buf_add_bytes(buf, magnitude);
	if (negative)
		buf->data[at] |= 0x80;
}

static struct tally_bytes taken(struct tally_arena *arena, struct tally_buf *buf)
{
	struct tally_bytes bytes = tally_arena_bytes(arena, tally_buf_bytes(buf));

	tally_buf_free(buf);
	return bytes;
}

struct tally_bytes tally_ion_decimal(struct tally_arena *arena, int64_t exponent, bool negative,
				     struct tally_bytes magnitude)
{
	struct tally_buf buf = { 0 };

	magnitude = tally_ion_magnitude(magnitude);
	if (exponent == 0 && magnitude.size == 0 && !negative)
		return TALLY_BYTES_NONE;
	add_varint(&buf, exponent, false);
	if (magnitude.size > 0 || negative)
		add_int(&buf, negative, magnitude);
	return taken(arena, &buf);
}

/* ---- timestamps ---- */

static unsigned int days_of(unsigned int year, unsigned int month)
{
	static const unsigned char days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return month == 2 && leap ? 29 : days[month - 1];
}

bool tally_ion_time_valid(const struct tally_ion_time *time)
{
	return time->year >= 1 && time->year <= 9999 &&
	       (time->parts < 2 || (time->month >= 1 && time->month <= 12)) &&
	       (time->parts < 3 || (time->day >= 1 && time->day <= days_of(time->year, time->month))) &&
	       (time->parts < 5 || (time->hour < 24 && time->minute < 60)) &&
	       (time->parts < 6 || time->second < 60) && time->offset > -24 * 60 &&
	       time->offset < 24 * 60;
}

static bool next_day(struct tally_ion_time *time, int by)
{
	if (by > 0 && ++time->day > days_of(time->year, time->month)) {
		time->day = 1;
		if (++time->month > 12) {
			time->month = 1;
			time->year++;
		}
	} else if (by < 0 && --time->day == 0) {
		if (--time->month == 0) {
			time->month = 12;
			time->year--;
		}
		if (time->year == 0)
			return false;
		time->day = days_of(time->year, time->month);
	}
	return time->year <= 9999;
}

bool tally_ion_time_shift(struct tally_ion_time *time, int minutes)
{
	int at = (int)(time->hour * 60 + time->minute) + minutes;
	int by = at < 0 ? -1 : at >= 24 * 60 ? 1 : 0;

	at -= by * 24 * 60;
	time->hour = (unsigned int)at / 60;
	time->minute = (unsigned int)at % 60;
	return next_day(time, by);
}

struct tally_bytes tally_ion_timestamp(struct tally_arena *arena, const struct tally_ion_time *time)
{
	const unsigned int parts[] = { time->year, time->month, time->day, time->hour, time->minute,
				       time->second };
	struct tally_bytes coefficient = tally_ion_magnitude(time->coefficient);
	struct tally_buf buf = { 0 };

	add_varint(&buf, time->offset_known ? time->offset : 0, !time->offset_known);
	for (unsigned int i = 0; i < time->parts; i++)
		add_varuint(&buf, parts[i]);
	if (time->fraction && (coefficient.size > 0 || time->exponent < 0)) {
		add_varint(&buf, time->exponent, false);
		if (coefficient.size > 0)
			add_int(&buf, false, coefficient);
	}
	return taken(arena, &buf);
}

bool tally_ion_varuint(const uint8_t **at, const uint8_t *end, uint64_t *value_r)
{
	uint64_t value = 0;

	while (*at < end && value <= INT64_MAX >> 7) {
		uint8_t byte = *(*at)++;

		value = value << 7 | (byte & 0x7f);
		if (byte & 0x80) {
			*value_r = value;
			return true;
		}
	}
	return false;
}

bool tally_ion_varint(const uint8_t **at, const uint8_t *end, int64_t *value_r, bool *negative_r)
{
	uint64_t value;
	uint8_t byte;

	if (*at == end)
		return false;
	byte = *(*at)++;
	*negative_r = (byte & 0x40) != 0;
	value = byte & 0x3f;
	while (!(byte & 0x80)) {
		if (*at == end || value > INT64_MAX >> 7)
			return false;
		byte = *(*at)++;
		value = value << 7 | (byte & 0x7f);
	}
	*value_r = *negative_r ? -(int64_t)value : (int64_t)value;
	return true;
}

static bool read_parts(const uint8_t **at, const uint8_t *end, struct tally_ion_time *time)
{
	unsigned int *const parts[] = { &time->year, &time->month, &time->day, &time->hour,
					&time->minute, &time->second };
	uint64_t value;

	while (*at < end && time->parts < 6) {
		if (!tally_ion_varuint(at, end, &value) || value > 9999)
			return false;
		*parts[time->parts++] = (unsigned int)value;
	}
	return time->parts >= 1 && time->parts != 4;
}

/* Below one, and of at most 18 digits. */
static bool is_fraction(int64_t exponent, struct tally_bytes coefficient)
{
	uint64_t value = 0, one = 1;

	if (coefficient.size > 8 || exponent < -18)
		return false;
	for (size_t i = 0; i < coefficient.size; i++)
		value = value << 8 | coefficient.data[i];
	for (; exponent < 0; exponent++)
		one *= 10;
	return value < one;
}

bool tally_ion_time_read(struct tally_bytes bytes, struct tally_ion_time *time_r)
{
	const uint8_t *at = bytes.data, *end = tally_bytes_end(bytes);
	int64_t offset;
	bool negative;

	memset(time_r, 0, sizeof(*time_r));
	if (!tally_ion_varint(&at, end, &offset, &negative) || offset <= -24 * 60 ||
	    offset >= 24 * 60 || !read_parts(&at, end, time_r))
		return false;
	time_r->offset_known = offset != 0 || !negative;
	time_r->offset = (int)offset;
	if (time_r->parts < 5 && time_r->offset_known)
		return false;		/* a day is the same day everywhere */
	if (at < end) {
		time_r->fraction = true;
		if (!tally_ion_varint(&at, end, &time_r->exponent, &negative))
			return false;
		time_r->coefficient = tally_bytes(at, (size_t)(end - at));
		if (time_r->coefficient.size > 0 && (at[0] & 0x80))
			return false;		/* less than nothing of a second */
		time_r->coefficient = tally_ion_magnitude(time_r->coefficient);
		if (!is_fraction(time_r->exponent, time_r->coefficient))
			return false;
	}
	return tally_ion_time_valid(time_r);
}
