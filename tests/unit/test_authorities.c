/*
 * Time-stamp authorities over HTTP: asked in their order, each with its time, and believed only
 * when their stamp is good. The authorities are played here, on loopback: one that is not there,
 * one that never answers, and some that answer wrongly in all ways. And the thread that anchors:
 * the core it asks is played too.
 */
#include "config.h"

#include "stamp.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "conf.h"
#include "tap.h"
#include "tsp.h"

static struct tally_arena arena;
static struct tally_err err;

/* ---- the core, played ---- */

static _Atomic unsigned int asked_open, asked_due;
static _Atomic bool core_fails;

int tally_anchor_many(struct tally_core *core, enum tally_anchor_which which, size_t *count_r,
		      struct tally_err *core_err)
{
	(void)core;
	*count_r = 0;
	if (which == ANCHOR_DUE)
		asked_due++;
	else
		asked_open++;
	return core_fails ? tally_err_about(core_err, TALLY_IO, "TimeAuthority", "as the test wants") :
			    0;
}

/* ---- authorities, played ---- */

enum manner {
	GOOD, SILENT, GARBAGE, STATUS_500, WRONG_TYPE, WRONG_QUERY, WRONG_SIGNER, REFUSING, TOO_LONG,
	REDIRECTING
};

struct played {
	enum manner manner;
	int fd;
	uint16_t port;
	char url[64];
	_Atomic unsigned int asked;
	pthread_t thread;
};

static struct {
	struct tally_tsa_files files, other_files;
	struct tally_tsa *tsa, *other;
} stamps;

static char ca_path[256];

/* The body of a POST; what comes is small. */
static size_t read_body(int fd, uint8_t *room, size_t size, const uint8_t **body_r)
{
	size_t got = 0, head = 0, length = 0;

	while (got < size) {
		ssize_t some = recv(fd, room + got, size - got, 0);
		uint8_t *end;

		if (some <= 0)
			return 0;
		got += (size_t)some;
		end = memmem(room, got, "\r\n\r\n", 4);
		if (end != NULL && head == 0) {
			const char *field = memmem(room, (size_t)(end - room), "Content-Length: ", 16);

			head = (size_t)(end - room) + 4;
			length = field != NULL ? strtoul(field + 16, NULL, 10) : 0;
		}
		if (head != 0 && got >= head + length) {
			*body_r = room + head;
			return length;
		}
	}
	return 0;
}

static void reply(int fd, const char *status, const char *type, struct tally_bytes body)
{
	char head[300];
	int size = snprintf(head, sizeof(head), "HTTP/1.1 %s\r\nContent-Type: %s\r\n"
			    "Content-Length: %zu\r\nLocation: http://127.0.0.1:1/\r\n"
			    "Connection: close\r\n\r\n", status, type, body.size);

	if (send(fd, head, (size_t)size, MSG_NOSIGNAL) == size && body.size > 0)
		(void)!send(fd, body.data, body.size, MSG_NOSIGNAL);
}

#define STAMP_TYPE "application/timestamp-reply"

static void answer_one(struct played *played, int fd)
{
	struct tally_bytes query, made = TALLY_BYTES_NONE, other;
	struct tally_arena own = { 0 };
	uint8_t room[4096], digest[TALLY_HASH_SIZE] = { 7 };
	struct tally_err why;

	query.size = read_body(fd, room, sizeof(room), &query.data);
	played->asked++;
	if (played->manner == SILENT) {
		while (recv(fd, room, sizeof(room), 0) > 0)	/* until the other side gives up */
			continue;
		return;
	}
	tally_tsp_query(digest, &own, &other, &why);
	if (played->manner == REFUSING)
		query = TALLY_BYTES_LIT("no query");
	tally_tsa_answer(played->manner == WRONG_SIGNER ? stamps.other : stamps.tsa,
			 played->manner == WRONG_QUERY ? other : query, tally_now_ms(), &own, &made,
			 &why);
	switch (played->manner) {
	case GARBAGE:
		reply(fd, "200 OK", STAMP_TYPE, TALLY_BYTES_LIT("<html>sign in first</html>"));
		break;
	case STATUS_500:
		reply(fd, "500 No", STAMP_TYPE, made);
		break;
	case REDIRECTING:
		reply(fd, "302 There", STAMP_TYPE, made);
		break;
	case WRONG_TYPE:
		reply(fd, "200 OK", "text/html", made);
		break;
	case TOO_LONG:
		reply(fd, "200 OK", STAMP_TYPE,
		      tally_bytes(tally_arena_zalloc(&own, 100000), 100000));
		break;
	default:
		reply(fd, "200 OK", STAMP_TYPE "; charset=binary", made);
	}
	tally_arena_free(&own);
}

