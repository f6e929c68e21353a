/*
 * Ion and its hash: the same values in text and binary, with the hash that tests/proof/ion.py computes from
 * the specification (which tests/sdk/ion_check.py holds against Amazon's own libraries); what is not Ion; and
 * a QLDB journal's operator.
 */
#include "ion.h"

#include "buf.h"
#include "err.h"
#include "hash.h"
#include "qldb.h"
#include "tap.h"

static struct tally_arena arena;
static struct tally_err err;

static const struct {
	const char *text, *binary, *hash;
} values[] = {
		{ "null",
		  "4AEA6uWBg9KHsAJhYg8=",
		  "0fb06b6183c21379529fdd45d6af4aba731ac6f081ef9e6c1c94b1fb26177304" },
		{ "null.timestamp",
		  "4AEA6uWBg9KHsAJhYm8=",
		  "8a060272ce8530357e7a7aef7bd840c06032f6bae850b7a364691cc1a512dd30" },
		{ "true",
		  "4AEA6uWBg9KHsAJhYhE=",
		  "cee54499d5f362b272fbd8ee6480ff547a6dc4e2d9e12733459f820e70305017" },
		{ "false",
		  "4AEA6uWBg9KHsAJhYhA=",
		  "85ed3ab0dcf003e32c9871c0220ff79fe2a1d5f0c95101670772d7dea946a267" },
		{ "0",
		  "4AEA6uWBg9KHsAJhYiA=",
		  "a3c7def97b35b3fb34db4682fff002d3da3937011bd3722947f52aa94b8d5931" },
		{ "-1",
		  "4AEA6uWBg9KHsAJhYjEB",
		  "e5f754c77b09f62697922db7f602c5754b021b9160caf8db7f58a0f3e5c6ba78" },
		{ "255",
		  "4AEA6uWBg9KHsAJhYiH/",
		  "325e23e08b5bc76e9ccfaafad9ebfaf402c086e66f6be929f98441eeaed6e253" },
		{ "256",
		  "4AEA6uWBg9KHsAJhYiIBAA==",
		  "d38ea0ff87af07752710ce1f27ddda202e00f972848358e04a7b89a6f5afc9a9" },
		{ "147808829414345923316083210206383297601",
		  "4AEA6uWBg9KHsAJhYi6QbzLx74sYorw86ll4nHnUQQ==",
		  "148926aab86573610b7ea275a95e2826f4b81febe5cb32fb9e528b90b42259ee" },
		{ "-18446744073709551616",
		  "4AEA6uWBg9KHsAJhYjkBAAAAAAAAAAA=",
		  "6d5f80421c59fc77064e8e320a8e997ed1ed10b78fc6260ad3a0a73fc89dbd5f" },
		{ "0.0e0",
		  "4AEA6uWBg9KHsAJhYkA=",
		  "de70695f4fed6bafe58eedc3857bdf670e08647067a1cbc03d2cd7a73c0bd661" },
		{ "-0.0e0",
		  "4AEA6uWBg9KHsAJhYkiAAAAAAAAAAA==",
		  "56325d7bb2990767480cc452993058d2b40ce5537fea1a54f932ae0b4a04f503" },
		{ "1.5e0",
		  "4AEA6uWBg9KHsAJhYkg/+AAAAAAAAA==",
		  "565a79d80d56bc336800a2e528680cf0c98547f1f8ca88ff228473727a7c417d" },
		{ "1e+300",
		  "4AEA6uWBg9KHsAJhYkh+N+Q8iAB1nA==",
		  "db8e94590f8fa2580eb388d7d53a0f6cecdfcff83d09d9229a55306de16da766" },
		{ "+inf",
		  "4AEA6uWBg9KHsAJhYkh/8AAAAAAAAA==",
		  "9985ead983f1939d381b22e30678e09c74369b7707dc3f17c2fd5e6ce424d463" },
		{ "0d0",
		  "4AEA6uWBg9KHsAJhYlA=",
		  "2c5827b6d77a3117a155eb699e265685492e191b71be6ff93694ff7fc9ddb646" },
		{ "-0d-2",
		  "4AEA6uWBg9KHsAJhYlLCgA==",
		  "e597d6cccdbff558947613b2dda053dd84e0051f36affda3222945d5b814a547" },
		{ "1250d-2",
		  "4AEA6uWBg9KHsAJhYlPCBOI=",
		  "48e6b199d89adbbd48256d3d915e654bb161a9ed869f199f607c26004c3667e5" },
		{ "1d7",
		  "4AEA6uWBg9KHsAJhYlKHAQ==",
		  "459bca4e1ce5bc13d319fd6243fa6b14193fe30d57bcdddfc1d6ae19ee2251c7" },
		{ "-128d0",
		  "4AEA6uWBg9KHsAJhYlOAgIA=",
		  "b12c1d3807959b3b860572370a9af698884b0ac4666e709aa87fad60d3b1252c" },
		{ "2000T",
		  "4AEA6uWBg9KHsAJhYmPAD9A=",
		  "b0d23cd39315b9c8ed8252a9e4e81a9b28749f03293f539fba0a9d6621e3c3ea" },
		{ "2000-02T",
		  "4AEA6uWBg9KHsAJhYmTAD9CC",
		  "0b96bb59e7843f56d53c410752ee9388d239acb8e7db0cab1ef9fe20b507db79" },
		{ "2000-02-29",
		  "4AEA6uWBg9KHsAJhYmXAD9CCnQ==",
		  "3d8bc6ec25d85a00772d4f9ea805d5e5284939b863f73cf83df99e7e96a8933a" },
		{ "2000-01-01T00:30Z",
		  "4AEA6uWBg9KHsAJhYmeAD9CBgYCe",
		  "a5fb48d842648f426543cf59e73552ca8cd6d9af13e8a44e51b1210728061383" },
		{ "2000-01-01T00:30:15.120+01:00",
		  "4AEA6uWBg9KHsAJhYmq8D8+Mn5eej8N4",
		  "b75565be8f4d7cd4dd7cb30b28159162abaf45fb5640103242474761a1d6fb53" },
		{ "2000-01-01T00:00:00.000-00:00",
		  "4AEA6uWBg9KHsAJhYmnAD9CBgYCAgMM=",
		  "44410d09ebb02aef70b0e8bd39272778ce7da3b95c64f43ac6b427dc5d33dd60" },
		{ "'a b'",
		  "4AEA6umBg9aHtINhIGICYWJxCg==",
		  "a1b5f23d68c854196e4b18b66654f30dd2c33a7c380fff76ee2d45ede2c44494" },
		{ "'null'",
		  "4AEA6uqBg9eHtYRudWxsAmFicQo=",
		  "d2a04db1df0e99fbb49e1df2b32d82fb49549c39986622a751305571eeb875eb" },
		{ "\"\"",
		  "4AEA6uWBg9KHsAJhYoA=",
		  "37b6e5aef22429d44339e2786f9ccdab715bf4fac80f6e860d4e79b964621dd4" },
		{ "\"t\\\"\\\\é\\x0b\"",
		  "4AEA6uWBg9KHsAJhYoZ0IlzDqQs=",
		  "931a70efed9d5d3e9e3fb5681aae48d6c8e5b971480deb2a87cbfa298116daee" },
		{ "{{\"c\\x00\\\"\"}}",
		  "4AEA6uWBg9KHsAJhYpNjACI=",
		  "0b64c9e6360aee9ac30b4e985ef4c33391fff42d9c9eed8ccd1fac39bd75a58c" },
		{ "{{CwwO/w==}}",
		  "4AEA6uWBg9KHsAJhYqQLDA7/",
		  "ddc4d9906b10d59b5ad47815467faa33abd533c2c8478af827c8860c6ffb1695" },
		{ "[]",
		  "4AEA6uWBg9KHsAJhYrA=",
		  "1166d9e681e0664f6c6e150388d4c68174abc81629724afb8ba0381969b946c6" },
		{ "[1, [2, \"x\"]]",
		  "4AEA6uWBg9KHsAJhYrchAbQhAoF4",
		  "d313b22a8610c2b390ab21be80ba72fcaf8a788d94cf8ee01e434790f5ab3007" },
		{ "('+' 1)",
		  "4AEA6ueBg9SHsoErAmFixHEKIQE=",
		  "b11efbb782003f08776a2e400895ba70acd9c84e6f3f05946ed004f5e1e284fe" },
		{ "{}",
		  "4AEA6uWBg9KHsAJhYtA=",
		  "dc3ff8e550c833236bbee92d163762698b7b0b7b68a1af1b060243580741b7a6" },
		{ "{b:1,a:{c:null}}",
		  "4AEA6uuBg9iHtoFigWGBYwJhYteKIQGL0owP",
		  "4b0b02ab80a326a02bdc857fbaa59ef073ce69cad0e022c428354dc76abf1473" },
		{ "x::'y z'::[1]",
		  "4AEA6uuBg9iHtoF4g3kgegJhYuaCiouyIQE=",
		  "400d1a1df243a8e6c3a7ad1a72f06f98bca2a42ae2c97c1f83d6b946c291481c" },
};

