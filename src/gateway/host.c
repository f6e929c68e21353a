/*
 * The host (host.h): owner of the store, or relay to the owner.
 *
 * A host starts without the store and goes for it on demand: whoever gets the lock opens the core
 * and answers by itself from then on; who does not get it asks its holder. Ownership is
 * won under host->lock and given up only by closing, so a service once seen stays.
 */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "arena.h"
#include "clock.h"
#include "conf.h"
#include "core.h"
#include "cosigning.h"
#include "err.h"
#include "fill.h"
#include "gate.h"
#include "host.h"
#include "log.h"
#include "own.h"
#include "relay.h"
#include "secret.h"
#include "service.h"
#include "stamp.h"

#define REPEAT_PATIENCE_MS 15000	/* for a request whose connection broke, recovery included */
#define OPEN_PAUSE_MS 1000		/* between two attempts to open a store that does not open */
#define CLOSE_GRACE_MS 5000
#define IDLE_MAX 32

struct tally_host {
	const struct tally_conf *conf;
	enum tally_host_kind kind;
	struct tally_gateway_settings settings;
	struct tally_witness_settings witness;
	char *directory;		/* NULL: an engine elsewhere, owned by nobody */
	struct tally_gate *gate;	/* NULL: no witness here */
	bool storeless;			/* a witness only */

	_Atomic(struct tally_service *) service;	/* set once the store is open here */

	pthread_mutex_t lock;		/* opening, and all below */
	struct tally_authorities *authorities;	/* of time stamps; NULL: none are configured */
	struct tally_stamp_thread *stamps;
	struct tally_core *core;
	struct tally_owner *owner;
	int listen_fd;
	struct tally_relay_server *relay;
	struct tally_cosigning *cosigning;	/* NULL: nobody is asked to cosign */
	struct tally_err open_err;	/* why the last attempt to open failed ... */
	uint64_t open_failed_ms;	/* ... and when; 0: it did not */

	pthread_mutex_t idle_lock;
	int idle[IDLE_MAX];		/* connections to the owner that can be used again */
	size_t idle_count;
};

static uint64_t mono_ms(void)
{
	return tally_mono_ns() / 1000000;
}

/* How long an owner may say nothing: then 503 with Retry-After. */
static uint64_t patience(const struct tally_host *host)
{
	return host->settings.owner_wait_ms;
}

/* ---- owning ---- */

static unsigned int relay_threads(const struct tally_host *host)
{
	return host->kind == HOST_SERVER ? 16 : 8;
}

/* Lock held. Who finds the lock taken can connect from here on, and is served once the store is
 * open. A short-lived host listens too: a crowd of CGI programs is served by whoever was first
 * instead of opening the store one after the other. */
static int listen_for_others(struct tally_host *host, struct tally_err *err)
{
	if (host->owner == NULL)
		return 0;
	host->listen_fd = tally_own_listen(host->owner, err);
	return host->listen_fd >= 0 ? 0 : -1;
}

static int start_relay(struct tally_host *host, struct tally_err *err)
{
	struct tally_relay_options options = {
		.listen_fd = host->listen_fd,
		.threads = relay_threads(host),
		.request_limit = host->settings.body_limit + ((uint64_t)1 << 20),
	};
	struct stat st;

	if (host->owner == NULL)
		return 0;
	options.store_uid = stat(host->directory, &st) == 0 ? st.st_uid : geteuid();
	return tally_relay_serve(&options, atomic_load(&host->service), &host->relay, err);
}

/* Who has connected by now is answered first. */
static void give_up(struct tally_host *host)
{
	struct tally_service *service = atomic_exchange(&host->service, NULL);

	tally_authorities_stop(host->authorities);
	tally_stamp_stop(&host->stamps);
	tally_cosigning_stop(&host->cosigning);
	tally_relay_stop(&host->relay, CLOSE_GRACE_MS);
	if (host->listen_fd >= 0)
		close(host->listen_fd);
	host->listen_fd = -1;
	tally_service_free(&service);
	tally_core_close(&host->core);
	tally_authorities_close(&host->authorities);
	tally_disown(&host->owner);
}

