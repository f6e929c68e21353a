/* What the documents of actions and those of the endpoints of data sharing have in common, and the latter's
 * parts of them (openapi_share.c). */
#ifndef TALLY_ACTIONS_PARTS_H
#define TALLY_ACTIONS_PARTS_H

#include "action.h"

struct tally_buf;

/* The rows of a reply directly below prefix, and what is below them, as a schema. prefix ends in '.' or is
 * "". top: of an action, which also has a RequestId. */
void tally_openapi_members(struct tally_arena *arena, struct tally_node *schema,
			   const struct tally_reply_field *rows, const char *prefix, bool top);
/* The rows of a reply as they are, as the member "reply". */
void tally_actions_row_reply(struct tally_arena *arena, struct tally_node *to,
			     const struct tally_reply_field *row);

/* Endpoints as paths of an OpenAPI document, and their error as a response that is referred to. */
void tally_share_openapi_paths(struct tally_arena *arena, struct tally_node *paths);
void tally_share_openapi_error(struct tally_arena *arena, struct tally_node *responses);
/* ... as rows of a list, as lines of a table. */
void tally_share_rows(struct tally_arena *arena, struct tally_node *list);
void tally_share_lines(struct tally_buf *buf);

#endif
