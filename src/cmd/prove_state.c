/*
 * tally prove --clue, --kv, --member: what the state of a ledger says, as one file that is checked
 * offline (statefile.h). The answers of several actions are put together here, and held against each
 * other before anything is written.
 */
#include "config.h"

#include "proofs.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "err.h"
#include "files.h"
#include "jcs.h"
#include "utf8.h"

#define PAGES_AGAIN 10		/* times that a lineage is begun anew when the state moved on under it */

/* A proof under way. Texts are in the arena; the client's own is anew with each request. */
struct proving {
	struct client *client;
	const char *ledger, *key;
	uint64_t tree_size;		/* in which it is proved; 0: the newest signed one */
	enum tally_state_kind kind;
	struct tally_arena arena;
	json_object *base;		/* the answer that has the state proof */
	bool there;
	struct tally_buf leaves;	/* of a clue: leaves, a comma between two */
	uint64_t count;
	struct tally_bytes journal, value;	/* of a key */
	const char *salt;		/* NULL: the value was removed */
};

static int nothing_proved(const struct proving *p, const char *why)
{
	return verb_fail(p->client->call, "the answer proves nothing: %s", why);
}

static bool decode(struct proving *p, const char *text, struct tally_bytes *bytes_r)
{
	return text != NULL && tally_base64_decode(&p->arena, tally_bytes_str(text), bytes_r);
}

/* The same as client_run, and says what to do about a ledger without a state root. */
static json_object *ask(struct proving *p)
{
	struct client *client = p->client;
	json_object *reply = client_try(client);

	if (reply == NULL && p->tree_size != 0 && strstr(client->message, "TreeSize") != NULL)
		verb_fail(client->call, "witnesses have cosigned %" PRIu64 " journals, and the state roots "
			  "that are kept for proofs came later: have the ledger cosigned again (tally "
			  "maintain), then prove", p->tree_size);
	else if (reply == NULL && strstr(client->message, "StateRoot") != NULL &&
	    strcmp(client->code, "ResourceNotFound") == 0)
		verb_fail(client->call, "the ledger has no state root yet; --fresh makes one");
	else if (reply == NULL)
		verb_fail(client->call, "%s (%s)", client->message, client->code);
	return reply;
}

/* In the tree that was chosen. */
static json_object *ask_proved(struct proving *p)
{
	if (p->tree_size != 0)
		client_add_uint(p->client, "TreeSize", p->tree_size);
	return ask(p);
}

/* ---- a clue ---- */

static bool add_leaves(struct proving *p, json_object *page)
{
	json_object *list = reply_member(page, "Leaves");

	for (size_t i = 0; i < reply_count(list); i++) {
		struct tally_bytes leaf;

		if (!decode(p, json_object_get_string(json_object_array_get_idx(list, i)), &leaf))
			return false;
		if (p->count++ > 0)
			tally_buf_add_u8(&p->leaves, ',');
		tally_buf_add_bytes(&p->leaves, leaf);
	}
	return reply_count(list) > 0 || reply_uint(page, "Count") == 0;
}

static json_object *ask_page(struct proving *p)
{
	struct client *client = p->client;

	client_start(client, "GetClueProof");
	client_add(client, "LedgerId", p->ledger);
	client_add(client, "Clue", p->key);
	client_add(client, "Leaves", "true");
	client_add_uint(client, "First", p->count);
	return ask_proved(p);
}

/* All pages of one state. 1; 0 where the state moved on meanwhile; -1 after printing why not. */
static int read_lineage(struct proving *p)
{
	const char *root;

	tally_buf_clear(&p->leaves);
	p->count = 0;
	json_object_put(p->base);
	p->base = ask_page(p);
	if (p->base == NULL)
		return -1;
	root = reply_text(p->base, "StateRootHash");
	for (json_object *page = json_object_get(p->base); page != NULL; page = ask_page(p)) {
		bool same = strcmp(reply_text(page, "StateRootHash"), root) == 0;
		bool good = same && add_leaves(p, page);

		json_object_put(page);
		if (!good)
			return same ? nothing_proved(p, "it has no leaves"), -1 : 0;
		if (p->count >= reply_uint(p->base, "Count"))
			return 1;
		if (p->leaves.size > TALLY_STATE_FILE_MAX) {
			verb_fail(p->client->call, "the clue has more journals than a file holds");
			return -1;
		}
	}
	return -1;
}

