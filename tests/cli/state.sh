# State proof files and COSE receipts, on every durable driver and through a server: what a clue, a key
# and a member are is proved and verified offline, and nothing in a file can be changed without its
# place being named.
. "$SOURCE/tests/cli/lib.sh"

verify() { env -u TALLY_STORE -u TALLY_ENDPOINT "$TALLY" verify "$@" --vkey "$vkey"; }

# One edit of a file each: what is edited, sed's word for it, what the refusal says.
edits() {	# name file
	local what edit says
	while IFS='#' read -r what edit says; do
		[ -n "$what" ] || continue
		sed "$edit" "$2" >changed
		if cmp -s changed "$2"; then
			not_ok "$1: $what" "the edit changes nothing: $edit"
		else
			refuses "$1: $what" "NOT VERIFIED: (the |its |)$says" verify changed
		fi
	done
}

# The first line of verify is this. What proves that one key is absent may rightly prove it of another
# that would have the same place.
verifies_as() {	# line file
	[ "$(verify "$2" 2>/dev/null | sed -n 1p)" = "$1" ]
}

# What every state proof file has.
common_edits() {	# name file [command]
	local name=$1 file=$2
	shift 2
	[ $# -gt 0 ] || set -- verify
	common_lines "$name" "$file"
	[ -n "$thorough" ] && changed_nowhere_verifies "$name: no character can be changed" "$file" "$@"
}

common_lines() {	# name file
	edits "$1" "$2" <<'END'
another size#s/\\n[0-9]*\\n/\\n7\\n/#checkpoint
another origin#s/test\.example/best.example/#checkpoint
no signature#s/\\n\\n.*=\\n"/\\n\\n"/#checkpoint
another format#s/state proof v1/state proof v2/#format
no format#s/"format":"[^"]*",//#format: it is missing
another ledger#s/\("kind":"[a-z]*","ledgerId":"\)l-[0-9a-f]*/\1l-0000000000000000000000000/#ledgerId
another kind#s/"kind":"[a-z]*"/"kind":"other"/#kind
another state root#s/"stateRoot":"\(.\)/"stateRoot":"\1\1/#stateRootLeaf
another state size#s/"size":\([0-9]*\),"stateRoot"/"size":1,"stateRoot"/#(stateRootLeaf|journals|journal|recordJournalId)
another type of journal#s/"payloadType":"STATE_ROOT"/"payloadType":"CUSTOM"/#stateRootLeaf
a hash less#s/"stateRootPath":\["[0-9a-f]*",\{0,1\}/"stateRootPath":[/#stateRootLeaf, stateRootPath
a hash more#s/"stateRootPath":\["\([0-9a-f]*\)"/"stateRootPath":["\1","\1"/#stateRootLeaf, stateRootPath
no path#s/"stateRootPath":\[[^]]*\]/"stateRootPath":7/#stateRootPath: it is malformed
a state proof that is none#s/"stateProof":"AQ/"stateProof":"AB/#stateProof: it is malformed
a member that is none#s/}$/,"zebra":1}/#zebra
white space#s/,"kind"/, "kind"/#it is no canonical JSON
a name twice#s/"kind"/"key":"a","kind"/#it is no canonical JSON
half of it#s/^\(.\{300\}\).*/\1/#it is no canonical JSON
END
}

clues() {	# where ledger
	local n first
	{ lines 40; } >in.ndjson
	first=$("$TALLY" ledger show "$2" --json | json JournalCount)
	"$TALLY" append "$2" in.ndjson --token a --clue odd >/dev/null
	for n in 1 2 3 4 5; do
		lines 30 | "$TALLY" append "$2" --token "b$n" --clue 'order "4711" ü' >/dev/null
		lines 10 | "$TALLY" append "$2" --token "c$n" >/dev/null
	done
	vkey=$("$TALLY" ledger vkey "$2")
	passes "$1: a clue" "$TALLY" prove "$2" --clue 'order "4711" ü' --fresh -o clue.json
	verify clue.json >out
	same "$1: what it says" "$(sed -n 1p out)" 'verified: the clue "order \"4711\" ü" has exactly 150 journals'
	same "$1: as of" "$(grep -c "^  as of size $((first + 240)) of $((first + 241)) (lag 1)\$" out)" 1
	verify clue.json --json >clue.out
	same "$1: its journals" "$(json Journals 149 JournalId <clue.out)" $((first + 229))
	same "$1: ... with their hashes" "$(json Journals 0 JournalHash <clue.out)" \
		"$("$TALLY" get "$2" $((first + 40)) --json | json JournalHash)"
	passes "$1: a lag that is taken" verify clue.json --max-lag 1
	refuses "$1: a lag that is not" "NOT VERIFIED: the state is 1 journals old, and 0 are taken" \
		verify clue.json --max-lag 0
	lines 3 | "$TALLY" append "$2" --token d --clue 'order "4711" ü' >/dev/null
	passes "$1: not fresh" "$TALLY" prove "$2" --clue 'order "4711" ü' -o old.json
	refuses "$1: is behind" "NOT VERIFIED: the state is 4 journals old" verify old.json --max-lag 3
	same "$1: ... and says so" "$(verify old.json --json | json Lag)" 4
	passes "$1: no clue" "$TALLY" prove "$2" --clue nobody -o none.json
	same "$1: ... is said" "$(verify none.json | sed -n 1p)" 'verified: the clue "nobody" had no journal'
	common_edits "$1, clue" clue.json
	common_edits "$1, no clue" none.json verifies_as 'verified: the clue "nobody" had no journal'
	edits "$1, clue" clue.json <<'END'
another clue#s/"key":"order/"key":"Order/#journals: journal [0-9]* does not have the clue
one that is not the ledger's key#s/"key":"order[^,]*",/"key":"odd",/#journals: journal [0-9]* does not have the clue
a journal less#s/"journals":\[{[^}]*},/"journals":[/#count
... and counted so#s/"journals":\[{[^}]*},/"journals":[/; s/"count":150/"count":149/#journals: those, and no others
the last less#s/,{[^{]*}\],"key"/],"key"/; s/"count":150/"count":149/#journals: those, and no others
a journal twice#s/"journals":\[\({[^}]*},\)/"journals":[\1\1/; s/"count":150/"count":151/#journals: they do not ascend
none#s/"journals":\[.*\],"key"/"journals":[],"key"/#count
another count#s/"count":150/"count":151/#count
another journal#s/"journals":\[{\([^}]*\)"timestamp":1/"journals":[{\1"timestamp":2/#journals: those
that there is none#s/"absent":false/"absent":true/#count: it does not belong
no journals#s/"journals":\[.*\],"key"/"key"/#journals: it is missing
a value beside it#s/}$/,"value":""}/#salt: it is missing
END
	edits "$1, no clue" none.json <<'END'
another clue#s/"key":"nobody"/"key":"odd"/#absent
that there is one#s/"absent":true/"absent":false/#count: it is missing
END
	# the list without one of them, and all else as a server would say it of the other clue
	"$TALLY" prove "$2" --clue odd -o odd.json
	sed "s/\"journals\":\[.*\],\"key\":\"[^,]*,/\"journals\":$(sed 's/.*"journals":\(\[.*\]\),"key".*/\1/; s/[&/]/\\&/g' odd.json),\"key\":\"odd\",/; s/\"count\":150/\"count\":40/" \
		clue.json >changed
	refuses "$1: another clue's journals under this one's proof" "NOT VERIFIED: journals: those" verify changed
}

members() {	# where ledger
	local member
	"$TALLY" member keygen state.pem >/dev/null
	member=$("$TALLY" member create "$2" --key-file state.pem --role writer)
	rm state.pem
	passes "$1: a member" "$TALLY" prove "$2" --member "$member" --fresh -o member.json
	same "$1: its record" "$(verify member.json --json | json Record role)" WRITER
	same "$1: ... for people" "$(verify member.json | grep -c "^  record {.*\"memberId\":\"$member\"")" 1
	common_edits "$1, member" member.json
	edits "$1, member" member.json <<'END'
another role#s/"role":"WRITER"/"role":"ADMIN"/#record: that record
another key#s/"key":"04/"key":"05/#record: that record
another member#s/"key":"m-\(.\)/"key":"m-\1\1/#record: it is another
another journal#s/"recordJournalId":\([0-9]*\)/"recordJournalId":0/#record: that record
that there is none#s/"absent":false/"absent":true/#record: it does not belong
END
	passes "$1: no member" "$TALLY" prove "$2" --member m-00000000000000000000000000 -o nobody.json
	verify nobody.json >out
	same "$1: ... is said" "$(sed -n 1p out)" 'verified: there was no member "m-00000000000000000000000000"'
	same "$1: ... as of" "$(grep -cE '^  as of size [0-9]+ of [0-9]+ \(lag [0-9]+\)$' out)" 1
	common_edits "$1, no member" nobody.json verifies_as \
		'verified: there was no member "m-00000000000000000000000000"'
	edits "$1, no member" nobody.json <<END
one that is there#s/"key":"m-0*"/"key":"$member"/#absent
that there is one#s/"absent":true/"absent":false/#record: it is missing
END
	# all of a member's own proof but what it has, said to be absent
	sed 's/"absent":false/"absent":true/; s/"record":{[^}]*},"recordJournalId":[0-9]*,//' member.json >changed
	refuses "$1: a member's proof without the member" "NOT VERIFIED: absent" verify changed
	refuses "$1: no id of a member" "MemberId is invalid" "$TALLY" prove "$2" --member nobody -o none.json
}

values() {	# where
	local id
	id=$("$TALLY" ledger create --type kv values)
	vkey=$("$TALLY" ledger vkey "$id")
	refuses "$1: no state root yet" "no state root yet; --fresh" "$TALLY" prove "$id" --kv price
	same "$1: set" "$("$TALLY" kv set "$id" price 19.90)" "journal 1"
	head -c 300000 /dev/urandom >value.bin
	same "$1: set from a file" "$("$TALLY" kv set "$id" 'a key "ü"' --file value.bin)" "journal 2"
	same "$1: the same token does nothing twice" \
		"$("$TALLY" kv set "$id" once 1 --token t; "$TALLY" kv set "$id" once 1 --token t)" "journal 3
journal 3"
	same "$1: get" "$("$TALLY" kv get "$id" price)" 19.90
	same "$1: get as JSON" "$("$TALLY" kv get "$id" price --json | json JournalId)" 1
	"$TALLY" kv get "$id" 'a key "ü"' | cmp -s - value.bin && ok "$1: bytes come back" ||
		not_ok "$1: bytes come back"
	refuses "$1: no value" "the key has no value" "$TALLY" kv get "$id" none
	same "$1: with a proof" "$("$TALLY" kv get "$id" price --proof price.json --fresh)" 19.90
	verify price.json >out
	same "$1: what it says" "$(sed -n 1p out)" 'verified: the key "price" had the value that journal 1 set'
	same "$1: and the value" "$(sed -n 2p out)" "  value 19.90"
	passes "$1: a value of bytes" "$TALLY" prove "$id" --kv 'a key "ü"' -o bytes.json
	same "$1: ... verifies" "$(verify bytes.json --json | json Value | base64 -d | cmp - value.bin && echo same)" same
	"$TALLY" kv set "$id" price 21 >/dev/null
	same "$1: an older state" "$("$TALLY" kv get "$id" price --proof old.json 2>note)" 19.90
	same "$1: ... with a note" "$(grep -c "as of size 4 of 6; --fresh" note)" 1
	same "$1: delete" "$("$TALLY" kv delete "$id" price)" "journal 6"
	refuses "$1: it has gone" "the key has no value" "$TALLY" kv get "$id" price
	refuses "$1: delete it again" "Key|does not exist" "$TALLY" kv delete "$id" price
	refuses "$1: that it has gone is proved" "no value, as gone.json proves" \
		"$TALLY" kv get "$id" price --proof gone.json --fresh
	same "$1: ... and verified" "$(verify gone.json | sed -n 1p)" 'verified: the key "price" had no value'
	refuses "$1: the older state, offline" "NOT VERIFIED: the state is 2 journals old" verify old.json --max-lag 1
	"$TALLY" prove "$id" --kv 'a key "ü"' -o bytes.json
	common_edits "$1, key" price.json
	common_edits "$1, no value" gone.json verifies_as 'verified: the key "price" had no value'
	edits "$1, key" price.json <<'END'
another value#s/"value":"MTkuOTA="/"value":"MTguOTA="/#value
no value#s/,"value":"MTkuOTA="//#value: it is missing
another salt#s/"salt":"\(.\)./"salt":"\1x/#salt
another salt, as hex#s/"salt":"[0-9a-f]*"/"salt":"00000000000000000000000000000000"/#value
another key#s/"key":"price","kind"/"key":"prize","kind"/#journal: it does not set
another key, also in the journal#s/"price"/"prize"/g#journal: the value of that journal
another journal#s/"journalId":1,/"journalId":2,/#journal: the value of that journal
a clue of that name#s/"kind":"kv"/"kind":"clue"/#count: it is missing
that there is none#s/"absent":false/"absent":true/#journal: it does not belong
END
	edits "$1, no value" gone.json <<'END'
another key#s/"key":"price"/"key":"once"/#absent
END
	# the value may be left out; then nothing is said of it
	sed 's/"salt":"[0-9a-f]*",//; s/,"value":"[^"]*"//' price.json >less.json
	same "$1: without the value" "$(verify less.json | sed -n 2p)" "  value not in the file, 5 bytes"
	signed_values "$1" "$id"
}

signed_values() {	# where ledger
	local member
	"$TALLY" member keygen kv.pem --key-type ed25519 >kv.public
	member=$("$TALLY" member create "$2" --key-file kv.pem --role writer)
	passes "$1: only signed values" "$TALLY" ledger set "$2" --signatures required
	refuses "$1: ... unsigned is refused" "MemberSignature" "$TALLY" kv set "$2" price 1
	same "$1: ... signed is taken" "$("$TALLY" kv set "$2" 'p "q"' 1 --sign kv.pem --member "$member")" "journal 10"
	same "$1: ... bytes too" "$("$TALLY" kv set "$2" bytes --file value.bin --sign kv.pem --member "$member")" "journal 11"
	same "$1: ... and a deletion" "$("$TALLY" kv delete "$2" 'p "q"' --sign kv.pem --member "$member")" "journal 12"
	for n in 10 11 12; do
		"$TALLY" prove "$2" $n -o signed.proof
		passes "$1: journal $n is signed by the member" verify signed.proof --signed-by "$(cat kv.public)"
	done
	rm kv.pem
}

# By a policy of logs and witnesses: the log must be one of it, and a quorum must have cosigned.
policies() {	# where ledger
	printf 'log %s\nquorum none\n' "$vkey" >log.policy
	printf 'log ledger.example/demo+7b8488d1+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4\nquorum none\n' >other.policy
	"$TALLY" witness init --directory "$1.witness" witness.example >witness.vkey
	printf 'log %s\nwitness w %s\nquorum w\n' "$vkey" "$(grep '+' witness.vkey | head -n 1)" >witness.policy
	passes "$1: by a policy" "$TALLY" verify clue.json --policy log.policy
	passes "$1: by policy and key" verify clue.json --policy log.policy
	refuses "$1: a policy without the log" "NOT VERIFIED: the policy has no log" \
		"$TALLY" verify clue.json --policy other.policy
	refuses "$1: ... also beside the key" "NOT VERIFIED: the policy has no log" verify clue.json --policy other.policy
	refuses "$1: a quorum that is not met" "NOT VERIFIED: the policy's quorum is not met" \
		verify clue.json --policy witness.policy
	refuses "$1: receipts have no policy" "says nothing of a COSE receipt" \
		verify --cose r.cose --leaf r.leaf --policy log.policy
}

receipts() {	# where ledger
	vkey=$("$TALLY" ledger vkey "$2")
	passes "$1: a receipt" "$TALLY" prove "$2" 7 --cose -o r.cose --leaf r.leaf
	same "$1: it begins as COSE_Sign1" "$(head -c 2 r.cose | od -An -tx1 | tr -d ' ')" d284
	same "$1: it verifies" "$(verify --cose r.cose --leaf r.leaf | grep -c "^verified: journal 7 of the first ")" 1
	same "$1: ... as JSON" "$(verify --cose r.cose --leaf r.leaf --json | json JournalId)" 7
	refuses "$1: another leaf" "NOT VERIFIED" verify --cose r.cose --leaf r.cose
	"$TALLY" prove "$2" 8 --cose -o other.cose --leaf other.leaf
	refuses "$1: another journal's leaf" "NOT VERIFIED" verify --cose r.cose --leaf other.leaf
	refuses "$1: another log's key" "NOT VERIFIED: the receipt is of another log" \
		"$TALLY" verify --cose r.cose --leaf r.leaf \
		--vkey ledger.example/demo+7b8488d1+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4
	refuses "$1: it needs the leaf" "leaf FILE" verify --cose r.cose
	refuses "$1: a proof file is none" "NOT VERIFIED: it is no COSE receipt" verify --cose r.leaf --leaf r.leaf
	[ -n "$thorough" ] || return 0
	changed_nowhere_verifies "$1: no byte of a receipt can be changed" r.cose verify --cose --leaf r.leaf
	changed_nowhere_verifies "$1: ... nor of the leaf" r.leaf verify --cose r.cose --leaf
}

usage() {	# where ledger
	refuses "$1: prove nothing" "prove what" "$TALLY" prove "$2"
	refuses "$1: prove two things" "prove what" "$TALLY" prove "$2" 1 --clue a
	refuses "$1: a clue and a key" "prove what" "$TALLY" prove "$2" --kv b --clue a
	refuses "$1: no leaf of a state" "for journals" "$TALLY" prove "$2" --clue a --leaf x
	refuses "$1: no witnesses of a receipt" "no witnesses" "$TALLY" prove "$2" 1 --cose --leaf x --cosigned
	refuses "$1: nothing to freshen" "fresh is for" "$TALLY" prove "$2" 1 --fresh
	refuses "$1: a receipt without a leaf" "leaf FILE" "$TALLY" prove "$2" 1 --cose
	refuses "$1: no such ledger" "does not exist" "$TALLY" prove l-0000000000000000000000000 --clue a
	refuses "$1: keys of a ledger that has none" "LedgerId|no KV|no value|state root" \
		"$TALLY" kv get "$2" a
	refuses "$1: set it to nothing" "VALUE, or --file" "$TALLY" kv set "$2" a
	refuses "$1: set it to two things" "VALUE, or --file" "$TALLY" kv set "$2" a b --file c
	refuses "$1: a key that is none" "no verifier key" "$TALLY" verify clue.json --vkey nonsense
	refuses "$1: no key" "by which key" "$TALLY" verify clue.json
	refuses "$1: a demand that a state proof cannot meet" "says nothing of a state proof" verify clue.json --signed-by 00
	refuses "$1: ... or a receipt" "says nothing of a COSE" verify --cose r.cose --leaf r.leaf --max-lag 1
	"$TALLY" prove "$2" 1 -o j.proof
	refuses "$1: ... or a journal's proof" "says nothing of a proof file" verify j.proof --max-lag 1
	refuses "$1: an empty file" "no proof file" "$TALLY" verify /dev/null --vkey "$vkey"
}

# What is checked offline is the same wherever a file came from: once it is done character by character.
thorough=yes
all_of() {	# where
	local id
	id=$("$TALLY" ledger create --public-read on state)
	clues "$1" "$id"
	members "$1" "$id"
	receipts "$1" "$id"
	policies "$1" "$id"
	usage "$1" "$id"
	values "$1"
	thorough=
}

[ "$(durable)" ] || skip "state proofs" "no durable driver is built in"
for driver in $(durable); do
	export TALLY_STORE=$dir/store-$driver
	"$TALLY" init --driver "$driver" --origin test.example/one >/dev/null 2>&1
	all_of "$driver"
done
driver=$(durable | head -n 1)
if [ -z "$driver" ] || ! { unset TALLY_STORE; start_server "$dir/served" --driver "$driver" \
	--origin test.example/one; }; then
	skip "state proofs through a server" "no durable driver, or no lighttpd"
	finish
fi
all_of server

# A value that was removed is proved without it.
id=$("$TALLY" call CreateLedger LedgerName=removable LedgerType=KV RemovalPolicy=ADMIN --post | json LedgerId)
"$TALLY" kv set "$id" secret hidden >/dev/null
passes "a value is removed" "$TALLY" call OccultJournal LedgerId="$id" JournalId=1 --post
refuses "... and is not given out" "the value was removed, as journal 2 orders" "$TALLY" kv get "$id" secret
passes "... that it was set is proved" "$TALLY" prove "$id" --kv secret --fresh -o removed.json
vkey=$("$TALLY" ledger vkey "$id")
same "... and verified" "$(verify removed.json | sed -n 2p)" "  value not in the file, 6 bytes"
"$TALLY" prove "$id" 1 --cose --leaf x.leaf -o x.cose
passes "... also as a receipt" verify --cose x.cose --leaf x.leaf

# Who only reads proves as well, but makes no journal for it.
id=$("$TALLY" ledger create --public-read on open)
echo x | "$TALLY" append "$id" --clue c >/dev/null
unsigned() { env -u TALLY_ACCESS_KEY_ID -u TALLY_ACCESS_KEY_SECRET "$TALLY" "$@"; }
refuses "a reader makes no state root" "status 4|UnauthorizedOperation|AccessKeyId" unsigned prove "$id" --clue c --fresh
passes "its owner does" "$TALLY" prove "$id" --clue c --fresh -o owner.json
passes "then a reader proves" unsigned prove "$id" --clue c -o reader.json
vkey=$(unsigned ledger vkey "$id")
same "... the same" "$(verify reader.json | sed -n 1p)" 'verified: the clue "c" has exactly 1 journal'
passes "... and gets a receipt" unsigned prove "$id" 1 --cose --leaf x.leaf -o x.cose
passes "... which verifies" verify --cose x.cose --leaf x.leaf
finish
