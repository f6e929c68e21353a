/*
 * Connections and threads (pool.h).
 *
 * A connection is in one of three places: parked (in the epoll set, armed for one event), queued
 * (has something to read), active (a worker serves it). Only the waiting thread takes connections
 * out of the parked list, only workers take them from the queue, all under one lock.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "arena.h"
#include "clock.h"
#include "err.h"
#include "log.h"
#include "pool.h"

#define TICK_MS 1000
#define ACCEPT_BURST 64

struct list {
	struct tally_pool_conn *head, *tail;
};

struct tally_pool {
	struct tally_pool_options options;
	const struct tally_pool_calls *calls;
	void *ctx;
	int epoll_fd;
	int wake_fd;			/* an eventfd: stop, or room for connections again */
	bool listening;			/* listen_fd is in the epoll set; waiting thread only */
	uint64_t next_tick_ms;		/* waiting thread only */
	uint64_t accept_at_ms;		/* waiting thread only: out of descriptors until then */

	pthread_mutex_t lock;
	pthread_cond_t queued;		/* the queue has something, or done */
	pthread_cond_t idle;		/* a connection was closed */
	struct list parked, queue, active;
	unsigned int open_count;	/* in the three lists together */
	unsigned int queue_size;
	bool stopping;			/* keep no connection open for further requests */
	bool quiet;			/* nothing more will be accepted */
	bool done;			/* workers leave when the queue is empty */

	pthread_t waiter;
	pthread_t *workers;		/* started as they are needed */
	unsigned int worker_count;
	unsigned int idle_workers;
};

static void list_add(struct list *list, struct tally_pool_conn *conn)
{
	conn->next = NULL;
	conn->prev = list->tail;
	if (list->tail != NULL)
		list->tail->next = conn;
	else
		list->head = conn;
	list->tail = conn;
}

static void list_remove(struct list *list, struct tally_pool_conn *conn)
{
	if (conn->prev != NULL)
		conn->prev->next = conn->next;
	else
		list->head = conn->next;
	if (conn->next != NULL)
		conn->next->prev = conn->prev;
	else
		list->tail = conn->prev;
	conn->next = conn->prev = NULL;
}

static void wake(struct tally_pool *pool)
{
	uint64_t one = 1;

	if (write(pool->wake_fd, &one, sizeof one) < 0 && errno != EAGAIN)
		tally_log(TALLY_LOG_ERROR, "pool.wake", "error", "eventfd", NULL);
}

static uint64_t mono_ms(void)
{
	return tally_mono_ns() / 1000000;
}

/* Takes it out of the list it is in; lock held. Only then is the descriptor closed, so that
 * tally_pool_stop never shuts down a number that means another file by now. */
static void forget(struct tally_pool *pool, struct list *list, struct tally_pool_conn *conn)
{
	bool was_full = pool->open_count >= pool->options.connections;

	list_remove(list, conn);
	if (conn->watched)
		epoll_ctl(pool->epoll_fd, EPOLL_CTL_DEL, conn->fd, NULL);
	close(conn->fd);
	conn->fd = -1;
	pool->open_count--;
	pthread_cond_broadcast(&pool->idle);
	if (was_full)
		wake(pool);
}

/* Lock held. False when the descriptor cannot be watched. */
static bool park(struct tally_pool *pool, struct tally_pool_conn *conn)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT,
				     .data.ptr = conn };

	list_add(&pool->parked, conn);
	if (epoll_ctl(pool->epoll_fd, conn->watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, conn->fd,
		      &event) == 0) {
		conn->watched = true;
		return true;
	}
	list_remove(&pool->parked, conn);
	return false;
}

static bool readable(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 ||
	       (errno != EAGAIN && errno != EWOULDBLOCK);
}

/* ---- workers ---- */

