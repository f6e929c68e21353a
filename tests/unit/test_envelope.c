/* Envelopes of shared data: the golden vectors, round trips, and every byte changed. */
#include "arena.h"
#include "buf.h"
#include "envelope.h"
#include "member_key.h"
#include "secret.h"
#include "tap.h"
#include "vectors.h"

static struct tally_arena arena;
static struct tally_err err;

/* As doc/formats.md has it: a label, then each part with its length. */
static struct tally_bytes context_of(struct json_object *parts)
{
	struct tally_buf buf = { 0 };
	struct tally_bytes bytes;

	tally_buf_add_str(&buf, "tallystick share v1\n");
	for (size_t i = 0; i < json_object_array_length(parts); i++) {
		const char *part = json_object_get_string(json_object_array_get_idx(parts, i));

		tally_buf_add_u16(&buf, (uint16_t)strlen(part));
		tally_buf_add_str(&buf, part);
	}
	bytes = tally_arena_bytes(&arena, tally_buf_bytes(&buf));
	tally_buf_free(&buf);
	return bytes;
}

static struct tally_bytes hex_of(struct json_object *object, const char *name)
{
	const char *text = vectors_text(object, name);
	uint8_t *data = tally_arena_alloc(&arena, strlen(text) / 2 + 1);

	vectors_hex(text, data, strlen(text) / 2);
	return tally_bytes(data, strlen(text) / 2);
}

static void data_vectors(struct json_object *list)
{
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *vector = json_object_array_get_idx(list, i);
		struct tally_bytes key = hex_of(vector, "key"), plain = hex_of(vector, "plain");
		struct tally_bytes envelope = hex_of(vector, "envelope");
		struct tally_bytes context = context_of(vectors_member(vector, "context"));
		uint8_t *sealed = tally_arena_alloc(&arena, plain.size + TALLY_DATA_OVERHEAD);
		uint8_t *opened = tally_arena_alloc(&arena, plain.size + 1);

		CASE("data %zu", i);
		tally_data_seal_with(key.data, context, plain, hex_of(vector, "nonce").data, sealed);
		CHECK_BYTES(tally_bytes(sealed, plain.size + TALLY_DATA_OVERHEAD), envelope);
		CHECK_OK(tally_data_open(key.data, context, envelope, opened, &err));
		CHECK_BYTES(tally_bytes(opened, plain.size), plain);
	}
}

static void wrapped_vectors(struct json_object *list)
{
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *vector = json_object_array_get_idx(list, i);
		struct tally_bytes private = hex_of(vector, "private"), key = hex_of(vector, "key");
		struct tally_bytes envelope = hex_of(vector, "envelope");
		struct tally_bytes context = context_of(vectors_member(vector, "context"));
		uint8_t wrapped[TALLY_WRAPPED_KEY], opened[TALLY_DATA_KEY];
		struct tally_member_key public;

		CASE("wrapped %zu", i);
		CHECK_OK(tally_member_public(KEY_TYPE_SECP256R1, private.data, &public, &err));
		CHECK_INT(tally_key_wrap_with(public.bytes, context, key.data,
					      hex_of(vector, "ephemeral").data,
					      hex_of(vector, "nonce").data, wrapped), 0);
		CHECK_BYTES(tally_bytes(wrapped, sizeof(wrapped)), envelope);
		CHECK_OK(tally_key_unwrap(private.data, context, envelope, opened, &err));
		CHECK_MEM(opened, key.data, TALLY_DATA_KEY);
	}
}

static void golden(void)
{
	struct json_object *vectors = vectors_load("envelopes.json");

	data_vectors(vectors_member(vectors, "data"));
	wrapped_vectors(vectors_member(vectors, "wrapped"));
	json_object_put(vectors);
}

