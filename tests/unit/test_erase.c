/*
 * Erasing: that the secret of a deleted key is zeroed in the end, whatever fails and whenever the
 * program ends; that an order zeroes exactly what it names, once; that the table of orders is a
 * function of the blocks.
 */
#include "core_private.h"

#include <stdlib.h>

#include "audit.h"
#include "index_hash.h"
#include "mem.h"
#include "tap.h"
#include "wrap.h"

#define STORE "mem:erase"

static struct tally_err err;

struct world {
	struct tally_conf *conf;
	struct tally_store *store, *mem;	/* mem: what store wraps, or store itself */
	struct tally_core *core;
	struct tally_first_key first;
	struct tally_arena arena;
};

static bool open_core(struct world *w, bool create, bool wrapped)
{
	struct tally_core_options options = { .short_lived = true };
	struct tally_store_args args = { .location = STORE, .conf = w->conf, .create = create,
					 .blocks = true, .index = true };
	const struct tally_driver *driver;

	options.conf = w->conf;
	if (tally_driver_find("mem", NULL, &driver, &err) != 0 ||
	    tally_store_open(driver, &args, &w->mem, &err) != 0) {
		FAIL("open: %s", err.text);
		return false;
	}
	w->store = wrapped ? tally_wrap_fail(w->mem, 0, TALLY_FAULT_IO) : w->mem;
	if (tally_core_open_on(&options, w->store, w->store, create ? &w->first : NULL, &w->core,
			       &err) != 0) {
		FAIL("core: %s", err.text);
		return false;
	}
	return true;
}

static bool begin(struct world *w, bool wrapped)
{
	memset(w, 0, sizeof(*w));
	w->conf = tally_conf_new();
	return open_core(w, true, wrapped);
}

static void end(struct world *w)
{
	tally_core_close(&w->core);
	tally_arena_free(&w->arena);
	tally_conf_free(&w->conf);
	tally_mem_forget(strchr(STORE, ':') + 1);
}

static struct tally_write write_of(const struct world *w)
{
	return (struct tally_write){ .caller = { .account = w->first.account } };
}

/* Payload slots of a space: how many there are, and how many are not zero from end to end. */
struct slots {
	unsigned int all, left;
};

static void count_block(struct tally_bytes block, struct slots *slots)
{
	struct tally_block_header header;
	uint8_t hash[TALLY_HASH_SIZE];

	REQUIRE(tally_block_header_read(block, &header, hash, &err) == 0);
	for (uint32_t i = 0; i < header.count; i++) {
		const uint8_t *body = block.data + tally_block_body_place(header.count);
		struct tally_block_entry entry;
		bool some = false;

		tally_block_entry_read(block.data + tally_block_table_place(i), &entry);
		for (uint32_t k = 0; k < entry.size[SLOT_PAYLOAD]; k++)
			some = some || body[entry.place + entry.size[SLOT_RECORD] + k] != 0;
		slots->all += entry.size[SLOT_PAYLOAD] > 0;
		slots->left += some;
	}
}

static struct slots slots_of(struct world *w, uint64_t space)
{
	struct slots slots = { 0, 0 };
	struct tally_bytes block;

	for (uint64_t n = 0; tally_core_block_read(w->core, space, n, &w->arena, &block, &err) == 1;
	     n++)
		count_block(block, &slots);
	return slots;
}

/* ---- the table ---- */

static int count_row(void *ctx, struct tally_bytes key, struct tally_bytes value)
{
	(void)key;
	(void)value;
	++*(size_t *)ctx;
	return 0;
}

/* Rows in the index itself. */
static size_t rows(struct world *w, uint64_t space)
{
	size_t count = 0;

	CHECK_OK(tally_store_scan(w->store, space, TABLE_ERASE, TALLY_BYTES_NONE, TALLY_BYTES_NONE,
				  false, count_row, &count, &err));
	return count;
}

