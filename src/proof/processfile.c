/* Process proof files. See processfile.h. */
#include "processfile.h"

#include "buf.h"
#include "err.h"
#include "jsonscan.h"
#include "signed.h"
#include "utf8.h"

#include <inttypes.h>

#define CLUE "process "

/* ---- taking it apart ---- */

bool tally_process_file_is(struct tally_bytes text)
{
	struct tally_bytes format;

	return text.size > 0 && text.data[0] == '{' &&
	       tally_canon_member(text, "format", &format) == 1 &&
	       tally_canon_is(format, TALLY_BYTES_LIT(TALLY_PROCESS_FILE_FORMAT));
}

bool tally_process_of_clue(struct tally_bytes clue, struct tally_bytes *creator_r,
			   struct tally_bytes *process_r)
{
	size_t prefix = sizeof(CLUE) - 1;
	const uint8_t *space;

	if (clue.size <= prefix || memcmp(clue.data, CLUE, prefix) != 0)
		return false;
	*creator_r = tally_bytes(clue.data + prefix, clue.size - prefix);
	space = memchr(creator_r->data, ' ', creator_r->size);	/* a DID has none */
	if (space == NULL)
		return false;
	*process_r = tally_bytes(space + 1, (size_t)(tally_bytes_end(clue) - space) - 1);
	creator_r->size = (size_t)(space - creator_r->data);
	return creator_r->size > 0 && process_r->size > 0;
}

static int malformed(struct tally_err *err, const char *member, const char *why)
{
	return tally_err_set(err, TALLY_INVALID, "%s: %s", member, why);
}

static uint64_t items(struct tally_bytes list)
{
	struct tally_bytes item;
	uint64_t count = 0;
	size_t at = 0;

	while (list.size > 0 && tally_canon_next(list, &at, NULL, &item) == 1)
		count++;
	return count;
}

int tally_process_file_parse(struct tally_bytes text, uint8_t *room,
			     struct tally_process_file *file_r, struct tally_err *err)
{
	struct tally_bytes name, item, state = TALLY_BYTES_NONE;
	size_t at = 0;

	memset(file_r, 0, sizeof(*file_r));
	if (text.size > 0 && text.data[text.size - 1] == '\n')
		text.size--;
	if (text.size > TALLY_STATE_FILE_MAX || !tally_canon_valid(text) || text.data[0] != '{')
		return tally_err_set(err, TALLY_INVALID, "it is no canonical JSON object");
	if (!tally_process_file_is(text))
		return tally_err_set(err, TALLY_UNSUPPORTED, "format: this program reads '%s'",
				     TALLY_PROCESS_FILE_FORMAT);
	while (tally_canon_next(text, &at, &name, &item) == 1) {
		if (tally_bytes_is(name, "stages"))
			file_r->stages = item;
		else if (tally_bytes_is(name, "state"))
			state = item;
		else if (!tally_bytes_is(name, "format"))
			return tally_err_set(err, TALLY_INVALID, "%.*s: this format has no such member",
					     (int)(name.size < 40 ? name.size : 40),
					     (const char *)name.data);
	}
	if (state.size == 0 || state.data[0] != '{')
		return malformed(err, "state", "it is no state proof file");
	if (file_r->stages.size == 0 || file_r->stages.data[0] != '[')
		return malformed(err, "stages", "it is no list");
	if (tally_state_file_parse(state, room, &file_r->state, err) != 0)
		return tally_err_prefix(err, "state");
	if (file_r->state.kind != STATE_CLUE ||
	    !tally_process_of_clue(file_r->state.key, &file_r->creator, &file_r->process))
		return malformed(err, "state", "it is not about a process");
	if (items(file_r->state.journals) != file_r->state.count ||
	    items(file_r->stages) != file_r->state.count)
		return malformed(err, "stages", "there are more or fewer than the process has");
	return 0;
}

/* ---- checking ---- */

struct checking {
	const struct tally_process_file *file;
	struct tally_process_stage *stages;
	size_t count;			/* of those that stand before the one looked at */
	uint8_t *room;
	struct tally_err *err;
};

static int wrong(const struct checking *c, const struct tally_leaf *leaf, const char *why)
{
	return tally_err_set(c->err, TALLY_CORRUPT, "stages: journal %" PRIu64 ": %s",
			     leaf->journal_id, why);
}

/* A name in the leaf's data, as it stands there. */
static bool take_name(struct tally_bytes data, const char *name, struct tally_bytes *item_r)
{
	return tally_canon_member(data, name, item_r) == 1 && item_r->size > 2 &&
	       item_r->data[0] == '"';
}

