/*
 * Time anchors and trust points in the core, over the mem driver, with a self-made authority that
 * a test can keep from answering, or have answer wrongly. What is proved is verified from the
 * answers alone: paths, roots, tokens.
 */
#include "core.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "anchor.h"
#include "clock.h"
#include "conf.h"
#include "mem.h"
#include "note.h"
#include "store.h"
#include "tap.h"
#include "tsp.h"

static struct tally_arena arena;
static struct tally_err err;

/* ---- the authority, as the core sees it ---- */

static struct {
	struct tally_tsa_files files;
	struct tally_tsa *tsa;
	struct tally_tsp_trust *trust;
	_Atomic unsigned int asked;	/* how often */
	bool dead, other;		/* it does not answer; it stamps something else */
	void (*meanwhile)(void);	/* what happens while it is asked */
} authority;

static int stamp(void *ctx, const uint8_t digest[TALLY_HASH_SIZE], struct tally_arena *to,
		 struct tally_bytes *token_r, struct tally_err *stamp_err)
{
	uint8_t else_digest[TALLY_HASH_SIZE] = { 1 };
	struct tally_bytes query, reply;
	struct tally_tsp_info info;

	(void)ctx;
	authority.asked++;
	if (authority.meanwhile != NULL)
		authority.meanwhile();
	if (authority.dead)
		return tally_err_about(stamp_err, TALLY_IO, "TimeAuthority", "nobody answers");
	if (tally_tsp_query(authority.other ? else_digest : digest, to, &query, stamp_err) != 0 ||
	    tally_tsa_answer(authority.tsa, query, tally_now_ms(), to, &reply, stamp_err) != 0)
		return -1;
	return tally_tsp_accept(query, reply, authority.trust, to, token_r, &info, stamp_err);
}

/* ---- the world: a core, its first account, a ledger ---- */

static struct world {
	struct tally_conf *conf;
	struct tally_store *store;
	struct tally_core *core;
	struct tally_first_key first;
	char ledger[TALLY_LEDGER_ID_SIZE + 1];
} w;

static struct tally_bytes id(void)
{
	return tally_bytes_str(w.ledger);
}

static struct tally_write owner(void)
{
	return (struct tally_write){ .caller = { .account = w.first.account } };
}

static bool open_core(bool create, bool with_stamp, bool short_lived)
{
	struct tally_core_options options = { .conf = w.conf, .short_lived = short_lived,
					      .stamp = with_stamp ? stamp : NULL };
	struct tally_store_args args = { .location = "mem:time", .conf = w.conf, .create = create,
					 .blocks = true, .index = true };
	const struct tally_driver *driver;

	return tally_driver_find("mem", NULL, &driver, &err) == 0 &&
	       tally_store_open(driver, &args, &w.store, &err) == 0 &&
	       tally_core_open_on(&options, w.store, w.store, create ? &w.first : NULL, &w.core,
				  &err) == 0;
}

static bool make_ledger(struct tally_ledger_create create, char id_r[TALLY_LEDGER_ID_SIZE + 1])
{
	struct tally_write write = owner();
	struct tally_ledger_created created;

	create.name = TALLY_BYTES_LIT("bounded");
	if (tally_ledger_create(w.core, &write, &create, &created, &err) != 0)
		return false;
	strcpy(id_r, created.ledger_id);
	return true;
}

static bool begin(bool short_lived)
{
	memset(&w, 0, sizeof(w));
	authority.asked = 0;
	authority.dead = authority.other = false;
	authority.meanwhile = NULL;
	w.conf = tally_conf_new();
	tally_conf_override(w.conf, "ledger", "state_journals", "0");
	if (open_core(true, true, short_lived) &&
	    make_ledger((struct tally_ledger_create){ 0 }, w.ledger))
		return true;
	FAIL("begin: %s", err.text);
	return false;
}

static void end(void)
{
	tally_core_close(&w.core);
	tally_conf_free(&w.conf);
	tally_mem_forget("time");
}

static uint64_t append_to(struct tally_bytes ledger)
{
	struct tally_entry entry = { .payload = TALLY_BYTES_LIT("something") };
	struct tally_append_result result = { 0 };
	struct tally_write write = owner();

	CHECK_OK(tally_append(w.core, &write, ledger, &entry, 1, true, &result, &err));
	return result.receipt.journal_id;
}

static uint64_t anchor_now(struct tally_bytes ledger)
{
	struct tally_receipt receipt = { 0 };
	struct tally_write write = owner();

	CHECK_OK(tally_anchor_create(w.core, &write, ledger, &receipt, &err));
	return receipt.journal_id;
}

static uint64_t size_of(struct tally_bytes ledger)
{
	struct tally_ledger_info info = { 0 };

	if (tally_ledger_describe(w.core, ledger, &arena, &info, &err) != 1)
		return 0;
	return info.journal_count;
}

/* The time ledger's id, and whether it is there. */
static uint64_t time_ledger(char id_r[TALLY_LEDGER_ID_SIZE + 1])
{
	struct tally_anchor anchor;

	tally_anchor_stamp(w.core, 1, &arena, id_r, &anchor, &err);
	return size_of(tally_bytes_str(id_r));
}

/* ---- verifying from a leaf alone ---- */

/* The leaf of an anchor of a ledger with this origin: its checkpoint is among what was stamped, and
 * that is what the token says. Its tree's size and root. */
static bool anchor_verifies(struct tally_bytes leaf, const char *origin, uint64_t *size_r,
			    struct tally_hash *root_r)
{
	struct tally_anchor_leaf anchor;
	struct tally_bytes token;
	struct tally_tsp_info info;
	struct tally_err why;

