/*
 * tamper_share DRIVER FROM TO LEDGER CHANGE: a copy of a store that nobody has open, with one change in
 * the second stage of the first sharing process of a ledger, as who has the store's tools could make it:
 *
 *   journal   it has another consumer; checksums fit, hashes do not
 *   roots     the same, and all hashes and the chain of blocks are made anew; the index is to be rebuilt
 *   order     it changes places with the third, hashes made anew
 *   content   it has another name
 *   lineage   the index says nothing of it under its clue
 *   row       the index says another consumer
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "forge.h"
#include "log.h"
#include "space.h"
#include "tables.h"

struct tampering {
	struct tally_store *from, *to;
	struct forge forge;
	uint64_t second, third;		/* stages, by their journals */
	struct tally_err err;
};

static int fail(struct tampering *t, const char *what)
{
	fprintf(stderr, "%s: %s\n", what, t->err.text);
	return -1;
}

/* ---- the stages ---- */

static uint64_t next_append(struct tampering *t, uint64_t from)
{
	uint64_t at = from;

	while ((at = forge_find(&t->forge, TYPE_DATASHARE, at)) != UINT64_MAX) {
		struct tally_field *op = forge_field(&t->forge, at, "op");

		if (op != NULL && tally_bytes_is(op->text, "share-dataset-append"))
			break;
		at++;
	}
	return at;
}

/* Another last letter: neither a checksum of it nor a registry of it exists. */
static struct tally_bytes another(struct tampering *t, struct tally_bytes text)
{
	uint8_t *copy = tally_arena_copy(&t->forge.arena, text.data, text.size);

	copy[text.size - 1] = copy[text.size - 1] == 'X' ? 'Y' : 'X';
	return tally_bytes(copy, text.size);
}

static void another_consumer(struct tampering *t)
{
	struct tally_field *consumer = forge_field(&t->forge, t->second, "consumer");

	consumer->text = another(t, consumer->text);
}

static int another_name(struct tampering *t)
{
	struct forged_journal *journal = forge_journal(&t->forge, t->second, NULL);
	const uint8_t *name = memmem(journal->payload.data, journal->payload.size, "\"stageName\":\"", 13);
	uint8_t *copy;

	if (name == NULL)
		return fail(t, "the stage has no name");
	copy = tally_arena_copy(&t->forge.arena, journal->payload.data, journal->payload.size);
	copy[name - journal->payload.data + 13] ^= 1;
	journal->payload.data = copy;
	return 0;
}

/* ---- rows ---- */

struct finding {
	struct tampering *t;
	struct tally_change change;
	bool found;
};

static int each_row(void *ctx, struct tally_bytes key, struct tally_bytes value)
{
	struct finding *finding = ctx;
	struct tally_arena *arena = &finding->t->forge.arena;

	if (finding->change.remove ? key.size < 14 || memcmp(key.data + 6, "process ", 8) != 0 ||
					     tally_posting_journal(key) != finding->t->second :
				     key.size < 9 || tally_get_u64(key.data + key.size - 8) !=
							     finding->t->second)
		return 0;
	finding->found = true;
	finding->change.key = tally_arena_bytes(arena, key);
	finding->change.value = tally_arena_bytes(arena, value);
	return 1;
}

static int change_row(struct tampering *t, uint32_t table)
{
	struct finding finding = { .t = t, .change = { .table = table, .remove = table == TABLE_CLUE } };
	struct tally_mark mark;
	uint8_t *value;

	if (tally_store_scan(t->to, t->forge.space, table, TALLY_BYTES_NONE, TALLY_BYTES_NONE, false,
			     each_row, &finding, &t->err) < 0 || !finding.found)
		return fail(t, "there is no such row");
	if (table == TABLE_STAGE) {	/* u8 version, u64 time, u8 size, consumer ... */
		value = (uint8_t *)finding.change.value.data;
		value[9 + value[9]] ^= 1;
	}
	if (tally_store_mark(t->to, t->forge.space, &mark, &t->err) != 0 ||
	    tally_store_apply(t->to, t->forge.space, &mark, &mark, &finding.change, 1, &t->err) != 0)
		return fail(t, "changing a row");
	return 0;
}

/* ---- the copy ---- */

static int tamper(struct tampering *t, const char *what)
{
	bool anew = strcmp(what, "roots") == 0 || strcmp(what, "order") == 0;
	bool row = strcmp(what, "row") == 0 || strcmp(what, "lineage") == 0;
	const struct tally_bytes *blocks;

	t->second = next_append(t, 0);
	t->third = t->second == UINT64_MAX ? UINT64_MAX : next_append(t, t->second + 1);
	if (t->third == UINT64_MAX)
		return fail(t, "there is no process of three stages");
	if (strcmp(what, "journal") == 0 || strcmp(what, "roots") == 0)
		another_consumer(t);
	else if (strcmp(what, "order") == 0)
		forge_swap_journals(&t->forge, t->second, t->third);
	else if (strcmp(what, "content") == 0 ? another_name(t) != 0 : !row)
		return fail(t, "no such change");
	blocks = forge_blocks(&t->forge, anew ? 0 : t->forge.count, NULL, NULL);
	if (forge_copy(t->from, t->to, &t->forge, blocks, !anew, &t->err) != 0)
		return fail(t, "copying");
	return row ? change_row(t, strcmp(what, "row") == 0 ? TABLE_STAGE : TABLE_CLUE) : 0;
}

static struct tally_store *open_store(struct tampering *t, struct tally_conf *conf, const char *driver,
				      const char *location, bool create)
{
	struct tally_store_args args = { .location = location, .conf = conf, .create = create,
					 .blocks = true, .index = true };
	const struct tally_driver *found;
	struct tally_store *store = NULL;

	if (tally_driver_find(driver, NULL, &found, &t->err) != 0 ||
	    tally_store_open(found, &args, &store, &t->err) != 0)
		fail(t, location);
	return store;
}

int main(int argc, char **argv)
{
	struct tampering t = { .err = { 0 } };
	struct tally_conf *conf = tally_conf_new();
	uint8_t space[8];
	int result = -1;

	if (argc != 6 || tally_log_open(TALLY_LOG_WARN, NULL, &t.err) != 0 || strlen(argv[4]) < 18 ||
	    !tally_hex_decode(tally_bytes(argv[4] + 2, 16), space, 8))
		return 2;
	t.from = open_store(&t, conf, argv[1], argv[2], false);
	t.to = open_store(&t, conf, argv[1], argv[3], true);
	if (t.from != NULL && t.to != NULL &&
	    forge_read(t.from, tally_get_u64(space), &t.forge, &t.err) == 0)
		result = tamper(&t, argv[5]);
	forge_free(&t.forge);
	tally_store_close(&t.from);
	tally_store_close(&t.to);
	tally_conf_free(&conf);
	return result != 0;
}
