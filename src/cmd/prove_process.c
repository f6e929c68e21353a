/*
 * tally prove --process: that a sharing process has these stages and no others, as one file that is
 * checked offline (processfile.h). The state proof of the process's clue says which journals it has;
 * ExportJournals says what their leaves have the hashes of. All of it is held against itself before
 * anything is written.
 */
#include "config.h"

#include <json-c/json.h>

#include "err.h"
#include "files.h"
#include "jcs.h"
#include "processfile.h"
#include "proofs.h"

struct proving {
	struct client *client;
	const char *ledger;
	struct tally_arena arena;	/* the client's own is anew with each request */
	struct tally_buf state, file;
};

static int nothing_proved(const struct proving *p, const char *why)
{
	return verb_fail(p->client->call, "the answer proves nothing: %s", why);
}

/* ---- which ledger ---- */

/* Of a store with one channel it need not be said. NULL after printing. */
static const char *only_channel(struct proving *p)
{
	struct client *client = p->client;
	json_object *reply, *list;
	const char *ledger = NULL;

	if (client->host == NULL) {
		verb_misuse(client->call, "which ledger? LEDGER --process CREATOR PROCESS");
		return NULL;
	}
	client_start_admin(client, "ListChannels");
	reply = client_run(client);
	list = reply_member(reply, "Channels");
	if (reply != NULL && reply_count(list) != 1)
		verb_misuse(client->call, "which ledger? The store has %zu channels (tally channel list)",
			    reply_count(list));
	else if (reply != NULL)
		ledger = tally_arena_str(&p->arena, tally_bytes_str(reply_text(
					 json_object_array_get_idx(list, 0), "LedgerId")));
	json_object_put(reply);
	return ledger;
}

/* ---- contents ---- */

static void add_member(struct tally_jcs_object *to, const char *name, const char *text)
{
	tally_jcs_name(to, name);
	tally_jcs_string(to->buf, tally_bytes_str(text));
}

/* What one leaf has the hashes of; nothing where it was removed, or the journal is no stage. */
static int add_stage(struct proving *p, const struct tally_leaf *leaf)
{
	struct client *client = p->client;
	struct tally_jcs_object stage;
	json_object *reply, *entry;

	tally_jcs_open(&stage, &p->file);
	if (tally_bytes_is(leaf->payload_type, "DATASHARE")) {
		client_start(client, "ExportJournals");
		client_add(client, "LedgerId", p->ledger);
		client_add_uint(client, "StartJournalId", leaf->journal_id);
		client_add(client, "MaxResults", "1");
		reply = client_run(client);
		if (reply == NULL)
			return VERB_FAILED;
		entry = json_object_array_get_idx(reply_member(reply, "Entries"), 0);
		if (reply_text(entry, "Evidence")[0] != '\0') {
			add_member(&stage, "evidence", reply_text(entry, "Evidence"));
			add_member(&stage, "evidenceSalt", reply_text(entry, "EvidenceSalt"));
			add_member(&stage, "payload", reply_text(entry, "Payload"));
			add_member(&stage, "salt", reply_text(entry, "Salt"));
		}
		json_object_put(reply);
	}
	tally_jcs_close(&stage);
	return VERB_OK;
}

static int add_stages(struct proving *p, const struct tally_state_file *state)
{
	struct tally_bytes text;
	struct tally_leaf leaf;
	size_t at = 0;

	tally_buf_add_u8(&p->file, '[');
	while (!state->absent && tally_canon_next(state->journals, &at, NULL, &text) == 1) {
		if (!tally_leaf_parse(text, &leaf))
			return nothing_proved(p, "a leaf is none");
		if (p->file.data[p->file.size - 1] == '}')
			tally_buf_add_u8(&p->file, ',');
		if (add_stage(p, &leaf) != VERB_OK)
			return VERB_FAILED;
		if (p->file.size > TALLY_STATE_FILE_MAX)
			return verb_fail(p->client->call, "the process has more than a file holds");
	}
	tally_buf_add_u8(&p->file, ']');
	return VERB_OK;
}

/* ---- the file ---- */

static int format(struct proving *p)
{
	struct tally_state_file *state = tally_arena_alloc(&p->arena, sizeof *state);
	struct tally_bytes text = tally_buf_bytes(&p->state);
	struct tally_jcs_object file;
	struct tally_err err;

	if (tally_state_file_parse(text, tally_arena_alloc(&p->arena, text.size), state, &err) != 0)
		return nothing_proved(p, err.text);
	tally_jcs_open(&file, &p->file);
	add_member(&file, "format", TALLY_PROCESS_FILE_FORMAT);
	tally_jcs_name(&file, "stages");
	if (add_stages(p, state) != VERB_OK)
		return VERB_FAILED;
	tally_jcs_name(&file, "state");
	tally_buf_add(&p->file, text.data, text.size - 1);	/* without its line feed */
	tally_jcs_close(&file);
	tally_buf_add_u8(&p->file, '\n');
	return VERB_OK;
}

/* What the server sent must hold before it is written down; its signature needs the key, and that is
 * tally verify's. */
static int hold(struct proving *p)
{
	struct tally_bytes text = tally_buf_bytes(&p->file);
	struct tally_process_file *file = tally_arena_alloc(&p->arena, sizeof *file);
	struct tally_process_stage *stages;
	struct tally_state_answer answer;
	struct tally_checkpoint checkpoint;
	struct tally_note note;
	struct tally_err err;

	if (tally_process_file_parse(text, tally_arena_alloc(&p->arena, text.size), file, &err) != 0)
		return nothing_proved(p, err.text);
	if (!tally_note_parse(file->state.checkpoint, &note) ||
	    !tally_checkpoint_parse(note.text, &checkpoint))
		return nothing_proved(p, "its checkpoint is malformed");
	stages = tally_arena_array(&p->arena, struct tally_process_stage, file->state.count + 1);
	if (tally_process_file_check_in(file, &checkpoint, UINT64_MAX,
					tally_arena_alloc(&p->arena, text.size), stages, &answer,
					&err) != 0)
		return nothing_proved(p, err.text);
	return VERB_OK;
}

static int prove(struct proving *p)
{
	const struct verb_call *call = p->client->call;
	const char *creator = verb_value(call, "process", "");
	const char *clue = tally_arena_printf(&p->arena, "process %s %s", creator,
					      call->args[call->arg_count - 1]);
	int status;

	p->ledger = call->arg_count > 1 ? call->args[0] : only_channel(p);
	if (p->ledger == NULL ||
	    (verb_given(call, "fresh") && !prove_make_fresh(p->client, p->ledger)))
		return VERB_FAILED;
	status = prove_state_text(p->client, p->ledger, STATE_CLUE, clue, &p->state, NULL);
	if (status == VERB_OK)
		status = format(p);
	if (status == VERB_OK)
		status = hold(p);
	if (status == VERB_OK &&
	    !file_write_whole(call, verb_value(call, "output", NULL), tally_buf_bytes(&p->file)))
		status = VERB_FAILED;
	return status;
}

int prove_process(struct client *client)
{
	struct proving p = { .client = client };
	int status = prove(&p);

	tally_buf_free(&p.state);
	tally_buf_free(&p.file);
	tally_arena_free(&p.arena);
	return status;
}