/* The index as it is, and made anew: the same, with so many rows of orders. */
static void check_rebuilt(struct world *w, size_t orders)
{
	uint8_t before[TALLY_HASH_SIZE], after[TALLY_HASH_SIZE];

	CHECK_OK(index_hash(w->core, TALLY_SYSTEM_SPACE, before, &err));
	CHECK_INT(rows(w, TALLY_SYSTEM_SPACE), orders);
	CHECK_OK(tally_core_rebuild(w->core, TALLY_BYTES_NONE, NULL, NULL, &err));
	CHECK_OK(index_hash(w->core, TALLY_SYSTEM_SPACE, after, &err));
	CHECK_MEM(after, before, sizeof(before));
	CHECK_INT(rows(w, TALLY_SYSTEM_SPACE), orders);
}

/* ---- the secret of a deleted key ---- */

static void a_secret_that_could_not_be_erased_is_erased_later(void)
{
	struct tally_first_key key;
	struct tally_write write;
	struct tally_access_key found;
	struct slots slots;
	struct world w;

	REQUIRE(begin(&w, false));
	write = write_of(&w);
	CHECK_OK(tally_key_create(w.core, &write, w.first.account, &key, &err));
	tally_mem_refuse_erase(w.mem, true);
	CHECK_OK(tally_key_delete(w.core, &write, tally_bytes_str(key.key_id), &err));
	CHECK_INT(tally_key_find(w.core, tally_bytes_str(key.key_id), &found, NULL, &err), 0);
	slots = slots_of(&w, TALLY_SYSTEM_SPACE);
	CHECK_INT(slots.all, 3);	/* the service key, the first key, this key */
	CHECK_INT(slots.left, 3);
	CHECK_FAILS(tally_core_maintain(w.core, &err), TALLY_IO);
	CHECK(strstr(err.text, "erasing journals 3 to 3 of system") != NULL);
	check_rebuilt(&w, 1);
	tally_core_close(&w.core);

	CASE("opened again");
	REQUIRE(open_core(&w, false, false));
	CHECK_INT(slots_of(&w, TALLY_SYSTEM_SPACE).left, 3);
	CHECK_OK(tally_core_maintain(w.core, &err));
	CHECK_INT(slots_of(&w, TALLY_SYSTEM_SPACE).left, 2);
	CHECK_INT(tally_mem_refuse_erase(w.mem, false), 1);
	CHECK_INT(rows(&w, TALLY_SYSTEM_SPACE), 0);
	check_rebuilt(&w, 0);
	CHECK_INT(tally_mem_refuse_erase(w.mem, false), 1);
	CHECK_OK(tally_core_check(w.core, TALLY_BYTES_NONE, NULL, NULL, &err));
	end(&w);
}

/* Of a process that ends behind the journal, the next one that opens the store erases; with the
 * order still in the blocks behind the mark, or in the index. */
static void whoever_comes_next_erases(void)
{
	struct tally_first_key key;
	struct tally_write write;
	struct world w;

	for (int flushed = 0; flushed < 2; flushed++) {
		CASE("%s", flushed != 0 ? "in the index" : "behind the mark");
		REQUIRE(begin(&w, false));
		write = write_of(&w);
		CHECK_OK(tally_key_create(w.core, &write, w.first.account, &key, &err));
		tally_mem_refuse_erase(w.mem, true);
		CHECK_OK(tally_key_delete(w.core, &write, tally_bytes_str(key.key_id), &err));
		if (flushed != 0)
			CHECK_FAILS(tally_core_maintain(w.core, &err), TALLY_IO);
		tally_core_close(&w.core);
		REQUIRE(open_core(&w, false, false));
		tally_core_close(&w.core);
		REQUIRE(open_core(&w, false, false));
		CHECK_INT(slots_of(&w, TALLY_SYSTEM_SPACE).left, 2);
		check_rebuilt(&w, 0);
		end(&w);
	}
}

