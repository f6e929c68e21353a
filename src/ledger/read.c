/*
 * Reading journals: the locator says which block has a journal, the block's slot table where, and
 * one read brings its slots. Lists read a stretch of a block at once. Every journal's leaf is
 * rebuilt and hashed here, and every slot is held against its checksum.
 */
#include "access.h"
#include "evidence.h"

#include <stdlib.h>

#define STRETCH_BYTES (1u << 20)	/* of slots read at once */
#define SCAN_MOST 20000			/* journals looked at for one page; then it ends early */

/* ---- where a journal is ---- */

static int locate_each(void *ctx, struct tally_bytes key, struct tally_bytes value)
{
	struct tally_spot *spot = ctx;

	if (key.size == 8 && value.size == 53) {
		spot->found = true;
		spot->first = tally_get_u64(key.data);
		spot->block = tally_get_u64(value.data + 1);
		spot->count = tally_get_u32(value.data + 9);
		spot->time_ms = tally_get_u64(value.data + 13);
	}
	return 1;
}

int tally_view_locate(const struct tally_view *view, uint64_t journal_id, struct tally_spot *spot,
		      struct tally_err *err)
{
	uint8_t high[8];

	spot->found = false;
	tally_put_u64(high, journal_id + 1);
	if (tally_view_scan(view, TABLE_LOCATOR, TALLY_BYTES_NONE, tally_bytes(high, 8), true,
			    locate_each, spot, err) != 0)
		return -1;
	if (!spot->found || journal_id - spot->first >= spot->count)
		return tally_err_set(err, TALLY_CORRUPT, "%s: no block has journal %llu",
				     view->space->name, (unsigned long long)journal_id);
	return 0;
}

/* ---- one journal out of its bytes ---- */

static int corrupt(const struct tally_view *view, uint64_t journal_id, struct tally_err *err)
{
	return tally_err_prefix(err, "%s, journal %llu", view->space->name,
				(unsigned long long)journal_id);
}

/* The first signature is the author's. */
static void set_author(const struct tally_record_signature *signatures, struct tally_arena *arena,
		       struct tally_journal *journal_r)
{
	char *hex = tally_arena_alloc(arena, 2 * signatures[0].key.size + 1);

	tally_hex_encode(signatures[0].key.data, signatures[0].key.size, hex);
	journal_r->author_key = tally_bytes_str(hex);
}

static int read_payload(const struct tally_record *record, struct tally_bytes slot,
			struct tally_arena *arena, struct tally_journal *journal_r,
			struct tally_err *err)
{
	struct tally_payload_slot payload;
	struct tally_evidence evidence;

	if (tally_payload_slot_check(record, slot, &payload, err) != 0)
		return -1;
	journal_r->payload = payload.payload;
	journal_r->evidence = payload.evidence;
	if (payload.evidence.size > 0) {
		memcpy(journal_r->evidence_salt, payload.evidence_salt, TALLY_SALT_SIZE);
		if (tally_evidence_decode(payload.evidence, arena, &evidence, err) != 0)
			return -1;
		journal_r->client_id = evidence.client_id;
		if (evidence.signature_count > 0)
			set_author(evidence.signatures, arena, journal_r);
	}
	memcpy(journal_r->salt, payload.salt, TALLY_SALT_SIZE);
	return 0;
}

/*
 * A payload that is zero (or half so) is looked up: a journal must order that. The view may be older
 * than the order; then it is asked for in the ledger as it is now, and of a store with several
 * hosts in what these have written. 1 it is ordered, 0, -1.
 */
static int look_removed(const struct tally_view *view, uint64_t journal_id,
			const struct tally_record *record, bool whole, uint64_t *order_r,
			struct tally_err *err)
{
	int found = tally_removed_by(view, journal_id, record, order_r, err);
	bool hosts = view->space->core->hosts;

	if (whole || view->mine != NULL)
		return found;
	for (int again = 0; found == 0 && again < (hosts ? 2 : 1); again++) {
		struct tally_view newer;

		if (again == 1 && tally_space_refresh(view->space, true, err) != 0)
			return -1;
		if (tally_view_take(view->space, &newer, err) != 0)
			return -1;
		found = tally_removed_by(&newer, journal_id, record, order_r, err);
		tally_view_drop(&newer);
	}
	return found;
}

