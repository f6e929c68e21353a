#!/usr/bin/env python3
"""An auditor's second opinion on the stored forms of Tallystick, from doc/formats.md alone.

Recomputes, with nothing but the standard library, every leaf, hash, record, slot, block, tile and
keyed digest of the golden files from their inputs, and compares. No code is shared with the
program: what both agree on is what the document says. Prints one line for each comparison group.

usage: verify.py [directory of the golden files]
"""
import base64
import hashlib
import json
import os
import struct
import sys

TYPES = {
    "CUSTOM": 1, "CREATE_LEDGER": 2, "UPDATE_LEDGER": 3, "DELETE_LEDGER": 4, "CREATE_MEMBER": 5,
    "DELETE_MEMBER": 6, "UPDATE_MEMBER_KEY": 7, "UPDATE_MEMBER_PERMISSIONS": 8,
    "ENABLE_MEMBER": 9, "DISABLE_MEMBER": 10, "SET_TRUST_POINT": 11, "CREATE_TIMEANCHOR": 12,
    "KV_SET": 13, "KV_DELETE": 14, "STATE_ROOT": 15, "OCCULT": 16, "PURGE": 17, "DATASHARE": 18,
    "INVITE_MEMBERS": 19,
    "CREATE_STORE": 64, "CREATE_ACCOUNT": 65, "CREATE_KEY": 66, "ENABLE_KEY": 67,
    "DISABLE_KEY": 68, "DELETE_KEY": 69, "ADD_LEDGER": 70, "SET_ACCOUNT_POLICY": 71, "JOIN_LEDGER": 72,
    "ADD_ORG": 80, "REMOVE_ORG": 81, "ADD_CHANNEL": 82, "REMOVE_CHANNEL": 83,
}


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def varint(number):
    out = b""
    while number >= 0x80:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def short(text):
    raw = text.encode()
    return bytes([len(raw)]) + raw


# ---- one journal ----

def payload_of(journal):
    if "payload" in journal:
        return journal["payload"].encode()
    if "payloadBase64" in journal:
        return base64.b64decode(journal["payloadBase64"], validate=True)
    return None


def hashes_of(journal):
    """payloadHash and evidenceHash, None where there is nothing to hash."""
    payload, evidence = payload_of(journal), journal.get("evidence")
    return (None if payload is None else sha256(bytes.fromhex(journal["salt"]), payload),
            None if evidence is None else sha256(b"tallystick evidence v1\n",
                                                 bytes.fromhex(journal["evidenceSalt"]),
                                                 evidence.encode()))