	if (!tally_anchor_parse(leaf, &anchor))
		return false;
	*size_r = anchor.version;
	*root_r = anchor.root;
	return tally_anchor_verify(&anchor, tally_bytes_str(origin)) &&
	       tally_base64_decode(&arena, anchor.token, &token) &&
	       tally_tsp_verify(token, anchor.digest.bytes, authority.trust, &info, &why) == 0 &&
	       info.time_ms == anchor.time_ms;
}

/* Of a leaf that is changed, nothing verifies: each member in turn is taken out or altered. */
static void a_changed_leaf_does_not_verify(void)
{
	static const struct {
		const char *from, *to;
	} cases[] = {
		{ "\"ledgerVersion\":2", "\"ledgerVersion\":3" }, { "\"index\":1", "\"index\":0" },
		{ "\"count\":2", "\"count\":3" }, { "\"ledgerDigest\":\"", "\"ledgerDigest\":\"0" },
		{ "\"path\":\"", "\"path\":\"AAAA" }, { "\"path\"", "\"pbth\"" },
		{ "\"digest\"", "\"digesu\"" }, { "\"token\"", "\"tokeo\"" },
		{ "\"genTime\"", "\"genTimf\"" }, { "CREATE_TIMEANCHOR", "CREATE_TIMEANCHOS" },
		{ "\"v\":1", "\"v\":2" }, { "\"data\":{", "\"data\":{ " }, { "}", "" },
	};
	struct tally_anchor_leaf anchor;
	struct tally_ledger_info info;
	struct tally_journal journal;
	struct tally_hash root;
	const char *leaf, *at;
	uint64_t size;

	REQUIRE(begin(true));
	append_to(id());
	REQUIRE(tally_journal_get(w.core, id(), anchor_now(id()), &arena, &journal, &err) == 1);
	REQUIRE(tally_ledger_describe(w.core, id(), &arena, &info, &err) == 1);
	CHECK(anchor_verifies(journal.leaf, info.origin, &size, &root));
	leaf = tally_arena_str(&arena, journal.leaf);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		CASE("%s", cases[i].to);
		at = strstr(leaf, cases[i].from);
		REQUIRE(at != NULL);
		CHECK(!anchor_verifies(tally_bytes_str(tally_arena_printf(
			&arena, "%.*s%s%s", (int)(at - leaf), leaf, cases[i].to,
			at + strlen(cases[i].from))), info.origin, &size, &root));
	}
	CASE("another name");
	CHECK(!anchor_verifies(journal.leaf, "another.example/log", &size, &root));
	CHECK(tally_anchor_parse(journal.leaf, &anchor));
	CHECK(!tally_anchor_verify(&anchor, TALLY_BYTES_LIT("two\nlines")));
	CASE("no anchor");
	REQUIRE(tally_journal_get(w.core, id(), 1, &arena, &journal, &err) == 1);
	CHECK(!tally_anchor_parse(journal.leaf, &anchor));
	CHECK(!tally_anchor_parse(TALLY_BYTES_NONE, &anchor));
	end();
}

/* ---- anchors ---- */

static void an_anchor_stands_in_its_ledger_and_in_the_time_ledger(void)
{
	char time_id[TALLY_LEDGER_ID_SIZE + 1];
	struct tally_anchor anchor, last, in_time;
	struct tally_ledger_info info, times;
	struct tally_journal journal;
	struct tally_hash root;
	uint64_t journal_id, size;

	REQUIRE(begin(true));
	CHECK_INT(tally_anchor_last(w.core, id(), &arena, &last, &err), 0);
	CHECK_INT(time_ledger(time_id), 0);
	append_to(id());
	CHECK_INT(tally_ledger_describe(w.core, id(), &arena, &info, &err), 1);
	journal_id = anchor_now(id());
	CHECK_INT(journal_id, 2);
	REQUIRE(tally_anchor_get(w.core, id(), journal_id, &arena, &anchor, &err) == 1);
	CHECK(!anchor.given);
	CHECK_INT(anchor.version, 2);
	CHECK_MEM(anchor.root.bytes, info.root.bytes, 32);
	CHECK(anchor.time_ms <= tally_now_ms() && anchor.time_ms + 60000 > tally_now_ms());
	CHECK_BYTES(anchor.authority, TALLY_BYTES_LIT("Test (self-made, for tests)"));
	REQUIRE(tally_journal_get(w.core, id(), journal_id, &arena, &journal, &err) == 1);
	CHECK_STR(journal.payload_type, "CREATE_TIMEANCHOR");
	CHECK(anchor_verifies(journal.leaf, info.origin, &size, &root));
	CHECK_INT(size, 2);
	CASE("the last one");
	REQUIRE(tally_anchor_last(w.core, id(), &arena, &last, &err) == 1);
	CHECK_INT(last.journal_id, journal_id);
	CHECK_INT(tally_ledger_describe(w.core, id(), &arena, &info, &err), 1);
	CHECK_INT(info.time_anchor_count, 1);
	CASE("no anchor");
	CHECK_INT(tally_anchor_get(w.core, id(), 1, &arena, &last, &err), 0);
	CHECK_INT(tally_anchor_get(w.core, id(), 99, &arena, &last, &err), 0);

	CASE("in the time ledger");
	CHECK_INT(time_ledger(time_id), 2);
	REQUIRE(tally_anchor_stamp(w.core, 1, &arena, time_id, &in_time, &err) == 1);
	CHECK_MEM(in_time.digest.bytes, anchor.digest.bytes, 32);
	CHECK_BYTES(in_time.token, anchor.token);
	CHECK_BYTES(in_time.proof, anchor.proof);
	CHECK(strstr(tally_arena_str(&arena, anchor.proof), "\"sequence\":1}") != NULL);
	CHECK_INT(tally_anchor_stamp(w.core, 0, &arena, time_id, &in_time, &err), 0);
	CHECK_INT(tally_anchor_stamp(w.core, 2, &arena, time_id, &in_time, &err), 0);
	REQUIRE(tally_ledger_describe(w.core, tally_bytes_str(time_id), &arena, &times, &err) == 1);
	CHECK(times.public_read);
	CHECK_INT(times.owner, w.first.account);
	REQUIRE(tally_journal_get(w.core, tally_bytes_str(time_id), 1, &arena, &journal, &err) == 1);
	CHECK(anchor_verifies(journal.leaf, times.origin, &size, &root));
	CHECK_INT(size, 1);	/* the stamp bounds the time ledger before it */
	end();
}

