/*
 * Keys and values. A value is the payload of the KV_SET journal that set it, and can be erased like
 * any payload; the key stands in the leaf. What a key is now, and what it was, are projections.
 */
#include "signing.h"

#include "access.h"

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
	uint64_t most = tally_limit_of(build->core, build->head, LIMIT_PAYLOAD);

	if (check_ledger(build, err) != 0)
		return -1;
	if (manage->prepared.record.payload_size > most)
		return tally_err_about(err, TALLY_INVALID, "Value",
				       "it has %llu bytes, more than %llu, this ledger's limit",
				       (unsigned long long)manage->prepared.record.payload_size,
				       (unsigned long long)most);
	return 0;
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

/* ---- listing ---- */

#define NAMES_AT_ONCE 1024
#define NAMES_MOST 8192		/* that one page looks at: many may have no value any more */

/* The view of a KV ledger, or -1. */
static int view_of_kv(struct tally_core *core, struct tally_bytes ledger_id,
		      struct tally_view *view_r, struct tally_err *err)
{
	int found = tally_view_of_log(core, ledger_id, view_r, err);

	if (found < 0)
		return -1;
	if (found == 0)
		return tally_err_about(err, TALLY_NOTFOUND, "Ledger", "no such ledger");
	if (view_r->head->type == LEDGER_KV)
		return 0;
	tally_view_drop(view_r);
	return tally_err_about(err, TALLY_INVALID, "LedgerId", "it is no KV ledger");
}

static size_t page_limit(const struct tally_view *view, const struct tally_kv_query *query)
{
	uint64_t most = tally_limit_of(view->space->core, view->head, LIMIT_PAGE);

	return query->limit < most ? query->limit : (size_t)most;
}

/* The item's journal, where values are wanted. *bytes counts them. */
static int fill_item(const struct tally_view *view, const struct tally_kv_query *query,
		     struct tally_arena *arena, struct tally_kv_item *item, size_t *bytes,
		     struct tally_err *err)
{
	int found;

	if (!query->values)
		return 0;
	found = tally_view_journal(view, item->journal_id, arena, &item->journal, err);
	if (found < 1)
		return found < 0 ? -1 : tally_err_set(err, TALLY_CORRUPT, "%s: a key names journal "
						      "%llu", view->space->name,
						      (unsigned long long)item->journal_id);
	*bytes += item->journal.payload.size;
	return 0;
}

struct names {
	struct tally_arena *arena;
	struct tally_bytes *list;
	size_t count, room;
};

static int each_name(void *ctx, struct tally_bytes key, struct tally_bytes value)
{
	struct names *names = ctx;

	(void)value;
	names->list[names->count++] = tally_arena_bytes(names->arena, key);
	return names->count == names->room;
}

/* Keys of the prefix behind `after`, as many as there is room for. */
static int scan_names(const struct tally_view *view, struct tally_bytes prefix,
		      struct tally_bytes after, struct names *names, struct tally_err *err)
{
	struct tally_buf low = { 0 }, high = { 0 };
	int result;

	tally_buf_add_bytes(&low, after.size > 0 ? after : prefix);
	if (after.size > 0)
		tally_buf_add_u8(&low, 0);	/* the least key behind it */
	tally_buf_add_bytes(&high, prefix);
	while (high.size > 0 && high.data[high.size - 1] == 0xff)
		high.size--;
	if (high.size > 0)
		high.data[high.size - 1]++;
	names->count = 0;
	result = tally_view_scan(view, TABLE_KV_NAME, tally_buf_bytes(&low),
				 tally_buf_bytes(&high), false, each_name, names, err);
	tally_buf_free(&low);
	tally_buf_free(&high);
	return result;
}

/* One name, which is an item if it has a value. */
static int take_name(const struct tally_view *view, const struct tally_kv_query *query,
		     struct tally_bytes key, struct tally_arena *arena,
		     struct tally_kv_page *page, size_t *bytes, struct tally_err *err)
{
	struct tally_kv_change change;
	struct tally_kv_item *item = &page->items[page->count];
	int found = tally_kv_at(view, key, UINT64_MAX, &change, err);

	page->last_key = key;
	if (found != 1)
		return found;
	*item = (struct tally_kv_item){ .key = key, .journal_id = change.journal_id,
					.hash = change.hash };
	page->count++;
	return fill_item(view, query, arena, item, bytes, err);
}

static int list_names(const struct tally_view *view, const struct tally_kv_query *query,
		      struct tally_arena *arena, struct tally_kv_page *page, struct tally_err *err)
{
	struct names names = { .arena = arena };
	struct tally_bytes after = query->after;
	size_t limit = page_limit(view, query), bytes = 0, looked = 0;

