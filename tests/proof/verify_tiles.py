#!/usr/bin/env python3
"""Reads a whole log as C2SP tlog-tiles and checks it: an auditor who shares no code with it.

    verify_tiles.py BASE VKEY [--count N]

BASE is a URL or a directory below which are checkpoint and tile/; VKEY the log's verifier key. All
entry bundles are hashed to leaves, those held against the level-0 tiles, each level's tiles against
the one below, the root against the checkpoint, and the checkpoint's Ed25519 signature against the
key. Written from the texts of c2sp.org and RFC 6962, 8032, with the standard library only.
"""

import base64
import hashlib
import json
import os
import struct
import sys
import urllib.request

# ---- Ed25519, RFC 8032 5.1: verification ----

P = 2 ** 255 - 19
L = 2 ** 252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)


def recover_x(y, sign):
    if y >= P:
        return None
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    if x2 == 0:
        return None if sign else 0
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P:
        x = x * SQRT_M1 % P
    if (x * x - x2) % P:
        return None
    return P - x if x & 1 != sign else x


def decode_point(data):
    y = int.from_bytes(data, 'little')
    sign, y = y >> 255, y & (1 << 255) - 1
    x = recover_x(y, sign)
    return None if x is None else (x, y, 1, x * y % P)


def add(p, q):
    a = (p[1] - p[0]) * (q[1] - q[0]) % P
    b = (p[1] + p[0]) * (q[1] + q[0]) % P
    c = 2 * p[3] * q[3] * D % P
    d = 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def multiply(n, p):
    result = (0, 1, 1, 0)
    while n:
        if n & 1:
            result = add(result, p)
        p = add(p, p)
        n >>= 1
    return result


def same_point(p, q):
    return (p[0] * q[2] - q[0] * p[2]) % P == 0 and (p[1] * q[2] - q[1] * p[2]) % P == 0


BASE_Y = 4 * pow(5, P - 2, P) % P
BASE_X = recover_x(BASE_Y, 0)
BASE_POINT = (BASE_X, BASE_Y, 1, BASE_X * BASE_Y % P)


def ed25519_verify(public, message, signature):
    if len(public) != 32 or len(signature) != 64:
        return False
    key, r = decode_point(public), decode_point(signature[:32])
    s = int.from_bytes(signature[32:], 'little')
    if key is None or r is None or s >= L:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), 'little') % L
    return same_point(multiply(s, BASE_POINT), add(r, multiply(k, key)))


# RFC 8032 7.1, tests 1 and 2: so that a verifier that accepts everything is found out.
def check_ed25519():
    for public, message, signature in (
            ('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a', '',
             'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bac'
             'c61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b'),
            ('3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c', '72',
             '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e'
             '458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00')):
        public, message, signature = map(bytes.fromhex, (public, message, signature))
        if not ed25519_verify(public, message, signature):
            fail('the Ed25519 code of this program is wrong')
        if ed25519_verify(public, message + b'x', signature) or \
                ed25519_verify(public, message, signature[:40] + b'\1' + signature[41:]):
            fail('the Ed25519 code of this program accepts anything')


# ---- signed note and checkpoint ----

def fail(text):
    sys.exit('NOT VERIFIED: ' + text)


def parse_vkey(text):
    name, key_id, key = text.split('+', 2)
    key = base64.b64decode(key, validate=True)
    if len(key) != 33 or key[0] != 1:
        fail('the key is not Ed25519')
    if hashlib.sha256(name.encode() + b'\n' + key).digest()[:4].hex() != key_id:
        fail('the key has another id than it says')
    return name, bytes.fromhex(key_id), key[1:]


def check_note(note, vkey):
    name, key_id, public = parse_vkey(vkey)
    text, _, signatures = note.rpartition(b'\n\n')
    text += b'\n'
    good = 0
    for line in signatures.splitlines():
        dash, signer, signature = line.decode().split(' ')
        signature = base64.b64decode(signature, validate=True)
        if dash != '\u2014' or signer != name or signature[:4] != key_id:
            continue
        if not ed25519_verify(public, text, signature[4:]):
            fail('the signature of the checkpoint')
        good += 1
    if not good:
        fail('the checkpoint is not signed by this key')
    origin, size, root = text.decode().split('\n')[:3]
    if origin != name:
        fail('the checkpoint is of ' + origin)
    if str(int(size)) != size:
        fail('the size is written as ' + size)
    return int(size), base64.b64decode(root, validate=True)


