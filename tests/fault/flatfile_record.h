/*
 * A recorder of file operations for the flat-file driver, and what a power cut could leave of them.
 *
 * A recorder stands between driver and file system (drivers/flatfile/files.h), does what is asked
 * (but for syncing, which it only notes) and keeps a log of it. From the log a directory can be
 * made as it might be found after the power went at some point: what was synced before that point
 * is there, of all else (writes, sizes, names) chance decides, writes being torn at 4 KiB.
 */
#ifndef FLATFILE_RECORD_H
#define FLATFILE_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "files.h"

struct recorder;

enum record_cut {
	CUT_LOSE_ALL,			/* nothing survives that was not synced */
	CUT_KEEP_ALL,			/* all survives: the process was killed, not the machine */
	CUT_ORDERED,			/* what was done up to some instant survives, the rest is lost */
	CUT_CHANCE,			/* each operation by itself survives, is torn, or is lost */
	CUT_KINDS
};

/* Records what happens below root, which does not exist yet. */
struct recorder *recorder_new(const char *root);
void recorder_free(struct recorder *recorder);

const struct flat_files *recorder_files(struct recorder *recorder);

/* How many operations were recorded so far: a point at which the power may go. */
size_t recorder_position(struct recorder *recorder);

/* The directory as it may be found after the first `position` operations. */
void recorder_image(struct recorder *recorder, size_t position, enum record_cut cut,
		    uint64_t *random, const char *directory);

/* A recorder that goes on from there in directory, which is the image of CUT_KEEP_ALL. What was
 * not synced before is not synced now. The old recorder must outlive it. */
struct recorder *recorder_resume(struct recorder *recorder, size_t position,
				 const char *directory);

/* The next number of a simple generator. */
uint64_t random_next(uint64_t *state);
uint64_t random_below(uint64_t *state, uint64_t bound);

/* Removes a directory with all that is in it; what is not there is fine. */
void directory_remove(const char *directory);

#endif
