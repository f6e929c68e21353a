/*
 * Records what a process does to the files below one directory: every write, size, sync and name,
 * in their order, into a trace. The functions of the C library are replaced by ones of the same
 * name in record.c, so it sees what libraries do (libdb) as well as what the driver does itself;
 * db_env_set_func_* would see only the former. In a process that never calls record_begin they do
 * what they always do.
 *
 * At the chosen operation the process kills itself, before doing it.
 */
#ifndef TALLY_RECORD_H
#define TALLY_RECORD_H

#include <stddef.h>
#include <stdint.h>

enum trace_kind {
	TRACE_OPEN = 1,			/* handle; payload: path below the directory */
	TRACE_WRITE,			/* handle, offset; payload: bytes */
	TRACE_SIZE,			/* handle, offset: size of the file from now on */
	TRACE_SYNC,			/* handle: of a file, or of a directory */
	TRACE_RENAME,			/* payload: old path, NUL, new path */
	TRACE_UNLINK,			/* payload: path */
	TRACE_MKDIR,			/* payload: path */
	TRACE_NOTE			/* payload: what the test itself had to say */
};

struct trace_event {
	uint32_t kind;
	uint32_t handle;
	uint64_t offset;
	uint64_t size;			/* of the payload, which follows */
	uint32_t created;		/* TRACE_OPEN: the file is new */
	uint32_t reserved;
};

/* Before any other thread runs. Paths are those that begin with directory. */
void record_begin(const char *directory, int trace_fd, uint64_t die_at);

void record_note(const void *data, size_t size);

#endif
