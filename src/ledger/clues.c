/*
 * Postings of clues: which journals a clue has, each with its hash, so that a lineage is read by scans.
 * They lie by stretches of the ledger, and by clue within a stretch: what is written belongs to the
 * newest stretches, so a tree that is changed in place is changed at its end alone, however large the
 * ledger has become. A lineage is one scan of each stretch.
 */
#include "core_private.h"

#define STRETCH_BITS 18			/* 262,144 journals */
#define STRETCH_SIZE 5			/* bytes of its number in a key */
#define WITHIN_SIZE 3			/* and of the journal's place in it */

static void put_number(uint8_t *to, size_t size, uint64_t number)
{
	for (size_t i = size; i-- > 0; number >>= 8)
		to[i] = (uint8_t)number;
}

static uint64_t get_number(const uint8_t *from, size_t size)
{
	uint64_t number = 0;

	for (size_t i = 0; i < size; i++)
		number = number << 8 | from[i];
	return number;
}

/* within: the place in the stretch, up to 2^STRETCH_BITS for the end of it. */
static size_t make_key(struct tally_bytes clue, uint64_t stretch, uint64_t within,
		       uint8_t key[TALLY_POSTING_KEY_MAX])
{
	put_number(key, STRETCH_SIZE, stretch);
	key[STRETCH_SIZE] = (uint8_t)clue.size;
	memcpy(key + STRETCH_SIZE + 1, clue.data, clue.size);
	put_number(key + STRETCH_SIZE + 1 + clue.size, WITHIN_SIZE, within);
	return STRETCH_SIZE + 1 + clue.size + WITHIN_SIZE;
}

static uint64_t stretch_of(uint64_t journal_id)
{
	return journal_id >> STRETCH_BITS;
}

size_t tally_posting_key(struct tally_bytes clue, uint64_t journal_id,
			 uint8_t key[TALLY_POSTING_KEY_MAX])
{
	uint64_t stretch = stretch_of(journal_id);

	return make_key(clue, stretch, journal_id - (stretch << STRETCH_BITS), key);
}

uint64_t tally_posting_journal(struct tally_bytes key)
{
	return (get_number(key.data, STRETCH_SIZE) << STRETCH_BITS) +
	       get_number(key.data + key.size - WITHIN_SIZE, WITHIN_SIZE);
}

void tally_posting_value(const struct tally_hash *leaf, uint8_t value[TALLY_POSTING_VALUE])
{
	value[0] = 2;
	memcpy(value + 1, leaf->bytes, TALLY_HASH_SIZE);
}

struct taking {
	tally_posting_each *each;
	void *ctx;
	bool stopped;
	bool malformed;
};

static int take_posting(void *ctx, struct tally_bytes key, struct tally_bytes value)
{
	struct taking *taking = ctx;
	struct tally_hash leaf;

	if (value.size != TALLY_POSTING_VALUE || value.data[0] != 2) {
		taking->malformed = taking->stopped = true;
		return 1;
	}
	memcpy(leaf.bytes, value.data + 1, TALLY_HASH_SIZE);
	taking->stopped = taking->each(taking->ctx, tally_posting_journal(key), &leaf) != 0;
	return taking->stopped;
}

/* The part of from <= id < to that lies in one stretch. */
static int scan_stretch(const struct tally_view *view, struct tally_bytes clue, uint64_t stretch,
			uint64_t from, uint64_t to, bool backwards, struct taking *taking,
			struct tally_err *err)
{
	uint64_t start = stretch << STRETCH_BITS, size = (uint64_t)1 << STRETCH_BITS;
	uint8_t low[TALLY_POSTING_KEY_MAX], high[TALLY_POSTING_KEY_MAX];
	size_t key_size;

	key_size = make_key(clue, stretch, from > start ? from - start : 0, low);
	make_key(clue, stretch, to < start + size ? to - start : size, high);
	return tally_view_scan(view, TABLE_CLUE, tally_bytes(low, key_size),
			       tally_bytes(high, key_size), backwards, take_posting, taking, err);
}

int tally_postings(const struct tally_view *view, struct tally_bytes clue, uint64_t from,
		   uint64_t to, bool backwards, tally_posting_each *each, void *ctx,
		   struct tally_err *err)
{
	struct taking taking = { .each = each, .ctx = ctx };
	uint64_t first = stretch_of(from), count = from < to ? stretch_of(to - 1) - first + 1 : 0;

	for (uint64_t i = 0; i < count && !taking.stopped; i++)
		if (scan_stretch(view, clue, backwards ? first + count - 1 - i : first + i, from,
				 to, backwards, &taking, err) != 0)
			return -1;
	if (taking.malformed)
		return tally_err_set(err, TALLY_CORRUPT, "%s: malformed posting of a clue",
				     view->space->name);
	return 0;
}
