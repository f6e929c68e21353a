"""What is not one server's matter: started by others, shared hosting, mixed programs, snippets."""

import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time

import cases
from cases import good, want
from client import Client
from world import wait_until

BASIC = [cases.every_row_of_the_url_map, cases.actions_in_json_and_xml, cases.encodings_survive,
         cases.chunked_bodies, cases.head_is_get_without_body, cases.wrong_methods,
         cases.bad_escapes, cases.parallel_appends_are_dense]


class Bare:
    """In the place of a Serve, for servers that the suite starts itself."""

    def __init__(self, config):
        self.config = config

    def stop(self):
        return True


def free_ports(count):
    """Ports that the kernel has to give away, no two the same."""
    sockets = [socket.create_server(('127.0.0.1', 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def free_port():
    return free_ports(1)[0]


def listens(port):
    try:
        socket.create_connection(('127.0.0.1', port), 1).close()
        return True
    except OSError:
        return False


def end(process, number=signal.SIGTERM, seconds=10):
    """The exit status after a signal."""
    process.send_signal(number)
    return process.wait(seconds)


def lighttpd_by_hand(world, store, name):
    """A lighttpd whose socket nobody serves yet: (client, socket path, process)."""
    path, config, key_id, secret = store
    directory = os.path.join(world.work, name)
    file = world.run(world.tally, 'serve', '--config', config, '--server', 'lighttpd', '--dir',
                     directory, '--listen', '127.0.0.1:0', '--configure-only').stdout.decode().strip()
    port = int(re.search(r'server.port = (\d+)', open(file).read()).group(1))
    process = world.start('lighttpd', '-D', '-f', file)
    want(wait_until(lambda: listens(port), 10), 'lighttpd does not start')
    return (Client('http://127.0.0.1:%d/' % port, key_id, secret),
            os.path.join(directory, 'tally.sock'), process)


def try_basics(world, client, store, name='lighttpd'):
    setting = cases.Setting(world, Bare(store[1]), client, name)
    for case in BASIC:
        try:
            case(setting)
        except AssertionError as e:
            raise AssertionError('%s: %s' % (case.__name__, e))
    return setting


# ---- started by others ----

def started_by_spawn_fcgi(world):
    """Two processes on one socket: one has the store, the other asks it."""
    if not world.have('spawn-fcgi') or not world.have('lighttpd'):
        return 'there is no spawn-fcgi or lighttpd'
    store = world.store('spawned')
    client, path, server = lighttpd_by_hand(world, store, 'spawned.run')
    world.run('spawn-fcgi', '-s', path, '-F', '2', '--', world.fcgi,
              env={'TALLY_CONFIG': store[1]})
    try:
        want(wait_until(lambda: len(world.responders()) == 2, 5), 'there are not two')
        try_basics(world, client, store)
    finally:
        for pid in world.responders():
            os.kill(pid, signal.SIGTERM)
        want(wait_until(lambda: not world.responders(), 10), 'they do not end')
        end(server)


def started_by_socket_activation(world):
    program = shutil.which('systemd-socket-activate')
    if not program or not world.have('lighttpd'):
        return 'there is no systemd-socket-activate or lighttpd'
    store = world.store('activated')
    client, path, server = lighttpd_by_hand(world, store, 'activated.run')
    activator = world.start(program, '-l', path, '-E', 'TALLY_CONFIG=' + store[1], world.fcgi)
    try:
        want(wait_until(lambda: os.path.exists(path), 5), 'no socket')
        try_basics(world, client, store)
        want(len(world.responders()) == 1, 'not one responder')
    finally:
        status = end(activator)
        end(server)
    want(status == 0, 'exit status %d' % status)


def listens_by_itself(world):
    """--listen; a socket that a killed one left is replaced; a used one is not; SIGUSR1 stops."""
    if not world.have('lighttpd'):
        return 'there is no lighttpd'
    store = world.store('listening')
    client, path, server = lighttpd_by_hand(world, store, 'listening.run')
    start = lambda: world.start(world.fcgi, '--config', store[1], '--listen', path)
    healthy = lambda: client.raw('GET', '/healthz').status == 200
    first = start()
    want(wait_until(healthy, 5), 'it does not answer')
    want(start().wait(10) == 1, 'a second one took the socket')
    want(healthy(), 'the first one is gone')
    end(first, signal.SIGKILL)
    second = start()
    want(wait_until(healthy, 5), 'it does not answer after a kill')
    second.send_signal(signal.SIGHUP)
    want(healthy(), 'SIGHUP hurt')
    want(end(second, signal.SIGUSR1) == 0, 'SIGUSR1 is no orderly end')
    want(not os.path.exists(path), 'the socket is left')
    end(server)


def ends_with_a_reason_when_misconfigured(world):
    store = world.store('misconfigured')
    with open(store[1], 'a') as f:
        f.write('[gateway]\nthread = 3\n')
    done = world.run(world.fcgi, '--config', store[1], '--listen', store[0] + '.sock', check=False)
    want(done.returncode == 1 and b'gateway.thread' in done.stderr, '%r' % done)
    done = world.run(world.fcgi, check=False, env={'TALLY_STORE': store[0]})
    want(done.returncode == 2, 'without socket and request: %r' % done)
    done = world.run(world.fcgi, check=False, env={
        'TALLY_CONFIG': store[1], 'GATEWAY_INTERFACE': 'CGI/1.1', 'REQUEST_METHOD': 'GET',
        'REQUEST_URI': '/?Action=DescribeLedgers', 'SCRIPT_NAME': ''})
    want(done.stdout.startswith(b'Status: 503') and b'"Code"' in done.stdout, '%r' % done)
    want(world.run(world.fcgi, '--help').stdout.startswith(b'Usage:'), '--help')


# ---- FastCGI itself ----

def record(kind, body, id=1):
    padding = -len(body) % 8
    return struct.pack('>BBHHBB', 1, kind, id, len(body), padding, 0) + body + b'\0' * padding


def params(**values):
    out = b''
    for name, value in values.items():
        name, value = name.encode(), value.encode()
        for part in (name, value):
            out += bytes([len(part)]) if len(part) < 128 else struct.pack('>I', len(part) | 1 << 31)
        out += name + value
    return out


def begin(keep, path='/healthz', method='GET', **more):
    return (record(1, struct.pack('>HB5x', 1, keep)) +
            record(4, params(REQUEST_METHOD=method, REQUEST_URI=path, REMOTE_ADDR='192.0.2.1', **more)) +
            record(4, b''))


def answer_of(connection):
    """(bytes of stdout, whether END_REQUEST came)."""
    out, buffered = b'', b''
    while True:
        while len(buffered) >= 8:
            version, kind, id, length, padding, _ = struct.unpack('>BBHHBB', buffered[:8])
            if len(buffered) < 8 + length + padding:
                break
            body, buffered = buffered[8:8 + length], buffered[8 + length + padding:]
            if kind == 3:
                return out, True
            if kind == 6:
                out += body
        data = connection.recv(65536)
        if not data:
            return out, False
        buffered += data


class Responder:
    def __init__(self, world, name, settings=''):
        self.store = world.store(name, settings)
        self.path = self.store[0] + '.sock'
        self.process = world.start(world.fcgi, '--config', self.store[1], '--listen', self.path)
        want(wait_until(lambda: os.path.exists(self.path), 5), 'it does not start')
        want(wait_until(lambda: b'ok' in self.ask(begin(0) + record(5, b''))[0], 5), 'no answer')

    def connect(self):
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(20)
        for _ in range(100):
            try:
                connection.connect(self.path)
                return connection
            except (ConnectionRefusedError, FileNotFoundError):
                time.sleep(0.05)
        raise AssertionError('cannot connect')

    def ask(self, data):
        connection = self.connect()
        try:
            connection.sendall(data)
            return answer_of(connection)
        finally:
            connection.close()


def kept_connections_starve_nobody(world):
    """Far more kept connections than threads; each still works, and a stop does not wait for them."""
    responder = Responder(world, 'kept', '[gateway]\nthreads = 2\n')
    kept = [responder.connect() for _ in range(100)]
    request = begin(1) + record(5, b'')
    for connection in kept:
        connection.sendall(request)
        want(answer_of(connection)[1], 'no answer on a kept connection')
    want(responder.ask(begin(0) + record(5, b''))[1], 'a new connection starves')
    for connection in kept:
        connection.sendall(request)
        want(answer_of(connection)[1], 'no second answer on a kept connection')
    begun = time.monotonic()
    want(end(responder.process) == 0, 'the end is not orderly')
    want(time.monotonic() - begun < 3, 'stopping waits for kept connections')
    for connection in kept:
        connection.close()


def half_requests_do_not_hold_a_stop(world):
    """Silent, in the middle of the parameters, in the middle of the body: cut off after the grace;
    a request under way is answered."""
    responder = Responder(world, 'halves', '[gateway]\nstop_grace = 1s\n')
    halves = [b'', begin(0)[:20], begin(0, '/', 'POST', CONTENT_LENGTH='10'),
              begin(0, '/', 'POST', CONTENT_LENGTH='10') + record(5, b'abc')]
    connections = []
    for half in halves:
        connection = responder.connect()
        connection.sendall(half)
        connections.append(connection)
    time.sleep(0.2)
    begun = time.monotonic()
    responder.process.send_signal(signal.SIGTERM)
    out, ended = answer_of(connections[3])
    want(b'IncompleteBody' in out or b'Status: 4' in out, 'the half body got %r' % out)
    want(responder.process.wait(10) == 0, 'the end is not orderly')
    took = time.monotonic() - begun
    want(0.5 < took < 6, 'it took %.1f s' % took)


def strange_records_do_no_harm(world):
    responder = Responder(world, 'strange')
    strange = [b'\0' * 64, b'GET / HTTP/1.1\r\n\r\n', record(1, b'')[:8], record(9, b'\0\0'),
               record(1, struct.pack('>HB5x', 7, 0)) + record(4, b'') + record(5, b''),
               begin(0)[:-8] + b'\xff' * 40,
               record(1, struct.pack('>HB5x', 1, 0)) + record(4, b'\x85abc') + record(4, b''),
               begin(0, '/', 'POST', CONTENT_LENGTH='99999999999999999999') + record(5, b''),
               begin(0, '*') + record(5, b''), begin(0, '/', 'POST') + record(2, b''),
               begin(0, '/' + 'a' * 60000) + record(5, b'')]
    for data in strange:
        connection = responder.connect()
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        try:
            answer_of(connection)
        except OSError:
            pass
        connection.close()
    want(b'ok' in responder.ask(begin(0) + record(5, b''))[0], 'it is gone')
    want(end(responder.process) == 0, 'the end is not orderly')


# ---- shared hosting ----

APACHE = '''ServerRoot "%(dir)s"
DefaultRuntimeDir "%(dir)s"
PidFile "%(dir)s/pid"
Mutex "file:%(dir)s" default
ErrorLog "%(dir)s/error.log"
ServerName localhost
Listen 127.0.0.1:%(port)d
LoadModule mpm_event_module %(modules)s/mod_mpm_event.so
LoadModule authz_core_module %(modules)s/mod_authz_core.so
LoadModule env_module %(modules)s/mod_env.so
LoadModule cgid_module %(modules)s/mod_cgid.so
LoadModule rewrite_module %(modules)s/mod_rewrite.so
LoadModule mime_module %(modules)s/mod_mime.so
TypesConfig /dev/null
ScriptSock "%(dir)s/cgid.sock"
DocumentRoot "%(web)s"
<Directory "%(web)s">
	AllowOverride FileInfo Options
	Require all granted
</Directory>
'''


def modules():
    return os.environ.get('TALLY_APACHE_MODULES', '/usr/lib/apache2/modules')


def only_a_htaccess(world):
    """An ordinary user's directory in a web space whose configuration knows nothing of us."""
    if not world.have('apache2'):
        return 'there is no apache2'
    store = world.store('hosted')
    directory, web = os.path.join(world.work, 'apache'), os.path.join(world.work, 'web')
    place = os.path.join(web, '~user', 'my ledger')
    for made in (directory, place):
        os.makedirs(made)
    text = open(os.path.join(world.etc, 'htaccess')).read()
    want('/home/USER/tally.conf' in text, 'the shipped file has changed')
    with open(os.path.join(place, '.htaccess'), 'w') as f:
        f.write(text.replace('/home/USER/tally.conf', store[1]))
    shutil.copy2(world.fcgi, os.path.join(place, 'tally.cgi'))
    with open(os.path.join(place, 'private.txt'), 'w') as f:
        f.write('nobody must see this')
    if world.as_nobody:
        world_chown(world.work)
    port = free_port()
    file = os.path.join(directory, 'apache.conf')
    with open(file, 'w') as f:
        f.write(APACHE % dict(dir=directory, web=web, port=port, modules=modules()))
    server = world.start('apache2', '-D', 'FOREGROUND', '-f', file)
    want(wait_until(lambda: listens(port), 10), 'apache2 does not start: ' +
         open(os.path.join(directory, 'error.log')).read()[-500:])
    try:
        for path in ('/~user/my%20ledger/', '/~user/my%20ledger/tally.cgi'):
            client = Client('http://127.0.0.1:%d%s' % (port, path), store[2], store[3])
            setting = cases.Setting(world, Bare(store[1]), client, 'htaccess')
            for case in BASIC:
                try:
                    case(setting)
                except AssertionError as e:
                    raise AssertionError('%s %s: %s' % (path, case.__name__, e))
        client = Client('http://127.0.0.1:%d/~user/my%%20ledger' % port)
        answer = client.raw('GET', '/private.txt')
        want(b'nobody must' not in answer.body, 'files beside the program are shown')
    finally:
        end(server)


def world_chown(top):
    for base, directories, files in os.walk(top):
        for name in directories + files:
            if os.stat(os.path.join(base, name)).st_uid == 0:
                os.chown(os.path.join(base, name), 65534, 65534)


# ---- several kinds of programs on one store ----

def mixed_programs_on_one_store(world):
    """FastCGI behind one server, CGI behind another, and the command line, all appending."""
    if not world.have('lighttpd'):
        return 'there is no lighttpd'
    store = world.store('mixed')
    path, config, key_id, secret = store
    runs = [world.serve(config, 'lighttpd-cgi', name='mixed.cgi'),
            world.serve(config, 'lighttpd', name='mixed.fcgi')]
    clients = [Client(run.url, key_id, secret) for run in runs]
    setting = cases.Setting(world, runs[1], clients[1], 'lighttpd')
    seen, lock, failures = [], threading.Lock(), []

    def over_http(number):
        client = clients[number % 2]
        for i in range(50):
            answer = client.call('AppendJournal', 'POST', LedgerId=setting.ledger,
                                 Payload='mixed %d %d' % (number, i))
            if answer.status != 200:
                failures.append(str(answer))
                continue
            with lock:
                seen.append(int(answer.json()['JournalId']))

    def by_command(number):
        lines = ''.join('{"Payload":"mixed %d %d"}\n' % (number, i) for i in range(50))
        done = world.run(world.tally, 'append', '--config', config, setting.ledger, check=False,
                         input=lines.encode())
        if done.returncode != 0:
            failures.append(done.stderr.decode())

    threads = [threading.Thread(target=by_command if n >= 6 else over_http, args=(n,))
               for n in range(9)]
    for thread in threads:
        thread.start()
    # And in the middle of it the owner is killed.
    want(wait_until(lambda: len(seen) >= 60, 30), 'it does not get going: %r' % failures[:1])
    for pid in world.responders():
        os.kill(pid, signal.SIGKILL)
    for thread in threads:
        thread.join()
    kept = setting.payloads()
    texts = [p for p in kept.values() if p.startswith('mixed ')]
    want(len(texts) == len(set(texts)), 'something is there twice')
    want(sorted(kept) == list(range(1, len(kept) + 1)), 'ids are not dense')
    want(set(seen) <= set(kept), 'an acknowledged journal is lost')
    for number in (6, 7, 8):
        missing = [i for i in range(50) if 'mixed %d %d' % (number, i) not in texts]
        want(not missing or failures, 'the command line lost %r' % missing)
    for run in runs:
        want(run.stop(), 'a server did not stop')


def a_hung_owner_is_not_overruled(world):
    if not world.have('lighttpd'):
        return 'there is no lighttpd'
    store = world.store('hung', '[gateway]\nowner_wait = 2s\n')
    path, config, key_id, secret = store
    runs = [world.serve(config, 'lighttpd', name='hung.fcgi'),
            world.serve(config, 'lighttpd-cgi', name='hung.cgi')]
    owner, other = (Client(run.url, key_id, secret) for run in runs)
    setting = cases.Setting(world, runs[0], owner, 'lighttpd')
    good(other.raw('GET', '/healthz'))
    # the CGI program that answered has its answer sent before it ends
    want(wait_until(lambda: len(world.responders()) == 1, 30),
         'not one owner: %r' % world.responders())
    pids = world.responders()
    os.kill(pids[0], signal.SIGSTOP)
    stopped = lambda: ') T ' in open('/proc/%d/stat' % pids[0]).read()
    want(wait_until(stopped, 10), 'it does not stop')
    try:
        answer = other.call('AppendJournal', 'POST', LedgerId=setting.ledger, Payload='hung')
        want(answer.status == 503 and answer.code() == 'ServiceUnavailable', str(answer))
        want(answer.headers.get('Retry-After', '').isdigit(), 'no Retry-After')
        want(other.raw('GET', '/healthz').status == 503, 'healthz is well')
    finally:
        os.kill(pids[0], signal.SIGCONT)
    good(other.raw('GET', '/healthz'))
    want('hung' not in setting.payloads().values(), 'a refused write was done')
    for run in runs:
        want(run.stop(), 'a server did not stop')


# ---- tally serve ----

def serve_looks_after_itself(world):
    if not world.have('lighttpd'):
        return 'there is no lighttpd'
    store = world.store('served')
    command = [world.tally, 'serve', '--config', store[1]]
    want(world.run(*command, '--stop', check=False).returncode == 1, '--stop of nothing')
    for wrong in (['--server', 'iis'], ['--listen', 'nowhere'], ['--listen', '127.0.0.1:99999'],
                  ['--mount', 'x'], ['--mount', '/a b']):
        want(world.run(*command, *wrong, check=False).returncode == 2, '%r was taken' % wrong)
    want(world.run(*command, '--dir', world.work + '/a"b', check=False).returncode == 1, 'a quote')
    running = world.serve(store[1], 'lighttpd', name='served.run')
    again = world.run(*command, '--dir', running.directory, '--listen', '127.0.0.1:0', check=False)
    want(again.returncode == 1 and b'runs already' in again.stderr, '%r' % again)
    taken = world.run(*command, '--dir', world.work + '/other', '--listen',
                      running.url.split('//')[1], check=False, timeout=60)
    want(taken.returncode == 1, 'a port that is taken: %r' % taken)
    # Killed, it takes its children along.
    pid = int(open(os.path.join(running.directory, 'serve.pid')).read())
    os.kill(pid, signal.SIGKILL)
    port = int(running.url.rsplit(':', 1)[1])
    want(wait_until(lambda: not world.responders() and not listens(port), 60), 'children are left')
    world.serves.remove(running)
    running = world.serve(store[1], 'lighttpd', name='served.run')
    want(Client(running.url).raw('GET', '/healthz').status == 200, 'it does not start again')
    want(running.stop(), 'it does not stop')


def serve_in_a_deep_directory(world):
    """Longer than the path of a socket may be."""
    if not world.have('lighttpd'):
        return 'there is no lighttpd'
    store = world.store('deep')
    running = world.serve(store[1], 'lighttpd', name='deep' * 30)
    want(Client(running.url).raw('GET', '/healthz').status == 200, 'no answer')
    want(running.stop(), 'it does not stop')


# ---- the snippets ----

def snippets_are_accepted(world):
    """Each shipped one, inside the least that its server needs around it."""
    apache = ''.join(APACHE % dict(dir=world.work, web=world.work, port=free_port(),
                                   modules=modules()))
    extra = ''.join('LoadModule %s_module %s/mod_%s.so\n' % (m, modules(), m)
                    for m in ('proxy', 'proxy_fcgi', 'alias', 'fcgid'))
    around = {
        'lighttpd': ('lighttpd', 'server.document-root = "/tmp"\nserver.port = 1\n%s', ['-tt', '-f']),
        'apache': ('apache2', apache.replace('%', '%%') + extra + '%s', ['-t', '-f']),
        'nginx': ('nginx', 'pid %s/n.pid;\nerror_log stderr;\nevents { }\nhttp {\naccess_log off;\n%s\nserver {\n'
                  'listen 127.0.0.1:%d;\n%%s\n}\n}\n' % (world.work, ''.join(
                      '%s_temp_path %s/t;\n' % (n, world.work) for n in
                      ('client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi')), free_port()), ['-t', '-c']),
    }
    names = [n for n in sorted(os.listdir(world.etc)) if n.split('-')[0].split('.')[0] in around]
    want(len(names) == 7, 'there are %r' % names)
    absent = set()
    for name in names:
        program, text, arguments = around[name.split('-')[0].split('.')[0]]
        if not world.have(program):
            absent.add(program)
            continue
        snippet = open(os.path.join(world.etc, name)).read()
        want('@' not in snippet, 'a placeholder is left in ' + name)
        file = os.path.join(world.work, 'snippet-' + name)
        with open(file, 'w') as f:
            f.write(text % snippet)
        done = world.run(program, *arguments, file, check=False)
        want(done.returncode == 0, '%s: %s' % (name, (done.stderr + done.stdout).decode()[-400:]))
    return 'there is no ' + ', '.join(absent) if absent else None


CASES = [started_by_spawn_fcgi, started_by_socket_activation, listens_by_itself,
         ends_with_a_reason_when_misconfigured, kept_connections_starve_nobody,
         half_requests_do_not_hold_a_stop, strange_records_do_no_harm, only_a_htaccess,
         mixed_programs_on_one_store, a_hung_owner_is_not_overruled, serve_looks_after_itself,
         serve_in_a_deep_directory, snippets_are_accepted]
