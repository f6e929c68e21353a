/*
 * The index in the audit. Every table of a ledger is read whole, pair by pair and each key once more
 * by itself, and held against the tables that the blocks make: they are projected anew into an index
 * of its own, which is thrown away again. Who finds journals by an index that was tampered with gets
 * fewer of them; this finds which.
 */
#include "config.h"

#include "audit_replay.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "driver.h"

#define IN_MEMORY 200000u		/* journals whose index is made in memory */
#define PAIRS_AT_ONCE 4096
#define BYTES_AT_ONCE ((size_t)1 << 20)
#define SAID_MOST 8u			/* findings of one table */

/* ---- the first blocks of a space, as a store ---- */

struct bounded {
	struct tally_store base;
	struct tally_store *inner;
	uint64_t blocks;
};

static int bounded_last(struct tally_store *store, uint64_t space, uint64_t *count_r,
			struct tally_err *err)
{
	const struct bounded *bounded = (const struct bounded *)store;

	if (tally_store_last(bounded->inner, space, count_r, err) != 0)
		return -1;
	if (*count_r > bounded->blocks)
		*count_r = bounded->blocks;
	return 0;
}

static int bounded_read(struct tally_store *store, uint64_t space, uint64_t number, uint64_t offset,
			uint64_t size, struct tally_arena *arena, struct tally_bytes *bytes_r,
			struct tally_err *err)
{
	return tally_store_read(((struct bounded *)store)->inner, space, number, offset, size, arena,
				bytes_r, err);
}

static void bounded_close(struct tally_store *store)
{
	free(store);
}

static const struct tally_driver bounded_driver = {
	.abi = TALLY_DRIVER_ABI,
	.name = "first blocks",
	.caps = TALLY_CAP_BLOCKS,
	.close = bounded_close,
	.last = bounded_last,
	.read = bounded_read,
};

static struct tally_store *bounded_new(struct tally_store *inner, uint64_t blocks)
{
	struct bounded *bounded = tally_calloc(1, sizeof(*bounded));

	*bounded = (struct bounded){ { &bounded_driver, TALLY_CAP_BLOCKS }, inner, blocks };
	return &bounded->base;
}

/* ---- the recomputed index ---- */

struct remade {
	struct tally_conf *conf;
	struct tally_core *core;
	char directory[4096];		/* "": in memory */
};

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *walk)
{
	(void)st;
	(void)kind;
	(void)walk;
	return remove(path);
}

