/*
 * The block codec: an immutable header, a table of slots, then three slots per item. It knows the
 * shape of a block and nothing of what the slots hold.
 *
 *   header (192 bytes) | slot table (24 bytes an item) | per item: record, payload, envelope
 *
 * Header, all numbers big-endian:
 *     0  4  "TLYB"
 *     4  2  format version, 1
 *     6  2  size of this header, 192
 *     8  4  size of one entry of the slot table, 24
 *    12  4  number of items, at least 1
 *    16  8  space
 *    24  8  number of the block in its space
 *    32  8  number of the first item, counted over the space
 *    40  8  time, milliseconds since 1970
 *    48 32  SHA-256 of the header before; zero in block 0
 *    80 32  root of the log tree after this block
 *   112 32  name of the ledger, padded with zero bytes
 *   144 16  store id
 *   160  8  size of the body behind the slot table
 *   168 20  zero
 *   188  4  CRC-32C of bytes 0..187
 *
 * Entry of the slot table: u32 place of the record from the start of the body, u16 size of the
 * record, u16 size of the envelope, u32 size of the payload slot, u32 CRC-32C of record, payload
 * slot and envelope. The three follow each other in the body. There is no checksum over the body,
 * so that a payload can be zeroed in place: such a slot is erased, and any other slot that does
 * not match its checksum is damage. The hash of a block is the SHA-256 of its header.
 */
#ifndef TALLY_BLOCK_H
#define TALLY_BLOCK_H

#include "buf.h"
#include "err.h"
#include "hash.h"

#define TALLY_BLOCK_VERSION 1
#define TALLY_BLOCK_HEADER 192
#define TALLY_BLOCK_ENTRY 24
#define TALLY_BLOCK_NAME 32

struct tally_block_header {
	uint64_t space;
	uint64_t number;
	uint64_t first;
	uint32_t count;
	uint64_t time_ms;
	uint8_t previous[TALLY_HASH_SIZE];
	uint8_t root[TALLY_HASH_SIZE];
	char name[TALLY_BLOCK_NAME + 1];
	uint8_t store_id[16];
	uint64_t body_size;
};

enum tally_slot_kind { SLOT_RECORD, SLOT_PAYLOAD, SLOT_ENVELOPE, SLOT_KINDS };

struct tally_block_entry {
	uint32_t place;
	uint32_t size[SLOT_KINDS];
	uint32_t crc[SLOT_KINDS];
};

/*
 * Building. tally_block_begin reserves header and slot table for up to `room` items in buf (which
 * it clears); tally_block_add writes one item's slots; tally_block_end fills in header and table
 * and gives the block's hash. The block is buf from then on. Slots given as up to two pieces so
 * that a payload is copied once.
 */
struct tally_block_builder {
	struct tally_buf *buf;
	uint32_t room;
	uint32_t count;
};
void tally_block_begin(struct tally_block_builder *builder, struct tally_buf *buf, uint32_t room);
void tally_block_add(struct tally_block_builder *builder, struct tally_bytes record,
		     struct tally_bytes payload_head, struct tally_bytes payload,
		     uint32_t payload_crc, struct tally_bytes envelope);
void tally_block_end(struct tally_block_builder *builder, struct tally_block_header *header,
		     uint8_t hash_r[TALLY_HASH_SIZE]);

/* Bytes an item adds to a block. */
size_t tally_block_cost(size_t record, size_t payload_slot, size_t envelope);

/*
 * Reads and checks a header; CORRUPT says what is wrong, UNSUPPORTED names both versions. What it
 * lets through stays in bounds: items and time below 2^53, a body that places of 4 bytes reach.
 */
int tally_block_header_read(struct tally_bytes bytes, struct tally_block_header *header_r,
			    uint8_t hash_r[TALLY_HASH_SIZE], struct tally_err *err);

/* One entry of the slot table from its 24 bytes. */
void tally_block_entry_read(const uint8_t *at, struct tally_block_entry *entry_r);

static inline uint64_t tally_block_table_place(uint32_t item)
{
	return TALLY_BLOCK_HEADER + (uint64_t)item * TALLY_BLOCK_ENTRY;
}
static inline uint64_t tally_block_body_place(uint32_t count)
{
	return tally_block_table_place(count);
}
/* Bytes of the whole block: who reads the table or the body in memory compares it first. */
static inline uint64_t tally_block_size(const struct tally_block_header *header)
{
	return tally_block_body_place(header->count) + header->body_size;
}
static inline uint32_t tally_block_entry_size(const struct tally_block_entry *entry)
{
	return entry->size[SLOT_RECORD] + entry->size[SLOT_PAYLOAD] + entry->size[SLOT_ENVELOPE];
}

/*
 * One slot out of an item's bytes (which begin at entry->place). 1 it is there and whole, 0 it is
 * erased (every byte zero, and not what was written), -1 CORRUPT.
 */
int tally_block_slot(const struct tally_block_entry *entry, struct tally_bytes item,
		     enum tally_slot_kind kind, struct tally_bytes *slot_r, struct tally_err *err);

#endif
