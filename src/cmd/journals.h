/* Blocks as text for people: one NDJSON line a journal. */
#ifndef TALLY_CMD_JOURNALS_H
#define TALLY_CMD_JOURNALS_H

#include "bytes.h"

struct tally_arena;
struct tally_err;

/*
 * Prints the journals of one block: {"hash", "leaf", "block", "payload" or "payloadBase64",
 * "salt"}; what was erased says "erased":true. CORRUPT where the block is not one.
 */
int print_journals(struct tally_bytes block, struct tally_arena *arena, struct tally_err *err);

#endif
