/*
 * tally prove: a journal's proof as a file (c2sp.org/tlog-proof) that can be checked without the
 * server, by tally verify or by anybody's tool. The leaf and the salt stand in its line "extra",
 * which is no part of the proof: what verifies is the leaf's hash. So does, with --time, what bounds
 * the journal in time (bounds.h), which has proofs of its own.
 */
#include "config.h"

#include <string.h>

#include <json-c/json.h>

#include "bounds.h"
#include "client.h"
#include "files.h"
#include "note.h"
#include "prooffile.h"
#include "proofs.h"

struct proven {
	struct tally_bytes leaf, extra, checkpoint;
	const char *salt;
	json_object *time;		/* what bounds it, or NULL */
	struct tally_proof_file file;
};

/* ProofPath is a JSON list within a text; with --time it is a list. */
static bool read_path(json_object *reply, struct tally_proof_file *file)
{
	json_object *given = reply_member(reply, "ProofPath");
	json_object *list = json_object_is_type(given, json_type_array) ?
				    json_object_get(given) :
				    json_tokener_parse(reply_text(reply, "ProofPath"));
	bool good = list != NULL && reply_count(list) <= TALLY_TREE_MAX_PATH;

	for (size_t i = 0; good && i < reply_count(list); i++)
		good = tally_hex_decode(
			tally_bytes_str(json_object_get_string(json_object_array_get_idx(list, i))),
			file->path[file->path_count++].bytes, TALLY_HASH_SIZE);
	json_object_put(list);
	return good;
}

/* The size in a cosigned checkpoint; 0 for none. */
static uint64_t size_of(struct tally_bytes bytes)
{
	struct tally_checkpoint checkpoint;
	struct tally_note note;

	return tally_note_parse(bytes, &note) && tally_checkpoint_parse(note.text, &checkpoint) ?
		       checkpoint.size :
		       0;
}

bool prove_cosigned_size(struct client *client, const char *ledger, bool must, uint64_t *size_r)
{
	json_object *reply;

	*size_r = 0;
	client_start(client, "GetCheckpoint");
	client_add(client, "LedgerId", ledger);
	reply = must ? client_run(client) : client_try(client);
	if (reply != NULL)
		*size_r = size_of(tally_bytes_str(reply_text(reply, "CosignedCheckpoint")));
	json_object_put(reply);
	if (must && reply != NULL && *size_r == 0)
		verb_fail(client->call, "no checkpoint has been cosigned by enough witnesses");
	return !must || *size_r != 0;
}

/*
 * In which tree it is proved: in that of the newest cosigned checkpoint, where there is one that
 * covers the journal; else, unless a cosigned one is asked for, in the newest (0). False after
 * printing.
 */
static bool choose_tree(struct client *client, uint64_t *size_r)
{
	const char *journal = client->call->args[1];
	bool wanted = verb_given(client->call, "cosigned");
	uint64_t id;

	if (!prove_cosigned_size(client, client->call->args[0], wanted, size_r))
		return false;
	if (tally_parse_u64(tally_bytes_str(journal), INT64_MAX, &id) && id < *size_r)
		return true;
	if (wanted)
		verb_fail(client->call, "witnesses have cosigned only %llu journals yet",
			  (unsigned long long)*size_r);
	*size_r = 0;
	return !wanted;
}

static bool read_proof(struct tally_arena *arena, json_object *reply, struct proven *proven)
{
	const char *index = reply_member(reply, "LeafIndex") != NULL ? "LeafIndex" : "JournalSequence";

	proven->checkpoint = tally_arena_bytes(arena,
					       tally_bytes_str(reply_text(reply, "Checkpoint")));
	proven->salt = reply_text(reply, "Salt");
	proven->file.index = reply_uint(reply, index);
	proven->file.checkpoint = proven->checkpoint;
	return tally_base64_decode(arena, tally_bytes_str(reply_text(reply, "Leaf")),
				   &proven->leaf) &&
	       read_path(reply, &proven->file);
}

/* {"leaf":"...","salt":"...","time":{...}} in base64. */
static void make_extra(struct tally_arena *arena, struct proven *proven)
{
	json_object *extra = json_object_new_object();

	json_object_object_add(extra, "leaf",
			       json_object_new_string_len((const char *)proven->leaf.data,
							  (int)proven->leaf.size));
	if (proven->salt[0] != '\0')
		json_object_object_add(extra, "salt", json_object_new_string(proven->salt));
	if (proven->time != NULL)
		json_object_object_add(extra, "time", json_object_get(proven->time));
	proven->file.extra = tally_bytes_str(tally_base64_encode(arena, tally_bytes_str(
		json_object_to_json_string_ext(extra, JSON_C_TO_STRING_PLAIN |
						      JSON_C_TO_STRING_NOSLASHESCAPE))));
	json_object_put(extra);
}

/* What the server sent must hold before it is written down; its signature needs the key, and that
 * is tally verify's. */
