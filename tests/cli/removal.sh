# Removal: what is occulted or purged is in no byte of any file of the store, with an owner and without;
# proofs made before go on verifying; certificates verify; backups that still hold it are told.
. "$SOURCE/tests/cli/lib.sh"

python=$(command -v python3)

hex() { od -An -v -tx1 | tr -d ' \n'; }

# The files of the store that hold these bytes; none is wanted, and no error.
nowhere() {	# name hex
	local files status
	files=$("$FIND_BYTES" "$2" "$TALLY_STORE")
	status=$?
	same "$1" "$files $status" " 1"
}

# An action by a key's request, through the program of the service as a plain CGI program.
cgi() {	# Action Name=Value...
	local url
	url=$("$TALLY" call --print-url --endpoint http://127.0.0.1/ "$@") || return 1
	env GATEWAY_INTERFACE=CGI/1.1 REQUEST_METHOD=GET SERVER_PROTOCOL=HTTP/1.1 REMOTE_ADDR=127.0.0.1 \
		QUERY_STRING="${url#*\?}" REQUEST_URI="/?${url#*\?}" "$TALLY_FCGI" </dev/null |
		sed '1,/^\r*$/d'
}

# A ledger of the policy dual with journals 3 to 22, whose payloads all differ; ids in $ledger, $owner_id
# and $auditor.
make_ledger() {
	local i
	ledger=$("$TALLY" ledger create removal --public-read on)
	"$TALLY" member key "$ledger" --key-file owner.pem >/dev/null 2>&1
	"$TALLY" member create "$ledger" --key-file auditor.pem --role admin --json >auditor.json
	auditor=$(json MemberId <auditor.json)
	owner_id=$("$TALLY" member show "$ledger" --json | json MemberId)
	for ((i = 3; i <= 22; i++)); do
		payload $i
		echo
	done | "$TALLY" append "$ledger" --lines >/dev/null
}

payload() { printf 'the payload of journal %d is %s' "$1" "$mark$1"; }
payload_hex() { payload "$1" | hex; }

salt_of() { "$TALLY" prove "$ledger" "$1" | sed -n 's/^extra //p' | base64 -d | json salt; }

# The order by both members, who have their keys on two machines.
occult_by_two() {	# journal options...
	local journal=$1 signature
	shift
	signature=$("$TALLY" occult "$ledger" $journal --author $owner_id --nonce "occult $journal" \
		--reason "by order" --sign $auditor=auditor.pem --sign-only) || return 1
	"$TALLY" occult "$ledger" $journal --yes --nonce "occult $journal" --reason "by order" \
		--sign $owner_id=owner.pem --signature "$signature" "$@"
}

policies() {	# driver
	refuses "$1: without --yes" "say --yes" "$TALLY" occult "$ledger" 5
	refuses "$1: nobody signed" "MemberSignatures" "$TALLY" occult "$ledger" 5 --yes
	refuses "$1: the owner alone" "not authorized" "$TALLY" occult "$ledger" 5 --yes --sign $owner_id=owner.pem
	refuses "$1: the auditor alone" "not authorized" "$TALLY" occult "$ledger" 5 --yes --sign $auditor=auditor.pem
	refuses "$1: another's key" "not authorized" "$TALLY" occult "$ledger" 5 --yes \
		--sign $owner_id=auditor.pem --sign $auditor=owner.pem
	refuses "$1: a weaker policy by one" "MemberSignatures" "$TALLY" ledger removal "$ledger" admin
	same "$1: all is there" "$("$TALLY" get "$ledger" 5 --payload)" "$(payload 5)"
}

# Journal 5, in no process but those of the verbs.
without_owner() {	# driver
	local name="$1, no owner" salt
	salt=$(salt_of 5)
	"$TALLY" prove "$ledger" 5 -o before.tlog-proof
	"$TALLY" backup "$dir/$1 backup 1" >/dev/null 2>&1
	passes "$name: its payload is found before" "$FIND_BYTES" "$(payload_hex 5)" "$TALLY_STORE"
	passes "$name: its salt is found before" "$FIND_BYTES" "$salt" "$TALLY_STORE"
	same "$name: occult" "$(occult_by_two 5 --certificate certificate 2>told)" \
		"journal 5 is occulted by journal 23"
	nowhere "$name: its payload is nowhere" "$(payload_hex 5)"
	nowhere "$name: its salt is nowhere" "$salt"
	passes "$name: the next one is" "$FIND_BYTES" "$(payload_hex 6)" "$TALLY_STORE"
	passes "$name: the backup holds it" "$FIND_BYTES" "$(payload_hex 5)" "$dir/$1 backup 1"
	same "$name: which is told" "$(grep -c "^A backup may still hold it: 20.*Z $1 backup 1\$" told)" 1
	passes "$name: the proof from before verifies" "$TALLY" verify before.tlog-proof --vkey "$vkey"
	passes "$name: so does one made now" bash -c '"$0" prove "$1" 5 | "$0" verify - --vkey "$2"' "$TALLY" \
		"$ledger" "$vkey"
	"$TALLY" verify certificate --vkey "$vkey" >said
	same "$name: the certificate verifies" "$(grep -c 'certifies that the payload of journal 5 is erased' said)" 1
	same "$name: ... with its order" "$(grep -c 'ordered by journal 23; ' said)" 1
	same "$name: ... and the backup" "$(grep -c "may still hold it: .* $1 backup 1\$" said)" 1
	refuses "$name: no payload is given out" "removed by journal 23" "$TALLY" get "$ledger" 5 --payload
	same "$name: a listing says so" "$("$TALLY" list "$ledger" --from 5 --to 5 --json | json Removed)" true
	same "$name: the order has both signatures" \
		"$("$TALLY" prove "$ledger" 23 | sed -n 's/^extra //p' | base64 -d | json leaf | grep -o '"memberId"' | wc -l)" 3
	refuses "$name: not twice" "JournalId is invalid" occult_by_two 5
	refuses "$name: of another no certificate" "does not exist" "$TALLY" certificate "$ledger" 6
}

with_owner() {	# driver
	local name="$1, with an owner" salt
	salt=$(salt_of 7)
	start_owner || not_ok "$name: it starts" "see above"
	occult_by_two 7 --certificate certificate >/dev/null 2>&1
	nowhere "$name: a payload is nowhere while it runs" "$(payload_hex 7)"
	nowhere "$name: its salt is nowhere" "$salt"
	passes "$name: the certificate verifies" "$TALLY" verify certificate --vkey "$vkey"
	# Killed at once, with the order written and who knows what else.
	salt=$(salt_of 8)
	occult_by_two 8 >/dev/null
	kill -KILL "$owner"
	wait "$owner" 2>/dev/null
	passes "$name: killed, the next one certifies" "$TALLY" certificate "$ledger" 8 --wait 60 -o certificate
	nowhere "$name: killed, the payload is nowhere" "$(payload_hex 8)"
	nowhere "$name: killed, the salt is nowhere" "$salt"
	salt=$(salt_of 9)
	start_owner || not_ok "$name: it starts again" "see above"
	occult_by_two 9 >/dev/null
	stop_owner
	# A ledger is opened, then closed: that is enough for a process that is none of the owner's.
	"$TALLY" get "$ledger" 0 >/dev/null
	nowhere "$name: stopped, the next verb finishes" "$(payload_hex 9)"
	nowhere "$name: stopped, and the salt" "$salt"
	passes "$name: ... and certifies" "$TALLY" certificate "$ledger" 9 -o certificate
}

# By the service as a CGI program, each request a process.
by_cgi() {	# driver
	local name="$1, by CGI" id salt
	id=$("$TALLY" ledger create cgi --removal admin)
	payload 99 | "$TALLY" append "$id" - >/dev/null
	same "$name: occult" "$(cgi OccultJournal LedgerId=$id JournalId=1 | json JournalId)" 2
	nowhere "$name: the payload is nowhere" "$(payload_hex 99)"
	same "$name: it is certified" "$(cgi GetErasureCertificate LedgerId=$id JournalId=1 | json State)" CERTIFIED
	same "$name: a journal says so" "$(cgi GetJournal LedgerId=$id JournalId=1 | json Journal RemovedBy)" 2
	passes "$name: a policy is made stricter by one" "$TALLY" ledger removal "$id" off
	refuses "$name: off is off" "not authorized" "$TALLY" purge "$id" 2 --yes
}

purge() {	# driver
	local name="$1, purge" salt i
	salt=$(salt_of 12)
	"$TALLY" prove "$ledger" 12 -o before.tlog-proof
	refuses "$name: nobody signed" "MemberSignatures" "$TALLY" purge "$ledger" 15 --yes
	same "$name: done" "$("$TALLY" purge "$ledger" 15 --yes --sign $owner_id=owner.pem \
		--sign $auditor=auditor.pem --certificate certificate 2>/dev/null | sed 's/ by.*//')" \
		"all below journal 15 is purged"
	for i in 3 11 14; do
		nowhere "$name: payload $i is nowhere" "$(payload_hex $i)"
	done
	nowhere "$name: a salt is nowhere" "$salt"
	passes "$name: payload 15 is there" "$FIND_BYTES" "$(payload_hex 15)" "$TALLY_STORE"
	passes "$name: the proof from before verifies" "$TALLY" verify before.tlog-proof --vkey "$vkey"
	same "$name: the certificate" "$("$TALLY" verify certificate --vkey "$vkey" |
		grep -c 'payloads of all journals below 15 are erased')" 1
	same "$name: the ledger knows" "$("$TALLY" ledger show "$ledger" --json | json MinimumIndex)" 15
	# a large one: its bundles are gone
	lines 600 | "$TALLY" append "$ledger" --lines >/dev/null 2>&1
	"$TALLY" publish "$ledger" "$1.log" >/dev/null
	rm "$1.log/tile/entries/000" "$1.log/tile/entries/001"
	"$TALLY" purge "$ledger" 600 --yes --sign $owner_id=owner.pem --sign $auditor=auditor.pem \
		--certificate certificate >/dev/null 2>&1
	same "$name: bundles below are not published" \
		"$("$TALLY" publish "$ledger" "$1.log" --json | json Pruned)" 2
	same "$name: ... and are not there" "$(ls "$1.log/tile/entries")" "002.p"
}

