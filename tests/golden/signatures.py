#!/usr/bin/env python3
"""A second opinion on members' signatures, from doc/formats.md (section 17) and the standards alone.

Checks every line of signatures.json with plain integers and the standard library: signatures are
made again from their private keys, verified, and refused where they must be; public keys are
accepted or refused; what is signed is put together from its parts. No code is shared with the
program. verify() is for auditors' tools; nothing here resists the clock, so sign with nothing else
than test keys.

usage: signatures.py [directory of the golden files]
"""
import hashlib
import hmac
import json
import os
import sys

import verify as forms


# ---- SM3 (GM/T 0004) ----

def rotate(x, n):
    n %= 32
    return (x << n | x >> (32 - n)) & 0xFFFFFFFF


def sm3_block(state, block):
    def p1(x):
        return x ^ rotate(x, 15) ^ rotate(x, 23)

    w = [int.from_bytes(block[i:i + 4], "big") for i in range(0, 64, 4)]
    for j in range(16, 68):
        w.append(p1(w[j - 16] ^ w[j - 9] ^ rotate(w[j - 3], 15)) ^ rotate(w[j - 13], 7) ^ w[j - 6])
    a, b, c, d, e, f, g, h = state
    for j in range(64):
        t = 0x79CC4519 if j < 16 else 0x7A879D8A
        ss1 = rotate((rotate(a, 12) + e + rotate(t, j)) & 0xFFFFFFFF, 7)
        ss2 = ss1 ^ rotate(a, 12)
        ff = a ^ b ^ c if j < 16 else a & b | a & c | b & c
        gg = e ^ f ^ g if j < 16 else e & f | ~e & g
        tt1 = (ff + d + ss2 + (w[j] ^ w[j + 4])) & 0xFFFFFFFF
        tt2 = (gg + h + ss1 + w[j]) & 0xFFFFFFFF
        a, b, c, d = tt1, a, rotate(b, 9), c
        e, f, g, h = tt2 ^ rotate(tt2, 9) ^ rotate(tt2, 17), e, rotate(f, 19), g
    return [x ^ y for x, y in zip(state, (a, b, c, d, e, f, g, h))]


class SM3:
    """As hashlib has its hashes, so that hmac can use it."""
    name, block_size, digest_size = "sm3", 64, 32

    def __init__(self, data=b""):
        self.data = data

    def update(self, data):
        self.data += data

    def copy(self):
        return SM3(self.data)

    def digest(self):
        data = self.data + b"\x80" + bytes(-(len(self.data) + 9) % 64)
        data += (8 * len(self.data)).to_bytes(8, "big")
        state = [0x7380166F, 0x4914B2B9, 0x172442D7, 0xDA8A0600,
                 0xA96F30BC, 0x163138AA, 0xE38DEE4D, 0xB0FB0E4E]
        for at in range(0, len(data), 64):
            state = sm3_block(state, data[at:at + 64])
        return b"".join(x.to_bytes(4, "big") for x in state)


# ---- curves y^2 = x^3 + a x + b: SEC 2, GM/T 0003.5 ----

class Curve:
    def __init__(self, p, a, b, n, x, y):
        self.p, self.a, self.b, self.n, self.base = p, a, b, n, (x, y)

    def has(self, point):
        x, y = point
        return (x < self.p and y < self.p and
                (y * y - x * x * x - self.a * x - self.b) % self.p == 0)

    def add(self, one, two):
        if one is None or two is None:
            return one or two
        if one[0] == two[0]:
            if (one[1] + two[1]) % self.p == 0:
                return None
            slope = (3 * one[0] * one[0] + self.a) * pow(2 * one[1], -1, self.p)
        else:
            slope = (two[1] - one[1]) * pow(two[0] - one[0], -1, self.p)
        x = (slope * slope - one[0] - two[0]) % self.p
        return x, (slope * (one[0] - x) - one[1]) % self.p

    def times(self, k, point):
        result = None
        while k:
            if k & 1:
                result = self.add(result, point)
            point = self.add(point, point)
            k >>= 1
        return result


CURVES = {
    "SECP256K1": Curve(
        2**256 - 2**32 - 977, 0, 7,
        0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141,
        0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
        0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8),
    "SECP256R1": Curve(
        2**256 - 2**224 + 2**192 + 2**96 - 1, -3,
        0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B,
        0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
        0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
        0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5),
    "SM2": Curve(
        0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF,
        0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFC,
        0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93,
        0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123,
        0x32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7,
        0xBC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0),
}


def number(data):
    return int.from_bytes(data, "big")


def bytes32(value):
    return value.to_bytes(32, "big")


def point_bytes(point):
    return b"\x04" + bytes32(point[0]) + bytes32(point[1])


