/* tally ledger: create, list, show, set, delete; access is in access.c, trust in trust.c. */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <json-c/json.h>

#include "client.h"
#include "clock.h"
#include "print.h"

/* "on" or "off" as the API has it; NULL for anything else. */
static const char *switch_value(const char *text)
{
	if (strcasecmp(text, "on") == 0 || strcasecmp(text, "true") == 0 || strcasecmp(text, "yes") == 0)
		return "true";
	if (strcasecmp(text, "off") == 0 || strcasecmp(text, "false") == 0 || strcasecmp(text, "no") == 0)
		return "false";
	return NULL;
}

/* Adds PublicRead where the option is given; false after printing that it is wrong. */
static bool add_public_read(struct client *client)
{
	const char *text = verb_value(client->call, "public-read", NULL);

	if (text == NULL)
		return true;
	if (switch_value(text) == NULL) {
		verb_misuse(client->call, "--public-read is on or off, not %s", text);
		return false;
	}
	client_add(client, "PublicRead", switch_value(text));
	return true;
}

/* Adds SignaturePolicy and SignatureCount where they are given; false after printing what is wrong. */
static bool add_signatures(struct client *client)
{
	static const char *const policies[] = { "ACCEPTED", "OFF", "REQUIRED" };
	const char *text = verb_value(client->call, "signatures", NULL), *policy = NULL;
	uint64_t count = 0;

	for (size_t i = 0; text != NULL && i < sizeof policies / sizeof policies[0]; i++)
		if (strcasecmp(text, policies[i]) == 0)
			policy = policies[i];
	if (text != NULL && policy == NULL) {
		verb_misuse(client->call, "--signatures is accepted, off or required, not %s", text);
		return false;
	}
	if (!verb_number(client->call, "signature-count", 1, 8, &count))
		return false;
	client_add(client, "SignaturePolicy", policy);
	if (count != 0)
		client_add_uint(client, "SignatureCount", count);
	return true;
}

