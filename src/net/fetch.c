/* HTTP exchanges with libcurl; see fetch.h. */
#include "config.h"

#include "fetch.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <curl/curl.h>

#define TIMEOUT_MS 120000

static void start_curl(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
}

struct answer {
	struct tally_buf *body;
	size_t limit;
	bool too_long;
};

static size_t take_body(char *data, size_t size, size_t count, void *ctx)
{
	struct answer *answer = ctx;

	if (answer->limit != 0 && answer->body->size + size * count > answer->limit) {
		answer->too_long = true;
		return 0;
	}
	tally_buf_add(answer->body, data, size * count);
	return size * count;
}

static int watch(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	const struct tally_fetch *fetch = ctx;

	(void)a;
	(void)b;
	(void)c;
	(void)d;
	return fetch->stop(fetch->stop_ctx);
}

/* The header list is to be freed after the request. */
static struct curl_slist *prepare(CURL *curl, const struct tally_fetch *fetch)
{
	struct curl_slist *headers = curl_slist_append(NULL, "Expect:");
	char type[160];

	curl_easy_setopt(curl, CURLOPT_URL, fetch->url);
	if (fetch->post) {
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)fetch->body.size);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS,
				 fetch->body.size != 0 ? (const char *)fetch->body.data : "");
	}
	if (fetch->method != NULL)
		curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, fetch->method);
	if (fetch->header != NULL)
		headers = curl_slist_append(headers, fetch->header);
	if (fetch->content_type != NULL) {
		snprintf(type, sizeof(type), "Content-Type: %.120s", fetch->content_type);
		headers = curl_slist_append(headers, type);
	}
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	if (fetch->stop != NULL) {
		curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
		curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, watch);
		curl_easy_setopt(curl, CURLOPT_XFERINFODATA, (void *)(uintptr_t)fetch);
	}
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS,
			 (long)(fetch->timeout_ms != 0 ? fetch->timeout_ms : TIMEOUT_MS));
	return headers;
}

/* Scheme and host: what follows may hold a signature. */
static int host_size(const char *url)
{
	const char *rest = strstr(url, "://");

	rest = rest != NULL ? rest + 3 : url;
	return (int)(rest - url + strcspn(rest, "/?#"));
}

int tally_fetch(const struct tally_fetch *fetch, struct tally_fetched *fetched_r,
		struct tally_err *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct answer answer = { &fetched_r->body, fetch->limit, false };
	char reason[CURL_ERROR_SIZE] = "";
	struct curl_slist *headers;
	const char *type = NULL;
	long status = 0;
	CURLcode code;
	CURL *curl;

	*fetched_r = (struct tally_fetched){ 0 };
	pthread_once(&once, start_curl);
	curl = curl_easy_init();
	if (curl == NULL)
		return tally_err_set(err, TALLY_IO, "libcurl does not start");
	headers = prepare(curl, fetch);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, reason);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
	code = curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	if (curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &type) == CURLE_OK && type != NULL)
		snprintf(fetched_r->content_type, sizeof(fetched_r->content_type), "%s", type);
	curl_slist_free_all(headers);
	curl_easy_cleanup(curl);
	if (code != CURLE_OK) {
		tally_buf_free(&fetched_r->body);
		return tally_err_set(err, TALLY_IO, "no answer from %.*s: %s",
				     host_size(fetch->url), fetch->url,
				     answer.too_long	? "it is too long" :
				     reason[0] != '\0' ? reason :
							 curl_easy_strerror(code));
	}
	fetched_r->status = (int)status;
	return 0;
}