static int take_payload(const struct tally_view *view, uint64_t journal_id,
			const struct tally_record *record, const struct tally_block_entry *entry,
			struct tally_bytes item, struct tally_arena *arena,
			struct tally_journal *journal_r, struct tally_err *err)
{
	struct tally_bytes slot;
	struct tally_err why;
	int there = tally_block_slot(entry, item, SLOT_PAYLOAD, &slot, &why), removed = 0;

	/* What is ordered to be erased is not given out, though it may not be zero yet. */
	if (there != 1 || journal_id < view->head->purge_before || tally_erase_pending(view->space))
		removed = look_removed(view, journal_id, record, there == 1,
				       &journal_r->removed_by, err);
	if (removed < 0)
		return -1;
	journal_r->removed = removed == 1;
	if (removed == 1)
		return 0;
	if (there == 1)
		return read_payload(record, slot, arena, journal_r, err);
	if (there == 0)
		return tally_err_set(err, TALLY_CORRUPT, "its payload is zero, and no journal orders "
				     "that");
	*err = why;
	return -1;
}

static int journal_of(const struct tally_view *view, uint64_t journal_id, uint64_t block,
		      uint64_t time_ms, const struct tally_block_entry *entry,
		      struct tally_bytes item, struct tally_arena *arena,
		      struct tally_journal *journal_r, struct tally_err *err)
{
	struct tally_place place = { tally_bytes_str(view->space->name), journal_id, time_ms };
	struct tally_record record;
	struct tally_buf buf = { 0 };
	struct tally_bytes slot;
	struct tally_hash hash;
	int there = tally_block_slot(entry, item, SLOT_RECORD, &slot, err);

	if (there == 0)
		return tally_err_set(err, TALLY_CORRUPT, "its record is zero");
	if (there < 0 || tally_record_decode(slot, arena, &record, err) != 0)
		return -1;
	*journal_r = (struct tally_journal){
		.id = journal_id, .payload_type = tally_type_name(record.type),
		.member_id = record.member_id, .clues = record.clues,
		.clue_count = record.clue_count, .timestamp_ms = time_ms, .block = block,
		.has_payload = record.has_payload };
	if (record.signature_count > 0)
		set_author(record.signatures, arena, journal_r);
	if (record.has_payload && take_payload(view, journal_id, &record, entry, item, arena,
					       journal_r, err) != 0)
		return -1;
	journal_r->key = record.type == TYPE_KV_SET || record.type == TYPE_KV_DELETE ?
				 tally_field_text(&record, "key") : TALLY_BYTES_NONE;
	if (record.has_data && journal_r->key.size == 0) {
		tally_data_encode(&record, &buf);
		journal_r->sealed = journal_r->payload;
		journal_r->payload = tally_arena_bytes(arena, tally_buf_bytes(&buf));
		journal_r->is_data = true;
		journal_r->fields = record.fields;
		journal_r->field_count = record.field_count;
		tally_buf_clear(&buf);
	}
	tally_leaf_encode(&record, &place, &buf);
	journal_r->leaf = tally_arena_bytes(arena, tally_buf_bytes(&buf));
	tally_buf_free(&buf);
	tally_leaf_hash(journal_r->leaf, &hash);
	journal_r->hash = hash;
	return 0;
}

int tally_view_read(const struct tally_view *view, uint64_t block, uint64_t offset, uint64_t size,
		    struct tally_arena *arena, struct tally_bytes *bytes_r, struct tally_err *err)
{
	int found = tally_store_read(view->space->core->blocks, view->space->id, block, offset,
				     size, arena, bytes_r, err);

	if (found < 0)
		return -1;
	if (found == 0 || bytes_r->size != size)
		return tally_err_set(err, TALLY_CORRUPT, "%s: block %llu is shorter than it says",
				     view->space->name, (unsigned long long)block);
	return 0;
}

/* The bytes of one journal's three slots, and where they are. */
static int read_item(const struct tally_view *view, uint64_t journal_id, struct tally_spot *spot_r,
		     struct tally_block_entry *entry_r, struct tally_arena *arena,
		     struct tally_bytes *item_r, struct tally_err *err)
{
	struct tally_bytes bytes;

	if (tally_view_locate(view, journal_id, spot_r, err) != 0 ||
	    tally_view_read(view, spot_r->block,
			 tally_block_table_place((uint32_t)(journal_id - spot_r->first)),
			 TALLY_BLOCK_ENTRY, arena, &bytes, err) != 0)
		return -1;
	tally_block_entry_read(bytes.data, entry_r);
	return tally_view_read(view, spot_r->block,
			    tally_block_body_place(spot_r->count) + entry_r->place,
			    tally_block_entry_size(entry_r), arena, item_r, err);
}