whole() {	# driver
	local name="$1" other
	passes "$name: doctor --deep" "$TALLY" doctor --deep
	same "$name: doctor tells of the backup" "$("$TALLY" doctor --json | grep -c 'may hold what was erased since')" 1
	passes "$name: rebuild" "$TALLY" rebuild
	passes "$name: doctor --deep on what is rebuilt" "$TALLY" doctor --deep
	"$TALLY" audit all >audited 2>&1
	same "$name: the audit finds nothing wrong" "$? $(grep WRONG audited)" "0 "
	"$TALLY" dump >$1.dump
	if [ -n "$python" ]; then
		passes "$name: an auditor that shares no code" bash -c '"$0" "$1" <"$2"' "$python" \
			"$SOURCE/tests/proof/verify_export.py" $1.dump
	else
		skip "$name: an auditor that shares no code" "there is no python3"
	fi
	for other in $(durable); do
		passes "$name: loaded by $other" "$TALLY" load --driver "$other" --store "$dir/$1-$other" \
			--key-file "$TALLY_STORE.key" $1.dump
		passes "$name: doctor --deep on that" "$TALLY" doctor --deep --store "$dir/$1-$other"
	done
	# The order is left out: what it ordered is damage then.
	grep -v '"system"' $1.dump | grep "$ledger" | head -n 5 >part.dump
	(grep '"system"' $1.dump; cat part.dump) >cut.dump
	refuses "$name: a dump without the orders" "payload is zero, and no journal orders that" \
		"$TALLY" load --driver "$1" --store "$dir/$1-cut" --key-file "$TALLY_STORE.key" cut.dump
}

