#!/usr/bin/env python3
"""An auditor with Python's standard library alone: doc/formats.md, section 16, and what it names.

usage: verify_export.py [options] [DUMP]

Reads what `tally dump` wrote (standard input without DUMP) and checks every ledger in it: blocks,
leaves, roots, payloads, evidence, members and their signatures, policies, keys and values, every
STATE_ROOT, time anchors (but for their tokens), erasures. And what somebody kept of a ledger:

  --vkey KEY         verifier key of a log; without one, the key that the ledger names
  --checkpoint FILE  a signed checkpoint
  --proof FILE       a proof file (c2sp.org/tlog-proof)
  --answer FILE      JSON of GetClueProof, or of KvGet or GetMember with a proof; or a state proof file
  --convict ANSWER PROOF   of a journal's proof file (with its leaf) beside what the log says of its clue:
                     did the log leave that journal out? Needs --vkey and no dump

Options may be repeated. No code is shared with the program; signatures are verified by
../golden/signatures.py. Prints a line for each ledger; on the first thing that is wrong, its place, and
ends with 1.
"""
import base64
import binascii
import ipaddress
import json
import os
import re
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden"))
import signatures  # noqa: E402
import verify  # noqa: E402

NAMES = {number: name for name, number in verify.TYPES.items()}
KINDS = {1: "SECP256K1", 2: "SECP256R1", 3: "SM2", 4: "ED25519"}
KEY_SIZES = {"SECP256K1": 65, "SECP256R1": 65, "SM2": 65, "ED25519": 32}
WRITERS, ADMINS, ANYONE = {"WRITER", "ADMIN"}, {"ADMIN"}, {"READER", "WRITER", "ADMIN"}


class Wrong(Exception):
    pass


def need(condition, what):
    if not condition:
        raise Wrong(what)


def canonical(value):
    """RFC 8785 of what occurs: names are ASCII, numbers small integers."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


# ---- CRC-32C by a table: the one of verify.py is made to be read ----

def crc_row(number):
    for _ in range(8):
        number = number >> 1 ^ (0x82F63B78 if number & 1 else 0)
    return number


CRC_TABLE = [crc_row(number) for number in range(256)]


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = CRC_TABLE[(crc ^ byte) & 255] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


# ---- section 5: record, payload slot, evidence, envelope ----

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
                need((byte != 0 or shift == 7) and number < 1 << 64, "a number in no proper form")
                return number

    def short(self):
        return self.take(self.u8())

    def text(self):
        return self.short().decode()

    def left(self):
        return len(self.data) - self.at

    def end(self):
        need(self.left() == 0, "bytes too many")


def read_data(reader):
    data, count = {}, reader.varint()
    need(count <= 16, "data of many members")
    for _ in range(count):
        name, kind = reader.text(), reader.u8()
        need(kind in (1, 2, 3), "a member of data of kind %d" % kind)
        need(not data or name.encode() > max(data).encode(), "data out of order")
        if kind == 1:
            data[name] = reader.take(reader.varint()).decode()
            continue
        number = reader.varint()
        need(number < (2 if kind == 3 else 1 << 53), "a number that is too large")
        data[name] = bool(number) if kind == 3 else number
    return data


def read_signatures(reader):
    found = []
    count = reader.u8()
    need(1 <= count <= 8, "%d signatures" % count)
    for _ in range(count):
        member, kind = reader.text(), reader.u8()
        need(kind in KINDS, "a key of kind %d" % kind)
        found.append({"memberId": member, "type": KINDS[kind], "key": reader.short().hex(),
                      "sig": reader.take(64).hex()})
    members = [one["memberId"] for one in found]
    need(len(set(members)) == len(members), "a member signs it twice")
    return found


def read_record(raw):
    """The members of the leaf that the record holds."""
    reader, leaf = Reader(raw), {"v": 1}
    need(reader.u8() == 1, "record version")
    kind, flags = reader.u8(), reader.u8()
    need(kind in NAMES and flags < 16, "type or flags of the record")
    leaf["payloadType"] = NAMES[kind]
    if flags & 1:
        leaf["payloadHash"], leaf["payloadSize"] = reader.take(32).hex(), reader.varint()
    if flags & 2:
        leaf["evidenceHash"] = reader.take(32).hex()
    member = reader.text()
    clues = [reader.text() for _ in range(reader.u8())]
    need(len(clues) <= 32 and len(set(clues)) == len(clues) and
         all(1 <= len(clue.encode()) <= 128 for clue in clues), "clues")
    if member:
        leaf["memberId"] = member
    if clues:
        leaf["clues"] = clues
    if flags & 4:
        leaf["data"] = read_data(reader)
    if flags & 8:
        leaf["nonce"] = reader.text()
        leaf["signatures"] = read_signatures(reader)
        need(1 <= len(leaf["nonce"]) <= 64 and leaf["nonce"].isprintable(), "the signer's nonce")
    reader.end()
    return leaf


def read_evidence(raw):
    """ClientId, message and signatures; the latter two None where it is plain."""
    if raw[:1] != b"\x01":
        need(len(raw) <= 256, "a long ClientId")
        return raw.decode(), None, None
    reader = Reader(raw)
    reader.u8()
    client, message = reader.take(reader.varint()).decode(), reader.take(reader.varint())
    found = read_signatures(reader)
    reader.end()
    return client, message, found


def read_payload(leaf, slot):
    """Payload and evidence, both None where there is none."""
    if "payloadHash" not in leaf:
        need(slot == b"", "a payload without a hash")
        need("evidenceHash" not in leaf, "evidence without a payload")
        return None, None
    reader = Reader(slot)
    need(reader.u8() == 1, "payload slot version")
    salt, size, evidence, hashed = reader.take(16), reader.varint(), None, None
    if size:
        evidence_salt, evidence = reader.take(16), reader.take(size)
        hashed = verify.sha256(b"tallystick evidence v1\n", evidence_salt, evidence).hex()
    payload = reader.take(reader.left())
    need(len(payload) == leaf["payloadSize"], "payloadSize")
    need(verify.sha256(salt, payload).hex() == leaf["payloadHash"], "payloadHash")
    need(hashed == leaf.get("evidenceHash"), "evidenceHash")
    return payload, evidence


def read_envelope(raw):
    """The digest of what was signed, or None."""
    if not raw:
        return None
    reader = Reader(raw)
    need(reader.u8() == 1, "envelope version")
    flags, signed = reader.u8(), None
    need(0 < flags < 16, "flags of the envelope")
    need(bool(flags & 4) == bool(flags & 3), "a request without token and nonce, or the reverse")
    reader.take(16 * (flags & 1))
    reader.take(24 if flags & 2 else 0)
    reader.take(16 if flags & 4 else 0)
    if flags & 8:
        signed = reader.take(16)
    reader.end()
    return signed


# ---- section 17: what members sign ----

def statement(leaf):
    names = ("clues", "data", "ledgerId", "memberId", "nonce", "payloadHash", "payloadSize",
             "payloadType", "v")
    return canonical({name: leaf[name] for name in names if name in leaf})


TX_FIELDS = {1: 0, 2: 2, 3: 2, 4: 0, 5: 0, 6: 2, 7: 2, 8: 2, 100: 2, 200: 2, 201: 2, 202: 2}


def read_fields(raw, known, repeated=()):
    reader, found = Reader(raw), {}
    while reader.left():
        tag = reader.varint()
        field, wire = tag >> 3, tag & 7
        need(known.get(field) == wire, "field %d of the message" % field)
        value = reader.varint() if wire == 0 else reader.take(reader.varint())
        if field in repeated:
            found.setdefault(field, []).append(value)
        else:
            need(field not in found, "field %d stands twice" % field)
            found[field] = value
    return found


def read_tx(raw):
    found = read_fields(raw, TX_FIELDS, (6, 8))
    need(found.get(1) == 1, "api_version")
    operations = [field for field in found if field >= 100]
    need(len(operations) == 1, "not one operation")
    tx = {"operation": operations[0], "ledgerId": found.get(2, b"").decode(),
          "client": found.get(3, b"").decode(),
          "clues": [clue.decode() for clue in found.get(6, [])],
          "annotation": found.get(7, b""), "key": None, "data": None, "senders": []}
    for raw_sender in found.get(8, []):
        sender = read_fields(raw_sender, {1: 2, 2: 2, 3: 0})
        tx["senders"].append((sender.get(1, b"").decode(), sender.get(2, b"").hex(),
                              sender.get(3, 0)))
    if operations[0] == 100:
        tx["data"] = found[100]
    else:
        known = {1: 2, 2: 2} if operations[0] == 201 else {1: 2}
        inner = read_fields(found[operations[0]], known)
        tx["key"] = inner.get(1, b"").decode()
        tx["data"] = inner.get(2, b"") if operations[0] == 201 else None
    return tx


def check_message(leaf, payload, client, message, found):
    """Does a light client's message say what the journal says?"""
    tx = read_tx(message)
    operation = {"CUSTOM": 100, "KV_SET": 201, "KV_DELETE": 202}.get(leaf["payloadType"])
    need(tx["operation"] == operation and tx["ledgerId"] == leaf["ledgerId"] and
         tx["client"] == client and tx["clues"] == leaf.get("clues", []) and
         tx["annotation"] == b"" and tx["key"] == leaf.get("data", {}).get("key") and
         (operation == 202 or tx["data"] == payload),
         "what was signed is not what the journal says")
    need([sender[0] for sender in tx["senders"]] == [one["memberId"] for one in found] and
         all(sender[1] in ("", one["key"]) and sender[2] == 0
             for sender, one in zip(tx["senders"], found)), "the senders are not those who signed")


