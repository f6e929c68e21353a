/*
 * Changes of shared objects. A worker makes record, statement and signature; the committer decides, by
 * the rules of share_rules.c and the state of the block under construction. One change is one journal;
 * where a ciphertext is to be kept on the ledger that is another one, before it in the same block.
 */
#include "share_rows.h"

#include <stdlib.h>

#include "access.h"
#include "evidence.h"
#include "share_rules.h"

/* One journal under way. */
struct part {
	struct tally_prepared prepared;
	struct tally_field fields[TALLY_SHARE_FIELDS + 2];
	struct tally_bytes clues[SHARE_CLUES];
	uint8_t signed_bytes[TALLY_DIGEST_SIZE];
};

struct sharing {
	const struct tally_share_change *change;
	struct tally_arena *arena;
	struct part parts[2];		/* the last one is the change itself */
	size_t count;
	uint8_t request[TALLY_DIGEST_SIZE];
	bool known;
	uint64_t journal_id;
};

/* ---- in the worker ---- */

static int by_name(const void *left, const void *right)
{
	const struct tally_field *a = left, *b = right;

	return tally_bytes_compare(a->name, b->name);
}

static void add_field(struct part *part, const char *name, struct tally_bytes text)
{
	struct tally_record *record = &part->prepared.record;

	if (text.size == 0)
		return;
	part->fields[record->field_count++] =
		(struct tally_field){ tally_bytes_str(name), FIELD_TEXT, text, 0 };
}

/* Of a ciphertext only what says whose it is. */
static bool is_wanted(const char *op, const char *name)
{
	static const char *const of_ciphertext[] = { "consumer", "order", "provider", "organization",
						     "certificate", "timestamp", "request" };

	if (strcmp(op, "keep-ciphertext") != 0)
		return true;
	for (size_t i = 0; i < sizeof(of_ciphertext) / sizeof(*of_ciphertext); i++)
		if (strcmp(name, of_ciphertext[i]) == 0)
			return true;
	return false;
}

static struct part *begin_part(struct sharing *sharing, const char *op)
{
	const struct tally_share_change *change = sharing->change;
	struct part *part = &sharing->parts[sharing->count++];
	struct tally_record *record = &part->prepared.record;

	record->type = TYPE_DATASHARE;
	record->member_id = change->caller;
	record->has_data = true;
	record->fields = part->fields;
	for (size_t i = 0; i < change->field_count; i++)
		if (is_wanted(op, change->fields[i].name))
			add_field(part, change->fields[i].name, change->fields[i].text);
	add_field(part, "op", tally_bytes_str(op));
	if (change->private == NULL) {
		uint8_t hash[TALLY_HASH_SIZE];
		char *hex = tally_arena_alloc(sharing->arena, 2 * sizeof(hash) + 1);

		tally_sha256(change->message.data, change->message.size, hash);
		tally_hex_encode(hash, sizeof(hash), hex);
		add_field(part, "request", tally_bytes_str(hex));
	}
	qsort(part->fields, record->field_count, sizeof(*part->fields), by_name);
	record->clues = part->clues;
	record->clue_count = (uint8_t)tally_share_clues(record, sharing->arena, part->clues);
	return part;
}

/* What is signed of a part: its statement, by the private key at hand; or what the caller signed. */
static int sign(struct sharing *sharing, struct part *part, struct tally_bytes ledger_id,
		uint8_t signature_r[64], struct tally_bytes *message_r, struct tally_err *err)
{
	const struct tally_share_change *change = sharing->change;
	struct tally_member_key key = { .type = KEY_TYPE_SECP256R1, .size = 65 };
	struct tally_buf statement = { 0 };

	memcpy(key.bytes, change->point, 65);
	if (change->private == NULL) {
		*message_r = change->message;
		memcpy(signature_r, change->signature, 64);
	} else {
		tally_record_statement(&part->prepared.record, ledger_id, &statement);
		*message_r = tally_arena_bytes(sharing->arena, tally_buf_bytes(&statement));
		tally_buf_free(&statement);
		if (tally_member_sign(KEY_TYPE_SECP256R1, change->private, *message_r, signature_r,
				      err) != 0)
			return -1;
	}
	if (!tally_member_verify(&key, *message_r, signature_r))
		return tally_err_about(err, TALLY_DENIED, "Signature",
				       "the signature is not the caller's");
	return 0;
}

