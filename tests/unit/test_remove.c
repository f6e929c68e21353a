/*
 * Removal through the core over the mem driver: payloads go, leaves and proofs stay, and the ledger's
 * policy decides who can have that; certificates come in the end, whatever fails and whenever the
 * program ends; what is zero must be named by a journal.
 */
#include "config.h"

#include "core_private.h"

#include <stdlib.h>
#include <unistd.h>

#include "clock.h"
#include "mem.h"
#include "statement.h"
#include "tap.h"
#include "wrap.h"

#define STORE "mem:remove"

static struct tally_err err;

struct world {
	struct tally_conf *conf;
	struct tally_store *store, *mem;	/* mem: what store wraps, or store itself */
	struct tally_core *core;
	struct tally_first_key first;
	struct tally_ledger_created ledger;
	struct tally_space *space;
	char auditor[TALLY_MEMBER_ID_SIZE + 1];
	unsigned int nonce;
	struct tally_arena arena;
};

/* ---- the world ---- */

static struct tally_bytes id_of(const struct world *w)
{
	return tally_bytes_str(w->ledger.ledger_id);
}

static struct tally_write owner(const struct world *w)
{
	return (struct tally_write){ .caller = { .account = w->first.account } };
}

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
	if (!create && tally_space_of_ledger(w->core, id_of(w), &w->space, &err) != 1) {
		FAIL("space: %s", err.text);
		return false;
	}
	return true;
}

static const uint8_t private_keys[3][32] = { { 1, 2, 3 }, { 4, 5, 6 }, { 7, 8, 9 } };

static struct tally_member_key key_of(unsigned int number)
{
	struct tally_member_key key = { 0 };

	CHECK_OK(tally_member_public(KEY_TYPE_ED25519, private_keys[number], &key, &err));
	return key;
}

static bool add_member(struct world *w, enum tally_role role, unsigned int number, char id[])
{
	struct tally_member_create create = { .role = role, .key = key_of(number) };
	struct tally_write write = owner(w);

	return tally_member_create(w->core, &write, id_of(w), &create, id, &err) == 0;
}

/* Journal 1: the owner's key; journal 2: an ADMIN member with a key. */
static bool begin_as(struct world *w, enum tally_ledger_type type,
		     enum tally_removal_policy policy, bool wrapped)
{
	struct tally_ledger_create create = { .name = TALLY_BYTES_LIT("Ledger"), .type = type,
					      .removal_policy = policy };
	struct tally_member_key key;
	struct tally_write write;

	memset(w, 0, sizeof(*w));
	w->conf = tally_conf_new();
	tally_conf_override(w->conf, "ledger", "state_journals", "0");	/* journals are counted */
	if (!open_core(w, true, wrapped))
		return false;
	write = owner(w);
	key = key_of(0);
	if (tally_ledger_create(w->core, &write, &create, &w->ledger, &err) == 0 &&
	    tally_space_of_ledger(w->core, id_of(w), &w->space, &err) == 1 &&
	    tally_member_set_key(w->core, &write, id_of(w), TALLY_BYTES_NONE, &key, &err) == 0 &&
	    add_member(w, ROLE_ADMIN, 1, w->auditor))
		return true;
	FAIL("begin: %s", err.text);
	return false;
}

static bool begin(struct world *w, enum tally_ledger_type type)
{
	return begin_as(w, type, REMOVAL_ADMIN, false);
}

static void end(struct world *w)
{
	tally_core_close(&w->core);
	tally_arena_free(&w->arena);
	tally_conf_free(&w->conf);
	tally_mem_forget(strchr(STORE, ':') + 1);
}

static uint64_t scrubs(struct world *w)
{
	return tally_mem_refuse_scrub(w->mem, false);
}

static uint64_t size_of(struct world *w)
{
	return w->space->head->frontier.size;
}

/* The number of the journal appended. */
static uint64_t append(struct world *w, const char *text)
{
	struct tally_entry entry = { .payload = tally_bytes_str(text) };
	struct tally_append_result result = { .receipt = { .journal_id = 0 } };
	struct tally_write write = owner(w);

	CHECK_OK(tally_append(w->core, &write, id_of(w), &entry, 1, true, &result, &err));
	return result.receipt.journal_id;
}

static void append_many(struct world *w, size_t count)
{
	struct tally_entry *entries = tally_calloc(count, sizeof(*entries));
	struct tally_append_result *results = tally_calloc(count, sizeof(*results));
	struct tally_write write = owner(w);

	for (size_t i = 0; i < count; i++)
		entries[i].payload = TALLY_BYTES_LIT("one of many");
	CHECK_OK(tally_append(w->core, &write, id_of(w), entries, count, true, results, &err));
	free(entries);
	free(results);
}

static void kv_set(struct world *w, const char *key, const char *value)
{
	struct tally_write write = owner(w);

	CHECK_OK(tally_kv_set(w->core, &write, id_of(w), tally_bytes_str(key),
			      tally_bytes_str(value), NULL, &err));
}

static int occult(struct world *w, uint64_t journal_id)
{
	struct tally_write write = owner(w);

	return tally_journal_occult(w->core, &write, id_of(w), journal_id, TALLY_BYTES_NONE, NULL,
				    &err);
}

static int purge(struct world *w, uint64_t before, bool keep_live)
{
	struct tally_write write = owner(w);

	return tally_ledger_purge(w->core, &write, id_of(w), before, keep_live, NULL, &err);
}

static struct tally_journal get(struct world *w, uint64_t journal_id)
{
	struct tally_journal journal = { .id = 0 };

	CHECK_INT(tally_journal_get(w->core, id_of(w), journal_id, &w->arena, &journal, &err), 1);
	return journal;
}

static struct tally_erasure erasure_of(struct world *w, uint64_t journal_id)
{
	struct tally_erasure erasure = { .order = 0 };

	CHECK_INT(tally_erasure_get(w->core, id_of(w), journal_id, &w->arena, &erasure, &err), 1);
	return erasure;
}

/* Bytes of all blocks of the ledger: how often a text occurs in them. */
static unsigned int occurs(struct world *w, struct tally_bytes text)
{
	unsigned int count = 0;
	struct tally_bytes block;

	for (uint64_t n = 0; tally_core_block_read(w->core, w->space->id, n, &w->arena, &block,
						   &err) == 1; n++)
		count += memmem(block.data, block.size, text.data, text.size) != NULL;
	return count;
}

static int check(struct world *w)
{
	return tally_core_check(w->core, TALLY_BYTES_NONE, NULL, NULL, &err);
}

static int add_pair(void *ctx, uint32_t table, struct tally_bytes key, struct tally_bytes value)
{
	struct tally_sha256 *sha = ctx;
	uint8_t head[12];

	tally_put_u32(head, table);
	tally_put_u32(head + 4, (uint32_t)key.size);
	tally_put_u32(head + 8, (uint32_t)value.size);
	tally_sha256_add(sha, head, sizeof(head));
	tally_sha256_add(sha, key.data, key.size);
	tally_sha256_add(sha, value.data, value.size);
	return 0;
}

static void index_hash(struct world *w, uint8_t hash[TALLY_HASH_SIZE])
{
	struct tally_sha256 sha;

	tally_sha256_init(&sha);
	CHECK_OK(tally_core_index_each(w->core, w->space->id, add_pair, &sha, &err));
	tally_sha256_end(&sha, hash);
}

static void check_rebuilt(struct world *w)
{
	uint8_t before[TALLY_HASH_SIZE], after[TALLY_HASH_SIZE];

	index_hash(w, before);
	CHECK_OK(tally_core_rebuild(w->core, TALLY_BYTES_NONE, NULL, NULL, &err));
	index_hash(w, after);
	CHECK_MEM(after, before, sizeof(before));
}

/* ---- signing ---- */


enum { OWNER, AUDITOR, THIRD };

struct signers {
	struct tally_signature signatures[3];
	struct tally_signing signing;
	char nonce[24];
};

static struct tally_bytes member_id(const struct world *w, unsigned int signer, const char *third)
{
	return tally_bytes_str(signer == OWNER	 ? w->ledger.member_id :
			       signer == AUDITOR ? w->auditor :
						   third);
}

/* data: the statement's, canonical JSON; type: the order's. */
static void sign(struct world *w, struct tally_bytes data, const char *type,
		 const unsigned int *signers, size_t count, const char *third,
		 struct signers *signers_r)
{
	struct tally_statement statement = { .ledger_id = id_of(w), .data = data,
					     .payload_type = tally_bytes_str(type) };
	struct tally_buf buf = { 0 };

