/* State proof files. See statefile.h. */
#include "statefile.h"

#include "err.h"

#include <inttypes.h>

static const char *const kind_names[] = { [STATE_CLUE] = "clue", [STATE_KV] = "kv",
					  [STATE_MEMBER] = "member" };

#define KINDS (sizeof(kind_names) / sizeof(kind_names[0]))

const char *tally_state_kind_name(enum tally_state_kind kind)
{
	return kind_names[kind];
}

/* ---- taking it apart ---- */

/* The members of the file, sorted as they stand there. */
enum member {
	ABSENT, CHECKPOINT, COUNT, FORMAT, JOURNAL, JOURNALS, KEY, KIND, LEDGER_ID, RECORD,
	RECORD_JOURNAL_ID, SALT, STATE_PROOF, STATE_ROOT_LEAF, STATE_ROOT_PATH, VALUE, MEMBERS
};

static const char *const member_names[MEMBERS] = {
	"absent", "checkpoint", "count", "format", "journal", "journals", "key", "kind", "ledgerId",
	"record", "recordJournalId", "salt", "stateProof", "stateRootLeaf", "stateRootPath", "value"
};

#define BIT(member) (1u << (member))
#define OF_ALL (BIT(ABSENT) | BIT(CHECKPOINT) | BIT(FORMAT) | BIT(KEY) | BIT(KIND) | BIT(LEDGER_ID) | \
		BIT(STATE_PROOF) | BIT(STATE_ROOT_LEAF) | BIT(STATE_ROOT_PATH))
#define OF_PAYLOAD (BIT(SALT) | BIT(VALUE))

/* What a file of a kind has beside, where something is there. */
static const unsigned int of_kind[] = { [STATE_CLUE] = BIT(COUNT) | BIT(JOURNALS),
					[STATE_KV] = BIT(JOURNAL) | OF_PAYLOAD,
					[STATE_MEMBER] = BIT(RECORD) | BIT(RECORD_JOURNAL_ID) };

/* A file under way. room is what is left of it: whatever is put there is no longer than the member
 * of the file that it comes from. */
struct reading {
	struct tally_state_file *file;
	uint8_t *room;
	unsigned int seen;
};

static bool take_kind(struct reading *reading, struct tally_bytes item)
{
	for (size_t i = 0; i < KINDS; i++)
		if (tally_canon_is(item, tally_bytes_str(kind_names[i]))) {
			reading->file->kind = (enum tally_state_kind)i;
			return true;
		}
	return false;
}

static bool take_path(struct tally_state_file *file, struct tally_bytes item)
{
	struct tally_bytes hash;
	size_t at = 0;
	int more;

	if (item.data[0] != '[')
		return false;
	while ((more = tally_canon_next(item, &at, NULL, &hash)) == 1)
		if (file->root_path_count == TALLY_TREE_MAX_PATH ||
		    !tally_canon_hash(hash, &file->root_path[file->root_path_count++]))
			return false;
	return more == 0;
}

static bool take_proof(struct reading *reading, struct tally_bytes item)
{
	struct tally_bytes bytes;

	return tally_canon_take_base64(item, &reading->room, &bytes) &&
	       tally_state_proof_decode(bytes, &reading->file->proof);
}

/* Leaves are read when they are checked; here it is only seen to that their hashes have room. A leaf
 * is longer than its hash, so that they have, or it is no list of leaves. */
static bool take_journals(struct reading *reading, struct tally_bytes item)
{
	struct tally_bytes leaf;
	uint64_t count = 0;
	size_t at = 0;
	int more;

	if (item.data[0] != '[')
		return false;
	while ((more = tally_canon_next(item, &at, NULL, &leaf)) == 1) {
		if (leaf.size <= TALLY_HASH_SIZE)
			return false;
		count++;
	}
	reading->file->journals = item;
	reading->file->hashes = (struct tally_hash *)reading->room;
	reading->room += count * TALLY_HASH_SIZE;
	return more == 0;
}

static bool take_salt(struct tally_state_file *file, struct tally_bytes item)
{
	file->has_value = true;
	return tally_canon_salt(item, file->salt);
}

static bool take_absent(struct tally_state_file *file, struct tally_bytes item)
{
	file->absent = tally_bytes_is(item, "true");
	return file->absent || tally_bytes_is(item, "false");
}

static bool take_object(struct tally_bytes item, struct tally_bytes *object_r)
{
	*object_r = item;
	return item.data[0] == '{';
}

static bool take_member(struct reading *reading, enum member member, struct tally_bytes item)
{
	struct tally_state_file *file = reading->file;

	switch (member) {
	case ABSENT:		return take_absent(file, item);
	case CHECKPOINT:	return tally_canon_take_text(item, &reading->room, &file->checkpoint);
	case COUNT:		return tally_canon_uint(item, &file->count);
	case FORMAT:		return true;	/* it was looked at */
	case JOURNAL:		return take_object(item, &file->journal);
	case JOURNALS:		return take_journals(reading, item);
	case KEY:		return tally_canon_take_text(item, &reading->room, &file->key);
	case KIND:		return take_kind(reading, item);
	case LEDGER_ID:		return tally_canon_take_text(item, &reading->room, &file->ledger_id);
	case RECORD:		return take_object(item, &file->record);
	case RECORD_JOURNAL_ID:	return tally_canon_uint(item, &file->record_journal);
	case SALT:		return take_salt(file, item);
	case STATE_PROOF:	return take_proof(reading, item);
	case STATE_ROOT_LEAF:	return take_object(item, &file->root_leaf);
	case STATE_ROOT_PATH:	return take_path(file, item);
	case VALUE:		return tally_canon_take_base64(item, &reading->room, &file->value);
	case MEMBERS:		break;
	}
	return false;
}

