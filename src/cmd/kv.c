/* tally kv: keys and values of a KV ledger. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "client.h"
#include "files.h"
#include "jcs.h"
#include "print.h"
#include "proofs.h"
#include "signer.h"
#include "utf8.h"

#define VALUE_MAX (64u << 20)	/* bytes of a file that are read at all; the server's own limit is lower */

/* ---- get ---- */

/* The value's own bytes. */
static int print_value(struct client *client, json_object *reply)
{
	json_object *text = reply_member(reply, "Value");
	struct tally_bytes bytes = tally_bytes(json_object_get_string(text),
					       (size_t)json_object_get_string_len(text));

	if (reply_bool(reply, "Removed"))
		return verb_fail(client->call, "the value was removed, as journal %s orders",
				 reply_text(reply, "RemovedBy"));
	if (strcmp(reply_text(reply, "ValueEncoding"), "base64") == 0 &&
	    !tally_base64_decode(&client->arena, bytes, &bytes))
		return verb_fail(client->call, "the value came in a form that is not base64");
	fwrite(bytes.data, 1, bytes.size, stdout);
	return VERB_OK;
}

/* The value of now; NULL after printing that there is none, or why not. */
static json_object *get_now(struct client *client)
{
	const struct verb_call *call = client->call;
	json_object *reply;

	client_start(client, "KvGet");
	client_add(client, "LedgerId", call->args[0]);
	client_add(client, "Key", call->args[1]);
	reply = client_try(client);
	if (reply == NULL && strcmp(client->code, "ResourceNotFound") == 0 &&
	    strstr(client->message, " Key ") != NULL)
		verb_fail(call, "the key has no value");
	else if (reply == NULL)
		verb_fail(call, "%s%s%s%s", client->message, client->code[0] != '\0' ? " (" : "",
			  client->code, client->code[0] != '\0' ? ")" : "");
	return reply;
}

/* The value as of a state, with its proof in a file; of what came later a note says that it is not
 * seen. NULL after printing why not. */
static json_object *get_proved(struct client *client, const char *path)
{
	const struct verb_call *call = client->call;
	json_object *reply;
	uint64_t size, tree;

	if (verb_given(call, "fresh") && !prove_make_fresh(client, call->args[0]))
		return NULL;
	if (prove_state_file(client, call->args[0], STATE_KV, call->args[1], path, &reply) != VERB_OK)
		return NULL;
	size = reply_uint(reply, "StateSize");
	tree = reply_uint(reply_member(reply, "StateRootJournal"), "TreeSize");
	if (tree - size > 1)	/* the STATE_ROOT journal itself is no news */
		fprintf(stderr, "as of size %llu of %llu; --fresh proves what it is now\n",
			(unsigned long long)size, (unsigned long long)tree);
	if (reply_bool(reply, "Exist"))
		return reply;
	verb_fail(call, "the key has no value, as %s proves", path);
	json_object_put(reply);
	return NULL;
}

static int get(struct client *client)
{
	const struct verb_call *call = client->call;
	const char *proof = verb_value(call, "proof", NULL);
	json_object *reply;
	int status;

	if (proof == NULL && (verb_given(call, "fresh") || verb_given(call, "cosigned")))
		return verb_misuse(call, "--fresh and --cosigned go with --proof");
	status = prove_check_cosigned(call);
	if (status != VERB_OK)
		return status;
	reply = proof != NULL ? get_proved(client, proof) : get_now(client);
	if (reply == NULL)
		return VERB_FAILED;
	if (verb_given(call, "json")) {
		print_json(reply);
		return VERB_OK;
	}
	status = print_value(client, reply);
	json_object_put(reply);
	return status;
}

/* ---- set and delete ---- */

/* What a command brings that changes a key. */
struct change {
	struct signer signer;
	struct tally_arena arena;
	struct tally_bytes value;
	bool set;
};

/* The value of the line, or of --file. */
static int read_value(struct verb_call *call, struct change *change)
{
	const char *file = verb_value(call, "file", NULL);

	if ((file != NULL) == (call->arg_count > 2))
		return verb_misuse(call, "set it to what? VALUE, or --file FILE");
	change->set = true;
	if (file != NULL)
		return file_read_whole(call, file, VALUE_MAX, &change->arena, &change->value) ?
			       VERB_OK : VERB_FAILED;
	change->value = tally_bytes_str(call->args[2]);
	return VERB_OK;
}

static void add_value(struct client *client, struct tally_bytes value)
{
	if (tally_utf8_valid(value) && memchr(value.data, '\0', value.size) == NULL)
		client_add(client, "Value", tally_arena_str(&client->arena, value));
	else
		client_add(client, "ValueBase64", tally_base64_encode(&client->arena, value));
}

