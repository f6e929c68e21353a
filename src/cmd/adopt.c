/*
 * tally adopt: an operator's word that a store which is less than what was signed for it, or
 * differs, is the one to go on with. Where witnesses are configured they are asked first what they
 * have cosigned: what they hold and the ledger has not is never signed for again under its name.
 * Without --yes it only tells what was signed and what is there.
 */
#include "config.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "client.h"
#include "cosign.h"
#include "policyfile.h"
#include "print.h"

#define REOPEN_TRIES 150	/* a tenth of a second apart */

static void print_logs(json_object *logs)
{
	static const char *const heads[] = { "SIGNED", "COSIGNED", "THERE", "STATE", "LOG" };
	struct table table;

	table_begin(&table, 5);
	for (size_t i = 0; i < 5; i++)
		table_cell(&table, heads[i]);
	for (size_t i = 0; i < reply_count(logs); i++) {
		json_object *log = json_object_array_get_idx(logs, i);

		table_uint(&table, reply_uint(log, "SignedSize"));
		table_uint(&table, reply_uint(log, "CosignedSize"));
		table_uint(&table, reply_uint(log, "JournalCount"));
		table_cell(&table, reply_bool(log, "Fits") ? "good" : "read only");
		table_cell(&table, reply_text(log, "Origin"));
	}
	table_print(&table);
	for (size_t i = 0; i < reply_count(logs); i++) {
		json_object *log = json_object_array_get_idx(logs, i);

		if (reply_text(log, "NewOrigin")[0] != '\0')
			printf("%s goes on as %s\n", reply_text(log, "Origin"),
			       reply_text(log, "NewOrigin"));
	}
}

static size_t count_misfits(json_object *logs)
{
	size_t count = 0;

	for (size_t i = 0; i < reply_count(logs); i++)
		count += !reply_bool(json_object_array_get_idx(logs, i), "Fits");
	return count;
}

/* ---- asking ---- */

/* really: do it, else only look. NULL after printing. */
static json_object *ask(struct client *client, bool really)
{
	client_start_admin(client, "AdoptStore");
	client_add(client, "Adopt", really ? "true" : "false");
	client_add(client, "NewOrigin", verb_given(client->call, "new-origin") ? "true" : "false");
	return client_run(client);
}

/* What the witnesses know of the ledgers. */
struct inquiry {
	size_t held;			/* ledgers of which one holds what is not there */
	bool silent[TALLY_POLICY_WITNESSES];
	bool enough_silent;		/* those alone may have cosigned what is gone */
};

static int inquire(struct client *client, const struct tally_policy *policy, json_object *logs,
		   struct inquiry *inquiry)
{
	bool any = false;

	for (size_t i = 0; i < reply_count(logs); i++) {
		json_object *log = json_object_array_get_idx(logs, i);
		int held = cosign_check(client, policy, reply_text(log, "LedgerId"),
					reply_text(log, "Origin"), inquiry->silent);

		if (held < 0)
			return VERB_FAILED;
		inquiry->held += held > 0;
	}
	for (size_t i = 0; i < policy->witness_count; i++)
		any = any || inquiry->silent[i];
	inquiry->enough_silent = any && tally_policy_quorum(policy, inquiry->silent);
	return VERB_OK;
}

/* May it be done? Prints why not. */
static bool is_allowed(struct verb_call *call, const struct inquiry *inquiry)
{
	if (inquiry->held > 0 && !verb_given(call, "new-origin")) {
		verb_fail(call, "witnesses have cosigned what %zu of the ledgers do not have. If the newest "
			  "store can still be had, use that; else go on under new names with --new-origin",
			  inquiry->held);
		return false;
	}
	if (inquiry->enough_silent && !verb_given(call, "new-origin") &&
	    !verb_given(call, "unanswered")) {
		verb_fail(call, "witnesses that may have cosigned what is gone do not answer. Try again "
			  "later, or go on under new names with --new-origin, or without their answer with "
			  "--unanswered");
		return false;
	}
	return true;
}

