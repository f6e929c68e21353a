/* The witness over HTTP; see gate.h. */
#include "config.h"

#include "gate.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "conf.h"
#include "cosigner.h"
#include "err.h"
#include "fill.h"
#include "log.h"
#include "witness.h"

#define PREFIX "/witness/"

struct tally_gate {
	struct tally_cosigner *cosigner;
};

int tally_gate_open(const struct tally_conf *conf, struct tally_gate **gate_r,
		    struct tally_err *err)
{
	struct tally_witness_settings settings;
	struct tally_cosigner *cosigner;

	*gate_r = NULL;
	if (tally_witness_settings_load(conf, &settings, err) != 0)
		return -1;
	if (settings.directory == NULL)
		return 0;
	if (tally_cosigner_open(settings.directory, &cosigner, err) != 0)
		return tally_err_prefix(err, "witness.directory");
	*gate_r = tally_calloc(1, sizeof **gate_r);
	(*gate_r)->cosigner = cosigner;
	return 0;
}

void tally_gate_close(struct tally_gate **gate)
{
	if (*gate == NULL)
		return;
	tally_cosigner_close(&(*gate)->cosigner);
	free(*gate);
	*gate = NULL;
}

bool tally_gate_wants(struct tally_bytes path)
{
	size_t size = sizeof(PREFIX) - 1;

	return path.size >= size && memcmp(path.data, PREFIX, size) == 0;
}

/* ---- answers ---- */

static void begin(const struct tally_request *request, struct tally_response *response)
{
	char *id = tally_arena_alloc(request->arena, 37);

	memset(response, 0, sizeof *response);
	tally_request_id_text(request->id, id);
	tally_response_header(response, request->arena, "X-Request-Id", id);
}

static void respond(const struct tally_request *request, struct tally_response *response,
		    int status, const char *type, struct tally_bytes body, const char *cache)
{
	response->status = status;
	response->content_type = type;
	response->body = body;
	tally_response_header(response, request->arena, "Cache-Control", cache);
}

static void respond_text(const struct tally_request *request, struct tally_response *response,
			 int status, const char *text)
{
	respond(request, response, status, "text/plain; charset=utf-8", tally_bytes_str(text),
		"no-store");
}

static bool is_reading(const struct tally_request *request)
{
	return tally_bytes_is(request->method, "GET") || tally_bytes_is(request->method, "HEAD");
}

static void refuse_method(const struct tally_request *request, struct tally_response *response,
			  const char *allowed)
{
	tally_response_header(response, request->arena, "Allow", allowed);
	respond_text(request, response, 405, "not with this method\n");
}

/* ---- the two requests ---- */

static void add_checkpoint(struct tally_gate *gate, const struct tally_request *request,
			   struct tally_response *response)
{
	struct tally_cosigner_answer answer;

	if (!tally_bytes_is(request->method, "POST")) {
		refuse_method(request, response, "POST");
	} else if (request->body_too_large) {
		respond_text(request, response, 413, "the request is too long\n");
	} else if (request->body_short) {
		respond_text(request, response, 400, "the request was cut off\n");
	} else {
		tally_cosigner_add_checkpoint(gate->cosigner, request->body, tally_now_ms() / 1000,
					      request->arena, &answer);
		respond(request, response, answer.status, answer.type, answer.body, "no-store");
	}
}

static void last_checkpoint(struct tally_gate *gate, const struct tally_request *request,
			    struct tally_bytes hex, struct tally_response *response)
{
	struct tally_bytes note;
	struct tally_err err;
	int found;

	if (!is_reading(request)) {
		refuse_method(request, response, "GET, HEAD");
		return;
	}
	found = tally_cosigner_last(gate->cosigner, hex, request->arena, &note, &err);
	if (found == 1) {
		respond(request, response, 200, "text/plain; charset=utf-8", note,
			"public, max-age=3");
	} else if (found == 0) {
		respond_text(request, response, 404, "no checkpoint of this log was cosigned\n");
	} else {
		tally_log(TALLY_LOG_ERROR, "witness.failed", "error", err.text, NULL);
		respond_text(request, response, 500, "the witness cannot read it\n");
	}
}

void tally_gate_handle(struct tally_gate *gate, const struct tally_request *request,
		       struct tally_response *response)
{
	static const char end[] = "/checkpoint";
	size_t prefix = sizeof(PREFIX) - 1, hex = TALLY_ORIGIN_HEX - 1;
	struct tally_bytes rest = tally_bytes(request->path.data + prefix,
					      request->path.size - prefix);

	begin(request, response);
	if (tally_bytes_is(rest, "add-checkpoint"))
		add_checkpoint(gate, request, response);
	else if (rest.size == hex + sizeof(end) - 1 &&
		 memcmp(rest.data + hex, end, sizeof(end) - 1) == 0)
		last_checkpoint(gate, request, tally_bytes(rest.data, hex), response);
	else
		respond_text(request, response, 404, "a witness has no such resource\n");
}

void tally_gate_handle_others(const struct tally_request *request,
			      struct tally_response *response)
{
	begin(request, response);
	if (tally_bytes_is(request->path, "/healthz"))
		respond_text(request, response, 200, "ok\n");
	else
		respond_text(request, response, 404, "there is a witness here, and no ledger\n");
}

bool tally_gate_answer(const struct tally_conf *conf, const struct tally_request *request,
		       struct tally_response *response)
{
	struct tally_gate *gate;
	struct tally_err err;

	if (!tally_gate_wants(request->path))
		return false;
	if (tally_gate_open(conf, &gate, &err) != 0) {
		tally_log(TALLY_LOG_ERROR, "witness.failed", "error", err.text, NULL);
		begin(request, response);
		respond_text(request, response, 503, "the witness cannot be opened\n");
		return true;
	}
	if (gate == NULL)
		return false;
	tally_gate_handle(gate, request, response);
	tally_gate_close(&gate);
	return true;
}
