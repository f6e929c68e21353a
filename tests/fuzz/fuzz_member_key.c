/*
 * Members' keys from outside: a public key and a signature to be verified with it, and a private
 * key as PEM. The first byte says which: its low three bits a kind, or the form of the PEM (as it
 * stands, or PKCS#8 or SEC 1 inside of a frame of PEM that is made here).
 */
#include "arena.h"
#include "err.h"
#include "fuzz.h"
#include "member_key.h"

static void public_key(unsigned int type, struct tally_bytes input)
{
	struct tally_member_key key = { .type = (uint8_t)type }, again;
	struct tally_bytes bytes = input;
	uint8_t signature[TALLY_MEMBER_SIGNATURE];
	char text[TALLY_MEMBER_KEY_TEXT];
	struct tally_err err;
	bool valid;

	if (bytes.size > tally_key_type_size(type))
		bytes.size = tally_key_type_size(type);
	valid = tally_member_key_set(&key, type, bytes, &err) == 0;
	if (valid) {
		PROMISE(key.type == type && key.size == tally_key_type_size(type));
		tally_member_key_format(&key, text);
		PROMISE(tally_member_key_parse(&again, type, tally_bytes_str(text), &err) == 0);
		PROMISE(tally_member_key_equal(&key, &again));
	} else {
		PROMISE(err.code == TALLY_INVALID || err.code == TALLY_UNSUPPORTED);
	}
	key.type = (uint8_t)type;
	key.size = (uint8_t)tally_key_type_size(type);
	fuzz_take(&input, key.bytes, key.size);
	fuzz_take(&input, signature, sizeof(signature));
	if (tally_member_verify(&key, input, signature)) {
		PROMISE(tally_key_type_size(type) != 0);
		PROMISE(valid || type == KEY_TYPE_ED25519);
		signature[63] ^= 1;
		PROMISE(!tally_member_verify(&key, input, signature));
	}
	(void)tally_member_verify_digest(&key, signature, signature);
}

static void private_key(struct tally_bytes text)
{
	uint8_t private[TALLY_MEMBER_PRIVATE], again[TALLY_MEMBER_PRIVATE];
	char pem[TALLY_MEMBER_PEM_TEXT];
	enum tally_key_type type, same;
	struct tally_member_key key;
	struct tally_err err;

	if (tally_member_pem_parse(text, &type, private, &err) < 0) {
		PROMISE(err.code == TALLY_INVALID || err.code == TALLY_UNSUPPORTED);
		return;
	}
	PROMISE(tally_member_public(type, private, &key, &err) == 0);
	PROMISE(tally_member_pem_format(type, private, pem, &err) == 0);
	PROMISE(tally_member_pem_parse(tally_bytes_str(pem), &same, again, &err) == 0);
	PROMISE(same == type && memcmp(private, again, sizeof(private)) == 0);
}

/* In lines of 64 characters, as PEM wants them. */
static void framed(struct tally_bytes der, const char *name)
{
	struct tally_arena arena = { 0 };
	const char *base64 = tally_base64_encode(&arena, der);
	size_t size = strlen(base64), used, at;
	char *text = tally_arena_alloc(&arena, 2 * size + 200);

	used = (size_t)sprintf(text, "-----BEGIN %s-----\n", name);
	for (at = 0; at < size; at += 64)
		used += (size_t)sprintf(text + used, "%.64s\n", base64 + at);
	used += (size_t)sprintf(text + used, "-----END %s-----\n", name);
	private_key(tally_bytes(text, used));
	tally_arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tally_bytes input = tally_bytes(data, size);
	uint8_t what;

	fuzz_take(&input, &what, 1);
	switch (what & 7) {
	case 5:
		private_key(input);
		break;
	case 6:
		framed(input, "PRIVATE KEY");
		break;
	case 7:
		framed(input, "EC PRIVATE KEY");
		break;
	default:
		public_key(what & 7, input);
	}
	return 0;
}
