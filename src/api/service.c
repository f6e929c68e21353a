/*
 * One request from bytes to bytes: route, read the parameters, find the action, authenticate,
 * decode, limit by policies, authorise by role, run, encode. The steps stand in answer() in the
 * order in which a request is refused; none looks back. See service.h.
 */
#include "service.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "auth.h"
#include "clock.h"
#include "conf.h"
#include "listeners.h"
#include "log.h"
#include "pkcs11.h"
#include "ram.h"
#include "share_gate.h"
#include "throttle.h"
#include "tlog.h"
#include "utf8.h"

#define NONCES (1 << 21)	/* within the clock window; 28 MiB when all are used */

struct tally_service {
	struct tally_core *core;
	struct tally_api_settings settings;
	struct tally_share_settings share;
	struct tally_auth auth;
	struct tally_throttle *throttle;
	uint64_t (*mono_ns)(void);
	struct tally_arena arena;	/* of what settings were made into */
};

const struct tally_setting tally_api_setting_rows[] = {
	{ "shape", SETTING_TEXT, "sdk", offsetof(struct tally_api_settings, shape),
	  "sdk: answers as the SDKs read them; docs: as the documentation's samples have them "
	  "(JournalId a number, Clues one text)." },
	{ "body_limit", SETTING_SIZE, "16MiB", offsetof(struct tally_api_settings, body_limit),
	  "Longest body of a request." },
	{ "clock_window", SETTING_TIME, "15m",
	  offsetof(struct tally_api_settings, clock_window_ms),
	  "How far the Timestamp of a signed request may be off." },
	{ "region", SETTING_TEXT, "local", offsetof(struct tally_api_settings, region),
	  "RegionId of every ledger." },
	{ "zone", SETTING_TEXT, "local-a", offsetof(struct tally_api_settings, zone),
	  "ZoneId of every ledger." },
	{ "trusted_proxies", SETTING_TEXT, "",
	  offsetof(struct tally_api_settings, trusted_proxies),
	  "Addresses or networks, separated by spaces, whose X-Forwarded-For is believed." },
	{ "regions", SETTING_TEXT, NULL, offsetof(struct tally_api_settings, regions),
	  "What DescribeRegions answers: REGION|HOST|NAME, separated by commas; nothing: the region "
	  "above, at the host that the client addressed." },
	{ NULL, SETTING_END, NULL, 0, NULL }
};

const struct tally_setting tally_access_setting_rows[] = {
	{ "listeners", SETTING_TEXT, NULL, offsetof(struct tally_api_settings, listeners_text),
	  "Private listeners, separated by spaces: VPC/VSWITCH=ADDRESS:PORT. Ledgers are reached by "
	  "one if they have an endpoint on it (CreateVpcEndpoint); tally serve listens there." },
	{ "endpoint_domain", SETTING_TEXT, "ledger.internal",
	  offsetof(struct tally_api_settings, endpoint_domain),
	  "The domain in the names of endpoints, up to 64 characters." },
	{ "open_uri", SETTING_TEXT, NULL, offsetof(struct tally_api_settings, open_uri),
	  "OpenUri that GetAccessAttribute answers; nothing: by the host that the client addressed." },
	{ "key_store", SETTING_TEXT, NULL, offsetof(struct tally_api_settings, key_store),
	  "A directory of public keys, NAME.pem or NAME@VERSION.pem, that UpdateMemberKeyByKMS takes "
	  "by their names; nothing: there are none." },
	{ "pkcs11_modules", SETTING_TEXT, NULL, offsetof(struct tally_api_settings, pkcs11_modules),
	  "Absolute paths of PKCS#11 modules, separated by spaces, on whose tokens "
	  "UpdateMemberKeyByKMS finds the public keys that pkcs11: URIs name; nothing: on none." },
	{ "pkcs11_pin_file", SETTING_TEXT, NULL, offsetof(struct tally_api_settings, pkcs11_pin_file),
	  "A file of mode 0600 with the PIN of those tokens, where they show public keys only after a "
	  "login." },
	{ NULL, SETTING_END, NULL, 0, NULL }
};

/* What a host name is made of. */
static bool is_domain(const char *text)
{
	size_t size = strlen(text);

	return size > 0 && size <= TALLY_ENDPOINT_DOMAIN && text[0] != '.' && text[size - 1] != '.' &&
	       strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") ==
		       size;
}

