/*
 * The block codec: the golden blocks, there and back; cut, flipped, newer and erased. What the
 * checksums cover is covered for every bit.
 */
#include "block.h"

#include "golden.h"
#include "tap.h"

static struct json_object *golden;
static struct tally_arena arena;
static struct tally_err err;

/* ---- building ---- */

static void add_journal(struct tally_block_builder *builder, struct golden_journal *journal)
{
	struct tally_buf record = { 0 }, head = { 0 }, envelope = { 0 };
	uint32_t crc;

	tally_record_encode(&journal->record, &record);
	tally_envelope_encode(&journal->envelope, &envelope);
	if (journal->record.has_payload)
		tally_payload_head_encode(&journal->slot, &head);
	crc = tally_crc32c(0, head.data, head.size);
	crc = tally_crc32c(crc, journal->slot.payload.data, journal->slot.payload.size);
	tally_block_add(builder, tally_buf_bytes(&record), tally_buf_bytes(&head),
			journal->slot.payload, crc, tally_buf_bytes(&envelope));
	tally_buf_free(&record);
	tally_buf_free(&head);
	tally_buf_free(&envelope);
}

/* Block number of leaf.json; room: items more than there will be. */
static void build(size_t number, uint32_t room, struct tally_buf *buf,
		  struct tally_block_header *header, uint8_t hash[TALLY_HASH_SIZE])
{
	struct json_object *blocks = vectors_member(golden, "blocks");
	struct json_object *block = json_object_array_get_idx(blocks, number);
	uint64_t first = vectors_number(block, "first"), count = vectors_number(block, "count");
	struct tally_block_builder builder;

	*header = (struct tally_block_header){ .space = 0x0123456789abcdef, .number = number,
					       .first = first,
					       .time_ms = vectors_number(block, "timestamp") };
	vectors_hex(vectors_text(block, "root"), header->root, TALLY_HASH_SIZE);
	vectors_hex(vectors_text(golden, "storeId"), header->store_id, 16);
	snprintf(header->name, sizeof(header->name), "%s", vectors_text(golden, "ledgerId"));
	if (number > 0)
		vectors_hex(vectors_text(json_object_array_get_idx(blocks, number - 1), "hash"),
			    header->previous, TALLY_HASH_SIZE);
	tally_block_begin(&builder, buf, (uint32_t)count + room);
	for (uint64_t i = first; i < first + count; i++) {
		struct golden_journal journal = golden_journal(golden, i, &arena);

		add_journal(&builder, &journal);
	}
	tally_block_end(&builder, header, hash);
}

/* Hex of block.txt: what stands before # on each line. */
static struct tally_bytes block_txt(void)
{
	char path[1024], line[400];
	struct tally_buf text = { 0 };
	struct tally_bytes bytes;
	uint8_t *data;
	FILE *file;

	snprintf(path, sizeof(path), "%s/block.txt", TALLY_GOLDEN);
	file = fopen(path, "r");
	if (file == NULL) {
		printf("Bail out! there is no %s\n", path);
		exit(99);
	}
	while (fgets(line, sizeof(line), file) != NULL)
		for (const char *c = line; *c != '\0' && *c != '#' && *c != '\n'; c++)
			if (*c != ' ')
				tally_buf_add_u8(&text, (uint8_t)*c);
	fclose(file);
	data = tally_arena_alloc(&arena, text.size / 2);
	bytes = tally_bytes(data, text.size / 2);
	if (!tally_hex_decode(tally_buf_bytes(&text), data, bytes.size)) {
		printf("Bail out! %s is not hex\n", path);
		exit(99);
	}
	tally_buf_free(&text);
	return bytes;
}

static void golden_blocks(void)
{
	for (size_t i = 0; i < golden_count(golden, "blocks"); i++) {
		struct json_object *block =
			json_object_array_get_idx(vectors_member(golden, "blocks"), i);
		struct tally_block_header header;
		uint8_t hash[TALLY_HASH_SIZE], want[TALLY_HASH_SIZE];
		struct tally_buf buf = { 0 };

		CASE("block %zu", i);
		build(i, 0, &buf, &header, hash);
		CHECK_INT(buf.size, vectors_number(block, "size"));
		CHECK_INT(buf.size, tally_block_size(&header));
		CHECK_BYTES(tally_bytes(buf.data, TALLY_BLOCK_HEADER),
			    golden_hex(block, "header", &arena));
		vectors_hex(vectors_text(block, "hash"), want, sizeof(want));
		CHECK_MEM(hash, want, TALLY_HASH_SIZE);
		tally_buf_free(&buf);
	}
}

