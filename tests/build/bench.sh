#!/usr/bin/env bash
# The comparison with peers, its short form: every peer that can be had runs for a moment, and tables and
# charts come of it. No rate is looked at. Arguments: top of the sources, a build, a directory to work
# in (made).
set -u
source=$1 build=$2 work=$3
. "$source/tools/tap.sh"
rm -rf "$work" && mkdir -p "$work" && cd "$work" || exit 1
peers() { bash "$source/bench/peers.sh" --build "$build" "$@"; }

# Medians and ratios of numbers that are known.
mkdir known
cat >known/results.ndjson <<'END'
{"machine":{"cpu":"c","cores":2,"memory":"m","kernel":"k","file_system":"f","load":"0","date":"d","tallystick":"t","seconds":2,"rounds":3,"size":256,"short":false}}
{"left_out":"immudb","why":"there is no Go"}
{"table":"single-1","peer":"tallystick","variant":"bdb","writers":1,"batch":1,"round":1,"result":{"rate":1000,"p50_ms":1,"p99_ms":2,"p999_ms":9,"count":5}}
{"table":"single-1","peer":"tallystick","variant":"bdb","writers":1,"batch":1,"round":2,"result":{"rate":9000,"p50_ms":3,"p99_ms":4,"p999_ms":9,"count":5}}
{"table":"single-1","peer":"tallystick","variant":"bdb","writers":1,"batch":1,"round":3,"result":{"rate":2000,"p50_ms":2,"p99_ms":3,"p999_ms":9,"count":5}}
{"table":"single-1","peer":"hypercore","variant":"async","writers":1,"batch":1,"round":1,"result":{"rate":500,"p50_ms":1,"p99_ms":2,"p999_ms":3,"count":5,"version":"11"}}
END
passes "a report of known results" python3 "$source/bench/peers/report.py" known
same "... medians, range, ratio, what is not on the disk" "$(grep -E '^\| (\*\*T|h)' known/report.md)" \
"| **Tallystick, bdb** | 2,000 | 1,000 to 9,000 | 1.00 | 2 | 3 | 9 | yes | Merkle tree, signed when asked |
| hypercore, not synced | 500 | 500 to 500 | 0.25 | 1 | 2 | 3 | **no** | Merkle tree, signed each time |"
same "... what was left out" "$(grep -c '^Left out: immudb (there is no Go)' known/report.md)" 1
same "... bars to scale" "$(grep -o '<rect[^>]*' known/single-1.svg | sed 's/.* width="\([0-9]*\).*/\1/' |
	tr '\n' ' ')" "500 125 "

refuses "an unknown peer" "no peer oracle" peers oracle
refuses "no build" "no such file|there is no build" peers --build "$work"
refuses "no round at all" "usage" peers --rounds 0
[ "$(df --output=fstype /dev/shm 2>/dev/null | tail -n 1)" = tmpfs ] &&
	refuses "a directory in memory" "in memory" peers --dir /dev/shm

dir=${TMPDIR:-/tmp}
case $(df --output=fstype "$dir" | tail -n 1) in tmpfs) dir=$work ;; esac
data=$(mktemp -d "$dir/tally-peers-XXXXXX") && chmod 755 "$data"
trap 'rm -rf "$data"' EXIT
if peers --short --dir "$data" --out out >report.md 2>log; then
	ok "the short form"
else
	not_ok "the short form" "$(tail -n 5 log out/peers.log)"
	exit 1
fi
same "it removes what it made" "$(ls "$data")" ""

# While a ledger grows: lines of each kind of work, a chart with the driver's line and the disk's.
passes "growth of a ledger" bash "$source/bench/growth.sh" --build "$build" --dir "$data" --out grown --seconds 4 --rest 1 \
	--journals 1000 flatfile
same "... lines" "$(sed 's/.*"work": "\([a-z]*\)".*/\1/' grown/growth.ndjson | uniq -c | tr -s ' \n' ' ')" \
	" 2 batches 1 singles 2 disk "
same "... a chart" "$(grep -c '<polyline class="flatfile"' grown/growth.svg)" 2
same "... it removes what it made" "$(ls "$data")" ""
same "what is printed is what is written" "$(cat report.md)" "$(cat out/report.md)"
python3 - "$source/bench/peers" out <<'END'
import json, os, re, sys
import xml.etree.ElementTree as xml
sys.path.insert(0, sys.argv[1])
sys.dont_write_bytecode = True
import report

failed = []
def check(name, good, why=""):
    failed.extend([] if good else [name])
    print(f"ok - {name}" if good else f"not ok - {name}: {why}")

result = json.load(open(os.path.join(sys.argv[2], "results.json")))
text = open(os.path.join(sys.argv[2], "report.md")).read()
tables, left_out = result["tables"], {item["left_out"]: item["why"] for item in result["left_out"]}
check("every table is there", list(tables) == list(report.TABLES), list(tables))
check("it says that it is a smoke test", "A smoke test" in text)
there = {(row["peer"], row["variant"]) for rows in tables.values() for row in rows}
for way in report.WAYS:
    if "compile" in left_out.get(way[0], ""):
        check(f"{way[0]} compiles", False, left_out[way[0]])
    elif way[0] in left_out:
        print(f"ok - {' '.join(way)} # SKIP {left_out[way[0]]}")
    else:
        check(f"{' '.join(way)} ran", way in there)
for table, rows in tables.items():
    for row in rows:
        good = (row["count"] > 0 and 0 < row["lowest"] <= row["rate"] <= row["highest"] and
                0 < row["p50_ms"] <= row["p99_ms"] <= row["p999_ms"] and row["rounds"] == 1)
        if not good:
            check(f"{table}: {row['name']}", False, row)
    section = text.split(f"## {report.TABLES[table][0]}\n")[1].split("\n## ")[0]
    cells = [line.count("|") for line in section.splitlines() if line.startswith("|")]
    check(f"{table}: a table of its rows", cells == [10] * (len(rows) + 2), cells)
    chart = xml.parse(os.path.join(sys.argv[2], f"{table}.svg")).getroot()
    of = lambda tag, kind: [e for e in chart.iter("{http://www.w3.org/2000/svg}" + tag)
                            if kind in e.get("class", "").split()]
    widths = [float(e.get("width")) for e in of("rect", "bar")]
    names = [e.text for e in of("text", "name")]
    check(f"{table}: a chart of its rows", names == [row["name"] for row in rows] and
          widths == sorted(widths, reverse=True) and len(widths) == len(rows), names)
    check(f"{table}: axis, unit, and names that fit",
          len(of("text", "tick")) >= 3 and "appends a second" in of("text", "unit")[0].text and
          max(map(len, names)) * 8 <= report.LEFT - 10)
sys.exit(2 if failed else 0)
END
case $? in
0) ;;
2) tap_failed=1 ;;
*) not_ok "the report's shape" "the check ended early" ;;
esac

# The frame of the peers of our own: what is wrong on its command line is refused.
for peer in bdb sqlite postgres; do
	program=$build/bench/peers/$peer
	[ -x "$program" ] || continue
	mkdir "$work/$peer"
	refuses "$peer: without a directory" usage "$program"
	refuses "$peer: no writers" usage "$program" --dir "$work/$peer" --writers 0
	refuses "$peer: not a number" usage "$program" --dir "$work/$peer" --batch 1x
	refuses "$peer: an unknown variant" usage "$program" --dir "$work/$peer" --variant none
	same "$peer: ... and nothing is made" "$(ls "$work/$peer")" ""
done
exit "$tap_failed"
