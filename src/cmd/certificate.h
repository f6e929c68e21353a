/* Certificates of erasures, for the verbs that order one and for those that read one. */
#ifndef TALLY_CMD_CERTIFICATE_H
#define TALLY_CMD_CERTIFICATE_H

#include "client.h"

struct json_object;

/*
 * The certificate of a journal that was removed, or of the order: waits for it up to so many seconds
 * (a store at hand is maintained, which brings it). The reply is the caller's; NULL after printing
 * why not.
 */
struct json_object *certificate_get(struct client *client, const char *ledger, const char *journal,
				    uint64_t seconds);

/* Its proof as a file, which 'tally verify' checks; path NULL or "-": standard output. VERB_OK, or
 * another after printing why. */
int certificate_write(struct client *client, struct json_object *reply, const char *path);

/* Says on stderr which backups may still hold what was erased. */
void certificate_backups(struct json_object *reply);

/* What a certificate's leaf says, for 'tally verify'; nothing for other leaves. */
void certificate_say(struct json_object *leaf);

#endif
