# Witnesses: being one, and having what grows cosigned; proofs and static logs that carry it; and a
# store that was put back with all that remembered what it had signed: only witnesses know.
. "$SOURCE/tests/cli/lib.sh"

key=ledger.example/demo+7b8488d1+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4
python=$(command -v python3)
cosigned=$SOURCE/tests/proof/verify_cosigned.py

# ---- the verbs, without a network ----

being_one() {
	local vkey
	vkey=$("$TALLY" witness init --directory own w.example/one)
	same "init prints the key" "$(printf '%s\n' "$vkey" | grep -cE '^w\.example/one\+[0-9a-f]{8}\+B[A-Za-z0-9+/=]{43}$')" 1
	same "the seed is the owner's only" "$(stat -c %a own/key)" 600
	refuses "init once" "exists" "$TALLY" witness init --directory own w.example/two
	refuses "a name with a space" "no spaces" "$TALLY" witness init --directory other "a b"
	refuses "no directory" "which witness" "$TALLY" witness list
	refuses "no witness there" "there is no witness" "$TALLY" witness list --directory nowhere
	export TALLY_WITNESS_DIRECTORY=$dir/own
	same "status" "$("$TALLY" witness status)" "$vkey
logs: 0, cosigned: 0, conflicts: 0"
	passes "add-log" "$TALLY" witness add-log $key
	refuses "add-log once" "already" "$TALLY" witness add-log $key
	refuses "a key of a witness is none of a log" "no verifier key of a log" "$TALLY" witness add-log "$vkey"
	passes "add-log with an origin" "$TALLY" witness add-log $key other.example/log
	same "list" "$("$TALLY" witness list | awk '{ print $1, $2, $3, $4 }')" "SIZE COSIGNED STATE LOG
- never good ledger.example/demo
- never good other.example/log"
	passes "remove-log" "$TALLY" witness remove-log other.example/log
	refuses "remove-log once" "no such log" "$TALLY" witness remove-log other.example/log
	same "list as data" "$("$TALLY" witness list --json | json 1 State)" removed
	unset TALLY_WITNESS_DIRECTORY
}

# One request to a witness as a web server gives it to a CGI program.
cgi() {	# method path
	REQUEST_METHOD=$1 REQUEST_URI=$2 GATEWAY_INTERFACE=CGI/1.1 CONTENT_LENGTH=${3-} \
		TALLY_WITNESS_DIRECTORY=$dir/own "$TALLY_FCGI" | tr -d '\r'
}

as_one_cgi() {
	local hex=d192bb4457adcde10b626cc4fa0794d0e4c2c35ea2059b5a006e3459beb24d28
	printf 'old 0\n\n%s\n' "$(json checkpoint <"$SOURCE/tests/golden/transparency-log-vectors.json")" >request
	same "nothing was cosigned" "$(cgi GET /witness/$hex/checkpoint | sed -n 1p)" "Status: 404 Not Found"
	cgi POST /witness/add-checkpoint "$(wc -c <request)" <request >answer
	same "it is cosigned" "$(sed -n 1p answer)" "Status: 200 OK"
	same "by its line" "$(tail -n 1 answer | cut -d' ' -f2)" w.example/one
	cgi POST /witness/add-checkpoint "$(wc -c <request)" <request >answer
	same "from the same size again" "$(sed -n '1p;$p' answer)" "Status: 409 Conflict
70000"
	same "with its own type" "$(grep -c '^Content-Type: text/x.tlog.size$' answer)" 1
	same "the last one" "$(cgi GET /witness/$hex/checkpoint | grep -c '^— ')" 2
	same "only by POST" "$(cgi GET /witness/add-checkpoint | sed -n 1p)" "Status: 405 Method Not Allowed"
	same "no ledger is there" "$(cgi GET /log/l-1/checkpoint | sed -n 1p)" "Status: 404 Not Found"
	same "it is healthy" "$(cgi GET /healthz | tail -n 1)" ok
	head -c 80000 /dev/zero >long
	same "a long request" "$(cgi POST /witness/add-checkpoint 80000 <long | sed -n 1p)" "Status: 413 Content Too Large"
	same "a wrong one" "$(cgi POST /witness/add-checkpoint 5 <long | sed -n 1p)" "Status: 400 Bad Request"
	same "a short one" "$(cgi POST /witness/add-checkpoint 500 <request | sed -n 1p)" "Status: 400 Bad Request"
	same "what it holds is listed" "$("$TALLY" witness list --directory own --json | json 0 TreeSize)" 70000
}

