/*
 * tally call /v1/...: what an answer has in envelopes for the caller is opened here, since the private key
 * was not sent: the data of an order, of a credential and of an application for one. What is not for
 * this key is left as it came.
 */
#include "config.h"

#include "call.h"

#include <string.h>

#include <json-c/json.h>

#include "envelope.h"
#include "secret.h"

#define PARTS 3

/* What opens, of which names its contexts are made (doc/formats.md, section 26), and where these stand. */
static const struct kind {
	const char *path;
	const char *key_purpose, *data_purpose;
	const char *wrapped;		/* member of the answer; "a.b": within a */
	const char *key_parts[PARTS + 1], *data_parts[PARTS];
	const char *member;		/* the data's, once it is open */
	bool base64;			/* what that holds is base64; else text */
} kinds[] = {
	{ "/v1/datashare/dataset/query-plaintext", "order", "data", "encryptedAesKey",
	  { "?consumer", "?orderSeq", "productID" }, { "provider", "productID" }, "plaintext", true },
	{ "/v1/identity/query-vc", "credential", "credential-data", "credentialSubject.encryptedAeskey",
	  { "issuer", "sequence", "credentialSubject.owner" }, { "issuer", "sequence" }, "data", false },
	{ "/v1/identity/query-vc-order", "application", "application-data", "encryptedAesKey",
	  { "applyer", "orderSeq", "service" }, { "applyer", "orderSeq" }, "data", false },
};

static const struct kind *find_kind(const char *path)
{
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		if (strcmp(kinds[i].path, path) == 0)
			return &kinds[i];
	return NULL;
}

struct opening {
	const struct kind *kind;
	json_object *request, *answer;
	struct tally_arena *arena;
};

/* A text of the answer, or with '?' of the request. Empty where there is none. */
static struct tally_bytes text_of(const struct opening *opening, const char *way)
{
	json_object *at = *way == '?' ? opening->request : opening->answer;
	char *rest = tally_arena_str(opening->arena, tally_bytes_str(way + (*way == '?'))), *name;

	while (at != NULL && (name = strsep(&rest, ".")) != NULL) {
		json_object *next = NULL;

		json_object_object_get_ex(at, name, &next);
		at = next;
	}
	return json_object_is_type(at, json_type_string) ?
		       tally_bytes(json_object_get_string(at), (size_t)json_object_get_string_len(at)) :
		       TALLY_BYTES_NONE;
}

static struct tally_bytes context_of(const struct opening *opening, const char *purpose,
				     const char *const *ways, size_t most)
{
	struct tally_bytes parts[PARTS];
	size_t count = 0;

	while (count < most && ways[count] != NULL) {
		parts[count] = text_of(opening, ways[count]);
		count++;
	}
	return tally_envelope_context(opening->arena, text_of(opening, "?channelID"), purpose, parts,
				      count);
}

/* False where it is not for this key, or no such thing. */
static bool open_data(const struct opening *opening, const uint8_t private[32],
		      struct tally_bytes *plain_r)
{
	const struct kind *kind = opening->kind;
	struct tally_bytes wrapped, ciphertext;
	uint8_t key[TALLY_DATA_KEY], *plain;
	struct tally_err err;
	bool good;

	if (!tally_base64_decode(opening->arena, text_of(opening, kind->wrapped), &wrapped) ||
	    !tally_base64_decode(opening->arena, text_of(opening, "encryptData"), &ciphertext) ||
	    ciphertext.size < TALLY_DATA_OVERHEAD ||
	    tally_key_unwrap(private, context_of(opening, kind->key_purpose, kind->key_parts, PARTS),
			     wrapped, key, &err) != 0)
		return false;
	plain = tally_arena_alloc(opening->arena, ciphertext.size);
	good = tally_data_open(key, context_of(opening, kind->data_purpose, kind->data_parts, PARTS),
			       ciphertext, plain, &err) == 0;
	tally_wipe(key, sizeof key);
	*plain_r = tally_bytes(plain, ciphertext.size - TALLY_DATA_OVERHEAD);
	return good;
}

static json_object *value_of(const struct opening *opening, struct tally_bytes plain)
{
	if (opening->kind->base64)
		return json_object_new_string(tally_base64_encode(opening->arena, plain));
	return json_object_new_string_len((const char *)plain.data, (int)plain.size);
}

void call_open(const char *path, struct tally_bytes request, const uint8_t private[32],
	       struct tally_arena *arena, struct tally_buf *answer)
{
	struct opening opening = { .kind = find_kind(path), .arena = arena };
	struct tally_bytes plain;

	if (opening.kind == NULL)
		return;
	opening.request = json_tokener_parse(tally_arena_str(arena, request));
	opening.answer = json_tokener_parse(tally_arena_str(arena, tally_buf_bytes(answer)));
	if (open_data(&opening, private, &plain)) {
		if (opening.kind->base64) {	/* as who sends the key is answered */
			json_object_object_del(opening.answer, "encryptedAesKey");
			json_object_object_del(opening.answer, "encryptData");
		}
		json_object_object_add(opening.answer, opening.kind->member, value_of(&opening, plain));
		tally_buf_clear(answer);
		tally_buf_add_str(answer, json_object_to_json_string_ext(
			opening.answer, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	}
	json_object_put(opening.request);
	json_object_put(opening.answer);
}
