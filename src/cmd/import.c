/* tally import: journals from elsewhere. Its parts, and what they share. */
#include "config.h"

#include "import.h"

#include <json-c/json.h>

struct noting {
	struct upload *upload;
	const char *clue, *text;
	char token[65];
};

/* A KV ledger takes no journals of clients: there the note is the value of a key. */
static void ask_kv(void *ctx)
{
	struct noting *noting = ctx;
	struct client *client = &noting->upload->client;

	client_start_write(client, "KvSet");
	client_add(client, "LedgerId", noting->upload->ledger);
	client_add(client, "Key", noting->clue);
	client_add(client, "Value", noting->text);
	client_add(client, "ClientToken", noting->token);
}

static void ask_journal(void *ctx)
{
	struct noting *noting = ctx;
	struct client *client = &noting->upload->client;

	client_start_write(client, "AppendJournal");
	client_add(client, "LedgerId", noting->upload->ledger);
	client_add(client, "Payload", noting->text);
	client_add(client, "Clues.1", noting->clue);
	client_add(client, "ClientToken", noting->token);
}

bool import_note(struct upload *upload, const char *clue, json_object *note)
{
	struct noting noting = { .upload = upload, .clue = clue };

	noting.text = json_object_to_json_string_ext(note, JSON_C_TO_STRING_PLAIN |
							   JSON_C_TO_STRING_NOSLASHESCAPE);
	upload_id_token(upload, tally_bytes_str(noting.text), noting.token);
	return upload_one(upload, upload->kv ? ask_kv : ask_journal, &noting, 0);
}

static const struct verb *const import_parts[] = { &import_ndjson, &import_ledger, &import_qldb, NULL };

const struct verb verb_import = {
	.name = "import",
	.usage = "ndjson|ledger|qldb",
	.summary = "Take journals over from files, another ledger, or Amazon QLDB",
	.parts = import_parts,
};
