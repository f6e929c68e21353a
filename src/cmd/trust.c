/*
 * tally ledger trust: the trust point of a ledger, and the checkpoint that a client remembers. Both
 * say "up to here I have looked"; what is checked is that what is there now grew out of that.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>

#include "client.h"
#include "clock.h"
#include "note.h"
#include "print.h"

/* ---- growth ---- */

/* The list Proof of a reply leads from the one tree to the other. */
static bool grew(json_object *reply, uint64_t old_size, const struct tally_hash *old_root,
		 uint64_t new_size, const struct tally_hash *new_root)
{
	json_object *list = reply_member(reply, "Proof");
	struct tally_hash proof[TALLY_TREE_MAX_PATH + 1];
	size_t count = reply_count(list);

	if (count > TALLY_TREE_MAX_PATH + 1)
		return false;
	for (size_t i = 0; i < count; i++)
		if (!tally_hex_decode(tally_bytes_str(json_object_get_string(
					      json_object_array_get_idx(list, i))),
				      proof[i].bytes, TALLY_HASH_SIZE))
			return false;
	return tally_consistency_verify(old_size, new_size, proof, count, old_root, new_root);
}

static bool get_hash(json_object *reply, const char *name, struct tally_hash *hash_r)
{
	return tally_hex_decode(tally_bytes_str(reply_text(reply, name)), hash_r->bytes,
				TALLY_HASH_SIZE);
}

/* ---- the trust point ---- */

static int set_point(struct client *client)
{
	struct verb_call *call = client->call;
	json_object *reply;

	client_start_write(client, "SetTrustPoint");
	client_add(client, "LedgerId", call->args[0]);
	client_add(client, "JournalId", call->args[1]);
	reply = client_run(client);
	if (reply == NULL)
		return VERB_FAILED;
	if (verb_given(call, "json")) {
		print_json(reply);
		return VERB_OK;
	}
	printf("trusted up to journal %s, says journal %s\n", call->args[1],
	       reply_text(reply, "JournalId"));
	json_object_put(reply);
	return VERB_OK;
}

static int say_point(struct verb_call *call, json_object *reply)
{
	struct tally_hash old_root, new_root;
	uint64_t old_size = reply_uint(reply, "TreeSize"), new_size = reply_uint(reply, "NewSize");
	char time[21];

	if (reply_member(reply, "JournalId") == NULL) {
		puts("no trust point is set");
		return VERB_OK;
	}
	if (!get_hash(reply, "RootHash", &old_root) || !get_hash(reply, "NewRootHash", &new_root) ||
	    !grew(reply, old_size, &old_root, new_size, &new_root))
		return verb_fail(call, "NOT CONSISTENT: the ledger did not grow out of its trust point");
	tally_time_format(reply_uint(reply, "Timestamp"), time);
	printf("trusted up to journal %s, says journal %s of %s\n", reply_text(reply, "JournalId"),
	       reply_text(reply, "SetBy"), time);
	printf("  root of its %" PRIu64 " journals %s\n", old_size, reply_text(reply, "RootHash"));
	printf("  the %" PRIu64 " journals of now grew out of it\n", new_size);
	return VERB_OK;
}

static int get_point(struct client *client)
{
	json_object *reply;
	int status;

	client_start(client, "GetTrustPoint");
	client_add(client, "LedgerId", client->call->args[0]);
	reply = client_run(client);
	if (reply == NULL)
		return VERB_FAILED;
	if (verb_given(client->call, "json")) {
		print_json(reply);
		return VERB_OK;
	}
	status = say_point(client->call, reply);
	json_object_put(reply);
	return status;
}

/* Reads the blocks behind the trust point's again. */
static int check_blocks(struct client *client)
{
	struct verb_call *call = client->call;
	json_object *reply;

	if (client->host == NULL)
		return verb_misuse(call, "--check reads a store's blocks: it is for local administration");
	client_start_admin(client, "CheckStore");
	client_add(client, "LedgerId", call->args[0]);
	client_add(client, "SinceTrustPoint", "true");
	reply = client_run(client);
	if (reply == NULL)
		return VERB_FAILED;
	if (verb_given(call, "json")) {
		print_json(reply);
		return VERB_OK;
	}
	printf("blocks from %" PRIu64 " on are sound\n", reply_uint(reply, "FromBlock"));
	json_object_put(reply);
	return VERB_OK;
}