static void digest_signed(struct tally_core *core, struct tally_bytes message,
			  uint8_t digest_r[TALLY_DIGEST_SIZE])
{
	uint8_t bytes[7 + TALLY_HASH_SIZE] = "signed\n";

	tally_sha256(message.data, message.size, bytes + 7);
	tally_keyed_digest(core->digest_key, tally_bytes(bytes, sizeof(bytes)), digest_r);
}

/* The payload with its salt, then the same with the evidence, which holds a signature over its hash. */
static int prepare(struct tally_core *core, struct sharing *sharing, const char *op,
		   struct tally_bytes ledger_id, struct tally_bytes payload, struct tally_err *err)
{
	const struct tally_share_change *change = sharing->change;
	struct part *part = begin_part(sharing, op);
	struct tally_record_signature signature = { .member_id = change->caller,
						    .type = KEY_TYPE_SECP256R1,
						    .key = tally_bytes(change->point, 65) };
	struct tally_evidence evidence = { .signatures = &signature, .signature_count = 1 };
	uint8_t salt[TALLY_SALT_SIZE], bytes[64];
	struct tally_buf buf = { 0 };

	tally_salt(salt);
	tally_prepare_salted(sharing->arena, payload, tally_bytes(salt, sizeof(salt)),
			     TALLY_BYTES_NONE, &part->prepared);
	if (sign(sharing, part, ledger_id, bytes, &evidence.message, err) != 0)
		return -1;
	signature.bytes = tally_bytes(bytes, sizeof(bytes));
	tally_evidence_encode(&evidence, &buf);
	tally_prepare_salted(sharing->arena, payload, tally_bytes(salt, sizeof(salt)),
			     tally_arena_bytes(sharing->arena, tally_buf_bytes(&buf)),
			     &part->prepared);
	tally_buf_free(&buf);
	digest_signed(core, evidence.message, part->signed_bytes);
	return 0;
}

/* ---- in the committer ---- */

struct seen {
	const struct tally_view *view;
	struct tally_arena *arena;
};

static int see_state(void *ctx, enum tally_share_kind kind, struct tally_bytes a,
		     struct tally_bytes b, enum tally_share_state *state_r, struct tally_err *err)
{
	const struct seen *seen = ctx;
	struct tally_share_object object;
	int found = tally_share_look(seen->view, kind, a, b, seen->arena, &object, err);

	*state_r = found == 1 ? object.state : SHARE_NONE;
	return found < 0 ? -1 : 0;
}

static int see_whose(void *ctx, enum tally_share_kind kind, struct tally_bytes a,
		     struct tally_bytes b, struct tally_bytes did, struct tally_err *err)
{
	const struct seen *seen = ctx;
	struct tally_share_object object;
	int found = tally_share_look(seen->view, kind, a, b, seen->arena, &object, err);

	return found == 1 ? tally_bytes_equal(tally_share_whose_of(&object), did) : found;
}

static int see_party(void *ctx, struct tally_bytes creator, struct tally_bytes process,
		     struct tally_bytes did, struct tally_err *err)
{
	const struct seen *seen = ctx;

	return tally_share_is_party(seen->view, creator, process, did, seen->arena, err);
}

/* The caller has the DID that belongs to its key; who registers has none yet. */
static int check_identity(struct tally_build *build, const struct tally_share_change *change,
			  struct tally_err *err)
{
	bool registers = strcmp(change->op, "register-did") == 0;
	struct tally_share_object did;
	int found = tally_share_look_key(&build->view, change->point, &build->arena, &did, err);

