/* The rules of shared objects; see share_rules.h. */
#include "share_rules.h"

#include "arena.h"
#include "hash.h"
#include "jsonscan.h"
#include "utf8.h"

#define IN(state) (1u << SHARE_##state)

#define DID(from, to) { SHARE_DID, from, to }
#define DATASET(from, to) { SHARE_DATASET, from, to }
#define ORDER(from, to) { SHARE_ORDER, from, to }
#define PROCESS(from, to) { SHARE_PROCESS, from, to }
#define CIPHERTEXT(from, to) { SHARE_CIPHERTEXT, from, to }
#define SCHEMA(from, to) { SHARE_SCHEMA, from, to }
#define APPLICATION(from, to) { SHARE_APPLICATION, from, to }
#define CREDENTIAL(from, to) { SHARE_CREDENTIAL, from, to }

#define ORDER_ANY (IN(REQUEST) | IN(READY) | IN(FINISHED) | IN(FAILED) | IN(CANCELED))

const struct tally_share_rule tally_share_rules[] = {
	{ "register-did", SHARE_BY_DID, { DID(IN(NONE), SHARE_ACTIVE) } },
	{ "update-did", SHARE_BY_DID, { DID(IN(ACTIVE), SHARE_ACTIVE) } },

	{ "publish-dataset", SHARE_BY_PROVIDER, { DATASET(IN(NONE), SHARE_READY) } },
	{ "close-dataset", SHARE_BY_PROVIDER, { DATASET(IN(READY), SHARE_CLOSED) } },
	{ "delete-dataset", SHARE_BY_PROVIDER, { DATASET(IN(READY) | IN(CLOSED), SHARE_GONE) } },

	{ "share-dataset", SHARE_BY_PROVIDER,
	  { DATASET(IN(NONE), SHARE_READY), ORDER(IN(NONE), SHARE_READY) } },
	{ "share-dataset-new", SHARE_BY_PROVIDER,
	  { DATASET(IN(NONE), SHARE_READY), ORDER(IN(NONE), SHARE_READY),
	    PROCESS(IN(NONE), SHARE_ACTIVE) } },
	{ "share-dataset-append", SHARE_BY_PROVIDER | SHARE_BY_PARTY,
	  { DATASET(IN(NONE), SHARE_READY), ORDER(IN(NONE), SHARE_READY),
	    PROCESS(IN(ACTIVE), SHARE_ACTIVE) } },
	/* beside a share, in the same block: the ciphertext of its order */
	{ "keep-ciphertext", SHARE_BY_PROVIDER, { CIPHERTEXT(IN(NONE), SHARE_ACTIVE) } },

	{ "apply-order", SHARE_BY_CONSUMER,
	  { DATASET(IN(READY), SHARE_SAME), ORDER(IN(NONE), SHARE_REQUEST) } },
	{ "authorize-order", SHARE_BY_PROVIDER, { ORDER(IN(REQUEST), SHARE_READY) } },
	{ "finish-order", SHARE_BY_CONSUMER | SHARE_BY_PROVIDER,
	  { ORDER(IN(READY), SHARE_FINISHED) } },
	{ "fail-order", SHARE_BY_PROVIDER, { ORDER(IN(REQUEST), SHARE_FAILED) } },
	{ "fail-order", SHARE_BY_CONSUMER | SHARE_BY_PROVIDER, { ORDER(IN(READY), SHARE_FAILED) } },
	{ "cancel-order", SHARE_BY_CONSUMER,
	  { ORDER(IN(REQUEST) | IN(READY), SHARE_CANCELED) } },
	{ "delete-order", SHARE_BY_CONSUMER, { ORDER(ORDER_ANY, SHARE_GONE) } },

	{ "publish-schema", SHARE_BY_PUBLISHER, { SCHEMA(IN(NONE) | IN(ACTIVE), SHARE_ACTIVE) } },
	{ "apply-credential", SHARE_BY_APPLICANT, { APPLICATION(IN(NONE), SHARE_REQUEST) } },
	{ "issue-credential", SHARE_BY_ISSUER,
	  { SCHEMA(IN(ACTIVE), SHARE_SAME), CREDENTIAL(IN(NONE), SHARE_ACTIVE) } },
	{ "answer-application", SHARE_BY_ISSUER | SHARE_BY_ASKED,
	  { APPLICATION(IN(REQUEST), SHARE_READY), CREDENTIAL(IN(ACTIVE), SHARE_SAME) } },
	{ NULL, 0, { { 0, 0, 0 } } }
};

