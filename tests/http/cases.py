"""The cases that every web server has to pass, at the root and below a path."""

import json
import os
import signal
import socket
import threading
import time
import urllib.parse

from client import Client, sign
from sharing import data_sharing, held_bodies, nothing_in_memory
from world import wait_until

BODY_LIMIT = 1 << 20


def want(condition, text):
    if not condition:
        raise AssertionError(text)


def good(answer):
    want(answer.status == 200, str(answer))
    return answer


class Setting:
    """One server that runs, and a ledger of its own."""

    def __init__(self, world, running, client, server):
        self.world, self.running, self.client, self.server = world, running, client, server
        self.is_cgi = server.endswith('-cgi') or server == 'htaccess'
        made = good(client.call('CreateLedger', LedgerName='suite', PublicRead='true')).json()
        self.ledger = made['LedgerId']

    def append(self, payload, **params):
        return int(good(self.client.call('AppendJournal', 'POST', LedgerId=self.ledger,
                                         Payload=payload, **params)).json()['JournalId'])

    def count(self):
        return int(good(self.client.call('DescribeLedger', LedgerId=self.ledger)
                        ).json()['Ledger']['JournalCount'])

    def payloads(self):
        """All CUSTOM journals: id to payload."""
        found, token = {}, ''
        while True:
            page = good(self.client.call('ListJournals', LedgerId=self.ledger, NextToken=token,
                                         PayloadType='CUSTOM')).json()
            journals = page['Journals']
            for journal in journals.get('Journal', []) if isinstance(journals, dict) else journals:
                found[int(journal['JournalId'])] = journal['PayloadJsonString']
            token = page.get('NextToken', '')
            if not token:
                return found


# ---- routing ----

def every_row_of_the_url_map(s):
    for method, path in (('GET', '/'), ('POST', '/'), ('GET', '/?Action=X'), ('GET', '/healthz'),
                         ('GET', '/v1/datashare/query-process'), ('POST', '/v1/datashare/a/b'),
                         ('POST', '/v1/identity/did'), ('GET', '/log/%s/checkpoint' % s.ledger),
                         ('GET', '/log/%s/tile/0/x001/067' % s.ledger),
                         ('GET', '/log/%s/tile/entries/000.p/3' % s.ledger),
                         ('GET', '/explorer/'), ('GET', '/explorer/x.js'), ('GET', '/metrics')):
        answer = s.client.raw(method, path, b'' if method == 'POST' else None)
        want(len(answer.headers.get_all('X-Request-Id', [])) == 1,
             '%s %s did not reach the service: %s' % (method, path, answer))
        if path.startswith('/v1/'):
            want('errorCode' in answer.json(), '%s: %s' % (path, answer))
    answer = s.client.raw('GET', '/healthz')
    want(answer.status == 200 and answer.body.strip() == b'ok', str(answer))


def mount_point_without_slash(s):
    if not s.client.mount:
        return
    bare = Client('http://127.0.0.1:%d' % s.client.port)
    answer = bare.raw('GET', s.client.mount + '?Action=GetJournal&Version=2019-11-22&LedgerId=%s'
                      '&JournalId=0' % s.ledger)
    want(answer.status == 200 and answer.json()['Journal']['JournalId'] == '0', str(answer))
    answer = bare.raw('GET', s.client.mount + 'x/healthz')
    want('X-Request-Id' not in answer.headers, 'a longer name is not ours: %s' % answer)


def escaped_paths_arrive(s):
    answer = s.client.raw('GET', '/%68ealthz')
    want('X-Request-Id' in answer.headers, str(answer))
    answer = s.client.raw('GET', '/log/a%2Fb/checkpoint')
    want('X-Request-Id' in answer.headers, str(answer))


def logs_are_files(s):
    """Checkpoint, tile and entries arrive whole, with their types and how long they may be kept."""
    s.append('logged')
    answer = good(s.client.raw('GET', '/log/%s/checkpoint' % s.ledger))
    lines = answer.body.decode().split('\n')
    size = int(lines[1])
    want(lines[0].endswith('/' + s.ledger) and size == s.count(), str(answer))
    want(answer.headers['Content-Type'] == 'text/plain; charset=utf-8', str(answer))
    want(answer.headers['Cache-Control'] == 'public, max-age=3', str(answer))
    for path, least in (('tile/0/000.p/%d', 32 * size), ('tile/entries/000.p/%d', 100 * size)):
        answer = good(s.client.raw('GET', '/log/%s/%s' % (s.ledger, path % size)))
        want(len(answer.body) >= least, '%s: %s' % (path, answer))
        want(answer.headers['Content-Type'] == 'application/octet-stream', str(answer))
        want('immutable' in answer.headers['Cache-Control'], str(answer))
    answer = s.client.raw('GET', '/log/%s/tile/0/000.p/%d' % (s.ledger, size + 1))
    want(answer.status == 404, str(answer))


