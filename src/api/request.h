/*
 * What gateway gives to api and gets back. Nothing in here tells whether it was FastCGI, CGI, the
 * relay or the command line. All bytes live in the request's arena, which is reset when the
 * response has been sent.
 */
#ifndef TALLY_REQUEST_H
#define TALLY_REQUEST_H

#include "arena.h"
#include "bytes.h"

struct tally_header {
	struct tally_bytes name;	/* lower case, '-' between words */
	struct tally_bytes value;	/* trimmed */
};

struct tally_request {
	struct tally_arena *arena;
	struct tally_bytes method;	/* as sent: "GET", "POST", "HEAD" ... */
	struct tally_bytes path;	/* raw, below the mount point, begins with '/', no query */
	struct tally_bytes query;	/* raw, without '?' */
	const struct tally_header *headers;
	size_t header_count;
	struct tally_bytes body;	/* may be overwritten: a secret is taken out of it */
	struct tally_bytes client;	/* address of the client, text */
	struct tally_bytes listener;	/* name of the private listener it came in by; empty: the
					   public one */
	bool https;
	bool local;			/* local administration: the store's uid or root, proven */
	bool again;			/* sent a second time after a broken relay connection */
	bool body_too_large;		/* the body was cut off at the limit: answer with the error */
	bool body_short;		/* the client broke off within the body: refuse */
	uint8_t id[16];			/* request id, given to the first that sees the request */
};

struct tally_response {
	int status;
	const char *content_type;
	struct tally_header *headers;	/* further ones, e.g. Retry-After, Cache-Control */
	size_t header_count;
	struct tally_bytes body;
};

/* The value of a header, or nothing; name in lower case. A header given twice: *twice_r (may be
 * NULL) is set, and the first counts. */
struct tally_bytes tally_request_header(const struct tally_request *request, const char *name,
					bool *twice_r);

/* Adds a response header; at most 16. */
void tally_response_header(struct tally_response *response, struct tally_arena *arena,
			   const char *name, const char *value);

/* "89E6B5F5-7511-46A7-9EDB-3C6F8AA4D48C" from request->id; text must hold 37 characters. */
void tally_request_id_text(const uint8_t id[16], char *text);

#endif
