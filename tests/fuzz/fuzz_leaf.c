/*
 * Canonical JSON from outside: what is valid can be walked from end to end, and written again from
 * its parts it is the same text. Of what is not valid no function reads beyond the end.
 */
#include "err.h"
#include "fuzz.h"
#include "leaf.h"
#include "signed.h"

static struct { uint8_t bytes[1 << 16]; size_t used; } out;

static void add(const void *data, size_t size)
{
	PROMISE(out.used + size <= sizeof(out.bytes));
	memcpy(out.bytes + out.used, data, size);
	out.used += size;
}

/* Writes a value from what the walk gives of it. */
static void rewrite(struct tally_bytes value)
{
	bool object = value.data[0] == '{';
	struct tally_bytes name, item;
	const char *between = "";
	size_t at = 0;
	int more;

	if (!object && value.data[0] != '[') {
		add(value.data, value.size);
		return;
	}
	add(value.data, 1);
	while ((more = tally_canon_next(value, &at, &name, &item)) == 1) {
		add(between, strlen(between));
		between = ",";
		if (object) {
			add("\"", 1);
			add(name.data, name.size);
			add("\":", 2);
		}
		rewrite(item);
	}
	PROMISE(more == 0);
	add(object ? "}" : "]", 1);
}

/* Unescaped, a string is no longer than it was, and is what it is said to be. */
static void unescape(struct tally_bytes item)
{
	uint8_t *room = malloc(item.size);
	struct tally_bytes text;

	PROMISE(room != NULL);
	if (tally_canon_text(item, room, &text))
		PROMISE(text.size + 2 <= item.size && tally_canon_is(item, text));
	else
		PROMISE(!tally_canon_plain(item, &text));
	free(room);
}

/* Whatever the members' signatures are, no more is written than the leaf is long. */
static void signatures(struct tally_bytes input, const struct tally_leaf *leaf)
{
	struct tally_leaf_signature found[TALLY_LEAF_SIGNATURES];
	uint8_t *room = malloc(input.size);
	struct tally_err err;
	int count;

	PROMISE(room != NULL);
	count = tally_leaf_signatures(input, room, found, &err);
	PROMISE(count >= -1 && count <= TALLY_LEAF_SIGNATURES);
	PROMISE(count < 1 || tally_bytes_equal(found[0].member_id, leaf->member_id));
	free(room);
}

static void walk(struct tally_bytes input)
{
	struct tally_bytes item, name, text;
	struct tally_hash hash;
	uint64_t number;
	size_t at = 0;

	while (tally_canon_next(input, &at, &name, &item) == 1) {
		PROMISE(at <= input.size && item.size > 0);
		(void)tally_canon_uint(item, &number);
		(void)tally_canon_hash(item, &hash);
		unescape(item);
		if (tally_canon_plain(item, &text))
			PROMISE(tally_canon_is(item, text));
	}
	(void)tally_canon_member(input, "v", &item);
	(void)tally_canon_is(input, TALLY_BYTES_LIT("v"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tally_bytes input = tally_bytes(data, size);
	static const uint8_t salt[TALLY_SALT_SIZE];
	struct tally_leaf leaf;

	walk(input);
	if (tally_canon_valid(input) && size <= TALLY_LEAF_MAX) {
		out.used = 0;
		rewrite(input);
		PROMISE(tally_bytes_equal(tally_bytes(out.bytes, out.used), input));
	}
	if (tally_leaf_parse(input, &leaf)) {
		PROMISE(tally_canon_valid(input) && leaf.ledger_id.size > 0);
		(void)tally_leaf_has_clue(&leaf, TALLY_BYTES_LIT("a"));
		signatures(input, &leaf);
		PROMISE(!tally_leaf_payload_is(&leaf, salt, TALLY_BYTES_NONE) || leaf.has_payload);
	}
	return 0;
}
