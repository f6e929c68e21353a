/* JSON from outside as json-c's objects, for who takes documents apart member by member. */
#ifndef TALLY_JSON_IN_H
#define TALLY_JSON_IN_H

#include "bytes.h"

struct json_object;
struct tally_arena;

/* The whole of text as one value of at most 7 levels; NULL if it is anything else. The caller's
 * (json_object_put). */
struct json_object *tally_json_parse(struct tally_bytes text);

/* A string of valid UTF-8, copied. False if it is anything else. */
bool tally_json_text(struct tally_arena *arena, struct json_object *value,
		     struct tally_bytes *text_r);

/* No object of this value, which was parsed from text, has two members of one name: json-c takes the
 * last, and others may take the first. */
bool tally_json_once(struct json_object *value, struct tally_bytes text);

#endif