being_one
as_one_cgi

# ---- with witnesses that run ----

driver=$(durable | head -n 1)
server=$(PATH=$PATH:/usr/sbin command -v lighttpd)
if [ -z "$driver" ] || [ -z "$server" ]; then
	skip "having checkpoints cosigned" "no durable driver, or no lighttpd"
	finish
fi
as=
if [ "$(id -u)" = 0 ]; then
	as="setpriv --reuid=65533 --regid=65533 --clear-groups"
	chown 65533:65533 "$dir"
fi
mkdir -p programs && cp "$TALLY" "$TALLY_FCGI" programs && cp -r "$SOURCE/templates" programs/templates &&
	chmod -R a+rX programs
TALLY=$dir/programs/tally TALLY_FCGI=$dir/programs/tally.fcgi

start_witness() {	# name [port]
	$as "$TALLY" witness run --directory "$dir/$1" --listen "127.0.0.1:${2:-0}" --daemon \
		--fcgi "$TALLY_FCGI" --templates "$dir/programs/templates" 2>"$1.err"
}
stop_witness() { $as "$TALLY" witness run --directory "$dir/$1" --stop >/dev/null 2>&1; }
trap 'for w in w1 w2; do stop_witness $w; done; cleanup' EXIT

: >witnesses
for w in w1 w2 w3; do
	vkey=$($as "$TALLY" witness init --directory "$dir/$w" $w.example)
	url=http://127.0.0.1:1/		# nobody is there
	[ $w = w3 ] || url=$(start_witness $w)
	case $url in
	http://*) ;;
	*) not_ok "witness $w starts" "$(cat $w.err $w.serve/*.log 2>/dev/null | tail -n 5)"; finish ;;
	esac
	echo "$url" >$w.url
	echo "witness $w $vkey ${url}witness" >>witnesses
done
policy_of() { cat witnesses; echo "group two 2 w1 w2 w3"; echo "quorum $1"; }
policy_of two >policy
export TALLY_STORE=$dir/store TALLY_WITNESS_TIMEOUT=2s
$as "$TALLY" init --driver "$driver" --origin log.example >/dev/null 2>&1
id=$($as "$TALLY" ledger create --public-read on one)
vkey=$($as "$TALLY" ledger vkey "$id")
{ echo "log $vkey"; cat policy; } >verifier.policy
{ echo "log $vkey"; policy_of w3; } >strict.policy
append() { echo "$1" | $as "$TALLY" append "$id" >/dev/null; }
maintain() { TALLY_WITNESS_POLICY=$dir/policy $as "$TALLY" maintain "$@"; }
with_policy() { TALLY_WITNESS_POLICY=$dir/policy $as "$TALLY" "$@"; }

cosigning() {
	append one
	same "maintain without a policy asks nobody" "$($as "$TALLY" maintain)" maintained
	refuses "witnesses that do not know the log" "not enough witnesses cosign 1 of the ledgers" maintain
	refuses "nothing is published before they do" "503" with_policy publish "$id" log
	refuses "prove --cosigned" "no checkpoint has been cosigned" with_policy prove "$id" 1 --cosigned
	for w in w1 w2 w3; do
		$as "$TALLY" witness add-log --directory "$dir/$w" "$vkey"
	done
	same "two of three, one of them dead" "$(maintain 2>maintain.err)" "maintained
cosigned 1 of 1 ledgers"
	same "the dead one is told" "$(grep -c 'event=witness.silent witness=w3' maintain.err)" 1
	same "as data" "$(maintain --json 2>/dev/null | json Cosigned)" 1
	same "what w1 holds" "$($as "$TALLY" witness list --directory "$dir/w1" --json | json 0 TreeSize)" 2
	append two
	passes "it grew" maintain
	same "what w2 holds" "$($as "$TALLY" witness list --directory "$dir/w2" --json | json 0 TreeSize)" 3
	printf 'quorum none\nquorum none\n' >broken.policy
	refuses "a wrong policy is refused" "broken.policy: line 2" \
		env TALLY_WITNESS_POLICY=$dir/broken.policy $as "$TALLY" maintain
}

