# The table of verbs itself: help, options anywhere, exit statuses, one line of error; and that
# every verb that has --json prints JSON.
. "$SOURCE/tests/cli/lib.sh"

verbs=$("$TALLY" help | sed -n 's/^  \([a-z]*\)  *.*/\1/p')
[ "$(printf '%s\n' "$verbs" | wc -l)" -ge 20 ] && ok "help lists the verbs" ||
	not_ok "help lists the verbs" "$verbs"

status() { "$@" >out 2>err </dev/null; echo $?; }

for verb in $verbs; do
	same "$verb --help ends well" "$(status "$TALLY" "$verb" --help)" 0
	grep -q "^usage: tally $verb" out || not_ok "$verb --help says how it is used" "$(head -n 1 out)"
	same "$verb refuses an unknown option" "$(status "$TALLY" "$verb" --no-such-option)" 2
	same "... in one line" "$(wc -l <err)" 1
done
same "no verb at all" "$(status "$TALLY")" 2
same "an unknown verb" "$(status "$TALLY" frobnicate)" 2
same "an unknown part" "$(status "$TALLY" ledger frobnicate)" 2
same "too many words" "$(status "$TALLY" version now)" 2
same "a word is missing" "$(status "$TALLY" get --store x)" 2
same "an option without its value" "$(status "$TALLY" list l-x --store)" 2
same "a flag with a value" "$(status "$TALLY" version --json=yes)" 2
same "no store is named" "$(status "$TALLY" stat)" 2
same "there is no store" "$(status "$TALLY" stat --store "$dir/none")" 1
same "... in one line" "$(wc -l <err)" 1
same "a number out of range" "$(status "$TALLY" bench append --clients 0)" 2
same "a directory in memory is refused by bench" \
	"$([ -d /dev/shm ] && status "$TALLY" bench floor --dir /dev/shm || echo 1)" 1

driver=$(durable | head -n 1)
if [ -z "$driver" ]; then
	skip "every --json prints JSON" "no durable driver is built in"
	finish
fi

# Options before and after the verb, in both forms.
"$TALLY" --driver "$driver" --store="$dir/s" init --json --origin test.example/one >init.json 2>/dev/null
same "options stand anywhere" "$(json Driver <init.json)" "$driver"
export TALLY_STORE=$dir/s
id=$("$TALLY" --description "all verbs" ledger create --public-read on demo)
same "... also around the parts of a verb" "$(expr length "$id")" 27
same "after -- nothing is an option" "$(status "$TALLY" ledger create -- --json)" 0
refuses "init refuses a second store" "exists|already" "$TALLY" init

lines 3 | "$TALLY" append "$id" --json >append.json
same "append --json" "$(json Appended <append.json)" 3
key=$("$TALLY" key create --json | json AccessKeyId)

is_json() { # name words...
	local name=$1
	shift
	if "$TALLY" "$@" --json >out 2>err && json <out; then
		ok "$name --json is JSON"
	else
		not_ok "$name --json is JSON" "$(head -c 300 out) $(cat err)"
	fi
}
is_json "account create" account create second
is_json "account list" account list
is_json "key create" key create
is_json "key list" key list
is_json "key disable" key disable "$key"
same "... and it is disabled" "$("$TALLY" key list | grep -c "^$key  *Inactive")" 1
is_json "key enable" key enable "$key"
same "... and it is active" "$("$TALLY" key list | grep -c "^$key  *Active")" 1
is_json "key delete" key delete "$key"
same "... and it is gone" "$("$TALLY" key list | grep -c "^$key")" 0
is_json "org list" org list
is_json "channel add" channel add fourth
is_json "channel list" channel list
is_json "channel remove" channel remove fourth
is_json "ledger create" ledger create third
is_json "ledger list" ledger list
is_json "ledger show" ledger show "$id"
is_json "ledger set" ledger set "$id" --description changed
is_json get get "$id" 1
is_json stat stat
is_json maintain maintain
is_json rebuild rebuild "$id"
is_json audit audit
is_json "audit of one ledger" audit "$id"
is_json backup backup "$dir/backup"
is_json version version
is_json drivers drivers
is_json actions actions
"$TALLY" actions --openapi | json openapi >/dev/null && ok "actions --openapi is JSON" ||
	not_ok "actions --openapi is JSON"
"$TALLY" doctor --json >out
json <out && ok "doctor --json is JSON" || not_ok "doctor --json is JSON" "$(head -c 300 out)"
same "list --json is NDJSON" "$("$TALLY" list "$id" --json | json --lines)" 5
same "dump is NDJSON" "$("$TALLY" dump | json --lines)" \
	"$("$TALLY" dump --json | wc -l)"
"$TALLY" bench floor --seconds 1 --batch 10 --dir "$dir" --json >out
for name in rate p50_ms p99_ms p999_ms syncs count seconds written_each; do
	json $name <out >/dev/null || not_ok "bench --json has $name"
done
"$TALLY" bench floor --grow --seconds 2 --every 1 --maintain --batch 10 --dir "$dir" --json >out
same "bench floor --grow tells how it goes" "$(sed -n '1,2p' out | grep -c '"longest_ms"')" 2
same "... and syncs each batch" "$(sed '1,2d' out | json syncs)" "$(($(sed '1,2d' out | json count) / 10))"
same "bench removes what it made" "$(ls -d tally-bench-* 2>/dev/null)" ""
for kind in append read; do
	"$TALLY" bench $kind --driver "$driver" --seconds 1 --clients 2 --size 100 --dir "$dir" --json >out
	[ "$(json count <out)" -gt 0 ] && ok "bench $kind counts" || not_ok "bench $kind counts" "$(cat out)"
done
"$TALLY" bench append --driver "$driver" --signed --batch 100 --journals 1000 --clients 2 --seconds 60 \
	--dir "$dir" --json >out
same "bench append --signed appends what was signed" "$(json count <out)" 1000
"$TALLY" bench append --driver "$driver" --batch 100 --journals 5000 --seconds 2 --every 1 --maintain \
	--dir "$dir" --json >out 2>err
same "bench append --every prints a line each time" "$(sed -n '1,2p' out | grep -c '"longest_ms"')" 2
[ "$(sed -n 1p out | json journals)" -ge 5000 ] && ok "... of a ledger that was filled" ||
	not_ok "... of a ledger that was filled" "$(cat out err)"
"$TALLY" bench tree --batch 16 --seconds 1 --json >out
[ "$(json count <out)" -gt 0 ] && json node_rate <out >/dev/null && ok "bench tree counts" ||
	not_ok "bench tree counts" "$(cat out)"
"$TALLY" bench open --driver "$driver" --batch 100 --journals 1000 --dir "$dir" --json >out
[ "$(json count <out)" -ge 21000 ] && json recovery_ms <out >/dev/null && ok "bench open finds all again" ||
	not_ok "bench open finds all again" "$(cat out)"
"$TALLY" bench audit --driver "$driver" --journals 1000 --signed --index --dir "$dir" --json >out
same "bench audit counts" "$(json count <out)" 1000
finish
