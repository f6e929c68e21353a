/* What tally import's parts share: each is a row in a file of its own. */
#ifndef TALLY_CMD_IMPORT_H
#define TALLY_CMD_IMPORT_H

#include "upload.h"

struct json_object;

extern const struct verb import_ndjson, import_ledger, import_qldb;

/* Appends the journal that says where an import comes from, before all others: its payload is note. Run
 * again, it is the same journal. False after printing why not. */
bool import_note(struct upload *upload, const char *clue, struct json_object *note);

#endif
