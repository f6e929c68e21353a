/*
 * What stands in the slots of a block, and the head of a ledger in its index: what is decoded is
 * encoded to the same bytes again, and a record's leaf can be made. The first byte chooses.
 */
#include "fuzz.h"
#include "space.h"

static void check_code(const struct tally_err *err)
{
	PROMISE(err->code == TALLY_CORRUPT || err->code == TALLY_UNSUPPORTED);
	PROMISE(err->text[0] != '\0');
}

static void try_record(struct tally_bytes input)
{
	struct tally_place place = { TALLY_BYTES_LIT("l-0123456789abcdef012345678"), 7, 1 };
	struct tally_arena arena = { 0 };
	struct tally_buf buf = { 0 };
	struct tally_record record;
	struct tally_err err = { 0 };

	if (tally_record_decode(input, &arena, &record, &err) != 0) {
		check_code(&err);
	} else {
		tally_record_encode(&record, &buf);
		PROMISE(tally_bytes_equal(tally_buf_bytes(&buf), input));
		tally_buf_clear(&buf);
		tally_leaf_encode(&record, &place, &buf);
		PROMISE(buf.size > 2 && buf.data[0] == '{' && buf.data[buf.size - 1] == '}');
		for (size_t i = 0; i < buf.size; i++)
			PROMISE(buf.data[i] >= ' ');
	}
	tally_buf_free(&buf);
	tally_arena_free(&arena);
}

static void try_slot(struct tally_bytes input)
{
	struct tally_payload_slot slot;
	struct tally_buf buf = { 0 };
	struct tally_err err = { 0 };

	if (tally_payload_slot_decode(input, &slot, &err) != 0) {
		check_code(&err);
		return;
	}
	tally_payload_head_encode(&slot, &buf);
	tally_buf_add_bytes(&buf, slot.payload);
	PROMISE(tally_bytes_equal(tally_buf_bytes(&buf), input));
	tally_buf_free(&buf);
}

static void try_envelope(struct tally_bytes input)
{
	struct tally_envelope envelope;
	struct tally_buf buf = { 0 };
	struct tally_err err = { 0 };

	if (tally_envelope_decode(input, &envelope, &err) != 0) {
		check_code(&err);
		return;
	}
	tally_envelope_encode(&envelope, &buf);
	PROMISE(tally_bytes_equal(tally_buf_bytes(&buf), input));
	tally_buf_free(&buf);
}

static void try_head(struct tally_bytes input)
{
	static struct tally_head head, again;
	struct tally_buf buf = { 0 };
	struct tally_err err = { 0 };

	if (tally_head_decode(input, &head, &err) != 0) {
		check_code(&err);
		return;
	}
	tally_head_encode(&head, &buf);
	PROMISE(tally_head_decode(tally_buf_bytes(&buf), &again, &err) == 0);
	PROMISE(again.frontier.size == head.frontier.size && again.blocks == head.blocks);
	tally_buf_free(&buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const tries[])(struct tally_bytes) = { try_record, try_slot, try_envelope,
							     try_head };

	if (size > 0)
		tries[data[0] % 4](tally_bytes(data + 1, size - 1));
	return 0;
}