static int adopted(void *ctx, struct tally_err *err)
{
	struct tally_host *host = ctx;

	return tally_own_adopt(host->owner, err);
}

/* Lock held, ownership taken where there is one to take. */
static int open_core(struct tally_host *host, bool moved, struct tally_err *err)
{
	struct tally_core_options options = {
		.conf = host->conf,
		.short_lived = host->kind == HOST_ONCE,
		.read_only = moved,
		.policy = host->witness.policy,
		.adopted = adopted,
		.adopted_ctx = host,
	};
	struct tally_service *service;

	if (tally_authorities_open(host->conf, &host->authorities, err) != 0)
		return -1;
	if (host->authorities != NULL) {
		options.stamp = tally_authorities_stamp;
		options.stamp_ctx = host->authorities;
	}

	if (moved)
		tally_log(TALLY_LOG_WARN, "store.moved", "path", host->directory, "effect",
			  "read only until it is adopted", NULL);
	if (listen_for_others(host, err) != 0 ||
	    tally_core_open(&options, &host->core, err) != 0 ||
	    tally_service_new(host->core, host->conf, &service, err) != 0)
		return -1;
	atomic_store(&host->service, service);
	if (host->kind == HOST_SERVER && host->authorities != NULL &&
	    tally_stamp_start(host->core, &host->stamps, err) != 0)
		return -1;
	if (start_relay(host, err) != 0)
		return -1;
	return host->kind == HOST_SERVER && !moved ?
		       tally_cosigning_start(host->core, &host->witness, &host->cosigning, err) :
		       0;
}

/* Lock held. 0: open now; -1: BUSY where another process has it, else why it cannot be opened. */
static int become_owner(struct tally_host *host, struct tally_err *err)
{
	bool moved = false;

	if (atomic_load(&host->service) != NULL)
		return 0;
	if (host->open_failed_ms != 0 && mono_ms() - host->open_failed_ms < OPEN_PAUSE_MS) {
		*err = host->open_err;
		return -1;
	}
	if (host->directory != NULL && tally_own(host->directory, &host->owner, &moved, err) != 0) {
		if (err->code == TALLY_BUSY)
			return -1;
	} else if (open_core(host, moved, err) == 0) {
		host->open_failed_ms = 0;
		return 0;
	}
	give_up(host);
	/* A short-lived host hands the error to its caller, who says it. */
	if (host->kind == HOST_SERVER)
		tally_log(TALLY_LOG_ERROR, "store.open", "error", err->text, NULL);
	host->open_err = *err;
	host->open_failed_ms = mono_ms();
	return -1;
}

static int try_owning(struct tally_host *host, struct tally_err *err)
{
	int result;

	pthread_mutex_lock(&host->lock);
	result = become_owner(host, err);
	pthread_mutex_unlock(&host->lock);
	return result;
}

/* ---- asking the owner ---- */

/* Where one kept connection has ended, all have: they led to the same process. */
static void drop_idle(struct tally_host *host)
{
	pthread_mutex_lock(&host->idle_lock);
	while (host->idle_count > 0)
		close(host->idle[--host->idle_count]);
	pthread_mutex_unlock(&host->idle_lock);
}

static int take_idle(struct tally_host *host)
{
	int fd = -1;
	char byte;

	pthread_mutex_lock(&host->idle_lock);
	if (host->idle_count > 0)
		fd = host->idle[--host->idle_count];
	pthread_mutex_unlock(&host->idle_lock);
	if (fd >= 0 && recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0) {
		close(fd);
		drop_idle(host);
		return -1;
	}
	return fd;
}

static void keep_idle(struct tally_host *host, int fd)
{
	pthread_mutex_lock(&host->idle_lock);
	if (host->idle_count < IDLE_MAX) {
		host->idle[host->idle_count++] = fd;
		fd = -1;
	}
	pthread_mutex_unlock(&host->idle_lock);
	if (fd >= 0)
		close(fd);
}

