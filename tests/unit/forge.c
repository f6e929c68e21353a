/* See forge.h. */
#include "config.h"

#include "forge.h"

#include <stdlib.h>
#include <string.h>

#include "tree.h"

/* ---- reading ---- */

static int take_journal(struct forge *forge, struct tally_bytes body, const uint8_t *entry_bytes,
			struct forged_journal *journal, struct tally_err *err)
{
	struct tally_block_entry entry;
	struct tally_bytes item, slot;
	int there;

	tally_block_entry_read(entry_bytes, &entry);
	item = tally_bytes(body.data + entry.place, body.size - entry.place);
	if (tally_block_slot(&entry, item, SLOT_RECORD, &slot, err) != 1 ||
	    tally_record_decode(slot, &forge->arena, &journal->record, err) != 0)
		return -1;
	there = tally_block_slot(&entry, item, SLOT_PAYLOAD, &journal->payload, err);
	if (there < 0 ||
	    tally_block_slot(&entry, item, SLOT_ENVELOPE, &journal->envelope, err) != 1)
		return -1;
	journal->payload_crc = entry.crc[SLOT_PAYLOAD];
	journal->keep_crc = there == 0;
	return 0;
}

static int take_block(struct forge *forge, struct tally_bytes bytes, struct forged_block *block,
		      struct tally_err *err)
{
	uint8_t hash[TALLY_HASH_SIZE];
	struct tally_bytes body;
	int result;

	if (tally_block_header_read(bytes, &block->header, hash, err) != 0)
		return -1;
	block->count = block->header.count;
	block->journals = tally_arena_array(&forge->arena, struct forged_journal, block->count);
	body = tally_bytes(bytes.data + tally_block_body_place(block->header.count),
			   block->header.body_size);
	result = 0;
	for (uint32_t i = 0; result == 0 && i < block->count; i++)
		result = take_journal(forge, body, bytes.data + tally_block_table_place(i),
				      &block->journals[i], err);
	return result;
}

int forge_read(struct tally_store *store, uint64_t space, struct forge *forge_r,
	       struct tally_err *err)
{
	uint64_t count;
	int result = 0;

	*forge_r = (struct forge){ .space = space };
	if (tally_store_last(store, space, &count, err) != 0)
		return -1;
	forge_r->count = count;
	forge_r->blocks = tally_arena_array(&forge_r->arena, struct forged_block, count + 1);
	for (uint64_t n = 0; result == 0 && n < count; n++) {
		struct tally_bytes bytes;

		result = tally_store_read(store, space, n, 0, UINT64_MAX, &forge_r->arena, &bytes,
					  err) == 1 ?
				 take_block(forge_r, bytes, &forge_r->blocks[n], err) :
				 -1;
	}
	return result;
}

void forge_free(struct forge *forge)
{
	tally_arena_free(&forge->arena);
}

/* ---- changing ---- */

struct forged_journal *forge_journal(struct forge *forge, uint64_t journal, size_t *block_r)
{
	uint64_t first = 0;

	for (size_t b = 0; b < forge->count; b++) {
		if (journal < first + forge->blocks[b].count) {
			if (block_r != NULL)
				*block_r = b;
			return &forge->blocks[b].journals[journal - first];
		}
		first += forge->blocks[b].count;
	}
	return NULL;
}

uint64_t forge_find(struct forge *forge, unsigned int type, uint64_t from)
{
	struct forged_journal *journal;

	for (; (journal = forge_journal(forge, from, NULL)) != NULL; from++)
		if (journal->record.type == type)
			return from;
	return UINT64_MAX;
}

void forge_drop_block(struct forge *forge, size_t block)
{
	memmove(&forge->blocks[block], &forge->blocks[block + 1],
		(forge->count - block - 1) * sizeof(*forge->blocks));
	forge->count--;
}

