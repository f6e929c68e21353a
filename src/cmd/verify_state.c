/* tally verify of a state proof file; see proofs.h and statefile.h. */
#include "config.h"

#include "proofs.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "err.h"
#include "files.h"
#include "jcs.h"
#include "omission.h"
#include "print.h"
#include "utf8.h"

#define SHOWN_MOST 20		/* journals of a clue that are named on the terminal */

struct shown {
	struct tally_state_file *file;
	struct tally_state_answer answer;
	struct tally_bytes origin;
	const char *key;		/* as a JSON string: it may hold anything */
	struct tally_arena *arena;
};

bool verify_is_state(struct tally_bytes text)
{
	return text.size > 0 && text.data[0] == '{';
}

bool verify_key(const struct verb_call *call, struct tally_vkey *vkey_r)
{
	const char *text = verb_value(call, "vkey", "");

	if (tally_vkey_parse(tally_bytes_str(text), vkey_r) && vkey_r->type == NOTE_ED25519)
		return true;
	verb_fail(call, "--vkey is no verifier key of a log: %s", text);
	return false;
}

const char *verify_quoted(struct tally_arena *arena, struct tally_bytes text)
{
	struct tally_buf buf = { 0 };
	const char *made;

	tally_jcs_string(&buf, text);
	made = tally_arena_str(arena, tally_buf_bytes(&buf));
	tally_buf_free(&buf);
	return made;
}

/* The next leaf of a clue's list. */
static bool next_leaf(const struct shown *shown, size_t *at, struct tally_leaf *leaf_r)
{
	struct tally_bytes text;

	return tally_canon_next(shown->file->journals, at, NULL, &text) == 1 &&
	       tally_leaf_parse(text, leaf_r);
}

/* ---- for people ---- */

static void say_clue(const struct shown *shown)
{
	struct tally_leaf leaf;
	uint64_t count = 0;
	size_t at = 0;

	printf("verified: the clue %s has exactly %" PRIu64 " journal%s\n", shown->key,
	       shown->file->count, shown->file->count == 1 ? "" : "s");
	printf("  journals");
	while (count < SHOWN_MOST && next_leaf(shown, &at, &leaf))
		printf("%s %" PRIu64, count++ > 0 ? "," : "", leaf.journal_id);
	if (count < shown->file->count)
		printf(" and %" PRIu64 " more", shown->file->count - count);
	putchar('\n');
}

/* A value that is one short line is shown. */
static bool is_line(struct tally_bytes value)
{
	return value.size > 0 && value.size <= 200 && tally_utf8_printable(value);
}

static void say_kv(const struct shown *shown)
{
	const struct tally_state_file *file = shown->file;
	struct tally_leaf leaf;

	tally_leaf_parse(file->journal, &leaf);
	printf("verified: the key %s had the value that journal %" PRIu64 " set\n", shown->key,
	       leaf.journal_id);
	if (!file->has_value)
		printf("  value not in the file, %" PRIu64 " bytes\n", leaf.payload_size);
	else if (is_line(file->value))
		printf("  value %.*s\n", (int)file->value.size, (const char *)file->value.data);
	else
		printf("  value in the file, %zu bytes\n", file->value.size);
}

static void say_member(const struct shown *shown)
{
	printf("verified: the record of the member %s, last changed by journal %" PRIu64 "\n",
	       shown->key, shown->file->record_journal);
	printf("  record %.*s\n", (int)shown->file->record.size,
	       (const char *)shown->file->record.data);
}

static void say_absent(const struct shown *shown)
{
	static const struct { const char *before, *after; } words[] = {
		[STATE_CLUE] = { "the clue ", " had no journal" },
		[STATE_KV] = { "the key ", " had no value" },
		[STATE_MEMBER] = { "there was no member ", "" }
	};

	printf("verified: %s%s%s\n", words[shown->file->kind].before, shown->key,
	       words[shown->file->kind].after);
}

void verify_say_state(const struct tally_state_answer *answer, struct tally_bytes origin)
{
	printf("  as of size %" PRIu64 " of %" PRIu64 " (lag %" PRIu64 ")\n", answer->size,
	       answer->tree_size, answer->lag);
	printf("  of %.*s\n", (int)origin.size, (const char *)origin.data);
}

static void say_text(const struct shown *shown, const struct verify_signed *by)
{
	if (shown->file->absent)
		say_absent(shown);
	else if (shown->file->kind == STATE_CLUE)
		say_clue(shown);
	else if (shown->file->kind == STATE_KV)
		say_kv(shown);
	else
		say_member(shown);
	verify_say_state(&shown->answer, shown->origin);
	by->say(by->ctx);
}

/* ---- for programs ---- */

static void add_text(json_object *to, const char *name, struct tally_bytes text)
{
	json_object_object_add(to, name, json_object_new_string_len((const char *)text.data,
								    (int)text.size));
}

static void add_uint(json_object *to, const char *name, uint64_t value)
{
	json_object_object_add(to, name, json_object_new_uint64(value));
}

static void add_hash(json_object *to, const char *name, const struct tally_hash *hash)
{
	char hex[2 * TALLY_HASH_SIZE + 1];

	tally_hex_encode(hash->bytes, TALLY_HASH_SIZE, hex);
	json_object_object_add(to, name, json_object_new_string(hex));
}

