/* Printing of verbs; see print.h. */
#include "config.h"

#include "print.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>

#include "arena.h"
#include "clock.h"
#include "utf8.h"

void print_json(struct json_object *object)
{
	puts(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY |
							    JSON_C_TO_STRING_SPACED |
							    JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(object);
}

void print_json_line(struct json_object *object)
{
	puts(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN |
							    JSON_C_TO_STRING_NOSLASHESCAPE));
}

/* ---- tables ---- */

void table_begin(struct table *table, size_t columns)
{
	*table = (struct table){ .columns = columns };
}

void table_cell(struct table *table, const char *text)
{
	char *cell = tally_strdup(text != NULL ? text : "");

	for (char *at = cell; *at != '\0'; at++)
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			*at = ' ';
	if (table->count == table->room) {
		table->room = table->room != 0 ? 2 * table->room : 64;
		table->cells = tally_realloc(table->cells, table->room * sizeof *table->cells);
	}
	table->cells[table->count++] = cell;
}

void table_uint(struct table *table, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof text, "%llu", (unsigned long long)value);
	table_cell(table, text);
}

void table_ms(struct table *table, uint64_t ms)
{
	char text[24];

	tally_time_format(ms, text);
	table_cell(table, text);
}

static size_t cell_width(const char *text)
{
	struct tally_bytes bytes = tally_bytes_str(text);

	return tally_utf8_valid(bytes) ? tally_utf8_length(bytes) : bytes.size;
}

void table_print(struct table *table)
{
	size_t *widths = tally_calloc(table->columns, sizeof *widths);

	for (size_t i = 0; i < table->count; i++) {
		size_t width = cell_width(table->cells[i]);

		if (width > widths[i % table->columns])
			widths[i % table->columns] = width;
	}
	for (size_t i = 0; i < table->count; i++) {
		size_t column = i % table->columns;
		bool last = column + 1 == table->columns;

		fputs(table->cells[i], stdout);
		for (size_t pad = cell_width(table->cells[i]); !last && pad < widths[column] + 2; pad++)
			fputc(' ', stdout);
		if (last)
			fputc('\n', stdout);
	}
	free(widths);
	table_drop(table);
}

void table_drop(struct table *table)
{
	for (size_t i = 0; i < table->count; i++)
		free(table->cells[i]);
	free(table->cells);
	*table = (struct table){ 0 };
}

/* ---- the bar ---- */

#define SECOND_NS 1000000000ull

void bar_begin(struct bar *bar, const char *what, const char *unit)
{
	*bar = (struct bar){ .what = what, .unit = unit, .begun_ns = tally_mono_ns(),
			     .on = isatty(STDERR_FILENO) != 0 };
}

static void bar_count(const struct bar *bar, uint64_t count, char text[32])
{
	if (strcmp(bar->unit, "bytes") == 0) {
		print_size(count, text);
		return;
	}
	snprintf(text, 32, "%llu %s", (unsigned long long)count, bar->unit);
}

void bar_show(struct bar *bar, uint64_t done, uint64_t total)
{
	static const char full[] = "##############################";
	uint64_t now = tally_mono_ns();
	double seconds = (double)(now - bar->begun_ns) / 1e9;
	char count[32], rate[32];

	if (!bar->on || now - bar->begun_ns < SECOND_NS || now - bar->shown_ns < SECOND_NS / 5)
		return;
	bar->shown_ns = now;
	bar->drawn = true;
	bar_count(bar, done, count);
	bar_count(bar, (uint64_t)((double)done / seconds), rate);
	if (total != 0 && done <= total) {
		int filled = (int)(done * 30 / total);

		fprintf(stderr, "\r%s [%.*s%*s] %3d%%  %s, %s/s, %ds left\033[K", bar->what, filled,
			full, 30 - filled, "", (int)(done * 100 / total), count, rate,
			done != 0 ? (int)(seconds * (double)(total - done) / (double)done) : 0);
	} else {
		fprintf(stderr, "\r%s  %s, %s/s\033[K", bar->what, count, rate);
	}
	fflush(stderr);
}

void bar_end(struct bar *bar)
{
	if (bar->drawn)
		fprintf(stderr, "\r\033[K");
	bar->drawn = false;
}

void bar_progress(void *ctx, uint64_t done, uint64_t total)
{
	bar_show(ctx, done, total);
}

void print_size(uint64_t bytes, char text[16])
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double value = (double)bytes;
	size_t unit = 0;

	while (value >= 1024 && unit + 1 < sizeof units / sizeof *units) {
		value /= 1024;
		unit++;
	}
	snprintf(text, 16, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
}
