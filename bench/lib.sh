# What the scripts of this folder share. To be sourced by bash, with usage set.

die() { printf '%s\n' "$*" >&2; exit 1; }

build=$here/../build base=${TMPDIR:-/tmp} journals=1000000 drivers= seconds=120

read_options() {
	while [ $# -gt 0 ]; do
		case $1 in
		--build) build=${2:?$usage}; shift ;;
		--dir) base=${2:?$usage}; shift ;;
		--journals) journals=${2:?$usage}; shift ;;
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