/* ---- doing it ---- */

/* A store that was moved is adopted in its place first and opened anew; its owner may be another
 * process, which ends now. */
static json_object *ask_again(struct client *client)
{
	json_object *reply = NULL;

	for (int i = 0; i < REOPEN_TRIES; i++) {
		client_close(client);
		poll(NULL, 0, 100);
		if (client_open(client->call, false, client) != VERB_OK)
			return NULL;
		reply = ask(client, true);
		if (reply == NULL || !reply_bool(reply, "Moved"))
			return reply;
		json_object_put(reply);
	}
	verb_fail(client->call, "the store's owner does not end; run it once more");
	return NULL;
}

static json_object *adopt_now(struct client *client)
{
	json_object *reply = ask(client, true);

	if (reply == NULL || !verb_given(client->call, "new-origin") || !reply_bool(reply, "Moved") ||
	    count_misfits(reply_member(reply, "Logs")) == 0)
		return reply;
	json_object_put(reply);
	return ask_again(client);
}

static int say(struct verb_call *call, json_object *reply, bool moved, bool done)
{
	size_t misfits = count_misfits(reply_member(reply, "Logs"));

	if (verb_given(call, "json"))
		print_json(json_object_get(reply));
	else
		print_logs(reply_member(reply, "Logs"));
	if (moved)
		fprintf(stderr, "The store was moved or copied. Make sure that it is used here only.\n");
	if (misfits == 0 && !moved)
		fprintf(stderr, "Every ledger holds what was signed of it; there is nothing to adopt.\n");
	else if (done && misfits != 0 && verb_given(call, "new-origin"))
		fprintf(stderr, "Adopted. What does not hold what was signed of it goes on as a new log; "
				"tell those who follow it its new verifier key.\n");
	else if (done)
		fprintf(stderr, misfits != 0 ? "Adopted. Whoever kept a checkpoint of what is gone will "
					       "see that it is gone.\n" : "Adopted.\n");
	else
		return verb_fail(call, "nothing was adopted%s; to go on with this one, say --yes",
				 misfits != 0 ? ". What was signed is not all there: if the newest "
						"store can still be had, use that" : "");
	return VERB_OK;
}

static int adopt(struct client *client)
{
	struct verb_call *call = client->call;
	struct tally_policy_file *policy = NULL;
	struct inquiry inquiry = { 0 };
	json_object *reply = ask(client, false);
	bool moved, done = false;
	int status;

	if (reply == NULL)
		return VERB_FAILED;
	moved = reply_bool(reply, "Moved");
	status = cosign_policy(call, &policy);
	if (status == VERB_OK && policy != NULL)
		status = inquire(client, &policy->policy, reply_member(reply, "Logs"), &inquiry);
	if (status == VERB_OK && inquiry.held > 0) {	/* they are read only by now */
		json_object_put(reply);
		reply = ask(client, false);
	}
	if (status == VERB_OK && reply != NULL && verb_given(call, "yes") &&
	    (moved || count_misfits(reply_member(reply, "Logs")) > 0)) {
		done = is_allowed(call, &inquiry);
		if (done) {
			json_object_put(reply);
			reply = adopt_now(client);
		} else {
			status = VERB_FAILED;
		}
	}
	if (reply == NULL)
		status = VERB_FAILED;
	else if (status == VERB_OK)
		status = say(call, reply, moved, done);
	json_object_put(reply);
	tally_policy_file_free(&policy);
	return status;
}

static int adopt_run(struct verb_call *call) { return client_with(call, adopt); }

static const struct verb_option adopt_options[] = {
	{ "yes", NULL, "go on with what is there, and forget what was signed before" },
	{ "new-origin", NULL, "with --yes: forget nothing; ledgers that do not hold what was signed go on "
			      "as new logs, which name the old ones" },
	{ "unanswered", NULL, "with --yes: also when witnesses do not answer that may have cosigned more" },
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
