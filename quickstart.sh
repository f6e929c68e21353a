#!/usr/bin/env bash
# From a fresh clone to a running ledger: installs what is needed from packages, builds, makes a
# store, starts a web server and a self-made time-stamp authority on 127.0.0.1, appends the records of
# data/easter.ndjson, reads one back, bounds one in time, and proves a clue's lineage and a member's
# signature. Writes DIR and ./build-quickstart only; uses root for packages only; touches no system service.
set -euo pipefail
{ # read as a whole, so that it may be replaced while it runs

usage() {
	cat <<'END'
usage: ./quickstart.sh [options]

  --port N       port on 127.0.0.1 (default 8080)
  --dir DIR      where the demo lives: store, logs, demo.env, tsa (default ./demo)
  --driver NAME  storage driver of a new store: bdb (default) or flatfile
  --server NAME  lighttpd (default), apache or nginx
  --stop         stop the server that runs for DIR
  --help         this text

It can be run again: the store is kept, and a server that runs is kept too.
END
}

top=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
. "$top/tools/lib.sh"

build=$top/build-quickstart
dir= port=8080 driver=bdb server=lighttpd stop=
APT_LOG=$build/packages.log

# ---- arguments ----

value() { [ $# -ge 2 ] || { warn "$1 needs a value"; exit 2; }; }

while [ $# -gt 0 ]; do
	case $1 in
	--*=*) set -- "${1%%=*}" "${1#*=}" "${@:2}"; continue ;;
	--port) value "$@"; port=$2; shift ;;
	--dir) value "$@"; dir=$2; shift ;;
	--driver) value "$@"; driver=$2; shift ;;
	--server) value "$@"; server=$2; shift ;;
	--stop) stop=yes ;;
	-h|--help) usage; exit 0 ;;
	*) warn "unknown argument: $1"; usage >&2; exit 2 ;;
	esac
	shift
done
case $server in lighttpd) ;; apache|apache2) server=apache ;; nginx) ;;
*) warn "--server is lighttpd, apache or nginx"; exit 2 ;; esac
case $port in ''|*[!0-9]*|??????*) warn "--port is a number"; exit 2 ;; esac
if [ "$port" -lt 1 ] || [ "$port" -gt 65535 ]; then warn "--port is from 1 to 65535"; exit 2; fi
[ -n "$dir" ] || dir=$top/demo

# ---- the server of this directory ----

# Process id of the `tally serve` that was started for DIR, if it still runs.
running() {
	local pid
	pid=$(cat "$dir/web/serve.pid" 2>/dev/null) || return 1
	[ -n "$pid" ] && tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null |
		grep -qF -- " serve --store $dir/store " || return 1
	printf '%s\n' "$pid"
}

stop_server() {
	local pid
	pid=$(running) || return 1
	kill -TERM "$pid"
	wait_gone "$pid" 30 || die "process $pid does not stop"
	rm -f "$dir/web/arguments"
}

# The same of the time-stamp authority.
running_tsa() {
	local pid
	pid=$(cat "$dir/tsa/pid" 2>/dev/null) || return 1
	[ -n "$pid" ] && tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null |
		grep -qF -- " tsa serve $dir/tsa " || return 1
	printf '%s\n' "$pid"
}

stop_tsa() {
	local pid
	pid=$(running_tsa) || return 0
	kill -TERM "$pid"
	wait_gone "$pid" 30 || die "process $pid does not stop"
}

if [ -n "$stop" ]; then
	[ -d "$dir" ] && dir=$(cd "$dir" && pwd -P)
	stop_tsa
	if stop_server; then
		say "stopped; the store is kept in $dir"
	else
		say "no server of $dir runs"
	fi
	exit 0
fi

# ---- progress ----

