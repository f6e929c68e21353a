/* Syncing files that others do not wait for. */
#ifndef TALLY_SYNC_H
#define TALLY_SYNC_H

/*
 * As fdatasync, but what is not on the medium yet goes there a MiB at a time, each waited for: who
 * syncs another file meanwhile waits behind one of these, not behind all. For what is written in the
 * background. -1 and errno.
 */
int tally_sync_paced(int fd);

#endif
