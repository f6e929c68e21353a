/* Signed requests over HTTP with libcurl; see http.h. */
#include "config.h"

#include "http.h"

#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "arena.h"
#include "clock.h"
#include "err.h"
#include "hash.h"
#include "secret.h"
#include "verb.h"

#define HTTP_TIMEOUT_SECONDS 120

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
	if ((target->key_id == NULL) == (target->secret == NULL))
		return true;
	verb_misuse(call, "an access key is two things: --key ID and --secret TEXT");
	return false;
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
		tally_arena_array(arena, struct tally_rpc_param, request->param_count + 1);
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

static size_t take_body(char *data, size_t size, size_t count, void *ctx)
{
	tally_buf_add(ctx, data, size * count);
	return size * count;
}

/* Sets what differs from a plain GET; the header list is to be freed after the request. */
static struct curl_slist *prepare(CURL *curl, const struct http_target *target,
				  const struct http_request *request, struct tally_arena *arena)
{
	struct curl_slist *headers = curl_slist_append(NULL, "Expect:");

	if (request->post && request->content_type == NULL) {
		struct tally_bytes form = signed_query(target, request, arena);

		curl_easy_setopt(curl, CURLOPT_URL, base_url(target, arena));
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)form.size);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, form.data);
		return headers;
	}
	curl_easy_setopt(curl, CURLOPT_URL, http_url(target, request, arena));
	if (request->post) {
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.size);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS,
				 request->body.size != 0 ? (const char *)request->body.data : "");
		headers = curl_slist_append(headers, tally_arena_printf(arena, "Content-Type: %s",
									request->content_type));
	}
	return headers;
}

int http_send(const struct http_target *target, const struct http_request *request,
	      struct tally_arena *arena, struct http_answer *answer, struct tally_err *err)
{
	char reason[CURL_ERROR_SIZE] = "";
	struct curl_slist *headers;
	long status = 0;
	CURLcode code;
	CURL *curl;

	*answer = (struct http_answer){ 0 };
	curl_global_init(CURL_GLOBAL_DEFAULT);
	curl = curl_easy_init();
	if (curl == NULL)
		return tally_err_set(err, TALLY_IO, "libcurl does not start");
	headers = prepare(curl, target, request, arena);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)HTTP_TIMEOUT_SECONDS);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, reason);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer->body);
	code = curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	curl_slist_free_all(headers);
	curl_easy_cleanup(curl);
	if (code != CURLE_OK) {
		tally_buf_free(&answer->body);
		return tally_err_set(err, TALLY_IO, "no answer from %s: %s", target->endpoint,
				     reason[0] != '\0' ? reason : curl_easy_strerror(code));
	}
	answer->status = (int)status;
	return 0;
}
