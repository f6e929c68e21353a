/*
 * Clocks, and the one text form of time that the API knows. Calendar arithmetic is done here and
 * not by timegm and gmtime, which accept far more than that form and depend on the time zone files.
 */
#include "config.h"

#include "clock.h"

#include <stdio.h>
#include <time.h>

#define DAY_MS 86400000u
#define YEAR_9999_END_MS 253402300799999u

uint64_t tally_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint64_t tally_mono_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static bool is_leap(unsigned int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static unsigned int month_days(unsigned int year, unsigned int month)
{
	static const uint8_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

/* Days from 1970-01-01 to the first of January of this year. */
static uint64_t days_to_year(unsigned int year)
{
	unsigned int y = year - 1;

	return (uint64_t)y * 365 + y / 4 - y / 100 + y / 400 - 719162;
}

/* Reads count digits; false if one is none. */
static bool digits(const uint8_t *p, unsigned int count, unsigned int *value_r)
{
	unsigned int i, value = 0;

	for (i = 0; i < count; i++) {
		if (p[i] < '0' || p[i] > '9')
			return false;
		value = value * 10 + (p[i] - '0');
	}
	*value_r = value;
	return true;
}

bool tally_time_parse(struct tally_bytes text, uint64_t *ms_r)
{
	const uint8_t *p = text.data;
	unsigned int year, month, day, hour, minute, second, m;
	uint64_t days;

	if (text.size != 20 || p[4] != '-' || p[7] != '-' || p[10] != 'T' || p[13] != ':' ||
	    p[16] != ':' || p[19] != 'Z')
		return false;
	if (!digits(p, 4, &year) || !digits(p + 5, 2, &month) || !digits(p + 8, 2, &day) ||
	    !digits(p + 11, 2, &hour) || !digits(p + 14, 2, &minute) || !digits(p + 17, 2, &second))
		return false;
	if (year < 1970 || month < 1 || month > 12 || day < 1 || day > month_days(year, month) ||
	    hour > 23 || minute > 59 || second > 59)
		return false;
	days = days_to_year(year) + day - 1;
	for (m = 1; m < month; m++)
		days += month_days(year, m);
	*ms_r = days * DAY_MS + ((uint64_t)hour * 3600 + minute * 60 + second) * 1000;
	return true;
}

/* ".123" in milliseconds, at least one digit; moves *at behind it. */
static bool take_fraction(struct tally_bytes text, size_t *at, unsigned int *ms_r)
{
	unsigned int scale = 100;
	size_t start = *at + 1;

	*ms_r = 0;
	if (*at == text.size || text.data[*at] != '.')
		return true;
	for (++*at; *at < text.size && text.data[*at] >= '0' && text.data[*at] <= '9'; ++*at) {
		*ms_r += (unsigned int)(text.data[*at] - '0') * scale;
		scale /= 10;
	}
	return *at > start;
}

bool tally_time_parse_offset(struct tally_bytes text, uint64_t *ms_r)
{
	unsigned int fraction, hours, minutes;
	uint8_t local[20];
	size_t at = 19;
	uint64_t offset;

	if (text.size < 20)
		return false;
	memcpy(local, text.data, 19);
	local[19] = 'Z';
	if (!tally_time_parse(tally_bytes(local, 20), ms_r) || !take_fraction(text, &at, &fraction))
		return false;
	*ms_r += fraction;
	if (at + 1 == text.size && text.data[at] == 'Z')
		return true;
	if (at + 6 != text.size || (text.data[at] != '+' && text.data[at] != '-') ||
	    text.data[at + 3] != ':' || !digits(text.data + at + 1, 2, &hours) ||
	    !digits(text.data + at + 4, 2, &minutes) || hours > 23 || minutes > 59)
		return false;
	offset = ((uint64_t)hours * 60 + minutes) * 60000;
	if (text.data[at] == '-')
		*ms_r += offset;
	else if (*ms_r < offset)
		return false;
	else
		*ms_r -= offset;
	return true;
}

void tally_time_format(uint64_t ms, char *text)
{
	unsigned int year, month = 1, seconds, days;

	if (ms > YEAR_9999_END_MS)
		ms = YEAR_9999_END_MS;	/* the form has no room for more */
	days = (unsigned int)(ms / DAY_MS);
	seconds = (unsigned int)(ms % DAY_MS / 1000);
	year = 1970 + days / 366;	/* not later than the right one */
	while (days >= days_to_year(year + 1))
		year++;
	days -= (unsigned int)days_to_year(year);
	while (days >= month_days(year, month))
		days -= month_days(year, month++);
	/* the remainders are no-ops that let the compiler see that the text fits */
	snprintf(text, 21, "%04u-%02u-%02uT%02u:%02u:%02uZ", year % 10000, month % 100,
		 (days + 1) % 100, seconds / 3600 % 100, seconds / 60 % 60, seconds % 60);
}
