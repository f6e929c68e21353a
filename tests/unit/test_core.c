/*
 * The ledger core over the mem driver: what callers see of it, with the changes still in the
 * overlay, with them in the index, and after everything was rebuilt.
 */
#include "core.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "clock.h"
#include "conf.h"
#include "core_private.h"
#include "index_hash.h"
#include "mem.h"
#include "note.h"
#include "store.h"
#include "tap.h"

/* One open core with one account and one ledger. */
struct world {
	struct tally_conf *conf;
	struct tally_store *blocks, *index;	/* the core's; for misbehaving */
	struct tally_core *core;
	struct tally_first_key first;
	struct tally_ledger_created ledger;
	struct tally_arena arena;
};

static struct tally_err err;

static struct tally_write write_of(const struct world *w)
{
	return (struct tally_write){ .caller = { .account = w->first.account } };
}

static struct tally_bytes id_of(const struct world *w)
{
	return tally_bytes_str(w->ledger.ledger_id);
}

static struct tally_store *mem_open(struct world *w, const char *name, bool create)
{
	struct tally_store_args args = { .location = name, .conf = w->conf, .create = create,
					 .blocks = true, .index = true };
	const struct tally_driver *driver;
	struct tally_store *store = NULL;

	if (tally_driver_find("mem", NULL, &driver, &err) != 0 ||
	    tally_store_open(driver, &args, &store, &err) != 0)
		FAIL("mem: %s", err.text);
	return store;
}

static bool open_core(struct world *w, const char *name, bool create, bool short_lived)
{
	struct tally_core_options options = { .short_lived = short_lived };

	options.conf = w->conf;
	w->blocks = w->index = mem_open(w, name, create);
	if (w->blocks == NULL ||
	    tally_core_open_on(&options, w->blocks, w->index, create ? &w->first : NULL, &w->core,
			       &err) != 0) {
		FAIL("open: %s", err.text);
		return false;
	}
	return true;
}

static bool create_ledger(struct world *w, const char *name)
{
	struct tally_ledger_create create = { .name = tally_bytes_str(name) };
	struct tally_write write = write_of(w);

	if (tally_ledger_create(w->core, &write, &create, &w->ledger, &err) != 0) {
		FAIL("create: %s", err.text);
		return false;
	}
	return true;
}

static bool begin(struct world *w, const char *name, bool short_lived)
{
	memset(w, 0, sizeof(*w));
	w->conf = tally_conf_new();
	tally_conf_override(w->conf, "ledger", "state_journals", "0");	/* journals are counted */
	return open_core(w, name, true, short_lived) && create_ledger(w, "Ledger 1");
}

static void end(struct world *w, const char *name)
{
	tally_core_close(&w->core);
	tally_arena_free(&w->arena);
	tally_conf_free(&w->conf);
	tally_mem_forget(strchr(name, ':') + 1);
}

static int append_text(struct world *w, const char *text, const char *clue, const char *token,
		       struct tally_append_result *result)
{
	struct tally_bytes clues[1] = { tally_bytes_str(clue) };
	struct tally_entry entry = { .payload = tally_bytes_str(text), .clues = clues,
				     .clue_count = clue != NULL };
	struct tally_write write = write_of(w);

	write.token = tally_bytes_str(token);
	return tally_append(w->core, &write, id_of(w), &entry, 1, true, result, &err);
}

/* ---- the ledger itself ---- */

static void a_new_ledger_has_its_owner_in_journal_0(void)
{
	struct tally_ledger_info info;
	struct tally_journal journal;
	struct world w;

	REQUIRE(begin(&w, "mem:new", true));
	CHECK_INT(tally_ledger_describe(w.core, id_of(&w), &w.arena, &info, &err), 1);
	CHECK_BYTES(info.name, TALLY_BYTES_LIT("Ledger 1"));
	CHECK_INT(info.journal_count, 1);
	CHECK_INT(info.member_count, 1);
	CHECK_INT(info.owner, w.first.account);
	CHECK_INT(info.status, LEDGER_NORMAL);
	CHECK_INT(tally_journal_get(w.core, id_of(&w), 0, &w.arena, &journal, &err), 1);
	CHECK_STR(journal.payload_type, "CREATE_LEDGER");
	CHECK_BYTES(journal.member_id, tally_bytes_str(w.ledger.member_id));
	CHECK(journal.is_data);
	CHECK(strstr((const char *)journal.payload.data, "\"name\":\"Ledger 1\"") != NULL);
	CHECK_INT(tally_journal_get(w.core, id_of(&w), 1, &w.arena, &journal, &err), 0);
	end(&w, "mem:new");
}

static void ids_have_their_forms(void)
{
	struct world w;

	REQUIRE(begin(&w, "mem:ids", true));
	CHECK_INT(strlen(w.ledger.ledger_id), TALLY_LEDGER_ID_SIZE);
	CHECK_INT(strspn(w.ledger.ledger_id + 2, "0123456789abcdef"), 25);
	CHECK_INT(strlen(w.ledger.member_id), TALLY_MEMBER_ID_SIZE);
	CHECK(strncmp(w.first.key_id, "LTAI", 4) == 0);
	CHECK_INT(strlen(w.first.secret), 30);
	end(&w, "mem:ids");
}

static void strangers_see_nothing(void)
{
	struct tally_caller stranger = { .account = 4711 }, nobody = { 0 };
	struct tally_ledger_change change = { .set_public_read = true, .public_read = true };
	struct tally_write write;
	struct world w;

	REQUIRE(begin(&w, "mem:strangers", true));
	CHECK_FAILS(tally_authorise(w.core, &stranger, id_of(&w), PERM_VIEW_JOURNAL, &err),
		    TALLY_NOTFOUND);
	CHECK_FAILS(tally_authorise(w.core, &nobody, id_of(&w), PERM_VIEW_LEDGER, &err),
		    TALLY_NOTFOUND);
	write = write_of(&w);
	CHECK_OK(tally_ledger_modify(w.core, &write, id_of(&w), &change, &err));
	CHECK_OK(tally_authorise(w.core, &nobody, id_of(&w), PERM_VIEW_JOURNAL, &err));
	CHECK_FAILS(tally_authorise(w.core, &stranger, id_of(&w), PERM_APPEND, &err),
		    TALLY_DENIED);
	CHECK_FAILS(tally_authorise(w.core, &nobody, id_of(&w), PERM_UPDATE_LEDGER, &err),
		    TALLY_DENIED);
	end(&w, "mem:strangers");
}

static void a_deleted_ledger_is_gone_but_described(void)
{
	struct tally_append_result result;
	struct tally_ledger_info info, *infos;
	struct tally_journal journal;
	struct tally_caller caller;
	struct tally_write write;
	struct world w;
	size_t count;
	bool more;

	REQUIRE(begin(&w, "mem:deleted", true));
	write = write_of(&w);
	caller = write.caller;
	CHECK_OK(tally_ledger_list(w.core, &caller, TALLY_BYTES_NONE, 10, &w.arena, &infos, &count,
				   &more, &err));
	CHECK_INT(count, 1);
	CHECK_OK(tally_ledger_delete(w.core, &write, id_of(&w), &err));
	CHECK_INT(tally_ledger_describe(w.core, id_of(&w), &w.arena, &info, &err), 1);
	CHECK_INT(info.status, LEDGER_DELETED);
	CHECK_OK(tally_authorise(w.core, &caller, id_of(&w), PERM_VIEW_LEDGER, &err));
	CHECK_FAILS(tally_authorise(w.core, &caller, id_of(&w), PERM_VIEW_JOURNAL, &err),
		    TALLY_NOTFOUND);
	caller.account++;
	CHECK_FAILS(tally_authorise(w.core, &caller, id_of(&w), PERM_VIEW_LEDGER, &err),
		    TALLY_NOTFOUND);
	caller.account--;
	CHECK_INT(tally_journal_get(w.core, id_of(&w), 0, &w.arena, &journal, &err), 0);
	CHECK_FAILS(append_text(&w, "x", NULL, NULL, &result), TALLY_NOTFOUND);
	CHECK_OK(tally_ledger_list(w.core, &caller, TALLY_BYTES_NONE, 10, &w.arena, &infos, &count,
				   &more, &err));
	CHECK_INT(count, 0);
	end(&w, "mem:deleted");
}