started=$SECONDS
stage_name= stage_start=0
stage_done() {
	[ -n "$stage_name" ] && say "    $stage_name: $((SECONDS - stage_start)) s"
	stage_name=
}
stage() {
	stage_done
	stage_name=$1 stage_start=$SECONDS
	say "==> $2"
}
ended() {
	local status=$?
	if [ "$status" != 0 ] && [ -n "$stage_name" ]; then
		warn "failed in stage '$stage_name' (exit status $status)"
	fi
	# what was started for a demo that did not come to be
	[ "$status" = 0 ] || [ -z "${tsa_started-}" ] || kill "$tsa_started" 2>/dev/null || true
}
trap ended EXIT

logged() {	# log command...
	local log=$1
	shift
	"$@" >>"$log" 2>&1 </dev/null || {
		tail -n 25 "$log" >&2
		die "failed: $* (whole log: $log)"
	}
}

umask 022
mkdir -p "$build" "$dir"
dir=$(cd "$dir" && pwd -P)

# ---- packages ----

stage packages "Packages"
install_packages $BUILD_PACKAGES curl
server_program=$server
[ "$server" = apache ] && server_program=apache2
have_server "$build/server" "$server_program" ||
	die "cannot get $server_program; install it yourself, or choose another --server"
say "    $server: $(command -v "$server_program")"

# ---- build ----

stage build "Building in ${build#"$PWD"/}"
: >"$build/build.log"
copy_sources "$top" "$build/source"
logged "$build/build.log" bootstrap "$build/source"
mkdir -p "$build/out"
cd "$build/out"
[ Makefile -nt ../source/configure ] ||
	logged "$build/build.log" ../source/configure --prefix="$build/installed" CFLAGS="-O2 -g"
logged "$build/build.log" make -j"$(nproc 2>/dev/null || echo 2)"
logged "$build/build.log" make install
cd "$top"
tally=$build/installed/bin/tally
"$tally" version >/dev/null || die "$tally does not run"

# ---- store ----

stage store "Store in $dir/store"
endpoint=http://127.0.0.1:$port
env_file=$dir/demo.env
json() { sed -n "s/.*\"$1\" *: *\"\\([^\"]*\\)\".*/\\1/p" | head -n 1; }

write_env() {
	(umask 077
	cat >"$env_file.new" <<END
# Of the demo ledger; load it with: . $env_file
export TALLY_ENDPOINT='$endpoint'
export TALLY_ACCESS_KEY_ID='$TALLY_ACCESS_KEY_ID'
export TALLY_ACCESS_KEY_SECRET='$TALLY_ACCESS_KEY_SECRET'
export TALLY_LEDGER_ID='${TALLY_LEDGER_ID-}'
export TALLY_STORE='$dir/store'
export TALLY_DRIVER='$driver'
export TALLY_CONFIG='$dir/tally.conf'
export TALLY_BIN='$tally'
END
	)
	mv "$env_file.new" "$env_file"
}

unset TALLY_ENDPOINT TALLY_ACCESS_KEY_ID TALLY_ACCESS_KEY_SECRET TALLY_LEDGER_ID TALLY_STORE \
	TALLY_DRIVER TALLY_CONFIG
if [ -f "$env_file" ]; then
	wanted=$driver
	. "$env_file"
	driver=$TALLY_DRIVER
	say "    kept, driver $driver"
	[ "$wanted" = "$driver" ] || [ "$wanted" = bdb ] ||
		warn "the store is of driver $driver; for $wanted name another --dir"
elif [ -d "$dir/store" ]; then
	die "$dir/store exists but $env_file does not: remove both for a new demo, or name another --dir"
else
	key=$("$tally" init --store "$dir/store" --driver "$driver" --json)
	TALLY_ACCESS_KEY_ID=$(json AccessKeyId <<<"$key")
	TALLY_ACCESS_KEY_SECRET=$(json AccessKeySecret <<<"$key")
	[ -n "$TALLY_ACCESS_KEY_SECRET" ] || die "tally init printed no access key"
	write_env
	say "    made, driver $driver"
fi

# ---- a time-stamp authority, self-made ----

stage authority "A time-stamp authority, self-made"
[ -f "$dir/tsa/ca.pem" ] || "$tally" tsa init "$dir/tsa" --name "Quickstart authority" >>"$build/build.log" 2>&1 ||
	die "tally tsa init failed, see $build/build.log"