static int read_first(struct tally_bytes bytes, struct tally_ion **value_r)
{
	struct tally_ion_reader reader;

	tally_ion_open(&reader, bytes, &arena);
	return tally_ion_next(&reader, &arena, value_r, &err);
}

static const char *hash_of(const struct tally_ion *value)
{
	char *hex = tally_arena_alloc(&arena, 2 * TALLY_HASH_SIZE + 1);
	uint8_t hash[TALLY_HASH_SIZE];

	tally_ion_hash(value, hash);
	tally_hex_encode(hash, sizeof(hash), hex);
	return hex;
}

static const char *written(const struct tally_ion *value, bool json)
{
	struct tally_buf buf = { 0 };
	const char *text;

	if (json)
		tally_ion_write_json(value, &buf);
	else
		tally_ion_write_text(value, &buf);
	text = tally_arena_str(&arena, tally_buf_bytes(&buf));
	tally_buf_free(&buf);
	return text;
}

static void text_and_binary(void)
{
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
		struct tally_bytes binary;
		struct tally_ion *text, *other;

		CASE("%s", values[i].text);
		REQUIRE(read_first(tally_bytes_str(values[i].text), &text) == 1);
		CHECK_STR(hash_of(text), values[i].hash);
		REQUIRE(tally_base64_decode(&arena, tally_bytes_str(values[i].binary), &binary));
		REQUIRE(read_first(binary, &other) == 1);
		CHECK_STR(hash_of(other), values[i].hash);
		CHECK_STR(written(other, false), written(text, false));
		REQUIRE(read_first(tally_bytes_str(written(text, false)), &other) == 1);
		CHECK_STR(hash_of(other), values[i].hash);
	}
}

