#!/usr/bin/env bash
# How a rate keeps while a ledger grows: batches of 1,000 by 4 clients into one ledger for so many seconds, on
# each driver, a line each 2 seconds; then single journals by 16 clients into the ledger of --journals, which
# is maintained all along, with the longest wait of each line; then the disk alone, a plain file that
# grows by as many bytes for each journal as the driver wrote. Many disks give more for some gigabytes than they
# give for long, so before batches and disk there is a rest in which they recover. Prints all, and writes a chart to
# growth.svg in --out.
set -eu
here=$(cd "$(dirname "$0")" && pwd -P)
. "$here/lib.sh"

usage="usage: bench/growth.sh [--build DIR] [--dir DIR] [--out DIR] [--seconds N] [--journals N] [--rest SECONDS] [DRIVER...]"
seconds=60 rest=60 out=bench-results
read_options "$@"
mkdir -p "$out"

results=$dir/growth.ndjson

# The lines that say how it goes, of this work; not the result behind them.
lines() {	# work
	sed -n "s/^{\"journals\"/{\"driver\": \"$driver\", \"work\": \"$1\", \"journals\"/p" >>"$results"
}

recover() { read -r -t "$rest" <> <(:) || true; }

for driver in ${words:-bdb flatfile}; do
	recover
	$tally bench append --driver "$driver" --batch 1000 --clients 4 --seconds "$seconds" --every 2 --dir "$dir" --json \
		>"$dir/out"
	lines batches <"$dir/out"
	written=$(sed -n 's/.*"written_each": *\([0-9]*\).*/\1/p' "$dir/out")
	$tally bench append --driver "$driver" --clients 16 --journals "$journals" --seconds "$((seconds / 2))" --every 2 \
		--maintain --dir "$dir" --json | lines singles
	recover
	$tally bench floor --grow --batch 1000 --size "$written" --seconds "$seconds" --every 2 --dir "$dir" --json | lines disk
done
cp "$results" "$out/growth.ndjson"
python3 -B "$here/peers/growth.py" "$out"
