/*
 * The host and its relay, over a service and a core that this file plays: who answers, what a
 * relayed request looks like when it arrives, and what becomes of it when the owner dies, hangs
 * or changes. Owners are processes of their own, so that they can be killed.
 *
 * The core's side is a file: each write appends its nonce there unless it is there already, which
 * is how the real one treats a request sent again.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "buf.h"
#include "clock.h"
#include "conf.h"
#include "core.h"
#include "cosigning.h"
#include "err.h"
#include "host.h"
#include "own.h"
#include "relay.h"
#include "service.h"
#include "tap.h"

/* ---- the part of the core and the service that a host uses, played ---- */

static char directory[256];
static int opened, closed;
static int told_fd = -1;		/* a played service tells here that it has a request in hand */

int tally_core_open(const struct tally_core_options *options, struct tally_core **core_r,
		    struct tally_err *err)
{
	char path[300];

	(void)options;
	snprintf(path, sizeof path, "%s/absent", directory);
	if (access(path, F_OK) == 0)
		return tally_err_set(err, TALLY_NOTFOUND, "there is no store");
	opened++;
	*core_r = (struct tally_core *)&opened;
	return 0;
}

void tally_core_close(struct tally_core **core)
{
	closed += *core != NULL;
	*core = NULL;
}

/* Nobody is asked to cosign. */
int tally_cosigning_start(struct tally_core *core, const struct tally_witness_settings *settings,
			  struct tally_cosigning **cosigning_r, struct tally_err *err)
{
	(void)core;
	(void)settings;
	(void)err;
	*cosigning_r = NULL;
	return 0;
}

void tally_cosigning_stop(struct tally_cosigning **cosigning)
{
	(void)cosigning;
}

bool tally_core_healthy(struct tally_core *core)
{
	return core != NULL;
}

/* no authority is configured, so nothing asks for it */
int tally_anchor_many(struct tally_core *core, enum tally_anchor_which which, size_t *count_r,
		      struct tally_err *err)
{
	(void)core, (void)which, (void)err;
	*count_r = 0;
	return 0;
}

int tally_service_new(struct tally_core *core, const struct tally_conf *conf,
		      struct tally_service **service_r, struct tally_err *err)
{
	(void)core, (void)conf, (void)err;
	*service_r = (struct tally_service *)&closed;
	return 0;
}

void tally_service_free(struct tally_service **service)
{
	*service = NULL;
}

void tally_service_refuse(const struct tally_request *request, const struct tally_err *err,
			  struct tally_response *response)
{
	response->status = err->code == TALLY_BUSY || err->code == TALLY_UNCERTAIN ? 503 : 500;
	response->body = tally_bytes_str(tally_arena_printf(request->arena, "%s: %s",
							    tally_code_name(err->code), err->text));
}

/* Appends the nonce (the body) once; true if it was there. */
static bool record(struct tally_bytes nonce)
{
	char path[300], line[100];
	bool found = false;
	FILE *file;

	snprintf(path, sizeof path, "%s/journal", directory);
	file = fopen(path, "a+");
	rewind(file);
	while (fgets(line, sizeof line, file) != NULL)
		found = found || (strlen(line) == nonce.size + 1 &&
				  memcmp(line, nonce.data, nonce.size) == 0);
	if (!found)
		fprintf(file, "%.*s\n", (int)nonce.size, nonce.data);
	fclose(file);
	return found;
}

static size_t recorded(const char *nonce)
{
	char path[300], line[100];
	size_t times = 0;
	FILE *file;

	snprintf(path, sizeof path, "%s/journal", directory);
	file = fopen(path, "r");
	if (file == NULL)
		return 0;
	while (fgets(line, sizeof line, file) != NULL)
		times += strncmp(line, nonce, strlen(nonce)) == 0;
	fclose(file);
	return times;
}

static void tell(void)
{
	if (told_fd >= 0 && write(told_fd, "!", 1) != 1)
		abort();
}

/* /echo says what arrived; /write records; /hang says it has begun and waits for ever; /die
 * records, says so and waits to be killed; /slow takes two seconds. */
void tally_service_handle(struct tally_service *service, const struct tally_request *request,
			  struct tally_response *response)
{
	struct tally_arena *arena = request->arena;

