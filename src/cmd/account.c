/* tally account and tally key: who may sign requests. Local administration, never over HTTP. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "client.h"
#include "print.h"

/* Runs what has been gathered. With --json the reply is printed and NULL comes back, as it does
 * after an error; *status_r tells them apart. */
static json_object *run_or_json(struct client *client, int *status_r)
{
	json_object *reply = client_run(client);

	*status_r = reply != NULL ? VERB_OK : VERB_FAILED;
	if (reply != NULL && verb_given(client->call, "json")) {
		print_json(reply);
		return NULL;
	}
	return reply;
}

/* ---- accounts ---- */

static int account_create(struct client *client)
{
	json_object *reply;
	int status;

	client_start_admin(client, "CreateAccount");
	client_add(client, "Name", client->call->args[0]);
	reply = run_or_json(client, &status);
	if (reply != NULL)
		puts(reply_text(reply, "AliUid"));
	json_object_put(reply);
	return status;
}

static int account_list(struct client *client)
{
	json_object *reply, *list;
	struct table table;
	int status;

	client_start_admin(client, "ListAccounts");
	reply = run_or_json(client, &status);
	if (reply == NULL)
		return status;
	table_begin(&table, 3);
	table_cell(&table, "ACCOUNT");
	table_cell(&table, "CREATED");
	table_cell(&table, "NAME");
	list = reply_member(reply, "Accounts");
	for (size_t i = 0; i < reply_count(list); i++) {
		json_object *account = json_object_array_get_idx(list, i);

		table_cell(&table, reply_text(account, "AliUid"));
		table_ms(&table, reply_uint(account, "CreateTime"));
		table_cell(&table, reply_text(account, "Name"));
	}
	table_print(&table);
	json_object_put(reply);
	return VERB_OK;
}

/* ---- keys ---- */

static int key_create(struct client *client)
{
	const char *account = verb_value(client->call, "account", NULL);
	json_object *reply;
	char first[24];
	int status;

	if (account == NULL) {
		if (!client_first_account(client, first))
			return VERB_FAILED;
		account = first;
	}
	client_start_admin(client, "CreateAccessKey");
	client_add(client, "AliUid", account);
	reply = run_or_json(client, &status);
	if (reply == NULL)
		return status;
	printf("access key id      %s\n", reply_text(reply, "AccessKeyId"));
	printf("access key secret  %s\n", reply_text(reply, "AccessKeySecret"));
	fprintf(stderr, "The secret is not shown again: keep it now.\n");
	json_object_put(reply);
	return VERB_OK;
}

static int key_list(struct client *client)
{
	static const char *const heads[] = { "KEY", "STATUS", "ACCOUNT", "CREATED" };
	json_object *reply, *list;
	struct table table;
	int status;

	client_start_admin(client, "ListAccessKeys");
	client_add(client, "AliUid", verb_value(client->call, "account", NULL));
	reply = run_or_json(client, &status);
	if (reply == NULL)
		return status;
	table_begin(&table, 4);
	for (size_t i = 0; i < 4; i++)
		table_cell(&table, heads[i]);
	list = reply_member(reply, "AccessKeys");
	for (size_t i = 0; i < reply_count(list); i++) {
		json_object *key = json_object_array_get_idx(list, i);

		table_cell(&table, reply_text(key, "AccessKeyId"));
		table_cell(&table, reply_text(key, "Status"));
		table_cell(&table, reply_text(key, "AliUid"));
		table_ms(&table, reply_uint(key, "CreateTime"));
	}
	table_print(&table);
	json_object_put(reply);
	return VERB_OK;
}

static int key_change(struct client *client, const char *action)
{
	json_object *reply;
	int status;

	client_start_admin(client, action);
	client_add(client, "UserAccessKeyId", client->call->args[0]);
	reply = run_or_json(client, &status);
	json_object_put(reply);
	return status;
}

static int key_disable(struct client *client) { return key_change(client, "DisableAccessKey"); }
static int key_enable(struct client *client) { return key_change(client, "EnableAccessKey"); }
static int key_delete(struct client *client) { return key_change(client, "DeleteAccessKey"); }

/* ---- rows ---- */

static int account_create_run(struct verb_call *call) { return client_with(call, account_create); }
static int account_list_run(struct verb_call *call) { return client_with(call, account_list); }
static int key_create_run(struct verb_call *call) { return client_with(call, key_create); }
static int key_list_run(struct verb_call *call) { return client_with(call, key_list); }
static int key_disable_run(struct verb_call *call) { return client_with(call, key_disable); }
static int key_enable_run(struct verb_call *call) { return client_with(call, key_enable); }
static int key_delete_run(struct verb_call *call) { return client_with(call, key_delete); }

static const struct verb_option plain_options[] = { VERB_JSON_OPTION, VERB_STORE_OPTIONS,
						    VERB_OPTIONS_END };
static const struct verb_option key_create_options[] = {
	{ "account", "NUMBER", "the account it is for (default: the store's first)" },
	VERB_JSON_OPTION,
	VERB_STORE_OPTIONS,
	VERB_OPTIONS_END
};
static const struct verb_option key_list_options[] = {
	{ "account", "NUMBER", "only keys of this account" },
	VERB_JSON_OPTION,
	VERB_STORE_OPTIONS,
	VERB_OPTIONS_END
};

static const struct verb account_create_verb = {
	.name = "create", .usage = "NAME", .summary = "Make an account and print its number",
	.options = plain_options, .min_args = 1, .max_args = 1, .run = account_create_run,
};
static const struct verb account_list_verb = {
	.name = "list", .usage = "", .summary = "List the accounts",
	.options = plain_options, .run = account_list_run,
};
static const struct verb *const account_parts[] = { &account_create_verb, &account_list_verb, NULL };

const struct verb verb_account = {
	.name = "account",
	.usage = "create|list",
	.summary = "Make and list accounts",
	.parts = account_parts,
};

static const struct verb key_create_verb = {
	.name = "create", .usage = "", .summary = "Make an access key; its secret is shown this once",
	.options = key_create_options, .run = key_create_run,
};
static const struct verb key_list_verb = {
	.name = "list", .usage = "", .summary = "List access keys, without their secrets",
	.options = key_list_options, .run = key_list_run,
};
static const struct verb key_disable_verb = {
	.name = "disable", .usage = "KEY", .summary = "Refuse requests signed with a key from now on",
	.options = plain_options, .min_args = 1, .max_args = 1, .run = key_disable_run,
};
static const struct verb key_enable_verb = {
	.name = "enable", .usage = "KEY", .summary = "Let a disabled key sign again",
	.options = plain_options, .min_args = 1, .max_args = 1, .run = key_enable_run,
};
static const struct verb key_delete_verb = {
	.name = "delete", .usage = "KEY", .summary = "Remove a key for ever",
	.options = plain_options, .min_args = 1, .max_args = 1, .run = key_delete_run,
};
static const struct verb *const key_parts[] = { &key_create_verb, &key_list_verb, &key_disable_verb,
						&key_enable_verb, &key_delete_verb, NULL };

const struct verb verb_key = {
	.name = "key",
	.usage = "create|list|disable|enable|delete",
	.summary = "Make, list, disable and delete access keys",
	.parts = key_parts,
};
