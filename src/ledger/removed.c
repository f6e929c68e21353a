/*
 * What of a ledger is removed: the projections of OCCULT and PURGE journals and of the certificates
 * that follow them, and the question whether a payload that is zero may be. Nothing here erases
 * (erase.c) or decides (remove.c).
 *
 * A journal is removed by the OCCULT (in the system ledger: DELETE_KEY) journal that names it, or by
 * the first PURGE journal whose point lies above it. A purge leaves the values of keys that were in
 * force when it was appended, which is a function of the blocks: the last change of the key before
 * the PURGE journal was this one. So no list of what was left is kept, and a later purge takes it when
 * another value has replaced it.
 */
#include "core_private.h"

static const uint8_t version_byte[1] = { 1 };

static void put(struct tally_projection *p, uint32_t table, struct tally_bytes key,
		struct tally_bytes value)
{
	tally_overlay_put(p->overlay, p->tag, table, key, value);
}

/* ---- projections ---- */

#define ERASURE_KEY 9
enum { ERASURE_OPEN = 0, ERASURE_DONE = 1 };

static struct tally_bytes erasure_key(uint8_t key[ERASURE_KEY], unsigned int state, uint64_t order)
{
	key[0] = (uint8_t)state;
	tally_put_u64(key + 1, order);
	return tally_bytes(key, ERASURE_KEY);
}

static struct tally_bytes order_value(uint8_t value[9], uint64_t journal_id)
{
	value[0] = 1;
	tally_put_u64(value + 1, journal_id);
	return tally_bytes(value, 9);
}

static void need_certificate(struct tally_projection *p, uint64_t order)
{
	uint8_t key[ERASURE_KEY];

	put(p, TABLE_ERASURE, erasure_key(key, ERASURE_OPEN, order), tally_bytes(version_byte, 1));
	p->certifies = true;
}

/* "erased": the journal certifies an order of its own type, once; of anything else it is none. */
static bool is_certificate(struct tally_projection *p, uint64_t journal_id,
			   const struct tally_record *record)
{
	uint64_t order = tally_field_number(record, "order", UINT64_MAX);
	uint8_t key[ERASURE_KEY], value[9];
	struct tally_arena arena;
	struct tally_bytes open;
	int found;

	if (tally_field_number(record, "erased", 0) == 0)
		return false;
	tally_arena_init(&arena);
	found = tally_view_get(&p->view, TABLE_ERASURE, erasure_key(key, ERASURE_OPEN, order),
			       &arena, &open, &p->failed);
	tally_arena_free(&arena);
	if (found != 1)
		return true;
	tally_overlay_remove(p->overlay, p->tag, TABLE_ERASURE, tally_bytes(key, sizeof(key)));
	put(p, TABLE_ERASURE, erasure_key(key, ERASURE_DONE, order),
	    order_value(value, journal_id));
	return true;
}

void tally_project_removed(struct tally_projection *p, uint64_t order, unsigned int type,
			   uint64_t journal_id)
{
	uint8_t key[8], value[10];

	if (journal_id >= order)
		return;		/* it may come from outside */
	tally_erase_need(p, order, type, journal_id, 1);
	tally_put_u64(key, journal_id);
	order_value(value, order);
	value[9] = (uint8_t)type;
	put(p, TABLE_REMOVED, tally_bytes(key, sizeof(key)), tally_bytes(value, sizeof(value)));
}

void tally_project_occult(struct tally_projection *p, uint64_t journal_id, uint64_t now,
			  const struct tally_record *record)
{
	uint64_t removed = tally_field_number(record, "journalId", UINT64_MAX);

	(void)now;
	if (is_certificate(p, journal_id, record) || removed >= journal_id)
		return;
	tally_project_removed(p, journal_id, record->type, removed);
	need_certificate(p, journal_id);
}

/* Of a KV ledger a purge begins at 0 again: it takes what the purges before it had to leave. */
void tally_project_purge(struct tally_projection *p, uint64_t journal_id, uint64_t now,
			 const struct tally_record *record)
{
	uint64_t before = tally_field_number(record, "before", 0);
	uint64_t from = p->head->type == LEDGER_KV ? 0 : p->head->purge_before;
	uint8_t key[8], value[9];

	(void)now;
	if (is_certificate(p, journal_id, record) || before > journal_id ||
	    before <= p->head->purge_before)
		return;
	tally_erase_need(p, journal_id, record->type, from, before - from);
	tally_put_u64(key, before);
	put(p, TABLE_PURGE, tally_bytes(key, sizeof(key)), order_value(value, journal_id));
	need_certificate(p, journal_id);
	p->head->purge_before = before;
	p->head->purge_order = journal_id;
}

/* ---- asking ---- */

