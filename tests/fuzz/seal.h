/* Checksums put right, since bytes by chance never have them. */
#ifndef TALLY_FUZZ_SEAL_H
#define TALLY_FUZZ_SEAL_H

#include "block.h"

/* Of the entries that lie in the block: each slot of it that does, too. size is at least a header's. */
static void seal_slots(uint8_t *block, size_t size)
{
	uint64_t count = tally_get_u32(block + 12), body = TALLY_BLOCK_HEADER;

	if (count > (size - TALLY_BLOCK_HEADER) / TALLY_BLOCK_ENTRY)
		return;
	body += count * TALLY_BLOCK_ENTRY;
	for (uint32_t i = 0; i < count; i++) {
		uint8_t *at = block + tally_block_table_place(i);
		struct tally_block_entry entry;
		uint64_t place;

		tally_block_entry_read(at, &entry);
		place = body + entry.place;
		for (int kind = 0; kind < SLOT_KINDS; kind++) {
			if (place > size || entry.size[kind] > size - place)
				break;
			tally_put_u32(at + 12 + 4 * kind,
				      tally_crc32c(0, block + place, entry.size[kind]));
			place += entry.size[kind];
		}
	}
}

/* All that is in the block. */
static void seal_size(uint8_t *block, size_t size)
{
	tally_put_u64(block + 160, size - TALLY_BLOCK_HEADER -
		      (uint64_t)tally_get_u32(block + 12) * TALLY_BLOCK_ENTRY);
}

static void seal_header(uint8_t *block)
{
	tally_put_u32(block + 188, tally_crc32c(0, block, 188));
}

#endif
