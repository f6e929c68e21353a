/* Keeping a store: tally maintain, rebuild, stat. Each is one action of local administration. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "client.h"
#include "cosign.h"
#include "policyfile.h"
#include "print.h"

static int finish(struct client *client, const char *done)
{
	json_object *reply = client_run(client);

	if (reply == NULL)
		return VERB_FAILED;
	if (verb_given(client->call, "json")) {
		print_json(reply);
		return VERB_OK;
	}
	puts(done);
	json_object_put(reply);
	return VERB_OK;
}

/* What is not cosigned by enough is told to whoever reads cron's mail. */
static int say_cosigned(const struct client *client, const struct cosign_sum *sum, json_object *reply)
{
	if (verb_given(client->call, "json")) {
		json_object_object_add(reply, "Ledgers", json_object_new_uint64(sum->ledgers));
		json_object_object_add(reply, "Cosigned", json_object_new_uint64(sum->cosigned));
	} else {
		printf("cosigned %zu of %zu ledgers\n", sum->cosigned, sum->ledgers);
	}
	if (sum->conflicts > 0)
		return verb_fail(client->call, "witnesses hold what %zu ledgers do not have: they are read "
				 "only now (tally adopt)", sum->conflicts);
	if (sum->cosigned < sum->ledgers)
		return verb_fail(client->call, "not enough witnesses cosign %zu of the ledgers now",
				 sum->ledgers - sum->cosigned);
	return VERB_OK;
}

/* That no authority answered is said, and is no failure: the store is maintained, and cron comes again. */
static void say_anchored(json_object *reply)
{
	if (reply_text(reply, "AnchorError")[0] != '\0')
		fprintf(stderr, "tally maintain: no ledger was anchored in time: %s\n",
			reply_text(reply, "AnchorError"));
}

static int maintain(struct client *client)
{
	struct tally_policy_file *policy;
	struct cosign_sum sum;
	json_object *reply;
	int status;

	client_start_admin(client, "Maintain");
	reply = client_run(client);
	if (reply == NULL)
		return VERB_FAILED;
	say_anchored(reply);
	if (!verb_given(client->call, "json") && reply_uint(reply, "Anchored") > 0)
		printf("maintained; %llu ledgers anchored in time\n",
		       (unsigned long long)reply_uint(reply, "Anchored"));
	else if (!verb_given(client->call, "json"))
		puts("maintained");
	status = cosign_policy(client->call, &policy);
	if (status == VERB_OK && policy != NULL)
		status = cosign_all(client, &policy->policy, &sum);
	if (status == VERB_OK && policy != NULL)
		status = say_cosigned(client, &sum, reply);
	if (verb_given(client->call, "json"))
		print_json(json_object_get(reply));
	json_object_put(reply);
	tally_policy_file_free(&policy);
	return status;
}

static int rebuild(struct client *client)
{
	client_start_admin(client, "RebuildIndex");
	if (client->call->arg_count != 0)
		client_add(client, "LedgerId", client->call->args[0]);
	return finish(client, "the index is built anew");
}

static int stat(struct client *client)
{
	json_object *reply, *figures;
	struct table table;

	client_start_admin(client, "StatStore");
	reply = client_run(client);
	if (reply == NULL)
		return VERB_FAILED;
	if (verb_given(client->call, "json")) {
		print_json(reply);
		return VERB_OK;
	}
	figures = reply_member(reply, "Figures");
	table_begin(&table, 2);
	for (size_t i = 0; i < reply_count(figures); i++) {
		json_object *figure = json_object_array_get_idx(figures, i);

		table_cell(&table, reply_text(figure, "Name"));
		table_cell(&table, reply_text(figure, "Value"));
	}
	table_print(&table);
	json_object_put(reply);
	return VERB_OK;
}

static int maintain_run(struct verb_call *call) { return client_with(call, maintain); }
static int rebuild_run(struct verb_call *call) { return client_with(call, rebuild); }
static int stat_run(struct verb_call *call) { return client_with(call, stat); }

static const struct verb_option keep_options[] = { VERB_JSON_OPTION, VERB_STORE_OPTIONS,
						   VERB_OPTIONS_END };

const struct verb verb_maintain = {
	.name = "maintain",
	.usage = "",
	.summary = "Tidy the store, and anchor ledgers that are due; suits cron",
	.details = "The index is applied, the driver makes a checkpoint and removes old logs. Ledgers whose\n"
		   "anchor interval has passed are anchored in time, where authorities are configured.",
	.options = keep_options,
	.run = maintain_run,
};

const struct verb verb_rebuild = {
	.name = "rebuild",
	.usage = "[LEDGER]",
	.summary = "Drop the index and build it anew from the blocks",
	.options = keep_options,
	.max_args = 1,
	.run = rebuild_run,
};

const struct verb verb_stat = {
	.name = "stat",
	.usage = "",
	.summary = "Print figures of the store since it was opened",
	.options = keep_options,
	.run = stat_run,
};