/* Where the next answer comes from, as far as one look tells. */
enum found {
	FOUND_HERE,		/* the store is open here */
	FOUND_OWNER,		/* an owner that is awake, at *fd_r */
	FOUND_NOBODY_YET,	/* the store is changing hands: look again */
	FOUND_FAILURE		/* *err tells why there will be none */
};

static enum found greet(struct tally_host *host, int fd, int *fd_r, struct tally_err *err)
{
	enum tally_relay_outcome outcome = tally_relay_greet(fd, patience(host), err);

	*fd_r = fd;
	if (outcome == RELAY_DONE)
		return FOUND_OWNER;
	close(fd);
	if (outcome == RELAY_REFUSED)
		return FOUND_FAILURE;
	tally_err_set(err, TALLY_BUSY, "the process that has the store open does not answer");
	return outcome == RELAY_SILENT ? FOUND_FAILURE : FOUND_NOBODY_YET;
}

/* First the owner, since there is one in the long run; then ourselves. */
static enum found look_once(struct tally_host *host, int *fd_r, struct tally_err *err)
{
	int fd;

	if (host->directory != NULL) {
		fd = tally_own_connect(host->directory, 0, err);
		if (fd >= 0)
			return greet(host, fd, fd_r, err);
		if (err->code == TALLY_BUSY)
			return FOUND_NOBODY_YET;
		if (err->code != TALLY_NOTFOUND)
			return FOUND_FAILURE;
	}
	if (try_owning(host, err) == 0)
		return FOUND_HERE;
	return err->code == TALLY_BUSY && host->directory != NULL ? FOUND_NOBODY_YET : FOUND_FAILURE;
}

/* Not all waiting processes should look at the same instants. */
static void pause_a_little(void)
{
	uint8_t random;
	struct timespec time = { 0 };

	tally_random(&random, sizeof random);
	time.tv_nsec = 500000 + (long)random * 30000;
	nanosleep(&time, NULL);
}

/* Looks until end_ms. */
static enum found look(struct tally_host *host, uint64_t end_ms, int *fd_r, struct tally_err *err)
{
	enum found found;

	while ((found = look_once(host, fd_r, err)) == FOUND_NOBODY_YET && mono_ms() < end_ms)
		pause_a_little();
	return found;
}

/* One request under way to whoever can answer it. */
struct attempt {
	struct tally_host *host;
	const struct tally_request *request;
	struct tally_response *response;
	uint64_t end_ms;	/* patience */
	bool sent;		/* it may have arrived once: repeat with the mark, and never say
				   that nothing was done */
};

static void fail(struct attempt *attempt, struct tally_err *err)
{
	if (attempt->sent)
		tally_err_set(err, TALLY_UNCERTAIN, "no answer from the process that has the store "
			      "open; whether the request was carried out is not known");
	tally_log(TALLY_LOG_WARN, "relay.failed", "error", err->text, NULL);
	tally_service_refuse(attempt->request, err, attempt->response);
}

/* True when the attempt is over (answered or refused). */
static bool ask(struct attempt *attempt, int fd, struct tally_err *err)
{
	bool sent;
	enum tally_relay_outcome outcome =
		tally_relay_ask(fd, attempt->request, attempt->sent, patience(attempt->host),
				attempt->response, &sent, err);

	if (outcome == RELAY_DONE) {
		keep_idle(attempt->host, fd);
		return true;
	}
	close(fd);
	if (outcome == RELAY_REFUSED) {
		attempt->sent = false;
		fail(attempt, err);
		return true;
	}
	if (!attempt->sent)
		attempt->end_ms = mono_ms() + REPEAT_PATIENCE_MS;
	attempt->sent = attempt->sent || sent;
	if (outcome == RELAY_BROKEN) {
		drop_idle(attempt->host);
		return false;
	}
	tally_err_set(err, TALLY_BUSY, "the process that has the store open does not answer");
	fail(attempt, err);
	return true;
}