/* No byte of a data envelope can be another, and no context, key or length. */
static void changed_data(void)
{
	static const struct tally_bytes context = TALLY_BYTES_LIT("here"), text =
		TALLY_BYTES_LIT("what is shared");
	uint8_t key[TALLY_DATA_KEY] = { 7 }, other[TALLY_DATA_KEY] = { 8 };
	uint8_t sealed[64], again[64], plain[64];
	size_t size = text.size + TALLY_DATA_OVERHEAD;
	struct tally_bytes envelope = tally_bytes(sealed, size);

	tally_data_seal(key, context, text, sealed);
	tally_data_seal(key, context, text, again);
	CHECK(memcmp(sealed, again, size) != 0);	/* its nonce is random */
	for (size_t i = 0; i < size; i++) {
		CASE("byte %zu", i);
		sealed[i] ^= 0x40;
		CHECK_FAILS(tally_data_open(key, context, envelope, plain, &err),
			    i == 0 ? TALLY_INVALID : TALLY_DENIED);
		sealed[i] ^= 0x40;
	}
	for (size_t cut = 0; cut < size; cut++) {
		CASE("%zu bytes", cut);
		CHECK_FAILS(tally_data_open(key, context, tally_bytes(sealed, cut), plain, &err),
			    cut < TALLY_DATA_OVERHEAD ? TALLY_INVALID : TALLY_DENIED);
	}
	CASE("whole");
	CHECK_FAILS(tally_data_open(other, context, envelope, plain, &err), TALLY_DENIED);
	CHECK_FAILS(tally_data_open(key, TALLY_BYTES_LIT("there"), envelope, plain, &err),
		    TALLY_DENIED);
	CHECK_OK(tally_data_open(key, context, envelope, plain, &err));
	CHECK_BYTES(tally_bytes(plain, text.size), text);
}

static void changed_keys(void)
{
	static const struct tally_bytes context = TALLY_BYTES_LIT("here");
	uint8_t private[32] = { 9 }, other[32] = { 10 }, key[TALLY_DATA_KEY] = { 11 };
	uint8_t wrapped[TALLY_WRAPPED_KEY], opened[TALLY_DATA_KEY];
	struct tally_bytes envelope = tally_bytes(wrapped, sizeof(wrapped));
	struct tally_member_key public;

	CHECK_OK(tally_member_public(KEY_TYPE_SECP256R1, private, &public, &err));
	tally_key_wrap(public.bytes, context, key, wrapped);
	for (size_t i = 0; i < sizeof(wrapped); i++) {
		CASE("byte %zu", i);
		wrapped[i] ^= 1;
		CHECK(tally_key_unwrap(private, context, envelope, opened, &err) == -1);
		wrapped[i] ^= 1;
	}
	CASE("whole");
	CHECK_FAILS(tally_key_unwrap(private, context, tally_bytes(wrapped, sizeof(wrapped) - 1),
				     opened, &err), TALLY_INVALID);
	CHECK_FAILS(tally_key_unwrap(other, context, envelope, opened, &err), TALLY_DENIED);
	CHECK_FAILS(tally_key_unwrap(private, TALLY_BYTES_LIT("there"), envelope, opened, &err),
		    TALLY_DENIED);
	memset(other, 0xff, sizeof(other));	/* beyond the order */
	CHECK_FAILS(tally_key_unwrap(other, context, envelope, opened, &err), TALLY_DENIED);
	CHECK_OK(tally_key_unwrap(private, context, envelope, opened, &err));
	CHECK_MEM(opened, key, sizeof(key));
}

/* All lengths around a block, and one that is long. */
static void lengths(void)
{
	uint8_t key[TALLY_DATA_KEY];
	size_t sizes[] = { 0, 1, 15, 16, 17, 31, 32, 33, 1 << 20 };

	tally_random(key, sizeof(key));
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		uint8_t *plain = tally_arena_zalloc(&arena, sizes[i] + 1);
		uint8_t *sealed = tally_arena_alloc(&arena, sizes[i] + TALLY_DATA_OVERHEAD);
		uint8_t *opened = tally_arena_alloc(&arena, sizes[i] + 1);

		CASE("%zu", sizes[i]);
		tally_data_seal(key, TALLY_BYTES_NONE, tally_bytes(plain, sizes[i]), sealed);
		CHECK_OK(tally_data_open(key, TALLY_BYTES_NONE,
					 tally_bytes(sealed, sizes[i] + TALLY_DATA_OVERHEAD), opened,
					 &err));
		CHECK(memcmp(opened, plain, sizes[i]) == 0);
	}
}

int main(void)
{
	TEST(golden);
	TEST(changed_data);
	TEST(changed_keys);
	TEST(lengths);
	tally_arena_free(&arena);
	return tap_done();
}