	memset(signers_r, 0, sizeof(*signers_r));
	snprintf(signers_r->nonce, sizeof(signers_r->nonce), "nonce-%u", w->nonce++);
	signers_r->signing = (struct tally_signing){ .signatures = signers_r->signatures,
						     .count = count,
						     .nonce = tally_bytes_str(signers_r->nonce) };
	statement.nonce = signers_r->signing.nonce;
	statement.member_id = count > 0 ? member_id(w, signers[0], third) : TALLY_BYTES_NONE;
	tally_statement_format(&statement, &buf);
	for (size_t i = 0; i < count; i++) {
		struct tally_signature *signature = &signers_r->signatures[i];

		signature->member_id = member_id(w, signers[i], third);
		CHECK_OK(tally_member_sign(KEY_TYPE_ED25519, private_keys[signers[i]],
					   tally_buf_bytes(&buf), signature->bytes, &err));
	}
	tally_buf_free(&buf);
}

static struct tally_bytes occult_data(struct world *w, uint64_t journal_id)
{
	struct tally_journal journal = get(w, journal_id);
	char hex[2 * TALLY_HASH_SIZE + 1];

	tally_hex_encode(journal.hash.bytes, TALLY_HASH_SIZE, hex);
	return tally_bytes_str(tally_arena_printf(&w->arena,
						  "{\"journalHash\":\"%s\",\"journalId\":%" PRIu64 "}",
						  hex, journal_id));
}

static int occult_signed(struct world *w, uint64_t journal_id, const unsigned int *signers,
			 size_t count, const char *third)
{
	struct tally_write write = owner(w);
	struct signers with;

	sign(w, occult_data(w, journal_id), "OCCULT", signers, count, third, &with);
	write.signing = count > 0 ? &with.signing : NULL;
	return tally_journal_occult(w->core, &write, id_of(w), journal_id, TALLY_BYTES_NONE, NULL,
				    &err);
}

/* ---- occult ---- */

static void a_payload_goes_and_its_leaf_stays(void)
{
	struct tally_journal before, after, certificate;
	struct tally_inclusion proof;
	struct tally_erasure erasure;
	struct tally_hash leaf;
	struct tally_bytes salt;
	uint64_t id, other;
	struct world w;

	REQUIRE(begin(&w, LEDGER_JOURNAL));
	id = append(&w, "a secret payload");
	other = append(&w, "another payload");
	before = get(&w, id);
	salt = tally_bytes(before.salt, sizeof(before.salt));
	CHECK(!before.removed);
	CHECK_INT(occurs(&w, TALLY_BYTES_LIT("a secret payload")), 1);
	CHECK_INT(occurs(&w, salt), 1);
	CHECK_INT(tally_journal_prove(w.core, id_of(&w), id, 0, &proof, &err), 1);
	CHECK_OK(occult(&w, id));
	CHECK_INT(occurs(&w, TALLY_BYTES_LIT("a secret payload")), 0);
	CHECK_INT(occurs(&w, salt), 0);
	CHECK_INT(occurs(&w, TALLY_BYTES_LIT("another payload")), 1);

	after = get(&w, id);
	CHECK(after.removed);
	CHECK_INT(after.removed_by, other + 1);
	CHECK_INT(after.payload.size, 0);
	CHECK_BYTES(after.leaf, before.leaf);
	CHECK_MEM(after.hash.bytes, before.hash.bytes, TALLY_HASH_SIZE);
	CHECK(!get(&w, other).removed);
	tally_leaf_hash(before.leaf, &leaf);
	CHECK(tally_inclusion_verify(id, proof.tree_size, &leaf, proof.path, proof.path_count,
				     &proof.root));
	CHECK_OK(check(&w));

	erasure = erasure_of(&w, id);
	CHECK_INT(erasure.order, other + 1);
	CHECK(!erasure.certified);
	CHECK_INT(scrubs(&w), 0);
	CHECK_OK(tally_core_maintain(w.core, &err));
	CHECK_INT(scrubs(&w), 1);
	erasure = erasure_of(&w, id);
	CHECK(erasure.certified);
	CHECK_INT(erasure.certificate, other + 2);
	CHECK(erasure.scrubbed_ms >= before.timestamp_ms);
	CHECK_INT(erasure.backups.size, 0);
	CHECK_INT(erasure_of(&w, other + 1).certificate, other + 2);
	certificate = get(&w, erasure.certificate);
	CHECK_STR(certificate.payload_type, "OCCULT");
	CHECK_INT(certificate.member_id.size, 0);
	CHECK_BYTES(certificate.payload, tally_bytes_str(tally_arena_printf(
		&w.arena, "{\"erased\":true,\"journalId\":%" PRIu64 ",\"order\":%" PRIu64
		",\"scrubbedAt\":%" PRIu64 "}", id, other + 1, erasure.scrubbed_ms)));
	CHECK_INT(tally_erasure_get(w.core, id_of(&w), other, &w.arena, &erasure, &err), 0);
	CHECK_OK(tally_core_maintain(w.core, &err));
	CHECK_INT(scrubs(&w), 1);
	CHECK_INT(size_of(&w), other + 3);
	CHECK_OK(check(&w));
	check_rebuilt(&w);
	CHECK_INT(get(&w, id).removed_by, other + 1);
	end(&w);
}

static void what_cannot_be_occulted(void)
{
	struct tally_write write;
	uint64_t id;
	struct world w;

	REQUIRE(begin(&w, LEDGER_JOURNAL));
	id = append(&w, "a payload");
	CHECK_OK(occult(&w, id));
	CASE("twice");
	CHECK_FAILS(occult(&w, id), TALLY_INVALID);
	CHECK_STR(err.subject, "JournalId");
	CASE("no such journal");
	CHECK_FAILS(occult(&w, 1000), TALLY_INVALID);
	CHECK_STR(err.subject, "JournalId");
	for (uint64_t other = 0; other < 5; other++) {	/* the last is the order */
		if (other == id)
			continue;
		CASE("journal %" PRIu64, other);
		CHECK_FAILS(occult(&w, other), TALLY_INVALID);
		CHECK_STR(err.subject, "JournalId");
	}
	CASE("a long reason");
	write = owner(&w);
	CHECK_FAILS(tally_journal_occult(w.core, &write, id_of(&w), id,
					 tally_bytes(memset(tally_arena_alloc(&w.arena, 300), 'x',
							    300), 300), NULL, &err),
		    TALLY_INVALID);
	CHECK_STR(err.subject, "Reason");
	CASE("a stranger");
	write.caller.account = 4711;
	CHECK_FAILS(tally_journal_occult(w.core, &write, id_of(&w), id, TALLY_BYTES_NONE, NULL,
					 &err), TALLY_NOTFOUND);
	CASE("another ledger");
	CHECK_FAILS(tally_journal_occult(w.core, &write, TALLY_BYTES_LIT("l-0000000000000000100000000"),
					 id, TALLY_BYTES_NONE, NULL, &err), TALLY_NOTFOUND);
	end(&w);
}

/* The same token gives the same receipt, and nothing is ordered twice. */
static void asked_again(void)
{
	struct tally_write write;
	struct tally_receipt first, again;
	struct world w;
	uint64_t id;

	REQUIRE(begin(&w, LEDGER_JOURNAL));
	id = append(&w, "a payload");
	write = owner(&w);
	write.token = TALLY_BYTES_LIT("token");
	CHECK_OK(tally_journal_occult(w.core, &write, id_of(&w), id, TALLY_BYTES_LIT("why"), &first,
				      &err));
	CHECK_OK(tally_journal_occult(w.core, &write, id_of(&w), id, TALLY_BYTES_LIT("why"), &again,
				      &err));
	CHECK_INT(again.journal_id, first.journal_id);
	CHECK_INT(size_of(&w), first.journal_id + 1);
	CHECK(memmem(get(&w, first.journal_id).leaf.data, get(&w, first.journal_id).leaf.size,
		     "\"reason\":\"why\"", 14) != NULL);
	CHECK_FAILS(tally_journal_occult(w.core, &write, id_of(&w), id, TALLY_BYTES_LIT("else"),
					 &again, &err), TALLY_MISMATCH);
	end(&w);
}

