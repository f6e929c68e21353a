/*
 * Policies from outside. One that is read is within its limits, its names are defined before they
 * are used, and its quorum is monotone: who adds a signature never loses it; all together make
 * every quorum.
 */
#include "err.h"
#include "fuzz.h"
#include "policy.h"

static void check_shape(const struct tally_policy *policy)
{
	unsigned int members[TALLY_POLICY_GROUPS] = { 0 };

	PROMISE(policy->log_count <= TALLY_POLICY_LOGS);
	PROMISE(policy->witness_count <= TALLY_POLICY_WITNESSES);
	PROMISE(policy->group_count <= TALLY_POLICY_GROUPS);
	for (size_t i = 0; i < policy->witness_count; i++) {
		int group = policy->witnesses[i].group;

		PROMISE(group >= -1 && group < (int)policy->group_count);
		if (group >= 0)
			members[group]++;
	}
	for (size_t i = 0; i < policy->group_count; i++) {
		int group = policy->groups[i].group;

		PROMISE(group == -1 || (group > (int)i && group < (int)policy->group_count));
		if (group >= 0)
			members[group]++;
	}
	for (size_t i = 0; i < policy->group_count; i++)
		PROMISE(policy->groups[i].members == members[i] && policy->groups[i].needed >= 1 &&
			policy->groups[i].needed <= members[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct tally_policy policy;
	bool signed_by[TALLY_POLICY_WITNESSES] = { false }, before, now;
	struct tally_err err = { 0 };

	if (tally_policy_parse(tally_bytes(data, size), &policy, &err) != 0) {
		PROMISE(err.code == TALLY_INVALID && err.text[0] != '\0');
		return 0;
	}
	check_shape(&policy);
	before = tally_policy_quorum(&policy, signed_by);
	PROMISE(before == (policy.quorum == QUORUM_NONE));
	for (size_t i = 0; i < policy.witness_count; i++) {
		signed_by[i] = true;
		now = tally_policy_quorum(&policy, signed_by);
		PROMISE(now || !before);
		before = now;
	}
	PROMISE(before);
	return 0;
}
