/* Ed25519 against RFC 8032 7.1 and the key vectors of the transparency log. */
#include "sign.h"

#include "arena.h"
#include "tap.h"
#include "vectors.h"

static void rfc8032(void)
{
	static const struct {
		const char *seed, *public, *message, *signature;
	} cases[] = {
		{ "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
		  "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
		  "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
		  "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b" },
		{ "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
		  "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
		  "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
		  "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00" }
	};
	uint8_t seed[32], public[32], want_public[32], message[1], want[64], signature[64];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t size = strlen(cases[i].message) / 2;

		CASE("test %zu", i + 1);
		vectors_hex(cases[i].seed, seed, 32);
		vectors_hex(cases[i].public, want_public, 32);
		vectors_hex(cases[i].message, message, size);
		vectors_hex(cases[i].signature, want, 64);
		tally_ed25519_public(seed, public);
		CHECK_MEM(public, want_public, 32);
		tally_ed25519_sign(seed, tally_bytes(message, size), signature);
		CHECK_MEM(signature, want, 64);
		CHECK(tally_ed25519_verify(public, tally_bytes(message, size), want));
	}
}

static void log_and_witness_keys(void)
{
	struct json_object *root = vectors_load("transparency-log-vectors.json");
	struct json_object *keys = vectors_member(root, "keys");
	uint8_t seed[32], public[32], want[32];

	vectors_hex(vectors_text(keys, "log_seed_hex"), seed, 32);
	vectors_hex(vectors_text(keys, "log_public_hex"), want, 32);
	tally_ed25519_public(seed, public);
	CHECK_MEM(public, want, 32);
	vectors_hex(vectors_text(keys, "witness_seed_hex"), seed, 32);
	vectors_hex(vectors_text(keys, "witness_public_hex"), want, 32);
	tally_ed25519_public(seed, public);
	CHECK_MEM(public, want, 32);
	json_object_put(root);
}

/* The checkpoint of the vectors: its text up to the blank line, and what its last line carries. */
static void checkpoint_signature(void)
{
	struct json_object *root = vectors_load("transparency-log-vectors.json");
	const char *note = vectors_text(root, "checkpoint"), *blank = strstr(note, "\n\n");
	const char *last = blank != NULL ? strrchr(blank, ' ') : NULL;
	struct tally_arena arena = { 0 };
	struct tally_bytes text, carried;
	uint8_t seed[32], signature[64];

	REQUIRE(last != NULL && strlen(last) > 2);
	text = tally_bytes(note, (size_t)(blank + 1 - note));
	REQUIRE(tally_base64_decode(&arena, tally_bytes(last + 1, strlen(last) - 2), &carried));
	REQUIRE(carried.size == 4 + 64);	/* key id, signature */
	vectors_hex(vectors_text(vectors_member(root, "keys"), "log_seed_hex"), seed, 32);
	tally_ed25519_sign(seed, text, signature);
	CHECK_MEM(signature, carried.data + 4, 64);
	tally_arena_free(&arena);
	json_object_put(root);
}

static void forgeries_are_refused(void)
{
	uint8_t seed[32] = { 7 }, public[32], signature[64], message[20] = "twenty bytes of text";
	size_t bit;

	tally_ed25519_public(seed, public);
	tally_ed25519_sign(seed, tally_bytes(message, 20), signature);
	REQUIRE(tally_ed25519_verify(public, tally_bytes(message, 20), signature));
	for (bit = 0; bit < 512; bit++) {
		signature[bit / 8] ^= (uint8_t)(1 << bit % 8);
		CASE("bit %zu of the signature", bit);
		CHECK(!tally_ed25519_verify(public, tally_bytes(message, 20), signature));
		signature[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (bit = 0; bit < 160; bit++) {
		message[bit / 8] ^= (uint8_t)(1 << bit % 8);
		CASE("bit %zu of the message", bit);
		CHECK(!tally_ed25519_verify(public, tally_bytes(message, 20), signature));
		message[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	CASE("shorter message");
	CHECK(!tally_ed25519_verify(public, tally_bytes(message, 19), signature));
	CASE("other key");
	seed[0]++;
	tally_ed25519_public(seed, public);
	CHECK(!tally_ed25519_verify(public, tally_bytes(message, 20), signature));
}

int main(void)
{
	TEST(rfc8032);
	TEST(log_and_witness_keys);
	TEST(checkpoint_signature);
	TEST(forgeries_are_refused);
	return tap_done();
}
