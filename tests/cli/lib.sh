# What the scripts of this folder share. To be sourced by bash, with TALLY, TALLY_FCGI, JSON_GET,
# SOURCE and DRIVERS set by the makefile.

set -u
. "$SOURCE/tools/tap.sh"

unset TALLY_STORE TALLY_DRIVER TALLY_CONFIG TALLY_ENDPOINT TALLY_ACCESS_KEY_ID TALLY_ACCESS_KEY_SECRET TALLY_SECURITY_TOKEN
# Journals are counted: the service adds none of its own, unless a script asks for them.
export TALLY_LEDGER_STATE_JOURNALS=0 TALLY_LEDGER_STATE_IDLE=0
umask 022
dir=$(mktemp -d "${TMPDIR:-/tmp}/tally-cli-XXXXXX")
chmod 755 "$dir"
cd "$dir" || exit 1

# Processes started by a test end with it; each by its id.
children=
cleanup() {
	local pid
	for pid in $children; do
		kill -KILL "$pid" 2>/dev/null && wait "$pid" 2>/dev/null
	done
	cd / && rm -rf "$dir"
}
trap 'cleanup' EXIT
trap 'exit 1' INT TERM

# The durable drivers of this build.
durable() {
	local driver
	for driver in $DRIVERS; do
		[ "$driver" = mem ] || printf '%s\n' "$driver"
	done
}

json() { "$JSON_GET" "$@"; }

# N lines of NDJSON that differ.
lines() {
	local i
	for ((i = 1; i <= $1; i++)); do
		printf '{"line":%d,"text":"record number %d of the upload"}\n' "$i" "$i"
	done
}

# A process that owns the store of TALLY_STORE until it is stopped: the service itself, on a socket
# that nobody asks. It says on its log when it has the store. Words before it as arguments, such as
# setpriv.
start_owner() {	# [command...]
	local line
	rm -f "$dir/owner.log"
	mkfifo -m 666 "$dir/owner.log"
	exec 7<>"$dir/owner.log"
	"$@" "$TALLY_FCGI" --listen "$TALLY_STORE.sock" 2>&7 7<&- &
	owner=$!
	children="$children $owner"
	while read -rt 60 line <&7; do
		case $line in
		*event=fcgi.start*) return 0 ;;
		*event=fcgi.failed*) return 1 ;;
		esac
	done
	return 1
}

stop_owner() {
	kill -TERM "$owner"
	wait "$owner"
}

# The server of a store on a port of the kernel's choice, lighttpd in front of it, as another user where
# this one is root: web servers do not run as root, and nobody else enters a build below /root.
# TALLY_ENDPOINT is the server then, and init.json what init printed. Words: the store, init's options.
start_server() {	# store [option...]
	local store=$1
	shift
	as_user=
	PATH=$PATH:/usr/sbin command -v lighttpd >/dev/null || return 1
	if [ "$(id -u)" = 0 ]; then
		as_user="setpriv --reuid=65533 --regid=65533 --clear-groups"
		chown 65533:65533 "$dir"
	fi
	[ -x "$dir/tally.fcgi" ] || {
		cp "$TALLY" "$TALLY_FCGI" "$dir" && cp -r "$SOURCE/templates" "$dir/templates" &&
			chmod -R a+rX "$dir/templates"
	}
	TALLY=$dir/tally TALLY_FCGI=$dir/tally.fcgi
	$as_user "$TALLY" init --store "$store" --json "$@" >init.json 2>/dev/null
	server_store=$store
	trap 'stop_server; cleanup' EXIT
	serve_again || return 1
	TALLY_ACCESS_KEY_ID=$(json AccessKeyId <init.json)
	TALLY_ACCESS_KEY_SECRET=$(json AccessKeySecret <init.json)
	export TALLY_ACCESS_KEY_ID TALLY_ACCESS_KEY_SECRET
}

stop_server() { $as_user "$TALLY" serve --stop --store "$server_store" >/dev/null 2>&1; }

# Its store is served, on another port than before.
serve_again() {
	local url
	$as_user "$TALLY" serve --store "$server_store" --listen 127.0.0.1:0 --daemon --fcgi "$TALLY_FCGI" \
		--templates "$dir/templates" >url 2>serve.err
	url=$(grep -o 'http://[^ ]*' url)
	if [ -z "$url" ]; then
		not_ok "a server starts" "$(cat serve.err "$server_store".serve/*.log 2>/dev/null | tail -n 5)"
		return 1
	fi
	export TALLY_ENDPOINT=$url
}

# A CA, and a certificate of it on a key of P-256, both by openssl.
make_ca() {	# name
	openssl ecparam -name prime256v1 -genkey -noout -out "$1-ca.key" 2>/dev/null &&
		openssl req -x509 -new -key "$1-ca.key" -subj "/CN=$1 CA" -days 30 -sha256 \
			-addext keyUsage=critical,keyCertSign,cRLSign -out "$1-ca.pem" 2>/dev/null
}
make_member() {	# ca name
	openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$2.key" 2>/dev/null &&
		openssl req -new -key "$2.key" -subj "/CN=$2" -out "$2.csr" 2>/dev/null &&
		printf 'keyUsage=critical,digitalSignature\nbasicConstraints=critical,CA:FALSE\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n' >ext &&
		openssl x509 -req -in "$2.csr" -CA "$1-ca.pem" -CAkey "$1-ca.key" -CAcreateserial -days 10 -sha256 \
			-extfile ext -out "$2.pem" 2>/dev/null
}

# Each character of a file replaced in turn, or some 60 of them; none of the results may verify.
changed_nowhere_verifies() {	# name file command...
	local name=$1 file=$2 size step i passed=
	shift 2
	size=$(wc -c <"$file")
	step=$((size / 60 + 1))
	for ((i = 0; i < size; i += step)); do
		cp "$file" changed
		if [ "$(dd if=changed bs=1 skip=$i count=1 2>/dev/null | tr '\0' B)" = A ]; then
			printf B
		else
			printf A
		fi | dd of=changed bs=1 seek=$i conv=notrunc 2>/dev/null
		cmp -s changed "$file" && continue
		"$@" changed >/dev/null 2>&1 && passed="$passed $i"
	done
	same "$name" "$passed" ""
}

# Hex with another last byte: never the same as what was given.
another_end() {	# hex
	case $1 in
	*00) printf '%s01' "${1%??}" ;;
	*) printf '%s00' "${1%??}" ;;
	esac
}

# Replaces one byte of a file by another one: never by the same.
change_byte() {	# file offset
	if [ "$(dd if="$1" bs=1 skip="$2" count=1 2>/dev/null | od -An -tx1 | tr -d ' ')" = ff ]; then
		printf '\376'
	else
		printf '\377'
	fi | dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null
}

finish() { exit "$tap_failed"; }
