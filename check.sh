#!/usr/bin/env bash
# Runs all tests: installs what they need from packages, builds in every way that is tested, and counts
# what the test programs report. Writes ./build-check only; uses root for packages only.
set -uo pipefail
{ # read as a whole, so that it may be replaced while it runs

top=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
. "$top/tools/lib.sh"

work=${TALLY_CHECK_DIR:-$top/build-check}
logs=$work/logs
source=$work/source
APT_LOG=$logs/packages.log
full= jobs=${JOBS:-$(nproc 2>/dev/null || echo 2)}

# Two stages run side by side, the long ones first, so that both hands are busy to the end.
stages="asan gcc build tsan fuzz http quickstart crash cli sdk bench data"

usage() {
	cat <<END
usage: ./check.sh [--full] [STAGE...]

Without a stage all are run. --full runs the long forms (200 kill rounds, long fuzzing).
  gcc         gcc with -Werror: unit tests, conformance of every driver, core, actions
  asan        the same with clang, AddressSanitizer (leaks too) and UndefinedBehaviorSanitizer
  tsan        the same with ThreadSanitizer, drivers mem and flatfile
  crash       SIGKILL and power-cut rounds on bdb and flatfile
  http        the HTTP suite through lighttpd, Apache and nginx, FastCGI and CGI
  cli         the command line
  sdk         unmodified client libraries from npm and PyPI against a running server; the OpenAPI document
  bench       the comparison with peers, its short form: every peer that can be had runs for a moment
  fuzz        every fuzzer for a while
  build       folder rules, options of configure, installing, make distcheck
  data        the demonstration records
  quickstart  quickstart.sh from end to end
The last line is 'N passed, N failed', with ', N skipped' where something could not be run.
END
}

wanted=
while [ $# -gt 0 ]; do
	case $1 in
	--full) full=yes ;;
	-h|--help) usage; exit 0 ;;
	-*) warn "unknown option: $1"; usage >&2; exit 2 ;;
	*)
		case " $stages " in *" $1 "*) wanted="$wanted $1" ;;
		*) warn "unknown stage: $1"; usage >&2; exit 2 ;; esac ;;
	esac
	shift
done
wanted=${wanted:-$stages}
is_wanted() { case " $wanted " in *" $1 "*) return 0 ;; esac; return 1; }

export TALLY_TEST_ROUNDS=${TALLY_TEST_ROUNDS:-20}
fuzz_seconds=${TALLY_FUZZ_SECONDS:-30}
if [ -n "$full" ]; then
	export TALLY_TEST_ROUNDS=200 TALLY_TEST_FULL=1
	fuzz_seconds=300
fi
unset TALLY_CONFIG TALLY_STORE TALLY_DRIVER TALLY_ENDPOINT TALLY_ACCESS_KEY_ID \
	TALLY_ACCESS_KEY_SECRET TALLY_LEDGER_ID

# ---- what every stage uses ----

# Each stage runs in a process of its own; what it prints goes to its log. Its results are lines of
# TAP in $results.

# Builds in $work/$1 with these options of configure.
build_in() {	# name option...
	local name=$1
	shift
	mkdir -p "$work/$name"
	cd "$work/$name" || return 1
	if ! [ Makefile -nt "$source/configure" ] || [ "$(cat options 2>/dev/null)" != "$*" ]; then
		"$source/configure" -q --enable-werror "$@" || return 1
		printf '%s\n' "$*" >options
	fi
	make -s -j"$jobs"
}

# Folders of a build that have tests, those of the special stages left out.
test_folders() {	# build
	(cd "$work/$1" && grep -l '^TESTS *= *[^ ]' $(find . -name Makefile) 2>/dev/null |
		sed 's,/Makefile$,,; s,^\./,,' | grep -vE '^tests/(fault|http|sdk|fuzz|cli)$' | sort)
}

