#!/usr/bin/env bash
# Tallystick beside its peers, in alternation, on this machine: the same payload, the same number of writers,
# acknowledged when it is on the disk (where a peer cannot, it says so). README.md explains each of them.
#
# Round after round every row of every table is measured once, each in a directory of its own on the same
# disk; peers/report.py then makes medians, tables and charts. A peer that cannot be had here is named as
# left out. What peers need is fetched as packages: libraries are installed, servers are only unpacked.
set -eu
here=$(cd "$(dirname "$0")" && pwd -P)
. "$here/../tools/lib.sh"
. "$here/lib.sh"

usage="usage: bench/peers.sh [--build DIR] [--dir DIR] [--out DIR] [--rounds N] [--seconds N] [--short]
                      [PEER...]
PEER: tallystick floor bdb sqlite postgres hypercore immudb tessera (default: all)"
seconds=2 rounds=3 short= out=
size=256

HYPERCORE=hypercore@11.39.5
IMMUDB=github.com/codenotary/immudb/embedded/store@v1.9.5
TESSERA=github.com/transparency-dev/tessera/storage/posix@v1.0.4

# table peer variant writers batch
rows() {
	local table writers batch
	for table in "single-1 1 1" "single-16 16 1" "batch-1 1 1000" "batch-4 4 1000"; do
		read -r table writers batch <<<"$table"
		echo "$table tallystick bdb $writers $batch"
		echo "$table tallystick flatfile $writers $batch"
		[ "$table" = batch-4 ] || echo "$table floor one 1 $batch"
		[ "$table" != single-16 ] || echo "$table floor group 1 16"
		echo "$table bdb - $writers $batch"
		echo "$table sqlite - $writers $batch"
		echo "$table postgres chain $writers $batch"
		echo "$table postgres plain $writers $batch"
		echo "$table hypercore async $writers $batch"
		echo "$table hypercore synced $writers $batch"
		echo "$table immudb default $writers $batch"
		[ "$batch" != 1 ] || echo "$table immudb quick $writers $batch"
		[ "$table" != single-16 ] || echo "$table tessera default $writers $batch"
		echo "$table tessera quick $writers $batch"
	done
	echo "single-64 tallystick bdb 64 1"
	echo "single-64 tallystick flatfile 64 1"
	echo "single-64 bdb - 64 1"
	echo "single-64 postgres chain 64 1"
	echo "single-64 postgres plain 64 1"
	for table in "socket-64 64 1" "http-batch-4 4 1000"; do
		read -r table writers batch <<<"$table"
		echo "$table tallystick http-signed $writers $batch"
		echo "$table tallystick http $writers $batch"
		echo "$table postgres chain $writers $batch"
		echo "$table postgres plain $writers $batch"
	done
}

# ---- having a peer ----

# Each have_PEER makes it runnable, or returns 1 with the reason in why. Output goes to the log.
packages=

# Libraries by package; what fails is no end of the run.
need_packages() {
	(install_packages "$@") || { why="there is no package $(missing_packages "$@")"; return 1; }
}

build_peer() {	# name
	make -s -C "$build/bench" "peers/$1" || { why="it does not compile"; return 1; }
}

have_tallystick() { :; }
have_floor() { :; }
have_bdb() { need_packages libdb5.3-dev libssl-dev && build_peer bdb; }
have_sqlite() { need_packages libsqlite3-dev libssl-dev && build_peer sqlite; }

# The server that is installed, or one that is unpacked only, so that no service begins.
have_postgres() {
	local package
	need_packages libpq-dev libssl-dev && build_peer postgres || return 1
	pg_bin=$(ls /usr/lib/postgresql/*/bin/initdb 2>/dev/null | sort -V | tail -n 1)
	if [ -z "$pg_bin" ]; then
		why="there is no package of its server"
		package=$(apt-cache depends postgresql | sed -n 's/.*Depends: \(postgresql-[0-9]*\)$/\1/p')
		[ -n "$package" ] && (unpack_packages "$servers" "$package") || return 1
		pg_bin=$(ls "$servers"/root/usr/lib/postgresql/*/bin/initdb) || return 1
	fi
	pg_bin=${pg_bin%/initdb} pg=$dir/postgres
	mkdir "$pg" && { [ -z "$as" ] || chown 65534:65534 "$pg"; }
	$as "$pg_bin/initdb" -D "$pg/data" -U bench --auth=trust --no-sync || { why="initdb fails"; return 1; }
}