int tally_value_in_force(const struct tally_view *view, uint64_t journal_id,
			 const struct tally_record *record, uint64_t at, struct tally_err *err)
{
	struct tally_bytes key = tally_field_text(record, "key");
	struct tally_kv_change change;
	int found;

	if (record->type != TYPE_KV_SET || key.size == 0 || key.size > TALLY_KV_KEY_MAX)
		return 0;
	found = tally_kv_at(view, key, at, &change, err);
	return found < 0 ? -1 : found == 1 && change.journal_id == journal_id;
}

/* PURGE journals whose point lies above a journal, the earliest first. */
struct purges {
	const struct tally_view *view;
	const struct tally_record *record;
	uint64_t journal_id, order;
	int result;
	struct tally_err *err;
};

static int each_purge(void *ctx, struct tally_bytes key, struct tally_bytes value)
{
	struct purges *purges = ctx;
	uint64_t order;
	int kept;

	(void)key;
	if (value.size != 9)
		return 0;
	order = tally_get_u64(value.data + 1);
	if (order >= purges->view->head->frontier.size && purges->view->mine == NULL)
		return 0;	/* the index may be ahead of the view */
	kept = tally_value_in_force(purges->view, purges->journal_id, purges->record, order,
				    purges->err);
	purges->order = order;
	purges->result = kept < 0 ? -1 : kept == 0;
	return purges->result != 0;
}

static int purged_by(const struct tally_view *view, uint64_t journal_id,
		     const struct tally_record *record, uint64_t *order_r, struct tally_err *err)
{
	struct purges purges = { view, record, journal_id, 0, 0, err };
	uint8_t low[8];

	if (view->head == NULL || journal_id >= view->head->purge_before ||
	    !tally_erase_reaches(TYPE_PURGE, record->type))
		return 0;
	tally_put_u64(low, journal_id + 1);
	if (tally_view_scan(view, TABLE_PURGE, tally_bytes(low, sizeof(low)), TALLY_BYTES_NONE,
			    false, each_purge, &purges, err) != 0)
		return -1;
	*order_r = purges.order;
	return purges.result;
}

int tally_removed_by(const struct tally_view *view, uint64_t journal_id,
		     const struct tally_record *record, uint64_t *order_r, struct tally_err *err)
{
	struct tally_arena arena;
	struct tally_bytes value;
	uint8_t key[8];
	int found;

	tally_arena_init(&arena);
	tally_put_u64(key, journal_id);
	found = tally_view_get(view, TABLE_REMOVED, tally_bytes(key, sizeof(key)), &arena, &value,
			       err);
	if (found == 1 && value.size != 10)
		found = tally_err_set(err, TALLY_CORRUPT, "%s: malformed entry of table %d",
				      view->space->name, TABLE_REMOVED);
	if (found == 1) {
		*order_r = tally_get_u64(value.data + 1);
		found = tally_erase_reaches(value.data[9], record->type);
	}
	tally_arena_free(&arena);
	return found != 0 ? found : purged_by(view, journal_id, record, order_r, err);
}

int tally_erasure_find(const struct tally_view *view, uint64_t order, uint64_t *certificate_r,
		       struct tally_arena *arena, struct tally_err *err)
{
	uint8_t key[ERASURE_KEY];
	struct tally_bytes value;
	int found = tally_view_get(view, TABLE_ERASURE, erasure_key(key, ERASURE_DONE, order), arena,
				   &value, err);

	if (found == 1 && value.size == 9) {
		*certificate_r = tally_get_u64(value.data + 1);
		return 1;
	}
	if (found == 0)
		found = tally_view_get(view, TABLE_ERASURE, erasure_key(key, ERASURE_OPEN, order),
				       arena, &value, err);
	return found < 0 ? -1 : found == 1 ? 0 : 2;
}

/* ---- a space that is being loaded ---- */

static int see_row(void *ctx, struct tally_bytes key, struct tally_bytes value)
{
	(void)key;
	(void)value;
	*(bool *)ctx = true;
	return 1;
}

int tally_removal_look(struct tally_space *space, struct tally_err *err)
{
	static const uint8_t done[1] = { ERASURE_DONE };
	bool erase = false, certify = false;
	struct tally_view view;
	int result;

	if (space->head == NULL)
		return 0;
	if (tally_view_take(space, &view, err) != 0)
		return -1;
	result = tally_view_scan(&view, TABLE_ERASE, TALLY_BYTES_NONE, TALLY_BYTES_NONE, false,
				 see_row, &erase, err);
	if (result == 0)
		result = tally_view_scan(&view, TABLE_ERASURE, TALLY_BYTES_NONE,
					 tally_bytes(done, sizeof(done)), false, see_row, &certify,
					 err);
	tally_view_drop(&view);
	if (erase)
		tally_erase_note(space);
	if (certify)
		__atomic_store_n(&space->certify_due, true, __ATOMIC_RELEASE);
	return result;
}
