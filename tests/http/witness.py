"""Witnesses over HTTP: real web servers in front of real witnesses, a store that has its ledgers
cosigned by them while one witness is dead and one says nothing, forks, and witnesses that are killed."""

import base64
import hashlib
import os
import random
import re
import shutil
import signal
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'proof'))
import pylog
import verify_cosigned
import verify_tiles

import cases
from cases import good, want
from client import Client
from starts import free_port
from world import wait_until

POLICY = '''[witness]
policy = "%s"
timeout = %s
interval = 200ms
[log]
level = info
'''


class Witness:
    """One that runs behind a web server."""

    def __init__(self, world, name, server='lighttpd', logs=()):
        self.world, self.name, self.server = world, name, server
        self.directory = os.path.join(world.work, name)
        self.vkey = world.run(world.tally, 'witness', 'init', '--directory', self.directory,
                              name + '.example').stdout.decode().strip()
        for vkey in logs:
            self.add(vkey)
        self.url = self.client = None

    def add(self, vkey):
        self.world.run(self.world.tally, 'witness', 'add-log', '--directory', self.directory, vkey)

    def start(self, listen='127.0.0.1:0'):
        done = self.world.run(self.world.tally, 'witness', 'run', '--directory', self.directory,
                              '--listen', listen, '--server', self.server, '--daemon', check=False)
        if done.returncode != 0:
            log = os.path.join(self.directory + '.serve', 'serve.log')
            raise AssertionError('the witness does not start: %r %s' % (
                done.stderr, open(log).read()[-1000:] if os.path.exists(log) else ''))
        self.url = done.stdout.decode().strip() + 'witness'
        self.client = Client(done.stdout.decode().strip().rstrip('/'), timeout=60)
        return self

    def stop(self):
        if self.url is not None:
            self.world.run(self.world.tally, 'witness', 'run', '--directory', self.directory,
                           '--stop', check=False)
        self.url = None

    def ask(self, request):
        return self.client.raw('POST', '/witness/add-checkpoint', request)

    def last(self, origin):
        return self.client.raw('GET', '/witness/%s/checkpoint'
                               % hashlib.sha256(origin.encode()).hexdigest())

    def held(self, origin):
        answer = self.last(origin)
        return int(answer.body.split(b'\n')[1]) if answer.status == 200 else 0

    def public(self):
        return base64.b64decode(self.vkey.split('+', 2)[2])[1:]


def policy_of(witnesses, quorum='enough', log=None):
    lines = ['log ' + log] if log else []
    lines += ['witness %s %s %s' % w for w in witnesses]
    lines += ['group enough 2 ' + ' '.join(w[0] for w in witnesses), 'quorum ' + quorum]
    return '\n'.join(lines) + '\n'


def write(path, text):
    with open(path, 'w') as f:
        f.write(text)
    os.chmod(path, 0o644)
    return path


class Silent:
    """Takes connections and never answers."""

    def __init__(self):
        self.socket, self.taken = socket.socket(), []
        self.socket.bind(('127.0.0.1', 0))
        self.socket.listen(16)
        self.url = 'http://127.0.0.1:%d/witness' % self.socket.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        try:
            while True:
                self.taken.append(self.socket.accept()[0])
        except OSError:
            pass

    def open(self):
        """Connections whose client still waits."""
        count = 0
        for c in self.taken:
            try:
                c.setblocking(False)
                while c.recv(65536):
                    pass
            except BlockingIOError:
                count += 1
            except OSError:
                pass
        return count

    def close(self):
        self.socket.close()
        for c in self.taken:
            c.close()


# ---- a witness ----

def play_log(name, count, seed=b'1', tail=b''):
    key = pylog.Key(name, hashlib.sha256(seed).digest())
    return pylog.Log(key, [b'%d%s' % (i, tail if i >= 40 else b'') for i in range(count)])


