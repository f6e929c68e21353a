/* Where tally audit gets blocks from: a store's owner, or a dump; and what it is told to compare. */
#ifndef TALLY_CMD_AUDIT_SOURCE_H
#define TALLY_CMD_AUDIT_SOURCE_H

#include <stdio.h>

#include "audit.h"
#include "client.h"

/* The blocks as the store's owner reads them. False after printing why. Free with relay_source_free. */
bool relay_source_open(struct client *client, struct tally_audit_source *source_r);
void relay_source_free(struct tally_audit_source *source);

/* A dump, from a file or a pipe: line by line, in its order. The file is the caller's. */
void dump_source_open(FILE *file, struct tally_audit_source *source_r);
void dump_source_free(struct tally_audit_source *source);

/* Checkpoints (--checkpoint), proof files (--proof), with the keys given (--vkey); and the high-water
 * file at path, unless it is NULL. They live in arena. False after printing why. */
bool audit_held_read(struct verb_call *call, const char *high_path, struct tally_arena *arena,
		     struct tally_audit_held **held_r, size_t *count_r);

#endif