static void ledgers_are_listed_in_pages(void)
{
	struct tally_ledger_info *infos;
	struct tally_bytes after = TALLY_BYTES_NONE;
	struct tally_caller caller;
	struct world w;
	size_t count, seen = 0;
	char last[32] = "";
	bool more = true;

	REQUIRE(begin(&w, "mem:pages", true));
	for (int i = 0; i < 24; i++)
		REQUIRE(create_ledger(&w, "another"));
	caller = write_of(&w).caller;
	while (more) {
		CHECK_OK(tally_ledger_list(w.core, &caller, after, 7, &w.arena, &infos, &count,
					   &more, &err));
		REQUIRE(count > 0);
		for (size_t i = 0; i < count; i++) {
			CHECK(strcmp(last, infos[i].id) < 0);
			memcpy(last, infos[i].id, sizeof(infos[i].id));
		}
		seen += count;
		after = tally_bytes_str(last);
	}
	CHECK_INT(seen, 25);
	end(&w, "mem:pages");
}

/* ---- appending and reading ---- */

static void check_tree(struct world *w)
{
	struct tally_frontier frontier;
	struct tally_ledger_info info;
	struct tally_hash root, leaf;

	tally_frontier_init(&frontier);
	CHECK_INT(tally_ledger_describe(w->core, id_of(w), &w->arena, &info, &err), 1);
	for (uint64_t i = 0; i < info.journal_count; i++) {
		struct tally_journal journal;

		CHECK_INT(tally_journal_get(w->core, id_of(w), i, &w->arena, &journal, &err), 1);
		CHECK_INT(journal.id, i);
		tally_leaf_hash(journal.leaf, &leaf);
		CHECK_MEM(leaf.bytes, journal.hash.bytes, 32);
		tally_frontier_append(&frontier, &leaf);
	}
	tally_frontier_root(&frontier, &root);
	CHECK_MEM(root.bytes, info.root.bytes, 32);
}

static void what_goes_in_comes_out(void)
{
	static const uint8_t binary[] = { 0, 1, 0xff, 0xfe, '\n', 0 };
	struct tally_bytes clues[2] = { TALLY_BYTES_LIT("clue1"), TALLY_BYTES_LIT("Ümläut/2") };
	struct tally_entry entry = { .payload = { binary, sizeof(binary) }, .clues = clues,
				     .clue_count = 2, .client_id = TALLY_BYTES_LIT("client 7") };
	struct tally_append_result result;
	struct tally_journal journal;
	struct tally_write write;
	struct world w;
	uint8_t hash[32];

	REQUIRE(begin(&w, "mem:inout", true));
	write = write_of(&w);
	CHECK_OK(tally_append(w.core, &write, id_of(&w), &entry, 1, true, &result, &err));
	CHECK_INT(result.receipt.journal_id, 1);
	CHECK_INT(result.receipt.block, 1);
	CHECK_INT(result.receipt.tree_size, 2);
	CHECK_INT(tally_journal_get(w.core, id_of(&w), 1, &w.arena, &journal, &err), 1);
	CHECK_BYTES(journal.payload, entry.payload);
	CHECK_BYTES(journal.client_id, entry.client_id);
	CHECK_BYTES(journal.member_id, tally_bytes_str(w.ledger.member_id));
	CHECK_INT(journal.clue_count, 2);
	CHECK_BYTES(journal.clues[1], clues[1]);
	CHECK_STR(journal.payload_type, "CUSTOM");
	CHECK_MEM(journal.hash.bytes, result.receipt.journal_hash.bytes, 32);
	CHECK_INT(journal.timestamp_ms, result.receipt.timestamp_ms);
	tally_sha256(journal.salt, 16, hash);
	CHECK_INT(tally_journal_exist(w.core, id_of(&w), 1, NULL, &err), 1);
	CHECK_INT(tally_journal_exist(w.core, id_of(&w), 1, &journal.hash, &err), 1);
	journal.hash.bytes[7] ^= 1;
	CHECK_INT(tally_journal_exist(w.core, id_of(&w), 1, &journal.hash, &err), 0);
	CHECK_INT(tally_journal_exist(w.core, id_of(&w), 2, NULL, &err), 0);
	check_tree(&w);
	end(&w, "mem:inout");
}

static void blocks_chain(void)
{
	struct tally_append_result result;
	struct tally_block_info before, info;
	struct world w;

	REQUIRE(begin(&w, "mem:chain", true));
	for (int i = 0; i < 5; i++)
		CHECK_OK(append_text(&w, "x", NULL, NULL, &result));
	CHECK_INT(tally_block_info(w.core, id_of(&w), 0, &before, &err), 1);
	for (uint64_t n = 1; n <= 5; n++) {
		CHECK_INT(tally_block_info(w.core, id_of(&w), n, &info, &err), 1);
		CHECK_MEM(info.parent_hash.bytes, before.hash.bytes, 32);
		CHECK_INT(info.first_journal_id, before.last_journal_id + 1);
		before = info;
	}
	CHECK_MEM(info.hash.bytes, result.receipt.block_hash.bytes, 32);
	CHECK_MEM(info.root.bytes, result.receipt.root.bytes, 32);
	CHECK_INT(tally_block_info(w.core, id_of(&w), 6, &info, &err), 0);
	end(&w, "mem:chain");
}

static void wrong_entries_change_nothing(void)
{
	static char long_clue[200];
	struct tally_bytes clues[33], one[2];
	struct tally_entry entry = { .payload = TALLY_BYTES_LIT("x"), .clues = clues };
	struct tally_append_result results[3];
	struct tally_entry three[3];
	struct tally_ledger_info info;
	struct tally_write write;
	struct world w;

	REQUIRE(begin(&w, "mem:wrong", true));
	write = write_of(&w);
	memset(long_clue, 'c', sizeof(long_clue));
	for (size_t i = 0; i < 33; i++)
		clues[i] = tally_bytes_str(tally_arena_printf(&w.arena, "c%zu", i));
	entry.clue_count = 33;
	CHECK_FAILS(tally_append(w.core, &write, id_of(&w), &entry, 1, true, results, &err),
		    TALLY_INVALID);
	CHECK_STR(err.subject, "Clues");
	entry.clues = one;
	entry.clue_count = 1;
	one[0] = tally_bytes(long_clue, 129);
	CHECK_FAILS(tally_append(w.core, &write, id_of(&w), &entry, 1, true, results, &err),
		    TALLY_INVALID);
	one[0] = TALLY_BYTES_LIT("\xff");
	CHECK_FAILS(tally_append(w.core, &write, id_of(&w), &entry, 1, true, results, &err),
		    TALLY_INVALID);
	one[0] = TALLY_BYTES_NONE;
	CHECK_FAILS(tally_append(w.core, &write, id_of(&w), &entry, 1, true, results, &err),
		    TALLY_INVALID);
	one[0] = one[1] = TALLY_BYTES_LIT("same");
	entry.clue_count = 2;
	CHECK_FAILS(tally_append(w.core, &write, id_of(&w), &entry, 1, true, results, &err),
		    TALLY_INVALID);
	entry.clue_count = 0;
	entry.payload.size = (4u << 20) + 1;
	entry.payload.data = tally_arena_zalloc(&w.arena, entry.payload.size);
	CHECK_FAILS(tally_append(w.core, &write, id_of(&w), &entry, 1, true, results, &err),
		    TALLY_INVALID);
	/* In an atomic batch one wrong entry keeps all out; else only itself. */
	three[0] = three[2] = (struct tally_entry){ .payload = TALLY_BYTES_LIT("fine") };
	three[1] = entry;
	CHECK_FAILS(tally_append(w.core, &write, id_of(&w), three, 3, true, results, &err),
		    TALLY_INVALID);
	CHECK_STR(err.subject, "Journals.1.Payload");
	CHECK_INT(tally_ledger_describe(w.core, id_of(&w), &w.arena, &info, &err), 1);
	CHECK_INT(info.journal_count, 1);
	CHECK_OK(tally_append(w.core, &write, id_of(&w), three, 3, false, results, &err));
	CHECK_INT(results[0].err.code, TALLY_OK);
	CHECK_INT(results[1].err.code, TALLY_INVALID);
	CHECK_INT(results[2].err.code, TALLY_OK);
	CHECK_INT(results[2].receipt.journal_id, 2);
	CHECK_FAILS(tally_append(w.core, &write, TALLY_BYTES_LIT("l-0"), three, 1, true, results,
				 &err), TALLY_NOTFOUND);
	end(&w, "mem:wrong");
}