/* One call of the driver fails, each in turn; afterwards the store is opened once. */
static void every_call_may_fail(void)
{
	struct tally_access_key found;
	struct tally_first_key key;
	struct tally_write write;
	struct world w;
	bool reached = true;
	int deleted = 0;

	for (uint64_t nth = 1; reached && !tap.bad; nth++) {
		CASE("call %" PRIu64, nth);
		REQUIRE(begin(&w, true));
		write = write_of(&w);
		CHECK_OK(tally_key_create(w.core, &write, w.first.account, &key, &err));
		tally_wrap_fail_at(w.store, nth, TALLY_FAULT_IO);
		(void)tally_key_delete(w.core, &write, tally_bytes_str(key.key_id), &err);
		(void)tally_core_maintain(w.core, &err);
		reached = tally_wrap_fail_at(w.store, 0, TALLY_FAULT_IO) >= nth;
		tally_core_close(&w.core);
		REQUIRE(open_core(&w, false, false));
		tally_core_close(&w.core);
		REQUIRE(open_core(&w, false, false));
		if (tally_key_find(w.core, tally_bytes_str(key.key_id), &found, NULL, &err) == 0) {
			CHECK_INT(slots_of(&w, TALLY_SYSTEM_SPACE).left, 2);
			deleted++;
		} else {
			CHECK_INT(slots_of(&w, TALLY_SYSTEM_SPACE).left, 3);
		}
		check_rebuilt(&w, 0);
		end(&w);
	}
	CHECK(deleted > 5);
}

/* ---- orders over many journals ---- */

struct ledger {
	struct world w;
	struct tally_space *space;
};

static bool ledger_begin(struct ledger *l, size_t batches, size_t batch)
{
	struct tally_ledger_create create = { .name = TALLY_BYTES_LIT("ledger"),
					      .removal_policy = REMOVAL_ADMIN };
	struct tally_append_result *results = tally_calloc(batch, sizeof(*results));
	struct tally_entry *entries = tally_calloc(batch, sizeof(*entries));
	struct tally_ledger_created created;
	struct tally_write write;
	bool good = begin(&l->w, false);

	write = write_of(&l->w);
	good = good && tally_ledger_create(l->w.core, &write, &create, &created, &err) == 0;
	for (size_t i = 0; i < batch; i++)
		entries[i].payload = TALLY_BYTES_LIT("a payload");
	for (size_t i = 0; good && i < batches; i++)
		good = tally_append(l->w.core, &write, tally_bytes_str(created.ledger_id), entries,
				    batch, true, results, &err) == 0;
	good = good && tally_space_of_ledger(l->w.core, tally_bytes_str(created.ledger_id),
					     &l->space, &err) == 1;
	free(results);
	free(entries);
	if (!good)
		FAIL("ledger: %s", err.text);
	return good;
}

/* As a journal of that number and type would order it. */
static void order(struct ledger *l, uint64_t number, unsigned int type, uint64_t first,
		  uint64_t count)
{
	struct tally_tag *tag = tally_overlay_tag(l->space->active, l->space->head->blocks - 1);
	struct tally_projection projection = { .space = l->space, .overlay = l->space->active,
					       .tag = tag };

	tally_erase_need(&projection, number, type, first, count);
	tag->state = TAG_COMMITTED;
	if (projection.erases)
		tally_erase_note(l->space);
}