static int take_modules(struct tally_api_settings *settings, struct tally_err *err)
{
	if (settings->pkcs11_modules == NULL)
		return 0;
	return tally_pkcs11_new(settings->pkcs11_modules, settings->pkcs11_pin_file,
				&settings->pkcs11, err);
}

/* A method of DIDs (W3C DID Core 3.1): lower-case letters and digits. */
static int load_share(const struct tally_conf *conf, struct tally_share_settings *share,
		      struct tally_err *err)
{
	size_t size;

	if (tally_conf_load(conf, "datashare", tally_share_setting_rows, share, err) < 0)
		return -1;
	size = strspn(share->did_method, "abcdefghijklmnopqrstuvwxyz0123456789");
	if (size == 0 || size > 24 || share->did_method[size] != '\0')
		return tally_err_about(err, TALLY_INVALID, "datashare.did_method",
				       "datashare.did_method has 1 to 24 lower-case letters and digits");
	if (share->page_limit == 0)
		return tally_err_about(err, TALLY_INVALID, "datashare.page_limit",
				       "datashare.page_limit is 1 at least");
	return 0;
}

/* What the settings say is well. */
static int take_settings(struct tally_service *service, const struct tally_conf *conf,
			 struct tally_err *err)
{
	struct tally_api_settings *settings = &service->settings;
	struct tally_throttle_settings throttle = { .rate = 0 };
	struct tally_listener *listeners;

	if (tally_conf_load(conf, "api", tally_api_setting_rows, settings, err) < 0 ||
	    tally_conf_load(conf, "access", tally_access_setting_rows, settings, err) < 0 ||
	    tally_conf_load(conf, "throttle", tally_throttle_setting_rows, &throttle, err) < 0 ||
	    load_share(conf, &service->share, err) < 0)
		return -1;
	if (strcmp(settings->shape, "sdk") != 0 && strcmp(settings->shape, "docs") != 0)
		return tally_err_about(err, TALLY_INVALID, "api.shape",
				       "api.shape is \"%s\", neither sdk nor docs", settings->shape);
	if (!is_domain(settings->endpoint_domain))
		return tally_err_about(err, TALLY_INVALID, "access.endpoint_domain",
				       "access.endpoint_domain: up to %d letters, digits, - and .",
				       TALLY_ENDPOINT_DOMAIN);
	if (tally_listeners_parse(settings->listeners_text, &service->arena, &listeners,
				  &settings->listener_count, err) < 0 ||
	    take_modules(settings, err) < 0 ||
	    tally_throttle_new(&throttle, &service->throttle, err) < 0)
		return -1;
	settings->listeners = listeners;
	return 0;
}

int tally_service_new(struct tally_core *core, const struct tally_conf *conf,
		      struct tally_service **service_r, struct tally_err *err)
{
	struct tally_service *service = tally_calloc(1, sizeof(*service));

	tally_arena_init(&service->arena);
	if (take_settings(service, conf, err) < 0) {
		tally_pkcs11_free(&service->settings.pkcs11);
		tally_arena_free(&service->arena);
		free(service);
		return -1;
	}
	service->core = core;
	service->mono_ns = tally_mono_ns;
	service->auth = (struct tally_auth){
		core, tally_nonces_new(NONCES), service->settings.clock_window_ms
	};
	*service_r = service;
	return 0;
}

void tally_service_free(struct tally_service **service)
{
	if (*service == NULL)
		return;
	tally_nonces_free(&(*service)->auth.nonces);
	tally_throttle_free(&(*service)->throttle);
	tally_pkcs11_free(&(*service)->settings.pkcs11);
	tally_arena_free(&(*service)->arena);
	free(*service);
	*service = NULL;
}

void tally_service_set_clock(struct tally_service *service, uint64_t (*mono_ns)(void))
{
	service->mono_ns = mono_ns;
}

/* ---- one exchange ---- */

struct exchange {
	struct tally_service *service;
	const struct tally_request *request;
	struct tally_response *response;
	struct tally_arena *arena;
	enum tally_family family;
	bool xml;
	enum tally_body_kind body_kind;
	struct tally_form form;
	struct tally_values values;
	struct tally_call call;
	struct tally_auth_policies policies;
	struct tally_fault fault;
	struct tally_reach reach;
	struct tally_throttle_state throttle;
	char request_id[37];
};

static bool is_post(const struct exchange *x)
{
	return tally_bytes_is(x->request->method, "POST");
}