static void a_large_batch_fills_blocks(void)
{
	struct tally_append_result *results;
	struct tally_entry *entries;
	struct tally_ledger_info info;
	struct tally_write write;
	struct world w;
	uint8_t *payload;
	const size_t count = 12, size = 1u << 20;

	REQUIRE(begin(&w, "mem:large", true));
	write = write_of(&w);
	payload = tally_arena_zalloc(&w.arena, size);
	entries = tally_arena_array(&w.arena, struct tally_entry, count);
	results = tally_arena_array(&w.arena, struct tally_append_result, count);
	for (size_t i = 0; i < count; i++)
		entries[i].payload = tally_bytes(payload, size);
	CHECK_FAILS(tally_append(w.core, &write, id_of(&w), entries, count, true, results, &err),
		    TALLY_INVALID);
	CHECK_OK(tally_append(w.core, &write, id_of(&w), entries, count, false, results, &err));
	CHECK_INT(tally_ledger_describe(w.core, id_of(&w), &w.arena, &info, &err), 1);
	CHECK_INT(info.journal_count, 1 + count);
	CHECK_INT(info.block_count, 3);
	end(&w, "mem:large");
}

/* ---- exactly once ---- */

static void a_token_gives_the_first_receipt_again(void)
{
	struct tally_append_result first, again;
	struct tally_ledger_info info;
	struct world w;

	REQUIRE(begin(&w, "mem:token", true));
	CHECK_OK(append_text(&w, "one", "c", "token-1", &first));
	CHECK_OK(append_text(&w, "one", "c", "token-1", &again));
	CHECK_INT(again.receipt.journal_id, first.receipt.journal_id);
	CHECK_MEM(again.receipt.journal_hash.bytes, first.receipt.journal_hash.bytes, 32);
	CHECK_MEM(again.receipt.request_digest, first.receipt.request_digest, 32);
	CHECK_FAILS(append_text(&w, "two", "c", "token-1", &again), TALLY_MISMATCH);
	/* It outlives the process, in overlay or index, and a rebuild. */
	tally_core_close(&w.core);
	REQUIRE(open_core(&w, "mem:token", false, true));
	CHECK_OK(append_text(&w, "one", "c", "token-1", &again));
	CHECK_INT(again.receipt.journal_id, first.receipt.journal_id);
	CHECK_OK(tally_core_rebuild(w.core, TALLY_BYTES_NONE, NULL, NULL, &err));
	CHECK_OK(append_text(&w, "one", "c", "token-1", &again));
	CHECK_INT(again.receipt.journal_id, first.receipt.journal_id);
	CHECK_FAILS(append_text(&w, "two", "c", "token-1", &again), TALLY_MISMATCH);
	CHECK_INT(tally_ledger_describe(w.core, id_of(&w), &w.arena, &info, &err), 1);
	CHECK_INT(info.journal_count, 2);
	end(&w, "mem:token");
}

static void a_batch_cut_off_resumes(void)
{
	struct tally_append_result results[10];
	struct tally_entry entries[10];
	struct tally_ledger_info info;
	struct tally_write write;
	struct world w;

	REQUIRE(begin(&w, "mem:resume", true));
	write = write_of(&w);
	write.token = TALLY_BYTES_LIT("upload");
	memset(entries, 0, sizeof(entries));
	for (int i = 0; i < 10; i++)
		entries[i].payload = tally_bytes_str(tally_arena_printf(&w.arena, "line %d", i));
	CHECK_OK(tally_append(w.core, &write, id_of(&w), entries, 6, false, results, &err));
	CHECK_OK(tally_append(w.core, &write, id_of(&w), entries, 10, false, results, &err));
	for (int i = 0; i < 10; i++)
		CHECK_INT(results[i].receipt.journal_id, i + 1);
	CHECK_INT(tally_ledger_describe(w.core, id_of(&w), &w.arena, &info, &err), 1);
	CHECK_INT(info.journal_count, 11);
	end(&w, "mem:resume");
}

/* The same token twice within a batch stands for one journal too, and for no other. */
static void a_token_twice_in_a_batch(void)
{
	static const char *const texts[] = { "one", "two", "one", "other", "one", "three" };
	static const char *const tokens[] = { "a", "b", "a", "b", "a", NULL };
	static const int want[] = { 1, 2, 1, 0, 1, 3 };		/* 0: refused */
	struct tally_append_result results[6];
	struct tally_entry entries[6];
	struct tally_ledger_info info;
	struct tally_write write;
	struct world w;

	REQUIRE(begin(&w, "mem:twins", true));
	memset(entries, 0, sizeof(entries));
	for (int i = 0; i < 6; i++) {
		entries[i].payload = tally_bytes_str(texts[i]);
		entries[i].token = tally_bytes_str(tokens[i]);
	}
	write = write_of(&w);
	CHECK_FAILS(tally_append(w.core, &write, id_of(&w), entries, 6, true, results, &err),
		    TALLY_MISMATCH);
	for (int round = 0; round < 2; round++) {
		/* without a token the last one is new each time */
		CHECK_OK(tally_append(w.core, &write, id_of(&w), entries, round == 0 ? 6 : 5, false,
				      results, &err));
		for (int i = 0; i < (round == 0 ? 6 : 5); i++) {
			CASE("round %d, entry %d", round, i);
			CHECK_INT(results[i].err.code, want[i] == 0 ? TALLY_MISMATCH : TALLY_OK);
			if (want[i] != 0)
				CHECK_INT(results[i].receipt.journal_id, want[i]);
		}
	}
	CHECK_INT(tally_ledger_describe(w.core, id_of(&w), &w.arena, &info, &err), 1);
	CHECK_INT(info.journal_count, 4);
	CHECK_OK(tally_append(w.core, &write, id_of(&w), entries, 3, true, results, &err));
	CHECK_INT(results[2].receipt.journal_id, 1);
	end(&w, "mem:twins");
}

