"""The data-sharing family through a web server: bodies with POST, PUT and DELETE, keys and data in them that
leave no trace in files, and requests that their callers signed."""

import base64
import gzip
import hashlib
import json
import os
import shutil
import stat
import tempfile

from world import wait_until


def want(condition, text):
    if not condition:
        raise AssertionError(text)


class Openssl:
    """A CA and its members, by the command line of openssl."""

    def __init__(self, world, directory):
        self.world, self.directory = world, directory
        os.makedirs(directory, exist_ok=True)
        if world.as_nobody:
            os.chown(directory, 65534, 65534)
        self.run('genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', 'ca.key')
        self.run('req', '-x509', '-new', '-key', 'ca.key', '-subj', '/CN=org1', '-days', '2', '-sha256',
                 '-addext', 'keyUsage=critical,keyCertSign,cRLSign', '-out', 'ca.pem')

    def path(self, name):
        return os.path.join(self.directory, name)

    def run(self, *words, input=None):
        return self.world.run('sh', '-c', 'cd "$0" && exec openssl "$@"', self.directory, *words,
                              input=input).stdout

    def read(self, name):
        with open(self.path(name)) as f:
            return f.read()

    def member(self, name):
        extensions = ('keyUsage=critical,digitalSignature\nbasicConstraints=critical,CA:FALSE\n'
                      'subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n')
        with open(self.path('extensions'), 'w') as f:
            f.write(extensions)
        self.run('genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out',
                 name + '.key')
        self.run('req', '-new', '-key', name + '.key', '-subj', '/CN=' + name, '-out', name + '.csr')
        self.run('x509', '-req', '-in', name + '.csr', '-CA', 'ca.pem', '-CAkey', 'ca.key',
                 '-CAcreateserial', '-days', '2', '-sha256', '-extfile', 'extensions', '-out',
                 name + '.pem')
        return Member(self, name)


class Member:
    def __init__(self, openssl, name):
        self.openssl, self.name = openssl, name
        self.cert, self.key = openssl.read(name + '.pem'), openssl.read(name + '.key')

    def body(self, with_key, **fields):
        common = {'orgID': 'org1', 'channelID': 'mychannel', 'cryptoMethod': 'SW', 'cert': self.cert,
                  'timestamp': '2020-10-27T17:28:16+08:00'}
        if with_key:
            common['sk'] = self.key
        return json.dumps(dict(common, **fields)).encode()

    def sign(self, body):
        """The header: hex of "r+s"."""
        der = self.openssl.run('dgst', '-sha256', '-sign', self.name + '.key', input=body)
        size = der[3]
        r, s = der[4:4 + size], der[6 + size:]
        return b'%d+%d' % (int.from_bytes(r, 'big'), int.from_bytes(s, 'big'))

    def verifies(self, document, signature):
        """By openssl, over the canonical JSON: names are sorted, and there are no numbers."""
        def number(raw):
            raw = raw.lstrip(b'\0')
            raw = b'\0' + raw if raw[0] > 0x7f else raw
            return bytes([2, len(raw)]) + raw

        both = number(signature[:32]) + number(signature[32:])
        with open(self.openssl.path('signature'), 'wb') as f:
            f.write(bytes([0x30, len(both)]) + both)
        self.openssl.run('x509', '-in', self.name + '.pem', '-pubkey', '-noout', '-out',
                         self.name + '.pub')
        said = json.dumps(document, sort_keys=True, separators=(',', ':'), ensure_ascii=False)
        return b'Verified OK' in self.openssl.run('dgst', '-sha256', '-verify', self.name + '.pub',
                                                  '-signature', 'signature', input=said.encode())

    def ask(self, client, method, path, **fields):
        return good(client.raw(method, path, self.body(True, **fields),
                               {'Content-Type': 'application/json'}))

    def ask_signed(self, client, method, path, zipped=False, **fields):
        body = self.body(False, **fields)
        signature = self.sign(body)
        if zipped:
            signature = gzip.compress(signature)
        return good(client.raw(method, path, body, {'Content-Type': 'application/json',
                                                    'X-BCS-Signature-Sign': signature.hex(),
                                                    'X-BCS-Signature-Sign-Gzip': '%d' % zipped,
                                                    'X-BCS-Signature-Method': 'SW'}))


