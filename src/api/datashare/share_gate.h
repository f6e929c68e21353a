/* The gate of the data-sharing family: /v1/..., from a request to its answer. */
#ifndef TALLY_SHARE_GATE_H
#define TALLY_SHARE_GATE_H

#include "endpoint.h"
#include "request.h"

struct tally_throttle;

struct tally_share_gate {
	struct tally_core *core;
	const struct tally_share_settings *settings;
	struct tally_throttle *throttle;
	uint64_t (*mono_ns)(void);
};

/* Answers one request; never fails. request_id is its text form. */
void tally_share_answer(const struct tally_share_gate *gate, const struct tally_request *request,
			const char *request_id, struct tally_response *response);

/* For failures before there is a core. */
void tally_share_refuse(const struct tally_request *request, const struct tally_err *err,
			struct tally_response *response);

#endif
