/*
 * One HTTP exchange with another server: a time-stamp authority, a witness, our own endpoint.
 * libcurl is seen here only. Nothing below this folder speaks to the network.
 */
#ifndef TALLY_FETCH_H
#define TALLY_FETCH_H

#include "buf.h"
#include "bytes.h"
#include "err.h"

struct tally_fetch {
	const char *url;		/* http or https; redirects are not followed */
	bool post;
	const char *method;		/* with post: another method that takes a body; NULL: POST */
	const char *header;		/* one further line, "name: value"; NULL: none */
	const char *content_type;	/* of the body; NULL: a form's */
	struct tally_bytes body;
	unsigned int timeout_ms;	/* of the whole exchange; 0: two minutes */
	size_t limit;			/* bytes of an answer; 0: as many as come */
	/* Asked about once a second, in the calling thread; true gives up. May be NULL. */
	bool (*stop)(void *ctx);
	void *stop_ctx;
};

struct tally_fetched {
	int status;			/* of HTTP */
	char content_type[128];		/* "" where none was said */
	struct tally_buf body;
};

/*
 * Sends it; any answer of the server is success. -1 IO, with the URL's host and the reason, when
 * there is none, or a longer one than the limit. The caller frees fetched_r->body. May be called
 * from any thread.
 */
int tally_fetch(const struct tally_fetch *fetch, struct tally_fetched *fetched_r,
		struct tally_err *err);

#endif
