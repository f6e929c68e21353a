/*
 * Erasing: payloads that a journal orders to be removed are zeroed where they stand. The order is
 * the journal; carrying it out is a projection of it, which is repeated until it is confirmed.
 *
 * Such a journal puts a row into TABLE_ERASE. The row stays until every payload it names was found
 * to be zero, so the table is a function of the blocks as they are: a rebuilt index has the rows of
 * what is still to be done, and no others. Nothing is written twice: a payload that is zero already
 * costs a read. A crash between the journal and the zeroing, or between the zeroing and the
 * removal of the row, is made good by whoever opens the store next.
 */
#include "core_private.h"

#include <time.h>

#include "clock.h"

#define ROW_KEY 16
#define ROW_VALUE 10
#define AT_ONCE 256			/* payloads of one block zeroed by one call of the driver */
#define WAIT_FIRST_NS (5u * 1000000000ull)
#define WAIT_MOST_NS (600u * 1000000000ull)
#define HALF_READS 2			/* of a block that shows a payload half zeroed */
#define HALF_READS_HOSTS 8		/* where another host may be at it */

struct order {
	struct tally_bytes key;
	uint64_t journal_id;		/* that ordered it */
	unsigned int type;		/* of that journal */
	uint64_t first, count;
};

/* ---- ordering ---- */

void tally_erase_need(struct tally_projection *projection, uint64_t order, unsigned int type,
		      uint64_t first, uint64_t count)
{
	uint8_t key[ROW_KEY], value[ROW_VALUE];

	if (first >= order || count == 0 || count > order - first)
		return;
	tally_put_u64(key, order);
	tally_put_u64(key + 8, first);
	value[0] = 1;
	tally_put_u64(value + 1, count);
	value[9] = (uint8_t)type;
	tally_overlay_put(projection->overlay, projection->tag, TABLE_ERASE,
			  tally_bytes(key, sizeof(key)), tally_bytes(value, sizeof(value)));
	projection->erases = true;
}

/* What kinds of journals an order reaches: whatever it says, the rest stays. */
bool tally_erase_reaches(unsigned int order, unsigned int type)
{
	switch (order) {
	case TYPE_DELETE_KEY:
		return type == TYPE_CREATE_KEY;
	case TYPE_OCCULT:
		return type == TYPE_CUSTOM || type == TYPE_KV_SET || type == TYPE_DATASHARE;
	case TYPE_PURGE:
		return type < TYPE_CREATE_STORE;
	default:
		return false;
	}
}

/* ---- carrying out ---- */

/* Is the payload in the slot to be zeroed? 1, 0, -1. A purge leaves values that are in force. One that
 * is neither whole nor zero was cut off in the midst of being zeroed. */
static int item_due(const struct tally_view *view, const struct order *order, uint64_t journal_id,
		    const struct tally_record *record, const struct tally_block_entry *entry,
		    struct tally_bytes item, struct tally_err *err)
{
	struct tally_bytes slot;
	struct tally_err why;
	int kept;

	if (!tally_erase_reaches(order->type, record->type) ||
	    tally_block_slot(entry, item, SLOT_PAYLOAD, &slot, &why) == 0)
		return 0;
	if (order->type != TYPE_PURGE)
		return 1;
	kept = tally_value_in_force(view, journal_id, record, order->journal_id, err);
	return kept < 0 ? -1 : kept == 0;
}

/* 1: this item's payload is to be zeroed, at *range_r; 0: it is not, or is zero already. */
static int item_range(const struct tally_view *view, const struct tally_spot *spot,
		      const struct tally_block_entry *entry, const struct order *order,
		      uint64_t journal_id, struct tally_range *range_r, struct tally_err *err)
{
	uint64_t place = tally_block_body_place(spot->count) + entry->place;
	struct tally_record record;
	struct tally_arena arena;
	struct tally_bytes item, slot;
	int result = -1;

	if (entry->size[SLOT_PAYLOAD] == 0)
		return 0;
	tally_arena_init(&arena);
	if (tally_view_read(view, spot->block, place,
			    (uint64_t)entry->size[SLOT_RECORD] + entry->size[SLOT_PAYLOAD], &arena,
			    &item, err) == 0 &&
	    tally_block_slot(entry, item, SLOT_RECORD, &slot, err) >= 0 &&
	    tally_record_decode(slot, &arena, &record, err) == 0)
		result = item_due(view, order, journal_id, &record, entry, item, err);
	*range_r = (struct tally_range){ place + entry->size[SLOT_RECORD],
					 entry->size[SLOT_PAYLOAD] };
	tally_arena_free(&arena);
	return result;
}