/* The leaf of one ledger's anchor does not do for another's. */
static void an_anchor_is_of_its_own_ledger(void)
{
	struct tally_ledger_info info, other_info;
	char other[TALLY_LEDGER_ID_SIZE + 1];
	struct tally_journal journal;
	struct tally_hash root;
	uint64_t size;
	size_t count;

	REQUIRE(begin(true));
	REQUIRE(make_ledger((struct tally_ledger_create){ 0 }, other));
	CHECK_OK(tally_anchor_many(w.core, ANCHOR_GROWN, &count, &err));
	CHECK_INT(count, 2);
	CHECK_INT(authority.asked, 1);
	CHECK_INT(tally_ledger_describe(w.core, id(), &arena, &info, &err), 1);
	CHECK_INT(tally_ledger_describe(w.core, tally_bytes_str(other), &arena, &other_info, &err), 1);
	REQUIRE(tally_journal_get(w.core, id(), 1, &arena, &journal, &err) == 1);
	CHECK(anchor_verifies(journal.leaf, info.origin, &size, &root));
	CHECK(!anchor_verifies(journal.leaf, other_info.origin, &size, &root));
	end();
}

static void one_stamp_serves_many_ledgers(void)
{
	char ids[40][TALLY_LEDGER_ID_SIZE + 1], time_id[TALLY_LEDGER_ID_SIZE + 1];
	size_t count;

	REQUIRE(begin(true));
	for (int i = 0; i < 40; i++)
		REQUIRE(make_ledger((struct tally_ledger_create){ 0 }, ids[i]));
	CHECK_OK(tally_anchor_many(w.core, ANCHOR_GROWN, &count, &err));
	CHECK_INT(count, 41);
	CHECK_INT(authority.asked, 1);
	CHECK_INT(time_ledger(time_id), 2);
	for (int i = 0; i < 40; i++) {
		struct tally_ledger_info info;
		struct tally_journal journal;
		struct tally_hash root;
		uint64_t size;

		CASE("ledger %d", i);
		REQUIRE(tally_ledger_describe(w.core, tally_bytes_str(ids[i]), &arena, &info, &err) == 1);
		REQUIRE(tally_journal_get(w.core, tally_bytes_str(ids[i]), 1, &arena, &journal, &err) == 1);
		CHECK(anchor_verifies(journal.leaf, info.origin, &size, &root));
		CHECK_INT(size, 1);
	}
	end();
}

static void what_has_not_grown_is_left_alone(void)
{
	struct tally_write write = owner();
	struct tally_receipt receipt;
	size_t count;

	REQUIRE(begin(true));
	CHECK_OK(tally_anchor_many(w.core, ANCHOR_GROWN, &count, &err));
	CHECK_INT(count, 1);
	CASE("the anchor is no growth");
	CHECK_OK(tally_anchor_many(w.core, ANCHOR_GROWN, &count, &err));
	CHECK_INT(count, 0);
	CASE("a STATE_ROOT is none");
	CHECK_INT(tally_state_refresh(w.core, id(), &err), 1);
	CHECK_OK(tally_anchor_many(w.core, ANCHOR_GROWN, &count, &err));
	CHECK_INT(count, 0);
	CHECK_INT(authority.asked, 1);
	CASE("a journal is");
	append_to(id());
	CHECK_OK(tally_anchor_many(w.core, ANCHOR_GROWN, &count, &err));
	CHECK_INT(count, 1);
	CASE("a certificate from elsewhere is");
	write = owner();
	CHECK_OK(tally_anchor_give(w.core, &write, id(), 1, TALLY_BYTES_LIT("x"), &receipt, &err));
	CHECK_OK(tally_anchor_many(w.core, ANCHOR_GROWN, &count, &err));
	CHECK_INT(count, 1);
	CASE("no ledger has an interval");
	append_to(id());
	CHECK_OK(tally_anchor_many(w.core, ANCHOR_DUE, &count, &err));
	CHECK_INT(count, 0);
	CHECK_OK(tally_anchor_many(w.core, ANCHOR_OPEN, &count, &err));
	CHECK_INT(count, 0);
	end();
}

static void *append_late(void *ctx)
{
	(void)ctx;
	append_to(id());
	return NULL;
}

static void append_meanwhile(void)
{
	pthread_t thread;

	authority.meanwhile = NULL;
	pthread_create(&thread, NULL, append_late, NULL);
	pthread_join(thread, NULL);	/* it ends: nothing waits for the authority */
}

/* What is appended while the authority is asked is answered at once, and is covered by the next. */
static void appends_go_on_meanwhile(void)
{
	struct tally_anchor anchor;
	size_t count;

	REQUIRE(begin(false));
	authority.meanwhile = append_meanwhile;
	CHECK_INT(anchor_now(id()), 2);
	REQUIRE(tally_anchor_last(w.core, id(), &arena, &anchor, &err) == 1);
	CHECK_INT(anchor.version, 1);
	CHECK_OK(tally_anchor_many(w.core, ANCHOR_GROWN, &count, &err));
	CHECK_INT(count, 1);
	REQUIRE(tally_anchor_last(w.core, id(), &arena, &anchor, &err) == 1);
	CHECK(anchor.version >= 3);
	end();
}

