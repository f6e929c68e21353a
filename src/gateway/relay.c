/*
 * The relay (relay.h). What passes through buffers here may hold secrets: they are wiped before
 * their memory is used for anything else.
 */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

#include "arena.h"
#include "buf.h"
#include "clock.h"
#include "err.h"
#include "log.h"
#include "own.h"
#include "pool.h"
#include "relay.h"
#include "secret.h"
#include "service.h"

enum frame_type { FRAME_HELLO = 1, FRAME_REQUEST, FRAME_WORKING, FRAME_RESPONSE, FRAME_REFUSED };

#define RELAY_VERSION 2
#define FRAME_HEAD 8
#define RESPONSE_LIMIT ((uint64_t)256 << 20)
#define HEADERS_MAX 512
#define PEER_PATIENCE_S 20	/* for the rest of a frame that has begun */

enum { FLAG_HTTPS = 1, FLAG_LOCAL = 2, FLAG_AGAIN = 4, FLAG_TOO_LARGE = 8, FLAG_SHORT = 16 };

/* ---- codec ---- */

static void put_text(struct tally_buf *buf, struct tally_bytes text)
{
	tally_buf_add_u32(buf, (uint32_t)text.size);
	tally_buf_add_bytes(buf, text);
}

static struct tally_bytes get_text(struct tally_reader *reader)
{
	uint32_t size = tally_read_u32(reader);

	return tally_read_bytes(reader, size);
}

static void put_headers(struct tally_buf *buf, const struct tally_header *headers, size_t count)
{
	tally_buf_add_u16(buf, (uint16_t)count);
	for (size_t i = 0; i < count; i++) {
		put_text(buf, headers[i].name);
		put_text(buf, headers[i].value);
	}
}

static struct tally_header *get_headers(struct tally_reader *reader, struct tally_arena *arena,
					size_t *count_r)
{
	size_t count = tally_read_u16(reader);
	struct tally_header *headers;

	if (count > HEADERS_MAX) {
		reader->failed = true;
		count = 0;
	}
	/* Never fewer than a response may get further ones (request.h). */
	headers = tally_arena_array(arena, struct tally_header, count > 16 ? count : 16);
	for (size_t i = 0; i < count; i++) {
		headers[i].name = get_text(reader);
		headers[i].value = get_text(reader);
	}
	*count_r = count;
	return headers;
}

static struct tally_bytes rest_of(struct tally_reader *reader)
{
	return tally_read_bytes(reader, tally_reader_left(reader));
}

/* All but the body, which the sender adds from where it is. */
static void put_request_head(struct tally_buf *buf, const struct tally_request *request, bool again)
{
	tally_buf_add_u8(buf, (uint8_t)((request->https ? FLAG_HTTPS : 0) |
					(request->local ? FLAG_LOCAL : 0) |
					(again || request->again ? FLAG_AGAIN : 0) |
					(request->body_too_large ? FLAG_TOO_LARGE : 0) |
					(request->body_short ? FLAG_SHORT : 0)));
	tally_buf_add(buf, request->id, sizeof request->id);
	put_text(buf, request->method);
	put_text(buf, request->path);
	put_text(buf, request->query);
	put_text(buf, request->client);
	put_text(buf, request->listener);
	put_headers(buf, request->headers, request->header_count);
}

void tally_relay_put_request(struct tally_buf *buf, const struct tally_request *request, bool again)
{
	put_request_head(buf, request, again);
	tally_buf_add_bytes(buf, request->body);
}

bool tally_relay_get_request(struct tally_bytes bytes, struct tally_request *request)
{
	struct tally_reader reader = tally_reader(bytes);
	struct tally_bytes id;
	uint8_t flags = tally_read_u8(&reader);

	request->https = flags & FLAG_HTTPS;
	request->local = flags & FLAG_LOCAL;
	request->again = flags & FLAG_AGAIN;
	request->body_too_large = flags & FLAG_TOO_LARGE;
	request->body_short = flags & FLAG_SHORT;
	id = tally_read_bytes(&reader, sizeof request->id);
	if (id.size == sizeof request->id)
		memcpy(request->id, id.data, id.size);
	request->method = get_text(&reader);
	request->path = get_text(&reader);
	request->query = get_text(&reader);
	request->client = get_text(&reader);
	request->listener = get_text(&reader);
	request->headers = get_headers(&reader, request->arena, &request->header_count);
	request->body = rest_of(&reader);
	return !reader.failed;
}

