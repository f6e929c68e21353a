/*
 * Time anchors: what their journals hold, making and reading them, and what of them bounds a
 * journal in time. Getting stamps for many ledgers at once is stamp.c's.
 */
#include "core_private.h"

#include <inttypes.h>

/* ---- what a journal holds ---- */

#define TEXT(field, value) \
	((struct tally_field){ TALLY_BYTES_LIT(field), FIELD_TEXT, tally_bytes_str(value), 0 })
#define UINT(field, value) \
	((struct tally_field){ TALLY_BYTES_LIT(field), FIELD_UINT, TALLY_BYTES_NONE, value })

static const char *hex_of(struct tally_arena *arena, const struct tally_hash *hash)
{
	char *text = tally_arena_alloc(arena, 2 * TALLY_HASH_SIZE + 1);

	tally_hex_encode(hash->bytes, TALLY_HASH_SIZE, text);
	return text;
}

size_t tally_anchor_fields(struct tally_core *core, const struct tally_stamped *stamped,
			   const struct tally_stamp_note *note, bool in_time_ledger,
			   struct tally_arena *arena, struct tally_field *fields)
{
	struct tally_bytes path = tally_bytes(stamped->path,
					      stamped->path_count * sizeof(stamped->path[0]));
	size_t count = 0;

	fields[count++] = UINT("accuracy", note->info.accuracy_ms);
	fields[count++] = TEXT("authority", note->info.authority);
	fields[count++] = UINT("count", note->count);
	fields[count++] = TEXT("digest", hex_of(arena, &note->digest));
	fields[count++] = UINT("genTime", note->info.time_ms);
	fields[count++] = UINT("index", stamped->index);
	fields[count++] = TEXT("ledgerDigest", hex_of(arena, &stamped->root));
	fields[count++] = UINT("ledgerVersion", stamped->version);
	fields[count++] = TEXT("path", path.size > 0 ? tally_base64_encode(arena, path) : "");
	fields[count++] = TEXT("policy", note->info.policy);
	if (!in_time_ledger)
		fields[count++] = UINT("sequence", note->sequence);
	fields[count++] = TEXT("serial", note->info.serial);
	if (!in_time_ledger)
		fields[count++] = TEXT("timeLedger", core->time_ledger);
	fields[count++] = TEXT("token", tally_base64_encode(arena, note->token));
	return count;
}

/* ---- making ---- */

int tally_anchor_create(struct tally_core *core, const struct tally_write *write,
			struct tally_bytes ledger_id, struct tally_receipt *receipt_r,
			struct tally_err *err)
{
	struct tally_manage manage = { .what = "anchor", .need = PERM_CREATE_TIMEANCHOR };
	struct tally_record *record = &manage.prepared.record;
	struct tally_field fields[TALLY_MAX_FIELDS];
	struct tally_stamped stamped = { 0 };
	struct tally_stamp_note note;
	struct tally_arena arena;
	int result;

	/* the request has no more to say than that; what it was answered with is not its own */
	*record = (struct tally_record){ .type = TYPE_CREATE_TIMEANCHOR, .has_data = true };
	if (tally_manage_probe(core, write, ledger_id, &manage, err) != 0)
		return -1;
	if (manage.known)
		return tally_manage_run(core, write, ledger_id, &manage, receipt_r, err);
	if (tally_space_of_ledger(core, ledger_id, &stamped.space, err) != 1)
		return -1;
	tally_arena_init(&arena);
	result = tally_stamp_ledgers(core, &stamped, 1, &arena, &note, err);
	if (result == 0 && stamped.err.code != TALLY_OK) {
		*err = stamped.err;
		result = -1;
	}
	if (result == 0) {
		record->fields = fields;
		record->field_count = (uint8_t)tally_anchor_fields(core, &stamped, &note, false,
								   &arena, fields);
		result = tally_manage_run(core, write, ledger_id, &manage, receipt_r, err);
	}
	tally_arena_free(&arena);
	return result;
}

/* The ledger as it is in the block under construction. */
struct given {
	struct tally_field fields[4];
	char root[2 * TALLY_HASH_SIZE + 1];
};

static int complete_given(struct tally_build *build, struct tally_manage *manage,
			  struct tally_err *err)
{
	struct given *given = manage->ctx;
	struct tally_hash root;

