/*
 * A host: what stands between a request and the store. It becomes the owner of the store's
 * directory when nobody else is, opens core and service, and answers; else it relays the request
 * to the owner over the owner's socket (own.h). Non-local engines are simply opened.
 *
 * The relay sends the whole request (struct tally_request, not HTTP) and gets the whole response;
 * the owner answers it as if the web server had sent it. `local` is believed only when
 * SO_PEERCRED says the peer runs as root or as the directory's owner; then the request may ask
 * for administration. If a connection breaks after sending, the request is repeated with `again`.
 */
#ifndef TALLY_HOST_H
#define TALLY_HOST_H

#include "request.h"

struct tally_conf;
struct tally_core;
struct tally_err;
struct tally_host;

enum tally_host_kind {
	HOST_SERVER,	/* long-running (FastCGI): owns from the start if it can, listens for others,
			   takes over when an owner it relayed to has gone */
	HOST_ONCE	/* CGI program or CLI verb: relays to an owner if there is one, else owns the
			   store for its own short life */
};

/*
 * A server that owns the store shows what grows to the witnesses of [witness] policy (cosigning.h).
 *
 * Where [witness] directory is set the host is a witness too (gate.h), and needs no store.
 *
 * Opens. HOST_ONCE: BUSY when the owner does not answer within 5 s, NOTFOUND where there is no
 * store, or why it cannot be opened. HOST_SERVER fails for a wrong configuration only: while the
 * store cannot be had it answers 503, and tries again with the requests that come. conf must
 * outlive the host.
 */
int tally_host_open(const struct tally_conf *conf, enum tally_host_kind kind,
		    struct tally_host **host_r, struct tally_err *err);

/* Answers one request, from any thread; never fails (503 with Retry-After when no owner answers). */
void tally_host_handle(struct tally_host *host, const struct tally_request *request,
		       struct tally_response *response);

/* False once the store that is open here can no longer be used (a sync failed): the process should
 * end, and whoever starts next recovers it. */
bool tally_host_healthy(struct tally_host *host);

/* The core where the store is open here, for who works beside the requests; NULL where it is not. It is
 * closed with the host. */
struct tally_core *tally_host_core(struct tally_host *host);

/* Waits for requests under way, closes the core, gives ownership up. Clears the handle. */
void tally_host_close(struct tally_host **host);

#endif
