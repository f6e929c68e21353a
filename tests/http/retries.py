"""A client that retries a write after its answer was lost never writes twice, if it gives a ClientToken.
Each action that takes one is asked with the connection cut at each stage, and then asked again."""

import collections
import hashlib
import json
import socket
import struct
import urllib.parse
import uuid

from cases import good, want
from client import Client, sign
from starts import free_ports

# How far a request gets before the connection ends.
CUTS = ('half the head', 'the head', 'half the body', 'the request', 'the first byte of the answer',
        'the answer')


# ---- keys for members: points of secp256k1, which nobody signs with here ----

PRIME = 2**256 - 2**32 - 977
BASE = (0x79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798,
        0x483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8)


def point_sum(a, b):
    if a is None or b is None:
        return a or b
    if a == b:
        slope = 3 * a[0] * a[0] * pow(2 * a[1], -1, PRIME)
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, PRIME)
    x = (slope * slope - a[0] - b[0]) % PRIME
    return x, (slope * (a[0] - x) - a[1]) % PRIME


def public_key():
    scalar, power, point = uuid.uuid4().int, BASE, None
    while scalar:
        if scalar & 1:
            point = point_sum(point, power)
        power = point_sum(power, power)
        scalar >>= 1
    return '04%064x%064x' % point


# ---- what the actions are asked about ----

class Scene:
    """Makes ledgers, accounts, members and journals as the rows below need them."""

    def __init__(self, world, config, client):
        self.world, self.config, self.client = world, config, client
        self.number = self.listeners = 0

    def name(self):
        self.number += 1
        return 'name-%d' % self.number

    def listener(self):
        """One that no endpoint is on yet."""
        self.listeners += 1
        return 'vsw-%d' % (self.listeners - 1)

    def ledger(self, **params):
        return self.ask('CreateLedger', LedgerName=self.name(), **params)['LedgerId']

    def ask(self, action, **params):
        return good(self.client.call(action, 'POST', **params)).json()

    def local(self, *command):
        return json.loads(self.world.run(self.world.tally, *command, '--config', self.config, '--json').stdout)

    def account(self):
        return str(self.local('account', 'create', self.name())['AliUid'])

    def client_of(self, account):
        key = self.local('key', 'create', '--account', account)
        return Client('http://%s:%d' % (self.client.host, self.client.port), key['AccessKeyId'],
                      key['AccessKeySecret'])

    def member(self, ledger):
        return self.ask('CreateMember', LedgerId=ledger, Role='WRITER', PublicKey=public_key())['MemberId']

    def disabled(self, ledger):
        member = self.member(ledger)
        self.ask('DisableMember', LedgerId=ledger, MemberId=member)
        return member

    def journal(self, ledger):
        return self.ask('AppendJournal', LedgerId=ledger, Payload='to be erased')['JournalId']

    def value(self, ledger):
        key = self.name()
        self.ask('KvSet', LedgerId=ledger, Key=key, Value='v')
        return key

    def invited(self, ledger):
        """A client of an account that is invited."""
        account = self.account()
        self.ask('InviteMembers', LedgerId=ledger, AliUids=account)
        return self.client_of(account)


# Action: what it writes, the ledger it is asked about, its parameters, and who asks if not the owner.
Row = collections.namedtuple('Row', 'writes ledger params client', defaults=({}, lambda s, l: {}, None))