def answers_as_the_text_says(world):
    """Through each web server, FastCGI and CGI."""
    log, fork = play_log('played.example/log', 200), play_log('played.example/log', 200, tail=b'x')
    other = play_log('played.example/log', 200, seed=b'2')
    for server in ('lighttpd', 'lighttpd-cgi', 'nginx', 'apache', 'apache-cgi'):
        if not world.have({'l': 'lighttpd', 'n': 'nginx', 'a': 'apache2'}[server[0]]):
            continue
        witness = Witness(world, 'w-' + server, server, [log.key.vkey()]).start()
        ask = lambda body: (lambda a: (a.status, a.headers['Content-Type'], a.body))(witness.ask(body))
        try:
            want(witness.last(log.key.name).status == 404, server)
            for body, status in ((b'', 400), (b'old 0\n', 400), (log.request(0, 5)[:-1], 400),
                                 (log.request(0, 5).replace(b'old 0', b'old 00'), 400),
                                 (other.request(0, 5), 403), (log.request(7, 9), 409),
                                 (play_log('unknown.example', 5).request(0, 5), 404),
                                 (log.request(9, 5), 400), (log.request(0, 9, 5), 422)):
                want(ask(body)[0] == status, '%s: %r: %r' % (server, body[:40], ask(body)))
            status, kind, line = ask(log.request(0, 50))
            want(status == 200, '%s: %r' % (server, line))
            now = pylog.cosignature_time(log.checkpoint(50), line, witness.public())
            want(now is not None and abs(now - time.time()) < 600, '%s: %r' % (server, now))
            want(ask(log.request(0, 60)) == (409, 'text/x.tlog.size', b'50\n'), '%r' % (ask(log.request(0, 60)),))
            want(ask(fork.request(50, 60))[0] == 422, server)
            want(ask(fork.request(50, 50))[0] == 422, server)
            want(ask(log.request(50, 199))[0] == 200, server)
            last = witness.last(log.key.name)
            want(last.status == 200 and last.body.startswith(b'played.example/log\n199\n') and
                 last.body.count('\u2014 '.encode()) == 2, str(last))
            want(witness.ask(b'x' * 100000).status == 413, server)
            want(witness.client.raw('GET', '/witness/add-checkpoint').status == 405, server)
            want(witness.client.raw('GET', '/witness/').status == 404, server)
            state = world.run(world.tally, 'witness', 'status', '--directory', witness.directory,
                              check=False)
            want(state.returncode == 1 and b'CONFLICT: played.example/log' in state.stdout, '%r' % state)
        finally:
            witness.stop()


