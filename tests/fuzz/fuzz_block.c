/*
 * Whole blocks, as another host or a dump brings them: the header, the slot table, every slot, and
 * the check of payloads. The first byte says whether the checksum of the header and those of the
 * slots are put right first, since bytes by chance never have them.
 */
#include "fuzz.h"
#include "seal.h"
#include "space.h"

#define SEAL_HEADER 1
#define SEAL_SLOTS 2
#define FIX_SIZE 4

static void read_items(const struct tally_block_header *header, struct tally_bytes block)
{
	uint64_t body = tally_block_body_place(header->count);

	for (uint32_t i = 0; i < header->count; i++) {
		struct tally_bytes item = TALLY_BYTES_NONE;
		struct tally_block_entry entry;

		tally_block_entry_read(block.data + tally_block_table_place(i), &entry);
		if (entry.place <= block.size - body)
			item = tally_bytes(block.data + body + entry.place,
					   block.size - body - entry.place);
		for (int kind = 0; kind < SLOT_KINDS; kind++) {
			struct tally_err err = { 0 };
			struct tally_bytes slot;
			int there = tally_block_slot(&entry, item, kind, &slot, &err);

			PROMISE(there == 1 || there == 0 || err.code == TALLY_CORRUPT);
			if (there < 0)
				continue;
			PROMISE(slot.size == entry.size[kind]);
			PROMISE(slot.size == 0 || (slot.data >= item.data &&
						   slot.data + slot.size <= item.data + item.size));
		}
	}
}

static void look_at(struct tally_bytes block)
{
	struct tally_block_header header;
	struct tally_err err = { 0 };
	uint8_t hash[TALLY_HASH_SIZE];

	if (tally_block_header_read(block, &header, hash, &err) != 0) {
		PROMISE(err.code == TALLY_CORRUPT || err.code == TALLY_UNSUPPORTED);
		return;
	}
	PROMISE(header.count > 0 && header.first + header.count <= (uint64_t)1 << 53);
	PROMISE(header.time_ms < (uint64_t)1 << 53 && strlen(header.name) > 0);
	PROMISE(tally_block_size(&header) >= TALLY_BLOCK_HEADER + TALLY_BLOCK_ENTRY);
	if (tally_block_size(&header) != block.size)
		return;
	read_items(&header, block);
	if (tally_block_check_payloads(block, NULL, &err) != 0)
		PROMISE(err.code == TALLY_CORRUPT || err.code == TALLY_UNSUPPORTED);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *block;

	if (size < 1 + TALLY_BLOCK_HEADER) {
		if (size > 0)
			look_at(tally_bytes(data + 1, size - 1));
		return 0;
	}
	block = malloc(size - 1);
	if (block == NULL)
		abort();
	memcpy(block, data + 1, size - 1);
	if (data[0] & FIX_SIZE)
		seal_size(block, size - 1);
	if (data[0] & SEAL_SLOTS)
		seal_slots(block, size - 1);
	if (data[0] & SEAL_HEADER)
		seal_header(block);
	look_at(tally_bytes(block, size - 1));
	free(block);
	return 0;
}