proving() {
	passes "prove" with_policy prove "$id" 1 -o p --leaf leaf
	passes "verify by the policy" "$TALLY" verify p --policy verifier.policy
	same "who cosigned" "$("$TALLY" verify p --policy verifier.policy | grep -c '^  cosigned by w[12] (w[12]\.example) at 20')" 2
	same "as data" "$("$TALLY" verify p --policy verifier.policy --json | json Witnesses 1 Name)" w2
	passes "and by the key" "$TALLY" verify p --policy verifier.policy --vkey "$vkey"
	[ -n "$python" ] && passes "others verify it too" "$python" "$cosigned" verifier.policy p --size 3 --by w1,w2
	refuses "another key" "not signed by this key" "$TALLY" verify p --policy verifier.policy --vkey $key
	refuses "a quorum that is not met" "quorum is not met; cosigned by w1, w2" "$TALLY" verify p --policy strict.policy
	refuses "a policy without the log" "no log that signed this checkpoint of log.example/$id" "$TALLY" verify p \
		--policy policy
	refuses "a policy of another log" "no log that signed" bash -c \
		'{ echo "log '$key'"; cat policy; } >o.policy; "$0" verify p --policy o.policy' "$TALLY"
	refuses "a malformed policy" "broken.policy: line 2: there is a quorum already" "$TALLY" verify p --policy broken.policy
	refuses "no policy" "No such file" "$TALLY" verify p --policy nowhere
	refuses "neither key nor policy" "by which key" "$TALLY" verify p
	grep -v ' w2.example ' p >p1
	refuses "one cosignature less" "quorum is not met; cosigned by w1$" "$TALLY" verify p1 --policy verifier.policy
	grep -v " log.example/$id " p >p2
	refuses "not the log's" "no log that signed" "$TALLY" verify p2 --policy verifier.policy
	# Each character of the signatures replaced in turn: no result may verify.
	local at passed= start
	start=$(grep -abom1 '^— ' p | cut -d: -f1)
	for ((at = start; at < $(wc -c <p); at += 5)); do
		cp p changed
		printf A | dd of=changed bs=1 seek=$at conv=notrunc 2>/dev/null
		cmp -s p changed || { "$TALLY" verify changed --policy verifier.policy >/dev/null 2>&1 && passed="$passed $at"; }
	done
	same "no character of a signature can be changed" "$passed" ""
	append three
	same "what is not cosigned yet is proved all the same" "$(with_policy prove "$id" 3 | sed -n '/^log.example/{n;p}')" 4
	refuses "... but not with --cosigned" "cosigned only 3 journals" with_policy prove "$id" 3 --cosigned
}

publishing() {
	same "publish what is cosigned" "$(with_policy publish "$id" log)" "published 3 journals; 3 files written"
	maintain >/dev/null 2>&1
	same "publish what is cosigned by now" "$(with_policy publish "$id" log)" "published 4 journals; 3 files written"
	same "nothing new" "$(with_policy publish "$id" log)" "published 4 journals; 0 files written"
	if [ -n "$python" ]; then
		passes "a reader of tiles verifies it" "$python" "$SOURCE/tests/proof/verify_tiles.py" log "$vkey" --count 4
		passes "and its witnesses" "$python" "$cosigned" verifier.policy log/checkpoint --size 4 --by w1,w2
	fi
	policy_of none >policy
	append four
	maintain >/dev/null 2>&1
	with_policy publish "$id" log >/dev/null
	same "without a quorum the newest, with who signed it" "$(grep -c '^— ' log/checkpoint)" 3
	append five
	with_policy publish "$id" log >/dev/null
	same "... or with nobody" "$(sed -n 2p log/checkpoint) $(grep -c '^— ' log/checkpoint)" "6 1"
	maintain >/dev/null 2>&1
	same "the same tree with more witnesses" "$(with_policy publish "$id" log)" "published 6 journals; 1 files written"
	same "... is published" "$(grep -c '^— ' log/checkpoint)" 3
	policy_of two >policy
}

