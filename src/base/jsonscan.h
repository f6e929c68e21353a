/*
 * The members of a JSON object (RFC 8259) where they stand: nothing is copied, nothing built. For who
 * must take something out of a text before anything else reads it, or hold single members against what
 * is known. It checks the form of what it passes over only as far as it needs to find the next member;
 * values within are not looked at.
 */
#ifndef TALLY_JSONSCAN_H
#define TALLY_JSONSCAN_H

#include "bytes.h"

struct tally_jsonscan {
	const uint8_t *at, *end;
	bool first;
};

struct tally_jsonscan_member {
	struct tally_bytes name;	/* between its quotes, as it stands there: with escapes */
	struct tally_bytes value;	/* as it stands there, a string with its quotes */
};

void tally_jsonscan_begin(struct tally_jsonscan *scan, struct tally_bytes text);
/* 1; 0 behind the last one, where nothing but white space follows; -1 the text is no object. */
int tally_jsonscan_next(struct tally_jsonscan *scan, struct tally_jsonscan_member *member_r);

static inline bool tally_jsonscan_is_text(const struct tally_jsonscan_member *member)
{
	return member->value.size >= 2 && member->value.data[0] == '"';
}

/* What a string between its quotes says, into room for raw.size bytes. False: malformed escapes, half
 * surrogates, control characters. UTF-8 is not checked. */
bool tally_jsonscan_text(struct tally_bytes raw, uint8_t *text_r, size_t *size_r);

/* Does a name between its quotes say this? */
bool tally_jsonscan_is(struct tally_bytes raw, const char *name);

#endif
