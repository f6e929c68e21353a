# Data sharing by the command line, on every durable driver: organisations, channels, and what an audit
# and another program's auditor say of them.
. "$SOURCE/tests/cli/lib.sh"

make_ca org1 && make_ca org2 && make_member org1 alice || {
	skip "data sharing" "there is no openssl that makes certificates"
	finish
	exit
}

administration() {	# driver
	passes "$1: an organisation" "$TALLY" org add org1 --ca org1-ca.pem
	passes "$1: another one" "$TALLY" org add org2 --ca org2-ca.pem
	refuses "$1: an organisation twice" "AlreadyExists|exist" "$TALLY" org add org1 --ca org1-ca.pem
	refuses "$1: a certificate that is no CA's" "Certificate" "$TALLY" org add org3 --ca alice.pem
	refuses "$1: no certificate" "Certificate" "$TALLY" org add org3 --ca alice.key
	refuses "$1: no file" "no-such-file" "$TALLY" org add org3 --ca no-such-file
	refuses "$1: no --ca" "\-\-ca" "$TALLY" org add org3
	refuses "$1: a name that is none" "OrganizationId" "$TALLY" org add 'a b' --ca org1-ca.pem
	same "$1: they are listed, with their CA" \
		"$("$TALLY" org list | sed -E 's/ +/ /g; s/[0-9]{4}-[0-9-]+T[0-9:]+Z/T/g' | tr '\n' ',')" \
		"ORGANISATION CREATED CA GOOD UNTIL,org1 T CN=org1 CA T,org2 T CN=org2 CA T,"
	same "$1: the certificate is what it was" "$("$TALLY" org list --json | json Organizations 0 Certificate)" \
		"$(cat org1-ca.pem)"
	passes "$1: one is removed" "$TALLY" org remove org2
	refuses "$1: twice removed" "ResourceNotFound" "$TALLY" org remove org2
	ledger=$("$TALLY" channel add mychannel)
	same "$1: a channel has a new ledger" "$(expr length "$ledger")" 27
	same "$1: that is its name" "$("$TALLY" ledger show "$ledger" --json | json LedgerName)" mychannel
	refuses "$1: a ledger is one channel" "AlreadyExists|exist" "$TALLY" channel add second --ledger "$ledger"
	refuses "$1: no such ledger" "ResourceNotFound" "$TALLY" channel add second --ledger l-00000000000000000000000ff
	passes "$1: a ledger that is there" "$TALLY" channel add second --ledger "$("$TALLY" ledger create other)"
	passes "$1: a channel is removed" "$TALLY" channel remove second
	same "$1: one is left" "$("$TALLY" channel list --json | json Channels 0 LedgerId)" "$ledger"
}

audited() {	# driver
	passes "$1: an audit finds nothing" "$TALLY" audit --index
	if command -v python3 >/dev/null; then
		"$TALLY" dump >whole.dump
		passes "$1: nor does an auditor of another make" \
			bash -c 'python3 -B "$0" <whole.dump' "$SOURCE/tests/proof/verify_export.py"
	fi
	passes "$1: rebuilt" "$TALLY" rebuild
	passes "$1: ... and audited again" "$TALLY" audit --index
}

# The answer's member, of a request that is signed here and not sent its key.
share() {	# who word...
	local who=$1
	shift
	"$TALLY" call --cert "$who.pem" --key "$who.key" --org org1 --channel mychannel "$@"
}

# The answer of a request that brings its key.
with_key() {	# who path fields, JSON
	python3 -B - "$TALLY_ENDPOINT" "$@" <<-'END'
		import json, sys, urllib.request
		endpoint, who, path, fields = sys.argv[1:]
		body = {"orgID": "org1", "channelID": "mychannel", "cryptoMethod": "SW",
		        "cert": open(who + ".pem").read().replace("\n", "\\n"),
		        "sk": open(who + ".key").read().replace("\n", "\\n"), "timestamp": "2020-10-27T17:28:16+08:00"}
		body.update(json.loads(fields))
		request = urllib.request.Request(endpoint.rstrip("/") + path, json.dumps(body).encode(), method="POST")
		print(urllib.request.urlopen(request).read().decode())
		END
}