static bool is_op(struct tally_bytes data, const char *op)
{
	struct tally_bytes item;

	return tally_canon_member(data, "op", &item) == 1 &&
	       tally_canon_is(item, tally_bytes_str(op));
}

/* May its provider go on with the process: who made it, or the consumer of a stage before? */
static bool is_party(const struct checking *c, struct tally_bytes provider)
{
	if (tally_canon_is(provider, c->file->creator))
		return true;
	for (size_t i = 0; i < c->count; i++)
		if (!c->stages[i].other && tally_bytes_equal(c->stages[i].consumer, provider))
			return true;
	return false;
}

static bool is_first(const struct checking *c)
{
	for (size_t i = 0; i < c->count; i++)
		if (!c->stages[i].other)
			return false;
	return true;
}

/* What the leaf says: a stage of this process, at its place. */
static int take_leaf(const struct checking *c, const struct tally_leaf *leaf,
		     struct tally_process_stage *stage)
{
	struct tally_bytes creator, process;

	*stage = (struct tally_process_stage){ .journal_id = leaf->journal_id,
					       .timestamp = leaf->timestamp };
	tally_leaf_hash(leaf->text, &stage->hash);
	stage->other = !tally_bytes_is(leaf->payload_type, "DATASHARE");
	if (stage->other)
		return 0;
	if (!take_name(leaf->data, "creator", &creator) ||
	    !take_name(leaf->data, "process", &process) ||
	    !tally_canon_is(creator, c->file->creator) || !tally_canon_is(process, c->file->process))
		return wrong(c, leaf, "it is of another process");
	if (!take_name(leaf->data, "provider", &stage->provider) ||
	    !take_name(leaf->data, "product", &stage->product) ||
	    !take_name(leaf->data, "consumer", &stage->consumer) ||
	    !take_name(leaf->data, "order", &stage->order))
		return wrong(c, leaf, "a name of its objects is missing");
	if (!is_op(leaf->data, is_first(c) ? "share-dataset-new" : "share-dataset-append"))
		return wrong(c, leaf, is_first(c) ? "the first stage does not begin the process" :
						    "it does not go on with the process");
	if (!tally_canon_is(stage->provider, leaf->member_id))
		return wrong(c, leaf, "its author is not its provider");
	if (!is_first(c) && !is_party(c, stage->provider))
		return wrong(c, leaf, "its author had no part in the process");
	return 0;
}

/* What a stage has besides its leaf. */
struct given {
	struct tally_bytes evidence, payload;
	uint8_t evidence_salt[TALLY_SALT_SIZE], salt[TALLY_SALT_SIZE];
	unsigned int count;		/* of these four */
};

static bool take_given(struct checking *c, struct tally_bytes object, struct given *given)
{
	struct tally_bytes name, item;
	size_t at = 0;
	bool good = object.data[0] == '{';

	while (good && tally_canon_next(object, &at, &name, &item) == 1) {
		given->count++;
		if (tally_bytes_is(name, "evidence"))
			good = tally_canon_take_base64(item, &c->room, &given->evidence);
		else if (tally_bytes_is(name, "evidenceSalt"))
			good = tally_canon_salt(item, given->evidence_salt);
		else if (tally_bytes_is(name, "payload"))
			good = tally_canon_take_base64(item, &c->room, &given->payload);
		else
			good = tally_bytes_is(name, "salt") && tally_canon_salt(item, given->salt);
	}
	return good && (given->count == 0 || given->count == 4);
}

/* Evidence with one signature (doc/formats.md, section 5), by a key on P-256. */
static bool read_evidence(struct tally_bytes evidence, struct tally_bytes *message_r,
			  struct tally_bytes *member_r, struct tally_member_key *key_r,
			  struct tally_bytes *signature_r)
{
	struct tally_reader reader = tally_reader(evidence);
	struct tally_bytes key;
	struct tally_err err;
	bool good = tally_read_u8(&reader) == 1 && tally_read_varint(&reader) == 0;

	*message_r = tally_read_bytes(&reader, tally_read_varint(&reader));
	good = good && tally_read_u8(&reader) == 1;
	*member_r = tally_read_bytes(&reader, tally_read_u8(&reader));
	good = good && tally_read_u8(&reader) == KEY_TYPE_SECP256R1;
	key = tally_read_bytes(&reader, tally_read_u8(&reader));
	*signature_r = tally_read_bytes(&reader, TALLY_MEMBER_SIGNATURE);
	return good && !reader.failed && tally_reader_left(&reader) == 0 &&
	       tally_member_key_set(key_r, KEY_TYPE_SECP256R1, key, &err) == 0;
}

