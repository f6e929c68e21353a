/*
 * tally tsa: a time-stamp authority of one's own, for tests and demonstrations. It vouches for
 * nothing: whoever has its key can stamp any time. So its name says what it is, everywhere.
 */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "arena.h"
#include "buf.h"
#include "clock.h"
#include "err.h"
#include "tsp.h"
#include "verb.h"

#define DAY_MS (86400 * 1000ull)
#define HEAD_MOST 16384
#define QUERY_TYPE "application/timestamp-query"
#define REPLY_TYPE "application/timestamp-reply"
#define WARNING "a self-made authority: its stamps prove a time to nobody who does not trust its key"

/* ---- its files ---- */

static const char *path_of(struct tally_arena *arena, const char *directory, const char *name)
{
	return tally_arena_printf(arena, "%s/%s", directory, name);
}

static bool write_new(const struct verb_call *call, const char *path, mode_t mode,
		      struct tally_bytes bytes)
{
	int fd = verb_open(path, O_WRONLY | O_CREAT | O_EXCL, (int)mode);
	bool good = fd >= 0 && write(fd, bytes.data, bytes.size) == (ssize_t)bytes.size &&
		    fsync(fd) == 0;

	if (fd >= 0 && close(fd) != 0)
		good = false;
	if (!good)
		verb_fail(call, "%s: %s", path, strerror(errno));
	return good;
}

static bool read_one(const struct verb_call *call, const char *path, struct tally_arena *arena,
		     struct tally_bytes *bytes_r)
{
	size_t room = 65536;
	uint8_t *data = tally_arena_alloc(arena, room);
	int fd = verb_open(path, O_RDONLY, 0);
	ssize_t size = fd >= 0 ? read(fd, data, room) : -1;

	if (size < 0)
		verb_fail(call, "%s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	*bytes_r = tally_bytes(data, size > 0 ? (size_t)size : 0);
	return size >= 0;
}

static int init_run(struct verb_call *call)
{
	const char *directory = call->args[0], *name = verb_value(call, "name", "Tallystick TSA");
	uint64_t days = 3650, now = tally_now_ms();
	struct tally_tsa_files files;
	struct tally_arena arena = { 0 };
	struct tally_err err;
	bool good;

	if (!verb_number(call, "days", 1, 36500, &days))
		return VERB_USAGE;
	if (strlen(name) == 0 || strlen(name) > 40)
		return verb_misuse(call, "a name has 1 to 40 characters");
	if (mkdir(directory, 0755) != 0 && errno != EEXIST)
		return verb_fail(call, "%s: %s", directory, strerror(errno));
	/* a little earlier than now: others' clocks may be slow */
	if (tally_tsa_make(name, now - DAY_MS, now + days * DAY_MS, &arena, &files, &err) != 0)
		return verb_fail_err(call, &err);
	good = write_new(call, path_of(&arena, directory, "tsa.key"), 0600, files.key) &&
	       write_new(call, path_of(&arena, directory, "tsa.pem"), 0644, files.certificate) &&
	       write_new(call, path_of(&arena, directory, "ca.pem"), 0644, files.ca);
	if (good) {
		fprintf(stderr, "tally tsa: %s\n", WARNING);
		printf("%s\n", path_of(&arena, directory, "ca.pem"));
	}
	tally_arena_wipe(&arena);
	tally_arena_free(&arena);
	return good ? VERB_OK : VERB_FAILED;
}

static struct tally_tsa *open_tsa(const struct verb_call *call, struct tally_bytes *ca_r,
				  struct tally_arena *keep)
{
	const char *directory = call->args[0];
	struct tally_arena arena = { 0 };
	struct tally_tsa_files files;
	struct tally_tsa *tsa = NULL;
	struct tally_err err;

