/* Syncing and removing large files in the background, so that others wait little for it. */
#ifndef TALLY_SYNC_H
#define TALLY_SYNC_H

/*
 * As fdatasync, but what is not on the medium yet goes there a MiB at a time, each waited for: who
 * syncs another file meanwhile waits behind one of these, not behind all. For what is written in the
 * background. -1 and errno.
 */
int tally_sync_paced(int fd);

/*
 * As unlink, but a large file goes 4 MiB at a time, each step synced: the file system gives back its
 * blocks (and, mounted with "discard", tells the disk) at a commit, and who syncs another file waits
 * for that. After a crash a part of the file may still be there. -1 and errno.
 */
int tally_unlink_paced(const char *path);

#endif
