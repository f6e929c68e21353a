/* Time-stamp authorities over HTTP, and the thread that anchors. See stamp.h. */
#include "config.h"

#include "stamp.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "arena.h"
#include "clock.h"
#include "conf.h"
#include "err.h"
#include "fetch.h"
#include "log.h"
#include "tsp.h"

#define AUTHORITIES_MOST 16
#define CLOCK_OFF_MS (5 * 60 * 1000)	/* further off than that the log says so */
#define AGAIN_FIRST_MS 2000		/* after a failure; doubled each time ... */
#define AGAIN_MOST_MS (10 * 60 * 1000)	/* ... up to that */
#define ALL_EVERY_MS (3600 * 1000)	/* all ledgers are looked at, also those not at hand */

struct tally_authorities {
	const char *list, *ca_file;	/* the configuration's */
	uint64_t timeout_ms, interval_ms;
	char *urls[AUTHORITIES_MOST];
	size_t count;
	struct tally_tsp_trust *trust;
	_Atomic bool stop;
};

#define AT(member) offsetof(struct tally_authorities, member)
const struct tally_setting tally_time_setting_rows[] = {
	{ "authorities", SETTING_TEXT, NULL, AT(list),
	  "URLs of time-stamp authorities (RFC 3161), separated by spaces; they are asked in this "
	  "order." },
	{ "ca_file", SETTING_TEXT, NULL, AT(ca_file),
	  "Certificates (PEM) that are trusted to issue those of authorities, or are theirs." },
	{ "timeout", SETTING_TIME, "10s", AT(timeout_ms),
	  "How long one authority may take before the next is asked." },
	{ "anchor_interval", SETTING_TIME, "0", AT(interval_ms),
	  "Ledgers that have grown are anchored in time so often, unless one has an interval of its "
	  "own; 0: only when asked." },
	{ NULL, SETTING_END, NULL, 0, NULL }
};
#undef AT

/* ---- settings ---- */

/* A URL with a password would end in logs; nothing needs one yet. */
static int check_url(const char *url, struct tally_err *err)
{
	const char *rest = strstr(url, "://");

	if ((strncasecmp(url, "http://", 7) != 0 && strncasecmp(url, "https://", 8) != 0) ||
	    rest[3] == '\0' || rest[3] == '/')
		return tally_err_about(err, TALLY_INVALID, "time.authorities",
				       "time.authorities: '%s' is no URL of http or https", url);
	if (memchr(rest + 3, '@', strcspn(rest + 3, "/?#")) != NULL)
		return tally_err_about(err, TALLY_INVALID, "time.authorities",
				       "time.authorities: a URL must not hold a name or password");
	return 0;
}

static int read_list(struct tally_authorities *a, struct tally_err *err)
{
	const char *at = a->list != NULL ? a->list : "";

	while (at += strspn(at, " \t,"), *at != '\0') {
		size_t size = strcspn(at, " \t,");
		char *url;

		if (a->count == AUTHORITIES_MOST)
			return tally_err_about(err, TALLY_INVALID, "time.authorities",
					       "time.authorities: at most %d", AUTHORITIES_MOST);
		url = tally_malloc(size + 1);
		memcpy(url, at, size);
		url[size] = '\0';
		a->urls[a->count++] = url;
		if (check_url(url, err) != 0)
			return -1;
		at += size;
	}
	return 0;
}

static int read_settings(const struct tally_conf *conf, struct tally_authorities *a,
			 struct tally_err *err)
{
	if (tally_conf_load(conf, "time", tally_time_setting_rows, a, err) != 0 ||
	    read_list(a, err) != 0)
		return -1;
	if (a->timeout_ms < 100 || a->timeout_ms > 300000)
		return tally_err_about(err, TALLY_INVALID, "time.timeout",
				       "time.timeout: from 100 milliseconds to 5 minutes");
	if (a->count == 0)
		return 0;
	if (a->ca_file == NULL)
		return tally_err_about(err, TALLY_MISSING, "time.ca_file",
				       "time.authorities needs time.ca_file: the certificates that "
				       "are trusted");
	if (tally_tsp_trust_read(a->ca_file, &a->trust, err) != 0)
		return tally_err_prefix(err, "time.ca_file");
	return 0;
}

int tally_authorities_open(const struct tally_conf *conf,
			   struct tally_authorities **authorities_r, struct tally_err *err)
{
	struct tally_authorities *a = tally_calloc(1, sizeof(*a));
	int result = read_settings(conf, a, err);

	*authorities_r = NULL;
	if (result == 0 && a->count > 0)
		*authorities_r = a;
	else
		tally_authorities_close(&a);
	return result;
}

void tally_authorities_close(struct tally_authorities **authorities)
{
	struct tally_authorities *a = *authorities;

	if (a == NULL)
		return;
	for (size_t i = 0; i < a->count; i++)
		free(a->urls[i]);
	tally_tsp_trust_free(&a->trust);
	free(a);
	*authorities = NULL;
}

void tally_authorities_stop(struct tally_authorities *authorities)
{
	if (authorities != NULL)
		atomic_store(&authorities->stop, true);
}

/* ---- asking ---- */

static bool is_type(const char *content_type, const char *type)
{
	size_t size = strlen(type);

	return strncasecmp(content_type, type, size) == 0 &&
	       (content_type[size] == '\0' || content_type[size] == ';' ||
		content_type[size] == ' ');
}

static bool is_stopped(void *ctx)
{
	const struct tally_authorities *authorities = ctx;

	return authorities->stop;
}

