#!/usr/bin/env bash
# Memory of tally.fcgi on a large store: lighttpd in front, appends, single reads and lists at once
# for some minutes. Samples the resident memory of the process (RssAnon is what the program itself
# holds; the rest is files that the system may drop) and prints the first, highest and last, in MB.
set -eu
here=$(cd "$(dirname "$0")" && pwd -P)
. "$here/lib.sh"

usage="usage: bench/memory.sh [--build DIR] [--dir DIR] [--journals N] [--seconds N] [DRIVER...]"
read_options "$@"
PATH=$PATH:/usr/sbin
command -v lighttpd >/dev/null && command -v curl >/dev/null || die "this needs lighttpd and curl"

leave_root

clients=
stop() {
	local pid
	for pid in $clients; do
		kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null
	done
	clients=
	[ -z "${store-}" ] || stop_serving "$store"
}
clean_up() {
	stop
	rm -rf "$dir"
}

appends() {	# number
	while :; do
		awk -v n="$1" 'BEGIN { srand(); for (i = 0; i < 200; i++)
			printf "{\"Payload\":\"{\\\"client\\\":%d,\\\"text\\\":\\\"%0150d\\\"}\",\"Clues\":[\"c%d\"]}\n",
				n, i, rand() * 1000 }' |
			$tally append "$ledger" --token "$1-$RANDOM$RANDOM$RANDOM" --batch 20 --endpoint "$url" \
				--key "$key" --secret "$secret"
	done
}
reads() {	# first
	local get="$url/?Action=GetJournal&Version=2019-11-22&LedgerId=$ledger"
	while :; do curl -sg "$get&JournalId=[$1-$journals:9973]" -o /dev/null; done
}
lists() {	# first
	local list="$url/?Action=ListJournals&Version=2019-11-22&LedgerId=$ledger&Limit=100"
	while :; do
		curl -sg "$list&Clue=c[$1-999:7]" -o /dev/null
		curl -sg "$list&StartJournalId=[$1-$journals:99991]" -o /dev/null
	done
}
work() {	# function argument
	set +e
	trap 'kill $(jobs -p) 2>/dev/null; exit' TERM
	"$@" >>"$dir/clients.log" 2>&1 &
	wait
}

for driver in ${words:-bdb flatfile}; do
	make_store "$driver"
	serve_store "$store"
	pid=$(owner)
	for command in "appends 1" "appends 2" "reads 1" "reads 500" "lists 1" "lists 4"; do
		work $command &
		clients="$clients $!"
	done
	: >"$dir/samples"
	for ((i = 0; i < seconds; i += 2)); do
		sleep 2
		awk '/^VmRSS/ { rss = $2 } /^RssAnon/ { own = $2 } END { print rss, own }' "/proc/$pid/status" \
			>>"$dir/samples" || die "$driver: tally.fcgi ended"
	done
	grown=$($tally ledger show "$ledger" --store "$store" --json | grep -o '"JournalCount": *[0-9]*' |
		grep -o '[0-9]*$')
	stop
	awk -v driver="$driver" -v grown="$grown" -v seconds="$seconds" '
		function mb(kb) { return sprintf("%.0f", kb / 1024) }
		{ rss[NR] = $1; own[NR] = $2; if ($1 > high) high = $1; if ($2 > most) most = $2 }
		END { h = int((NR + 1) / 2); printf "%s: %d journals at the end, %d s: resident first %s, half-way %s, last %s, " \
			"highest %s MB; of it its own first %s, half-way %s, last %s, highest %s MB\n", driver, grown,
			seconds, mb(rss[1]), mb(rss[h]), mb(rss[NR]), mb(high), mb(own[1]), mb(own[h]), mb(own[NR]),
			mb(most) }' "$dir/samples"
done