static void put_response_head(struct tally_buf *buf, const struct tally_response *response)
{
	tally_buf_add_u16(buf, (uint16_t)response->status);
	put_text(buf, tally_bytes_str(response->content_type));
	put_headers(buf, response->headers, response->header_count);
}

void tally_relay_put_response(struct tally_buf *buf, const struct tally_response *response)
{
	put_response_head(buf, response);
	tally_buf_add_bytes(buf, response->body);
}

bool tally_relay_get_response(struct tally_bytes bytes, struct tally_arena *arena,
			      struct tally_response *response)
{
	struct tally_reader reader = tally_reader(bytes);
	struct tally_bytes type;

	memset(response, 0, sizeof *response);
	response->status = tally_read_u16(&reader);
	type = get_text(&reader);
	response->content_type = type.size > 0 ? tally_arena_str(arena, type) : NULL;
	response->headers = get_headers(&reader, arena, &response->header_count);
	response->body = rest_of(&reader);
	return !reader.failed;
}

/* ---- frames ---- */

static void put_frame_head(uint8_t head[FRAME_HEAD], enum frame_type type, size_t size)
{
	head[0] = 'T';
	head[1] = 'R';
	head[2] = RELAY_VERSION;
	head[3] = (uint8_t)type;
	tally_put_u32(head + 4, (uint32_t)size);
}

/* Writes all parts or fails; never raises SIGPIPE. */
static bool send_parts(int fd, struct iovec *parts, int count)
{
	while (count > 0) {
		struct msghdr message = { .msg_iov = parts, .msg_iovlen = (size_t)count };
		ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return false;
		while (count > 0 && (size_t)sent >= parts->iov_len) {
			sent -= (ssize_t)parts->iov_len;
			parts++;
			count--;
		}
		if (count > 0) {
			parts->iov_base = (uint8_t *)parts->iov_base + sent;
			parts->iov_len -= (size_t)sent;
		}
	}
	return true;
}

static bool send_frame(int fd, enum frame_type type, const struct tally_buf *head,
		       struct tally_bytes body)
{
	uint8_t frame[FRAME_HEAD];
	struct iovec parts[3] = {
		{ frame, sizeof frame }, { head->data, head->size }, { (void *)body.data, body.size }
	};

	put_frame_head(frame, type, head->size + body.size);
	return send_parts(fd, parts, 3);
}

