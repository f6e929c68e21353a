#!/usr/bin/env bash
# quickstart.sh from end to end, as a stranger would use it: in a copy of the sources, on a free
# port; a second run; tally.fcgi killed; stopping. Arguments: top of the sources, a directory to
# work in (made).
set -u
source=$1 work=$2
. "$source/tools/lib.sh"
. "$source/tools/tap.sh"
clone=$work/clone demo=$work/demo
APT_LOG=$work/packages.log
rm -rf "$work"
mkdir -p "$clone" "$work/home" "$work/tmp"
copy_sources "$source" "$clone"
export HOME=$work/home TMPDIR=$work/tmp
port=$(free_port)

listing() { (cd "$clone" && find . -path ./build-quickstart -prune -o -type f -print0 | sort -z |
	xargs -0 cksum); }
quickstart() { timeout 900 "$clone/quickstart.sh" --dir "$demo" --port "$port" "$@"; }
fetch() { curl -sS -m 20 "$@"; }
member() { sed -n "s/.*\"$1\" *: *\"*\\([^\",}]*\\).*/\\1/p" | head -n 1; }
fcgi_pids() { local p; for p in /proc/[0-9]*; do
	[ "$(readlink "$p/exe" 2>/dev/null | sed 's/ (deleted)$//')" = "$1" ] && echo "${p#/proc/}"; done; }

before=$(listing)
touch "$work/marker"
trap 'quickstart --stop >/dev/null 2>&1' EXIT

passes "runs from sources to a journal read back" quickstart
if [ ! -f "$demo/demo.env" ]; then
	not_ok "demo.env" "it was not written"
	exit 1
fi
same "demo.env is private" "$(stat -c %a "$demo/demo.env")" 600
for name in TALLY_ENDPOINT TALLY_ACCESS_KEY_ID TALLY_ACCESS_KEY_SECRET TALLY_LEDGER_ID TALLY_STORE TALLY_BIN
do
	same "demo.env sets $name" "$(. "$demo/demo.env"; [ -n "${!name-}" ] && echo set)" set
done
. "$demo/demo.env"
passes "TALLY_BIN runs" "$TALLY_BIN" version
same "the server answers on its port" "$(fetch "$TALLY_ENDPOINT/healthz")" ok
get="$TALLY_ENDPOINT/?Action=GetJournal&Version=2019-11-22&LedgerId=$TALLY_LEDGER_ID&JournalId"
# Of users' journals: the service adds its own (anchors, STATE_ROOTs).
customs() { "$TALLY_BIN" list "$TALLY_LEDGER_ID" --type CUSTOM --json --endpoint "$TALLY_ENDPOINT" | wc -l; }
records=$(wc -l <"$source/data/easter.ndjson")
same "all records are in the ledger, the one between two stamps and the signed one" "$(customs)" \
	$((records + 2))
same "journal 1 is the first record" \
	"$(fetch "$get=1" | grep -c 'PayloadJsonString":"{\\"year\\":1583,')" 1
same "journal 0 creates the ledger" "$(fetch "$get=0" | member PayloadType)" CREATE_LEDGER
same "XML, unsigned" "$(fetch "$get=442&Format=XML" |
	grep -c '<GetJournalResponse>.*<PayloadJsonString>{[^<]*year[^<]*2024-03-31')" 1
anchors() { "$TALLY_BIN" anchor list "$TALLY_LEDGER_ID" --json --endpoint "$TALLY_ENDPOINT" | grep -c '"JournalId"'; }
same "it is anchored twice" "$(anchors)" 2
same "... by an authority that says what it is" "$(fetch "$TALLY_ENDPOINT/?Action=ListTimeAnchors&Version=2019-11-22&LedgerId=$TALLY_LEDGER_ID" |
	grep -o 'Quickstart authority (self-made, for tests)' | wc -l)" 2
tsa_port=$(cat "$demo/tsa/port")
for id in 0 1 442; do
	same "journal $id has its member" "$(fetch "$get=$id" | member MemberId | cut -c1-2)" m-
done

# Once more: the same store, the same server.
server=$(cat "$demo/web/serve.pid")
passes "runs a second time" quickstart
same "the server went on" "$(cat "$demo/web/serve.pid")" "$server"
same "it was not anchored again" "$(anchors)" 2
same "nothing was appended twice" "$(customs)" $((records + 2))
same "nor a member added" "$("$TALLY_BIN" member list "$TALLY_LEDGER_ID" --json --endpoint "$TALLY_ENDPOINT" |
	grep -c '"MemberId"')" 2
vkey=$("$TALLY_BIN" ledger vkey "$TALLY_LEDGER_ID" --endpoint "$TALLY_ENDPOINT")
same "a clue's lineage is proved to the end" \
	"$("$TALLY_BIN" verify "$demo/easter-03-31.json" --vkey "$vkey" --max-lag 1 --json | member Count)" \
	"$(grep -c '"easter:03-31"' "$source/data/easter.ndjson")"

# The restart takes one tick of the web server; a loaded machine may miss it, so the best of three
# counts, and none may fail.
best=no
fcgi=$(find "$clone/build-quickstart/installed" -name tally.fcgi -type f | head -n 1)
for round in 1 2 3; do
	pids=$(fcgi_pids "$fcgi")
	[ -n "$pids" ] || not_ok "kill round $round" "there is no $fcgi"
	kill -9 $pids
	if wait_http "$port" "/${get#"$TALLY_ENDPOINT"/}=442" 1; then
		best=yes
		ok "answers after kill -9, round $round"
	else
		passes "answers after kill -9, round $round" \
			wait_http "$port" "/${get#"$TALLY_ENDPOINT"/}=442" 20
	fi
done
same "a killed tally.fcgi answers again within a second" "$best" yes
same "nothing was lost" "$(customs)" $((records + 2))

port=$(free_port)
passes "runs again on another port" quickstart
. "$demo/demo.env"
same "demo.env has the new port" "$TALLY_ENDPOINT" "http://127.0.0.1:$port"
same "the server answers there" "$(fetch "$TALLY_ENDPOINT/healthz")" ok

refuses "a port in use is refused with a reason" "--port" \
	timeout 900 "$clone/quickstart.sh" --dir "$work/demo2" --port "$port"
refused_port=$(cat "$work/demo2/tsa/port")
wait_gone "$(cat "$work/demo2/tsa/pid")" 30
same "... and leaves nothing running" "$(port_in_use "$refused_port" && echo yes)" ""
rm -rf "$work/demo2"
passes "--stop" quickstart --stop
same "nothing listens any more" "$(port_in_use "$port" && echo yes)$(port_in_use "$tsa_port" && echo yes)" ""
same "no tally.fcgi is left" "$(fcgi_pids "$fcgi")" ""
passes "--stop when nothing runs" quickstart --stop
refuses "an unknown option is refused" "unknown" quickstart --no-such-option

same "the sources are as they were" "$(listing | cksum)" "$(printf '%s\n' "$before" | cksum)"
same "nothing is written in the home directory" "$(find "$work/home" -type f)" ""
same "nothing is left in the temporary directory" "$(find "$work/tmp" -mindepth 1)" ""
same "no system configuration is changed" "$(find /etc /usr/local /opt /srv /var/www /lib/systemd \
	/usr/lib/systemd -xdev -newer "$work/marker" -type f 2>/dev/null | grep -vE \
	'^/etc/(ld\.so\.cache|mtab|resolv\.conf|hosts|alternatives/.*)$')" ""
exit $tap_failed