static void serve_next(struct tally_pool *pool, void *worker)
{
	struct tally_pool_conn *conn = pool->queue.head;
	bool keep;

	list_remove(&pool->queue, conn);
	pool->queue_size--;
	list_add(&pool->active, conn);
	pthread_mutex_unlock(&pool->lock);
	keep = pool->calls->serve(pool->ctx, worker, conn);
	pthread_mutex_lock(&pool->lock);
	conn->served++;
	if (keep && !pool->stopping) {
		list_remove(&pool->active, conn);
		if (park(pool, conn))
			return;
		list_add(&pool->active, conn);
	}
	forget(pool, &pool->active, conn);
	pthread_mutex_unlock(&pool->lock);
	pool->calls->close(pool->ctx, conn);
	pthread_mutex_lock(&pool->lock);
}

static void *work(void *arg)
{
	struct tally_pool *pool = arg;
	void *worker = pool->calls->worker_new(pool->ctx);

	pthread_mutex_lock(&pool->lock);
	for (;;) {
		pool->idle_workers++;
		while (pool->queue.head == NULL && !pool->done)
			pthread_cond_wait(&pool->queued, &pool->lock);
		pool->idle_workers--;
		if (pool->queue.head == NULL)
			break;
		serve_next(pool, worker);
	}
	pthread_mutex_unlock(&pool->lock);
	pool->calls->worker_free(pool->ctx, worker);
	return NULL;
}

/* Lock held. As many workers as there is work, up to the limit; a woken one counts as idle until
 * it runs, so the queue's size is held against their number. */
static void call_worker(struct tally_pool *pool)
{
	if (pool->queue_size > pool->idle_workers && pool->worker_count < pool->options.threads &&
	    pthread_create(&pool->workers[pool->worker_count], NULL, work, pool) == 0)
		pool->worker_count++;
	pthread_cond_signal(&pool->queued);
}

static void add_to_queue(struct tally_pool *pool, struct tally_pool_conn *conn)
{
	list_add(&pool->queue, conn);
	pool->queue_size++;
	call_worker(pool);
}

/* ---- the waiting thread ---- */

/* Several processes may wait on one socket: EXCLUSIVE wakes one of them. */
static void listen_on(struct tally_pool *pool, bool on)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLEXCLUSIVE,
				     .data.ptr = &pool->options };

	if (pool->listening == on)
		return;
	if (epoll_ctl(pool->epoll_fd, on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL,
		      pool->options.listen_fd, &event) == 0)
		pool->listening = on;
}

/* A new connection is queued at once when its request is there, which is the rule. */
static void admit(struct tally_pool *pool, int fd)
{
	struct tally_pool_conn *conn = pool->calls->open(pool->ctx, fd);
	bool parked = true;

	if (conn == NULL) {
		close(fd);
		return;
	}
	conn->fd = fd;
	conn->served = 0;
	conn->watched = false;
	pthread_mutex_lock(&pool->lock);
	pool->open_count++;
	if (readable(fd)) {
		add_to_queue(pool, conn);
	} else if (!park(pool, conn)) {
		list_add(&pool->parked, conn);
		forget(pool, &pool->parked, conn);
		parked = false;
	}
	pthread_mutex_unlock(&pool->lock);
	if (!parked)
		pool->calls->close(pool->ctx, conn);
}

static bool full(struct tally_pool *pool)
{
	bool is_full;

	pthread_mutex_lock(&pool->lock);
	is_full = pool->open_count >= pool->options.connections;
	pthread_mutex_unlock(&pool->lock);
	return is_full;
}

/* False when there is nothing more to accept now. */
static bool accept_one(struct tally_pool *pool)
{
	int fd = accept4(pool->options.listen_fd, NULL, NULL, SOCK_CLOEXEC);

	if (fd >= 0) {
		admit(pool, fd);
		return true;
	}
	if (errno == EINTR || errno == ECONNABORTED)
		return true;
	if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
		/* Look again after a tick instead of spinning. */
		tally_log(TALLY_LOG_WARN, "pool.accept", "error", "out of descriptors", NULL);
		pool->accept_at_ms = mono_ms() + TICK_MS;
	}
	return false;
}