# ---- actions ----

def actions_in_json_and_xml(s):
    """Create, append, get and list by GET and POST, JSON and XML."""
    for method in ('GET', 'POST'):
        for format in ('JSON', 'XML'):
            name = '%s %s %s' % (method, format, s.ledger[-6:])
            def call(action, **params):
                return good(s.client.call(action, method, Format=format, **params))
            def value(answer, *path):
                if format == 'XML':
                    return answer.xml().findtext('/'.join(path))
                node = answer.json()
                for step in path:
                    node = node[step]
                return node
            answer = call('CreateLedger', LedgerName=name, ClientToken='create ' + name)
            want(answer.headers['Content-Type'].startswith('text/xml' if format == 'XML' else
                                                           'application/json') or
                 'xml' in answer.headers['Content-Type'] and format == 'XML',
                 answer.headers['Content-Type'])
            ledger = value(answer, 'LedgerId')
            again = call('CreateLedger', LedgerName=name, ClientToken='create ' + name)
            want(value(again, 'LedgerId') == ledger, 'the token made another ledger')
            id = value(call('AppendJournal', LedgerId=ledger, Payload=name, **{'Clues.1': 'c'}),
                       'JournalId')
            want(id == '1', 'JournalId is %r' % id)
            got = call('GetJournal', LedgerId=ledger, JournalId=id)
            want(value(got, 'Journal', 'PayloadJsonString') == name, str(got))
            listed = call('ListJournals', LedgerId=ledger, Clue='c')
            want(name in listed.body.decode(), str(listed))


def encodings_survive(s):
    payloads = ['plain', 'ümläut €𝄞', 'a/b%2Fc', 'a+b c', '%', 'a=b&c=d;e', '"<>&\'', '\t x \n',
                '{"a":[1,"\\u00fc"]}', 'x' * 3000, '~-_.!*()']
    for method in ('GET', 'POST'):
        for payload in payloads:
            answer = s.client.call('AppendJournal', method, LedgerId=s.ledger, Payload=payload)
            id = good(answer).json()['JournalId']
            got = good(s.client.call('GetJournal', LedgerId=s.ledger, JournalId=id)).json()
            want(got['Journal']['PayloadJsonString'] == payload,
                 '%s: %r became %r' % (method, payload, got['Journal']['PayloadJsonString']))


def empty_values_count(s):
    """They are part of the signature and of the meaning."""
    for method in ('GET', 'POST'):
        answer = good(s.client.call('ListJournals', method, LedgerId=s.ledger, NextToken='',
                                    Unknown=''))
        want(answer.json()['RequestId'], str(answer))
        answer = s.client.call('DescribeLedger', method, LedgerId='')
        want(answer.status == 400 and answer.code() in ('MissingParameter', 'InvalidParameter'),
             str(answer))


def plus_is_a_space(s):
    """Only as forms have it; the signature is over the decoded value."""
    from client import sign, encode
    full = sign('GET', dict(Action='AppendJournal', LedgerId=s.ledger, Payload='a b'),
                s.client.key_id, s.client.secret)
    query = '&'.join(encode(k) + '=' + encode(v).replace('%20', '+') for k, v in full.items())
    id = good(s.client.raw('GET', '/?' + query)).json()['JournalId']
    got = good(s.client.call('GetJournal', LedgerId=s.ledger, JournalId=id)).json()
    want(got['Journal']['PayloadJsonString'] == 'a b', str(got))