	if (read_one(call, path_of(&arena, directory, "tsa.key"), &arena, &files.key) &&
	    read_one(call, path_of(&arena, directory, "tsa.pem"), &arena, &files.certificate) &&
	    read_one(call, path_of(&arena, directory, "ca.pem"), &arena, &files.ca) &&
	    tally_tsa_open(&files, &tsa, &err) != 0)
		verb_fail(call, "%s: %s", directory, err.text);
	if (tsa != NULL && ca_r != NULL)
		*ca_r = tally_arena_bytes(keep, files.ca);
	tally_arena_wipe(&arena);
	tally_arena_free(&arena);
	return tsa;
}

/* ---- one answer, as a filter or as a CGI program ---- */

static struct tally_bytes read_query(struct tally_arena *arena)
{
	uint8_t *room = tally_arena_alloc(arena, TALLY_TSP_MAX + 1);
	size_t size = fread(room, 1, TALLY_TSP_MAX + 1, stdin);

	return tally_bytes(room, size);
}

/* What a web server says is wrong with the request, or NULL. */
static const char *cgi_refusal(void)
{
	const char *method = getenv("REQUEST_METHOD"), *type = getenv("CONTENT_TYPE");

	if (method == NULL)
		return NULL;
	if (strcmp(method, "POST") != 0)
		return "405 Method Not Allowed";
	return type != NULL && strcasecmp(type, QUERY_TYPE) == 0 ? NULL : "415 Unsupported Media Type";
}

static int answer_run(struct verb_call *call)
{
	bool cgi = getenv("REQUEST_METHOD") != NULL;
	const char *refusal = cgi_refusal();
	struct tally_arena arena = { 0 };
	struct tally_bytes reply;
	struct tally_tsa *tsa;
	struct tally_err err;
	int status = VERB_FAILED;

	if (refusal != NULL) {
		printf("Status: %s\r\nContent-Type: text/plain\r\n\r\nPOST a " QUERY_TYPE "; " WARNING
		       "\n", refusal);
		return VERB_OK;
	}
	tsa = open_tsa(call, NULL, NULL);
	if (tsa == NULL)
		return VERB_FAILED;
	if (tally_tsa_answer(tsa, read_query(&arena), tally_now_ms(), &arena, &reply, &err) != 0) {
		verb_fail_err(call, &err);
	} else {
		if (cgi)
			printf("Content-Type: " REPLY_TYPE "\r\nContent-Length: %zu\r\n\r\n",
			       reply.size);
		status = fwrite(reply.data, 1, reply.size, stdout) == reply.size ? VERB_OK : VERB_FAILED;
	}
	tally_tsa_free(&tsa);
	tally_arena_free(&arena);
	return status;
}

/* ---- a small server ---- */

#define THREADS 4

struct server {
	struct tally_tsa *tsa;
	struct tally_bytes ca;
	int fd;
};

/* One request as it came, head and body. */
struct exchange {
	uint8_t room[HEAD_MOST + TALLY_TSP_MAX];
	size_t size, head;		/* head: its size, with the empty line; 0: not all is there */
};

static const char *field(const struct exchange *x, const char *name, size_t *size_r)
{
	const char *at = (const char *)x->room, *end = at + x->head;
	size_t size = strlen(name);

	while ((at = memchr(at, '\n', (size_t)(end - at))) != NULL && ++at < end) {
		if ((size_t)(end - at) > size && strncasecmp(at, name, size) == 0 && at[size] == ':') {
			at += size + 1;
			at += strspn(at, " \t");
			*size_r = strcspn(at, "\r\n");
			return at;
		}
	}
	*size_r = 0;
	return "";
}

static bool field_is(const struct exchange *x, const char *name, const char *value)
{
	size_t size;
	const char *text = field(x, name, &size);

	return size == strlen(value) && strncasecmp(text, value, size) == 0;
}

/* The body's size; none is said: 0. */
static size_t body_size(const struct exchange *x)
{
	size_t size;
	const char *text = field(x, "Content-Length", &size);
	uint64_t number;

	return tally_parse_u64(tally_bytes(text, size), TALLY_TSP_MAX, &number) ? (size_t)number : 0;
}

/* False when it does not come whole, or is too large. */
static bool receive(int fd, struct exchange *x)
{
	x->size = x->head = 0;
	while (x->head == 0 || x->size < x->head + body_size(x)) {
		ssize_t some = recv(fd, x->room + x->size, sizeof(x->room) - 1 - x->size, 0);
		const uint8_t *end;

		if (some <= 0)
			return false;
		x->size += (size_t)some;
		x->room[x->size] = '\0';
		end = x->head == 0 ? memmem(x->room, x->size, "\r\n\r\n", 4) : NULL;
		if (end != NULL)
			x->head = (size_t)(end - x->room) + 4;
		if (x->head == 0 && x->size >= HEAD_MOST)
			return false;
	}
	return true;
}

static void send_all(int fd, const void *data, size_t size)
{
	const uint8_t *at = data;
	ssize_t sent;

	for (; size > 0 && (sent = send(fd, at, size, MSG_NOSIGNAL)) > 0; size -= (size_t)sent)
		at += sent;
}

static void reply_with(int fd, const char *status, const char *type, struct tally_bytes body)
{
	char head[200];
	int size = snprintf(head, sizeof head, "HTTP/1.1 %s\r\nContent-Type: %s\r\n"
			    "Content-Length: %zu\r\nConnection: close\r\n\r\n", status, type,
			    body.size);

	send_all(fd, head, (size_t)size);
	send_all(fd, body.data, body.size);
}

static void answer_exchange(const struct server *server, int fd, const struct exchange *x)
{
	struct tally_bytes query = { x->room + x->head, body_size(x) }, reply;
	struct tally_arena arena = { 0 };
	struct tally_err err;

	if (strncmp((const char *)x->room, "GET /ca.pem ", 12) == 0)
		reply_with(fd, "200 OK", "application/x-pem-file", server->ca);
	else if (strncmp((const char *)x->room, "POST ", 5) != 0 ||
		 !field_is(x, "Content-Type", QUERY_TYPE))
		reply_with(fd, "400 Bad Request", "text/plain",
			   TALLY_BYTES_LIT("POST a " QUERY_TYPE "; " WARNING "\n"));
	else if (tally_tsa_answer(server->tsa, query, tally_now_ms(), &arena, &reply, &err) == 0)
		reply_with(fd, "200 OK", REPLY_TYPE, reply);
	else
		reply_with(fd, "500 Internal Server Error", "text/plain", TALLY_BYTES_NONE);
	tally_arena_free(&arena);
}

static void *serve_main(void *ctx)
{
	const struct server *server = ctx;
	const struct timeval patience = { .tv_sec = 5 };
	struct exchange *x = tally_malloc(sizeof *x);
	int fd;

	while ((fd = accept(server->fd, NULL, NULL)) >= 0 || errno == EINTR || errno == ECONNABORTED) {
		if (fd < 0)
			continue;
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
		if (receive(fd, x))
			answer_exchange(server, fd, x);
		close(fd);
	}
	free(x);
	return NULL;
}

/* "127.0.0.1:3161"; only this machine may ask, since nobody else should believe it. */
static bool read_listen(const struct verb_call *call, struct sockaddr_in *address)
{
	const char *text = verb_value(call, "listen", "127.0.0.1:3161");
	const char *colon = strrchr(text, ':');
	char host[16] = "";
	uint64_t port;

	*address = (struct sockaddr_in){ .sin_family = AF_INET };
	if (colon != NULL && (size_t)(colon - text) < sizeof host)
		snprintf(host, sizeof host, "%.*s", (int)(colon - text), text);
	if (colon == NULL || !tally_parse_u64(tally_bytes_str(colon + 1), 65535, &port) ||
	    inet_pton(AF_INET, host, &address->sin_addr) != 1 ||
	    ntohl(address->sin_addr.s_addr) >> 24 != 127) {
		verb_misuse(call, "--listen is an address of this machine and a port, such as "
			    "127.0.0.1:3161, not %s", text);
		return false;
	}
	address->sin_port = htons((uint16_t)port);
	return true;
}

static int listen_on(const struct verb_call *call, struct sockaddr_in *address)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
	socklen_t size = sizeof *address;

	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (fd >= 0 && bind(fd, (struct sockaddr *)address, sizeof *address) == 0 &&
	    listen(fd, 64) == 0 && getsockname(fd, (struct sockaddr *)address, &size) == 0)
		return fd;
	verb_fail(call, "port %u: %s", ntohs(address->sin_port), strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

/* Until a signal to end comes. */
static int serve(struct server *server, const struct sockaddr_in *address)
{
	char host[INET_ADDRSTRLEN];
	pthread_t threads[THREADS];
	size_t count = 0;
	sigset_t end;
	int signal;

	sigemptyset(&end);
	sigaddset(&end, SIGTERM);
	sigaddset(&end, SIGINT);
	pthread_sigmask(SIG_BLOCK, &end, NULL);
	while (count < THREADS && pthread_create(&threads[count], NULL, serve_main, server) == 0)
		count++;
	inet_ntop(AF_INET, &address->sin_addr, host, sizeof host);
	fprintf(stderr, "tally tsa: \"%s\", %s\n", tally_tsa_name(server->tsa), WARNING);
	printf("http://%s:%u/\n", host, ntohs(address->sin_port));
	fflush(stdout);
	sigwait(&end, &signal);
	shutdown(server->fd, SHUT_RDWR);
	for (size_t i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	return count > 0 ? VERB_OK : VERB_FAILED;
}

static int serve_run(struct verb_call *call)
{
	struct tally_arena arena = { 0 };
	struct server server = { 0 };
	struct sockaddr_in address;
	int status = VERB_FAILED;

	if (!read_listen(call, &address))
		return VERB_USAGE;
	server.tsa = open_tsa(call, &server.ca, &arena);
	if (server.tsa != NULL)
		server.fd = listen_on(call, &address);
	if (server.tsa != NULL && server.fd >= 0) {
		status = serve(&server, &address);
		close(server.fd);
	}
	tally_tsa_free(&server.tsa);
	tally_arena_free(&arena);
	return status;
}

/* ---- rows ---- */

static const struct verb_option init_options[] = {
	{ "name", "TEXT", "its name; what it is stands behind it (default: Tallystick TSA)" },
	{ "days", "N", "how long its certificates are good (default: 3650)" },
	VERB_OPTIONS_END
};
static const struct verb_option serve_options[] = {
	{ "listen", "ADDR:PORT", "where to listen, on this machine only (default: 127.0.0.1:3161); port 0: any" },
	VERB_OPTIONS_END
};

static const struct verb tsa_init = {
	.name = "init", .usage = "DIR", .summary = "Make key and certificates, and print the CA's file",
	.options = init_options, .min_args = 1, .max_args = 1, .run = init_run,
};
static const struct verb tsa_serve = {
	.name = "serve", .usage = "DIR", .summary = "Answer time-stamp queries over HTTP, and print the URL",
	.options = serve_options, .min_args = 1, .max_args = 1, .run = serve_run,
};
static const struct verb tsa_answer = {
	.name = "answer", .usage = "DIR",
	.summary = "Answer one query from standard input, also as a CGI program",
	.min_args = 1, .max_args = 1, .run = answer_run,
};
static const struct verb *const tsa_parts[] = { &tsa_init, &tsa_serve, &tsa_answer, NULL };

const struct verb verb_tsa = {
	.name = "tsa",
	.usage = "init|serve|answer",
	.summary = "A self-made time-stamp authority, for tests and demonstrations",
	.parts = tsa_parts,
};
