#!/usr/bin/env bash
# The data set: it is what its script prints, and its dates agree with another way to find them
# (the epact's full moon and the next Sunday, the nineteen Julian full moons, the system's calendar)
# and with dates published elsewhere. Argument: the top of the sources.
set -u
top=$1
. "$top/tools/tap.sh"
data=$top/data/easter.ndjson

same "the script prints the shipped file" \
	"$(awk -f "$top/data/easter.awk" | cksum)" "$(cksum <"$data")"
same "one record for each year" "$(wc -l <"$data")" 2517

# year easter orthodox leap weekday weeks golden epact, one line a record
fields=$(sed -E 's/^\{"Payload":"\{(.*)\}","Clues".*/\1/; s/\\"//g; s/[a-zA-Z]+://g; s/,/ /g' "$data")

same "dates as published" "$(printf '%s\n' "$fields" |
	awk '$1 ~ /^(1583|1818|1943|1954|2000|2008|2024|2025|2038)$/ { print $2, $3 }')" \
"1583-04-10 1583-04-10
1818-03-22 1818-04-26
1943-04-25 1943-04-25
1954-04-18 1954-04-25
2000-04-23 2000-04-30
2008-03-23 2008-04-27
2024-03-31 2024-05-05
2025-04-20 2025-04-20
2038-04-25 2038-04-25"

# weekday of 1 January and week of 28 December by the system's calendar
calendar=$(printf '%s\n' "$fields" | awk '{ print $1 "-01-01" }' | LC_ALL=C date -u -f - +%A |
	paste -d' ' - <(printf '%s\n' "$fields" | awk '{ print $1 "-12-28" }' | date -u -f - +%V))
same "weekdays and weeks as the system's calendar" \
	"$(printf '%s\n' "$fields" | awk '{ print $5, $6 }' | cksum)" \
	"$(printf '%s\n' "$calendar" | cksum)"
leap=$(printf '%s\n' "$fields" | awk '{ print $1 "-12-31" }' | date -u -f - +%j |
	awk '{ print $1 == 366 ? "true" : "false" }')
same "leap years as the system's calendar" \
	"$(printf '%s\n' "$fields" | awk '{ print $4 }' | cksum)" "$(printf '%s\n' "$leap" | cksum)"

# The Western rule by its definition: full moon by the epact, at latest 18 April, then the next
# Sunday. Days are counted from 1 March; the weekday of 1 March comes from the system's calendar.
west=$(printf '%s\n' "$fields" | awk '{ print $1 "-03-01" }' | date -u -f - +%u |
	paste -d' ' <(printf '%s\n' "$fields") - | awk '{
		e = $8; moon = e < 24 ? 44 - e : 74 - e		# day of March of the full moon
		if (e == 24 || (e == 25 && $7 > 11)) moon--
		sunday = moon + 7 - ($9 + moon - 1) % 7
		late = sunday > 31
		printf "%d-%02d-%02d\n", $1, 3 + late, sunday - 31 * late
	}')
same "Western dates by epact and full moon" \
	"$(printf '%s\n' "$fields" | awk '{ print $2 }' | cksum)" "$(printf '%s\n' "$west" | cksum)"

# The Eastern rule by its table: Julian full moon of the golden number, moved to our calendar.
east=$(printf '%s\n' "$fields" | awk '{ print $1 "-03-01" }' | date -u -f - +%u |
	paste -d' ' <(printf '%s\n' "$fields") - | awk '
	BEGIN { split("36 25 44 33 22 41 30 49 38 27 46 35 24 43 32 21 40 29 48", julian, " ") }
	{
		c = int($1 / 100)
		moon = julian[$7] + c - int(c / 4) - 2
		sunday = moon + 7 - ($9 + moon - 1) % 7
		if (sunday > 92) m = 6; else if (sunday > 61) m = 5; else m = sunday > 31 ? 4 : 3
		d = sunday - (m == 6 ? 92 : m == 5 ? 61 : m == 4 ? 31 : 0)
		printf "%d-%02d-%02d\n", $1, m, d
	}')
same "Eastern dates by the table of full moons" \
	"$(printf '%s\n' "$fields" | awk '{ print $3 }' | cksum)" "$(printf '%s\n' "$east" | cksum)"
same "records whose dates fall together say so" "$(grep -c '"common-easter"' "$data")" \
	"$(printf '%s\n' "$fields" | awk '$2 == $3' | wc -l)"
exit $tap_failed