/* One round. True when the attempt is over. */
static bool try_once(struct attempt *attempt)
{
	struct tally_host *host = attempt->host;
	struct tally_err err = { 0 };
	int fd = take_idle(host);

	if (fd >= 0)
		return ask(attempt, fd, &err);
	switch (look(host, attempt->end_ms, &fd, &err)) {
	case FOUND_OWNER:
		return ask(attempt, fd, &err);
	case FOUND_HERE:
		return false;
	default:
		fail(attempt, &err);
		return true;
	}
}

/* ---- handling ---- */

void tally_host_handle(struct tally_host *host, const struct tally_request *request,
		       struct tally_response *response)
{
	struct attempt attempt = { host, request, response, mono_ms() + patience(host), false };
	struct tally_service *service;
	struct tally_request again;

	memset(response, 0, sizeof *response);
	if (host->gate != NULL && tally_gate_wants(request->path)) {
		tally_gate_handle(host->gate, request, response);
		return;
	}
	if (host->storeless) {
		tally_gate_handle_others(request, response);
		return;
	}
	while ((service = atomic_load(&host->service)) == NULL)
		if (try_once(&attempt))
			return;
	if (!attempt.sent) {
		tally_service_handle(service, request, response);
		return;
	}
	again = *request;
	again.again = true;
	tally_service_handle(service, &again, response);
}

bool tally_host_healthy(struct tally_host *host)
{
	return atomic_load(&host->service) == NULL || tally_core_healthy(host->core);
}

/* ---- opening and closing ---- */

static int find_directory(struct tally_host *host, struct tally_err *err)
{
	const char *path = tally_conf_get(host->conf, "store", "path");

	host->storeless = host->gate != NULL && (path == NULL || *path == '\0');
	if (host->storeless)
		return 0;
	if (path == NULL || *path == '\0')
		return tally_err_about(err, TALLY_MISSING, "store.path",
				       "no store is named: set store.path in the configuration, or "
				       "TALLY_STORE");
	if (strstr(path, "://") == NULL)
		host->directory = tally_strdup(path);
	return 0;
}

static void host_free(struct tally_host *host)
{
	pthread_mutex_destroy(&host->lock);
	pthread_mutex_destroy(&host->idle_lock);
	tally_gateway_settings_free(&host->settings);
	tally_gate_close(&host->gate);
	free(host->directory);
	free(host);
}

/* Opens the store, or sees that its owner is awake. */
static int find_answerer(struct tally_host *host, struct tally_err *err)
{
	enum found found;
	int fd;

	if (host->storeless)
		return 0;
	found = look(host, mono_ms() + patience(host), &fd, err);
	if (found == FOUND_OWNER)
		keep_idle(host, fd);
	return found == FOUND_OWNER || found == FOUND_HERE ? 0 : -1;
}

int tally_host_open(const struct tally_conf *conf, enum tally_host_kind kind,
		    struct tally_host **host_r, struct tally_err *err)
{
	struct tally_host *host = tally_calloc(1, sizeof *host);

	host->conf = conf;
	host->kind = kind;
	host->listen_fd = -1;
	pthread_mutex_init(&host->lock, NULL);
	pthread_mutex_init(&host->idle_lock, NULL);
	if (tally_gateway_settings_load(conf, &host->settings, err) != 0 ||
	    tally_witness_settings_load(conf, &host->witness, err) != 0 ||
	    tally_gate_open(conf, &host->gate, err) != 0 ||
	    find_directory(host, err) != 0 ||
	    (find_answerer(host, err) != 0 && kind == HOST_ONCE)) {
		host_free(host);
		return -1;
	}
	*host_r = host;
	return 0;
}

void tally_host_close(struct tally_host **host_p)
{
	struct tally_host *host = *host_p;

	if (host == NULL)
		return;
	*host_p = NULL;
	drop_idle(host);
	give_up(host);
	host_free(host);
}

struct tally_core *tally_host_core(struct tally_host *host)
{
	struct tally_core *core;

	pthread_mutex_lock(&host->lock);
	core = host->core;
	pthread_mutex_unlock(&host->lock);
	return core;
}
