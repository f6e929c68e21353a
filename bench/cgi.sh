#!/usr/bin/env bash
# Plain CGI on a large store that nobody owns: makes the store, then runs GetJournal in a process of
# its own 20 times and prints the time of the whole process, median and longest, and the time it had
# the processor, in milliseconds; and, where strace is installed, how often one of them writes to the
# store and syncs it.
set -eu
here=$(cd "$(dirname "$0")" && pwd -P)
. "$here/lib.sh"

usage="usage: bench/cgi.sh [--build DIR] [--dir DIR] [--journals N] [--runs N] [DRIVER...]"
runs=20
read_options "$@"

request() {	# journal
	env -i TALLY_STORE="$store" GATEWAY_INTERFACE=CGI/1.1 SERVER_PROTOCOL=HTTP/1.1 REQUEST_METHOD=GET \
		REQUEST_URI="/?Action=GetJournal&Version=2019-11-22&LedgerId=$ledger&JournalId=$1" \
		$2 "$fcgi" </dev/null
}

# Calls that write to a file below the store, and calls that sync.
count_calls() {
	command -v strace >/dev/null || return 0
	request 1 "strace -f -y -o $dir/calls -e trace=write,pwrite64,pwritev,fsync,fdatasync" >/dev/null
	printf ', %s writes, %s syncs' "$(grep -cE "write[v64]*\([0-9]+<$store/" "$dir/calls")" \
		"$(grep -cE 'f(data)?sync\(' "$dir/calls")" || true
}

for driver in ${words:-bdb flatfile}; do
	make_store "$driver"
	: >"$dir/times"
	TIMEFORMAT='%3R %3U %3S'
	for ((i = 0; i < runs; i++)); do
		journal=$(((RANDOM * 32768 + RANDOM) % journals + 1))
		{ time request "$journal" "" >"$dir/answer" 2>"$dir/errors"; } 2>>"$dir/times"
		grep -q "\"JournalId\":\"$journal\"" "$dir/answer" || die "no answer: $(tail -c 300 "$dir/answer")"
	done
	printf '%s: %d journals, %d CGI processes: median %s ms, longest %s ms, processor %s ms%s\n' \
		"$driver" "$journals" "$runs" $(sort -n "$dir/times" | awk '
			{ t[NR] = 1000 * $1; sum += 1000 * ($2 + $3) }
			END { print t[int((NR + 1) / 2)], t[NR], sum / NR }') "$(count_calls)"
done
printf 'load average: %s\n' "$(cut -d' ' -f1-3 /proc/loadavg)"
