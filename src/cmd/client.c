/* Verbs as clients of a store's owner or of an endpoint; see client.h. */
#include "config.h"

#include "client.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "conf.h"
#include "err.h"
#include "host.h"
#include "request.h"
#include "secret.h"

/* ---- opening ---- */

static bool has_option(const struct verb *verb, const char *name)
{
	for (const struct verb_option *row = verb->options; row->name != NULL; row++)
		if (strcmp(row->name, name) == 0)
			return true;
	return false;
}

/*
 * An endpoint is meant when it is named on the line, or when the environment names one and
 * nothing names a store: a shell set up for a server asks the server.
 */
static bool means_endpoint(struct verb_call *call, const struct http_target *target)
{
	struct tally_conf *conf;

	if (target->endpoint == NULL || verb_given(call, "store"))
		return false;
	if (verb_given(call, "endpoint"))
		return true;
	conf = verb_conf(call);
	return conf == NULL || tally_conf_get(conf, "store", "path") == NULL;
}

int client_open(struct verb_call *call, bool lasting, struct client *client)
{
	struct tally_err err;
	const char *path;

	*client = (struct client){ .call = call };
	if (has_option(call->verb, "endpoint")) {
		if (!http_target_read(call, &client->target))
			return VERB_USAGE;
		if (means_endpoint(call, &client->target))
			return VERB_OK;
	}
	path = verb_store_path(call);
	if (path == NULL)
		return VERB_USAGE;
	if (!verb_become_owner(call, path))
		return VERB_FAILED;
	if (tally_host_open(call->conf, lasting ? HOST_SERVER : HOST_ONCE, &client->host, &err) != 0)
		return verb_fail_err(call, &err);
	return VERB_OK;
}

void client_close(struct client *client)
{
	if (client->host != NULL)
		tally_host_close(&client->host);
	tally_arena_wipe(&client->arena);
	tally_arena_free(&client->arena);
}

int client_with(struct verb_call *call, int (*run)(struct client *client))
{
	struct client client;
	int status = client_open(call, false, &client);

	if (status != VERB_OK)
		return status;
	status = run(&client);
	client_close(&client);
	return status;
}

/* ---- a request ---- */

static void start(struct client *client, const char *action, bool admin, bool write)
{
	tally_arena_wipe(&client->arena);
	client->param_count = 0;
	client->account = NULL;
	client->admin = admin;
	client->write = write;
	client->content_type = NULL;
	client->body = TALLY_BYTES_NONE;
	client_add(client, "Action", action);
	client_add(client, "Format", "JSON");
}

void client_start(struct client *client, const char *action)
{
	start(client, action, false, false);
}

void client_start_write(struct client *client, const char *action)
{
	start(client, action, false, true);
}

void client_start_admin(struct client *client, const char *action)
{
	start(client, action, true, true);
}

void client_add(struct client *client, const char *name, const char *value)
{
	if (value == NULL)
		return;
	assert(client->param_count < CLIENT_PARAM_MAX);
	client->params[client->param_count++] = (struct tally_rpc_param){
		tally_arena_bytes(&client->arena, tally_bytes_str(name)),
		tally_arena_bytes(&client->arena, tally_bytes_str(value))
	};
}

void client_add_uint(struct client *client, const char *name, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof text, "%llu", (unsigned long long)value);
	client_add(client, name, text);
}

void client_body(struct client *client, const char *content_type, struct tally_bytes body)
{
	client->content_type = content_type;
	client->body = body;
}

/* The parameters as one query string. */
static struct tally_bytes encode_query(struct client *client)
{
	struct tally_buf buf = { 0 };
	struct tally_bytes query;

	for (size_t i = 0; i < client->param_count; i++) {
		if (i != 0)
			tally_buf_add_u8(&buf, '&');
		tally_buf_add_bytes(&buf, tally_percent_encode(&client->arena,
							       client->params[i].name));
		tally_buf_add_u8(&buf, '=');
		tally_buf_add_bytes(&buf, tally_percent_encode(&client->arena,
							       client->params[i].value));
	}
	query = tally_arena_bytes(&client->arena, tally_buf_bytes(&buf));
	tally_buf_free(&buf);
	return query;
}

/* The request as the host wants it, and its answer. */
static json_object *ask_host(struct client *client)
{
	struct tally_header headers[2];
	struct tally_request request = {
		.arena = &client->arena,
		.method = client->write ? TALLY_BYTES_LIT("POST") : TALLY_BYTES_LIT("GET"),
		.path = client->admin ? TALLY_BYTES_LIT("/admin/") : TALLY_BYTES_LIT("/"),
		.query = encode_query(client),
		.headers = headers,
		.body = client->body,
		.client = TALLY_BYTES_LIT("local"),
		.local = true,
	};
	struct tally_response response = { 0 };

	if (client->write && client->content_type == NULL) {	/* values may be too long for a query */
		request.body = request.query;
		request.query = TALLY_BYTES_NONE;
	}
	if (client->write)
		headers[request.header_count++] = (struct tally_header){
			TALLY_BYTES_LIT("content-type"),
			tally_bytes_str(client->content_type != NULL ?
						client->content_type :
						"application/x-www-form-urlencoded")
		};
	if (client->account != NULL)
		headers[request.header_count++] = (struct tally_header){
			TALLY_BYTES_LIT("x-tally-account"), tally_bytes_str(client->account)
		};
	tally_random(request.id, sizeof request.id);
	tally_host_handle(client->host, &request, &response);
	client->status = response.status;
	return json_tokener_parse(tally_arena_str(&client->arena, response.body));
}