static void add_clue(const struct shown *shown, json_object *to)
{
	json_object *list = json_object_new_array();
	struct tally_leaf leaf;
	size_t at = 0;

	while (next_leaf(shown, &at, &leaf)) {
		json_object *item = json_object_new_object();
		struct tally_hash hash;

		tally_leaf_hash(leaf.text, &hash);
		add_uint(item, "JournalId", leaf.journal_id);
		add_hash(item, "JournalHash", &hash);
		add_uint(item, "Timestamp", leaf.timestamp);
		json_object_array_add(list, item);
	}
	add_uint(to, "Count", shown->file->count);
	json_object_object_add(to, "Journals", list);
}

/* As the API has it: text, or base64 and a word that it is. */
static void add_kv(const struct shown *shown, json_object *to)
{
	const struct tally_state_file *file = shown->file;
	struct tally_leaf leaf;

	tally_leaf_parse(file->journal, &leaf);
	add_uint(to, "JournalId", leaf.journal_id);
	if (!file->has_value)
		return;
	if (tally_utf8_valid(file->value)) {
		add_text(to, "Value", file->value);
		return;
	}
	add_text(to, "Value", tally_bytes_str(tally_base64_encode(shown->arena, file->value)));
	add_text(to, "ValueEncoding", TALLY_BYTES_LIT("base64"));
}

static void add_member(const struct shown *shown, json_object *to)
{
	const struct tally_state_file *file = shown->file;

	add_uint(to, "RecordJournalId", file->record_journal);
	json_object_object_add(to, "Record",
			       json_tokener_parse(tally_arena_str(shown->arena, file->record)));
}

void verify_state_json(const struct tally_state_answer *answer, struct tally_bytes origin,
		       const struct tally_state_file *file, json_object *to)
{
	json_object_object_add(to, "Verified", json_object_new_boolean(true));
	add_text(to, "Origin", origin);
	add_text(to, "LedgerId", file->ledger_id);
	json_object_object_add(to, "Absent", json_object_new_boolean(file->absent));
	add_uint(to, "StateSize", answer->size);
	add_uint(to, "TreeSize", answer->tree_size);
	add_uint(to, "Lag", answer->lag);
	add_uint(to, "StateRootJournalId", answer->journal_id);
	add_hash(to, "StateRootHash", &answer->root);
}

static void say_json(const struct shown *shown, const struct verify_signed *by)
{
	const struct tally_state_file *file = shown->file;
	json_object *all = json_object_new_object();

	verify_state_json(&shown->answer, shown->origin, file, all);
	add_text(all, "Kind", tally_bytes_str(tally_state_kind_name(file->kind)));
	add_text(all, "Key", file->key);
	if (!file->absent && file->kind == STATE_CLUE)
		add_clue(shown, all);
	else if (!file->absent && file->kind == STATE_KV)
		add_kv(shown, all);
	else if (!file->absent)
		add_member(shown, all);
	by->json(by->ctx, all);
	print_json(all);
}

/* ---- the check ---- */

/* The file says what is signed as it is asked for. False after printing why not. */
static bool check_file(const struct verb_call *call, struct tally_bytes text,
		       const struct verify_signed *by, uint64_t lag_max, struct shown *shown)
{
	struct tally_checkpoint checkpoint;
	struct tally_err err;

	shown->file = tally_arena_alloc(shown->arena, sizeof *shown->file);
	if (tally_state_file_parse(text, tally_arena_alloc(shown->arena, text.size), shown->file,
				   &err) != 0) {
		verb_fail(call, "NOT VERIFIED: %s", err.text);
		return false;
	}
	if (!by->check(by->ctx, shown->file->checkpoint, &checkpoint))
		return false;
	if (tally_state_file_check_in(shown->file, &checkpoint, lag_max, &shown->answer, &err) != 0) {
		verb_fail(call, "NOT VERIFIED: %s", err.text);
		return false;
	}
	shown->origin = checkpoint.origin;
	shown->key = verify_quoted(shown->arena, shown->file->key);
	return true;
}

bool verify_max_lag(const struct verb_call *call, uint64_t *lag_r)
{
	*lag_r = UINT64_MAX;
	return verb_number(call, "max-lag", 0, UINT64_MAX, lag_r);
}

int verify_state(const struct verb_call *call, struct tally_bytes text,
		 const struct verify_signed *by, struct tally_arena *arena)
{
	struct shown shown = { .arena = arena };
	uint64_t lag_max;

	if (!verify_max_lag(call, &lag_max))
		return VERB_USAGE;
	if (!check_file(call, text, by, lag_max, &shown))
		return VERB_FAILED;
	if (verb_given(call, "json"))
		say_json(&shown, by);
	else
		say_text(&shown, by);
	return VERB_OK;
}

int verify_left_out(const struct verb_call *call, const struct verify_signed *by, struct tally_bytes leaf,
		    struct tally_arena *arena, const char **words_r)
{
	const char *path = verb_value(call, "left-out-of", "");
	struct shown shown = { .arena = arena };
	struct tally_bytes text;
	struct tally_leaf parsed;
	struct tally_hash hash;
	struct tally_err err;
	int result;

	if (!file_read_whole(call, path, VERIFY_FILE_MAX, arena, &text) ||
	    !check_file(call, text, by, UINT64_MAX, &shown))
		return -1;
	if (!tally_leaf_parse(leaf, &parsed)) {
		verb_fail(call, "--left-out-of takes the journal's leaf");
		return -1;
	}
	tally_leaf_hash(leaf, &hash);
	result = tally_omission_of(shown.file, &shown.answer, &parsed, &hash, &err);
	if (result < 0)
		verb_fail(call, "%s: %s", path, err.text);
	*words_r = tally_arena_printf(arena, "journal %" PRIu64 " has the clue %s, and that of the first %" PRIu64
				      " journals the clue has only others", parsed.journal_id, shown.key,
				      shown.answer.size);
	return result;
}