static int take_all(struct reading *reading, struct tally_bytes text, struct tally_err *err)
{
	struct tally_bytes name, item;
	size_t at = 0;

	while (tally_canon_next(text, &at, &name, &item) == 1) {
		enum member member = 0;

		while (member < MEMBERS && !tally_bytes_is(name, member_names[member]))
			member++;
		if (member == MEMBERS)
			return tally_err_set(err, TALLY_INVALID, "%.*s: this format has no such member",
					     (int)(name.size < 40 ? name.size : 40),
					     (const char *)name.data);
		if (!take_member(reading, member, item))
			return tally_err_set(err, TALLY_INVALID, "%s: it is malformed",
					     member_names[member]);
		reading->seen |= BIT(member);
	}
	return 0;
}

/* Which members must be there follows from kind and absent; salt and value may be left out, both. */
static int check_members(const struct reading *reading, struct tally_err *err)
{
	const struct tally_state_file *file = reading->file;
	unsigned int may = OF_ALL | (file->absent ? 0 : of_kind[file->kind]);
	unsigned int need = may & ~OF_PAYLOAD;

	if ((reading->seen & OF_PAYLOAD) != 0)
		need |= OF_PAYLOAD;
	for (enum member member = 0; member < MEMBERS; member++) {
		bool seen = (reading->seen & BIT(member)) != 0;

		if (!seen && (need & BIT(member)) != 0)
			return tally_err_set(err, TALLY_INVALID, "%s: it is missing",
					     member_names[member]);
		if (seen && (may & BIT(member)) == 0)
			return tally_err_set(err, TALLY_INVALID, "%s: it does not belong there",
					     member_names[member]);
	}
	return 0;
}

int tally_state_file_parse(struct tally_bytes text, uint8_t *room,
			   struct tally_state_file *file_r, struct tally_err *err)
{
	struct reading reading = { .file = file_r, .room = room };
	struct tally_bytes format;

	memset(file_r, 0, sizeof(*file_r));
	if (text.size > 0 && text.data[text.size - 1] == '\n')
		text.size--;
	if (text.size > TALLY_STATE_FILE_MAX || !tally_canon_valid(text) || text.data[0] != '{')
		return tally_err_set(err, TALLY_INVALID, "it is no canonical JSON object");
	if (tally_canon_member(text, "format", &format) != 1)
		return tally_err_set(err, TALLY_INVALID, "format: it is missing");
	if (!tally_canon_is(format, TALLY_BYTES_LIT(TALLY_STATE_FILE_FORMAT)))
		return tally_err_set(err, TALLY_UNSUPPORTED, "format: this program reads '%s'",
				     TALLY_STATE_FILE_FORMAT);
	return take_all(&reading, text, err) != 0 ? -1 : check_members(&reading, err);
}

/* ---- checking ---- */

static int wrong(struct tally_err *err, enum member member, const char *why)
{
	return tally_err_set(err, TALLY_CORRUPT, "%s: %s", member_names[member], why);
}

/* A leaf of this ledger, of a journal that the state is about. */
static bool leaf_of(const struct tally_state_file *file, struct tally_bytes text, uint64_t size,
		    struct tally_leaf *leaf_r)
{
	return tally_leaf_parse(text, leaf_r) && leaf_r->journal_id < size &&
	       tally_bytes_equal(leaf_r->ledger_id, file->ledger_id);
}

static int clue_value(const struct tally_state_file *file, uint64_t size,
		      char value[TALLY_STATE_VALUE_MAX], struct tally_err *err)
{
	struct tally_bytes text;
	struct tally_hash root;
	uint64_t count = 0, next = 0;
	size_t at = 0;

	while (tally_canon_next(file->journals, &at, NULL, &text) == 1) {
		struct tally_leaf leaf;

		if (!leaf_of(file, text, size, &leaf))
			return tally_err_set(err, TALLY_CORRUPT, "journals: number %" PRIu64
					     " of the list is no journal of the ledger's first %"
					     PRIu64, count, size);
		if (leaf.journal_id < next)
			return wrong(err, JOURNALS, "they do not ascend");
		if (!tally_leaf_has_clue(&leaf, file->key))
			return tally_err_set(err, TALLY_CORRUPT, "journals: journal %" PRIu64
					     " does not have the clue", leaf.journal_id);
		next = leaf.journal_id + 1;
		tally_leaf_hash(text, &file->hashes[count++]);
	}
	if (count == 0 || count != file->count)
		return tally_err_set(err, TALLY_CORRUPT, "count: there are %" PRIu64 " journals", count);
	tally_clue_root(file->hashes, count, &root);
	tally_state_clue_value(count, &root, value);
	return 0;
}