	(void)err;
	tally_frontier_root(&build->head->frontier, &root);
	tally_hex_encode(root.bytes, TALLY_HASH_SIZE, given->root);
	given->fields[0].text = tally_bytes_str(given->root);
	given->fields[1].number = build->head->frontier.size;
	return 0;
}

int tally_anchor_give(struct tally_core *core, const struct tally_write *write,
		      struct tally_bytes ledger_id, uint64_t seconds, struct tally_bytes proof,
		      struct tally_receipt *receipt_r, struct tally_err *err)
{
	struct given given = { .fields = { TEXT("ledgerDigest", ""), UINT("ledgerVersion", 0),
					   TEXT("proof", ""), UINT("timeStamp", seconds) } };
	struct tally_manage manage = { .what = "anchor", .need = PERM_CREATE_TIMEANCHOR,
				       .check = complete_given, .ctx = &given };

	given.fields[2].text = proof;
	manage.prepared.record = (struct tally_record){
		.type = TYPE_CREATE_TIMEANCHOR, .has_data = true, .fields = given.fields,
		.field_count = 4 };
	return tally_manage_run(core, write, ledger_id, &manage, receipt_r, err);
}

/* ---- reading ---- */

static bool read_hash(const struct tally_record *record, const char *name,
		      struct tally_hash *hash_r)
{
	return tally_hex_decode(tally_field_text(record, name), hash_r->bytes, TALLY_HASH_SIZE);
}

/* What is the service's own. */
static bool read_stamp(const struct tally_record *record, struct tally_arena *arena,
		       struct tally_anchor *anchor)
{
	char digest[2 * TALLY_HASH_SIZE + 1];

	if (!read_hash(record, "digest", &anchor->digest) ||
	    !tally_base64_decode(arena, tally_field_text(record, "token"), &anchor->token))
		return false;
	tally_hex_encode(anchor->digest.bytes, TALLY_HASH_SIZE, digest);
	anchor->time_ms = tally_field_number(record, "genTime", 0);
	anchor->authority = tally_field_text(record, "authority");
	anchor->serial = tally_field_text(record, "serial");
	anchor->proof = tally_bytes_str(tally_arena_printf(
		arena, "{\"hashInHex\":\"%s\",\"sequence\":%" PRIu64 "}", digest,
		tally_field_number(record, "sequence", anchor->journal_id)));
	return true;
}

static bool read_anchor(const struct tally_journal *journal, struct tally_arena *arena,
			struct tally_anchor *anchor_r)
{
	struct tally_record record = { .fields = journal->fields,
				       .field_count = (uint8_t)journal->field_count };

	*anchor_r = (struct tally_anchor){
		.journal_id = journal->id, .block = journal->block,
		.version = tally_field_number(&record, "ledgerVersion", 0),
		.given = tally_field_find(&record, "token") == NULL };
	if (!read_hash(&record, "ledgerDigest", &anchor_r->root))
		return false;
	if (!anchor_r->given)
		return read_stamp(&record, arena, anchor_r);
	anchor_r->time_ms = tally_field_number(&record, "timeStamp", 0) * 1000;
	anchor_r->proof = tally_field_text(&record, "proof");
	return true;
}

/* 1; 0: that journal is no anchor. */
static int anchor_of(const struct tally_view *view, uint64_t journal_id, struct tally_arena *arena,
		     struct tally_anchor *anchor_r, struct tally_err *err)
{
	struct tally_journal journal;
	int found = tally_view_journal(view, journal_id, arena, &journal, err);

	if (found != 1 || strcmp(journal.payload_type, "CREATE_TIMEANCHOR") != 0)
		return found < 0 ? -1 : 0;
	if (!read_anchor(&journal, arena, anchor_r))
		return tally_err_set(err, TALLY_CORRUPT, "%s, journal %llu: malformed anchor",
				     view->space->name, (unsigned long long)journal_id);
	return 1;
}

/* A ledger that is not deleted. */
static int view_of(struct tally_core *core, struct tally_bytes ledger_id,
		   struct tally_view *view_r, struct tally_err *err)
{
	struct tally_space *space;
	int found = tally_space_of_ledger(core, ledger_id, &space, err);