static void accept_some(struct tally_pool *pool)
{
	for (int i = 0; i < ACCEPT_BURST && !full(pool); i++)
		if (!accept_one(pool))
			return;
}

static void enqueue(struct tally_pool *pool, struct tally_pool_conn *conn)
{
	pthread_mutex_lock(&pool->lock);
	list_remove(&pool->parked, conn);
	add_to_queue(pool, conn);
	pthread_mutex_unlock(&pool->lock);
}

static void tick(struct tally_pool *pool)
{
	uint64_t now = mono_ms();

	if (now < pool->next_tick_ms)
		return;
	pool->next_tick_ms = now + TICK_MS;
	pthread_mutex_lock(&pool->lock);
	if (pool->calls->tick != NULL) {
		for (struct tally_pool_conn *c = pool->queue.head; c != NULL; c = c->next)
			pool->calls->tick(pool->ctx, c);
		for (struct tally_pool_conn *c = pool->active.head; c != NULL; c = c->next)
			pool->calls->tick(pool->ctx, c);
	}
	pthread_mutex_unlock(&pool->lock);
}

/* One round; events for the listening socket and the eventfd are told by their pointers. */
static void wait_once(struct tally_pool *pool, int timeout_ms)
{
	struct epoll_event events[64];
	int count = epoll_wait(pool->epoll_fd, events, 64, timeout_ms);
	uint64_t drained;

	for (int i = 0; i < count; i++) {
		if (events[i].data.ptr == &pool->options)
			accept_some(pool);
		else if (events[i].data.ptr == &pool->wake_fd)
			(void)!read(pool->wake_fd, &drained, sizeof drained);
		else
			enqueue(pool, events[i].data.ptr);
	}
	tick(pool);
}

/* On stop: connections kept for further requests are closed; one that has not sent its first
 * request is waited for, since that is most likely on its way. */
static void close_kept(struct tally_pool *pool)
{
	struct tally_pool_conn *conn, *next;
	struct list closed = { NULL, NULL };

	pthread_mutex_lock(&pool->lock);
	for (conn = pool->parked.head; conn != NULL; conn = next) {
		next = conn->next;
		if (conn->served == 0 || readable(conn->fd))
			continue;
		forget(pool, &pool->parked, conn);
		list_add(&closed, conn);
	}
	pthread_mutex_unlock(&pool->lock);
	for (conn = closed.head; conn != NULL; conn = next) {
		next = conn->next;
		pool->calls->close(pool->ctx, conn);
	}
}

static bool is_set(struct tally_pool *pool, const bool *flag)
{
	bool value;

	pthread_mutex_lock(&pool->lock);
	value = *flag;
	pthread_mutex_unlock(&pool->lock);
	return value;
}

static void *wait_for_events(void *arg)
{
	struct tally_pool *pool = arg;

	while (!is_set(pool, &pool->stopping)) {
		listen_on(pool, !full(pool) && mono_ms() >= pool->accept_at_ms);
		wait_once(pool, TICK_MS);
	}
	listen_on(pool, false);
	if (pool->options.empty_backlog) {
		/* Who comes later is refused at once instead of waiting for nothing. */
		shutdown(pool->options.listen_fd, SHUT_RD);
		while (accept_one(pool))
			;
	}
	pthread_mutex_lock(&pool->lock);
	pool->quiet = true;
	pthread_cond_broadcast(&pool->idle);
	pthread_mutex_unlock(&pool->lock);
	while (!is_set(pool, &pool->done)) {
		close_kept(pool);
		wait_once(pool, 50);
	}
	return NULL;
}

/* ---- start and stop ---- */