static int kv_value(const struct tally_state_file *file, uint64_t size,
		    char value[TALLY_STATE_VALUE_MAX], struct tally_err *err)
{
	struct tally_leaf leaf;
	struct tally_hash hash;
	struct tally_bytes key;

	if (!leaf_of(file, file->journal, size, &leaf))
		return wrong(err, JOURNAL, "it is no journal that the state can be about");
	if (!tally_bytes_is(leaf.payload_type, "KV_SET") ||
	    tally_canon_member(leaf.data, "key", &key) != 1 || !tally_canon_is(key, file->key))
		return wrong(err, JOURNAL, "it does not set the key");
	if (file->has_value && !tally_leaf_payload_is(&leaf, file->salt, file->value))
		return wrong(err, VALUE, "it and the salt are not what the journal set");
	tally_leaf_hash(file->journal, &hash);
	tally_state_kv_value(leaf.journal_id, &hash, value);
	return 0;
}

static int member_value(const struct tally_state_file *file, uint64_t size,
			char value[TALLY_STATE_VALUE_MAX], struct tally_err *err)
{
	struct tally_bytes id;
	struct tally_hash hash;

	if (tally_canon_member(file->record, "memberId", &id) != 1 ||
	    !tally_canon_is(id, file->key))
		return wrong(err, RECORD, "it is another member's");
	if (file->record_journal >= size)
		return wrong(err, RECORD_JOURNAL_ID, "the state is older");
	tally_sha256(file->record.data, file->record.size, hash.bytes);
	tally_state_member_value(file->record_journal, &hash, value);
	return 0;
}

/* The value that the state must have under the key; empty where it has none. */
static int value_of(const struct tally_state_file *file, uint64_t size,
		    char value[TALLY_STATE_VALUE_MAX], struct tally_err *err)
{
	value[0] = '\0';
	if (file->absent)
		return 0;
	switch (file->kind) {
	case STATE_CLUE:
		return clue_value(file, size, value, err);
	case STATE_KV:
		return kv_value(file, size, value, err);
	case STATE_MEMBER:
		break;
	}
	return member_value(file, size, value, err);
}

/* Where the root holds and the rest does not, it is the key or what is said of it. */
static int not_in_state(const struct tally_state_file *file, struct tally_err *err)
{
	static const char *const whats[] = { [STATE_CLUE] = "journals: those, and no others",
					     [STATE_KV] = "journal: the value of that journal",
					     [STATE_MEMBER] = "record: that record" };

	if (file->absent)
		return tally_err_set(err, TALLY_CORRUPT, "absent: the state proof does not show that "
				     "nothing was under the key");
	return tally_err_set(err, TALLY_CORRUPT, "%s, the state proof does not show under the key",
			     whats[file->kind]);
}

int tally_state_file_check_in(const struct tally_state_file *file,
			      const struct tally_checkpoint *checkpoint, uint64_t lag_max,
			      struct tally_state_answer *answer_r, struct tally_err *err)
{
	struct tally_state_claim claim = { .leaf = file->root_leaf, .inclusion = file->root_path,
					   .inclusion_count = file->root_path_count,
					   .kind = file->kind, .key = file->key,
					   .absent = file->absent, .proof = &file->proof };
	char value[TALLY_STATE_VALUE_MAX];
	struct tally_hash root;
	struct tally_leaf leaf;
	uint64_t size;

	memset(answer_r, 0, sizeof(*answer_r));
	if (!tally_origin_has(checkpoint->origin, file->ledger_id) ||
	    !tally_leaf_parse(file->root_leaf, &leaf) ||
	    !tally_bytes_equal(leaf.ledger_id, file->ledger_id))
		return wrong(err, LEDGER_ID, "the file is of another ledger than its log or its state "
			     "root");
	if (!tally_state_root_parse(leaf.data, &size, &root))
		return wrong(err, STATE_ROOT_LEAF, "it is no STATE_ROOT journal's");
	if (value_of(file, size, value, err) != 0)
		return -1;
	claim.value = tally_bytes_str(value);
	if (tally_state_proof_check_in(&claim, checkpoint, lag_max, answer_r, err) == 0)
		return 0;
	if (err->code == TALLY_CORRUPT && answer_r->tree_size > 0)
		return not_in_state(file, err);
	return err->code == TALLY_EXPIRED ? -1 : tally_err_prefix(err, "stateRootLeaf, stateRootPath");
}

int tally_state_file_check(const struct tally_state_file *file, const struct tally_vkey *keys,
			   size_t key_count, uint64_t lag_max,
			   struct tally_state_answer *answer_r, struct tally_err *err)
{
	struct tally_checkpoint checkpoint;

	memset(answer_r, 0, sizeof(*answer_r));
	if (tally_checkpoint_check(file->checkpoint, keys, key_count, &checkpoint, err) != 0)
		return tally_err_prefix(err, "checkpoint");
	return tally_state_file_check_in(file, &checkpoint, lag_max, answer_r, err);
}
