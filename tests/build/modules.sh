#!/usr/bin/env bash
# Drivers as loadable modules: built so, installed, found and used. Arguments: top of the sources,
# a directory to work in (made).
set -u
source=$1 work=$2
. "$source/tools/tap.sh"
rm -rf "$work/installed" "$work/store"
mkdir -p "$work/out" "$work/store" && cd "$work/out" || exit 1

build() {
	"$source/configure" -q --enable-werror CC=gcc --enable-modules --prefix="$work/installed" &&
		make -s -j2 && make -s install
}
passes "builds and installs --enable-modules" build
tally=$work/installed/bin/tally
for driver in bdb flatfile; do
	passes "$driver is a file of its own" test -f "$work/installed/lib/tallystick/$driver.so"
	same "$driver is not in the program" "$(nm -C "$tally" 2>/dev/null | grep -c " [dDrRbB] tally_driver_$driver$")" 0
	passes "a store on the module $driver" "$tally" init --store "$work/store/$driver" --driver "$driver" --json
	passes "opening it again" "$tally" stat --store "$work/store/$driver" --driver "$driver"
done
same "libdb is not linked to the program" "$(ldd "$tally" | grep -c libdb)" 0
refuses "a module that is not there is named" "no-such-driver" \
	"$tally" init --store "$work/store/none" --driver no-such-driver
exit $tap_failed
