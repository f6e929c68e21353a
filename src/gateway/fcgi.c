/*
 * The FastCGI responder (fcgi.h), on libfcgi for the protocol and on the pool for the waiting.
 *
 * libfcgi would accept by itself and block a thread for as long as a web server keeps its
 * connection. Here the pool accepts and waits, and a connection is given to libfcgi only when its
 * request is there. For this two members of FCGX_Request are set from outside: ipcFd, the
 * connection, and keepConnection, without which the library would close it before it reads.
 * libfcgi works on a duplicate of the descriptor, so that its closing never surprises the pool.
 */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <fcgiapp.h>

#include "err.h"
#include "fcgi.h"
#include "fill.h"
#include "host.h"
#include "log.h"
#include "pool.h"
#include "secret.h"
#include "service.h"

#define PEER_PATIENCE_S 60	/* for a web server that stops sending or reading in between */
#define SICK_LIMIT 3		/* looks, a second apart, before an unusable store ends us */

struct fcgi {
	const struct tally_gateway_settings *settings;
	struct tally_host *host;
	const char *peers;		/* FCGI_WEB_SERVER_ADDRS: who may connect over TCP */
};

struct fcgi_conn {
	struct tally_pool_conn base;
	FCGX_Request request;
};

/* ---- connections ---- */

/* The protocol's own rule for TCP: a list of addresses separated by commas, else everybody. */
static bool peer_allowed(const char *list, int fd)
{
	struct sockaddr_in peer;
	socklen_t size = sizeof peer;
	char text[INET_ADDRSTRLEN];
	size_t length;

	if (list == NULL || getpeername(fd, (struct sockaddr *)&peer, &size) != 0 ||
	    peer.sin_family != AF_INET)
		return true;
	inet_ntop(AF_INET, &peer.sin_addr, text, sizeof text);
	for (; *list != '\0'; list += length) {
		list += strspn(list, ", ");
		length = strcspn(list, ", ");
		if (length == strlen(text) && strncmp(list, text, length) == 0)
			return true;
	}
	return false;
}

/* libfcgi selects on descriptors: one that does not fit its set would write beyond it. */
static struct tally_pool_conn *fcgi_open(void *ctx, int fd)
{
	struct fcgi *fcgi = ctx;
	struct timeval patience = { .tv_sec = PEER_PATIENCE_S };
	struct fcgi_conn *conn;
	int copy;

	if (!peer_allowed(fcgi->peers, fd))
		return NULL;
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (copy < 0 || copy >= FD_SETSIZE) {
		tally_log(TALLY_LOG_WARN, "fcgi.accept", "error", "too many open files", NULL);
		if (copy >= 0)
			close(copy);
		return NULL;
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	conn = tally_calloc(1, sizeof *conn);
	FCGX_InitRequest(&conn->request, -1, 0);
	conn->request.ipcFd = copy;
	return &conn->base;
}

static void fcgi_close(void *ctx, struct tally_pool_conn *base)
{
	struct fcgi_conn *conn = (struct fcgi_conn *)base;

	(void)ctx;
	if (conn->request.ipcFd >= 0)
		close(conn->request.ipcFd);
	free(conn);
}

/* ---- one request ---- */

/*
 * What libfcgi has in its buffer, or one byte, for which it fills the buffer. What was taken is
 * overwritten there: a body may carry secrets, and the buffer is freed as it is.
 */
static long fcgi_read(void *ctx, void *data, size_t size)
{
	FCGX_Stream *in = ctx;
	unsigned char *from = in->rdNext;
	size_t there = (size_t)(in->stop - in->rdNext);
	int got;

	if (size == 0)
		return 0;
	if (there > size)
		there = size;
	got = FCGX_GetStr(data, there > 0 ? (int)there : 1, in);
	if (got <= 0)
		return FCGX_GetError(in) != 0 ? -1 : 0;
	if (there == 0)
		from = in->rdNext - got;
	tally_wipe(from, (size_t)got);
	return got;
}

static bool put(FCGX_Stream *out, struct tally_bytes bytes)
{
	const char *at = (const char *)bytes.data;

	while (bytes.size > 0) {
		int part = bytes.size > 1 << 20 ? 1 << 20 : (int)bytes.size;

		if (FCGX_PutStr(at, part, out) != part)
			return false;
		at += part;
		bytes.size -= (size_t)part;
	}
	return true;
}

static void send_response(FCGX_Stream *out, const struct tally_request *request,
			  const struct tally_response *response)
{
	struct tally_buf head = { 0 };

	tally_answer_head(&head, response);
	if (put(out, tally_buf_bytes(&head)) && !tally_bytes_is(request->method, "HEAD"))
		put(out, response->body);
	tally_buf_free(&head);
}

/* Also a GET is drained: a web server that still writes would take our closing for a failure. */
static void answer(struct fcgi *fcgi, FCGX_Request *fcgx, struct tally_arena *arena)
{
	struct tally_body_source source = { .read = fcgi_read, .ctx = fcgx->in };
	struct tally_request request;
	struct tally_response response = { 0 };
	struct tally_err err = { 0 };

	if (tally_fill(fcgi->settings, fcgx->envp, &source, arena, &request, &err) != 0)
		tally_service_refuse(&request, &err, &response);
	else
		tally_host_handle(fcgi->host, &request, &response);
	tally_drain(&source);
	tally_log_request(&request, &response);
	send_response(fcgx->out, &request, &response);
}

/* What FCGX_Finish_r does, but for closing the connection. True: all went well. */
static bool finish(FCGX_Request *fcgx)
{
	int failed = FCGX_FClose(fcgx->err);

	failed |= FCGX_FClose(fcgx->out);
	failed |= FCGX_GetError(fcgx->in);
	FCGX_Free(fcgx, 0);
	return failed == 0;
}

static bool has_ended(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static bool fcgi_serve(void *ctx, void *worker, struct tally_pool_conn *base)
{
	struct fcgi_conn *conn = (struct fcgi_conn *)base;
	FCGX_Request *fcgx = &conn->request;
	bool keep;

	if (has_ended(base->fd))
		return false;
	fcgx->keepConnection = 1;
	if (FCGX_Accept_r(fcgx) != 0)
		return false;
	keep = fcgx->keepConnection;
	answer(ctx, fcgx, worker);
	tally_arena_wipe(worker);
	return finish(fcgx) && keep;
}

static void *fcgi_worker_new(void *ctx)
{
	struct tally_arena *arena = tally_calloc(1, sizeof *arena);

	(void)ctx;
	tally_arena_init(arena);
	return arena;
}

static void fcgi_worker_free(void *ctx, void *worker)
{
	(void)ctx;
	tally_arena_free(worker);
	free(worker);
}

static const struct tally_pool_calls fcgi_calls = {
	.open = fcgi_open,
	.serve = fcgi_serve,
	.close = fcgi_close,
	.worker_new = fcgi_worker_new,
	.worker_free = fcgi_worker_free,
};

/* ---- signals ---- */

static void signals_of_ours(sigset_t *set)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGUSR1, SIGHUP, SIGUSR2 };

