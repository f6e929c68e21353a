/*
 * Reading leaves (doc/formats.md, "Leaf"): canonical JSON as RFC 8785 has it, of what occurs in them.
 * Pure functions; no allocation, no I/O; what is read borrows from the text given.
 *
 * Taken are objects (names of printable ASCII without quote and backslash, strictly ascending),
 * arrays, strings (valid UTF-8, escaped in the one way of RFC 8785 3.2.2.2), integers below 2^53
 * without sign, true and false; nested at most TALLY_CANON_DEPTH deep; no white space. All else is
 * refused, so that one leaf has one reading.
 */
#ifndef TALLY_LEAF_H
#define TALLY_LEAF_H

#include "hash.h"
#include "tree.h"

#define TALLY_LEAF_MAX 65535		/* bytes of a leaf (c2sp.org/tlog-tiles) */
#define TALLY_CANON_DEPTH 8

/* Is the whole text one such value? */
bool tally_canon_valid(struct tally_bytes text);

/* A member of an object: 1 and the text of its value, 0 where there is none of that name, -1 where
 * the text is no object. For texts that are valid; of others it looks at no more than it needs. */
int tally_canon_member(struct tally_bytes object, const char *name, struct tally_bytes *value_r);

/*
 * Walks over an array or an object: *at is 0 to begin with. 1 and the next item (and, of an object,
 * its name; name_r may be NULL for an array), 0 at the end, -1 where the text is neither or is
 * malformed up to there. The order of names is tally_canon_valid's to check.
 */
int tally_canon_next(struct tally_bytes value, size_t *at, struct tally_bytes *name_r,
		     struct tally_bytes *item_r);

/* What a value is; false where it is something else. A plain text is a string without a backslash:
 * what stands between its quotes is the text itself. A hash is 64 digits of lower-case hex. */
bool tally_canon_uint(struct tally_bytes value, uint64_t *number_r);
bool tally_canon_plain(struct tally_bytes value, struct tally_bytes *text_r);
bool tally_canon_hash(struct tally_bytes value, struct tally_hash *hash_r);

/* Is this string value, unescaped, that text? */
bool tally_canon_is(struct tally_bytes value, struct tally_bytes text);

/* The text of a string value, unescaped into room, which has value.size bytes. False where it is no
 * string. */
bool tally_canon_text(struct tally_bytes value, uint8_t *room, struct tally_bytes *text_r);

/* The same, and the bytes of a base64 string (also of an empty one), put at *room, which moves on behind
 * them. They take no more than value.size bytes: room as large as the whole document is enough for all
 * of its members. False where it is no such string; *room stands where it was then. */
bool tally_canon_take_text(struct tally_bytes value, uint8_t **room, struct tally_bytes *text_r);
bool tally_canon_take_base64(struct tally_bytes value, uint8_t **room, struct tally_bytes *bytes_r);

/* A leaf of version 1. Members that are not there are empty; further ones are passed over. */
struct tally_leaf {
	struct tally_bytes text;
	uint64_t journal_id;
	uint64_t timestamp;		/* milliseconds since 1970 */
	struct tally_bytes ledger_id;	/* plain texts */
	struct tally_bytes payload_type;
	struct tally_bytes member_id;
	struct tally_bytes clues;	/* the array's text */
	struct tally_bytes data;	/* the object's text */
	bool has_payload;
	struct tally_hash payload_hash;
	uint64_t payload_size;
	bool has_evidence;
	struct tally_hash evidence_hash;
};

/* False for anything but canonical JSON with the members every leaf has, each of its type. */
bool tally_leaf_parse(struct tally_bytes text, struct tally_leaf *leaf_r);

/* Does the leaf stand under this clue? */
bool tally_leaf_has_clue(const struct tally_leaf *leaf, struct tally_bytes clue);

/* A salt as files have it: lower-case hex. */
#define TALLY_SALT_SIZE 16
bool tally_canon_salt(struct tally_bytes value, uint8_t salt_r[TALLY_SALT_SIZE]);

/* Is it the leaf's payload? SHA-256(salt || payload) and the size. False where it has none. */
bool tally_leaf_payload_is(const struct tally_leaf *leaf, const uint8_t salt[TALLY_SALT_SIZE],
			   struct tally_bytes payload);

/* SHA-256 of a label, the evidence's own salt and the evidence; and is it the leaf's? */
void tally_evidence_hash(const uint8_t salt[TALLY_SALT_SIZE], struct tally_bytes evidence,
			 uint8_t hash_r[TALLY_HASH_SIZE]);
bool tally_leaf_evidence_is(const struct tally_leaf *leaf, const uint8_t salt[TALLY_SALT_SIZE],
			    struct tally_bytes evidence);

#endif
