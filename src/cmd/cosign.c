/* Witnesses, as verbs ask them; see cosign.h. */
#include "config.h"

#include "cosign.h"

#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "conf.h"
#include "core.h"
#include "err.h"
#include "fill.h"
#include "policyfile.h"
#include "submit.h"

int cosign_policy(struct verb_call *call, struct tally_policy_file **file_r)
{
	struct tally_witness_settings settings;
	struct tally_conf *conf = verb_conf(call);
	struct tally_err err;

	*file_r = NULL;
	if (conf == NULL)
		return VERB_FAILED;
	if (tally_witness_settings_load(conf, &settings, &err) != 0)
		return verb_fail_err(call, &err);
	if (settings.policy != NULL && tally_policy_file_read(settings.policy, file_r, &err) != 0)
		return verb_fail_err(call, &err);
	return VERB_OK;
}

/* ---- where the ledgers are: behind the client ---- */

/* What a failed request says, as an error for the submitter. */
static int failure(const struct client *client, struct tally_err *err)
{
	return tally_err_set(err, TALLY_IO, "%s", client->message);
}

static struct tally_bytes copy(struct tally_arena *arena, const char *text)
{
	return tally_arena_bytes(arena, tally_bytes_str(text));
}

static int get_checkpoint(void *ctx, const char *ledger_id, struct tally_arena *arena,
			  struct tally_bytes *note_r, struct tally_bytes *cosigned_r,
			  struct tally_err *err)
{
	struct client *client = ctx;
	json_object *reply;

	client_start(client, "GetCheckpoint");
	client_add(client, "LedgerId", ledger_id);
	reply = client_try(client);
	if (reply == NULL)
		return failure(client, err);
	*note_r = copy(arena, reply_text(reply, "Checkpoint"));
	*cosigned_r = copy(arena, reply_text(reply, "CosignedCheckpoint"));
	json_object_put(reply);
	return 1;
}

static int get_proof(void *ctx, const char *ledger_id, uint64_t old_size, uint64_t new_size,
		     struct tally_consistency *proof_r, struct tally_err *err)
{
	struct client *client = ctx;
	json_object *reply, *list;
	bool good;

	client_start(client, "GetConsistencyProof");
	client_add(client, "LedgerId", ledger_id);
	client_add_uint(client, "OldSize", old_size);
	client_add_uint(client, "NewSize", new_size);
	reply = client_try(client);
	if (reply == NULL)
		return failure(client, err);
	list = reply_member(reply, "Proof");
	proof_r->proof_count = reply_count(list);
	good = proof_r->proof_count <= TALLY_TREE_MAX_PATH + 1;
	for (size_t i = 0; good && i < proof_r->proof_count; i++)
		good = tally_hex_decode(tally_bytes_str(json_object_get_string(
						json_object_array_get_idx(list, i))),
					proof_r->proof[i].bytes, TALLY_HASH_SIZE);
	json_object_put(reply);
	return good ? 1 : tally_err_set(err, TALLY_CORRUPT, "the server's proof is malformed");
}

static int keep_note(void *ctx, const char *ledger_id, struct tally_bytes note,
		     struct tally_err *err)
{
	struct client *client = ctx;
	struct tally_arena arena = { 0 };
	json_object *reply;

	client_start_admin(client, "KeepCosignedCheckpoint");
	client_add(client, "LedgerId", ledger_id);
	client_add(client, "Checkpoint", tally_arena_str(&arena, note));
	tally_arena_free(&arena);
	reply = client_try(client);
	if (reply == NULL)
		return failure(client, err);
	json_object_put(reply);
	return 0;
}

static int check_note(void *ctx, const char *ledger_id, struct tally_bytes note, bool *fits_r,
		      struct tally_err *err)
{
	struct client *client = ctx;
	struct tally_arena arena = { 0 };
	json_object *reply;

	client_start_admin(client, "CheckSignedCheckpoint");
	client_add(client, "LedgerId", ledger_id);
	client_add(client, "Checkpoint", tally_arena_str(&arena, note));
	tally_arena_free(&arena);
	reply = client_try(client);
	if (reply == NULL)
		return failure(client, err);
	*fits_r = reply_bool(reply, "Fits");
	json_object_put(reply);
	return 0;
}

static const struct tally_submit_calls calls = { get_checkpoint, get_proof, keep_note, check_note };

