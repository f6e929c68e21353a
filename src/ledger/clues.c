/* Postings of clues: which journals a clue has, each with its hash, so that a lineage is one scan. */
#include "core_private.h"

size_t tally_posting_key(struct tally_bytes clue, uint64_t journal_id,
			 uint8_t key[TALLY_POSTING_KEY_MAX])
{
	key[0] = (uint8_t)clue.size;
	memcpy(key + 1, clue.data, clue.size);
	tally_put_u64(key + 1 + clue.size, journal_id);
	return 1 + clue.size + 8;
}

void tally_posting_value(const struct tally_hash *leaf, uint8_t value[TALLY_POSTING_VALUE])
{
	value[0] = 2;
	memcpy(value + 1, leaf->bytes, TALLY_HASH_SIZE);
}

struct taking {
	tally_posting_each *each;
	void *ctx;
	bool malformed;
};

static int take_posting(void *ctx, struct tally_bytes key, struct tally_bytes value)
{
	struct taking *taking = ctx;
	struct tally_hash leaf;

	if (value.size != TALLY_POSTING_VALUE || value.data[0] != 2) {
		taking->malformed = true;
		return 1;
	}
	memcpy(leaf.bytes, value.data + 1, TALLY_HASH_SIZE);
	return taking->each(taking->ctx, tally_get_u64(key.data + key.size - 8), &leaf);
}

int tally_postings(const struct tally_view *view, struct tally_bytes clue, uint64_t from,
		   uint64_t to, tally_posting_each *each, void *ctx, struct tally_err *err)
{
	uint8_t low[TALLY_POSTING_KEY_MAX], high[TALLY_POSTING_KEY_MAX];
	struct taking taking = { each, ctx, false };
	size_t size = tally_posting_key(clue, from, low);

	tally_posting_key(clue, to, high);
	if (tally_view_scan(view, TABLE_CLUE, tally_bytes(low, size), tally_bytes(high, size),
			    false, take_posting, &taking, err) != 0)
		return -1;
	if (taking.malformed)
		return tally_err_set(err, TALLY_CORRUPT, "%s: malformed posting of a clue",
				     view->space->name);
	return 0;
}