int tally_view_record(const struct tally_view *view, uint64_t journal_id,
		      struct tally_arena *arena, struct tally_record *record_r,
		      struct tally_hash *hash_r, struct tally_err *err)
{
	struct tally_block_entry entry;
	struct tally_buf leaf = { 0 };
	struct tally_bytes item, slot;
	struct tally_place place;
	struct tally_spot spot;

	if (journal_id >= view->head->frontier.size)
		return 0;
	if (read_item(view, journal_id, &spot, &entry, arena, &item, err) != 0)
		return -1;
	if (tally_block_slot(&entry, item, SLOT_RECORD, &slot, err) != 1 ||
	    tally_record_decode(slot, arena, record_r, err) != 0) {
		tally_err_set(err, TALLY_CORRUPT, "its record is damaged");
		return corrupt(view, journal_id, err);
	}
	place = (struct tally_place){ tally_bytes_str(view->space->name), journal_id,
				      spot.time_ms };
	tally_leaf_encode(record_r, &place, &leaf);
	tally_leaf_hash(tally_buf_bytes(&leaf), hash_r);
	tally_buf_free(&leaf);
	return 1;
}

/* Those of one block from this journal on; next_r is the first that is not among them. */
static int block_records(const struct tally_view *view, uint64_t from, uint64_t to,
			 struct tally_arena *arena, tally_record_each *each, void *ctx,
			 uint64_t *next_r, struct tally_err *err)
{
	struct tally_bytes table, body;
	struct tally_block_entry last;
	struct tally_buf leaf = { 0 };
	struct tally_spot spot;
	int result = 0;

	if (tally_view_locate(view, from, &spot, err) != 0 ||
	    tally_view_read(view, spot.block, tally_block_table_place(0),
			    (uint64_t)spot.count * TALLY_BLOCK_ENTRY, arena, &table, err) != 0)
		return -1;
	tally_block_entry_read(table.data + (spot.count - 1) * TALLY_BLOCK_ENTRY, &last);
	if (tally_view_read(view, spot.block, tally_block_body_place(spot.count),
			    last.place + tally_block_entry_size(&last), arena, &body, err) != 0)
		return -1;
	for (uint64_t id = from; result == 0 && id < to && id < spot.first + spot.count; id++) {
		struct tally_place place = { tally_bytes_str(view->space->name), id, spot.time_ms };
		struct tally_block_entry entry;
		struct tally_record record;
		struct tally_bytes slot;

		tally_block_entry_read(table.data + (id - spot.first) * TALLY_BLOCK_ENTRY, &entry);
		if (entry.place > body.size ||
		    tally_block_slot(&entry, tally_bytes(body.data + entry.place,
							 body.size - entry.place),
				     SLOT_RECORD, &slot, err) != 1 ||
		    tally_record_decode(slot, arena, &record, err) != 0) {
			tally_err_set(err, TALLY_CORRUPT, "its record is damaged");
			result = corrupt(view, id, err);
			break;
		}
		result = each(ctx, &place, &record, &leaf);
	}
	tally_buf_free(&leaf);
	*next_r = spot.first + spot.count;
	return result;
}

int tally_view_records(const struct tally_view *view, uint64_t from, uint64_t to,
		       tally_record_each *each, void *ctx, struct tally_err *err)
{
	struct tally_arena arena;
	int result = 0;

	tally_arena_init(&arena);
	while (result == 0 && from < to) {
		tally_arena_reset(&arena);
		result = block_records(view, from, to, &arena, each, ctx, &from, err);
	}
	tally_arena_free(&arena);
	return result;
}

int tally_view_payload(const struct tally_view *view, uint64_t journal_id,
		       struct tally_arena *arena, struct tally_bytes *payload_r,
		       struct tally_err *err)
{
	struct tally_journal journal = { 0 };
	struct tally_block_entry entry;
	struct tally_record record;
	struct tally_bytes item, slot;
	struct tally_spot spot;

