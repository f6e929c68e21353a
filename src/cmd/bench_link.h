/*
 * One connection to an HTTP server that is kept and used again and again, for tally bench http.
 *
 * src/net makes one exchange at a time through libcurl, a connection each, which is what every other
 * verb wants. Who measures a server from the same machine must cost it as little as can be: one write
 * and one or two reads a request, nothing else.
 */
#ifndef TALLY_CMD_BENCH_LINK_H
#define TALLY_CMD_BENCH_LINK_H

#include <netdb.h>
#include <stdbool.h>

#include "buf.h"
#include "bytes.h"

struct tally_err;
struct tally_fetch;

struct link_server {
	char host[256];			/* as in the Host header, with its port */
	struct addrinfo *address;
};

/* Of "http://HOST[:PORT][/...]"; INVALID for another URL, IO where the host has no address. */
int link_server_find(const char *url, struct link_server *server_r, struct tally_err *err);
void link_server_free(struct link_server *server);

struct link {
	const struct link_server *server;
	int fd;				/* -1: not connected now */
	struct tally_buf out, in;
};

void link_begin(struct link *link, const struct link_server *server);
void link_end(struct link *link);

/*
 * Sends one request and waits for the whole answer; connects where there is no connection, the first
 * time and after the server closed one. body_r lies in the link until the next request. -1 IO where
 * there is no answer within a minute, or what comes is no HTTP/1.1. A request is sent once only: a
 * nonce is good for one.
 */
int link_ask(struct link *link, const struct tally_fetch *fetch, int *status_r,
	     struct tally_bytes *body_r, struct tally_err *err);

#endif
