/* The block codec; the layout is in block.h. */
#include "block.h"

#include <assert.h>

#define NUMBER_END ((uint64_t)1 << 53)	/* integers of a leaf stay below (RFC 8785) */

static const uint8_t magic[4] = { 'T', 'L', 'Y', 'B' };

size_t tally_block_cost(size_t record, size_t payload_slot, size_t envelope)
{
	return TALLY_BLOCK_ENTRY + record + payload_slot + envelope;
}

void tally_block_begin(struct tally_block_builder *builder, struct tally_buf *buf, uint32_t room)
{
	size_t head = tally_block_body_place(room);

	tally_buf_clear(buf);
	memset(tally_buf_reserve(buf, head), 0, head);
	buf->size = head;
	*builder = (struct tally_block_builder){ .buf = buf, .room = room };
}

static void put_slot(struct tally_buf *buf, struct tally_bytes bytes)
{
	if (bytes.size > 0)
		tally_buf_add_bytes(buf, bytes);
}

void tally_block_add(struct tally_block_builder *builder, struct tally_bytes record,
		     struct tally_bytes payload_head, struct tally_bytes payload,
		     uint32_t payload_crc, struct tally_bytes envelope)
{
	struct tally_buf *buf = builder->buf;
	size_t place = buf->size - tally_block_body_place(builder->room);
	uint8_t *entry;

	assert(builder->count < builder->room);
	assert(record.size <= UINT16_MAX && envelope.size <= UINT16_MAX);
	put_slot(buf, record);
	put_slot(buf, payload_head);
	put_slot(buf, payload);
	put_slot(buf, envelope);
	entry = buf->data + tally_block_table_place(builder->count++);
	tally_put_u32(entry, (uint32_t)place);
	tally_put_u16(entry + 4, (uint16_t)record.size);
	tally_put_u16(entry + 6, (uint16_t)envelope.size);
	tally_put_u32(entry + 8, (uint32_t)(payload_head.size + payload.size));
	tally_put_u32(entry + 12, tally_crc32c(0, record.data, record.size));
	tally_put_u32(entry + 16, payload_crc);
	tally_put_u32(entry + 20, tally_crc32c(0, envelope.data, envelope.size));
}

void tally_block_end(struct tally_block_builder *builder, struct tally_block_header *header,
		     uint8_t hash_r[TALLY_HASH_SIZE])
{
	struct tally_buf *buf = builder->buf;
	size_t name_size = strnlen(header->name, TALLY_BLOCK_NAME);
	uint8_t *p;

	/* Commands that were turned down left room in the table: close the gap. */
	if (builder->count < builder->room) {
		size_t from = tally_block_body_place(builder->room);
		size_t to = tally_block_body_place(builder->count);

		memmove(buf->data + to, buf->data + from, buf->size - from);
		buf->size -= from - to;
	}
	header->count = builder->count;
	header->body_size = buf->size - tally_block_body_place(builder->count);
	p = buf->data;
	memset(p, 0, TALLY_BLOCK_HEADER);
	memcpy(p, magic, 4);
	tally_put_u16(p + 4, TALLY_BLOCK_VERSION);
	tally_put_u16(p + 6, TALLY_BLOCK_HEADER);
	tally_put_u32(p + 8, TALLY_BLOCK_ENTRY);
	tally_put_u32(p + 12, header->count);
	tally_put_u64(p + 16, header->space);
	tally_put_u64(p + 24, header->number);
	tally_put_u64(p + 32, header->first);
	tally_put_u64(p + 40, header->time_ms);
	memcpy(p + 48, header->previous, TALLY_HASH_SIZE);
	memcpy(p + 80, header->root, TALLY_HASH_SIZE);
	memcpy(p + 112, header->name, name_size);
	memcpy(p + 144, header->store_id, 16);
	tally_put_u64(p + 160, header->body_size);
	tally_put_u32(p + 188, tally_crc32c(0, p, 188));
	tally_sha256(p, TALLY_BLOCK_HEADER, hash_r);
}

static bool all_zero(struct tally_bytes bytes)
{
	for (size_t i = 0; i < bytes.size; i++)
		if (bytes.data[i] != 0)
			return false;
	return true;
}

