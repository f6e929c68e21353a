"""Ten client processes append to one ledger at once: four through FastCGI, three through plain CGI,
three by the command line. The owner is killed on the way. Afterwards ids are dense, nothing is lost
or there twice, and an audit that shares no code with the program arrives at the ledger's root.

300 journals each, on every durable driver; 10,000 each with TALLY_TEST_FULL set."""

import collections
import json
import os
import signal
import subprocess
import sys
import time
import traceback

from cases import good, want
from client import Client
from world import wait_until

EACH = int(os.environ.get('TALLY_TEST_EACH') or (10000 if os.environ.get('TALLY_TEST_FULL') else 300))
PATIENCE = 120		# seconds that one journal may take, owners being killed

AUDIT = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'proof/verify_export.py')


def insist(client, ledger, payload):
    """The id of one journal; what fails is sent again with the same token."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            answer = client.call('AppendJournal', 'POST', LedgerId=ledger, Payload=payload,
                                 ClientToken=payload)
            if answer.status == 200:
                return int(answer.json()['JournalId'])
            what = str(answer)
            want(answer.status in (500, 502, 503, 504), what)
        except (OSError, ValueError) as e:
            what = repr(e)
        want(time.monotonic() < end, '%s: %s' % (payload, what))
        time.sleep(0.01)


def over_http(out, client, ledger, number):
    for i in range(EACH):
        payload = 'client %d journal %d' % (number, i)
        out.write('%d %s\n' % (insist(client, ledger, payload), payload))
        if i % 50 == 0:
            out.flush()


def by_command(out, world, config, ledger, number):
    """Small batches, so that it takes part in the crowd; run again where it was cut off."""
    lines = ''.join('client %d journal %d\n' % (number, i) for i in range(EACH)).encode()
    for _ in range(5):
        done = world.run(world.tally, 'append', '--config', config, '--lines', '--token',
                         'upload %d' % number, '--batch', '20', ledger, input=lines, check=False,
                         timeout=PATIENCE + EACH)
        if done.returncode == 0:
            out.write(done.stdout.decode())
            return
    raise AssertionError(done.stderr.decode())


def in_process(path, function, *arguments):
    """A process of its own; what it wrote, or why it failed, is in the file. Its id."""
    pid = os.fork()
    if pid != 0:
        return pid
    status = 1
    try:
        with open(path, 'w') as out:
            function(out, *arguments)
        status = 0
    except BaseException:
        with open(path + '.failed', 'w') as out:
            out.write(traceback.format_exc())
    finally:
        os._exit(status)


def why(path):
    return open(path + '.failed').read()[-400:] if os.path.exists(path + '.failed') else 'killed'


def journals(world, config, ledger):
    """All CUSTOM journals in order: [(id, payload)]."""
    found = []
    for line in world.run(world.tally, 'dump', '--config', config, '--journals', ledger,
                          timeout=600).stdout.splitlines():
        journal = json.loads(line)
        leaf = journal['leaf'] if 'leaf' in journal else journal
        leaf = json.loads(leaf) if isinstance(leaf, str) else leaf
        if leaf['payloadType'] == 'CUSTOM':
            found.append((int(leaf['journalId']), journal['payload']))
    return found


def audit(world, config, ledger):
    """(journals, root) of the ledger as the auditor computes them from all leaves."""
    dump = world.run(world.tally, 'dump', '--config', config, timeout=600).stdout
    done = subprocess.run([sys.executable, '-B', AUDIT], input=dump, stdout=subprocess.PIPE)
    want(done.returncode == 0, 'the audit: %s' % done.stdout.decode()[-300:])
    for line in done.stdout.decode().splitlines():
        if line.startswith(ledger + ':'):
            words = line.replace(',', '').split()
            return int(words[words.index('journals') - 1]), words[-1]
    raise AssertionError('the audit does not know the ledger')


def kill_responders(world, count):
    """Kills the owner some times while the others work on."""
    for _ in range(count):
        before = world.responders()
        for pid in before:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        want(wait_until(lambda: set(world.responders()) - set(before), 20), 'it does not come back')


def ten_programs(world, driver):
    store = world.store('together-' + driver, driver=driver)
    path, config, key_id, secret = store
    runs = [world.serve(config, server, name='%s.%s' % (server, driver))
            for server in ('lighttpd', 'lighttpd-cgi')]
    fcgi, cgi = (Client(run.url, key_id, secret, timeout=PATIENCE) for run in runs)
    ledger = good(fcgi.call('CreateLedger', LedgerName='together', PublicRead='true')
                  ).json()['LedgerId']
    files = [os.path.join(world.root, 'together-%s-%d' % (driver, n)) for n in range(10)]
    pids = [in_process(files[n], over_http, (fcgi, fcgi, fcgi, fcgi, cgi, cgi, cgi)[n], ledger, n)
            for n in range(7)]
    pids += [in_process(files[n], by_command, world, config, ledger, n) for n in (7, 8, 9)]
    statuses = {}
    size = lambda: sum(os.path.getsize(f) for f in files if os.path.exists(f))
    try:
        want(wait_until(lambda: size() > 1000, 60), 'it does not get going')
        kill_responders(world, 2)
    finally:
        for n, pid in enumerate(pids):
            statuses[n] = os.waitpid(pid, 0)[1]
    for n in range(10):
        want(statuses[n] == 0, 'client %d ended with %d: %s' % (n, statuses[n], why(files[n])))

    kept = journals(world, config, ledger)
    want([id for id, _ in kept] == list(range(1, 10 * EACH + 1)), 'ids are not 1 to %d' % (10 * EACH))
    expected = {'client %d journal %d' % (n, i) for n in range(10) for i in range(EACH)}
    count = collections.Counter(payload for _, payload in kept)
    want(set(count) == expected and set(count.values()) == {1}, 'a journal is lost or there twice')
    by_id = dict(kept)
    for n in range(7):
        for line in open(files[n]):
            id, payload = line.rstrip('\n').split(' ', 1)
            want(by_id[int(id)] == payload, 'journal %s was acknowledged as %r' % (id, payload))
    shown = good(fcgi.call('StatLedger', LedgerId=ledger)).json()['LedgerInfo']
    want(audit(world, config, ledger) == (10 * EACH + 1, shown['RootHash']), 'not the root of all leaves')
    for run in runs:
        want(run.stop(), 'a server did not stop')


def ten_programs_on_one_ledger(world):
    if not world.have('lighttpd'):
        return 'there is no lighttpd'
    drivers = [line.split(b':')[0].decode() for line in world.run(world.tally, 'drivers').stdout.splitlines()
               if line[:1] != b' ']
    for driver in drivers:
        if driver == 'mem':
            continue
        try:
            ten_programs(world, driver)
        except AssertionError as e:
            raise AssertionError('%s: %s' % (driver, e))


CASES = [ten_programs_on_one_ledger]
