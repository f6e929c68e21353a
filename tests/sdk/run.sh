#!/usr/bin/env bash
# Unmodified client libraries against a server that `tally serve` runs. Arguments: top of the
# sources, where tallystick is installed, a directory to work in (made). A library that no registry
# gives is a skipped suite.
set -u
source=$1 tally=$2/bin/tally work=$3
. "$source/tools/lib.sh"
. "$source/tools/tap.sh"
mkdir -p "$work"
cp "$source"/tests/sdk/*.{js,py,json,txt} "$work"/ && cd "$work" || exit 1

have_npm= have_pip=
if command -v npm >/dev/null && npm install --no-package-lock --no-audit \
	--no-fund --fetch-retries=1 --fetch-timeout=30000 >npm.log 2>&1; then
	have_npm=yes
fi
if command -v python3 >/dev/null && { [ -x venv/bin/pip ] || python3 -m venv venv; } &&
   venv/bin/pip install -q --disable-pip-version-check --retries 1 --timeout 30 -r requirements.txt >pip.log 2>&1; then
	have_pip=yes
fi

# The interface's description against the specification's own rules, by a validator that others wrote.
if python3 -m venv venv-openapi 2>/dev/null &&
   venv-openapi/bin/pip install -q --disable-pip-version-check --retries 1 --timeout 30 \
	openapi-spec-validator==0.9.0 >openapi.log 2>&1; then
	"$tally" actions --openapi >openapi.json
	passes "tally actions --openapi is OpenAPI 3.1" \
		venv-openapi/bin/openapi-spec-validator --schema 3.1 --validation-errors all openapi.json
	sed 's/"in":"query"/"in":"queri"/' openapi.json >broken.json
	refuses "... and a broken one is found" "queri" \
		venv-openapi/bin/openapi-spec-validator --schema 3.1 --subschema-errors all broken.json
else
	skip "PyPI openapi-spec-validator" "its registry cannot be reached"
fi

# The Ion of our own tests against Amazon's libraries.
cp "$source/tests/proof/ion.py" .
if python3 -m venv venv-ion 2>/dev/null &&
   venv-ion/bin/pip install -q --disable-pip-version-check --retries 1 --timeout 30 \
	amazon.ion==0.9.3 ionhash==1.2.1 >ion.log 2>&1 &&
   venv-ion/bin/python -c 'import ionhash' 2>>ion.log; then
	venv-ion/bin/python -B ion_check.py || tap_failed=1
else
	skip "PyPI amazon.ion, ionhash" "their registry cannot be reached, or they do not run with this Python"
fi

# A fresh store behind a server; everything that is started here is stopped on the way out.
unset TALLY_CONFIG TALLY_STORE TALLY_DRIVER
rm -rf store tsa
key=$("$tally" init --store "$work/store" --driver "${TALLY_SDK_DRIVER:-bdb}" --json) || {
	not_ok "a store for the libraries" "tally init failed"
	exit 1
}
member() { printf '%s\n' "${2-$key}" | sed -n "s/.*\"$1\" *: *\"\\([^\"]*\\)\".*/\\1/p"; }
TALLY_ACCESS_KEY_ID=$(member AccessKeyId)
TALLY_ACCESS_KEY_SECRET=$(member AccessKeySecret)

# What the calls of calls.json need: other accounts with keys, one whose ledgers are as many as it may
# have, a key that is disabled, public keys; and what the server's actions are.
export TALLY_LEDGER_LEDGER_LIMIT=40
account_key() {	# name; sets uid and pair
	local made
	uid=$("$tally" account create "$1" --store store)
	made=$("$tally" key create --account "$uid" --store store --json)
	pair="[\"$(member AccessKeyId "$made")\", \"$(member AccessKeySecret "$made")\"]"
}
account_key other; other_uid=$uid other=$pair
account_key third; third_uid=$uid third=$pair
account_key stranger; stranger=$pair
account_key disabled; disabled=$pair
"$tally" key disable "$(printf '%s' "$disabled" | cut -d'"' -f2)" --store store >/dev/null
account_key full; full=$pair
for ((i = 0; i < TALLY_LEDGER_LEDGER_LIMIT; i++)); do
	"$tally" ledger create "full $i" --account "$uid" --store store >/dev/null
done
cat >keys.json <<END
{ "main": ["$TALLY_ACCESS_KEY_ID", "$TALLY_ACCESS_KEY_SECRET"], "other": $other, "third": $third,
  "stranger": $stranger, "disabled": $disabled, "full": $full,
  "wrong": ["$TALLY_ACCESS_KEY_ID", "wrong"], "nobody": ["nobody", "$TALLY_ACCESS_KEY_SECRET"] }