static int read_clue(struct proving *p)
{
	for (int i = 0; i < PAGES_AGAIN; i++) {
		int done = read_lineage(p);

		if (done < 0)
			return VERB_FAILED;
		p->there = p->count > 0;
		if (done == 1)
			return VERB_OK;
	}
	return verb_fail(p->client->call, "the ledger's state moves on faster than it can be read");
}

/* ---- a key ---- */

/* The journal that set it: its leaf, and the salt of the value. */
static int read_setter(struct proving *p, const char *journal_id)
{
	struct client *client = p->client;
	json_object *reply;
	bool good;

	client_start(client, "GetJournalProof");
	client_add(client, "LedgerId", p->ledger);
	client_add(client, "JournalSequence", journal_id);
	reply = ask(p);
	if (reply == NULL)
		return VERB_FAILED;
	good = decode(p, reply_text(reply, "Leaf"), &p->journal);
	if (reply_member(reply, "Salt") != NULL && !reply_bool(p->base, "Removed"))
		p->salt = tally_arena_str(&p->arena, tally_bytes_str(reply_text(reply, "Salt")));
	json_object_put(reply);
	return good ? VERB_OK : nothing_proved(p, "a leaf is not base64");
}

static int read_kv(struct proving *p)
{
	struct client *client = p->client;
	json_object *value;

	client_start(client, "KvGet");
	client_add(client, "LedgerId", p->ledger);
	client_add(client, "Key", p->key);
	client_add(client, "Proof", "true");
	p->base = ask_proved(p);
	if (p->base == NULL)
		return VERB_FAILED;
	p->there = reply_bool(p->base, "Exist");
	if (!p->there)
		return VERB_OK;
	value = reply_member(p->base, "Value");
	p->value = tally_bytes(json_object_get_string(value), (size_t)json_object_get_string_len(value));
	if (strcmp(reply_text(p->base, "ValueEncoding"), "base64") == 0 &&
	    !decode(p, json_object_get_string(value), &p->value))
		return nothing_proved(p, "the value is not base64");
	return read_setter(p, tally_arena_str(&p->arena, tally_bytes_str(
					reply_text(p->base, "JournalId"))));
}

/* ---- a member ---- */

static int read_member(struct proving *p)
{
	struct client *client = p->client;

	client_start(client, "GetMember");
	client_add(client, "LedgerId", p->ledger);
	client_add(client, "MemberId", p->key);
	client_add(client, "Proof", "true");
	p->base = ask_proved(p);
	if (p->base == NULL)
		return VERB_FAILED;
	p->there = reply_bool(p->base, "Exist");
	return VERB_OK;
}

/* ---- the file ---- */

static void add_text(struct tally_jcs_object *object, const char *name, const char *text)
{
	tally_jcs_name(object, name);
	tally_jcs_string(object->buf, tally_bytes_str(text));
}

static void add_raw(struct tally_jcs_object *object, const char *name, struct tally_bytes json)
{
	tally_jcs_name(object, name);
	tally_buf_add_bytes(object->buf, json);
}

static void add_uint(struct tally_jcs_object *object, const char *name, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof text, "%llu", (unsigned long long)value);
	add_raw(object, name, tally_bytes_str(text));
}

static void add_hashes(struct tally_jcs_object *object, const char *name, json_object *list)
{
	tally_jcs_name(object, name);
	tally_buf_add_u8(object->buf, '[');
	for (size_t i = 0; i < reply_count(list); i++) {
		tally_buf_add_str(object->buf, i > 0 ? "," : "");
		tally_jcs_string(object->buf, tally_bytes_str(json_object_get_string(
						      json_object_array_get_idx(list, i))));
	}
	tally_buf_add_u8(object->buf, ']');
}

static bool has(const struct proving *p, enum tally_state_kind kind)
{
	return p->there && p->kind == kind;
}

