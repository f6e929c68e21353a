# What the scripts of this folder share. To be sourced by bash, with usage set. What a script is asked
# for beyond options (drivers, peers) stands in words.

die() { printf '%s\n' "$*" >&2; exit 1; }

build=$here/../build base=${TMPDIR:-/tmp} journals=1000000 words= seconds=120 as=

read_options() {
	while [ $# -gt 0 ]; do
		case $1 in
		--build) build=${2:?$usage}; shift ;;
		--dir) base=${2:?$usage}; shift ;;
		--journals) journals=${2:?$usage}; shift ;;
		--stages) stages=${2:?$usage}; shift ;;
		--runs) runs=${2:?$usage}; shift ;;
		--seconds) seconds=${2:?$usage}; shift ;;
		--rest) rest=${2:?$usage}; shift ;;
		--rounds) rounds=${2:?$usage}; shift ;;
		--out) out=${2:?$usage}; shift ;;
		--short) short=yes ;;
		-h|--help) printf '%s\n' "$usage"; exit 0 ;;
		-*) die "$usage" ;;
		*) words="$words $1" ;;
		esac
		shift
	done
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

# Web servers do not run as root, nor need they see the build: tally and tally.fcgi are copies from here
# on, and where this is root they run as somebody else, who owns the directory. as is who.
leave_root() {
	if [ "$(id -u)" = 0 ]; then
		as="setpriv --reuid=65534 --regid=65534 --clear-groups"
		chown 65534:65534 "$dir"
		chmod 755 "$dir"
	fi
	mkdir -p "$dir/bin/src/cmd" "$dir/bin/src/gateway" "$dir/bin/templates"
	cp "$tally" "$dir/bin/src/cmd/"
	cp "$fcgi" "$dir/bin/src/gateway/"
	cp "$here"/../templates/* "$dir/bin/templates/"
	chmod -R a+rX "$dir/bin"
	tally="$as $dir/bin/src/cmd/tally" fcgi=$dir/bin/src/gateway/tally.fcgi
}

# lighttpd in front of tally.fcgi. Sets url. After leave_root.
serve_store() {	# store
	url=$($tally serve --store "$1" --listen 127.0.0.1:0 --daemon --fcgi "$fcgi" \
		--templates "$dir/bin/templates" | grep -o 'http://[^ ]*')
	url=${url%/}
}
stop_serving() {	# store
	$tally serve --stop --store "$1" >/dev/null 2>&1 || true
}

# The first process that runs tally.fcgi: the owner of the store. After leave_root.
owner() {
	local pid
	for pid in /proc/[0-9]*; do
		[ "$(readlink "$pid/exe" 2>/dev/null)" = "$fcgi" ] && printf '%s\n' "${pid#/proc/}"
	done | sort -n | head -n 1
}

# An empty store. Sets store, key and secret.
init_store() {	# directory driver
	local made
	store=$1
	made=$($tally init --store "$store" --driver "$2" --json 2>/dev/null)
	key=$(json_text AccessKeyId "$made") secret=$(json_text AccessKeySecret "$made")
}

# A store with a public ledger of so many journals, about 200 bytes each, 1,000 clues. Sets ledger too.
make_store() {	# driver
	init_store "$dir/$1" "$1"
	ledger=$($tally ledger create "$1" --public-read on --store "$store")
	awk -v n="$journals" 'BEGIN { for (i = 1; i <= n; i++)
		printf "{\"Payload\":\"{\\\"number\\\":%d,\\\"text\\\":\\\"%0150d\\\"}\",\"Clues\":[\"c%d\"]}\n",
			i, i, i % 1000 }' |
		$tally append "$ledger" --token bench --batch 10000 --store "$store" >"$dir/append.out" \
			2>&1 || die "append: $(tail -n 3 "$dir/append.out")"
}

json_text() { printf '%s' "$2" | sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p"; }
