/* Witnesses, as verbs ask them: to cosign what grew, and what they have seen. */
#ifndef TALLY_CMD_COSIGN_H
#define TALLY_CMD_COSIGN_H

#include "client.h"
#include "policy.h"

struct tally_policy_file;

/* The policy that the configuration names; *file_r is NULL where it names none. The status. */
int cosign_policy(struct verb_call *call, struct tally_policy_file **file_r);

/* Of all ledgers that may be shown. */
struct cosign_sum {
	size_t ledgers;		/* that were looked at */
	size_t cosigned;	/* whose newest checkpoint a quorum has cosigned */
	size_t conflicts;	/* of which a witness holds what is not there */
};

/* Shows the newest checkpoint of each ledger to the witnesses that lack it. The status. */
int cosign_all(struct client *client, const struct tally_policy *policy, struct cosign_sum *sum);

/*
 * Asks the witnesses for the last checkpoint that they cosigned of an origin, and holds the ledger
 * against each. silent[w] is set for those that do not answer, who are not asked when it is set
 * already. The number of witnesses that hold what the ledger has not; -1 after printing why not.
 */
int cosign_check(struct client *client, const struct tally_policy *policy, const char *ledger_id,
		 const char *origin, bool *silent);

#endif