def good(answer):
    want(answer.status == 200, str(answer))
    return answer.json()


def has(path, secrets):
    """Whether the file holds one of these."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return False
        with open(path, 'rb') as f:
            data = f.read()
    except OSError:
        return False
    return any(secret in data for secret in secrets)


def files_with(directory, secrets):
    """Names of files below that hold one of these."""
    return [os.path.join(place, name) for place, _, names in os.walk(directory) for name in names
            if has(os.path.join(place, name), secrets)]


def authority(s):
    """org1's CA; organisation and channel are on the store."""
    if not hasattr(s, 'authority'):
        world = s.world
        s.authority = Openssl(world, os.path.join(world.work, 'ca-%s' % s.ledger[2:12]))
        for words in (('org', 'add', 'org1', '--ca', s.authority.path('ca.pem')),
                      ('channel', 'add', 'mychannel')):
            world.run(world.tally, *words, '--config', s.running.config)
    return s.authority


PASSPORT = 'the passport of bob is number 4711'
CREDENTIAL = '{"name": "Robert of the credential", "age": 18}'


def credentials(client, alice, a, bob, b):
    """From a schema to a credential that is verified: Alice issues, Bob holds."""
    def of(who, name, **fields):
        return who.ask(client, 'POST', '/v1/identity/' + name, **fields)

    alice.ask_signed(client, 'PUT', '/v1/identity/did', did=a, service=[
        {'type': 'VerifiableCredentialService', 'serviceEndpoint': 'https://example.com/vc/'}])
    schema = alice.ask_signed(client, 'POST', '/v1/identity/credential-schema', issuer=a,
                              identifier='IDCard', attributes=[{'name': 'name', 'type': 'string'},
                                                               {'name': 'age', 'type': 'integer'}])
    want(schema['schemaIndex'] == a + '_IDCard', str(schema))
    want(of(bob, 'query-credential-schema', schemaIndex=schema['schemaIndex']) ==
         schema['credentialSchema'], str(schema))
    order = of(bob, 'apply-vc', applyer=b, serviceID=a + '#service1', data=PASSPORT)['orderIndex']
    listed = of(alice, 'query-vc-orders', serviceID=a + '#service1')['items']
    want([one['applyer'] + '_' + one['orderSeq'] for one in listed] == [order], str(listed))
    want(of(alice, 'query-vc-order', orderIndex=order)['data'] == PASSPORT, 'what was applied with')
    refused = client.raw('POST', '/v1/identity/issue-vc', alice.body(True, credentialInfo={
        'applyer': b, 'issuer': a, 'sequence': '1', 'schemaIndex': schema['schemaIndex'],
        'data': '{"name": "x"}'}))
    want(refused.status == 500 and 'age' in refused.json()['errorMsg'], str(refused))
    index = of(alice, 'issue-vc', credentialInfo={
        'applyer': b, 'issuer': a, 'sequence': '10025469331', 'schemaIndex': schema['schemaIndex'],
        'expirationDate': '4102444800', 'data': CREDENTIAL})['vcIndex']
    want(index == a + '_10025469331', index)
    alice.ask_signed(client, 'POST', '/v1/identity/vc-order', orderIndex=order, vcIndex=index)
    want(of(bob, 'query-vc-order', orderIndex=order)['vcIndex'] == index, 'the answer')
    held = of(bob, 'query-vc', vcIndex=index)
    want(held['data'] == CREDENTIAL and held['credentialSubject']['owner'] == b, str(held))
    sealed = base64.b64decode(held['encryptData'])
    want(held['credentialSubject']['dataHash'] == hashlib.sha256(sealed).hexdigest(), 'its hash')
    want(alice.verifies({name: held[name] for name in held
                         if name not in ('proof', 'encryptData', 'data')},
                        base64.b64decode(held['proof']['signatureValue'])), 'its proof')
    want(of(alice, 'verify-vc', vcIndex=index, owner=b)['isOwned'] is True, 'it is good')
    want(of(alice, 'verify-vc', vcIndex=index, owner=a)['isOwned'] is False, 'another owner')
    refused = client.raw('POST', '/v1/identity/verify-vc', bob.body(True, vcIndex=index))
    want((refused.status, refused.json()['errorCode']) == (400, 'BCS.5002046'), str(refused))


