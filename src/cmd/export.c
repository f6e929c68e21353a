/*
 * tally export: a ledger, or a range of it, as a file of which each line can be checked alone
 * (exportfile.h). What the server sends is held against the checkpoint before it is written down. A file
 * that is there already is gone on with: its first line says which tree it is of.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>

#include "client.h"
#include "err.h"
#include "exportfile.h"
#include "print.h"

#define PAGE 256

struct exporting {
	struct verb_call *call;
	struct client client;
	const char *ledger;
	const char *path;		/* NULL: standard output */
	FILE *to;
	struct tally_export_head head;
	uint8_t *head_room;
	uint64_t next;			/* the journal to be written next */
	uint64_t before;		/* journals that were in the file already */
	uint64_t removed;		/* without their payloads */
	struct bar bar;
};

static bool failed(const struct exporting *e, const char *what)
{
	verb_fail(e->call, "%s: %s", e->path != NULL ? e->path : "standard output", what);
	return false;
}

/* ---- a file that is there already ---- */

/* Does the range on the line, where there is one, agree with the file's? */
static bool same_range(const struct exporting *e)
{
	uint64_t from = e->head.from, to = e->head.to;

	if (!verb_number(e->call, "from", 0, INT64_MAX, &from) ||
	    !verb_number(e->call, "to", 0, INT64_MAX, &to))
		return false;
	if (from == e->head.from && to == e->head.to)
		return true;
	verb_fail(e->call, "%s is an export of journals %" PRIu64 " to %" PRIu64
		  "; another range goes into another file", e->path, e->head.from, e->head.to);
	return false;
}

static bool take_head(struct exporting *e, struct tally_bytes line)
{
	struct tally_err err;

	e->head_room = tally_malloc(line.size + 1);
	if (tally_export_head_read(line, e->head_room, &e->head, &err) != 0) {
		verb_fail(e->call, "%s is there and is no export that could be gone on with: %s",
			  e->path, err.text);
		return false;
	}
	if (!tally_bytes_is(e->head.ledger_id, e->ledger)) {
		verb_fail(e->call, "%s is an export of the ledger %.*s", e->path,
			  (int)e->head.ledger_id.size, (const char *)e->head.ledger_id.data);
		return false;
	}
	e->next = e->head.from;
	return same_range(e);
}

static bool take_line(struct exporting *e, struct tally_bytes text)
{
	uint8_t *room = tally_malloc(text.size + 1);
	struct tally_export_line line;
	struct tally_err err;
	bool good = e->next <= e->head.to &&
		    tally_export_line_read(text, &e->head, e->next, room, &line, &err) == 0;

	free(room);
	if (good) {
		e->removed += line.removed;
		e->next++;
	} else if (e->next > e->head.to) {
		verb_fail(e->call, "%s has more lines than its first says", e->path);
	} else {
		verb_fail(e->call, "%s, journal %" PRIu64 ": %s", e->path, e->next, err.text);
	}
	return good;
}

/* Reads what is there; a line that broke off is cut away, and the next is written in its place. */
static bool take_file(struct exporting *e)
{
	off_t good_end = 0;
	char *line = NULL;
	size_t room = 0;
	bool good = true;
	ssize_t size;

	while (good && (size = getline(&line, &room, e->to)) > 0 && line[size - 1] == '\n') {
		struct tally_bytes text = tally_bytes(line, (size_t)size - 1);

		good = good_end == 0 ? take_head(e, text) : take_line(e, text);
		good_end += size;
	}
	if (good && good_end == 0 && size > 0 && strncmp(line, "{\"checkpoint\":", (size_t)size < 14 ?
							 (size_t)size : 14) != 0) {
		verb_fail(e->call, "%s is there and is no export", e->path);
		good = false;
	}
	free(line);
	if (!good)
		return false;
	if (ferror(e->to) || fflush(e->to) != 0 || ftruncate(fileno(e->to), good_end) != 0 ||
	    fseeko(e->to, good_end, SEEK_SET) != 0)
		return failed(e, strerror(errno));
	e->before = good_end != 0 ? e->next - e->head.from : 0;
	return true;
}

/* flags 0: it need not be there; then to stays NULL. */
static bool open_file(struct exporting *e, int flags)
{
	int fd = verb_open(e->path, O_RDWR | flags, 0666);

	if (fd < 0 && errno == ENOENT && flags == 0)
		return true;
	e->to = fd >= 0 ? fdopen(fd, "r+") : NULL;
	return e->to != NULL || failed(e, strerror(errno));
}

/* ---- a new one ---- */

