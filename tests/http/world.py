"""Where the suite runs: a temporary directory with a store, the programs, and web servers as an
ordinary user's processes. When root runs the suite, all that it starts runs as nobody."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time

NOBODY = 65534


class World:
    def __init__(self, build, source, driver):
        self.root = tempfile.mkdtemp(prefix='tally-http-')
        os.chmod(self.root, 0o755)
        self.driver = driver
        self.as_nobody = os.geteuid() == 0
        self.processes = []
        self.serves = []
        # A copy, for nobody may not look into the build tree. The places are as there.
        for path in ('src/cmd/tally', 'src/gateway/tally.fcgi'):
            target = os.path.join(self.root, 'bin', path)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            shutil.copy2(os.path.join(build, path), target)
        shutil.copytree(os.path.join(source, 'templates'), os.path.join(self.root, 'bin/templates'))
        shutil.copytree(os.path.join(build, 'etc'), os.path.join(self.root, 'etc'))
        self.tally = os.path.join(self.root, 'bin/src/cmd/tally')
        self.fcgi = os.path.join(self.root, 'bin/src/gateway/tally.fcgi')
        self.etc = os.path.join(self.root, 'etc')
        self.work = os.path.join(self.root, 'work')
        os.mkdir(self.work)
        if self.as_nobody:
            os.chown(self.work, NOBODY, NOBODY)
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith('TALLY_')
                            or k == 'TALLY_APACHE_MODULES'}
        self.environment['PATH'] = os.environ.get('PATH', '') + ':/usr/sbin:/sbin'
        self.environment['HOME'] = self.work

    def as_user(self):
        return dict(user=NOBODY, group=NOBODY, extra_groups=[]) if self.as_nobody else {}

    def have(self, program):
        return shutil.which(program, path=self.environment['PATH']) is not None

    def run(self, *command, check=True, env=None, input=None, timeout=120):
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, input=input,
                              env=dict(self.environment, **(env or {})), cwd=self.work,
                              timeout=timeout, **self.as_user())
        if check and done.returncode != 0:
            raise RuntimeError('%s: %s' % (' '.join(command[:3]), done.stderr.decode()))
        return done

    def start(self, *command, env=None, log=None, **more):
        out = open(log or os.path.join(self.work, 'processes.log'), 'ab')
        process = subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL,
                                   env=dict(self.environment, **(env or {})), cwd=self.work,
                                   **dict(self.as_user(), **more))
        out.close()
        self.processes.append(process)
        return process

    def store(self, name, settings='', driver=None):
        """A new store with a configuration: (path, config, key id, secret)."""
        path, config = os.path.join(self.work, name), os.path.join(self.work, name + '.conf')
        driver = driver or self.driver
        made = json.loads(self.run(self.tally, 'init', '--store', path, '--driver', driver,
                                   '--json').stdout)
        with open(config, 'w') as f:
            # Journals are counted: the service adds none of its own.
            f.write('[store]\npath = "%s"\ndriver = %s\n[ledger]\nstate_journals = 0\nstate_idle = 0\n%s'
                    % (path, driver, settings))
        os.chmod(config, 0o644)
        return path, config, made['AccessKeyId'], made['AccessKeySecret']

    def serve(self, config, server, mount='/', name='run'):
        """Starts `tally serve`; its URL without the last slash, and what stops it."""
        directory = os.path.join(self.work, name)
        done = self.run(self.tally, 'serve', '--config', config, '--server', server, '--mount', mount,
                        '--listen', '127.0.0.1:0', '--dir', directory, '--daemon', check=False)
        if done.returncode != 0:
            log = os.path.join(directory, 'log/error.log')
            raise RuntimeError('%s%s' % (done.stderr.decode(), open(log).read()[-2000:]
                                         if os.path.exists(log) else ''))
        running = Serve(self, config, directory, done.stdout.decode().strip().rstrip('/'))
        self.serves.append(running)
        return running

    def responders(self):
        """Process ids of our tally.fcgi."""
        found = []
        for pid in filter(str.isdigit, os.listdir('/proc')):
            try:
                if os.readlink('/proc/%s/exe' % pid) == self.fcgi:
                    found.append(int(pid))
            except OSError:
                pass
        return found

    def end(self):
        for running in list(self.serves):
            running.stop()
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait()
        for pid in self.responders():
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.root, ignore_errors=True)


class Serve:
    def __init__(self, world, config, directory, url):
        self.world, self.config, self.directory, self.url = world, config, directory, url

    def stop(self):
        """True when it ended in an orderly way."""
        if self not in self.world.serves:
            return True
        self.world.serves.remove(self)
        done = self.world.run(self.world.tally, 'serve', '--config', self.config, '--dir',
                              self.directory, '--stop', check=False)
        return done.returncode == 0

    def log(self):
        text = ''
        for name in ('serve.log', 'log/error.log'):
            path = os.path.join(self.directory, name)
            if os.path.exists(path):
                text += open(path, errors='replace').read()
        return text


def wait_until(condition, seconds):
    """Looks until it holds; False when the time is over."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True