static void block_txt_is_the_last_block(void)
{
	struct tally_block_header header;
	uint8_t hash[TALLY_HASH_SIZE];
	struct tally_buf buf = { 0 };

	build(golden_count(golden, "blocks") - 1, 0, &buf, &header, hash);
	CHECK_BYTES(tally_buf_bytes(&buf), block_txt());
	tally_buf_free(&buf);
}

/* Room for journals that were turned down leaves nothing behind. */
static void unused_room_is_closed(void)
{
	struct tally_block_header header;
	uint8_t hash[TALLY_HASH_SIZE];
	struct tally_buf buf = { 0 };

	build(1, 5, &buf, &header, hash);
	CHECK_BYTES(tally_buf_bytes(&buf), block_txt());
	tally_buf_free(&buf);
}

static void costs(void)
{
	CHECK_INT(tally_block_cost(0, 0, 0), TALLY_BLOCK_ENTRY);
	CHECK_INT(tally_block_cost(100, 2000, 58), TALLY_BLOCK_ENTRY + 2158);
}

/* ---- headers ---- */

static void headers_give_back(void)
{
	struct tally_block_header want, got;
	uint8_t hash[TALLY_HASH_SIZE], hash_read[TALLY_HASH_SIZE];
	struct tally_buf buf = { 0 };

	build(1, 0, &buf, &want, hash);
	CHECK_OK(tally_block_header_read(tally_buf_bytes(&buf), &got, hash_read, &err));
	CHECK_MEM(hash_read, hash, TALLY_HASH_SIZE);
	CHECK_INT(got.space, want.space);
	CHECK_INT(got.number, want.number);
	CHECK_INT(got.first, want.first);
	CHECK_INT(got.count, want.count);
	CHECK_INT(got.time_ms, want.time_ms);
	CHECK_INT(got.body_size, want.body_size);
	CHECK_STR(got.name, want.name);
	CHECK_MEM(got.previous, want.previous, TALLY_HASH_SIZE);
	CHECK_MEM(got.root, want.root, TALLY_HASH_SIZE);
	CHECK_MEM(got.store_id, want.store_id, 16);
	tally_buf_free(&buf);
}

static int read_header(const uint8_t *bytes, size_t size)
{
	struct tally_block_header header;
	uint8_t hash[TALLY_HASH_SIZE];

	return tally_block_header_read(tally_bytes(bytes, size), &header, hash, &err);
}

static void cut_headers_are_refused(void)
{
	struct tally_bytes block = block_txt();

	for (size_t size = 0; size < TALLY_BLOCK_HEADER; size++) {
		uint8_t *copy = tally_malloc(size);

		memcpy(copy, block.data, size);
		CHECK_FAILS(read_header(copy, size), TALLY_CORRUPT);
		free(copy);
	}
	CHECK_OK(read_header(block.data, TALLY_BLOCK_HEADER));
}

