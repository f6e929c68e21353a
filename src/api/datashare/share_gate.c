/*
 * One request of the data-sharing family from bytes to bytes. The steps stand in answer() in the order in
 * which a request is refused; none looks back. The caller is a certificate that an organisation's CA
 * vouches for, and the private key of it: either the key comes along (sk), then it signs here what is
 * recorded; or it stays with the caller, who has signed the body (x-bcs-signature-sign).
 */
#include "share_gate.h"

#include <json.h>
#include <stddef.h>
#include <stdio.h>
#include <strings.h>

#include "clock.h"
#include "credentials.h"
#include "json_in.h"
#include "listeners.h"
#include "log.h"
#include "secret.h"
#include "share_decode.h"
#include "share_fault.h"
#include "throttle.h"

#define ATTEMPTS 5		/* where somebody else changes the same object meanwhile */
#define RESOLVE "/v1/identity/resolve/"

const struct tally_setting tally_share_setting_rows[] = {
	{ "did_method", SETTING_TEXT, "tally", offsetof(struct tally_share_settings, did_method),
	  "Method of new DIDs: did:tally:..." },
	{ "plain_http", SETTING_BOOL, "no", offsetof(struct tally_share_settings, plain_http),
	  "Take requests of other hosts without TLS too, private keys and all." },
	{ "timestamp_window", SETTING_TIME, "0",
	  offsetof(struct tally_share_settings, timestamp_window_ms),
	  "How far the timestamp of a request may be off; 0: it is only recorded." },
	{ "page_limit", SETTING_U64, "1000", offsetof(struct tally_share_settings, page_limit),
	  "Most items of one page of a list." },
	{ NULL, SETTING_END, NULL, 0, NULL }
};

struct exchange {
	const struct tally_share_gate *gate;
	const struct tally_request *request;
	struct tally_response *response;
	struct tally_arena *arena;
	const char *request_id;
	struct tally_share_call call;
	struct tally_reach reach;
	struct tally_secret_body taken;
	struct json_object *body;
	uint8_t *private;		/* locked */
	struct tally_share_fault fault;
};

static int refuse(struct exchange *x, enum tally_share_fault_kind kind, const char *detail)
{
	return tally_share_fault_set(&x->fault, x->arena, kind, detail);
}

static int refuse_err(struct exchange *x, const struct tally_err *err)
{
	return tally_share_fault_from(&x->fault, x->arena, err);
}

/* ---- transport ---- */

/* Keys and data in clear never leave a machine by our doing. What a proxy here passed on may have. */
static int check_transport(struct exchange *x)
{
	const struct tally_request *request = x->request;

	if (!request->https && !request->local && !x->call.settings->plain_http &&
	    !x->reach.this_host)
		return refuse(x, SHARE_FAULT_PLAIN_HTTP, NULL);
	if (request->body_too_large)
		return refuse(x, SHARE_FAULT_TOO_LARGE, NULL);
	if (request->body_short)
		return refuse(x, SHARE_FAULT_SHORT, NULL);
	return 0;
}

static int find_endpoint(struct exchange *x)
{
	const struct tally_share_endpoint *row = tally_share_endpoints;
	char allow[40] = "";
	size_t used = 0;

	for (; row->path != NULL; row++) {
		if (!tally_bytes_is(x->request->path, row->path))
			continue;
		if (tally_bytes_is(x->request->method, row->method)) {
			x->call.endpoint = row;
			return row->run != NULL ? 0 :
			       refuse(x, SHARE_FAULT_NOT_AVAILABLE, row->name);
		}
		used += (size_t)snprintf(allow + used, sizeof(allow) - used, "%s%s",
					 used > 0 ? ", " : "", row->method);
	}
	if (used == 0)
		return refuse(x, SHARE_FAULT_NO_ENDPOINT, NULL);
	tally_response_header(x->response, x->arena, "Allow", allow);
	return refuse(x, SHARE_FAULT_METHOD, NULL);
}

/* ---- the body ---- */

static bool is_multipart(const struct tally_request *request)
{
	static const char word[] = "multipart/";
	struct tally_bytes type = tally_request_header(request, "content-type", NULL);

	return type.size >= sizeof(word) - 1 &&
	       strncasecmp((const char *)type.data, word, sizeof(word) - 1) == 0;
}

