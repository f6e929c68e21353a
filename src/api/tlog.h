/*
 * A ledger's log as files (c2sp.org/tlog-tiles): its checkpoint, tiles and entry bundles, below
 * "/log/<LedgerId>/". Auditors read these with tools of their own.
 */
#ifndef TALLY_TLOG_H
#define TALLY_TLOG_H

#include "core.h"

struct tally_tlog_file {
	const char *type;		/* its media type */
	bool fixed;			/* never another content under this name */
	bool public;			/* the ledger is; caches may keep it */
	bool pruned;			/* with 0: there was one, but it is not served any more */
	bool later;			/* there is none yet (bytes are empty): ask again */
	struct tally_bytes bytes;
};

/*
 * The checkpoint is what tally_ledger_published gives: with a policy of witnesses the newest that
 * they cosigned.
 *
 * The file at "<LedgerId>/checkpoint", "<LedgerId>/tile/<L>/<N>[.p/<W>]" or
 * "<LedgerId>/tile/entries/<N>[.p/<W>]". 1; 0 where there is none, also for a ledger that the
 * caller may not read; -1.
 */
int tally_tlog_read(struct tally_core *core, const struct tally_caller *caller,
		    struct tally_bytes path, struct tally_arena *arena,
		    struct tally_tlog_file *file_r, struct tally_err *err);

#endif