	if (found < 0)
		return -1;
	if (found == 1 && registers)
		return tally_err_about(err, TALLY_EXISTS, "DID", "the key has a DID already");
	if (!registers && (found == 0 || !tally_bytes_equal(did.a, change->caller)))
		return tally_err_about(err, TALLY_DENIED, "Caller", "the key is not of this DID");
	return 0;
}

static int check_basis(struct tally_build *build, const struct sharing *sharing,
		       struct tally_err *err)
{
	const struct tally_record *record = &sharing->parts[sharing->count - 1].prepared.record;
	const struct tally_share_rule *rule = tally_share_rule(tally_field_text(record, "op"));
	struct tally_share_object object;
	struct tally_bytes a, b;
	int found;

	if (!sharing->change->has_basis)
		return 0;
	tally_share_parts(record, rule->steps[0].kind, &a, &b);
	found = tally_share_look(&build->view, rule->steps[0].kind, a, b, &build->arena, &object, err);
	if (found == 1 && object.last != sharing->change->basis)
		return tally_err_about(err, TALLY_CONFLICT, "State", "it was changed meanwhile");
	return found < 0 ? -1 : 0;
}

/* What a key signed once stands in one journal; of a share and its ciphertext it is the same. */
static int check_signed(struct tally_build *build, const struct sharing *sharing,
			struct tally_err *err)
{
	for (size_t i = 0; i < sharing->count; i++) {
		struct tally_bytes value;
		int found = tally_view_get(&build->view, TABLE_SIGNED,
					   tally_bytes(sharing->parts[i].signed_bytes,
						       TALLY_DIGEST_SIZE),
					   &build->arena, &value, err);

		if (found == 1)
			return tally_err_about(err, TALLY_REPLAYED, "Signature",
					       "what was signed stands in a journal already");
		if (found < 0)
			return -1;
	}
	return 0;
}

/* The ledger's own limits; the server's were held before. */
static int check_limits(struct tally_build *build, const struct sharing *sharing,
			struct tally_err *err)
{
	uint64_t payload = tally_limit_of(build->core, build->head, LIMIT_PAYLOAD);
	uint64_t clues = tally_limit_of(build->core, build->head, LIMIT_CLUES);

	for (size_t i = 0; i < sharing->count; i++) {
		const struct tally_record *record = &sharing->parts[i].prepared.record;

		if (record->payload_size > payload)
			return tally_err_about(err, TALLY_INVALID, "Size",
					       "it has more than %llu bytes, this ledger's limit",
					       (unsigned long long)payload);
		if (record->clue_count > clues)
			return tally_err_about(err, TALLY_INVALID, "Clues",
					       "more than %llu clues, this ledger's limit",
					       (unsigned long long)clues);
	}
	return 0;
}

static int add_parts(struct tally_build *build, const struct tally_write *write,
		     struct sharing *sharing, struct tally_err *err)
{
	struct seen seen = { &build->view, &build->arena };
	const struct tally_share_world world = { &seen, see_state, see_whose, see_party };

	for (size_t i = 0; i < sharing->count; i++)
		if (tally_share_judge(&world, &sharing->parts[i].prepared.record, err) != 0)
			return -1;
	for (size_t i = 0; i < sharing->count; i++) {
		struct part *part = &sharing->parts[i];
		struct tally_envelope *envelope = &part->prepared.envelope;
		struct tally_hash leaf;

		tally_envelope_fill(build->core, write, TALLY_BYTES_NONE, sharing->request,
				    i + 1 == sharing->count, envelope);
		envelope->has_signed = true;
		memcpy(envelope->signed_bytes, part->signed_bytes, TALLY_DIGEST_SIZE);
		if (tally_build_add(build, &part->prepared, &sharing->journal_id, &leaf, err) != 0)
			return -1;
	}
	return 0;
}