	if (read_item(view, journal_id, &spot, &entry, arena, &item, err) != 0)
		return -1;
	if (tally_block_slot(&entry, item, SLOT_RECORD, &slot, err) != 1 ||
	    tally_record_decode(slot, arena, &record, err) != 0) {
		tally_err_set(err, TALLY_CORRUPT, "its record is damaged");
		return corrupt(view, journal_id, err);
	}
	if (record.has_payload && take_payload(view, journal_id, &record, &entry, item, arena, &journal,
					       err) != 0)
		return corrupt(view, journal_id, err);
	*payload_r = journal.payload;
	return record.has_payload && !journal.removed;
}

int tally_view_journal(const struct tally_view *view, uint64_t journal_id,
		       struct tally_arena *arena, struct tally_journal *journal_r,
		       struct tally_err *err)
{
	struct tally_block_entry entry;
	struct tally_bytes bytes;
	struct tally_spot spot;

	err->code = TALLY_OK;
	if (journal_id >= view->head->frontier.size)
		return 0;
	if (read_item(view, journal_id, &spot, &entry, arena, &bytes, err) != 0)
		return -1;
	if (journal_of(view, journal_id, spot.block, spot.time_ms, &entry, bytes, arena, journal_r,
		       err) != 0)
		return corrupt(view, journal_id, err);
	return 1;
}

/* ---- lists ---- */

/*
 * A list walks candidates, block stretches or single journals, in one direction, and keeps those
 * that all filters let through.
 */
struct list {
	const struct tally_view *view;
	const struct tally_journal_query *query;
	struct tally_arena *arena;
	struct tally_journal_page *page;
	unsigned int type;
	uint64_t low, high;		/* journals low <= id < high are still to be looked at */
	size_t bytes;
	size_t looked;
	bool full;
	struct tally_err *err;
	bool failed;
};

static bool passes(const struct list *list, const struct tally_journal *journal)
{
	const struct tally_journal_query *query = list->query;
	bool has_clue = query->clue.size == 0;

	for (size_t i = 0; i < journal->clue_count && !has_clue; i++)
		has_clue = tally_bytes_equal(journal->clues[i], query->clue);
	return has_clue &&
	       (query->member_id.size == 0 ||
		tally_bytes_equal(journal->member_id, query->member_id)) &&
	       (list->type == 0 ||
		tally_bytes_equal(query->payload_type, tally_bytes_str(journal->payload_type))) &&
	       journal->timestamp_ms >= query->start_ms && journal->timestamp_ms <= query->end_ms;
}

/* Takes one journal into the page, or says that the page is full and goes on there. */
static void take(struct list *list, const struct tally_journal *journal)
{
	struct tally_journal_page *page = list->page;

	if (page->count >= list->query->limit ||
	    (page->count > 0 && list->query->byte_limit > 0 &&
	     list->bytes + journal->payload.size > list->query->byte_limit)) {
		list->full = true;
		page->more = true;
		page->cursor = journal->id;
		return;
	}
	list->bytes += journal->payload.size;
	page->journals[page->count++] = *journal;
}

static void end_early(struct list *list, uint64_t next)
{
	list->full = true;
	list->page->more = true;
	list->page->cursor = next;
}

static int read_items(struct list *list, const struct tally_spot *spot, uint32_t from,
		      uint32_t to, struct tally_arena *scratch, struct tally_err *err)
{
	const struct tally_view *view = list->view;
	struct tally_bytes table, body;
	struct tally_block_entry first, last;
	uint32_t count = to - from;

	if (tally_view_read(view, spot->block, tally_block_table_place(from),
			    (uint64_t)count * TALLY_BLOCK_ENTRY, scratch, &table, err) != 0)
		return -1;
	tally_block_entry_read(table.data, &first);
	tally_block_entry_read(table.data + (size_t)(count - 1) * TALLY_BLOCK_ENTRY, &last);
	if (last.place < first.place ||
	    tally_view_read(view, spot->block, tally_block_body_place(spot->count) + first.place,
			    last.place - first.place + tally_block_entry_size(&last), list->arena,
			    &body, err) != 0)
		return -1;
	for (uint32_t k = 0; k < count && !list->full; k++) {
		uint32_t i = list->query->reverse ? count - 1 - k : k;
		uint64_t id = spot->first + from + i;
		struct tally_block_entry entry;
		struct tally_journal journal;

		tally_block_entry_read(table.data + (size_t)i * TALLY_BLOCK_ENTRY, &entry);
		if (entry.place < first.place || entry.place - first.place > body.size)
			return tally_err_set(err, TALLY_CORRUPT, "slot table of block %llu",
					     (unsigned long long)spot->block);
		if (journal_of(view, id, spot->block, spot->time_ms, &entry,
			       tally_bytes(body.data + (entry.place - first.place),
					   body.size - (entry.place - first.place)),
			       list->arena, &journal, err) != 0)
			return corrupt(view, id, err);
		if (passes(list, &journal))
			take(list, &journal);
		if (++list->looked >= SCAN_MOST && !list->full)
			end_early(list, list->query->reverse ? id - 1 : id + 1);
	}
	return 0;
}

