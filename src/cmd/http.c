/* Signed requests over HTTP; see http.h. */
#include "config.h"

#include "http.h"

#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "clock.h"
#include "core.h"
#include "err.h"
#include "fetch.h"
#include "hash.h"
#include "secret.h"
#include "verb.h"

static const char *setting(const struct verb_call *call, const char *option, const char *variable)
{
	const char *value = verb_value(call, option, getenv(variable));

	return value != NULL && value[0] != '\0' ? value : NULL;
}

bool http_target_read(const struct verb_call *call, struct http_target *target)
{
	target->endpoint = setting(call, "endpoint", "TALLY_ENDPOINT");
	target->key_id = setting(call, "key", "TALLY_ACCESS_KEY_ID");
	target->secret = setting(call, "secret", "TALLY_ACCESS_KEY_SECRET");
	target->token = NULL;
	if ((target->key_id == NULL) != (target->secret == NULL)) {
		verb_misuse(call, "an access key is two things: --key ID and --secret TEXT");
		return false;
	}
	if (target->key_id != NULL && tally_key_is_temporary(tally_bytes_str(target->key_id)))
		target->token = getenv("TALLY_SECURITY_TOKEN");
	return true;
}

/* A nonce no one has used, and the time as the signature wants it. */
static void make_stamp(char nonce[37], char timestamp[21])
{
	uint8_t random[16];
	char hex[33];

	tally_random(random, sizeof random);
	tally_hex_encode(random, sizeof random, hex);
	memcpy(nonce, hex, sizeof hex);
	tally_time_format(tally_now_ms(), timestamp);
}

static struct tally_bytes signed_query(const struct http_target *target,
				       const struct http_request *request,
				       struct tally_arena *arena)
{
	struct tally_rpc_param *params =
		tally_arena_array(arena, struct tally_rpc_param, request->param_count + 2);
	size_t count = request->param_count;
	char nonce[37], timestamp[21];

	if (count != 0)
		memcpy(params, request->params, count * sizeof *params);
	if (request->content_type != NULL) {
		uint8_t hash[TALLY_HASH_SIZE];
		char *hex = tally_arena_alloc(arena, 2 * sizeof hash + 1);

		tally_sha256(request->body.data, request->body.size, hash);
		tally_hex_encode(hash, sizeof hash, hex);
		params[count++] = (struct tally_rpc_param){ TALLY_BYTES_LIT("ContentSHA256"),
							    tally_bytes_str(hex) };
	}
	if (target->token != NULL)
		params[count++] = (struct tally_rpc_param){ TALLY_BYTES_LIT("SecurityToken"),
							    tally_bytes_str(target->token) };
	make_stamp(nonce, timestamp);
	return tally_rpc_signed_query(arena, request->post ? "POST" : "GET", params, count, NULL, 0,
				      tally_bytes_str(target->key_id),
				      tally_bytes_str(target->secret), nonce, timestamp);
}

/* The endpoint with a path, so that a query can follow. */
static char *base_url(const struct http_target *target, struct tally_arena *arena)
{
	const char *rest = strstr(target->endpoint, "://");

	rest = rest != NULL ? rest + 3 : target->endpoint;
	return tally_arena_printf(arena, "%s%s", target->endpoint,
				  strchr(rest, '/') == NULL ? "/" : "");
}

char *http_url(const struct http_target *target, const struct http_request *request,
	       struct tally_arena *arena)
{
	struct tally_bytes query = signed_query(target, request, arena);
	const char *base = base_url(target, arena);
	size_t size = strlen(base);

	if (request->path != NULL && base[size - 1] == '/')
		size--;
	return tally_arena_printf(arena, "%.*s%s?%.*s", (int)size, base,
				  request->path != NULL ? request->path : "", (int)query.size,
				  (const char *)query.data);
}

void http_prepare(const struct http_target *target, const struct http_request *request,
		  struct tally_arena *arena, struct tally_fetch *fetch_r)
{
	*fetch_r = (struct tally_fetch){ .post = request->post, .content_type = request->content_type };
	if (request->post && request->content_type == NULL) {
		fetch_r->url = base_url(target, arena);
		fetch_r->body = signed_query(target, request, arena);
		return;
	}
	fetch_r->url = http_url(target, request, arena);
	fetch_r->body = request->body;
}

int http_send(const struct http_target *target, const struct http_request *request,
	      struct tally_arena *arena, struct http_answer *answer, struct tally_err *err)
{
	struct tally_fetch fetch;
	struct tally_fetched fetched;

	*answer = (struct http_answer){ 0 };
	http_prepare(target, request, arena, &fetch);
	if (tally_fetch(&fetch, &fetched, err) != 0)
		return -1;
	answer->status = fetched.status;
	answer->body = fetched.body;
	return 0;
}
