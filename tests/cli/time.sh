# Time anchors end to end: real time-stamp authorities over HTTP, several in their order, with a dead
# one and a hanging one before the good; anchoring by interval, by the server and by maintain; proofs
# that are checked offline with both bounds, and are refused in every wrong form; and that others'
# tools read our stamps and we theirs.
. "$SOURCE/tests/cli/lib.sh"

driver=$(durable | head -n 1)
if [ -z "$driver" ]; then
	skip "time anchors" "no durable driver is built in"
	finish
fi
python=$(command -v python3)
openssl=$(command -v openssl)
# Journals are numbered below: none that the service adds when nothing else comes.
export TALLY_STORE=$dir/store TALLY_CONFIG=$dir/tally.conf TALLY_LEDGER_STATE_IDLE=0
: >"$TALLY_CONFIG"

# An authority of our own; its URL in $url, its process in $authority.
start_tsa() {	# directory [ADDR:PORT]
	rm -f url.fifo
	mkfifo url.fifo
	"$TALLY" tsa serve "$1" --listen "${2:-127.0.0.1:0}" >url.fifo 2>tsa.log &
	authority=$!
	children="$children $authority"
	read -rt 60 url <url.fifo
}

stop_tsa() {
	kill -TERM "$authority"
	wait "$authority"
}

# One of authorities.py; its URL in $url.
start_other() {	# manner [directory]
	rm -f url.fifo
	mkfifo url.fifo
	"$python" "$SOURCE/tests/cli/authorities.py" "$@" >url.fifo 2>other.log &
	children="$children $!"
	read -rt 60 url <url.fifo
}

configure() {	# authorities [ca_file] [further lines]
	printf '[time]\nauthorities = %s\nca_file = %s\ntimeout = %s\n%s\n' "$1" "${2:-$dir/ca/ca.pem}" \
		"${timeout:-1m}" "${3-}" >"$TALLY_CONFIG"
}

# Runs a command until it prints what is wanted, at most a minute.
becomes() {	# name wanted command...
	local name=$1 wanted=$2 end=$((SECONDS + 60)) got
	shift 2
	while got=$("$@" 2>/dev/null); [ "$got" != "$wanted" ] && [ $SECONDS -lt $end ]; do
		perl -e 'select undef, undef, undef, 0.05'
	done
	same "$name" "$got" "$wanted"
}

anchors() { "$TALLY" ledger show "$1" --json | json TimeAnchorCount; }

# ---- the authority itself ----

"$TALLY" tsa init ca --name "Test authority" >made 2>notes
same "tsa init prints the CA's file" "$(cat made)" ca/ca.pem
same "... and what it is worth" "$(grep -c self-made notes)" 1
same "its key is private" "$(stat -c %a ca/tsa.key)" 600
refuses "it is not made twice" "exists" "$TALLY" tsa init ca
refuses "it listens on this machine only" "this machine" "$TALLY" tsa serve ca --listen 0.0.0.0:3161
refuses "without its files it serves nothing" "tsa.key" "$TALLY" tsa serve nowhere
"$TALLY" tsa init other >/dev/null 2>&1
start_tsa ca
good=$url
same "tsa serve prints its URL" "$(printf '%s\n' "$good" | grep -c '^http://127\.0\.0\.1:[0-9]*/$')" 1
same "... and what it is" "$(grep -c '"Test authority (self-made, for tests)".*self-made' tsa.log)" 1
same "as a CGI program it answers POST only" \
	"$(REQUEST_METHOD=GET "$TALLY" tsa answer ca </dev/null | head -n 1 | tr -d '\r')" "Status: 405 Method Not Allowed"
if [ -n "$openssl" ]; then
	same "the mark is in its certificate" \
		"$(openssl x509 -in ca/tsa.pem -noout -subject | grep -c 'Test authority (self-made, for tests)')" 1
	echo data >data
	openssl ts -query -data data -sha512 -cert -out query 2>/dev/null
	"$TALLY" tsa answer ca <query >reply
	passes "openssl verifies its answer" openssl ts -verify -queryfile query -in reply -CAfile ca/ca.pem
	REQUEST_METHOD=POST CONTENT_TYPE=application/timestamp-query "$TALLY" tsa answer ca <query >cgi
	same "as a CGI program it says what it answers" "$(sed -n 1p cgi | tr -d '\r')" \
		"Content-Type: application/timestamp-reply"
else
	skip "openssl verifies its answer" "there is no openssl"
fi

# ---- authorities in their order ----

