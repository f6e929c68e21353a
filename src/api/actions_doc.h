/* The tables of actions as documents: for `tally actions` and the manual. */
#ifndef TALLY_ACTIONS_DOC_H
#define TALLY_ACTIONS_DOC_H

#include "bytes.h"

struct tally_arena;

/* An OpenAPI 3.1 document, JSON. */
struct tally_bytes tally_actions_openapi(struct tally_arena *arena);

/* A JSON array of rows: name, family, path, summary, methods, kind, need, params, reply. */
struct tally_bytes tally_actions_list(struct tally_arena *arena);

/* Table for people: one line an action. */
struct tally_bytes tally_actions_text(struct tally_arena *arena);

#endif