static void delete_meanwhile(void)
{
	struct tally_write write = owner();

	authority.meanwhile = NULL;
	CHECK_OK(tally_ledger_delete(w.core, &write, id(), &err));
}

/* As if the process had died between the two journals: a stamp without its ledger's anchor. */
static void a_ledger_that_is_gone_keeps_no_other_back(void)
{
	char other[TALLY_LEDGER_ID_SIZE + 1], time_id[TALLY_LEDGER_ID_SIZE + 1];
	struct tally_anchor anchor;
	size_t count;

	REQUIRE(begin(false));
	REQUIRE(make_ledger((struct tally_ledger_create){ 0 }, other));
	authority.meanwhile = delete_meanwhile;
	CHECK_OK(tally_anchor_many(w.core, ANCHOR_GROWN, &count, &err));
	CHECK_INT(count, 1);
	CHECK_INT(tally_anchor_last(w.core, tally_bytes_str(other), &arena, &anchor, &err), 1);
	CHECK_INT(time_ledger(time_id), 2);
	CHECK_OK(tally_anchor_many(w.core, ANCHOR_GROWN, &count, &err));
	CHECK_INT(count, 0);
	end();
}

/* ---- authorities that fail ---- */

static void without_a_stamp_nothing_is_written(void)
{
	char time_id[TALLY_LEDGER_ID_SIZE + 1];
	struct tally_receipt receipt;
	struct tally_write write;
	size_t count;

	REQUIRE(begin(true));
	write = owner();
	authority.dead = true;
	CHECK_FAILS(tally_anchor_create(w.core, &write, id(), &receipt, &err), TALLY_IO);
	CHECK_STR(err.subject, "TimeAuthority");
	CHECK_FAILS(tally_anchor_many(w.core, ANCHOR_GROWN, &count, &err), TALLY_IO);
	authority.dead = false;
	authority.other = true;
	CASE("a stamp of something else");
	CHECK_FAILS(tally_anchor_create(w.core, &write, id(), &receipt, &err), TALLY_CORRUPT);
	authority.other = false;
	CHECK_INT(time_ledger(time_id), 1);
	CHECK_INT(size_of(id()), 1);
	CASE("it answers again");
	CHECK_OK(tally_anchor_many(w.core, ANCHOR_GROWN, &count, &err));
	CHECK_INT(count, 1);
	end();
}

static void without_authorities(void)
{
	struct tally_receipt receipt;
	struct tally_write write;
	size_t count = 7;

	memset(&w, 0, sizeof(w));
	w.conf = tally_conf_new();
	tally_conf_override(w.conf, "ledger", "state_journals", "0");
	REQUIRE(open_core(true, false, true));
	REQUIRE(make_ledger((struct tally_ledger_create){ 0 }, w.ledger));
	write = owner();
	CHECK_FAILS(tally_anchor_create(w.core, &write, id(), &receipt, &err), TALLY_UNSUPPORTED);
	CHECK_OK(tally_anchor_many(w.core, ANCHOR_GROWN, &count, &err));
	CHECK_INT(count, 0);
	end();
}

/* ---- many at once ---- */

static struct {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool open;
	unsigned int refused;
	_Atomic unsigned int started;
} gate = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, 0, 0 };

static void wait_for_gate(void)
{
	pthread_mutex_lock(&gate.lock);
	while (!gate.open)
		pthread_cond_wait(&gate.wake, &gate.lock);
	pthread_mutex_unlock(&gate.lock);
}

static void *anchor_thread(void *ctx)
{
	struct tally_write write = owner();
	struct tally_receipt receipt;
	struct tally_err own;

	(void)ctx;
	gate.started++;
	if (tally_anchor_create(w.core, &write, id(), &receipt, &own) != 0) {
		pthread_mutex_lock(&gate.lock);
		gate.refused++;
		if (own.code != TALLY_BUSY)
			FAIL("refused with %s: %s", tally_code_name(own.code), own.text);
		pthread_mutex_unlock(&gate.lock);
	}
	return NULL;
}

/* Twelve ask at once: eight are served by two stamps, those for whom there is no room are told so. */
static void callers_share_a_stamp(void)
{
	pthread_t threads[12];
	struct tally_anchor_page page;
	unsigned int refused = 0;
	uint64_t end_ms;

	REQUIRE(begin(false));
	gate.open = false;
	gate.refused = 0;
	gate.started = 0;
	authority.meanwhile = wait_for_gate;
	for (int i = 0; i < 12; i++)
		pthread_create(&threads[i], NULL, anchor_thread, NULL);
	end_ms = tally_now_ms() + 20000;
	while (refused < 4 && tally_now_ms() < end_ms) {	/* the others wait then */
		pthread_mutex_lock(&gate.lock);
		refused = gate.refused;
		pthread_mutex_unlock(&gate.lock);
		usleep(1000);
	}
	CHECK_INT(refused, 4);
	pthread_mutex_lock(&gate.lock);
	gate.open = true;
	pthread_cond_broadcast(&gate.wake);
	pthread_mutex_unlock(&gate.lock);
	for (int i = 0; i < 12; i++)
		pthread_join(threads[i], NULL);
	CHECK_OK(tally_anchor_list(w.core, id(), 0, false, 100, &arena, &page, &err));
	CHECK_INT(page.count, 8);
	CHECK_INT(authority.asked, 2);
	end();
}

/* ---- sent twice ---- */

