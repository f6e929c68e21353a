/*
 * Keeping a web server and tally.fcgi running. The listening socket of tally.fcgi belongs to this
 * process: while a killed tally.fcgi is started again, requests wait in its backlog.
 */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "err.h"
#include "fcgi.h"
#include "log.h"
#include "serve.h"

#define QUICK_END_MS 2000	/* a tally.fcgi that ends sooner is not started again at once */
#define PAUSE_MAX_MS 5000
#define STOP_MS 10000		/* then SIGTERM, */
#define KILL_MS 5000		/* then SIGKILL */
#define READY_MS 15000

struct running {
	struct serve *serve;
	int socket_fd;			/* -1: the web server has its own */
	pid_t server, responder;	/* 0: not running */
	uint64_t started_ms;		/* the responder */
	uint64_t restart_ms;		/* when to start it again; 0: it runs */
	unsigned int quick_ends;	/* in a row */
	bool ready;
	uint64_t ready_until_ms;
};

static uint64_t mono_ms(void)
{
	return tally_mono_ns() / 1000000;
}

static void our_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGHUP);
	sigaddset(set, SIGCHLD);
}

/* ---- processes ---- */

/* In the child. It ends with us, also when we are killed: nobody would look after it. */
static void begin_child(pid_t parent)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(1);
}

static void fail_child(const char *path)
{
	dprintf(STDERR_FILENO, "tally serve: cannot run %s: %s\n", path, strerror(errno));
	_exit(127);
}

static void set(const char *name, const char *value)
{
	if (*value != '\0')
		setenv(name, value, 1);
	else
		unsetenv(name);
}

static void exec_responder(const struct running *running)
{
	const struct serve *serve = running->serve;
	pid_t parent = getppid();

	if (geteuid() == 0 && serve->store_uid != 0 &&
	    (setgroups(0, NULL) != 0 || setgid(serve->store_gid) != 0 ||
	     setuid(serve->store_uid) != 0))
		fail_child(serve->fcgi);
	begin_child(parent);
	if (dup2(running->socket_fd, STDIN_FILENO) < 0)
		fail_child(serve->fcgi);
	set("TALLY_STORE", serve->store);
	set("TALLY_DRIVER", serve->driver);
	set("TALLY_CONFIG", serve->config);
	set("TALLY_GATEWAY_MOUNT", serve->mount);
	unsetenv("LISTEN_FDS");
	unsetenv("GATEWAY_INTERFACE");
	unsetenv("REQUEST_METHOD");
	execl(serve->fcgi, "tally.fcgi", (char *)NULL);
	fail_child(serve->fcgi);
}

static void start_responder(struct running *running)
{
	pid_t pid = fork();

	if (pid == 0)
		exec_responder(running);
	running->started_ms = mono_ms();
	running->restart_ms = pid > 0 ? 0 : running->started_ms + 500;
	running->responder = pid > 0 ? pid : 0;
}

static void exec_server(const struct serve *serve)
{
	const char *arguments[16] = { serve->program };
	size_t count = 1;

	begin_child(getppid());
	for (const char *const *a = serve->kind->arguments; *a != NULL && count < 15; a++)
		arguments[count++] = strcmp(*a, "@FILE@") == 0 ? serve->file :
				     strcmp(*a, "@DIR@") == 0 ? serve->dir : *a;
	set("TALLY_STORE", serve->store);
	set("TALLY_DRIVER", serve->driver);
	set("TALLY_CONFIG", serve->config);
	execv(serve->program, (char *const *)(uintptr_t)arguments);
	fail_child(serve->program);
}

static int start_server(struct running *running, struct tally_err *err)
{
	pid_t pid = fork();

	if (pid == 0)
		exec_server(running->serve);
	if (pid < 0)
		return tally_err_errno(err, "starting %s", running->serve->program);
	running->server = pid;
	return 0;
}

/* ---- the socket ---- */

/* The web server must be able to connect; nobody else needs to. */
static int open_socket(struct running *running, struct tally_err *err)
{
	const struct serve *serve = running->serve;

	running->socket_fd = -1;
	if (!serve->kind->supervised) {
		unlink(serve->socket);
		return 0;
	}
	running->socket_fd = tally_fcgi_listen(serve->socket, err);
	if (running->socket_fd < 0)
		return -1;
	if (chmod(serve->socket, 0600) != 0 ||
	    (geteuid() == 0 && chown(serve->socket, serve->server_uid, serve->server_gid) != 0))
		return tally_err_errno(err, "%s", serve->socket);
	return 0;
}

/* ---- looking after them ---- */

