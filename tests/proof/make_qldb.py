#!/usr/bin/env python3
"""Makes the export of a QLDB journal, as Amazon documents it, with hashes of our own computing.

    make_qldb.py DIR [binary] [from=N]

DIR gets manifests and data files below a prefix, digests in several forms, and facts.json. No code is shared
with the program that reads it (ion.py).
"""

import base64
import hashlib
import json
import os
import sys
from decimal import Decimal

from ion import Annotated, Clob, Null, Sexp, Symbol, Timestamp, binary, ion_hash, text

STRAND = 'JdxjkR9bSYB5jMHWcI464T'
TABLES = ['VehicleRegistration', 'Person', 'Käufe und Verkäufe']


def dot(a, b):
    """The smaller one first: signed bytes, the last one first."""
    def key(hashed):
        return [byte - 256 if byte > 127 else byte for byte in reversed(hashed)]
    first, second = sorted((a, b), key=key)
    return hashlib.sha256(first + second).digest()


def root(hashes):
    while len(hashes) > 1:
        pairs = [hashes[i:i + 2] for i in range(0, len(hashes), 2)]
        hashes = [dot(*pair) if len(pair) == 2 else pair[0] for pair in pairs]
    return hashes[0]


def document(number):
    return {
        'VIN': '1N4AL11D%08d' % number, 'Price': Decimal('12345.%02d' % (number % 100)), 'Ratio': number / 7,
        'Seen': Timestamp('2020-02-%02dT23:59:5%d.%03d+05:30' % (number % 28 + 1, number % 10, number % 1000)),
        'Day': Timestamp('2020-02-29'), 'Kind': Symbol('car ' + str(number % 3)), 'Nothing': None,
        'None': Null('int'), 'Owner': {'Name': 'Zoë "Q" \\ 世界', 'Ids': [1, -2, 3 ** 50, -(2 ** 64)]},
        'Raw': bytes([11, 12, 14, 0, 255, number % 256]), 'Note': Clob(b'plain "note"\x00\x7f'),
        'Rule': Sexp([Symbol('and'), True, False, Sexp([])]), 'Empty': {}, 'List': [],
        'Tagged': Annotated(['unit', 'two words'], 42), 'Zero': 0, 'Point': Decimal('0.'),
        'Less': Decimal('-0.00'), 'Big': 1e300, 'null': 'a name that is a keyword',
    }