# Takes the results of one program that ended with a status. A program that fails without saying
# which test failed counts as a failed test, one that says nothing as one test.
take_output() {	# name status log
	local name=$1 status=$2 log=$3
	{
		grep -aE '^(ok|not ok)\b' "$log" | sed "s|^\(not ok\|ok\) *\(- \)*|\1 - $name: |"
		if [ "$status" = 77 ]; then
			printf 'ok - %s # SKIP %s\n' "$name" "$(tail -n 1 "$log")"
		elif [ "$status" != 0 ] && ! grep -qaE '^not ok\b' "$log"; then
			printf 'not ok - %s: ended with status %s\n' "$name" "$status"
		elif ! grep -qaE '^(ok|not ok)\b' "$log"; then
			printf 'ok - %s\n' "$name"
		fi
	} >>"$results"
}

# A test program that make does not know.
run_test() {	# name command...
	local name=$1 log=$logs/$stage.$1.log status
	shift
	"$@" >"$log" 2>&1 </dev/null
	status=$?
	cat "$log"
	take_output "$name" "$status" "$log"
}

# make check in these folders of a build.
check_in() {	# build folder...
	local build=$1 folder trs name status
	shift
	for folder; do
		say "-- $folder"
		find "$work/$build/$folder" -name '*.trs' -delete
		timeout "${stage_limit:-1200}" make -s -k -j"$jobs" -C "$work/$build/$folder" check
		status=$?
		trs=$(find "$work/$build/$folder" -name '*.trs' | sort)
		if [ -z "$trs" ]; then
			printf 'not ok - %s: no test was run (make ended with %s)\n' "$folder" "$status" >>"$results"
			continue
		fi
		[ "$status" != 124 ] || printf 'not ok - %s: took too long\n' "$folder" >>"$results"
		for trs in $trs; do
			name=$folder/$(basename "$trs" .trs)
			case $(sed -n 's/^:test-result: *//p' "$trs" | head -n 1) in
			PASS) status=0 ;; SKIP) status=77 ;; *) status=1 ;;
			esac
			[ "$status" = 1 ] && { say "-- output of $name"; tail -n 60 "${trs%.trs}.log"; }
			take_output "$name" "$status" "${trs%.trs}.log"
		done
	done
}

# ---- stages ----

build_gcc() { build_in gcc CC=gcc CFLAGS="-O2 -g" --prefix="$work/gcc/installed"; }

stage_gcc() { build_gcc && check_in gcc $(test_folders gcc); }

san_cflags="-O1 -g -fno-omit-frame-pointer"

stage_asan() {
	local symbolizer
	symbolizer=$(ls /usr/lib/llvm-*/bin/llvm-symbolizer 2>/dev/null | tail -n 1)
	export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0 UBSAN_OPTIONS=print_stacktrace=1
	export LSAN_OPTIONS=suppressions=$source/tests/lsan.supp:print_suppressions=0
	[ -n "$symbolizer" ] && export ASAN_SYMBOLIZER_PATH=$symbolizer
	build_in asan CC=clang CFLAGS="$san_cflags" --enable-asan --enable-ubsan &&
		check_in asan $(test_folders asan)
}

stage_tsan() {
	# The runtime wants its shadow memory at fixed places.
	local fixed="setarch $(uname -m) -R"
	$fixed true 2>/dev/null || fixed=
	export TSAN_OPTIONS=halt_on_error=0:second_deadlock_stack=1
	build_in tsan CC=clang CFLAGS="$san_cflags" --enable-tsan --without-bdb || return 1
	make() { $fixed make "$@"; }
	timeout() { command timeout "$1" $fixed "${@:2}"; }
	check_in tsan $(test_folders tsan)
}

stage_crash() { stage_limit=7200 check_in gcc tests/fault; }

stage_http() { stage_limit=3600 check_in gcc tests/http; }

stage_cli() { check_in gcc tests/cli; }

stage_sdk() {
	make -s -C "$work/gcc" install || return 1
	run_test sdk bash "$source/tests/sdk/run.sh" "$source" "$work/gcc/installed" "$work/sdk"
}

stage_bench() {
	run_test bench bash "$source/tests/build/bench.sh" "$source" "$work/gcc" "$work/bench"
}