def data_sharing(s):
    if shutil.which('openssl') is None:
        return 'there is no openssl'
    world, client = s.world, s.client
    openssl = authority(s)
    alice, bob = openssl.member('alice'), openssl.member('bob')

    a = alice.ask(client, 'POST', '/v1/identity/did')['did']
    b = bob.ask_signed(client, 'POST', '/v1/identity/did')['did']
    document = bob.ask_signed(client, 'PUT', '/v1/identity/did', zipped=True, did=b,
                              service=[{'type': 'T', 'serviceEndpoint': 'https://example.com/'}])
    want(document['service'][0]['id'] == b + '#service1', str(document))
    want(alice.ask(client, 'POST', '/v1/identity/query-did', did=b)['updated'] != '', 'updated')

    # larger than what web servers keep in memory unless told to
    plain = base64.b64encode(hashlib.sha256(b'x').digest() * 9000).decode()
    made = alice.ask(client, 'POST', '/v1/datashare/dataset', provider=a, productName='n', productID='p1',
                     sampleUrl='s', dataUrl='d', plainData=plain)
    bob.ask_signed(client, 'POST', '/v1/datashare/dataset/dataset-order', consumer=b, orderSeq='1',
                   provider=a, productID='p1')
    alice.ask(client, 'POST', '/v1/datashare/dataset/authorize-dataset', consumer=b, orderSeq='1')
    opened = bob.ask(client, 'POST', '/v1/datashare/dataset/query-plaintext', consumer=b, orderSeq='1',
                     encryptData=made['encryptData'])
    want(opened['plaintext'] == plain, 'the data is not what it was')
    bob.ask(client, 'PUT', '/v1/datashare/dataset/order', consumer=b, orderSeq='1', orderStatus=0)
    bob.ask(client, 'DELETE', '/v1/datashare/dataset/order', consumer=b, orderSeq='1')
    alice.ask(client, 'DELETE', '/v1/datashare/dataset', provider=a, productID='p1')

    credentials(client, alice, a, bob, b)

    refused = client.raw('POST', '/v1/identity/query-did', bob.body(True, did='did:tally:none'))
    want((refused.status, refused.json()['errorCode']) == (500, 'BCS.5002902'), str(refused))
    refused = client.raw('POST', '/v1/identity/query-did', bob.body(True, did=b),
                         {'X-Forwarded-For': '192.0.2.9'})      # by a proxy without TLS
    want((refused.status, refused.json()['errorCode']) == (500, 'BCS.5002918'), str(refused))
    tls = {'X-Forwarded-For': '192.0.2.9', 'X-Forwarded-Proto': 'https'}
    good(client.raw('POST', '/v1/identity/query-did', bob.body(True, did=b), tls))
    refused = client.raw('GET', '/v1/identity/did')
    want((refused.status, refused.headers['Allow']) == (405, 'POST, PUT'), str(refused))

    # neither keys nor data are left in a file: of the server, of its log, of the store
    secrets = [alice.key.split('\n')[1][40:].encode(), bob.key.split('\n')[1][40:].encode(),
               plain[1000:1100].encode(), base64.b64decode(plain)[1000:1064],
               PASSPORT[4:].encode(), CREDENTIAL[10:34].encode()]
    left = [path for path in files_with(world.work, secrets)
            if not path.startswith(openssl.directory)]
    want(not left, 'secrets are left in %s' % left)
    want(len(files_with(openssl.directory, secrets)) == 2, 'the search finds nothing')