/* How many items of a block, from one end of [from, to), come to about STRETCH_BYTES. */
static int stretch(struct list *list, const struct tally_spot *spot, uint32_t from, uint32_t to,
		   struct tally_arena *scratch, uint32_t *from_r, uint32_t *to_r,
		   struct tally_err *err)
{
	bool reverse = list->query->reverse;
	size_t want = list->query->limit - list->page->count + 1;
	struct tally_bytes table;
	uint64_t bytes = 0;
	uint32_t most = (uint32_t)(to - from < want ? to - from : want), taken = 0;

	*from_r = reverse ? to - most : from;
	*to_r = reverse ? to : from + most;
	if (tally_view_read(list->view, spot->block, tally_block_table_place(*from_r),
			    (uint64_t)most * TALLY_BLOCK_ENTRY, scratch, &table, err) != 0)
		return -1;
	while (taken < most && (taken == 0 || bytes < STRETCH_BYTES)) {
		struct tally_block_entry entry;
		uint32_t i = reverse ? most - 1 - taken : taken;

		tally_block_entry_read(table.data + (size_t)i * TALLY_BLOCK_ENTRY, &entry);
		bytes += tally_block_entry_size(&entry);
		taken++;
	}
	if (reverse)
		*from_r = to - taken;
	else
		*to_r = from + taken;
	return 0;
}

/* Looks at the items of one block that are in range, stretch by stretch. */
static int list_block(struct list *list, const struct tally_spot *spot, struct tally_err *err)
{
	uint64_t low = list->low > spot->first ? list->low : spot->first;
	uint64_t end = spot->first + spot->count;
	uint64_t high = list->high < end ? list->high : end;
	struct tally_arena scratch;
	int result = 0;

	if (spot->time_ms < list->query->start_ms || spot->time_ms > list->query->end_ms)
		return 0;
	tally_arena_init(&scratch);
	while (result == 0 && low < high && !list->full) {
		uint32_t from, to;

		tally_arena_reset(&scratch);
		result = stretch(list, spot, (uint32_t)(low - spot->first),
				 (uint32_t)(high - spot->first), &scratch, &from, &to, err);
		if (result == 0)
			result = read_items(list, spot, from, to, &scratch, err);
		if (list->query->reverse)
			high = spot->first + from;
		else
			low = spot->first + to;
	}
	tally_arena_free(&scratch);
	return result;
}

static int list_spot(struct list *list, const struct tally_spot *spot)
{
	if (spot->first >= list->high || spot->first + spot->count <= list->low)
		return 0;
	if (list_block(list, spot, list->err) != 0)
		list->failed = true;
	return list->failed || list->full;
}

/* The walk over blocks by the locator. */
static int each_block(void *ctx, struct tally_bytes key, struct tally_bytes value)
{
	struct list *list = ctx;
	struct tally_spot spot = { .found = false };

	locate_each(&spot, key, value);
	return spot.found ? list_spot(list, &spot) : 0;
}

/* The walk over blocks in which a member or a type occurs. */
static int each_posting(void *ctx, struct tally_bytes key, struct tally_bytes value)
{
	struct list *list = ctx;
	uint64_t first = tally_get_u64(key.data + key.size - 8);
	struct tally_spot spot;

	(void)value;
	if (first >= list->view->head->frontier.size)
		return 0;
	if (tally_view_locate(list->view, first, &spot, list->err) != 0) {
		list->failed = true;
		return 1;
	}
	return list_spot(list, &spot);
}

/* The walk over the journals of a clue. */
static int each_clue(void *ctx, uint64_t id, const struct tally_hash *leaf)
{
	struct list *list = ctx;
	struct tally_journal journal;

	(void)leaf;
	if (tally_view_journal(list->view, id, list->arena, &journal, list->err) != 1) {
		if (list->err->code == TALLY_OK)
			tally_err_set(list->err, TALLY_CORRUPT, "clue names journal %llu",
				      (unsigned long long)id);
		list->failed = true;
		return 1;
	}
	if (passes(list, &journal))
		take(list, &journal);
	if (++list->looked >= SCAN_MOST && !list->full)
		end_early(list, list->query->reverse ? id - 1 : id + 1);
	return list->full;
}