/* At once; after several quick ends in a row with growing pauses. */
static void responder_ended(struct running *running, int status)
{
	uint64_t now = mono_ms(), pause = 0;
	char text[64];

	running->responder = 0;
	if (now - running->started_ms >= QUICK_END_MS)
		running->quick_ends = 0;
	else
		running->quick_ends++;
	if (running->quick_ends > 1)
		pause = 50u << (running->quick_ends < 9 ? running->quick_ends - 1 : 8);
	if (pause > PAUSE_MAX_MS)
		pause = PAUSE_MAX_MS;
	running->restart_ms = now + pause;
	if (WIFSIGNALED(status))
		snprintf(text, sizeof text, "killed by signal %d", WTERMSIG(status));
	else
		snprintf(text, sizeof text, "exit status %d", WEXITSTATUS(status));
	tally_log(TALLY_LOG_WARN, "serve.restart", "program", "tally.fcgi", "ended", text, NULL);
}

/* Collects whoever has ended. -1 where the web server has. */
static int reap(struct running *running, struct tally_err *err)
{
	int status, result = 0;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == running->responder)
			responder_ended(running, status);
		if (pid != running->server)
			continue;
		running->server = 0;
		result = tally_err_set(err, TALLY_IO, "%s has ended (%s %d); see %s/log/error.log",
				       running->serve->program,
				       WIFSIGNALED(status) ? "signal" : "exit status",
				       WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
				       running->serve->dir);
	}
	return result;
}

/* Does the server take connections? */
static bool answers(const struct serve *serve)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV };
	struct addrinfo *found;
	char host[64], port[8];
	bool good;
	int fd;

	snprintf(host, sizeof host, "%s", serve->address[0] == '[' ? serve->address + 1 : serve->address);
	host[strcspn(host, "]")] = '\0';
	snprintf(port, sizeof port, "%u", serve->port);
	if (getaddrinfo(host, port, &hints, &found) != 0)
		return false;
	fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	good = fd >= 0 && connect(fd, found->ai_addr, found->ai_addrlen) == 0;
	if (fd >= 0)
		close(fd);
	freeaddrinfo(found);
	return good;
}

static int look_if_ready(struct running *running, struct tally_err *err)
{
	const struct serve *serve = running->serve;

	if (running->ready)
		return 0;
	running->ready = answers(serve);
	if (running->ready) {
		printf("http://%s:%u%s/\n", serve->address, serve->port, serve->mount);
		fflush(stdout);
		if (serve->ready_fd >= 0)
			close(serve->ready_fd);
		return 0;
	}
	if (mono_ms() < running->ready_until_ms)
		return 0;
	return tally_err_set(err, TALLY_BUSY, "%s does not listen on %s:%u; see %s/log/error.log",
			     serve->program, serve->address, serve->port, serve->dir);
}

static struct timespec next_look(const struct running *running)
{
	uint64_t ms = running->ready ? 1000 : 20, now = mono_ms();

	if (running->restart_ms != 0)
		ms = running->restart_ms > now ? running->restart_ms - now : 0;
	if (ms > 1000)
		ms = 1000;
	return (struct timespec){ .tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000 };
}

/* 0 when asked to stop. */
static int look_after(struct running *running, struct tally_err *err)
{
	struct timespec wait;
	sigset_t signals;
	int number;

	our_signals(&signals);
	for (;;) {
		if (running->restart_ms != 0 && mono_ms() >= running->restart_ms)
			start_responder(running);
		if (look_if_ready(running, err) != 0)
			return -1;
		wait = next_look(running);
		number = sigtimedwait(&signals, NULL, &wait);
		if (number == SIGTERM || number == SIGINT)
			return 0;
		if (number == SIGHUP && running->responder > 0)
			kill(running->responder, SIGHUP);
		if (reap(running, err) != 0)
			return -1;
	}
}

/* ---- stopping ---- */

static void wait_for(pid_t *pid, uint64_t ms)
{
	uint64_t end = mono_ms() + ms;

	while (*pid > 0) {
		pid_t got = waitpid(*pid, NULL, WNOHANG);

		if (got == *pid || (got < 0 && errno == ECHILD))
			*pid = 0;
		else if (mono_ms() >= end)
			return;
		else
			poll(NULL, 0, 10);
	}
}

static void stop_process(pid_t *pid, int signal_number)
{
	static const int harder[] = { SIGTERM, SIGKILL };

	if (*pid <= 0)
		return;
	kill(*pid, signal_number);
	wait_for(pid, STOP_MS);
	for (size_t i = 0; i < 2 && *pid > 0; i++) {
		kill(*pid, harder[i]);
		wait_for(pid, KILL_MS);
	}
}

/* First who brings requests, so that those it has still find tally.fcgi. */
static void stop_all(struct running *running)
{
	stop_process(&running->server, running->serve->kind->stop_signal);
	stop_process(&running->responder, SIGTERM);
	if (running->socket_fd >= 0)
		close(running->socket_fd);
	unlink(running->serve->socket);
}

int serve_run(struct serve *serve, struct tally_err *err)
{
	struct running running = { .serve = serve, .ready_until_ms = mono_ms() + READY_MS };
	sigset_t signals;
	int result = -1;

	our_signals(&signals);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	if (open_socket(&running, err) != 0)
		return -1;
	if (serve->kind->supervised)
		start_responder(&running);
	if (start_server(&running, err) == 0)
		result = look_after(&running, err);
	stop_all(&running);
	return result;
}
