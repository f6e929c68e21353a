/* tally kv list and tally kv history: keys of a KV ledger, and what one key was. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "client.h"
#include "print.h"
#include "verb.h"

#define PAGE 500
#define SHOWN 60		/* characters of a value in a table */

/* One of the two listings. */
struct listing {
	const char *action, *list;	/* the member of the reply that has the items */
	const char *param;		/* of the second argument */
	const char *const *heads;
	size_t columns;
	void (*row)(struct table *table, json_object *item);
};

/* A value on one line, cut. */
static void value_cell(struct table *table, json_object *item)
{
	const char *text = reply_text(item, "Value");
	char cut[SHOWN + 4];
	size_t size = strlen(text);

	if (reply_bool(item, "Removed")) {
		table_cell(table, "(removed)");
		return;
	}
	if (size > SHOWN) {
		size = SHOWN;
		while (size > 0 && ((unsigned char)text[size] & 0xc0) == 0x80)
			size--;		/* never half of a character */
	}
	snprintf(cut, sizeof cut, "%.*s%s", (int)size, text, text[size] != '\0' ? "..." : "");
	table_cell(table, cut);
}

static void key_row(struct table *table, json_object *item)
{
	table_cell(table, reply_text(item, "Key"));
	table_cell(table, reply_text(item, "JournalId"));
}

static void value_row(struct table *table, json_object *item)
{
	key_row(table, item);
	value_cell(table, item);
}

static void version_row(struct table *table, json_object *item)
{
	table_cell(table, reply_text(item, "JournalId"));
	table_ms(table, reply_uint(item, "Timestamp"));
	if (reply_bool(item, "Deleted"))
		table_cell(table, "(deleted)");
	else
		value_cell(table, item);
}

static json_object *get_page(struct client *client, const struct listing *listing,
			     const char *next, uint64_t left)
{
	const struct verb_call *call = client->call;
	bool values = strcmp(listing->action, "KvHistory") == 0 || verb_given(call, "values");

	client_start(client, listing->action);
	client_add(client, "LedgerId", call->args[0]);
	client_add(client, listing->param, call->arg_count > 1 ? call->args[1] : NULL);
	client_add(client, "Values", values ? "true" : NULL);
	client_add_uint(client, "MaxResults", left < PAGE ? left : PAGE);
	client_add(client, "NextToken", *next != '\0' ? next : NULL);
	return client_run(client);
}

static void print_item(const struct listing *listing, struct table *table, json_object *item,
		       bool json)
{
	if (json)
		print_json_line(item);
	else
		listing->row(table, item);
}

/* Page after page, until there are no more or enough. */
static int print_pages(struct client *client, const struct listing *listing, struct table *table,
		       bool json, uint64_t left)
{
	char next[1100] = "";

	do {
		json_object *reply = get_page(client, listing, next, left), *items;

		if (reply == NULL)
			return VERB_FAILED;
		items = reply_member(reply, listing->list);
		for (size_t i = 0; i < reply_count(items) && left > 0; i++, left--)
			print_item(listing, table, json_object_array_get_idx(items, i), json);
		snprintf(next, sizeof next, "%s", reply_text(reply, "NextToken"));
		json_object_put(reply);
	} while (*next != '\0' && left > 0);
	return VERB_OK;
}

static int run(struct client *client, const struct listing *listing)
{
	bool json = verb_given(client->call, "json");
	uint64_t left = UINT64_MAX;
	struct table table;
	int status;

	if (!verb_number(client->call, "limit", 1, UINT64_MAX - 1, &left))
		return VERB_USAGE;
	table_begin(&table, listing->columns);
	for (size_t i = 0; i < listing->columns; i++)
		table_cell(&table, listing->heads[i]);
	status = print_pages(client, listing, &table, json, left);
	if (json || status != VERB_OK)
		table_drop(&table);
	else
		table_print(&table);
	return status;
}

static int list(struct client *client)
{
	static const char *const heads[] = { "KEY", "JOURNAL", "VALUE" };
	static const struct listing keys = { "KvList", "Entries", "Prefix", heads, 2, key_row };
	static const struct listing values = { "KvList", "Entries", "Prefix", heads, 3, value_row };

	return run(client, verb_given(client->call, "values") ? &values : &keys);
}

static int history(struct client *client)
{
	static const char *const heads[] = { "JOURNAL", "TIME", "VALUE" };
	static const struct listing listing = { "KvHistory", "Versions", "Key", heads, 3,
						version_row };

	return run(client, &listing);
}

/* ---- rows ---- */

static int list_run(struct verb_call *call) { return client_with(call, list); }
static int history_run(struct verb_call *call) { return client_with(call, history); }

#define LIST_OPTIONS \
	{ "limit", "N", "at most so many (default: all)" }, \
	{ "json", NULL, "print NDJSON, one a line" }, \
	VERB_STORE_OPTIONS, VERB_ENDPOINT_OPTIONS, VERB_OPTIONS_END

static const struct verb_option list_options[] = {
	{ "values", NULL, "the values too" },
	LIST_OPTIONS
};
static const struct verb_option history_options[] = { LIST_OPTIONS };

const struct verb kv_list = {
	.name = "list", .usage = "LEDGER [PREFIX]",
	.summary = "List the keys that have a value, or those that begin with a prefix",
	.options = list_options, .min_args = 1, .max_args = 2, .run = list_run,
};
const struct verb kv_history = {
	.name = "history", .usage = "LEDGER KEY", .summary = "List all that a key was, the newest first",
	.options = history_options, .min_args = 2, .max_args = 2, .run = history_run,
};