void forge_drop_journal(struct forge *forge, uint64_t journal)
{
	size_t at = 0;
	struct forged_journal *dropped = forge_journal(forge, journal, &at);
	struct forged_block *block = &forge->blocks[at];

	memmove(dropped, dropped + 1,
		(size_t)(block->journals + block->count - dropped - 1) * sizeof(*dropped));
	if (--block->count == 0)
		forge_drop_block(forge, at);
}

void forge_swap_journals(struct forge *forge, uint64_t one, uint64_t two)
{
	struct forged_journal *a = forge_journal(forge, one, NULL);
	struct forged_journal *b = forge_journal(forge, two, NULL), swap = *a;

	*a = *b;
	*b = swap;
}

struct tally_field *forge_field(struct forge *forge, uint64_t journal, const char *name)
{
	struct forged_journal *found = forge_journal(forge, journal, NULL);

	return (struct tally_field *)(uintptr_t)tally_field_find(&found->record, name);
}

struct tally_bytes forge_text(struct forge *forge, const char *text)
{
	return tally_arena_bytes(&forge->arena, tally_bytes_str(text));
}

/* ---- writing ---- */

static void put_journal(struct tally_block_builder *builder, const struct forged_journal *journal)
{
	struct tally_buf record = { 0 };
	uint32_t crc = journal->keep_crc ? journal->payload_crc :
					   tally_crc32c(0, journal->payload.data,
							journal->payload.size);

	tally_record_encode(&journal->record, &record);
	tally_block_add(builder, tally_buf_bytes(&record), TALLY_BYTES_NONE, journal->payload, crc,
			journal->envelope);
	tally_buf_free(&record);
}

static void add_leaves(struct forge *forge, const struct forged_block *block,
		       struct tally_frontier *frontier, struct tally_buf *leaves)
{
	struct tally_buf leaf = { 0 };

	(void)forge;
	for (size_t i = 0; i < block->count; i++) {
		struct tally_place place = { tally_bytes_str(block->header.name), frontier->size,
					     block->header.time_ms };
		struct tally_hash hash;

		tally_buf_clear(&leaf);
		tally_leaf_encode(&block->journals[i].record, &place, &leaf);
		tally_leaf_hash(tally_buf_bytes(&leaf), &hash);
		tally_frontier_append(frontier, &hash);
		tally_buf_add(leaves, hash.bytes, sizeof(hash));
	}
	tally_buf_free(&leaf);
}

static struct tally_bytes put_block(struct forge *forge, struct forged_block *block,
				    uint8_t hash_r[TALLY_HASH_SIZE])
{
	struct tally_block_builder builder;
	struct tally_buf buf = { 0 };
	struct tally_bytes bytes;

	tally_block_begin(&builder, &buf, (uint32_t)block->count);
	for (size_t i = 0; i < block->count; i++)
		put_journal(&builder, &block->journals[i]);
	tally_block_end(&builder, &block->header, hash_r);
	bytes = tally_arena_bytes(&forge->arena, tally_buf_bytes(&buf));
	tally_buf_free(&buf);
	return bytes;
}

struct tally_bytes *forge_blocks(struct forge *forge, size_t from, struct tally_hash **leaves_r,
				 uint64_t *journals_r)
{
	struct tally_bytes *blocks = tally_arena_array(&forge->arena, struct tally_bytes,
						       forge->count + 1);
	uint8_t last[TALLY_HASH_SIZE] = { 0 };
	struct tally_frontier frontier;
	struct tally_buf leaves = { 0 };
	struct tally_hash root;

	tally_frontier_init(&frontier);
	for (size_t b = 0; b < forge->count; b++) {
		struct forged_block *block = &forge->blocks[b];
		uint64_t first = frontier.size;

		add_leaves(forge, block, &frontier, &leaves);
		tally_frontier_root(&frontier, &root);
		if (b >= from) {
			block->header.number = b;
			block->header.first = first;
			memcpy(block->header.previous, last, sizeof(last));
			memcpy(block->header.root, root.bytes, sizeof(root));
		}
		blocks[b] = put_block(forge, block, last);
	}
	if (leaves_r != NULL)
		*leaves_r = tally_arena_copy(&forge->arena, leaves.data, leaves.size);
	if (journals_r != NULL)
		*journals_r = frontier.size;
	tally_buf_free(&leaves);
	return blocks;
}