static void a_request_is_done_once(void)
{
	struct tally_receipt first = { 0 }, second = { 0 };
	struct tally_write write;

	REQUIRE(begin(true));
	write = owner();
	write.token = TALLY_BYTES_LIT("token");
	CHECK_OK(tally_anchor_create(w.core, &write, id(), &first, &err));
	CHECK_OK(tally_anchor_create(w.core, &write, id(), &second, &err));
	CHECK_INT(second.journal_id, first.journal_id);
	CHECK_INT(authority.asked, 1);
	CASE("a nonce");
	write = owner();
	write.nonce = TALLY_BYTES_LIT("key\nnonce");
	write.request_ms = tally_now_ms();
	CHECK_OK(tally_anchor_create(w.core, &write, id(), &first, &err));
	CHECK_FAILS(tally_anchor_create(w.core, &write, id(), &second, &err), TALLY_REPLAYED);
	write.again = true;
	CHECK_OK(tally_anchor_create(w.core, &write, id(), &second, &err));
	CHECK_INT(second.journal_id, first.journal_id);
	CHECK_INT(authority.asked, 2);
	CASE("a certificate with a token");
	write = owner();
	write.token = TALLY_BYTES_LIT("other");
	CHECK_OK(tally_anchor_give(w.core, &write, id(), 5, TALLY_BYTES_LIT("a"), &first, &err));
	CHECK_OK(tally_anchor_give(w.core, &write, id(), 5, TALLY_BYTES_LIT("a"), &second, &err));
	CHECK_INT(second.journal_id, first.journal_id);
	CHECK_FAILS(tally_anchor_give(w.core, &write, id(), 5, TALLY_BYTES_LIT("b"), &second, &err),
		    TALLY_MISMATCH);
	end();
}

/* ---- who may ---- */

static void the_service_alone_writes_to_the_time_ledger(void)
{
	struct tally_write local = { .caller = { .local = true } }, write;
	struct tally_ledger_change change = { .set_public_read = true };
	char time_id[TALLY_LEDGER_ID_SIZE + 1];
	struct tally_append_result result;
	struct tally_entry entry = { .payload = TALLY_BYTES_LIT("x") };
	struct tally_receipt receipt;
	struct tally_caller nobody = { 0 };
	struct tally_bytes times;

	REQUIRE(begin(true));
	anchor_now(id());
	time_ledger(time_id);
	times = tally_bytes_str(time_id);
	for (int i = 0; i < 2; i++) {
		write = i == 0 ? owner() : local;
		CASE("%s", i == 0 ? "its owner" : "local administration");
		CHECK_FAILS(tally_append(w.core, &write, times, &entry, 1, true, &result, &err),
			    TALLY_DENIED);
		CHECK_FAILS(tally_ledger_modify(w.core, &write, times, &change, &err), TALLY_DENIED);
		CHECK_FAILS(tally_ledger_delete(w.core, &write, times, &err), TALLY_DENIED);
		CHECK_FAILS(tally_anchor_create(w.core, &write, times, &receipt, &err), TALLY_DENIED);
		CHECK_FAILS(tally_anchor_give(w.core, &write, times, 1, TALLY_BYTES_LIT("x"), &receipt,
					      &err), TALLY_DENIED);
		CHECK_FAILS(tally_trust_point_set(w.core, &write, times, 0, &receipt, &err),
			    TALLY_DENIED);
	}
	CASE("everybody");
	CHECK_OK(tally_authorise(w.core, &nobody, times, PERM_VIEW_JOURNAL, &err));
	CHECK_OK(tally_authorise(w.core, &nobody, times, PERM_VIEW_TIMEANCHOR, &err));
	CHECK_INT(size_of(times), 2);
	end();
}

static void roles(void)
{
	static const struct {
		enum tally_role role;
		bool may;
	} cases[] = { { ROLE_READER, false }, { ROLE_WRITER, false }, { ROLE_ADMIN, true } };
	struct tally_write write;
	struct tally_receipt receipt;

	REQUIRE(begin(true));
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct tally_member_create create = { .role = cases[i].role,
						      .account = 5000 + i };
		char member[TALLY_MEMBER_ID_SIZE + 1];

		CASE("%s", tally_role_name(cases[i].role));
		write = owner();
		CHECK_OK(tally_member_create(w.core, &write, id(), &create, member, &err));
		write.caller.account = create.account;
		CHECK_OK(tally_authorise(w.core, &write.caller, id(), PERM_VIEW_TIMEANCHOR, &err));
		CHECK_OK(tally_authorise(w.core, &write.caller, id(), PERM_VIEW_TRUSTPOINT, &err));
		if (cases[i].may) {
			CHECK_OK(tally_anchor_create(w.core, &write, id(), &receipt, &err));
			CHECK_OK(tally_trust_point_set(w.core, &write, id(), 0, &receipt, &err));
			continue;
		}
		CHECK_FAILS(tally_anchor_create(w.core, &write, id(), &receipt, &err), TALLY_DENIED);
		CHECK_FAILS(tally_trust_point_set(w.core, &write, id(), 0, &receipt, &err),
			    TALLY_DENIED);
	}
	CHECK_INT(authority.asked, 1);
	CASE("a stranger");
	write.caller.account = 77;
	CHECK_FAILS(tally_anchor_create(w.core, &write, id(), &receipt, &err), TALLY_NOTFOUND);
	end();
}

/* ---- certificates from elsewhere ---- */

