/* Configuration: who wins, what a file may look like, what values may look like. */
#include "conf.h"

#include <stdlib.h>
#include <unistd.h>

#include "err.h"
#include "tap.h"

struct example {
	const char *path, *driver;
	uint64_t count, size, wait;
	bool on;
};

static const struct tally_setting rows[] = {
	{ "path", SETTING_TEXT, NULL, offsetof(struct example, path), "Where." },
	{ "driver", SETTING_TEXT, "flatfile", offsetof(struct example, driver), "How." },
	{ "count", SETTING_U64, "5", offsetof(struct example, count), "How many." },
	{ "max_size", SETTING_SIZE, "16M", offsetof(struct example, size), "How large." },
	{ "wait", SETTING_TIME, "15m", offsetof(struct example, wait), "How long." },
	{ "on", SETTING_BOOL, "on", offsetof(struct example, on), "Whether." },
	{ 0 }
};

static struct tally_err err;

static int parse(struct tally_conf *conf, const char *text)
{
	return tally_conf_parse(conf, "test.conf", tally_bytes_str(text), &err);
}

static void fallbacks(void)
{
	struct tally_conf *conf = tally_conf_new();
	struct example got;

	memset(&got, 0xff, sizeof(got));
	CHECK_OK(tally_conf_load(conf, "store", rows, &got, &err));
	CHECK_STR(got.path, NULL);
	CHECK_STR(got.driver, "flatfile");
	CHECK_INT(got.count, 5);
	CHECK_INT(got.size, 16 << 20);
	CHECK_INT(got.wait, 15 * 60 * 1000);
	CHECK(got.on);
	CHECK_STR(tally_conf_get(conf, "store", "driver"), NULL);
	tally_conf_declare(conf, "store", rows);
	CHECK_STR(tally_conf_get(conf, "store", "driver"), "flatfile");
	CHECK_STR(tally_conf_get(conf, "store", "path"), NULL);
	tally_conf_free(&conf);
	CHECK(conf == NULL);
	tally_conf_free(&conf);
}

static void the_later_wins(void)
{
	struct tally_conf *conf;

	setenv("TALLY_API_SHAPE", "env", 1);
	setenv("TALLY_API_EMPTY", "", 1);
	setenv("TALLY_STORE", "/env/short", 1);
	setenv("TALLY_STORE_PATH", "/env/long", 1);
	setenv("TALLY_STORE_MAX_SIZE", "1K", 1);
	setenv("TALLY_DRIVER", "envdriver", 1);
	conf = tally_conf_new();
	setenv("TALLY_API_SHAPE", "too late", 1);
	unsetenv("TALLY_STORE");
	unsetenv("TALLY_STORE_PATH");
	unsetenv("TALLY_STORE_MAX_SIZE");
	unsetenv("TALLY_DRIVER");
	unsetenv("TALLY_API_SHAPE");
	CHECK_OK(parse(conf, "[api]\nshape = file\nempty = file\nonly = file\n[store]\npath=/file\n"));
	CHECK_STR(tally_conf_get(conf, "api", "shape"), "env");
	CHECK_STR(tally_conf_get(conf, "api", "empty"), "file");
	CHECK_STR(tally_conf_get(conf, "api", "only"), "file");
	CHECK_STR(tally_conf_get(conf, "store", "path"), "/env/short");
	CHECK_STR(tally_conf_get(conf, "store", "driver"), "envdriver");
	CHECK_STR(tally_conf_get(conf, "store", "max_size"), "1K");
	CHECK_STR(tally_conf_get(conf, "other", "path"), NULL);
	tally_conf_override(conf, "api", "shape", "line");
	tally_conf_override(conf, "store", "path", "/line1");
	tally_conf_override(conf, "store", "path", "/line2");
	CHECK_STR(tally_conf_get(conf, "api", "shape"), "line");
	CHECK_STR(tally_conf_get(conf, "store", "path"), "/line2");
	CHECK_OK(parse(conf, "[api]\nonly = second file\n"));
	CHECK_STR(tally_conf_get(conf, "api", "only"), "second file");
	tally_conf_free(&conf);
}