/* Names ascend. What the server sent and is malformed shows when the file is read back. */
static void format(struct proving *p, struct tally_bytes root_leaf, struct tally_buf *buf)
{
	json_object *root = reply_member(p->base, "StateRootJournal");
	struct tally_jcs_object file;

	tally_jcs_open(&file, buf);
	add_raw(&file, "absent", tally_bytes_str(p->there ? "false" : "true"));
	add_text(&file, "checkpoint", reply_text(p->base, "Checkpoint"));
	if (has(p, STATE_CLUE))
		add_uint(&file, "count", p->count);
	add_text(&file, "format", TALLY_STATE_FILE_FORMAT);
	if (has(p, STATE_KV))
		add_raw(&file, "journal", p->journal);
	if (has(p, STATE_CLUE)) {
		tally_jcs_name(&file, "journals");
		tally_buf_add_u8(buf, '[');
		tally_buf_add_bytes(buf, tally_buf_bytes(&p->leaves));
		tally_buf_add_u8(buf, ']');
	}
	add_text(&file, "key", p->key);
	add_text(&file, "kind", tally_state_kind_name(p->kind));
	add_text(&file, "ledgerId", p->ledger);
	if (has(p, STATE_MEMBER)) {
		add_raw(&file, "record", tally_bytes_str(reply_text(p->base, "Record")));
		add_raw(&file, "recordJournalId",
			tally_bytes_str(reply_text(p->base, "RecordJournalId")));
	}
	if (has(p, STATE_KV) && p->salt != NULL)
		add_text(&file, "salt", p->salt);
	add_text(&file, "stateProof", reply_text(p->base, "StateProof"));
	add_raw(&file, "stateRootLeaf", root_leaf);
	add_hashes(&file, "stateRootPath", reply_member(root, "ProofPath"));
	if (has(p, STATE_KV) && p->salt != NULL)
		add_text(&file, "value", tally_base64_encode(&p->arena, p->value));
	tally_jcs_close(&file);
	tally_buf_add_u8(buf, '\n');
}

/* What the server sent must hold before it is written down; its signature needs the key, and that is
 * tally verify's. */
static int hold(struct proving *p, struct tally_bytes text)
{
	uint8_t *room = tally_arena_alloc(&p->arena, text.size);
	struct tally_state_file *file = tally_arena_alloc(&p->arena, sizeof *file);
	struct tally_checkpoint checkpoint;
	struct tally_state_answer answer;
	struct tally_note note;
	struct tally_err err;

	if (tally_state_file_parse(text, room, file, &err) != 0)
		return nothing_proved(p, err.text);
	if (!tally_note_parse(file->checkpoint, &note) ||
	    !tally_checkpoint_parse(note.text, &checkpoint))
		return nothing_proved(p, "its checkpoint is malformed");
	if (tally_state_file_check_in(file, &checkpoint, UINT64_MAX, &answer, &err) != 0)
		return nothing_proved(p, err.text);
	return VERB_OK;
}

static int make_text(struct proving *p, struct tally_buf *buf)
{
	json_object *root = reply_member(p->base, "StateRootJournal");
	struct tally_bytes root_leaf;

	if (reply_text(p->base, "Checkpoint")[0] == '\0')
		return verb_fail(p->client->call, "the server does not sign for this ledger now; its "
				 "log says why");
	if (!decode(p, reply_text(root, "Leaf"), &root_leaf))
		return nothing_proved(p, "a leaf is not base64");
	format(p, root_leaf, buf);
	return hold(p, tally_buf_bytes(buf));
}

/* All that the file holds. Between two requests witnesses may have cosigned a newer tree: then again. */
static int read_answers(struct proving *p)
{
	static int (*const readers[])(struct proving *p) = { [STATE_CLUE] = read_clue,
							     [STATE_KV] = read_kv,
							     [STATE_MEMBER] = read_member };
	bool cosigned = verb_given(p->client->call, "cosigned");
	int status = VERB_FAILED;

	for (int i = 0; i < PROVE_TRIES; i++) {
		if (cosigned && !prove_cosigned_size(p->client, p->ledger, true, &p->tree_size))
			return VERB_FAILED;
		json_object_put(p->base);
		p->base = NULL;
		p->salt = NULL;
		status = readers[p->kind](p);
		if (!cosigned || status != VERB_OK || reply_text(p->base, "Checkpoint")[0] != '\0')
			break;
	}
	return status;
}

