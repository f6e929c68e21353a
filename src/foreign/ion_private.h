/* What the two readers of Ion share: making values in the representation that is hashed. */
#ifndef TALLY_ION_PRIVATE_H
#define TALLY_ION_PRIVATE_H

#include "err.h"
#include "ion.h"

/* A value under way. */
struct tally_ion_parse {
	struct tally_ion_reader *reader;
	struct tally_arena *arena;
	const uint8_t *begin;		/* of the whole text, for messages */
	size_t nodes;
	struct tally_err *err;
};

/* Always -1. */
int tally_ion_wrong(struct tally_ion_parse *parse, const char *what);

/* A new node; NULL after an error, where there are too many. */
struct tally_ion *tally_ion_node(struct tally_ion_parse *parse, enum tally_ion_type type);
/* Puts an item behind the last. last: NULL to begin with. */
void tally_ion_append(struct tally_ion *to, struct tally_ion **last, struct tally_ion *item);

/* Representations. Magnitudes are big-endian; leading zeros are taken off. */
struct tally_bytes tally_ion_magnitude(struct tally_bytes bytes);
struct tally_bytes tally_ion_float(struct tally_arena *arena, double value);
struct tally_bytes tally_ion_decimal(struct tally_arena *arena, int64_t exponent, bool negative,
				     struct tally_bytes magnitude);

/* A point in time with the precision that it was given: how many of year, month, day, minute, second. */
struct tally_ion_time {
	unsigned int parts;		/* 1 year, 2 month, 3 day, 5 hour and minute, 6 second */
	bool offset_known;
	int offset;			/* minutes */
	unsigned int year, month, day, hour, minute, second;	/* UTC where there is a minute */
	bool fraction;
	int64_t exponent;
	struct tally_bytes coefficient;
};
/* False where it is no date. */
bool tally_ion_time_valid(const struct tally_ion_time *time);
struct tally_bytes tally_ion_timestamp(struct tally_arena *arena, const struct tally_ion_time *time);
/* And back, of bytes that were made so (or of a binary value: then it is checked). */
bool tally_ion_time_read(struct tally_bytes bytes, struct tally_ion_time *time_r);
/* From local time, or to it. False where that leaves the years 1 to 9999. */
bool tally_ion_time_shift(struct tally_ion_time *time, int minutes);

/* VarInt of Ion: reads; false where it is cut off or over 63 bits. sign_r: also of zero. */
bool tally_ion_varint(const uint8_t **at, const uint8_t *end, int64_t *value_r, bool *negative_r);
bool tally_ion_varuint(const uint8_t **at, const uint8_t *end, uint64_t *value_r);

int tally_ion_text_next(struct tally_ion_parse *parse, struct tally_ion **value_r);
int tally_ion_binary_next(struct tally_ion_parse *parse, struct tally_ion **value_r);

#endif
