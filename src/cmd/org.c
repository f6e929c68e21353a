/* tally org and tally channel: who may share data, and where. Local administration, never over HTTP. */
#include "config.h"

#include <stdio.h>

#include <json-c/json.h>

#include "cert.h"
#include "client.h"
#include "err.h"
#include "files.h"
#include "print.h"

/* Runs what has been gathered; with --json the reply is printed. */
static int finish(struct client *client)
{
	json_object *reply = client_run(client);

	if (reply == NULL)
		return VERB_FAILED;
	if (verb_given(client->call, "json"))
		print_json(reply);
	else
		json_object_put(reply);
	return VERB_OK;
}

/* The list of a reply; NULL and *status_r where there is nothing more to print. */
static json_object *list_of(struct client *client, const char *action, const char *name,
			    json_object **reply_r, int *status_r)
{
	client_start_admin(client, action);
	*reply_r = client_run(client);
	*status_r = *reply_r != NULL ? VERB_OK : VERB_FAILED;
	if (*reply_r == NULL)
		return NULL;
	if (!verb_given(client->call, "json"))
		return reply_member(*reply_r, name);
	print_json(*reply_r);
	return NULL;
}

/* ---- organisations ---- */

static int org_add(struct client *client)
{
	const char *file = verb_value(client->call, "ca", NULL);
	struct tally_bytes text;

	if (file == NULL)
		return verb_misuse(client->call, "whom does it vouch for? --ca FILE is the "
				   "certificate of its CA");
	client_start_admin(client, "AddOrganization");
	client_add(client, "OrganizationId", client->call->args[0]);
	if (!file_read_whole(client->call, file, TALLY_CERT_MAX, &client->arena, &text))
		return VERB_FAILED;
	client_add(client, "Certificate", (const char *)text.data);
	return finish(client);
}

/* The CA as people know it. */
static void ca_cell(struct table *table, const char *pem)
{
	struct tally_cert cert;
	struct tally_err err;
	bool read = tally_cert_anchor(tally_bytes_str(pem), &cert, &err) == 0;

	table_cell(table, read ? cert.name : "-");
	if (read)
		table_ms(table, cert.until_ms);
	else
		table_cell(table, "-");
}

static int org_list(struct client *client)
{
	static const char *const heads[] = { "ORGANISATION", "CREATED", "CA", "GOOD UNTIL" };
	json_object *reply, *list;
	struct table table;
	int status;

	list = list_of(client, "ListOrganizations", "Organizations", &reply, &status);
	if (list == NULL)
		return status;
	table_begin(&table, 4);
	for (size_t i = 0; i < 4; i++)
		table_cell(&table, heads[i]);
	for (size_t i = 0; i < reply_count(list); i++) {
		json_object *org = json_object_array_get_idx(list, i);

		table_cell(&table, reply_text(org, "OrganizationId"));
		table_ms(&table, reply_uint(org, "CreateTime"));
		ca_cell(&table, reply_text(org, "Certificate"));
	}
	table_print(&table);
	json_object_put(reply);
	return VERB_OK;
}

static int org_remove(struct client *client)
{
	client_start_admin(client, "RemoveOrganization");
	client_add(client, "OrganizationId", client->call->args[0]);
	return finish(client);
}

/* ---- channels ---- */

/* A new ledger of the channel's name, of the store's first account. */
static bool make_ledger(struct client *client, char id[64])
{
	json_object *reply;
	char account[24];

	if (!client_first_account(client, account))
		return false;
	client_start_write(client, "CreateLedger");
	client->account = account;
	client_add(client, "LedgerName", client->call->args[0]);
	reply = client_run(client);
	if (reply == NULL)
		return false;
	snprintf(id, 64, "%s", reply_text(reply, "LedgerId"));
	json_object_put(reply);
	client->account = NULL;
	return true;
}

static int channel_add(struct client *client)
{
	const char *ledger = verb_value(client->call, "ledger", NULL);
	int status;
	char made[64];

	if (ledger == NULL) {
		if (!make_ledger(client, made))
			return VERB_FAILED;
		ledger = made;
	}
	client_start_admin(client, "AddChannel");
	client_add(client, "Channel", client->call->args[0]);
	client_add(client, "LedgerId", ledger);
	status = finish(client);
	if (status == VERB_OK && !verb_given(client->call, "json"))
		puts(ledger);
	return status;
}

