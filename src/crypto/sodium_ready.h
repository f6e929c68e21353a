/* Only for the files of crypto/: libsodium wants one call before it is used from threads. */
#ifndef TALLY_SODIUM_READY_H
#define TALLY_SODIUM_READY_H

/* Initialises libsodium the first time; ends the process if it cannot. Cheap afterwards. */
void tally_sodium_ready(void);

#endif