static int decide(struct tally_build *build, struct tally_command *command, struct tally_err *err)
{
	struct sharing *sharing = command->ctx;
	int again = tally_build_admit(build, command->write, sharing->request, &sharing->journal_id,
				      err);

	sharing->known = again == 1;
	if (again != 0)
		return again == 1 ? 0 : -1;
	if (build->head->status != LEDGER_NORMAL || build->head->type != LEDGER_JOURNAL ||
	    strcmp(build->space->name, build->core->time_ledger) == 0)
		return tally_err_about(err, TALLY_NOTFOUND, "Ledger", "no such ledger");
	if (tally_reach_permit(&build->view, command->write->caller.reach, err) != 0 ||
	    check_limits(build, sharing, err) != 0 ||
	    check_identity(build, sharing->change, err) != 0 ||
	    check_basis(build, sharing, err) != 0 || check_signed(build, sharing, err) != 0)
		return -1;
	return add_parts(build, command->write, sharing, err);
}

/* ---- the command ---- */

static size_t cost_of(const struct sharing *sharing)
{
	size_t cost = 0;

	for (size_t i = 0; i < sharing->count; i++) {
		const struct tally_prepared *prepared = &sharing->parts[i].prepared;

		cost += tally_block_cost(8192, prepared->payload_head.size + prepared->payload.size,
					 64);
	}
	return cost;
}

static void make_request(struct tally_core *core, const struct tally_share_change *change,
			 uint8_t request_r[TALLY_DIGEST_SIZE])
{
	struct tally_buf buf = { 0 };

	tally_buf_add_str(&buf, change->op);
	for (size_t i = 0; i < change->field_count; i++) {
		tally_buf_add_u8(&buf, '\n');
		tally_buf_add_str(&buf, change->fields[i].name);
		tally_buf_add_u8(&buf, '=');
		tally_buf_add_bytes(&buf, change->fields[i].text);
	}
	tally_keyed_digest(core->digest_key, tally_buf_bytes(&buf), request_r);
	tally_buf_free(&buf);
}

static int prepare_all(struct tally_core *core, struct sharing *sharing,
		       struct tally_bytes ledger_id, struct tally_err *err)
{
	const struct tally_share_change *change = sharing->change;

	if (change->content.size > core->limits.payload ||
	    change->ciphertext.size > core->limits.payload)
		return tally_err_about(err, TALLY_INVALID, "Size", "it has more than %llu bytes",
				       (unsigned long long)core->limits.payload);
	make_request(core, change, sharing->request);
	if (change->ciphertext.size > 0 &&
	    prepare(core, sharing, "keep-ciphertext", ledger_id, change->ciphertext, err) != 0)
		return -1;
	return prepare(core, sharing, change->op, ledger_id, change->content, err);
}

int tally_share_change(struct tally_core *core, const struct tally_write *write,
		       struct tally_bytes ledger_id, const struct tally_share_change *change,
		       struct tally_share_done *done_r, struct tally_err *err)
{
	struct tally_command command = { .decide = decide, .write = write };
	struct sharing *sharing = tally_calloc(1, sizeof(*sharing));
	struct tally_arena arena;
	int result = tally_space_of_ledger(core, ledger_id, &command.space, err);

	tally_arena_init(&arena);
	sharing->change = change;
	sharing->arena = &arena;
	command.ctx = sharing;
	if (result == 0)
		result = tally_err_about(err, TALLY_NOTFOUND, "Ledger", "no such ledger");
	else if (result == 1)
		result = prepare_all(core, sharing, ledger_id, err);
	if (result == 0) {
		command.bytes = cost_of(sharing);
		command.journals = sharing->count;
		result = tally_queue_run(core, &command, err);
	}
	*done_r = (struct tally_share_done){ sharing->known, sharing->journal_id, command.time_ms };
	tally_arena_free(&arena);
	free(sharing);
	return result;
}