static int watch_wake(struct tally_pool *pool)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = &pool->wake_fd };

	pool->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	pool->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (pool->epoll_fd < 0 || pool->wake_fd < 0)
		return -1;
	return epoll_ctl(pool->epoll_fd, EPOLL_CTL_ADD, pool->wake_fd, &event);
}

static void pool_free(struct tally_pool *pool)
{
	if (pool->epoll_fd >= 0)
		close(pool->epoll_fd);
	if (pool->wake_fd >= 0)
		close(pool->wake_fd);
	pthread_mutex_destroy(&pool->lock);
	pthread_cond_destroy(&pool->queued);
	pthread_cond_destroy(&pool->idle);
	free(pool->workers);
	free(pool);
}

static void join_workers(struct tally_pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	pool->stopping = pool->done = true;
	pthread_cond_broadcast(&pool->queued);
	pthread_mutex_unlock(&pool->lock);
	for (unsigned int i = 0; i < pool->worker_count; i++)
		pthread_join(pool->workers[i], NULL);
}

/* One worker at least, so that there is one when no further can be had. */
static int start_threads(struct tally_pool *pool)
{
	int error = pthread_create(&pool->workers[0], NULL, work, pool);

	if (error == 0) {
		pool->worker_count = 1;
		error = pthread_create(&pool->waiter, NULL, wait_for_events, pool);
	}
	if (error == 0)
		return 0;
	join_workers(pool);
	errno = error;
	return -1;
}

int tally_pool_start(const struct tally_pool_options *options,
		     const struct tally_pool_calls *calls, void *ctx, struct tally_pool **pool_r,
		     struct tally_err *err)
{
	struct tally_pool *pool = tally_calloc(1, sizeof *pool);
	int flags = fcntl(options->listen_fd, F_GETFL);

	pool->options = *options;
	pool->calls = calls;
	pool->ctx = ctx;
	pool->workers = tally_calloc(options->threads, sizeof *pool->workers);
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->queued, NULL);
	pthread_cond_init(&pool->idle, NULL);
	pool->epoll_fd = pool->wake_fd = -1;
	pool->next_tick_ms = mono_ms() + TICK_MS;
	if (flags < 0 || fcntl(options->listen_fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
	    watch_wake(pool) != 0 || start_threads(pool) != 0) {
		tally_err_errno(err, "starting threads for connections");
		pool_free(pool);
		return -1;
	}
	*pool_r = pool;
	return 0;
}

/* Lock held. Waits until all connections are closed or the time is over. */
static bool wait_closed(struct tally_pool *pool, uint64_t until_ms)
{
	while ((pool->open_count > 0 || !pool->quiet) && mono_ms() < until_ms) {
		uint64_t wall = tally_now_ms() + 20;
		struct timespec at = { .tv_sec = (time_t)(wall / 1000),
				       .tv_nsec = (long)(wall % 1000) * 1000000 };

		pthread_cond_timedwait(&pool->idle, &pool->lock, &at);
	}
	return pool->open_count == 0;
}

void tally_pool_stop(struct tally_pool **pool_p, uint64_t grace_ms)
{
	struct tally_pool *pool = *pool_p;
	struct tally_pool_conn *conn;

	if (pool == NULL)
		return;
	*pool_p = NULL;
	pthread_mutex_lock(&pool->lock);
	pool->stopping = true;
	wake(pool);
	if (!wait_closed(pool, mono_ms() + grace_ms)) {
		/* Reading ends, answers still go out. Who has sent nothing yet is queued by
		 * this and fails at once. */
		for (conn = pool->active.head; conn != NULL; conn = conn->next)
			shutdown(conn->fd, SHUT_RD);
		for (conn = pool->parked.head; conn != NULL; conn = conn->next)
			shutdown(conn->fd, SHUT_RD);
		wait_closed(pool, UINT64_MAX);
	}
	pool->done = true;
	wake(pool);
	pthread_mutex_unlock(&pool->lock);
	pthread_join(pool->waiter, NULL);
	join_workers(pool);
	pool_free(pool);
}