	names.list = tally_arena_array(arena, struct tally_bytes, NAMES_AT_ONCE);
	page->items = tally_arena_array(arena, struct tally_kv_item, limit);
	do {
		names.room = limit - page->count + 1 < NAMES_AT_ONCE ? limit - page->count + 1 :
								       NAMES_AT_ONCE;
		if (scan_names(view, query->prefix, after, &names, err) != 0)
			return -1;
		for (size_t i = 0; i < names.count; i++) {
			page->more = page->count == limit || looked == NAMES_MOST ||
				     (page->count > 0 && bytes >= query->byte_limit);
			if (page->more)
				return 0;
			looked++;
			if (take_name(view, query, names.list[i], arena, page, &bytes, err) != 0)
				return -1;
			after = names.list[i];
		}
	} while (names.count == names.room);
	return 0;
}

int tally_kv_list(struct tally_core *core, struct tally_bytes ledger_id,
		  const struct tally_kv_query *query, struct tally_arena *arena,
		  struct tally_kv_page *page_r, struct tally_err *err)
{
	struct tally_view view;
	int result;

	*page_r = (struct tally_kv_page){ 0 };
	if (query->prefix.size > TALLY_KV_KEY_MAX || query->after.size > TALLY_KV_KEY_MAX)
		return tally_err_about(err, TALLY_INVALID, "Prefix", "a key has up to %d bytes",
				       TALLY_KV_KEY_MAX);
	if (view_of_kv(core, ledger_id, &view, err) != 0)
		return -1;
	result = list_names(&view, query, arena, page_r, err);
	tally_view_drop(&view);
	return result;
}

struct versions {
	struct tally_bytes key;
	struct tally_kv_item *items;
	size_t count, room;
};

static int each_version(void *ctx, struct tally_bytes key, struct tally_bytes value)
{
	struct versions *versions = ctx;
	struct tally_kv_item *item = &versions->items[versions->count++];

	*item = (struct tally_kv_item){ .key = versions->key,
					.deleted = value.size > 1 && value.data[1] != 0,
					.journal_id = tally_get_u64(key.data + key.size - 8) };
	if (value.size == 2 + TALLY_HASH_SIZE)
		memcpy(item->hash.bytes, value.data + 2, TALLY_HASH_SIZE);
	return versions->count == versions->room;
}

/* Versions below `below`, backwards, one more than the page has. */
static int list_versions(const struct tally_view *view, const struct tally_kv_query *query,
			 struct tally_arena *arena, struct tally_kv_page *page,
			 struct tally_err *err)
{
	struct versions versions = { .key = query->prefix, .room = page_limit(view, query) + 1 };
	uint8_t low[1 + TALLY_KV_KEY_MAX + 8], high[1 + TALLY_KV_KEY_MAX + 8];
	size_t place = table_key(query->prefix, low).size, bytes = 0;
	uint64_t below = view->head->frontier.size;

	if (query->has_cursor && query->cursor < below)
		below = query->cursor + 1;
	memcpy(high, low, place);
	tally_put_u64(low + place, 0);
	tally_put_u64(high + place, below);
	page->items = versions.items = tally_arena_array(arena, struct tally_kv_item, versions.room);
	if (tally_view_scan(view, TABLE_KV_HISTORY, tally_bytes(low, place + 8),
			    tally_bytes(high, place + 8), true, each_version, &versions, err) != 0)
		return -1;
	if (versions.count == 0 && !query->has_cursor)
		return tally_err_about(err, TALLY_NOTFOUND, "Key", "the key never had a value");
	for (size_t i = 0; i < versions.count; i++) {
		page->more = i + 1 == versions.room || (i > 0 && bytes >= query->byte_limit);
		page->cursor = versions.items[i].journal_id;
		if (page->more)
			return 0;
		if (fill_item(view, query, arena, &versions.items[i], &bytes, err) != 0)
			return -1;
		page->count++;
	}
	return 0;
}

int tally_kv_history(struct tally_core *core, struct tally_bytes ledger_id,
		     const struct tally_kv_query *query, struct tally_arena *arena,
		     struct tally_kv_page *page_r, struct tally_err *err)
{
	struct tally_view view;
	int result;

	*page_r = (struct tally_kv_page){ 0 };
	if (check_key(query->prefix, err) != 0 || view_of_kv(core, ledger_id, &view, err) != 0)
		return -1;
	result = list_versions(&view, query, arena, page_r, err);
	tally_view_drop(&view);
	return result;
}