	sigemptyset(set);
	for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
		sigaddset(set, signals[i]);
}

void tally_fcgi_block_signals(void)
{
	sigset_t set;

	signals_of_ours(&set);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* Returns when it is time to stop: 0 by a signal, -1 because the store has become unusable. */
static int wait_for_end(struct tally_host *host, struct tally_err *err)
{
	struct timespec second = { .tv_sec = 1 };
	int sick = 0, signal_number;
	sigset_t set;

	signals_of_ours(&set);
	for (;;) {
		signal_number = sigtimedwait(&set, NULL, &second);
		if (signal_number == SIGHUP || signal_number == SIGUSR2)
			tally_log_reopen();
		else if (signal_number > 0)
			return 0;
		sick = tally_host_healthy(host) ? 0 : sick + 1;
		if (sick >= SICK_LIMIT)
			return tally_err_set(err, TALLY_IO, "the store has become unusable; ending so "
					     "that the next start recovers it");
	}
}

int tally_fcgi_run(const struct tally_gateway_settings *settings, struct tally_host *host,
		   int listen_fd, bool own_socket, struct tally_err *err)
{
	struct fcgi fcgi = { settings, host, getenv("FCGI_WEB_SERVER_ADDRS") };
	struct tally_pool_options options = {
		.listen_fd = listen_fd,
		.threads = (unsigned int)settings->threads,
		.connections = (unsigned int)settings->connections,
		.empty_backlog = own_socket,
	};
	struct tally_pool *pool;
	char threads[16];
	int result;

	if (FCGX_Init() != 0)
		return tally_err_set(err, TALLY_IO, "the FastCGI library does not start");
	if (tally_pool_start(&options, &fcgi_calls, &fcgi, &pool, err) != 0)
		return -1;
	snprintf(threads, sizeof threads, "%u", options.threads);
	tally_log(TALLY_LOG_INFO, "fcgi.start", "threads", threads, NULL);
	result = wait_for_end(host, err);
	tally_log(TALLY_LOG_INFO, "fcgi.stop", NULL);
	tally_pool_stop(&pool, settings->stop_grace_ms);
	return result;
}

/* ---- sockets ---- */

/* A socket file that nobody answers at is what a killed process left. */
static int remove_dead(const struct sockaddr_un *address, struct tally_err *err)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct stat st;
	int failed;

	if (fd < 0)
		return tally_err_errno(err, "socket");
	failed = connect(fd, (const struct sockaddr *)address, sizeof *address);
	close(fd);
	if (failed == 0)
		return tally_err_set(err, TALLY_EXISTS, "another process listens on %s",
				     address->sun_path);
	if (lstat(address->sun_path, &st) == 0 && S_ISSOCK(st.st_mode))
		unlink(address->sun_path);
	return 0;
}

int tally_fcgi_listen(const char *path, struct tally_err *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd, failed;
	mode_t mask;

	if (strlen(path) >= sizeof address.sun_path)
		return tally_err_set(err, TALLY_INVALID, "the path of the socket is longer than %zu "
				     "characters: %s", sizeof address.sun_path - 1, path);
	strcpy(address.sun_path, path);
	if (remove_dead(&address, err) != 0)
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return tally_err_errno(err, "socket");
	mask = umask(0117);
	failed = bind(fd, (struct sockaddr *)&address, sizeof address);
	umask(mask);
	if (failed != 0 || listen(fd, 1024) != 0) {
		tally_err_errno(err, "listening on %s", path);
		close(fd);
		return -1;
	}
	return fd;
}

static bool is_listening(int fd)
{
	int value = 0;
	socklen_t size = sizeof value;

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &size) == 0 && value;
}

/* systemd passes sockets from descriptor 3 on, and says for which process they are. */
int tally_fcgi_inherited(void)
{
	const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");

	if (pid != NULL && count != NULL && atol(pid) == (long)getpid() && atol(count) >= 1 &&
	    is_listening(3)) {
		fcntl(3, F_SETFD, FD_CLOEXEC);
		return 3;
	}
	return is_listening(0) ? 0 : -1;
}