def as_client_libraries_ask(s):
    """Empty SignatureType, RegionId, True, a format in lower case; everything by POST, with all in the
    query and nothing in the body, or the signature in the query and the rest in the body."""
    journal = s.append('asked for')
    asks = [('DescribeLedger', {}), ('ListJournals', {'Reverse': 'True', 'MaxResults': '1'}),
            ('GetJournal', {'JournalId': str(journal)}), ('GetIpWhiteList', {}),
            ('GetAccessAttribute', {}), ('ListVpcEndpoints', {}), ('DescribeRegions', {})]
    for action, params in asks:
        full = sign('POST', dict(params, Action=action, LedgerId=s.ledger, SignatureType='',
                                 RegionId='cn-hangzhou', Format='json'),
                    s.client.key_id, s.client.secret)
        form = {'Content-Type': 'application/x-www-form-urlencoded'}
        query = urllib.parse.urlencode(full)    # '+' for a space, as some libraries write it
        answer = good(s.client.raw('POST', '/?' + query, b'', form))
        want(answer.json()['RequestId'], action)
        full = sign('POST', dict(params, Action=action, LedgerId=s.ledger, SignatureType=''),
                    s.client.key_id, s.client.secret)
        body = {name: full.pop(name) for name in list(params) + ['LedgerId']}
        good(s.client.raw('POST', '/?' + urllib.parse.urlencode(full),
                          urllib.parse.urlencode(body).encode(), form))


def networks_and_open_access(s):
    """By the client's address, as a trusted proxy tells it; on actions and on files of the log."""
    ledger = good(s.client.call('CreateLedger', LedgerName='held', PublicRead='true')).json()['LedgerId']
    log = '/log/%s/checkpoint' % ledger
    read = '/?Action=DescribeLedger&LedgerId=' + ledger

    def status(path, client):
        return s.client.raw('GET', path, headers={'X-Forwarded-For': client}).status

    want(status(log, '203.0.113.9') == status(read, '203.0.113.9') == 200, 'a list before there is one')
    good(s.client.call('ModifyIpWhiteList', 'POST', LedgerId=ledger, ModifyType='Cover',
                       IpList='203.0.113.0/24,127.0.0.1,2001:db8::/32'))
    for client, wanted in (('203.0.113.9', True), ('198.51.100.1, 203.0.113.9', True),
                           ('203.0.113.9, 198.51.100.1', False), ('2001:db8::7', True),
                           ('2001:db9::7', False), ('127.0.0.1', True)):
        want(status(log, client) == (200 if wanted else 404), 'log file for ' + client)
        want(status(read, client) == (200 if wanted else 403), 'action for ' + client)
    good(s.client.call('ModifyAccessAttribute', 'POST', LedgerId=ledger, EnableOpenAccess='False'))
    want(status(read, '203.0.113.9') == 403, 'open access is off')
    good(s.client.call('GetAccessAttribute', LedgerId=ledger))      # from this host


def chunked_bodies(s):
    payload = 'chunk ' * 5000
    answer = s.client.call('AppendJournal', 'POST', chunked=True, LedgerId=s.ledger,
                           Payload=payload)
    id = good(answer).json()['JournalId']
    got = good(s.client.call('GetJournal', LedgerId=s.ledger, JournalId=id)).json()
    want(got['Journal']['PayloadJsonString'] == payload, 'the payload changed')
    before = s.count()
    good(s.client.batch(s.ledger, ['line %d' % i for i in range(2000)], chunked=True))
    want(s.count() == before + 2000, 'not all of the batch is there')
    for path in ('/v1/datashare/x', '/'):
        answer = s.client.raw('POST', path, iter([b'{"a":', b'1}']),
                              {'Content-Type': 'application/json', 'Transfer-Encoding': 'chunked'},
                              chunked=True)
        want('X-Request-Id' in answer.headers, '%s: %s' % (path, answer))


def head_is_get_without_body(s):
    path = '/?Action=GetJournal&Version=2019-11-22&LedgerId=%s&JournalId=0' % s.ledger
    get, head = s.client.raw('GET', path), s.client.raw('HEAD', path)
    want(head.status == get.status == 200, '%s, %s' % (get, head))
    want(head.body == b'', 'a body')
    want(head.headers['Content-Type'] == get.headers['Content-Type'], str(head.headers))
    want(head.headers.get('Content-Length', get.headers['Content-Length']) ==
         get.headers['Content-Length'], str(head.headers))


