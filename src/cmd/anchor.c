/* tally anchor: have ledgers stamped by a time-stamp authority, list the anchors, show a stamp. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>

#include "bounds.h"
#include "client.h"
#include "print.h"

/* ---- create ---- */

static int say_anchor(json_object *reply)
{
	json_object *anchor = reply_member(reply, "TimeAnchor");
	char time[25];

	bounds_time(reply_uint(anchor, "TimeStamp") * 1000, time);
	printf("journal %s: the first %" PRIu64 " journals existed before %.19sZ, says %s\n",
	       reply_text(reply, "JournalId"), reply_uint(anchor, "LedgerVersion"), time,
	       reply_text(anchor, "Authority"));
	return VERB_OK;
}

static int create(struct client *client)
{
	struct verb_call *call = client->call;
	bool one = call->arg_count > 0;
	json_object *reply;

	if (!one && client->host == NULL)
		return verb_misuse(call, "which ledger? All of them are for local administration");
	if (one) {
		client_start_write(client, "CreateTimeAnchor");
		client_add(client, "LedgerId", call->args[0]);
		client_add(client, "ClientToken", verb_value(call, "token", NULL));
	} else {
		client_start_admin(client, "AnchorLedgers");
	}
	reply = client_run(client);
	if (reply == NULL)
		return VERB_FAILED;
	if (verb_given(call, "json")) {
		print_json(reply);
		return VERB_OK;
	}
	if (one)
		say_anchor(reply);
	else
		printf("%" PRIu64 " ledgers anchored\n", reply_uint(reply, "Anchored"));
	json_object_put(reply);
	return VERB_OK;
}

/* ---- list ---- */

/* All pages into one array; NULL after printing why not. */
static json_object *list_all(struct client *client)
{
	json_object *all = json_object_new_array();
	char next[512] = "";

	do {
		json_object *reply, *page;

		client_start(client, "ListTimeAnchors");
		client_add(client, "LedgerId", client->call->args[0]);
		client_add_uint(client, "MaxResults", 100);
		client_add(client, "NextToken", next[0] != '\0' ? next : NULL);
		reply = client_run(client);
		if (reply == NULL) {
			json_object_put(all);
			return NULL;
		}
		page = reply_member(reply, "TimeAnchors");
		for (size_t i = 0; i < reply_count(page); i++)
			json_object_array_add(all,
					      json_object_get(json_object_array_get_idx(page, i)));
		snprintf(next, sizeof next, "%s", reply_text(reply, "NextToken"));
		json_object_put(reply);
	} while (next[0] != '\0');
	return all;
}

/* "sequence":7 of a Proof; "-" of one that was given. */
static void place_cell(struct table *table, json_object *anchor)
{
	json_object *proof = NULL;
	char text[24] = "-";

	if (strcmp(reply_text(anchor, "Source"), "TSA") == 0)
		proof = json_tokener_parse(reply_text(anchor, "Proof"));
	if (json_object_is_type(proof, json_type_object))
		snprintf(text, sizeof text, "%" PRIu64, reply_uint(proof, "sequence"));
	json_object_put(proof);
	table_cell(table, text);
}

static int list(struct client *client)
{
	static const char *const heads[] = { "JOURNAL", "COVERS", "TIME", "STAMP", "AUTHORITY" };
	json_object *all = list_all(client);
	struct table table;

	if (all == NULL)
		return VERB_FAILED;
	if (verb_given(client->call, "json")) {
		print_json(all);
		return VERB_OK;
	}
	table_begin(&table, 5);
	for (size_t i = 0; i < 5; i++)
		table_cell(&table, heads[i]);
	for (size_t i = 0; i < reply_count(all); i++) {
		json_object *anchor = json_object_array_get_idx(all, i);
		bool stamped = strcmp(reply_text(anchor, "Source"), "TSA") == 0;

		table_uint(&table, reply_uint(anchor, "JournalId"));
		table_uint(&table, reply_uint(anchor, "LedgerVersion"));
		table_ms(&table, reply_uint(anchor, "TimeStamp") * 1000);
		place_cell(&table, anchor);
		table_cell(&table, stamped ? reply_text(anchor, "Authority") : "(as given)");
	}
	table_print(&table);
	json_object_put(all);
	return VERB_OK;
}