# All that remembered what was signed is put back with the store, file by file.
put_back() { for f in store store.key store.key.high store.key.cosigned; do
	rm -rf "$dir/put"; cp -a "$dir/backup/$f" "$dir/put" 2>/dev/null
	case $f in
	store) find store -mindepth 1 ! -name lock -type f -delete; cp -a put/. store ;;
	*) rm -rf $f; [ ! -e put ] || mv put $f ;;
	esac
	done
}

only_witnesses_know() {
	local new w1
	mkdir backup
	cp -a store store.key* backup
	append "will be lost"
	append "will be lost too"
	maintain >/dev/null 2>&1
	put_back
	same "nothing here knows" "$($as "$TALLY" adopt --json 2>/dev/null | json Logs 0 Fits)" true
	refuses "adopt asks the witnesses" "nothing was adopted" with_policy adopt
	same "... and says what they cosigned" "$($as "$TALLY" adopt 2>/dev/null | grep -c '^8  *6  *6  *read only')" 1
	refuses "it is not written to" "read only.*8 were signed" bash -c 'echo x | "$@"' - $as "$TALLY" append "$id"
	refuses "adopt --yes is refused" "witnesses have cosigned what 1 of the ledgers do not have" with_policy adopt --yes
	stop_witness w1
	stop_witness w2
	put_back
	same "without an answer nothing is known" "$(with_policy adopt 2>&1 >/dev/null | grep -c '^w[123]: no answer from')" 3
	cp -a store.key.high high
	awk '{ print $1, $2 + 1, $3 }' high >store.key.high
	refuses "adopt --yes without an answer" "do not answer" with_policy adopt --yes
	refuses "... as data too" "do not answer" with_policy adopt --yes --json
	cp -a high store.key.high
	start_witness w1 "$(grep -oE '[0-9]+' w1.url | tail -n 1)" >/dev/null
	start_witness w2 "$(grep -oE '[0-9]+' w2.url | tail -n 1)" >/dev/null
	refuses "they are back" "have cosigned what 1 of" with_policy adopt --yes
	passes "a new origin" with_policy adopt --yes --new-origin
	new=$($as "$TALLY" ledger vkey "$id")
	[ "$new" != "$vkey" ] && ok "it has a new name" || not_ok "it has a new name" "$new"
	same "which its journal tells" "$($as "$TALLY" get "$id" 6 --payload | json previousOrigin)" "log.example/$id"
	same "with what was signed" "$($as "$TALLY" get "$id" 6 --payload | json previousSize)" 8
	append "goes on"
	refuses "witnesses do not know the new one" "not enough witnesses" maintain
	$as "$TALLY" witness add-log --directory "$dir/w1" "$new"
	$as "$TALLY" witness add-log --directory "$dir/w2" "$new"
	passes "until they are told" maintain
	same "they remember the old one" "$($as "$TALLY" witness list --directory "$dir/w1" | awk 'NR > 1 { print $1 }' | sort -n | tr '\n' ' ')" "8 8 "
	passes "a proof under the new name" with_policy prove "$id" 7 -o p --cosigned
	passes "verifies" bash -c '{ echo "log '"$new"'"; cat policy; } >n.policy; "$0" verify p --policy n.policy' "$TALLY"
	refuses "not by the old one" "no log that signed" "$TALLY" verify p --policy verifier.policy
}

# The note that witnesses cosigned is a second high-water mark.
cosigned_is_remembered() {
	rm -rf backup
	mkdir backup
	cp -a store backup
	append "lost again"
	maintain >/dev/null 2>&1
	rm store.key.high
	find store -mindepth 1 ! -name lock -type f -delete
	cp -a backup/store/. store
	refuses "it is not written to" "cosigned by witnesses" bash -c 'echo x | "$@"' - $as "$TALLY" append "$id"
	refuses "nor adopted under its name" "only go on under a new origin" $as "$TALLY" adopt --yes
	passes "but under another" $as "$TALLY" adopt --yes --new-origin
	append "goes on"
}