ROWS = {
    'AcceptMember': Row('CREATE_MEMBER', client=Scene.invited),
    'AppendJournal': Row('CUSTOM', {}, lambda s, l: {'Payload': s.name(), 'Clues': '["a"]'}),
    'AppendJournals': Row('CUSTOM', {}, lambda s, l: {'body': '[{"Payload":"%s"}]' % s.name()}),
    'CreateLedger': Row(None, {}, lambda s, l: {'LedgerName': s.name()}),
    'CreateMember': Row('CREATE_MEMBER', {}, lambda s, l: {'PublicKey': public_key(), 'Role': 'READER'}),
    'CreateTimeAnchor': Row('CREATE_TIMEANCHOR', {}, lambda s, l: {'TimeStamp': '1587515659', 'Proof': s.name()}),
    'CreateVpcEndpoint': Row('UPDATE_LEDGER', {}, lambda s, l: {'VpcId': 'vpc-a', 'VSwitchId': s.listener()}),
    'DeleteMember': Row('DELETE_MEMBER', {}, lambda s, l: {'MemberId': s.member(l)}),
    'DisableMember': Row('DISABLE_MEMBER', {}, lambda s, l: {'MemberId': s.member(l)}),
    'EnableMember': Row('ENABLE_MEMBER', {}, lambda s, l: {'MemberId': s.disabled(l)}),
    'InviteMembers': Row('INVITE_MEMBERS', {}, lambda s, l: {'AliUids': s.account()}),
    'KvDelete': Row('KV_DELETE', {'LedgerType': 'KV'}, lambda s, l: {'Key': s.value(l)}),
    'KvSet': Row('KV_SET', {'LedgerType': 'KV'}, lambda s, l: {'Key': s.name(), 'Value': 'v'}),
    'ModifyMemberACLs': Row('UPDATE_MEMBER_PERMISSIONS', {},
                            lambda s, l: {'MemberId': s.member(l), 'Role': 'ADMIN'}),
    'ModifyMemberKey': Row('UPDATE_MEMBER_KEY', {},
                           lambda s, l: {'MemberId': s.member(l), 'PublicKey': public_key()}),
    'OccultJournal': Row('OCCULT', {'RemovalPolicy': 'ADMIN'}, lambda s, l: {'JournalId': s.journal(l)}),
    'PurgeLedger': Row('PURGE', {'RemovalPolicy': 'ADMIN'}, lambda s, l: {'Before': s.journal(l)}),
    'SetTrustPoint': Row('SET_TRUST_POINT', {}, lambda s, l: {'JournalId': s.journal(l)}),
    'UpdateMember': Row('UPDATE_MEMBER_PERMISSIONS', {},
                        lambda s, l: {'MemberId': s.member(l), 'Role': 'READER'}),
}


# ---- one request, whole or cut off ----

def request(client, action, params):
    """Head and body of a POST, signed anew: a retry has another nonce."""
    params = dict(params, Action=action)
    body = params.pop('body', None)
    if body is None:
        kind = 'application/x-www-form-urlencoded'
        body = urllib.parse.urlencode(sign('POST', params, client.key_id, client.secret),
                                      quote_via=urllib.parse.quote, safe='-_.~')
        path = '/'
    else:
        kind = 'application/json'
        params['ContentSHA256'] = hashlib.sha256(body.encode()).hexdigest()
        path = '/?' + urllib.parse.urlencode(sign('POST', params, client.key_id, client.secret),
                                             quote_via=urllib.parse.quote, safe='-_.~')
    head = 'POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n' % (
        client.mount + path, client.host, kind, len(body.encode()))
    return head.encode(), body.encode()


def answer_of(connection):
    text = b''
    while True:
        more = connection.recv(65536)
        if not more:
            break
        text += more
    head, _, body = text.partition(b'\r\n\r\n')
    if b'transfer-encoding: chunked' in head.lower():
        plain = b''
        while body:
            size, _, body = body.partition(b'\r\n')
            plain, body = plain + body[:int(size, 16)], body[int(size, 16) + 2:]
        body = plain
    return int(head.split()[1]), body


