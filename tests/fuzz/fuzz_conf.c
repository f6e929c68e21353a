/*
 * Configuration files. What parses can be asked for and checked; what does not leaves nothing
 * behind, and an error of one line that may go to a log.
 */
#include "conf.h"
#include "err.h"
#include "fuzz.h"
#include "utf8.h"

struct settings {
	const char *path;
	uint64_t count, size, wait;
	bool on;
};

static const struct tally_setting rows[] = {
	{ "path", SETTING_TEXT, "x", offsetof(struct settings, path), "" },
	{ "count", SETTING_U64, "1", offsetof(struct settings, count), "" },
	{ "size", SETTING_SIZE, NULL, offsetof(struct settings, size), "" },
	{ "wait", SETTING_TIME, "1s", offsetof(struct settings, wait), "" },
	{ "on", SETTING_BOOL, NULL, offsetof(struct settings, on), "" },
	{ 0 }
};

static void check_error(const struct tally_err *err)
{
	PROMISE(err->code == TALLY_INVALID);
	PROMISE(err->text[0] != '\0');
	PROMISE(tally_utf8_printable(tally_bytes_str(err->text)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tally_conf *conf = tally_conf_new();
	struct settings settings;
	struct tally_err err;

	tally_conf_declare(conf, "store", rows);
	if (tally_conf_parse(conf, "fuzz.conf", tally_bytes(data, size), &err) < 0) {
		check_error(&err);
		PROMISE(strcmp(tally_conf_get(conf, "store", "path"), "x") == 0);
		PROMISE(tally_conf_check(conf, &err) == 0);
	} else {
		PROMISE(tally_utf8_valid(tally_bytes_str(tally_conf_get(conf, "store", "path"))));
		if (tally_conf_load(conf, "store", rows, &settings, &err) < 0)
			check_error(&err);
		if (tally_conf_check(conf, &err) < 0)
			check_error(&err);
		/* a second file of the same text overrides the first */
		PROMISE(tally_conf_parse(conf, "again", tally_bytes(data, size), &err) == 0);
	}
	tally_conf_free(&conf);
	return 0;
}
