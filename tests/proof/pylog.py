"""A log and its requests to witnesses, in Python's standard library alone: trees of RFC 6962, notes of
c2sp.org/signed-note signed by Ed25519 (RFC 8032), requests of c2sp.org/tlog-witness. For tests that
play a log, or two logs of one name."""

import base64
import hashlib
import struct

from verify_tiles import BASE_POINT, L, P, ed25519_verify, multiply


def encode_point(point):
    z = pow(point[2], P - 2, P)
    x, y = point[0] * z % P, point[1] * z % P
    return (y | (x & 1) << 255).to_bytes(32, 'little')


class Key:
    """An Ed25519 key with a name, for notes."""

    def __init__(self, name, seed, kind=1):
        self.name, self.kind = name, kind
        digest = hashlib.sha512(seed).digest()
        a = int.from_bytes(digest[:32], 'little') & (1 << 254) - 8 | 1 << 254
        self.secret, self.prefix = a, digest[32:]
        self.public = encode_point(multiply(a, BASE_POINT))
        self.id = hashlib.sha256(name.encode() + b'\n' + bytes([kind]) + self.public).digest()[:4]

    def sign(self, message):
        r = int.from_bytes(hashlib.sha512(self.prefix + message).digest(), 'little') % L
        point = encode_point(multiply(r, BASE_POINT))
        k = int.from_bytes(hashlib.sha512(point + self.public + message).digest(), 'little') % L
        return point + ((r + k * self.secret) % L).to_bytes(32, 'little')

    def line(self, text):
        data = base64.b64encode(self.id + self.sign(text)).decode()
        return ('\u2014 %s %s\n' % (self.name, data)).encode()

    def vkey(self):
        key = base64.b64encode(bytes([self.kind]) + self.public).decode()
        return '%s+%s+%s' % (self.name, self.id.hex(), key)


def leaf_hash(entry):
    return hashlib.sha256(b'\0' + entry).digest()


def node_hash(left, right):
    return hashlib.sha256(b'\1' + left + right).digest()


class Log:
    """Entries and the roots of all their trees. Subtrees are kept, so that many are cheap."""

    def __init__(self, key, entries):
        self.key, self.leaves, self.known = key, [leaf_hash(e) for e in entries], {}

    def root(self, start, end):
        if end == start:
            return hashlib.sha256(b'').digest()
        if end == start + 1:
            return self.leaves[start]
        if (start, end) not in self.known:
            k = 1 << (end - start - 1).bit_length() - 1
            self.known[start, end] = node_hash(self.root(start, start + k), self.root(start + k, end))
        return self.known[start, end]

    def consistency(self, old, new):
        return self.subproof(old, 0, new, True) if 0 < old < new else []

    def subproof(self, m, start, end, whole):
        n = end - start
        if m == n:
            return [] if whole else [self.root(start, end)]
        k = 1 << (n - 1).bit_length() - 1
        if m <= k:
            return self.subproof(m, start, start + k, whole) + [self.root(start + k, end)]
        return self.subproof(m - k, start + k, end, False) + [self.root(start, start + k)]

    def checkpoint(self, size):
        text = '%s\n%d\n%s\n' % (self.key.name, size, base64.b64encode(self.root(0, size)).decode())
        return text.encode() + b'\n' + self.key.line(text.encode())

    def request(self, old, size, proof_from=None):
        proof = self.consistency(old if proof_from is None else proof_from, size)
        lines = ['old %d' % old] + [base64.b64encode(h).decode() for h in proof]
        return '\n'.join(lines).encode() + b'\n\n' + self.checkpoint(size)


def cosignature_time(note, answer, public):
    """The time of the one cosignature in a witness's answer; None where it does not hold."""
    text = note.rpartition(b'\n\n')[0] + b'\n'
    data = base64.b64decode(answer.decode().strip('\n').split(' ')[2], validate=True)[4:]
    time, = struct.unpack('>Q', data[:8])
    message = b'cosignature/v1\ntime %d\n' % time + text
    return time if ed25519_verify(public, message, data[8:]) else None