def revision(number, sequence, transaction, time, how):
    identity = 'D%021d' % (number % 7)
    metadata = {'id': identity, 'version': number // 7, 'txTime': time, 'txId': transaction}
    made = {'blockAddress': {'strandId': STRAND, 'sequenceNo': sequence}, 'hash': None}
    data = document(number)
    if how == 'redacted':
        made['dataHash'] = ion_hash(data)
    elif how != 'deleted':
        made['data'] = data
    made['hash'] = ion_hash(metadata) if how == 'deleted' else dot(ion_hash(metadata), ion_hash(data))
    made['metadata'] = metadata
    return made


def block(sequence, previous, count):
    transaction = 'T%021d' % sequence
    time = Timestamp('2019-10-%02dT17:20:%02d.%03dZ' % (sequence % 28 + 1, sequence % 60, sequence % 1000))
    revisions, documents = [], {}
    for i in range(sequence % 4):
        how = {5: 'redacted', 6: 'deleted'}.get(count % 9, '')
        revisions.append(revision(count, sequence, transaction, time, how))
        documents[revisions[-1]['metadata']['id']] = {
            'tableName': TABLES[count % 3], 'tableId': 'B%021d' % (count % 3), 'statements': [0]}
        count += 1
    if sequence % 5 == 3:
        revisions.append({'hash': hashlib.sha256(b'internal %d' % sequence).digest()})
    info = {'statements': [{'statement': 'INSERT INTO t ?', 'startTime': time,
                            'statementDigest': hashlib.sha256(transaction.encode()).digest()}],
            'documents': documents}
    entries = [ion_hash(info)] + ([root([one['hash'] for one in revisions])] if revisions else [])
    entries += [hashlib.sha256(b'system %d %d' % (sequence, i)).digest() for i in range(1 + sequence % 3)]
    entries_hash = root(entries)
    made = {'blockAddress': {'strandId': STRAND, 'sequenceNo': sequence}, 'transactionId': transaction,
            'blockTimestamp': time, 'blockHash': dot(entries_hash, previous), 'entriesHash': entries_hash,
            'previousBlockHash': previous, 'entriesHashList': entries, 'transactionInfo': info}
    if revisions:
        made['revisions'] = revisions
    return made, count


def write(directory, name, values, is_binary):
    path = os.path.join(directory, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'wb') as file:
        file.write(binary(values) if is_binary else '\n'.join(map(text, values)).encode() + b'\n')
    return path


def digests(directory, blocks, hashes):
    tip = blocks[-1]['blockAddress']
    of_tree = root(list(hashes))
    forms = {
        'digest.ion.txt': text({'digest': of_tree, 'digestTipAddress': tip, 'ledger': 'x'}),
        'digest.json': json.dumps({'Digest': base64.b64encode(of_tree).decode(),
                                   'DigestTipAddress': {'IonText': text(tip)}}),
        'tip.json': json.dumps({'Digest': base64.b64encode(hashes[-1]).decode(),
                                'DigestTipAddress': {'IonText': text(tip)}}),
        'wrong.json': json.dumps({'Digest': base64.b64encode(hashlib.sha256(of_tree).digest()).decode(),
                                  'DigestTipAddress': {'IonText': text(tip)}}),
        'beyond.ion': text({'digest': of_tree, 'digestTipAddress': {**tip, 'sequenceNo': 999}}),
    }
    for name, content in forms.items():
        with open(os.path.join(directory, name), 'w') as file:
            file.write(content + '\n')


def main(directory, options):
    is_binary = 'binary' in options
    start = max([int(one[5:]) for one in options if one.startswith('from=')] + [0])
    previous, count, blocks = bytes(32), 0, []
    for sequence in range(start + 23):
        made, count = block(sequence, previous, count)
        previous = made['blockHash']
        if sequence >= start:
            blocks.append(made)
    keys = []
    for i in range(0, len(blocks), 8):
        part = blocks[i:i + 8]
        key = 'prefix/2019/10/25/17/%s.%d-%d.ion' % (
            STRAND, part[0]['blockAddress']['sequenceNo'], part[-1]['blockAddress']['sequenceNo'])
        write(directory, key, part, is_binary)
        keys.append(key)
    write(directory, 'prefix/8UyXulxccYLAsbN1aon7e4.started.manifest',
          [{'ledgerName': 'vehicle-registration', 'exportId': '8UyXulxccYLAsbN1aon7e4'}], is_binary)
    write(directory, 'prefix/8UyXulxccYLAsbN1aon7e4.%s.completed.manifest' % STRAND, [{'keys': keys}], is_binary)
    digests(directory, blocks, [one['blockHash'] for one in blocks])
    revisions = [one for made in blocks for one in made.get('revisions', [])]
    with open(os.path.join(directory, 'facts.json'), 'w') as file:
        json.dump({'Person': sum(info['tableName'] == 'Person' for made in blocks for one in made.get('revisions', [])
                                 if 'metadata' in one
                                 for info in [made['transactionInfo']['documents'][one['metadata']['id']]]),
                   'revisions': sum('metadata' in one for one in revisions),
                   'internal': sum('metadata' not in one for one in revisions),
                   'redacted': sum('dataHash' in one for one in revisions),
                   'hashes': [base64.b64encode(one['hash']).decode() for one in revisions if 'metadata' in one],
                   'tip': base64.b64encode(blocks[-1]['blockHash']).decode()}, file)


main(sys.argv[1], sys.argv[2:])