static void an_order_zeroes_what_it_names(void)
{
	static const struct {
		unsigned int type;
		uint64_t first, count;
		unsigned int zeroed, calls;
	} rows[] = {
		{ TYPE_PURGE, 5, 1, 1, 1 },
		{ TYPE_PURGE, 5, 1, 0, 0 },		/* zero already */
		{ TYPE_OCCULT, 7, 1, 1, 1 },
		{ TYPE_PURGE, 0, 11, 8, 1 },		/* the rest of the first 10 of block 1 */
		{ TYPE_PURGE, 600, 2, 2, 2 },		/* across two blocks */
		{ TYPE_PURGE, 1, 600, 589, 3 },		/* more than one call takes */
		{ TYPE_DELETE_KEY, 1300, 1, 0, 0 },	/* reaches no such journal */
		{ TYPE_CUSTOM, 1301, 1, 0, 0 },		/* is no order */
		{ TYPE_PURGE, 1799, 1, 1, 1 },
		{ TYPE_PURGE, 1800, 1, 0, 0 },		/* the order itself, */
		{ TYPE_PURGE, 1700, 101, 0, 0 },	/* and ranges with it, order nothing */
		{ TYPE_PURGE, UINT64_MAX, 1, 0, 0 },
		{ TYPE_PURGE, 1700, UINT64_MAX, 0, 0 },
		{ TYPE_PURGE, 1700, 0, 0, 0 },
	};
	unsigned int left = 1800;
	uint64_t calls = 0;
	struct ledger l;

	REQUIRE(ledger_begin(&l, 3, 600));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct slots slots;

		CASE("row %zu", i);
		order(&l, 1800, rows[i].type, rows[i].first, rows[i].count);
		CHECK_OK(tally_erase_run(l.w.core, l.space, &err));
		slots = slots_of(&l.w, l.space->id);
		CHECK_INT(slots.all, 1800);
		CHECK_INT(slots.left, left - rows[i].zeroed);
		left = slots.left;
		CHECK_INT(tally_mem_refuse_erase(l.w.mem, false) - calls, rows[i].calls);
		calls = tally_mem_refuse_erase(l.w.mem, false);
	}
	CHECK_OK(tally_core_maintain(l.w.core, &err));
	CHECK_INT(tally_mem_refuse_erase(l.w.mem, false), calls);
	/* these orders stand in no journal, and a check knows no others */
	CHECK_FAILS(tally_core_check(l.w.core, TALLY_BYTES_NONE, NULL, NULL, &err), TALLY_CORRUPT);
	CHECK(strstr(err.text, "journal 1: its payload is zero, and no journal orders that") != NULL);
	end(&l.w);
}

/* Journal 2's payload, all but its last three bytes: as a crash in the midst of zeroing leaves it. */
static void half_zero(struct ledger *l)
{
	struct tally_block_header header = { .count = 0 };
	struct tally_block_entry entry;
	uint8_t hash[TALLY_HASH_SIZE];
	struct tally_range range;
	struct tally_bytes block;

	CHECK_INT(tally_core_block_read(l->w.core, l->space->id, 1, &l->w.arena, &block, &err), 1);
	CHECK_OK(tally_block_header_read(block, &header, hash, &err));
	tally_block_entry_read(block.data + tally_block_table_place(1), &entry);
	range.offset = tally_block_body_place(header.count) + entry.place + entry.size[SLOT_RECORD];
	range.size = entry.size[SLOT_PAYLOAD] - 3;
	CHECK_OK(tally_store_erase(l->w.store, l->space->id, 1, &range, 1, &err));
}

/* A crash in the midst of zeroing leaves each byte old or zero. */
static void a_payload_half_zeroed_is_finished(void)
{
	struct ledger l;

	REQUIRE(ledger_begin(&l, 1, 3));
	half_zero(&l);
	CHECK_INT(slots_of(&l.w, l.space->id).left, 3);
	order(&l, 3, TYPE_PURGE, 2, 1);
	CHECK_OK(tally_erase_run(l.w.core, l.space, &err));
	CHECK_INT(slots_of(&l.w, l.space->id).left, 2);
	end(&l.w);
}

/* As far as it was given to the driver: each of the payloads is whole or zero. */
static int read_block(struct ledger *l, uint64_t space)
{
	struct tally_bytes block;

	if (tally_core_block_read(l->w.core, space, 1, &l->w.arena, &block, &err) != 1)
		return -1;
	return tally_block_check_payloads(block, NULL, &err);
}

/* Who reads whole blocks, as a dump does, is shown no half zeroed payload: what was cut off is finished
 * first, also where nobody has looked at the ledger yet. One that no journal orders is damage, and shown. */
