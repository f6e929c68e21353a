# Ledgers and journals by the command line, on every durable driver: what was put in comes out.
. "$SOURCE/tests/cli/lib.sh"

try_driver() {
	local id driver=$1
	export TALLY_STORE=$dir/$driver
	passes "$driver: init" "$TALLY" init --driver "$driver"
	same "$driver: the key file is its owner's alone" "$(stat -c %a "$TALLY_STORE.key")" 600
	id=$("$TALLY" ledger create "Größe & Maß" --description 'a "quoted" one')
	same "$driver: name and description" "$("$TALLY" ledger show "$id" --json | json LedgerName)" "Größe & Maß"
	same "$driver: not public" "$("$TALLY" ledger show "$id" --json | json PublicRead)" false
	"$TALLY" ledger set "$id" --public-read on --name other
	same "$driver: set public" "$("$TALLY" ledger show "$id" --json | json PublicRead)" true
	same "$driver: set name" "$("$TALLY" ledger show "$id" --json | json LedgerName)" other

	# Entries, plain lines, an empty line, CR LF, and a file that is no text.
	printf '%s\n' '{"Payload":"one","Clues":["a","b"],"ClientId":"till 7"}' '{"n":2}' '' 'three' \
		'{"PayloadBase64":"/wD+"}' '{"Payload":"five","extra":1}' >in.ndjson
	printf 'seven\r\n' >>in.ndjson
	"$TALLY" append "$id" in.ndjson --clue all >out
	same "$driver: six journals of six lines" "$(cat out)" "6 appended; journals 2 to 7"
	same "$driver: payload of an entry" "$("$TALLY" get "$id" 2 --payload)" one
	same "$driver: clues of the line and of the options" \
		"$("$TALLY" get "$id" 2 --json | json Clues | tr -d ' ')" '["all","a","b"]'
	same "$driver: client id" "$("$TALLY" get "$id" 2 --json | json ClientId)" "till 7"
	same "$driver: an object that is no entry" "$("$TALLY" get "$id" 3 --payload)" '{"n":2}'
	same "$driver: a line of text" "$("$TALLY" get "$id" 4 --payload)" three
	same "$driver: bytes" "$("$TALLY" get "$id" 5 --payload | od -An -tx1 | tr -d ' ')" ff00fe
	same "$driver: Payload beside a stranger is a record" \
		"$("$TALLY" get "$id" 6 --payload)" '{"Payload":"five","extra":1}'
	same "$driver: CR LF ends a line too" "$("$TALLY" get "$id" 7 --payload)" seven
	same "$driver: --lines takes entries as they stand" \
		"$(head -n 1 in.ndjson | "$TALLY" append "$id" --lines >/dev/null; "$TALLY" get "$id" 8 --payload)" \
		"$(head -n 1 in.ndjson)"
	head -c 300000 /dev/urandom >bytes.bin
	"$TALLY" append "$id" bytes.bin "$SOURCE/README.md" >out
	same "$driver: files, one journal each" "$(cat out)" "2 appended; journals 9 to 10"
	"$TALLY" get "$id" 9 --payload | cmp -s - bytes.bin && ok "$driver: a file comes back byte for byte" ||
		not_ok "$driver: a file comes back byte for byte"

	same "$driver: by clue" "$("$TALLY" list "$id" --clue all --json | wc -l)" 6
	same "$driver: newest first" "$("$TALLY" list "$id" --reverse --limit 1 --json | json JournalId)" 10
	same "$driver: from and to" "$("$TALLY" list "$id" --from 3 --to 5 --json | wc -l)" 3
	same "$driver: by type" "$("$TALLY" list "$id" --type CREATE_LEDGER --json | wc -l)" 1
	same "$driver: since" "$("$TALLY" list "$id" --since 2000-01-01 --json | wc -l)" 11
	same "$driver: until" "$("$TALLY" list "$id" --until 2000-01-01T00:00:00Z --json | wc -l)" 0
	refuses "$driver: no such journal" "does not exist" "$TALLY" get "$id" 99
	refuses "$driver: no such ledger" "does not exist" "$TALLY" list l-0000000000000000000000000
	refuses "$driver: delete wants a yes" "say --yes" "$TALLY" ledger delete "$id"
	passes "$driver: delete" "$TALLY" ledger delete "$id" --yes
	refuses "$driver: a deleted ledger cannot be read" "does not exist" "$TALLY" get "$id" 1
	same "$driver: ... and is not listed" "$("$TALLY" ledger list | grep -c "$id")" 0
}

[ "$(durable)" ] || skip "ledgers and journals" "no durable driver is built in"
for driver in $(durable); do
	try_driver "$driver"
done
finish
