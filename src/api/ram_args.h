/* A policy (ram.h) as a parameter: the document, or the word read-only. */
#ifndef TALLY_RAM_ARGS_H
#define TALLY_RAM_ARGS_H

#include "action.h"

#define POLICY_PARAM(need, text) \
	{ .name = "Policy", .type = PARAM_RAW, .required = need, .min = 1, \
	  .max = TALLY_RAM_POLICY_MAX, .example = "read-only", .help = text }

/* A check() of an action with that parameter: INVALID about "Policy". */
int tally_ram_check(struct tally_call *call, struct tally_err *err);
/* The document; empty where none was given. */
struct tally_bytes tally_ram_arg(const struct tally_call *call);

#endif
