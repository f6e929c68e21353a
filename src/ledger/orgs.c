/*
 * Organisations and channels: journals of the system ledger, and their tables. An organisation is the
 * certificate of a CA, a channel a name of a ledger.
 */
#include "core_private.h"

#include "cert.h"
#include "share.h"

#define TEXT(field, value) ((struct tally_field){ TALLY_BYTES_LIT(field), FIELD_TEXT, value, 0 })

#define ROW_HEAD 9	/* u8 1, u64 created; then certificate or ledger id */

bool tally_org_id_valid(struct tally_bytes id)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

	for (size_t i = 0; i < id.size; i++)
		if (memchr(allowed, id.data[i], sizeof(allowed) - 1) == NULL)
			return false;
	return id.size > 0 && id.size <= TALLY_ORG_ID_MAX;
}

/* ---- what the committer decides ---- */

struct wanted {
	uint32_t table;
	struct tally_bytes key;
	const char *subject;
	struct tally_bytes ledger_id;	/* of a new channel */
};

static int is_there(struct tally_build *build, void *ctx, struct tally_err *err)
{
	const struct wanted *wanted = ctx;
	struct tally_bytes value;
	int found = tally_view_get(&build->view, wanted->table, wanted->key, &build->arena, &value,
				   err);

	if (found == 0)
		return tally_err_about(err, TALLY_NOTFOUND, wanted->subject, "there is none of this name");
	return found < 0 ? -1 : 0;
}

struct taken {
	struct tally_bytes ledger_id;
	bool found;
};

static int each_taken(void *ctx, struct tally_bytes key, struct tally_bytes value)
{
	struct taken *taken = ctx;

	(void)key;
	taken->found = value.size > ROW_HEAD &&
		       tally_bytes_equal(tally_bytes(value.data + ROW_HEAD, value.size - ROW_HEAD),
					 taken->ledger_id);
	return taken->found;
}

static int is_free(struct tally_build *build, void *ctx, struct tally_err *err)
{
	const struct wanted *wanted = ctx;
	struct taken taken = { .ledger_id = wanted->ledger_id };
	struct tally_bytes value;
	int found = tally_view_get(&build->view, wanted->table, wanted->key, &build->arena, &value,
				   err);

	if (found == 1)
		return tally_err_about(err, TALLY_EXISTS, wanted->subject, "the name is taken");
	if (found == 0 && wanted->ledger_id.size > 0)
		found = tally_view_scan(&build->view, wanted->table, TALLY_BYTES_NONE,
					TALLY_BYTES_NONE, false, each_taken, &taken, err);
	if (found == 0 && taken.found)
		return tally_err_about(err, TALLY_EXISTS, wanted->subject,
				       "the ledger is a channel already");
	return found;
}

/* ---- organisations ---- */

int tally_org_add(struct tally_core *core, const struct tally_write *write, struct tally_bytes id,
		  struct tally_bytes certificate, struct tally_err *err)
{
	struct tally_field fields[] = { TEXT("certificate", certificate), TEXT("organization", id) };
	struct wanted wanted = { .table = TABLE_ORG, .key = id, .subject = "Organization" };
	struct tally_cert cert;
	struct tally_err why;

	if (!tally_org_id_valid(id))
		return tally_err_about(err, TALLY_INVALID, "OrganizationId",
				       "it has 1 to 64 letters, digits, '.', '_' and '-'");
	if (tally_cert_anchor(certificate, &cert, &why) != 0)
		return tally_err_about(err, TALLY_INVALID, "Certificate", "%s", why.text);
	return tally_system_run(core, write, TYPE_ADD_ORG, fields, 2, TALLY_BYTES_NONE, is_free,
				&wanted, err);
}

int tally_org_remove(struct tally_core *core, const struct tally_write *write,
		     struct tally_bytes id, struct tally_err *err)
{
	struct tally_field field = TEXT("organization", id);
	struct wanted wanted = { .table = TABLE_ORG, .key = id, .subject = "Organization" };

