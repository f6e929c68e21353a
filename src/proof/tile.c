/* Tiles: the nodes within one, and the names of tiles. */
#include "tile.h"

#include <assert.h>
#include <stdio.h>

size_t tally_tile_place(unsigned int sublevel, unsigned int index)
{
	assert(sublevel < 8 && index < (unsigned int)TALLY_TILE_WIDTH >> sublevel);
	return 2 * TALLY_TILE_WIDTH - (2 * TALLY_TILE_WIDTH >> sublevel) + index;
}

/* Level after level lies behind the one below, so one run over the whole array makes them all. */
void tally_tile_complete(struct tally_hash tile[TALLY_TILE_HASHES], struct tally_hash *root_r)
{
	size_t i;

	for (i = TALLY_TILE_WIDTH; i < TALLY_TILE_HASHES; i++) {
		size_t child = 2 * (i - TALLY_TILE_WIDTH);

		tally_node_hash(&tile[child], &tile[child + 1], &tile[i]);
	}
	tally_node_hash(&tile[TALLY_TILE_HASHES - 2], &tile[TALLY_TILE_HASHES - 1], root_r);
}

bool tally_tile_subtree(const struct tally_hash *hashes, unsigned int width, unsigned int sublevel,
			unsigned int index, struct tally_hash *hash_r)
{
	struct tally_hash level[9];	/* as a frontier's: [l] is valid where bit l of i is 1 */
	unsigned int begin, count, i, l;

	if (sublevel > 8 || width > TALLY_TILE_WIDTH || index >= width)
		return false;
	begin = index << sublevel;
	count = 1u << sublevel;
	if (begin + count > width)
		return false;
	for (i = 0; i < count; i++) {
		struct tally_hash carry = hashes[begin + i];

		for (l = 0; (i >> l & 1) != 0; l++)
			tally_node_hash(&level[l], &carry, &carry);
		level[l] = carry;
	}
	*hash_r = level[sublevel];
	return true;
}

/* ---- paths (c2sp.org/tlog-tiles) ---- */

int tally_tile_path(int level, uint64_t number, unsigned int width, char *text)
{
	unsigned int groups[7];		/* of three digits, low first; 2^64 has 20 digits */
	int count = 0, size;

	assert(level >= -1 && level < TALLY_TILE_LEVELS && width >= 1 && width <= TALLY_TILE_WIDTH);
	do
		groups[count++] = (unsigned int)(number % 1000);
	while ((number /= 1000) != 0);
	size = level < 0 ? sprintf(text, "tile/entries/") : sprintf(text, "tile/%d/", level);
	while (count > 1)
		size += sprintf(text + size, "x%03u/", groups[--count]);
	size += sprintf(text + size, "%03u", groups[0]);
	if (width < TALLY_TILE_WIDTH)
		size += sprintf(text + size, ".p/%u", width);
	return size;
}

static bool skip(struct tally_bytes *text, const char *prefix)
{
	size_t size = strlen(prefix);

	if (text->size < size || memcmp(text->data, prefix, size) != 0)
		return false;
	*text = tally_bytes(text->data + size, text->size - size);
	return true;
}

/* Takes one run of digits off the front; false if there is none or it is too large. */
static bool take_number(struct tally_bytes *text, uint64_t max, uint64_t *value_r)
{
	uint64_t value = 0;
	size_t i;

	for (i = 0; i < text->size && text->data[i] >= '0' && text->data[i] <= '9'; i++) {
		value = value * 10 + (text->data[i] - '0');
		if (value > max)
			return false;
	}
	if (i == 0)
		return false;
	*text = tally_bytes(text->data + i, text->size - i);
	*value_r = value;
	return true;
}

/*
 * Reads leniently, then compares with what tally_tile_path writes: so there is exactly one name
 * for a tile, however the grammar may look.
 */
bool tally_tile_parse(struct tally_bytes path, int *level_r, uint64_t *number_r,
		      unsigned int *width_r)
{
	struct tally_bytes rest = path;
	uint64_t level = 0, number = 0, group, width = TALLY_TILE_WIDTH;
	char again[96];
	bool entries, more;
	int size;

	if (!skip(&rest, "tile/"))
		return false;
	entries = skip(&rest, "entries/");
	if (!entries && (!take_number(&rest, TALLY_TILE_LEVELS - 1, &level) || !skip(&rest, "/")))
		return false;
	do {
		more = skip(&rest, "x");
		if (!take_number(&rest, 999, &group) || (more && !skip(&rest, "/")) ||
		    __builtin_mul_overflow(number, 1000, &number) ||
		    __builtin_add_overflow(number, group, &number))
			return false;
	} while (more);
	if (skip(&rest, ".p/") && (!take_number(&rest, TALLY_TILE_WIDTH, &width) || width == 0))
		return false;
	size = tally_tile_path(entries ? -1 : (int)level, number, (unsigned int)width, again);
	if (!tally_bytes_equal(path, tally_bytes(again, (size_t)size)))
		return false;
	*level_r = entries ? -1 : (int)level;
	*number_r = number;
	*width_r = (unsigned int)width;
	return true;
}

/* ---- entry bundles ---- */

int tally_bundle_next(struct tally_bytes *bytes, struct tally_bytes *entry_r)
{
	size_t size;

	if (bytes->size == 0)
		return 0;
	if (bytes->size < 2)
		return -1;
	size = tally_get_u16(bytes->data);
	if (bytes->size - 2 < size)
		return -1;
	*entry_r = tally_bytes(bytes->data + 2, size);
	*bytes = tally_bytes(bytes->data + 2 + size, bytes->size - 2 - size);
	return 1;
}