static int read_body(struct exchange *x)
{
	static const char *const bulk[] = { "plainData", "encryptData", "file", NULL };
	struct tally_bytes body = x->request->body;

	if (!tally_secret_body_take(body, bulk, x->arena, &x->taken)) {
		if (body.size > 0)
			tally_wipe((uint8_t *)body.data, body.size);
		if (is_multipart(x->request))
			return refuse(x, SHARE_FAULT_UNSUPPORTED, "files are not taken yet");
		return refuse(x, SHARE_FAULT_JSON, NULL);
	}
	x->body = tally_json_parse(x->taken.rest);
	if (!json_object_is_type(x->body, json_type_object) ||
	    !tally_json_once(x->body, x->taken.rest))
		return refuse(x, SHARE_FAULT_JSON, NULL);
	return 0;
}

/* ---- the common fields ---- */

static int read_common(struct exchange *x, struct tally_bytes *cert_r)
{
	struct tally_share_call *call = &x->call;
	struct tally_bytes method;
	struct tally_err err;
	uint64_t ms, now = tally_now_ms(), window = call->settings->timestamp_window_ms;

	if (tally_share_common(x->arena, x->body, "orgID", 128, &call->organization, &err) != 0 ||
	    tally_share_common(x->arena, x->body, "channelID", 128, &call->channel, &err) != 0 ||
	    tally_share_common(x->arena, x->body, "cryptoMethod", 16, &method, &err) != 0 ||
	    tally_share_common(x->arena, x->body, "cert", 2 * TALLY_CERT_MAX, cert_r, &err) != 0 ||
	    tally_share_common(x->arena, x->body, "timestamp", 64, &call->timestamp, &err) != 0)
		return refuse_err(x, &err);
	if (!tally_bytes_is(method, "SW"))
		return refuse(x, SHARE_FAULT_ARGUMENTS, "cryptoMethod: it is SW");
	if (!tally_share_timestamp(call->timestamp, &ms))
		return refuse(x, SHARE_FAULT_ARGUMENTS,
			      "timestamp: it is as 2020-10-27T17:28:16+08:00");
	if (window > 0 && (ms + window < now || now + window < ms))
		return refuse(x, SHARE_FAULT_TIMESTAMP, NULL);
	return 0;
}

static int find_channel(struct exchange *x, struct tally_org *org_r)
{
	struct tally_share_call *call = &x->call;
	struct tally_channel channel;
	struct tally_err err;
	int found = tally_org_find(call->core, call->organization, x->arena, org_r, &err);

	if (found == 0)
		return refuse(x, SHARE_FAULT_ORGANIZATION, NULL);
	if (found == 1)
		found = tally_channel_find(call->core, call->channel, x->arena, &channel, &err);
	if (found == 0)
		return refuse(x, SHARE_FAULT_CHANNEL, NULL);
	if (found < 0)
		return refuse_err(x, &err);
	call->ledger_id = channel.ledger_id;
	return 0;
}

/* ---- who calls ---- */

static int check_certificate(struct exchange *x, struct tally_bytes text,
			     const struct tally_org *org)
{
	static const struct {
		const char *rule;
		enum tally_share_fault_kind kind;
	} rules[] = {
		{ "form", SHARE_FAULT_CERT_FORM }, { "key", SHARE_FAULT_CERT_FORM },
		{ "validity", SHARE_FAULT_CERT_VALIDITY }, { "usage", SHARE_FAULT_CERT_USAGE },
		{ "chain", SHARE_FAULT_CERT_CHAIN },
	};
	char *pem = tally_arena_str(x->arena, text);
	struct tally_err err = { 0 };

	if (tally_cert_verify(tally_bytes(pem, tally_pem_unfold(pem, text.size)), org->certificate,
			      tally_now_ms(), &x->call.cert, &err) == 0) {
		tally_hex_encode(x->call.cert.hash, TALLY_HASH_SIZE, x->call.cert_hash);
		return 0;
	}
	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++)
		if (strcmp(err.subject, rules[i].rule) == 0)
			return refuse(x, rules[i].kind, err.text);
	return refuse_err(x, &err);
}

/* The key that came along: of P-256, and the certificate's. */
static int check_private(struct exchange *x)
{
	struct tally_member_key public;
	enum tally_key_type type;
	struct tally_err err;
	bool same;

	if (!x->taken.private_text || x->taken.private_size == 0)
		return refuse(x, SHARE_FAULT_ARGUMENTS, "sk: it is missing, or no text");
	x->private = tally_secret_alloc(TALLY_MEMBER_PRIVATE);
	if (tally_member_pem_parse(tally_bytes(x->taken.private_pem, x->taken.private_size), &type,
				   x->private, &err) != 0 ||
	    type != KEY_TYPE_SECP256R1)
		return refuse(x, SHARE_FAULT_KEY_FORM, NULL);
	same = tally_member_public(type, x->private, &public, &err) == 0 &&
	       memcmp(public.bytes, x->call.cert.point, sizeof(x->call.cert.point)) == 0;
	if (!same)
		return refuse(x, SHARE_FAULT_KEY_MISMATCH, NULL);
	x->call.private = x->private;
	return 0;
}

