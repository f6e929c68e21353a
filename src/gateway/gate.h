/*
 * The witness behind the web server (c2sp.org/tlog-witness): where [witness] directory is set,
 * these are answered below the mount point, by any process and without a store:
 *
 *	POST /witness/add-checkpoint
 *	GET  /witness/<hex H(origin)>/checkpoint	the last cosigned checkpoint of a log
 */
#ifndef TALLY_GATE_H
#define TALLY_GATE_H

#include "request.h"

struct tally_conf;
struct tally_err;
struct tally_gate;

/* *gate_r is NULL where no witness is configured. -1: it cannot be opened. */
int tally_gate_open(const struct tally_conf *conf, struct tally_gate **gate_r,
		    struct tally_err *err);
void tally_gate_close(struct tally_gate **gate);

/* Is a path (below the mount point) the witness's, where there is one? */
bool tally_gate_wants(struct tally_bytes path);

/* Answers a request whose path it wants; from any thread. Never fails. */
void tally_gate_handle(struct tally_gate *gate, const struct tally_request *request,
		       struct tally_response *response);

/* Answers all others where there is a witness and no store: /healthz, and that there is nothing. */
void tally_gate_handle_others(const struct tally_request *request,
			      struct tally_response *response);

/*
 * For a process that answers one request: opens, answers, closes. False, and nothing was done,
 * where there is no witness or the path is not its.
 */
bool tally_gate_answer(const struct tally_conf *conf, const struct tally_request *request,
		       struct tally_response *response);

#endif
