#!/usr/bin/env python3
"""The HTTP suite: the same cases through every web server, as `tally serve` configures them, at the
root and below a path; then what is not one server's: other ways to start, shared hosting, several
kinds of programs on one store, and the snippets of etc/.

    suite.py [--build DIR] [--source DIR] [--driver NAME] [SERVER ...] [case-substring ...]

Prints "ok - SERVER PATH case" or "not ok - ..." lines and the plan. Servers that are not installed
are skipped and counted as such."""

import argparse
import os
import sys
import traceback

sys.dont_write_bytecode = True
here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, here)

import cases
import starts
import retries
import together
import witness
from client import Client
from world import World

SERVERS = {
    'lighttpd': 'lighttpd', 'lighttpd-spawn': 'lighttpd', 'lighttpd-cgi': 'lighttpd',
    'apache': 'apache2', 'apache-fcgid': 'apache2', 'apache-cgi': 'apache2', 'nginx': 'nginx',
}

SETTINGS = '''[api]
body_limit = %d
trusted_proxies = 127.0.0.1
[log]
level = debug
file = "%s/tally.log"
'''


class Report:
    def __init__(self, only):
        self.run, self.failed, self.only = 0, 0, only

    def wanted(self, name):
        return not self.only or any(o in name for o in self.only)

    def line(self, name, problem=None, skip=None):
        self.run += 1
        self.failed += problem is not None
        print('%sok - %s%s%s' % ('not ' if problem else '', name,
                                 ': ' + problem.replace('\n', ' ')[:600] if problem else '',
                                 ' # SKIP ' + skip if skip else ''), flush=True)

    def do(self, name, function, *arguments):
        if not self.wanted(name):
            return
        try:
            skip = function(*arguments)
            self.line(name, skip=skip if isinstance(skip, str) else None)
        except Exception as e:
            frame = traceback.extract_tb(e.__traceback__)[-1]
            detail = str(e) if isinstance(e, AssertionError) else repr(e)
            self.line(name, '%s (%s:%d)' % (detail or 'failed', os.path.basename(frame.filename),
                                            frame.lineno))


def run_server(world, report, server, mount):
    label = '%s %s' % (server, mount)
    store = world.store('%s-%s' % (server, mount.strip('/').replace('/', '-') or 'root'),
                        SETTINGS % (cases.BODY_LIMIT, world.work))
    path, config, key_id, secret = store

    def start():
        running = world.serve(config, server, mount, 'run-%s' % server)
        return cases.Setting(world, running, Client(running.url, key_id, secret), server)

    try:
        setting = start()
    except Exception as e:
        report.line(label + ' starts', str(e))
        return
    report.line(label + ' starts')
    for case in cases.CASES:
        report.do('%s %s' % (label, case.__name__), case, setting)
    report.do(label + ' graceful_stop_loses_nothing', cases.graceful_stop_loses_nothing, setting,
              start)
    for running in list(world.serves):      # whatever was asked for: the next one starts where it ran
        stopped = running.stop()
        report.do(label + ' stops', cases.want, stopped, 'it did not stop')


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--build', default=os.environ.get('TALLY_BUILD', '.'))
    parser.add_argument('--source', default=os.path.dirname(os.path.dirname(here)))
    parser.add_argument('--driver', default=os.environ.get('TALLY_HTTP_DRIVER', 'bdb'))
    parser.add_argument('--starts', action='store_true', help='only what is not one server\'s')
    parser.add_argument('words', nargs='*', help='servers, or words of the names of tests',
                        default=os.environ.get('TALLY_HTTP_WORDS', '').split())
    options = parser.parse_args()
    servers = [w for w in options.words if w in SERVERS] or list(SERVERS)
    report = Report([w for w in options.words if w not in SERVERS])
    world = World(options.build, options.source, options.driver)
    try:
        for server in servers if not options.starts else []:
            if not world.have(SERVERS[server]):
                report.line(server, skip='there is no ' + SERVERS[server])
                continue
            for mount in ('/', '/some/ledger'):
                run_server(world, report, server, mount)
        if options.starts or servers == list(SERVERS):
            for function in starts.CASES + retries.CASES + together.CASES + witness.CASES:
                report.do('starts ' + function.__name__, function, world)
    finally:
        world.end()
    print('1..%d' % report.run)
    return 1 if report.failed or report.run == 0 else 0


if __name__ == '__main__':
    sys.exit(main())