/* A header that may be missing, and says one of two words where it is there, once. */
static bool header_says(const struct exchange *x, const char *name, const char *word,
			const char *other)
{
	bool twice;
	struct tally_bytes value = tally_request_header(x->request, name, &twice);

	return !twice && (value.size == 0 || tally_bytes_is(value, word) ||
			  tally_bytes_is(value, other));
}

/* The signature over the body as it came, by the certificate's key. */
static int check_signature(struct exchange *x, struct tally_bytes given)
{
	const struct tally_request *request = x->request;
	struct tally_member_key key = { .type = KEY_TYPE_SECP256R1, .size = 65 };
	bool twice, zipped = tally_bytes_is(
		tally_request_header(request, "x-bcs-signature-sign-gzip", NULL), "1");

	tally_request_header(request, "x-bcs-signature-sign", &twice);
	memcpy(key.bytes, x->call.cert.point, 65);
	if (twice || !header_says(x, "x-bcs-signature-method", "SW", "SW") ||
	    !header_says(x, "x-bcs-signature-sign-gzip", "0", "1"))
		return refuse(x, SHARE_FAULT_SIGNATURE, "one signature, method SW, gzip 0 or 1");
	if (!tally_share_signature(given, zipped, x->call.signature) ||
	    !tally_member_verify(&key, request->body, x->call.signature))
		return refuse(x, SHARE_FAULT_SIGNATURE, NULL);
	x->call.body = request->body;
	return 0;
}

static int check_caller(struct exchange *x)
{
	struct tally_bytes given = tally_request_header(x->request, "x-bcs-signature-sign", NULL);
	struct tally_bytes cert;
	struct tally_org org;

	if (read_common(x, &cert) != 0)
		return -1;
	if (!x->taken.private_given && given.size == 0)
		return refuse(x, SHARE_FAULT_ARGUMENTS, "sk: it is missing");
	if (x->taken.private_given && given.size > 0)
		return refuse(x, SHARE_FAULT_ARGUMENTS,
			      "sk: a request that is signed does not bring the key");
	if (find_channel(x, &org) != 0 || check_certificate(x, cert, &org) != 0)
		return -1;
	if (given.size > 0)
		return check_signature(x, given);
	return check_private(x);
}

/* How often: of the certificate, or of the address where nobody says who he is. Local administration is
 * not counted. */
static int throttle(struct exchange *x, const char *name)
{
	struct tally_throttle_caller caller = { .organization = x->call.organization,
						.has_address = x->reach.has_address };
	struct tally_throttle_state state;

	if (x->request->local)
		return 0;
	memcpy(caller.certificate, x->call.cert.hash, sizeof(caller.certificate));
	memcpy(caller.address, x->reach.address, sizeof(caller.address));
	if (tally_throttle_take(x->gate->throttle, &caller, name, x->gate->mono_ns(), &state))
		return 0;
	refuse(x, SHARE_FAULT_THROTTLED, NULL);
	x->fault.wait_ms = state.wait_ms;
	return -1;
}

/* Where a channel is not reached from is told to its organisations' people only. */
static int check_reach(struct exchange *x)
{
	struct tally_share_call *call = &x->call;
	struct tally_err err;

	if (tally_access_check(call->core, call->ledger_id, call->write.caller.reach, &err) != 0)
		return refuse_err(x, &err);
	return 0;
}

/* The identity that the caller's key has on the channel. */
static int find_identity(struct exchange *x)
{
	struct tally_share_call *call = &x->call;
	struct tally_err err;
	int found = tally_share_did_of(call->core, call->ledger_id, call->cert.point, x->arena,
				       &call->did, &err);

	if (found < 0)
		return refuse_err(x, &err);
	call->has_did = found == 1;
	if (!call->has_did && call->endpoint->who == SHARE_IDENTITY)
		return refuse(x, SHARE_FAULT_NO_IDENTITY, NULL);
	if (call->private == NULL && call->endpoint->needs_private)
		return refuse(x, SHARE_FAULT_NEEDS_KEY, NULL);
	return 0;
}

static int decode(struct exchange *x)
{
	struct tally_err err;

	if (tally_share_decode(&x->call, x->body, &x->taken, &err) != 0)
		return refuse_err(x, &err);
	return 0;
}

