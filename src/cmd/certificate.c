/*
 * tally certificate: that a payload was erased, as a proof file (c2sp.org/tlog-proof) of the journal
 * that certifies it. It is checked like any other, without the server.
 */
#include "config.h"

#include "certificate.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>

#include "clock.h"
#include "note.h"
#include "print.h"
#include "prooffile.h"

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

/* ---- the file ---- */

struct proof {
	struct tally_bytes leaf;
	struct tally_proof_file file;
};

static bool read_path(json_object *certificate, struct tally_proof_file *file)
{
	json_object *list = json_tokener_parse(reply_text(certificate, "ProofPath"));
	bool good = list != NULL && reply_count(list) <= TALLY_TREE_MAX_PATH;

	for (size_t i = 0; good && i < reply_count(list); i++)
		good = tally_hex_decode(
			tally_bytes_str(json_object_get_string(json_object_array_get_idx(list, i))),
			file->path[file->path_count++].bytes, TALLY_HASH_SIZE);
	json_object_put(list);
	return good;
}

/* What the server sent must hold before it is written down. */
static bool read_proof(json_object *certificate, struct tally_arena *arena, struct proof *proof)
{
	struct tally_checkpoint checkpoint;
	struct tally_note note;
	struct tally_hash leaf;

	proof->file.index = reply_uint(certificate, "LeafIndex");
	proof->file.checkpoint = tally_bytes_str(reply_text(certificate, "Checkpoint"));
	if (!tally_base64_decode(arena, tally_bytes_str(reply_text(certificate, "Leaf")),
				 &proof->leaf) || !read_path(certificate, &proof->file))
		return false;
	tally_leaf_hash(proof->leaf, &leaf);
	return tally_note_parse(proof->file.checkpoint, &note) &&
	       tally_checkpoint_parse(note.text, &checkpoint) &&
	       tally_inclusion_verify(proof->file.index, checkpoint.size, &leaf, proof->file.path,
				      proof->file.path_count, &checkpoint.root);
}

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

bool certificate_write(const struct verb_call *call, json_object *reply, const char *path)
{
	json_object *certificate = reply_member(reply, "Certificate"), *extra;
	struct tally_arena arena = { 0 };
	struct proof proof = { 0 };
	struct tally_buf buf = { 0 };
	bool good = true;

	if (reply_text(certificate, "Checkpoint")[0] == '\0') {
		verb_fail(call, "the server does not sign for this ledger now; its log says why");
		return false;
	}
	if (!read_proof(certificate, &arena, &proof)) {
		verb_fail(call, "the answer proves nothing: its hashes do not fit");
		tally_arena_free(&arena);
		return false;
	}
	extra = json_object_new_object();
	json_object_object_add(extra, "leaf",
			       json_object_new_string_len((const char *)proof.leaf.data,
							  (int)proof.leaf.size));
	proof.file.extra = tally_bytes_str(tally_base64_encode(&arena, tally_bytes_str(
		json_object_to_json_string_ext(extra, JSON_C_TO_STRING_PLAIN |
						      JSON_C_TO_STRING_NOSLASHESCAPE))));
	tally_proof_format(&proof.file, &buf);
	if (path == NULL || strcmp(path, "-") == 0)
		fwrite(buf.data, 1, buf.size, stdout);
	else
		good = write_file(call, path, tally_buf_bytes(&buf));
	json_object_put(extra);
	tally_buf_free(&buf);
	tally_arena_free(&arena);
	return good;
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
	json_object *reply;
	bool good;

	if (!verb_number(call, "wait", 0, 86400, &seconds))
		return VERB_USAGE;
	reply = certificate_get(client, call->args[0], call->args[1], seconds);
	if (reply == NULL)
		return VERB_FAILED;
	if (verb_given(call, "json")) {
		good = !verb_given(call, "output") ||
		       certificate_write(call, reply, verb_value(call, "output", NULL));
		print_json(reply);
		return good ? VERB_OK : VERB_FAILED;
	}
	good = certificate_write(call, reply, verb_value(call, "output", NULL));
	if (good)
		certificate_backups(reply);
	json_object_put(reply);
	return good ? VERB_OK : VERB_FAILED;
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
