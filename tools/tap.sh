# Shell functions for tests that are scripts: they print lines as the C tests do. To be sourced.

tap_failed=0

ok() { printf 'ok - %s\n' "$1"; }
not_ok() { printf 'not ok - %s: %s\n' "$1" "${2-}"; tap_failed=1; }
skip() { printf 'ok - %s # SKIP %s\n' "$1" "$2"; }

# The command must succeed; of one that does not, the last lines are shown.
passes() {	# name command...
	local name=$1 out
	shift
	if out=$("$@" 2>&1 </dev/null); then
		ok "$name"
	else
		printf '%s\n' "$out" | tail -n 20 | sed 's/^/# /'
		not_ok "$name" "exit status not 0: $*"
	fi
}

# The command must fail, and say something that matches the pattern.
refuses() {	# name pattern command...
	local name=$1 pattern=$2 out
	shift 2
	if out=$("$@" 2>&1 </dev/null); then
		not_ok "$name" "succeeded: $*"
	elif printf '%s\n' "$out" | grep -qE -- "$pattern"; then
		ok "$name"
	else
		printf '%s\n' "$out" | tail -n 20 | sed 's/^/# /'
		not_ok "$name" "failed without a word of '$pattern'"
	fi
}

same() {	# name got want
	if [ "$2" = "$3" ]; then
		ok "$1"
	else
		not_ok "$1" "got '$2', want '$3'"
	fi
}