tsa_port=$(cat "$dir/tsa/port" 2>/dev/null || true)
if ! running_tsa >/dev/null; then
	{ [ -n "$tsa_port" ] && ! port_in_use "$tsa_port"; } || tsa_port=$(free_port)
	setsid "$tally" tsa serve "$dir/tsa" --listen "127.0.0.1:$tsa_port" >"$dir/tsa/log" 2>&1 </dev/null &
	tsa_started=$!
	printf '%s\n' "$tsa_started" >"$dir/tsa/pid"
	printf '%s\n' "$tsa_port" >"$dir/tsa/port"
fi
wait_http "$tsa_port" /ca.pem 15 || die "the authority does not answer; see $dir/tsa/log"
cat >"$dir/tally.conf" <<END
# Of the demo. Its stamps prove a time to nobody else: for that, name an authority that others trust
# (doc/operations.md, "Time stamps").
[time]
authorities = http://127.0.0.1:$tsa_port/
ca_file = $dir/tsa/ca.pem
END
say "    on http://127.0.0.1:$tsa_port/; its stamps prove a time to nobody else"

# ---- server ----

stage server "Web server $server on $endpoint"
arguments="$server $port $tally $tsa_port"
if pid=$(running); then
	if [ "$(cat "$dir/web/arguments" 2>/dev/null)" = "$arguments" ] && wait_http "$port" /healthz 5; then
		say "    runs already (process $pid)"
	else
		say "    restarting it with other settings"
		stop_server
		pid=
	fi
fi
if [ -z "${pid-}" ]; then
	port_in_use "$port" && die "something else listens on 127.0.0.1:$port; choose another --port"
	"$tally" serve --store "$dir/store" --driver "$driver" --server "$server" \
		--config "$dir/tally.conf" --listen "127.0.0.1:$port" --dir "$dir/web" --daemon >>"$build/build.log" ||
		die "the server did not start"
	wait_http "$port" /healthz 30 || {
		tail -n 25 "$dir/web/serve.log" "$dir/web/log/"* >&2
		die "the server does not answer on $endpoint/healthz"
	}
	pid=$(running) || die "the server has ended again; see $dir/web/serve.log"
	printf '%s\n' "$arguments" >"$dir/web/arguments"
	say "    started (process $pid, configuration and logs in $dir/web)"
fi
export TALLY_ENDPOINT=$endpoint TALLY_ACCESS_KEY_ID TALLY_ACCESS_KEY_SECRET

# ---- a ledger with records ----

stage ledger "A ledger with records"
if [ -z "${TALLY_LEDGER_ID-}" ]; then
	answer=$("$tally" call CreateLedger LedgerName="Dates of Easter" PublicRead=true \
		LedgerDescription="Computed, 1583 to 4099; see data/README.md")
	TALLY_LEDGER_ID=$(json LedgerId <<<"$answer")
	[ -n "$TALLY_LEDGER_ID" ] || die "CreateLedger answered: $answer"
	say "    created $TALLY_LEDGER_ID, readable by everyone"
fi
write_env
export TALLY_LEDGER_ID
count=$("$tally" call DescribeLedger LedgerId="$TALLY_LEDGER_ID" |
	sed -n 's/.*"JournalCount" *: *\([0-9]*\).*/\1/p')
records=$(wc -l <"$top/data/easter.ndjson")
if [ "${count:-0}" -gt "$records" ]; then
	say "    $TALLY_LEDGER_ID has its records, $count journals in all"
else
	# An upload that broke off goes on where it was: its token names it.
	"$tally" append --token easter "$TALLY_LEDGER_ID" "$top/data/easter.ndjson"
fi

# ---- reading back ----

stage read "Reading journal 442 back, as anyone can"
read_url="$endpoint/?Action=GetJournal&Version=2019-11-22&LedgerId=$TALLY_LEDGER_ID&JournalId=442"
for format in JSON XML; do
	answer=$(curl -sS --fail-with-body "$read_url&Format=$format") ||
		die "reading as $format failed: $answer"
	case $answer in *orthodoxEaster*) ;; *) die "not the journal that was written: $answer" ;; esac
	printf '\n%s\n' "$answer"