END
public_key() {	# kind
	rm -f new.pem
	"$tally" member keygen new.pem --key-type "$1" | grep -oE '[0-9a-f]{64,}' | head -n 1
}
cat >known.json <<END
{ "account": "$(member AliUid)", "other": "$other_uid", "third": "$third_uid",
  "key": "$(public_key secp256k1)", "otherKey": "$(public_key secp256k1)" }
END
mkdir -p keystore && printf '%s\n' '-----BEGIN PUBLIC KEY-----' \
	'MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=' '-----END PUBLIC KEY-----' >keystore/sdk.pem
"$tally" actions --json >actions.json
export TALLY_ACCESS_KEY_STORE=$work/keystore TALLY_ACCESS_LISTENERS=vpc-sdk/vsw-sdk=127.0.0.1:$(free_port)
tsa_port=$(free_port)
"$tally" tsa init tsa >/dev/null 2>&1
"$tally" tsa serve tsa --listen "127.0.0.1:$tsa_port" >tsa.log 2>&1 </dev/null &
tsa=$!
trap 'kill $tsa; wait $tsa' EXIT
wait_http "$tsa_port" /ca.pem 30 "$tsa" || not_ok "a time-stamp authority" "it does not answer"
export TALLY_TIME_AUTHORITIES=http://127.0.0.1:$tsa_port/ TALLY_TIME_CA_FILE=$work/tsa/ca.pem
port=$(free_port)
TALLY_ENDPOINT=http://127.0.0.1:$port
export TALLY_ENDPOINT TALLY_ACCESS_KEY_ID TALLY_ACCESS_KEY_SECRET
serve() {
	"$tally" serve --store "$work/store" --driver "${TALLY_SDK_DRIVER:-bdb}" \
		--server "${TALLY_SDK_SERVER:-lighttpd}" --listen "127.0.0.1:$port" >serve.log 2>&1 </dev/null &
	server=$!
	trap 'kill $server $tsa; wait $server $tsa' EXIT
	wait_http "$port" /healthz 30 "$server" || {
		tail -n 30 serve.log
		not_ok "a server for the libraries" "it does not answer"
		exit 1
	}
}
serve

# Another account, a key of the first one that only reads, and a temporary one.
export TALLY_GUEST TALLY_GUEST_KEY_ID TALLY_GUEST_SECRET TALLY_READER_KEY_ID TALLY_READER_SECRET
export TALLY_STS_KEY_ID TALLY_STS_SECRET TALLY_STS_TOKEN
new_key() { key=$("$tally" key create --store "$work/store" --json "$@" 2>/dev/null); }
TALLY_GUEST=$("$tally" account create guest --store "$work/store")
new_key --account "$TALLY_GUEST"
TALLY_GUEST_KEY_ID=$(member AccessKeyId) TALLY_GUEST_SECRET=$(member AccessKeySecret)
new_key --policy read-only
TALLY_READER_KEY_ID=$(member AccessKeyId) TALLY_READER_SECRET=$(member AccessKeySecret)
new_key --temporary 1h
TALLY_STS_KEY_ID=$(member AccessKeyId) TALLY_STS_SECRET=$(member AccessKeySecret)
TALLY_STS_TOKEN=$(member SecurityToken)

suite() {	# name available command...
	local name=$1 available=$2
	shift 2
	if [ -z "$available" ]; then
		skip "$name" "its registry cannot be reached"
	elif ! timeout 300 "$@"; then
		tap_failed=1
	fi
}
suites() {
	suite "npm @alicloud/pop-core" "$have_npm" node pop-core.js
	suite "npm @alicloud/openapi-client" "$have_npm" node openapi-client.js
	suite "PyPI aliyun-python-sdk-ledgerdb" "$have_pip" venv/bin/python python_v1.py
	suite "PyPI alibabacloud-ledgerdb20191122" "$have_pip" venv/bin/python python_v2.py
}
suites
# and what libraries make of a server that cannot do what it would: without its authority, and with a
# queue in which nobody may wait
kill $tsa && wait $tsa 2>/dev/null
tsa=
TALLY_SDK_PHASE=unavailable suites
kill $server && wait $server
export TALLY_LEDGER_QUEUE_LIMIT=0
serve
TALLY_SDK_PHASE=busy suites
exit $tap_failed