int prove_state_text(struct client *client, const char *ledger, enum tally_state_kind kind,
		     const char *key, struct tally_buf *buf, json_object **reply_r)
{
	struct proving p = { .client = client, .ledger = ledger, .kind = kind, .key = key };
	int status;

	if (!tally_utf8_valid(tally_bytes_str(key)))
		return verb_misuse(client->call, "clues, keys and member ids are UTF-8");
	status = read_answers(&p);
	if (status == VERB_OK)
		status = make_text(&p, buf);
	if (reply_r != NULL && status == VERB_OK)
		*reply_r = json_object_get(p.base);
	json_object_put(p.base);
	tally_buf_free(&p.leaves);
	tally_arena_free(&p.arena);
	return status;
}

int prove_state_file(struct client *client, const char *ledger, enum tally_state_kind kind,
		     const char *key, const char *path, json_object **reply_r)
{
	struct tally_buf buf = { 0 };
	int status = prove_state_text(client, ledger, kind, key, &buf, reply_r);

	if (status == VERB_OK && !file_write_whole(client->call, path, tally_buf_bytes(&buf)))
		status = VERB_FAILED;
	tally_buf_free(&buf);
	return status;
}

/* ---- the verb ---- */

static const struct {
	const char *option;
	enum tally_state_kind kind;
} kinds[] = { { "clue", STATE_CLUE }, { "kv", STATE_KV }, { "member", STATE_MEMBER } };

#define KINDS (sizeof kinds / sizeof kinds[0])

static size_t kinds_given(const struct verb_call *call)
{
	size_t count = 0;

	for (size_t i = 0; i < KINDS; i++)
		count += verb_given(call, kinds[i].option);
	return count;
}

bool prove_wants_state(const struct verb_call *call)
{
	return kinds_given(call) > 0;
}

int prove_check_cosigned(const struct verb_call *call)
{
	if (verb_given(call, "fresh") && verb_given(call, "cosigned"))
		return verb_misuse(call, "--fresh or --cosigned: witnesses cosign a state root after it was "
				   "made (tally maintain)");
	return VERB_OK;
}

int prove_check_options(const struct verb_call *call)
{
	static const char *const of_journals[] = { "leaf", "cose", "time" };
	bool process = verb_given(call, "process");
	size_t states = kinds_given(call) + process;

	if (states + (call->arg_count > 1 && !process) != 1)
		return verb_misuse(call, "prove what? One of JOURNAL, --clue, --kv, --member and --process");
	for (size_t i = 0; i < sizeof of_journals / sizeof of_journals[0]; i++)
		if (states > 0 && verb_given(call, of_journals[i]))
			return verb_misuse(call, "--%s is for journals", of_journals[i]);
	if (verb_given(call, "cose") && (verb_given(call, "time") || verb_given(call, "cosigned")))
		return verb_misuse(call, "a COSE receipt has no time stamps and no witnesses");
	if (states == 0 && verb_given(call, "fresh"))
		return verb_misuse(call, "--fresh is for --clue, --kv, --member and --process");
	if (process && strchr(verb_value(call, "process", ""), ' ') != NULL)
		return verb_misuse(call, "--process takes a DID, which has no spaces");
	return prove_check_cosigned(call);
}

bool prove_make_fresh(struct client *client, const char *ledger)
{
	json_object *reply;

	client_start_write(client, "CreateStateRoot");
	client_add(client, "LedgerId", ledger);
	reply = client_run(client);
	json_object_put(reply);
	return reply != NULL;
}

int prove_state(struct client *client)
{
	const struct verb_call *call = client->call;
	size_t i = 0;

	if (verb_given(call, "fresh") && !prove_make_fresh(client, call->args[0]))
		return VERB_FAILED;
	while (!verb_given(call, kinds[i].option))
		i++;
	return prove_state_file(client, call->args[0], kinds[i].kind,
				verb_value(call, kinds[i].option, NULL),
				verb_value(call, "output", NULL), NULL);
}
