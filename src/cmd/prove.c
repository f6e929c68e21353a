/*
 * tally prove: a journal's proof as a file (c2sp.org/tlog-proof) that can be checked without the
 * server, by tally verify or by anybody's tool. The leaf and the salt stand in its line "extra",
 * which is no part of the proof: what verifies is the leaf's hash. So does, with --time, what bounds
 * the journal in time (bounds.h), which has proofs of its own.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>

#include "bounds.h"
#include "client.h"
#include "note.h"
#include "prooffile.h"

struct proven {
	struct tally_bytes leaf, extra, checkpoint;
	const char *salt;
	json_object *time;		/* what bounds it, or NULL */
	struct tally_proof_file file;
};

static bool write_file(const struct verb_call *call, const char *path, struct tally_bytes bytes)
{
	int fd = verb_open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
	bool good = fd >= 0 && write(fd, bytes.data, bytes.size) == (ssize_t)bytes.size;

	if (fd >= 0 && close(fd) != 0)
		good = false;
	if (!good)
		verb_fail(call, "%s: %s", path, strerror(errno));
	return good;
}

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

static int write_proof(struct verb_call *call, struct proven *proven)
{
	const char *output = verb_value(call, "output", NULL);
	const char *leaf = verb_value(call, "leaf", NULL);
	struct tally_buf buf = { 0 };
	int status = VERB_OK;

	tally_proof_format(&proven->file, &buf);
	if (leaf != NULL && !write_file(call, leaf, proven->leaf))
		status = VERB_FAILED;
	else if (output == NULL || strcmp(output, "-") == 0)
		fwrite(buf.data, 1, buf.size, stdout);
	else if (!write_file(call, output, tally_buf_bytes(&buf)))
		status = VERB_FAILED;
	tally_buf_free(&buf);
	return status;
}

static int prove(struct client *client)
{
	struct verb_call *call = client->call;
	bool with_time = verb_given(call, "time");
	struct proven proven = { 0 };
	json_object *reply;
	int status;

	client_start(client, with_time ? "GetJournalTimeProof" : "GetJournalProof");
	client_add(client, "LedgerId", call->args[0]);
	client_add(client, "JournalSequence", call->args[1]);
	reply = client_run(client);
	if (reply == NULL)
		return VERB_FAILED;
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
		status = write_proof(call, &proven);
	}
	json_object_put(proven.time);
	json_object_put(reply);
	return status;
}

static int prove_run(struct verb_call *call) { return client_with(call, prove); }

static const struct verb_option prove_options[] = {
	{ "output", "FILE", "where the proof goes, also -o FILE (default: standard output)" },
	{ "leaf", "FILE", "write the journal's leaf there too" },
	{ "time", NULL, "put in what bounds it in time: the anchors before and after it" },
	VERB_STORE_OPTIONS,
	VERB_ENDPOINT_OPTIONS,
	VERB_OPTIONS_END
};

const struct verb verb_prove = {
	.name = "prove",
	.usage = "LEDGER JOURNAL",
	.summary = "Write a file that proves a journal, for checking offline",
	.options = prove_options,
	.min_args = 2,
	.max_args = 2,
	.run = prove_run,
};