/* A DID ends with the base58 of the first half of its key's SHA-256. */
static bool is_did_of(struct tally_bytes did, const struct tally_member_key *key)
{
	uint8_t hash[TALLY_HASH_SIZE];
	char made[TALLY_BASE58_TEXT(16)];
	size_t size;

	tally_sha256(key->bytes, key->size, hash);
	tally_base58_encode(tally_bytes(hash, 16), made);
	size = strlen(made);
	return did.size > size && did.data[did.size - size - 1] == ':' &&
	       memcmp(tally_bytes_end(did) - size, made, size) == 0;
}

/* The provider signed just what the leaf says. */
static int check_signature(const struct checking *c, const struct tally_leaf *leaf,
			   struct tally_bytes evidence)
{
	uint8_t room[TALLY_LEAF_MAX];
	struct tally_bytes message, member, signature;
	struct tally_member_key key;

	if (!read_evidence(evidence, &message, &member, &key, &signature))
		return wrong(c, leaf, "its evidence is malformed");
	if (!tally_bytes_equal(member, leaf->member_id) || !is_did_of(member, &key))
		return wrong(c, leaf, "it is signed by another key than its author's");
	if (!tally_bytes_equal(message, tally_leaf_statement(leaf->text, room)))
		return wrong(c, leaf, "what was signed is not what the journal says");
	if (!tally_member_verify(&key, message, signature.data))
		return wrong(c, leaf, "its signature does not verify");
	return 0;
}

static int check_given(struct checking *c, const struct tally_leaf *leaf, struct tally_bytes object,
		       struct tally_process_stage *stage)
{
	struct given given = { .count = 0 };

	if (!take_given(c, object, &given))
		return wrong(c, leaf, "what the file has of it is malformed");
	if (given.count == 0)
		return 0;
	if (stage->other)
		return wrong(c, leaf, "it is no stage, and needs no content");
	if (!tally_leaf_payload_is(leaf, given.salt, given.payload))
		return wrong(c, leaf, "its content is not the journal's");
	if (!tally_leaf_evidence_is(leaf, given.evidence_salt, given.evidence))
		return wrong(c, leaf, "its evidence is not the journal's");
	stage->has_content = true;
	stage->content = given.payload;
	return check_signature(c, leaf, given.evidence);
}

/* Each journal of the clue has its item in the list. */
static int check_stages(struct checking *c)
{
	struct tally_bytes text, object;
	size_t at = 0, stages_at = 0;

	while (!c->file->state.absent &&
	       tally_canon_next(c->file->state.journals, &at, NULL, &text) == 1) {
		struct tally_process_stage *stage = &c->stages[c->count];
		struct tally_leaf leaf;

		/* the state was checked, and the lists are as long as each other */
		if (!tally_leaf_parse(text, &leaf) ||
		    tally_canon_next(c->file->stages, &stages_at, NULL, &object) != 1)
			return tally_err_set(c->err, TALLY_CORRUPT, "stages: they cannot be read");
		if (take_leaf(c, &leaf, stage) != 0 || check_given(c, &leaf, object, stage) != 0)
			return -1;
		c->count++;
	}
	return 0;
}

int tally_process_file_check_in(const struct tally_process_file *file,
				const struct tally_checkpoint *checkpoint, uint64_t lag_max,
				uint8_t *room, struct tally_process_stage *stages_r,
				struct tally_state_answer *answer_r, struct tally_err *err)
{
	struct checking c = { .file = file, .stages = stages_r, .room = room, .err = err };

	if (tally_state_file_check_in(&file->state, checkpoint, lag_max, answer_r, err) != 0)
		return tally_err_prefix(err, "state");
	return check_stages(&c);
}

struct tally_bytes tally_process_stage_name(const struct tally_process_stage *stage, uint8_t *room)
{
	struct tally_jsonscan_member member;
	struct tally_jsonscan scan;
	size_t size = 0;

	if (!stage->has_content)
		return TALLY_BYTES_NONE;
	tally_jsonscan_begin(&scan, stage->content);
	while (tally_jsonscan_next(&scan, &member) == 1)
		if (tally_jsonscan_is(member.name, "stageName") && tally_jsonscan_is_text(&member) &&
		    tally_jsonscan_text(tally_bytes(member.value.data + 1, member.value.size - 2), room,
					&size) &&
		    tally_utf8_valid(tally_bytes(room, size)))
			return tally_bytes(room, size);
	return TALLY_BYTES_NONE;
}
