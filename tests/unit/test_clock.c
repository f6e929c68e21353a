/* The API's form of time. */
#include "clock.h"

#include <time.h>

#include "tap.h"

static void times_both_ways(void)
{
	static const struct {
		const char *text;
		uint64_t ms;
	} cases[] = {
		{ "1970-01-01T00:00:00Z", 0 },
		{ "1970-12-31T23:59:59Z", 31535999000 },
		{ "2000-02-29T12:00:00Z", 951825600000 },
		{ "2000-03-01T00:00:00Z", 951868800000 },
		{ "2020-04-22T00:34:19Z", 1587515659000 },
		{ "2038-01-19T03:14:08Z", 2147483648000 },
		{ "2100-02-28T23:59:59Z", 4107542399000 },
		{ "2100-03-01T00:00:00Z", 4107542400000 },
		{ "9999-12-31T23:59:59Z", 253402300799000 }
	};
	char text[21];
	uint64_t ms;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CASE("%s", cases[i].text);
		REQUIRE(tally_time_parse(tally_bytes_str(cases[i].text), &ms));
		CHECK_INT(ms, cases[i].ms);
		tally_time_format(cases[i].ms + 999, text);
		CHECK_STR(text, cases[i].text);
	}
	tally_time_format(UINT64_MAX, text);
	CHECK_STR(text, "9999-12-31T23:59:59Z");
}

/* Every day of 500 years against the C library. */
static void days_agree_with_gmtime(void)
{
	uint64_t day;

	for (day = 0; day < 500 * 366; day++) {
		time_t seconds = (time_t)(day * 86400 + day % 86400);
		char want[32], got[21];
		struct tm tm;
		uint64_t ms;

		gmtime_r(&seconds, &tm);
		strftime(want, sizeof(want), "%Y-%m-%dT%H:%M:%SZ", &tm);
		tally_time_format((uint64_t)seconds * 1000, got);
		if (strcmp(got, want) != 0 || !tally_time_parse(tally_bytes_str(want), &ms) ||
		    ms != (uint64_t)seconds * 1000) {
			FAIL("day %" PRIu64 ": %s, not %s", day, got, want);
			return;
		}
	}
}

static void other_forms_are_refused(void)
{
	static const char *const cases[] = {
		"", "2020-04-22", "2020-04-22T00:34:19", "2020-04-22T00:34:19z",
		"2020-04-22t00:34:19Z", "2020-04-22 00:34:19Z", "2020-04-22T00:34:19.000Z",
		"2020-04-22T00:34:19+00:00", "2020-4-22T00:34:19ZZ", " 2020-04-22T00:34:19Z",
		"2020-04-22T00:34:19Z ", "2020-00-22T00:34:19Z", "2020-13-22T00:34:19Z",
		"2020-04-00T00:34:19Z", "2020-04-31T00:34:19Z", "2021-02-29T00:00:00Z",
		"2100-02-29T00:00:00Z", "2020-04-22T24:00:00Z", "2020-04-22T00:60:00Z",
		"2020-04-22T00:00:60Z", "1969-12-31T23:59:59Z", "0000-01-01T00:00:00Z",
		"-020-04-22T00:34:19Z", "2020-04-22T00:34:1 Z", "2020/04/22T00:34:19Z",
		"2020-04-22T00-34-19Z", "+020-04-22T00:34:19Z", ("\xd9\xa1" "20-04-22T00:34:19Z")
	};
	uint64_t ms;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CASE("\"%s\"", cases[i]);
		CHECK(!tally_time_parse(tally_bytes_str(cases[i]), &ms));
	}
}

static void clocks_go_forward(void)
{
	uint64_t mono = tally_mono_ns(), wall = tally_now_ms();

	CHECK(tally_mono_ns() >= mono);
	CHECK_INT(wall / 1000 - (uint64_t)time(NULL) + 5 <= 10, 1);
}

static void offsets(void)
{
	static const struct {
		const char *text;
		uint64_t ms;		/* 0: malformed */
	} cases[] = {
		{ "2020-10-27T17:28:16+08:00", 1603790896000 },
		{ "2020-10-27T09:28:16Z", 1603790896000 },
		{ "2020-10-27T09:28:16-00:00", 1603790896000 },
		{ "2020-10-27T04:58:16-04:30", 1603790896000 },
		{ "2020-10-27T09:28:16.5Z", 1603790896500 },
		{ "2020-10-27T09:28:16.123456789Z", 1603790896123 },
		{ "2020-10-27T17:28:16.007+08:00", 1603790896007 },
		{ "", 0 }, { "2020-10-27", 0 }, { "2020-10-27T09:28:16", 0 },
		{ "2020-10-27T09:28:16z", 0 }, { "2020-10-27t09:28:16Z", 0 },
		{ "2020-10-27 09:28:16Z", 0 }, { "2020-10-27T09:28:16.Z", 0 },
		{ "2020-10-27T09:28:16+8:00", 0 }, { "2020-10-27T09:28:16+0800", 0 },
		{ "2020-10-27T09:28:16+24:00", 0 }, { "2020-10-27T09:28:16+08:60", 0 },
		{ "2020-10-27T09:28:16Zx", 0 }, { "2020-13-27T09:28:16Z", 0 },
		{ "2020-02-30T09:28:16Z", 0 }, { "1970-01-01T00:00:00+00:01", 0 },
		{ "1603790896", 0 }, { "2020-10-27T09:28:16+", 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint64_t ms = 0;
		bool good = tally_time_parse_offset(tally_bytes_str(cases[i].text), &ms);

		CASE("%s", cases[i].text);
		CHECK(good == (cases[i].ms != 0));
		if (good)
			CHECK_INT(ms, cases[i].ms);
	}
}

int main(void)
{
	TEST(times_both_ways);
	TEST(days_agree_with_gmtime);
	TEST(other_forms_are_refused);
	TEST(clocks_go_forward);
	TEST(offsets);
	return tap_done();
}
