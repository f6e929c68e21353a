/*
 * What an account, an access key or a temporary key may do at all: policies in the manner of Resource
 * Access Management.
 *
 *   {"Version":"1","Statement":[{"Effect":"Allow","Action":["ledgerdb:Get*"],
 *    "Resource":["acs:ledgerdb:*:1322412345678901:ledger/l-c8cc7be3eea542a*"]}]}
 *
 * A statement is about a request when one of its actions and one of its resources fit; '*' stands for any
 * text, '?' for one byte. A request is allowed when a statement allows it and none denies it. Of several
 * policies each must allow it; without any, all is allowed. A role in the ledger is needed beside that.
 */
#ifndef TALLY_RAM_H
#define TALLY_RAM_H

#include "bytes.h"

struct tally_arena;
struct tally_err;
struct tally_ram_policy;

/* What reading the files below /log/ is called. */
#define TALLY_RAM_LOG "GetLog"

/* The document that the word read-only stands for: all that reads. */
extern const char tally_ram_read_only[];

/*
 * Takes exactly the members shown above, nothing else, each once; one Action or Resource may stand alone
 * instead of in a list. A pattern of ledgerdb must fit an action that there is. -1 INVALID about
 * "Policy", with the place and what is wrong there. In the arena.
 */
int tally_ram_parse(struct tally_arena *arena, struct tally_bytes text,
		    const struct tally_ram_policy **policy_r, struct tally_err *err);

struct tally_ram_request {
	const char *action;		/* "GetJournal" */
	const char *resources[2];	/* "acs:ledgerdb:local:1001:ledger/l-..."; NULL: no second one */
};
bool tally_ram_allows(const struct tally_ram_policy *policy,
		      const struct tally_ram_request *request);

/* '*' any text, '?' one byte, all else itself. */
bool tally_ram_fits(struct tally_bytes pattern, struct tally_bytes text);

#endif