const struct tally_share_rule *tally_share_rule(struct tally_bytes op)
{
	const struct tally_share_rule *rule = tally_share_rules;

	while (rule->op != NULL && !tally_bytes_is(op, rule->op))
		rule++;
	return rule->op != NULL ? rule : NULL;
}

/* ---- kinds ---- */

/* Ten digits. */
static bool number_valid(struct tally_bytes text)
{
	for (size_t i = 0; i < text.size; i++)
		if (text.data[i] < '0' || text.data[i] > '9')
			return false;
	return text.size == 10;
}

static const struct kind {
	const char *name, *a, *b;	/* in errors; fields of a record */
	const char *clue;
	bool (*valid)(struct tally_bytes b);
	const char *whose;
} kinds[] = {
	[SHARE_DID] = { "DID", "did", NULL, "did", NULL, NULL },
	[SHARE_DATASET] = { "Dataset", "provider", "product", "dataset", tally_share_name_valid,
			    NULL },
	[SHARE_ORDER] = { "Order", "consumer", "order", "order", tally_share_name_valid, "provider" },
	[SHARE_PROCESS] = { "Process", "creator", "process", "process", tally_share_name_valid, NULL },
	[SHARE_CIPHERTEXT] = { "Ciphertext", "consumer", "order", NULL, tally_share_name_valid, NULL },
	[SHARE_SCHEMA] = { "Schema", "publisher", "schema", "schema", tally_share_long_valid, NULL },
	[SHARE_APPLICATION] = { "Application", "applicant", "application", "application",
				number_valid, "issuer" },
	[SHARE_CREDENTIAL] = { "Credential", "issuer", "sequence", "credential",
			       tally_share_long_valid, "owner" },
};

void tally_share_parts(const struct tally_record *record, enum tally_share_kind kind,
		       struct tally_bytes *a_r, struct tally_bytes *b_r)
{
	*a_r = tally_field_text(record, kinds[kind].a);
	*b_r = kinds[kind].b != NULL ? tally_field_text(record, kinds[kind].b) : TALLY_BYTES_NONE;
}

struct tally_bytes tally_share_whose(const struct tally_record *record, enum tally_share_kind kind)
{
	return kinds[kind].whose != NULL ? tally_field_text(record, kinds[kind].whose) :
					   TALLY_BYTES_NONE;
}

/* ---- the judgement ---- */

static int wrong_state(enum tally_share_kind kind, unsigned int from, enum tally_share_state state,
		       struct tally_err *err)
{
	const char *name = kinds[kind].name;

	if (state == SHARE_NONE || (state == SHARE_GONE && (from & IN(NONE)) == 0))
		return tally_err_about(err, TALLY_NOTFOUND, name, "there is none of this name");
	if ((from & ~IN(NONE)) == 0)
		return tally_err_about(err, TALLY_EXISTS, name,
				       state == SHARE_GONE ? "there was one of this name already" :
							     "there is one of this name already");
	return tally_err_about(err, TALLY_INVALID, "State", "it is %s", tally_share_state_name(state));
}

static int look(const struct tally_share_world *world, const struct tally_record *record,
		const struct tally_share_step *step, enum tally_share_state *state_r,
		struct tally_err *err)
{
	struct tally_bytes a, b;

	tally_share_parts(record, step->kind, &a, &b);
	return world->state(world->ctx, step->kind, a, b, state_r, err);
}

static int judge_step(const struct tally_share_world *world, const struct tally_record *record,
		      const struct tally_share_step *step, struct tally_err *err)
{
	enum tally_share_state state;

	if (look(world, record, step, &state, err) != 0)
		return -1;
	return (step->from >> state & 1) != 0 ? 0 : wrong_state(step->kind, step->from, state, err);
}

