/*
 * tally import ledger: another ledger's export (exportfile.h). The whole file is verified before anything
 * is written; then a journal notes where it comes from, and what users appended there is appended here.
 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "err.h"
#include "exportfile.h"
#include "hash.h"
#include "import.h"

struct moving {
	struct upload upload;
	struct tally_export_head head;
	uint8_t *head_room;
	struct tally_sha256 sha;
	uint8_t hash[TALLY_HASH_SIZE];	/* of the file, when it was verified */
	bool verified;			/* the second time through: append */
	uint64_t next;			/* the journal of the next line */
	uint64_t left_out, removed;
	json_object *live;		/* keys that have a value by what was imported so far, as members */
};

static bool wrong(struct moving *m, uint64_t line, const char *what)
{
	bar_end(&m->upload.bar);
	verb_fail(m->upload.call, "%s line %" PRIu64 ": %s", m->upload.source, line, what);
	return false;
}

/* ---- what is appended ---- */

/* One journal of a KV ledger, as a request. */
struct kv_asking {
	struct upload *upload;
	const struct tally_export_line *line;
	const char *key, *value;
	char token[65];
};

static void ask_kv(void *ctx)
{
	struct kv_asking *asking = ctx;
	struct client *client = &asking->upload->client;
	bool set = asking->value != NULL;

	client_start_write(client, set ? "KvSet" : "KvDelete");
	client_add(client, "LedgerId", asking->upload->ledger);
	client_add(client, "Key", asking->key);
	client_add(client, "ValueBase64", asking->value);
	client_add(client, "ClientToken", asking->token);
}

/* The key that a KV journal's leaf names; NULL where it names none. */
static const char *key_of(const struct tally_leaf *leaf, struct tally_arena *arena)
{
	struct tally_bytes value, text;

	if (tally_canon_member(leaf->data, "key", &value) != 1 ||
	    !tally_canon_text(value, tally_arena_alloc(arena, value.size + 1), &text))
		return NULL;
	return tally_arena_str(arena, text);
}

static bool append_kv(struct moving *m, const struct tally_export_line *line, uint64_t number)
{
	bool set = tally_bytes_is(line->leaf.payload_type, "KV_SET");
	struct kv_asking asking = { .upload = &m->upload, .line = line };
	struct tally_arena arena = { 0 };
	bool good;

	asking.key = key_of(&line->leaf, &arena);
	asking.value = set ? tally_base64_encode(&arena, line->payload) : NULL;
	upload_token(&m->upload, line->leaf.journal_id, asking.token);
	if (asking.key == NULL) {
		good = wrong(m, number, "leaf: it names no key");
	} else if (!set && !json_object_object_get_ex(m->live, asking.key, NULL)) {
		m->left_out++;		/* what it deleted was removed, or stands before the range */
		good = true;
	} else {
		good = upload_one(&m->upload, ask_kv, &asking, number);
		if (set)
			json_object_object_add(m->live, asking.key, NULL);
		else
			json_object_object_del(m->live, asking.key);
	}
	tally_arena_free(&arena);
	return good;
}

/* The leaf's clues are a JSON list already. ClientId says which journal it was. */
static bool append_journal(struct moving *m, const struct tally_export_line *line, uint64_t number)
{
	struct tally_buf *body = &m->upload.body;
	char token[65], from[64];

	snprintf(from, sizeof from, "%.*s/%" PRIu64, (int)m->head.ledger_id.size,
		 (const char *)m->head.ledger_id.data, line->leaf.journal_id);
	upload_token(&m->upload, line->leaf.journal_id, token);
	upload_entry(&m->upload);
	upload_add_payload(body, line->payload);
	if (line->leaf.clues.size > 0) {
		tally_buf_add_str(body, ",\"Clues\":");
		tally_buf_add_bytes(body, line->leaf.clues);
	}
	tally_buf_add_u8(body, ',');
	upload_add_member(body, "ClientId", tally_bytes_str(from));
	tally_buf_add_u8(body, ',');
	upload_add_member(body, "ClientToken", tally_bytes_str(token));
	return upload_entry_end(&m->upload, number);
}

/* What users of such a ledger appended, and is still there. */
static bool append(struct moving *m, const struct tally_export_line *line, uint64_t number)
{
	struct tally_bytes type = line->leaf.payload_type;
	bool kv = tally_bytes_is(type, "KV_SET") || tally_bytes_is(type, "KV_DELETE");

	if (line->removed)
		m->removed++;
	else if (m->upload.kv && kv)
		return append_kv(m, line, number);
	else if (!m->upload.kv && tally_bytes_is(type, "CUSTOM"))
		return append_journal(m, line, number);
	else
		m->left_out++;
	return true;
}

/* ---- reading ---- */

static bool take_head(struct moving *m, struct tally_bytes text)
{
	const char *vkey = verb_value(m->upload.call, "vkey", NULL);
	struct tally_err err;

	m->head_room = tally_malloc(text.size + 1);
	if (tally_export_head_read(text, m->head_room, &m->head, &err) != 0)
		return wrong(m, 1, err.text);
	if (vkey != NULL && !tally_bytes_is(m->head.verifier_key, vkey))
		return wrong(m, 1, "verifierKey: it is not the one that was given");
	m->next = m->head.from;
	return true;
}

