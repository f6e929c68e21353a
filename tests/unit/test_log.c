/* The log: form of a line, levels, reopening, lines of many threads. */
#include "log.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "arena.h"
#include "clock.h"
#include "err.h"
#include "tap.h"

static struct tally_err err;
static struct tally_arena arena;
static char directory[] = "test_log.XXXXXX";

static const char *path_of(const char *name)
{
	return tally_arena_printf(&arena, "%s/%s", directory, name);
}

/* The whole file; "" if there is none. */
static char *content(const char *path)
{
	FILE *file = fopen(path, "r");
	char *text = tally_arena_zalloc(&arena, 1 << 20);

	if (file == NULL)
		return text;
	text[fread(text, 1, (1 << 20) - 1, file)] = '\0';
	fclose(file);
	return text;
}

static void form_of_a_line(void)
{
	static const struct {
		const char *value, *want;
	} cases[] = {
		{ "plain", "plain" },
		{ "/path/to.file:1", "/path/to.file:1" },
		{ "", "\"\"" },
		{ NULL, "\"\"" },
		{ "two words", "\"two words\"" },
		{ "a=b", "\"a=b\"" },
		{ "say \"hi\"\\", "\"say \\\"hi\\\"\\\\\"" },
		{ "line1\nline2", "\"line1\\nline2\"" },
		{ "\x1b[31m\r", "\"\\x1b[31m\\x0d\"" },
		{ "\xc3\xa4", "\"\xc3\xa4\"" },
		{ "bad\xff\xc3", "\"bad\\xff\\xc3\"" }
	};
	const char *path = path_of("form");
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *text, want[100];
		uint64_t ms;

		CASE("%s", cases[i].want);
		unlink(path);
		CHECK_OK(tally_log_open(TALLY_LOG_INFO, path, &err));
		tally_log(TALLY_LOG_WARN, "some.event", "name", cases[i].value, "last", "1", NULL);
		text = content(path);
		snprintf(want, sizeof(want), " level=warn event=some.event name=%s last=1\n",
			 cases[i].want);
		REQUIRE(strlen(text) > 29);
		CHECK_STR(text + 29, want);
		/* time=2020-04-22T00:34:19.123Z */
		CHECK(strncmp(text, "time=", 5) == 0 && text[24] == '.' && text[28] == 'Z');
		text[24] = 'Z';
		CHECK(tally_time_parse(tally_bytes(text + 5, 20), &ms));
		CHECK(ms <= tally_now_ms() && ms + 60000 > tally_now_ms());
	}
}

static void levels(void)
{
	static const enum tally_log_level all[] = {
		TALLY_LOG_DEBUG, TALLY_LOG_INFO, TALLY_LOG_WARN, TALLY_LOG_ERROR
	};
	static const char *const names[] = { "debug", "info", "warn", "error" };
	size_t from, i;

	for (from = 0; from < 4; from++) {
		const char *path = path_of(names[from]);
		char *text;

		CHECK_OK(tally_log_open(all[from], path, &err));
		for (i = 0; i < 4; i++)
			tally_log(all[i], names[i], NULL);
		text = content(path);
		for (i = 0; i < 4; i++) {
			char want[40];

			CASE("%s at level %s", names[i], names[from]);
			snprintf(want, sizeof(want), "level=%s event=%s\n", names[i], names[i]);
			CHECK_INT(strstr(text, want) != NULL, i >= from);
		}
	}
}

static void reopened_after_rotation(void)
{
	const char *path = path_of("now"), *old = path_of("old");

	CHECK_OK(tally_log_open(TALLY_LOG_INFO, path, &err));
	tally_log(TALLY_LOG_INFO, "first", NULL);
	CHECK_INT(rename(path, old), 0);
	tally_log(TALLY_LOG_INFO, "second", NULL);
	tally_log_reopen();
	tally_log(TALLY_LOG_INFO, "third", NULL);
	CHECK(strstr(content(old), "first") != NULL);
	CHECK(strstr(content(old), "second") != NULL);
	CHECK(strstr(content(old), "third") == NULL);
	CHECK(strstr(content(path), "third") != NULL);
}

static void reopening_that_fails_keeps_the_file(void)
{
	const char *path = path_of("kept"), *moved = path_of("kept.1");

	CHECK_OK(tally_log_open(TALLY_LOG_INFO, path, &err));
	CHECK_INT(rename(path, moved), 0);
	CHECK_INT(symlink("/nowhere/at/all", path), 0);
	tally_log_reopen();
	tally_log(TALLY_LOG_INFO, "after", NULL);
	CHECK(strstr(content(moved), "event=log.reopen") != NULL);
	CHECK(strstr(content(moved), "event=after") != NULL);
}

static void a_bad_path_is_an_error(void)
{
	CHECK_FAILS(tally_log_open(TALLY_LOG_INFO, path_of("no/such/folder"), &err), TALLY_IO);
}

static void errno_is_kept(void)
{
	CHECK_OK(tally_log_open(TALLY_LOG_INFO, path_of("errno"), &err));
	errno = E2BIG;
	tally_log(TALLY_LOG_INFO, "x", NULL);
	CHECK_INT(errno, E2BIG);
}

#define WRITERS 4
#define LINES 500

static void *write_lines(void *arg)
{
	char number[12];
	int i;

	for (i = 0; i < LINES; i++) {
		snprintf(number, sizeof(number), "%d", i);
		tally_log(TALLY_LOG_INFO, "line", "writer", arg, "number", number, "end", "yes", NULL);
		if (i % 100 == 0)
			tally_log_reopen();
	}
	return NULL;
}

static void lines_of_threads_stay_whole(void)
{
	static char names[WRITERS][2] = { "a", "b", "c", "d" };
	const char *path = path_of("threads");
	unsigned int next[WRITERS] = { 0 }, count = 0;
	pthread_t threads[WRITERS];
	char *line, *rest;
	size_t i;

	CHECK_OK(tally_log_open(TALLY_LOG_INFO, path, &err));
	for (i = 0; i < WRITERS; i++)
		REQUIRE(pthread_create(&threads[i], NULL, write_lines, names[i]) == 0);
	for (i = 0; i < WRITERS; i++)
		pthread_join(threads[i], NULL);
	for (line = strtok_r(content(path), "\n", &rest); line != NULL;
	     line = strtok_r(NULL, "\n", &rest)) {
		unsigned int number;
		char writer;
		int end = 0;

		REQUIRE(sscanf(line + 29, " level=info event=line writer=%c number=%u end=yes%n", &writer,
			       &number, &end) == 2 && end != 0 && line[29 + end] == '\0');
		REQUIRE(writer >= 'a' && writer < 'a' + WRITERS);
		REQUIRE(number == next[writer - 'a']++);
		count++;
	}
	CHECK_INT(count, WRITERS * LINES);
}

int main(void)
{
	char command[64];

	if (mkdtemp(directory) == NULL)
		return 99;
	TEST(form_of_a_line);
	TEST(levels);
	TEST(reopened_after_rotation);
	TEST(reopening_that_fails_keeps_the_file);
	TEST(a_bad_path_is_an_error);
	TEST(errno_is_kept);
	TEST(lines_of_threads_stay_whole);
	if (tally_log_open(TALLY_LOG_INFO, NULL, &err) < 0)
		return 99;
	snprintf(command, sizeof(command), "rm -r %s", directory);
	if (system(command) != 0)
		return 99;
	tally_arena_free(&arena);
	return tap_done();
}