/* ---- a checkpoint that is remembered ---- */

struct remembered {
	struct tally_bytes note;	/* as it stands in the file */
	struct tally_checkpoint checkpoint;
};

/* Signed by that key, for its own log. */
static bool read_note(struct tally_bytes bytes, const struct tally_vkey *vkey,
		      struct remembered *of)
{
	struct tally_note note;

	of->note = bytes;
	return tally_note_parse(bytes, &note) && tally_checkpoint_parse(note.text, &of->checkpoint) &&
	       tally_note_verify(&note, vkey, 1, NULL, NULL) == 1 &&
	       tally_bytes_is(of->checkpoint.origin, vkey->name);
}

/* 1; 0: there is no such file; -1 after printing why. */
static int read_file(struct verb_call *call, const char *path, struct tally_arena *arena,
		     struct tally_bytes *bytes_r)
{
	uint8_t *room = tally_arena_alloc(arena, TALLY_NOTE_MAX);
	int fd = verb_open(path, O_RDONLY, 0);
	ssize_t size = fd >= 0 ? read(fd, room, TALLY_NOTE_MAX) : -1;
	int saved = errno;

	if (fd >= 0)
		close(fd);
	*bytes_r = tally_bytes(room, size > 0 ? (size_t)size : 0);
	if (size >= 0)
		return 1;
	if (saved == ENOENT)
		return 0;
	verb_fail(call, "%s: %s", path, strerror(saved));
	return -1;
}

/* Beside it, synced, renamed: what is remembered is never half of something. */
static int write_file(struct verb_call *call, const char *path, struct tally_bytes bytes,
		      struct tally_arena *arena)
{
	const char *beside = tally_arena_printf(arena, "%s.new", path);
	int fd = verb_open(beside, O_WRONLY | O_CREAT | O_TRUNC, 0666);
	bool good = fd >= 0 && write(fd, bytes.data, bytes.size) == (ssize_t)bytes.size &&
		    fsync(fd) == 0;

	if (fd >= 0 && close(fd) != 0)
		good = false;
	if (!good || rename(beside, path) != 0)
		return verb_fail(call, "%s: %s", beside, strerror(errno));
	return VERB_OK;
}

/* The key: as given, else the one the server names, which then must have signed what is remembered. */
static bool find_key(struct verb_call *call, json_object *reply, struct tally_vkey *vkey)
{
	const char *text = verb_value(call, "vkey", reply_text(reply, "VerifierKey"));

	if (tally_vkey_parse(tally_bytes_str(text), vkey) && vkey->type == NOTE_ED25519)
		return true;
	verb_fail(call, "this is no verifier key of a log: %s", text);
	return false;
}

static bool ask_growth(struct client *client, const struct remembered *old,
		       const struct remembered *new)
{
	json_object *reply;
	bool good;

	if (new->checkpoint.size < old->checkpoint.size)
		return false;
	client_start(client, "GetConsistencyProof");
	client_add(client, "LedgerId", client->call->args[0]);
	client_add_uint(client, "OldSize", old->checkpoint.size);
	client_add_uint(client, "NewSize", new->checkpoint.size);
	reply = client_run(client);
	good = reply != NULL && grew(reply, old->checkpoint.size, &old->checkpoint.root,
				     new->checkpoint.size, &new->checkpoint.root);
	json_object_put(reply);
	return good;
}

