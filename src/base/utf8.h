/* UTF-8 as RFC 3629 has it: no surrogates, no overlong forms, nothing above U+10FFFF. */
#ifndef TALLY_UTF8_H
#define TALLY_UTF8_H

#include <stdbool.h>

#include "bytes.h"

bool tally_utf8_valid(struct tally_bytes text);

/* Number of code points of valid text. */
size_t tally_utf8_length(struct tally_bytes text);

/* Valid, and free of control characters (U+0000-U+001F, U+007F-U+009F). */
bool tally_utf8_printable(struct tally_bytes text);

#endif
