#!/usr/bin/env bash
# libtallyverify as it is installed: what it shows and needs, its header in C and C++, its pkg-config
# file, and the example of doc/examples built with those, shared and static.
set -u
. "$TOP_SOURCE/tools/tap.sh"
root=$PWD/installed
vectors=$TOP_SOURCE/tests/golden/transparency-log-vectors.json
unset DESTDIR MAKEFLAGS MFLAGS
rm -rf "$root"
passes "it is installed" "$MAKE" -s -C "$TOP_BUILD/src/verify" install DESTDIR="$root"
export PKG_CONFIG_PATH
PKG_CONFIG_PATH=$(dirname "$(find "$root" -name tallyverify.pc)")
libdir=$(dirname "$PKG_CONFIG_PATH")
pkg() { pkg-config --define-variable=prefix="$root$prefix" "$@" tallyverify; }
library=$libdir/libtallyverify.so

# ---- what it shows and needs ----

names=$(nm -D --defined-only "$library" | awk '{ print $NF }' | sed 's/@.*//')
same "it shows its own names only" "$(printf '%s\n' "$names" | grep -v '^tallyverify_' | grep -v '^TALLYVERIFY_0$')" ""
declared=$(grep -oE '^tallyverify_[a-z_]+\(|[ *]tallyverify_(text|version|leaf_hash)\(' "$TOP_SOURCE/src/verify/tallyverify.h" |
	tr -d ' *(' | sort -u)
same "it has all that the header declares" \
	"$(printf '%s\n' "$names" | grep '^tallyverify_' | sort -u)" "$declared"
same "tallyverify(3) names them all" "$(for name in $declared; do
	grep -qE "^\.(It )?F[no] (.* Fn )?$name( |\$)" "$TOP_SOURCE/man/tallyverify.3" || echo "$name"; done)" ""
if [ -z "$SANITIZERS" ]; then
	same "it allocates nothing and touches no file" "$(nm -D --undefined-only "$library" | awk '{ print $2 }' |
		grep -E '^(malloc|calloc|realloc|free|strdup|f?open|fdopen|read|write|f?printf|puts|socket|connect|time|getenv)(64)?(@|$)')" ""
	same "it signs nothing" "$(nm -D --undefined-only "$library" | grep -cE 'crypto_sign_(detached|seed)|EVP_DigestSign')" 0
fi

# ---- its header ----

echo '#include <tallyverify.h>
int main(void) { struct tallyverify_leaf leaf; return tallyverify_leaf(0, 0, &leaf) == TALLYVERIFY_OK; }' >header.c
cp header.c header.cc
passes "the header in C99" $CC $SANITIZERS -std=c99 -pedantic -Wall -Wextra -Werror $(pkg --cflags) \
	-c header.c -o header.o
found=
for cxx in ${CXX-} c++ g++ clang++; do
	command -v "$cxx" >/dev/null && found=$cxx && break
done
if [ -n "$found" ]; then
	passes "the header in C++" "$found" -std=c++11 -pedantic -Wall -Wextra -Werror $(pkg --cflags) \
		-c header.cc -o header_cc.o
	[ -n "$SANITIZERS" ] || passes "a C++ program" "$found" header_cc.o -o header_cc $(pkg --libs)
	[ -n "$SANITIZERS" ] || passes "and it runs" env LD_LIBRARY_PATH="$libdir" ./header_cc
else
	skip "the header in C++" "there is no C++ compiler"
fi

# ---- the example ----

text_of() {	# member of the vectors: what stands between the quotes, \n and \u2014 undone
	printf '%b' "$(sed -n 's/^ *"'"$1"'": "\(.*\)",*$/\1/p' "$vectors" | sed 's/\\u2014/\\xe2\\x80\\x94/g')"
}
text_of tlog_proof >proof
printf leaf-12345 >leaf
vkey=$(text_of log_vkey)
example=$TOP_SOURCE/doc/examples/check.c

passes "the example, shared" $CC $SANITIZERS -Wall -Wextra -Werror "$example" -o check_shared $(pkg --cflags --libs)
passes "the example, static" $CC $SANITIZERS -Wall -Wextra -Werror "$example" -o check_static $(pkg --cflags) \
	"$libdir/libtallyverify.a" $(pkg-config --libs libcrypto libsodium)
same "the static one needs no libtallyverify.so" \
	"$(readelf -d check_static | grep -c 'NEEDED.*libtallyverify')" 0
for kind in shared static; do
	same "$kind: a proof holds" "$(LD_LIBRARY_PATH=$libdir ./check_$kind "$vkey" proof leaf)" \
		"entry 12345 of the first 70000 of ledger.example/demo
verified: it is proved"
	printf leaf-12346 >other
	same "$kind: not of another leaf" "$(LD_LIBRARY_PATH=$libdir ./check_$kind "$vkey" proof other)" \
		"NOT VERIFIED: the hashes do not lead to what is claimed"
	sed 's/^70000$/70001/' proof >changed
	same "$kind: not under another size" "$(LD_LIBRARY_PATH=$libdir ./check_$kind "$vkey" changed leaf)" \
		"NOT VERIFIED: not signed as asked, or of another log"
	same "$kind: not by a witness's key" \
		"$(LD_LIBRARY_PATH=$libdir ./check_$kind "$(text_of witness_vkey)" proof leaf)" \
		"NOT VERIFIED: a key, number or policy given to the verifier cannot be"
	same "$kind: not from half a file" \
		"$(head -c 500 proof >half; LD_LIBRARY_PATH=$libdir ./check_$kind "$vkey" half leaf)" \
		"NOT VERIFIED: a text or proof is malformed"
	printf 'log %s\nwitness w %s\nquorum w\n' "$vkey" "$(text_of witness_vkey)" >policy
	same "$kind: by a policy" "$(LD_LIBRARY_PATH=$libdir ./check_$kind --policy policy proof leaf)" \
		"cosigned by w
entry 12345 of the first 70000 of ledger.example/demo
verified: it is proved"
	grep -v ' witness.example/w1 ' proof >alone
	same "$kind: ... whose quorum is not met" \
		"$(LD_LIBRARY_PATH=$libdir ./check_$kind --policy policy alone leaf)" \
		"NOT VERIFIED: not signed as asked, or of another log"
	printf 'quorum x\n' >wrong
	same "$kind: ... that is malformed" \
		"$(LD_LIBRARY_PATH=$libdir ./check_$kind --policy wrong proof leaf 2>&1 | head -n 1)" \
		"wrong: line 1: no witness or group of this name is defined before: x"
done
rm -f header.c header.cc header.o header_cc.o header_cc proof leaf other changed half policy alone wrong check_shared check_static
passes "it is uninstalled" "$MAKE" -s -C "$TOP_BUILD/src/verify" uninstall DESTDIR="$root"
same "and nothing is left" "$(find "$root" ! -type d)" ""
exit $tap_failed
