# Verbs against a server: call with and without a key, and the verbs that take --endpoint.
. "$SOURCE/tests/cli/lib.sh"

driver=$(durable | head -n 1)
server=$(PATH=$PATH:/usr/sbin command -v lighttpd)
if [ -z "$driver" ] || [ -z "$server" ]; then
	skip "verbs against a server" "no durable driver, or no lighttpd"
	finish
fi

# Web servers do not run as root.
as=
if [ "$(id -u)" = 0 ]; then
	as="setpriv --reuid=65533 --regid=65533 --clear-groups"
	chown 65533:65533 "$dir"
fi
# Another user cannot enter a build below /root.
cp "$TALLY" "$TALLY_FCGI" "$dir" && cp -r "$SOURCE/templates" "$dir/templates" && chmod -R a+rX "$dir/templates"
TALLY=$dir/tally TALLY_FCGI=$dir/tally.fcgi
# A time-stamp authority for the server to ask.
mkfifo url.fifo
"$TALLY" tsa init ca >/dev/null 2>&1
"$TALLY" tsa serve ca --listen 127.0.0.1:0 >url.fifo 2>/dev/null &
children="$children $!"
read -rt 60 TALLY_TIME_AUTHORITIES <url.fifo
export TALLY_TIME_AUTHORITIES TALLY_TIME_CA_FILE=$dir/ca/ca.pem
export TALLY_LEDGER_STATE_IDLE=0	# the journals are counted below
# Open to the pages it makes, not to their network: a port of the kernel's choice on loopback.
export TALLY_STORE=$dir/store
$as "$TALLY" init --driver "$driver" --json >init.json 2>/dev/null
$as "$TALLY" serve --listen 127.0.0.1:0 --daemon --fcgi "$TALLY_FCGI" \
	--templates "$dir/templates" >url 2>serve.err
url=$(grep -o 'http://[^ ]*' url)
if [ -z "$url" ]; then
	not_ok "a server starts" "$(cat serve.err store.serve/*.log 2>/dev/null | tail -n 5)"
	finish
fi
trap '$as "$TALLY" serve --stop --store "$dir/store" >/dev/null 2>&1; cleanup' EXIT
unset TALLY_STORE
export TALLY_ENDPOINT=$url
key=$(json AccessKeyId <init.json) secret=$(json AccessKeySecret <init.json)

refuses "an unsigned write is refused" "status 4" "$TALLY" call CreateLedger LedgerName=x --post
export TALLY_ACCESS_KEY_ID=$key TALLY_ACCESS_KEY_SECRET=$secret
id=$("$TALLY" call CreateLedger "LedgerName=a & b = c/ü" PublicRead=true --post | json LedgerId)
same "CreateLedger" "$(expr length "$id")" 27
same "a name with signs in it" "$("$TALLY" ledger show "$id" --json | json LedgerName)" "a & b = c/ü"
same "AppendJournal by GET" \
	"$("$TALLY" call AppendJournal LedgerId=$id Payload='{"a":"+ %2B &"}' 'Clues=["x y"]' | json JournalId)" 1
same "AppendJournal by POST" \
	"$("$TALLY" --post call AppendJournal LedgerId=$id Payload=two Clues.1=x Clues.2=z | json JournalId)" 2
printf '{"Payload":"three"}\n{"Payload":"four"}\n' >body.ndjson
same "a body of NDJSON" "$("$TALLY" call AppendJournals LedgerId=$id --body body.ndjson | json Count)" 2
same "a body of JSON, from standard input" \
	"$(echo '[{"Payload":"five"}]' | "$TALLY" call AppendJournals LedgerId=$id --body - | json Count)" 1
same "GetJournal as JSON" "$("$TALLY" call GetJournal LedgerId=$id JournalId=1 | json Journal PayloadJsonString)" \
	'{"a":"+ %2B &"}'
same "GetJournal as XML" "$("$TALLY" call GetJournal LedgerId=$id JournalId=5 --format xml |
	grep -c '<PayloadJsonString>five</PayloadJsonString>')" 1
"$TALLY" call GetJournal LedgerId=$id JournalId=99 >out 2>err
same "an error ends with status 1" $? 1
same "... with the answer on standard output" "$(json Code <out)" ResourceNotFound
same "... and one line on standard error" "$(wc -l <err)" 1
same "without a key, a public ledger is read" \
	"$(env -u TALLY_ACCESS_KEY_ID -u TALLY_ACCESS_KEY_SECRET "$TALLY" call GetJournal LedgerId=$id \
		JournalId=2 | json Journal PayloadJsonString)" two