def check_shared(leaf, client, message):
    """What a caller of the data-sharing interface signed."""
    data = leaf["data"]
    if "request" not in data:
        need(message == statement(leaf), "what was signed is not the statement")
        return
    need(verify.sha256(message).hex() == data["request"], "another request was signed")
    given = json.loads(message)
    for member, fields in {"orgID": ("organization",), "timestamp": ("timestamp",), "did": ("did",),
                           "provider": ("provider",), "productID": ("product",),
                           "consumer": ("consumer",), "orderSeq": ("order",),
                           "creatorDID": ("creator",), "processID": ("process",),
                           "issuer": ("publisher",), "identifier": ("schema",),
                           "applyer": ("applicant",), "serviceID": ("service",),
                           "orderIndex": ("applicant", "application"),
                           "vcIndex": ("issuer", "sequence")}.items():
        made = data["op"] == "share-dataset-new" and fields[0] in ("creator", "process")
        need(made or not given.get(member) or fields[0] not in data or
             not isinstance(given[member], str) or
             given[member] == "_".join(data.get(field, "") for field in fields),
             "the request that was signed says something else: " + member)


def check_signatures(leaf, message, found):
    need(found[0]["memberId"] == leaf.get("memberId"), "its author did not sign it first")
    for one in found:
        need(signatures.verify(one["type"], bytes.fromhex(one["key"]), message,
                               bytes.fromhex(one["sig"])),
             "the signature of %s" % one["memberId"])


# ---- section 7: the log tree ----

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


def root_of_path(index, size, node, path):
    """RFC 9162, 2.1.3.2; None for a path of another length."""
    if index >= size:
        return None
    last = size - 1
    for sibling in path:
        if last == 0:
            return None
        if index & 1 or index == last:
            node = verify.node_hash(sibling, node)
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            node = verify.node_hash(node, sibling)
        index, last = index >> 1, last >> 1
    return node if last == 0 else None


def read_note(note):
    """Origin, size, root, signed text, and signatures by key id."""
    text, _, lines = note.rpartition(b"\n\n")
    text += b"\n"
    rows = text.decode().split("\n")
    need(len(rows) >= 4 and rows[0] and rows[1] == str(int(rows[1])), "a malformed checkpoint")
    found = {}
    for line in lines.decode().splitlines():
        dash, name, signature = line.split(" ")
        need(dash == "\u2014", "a malformed line of a signature")
        coded, signature = signature, base64.b64decode(signature, validate=True)
        need(base64.b64encode(signature).decode() == coded, "a malformed line of a signature")
        found[name, signature[:4]] = signature[4:]
    return rows[0], int(rows[1]), base64.b64decode(rows[2], validate=True), text, found


def check_note(note, origin_key):
    """origin_key(origin) gives the public key of that log. Origin, size and root."""
    origin, size, root, text, found = read_note(note)
    key = origin_key(origin)
    key_id = verify.sha256(origin.encode(), b"\n\x01", key)[:4]
    need((origin, key_id) in found, "the checkpoint is not signed by the log's key")
    need(signatures.ed_verify(key, text, found[origin, key_id]), "the signature of the checkpoint")
    return origin, size, root