	(void)service;
	response->status = 200;
	response->content_type = "text/plain";
	response->headers = tally_arena_array(arena, struct tally_header, 16);
	response->headers[response->header_count++] = (struct tally_header){
		TALLY_BYTES_LIT("X-Pid"),
		tally_bytes_str(tally_arena_printf(arena, "%d", (int)getpid()))
	};
	if (tally_bytes_is(request->path, "/write") || tally_bytes_is(request->path, "/die")) {
		bool found = record(request->body);

		response->body = found ? (request->again ? TALLY_BYTES_LIT("first receipt") :
					  TALLY_BYTES_LIT("replayed")) : TALLY_BYTES_LIT("recorded");
		if (tally_bytes_is(request->path, "/die") && !found) {
			tell();
			pause();
		}
		return;
	}
	if (tally_bytes_is(request->path, "/hang")) {
		tell();
		pause();
	}
	if (tally_bytes_is(request->path, "/slow"))
		poll(NULL, 0, 1300);
	response->body = tally_bytes_str(tally_arena_printf(arena,
		"%.*s %.*s?%.*s from %.*s%s%s%s%s%s headers %zu last %.*s=%.*s body %zu",
		(int)request->method.size, request->method.data, (int)request->path.size,
		request->path.data, (int)request->query.size, request->query.data,
		(int)request->client.size, request->client.data, request->https ? " https" : "",
		request->local ? " local" : "", request->again ? " again" : "",
		request->body_too_large ? " large" : "", request->body_short ? " short" : "",
		request->header_count,
		request->header_count ? (int)request->headers[request->header_count - 1].name.size : 0,
		request->header_count ? request->headers[request->header_count - 1].name.data : NULL,
		request->header_count ? (int)request->headers[request->header_count - 1].value.size : 0,
		request->header_count ? request->headers[request->header_count - 1].value.data : NULL,
		request->body.size));
}

/* ---- help for the tests ---- */

static struct tally_conf *conf;
static struct tally_arena arena;

static struct tally_host *open_host(enum tally_host_kind kind)
{
	struct tally_host *host = NULL;
	struct tally_err err = { 0 };

	if (tally_host_open(conf, kind, &host, &err) != 0)
		FAIL("opening a host: %s", err.text);
	return host;
}

static struct tally_request make_request(const char *path, const char *body)
{
	return (struct tally_request){
		.arena = &arena, .method = TALLY_BYTES_LIT("POST"), .path = tally_bytes_str(path),
		.client = TALLY_BYTES_LIT("192.0.2.1"), .body = tally_bytes_str(body)
	};
}

static struct tally_response send_to(struct tally_host *host, const char *path, const char *body)
{
	struct tally_request request = make_request(path, body);
	struct tally_response response;

	tally_host_handle(host, &request, &response);
	return response;
}

/* A process that owns the store until it is killed or stdin of its pipe ends. */
struct other {
	pid_t pid;
	int told;		/* bytes come when its service says something */
	int stop;		/* closing it ends the process in an orderly way */
};

static struct other start_owner(enum tally_host_kind kind)
{
	int told[2], stop[2];
	struct other other;
	char byte;

	if (pipe2(told, O_CLOEXEC) != 0 || pipe2(stop, O_CLOEXEC) != 0)
		abort();
	fflush(stdout);
	other.pid = fork();
	if (other.pid == 0) {
		struct tally_host *host;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(told[0]);
		close(stop[1]);
		told_fd = told[1];
		host = open_host(kind);
		tell();
		while (read(stop[0], &byte, 1) > 0)
			;
		tally_host_close(&host);
		_exit(tap.bad);
	}
	close(told[1]);
	close(stop[0]);
	other.told = told[0];
	other.stop = stop[1];
	if (read(other.told, &byte, 1) != 1)
		FAIL("the other process did not start");
	return other;
}

static int end_owner(struct other *other, int signal_number)
{
	int status = -1;

	if (signal_number != 0)
		kill(other->pid, signal_number);
	close(other->stop);
	waitpid(other->pid, &status, 0);
	close(other->told);
	return status;
}

