/*
 * Files as a whole: reading and writing one for a verb; removing a directory, and copying one so
 * that the copy survives a power cut.
 */
#ifndef TALLY_CMD_FILES_H
#define TALLY_CMD_FILES_H

#include <stdbool.h>
#include <stddef.h>

#include "bytes.h"

struct bar;
struct tally_arena;
struct tally_err;
struct verb_call;

/* A file, "-" being standard input, of at most max bytes, as whoever started the program. The bytes
 * are in the arena and have a NUL behind them. False after printing why not. */
bool file_read_whole(const struct verb_call *call, const char *path, size_t max,
		     struct tally_arena *arena, struct tally_bytes *bytes_r);

/* Writes it anew; NULL or "-" is standard output. */
bool file_write_whole(const struct verb_call *call, const char *path, struct tally_bytes bytes);

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