/* The row for the state that the first object is in, where an operation has several. */
static int choose(const struct tally_share_world *world, const struct tally_record *record,
		  const struct tally_share_rule **rule, struct tally_err *err)
{
	const struct tally_share_rule *row = *rule;
	enum tally_share_state state;

	if (look(world, record, &row->steps[0], &state, err) != 0)
		return -1;
	for (; row->op != NULL && strcmp(row->op, (*rule)->op) == 0; row++) {
		if ((row->steps[0].from >> state & 1) == 0)
			continue;
		*rule = row;
		return 0;
	}
	return wrong_state((*rule)->steps[0].kind, (*rule)->steps[0].from, state, err);
}

/* An order that this makes has its provider in the record; of others it is looked up. */
static int is_provider(const struct tally_share_world *world, const struct tally_record *record,
		       struct tally_err *err)
{
	struct tally_bytes provider = tally_field_text(record, "provider");
	struct tally_bytes consumer, order;

	if (provider.size > 0)
		return tally_bytes_equal(provider, record->member_id);
	tally_share_parts(record, SHARE_ORDER, &consumer, &order);
	return world->whose(world->ctx, SHARE_ORDER, consumer, order, record->member_id, err);
}

static int is_party(const struct tally_share_world *world, const struct tally_record *record,
		    struct tally_err *err)
{
	struct tally_bytes creator, process;

	tally_share_parts(record, SHARE_PROCESS, &creator, &process);
	if (tally_bytes_equal(creator, record->member_id))
		return 1;
	return world->party(world->ctx, creator, process, record->member_id, err);
}

static int is_asked(const struct tally_share_world *world, const struct tally_record *record,
		    struct tally_err *err)
{
	struct tally_bytes applicant, number, issuer, sequence;
	int asked;

	tally_share_parts(record, SHARE_APPLICATION, &applicant, &number);
	tally_share_parts(record, SHARE_CREDENTIAL, &issuer, &sequence);
	asked = world->whose(world->ctx, SHARE_APPLICATION, applicant, number, record->member_id, err);
	if (asked != 1)
		return asked;
	return world->whose(world->ctx, SHARE_CREDENTIAL, issuer, sequence, applicant, err);
}

