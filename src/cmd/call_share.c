/*
 * tally call /v1/...: one request of the data-sharing family. The private key stays here: the body is
 * signed, and the signature goes along in a header; what is wrapped for the key is opened here too.
 */
#include "config.h"

#include "call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "cert.h"
#include "clock.h"
#include "err.h"
#include "fetch.h"
#include "files.h"
#include "p256.h"
#include "secret.h"
#include "signer.h"
#include "verb.h"

#define PREFIX "/v1/"

bool call_is_share(const struct verb_call *call)
{
	return strncmp(call->args[0], PREFIX, sizeof(PREFIX) - 1) == 0;
}

/* An option that must be given; NULL after printing so. */
static const char *need(const struct verb_call *call, const char *name)
{
	const char *value = verb_value(call, name, NULL);

	if (value == NULL || *value == '\0')
		verb_misuse(call, "a path of the data-sharing interface needs --cert, --key, --org and "
			    "--channel; --%s is missing", name);
	return value != NULL && *value != '\0' ? value : NULL;
}

/* ---- the body ---- */

/* "Name=Text" and "Name:=JSON". */
static bool add_word(const struct verb_call *call, json_object *body, const char *word)
{
	const char *equals = strchr(word, '=');
	size_t size = equals != NULL ? (size_t)(equals - word) : 0;
	bool is_json = size > 1 && word[size - 1] == ':';
	json_object *value;
	char name[128];

	size -= is_json;
	if (size == 0 || size >= sizeof(name)) {
		verb_misuse(call, "a parameter is Name=Value or Name:=JSON, not %s", word);
		return false;
	}
	snprintf(name, sizeof(name), "%.*s", (int)size, word);
	value = is_json ? json_tokener_parse(equals + 1) : json_object_new_string(equals + 1);
	if (value == NULL && strcmp(equals + 1, "null") != 0) {
		verb_misuse(call, "%s is no JSON", word);
		return false;
	}
	json_object_object_add(body, name, value);
	return true;
}

static bool add_common(const struct verb_call *call, json_object *body, struct tally_arena *arena)
{
	const char *org = need(call, "org"), *channel = org != NULL ? need(call, "channel") : NULL;
	const char *file = channel != NULL ? need(call, "cert") : NULL;
	struct tally_bytes cert;
	char time[21];

	if (file == NULL || !file_read_whole(call, file, TALLY_CERT_MAX, arena, &cert))
		return false;
	tally_time_format(tally_now_ms(), time);
	json_object_object_add(body, "orgID", json_object_new_string(org));
	json_object_object_add(body, "channelID", json_object_new_string(channel));
	json_object_object_add(body, "cryptoMethod", json_object_new_string("SW"));
	json_object_object_add(body, "cert", json_object_new_string((const char *)cert.data));
	json_object_object_add(body, "timestamp", json_object_new_string(time));
	return true;
}

/* False after printing why not. */
static bool make_body(const struct verb_call *call, struct tally_arena *arena,
		      struct tally_bytes *body_r)
{
	json_object *body = json_object_new_object();
	bool good = add_common(call, body, arena);

	for (int i = 1; good && i < call->arg_count; i++)
		good = add_word(call, body, call->args[i]);
	if (good)
		*body_r = tally_arena_bytes(arena, tally_bytes_str(json_object_to_json_string_ext(
			body, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)));
	json_object_put(body);
	return good;
}

/* ---- the signature ---- */

/* False after printing why not. */
static bool read_key(const struct verb_call *call, uint8_t private_r[TALLY_MEMBER_PRIVATE])
{
	const char *file = need(call, "key");
	enum tally_key_type type;

	if (file == NULL || !signer_read_key(call, file, &type, private_r, NULL))
		return false;
	if (type == KEY_TYPE_SECP256R1)
		return true;
	tally_wipe(private_r, TALLY_MEMBER_PRIVATE);
	verb_fail(call, "%s: the key is not on P-256", file);
	return false;
}

/* The header's line; NULL after printing why not. */
static const char *sign(const struct verb_call *call, struct tally_bytes body,
			const uint8_t private[TALLY_MEMBER_PRIVATE], struct tally_arena *arena)
{
	uint8_t signature[TALLY_MEMBER_SIGNATURE];
	char text[TALLY_P256_TEXT], hex[2 * TALLY_P256_TEXT + 1];
	struct tally_err err;

	if (tally_member_sign(KEY_TYPE_SECP256R1, private, body, signature, &err) != 0) {
		verb_fail_err(call, &err);
		return NULL;
	}
	tally_p256_signature_format(signature, text);
	tally_hex_encode(text, strlen(text), hex);
	return tally_arena_printf(arena, "x-bcs-signature-sign: %s", hex);
}

/* ---- sending ---- */

static const char *url_of(const struct verb_call *call, struct tally_arena *arena)
{
	const char *endpoint = verb_value(call, "endpoint", getenv("TALLY_ENDPOINT"));
	size_t size;

	if (endpoint == NULL || *endpoint == '\0') {
		verb_misuse(call, "which server? Use --endpoint URL or set TALLY_ENDPOINT");
		return NULL;
	}
	size = strlen(endpoint);
	while (size > 0 && endpoint[size - 1] == '/')
		size--;
	return tally_arena_printf(arena, "%.*s%s", (int)size, endpoint, call->args[0]);
}

static int send_and_open(struct verb_call *call, struct tally_fetch *fetch,
			 const uint8_t private[TALLY_MEMBER_PRIVATE], struct tally_arena *arena)
{
	struct http_answer answer;
	struct tally_fetched fetched;
	struct tally_err err;

	fetch->header = sign(call, fetch->body, private, arena);
	if (fetch->header == NULL)
		return VERB_FAILED;
	if (tally_fetch(fetch, &fetched, &err) != 0)
		return verb_fail_err(call, &err);
	answer = (struct http_answer){ fetched.status, fetched.body };
	if (answer.status == 200)
		call_open(call->args[0], fetch->body, private, arena, &answer.body);
	return call_show(call, &answer);
}

int call_share(struct verb_call *call, struct tally_arena *arena)
{
	struct tally_fetch fetch = { .post = true, .content_type = "application/json" };
	uint8_t private[TALLY_MEMBER_PRIVATE];
	int status;

	fetch.method = verb_value(call, "method", "POST");
	if (strcmp(fetch.method, "POST") != 0 && strcmp(fetch.method, "PUT") != 0 &&
	    strcmp(fetch.method, "DELETE") != 0)
		return verb_misuse(call, "--method is POST, PUT or DELETE, not %s", fetch.method);
	fetch.url = url_of(call, arena);
	if (fetch.url == NULL || !make_body(call, arena, &fetch.body))
		return VERB_USAGE;
	if (!read_key(call, private))
		return VERB_FAILED;
	status = send_and_open(call, &fetch, private, arena);
	tally_wipe(private, sizeof(private));
	return status;
}
