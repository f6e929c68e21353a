/* tally account and tally key: who may sign requests, and for what. Local administration, never over HTTP. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "client.h"
#include "conf.h"
#include "core.h"
#include "err.h"
#include "files.h"
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

/* A policy for the request that is gathered: the word read-only, or what is in a file. False after
 * printing why not. */
static bool add_policy(struct client *client, const char *given)
{
	struct tally_bytes text;

	if (given == NULL || strcmp(given, "read-only") == 0) {
		client_add(client, "Policy", given);
		return true;
	}
	if (!file_read_whole(client->call, given, TALLY_RAM_POLICY_MAX, &client->arena, &text))
		return false;
	client_add(client, "Policy", (const char *)text.data);
	return true;
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

static int account_policy_show(struct client *client)
{
	json_object *reply;
	int status;

	client_start_admin(client, "GetAccountPolicy");
	client_add(client, "AliUid", client->call->args[0]);
	reply = run_or_json(client, &status);
	if (reply == NULL)
		return status;
	if (reply_member(reply, "Policy") != NULL)
		puts(reply_text(reply, "Policy"));
	else
		fprintf(stderr, "The account has no policy: it may do what its roles allow.\n");
	json_object_put(reply);
	return VERB_OK;
}

static int account_policy(struct client *client)
{
	const char *given = client->call->arg_count > 1 ? client->call->args[1] : NULL;
	bool none = given != NULL && strcmp(given, "none") == 0;
	json_object *reply;
	int status;

	if (given == NULL)
		return account_policy_show(client);
	client_start_admin(client, none ? "DeleteAccountPolicy" : "SetAccountPolicy");
	client_add(client, "AliUid", client->call->args[0]);
	if (!none && !add_policy(client, given))
		return VERB_FAILED;
	reply = run_or_json(client, &status);
	json_object_put(reply);
	return status;
}

/* ---- keys ---- */

/* A time such as 30m or 12h, in seconds. */
static bool read_duration(const struct verb_call *call, const char *text, uint64_t *seconds_r)
{
	static const struct tally_setting rows[] = { { "temporary", SETTING_TIME, NULL, 0, NULL },
						     { NULL, SETTING_END, NULL, 0, NULL } };
	struct tally_conf *conf = tally_conf_new();
	struct tally_err err;
	uint64_t ms = 0;
	bool good;

	tally_conf_override(conf, "key", "temporary", text);
	good = tally_conf_load(conf, "key", rows, &ms, &err) == 0;
	tally_conf_free(&conf);
	if (!good)
		verb_misuse(call, "--temporary is a time such as 30m or 12h, not %s", text);
	*seconds_r = ms / 1000;
	return good;
}

/* The oldest active key of an account, into key. False after printing that there is none. */
static bool first_key(struct client *client, const char *account, char key[64])
{
	json_object *reply, *list;
	int64_t oldest = INT64_MAX;

	client_start_admin(client, "ListAccessKeys");
	client_add(client, "AliUid", account);
	reply = client_run(client);
	if (reply == NULL)
		return false;
	key[0] = '\0';
	list = reply_member(reply, "AccessKeys");
	for (size_t i = 0; i < reply_count(list); i++) {
		json_object *one = json_object_array_get_idx(list, i);
		int64_t created = json_object_get_int64(reply_member(one, "CreateTime"));

		if (strcmp(reply_text(one, "Status"), "Active") != 0 || created >= oldest)
			continue;
		oldest = created;
		snprintf(key, 64, "%s", reply_text(one, "AccessKeyId"));
	}
	json_object_put(reply);
	if (key[0] == '\0')
		verb_fail(client->call, "account %s has no active access key", account);
	return key[0] != '\0';
}

static int show_key(json_object *reply)
{
	printf("access key id      %s\n", reply_text(reply, "AccessKeyId"));
	printf("access key secret  %s\n", reply_text(reply, "AccessKeySecret"));
	if (reply_member(reply, "SecurityToken") != NULL) {
		printf("security token     %s\n", reply_text(reply, "SecurityToken"));
		printf("good until         %s\n", reply_text(reply, "Expiration"));
	}
	fprintf(stderr, "The secret is not shown again: keep it now.\n");
	json_object_put(reply);
	return VERB_OK;
}

static int key_create_temporary(struct client *client, const char *account, const char *duration)
{
	const char *from = verb_value(client->call, "from", NULL);
	json_object *reply;
	uint64_t seconds;
	char first[64];
	int status;

	if (!read_duration(client->call, duration, &seconds))
		return VERB_USAGE;
	if (from == NULL) {
		if (!first_key(client, account, first))
			return VERB_FAILED;
		from = first;
	}
	client_start_admin(client, "CreateTemporaryKey");
	client_add(client, "UserAccessKeyId", from);
	client_add_uint(client, "DurationSeconds", seconds);
	if (!add_policy(client, verb_value(client->call, "policy", NULL)))
		return VERB_FAILED;
	reply = run_or_json(client, &status);
	return reply != NULL ? show_key(reply) : status;
}

static int key_create(struct client *client)
{
	const char *account = verb_value(client->call, "account", NULL);
	const char *duration = verb_value(client->call, "temporary", NULL);
	json_object *reply;
	char first[24];
	int status;

	if (duration == NULL && verb_given(client->call, "from"))
		return verb_misuse(client->call, "--from goes with --temporary");
	if (account == NULL) {
		if (!client_first_account(client, first))
			return VERB_FAILED;
		account = first;
	}
	if (duration != NULL)
		return key_create_temporary(client, account, duration);
	client_start_admin(client, "CreateAccessKey");
	client_add(client, "AliUid", account);
	if (!add_policy(client, verb_value(client->call, "policy", NULL)))
		return VERB_FAILED;
	reply = run_or_json(client, &status);
	return reply != NULL ? show_key(reply) : status;
}

static int key_list(struct client *client)
{
	static const char *const heads[] = { "KEY", "STATUS", "ACCOUNT", "CREATED", "POLICY" };
	json_object *reply, *list;
	struct table table;
	int status;

	client_start_admin(client, "ListAccessKeys");
	client_add(client, "AliUid", verb_value(client->call, "account", NULL));
	reply = run_or_json(client, &status);
	if (reply == NULL)
		return status;
	table_begin(&table, 5);
	for (size_t i = 0; i < 5; i++)
		table_cell(&table, heads[i]);
	list = reply_member(reply, "AccessKeys");
	for (size_t i = 0; i < reply_count(list); i++) {
		json_object *key = json_object_array_get_idx(list, i);

		table_cell(&table, reply_text(key, "AccessKeyId"));
		table_cell(&table, reply_text(key, "Status"));
		table_cell(&table, reply_text(key, "AliUid"));
		table_ms(&table, reply_uint(key, "CreateTime"));
		table_cell(&table, reply_member(key, "Policy") != NULL ? "limited" : "-");
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
static int account_policy_run(struct verb_call *call) { return client_with(call, account_policy); }
static int key_create_run(struct verb_call *call) { return client_with(call, key_create); }
static int key_list_run(struct verb_call *call) { return client_with(call, key_list); }
static int key_disable_run(struct verb_call *call) { return client_with(call, key_disable); }
static int key_enable_run(struct verb_call *call) { return client_with(call, key_enable); }
static int key_delete_run(struct verb_call *call) { return client_with(call, key_delete); }

static const struct verb_option plain_options[] = { VERB_JSON_OPTION, VERB_STORE_OPTIONS,
						    VERB_OPTIONS_END };
static const struct verb_option key_create_options[] = {
	{ "account", "NUMBER", "the account it is for (default: the store's first)" },
	{ "policy", "FILE", "what it is limited to: a file with a policy, or read-only" },
	{ "temporary", "TIME", "good for so long only, 1m to 12h, with a security token" },
	{ "from", "KEY", "the key that a temporary one is from, and ends with (default: the "
	  "account's oldest that is active)" },
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
static const struct verb account_policy_verb = {
	.name = "policy", .usage = "ACCOUNT [FILE]",
	.summary = "Show what an account is limited to, or limit it",
	.details = "FILE has a policy, or is read-only; none takes the limits away.",
	.options = plain_options, .min_args = 1, .max_args = 2, .run = account_policy_run,
};
static const struct verb *const account_parts[] = { &account_create_verb, &account_list_verb,
						    &account_policy_verb, NULL };

const struct verb verb_account = {
	.name = "account",
	.usage = "create|list|policy",
	.summary = "Make and list accounts, and limit them",
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