static int ask(struct tally_authorities *a, const char *url, struct tally_bytes query,
	       struct tally_arena *arena, struct tally_bytes *token_r,
	       struct tally_tsp_info *info_r, struct tally_err *err)
{
	struct tally_fetch fetch = { .url = url, .post = true, .body = query,
				     .content_type = "application/timestamp-query",
				     .timeout_ms = (unsigned int)a->timeout_ms,
				     .limit = TALLY_TSP_MAX, .stop = is_stopped, .stop_ctx = a };
	struct tally_fetched fetched;
	int result;

	if (tally_fetch(&fetch, &fetched, err) != 0)
		return -1;
	if (fetched.status != 200)
		result = tally_err_set(err, TALLY_IO, "%s answers with status %d", url,
				       fetched.status);
	else if (!is_type(fetched.content_type, "application/timestamp-reply"))
		result = tally_err_set(err, TALLY_IO, "%s answers with something else than a time "
				       "stamp", url);
	else if (tally_tsp_accept(query, tally_buf_bytes(&fetched.body), a->trust, arena, token_r,
				  info_r, err) != 0)
		result = tally_err_prefix(err, "%s", url);
	else
		result = 0;
	tally_buf_free(&fetched.body);
	return result;
}

/* An authority's clock is what counts; but who is wrong should be told. */
static void compare_clocks(const char *url, const struct tally_tsp_info *info)
{
	uint64_t now = tally_now_ms();
	uint64_t off = now > info->time_ms ? now - info->time_ms : info->time_ms - now;
	char seconds[24];

	if (off <= CLOCK_OFF_MS)
		return;
	snprintf(seconds, sizeof(seconds), "%llu", (unsigned long long)off / 1000);
	tally_log(TALLY_LOG_WARN, "time.clock", "authority", url, "differs_s", seconds, NULL);
}

int tally_authorities_stamp(void *ctx, const uint8_t digest[TALLY_HASH_SIZE],
			    struct tally_arena *arena, struct tally_bytes *token_r,
			    struct tally_err *err)
{
	struct tally_authorities *a = ctx;
	struct tally_err own = { .text = "the server is stopping" };
	struct tally_tsp_info info;
	struct tally_bytes query;

	if (tally_tsp_query(digest, arena, &query, err) != 0)
		return -1;
	for (size_t i = 0; i < a->count && !atomic_load(&a->stop); i++) {
		if (ask(a, a->urls[i], query, arena, token_r, &info, &own) == 0) {
			compare_clocks(a->urls[i], &info);
			return 0;
		}
		tally_log(TALLY_LOG_WARN, "time.authority", "url", a->urls[i], "error", own.text,
			  NULL);
	}
	/* what the last one said; the log has them all */
	return tally_err_about(err, TALLY_IO, "TimeAuthority", "%s", own.text);
}

/* ---- the thread ---- */

struct tally_stamp_thread {
	struct tally_core *core;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool stop;
	pthread_t thread;
};

/* Waits; true when it is to end. */
static bool pause_ms(struct tally_stamp_thread *thread, uint64_t ms)
{
	struct timespec until;
	bool stop;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)(ms / 1000);
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&thread->lock);
	while (!thread->stop &&
	       pthread_cond_timedwait(&thread->wake, &thread->lock, &until) == 0)
		continue;
	stop = thread->stop;
	pthread_mutex_unlock(&thread->lock);
	return stop;
}

static void *stamp_main(void *arg)
{
	struct tally_stamp_thread *thread = arg;
	uint64_t again_ms = 0, all_ns = 0;
	struct tally_err err;
	size_t count;

	while (!pause_ms(thread, again_ms != 0 ? again_ms : 1000)) {
		uint64_t now = tally_mono_ns();
		bool all = all_ns == 0 || now - all_ns > ALL_EVERY_MS * 1000000ull;

		if (tally_anchor_many(thread->core, all ? ANCHOR_DUE : ANCHOR_OPEN, &count,
				      &err) == 0) {
			again_ms = 0;
			all_ns = all ? now : all_ns;
			continue;
		}
		again_ms = again_ms == 0 ? AGAIN_FIRST_MS : again_ms * 2;
		again_ms = again_ms < AGAIN_MOST_MS ? again_ms : AGAIN_MOST_MS;
		tally_log(TALLY_LOG_WARN, "time.anchor", "error", err.text, NULL);
	}
	return NULL;
}

int tally_stamp_start(struct tally_core *core, struct tally_stamp_thread **thread_r,
		      struct tally_err *err)
{
	struct tally_stamp_thread *thread = tally_calloc(1, sizeof(*thread));
	pthread_condattr_t attr;

	thread->core = core;
	pthread_mutex_init(&thread->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&thread->wake, &attr);
	pthread_condattr_destroy(&attr);
	if (pthread_create(&thread->thread, NULL, stamp_main, thread) != 0) {
		tally_err_errno(err, "thread that anchors");
		free(thread);
		return -1;
	}
	*thread_r = thread;
	return 0;
}

void tally_stamp_stop(struct tally_stamp_thread **thread)
{
	if (*thread == NULL)
		return;
	pthread_mutex_lock(&(*thread)->lock);
	(*thread)->stop = true;
	pthread_cond_signal(&(*thread)->wake);
	pthread_mutex_unlock(&(*thread)->lock);
	pthread_join((*thread)->thread, NULL);
	pthread_mutex_destroy(&(*thread)->lock);
	pthread_cond_destroy(&(*thread)->wake);
	free(*thread);
	*thread = NULL;
}