def wrong_methods(s):
    before = s.count()
    for method in ('PUT', 'DELETE', 'PATCH'):
        answer = s.client.raw(method, '/?Action=DescribeLedgers', b'')
        want(answer.status == 400 and answer.code() == 'UnsupportedHTTPMethod',
             '%s: %s' % (method, answer))
        want('GET' in answer.headers.get('Allow', ''), '%s without Allow' % method)
    want(s.count() == before, 'something was written')


# ---- broken requests ----

def bad_escapes(s):
    before = s.count()
    for query in ('Action=%zz', 'Action=AppendJournal&Payload=%', '%', '&&&=&', 'Action=%ff%fe',
                  'Action=GetJournal&Action=GetJournal', 'a' * 4000):
        answer = s.client.raw('GET', '/?' + query)
        want(400 <= answer.status < 500 and answer.code(), '%s: %s' % (query[:40], answer))
    want(s.count() == before, 'something was written')


def many_headers(s):
    answer = s.client.raw('GET', '/healthz', headers={'X-H%d' % i: 'v' for i in range(60)})
    want(answer.status == 200, str(answer))


def send_and_break(s, head, part):
    connection = s.client.socket()
    connection.sendall(head.encode() + part)
    # A reset, so that the server learns of it at once.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\1\0\0\0\0\0\0\0')
    connection.close()


def aborted_bodies_write_nothing(s):
    import hashlib
    from client import sign, encode
    before = s.count()
    body = b''.join(b'{"Payload":"aborted %d"}\n' % i for i in range(100))
    cut = body[:body.index(b'aborted 50') - 12]
    for digest in (body, cut):
        full = sign('POST', dict(Action='AppendJournals', LedgerId=s.ledger,
                                 ContentSHA256=hashlib.sha256(digest).hexdigest()),
                    s.client.key_id, s.client.secret)
        query = '&'.join(encode(k) + '=' + encode(v) for k, v in full.items())
        head = 'POST %s/?%s HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\n' % (
            s.client.mount, query)
        if digest is body:
            send_and_break(s, head + 'Content-Length: %d\r\n\r\n' % len(body), cut)
            send_and_break(s, head + 'Transfer-Encoding: chunked\r\n\r\n%x\r\n' % len(cut),
                           cut + b'\r\n')
        elif not s.is_cgi:
            # Even a digest of just what arrived does not help: the length was another.
            send_and_break(s, head + 'Content-Length: %d\r\n\r\n' % len(body), cut)
    send_and_break(s, 'GET %s/?Action' % s.client.mount, b'')
    for _ in range(3):
        good(s.client.raw('GET', '/healthz'))
    want(s.count() == before, 'something was written')


def body_limit(s):
    filler = 'x' * (BODY_LIMIT - 2000)
    good(s.client.call('AppendJournal', 'POST', LedgerId=s.ledger, Payload=filler))
    before = s.count()
    for size in (BODY_LIMIT + 1, BODY_LIMIT * 3):
        for chunked in (False, True):
            try:
                answer = s.client.call('AppendJournal', 'POST', chunked=chunked, LedgerId=s.ledger,
                                       Payload='y' * size)
            except (BrokenPipeError, ConnectionResetError) as e:
                raise AssertionError('no answer to %d bytes (chunked %s): %r' % (size, chunked, e))
            want(answer.status == 413 and answer.code() == 'RequestBodyTooLarge', str(answer))
    want(s.count() == before, 'something was written')


def forwarded_clients(s):
    """The log tells whom the service takes for the client: the store trusts 127.0.0.1."""
    good(s.client.raw('GET', '/healthz', headers={'X-Forwarded-For': '6.6.6.6, 192.0.2.77'}))
    log = os.path.join(s.world.work, 'tally.log')
    want(wait_until(lambda: 'client=192.0.2.77' in open(log).read(), 5), 'not in the log')
    want('client=6.6.6.6' not in open(log).read(), 'a forged address was believed')


# ---- many at once, and ends ----

