#!/usr/bin/env bash
# What configure's options and the installing do. Arguments: top of the sources, a directory to
# work in (made).
set -u
source=$1 work=$2
. "$source/tools/tap.sh"
mkdir -p "$work" && cd "$work" || exit 1

build() {	# name option...
	local name=$1
	shift
	mkdir -p "$name" && cd "$name" || return 1
	"$source/configure" -q --enable-werror CC=gcc --prefix=/usr/local --sysconfdir=/etc \
		--localstatedir=/var "$@" && make -s -j2
}
drivers() { "$1/src/cmd/tally" drivers | sed -n 's/^\([a-z0-9]*\): .*/\1/p' | sort | tr '\n' ' '; }
# Of its own: other libraries may bring it too.
links() { readelf -d "$1/src/cmd/tally" | grep -c "NEEDED.*$2"; }

# ---- everything, installed into a staging directory ----

passes "builds outside of the sources" build plain
same "built-in drivers" "$(drivers plain)" "bdb flatfile mem "
rm -rf stage
passes "installs into DESTDIR" make -s -C plain install DESTDIR="$work/stage"
same "nothing is installed outside of the prefix and /etc" \
	"$(cd stage && find . -type f | grep -vE '^\./(usr/local|etc)/')" ""
for file in bin/tally share/man/man1/tally.1 lib/systemd/system; do
	passes "installs $file" test -e "stage/usr/local/$file"
done
same "installs tally.fcgi once" "$(find stage -name tally.fcgi -type f | wc -l)" 1
for server in lighttpd apache nginx; do
	same "installs a configuration for $server" \
		"$(find stage -type f | grep -v systemd | grep -c "$server" | sed 's/^[1-9].*/some/')" some
done
passes "the installed program runs" stage/usr/local/bin/tally version
passes "uninstalls" make -s -C plain uninstall DESTDIR="$work/stage"
same "nothing is left after uninstall" "$(find stage -type f -o -type l)" ""

# ---- without Berkeley DB ----

passes "builds --without-bdb" build no-bdb --without-bdb --with-pkcs11
same "drivers without Berkeley DB" "$(drivers no-bdb)" "flatfile mem "
same "libdb is not linked then" "$(ldd no-bdb/src/cmd/tally | grep -c libdb)" 0
refuses "a store on bdb is refused by name then" "bdb" \
	no-bdb/src/cmd/tally init --store "$work/no-store" --driver bdb
same "libp11-kit is linked with --with-pkcs11" "$(links no-bdb libp11-kit)" 1
passes "flatfile works then" sh -c 'rm -rf "$1/s" && "$1/no-bdb/src/cmd/tally" init \
	--store "$1/s" --driver flatfile --json && rm -rf "$1/s"' - "$work"

# ---- without libp11-kit ----

passes "builds --without-pkcs11" build no-pkcs11 --without-pkcs11
same "libp11-kit is not linked then" "$(links no-pkcs11 libp11-kit)" 0
passes "URIs are refused with that then" make -s -C no-pkcs11/tests/unit check TESTS=test_pkcs11_none
exit $tap_failed
