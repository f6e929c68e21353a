/* tally get and tally list: journals out of a ledger. */
#include "config.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <json-c/json.h>

#include "clock.h"
#include "client.h"
#include "print.h"

#define PAGE 500

/* The clues, joined by commas; to be freed. */
static void join_clues(json_object *journal, struct tally_buf *joined)
{
	json_object *clues = reply_member(journal, "Clues");

	for (size_t i = 0; i < reply_count(clues); i++)
		tally_buf_printf(joined, "%s%s", i != 0 ? "," : "",
				 json_object_get_string(json_object_array_get_idx(clues, i)));
	tally_buf_add_u8(joined, '\0');
}

/* ---- get ---- */

static void show_journal(json_object *journal)
{
	struct tally_buf clues = { 0 };
	struct table table;

	join_clues(journal, &clues);
	table_begin(&table, 2);
	json_object_object_foreach(journal, name, value) {
		if (strcmp(name, "PayloadJsonString") == 0)
			continue;
		table_cell(&table, name);
		if (strcmp(name, "Timestamp") == 0)
			table_ms(&table, json_object_get_uint64(value));
		else if (strcmp(name, "Clues") == 0)
			table_cell(&table, (const char *)clues.data);
		else
			table_cell(&table, json_object_get_string(value));
	}
	table_print(&table);
	tally_buf_free(&clues);
	printf("\n%s\n", reply_text(journal, "PayloadJsonString"));
}

/* The payload's own bytes. */
static int show_payload(struct client *client, json_object *journal)
{
	json_object *text = reply_member(journal, "PayloadJsonString");
	struct tally_bytes bytes = tally_bytes(json_object_get_string(text),
					       (size_t)json_object_get_string_len(text));

	if (reply_bool(journal, "Removed"))
		return verb_fail(client->call, "the payload was removed by journal %s",
				 reply_text(journal, "RemovedBy"));
	if (strcmp(reply_text(journal, "PayloadEncoding"), "base64") == 0 &&
	    !tally_base64_decode(&client->arena, bytes, &bytes))
		return verb_fail(client->call, "the payload came in a form that is not base64");
	fwrite(bytes.data, 1, bytes.size, stdout);
	return VERB_OK;
}

static int get(struct client *client)
{
	struct verb_call *call = client->call;
	json_object *reply, *journal;
	int status = VERB_OK;

	client_start(client, "GetJournal");
	client_add(client, "LedgerId", call->args[0]);
	client_add(client, "JournalId", call->args[1]);
	reply = client_run(client);
	if (reply == NULL)
		return VERB_FAILED;
	journal = reply_member(reply, "Journal");
	if (verb_given(call, "payload"))
		status = show_payload(client, journal);
	else if (verb_given(call, "json"))
		print_json(json_object_get(journal));
	else
		show_journal(journal);
	json_object_put(reply);
	return status;
}

/* ---- list ---- */

struct listing {
	struct client *client;
	struct table table;
	size_t columns;		/* of the terminal; 0: payloads are not cut */
	uint64_t left;
};

/* A payload on one line, cut where the terminal ends. */
static void cut_payload(const struct listing *listing, const char *text, char *cut, size_t size)
{
	size_t room = listing->columns > 80 ? listing->columns - 62 : 40;

	if (listing->columns == 0 || room > size - 4)
		room = size - 4;
	snprintf(cut, size, "%.*s", (int)room, text);
	if (strlen(text) > room) {
		/* never half of a character */
		while (room > 0 && ((unsigned char)cut[room] & 0xc0) == 0x80)
			room--;
		strcpy(cut + room, "...");
	}
}

static void list_row(struct listing *listing, json_object *journal)
{
	struct tally_buf joined = { 0 };
	char payload[2048];

	join_clues(journal, &joined);
	table_cell(&listing->table, reply_text(journal, "JournalId"));
	table_ms(&listing->table, reply_uint(journal, "Timestamp"));
	table_cell(&listing->table, reply_text(journal, "PayloadType"));
	table_cell(&listing->table, (const char *)joined.data);
	cut_payload(listing, reply_text(journal, "PayloadJsonString"), payload, sizeof payload);
	table_cell(&listing->table, payload);
	tally_buf_free(&joined);
}

/* "2024-05-01T00:00:00Z", "2024-05-01", or milliseconds, as milliseconds; 0 is wrong. */
static bool add_time(struct client *client, const char *option, const char *name)
{
	const char *text = verb_value(client->call, option, NULL);
	uint64_t ms;
	char full[24];

	if (text == NULL)
		return true;
	snprintf(full, sizeof full, "%.10sT00:00:00Z", text);
	if (!tally_time_parse(tally_bytes_str(text), &ms) &&
	    !(strlen(text) == 10 && tally_time_parse(tally_bytes_str(full), &ms)) &&
	    !tally_parse_u64(tally_bytes_str(text), INT64_MAX, &ms)) {
		verb_misuse(client->call, "--%s is a time such as 2024-05-01T12:00:00Z, not %s", option,
			    text);
		return false;
	}
	client_add_uint(client, name, ms);
	return true;
}

