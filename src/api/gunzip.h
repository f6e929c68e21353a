/* Small values that clients send compressed. */
#ifndef TALLY_GUNZIP_H
#define TALLY_GUNZIP_H

#include "bytes.h"

/* One gzip member (RFC 1952), and nothing behind it. False where it is anything else, or holds more than
 * `most` bytes. */
bool tally_gunzip(struct tally_bytes zipped, uint8_t *bytes_r, size_t most, size_t *size_r);

#endif
