/* Blocks as text for people; see journals.h. */
#include "config.h"

#include "journals.h"

#include <stdio.h>
#include <string.h>

#include "arena.h"
#include "block.h"
#include "buf.h"
#include "err.h"
#include "jcs.h"
#include "record.h"
#include "tree.h"
#include "utf8.h"

static void print_hex_member(const char *name, const void *data, size_t size)
{
	char hex[2 * TALLY_HASH_SIZE + 1];

	tally_hex_encode(data, size, hex);
	printf(",\"%s\":\"%s\"", name, hex);
}

static void print_payload(const struct tally_payload_slot *slot, struct tally_arena *arena)
{
	struct tally_buf text = { 0 };

	print_hex_member("salt", slot->salt, sizeof slot->salt);
	if (tally_utf8_valid(slot->payload)) {
		tally_jcs_string(&text, slot->payload);
		printf(",\"payload\":%.*s", (int)text.size, (const char *)text.data);
		tally_buf_free(&text);
	} else {
		printf(",\"payloadBase64\":\"%s\"", tally_base64_encode(arena, slot->payload));
	}
}

/* The leaf, rebuilt from the record, and its hash in the tree. */
static int print_leaf(const struct tally_block_header *header, uint64_t journal,
		      struct tally_bytes record_bytes, struct tally_arena *arena,
		      struct tally_err *err)
{
	struct tally_place place = { tally_bytes_str(header->name), journal, header->time_ms };
	struct tally_buf leaf = { 0 };
	struct tally_record record;
	struct tally_hash hash;

	if (tally_record_decode(record_bytes, arena, &record, err) != 0)
		return -1;
	tally_leaf_encode(&record, &place, &leaf);
	tally_leaf_hash(tally_buf_bytes(&leaf), &hash);
	printf("{\"block\":%llu,\"leaf\":%.*s", (unsigned long long)header->number, (int)leaf.size,
	       (const char *)leaf.data);
	print_hex_member("hash", hash.bytes, TALLY_HASH_SIZE);
	tally_buf_free(&leaf);
	return 0;
}

static int print_item(const struct tally_block_header *header, uint32_t item,
		      struct tally_bytes block, struct tally_arena *arena, struct tally_err *err)
{
	uint64_t body = tally_block_body_place(header->count);
	struct tally_payload_slot payload;
	struct tally_block_entry entry;
	struct tally_bytes bytes, slot;
	int there;

	tally_block_entry_read(block.data + tally_block_table_place(item), &entry);
	if (entry.place > block.size - body ||
	    tally_block_entry_size(&entry) > block.size - body - entry.place)
		return tally_err_set(err, TALLY_CORRUPT, "item %u lies outside the block", item);
	bytes = tally_bytes(block.data + body + entry.place, tally_block_entry_size(&entry));
	if (tally_block_slot(&entry, bytes, SLOT_RECORD, &slot, err) != 1 ||
	    print_leaf(header, header->first + item, slot, arena, err) != 0)
		return -1;
	there = tally_block_slot(&entry, bytes, SLOT_PAYLOAD, &slot, err);
	if (there < 0)
		return -1;
	if (there == 0) {
		printf(",\"erased\":true");
	} else if (slot.size != 0) {
		if (tally_payload_slot_decode(slot, &payload, err) != 0)
			return -1;
		print_payload(&payload, arena);
	}
	printf("}\n");
	return 0;
}

int print_journals(struct tally_bytes block, struct tally_arena *arena, struct tally_err *err)
{
	struct tally_block_header header;
	uint8_t hash[TALLY_HASH_SIZE];

	if (tally_block_header_read(block, &header, hash, err) != 0)
		return -1;
	if (block.size != tally_block_size(&header))
		return tally_err_set(err, TALLY_CORRUPT, "the block's size is not what its header says");
	for (uint32_t i = 0; i < header.count; i++)
		if (print_item(&header, i, block, arena, err) != 0)
			return -1;
	return 0;
}
