# What the scripts of this folder share. To be sourced by bash, with usage set.

die() { printf '%s\n' "$*" >&2; exit 1; }

build=$here/../build base=${TMPDIR:-/tmp} journals=1000000 drivers= seconds=120

read_options() {
	while [ $# -gt 0 ]; do
		case $1 in
		--build) build=${2:?$usage}; shift ;;
		--dir) base=${2:?$usage}; shift ;;
		--journals) journals=${2:?$usage}; shift ;;
		--stages) stages=${2:?$usage}; shift ;;
		--runs) runs=${2:?$usage}; shift ;;
		--seconds) seconds=${2:?$usage}; shift ;;
		-h|--help) printf '%s\n' "$usage"; exit 0 ;;
		-*) die "$usage" ;;
		*) drivers="$drivers $1" ;;
		esac
		shift
	done
	drivers=${drivers:-bdb flatfile}
	build=$(cd "$build" && pwd -P)
	tally=$build/src/cmd/tally fcgi=$build/src/gateway/tally.fcgi
	[ -x "$tally" ] && [ -x "$fcgi" ] || die "there is no build in $build; see --build"
	unset TALLY_STORE TALLY_DRIVER TALLY_CONFIG TALLY_ENDPOINT TALLY_ACCESS_KEY_ID \
		TALLY_ACCESS_KEY_SECRET
	dir=$(mktemp -d "$base/tally-bench-XXXXXX")
	trap 'clean_up' EXIT
	trap 'exit 1' INT TERM
}

clean_up() { rm -rf "$dir"; }

# ---- behind a web server ----

# Copies the programs to where an ordinary user may run them, and has all that is started run as one:
# web servers do not run as root, nor need they see the build. Sets tally, fcgi and as.
for_server() {
	PATH=$PATH:/usr/sbin
	command -v lighttpd >/dev/null && command -v curl >/dev/null || die "this needs lighttpd and curl"
	as=
	if [ "$(id -u)" = 0 ]; then
		as="setpriv --reuid=65534 --regid=65534 --clear-groups"
		chown 65534:65534 "$dir"
		chmod 755 "$dir"
	fi
	mkdir -p "$dir/bin/src/cmd" "$dir/bin/src/gateway"
	cp "$tally" "$dir/bin/src/cmd/"
	cp "$fcgi" "$dir/bin/src/gateway/"
	tally="$as $dir/bin/src/cmd/tally" fcgi=$dir/bin/src/gateway/tally.fcgi
}

# lighttpd with tally.fcgi on the store; sets url.
start_server() {
	url=$($tally serve --store "$store" --listen 127.0.0.1:0 --daemon --fcgi "$fcgi" \
		--templates "$here/../templates" | grep -o 'http://[^ ]*')
	url=${url%/}
}
stop_server() {
	[ -z "${store-}" ] || $tally serve --stop --store "$store" >/dev/null 2>&1 || true
}

# The first process that runs this program: the owner of the store.
owner() {
	local pid
	for pid in /proc/[0-9]*; do
		[ "$(readlink "$pid/exe" 2>/dev/null)" = "$fcgi" ] && printf '%s\n' "${pid#/proc/}"
	done | sort -n | head -n 1
}

# ---- stores ----

# A store with a public ledger of so many journals, about 200 bytes each, 1,000 clues. Sets store,
# ledger, key and secret.
make_store() {	# driver
	local made
	store=$dir/$1
	made=$($tally init --store "$store" --driver "$1" --json 2>/dev/null)
	key=$(json_text AccessKeyId "$made") secret=$(json_text AccessKeySecret "$made")
	ledger=$($tally ledger create "$1" --public-read on --store "$store")
	awk -v n="$journals" 'BEGIN { for (i = 1; i <= n; i++)
		printf "{\"Payload\":\"{\\\"number\\\":%d,\\\"text\\\":\\\"%0150d\\\"}\",\"Clues\":[\"c%d\"]}\n",
			i, i, i % 1000 }' |
		$tally append "$ledger" --token bench --batch 10000 --store "$store" >"$dir/append.out" \
			2>&1 || die "append: $(tail -n 3 "$dir/append.out")"
}

json_text() { printf '%s' "$2" | sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p"; }