	if (found != 1)
		return found;
	if (tally_view_take(space, view_r, err) != 0)
		return -1;
	if (view_r->head->status == LEDGER_NORMAL)
		return 1;
	tally_view_drop(view_r);
	return 0;
}

/* Rows of TABLE_ANCHOR. */
struct row {
	uint64_t journal_id;
	bool given;
	uint64_t version;
};

static bool read_row(struct tally_bytes key, struct tally_bytes value, struct row *row_r)
{
	if (key.size != 8 || value.size != 18)
		return false;
	row_r->journal_id = tally_get_u64(key.data);
	row_r->given = value.data[1] != 0;
	row_r->version = tally_get_u64(value.data + 2);
	return true;
}

struct rows {
	struct row *list;
	size_t count, room;
};

static int each_row(void *ctx, struct tally_bytes key, struct tally_bytes value)
{
	struct rows *rows = ctx;

	if (read_row(key, value, &rows->list[rows->count]))
		rows->count++;
	return rows->count == rows->room;
}

/* Rows from low on and below high. */
static int scan_rows(const struct tally_view *view, uint64_t low, uint64_t high, bool backwards,
		     tally_scan_each *each, void *ctx, struct tally_err *err)
{
	uint8_t from[8], to[8];

	tally_put_u64(from, low);
	tally_put_u64(to, high);
	if (low >= high)
		return 0;
	return tally_view_scan(view, TABLE_ANCHOR, tally_bytes(from, 8), tally_bytes(to, 8),
			       backwards, each, ctx, err);
}

static int list_rows(const struct tally_view *view, uint64_t from, bool reverse,
		     struct rows *rows, struct tally_err *err)
{
	uint64_t size = view->head->frontier.size;

	if (reverse)
		return scan_rows(view, 0, from < size ? from + 1 : size, true, each_row, rows, err);
	return scan_rows(view, from, size, false, each_row, rows, err);
}

int tally_anchor_list(struct tally_core *core, struct tally_bytes ledger_id, uint64_t from,
		      bool reverse, size_t limit, struct tally_arena *arena,
		      struct tally_anchor_page *page_r, struct tally_err *err)
{
	struct rows rows = { .room = limit + 1 };
	struct tally_view view;
	int result = view_of(core, ledger_id, &view, err);

	*page_r = (struct tally_anchor_page){ 0 };
	if (result != 1)
		return result < 0 ? -1 : tally_err_about(err, TALLY_NOTFOUND, "Ledger", "no such ledger");
	rows.list = tally_arena_array(arena, struct row, rows.room);
	page_r->anchors = tally_arena_array(arena, struct tally_anchor, limit);
	result = list_rows(&view, from, reverse, &rows, err);
	for (size_t i = 0; result == 0 && i < rows.count && i < limit; i++)
		result = anchor_of(&view, rows.list[i].journal_id, arena,
				   &page_r->anchors[page_r->count++], err) == 1 ? 0 : -1;
	if (rows.count > limit) {
		page_r->more = true;
		page_r->cursor = rows.list[limit].journal_id;
	}
	tally_view_drop(&view);
	return result;
}

int tally_anchor_get(struct tally_core *core, struct tally_bytes ledger_id, uint64_t journal_id,
		     struct tally_arena *arena, struct tally_anchor *anchor_r,
		     struct tally_err *err)
{
	struct tally_view view;
	int found = view_of(core, ledger_id, &view, err);

	if (found != 1)
		return found;
	found = anchor_of(&view, journal_id, arena, anchor_r, err);
	tally_view_drop(&view);
	return found;
}

int tally_anchor_last(struct tally_core *core, struct tally_bytes ledger_id,
		      struct tally_arena *arena, struct tally_anchor *anchor_r,
		      struct tally_err *err)
{
	struct row row;
	struct rows rows = { .list = &row, .room = 1 };
	struct tally_view view;
	int found = view_of(core, ledger_id, &view, err);

	if (found != 1)
		return found;
	if (list_rows(&view, UINT64_MAX, true, &rows, err) != 0)
		found = -1;
	else if (rows.count == 0)
		found = 0;
	else
		found = anchor_of(&view, row.journal_id, arena, anchor_r, err);
	tally_view_drop(&view);
	return found;
}