static int say_growth(struct verb_call *call, const struct remembered *old,
		      const struct remembered *new)
{
	if (verb_given(call, "json")) {
		json_object *all = json_object_new_object();

		json_object_object_add(all, "Consistent", json_object_new_boolean(true));
		if (old != NULL)
			json_object_object_add(all, "OldSize",
					       json_object_new_uint64(old->checkpoint.size));
		json_object_object_add(all, "NewSize", json_object_new_uint64(new->checkpoint.size));
		print_json(all);
	} else if (old != NULL) {
		printf("consistent: the %" PRIu64 " journals of now grew out of the %" PRIu64
		       " remembered\n", new->checkpoint.size, old->checkpoint.size);
	} else {
		printf("remembered: a checkpoint of %" PRIu64 " journals\n", new->checkpoint.size);
	}
	return VERB_OK;
}

/* Both are signed by the one key, and the newer grew out of the older. Prints what is not so. */
static bool hold_against(struct client *client, json_object *reply, struct tally_arena *arena,
			 struct remembered *old, struct remembered *new)
{
	struct tally_bytes note = tally_arena_bytes(arena,
						    tally_bytes_str(reply_text(reply, "Checkpoint")));
	const char *path = verb_value(client->call, "remember", NULL);
	struct tally_vkey vkey;

	if (!find_key(client->call, reply, &vkey))
		return false;
	if (!read_note(note, &vkey, new)) {
		verb_fail(client->call, "NOT CONSISTENT: the checkpoint is not signed by that key");
		return false;
	}
	if (old == NULL)
		return true;
	if (!read_note(old->note, &vkey, old)) {
		verb_fail(client->call, "NOT CONSISTENT: what %s holds is not signed by that key", path);
		return false;
	}
	if (ask_growth(client, old, new))
		return true;
	verb_fail(client->call, "NOT CONSISTENT: the ledger did not grow out of what %s remembers", path);
	return false;
}

static int remember(struct client *client)
{
	struct verb_call *call = client->call;
	const char *path = verb_value(call, "remember", NULL);
	struct remembered old = { .note = TALLY_BYTES_NONE }, new;
	struct tally_arena arena = { 0 };
	json_object *reply;
	int known, status = VERB_FAILED;

	client_start(client, "GetCheckpoint");
	client_add(client, "LedgerId", call->args[0]);
	reply = client_run(client);
	if (reply == NULL)
		return VERB_FAILED;
	known = read_file(call, path, &arena, &old.note);
	if (known >= 0 && hold_against(client, reply, &arena, known == 1 ? &old : NULL, &new))
		status = write_file(call, path, new.note, &arena);
	if (status == VERB_OK)
		say_growth(call, known == 1 ? &old : NULL, &new);
	json_object_put(reply);
	tally_arena_free(&arena);
	return status;
}

/* ---- the verb ---- */

static int trust(struct client *client)
{
	struct verb_call *call = client->call;
	bool setting = call->arg_count > 1;

	if (setting + verb_given(call, "check") + verb_given(call, "remember") > 1)
		return verb_misuse(call, "one at a time: set a trust point, --check or --remember");
	if (verb_given(call, "vkey") && !verb_given(call, "remember"))
		return verb_misuse(call, "--vkey goes with --remember");
	if (setting)
		return set_point(client);
	if (verb_given(call, "check"))
		return check_blocks(client);
	return verb_given(call, "remember") ? remember(client) : get_point(client);
}

static int trust_run(struct verb_call *call) { return client_with(call, trust); }

static const struct verb_option trust_options[] = {
	{ "check", NULL, "read the blocks behind the trust point again" },
	{ "remember", "FILE", "keep the newest checkpoint there; it must have grown out of the one there" },
	{ "vkey", "KEY", "the log's verifier key, for --remember (default: what the server says)" },
	VERB_JSON_OPTION,
	VERB_STORE_OPTIONS,
	VERB_ENDPOINT_OPTIONS,
	VERB_OPTIONS_END
};

const struct verb ledger_trust = {
	.name = "trust",
	.usage = "LEDGER [JOURNAL]",
	.summary = "Set or show up to where a ledger was verified, and check from there",
	.options = trust_options,
	.min_args = 1,
	.max_args = 2,
	.run = trust_run,
};