static void certificates_are_kept_as_given(void)
{
	struct tally_bytes proof = TALLY_BYTES_LIT("{\"any\":\"th\xc3\xadng\"}\n");
	struct tally_time_proof bounds;
	struct tally_receipt receipt;
	struct tally_anchor anchor;
	struct tally_ledger_info info;
	struct tally_write write;

	REQUIRE(begin(true));
	write = owner();
	append_to(id());
	CHECK_INT(tally_ledger_describe(w.core, id(), &arena, &info, &err), 1);
	CHECK_OK(tally_anchor_give(w.core, &write, id(), 1587515659, proof, &receipt, &err));
	REQUIRE(tally_anchor_get(w.core, id(), receipt.journal_id, &arena, &anchor, &err) == 1);
	CHECK(anchor.given);
	CHECK_INT(anchor.time_ms, 1587515659000);
	CHECK_BYTES(anchor.proof, proof);
	CHECK_INT(anchor.version, 2);
	CHECK_MEM(anchor.root.bytes, info.root.bytes, 32);
	CHECK_INT(anchor.token.size, 0);
	CASE("it bounds nothing");
	append_to(id());
	CHECK_INT(tally_time_prove(w.core, id(), 1, &arena, &bounds, &err), 1);
	CHECK(!bounds.has_after && !bounds.has_before);
	CHECK_INT(tally_time_prove(w.core, id(), 3, &arena, &bounds, &err), 1);
	CHECK(!bounds.has_after && !bounds.has_before);
	end();
}

/* ---- lists ---- */

static void anchors_are_listed_in_pages(void)
{
	struct tally_anchor_page page;
	uint64_t want[7], from;
	unsigned int seen;

	REQUIRE(begin(true));
	for (int i = 0; i < 7; i++) {
		append_to(id());
		want[i] = anchor_now(id());
	}
	for (int flushed = 0; flushed < 2; flushed++) {
		CASE("%s", flushed ? "from the index" : "from the overlay");
		if (flushed)
			CHECK_OK(tally_core_maintain(w.core, &err));
		seen = 0;
		from = 0;
		do {
			CHECK_OK(tally_anchor_list(w.core, id(), from, false, 3, &arena, &page, &err));
			for (size_t i = 0; i < page.count; i++)
				CHECK_INT(page.anchors[i].journal_id, want[seen++]);
			from = page.cursor;
		} while (page.more && seen < 7);
		CHECK_INT(seen, 7);
		CHECK(!page.more);
		seen = 0;
		from = UINT64_MAX;
		do {
			CHECK_OK(tally_anchor_list(w.core, id(), from, true, 2, &arena, &page, &err));
			for (size_t i = 0; i < page.count; i++)
				CHECK_INT(page.anchors[i].journal_id, want[6 - seen++]);
			from = page.cursor;
		} while (page.more && seen < 7);
		CHECK_INT(seen, 7);
	}
	CHECK_FAILS(tally_anchor_list(w.core, TALLY_BYTES_LIT("l-0000000000000000000000001"), 0, false,
				      3, &arena, &page, &err), TALLY_NOTFOUND);
	end();
}

/* ---- bounds ---- */

/* Everything that bounds a journal, held against the checkpoint's root and the token. */
static void check_bounds(uint64_t journal_id, const char *origin, uint64_t after, uint64_t before)
{
	struct tally_checkpoint checkpoint;
	struct tally_time_proof proof;
	struct tally_hash leaf, root;
	struct tally_note note;
	uint64_t size;

	CASE("journal %" PRIu64, journal_id);
	REQUIRE(tally_time_prove(w.core, id(), journal_id, &arena, &proof, &err) == 1);
	REQUIRE(tally_note_parse(proof.checkpoint.note, &note));
	REQUIRE(tally_checkpoint_parse(note.text, &checkpoint));
	CHECK(tally_inclusion_verify(journal_id, checkpoint.size, &proof.journal.hash,
				     proof.proof.path, proof.proof.path_count, &checkpoint.root));
	CHECK_INT(proof.has_after, after != UINT64_MAX);
	CHECK_INT(proof.has_before, before != UINT64_MAX);
	if (proof.has_after) {
		CHECK_INT(proof.after.journal_id, after);
		CHECK(after < journal_id);
		tally_leaf_hash(proof.after.leaf, &leaf);
		CHECK(tally_inclusion_verify(after, checkpoint.size, &leaf, proof.after.proof.path,
					     proof.after.proof.path_count, &checkpoint.root));
		CHECK(anchor_verifies(proof.after.leaf, origin, &size, &root));
	}
	if (proof.has_before) {
		CHECK_INT(proof.before.journal_id, before);
		tally_leaf_hash(proof.before.leaf, &leaf);
		CHECK(tally_inclusion_verify(before, checkpoint.size, &leaf, proof.before.proof.path,
					     proof.before.proof.path_count, &checkpoint.root));
		CHECK(anchor_verifies(proof.before.leaf, origin, &size, &root));
		CHECK(size > journal_id);
		CHECK(tally_inclusion_verify(journal_id, size, &proof.journal.hash, proof.cover.path,
					     proof.cover.path_count, &root));
	}
}

static void a_journal_is_bounded_from_both_sides(void)
{
	struct tally_time_proof proof;
	struct tally_ledger_info info;
	uint64_t first, second;

	REQUIRE(begin(true));
	for (int i = 0; i < 5; i++)
		append_to(id());
	first = anchor_now(id());	/* 6, of 0 to 5 */
	for (int i = 0; i < 300; i++)
		append_to(id());
	second = anchor_now(id());	/* 307 */
	append_to(id());		/* 308 */
	CHECK_INT(tally_ledger_describe(w.core, id(), &arena, &info, &err), 1);
	for (int flushed = 0; flushed < 2; flushed++) {
		if (flushed)
			CHECK_OK(tally_core_maintain(w.core, &err));
		check_bounds(0, info.origin, UINT64_MAX, first);
		check_bounds(5, info.origin, UINT64_MAX, first);
		check_bounds(first, info.origin, UINT64_MAX, second);	/* the anchor itself, too */
		check_bounds(first + 1, info.origin, first, second);
		check_bounds(100, info.origin, first, second);
		check_bounds(second - 1, info.origin, first, second);
		check_bounds(second, info.origin, first, UINT64_MAX);
		check_bounds(308, info.origin, second, UINT64_MAX);
	}
	CASE("no such journal");
	CHECK_INT(tally_time_prove(w.core, id(), 309, &arena, &proof, &err), 0);
	CHECK_INT(tally_time_prove(w.core, TALLY_BYTES_LIT("l-0000000000000000000000001"), 0, &arena,
				   &proof, &err), 0);
	end();
}