static bool answered_by(const struct tally_response *response, pid_t pid)
{
	char text[16];

	snprintf(text, sizeof text, "%d", (int)pid);
	return response->header_count == 1 && tally_bytes_is(response->headers[0].value, text);
}

static struct tally_bytes cut(struct tally_bytes text, size_t size)
{
	return tally_bytes(text.data, text.size < size ? text.size : size);
}

/* ---- tests ---- */

static void owns_and_answers(void)
{
	struct tally_host *host = open_host(HOST_SERVER);
	struct tally_response response = send_to(host, "/echo", "abc");

	CHECK_INT(response.status, 200);
	CHECK(answered_by(&response, getpid()));
	CHECK(tally_host_healthy(host));
	tally_host_close(&host);
	CHECK(host == NULL);
	CHECK_INT(opened - closed, 0);
}

static void relays_the_whole_request(void)
{
	struct other other = start_owner(HOST_SERVER);
	struct tally_host *host = open_host(HOST_SERVER);
	struct tally_header headers[300];
	struct tally_request request = make_request("/echo", "");
	struct tally_response response;
	size_t size = 5 << 20;
	uint8_t *body = calloc(1, size);

	for (size_t i = 0; i < 300; i++)
		headers[i] = (struct tally_header){ TALLY_BYTES_LIT("name"), TALLY_BYTES_LIT("value") };
	request.query = TALLY_BYTES_LIT("a=b");
	request.https = request.local = request.body_too_large = request.body_short = true;
	request.headers = headers;
	request.header_count = 300;
	request.body = tally_bytes(body, size);
	for (int i = 0; i < 3; i++) {
		tally_host_handle(host, &request, &response);
		CHECK_INT(response.status, 200);
		CHECK_STR(response.content_type, "text/plain");
		CHECK(answered_by(&response, other.pid));
		CHECK_BYTES(response.body, TALLY_BYTES_LIT("POST /echo?a=b from 192.0.2.1 https local "
			    "large short headers 300 last name=value body 5242880"));
	}
	free(body);
	tally_host_close(&host);
	CHECK_INT(end_owner(&other, 0), 0);
}

/* As uid 65534, to whom modes are opened that keep strangers out in real life. */
static int ask_as_a_stranger(void)
{
	struct tally_request request = make_request("/echo", "");
	struct tally_response response;
	struct tally_err err;
	bool sent;
	int fd;

	request.local = true;
	if (setgid(65534) != 0 || setuid(65534) != 0)
		return 1;
	fd = tally_own_connect(directory, 1000, &err);
	if (fd < 0 || tally_relay_greet(fd, 5000, &err) != RELAY_DONE ||
	    tally_relay_ask(fd, &request, false, 5000, &response, &sent, &err) != RELAY_DONE)
		return 2;
	return memmem(response.body.data, response.body.size, "local", 5) == NULL ? 0 : 3;
}

static void believes_local_from_few(void)
{
	struct other other;
	struct tally_host *host;
	struct tally_response response;
	struct tally_request request = make_request("/echo", "");
	int status = -1;
	char path[300];

	if (geteuid() != 0)
		SKIP("only root can be somebody else");
	other = start_owner(HOST_SERVER);
	chmod(directory, 0777);
	snprintf(path, sizeof path, "%s/lock", directory);
	chmod(path, 0666);
	snprintf(path, sizeof path, "%s/socket", directory);
	CHECK_INT(chmod(path, 0666), 0);
	fflush(stdout);
	if (fork() == 0)
		_exit(ask_as_a_stranger());
	wait(&status);
	CHECK_INT(status, 0);
	host = open_host(HOST_ONCE);
	REQUIRE(host != NULL);
	request.local = true;
	tally_host_handle(host, &request, &response);
	CHECK(memmem(response.body.data, response.body.size, "local", 5) != NULL);
	tally_host_close(&host);
	CHECK_INT(end_owner(&other, 0), 0);
	chmod(directory, 0700);
}

