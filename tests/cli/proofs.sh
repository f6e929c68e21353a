# Proof files and static logs: what was made verifies offline, by tally and by a reader in another
# language that shares no code with it; what was changed does not. And a store that is older than
# what was signed of it.
. "$SOURCE/tests/cli/lib.sh"

reader=$SOURCE/tests/proof/verify_tiles.py
python=$(command -v python3)

proof_files() {
	local vkey id=$1
	vkey=$("$TALLY" ledger vkey "$id")
	same "the verifier key" "$(printf '%s\n' "$vkey" | grep -cE "^test\.example/one/$id\+[0-9a-f]{8}\+A[A-Za-z0-9+/=]{43}$")" 1
	passes "prove" "$TALLY" prove "$id" 700 -o j.tlog-proof --leaf j.leaf
	same "the form of the file" "$(sed -n 1p j.tlog-proof)" "c2sp.org/tlog-proof@v1"
	same "its index" "$(grep -n '^index ' j.tlog-proof)" "3:index 700"
	same "to standard output too" "$("$TALLY" prove "$id" 700 | grep -c '^index 700$')" 1
	"$TALLY" get "$id" 700 --payload >j.payload
	unset TALLY_STORE
	passes "verify" "$TALLY" verify j.tlog-proof --vkey "$vkey"
	same "what it says" "$("$TALLY" verify j.tlog-proof --vkey "$vkey" | grep -c "journal 700 of the first 3001 ")" 1
	passes "verify by the leaf" "$TALLY" verify j.tlog-proof --vkey "$vkey" --leaf j.leaf
	"$TALLY" verify j.tlog-proof --vkey "$vkey" --payload j.payload --json >j.json
	same "verify the payload" "$(json Payload <j.json)" true
	passes "verify by the hash alone" "$TALLY" verify j.tlog-proof --vkey "$vkey" \
		--journal-hash "$(json JournalHash <j.json)"
	passes "from standard input" bash -c '"$0" verify - --vkey "$1" <j.tlog-proof' "$TALLY" "$vkey"

	refuses "another payload" "NOT VERIFIED" "$TALLY" verify j.tlog-proof --vkey "$vkey" --payload j.leaf
	refuses "another salt" "NOT VERIFIED" "$TALLY" verify j.tlog-proof --vkey "$vkey" --payload j.payload \
		--salt 00000000000000000000000000000000
	refuses "another hash" "NOT VERIFIED" "$TALLY" verify j.tlog-proof --vkey "$vkey" \
		--journal-hash 0000000000000000000000000000000000000000000000000000000000000000
	sed 's/ "\?[0-9]/&/; s/CUSTOM/CUSTOm/' j.leaf >other.leaf
	refuses "another leaf" "NOT VERIFIED" "$TALLY" verify j.tlog-proof --vkey "$vkey" --leaf other.leaf
	refuses "a key that is none" "no verifier key" "$TALLY" verify j.tlog-proof --vkey "${vkey}A"
	refuses "a key of another log" "not signed" "$TALLY" verify j.tlog-proof --vkey \
		ledger.example/demo+7b8488d1+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4
	refuses "no key" "which key" "$TALLY" verify j.tlog-proof
	sed 's/^index 700/index 701/' j.tlog-proof >changed
	refuses "another place" "NOT VERIFIED" "$TALLY" verify changed --vkey "$vkey"
	sed 4d j.tlog-proof >changed
	refuses "a hash less" "NOT VERIFIED" "$TALLY" verify changed --vkey "$vkey"
	sed 4p j.tlog-proof >changed
	refuses "a hash more" "NOT VERIFIED" "$TALLY" verify changed --vkey "$vkey"
	sed '/^$/,$d' j.tlog-proof >changed
	refuses "no checkpoint" "no proof file" "$TALLY" verify changed --vkey "$vkey"
	grep -v '^extra ' j.tlog-proof >plain.tlog-proof
	passes "without the line extra, by the leaf" "$TALLY" verify plain.tlog-proof --vkey "$vkey" --leaf j.leaf
	refuses "without both" "which journal" "$TALLY" verify plain.tlog-proof --vkey "$vkey"
	changed_nowhere_verifies "no character of a proof can be changed" plain.tlog-proof \
		"$TALLY" verify --vkey "$vkey" --leaf j.leaf
	changed_nowhere_verifies "no character of a leaf can be changed" j.leaf \
		"$TALLY" verify plain.tlog-proof --vkey "$vkey" --leaf
}

# The independent reader over what was published.
read_log() { "$python" "$reader" "$@"; }

