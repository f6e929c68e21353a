/* tally ledger access: from where a ledger is reached. */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <json-c/json.h>

#include "client.h"
#include "print.h"

/* A read about the ledger of the line; its reply, or NULL after printing why not. */
static json_object *ask(struct client *client, const char *action)
{
	client_start(client, action);
	client_add(client, "LedgerId", client->call->args[0]);
	return client_run(client);
}

static bool done(json_object *reply)
{
	json_object_put(reply);
	return reply != NULL;
}

/* ---- changing ---- */

static bool set_open(struct client *client, const char *value)
{
	client_start_write(client, "ModifyAccessAttribute");
	client_add(client, "LedgerId", client->call->args[0]);
	client_add(client, "EnableOpenAccess", value);
	return done(client_run(client));
}

static bool set_networks(struct client *client, const char *how, const char *list)
{
	client_start_write(client, "ModifyIpWhiteList");
	client_add(client, "LedgerId", client->call->args[0]);
	client_add(client, "IpList", list);
	client_add(client, "ModifyType", how);
	return done(client_run(client));
}

/* What the line asks for, in an order in which nobody is let in for a moment who is not to be. */
static int change(struct client *client)
{
	static const struct {
		const char *option, *how;
	} lists[] = { { "networks", "Cover" }, { "add", "Append" }, { "remove", "Delete" } };
	const char *open = verb_value(client->call, "open", NULL);
	bool on = open != NULL && strcasecmp(open, "on") == 0;

	if (open != NULL && !on && strcasecmp(open, "off") != 0)
		return verb_misuse(client->call, "--open is on or off, not %s", open);
	if (open != NULL && !on && !set_open(client, "false"))
		return VERB_FAILED;
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
		const char *list = verb_value(client->call, lists[i].option, NULL);

		if (list != NULL && !set_networks(client, lists[i].how, list))
			return VERB_FAILED;
	}
	return on && !set_open(client, "true") ? VERB_FAILED : VERB_OK;
}

/* ---- showing ---- */

/* All pages of endpoints into one array; NULL after printing why not. */
static json_object *all_endpoints(struct client *client)
{
	json_object *all = json_object_new_array();
	char next[512] = "";

	do {
		json_object *reply, *page;

		client_start(client, "ListVpcEndpoints");
		client_add(client, "LedgerId", client->call->args[0]);
		client_add_uint(client, "MaxResults", 100);
		client_add(client, "NextToken", *next != '\0' ? next : NULL);
		reply = client_run(client);
		if (reply == NULL) {
			json_object_put(all);
			return NULL;
		}
		page = reply_member(reply, "VpcEndpoints");
		for (size_t i = 0; i < reply_count(page); i++)
			json_object_array_add(all,
					      json_object_get(json_object_array_get_idx(page, i)));
		snprintf(next, sizeof next, "%s", reply_text(reply, "NextToken"));
		json_object_put(reply);
	} while (*next != '\0');
	return all;
}

static void show_table(json_object *access, json_object *list, json_object *endpoints)
{
	const char *networks = reply_text(list, "IpList");
	struct table table;

	table_begin(&table, 2);
	table_cell(&table, "OpenAccess");
	table_cell(&table, strcmp(reply_text(access, "EnableOpenAccess"), "true") == 0 ? "on" : "off");
	table_cell(&table, "Networks");
	table_cell(&table, *networks != '\0' ? networks : "all");
	for (size_t i = 0; i < reply_count(endpoints); i++) {
		json_object *endpoint = json_object_array_get_idx(endpoints, i);
		char text[400];

		snprintf(text, sizeof text, "%s by %s/%s at %s, %s",
			 reply_text(endpoint, "VpcEndpointId"), reply_text(endpoint, "VpcId"),
			 reply_text(endpoint, "VSwitchId"), reply_text(endpoint, "Address"),
			 reply_text(endpoint, "Status"));
		table_cell(&table, "Endpoint");
		table_cell(&table, text);
	}
	table_print(&table);
}

static void show_json(json_object *access, json_object *list, json_object *endpoints)
{
	json_object *all = json_object_new_object();

	json_object_object_add(all, "LedgerId", json_object_get(reply_member(access, "LedgerId")));
	json_object_object_add(all, "EnableOpenAccess",
			       json_object_get(reply_member(access, "EnableOpenAccess")));
	json_object_object_add(all, "IpList", json_object_get(reply_member(list, "IpList")));
	json_object_object_add(all, "VpcEndpoints", json_object_get(endpoints));
	print_json(all);
}

static int show(struct client *client)
{
	json_object *access = ask(client, "GetAccessAttribute");
	json_object *list = access != NULL ? ask(client, "GetIpWhiteList") : NULL;
	json_object *endpoints = list != NULL ? all_endpoints(client) : NULL;

	if (endpoints != NULL && verb_given(client->call, "json"))
		show_json(access, list, endpoints);
	else if (endpoints != NULL)
		show_table(access, list, endpoints);
	json_object_put(access);
	json_object_put(list);
	json_object_put(endpoints);
	return endpoints != NULL ? VERB_OK : VERB_FAILED;
}

static int access_of(struct client *client)
{
	int status = change(client);

	return status == VERB_OK ? show(client) : status;
}

static int access_run(struct verb_call *call) { return client_with(call, access_of); }

static const struct verb_option access_options[] = {
	{ "open", "on|off", "is it reached by the public way in" },
	{ "networks", "LIST", "the networks from which it is reached, separated by commas" },
	{ "add", "LIST", "further ones" },
	{ "remove", "LIST", "these no more" },
	VERB_JSON_OPTION,
	VERB_STORE_OPTIONS,
	VERB_ENDPOINT_OPTIONS,
	VERB_OPTIONS_END
};

const struct verb ledger_access = {
	.name = "access", .usage = "LEDGER", .summary = "Set and show from where a ledger is reached",
	.options = access_options, .min_args = 1, .max_args = 1, .run = access_run,
};
