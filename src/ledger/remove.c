/*
 * Removal: the commands that order payloads to be erased, and what is known of an erasure. The order is
 * a journal, OCCULT of one payload, PURGE of all below a point; the policy of the ledger says who must
 * have signed it. Erasing is a projection of that journal (erase.c), certifying follows (certify.c).
 */
#include "signing.h"

#include <stdio.h>

#include "utf8.h"

#define REASON_MOST 256

#define TEXT(field, value) ((struct tally_field){ TALLY_BYTES_LIT(field), FIELD_TEXT, value, 0 })
#define UINT(field, value) \
	((struct tally_field){ TALLY_BYTES_LIT(field), FIELD_UINT, TALLY_BYTES_NONE, value })
#define FLAG(field) ((struct tally_field){ TALLY_BYTES_LIT(field), FIELD_BOOL, TALLY_BYTES_NONE, 1 })

/* ---- the policy ---- */

bool tally_removal_weaker(enum tally_removal_policy from, enum tally_removal_policy to)
{
	static const int rank[] = { [REMOVAL_OFF] = 0, [REMOVAL_DUAL] = 1, [REMOVAL_ADMIN] = 2 };

	return rank[to] > rank[from];
}

/* That each of them is an enabled ADMIN with this key is the signing's own matter. */
static bool signed_by_two(const struct tally_head *head, const struct tally_signed *of)
{
	bool owner = false, another = false;

	for (size_t i = 0; of != NULL && i < of->count; i++) {
		if (tally_bytes_is(of->signatures[i].member_id, head->owner_member))
			owner = true;
		else
			another = true;
	}
	return owner && another;
}

int tally_removal_permit(struct tally_build *build, const struct tally_signed *of, bool weaker,
			 struct tally_err *err)
{
	const struct tally_head *head = build->head;

	if (!weaker && head->removal_policy == REMOVAL_OFF)
		return tally_err_about(err, TALLY_DENIED, "RemovalPolicy",
				       "nothing can be removed from the ledger");
	if (head->removal_policy == REMOVAL_ADMIN || signed_by_two(head, of))
		return 0;
	if (of == NULL || of->count == 0)
		return tally_err_about(err, TALLY_MISSING, "MemberSignatures", "the ledger demands "
				       "the signatures of its owner and of another ADMIN member");
	return tally_err_about(err, TALLY_DENIED, "MemberSignatures", "the ledger demands the "
			       "signatures of its owner and of another ADMIN member");
}

/* ---- what is to be removed ---- */

/* A ledger that is not deleted, for looking up what does not change any more. */
static int view_of(struct tally_core *core, struct tally_bytes ledger_id,
		   struct tally_view *view_r, struct tally_err *err)
{
	int found = tally_view_of_log(core, ledger_id, view_r, err);

	if (found == 1 &&
	    (view_r->space == core->system || view_r->head->status != LEDGER_NORMAL)) {
		tally_view_drop(view_r);
		found = 0;
	}
	if (found == 0)
		return tally_err_about(err, TALLY_NOTFOUND, "Ledger", "no such ledger");
	return found < 0 ? -1 : 0;
}

static int no_payload(struct tally_err *err, const char *why)
{
	return tally_err_about(err, TALLY_INVALID, "JournalId", "%s", why);
}

/* ---- occult ---- */

struct occult {
	uint64_t journal_id;
	struct tally_arena arena;		/* of record */
	struct tally_record record;		/* the journal's */
	char hash[2 * TALLY_HASH_SIZE + 1];	/* the same, which the members sign */
	struct tally_field fields[3];
};

/* What the committer does not have to read. */
static int look_at_journal(struct tally_core *core, struct tally_bytes ledger_id,
			   struct occult *occult, struct tally_err *err)
{
	struct tally_hash hash;
	struct tally_view view;
	int found;