def of_many_clients_one_wins(world):
    """Of requests from one size exactly one is cosigned; all that were make one chain."""
    if not world.have('lighttpd'):
        return 'there is no lighttpd'
    log, clients = play_log('played.example/log', 400), 8
    requests = {}
    witness = Witness(world, 'w-many', logs=[log.key.vkey()]).start()
    won, strange, lock = [], [], threading.Lock()

    def request(old, new):
        with lock:
            if (old, new) not in requests:
                requests[old, new] = log.request(old, new)
            return requests[old, new]

    def run(number):
        known, tries = 0, 0
        while known < 390 and tries < 200:
            tries += 1
            new = min(known + 1 + (number + tries) % 7, 399)
            answer = witness.ask(request(known, new))
            if answer.status == 200:
                with lock:
                    won.append((known, new))
                known = new
            elif answer.status == 409:
                known = int(answer.body)
            else:
                with lock:
                    strange.append(str(answer))

    try:
        threads = [threading.Thread(target=run, args=(n,)) for n in range(clients)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        want(not strange, strange[:1])
        want(len(won) > 20 and len({old for old, _ in won}) == len(won), 'one size was continued twice')
        at, chain = 0, dict(won)
        for _ in range(len(won)):
            at = chain.pop(at)
        want(not chain and at == witness.held(log.key.name), 'not one chain: %r' % chain)
    finally:
        witness.stop()


def killed_it_never_goes_back(world):
    """Its programs are killed at random moments, also between storing and answering."""
    if not world.have('lighttpd'):
        return 'there is no lighttpd'
    seed = random.randrange(1 << 32)
    print('# killed_it_never_goes_back: seed %d' % seed)
    chance = random.Random(seed)
    log, fork = play_log('played.example/log', 2000), play_log('played.example/log', 2000, tail=b'x')
    # As CGI: a process for each request, so that each kill is in the middle of one.
    witness = Witness(world, 'w-killed', 'lighttpd-cgi', [log.key.vkey()]).start()
    stop, kills = threading.Event(), [0]

    def killer():
        while not stop.is_set():
            for pid in world.responders():
                try:
                    os.kill(pid, signal.SIGKILL)
                    kills[0] += 1
                except ProcessLookupError:
                    pass
            stop.wait(chance.random() * 0.005)

    known, unanswered = 0, 0
    thread = threading.Thread(target=killer)
    try:
        want(witness.ask(log.request(0, 45)).status == 200, 'the first')
        known = 45
        thread.start()
        end = time.monotonic() + 60
        while kills[0] < 20 and known < 1990 and time.monotonic() < end:
            new = known + 1 + chance.randrange(3)
            try:
                answer = witness.ask(log.request(known, new))
            except OSError:
                answer = None
            if answer is not None and answer.status == 200:
                known = new
                continue
            # Not known: who asks from the old size is cosigned, or told the new one; never less.
            unanswered += 1
            stop.set()
            thread.join()
            want(wait_until(lambda: witness.client.raw('GET', '/healthz').status == 200, 20),
                 'it does not come back')
            held = witness.held(log.key.name)
            want(held in (known, new), 'it held %d, was asked for %d, holds %d' % (known, new, held))
            want(witness.ask(fork.request(held, held + 1)).status == 422, 'a fork was cosigned')
            known = held
            stop.clear()
            thread = threading.Thread(target=killer)
            thread.start()
        stop.set()
        thread.join()
        want(kills[0] >= 20, 'only %d kills' % kills[0])
        want(wait_until(lambda: witness.client.raw('GET', '/healthz').status == 200, 20), 'it is gone')
        want(witness.held(log.key.name) == known, 'it holds %d' % witness.held(log.key.name))
    finally:
        stop.set()
        witness.stop()


# ---- a store whose ledgers are cosigned ----

def serve_cosigned(world, name, witnesses, timeout='2s', quorum='enough', public='true'):
    """A server that asks these witnesses; (running, client, ledger, vkey, store)."""
    path = write(os.path.join(world.work, name + '.policy'), policy_of(witnesses, quorum))
    store = world.store(name, POLICY % (path, timeout))
    running = world.serve(store[1], 'lighttpd', name=name + '.run')
    client = Client(running.url, store[2], store[3])
    made = client.call('CreateLedger', LedgerName='seen', PublicRead=public)
    want(made.status == 200, '%s %s' % (made, running.log()[-1500:]))
    ledger = made.json()['LedgerId']
    vkey = good(client.call('GetCheckpoint', LedgerId=ledger)).json()['VerifierKey']
    return running, client, ledger, vkey, store


def append(client, ledger, text):
    return int(good(client.call('AppendJournal', 'POST', LedgerId=ledger, Payload=text)).json()['JournalId'])


def published(client, ledger):
    answer = client.raw('GET', '/log/%s/checkpoint' % ledger)
    return int(answer.body.split(b'\n')[1]) if answer.status == 200 else -answer.status


def cosigned_while_one_is_dead(world):
    """Two of three cosign; the third is not there. Verified by a client that shares no code."""
    if not world.have('lighttpd'):
        return 'there is no lighttpd'
    one = Witness(world, 'one').start()
    two = Witness(world, 'two', 'nginx' if world.have('nginx') else 'lighttpd').start()
    dead = Witness(world, 'dead')
    dead_url = 'http://127.0.0.1:%d/witness' % free_port()
    trio = [('one', one.vkey, one.url), ('two', two.vkey, two.url), ('dead', dead.vkey, dead_url)]
    running, client, ledger, vkey, store = serve_cosigned(world, 'seen', trio)
    policy = verify_cosigned.Policy(write(os.path.join(world.work, 'seen.verifier'),
                                          policy_of(trio, log=vkey)))
    try:
        answer = client.raw('GET', '/log/%s/checkpoint' % ledger)
        want(answer.status == 503 and answer.headers['Retry-After'], 'before it is cosigned: %s' % answer)
        for w in (one, two, dead):
            w.add(vkey)
        for i in range(300):
            append(client, ledger, 'journal %d' % i)
        want(wait_until(lambda: published(client, ledger) == 301, 60), 'it is not cosigned: %s'
             % running.log()[-2000:])
        note = client.raw('GET', '/log/%s/checkpoint' % ledger).body
        size, signed = verify_cosigned.check(policy, note)
        want(size == 301 and sorted(signed) == ['one', 'two'], '%r' % signed)
        reply = good(client.call('GetCheckpoint', LedgerId=ledger)).json()
        want(reply['CosignedCheckpoint'].encode() == note and reply['TreeSize'] == 301, '%r' % reply)
        # Every file that this checkpoint needs is there.
        log = verify_tiles.Log('%s/log/%s' % (running.url, ledger))
        want(verify_tiles.check_log(log, vkey) == 301, 'tiles')
        # The dead one was told of once, and comes to life.
        want(running.log().count('event=witness.silent witness=dead') == 1, running.log()[-2000:])
        dead.start(dead_url.split('/')[2])
        append(client, ledger, 'one more')
        def all_three():
            note = client.raw('GET', '/log/%s/checkpoint' % ledger).body
            return sorted(verify_cosigned.check(policy, note)[1]) == ['dead', 'one', 'two']
        want(wait_until(all_three, 60), 'the third is not asked again: %s' % running.log()[-1500:])
        want('event=witness.back witness=dead' in running.log(), running.log()[-1500:])
    finally:
        want(running.stop(), 'the server does not stop')
        for w in (one, two, dead):
            w.stop()
    # What was cosigned is there at once after a start, with no witness to be asked.
    running = world.serve(store[1], 'lighttpd', name='seen.run')
    client = Client(running.url, store[2], store[3])
    want(published(client, ledger) == 302, 'after a start: %d' % published(client, ledger))
    want(running.stop(), 'the server does not stop')


def a_silent_witness_slows_nobody(world):
    """While one says nothing for as long as it may: appends go on, others make the quorum, and the
    server stops without waiting for it."""
    if not world.have('lighttpd'):
        return 'there is no lighttpd'
    one, silent, third = Witness(world, 'fast').start(), Silent(), Witness(world, 'mute')
    pair = [('fast', one.vkey, one.url), ('mute', third.vkey, silent.url)]
    running, client, ledger, vkey, store = serve_cosigned(world, 'slow', pair, '300s', 'fast')
    try:
        one.add(vkey)
        want(wait_until(lambda: silent.open() > 0, 30), 'it was not asked')
        for i in range(200):
            append(client, ledger, 'while it waits %d' % i)
        want(silent.open() > 0, 'the silent one was given up meanwhile')
        want(published(client, ledger) in (-503, 1) or published(client, ledger) > 0, 'no answer')
    finally:
        begin = time.monotonic()
        stopped = running.stop()
        took = time.monotonic() - begin
        one.stop()
        silent.close()
    want(stopped and took < 30, 'stopping took %d s' % took)


def private_ledgers_are_shown_or_not(world):
    """ledgers = public: a witness learns nothing of the others."""
    if not world.have('lighttpd'):
        return 'there is no lighttpd'
    witness = Witness(world, 'curious').start()
    path = write(os.path.join(world.work, 'private.policy'),
                 'witness curious %s %s\nquorum curious\n' % (witness.vkey, witness.url))
    settings = (POLICY % (path, '2s')).replace('[log]', 'ledgers = public\n[log]')
    store = world.store('private', settings)
    running = world.serve(store[1], 'lighttpd', name='private.run')
    client = Client(running.url, store[2], store[3])
    try:
        ids = {}
        for public in ('true', 'false'):
            ids[public] = good(client.call('CreateLedger', LedgerName=public, PublicRead=public)).json()['LedgerId']
            witness.add(good(client.call('GetCheckpoint', LedgerId=ids[public])).json()['VerifierKey'])
        def cosigned(ledger):
            return 'CosignedCheckpoint' in good(client.call('GetCheckpoint', LedgerId=ledger)).json()
        append(client, ids['false'], 'hidden')
        append(client, ids['true'], 'seen')
        want(wait_until(lambda: cosigned(ids['true']), 60), running.log()[-1000:])
        append(client, ids['true'], 'seen')
        want(wait_until(lambda: published(client, ids['true']) == 3, 60), running.log()[-1000:])
        want(not cosigned(ids['false']), 'the private one was shown')
    finally:
        running.stop()
        witness.stop()


def an_older_copy_is_found_out(world):
    """All that a machine remembers was put back. The server learns it from a witness, and stops
    writing and signing."""
    if not world.have('lighttpd'):
        return 'there is no lighttpd'
    witness = Witness(world, 'elephant').start()
    path = write(os.path.join(world.work, 'older.policy'),
                 'witness elephant %s %s\nquorum elephant\n' % (witness.vkey, witness.url))
    store = world.store('older', POLICY % (path, '2s'))
    files = [store[0], store[0] + '.key', store[0] + '.key.high', store[0] + '.key.cosigned']
    running = world.serve(store[1], 'lighttpd', name='older.run')
    client = Client(running.url, store[2], store[3])
    ledger = good(client.call('CreateLedger', LedgerName='x', PublicRead='true')).json()['LedgerId']
    vkey = good(client.call('GetCheckpoint', LedgerId=ledger)).json()['VerifierKey']
    witness.add(vkey)
    try:
        append(client, ledger, 'kept')
        want(wait_until(lambda: published(client, ledger) == 2, 60), 'not cosigned')
        want(running.stop(), 'it does not stop')
        aside = os.path.join(world.work, 'older.aside')
        world.run('mkdir', aside)
        for f in files:
            world.run('cp', '-a', f, aside) if os.path.exists(f) else None
        running = world.serve(store[1], 'lighttpd', name='older.run')
        client = Client(running.url, store[2], store[3])
        append(client, ledger, 'lost')
        append(client, ledger, 'lost too')
        want(wait_until(lambda: published(client, ledger) == 4, 60), 'not cosigned')
        want(running.stop(), 'it does not stop')
        # File by file, so that the lock file stays the one it was.
        for name in os.listdir(store[0]):
            if name not in ('lock', 'owner'):
                p = os.path.join(store[0], name)
                shutil.rmtree(p) if os.path.isdir(p) else os.unlink(p)
        world.run('cp', '-a', '--no-clobber', os.path.join(aside, os.path.basename(store[0])) + '/.', store[0])
        for f in files[1:]:
            shutil.rmtree(f, ignore_errors=True) if os.path.isdir(f) else os.path.exists(f) and os.unlink(f)
            world.run('cp', '-a', os.path.join(aside, os.path.basename(f)), f)
        running = world.serve(store[1], 'lighttpd', name='older.run')
        client = Client(running.url, store[2], store[3])
        want(published(client, ledger) == 2, 'it was put back: %d' % published(client, ledger))
        def is_read_only():
            answer = client.call('AppendJournal', 'POST', LedgerId=ledger, Payload='fork')
            return answer.status == 403 and answer.code() == 'LedgerReadOnly'
        want(wait_until(is_read_only, 60), running.log()[-2000:])
        answer = client.call('GetCheckpoint', LedgerId=ledger)
        want(answer.status == 403 and re.search('(4 were|was) signed', answer.json()['Message']), str(answer))
        want(good(client.call('GetJournal', LedgerId=ledger, JournalId='1')).json(), 'it is not read')
        want(witness.held(vkey.split('+')[0]) == 4, 'the witness went back')
    finally:
        running.stop()
        witness.stop()


CASES = [answers_as_the_text_says, of_many_clients_one_wins, killed_it_never_goes_back,
         cosigned_while_one_is_dead, a_silent_witness_slows_nobody,
         private_ledgers_are_shown_or_not, an_older_copy_is_found_out]