/* Method and body as HTTP has them. */
static int check_transport(struct exchange *x)
{
	const struct tally_request *request = x->request;

	if (!is_post(x) && !tally_bytes_is(request->method, "GET") &&
	    !tally_bytes_is(request->method, "HEAD")) {
		tally_response_header(x->response, x->arena, "Allow", "GET, HEAD, POST");
		return tally_fault_set(&x->fault, FAULT_METHOD);
	}
	if (request->body_too_large)
		return tally_fault_set(&x->fault, FAULT_BODY_TOO_LARGE);
	if (request->body_short)
		return tally_fault_set(&x->fault, FAULT_BODY_SHORT);
	return 0;
}

/* The format asked for, also where the parameters as a whole are wrong. */
static int read_format(struct exchange *x)
{
	struct tally_bytes format;

	if (!tally_form_get(&x->form, "Format", &format))
		return 0;
	if (format.size == 3 && strncasecmp((const char *)format.data, "XML", 3) == 0)
		x->xml = true;
	else if (format.size != 4 || strncasecmp((const char *)format.data, "JSON", 4) != 0)
		return tally_fault_set(&x->fault, FAULT_FORMAT);
	return 0;
}

/* Query and form body. The format is read first, so that all errors after it are in it. */
static int read_form(struct exchange *x)
{
	struct tally_bytes body = TALLY_BYTES_NONE;
	struct tally_fault broken;
	int result;

	x->body_kind = tally_body_kind(x->request);
	if (x->body_kind == BODY_FORM)
		body = x->request->body;
	result = tally_form_parse(x->arena, x->request->query, body, &x->form, &broken);
	if (read_format(x) < 0)
		return -1;
	if (result < 0)
		x->fault = broken;
	return result;
}

/* Where Action and Version stand: in headers with signature V3, else among the parameters. */
static struct tally_bytes common(const struct exchange *x, const char *name, const char *header)
{
	struct tally_bytes value;

	if (tally_auth_scheme(x->request, &x->form) == SCHEME_ACS3)
		return tally_request_header(x->request, header, NULL);
	tally_form_get(&x->form, name, &value);
	return value;
}

/* Who does not sign need not name the version. */
static int find_action(struct exchange *x)
{
	unsigned int method = is_post(x) ? METHOD_POST : METHOD_GET;
	struct tally_bytes name = common(x, "Action", "x-acs-action");
	struct tally_bytes version = common(x, "Version", "x-acs-version");

	if (name.size == 0)
		return tally_fault_named(&x->fault, FAULT_MISSING_COMMON, "Action");
	x->call.action = tally_action_find(x->family, name);
	if (x->call.action == NULL || (x->call.action->methods & method) == 0)
		return tally_fault_set(&x->fault, FAULT_NO_ACTION);
	if (version.size == 0)
		return tally_auth_scheme(x->request, &x->form) == SCHEME_NONE ? 0 :
		       tally_fault_named(&x->fault, FAULT_MISSING_COMMON, "Version");
	if (!tally_bytes_is(version, TALLY_RPC_VERSION))
		return tally_fault_set(&x->fault, FAULT_NO_VERSION);
	return 0;
}

/* May be asked by somebody who did not sign, if the ledger is public. */
static bool is_public_kind(const struct tally_action *action)
{
	return action->need == PERM_ANYONE ||
	       (action->kind == ACTION_READ && tally_permission_public(action->need));
}

/* Who and where from. Over the store's own socket, by who may do anything with it: from within. */
static int find_caller(struct exchange *x, enum tally_action_kind kind)
{
	struct tally_call *call = &x->call;

	tally_reach_of(x->request, &x->reach);
	if (tally_auth_check(&x->service->auth, x->request, &x->form, kind, &call->write,
			     &call->body_covered, &x->policies, &x->fault) < 0)
		return -1;
	call->write.caller.reach = x->request->local ? NULL : &x->reach;
	return 0;
}

/* Local administration is not counted. action NULL: a log file. */
static int throttle(struct exchange *x, const struct tally_action *action)
{
	struct tally_throttle_caller caller = { .account = x->call.write.caller.account,
						.has_address = x->reach.has_address };

	if (x->request->local)
		return 0;
	memcpy(caller.address, x->reach.address, sizeof(caller.address));
	if (tally_throttle_take(x->service->throttle, &caller,
				action != NULL ? action->name : NULL, x->service->mono_ns(),
				&x->throttle))
		return 0;
	tally_fault_set(&x->fault, FAULT_THROTTLED);
	x->fault.wait_ms = x->throttle.wait_ms;
	return -1;
}