/* Writes the first line, and reads it as everybody will. */
static bool write_head(struct exporting *e, json_object *reply)
{
	bool cosigned = verb_given(e->call, "cosigned");
	const char *note = reply_text(reply, cosigned ? "CosignedCheckpoint" : "Checkpoint");
	struct tally_export_head head = { .ledger_id = tally_bytes_str(e->ledger),
					  .verifier_key = tally_bytes_str(reply_text(reply, "VerifierKey")),
					  .checkpoint = tally_bytes_str(note), .from = 0, .to = UINT64_MAX };
	struct tally_buf buf = { 0 };
	struct tally_checkpoint tree;
	struct tally_note parsed;
	struct tally_err err;
	bool good;

	if (!tally_note_parse(head.checkpoint, &parsed) ||
	    !tally_checkpoint_parse(parsed.text, &tree)) {
		verb_fail(e->call, cosigned ? "no checkpoint has been cosigned by enough witnesses" :
					      "what came is no checkpoint");
		return false;
	}
	head.to = tree.size - 1;
	if (!verb_number(e->call, "from", 0, tree.size - 1, &head.from) ||
	    !verb_number(e->call, "to", head.from, tree.size - 1, &head.to))
		return false;
	tally_export_head_format(&head, &buf);
	e->head_room = tally_malloc(buf.size);
	good = tally_export_head_read(tally_bytes(buf.data, buf.size - 1), e->head_room, &e->head,
				      &err) == 0;
	if (!good)
		verb_fail(e->call, "the server's checkpoint does not hold: %s", err.text);
	else if (e->to == NULL && !open_file(e, O_CREAT | O_EXCL))
		good = false;
	else if (fwrite(buf.data, 1, buf.size, e->to) != buf.size)
		good = failed(e, strerror(errno));
	tally_buf_free(&buf);
	e->next = e->head.from;
	return good;
}

static bool begin(struct exporting *e)
{
	json_object *reply;
	bool good;

	client_start(&e->client, "GetCheckpoint");
	client_add(&e->client, "LedgerId", e->ledger);
	reply = client_run(&e->client);
	good = reply != NULL && write_head(e, reply);
	json_object_put(reply);
	return good;
}

/* ---- journals ---- */

static bool decode(struct exporting *e, json_object *entry, const char *name,
		   struct tally_bytes *bytes_r)
{
	*bytes_r = TALLY_BYTES_NONE;
	return reply_member(entry, name) == NULL ||
	       tally_base64_decode(&e->client.arena, tally_bytes_str(reply_text(entry, name)), bytes_r);
}

static bool salt_of(json_object *entry, const char *name, uint8_t salt[TALLY_SALT_SIZE])
{
	return reply_member(entry, name) == NULL ||
	       tally_hex_decode(tally_bytes_str(reply_text(entry, name)), salt, TALLY_SALT_SIZE);
}

static bool make_line(struct exporting *e, json_object *entry, struct tally_export_line *line_r)
{
	struct tally_bytes path;
	struct tally_leaf leaf;

	*line_r = (struct tally_export_line){ .removed = reply_bool(entry, "Removed"),
					      .has_payload = reply_member(entry, "Payload") != NULL };
	if (!decode(e, entry, "Leaf", &line_r->leaf_text) ||
	    !tally_leaf_parse(line_r->leaf_text, &leaf) ||
	    !decode(e, entry, "ProofPath", &path) || path.size > sizeof line_r->path ||
	    !decode(e, entry, "Payload", &line_r->payload) || !salt_of(entry, "Salt", line_r->salt) ||
	    !decode(e, entry, "Evidence", &line_r->evidence) ||
	    !salt_of(entry, "EvidenceSalt", line_r->evidence_salt))
		return false;
	line_r->path_count = path.size / TALLY_HASH_SIZE;
	if (path.size > 0)
		memcpy(line_r->path, path.data, path.size);
	return true;
}

/* Nothing is written that a reader would refuse. */
static bool write_line(struct exporting *e, json_object *entry)
{
	struct tally_err err = { .text = "it came in another form than expected" };
	struct tally_export_line line, again;
	struct tally_buf buf = { 0 };
	uint8_t *room = NULL;
	bool good = make_line(e, entry, &line);

	if (good) {
		tally_export_line_format(&line, &buf);
		room = tally_malloc(buf.size);
		good = tally_export_line_read(tally_bytes(buf.data, buf.size - 1), &e->head, e->next,
					      room, &again, &err) == 0;
	}
	if (!good)
		verb_fail(e->call, "journal %" PRIu64 " as the server sent it: %s", e->next, err.text);
	else if (fwrite(buf.data, 1, buf.size, e->to) != buf.size)
		good = failed(e, strerror(errno));
	free(room);
	tally_buf_free(&buf);
	e->next += good;
	e->removed += good && line.removed;
	return good;
}