"$TALLY" init --driver "$driver" --origin test.example/time >/dev/null 2>&1
id=$("$TALLY" ledger create bounded)
refuses "without an authority there is no anchor" "No time-stamp authority is configured" \
	"$TALLY" anchor create "$id"
dead=http://127.0.0.1:1/
if [ -n "$python" ]; then
	start_other hang
	hanging=$url
	start_other html
	html=$url
else
	hanging=$dead html=$dead
fi
echo one | "$TALLY" append "$id" >/dev/null
timeout=2s
configure "$dead $hanging $html $good"
same "anchor create" "$("$TALLY" anchor create "$id" 2>log |
	grep -c '^journal 2: the first 2 journals existed before 20.*Z, says Test authority (self-made, for tests)$')" 1
same "each that failed is in the log" "$(grep -c event=time.authority log)" 3
echo two | "$TALLY" append "$id" >/dev/null
configure "$dead $hanging"
timeout=
refuses "none that answers: the reason is told" "No time-stamp authority could be had" \
	"$TALLY" anchor create "$id"
same "... and nothing was written" "$("$TALLY" ledger show "$id" --json | json JournalCount)" 4
same "... in the time ledger neither" "$("$TALLY" ledger list | awk '$6 == "Time" { print $3 }')" 2
configure "$good" other/ca.pem
refuses "an authority whose certificate is not trusted" "signature" "$TALLY" anchor create "$id"
configure "ftp://example.org/"
refuses "what is no URL" "no URL" "$TALLY" anchor create "$id"
same "doctor tells of it" "$("$TALLY" doctor 2>/dev/null | grep -c '^FAIL *authorities .*no URL')" 1
configure "$good" nowhere.pem
refuses "certificates that are not there" "nowhere.pem" "$TALLY" anchor create "$id"
configure "$good"
same "doctor finds it well" "$("$TALLY" doctor 2>/dev/null | grep -c '^ok *authorities ')" 1

# ---- what an anchor proves ----

"$TALLY" anchor create "$id" --token once >/dev/null
same "the same token makes no second one" "$("$TALLY" anchor create "$id" --token once --json | json JournalId)" 4
echo three | "$TALLY" append "$id" >/dev/null
same "anchor list" "$("$TALLY" anchor list "$id" | awk 'NR > 1 { print $1, $2, $4 }' | tr '\n' ';')" "2 2 1;4 4 2;"
vkey=$("$TALLY" ledger vkey "$id")
passes "prove --time, between two anchors" "$TALLY" prove "$id" 3 --time -o between
passes "prove --time, before the first" "$TALLY" prove "$id" 1 --time -o first
passes "prove --time, after the last" "$TALLY" prove "$id" 5 --time -o last
passes "prove without time" "$TALLY" prove "$id" 3 -o plain
empty=$("$TALLY" ledger create empty)
refuses "a ledger without anchors has no such proof" "no time anchor" "$TALLY" prove "$empty" 0 --time
second=$("$TALLY" ledger create second)
same "all that have grown, with one stamp" "$("$TALLY" anchor create)" "3 ledgers anchored"
for n in 1 2 3; do echo $n | "$TALLY" append "$second" >/dev/null; done
"$TALLY" anchor create "$second" >/dev/null
same "what has not grown is left alone" "$("$TALLY" anchor create)" "0 ledgers anchored"
echo again | "$TALLY" append "$second" >/dev/null
"$TALLY" prove "$second" 3 --time -o elsewhere

saved=$TALLY_STORE
unset TALLY_STORE TALLY_CONFIG	# from here on without a server
verify() { "$TALLY" verify "$@" --vkey "$vkey"; }
passes "verify with both bounds" verify between --ca ca/ca.pem
verify between --ca ca/ca.pem >out
same "... prints the lower one" "$(grep -c '^  appended after 20.*Z.*"Test authority (self-made, for tests)" in journal 2$' out)" 1
same "... and the upper one" "$(grep -c '^  existed before 20.*Z.*"Test authority (self-made, for tests)" in journal 4$' out)" 1
verify between --ca ca/ca.pem --json >out
same "... as JSON, too" "$(json NotBefore JournalId <out) $(json NotAfter JournalId <out)" "2 4"
same "the lower one is not above the upper one" \
	"$(($(json NotBefore Time <out) <= $(json NotAfter Time <out)))" 1
same "before the first anchor there is no lower one" \
	"$(verify first --ca ca/ca.pem | grep -c 'appended after: no anchor\|existed before 20')" 2
