/*
 * A core for tests of the API alone: it keeps nothing and answers every question in the same way,
 * so that replies are the same bytes in every run. It has one account (1001) with the access keys
 * AKgood (secret testsecret) and AKoff (disabled), and the ledgers l-private and l-public with
 * journals 0 to 3; the payload of journal 4, which is in no listing, is removed. `fail`, when set, is what every operation fails with.
 */
#ifndef TALLY_FAKE_CORE_H
#define TALLY_FAKE_CORE_H

#include "core.h"

struct tally_core {
	enum tally_code fail;
	const char *subject;
	bool sealed;			/* no checkpoint may be signed */
	bool uncosigned;		/* no checkpoint is published yet */
	bool sick;			/* for tally_core_healthy */
	unsigned int writes;		/* operations that changed something */
	struct tally_write last;	/* what the last of them carried; its bytes are the request's */
};

#define FAKE_ACCOUNT 1001
#define FAKE_PRIVATE "l-00000000000000000000000a1"
#define FAKE_PUBLIC "l-00000000000000000000000b2"

#endif