static bool write_page(struct exporting *e)
{
	uint64_t left = e->head.to - e->next + 1;
	json_object *reply, *entries;
	bool good = true;

	client_start(&e->client, "ExportJournals");
	client_add(&e->client, "LedgerId", e->ledger);
	client_add_uint(&e->client, "StartJournalId", e->next);
	client_add_uint(&e->client, "TreeSize", e->head.tree.size);
	client_add_uint(&e->client, "MaxResults", left < PAGE ? left : PAGE);
	reply = client_run(&e->client);
	if (reply == NULL)
		return false;
	entries = reply_member(reply, "Entries");
	if (reply_count(entries) == 0 || reply_count(entries) > left) {
		verb_fail(e->call, "the server sent %zu journals of %" PRIu64, reply_count(entries), left);
		good = false;
	}
	for (size_t i = 0; good && i < reply_count(entries); i++)
		good = write_line(e, json_object_array_get_idx(entries, i));
	json_object_put(reply);
	return good;
}

static bool write_all(struct exporting *e)
{
	uint64_t total = e->head.to - e->head.from + 1;
	bool good = true;

	bar_begin(&e->bar, "export", "journals");
	while (good && e->next <= e->head.to) {
		good = write_page(e);
		bar_show(&e->bar, e->next - e->head.from, total);
	}
	bar_end(&e->bar);
	return good;
}

/* ---- the verb ---- */

static void say(const struct exporting *e)
{
	json_object *object;

	if (e->path == NULL)
		return;
	if (!verb_given(e->call, "json")) {
		printf("journals %" PRIu64 " to %" PRIu64 " of %s, proved in its tree of %" PRIu64,
		       e->head.from, e->head.to, e->ledger, e->head.tree.size);
		if (e->before != 0)
			printf("; %" PRIu64 " were there already", e->before);
		if (e->removed != 0)
			printf("; %" PRIu64 " without their payloads, which were removed", e->removed);
		printf("\n");
		return;
	}
	object = json_object_new_object();
	json_object_object_add(object, "LedgerId", json_object_new_string(e->ledger));
	json_object_object_add(object, "From", json_object_new_uint64(e->head.from));
	json_object_object_add(object, "To", json_object_new_uint64(e->head.to));
	json_object_object_add(object, "TreeSize", json_object_new_uint64(e->head.tree.size));
	json_object_object_add(object, "Present", json_object_new_uint64(e->before));
	json_object_object_add(object, "Removed", json_object_new_uint64(e->removed));
	print_json(object);
}

static bool run(struct exporting *e)
{
	bool good = e->path == NULL || e->to == NULL || take_file(e);

	good = good && (e->head_room != NULL || begin(e)) && write_all(e);
	if (e->to == NULL || e->to == stdout)
		return good;
	/* what came so far is kept, also where it broke off */
	if ((fflush(e->to) != 0 || fsync(fileno(e->to)) != 0) && good)
		good = failed(e, strerror(errno));
	return good;
}

static int export_run(struct verb_call *call)
{
	struct exporting e = { .call = call, .ledger = call->args[0], .to = stdout,
			       .path = verb_value(call, "output", NULL) };
	bool good;
	int status;

	if (e.path != NULL && strcmp(e.path, "-") == 0)
		e.path = NULL;
	if (e.path != NULL)
		e.to = NULL;
	if (e.path == NULL && verb_given(call, "json"))
		return verb_misuse(call, "the export itself goes to standard output: --json needs -o FILE");
	if (e.path != NULL && !open_file(&e, 0))
		return VERB_FAILED;
	status = client_open(call, true, &e.client);
	if (status == VERB_OK) {
		good = run(&e);
		if (good)
			say(&e);
		else if (e.path != NULL && e.next > e.head.from)
			fprintf(stderr, "tally export: %" PRIu64 " journals are in %s; run it again to go "
				"on from there\n", e.next - e.head.from, e.path);
		status = good ? VERB_OK : VERB_FAILED;
		client_close(&e.client);
	}
	if (e.to != NULL && e.to != stdout)
		fclose(e.to);
	free(e.head_room);
	return status;
}

static const struct verb_option export_options[] = {
	{ "output", "FILE", "where it goes, also -o FILE (default: standard output); one that broke off is "
			    "gone on with" },
	{ "from", "N", "the first journal (default: 0)" },
	{ "to", "N", "the last journal (default: the last of the checkpoint's tree)" },
	{ "cosigned", NULL, "prove it in the tree that enough witnesses cosigned" },
	VERB_JSON_OPTION,
	VERB_STORE_OPTIONS,
	VERB_ENDPOINT_OPTIONS,
	VERB_OPTIONS_END
};

const struct verb verb_export = {
	.name = "export",
	.usage = "LEDGER",
	.summary = "Write a ledger as NDJSON of which each line can be checked alone",
	.details =
		"The first line has the signed checkpoint and the key that verifies it, every other line\n"
		"a journal: its leaf, payload, salt and audit path. doc/formats.md has the format. An\n"
		"export is checked before it is written; 'tally import ledger' checks it again.",
	.options = export_options,
	.min_args = 1,
	.max_args = 1,
	.run = export_run,
};