/* ---- intervals ---- */

static void intervals(void)
{
	struct tally_ledger_change change = { .set_anchor_interval = true };
	char hourly[TALLY_LEDGER_ID_SIZE + 1];
	struct tally_ledger_info info;
	struct tally_write write;
	uint64_t end_ms;
	size_t count;

	REQUIRE(begin(true));
	REQUIRE(make_ledger((struct tally_ledger_create){ .set_anchor_interval = true,
							  .anchor_interval_s = 3600 }, hourly));
	CHECK_INT(tally_ledger_describe(w.core, tally_bytes_str(hourly), &arena, &info, &err), 1);
	CHECK(info.has_anchor_interval);
	CHECK_INT(info.anchor_interval_s, 3600);
	CHECK_INT(tally_ledger_describe(w.core, id(), &arena, &info, &err), 1);
	CHECK(!info.has_anchor_interval);
	CASE("a ledger that was never anchored is due");
	CHECK_OK(tally_anchor_many(w.core, ANCHOR_OPEN, &count, &err));
	CHECK_INT(count, 1);
	CHECK_INT(size_of(tally_bytes_str(hourly)), 2);
	append_to(tally_bytes_str(hourly));
	CASE("... and then not before an hour");
	CHECK_OK(tally_anchor_many(w.core, ANCHOR_OPEN, &count, &err));
	CHECK_INT(count, 0);
	CHECK_OK(tally_anchor_many(w.core, ANCHOR_DUE, &count, &err));
	CHECK_INT(count, 0);
	CASE("another interval");
	write = owner();
	change.anchor_interval_s = 1;
	CHECK_OK(tally_ledger_modify(w.core, &write, tally_bytes_str(hourly), &change, &err));
	end_ms = tally_now_ms() + 20000;
	do {
		CHECK_OK(tally_anchor_many(w.core, ANCHOR_OPEN, &count, &err));
		usleep(10000);
	} while (count == 0 && tally_now_ms() < end_ms);
	CHECK_INT(count, 1);
	CASE("off");
	write = owner();
	change.anchor_interval_s = 0;
	CHECK_OK(tally_ledger_modify(w.core, &write, tally_bytes_str(hourly), &change, &err));
	append_to(tally_bytes_str(hourly));
	CHECK_OK(tally_anchor_many(w.core, ANCHOR_DUE, &count, &err));
	CHECK_INT(count, 0);
	CASE("of all ledgers");
	tally_core_close(&w.core);
	tally_conf_override(w.conf, "time", "anchor_interval", "1s");
	REQUIRE(open_core(false, true, true));
	CHECK_OK(tally_anchor_many(w.core, ANCHOR_DUE, &count, &err));
	CHECK_INT(count, 1);	/* not the one that says off */
	CHECK_INT(size_of(id()), 2);
	end();
}

/* ---- the index ---- */

static int add_pair(void *ctx, uint32_t table, struct tally_bytes key, struct tally_bytes value)
{
	struct tally_sha256 *sha = ctx;

	tally_sha256_add(sha, &table, sizeof(table));
	tally_sha256_add(sha, &key.size, sizeof(key.size));
	tally_sha256_add(sha, key.data, key.size);
	tally_sha256_add(sha, &value.size, sizeof(value.size));
	tally_sha256_add(sha, value.data, value.size);
	return 0;
}

static void index_hash(struct tally_bytes ledger, uint8_t hash_r[TALLY_HASH_SIZE])
{
	struct tally_sha256 sha;
	uint8_t space[8] = { 0 };

	tally_hex_decode(tally_bytes(ledger.data + 2, 16), space, 8);
	tally_sha256_init(&sha);
	CHECK_OK(tally_core_index_each(w.core, tally_get_u64(space), add_pair, &sha, &err));
	tally_sha256_end(&sha, hash_r);
}

static void a_rebuild_gives_the_same_index(void)
{
	uint8_t before[TALLY_HASH_SIZE], after[TALLY_HASH_SIZE];
	struct tally_trust_point point;
	struct tally_receipt receipt;
	struct tally_anchor anchor;
	struct tally_write write;

	REQUIRE(begin(true));
	write = owner();
	for (int i = 0; i < 3; i++) {
		append_to(id());
		anchor_now(id());
		CHECK_OK(tally_core_maintain(w.core, &err));
	}
	CHECK_OK(tally_trust_point_set(w.core, &write, id(), 4, &receipt, &err));
	CHECK_OK(tally_anchor_give(w.core, &write, id(), 9, TALLY_BYTES_LIT("x"), &receipt, &err));
	index_hash(id(), before);
	CHECK_OK(tally_core_rebuild(w.core, TALLY_BYTES_NONE, NULL, NULL, &err));
	index_hash(id(), after);
	CHECK_MEM(before, after, sizeof(before));
	CASE("opened anew");
	tally_core_close(&w.core);
	REQUIRE(open_core(false, true, true));
	index_hash(id(), after);
	CHECK_MEM(before, after, sizeof(before));
	CHECK_INT(tally_anchor_last(w.core, id(), &arena, &anchor, &err), 1);
	CHECK(anchor.given);
	CHECK_INT(tally_trust_point_get(w.core, id(), &point, &err), 1);
	CHECK_INT(point.journal_id, 4);
	end();
}