# An old backup in the place of the store: the payload is there again, and that is told.
put_back() {	# driver
	local name="$1, put back"
	same "$name: the list of backups" "$("$TALLY" backup --list --json | json Backups 0 HoldsErased)" true
	mv "$TALLY_STORE" "$TALLY_STORE.away"
	"$TALLY" restore "$dir/$1 backup 1" >/dev/null 2>&1
	passes "$name: the payload is there again" "$FIND_BYTES" "$(payload_hex 5)" "$TALLY_STORE"
	refuses "$name: doctor says so" "." "$TALLY" doctor
	same "$name: ... by journal" "$("$TALLY" doctor 2>&1 | grep -c "$ledger has again what was erased.* journal 5")" 1
	"$TALLY" adopt --yes >/dev/null 2>&1
	occult_by_two 5 --certificate certificate >/dev/null 2>&1
	nowhere "$name: ordered again, it is nowhere" "$(payload_hex 5)"
	same "$name: doctor is content with that one" \
		"$("$TALLY" doctor 2>&1 | grep -c "has again what was erased.* journal 5\$")" 0
	passes "$name: a backup is forgotten" "$TALLY" backup --forget "$dir/$1 backup 1"
	same "$name: ... and off the list" "$("$TALLY" backup --list --json | grep -c 'backup 1')" 0
	refuses "$name: ... once" "does not exist" "$TALLY" backup --forget "$dir/$1 backup 1"
}

if [ -z "$(durable)" ]; then
	skip "removal" "no durable driver is built in"
	finish
fi
"$TALLY" member keygen owner.pem >/dev/null
"$TALLY" member keygen auditor.pem --key-type ed25519 >/dev/null
for driver in $(durable); do
	export TALLY_STORE=$dir/$driver
	mark=$driver-$(head -c 12 /dev/urandom | hex)-
	"$TALLY" init --driver "$driver" --json >init.json 2>/dev/null
	export TALLY_ACCESS_KEY_ID=$(json AccessKeyId <init.json) TALLY_ACCESS_KEY_SECRET=$(json AccessKeySecret <init.json)
	make_ledger
	vkey=$("$TALLY" ledger vkey "$ledger")
	policies "$driver"
	without_owner "$driver"
	with_owner "$driver"
	by_cgi "$driver"
	purge "$driver"
	whole "$driver"
	put_back "$driver"
done
finish