# Credentials: all by signed requests, but the issuing.
credentials() {	# issuer's DID, holder's
	local order card=$1_card number=$1_7
	same "a schema" "$(share alice /v1/identity/credential-schema issuer="$1" identifier=card \
		'attributes:=[{"name":"age","type":"integer"}]' | json schemaIndex)" "$card"
	same "its next version" "$(share alice /v1/identity/credential-schema issuer="$1" identifier=card title=Card \
		'attributes:=[{"name":"age","type":"integer"}]' | json credentialSchema version)" 2
	same "it is found" "$(share bob /v1/identity/query-credential-schema schemaIndex="$card" | json attributes 0 type)" integer
	order=$(share bob /v1/identity/apply-vc applyer="$2" serviceID="$1#service1" | json orderIndex)
	same "an application" "${order%_*}" "$2"
	same "... is told to whom it asks" "$(share alice /v1/identity/query-vc-orders | json items 0 orderSeq)" "${order##*_}"
	same "issuing needs the key" "$(share alice /v1/identity/issue-vc applyer="$2" issuer="$1" sequence=7 \
		schemaIndex="$card" 'data={"age":1}' 2>/dev/null | json errorCode)" BCS.5002915
	same "a credential" "$(with_key alice /v1/identity/issue-vc "{\"credentialInfo\":{\"applyer\":\"$2\",\"issuer\":
		\"$1\",\"sequence\":\"7\",\"schemaIndex\":\"$card\",\"data\":\"{\\\"age\\\":1}\"}}" | json vcIndex)" "$number"
	with_key alice /v1/identity/issue-vc "{\"applyer\":\"$2\",\"issuer\":\"$1\",\"sequence\":\"$(printf '%0128d' 8)\",
		\"schemaIndex\":\"$card\",\"data\":\"{\\\"age\\\":1}\"}" >/dev/null
	same "it answers the application" "$(share alice /v1/identity/vc-order orderIndex="$order" vcIndex="$number" | json result)" success
	same "... which says so" "$(share bob /v1/identity/query-vc-order orderIndex="$order" | json vcIndex)" "$number"
	same "it is found, too" "$(share bob /v1/identity/query-vc vcIndex="$number" | json credentialSubject owner)" "$2"
	same "it is good" "$(share bob /v1/identity/verify-vc vcIndex="$number" owner="$2" | json isOwned)" true
	same "... and nobody else's" "$(share bob /v1/identity/verify-vc vcIndex="$number" owner="$1" | json isOwned)" false
	refuses "a request that is none is one with status 400" "status 400" share bob /v1/identity/verify-vc vcIndex="$number"
	passes "what became of it is proved" "$TALLY" prove "$ledger" --clue "credential $1 7" --fresh -o credential.json
	same "... complete, from issue to answer" \
		"$("$TALLY" verify credential.json --vkey "$("$TALLY" ledger vkey "$ledger")" | sed -n 1p)" \
		"verified: the clue \"credential $1 7\" has exactly 2 journals"
}

# What is in envelopes is opened by who has the key, at home; for others it stays as it is.
opened() {	# alice's DID, bob's
	local answer order asked
	answer=$(with_key alice /v1/datashare/dataset/share "{\"provider\":\"$1\",\"consumer\":\"$2\",\"productName\":\"n\",
		\"productID\":\"opened\",\"plainData\":\"aGVsbG8=\",\"onChainStore\":\"true\"}")
	order=$(printf '%s' "$answer" | json orderSeq)
	same "data on the ledger" "$(share bob /v1/datashare/dataset/query-plaintext consumer="$2" orderSeq="$order" \
		onChainStore=true | json plaintext)" aGVsbG8=
	same "... and its ciphertext from elsewhere" "$(share bob /v1/datashare/dataset/query-plaintext consumer="$2" \
		orderSeq="$order" encryptData="$(printf '%s' "$answer" | json encryptData)" | json plaintext)" aGVsbG8=
	same "... what is another ciphertext stays as it is" "$(share bob /v1/datashare/dataset/query-plaintext \
		consumer="$2" orderSeq="$order" encryptData=AAEC | json encryptData)" AAEC
	refuses "... by nobody else" "status 500" share alice /v1/datashare/dataset/query-plaintext consumer="$2" \
		orderSeq="$order" onChainStore=true
	same "a credential, by its holder" "$(share bob /v1/identity/query-vc vcIndex="$1_7" | json data)" '{"age":1}'
	same "... and not by who issued it" "$(share alice /v1/identity/query-vc vcIndex="$1_7" | json data 2>/dev/null)" ""
	asked=$(with_key bob /v1/identity/apply-vc "{\"applyer\":\"$2\",\"serviceID\":\"$1#service1\",\"data\":\"please\"}" |
		json orderIndex)
	same "an application, by whom it asks" "$(share alice /v1/identity/query-vc-order orderIndex="$asked" | json data)" please
	same "... and not by who asks" "$(share bob /v1/identity/query-vc-order orderIndex="$asked" | json data 2>/dev/null)" ""
}