static int run(struct exchange *x)
{
	struct tally_share_call *call = &x->call;
	struct tally_err err = { 0 };
	int result = -1;

	for (unsigned int i = 0; i < ATTEMPTS; i++) {
		call->reply = tally_node_object(x->arena);
		memset(&err, 0, sizeof(err));
		result = call->endpoint->run(call, &err);
		if (result == 0 || err.code != TALLY_CONFLICT)
			break;
	}
	if (result == 0)
		return 0;
	refuse_err(x, &err);
	if (x->fault.kind == SHARE_FAULT_INTERNAL)
		tally_log(TALLY_LOG_ERROR, "share.failed", "operation", call->endpoint->name,
			  "request", x->request_id, "code", tally_code_name(err.code), "text",
			  err.text, NULL);
	return -1;
}

/* ---- answers ---- */

static void respond(struct exchange *x, int status, const char *type, const struct tally_node *node)
{
	x->response->status = status;
	x->response->content_type = type;
	x->response->body = tally_encode_json(x->arena, node);
}

static void respond_fault(struct exchange *x)
{
	struct tally_node *node = tally_node_object(x->arena);
	unsigned int seconds = tally_share_fault_retry(&x->fault);

	tally_add_str(x->arena, node, "errorCode", tally_share_fault_code(x->fault.kind));
	tally_add_text(x->arena, node, "errorMsg", tally_share_fault_message(&x->fault, x->arena));
	if (seconds > 0)
		tally_response_header(x->response, x->arena, "Retry-After",
				      tally_arena_printf(x->arena, "%u", seconds));
	respond(x, tally_share_endpoint_status(x->call.endpoint, &x->fault),
		"application/json;charset=utf-8", node);
}

static void answer(struct exchange *x)
{
	if (check_transport(x) == 0 && find_endpoint(x) == 0 && read_body(x) == 0 &&
	    check_caller(x) == 0 && throttle(x, x->call.endpoint->name) == 0 &&
	    check_reach(x) == 0 && decode(x) == 0 && find_identity(x) == 0 && run(x) == 0)
		respond(x, 200, "application/json;charset=utf-8", x->call.reply);
	else
		respond_fault(x);
}

/* GET .../<channel>/<did>: what is public anyway, so nobody has to say who he is. */
static void answer_resolve(struct exchange *x)
{
	struct tally_bytes path = x->request->path;
	size_t prefix = sizeof(RESOLVE) - 1;
	struct tally_bytes channel = tally_bytes(path.data + prefix, path.size - prefix), did;
	const uint8_t *slash = channel.size > 0 ? memchr(channel.data, '/', channel.size) : NULL;
	struct tally_node *node;
	struct tally_err err;
	int found = 0;

	if (throttle(x, NULL) != 0) {
		respond_fault(x);
		return;
	}
	if (slash != NULL) {
		did = tally_bytes(slash + 1, (size_t)(tally_bytes_end(channel) - slash) - 1);
		channel.size = (size_t)(slash - channel.data);
		found = tally_share_resolve(x->call.core, x->call.write.caller.reach, channel, did,
					    x->arena, &node, &err);
	}
	if (found == 1) {
		respond(x, 200, "application/did+ld+json", node);
		return;
	}
	if (found == 0)
		refuse(x, SHARE_FAULT_NO_ENDPOINT, "no document of this DID is public here");
	else
		refuse_err(x, &err);
	respond_fault(x);
}

static bool resolves(const struct tally_request *request)
{
	return request->path.size >= sizeof(RESOLVE) - 1 &&
	       memcmp(request->path.data, RESOLVE, sizeof(RESOLVE) - 1) == 0 &&
	       (tally_bytes_is(request->method, "GET") || tally_bytes_is(request->method, "HEAD"));
}

void tally_share_answer(const struct tally_share_gate *gate, const struct tally_request *request,
			const char *request_id, struct tally_response *response)
{
	struct exchange x = { .gate = gate, .request = request, .response = response,
			      .arena = request->arena, .request_id = request_id };

	x.call.core = gate->core;
	x.call.settings = gate->settings;
	x.call.arena = request->arena;
	x.call.write = (struct tally_write){
		.nonce = tally_bytes(request->id, sizeof(request->id)),
		.request_ms = tally_now_ms(), .again = request->again
	};
	tally_reach_of(request, &x.reach);
	if (!request->local)
		x.call.write.caller.reach = &x.reach;
	if (resolves(request))
		answer_resolve(&x);
	else
		answer(&x);
	json_object_put(x.body);
	tally_secret_body_free(&x.taken);
	if (x.private != NULL)
		tally_secret_free(x.private);
}

void tally_share_refuse(const struct tally_request *request, const struct tally_err *err,
			struct tally_response *response)
{
	struct exchange x = { .request = request, .response = response, .arena = request->arena };

	refuse(&x, err->code == TALLY_UNCERTAIN ? SHARE_FAULT_UNCERTAIN : SHARE_FAULT_BUSY, NULL);
	respond_fault(&x);
}