def point_of(kind, key):
    """None for what is not 04, x, y of a point of the curve."""
    if len(key) != 65 or key[0] != 4:
        return None
    point = number(key[1:33]), number(key[33:])
    return point if CURVES[kind].has(point) else None


def digest_of(kind, key, message):
    """What the kinds on these curves sign."""
    if kind != "SM2":
        return hashlib.sha256(message).digest()
    curve = CURVES["SM2"]
    parts = b"\x00\x80" + b"1234567812345678" + bytes32(curve.a) + bytes32(curve.b)
    z = SM3(parts + bytes32(curve.base[0]) + bytes32(curve.base[1]) + key[1:]).digest()
    return SM3(z + message).digest()


def ec_verify(kind, key, message, signature):
    curve, point = CURVES[kind], point_of(kind, key)
    r, s = number(signature[:32]), number(signature[32:])
    n = curve.n
    if point is None or not 0 < r < n or not 0 < s < n:
        return False
    e = number(digest_of(kind, key, message))
    if kind == "SM2":
        t = (r + s) % n
        result = curve.add(curve.times(s, curve.base), curve.times(t, point))
        return t != 0 and result is not None and (e + result[0]) % n == r
    if s > n // 2:
        return False
    w = pow(s, -1, n)
    result = curve.add(curve.times(e * w % n, curve.base), curve.times(r * w % n, point))
    return result is not None and result[0] % n == r


def nonces(kind, private, e):
    """RFC 6979, 3.2; with SM3 for SM2."""
    md = SM3 if kind == "SM2" else hashlib.sha256

    def mac(key, data):
        return hmac.new(key, data, md).digest()

    k, v, both = bytes(32), b"\x01" * 32, private + bytes32(e)
    for step in (b"\x00", b"\x01"):
        k = mac(k, v + step + both)
        v = mac(k, v)
    while True:
        v = mac(k, v)
        yield number(v)
        k = mac(k, v + b"\x00")
        v = mac(k, v)


def ec_public(kind, private):
    return point_bytes(CURVES[kind].times(number(private), CURVES[kind].base))


def ec_sign(kind, private, message):
    curve, d = CURVES[kind], number(private)
    n = curve.n
    e = number(digest_of(kind, ec_public(kind, private), message)) % n
    for k in nonces(kind, private, e):
        if not 0 < k < n:
            continue
        x = curve.times(k, curve.base)[0]
        if kind == "SM2":
            r = (e + x) % n
            s = (k - r * d) * pow(1 + d, -1, n) % n
            if r + k == n:
                continue
        else:
            r = x % n
            s = (e + r * d) * pow(k, -1, n) % n
            s = min(s, n - s)
        if r and s:
            return bytes32(r) + bytes32(s)


# ---- Ed25519 (RFC 8032, 5.1), affine ----

ED_P = 2**255 - 19
ED_L = 2**252 + 27742317777372353535851937790883648493
ED_D = -121665 * pow(121666, -1, ED_P) % ED_P
ED_BASE = (15112221349535400772501151409588531511454012693041857206046113283949847762202,
           46316835694926478169428394003475163141307993866256225615783033603165251855960)


def ed_add(one, two):
    x1, y1, x2, y2 = *one, *two
    cross = ED_D * x1 * x2 * y1 * y2 % ED_P
    return ((x1 * y2 + x2 * y1) * pow(1 + cross, -1, ED_P) % ED_P,
            (y1 * y2 + x1 * x2) * pow(1 - cross, -1, ED_P) % ED_P)


def ed_times(k, point):
    result = (0, 1)
    while k:
        if k & 1:
            result = ed_add(result, point)
        point = ed_add(point, point)
        k >>= 1
    return result


def ed_bytes(point):
    return (point[1] | (point[0] & 1) << 255).to_bytes(32, "little")