	if (!tally_org_id_valid(id))
		return tally_err_about(err, TALLY_NOTFOUND, "Organization",
				       "there is none of this name");
	return tally_system_run(core, write, TYPE_REMOVE_ORG, &field, 1, TALLY_BYTES_NONE, is_there,
				&wanted, err);
}

/* ---- channels ---- */

static int check_ledger(struct tally_core *core, struct tally_bytes ledger_id,
			struct tally_err *err)
{
	struct tally_ledger_info info;
	struct tally_arena arena;
	int found;

	tally_arena_init(&arena);
	found = tally_ledger_describe(core, ledger_id, &arena, &info, err);
	tally_arena_free(&arena);
	if (found == 0 || (found == 1 && info.status != LEDGER_NORMAL))
		return tally_err_about(err, TALLY_NOTFOUND, "Ledger", "no such ledger");
	if (found == 1 && info.type != LEDGER_JOURNAL)
		return tally_err_about(err, TALLY_INVALID, "LedgerId", "a channel is no KV ledger");
	return found < 0 ? -1 : 0;
}

int tally_channel_add(struct tally_core *core, const struct tally_write *write,
		      struct tally_bytes name, struct tally_bytes ledger_id, struct tally_err *err)
{
	struct tally_field fields[] = { TEXT("channel", name), TEXT("ledgerId", ledger_id) };
	struct wanted wanted = { .table = TABLE_CHANNEL, .key = name, .subject = "Channel",
				 .ledger_id = ledger_id };

	if (!tally_org_id_valid(name))
		return tally_err_about(err, TALLY_INVALID, "Channel",
				       "it has 1 to 64 letters, digits, '.', '_' and '-'");
	if (check_ledger(core, ledger_id, err) != 0)
		return -1;
	return tally_system_run(core, write, TYPE_ADD_CHANNEL, fields, 2, TALLY_BYTES_NONE, is_free,
				&wanted, err);
}

int tally_channel_remove(struct tally_core *core, const struct tally_write *write,
			 struct tally_bytes name, struct tally_err *err)
{
	struct tally_field field = TEXT("channel", name);
	struct wanted wanted = { .table = TABLE_CHANNEL, .key = name, .subject = "Channel" };

	if (!tally_org_id_valid(name))
		return tally_err_about(err, TALLY_NOTFOUND, "Channel", "there is none of this name");
	return tally_system_run(core, write, TYPE_REMOVE_CHANNEL, &field, 1, TALLY_BYTES_NONE,
				is_there, &wanted, err);
}

/* ---- projections ---- */

static void put_row(struct tally_projection *p, uint32_t table, struct tally_bytes key, uint64_t now,
		    struct tally_bytes text)
{
	tally_buf_clear(&p->scratch);
	tally_buf_add_u8(&p->scratch, 1);
	tally_buf_add_u64(&p->scratch, now);
	tally_buf_add_bytes(&p->scratch, text);
	tally_overlay_put(p->overlay, p->tag, table, key, tally_buf_bytes(&p->scratch));
}

void tally_project_org(struct tally_projection *p, uint64_t journal_id, uint64_t now,
		       const struct tally_record *record)
{
	struct tally_bytes id = tally_field_text(record, "organization");

	(void)journal_id;
	if (record->type == TYPE_ADD_ORG)
		put_row(p, TABLE_ORG, id, now, tally_field_text(record, "certificate"));
	else
		tally_overlay_remove(p->overlay, p->tag, TABLE_ORG, id);
}

void tally_project_channel(struct tally_projection *p, uint64_t journal_id, uint64_t now,
			   const struct tally_record *record)
{
	struct tally_bytes name = tally_field_text(record, "channel");

	(void)journal_id;
	if (record->type == TYPE_ADD_CHANNEL)
		put_row(p, TABLE_CHANNEL, name, now, tally_field_text(record, "ledgerId"));
	else
		tally_overlay_remove(p->overlay, p->tag, TABLE_CHANNEL, name);
}

/* ---- reading ---- */

/* One row of either table. */
struct row {
	struct tally_bytes key, text;
	uint64_t create_ms;
};

static int read_row(struct tally_core *core, uint32_t table, struct tally_bytes key,
		    struct tally_arena *arena, struct row *row_r, struct tally_err *err)
{
	struct tally_bytes value;
	struct tally_view view;
	int found;