# What the state says, under a checkpoint that witnesses cosigned; in a store of its own.
states() {
	export TALLY_STORE=$dir/other
	$as "$TALLY" init --driver "$driver" --origin states.example >/dev/null 2>&1
	id=$($as "$TALLY" ledger create --type kv values)
	vkey=$($as "$TALLY" ledger vkey "$id")
	{ echo "log $vkey"; cat policy; } >s.policy
	set_price() { $as "$TALLY" kv set "$id" price "$1" >/dev/null; with_policy prove "$id" --kv price --fresh -o newest.json; }
	set_price one
	refuses "states: nothing is cosigned" "no checkpoint has been cosigned" with_policy prove "$id" --kv price --cosigned
	refuses "states: the newest is not" "quorum is not met" "$TALLY" verify newest.json --policy s.policy
	for w in w1 w2; do
		$as "$TALLY" witness add-log --directory "$dir/$w" "$vkey"
	done
	passes "states: it is cosigned" maintain
	passes "states: a key" with_policy prove "$id" --kv price --cosigned -o one.json
	"$TALLY" verify one.json --policy s.policy >out
	same "states: what it says" "$(sed -n '1p;3p' out)" 'verified: the key "price" had the value that journal 1 set
  as of size 2 of 3 (lag 1)'
	same "states: who cosigned" "$(grep -c '^  cosigned by w[12] (w[12]\.example) at 20' out)" 2
	set_price two
	refuses "states: a newer one is not cosigned" "quorum is not met" "$TALLY" verify newest.json --policy s.policy
	for of in "--kv price" "--clue c" "--member m-00000000000000000000000000"; do
		passes "states: $of in the older tree" with_policy prove "$id" $of --cosigned -o older.json
		same "states: ... as of then" "$("$TALLY" verify older.json --policy s.policy | grep 'as of')" \
			"  as of size 2 of 3 (lag 1)"
		if [ -n "$python" ]; then
			printf '%s\n' "$(json checkpoint <older.json)" >older.note
			passes "states: ... others verify its witnesses" "$python" "$cosigned" s.policy older.note --size 3 --by w1,w2
		fi
	done
	same "states: there is no such member" "$("$TALLY" verify older.json --policy s.policy | sed -n 1p)" \
		'verified: there was no member "m-00000000000000000000000000"'
	same "states: kv get of then" "$(with_policy kv get "$id" price --proof older.json --cosigned 2>/dev/null)" one
	passes "states: ... is proved" "$TALLY" verify older.json --policy s.policy
	sed "s|\"checkpoint\":\"[^\"]*\"|$(grep -o '"checkpoint":"[^"]*"' one.json | sed 's/\\/\\\\/g')|" newest.json >lie.json
	refuses "states: the newer state under the older checkpoint" "NOT VERIFIED: (stateRootLeaf|its place)" \
		"$TALLY" verify lie.json --policy s.policy
	set_price three
	refuses "states: those kept are newer than what is cosigned" \
		"cosigned 3 journals, and the state roots.*came later.*tally maintain" with_policy prove "$id" --kv price --cosigned
	refuses "states: neither does kv get" "came later" with_policy kv get "$id" price --proof none.json --cosigned
	[ ! -e none.json ] && ok "states: no file is written" || not_ok "states: no file is written"
	passes "states: cosigned again" maintain
	passes "states: proved again" with_policy prove "$id" --kv price --cosigned -o three.json
	same "states: the newest value" "$("$TALLY" verify three.json --policy s.policy --json | json Value)" three
	refuses "states: fresh is not cosigned" "after it was made" with_policy prove "$id" --kv price --cosigned --fresh
	refuses "states: nor for kv get" "after it was made" with_policy kv get "$id" price --proof x --cosigned --fresh
	refuses "states: nothing to prove" "go with --proof" with_policy kv get "$id" price --cosigned
}

cosigning
proving
publishing
only_witnesses_know
cosigned_is_remembered
states
finish
