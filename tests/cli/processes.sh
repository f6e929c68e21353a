# Sharing processes proved complete: a process of three stages through a server, its proof checked offline;
# then stores that somebody changed a stage in, on every durable driver: the audit finds it, and no proof
# that is drawn from such a store verifies.
. "$SOURCE/tests/cli/lib.sh"

make_ca org1 && make_member org1 alice && make_member org1 bob && make_member org1 carol || {
	skip "sharing processes" "there is no openssl that makes certificates"
	finish
	exit
}
for program in curl python3; do
	command -v $program >/dev/null || { skip "sharing processes" "there is no $program"; finish; exit; }
done

verify() { env -u TALLY_STORE -u TALLY_ENDPOINT "$TALLY" verify "$@" --vkey "$vkey"; }
as_json() { awk '{ printf "%s\\n", $0 }' "$1"; }

# A request that brings its key.
ask() {	# who path members
	curl -sS "${TALLY_ENDPOINT%/}/v1/$2" -H 'Content-Type: application/json' --data-binary @- <<-BODY
		{"orgID":"org1","channelID":"mychannel","cryptoMethod":"SW","cert":"$(as_json "$1.pem")",
		"sk":"$(as_json "$1.key")","timestamp":"2020-10-27T17:28:16+08:00"${3:+,$3}}
		BODY
}

stage() {	# who provider consumer product name [member...]
	ask "$1" datashare/dataset/share "\"provider\":\"$2\",\"consumer\":\"$3\",\"productID\":\"$4\",
		\"productName\":\"n\",\"plainData\":\"aGVsbG8=\",\"onChainStore\":\"true\",\"orderSeq\":\"order $4\",
		\"stageName\":\"$5\",$6"
}

make_process() {	# driver
	chmod 644 org1-ca.pem
	$as_user "$TALLY" org add org1 --ca org1-ca.pem --store "$server_store" || return
	ledger=$($as_user "$TALLY" channel add mychannel --store "$server_store")
	a=$(ask alice identity/did | json did)
	b=$(ask bob identity/did | json did)
	c=$(ask carol identity/did | json did)
	process=$(stage alice "$a" "$b" p1 transaction1 '"action":"new"' | json processID)
	stage bob "$b" "$c" p2 transaction2 "\"action\":\"append\",\"creatorDID\":\"$a\",\"processID\":\"$process\"" >out
	stage carol "$c" "$b" p3 transaction2 "\"action\":\"append\",\"creatorDID\":\"$a\",\"processID\":\"$process\"" >out
	same "$1: a process" "$(json processID <out)" "$process"
	vkey=$("$TALLY" ledger vkey "$ledger")
}

proved() {	# driver
	local n
	passes "$1: it is proved" "$TALLY" prove "$ledger" --process "$a" "$process" --fresh -o good.json
	verify good.json >out
	same "$1: ... in words" "$(sed -n 1p out)" \
		"verified: the process \"$process\" of \"$a\" has exactly 3 stages"
	same "$1: ... each stage" "$(sed -n 's/ at [0-9TZ:-]*, as the server says, journal [0-9]*$//p; s/^    order/order/p' \
		out | tr '\n' ';')" \
		"  stage 1: \"transaction1\";order \"order p1\" of \"$b\";  stage 2: \"transaction2\";order \"order p2\" of \"$c\";  stage 3: \"transaction2\";order \"order p3\" of \"$b\";"
	same "$1: ... signed" "$(grep -c 'who signed it$' out)" 3
	verify good.json --json >out
	for n in 0 1 2; do
		same "$1: ... as JSON, stage $((n + 1))" \
			"$(json Stages $n OrderSeq <out) $(json Stages $n Signed <out) $(json Stages $n ProductId <out)" \
			"order p$((n + 1)) true p$((n + 1))"
	done
	same "$1: ... what query-process says" \
		"$(ask bob datashare/dataset/query-process "\"creatorDID\":\"$a\",\"processID\":\"$process\"" |
			json stages 2 createTime)" "$(($(json Stages 2 Timestamp <out) / 1000))"
	same "$1: ... kind" "$(json Kind <out) $(json Count <out) $(json OtherJournals <out)" "process 3 0"
	refuses "$1: a lag that is not taken" "NOT VERIFIED: the state is 1 journals old|NOT VERIFIED: state: the state" \
		verify good.json --max-lag 0
	passes "$1: none of another name" "$TALLY" prove "$ledger" --process "$a" nothing -o none.json
	same "$1: ... is said" "$(verify none.json | sed -n 1p)" "verified: there was no process \"nothing\" of \"$a\""
	same "$1: drawn by hand it is the same" "$(draw | verify - | sed -n 2,10p)" "$(verify good.json | sed -n 2,10p)"
}