/* From the order on a payload is not given out, though the disk refuses to zero it. */
static void an_order_counts_at_once(void)
{
	struct tally_view older;
	struct tally_journal journal;
	uint64_t id;
	struct world w;

	REQUIRE(begin(&w, LEDGER_JOURNAL));
	id = append(&w, "a secret payload");
	CHECK_OK(tally_view_take(w.space, &older, &err));
	tally_mem_refuse_erase(w.mem, true);
	CHECK_OK(occult(&w, id));
	CHECK_INT(occurs(&w, TALLY_BYTES_LIT("a secret payload")), 1);
	journal = get(&w, id);
	CHECK(journal.removed);
	CHECK_INT(journal.payload.size, 0);
	CHECK_INT(tally_view_journal(&older, id, &w.arena, &journal, &err), 1);
	CHECK_BYTES(journal.payload, TALLY_BYTES_LIT("a secret payload"));
	CHECK_FAILS(tally_core_maintain(w.core, &err), TALLY_IO);
	CHECK(!erasure_of(&w, id).certified);
	CHECK_INT(scrubs(&w), 0);
	tally_mem_refuse_erase(w.mem, false);
	CHECK_OK(tally_core_maintain(w.core, &err));
	CHECK_INT(occurs(&w, TALLY_BYTES_LIT("a secret payload")), 0);
	CHECK(erasure_of(&w, id).certified);
	/* a view from before the order meets a payload that is zero now */
	CHECK_INT(tally_view_journal(&older, id, &w.arena, &journal, &err), 1);
	CHECK(journal.removed);
	CHECK_INT(journal.removed_by, id + 1);
	tally_view_drop(&older);
	end(&w);
}

/* ---- policies ---- */

