/*
 * tally call: one action at an endpoint, signed. Only the answer goes to stdout, as the server
 * sent it, so that it can be piped on. With --admin: one of local administration, which a store's owner
 * is asked.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <json-c/json.h>

#include "arena.h"
#include "call.h"
#include "client.h"
#include "err.h"
#include "http.h"
#include "print.h"
#include "verb.h"

#define CALL_BODY_MAX (256u << 20)

/* The whole of a file, "-" being standard input. */
static bool read_file(const struct verb_call *call, const char *name, struct tally_buf *buf)
{
	int fd = strcmp(name, "-") == 0 ? dup(STDIN_FILENO) : verb_open(name, O_RDONLY, 0);
	ssize_t got = fd < 0 ? -1 : 1;

	while (got > 0 && buf->size <= CALL_BODY_MAX) {
		got = read(fd, tally_buf_reserve(buf, 65536), 65536);
		if (got > 0)
			buf->size += (size_t)got;
	}
	if (got != 0)
		verb_fail(call, "reading %s: %s", name,
			  got < 0 ? strerror(errno) : "larger than 256 MiB");
	if (fd >= 0)
		close(fd);
	return got == 0;
}

/* "Name=Value" words as parameters, Action and Format before them. */
static size_t make_params(const struct verb_call *call, const char *format,
			  struct tally_rpc_param *params)
{
	size_t count = 0;

	params[count++] = (struct tally_rpc_param){ TALLY_BYTES_LIT("Action"),
						    tally_bytes_str(call->args[0]) };
	params[count++] = (struct tally_rpc_param){ TALLY_BYTES_LIT("Format"),
						    tally_bytes_str(format) };
	for (int i = 1; i < call->arg_count; i++) {
		const char *equals = strchr(call->args[i], '=');

		if (equals == NULL || equals == call->args[i]) {
			verb_misuse(call, "a parameter is Name=Value, not %s", call->args[i]);
			return 0;
		}
		params[count++] = (struct tally_rpc_param){
			tally_bytes(call->args[i], (size_t)(equals - call->args[i])),
			tally_bytes_str(equals + 1)
		};
	}
	return count;
}

/* A body is JSON or NDJSON: an array begins with '['. */
static const char *body_type(const struct tally_buf *body)
{
	size_t i = 0;

	while (i < body->size && strchr(" \t\r\n", body->data[i]) != NULL && body->data[i] != '\0')
		i++;
	return i < body->size && body->data[i] == '[' ? "application/json" : "application/x-ndjson";
}

int call_show(const struct verb_call *call, struct http_answer *answer)
{
	int status;

	fwrite(answer->body.data, 1, answer->body.size, stdout);
	if (answer->body.size != 0 && answer->body.data[answer->body.size - 1] != '\n')
		putchar('\n');
	status = answer->status >= 200 && answer->status <= 299
			 ? VERB_OK
			 : verb_fail(call, "the server answered with status %d", answer->status);
	tally_buf_free(&answer->body);
	return status;
}

static int send_and_show(const struct verb_call *call, const struct http_target *target,
			 const struct http_request *request, struct tally_arena *arena)
{
	struct http_answer answer;
	struct tally_err err;

	if (http_send(target, request, arena, &answer, &err) != 0)
		return verb_fail_err(call, &err);
	return call_show(call, &answer);
}

static int run_with(struct verb_call *call, const struct http_target *target,
		    struct http_request *request, struct tally_buf *body, struct tally_arena *arena)
{
	const char *format = verb_value(call, "format", "json"), *file;
	struct tally_rpc_param *params =
		tally_arena_array(arena, struct tally_rpc_param, (size_t)call->arg_count + 2);

	if (strcasecmp(format, "json") != 0 && strcasecmp(format, "xml") != 0)
		return verb_misuse(call, "--format is json or xml, not %s", format);
	request->params = params;
	request->param_count =
		make_params(call, strcasecmp(format, "xml") == 0 ? "XML" : "JSON", params);
	if (request->param_count == 0)
		return VERB_USAGE;
	file = verb_value(call, "body", NULL);
	request->post = verb_given(call, "post") || file != NULL;
	if (file != NULL) {
		if (!read_file(call, file, body))
			return VERB_FAILED;
		request->body = tally_buf_bytes(body);
		request->content_type = body_type(body);
	}
	if (verb_given(call, "print-url")) {
		if (request->post && file == NULL)
			return verb_misuse(call, "a browser sends no POST: --print-url stands alone");
		puts(http_url(target, request, arena));
		return VERB_OK;
	}
	return send_and_show(call, target, request, arena);
}

