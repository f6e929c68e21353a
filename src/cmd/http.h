/*
 * Requests to an endpoint over HTTP, signed with an access key (RPC signature 1.0).
 */
#ifndef TALLY_CMD_HTTP_H
#define TALLY_CMD_HTTP_H

#include <stdbool.h>

#include "buf.h"
#include "bytes.h"
#include "rpcsign.h"

struct tally_arena;
struct tally_err;
struct tally_fetch;
struct verb_call;

struct http_target {
	const char *endpoint;	/* "http://127.0.0.1:8080/"; NULL: none named */
	const char *key_id;	/* NULL: unsigned */
	const char *secret;
	const char *token;	/* of a temporary key; NULL: it is none */
};

/* From the options --endpoint, --key, --secret and the environment; a temporary key's token only from
 * TALLY_SECURITY_TOKEN. False after printing that a
 * key lacks its secret or the reverse. */
bool http_target_read(const struct verb_call *call, struct http_target *target);

struct http_request {
	const char *path;			/* below the endpoint, with its '/'; NULL: itself */
	bool post;
	const struct tally_rpc_param *params;	/* with Action and Format, decoded */
	size_t param_count;
	const char *content_type;		/* of a body that is no form; NULL: none */
	struct tally_bytes body;
};

struct http_answer {
	int status;
	struct tally_buf body;
};

/* The URL of the request with all its parameters, signed if the target has a key. */
char *http_url(const struct http_target *target, const struct http_request *request,
	       struct tally_arena *arena);

/* The request ready to be sent: URL, body and its type, all in arena. */
void http_prepare(const struct http_target *target, const struct http_request *request,
		  struct tally_arena *arena, struct tally_fetch *fetch_r);

/*
 * Sends it: POST parameters go into a form body, or into the URL when there is another body. Any
 * answer of the server is success; -1 IO when there is none. The caller frees answer->body.
 */
int http_send(const struct http_target *target, const struct http_request *request,
	      struct tally_arena *arena, struct http_answer *answer, struct tally_err *err);

#endif