/* Different ways to write one value. */
static void same_values(void)
{
	static const char *const pairs[][2] = {
		{ "255", "0xF_f" }, { "5", "0b101" }, { "1_000", "1000" }, { "1.50", "150d-2" },
		{ "1.5e0", "15e-1" }, { "\"ab\"", "'''a''' /* c */ '''b'''" }, { "\"\\u00e9\"", "\"\xc3\xa9\"" },
		{ "\"\\uD83D\\uDE00\"", "\"\\U0001F600\"" }, { "[1,2,]", "[1, 2]" }, { "{a:1,b:2}", "{b:2, 'a':1,}" },
		{ "{\"a\":1}", "{a:1}" }, { "2000-01-01T01:00+01:00", " 2000-01-01T01:00+01:00 // c" },
		{ "2000-01-01T", "2000-01-01" }, { "{{ aGk= }}", "{{aGk=}}" }, { "(a-b)", "(a - b)" },
		{ "null", "null.null" }, { "$ion_1_0 x", "'x'" }, { "\"\\\nx\"", "\"x\"" },
	};
	struct tally_ion *a, *b;

	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		CASE("%s", pairs[i][0]);
		REQUIRE(read_first(tally_bytes_str(pairs[i][0]), &a) == 1);
		REQUIRE(read_first(tally_bytes_str(pairs[i][1]), &b) == 1);
		CHECK_STR(hash_of(a), hash_of(b));
	}
}