/* ---- cosigning ---- */

static int cosign_one(struct client *client, struct tally_submitter *submitter, const char *id,
		      struct cosign_sum *sum)
{
	struct tally_submit_result result;
	struct tally_err err;

	sum->ledgers++;
	if (tally_submit(submitter, id, &result, &err) < 0) {
		verb_fail(client->call, "%s: %s", id, err.text);
		return VERB_FAILED;
	}
	sum->cosigned += result.quorum;
	sum->conflicts += result.conflict;
	return VERB_OK;
}

/* A page of ledgers; next is where the following one begins, or "". */
static int cosign_page(struct client *client, struct tally_submitter *submitter, bool public_only,
		       char next[512], struct cosign_sum *sum)
{
	json_object *reply, *page;
	int status = VERB_OK;

	client_start(client, "DescribeLedgers");
	client_add_uint(client, "MaxResults", 100);
	client_add(client, "NextToken", next[0] != '\0' ? next : NULL);
	next[0] = '\0';
	reply = client_run(client);
	if (reply == NULL)
		return VERB_FAILED;
	snprintf(next, 512, "%s", reply_text(reply, "NextToken"));
	page = reply_member(reply, "Ledgers");
	for (size_t i = 0; i < reply_count(page); i++) {
		json_object *ledger = json_object_array_get_idx(page, i);

		if ((!public_only || reply_bool(ledger, "PublicRead")) &&
		    cosign_one(client, submitter, reply_text(ledger, "LedgerId"), sum) != VERB_OK)
			status = VERB_FAILED;
	}
	json_object_put(reply);
	return status;
}

int cosign_all(struct client *client, const struct tally_policy *policy, struct cosign_sum *sum)
{
	struct tally_witness_settings settings;
	struct tally_submitter *submitter;
	int status = VERB_OK;
	struct tally_err err;
	char next[512] = "";

	memset(sum, 0, sizeof *sum);
	if (tally_witness_settings_load(client->call->conf, &settings, &err) != 0)
		return verb_fail_err(client->call, &err);
	submitter = tally_submitter_new(policy, settings.timeout_ms, &calls, client);
	do
		if (cosign_page(client, submitter, settings.public_only, next, sum) != VERB_OK)
			status = VERB_FAILED;
	while (next[0] != '\0');
	tally_submitter_free(&submitter);
	return status;
}

/* ---- what they have seen ---- */

/* 1 it holds what the ledger has not, 0 all is well, -1 after printing why it cannot be told. */
static int check_one(struct client *client, const struct tally_policy *policy, size_t witness,
		     uint64_t timeout_ms, const char *ledger_id, const char *origin, bool *silent)
{
	const struct tally_policy_witness *w = &policy->witnesses[witness];
	struct tally_arena arena = { 0 };
	struct tally_bytes note;
	struct tally_err err;
	bool fits = true;
	int found = tally_witness_ask(tally_arena_str(&arena, w->url), tally_bytes_str(origin),
				      timeout_ms, NULL, NULL, &arena, &note, &err);

	if (found < 0) {
		fprintf(stderr, "%.*s: %s\n", (int)w->name.size, (const char *)w->name.data, err.text);
		silent[witness] = true;
		found = 0;
	} else if (found == 1 && check_note(client, ledger_id, note, &fits, &err) != 0) {
		/* Whatever it gives out, our key did not sign it. */
		fprintf(stderr, "%.*s: what it has of %s says nothing: %s\n", (int)w->name.size,
			(const char *)w->name.data, origin, err.text);
		silent[witness] = true;
		found = 0;
	} else if (found == 1) {
		found = !fits;
	}
	tally_arena_free(&arena);
	return found;
}

int cosign_check(struct client *client, const struct tally_policy *policy, const char *ledger_id,
		 const char *origin, bool *silent)
{
	struct tally_witness_settings settings;
	struct tally_err err;
	int count = 0;

	if (tally_witness_settings_load(client->call->conf, &settings, &err) != 0) {
		verb_fail_err(client->call, &err);
		return -1;
	}
	for (size_t i = 0; i < policy->witness_count; i++) {
		/* Who has no URL was never shown anything. */
		if (!silent[i] && policy->witnesses[i].url.size > 0)
			count += check_one(client, policy, i, settings.timeout_ms, ledger_id, origin,
					   silent);
	}
	return count;
}
