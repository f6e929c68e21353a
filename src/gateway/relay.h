/*
 * The relay: a whole request to the owner of the store over its socket, and the whole response
 * back. One connection carries one request at a time, any number in turn.
 *
 * Every message is a frame: "TR", version, type, u32 size of what follows (big-endian).
 *   HELLO     owner, once, as soon as it takes a connection: proves that somebody is awake
 *   REQUEST   u8 flags, 16 bytes id; method, path, query, client, listener; u16 number of headers,
 *             each name and value; body. Texts are u32 size and bytes; the body is the rest
 *   WORKING   owner, about every second while it works on a request: nothing follows
 *   RESPONSE  u16 status, content type, u16 number of headers, headers, body as above
 *   REFUSED   owner: it cannot take this request at all; u8 code of an error, and its text
 * A frame of another version or type, or one larger than its bound, ends the connection.
 */
#ifndef TALLY_RELAY_H
#define TALLY_RELAY_H

#include "request.h"

struct tally_err;
struct tally_pool;
struct tally_service;

/* ---- asking ---- */

enum tally_relay_outcome {
	RELAY_DONE,	/* *response is filled, the connection can be used again */
	RELAY_BROKEN,	/* the connection ended; *sent_r tells whether the request may have arrived */
	RELAY_SILENT,	/* the owner neither answers nor says that it is working */
	RELAY_REFUSED	/* the owner (of another version, say) cannot take it: *err tells why */
};

/* Waits for the owner's HELLO on a new connection. DONE, BROKEN, SILENT or REFUSED. */
enum tally_relay_outcome tally_relay_greet(int fd, uint64_t wait_ms, struct tally_err *err);

/* Response bytes live in request->arena. silence_ms: how long the owner may say nothing. */
enum tally_relay_outcome tally_relay_ask(int fd, const struct tally_request *request, bool again,
					 uint64_t silence_ms, struct tally_response *response,
					 bool *sent_r, struct tally_err *err);

/* ---- answering ---- */

struct tally_relay_server;

struct tally_relay_options {
	int listen_fd;			/* stays the caller's */
	unsigned int threads;
	uint64_t request_limit;		/* bytes of a REQUEST frame */
	uint32_t store_uid;		/* besides root and ourselves: whose word `local` is taken */
};

/* Answers with the service until stopped. */
int tally_relay_serve(const struct tally_relay_options *options, struct tally_service *service,
		      struct tally_relay_server **server_r, struct tally_err *err);
void tally_relay_stop(struct tally_relay_server **server, uint64_t grace_ms);

/* ---- the codec, for tests ---- */

struct tally_buf;
void tally_relay_put_request(struct tally_buf *buf, const struct tally_request *request,
			     bool again);
bool tally_relay_get_request(struct tally_bytes bytes, struct tally_request *request);
void tally_relay_put_response(struct tally_buf *buf, const struct tally_response *response);
bool tally_relay_get_response(struct tally_bytes bytes, struct tally_arena *arena,
			      struct tally_response *response);

#endif