static void a_block_is_read_whole(void)
{
	for (int reopened = 0; reopened < 2; reopened++) {
		struct tally_write write;
		struct ledger l;
		uint64_t space;

		CASE("%s", reopened ? "the ledger is not loaded" : "it is");
		REQUIRE(ledger_begin(&l, 1, 3));
		space = l.space->id;
		half_zero(&l);
		CHECK_FAILS(read_block(&l, space), TALLY_CORRUPT);
		write = write_of(&l.w);
		tally_mem_refuse_erase(l.w.mem, true);
		CHECK_OK(tally_journal_occult(l.w.core, &write, tally_bytes_str(l.space->name), 2,
					      TALLY_BYTES_NONE, NULL, &err));
		CHECK_FAILS(read_block(&l, space), TALLY_CORRUPT);
		if (reopened) {
			tally_core_close(&l.w.core);
			REQUIRE(open_core(&l.w, false, false));
			CHECK(tally_space_loaded(l.w.core, space) == NULL);
		} else {
			tally_mem_refuse_erase(l.w.mem, false);
		}
		CHECK_OK(read_block(&l, space));
		CHECK_INT(slots_of(&l.w, space).left, 2);
		end(&l.w);
	}
}

static int count_finding(void *ctx, const struct tally_audit_finding *finding)
{
	(void)finding;
	++*(unsigned int *)ctx;
	return 0;
}

static unsigned int findings(struct ledger *l, struct tally_core *core)
{
	unsigned int count = 0;
	struct tally_audit_options options = { .only = l->space->name, .threads = 1, .core = core,
					       .found = count_finding, .ctx = &count };
	struct tally_audit_source source;

	CHECK_OK(tally_audit_store_open(l->w.store, core, &source, &err));
	CHECK_OK(tally_audit(&options, &source, &err));
	tally_audit_store_free(&source);
	return count;
}

/* An audit of a store in use, too. */
static void an_audit_is_shown_no_half(void)
{
	struct tally_write write;
	struct ledger l;

	REQUIRE(ledger_begin(&l, 1, 3));
	half_zero(&l);
	write = write_of(&l.w);
	tally_mem_refuse_erase(l.w.mem, true);
	CHECK_OK(tally_journal_occult(l.w.core, &write, tally_bytes_str(l.space->name), 2,
				      TALLY_BYTES_NONE, NULL, &err));
	CASE("where nobody can finish it");
	CHECK_INT(findings(&l, NULL), 1);
	CHECK_INT(findings(&l, l.w.core), 1);
	tally_mem_refuse_erase(l.w.mem, false);
	CASE("where the core does");
	CHECK_INT(findings(&l, l.w.core), 0);
	CHECK_INT(findings(&l, NULL), 0);
	end(&l.w);
}

/* An order that fails holds up no other, and is told by its place. */
static void one_that_fails_holds_up_no_other(void)
{
	struct ledger l;

	REQUIRE(ledger_begin(&l, 2, 3));
	order(&l, 6, TYPE_PURGE, 1, 1);
	order(&l, 6, TYPE_PURGE, 5, 1);
	tally_mem_refuse_erase(l.w.mem, true);
	CHECK_FAILS(tally_erase_run(l.w.core, l.space, &err), TALLY_IO);
	CHECK_FAILS(tally_erase_run(l.w.core, l.space, &err), TALLY_IO);
	CHECK_OK(tally_erase_spaces(l.w.core, false, &err));	/* not before its time */
	CHECK_FAILS(tally_erase_spaces(l.w.core, true, &err), TALLY_IO);
	tally_mem_refuse_erase(l.w.mem, false);
	CHECK_OK(tally_erase_spaces(l.w.core, true, &err));
	CHECK_INT(slots_of(&l.w, l.space->id).left, 4);
	end(&l.w);
}

int main(void)
{
	TEST(a_secret_that_could_not_be_erased_is_erased_later);
	TEST(whoever_comes_next_erases);
	TEST(every_call_may_fail);
	TEST(an_order_zeroes_what_it_names);
	TEST(a_payload_half_zeroed_is_finished);
	TEST(a_block_is_read_whole);
	TEST(an_audit_is_shown_no_half);
	TEST(one_that_fails_holds_up_no_other);
	return tap_done();
}
