/*
 * Private listeners: extra places where the web server listens, each under a name of the operator's. It
 * passes the name on with every request that came in there (TALLY_LISTENER). A ledger is reached by one
 * if it has an endpoint on it.
 */
#ifndef TALLY_LISTENERS_H
#define TALLY_LISTENERS_H

#include "bytes.h"

struct tally_arena;
struct tally_err;
struct tally_reach;
struct tally_request;

struct tally_listener {
	const char *name;		/* "<VpcId>/<VSwitchId>" */
	const char *address;		/* "192.0.2.5" or "[2001:db8::5]" */
	unsigned int port;
};

/* "NAME=ADDRESS:PORT", separated by spaces; NULL and "" are none. INVALID about access.listeners. What
 * the list points to lives in arena. */
int tally_listeners_parse(const char *text, struct tally_arena *arena,
			  struct tally_listener **listeners_r, size_t *count_r,
			  struct tally_err *err);

/* By its name; NULL: there is none. */
const struct tally_listener *tally_listener_find(const struct tally_listener *listeners,
						 size_t count, struct tally_bytes name);

/* Where a request came in. */
void tally_reach_of(const struct tally_request *request, struct tally_reach *reach_r);

#endif
