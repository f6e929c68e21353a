#!/usr/bin/env python3
"""What bounds a journal in time, checked from a proof file of `tally prove --time` (doc/formats.md,
sections 7 and 20) with Python's standard library and openssl. Shares no code with the program that made
it. The checkpoint's signature is not looked at: verify_tiles.py does that.

Usage: verify_time.py FILE CA.pem
Prints "after MS" and "before MS", as far as they are there; exit status 1 where something does not hold."""
import base64
import hashlib
import json
import subprocess
import sys
import tempfile


def fail(why):
    sys.exit("NOT VERIFIED: " + why)


def sha(data):
    return hashlib.sha256(data).digest()


def root_of(index, size, leaf, path):
    """RFC 9162, 2.1.3.2: the root that an audit path leads to."""
    if index >= size:
        fail("beyond the tree")
    fn, sn, node = index, size - 1, leaf
    for sibling in path:
        if sn == 0:
            fail("a path that is too long")
        if fn & 1 or fn == sn:
            node = sha(b"\1" + sibling + node)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            node = sha(b"\1" + node + sibling)
        fn, sn = fn >> 1, sn >> 1
    if sn != 0:
        fail("a path that is too short")
    return node


def hashes(texts):
    return [bytes.fromhex(text) for text in texts]


def read(path):
    lines = open(path, encoding="utf-8").read().split("\n")
    empty = lines.index("")
    extra = json.loads(base64.b64decode(lines[1].removeprefix("extra ")))
    index = int(lines[2].removeprefix("index "))
    return extra, index, [base64.b64decode(line) for line in lines[3:empty]], lines[empty + 1:empty + 4]


def stamp(data, origin, ca):
    """The ledger's checkpoint is in what was stamped, and the token says so. Its time."""
    path = base64.b64decode(data["path"])
    text = "%s\n%d\n%s\n" % (origin, data["ledgerVersion"],
                             base64.b64encode(bytes.fromhex(data["ledgerDigest"])).decode())
    digest = root_of(data["index"], data["count"], sha(b"\0" + text.encode()),
                     [path[i:i + 32] for i in range(0, len(path), 32)])
    if digest.hex() != data["digest"]:
        fail("another checkpoint was stamped")
    with tempfile.NamedTemporaryFile() as file:
        file.write(base64.b64decode(data["token"]))
        file.flush()
        done = subprocess.run(
            ["openssl", "ts", "-verify", "-digest", data["digest"], "-in", file.name, "-token_in", "-CAfile",
             ca, "-attime", str(data["genTime"] // 1000)], capture_output=True, check=False)
        said = subprocess.run(["openssl", "ts", "-reply", "-in", file.name, "-token_in", "-token_out", "-text"],
                              capture_output=True, check=False)
    if done.returncode != 0:
        fail("openssl: " + done.stderr.decode().strip().split("\n")[-1])
    if data["serial"] not in said.stdout.decode().lower():
        fail("the token has another serial number")
    return data["genTime"]


extra, index, path, checkpoint = read(sys.argv[1])
origin, size, root = checkpoint[0], int(checkpoint[1]), base64.b64decode(checkpoint[2])
journal = sha(b"\0" + extra["leaf"].encode())
if root_of(index, size, journal, path) != root:
    fail("the journal is not in the log")
for side in ("after", "before"):
    bound = extra["time"].get(side)
    if bound is None:
        continue
    leaf = json.loads(bound["leaf"])
    if root_of(bound["index"], size, sha(b"\0" + bound["leaf"].encode()), hashes(bound["path"])) != root:
        fail("the anchor is not in the log")
    if leaf["payloadType"] != "CREATE_TIMEANCHOR" or leaf["journalId"] != bound["index"]:
        fail("no anchor")
    if side == "after" and bound["index"] >= index:
        fail("the anchor stands behind the journal")
    if side == "before" and root_of(index, leaf["data"]["ledgerVersion"], journal, hashes(
            bound["cover"])).hex() != leaf["data"]["ledgerDigest"]:
        fail("the journal is not in the tree that was stamped")
    print(side, stamp(leaf["data"], origin, sys.argv[2]))