static void *play(void *ctx)
{
	struct played *played = ctx;
	int fd;

	while ((fd = accept(played->fd, NULL, NULL)) >= 0) {
		answer_one(played, fd);
		close(fd);
	}
	return NULL;
}

static void start(struct played *played, enum manner manner)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);

	*played = (struct played){ .manner = manner, .fd = socket(AF_INET, SOCK_STREAM, 0) };
	CHECK(bind(played->fd, (struct sockaddr *)&address, sizeof(address)) == 0);
	CHECK(listen(played->fd, 16) == 0);
	CHECK(getsockname(played->fd, (struct sockaddr *)&address, &size) == 0);
	played->port = ntohs(address.sin_port);
	snprintf(played->url, sizeof(played->url), "http://127.0.0.1:%u/tsa", played->port);
	pthread_create(&played->thread, NULL, play, played);
}

static void stop(struct played *played)
{
	shutdown(played->fd, SHUT_RDWR);
	pthread_join(played->thread, NULL);
	close(played->fd);
}

/* A port where nothing listens: one that was, and is no more. */
static void dead_url(char url[64])
{
	struct played played;

	start(&played, GOOD);
	stop(&played);
	snprintf(url, 64, "http://127.0.0.1:%u/", played.port);
}

/* ---- opening ---- */

static struct tally_conf *conf_of(const char *urls, const char *ca, const char *timeout)
{
	struct tally_conf *conf = tally_conf_new();

	if (urls != NULL)
		tally_conf_override(conf, "time", "authorities", urls);
	if (ca != NULL)
		tally_conf_override(conf, "time", "ca_file", ca);
	if (timeout != NULL)
		tally_conf_override(conf, "time", "timeout", timeout);
	return conf;
}

static void settings_are_checked(void)
{
	static const char url[] = "http://a.example/";
	const struct {
		const char *urls, *timeout;
		bool no_ca;
		enum tally_code code;
		const char *subject;
	} cases[] = {
		{ "ftp://a.example/", NULL, false, TALLY_INVALID, "time.authorities" },
		{ "a.example", NULL, false, TALLY_INVALID, "time.authorities" },
		{ "http://", NULL, false, TALLY_INVALID, "time.authorities" },
		{ "http:///path", NULL, false, TALLY_INVALID, "time.authorities" },
		{ "http://user:secret@a.example/", NULL, false, TALLY_INVALID, "time.authorities" },
		{ "https://a.example/ http://b@c.example", NULL, false, TALLY_INVALID,
		  "time.authorities" },
		{ "http://a/ http://a/ http://a/ http://a/ http://a/ http://a/ http://a/ http://a/ http://a/ "
		  "http://a/ http://a/ http://a/ http://a/ http://a/ http://a/ http://a/ http://a/", NULL,
		  false, TALLY_INVALID, "time.authorities" },
		{ url, "1ms", false, TALLY_INVALID, "time.timeout" },
		{ url, "1h", false, TALLY_INVALID, "time.timeout" },
		{ url, NULL, true, TALLY_MISSING, "time.ca_file" },
	};
	struct tally_authorities *authorities;
	struct tally_conf *conf;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		CASE("%s %s", cases[i].urls, cases[i].timeout != NULL ? cases[i].timeout : "");
		conf = conf_of(cases[i].urls, cases[i].no_ca ? NULL : ca_path, cases[i].timeout);
		CHECK_FAILS(tally_authorities_open(conf, &authorities, &err), cases[i].code);
		CHECK_STR(err.subject, cases[i].subject);
		CHECK(authorities == NULL);
		tally_conf_free(&conf);
	}
	CASE("no such file of certificates");
	conf = conf_of(url, "/nonexistent/ca.pem", NULL);
	CHECK_FAILS(tally_authorities_open(conf, &authorities, &err), TALLY_IO);
	tally_conf_free(&conf);
	CASE("none are named");
	conf = conf_of(NULL, NULL, NULL);
	CHECK_OK(tally_authorities_open(conf, &authorities, &err));
	CHECK(authorities == NULL);
	tally_conf_free(&conf);
	conf = conf_of("  ", NULL, NULL);
	CHECK_OK(tally_authorities_open(conf, &authorities, &err));
	CHECK(authorities == NULL);
	tally_conf_free(&conf);
	CASE("a path with a sign in it");
	conf = conf_of("http://a.example/@x?y=@", ca_path, NULL);
	CHECK_OK(tally_authorities_open(conf, &authorities, &err));
	CHECK(authorities != NULL);
	tally_authorities_close(&authorities);
	tally_conf_free(&conf);
}

