/*
 * etc/tally.conf against the rows of settings: it shows every setting with its sentence and its
 * default, and nothing else. "test_settings --print" writes what it should be.
 */
#include "config.h"

#include <stdlib.h>

#include "buf.h"
#include "conf.h"
#include "driver.h"
#include "settings.h"
#include "store.h"
#include "tap.h"

static const char head[] =
	"# Settings of tally.fcgi and tally, with their defaults. Each is also an environment variable:\n"
	"# TALLY_ and section and key in capitals (TALLY_API_SHAPE); store.path is TALLY_STORE and\n"
	"# store.driver is TALLY_DRIVER. A variable wins over this file, an option over both.\n"
	"# Sizes: 16777216, 16M, 64KiB. Times: 250ms, 30s, 15m, 7d. Yes and no: on, off.\n";

/* A sentence as comment lines. */
static void add_help(struct tally_buf *buf, const char *help)
{
	size_t column = 0;

	while (help != NULL && *help != '\0') {
		size_t word = strcspn(help, " ");

		if (column > 0 && column + 1 + word > 96) {
			tally_buf_add_str(buf, "\n");
			column = 0;
		}
		tally_buf_add_str(buf, column == 0 ? "# " : " ");
		tally_buf_add(buf, help, word);
		column += word + (column == 0 ? 2 : 1);
		help += word + strspn(help + word, " ");
	}
	tally_buf_add_str(buf, "\n");
}

static void add_section(struct tally_buf *buf, const char *name, const struct tally_setting *rows)
{
	tally_buf_printf(buf, "\n[%s]\n", name);
	for (; rows->key != NULL; rows++) {
		add_help(buf, rows->help);
		tally_buf_printf(buf, "#%s =%s%s\n", rows->key,
				 rows->fallback != NULL && *rows->fallback != '\0' ? " " : "",
				 rows->fallback != NULL ? rows->fallback : "");
	}
}

static const struct tally_driver *driver_called(const char *name)
{
	for (size_t i = 0; tally_builtin_drivers[i] != NULL; i++)
		if (strcmp(tally_builtin_drivers[i]->name, name) == 0)
			return tally_builtin_drivers[i];
	return NULL;
}

/* In an order of its own, for the list of drivers is configure's. */
static bool add_all(struct tally_buf *buf)
{
	static const char *const drivers[] = { "bdb", "flatfile" };
	bool complete = true;

	tally_buf_add_str(buf, head);
	for (size_t i = 0; settings_sections[i].name != NULL; i++)
		add_section(buf, settings_sections[i].name, settings_sections[i].rows);
	for (size_t i = 0; i < sizeof drivers / sizeof drivers[0]; i++) {
		const struct tally_driver *driver = driver_called(drivers[i]);

		complete = complete && driver != NULL;
		if (driver != NULL && driver->settings != NULL)
			add_section(buf, driver->name, driver->settings);
	}
	return complete;
}

static void read_file(struct tally_buf *buf)
{
	FILE *file = fopen(TALLY_CONF_EXAMPLE, "r");
	char room[4096];
	size_t got;

	while (file != NULL && (got = fread(room, 1, sizeof room, file)) > 0)
		tally_buf_add(buf, room, got);
	if (file != NULL)
		fclose(file);
}

/* Line by line, so that a failure shows the line. */
static void shows_every_setting(void)
{
	struct tally_buf want = { 0 }, got = { 0 };
	bool complete = add_all(&want);
	char *a, *b, *at_a = NULL, *at_b = NULL;

	read_file(&got);
	tally_buf_add_u8(&want, 0);
	tally_buf_add_u8(&got, 0);
	a = strtok_r((char *)want.data, "\n", &at_a);
	b = strtok_r((char *)got.data, "\n", &at_b);
	while (a != NULL && b != NULL && strcmp(a, b) == 0) {
		a = strtok_r(NULL, "\n", &at_a);
		b = strtok_r(NULL, "\n", &at_b);
	}
	if (!complete)
		SKIP("not all drivers are built in");
	CHECK_STR(b, a);
	tally_buf_free(&want);
	tally_buf_free(&got);
}

int main(int argc, char **argv)
{
	struct tally_buf want = { 0 };

	if (argc > 1 && strcmp(argv[1], "--print") == 0) {
		add_all(&want);
		fwrite(want.data, 1, want.size, stdout);
		tally_buf_free(&want);
		return 0;
	}
	TEST(shows_every_setting);
	return tap_done();
}