static bool take_journal(struct moving *m, struct tally_bytes text, uint64_t number)
{
	uint8_t *room = tally_malloc(text.size + 1);
	struct tally_export_line line;
	struct tally_err err;
	bool good = m->next <= m->head.to &&
		    tally_export_line_read(text, &m->head, m->next, room, &line, &err) == 0;

	if (!good)
		wrong(m, number, m->next <= m->head.to ? err.text : "it is a line too many");
	else if (m->verified)
		good = append(m, &line, number);
	m->next++;
	free(room);
	return good;
}

static bool take_line(void *ctx, struct tally_bytes text, uint64_t number)
{
	struct moving *m = ctx;

	if (!m->verified) {
		tally_sha256_add(&m->sha, text.data, text.size);
		tally_sha256_add(&m->sha, "\n", 1);
		if (number == 1)
			return take_head(m, text);
	}
	return number == 1 || take_journal(m, text, number);
}

/* Once through the file. */
static bool read_file(struct moving *m, const char *path)
{
	FILE *from = upload_source(&m->upload, path, 1);
	bool good;

	if (from == NULL)
		return false;
	m->upload.bytes_done = 0;
	m->next = m->head.from;
	snprintf(m->upload.name, sizeof m->upload.name, "ledger %.*s", (int)m->head.ledger_id.size,
		 (const char *)m->head.ledger_id.data);
	good = upload_lines(&m->upload, from, take_line, m);
	fclose(from);
	if (good && (m->head_room == NULL || m->next != m->head.to + 1)) {
		verb_fail(m->upload.call, "%s: journals are missing at its end", path);
		good = false;
	}
	return good;
}

/* ---- the verb ---- */

static void add_bytes(json_object *to, const char *name, struct tally_bytes text)
{
	json_object_object_add(to, name, json_object_new_string_len((const char *)text.data,
								    (int)text.size));
}

/* What was imported, so that whoever has the file can show that it is the one. */
static bool append_note(struct moving *m)
{
	json_object *note = json_object_new_object();
	char hex[2 * TALLY_HASH_SIZE + 1], clue[64];
	bool good;

	tally_hex_encode(m->hash, TALLY_HASH_SIZE, hex);
	snprintf(clue, sizeof clue, "import %.*s", (int)m->head.ledger_id.size,
		 (const char *)m->head.ledger_id.data);
	json_object_object_add(note, "import", json_object_new_string(TALLY_EXPORT_FORMAT));
	add_bytes(note, "ledgerId", m->head.ledger_id);
	json_object_object_add(note, "from", json_object_new_uint64(m->head.from));
	json_object_object_add(note, "to", json_object_new_uint64(m->head.to));
	add_bytes(note, "checkpoint", m->head.checkpoint);
	add_bytes(note, "verifierKey", m->head.verifier_key);
	json_object_object_add(note, "sha256", json_object_new_string(hex));
	good = import_note(&m->upload, clue, note);
	json_object_put(note);
	return good;
}

static bool move(struct moving *m, const char *path)
{
	tally_sha256_init(&m->sha);
	if (!read_file(m, path))
		return false;
	tally_sha256_end(&m->sha, m->hash);
	m->verified = true;
	return upload_begin(&m->upload, upload_size(m->upload.call)) && append_note(m) &&
	       read_file(m, path);
}

static int ledger_run(struct verb_call *call)
{
	struct moving m = { .next = 0 };
	bool good;
	int status;

	if (strcmp(call->args[1], "-") == 0)
		return verb_misuse(call, "it is read twice, first to verify it: standard input cannot be");
	status = upload_open(call, call->args[0], &m.upload);
	if (status != VERB_OK)
		return status;
	m.live = json_object_new_object();
	good = move(&m, call->args[1]);
	status = upload_close(&m.upload, good);
	if (good && verb_value(call, "vkey", NULL) == NULL)
		fprintf(stderr, "tally import ledger: verified with the key that the file itself names; "
			"--vkey KEY says whose it must be\n");
	if (good && m.left_out + m.removed != 0)
		fprintf(stderr, "tally import ledger: %" PRIu64 " journals that no user's request could make were left out, %" PRIu64
			" had no payload any more\n", m.left_out, m.removed);
	json_object_put(m.live);
	free(m.head_room);
	return status;
}

static const struct verb_option ledger_options[] = {
	{ "vkey", "KEY", "the verifier key that the export must be signed by" },
	UPLOAD_BATCH_OPTION,
	VERB_JSON_OPTION,
	VERB_STORE_OPTIONS,
	VERB_ENDPOINT_OPTIONS,
	VERB_OPTIONS_END
};

const struct verb import_ledger = {
	.name = "ledger",
	.usage = "LEDGER FILE",
	.summary = "Append what another ledger's export holds, after verifying all of it",
	.details =
		"A first journal has the export's checkpoint, key, range and SHA-256. Then come the journals\n"
		"that users appended (of a KV ledger: into a KV ledger), with their clues; their ClientId is\n"
		"the old ledger's id, '/' and the old number. Run again within 7 days it goes on.",
	.options = ledger_options,
	.min_args = 2,
	.max_args = 2,
	.run = ledger_run,
};