/* The statement of a KV journal has the key as data; that of a deletion has no payload. */
static bool sign_change(struct change *change, struct client *client, const char *key,
			struct signature *signature_r)
{
	struct tally_statement statement = {
		.payload_type = tally_bytes_str(change->set ? "KV_SET" : "KV_DELETE") };
	struct tally_buf data = { 0 };
	struct tally_jcs_object object;
	bool good;

	tally_jcs_open(&object, &data);
	tally_jcs_name(&object, "key");
	tally_jcs_string(&data, tally_bytes_str(key));
	tally_jcs_close(&object);
	statement.data = tally_buf_bytes(&data);
	good = signer_sign(&change->signer, client->call, &statement,
			   change->set ? &change->value : NULL, signature_r);
	tally_buf_free(&data);
	return good;
}

static bool add_signature(struct change *change, struct client *client, const char *key)
{
	struct signature signature;

	if (!change->signer.on)
		return true;
	if (!sign_change(change, client, key, &signature))
		return false;
	client_add(client, "MemberId", change->signer.member_id);
	client_add(client, "MemberSignature", signature.signature);
	client_add(client, "MemberNonce", signature.nonce);
	client_add(client, "PayloadSalt", change->set ? signature.salt : NULL);
	return true;
}

static int send_change(struct client *client, struct change *change)
{
	const struct verb_call *call = client->call;
	json_object *reply;

	if (!tally_utf8_valid(tally_bytes_str(call->args[1])))
		return verb_misuse(call, "a key is UTF-8");
	if (change->signer.on && !signer_ask(&change->signer, client, call->args[0]))
		return VERB_FAILED;
	client_start_write(client, change->set ? "KvSet" : "KvDelete");
	client_add(client, "LedgerId", call->args[0]);
	client_add(client, "Key", call->args[1]);
	client_add(client, "ClientToken", verb_value(call, "token", NULL));
	if (change->set)
		add_value(client, change->value);
	if (!add_signature(change, client, call->args[1]))
		return VERB_FAILED;
	reply = client_run(client);
	if (reply == NULL)
		return VERB_FAILED;
	if (verb_given(call, "json")) {
		print_json(reply);
		return VERB_OK;
	}
	printf("journal %s\n", reply_text(reply, "JournalId"));
	json_object_put(reply);
	return VERB_OK;
}

/* Files are read before the store is opened: as root, they are still whoever's started the program. */
static int run_change(struct verb_call *call, bool set)
{
	struct change change = { .set = false };
	struct client client;
	int status = signer_read(call, &change.signer);

	if (status == VERB_OK && set)
		status = read_value(call, &change);
	if (status == VERB_OK)
		status = client_open(call, false, &client);
	if (status == VERB_OK) {
		status = send_change(&client, &change);
		client_close(&client);
	}
	signer_wipe(&change.signer);
	tally_arena_free(&change.arena);
	return status;
}

/* ---- rows ---- */

static int get_run(struct verb_call *call) { return client_with(call, get); }
static int set_run(struct verb_call *call) { return run_change(call, true); }
static int delete_run(struct verb_call *call) { return run_change(call, false); }

#define COMMON_OPTIONS VERB_JSON_OPTION, VERB_STORE_OPTIONS, VERB_ENDPOINT_OPTIONS, VERB_OPTIONS_END
#define TOKEN_OPTION { "token", "TEXT", "the same token again does nothing twice, within 7 days" }

static const struct verb_option get_options[] = {
	{ "proof", "FILE", "write a proof of the value, or that there is none, for tally verify" },
	{ "fresh", NULL, "first append a STATE_ROOT journal, so that the proof is of now" },
	{ "cosigned", NULL, "prove it under the newest checkpoint that enough witnesses cosigned" },
	COMMON_OPTIONS
};
static const struct verb_option set_options[] = {
	{ "file", "FILE", "the value is what this file holds; - is standard input" },
	TOKEN_OPTION,
	SIGNER_OPTIONS,
	COMMON_OPTIONS
};
static const struct verb_option delete_options[] = { TOKEN_OPTION, SIGNER_OPTIONS, COMMON_OPTIONS };

static const struct verb kv_get = {
	.name = "get", .usage = "LEDGER KEY", .summary = "Print the value of a key, byte for byte",
	.options = get_options, .min_args = 2, .max_args = 2, .run = get_run,
};
static const struct verb kv_set = {
	.name = "set", .usage = "LEDGER KEY [VALUE]", .summary = "Set the value of a key",
	.options = set_options, .min_args = 2, .max_args = 3, .run = set_run,
};
static const struct verb kv_delete = {
	.name = "delete", .usage = "LEDGER KEY", .summary = "Take a key's value away",
	.options = delete_options, .min_args = 2, .max_args = 2, .run = delete_run,
};
static const struct verb *const kv_parts[] = { &kv_get, &kv_set, &kv_delete, NULL };

const struct verb verb_kv = {
	.name = "kv",
	.usage = "get|set|delete",
	.summary = "Get, set and delete keys of a KV ledger",
	.parts = kv_parts,
};
