/*
 * A whole ledger, as an auditor gets it from whoever has it: every block and every journal of it by
 * itself, and all of them together, whatever is wrong with those before. After a first byte come the
 * blocks, each behind its size (4 bytes); of the last, what there is. The first byte says what is put
 * right: checksums, and the chain of headers.
 */
#include "audit.h"
#include "fuzz.h"
#include "seal.h"

#define SEAL 1
#define CHAIN 2
#define BLOCKS_MOST 64
#define FOUND_MOST 300

struct ledger {
	struct tally_bytes blocks[BLOCKS_MOST];
	size_t count;
	bool given;
	unsigned int found;
};

static int next_space(void *ctx, uint64_t *space_r, uint64_t *blocks_r, struct tally_err *err)
{
	struct ledger *ledger = ctx;

	(void)err;
	if (ledger->given || ledger->count == 0)
		return 0;
	ledger->given = true;
	*blocks_r = ledger->count;
	*space_r = ledger->blocks[0].size < TALLY_BLOCK_HEADER ?
			   1 : tally_get_u64(ledger->blocks[0].data + 16);
	return 1;
}

static int read_block(void *ctx, uint64_t space, uint64_t block, struct tally_buf *bytes,
		      struct tally_err *err)
{
	struct ledger *ledger = ctx;

	(void)space;
	(void)err;
	if (block >= ledger->count)
		return 0;
	tally_buf_add(bytes, ledger->blocks[block].data, ledger->blocks[block].size);
	return 1;
}

static int on_found(void *ctx, const struct tally_audit_finding *finding)
{
	struct ledger *ledger = ctx;

	PROMISE(strlen(finding->text) > 0 && strchr(finding->text, '\n') == NULL);
	PROMISE(strlen(finding->what) > 0);
	return ++ledger->found == FOUND_MOST;
}

static void split(struct ledger *ledger, uint8_t *data, size_t size)
{
	while (size > 4 && ledger->count < BLOCKS_MOST) {
		uint32_t length = tally_get_u32(data);

		data += 4;
		size -= 4;
		if (length == 0 || length > size)
			length = (uint32_t)size;
		ledger->blocks[ledger->count++] = tally_bytes(data, length);
		data += length;
		size -= length;
	}
}

/* The blocks lie in memory of ours. */
static void put_right(struct ledger *ledger, uint8_t what)
{
	uint8_t previous[TALLY_HASH_SIZE] = { 0 };
	uint64_t first = 0;

	for (size_t i = 0; i < ledger->count; i++) {
		uint8_t *block = (uint8_t *)(uintptr_t)ledger->blocks[i].data;
		size_t size = ledger->blocks[i].size;

		if (size < TALLY_BLOCK_HEADER)
			return;
		if (what & CHAIN) {
			memcpy(block + 16, ledger->blocks[0].data + 16, 8);
			memcpy(block + 112, ledger->blocks[0].data + 112, 48);
			memcpy(block + 48, previous, TALLY_HASH_SIZE);
			tally_put_u64(block + 24, i);
			tally_put_u64(block + 32, first);
		}
		if (what & SEAL) {
			seal_size(block, size);
			seal_slots(block, size);
			seal_header(block);
		}
		first += tally_get_u32(block + 12);
		tally_sha256(block, TALLY_BLOCK_HEADER, previous);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ledger ledger = { .found = 0 };
	struct tally_audit_source source = { next_space, read_block, &ledger };
	struct tally_audit_options options = { .threads = 1, .found = on_found, .ctx = &ledger };
	struct tally_err err = { 0 };
	uint8_t *copy;

	if (size == 0)
		return 0;
	copy = malloc(size);
	if (copy == NULL)
		abort();
	memcpy(copy, data, size);
	split(&ledger, copy + 1, size - 1);
	put_right(&ledger, data[0]);
	if (tally_audit(&options, &source, &err) != 0)
		PROMISE(ledger.count == 0 && err.code == TALLY_NOTFOUND);
	free(copy);
	return 0;
}
