/* Base64 (RFC 4648 section 4) of small things, without memory of its own. */
#ifndef TALLY_B64_H
#define TALLY_B64_H

#include "bytes.h"

/* Writes 4 characters for each 3 bytes begun; no NUL. Their number. */
size_t tally_b64_put(const uint8_t *data, size_t size, char *text);

/* Strict: padding required, no white space, unused bits zero; at most room bytes. The number of
 * bytes, or -1, also for no text at all. */
int tally_b64_get(struct tally_bytes text, uint8_t *data, size_t room);

/* Would tally_b64_get take it, given the room? For texts of any size. */
bool tally_b64_valid(struct tally_bytes text);

#endif
