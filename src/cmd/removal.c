/*
 * tally occult, tally purge, tally ledger removal: orders to erase payloads, and who must have signed
 * them. See doc/security.md, "Removal".
 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <json-c/json.h>

#include "buf.h"
#include "bytes.h"
#include "certificate.h"
#include "jcs.h"
#include "joint.h"
#include "print.h"
#include "utf8.h"

#define WAIT_SECONDS 600	/* for a certificate that is to be written */

/* One of these orders: what the members sign, and how it is asked for. */
struct order {
	struct verb_call *call;
	struct client client;
	struct joint joint;
	const char *action, *payload_type;
	/* adds the statement's data; false after printing why not */
	bool (*data)(struct order *order, struct tally_buf *buf);
	void (*ask)(struct order *order);	/* adds the parameters */
	void (*done)(struct order *order, json_object *reply);	/* says so */
};

/* Signatures are made where there is a key, or only printed, without a question asked. */
static int sign(struct order *order)
{
	struct tally_buf data = { 0 };
	int status = VERB_OK;

	if (order->joint.count > 0) {
		status = order->data(order, &data) ? VERB_OK : VERB_FAILED;
		if (status == VERB_OK)
			status = joint_sign(&order->joint, order->call->args[0],
					    order->payload_type, tally_buf_bytes(&data));
	}
	tally_buf_free(&data);
	return status;
}

static int send(struct order *order)
{
	json_object *reply, *certificate = NULL;
	const char *path = verb_value(order->call, "certificate", NULL);
	int status = VERB_OK;

	client_start_write(&order->client, order->action);
	client_add(&order->client, "LedgerId", order->call->args[0]);
	order->ask(order);
	joint_add(&order->joint, &order->client);
	reply = client_run(&order->client);
	if (reply == NULL)
		return VERB_FAILED;
	if (path != NULL) {
		certificate = certificate_get(&order->client, order->call->args[0],
					      reply_text(reply, "JournalId"), WAIT_SECONDS);
		status = certificate == NULL ?
				 VERB_FAILED :
				 certificate_write(&order->client, certificate, path);
	}
	if (verb_given(order->call, "json")) {
		if (certificate != NULL)
			json_object_object_add(reply, "Erasure", json_object_get(certificate));
		print_json(json_object_get(reply));
	} else {
		order->done(order, reply);
	}
	if (certificate != NULL)
		certificate_backups(certificate);
	json_object_put(certificate);
	json_object_put(reply);
	return status;
}

static int run(struct order *order)
{
	struct verb_call *call = order->call;
	int status = joint_read(call, &order->joint);

	if (status != VERB_OK)
		return status;
	status = client_open(call, false, &order->client);
	if (status == VERB_OK) {
		status = sign(order);
		if (status == VERB_OK && verb_given(call, "sign-only"))
			joint_print(&order->joint);
		else if (status == VERB_OK)
			status = send(order);
		client_close(&order->client);
	}
	joint_free(&order->joint);
	return status;
}

static bool is_sure(const struct verb_call *call)
{
	if (verb_given(call, "yes") || verb_given(call, "sign-only"))
		return true;
	verb_misuse(call, "what is erased does not come back: say --yes");
	return false;
}

/* ---- occult ---- */

/* The journal's hash is signed too: it says which journal that is, whatever its number. */
static bool occult_data(struct order *order, struct tally_buf *buf)
{
	const char *reason = verb_value(order->call, "reason", "");
	struct tally_jcs_object object;
	uint64_t journal;
	json_object *reply;

	if (!tally_parse_u64(tally_bytes_str(order->call->args[1]), INT64_MAX, &journal) ||
	    !tally_utf8_valid(tally_bytes_str(reason))) {
		verb_fail(order->call, "not a journal's number, or a reason that is no text");
		return false;
	}
	client_start(&order->client, "GetJournal");
	client_add(&order->client, "LedgerId", order->call->args[0]);
	client_add(&order->client, "JournalId", order->call->args[1]);
	reply = client_run(&order->client);
	if (reply == NULL)
		return false;
	tally_jcs_open(&object, buf);
	tally_jcs_name(&object, "journalHash");
	tally_jcs_string(buf, tally_bytes_str(reply_text(reply_member(reply, "Journal"),
							 "JournalHash")));
	tally_jcs_name(&object, "journalId");
	tally_jcs_uint(buf, journal);
	if (reason[0] != '\0') {
		tally_jcs_name(&object, "reason");
		tally_jcs_string(buf, tally_bytes_str(reason));
	}
	tally_jcs_close(&object);
	json_object_put(reply);
	return true;
}

static void occult_ask(struct order *order)
{
	client_add(&order->client, "JournalId", order->call->args[1]);
	client_add(&order->client, "Reason", verb_value(order->call, "reason", NULL));
	client_add(&order->client, "ClientToken", verb_value(order->call, "token", NULL));
}

static void occult_done(struct order *order, json_object *reply)
{
	printf("journal %s is occulted by journal %s\n", order->call->args[1],
	       reply_text(reply, "JournalId"));
}

