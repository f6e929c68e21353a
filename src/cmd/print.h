/* What verbs share in printing: JSON documents, tables of text, and a bar for long work. */
#ifndef TALLY_CMD_PRINT_H
#define TALLY_CMD_PRINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_object;

/* Prints one JSON document and a line end on stdout, and frees it. */
void print_json(struct json_object *object);

/* The same on a single line without spaces: for NDJSON. Does not free. */
void print_json_line(struct json_object *object);

/*
 * A table: cells are added row by row, columns are as wide as their widest cell, the last one is
 * not padded. The first row is the heading. Control characters in a cell, line ends too, are shown
 * as spaces.
 */
struct table {
	size_t columns;
	char **cells;
	size_t count, room;
};
void table_begin(struct table *table, size_t columns);
void table_cell(struct table *table, const char *text);
void table_uint(struct table *table, uint64_t value);
void table_ms(struct table *table, uint64_t ms);	/* a time, "2020-04-22T00:34:19Z" */
void table_print(struct table *table);		/* and frees it */
void table_drop(struct table *table);

/*
 * A bar on stderr for work that takes longer than a second; nothing where stderr is no terminal.
 * total 0: not known, then only the count is shown. unit: "journals", "blocks", "bytes".
 */
struct bar {
	const char *what;
	const char *unit;
	uint64_t begun_ns, shown_ns;
	bool on, drawn;
};
void bar_begin(struct bar *bar, const char *what, const char *unit);
void bar_show(struct bar *bar, uint64_t done, uint64_t total);
void bar_end(struct bar *bar);

/* The same as a tally_progress callback; ctx is the bar. */
void bar_progress(void *ctx, uint64_t done, uint64_t total);

/* "1.5 MiB" into text of 16 characters. */
void print_size(uint64_t bytes, char text[16]);

#endif
