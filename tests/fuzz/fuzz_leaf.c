/*
 * Canonical JSON from outside: what is valid can be walked from end to end, and written again from
 * its parts it is the same text. Of what is not valid no function reads beyond the end.
 */
#include "fuzz.h"
#include "leaf.h"

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
		PROMISE(!tally_leaf_payload_is(&leaf, salt, TALLY_BYTES_NONE) || leaf.has_payload);
	}
	return 0;
}