	if (view_of(core, ledger_id, &view, err) != 0)
		return -1;
	found = tally_view_record(&view, occult->journal_id, &occult->arena, &occult->record, &hash,
				  err);
	tally_view_drop(&view);
	if (found == 0)
		return no_payload(err, "the ledger has no such journal");
	if (found == 1 && (!tally_erase_reaches(TYPE_OCCULT, occult->record.type) ||
			   !occult->record.has_payload))
		return no_payload(err, "journals of this type have no payload to be removed");
	if (found == 1)
		tally_hex_encode(hash.bytes, TALLY_HASH_SIZE, occult->hash);
	return found < 0 ? -1 : 0;
}

static int check_occult(struct tally_build *build, struct tally_manage *manage,
			struct tally_err *err)
{
	const struct occult *occult = manage->ctx;
	uint64_t order;
	int found;

	if (tally_removal_permit(build, manage->of, false, err) != 0)
		return -1;
	found = tally_removed_by(&build->view, occult->journal_id, &occult->record, &order, err);
	return found == 1 ? no_payload(err, "its payload is removed already") : found;
}

static int run_occult(struct tally_core *core, const struct tally_write *write,
		      struct tally_bytes ledger_id, struct occult *occult, struct tally_bytes reason,
		      struct tally_receipt *receipt_r, struct tally_err *err)
{
	struct tally_manage manage = { .what = "occult", .need = PERM_REMOVE,
				       .check = check_occult, .ctx = occult };

	occult->fields[0] = TEXT("journalHash", tally_bytes_str(occult->hash));
	occult->fields[1] = UINT("journalId", occult->journal_id);
	occult->fields[2] = TEXT("reason", reason);
	manage.prepared.record = (struct tally_record){
		.type = TYPE_OCCULT, .has_data = true, .fields = occult->fields,
		.field_count = reason.size > 0 ? 3 : 2 };
	return tally_manage_run(core, write, ledger_id, &manage, receipt_r, err);
}

int tally_journal_occult(struct tally_core *core, const struct tally_write *write,
			 struct tally_bytes ledger_id, uint64_t journal_id,
			 struct tally_bytes reason, struct tally_receipt *receipt_r,
			 struct tally_err *err)
{
	struct occult occult = { .journal_id = journal_id };
	struct tally_space *space;
	int result;

	if (!tally_utf8_printable(reason) || tally_utf8_length(reason) > REASON_MOST)
		return tally_err_about(err, TALLY_INVALID, "Reason",
				       "it has up to %d printable characters", REASON_MOST);
	tally_arena_init(&occult.arena);
	result = look_at_journal(core, ledger_id, &occult, err);
	if (result == 0)
		result = run_occult(core, write, ledger_id, &occult, reason, receipt_r, err);
	tally_arena_free(&occult.arena);
	if (result != 0)
		return -1;
	/* Usually it is zero when this returns; that it will be follows from the journal. */
	if (tally_space_of_ledger(core, ledger_id, &space, err) != 1 ||
	    tally_erase_soon(core, space, err) != 0)
		tally_log(TALLY_LOG_WARN, "erase", "error", err->text, NULL);
	tally_removal_call(core);
	return 0;
}

/* ---- purge ---- */

struct purge {
	uint64_t before;
	bool found;
	char key[TALLY_KV_KEY_MAX + 1];
};

/* A key whose value is older than the point. */
static int each_live(void *ctx, struct tally_bytes key, struct tally_bytes value)
{
	struct purge *purge = ctx;

	if (value.size < 17 || tally_get_u64(value.data + 9) >= purge->before || key.size < 2)
		return 0;
	memcpy(purge->key, key.data + 1, key.size - 1);
	purge->key[key.size - 1] = '\0';
	purge->found = true;
	return 1;
}

static int each_share(void *ctx, struct tally_bytes key, struct tally_bytes value)
{
	(void)key;
	(void)value;
	((struct purge *)ctx)->found = true;
	return 1;
}

/*
 * Looked at beforehand, and not in the committer: below a point that the view has, what is in force
 * can only become less.
 */
static int look_below(const struct tally_view *view, bool keep_live, struct purge *purge,
		      struct tally_err *err)
{
	uint8_t low[9] = { TYPE_DATASHARE }, high[9] = { TYPE_DATASHARE };