static void remade_free(struct remade *remade)
{
	tally_core_bare_free(&remade->core);
	if (remade->directory[0] != '\0')
		(void)nftw(remade->directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	tally_conf_free(&remade->conf);
}

/* On disk where there is a driver for that and the ledger is large. */
static int open_index(const struct tally_audit_options *options, uint64_t journals,
		      struct remade *remade, struct tally_store **index_r, struct tally_err *err)
{
	struct tally_store_args args = { .location = "mem:", .conf = remade->conf, .create = true,
					 .index = true };
	const struct tally_driver *driver;
	char location[4200];

	if (journals <= IN_MEMORY ||
	    (tally_driver_find("flatfile", NULL, &driver, err) != 0 &&
	     tally_driver_find("bdb", NULL, &driver, err) != 0))
		return tally_driver_find("mem", NULL, &driver, err) != 0 ?
			       -1 : tally_store_open(driver, &args, index_r, err);
	snprintf(remade->directory, sizeof(remade->directory), "%.4000s/tally-audit-XXXXXX",
		 options->scratch != NULL ? options->scratch : "/var/tmp");
	if (mkdtemp(remade->directory) == NULL) {
		tally_err_errno(err, "%.300s", remade->directory);
		remade->directory[0] = '\0';
		return -1;
	}
	snprintf(location, sizeof(location), "%s/index", remade->directory);
	args.location = location;
	return tally_store_open(driver, &args, index_r, err);
}

static int remake(const struct tally_audit_options *options, const struct tally_audit_ledger *ledger,
		  const struct tally_mark *mark, struct remade *remade, struct tally_err *err)
{
	struct tally_store *index;
	struct tally_space *space;

	remade->conf = tally_conf_new();
	if (open_index(options, ledger->journals, remade, &index, err) != 0)
		return -1;
	if (tally_core_bare(remade->conf, bounded_new(options->blocks, mark->blocks), index,
			    mark->store_id, &remade->core, err) != 0 ||
	    tally_space_need(remade->core, ledger->space, NULL, &space, err) != 0)
		return -1;
	return tally_space_flush(space, err);
}

/* ---- walking over a table ---- */

struct walk {
	struct tally_store *store;
	uint64_t space;
	uint32_t table;
	struct tally_buf pairs;		/* u32 and u32 sizes, key, value */
	size_t count, at;		/* pairs at hand; place of the next one in them */
	struct tally_buf last;		/* key of the last one that was fetched */
	bool ended;
	struct tally_bytes key, value;	/* the current one, where there is one */
	bool there;
};

static int walk_take(void *ctx, struct tally_bytes key, struct tally_bytes value)
{
	struct walk *walk = ctx;

	if (walk->last.size > 0 && tally_bytes_equal(key, tally_buf_bytes(&walk->last)))
		return 0;	/* where the last part ended */
	tally_buf_add_u32(&walk->pairs, (uint32_t)key.size);
	tally_buf_add_u32(&walk->pairs, (uint32_t)value.size);
	tally_buf_add_bytes(&walk->pairs, key);
	tally_buf_add_bytes(&walk->pairs, value);
	return ++walk->count == PAIRS_AT_ONCE || walk->pairs.size >= BYTES_AT_ONCE;
}

static int walk_fill(struct walk *walk, struct tally_err *err)
{
	tally_buf_clear(&walk->pairs);
	walk->count = walk->at = 0;
	if (tally_store_scan(walk->store, walk->space, walk->table, tally_buf_bytes(&walk->last),
			     TALLY_BYTES_NONE, false, walk_take, walk, err) != 0)
		return -1;
	walk->ended = walk->count < PAIRS_AT_ONCE && walk->pairs.size < BYTES_AT_ONCE;
	return 0;
}

/* To the next pair; walk->there is false behind the last one. */
static int walk_next(struct walk *walk, struct tally_err *err)
{
	const uint8_t *at;

	if (walk->at == walk->pairs.size && !walk->ended && walk_fill(walk, err) != 0)
		return -1;
	walk->there = walk->at < walk->pairs.size;
	if (!walk->there)
		return 0;
	at = walk->pairs.data + walk->at;
	walk->key = tally_bytes(at + 8, tally_get_u32(at));
	walk->value = tally_bytes(at + 8 + walk->key.size, tally_get_u32(at + 4));
	walk->at += 8 + walk->key.size + walk->value.size;
	if (walk->at == walk->pairs.size) {
		tally_buf_clear(&walk->last);
		tally_buf_add_bytes(&walk->last, walk->key);
	}
	return 0;
}

static void walk_begin(struct walk *walk, struct tally_store *store, uint64_t space, uint32_t table)
{
	walk->store = store;
	walk->space = space;
	walk->table = table;
	walk->ended = walk->there = false;
	walk->count = walk->at = 0;
	tally_buf_clear(&walk->pairs);
	tally_buf_clear(&walk->last);
}

static void walk_free(struct walk *walk)
{
	tally_buf_free(&walk->pairs);
	tally_buf_free(&walk->last);
}

/* ---- comparing ---- */

struct comparing {
	struct audit *audit;
	struct audit_replay *replay;
	struct tally_audit_ledger *ledger;
	struct tally_store *index;
	struct walk stored, made;
	unsigned int said;
};

/* A key as text where it is one, else in hex; cut. */
static void show_key(struct tally_bytes key, char text[100])
{
	bool plain = true;

	for (size_t i = 0; i < key.size; i++)
		plain = plain && key.data[i] >= ' ' && key.data[i] < 0x7f;
	if (plain)
		snprintf(text, 100, "\"%.*s\"", key.size < 60 ? (int)key.size : 60,
			 (const char *)key.data);
	else
		tally_hex_encode(key.data, key.size < 48 ? key.size : 48, text);
}

static void differs(struct comparing *c, struct tally_bytes key, const char *why)
{
	const struct audit_place place = { .ledger = c->ledger->ledger, .space = c->ledger->space,
					   .has_table = true, .table = c->stored.table };
	char text[100];

	c->ledger->findings++;
	if (c->said++ >= SAID_MOST)
		return;
	show_key(key, text);
	audit_found(c->audit, &place, "index", "key %s %s%s", text, why,
		    c->said == SAID_MOST ? "; further ones are not told" : "");
}

/* An order to erase that was carried out is taken from its table a little later, or was already. */
static bool carried_out(const struct comparing *c, struct tally_bytes key, struct tally_bytes value)
{
	const struct audit_erasures *erasures = audit_replay_erasures(c->replay);
	uint64_t first, count;

	if (c->stored.table != TABLE_ERASE || key.size != 16 || value.size != 10)
		return false;
	/* it leaves values that were in force then, and the replay says what is not erased */
	if (value.data[9] == TYPE_PURGE && c->replay->type == LEDGER_KV)
		return true;
	first = tally_get_u64(key.data + 8);
	count = tally_get_u64(value.data + 1);
	for (uint64_t i = 0; i < count; i++)
		if (audit_erasures_get(erasures, first + i) == 0)
			return false;
	return true;
}

/* The stored pair is found by its key alone too: readers that look for it must meet it. */
static int check_get(struct comparing *c, struct tally_err *err)
{
	struct tally_arena arena;
	struct tally_bytes value;
	int found;

	tally_arena_init(&arena);
	found = tally_store_get(c->index, c->ledger->space, c->stored.table, c->stored.key, &arena,
				&value, err);
	if (found == 0 || (found == 1 && !tally_bytes_equal(value, c->stored.value)))
		differs(c, c->stored.key, "is found in the table, and not by itself");
	tally_arena_free(&arena);
	return found < 0 ? -1 : 0;
}

/* One step of the merge: the lesser key of the two. */
static int compare_pair(struct comparing *c, struct tally_err *err)
{
	int order = !c->stored.there ? 1 :
		    !c->made.there   ? -1 :
				       tally_bytes_compare(c->stored.key, c->made.key);

	if (order < 0)
		differs(c, c->stored.key, "is there, and the blocks do not make it");
	else if (order > 0 && !carried_out(c, c->made.key, c->made.value))
		differs(c, c->made.key, "is not there");
	else if (order == 0 && !tally_bytes_equal(c->stored.value, c->made.value))
		differs(c, c->stored.key, "has another value than the blocks make");
	if (order <= 0) {
		c->ledger->index_pairs++;
		if (check_get(c, err) != 0 || walk_next(&c->stored, err) != 0)
			return -1;
	}
	return order >= 0 ? walk_next(&c->made, err) : 0;
}

/* Damage that the driver finds is a finding; it ends the table. */
static int table_failed(struct comparing *c, const struct tally_err *err)
{
	const struct audit_place place = { .ledger = c->ledger->ledger, .space = c->ledger->space,
					   .has_table = true, .table = c->stored.table };

	if (err->code != TALLY_CORRUPT && err->code != TALLY_UNSUPPORTED)
		return -1;
	c->ledger->findings++;
	audit_found(c->audit, &place, "store", "%s", err->text);
	return 0;
}

static int compare_table(struct comparing *c, struct tally_store *made, uint32_t table,
			 struct tally_err *err)
{
	walk_begin(&c->stored, c->index, c->ledger->space, table);
	walk_begin(&c->made, made, c->ledger->space, table);
	c->said = 0;
	if (walk_next(&c->made, err) != 0)
		return -1;
	if (walk_next(&c->stored, err) != 0)
		return table_failed(c, err);
	while ((c->stored.there || c->made.there) && c->said < SAID_MOST)
		if (compare_pair(c, err) != 0)
			return table_failed(c, err);
	return 0;
}

static int compare_tables(struct comparing *c, struct tally_store *made, struct tally_err *err)
{
	int result = 0;

	for (uint32_t table = 0; result == 0 && table < TALLY_TABLE_MAX; table++)
		result = compare_table(c, made, table, err);
	walk_free(&c->stored);
	walk_free(&c->made);
	return result;
}

/* ---- the mark ---- */

/* 1: the tables are of these blocks, as far as the mark goes; 0: they are not, which was said, or are
 * to be built anew anyway. */
static int check_mark(struct comparing *c, const struct tally_audit_options *options,
		      const struct tally_mark *mark, struct tally_err *err)
{
	const struct audit_place place = { .ledger = c->ledger->ledger, .space = c->ledger->space };
	struct tally_block_header header;
	uint8_t hash[TALLY_HASH_SIZE];
	struct tally_arena arena;
	struct tally_bytes bytes;
	uint64_t count;
	bool fits;

	if (mark->projection != TALLY_PROJECTION_VERSION)
		return 0;
	if (tally_store_last(options->blocks, c->ledger->space, &count, err) != 0)
		return -1;
	if (mark->blocks > count) {
		c->ledger->findings++;
		audit_found(c->audit, &place, "index", "its index has %llu blocks, and %llu are there",
			    (unsigned long long)mark->blocks, (unsigned long long)count);
		return 0;
	}
	tally_arena_init(&arena);
	fits = tally_store_read(options->blocks, c->ledger->space, mark->blocks - 1, 0,
				TALLY_BLOCK_HEADER, &arena, &bytes, err) == 1 &&
	       tally_block_header_read(bytes, &header, hash, err) == 0 &&
	       memcmp(hash, mark->header_hash, TALLY_HASH_SIZE) == 0 &&
	       memcmp(header.store_id, mark->store_id, 16) == 0;
	tally_arena_free(&arena);
	if (fits)
		return 1;
	c->ledger->findings++;
	audit_found(c->audit, &place, "index", "its index was made of another block %llu",
		    (unsigned long long)mark->blocks - 1);
	return 0;
}

static int compare_index(struct comparing *c, const struct tally_audit_options *options,
			 struct tally_err *err)
{
	struct remade remade = { 0 };
	struct tally_mark mark;
	int result;

	if (tally_store_mark(options->index, c->ledger->space, &mark, err) != 0)
		return table_failed(c, err);
	if (mark.blocks == 0)
		return 0;	/* it is made when the store is opened */
	result = check_mark(c, options, &mark, err);
	if (result == 1) {
		result = remake(options, c->ledger, &mark, &remade, err);
		if (result == 0)
			result = compare_tables(c, remade.core->index, err);
		remade_free(&remade);
	}
	return result;
}

int audit_index_compare(struct audit *audit, const struct tally_audit_options *options,
			struct audit_replay *replay, struct tally_err *err)
{
	struct comparing comparing = { .audit = audit, .replay = replay,
				       .ledger = audit_replay_result(replay),
				       .index = options->index };
	struct tally_space *held = NULL;
	int result;

	if (options->core != NULL)
		held = tally_space_hold(options->core, comparing.ledger->space);
	result = compare_index(&comparing, options, err);
	tally_space_release(held);
	return result;
}