done
say ""

# ---- bounded in time ----

stage time "A journal between two time stamps, checked without the server"
ca=$dir/tsa/ca.pem proof=$dir/between.tlog-proof
if [ ! -f "$proof" ]; then
	"$tally" anchor create "$TALLY_LEDGER_ID" >>"$build/build.log"
	answer=$("$tally" call AppendJournal LedgerId="$TALLY_LEDGER_ID" Clues='["between"]' \
		Payload='{"note":"appended between two time stamps"}')
	"$tally" anchor create "$TALLY_LEDGER_ID" >>"$build/build.log"
	between=$(json JournalId <<<"$answer")
	"$tally" prove "$TALLY_LEDGER_ID" "$between" --time -o "$proof.new" && mv "$proof.new" "$proof"
fi
vkey=$("$tally" ledger vkey "$TALLY_LEDGER_ID")
env -u TALLY_ENDPOINT "$tally" verify "$proof" --vkey "$vkey" --ca "$ca" || die "the proof does not verify"
say "    (by the self-made authority: it shows how, and proves the time to nobody else)"

# ---- complete, and signed ----

stage proof "All years with Easter on 31 March, and a member's signature, checked without the server"
lineage=$dir/easter-03-31.json member_key=$dir/member.pem signed=$dir/signed.tlog-proof
"$tally" prove "$TALLY_LEDGER_ID" --clue easter:03-31 --fresh -o "$lineage"
env -u TALLY_ENDPOINT "$tally" verify "$lineage" --vkey "$vkey" || die "the lineage does not verify"
if [ ! -f "$member_key" ]; then
	rm -f "$member_key.new"
	"$tally" member keygen "$member_key.new" >"$dir/member.public"
	"$tally" member create "$TALLY_LEDGER_ID" --key-file "$member_key.new" --role writer >"$dir/member.id"
	mv "$member_key.new" "$member_key"
fi
if [ ! -f "$signed" ]; then
	number=$(echo '{"note":"signed by a member"}' | "$tally" append "$TALLY_LEDGER_ID" --lines --json \
		--token signed --sign "$member_key" --member "$(cat "$dir/member.id")" |
		sed -n 's/.*"FirstJournalId" *: *\([0-9]*\).*/\1/p')
	"$tally" prove "$TALLY_LEDGER_ID" "$number" -o "$signed.new" && mv "$signed.new" "$signed"
fi
env -u TALLY_ENDPOINT "$tally" verify "$signed" --vkey "$vkey" --signed-by "$(cat "$dir/member.public")" ||
	die "the member's signature does not verify"
stage_done

cat <<END

Done in $((SECONDS - started)) s. The server runs until ./quickstart.sh --stop${dir:+ --dir $dir}

Try next:
  . $env_file
  curl "$read_url"
  curl "$endpoint/?Action=ListJournals&Version=2019-11-22&LedgerId=$TALLY_LEDGER_ID&Clue=easter:03-31&MaxResults=3"
  \$TALLY_BIN append \$TALLY_LEDGER_ID README.md
  \$TALLY_BIN call AppendJournal LedgerId=\$TALLY_LEDGER_ID Payload='{"hello":"ledger"}' Clues='["first"]'
  \$TALLY_BIN call ListJournals LedgerId=\$TALLY_LEDGER_ID Clue=first --format xml
  \$TALLY_BIN anchor list \$TALLY_LEDGER_ID
  \$TALLY_BIN verify $proof --vkey "\$(\$TALLY_BIN ledger vkey \$TALLY_LEDGER_ID)" --ca $ca
  \$TALLY_BIN verify $lineage --vkey "\$(\$TALLY_BIN ledger vkey \$TALLY_LEDGER_ID)" --max-lag 10
  \$TALLY_BIN member list \$TALLY_LEDGER_ID
  \$TALLY_BIN actions
  \$TALLY_BIN --help
END
exit
}