/* Range of keys: prefix, then numbers low..high. */
static int walk(struct list *list, uint32_t table, struct tally_bytes prefix, uint64_t low,
		tally_scan_each *each)
{
	struct tally_buf from = { 0 }, to = { 0 };
	int result;

	tally_buf_add_bytes(&from, prefix);
	tally_buf_add_u64(&from, low);
	tally_buf_add_bytes(&to, prefix);
	tally_buf_add_u64(&to, list->high);
	result = tally_view_scan(list->view, table, tally_buf_bytes(&from), tally_buf_bytes(&to),
				 list->query->reverse, each, list, list->err);
	tally_buf_free(&from);
	tally_buf_free(&to);
	return result != 0 || list->failed ? -1 : 0;
}

/* First journal of the block that low lies in. */
static uint64_t block_floor(struct list *list)
{
	struct tally_spot spot;

	if (list->low >= list->view->head->frontier.size ||
	    tally_view_locate(list->view, list->low, &spot, list->err) != 0)
		return list->low;
	return spot.first;
}

/* ---- time: the first block whose time is at least ms, by bisection over journals ---- */

static int first_at_time(const struct tally_view *view, uint64_t ms, uint64_t *journal_r,
			 struct tally_err *err)
{
	uint64_t low = 0, high = view->head->frontier.size;

	while (low < high) {
		struct tally_spot spot;

		if (tally_view_locate(view, low + (high - low) / 2, &spot, err) != 0)
			return -1;
		if (spot.time_ms >= ms)
			high = spot.first;
		else
			low = spot.first + spot.count;
	}
	*journal_r = low;
	return 0;
}

static int bound_list(struct list *list, struct tally_err *err)
{
	const struct tally_journal_query *query = list->query;
	uint64_t size = list->view->head->frontier.size, at;

	list->low = query->start_id;
	list->high = query->end_id >= size ? size : query->end_id + 1;
	if (query->start_ms > 0) {
		if (first_at_time(list->view, query->start_ms, &at, err) != 0)
			return -1;
		list->low = at > list->low ? at : list->low;
	}
	if (query->end_ms < UINT64_MAX) {
		if (first_at_time(list->view, query->end_ms + 1, &at, err) != 0)
			return -1;
		list->high = at < list->high ? at : list->high;
	}
	if (query->has_cursor && query->reverse)
		list->high = query->cursor + 1 < list->high ? query->cursor + 1 : list->high;
	else if (query->has_cursor)
		list->low = query->cursor > list->low ? query->cursor : list->low;
	return 0;
}

static int run_list(struct list *list, struct tally_err *err)
{
	const struct tally_journal_query *query = list->query;
	uint8_t prefix[1 + 255];
	uint64_t floor;

	if (bound_list(list, err) != 0)
		return -1;
	if (list->low >= list->high)
		return 0;
	if (query->clue.size > 0) {
		if (query->clue.size > TALLY_MAX_CLUE)
			return 0;
		if (tally_postings(list->view, query->clue, list->low, list->high, query->reverse,
				   each_clue, list, err) != 0)
			return -1;
		return list->failed ? -1 : 0;
	}
	floor = block_floor(list);
	if (query->member_id.size > 0) {
		if (query->member_id.size > 64)
			return 0;
		prefix[0] = (uint8_t)query->member_id.size;
		memcpy(prefix + 1, query->member_id.data, query->member_id.size);
		return walk(list, TABLE_BY_MEMBER,
			    tally_bytes(prefix, 1 + query->member_id.size), floor, each_posting);
	}
	if (query->payload_type.size > 0) {
		prefix[0] = (uint8_t)list->type;
		return walk(list, TABLE_BY_TYPE, tally_bytes(prefix, 1), floor, each_posting);
	}
	return walk(list, TABLE_LOCATOR, TALLY_BYTES_NONE, floor, each_block);
}

/* Only ledgers, and not deleted ones: journals of the system ledger hold sealed secrets. */
static int view_of_ledger(struct tally_core *core, struct tally_bytes ledger_id,
			  struct tally_view *view_r, struct tally_err *err)
{
	int found = tally_view_of_log(core, ledger_id, view_r, err);

