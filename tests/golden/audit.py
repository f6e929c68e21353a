#!/usr/bin/env python3
"""Audits a dump with Python's standard library alone: doc/formats.md, section 16.

usage: tally dump | audit.py

Checks every block of every ledger: chain, checksums, leaves, roots, payloads and evidence; that each
record gives a leaf of its ledger; and that what is erased may be. No code is shared with the program.
Prints one line for each ledger, or the first thing that is wrong and its line, and then ends with 1.
"""
import base64
import json
import struct
import sys

import verify

NAMES = {number: name for name, number in verify.TYPES.items()}
KEYS = {1: "SECP256K1", 2: "SECP256R1", 3: "SM2", 4: "ED25519"}
SECRETS = ("CREATE_STORE", "CREATE_KEY")
OCCULTED = ("CUSTOM", "KV_SET", "DATASHARE")


class Wrong(Exception):
    pass


def need(condition, what):
    if not condition:
        raise Wrong(what)


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, size):
        need(size <= len(self.data) - self.at, "it ends too early")
        self.at += size
        return self.data[self.at - size:self.at]

    def u8(self):
        return self.take(1)[0]

    def varint(self):
        number = shift = 0
        while True:
            byte = self.u8()
            number |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                need(byte != 0 or shift == 7, "a number in a longer form than needed")
                return number

    def short(self):
        return self.take(self.u8()).decode()

    def rest(self):
        return self.take(len(self.data) - self.at)


def read_data(reader):
    data = {}
    for _ in range(reader.varint()):
        name, kind = reader.short(), reader.u8()
        need(kind in (1, 2, 3), "a member of data of kind %d" % kind)
        need(not data or name > max(data), "data out of order")
        if kind == 1:
            data[name] = reader.take(reader.varint()).decode()
        else:
            data[name] = bool(reader.varint()) if kind == 3 else reader.varint()
    return data


def read_signatures(reader):
    nonce, signatures = reader.short(), []
    for _ in range(reader.u8()):
        member, kind = reader.short(), KEYS[reader.u8()]
        key = reader.take(reader.u8()).hex()
        signatures.append({"key": key, "memberId": member, "sig": reader.take(64).hex(), "type": kind})
    need(nonce and signatures, "a record that is signed by nobody")
    return nonce, signatures


def read_record(raw):
    """The members of the leaf that the record holds."""
    reader, leaf = Reader(raw), {"v": 1}
    need(reader.u8() == 1, "record version")
    leaf["payloadType"], flags = NAMES[reader.u8()], reader.u8()
    need(flags < 16, "flags of the record")
    if flags & 1:
        leaf["payloadHash"], leaf["payloadSize"] = reader.take(32).hex(), reader.varint()
    if flags & 2:
        leaf["evidenceHash"] = reader.take(32).hex()
    member = reader.short()
    clues = [reader.short() for _ in range(reader.u8())]
    if member:
        leaf["memberId"] = member
    if clues:
        leaf["clues"] = clues
    if flags & 4:
        leaf["data"] = read_data(reader)
    if flags & 8:
        leaf["nonce"], leaf["signatures"] = read_signatures(reader)
    need(reader.rest() == b"", "bytes behind the record")
    return leaf


def check_payload(leaf, slot):
    if "payloadHash" not in leaf:
        need(slot == b"", "a payload without a hash")
        return
    reader = Reader(slot)
    need(reader.u8() == 1, "payload slot version")
    salt, size, evidence = reader.take(16), reader.varint(), None
    if size:
        evidence = verify.sha256(b"tallystick evidence v1\n", reader.take(16), reader.take(size)).hex()
    payload = reader.rest()
    need(len(payload) == leaf["payloadSize"], "payloadSize")
    need(verify.sha256(salt, payload).hex() == leaf["payloadHash"], "payloadHash")
    need(evidence == leaf.get("evidenceHash"), "evidenceHash")


class Frontier:
    """The tree cut down to what appending needs."""

    def __init__(self):
        self.size, self.level = 0, {}

    def append(self, node):
        self.size, level = self.size + 1, 0
        while level in self.level:
            node, level = verify.node_hash(self.level.pop(level), node), level + 1
        self.level[level] = node

    def root(self):
        node = None
        for level in sorted(self.level):
            node = self.level[level] if node is None else verify.node_hash(self.level[level], node)
        return verify.sha256(b"") if node is None else node


