#!/usr/bin/env python3
"""Checks a checkpoint against a policy: a client who shares no code with the server.

    verify_cosigned.py POLICY FILE [--size N] [--by NAME,...]

FILE is a signed checkpoint, or a proof file that ends in one; POLICY a file of c2sp.org/tlog-policy.
The log must be in the policy and have signed, every signature of a key of the policy must hold, and
the quorum must be met. Written from the texts of c2sp.org, with the standard library only.
"""

import base64
import hashlib
import os
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import verify_tiles
from verify_tiles import ed25519_verify, fail


def parse_vkey(text, kind):
    name, key_id, key = text.split('+', 2)
    key = base64.b64decode(key, validate=True)
    if len(key) != 33 or key[0] != kind:
        fail('%s is a key of another kind' % name)
    if hashlib.sha256(name.encode() + b'\n' + key).digest()[:4].hex() != key_id:
        fail('%s has another key id than it says' % name)
    return name, bytes.fromhex(key_id), key[1:]


class Policy:
    def __init__(self, path):
        self.logs, self.witnesses, self.groups, self.quorum = [], {}, {}, None
        for line in open(path, encoding='utf-8'):
            words = line.split()
            if not words or words[0].startswith('#'):
                continue
            if words[0] == 'log':
                self.logs.append(parse_vkey(words[1], 1))
            elif words[0] == 'witness':
                self.witnesses[words[1]] = parse_vkey(words[2], 4)
            elif words[0] == 'group':
                members = words[3:]
                need = {'all': len(members), 'any': 1}.get(words[2]) or int(words[2])
                self.groups[words[1]] = (need, members)
            elif words[0] == 'quorum':
                self.quorum = words[1]

    def met(self, name, signed):
        if name == 'none':
            return True
        if name in self.witnesses:
            return name in signed
        need, members = self.groups[name]
        return sum(self.met(member, signed) for member in members) >= need


def signatures(lines):
    for line in lines:
        dash, name, data = line.decode().split(' ')
        if dash != '\u2014':
            fail('a line that is no signature')
        data = base64.b64decode(data, validate=True)
        yield name, data[:4], data[4:]


def check(policy, note):
    text, _, lines = note.rpartition(b'\n\n')
    text += b'\n'
    lines = lines.splitlines()
    origin, size, root = text.decode().split('\n')[:3]
    by_log, signed = False, {}
    for name, key_id, data in signatures(lines):
        for log, log_id, public in policy.logs:
            if (name, key_id) == (log, log_id):
                if not ed25519_verify(public, text, data):
                    fail('the signature of ' + log)
                by_log = by_log or log == origin
        for called, (witness, witness_id, public) in policy.witnesses.items():
            if (name, key_id) == (witness, witness_id):
                time, = struct.unpack('>Q', data[:8])
                message = b'cosignature/v1\ntime %d\n' % time + text
                if not ed25519_verify(public, message, data[8:]):
                    fail('the cosignature of ' + called)
                signed[called] = time
    if not by_log:
        fail('no log of the policy signed this checkpoint of ' + origin)
    if not policy.met(policy.quorum, signed):
        fail('the quorum is not met; signed by %s' % (sorted(signed) or 'nobody'))
    return int(size), signed


def main():
    args, size, by = sys.argv[1:], None, None
    while '--size' in args or '--by' in args:
        at = args.index('--size' if '--size' in args else '--by')
        if args[at] == '--size':
            size = int(args[at + 1])
        else:
            by = args[at + 1]
        del args[at:at + 2]
    if len(args) != 2:
        sys.exit(__doc__)
    verify_tiles.check_ed25519()
    with open(args[1], 'rb') as file:
        data = file.read()
    if data.startswith(b'c2sp.org/tlog-proof@v1\n'):
        data = data.split(b'\n\n', 1)[1]
    try:
        got, signed = check(Policy(args[0]), data)
    except (ValueError, KeyError, IndexError, struct.error) as error:
        fail('%s: %s' % (type(error).__name__, error))
    if size is not None and got != size:
        fail('it has %d entries, not %d' % (got, size))
    if by is not None and sorted(signed) != sorted(filter(None, by.split(','))):
        fail('it is cosigned by %s' % sorted(signed))
    print('verified: %d entries, cosigned by %s' % (got, ', '.join(sorted(signed)) or 'nobody'))


if __name__ == '__main__':
    main()