static void files(void)
{
	static const struct {
		const char *line, *want;
	} cases[] = {
		{ "key=value", "value" },
		{ "  key \t=\t value with  spaces \r", "value with  spaces" },
		{ "key =", "" },
		{ "key = a=b", "a=b" },
		{ "key = value # no comment here", "value # no comment here" },
		{ "key = a;b", "a;b" },
		{ "key = \"  quoted  \"", "  quoted  " },
		{ "key = \"\"", "" },
		{ "key = \"a\\\"b\\\\c\" # comment", "a\"b\\c" },
		{ "key = it's \"here\"", "it's \"here\"" },
		{ "key = \xc3\xa4\xe2\x82\xac", "\xc3\xa4\xe2\x82\xac" },
		{ "# key = 1\n; key = 2\n\n \t \nkey = 3", "3" }
	};
	char text[200];
	size_t i, end;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (end = 0; end < 3; end++) {
			struct tally_conf *conf = tally_conf_new();

			CASE("%s", cases[i].line);
			snprintf(text, sizeof(text), "[ sec-1.x ]\n%s%s", cases[i].line,
				 end == 0 ? "" : end == 1 ? "\n" : "\r\nother = 1\r\n");
			CHECK_OK(parse(conf, text));
			CHECK_STR(tally_conf_get(conf, "sec-1.x", "key"), cases[i].want);
			tally_conf_free(&conf);
		}
}

static void broken_files(void)
{
	static const struct {
		const char *text;
		size_t size;		/* 0: of the string */
		unsigned int line;
	} cases[] = {
		{ "key = 1", 0, 1 },
		{ "[s]\nkey", 0, 2 },
		{ "[s]\n= 1", 0, 2 },
		{ "[s]\nKey = 1", 0, 2 },
		{ "[s]\nk y = 1", 0, 2 },
		{ "[s", 0, 1 },
		{ "[]", 0, 1 },
		{ "[S]", 0, 1 },
		{ "[s] x", 0, 1 },
		{ "\n\n[s]\nkey = \"open", 0, 4 },
		{ "[s]\nkey = \"open\\\"", 0, 2 },
		{ "[s]\nkey = \"x\\", 0, 2 },
		{ "[s]\nkey = \"\\n\"", 0, 2 },
		{ "[s]\nkey = \"a\" b", 0, 2 },
		{ "[s]\nkey = 1\nkey = 2", 0, 3 },
		{ "[s]\nkey = 1\n[t]\n[s]\nkey = 1", 0, 5 },
		{ "[s]\nkey = \xff", 0, 2 },
		{ "[s]\nkey = a\0b", 13, 2 },
		{ "[s]\n"
		  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa = 1", 0, 2 }
	};
	char want[40];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tally_conf *conf = tally_conf_new();
		size_t size = cases[i].size != 0 ? cases[i].size : strlen(cases[i].text);

		CASE("%s", cases[i].text);
		CHECK_OK(parse(conf, "[s]\nbefore = 1\nkey = old"));
		CHECK_FAILS(tally_conf_parse(conf, "t.conf", tally_bytes(cases[i].text, size), &err),
			    TALLY_INVALID);
		snprintf(want, sizeof(want), "t.conf line %u: ", cases[i].line);
		CHECK(strncmp(err.text, want, strlen(want)) == 0);
		CHECK_STR(tally_conf_get(conf, "s", "key"), "old");
		tally_conf_free(&conf);
	}
}

