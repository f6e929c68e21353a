/* One initialisation of libsodium for all who use it. */
#include "sodium_ready.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>

static pthread_once_t ready = PTHREAD_ONCE_INIT;

/* It fails only where there is no source of random bytes, and then no secret can be made. */
static void initialise(void)
{
	if (sodium_init() < 0)
		abort();
}

void tally_sodium_ready(void)
{
	pthread_once(&ready, initialise);
}
