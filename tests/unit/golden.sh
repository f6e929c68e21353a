#!/bin/sh
# The golden files, recomputed from doc/formats.md alone: tests/golden/verify.py, signatures.py,
# envelopes.py, credentials.py.
command -v python3 >/dev/null || { echo "there is no python3"; exit 77; }
python3 -B "${srcdir:-.}/../golden/verify.py" "${srcdir:-.}/../golden" &&
python3 -B "${srcdir:-.}/../golden/signatures.py" "${srcdir:-.}/../golden" &&
python3 -B "${srcdir:-.}/../golden/envelopes.py" "${srcdir:-.}/../golden" &&
exec python3 -B "${srcdir:-.}/../golden/credentials.py" "${srcdir:-.}/../golden"