/* Exactly size bytes; false at the end, on an error, or after PEER_PATIENCE_S of silence. */
static bool receive(int fd, void *data, size_t size)
{
	uint8_t *at = data;

	while (size > 0) {
		ssize_t got = recv(fd, at, size, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		at += got;
		size -= (size_t)got;
	}
	return true;
}

static void set_patience(int fd)
{
	struct timeval patience = { .tv_sec = PEER_PATIENCE_S };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
}

/* 1: there is something to read (or the end), 0: nothing within wait_ms. */
static int wait_readable(int fd, uint64_t wait_ms)
{
	struct pollfd one = { .fd = fd, .events = POLLIN };
	uint64_t end = tally_mono_ns() / 1000000 + wait_ms, now;
	int got;

	for (;;) {
		now = tally_mono_ns() / 1000000;
		got = poll(&one, 1, now < end ? (int)(end - now) : 0);
		if (got >= 0 || errno != EINTR)
			return got > 0;
	}
}

/* ---- asking ---- */

/* Reads a frame head. REFUSED for one that we do not understand. */
static enum tally_relay_outcome next_frame(int fd, uint64_t wait_ms, uint8_t *type_r,
					   uint32_t *size_r, struct tally_err *err)
{
	uint8_t head[FRAME_HEAD];

	if (!wait_readable(fd, wait_ms))
		return RELAY_SILENT;
	if (!receive(fd, head, sizeof head))
		return RELAY_BROKEN;
	if (head[0] != 'T' || head[1] != 'R' || head[2] != RELAY_VERSION) {
		tally_err_set(err, TALLY_UNSUPPORTED, "the store is in use by a program of another "
			      "version, which speaks relay version %u, not %u", head[2],
			      RELAY_VERSION);
		return RELAY_REFUSED;
	}
	*type_r = head[3];
	*size_r = tally_get_u32(head + 4);
	return RELAY_DONE;
}

enum tally_relay_outcome tally_relay_greet(int fd, uint64_t wait_ms, struct tally_err *err)
{
	enum tally_relay_outcome outcome;
	uint32_t size;
	uint8_t type;

	set_patience(fd);
	outcome = next_frame(fd, wait_ms, &type, &size, err);
	if (outcome == RELAY_DONE && (type != FRAME_HELLO || size != 0))
		return RELAY_BROKEN;
	return outcome;
}

static enum tally_relay_outcome take_refusal(struct tally_bytes bytes, struct tally_err *err)
{
	struct tally_reader reader = tally_reader(bytes);
	enum tally_code code = tally_read_u8(&reader);
	struct tally_bytes text = rest_of(&reader);

	if (reader.failed || code == TALLY_OK || code > TALLY_IO)
		return RELAY_BROKEN;
	tally_err_set(err, code, "%.*s", (int)text.size, text.data);
	return RELAY_REFUSED;
}

static enum tally_relay_outcome take_answer(int fd, uint8_t type, uint32_t size,
					    struct tally_arena *arena,
					    struct tally_response *response, struct tally_err *err)
{
	uint8_t *data;

	if (size > RESPONSE_LIMIT)
		return RELAY_BROKEN;
	data = tally_arena_alloc(arena, size);
	if (!receive(fd, data, size))
		return RELAY_BROKEN;
	if (type == FRAME_REFUSED)
		return take_refusal(tally_bytes(data, size), err);
	if (type != FRAME_RESPONSE || !tally_relay_get_response(tally_bytes(data, size), arena, response))
		return RELAY_BROKEN;
	return RELAY_DONE;
}

static bool send_request(int fd, const struct tally_request *request, bool again)
{
	struct tally_buf head = { 0 };
	bool sent;

	put_request_head(&head, request, again);
	sent = send_frame(fd, FRAME_REQUEST, &head, request->body);
	tally_wipe(head.data, head.size);
	tally_buf_free(&head);
	return sent;
}

enum tally_relay_outcome tally_relay_ask(int fd, const struct tally_request *request, bool again,
					 uint64_t silence_ms, struct tally_response *response,
					 bool *sent_r, struct tally_err *err)
{
	enum tally_relay_outcome outcome;
	uint32_t size;
	uint8_t type;

	*sent_r = true;
	/* Where sending fails, the owner may have refused the request before its end and closed
	 * the connection: read what it said. */
	if (!send_request(fd, request, again))
		silence_ms = 0;
	do
		outcome = next_frame(fd, silence_ms, &type, &size, err);
	while (outcome == RELAY_DONE && type == FRAME_WORKING && size == 0);
	if (outcome == RELAY_SILENT && silence_ms == 0)
		return RELAY_BROKEN;
	if (outcome != RELAY_DONE)
		return outcome;
	return take_answer(fd, type, size, request->arena, response, err);
}

/* ---- answering ---- */

struct tally_relay_server {
	struct tally_relay_options options;
	struct tally_service *service;
	struct tally_pool *pool;
};

struct relay_conn {
	struct tally_pool_conn base;
	bool trusted;			/* the peer may ask for local administration */
	bool broken;
	pthread_mutex_t sending;	/* WORKING frames come from another thread */
};

static bool is_trusted(const struct tally_relay_server *server, int fd)
{
	uint32_t uid;

	return tally_own_peer(fd, &uid) &&
	       (uid == 0 || uid == geteuid() || uid == server->options.store_uid);
}

/* Sending eight bytes into a fresh connection never blocks. */
static struct tally_pool_conn *relay_open(void *ctx, int fd)
{
	struct tally_relay_server *server = ctx;
	struct relay_conn *conn;
	uint8_t head[FRAME_HEAD];

	put_frame_head(head, FRAME_HELLO, 0);
	if (send(fd, head, sizeof head, MSG_NOSIGNAL | MSG_DONTWAIT) != sizeof head)
		return NULL;
	set_patience(fd);
	conn = tally_calloc(1, sizeof *conn);
	conn->trusted = is_trusted(server, fd);
	pthread_mutex_init(&conn->sending, NULL);
	return &conn->base;
}

static void relay_close(void *ctx, struct tally_pool_conn *base)
{
	struct relay_conn *conn = (struct relay_conn *)base;

	(void)ctx;
	pthread_mutex_destroy(&conn->sending);
	free(conn);
}

/* If the answer is just being sent, it says enough by itself. A WORKING right behind an answer
 * does no harm: who asks next skips it. */
static void relay_tick(void *ctx, struct tally_pool_conn *base)
{
	struct relay_conn *conn = (struct relay_conn *)base;
	uint8_t head[FRAME_HEAD];

	(void)ctx;
	if (pthread_mutex_trylock(&conn->sending) != 0)
		return;
	put_frame_head(head, FRAME_WORKING, 0);
	if (send(base->fd, head, sizeof head, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno != EAGAIN)
		conn->broken = true;
	pthread_mutex_unlock(&conn->sending);
}

static bool answer(struct relay_conn *conn, enum frame_type type, const struct tally_buf *head,
		   struct tally_bytes body)
{
	bool sent;

	pthread_mutex_lock(&conn->sending);
	sent = !conn->broken && send_frame(conn->base.fd, type, head, body);
	pthread_mutex_unlock(&conn->sending);
	return sent;
}

static void refuse(struct relay_conn *conn, enum tally_code code, const char *text)
{
	struct tally_buf head = { 0 };

	tally_buf_add_u8(&head, (uint8_t)code);
	tally_buf_add_str(&head, text);
	answer(conn, FRAME_REFUSED, &head, TALLY_BYTES_NONE);
	tally_buf_free(&head);
}

/* The request's bytes into the arena; false when the connection is of no more use. */
static bool take_request(struct tally_relay_server *server, struct relay_conn *conn,
			 struct tally_arena *arena, struct tally_bytes *bytes_r)
{
	uint8_t head[FRAME_HEAD], *data;
	uint32_t size;

	if (!receive(conn->base.fd, head, sizeof head))
		return false;
	size = tally_get_u32(head + 4);
	if (head[0] != 'T' || head[1] != 'R' || head[2] != RELAY_VERSION ||
	    head[3] != FRAME_REQUEST) {
		refuse(conn, TALLY_UNSUPPORTED, "the store is in use by a program of another version");
		return false;
	}
	if (size > server->options.request_limit) {
		refuse(conn, TALLY_INVALID, "the request is larger than the process that has the store "
		       "open takes (api.body_limit)");
		return false;
	}
	data = tally_arena_alloc(arena, size);
	*bytes_r = tally_bytes(data, size);
	return receive(conn->base.fd, data, size);
}

static bool handle_one(struct tally_relay_server *server, struct relay_conn *conn,
		       struct tally_arena *arena)
{
	struct tally_request request = { .arena = arena };
	struct tally_response response = { 0 };
	struct tally_buf head = { 0 };
	struct tally_bytes bytes;
	bool sent;

	if (!take_request(server, conn, arena, &bytes))
		return false;
	if (!tally_relay_get_request(bytes, &request)) {
		refuse(conn, TALLY_INVALID, "the relayed request cannot be read");
		return false;
	}
	request.local = request.local && conn->trusted;
	tally_service_handle(server->service, &request, &response);
	put_response_head(&head, &response);
	sent = answer(conn, FRAME_RESPONSE, &head, response.body);
	tally_wipe(head.data, head.size);
	tally_buf_free(&head);
	return sent;
}

static bool relay_serve(void *ctx, void *worker, struct tally_pool_conn *base)
{
	struct tally_arena *arena = worker;
	bool keep = handle_one(ctx, (struct relay_conn *)base, arena);

	tally_arena_wipe(arena);
	return keep;
}

static void *relay_worker_new(void *ctx)
{
	struct tally_arena *arena = tally_calloc(1, sizeof *arena);

	(void)ctx;
	tally_arena_init(arena);
	return arena;
}

static void relay_worker_free(void *ctx, void *worker)
{
	(void)ctx;
	tally_arena_wipe(worker);
	tally_arena_free(worker);
	free(worker);
}

static const struct tally_pool_calls relay_calls = {
	.open = relay_open,
	.serve = relay_serve,
	.close = relay_close,
	.tick = relay_tick,
	.worker_new = relay_worker_new,
	.worker_free = relay_worker_free,
};

int tally_relay_serve(const struct tally_relay_options *options, struct tally_service *service,
		      struct tally_relay_server **server_r, struct tally_err *err)
{
	struct tally_relay_server *server = tally_calloc(1, sizeof *server);
	struct tally_pool_options pool = {
		.listen_fd = options->listen_fd,
		.threads = options->threads,
		.connections = 256,
		.empty_backlog = true,
	};

	server->options = *options;
	server->service = service;
	if (tally_pool_start(&pool, &relay_calls, server, &server->pool, err) != 0) {
		free(server);
		return -1;
	}
	*server_r = server;
	return 0;
}

void tally_relay_stop(struct tally_relay_server **server, uint64_t grace_ms)
{
	if (*server == NULL)
		return;
	tally_pool_stop(&(*server)->pool, grace_ms);
	free(*server);
	*server = NULL;
}
