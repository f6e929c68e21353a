/*
 * The service: one open core (ledgers over a store) with the tables of actions in front. It is
 * what gateway and cmd call.
 */
#ifndef TALLY_SERVICE_H
#define TALLY_SERVICE_H

#include <stdint.h>

#include "request.h"

struct tally_conf;
struct tally_core;
struct tally_err;
struct tally_service;

/* core and conf stay the caller's and must outlive the service. */
int tally_service_new(struct tally_core *core, const struct tally_conf *conf,
		      struct tally_service **service_r, struct tally_err *err);
void tally_service_free(struct tally_service **service);

/* For tests: the monotonic clock by which callers are throttled. */
void tally_service_set_clock(struct tally_service *service, uint64_t (*mono_ns)(void));

/*
 * Answers one request; never fails: every failure is a response. Any number of threads at once.
 * Sets X-Request-Id itself. A HEAD is answered as GET; gateway leaves the body out.
 */
void tally_service_handle(struct tally_service *service, const struct tally_request *request,
			  struct tally_response *response);

/* A response for failures that gateway meets before or instead of the service: the store cannot
 * be opened (503 with Retry-After), no owner answers. In the family and format of the request. */
void tally_service_refuse(const struct tally_request *request, const struct tally_err *err,
			  struct tally_response *response);

#endif
