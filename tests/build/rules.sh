#!/usr/bin/env bash
# The folder rules: a file that includes what its folder must not see does not compile, each header
# compiles alone, and a library is seen in one place. And small things that no compiler sees. Arguments: top of the sources, a directory
# to work in (made).
set -u
source=$1 work=$2
. "$source/tools/tap.sh"
mkdir -p "$work" && cd "$work" || exit 1
[ Makefile -nt "$source/configure" ] || "$source/configure" -q --enable-werror CC=gcc || exit 1

# Compiles one file in a folder with the flags that the folder's Makefile gives its own sources.
compile() {	# folder name text
	printf '%s\n' "$3" >"$1/$2.c"
	rm -f "$1/$2.o"
	make -s -C "$1" "$2.o"
	local status=$?
	rm -f "$1/$2.c" "$1/$2.o"
	return $status
}

# folder: headers of its own layer or below (control) : headers that it must not see
while IFS=: read -r folder allowed forbidden; do
	folder=${folder// /}
	[ -f "$folder/Makefile" ] && [ -n "$(ls "$source/$folder"/*.c 2>/dev/null)" ] || {
		skip "$folder" "there is no such folder"
		continue
	}
	for header in $allowed; do
		passes "$folder may include $header" compile "$folder" zz_rule \
			"#include \"$header\"
extern int zz_rule; int zz_rule = 0;"
	done
	for header in $forbidden; do
		refuses "$folder must not include $header" "$header: No such file" \
			compile "$folder" zz_rule "#include \"$header\"
extern int zz_rule; int zz_rule = 0;"
	done
done <<'END'
src/base: bytes.h: hash.h tree.h driver.h core.h action.h host.h verb.h
src/crypto: bytes.h hash.h: tree.h driver.h core.h action.h host.h verb.h
src/net: bytes.h fetch.h: hash.h tree.h driver.h core.h action.h host.h verb.h
src/proof: hash.h tree.h: driver.h store.h core.h action.h host.h verb.h
src/verify: state.h tallyverify.h: driver.h store.h core.h action.h host.h verb.h
src/foreign: hash.h ion.h qldb.h: tree.h driver.h store.h core.h action.h request.h host.h verb.h
src/witness: hash.h note.h cosigner.h: driver.h store.h core.h action.h request.h host.h verb.h
src/store: hash.h driver.h: tree.h core.h action.h host.h verb.h
drivers/mem: driver.h: tree.h core.h action.h request.h host.h verb.h
drivers/bdb: driver.h: tree.h core.h action.h request.h host.h verb.h
drivers/flatfile: driver.h: tree.h core.h action.h request.h host.h verb.h
src/ledger: driver.h tree.h core.h: fetch.h action.h request.h host.h verb.h
src/api: core.h action.h: fetch.h driver.h store.h host.h verb.h
src/gateway: request.h host.h fetch.h: verb.h
END

for folder in base crypto net proof verify witness foreign store ledger api gateway cmd; do
	[ -n "$(ls "$source/src/$folder"/*.c 2>/dev/null)" ] || continue
	for header in "$source/src/$folder"/*.h; do
		[ -f "$header" ] || continue
		passes "${header#"$source"/} compiles alone" compile "src/$folder" zz_header \
			"#include \"${header##*/}\"
extern int zz_header; int zz_header = 0;"
	done
done

# library's header : the folders that may name it
while IFS=: read -r pattern folders; do
	found=$(cd "$source" && grep -rlE "^#[ 	]*include[ 	]*<$pattern" src drivers --include='*.[ch]' |
		sed 's,/[^/]*$,,' | sort -u | grep -vE "^($folders)(/|\$)")
	same "<$pattern is included in $folders only" "$found" ""
done <<'END'
db\.h:drivers/bdb
fcgi:src/gateway
openssl/:src/crypto
sodium:src/crypto
secp256k1:src/crypto
p11-kit/:src/crypto
libxml/:src/api
zlib\.h:src/api
json-c/:src/api|src/cmd
curl/:src/net
END
# the manual names every setting that the sources declare
for key in $(cd "$source" && grep -rhoE '^[[:space:]]*\{ "[a-z_]+", SETTING_[A-Z0-9]+' src --include='*.c' |
		sed -E 's/.*"([a-z_]+)".*/\1/' | sort -u); do
	passes "doc/operations.md explains the setting $key" grep -q "\`$key\`" "$source/doc/operations.md"
done
# and every action
for action in $(cd "$source" && sed -n 's/^[[:space:]]*\.name = "\([A-Z][A-Za-z]*\)",$/\1/p' src/api/ledgerdb/*.c); do
	passes "doc/api.md explains $action" grep -q "^| $action |" "$source/doc/api.md"
done
# scripts that nothing runs here can be read at least; of all files none has both sides of a merge
for script in $(cd "$source" && find . -name '*.sh' -not -path './build*' | sort); do
	passes "$script can be read" bash -n "$source/$script"
done
same "no file has both sides of a merge" "$(cd "$source" && grep -rlIE '^(<{7}|>{7}) ' bench doc drivers etc man src templates \
	tests tools ./*.md ./*.sh ./*.ac 2>/dev/null)" ""
exit $tap_failed