/* Numbers that no leaf can hold, or that lead out of the block, are nobody's header. */
static bool in_bounds(const struct tally_block_header *header)
{
	return header->count > 0 && header->first < NUMBER_END &&
	       header->count <= NUMBER_END - header->first && header->time_ms < NUMBER_END &&
	       header->body_size <= UINT32_MAX;
}

/* A name, then nothing but zeros. */
static bool name_fits(const uint8_t *name)
{
	size_t size = strnlen((const char *)name, TALLY_BLOCK_NAME);

	return size > 0 && all_zero(tally_bytes(name + size, TALLY_BLOCK_NAME - size));
}

int tally_block_header_read(struct tally_bytes bytes, struct tally_block_header *header_r,
			    uint8_t hash_r[TALLY_HASH_SIZE], struct tally_err *err)
{
	const uint8_t *p = bytes.data;
	uint16_t version;

	if (bytes.size < TALLY_BLOCK_HEADER || memcmp(p, magic, 4) != 0)
		return tally_err_set(err, TALLY_CORRUPT, "no block header");
	version = tally_get_u16(p + 4);
	if (version != TALLY_BLOCK_VERSION)
		return tally_err_set(err, TALLY_UNSUPPORTED,
				     "block format %u, this program reads %u", version,
				     TALLY_BLOCK_VERSION);
	if (tally_get_u32(p + 188) != tally_crc32c(0, p, 188))
		return tally_err_set(err, TALLY_CORRUPT, "checksum of the block header");
	*header_r = (struct tally_block_header){
		.count = tally_get_u32(p + 12),
		.space = tally_get_u64(p + 16),
		.number = tally_get_u64(p + 24),
		.first = tally_get_u64(p + 32),
		.time_ms = tally_get_u64(p + 40),
		.body_size = tally_get_u64(p + 160),
	};
	if (tally_get_u16(p + 6) != TALLY_BLOCK_HEADER || tally_get_u32(p + 8) != TALLY_BLOCK_ENTRY ||
	    !in_bounds(header_r))
		return tally_err_set(err, TALLY_CORRUPT, "sizes in the block header");
	if (!name_fits(p + 112) || !all_zero(tally_bytes(p + 168, 20)))
		return tally_err_set(err, TALLY_CORRUPT, "name or reserved bytes in the block header");
	memcpy(header_r->previous, p + 48, TALLY_HASH_SIZE);
	memcpy(header_r->root, p + 80, TALLY_HASH_SIZE);
	memcpy(header_r->name, p + 112, TALLY_BLOCK_NAME);
	memcpy(header_r->store_id, p + 144, 16);
	tally_sha256(p, TALLY_BLOCK_HEADER, hash_r);
	return 0;
}

void tally_block_entry_read(const uint8_t *at, struct tally_block_entry *entry_r)
{
	entry_r->place = tally_get_u32(at);
	entry_r->size[SLOT_RECORD] = tally_get_u16(at + 4);
	entry_r->size[SLOT_ENVELOPE] = tally_get_u16(at + 6);
	entry_r->size[SLOT_PAYLOAD] = tally_get_u32(at + 8);
	entry_r->crc[SLOT_RECORD] = tally_get_u32(at + 12);
	entry_r->crc[SLOT_PAYLOAD] = tally_get_u32(at + 16);
	entry_r->crc[SLOT_ENVELOPE] = tally_get_u32(at + 20);
}

int tally_block_slot(const struct tally_block_entry *entry, struct tally_bytes item,
		     enum tally_slot_kind kind, struct tally_bytes *slot_r, struct tally_err *err)
{
	static const char *const names[SLOT_KINDS] = { "record", "payload", "envelope" };
	size_t at = 0;

	for (int k = 0; k < (int)kind; k++)
		at += entry->size[k];
	if (at > item.size || item.size - at < entry->size[kind])
		return tally_err_set(err, TALLY_CORRUPT, "%s slot reaches beyond the block",
				     names[kind]);
	/* an item that lies outside of the block has no bytes at all */
	*slot_r = item.size > 0 ? tally_bytes(item.data + at, entry->size[kind]) : TALLY_BYTES_NONE;
	if (tally_crc32c(0, slot_r->data, slot_r->size) == entry->crc[kind])
		return 1;
	if (slot_r->size > 0 && all_zero(*slot_r))
		return 0;
	return tally_err_set(err, TALLY_CORRUPT, "checksum of the %s slot", names[kind]);
}
