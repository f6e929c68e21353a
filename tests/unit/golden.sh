#!/bin/sh
# The golden files, recomputed by tests/golden/verify.py from doc/formats.md alone.
command -v python3 >/dev/null || { echo "there is no python3"; exit 77; }
exec python3 -B "${srcdir:-.}/../golden/verify.py" "${srcdir:-.}/../golden"