static void repeats_with_the_mark_when_the_owner_dies(void)
{
	struct other other = start_owner(HOST_SERVER);
	struct tally_host *host = open_host(HOST_SERVER);
	struct tally_response response;
	char byte;
	pid_t killer;

	fflush(stdout);
	killer = fork();
	if (killer == 0) {
		/* When the write is recorded and not yet answered. */
		_exit(read(other.told, &byte, 1) != 1 || kill(other.pid, SIGKILL) != 0);
	}
	response = send_to(host, "/die", "nonce-1");
	waitpid(killer, NULL, 0);
	CHECK_INT(response.status, 200);
	CHECK_BYTES(response.body, TALLY_BYTES_LIT("first receipt"));
	CHECK(answered_by(&response, getpid()));
	CHECK_INT(recorded("nonce-1"), 1);
	end_owner(&other, SIGKILL);
	/* It owns the store now, and others find it. */
	response = send_to(host, "/write", "nonce-2");
	CHECK_BYTES(response.body, TALLY_BYTES_LIT("recorded"));
	tally_host_close(&host);
}

static void moves_on_to_the_next_owner(void)
{
	struct other first = start_owner(HOST_SERVER), second;
	struct tally_host *host = open_host(HOST_SERVER);
	struct tally_response response = send_to(host, "/echo", "");

	CHECK(answered_by(&response, first.pid));
	CHECK_INT(end_owner(&first, 0), 0);
	second = start_owner(HOST_SERVER);
	response = send_to(host, "/write", "nonce-3");
	CHECK(answered_by(&response, second.pid));
	CHECK_BYTES(response.body, TALLY_BYTES_LIT("recorded"));
	tally_host_close(&host);
	CHECK_INT(end_owner(&second, 0), 0);
}

/* The signal has no effect before one of its threads has run. */
static void stop_and_wait(pid_t pid)
{
	char path[64], text[256];
	ssize_t size;
	int fd;

	kill(pid, SIGSTOP);
	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	do {
		fd = open(path, O_RDONLY | O_CLOEXEC);
		size = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
		text[size > 0 ? size : 0] = '\0';
		close(fd);
		poll(NULL, 0, 1);
	} while (size > 0 && strstr(text, ") T ") == NULL);
}

static void never_overrules_a_hung_owner(void)
{
	struct other other = start_owner(HOST_SERVER);
	struct tally_host *host = open_host(HOST_SERVER);
	struct tally_response response;
	struct tally_host *once = NULL;
	struct tally_err err = { 0 };
	uint64_t begun;

	stop_and_wait(other.pid);
	begun = tally_mono_ns();
	response = send_to(host, "/write", "nonce-4");
	CHECK_INT(response.status, 503);
	CHECK_BYTES(cut(response.body, 9), TALLY_BYTES_LIT("uncertain"));	/* it was sent */
	CHECK_FAILS(tally_host_open(conf, HOST_ONCE, &once, &err), TALLY_BUSY);
	CHECK((tally_mono_ns() - begun) / 1000000 >= 2 * 3000);
	response = send_to(host, "/write", "nonce-5");
	CHECK_BYTES(cut(response.body, 4), TALLY_BYTES_LIT("busy"));	/* it was not */
	CHECK_INT(recorded("nonce-5"), 0);
	kill(other.pid, SIGCONT);
	response = send_to(host, "/write", "nonce-6");
	CHECK_BYTES(response.body, TALLY_BYTES_LIT("recorded"));
	CHECK(answered_by(&response, other.pid));
	tally_host_close(&host);
	CHECK_INT(end_owner(&other, 0), 0);
}

struct many {
	struct tally_host *host;
	const char *path;
	unsigned int ok;
};

static void *ask_once(void *arg)
{
	struct many *many = arg;
	struct tally_arena own = { 0 };
	struct tally_request request = make_request(many->path, "");
	struct tally_response response;

	request.arena = &own;
	tally_host_handle(many->host, &request, &response);
	if (response.status == 200)
		__atomic_fetch_add(&many->ok, 1, __ATOMIC_RELAXED);
	tally_arena_free(&own);
	return NULL;
}

/* More requests at once than the owner has threads for, each longer than a silence would be
 * borne if they had to wait without a word: 64 of 1.3 s by 16 threads are 5.2 s, not 3. */
