/* What OpenSSL leaves in memory, for programs that are sent private keys. */
#ifndef TALLY_OPENSSL_MEMORY_H
#define TALLY_OPENSSL_MEMORY_H

#include <stdbool.h>

/*
 * From now on memory that OpenSSL gives back is overwritten first: some of its versions leave copies of a
 * private key there that they decoded. For a program's main, before anything else; a library has no
 * business to. False: OpenSSL is in use already, and nothing is changed.
 */
bool tally_openssl_overwrites(void);

#endif
