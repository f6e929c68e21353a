/*
 * Keys and values. A value is the payload of the KV_SET journal that set it, and can be erased like
 * any payload; the key stands in the leaf. What a key is now, and what it was, are projections.
 */
#include "signing.h"

#include "utf8.h"

static int check_key(struct tally_bytes key, struct tally_err *err)
{
	if (key.size == 0 || key.size > TALLY_KV_KEY_MAX || !tally_utf8_valid(key))
		return tally_err_about(err, TALLY_INVALID, "Key", "a key has 1 to %d bytes of UTF-8",
				       TALLY_KV_KEY_MAX);
	return 0;
}

static int check_ledger(struct tally_build *build, struct tally_err *err)
{
	if (build->head->type != LEDGER_KV)
		return tally_err_about(err, TALLY_INVALID, "LedgerId", "it is no KV ledger");
	return 0;
}

static struct tally_bytes table_key(struct tally_bytes key, uint8_t out[1 + TALLY_KV_KEY_MAX])
{
	out[0] = (uint8_t)key.size;
	memcpy(out + 1, key.data, key.size);
	return tally_bytes(out, 1 + key.size);
}

static int check_set(struct tally_build *build, struct tally_manage *manage, struct tally_err *err)
{
	(void)manage;
	return check_ledger(build, err);
}

static int check_delete(struct tally_build *build, struct tally_manage *manage,
			struct tally_err *err)
{
	const struct tally_bytes *key = manage->ctx;
	uint8_t name[1 + TALLY_KV_KEY_MAX];
	struct tally_bytes value;
	int found;

	if (check_ledger(build, err) != 0)
		return -1;
	found = tally_view_get(&build->view, TABLE_KV, table_key(*key, name), &build->arena, &value,
			       err);
	if (found == 0)
		return tally_err_about(err, TALLY_NOTFOUND, "Key", "it has no value");
	return found < 0 ? -1 : 0;
}

/* The value's hash is what the member signed: with the member's salt. */
static void resign(struct tally_manage *manage, const struct tally_signing *signing,
		   const struct tally_signed *of, struct tally_arena *arena)
{
	tally_prepare_salted(arena, manage->prepared.payload, signing->salt,
			     tally_signing_evidence(signing, TALLY_BYTES_NONE, of, arena),
			     &manage->prepared);
}

/* There is no payload but to carry the evidence, where the foreign form brings some. */
static void resign_delete(struct tally_manage *manage, const struct tally_signing *signing,
			  const struct tally_signed *of, struct tally_arena *arena)
{
	if (signing->message.size > 0)
		tally_prepare_payload(arena, TALLY_BYTES_NONE,
				      tally_signing_evidence(signing, TALLY_BYTES_NONE, of, arena),
				      &manage->prepared);
}

int tally_kv_set(struct tally_core *core, const struct tally_write *write,
		 struct tally_bytes ledger_id, struct tally_bytes key, struct tally_bytes value,
		 struct tally_receipt *receipt_r, struct tally_err *err)
{
	struct tally_field field = { TALLY_BYTES_LIT("key"), FIELD_TEXT, key, 0 };
	struct tally_manage manage = { .what = "kv set", .need = PERM_APPEND, .check = check_set,
				       .resign = resign };
	struct tally_arena arena;
	int result;

	if (check_key(key, err) != 0)
		return -1;
	if (value.size > core->limits.payload)
		return tally_err_about(err, TALLY_INVALID, "Value",
				       "it has %zu bytes, more than %llu", value.size,
				       (unsigned long long)core->limits.payload);
	tally_arena_init(&arena);
	manage.prepared.record = (struct tally_record){ .type = TYPE_KV_SET, .has_data = true,
							.fields = &field, .field_count = 1 };
	tally_prepare_payload(&arena, value, TALLY_BYTES_NONE, &manage.prepared);
	result = tally_manage_run(core, write, ledger_id, &manage, receipt_r, err);
	tally_arena_free(&arena);
	return result;
}

int tally_kv_delete(struct tally_core *core, const struct tally_write *write,
		    struct tally_bytes ledger_id, struct tally_bytes key,
		    struct tally_receipt *receipt_r, struct tally_err *err)
{
	struct tally_field field = { TALLY_BYTES_LIT("key"), FIELD_TEXT, key, 0 };
	struct tally_manage manage = { .what = "kv delete", .need = PERM_APPEND,
				       .check = check_delete, .ctx = &key,
				       .resign = resign_delete };

	if (check_key(key, err) != 0)
		return -1;
	manage.prepared.record = (struct tally_record){ .type = TYPE_KV_DELETE, .has_data = true,
							.fields = &field, .field_count = 1 };
	return tally_manage_run(core, write, ledger_id, &manage, receipt_r, err);
}

/* ---- reading ---- */

static int take_change(void *ctx, struct tally_bytes key, struct tally_bytes value)
{
	struct tally_kv_change *change = ctx;

	if (value.size != 2 + TALLY_HASH_SIZE)
		return 1;
	change->found = true;
	change->removed = value.data[1] != 0;
	change->journal_id = tally_get_u64(key.data + key.size - 8);
	memcpy(change->hash.bytes, value.data + 2, TALLY_HASH_SIZE);
	return 1;
}

int tally_kv_at(const struct tally_view *view, struct tally_bytes key, uint64_t size,
		struct tally_kv_change *change_r, struct tally_err *err)
{
	uint8_t low[1 + TALLY_KV_KEY_MAX + 8], high[1 + TALLY_KV_KEY_MAX + 8];
	size_t place = table_key(key, low).size;

	*change_r = (struct tally_kv_change){ 0 };
	if (size > view->head->frontier.size)
		size = view->head->frontier.size;
	memcpy(high, low, place);
	tally_put_u64(low + place, 0);
	tally_put_u64(high + place, size);
	if (tally_view_scan(view, TABLE_KV_HISTORY, tally_bytes(low, place + 8),
			    tally_bytes(high, place + 8), true, take_change, change_r, err) != 0)
		return -1;
	return change_r->found && !change_r->removed;
}

int tally_kv_get(struct tally_core *core, struct tally_bytes ledger_id, struct tally_bytes key,
		 uint64_t at, struct tally_arena *arena, struct tally_journal *journal_r,
		 struct tally_err *err)
{
	struct tally_kv_change change;
	struct tally_view view;
	int found;

	if (check_key(key, err) != 0)
		return -1;
	found = tally_view_of_log(core, ledger_id, &view, err);
	if (found < 1)
		return found < 0 ? -1 : tally_err_about(err, TALLY_NOTFOUND, "Ledger",
							"no such ledger");
	if (view.head->type != LEDGER_KV)
		found = tally_err_about(err, TALLY_INVALID, "LedgerId", "it is no KV ledger");
	else
		found = tally_kv_at(&view, key, at, &change, err);
	if (found == 1)
		found = tally_view_journal(&view, change.journal_id, arena, journal_r, err);
	tally_view_drop(&view);
	return found;
}