/* The filters, the same for every page. */
static bool add_query(struct listing *listing, const char *next)
{
	struct client *client = listing->client;
	struct verb_call *call = client->call;

	client_start(client, "ListJournals");
	client_add(client, "LedgerId", call->args[0]);
	client_add(client, "Clue", verb_value(call, "clue", NULL));
	client_add(client, "MemberId", verb_value(call, "member", NULL));
	client_add(client, "PayloadType", verb_value(call, "type", NULL));
	client_add(client, "StartJournalId", verb_value(call, "from", NULL));
	client_add(client, "EndJournalId", verb_value(call, "to", NULL));
	client_add(client, "Reverse", verb_given(call, "reverse") ? "true" : NULL);
	client_add(client, "NextToken", next[0] != '\0' ? next : NULL);
	client_add_uint(client, "MaxResults", listing->left < PAGE ? listing->left : PAGE);
	return add_time(client, "since", "StartTime") && add_time(client, "until", "EndTime");
}

static int list_pages(struct listing *listing, bool json)
{
	char next[512] = "";

	do {
		json_object *reply, *page;

		if (!add_query(listing, next))
			return VERB_USAGE;
		reply = client_run(listing->client);
		if (reply == NULL)
			return VERB_FAILED;
		page = reply_member(reply, "Journals");
		for (size_t i = 0; i < reply_count(page) && listing->left > 0; i++) {
			listing->left--;
			if (json)
				print_json_line(json_object_array_get_idx(page, i));
			else
				list_row(listing, json_object_array_get_idx(page, i));
		}
		snprintf(next, sizeof next, "%s", reply_text(reply, "NextToken"));
		json_object_put(reply);
	} while (next[0] != '\0' && listing->left > 0);
	return VERB_OK;
}

static int list(struct client *client)
{
	static const char *const heads[] = { "JOURNAL", "TIME", "TYPE", "CLUES", "PAYLOAD" };
	bool json = verb_given(client->call, "json");
	struct listing listing = { .client = client, .left = json ? UINT64_MAX : 100 };
	struct winsize size;
	int status;

	if (!verb_number(client->call, "limit", 1, UINT64_MAX - 1, &listing.left))
		return VERB_USAGE;
	if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
		listing.columns = size.ws_col;
	table_begin(&listing.table, 5);
	for (size_t i = 0; i < 5; i++)
		table_cell(&listing.table, heads[i]);
	status = list_pages(&listing, json);
	if (json)
		table_drop(&listing.table);
	else
		table_print(&listing.table);
	return status;
}

/* ---- rows ---- */

static int get_run(struct verb_call *call) { return client_with(call, get); }
static int list_run(struct verb_call *call) { return client_with(call, list); }

static const struct verb_option get_options[] = {
	{ "payload", NULL, "print the payload alone, byte for byte" },
	VERB_JSON_OPTION,
	VERB_STORE_OPTIONS,
	VERB_ENDPOINT_OPTIONS,
	VERB_OPTIONS_END
};

static const struct verb_option list_options[] = {
	{ "clue", "TEXT", "only journals with this clue" },
	{ "member", "ID", "only journals of this member" },
	{ "type", "NAME", "only journals of this payload type, such as CUSTOM" },
	{ "from", "N", "only journals from this number on" },
	{ "to", "N", "only journals up to this number" },
	{ "since", "TIME", "only journals since then: 2024-05-01, 2024-05-01T12:00:00Z or ms" },
	{ "until", "TIME", "only journals until then" },
	{ "reverse", NULL, "newest first" },
	{ "limit", "N", "at most so many (default: 100, with --json all)" },
	{ "json", NULL, "print NDJSON, one journal a line" },
	VERB_STORE_OPTIONS,
	VERB_ENDPOINT_OPTIONS,
	VERB_OPTIONS_END
};

const struct verb verb_get = {
	.name = "get",
	.usage = "LEDGER JOURNAL",
	.summary = "Print one journal",
	.options = get_options,
	.min_args = 2,
	.max_args = 2,
	.run = get_run,
};

const struct verb verb_list = {
	.name = "list",
	.usage = "LEDGER",
	.summary = "List journals of a ledger",
	.options = list_options,
	.min_args = 1,
	.max_args = 1,
	.run = list_run,
};
