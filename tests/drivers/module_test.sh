#!/bin/sh
# Builds a driver outside of the tree, against the installed headers alone, and runs the registry's
# test and the conformance suite over it as a loaded module. Skipped in builds without modules.
set -eu

[ "${TALLY_MODULES:-}" = yes ] || { echo "1..0 # SKIP built without --enable-modules"; exit 77; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/include" "$work/modules"
${MAKE:-make} -s -C "$abs_top_builddir/src/store" install-pkgincludeHEADERS \
	pkgincludedir="$work/include" DESTDIR= >/dev/null

# build NAME [FLAG...]
build() {
	name=$1
	shift
	$CC $TALLY_TEST_CFLAGS -shared -fPIC -I"$work/include" "$@" -o "$work/modules/$name.so" \
		"$srcdir/example_module.c"
}
build example
build later -DEXAMPLE_ABI=99 -DEXAMPLE_NAME='"later"'
build misnamed -DEXAMPLE_NAME='"othername"'
echo "no module" >"$work/modules/garbage.so"

TALLY_TEST_EXAMPLES="$work/modules" ./registry_test
TALLY_TEST_MODULES="$work/modules" ./conform example