static void a_nonce_is_used_once(void)
{
	struct tally_entry entry = { .payload = TALLY_BYTES_LIT("x") };
	struct tally_append_result first, result;
	struct tally_write write;
	struct tally_journal journal;
	struct world w;

	REQUIRE(begin(&w, "mem:nonce", true));
	CHECK_OK(append_text(&w, "to learn the time", NULL, NULL, &result));
	CHECK_INT(tally_journal_get(w.core, id_of(&w), 1, &w.arena, &journal, &err), 1);
	write = write_of(&w);
	write.nonce = TALLY_BYTES_LIT("key\nnonce-1");
	write.request_ms = journal.timestamp_ms;
	CHECK_OK(tally_append(w.core, &write, id_of(&w), &entry, 1, true, &first, &err));
	CHECK_FAILS(tally_append(w.core, &write, id_of(&w), &entry, 1, true, &result, &err),
		    TALLY_REPLAYED);
	write.again = true;
	CHECK_OK(tally_append(w.core, &write, id_of(&w), &entry, 1, true, &result, &err));
	CHECK_INT(result.receipt.journal_id, first.receipt.journal_id);
	entry.payload = TALLY_BYTES_LIT("y");
	CHECK_FAILS(tally_append(w.core, &write, id_of(&w), &entry, 1, true, &result, &err),
		    TALLY_REPLAYED);
	write.again = false;
	tally_core_close(&w.core);
	REQUIRE(open_core(&w, "mem:nonce", false, true));
	CHECK_FAILS(tally_append(w.core, &write, id_of(&w), &entry, 1, true, &result, &err),
		    TALLY_REPLAYED);
	write.nonce = TALLY_BYTES_LIT("key\nnonce-2");
	write.request_ms = journal.timestamp_ms - 16 * 60 * 1000;
	CHECK_FAILS(tally_append(w.core, &write, id_of(&w), &entry, 1, true, &result, &err),
		    TALLY_EXPIRED);
	write.request_ms = journal.timestamp_ms + 17 * 60 * 1000;
	CHECK_FAILS(tally_append(w.core, &write, id_of(&w), &entry, 1, true, &result, &err),
		    TALLY_EXPIRED);
	end(&w, "mem:nonce");
}

static void a_ledger_is_created_once_per_token(void)
{
	struct tally_ledger_create create = { .name = TALLY_BYTES_LIT("tokened") };
	struct tally_ledger_created first, again;
	struct tally_write write;
	struct world w;

	REQUIRE(begin(&w, "mem:createtoken", true));
	write = write_of(&w);
	write.token = TALLY_BYTES_LIT("t1");
	CHECK_OK(tally_ledger_create(w.core, &write, &create, &first, &err));
	CHECK_OK(tally_ledger_create(w.core, &write, &create, &again, &err));
	CHECK_STR(again.ledger_id, first.ledger_id);
	CHECK_STR(again.member_id, first.member_id);
	create.name = TALLY_BYTES_LIT("other");
	CHECK_FAILS(tally_ledger_create(w.core, &write, &create, &again, &err), TALLY_MISMATCH);
	end(&w, "mem:createtoken");
}

/* Without a token, a replay of the creation must not make a second ledger. */
static void a_nonce_creates_one_ledger(void)
{
	struct tally_ledger_create create = { .name = TALLY_BYTES_LIT("signed") };
	struct tally_append_result result;
	struct tally_ledger_created first, again;
	struct tally_journal journal;
	struct tally_write write;
	struct world w;

	REQUIRE(begin(&w, "mem:createnonce", true));
	CHECK_OK(append_text(&w, "to learn the time", NULL, NULL, &result));
	CHECK_INT(tally_journal_get(w.core, id_of(&w), 1, &w.arena, &journal, &err), 1);
	write = write_of(&w);
	write.nonce = TALLY_BYTES_LIT("key\nnonce-1");
	write.request_ms = journal.timestamp_ms;
	CHECK_OK(tally_ledger_create(w.core, &write, &create, &first, &err));
	CHECK_FAILS(tally_ledger_create(w.core, &write, &create, &again, &err), TALLY_REPLAYED);
	tally_core_close(&w.core);
	REQUIRE(open_core(&w, "mem:createnonce", false, true));
	CHECK_FAILS(tally_ledger_create(w.core, &write, &create, &again, &err), TALLY_REPLAYED);
	/* A relay that lost the answer asks for the same once more. */
	write.again = true;
	CHECK_OK(tally_ledger_create(w.core, &write, &create, &again, &err));
	CHECK_STR(again.ledger_id, first.ledger_id);
	create.name = TALLY_BYTES_LIT("other");
	CHECK_FAILS(tally_ledger_create(w.core, &write, &create, &again, &err), TALLY_REPLAYED);
	write.nonce = TALLY_BYTES_LIT("key\nnonce-2");
	write.again = false;
	CHECK_OK(tally_ledger_create(w.core, &write, &create, &again, &err));
	CHECK(strcmp(again.ledger_id, first.ledger_id) != 0);
	end(&w, "mem:createnonce");
}

/* ---- lists ---- */

struct expect {
	uint64_t ids[400];
	size_t count;
};

/* Walks all pages of a query and compares with the model. */
static void check_list(struct world *w, struct tally_journal_query query,
		       const struct expect *expect, const char *what)
{
	struct tally_journal_page page;
	size_t seen = 0;

	CASE("%s", what);
	query.limit = 7;
	do {
		CHECK_OK(tally_journal_list(w->core, id_of(w), &query, &w->arena, &page, &err));
		for (size_t i = 0; i < page.count && seen < expect->count; i++, seen++) {
			size_t k = query.reverse ? expect->count - 1 - seen : seen;

			CHECK_INT(page.journals[i].id, expect->ids[k]);
		}
		query.has_cursor = true;
		query.cursor = page.cursor;
	} while (page.more && seen < expect->count);
	CHECK_INT(seen, expect->count);
	CHECK(!page.more || page.count == 0 || seen == expect->count);
}

static void check_lists(struct world *w, uint64_t size, const char *stage)
{
	struct tally_journal_query all = { .end_id = UINT64_MAX, .end_ms = UINT64_MAX };
	struct expect every = { .count = 0 }, odd = { .count = 0 }, middle = { .count = 0 };
	struct expect custom = { .count = 0 }, none = { .count = 0 };
	struct tally_journal_query query;
	char what[100];

	for (uint64_t i = 0; i < size; i++) {
		every.ids[every.count++] = i;
		if (i > 0)
			custom.ids[custom.count++] = i;
		if (i > 0 && i % 2 == 1)
			odd.ids[odd.count++] = i;
		if (i >= 17 && i <= 45)
			middle.ids[middle.count++] = i;
	}
	for (int reverse = 0; reverse < 2; reverse++) {
		all.reverse = reverse;
#define LIST(name, expected) (snprintf(what, sizeof(what), "%s: %s, reverse %d", stage, name, \
				       reverse), check_list(w, query, &(expected), what))
		query = all;
		LIST("all", every);
		query.clue = TALLY_BYTES_LIT("odd");
		LIST("clue", odd);
		query.clue = TALLY_BYTES_LIT("od");
		LIST("a prefix of a clue", none);
		query = all;
		query.start_id = 17;
		query.end_id = 45;
		LIST("range", middle);
		query = all;
		query.payload_type = TALLY_BYTES_LIT("CUSTOM");
		LIST("type", custom);
		query.payload_type = TALLY_BYTES_LIT("KV_SET");
		LIST("absent type", none);
		query = all;
		query.member_id = tally_bytes_str(w->ledger.member_id);
		LIST("member", every);
		query.member_id = TALLY_BYTES_LIT("m-00000000000000000000000000");
		LIST("absent member", none);
		query = all;
		query.end_ms = 1;
		LIST("before the first", none);
		query = all;
		query.start_ms = UINT64_MAX / 4;
		LIST("after the last", none);
#undef LIST
	}
}

static void lists_are_complete_both_ways(void)
{
	struct tally_append_result results[30];
	struct tally_entry entries[30];
	struct tally_bytes odd[1] = { TALLY_BYTES_LIT("odd") };
	struct tally_journal_query query = { .end_id = UINT64_MAX, .limit = 400 };
	struct tally_journal_page page;
	struct tally_write write;
	struct expect since = { .count = 0 };
	uint64_t next = 1, middle;
	struct world w;

	REQUIRE(begin(&w, "mem:lists", true));
	write = write_of(&w);
	for (int round = 0; round < 8; round++) {
		size_t count = (size_t)(round * 5 % 23) + 1;

		memset(entries, 0, sizeof(entries));
		for (size_t i = 0; i < count; i++, next++) {
			entries[i].payload = TALLY_BYTES_LIT("payload");
			entries[i].clues = odd;
			entries[i].clue_count = next % 2;
		}
		CHECK_OK(tally_append(w.core, &write, id_of(&w), entries, count, true, results,
				      &err));
		if (round == 4)
			CHECK_OK(tally_core_maintain(w.core, &err));
	}
	check_lists(&w, next, "overlay and index");
	CHECK_OK(tally_core_maintain(w.core, &err));
	check_lists(&w, next, "index");
	tally_core_close(&w.core);
	REQUIRE(open_core(&w, "mem:lists", false, true));
	check_lists(&w, next, "replayed");
	/* By time: from the time of some journal on. */
	query.end_ms = UINT64_MAX;
	CHECK_OK(tally_journal_list(w.core, id_of(&w), &query, &w.arena, &page, &err));
	REQUIRE(page.count == next);
	middle = page.journals[next / 2].timestamp_ms;
	for (size_t i = 0; i < page.count; i++)
		if (page.journals[i].timestamp_ms >= middle)
			since.ids[since.count++] = page.journals[i].id;
	query.start_ms = middle;
	check_list(&w, query, &since, "by time");
	end(&w, "mem:lists");
}

