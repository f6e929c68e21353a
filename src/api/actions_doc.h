/* The tables of actions as documents: for `tally actions` and the manual. */
#ifndef TALLY_ACTIONS_DOC_H
#define TALLY_ACTIONS_DOC_H

#include "bytes.h"

struct tally_arena;

/* An OpenAPI 3.1 document, JSON. */
struct tally_bytes tally_actions_openapi(struct tally_arena *arena);

/* The reference as one HTML page that needs nothing else, and as a manual page (mdoc). */
struct tally_bytes tally_actions_html(struct tally_arena *arena);
struct tally_bytes tally_actions_man(struct tally_arena *arena);

/* A JSON array of rows: name, family, path, summary, methods, kind, need, params, reply, errors, example. */
struct tally_bytes tally_actions_list(struct tally_arena *arena);

/* Table for people: one line an action. */
struct tally_bytes tally_actions_text(struct tally_arena *arena);

#endif