def ed_point(data):
    """None for what is no point, or not in its one form."""
    value = int.from_bytes(data, "little")
    sign, y = value >> 255, value & (1 << 255) - 1
    if len(data) != 32 or y >= ED_P:
        return None
    square = (y * y - 1) * pow(ED_D * y * y + 1, -1, ED_P) % ED_P
    x = pow(square, (ED_P + 3) // 8, ED_P)
    if x * x % ED_P != square:
        x = x * pow(2, (ED_P - 1) // 4, ED_P) % ED_P
    if x * x % ED_P != square or (x == 0 and sign):
        return None
    return (x if x & 1 == sign else ED_P - x), y


def ed_key_valid(key):
    """A point of the group of prime order, other than its neutral element."""
    point = ed_point(key)
    return point is not None and point != (0, 1) and ed_times(ED_L, point) == (0, 1)


def ed_hash(*parts):
    return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little") % ED_L


def ed_scalar(seed):
    digest = bytearray(hashlib.sha512(seed).digest())
    digest[0] &= 248
    digest[31] = digest[31] & 127 | 64
    return int.from_bytes(digest[:32], "little"), bytes(digest[32:])


def ed_public(seed):
    return ed_bytes(ed_times(ed_scalar(seed)[0], ED_BASE))


def ed_sign(seed, message):
    a, prefix = ed_scalar(seed)
    key = ed_public(seed)
    r = ed_hash(prefix, message)
    big_r = ed_bytes(ed_times(r, ED_BASE))
    return big_r + ((r + ed_hash(big_r, key, message) * a) % ED_L).to_bytes(32, "little")


def ed_verify(key, message, signature):
    """Key and R are in the group of prime order, so the cofactor does not matter."""
    s = int.from_bytes(signature[32:], "little")
    if s >= ED_L or not ed_key_valid(key) or not ed_key_valid(signature[:32]):
        return False
    h = ed_hash(signature[:32], key, message)
    return ed_times(s, ED_BASE) == ed_add(ed_point(signature[:32]), ed_times(h, ed_point(key)))


# ---- all kinds ----

def key_valid(kind, key):
    return ed_key_valid(key) if kind == "ED25519" else point_of(kind, key) is not None


def public_of(kind, private):
    return ed_public(private) if kind == "ED25519" else ec_public(kind, private)


def sign(kind, private, message):
    return ed_sign(private, message) if kind == "ED25519" else ec_sign(kind, private, message)


def verify(kind, key, message, signature):
    if len(signature) != 64:
        return False
    if kind == "ED25519":
        return ed_verify(key, message, signature)
    return ec_verify(kind, key, message, signature)


# ---- what is signed ----

def statement(parts):
    """Own form. Names are ASCII and numbers integers: sorted keys are RFC 8785 already."""
    members = dict(parts, v=1)
    return json.dumps(members, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def field(tag, data):
    return forms.varint(tag << 3 | 2) + forms.varint(len(data)) + data


def optional(tag, value):
    if isinstance(value, int):
        return forms.varint(tag << 3) + forms.varint(value) if value else b""
    return field(tag, value) if value else b""


def tx_request(parts):
    """Foreign form."""
    out = optional(1, 1) + optional(2, parts["ledgerId"].encode())
    out += optional(3, parts["clientToken"].encode()) + optional(4, parts["timestamp"])
    out += optional(5, parts["nonce"])
    out += b"".join(field(6, clue.encode()) for clue in parts["clues"])
    out += optional(7, bytes.fromhex(parts.get("annotation", "")))
    for sender in parts["senders"]:
        out += field(8, optional(1, sender["memberId"].encode()) +
                     optional(2, bytes.fromhex(sender["publicKey"])) +
                     optional(3, sender["type"]))
    if "custom" in parts:
        return out + field(100, parts["custom"].encode())
    number_of = {"kvGet": 200, "kvSet": 201, "kvDel": 202}[parts["operation"]]
    return out + field(number_of, optional(1, parts["key"].encode()) +
                       optional(2, parts.get("value", "").encode()))


# ---- comparing ----

def hexes(line, *names):
    return [bytes.fromhex(line[name]) for name in names]


def check_signed(line):
    private, public, message, signature = hexes(line, "private", "public", "message", "signature")
    kind = line["type"]
    yield "public key", public_of(kind, private).hex(), line["public"]
    if line["ours"]:
        yield "signature", sign(kind, private, message).hex(), line["signature"]
    yield "verifies", verify(kind, public, message, signature), True
    yield "with another message", verify(kind, public, message + b".", signature), False
    if "digest" in line:
        yield "digest", digest_of(kind, public, message).hex(), line["digest"]


def main():
    directory = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(directory, "signatures.json"), encoding="utf-8") as file:
        golden = json.load(file)
    checker = forms.Checker()
    checker.group("SM3 of abc", [("hash", SM3(b"abc").digest().hex(),
                                  "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0")])
    for line in golden["signed"]:
        checker.group("%s: %s" % (line["type"], line["what"]), check_signed(line))
    checker.group("edges of verifying", [
        ("%s: %s" % (line["type"], line["what"]),
         verify(line["type"], *hexes(line, "public", "message", "signature")), line["valid"])
        for line in golden["edges"]])
    checker.group("public keys", [
        ("%s: %s" % (line["type"], line["what"]),
         key_valid(line["type"], bytes.fromhex(line["public"])), line["valid"])
        for line in golden["keys"]])
    checker.group("statements", [(line["what"], statement(line["parts"]).decode(), line["bytes"])
                                 for line in golden["statements"]])
    checker.group("requests of the light client", [
        (line["what"], tx_request(line["parts"]).hex(), line["bytes"])
        for line in golden["requests"]])
    print("1..%d" % checker.run)
    return 1 if checker.failed or checker.run == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