# ---- the tree ----

def node(left, right):
    return hashlib.sha256(b'\1' + left + right).digest()


def root_of(hashes):
    """MTH over hashes that are roots of complete subtrees of equal size (RFC 6962 2.1)."""
    if not hashes:
        return hashlib.sha256(b'').digest()
    while len(hashes) > 1:
        hashes = [node(*hashes[i:i + 2]) if i + 1 < len(hashes) else hashes[i]
                  for i in range(0, len(hashes), 2)]
    return hashes[0]


# ---- tiles ----

def tile_name(level, number, width):
    groups = ['%03d' % (number % 1000)]
    while number >= 1000:
        number //= 1000
        groups.insert(0, 'x%03d' % (number % 1000))
    return 'tile/%s/%s%s' % (level, '/'.join(groups), '' if width == 256 else '.p/%d' % width)


class Log:
    def __init__(self, base):
        self.base, self.read = base.rstrip('/'), 0

    def get(self, name, type):
        self.read += 1
        if os.path.isdir(self.base):
            with open(os.path.join(self.base, name), 'rb') as file:
                return file.read()
        with urllib.request.urlopen(self.base + '/' + name, timeout=60) as answer:
            if answer.headers['Content-Type'] != type:
                fail('%s is of type %s' % (name, answer.headers['Content-Type']))
            return answer.read()

    def tile(self, level, number, width):
        data = self.get(tile_name(level, number, width), 'application/octet-stream')
        if level == 'entries':
            return data
        if len(data) != 32 * width:
            fail('%s has %d bytes' % (tile_name(level, number, width), len(data)))
        return [data[i:i + 32] for i in range(0, len(data), 32)]


def widths(count):
    for number in range(0, (count + 255) // 256):
        yield number, min(256, count - 256 * number)


def entries_of(bundle, width, name):
    entries, at = [], 0
    for _ in range(width):
        size, = struct.unpack_from('>H', bundle, at)
        entries.append(bundle[at + 2:at + 2 + size])
        if len(entries[-1]) != size:
            fail('%s is cut short' % name)
        at += 2 + size
    if at != len(bundle):
        fail('%s has bytes too many' % name)
    return entries


def check_journal(entry, index, origin):
    """What our leaves promise: they name their ledger and their place."""
    leaf = json.loads(entry)
    if leaf['journalId'] != index or origin.rpartition('/')[2] != leaf['ledgerId']:
        fail('entry %d says that it is journal %s of %s' % (index, leaf['journalId'],
                                                            leaf['ledgerId']))


def check_log(log, vkey):
    size, root = check_note(log.get('checkpoint', 'text/plain; charset=utf-8'), vkey)
    origin = vkey.split('+')[0]
    hashes = []
    for number, width in widths(size):
        name = tile_name('entries', number, width)
        entries = entries_of(log.tile('entries', number, width), width, name)
        for i, entry in enumerate(entries):
            check_journal(entry, 256 * number + i, origin)
        hashes += [hashlib.sha256(b'\0' + entry).digest() for entry in entries]
    if root_of(hashes) != root:
        fail('the entries do not give the root that was signed')
    level = 0
    while hashes:
        for number, width in widths(len(hashes)):
            if log.tile(level, number, width) != hashes[256 * number:256 * number + width]:
                fail('%s is not what the entries give' % tile_name(level, number, width))
        full = len(hashes) // 256
        hashes = [root_of(hashes[256 * i:256 * i + 256]) for i in range(full)]
        level += 1
    return size


def main():
    args = sys.argv[1:]
    count = None
    if '--count' in args:
        at = args.index('--count')
        count = int(args[at + 1])
        del args[at:at + 2]
    if len(args) != 2:
        sys.exit(__doc__)
    check_ed25519()
    log = Log(args[0])
    try:
        size = check_log(log, args[1])
    except (ValueError, KeyError, OSError, struct.error) as error:
        fail('%s: %s' % (type(error).__name__, error))
    if count is not None and size != count:
        fail('it has %d entries, not %d' % (size, count))
    print('verified: %d entries, %d files' % (size, log.read))


if __name__ == '__main__':
    main()