static void waits_for_an_owner_that_works(void)
{
	struct other other = start_owner(HOST_SERVER);
	struct many many = { open_host(HOST_SERVER), "/slow", 0 };
	pthread_t threads[64];

	for (int i = 0; i < 64; i++)
		pthread_create(&threads[i], NULL, ask_once, &many);
	for (int i = 0; i < 64; i++)
		pthread_join(threads[i], NULL);
	CHECK_INT(many.ok, 64);
	tally_host_close(&many.host);
	CHECK_INT(end_owner(&other, 0), 0);
}

static void an_orderly_stop_answers_first(void)
{
	struct other other = start_owner(HOST_SERVER);
	struct many many = { open_host(HOST_SERVER), "/slow", 0 };
	pthread_t threads[8];

	for (int i = 0; i < 8; i++)
		pthread_create(&threads[i], NULL, ask_once, &many);
	poll(NULL, 0, 100);		/* most are under way; the others find the next owner: us */
	CHECK_INT(end_owner(&other, 0), 0);
	for (int i = 0; i < 8; i++)
		pthread_join(threads[i], NULL);
	CHECK_INT(many.ok, 8);
	tally_host_close(&many.host);
}

static void a_short_life_serves_who_comes_meanwhile(void)
{
	struct other other = start_owner(HOST_ONCE);
	struct tally_host *host = open_host(HOST_ONCE);
	struct tally_response response = send_to(host, "/echo", "");

	CHECK(answered_by(&response, other.pid));
	CHECK_INT(end_owner(&other, 0), 0);
	response = send_to(host, "/echo", "");
	CHECK(answered_by(&response, getpid()));
	tally_host_close(&host);
}

static void many_short_lives_take_turns(void)
{
	pid_t pids[12];
	int status, bad = 0;

	fflush(stdout);
	for (int i = 0; i < 12; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			char nonce[32];

			for (int round = 0; round < 20; round++) {
				struct tally_host *host = open_host(HOST_ONCE);

				if (host == NULL)
					_exit(1);
				snprintf(nonce, sizeof nonce, "turn-%d-%d", i, round);
				if (!tally_bytes_is(send_to(host, "/write", nonce).body, "recorded"))
					_exit(2);
				tally_host_close(&host);
			}
			_exit(0);
		}
	}
	for (int i = 0; i < 12; i++) {
		waitpid(pids[i], &status, 0);
		bad += status != 0;
	}
	CHECK_INT(bad, 0);
	CHECK_INT(recorded("turn-"), 240);
}

static void a_server_waits_for_its_store(void)
{
	struct tally_host *host, *once = NULL;
	struct tally_response response;
	struct tally_err err = { 0 };
	char path[300];

	snprintf(path, sizeof path, "%s/absent", directory);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	host = open_host(HOST_SERVER);
	REQUIRE(host != NULL);
	response = send_to(host, "/echo", "");
	CHECK_INT(response.status, 500);
	CHECK_BYTES(cut(response.body, 8), TALLY_BYTES_LIT("notfound"));
	CHECK_FAILS(tally_host_open(conf, HOST_ONCE, &once, &err), TALLY_NOTFOUND);
	unlink(path);
	poll(NULL, 0, 1100);		/* a failed opening is not repeated at once */
	response = send_to(host, "/echo", "");
	CHECK_INT(response.status, 200);
	tally_host_close(&host);
}