# ---- what is under way leaves no trace either ----

SERVERS = ('lighttpd', 'apache2', 'nginx', 'tally.fcgi')


def processes():
    """Process ids of web servers and of ours."""
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            if os.path.basename(os.readlink('/proc/%s/exe' % pid)) in SERVERS:
                yield pid
        except OSError:
            pass


def open_files_with(pids, secrets):
    """Files that these processes have open, with or without a name, and that hold one of these."""
    found = []
    for pid in pids:
        directory = '/proc/%s/fd' % pid
        try:
            names = os.listdir(directory)
        except OSError:
            continue
        found += [os.readlink(os.path.join(directory, name)) for name in names
                  if not in_memory(os.path.join(directory, name)) and
                  has(os.path.join(directory, name), secrets)]
    return found


def in_memory(path):
    """A file of a tmpfs is no more on a disk than what a program has."""
    try:
        return os.stat(path).st_dev == os.stat('/dev/shm').st_dev
    except OSError:
        return False


def waits_to_be_read(local, remote):
    """Bytes that were sent on a connection of IPv4 on this machine and not taken yet: at either end."""
    ends = {'%04X' % local: '%04X' % remote, '%04X' % remote: '%04X' % local}
    waiting = 0
    with open('/proc/net/tcp') as f:
        for line in f.readlines()[1:]:
            words = line.split()
            here, there = words[1].split(':')[1], words[2].split(':')[1]
            if ends.get(here) == there:
                waiting += sum(int(one, 16) for one in words[4].split(':'))
    return waiting


def held_bodies(s):
    """While the end of a body is not there yet, what came is in no file: of a web server's temporary
    ones, of ours, of any that they have open."""
    if shutil.which('openssl') is None:
        return 'there is no openssl'
    world, client = s.world, s.client
    alice = authority(s).member('held')
    plain = base64.b64encode(hashlib.sha256(os.urandom(16)).digest() * 20000).decode()
    body = alice.body(True, provider='did:tally:x', productName='n', productID='p', sampleUrl='s',
                      dataUrl='d', plainData=plain)
    secrets = [alice.key.split('\n')[1][40:].encode(), plain[1000:1100].encode()]

    def left():
        return [path for path in files_with(world.work, secrets)
                if not path.startswith(s.authority.directory)] + open_files_with(processes(), secrets)

    def send(path, check):
        with client.socket() as sock:
            sock.sendall(b'POST %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json'
                         b'\r\nContent-Length: %d\r\n\r\n'
                         % ((client.mount + path).encode(), len(body)))
            sock.sendall(body[:-1])
            port = sock.getsockname()[1]
            want(wait_until(lambda: waits_to_be_read(port, client.port) == 0, 20), 'it is not read')
            check()
            sock.sendall(body[-1:])
            answer = b''
            while True:
                more = sock.recv(65536)
                if not more:
                    return answer
                answer += more

    def none():
        found = left()
        want(not found, 'secrets are in %s' % found)

    answer = send('/v1/datashare/dataset', none)
    want(b'BCS.5002913' in answer, answer[:300])        # all of it came: its caller has no DID
    none()
    with tempfile.TemporaryFile() as f:                 # the search finds what has no name
        f.write(body)
        f.flush()
        want(len(open_files_with([os.getpid()], secrets)) == 1, 'the search finds nothing')
    if s.server == 'nginx':                             # and what a server puts away, elsewhere
        send('/elsewhere', lambda: want(wait_until(left, 10), 'no body is ever put away'))


# ---- memory ----