stage_fuzz() {
	local program name
	build_in fuzz CC=clang CXX=clang++ CFLAGS="$san_cflags" --enable-asan --enable-ubsan \
		--enable-fuzzers || return 1
	make -s -k -j"$jobs" -C "$work/fuzz/tests/fuzz" check TESTS= || return 1
	export ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1
	cd "$work/fuzz/tests/fuzz" || return 1
	for program in fuzz_*; do
		[ -f "$program" ] && [ -x "$program" ] && printf '%s\n' "$program"
	done >programs
	[ -s programs ] || { say "there are no fuzzers"; return 1; }
	fuzz_one() {	# program
		local corpus=$source/tests/fuzz/corpus/$1
		mkdir -p "corpus/$1"
		[ -d "$corpus" ] || corpus=
		"./$1" -max_total_time="$fuzz_seconds" -timeout=20 -rss_limit_mb=4096 -print_final_stats=1 \
			-artifact_prefix="$PWD/$1-" "corpus/$1" $corpus
	}
	export -f fuzz_one
	export source fuzz_seconds
	xargs -P 2 -I{} bash -c 'fuzz_one {} >{}.out 2>&1; echo $? >{}.status' <programs
	while read -r name; do
		tail -n 25 "$name.out"
		if [ "$(cat "$name.status")" = 0 ]; then
			printf 'ok - %s: %s inputs\n' "$name" \
				"$(sed -n 's/^stat::number_of_executed_units: *//p' "$name.out")"
		else
			printf 'not ok - %s: see %s\n' "$name" "$PWD/$name.out"
		fi >>"$results"
	done <programs
}

stage_build() {
	local script
	for script in rules options modules distcheck; do
		run_test "$script" bash "$source/tests/build/$script.sh" "$source" "$work/rules/$script"
	done
}

stage_data() { run_test data bash "$source/tests/build/data.sh" "$source"; }

stage_quickstart() {
	run_test quickstart bash "$source/tests/build/quickstart.sh" "$top" "$work/quickstart"
}

# ---- running them ----

run_stage() {	# name
	local begin=$SECONDS passed failed skipped why
	export stage=$1
	results=$logs/$stage.tap
	: >"$results"
	rm -f "$logs/$stage.counts"
	("stage_$stage") >"$logs/$stage.log" 2>&1 </dev/null
	why=$?
	grep -q '^not ok' "$results" && why=0
	[ "$why" = 0 ] || printf 'not ok - %s: the stage broke, status %s\n' "$stage" "$why" >>"$results"
	[ -s "$results" ] || printf 'not ok - %s: no test was run\n' "$stage" >>"$results"
	failed=$(grep -ac '^not ok' "$results")
	skipped=$(grep -aE '^ok\b' "$results" | grep -c '# SKIP')
	passed=$(($(grep -acE '^ok\b' "$results") - skipped))
	printf '%s %s %s\n' "$passed" "$failed" "$skipped" >"$logs/$stage.counts"
	{
		if [ "$failed" != 0 ]; then
			printf -- '---- %s: last lines of %s\n' "$stage" "$logs/$stage.log"
			tail -n 60 "$logs/$stage.log"
			printf -- '---- %s failed:\n' "$stage"
			grep -a '^not ok' "$results"
		fi
		grep -aoE '^ok\b.*# SKIP.*' "$results" | sed 's/^ok - //' | sort -t'#' -k2 |
			awk -F' # SKIP ' '{ n[$2]++; if (n[$2] <= 3) names[$2] = names[$2] "; " $1 }
				END { for (why in n) printf "     skipped %d (%s)%s%s\n", n[why], why,
					names[why], (n[why] > 3 ? "; ..." : "") }'
		printf '==> %-10s %5s passed, %s failed, %s skipped, %s s\n' \
			"$stage" "$passed" "$failed" "$skipped" $((SECONDS - begin))
	} >"$logs/$stage.report"
	cat "$logs/$stage.report"
}

# Takes stages off the queue until it is empty; two of these run at a time.
work_off() {
	local name
	while name=$(flock "$work/queue.lock" sh -c 'head -n 1 "$1"; sed -i 1d "$1"' - "$work/queue") &&
	      [ -n "$name" ]; do
		say "... $name"
		run_stage "$name"
	done
}