same "after the last one there is no upper one" \
	"$(verify last --ca ca/ca.pem | grep -c 'appended after 20\|existed before: no anchor')" 2
same "without certificates the stamps are not believed" \
	"$(verify between | grep -c 'not checked; that takes --ca')" 1
refuses "other certificates" "NOT VERIFIED.*signature" verify between --ca other/ca.pem
refuses "no certificates" "no certificate" verify between --ca between
refuses "a proof without time" "says nothing of its time" verify plain --ca ca/ca.pem

# ---- a verifier in another language ----

if [ -n "$python" ] && [ -n "$openssl" ]; then
	other_verifier() { "$python" "$SOURCE/tests/proof/verify_time.py" "$@"; }
	verify between --ca ca/ca.pem --json >out
	same "a verifier that shares no code sees the same bounds" "$(other_verifier between ca/ca.pem | tr '\n' ' ')" \
		"after $(json NotBefore Time <out) before $(json NotAfter Time <out) "
	same "... and only the one where there is one" "$(other_verifier first ca/ca.pem | cut -d' ' -f1)" before
	refuses "... and believes no other certificates" "NOT VERIFIED" other_verifier between other/ca.pem
else
	skip "a verifier that shares no code" "there is no openssl, or no python3"
fi

# ---- what is changed ----

# Changes the part "time" of a proof by a line of Python, in which t is that part, o another's.
change() {	# statement [other proof]
	"$python" - between "$1" "${2:-between}" <<-'END'
		import base64, json, sys
		def extra(path):
		    lines = open(path, encoding="utf-8").read().split("\n")
		    return lines, json.loads(base64.b64decode(lines[1][6:]))
		lines, mine = extra(sys.argv[1])
		t, o = mine["time"], extra(sys.argv[3])[1]["time"]
		path = [base64.b64decode(line).hex() for line in lines[3:lines.index("")]]
		exec(sys.argv[2])
		lines[1] = "extra " + base64.b64encode(json.dumps(mine).encode()).decode()
		open("changed", "w", encoding="utf-8").write("\n".join(lines))
	END
}
wrong() {	# name pattern statement [other]
	change "$3" "${4-}"
	refuses "$1" "NOT VERIFIED.*$2" verify changed --ca ca/ca.pem
}
if [ -n "$python" ]; then
	change "pass"
	passes "a proof that was taken apart and put together again" verify changed --ca ca/ca.pem
	wrong "stamps of another ledger" "not in the log" 't.update(o)' elsewhere
	wrong "a lower bound of another ledger" "not in the log" 't["after"] = o["after"]' elsewhere
	wrong "an upper bound of another ledger" "not in the log" 't["before"] = o["before"]' elsewhere
	wrong "the token of another ledger's anchor" "not in the log" '
import re
token = re.search(r"\"token\":\"([^\"]*)\"", o["after"]["leaf"]).group(1)
t["after"]["leaf"] = re.sub(r"(\"token\":\")[^\"]*", r"\g<1>" + token, t["after"]["leaf"])' elsewhere
	wrong "a later anchor as the lower bound" "behind the journal" 't["after"] = dict(t["before"])'
	wrong "an earlier anchor as the upper bound" "not in the tree that was stamped" \
		't["before"] = dict(t["after"], cover=t["before"]["cover"])'
	wrong "another time in the journal" "not in the log" \
		't["after"]["leaf"] = t["after"]["leaf"].replace("\"genTime\":1", "\"genTime\":2")'
	wrong "no anchor at all" "no time anchor" \
		't["before"] = {"index": 3, "leaf": mine["leaf"], "path": path, "cover": []}'
	wrong "another place" "not in the log" 't["after"]["index"] = 1'
	wrong "a hash less" "not in the log" 't["before"]["path"].pop()'
	wrong "a hash more" "not in the tree" 't["before"]["cover"].append(t["before"]["cover"][0])'
	wrong "a path that is none" "not in the log" 't["before"]["path"] = "none"'
	wrong "no way to the stamped tree" "not in the tree" 'del t["before"]["cover"]'
	change 'mine["time"] = "noon"'
	refuses "a part that is none" "says nothing|NOT VERIFIED" verify changed --ca ca/ca.pem
else
	skip "changed proofs" "there is no python3"
fi
export TALLY_STORE=$saved TALLY_CONFIG=$dir/tally.conf

# ---- others' tools ----

