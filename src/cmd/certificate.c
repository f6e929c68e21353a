/*
 * tally certificate: that a payload was erased, as a proof file (c2sp.org/tlog-proof) of the journal
 * that certifies it. It is checked like any other, without the server.
 */
#include "config.h"

#include "certificate.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>

#include "clock.h"
#include "print.h"
#include "proofs.h"

/* ---- asking ---- */

static json_object *ask(struct client *client, const char *ledger, const char *journal)
{
	client_start(client, "GetErasureCertificate");
	client_add(client, "LedgerId", ledger);
	client_add(client, "JournalId", journal);
	return client_run(client);
}

static bool is_certified(json_object *reply)
{
	return strcmp(reply_text(reply, "State"), "CERTIFIED") == 0;
}

/* Of a store at hand it is done at once, also by its owner. */
static bool finish_removals(struct client *client)
{
	json_object *reply;

	if (client->host == NULL)
		return true;
	client_start_admin(client, "Maintain");
	reply = client_run(client);
	json_object_put(reply);
	return reply != NULL;
}

json_object *certificate_get(struct client *client, const char *ledger, const char *journal,
			     uint64_t seconds)
{
	uint64_t until = tally_mono_ns() + seconds * 1000000000;
	json_object *reply = ask(client, ledger, journal);

	if (reply != NULL && !is_certified(reply) && seconds > 0) {
		json_object_put(reply);
		if (!finish_removals(client))
			return NULL;
		reply = ask(client, ledger, journal);
	}
	while (reply != NULL && !is_certified(reply) && tally_mono_ns() < until) {
		json_object_put(reply);
		usleep(200000);
		reply = ask(client, ledger, journal);
	}
	if (reply == NULL || is_certified(reply))
		return reply;
	verb_fail(client->call, "the erasure ordered by journal %s is not certified yet: ask again "
		  "later", reply_text(reply, "RemovedBy"));
	json_object_put(reply);
	return NULL;
}

int certificate_write(struct client *client, json_object *reply, const char *path)
{
	return prove_write(client, reply_member(reply, "Certificate"), false, path, NULL);
}

/* ---- telling ---- */

void certificate_backups(json_object *reply)
{
	json_object *list = reply_member(reply, "Backups");

	for (size_t i = 0; i < reply_count(list); i++)
		fprintf(stderr, "A backup may still hold it: %s\n",
			json_object_get_string(json_object_array_get_idx(list, i)));
}

static void say_lines(const char *text)
{
	while (*text != '\0') {
		size_t size = strcspn(text, "\n");

		printf("  a backup may still hold it: %.*s\n", (int)size, text);
		text += size + (text[size] != '\0');
	}
}

void certificate_say(json_object *leaf)
{
	json_object *data = reply_member(leaf, "data");
	char time[24];

	if (!reply_bool(data, "erased"))
		return;
	tally_time_format(reply_uint(data, "scrubbedAt"), time);
	if (reply_member(data, "before") != NULL)
		printf("  it certifies that the payloads of all journals below %" PRIu64 " are erased\n",
		       reply_uint(data, "before"));
	else
		printf("  it certifies that the payload of journal %" PRIu64 " is erased\n",
		       reply_uint(data, "journalId"));
	printf("  ordered by journal %" PRIu64 "; no byte was left in the store's files at %s\n",
	       reply_uint(data, "order"), time);
	say_lines(reply_text(data, "backups"));
}

/* ---- the verb ---- */

static int certificate(struct client *client)
{
	struct verb_call *call = client->call;
	uint64_t seconds = 0;
	int status = VERB_OK;
	json_object *reply;

	if (!verb_number(call, "wait", 0, 86400, &seconds))
		return VERB_USAGE;
	reply = certificate_get(client, call->args[0], call->args[1], seconds);
	if (reply == NULL)
		return VERB_FAILED;
	if (verb_given(call, "json")) {
		if (verb_given(call, "output"))
			status = certificate_write(client, reply, verb_value(call, "output", NULL));
		print_json(reply);
		return status;
	}
	status = certificate_write(client, reply, verb_value(call, "output", NULL));
	if (status == VERB_OK)
		certificate_backups(reply);
	json_object_put(reply);
	return status;
}

static int certificate_run(struct verb_call *call) { return client_with(call, certificate); }

static const struct verb_option certificate_options[] = {
	{ "output", "FILE", "where it goes, also -o FILE (default: standard output)" },
	{ "wait", "SECONDS", "wait for it so long, where it is not there yet (default: 0)" },
	{ "json", NULL, "print JSON, all that is known; the file only with --output" },
	VERB_STORE_OPTIONS,
	VERB_ENDPOINT_OPTIONS,
	VERB_OPTIONS_END
};

const struct verb verb_certificate = {
	.name = "certificate",
	.usage = "LEDGER JOURNAL",
	.summary = "Write the certificate that a payload was erased, for checking offline",
	.options = certificate_options,
	.min_args = 2,
	.max_args = 2,
	.run = certificate_run,
};
