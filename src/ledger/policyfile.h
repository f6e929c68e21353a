/* A policy (proof/policy.h) out of its file. */
#ifndef TALLY_POLICYFILE_H
#define TALLY_POLICYFILE_H

#include "policy.h"

struct tally_policy_file {
	struct tally_policy policy;
	char *text;			/* which policy borrows from */
};

/* INVALID names file and line; NOTFOUND; the caller frees it. */
int tally_policy_file_read(const char *path, struct tally_policy_file **file_r,
			   struct tally_err *err);
void tally_policy_file_free(struct tally_policy_file **file);	/* NULL is fine */

/* The same from a descriptor, which stays open; path is for messages. */
int tally_policy_file_take(int fd, const char *path, struct tally_policy_file **file_r,
			   struct tally_err *err);

#endif