if [ -n "$openssl" ]; then
	"$TALLY" anchor show 1 -o stamp.tsr --json >stamp.json
	digest=$(json RootHash <stamp.json)
	passes "openssl verifies a stamp of the time ledger" openssl ts -verify -digest "$digest" \
		-in stamp.tsr -CAfile ca/ca.pem
	refuses "... not for another digest" "FAILED|imprint" openssl ts -verify -digest "$(printf '%064d' 0)" \
		-in stamp.tsr -CAfile ca/ca.pem
	refuses "... nor with other certificates" "FAILED" openssl ts -verify -digest "$digest" \
		-in stamp.tsr -CAfile other/ca.pem
	same "... whose hash stands in the anchor's Proof" "$("$TALLY" anchor list "$id" --json |
		json 0 Proof)" "{\"hashInHex\":\"$digest\",\"sequence\":1}"
fi
refuses "a stamp that is not there" "Time stamp 99" "$TALLY" anchor show 99

# An authority of openssl: an RSA root that vouches for a P-256 key. extendedKeyUsage as given.
openssl_tsa() {	# directory extendedKeyUsage
	mkdir "$1"
	cat >"$1/tsa.cnf" <<-END
		[tsa]
		default_tsa = tsa1
		[tsa1]
		serial = serial
		crypto_device = builtin
		signer_cert = tsa.pem
		certs = ca.pem
		signer_key = tsa.key
		signer_digest = sha256
		default_policy = 2.999.1
		digests = sha256
		ordering = yes
		tsa_name = yes
		ess_cert_id_chain = no
		ess_cert_id_alg = sha256
		[ext]
		basicConstraints = critical,CA:FALSE
		keyUsage = critical,digitalSignature
		extendedKeyUsage = $2
	END
	(cd "$1" && echo 01 >serial &&
		openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 30 -subj "/CN=A root" &&
		openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout tsa.key -out tsa.csr \
			-subj "/O=Somebody else/CN=Stamps of others" &&
		openssl x509 -req -in tsa.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -out tsa.pem \
			-extfile tsa.cnf -extensions ext) >/dev/null 2>&1
}
if [ -n "$openssl" ] && [ -n "$python" ]; then
	openssl_tsa foreign critical,timeStamping
	start_other openssl "$dir/foreign"
	configure "$url" "$dir/foreign/ca.pem"
	same "an authority of openssl is believed" "$("$TALLY" anchor create "$id" | grep -c 'says Stamps of others$')" 1
	echo four | "$TALLY" append "$id" >/dev/null
	cat ca/ca.pem foreign/ca.pem >both.pem
	"$TALLY" prove "$id" 6 --time -o mixed
	refuses "each stamp needs its own certificates" "NOT VERIFIED" verify mixed --ca ca/ca.pem
	passes "a journal between stamps of two authorities" verify mixed --ca both.pem
	# What makes the difference is the certificate: the first is as good as the one it stands for.
	for each in good:critical,timeStamping lax:timeStamping several:critical,timeStamping,serverAuth \
		wrong:critical,serverAuth; do
		openssl_tsa "${each%%:*}" "${each#*:}"
		start_other resign "$dir/${each%%:*}"
		configure "$url" "$dir/${each%%:*}/ca.pem"
		if [ "${each%%:*}" = good ]; then
			passes "extendedKeyUsage = ${each#*:} is good" "$TALLY" anchor create "$id"
		else
			refuses "extendedKeyUsage = ${each#*:} is refused" "certificate purpose" \
				"$TALLY" anchor create "$id"
		fi
	done
else
	skip "an authority of openssl is believed" "there is no openssl, or no python3"
fi

# ---- by interval ----

configure "$dead $good" "" "anchor_interval = 1h"
echo five | "$TALLY" append "$second" >/dev/null
fresh=$("$TALLY" ledger create fresh --anchor-interval 1s)
never=$("$TALLY" ledger create never --anchor-interval off)
same "maintain anchors what is due" "$("$TALLY" maintain)" "maintained; 1 ledgers anchored in time"
same "... the one that was never anchored" "$(anchors "$fresh") $(anchors "$never")" "1 0"
same "... and no other before its time" "$("$TALLY" maintain)" maintained
echo x | "$TALLY" append "$fresh" >/dev/null
becomes "... that one again after its second" "maintained; 1 ledgers anchored in time" "$TALLY" maintain
stop_tsa
"$TALLY" ledger set "$never" --anchor-interval 7d
"$TALLY" maintain >out 2>notes
same "maintain without an authority that answers is done all the same" "$? $(cat out)" "0 maintained"
same "... and says so" "$(grep -c '^tally maintain: no ledger was anchored in time: .*127.0.0.1' notes)" 1
refuses "an interval that is none" "anchor-interval is a time" "$TALLY" ledger set "$never" --anchor-interval 1w
refuses "an interval beyond a year" "anchor-interval is a time" "$TALLY" ledger set "$never" --anchor-interval 400d

# The server by itself, while the authority is away and when it is back.
start_owner || not_ok "an owner starts" "see above"
echo y | "$TALLY" append "$fresh" >/dev/null
while read -rt 60 line <&7; do
	case $line in *event=time.anchor*) ok "the server says that it cannot anchor"; break ;; esac