int tally_anchor_stamp(struct tally_core *core, uint64_t sequence, struct tally_arena *arena,
		       char id_r[TALLY_LEDGER_ID_SIZE + 1], struct tally_anchor *anchor_r,
		       struct tally_err *err)
{
	memcpy(id_r, core->time_ledger, sizeof(core->time_ledger));
	return tally_anchor_get(core, tally_bytes_str(core->time_ledger), sequence, arena, anchor_r,
				err);
}

/* ---- what bounds a journal ---- */

/* The first stamp of our own; version: that covers so many journals at least. */
struct pick {
	uint64_t version;
	struct row row;
	bool found;
};

static int pick_row(void *ctx, struct tally_bytes key, struct tally_bytes value)
{
	struct pick *pick = ctx;

	pick->found = read_row(key, value, &pick->row) && !pick->row.given &&
		      pick->row.version >= pick->version;
	return pick->found;
}

static int prove_in(struct tally_nodes *nodes, uint64_t journal_id, uint64_t size,
		    struct tally_inclusion *proof_r)
{
	int count;

	*proof_r = (struct tally_inclusion){ .journal_id = journal_id, .tree_size = size };
	count = tally_inclusion_prove(journal_id, size, tally_view_node, nodes, proof_r->path);
	if (count < 0 || tally_root_at(nodes, size, &proof_r->root) != 0)
		return -1;
	proof_r->path_count = (size_t)count;
	return 0;
}

static int fill_bound(struct tally_nodes *nodes, uint64_t anchor, uint64_t size,
		      struct tally_arena *arena, struct tally_time_bound *bound_r)
{
	struct tally_journal journal;

	if (tally_view_journal(nodes->view, anchor, arena, &journal, nodes->err) != 1)
		return -1;
	bound_r->journal_id = anchor;
	bound_r->leaf = journal.leaf;
	return prove_in(nodes, anchor, size, &bound_r->proof);
}

static int find_bounds(struct tally_nodes *nodes, uint64_t journal_id, struct tally_arena *arena,
		       struct tally_time_proof *proof)
{
	struct pick after = { 0 }, before = { .version = journal_id + 1 };
	uint64_t size = proof->checkpoint.size;

	if (scan_rows(nodes->view, 0, journal_id, true, pick_row, &after, nodes->err) != 0 ||
	    scan_rows(nodes->view, journal_id + 1, size, false, pick_row, &before, nodes->err) != 0)
		return -1;
	proof->has_after = after.found;
	proof->has_before = before.found;
	if (after.found &&
	    fill_bound(nodes, after.row.journal_id, size, arena, &proof->after) != 0)
		return -1;
	if (!before.found)
		return 0;
	return fill_bound(nodes, before.row.journal_id, size, arena, &proof->before) != 0 ?
		       -1 :
		       prove_in(nodes, journal_id, before.row.version, &proof->cover);
}

int tally_time_prove(struct tally_core *core, struct tally_bytes ledger_id, uint64_t journal_id,
		     struct tally_arena *arena, struct tally_time_proof *proof_r,
		     struct tally_err *err)
{
	struct tally_arena scratch;
	struct tally_view view;
	struct tally_nodes nodes = { .view = &view, .arena = &scratch, .err = err };
	int found;

	memset(proof_r, 0, sizeof(*proof_r));
	/* the checkpoint first: the view is then as new, or newer */
	found = tally_ledger_checkpoint(core, ledger_id, arena, &proof_r->checkpoint, err);
	if (found == 1)
		found = view_of(core, ledger_id, &view, err);
	if (found != 1)
		return found;
	tally_arena_init(&scratch);
	if (journal_id >= proof_r->checkpoint.size)
		found = 0;
	else
		found = tally_view_journal(&view, journal_id, arena, &proof_r->journal, err);
	if (found == 1 &&
	    (prove_in(&nodes, journal_id, proof_r->checkpoint.size, &proof_r->proof) != 0 ||
	     find_bounds(&nodes, journal_id, arena, proof_r) != 0))
		found = -1;
	tally_arena_free(&scratch);
	tally_view_drop(&view);
	return found;
}
