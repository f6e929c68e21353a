/* See audit_source.h. */
#include "config.h"

#include "audit_source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>

#include "blocks.h"
#include "err.h"
#include "note.h"
#include "prooffile.h"

/* ---- the store's owner ---- */

struct relay {
	struct client *client;
	json_object *spaces;
	size_t next;
	uint64_t count;			/* blocks of the space at hand */
	unsigned int asked;		/* again, how many they are */
};

static json_object *list_spaces(struct client *client)
{
	json_object *reply, *spaces;

	client_start_admin(client, "ListSpaces");
	reply = client_try(client);
	spaces = reply != NULL ? json_object_get(reply_member(reply, "Spaces")) : NULL;
	json_object_put(reply);
	return spaces;
}

static int relay_next(void *ctx, uint64_t *space_r, uint64_t *blocks_r, struct tally_err *err)
{
	struct relay *relay = ctx;
	json_object *space;

	(void)err;
	if (relay->next == reply_count(relay->spaces))
		return 0;
	space = json_object_array_get_idx(relay->spaces, relay->next++);
	*space_r = reply_uint(space, "Space");
	*blocks_r = relay->count = reply_uint(space, "Blocks");
	relay->asked = 0;
	return 1;
}

/* Behind the last block known: were there more meanwhile? An order to erase may be among them. */
static int relay_has(struct relay *relay, uint64_t space, uint64_t block, struct tally_err *err)
{
	json_object *spaces;

	if (block < relay->count || relay->asked == TALLY_AUDIT_ROUNDS)
		return block < relay->count;
	relay->asked++;
	spaces = list_spaces(relay->client);
	if (spaces == NULL)
		return block_failed(relay->client, err);
	for (size_t i = 0; i < reply_count(spaces); i++) {
		json_object *row = json_object_array_get_idx(spaces, i);

		if (reply_uint(row, "Space") == space)
			relay->count = reply_uint(row, "Blocks");
	}
	json_object_put(spaces);
	return block < relay->count;
}

static int relay_read(void *ctx, uint64_t space, uint64_t block, struct tally_buf *bytes,
		      struct tally_err *err)
{
	struct relay *relay = ctx;
	int found = relay_has(relay, space, block, err);

	return found == 1 ? block_fetch(relay->client, space, block, bytes, err) : found;
}

bool relay_source_open(struct client *client, struct tally_audit_source *source_r)
{
	json_object *spaces = list_spaces(client);
	struct relay *relay;

	if (spaces == NULL) {
		verb_fail(client->call, "%s", client->message);
		return false;
	}
	relay = tally_calloc(1, sizeof *relay);
	relay->client = client;
	relay->spaces = spaces;
	*source_r = (struct tally_audit_source){ relay_next, relay_read, relay };
	return true;
}

void relay_source_free(struct tally_audit_source *source)
{
	struct relay *relay = source->ctx;

	json_object_put(relay->spaces);
	free(relay);
}

/* ---- a dump ---- */

struct dump {
	FILE *file;
	char *text;
	size_t room;
	uint64_t line;			/* of the one at hand */
	json_object *object;		/* it, or NULL at the end */
	bool begun;
	uint64_t space;			/* that was given last */
	struct tally_arena arena;
};

static int bad_line(const struct dump *dump, const char *why, struct tally_err *err)
{
	return tally_err_set(err, TALLY_CORRUPT, "line %llu of the dump: %s",
			     (unsigned long long)dump->line, why);
}