static int authenticate(struct exchange *x)
{
	struct tally_call *call = &x->call;

	if (find_caller(x, call->action->kind) < 0)
		return -1;
	if (call->action->need == PERM_LOCAL && !call->write.caller.local)
		return tally_fault_named(&x->fault, FAULT_UNAUTHORIZED,
					 "It is for local administration only.");
	if (call->write.caller.account == 0 && !call->write.caller.local &&
	    !is_public_kind(call->action))
		return tally_fault_named(&x->fault, FAULT_MISSING_COMMON, "AccessKeyId");
	return 0;
}

static int decode(struct exchange *x)
{
	struct tally_call *call = &x->call;
	struct tally_err err = { 0 };
	const struct tally_param *row;

	if (tally_decode(x->arena, call->action, &x->form, x->body_kind, x->request->body,
			 &x->values, &x->fault) < 0)
		return -1;
	call->values = &x->values;
	for (row = call->action->params; row->name != NULL; row++)
		if (row->type == PARAM_TOKEN && strcmp(row->name, "ClientToken") == 0)
			call->write.token = tally_arg_bytes(call, row->name);
	if (call->action->check != NULL && call->action->check(call, &err) < 0)
		return tally_fault_from(&x->fault, x->arena, &err);
	return 0;
}

/* The core says "Ledger" of what it does not find; the answer says which. */
static int fail(struct exchange *x, const struct tally_err *err)
{
	static const struct {
		const char *subject, *param;
	} resources[] = {
		{ "Ledger", "LedgerId" }, { "AccessKey", "UserAccessKeyId" },
		{ "Account", "AliUid" }
	};
	const struct tally_param *row;
	struct tally_bytes id;
	size_t i;

	tally_fault_from(&x->fault, x->arena, err);
	for (i = 0; i < sizeof(resources) / sizeof(*resources); i++) {
		if (err->code != TALLY_NOTFOUND || strcmp(err->subject, resources[i].subject) != 0)
			continue;
		for (row = x->call.action->params; row->name != NULL; row++)
			if (strcmp(row->name, resources[i].param) == 0 &&
			    tally_form_get(&x->form, row->name, &id))
				x->fault.subject = tally_bytes_str(tally_arena_printf(
					x->arena, "%s %.*s", err->subject, (int)id.size,
					(const char *)id.data));
	}
	return -1;
}

/* A request against the policies of who signed it: each must allow it. */
static int check_policies(struct exchange *x, const struct tally_ram_request *request)
{
	const struct tally_ram_policy *policy;
	struct tally_err err = { 0 };

	for (size_t i = 0; i < x->policies.count; i++) {
		if (tally_ram_parse(x->arena, x->policies.texts[i], &policy, &err) < 0) {
			err.code = TALLY_CORRUPT;	/* only good ones are stored */
			return tally_fault_from(&x->fault, x->arena, &err);
		}
		if (tally_ram_allows(policy, request))
			continue;
		tally_fault_set(&x->fault, FAULT_FORBIDDEN);
		x->fault.hint = tally_bytes_str(tally_arena_printf(
			x->arena, "No policy allows ledgerdb:%s on %s, or one denies it.",
			request->action, request->resources[0]));
		return -1;
	}
	return 0;
}

/* "acs:ledgerdb:local:1001:ledger/l-..." */
static const char *resource(struct exchange *x, const char *kind, struct tally_bytes id)
{
	return tally_arena_printf(x->arena, "acs:ledgerdb:%s:%" PRIu64 ":%s/%.*s",
				  x->service->settings.region, x->call.write.caller.account, kind,
				  (int)id.size, (const char *)id.data);
}

static const struct tally_param *find_param(const struct tally_action *action, const char *name)
{
	const struct tally_param *row = action->params;

	while (row->name != NULL && strcmp(row->name, name) != 0)
		row++;
	return row->name != NULL ? row : NULL;
}

/* The member that an action is about; others name one as who signed, or as what they look for. */
static bool is_about_member(const struct tally_action *action)
{
	return (action->need == PERM_VIEW_MEMBER || action->need == PERM_UPDATE_MEMBER ||
		action->need == PERM_UPDATE_SELF) && find_param(action, "MemberId") != NULL;
}