/* The order's payloads from journal `at` on, as far as they lie in one block and go in one call. */
static int erase_some(const struct tally_view *view, const struct order *order, uint64_t at,
		      uint64_t *next_r, struct tally_err *err)
{
	struct tally_core *core = view->space->core;
	struct tally_range ranges[AT_ONCE];
	struct tally_block_entry entry;
	struct tally_arena arena;
	struct tally_bytes table;
	struct tally_spot spot;
	uint64_t most = order->first + order->count - at;
	size_t count = 0;
	int result = 0;

	if (tally_view_locate(view, at, &spot, err) != 0)
		return -1;
	most = most < spot.first + spot.count - at ? most : spot.first + spot.count - at;
	most = most < AT_ONCE ? most : AT_ONCE;
	tally_arena_init(&arena);
	result = tally_view_read(view, spot.block,
				 tally_block_table_place((uint32_t)(at - spot.first)),
				 most * TALLY_BLOCK_ENTRY, &arena, &table, err);
	for (uint64_t i = 0; result >= 0 && i < most; i++) {
		tally_block_entry_read(table.data + i * TALLY_BLOCK_ENTRY, &entry);
		result = item_range(view, &spot, &entry, order, at + i, &ranges[count], err);
		count += result == 1;
	}
	if (result >= 0 && count > 0)
		result = tally_store_erase(core->blocks, view->space->id, spot.block, ranges, count,
					   err);
	tally_arena_free(&arena);
	if (result < 0)
		return -1;
	core->stat_erased += count;
	*next_r = at + most;
	return 0;
}

/* Views are taken for one block each: a long order holds up neither flushes nor a rebuild. */
static int erase_order(struct tally_space *space, const struct order *order, struct tally_err *err)
{
	uint64_t at = order->first, end = order->first + order->count;
	struct tally_view view;
	int result = 0;

	while (result == 0 && at < end) {
		if (tally_view_take(space, &view, err) != 0)
			return -1;
		result = erase_some(&view, order, at, &at, err);
		tally_view_drop(&view);
	}
	return result;
}

/* It is all zero: the row goes, in memory now and from the index with the next flush. */
static void confirm(struct tally_space *space, const struct order *order)
{
	struct tally_tag *tag;

	tally_space_lock(space);
	if (space->head != NULL) {
		tag = tally_overlay_tag(space->active, space->head->blocks - 1);
		atomic_store_explicit(&tag->state, TAG_COMMITTED, memory_order_release);
		tally_overlay_remove(space->active, tag, TABLE_ERASE, order->key);
		__atomic_store_n(&space->confirmed, true, __ATOMIC_RELAXED);
	}
	tally_space_unlock(space);
}

/* ---- running ---- */

static int collect_row(void *ctx, struct tally_bytes key, struct tally_bytes value)
{
	if (key.size == ROW_KEY && value.size == ROW_VALUE) {
		tally_buf_add_bytes(ctx, key);
		tally_buf_add_bytes(ctx, value);
	}
	return 0;
}

static struct order order_read(const uint8_t *row)
{
	return (struct order){ .key = { row, ROW_KEY }, .journal_id = tally_get_u64(row),
			       .first = tally_get_u64(row + 8),
			       .count = tally_get_u64(row + ROW_KEY + 1),
			       .type = row[ROW_KEY + 9] };
}

/* Every order is tried, also behind one that failed. */
static int run_orders(struct tally_space *space, struct tally_err *err)
{
	struct tally_buf rows = { 0 };
	struct tally_view view;
	struct tally_err why;
	int result;

	if (tally_view_take(space, &view, err) != 0)
		return err->code == TALLY_NOTFOUND ? 0 : -1;
	result = tally_view_scan(&view, TABLE_ERASE, TALLY_BYTES_NONE, TALLY_BYTES_NONE, false,
				 collect_row, &rows, err);
	tally_view_drop(&view);
	for (size_t at = 0; at < rows.size; at += ROW_KEY + ROW_VALUE) {
		struct order order = order_read(rows.data + at);

		if (erase_order(space, &order, &why) == 0) {
			confirm(space, &order);
		} else {
			*err = why;
			result = tally_err_prefix(err, "erasing journals %llu to %llu of %s",
						  (unsigned long long)order.first,
						  (unsigned long long)(order.first + order.count - 1),
						  space->name);
		}
	}
	tally_buf_free(&rows);
	return result;
}

static bool is_due(const struct tally_space *space)
{
	return __atomic_load_n(&space->erase_due, __ATOMIC_ACQUIRE);
}

/* Due from now on, for whoever commits an order or loads the space. */
void tally_erase_note(struct tally_space *space)
{
	__atomic_store_n(&space->erase_due, true, __ATOMIC_RELEASE);
}

bool tally_erase_pending(const struct tally_space *space)
{
	return is_due(space) || __atomic_load_n(&space->erase_runs, __ATOMIC_ACQUIRE);
}

