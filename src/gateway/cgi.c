/*
 * Plain CGI (cgi.h). The answer is out before the store is closed: what closing still does for
 * the store (applying its index) costs the client no time. Web servers may send SIGTERM as soon
 * as the answer is complete, so it stays blocked; a SIGKILL is survived by design.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cgi.h"
#include "err.h"
#include "fcgi.h"
#include "fill.h"
#include "gate.h"
#include "host.h"
#include "log.h"
#include "service.h"

extern char **environ;

/* A CGI program may not count on an end of the input: never reads beyond CONTENT_LENGTH. */
struct cgi_input {
	uint64_t left;
};

static long cgi_read(void *ctx, void *data, size_t size)
{
	struct cgi_input *input = ctx;
	ssize_t got;

	if (size > input->left)
		size = (size_t)input->left;
	if (size == 0)
		return 0;
	do
		got = read(STDIN_FILENO, data, size);
	while (got < 0 && errno == EINTR);
	if (got > 0)
		input->left -= (uint64_t)got;
	return got;
}

static uint64_t content_length(void)
{
	const char *text = getenv("CONTENT_LENGTH");
	uint64_t length;

	return text != NULL && tally_parse_u64(tally_bytes_str(text), UINT64_MAX, &length) ?
	       length : UINT64_MAX;
}

static bool put(struct tally_bytes bytes)
{
	while (bytes.size > 0) {
		ssize_t put = write(STDOUT_FILENO, bytes.data, bytes.size);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return false;
		bytes.data += put;
		bytes.size -= (size_t)put;
	}
	return true;
}

/* Then the client has it all: standard output becomes nothing, so that the server sees its end. */
static void send_response(const struct tally_request *request,
			  const struct tally_response *response)
{
	struct tally_buf out = { 0 };
	int nowhere;

	tally_answer_head(&out, response);
	if (!tally_bytes_is(request->method, "HEAD"))
		tally_buf_add_bytes(&out, response->body);
	put(tally_buf_bytes(&out));
	tally_buf_free(&out);
	nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (nowhere >= 0) {
		dup2(nowhere, STDOUT_FILENO);
		close(nowhere);
	}
}

static void answer(const struct tally_conf *conf, const struct tally_gateway_settings *settings,
		   struct tally_host **host, struct tally_request *request,
		   struct tally_response *response, struct tally_arena *arena)
{
	struct cgi_input input = { content_length() };
	struct tally_body_source source = { .read = cgi_read, .ctx = &input, .is_cgi = true };
	struct tally_err err = { 0 };

	bool filled = tally_fill(settings, environ, &source, arena, request, &err) == 0;

	if (filled && tally_gate_answer(conf, request, response))
		return;
	if (!filled || tally_host_open(conf, HOST_ONCE, host, &err) != 0) {
		tally_log(TALLY_LOG_WARN, "cgi.refused", "error", err.text, NULL);
		tally_service_refuse(request, &err, response);
		return;
	}
	tally_host_handle(*host, request, response);
}

/* Without usable settings there is no limit to read a body by. */
static void refuse_all(struct tally_request *request, const struct tally_err *err,
		       struct tally_response *response)
{
	const char *method = getenv("REQUEST_METHOD");

	request->method = tally_bytes_str(method != NULL ? method : "GET");
	request->path = TALLY_BYTES_LIT("/");
	tally_log(TALLY_LOG_ERROR, "cgi.settings", "error", err->text, NULL);
	tally_service_refuse(request, err, response);
}

int tally_cgi_run(const struct tally_conf *conf, const struct tally_err *unusable)
{
	struct tally_gateway_settings settings;
	struct tally_arena arena = { 0 };
	struct tally_request request = { .arena = &arena };
	struct tally_response response = { 0 };
	struct tally_host *host = NULL;
	struct tally_err err = { 0 };

	tally_fcgi_block_signals();
	memset(&settings, 0, sizeof settings);
	if (unusable != NULL)
		refuse_all(&request, unusable, &response);
	else if (tally_gateway_settings_load(conf, &settings, &err) != 0)
		refuse_all(&request, &err, &response);
	else
		answer(conf, &settings, &host, &request, &response, &arena);
	tally_log_request(&request, &response);
	send_response(&request, &response);
	tally_host_close(&host);
	tally_gateway_settings_free(&settings);
	tally_arena_wipe(&arena);
	tally_arena_free(&arena);
	return 0;
}
