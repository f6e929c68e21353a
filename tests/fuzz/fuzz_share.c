/*
 * What comes in with a request of the data-sharing family: a body with a private key, and PEM of any kind.
 * As a body: it ends; where it is taken, what is left is JSON without the key, and the key stands nowhere
 * in it any more; what json-c reads as an object is taken, but for members that may not be so. As PEM, as
 * it stands and with its line feeds folded: no certificate that nobody signed is believed, and a private
 * key that is read is one.
 */
#include <json.h>

#include "arena.h"
#include "cert.h"
#include "err.h"
#include "fuzz.h"
#include "json_in.h"
#include "member_key.h"
#include "secret_body.h"
#include "share_decode.h"

static const char *const bulk[] = { "plainData", "encryptData", NULL };

/* json-c takes control characters in strings, which RFC 8259 does not. */
static bool has_controls(struct tally_bytes text)
{
	for (size_t i = 0; i < text.size; i++)
		if (text.data[i] < ' ')
			return true;
	return false;
}

/* The strings of the two names, and sk, are strings and stand once; by json-c, which keeps the last. */
static bool may_be_taken(struct json_object *object, struct tally_bytes text)
{
	static const char *const names[] = { "plainData", "encryptData" };
	struct json_object *member;

	for (size_t i = 0; i < 2; i++)
		if (json_object_object_get_ex(object, names[i], &member) && member != NULL &&
		    !json_object_is_type(member, json_type_string))
			return false;
	return tally_json_once(object, text);
}

static void check_body(struct tally_arena *arena, struct tally_bytes input)
{
	struct json_object *object = tally_json_parse(input), *rest, *key = NULL;
	struct tally_bytes body = tally_arena_bytes(arena, input);
	struct tally_secret_body taken;
	bool good = tally_secret_body_take(body, bulk, arena, &taken);

	if (json_object_is_type(object, json_type_object) && !has_controls(input) &&
	    may_be_taken(object, input))
		PROMISE(good);
	if (good && taken.private_given) {
		json_object_object_get_ex(object, "sk", &key);
		PROMISE(object == NULL || !json_object_is_type(key, json_type_string) ||
			taken.private_text || json_object_get_string_len(key) > 0);
	}
	rest = good ? tally_json_parse(taken.rest) : NULL;
	if (rest != NULL) {
		PROMISE(json_object_is_type(rest, json_type_object));
		PROMISE(!json_object_object_get_ex(rest, "sk", &key));
	}
	/* a key of some length is nowhere in what other code reads */
	if (good && taken.private_size > 24 && memchr(taken.private_pem, '\\', 24) == NULL &&
	    memchr(taken.private_pem, '\n', 24) == NULL && memchr(taken.private_pem, '"', 24) == NULL)
		PROMISE(taken.rest.size < 24 || taken.private_pem[0] == ' ' ||
			memcmp(taken.rest.data, taken.private_pem, 24) != 0);
	json_object_put(rest);
	json_object_put(object);
	tally_secret_body_free(&taken);
}

static const char *anchor(struct tally_arena *arena)
{
	static const uint8_t key[32] = { 1 };
	struct tally_cert_make make = { .name = "ca", .key = key, .ca = true, .from_ms = 1000,
					.until_ms = 4000000000000 };
	struct tally_err err;
	char *pem;

	PROMISE(tally_cert_make(&make, arena, &pem, &err) == 0);
	return pem;
}

static void check_pem(struct tally_arena *arena, struct tally_bytes input, const char *ca)
{
	char *text = tally_arena_str(arena, input);
	uint8_t private[TALLY_MEMBER_PRIVATE];
	struct tally_member_key public;
	enum tally_key_type type;
	struct tally_cert cert;
	struct tally_err err = { 0 };
	size_t size;

	for (int folded = 0; folded < 2; folded++) {
		size = folded ? tally_pem_unfold(text, input.size) : input.size;
		PROMISE(size <= input.size);
		if (tally_cert_verify(tally_bytes(text, size), tally_bytes_str(ca), 2000000000000, &cert,
				      &err) != 0)
			PROMISE(err.subject[0] != '\0' && err.text[0] != '\0');
		else
			PROMISE(cert.point[0] == 4 && cert.from_ms <= cert.until_ms);
		if (tally_cert_anchor(tally_bytes(text, size), &cert, &err) == 0)
			PROMISE(strlen(cert.name) <= TALLY_CERT_NAME);
		if (tally_member_pem_parse(tally_bytes(text, size), &type, private, &err) == 0)
			PROMISE(tally_member_public(type, private, &public, &err) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct tally_arena lasting;
	static const char *ca;
	struct tally_arena arena = { 0 };
	struct tally_bytes input = tally_bytes(data, size);
	uint8_t signature[64];
	uint64_t ms;

	if (ca == NULL)
		ca = anchor(&lasting);
	check_body(&arena, input);
	check_pem(&arena, input, ca);
	if (tally_share_timestamp(input, &ms))
		PROMISE(ms < 253402387200000);	/* the year 10000, and a day */
	for (int zipped = 0; zipped < 2; zipped++)
		if (tally_share_signature(input, zipped, signature))
			PROMISE(signature[32] < 0x80);	/* s is low */
	tally_arena_free(&arena);
	return 0;
}
