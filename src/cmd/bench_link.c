/* A connection that is used again and again; see bench_link.h. */
#include "config.h"

#include "bench_link.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "err.h"
#include "fetch.h"

#define HEAD_MAX 65536u
#define ANSWER_MAX (64u << 20)
#define WAIT_S 60

/* ---- the server ---- */

/* What follows the host: "/...", or "" where the URL ends with it. */
static const char *path_of(const char *url)
{
	const char *rest = strstr(url, "://");

	rest = rest != NULL ? rest + 3 : url;
	return rest + strcspn(rest, "/?#");
}

/* Host and port apart; an IPv6 address stands in brackets. */
static bool split(char *host, const char **name_r, const char **port_r)
{
	char *colon = strrchr(host, ':'), *bracket = strchr(host, ']');

	*name_r = host;
	*port_r = "80";
	if (host[0] == '[') {
		if (bracket == NULL)
			return false;
		*name_r = host + 1;
		*bracket = '\0';
		colon = bracket[1] == ':' ? bracket + 1 : NULL;
	}
	if (colon != NULL) {
		*colon = '\0';
		*port_r = colon + 1;
	}
	return **name_r != '\0';
}

int link_server_find(const char *url, struct link_server *server_r, struct tally_err *err)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	const char *name, *port, *end = path_of(url);
	char host[sizeof server_r->host];
	int code;

	*server_r = (struct link_server){ .address = NULL };
	if (strncmp(url, "http://", 7) != 0 || (size_t)(end - url) - 7 >= sizeof host)
		return tally_err_set(err, TALLY_INVALID, "the server is named by a URL of http://, "
				     "not by %.80s", url);
	snprintf(server_r->host, sizeof server_r->host, "%.*s", (int)(end - url) - 7, url + 7);
	strcpy(host, server_r->host);
	if (!split(host, &name, &port))
		return tally_err_set(err, TALLY_INVALID, "%.80s names no host", url);
	code = getaddrinfo(name, port, &hints, &server_r->address);
	if (code != 0)
		return tally_err_set(err, TALLY_IO, "%s: %s", server_r->host, gai_strerror(code));
	return 0;
}

void link_server_free(struct link_server *server)
{
	if (server->address != NULL)
		freeaddrinfo(server->address);
	server->address = NULL;
}

/* ---- the connection ---- */

void link_begin(struct link *link, const struct link_server *server)
{
	*link = (struct link){ .server = server, .fd = -1 };
}

static void hang_up(struct link *link)
{
	if (link->fd >= 0)
		close(link->fd);
	link->fd = -1;
}

void link_end(struct link *link)
{
	hang_up(link);
	tally_buf_free(&link->out);
	tally_buf_free(&link->in);
}

static int no_answer(struct link *link, const char *why, struct tally_err *err)
{
	hang_up(link);
	return tally_err_set(err, TALLY_IO, "no answer from %s: %s", link->server->host, why);
}

