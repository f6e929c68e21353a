/*
 * The requests that tally bench http sends: each made anew, with another payload or journal, and
 * signed by a member where that is asked for.
 */
#ifndef TALLY_CMD_BENCH_REQUEST_H
#define TALLY_CMD_BENCH_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "http.h"

struct signer;
struct tally_arena;
struct verb_call;

enum request_kind { REQUEST_APPEND, REQUEST_BATCH, REQUEST_GET, REQUEST_PROOF };

/* What all requests of a run have in common; borrowed. */
struct request_plan {
	const struct verb_call *call;
	const char *ledger;
	const struct signer *signer;	/* who signs the journals; NULL: nobody */
	uint64_t batch;			/* journals of a REQUEST_BATCH */
	uint64_t size;			/* bytes of a payload */
	uint64_t journals;		/* that are there to be read */
	const char *pool;		/* request_pool(size) */
};

/* Letters and digits to cut payloads from: they are as long on the wire as in the ledger. To be freed. */
char *request_pool(uint64_t size);

struct request {
	struct http_request http;
	uint64_t count;			/* journals that it appends, or one that it reads */
	const char *answer;		/* what stands in every good answer to it */
};

/* All of it in arena. False after printing why a member could not sign. */
bool request_make(const struct request_plan *plan, enum request_kind kind, uint64_t *random,
		  struct tally_arena *arena, struct request *request_r);

#endif