def leaf_of(ledger_id, journal):
    """The canonical JSON. All names are ASCII and numbers are small integers, so sorted keys
    without white space are RFC 8785 already."""
    payload_hash, evidence_hash = hashes_of(journal)
    leaf = {"v": 1, "ledgerId": ledger_id, "journalId": journal["journalId"],
            "timestamp": journal["timestamp"], "payloadType": journal["type"]}
    if payload_hash is not None:
        leaf["payloadHash"] = payload_hash.hex()
        leaf["payloadSize"] = len(payload_of(journal))
    if evidence_hash is not None:
        leaf["evidenceHash"] = evidence_hash.hex()
    if journal.get("memberId"):
        leaf["memberId"] = journal["memberId"]
    if journal.get("clues"):
        leaf["clues"] = journal["clues"]
    if "data" in journal:
        leaf["data"] = journal["data"]
    return json.dumps(leaf, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def record_of(journal):
    payload_hash, evidence_hash = hashes_of(journal)
    flags = (payload_hash is not None) | (evidence_hash is not None) << 1 | ("data" in journal) << 2
    out = bytes([1, TYPES[journal["type"]], flags])
    if payload_hash is not None:
        out += payload_hash + varint(len(payload_of(journal)))
    if evidence_hash is not None:
        out += evidence_hash
    out += short(journal.get("memberId", ""))
    clues = journal.get("clues", [])
    out += bytes([len(clues)]) + b"".join(short(clue) for clue in clues)
    if "data" not in journal:
        return out
    out += varint(len(journal["data"]))
    for name in sorted(journal["data"]):
        value = journal["data"][name]
        out += short(name)
        if isinstance(value, str):
            out += b"\x01" + varint(len(value.encode())) + value.encode()
        elif isinstance(value, bool):
            out += b"\x03" + varint(int(value))
        else:
            out += b"\x02" + varint(value)
    return out


def payload_slot_of(journal):
    payload = payload_of(journal)
    if payload is None:
        return b""
    evidence = journal.get("evidence", "").encode()
    out = b"\x01" + bytes.fromhex(journal["salt"]) + varint(len(evidence))
    if evidence:
        out += bytes.fromhex(journal["evidenceSalt"]) + evidence
    return out + payload


def envelope_of(journal):
    envelope = journal.get("envelope", {})
    if not envelope:
        return b""
    flags = ("token" in envelope) | ("nonce" in envelope) << 1 | ("request" in envelope) << 2
    out = bytes([1, flags]) + bytes.fromhex(envelope.get("token", ""))
    if "nonce" in envelope:
        out += bytes.fromhex(envelope["nonce"]) + struct.pack(">Q", envelope["nonceUntil"])
    return out + bytes.fromhex(envelope.get("request", ""))


# ---- trees ----

def leaf_hash(leaf):
    return sha256(b"\x00", leaf)


def node_hash(left, right):
    return sha256(b"\x01", left, right)


def root_of(hashes):
    """RFC 6962 2.1, word for word."""
    if not hashes:
        return sha256(b"")
    if len(hashes) == 1:
        return hashes[0]
    k = 1
    while k * 2 < len(hashes):
        k *= 2
    return node_hash(root_of(hashes[:k]), root_of(hashes[k:]))


def frontier_of(hashes):
    """u64 size, then the roots of the complete subtrees of the 1-bits, the largest first."""
    size, out, at = len(hashes), struct.pack(">Q", len(hashes)), 0
    for level in range(62, -1, -1):
        if size >> level & 1:
            out += root_of(hashes[at:at + (1 << level)])
            at += 1 << level
    return out


def tile_of(hashes):
    """Up to 256 hashes; a full tile has the 128, 64 ... 2 nodes above them behind."""
    out, level = b"".join(hashes), hashes
    if len(hashes) == 256:
        while len(level) > 2:
            level = [node_hash(level[i], level[i + 1]) for i in range(0, len(level), 2)]
            out += b"".join(level)
    return out


# ---- the state tree ----

EMPTY = bytes(32)


def bit_of(path, depth):
    return path[depth // 8] >> 7 - depth % 8 & 1


def state_path(kind, key):
    return sha256(kind.encode(), b":", key.encode())


def state_subtree(leaves, depth=0):
    """{path: value hash} of keys that share the first depth bits."""
    if not leaves:
        return EMPTY
    if len(leaves) == 1:
        (path, value_hash), = leaves.items()
        return sha256(b"\x02", path, value_hash)
    sides = [{p: v for p, v in leaves.items() if bit_of(p, depth) == side} for side in (0, 1)]
    return sha256(b"\x03", state_subtree(sides[0], depth + 1), state_subtree(sides[1], depth + 1))


def state_proof(leaves, path):
    """The encoded proof of a path."""
    siblings = []
    while len(leaves) > 1:
        depth = len(siblings)
        siblings.append(state_subtree({p: v for p, v in leaves.items()
                                       if bit_of(p, depth) != bit_of(path, depth)}, depth + 1))
        leaves = {p: v for p, v in leaves.items() if bit_of(p, depth) == bit_of(path, depth)}
    end = 0 if path in leaves else 2 if leaves else 1
    bits = "".join("0" if sibling == EMPTY else "1" for sibling in siblings)
    bits += "0" * (-len(bits) % 8)
    present = bytes(int(bits[i:i + 8], 2) for i in range(0, len(bits), 8))
    other = [part for leaf in leaves.items() for part in leaf] if end == 2 else []
    return b"".join([bytes([1, end, len(siblings)]), present,
                     *[sibling for sibling in siblings if sibling != EMPTY], *other])


def state_value(key):
    if key["kind"] == "clue":
        hashes = [bytes.fromhex(text) for text in key["journalHashes"]]
        value = {"count": len(hashes), "root": root_of(hashes).hex()}
    elif key["kind"] == "kv":
        value = {"journalHash": key["journalHash"], "journalId": key["journalId"]}
    else:
        value = {"journalId": key["journalId"], "recordHash": sha256(key["record"].encode()).hex()}
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


# ---- blocks ----

def block_of(golden, block, previous, root):
    journals = golden["journals"][block["first"]:block["first"] + block["count"]]
    table = body = b""
    for journal in journals:
        record, payload, envelope = record_of(journal), payload_slot_of(journal), envelope_of(journal)
        table += struct.pack(">IHHIIII", len(body), len(record), len(envelope), len(payload),
                             crc32c(record), crc32c(payload), crc32c(envelope))
        body += record + payload + envelope
    header = struct.pack(">4sHHIIQQQQ32s32s32s16sQ20x", b"TLYB", 1, 192, 24, len(journals),
                         int(golden["ledgerId"][2:18], 16), block["number"], block["first"],
                         block["timestamp"], previous, root, golden["ledgerId"].encode(),
                         bytes.fromhex(golden["storeId"]), len(body))
    header += struct.pack(">I", crc32c(header))
    return header, table + body


# ---- keyed digests ----

def keyed(key, message, size):
    return hashlib.blake2b(message, key=key, digest_size=size).digest()


def token_digest(key, ledger_id, account, token):
    return keyed(key, b"token\n" + varint(len(ledger_id)) + ledger_id.encode() +
                 struct.pack(">Q", account) + token.encode(), 16)


def request_digest(ledger_id, request):
    def sized(raw):
        return struct.pack(">Q", len(raw)) + raw
    return sha256(b"tallystick append v1\n", sized(ledger_id.encode()), sized(b"CUSTOM"),
                  sized(request["clientId"].encode()), struct.pack(">Q", len(request["clues"])),
                  *[sized(clue.encode()) for clue in request["clues"]],
                  sized(request["payload"].encode()))


def member_id(ledger_id, account):
    return "m-" + sha256(b"tallystick member v1\n", ledger_id.encode(),
                         struct.pack(">Q", account)).hex()[:26]


# ---- comparing ----

class Checker:
    def __init__(self):
        self.run = self.failed = 0

    def group(self, name, pairs):
        bad = ["%s is %r, not %r" % (what, got, want) for what, got, want in pairs if got != want]
        self.run += 1
        self.failed += bool(bad)
        print("not ok - %s: %s" % (name, bad[0]) if bad else "ok - %s" % name)


def check_journal(golden, journal):
    payload_hash, evidence_hash = hashes_of(journal)
    leaf = leaf_of(golden["ledgerId"], journal)
    yield "leaf", leaf, journal["leaf"].encode()
    yield "journalHash", leaf_hash(leaf).hex(), journal["journalHash"]
    yield "payloadHash", payload_hash and payload_hash.hex(), journal.get("payloadHash")
    yield "evidenceHash", evidence_hash and evidence_hash.hex(), journal.get("evidenceHash")
    yield "record", record_of(journal).hex(), journal["record"]
    yield "payload slot", payload_slot_of(journal).hex(), journal["payloadSlot"]
    yield "envelope", envelope_of(journal).hex(), journal["envelopeSlot"]


def check_block(golden, block, previous, hashes):
    header, rest = block_of(golden, block, previous, root_of(hashes[:block["first"] + block["count"]]))
    yield "root", root_of(hashes[:block["first"] + block["count"]]).hex(), block["root"]
    yield "header", header.hex(), block["header"]
    yield "hash", sha256(header).hex(), block["hash"]
    yield "size", len(header) + len(rest), block["size"]


def text_block(path):
    """Hex of a decoded block: what stands before # on each line."""
    with open(path, encoding="utf-8") as file:
        return bytes.fromhex("".join(line.split("#")[0] for line in file))


def check_leaves(checker, directory):
    with open(os.path.join(directory, "leaf.json"), encoding="utf-8") as file:
        golden = json.load(file)
    hashes = [leaf_hash(leaf_of(golden["ledgerId"], journal)) for journal in golden["journals"]]
    for journal in golden["journals"]:
        checker.group("journal %d, %s" % (journal["journalId"], journal["what"]),
                      check_journal(golden, journal))
    previous = bytes(32)
    for block in golden["blocks"]:
        checker.group("block %d" % block["number"], check_block(golden, block, previous, hashes))
        header, rest = block_of(golden, block, previous,
                                root_of(hashes[:block["first"] + block["count"]]))
        previous = sha256(header)
    checker.group("block.txt is the last block",
                  [("bytes", text_block(os.path.join(directory, "block.txt")).hex(),
                    (header + rest).hex())])
    check_digests(checker, golden["digests"])


def check_digests(checker, digests):
    master = bytes.fromhex(digests["masterKey"])
    digest_key = keyed(master, b"digests", 32)
    pairs = [("digest key", digest_key.hex(), digests["digestKey"]),
             ("seal key", keyed(master, b"seal", 32).hex(), digests["sealKey"]),
             ("member id", member_id(digests["ledgerId"], digests["account"]), digests["memberId"]),
             ("nonce", keyed(digest_key, digests["nonce"].encode(), 16).hex(),
              digests["nonceDigest"]),
             ("token", token_digest(digest_key, digests["ledgerId"], digests["account"],
                                    digests["token"]).hex(), digests["tokenDigest"])]
    request = request_digest(digests["ledgerId"], digests["request"])
    pairs += [("request", request.hex(), digests["requestDigest"]),
              ("keyed request", keyed(digest_key, request, 16).hex(), digests["requestKeyed"])]
    checker.group("keyed digests", pairs)


def check_tree(checker, directory):
    with open(os.path.join(directory, "tree.json"), encoding="utf-8") as file:
        golden = json.load(file)
    hashes = [leaf_hash(b"entry %d" % i) for i in range(256)]
    checker.group("roots", [("of %d" % root["size"], root_of(hashes[:root["size"]]).hex(),
                             root["root"]) for root in golden["roots"]])
    checker.group("frontiers", [("of %d" % f["size"], frontier_of(hashes[:f["size"]]).hex(),
                                 f["frontier"]) for f in golden["frontiers"]])
    full = tile_of(hashes)
    checker.group("tiles", [("partial", tile_of(hashes[:3]).hex(), golden["partialTile"]),
                            ("size of a full one", len(full), 16320),
                            ("SHA-256 of a full one", sha256(full).hex(), golden["fullTileSha256"]),
                            ("its last two nodes", full[-64:].hex(), golden["fullTileEnd"])])


def check_state(checker, directory):
    with open(os.path.join(directory, "state.json"), encoding="utf-8") as file:
        golden = json.load(file)
    leaves, pairs = {}, []
    for key in golden["keys"]:
        path, value = state_path(key["kind"], key["key"]), state_value(key)
        leaves[path] = sha256(value.encode())
        pairs += [("path", path.hex(), key["path"]), ("value", value, key["value"])]
    checker.group("state: keys and values", pairs)
    checker.group("state: root", [("of all", state_subtree(leaves).hex(), golden["root"])])
    checker.group("state: proofs", [
        (proof["key"], state_proof(leaves, state_path(proof["kind"], proof["key"])).hex(),
         proof["proof"]) for proof in golden["proofs"]])
    checker.group("state: shapes", [
        (shape["what"], state_subtree({bytes.fromhex(p): bytes.fromhex(v)
                                       for p, v in shape["leaves"]}).hex(), shape["root"])
        for shape in golden["shapes"]])


def main():
    directory = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__))
    checker = Checker()
    check_leaves(checker, directory)
    check_tree(checker, directory)
    check_state(checker, directory)
    print("1..%d" % checker.run)
    return 1 if checker.failed or checker.run == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