# Where web servers are unpacked that are not installed. Tests that root runs start them as another
# user, who cannot enter a clone below /root: then a directory of their own.
server_place() {
	servers=$work/server
	mkdir -p "$servers/deb"
	[ "$(id -u)" = 0 ] || return 0
	setpriv --reuid=65534 --regid=65534 --clear-groups test -x "$servers" 2>/dev/null && return 0
	servers=$(mktemp -d /tmp/tally-servers-XXXXXX) && chmod 755 "$servers"
	trap 'rm -rf "$servers"' EXIT
	ln -s "$work/server/deb" "$servers/deb"
}

# Packages, in the foreground, since they change PATH and ask for root.
prepare() {
	local version server
	say "... packages"
	install_packages $BUILD_PACKAGES curl perl-base
	if is_wanted asan || is_wanted tsan || is_wanted fuzz; then
		install_packages clang
		version=$(clang -dumpversion | cut -d. -f1)
		install_packages "libclang-rt-$version-dev" "llvm-$version"
	fi
	if is_wanted http || is_wanted quickstart || is_wanted sdk || is_wanted cli; then
		install_packages spawn-fcgi python3
		server_place
		for server in lighttpd apache2 nginx; do
			have_server "$servers" "$server" ||
				say "    there is no $server; its tests are skipped"
		done
	fi
	# a header of ours is for C++ programs too
	is_wanted gcc && install_packages g++
	# a token for tests; it brings no service
	if is_wanted gcc || is_wanted asan || is_wanted tsan || is_wanted cli; then
		install_packages softhsm2
	fi
	is_wanted cli && ! command -v python3 >/dev/null && install_packages python3
	is_wanted cli && install_packages mandoc
	# certificates of organisations and their members
	if is_wanted cli || is_wanted http; then
		install_packages openssl
	fi
	if is_wanted sdk; then
		command -v npm >/dev/null || install_packages nodejs npm
		command -v python3 >/dev/null || install_packages python3
		python3 -c 'import ensurepip' 2>/dev/null || install_packages python3-venv
	fi
	# what a peer lacks leaves that peer out
	if is_wanted bench; then
		install_packages python3
		(install_packages libsqlite3-dev) || say "    there is no SQLite to compare with"
		(install_packages libpq-dev) || say "    there is no PostgreSQL to compare with"
		command -v npm >/dev/null || (install_packages nodejs npm) ||
			say "    there is no npm, so no hypercore to compare with"
	fi
	say "==> packages   $((SECONDS)) s"
}

# The build that most stages use.
built_by_gcc() {
	is_wanted gcc || is_wanted crash || is_wanted http || is_wanted cli || is_wanted sdk || is_wanted bench ||
		return 0
	say "... building"
	(build_gcc) >"$logs/building.log" 2>&1 || {
		tail -n 60 "$logs/building.log"
		say "the build broke"
		say "0 passed, 1 failed"
		exit 1
	}
}

mkdir -p "$logs"
rm -f "$logs"/*.counts "$logs"/*.tap
prepare
copy_sources "$top" "$source"
bootstrap "$source" >"$logs/bootstrap.log" 2>&1 || {
	tail -n 60 "$logs/bootstrap.log"
	say "autoreconf failed"
	say "0 passed, 1 failed"
	exit 1
}
built_by_gcc
for name in $stages; do
	if is_wanted "$name"; then echo "$name"; fi
done >"$work/queue"
work_off &
other=$!
trap 'kill $other 2>/dev/null; exit 130' INT TERM
work_off
wait $other

# ---- the sum ----

total_passed=0 total_failed=0 total_skipped=0
for name in $stages; do
	is_wanted "$name" || continue
	if read -r p f s <"$logs/$name.counts"; then
		total_passed=$((total_passed + p))
		total_failed=$((total_failed + f))
		total_skipped=$((total_skipped + s))
	else
		say "stage $name did not end"
		total_failed=$((total_failed + 1))
	fi
done
say "whole run: $SECONDS s; logs in ${logs#"$PWD"/}"
line="$total_passed passed, $total_failed failed"
[ "$total_skipped" = 0 ] || line="$line, $total_skipped skipped"
say "$line"
[ "$total_failed" = 0 ] && [ "$total_passed" -gt 0 ]
exit
}