static_logs() {
	local id=$1 vkey files
	vkey=$("$TALLY" ledger vkey "$id")
	same "publish" "$("$TALLY" publish "$id" log)" "published 3001 journals; 26 files written"
	same "publish again writes nothing" "$("$TALLY" publish "$id" log --json | json Files)" 0
	[ -n "$python" ] && passes "a reader of tiles verifies it" read_log log "$vkey" --count 3001 ||
		skip "a reader of tiles verifies it" "there is no python3"
	cp -r log before
	lines 200 | "$TALLY" append "$id" >/dev/null 2>&1
	# bundle 11, tiles 0/011 and 1/000.p/12, bundle 12 and tile 0/012 in part, the checkpoint
	same "publish what is new" "$("$TALLY" publish "$id" log)" "published 3201 journals; 6 files written"
	same "partial tiles of full ones are gone" "$(find log -path '*011.p*')" ""
	if [ -n "$python" ]; then
		passes "the reader verifies that too" read_log log "$vkey" --count 3201
		for file in tile/0/003 tile/entries/004 tile/1/000.p/12 tile/entries/012.p/129; do
			cp -r log bad
			change_byte "bad/$file" 77
			refuses "a changed $file is found" "NOT VERIFIED" read_log bad "$vkey"
			rm -r bad
		done
		cp -r log bad
		cp before/checkpoint bad/checkpoint
		refuses "an older checkpoint wants its own partial tiles" "NOT VERIFIED" read_log bad "$vkey"
		sed '2s/3201/3200/' log/checkpoint >bad/checkpoint
		refuses "a changed checkpoint" "signature" read_log bad "$vkey"
		rm -r bad
	fi
	other=$("$TALLY" ledger create other)
	refuses "another ledger into the same directory" "something else" "$TALLY" publish "$other" log
}

# A store put back older than what was signed of it, with its key file as it is: file by file (so
# that the lock file is the same one), or as another directory in its place.
older_copy() {	# driver how
	local name="$1, put back $2" id
	export TALLY_STORE=$dir/old-$1-$2/store
	mkdir -p "$dir/old-$1-$2"
	"$TALLY" init --driver "$1" >/dev/null 2>&1
	id=$("$TALLY" ledger create precious)
	echo one | "$TALLY" append "$id" >/dev/null
	same "$name: nothing to adopt" "$("$TALLY" adopt --json 2>/dev/null | json Logs 0 Fits)" true
	cp -a "$TALLY_STORE" aside
	echo two | "$TALLY" append "$id" >/dev/null
	"$TALLY" publish "$id" "$TALLY_STORE.log" >/dev/null
	if [ "$2" = inside ]; then
		find "$TALLY_STORE" -mindepth 1 ! -name lock -type f -delete
		cp -a aside/. "$TALLY_STORE"
		rm -r aside
		cp "$TALLY_STORE.key.high" high
	else
		rm -rf "$TALLY_STORE"
		mv aside "$TALLY_STORE"
	fi
	refuses "$name: it is not written to" "read only.*adopt" bash -c 'echo x | "$0" append "$1"' "$TALLY" "$id"
	same "$name: it is read" "$("$TALLY" get "$id" 1 --payload 2>/dev/null)" one
	refuses "$name: it is not signed for" "read only.*adopt" "$TALLY" ledger vkey "$id"
	refuses "$name: ... nor proved with a signature" "does not sign" "$TALLY" prove "$id" 1
	refuses "$name: adopt wants --yes" "nothing was adopted" "$TALLY" adopt
	same "$name: adopt says what was signed" "$("$TALLY" adopt 2>/dev/null | grep -c "^3  *0  *2  *read only ")" 1
	refuses "$name: ... and adopted nothing" "read only" bash -c 'echo x | "$0" append "$1"' "$TALLY" "$id"
	passes "$name: adopt --yes" "$TALLY" adopt --yes
	same "$name: then it goes on" "$(echo other | "$TALLY" append "$id")" "1 appended; journals 2 to 2"
	same "$name: ... and all is well" "$("$TALLY" adopt --json 2>/dev/null | json Logs 0 Fits)" true
	refuses "$name: who published what is gone sees the fork" "did not grow" "$TALLY" publish "$id" \
		"$TALLY_STORE.log"
}

# A copy beside a store that is used on: read only, though it holds all that was signed.
copied() {	# driver
	local id
	export TALLY_STORE=$dir/copied-$1
	"$TALLY" init --driver "$1" >/dev/null 2>&1
	id=$("$TALLY" ledger create precious)
	echo one | "$TALLY" append "$id" >/dev/null
	cp -a "$TALLY_STORE" "$TALLY_STORE-2"
	cp "$TALLY_STORE.key" "$TALLY_STORE-2.key"
	export TALLY_STORE=$TALLY_STORE-2
	refuses "$1: a copy is not written to" "read only.*adopt" bash -c 'echo x | "$0" append "$1"' "$TALLY" "$id"
	refuses "$1: adopt says that it is a copy" "moved or copied" "$TALLY" adopt
	start_owner || not_ok "$1: an owner starts" "see above"
	passes "$1: adopt through an owner" "$TALLY" adopt --yes
	wait "$owner" && not_ok "$1: the owner ends, to be started anew" || ok "$1: the owner ends, to be started anew"
	same "$1: then the copy is written to" "$(echo two | "$TALLY" append "$id")" "1 appended; journals 2 to 2"
}

driver=$(durable | head -n 1)
if [ -z "$driver" ]; then
	skip "proofs" "no durable driver is built in"
	finish
fi
for each in $(durable); do
	older_copy "$each" inside
	older_copy "$each" whole
	copied "$each"
done
export TALLY_STORE=$dir/store
"$TALLY" init --driver "$driver" --origin test.example/one >/dev/null 2>&1
id=$("$TALLY" ledger create --public-read on proved)
lines 3000 | "$TALLY" append "$id" >/dev/null 2>&1
static_logs "$id"

# Anew, so that the numbers are those above.
id=$("$TALLY" ledger create proved)
lines 3000 | "$TALLY" append "$id" >/dev/null 2>&1
proof_files "$id"
finish