refuses "a wrong secret is refused" "status 4" "$TALLY" call DescribeLedgers --secret wrong
refuses "half a key is refused" "two things" env -u TALLY_ACCESS_KEY_SECRET "$TALLY" call DescribeLedgers
refuses "no server there" "no answer" "$TALLY" call DescribeLedgers --endpoint http://127.0.0.1:1/
signed=$("$TALLY" call GetJournal LedgerId=$id JournalId=2 --print-url)
if command -v curl >/dev/null; then
	same "a printed URL is good" "$(curl -s "$signed" | json Journal PayloadJsonString)" two
fi

# The verbs that work on an endpoint as on a store.
same "append" "$(lines 1500 | "$TALLY" append "$id" --token t --clue c)" "1500 appended; journals 6 to 1505"
same "append again" "$(lines 1500 | "$TALLY" append "$id" --token t --clue c)" \
	"0 appended, 1500 were there already; journals 6 to 1505"
same "get" "$("$TALLY" get "$id" 6 --payload)" "$(lines 1)"
same "list" "$("$TALLY" list "$id" --clue c --json | json --lines)" 1500
same "ledger create" "$(expr length "$("$TALLY" ledger create other)")" 27
same "ledger list" "$("$TALLY" ledger list --json | json 1 LedgerId | wc -l)" 1
vkey=$("$TALLY" ledger vkey "$id")
passes "prove" "$TALLY" prove "$id" 700 -o over.http
passes "verify" "$TALLY" verify over.http --vkey "$vkey"
if command -v python3 >/dev/null; then
	lines 1700 | "$TALLY" append "$id" >/dev/null 2>&1
	passes "a reader of tiles verifies the ledger through the server" \
		python3 "$SOURCE/tests/proof/verify_tiles.py" "${url%/}/log/$id" "$vkey" --count 3206
else
	skip "a reader of tiles verifies the ledger through the server" "there is no python3"
fi
anchor=$("$TALLY" call CreateTimeAnchor LedgerId=$id --post)
same "CreateTimeAnchor" "$(printf '%s' "$anchor" | json TimeAnchor Authority)" "Tallystick TSA (self-made, for tests)"
same "ListTimeAnchors and DescribeTSA, unsigned" "$(unset TALLY_ACCESS_KEY_ID TALLY_ACCESS_KEY_SECRET
	"$TALLY" call ListTimeAnchors LedgerId=$id | json TimeAnchors 0 Proof
	"$TALLY" call DescribeTSA SequenceWithinLedger=1 --format xml | grep -c '<TSADetail><TS>[0-9]*</TS><SN>')" \
	"$(printf '%s' "$anchor" | json TimeAnchor Proof; echo 1)"
passes "prove --time" "$TALLY" prove "$id" 700 --time -o over.http
same "verify --ca" "$("$TALLY" verify over.http --vkey "$vkey" --ca ca/ca.pem | grep -c 'existed before 20')" 1
same "anchor list" "$("$TALLY" anchor list "$id" | wc -l)" 2
refuses "anchoring everything is not for endpoints" "which ledger" "$TALLY" anchor create
same "ledger trust" "$("$TALLY" ledger trust "$id" 700 | grep -c '^trusted up to journal 700')" 1
same "... shown" "$("$TALLY" ledger trust "$id" | grep -c 'grew out of it')" 1
refuses "... reading blocks is not for endpoints" "local administration" "$TALLY" ledger trust "$id" --check
same "... a checkpoint that is remembered" "$("$TALLY" ledger trust "$id" --remember kept | grep -c ^remembered)" 1
passes "publish, unsigned" env -u TALLY_ACCESS_KEY_ID -u TALLY_ACCESS_KEY_SECRET "$TALLY" publish "$id" log
passes "ledger set" "$TALLY" ledger set "$id" --public-read off
refuses "... nor publishes it" "status 404" \
	env -u TALLY_ACCESS_KEY_ID -u TALLY_ACCESS_KEY_SECRET "$TALLY" publish "$id" log2
same "with a key it is published" "$("$TALLY" publish "$id" log2 --json | json TreeSize)" 3209
refuses "... and nobody without a key reads it" "status 4" \
	env -u TALLY_ACCESS_KEY_ID -u TALLY_ACCESS_KEY_SECRET "$TALLY" call GetJournal LedgerId=$id JournalId=2
refuses "administration is not for endpoints" "which store" "$TALLY" account list
refuses "nothing runs in another directory" "No such file" $as "$TALLY" serve --stop --dir "$dir/elsewhere"
passes "it is stopped by its directory alone" $as "$TALLY" serve --stop --dir "$dir/store.serve"
refuses "... and then runs no more" "nothing runs" $as "$TALLY" serve --stop --dir "$dir/store.serve"
finish