done
same "what is appended meanwhile is answered" "$(echo z | "$TALLY" append "$never")" "1 appended; journals 2 to 2"
address=${good#http://}
start_tsa ca "${address%/}"
same "the authority is back" "$url" "$good"
becomes "the server anchors by itself" 3 anchors "$fresh"
becomes "... the other one too" 1 anchors "$never"
echo z | "$TALLY" append "$fresh" >/dev/null
becomes "... and again when it has grown" 4 anchors "$fresh"
same "anchor create through the server" "$("$TALLY" anchor create "$id" | grep -c 'says Test authority')" 1
stop_owner
same "the server ends well" $? 0

# ---- trust points, and what a client remembers ----

same "no trust point" "$("$TALLY" ledger trust "$id")" "no trust point is set"
same "a trust point" "$("$TALLY" ledger trust "$id" 3 | grep -c '^trusted up to journal 3, says journal ')" 1
same "... is shown with what grew out of it" "$("$TALLY" ledger trust "$id" | grep -c 'root of its 4 journals\|grew out of it')" 2
same "... and checking begins there" "$("$TALLY" ledger trust "$id" --check)" "blocks from 4 on are sound"
refuses "a journal that is not there" "JournalId" "$TALLY" ledger trust "$id" 4711
same "remember" "$("$TALLY" ledger trust "$id" --remember kept | grep -c '^remembered: a checkpoint')" 1
cp kept older
echo more | "$TALLY" append "$id" >/dev/null
same "what was remembered is grown out of" "$("$TALLY" ledger trust "$id" --remember kept | grep -c '^consistent: ')" 1
same "... and the newer one is remembered" "$(cmp -s kept older && echo same)" ""
passes "... also by a key from elsewhere" "$TALLY" ledger trust "$id" --remember older --vkey "$vkey"
sed 's/^\([0-9]*\)$/\11/' kept >forged
refuses "what is no checkpoint of this key" "NOT CONSISTENT" "$TALLY" ledger trust "$id" --remember forged
"$TALLY" ledger trust "$second" --remember of.second >/dev/null
refuses "a checkpoint of another ledger" "NOT CONSISTENT" "$TALLY" ledger trust "$id" --remember of.second
cp -a "$TALLY_STORE" aside && cp kept kept.before
echo lost | "$TALLY" append "$id" >/dev/null
"$TALLY" ledger trust "$id" --remember kept >/dev/null
find "$TALLY_STORE" -mindepth 1 ! -name lock -type f -delete
cp -a aside/. "$TALLY_STORE" && rm -r aside
"$TALLY" adopt --yes >/dev/null 2>&1
refuses "a ledger that lost what was remembered" "NOT CONSISTENT" "$TALLY" ledger trust "$id" --remember kept
same "... is not remembered instead" "$(cmp -s kept kept.before && echo same)" ""
passes "... but grew out of what was remembered before" "$TALLY" ledger trust "$id" --remember kept.before

# ---- the index of another driver ----

for each in $(durable); do
	passes "$each: dump and load keep the anchors" bash -c \
		'"$0" dump | "$0" load --store "$1" --driver "$2" --key-file "$TALLY_STORE.key"' \
		"$TALLY" "$dir/loaded-$each" "$each"
	same "$each: ... all of them" "$("$TALLY" anchor list "$id" --store "$dir/loaded-$each" --json | cksum)" \
		"$("$TALLY" anchor list "$id" --json | cksum)"
	passes "$each: rebuild" "$TALLY" rebuild --store "$dir/loaded-$each"
	same "$each: ... and after a rebuild" "$("$TALLY" anchor list "$id" --store "$dir/loaded-$each" --json | cksum)" \
		"$("$TALLY" anchor list "$id" --json | cksum)"
done
finish