# Through a web server: identities by signed requests, and by one that brings its key.
through_a_server() {
	local did bob_did
	make_member org1 bob
	chmod 644 org1-ca.pem
	$as_user "$TALLY" org add org1 --ca org1-ca.pem --store "$server_store" || return
	ledger=$($as_user "$TALLY" channel add mychannel --store "$server_store")
	did=$(share alice /v1/identity/did | json did)
	same "a DID" "${did%:*}" "did:tally"
	same "its document" "$(share bob /v1/identity/query-did did="$did" | json publicKey 0 publicKeyPem)" \
		"$(openssl pkey -in alice.key -pubout)"
	same "services" "$(share alice --method PUT /v1/identity/did did="$did" \
		'service:=[{"type":"T","serviceEndpoint":"https://example.com/"}]' | json service 0 id)" "$did#service1"
	refuses "a refusal" "status 500" share bob --method PUT /v1/identity/did did="$did"
	same "... and why" "$(share bob --method PUT /v1/identity/did did="$did" 2>/dev/null | json errorCode)" BCS.5002913
	refuses "a word that is none" "Name=Value" share bob /v1/identity/query-did did
	refuses "JSON that is none" "no JSON" share bob /v1/identity/query-did 'did:=['
	refuses "a method that is none" "PATCH" share bob --method PATCH /v1/identity/did
	refuses "no certificate" "\-\-cert" "$TALLY" call --key bob.key --org org1 --channel mychannel /v1/identity/did
	refuses "a key that is not its certificate's" "status 500" \
		"$TALLY" call --cert bob.pem --key alice.key --org org1 --channel mychannel /v1/identity/did
	if command -v python3 >/dev/null; then
		bob_did=$(with_key bob /v1/identity/did '{}' | json did)
		same "a request that brings its key" "${bob_did%:*}" "did:tally"
	fi
	passes "the ledger is exported" "$TALLY" export "$ledger" -o sharing.ndjson
	if command -v python3 >/dev/null; then
		passes "... and checked by another program" python3 -B "$SOURCE/tests/proof/verify_lines.py" \
			--vkey "$("$TALLY" ledger vkey "$ledger")" sharing.ndjson
	fi
	passes "what became of it is proved" "$TALLY" prove "$ledger" --clue "did $did" --fresh -o did.json
	same "... complete" "$("$TALLY" verify did.json --vkey "$("$TALLY" ledger vkey "$ledger")" | sed -n 1p)" \
		"verified: the clue \"did $did\" has exactly 2 journals"
	[ -z "$bob_did" ] || { credentials "$did" "$bob_did" && opened "$did" "$bob_did"; }
}

for driver in $(durable); do
	export TALLY_STORE=$dir/$driver
	"$TALLY" init --driver "$driver" --json >init.json || exit 1
	administration "$driver"
	audited "$driver"
done
unset TALLY_STORE
if start_server "$dir/served"; then
	through_a_server
	$as_user "$TALLY" serve --stop --store "$server_store" >/dev/null 2>&1
	export TALLY_STORE=$server_store
	unset TALLY_ENDPOINT
	audited "after the server"
else
	skip "through a server" "there is no lighttpd"
fi
finish
