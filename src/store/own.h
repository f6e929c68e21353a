/*
 * Ownership of a local directory: one process at a time has the store open; all others send it
 * their requests. An exclusive flock on a lock file beside the data (CLOEXEC, held for the
 * owner's life, released by the kernel when it dies; a process that forks without exec shares it
 * with its child) decides; the owner listens on a socket of
 * mode 0600 in that directory. What travels over the socket is the relay's matter (gateway/).
 */
#ifndef TALLY_OWN_H
#define TALLY_OWN_H

#include <stdbool.h>
#include <stdint.h>

struct tally_err;
struct tally_owner;

/*
 * Becomes the owner of directory/. 0, or -1: BUSY when another process is. The machine id and
 * the lock file's inode are remembered beside it; *moved_r tells that they differ from what was
 * remembered (the directory was copied), and goes on telling until tally_own_adopt. What a copy
 * has is synced before that is told.
 */
int tally_own(const char *directory, struct tally_owner **owner_r, bool *moved_r,
	      struct tally_err *err);

/* Remembers this machine and this inode from now on: the copy is meant to be the store. */
int tally_own_adopt(struct tally_owner *owner, struct tally_err *err);

/*
 * Takes the handle and clears it; NULL is fine. Unlinks the socket; its descriptor is the
 * caller's to close.
 */
void tally_disown(struct tally_owner **owner);

/*
 * A listening stream socket in the directory (paths over 107 bytes work); one that a dead owner
 * left is replaced. The descriptor, or -1.
 */
int tally_own_listen(struct tally_owner *owner, struct tally_err *err);

/*
 * A connection to the owner's socket: the descriptor, or -1: NOTFOUND when nobody holds the lock,
 * BUSY when the lock is held but nobody answers within wait_ms (connect with back-off meanwhile).
 */
int tally_own_connect(const char *directory, uint64_t wait_ms, struct tally_err *err);

/* Of a connected peer: its uid by SO_PEERCRED; false if it cannot be had. */
bool tally_own_peer(int fd, uint32_t *uid_r);

#endif
