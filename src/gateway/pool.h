/*
 * Connections and threads: one thread waits for all connections of a listening socket, and a
 * number of workers, started as they are needed, serve those that have something to say. A connection that is kept open
 * between requests costs a descriptor and no thread, so no peer can starve the others by keeping
 * many. What a request looks like is the caller's matter; FastCGI and the relay both stand on it.
 */
#ifndef TALLY_POOL_H
#define TALLY_POOL_H

#include <stdbool.h>
#include <stdint.h>

struct tally_err;
struct tally_pool;

/* What the pool keeps of a connection; the caller's own struct begins with it. */
struct tally_pool_conn {
	int fd;				/* the pool closes it */
	uint64_t served;		/* requests so far */
	bool watched;			/* fd was added to the pool's epoll set */
	struct tally_pool_conn *next, *prev;
};

struct tally_pool_calls {
	/* A connection was accepted; fd is blocking and CLOEXEC. NULL refuses it. In the
	 * waiting thread: must not block. */
	struct tally_pool_conn *(*open)(void *ctx, int fd);
	/* There is something to read (or the end): serve one request. True keeps the connection
	 * for the next. worker is what worker_new gave this thread. */
	bool (*serve)(void *ctx, void *worker, struct tally_pool_conn *conn);
	/* Frees the struct; the pool has closed conn->fd. */
	void (*close)(void *ctx, struct tally_pool_conn *conn);
	/* Optional: about once a second for each connection that is served or waits for a
	 * worker, in the waiting thread; must not block. */
	void (*tick)(void *ctx, struct tally_pool_conn *conn);
	void *(*worker_new)(void *ctx);
	void (*worker_free)(void *ctx, void *worker);
};

struct tally_pool_options {
	int listen_fd;			/* stays the caller's; is made non-blocking */
	unsigned int threads;
	unsigned int connections;	/* at most so many at once; the others wait in the backlog */
	bool empty_backlog;		/* on stop: refuse who comes from then on, and serve who waits
					   in the backlog. For UNIX sockets that nobody will listen
					   on afterwards */
};

/* Signals should be blocked before: the pool's threads inherit the mask. */
int tally_pool_start(const struct tally_pool_options *options,
		     const struct tally_pool_calls *calls, void *ctx, struct tally_pool **pool_r,
		     struct tally_err *err);

/*
 * Accepts nothing more, finishes the requests that have come in, and ends the threads. A peer
 * that has not sent its whole request after grace_ms is cut off. Clears the handle; NULL is fine.
 */
void tally_pool_stop(struct tally_pool **pool, uint64_t grace_ms);

#endif