def memory_with(pid, secrets):
    """Which of these are in the memory of a process; None: it may not be read."""
    found = set()
    try:
        with open('/proc/%d/maps' % pid) as maps, open('/proc/%d/mem' % pid, 'rb', 0) as memory:
            for line in maps:
                words = line.split()
                begin, end = (int(part, 16) for part in words[0].split('-'))
                if not words[1].startswith('r') or words[-1] in ('[vvar]', '[vsyscall]'):
                    continue
                try:
                    memory.seek(begin)
                    data = memory.read(end - begin)
                except (OSError, OverflowError, ValueError):
                    continue
                found.update(name for name, secret in secrets.items() if secret in data)
    except PermissionError:
        return None
    except (FileNotFoundError, ProcessLookupError):
        pass                                            # it ended
    return found


def nothing_in_memory(s):
    """Once a request is answered, neither private key nor data are anywhere in the program's memory."""
    if shutil.which('openssl') is None:
        return 'there is no openssl'
    world, client = s.world, s.client
    alice, bob = authority(s).member('memory-a'), authority(s).member('memory-b')
    data = os.urandom(100000)
    plain = base64.b64encode(data).decode()
    a = alice.ask(client, 'POST', '/v1/identity/did')['did']
    b = bob.ask(client, 'POST', '/v1/identity/did')['did']
    made = alice.ask(client, 'POST', '/v1/datashare/dataset', provider=a, productName='n',
                     productID='memory', sampleUrl='s', dataUrl='d', plainData=plain)
    alice.ask(client, 'POST', '/v1/datashare/dataset/share', provider=a, productName='n',
              productID='memory2', plainData=plain, consumer=b, orderSeq='memory', onChainStore=True)
    opened = bob.ask(client, 'POST', '/v1/datashare/dataset/query-plaintext', consumer=b, orderSeq='memory',
                     onChainStore=True)
    want(opened['plaintext'] == plain and made['encryptData'], 'the data is not what it was')
    # also what is refused, at every step
    for change in ({'provider': b}, {'cert': 'x'}, {'orgID': 'none'}, {'timestamp': 'x'}, {'productID': ''}):
        fields = dict(provider=a, productName='n', productID='memory3', sampleUrl='s', dataUrl='d',
                      plainData=plain)
        refused = client.raw('POST', '/v1/datashare/dataset', alice.body(True, **dict(fields, **change)))
        want(refused.status == 500, str(refused))
    client.raw('POST', '/v1/datashare/dataset', alice.body(True, plainData=plain)[:-1])

    secrets = {}
    for who in (alice, bob):
        lines = who.key.split('\n')
        der = base64.b64decode(''.join(lines[1:-2]))
        scalar = der[der.index(b'\x04\x20') + 2:][:32]
        # the number begins within the first line; a part of it is too much already
        secrets.update({who.name + ' line 1': lines[1][-16:].encode(), who.name + ' line 2': lines[2][:16].encode(),
                        who.name + ' number': scalar[:16], who.name + ' end of number': scalar[16:],
                        who.name + ' number, other end first': scalar[::-1][:16]})
    for at in range(0, len(data), 5000):
        secrets['data at %d' % at] = data[at:at + 24]
        secrets['data at %d, base64' % at] = plain[at:at + 24].encode()
    if s.is_cgi:
        return 'no process stays'
    pids = world.responders()
    want(pids, 'there is no process')
    if any(memory_with(pid, secrets) is None for pid in pids):
        return 'the memory of another process may not be read here'
    # one that is still ending its request has a moment for it
    left = {}

    def clean():
        left.clear()
        left.update((pid, found) for pid in pids if (found := memory_with(pid, secrets)))
        return not left

    want(wait_until(clean, 10), 'in memory: %s' % {pid: sorted(found)[:8] for pid, found in left.items()})
    # what is there is found
    url = {'mount': client.mount.encode() or b'tally', 'store': world.work.encode()}
    want(any(memory_with(pid, url) for pid in pids), 'the search finds nothing')