/* ---- local administration ---- */

static int call_admin(struct client *client)
{
	struct verb_call *call = client->call;
	json_object *reply;

	if (client->host == NULL)
		return verb_misuse(call, "which store? Use --store DIR or set TALLY_STORE");
	client_start_admin(client, call->args[0]);
	for (int i = 1; i < call->arg_count; i++) {
		const char *equals = strchr(call->args[i], '=');

		if (equals == NULL || equals == call->args[i])
			return verb_misuse(call, "a parameter is Name=Value, not %s", call->args[i]);
		if (i > CLIENT_PARAM_MAX - 2)
			return verb_misuse(call, "too many parameters");
		client_add(client, tally_arena_printf(&client->arena, "%.*s",
						      (int)(equals - call->args[i]), call->args[i]),
			   equals + 1);
	}
	reply = client_run(client);
	if (reply == NULL)
		return VERB_FAILED;
	print_json(reply);
	return VERB_OK;
}

/* What only makes sense of a request over HTTP. */
static int check_admin(struct verb_call *call)
{
	static const char *const of_http[] = { "endpoint", "key", "secret", "post", "body", "format",
					       "print-url", "cert", "org", "channel", "method" };

	for (size_t i = 0; i < sizeof of_http / sizeof of_http[0]; i++)
		if (verb_given(call, of_http[i]))
			return verb_misuse(call, "--admin asks the store itself: no --%s", of_http[i]);
	return VERB_OK;
}

static int call_run_share(struct verb_call *call)
{
	struct tally_arena arena = { 0 };
	int status = call_share(call, &arena);

	tally_arena_free(&arena);
	return status;
}

static int call_run(struct verb_call *call)
{
	struct http_request request = { 0 };
	struct tally_arena arena = { 0 };
	struct tally_buf body = { 0 };
	struct http_target target;
	int status;

	if (verb_given(call, "admin"))
		return check_admin(call) != VERB_OK ? VERB_USAGE : client_with(call, call_admin);
	if (verb_given(call, "store") || verb_given(call, "driver") || verb_given(call, "config"))
		return verb_misuse(call, "--store, --driver and --config go with --admin");
	if (call_is_share(call))
		return call_run_share(call);
	if (!http_target_read(call, &target))
		return VERB_USAGE;
	if (target.endpoint == NULL)
		return verb_misuse(call, "which server? Use --endpoint URL or set TALLY_ENDPOINT");
	status = run_with(call, &target, &request, &body, &arena);
	tally_buf_free(&body);
	tally_arena_free(&arena);
	return status;
}

static const struct verb_option call_options[] = {
	{ "endpoint", "URL", "the server (default: TALLY_ENDPOINT)" },
	{ "key", "ID", "access key id (default: TALLY_ACCESS_KEY_ID); without a key: unsigned. With a "
	  "PATH: the file with the private key, which signs and is not sent" },
	{ "secret", "TEXT", "its secret (default: TALLY_ACCESS_KEY_SECRET)" },
	{ "post", NULL, "send by POST, parameters in a form body" },
	{ "body", "FILE", "send this JSON or NDJSON by POST, '-' being standard input" },
	{ "format", "NAME", "form of the answer: json (default) or xml" },
	{ "print-url", NULL, "print the signed URL, good for 15 minutes, and send nothing; with --body: the "
			     "one to POST that body to" },
	{ "cert", "FILE", "with a PATH: the caller's certificate, PEM" },
	{ "org", "ID", "with a PATH: the caller's organisation" },
	{ "channel", "NAME", "with a PATH: the channel" },
	{ "method", "NAME", "with a PATH: POST (default), PUT or DELETE" },
	{ "admin", NULL, "an action of local administration: ask the store's owner, not a server" },
	VERB_STORE_OPTIONS,
	VERB_OPTIONS_END
};

const struct verb verb_call = {
	.name = "call",
	.usage = "ACTION|PATH [Name=Value ...]",
	.summary = "Send one signed request to a server and print the answer",
	.details = "The exit status is 0 only for a 2xx answer. 'tally actions' lists the actions. A PATH, "
		   "/v1/..., is of the data-sharing interface; its parameters are Name=Text and Name:=JSON.",
	.options = call_options,
	.min_args = 1,
	.max_args = -1,
	.run = call_run,
};