static void a_removal_needs_what_its_policy_says(void)
{
	static const struct {
		const char *what;
		enum tally_removal_policy policy;
		unsigned int signers[3];
		size_t count;
		enum tally_role third;		/* of the third member */
		enum tally_code code;
		const char *subject;
	} rows[] = {
		{ "off", REMOVAL_OFF, { OWNER, AUDITOR }, 2, ROLE_ADMIN, TALLY_DENIED,
		  "RemovalPolicy" },
		{ "admin, nobody", REMOVAL_ADMIN, { 0 }, 0, ROLE_ADMIN, TALLY_OK, "" },
		{ "admin, one", REMOVAL_ADMIN, { AUDITOR }, 1, ROLE_ADMIN, TALLY_OK, "" },
		{ "admin, a writer", REMOVAL_ADMIN, { THIRD }, 1, ROLE_WRITER, TALLY_DENIED, "Member" },
		{ "dual, nobody", REMOVAL_DUAL, { 0 }, 0, ROLE_ADMIN, TALLY_MISSING,
		  "MemberSignatures" },
		{ "dual, the owner", REMOVAL_DUAL, { OWNER }, 1, ROLE_ADMIN, TALLY_DENIED,
		  "MemberSignatures" },
		{ "dual, the auditor", REMOVAL_DUAL, { AUDITOR }, 1, ROLE_ADMIN, TALLY_DENIED,
		  "MemberSignatures" },
		{ "dual, two without the owner", REMOVAL_DUAL, { AUDITOR, THIRD }, 2, ROLE_ADMIN,
		  TALLY_DENIED, "MemberSignatures" },
		{ "dual, the owner twice", REMOVAL_DUAL, { OWNER, OWNER }, 2, ROLE_ADMIN,
		  TALLY_INVALID, "MemberSignatures" },
		{ "dual, a writer", REMOVAL_DUAL, { OWNER, THIRD }, 2, ROLE_WRITER, TALLY_DENIED,
		  "Member" },
		{ "dual, a reader", REMOVAL_DUAL, { OWNER, THIRD }, 2, ROLE_READER, TALLY_DENIED,
		  "Member" },
		{ "dual, both and a writer", REMOVAL_DUAL, { OWNER, AUDITOR, THIRD }, 3,
		  ROLE_WRITER, TALLY_DENIED, "Member" },
		{ "dual, both", REMOVAL_DUAL, { OWNER, AUDITOR }, 2, ROLE_ADMIN, TALLY_OK, "" },
		{ "dual, the auditor first", REMOVAL_DUAL, { AUDITOR, OWNER }, 2, ROLE_ADMIN,
		  TALLY_OK, "" },
		{ "dual, three", REMOVAL_DUAL, { OWNER, AUDITOR, THIRD }, 3, ROLE_ADMIN, TALLY_OK,
		  "" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char third[TALLY_MEMBER_ID_SIZE + 1];
		uint64_t id, size;
		struct world w;
		int result;

		CASE("%s", rows[i].what);
		REQUIRE(begin_as(&w, LEDGER_JOURNAL, rows[i].policy, false));
		CHECK(add_member(&w, rows[i].third, 2, third));
		id = append(&w, "a payload");
		size = size_of(&w);
		result = occult_signed(&w, id, rows[i].signers, rows[i].count, third);
		CHECK_INT(result, rows[i].code == TALLY_OK ? 0 : -1);
		if (result != 0) {
			CHECK_INT(err.code, rows[i].code);
			CHECK_STR(err.subject, rows[i].subject);
			CHECK_INT(size_of(&w), size);
			CHECK(!get(&w, id).removed);
		} else {
			CHECK(get(&w, id).removed);
			CHECK(rows[i].count == 0 ||
			      memmem(get(&w, size).leaf.data, get(&w, size).leaf.size,
				     "\"signatures\":[", 14) != NULL);
		}
		end(&w);
	}
}

/* Two signatures are over one journal of one ledger, and are good once. */
static void signatures_are_for_one_removal(void)
{
	static const unsigned int both[] = { OWNER, AUDITOR };
	struct tally_write write;
	struct signers with;
	uint64_t one, two;
	struct world w;

	REQUIRE(begin_as(&w, LEDGER_JOURNAL, REMOVAL_DUAL, false));
	one = append(&w, "one");
	two = append(&w, "two");
	write = owner(&w);
	sign(&w, occult_data(&w, one), "OCCULT", both, 2, NULL, &with);
	write.signing = &with.signing;
	CASE("another journal");
	CHECK_FAILS(tally_journal_occult(w.core, &write, id_of(&w), two, TALLY_BYTES_NONE, NULL,
					 &err), TALLY_DENIED);
	CHECK_STR(err.subject, "MemberSignature");
	CASE("another reason");
	CHECK_FAILS(tally_journal_occult(w.core, &write, id_of(&w), one, TALLY_BYTES_LIT("x"), NULL,
					 &err), TALLY_DENIED);
	CASE("a purge");
	CHECK_FAILS(tally_ledger_purge(w.core, &write, id_of(&w), two, false, NULL, &err),
		    TALLY_DENIED);
	CASE("a message of another form");
	with.signing.message = TALLY_BYTES_LIT("no message");
	CHECK_FAILS(tally_journal_occult(w.core, &write, id_of(&w), one, TALLY_BYTES_NONE, NULL,
					 &err), TALLY_INVALID);
	with.signing.message = TALLY_BYTES_NONE;
	CASE("what was signed");
	CHECK_OK(tally_journal_occult(w.core, &write, id_of(&w), one, TALLY_BYTES_NONE, NULL, &err));
	CASE("a purge that both signed");
	sign(&w, TALLY_BYTES_LIT("{\"before\":5}"), "PURGE", both, 2, NULL, &with);
	CHECK_FAILS(tally_ledger_purge(w.core, &write, id_of(&w), 5, true, NULL, &err),
		    TALLY_DENIED);
	CHECK_FAILS(tally_ledger_purge(w.core, &write, id_of(&w), 4, false, NULL, &err),
		    TALLY_DENIED);
	CHECK_OK(tally_ledger_purge(w.core, &write, id_of(&w), 5, false, NULL, &err));
	CHECK_OK(check(&w));
	end(&w);
}

/* A ledger that takes no signatures on journals takes them on removals all the same. */
static void signatures_off(void)
{
	static const unsigned int both[] = { OWNER, AUDITOR };
	struct tally_ledger_change change = { .set_sign_policy = true, .sign_policy = SIGN_OFF };
	struct tally_write write;
	uint64_t id;
	struct world w;

	REQUIRE(begin_as(&w, LEDGER_JOURNAL, REMOVAL_DUAL, false));
	write = owner(&w);
	CHECK_OK(tally_ledger_modify(w.core, &write, id_of(&w), &change, &err));
	id = append(&w, "a payload");
	CHECK_OK(occult_signed(&w, id, both, 2, NULL));
	end(&w);
}

static int set_policy(struct world *w, enum tally_removal_policy policy, bool signed_by_both)
{
	static const unsigned int both[] = { OWNER, AUDITOR };
	static const char *const names[] = { "dual", "off", "admin" };
	struct tally_ledger_change change = { .set_removal_policy = true,
					      .removal_policy = policy };
	struct tally_write write = owner(w);
	struct signers with;

	if (signed_by_both) {
		sign(w, tally_bytes_str(tally_arena_printf(&w->arena, "{\"removal\":\"%s\"}",
							   names[policy])),
		     "UPDATE_LEDGER", both, 2, NULL, &with);
		write.signing = &with.signing;
	}
	return tally_ledger_modify(w->core, &write, id_of(w), &change, &err);
}

static void a_policy_is_weakened_by_two_only(void)
{
	static const enum tally_removal_policy all[] = { REMOVAL_OFF, REMOVAL_DUAL,
							 REMOVAL_ADMIN };	/* weaker and weaker */
	struct tally_ledger_info info;
	struct world w;

	for (int from = 0; from < 3; from++) {
		for (int to = 0; to < 3; to++) {
			CASE("from %d to %d", from, to);
			REQUIRE(begin_as(&w, LEDGER_JOURNAL, all[from], false));
			if (to > from) {
				CHECK_FAILS(set_policy(&w, all[to], false), TALLY_MISSING);
				CHECK_STR(err.subject, "MemberSignatures");
				CHECK_OK(set_policy(&w, all[to], true));
			} else {
				CHECK_OK(set_policy(&w, all[to], false));
			}
			CHECK_INT(tally_ledger_describe(w.core, id_of(&w), &w.arena, &info, &err), 1);
			CHECK_INT(info.removal_policy, all[to]);
			check_rebuilt(&w);
			CHECK_INT(tally_ledger_describe(w.core, id_of(&w), &w.arena, &info, &err), 1);
			CHECK_INT(info.removal_policy, all[to]);
			end(&w);
		}
	}
}

/* Else one ADMIN makes itself two. */
static void the_owners_key_is_the_owners(void)
{
	struct tally_member_create create = { .role = ROLE_ADMIN, .account = 4711 };
	struct tally_write admin = { .caller = { .account = 4711 } }, write;
	char id[TALLY_MEMBER_ID_SIZE + 1];
	struct tally_member_key key;
	struct world w;

	REQUIRE(begin(&w, LEDGER_JOURNAL));
	write = owner(&w);
	key = key_of(2);
	CHECK_OK(tally_member_create(w.core, &write, id_of(&w), &create, id, &err));
	CHECK_FAILS(tally_member_set_key(w.core, &admin, id_of(&w),
					 tally_bytes_str(w.ledger.member_id), &key, &err),
		    TALLY_DENIED);
	CHECK_OK(tally_member_set_key(w.core, &write, id_of(&w), tally_bytes_str(w.ledger.member_id),
				      &key, &err));
	end(&w);
}

/* ---- purge ---- */

static void all_below_a_point_goes(void)
{
	struct tally_inclusion proofs[10];
	struct tally_hash hashes[10];
	struct tally_ledger_info info;
	struct tally_erasure erasure;
	struct world w;

	REQUIRE(begin(&w, LEDGER_JOURNAL));
	for (int i = 3; i < 13; i++) {
		append(&w, i < 8 ? "an old payload" : "a new payload");
		hashes[i - 3] = get(&w, (uint64_t)i).hash;
	}
	for (uint64_t i = 3; i < 13; i++)
		CHECK_INT(tally_journal_prove(w.core, id_of(&w), i, 0, &proofs[i - 3], &err), 1);
	CHECK_OK(occult(&w, 12));		/* journal 13 */
	CHECK_FAILS(purge(&w, 0, false), TALLY_INVALID);
	CHECK_FAILS(purge(&w, 15, false), TALLY_INVALID);
	CHECK_STR(err.subject, "Before");
	CHECK_OK(purge(&w, 8, false));		/* journal 14 */
	CHECK_FAILS(purge(&w, 8, false), TALLY_INVALID);
	CHECK_FAILS(purge(&w, 7, false), TALLY_INVALID);
	CHECK_STR(err.subject, "Before");
	CHECK(get(&w, 3).removed);		/* before anything is zero */
	CHECK_INT(occurs(&w, TALLY_BYTES_LIT("an old payload")), 5);
	CHECK_OK(tally_core_maintain(w.core, &err));
	CHECK_INT(scrubs(&w), 1);
	CHECK_INT(occurs(&w, TALLY_BYTES_LIT("an old payload")), 0);
	CHECK_INT(occurs(&w, TALLY_BYTES_LIT("a new payload")), 4);
	for (uint64_t i = 3; i < 13; i++) {
		CASE("journal %" PRIu64, i);
		CHECK_INT(get(&w, i).removed, i < 8 || i == 12);
		CHECK_INT(get(&w, i).removed_by, i < 8 ? 14 : i == 12 ? 13 : 0);
		CHECK_MEM(get(&w, i).hash.bytes, hashes[i - 3].bytes, TALLY_HASH_SIZE);
		CHECK(tally_inclusion_verify(i, proofs[i - 3].tree_size, &hashes[i - 3],
					     proofs[i - 3].path, proofs[i - 3].path_count,
					     &proofs[i - 3].root));
	}
	CASE("%s", "");
	CHECK(!get(&w, 0).removed);		/* it has no payload */
	erasure = erasure_of(&w, 5);
	CHECK(erasure.certified);
	CHECK_INT(erasure.order, 14);
	CHECK_BYTES(get(&w, erasure.certificate).payload, tally_bytes_str(tally_arena_printf(
		&w.arena, "{\"before\":8,\"erased\":true,\"order\":14,\"scrubbedAt\":%" PRIu64 "}",
		erasure.scrubbed_ms)));
	CHECK_OK(check(&w));

	CHECK_OK(purge(&w, 12, false));
	CHECK_OK(tally_core_maintain(w.core, &err));
	CHECK_INT(occurs(&w, TALLY_BYTES_LIT("a new payload")), 0);
	CHECK_INT(get(&w, 5).removed_by, 14);	/* the first one that took it */
	CHECK_INT(get(&w, 9).removed_by, 17);
	CHECK_INT(tally_ledger_describe(w.core, id_of(&w), &w.arena, &info, &err), 1);
	CHECK_INT(info.purged_before, 12);
	CHECK_FAILS(occult(&w, 9), TALLY_INVALID);
	CHECK_OK(check(&w));
	check_rebuilt(&w);
	CHECK_INT(get(&w, 9).removed_by, 17);
	end(&w);
}

static int entries(struct world *w, uint64_t number, unsigned int width)
{
	struct tally_bytes bytes;

	return tally_ledger_tile(w->core, id_of(w), -1, number, width, &w->arena, &bytes, &err);
}

/* The purge point is C2SP's minimum index: bundles that end at or below it are refused. */
static void bundles_below_the_minimum_index(void)
{
	struct tally_bytes bytes;
	struct world w;

	REQUIRE(begin(&w, LEDGER_JOURNAL));
	append_many(&w, 700);
	CHECK_INT(entries(&w, 0, 256), 1);
	CHECK_OK(purge(&w, 255, false));
	CHECK_INT(entries(&w, 0, 256), 1);
	CHECK_OK(purge(&w, 256, false));
	CHECK_FAILS(entries(&w, 0, 256), TALLY_NOTFOUND);
	CHECK_STR(err.subject, "MinimumIndex");
	CHECK_FAILS(entries(&w, 0, 100), TALLY_NOTFOUND);
	CHECK_INT(entries(&w, 1, 256), 1);
	CHECK_OK(purge(&w, 600, false));
	CHECK_FAILS(entries(&w, 1, 256), TALLY_NOTFOUND);
	CHECK_INT(entries(&w, 2, 100), 1);
	CHECK_INT(entries(&w, 3, 1), 0);
	CHECK_INT(tally_ledger_tile(w.core, id_of(&w), 0, 0, 256, &w.arena, &bytes, &err), 1);
	end(&w);
}

static void values_in_force_are_left(void)
{
	struct tally_journal journal;
	struct tally_write write;
	struct world w;

	REQUIRE(begin(&w, LEDGER_KV));
	kv_set(&w, "a", "the first of a");		/* 3 */
	kv_set(&w, "b", "the only one of b");		/* 4 */
	kv_set(&w, "a", "the second of a");		/* 5 */
	kv_set(&w, "c", "gone");			/* 6 */
	write = owner(&w);
	CHECK_OK(tally_kv_delete(w.core, &write, id_of(&w), TALLY_BYTES_LIT("c"), NULL, &err));
	kv_set(&w, "d", "later");			/* 8 */
	CHECK_FAILS(purge(&w, 8, false), TALLY_INVALID);
	CHECK_STR(err.subject, "KeepLive");
	CHECK(strstr(err.text, "key a") != NULL);
	CHECK_FAILS(purge(&w, 5, false), TALLY_INVALID);
	CHECK(strstr(err.text, "key b") != NULL);
	CHECK_OK(purge(&w, 4, false));			/* 9 */
	CHECK_OK(purge(&w, 8, true));			/* 10 */
	kv_set(&w, "a", "the third of a");		/* 11: not yet when it was purged */
	CHECK_OK(tally_core_maintain(w.core, &err));
	CHECK_INT(get(&w, 3).removed_by, 9);
	CHECK(!get(&w, 4).removed);
	CHECK(!get(&w, 5).removed);
	CHECK_INT(get(&w, 6).removed_by, 10);
	CHECK_INT(occurs(&w, TALLY_BYTES_LIT("the first of a")), 0);
	CHECK_INT(occurs(&w, TALLY_BYTES_LIT("the second of a")), 1);
	CHECK_INT(tally_kv_get(w.core, id_of(&w), TALLY_BYTES_LIT("b"), UINT64_MAX, &w.arena,
			       &journal, &err), 1);
	CHECK_BYTES(journal.payload, TALLY_BYTES_LIT("the only one of b"));
	CHECK_OK(check(&w));
	check_rebuilt(&w);

	CHECK_OK(purge(&w, 9, true));
	CHECK_OK(tally_core_maintain(w.core, &err));
	CHECK_INT(occurs(&w, TALLY_BYTES_LIT("the second of a")), 0);
	CHECK(get(&w, 5).removed);
	CHECK(!get(&w, 4).removed);
	CHECK_OK(check(&w));
	/* one that is in force can be occulted by name */
	CHECK_OK(occult(&w, 4));
	CHECK_INT(tally_kv_get(w.core, id_of(&w), TALLY_BYTES_LIT("b"), UINT64_MAX, &w.arena,
			       &journal, &err), 1);
	CHECK(journal.removed);
	CHECK_OK(check(&w));
	check_rebuilt(&w);
	end(&w);
}

/* Random changes and purges of a KV ledger against a model; then every slot is checked by both. */
static void purges_of_values_at_random(void)
{
	const char *given = getenv("TALLY_TEST_SEED");
	unsigned int seed = given != NULL ? (unsigned int)atoi(given) : (unsigned int)getpid();
	struct {
		int key;		/* -1: no value */
		bool removed;
	} model[700];
	int live[8] = { 0 };		/* journal of each key; 0: none */
	uint64_t last = 0;
	struct world w;

	printf("# seed %u\n", seed);
	srand(seed);
	REQUIRE(begin(&w, LEDGER_KV));
	for (unsigned int round = 0; round < 250; round++) {
		uint64_t size = size_of(&w);
		int key = rand() % 8, what = rand() % 20;
		char name[2] = { (char)('a' + key), '\0' };
		struct tally_write write = owner(&w);

		CASE("seed %u, round %u", seed, round);
		model[size].key = -1;
		model[size].removed = false;
		if (what == 0 && size > last + 5) {
			last += 1 + (uint64_t)rand() % (size - last);
			CHECK_OK(purge(&w, last, true));
			for (uint64_t i = 3; i < last; i++)
				model[i].removed |= model[i].key >= 0 &&
						    live[model[i].key] != (int)i;
		} else if (what == 1 && live[key] != 0 && !model[live[key]].removed) {
			CHECK_OK(occult(&w, (uint64_t)live[key]));
			model[live[key]].removed = true;
		} else if (what < 6 && live[key] != 0) {
			CHECK_OK(tally_kv_delete(w.core, &write, id_of(&w), tally_bytes_str(name),
						 NULL, &err));
			live[key] = 0;
		} else {
			kv_set(&w, name, "a value");
			live[key] = (int)size;
			model[size].key = key;
		}
		if (rand() % 30 == 0) {
			CHECK_OK(tally_core_maintain(w.core, &err));
			for (uint64_t i = size + 1; i < size_of(&w); i++)
				model[i].key = -1;
		}
	}
	CHECK_OK(tally_erase_run(w.core, w.space, &err));
	for (uint64_t i = 3; i < size_of(&w); i++) {
		CASE("seed %u, journal %" PRIu64, seed, i);
		if (strcmp(get(&w, i).payload_type, "KV_SET") == 0)
			CHECK_INT(get(&w, i).removed, model[i].removed);
	}
	CASE("seed %u", seed);
	CHECK_OK(check(&w));
	check_rebuilt(&w);
	end(&w);
}

/* DATASHARE journals, which no command writes yet. */
static void data_sharing_records(void)
{
	struct tally_manage manage = { .what = "share", .need = PERM_APPEND };
	struct tally_write write;
	struct world w;

	REQUIRE(begin(&w, LEDGER_JOURNAL));
	manage.prepared.record = (struct tally_record){ .type = TYPE_DATASHARE };
	tally_prepare_payload(&w.arena, TALLY_BYTES_LIT("shared"), TALLY_BYTES_NONE,
			      &manage.prepared);
	write = owner(&w);
	CHECK_OK(tally_manage_run(w.core, &write, id_of(&w), &manage, NULL, &err));	/* 3 */
	append(&w, "x");
	CHECK_FAILS(purge(&w, 4, true), TALLY_INVALID);
	CHECK_STR(err.subject, "Before");
	CHECK_OK(purge(&w, 3, false));
	CHECK_OK(occult(&w, 3));
	CHECK_INT(occurs(&w, TALLY_BYTES_LIT("shared")), 0);
	CHECK_OK(check(&w));
	end(&w);
}

/* ---- certificates ---- */

static void one_scrub_serves_many(void)
{
	struct world w;

	REQUIRE(begin(&w, LEDGER_JOURNAL));
	append_many(&w, 150);
	for (uint64_t i = 3; i < 123; i++)
		CHECK_OK(occult(&w, i));
	CHECK_OK(purge(&w, 10, false));
	CHECK_OK(tally_core_maintain(w.core, &err));
	CHECK_INT(scrubs(&w), 1);
	for (uint64_t i = 3; i < 123; i++)
		CHECK(erasure_of(&w, i).certified);
	CHECK(erasure_of(&w, 153 + 120).certified);
	CHECK_INT(size_of(&w), 153 + 2 * 121);
	check_rebuilt(&w);
	end(&w);
}

/* A scrub that fails certifies nothing, and is tried again. */
static void a_scrub_that_fails(void)
{
	uint64_t id, size;
	struct world w;

	REQUIRE(begin(&w, LEDGER_JOURNAL));
	id = append(&w, "a payload");
	CHECK_OK(occult(&w, id));
	size = size_of(&w);
	tally_mem_refuse_scrub(w.mem, true);
	CHECK_FAILS(tally_core_maintain(w.core, &err), TALLY_IO);
	CHECK_INT(tally_mem_refuse_scrub(w.mem, true), 1);
	CHECK_OK(tally_certify(w.core, false, NULL, &err));	/* not before its time */
	CHECK_INT(tally_mem_refuse_scrub(w.mem, true), 1);
	CHECK_INT(size_of(&w), size);
	tally_core_close(&w.core);
	REQUIRE(open_core(&w, false, false));
	tally_core_close(&w.core);
	REQUIRE(open_core(&w, false, false));
	CHECK(erasure_of(&w, id).certified);
	CHECK_INT(size_of(&w), size + 1);
	check_rebuilt(&w);
	end(&w);
}

/* One call of the driver fails, each in turn; whoever opens the ledger next finishes. */
static void every_call_may_fail(void)
{
	bool reached = true;
	int removed = 0;
	struct world w;

	for (uint64_t nth = 1; reached && !tap.bad; nth++) {
		uint64_t id;

		CASE("call %" PRIu64, nth);
		REQUIRE(begin_as(&w, LEDGER_JOURNAL, REMOVAL_ADMIN, true));
		id = append(&w, "a secret payload");
		tally_wrap_fail_at(w.store, nth, TALLY_FAULT_IO);
		(void)occult(&w, id);
		(void)tally_core_maintain(w.core, &err);
		reached = tally_wrap_fail_at(w.store, 0, TALLY_FAULT_IO) >= nth;
		tally_core_close(&w.core);
		REQUIRE(open_core(&w, false, false));
		tally_core_close(&w.core);
		REQUIRE(open_core(&w, false, false));
		if (get(&w, id).removed) {
			CHECK_INT(occurs(&w, TALLY_BYTES_LIT("a secret payload")), 0);
			CHECK(erasure_of(&w, id).certified);
			CHECK_INT(size_of(&w), id + 3);
			removed++;
		} else {
			CHECK_INT(occurs(&w, TALLY_BYTES_LIT("a secret payload")), 1);
			CHECK_INT(size_of(&w), id + 1);
		}
		CHECK_OK(check(&w));
		check_rebuilt(&w);
		end(&w);
	}
	CHECK(removed > 5);
}

/* A deleted ledger gets no certificate, but what was ordered is erased. */
static void a_deleted_ledger(void)
{
	struct tally_write write;
	uint64_t id, size;
	struct world w;

	REQUIRE(begin(&w, LEDGER_JOURNAL));
	id = append(&w, "a secret payload");
	tally_mem_refuse_erase(w.mem, true);
	CHECK_OK(occult(&w, id));
	write = owner(&w);
	CHECK_OK(tally_ledger_delete(w.core, &write, id_of(&w), &err));
	size = size_of(&w);
	tally_mem_refuse_erase(w.mem, false);
	CHECK_OK(tally_core_maintain(w.core, &err));
	CHECK_INT(occurs(&w, TALLY_BYTES_LIT("a secret payload")), 0);
	CHECK_INT(size_of(&w), size);
	CHECK_OK(check(&w));
	CHECK_FAILS(occult(&w, id), TALLY_NOTFOUND);
	end(&w);
}

/* ---- a server's thread ---- */

static bool open_server(struct world *w)
{
	struct tally_core_options options = { .conf = w->conf };
	struct tally_store_args args = { .location = STORE, .conf = w->conf, .blocks = true,
					 .index = true };
	const struct tally_driver *driver;

	return tally_driver_find("mem", NULL, &driver, &err) == 0 &&
	       tally_store_open(driver, &args, &w->mem, &err) == 0 &&
	       tally_core_open_on(&options, w->mem, w->mem, NULL, &w->core, &err) == 0;
}

/* Within a minute, which is far more than it takes. */
static bool wait_certified(struct world *w, uint64_t id)
{
	for (int i = 0; i < 6000; i++) {
		struct tally_erasure erasure;

		if (tally_erasure_get(w->core, id_of(w), id, &w->arena, &erasure, &err) == 1 &&
		    erasure.certified)
			return true;
		usleep(10000);
	}
	return false;
}

/* Of a ledger that nobody asks for, a server finishes what a process left when it was killed. */
static void a_server_looks_everywhere(void)
{
	uint64_t id, more, space, last = 0;
	struct world w;

	REQUIRE(begin(&w, LEDGER_JOURNAL));
	id = append(&w, "a secret payload");
	more = append(&w, "more of it");
	tally_mem_refuse_erase(w.mem, true);
	CHECK_OK(occult(&w, id));
	space = w.space->id;
	tally_core_close(&w.core);		/* the mem driver keeps no index */
	REQUIRE(open_server(&w));
	for (int i = 0; i < 6000; i++) {	/* by itself: nobody names the ledger */
		if (tally_store_last(w.mem, space, &last, &err) == 0 && last == id + 4)
			break;
		usleep(10000);
	}
	CHECK_INT(last, more + 3);
	REQUIRE(tally_space_of_ledger(w.core, id_of(&w), &w.space, &err) == 1);
	CHECK_INT(occurs(&w, TALLY_BYTES_LIT("a secret payload")), 0);
	CHECK(wait_certified(&w, id));
	CASE("while it runs");
	CHECK_OK(occult(&w, more));
	CHECK(wait_certified(&w, more));
	last = size_of(&w);		/* the certificate may follow at any instant */
	CHECK_OK(purge(&w, more, false));
	CHECK(wait_certified(&w, last));
	CHECK_OK(check(&w));
	end(&w);
}

/* ---- zero without an order ---- */

static void zero_payload(struct world *w, uint64_t block)
{
	struct tally_block_header header;
	struct tally_block_entry entry;
	uint8_t hash[TALLY_HASH_SIZE];
	struct tally_range range;
	struct tally_bytes bytes;

	REQUIRE(tally_core_block_read(w->core, w->space->id, block, &w->arena, &bytes, &err) == 1);
	REQUIRE(tally_block_header_read(bytes, &header, hash, &err) == 0);
	tally_block_entry_read(bytes.data + tally_block_table_place(0), &entry);
	range.offset = tally_block_body_place(header.count) + entry.place + entry.size[SLOT_RECORD];
	range.size = entry.size[SLOT_PAYLOAD];
	CHECK_OK(tally_store_erase(w->store, w->space->id, block, &range, 1, &err));
}

static void zero_without_an_order_is_damage(void)
{
	static const char why[] = "its payload is zero, and no journal orders that";
	struct tally_journal_query query = { .end_id = UINT64_MAX, .end_ms = UINT64_MAX,
					     .limit = 100 };
	struct tally_journal_page page;
	struct tally_journal journal;
	uint8_t key[8], value[10] = { 1 };
	struct tally_tag *tag;
	uint64_t id;
	struct world w;

	REQUIRE(begin(&w, LEDGER_JOURNAL));
	append(&w, "one");			/* block and journal 3 */
	id = append(&w, "two");
	CHECK_OK(occult(&w, 3));
	CHECK_OK(check(&w));
	zero_payload(&w, id);
	CHECK_FAILS(tally_journal_get(w.core, id_of(&w), id, &w.arena, &journal, &err),
		    TALLY_CORRUPT);
	CHECK(strstr(err.text, why) != NULL);
	CHECK_FAILS(tally_journal_list(w.core, id_of(&w), &query, &w.arena, &page, &err),
		    TALLY_CORRUPT);
	CHECK_FAILS(check(&w), TALLY_CORRUPT);
	CHECK(strstr(err.text, why) != NULL && strstr(err.text, "journal 4") != NULL);

	CASE("with a forged index");
	tally_put_u64(key, id);
	tally_put_u64(value + 1, 5);
	value[9] = TYPE_OCCULT;
	tag = tally_overlay_tag(w.space->active, w.space->head->blocks - 1);
	tally_overlay_put(w.space->active, tag, TABLE_REMOVED, tally_bytes(key, 8),
			  tally_bytes(value, 10));
	tag->state = TAG_COMMITTED;
	CHECK_INT(tally_journal_get(w.core, id_of(&w), id, &w.arena, &journal, &err), 1);
	CHECK_FAILS(check(&w), TALLY_CORRUPT);
	end(&w);
}

/* ---- named.c: what may be zero, gathered from records alone ---- */

static struct tally_named *named;

static void journal(uint64_t id, unsigned int type, bool erased, const char *field, uint64_t number,
		    const char *key)
{
	struct tally_field fields[3] = {
		{ tally_bytes_str(field), FIELD_UINT, TALLY_BYTES_NONE, number },
		{ TALLY_BYTES_LIT("key"), FIELD_TEXT, tally_bytes_str(key != NULL ? key : ""), 0 },
	};
	struct tally_record record = { .type = type, .has_payload = true, .has_data = true,
				       .fields = fields, .field_count = key != NULL ? 2 : 1 };

	tally_named_journal(named, id, &record, erased);
}

static void named_by_records(void)
{
	static const struct {
		const char *what;
		struct {
			unsigned int type;
			bool erased;
			const char *field;
			uint64_t number;
			const char *key;
		} journals[6];		/* numbered from 1; type 0 ends */
		int bad;		/* the first journal that is not named; 0: all are */
	} rows[] = {
		{ "nothing is erased", { { TYPE_CUSTOM, false, "", 0, NULL } }, 0 },
		{ "nobody", { { TYPE_CUSTOM, true, "", 0, NULL } }, 1 },
		{ "occult", { { TYPE_CUSTOM, true, "", 0, NULL },
			      { TYPE_OCCULT, false, "journalId", 1, NULL } }, 0 },
		{ "occult of another", { { TYPE_CUSTOM, true, "", 0, NULL },
					 { TYPE_CUSTOM, true, "", 0, NULL },
					 { TYPE_OCCULT, false, "journalId", 1, NULL } }, 2 },
		{ "occult before it", { { TYPE_OCCULT, false, "journalId", 2, NULL },
					{ TYPE_CUSTOM, true, "", 0, NULL } }, 2 },
		{ "a certificate is no order", { { TYPE_CUSTOM, true, "", 0, NULL },
						 { TYPE_OCCULT, false, "erased", 1, NULL } }, 1 },
		{ "occult does not reach secrets", { { TYPE_CREATE_KEY, true, "", 0, NULL },
						     { TYPE_OCCULT, false, "journalId", 1, NULL } },
		  1 },
		{ "a deleted key", { { TYPE_CREATE_KEY, true, "", 0, NULL },
				     { TYPE_DELETE_KEY, false, "journal", 1, NULL } }, 0 },
		{ "a deleted key is no payload", { { TYPE_CUSTOM, true, "", 0, NULL },
						   { TYPE_DELETE_KEY, false, "journal", 1, NULL } },
		  1 },
		{ "purge", { { TYPE_CUSTOM, true, "", 0, NULL }, { TYPE_CUSTOM, true, "", 0, NULL },
			     { TYPE_PURGE, false, "before", 3, NULL } }, 0 },
		{ "purge of one", { { TYPE_CUSTOM, true, "", 0, NULL },
				    { TYPE_CUSTOM, true, "", 0, NULL },
				    { TYPE_PURGE, false, "before", 2, NULL } }, 2 },
		{ "purge beyond itself", { { TYPE_CUSTOM, true, "", 0, NULL },
					   { TYPE_PURGE, false, "before", 3, NULL } }, 1 },
		{ "a smaller purge later", { { TYPE_CUSTOM, true, "", 0, NULL },
					     { TYPE_CUSTOM, true, "", 0, NULL },
					     { TYPE_PURGE, false, "before", 3, NULL },
					     { TYPE_PURGE, false, "before", 2, NULL } }, 0 },
		{ "a value in force", { { TYPE_KV_SET, true, "", 0, "k" },
					{ TYPE_PURGE, false, "before", 2, NULL } }, 1 },
		{ "a value replaced", { { TYPE_KV_SET, true, "", 0, "k" },
					{ TYPE_KV_SET, false, "", 0, "k" },
					{ TYPE_PURGE, false, "before", 2, NULL } }, 0 },
		{ "another key's", { { TYPE_KV_SET, true, "", 0, "k" },
				     { TYPE_KV_SET, false, "", 0, "l" },
				     { TYPE_PURGE, false, "before", 2, NULL } }, 1 },
		{ "a value deleted", { { TYPE_KV_SET, true, "", 0, "k" },
				       { TYPE_KV_DELETE, false, "", 0, "k" },
				       { TYPE_PURGE, false, "before", 2, NULL } }, 0 },
		{ "replaced after the purge", { { TYPE_KV_SET, true, "", 0, "k" },
						{ TYPE_PURGE, false, "before", 2, NULL },
						{ TYPE_KV_SET, false, "", 0, "k" } }, 1 },
		{ "and purged again", { { TYPE_KV_SET, true, "", 0, "k" },
					{ TYPE_PURGE, false, "before", 2, NULL },
					{ TYPE_KV_SET, false, "", 0, "k" },
					{ TYPE_PURGE, false, "before", 3, NULL } }, 0 },
		{ "two of a key, the second in force", { { TYPE_KV_SET, true, "", 0, "k" },
							 { TYPE_KV_SET, true, "", 0, "k" },
							 { TYPE_PURGE, false, "before", 3, NULL } },
		  2 },
		{ "occulted values", { { TYPE_KV_SET, true, "", 0, "k" },
				       { TYPE_OCCULT, false, "journalId", 1, NULL } }, 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[24];
		int result;

		CASE("%s", rows[i].what);
		named = tally_named_new();
		for (uint64_t k = 0; k < 6 && rows[i].journals[k].type != 0; k++)
			journal(k + 1, rows[i].journals[k].type, rows[i].journals[k].erased,
				rows[i].journals[k].field, rows[i].journals[k].number,
				rows[i].journals[k].key);
		result = tally_named_check(named, &err);
		CHECK_INT(result, rows[i].bad != 0 ? -1 : 0);
		snprintf(text, sizeof(text), "journal %d:", rows[i].bad);
		CHECK(rows[i].bad == 0 || strncmp(err.text, text, strlen(text)) == 0);
		tally_named_free(named);
	}
}

/* More keys than the table begins with. */
static void named_values_of_many_keys(void)
{
	named = tally_named_new();
	for (uint64_t round = 0; round < 2; round++) {
		for (uint64_t i = 0; i < 3000; i++) {
			char key[16];

			snprintf(key, sizeof(key), "key %" PRIu64, i);
			journal(1 + round * 3000 + i, TYPE_KV_SET, round == 0, "", 0, key);
		}
	}
	CHECK_FAILS(tally_named_check(named, &err), TALLY_CORRUPT);
	journal(6001, TYPE_PURGE, false, "before", 3000, NULL);
	CHECK_FAILS(tally_named_check(named, &err), TALLY_CORRUPT);
	CHECK(strncmp(err.text, "journal 3000:", 13) == 0);
	journal(6002, TYPE_OCCULT, false, "journalId", 3000, NULL);
	CHECK_OK(tally_named_check(named, &err));
	tally_named_free(named);
}

/* ---- backups ---- */

static struct tally_backups backups_of(struct world *w)
{
	struct tally_backups backups = { .count = 0 };

	CHECK_OK(tally_core_backups(w->core, &w->arena, &backups, &err));
	return backups;
}

static void await_ms(void)
{
	uint64_t now = tally_now_ms();

	while (tally_now_ms() == now)
		continue;
}

/* A store on disk, since the mem driver makes no backups: in a directory of its own. */
static bool begin_on_disk(struct world *w, char directory[], struct tally_core_options *options)
{
	const struct tally_driver *driver = NULL;
	struct tally_ledger_create create = { .name = TALLY_BYTES_LIT("Ledger"),
					      .removal_policy = REMOVAL_ADMIN };
	struct tally_write write;

	memset(w, 0, sizeof(*w));
	for (size_t i = 0; tally_builtin_drivers[i] != NULL && driver == NULL; i++)
		if (tally_builtin_drivers[i]->caps & TALLY_CAP_DURABLE)
			driver = tally_builtin_drivers[i];
	if (driver == NULL || mkdtemp(directory) == NULL)
		return false;
	w->conf = tally_conf_new();
	tally_conf_override(w->conf, "ledger", "state_journals", "0");	/* journals are counted */
	tally_conf_override(w->conf, "store", "path",
			    tally_arena_printf(&w->arena, "%s/store", directory));
	tally_conf_override(w->conf, "store", "driver", driver->name);
	*options = (struct tally_core_options){ .conf = w->conf, .short_lived = true };
	CHECK_OK(tally_core_init(options, NULL, &w->first, &err));
	CHECK_OK(tally_core_open(options, &w->core, &err));
	write = owner(w);
	CHECK_OK(tally_ledger_create(w->core, &write, &create, &w->ledger, &err));
	return !tap.bad && tally_space_of_ledger(w->core, id_of(w), &w->space, &err) == 1;
}

static int back_up(struct world *w, const char *directory, const char *name)
{
	return tally_core_backup(w->core, tally_arena_printf(&w->arena, "%s/%s", directory, name),
				 &err);
}

static bool names(const struct tally_erasure *erasure, const char *text)
{
	return memmem(erasure->backups.data, erasure->backups.size, text, strlen(text)) != NULL;
}

static void backups_that_still_hold_it(void)
{
	char directory[] = "/tmp/tally-remove-XXXXXX";
	struct tally_core_options options;
	struct tally_erasure erasure;
	struct tally_backups backups;
	uint64_t id;
	struct world w;

	if (!begin_on_disk(&w, directory, &options)) {
		if (!tap.bad)
			SKIP("no durable driver is built in");
		return;
	}
	CHECK_OK(back_up(&w, directory, "empty"));
	await_ms();
	id = append(&w, "a payload");
	CHECK_OK(back_up(&w, directory, "first one/"));
	CHECK_FAILS(back_up(&w, directory, "empty"), TALLY_EXISTS);
	CHECK(back_up(&w, directory, "no/such/place") != 0);
	CHECK_OK(occult(&w, id));
	CHECK_OK(tally_core_maintain(w.core, &err));
	CHECK_OK(back_up(&w, directory, "clean"));
	for (int again = 0; again < 2; again++) {
		CASE("%s", again != 0 ? "opened again" : "");
		erasure = erasure_of(&w, id);
		CHECK(erasure.certified);
		CHECK(names(&erasure, "Z first one\n"));
		CHECK(names(&erasure, "Z place"));
		CHECK(!names(&erasure, "empty"));
		CHECK(!names(&erasure, "/"));
		backups = backups_of(&w);
		CHECK_INT(backups.count, 4);
		CHECK_INT(backups.lost_count, 0);
		CHECK(strstr(backups.list[0].directory, "/empty") != NULL);
		CHECK(!backups.list[0].holds);
		CHECK(backups.list[1].holds);
		CHECK(backups.list[1].end_ms >= backups.list[1].begin_ms);
		CHECK(strstr(backups.list[2].directory, "/no/such/place") != NULL);
		CHECK(backups.list[2].holds);
		CHECK_INT(backups.list[2].end_ms, 0);
		CHECK(!backups.list[3].holds);
		tally_core_close(&w.core);
		CHECK_OK(tally_core_open(&options, &w.core, &err));
		REQUIRE(tally_space_of_ledger(w.core, id_of(&w), &w.space, &err) == 1);
	}
	backups = backups_of(&w);
	CHECK_INT(tally_core_backup_forget(w.core, backups.list[2].directory, &err), 1);
	CHECK_INT(tally_core_backup_forget(w.core, backups.list[2].directory, &err), 0);
	CHECK_INT(backups_of(&w).count, 3);
	tally_core_close(&w.core);
	CHECK_INT(system(tally_arena_printf(&w.arena, "rm -r %s", directory)), 0);
	tally_arena_free(&w.arena);
	tally_conf_free(&w.conf);
}

/* What the file beside the key file says, read back and written again. */
static void the_file_of_backups(void)
{
	static const char lines[] =
		"backup 1767225600000 1767225601000 /var/backups/a b\n"
		"erased 1767225602000 1767225600500 l-0123456789abcdef012345678 17 journal 4\n"
		"something that a later version wrote\n"
		"backup 1767225603000 0 /var/backups/c\n"
		"erased 1767225604000 1767225600500 l-0123456789abcdef012345678 19 before 9\n";
	static const char *const malformed[] = {
		"backup 1 2", "backup x 2 /a", "backup 1 2x /a", "backup", "erased 1 2 l-0 3 journal 4",
		"erased 1 2 l-0123456789abcdef012345678 3 journal",
		"erased 1 2 l-0123456789abcdef012345678 3 other 4",
		"erased 1 2 l-0123456789abcdef012345678 3 journal 4 5", " backup 1 2 /a",
	};
	struct tally_lost_erasure known = { .ledger_id = "l-0123456789abcdef012345678",
					    .order = 17 };
	char path[] = "/tmp/tally-backups-XXXXXX", text[1024];
	struct tally_backup_list *list;
	struct tally_buf buf = { 0 };
	int fd = mkstemp(path);
	FILE *file;

	REQUIRE(fd >= 0);
	close(fd);
	file = fopen(path, "w");
	fputs(lines, file);
	fclose(file);
	CHECK_OK(tally_backups_open(path, &list, &err));
	tally_backups_text(list, 1767225600500, &buf);
	CHECK_BYTES(tally_buf_bytes(&buf),
		    TALLY_BYTES_LIT("2026-01-01T00:00:00Z a b\n2026-01-01T00:00:03Z c"));
	tally_buf_clear(&buf);
	tally_backups_text(list, 1767225601001, &buf);
	CHECK_BYTES(tally_buf_bytes(&buf), TALLY_BYTES_LIT("2026-01-01T00:00:03Z c"));
	tally_backups_erased(list, &known, 1);		/* it is there already */
	CHECK_OK(tally_backups_write(list, &err));
	tally_backups_close(&list);
	file = fopen(path, "r");
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	fclose(file);
	CHECK_STR(text, lines);
	for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
		CASE("%s", malformed[i]);
		file = fopen(path, "w");
		fprintf(file, "%s\n", malformed[i]);
		fclose(file);
		CHECK_OK(tally_backups_open(path, &list, &err));
		tally_buf_clear(&buf);
		tally_backups_text(list, 0, &buf);
		CHECK_INT(buf.size, 0);
		CHECK_OK(tally_backups_write(list, &err));
		tally_backups_close(&list);
		file = fopen(path, "r");
		text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
		fclose(file);
		CHECK(strncmp(text, malformed[i], strlen(malformed[i])) == 0);
	}
	unlink(path);
	tally_buf_free(&buf);
}

/* An older copy was put back: it has the payload again, and does not know that it was erased. */
static void erasures_that_a_restored_store_lost(void)
{
	struct tally_lost_erasure erased = { .scrubbed_ms = 5 };
	struct tally_backups backups;
	uint64_t id;
	struct world w;

	REQUIRE(begin(&w, LEDGER_JOURNAL));
	id = append(&w, "a payload");
	memcpy(erased.ledger_id, w.ledger.ledger_id, sizeof(erased.ledger_id));
	erased.order = 100;
	erased.journal_id = id;
	tally_backups_erased(w.core->backups, &erased, 1);
	erased.order = 101;
	erased.journal_id = 77;			/* is not there any more */
	tally_backups_erased(w.core->backups, &erased, 1);
	erased.order = 102;
	erased.purge = true;
	erased.journal_id = 3;
	tally_backups_erased(w.core->backups, &erased, 1);
	memcpy(erased.ledger_id, "l-0123456789abcdef012345678", 28);
	tally_backups_erased(w.core->backups, &erased, 1);
	backups = backups_of(&w);
	CHECK_INT(backups.lost_count, 2);
	CHECK_INT(backups.lost[0].journal_id, id);
	CHECK(!backups.lost[0].purge);
	CHECK_STR(backups.lost[0].ledger_id, w.ledger.ledger_id);
	CHECK_INT(backups.lost[1].journal_id, 3);
	CHECK(backups.lost[1].purge);
	/* ordered again, nothing is lost any more */
	CHECK_OK(occult(&w, id));
	CHECK_OK(purge(&w, 3, false));
	CHECK_INT(backups_of(&w).lost_count, 0);
	end(&w);
}

/* ---- moving ---- */

static void put_conf(struct tally_conf *conf, const char *path, const char *key)
{
	tally_conf_override(conf, "store", "path", path);
	tally_conf_override(conf, "store", "driver", "mem");
	tally_conf_override(conf, "store", "master_key", key);
}

/* Loads the blocks of a world into a new store; leave: the last so many blocks are left out. */
static int load(struct world *w, uint64_t leave)
{
	struct tally_core_options options = { 0 };
	char key[] = "/tmp/tally-key-XXXXXX";
	struct tally_conf *conf = tally_conf_new();
	struct tally_core *core;
	struct tally_bytes block;
	int result, fd = mkstemp(key);

	CHECK(fd >= 0 && write(fd, "0000000000000000000000000000000000000000000000000000000000000000\n",
			       65) == 65);
	close(fd);
	put_conf(conf, "mem:loaded", key);
	options.conf = conf;
	result = tally_core_load_begin(&options, &core, &err);
	for (int k = 0; result == 0 && k < 2; k++) {
		uint64_t space = k == 0 ? 0 : w->space->id, last = 0;

		CHECK_OK(tally_store_last(w->store, space, &last, &err));
		last -= k == 1 ? leave : 0;
		for (uint64_t n = 0; result == 0 && n < last; n++) {
			CHECK_INT(tally_core_block_read(w->core, space, n, &w->arena, &block, &err), 1);
			result = tally_core_load_block(core, space, n, block, &err);
		}
	}
	if (result == 0)
		result = tally_core_load_end(core, &err);
	tally_core_close(&core);
	tally_mem_forget("loaded");
	tally_conf_free(&conf);
	unlink(key);
	return result;
}

static void what_is_removed_is_loaded(void)
{
	uint64_t id;
	struct world w;

	REQUIRE(begin(&w, LEDGER_JOURNAL));
	id = append(&w, "a payload");
	append(&w, "another payload");
	CHECK_OK(purge(&w, id, false));
	CHECK_OK(occult(&w, id));
	CHECK_OK(load(&w, 0));
	CASE("without the order");
	CHECK_FAILS(load(&w, 1), TALLY_CORRUPT);
	CHECK(strstr(err.text, "journal 3: its payload is zero") != NULL);
	end(&w);
}

int main(void)
{
	TEST(a_payload_goes_and_its_leaf_stays);
	TEST(what_cannot_be_occulted);
	TEST(asked_again);
	TEST(an_order_counts_at_once);
	TEST(a_removal_needs_what_its_policy_says);
	TEST(signatures_are_for_one_removal);
	TEST(signatures_off);
	TEST(a_policy_is_weakened_by_two_only);
	TEST(the_owners_key_is_the_owners);
	TEST(all_below_a_point_goes);
	TEST(bundles_below_the_minimum_index);
	TEST(values_in_force_are_left);
	TEST(purges_of_values_at_random);
	TEST(data_sharing_records);
	TEST(one_scrub_serves_many);
	TEST(a_scrub_that_fails);
	TEST(every_call_may_fail);
	TEST(a_deleted_ledger);
	TEST(a_server_looks_everywhere);
	TEST(zero_without_an_order_is_damage);
	TEST(named_by_records);
	TEST(named_values_of_many_keys);
	TEST(backups_that_still_hold_it);
	TEST(the_file_of_backups);
	TEST(erasures_that_a_restored_store_lost);
	TEST(what_is_removed_is_loaded);
	return tap_done();
}
