/* What tsp.c and tsa.c share of OpenSSL's types. */
#ifndef TALLY_TSP_PRIVATE_H
#define TALLY_TSP_PRIVATE_H

#include <stdlib.h>

#include <openssl/asn1.h>
#include <openssl/x509.h>

#include "tsp.h"

/* OpenSSL's last error behind what; always returns -1, and leaves its queue empty. */
int tally_tsp_fail(struct tally_err *err, enum tally_code code, const char *what);

/* Random, positive, of so many bytes; at most 32. */
ASN1_INTEGER *tally_tsp_random_integer(size_t size);

/* Common name of a certificate, else its subject. */
void tally_tsp_name_of(X509 *certificate, char name_r[TALLY_TSP_NAME + 1]);

#endif
