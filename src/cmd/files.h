/* Directories as a whole: removing one, and copying one so that the copy survives a power cut. */
#ifndef TALLY_CMD_FILES_H
#define TALLY_CMD_FILES_H

#include <stdbool.h>

struct bar;
struct tally_err;

/* Removes a directory with all in it; false with errno. */
bool remove_tree(const char *path);

/*
 * Copies a directory into a new one (mode 0700) with the files and directories in it, syncing
 * each; sockets are left out, anything else that is no file or directory is refused. bar may be
 * NULL.
 */
int copy_tree(const char *from, const char *to, struct bar *bar, struct tally_err *err);

/* One file into a new one of that mode, synced. */
int copy_file(const char *from, const char *to, unsigned int mode, struct tally_err *err);

#endif