/* The removal thread comes by every second; what fails is not tried as often. */
static void wait_longer(struct tally_space *space, bool succeeded)
{
	uint64_t wait = space->erase_wait_ns == 0 ? WAIT_FIRST_NS : 2 * space->erase_wait_ns;

	wait = wait < WAIT_MOST_NS ? wait : WAIT_MOST_NS;
	space->erase_wait_ns = succeeded ? 0 : wait;
	__atomic_store_n(&space->erase_again_ns, tally_mono_ns() + space->erase_wait_ns,
			 __ATOMIC_RELAXED);
}

/* Holds space->erase. */
static int run_held(struct tally_space *space, struct tally_err *err)
{
	int result = 0;

	__atomic_store_n(&space->erase_runs, true, __ATOMIC_RELEASE);	/* before it is not due */
	if (__atomic_exchange_n(&space->erase_due, false, __ATOMIC_ACQ_REL)) {
		result = run_orders(space, err);
		if (result != 0)
			tally_erase_note(space);
		wait_longer(space, result == 0);
	}
	__atomic_store_n(&space->erase_runs, false, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&space->erase);
	return result;
}

int tally_erase_run(struct tally_core *core, struct tally_space *space, struct tally_err *err)
{
	if (core->read_only || core->dead)
		return 0;
	pthread_mutex_lock(&space->erase);
	return run_held(space, err);
}

int tally_erase_soon(struct tally_core *core, struct tally_space *space, struct tally_err *err)
{
	if (core->read_only || core->dead || pthread_mutex_trylock(&space->erase) != 0)
		return 0;
	return run_held(space, err);
}

/* ---- reading blocks beside it ---- */

/* Drivers may show a block while some of it is zero already and the rest is not: none is zeroed here. */
static int read_still(struct tally_core *core, uint64_t id, uint64_t block,
		      struct tally_arena *arena, struct tally_bytes *bytes_r, struct tally_err *err)
{
	struct tally_space *space = tally_space_loaded(core, id);
	int found;

	if (space != NULL)
		pthread_mutex_lock(&space->erase);
	found = tally_store_read(core->blocks, id, block, 0, UINT64_MAX, arena, bytes_r, err);
	if (space != NULL)
		pthread_mutex_unlock(&space->erase);
	return found;
}

/* Is a payload neither what was written nor zero? What else is wrong with a block is not its matter. */
static bool half_zeroed(struct tally_bytes bytes)
{
	struct tally_block_header header;
	uint8_t hash[TALLY_HASH_SIZE];
	struct tally_err why;
	bool half = false;

	if (tally_block_header_read(bytes, &header, hash, &why) != 0 ||
	    bytes.size != tally_block_size(&header))
		return false;
	for (uint32_t i = 0; !half && i < header.count; i++) {
		uint64_t body = tally_block_body_place(header.count);
		struct tally_block_entry entry;
		struct tally_bytes slot;

		tally_block_entry_read(bytes.data + tally_block_table_place(i), &entry);
		half = entry.size[SLOT_PAYLOAD] > 0 && entry.place <= bytes.size - body &&
		       tally_block_slot(&entry, tally_bytes(bytes.data + body + entry.place,
							    bytes.size - body - entry.place),
					SLOT_PAYLOAD, &slot, &why) < 0;
	}
	return half;
}

/* What a crash cut off is carried out; where another host is at it, it is given a moment. */
static void finish_half(struct tally_core *core, uint64_t id)
{
	const struct timespec moment = { 0, 10000000 };
	struct tally_space *space;
	struct tally_err why;

	if (!core->read_only && tally_space_find(core, id, &space, &why) == 1)
		(void)tally_erase_run(core, space, &why);	/* what fails stays in its table */
	if (core->hosts)
		nanosleep(&moment, NULL);
}

int tally_erase_read(struct tally_core *core, uint64_t id, uint64_t block,
		     struct tally_arena *arena, struct tally_bytes *bytes_r, struct tally_err *err)
{
	int most = core->hosts ? HALF_READS_HOSTS : HALF_READS, found;

	for (int i = 0;; i++) {
		found = read_still(core, id, block, arena, bytes_r, err);
		if (found != 1 || i + 1 == most || !half_zeroed(*bytes_r))
			return found;
		finish_half(core, id);
	}
}

int tally_erase_spaces(struct tally_core *core, bool everything, struct tally_err *err)
{
	uint64_t now = tally_mono_ns();
	int result = 0;

	for (struct tally_space *space = tally_space_next(core, NULL); space != NULL;
	     space = tally_space_next(core, space))
		if (is_due(space) &&
		    (everything ||
		     now >= __atomic_load_n(&space->erase_again_ns, __ATOMIC_RELAXED)) &&
		    tally_erase_run(core, space, err) != 0)
			result = -1;
	return result;
}