/* Whom the record names itself. */
static bool is_named(const struct tally_record *record, unsigned int who)
{
	static const struct {
		unsigned int who;
		const char *field;
	} names[] = {
		{ SHARE_BY_DID, "did" }, { SHARE_BY_CONSUMER, "consumer" },
		{ SHARE_BY_PUBLISHER, "publisher" }, { SHARE_BY_APPLICANT, "applicant" },
		{ SHARE_BY_ISSUER, "issuer" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if ((who & names[i].who) != 0 &&
		    tally_bytes_equal(tally_field_text(record, names[i].field), record->member_id))
			return true;
	return false;
}

static int judge_caller(const struct tally_share_world *world, const struct tally_record *record,
			unsigned int who, struct tally_err *err)
{
	int may = is_named(record, who);

	if (may == 0 && (who & SHARE_BY_PROVIDER))
		may = is_provider(world, record, err);
	if (may == 1 && (who & SHARE_BY_PARTY))
		may = is_party(world, record, err);
	if (may == 1 && (who & SHARE_BY_ASKED))
		may = is_asked(world, record, err);
	if (may == 0)
		return tally_err_about(err, TALLY_DENIED, "Caller",
				       "this is for another identity than the caller's");
	return may < 0 ? -1 : 0;
}

static int malformed(struct tally_err *err, const char *why)
{
	return tally_err_about(err, TALLY_INVALID, "Record", "%s", why);
}

static int check_names(const struct tally_record *record, const struct tally_share_rule *rule,
		       struct tally_err *err)
{
	for (const struct tally_share_step *step = rule->steps; step->kind != 0; step++) {
		const struct kind *kind = &kinds[step->kind];
		struct tally_bytes a, b;

		tally_share_parts(record, step->kind, &a, &b);
		if (!tally_share_did_valid(a) || (kind->b != NULL && !kind->valid(b)))
			return malformed(err, "a name of its objects is missing or malformed");
		if ((step->from & IN(NONE)) != 0 && kind->whose != NULL &&
		    !tally_share_did_valid(tally_share_whose(record, step->kind)))
			return malformed(err, "it does not say whose its object is");
	}
	return 0;
}

int tally_share_judge(const struct tally_share_world *world, const struct tally_record *record,
		      struct tally_err *err)
{
	const struct tally_share_rule *rule = tally_share_rule(tally_field_text(record, "op"));

	if (rule == NULL)
		return malformed(err, "an operation that is none");
	if (!tally_share_did_valid(record->member_id))
		return malformed(err, "its author has no DID");
	if (check_names(record, rule, err) != 0 || choose(world, record, &rule, err) != 0)
		return -1;
	for (const struct tally_share_step *step = rule->steps + 1; step->kind != 0; step++)
		if (judge_step(world, record, step, err) != 0)
			return -1;
	return judge_caller(world, record, rule->who, err);
}

/* ---- names ---- */

bool tally_share_did_valid(struct tally_bytes did)
{
	if (did.size < 7 || did.size > TALLY_DID_MAX || memcmp(did.data, "did:", 4) != 0)
		return false;
	for (size_t i = 0; i < did.size; i++)
		if (did.data[i] <= ' ' || did.data[i] > '~')
			return false;
	return true;
}

bool tally_share_name_valid(struct tally_bytes name)
{
	return name.size > 0 && name.size <= TALLY_SHARE_NAME_MAX && tally_utf8_printable(name);
}

bool tally_share_long_valid(struct tally_bytes name)
{
	return name.size > 0 && name.size <= TALLY_SHARE_LONG_MAX && tally_utf8_printable(name);
}

const char *tally_share_state_name(enum tally_share_state state)
{
	static const char *const names[] = {
		[SHARE_NONE] = "none", [SHARE_ACTIVE] = "active", [SHARE_READY] = "ready",
		[SHARE_CLOSED] = "closed", [SHARE_REQUEST] = "request",
		[SHARE_FINISHED] = "finished", [SHARE_FAILED] = "failed",
		[SHARE_CANCELED] = "canceled", [SHARE_GONE] = "gone",
	};

	return names[state];
}

void tally_share_did(const char *method, const uint8_t point[65], char did_r[TALLY_DID_MAX + 1])
{
	uint8_t hash[TALLY_HASH_SIZE];
	size_t size = strlen(method);

	memcpy(did_r, "did:", 4);
	memcpy(did_r + 4, method, size);
	did_r[4 + size] = ':';
	tally_sha256(point, 65, hash);
	tally_base58_encode(tally_bytes(hash, 16), did_r + 5 + size);
}

/* ---- what was signed ---- */

/* Members of requests, and the fields of records that say the same; of an index two, with '_' between. */
static const struct same {
	const char *member, *field, *second;
} same[] = {
	{ "orgID", "organization", NULL }, { "timestamp", "timestamp", NULL }, { "did", "did", NULL },
	{ "provider", "provider", NULL }, { "productID", "product", NULL },
	{ "consumer", "consumer", NULL }, { "orderSeq", "order", NULL },
	{ "creatorDID", "creator", NULL }, { "processID", "process", NULL },
	{ "issuer", "publisher", NULL }, { "identifier", "schema", NULL },
	{ "applyer", "applicant", NULL }, { "serviceID", "service", NULL },
	{ "orderIndex", "applicant", "application" }, { "vcIndex", "issuer", "sequence" },
};

/* As long as an index whose every character is escaped. */
#define SAME_MAX (2 + 6 * (TALLY_DID_MAX + 1 + TALLY_SHARE_LONG_MAX))

static bool is_same(const struct tally_record *record, const struct same *row, struct tally_bytes text)
{
	struct tally_bytes field = tally_field_text(record, row->field), second;

	if (row->second == NULL)
		return tally_bytes_equal(text, field);
	second = tally_field_text(record, row->second);
	return text.size == field.size + 1 + second.size && text.data[field.size] == '_' &&
	       memcmp(text.data, field.data, field.size) == 0 &&
	       tally_bytes_equal(second, tally_bytes(text.data + field.size + 1, second.size));
}

/* A process that this makes has its name from the server; "" in a request is as absent. */
static bool says_member(const struct tally_record *record, const struct tally_jsonscan_member *member)
{
	bool makes = tally_bytes_is(tally_field_text(record, "op"), "share-dataset-new");
	uint8_t text[SAME_MAX];
	size_t size;

	for (size_t i = 0; i < sizeof(same) / sizeof(*same); i++) {
		struct tally_bytes field = tally_field_text(record, same[i].field);

		if (!tally_jsonscan_is(member->name, same[i].member) || field.size == 0 ||
		    !tally_jsonscan_is_text(member) ||
		    (makes && (strcmp(same[i].field, "creator") == 0 ||
			       strcmp(same[i].field, "process") == 0)))
			continue;
		if (member->value.size > sizeof(text) ||
		    !tally_jsonscan_text(tally_bytes(member->value.data + 1, member->value.size - 2),
					 text, &size))
			return false;
		if (size > 0 && !is_same(record, &same[i], tally_bytes(text, size)))
			return false;
	}
	return true;
}

static bool says_request(const struct tally_record *record, struct tally_bytes message)
{
	uint8_t said[TALLY_HASH_SIZE], hash[TALLY_HASH_SIZE];
	struct tally_jsonscan_member member;
	struct tally_jsonscan scan;
	int more;

	if (!tally_hex_decode(tally_field_text(record, "request"), said, sizeof(said)))
		return false;
	tally_sha256(message.data, message.size, hash);
	if (memcmp(said, hash, sizeof(hash)) != 0)
		return false;
	tally_jsonscan_begin(&scan, message);
	while ((more = tally_jsonscan_next(&scan, &member)) == 1)
		if (!says_member(record, &member))
			return false;
	return more == 0;
}

bool tally_share_says(const struct tally_record *record, struct tally_bytes ledger_id,
		      struct tally_bytes message)
{
	struct tally_buf statement = { 0 };
	bool says;

	if (tally_field_find(record, "request") != NULL)
		return says_request(record, message);
	tally_record_statement(record, ledger_id, &statement);
	says = tally_bytes_equal(tally_buf_bytes(&statement), message);
	tally_buf_free(&statement);
	return says;
}

/* ---- clues ---- */

/* A clue has up to 128 bytes: room for a DID and a short name. */
static struct tally_bytes clue(const struct kind *kind, struct tally_bytes a, struct tally_bytes b,
			       struct tally_arena *arena)
{
	char text[TALLY_BASE58_TEXT(TALLY_HASH_SIZE)];
	uint8_t hash[TALLY_HASH_SIZE];

	if (b.size <= TALLY_SHARE_NAME_MAX)
		return tally_bytes_str(tally_arena_printf(
			arena, "%s %.*s%s%.*s", kind->clue, (int)a.size, (const char *)a.data,
			b.size > 0 ? " " : "", (int)b.size, (const char *)b.data));
	tally_sha256(b.data, b.size, hash);
	tally_base58_encode(tally_bytes(hash, sizeof(hash)), text);
	return tally_bytes_str(tally_arena_printf(arena, "%s# %.*s %s", kind->clue, (int)a.size,
						  (const char *)a.data, text));
}

size_t tally_share_clues(const struct tally_record *record, struct tally_arena *arena,
			 struct tally_bytes clues_r[SHARE_CLUES])
{
	const struct tally_share_rule *rule = tally_share_rule(tally_field_text(record, "op"));
	size_t count = 0;

	for (const struct tally_share_step *step = rule->steps; step->kind != 0; step++) {
		struct tally_bytes a, b;

		tally_share_parts(record, step->kind, &a, &b);
		if (kinds[step->kind].clue != NULL)
			clues_r[count++] = clue(&kinds[step->kind], a, b, arena);
	}
	return count;
}