def in_parallel(count, work):
    failures = []
    def guarded(i):
        try:
            work(i)
        except Exception as e:
            failures.append(e)
    threads = [threading.Thread(target=guarded, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise AssertionError('%d of %d failed, one: %r' % (len(failures), count, failures[0]))


def parallel_appends_are_dense(s):
    before, ids = s.count(), {}
    def work(i):
        payload = 'parallel %d' % i
        ids[s.append(payload)] = payload
    in_parallel(64, work)
    want(sorted(ids) == list(range(before, before + 64)), 'ids are not dense: %r' % sorted(ids))
    kept = s.payloads()
    want(all(kept[i] == ids[i] for i in ids), 'a journal is not what was appended')


class Load:
    """Appends with tokens from several threads until stopped; remembers what was acknowledged."""

    def __init__(self, s, threads=4):
        self.s, self.stop, self.acknowledged, self.lock = s, threading.Event(), {}, threading.Lock()
        self.failed = 0
        self.threads = [threading.Thread(target=self.work, args=(i,)) for i in range(threads)]
        for thread in self.threads:
            thread.start()

    def work(self, number):
        n = 0
        while not self.stop.is_set():
            payload = 'load %x %d %d' % (id_of(self), number, n)
            try:
                id = self.s.append(payload, ClientToken=payload)
            except (AssertionError, OSError, ValueError, Exception):
                self.failed += 1
                time.sleep(0.005)
                continue
            with self.lock:
                self.acknowledged[id] = payload
            n += 1

    def wait_for(self, count, seconds=20):
        want(wait_until(lambda: len(self.acknowledged) >= count, seconds),
             '%d acknowledged, %d failed' % (len(self.acknowledged), self.failed))

    def end(self):
        self.stop.set()
        for thread in self.threads:
            thread.join()

    def check(self, kept):
        for id, payload in self.acknowledged.items():
            want(kept.get(id) == payload, 'journal %d: %r is %r' % (id, payload, kept.get(id)))
        ours = [p for p in kept.values() if p.startswith('load ')]
        want(len(ours) == len(set(ours)), 'something is there twice')


def id_of(thing):
    return id(thing) & 0xffffffff


def killed_and_back_within_a_second(s):
    """SIGKILL under load: where `tally serve` looks after it, tally.fcgi runs again within a
    second; everywhere requests succeed again, and nothing acknowledged is lost."""
    supervised = s.server in ('lighttpd', 'apache', 'nginx')
    load = Load(s)
    try:
        for round in range(3):
            load.wait_for(len(load.acknowledged) + 5)
            before = s.world.responders()
            for pid in before:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            want(not supervised or wait_until(lambda: set(s.world.responders()) - set(before), 1),
                 'it does not run again after a second')
            def answers():
                try:
                    return s.client.raw('GET', '/healthz').status == 200
                except OSError:
                    return False
            want(wait_until(answers, 10), 'it did not come back')
    finally:
        load.end()
    load.check(s.payloads())


def slow_clients_hold_nobody_up(s):
    """Connections that say nothing, or half a request, more than there are threads."""
    idle = []
    try:
        for i in range(60):
            connection = s.client.socket()
            if i % 2:
                connection.sendall(b'POST %s/ HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nab'
                                   % s.client.mount.encode())
            idle.append(connection)
        good(s.client.raw('GET', '/healthz'))
        s.append('among slow ones')
    finally:
        for connection in idle:
            connection.close()


CASES = [
    every_row_of_the_url_map,
    mount_point_without_slash,
    escaped_paths_arrive,
    logs_are_files,
    actions_in_json_and_xml,
    encodings_survive,
    empty_values_count,
    plus_is_a_space,
    as_client_libraries_ask,
    networks_and_open_access,
    chunked_bodies,
    head_is_get_without_body,
    wrong_methods,
    bad_escapes,
    many_headers,
    aborted_bodies_write_nothing,
    body_limit,
    forwarded_clients,
    parallel_appends_are_dense,
    slow_clients_hold_nobody_up,
    data_sharing,
    held_bodies,
    nothing_in_memory,
    killed_and_back_within_a_second,
]


def graceful_stop_loses_nothing(s, restart):
    """Last, for it ends the server: stop under load; what was acknowledged is in the store."""
    load = Load(s)
    try:
        load.wait_for(20)
        begun = time.monotonic()
        want(s.running.stop(), 'it did not stop in an orderly way')
        took = time.monotonic() - begun
    finally:
        load.end()
    want(took < 10, 'stopping took %.1f s' % took)
    want(wait_until(lambda: s.world.responders() == [], 15), 'tally.fcgi is left')
    out = s.world.run(s.world.tally, 'list', '--config', s.running.config, '--json', s.ledger).stdout
    s2 = restart()
    s2.ledger = s.ledger
    load.check(s2.payloads())
    want(len(out) > 0, 'the command line finds nothing')
