#!/usr/bin/env bash
# How a rate keeps while a ledger grows: batches of 1,000 by 4 clients into one ledger for so many seconds, on
# each driver, a line each 2 seconds; then single journals by 16 clients into the ledger of --journals, which
# is maintained all along, with the longest wait of each line. Prints both, and writes a chart to growth.svg in --out.
set -eu
here=$(cd "$(dirname "$0")" && pwd -P)
. "$here/lib.sh"

usage="usage: bench/growth.sh [--build DIR] [--dir DIR] [--out DIR] [--seconds N] [--journals N] [DRIVER...]"
seconds=60 out=bench-results
read_options "$@"
mkdir -p "$out"

results=$dir/growth.ndjson

# The lines that say how it goes, of this work; not the result behind them.
lines() {	# work
	sed -n "s/^{\"journals\"/{\"driver\": \"$driver\", \"work\": \"$1\", \"journals\"/p" >>"$results"
}

for driver in ${words:-bdb flatfile}; do
	$tally bench append --driver "$driver" --batch 1000 --clients 4 --seconds "$seconds" --every 2 --dir "$dir" --json |
		lines batches
	$tally bench append --driver "$driver" --clients 16 --journals "$journals" --seconds "$((seconds / 2))" --every 2 \
		--maintain --dir "$dir" --json |
		lines singles
done
cp "$results" "$out/growth.ndjson"
python3 -B "$here/peers/growth.py" "$out"