static int limit(struct exchange *x)
{
	const struct tally_action *action = x->call.action;
	struct tally_ram_request request = { .action = action->name };
	struct tally_bytes id = TALLY_BYTES_LIT("*");

	if (x->policies.count == 0)
		return 0;
	if (find_param(action, "LedgerId") != NULL)
		id = tally_arg_bytes(&x->call, "LedgerId");
	request.resources[0] = resource(x, "ledger", id);
	if (is_about_member(action) && tally_arg_given(&x->call, "MemberId"))
		request.resources[1] = resource(x, "member", tally_arg_bytes(&x->call, "MemberId"));
	return check_policies(x, &request);
}

/*
 * The permission of the row, held against the ledger of the call. Somebody who did not sign
 * learns only that he must, whether the ledger is private or does not exist.
 */
static int authorise(struct exchange *x)
{
	const struct tally_caller *caller = &x->call.write.caller;
	enum tally_permission need = x->call.action->need;
	struct tally_err err = { 0 };

	if (need == PERM_NONE || need == PERM_ANYONE || need == PERM_LOCAL)
		return 0;
	if (tally_authorise(x->service->core, caller, tally_arg_bytes(&x->call, "LedgerId"), need,
			    &err) == 0)
		return 0;
	if (caller->account == 0 && !caller->local && strcmp(err.subject, "Access") != 0 &&
	    (err.code == TALLY_NOTFOUND || err.code == TALLY_DENIED))
		return tally_fault_named(&x->fault, FAULT_MISSING_COMMON, "AccessKeyId");
	return fail(x, &err);
}

/* The host that the client addressed, as far as it is one. */
static struct tally_bytes host_id(const struct tally_request *request)
{
	struct tally_bytes host = tally_request_header(request, "host", NULL);

	if (host.size == 0 || host.size > 255 || !tally_utf8_printable(host))
		return TALLY_BYTES_LIT("localhost");
	return host;
}

static int run(struct exchange *x)
{
	struct tally_call *call = &x->call;
	struct tally_err err = { 0 };

	call->core = x->service->core;
	call->arena = x->arena;
	call->settings = &x->service->settings;
	call->host = host_id(x->request);
	call->https = x->request->https;
	call->reply = tally_node_object(x->arena);
	tally_add_str(x->arena, call->reply, "RequestId", x->request_id);
	if (call->action->run(call, &err) == 0)
		return 0;
	fail(x, &err);
	if (tally_fault_status(&x->fault) >= 500)
		tally_log(TALLY_LOG_ERROR, "api.failed", "action", call->action->name,
			  "request", x->request_id, "code", tally_code_name(err.code),
			  "subject", err.subject, "text", err.text, NULL);
	return -1;
}

/* ---- answers ---- */

static void respond(struct exchange *x, int status, const struct tally_node *node,
		    const char *root)
{
	x->response->status = status;
	if (x->xml) {
		x->response->content_type = "text/xml;charset=utf-8";
		x->response->body = tally_encode_xml(x->arena, node, root);
	} else {
		x->response->content_type = "application/json;charset=utf-8";
		x->response->body = tally_encode_json(x->arena, node);
	}
}

static void respond_success(struct exchange *x)
{
	respond(x, 200, x->call.reply,
		tally_arena_printf(x->arena, "%sResponse", x->call.action->name));
}

/* Where the SDKs look how long to wait. */
static void add_throttle_headers(struct exchange *x)
{
	const struct tally_throttle_state *state = &x->throttle;

	if (x->fault.kind != FAULT_THROTTLED)
		return;
	tally_response_header(x->response, x->arena, "x-ratelimit-user-api",
			      tally_arena_printf(x->arena,
						 "Limit:%llu,Remain:%llu,TimeLeft:%llu,Reset:%llu",
						 (unsigned long long)state->limit,
						 (unsigned long long)state->remain,
						 (unsigned long long)state->wait_ms,
						 (unsigned long long)state->reset_ms));
}