static void numbers_and_units(void)
{
	static const struct {
		const char *key, *text;
		bool ok;
		uint64_t want;
	} cases[] = {
		{ "count", "0", true, 0 },
		{ "count", "18446744073709551615", true, UINT64_MAX },
		{ "count", "18446744073709551616", false, 0 },
		{ "count", "-1", false, 0 },
		{ "count", "1K", false, 0 },
		{ "count", "x", false, 0 },
		{ "count", "", false, 0 },
		{ "max_size", "16777216", true, 16777216 },
		{ "max_size", "16M", true, 16 << 20 },
		{ "max_size", "64KiB", true, 65536 },
		{ "max_size", "64 kb", true, 65536 },
		{ "max_size", "2GB", true, 2ull << 30 },
		{ "max_size", "1T", true, 1ull << 40 },
		{ "max_size", "7B", true, 7 },
		{ "max_size", "16777216T", false, 0 },
		{ "max_size", "1.5M", false, 0 },
		{ "max_size", "M", false, 0 },
		{ "max_size", "1X", false, 0 },
		{ "wait", "250ms", true, 250 },
		{ "wait", "30s", true, 30000 },
		{ "wait", "30", true, 30000 },
		{ "wait", "15m", true, 900000 },
		{ "wait", "2h", true, 7200000 },
		{ "wait", "7d", true, 604800000 },
		{ "wait", "1w", false, 0 },
		{ "wait", "18446744073709551615d", false, 0 },
		{ "on", "on", true, 1 }, { "on", "true", true, 1 }, { "on", "YES", true, 1 },
		{ "on", "1", true, 1 }, { "on", "off", true, 0 }, { "on", "False", true, 0 },
		{ "on", "no", true, 0 }, { "on", "0", true, 0 },
		{ "on", "2", false, 0 }, { "on", "", false, 0 }, { "on", "onn", false, 0 }
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tally_conf *conf = tally_conf_new();
		struct example got = { 0 };
		char name[40];
		int result;

		CASE("%s = \"%s\"", cases[i].key, cases[i].text);
		tally_conf_override(conf, "store", cases[i].key, cases[i].text);
		memset(&err, 0, sizeof(err));
		result = tally_conf_load(conf, "store", rows, &got, &err);
		CHECK_INT(result, cases[i].ok ? 0 : -1);
		if (cases[i].ok) {
			CHECK((cases[i].key[0] == 'c' ? got.count : cases[i].key[0] == 'm' ? got.size :
			       cases[i].key[0] == 'w' ? got.wait : (uint64_t)got.on) == cases[i].want);
		} else {
			snprintf(name, sizeof(name), "command line: store.%s ", cases[i].key);
			CHECK_INT(err.code, TALLY_INVALID);
			CHECK(strncmp(err.text, name, strlen(name)) == 0);
		}
		tally_conf_free(&conf);
	}
}

static void errors_name_where_it_stands(void)
{
	struct tally_conf *conf = tally_conf_new();
	struct example got;

	CHECK_OK(parse(conf, "[store]\n\ncount = many\n"));
	CHECK_FAILS(tally_conf_load(conf, "store", rows, &got, &err), TALLY_INVALID);
	CHECK_STR(err.text, "test.conf line 3: store.count must be a whole number");
	tally_conf_free(&conf);
}

static void unknown_keys(void)
{
	struct tally_conf *conf = tally_conf_new();

	tally_conf_declare(conf, "store", rows);
	CHECK_OK(parse(conf, "[store]\npath = x\n"));
	CHECK_OK(tally_conf_check(conf, &err));
	CHECK_OK(parse(conf, "[store]\npath = x\n[api]\npath = y\n"));
	CHECK_FAILS(tally_conf_check(conf, &err), TALLY_INVALID);
	CHECK_STR(err.text, "test.conf line 4: there is no setting api.path");
	tally_conf_declare(conf, "api", rows);
	CHECK_OK(tally_conf_check(conf, &err));
	tally_conf_free(&conf);
}

static void read_from_disk(void)
{
	char path[] = "test_conf.XXXXXX";
	struct tally_conf *conf = tally_conf_new();
	int fd = mkstemp(path);

	REQUIRE(fd >= 0);
	CHECK_INT(write(fd, "[store]\npath = /x\n", 18), 18);
	CHECK_OK(tally_conf_read(conf, path, &err));
	CHECK_STR(tally_conf_get(conf, "store", "path"), "/x");
	CHECK_INT(ftruncate(fd, 2 << 20), 0);
	CHECK_FAILS(tally_conf_read(conf, path, &err), TALLY_INVALID);
	CHECK_STR(tally_conf_get(conf, "store", "path"), "/x");
	close(fd);
	unlink(path);
	CHECK_FAILS(tally_conf_read(conf, path, &err), TALLY_NOTFOUND);
	CHECK(strstr(err.text, path) != NULL);
	CHECK_FAILS(tally_conf_read(conf, ".", &err), TALLY_IO);
	tally_conf_free(&conf);
}

int main(void)
{
	TEST(fallbacks);
	TEST(the_later_wins);
	TEST(files);
	TEST(broken_files);
	TEST(numbers_and_units);
	TEST(errors_name_where_it_stands);
	TEST(unknown_keys);
	TEST(read_from_disk);
	return tap_done();
}