/* Journals of a clue far apart, the first and last of a stretch of postings among them (clues.c). */
static void a_clue_runs_through_stretches(void)
{
	static const uint64_t with[] = { 1, 9999, 262142, 262143, 262144, 262145, 270000 };
	enum { COUNT = sizeof(with) / sizeof(with[0]), AT_ONCE = 10000, ALL = 28 * AT_ONCE };
	struct tally_journal_query query = { .clue = TALLY_BYTES_LIT("far"), .end_ms = UINT64_MAX };
	struct tally_bytes clues[1] = { TALLY_BYTES_LIT("far") };
	struct tally_append_result *results = tally_calloc(AT_ONCE, sizeof(*results));
	struct tally_entry *entries = tally_calloc(AT_ONCE, sizeof(*entries));
	struct tally_write write;
	size_t next = 0;
	struct world w;

	REQUIRE(begin(&w, "mem:stretches", false));
	write = write_of(&w);
	for (uint64_t first = 1; first < ALL; first += AT_ONCE) {
		for (size_t i = 0; i < AT_ONCE; i++) {
			bool is_with = next < COUNT && with[next] == first + i;

			entries[i] = (struct tally_entry){ .payload = TALLY_BYTES_LIT("x"),
							   .clues = clues, .clue_count = is_with };
			next += is_with;
		}
		CHECK_OK(tally_append(w.core, &write, id_of(&w), entries, AT_ONCE, true, results,
				      &err));
	}
	CHECK_INT(next, COUNT);
	for (size_t low = 0; low < COUNT; low++) {
		for (size_t high = low; high < COUNT; high++) {
			struct expect expect = { .count = high - low + 1 };

			memcpy(expect.ids, with + low, expect.count * sizeof(with[0]));
			query.start_id = with[low];
			query.end_id = with[high];
			query.reverse = (low + high) % 2 == 1;
			check_list(&w, query, &expect, "through stretches");
		}
	}
	free(entries);
	free(results);
	end(&w, "mem:stretches");
}

static void a_page_ends_at_its_bytes(void)
{
	struct tally_journal_query query = { .end_id = UINT64_MAX, .end_ms = UINT64_MAX,
					     .limit = 100, .byte_limit = 250, .start_id = 1 };
	struct tally_append_result result;
	struct tally_journal_page page;
	char text[101];
	struct world w;

	REQUIRE(begin(&w, "mem:bytes", true));
	memset(text, 'x', 100);
	text[100] = '\0';
	for (int i = 0; i < 5; i++)
		CHECK_OK(append_text(&w, text, NULL, NULL, &result));
	CHECK_OK(tally_journal_list(w.core, id_of(&w), &query, &w.arena, &page, &err));
	CHECK_INT(page.count, 2);
	CHECK(page.more);
	CHECK_INT(page.cursor, 3);
	query.byte_limit = 10;
	CHECK_OK(tally_journal_list(w.core, id_of(&w), &query, &w.arena, &page, &err));
	CHECK_INT(page.count, 1);
	end(&w, "mem:bytes");
}

/* ---- rebuild, replay, many threads, many hosts ---- */

struct find_space {
	const char *ledger_id;
	uint64_t space;
};

static int match_space(void *ctx, uint64_t space, const char *ledger_id, uint64_t blocks)
{
	struct find_space *find = ctx;

	(void)blocks;
	if (strcmp(ledger_id, find->ledger_id) == 0)
		find->space = space;
	return 0;
}

static void a_rebuilt_index_is_the_same(void)
{
	struct find_space find = { .space = UINT64_MAX };
	struct tally_append_result results[50];
	uint8_t before[2][32], after[2][32];
	struct tally_entry entries[50];
	struct tally_bytes clues[1];
	struct tally_write write;
	struct world w;

	REQUIRE(begin(&w, "mem:rebuild", false));
	write = write_of(&w);
	find.ledger_id = w.ledger.ledger_id;
	memset(entries, 0, sizeof(entries));
	for (int round = 0; round < 40; round++) {
		write.token = tally_bytes_str(tally_arena_printf(&w.arena, "token %d", round));
		clues[0] = tally_bytes_str(tally_arena_printf(&w.arena, "clue %d", round % 7));
		for (int i = 0; i < 50; i++)
			entries[i] = (struct tally_entry){ .payload = clues[0], .clues = clues,
							   .clue_count = 1 };
		CHECK_OK(tally_append(w.core, &write, id_of(&w), entries, 50, true, results, &err));
		if (round % 9 == 0)
			CHECK_OK(tally_core_maintain(w.core, &err));
	}
	CHECK_OK(tally_core_spaces(w.core, match_space, &find, &err));
	REQUIRE(find.space != UINT64_MAX);
	CHECK_OK(index_hash(w.core, find.space, before[0], &err));
	CHECK_OK(index_hash(w.core, 0, before[1], &err));
	CHECK_OK(tally_core_rebuild(w.core, TALLY_BYTES_NONE, NULL, NULL, &err));
	CHECK_OK(index_hash(w.core, find.space, after[0], &err));
	CHECK_OK(index_hash(w.core, 0, after[1], &err));
	CHECK_MEM(after[0], before[0], 32);
	CHECK_MEM(after[1], before[1], 32);
	CHECK_OK(tally_core_check(w.core, TALLY_BYTES_NONE, NULL, NULL, &err));
	check_tree(&w);
	end(&w, "mem:rebuild");
}

/* The threads that flush and make state roots are at work while an index is made anew. */
static void a_rebuild_among_threads_loses_nothing(void)
{
	struct tally_append_result results[10];
	struct tally_entry entries[10];
	struct tally_bytes clues[1];
	struct tally_ledger_info info;
	struct tally_write write;
	struct world w;

	memset(&w, 0, sizeof(w));
	w.conf = tally_conf_new();
	tally_conf_override(w.conf, "ledger", "state_journals", "5");
	tally_conf_override(w.conf, "ledger", "overlay_journals", "20");
	REQUIRE(open_core(&w, "mem:among", true, false) && create_ledger(&w, "Ledger 1"));
	write = write_of(&w);
	for (int round = 0; round < 60; round++) {
		clues[0] = tally_bytes_str(tally_arena_printf(&w.arena, "clue %d", round));
		for (int i = 0; i < 10; i++)
			entries[i] = (struct tally_entry){ .payload = clues[0], .clues = clues,
							   .clue_count = 1 };
		CHECK_OK(tally_append(w.core, &write, id_of(&w), entries, 10, true, results, &err));
		CHECK_OK(tally_core_rebuild(w.core, TALLY_BYTES_NONE, NULL, NULL, &err));
	}
	CHECK_INT(tally_ledger_describe(w.core, id_of(&w), &w.arena, &info, &err), 1);
	CHECK(info.journal_count > 600);
	CHECK_OK(tally_core_check(w.core, TALLY_BYTES_NONE, NULL, NULL, &err));
	check_tree(&w);
	end(&w, "mem:among");
}

struct waiter {
	struct tally_space *space;
	bool was;			/* under the ledger's lock */
};