/* ---- trust points ---- */

static void trust_points(void)
{
	struct tally_trust_point point;
	struct tally_receipt receipt;
	struct tally_journal journal;
	struct tally_write write;

	REQUIRE(begin(true));
	write = owner();
	CHECK_INT(tally_trust_point_get(w.core, id(), &point, &err), 0);
	append_to(id());
	CHECK_FAILS(tally_trust_point_set(w.core, &write, id(), 2, &receipt, &err), TALLY_INVALID);
	CHECK_STR(err.subject, "JournalId");
	CHECK_OK(tally_trust_point_set(w.core, &write, id(), 1, &receipt, &err));
	CHECK_INT(receipt.journal_id, 2);
	REQUIRE(tally_trust_point_get(w.core, id(), &point, &err) == 1);
	CHECK_INT(point.journal_id, 1);
	CHECK_INT(point.set_by, 2);
	CHECK_INT(point.time_ms, receipt.timestamp_ms);
	REQUIRE(tally_journal_get(w.core, id(), 2, &arena, &journal, &err) == 1);
	CHECK_STR(journal.payload_type, "SET_TRUST_POINT");
	CHECK_BYTES(journal.payload, TALLY_BYTES_LIT("{\"journalId\":1}"));
	CASE("back");
	CHECK_OK(tally_trust_point_set(w.core, &write, id(), 0, &receipt, &err));
	REQUIRE(tally_trust_point_get(w.core, id(), &point, &err) == 1);
	CHECK_INT(point.journal_id, 0);
	CHECK_INT(tally_trust_point_get(w.core, TALLY_BYTES_LIT("l-0000000000000000000000001"), &point,
					&err), 0);
	end();
}

/* Zeroes what is the beginning of the record of a block of one journal. */
static void damage(uint64_t block)
{
	struct tally_range range = { 192 + 24, 8 };
	uint8_t space[8];

	CHECK(tally_hex_decode(tally_bytes(w.ledger + 2, 16), space, 8));
	CHECK_OK(tally_store_erase(w.store, tally_get_u64(space), block, &range, 1, &err));
}

/* Blocks up to the trust point are not read again: what is damaged there is not seen, what is
 * damaged behind it is. */
static void verification_starts_at_the_trust_point(void)
{
	struct tally_receipt receipt;
	struct tally_write write;
	uint64_t from;

	REQUIRE(begin(true));
	write = owner();
	for (int i = 0; i < 300; i++)
		append_to(id());		/* a block each: journal n in block n */
	CHECK_OK(tally_core_check_trusting(w.core, id(), NULL, NULL, &from, &err));
	CHECK_INT(from, 0);
	CHECK_OK(tally_trust_point_set(w.core, &write, id(), 200, &receipt, &err));
	for (int flushed = 0; flushed < 2; flushed++) {
		if (flushed)
			CHECK_OK(tally_core_maintain(w.core, &err));
		CHECK_OK(tally_core_check_trusting(w.core, id(), NULL, NULL, &from, &err));
		CHECK_INT(from, 201);
	}
	CASE("before it");
	damage(100);
	CHECK_FAILS(tally_core_check(w.core, id(), NULL, NULL, &err), TALLY_CORRUPT);
	CHECK_OK(tally_core_check_trusting(w.core, id(), NULL, NULL, &from, &err));
	CASE("behind it");
	damage(250);
	CHECK_FAILS(tally_core_check_trusting(w.core, id(), NULL, NULL, &from, &err), TALLY_CORRUPT);
	CHECK(strstr(err.text, "block 250") != NULL);
	CHECK_FAILS(tally_core_check_trusting(w.core, TALLY_BYTES_LIT("l-0000000000000000000000001"),
					      NULL, NULL, &from, &err), TALLY_NOTFOUND);
	end();
}

int main(void)
{
	uint64_t now = tally_now_ms();

	tally_log_open(TALLY_LOG_ERROR, NULL, &err);
	if (tally_tsa_make("Test", now - 86400000, now + 86400000, &arena, &authority.files, &err) != 0 ||
	    tally_tsa_open(&authority.files, &authority.tsa, &err) != 0 ||
	    tally_tsp_trust_parse(authority.files.ca, &authority.trust, &err) != 0) {
		printf("Bail out! %s\n", err.text);
		return 99;
	}
	TEST(an_anchor_stands_in_its_ledger_and_in_the_time_ledger);
	TEST(a_changed_leaf_does_not_verify);
	TEST(an_anchor_is_of_its_own_ledger);
	TEST(one_stamp_serves_many_ledgers);
	TEST(what_has_not_grown_is_left_alone);
	TEST(appends_go_on_meanwhile);
	TEST(a_ledger_that_is_gone_keeps_no_other_back);
	TEST(without_a_stamp_nothing_is_written);
	TEST(without_authorities);
	TEST(callers_share_a_stamp);
	TEST(a_request_is_done_once);
	TEST(the_service_alone_writes_to_the_time_ledger);
	TEST(roles);
	TEST(certificates_are_kept_as_given);
	TEST(anchors_are_listed_in_pages);
	TEST(a_journal_is_bounded_from_both_sides);
	TEST(intervals);
	TEST(a_rebuild_gives_the_same_index);
	TEST(trust_points);
	TEST(verification_starts_at_the_trust_point);
	tally_tsa_free(&authority.tsa);
	tally_tsp_trust_free(&authority.trust);
	tally_arena_free(&arena);
	return tap_done();
}
