/* Reading test vectors from tests/golden with json-c. A vector that is missing ends the test. */
#ifndef TALLY_VECTORS_H
#define TALLY_VECTORS_H

#include <json.h>
#include <stdio.h>
#include <stdlib.h>

#include "bytes.h"
#include "hash.h"

static inline struct json_object *vectors_load(const char *name)
{
	char path[1024];
	struct json_object *root;

	snprintf(path, sizeof(path), "%s/%s", TALLY_GOLDEN, name);
	root = json_object_from_file(path);
	if (root == NULL) {
		printf("Bail out! %s: %s\n", path, json_util_get_last_err());
		exit(99);
	}
	return root;
}

static inline struct json_object *vectors_member(struct json_object *object, const char *name)
{
	struct json_object *member;

	if (!json_object_object_get_ex(object, name, &member)) {
		printf("Bail out! the vectors have no member %s\n", name);
		exit(99);
	}
	return member;
}

static inline const char *vectors_text(struct json_object *object, const char *name)
{
	return json_object_get_string(vectors_member(object, name));
}

static inline uint64_t vectors_number(struct json_object *object, const char *name)
{
	return (uint64_t)json_object_get_int64(vectors_member(object, name));
}

static inline struct tally_bytes vectors_bytes(struct json_object *object, const char *name)
{
	const char *text = vectors_text(object, name);

	return tally_bytes_str(text);
}

/* Hex of exactly size bytes. */
static inline void vectors_hex(const char *text, void *data, size_t size)
{
	if (!tally_hex_decode(tally_bytes_str(text), data, size)) {
		printf("Bail out! the vectors have bad hex: %s\n", text);
		exit(99);
	}
}

#endif