static int dial(struct link *link, struct tally_err *err)
{
	const struct timeval wait = { .tv_sec = WAIT_S };
	int one = 1, failed = 0;

	for (const struct addrinfo *at = link->server->address; at != NULL; at = at->ai_next) {
		link->fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (link->fd >= 0 && connect(link->fd, at->ai_addr, at->ai_addrlen) == 0)
			break;
		failed = errno;
		hang_up(link);
	}
	if (link->fd < 0)
		return no_answer(link, strerror(failed), err);
	setsockopt(link->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	setsockopt(link->fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
	setsockopt(link->fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
	return 0;
}

static int send_all(struct link *link, struct tally_err *err)
{
	for (size_t at = 0; at < link->out.size;) {
		ssize_t sent = send(link->fd, link->out.data + at, link->out.size - at, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return no_answer(link, strerror(errno), err);
		at += (size_t)sent;
	}
	return 0;
}

/* Some more bytes into in: 1, or 0 at the end of the connection. */
static int read_more(struct link *link, struct tally_err *err)
{
	ssize_t got;

	if (link->in.size > ANSWER_MAX)
		return no_answer(link, "it is too long", err);
	do {
		got = recv(link->fd, tally_buf_reserve(&link->in, 65536), 65536, 0);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return no_answer(link, errno == EAGAIN ? "it takes too long" : strerror(errno), err);
	link->in.size += (size_t)got;
	return got > 0;
}

/* Until so many bytes are there; -1 also where the connection ends before. */
static int read_until(struct link *link, size_t size, struct tally_err *err)
{
	while (link->in.size < size) {
		int more = read_more(link, err);

		if (more <= 0)
			return more < 0 ? -1 : no_answer(link, "the connection was closed", err);
	}
	return 0;
}

/* ---- the answer ---- */

struct head {
	int status;
	size_t size;			/* with the empty line behind it */
	bool sized, chunked, closes;
	uint64_t body_size;
};

static bool is_header(struct tally_bytes line, const char *name, struct tally_bytes *value_r)
{
	size_t size = strlen(name);

	if (line.size <= size || line.data[size] != ':' ||
	    strncasecmp((const char *)line.data, name, size) != 0)
		return false;
	for (size++; size < line.size && line.data[size] == ' ';)
		size++;
	*value_r = tally_bytes(line.data + size, line.size - size);
	return true;
}

static bool is_word(struct tally_bytes value, const char *word)
{
	return value.size == strlen(word) &&
	       strncasecmp((const char *)value.data, word, value.size) == 0;
}

static void take_line(struct head *head, struct tally_bytes line)
{
	struct tally_bytes value;

	if (is_header(line, "content-length", &value))
		head->sized = tally_parse_u64(value, ANSWER_MAX, &head->body_size);
	else if (is_header(line, "transfer-encoding", &value))
		head->chunked = is_word(value, "chunked");
	else if (is_header(line, "connection", &value))
		head->closes = is_word(value, "close");
}

/* The end of a line that begins at from, or NULL: its "\r\n" is not there yet. */
static const uint8_t *line_end(const struct tally_buf *in, size_t from)
{
	return from < in->size ? memmem(in->data + from, in->size - from, "\r\n", 2) : NULL;
}

static bool parse_head(const struct tally_buf *in, struct head *head)
{
	size_t at = 0;

	*head = (struct head){ .size = (size_t)((const uint8_t *)memmem(in->data, in->size, "\r\n\r\n", 4) -
						in->data) + 4 };
	while (at + 2 < head->size) {
		const uint8_t *end = line_end(in, at);
		struct tally_bytes line = tally_bytes(in->data + at, (size_t)(end - in->data) - at);

		if (at == 0 && (line.size < 12 || memcmp(line.data, "HTTP/1.1 ", 9) != 0))
			return false;
		if (at == 0)
			head->status = atoi((const char *)line.data + 9);
		else
			take_line(head, line);
		at += line.size + 2;
	}
	return head->status >= 100 && (head->sized || head->chunked || head->closes);
}

/* What comes in chunks is put together in its place. */
static int read_chunks(struct link *link, size_t from, size_t *end_r, struct tally_err *err)
{
	size_t at = from, to = from;

	for (;;) {
		const uint8_t *end;
		size_t size;

		while ((end = line_end(&link->in, at)) == NULL)
			if (read_until(link, link->in.size + 1, err) != 0)
				return -1;
		size = strtoul((const char *)link->in.data + at, NULL, 16);
		at = (size_t)(end - link->in.data) + 2;
		if (size > ANSWER_MAX)
			return no_answer(link, "it is too long", err);
		if (read_until(link, at + size + 2, err) != 0)
			return -1;
		memmove(link->in.data + to, link->in.data + at, size);
		to += size;
		at += size + 2;
		if (size == 0)
			break;
	}
	*end_r = to;
	return 0;
}

static int read_answer(struct link *link, struct head *head, struct tally_bytes *body_r,
		       struct tally_err *err)
{
	size_t end = 0;
	int more = 1;

	tally_buf_clear(&link->in);
	while (link->in.size < 4 || memmem(link->in.data, link->in.size, "\r\n\r\n", 4) == NULL)
		if (link->in.size > HEAD_MAX || read_until(link, link->in.size + 1, err) != 0)
			return link->in.size > HEAD_MAX ? no_answer(link, "no HTTP", err) : -1;
	if (!parse_head(&link->in, head))
		return no_answer(link, "what comes is no HTTP/1.1", err);
	if (head->chunked) {
		if (read_chunks(link, head->size, &end, err) != 0)
			return -1;
	} else if (head->sized) {
		end = head->size + head->body_size;
		if (read_until(link, end, err) != 0)
			return -1;
	} else {
		while (more > 0)
			more = read_more(link, err);
		if (more < 0)
			return -1;
		end = link->in.size;
	}
	*body_r = tally_bytes(link->in.data + head->size, end - head->size);
	return 0;
}

/* ---- one exchange ---- */

static void write_request(struct link *link, const struct tally_fetch *fetch)
{
	const char *path = path_of(fetch->url);

	tally_buf_clear(&link->out);
	tally_buf_printf(&link->out, "%s %s%s HTTP/1.1\r\nHost: %s\r\n", fetch->post ? "POST" : "GET",
			 path[0] == '/' ? "" : "/", path, link->server->host);
	if (fetch->post)
		tally_buf_printf(&link->out, "Content-Type: %s\r\nContent-Length: %zu\r\n",
				 fetch->content_type != NULL ? fetch->content_type :
							       "application/x-www-form-urlencoded",
				 fetch->body.size);
	tally_buf_add_str(&link->out, "\r\n");
	if (fetch->post)
		tally_buf_add_bytes(&link->out, fetch->body);
}

int link_ask(struct link *link, const struct tally_fetch *fetch, int *status_r,
	     struct tally_bytes *body_r, struct tally_err *err)
{
	struct head head;

	write_request(link, fetch);
	if ((link->fd < 0 && dial(link, err) != 0) || send_all(link, err) != 0 ||
	    read_answer(link, &head, body_r, err) != 0)
		return -1;
	*status_r = head.status;
	if (head.closes)
		hang_up(link);
	return 0;
}