static void flipped_bits_of_a_header_are_refused(void)
{
	struct tally_bytes block = block_txt();
	uint8_t *copy = tally_arena_copy(&arena, block.data, TALLY_BLOCK_HEADER);

	for (size_t i = 0; i < TALLY_BLOCK_HEADER * 8; i++) {
		CASE("bit %zu", i);
		copy[i / 8] ^= (uint8_t)(1 << i % 8);
		CHECK_FAILS(read_header(copy, TALLY_BLOCK_HEADER),
			    i / 8 == 4 || i / 8 == 5 ? TALLY_UNSUPPORTED : TALLY_CORRUPT);
		copy[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	CHECK_OK(read_header(copy, TALLY_BLOCK_HEADER));
}

static void seal(uint8_t *header)
{
	tally_put_u32(header + 188, tally_crc32c(0, header, 188));
}

static void newer_blocks_are_named(void)
{
	struct tally_bytes block = block_txt();
	uint8_t *copy = tally_arena_copy(&arena, block.data, TALLY_BLOCK_HEADER);

	tally_put_u16(copy + 4, 2);
	seal(copy);
	CHECK_FAILS(read_header(copy, TALLY_BLOCK_HEADER), TALLY_UNSUPPORTED);
	CHECK_STR(err.text, "block format 2, this program reads 1");
	/* whatever else a newer header holds, also where its checksum stands */
	memset(copy + 6, 0xee, TALLY_BLOCK_HEADER - 6);
	tally_put_u16(copy + 4, 65535);
	CHECK_FAILS(read_header(copy, TALLY_BLOCK_HEADER), TALLY_UNSUPPORTED);
	CHECK_STR(err.text, "block format 65535, this program reads 1");
}

/* With a good checksum, but leading out of the block or beyond what a leaf can hold. */
static void headers_out_of_bounds(void)
{
	static const struct {
		const char *what;
		size_t place, size;
		uint64_t value;
		bool good;
	} cases[] = {
		{ "size of the header", 6, 2, 200, false },
		{ "size of an entry", 8, 4, 32, false },
		{ "no journal", 12, 4, 0, false },
		{ "four billion journals", 12, 4, UINT32_MAX, true },
		{ "the last journal there can be", 32, 8, ((uint64_t)1 << 53) - 7, true },
		{ "journals beyond 2^53", 32, 8, ((uint64_t)1 << 53) - 6, false },
		{ "first journal beyond 2^53", 32, 8, (uint64_t)1 << 53, false },
		{ "first journal near 2^64", 32, 8, UINT64_MAX - 3, false },
		{ "the last time there can be", 40, 8, ((uint64_t)1 << 53) - 1, true },
		{ "a time beyond 2^53", 40, 8, (uint64_t)1 << 53, false },
		{ "a body of 2^32 - 1", 160, 8, UINT32_MAX, true },
		{ "a body of 2^32", 160, 8, (uint64_t)1 << 32, false },
		{ "a body that wraps around", 160, 8, UINT64_MAX - 300, false },
		{ "no name", 112, 1, 0, false },
		{ "a name with a gap", 115, 1, 0, false },
		{ "something behind the name", 143, 1, 'x', false },
		{ "a reserved byte", 168, 1, 1, false },
		{ "the last reserved byte", 187, 1, 1, false },
	};
	struct tally_bytes block = block_txt();

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t *copy = tally_arena_copy(&arena, block.data, TALLY_BLOCK_HEADER);

		CASE("%s", cases[i].what);
		for (size_t k = 0; k < cases[i].size; k++)
			copy[cases[i].place + k] =
				(uint8_t)(cases[i].value >> 8 * (cases[i].size - 1 - k));
		seal(copy);
		if (cases[i].good)
			CHECK_OK(read_header(copy, TALLY_BLOCK_HEADER));
		else
			CHECK_FAILS(read_header(copy, TALLY_BLOCK_HEADER), TALLY_CORRUPT);
	}
}

/* ---- slots ---- */

#define JOURNALS 7

/* What tally_block_slot says of the three slots of an item, read as from a whole block. */
struct item {
	int there[SLOT_KINDS];
	struct tally_bytes slot[SLOT_KINDS];
};

static struct item read_item(struct tally_bytes block, uint32_t index)
{
	uint64_t body = tally_block_body_place(JOURNALS);
	struct tally_block_entry entry;
	struct tally_bytes bytes = TALLY_BYTES_NONE;
	struct item item;

	tally_block_entry_read(block.data + tally_block_table_place(index), &entry);
	if (entry.place <= block.size - body)
		bytes = tally_bytes(block.data + body + entry.place,
				    block.size - body - entry.place);
	for (int kind = 0; kind < SLOT_KINDS; kind++) {
		item.slot[kind] = TALLY_BYTES_NONE;
		item.there[kind] = tally_block_slot(&entry, bytes, kind, &item.slot[kind], &err);
	}
	return item;
}

static bool item_is_whole(const struct item *item)
{
	return item->there[0] == 1 && item->there[1] == 1 && item->there[2] == 1;
}

static void slots_hold_what_was_put_in(void)
{
	static const char *const names[SLOT_KINDS] = { "record", "payloadSlot", "envelopeSlot" };
	struct tally_bytes block = block_txt();

	for (uint32_t i = 0; i < JOURNALS; i++) {
		struct golden_journal journal = golden_journal(golden, i + 1, &arena);
		struct item item = read_item(block, i);

		CASE("%s", journal.what);
		for (int kind = 0; kind < SLOT_KINDS; kind++) {
			CHECK_INT(item.there[kind], 1);
			CHECK_BYTES(item.slot[kind],
				    golden_hex(journal.object, names[kind], &arena));
		}
	}
}

static void flipped_bits_of_the_table_and_body(void)
{
	struct tally_bytes block = block_txt();
	uint8_t *copy = tally_arena_copy(&arena, block.data, block.size);
	struct tally_bytes bytes = tally_bytes(copy, block.size);

	for (size_t i = TALLY_BLOCK_HEADER * 8; i < block.size * 8; i++) {
		unsigned int whole = 0;

		copy[i / 8] ^= (uint8_t)(1 << i % 8);
		for (uint32_t k = 0; k < JOURNALS; k++) {
			struct item item = read_item(bytes, k);

			whole += item_is_whole(&item);
		}
		CASE("byte %zu, bit %zu", i / 8, i % 8);
		CHECK_INT(whole, JOURNALS - 1);
		copy[i / 8] ^= (uint8_t)(1 << i % 8);
	}
}

static void cut_blocks(void)
{
	struct tally_bytes block = block_txt();
	uint64_t body = tally_block_body_place(JOURNALS);

	for (size_t size = body; size < block.size; size++) {
		uint8_t *copy = tally_malloc(size);
		struct item item;

		memcpy(copy, block.data, size);
		item = read_item(tally_bytes(copy, size), JOURNALS - 1);
		CASE("%zu bytes", size);
		CHECK(!item_is_whole(&item));
		CHECK_INT(err.code, TALLY_CORRUPT);
		free(copy);
	}
}

/* Where the slot of an item lies in the block. */
static size_t place_of(struct tally_bytes block, uint32_t index, int kind, size_t *size_r)
{
	struct tally_block_entry entry;
	size_t place;

	tally_block_entry_read(block.data + tally_block_table_place(index), &entry);
	place = tally_block_body_place(JOURNALS) + entry.place;
	for (int k = 0; k < kind; k++)
		place += entry.size[k];
	*size_r = entry.size[kind];
	return place;
}

static void erased_slots(void)
{
	struct tally_bytes block = block_txt();

	for (uint32_t i = 0; i < JOURNALS * SLOT_KINDS; i++) {
		uint8_t *copy = tally_arena_copy(&arena, block.data, block.size);
		size_t size, place = place_of(block, i / SLOT_KINDS, i % SLOT_KINDS, &size);
		struct item item;

		CASE("journal %u, slot %u", i / SLOT_KINDS + 1, i % SLOT_KINDS);
		memset(copy + place, 0, size);
		for (uint32_t k = 0; k < JOURNALS; k++) {
			item = read_item(tally_bytes(copy, block.size), k);
			for (uint32_t kind = 0; kind < SLOT_KINDS; kind++)
				CHECK_INT(item.there[kind],
					  size > 0 && k * SLOT_KINDS + kind == i ? 0 : 1);
		}
		if (size < 2)
			continue;
		copy[place + size - 1] = 1;	/* zeroed, but for one byte: damage */
		item = read_item(tally_bytes(copy, block.size), i / SLOT_KINDS);
		CHECK_INT(item.there[i % SLOT_KINDS], -1);
	}
}

/* Bytes that are zero because they were written so are there, not erased. */
static void zeros_that_were_written(void)
{
	static const uint8_t zeros[20];
	struct tally_bytes some = tally_bytes(zeros, sizeof(zeros)), slot;
	struct tally_block_header header = { .time_ms = 1, .name = "x" };
	struct tally_block_builder builder;
	struct tally_block_entry entry;
	uint8_t hash[TALLY_HASH_SIZE];
	struct tally_buf buf = { 0 };

	tally_block_begin(&builder, &buf, 1);
	tally_block_add(&builder, some, some, some, tally_crc32c(tally_crc32c(0, zeros, 20), zeros, 20),
			some);
	tally_block_end(&builder, &header, hash);
	CHECK_OK(tally_block_header_read(tally_buf_bytes(&buf), &header, hash, &err));
	tally_block_entry_read(buf.data + TALLY_BLOCK_HEADER, &entry);
	CHECK_INT(tally_block_entry_size(&entry), 80);
	for (int kind = 0; kind < SLOT_KINDS; kind++) {
		CHECK_INT(tally_block_slot(&entry, tally_bytes(buf.data + TALLY_BLOCK_HEADER +
							       TALLY_BLOCK_ENTRY, 80), kind, &slot,
					   &err), 1);
		CHECK_INT(slot.size, kind == SLOT_PAYLOAD ? 40 : 20);
	}
	tally_buf_free(&buf);
}

int main(void)
{
	golden = vectors_load("leaf.json");
	TEST(golden_blocks);
	TEST(block_txt_is_the_last_block);
	TEST(unused_room_is_closed);
	TEST(costs);
	TEST(headers_give_back);
	TEST(cut_headers_are_refused);
	TEST(flipped_bits_of_a_header_are_refused);
	TEST(newer_blocks_are_named);
	TEST(headers_out_of_bounds);
	TEST(slots_hold_what_was_put_in);
	TEST(flipped_bits_of_the_table_and_body);
	TEST(cut_blocks);
	TEST(erased_slots);
	TEST(zeros_that_were_written);
	tally_arena_free(&arena);
	json_object_put(golden);
	return tap_done();
}