usage() {	# driver
	refuses "$1: which process?" "it needs" "$TALLY" prove --process "$a"
	refuses "$1: which ledger?" "which ledger" "$TALLY" prove --process "$a" "$process"
	refuses "$1: a journal and a process" "prove what" "$TALLY" prove "$ledger" "$process" --process "$a" --clue x
	refuses "$1: no leaf of a process" "for journals" "$TALLY" prove "$ledger" --process "$a" "$process" --leaf x
	refuses "$1: no DID has a space" "no spaces" "$TALLY" prove "$ledger" --process "a b" "$process"
	refuses "$1: fresh or cosigned" "fresh or --cosigned" \
		"$TALLY" prove "$ledger" --process "$a" "$process" --fresh --cosigned
	refuses "$1: not cosigned" "no checkpoint has been cosigned" \
		"$TALLY" prove "$ledger" --process "$a" "$process" --cosigned
	refuses "$1: too long for a clue" "Clue" "$TALLY" prove "$ledger" --process "$a" "$(printf %0100d 0)"
	refuses "$1: no such ledger" "does not exist" \
		"$TALLY" prove l-0000000000000000000000000 --process "$a" "$process"
	refuses "$1: a demand that it cannot meet" "says nothing of a process proof" verify good.json --signed-by 00
	refuses "$1: another log's key" "NOT VERIFIED: the checkpoint" "$TALLY" verify good.json \
		--vkey ledger.example/demo+7b8488d1+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4
}

draw() { python3 -B "$SOURCE/tests/proof/draw_process.py" "$TALLY" "$ledger" "$a" "$process"; }

# Everything of a store but what says which directory it is in.
replace_store() {	# by
	find "$server_store" -mindepth 1 -maxdepth 1 ! -name lock ! -name identity -exec rm -rf {} + &&
		rm -f "$1/lock" "$1/identity" && $as_user cp -r "$1/." "$server_store/"
}

# The owner of all ledgers is asked, as the server's user, where no server runs.
of_store() { env -u TALLY_ENDPOINT $as_user "$TALLY" "$@" --store "$server_store"; }

# One change of the store: what the audit says of it, what prove does, what verify says of what is drawn.
tampered() {	# driver change audit prove verify
	local status
	stop_server
	rm -rf forged
	[ -n "$as_user" ] && chown -R 65533:65533 honest
	passes "$1, $2: the store is changed" $as_user "$TAMPER_SHARE" "$1" honest "$dir/forged" "$ledger" "$2"
	replace_store forged
	of_store audit --index >audit.out 2>&1
	status=$?
	if [ $status = 3 ] && grep -qE "$3" audit.out; then
		ok "$1, $2: the audit finds it"
	else
		not_ok "$1, $2: the audit finds it" "status $status: $(head -n 3 audit.out | tr '\n' ' ')"
	fi
	serve_again || return
	rm -f bad.json
	if [ -z "$4" ]; then
		passes "$1, $2: a proof is written" "$TALLY" prove "$ledger" --process "$a" "$process" -o bad.json
		same "$1, $2: ... of what is true" "$(verify bad.json | sed -n 2,10p)" "$(verify good.json | sed -n 2,10p)"
		return
	fi
	refuses "$1, $2: no proof is written" "$4" "$TALLY" prove "$ledger" --process "$a" "$process" -o bad.json
	same "$1, $2: ... no file either" "$(ls bad.json 2>/dev/null)" ""
	if [ -z "$5" ]; then
		refuses "$1, $2: nor can one be drawn" "returned non-zero" draw
	elif draw >drawn.json; then
		refuses "$1, $2: one that is drawn does not verify" "NOT VERIFIED: $5" verify drawn.json
	else
		not_ok "$1, $2: one is drawn"
	fi
}

all_of() {	# driver
	start_server "$dir/served-$1" --driver "$1" || {
		skip "$1: sharing processes" "there is no lighttpd"
		return
	}
	make_process "$1"
	proved "$1"
	usage "$1"
	stop_server
	of_store prove --process "$a" "$process" -o local.json >/dev/null
	same "$1: a store of one channel needs no name of a ledger" "$(verify local.json | sed -n 2,10p)" \
		"$(verify good.json | sed -n 2,10p)"
	passes "$1: the store is as it should be" of_store audit --index
	rm -rf honest
	cp -r "$server_store" honest
	# the server gives out what its index leads to, and the hashes do not fit
	tampered "$1" journal 'leaf|root|hash' 'proves nothing: journals: those' 'state: journals: those'
	tampered "$1" lineage 'table 3' 'proves nothing: journals: those' 'state: journals: those'
	# a list of stages that is wrong changes nothing of the proof
	tampered "$1" row 'table' '' ''
	# it finds out by itself, and gives nothing out
	tampered "$1" content 'payload' 'InternalError' ''
	tampered "$1" roots 'signed|evidence|state' 'InternalError' ''
	tampered "$1" order 'signed|evidence|state' 'InternalError' ''
	stop_server
	unset TALLY_ENDPOINT
}

[ "$(durable)" ] || skip "sharing processes" "no durable driver is built in"
for driver in $(durable); do
	all_of "$driver"
done
finish
