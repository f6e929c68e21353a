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

# A fresh store behind a server; everything that is started here is stopped on the way out.
unset TALLY_CONFIG TALLY_STORE TALLY_DRIVER
rm -rf store tsa
key=$("$tally" init --store "$work/store" --driver "${TALLY_SDK_DRIVER:-bdb}" --json) || {
	not_ok "a store for the libraries" "tally init failed"
	exit 1
}
member() { printf '%s\n' "$key" | sed -n "s/.*\"$1\" *: *\"\\([^\"]*\\)\".*/\\1/p"; }
TALLY_ACCESS_KEY_ID=$(member AccessKeyId)
TALLY_ACCESS_KEY_SECRET=$(member AccessKeySecret)
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
"$tally" serve --store "$work/store" --driver "${TALLY_SDK_DRIVER:-bdb}" \
	--server "${TALLY_SDK_SERVER:-lighttpd}" --listen "127.0.0.1:$port" >serve.log 2>&1 </dev/null &
server=$!
trap 'kill $server $tsa; wait $server $tsa' EXIT
wait_http "$port" /healthz 30 "$server" || {
	tail -n 30 serve.log
	not_ok "a server for the libraries" "it does not answer"
	exit 1
}

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
suite "npm @alicloud/pop-core" "$have_npm" node pop-core.js
suite "npm @alicloud/openapi-client" "$have_npm" node openapi-client.js
suite "PyPI aliyun-python-sdk-ledgerdb" "$have_pip" venv/bin/python python_v1.py
suite "PyPI alibabacloud-ledgerdb20191122" "$have_pip" venv/bin/python python_v2.py
exit $tap_failed
