#!/usr/bin/env python3
"""Checks an export of a ledger line by line: doc/formats.md, section 24, in Python's standard library.

    verify_lines.py [--vkey KEY] [--line N] FILE

Shares no code with the program. KEY is the log's verifier key, got from elsewhere than the file; without
it the file's own is believed. --line N looks at the first line and line N alone, as who was given one
journal does. Prints what was verified, or the line and the member that does not hold, and ends with 1.
"""

import base64
import hashlib
import json
import sys

from verify_tiles import check_ed25519, ed25519_verify, parse_vkey

HEAD = ['checkpoint', 'format', 'from', 'ledgerId', 'to', 'verifierKey']
ALWAYS = {'journalId', 'leaf', 'path', 'type'}
SOMETIMES = {'clues', 'evidence', 'evidenceSalt', 'memberId', 'payload', 'payloadBase64', 'removed', 'salt'}


class Wrong(Exception):
    pass


def need(condition, what):
    if not condition:
        raise Wrong(what)


def canonical(value):
    """RFC 8785 of what occurs: names are ASCII, numbers small integers."""
    return json.dumps(value, sort_keys=True, separators=(',', ':'), ensure_ascii=False).encode()


def read_line(raw):
    need(raw.endswith(b'\n'), 'the line broke off')
    try:
        line = json.loads(raw)
        again = canonical(line)
    except ValueError:
        raise Wrong('no JSON')
    need(type(line) is dict and again == raw[:-1], 'not canonical')
    return line


def unbase64(line, name):
    need(type(line[name]) is str, name)
    try:
        data = base64.b64decode(line[name], validate=True)
    except ValueError:
        raise Wrong(name)
    need(base64.b64encode(data).decode() == line[name], name)
    return data


def salt_of(line, name):
    need(name in line and type(line[name]) is str and len(line[name]) == 32, name)
    try:
        salt = bytes.fromhex(line[name])
    except ValueError:
        raise Wrong(name)
    need(salt.hex() == line[name], name)
    return salt


def number_of(line, name):
    need(type(line[name]) is int and 0 <= line[name] < 1 << 53, name)
    return line[name]


def read_checkpoint(text, vkey):
    """Size and root; the note must be signed by the key and be of its log."""
    name, key_id, key = vkey
    body, _, signatures = text.partition('\n\n')
    lines = body.split('\n')
    need(len(lines) == 3 and lines[0] == name and str(int(lines[1])) == lines[1], 'checkpoint')
    mine = 0
    need(signatures.endswith('\n'), 'checkpoint')
    for one in signatures[:-1].split('\n'):
        dash, signer, data = one.split(' ')
        need(dash == '\u2014', 'checkpoint')
        coded, data = data, base64.b64decode(data, validate=True)
        need(base64.b64encode(data).decode() == coded, 'checkpoint')	# bits behind the end are zero
        if signer == name and data[:4] == key_id:
            need(ed25519_verify(key, (body + '\n').encode(), data[4:]), 'checkpoint: not signed by the key')
            mine += 1
    need(mine == 1, 'checkpoint: not signed by the key')
    root = base64.b64decode(lines[2], validate=True)
    need(len(root) == 32 and base64.b64encode(root).decode() == lines[2], 'checkpoint')
    return int(lines[1]), root


def read_head(raw, vkey):
    head = read_line(raw)
    need(sorted(head) == HEAD, 'members of the first line')
    need(head['format'] == 'tallystick export v1', 'format')
    need(vkey is None or vkey == head['verifierKey'], 'verifierKey: not the one that was given')
    try:
        key = parse_vkey(head['verifierKey'])
        head['size'], head['root'] = read_checkpoint(head['checkpoint'], key)
    except (ValueError, SystemExit):
        raise Wrong('checkpoint or verifierKey')
    need(key[0].endswith('/' + head['ledgerId']), 'ledgerId')
    need(number_of(head, 'from') <= number_of(head, 'to') < head['size'], 'from, to')
    return head


