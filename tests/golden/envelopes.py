#!/usr/bin/env python3
"""tests/golden/envelopes.json, recomputed from doc/formats.md, section 26, with nothing of ours: P-256, HKDF
and AES-256-GCM written out here.

    envelopes.py DIR          compares; exit status 1 where something differs
    envelopes.py DIR --write  makes the file"""

import hashlib
import hmac
import json
import sys

# ---- P-256 ----
P = 2**256 - 2**224 + 2**192 + 2**96 - 1
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
G = (0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
     0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5)


def add(p, q):
    if p is None or q is None:
        return p or q
    if p[0] == q[0]:
        if (p[1] + q[1]) % P == 0:
            return None
        slope = (3 * p[0] * p[0] - 3) * pow(2 * p[1], -1, P)
    else:
        slope = (q[1] - p[1]) * pow(q[0] - p[0], -1, P)
    x = (slope * slope - p[0] - q[0]) % P
    return x, (slope * (p[0] - x) - p[1]) % P


def times(k, p):
    out = None
    while k:
        out = add(out, p) if k & 1 else out
        p, k = add(p, p), k >> 1
    return out


def octets(p):
    return b"\x04" + p[0].to_bytes(32, "big") + p[1].to_bytes(32, "big")


def point(raw):
    x, y = int.from_bytes(raw[1:33], "big"), int.from_bytes(raw[33:], "big")
    assert raw[0] == 4 and (y * y - x * x * x + 3 * x - B) % P == 0
    return x, y


# ---- HKDF, RFC 5869 ----
def hkdf(secret, salt, info):
    prk = hmac.new(salt, secret, hashlib.sha256).digest()
    return hmac.new(prk, info + b"\x01", hashlib.sha256).digest()


# ---- AES-256-GCM, FIPS 197 and SP 800-38D ----
def sbox_table():
    table, p, q = [0x63] * 256, 1, 1
    while True:
        p ^= (p << 1) ^ (0x11B if p & 0x80 else 0)
        p &= 0xFF
        for shift in (1, 2, 4):
            q ^= q << shift
        q &= 0xFF
        q ^= 0x09 if q & 0x80 else 0
        x = q
        for turn in (1, 2, 3, 4):
            x ^= (q << turn | q >> (8 - turn)) & 0xFF
        table[p] = x ^ 0x63
        if p == 1:
            return table


SBOX = sbox_table()


def double(x):
    return (x << 1 ^ (0x11B if x & 0x80 else 0)) & 0xFF


def expand(key):
    words, rcon = [key[i:i + 4] for i in range(0, 32, 4)], 1
    for i in range(8, 60):
        word = words[-1]
        if i % 8 == 0:
            word = bytes([SBOX[word[1]] ^ rcon, SBOX[word[2]], SBOX[word[3]], SBOX[word[0]]])
            rcon = double(rcon)
        elif i % 8 == 4:
            word = bytes(SBOX[b] for b in word)
        words.append(bytes(a ^ b for a, b in zip(words[i - 8], word)))
    return [b"".join(words[i:i + 4]) for i in range(0, 60, 4)]


def aes(keys, block):
    state = bytes(a ^ b for a, b in zip(block, keys[0]))
    for number in range(1, 15):
        state = [SBOX[b] for b in state]
        state = [state[(i + 4 * (i % 4)) % 16] for i in range(16)]
        if number < 14:
            mixed = []
            for c in range(0, 16, 4):
                column = state[c:c + 4]
                every = column[0] ^ column[1] ^ column[2] ^ column[3]
                mixed += [column[i] ^ every ^ double(column[i] ^ column[(i + 1) % 4])
                          for i in range(4)]
            state = mixed
        state = bytes(a ^ b for a, b in zip(state, keys[number]))
    return state


def gmul(x, y):
    z = 0
    for bit in range(127, -1, -1):
        if x >> bit & 1:
            z ^= y
        y = y >> 1 ^ (0xE1 << 120 if y & 1 else 0)
    return z


def gcm(key, nonce, aad, plain):
    keys = expand(key)
    h = int.from_bytes(aes(keys, bytes(16)), "big")
    out = b""
    for i in range(0, len(plain), 16):
        stream = aes(keys, nonce + (2 + i // 16).to_bytes(4, "big"))
        out += bytes(a ^ b for a, b in zip(plain[i:i + 16], stream))
    y = 0
    for part in (aad, out):
        for i in range(0, len(part), 16):
            y = gmul(y ^ int.from_bytes(part[i:i + 16].ljust(16, b"\0"), "big"), h)
    y = gmul(y ^ (len(aad) * 8 << 64 | len(out) * 8), h)
    tag = y ^ int.from_bytes(aes(keys, nonce + b"\0\0\0\x01"), "big")
    return out + tag.to_bytes(16, "big")


# ---- the envelopes ----
def short(text):
    raw = text.encode()
    return len(raw).to_bytes(2, "big") + raw


def context(parts):
    return b"tallystick share v1\n" + b"".join(short(part) for part in parts)


def data(case):
    nonce = bytes.fromhex(case["nonce"])
    return b"\x01" + nonce + gcm(bytes.fromhex(case["key"]), nonce, context(case["context"]),
                                 bytes.fromhex(case["plain"]))


def wrapped(case):
    ephemeral, nonce = int(case["ephemeral"], 16), bytes.fromhex(case["nonce"])
    shared = times(ephemeral, point(octets(times(int(case["private"], 16), G))))
    sent = octets(times(ephemeral, G))
    key = hkdf(shared[0].to_bytes(32, "big"), sent, context(case["context"]))
    return b"\x01" + sent + nonce + gcm(key, nonce, context(case["context"]),
                                        bytes.fromhex(case["key"]))


CASES = {
    "data": [
        {"key": "00" * 32, "nonce": "00" * 12, "context": [], "plain": ""},
        {"key": "11" * 32, "nonce": "22" * 12, "context": ["data", "mychannel", "did:tally:a", "p1"],
         "plain": "68656c6c6f"},
        {"key": "c3" * 32, "nonce": "0102030405060708090a0b0c",
         "context": ["data", "mychannel", "did:tally:a", "größe"], "plain": "ab" * 100},
    ],
    "wrapped": [
        {"private": "01".rjust(64, "0"), "ephemeral": "02".rjust(64, "0"), "nonce": "00" * 12,
         "context": ["dataset", "mychannel", "did:tally:a", "p1"], "key": "55" * 32},
        {"private": "7f" * 32, "ephemeral": "3a" * 32, "nonce": "0c0b0a090807060504030201",
         "context": ["order", "mychannel", "did:tally:b", "1", "p1"], "key": "a5" * 32},
    ],
}


def main():
    path = sys.argv[1] + "/envelopes.json"
    # NIST's own: AES-256-GCM of 16 zero bytes under zero key and nonce
    assert gcm(bytes(32), bytes(12), b"", bytes(16)).hex() == \
        "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"
    made = {kind: [dict(case, envelope={"data": data, "wrapped": wrapped}[kind](case).hex())
                   for case in CASES[kind]] for kind in CASES}
    if "--write" in sys.argv:
        with open(path, "w") as f:
            json.dump(made, f, indent=1, ensure_ascii=False)
            f.write("\n")
    with open(path) as f:
        same = json.load(f) == made
    print("envelopes.json: %d envelopes %s" % (sum(map(len, made.values())),
                                               "agree" if same else "DIFFER"))
    return not same


if __name__ == "__main__":
    sys.exit(main())
