# The auditor's side: tally audit, and an auditor that shares nothing with it (tests/proof/
# verify_export.py, written from doc/formats.md). Both arrive at the same roots over a store that has
# something of everything, alone and beside an owner and from a dump; both find what was turned,
# left out or rolled back.
. "$SOURCE/tests/cli/lib.sh"

command -v python3 >/dev/null || { skip "audit of a dump" "there is no python3"; finish; }
auditor() { python3 -B "$SOURCE/tests/proof/verify_export.py" "$@"; }
status() { "$@" >out 2>err </dev/null; echo $?; }

# Turns a bit in one block of a dump that is chosen by the number; prints the dump. Not in the system
# ledger, nor where payloads were erased: the checksum of what was erased means nothing any more.
turn() {	# number
	python3 - "$1" dump.ndjson "$erased" "$keys" <<-'END'
		import base64, json, random, sys
		chance, lines = random.Random(int(sys.argv[1])), open(sys.argv[2]).read().splitlines()
		names = [json.loads(line)["ledgerId"] for line in lines]
		at = chance.choice([i for i in range(len(lines)) if names[i] not in ["system"] + sys.argv[3:]])
		line = json.loads(lines[at])
		block = bytearray(base64.b64decode(line["data"]))
		place = chance.randrange(len(block))
		block[place] ^= 1 << chance.randrange(8)
		line["data"] = base64.b64encode(block).decode()
		lines[at] = json.dumps(line)
		print("\n".join(lines))
	END
}

# A public ledger's answer, as a CGI program gives it: its JSON.
ask() {	# query
	REQUEST_METHOD=GET QUERY_STRING="$1&Format=JSON" REQUEST_URI="/?$1&Format=JSON" SCRIPT_NAME='' \
		GATEWAY_INTERFACE=CGI/1.1 SERVER_PROTOCOL=HTTP/1.1 REMOTE_ADDR=127.0.0.1 \
		"$TALLY_FCGI" | sed '1,/^\r*$/d'
}

# What auditors keep: a checkpoint, a receipt, answers about a clue and a key.
keep_some() {
	ask "Action=GetCheckpoint&Version=2019-11-22&LedgerId=$plain" >checkpoint.json
	json Checkpoint <checkpoint.json | head -c -1 >checkpoint
	"$TALLY" prove "$plain" 9 -o receipt >/dev/null
	ask "Action=GetClueProof&Version=2019-11-22&LedgerId=$plain&Clue=clue%201" >clue.json
	ask "Action=GetClueProof&Version=2019-11-22&LedgerId=$plain&Clue=never" >none.json
	ask "Action=KvGet&Version=2019-11-22&LedgerId=$keys&Key=k1&Proof=true" >value.json
}

both_agree() {	# driver
	local ledger
	"$TALLY" dump >dump.ndjson
	same "$1: the other auditor finds nothing" "$(status auditor dump.ndjson)" 0
	cp out theirs
	same "$1: tally audit finds nothing" "$(status "$TALLY" audit --ca "$TALLY_STORE.ca.pem" --json)" 0
	for ledger in "$plain" "$strict" "$keys" "$erased" "$gone"; do
		same "$1: ... with the same root" "$(grep "^$ledger: " theirs | sed 's/.* root //')" \
			"$("$TALLY" ledger show "$ledger" --json | json RootHash)"
	done
	same "$1: ... signatures" "$(awk '{ sum += $6 } END { print sum }' theirs)" \
		"$(sed -n 's/.*"Signatures": \([0-9]*\),.*/\1/p' out | awk '{ sum += $1 } END { print sum }')"
	same "$1: ... and state roots" "$(awk '{ sum += $8 } END { print sum }' theirs)" \
		"$(sed -n 's/.*"StateRoots": \([0-9]*\),.*/\1/p' out | awk '{ sum += $1 } END { print sum }')"
	same "$1: stamps were verified" "$(grep -c '"TimeStamps": [1-9]' out)" 3
	same "$1: from the dump too" "$(status "$TALLY" audit --dump dump.ndjson)" 0
	same "$1: from a pipe" "$("$TALLY" dump | "$TALLY" audit --dump - "$keys" | grep -c 'nothing wrong')" 1
	same "$1: with the index" "$(status "$TALLY" audit --index)" 0
	same "$1: ... which was compared" "$(grep -c 'index pairs' out)" 7
	same "$1: one ledger" "$("$TALLY" audit "$plain" | grep -c '^l-\|^system')" 1
	same "$1: the index is built anew" "$(status "$TALLY" rebuild)" 0
	same "$1: ... to be the same" "$(status "$TALLY" audit --index)" 0
	"$TALLY" dump | cmp -s - dump.ndjson && ok "$1: ... and so is the dump" ||
		not_ok "$1: ... and so is the dump"
}

kept_is_compared() {	# driver
	keep_some
	same "$1: what was kept holds, by the other auditor" "$(status auditor --checkpoint checkpoint \
		--proof receipt --answer clue.json --answer none.json --answer value.json dump.ndjson)" 0
	same "$1: ... and by tally audit" "$(status "$TALLY" audit --checkpoint checkpoint --proof receipt)" 0
	same "$1: ... with the log's key" "$(status auditor --vkey "$("$TALLY" ledger vkey "$plain")" \
		--checkpoint checkpoint dump.ndjson)" 0
	same "$1: ... here too" "$(status "$TALLY" audit "$plain" --vkey "$("$TALLY" ledger vkey "$plain")" \
		--checkpoint checkpoint)" 0
	sed 's/^index 9$/index 10/' receipt >other
	same "$1: a receipt of another place" "$(status auditor --proof other dump.ndjson)" 1
	same "$1: ... here too" "$(status "$TALLY" audit "$plain" --proof other)" 3
	sed 's/"Count":[0-9]*/"Count":1/; s/"JournalHashes":\["\([^"]*\)"[^]]*/"JournalHashes":["\1"/' \
		clue.json >other
	same "$1: a clue without its journals" "$(status auditor --answer other dump.ndjson)" 1
}