/* ---- asking ---- */

static int stamp_with(const char *urls, const char *timeout, struct tally_bytes *token_r)
{
	struct tally_conf *conf = conf_of(urls, ca_path, timeout);
	struct tally_authorities *authorities = NULL;
	uint8_t digest[TALLY_HASH_SIZE] = { 1, 2, 3 };
	int result = tally_authorities_open(conf, &authorities, &err);

	if (result == 0)
		result = tally_authorities_stamp(authorities, digest, &arena, token_r, &err);
	tally_authorities_close(&authorities);
	tally_conf_free(&conf);
	return result;
}

static void the_first_good_one_counts(void)
{
	struct played silent, good, last;
	struct tally_bytes token;
	struct tally_tsp_info info;
	uint64_t begin = tally_mono_ns();
	char dead[64];

	dead_url(dead);
	start(&silent, SILENT);
	start(&good, GOOD);
	start(&last, GOOD);
	CHECK_OK(stamp_with(tally_arena_printf(&arena, "%s %s\t%s  %s", dead, silent.url, good.url,
					       last.url), "300ms", &token));
	CHECK_OK(tally_tsp_read(token, &info, &err));
	CHECK_STR(info.authority, "Good (self-made, for tests)");
	CHECK_INT(silent.asked, 1);
	CHECK_INT(good.asked, 1);
	CHECK_INT(last.asked, 0);
	/* the silent one had its time, and no more than a slow machine explains */
	CHECK(tally_mono_ns() - begin >= 300000000u);
	CHECK(tally_mono_ns() - begin < 30000000000u);
	stop(&silent);
	stop(&good);
	stop(&last);
}

static void each_wrong_answer_leads_to_the_next(void)
{
	static const struct {
		enum manner manner;
		const char *name, *says;
	} cases[] = {
		{ GARBAGE, "garbage", "no time-stamp reply" },
		{ STATUS_500, "a status", "status 500" },
		{ REDIRECTING, "a redirection", "status 302" },
		{ WRONG_TYPE, "another type", "something else" },
		{ WRONG_QUERY, "a stamp of something else", "another query" },
		{ WRONG_SIGNER, "a signer who is not trusted", "signature" },
		{ REFUSING, "a refusal", "refused, status 2" },
		{ TOO_LONG, "too much", "too long" },
	};
	struct played good, bad;
	struct tally_bytes token;

	start(&good, GOOD);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		CASE("%s", cases[i].name);
		start(&bad, cases[i].manner);
		CHECK_OK(stamp_with(tally_arena_printf(&arena, "%s %s", bad.url, good.url), NULL, &token));
		CHECK_INT(bad.asked, 1);
		CHECK_INT(good.asked, i + 1);
		CHECK_FAILS(stamp_with(bad.url, NULL, &token), TALLY_IO);
		CHECK_STR(err.subject, "TimeAuthority");
		if (strstr(err.text, cases[i].says) == NULL)
			FAIL("%s", err.text);
		stop(&bad);
	}
	stop(&good);
}

static void nobody_answers(void)
{
	struct tally_bytes token;
	char dead[64];

	dead_url(dead);
	CHECK_FAILS(stamp_with(dead, NULL, &token), TALLY_IO);
	CHECK_STR(err.subject, "TimeAuthority");
	CHECK(strstr(err.text, "127.0.0.1") != NULL);
}

/* ---- stopping ---- */