static void respond_fault(struct exchange *x)
{
	struct tally_node *node = tally_node_object(x->arena);
	unsigned int seconds = tally_fault_retry(&x->fault);

	add_throttle_headers(x);
	tally_add_str(x->arena, node, "RequestId", x->request_id);
	tally_add_text(x->arena, node, "HostId", host_id(x->request));
	tally_add_str(x->arena, node, "Code", tally_fault_code(&x->fault, x->arena));
	tally_add_text(x->arena, node, "Message", tally_fault_message(&x->fault, x->arena));
	if (x->fault.hint.size > 0)
		tally_add_text(x->arena, node, "Recommend", x->fault.hint);
	if (seconds > 0)
		tally_response_header(x->response, x->arena, "Retry-After",
				      tally_arena_printf(x->arena, "%u", seconds));
	/* client libraries look there, and tell a refusal that will pass by it */
	if (seconds > 0 && tally_fault_status(&x->fault) < 500)
		tally_response_header(x->response, x->arena, "x-acs-retry-after",
				      tally_arena_printf(x->arena, "%u", 1000 * seconds));
	respond(x, tally_fault_status(&x->fault), node, "Error");
}

static void answer(struct exchange *x)
{
	bool good;

	x->call.arena = x->arena;
	/* the form is read also for what HTTP refuses: for the format of the error */
	good = read_form(x) == 0;
	if (check_transport(x) == 0 && good && find_action(x) == 0 && authenticate(x) == 0 &&
	    throttle(x, x->call.action) == 0 && decode(x) == 0 && limit(x) == 0 &&
	    authorise(x) == 0 && run(x) == 0)
		respond_success(x);
	else
		respond_fault(x);
}

/* ---- routes ---- */

static void answer_ledgerdb(struct exchange *x)
{
	x->family = FAMILY_LEDGERDB;
	answer(x);
}

static void answer_admin(struct exchange *x)
{
	x->family = FAMILY_ADMIN;
	answer(x);
}

static void answer_health(struct exchange *x)
{
	bool good = tally_core_healthy(x->service->core);

	x->response->status = good ? 200 : 503;
	x->response->content_type = "text/plain;charset=utf-8";
	x->response->body = tally_bytes_str(good ? "ok\n" : "the store is not usable\n");
	if (!good)
		tally_response_header(x->response, x->arena, "Retry-After", "5");
}

#define LOG_PREFIX "/log/"

static void respond_text(struct exchange *x, int status, const char *text)
{
	x->response->status = status;
	x->response->content_type = "text/plain; charset=utf-8";
	x->response->body = tally_bytes_str(text);
}

static void respond_plain_fault(struct exchange *x)
{
	struct tally_bytes message = tally_fault_message(&x->fault, x->arena);
	unsigned int seconds = tally_fault_retry(&x->fault);

	add_throttle_headers(x);
	if (seconds > 0)
		tally_response_header(x->response, x->arena, "Retry-After",
				      tally_arena_printf(x->arena, "%u", seconds));
	respond_text(x, tally_fault_status(&x->fault),
		     tally_arena_printf(x->arena, "%s: %.*s\n", tally_fault_code(&x->fault, x->arena),
					(int)message.size, (const char *)message.data));
}

static void cache_for_all(struct exchange *x, const char *value)
{
	size_t i;

	for (i = 0; i < x->response->header_count; i++)
		if (tally_bytes_is(x->response->headers[i].name, "Cache-Control"))
			x->response->headers[i].value = tally_bytes_str(value);
}

static void respond_file(struct exchange *x, const struct tally_tlog_file *file)
{
	x->response->status = 200;
	x->response->content_type = file->type;
	x->response->body = file->bytes;
	if (file->public)
		cache_for_all(x, file->fixed ? "public, max-age=31536000, immutable" :
					       "public, max-age=3");
}

/* Reading a log's files is an action to policies. */
static int limit_log(struct exchange *x, struct tally_bytes path)
{
	const uint8_t *slash = path.size > 0 ? memchr(path.data, '/', path.size) : NULL;
	struct tally_ram_request request = { .action = TALLY_RAM_LOG };

	if (x->policies.count == 0)
		return 0;
	if (slash != NULL)
		path.size = (size_t)(slash - path.data);
	request.resources[0] = resource(x, "ledger", path);
	return check_policies(x, &request);
}

/*
 * Log reads are plain files to their clients, who look at the status only: errors are plain text.
 * Who may not read a ledger learns no more than where there is none.
 */