static json_object *ask_endpoint(struct client *client)
{
	struct http_request request = { .post = client->write,
					.params = client->params,
					.param_count = client->param_count,
					.content_type = client->content_type,
					.body = client->body };
	json_object *reply = NULL;
	struct http_answer answer;
	struct tally_err err;

	client->status = 0;
	if (http_send(&client->target, &request, &client->arena, &answer, &err) != 0) {
		snprintf(client->message, sizeof client->message, "%s", err.text);
		return NULL;
	}
	client->status = answer.status;
	tally_buf_add_u8(&answer.body, '\0');
	reply = json_tokener_parse((const char *)answer.body.data);
	tally_buf_free(&answer.body);
	return reply;
}

json_object *client_try(struct client *client)
{
	json_object *reply;

	client->code[0] = client->message[0] = '\0';
	reply = client->host != NULL ? ask_host(client) : ask_endpoint(client);
	if (client->status >= 200 && client->status <= 299 && reply != NULL)
		return reply;
	if (client->message[0] == '\0') {
		snprintf(client->code, sizeof client->code, "%s", reply_text(reply, "Code"));
		snprintf(client->message, sizeof client->message, "%s", reply_text(reply, "Message"));
	}
	if (client->message[0] == '\0')
		snprintf(client->message, sizeof client->message,
			 "the answer, status %d, is none of a ledger server", client->status);
	if (client->status >= 200 && client->status <= 299)
		client->status = 0;
	json_object_put(reply);
	return NULL;
}

json_object *client_run(struct client *client)
{
	json_object *reply = client_try(client);

	if (reply == NULL)
		verb_fail(client->call, "%s%s%s", client->message, client->code[0] != '\0' ? " " : "",
			  client->code[0] != '\0'
				  ? tally_arena_printf(&client->arena, "(%s)", client->code)
				  : "");
	return reply;
}

static bool fetch_host(struct client *client, const char *path, struct tally_buf *body)
{
	struct tally_request request = {
		.arena = &client->arena,
		.method = TALLY_BYTES_LIT("GET"),
		.path = tally_bytes_str(path),
		.client = TALLY_BYTES_LIT("local"),
		.local = true,
	};
	struct tally_response response = { 0 };

	tally_random(request.id, sizeof request.id);
	tally_host_handle(client->host, &request, &response);
	client->status = response.status;
	tally_buf_add_bytes(body, response.body);
	return true;
}

static bool fetch_endpoint(struct client *client, const char *path, struct tally_buf *body)
{
	struct http_request request = { .path = path };
	struct http_answer answer;
	struct tally_err err;

	if (http_send(&client->target, &request, &client->arena, &answer, &err) != 0) {
		snprintf(client->message, sizeof client->message, "%s", err.text);
		return false;
	}
	client->status = answer.status;
	tally_buf_add_bytes(body, tally_buf_bytes(&answer.body));
	tally_buf_free(&answer.body);
	return true;
}

bool client_fetch(struct client *client, const char *path, struct tally_buf *body)
{
	bool answered;

	tally_arena_wipe(&client->arena);
	client->code[0] = client->message[0] = '\0';
	client->status = 0;
	answered = client->host != NULL ? fetch_host(client, path, body) :
					  fetch_endpoint(client, path, body);
	if (answered && client->status == 200)
		return true;
	if (answered)	/* such errors are one line of text */
		snprintf(client->message, sizeof client->message, "status %d: %.*s", client->status,
			 (int)strcspn(tally_arena_str(&client->arena, tally_buf_bytes(body)), "\n"),
			 (const char *)body->data);
	return false;
}

bool client_may_retry(const struct client *client)
{
	return client->status == 0 || client->status == 503 || client->status == 502 ||
	       client->status == 504 || strncmp(client->code, "Throttling", 10) == 0;
}

bool client_first_account(struct client *client, char account[24])
{
	json_object *reply, *list, *first = NULL;

	client_start_admin(client, "ListAccounts");
	reply = client_run(client);
	if (reply == NULL)
		return false;
	list = reply_member(reply, "Accounts");
	for (size_t i = 0; i < reply_count(list); i++) {
		json_object *next = json_object_array_get_idx(list, i);

		if (first == NULL || reply_uint(next, "CreateTime") < reply_uint(first, "CreateTime"))
			first = next;
	}
	snprintf(account, 24, "%s", reply_text(first, "AliUid"));
	json_object_put(reply);
	return true;
}

/* ---- replies ---- */

json_object *reply_member(json_object *object, const char *name)
{
	json_object *value = NULL;

	json_object_object_get_ex(object, name, &value);
	return value;
}

const char *reply_text(json_object *object, const char *name)
{
	json_object *value = reply_member(object, name);

	return value != NULL ? json_object_get_string(value) : "";
}

uint64_t reply_uint(json_object *object, const char *name)
{
	return json_object_get_uint64(reply_member(object, name));
}

bool reply_bool(json_object *object, const char *name)
{
	return json_object_get_boolean(reply_member(object, name)) != 0;
}

size_t reply_count(json_object *list)
{
	return json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
}