static int channel_list(struct client *client)
{
	json_object *reply, *list;
	struct table table;
	int status;

	list = list_of(client, "ListChannels", "Channels", &reply, &status);
	if (list == NULL)
		return status;
	table_begin(&table, 3);
	table_cell(&table, "CHANNEL");
	table_cell(&table, "CREATED");
	table_cell(&table, "LEDGER");
	for (size_t i = 0; i < reply_count(list); i++) {
		json_object *channel = json_object_array_get_idx(list, i);

		table_cell(&table, reply_text(channel, "Channel"));
		table_ms(&table, reply_uint(channel, "CreateTime"));
		table_cell(&table, reply_text(channel, "LedgerId"));
	}
	table_print(&table);
	json_object_put(reply);
	return VERB_OK;
}

static int channel_remove(struct client *client)
{
	client_start_admin(client, "RemoveChannel");
	client_add(client, "Channel", client->call->args[0]);
	return finish(client);
}

/* ---- rows ---- */

static int org_add_run(struct verb_call *call) { return client_with(call, org_add); }
static int org_list_run(struct verb_call *call) { return client_with(call, org_list); }
static int org_remove_run(struct verb_call *call) { return client_with(call, org_remove); }
static int channel_add_run(struct verb_call *call) { return client_with(call, channel_add); }
static int channel_list_run(struct verb_call *call) { return client_with(call, channel_list); }
static int channel_remove_run(struct verb_call *call) { return client_with(call, channel_remove); }

static const struct verb_option plain_options[] = { VERB_JSON_OPTION, VERB_STORE_OPTIONS,
						    VERB_OPTIONS_END };
static const struct verb_option org_add_options[] = {
	{ "ca", "FILE", "the certificate of its CA, PEM" },
	VERB_JSON_OPTION,
	VERB_STORE_OPTIONS,
	VERB_OPTIONS_END
};
static const struct verb_option channel_add_options[] = {
	{ "ledger", "LEDGER", "the ledger it is (default: a new one of the channel's name)" },
	VERB_JSON_OPTION,
	VERB_STORE_OPTIONS,
	VERB_OPTIONS_END
};

static const struct verb org_add_verb = {
	.name = "add", .usage = "ID", .summary = "Let the members of an organisation share data",
	.options = org_add_options, .min_args = 1, .max_args = 1, .run = org_add_run,
};
static const struct verb org_list_verb = {
	.name = "list", .usage = "", .summary = "List the organisations",
	.options = plain_options, .run = org_list_run,
};
static const struct verb org_remove_verb = {
	.name = "remove", .usage = "ID", .summary = "Refuse the members of an organisation from now on",
	.options = plain_options, .min_args = 1, .max_args = 1, .run = org_remove_run,
};
static const struct verb *const org_parts[] = { &org_add_verb, &org_list_verb, &org_remove_verb,
						NULL };

const struct verb verb_org = {
	.name = "org",
	.usage = "add|list|remove",
	.summary = "Add, list and remove organisations whose members share data",
	.parts = org_parts,
};

static const struct verb channel_add_verb = {
	.name = "add", .usage = "NAME", .summary = "Make a ledger a channel, and print its id",
	.options = channel_add_options, .min_args = 1, .max_args = 1, .run = channel_add_run,
};
static const struct verb channel_list_verb = {
	.name = "list", .usage = "", .summary = "List the channels",
	.options = plain_options, .run = channel_list_run,
};
static const struct verb channel_remove_verb = {
	.name = "remove", .usage = "NAME", .summary = "Share no more data on a channel; its ledger stays",
	.options = plain_options, .min_args = 1, .max_args = 1, .run = channel_remove_run,
};
static const struct verb *const channel_parts[] = { &channel_add_verb, &channel_list_verb,
						    &channel_remove_verb, NULL };

const struct verb verb_channel = {
	.name = "channel",
	.usage = "add|list|remove",
	.summary = "Add, list and remove channels on which data is shared",
	.parts = channel_parts,
};