have_hypercore() {
	command -v npm >/dev/null || need_packages nodejs npm || return 1
	[ -d "$packages/node_modules/${HYPERCORE%@*}" ] ||
		npm install --silent --no-audit --no-fund --prefix "$packages" "$HYPERCORE" ||
		{ why="npm does not give $HYPERCORE"; return 1; }
	node=$(command -v node)
}

# A peer's own file, the frame beside it, and what the module proxy has.
build_go() {	# name module@version
	local at=$packages/$1 minor
	command -v go >/dev/null || { why="there is no Go"; return 1; }
	minor=$(go env GOVERSION | sed -n 's/^go1\.\([0-9]*\).*/\1/p')
	[ "${minor:-0}" -ge 22 ] || { why="Go is older than 1.22"; return 1; }
	mkdir -p "$at" && rm -f "$at"/*.go && cp "$here/peers/peer.go" "$here/peers/$1.go" "$at/" || return 1
	(cd "$at" && { [ -f go.mod ] || go mod init peer; } && go get "$2") ||
		{ why="the module proxy does not give $2"; return 1; }
	(cd "$at" && go build -o peer .) || { why="it does not compile"; return 1; }
}
have_immudb() { build_go immudb "$IMMUDB"; }
have_tessera() { build_go tessera "$TESSERA"; }

# ---- measuring ----

# What runs besides, so that an interrupt stops it too.
serving= pg_runs=
clean_up() {
	[ -z "$serving" ] || stop_serving "$serving"
	[ -z "$pg_runs" ] || stop_postgres
	cd / && rm -rf "$dir"
}

# Each run_PEER VARIANT WRITERS BATCH DIR prints one object of JSON.

run_floor() {
	$tally bench floor --batch "$3" --size $size --seconds "$seconds" --dir "$4" --json
}

run_tallystick() {
	local asked status=0
	case $1 in
	http*)
		init_store "$4/store" bdb
		serving=$store
		serve_store "$store"
		asked="--clients $2"
		[ "$3" = 1 ] || asked="$asked --work batch --batch $3"
		[ "$1" = http ] || asked="$asked --signed"
		TALLY_ACCESS_KEY_ID=$key TALLY_ACCESS_KEY_SECRET=$secret $tally bench http $asked --size $size \
			--seconds "$seconds" --endpoint "$url" --json || status=1
		stop_serving "$store"
		serving=
		return $status ;;
	*)
		$tally bench append --driver "$1" --clients "$2" --batch "$3" --size $size \
			--seconds "$seconds" --dir "$4" --json ;;
	esac
}

run_own() {	# peer variant writers batch dir further...
	local program=$1 variant=$2
	[ "$variant" = - ] && variant= || variant="--variant $variant"
	"$build/bench/peers/$program" --dir "$5" $variant --writers "$3" --batch "$4" --size $size \
		--seconds "$own_seconds" "${@:6}"
}
run_bdb() { run_own bdb "$@"; }
run_sqlite() { run_own sqlite "$@"; }

# The server runs while it is measured only; its socket lies beside its files.
run_postgres() {
	local status=0
	pg_runs=yes
	$as "$pg_bin/pg_ctl" -D "$pg/data" -w -s -l "$pg/log" -o "-k '$pg' -c listen_addresses= \
		-c fsync=on -c synchronous_commit=on -c shared_buffers=128MB" start >&2 || return 1
	run_own postgres "$@" --target "host='$pg' user=bench dbname=postgres" || status=1
	stop_postgres
	return $status
}
stop_postgres() {
	$as "$pg_bin/pg_ctl" -D "$pg/data" -w -s -m fast stop >&2
	pg_runs=
}

run_hypercore() {
	NODE_PATH=$packages/node_modules "$node" "$here/peers/hypercore.js" --variant "$1" --writers "$2" \
		--batch "$3" --size $size --seconds "$own_seconds" --dir "$4"
}

run_go() {	# name variant writers batch dir
	"$packages/$1/peer" -variant "$2" -writers "$3" -batch "$4" -size $size \
		-seconds "$own_seconds" -dir "$5"
}
run_immudb() { run_go immudb "$@"; }
run_tessera() { run_go tessera "$@"; }

measure() {	# round table peer variant writers batch
	local at result
	at=$(mktemp -d "$dir/run-XXXXXX")
	[ -z "$as" ] || chown 65534:65534 "$at"
	"run_$3" "$4" "$5" "$6" "$at" >"$dir/result" 2>>"$out/peers.log" || : >"$dir/result"
	result=$(tr -d '\n' <"$dir/result")
	case $result in
	'{'*'}') ;;
	*) tail -n 5 "$out/peers.log" >&2; die "$3 $4 in $2: no result; see $out/peers.log" ;;
	esac
	printf '{"table":"%s","peer":"%s","variant":"%s","writers":%d,"batch":%d,"round":%d,"result":%s}\n' \
		"$2" "$3" "$4" "$5" "$6" "$1" "$result" >>"$out/results.ndjson"
	rm -rf "$at"
	# what one leaves to be written is not the next one's burden
	sync -f "$dir"
}

# ---- the machine ----

escaped() { printf '%s' "$1" | tr -d '\000-\037' | sed 's/[\\"]/\\&/g'; }

describe_machine() {
	local cpu memory fs
	cpu=$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | head -n 1)
	memory=$(awk '/^MemTotal/ { printf "%.1f GiB", $2 / 1048576 }' /proc/meminfo)
	fs=$(df --output=fstype,source "$dir" | tail -n 1 | tr -s ' ')
	printf '{"machine":{"cpu":"%s","cores":%d,"memory":"%s","kernel":"%s","file_system":"%s",' \
		"$(escaped "${cpu:-unknown}")" "$(nproc)" "$memory" "$(escaped "$(uname -sr)")" "$(escaped "$fs")"
	printf '"load":"%s","date":"%s","tallystick":"%s","seconds":%s,"rounds":%d,"size":%d,"short":%s}}\n' \
		"$(cut -d' ' -f1-3 /proc/loadavg)" "$(date -u +%Y-%m-%dT%H:%M:%SZ)" \
		"$(escaped "$($tally version | head -n 1)")" "$seconds" "$rounds" "$size" \
		"$([ -n "$short" ] && echo true || echo false)"
}

# ---- the run ----

read_options "$@"
if [ -n "$short" ]; then
	seconds=1 rounds=1 own_seconds=0.2
else
	own_seconds=$seconds
fi
for peer in ${words:=tallystick floor bdb sqlite postgres hypercore immudb tessera}; do
	declare -F "have_$peer" >/dev/null || die "there is no peer $peer; $usage"
done
case $(df --output=fstype "$dir" | tail -n 1) in
tmpfs|ramfs) die "$dir is in memory, so nothing there is durable: use --dir on a disk" ;;
esac
for number in "$rounds" "$seconds"; do
	case $number in ''|0*|*[!0-9]*) die "$usage" ;; esac
done
out=${out:-$PWD/bench-results}
mkdir -p "$out"
out=$(cd "$out" && pwd -P)
packages=$build/bench/packages
mkdir -p "$packages"
: >"$out/results.ndjson"
: >"$out/peers.log"
APT_LOG=$out/packages.log
: >"$APT_LOG"
install_packages python3 make gcc >&2
cd "$dir"
# Another user cannot enter a build below /root; what was fetched stays there for the next run.
servers=$dir/servers
mkdir -p "$packages/deb" "$servers"
ln -s "$packages/deb" "$servers/deb"
leave_root
have_server "$servers" lighttpd >&2 || die "there is no lighttpd"
describe_machine >>"$out/results.ndjson"

peers=
for peer in $words; do
	say "... $peer" >&2
	why="see $out/peers.log"
	if "have_$peer" >>"$out/peers.log" 2>&1; then
		peers="$peers $peer"
	else
		say "    left out: $why" >&2
		printf '{"left_out":"%s","why":"%s"}\n' "$peer" "$(escaped "$why")" >>"$out/results.ndjson"
	fi
done
drivers=$($tally drivers --json | tr -d ' \n')
for ((round = 1; round <= rounds; round++)); do
	say "... round $round of $rounds" >&2
	while read -r table peer variant writers batch; do
		case " $peers " in *" $peer "*) ;; *) continue ;; esac
		case $peer-$variant in
		tallystick-bdb|tallystick-flatfile)
			case $drivers in *"\"$variant\""*) ;; *) continue ;; esac ;;
		esac
		measure $round "$table" "$peer" "$variant" "$writers" "$batch"
	done < <(rows)
done
python3 "$here/peers/report.py" "$out"
say "tables and charts are in $out" >&2
