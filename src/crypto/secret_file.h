/*
 * Only for the files of crypto/: files that hold a secret, of mode 0600. what names the kind of
 * file in errors ("master key").
 */
#ifndef TALLY_SECRET_FILE_H
#define TALLY_SECRET_FILE_H

#include "bytes.h"

struct tally_err;

/*
 * A new file with these bytes, synced, with its directory. EXISTS if the name is taken: it never
 * stands for half a secret, and a secret that is there already is never replaced.
 */
int tally_secret_file_create(const char *path, const char *what, struct tally_bytes bytes,
			     struct tally_err *err);

/*
 * At most room bytes of it into data. NOTFOUND; DENIED if it may not be read, or if others than
 * its owner may read or write it; INVALID where it is no plain file. Of a longer file the first
 * room bytes are read: give room for one more than is valid. The caller wipes data.
 */
int tally_secret_file_read(const char *path, const char *what, void *data, size_t room,
			   size_t *size_r, struct tally_err *err);

#endif