	if (found == 1 &&
	    (view_r->space == core->system || view_r->head->status != LEDGER_NORMAL)) {
		tally_view_drop(view_r);
		found = 0;
	}
	return found;
}

int tally_journal_list(struct tally_core *core, struct tally_bytes ledger_id,
		       const struct tally_journal_query *query, struct tally_arena *arena,
		       struct tally_journal_page *page_r, struct tally_err *err)
{
	struct tally_journal_query own = *query;
	struct tally_view view;
	struct list list = { .view = &view, .query = &own, .arena = arena, .page = page_r,
			     .err = err };
	uint64_t most;
	int result = view_of_ledger(core, ledger_id, &view, err);

	*page_r = (struct tally_journal_page){ 0 };
	if (result < 0)
		return -1;
	if (result == 0)
		return tally_err_about(err, TALLY_NOTFOUND, "Ledger", "no such ledger");
	most = tally_limit_of(core, view.head, LIMIT_PAGE);
	own.limit = query->limit < most ? query->limit : (size_t)most;
	list.type = query->payload_type.size > 0 ? tally_type_number(query->payload_type) : 0;
	if (query->payload_type.size > 0 && list.type == 0)
		result = tally_err_about(err, TALLY_INVALID, "PayloadType",
					 "no such type of payload");
	else {
		page_r->journals = tally_arena_array(arena, struct tally_journal,
						     query->limit + 1);
		result = run_list(&list, err);
	}
	tally_view_drop(&view);
	return result;
}

int tally_journal_get(struct tally_core *core, struct tally_bytes ledger_id, uint64_t journal_id,
		      struct tally_arena *arena, struct tally_journal *journal_r,
		      struct tally_err *err)
{
	struct tally_view view;
	int found = view_of_ledger(core, ledger_id, &view, err);

	if (found != 1)
		return found;
	found = tally_view_journal(&view, journal_id, arena, journal_r, err);
	tally_view_drop(&view);
	if (found == 0 && core->hosts) {
		/* Another host may have written it: look once more before saying no. */
		struct tally_space *space;

		if (tally_space_of_ledger(core, ledger_id, &space, err) != 1 ||
		    tally_space_refresh(space, true, err) != 0 ||
		    tally_view_take(space, &view, err) != 0)
			return -1;
		found = tally_view_journal(&view, journal_id, arena, journal_r, err);
		tally_view_drop(&view);
	}
	return found;
}

int tally_journal_exist(struct tally_core *core, struct tally_bytes ledger_id,
			uint64_t journal_id, const struct tally_hash *hash, struct tally_err *err)
{
	struct tally_journal journal;
	struct tally_arena arena;
	int found;

	tally_arena_init(&arena);
	found = tally_journal_get(core, ledger_id, journal_id, &arena, &journal, err);
	if (found == 1 && hash != NULL)
		found = memcmp(hash->bytes, journal.hash.bytes, TALLY_HASH_SIZE) == 0;
	tally_arena_free(&arena);
	return found;
}

int tally_block_info(struct tally_core *core, struct tally_bytes ledger_id, uint64_t block,
		     struct tally_block_info *info_r, struct tally_err *err)
{
	struct tally_block_header header;
	uint8_t hash[TALLY_HASH_SIZE];
	struct tally_space *space;
	struct tally_arena arena;
	struct tally_bytes bytes;
	int found = tally_space_of_log(core, ledger_id, &space, err);

	if (found != 1)
		return found;
	tally_arena_init(&arena);
	found = tally_store_read(core->blocks, space->id, block, 0, TALLY_BLOCK_HEADER, &arena,
				 &bytes, err);
	if (found == 1 && tally_block_header_read(bytes, &header, hash, err) != 0)
		found = tally_err_prefix(err, "%s, block %llu", space->name,
					 (unsigned long long)block);
	if (found == 1) {
		*info_r = (struct tally_block_info){
			.block = block,
			.first_journal_id = header.first,
			.last_journal_id = header.first + header.count - 1,
			.timestamp_ms = header.time_ms,
		};
		memcpy(info_r->parent_hash.bytes, header.previous, TALLY_HASH_SIZE);
		memcpy(info_r->hash.bytes, hash, TALLY_HASH_SIZE);
		memcpy(info_r->root.bytes, header.root, TALLY_HASH_SIZE);
	}
	tally_arena_free(&arena);
	return found;
}