static void *ask_silent(void *ctx)
{
	uint8_t digest[TALLY_HASH_SIZE] = { 1 };
	struct tally_arena own = { 0 };
	struct tally_bytes token;
	struct tally_err why;
	intptr_t result = tally_authorities_stamp(ctx, digest, &own, &token, &why);

	tally_arena_free(&own);
	return (void *)result;
}

static void stopping_breaks_off(void)
{
	struct tally_authorities *authorities;
	struct tally_conf *conf;
	struct played silent;
	uint64_t begin;
	pthread_t thread;
	void *result;

	start(&silent, SILENT);
	conf = conf_of(silent.url, ca_path, "5m");
	REQUIRE(tally_authorities_open(conf, &authorities, &err) == 0);
	pthread_create(&thread, NULL, ask_silent, authorities);
	while (silent.asked == 0)
		usleep(1000);
	begin = tally_mono_ns();
	tally_authorities_stop(authorities);
	pthread_join(thread, &result);
	CHECK_INT((intptr_t)result, -1);
	CHECK(tally_mono_ns() - begin < 60000000000u);	/* not the five minutes */
	CASE("and asks no more");
	CHECK_INT((intptr_t)ask_silent(authorities), -1);
	CHECK_INT(silent.asked, 1);
	stop(&silent);
	tally_authorities_close(&authorities);
	tally_conf_free(&conf);
}

/* ---- the thread ---- */

static bool comes(_Atomic unsigned int *what, unsigned int count)
{
	uint64_t end = tally_now_ms() + 60000;

	while (*what < count && tally_now_ms() < end)
		usleep(1000);
	return *what >= count;
}

static void the_thread_looks_for_ledgers(void)
{
	struct tally_stamp_thread *thread;

	REQUIRE(tally_stamp_start(NULL, &thread, &err) == 0);
	CHECK(comes(&asked_due, 1));	/* all of them first, then those at hand */
	CHECK(comes(&asked_open, 2));
	CHECK_INT(asked_due, 1);
	tally_stamp_stop(&thread);
	CHECK(thread == NULL);
	tally_stamp_stop(&thread);
}

static void a_failure_makes_it_wait(void)
{
	struct tally_stamp_thread *thread;
	uint64_t begin;

	core_fails = true;
	asked_due = 0;
	REQUIRE(tally_stamp_start(NULL, &thread, &err) == 0);
	CHECK(comes(&asked_due, 1));
	begin = tally_mono_ns();
	CHECK(comes(&asked_due, 2));
	CHECK(tally_mono_ns() - begin > 1500000000u);	/* two seconds, not one */
	core_fails = false;
	asked_open = 0;
	CHECK(comes(&asked_open, 1));
	tally_stamp_stop(&thread);
}

static bool make_stamps(void)
{
	const char *directory = getenv("TMPDIR");
	uint64_t now = tally_now_ms();
	FILE *file;

	snprintf(ca_path, sizeof(ca_path), "%s/tally-ca-XXXXXX", directory != NULL ? directory : "/tmp");
	if (tally_tsa_make("Good", now - 86400000, now + 86400000, &arena, &stamps.files, &err) != 0 ||
	    tally_tsa_make("Other", now - 86400000, now + 86400000, &arena, &stamps.other_files,
			   &err) != 0 ||
	    tally_tsa_open(&stamps.files, &stamps.tsa, &err) != 0 ||
	    tally_tsa_open(&stamps.other_files, &stamps.other, &err) != 0)
		return false;
	file = fdopen(mkstemp(ca_path), "w");
	if (file == NULL)
		return false;
	fwrite(stamps.files.ca.data, 1, stamps.files.ca.size, file);
	return fclose(file) == 0;
}

int main(void)
{
	if (!make_stamps()) {
		printf("Bail out! %s\n", err.text);
		return 99;
	}
	TEST(settings_are_checked);
	TEST(the_first_good_one_counts);
	TEST(each_wrong_answer_leads_to_the_next);
	TEST(nobody_answers);
	TEST(stopping_breaks_off);
	TEST(the_thread_looks_for_ledgers);
	TEST(a_failure_makes_it_wait);
	unlink(ca_path);
	tally_tsa_free(&stamps.tsa);
	tally_tsa_free(&stamps.other);
	tally_arena_free(&arena);
	return tap_done();
}