resumed() {	# driver
	local point size root
	point=$("$TALLY" audit "$plain" --from-trust-point | sed -n 's/.*before  *//p')
	same "$1: from the trust point on" "$point" 6
	size=$("$TALLY" ledger show "$plain" --json | json JournalCount)
	root=$("$TALLY" ledger show "$plain" --json | json RootHash)
	same "$1: from the end on" "$(status "$TALLY" audit "$plain" --from "$size" --root "$root")" 0
	same "$1: from another root on" "$(status "$TALLY" audit "$plain" --from "$size" \
		--root "$(printf '%064d' 7)")" 3
	same "$1: beyond the end" "$(status "$TALLY" audit "$plain" --from "$((size + 1))" --root "$root")" 3
}

turned_bits() {	# driver
	local i missed=0 loaded=0 ours=0
	for ((i = 1; i <= 12; i++)); do
		turn $i >turned.ndjson
		auditor turned.ndjson >out && missed=$((missed + 1))
		[ "$(status "$TALLY" audit --dump turned.ndjson)" = 3 ] && grep -q '^WRONG  .*block' out ||
			ours=$((ours + 1))
		rm -rf "$dir/turned" && cp "$TALLY_STORE.key" "$dir/turned.key"
		"$TALLY" load turned.ndjson --store "$dir/turned" >/dev/null 2>&1 && loaded=$((loaded + 1))
	done
	same "$1: turned bits that the other auditor does not find" "$missed" 0
	same "$1: turned bits that tally audit does not find" "$ours" 0
	same "$1: turned bits that are loaded" "$loaded" 0
	# the last block of a ledger is missed by whoever kept a checkpoint of it
	sed "$(grep -n "\"ledgerId\":\"$plain\"" dump.ndjson | tail -n 1 | cut -d: -f1)d" dump.ndjson >turned.ndjson
	same "$1: a block that is left out" "$(status "$TALLY" audit --dump turned.ndjson)" 0
	same "$1: ... of a checkpoint that was kept" \
		"$(status "$TALLY" audit --dump turned.ndjson --checkpoint checkpoint --all)" 3
	head -c -40 dump.ndjson >turned.ndjson
	same "$1: a dump that is cut off" "$(status "$TALLY" audit --dump turned.ndjson)" 3
}

# An older copy is as good as any, but for what was signed since.
rolled_back() {	# driver
	cp -a "$TALLY_STORE" old
	"$TALLY" append "$plain" <<<'{"Payload":"newer"}' >/dev/null
	ask "Action=GetCheckpoint&Version=2019-11-22&LedgerId=$plain" | json Checkpoint | head -c -1 >newer
	rm -rf "$TALLY_STORE" && mv old "$TALLY_STORE"
	same "$1: an older copy" "$(status "$TALLY" audit "$plain" --checkpoint newer --all)" 3
	same "$1: ... by the checkpoint that was kept" "$(grep -c '^WRONG .*newer: .* were signed for' out)" 1
	same "$1: ... and by the high-water file" "$(grep -c '^WRONG .*\.high: .* were signed for' out)" 1
	"$TALLY" dump >old.ndjson
	same "$1: ... and by the other auditor" "$(status auditor --checkpoint newer old.ndjson)" 1
}

beside_an_owner() {	# driver
	start_owner || not_ok "$1: the owner starts"
	same "$1: beside an owner" "$(status "$TALLY" audit --checkpoint checkpoint)" 0
	same "$1: ... but for its index" "$(status "$TALLY" audit --index)" 1
	same "$1: ... from the trust point" "$("$TALLY" audit "$plain" --from-trust-point |
		sed -n 's/.*before  *//p')" 6
	stop_owner
}

misused() {
	same "a ledger that is not there" "$(status "$TALLY" audit l-0123456789abcdef012345678)" 1
	same "a size without a ledger" "$(status "$TALLY" audit --from 3)" 2
	same "a root without a size" "$(status "$TALLY" audit "$plain" --root 00)" 2
	same "a root that is none" "$(status "$TALLY" audit "$plain" --from 3 --root 00)" 2
	same "a dump with an index" "$(status "$TALLY" audit --dump dump.ndjson --index)" 2
	same "no such dump" "$(status "$TALLY" audit --dump none)" 1
	same "no such checkpoint" "$(status "$TALLY" audit --checkpoint none)" 1
	same "a checkpoint that is none" "$(status "$TALLY" audit --checkpoint dump.ndjson)" 1
	same "certificates that are none" "$(status "$TALLY" audit --ca checkpoint)" 1
}

try_driver() {
	export TALLY_STORE=$dir/$1 TALLY_DRIVER=$1
	"$MAKE_RICH" "$1" "$TALLY_STORE" >ledgers || { not_ok "$1: the store is made" "$(cat ledgers)"; return; }
	. ./ledgers
	both_agree "$1"
	kept_is_compared "$1"
	resumed "$1"
	turned_bits "$1"
	beside_an_owner "$1"
	misused
	rolled_back "$1"
}

for driver in $(durable); do
	try_driver "$driver"
done
finish
