/*
 * tally adopt: an operator's word that a store which is less than what was signed for it, or
 * differs, is the one to go on with. Without --yes it only tells what was signed and what is there.
 */
#include "config.h"

#include <stdio.h>

#include <json-c/json.h>

#include "client.h"
#include "print.h"

static void print_logs(json_object *logs)
{
	static const char *const heads[] = { "SIGNED", "THERE", "STATE", "LOG" };
	struct table table;

	table_begin(&table, 4);
	for (size_t i = 0; i < 4; i++)
		table_cell(&table, heads[i]);
	for (size_t i = 0; i < reply_count(logs); i++) {
		json_object *log = json_object_array_get_idx(logs, i);

		table_uint(&table, reply_uint(log, "SignedSize"));
		table_uint(&table, reply_uint(log, "JournalCount"));
		table_cell(&table, reply_bool(log, "Fits") ? "good" : "read only");
		table_cell(&table, reply_text(log, "Origin"));
	}
	table_print(&table);
}

static size_t count_misfits(json_object *logs)
{
	size_t count = 0;

	for (size_t i = 0; i < reply_count(logs); i++)
		count += !reply_bool(json_object_array_get_idx(logs, i), "Fits");
	return count;
}

static int adopt(struct client *client)
{
	struct verb_call *call = client->call;
	bool really = verb_given(call, "yes"), moved;
	json_object *reply, *logs;
	size_t misfits;

	client_start_admin(client, "AdoptStore");
	client_add(client, "Adopt", really ? "true" : "false");
	reply = client_run(client);
	if (reply == NULL)
		return VERB_FAILED;
	logs = reply_member(reply, "Logs");
	misfits = count_misfits(logs);
	moved = reply_bool(reply, "Moved");
	if (verb_given(call, "json"))
		print_json(json_object_get(reply));
	else
		print_logs(logs);
	json_object_put(reply);
	if (moved)
		fprintf(stderr, "The store was moved or copied. Make sure that it is used here only.\n");
	if (misfits == 0 && !moved)
		fprintf(stderr, "Every ledger holds what was signed of it; there is nothing to adopt.\n");
	else if (really)
		fprintf(stderr, misfits != 0 ? "Adopted. Whoever kept a checkpoint of what is gone will "
					       "see that it is gone.\n" : "Adopted.\n");
	else
		return verb_fail(call, "nothing was adopted%s; to go on with this one, say --yes",
				 misfits != 0 ? ". What was signed is not all there: if the newest "
						"store can still be had, use that" : "");
	return VERB_OK;
}

static int adopt_run(struct verb_call *call) { return client_with(call, adopt); }

static const struct verb_option adopt_options[] = {
	{ "yes", NULL, "go on with what is there, and forget what was signed before" },
	VERB_JSON_OPTION,
	VERB_STORE_OPTIONS,
	VERB_OPTIONS_END
};

const struct verb verb_adopt = {
	.name = "adopt",
	.usage = "",
	.summary = "Go on with a store that is older than what was signed of it",
	.options = adopt_options,
	.run = adopt_run,
};