static bool holds(const struct proven *proven)
{
	struct tally_checkpoint checkpoint;
	struct tally_note note;
	struct tally_hash leaf;

	tally_leaf_hash(proven->leaf, &leaf);
	return tally_note_parse(proven->checkpoint, &note) &&
	       tally_checkpoint_parse(note.text, &checkpoint) &&
	       tally_inclusion_verify(proven->file.index, checkpoint.size, &leaf, proven->file.path,
				      proven->file.path_count, &checkpoint.root);
}

static int write_proof(const struct verb_call *call, struct proven *proven, const char *output,
		       const char *leaf)
{
	struct tally_buf buf = { 0 };
	int status = VERB_OK;

	tally_proof_format(&proven->file, &buf);
	if (leaf != NULL && !file_write_whole(call, leaf, proven->leaf))
		status = VERB_FAILED;
	else if (!file_write_whole(call, output, tally_buf_bytes(&buf)))
		status = VERB_FAILED;
	tally_buf_free(&buf);
	return status;
}

int prove_write(struct client *client, json_object *reply, bool with_time, const char *output,
		const char *leaf)
{
	const struct verb_call *call = client->call;
	struct proven proven = { 0 };
	int status;

	if (reply_text(reply, "Checkpoint")[0] == '\0') {
		status = verb_fail(call, "the server does not sign for this ledger now; its log "
				   "says why");
	} else if (!read_proof(&client->arena, reply, &proven) || !holds(&proven)) {
		status = verb_fail(call, "the answer proves nothing: its hashes do not fit");
	} else if (with_time &&
		   (proven.time = bounds_from_reply(reply, &client->arena)) == NULL) {
		status = verb_fail(call, "no time anchor bounds it yet (tally anchor create)");
	} else {
		make_extra(&client->arena, &proven);
		status = write_proof(call, &proven, output, leaf);
	}
	json_object_put(proven.time);
	return status;
}

/* NULL after printing. Between two requests witnesses may have cosigned a newer tree: then again. */
static json_object *ask_proof(struct client *client)
{
	json_object *reply = NULL;
	uint64_t size;

	for (int i = 0; i < PROVE_TRIES; i++) {
		json_object_put(reply);
		if (!choose_tree(client, &size))
			return NULL;
		client_start(client, "GetJournalProof");
		client_add(client, "LedgerId", client->call->args[0]);
		client_add(client, "JournalSequence", client->call->args[1]);
		if (size != 0)
			client_add_uint(client, "TreeSize", size);
		reply = client_run(client);
		if (reply == NULL || size == 0 || reply_text(reply, "Checkpoint")[0] != '\0')
			break;
	}
	return reply;
}

static json_object *ask_time_proof(struct client *client)
{
	client_start(client, "GetJournalTimeProof");
	client_add(client, "LedgerId", client->call->args[0]);
	client_add(client, "JournalSequence", client->call->args[1]);
	return client_run(client);
}

static int prove(struct client *client)
{
	struct verb_call *call = client->call;
	bool with_time = verb_given(call, "time");
	json_object *reply = with_time ? ask_time_proof(client) : ask_proof(client);
	int status;

	if (reply == NULL)
		return VERB_FAILED;
	status = prove_write(client, reply, with_time, verb_value(call, "output", NULL),
			     verb_value(call, "leaf", NULL));
	json_object_put(reply);
	return status;
}

/* A journal as it was, or as a COSE receipt; or what the state says of a clue, a key, a member, a
 * sharing process. */
static int prove_run(struct verb_call *call)
{
	int status = prove_check_options(call);

	if (status != VERB_OK)
		return status;
	return client_with(call, prove_wants_state(call) ? prove_state :
				 verb_given(call, "process") ? prove_process :
				 verb_given(call, "cose") ? prove_cose : prove);
}

static const struct verb_option prove_options[] = {
	{ "output", "FILE", "where the proof goes, also -o FILE (default: standard output)" },
	{ "leaf", "FILE", "write the journal's leaf there too" },
	{ "time", NULL, "put in what bounds it in time: the anchors before and after it" },
	{ "cosigned", NULL, "only with a checkpoint that enough witnesses cosigned (default: of a journal, "
			    "where there is one that has it)" },
	{ "cose", NULL, "write a COSE receipt (RFC 9942) instead; it needs the leaf beside it" },
	PROVE_STATE_OPTIONS,
	VERB_STORE_OPTIONS,
	VERB_ENDPOINT_OPTIONS,
	VERB_OPTIONS_END
};

const struct verb verb_prove = {
	.name = "prove",
	.usage = "[LEDGER] [JOURNAL | PROCESS]",
	.summary = "Write a file that proves something of a ledger, for checking offline",
	.details =
		"With JOURNAL: that the journal is in the ledger. With --clue: which journals have the\n"
		"clue, all of them. With --kv or --member: what a key's value is, what is known of a\n"
		"member. With --process and PROCESS: which stages a sharing process has, all of them and\n"
		"in their order; LEDGER need not be said where the store has one channel. All but the\n"
		"first are as of the ledger's newest STATE_ROOT journal; --fresh first makes a new one,\n"
		"and with --cosigned it is the newest that witnesses have cosigned. That there is none\n"
		"of it is proved as well.",
	.options = prove_options,
	.min_args = 1,
	.max_args = 2,
	.run = prove_run,
};