static int occult_run(struct verb_call *call)
{
	struct order order = { .call = call, .action = "OccultJournal", .payload_type = "OCCULT",
			       .data = occult_data, .ask = occult_ask, .done = occult_done };

	return is_sure(call) ? run(&order) : VERB_USAGE;
}

/* ---- purge ---- */

static bool purge_data(struct order *order, struct tally_buf *buf)
{
	struct tally_jcs_object object;
	uint64_t before;

	if (!tally_parse_u64(tally_bytes_str(order->call->args[1]), INT64_MAX, &before)) {
		verb_fail(order->call, "not a journal's number: %s", order->call->args[1]);
		return false;
	}
	tally_jcs_open(&object, buf);
	tally_jcs_name(&object, "before");
	tally_jcs_uint(buf, before);
	if (verb_given(order->call, "keep-live")) {
		tally_jcs_name(&object, "keepLive");
		tally_buf_add_str(buf, "true");
	}
	tally_jcs_close(&object);
	return true;
}

static void purge_ask(struct order *order)
{
	client_add(&order->client, "Before", order->call->args[1]);
	client_add(&order->client, "KeepLive", verb_given(order->call, "keep-live") ? "true" : NULL);
	client_add(&order->client, "ClientToken", verb_value(order->call, "token", NULL));
}

static void purge_done(struct order *order, json_object *reply)
{
	printf("all below journal %s is purged by journal %s\n", order->call->args[1],
	       reply_text(reply, "JournalId"));
}

static int purge_run(struct verb_call *call)
{
	struct order order = { .call = call, .action = "PurgeLedger", .payload_type = "PURGE",
			       .data = purge_data, .ask = purge_ask, .done = purge_done };

	return is_sure(call) ? run(&order) : VERB_USAGE;
}

/* ---- the policy ---- */

/* As the API and as journals have it; NULL for anything else. */
static const char *policy_name(const char *text, bool lower)
{
	static const char *const names[][2] = { { "DUAL", "dual" }, { "OFF", "off" },
						{ "ADMIN", "admin" } };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcasecmp(text, names[i][0]) == 0)
			return names[i][lower];
	return NULL;
}

static bool policy_data(struct order *order, struct tally_buf *buf)
{
	struct tally_jcs_object object;

	tally_jcs_open(&object, buf);
	tally_jcs_name(&object, "removal");
	tally_jcs_string(buf, tally_bytes_str(policy_name(order->call->args[1], true)));
	tally_jcs_close(&object);
	return true;
}

static void policy_ask(struct order *order)
{
	client_add(&order->client, "RemovalPolicy", policy_name(order->call->args[1], false));
}

static void policy_done(struct order *order, json_object *reply)
{
	(void)order;
	(void)reply;
}

static int policy_run(struct verb_call *call)
{
	struct order order = { .call = call, .action = "ModifyLedgerAttribute",
			       .payload_type = "UPDATE_LEDGER", .data = policy_data,
			       .ask = policy_ask, .done = policy_done };

	if (policy_name(call->args[1], false) == NULL)
		return verb_misuse(call, "the policy is dual, admin or off, not %s", call->args[1]);
	return run(&order);
}

/* ---- rows ---- */

#define ORDER_OPTIONS                                                                             \
	{ "yes", NULL, "yes, erase it for ever" },                                                \
	{ "certificate", "FILE", "wait until it is certified, and write the certificate there" }, \
	{ "token", "TEXT", "the same token gives the same journal again, within 7 days" },        \
	JOINT_OPTIONS,                                                                            \
	VERB_JSON_OPTION,                                                                         \
	VERB_STORE_OPTIONS,                                                                       \
	VERB_ENDPOINT_OPTIONS,                                                                    \
	VERB_OPTIONS_END

static const struct verb_option occult_options[] = {
	{ "reason", "TEXT", "why; up to 256 characters, which stay in the ledger for ever" },
	ORDER_OPTIONS
};

const struct verb verb_occult = {
	.name = "occult",
	.usage = "LEDGER JOURNAL",
	.summary = "Erase a journal's payload for ever; its leaf and all proofs stay",
	.options = occult_options,
	.min_args = 2,
	.max_args = 2,
	.run = occult_run,
};

static const struct verb_option purge_options[] = {
	{ "keep-live", NULL, "of a KV ledger: leave values that are in force" },
	ORDER_OPTIONS
};

const struct verb verb_purge = {
	.name = "purge",
	.usage = "LEDGER BEFORE",
	.summary = "Erase the payloads of all journals below a number; leaves and proofs stay",
	.options = purge_options,
	.min_args = 2,
	.max_args = 2,
	.run = purge_run,
};

static const struct verb_option policy_options[] = {
	JOINT_OPTIONS,
	VERB_JSON_OPTION,
	VERB_STORE_OPTIONS,
	VERB_ENDPOINT_OPTIONS,
	VERB_OPTIONS_END
};

const struct verb ledger_removal = {
	.name = "removal",
	.usage = "LEDGER dual|admin|off",
	.summary = "Set who can have payloads erased from a ledger",
	.options = policy_options,
	.min_args = 2,
	.max_args = 2,
	.run = policy_run,
};