	if (!tally_org_id_valid(key))
		return 0;
	if (tally_space_refresh(core->system, false, err) != 0 ||
	    tally_view_take(core->system, &view, err) != 0)
		return -1;
	found = tally_view_get(&view, table, key, arena, &value, err);
	if (found == 1 && value.size < ROW_HEAD)
		found = tally_err_set(err, TALLY_CORRUPT, "malformed entry of table %u", table);
	if (found == 1)		/* the view may hold it */
		*row_r = (struct row){
			tally_arena_bytes(arena, key),
			tally_arena_bytes(arena, tally_bytes(value.data + ROW_HEAD,
							     value.size - ROW_HEAD)),
			tally_get_u64(value.data + 1)
		};
	tally_view_drop(&view);
	return found;
}

struct rows {
	struct tally_arena *arena;
	struct row *list;
	size_t count, room;
};

static int each_row(void *ctx, struct tally_bytes key, struct tally_bytes value)
{
	struct rows *rows = ctx;

	if (value.size < ROW_HEAD)
		return 0;
	rows->list = tally_arena_more(rows->arena, rows->list, rows->count, &rows->room,
				      sizeof(*rows->list));
	rows->list[rows->count++] = (struct row){
		tally_arena_bytes(rows->arena, key),
		tally_arena_bytes(rows->arena, tally_bytes(value.data + ROW_HEAD,
							   value.size - ROW_HEAD)),
		tally_get_u64(value.data + 1)
	};
	return 0;
}

static int list_rows(struct tally_core *core, uint32_t table, struct rows *rows,
		     struct tally_err *err)
{
	struct tally_view view;
	int result;

	if (tally_space_refresh(core->system, false, err) != 0 ||
	    tally_view_take(core->system, &view, err) != 0)
		return -1;
	result = tally_view_scan(&view, table, TALLY_BYTES_NONE, TALLY_BYTES_NONE, false, each_row,
				 rows, err);
	tally_view_drop(&view);
	return result;
}

int tally_org_find(struct tally_core *core, struct tally_bytes id, struct tally_arena *arena,
		   struct tally_org *org_r, struct tally_err *err)
{
	struct row row;
	int found = read_row(core, TABLE_ORG, id, arena, &row, err);

	if (found == 1)
		*org_r = (struct tally_org){ row.key, row.text, row.create_ms };
	return found;
}

int tally_org_list(struct tally_core *core, struct tally_arena *arena, struct tally_org **orgs_r,
		   size_t *count_r, struct tally_err *err)
{
	struct rows rows = { .arena = arena };

	if (list_rows(core, TABLE_ORG, &rows, err) != 0)
		return -1;
	*orgs_r = tally_arena_array(arena, struct tally_org, rows.count + 1);
	for (size_t i = 0; i < rows.count; i++)
		(*orgs_r)[i] = (struct tally_org){ rows.list[i].key, rows.list[i].text,
						   rows.list[i].create_ms };
	*count_r = rows.count;
	return 0;
}

int tally_channel_find(struct tally_core *core, struct tally_bytes name, struct tally_arena *arena,
		       struct tally_channel *channel_r, struct tally_err *err)
{
	struct row row;
	int found = read_row(core, TABLE_CHANNEL, name, arena, &row, err);

	if (found == 1)
		*channel_r = (struct tally_channel){ row.key, row.text, row.create_ms };
	return found;
}

int tally_channel_list(struct tally_core *core, struct tally_arena *arena,
		       struct tally_channel **channels_r, size_t *count_r, struct tally_err *err)
{
	struct rows rows = { .arena = arena };

	if (list_rows(core, TABLE_CHANNEL, &rows, err) != 0)
		return -1;
	*channels_r = tally_arena_array(arena, struct tally_channel, rows.count + 1);
	for (size_t i = 0; i < rows.count; i++)
		(*channels_r)[i] = (struct tally_channel){ rows.list[i].key, rows.list[i].text,
							   rows.list[i].create_ms };
	*count_r = rows.count;
	return 0;
}
