#!/usr/bin/env bash
# A sharing process of many stages in a large ledger: lighttpd in front, journals in batches, and between
# any two batches one ShareDataset that adds a stage. Then QueryDatasetSharingProcess for the whole process;
# prints the time from the request to its answer as curl has it, median and longest, and the time that
# tally.fcgi had the processor for one, in milliseconds; while the store is in use, and right after a start.
set -eu
here=$(cd "$(dirname "$0")" && pwd -P)
. "$here/lib.sh"

usage="usage: bench/process.sh [--build DIR] [--dir DIR] [--journals N] [--stages N] [--runs N] [DRIVER...]"
runs=20 stages=1000
read_options "$@"
PATH=$PATH:/usr/sbin
command -v lighttpd >/dev/null && command -v curl >/dev/null && command -v openssl >/dev/null ||
	die "this needs lighttpd, curl and openssl"

leave_root
clean_up() {
	[ -z "${store-}" ] || stop_serving "$store"
	rm -rf "$dir"
}

# ---- who shares ----

cd "$dir"
openssl ecparam -name prime256v1 -genkey -noout -out ca.key 2>/dev/null
openssl req -x509 -new -key ca.key -subj /CN=org1 -days 2 -sha256 \
	-addext keyUsage=critical,keyCertSign,cRLSign -out ca.pem 2>/dev/null
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out me.key 2>/dev/null
openssl req -new -key me.key -subj /CN=me -out me.csr 2>/dev/null
echo keyUsage=critical,digitalSignature >extensions
openssl x509 -req -in me.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -sha256 -extfile extensions \
	-out me.pem 2>/dev/null
chmod 644 ca.pem

line_of() { awk '{ printf "%s\\n", $0 }' "$1"; }
common="\"orgID\":\"org1\",\"channelID\":\"bench\",\"cryptoMethod\":\"SW\",\"timestamp\":\"$(date -u +%FT%TZ)\"
,\"cert\":\"$(line_of me.pem)\",\"sk\":\"$(line_of me.key)\""

# The answer to a body below /v1/.
ask() {	# path members
	printf '{%s%s}' "$common" "$2" | curl -sS --data-binary @- -H 'Content-Type: application/json' "$url/v1/$1"
}
stage() {	# number; of a new process where it is the first
	local action='"action":"new"' answer
	[ "$1" = 1 ] || action="\"action\":\"append\",\"creatorDID\":\"$did\",\"processID\":\"$process\""
	answer=$(ask datashare/dataset/share ",\"provider\":\"$did\",\"consumer\":\"$did\",\"productName\":\"n\",
		\"productID\":\"p$1\",\"orderSeq\":\"o$1\",\"sampleUrl\":\"s\",\"dataUrl\":\"d\",
		\"plainData\":\"aGVsbG8=\",\"stageName\":\"stage $1\",$action")
	process=$(json_text processID "$answer")
	[ -n "$process" ] || die "stage $1: $answer"
}

# ---- the ledger ----

# So many journals of about 200 bytes, from a number on.
append() {	# first count
	awk -v first="$1" -v n="$2" 'BEGIN { for (i = first; i < first + n; i++)
		printf "{\"Payload\":\"{\\\"number\\\":%d,\\\"text\\\":\\\"%0150d\\\"}\",\"Clues\":[\"c%d\"]}\n",
			i, i, i % 1000 }' |
		$tally append "$ledger" --token "bench$1" --batch 10000 --endpoint "$url" --key "$key" --secret "$secret" \
			>append.out 2>&1 || die "append: $(tail -n 3 append.out)"
}

fill() {	# driver
	local between=$((journals / stages))
	init_store "$dir/$1" "$1"
	$tally org add org1 --ca ca.pem --store "$store"
	ledger=$($tally channel add bench --store "$store")
	serve_store "$store"
	did=$(json_text did "$(ask identity/did '')")
	[ -n "$did" ] || die "there is no DID"
	for ((i = 1; i <= stages; i++)); do
		append $((between * (i - 1) + 1)) $between
		stage "$i"
	done
}

# ---- measuring ----

# Clock ticks that the owner of the store had the processor.
ticks() { awk '{ sub(/.*\) /, ""); print $12 + $13 }' "/proc/$(owner)/stat"; }

measure() {	# what
	local before
	printf '{%s,"creatorDID":"%s","processID":"%s"}' "$common" "$did" "$process" >query
	: >times
	before=$(ticks)
	for ((i = 0; i < runs; i++)); do
		curl -sS -o answer -w '%{time_total}\n' --data-binary @query -H 'Content-Type: application/json' \
			"$url/v1/datashare/dataset/query-process" >>times
		[ "$(grep -o '"stageName"' answer | wc -l)" = "$stages" ] || die "not all stages: $(head -c 300 answer)"
	done
	printf '%s, %s: median %s ms, longest %s ms, processor %s ms' "$driver" "$1" \
		$(sort -n times | awk '{ t[NR] = 1000 * $1 } END { print t[int((NR + 1) / 2)], t[NR] }') \
		$((1000 / $(getconf CLK_TCK) * ($(ticks) - before) / runs))
	[ "$1" != "right after a start" ] || printf ', first %s ms' "$(awk 'NR == 1 { print 1000 * $1 }' times)"
	printf '\n'
}

for driver in ${words:-bdb flatfile}; do
	fill "$driver"
	printf '%s: %d journals, one process of %d stages, %d requests each\n' "$driver" "$journals" "$stages" "$runs"
	measure "while it is in use"
	stop_serving "$store"
	serve_store "$store"
	measure "right after a start"
	stop_serving "$store"
done
printf 'load average: %s\n' "$(cut -d' ' -f1-3 /proc/loadavg)"