/* "90", "15m", "1h", "7d" or "off" as seconds; false for anything else. */
static bool read_interval(const char *text, uint64_t *seconds_r)
{
	static const struct {
		char unit;
		uint64_t seconds;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
	size_t digits = strspn(text, "0123456789");
	uint64_t factor = 1;

	*seconds_r = 0;
	if (strcasecmp(text, "off") == 0)
		return true;
	for (size_t i = 0; i < sizeof units / sizeof *units && text[digits] != '\0'; i++)
		if (text[digits] == units[i].unit && text[digits + 1] == '\0')
			factor = units[i].seconds;
	if ((text[digits] != '\0' && factor == 1 && text[digits] != 's') ||
	    !tally_parse_u64(tally_bytes(text, digits), 366 * 86400, seconds_r))
		return false;
	*seconds_r *= factor;
	return *seconds_r > 0 && *seconds_r <= 366 * 86400;
}

/* Adds TimeAnchorInterval where the option is given; false after printing that it is wrong. */
static bool add_anchor_interval(struct client *client)
{
	const char *text = verb_value(client->call, "anchor-interval", NULL);
	uint64_t seconds;

	if (text == NULL)
		return true;
	if (!read_interval(text, &seconds)) {
		verb_misuse(client->call, "--anchor-interval is a time such as 90, 15m, 1h or 7d, or off, "
			    "not %s", text);
		return false;
	}
	client_add_uint(client, "TimeAnchorInterval", seconds);
	return true;
}

/* Adds RemovalPolicy where the option is given; false after printing that it is wrong. */
static bool add_removal(struct client *client)
{
	static const char *const policies[] = { "DUAL", "ADMIN", "OFF" };
	const char *text = verb_value(client->call, "removal", NULL);

	for (size_t i = 0; text != NULL && i < sizeof policies / sizeof *policies; i++) {
		if (strcasecmp(text, policies[i]) == 0) {
			client_add(client, "RemovalPolicy", policies[i]);
			return true;
		}
	}
	if (text != NULL)
		verb_misuse(client->call, "--removal is dual, admin or off, not %s", text);
	return text == NULL;
}

/* Limits of the ledger's own, and the parameters of ModifyLedgerAttribute that they are. */
static const struct {
	const char *option, *param;
} limits[] = {
	{ "batch-limit", "BatchLimit" }, { "clue-limit", "ClueLimit" },
	{ "member-limit", "MemberLimit" }, { "page-limit", "PageLimit" },
	{ "payload-limit", "PayloadLimit" },
};
#define LIMIT_COUNT (sizeof limits / sizeof *limits)

static bool limits_given(const struct verb_call *call)
{
	for (size_t i = 0; i < LIMIT_COUNT; i++)
		if (verb_given(call, limits[i].option))
			return true;
	return false;
}

/* A number, or "server"; false after printing what is wrong. */
static bool add_limits(struct client *client)
{
	for (size_t i = 0; i < LIMIT_COUNT; i++) {
		const char *text = verb_value(client->call, limits[i].option, NULL);
		uint64_t value = 0;

		if (text == NULL)
			continue;
		if (strcasecmp(text, "server") != 0 &&
		    !verb_number(client->call, limits[i].option, 1, 1ull << 40, &value))
			return false;
		client_add_uint(client, limits[i].param, value);
	}
	return true;
}

/* Runs what has been gathered; prints the reply, or only says done. */
static int finish(struct client *client, const char *done)
{
	json_object *reply = client_run(client);

	if (reply == NULL)
		return VERB_FAILED;
	if (verb_given(client->call, "json")) {
		print_json(reply);
		return VERB_OK;
	}
	if (done != NULL)
		fprintf(stderr, "%s\n", done);
	json_object_put(reply);
	return VERB_OK;
}

/* ---- create ---- */

static int create(struct client *client)
{
	struct verb_call *call = client->call;
	const char *type = verb_value(call, "type", NULL);
	const char *account = verb_value(call, "account", NULL);
	json_object *reply;
	char first[24];

	if (client->host == NULL && account != NULL)
		return verb_misuse(call, "at an endpoint the key decides whose ledger it is, not --account");
	if (client->host != NULL && account == NULL) {
		if (!client_first_account(client, first))
			return VERB_FAILED;
		account = first;
	}
	client_start_write(client, "CreateLedger");
	client_add(client, "LedgerName", call->args[0]);
	client_add(client, "LedgerDescription", verb_value(call, "description", NULL));
	client_add(client, "ClientToken", verb_value(call, "token", NULL));
	client->account = account;
	if (type != NULL)
		client_add(client, "LedgerType", strcasecmp(type, "kv") == 0 ? "KV" :
						 strcasecmp(type, "journal") == 0 ? "JOURNAL" : type);
	if (!add_public_read(client) || !add_signatures(client) || !add_anchor_interval(client) ||
	    !add_removal(client))
		return VERB_USAGE;
	reply = client_run(client);
	if (reply == NULL)
		return VERB_FAILED;
	if (verb_given(call, "json")) {
		print_json(reply);
		return VERB_OK;
	}
	puts(reply_text(reply, "LedgerId"));
	json_object_put(reply);
	return VERB_OK;
}

/* ---- list and show ---- */

static void list_row(struct table *table, json_object *ledger)
{
	table_cell(table, reply_text(ledger, "LedgerId"));
	table_cell(table, reply_text(ledger, "LedgerStatus"));
	table_uint(table, reply_uint(ledger, "JournalCount"));
	table_cell(table, reply_bool(ledger, "PublicRead") ? "public" : "-");
	table_cell(table, reply_text(ledger, "OwnerAliUid"));
	table_cell(table, reply_text(ledger, "LedgerName"));
}

/* All pages into one array; NULL after printing why not. */
static json_object *list_all(struct client *client)
{
	json_object *all = json_object_new_array();
	char next[512] = "";

	do {
		json_object *reply, *page;

		client_start(client, "DescribeLedgers");
		client_add_uint(client, "MaxResults", 100);
		client_add(client, "NextToken", next[0] != '\0' ? next : NULL);
		reply = client_run(client);
		if (reply == NULL) {
			json_object_put(all);
			return NULL;
		}
		page = reply_member(reply, "Ledgers");
		for (size_t i = 0; i < reply_count(page); i++)
			json_object_array_add(all,
					      json_object_get(json_object_array_get_idx(page, i)));
		snprintf(next, sizeof next, "%s", reply_text(reply, "NextToken"));
		json_object_put(reply);
	} while (next[0] != '\0');
	return all;
}

static int list(struct client *client)
{
	static const char *const heads[] = { "LEDGER", "STATUS", "JOURNALS", "READ", "OWNER", "NAME" };
	json_object *all = list_all(client);
	struct table table;

	if (all == NULL)
		return VERB_FAILED;
	if (verb_given(client->call, "json")) {
		print_json(all);
		return VERB_OK;
	}
	table_begin(&table, 6);
	for (size_t i = 0; i < 6; i++)
		table_cell(&table, heads[i]);
	for (size_t i = 0; i < reply_count(all); i++)
		list_row(&table, json_object_array_get_idx(all, i));
	table_print(&table);
	json_object_put(all);
	return VERB_OK;
}

/* "2026-11-22T10:00:00Z by Name, journal 12" */
static void anchor_cell(struct table *table, json_object *anchor)
{
	bool stamped = strcmp(reply_text(anchor, "Source"), "TSA") == 0;
	char time[21], text[400];

	tally_time_format(reply_uint(anchor, "TimeStamp"), time);
	snprintf(text, sizeof text, "%s %s%s, journal %s", time, stamped ? "by " : "as given",
		 stamped ? reply_text(anchor, "Authority") : "", reply_text(anchor, "JournalId"));
	table_cell(table, text);
}

static int show(struct client *client)
{
	json_object *reply, *ledger;
	struct table table;

	client_start(client, "StatLedger");
	client_add(client, "LedgerId", client->call->args[0]);
	reply = client_run(client);
	if (reply == NULL)
		return VERB_FAILED;
	ledger = reply_member(reply, "LedgerInfo");
	if (verb_given(client->call, "json")) {
		print_json(json_object_get(ledger));
		json_object_put(reply);
		return VERB_OK;
	}
	table_begin(&table, 2);
	json_object_object_foreach(ledger, name, value) {
		table_cell(&table, name);
		if (strcmp(name, "CreateTime") == 0 || strcmp(name, "UpdateTime") == 0)
			table_ms(&table, reply_uint(ledger, name));
		else if (strcmp(name, "LastTimeAnchor") == 0)
			anchor_cell(&table, value);
		else
			table_cell(&table, json_object_get_string(value));
	}
	table_print(&table);
	json_object_put(reply);
	return VERB_OK;
}

/* The key alone, so that a script can keep it. */
static int vkey(struct client *client)
{
	json_object *reply;

	client_start(client, "GetCheckpoint");
	client_add(client, "LedgerId", client->call->args[0]);
	reply = client_run(client);
	if (reply == NULL)
		return VERB_FAILED;
	if (verb_given(client->call, "json")) {
		print_json(reply);
		return VERB_OK;
	}
	puts(reply_text(reply, "VerifierKey"));
	json_object_put(reply);
	return VERB_OK;
}

/* ---- set and delete ---- */

static int set(struct client *client)
{
	struct verb_call *call = client->call;

	if (!verb_given(call, "public-read") && !verb_given(call, "name") &&
	    !verb_given(call, "description") && !verb_given(call, "anchor-interval") &&
	    !verb_given(call, "signatures") && !verb_given(call, "signature-count") &&
	    !limits_given(call))
		return verb_misuse(call, "set what? --public-read, --name, --description, --signatures, "
				   "--signature-count, --anchor-interval or a limit");
	client_start_write(client, "ModifyLedgerAttribute");
	client_add(client, "LedgerId", call->args[0]);
	client_add(client, "LedgerName", verb_value(call, "name", NULL));
	client_add(client, "LedgerDescription", verb_value(call, "description", NULL));
	if (!add_public_read(client) || !add_signatures(client) || !add_anchor_interval(client) ||
	    !add_limits(client))
		return VERB_USAGE;
	return finish(client, NULL);
}

static int delete(struct client *client)
{
	if (!verb_given(client->call, "yes"))
		return verb_misuse(client->call, "a deleted ledger does not come back: say --yes");
	client_start_write(client, "DeleteLedger");
	client_add(client, "LedgerId", client->call->args[0]);
	return finish(client, NULL);
}

/* ---- rows ---- */

static int create_run(struct verb_call *call) { return client_with(call, create); }
static int list_run(struct verb_call *call) { return client_with(call, list); }
static int show_run(struct verb_call *call) { return client_with(call, show); }
static int vkey_run(struct verb_call *call) { return client_with(call, vkey); }
static int set_run(struct verb_call *call) { return client_with(call, set); }
static int delete_run(struct verb_call *call) { return client_with(call, delete); }

#define COMMON_OPTIONS VERB_JSON_OPTION, VERB_STORE_OPTIONS, VERB_ENDPOINT_OPTIONS, VERB_OPTIONS_END

#define SIGNATURE_OPTIONS                                                                         \
	{ "signatures", "WHICH", "members' signatures on what is appended: accepted, off, required" }, \
	{ "signature-count", "N", "how many members must sign where it is required (1 to 8)" }

static const struct verb_option create_options[] = {
	{ "description", "TEXT", "what it is for, up to 256 characters" },
	{ "type", "NAME", "journal (default) or kv" },
	{ "public-read", "on|off", "may everyone read it, without a key (default: off)" },
	SIGNATURE_OPTIONS,
	{ "anchor-interval", "TIME", "anchor it in time so often: 15m, 1h, 7d, off (default: as configured)" },
	{ "removal", "dual|admin|off", "who can have payloads erased (default: dual)" },
	{ "account", "NUMBER", "the account that owns it (default: the store's first)" },
	{ "token", "TEXT", "the same token gives the same ledger again, within 7 days" },
	COMMON_OPTIONS
};
static const struct verb_option plain_options[] = { COMMON_OPTIONS };
static const struct verb_option set_options[] = {
	{ "public-read", "on|off", "may everyone read it, without a key" },
	SIGNATURE_OPTIONS,
	{ "anchor-interval", "TIME", "anchor it in time so often: 15m, 1h, 7d, off" },
	{ "payload-limit", "N", "bytes of one payload; 'server': as the server has it" },
	{ "clue-limit", "N", "clues of one journal, the same" },
	{ "batch-limit", "N", "journals of one batch, the same" },
	{ "member-limit", "N", "members, the same" },
	{ "page-limit", "N", "journals or keys of a page, the same" },
	{ "name", "TEXT", "its new name" },
	{ "description", "TEXT", "its new description" },
	COMMON_OPTIONS
};
static const struct verb_option delete_options[] = {
	{ "yes", NULL, "yes, delete it for ever" },
	COMMON_OPTIONS
};

static const struct verb ledger_create = {
	.name = "create", .usage = "NAME", .summary = "Make a ledger and print its id",
	.options = create_options, .min_args = 1, .max_args = 1, .run = create_run,
};
static const struct verb ledger_list = {
	.name = "list", .usage = "", .summary = "List the ledgers",
	.options = plain_options, .run = list_run,
};
static const struct verb ledger_show = {
	.name = "show", .usage = "LEDGER", .summary = "Show all that is known of a ledger",
	.options = plain_options, .min_args = 1, .max_args = 1, .run = show_run,
};
static const struct verb ledger_vkey = {
	.name = "vkey", .usage = "LEDGER", .summary = "Print the key that verifies a ledger's checkpoints",
	.options = plain_options, .min_args = 1, .max_args = 1, .run = vkey_run,
};
static const struct verb ledger_set = {
	.name = "set", .usage = "LEDGER", .summary = "Change a ledger's name, description, readers, signatures or limits",
	.options = set_options, .min_args = 1, .max_args = 1, .run = set_run,
};
static const struct verb ledger_delete = {
	.name = "delete", .usage = "LEDGER", .summary = "Close a ledger for ever",
	.options = delete_options, .min_args = 1, .max_args = 1, .run = delete_run,
};
extern const struct verb ledger_trust;	/* trust.c */
extern const struct verb ledger_removal;	/* removal.c */
extern const struct verb ledger_access;	/* access.c */

static const struct verb *const ledger_parts[] = { &ledger_create, &ledger_list, &ledger_show, &ledger_vkey,
						   &ledger_set, &ledger_access, &ledger_trust, &ledger_removal,
						   &ledger_delete,
						   NULL };

const struct verb verb_ledger = {
	.name = "ledger",
	.usage = "create|list|show|vkey|set|access|trust|removal|delete",
	.summary = "Make, list, show, change and delete ledgers",
	.parts = ledger_parts,
};
