/* Requests to a service as tests make them: signed, unsigned or local; by GET or POST. */
#ifndef TALLY_API_CLIENT_H
#define TALLY_API_CLIENT_H

#include <stdio.h>

#include "clock.h"
#include "decode.h"
#include "service.h"

struct client {
	struct tally_service *service;
	struct tally_arena *arena;
	const char *key, *secret;	/* NULL: unsigned */
	bool local;
	bool post;			/* parameters in a form body; else in the query */
	bool xml;
	const char *account;		/* x-tally-account, with local */
	const char *path;		/* NULL: "/" */
	const char *from;		/* its address; NULL: 127.0.0.1 */
	const char *forwarded;		/* X-Forwarded-For that nobody took away */
	const char *listener;		/* NULL: the public one */
	unsigned int nonce;
	struct tally_response response;
};

#define CLIENT_REQUEST_ID { 0x89, 0xe6, 0xb5, 0xf5, 0x75, 0x11, 0x46, 0xa7, 0x9e, 0xdb, 0x3c, 0x6f, \
			    0x8a, 0xa4, 0xd4, 0x8c }

/* Sends bytes as they are. */
static inline void client_raw(struct client *client, const char *method, struct tally_bytes query,
			      const char *type, struct tally_bytes body)
{
	struct tally_header headers[5];
	struct tally_request request = {
		.arena = client->arena, .method = tally_bytes_str(method),
		.path = tally_bytes_str(client->path != NULL ? client->path : "/"),
		.query = query, .headers = headers, .body = body, .local = client->local,
		.client = tally_bytes_str(client->from != NULL ? client->from : "127.0.0.1"),
		.listener = tally_bytes_str(client->listener),
		.id = CLIENT_REQUEST_ID,
	};
	size_t count = 0;

	headers[count++] = (struct tally_header){ TALLY_BYTES_LIT("host"),
						  TALLY_BYTES_LIT("127.0.0.1:8080") };
	if (type != NULL)
		headers[count++] = (struct tally_header){ TALLY_BYTES_LIT("content-type"),
							  tally_bytes_str(type) };
	if (client->account != NULL)
		headers[count++] = (struct tally_header){ TALLY_BYTES_LIT("x-tally-account"),
							  tally_bytes_str(client->account) };
	if (client->forwarded != NULL)
		headers[count++] = (struct tally_header){ TALLY_BYTES_LIT("x-forwarded-for"),
							  tally_bytes_str(client->forwarded) };
	/* sent by SDKs; it makes no V3 request of this one */
	headers[count++] = (struct tally_header){ TALLY_BYTES_LIT("x-acs-action"),
						  TALLY_BYTES_LIT("Nonsense") };
	request.header_count = count;
	tally_service_handle(client->service, &request, &client->response);
}

#define CLIENT_FORM "application/x-www-form-urlencoded"

/* Signs (if the client has a key) and sends: params is a query, "Action=GetJournal&JournalId=1". */
static inline void client_ask(struct client *client, const char *params)
{
	const char *method = client->post ? "POST" : "GET";
	const char *all = tally_arena_printf(client->arena, "%s%s", params,
					     client->xml ? "&Format=XML" : "");
	char timestamp[21], nonce[32];
	struct tally_bytes wire = tally_bytes_str(all);
	struct tally_form form;
	struct tally_fault fault;

	if (client->key != NULL) {
		tally_time_format(tally_now_ms(), timestamp);
		snprintf(nonce, sizeof(nonce), "nonce-%u", client->nonce++);
		tally_form_parse(client->arena, wire, TALLY_BYTES_NONE, &form, &fault);
		wire = tally_rpc_signed_query(client->arena, method, form.params, form.count, NULL,
					      0, tally_bytes_str(client->key),
					      tally_bytes_str(client->secret), nonce, timestamp);
	}
	if (client->post)
		client_raw(client, method, TALLY_BYTES_NONE, CLIENT_FORM, wire);
	else
		client_raw(client, method, wire, NULL, TALLY_BYTES_NONE);
}

static inline const char *client_header(const struct client *client, const char *name)
{
	size_t i;

	for (i = 0; i < client->response.header_count; i++)
		if (tally_bytes_is(client->response.headers[i].name, name))
			return (const char *)client->response.headers[i].value.data;
	return NULL;
}

#endif