/* Frames that no host of ours sends: the owner ends the connection or refuses, and lives. */
static void strange_frames_do_no_harm(void)
{
	static const struct {
		const char *name;
		uint8_t head[8];
		bool refused;
	} cases[] = {
		{ "other magic", { 'X', 'R', 2, 2, 0, 0, 0, 1 }, true },
		{ "other version", { 'T', 'R', 9, 2, 0, 0, 0, 1 }, true },
		{ "the version before", { 'T', 'R', 1, 2, 0, 0, 0, 1 }, true },
		{ "other type", { 'T', 'R', 2, 4, 0, 0, 0, 1 }, true },
		{ "too large", { 'T', 'R', 2, 2, 0xff, 0xff, 0xff, 0xff }, true },
		{ "empty request", { 'T', 'R', 2, 2, 0, 0, 0, 0 }, true },
		{ "cut off", { 'T', 'R', 2, 2, 0, 0, 1, 0 }, false },
	};
	struct other other = start_owner(HOST_SERVER);
	struct tally_host *host = open_host(HOST_SERVER);
	struct tally_response response;
	struct tally_err err;
	uint8_t answer[8];
	ssize_t got;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int fd = tally_own_connect(directory, 1000, &err);

		CASE("%s", cases[i].name);
		REQUIRE(fd >= 0);
		CHECK_INT(tally_relay_greet(fd, 5000, &err), RELAY_DONE);
		CHECK_INT(send(fd, cases[i].head, 8, MSG_NOSIGNAL), 8);
		shutdown(fd, SHUT_WR);
		/* the owner may say before that it is at work */
		do
			got = recv(fd, answer, 8, MSG_WAITALL);
		while (got == 8 && answer[3] == 3);
		CHECK_INT(got, cases[i].refused ? 8 : 0);
		if (got == 8)
			CHECK_INT(answer[3], 5);
		close(fd);
	}
	response = send_to(host, "/echo", "");
	CHECK(answered_by(&response, other.pid));
	tally_host_close(&host);
	CHECK_INT(end_owner(&other, 0), 0);
}

/* Every prefix of a request and of a response is refused, never read beyond. */
static void codec_refuses_what_is_cut(void)
{
	struct tally_request request = make_request("/p", ""), got = { .arena = &arena };
	struct tally_header headers[] = { { TALLY_BYTES_LIT("a"), TALLY_BYTES_LIT("b") } };
	struct tally_response response = { 200, "t/p", headers, 1, TALLY_BYTES_NONE }, back;
	struct tally_buf buf = { 0 };
	uint8_t *copy;

	request.headers = headers;
	request.header_count = 1;
	request.client = TALLY_BYTES_LIT("192.0.2.7");
	request.listener = TALLY_BYTES_LIT("vpc-a/vsw-1");
	tally_relay_put_request(&buf, &request, true);
	CHECK(tally_relay_get_request(tally_buf_bytes(&buf), &got) && got.again);
	CHECK_BYTES(got.client, request.client);
	CHECK_BYTES(got.listener, request.listener);
	for (size_t size = 0; size < buf.size; size++) {
		copy = malloc(size + 1);
		memcpy(copy + 1, buf.data, size);
		CHECK(!tally_relay_get_request(tally_bytes(copy + 1, size), &got));
		free(copy);
	}
	tally_buf_clear(&buf);
	tally_relay_put_response(&buf, &response);
	CHECK(tally_relay_get_response(tally_buf_bytes(&buf), &arena, &back) && back.status == 200);
	for (size_t size = 0; size < buf.size; size++)
		CHECK(!tally_relay_get_response(tally_bytes(buf.data, size), &arena, &back));
	tally_buf_free(&buf);
}

static void remove_all(void)
{
	char command[400];

	snprintf(command, sizeof command, "rm -rf '%s'", directory);
	if (system(command) != 0)
		printf("# %s is left\n", directory);
}

int main(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(directory, sizeof directory, "%s/tally-host-XXXXXX", tmp != NULL ? tmp : "/tmp");
	if (mkdtemp(directory) == NULL)
		return 1;
	signal(SIGPIPE, SIG_IGN);
	conf = tally_conf_new();
	tally_conf_override(conf, "store", "path", directory);
	tally_conf_override(conf, "gateway", "owner_wait", "3s");
	TEST(codec_refuses_what_is_cut);
	TEST(owns_and_answers);
	TEST(relays_the_whole_request);
	TEST(believes_local_from_few);
	TEST(repeats_with_the_mark_when_the_owner_dies);
	TEST(moves_on_to_the_next_owner);
	TEST(never_overrules_a_hung_owner);
	TEST(waits_for_an_owner_that_works);
	TEST(an_orderly_stop_answers_first);
	TEST(a_short_life_serves_who_comes_meanwhile);
	TEST(many_short_lives_take_turns);
	TEST(a_server_waits_for_its_store);
	TEST(strange_frames_do_no_harm);
	tally_conf_free(&conf);
	tally_arena_free(&arena);
	remove_all();
	return tap_done();
}
