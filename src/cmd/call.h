/* What call.c hands to call_share.c: a call of an endpoint of the data-sharing family. */
#ifndef TALLY_CMD_CALL_H
#define TALLY_CMD_CALL_H

#include <stdbool.h>

#include "arena.h"
#include "http.h"

struct verb_call;

/* The first word is a path of that family, such as /v1/identity/did. */
bool call_is_share(const struct verb_call *call);
int call_share(struct verb_call *call, struct tally_arena *arena);

/* Opens what the good answer to a request at this path has for who has the private key (P-256). */
void call_open(const char *path, struct tally_bytes request, const uint8_t private[32],
	       struct tally_arena *arena, struct tally_buf *answer);

/* Prints the answer; the verb's status. */
int call_show(const struct verb_call *call, struct http_answer *answer);

#endif