static void *wait_for_ledger(void *arg)
{
	struct waiter *waiter = arg;

	tally_space_lock(waiter->space);
	waiter->was = true;
	tally_space_unlock(waiter->space);
	return NULL;
}

/* A committer that wants the lock again at once does not get it before who waited meanwhile. */
static void who_waits_for_a_ledger_comes_next(void)
{
	struct waiter waiter = { .was = false };
	uint64_t give_up;
	pthread_t thread;
	struct world w;

	REQUIRE(begin(&w, "mem:turns", true));
	REQUIRE(tally_space_of_ledger(w.core, id_of(&w), &waiter.space, &err) == 1);
	for (int round = 0; round < 50; round++) {
		waiter.was = false;
		tally_space_lock(waiter.space);
		REQUIRE(pthread_create(&thread, NULL, wait_for_ledger, &waiter) == 0);
		give_up = tally_mono_ns() + 10000000000u;
		while (pthread_mutex_trylock(&waiter.space->turn) == 0) {	/* until it waits */
			pthread_mutex_unlock(&waiter.space->turn);
			REQUIRE(tally_mono_ns() < give_up);
			sched_yield();
		}
		tally_space_unlock(waiter.space);
		tally_space_lock(waiter.space);
		CHECK(waiter.was);
		tally_space_unlock(waiter.space);
		pthread_join(thread, NULL);
	}
	end(&w, "mem:turns");
}

enum { WRITERS = 8, EACH = 300 };

struct writer {
	struct world *w;
	struct tally_core *core;
	int number;
	uint64_t ids[EACH];
	unsigned int failed;
};

static void *write_many(void *arg)
{
	struct writer *writer = arg;
	struct tally_write write = write_of(writer->w);
	struct tally_append_result result;
	struct tally_err own = { 0 };

	for (int i = 0; i < EACH; i++) {
		char text[64];
		struct tally_entry entry;

		snprintf(text, sizeof(text), "writer %d, entry %d", writer->number, i);
		entry = (struct tally_entry){ .payload = tally_bytes_str(text) };
		if (tally_append(writer->core, &write, id_of(writer->w), &entry, 1, true, &result,
				 &own) != 0) {
			writer->failed++;
			continue;
		}
		writer->ids[i] = result.receipt.journal_id;
	}
	return NULL;
}

static void run_writers(struct world *w, struct tally_core **cores, size_t core_count)
{
	static struct writer writers[WRITERS];
	static bool used[WRITERS * EACH + 1];
	struct tally_ledger_info info;
	pthread_t threads[WRITERS];

	memset(used, 0, sizeof(used));
	for (int i = 0; i < WRITERS; i++) {
		writers[i] = (struct writer){ .w = w, .core = cores[(size_t)i % core_count],
					      .number = i };
		pthread_create(&threads[i], NULL, write_many, &writers[i]);
	}
	for (int i = 0; i < WRITERS; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < WRITERS; i++) {
		CHECK_INT(writers[i].failed, 0);
		for (int k = 0; k < EACH; k++) {
			uint64_t id = writers[i].ids[k];

			CASE("writer %d, entry %d", i, k);
			CHECK(id >= 1 && id <= WRITERS * EACH && !used[id]);
			if (id <= WRITERS * EACH)
				used[id] = true;
		}
	}
	for (size_t i = 0; i < core_count; i++) {
		struct tally_journal journal;

		/* Asking for what is not there looks for foreign blocks first. */
		CHECK_INT(tally_journal_get(cores[i], id_of(w), WRITERS * EACH + 1, &w->arena,
					    &journal, &err), 0);
		CHECK_INT(tally_ledger_describe(cores[i], id_of(w), &w->arena, &info, &err), 1);
		CHECK_INT(info.journal_count, WRITERS * EACH + 1);
	}
	check_tree(w);
}

static void many_threads_get_dense_ids(void)
{
	struct world w;

	REQUIRE(begin(&w, "mem:threads", false));
	run_writers(&w, &w.core, 1);
	end(&w, "mem:threads");
}

static void two_hosts_share_a_ledger(void)
{
	struct tally_core *cores[2];
	struct world w, other;

	REQUIRE(begin(&w, "mem:hosts", false));
	memset(&other, 0, sizeof(other));
	other.conf = tally_conf_new();
	tally_conf_override(other.conf, "ledger", "state_journals", "0");
	REQUIRE(open_core(&other, "mem:hosts", false, false));
	cores[0] = w.core;
	cores[1] = other.core;
	run_writers(&w, cores, 2);
	tally_core_close(&other.core);
	tally_conf_free(&other.conf);
	end(&w, "mem:hosts");
}

static void an_ambiguous_append_is_settled(void)
{
	static const enum tally_mem_mood moods[] = { TALLY_MEM_UNCERTAIN_DONE,
						     TALLY_MEM_UNCERTAIN_LOST };
	struct tally_append_result result;
	struct tally_ledger_info info;
	struct world w;

	REQUIRE(begin(&w, "mem:ambiguous", false));
	for (unsigned int i = 0; i < 6; i++) {
		CASE("round %u", i);
		tally_mem_misbehave(w.blocks, moods[i % 2], 1 + i / 2);
		CHECK_OK(append_text(&w, "ambiguous", NULL, NULL, &result));
		CHECK_INT(result.receipt.journal_id, i + 1);
	}
	CHECK_INT(tally_ledger_describe(w.core, id_of(&w), &w.arena, &info, &err), 1);
	CHECK_INT(info.journal_count, 7);
	check_tree(&w);
	end(&w, "mem:ambiguous");
}

/* Host A's append is held before it is done; B is first meanwhile; A must come after B. */
static void a_delayed_append_comes_second(void)
{
	struct tally_append_result result;
	struct tally_journal journal;
	struct writer writer;
	struct world w, other;
	pthread_t thread;

	REQUIRE(begin(&w, "mem:delayed", false));
	memset(&other, 0, sizeof(other));
	other.conf = tally_conf_new();
	tally_conf_override(other.conf, "ledger", "state_journals", "0");
	REQUIRE(open_core(&other, "mem:delayed", false, false));
	other.first = w.first;
	other.ledger = w.ledger;
	writer = (struct writer){ .w = &w, .core = w.core };
	tally_mem_misbehave(w.blocks, TALLY_MEM_HELD_BEFORE, 1);
	pthread_create(&thread, NULL, write_many, &writer);
	tally_mem_await_held(w.blocks, 1);
	CHECK_OK(append_text(&other, "first", NULL, NULL, &result));
	CHECK_INT(result.receipt.journal_id, 1);
	tally_mem_release(w.blocks);
	pthread_join(thread, NULL);
	CHECK_INT(writer.failed, 0);
	CHECK_INT(writer.ids[0], 2);
	CHECK_INT(tally_journal_get(w.core, id_of(&w), 1, &w.arena, &journal, &err), 1);
	CHECK_BYTES(journal.payload, TALLY_BYTES_LIT("first"));
	check_tree(&w);
	tally_core_close(&other.core);
	tally_conf_free(&other.conf);
	end(&w, "mem:delayed");
}

enum { AGAIN = 6 };

struct again {
	struct world *w;
	struct tally_append_result result;
	uint64_t nonce;
	int failed, replayed;
	pthread_t thread;
};

/* Appends with a token, or with one nonce for all. */
static void *append_again(void *arg)
{
	struct again *again = arg;
	struct tally_entry entry = { .payload = TALLY_BYTES_LIT("once") };
	struct tally_write write = write_of(again->w);
	struct tally_err own = { 0 };

	if (again->nonce != 0) {
		write.nonce = TALLY_BYTES_LIT("key\nnonce");
		write.request_ms = again->nonce;
	} else {
		write.token = TALLY_BYTES_LIT("once");
	}
	again->failed = tally_append(again->w->core, &write, id_of(again->w), &entry, 1, true,
				     &again->result, &own);
	again->replayed = own.code == TALLY_REPLAYED;
	return NULL;
}

