#!/usr/bin/env bash
# make distcheck: the archive has all it needs, builds from read-only sources outside of them,
# passes its tests there, installs, uninstalls and cleans up completely. Arguments: top of the
# sources, a directory to work in (made).
set -u
source=$1 work=$2
. "$source/tools/tap.sh"
mkdir -p "$work" && cd "$work" || exit 1
passes "configures" "$source/configure" -q --enable-werror CC=gcc
# Short forms: the same tests run at their usual length elsewhere.
export TALLY_TEST_ROUNDS=2 TALLY_HTTP_WORDS="lighttpd lighttpd-cgi"
passes "make distcheck" timeout 3000 make -s -j2 distcheck DISTCHECK_CONFIGURE_FLAGS=--enable-werror
archive=$(ls tallystick-*.tar.gz 2>/dev/null | head -n 1)
for file in quickstart.sh check.sh data/easter.ndjson doc/architecture.md doc/operations.md doc/api.md \
	tests/sdk/pop-core.js README.md LICENSE; do
	same "the archive holds $file" \
		"$(tar -tzf "$archive" 2>/dev/null | grep -c "^[^/]*/$file\$")" 1
done
exit $tap_failed
