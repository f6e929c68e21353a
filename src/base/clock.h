/* Time: wall clock in milliseconds since 1970-01-01 UTC, and a monotonic clock for durations. */
#ifndef TALLY_CLOCK_H
#define TALLY_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "bytes.h"

uint64_t tally_now_ms(void);
uint64_t tally_mono_ns(void);

/* "2020-04-22T00:34:19Z", exactly this form, UTC, no fraction; milliseconds. False if not. */
bool tally_time_parse(struct tally_bytes text, uint64_t *ms_r);

/* RFC 3339: a fraction of a second may stand behind, which is cut to milliseconds, and an offset instead
 * of Z; 'T' and 'Z' as capitals. False also before 1970. */
bool tally_time_parse_offset(struct tally_bytes text, uint64_t *ms_r);

/* The same form into text, which must hold 21 characters. */
void tally_time_format(uint64_t ms, char *text);

#endif