class Ledger:
    def __init__(self, space):
        self.space, self.blocks, self.time, self.last = space, 0, 0, bytes(32)
        self.name, self.tree, self.deleted = None, Frontier(), False
        self.erased, self.keys = {}, {}		# of the system ledger: journals of keys
        self.values, self.purged = {}, 0		# the KV_SET in force of each key; a purge's point

    def block(self, block):
        need(len(block) >= 192, "a block is shorter than its header")
        (magic, version, head, entry, count, space, number, first, time, last, root, name, self.store,
         body, zeros, crc) = struct.unpack(">4sHHIIQQQQ32s32s32s16sQ20sI", block[:192])
        need((magic, version, head, entry) == (b"TLYB", 1, 192, 24), "the begin of the header")
        need(crc == verify.crc32c(block[:188]), "checksum of the header")
        need((space, number, first, last) == (self.space, self.blocks, self.tree.size, self.last),
             "it does not follow the block before")
        need(count > 0 and time >= self.time and zeros == bytes(20), "count, time or zeros")
        need(len(block) == 192 + 24 * count + body, "size of the block")
        name = name.rstrip(b"\0").decode()
        need(self.name in (None, name), "the name changed")
        self.name, self.time = name, time
        for i in range(count):
            self.journal(block, count, i, time)
        need(root == self.tree.root(), "the root is not that of the journals")
        self.last, self.blocks = verify.sha256(block[:192]), self.blocks + 1

    def journal(self, block, count, i, time):
        at = 192 + 24 * i
        place, record_size, envelope_size, payload_size, *crcs = struct.unpack(">IHHIIII",
                                                                               block[at:at + 24])
        item = Reader(block[192 + 24 * count + place:])
        record, payload, envelope = (item.take(size) for size in (record_size, payload_size,
                                                                  envelope_size))
        need(verify.crc32c(record) == crcs[0], "checksum of a record")
        need(verify.crc32c(envelope) == crcs[2], "checksum of an envelope")
        leaf = read_record(record)
        leaf.update(ledgerId=self.name, journalId=self.tree.size, timestamp=time)
        if payload and payload == bytes(payload_size) and verify.crc32c(payload) != crcs[1]:
            self.erased[leaf["journalId"]] = leaf
        else:
            need(verify.crc32c(payload) == crcs[1], "checksum of a payload")
            check_payload(leaf, payload)
        self.story(leaf)
        text = json.dumps(leaf, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        need(len(text) <= 65535, "a leaf is too long")
        self.tree.append(verify.leaf_hash(text))

    def story(self, leaf):
        """What may follow what."""
        kind, first = leaf["payloadType"], leaf["journalId"] == 0
        need(not self.deleted, "a journal behind DELETE_LEDGER")
        need(first == (kind in ("CREATE_LEDGER", "CREATE_STORE")), "the first journal")
        need(first is False or self.space == 0 or int(self.name[2:18], 16) == self.space,
             "the LedgerId is not of this space")
        self.deleted = kind == "DELETE_LEDGER"
        if kind == "CREATE_LEDGER":
            data = leaf["data"]
            need(leaf["memberId"] == verify.member_id(self.name, data["ownerAccount"]),
                 "the owner's MemberId")
            need(data["origin"].endswith("/" + self.name), "origin")
        elif kind == "CREATE_KEY":
            self.keys[leaf["data"]["keyId"]] = leaf["journalId"]
        elif kind == "DELETE_KEY":
            created = self.keys.pop(leaf["data"]["keyId"])
            need(leaf["data"]["journal"] == created, "DELETE_KEY names another journal")
            self.erased.pop(created, None)
        elif kind in ("KV_SET", "KV_DELETE"):
            self.values[leaf["data"]["key"]] = leaf["journalId"]
        elif kind in ("OCCULT", "PURGE") and not leaf["data"].get("erased"):
            self.removal(leaf)

    def removal(self, leaf):
        """An order to erase: what it reaches may be zero. A purge leaves values in force."""
        if leaf["payloadType"] == "OCCULT":
            named = leaf["data"]["journalId"]
            need(named < leaf["journalId"], "OCCULT names a later journal")
            if self.erased.get(named, {}).get("payloadType") in OCCULTED:
                del self.erased[named]
            return
        need(self.purged < leaf["data"]["before"] <= leaf["journalId"], "the point of a PURGE")
        self.purged = leaf["data"]["before"]
        kept = set(self.values.values())
        self.erased = {number: erased for number, erased in self.erased.items()
                       if number >= self.purged or erased["payloadType"] in SECRETS or
                       (erased["payloadType"] == "KV_SET" and number in kept)}

    def end(self):
        need(not self.erased, "journals %s are erased, and no journal says so" % sorted(self.erased))


def audit(lines):
    ledgers, line = {}, 0
    try:
        for line, text in enumerate(lines, 1):
            given = json.loads(text)
            ledger = ledgers.setdefault(given["space"], Ledger(given["space"]))
            block = base64.b64decode(given["data"], validate=True)
            need(len(block) == given["size"] and given["block"] == ledger.blocks, "the line itself")
            ledger.block(block)
            need(ledger.name == given["ledgerId"], "ledgerId of the line")
            need(ledger.store == ledgers[0].store, "another store's id")
        need(ledgers, "the dump is empty")
        for ledger in ledgers.values():
            ledger.end()
    except (Wrong, KeyError, ValueError) as wrong:
        print("line %d: %s" % (line, wrong))
        return 1
    for ledger in ledgers.values():
        print("%s: %d blocks, %d journals, root %s" % (ledger.name, ledger.blocks, ledger.tree.size,
                                                      ledger.tree.root().hex()))
    return 0


if __name__ == "__main__":
    sys.exit(audit(sys.stdin))
