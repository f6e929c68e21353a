/* The growing buffer, the reader, and that one reads what the other wrote. */
#include "buf.h"

#include "tap.h"

static void integers_are_big_endian(void)
{
	struct tally_buf buf = { 0 };

	tally_buf_add_u8(&buf, 0x01);
	tally_buf_add_u16(&buf, 0x0203);
	tally_buf_add_u32(&buf, 0x04050607);
	tally_buf_add_u64(&buf, 0x08090a0b0c0d0e0f);
	CHECK_BYTES(tally_buf_bytes(&buf),
		    TALLY_BYTES_LIT("\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f"));
	tally_buf_free(&buf);
	CHECK(buf.data == NULL && buf.size == 0);
}

static void it_grows(bool secret)
{
	struct tally_buf buf = { .secret = secret };
	size_t i;

	for (i = 0; i < 100000; i++)
		tally_buf_add_u8(&buf, (uint8_t)(i * 7));
	CHECK_INT(buf.size, 100000);
	for (i = 0; i < 100000; i++)
		if (buf.data[i] != (uint8_t)(i * 7)) {
			FAIL("byte %zu changed", i);
			break;
		}
	tally_buf_clear(&buf);
	CHECK_INT(buf.size, 0);
	tally_buf_add(&buf, NULL, 0);
	tally_buf_add_bytes(&buf, TALLY_BYTES_NONE);
	tally_buf_add_str(&buf, "");
	CHECK_INT(buf.size, 0);
	memset(tally_buf_reserve(&buf, 500000), 1, 500000);
	CHECK_INT(buf.size, 0);
	tally_buf_free(&buf);
}

static void plain_ones_grow(void)
{
	it_grows(false);
}

static void secret_ones_grow(void)
{
	it_grows(true);
}

static void text_forms(void)
{
	static const struct {
		uint64_t value;
		const char *want;
	} decimals[] = {
		{ 0, "0" }, { 9, "9" }, { 10, "10" }, { 9007199254740991, "9007199254740991" },
		{ UINT64_MAX, "18446744073709551615" }
	};
	struct tally_buf buf = { 0 };
	size_t i;

	for (i = 0; i < sizeof(decimals) / sizeof(decimals[0]); i++) {
		tally_buf_clear(&buf);
		tally_buf_add_decimal(&buf, decimals[i].value);
		CHECK_BYTES(tally_buf_bytes(&buf), tally_bytes_str(decimals[i].want));
	}
	tally_buf_clear(&buf);
	tally_buf_printf(&buf, "%s=%d;", "a", 1);
	tally_buf_printf(&buf, "%0300d", 5);
	tally_buf_printf(&buf, "%s", "");
	CHECK_INT(buf.size, 4 + 300);
	CHECK_MEM(buf.data, "a=1;000", 7);
	CHECK_INT(buf.data[303], '5');
	tally_buf_free(&buf);
}

static void varints_both_ways(void)
{
	static const struct {
		uint64_t value;
		struct tally_bytes want;
	} cases[] = {
		{ 0, TALLY_BYTES_LIT("\x00") },
		{ 127, TALLY_BYTES_LIT("\x7f") },
		{ 128, TALLY_BYTES_LIT("\x80\x01") },
		{ 300, TALLY_BYTES_LIT("\xac\x02") },
		{ 16384, TALLY_BYTES_LIT("\x80\x80\x01") },
		{ (uint64_t)1 << 63, TALLY_BYTES_LIT("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01") },
		{ UINT64_MAX, TALLY_BYTES_LIT("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01") }
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tally_buf buf = { 0 };
		struct tally_reader reader = tally_reader(cases[i].want);

		CASE("%" PRIu64, cases[i].value);
		tally_buf_add_varint(&buf, cases[i].value);
		CHECK_BYTES(tally_buf_bytes(&buf), cases[i].want);
		CHECK(tally_read_varint(&reader) == cases[i].value);
		CHECK(!reader.failed);
		CHECK_INT(tally_reader_left(&reader), 0);
		tally_buf_free(&buf);
	}
}

static void malformed_varints_fail(void)
{
	static const struct {
		const char *what;
		struct tally_bytes in;
	} cases[] = {
		{ "nothing", TALLY_BYTES_LIT("") },
		{ "cut off", TALLY_BYTES_LIT("\x80\x80") },
		{ "longer than needed", TALLY_BYTES_LIT("\x81\x00") },
		{ "zero in two bytes", TALLY_BYTES_LIT("\x80\x00") },
		{ "65 bits", TALLY_BYTES_LIT("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02") },
		{ "eleven bytes", TALLY_BYTES_LIT("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01") }
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tally_reader reader = tally_reader(cases[i].in);

		CASE("%s", cases[i].what);
		CHECK_INT(tally_read_varint(&reader), 0);
		CHECK(reader.failed);
		CHECK(reader.at == cases[i].in.data);
	}
}

static void reader_reads_in_order(void)
{
	struct tally_reader reader =
		tally_reader(TALLY_BYTES_LIT("\x01\x02\x03\x04\x05\x06\x07\xff\xff\xff\xff\xff\xff\xff\xfe" "end"));

	CHECK_INT(tally_read_u8(&reader), 1);
	CHECK_INT(tally_read_u16(&reader), 0x0203);
	CHECK_INT(tally_read_u32(&reader), 0x04050607);
	CHECK(tally_read_u64(&reader) == 0xfffffffffffffffe);
	CHECK_INT(tally_reader_left(&reader), 3);
	CHECK_BYTES(tally_read_bytes(&reader, 3), TALLY_BYTES_LIT("end"));
	CHECK(!reader.failed);
	CHECK_INT(tally_read_bytes(&reader, 0).size, 0);
	CHECK(!reader.failed);
}

static void reads_past_the_end_fail_for_good(void)
{
	static const struct tally_bytes three = TALLY_BYTES_LIT("abc");
	struct tally_reader reader = tally_reader(three);

	CHECK_INT(tally_read_u32(&reader), 0);
	CHECK(reader.failed);
	CHECK(reader.at == three.data);
	CHECK_INT(tally_read_u8(&reader), 0);	/* there is one, but the decoder has lost its way */
	CHECK_INT(tally_read_varint(&reader), 0);
	CHECK_INT(tally_read_bytes(&reader, 1).size, 0);
	CHECK(reader.at == three.data);

	reader = tally_reader(three);
	CHECK(tally_read_bytes(&reader, SIZE_MAX).data == NULL);
	CHECK(reader.failed);
	reader = tally_reader(TALLY_BYTES_NONE);
	CHECK_INT(tally_read_bytes(&reader, 0).size, 0);
	CHECK(!reader.failed);
	CHECK_INT(tally_read_u64(&reader), 0);
	CHECK(reader.failed);
}

int main(void)
{
	TEST(integers_are_big_endian);
	TEST(plain_ones_grow);
	TEST(secret_ones_grow);
	TEST(text_forms);
	TEST(varints_both_ways);
	TEST(malformed_varints_fail);
	TEST(reader_reads_in_order);
	TEST(reads_past_the_end_fail_for_good);
	return tap_done();
}