	if (purge->before == 0 || purge->before > view->head->frontier.size)
		return tally_err_about(err, TALLY_INVALID, "Before",
				       "it is 1 to the number of the ledger's journals");
	tally_put_u64(high + 1, purge->before);
	if (tally_view_scan(view, TABLE_BY_TYPE, tally_bytes(low, sizeof(low)),
			    tally_bytes(high, sizeof(high)), false, each_share, purge, err) != 0)
		return -1;
	if (purge->found)
		return tally_err_about(err, TALLY_INVALID, "Before", "there are data-sharing "
				       "records below, which may be in force");
	if (keep_live || view->head->type != LEDGER_KV)
		return 0;
	if (tally_view_scan(view, TABLE_KV, TALLY_BYTES_NONE, TALLY_BYTES_NONE, false, each_live,
			    purge, err) != 0)
		return -1;
	if (purge->found)
		return tally_err_about(err, TALLY_INVALID, "KeepLive",
				       "the value of key %s is in force", purge->key);
	return 0;
}

static int check_purge(struct tally_build *build, struct tally_manage *manage,
		       struct tally_err *err)
{
	const struct purge *purge = manage->ctx;

	if (tally_removal_permit(build, manage->of, false, err) != 0)
		return -1;
	if (purge->before > build->head->purge_before)
		return 0;
	return tally_err_about(err, TALLY_INVALID, "Before", "all below %llu is purged already",
			       (unsigned long long)build->head->purge_before);
}

int tally_ledger_purge(struct tally_core *core, const struct tally_write *write,
		       struct tally_bytes ledger_id, uint64_t before, bool keep_live,
		       struct tally_receipt *receipt_r, struct tally_err *err)
{
	struct tally_field fields[] = { UINT("before", before), FLAG("keepLive") };
	struct purge purge = { .before = before };
	struct tally_manage manage = { .what = "purge", .need = PERM_REMOVE, .check = check_purge,
				       .ctx = &purge };
	struct tally_view view;
	int result;

	manage.prepared.record = (struct tally_record){
		.type = TYPE_PURGE, .has_data = true, .fields = fields,
		.field_count = keep_live ? 2 : 1 };
	if (view_of(core, ledger_id, &view, err) != 0)
		return -1;
	result = look_below(&view, keep_live, &purge, err);
	tally_view_drop(&view);
	if (result == 0)
		result = tally_manage_run(core, write, ledger_id, &manage, receipt_r, err);
	if (result == 0)
		tally_removal_call(core);
	return result;
}

/* ---- what became of it ---- */

static int read_certificate(const struct tally_view *view, struct tally_arena *arena,
			    struct tally_erasure *erasure_r, struct tally_err *err)
{
	struct tally_record record;
	struct tally_hash hash;

	if (tally_view_record(view, erasure_r->certificate, arena, &record, &hash, err) != 1)
		return -1;
	erasure_r->certified = true;
	erasure_r->scrubbed_ms = tally_field_number(&record, "scrubbedAt", 0);
	erasure_r->backups = tally_arena_bytes(arena, tally_field_text(&record, "backups"));
	return 1;
}

int tally_erasure_get(struct tally_core *core, struct tally_bytes ledger_id, uint64_t journal_id,
		      struct tally_arena *arena, struct tally_erasure *erasure_r,
		      struct tally_err *err)
{
	struct tally_record record;
	struct tally_hash hash;
	struct tally_view view;
	int found, state = 2;

	*erasure_r = (struct tally_erasure){ .order = journal_id };
	if (view_of(core, ledger_id, &view, err) != 0)
		return -1;
	found = tally_view_record(&view, journal_id, arena, &record, &hash, err);
	if (found == 1)
		state = tally_erasure_find(&view, journal_id, &erasure_r->certificate, arena, err);
	if (found == 1 && state == 2) {
		found = tally_removed_by(&view, journal_id, &record, &erasure_r->order, err);
		if (found == 1)
			state = tally_erasure_find(&view, erasure_r->order,
						   &erasure_r->certificate, arena, err);
	}
	if (state < 0)
		found = -1;
	if (found == 1 && state == 1)
		found = read_certificate(&view, arena, erasure_r, err);
	tally_view_drop(&view);
	return found;
}