def root_from(index, size, node, path):
    """RFC 9162, 2.1.3.2; None where the path has another length than it must."""
    last = size - 1
    for sibling in path:
        if last == 0:
            return None
        if index & 1 or index == last:
            node = hashlib.sha256(b'\1' + sibling + node).digest()
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            node = hashlib.sha256(b'\1' + node + sibling).digest()
        index, last = index >> 1, last >> 1
    return node if last == 0 else None


def check_payload(line, leaf):
    payload = {'payload', 'payloadBase64'} & set(line)
    if 'removed' in line:
        need(line['removed'] is True and not payload and 'salt' not in line, 'removed')
        need('payloadHash' in leaf, 'removed')
        return
    need(len(payload) == ('payloadHash' in leaf) and ('salt' in line) == bool(payload), 'payload')
    if 'payload' in line:
        need(type(line['payload']) is str, 'payload')
        data = line['payload'].encode()
    elif payload:
        data = unbase64(line, 'payloadBase64')
        try:
            data.decode()
            raise Wrong('payloadBase64: it is text')
        except UnicodeDecodeError:
            pass
    else:
        return
    need(len(data) == leaf['payloadSize'], 'payload')
    need(hashlib.sha256(salt_of(line, 'salt') + data).hexdigest() == leaf['payloadHash'], 'payload')


def check_evidence(line, leaf):
    if 'removed' not in line:
        need(('evidence' in line) == ('evidenceHash' in leaf), 'evidence')
    need(('evidence' in line) == ('evidenceSalt' in line), 'evidence')
    if 'evidence' in line:
        data = unbase64(line, 'evidence')
        digest = hashlib.sha256(b'tallystick evidence v1\n' + salt_of(line, 'evidenceSalt') + data)
        need(data and digest.hexdigest() == leaf['evidenceHash'], 'evidence')


def check_line(raw, head, number):
    line = read_line(raw)
    need(ALWAYS <= set(line) <= ALWAYS | SOMETIMES, 'members')
    need(number_of(line, 'journalId') == number, 'journalId')
    text, path = unbase64(line, 'leaf'), unbase64(line, 'path')
    try:
        leaf = json.loads(text)
    except ValueError:
        raise Wrong('leaf')
    need(type(leaf) is dict and canonical(leaf) == text, 'leaf')
    need(leaf['journalId'] == number and leaf['ledgerId'] == head['ledgerId'], 'leaf')
    for name, of_leaf in ('type', 'payloadType'), ('memberId', 'memberId'), ('clues', 'clues'):
        need(line.get(name) == leaf.get(of_leaf), name)
    need(len(path) % 32 == 0, 'path')
    hashes = [path[i:i + 32] for i in range(0, len(path), 32)]
    leaf_hash = hashlib.sha256(b'\0' + text).digest()
    need(root_from(number, head['size'], leaf_hash, hashes) == head['root'], 'path')
    check_payload(line, leaf)
    check_evidence(line, leaf)
    return 'removed' in line


def check_file(path, vkey, only):
    removed = 0
    with open(path, 'rb') as file:
        at = 1
        try:
            head = read_head(file.readline(), vkey)
            expected = head['from']
            for at, raw in enumerate(file, 2):
                if only is None or at == only:
                    need(expected <= head['to'], 'a line too many')
                    removed += check_line(raw, head, expected)
                expected += 1
            need(only is not None or expected == head['to'] + 1, 'lines are missing behind it')
            need(only is None or 2 <= only <= at, 'there is no such line')
        except (Wrong, KeyError) as error:
            sys.exit('NOT VERIFIED: line %d: %s' % (at, error))
    if only is not None:
        print('verified: journal %d of %s' % (head['from'] + only - 2, head['ledgerId']))
    else:
        print('verified: journals %d to %d of %s, in its tree of %d; %d payloads were removed' %
              (head['from'], head['to'], head['ledgerId'], head['size'], removed))


def main(args):
    given = {'--vkey': None, '--line': None}
    words = []
    while args:
        if args[0] in given and len(args) > 1:
            given[args[0]] = args[1]
            args = args[2:]
        else:
            words.append(args[0])
            args = args[1:]
    if len(words) != 1:
        sys.exit(__doc__)
    check_ed25519()
    check_file(words[0], given['--vkey'], given['--line'] and int(given['--line']))


if __name__ == '__main__':
    main(sys.argv[1:])