static void answer_log(struct exchange *x)
{
	const struct tally_request *request = x->request;
	size_t prefix = sizeof(LOG_PREFIX) - 1;
	struct tally_bytes path = tally_bytes(request->path.data + prefix,
					      request->path.size - prefix);
	struct tally_tlog_file file;
	struct tally_err err = { 0 };
	int found;

	if (!tally_bytes_is(request->method, "GET") && !tally_bytes_is(request->method, "HEAD")) {
		tally_response_header(x->response, x->arena, "Allow", "GET, HEAD");
		respond_text(x, 405, "a log is only read\n");
		return;
	}
	if (tally_form_parse(x->arena, request->query, TALLY_BYTES_NONE, &x->form,
			     &x->fault) < 0 ||
	    find_caller(x, ACTION_READ) < 0 || throttle(x, NULL) < 0 || limit_log(x, path) < 0) {
		respond_plain_fault(x);
		return;
	}
	found = tally_tlog_read(x->service->core, &x->call.write.caller, path, x->arena, &file,
				&err);
	if (found == 1 && file.later) {
		tally_response_header(x->response, x->arena, "Retry-After", "5");
		respond_text(x, 503, "no checkpoint has been cosigned by enough witnesses yet\n");
	} else if (found == 1) {
		respond_file(x, &file);
	} else if (found == 0 && file.pruned) {
		respond_text(x, 410, "these entries lie below the log's minimum index\n");
	} else if (found == 0) {
		respond_text(x, 404, "there is no such file\n");
	} else {
		tally_fault_from(&x->fault, x->arena, &err);
		tally_log(TALLY_LOG_ERROR, "api.failed", "request", x->request_id, "code",
			  tally_code_name(err.code), "text", err.text, NULL);
		respond_plain_fault(x);
	}
}

static void answer_datashare(struct exchange *x)
{
	const struct tally_share_gate gate = { x->service->core, &x->service->share,
					       x->service->throttle, x->service->mono_ns };

	tally_share_answer(&gate, x->request, x->request_id, x->response);
}

static void answer_nothing(struct exchange *x)
{
	tally_fault_set(&x->fault, FAULT_NO_ACTION);
	respond_fault(x);
}

static const struct route {
	const char *path;	/* ends in "/..." where everything below is meant */
	void (*answer)(struct exchange *x);
} routes[] = {
	{ "/", answer_ledgerdb },
	{ "/admin/", answer_admin },
	{ "/healthz", answer_health },
	{ LOG_PREFIX "...", answer_log },
	{ "/v1/...", answer_datashare },
	{ NULL, answer_nothing }
};

static bool leads(const char *path, struct tally_bytes asked)
{
	const char *rest = strstr(path, "...");
	size_t size = rest != NULL ? (size_t)(rest - path) : strlen(path);

	if (rest == NULL)
		return tally_bytes_is(asked, path);
	return asked.size >= size && memcmp(asked.data, path, size) == 0;
}

static const struct route *find_route(struct tally_bytes path)
{
	const struct route *route = routes;

	while (route->path != NULL && !leads(route->path, path))
		route++;
	return route;
}

static void begin(struct exchange *x, const struct tally_request *request,
		  struct tally_response *response)
{
	memset(x, 0, sizeof(*x));
	memset(response, 0, sizeof(*response));
	x->request = request;
	x->response = response;
	x->arena = request->arena;
	tally_request_id_text(request->id, x->request_id);
	tally_response_header(response, x->arena, "X-Request-Id",
			      tally_arena_str(x->arena, tally_bytes_str(x->request_id)));
	tally_response_header(response, x->arena, "Cache-Control", "private, no-store");
}

void tally_service_handle(struct tally_service *service, const struct tally_request *request,
			  struct tally_response *response)
{
	struct exchange x;

	begin(&x, request, response);
	x.service = service;
	find_route(request->path)->answer(&x);
}

void tally_service_refuse(const struct tally_request *request, const struct tally_err *err,
			  struct tally_response *response)
{
	const struct route *route = find_route(request->path);
	struct exchange x;

	begin(&x, request, response);
	if (route->answer == answer_health || route->answer == answer_log) {
		response->status = 503;
		response->content_type = "text/plain;charset=utf-8";
		response->body = TALLY_BYTES_LIT("the store is not usable\n");
		tally_response_header(response, x.arena, "Retry-After", "5");
		return;
	}
	if (route->answer == answer_datashare) {
		tally_share_refuse(request, err, response);
		return;
	}
	if (route->answer != answer_ledgerdb && route->answer != answer_admin) {
		route->answer(&x);
		return;
	}
	read_form(&x);	/* for the format */
	tally_fault_set(&x.fault, err->code == TALLY_UNCERTAIN ? FAULT_UNCERTAIN :
								 FAULT_UNAVAILABLE);
	respond_fault(&x);
}