/* ---- a copy of a store ---- */

struct copying {
	struct tally_store *from, *to;
	struct forge *forge;
	const struct tally_bytes *blocks;
	bool with_index;
	struct tally_arena arena;
	struct tally_err *err;
	int result;
};

static int append(struct copying *copying, uint64_t space, uint64_t number,
		  struct tally_bytes bytes)
{
	struct tally_block_write write = { .space = space, .number = number, .data = bytes };

	return tally_store_append(copying->to, &write, 1, copying->err);
}

static int copy_blocks(struct copying *copying, uint64_t space, uint64_t count)
{
	bool forged = copying->blocks != NULL && copying->forge->space == space;
	int result = 0;

	if (forged)
		count = copying->forge->count;
	for (uint64_t n = 0; result == 0 && n < count; n++) {
		struct tally_bytes bytes;

		tally_arena_reset(&copying->arena);
		if (forged)
			bytes = copying->blocks[n];
		else if (tally_store_read(copying->from, space, n, 0, UINT64_MAX, &copying->arena,
					  &bytes, copying->err) != 1)
			return -1;
		result = append(copying, space, n, bytes);
	}
	return result;
}

struct pairs {
	struct tally_arena *arena;
	uint32_t table;
	struct tally_change *list;
	size_t count, room;
};

static int take_pair(void *ctx, struct tally_bytes key, struct tally_bytes value)
{
	struct pairs *pairs = ctx;

	if (pairs->count == pairs->room) {
		pairs->room = pairs->room == 0 ? 256 : pairs->room * 2;
		pairs->list = tally_realloc(pairs->list, pairs->room * sizeof(*pairs->list));
	}
	pairs->list[pairs->count++] = (struct tally_change){
		pairs->table, false, tally_arena_bytes(pairs->arena, key),
		tally_arena_bytes(pairs->arena, value)
	};
	return 0;
}

static int copy_index(struct copying *copying, uint64_t space)
{
	struct pairs pairs = { .arena = &copying->arena };
	struct tally_mark none = { 0 }, mark;
	int result = tally_store_mark(copying->from, space, &mark, copying->err);

	if (result != 0 || mark.blocks == 0)
		return result;
	tally_arena_reset(&copying->arena);
	for (pairs.table = 0; result == 0 && pairs.table < TALLY_TABLE_MAX; pairs.table++)
		result = tally_store_scan(copying->from, space, pairs.table, TALLY_BYTES_NONE,
					  TALLY_BYTES_NONE, false, take_pair, &pairs, copying->err);
	if (result == 0)
		result = tally_store_apply(copying->to, space, &none, &mark, pairs.list,
					   pairs.count, copying->err);
	free(pairs.list);
	return result;
}

static int copy_space(void *ctx, uint64_t space, uint64_t count, bool dropped)
{
	struct copying *copying = ctx;

	if (dropped || count == 0)
		return 0;
	copying->result = copy_blocks(copying, space, count);
	if (copying->result == 0 && copying->with_index)
		copying->result = copy_index(copying, space);
	return copying->result != 0;
}

int forge_copy(struct tally_store *from, struct tally_store *to, struct forge *forge,
	       const struct tally_bytes *blocks, bool with_index, struct tally_err *err)
{
	struct copying copying = { from, to, forge, blocks, with_index, { 0 }, err, 0 };
	int result = tally_store_spaces(from, copy_space, &copying, err);

	tally_arena_free(&copying.arena);
	return result != 0 ? result : copying.result;
}
