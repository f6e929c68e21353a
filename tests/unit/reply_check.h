/*
 * Holds a reply against the rows of its action: every member that the rows require is there, of
 * the kind they say, and nothing that they do not name. XML is read by the rows too: lists hold
 * only items of the name the row gives them.
 */
#ifndef TALLY_REPLY_CHECK_H
#define TALLY_REPLY_CHECK_H

#include "action.h"

/* NULL when it agrees, else why not (in a static buffer). docs: the reply has shape docs. */
const char *reply_disagrees(const struct tally_action *action, struct tally_bytes body, bool xml,
			    bool docs);

/* The same of an error document; its Code and Message must be these (message NULL: any). */
const char *error_disagrees(struct tally_bytes body, bool xml, const char *code,
			    const char *message);

/* The text of a member: "Journal/JournalId", "Receipts/0/JournalId". NULL: it is not there. In a
 * static buffer. */
const char *reply_text(const struct tally_action *action, struct tally_bytes body, bool xml,
		       const char *path);

#endif