def parse_vkey(text):
    name, key_id, key = text.split("+", 2)
    key = base64.b64decode(key, validate=True)
    need(len(key) == 33 and key[0] == 1, "the key of %s is not Ed25519" % name)
    need(verify.sha256(name.encode(), b"\n", key)[:4].hex() == key_id, "the id of the key")
    return name, key[1:]


# ---- section 18: the state ----

class State:
    def __init__(self):
        self.clues, self.values, self.pending = {}, {}, []

    def change(self, journal, kind, key, value):
        self.pending.append((journal, kind, key, value))

    def forward(self, size):
        while self.pending and self.pending[0][0] < size:
            _, kind, key, value = self.pending.pop(0)
            path = verify.state_path(kind, key)
            if kind == "clue":
                self.clues.setdefault(key, []).append(value)
            elif value is None:
                self.values.pop(path)
            else:
                self.values[path] = verify.sha256(canonical(value))

    def root(self):
        leaves = dict(self.values)
        for clue, hashes in self.clues.items():
            value = {"count": len(hashes), "root": verify.root_of(hashes).hex()}
            leaves[verify.state_path("clue", clue)] = verify.sha256(canonical(value))
        return verify.state_subtree(leaves)


def state_root_of(proof, path, value):
    """The root that a proof leads to, and whether it is of a value."""
    reader = Reader(proof)
    need(reader.u8() == 1, "version of the state proof")
    end, depth = reader.u8(), reader.u8()
    need(end <= 2, "end of the state proof")
    bits = "".join("{:08b}".format(byte) for byte in reader.take((depth + 7) // 8))
    need("1" not in bits[depth:] and (depth == 0 or bits[depth - 1] == "1"), "map of the state proof")
    siblings = [reader.take(32) if bit == "1" else verify.EMPTY for bit in bits[:depth]]
    need(all(sibling != verify.EMPTY for sibling, bit in zip(siblings, bits) if bit == "1"),
         "an empty sibling")
    node = verify.EMPTY
    if end == 0:
        need(value is not None, "a value, where none was given")
        node = verify.sha256(b"\x02", path, verify.sha256(value))
    elif end == 2:
        other = reader.take(32)
        need(other != path and all(verify.bit_of(other, i) == verify.bit_of(path, i)
                                   for i in range(depth)), "another leaf that does not lie there")
        node = verify.sha256(b"\x02", other, reader.take(32))
    reader.end()
    need((end == 0) == (value is not None), "the proof is of something else")
    for i in reversed(range(depth)):
        pair = (siblings[i], node) if verify.bit_of(path, i) else (node, siblings[i])
        node = verify.sha256(b"\x03", *pair)
    return node


# ---- section 16: one ledger ----

class Ledger:
    def __init__(self, space, system):
        self.space, self.system, self.blocks, self.time, self.last = space, system, 0, 0, bytes(32)
        self.name, self.tree, self.deleted, self.journal = None, Frontier(), False, 0
        self.roots, self.leaves = {0: verify.sha256(b"")}, []
        self.members, self.accounts, self.used_keys, self.owner = {}, {}, set(), None
        self.orgs, self.channels = set(), set()
        self.shared, self.whose, self.parties, self.did_keys = {}, {}, {}, {}
        self.invited, self.gone = {}, {}
        self.policy, self.count, self.removal = "accepted", 1, "dual"
        self.origins, self.log_key, self.kv = [], None, {}
        self.signed, self.signed_digests, self.state = set(), set(), State()
        self.state_size, self.state_block, self.state_roots, self.signatures = 0, -1, 0, 0
        self.erased, self.occulted, self.before, self.in_force, self.orders = {}, set(), 0, set(), {}
        self.keys, self.key_journals, self.listed = {}, {}, {}
        self.anchors, self.stamps = [], {}
        self.limits, self.endpoints, self.service_role = {}, {}, False

    # -- blocks --

    def block(self, block):
        need(len(block) >= 192, "a block is shorter than its header")
        (magic, version, head, entry, count, space, number, first, time, last, root, name, store,
         body, zeros, crc) = struct.unpack(">4sHHIIQQQQ32s32s32s16sQ20sI", block[:192])
        need((magic, version, head, entry) == (b"TLYB", 1, 192, 24), "the begin of the header")
        need(crc == crc32c(block[:188]), "checksum of the header")
        need((space, number, first, last) == (self.space, self.blocks, self.tree.size, self.last),
             "it does not follow the block before")
        need(count > 0 and time >= self.time and zeros == bytes(20), "count, time or zeros")
        need(len(block) == 192 + 24 * count + body, "size of the block")
        name = name.rstrip(b"\0").decode()
        if self.name is None:
            self.name, self.store = name, store
            need(name == "system" if space == 0 else name[:2] == "l-" and
                 int(name[2:18], 16) == space, "the LedgerId is not of this space")
        need((name, store) == (self.name, self.store), "the name or the store changed")
        self.time, self.first, place = time, first, 0
        for i in range(count):
            place = self.item(block, count, i, place)
        need(place == body, "bytes behind the last slot")
        need(root == self.tree.root(), "the root is not that of the journals")
        self.roots[self.tree.size] = root
        self.last, self.blocks = verify.sha256(block[:192]), self.blocks + 1

    def item(self, block, count, i, place):
        at, self.journal = 192 + 24 * i, self.tree.size
        where, record_size, envelope_size, payload_size, *crcs = struct.unpack(">IHHIIII",
                                                                               block[at:at + 24])
        need(where == place, "slots with a gap")
        item = Reader(block[192 + 24 * count + place:])
        record, payload, envelope = (item.take(size) for size in (record_size, payload_size,
                                                                  envelope_size))
        need(crc32c(record) == crcs[0], "checksum of the record")
        need(crc32c(envelope) == crcs[2], "checksum of the envelope")
        leaf = read_record(record)
        leaf.update(ledgerId=self.name, journalId=self.journal, timestamp=self.time)
        text = canonical(leaf)
        need(len(text) <= 65535, "a leaf is too long")
        self.hash = verify.leaf_hash(text)
        erased = bool(payload) and payload == bytes(payload_size) and crc32c(payload) != crcs[1]
        need(erased or crc32c(payload) == crcs[1], "checksum of the payload")
        found = self.signed_by(leaf, None if erased else payload, read_envelope(envelope))
        if erased:
            need("payloadHash" in leaf, "a payload without a hash")
            self.erased[self.journal] = leaf
        self.story(leaf, found)
        for clue in leaf.get("clues", []):
            self.state.change(self.journal, "clue", clue, self.hash)
        self.tree.append(self.hash)
        self.leaves.append(text)
        return place + item.at

    # -- signatures --

    def signed_by(self, leaf, slot, digest):
        """Who signed it; None where that cannot be told any more."""
        found, message = leaf.get("signatures", []), None
        if found:
            message = statement(leaf)
            check_signatures(leaf, message, found)
        if slot is not None:
            payload, evidence = read_payload(leaf, slot)
            client, signed, foreign = read_evidence(evidence) if evidence else ("", None, None)
            if signed is not None:
                need(not found, "it is signed in two forms")
                found, message = foreign, signed
                if leaf["payloadType"] == "DATASHARE":
                    check_shared(leaf, client, message)
                else:
                    check_message(leaf, payload, client, message, found)
                check_signatures(leaf, message, found)
        self.signatures += len(found)
        unknown = slot is None and "evidenceHash" in leaf and not found
        need(unknown or (digest is not None) == bool(found), "the digest of what was signed")
        if digest is not None:
            need(digest not in self.signed_digests, "signed for another journal already")
            self.signed_digests.add(digest)
        if message is not None:
            need(message not in self.signed, "signed for another journal already")
            self.signed.add(message)
        return None if unknown else found

    def may(self, member_id, roles, what):
        need(member_id in self.members, "%s was no member" % what)
        need(self.members[member_id]["enabled"], "%s was disabled" % what)
        need(self.members[member_id]["role"] in roles, "%s had no role for that" % what)

    def allowed(self, leaf, found, roles, appends, exempt):
        self.may(leaf.get("memberId"), roles, "its author")
        for one in found or []:
            self.may(one["memberId"], roles, "a signer")
            member = self.members[one["memberId"]]
            need((member.get("keyType"), member.get("key")) == (one["type"], one["key"]),
                 "a signer had another key then")
        if found is None:
            return
        need(not found or exempt or self.policy != "off", "signed, and the ledger takes none")
        need(not appends or self.policy != "required" or len(found) >= max(self.count, 1),
             "fewer signed it than the ledger demands")

    def by_two(self, found):
        ids = {one["memberId"] for one in found or []}
        return self.owner in ids and len(ids) > 1

    # -- the story --

    def story(self, leaf, found):
        kind, data = leaf["payloadType"], leaf.get("data")
        need(not self.deleted, "a journal behind DELETE_LEDGER")
        need((self.journal == 0) == (kind in ("CREATE_LEDGER", "CREATE_STORE")), "the first journal")
        need((data is None) == (kind == "CUSTOM"), "data, or none")
        need(("payloadHash" in leaf) == (kind in ("CUSTOM", "KV_SET", "CREATE_STORE", "CREATE_KEY", "DATASHARE"))
             or kind == "KV_DELETE", "a payload, or none")
        if self.space == 0:
            need("memberId" not in leaf and kind in SYSTEM, "a journal of another ledger: " + kind)
            SYSTEM[kind](self, data)
            return
        need(kind in LEDGER, "a journal that no ledger has: " + kind)
        roles, handler = LEDGER[kind]
        certificate = kind in ("OCCULT", "PURGE") and data.get("erased", False)
        need(("memberId" in leaf) == (kind != "STATE_ROOT" and not certificate), "an author, or none")
        if kind == "CREATE_MEMBER" and "invitation" in data:
            need(found == [], "an invitation is accepted by an account")
        elif kind not in ("CREATE_LEDGER", "DATASHARE") and "memberId" in leaf:
            self.allowed(leaf, found, roles, kind in ("CUSTOM", "KV_SET", "KV_DELETE"),
                         kind in ("OCCULT", "PURGE") or (data and "removal" in data))
        handler(self, leaf, data, found)

    def create_ledger(self, leaf, data, found):
        self.owner = leaf["memberId"]
        need(self.owner == verify.member_id(self.name, data["ownerAccount"]), "the owner's MemberId")
        need(data["ownerRole"] == "ADMIN" and data["ledgerType"] in ("JOURNAL", "KV"),
             "ownerRole or ledgerType")
        self.type, self.log_key = data["ledgerType"], bytes.fromhex(data["logKey"])
        self.name_log(data["origin"])
        self.policies(data)
        self.add_member({"account": data["ownerAccount"], "enabled": True, "memberId": self.owner,
                         "role": "ADMIN"})
        if self.system:
            need(self.system.log_key == self.log_key and
                 data["origin"] == self.system.origins[0][1] + "/" + self.name, "log key or origin")
            need(self.system.listed.get(self.name, data["ownerAccount"]) == data["ownerAccount"],
                 "the owner is not the one that is listed")

    def name_log(self, origin):
        need(origin.endswith("/" + self.name), "the origin")
        self.origins.append((self.journal, origin))

    def origin_of(self, size):
        return [name for journal, name in self.origins if journal < size][-1]

    def policies(self, data):
        self.policy = data.get("signatures", self.policy)
        self.count = data.get("signatureCount", self.count)
        self.removal = data.get("removal", self.removal)
        need(self.policy in ("accepted", "off", "required") and
             self.removal in ("dual", "off", "admin"), "a policy that is none")

    def update_ledger(self, leaf, data, found):
        ranks, before = ["off", "dual", "admin"], self.removal
        if "origin" in data:
            need(data["previousOrigin"] == self.origins[-1][1], "previousOrigin")
            self.name_log(data["origin"])
        self.policies(data)
        need(ranks.index(self.removal) <= ranks.index(before) or self.by_two(found),
             "removal is made easier without two signatures")
        self.access(data)

    def access(self, data):
        """How the ledger is reached, and its limits."""
        for name in ("batchLimit", "clueLimit", "memberLimit", "pageLimit", "payloadLimit"):
            self.limits[name] = data.get(name, self.limits.get(name, 0))
        need(self.limits["clueLimit"] <= 32 and self.limits["pageLimit"] <= 1024, "a limit")
        need(data.get("openAccess", True) in (True, False), "openAccess")
        need(data.get("serviceRole", True) is True, "serviceRole")
        self.service_role = self.service_role or "serviceRole" in data
        if "ipList" in data:
            parts = data["ipList"].split(",")
            networks = [ipaddress.ip_network(part) for part in parts]
            need(parts == [str(net) if net.prefixlen < net.max_prefixlen else str(net.network_address)
                           for net in networks] and len(set(networks)) == len(parts) <= 128,
                 "ipList")
        if "endpoint" in data:
            listener, there = data["endpointListener"], self.endpoints.get(data["endpointListener"])
            need(re.fullmatch(r"[\w-][\w.-]{0,63}/[\w-][\w.-]{0,63}", listener, re.ASCII), "a listener")
            if data.get("endpointDeleted", False):
                need(there == data["endpoint"], "it deletes an endpoint that is not there")
                del self.endpoints[listener]
            else:
                need(there is None, "an endpoint on that listener is there already")
                self.endpoints[listener] = data["endpoint"]

    def within(self, leaf):
        """What is appended, within the limits of its time."""
        payload, clues = self.limits.get("payloadLimit", 0), self.limits.get("clueLimit", 0)
        need(payload == 0 or leaf.get("payloadSize", 0) <= payload, "a payload over the limit")
        need(clues == 0 or len(leaf.get("clues", [])) <= clues, "more clues than the limit")

    def delete_ledger(self, leaf, data, found):
        self.deleted = True

    # -- members --

    def take_key(self, member):
        key = (member["keyType"], member["key"])
        need(len(member["key"]) == 2 * KEY_SIZES.get(member["keyType"], 0), "a malformed key")
        need(key not in self.used_keys, "a key that is or was a member's")
        self.used_keys.add(key)

    def add_member(self, member):
        need(member["memberId"] not in self.members, "it is a member already")
        need("account" in member or "key" in member, "a member with neither account nor key")
        if "account" in member:
            need(member["account"] not in self.accounts, "an account that is a member's already")
            self.accounts[member["account"]] = member["memberId"]
            self.invited.pop(member["account"], None)
        if "key" in member:
            self.take_key(member)
        if member["memberId"] in self.gone:
            account = self.gone.pop(member["memberId"])
            need(account is not None and account == member.get("account"),
                 "a MemberId that was another's")
        self.put_member(member)

    def put_member(self, member):
        need(member["role"] in ANYONE, "a role that is none")
        self.members[member["memberId"]] = member
        self.state.change(self.journal, "member", member["memberId"],
                          {"journalId": self.journal,
                           "recordHash": verify.sha256(canonical(member)).hex()})

    def create_member(self, leaf, data, found):
        need(data["memberId"][:2] == "m-" and len(bytes.fromhex(data["memberId"][2:])) == 13,
             "a malformed MemberId")
        if "invitation" in data:
            need(self.invited.get(data.get("account")) == data["invitation"] and
                 leaf["memberId"] == data["memberId"] and data["role"] == "READER",
                 "an invitation that there is none of")
        names = ("account", "key", "keyType", "memberId", "role")
        self.add_member(dict({name: data[name] for name in names if name in data}, enabled=True))

    def member_key(self, leaf, data, found):
        author = self.members[leaf["memberId"]]
        member = dict(self.members[data["memberId"]], key=data["key"], keyType=data["keyType"])
        need(found or author["memberId"] == member["memberId"] or
             (author["role"] == "ADMIN" and member["memberId"] != self.owner),
             "the key of another member")
        need("kmsKeyId" not in data or self.service_role, "the key store without consent")
        need("kmsKeyId" in data or "kmsKeyVersion" not in data, "a version of no key")
        self.take_key(member)
        self.put_member(member)

    def member_role(self, leaf, data, found):
        need(data["role"] == "ADMIN" or data["memberId"] != self.owner, "the owner stays ADMIN")
        self.put_member(dict(self.members[data["memberId"]], role=data["role"]))

    def invite_members(self, leaf, data, found):
        accounts = [int(text) for text in data["accounts"].split(",")]
        need(",".join(map(str, accounts)) == data["accounts"] and 1 <= len(accounts) <= 100,
             "the accounts that are invited")
        for account in accounts:
            need(account not in self.accounts and account not in self.invited,
                 "an account that is a member's, or invited")
            self.invited[account] = self.journal

    def member_enabled(self, leaf, data, found):
        need(data["memberId"] != self.owner, "the owner stays an enabled ADMIN")
        self.put_member(dict(self.members[data["memberId"]],
                             enabled=leaf["payloadType"] == "ENABLE_MEMBER"))

    def delete_member(self, leaf, data, found):
        need(data["memberId"] != self.owner, "the owner stays an enabled ADMIN")
        member = self.members.pop(data["memberId"])
        self.accounts.pop(member.get("account"), None)
        self.gone[member["memberId"]] = member.get("account")
        self.state.change(self.journal, "member", member["memberId"], None)

    # -- journals, keys and values, the state --

    def custom(self, leaf, data, found):
        need(self.type == "JOURNAL", "a client's journal in a KV ledger")
        self.within(leaf)

    def kv_set(self, leaf, data, found):
        need(self.type == "KV" and 1 <= len(data["key"].encode()) <= 255, "a key")
        self.within(leaf)
        self.kv[data["key"]] = self.journal
        self.state.change(self.journal, "kv", data["key"],
                          {"journalHash": self.hash.hex(), "journalId": self.journal})

    def kv_delete(self, leaf, data, found):
        need(self.type == "KV" and data["key"] in self.kv, "it deletes what has no value")
        del self.kv[data["key"]]
        self.state.change(self.journal, "kv", data["key"], None)

    def state_root(self, leaf, data, found):
        need(set(data) == {"size", "stateRoot"} and self.state_size < data["size"] <= self.first and
             self.state_block != self.blocks, "it does not follow the STATE_ROOT before")
        self.state_size, self.state_block = data["size"], self.blocks
        self.state.forward(self.state_size)
        need(self.state.root().hex() == data["stateRoot"], "its journals make another state root")
        self.state_roots += 1

    def trust_point(self, leaf, data, found):
        need(data["journalId"] < self.journal, "a trust point that was not there yet")

    # -- time --

    def anchor(self, leaf, data, found):
        if "token" not in data:
            need((data["ledgerVersion"], data["ledgerDigest"]) ==
                 (self.journal, self.tree.root().hex()), "the tree of a given anchor")
            return
        size, path = data["ledgerVersion"], base64.b64decode(data["path"], validate=True)
        need(self.roots.get(size, b"").hex() == data["ledgerDigest"], "the tree of an anchor")
        text = "%s\n%d\n%s\n" % (self.origin_of(size), size,
                                 base64.b64encode(self.roots[size]).decode())
        hashes = [path[i:i + 32] for i in range(0, len(path), 32)]
        need(root_of_path(data["index"], data["count"], verify.leaf_hash(text.encode()),
                          hashes) == bytes.fromhex(data["digest"]), "what was stamped")
        if "sequence" in data:
            self.anchors.append((self.journal, data["timeLedger"], data["sequence"], data["digest"],
                                 data["token"]))
        else:
            self.stamps[self.journal] = (data["digest"], data["token"])

    # -- removal, section 21 --

    def remove(self, leaf, data, found):
        kind = leaf["payloadType"]
        number = data["journalId" if kind == "OCCULT" else "before"]
        if data.get("erased", False):
            need(self.orders.pop((kind, data["order"]), None) == number, "a certificate of nothing")
            return
        need(self.removal == "admin" or (self.removal == "dual" and self.by_two(found)),
             "an order that is not allowed")
        self.orders[kind, self.journal] = number
        if kind == "OCCULT":
            need(number < self.journal, "it names a later journal")
            self.occulted.add(number)
        else:
            need(self.before < number <= self.journal, "before")
            self.before, self.in_force = number, set(self.kv.values())

    # -- data sharing, section 25 --

    def share(self, leaf, data, found):
        need(self.type == "JOURNAL", "a KV ledger is no channel")
        self.within(leaf)
        names = {kind: tuple(data.get(field) for field in fields)
                 for kind, fields in SHARED.items() if fields[0] in data}
        state = {kind: self.shared.get((kind, name), "none") for kind, name in names.items()}
        author, rule = leaf["memberId"], None
        for op, who, steps in SHARES:
            if op == data["op"] and state.get(steps[0][0]) in steps[0][1]:
                rule = who, steps
                break
        need(rule, "%s from this state" % data["op"])
        who, steps = rule
        for kind, before, after in steps:
            need(None not in names[kind] and state[kind] in before, "%s of a %s that is %s" %
                 (data["op"], kind, state[kind]))
        may = dict(data, provider=data.get("provider") or self.whose.get(("order", names.get("order"))))
        need(author in [may.get(role) for role in who if role not in ("party", "asked")],
             "it is not for its author")
        if "party" in who:
            need(author in self.parties.get(names["process"], {data["creator"]}), "no party of it")
        if "asked" in who:
            need(self.whose[("application", names["application"])] == author and
                 self.whose[("credential", names["credential"])] == data["applicant"], "not for it")
        if data["op"] == "register-did":
            key = bytes.fromhex(data["key"])
            need(len(key) == 65 and key not in self.did_keys.values(), "a key that has a DID")
            need(re.fullmatch("did:[a-z0-9]{1,24}:" + base58(verify.sha256(key)[:16]), author),
                 "a DID that is not its key's")
            self.did_keys[author] = key
        if found is not None:
            need([(one["memberId"], one["type"], one["key"]) for one in found] ==
                 [(author, "SECP256R1", self.did_keys[author].hex())], "it is not signed by its author")
        need(leaf.get("clues", []) == [share_clue(kind, names[kind]) for kind, _, _ in steps
                                       if kind != "ciphertext"], "its clues")
        for kind, before, after in steps:
            if after is not None:
                self.shared[kind, names[kind]] = after
            if kind in WHOSE and "none" in before:
                self.whose[kind, names[kind]] = data[WHOSE[kind]]
            if kind == "process":
                self.parties.setdefault(names["process"], {data["creator"]}).add(data["consumer"])

    # -- the system ledger --

    def create_store(self, data):
        need(bytes.fromhex(data["storeId"]) == self.store, "storeId")
        self.origins, self.log_key = [(0, data["origin"])], bytes.fromhex(data["logKey"])

    def create_account(self, data):
        need(data["account"] not in self.accounts, "an account that is there")
        self.accounts[data["account"]] = data["name"]

    def create_key(self, data):
        need(data["account"] in self.accounts and data["keyId"] not in self.keys, "a key")
        self.keys[data["keyId"]] = self.journal

    def account_policy(self, data):
        need(data["account"] in self.accounts, "a policy of an account that is not there")

    def change_key(self, data):
        need(self.keys.get(data["keyId"]) == data["journal"], "a key that is not there")

    def delete_key(self, data):
        self.change_key(data)
        self.occulted.add(self.keys.pop(data["keyId"]))

    def add_ledger(self, data):
        need(data["ledgerId"] not in self.listed, "a ledger that is listed")
        self.listed[data["ledgerId"]] = data["account"]

    def join_ledger(self, data):
        need(data["account"] > 0 and len(data["ledgerId"]) == 27, "an account that joins a ledger")

    def take_name(self, data, field, names, add):
        need((data[field] in names) != add and 0 < len(data[field]) <= 64, "a name")
        names.add(data[field]) if add else names.remove(data[field])

    def add_org(self, data):
        need(data["certificate"].startswith("-----BEGIN CERTIFICATE-----"), "a certificate")
        self.take_name(data, "organization", self.orgs, True)

    def add_channel(self, data):
        need(data["ledgerId"].startswith("l-") and len(data["ledgerId"]) == 27, "a ledgerId")
        self.take_name(data, "channel", self.channels, True)

    # -- the end --

    def end(self):
        for journal, leaf in self.erased.items():
            occulted = journal in self.occulted and leaf["payloadType"] in (
                "CUSTOM", "KV_SET", "DATASHARE", "CREATE_KEY")
            purged = journal < self.before and journal not in self.in_force
            need(occulted or purged, "journal %d is erased, and no journal orders it" % journal)


# object: the fields of data that name it
SHARED = {"did": ("did",), "dataset": ("provider", "product"), "order": ("consumer", "order"),
          "process": ("creator", "process"), "ciphertext": ("consumer", "order"),
          "schema": ("publisher", "schema"), "application": ("applicant", "application"),
          "credential": ("issuer", "sequence")}
# ... the field that says whose it is
WHOSE = {"order": "provider", "application": "issuer", "credential": "owner"}
NEW = [("dataset", ["none"], "ready"), ("order", ["none"], "ready")]
# operation, who may, then object: from, to (None: as it was)
SHARES = [
    ("register-did", ["did"], [("did", ["none"], "active")]),
    ("update-did", ["did"], [("did", ["active"], "active")]),
    ("publish-dataset", ["provider"], [("dataset", ["none"], "ready")]),
    ("close-dataset", ["provider"], [("dataset", ["ready"], "closed")]),
    ("delete-dataset", ["provider"], [("dataset", ["ready", "closed"], "gone")]),
    ("share-dataset", ["provider"], NEW),
    ("share-dataset-new", ["provider"], NEW + [("process", ["none"], "active")]),
    ("share-dataset-append", ["provider", "party"], NEW + [("process", ["active"], "active")]),
    ("keep-ciphertext", ["provider"], [("ciphertext", ["none"], "active")]),
    ("apply-order", ["consumer"], [("dataset", ["ready"], None), ("order", ["none"], "request")]),
    ("authorize-order", ["provider"], [("order", ["request"], "ready")]),
    ("finish-order", ["consumer", "provider"], [("order", ["ready"], "finished")]),
    ("fail-order", ["provider"], [("order", ["request"], "failed")]),
    ("fail-order", ["consumer", "provider"], [("order", ["ready"], "failed")]),
    ("cancel-order", ["consumer"], [("order", ["request", "ready"], "canceled")]),
    ("delete-order", ["consumer"],
     [("order", ["request", "ready", "finished", "failed", "canceled"], "gone")]),
    ("publish-schema", ["publisher"], [("schema", ["none", "active"], "active")]),
    ("apply-credential", ["applicant"], [("application", ["none"], "request")]),
    ("issue-credential", ["issuer"], [("schema", ["active"], None), ("credential", ["none"], "active")]),
    ("answer-application", ["issuer", "asked"],
     [("application", ["request"], "ready"), ("credential", ["active"], None)]),
]


def share_clue(kind, name):
    if len(name[-1].encode()) > 60 and len(name) > 1:
        return "%s# %s %s" % (kind, name[0], base58(verify.sha256(name[1].encode())))
    return " ".join((kind,) + name)


def base58(data):
    number, text = int.from_bytes(data, "big"), ""
    while number:
        number, rest = divmod(number, 58)
        text = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"[rest] + text
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + text


LEDGER = {
    "CREATE_LEDGER": (ANYONE, Ledger.create_ledger), "UPDATE_LEDGER": (ADMINS, Ledger.update_ledger),
    "DELETE_LEDGER": (ADMINS, Ledger.delete_ledger), "CREATE_MEMBER": (ADMINS, Ledger.create_member),
    "UPDATE_MEMBER_KEY": (ANYONE, Ledger.member_key),
    "UPDATE_MEMBER_PERMISSIONS": (ADMINS, Ledger.member_role),
    "INVITE_MEMBERS": (ADMINS, Ledger.invite_members),
    "ENABLE_MEMBER": (ADMINS, Ledger.member_enabled),
    "DISABLE_MEMBER": (ADMINS, Ledger.member_enabled),
    "DELETE_MEMBER": (ADMINS, Ledger.delete_member), "CUSTOM": (WRITERS, Ledger.custom),
    "KV_SET": (WRITERS, Ledger.kv_set), "KV_DELETE": (WRITERS, Ledger.kv_delete),
    "STATE_ROOT": (ANYONE, Ledger.state_root), "SET_TRUST_POINT": (ADMINS, Ledger.trust_point),
    "CREATE_TIMEANCHOR": (ADMINS, Ledger.anchor), "OCCULT": (ADMINS, Ledger.remove),
    "PURGE": (ADMINS, Ledger.remove), "DATASHARE": (ANYONE, Ledger.share),
}
SYSTEM = {
    "CREATE_STORE": Ledger.create_store, "CREATE_ACCOUNT": Ledger.create_account,
    "CREATE_KEY": Ledger.create_key, "ENABLE_KEY": Ledger.change_key,
    "DISABLE_KEY": Ledger.change_key, "DELETE_KEY": Ledger.delete_key,
    "ADD_LEDGER": Ledger.add_ledger, "SET_ACCOUNT_POLICY": Ledger.account_policy,
    "JOIN_LEDGER": Ledger.join_ledger,
    "ADD_ORG": Ledger.add_org, "ADD_CHANNEL": Ledger.add_channel,
    "REMOVE_ORG": lambda self, data: self.take_name(data, "organization", self.orgs, False),
    "REMOVE_CHANNEL": lambda self, data: self.take_name(data, "channel", self.channels, False),
}


# ---- all ledgers of a dump ----

def read_dump(lines):
    ledgers, number, ledger = {}, 0, None
    try:
        for number, text in enumerate(lines, 1):
            given, ledger = json.loads(text), None
            if given["space"] not in ledgers:
                ledgers[given["space"]] = Ledger(given["space"], ledgers.get(0))
            ledger = ledgers[given["space"]]
            block = base64.b64decode(given["data"], validate=True)
            need(len(block) == given["size"] and given["block"] == ledger.blocks, "the line itself")
            ledger.block(block)
            need(ledger.name == given["ledgerId"], "ledgerId of the line")
            need(ledger.store == ledgers[0].store, "another store's id")
        need(ledgers, "the dump is empty")
    except (Wrong, KeyError, TypeError, IndexError, ValueError, struct.error) as wrong:
        place = "line %d" % number
        if ledger is not None:
            place += ", %s, block %d, journal %d" % (ledger.name, ledger.blocks, ledger.journal)
        raise Wrong("%s: %s %s" % (place, type(wrong).__name__ if not isinstance(wrong, Wrong)
                                   else "", wrong))
    return ledgers


def check_together(ledgers):
    by_name = {ledger.name: ledger for ledger in ledgers.values()}
    for ledger in ledgers.values():
        try:
            ledger.end()
            for journal, time_ledger, sequence, digest, token in ledger.anchors:
                need(by_name[time_ledger].stamps.get(sequence) == (digest, token),
                     "journal %d: its stamp is not in the time ledger" % journal)
        except (Wrong, KeyError) as wrong:
            raise Wrong("%s: %s" % (ledger.name, wrong))
    for name in by_name["system"].listed:
        need(name in by_name, "system: ledger %s is listed, and not there" % name)
    return by_name


# ---- what somebody kept ----

class Kept:
    def __init__(self, by_name, vkeys):
        self.by_name, self.vkeys = by_name, vkeys

    def ledger(self, origin):
        for ledger in self.by_name.values():
            if origin in [name for _, name in ledger.origins]:
                return ledger
        raise Wrong("there is no ledger of the log %s" % origin)

    def key(self, origin):
        return self.vkeys[origin] if origin in self.vkeys else self.ledger(origin).log_key

    def note(self, note):
        """Its ledger, origin, size and root; held against the ledger where there is one."""
        origin, size, root = check_note(note, self.key)
        ledger = self.ledger(origin) if self.by_name else None
        if ledger:
            need(size <= ledger.tree.size, "%d journals were signed for, and only %d are there" %
                 (size, ledger.tree.size))
            tree = Frontier()
            for leaf in ledger.leaves[:size]:
                tree.append(verify.leaf_hash(leaf))
            need(tree.root() == root, "the first %d journals are not those that were signed" % size)
        return ledger, origin, size, root

    def proof(self, text):
        """Leaf and number of a journal by its proof file."""
        head, _, note = text.partition(b"\n\n")
        rows = head.decode().split("\n")
        need(rows[0] == "c2sp.org/tlog-proof@v1", "no proof file")
        leaf = None
        if rows[1].startswith("extra "):
            leaf = json.loads(base64.b64decode(rows[1][6:])).get("leaf")
            del rows[1]
        need(rows[1].startswith("index "), "no index in the proof file")
        index, path = int(rows[1][6:]), [base64.b64decode(row, validate=True) for row in rows[2:]]
        ledger, _, size, root = self.note(note)
        if leaf is None:
            need(ledger, "the proof file does not have the leaf")
            leaf = ledger.leaves[index].decode()
        need(root_of_path(index, size, verify.leaf_hash(leaf.encode()), path) == root,
             "the path of journal %d" % index)
        need(json.loads(leaf)["journalId"] == index, "the leaf is of another place")
        need(not ledger or ledger.leaves[index] == leaf.encode(), "journal %d is another" % index)
        return index, leaf.encode()

    @staticmethod
    def of_file(file):
        """A state proof file, its parts under the names of the API."""
        need(file["format"] == "tallystick state proof v1", "no state proof file")
        leaf = canonical(file["stateRootLeaf"])
        need(json.loads(leaf)["ledgerId"] == file["ledgerId"], "a state root of another ledger")
        answer = {"Checkpoint": file["checkpoint"], "StateProof": file["stateProof"],
                  "StateSize": json.loads(leaf)["data"]["size"],
                  "StateRootJournal": {"Leaf": base64.b64encode(leaf).decode(),
                                       "ProofPath": file["stateRootPath"]}}
        if file["kind"] == "clue":
            leaves = [canonical(each) for each in file.get("journals", [])]
            ids = [json.loads(each)["journalId"] for each in leaves]
            need(all(file["key"] in json.loads(each)["clues"] for each in leaves) and
                 all(json.loads(each)["ledgerId"] == file["ledgerId"] for each in leaves) and
                 ids == sorted(set(ids)) and all(each < answer["StateSize"] for each in ids),
                 "journals that are not of the clue")
            answer.update(Clue=file["key"], Count=file.get("count", 0),
                          JournalHashes=[verify.leaf_hash(each).hex() for each in leaves])
        elif file["kind"] == "kv":
            answer.update(Key=file["key"], Exist=not file["absent"])
            if not file["absent"]:
                leaf = canonical(file["journal"])
                answer.update(JournalId=json.loads(leaf)["journalId"],
                              JournalHash=verify.leaf_hash(leaf).hex())
        return answer

    def answer(self, answer):
        """The answer, and what it is about."""
        if "format" in answer:
            answer = self.of_file(answer)
        ledger, origin, size, root = self.note(answer["Checkpoint"].encode())
        journal = answer["StateRootJournal"]
        leaf, path = base64.b64decode(journal["Leaf"], validate=True), journal["ProofPath"]
        said = json.loads(leaf)
        need(canonical(said) == leaf and said["payloadType"] == "STATE_ROOT" and
             origin.endswith("/" + said["ledgerId"]), "no STATE_ROOT of this log")
        need(root_of_path(said["journalId"], size, verify.leaf_hash(leaf),
                          [bytes.fromhex(node) for node in path]) == root, "the path of the STATE_ROOT")
        need(said["data"]["size"] == answer["StateSize"] <= said["journalId"], "StateSize")
        kind, key, value = self.value(answer)
        need(state_root_of(base64.b64decode(answer["StateProof"], validate=True),
                           verify.state_path(kind, key), value).hex() == said["data"]["stateRoot"],
             "the state proof")
        return answer, kind, key

    @staticmethod
    def value(answer):
        if "Clue" in answer:
            hashes = [bytes.fromhex(node) for node in answer["JournalHashes"]]
            need(len(hashes) == answer["Count"], "a page of a lineage, not all of it")
            value = {"count": len(hashes), "root": verify.root_of(hashes).hex()}
            return "clue", answer["Clue"], canonical(value) if hashes else None
        if "Key" in answer:
            value = {"journalHash": answer.get("JournalHash"),
                     "journalId": int(answer.get("JournalId", 0))}
            return "kv", answer["Key"], canonical(value) if answer["Exist"] else None
        raise Wrong("an answer of another kind")

    def convicts(self, answer, proof):
        """Did the log leave the journal of the proof out of its answer?"""
        answer, kind, clue = self.answer(answer)
        index, leaf = self.proof(proof)
        need(kind == "clue" and clue in json.loads(leaf).get("clues", []), "not of this clue")
        return index < answer["StateSize"] and verify.leaf_hash(leaf).hex() not in answer["JournalHashes"]


def read_file(path):
    with open(path, "rb") as file:
        return file.read()


def main():
    args, kept, vkeys, dump, convict = sys.argv[1:], [], {}, None, None
    while args:
        word = args.pop(0)
        if word == "--vkey":
            name, key = parse_vkey(args.pop(0))
            vkeys[name] = key
        elif word == "--convict":
            convict = args.pop(0), args.pop(0)
        elif word in ("--checkpoint", "--proof", "--answer"):
            kept.append((word[2:], args.pop(0)))
        elif word.startswith("--") or dump is not None:
            sys.exit(__doc__)
        else:
            dump = word
    if convict:
        answer, proof = json.loads(read_file(convict[0])), read_file(convict[1])
        guilty = Kept({}, vkeys).convicts(answer, proof)
        print("convicted" if guilty else "not convicted")
        return 0 if guilty else 1
    with open(dump, encoding="utf-8") if dump else sys.stdin as lines:
        by_name = check_together(read_dump(lines))
    for what, path in kept:
        try:
            held = Kept(by_name, vkeys)
            if what == "answer":
                held.answer(json.loads(read_file(path)))
            else:
                (held.note if what == "checkpoint" else held.proof)(read_file(path))
        except (Wrong, KeyError, IndexError, ValueError) as wrong:
            raise Wrong("%s: %s" % (path, wrong))
    for ledger in by_name.values():
        print("%s: %d blocks, %d journals, %d signatures, %d state roots, root %s" %
              (ledger.name, ledger.blocks, ledger.tree.size, ledger.signatures, ledger.state_roots,
               ledger.tree.root().hex()))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (Wrong, binascii.Error) as wrong:
        print("WRONG  %s" % wrong)
        sys.exit(1)