/* The next line that is not empty; dump->object is NULL behind the last. */
static int next_line(struct dump *dump, struct tally_err *err)
{
	ssize_t size;

	json_object_put(dump->object);
	dump->object = NULL;
	do {
		size = getline(&dump->text, &dump->room, dump->file);
		dump->line++;
	} while (size > 0 && dump->text[0] == '\n');
	if (size < 0)
		return ferror(dump->file) ? tally_err_errno(err, "reading the dump") : 0;
	if (dump->text[size - 1] != '\n')
		return bad_line(dump, "it was cut off here", err);
	dump->object = json_tokener_parse(dump->text);
	if (!json_object_is_type(reply_member(dump->object, "space"), json_type_int) ||
	    !json_object_is_type(reply_member(dump->object, "data"), json_type_string))
		return bad_line(dump, "it is no block of a dump", err);
	return 0;
}

static int dump_next(void *ctx, uint64_t *space_r, uint64_t *blocks_r, struct tally_err *err)
{
	struct dump *dump = ctx;

	if (!dump->begun && next_line(dump, err) != 0)
		return -1;
	while (dump->begun && dump->object != NULL && reply_uint(dump->object, "space") == dump->space)
		if (next_line(dump, err) != 0)
			return -1;
	if (dump->object == NULL)
		return 0;
	*space_r = reply_uint(dump->object, "space");
	*blocks_r = 0;
	if (dump->begun && *space_r < dump->space)
		return bad_line(dump, "it is not in order", err);
	dump->begun = true;
	dump->space = *space_r;
	return 1;
}

static int dump_read(void *ctx, uint64_t space, uint64_t block, struct tally_buf *bytes,
		     struct tally_err *err)
{
	struct dump *dump = ctx;
	struct tally_bytes data;

	if (dump->object == NULL || reply_uint(dump->object, "space") != space)
		return 0;
	if (reply_uint(dump->object, "block") != block)
		return bad_line(dump, "it does not follow the block before", err);
	tally_arena_reset(&dump->arena);
	if (!tally_base64_decode(&dump->arena, tally_bytes_str(reply_text(dump->object, "data")),
				 &data) ||
	    data.size != reply_uint(dump->object, "size"))
		return bad_line(dump, "its data is not of its size, or not base64", err);
	tally_buf_add_bytes(bytes, data);
	return next_line(dump, err) == 0 ? 1 : -1;
}

void dump_source_open(FILE *file, struct tally_audit_source *source_r)
{
	struct dump *dump = tally_calloc(1, sizeof *dump);

	dump->file = file;
	*source_r = (struct tally_audit_source){ dump_next, dump_read, dump };
}

void dump_source_free(struct tally_audit_source *source)
{
	struct dump *dump = source->ctx;

	json_object_put(dump->object);
	tally_arena_free(&dump->arena);
	free(dump->text);
	free(dump);
}

/* ---- what it is told to compare ---- */

struct holding {
	struct verb_call *call;
	struct tally_arena *arena;
	struct tally_audit_held *list;
	size_t count;
};

static bool read_file(const struct holding *holding, const char *path, size_t max,
		      struct tally_bytes *bytes_r)
{
	int fd = verb_open(path, O_RDONLY | O_CLOEXEC, 0);
	struct tally_buf buf = { 0 };
	ssize_t got = -1;

	while (fd >= 0 && buf.size <= max) {
		got = read(fd, tally_buf_reserve(&buf, 65536), 65536);
		if (got <= 0)
			break;
		buf.size += (size_t)got;
	}
	if (got < 0)
		verb_fail(holding->call, "%s: %s", path, strerror(errno));
	else if (got > 0)
		verb_fail(holding->call, "%s is too large", path);
	if (fd >= 0)
		close(fd);
	*bytes_r = tally_arena_bytes(holding->arena, tally_buf_bytes(&buf));
	tally_buf_free(&buf);
	return got == 0;
}