static size_t queued(struct tally_core *core)
{
	size_t count;

	pthread_mutex_lock(&core->queue_lock);
	count = core->queue_count;
	pthread_mutex_unlock(&core->queue_lock);
	return count;
}

/* All in one group, behind a block that is held. */
static void run_again(struct world *w, struct again again[AGAIN], uint64_t nonce)
{
	struct writer writer = { .w = w, .core = w->core };
	pthread_t thread;

	tally_mem_misbehave(w->blocks, TALLY_MEM_HELD_BEFORE, 1);
	pthread_create(&thread, NULL, write_many, &writer);
	tally_mem_await_held(w->blocks, 1);
	for (int i = 0; i < AGAIN; i++) {
		again[i] = (struct again){ .w = w, .nonce = nonce };
		pthread_create(&again[i].thread, NULL, append_again, &again[i]);
	}
	while (queued(w->core) < AGAIN)
		sched_yield();
	tally_mem_release(w->blocks);
	for (int i = 0; i < AGAIN; i++)
		pthread_join(again[i].thread, NULL);
	pthread_join(thread, NULL);
	CHECK_INT(writer.failed, 0);
}

/* What is answered rests on what is durable: who repeats what stands in the same block waits for it. */
static void repeats_in_one_group_wait_for_the_first(void)
{
	struct again again[AGAIN];
	int done = 0;
	struct world w;

	REQUIRE(begin(&w, "mem:again", false));
	run_again(&w, again, 0);
	for (int i = 0; i < AGAIN; i++) {
		CASE("thread %d", i);
		CHECK_INT(again[i].failed, 0);
		CHECK_INT(again[i].result.receipt.journal_id, again[0].result.receipt.journal_id);
		CHECK(again[i].result.receipt.tree_size > again[i].result.receipt.journal_id);
	}
	CASE("one nonce");
	run_again(&w, again, tally_now_ms());
	for (int i = 0; i < AGAIN; i++) {
		done += again[i].failed == 0;
		CHECK(again[i].failed == 0 || again[i].replayed);
	}
	CHECK_INT(done, 1);
	check_tree(&w);
	end(&w, "mem:again");
}

/* ---- proofs ---- */

/* Every journal in a spread of trees, and every pair of that spread. */
static void check_proofs(struct world *w, uint64_t size, const char *stage)
{
	struct tally_inclusion proof;
	struct tally_consistency way;
	struct tally_journal journal;

	for (uint64_t tree = 1; tree <= size; tree = tree * 7 / 5 + 1) {
		CASE("%s, tree of %" PRIu64, stage, tree);
		for (uint64_t id = 0; id < tree; id = id * 3 / 2 + 1) {
			CHECK_INT(tally_journal_prove(w->core, id_of(w), id, tree, &proof, &err), 1);
			CHECK_INT(tally_journal_get(w->core, id_of(w), id, &w->arena, &journal,
						    &err), 1);
			CHECK(tally_inclusion_verify(id, tree, &journal.hash, proof.path,
						     proof.path_count, &proof.root));
			journal.hash.bytes[0] ^= 1;
			CHECK(!tally_inclusion_verify(id, tree, &journal.hash, proof.path,
						      proof.path_count, &proof.root));
		}
		CHECK_INT(tally_ledger_prove(w->core, id_of(w), tree, 0, &way, &err), 1);
		CHECK_INT(way.new_size, size);
		CHECK(tally_consistency_verify(tree, size, way.proof, way.proof_count,
					       &way.old_root, &way.new_root));
	}
}

static void proofs_hold_in_overlay_and_index(void)
{
	struct tally_append_result results[300];
	static struct tally_entry entries[300];
	struct tally_inclusion proof;
	struct tally_write write;
	struct tally_ledger_info info;
	struct world w;
	uint64_t size = 1;

	REQUIRE(begin(&w, "mem:proofs", true));
	write = write_of(&w);
	for (int round = 0; round < 12; round++) {
		size_t count = (size_t)(round * 97 % 300) + 1;

		for (size_t i = 0; i < count; i++)
			entries[i].payload = TALLY_BYTES_LIT("x");
		CHECK_OK(tally_append(w.core, &write, id_of(&w), entries, count, true, results,
				      &err));
		size += count;
		if (round % 4 == 1)
			CHECK_OK(tally_core_maintain(w.core, &err));
		if (round % 4 == 2)
			check_proofs(&w, size, "some in the overlay");
	}
	check_proofs(&w, size, "the last in the overlay");
	CHECK_OK(tally_core_maintain(w.core, &err));
	check_proofs(&w, size, "all in the index");
	CHECK_INT(tally_journal_prove(w.core, id_of(&w), size - 1, 0, &proof, &err), 1);
	CHECK_INT(tally_ledger_describe(w.core, id_of(&w), &w.arena, &info, &err), 1);
	CHECK_MEM(proof.root.bytes, info.root.bytes, 32);
	CHECK_INT(tally_journal_prove(w.core, id_of(&w), size, 0, &proof, &err), 0);
	CHECK_INT(tally_journal_prove(w.core, id_of(&w), 0, size + 1, &proof, &err), 0);
	end(&w, "mem:proofs");
}

/* The system ledger's log proves like any other; its journals, which hold sealed secrets, are not
 * read like those of a ledger. */
static void the_system_log_is_proved_but_not_read(void)
{
	struct tally_bytes name = TALLY_BYTES_LIT("system");
	struct tally_signed_checkpoint checkpoint;
	struct tally_inclusion proof;
	struct tally_consistency way;
	struct tally_journal journal;
	struct world w;

	REQUIRE(begin(&w, "mem:system-log", true));
	CHECK_INT(tally_ledger_checkpoint(w.core, name, &w.arena, &checkpoint, &err), 1);
	CHECK_INT(tally_journal_prove(w.core, name, 0, 0, &proof, &err), 1);
	CHECK_INT(proof.tree_size, checkpoint.size);
	CHECK_MEM(proof.root.bytes, checkpoint.root.bytes, 32);
	CHECK_INT(tally_ledger_prove(w.core, name, 1, 0, &way, &err), 1);
	CHECK(tally_consistency_verify(1, way.new_size, way.proof, way.proof_count, &way.old_root,
				       &way.new_root));
	CHECK_INT(tally_journal_get(w.core, name, 0, &w.arena, &journal, &err), 0);
	end(&w, "mem:system-log");
}

static void checkpoints_are_signed_once_per_size(void)
{
	struct tally_signed_checkpoint first, again, next;
	struct tally_append_result result;
	struct tally_checkpoint checkpoint;
	struct tally_ledger_info info;
	struct tally_vkey vkey;
	struct tally_note note;
	const char *text;
	struct world w;

	REQUIRE(begin(&w, "mem:checkpoint", true));
	CHECK_INT(tally_ledger_checkpoint(w.core, id_of(&w), &w.arena, &first, &err), 1);
	CHECK_INT(tally_ledger_checkpoint(w.core, id_of(&w), &w.arena, &again, &err), 1);
	CHECK_BYTES(again.note, first.note);
	CHECK_OK(append_text(&w, "x", NULL, NULL, &result));
	CHECK_INT(tally_ledger_checkpoint(w.core, id_of(&w), &w.arena, &next, &err), 1);
	CHECK_INT(tally_ledger_vkey(w.core, id_of(&w), &w.arena, &text, &err), 1);
	REQUIRE(tally_vkey_parse(tally_bytes_str(text), &vkey));
	REQUIRE(tally_note_parse(next.note, &note));
	CHECK_INT(tally_note_verify(&note, &vkey, 1, NULL, NULL), 1);
	REQUIRE(tally_checkpoint_parse(note.text, &checkpoint));
	CHECK_INT(tally_ledger_describe(w.core, id_of(&w), &w.arena, &info, &err), 1);
	CHECK_BYTES(checkpoint.origin, tally_bytes_str(info.origin));
	CHECK_INT(checkpoint.size, 2);
	CHECK_MEM(checkpoint.root.bytes, info.root.bytes, 32);
	CHECK_MEM(checkpoint.root.bytes, result.receipt.root.bytes, 32);
	CHECK_INT(tally_ledger_checkpoint(w.core, TALLY_BYTES_LIT("l-0123"), &w.arena, &next, &err),
		  0);
	end(&w, "mem:checkpoint");
}

