# What the scripts of this folder share. To be sourced by bash, with TALLY, TALLY_FCGI, JSON_GET,
# SOURCE and DRIVERS set by the makefile.

set -u
. "$SOURCE/tools/tap.sh"

unset TALLY_STORE TALLY_DRIVER TALLY_CONFIG TALLY_ENDPOINT TALLY_ACCESS_KEY_ID TALLY_ACCESS_KEY_SECRET
# Journals are counted: the service adds none of its own, unless a script asks for them.
export TALLY_LEDGER_STATE_JOURNALS=0 TALLY_LEDGER_STATE_IDLE=0
umask 022
dir=$(mktemp -d "${TMPDIR:-/tmp}/tally-cli-XXXXXX")
chmod 755 "$dir"
cd "$dir" || exit 1

# Processes started by a test end with it; each by its id.
children=
cleanup() {
	local pid
	for pid in $children; do
		kill -KILL "$pid" 2>/dev/null && wait "$pid" 2>/dev/null
	done
	cd / && rm -rf "$dir"
}
trap 'cleanup' EXIT
trap 'exit 1' INT TERM

# The durable drivers of this build.
durable() {
	local driver
	for driver in $DRIVERS; do
		[ "$driver" = mem ] || printf '%s\n' "$driver"
	done
}

json() { "$JSON_GET" "$@"; }

# N lines of NDJSON that differ.
lines() {
	local i
	for ((i = 1; i <= $1; i++)); do
		printf '{"line":%d,"text":"record number %d of the upload"}\n' "$i" "$i"
	done
}

# A process that owns the store of TALLY_STORE until it is stopped: the service itself, on a socket
# that nobody asks. It says on its log when it has the store. Words before it as arguments, such as
# setpriv.
start_owner() {	# [command...]
	local line
	rm -f "$dir/owner.log"
	mkfifo -m 666 "$dir/owner.log"
	exec 7<>"$dir/owner.log"
	"$@" "$TALLY_FCGI" --listen "$TALLY_STORE.sock" 2>&7 7<&- &
	owner=$!
	children="$children $owner"
	while read -rt 60 line <&7; do
		case $line in
		*event=fcgi.start*) return 0 ;;
		*event=fcgi.failed*) return 1 ;;
		esac
	done
	return 1
}

stop_owner() {
	kill -TERM "$owner"
	wait "$owner"
}

finish() { exit "$tap_failed"; }
