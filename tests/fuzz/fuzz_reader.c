/*
 * The reader of buf.h, driven by the input: each step's kind is read from it too. It never leaves
 * the bytes, a failure is for good, and what was read is written back as the bytes it came from.
 */
#include "buf.h"
#include "fuzz.h"

static bool step(struct tally_reader *reader, unsigned int kind, struct tally_buf *back)
{
	struct tally_bytes bytes;
	uint64_t value = 0;

	switch (kind) {
	case 0:
		value = tally_read_u8(reader);
		tally_buf_add_u8(back, (uint8_t)value);
		break;
	case 1:
		value = tally_read_u16(reader);
		tally_buf_add_u16(back, (uint16_t)value);
		break;
	case 2:
		value = tally_read_u32(reader);
		tally_buf_add_u32(back, (uint32_t)value);
		break;
	case 3:
		value = tally_read_u64(reader);
		tally_buf_add_u64(back, value);
		break;
	case 4:
		value = tally_read_varint(reader);
		tally_buf_add_varint(back, value);
		break;
	default:
		bytes = tally_read_bytes(reader, kind == 5 ? 7 : SIZE_MAX - kind);
		PROMISE(!reader->failed || bytes.size == 0);
		tally_buf_add_bytes(back, bytes);
	}
	PROMISE(!reader->failed || value == 0);
	return !reader->failed;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tally_bytes input = tally_bytes(data, size);
	struct tally_reader reader = tally_reader(input);
	struct tally_buf back = { 0 };
	const uint8_t *before;
	bool good = true;

	while (good && tally_reader_left(&reader) != 0) {
		unsigned int kind = tally_read_u8(&reader) % 7;

		tally_buf_clear(&back);
		before = reader.at;
		good = step(&reader, kind, &back);
		PROMISE(reader.at >= data && reader.at <= data + size);
		if (good)
			PROMISE(tally_bytes_equal(tally_buf_bytes(&back),
						  tally_bytes(before, (size_t)(reader.at - before))));
		else
			PROMISE(reader.at == before);
	}
	if (!good) {
		PROMISE(!step(&reader, 0, &back));
		PROMISE(!step(&reader, 4, &back));
		PROMISE(!step(&reader, 5, &back));
	}
	tally_buf_free(&back);
	return 0;
}