def ask(client, action, params, cut=None):
    """Status and answer; None where the connection was cut: it is reset, as by a client that died."""
    head, body = request(client, action, params)
    connection = client.socket()
    try:
        if cut == 'half the head':
            connection.sendall(head[:len(head) // 2])
        elif cut == 'the head':
            connection.sendall(head)
        elif cut == 'half the body':
            connection.sendall(head + body[:len(body) // 2])
        else:
            connection.sendall(head + body)
        if cut == 'the first byte of the answer':
            connection.recv(1)
        elif cut in (None, 'the answer'):
            status, body = answer_of(connection)
            return (status, json.loads(body)) if cut is None else None
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    finally:
        connection.close()
    return None


# ---- the test ----

def written(client, ledger, kind):
    """How many journals of this kind members wrote: certificates of erasures are the service's."""
    count, token = 0, ''
    while True:
        page = good(client.call('ListJournals', LedgerId=ledger, NextToken=token, MaxResults='100')).json()
        journals = page['Journals']
        journals = journals.get('Journal', []) if isinstance(journals, dict) else journals
        count += sum(j['PayloadType'] == kind and j['MemberId'] != '' for j in journals)
        token = page.get('NextToken', '')
        if not token:
            return count


def ledgers_named(client, name):
    count, token = 0, ''
    while True:
        page = good(client.call('DescribeLedgers', NextToken=token, MaxResults='100')).json()
        ledgers = page['Ledgers']
        ledgers = ledgers.get('Ledger', []) if isinstance(ledgers, dict) else ledgers
        count += sum(l['LedgerName'] == name for l in ledgers)
        token = page.get('NextToken', '')
        if not token:
            return count


def ids(answer):
    """What an answer says was written, without what is newer each time it is given."""
    return {name: answer[name] for name in ('JournalId', 'JournalHash', 'LedgerId', 'MemberId', 'Count')
            if name in answer}


def retry(scene, action, row, ledger, cut):
    client = row.client(scene, ledger) if row.client else scene.client
    params = dict(row.params(scene, ledger), ClientToken=uuid.uuid4().hex)
    if row.writes:
        params['LedgerId'] = ledger
        count = lambda: written(scene.client, ledger, row.writes)
    else:
        count = lambda: ledgers_named(scene.client, params['LedgerName'])
    before, what = count(), '%s, cut behind %s' % (action, cut)
    ask(client, action, params, cut)
    status, first = ask(client, action, params)
    want(status == 200, '%s: asked again: %d %s' % (what, status, first))
    status, second = ask(client, action, params)
    want(status == 200 and ids(second) == ids(first), '%s: asked once more: %d %s, not %s' % (
        what, status, second, first))
    want(count() == before + 1, '%s: %d were written' % (what, count() - before))
    return ledger, row.writes, before + 1


def each_action_with_a_token(world, server):
    path, config, key_id, secret = world.store('retries-' + server, '[access]\nlisteners = "%s"\n' % ' '.join(
        'vpc-a/vsw-%d=127.0.0.1:%d' % (n, port) for n, port in enumerate(free_ports(len(CUTS)))))
    running = world.serve(config, server, name='run-retries-' + server)
    scene = Scene(world, config, Client(running.url, key_id, secret))
    actions = [a['name'] for a in json.loads(world.run(world.tally, 'actions', '--json').stdout)
               if any(p['name'] == 'ClientToken' for p in a['params'])]
    for action in actions:
        want(action in ROWS, 'no row for ' + action)
    for action in ROWS:
        want(action in actions, 'a row for %s, which takes no ClientToken' % action)
        row = ROWS[action]
        ledger = scene.ledger(**row.ledger) if row.writes else None
        done = [retry(scene, action, row, ledger, cut) for cut in CUTS]
        if row.writes:	# nor does what was cut off come in later
            want(written(scene.client, ledger, row.writes) == done[-1][2], action + ': one came in later')
    want(running.stop(), 'the server did not stop')


def retries_write_once(world):
    if not world.have('lighttpd'):
        return 'there is no lighttpd'
    each_action_with_a_token(world, 'lighttpd')


def retries_of_cgi_write_once(world):
    if not world.have('lighttpd'):
        return 'there is no lighttpd'
    each_action_with_a_token(world, 'lighttpd-cgi')


CASES = [retries_write_once, retries_of_cgi_write_once]