/* Verified now where a key of that log was given, else by the key that the ledger itself names. */
static bool check_note(const struct holding *holding, struct tally_audit_held *held)
{
	const char *text;
	struct tally_note note;
	struct tally_vkey vkey;

	for (size_t i = 0; (text = verb_nth_value(holding->call, "vkey", i)) != NULL; i++) {
		if (!tally_vkey_parse(tally_bytes_str(text), &vkey) || vkey.type != NOTE_ED25519) {
			verb_fail(holding->call, "--vkey is no verifier key of a log: %s", text);
			return false;
		}
		if (!tally_bytes_is(held->origin, vkey.name))
			continue;
		if (!tally_note_parse(held->note, &note) ||
		    tally_note_verify(&note, &vkey, 1, NULL, NULL) != 1) {
			verb_fail(holding->call, "%s: it is not signed by the key given for %s",
				  held->name, vkey.name);
			return false;
		}
		held->note = TALLY_BYTES_NONE;
		return true;
	}
	return true;
}

static bool take_note(const struct holding *holding, struct tally_bytes bytes,
		      struct tally_audit_held *held)
{
	struct tally_checkpoint checkpoint;
	struct tally_note note;

	if (!tally_note_parse(bytes, &note) || !tally_checkpoint_parse(note.text, &checkpoint)) {
		verb_fail(holding->call, "%s: no signed checkpoint", held->name);
		return false;
	}
	held->note = bytes;
	held->origin = checkpoint.origin;
	held->size = checkpoint.size;
	held->root = checkpoint.root;
	return check_note(holding, held);
}

/* The leaf that tally prove puts into a proof file. */
static void take_leaf(const struct holding *holding, const struct tally_proof_file *file,
		      struct tally_audit_held *held)
{
	struct tally_bytes extra;
	json_object *object;

	if (!tally_base64_decode(holding->arena, file->extra, &extra))
		return;
	object = json_tokener_parse(tally_arena_str(holding->arena, extra));
	if (reply_text(object, "leaf")[0] != '\0') {
		held->has_leaf = true;
		tally_leaf_hash(tally_bytes_str(reply_text(object, "leaf")), &held->leaf);
	}
	json_object_put(object);
}

static bool take_proof(const struct holding *holding, struct tally_bytes bytes,
		       struct tally_audit_held *held)
{
	struct tally_proof_file *file = tally_arena_new(holding->arena, struct tally_proof_file);

	if (!tally_proof_parse(bytes, file)) {
		verb_fail(holding->call, "%s is no proof file", held->name);
		return false;
	}
	held->has_index = true;
	held->index = file->index;
	held->path = file->path;
	held->path_count = file->path_count;
	take_leaf(holding, file, held);
	return take_note(holding, file->checkpoint, held);
}

static bool take_files(struct holding *holding, const char *option, size_t max,
		       bool (*take)(const struct holding *holding, struct tally_bytes bytes,
				    struct tally_audit_held *held))
{
	const char *path;

	for (size_t i = 0; (path = verb_nth_value(holding->call, option, i)) != NULL; i++) {
		struct tally_audit_held *held = &holding->list[holding->count++];
		struct tally_bytes bytes;

		held->name = path;
		if (!read_file(holding, path, max, &bytes) || !take(holding, bytes, held))
			return false;
	}
	return true;
}

bool audit_held_read(struct verb_call *call, const char *high_path, struct tally_arena *arena,
		     struct tally_audit_held **held_r, size_t *count_r)
{
	struct holding holding = { .call = call, .arena = arena };
	struct tally_audit_held *high = NULL;
	size_t count = 0;
	struct tally_err err;

	if (high_path != NULL &&
	    tally_audit_held_read(high_path, arena, &high, &count, &err) != 0) {
		verb_fail_err(call, &err);
		return false;
	}
	holding.list = tally_arena_array(arena, struct tally_audit_held, count + call->given_count);
	if (!take_files(&holding, "checkpoint", TALLY_NOTE_MAX, take_note) ||
	    !take_files(&holding, "proof", TALLY_PROOF_MAX, take_proof))
		return false;
	if (count > 0)
		memcpy(holding.list + holding.count, high, count * sizeof *high);
	*held_r = holding.list;
	*count_r = holding.count + count;
	return true;
}