/* ---- show ---- */

static int write_reply(struct verb_call *call, json_object *stamp, struct tally_arena *arena)
{
	const char *path = verb_value(call, "output", NULL);
	struct tally_bytes reply;
	bool good;
	int fd;

	if (path == NULL)
		return VERB_OK;
	if (!tally_base64_decode(arena, tally_bytes_str(reply_text(stamp, "CTSR")), &reply))
		return verb_fail(call, "the server's answer has no time-stamp response");
	fd = verb_open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
	good = fd >= 0 && write(fd, reply.data, reply.size) == (ssize_t)reply.size;
	if (fd >= 0 && close(fd) != 0)
		good = false;
	return good ? VERB_OK : verb_fail(call, "%s: %s", path, strerror(errno));
}

static int show(struct client *client)
{
	static const char *const rows[] = { "SN", "RootHash", "Authority", "LedgerId", "BlockNumber" };
	struct verb_call *call = client->call;
	json_object *reply, *stamp;
	struct table table;
	char time[25];
	int status;

	client_start(client, "DescribeTSA");
	client_add(client, "SequenceWithinLedger", call->args[0]);
	reply = client_run(client);
	if (reply == NULL)
		return VERB_FAILED;
	stamp = reply_member(reply, "TSADetail");
	status = write_reply(call, stamp, &client->arena);
	if (status == VERB_OK && verb_given(call, "json")) {
		print_json(json_object_get(stamp));
	} else if (status == VERB_OK) {
		bounds_time(reply_uint(stamp, "TS"), time);
		table_begin(&table, 2);
		table_cell(&table, "Time");
		table_cell(&table, time);
		for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
			table_cell(&table, rows[i]);
			table_cell(&table, reply_text(stamp, rows[i]));
		}
		table_print(&table);
	}
	json_object_put(reply);
	return status;
}

/* ---- rows ---- */

static int create_run(struct verb_call *call) { return client_with(call, create); }
static int list_run(struct verb_call *call) { return client_with(call, list); }
static int show_run(struct verb_call *call) { return client_with(call, show); }

#define COMMON_OPTIONS VERB_JSON_OPTION, VERB_STORE_OPTIONS, VERB_ENDPOINT_OPTIONS, VERB_OPTIONS_END

static const struct verb_option create_options[] = {
	{ "token", "TEXT", "the same token gives the same anchor again, within 7 days" },
	COMMON_OPTIONS
};
static const struct verb_option list_options[] = { COMMON_OPTIONS };
static const struct verb_option show_options[] = {
	{ "output", "FILE", "write the time-stamp response (DER) there, also -o FILE" },
	COMMON_OPTIONS
};

static const struct verb anchor_create = {
	.name = "create", .usage = "[LEDGER]",
	.summary = "Anchor a ledger in time, or all that have grown",
	.options = create_options, .max_args = 1, .run = create_run,
};
static const struct verb anchor_list = {
	.name = "list", .usage = "LEDGER", .summary = "List a ledger's time anchors",
	.options = list_options, .min_args = 1, .max_args = 1, .run = list_run,
};
static const struct verb anchor_show = {
	.name = "show", .usage = "STAMP", .summary = "Show a stamp by its place in the time ledger",
	.options = show_options, .min_args = 1, .max_args = 1, .run = show_run,
};
static const struct verb *const anchor_parts[] = { &anchor_create, &anchor_list, &anchor_show, NULL };

const struct verb verb_anchor = {
	.name = "anchor",
	.usage = "create|list|show",
	.summary = "Bound ledgers in time by the stamps of an authority",
	.parts = anchor_parts,
};
