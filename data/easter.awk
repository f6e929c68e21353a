# Prints the demonstration records: one journal for each year 1583 to 4099 with the date of Easter
# and facts of the calendar, as NDJSON in the form that AppendJournals and `tally append` take.
# Whole numbers only, so that every awk prints the same bytes. Usage: awk -f easter.awk >easter.ndjson

# Day number of a date of the Gregorian calendar (Julian day number at noon).
function day_of(y, m, d,    a) {
	a = int((14 - m) / 12)
	y = y + 4800 - a
	m = m + 12 * a - 3
	return d + int((153 * m + 2) / 5) + 365 * y + int(y / 4) - int(y / 100) + int(y / 400) - 32045
}

# The date of a day number, as "MM-DD".
function date_of(n,    a, b, c, d, e, m) {
	a = n + 32044
	b = int((4 * a + 3) / 146097)
	c = a - int(146097 * b / 4)
	d = int((4 * c + 3) / 1461)
	e = c - int(1461 * d / 4)
	m = int((5 * e + 2) / 153)
	return sprintf("%02d-%02d", m + 3 - 12 * int(m / 10), e - int((153 * m + 2) / 5) + 1)
}

# Day number of Easter of the Western churches, by Butcher's rule.
function western(y,    a, b, c, h, l, m, n) {
	a = y % 19
	b = int(y / 100)
	c = y % 100
	h = (19 * a + b - int(b / 4) - int((b - int((b + 8) / 25) + 1) / 3) + 15) % 30
	l = (32 + 2 * (b % 4) + 2 * int(c / 4) - h - c % 4) % 7
	m = int((a + 11 * h + 22 * l) / 451)
	n = h + l - 7 * m + 114
	return day_of(y, int(n / 31), n % 31 + 1)
}

# Day number of Easter of the Eastern churches: Meeus' rule for the Julian calendar, whose dates
# fall behind by the leap days left out since.
function eastern(y,    d, e, n) {
	d = (19 * (y % 19) + 15) % 30
	e = (2 * (y % 4) + 4 * (y % 7) - d + 34) % 7
	n = d + e + 114
	return day_of(y, int(n / 31), n % 31 + 1) + int(y / 100) - int(y / 400) - 2
}

function epact(y,    c) {
	c = int(y / 100)
	return (11 * (y % 19) + 8 + int(c / 4) - c + int((8 * c + 13) / 25) + 300) % 30
}

BEGIN {
	split("Monday Tuesday Wednesday Thursday Friday Saturday Sunday", weekday, " ")
	for (year = 1583; year <= 4099; year++) {
		leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
		first = day_of(year, 1, 1) % 7			# 0 is a Monday
		weeks = first == 3 || (leap && first == 2) ? 53 : 52
		west = date_of(western(year))
		east = date_of(eastern(year))

		payload = sprintf("{\"year\":%d,\"easter\":\"%d-%s\",\"orthodoxEaster\":\"%d-%s\"," \
			"\"leapYear\":%s,\"newYearsDay\":\"%s\",\"isoWeeks\":%d,\"goldenNumber\":%d," \
			"\"epact\":%d}", year, year, west, year, east, leap ? "true" : "false",
			weekday[first + 1], weeks, year % 19 + 1, epact(year))
		gsub(/"/, "\\\"", payload)
		clues = sprintf("\"century:%d\",\"easter:%s\"", int((year + 99) / 100), west)
		if (west == east)
			clues = clues ",\"common-easter\""
		printf "{\"Payload\":\"%s\",\"Clues\":[%s]}\n", payload, clues
	}
}