/* The root of a tree out of its tiles alone, as an auditor computes it: level-0 tiles. */
static void root_of_tiles(struct world *w, uint64_t size, struct tally_hash *root_r)
{
	struct tally_frontier frontier;
	struct tally_bytes tile;

	tally_frontier_init(&frontier);
	for (uint64_t n = 0; n * 256 < size; n++) {
		unsigned int width = size - n * 256 < 256 ? (unsigned int)(size - n * 256) : 256;

		CHECK_INT(tally_ledger_tile(w->core, id_of(w), 0, n, width, &w->arena, &tile, &err),
			  1);
		REQUIRE(tile.size == width * 32u);
		for (unsigned int i = 0; i < width; i++)
			tally_frontier_append(&frontier,
					      (const struct tally_hash *)(tile.data + 32 * i));
	}
	tally_frontier_root(&frontier, root_r);
}

static void tiles_give_the_root(void)
{
	static struct tally_append_result results[300];
	static struct tally_entry entries[300];
	struct tally_bytes tile, bundle;
	struct tally_ledger_info info;
	struct tally_write write;
	struct tally_hash root, leaf;
	struct world w;
	uint64_t size = 1;

	REQUIRE(begin(&w, "mem:tiles", true));
	write = write_of(&w);
	for (int i = 0; i < 300; i++)
		entries[i].payload = TALLY_BYTES_LIT("tile");
	for (int round = 0; round < 3; round++, size += 300) {
		CHECK_OK(tally_append(w.core, &write, id_of(&w), entries, 300, true, results, &err));
		if (round == 1)
			CHECK_OK(tally_core_maintain(w.core, &err));
	}
	CHECK_INT(tally_ledger_describe(w.core, id_of(&w), &w.arena, &info, &err), 1);
	root_of_tiles(&w, size, &root);
	CHECK_MEM(root.bytes, info.root.bytes, 32);
	CHECK_INT(tally_ledger_tile(w.core, id_of(&w), 1, 0, 3, &w.arena, &tile, &err), 1);
	CHECK_INT(tally_ledger_tile(w.core, id_of(&w), 1, 0, 4, &w.arena, &tile, &err), 0);
	CHECK_INT(tally_ledger_tile(w.core, id_of(&w), 0, 3, 134, &w.arena, &tile, &err), 0);
	CHECK_INT(tally_ledger_tile(w.core, id_of(&w), 0, 3, 133, &w.arena, &tile, &err), 1);
	CHECK_INT(tally_ledger_tile(w.core, id_of(&w), 9, 0, 1, &w.arena, &bundle, &err), 0);
	CHECK_INT(tally_ledger_tile(w.core, id_of(&w), -1, 3, 133, &w.arena, &bundle, &err), 1);
	for (unsigned int i = 0, at = 0; i < 133; i++) {
		uint16_t length = tally_get_u16(bundle.data + at);

		REQUIRE(at + 2 + length <= bundle.size);
		tally_leaf_hash(tally_bytes(bundle.data + at + 2, length), &leaf);
		CHECK_MEM(leaf.bytes, tile.data + 32 * i, 32);
		at += 2 + length;
	}
	end(&w, "mem:tiles");
}

/* ---- accounts and keys ---- */

static void keys_come_and_go(void)
{
	struct tally_access_key found, *keys;
	struct tally_first_key key;
	struct tally_write write;
	struct tally_bytes id;
	char secret[48];
	struct world w;
	uint64_t account;
	size_t count;

	REQUIRE(begin(&w, "mem:keys", true));
	write = write_of(&w);
	CHECK_INT(tally_key_find(w.core, tally_bytes_str(w.first.key_id), &found, secret, &err), 1);
	CHECK_STR(secret, w.first.secret);
	CHECK_INT(found.account, w.first.account);
	CHECK_OK(tally_account_create(w.core, &write, TALLY_BYTES_LIT("second"), &account, &err));
	CHECK_FAILS(tally_key_create(w.core, &write, 12, &key, &err), TALLY_NOTFOUND);
	CHECK_OK(tally_key_create(w.core, &write, account, &key, &err));
	id = tally_bytes_str(key.key_id);
	CHECK_INT(tally_key_find(w.core, id, &found, secret, &err), 1);
	CHECK_STR(secret, key.secret);
	CHECK_OK(tally_key_set_state(w.core, &write, id, KEY_DISABLED, &err));
	CHECK_INT(tally_key_find(w.core, id, &found, secret, &err), 1);
	CHECK_INT(found.state, KEY_DISABLED);
	CHECK_OK(tally_key_set_state(w.core, &write, id, KEY_ACTIVE, &err));
	CHECK_INT(tally_key_find(w.core, id, &found, secret, &err), 1);
	CHECK_INT(found.state, KEY_ACTIVE);
	CHECK_STR(secret, key.secret);
	CHECK_OK(tally_key_list(w.core, account, &w.arena, &keys, &count, &err));
	CHECK_INT(count, 1);
	CHECK_OK(tally_key_delete(w.core, &write, id, &err));
	CHECK_INT(tally_key_find(w.core, id, &found, secret, &err), 0);
	CHECK_FAILS(tally_key_delete(w.core, &write, id, &err), TALLY_NOTFOUND);
	CHECK_OK(tally_key_list(w.core, 0, &w.arena, &keys, &count, &err));
	CHECK_INT(count, 1);
	tally_core_close(&w.core);
	REQUIRE(open_core(&w, "mem:keys", false, true));
	CHECK_INT(tally_key_find(w.core, id, &found, secret, &err), 0);
	CHECK_INT(tally_key_find(w.core, tally_bytes_str(w.first.key_id), &found, secret, &err), 1);
	CHECK_STR(secret, w.first.secret);
	CHECK_OK(tally_core_check(w.core, TALLY_BYTES_NONE, NULL, NULL, &err));
	end(&w, "mem:keys");
}

int main(void)
{
	TEST(a_new_ledger_has_its_owner_in_journal_0);
	TEST(ids_have_their_forms);
	TEST(strangers_see_nothing);
	TEST(a_deleted_ledger_is_gone_but_described);
	TEST(ledgers_are_listed_in_pages);
	TEST(what_goes_in_comes_out);
	TEST(blocks_chain);
	TEST(wrong_entries_change_nothing);
	TEST(a_large_batch_fills_blocks);
	TEST(a_token_gives_the_first_receipt_again);
	TEST(a_batch_cut_off_resumes);
	TEST(a_token_twice_in_a_batch);
	TEST(a_nonce_is_used_once);
	TEST(a_nonce_creates_one_ledger);
	TEST(a_ledger_is_created_once_per_token);
	TEST(lists_are_complete_both_ways);
	TEST(a_clue_runs_through_stretches);
	TEST(a_page_ends_at_its_bytes);
	TEST(a_rebuilt_index_is_the_same);
	TEST(a_rebuild_among_threads_loses_nothing);
	TEST(who_waits_for_a_ledger_comes_next);
	TEST(many_threads_get_dense_ids);
	TEST(two_hosts_share_a_ledger);
	TEST(an_ambiguous_append_is_settled);
	TEST(a_delayed_append_comes_second);
	TEST(repeats_in_one_group_wait_for_the_first);
	TEST(proofs_hold_in_overlay_and_index);
	TEST(the_system_log_is_proved_but_not_read);
	TEST(checkpoints_are_signed_once_per_size);
	TEST(tiles_give_the_root);
	TEST(keys_come_and_go);
	return tap_done();
}
