# A dump is audited by a program that shares nothing with ours (tests/golden/audit.py): it arrives at
# the same roots, allows what was erased, and finds every byte that was turned; so does load.
. "$SOURCE/tests/cli/lib.sh"

command -v python3 >/dev/null || { skip "audit of a dump" "there is no python3"; finish; }
auditor() { python3 -B "$SOURCE/tests/golden/audit.py"; }

fill() {	# a store in TALLY_STORE; its ledger in $ledger
	"$TALLY" init --driver "$1" >/dev/null 2>&1
	ledger=$("$TALLY" ledger create 'Süd "1"' --public-read on --token t-1)
	{
		printf '%s\n' '{"Payload":"hello","Clues":["a","caf\u00e9","\u0001\u2028"],"ClientId":"till 7"}'
		printf '%s\n' '{"PayloadBase64":"AP8AAQID"}' '{"Payload":"{}","ClientToken":"x"}'
		lines 300
	} >in.ndjson
	"$TALLY" append "$ledger" in.ndjson --batch 100 >/dev/null
	"$TALLY" ledger set "$ledger" --public-read off >/dev/null
	"$TALLY" key delete "$("$TALLY" key create --json | json AccessKeyId)" >/dev/null
	"$TALLY" ledger delete "$("$TALLY" ledger create gone)" >/dev/null 2>&1
}

# Turns a bit in one block of a dump that is chosen by the number; prints the dump. Not in the system
# ledger: there a secret is erased, whose old checksum means nothing any more.
turn() {	# number
	python3 - "$1" dump.ndjson <<-'END'
		import base64, json, random, sys
		chance, lines = random.Random(int(sys.argv[1])), open(sys.argv[2]).read().splitlines()
		at = chance.choice([i for i in range(len(lines)) if '"space":0,' not in lines[i]])
		line = json.loads(lines[at])
		block = bytearray(base64.b64decode(line["data"]))
		place = chance.randrange(len(block))
		block[place] ^= 1 << chance.randrange(8)
		line["data"] = base64.b64encode(block).decode()
		lines[at] = json.dumps(line)
		print("\n".join(lines))
	END
}

try_driver() {
	local driver=$1 i missed=0 loaded=0
	export TALLY_STORE=$dir/$driver TALLY_DRIVER=$driver
	fill "$driver"
	"$TALLY" dump >dump.ndjson
	auditor <dump.ndjson >out
	same "$driver: a dump passes the audit" $? 0
	same "$driver: ... with the ledger's root" \
		"$(grep "^$ledger: " out | sed 's/.* root //')" \
		"$("$TALLY" ledger show "$ledger" --json | json RootHash)"
	same "$driver: ... and its journals" \
		"$(grep -c "^$ledger: .* 305 journals" out)" 1
	for ((i = 1; i <= 12; i++)); do
		turn $i >turned.ndjson
		auditor <turned.ndjson >out && missed=$((missed + 1))
		rm -rf "$dir/turned" && cp "$TALLY_STORE.key" "$dir/turned.key"
		"$TALLY" load turned.ndjson --store "$dir/turned" >/dev/null 2>&1 && loaded=$((loaded + 1))
	done
	same "$driver: turned bits that the audit does not find" "$missed" 0
	same "$driver: turned bits that are loaded" "$loaded" 0
}

for driver in $(durable); do
	try_driver "$driver"
done
finish