static void as_json(void)
{
	static const char *const cases[][2] = {
		{ "{a:1.50, b:-0.00, c:15d7, d:5d-3, e:2.5e0, f:nan}",
		  "{\"a\":1.50,\"b\":-0.00,\"c\":15e7,\"d\":0.005,\"e\":2.5,\"f\":null}" },
		{ "{a:1, a:2, b:sym, c:{{aGk=}}, d:{{\"hi\"}}}",
		  "{\"a\":1,\"b\":\"sym\",\"c\":\"aGk=\",\"d\":\"aGk=\"}" },
		{ "[2000T, 2000-01-01T00:00:00.5-00:00, x::1, (a b), null.int, true]",
		  "[\"2000T\",\"2000-01-01T00:00:00.5-00:00\",1,[\"a\",\"b\"],null,true]" },
		{ "123456789012345678901234567890", "123456789012345678901234567890" },
	};
	struct tally_ion *value;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		CASE("%s", cases[i][0]);
		REQUIRE(read_first(tally_bytes_str(cases[i][0]), &value) == 1);
		CHECK_STR(written(value, true), cases[i][1]);
	}
}

static void not_ion(void)
{
	static const char *const texts[] = {
		"{", "{a}", "{a:}", "{a:1 b:2}", "[1 2]", "[,]", "]", "(1", "\"x", "\"\n\"", "\"\\q\"", "\"\\uD800\"",
		"\"\xff\"", "'a", "'''a", "01", "1_", "1__0", "0x", "0xg", "1a", "1.2.3", "1e", "1e9999999999",
		"2000-13-01", "2001-02-29", "2000-01-01T24:00Z", "2000-01-01T00:00", "2000-01-01T00:00:00.Z",
		"2000-01-01T00:00+24:00", "0001-01-01T00:00+01:00", "{{a}}", "{{\"\xc3\xa9\"}}", "{{\"x\"", "null.nil",
		"true::1", "a::", "$10", "{$0:1}", "/* x", "$ion_symbol_table::{symbols:[\"a\"]}", "#", "+1", "-",
		"2000-01-01T00:00:00.1234567890123456789Z",
	};
	static const struct { const char *bytes; size_t size; } binaries[] = {
		{ "\xe0\x01\x00\xea\x21", 5 }, { "\xe0\x01\x01\xea\x11", 5 }, { "\xe0\x01\x00\xea\x12", 5 },
		{ "\xe0\x01\x00\xea\xf0", 5 }, { "\xe0\x01\x00\xea\x31\x00", 6 }, { "\xe0\x01\x00\xea\x30", 5 },
		{ "\xe0\x01\x00\xea\x43\x00\x00\x00", 8 }, { "\xe0\x01\x00\xea\x71\x0a", 6 },
		{ "\xe0\x01\x00\xea\x81\xff", 6 }, { "\xe0\x01\x00\xea\xb2\x21", 6 }, { "\xe0\x01\x00\xea\xd2\x8a\x11", 7 },
		{ "\xe0\x01\x00\xea\xe3\x81\x84", 7 }, { "\xe0\x01\x00\xea\xe4\x81\x84\x11\x11", 9 },
		{ "\xe0\x01\x00\xea\x62\x80\x81", 7 }, { "\xe0\x01\x00\xea\xbe\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", 15 },
	};
	struct tally_ion *value;

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		CASE("%s", texts[i]);
		CHECK_INT(read_first(tally_bytes_str(texts[i]), &value), -1);
		CHECK(strstr(err.text, "Ion, byte ") != NULL);
	}
	for (size_t i = 0; i < sizeof(binaries) / sizeof(*binaries); i++) {
		struct tally_ion_reader reader;
		int found;

		CASE("binary %zu", i);
		tally_ion_open(&reader, tally_bytes(binaries[i].bytes, binaries[i].size), &arena);
		while ((found = tally_ion_next(&reader, &arena, &value, &err)) == 1)
			;
		CHECK_INT(found, -1);
	}
}

static void limits(void)
{
	struct tally_buf buf = { 0 };
	struct tally_ion *value;

	for (int depth = TALLY_ION_DEPTH; depth <= TALLY_ION_DEPTH + 1; depth++) {
		tally_buf_clear(&buf);
		for (int i = 0; i < depth; i++)
			tally_buf_add_u8(&buf, '[');
		for (int i = 0; i < depth; i++)
			tally_buf_add_u8(&buf, ']');
		CASE("depth %d", depth);
		CHECK_INT(read_first(tally_buf_bytes(&buf), &value), depth == TALLY_ION_DEPTH ? 1 : -1);
	}
	for (size_t digits = TALLY_ION_DIGITS; digits <= TALLY_ION_DIGITS + 1; digits++) {
		tally_buf_clear(&buf);
		for (size_t i = 0; i < digits; i++)
			tally_buf_add_u8(&buf, '9');
		CASE("%zu digits", digits);
		CHECK_INT(read_first(tally_buf_bytes(&buf), &value), digits == TALLY_ION_DIGITS ? 1 : -1);
	}
	tally_buf_clear(&buf);
	tally_buf_add_u8(&buf, '[');
	for (size_t i = 0; i < TALLY_ION_NODES; i++)
		tally_buf_add_str(&buf, "1,");
	tally_buf_add_u8(&buf, ']');
	CASE("too many values");
	CHECK_INT(read_first(tally_buf_bytes(&buf), &value), -1);
	tally_buf_free(&buf);
}

/* Symbols by number: a table, one that is appended to it, and the version marker that ends both. */
static void symbol_tables(void)
{
	static const char bytes[] =
		"\xe0\x01\x00\xea" "\xe7\x81\x83\xd4\x87\xb2\x81" "a" "\x71\x0a"
		"\xea\x81\x83\xd7\x86\x71\x03\x87\xb2\x81" "b" "\x71\x0b" "\x71\x0a"
		"\xe0\x01\x00\xea" "\x71\x0a";
	static const char *const want[] = { "a", "b", "a" };
	struct tally_ion_reader reader;
	struct tally_bytes text;
	struct tally_ion *value;

	tally_ion_open(&reader, tally_bytes(bytes, sizeof(bytes) - 1), &arena);
	for (size_t i = 0; i < 3; i++) {
		CASE("symbol %zu", i);
		REQUIRE(tally_ion_next(&reader, &arena, &value, &err) == 1);
		REQUIRE(tally_ion_text(value, &text));
		CHECK_BYTES(text, tally_bytes_str(want[i]));
	}
	CHECK_INT(tally_ion_next(&reader, &arena, &value, &err), -1);
}

/* The order is that of the last differing byte, as a signed number; the operator takes either order. */
static void dot(void)
{
	struct tally_qldb_hash a = { { 1 } }, b = { { 2 } }, first, second;
	struct tally_sha256 sha;
	uint8_t want[TALLY_HASH_SIZE];

	a.bytes[31] = 0x80;		/* -128: the smaller one, though its byte is the larger */
	b.bytes[31] = 0x01;
	tally_qldb_dot(&a, &b, &first);
	tally_qldb_dot(&b, &a, &second);
	CHECK_MEM(first.bytes, second.bytes, TALLY_HASH_SIZE);
	tally_sha256_init(&sha);
	tally_sha256_add(&sha, a.bytes, TALLY_HASH_SIZE);
	tally_sha256_add(&sha, b.bytes, TALLY_HASH_SIZE);
	tally_sha256_end(&sha, want);
	CHECK_MEM(first.bytes, want, TALLY_HASH_SIZE);
}

int main(void)
{
	TEST(text_and_binary);
	TEST(same_values);
	TEST(as_json);
	TEST(not_ion);
	TEST(limits);
	TEST(symbol_tables);
	TEST(dot);
	tally_arena_free(&arena);
	return tap_done();
}
