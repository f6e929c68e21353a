/*
 * The audit over a store that has something of everything: it finds nothing wrong there, however it
 * is run, and finds each of many forgeries, all of which fit as far as their author could make them
 * fit: checksums, roots and the chain are made anew (forge.h).
 */
#include "config.h"

#include "audit.h"

#include <stdlib.h>

#include "conf.h"
#include "forge.h"
#include "mem.h"
#include "note.h"
#include "rich.h"
#include "tap.h"

static struct tally_err err;
static struct rich rich;
static struct tally_store *honest;	/* its blocks and tables, open beside the core's */

/* ---- running an audit ---- */

struct outcome {
	char text[4000];		/* all findings, a line each */
	unsigned int count;
	struct tally_audit_ledger ledgers[8];
	size_t ledger_count;
};

static int on_found(void *ctx, const struct tally_audit_finding *finding)
{
	struct outcome *outcome = ctx;
	size_t used = strlen(outcome->text);

	outcome->count++;
	snprintf(outcome->text + used, sizeof(outcome->text) - used, "[%s] %s\n", finding->what,
		 finding->text);
	return outcome->count >= 20;
}

static void on_done(void *ctx, const struct tally_audit_ledger *ledger)
{
	struct outcome *outcome = ctx;

	if (outcome->ledger_count < 8)
		outcome->ledgers[outcome->ledger_count++] = *ledger;
}

static struct outcome audit_with(struct tally_store *store, struct tally_audit_options options)
{
	struct outcome outcome = { .count = 0 };
	struct tally_audit_source source;

	options.found = on_found;
	options.done = on_done;
	options.ctx = &outcome;
	options.trust = rich.trust;
	CHECK_OK(tally_audit_store_open(store, options.core, &source, &err));
	if (tally_audit(&options, &source, &err) != 0)
		snprintf(outcome.text, sizeof(outcome.text), "failed: %s", err.text);
	tally_audit_store_free(&source);
	return outcome;
}

static struct outcome audit(struct tally_store *store)
{
	return audit_with(store, (struct tally_audit_options){ .threads = 2 });
}

static const struct tally_audit_ledger *result_of(const struct outcome *outcome, const char *ledger)
{
	for (size_t i = 0; i < outcome->ledger_count; i++)
		if (strcmp(outcome->ledgers[i].ledger, ledger) == 0)
			return &outcome->ledgers[i];
	FAIL("%s was not audited", ledger);
	return &outcome->ledgers[0];
}

static uint64_t space_of(const char *ledger)
{
	uint8_t bytes[8] = { 0 };

	if (strcmp(ledger, "system") != 0)
		CHECK(tally_hex_decode(tally_bytes(ledger + 2, 16), bytes, 8));
	return tally_get_u64(bytes);
}

static struct tally_store *open_store(const char *location, bool create)
{
	struct tally_store_args args = { .location = location, .conf = rich.conf, .create = create,
					 .blocks = true, .index = true };
	const struct tally_driver *driver;
	struct tally_store *store = NULL;

	CHECK(tally_driver_find("mem", NULL, &driver, &err) == 0 &&
	      tally_store_open(driver, &args, &store, &err) == 0);
	return store;
}

/* ---- nothing wrong ---- */

static void an_honest_store_is_found_good(void)
{
	struct outcome outcome = audit(honest);
	const struct tally_audit_ledger *plain = result_of(&outcome, rich.plain);

	CHECK_STR(outcome.text, "");
	CHECK_INT(outcome.ledger_count, 8);	/* the time ledger too */
	CHECK(plain->whole);
	CHECK_INT(plain->members, 8);	/* one more was deleted */
	CHECK(plain->signatures >= 10);
	CHECK(plain->state_roots >= 3);
	CHECK_INT(plain->stamps, 2);
	CHECK_INT(plain->stamps_unchecked, 0);
	CHECK(result_of(&outcome, rich.keys)->state_roots >= 2);
	CHECK_INT(result_of(&outcome, "system")->erased, 1);
	CHECK_INT(result_of(&outcome, "system")->not_erased, 0);
	CHECK_INT(result_of(&outcome, rich.erased)->erased, 2);
	CHECK_INT(result_of(&outcome, rich.erased)->not_erased, 0);
	CHECK(result_of(&outcome, rich.keys)->erased >= 2);
	CHECK_INT(result_of(&outcome, rich.keys)->not_erased, 0);
	for (unsigned int threads = 1; threads <= 4; threads += 3) {
		CASE("%u threads", threads);
		outcome = audit_with(honest, (struct tally_audit_options){ .threads = threads });
		CHECK_STR(outcome.text, "");
		CHECK_INT(outcome.ledger_count, 8);
	}
}

static void one_ledger_alone(void)
{
	struct outcome outcome = audit_with(honest, (struct tally_audit_options){ .only = rich.keys });

	CHECK_STR(outcome.text, "");
	CHECK_INT(outcome.ledger_count, 1);
	CHECK_STR(outcome.ledgers[0].ledger, rich.keys);
	outcome = audit_with(honest, (struct tally_audit_options){ .only = "system" });
	CHECK_INT(outcome.ledger_count, 1);
	CHECK_STR(outcome.ledgers[0].ledger, "system");
	outcome = audit_with(honest, (struct tally_audit_options){ .only = "l-0123" });
	CHECK(strncmp(outcome.text, "failed: ", 8) == 0);
	CHECK_INT(err.code, TALLY_NOTFOUND);
}

static void the_index_is_what_the_blocks_make(void)
{
	struct outcome outcome;

	outcome = audit_with(rich.store, (struct tally_audit_options){
		.index = rich.store, .blocks = rich.store, .core = rich.core });
	CHECK_STR(outcome.text, "");
	CHECK(result_of(&outcome, rich.plain)->index_pairs > 100);
	CHECK(result_of(&outcome, "system")->index_pairs > 10);
}

/* ---- forgeries ---- */

/* Changes blocks; false where the store has nothing to be changed so. What must be said is given with
 * the place where it begins: "journal 7" or "block 3". */
struct forgery {
	const char *name;
	const char *ledger;	/* "plain", "keys", "strict", "gone", "reached", "system" */
	bool (*change)(struct forge *forge, char place[32]);
	const char *what;	/* the kind of the first finding */
	const char *words;	/* that stand in it */
};

static bool at_journal(char place[32], uint64_t journal)
{
	snprintf(place, 32, "journal %llu ", (unsigned long long)journal);
	return journal != UINT64_MAX;
}

static bool at_block(char place[32], uint64_t block)
{
	snprintf(place, 32, "block %llu", (unsigned long long)block);
	return true;
}

/* The first STATE_ROOT whose state has a journal. */
static uint64_t next_state_root(struct forge *forge, uint64_t journal)
{
	uint64_t at = journal;

	while ((at = forge_find(forge, TYPE_STATE_ROOT, at)) != UINT64_MAX)
		if (forge_field(forge, at++, "size")->number > journal)
			return at - 1;
	return UINT64_MAX;
}

static uint64_t with_clue(struct forge *forge, const char *clue)
{
	struct forged_journal *journal;

	for (uint64_t id = 0; (journal = forge_journal(forge, id, NULL)) != NULL; id++)
		for (size_t i = 0; i < journal->record.clue_count; i++)
			if (tally_bytes_is(journal->record.clues[i], clue))
				return id;
	return UINT64_MAX;
}

static bool clue_taken_away(struct forge *forge, char place[32])
{
	uint64_t journal = with_clue(forge, "clue 1");

	forge_journal(forge, journal, NULL)->record.clue_count = 0;
	return at_journal(place, next_state_root(forge, journal));
}

static bool clue_changed(struct forge *forge, char place[32])
{
	uint64_t journal = with_clue(forge, "clue 1");
	struct tally_bytes *clues = tally_arena_array(&forge->arena, struct tally_bytes, 1);

	clues[0] = forge_text(forge, "clue 9");
	forge_journal(forge, journal, NULL)->record.clues = clues;
	forge_journal(forge, journal, NULL)->record.clue_count = 1;
	return at_journal(place, next_state_root(forge, journal));
}

static bool clue_twice(struct forge *forge, char place[32])
{
	uint64_t journal = with_clue(forge, "clue 1");
	struct tally_bytes *clues = tally_arena_array(&forge->arena, struct tally_bytes, 2);

	clues[0] = clues[1] = forge_text(forge, "clue 1");
	forge_journal(forge, journal, NULL)->record.clues = clues;
	forge_journal(forge, journal, NULL)->record.clue_count = 2;
	return at_journal(place, journal);
}

static bool journal_dropped(struct forge *forge, char place[32])
{
	uint64_t journal = with_clue(forge, "clue 1");

	forge_drop_journal(forge, journal);
	return at_journal(place, next_state_root(forge, journal));
}

static bool state_root_forged(struct forge *forge, char place[32])
{
	uint64_t journal = forge_find(forge, TYPE_STATE_ROOT, 0);

	forge_field(forge, journal, "stateRoot")->text = forge_text(
		forge, "00000000000000000000000000000000ffffffffffffffffffffffffffffffff");
	return at_journal(place, journal);
}

static bool state_of_later(struct forge *forge, char place[32])
{
	uint64_t journal = forge_find(forge, TYPE_STATE_ROOT, 0);

	forge_field(forge, journal, "size")->number = journal + 1;
	return at_journal(place, journal);
}

static bool state_of_before(struct forge *forge, char place[32])
{
	uint64_t first = forge_find(forge, TYPE_STATE_ROOT, 0);
	uint64_t second = forge_find(forge, TYPE_STATE_ROOT, first + 1);

	forge_field(forge, second, "size")->number = forge_field(forge, first, "size")->number;
	return at_journal(place, second);
}

/* ---- signatures and members ---- */

static uint64_t signed_journal(struct forge *forge, uint64_t from)
{
	for (; forge_journal(forge, from, NULL) != NULL; from++)
		if (forge_journal(forge, from, NULL)->record.signature_count > 0)
			return from;
	return UINT64_MAX;
}

static struct tally_record_signature *signatures_of(struct forge *forge, uint64_t journal)
{
	return (struct tally_record_signature *)(uintptr_t)
		forge_journal(forge, journal, NULL)->record.signatures;
}

static bool signed_payload_changed(struct forge *forge, char place[32])
{
	uint64_t journal = signed_journal(forge, 0);
	struct forged_journal *forged = forge_journal(forge, journal, NULL);
	uint8_t *slot = tally_arena_copy(&forge->arena, forged->payload.data, forged->payload.size);

	slot[forged->payload.size - 1] ^= 1;
	forged->payload.data = slot;
	tally_payload_hash(slot + 1, tally_bytes(slot + 18, forged->payload.size - 18),
			   forged->record.payload_hash);
	return at_journal(place, journal);
}

static bool signature_changed(struct forge *forge, char place[32])
{
	uint64_t journal = signed_journal(forge, 0);
	uint8_t *bytes = tally_arena_copy(&forge->arena,
					  signatures_of(forge, journal)->bytes.data, 64);

	bytes[40] ^= 4;
	signatures_of(forge, journal)->bytes.data = bytes;
	return at_journal(place, journal);
}

static bool nonce_changed(struct forge *forge, char place[32])
{
	uint64_t journal = signed_journal(forge, 0);

	forge_journal(forge, journal, NULL)->record.nonce = forge_text(forge, "other");
	return at_journal(place, journal);
}

/* The member's journals are signed by somebody who is none. */
static bool member_dropped(struct forge *forge, char place[32])
{
	uint64_t created = forge_find(forge, TYPE_CREATE_MEMBER, 2);

	forge_drop_journal(forge, created);
	return at_journal(place, signed_journal(forge, created));
}

static bool key_of_another(struct forge *forge, char place[32])
{
	uint64_t one = forge_find(forge, TYPE_CREATE_MEMBER, 2);
	uint64_t two = forge_find(forge, TYPE_CREATE_MEMBER, one + 1);
	struct tally_field *a = forge_field(forge, one, "key"), *b = forge_field(forge, two, "key");
	struct tally_field *ta = forge_field(forge, one, "keyType");
	struct tally_field *tb = forge_field(forge, two, "keyType");
	struct tally_bytes swap = a->text, type = ta->text;

	a->text = b->text;
	b->text = swap;
	ta->text = tb->text;
	tb->text = type;
	return at_journal(place, signed_journal(forge, one));
}

static bool member_again(struct forge *forge, char place[32])
{
	uint64_t one = forge_find(forge, TYPE_CREATE_MEMBER, 2);
	uint64_t two = forge_find(forge, TYPE_CREATE_MEMBER, one + 1);

	forge_field(forge, two, "memberId")->text = forge_field(forge, one, "memberId")->text;
	return at_journal(place, two);
}

static bool member_by_a_reader(struct forge *forge, char place[32])
{
	uint64_t reader = forge_find(forge, TYPE_CREATE_MEMBER, 0);
	uint64_t next = forge_find(forge, TYPE_CREATE_MEMBER, reader + 1);

	forge_journal(forge, next, NULL)->record.member_id =
		forge_field(forge, reader, "memberId")->text;
	return at_journal(place, next);
}

static bool owner_no_admin(struct forge *forge, char place[32])
{
	uint64_t journal = forge_find(forge, TYPE_UPDATE_MEMBER_PERMISSIONS, 0);

	forge_field(forge, journal, "memberId")->text =
		forge_journal(forge, 0, NULL)->record.member_id;
	return at_journal(place, journal);
}

static bool disabled_by_a_member(struct forge *forge, char place[32])
{
	uint64_t journal = forge_find(forge, TYPE_DISABLE_MEMBER, 0);

	forge_journal(forge, journal, NULL)->record.member_id = forge_field(
		forge, forge_find(forge, TYPE_CREATE_MEMBER, 0), "memberId")->text;
	return at_journal(place, journal);
}

static bool owner_deleted(struct forge *forge, char place[32])
{
	uint64_t journal = forge_find(forge, TYPE_DELETE_MEMBER, 0);

	forge_field(forge, journal, "memberId")->text =
		forge_journal(forge, 0, NULL)->record.member_id;
	return at_journal(place, journal);
}

static bool deleted_once_more(struct forge *forge, char place[32])
{
	uint64_t journal = forge_find(forge, TYPE_DELETE_MEMBER, 0);
	uint64_t enabled = forge_find(forge, TYPE_ENABLE_MEMBER, 0);

	forge_swap_journals(forge, enabled, journal);
	return at_journal(place, journal);
}

/* The first invitation is that of three accounts, the second one of the account that was deleted. */
static bool invited_again(struct forge *forge, char place[32])
{
	uint64_t one = forge_find(forge, TYPE_INVITE_MEMBERS, 0);
	uint64_t two = forge_find(forge, TYPE_INVITE_MEMBERS, one + 1);
	struct tally_bytes all = forge_field(forge, one, "accounts")->text;
	const uint8_t *last = memrchr(all.data, ',', all.size);

	forge_field(forge, two, "accounts")->text =
		tally_bytes(last + 1, all.size - (size_t)(last + 1 - all.data));
	return at_journal(place, two);
}

static bool accounts_malformed(struct forge *forge, char place[32])
{
	uint64_t journal = forge_find(forge, TYPE_INVITE_MEMBERS, 0);

	forge_field(forge, journal, "accounts")->text = forge_text(forge, "1,,2");
	return at_journal(place, journal);
}

static uint64_t accepted(struct forge *forge)
{
	uint64_t journal = forge_find(forge, TYPE_CREATE_MEMBER, 0);

	while (forge_field(forge, journal, "invitation") == NULL)
		journal = forge_find(forge, TYPE_CREATE_MEMBER, journal + 1);
	return journal;
}

static bool not_invited(struct forge *forge, char place[32])
{
	uint64_t journal = accepted(forge);

	forge_field(forge, journal, "invitation")->number--;
	return at_journal(place, journal);
}

static bool accepted_as_admin(struct forge *forge, char place[32])
{
	uint64_t journal = accepted(forge);

	forge_field(forge, journal, "role")->text = forge_text(forge, "ADMIN");
	return at_journal(place, journal);
}

static bool accepted_for_another(struct forge *forge, char place[32])
{
	uint64_t journal = accepted(forge);

	forge_journal(forge, journal, NULL)->record.member_id =
		forge_journal(forge, 0, NULL)->record.member_id;
	return at_journal(place, journal);
}

static bool id_of_another(struct forge *forge, char place[32])
{
	uint64_t journal = forge_find(forge, TYPE_DELETE_MEMBER, 0), again;
	struct tally_bytes id = forge_field(forge, journal, "memberId")->text;

	again = forge_find(forge, TYPE_CREATE_MEMBER, journal);
	forge_field(forge, again, "account")->number = 4712;
	forge_field(forge, forge_find(forge, TYPE_INVITE_MEMBERS, journal), "accounts")->text =
		forge_text(forge, "4712");
	forge_field(forge, again, "memberId")->text = id;
	return at_journal(place, again);
}

static bool signed_twice(struct forge *forge, char place[32])
{
	uint64_t one = signed_journal(forge, 0), two = signed_journal(forge, one + 1);
	struct forged_journal *from = forge_journal(forge, one, NULL);
	struct forged_journal *to = forge_journal(forge, two, NULL);

	*to = *from;
	snprintf(place, 32, "journal %llu: ", (unsigned long long)two);
	return true;
}

static bool foreign_message_of_another(struct forge *forge, char place[32])
{
	uint64_t one = with_clue(forge, "light"), two = one + 1;
	struct forged_journal *a = forge_journal(forge, one, NULL), *b;

	do
		b = forge_journal(forge, two++, NULL);
	while (b != NULL && !(b->record.clue_count == 1 && tally_bytes_is(b->record.clues[0], "light")));
	if (b == NULL)
		return false;
	/* the payload of one with the evidence of the other, hashes made to fit */
	{
		struct tally_payload_slot from, to;
		struct tally_buf slot = { 0 };

		CHECK_OK(tally_payload_slot_decode(a->payload, &from, &err));
		CHECK_OK(tally_payload_slot_decode(b->payload, &to, &err));
		to.evidence = from.evidence;
		memcpy(to.evidence_salt, from.evidence_salt, TALLY_SALT_SIZE);
		tally_payload_head_encode(&to, &slot);
		tally_buf_add_bytes(&slot, to.payload);
		b->payload = tally_arena_bytes(&forge->arena, tally_buf_bytes(&slot));
		memcpy(b->record.evidence_hash, a->record.evidence_hash, TALLY_HASH_SIZE);
		tally_buf_free(&slot);
	}
	return at_journal(place, two - 1);
}

static bool one_signature_of_two(struct forge *forge, char place[32])
{
	uint64_t journal = signed_journal(forge, 0);

	forge_journal(forge, journal, NULL)->record.signature_count = 1;
	return at_journal(place, journal);
}

/* A further field of a journal's data, at its place in their order. */
static void add_field(struct forge *forge, uint64_t journal, const char *name, const char *text)
{
	struct tally_record *record = &forge_journal(forge, journal, NULL)->record;
	struct tally_field *fields = tally_arena_array(&forge->arena, struct tally_field, 16);
	struct tally_bytes added = tally_bytes_str(name);
	size_t count = 0;

	for (size_t i = 0; i < record->field_count; i++) {
		if (count == i && tally_bytes_compare(record->fields[i].name, added) > 0)
			count++;
		fields[count++] = record->fields[i];
	}
	for (size_t i = 0; i <= record->field_count; i++)
		if (fields[i].name.size == 0)
			fields[i] = (struct tally_field){ added, FIELD_TEXT,
							  forge_text(forge, text), 0 };
	record->fields = fields;
	record->field_count++;
}

static bool signed_where_it_is_off(struct forge *forge, char place[32])
{
	add_field(forge, 0, "signatures", "off");
	return at_journal(place, signed_journal(forge, 0));
}

static bool signed_digest_gone(struct forge *forge, char place[32])
{
	uint64_t journal = signed_journal(forge, 0);

	forge_journal(forge, journal, NULL)->envelope = TALLY_BYTES_NONE;
	return at_journal(place, journal);
}

/* ---- the story ---- */

static bool no_genesis(struct forge *forge, char place[32])
{
	forge_drop_journal(forge, 0);
	return at_journal(place, 0);
}

static bool behind_the_end(struct forge *forge, char place[32])
{
	uint64_t last = forge_find(forge, TYPE_DELETE_LEDGER, 0);

	forge_swap_journals(forge, last - 1, last);
	return at_journal(place, last);
}

static bool journal_in_a_kv_ledger(struct forge *forge, char place[32])
{
	uint64_t journal = forge_find(forge, TYPE_KV_SET, 3);
	struct tally_record *record = &forge_journal(forge, journal, NULL)->record;

	record->type = TYPE_CUSTOM;
	record->has_data = false;
	record->field_count = 0;
	return at_journal(place, journal);
}

static bool deleted_before_it_was_set(struct forge *forge, char place[32])
{
	uint64_t deletion = forge_find(forge, TYPE_KV_DELETE, 0), set = 0;

	forge_field(forge, deletion, "key")->text = forge_text(forge, "never set");
	(void)set;
	return at_journal(place, deletion);
}

static bool value_of_another_key(struct forge *forge, char place[32])
{
	uint64_t set = forge_find(forge, TYPE_KV_SET, 4);

	forge_field(forge, set, "key")->text = forge_text(forge, "another");
	return at_journal(place, next_state_root(forge, set));
}

static bool kind_of_no_use(struct forge *forge, char place[32])
{
	uint64_t journal = with_clue(forge, "clue 0");

	forge_journal(forge, journal, NULL)->record.type = TYPE_DATASHARE;
	return at_journal(place, journal);
}

static bool trust_in_the_future(struct forge *forge, char place[32])
{
	uint64_t journal = forge_find(forge, TYPE_SET_TRUST_POINT, 0);

	forge_field(forge, journal, "journalId")->number = journal;
	return at_journal(place, journal);
}

static bool custom_without_payload(struct forge *forge, char place[32])
{
	uint64_t journal = with_clue(forge, "clue 0");
	struct forged_journal *forged = forge_journal(forge, journal, NULL);

	forged->record.has_payload = forged->record.has_evidence = false;
	forged->payload = TALLY_BYTES_NONE;
	return at_journal(place, journal);
}

/* ---- payloads ---- */

static bool payload_changed(struct forge *forge, char place[32])
{
	uint64_t journal = with_clue(forge, "clue 0");
	struct forged_journal *forged = forge_journal(forge, journal, NULL);
	uint8_t *slot = tally_arena_copy(&forge->arena, forged->payload.data, forged->payload.size);

	slot[forged->payload.size - 1] ^= 1;
	forged->payload.data = slot;
	return at_journal(place, journal);
}

static bool payload_erased(struct forge *forge, char place[32])
{
	uint64_t journal = with_clue(forge, "clue 0");
	struct forged_journal *forged = forge_journal(forge, journal, NULL);

	forged->payload_crc = tally_crc32c(0, forged->payload.data, forged->payload.size);
	forged->payload.data = tally_arena_zalloc(&forge->arena, forged->payload.size);
	forged->keep_crc = true;
	snprintf(place, 32, "journal %llu: ", (unsigned long long)journal);
	return true;
}

/* ---- time ---- */

static bool anchor_field(struct forge *forge, char place[32], const char *name, const char *text,
			 uint64_t number)
{
	uint64_t journal = forge_find(forge, TYPE_CREATE_TIMEANCHOR, 0);
	struct tally_field *field = forge_field(forge, journal, name);

	if (text != NULL)
		field->text = forge_text(forge, text);
	else
		field->number = number;
	return at_journal(place, journal);
}

static bool anchor_of_another_tree(struct forge *forge, char place[32])
{
	return anchor_field(forge, place, "ledgerVersion", NULL, 3);
}

static bool anchor_of_another_root(struct forge *forge, char place[32])
{
	return anchor_field(forge, place, "ledgerDigest",
			    "0000000000000000000000000000000000000000000000000000000000000001", 0);
}

static bool anchor_of_another_digest(struct forge *forge, char place[32])
{
	return anchor_field(forge, place, "digest",
			    "0000000000000000000000000000000000000000000000000000000000000001", 0);
}

static bool anchor_of_another_time(struct forge *forge, char place[32])
{
	return anchor_field(forge, place, "genTime", NULL, 1234567);
}

static bool anchor_at_another_place(struct forge *forge, char place[32])
{
	return anchor_field(forge, place, "index", NULL, 0);
}

static bool anchor_token_changed(struct forge *forge, char place[32])
{
	uint64_t journal = forge_find(forge, TYPE_CREATE_TIMEANCHOR, 0);
	struct tally_field *field = forge_field(forge, journal, "token");
	char *text = tally_arena_str(&forge->arena, field->text);

	/* within the signature at its end */
	text[field->text.size - 24] = text[field->text.size - 24] == 'A' ? 'B' : 'A';
	field->text = tally_bytes_str(text);
	return at_journal(place, journal);
}

static bool anchor_elsewhere_in_time(struct forge *forge, char place[32])
{
	anchor_field(forge, place, "sequence", NULL, 77);
	snprintf(place, 32, "journal ");
	return true;
}

static bool given_anchor_of_another_tree(struct forge *forge, char place[32])
{
	uint64_t first = forge_find(forge, TYPE_CREATE_TIMEANCHOR, 0);
	uint64_t given = forge_find(forge, TYPE_CREATE_TIMEANCHOR, first + 1);

	forge_field(forge, given, "ledgerVersion")->number = 1;
	return at_journal(place, given);
}

/* ---- the system ledger ---- */

static bool key_of_nobody(struct forge *forge, char place[32])
{
	uint64_t journal = forge_find(forge, TYPE_CREATE_KEY, 3);

	forge_field(forge, journal, "account")->number = 12345;
	return at_journal(place, journal);
}

static bool key_never_deleted(struct forge *forge, char place[32])
{
	uint64_t deletion = forge_find(forge, TYPE_DELETE_KEY, 0);
	uint64_t created = forge_field(forge, deletion, "journal")->number;

	forge_drop_journal(forge, deletion);
	snprintf(place, 32, "journal %llu: ", (unsigned long long)created);
	return true;
}

static bool another_key_deleted(struct forge *forge, char place[32])
{
	uint64_t deletion = forge_find(forge, TYPE_DELETE_KEY, 0);

	forge_field(forge, deletion, "journal")->number = 0;
	return at_journal(place, deletion);
}

static bool ledger_of_another(struct forge *forge, char place[32])
{
	uint64_t journal = forge_find(forge, TYPE_ADD_LEDGER, 0);

	forge_field(forge, journal, "account")->number = 12345;
	snprintf(place, 32, "journal 0 ");
	return true;
}

static bool ledger_that_never_was(struct forge *forge, char place[32])
{
	uint64_t journal = forge_find(forge, TYPE_ADD_LEDGER, 0);

	forge_field(forge, journal, "ledgerId")->text =
		forge_text(forge, "l-0123456789abcdef012345678");
	snprintf(place, 32, "journal %llu: ", (unsigned long long)journal);
	return true;
}

static bool other_log_key(struct forge *forge, char place[32])
{
	forge_field(forge, 0, "logKey")->text = forge_text(
		forge, "0000000000000000000000000000000000000000000000000000000000000001");
	return at_journal(place, 0);
}

/* ---- how it is reached, limits ---- */

/* The nth UPDATE_LEDGER (counted from 0) with a field. */
static uint64_t update_with(struct forge *forge, const char *field, unsigned int nth)
{
	uint64_t journal = 0;

	while ((journal = forge_find(forge, TYPE_UPDATE_LEDGER, journal)) != UINT64_MAX) {
		if (forge_field(forge, journal, field) != NULL && nth-- == 0)
			break;
		journal++;
	}
	return journal;
}

static bool list_malformed(struct forge *forge, char place[32])
{
	uint64_t journal = update_with(forge, "ipList", 1);

	forge_field(forge, journal, "ipList")->text = forge_text(forge, "10.0.0.1/8");
	return at_journal(place, journal);
}

static bool endpoint_twice(struct forge *forge, char place[32])
{
	uint64_t journal = update_with(forge, "endpointAddress", 1);

	forge_field(forge, journal, "endpointListener")->text = forge_text(forge, "vpc-a/vsw-1");
	return at_journal(place, journal);
}

static bool endpoint_never_was(struct forge *forge, char place[32])
{
	uint64_t journal = update_with(forge, "endpointDeleted", 0);

	forge_field(forge, journal, "endpoint")->text = forge_text(forge, "other.ledger.test");
	return at_journal(place, journal);
}

static bool consent_taken_back(struct forge *forge, char place[32])
{
	uint64_t journal = update_with(forge, "serviceRole", 0);

	forge_field(forge, journal, "serviceRole")->number = 0;
	return at_journal(place, journal);
}

/* Of the order of journals: the consent stands behind what needs it. */
static bool key_without_consent(struct forge *forge, char place[32])
{
	uint64_t consent = update_with(forge, "serviceRole", 0);
	uint64_t key = forge_find(forge, TYPE_UPDATE_MEMBER_KEY, 0);

	forge_swap_journals(forge, consent, key);
	return at_journal(place, consent);
}

static bool limit_of_no_server(struct forge *forge, char place[32])
{
	uint64_t journal = update_with(forge, "clueLimit", 0);

	forge_field(forge, journal, "clueLimit")->number = 33;
	return at_journal(place, journal);
}

static bool over_the_limit(struct forge *forge, char place[32])
{
	uint64_t journal = update_with(forge, "payloadLimit", 0);

	forge_field(forge, journal, "payloadLimit")->number = 8;
	return at_journal(place, forge_find(forge, TYPE_CUSTOM, journal));
}

static bool more_clues_than_the_limit(struct forge *forge, char place[32])
{
	uint64_t journal = update_with(forge, "clueLimit", 0);

	forge_field(forge, journal, "clueLimit")->number = 1;
	return at_journal(place, forge_find(forge, TYPE_CUSTOM, journal));
}

/* ---- headers ---- */

static bool time_backwards(struct forge *forge, char place[32])
{
	forge->blocks[5].header.time_ms = 1;
	return at_block(place, 5);
}

static bool other_store(struct forge *forge, char place[32])
{
	forge->blocks[4].header.store_id[3] ^= 1;
	return at_block(place, 4);
}

static bool other_name(struct forge *forge, char place[32])
{
	forge->blocks[4].header.name[20] ^= 1;
	return at_block(place, 4);
}

static const struct forgery forgeries[] = {
	{ "a clue is taken away", "plain", clue_taken_away, "state", "make the state root" },
	{ "a clue is changed", "plain", clue_changed, "state", "make the state root" },
	{ "a clue stands twice", "plain", clue_twice, "leaf", "twice" },
	{ "a journal is left out", "plain", journal_dropped, "", "" },
	{ "a state root is forged", "plain", state_root_forged, "state", "make the state root" },
	{ "a state of later journals", "plain", state_of_later, "story", "does not follow" },
	{ "a state of the same size again", "plain", state_of_before, "story", "does not follow" },
	{ "a signed payload is changed", "plain", signed_payload_changed, "signature",
	  "does not verify" },
	{ "a signature is changed", "plain", signature_changed, "signature", "does not verify" },
	{ "a signer's nonce is changed", "plain", nonce_changed, "signature", "does not verify" },
	{ "a member is left out", "plain", member_dropped, "author", "was no member" },
	{ "members change their keys", "plain", key_of_another, "signature", "another key" },
	{ "a member is made twice", "plain", member_again, "story", "already" },
	{ "a reader makes a member", "plain", member_by_a_reader, "author", "no role" },
	{ "the owner is made a reader", "plain", owner_no_admin, "story", "owner stays ADMIN" },
	{ "signed bytes are used twice", "strict", signed_twice, "signature", "signed the same" },
	{ "evidence of another journal", "plain", foreign_message_of_another, "evidence",
	  "not what the journal says" },
	{ "one signature where two are required", "strict", one_signature_of_two, "policy",
	  "fewer members" },
	{ "signed where that is off", "plain", signed_where_it_is_off, "policy",
	  "takes no members' signatures" },
	{ "the digest of what was signed is gone", "plain", signed_digest_gone, "envelope",
	  "not there" },
	{ "the first journal is left out", "plain", no_genesis, "story", "first journal" },
	{ "a journal behind the end", "gone", behind_the_end, "story", "behind DELETE_LEDGER" },
	{ "a client's journal in a KV ledger", "keys", journal_in_a_kv_ledger, "story", "KV ledger" },
	{ "a deletion of nothing", "keys", deleted_before_it_was_set, "story", "no value" },
	{ "a value under another key", "keys", value_of_another_key, "state", "state root" },
	{ "a kind of no use", "plain", kind_of_no_use, "story", "it has no data" },
	{ "a member disables another", "plain", disabled_by_a_member, "author", "had no role for that" },
	{ "the owner is deleted", "plain", owner_deleted, "story", "stays an enabled ADMIN" },
	{ "deleted before it is enabled", "plain", deleted_once_more, "story", "no such member" },
	{ "invited twice", "plain", invited_again, "story", "that is invited" },
	{ "a malformed invitation", "plain", accounts_malformed, "story", "malformed list of accounts" },
	{ "accepted uninvited", "plain", not_invited, "story", "there is none of" },
	{ "an invitation makes an ADMIN", "plain", accepted_as_admin, "story", "is a READER" },
	{ "accepted for another", "plain", accepted_for_another, "story", "invitation of another" },
	{ "the id of a deleted member for another", "plain", id_of_another, "story", "that was another's" },
	{ "trust in the future", "plain", trust_in_the_future, "story", "not there yet" },
	{ "a journal without its payload", "plain", custom_without_payload, "", "no payload" },
	{ "a payload is changed", "plain", payload_changed, "payload", "does not match its hash" },
	{ "a payload is erased", "plain", payload_erased, "erased", "no journal orders" },
	{ "an anchor of another tree", "plain", anchor_of_another_tree, "story", "root that it stamps" },
	{ "an anchor of another root", "plain", anchor_of_another_root, "story", "root that it stamps" },
	{ "an anchor of another digest", "plain", anchor_of_another_digest, "anchor",
	  "something else than the journal" },
	{ "an anchor of another time", "plain", anchor_of_another_time, "anchor",
	  "something else than the journal" },
	{ "an anchor at another place", "plain", anchor_at_another_place, "story", "does not lead" },
	{ "an anchor's token is changed", "plain", anchor_token_changed, "anchor", "" },
	{ "an anchor's stamp is elsewhere", "plain", anchor_elsewhere_in_time, "anchor",
	  "of the time ledger" },
	{ "a given anchor of another tree", "plain", given_anchor_of_another_tree, "story",
	  "journals before it" },
	{ "a key of no account", "system", key_of_nobody, "story", "not there" },
	{ "a key's deletion is left out", "system", key_never_deleted, "erased",
	  "no journal orders" },
	{ "another key is deleted", "system", another_key_deleted, "story", "names no key" },
	{ "a ledger of another account", "system", ledger_of_another, "story", "another account" },
	{ "a ledger that is not there", "system", ledger_that_never_was, "catalogue", "not there" },
	{ "another log key", "plain", other_log_key, "story", "log key" },
	{ "time goes backwards", "plain", time_backwards, "header", "backwards" },
	{ "a block of another store", "plain", other_store, "header", "another ledger or store" },
	{ "a block of another ledger", "plain", other_name, "header", "another ledger or store" },
	{ "a list of networks in another form", "reached", list_malformed, "story", "list of networks" },
	{ "two endpoints on a listener", "reached", endpoint_twice, "story", "already" },
	{ "an endpoint that never was is deleted", "reached", endpoint_never_was, "story",
	  "not there" },
	{ "consent is taken back", "reached", consent_taken_back, "story", "taken back" },
	{ "a key of the key store without consent", "reached", key_without_consent, "story",
	  "not granted" },
	{ "a limit that no server has", "reached", limit_of_no_server, "story", "no server has" },
	{ "a payload over the limit", "reached", over_the_limit, "story", "larger" },
	{ "more clues than the limit", "reached", more_clues_than_the_limit, "story", "more clues" },
};

static const char *ledger_named(const char *name)
{
	return strcmp(name, "plain") == 0  ? rich.plain :
	       strcmp(name, "strict") == 0 ? rich.strict :
	       strcmp(name, "keys") == 0   ? rich.keys :
	       strcmp(name, "gone") == 0   ? rich.gone :
	       strcmp(name, "reached") == 0 ? rich.reached :
					     "system";
}

/* A store with the forged blocks in place of the honest ones. */
static struct tally_store *forged_store(struct forge *forge)
{
	struct tally_bytes *blocks = forge_blocks(forge, 0, NULL, NULL);
	struct tally_store *store = open_store("mem:", true);

	if (forge_copy(honest, store, forge, blocks, false, &err) != 0)
		FAIL("copy: %s", err.text);
	return store;
}

static void try_forgery(const struct forgery *forgery)
{
	const char *ledger = ledger_named(forgery->ledger);
	struct tally_store *store;
	struct outcome outcome;
	char place[32] = "", kind[40];
	struct forge forge;

	CASE("%s", forgery->name);
	CHECK_OK(forge_read(honest, space_of(ledger), &forge, &err));
	if (!forgery->change(&forge, place)) {
		FAIL("there is nothing to change so");
		forge_free(&forge);
		return;
	}
	store = forged_store(&forge);
	outcome = audit(store);
	snprintf(kind, sizeof(kind), "[%s%s", forgery->what, forgery->what[0] != '\0' ? "] " : "");
	if (strstr(outcome.text, place) == NULL || strstr(outcome.text, forgery->words) == NULL ||
	    strstr(outcome.text, kind) == NULL)
		FAIL("found \"%s\", not %s %s %s", outcome.text, kind, place, forgery->words);
	tally_store_close(&store);
	forge_free(&forge);
}

static void every_forgery_is_found_where_it_is(void)
{
	for (size_t i = 0; i < sizeof(forgeries) / sizeof(forgeries[0]); i++)
		try_forgery(&forgeries[i]);
}

/* A copy that was not changed is found good: what is found is the change. */
static void a_forge_alone_changes_nothing(void)
{
	static const char *const ledgers[] = { "plain", "strict", "keys", "gone", "reached", "system" };

	for (size_t i = 0; i < sizeof(ledgers) / sizeof(*ledgers); i++) {
		struct tally_store *store;
		struct outcome outcome;
		struct forge forge;

		CASE("%s", ledgers[i]);
		CHECK_OK(forge_read(honest, space_of(ledger_named(ledgers[i])), &forge, &err));
		store = forged_store(&forge);
		outcome = audit(store);
		CHECK_STR(outcome.text, "");
		tally_store_close(&store);
		forge_free(&forge);
	}
}

/* ---- blocks as they are, but not all, or not in order ---- */

static void check_blocks(const char *name, struct forge *forge, const struct tally_bytes *blocks,
			 const char *words)
{
	struct tally_store *store = open_store("mem:", true);
	struct outcome outcome;

	CASE("%s", name);
	CHECK_OK(forge_copy(honest, store, forge, blocks, false, &err));
	outcome = audit(store);
	if (strstr(outcome.text, words) == NULL)
		FAIL("found \"%s\", not %s", outcome.text, words);
	tally_store_close(&store);
}

static void blocks_out_of_order_are_found(void)
{
	struct tally_bytes *blocks, swap;
	struct forge forge, other;

	CHECK_OK(forge_read(honest, space_of(rich.plain), &forge, &err));
	CHECK_OK(forge_read(honest, space_of(rich.strict), &other, &err));
	blocks = forge_blocks(&forge, forge.count, NULL, NULL);
	swap = blocks[6];
	blocks[6] = blocks[7];
	blocks[7] = swap;
	check_blocks("two blocks change places", &forge, blocks, "block 6: it says it is block 7");
	blocks[7] = blocks[6];
	blocks[6] = swap;
	swap = blocks[3];
	blocks[3] = forge_blocks(&other, other.count, NULL, NULL)[3];
	check_blocks("a block of another ledger", &forge, blocks, "block 3: it says it is block 3 of");
	blocks[3] = swap;
	memmove(&blocks[4], &blocks[5], (forge.count - 5) * sizeof(*blocks));
	forge.count--;
	check_blocks("a block is left out", &forge, blocks, "block 4: it says it is block 5");
	forge_free(&forge);
	forge_free(&other);
}

static struct tally_bytes turned(struct forge *forge, struct tally_bytes block, size_t at)
{
	uint8_t *bytes = tally_arena_copy(&forge->arena, block.data, block.size);

	bytes[at] ^= 0x20;
	return tally_bytes(bytes, block.size);
}

/* The checksum of a payload that was erased means nothing any more. */
static bool of_no_use(const struct forged_block *block, size_t at)
{
	size_t item = at < TALLY_BLOCK_HEADER ? 0 : (at - TALLY_BLOCK_HEADER) / TALLY_BLOCK_ENTRY;
	size_t place = at - TALLY_BLOCK_HEADER - item * TALLY_BLOCK_ENTRY;

	return at >= TALLY_BLOCK_HEADER && item < block->count && block->journals[item].keep_crc &&
	       place >= 16 && place < 20;
}

/* Every other byte of a block, whatever its journals: nothing in it is vouched for by nothing. */
static void no_byte_of_a_block_can_be_turned(void)
{
	struct tally_bytes *blocks;
	struct forge forge;
	uint64_t missed = 0, tried = 0;

	CHECK_OK(forge_read(honest, space_of(rich.keys), &forge, &err));
	blocks = forge_blocks(&forge, forge.count, NULL, NULL);
	for (size_t b = 0; b < 5; b++) {
		for (size_t at = 0; at < blocks[b].size; at += 1 + tried % 3) {
			struct tally_bytes whole = blocks[b];
			struct tally_store *store = open_store("mem:", true);
			struct outcome outcome;
			char place[32];

			if (of_no_use(&forge.blocks[b], at)) {
				tally_store_close(&store);
				continue;
			}
			blocks[b] = turned(&forge, whole, at);
			CHECK_OK(forge_copy(honest, store, &forge, blocks, false, &err));
			outcome = audit_with(store, (struct tally_audit_options){
				.only = rich.keys, .threads = 1 });
			snprintf(place, sizeof(place), b == 0 ? "block 0" : "block %zu", b);
			missed += strstr(outcome.text, place) == NULL;
			tried++;
			tally_store_close(&store);
			blocks[b] = whole;
		}
	}
	CHECK(tried > 500);
	CHECK_INT(missed, 0);
	forge_free(&forge);
}

/* ---- orders to erase ---- */

/* Puts an order behind the last journal of the plain ledger's forge, signed by nobody. */
static void add_order(struct forge *forge, unsigned int type, const char *name, uint64_t number)
{
	struct forged_block *last = &forge->blocks[forge->count - 1];
	struct forged_journal *journals = tally_arena_array(&forge->arena, struct forged_journal,
							    last->count + 1);
	struct tally_field *field = tally_arena_new(&forge->arena, struct tally_field);

	*field = (struct tally_field){ tally_bytes_str(name), FIELD_UINT, TALLY_BYTES_NONE, number };
	memcpy(journals, last->journals, last->count * sizeof(*journals));
	journals[last->count] = (struct forged_journal){
		.record = { .type = type, .has_data = true, .fields = field, .field_count = 1,
			    .member_id = forge_journal(forge, 0, NULL)->record.member_id } };
	last->journals = journals;
	last->count++;
}

static void erase(struct forge *forge, uint64_t journal)
{
	struct forged_journal *forged = forge_journal(forge, journal, NULL);

	forged->payload_crc = tally_crc32c(0, forged->payload.data, forged->payload.size);
	forged->payload.data = tally_arena_zalloc(&forge->arena, forged->payload.size);
	forged->keep_crc = true;
}

static void what_is_ordered_may_be_erased(void)
{
	struct tally_store *store;
	struct outcome outcome;
	struct forge forge;
	uint64_t journal;

	/* state roots and anchors change with the ledger's first journal: only of these kinds there
	   must be nothing else */
	for (int round = 0; round < 4; round++) {
		bool purge = round >= 2, ordered = round % 2 == 1;

		CASE("%s, %s", purge ? "PURGE" : "OCCULT", ordered ? "ordered" : "of another");
		CHECK_OK(forge_read(honest, space_of(rich.gone), &forge, &err));
		add_field(&forge, 0, "removal", "admin");
		forge_drop_journal(&forge, forge_find(&forge, TYPE_DELETE_LEDGER, 0));
		journal = forge_find(&forge, TYPE_CUSTOM, 0);
		erase(&forge, journal);
		add_order(&forge, purge ? TYPE_PURGE : TYPE_OCCULT, purge ? "before" : "journalId",
			  purge ? journal + ordered : ordered ? journal : 0);
		store = forged_store(&forge);
		outcome = audit(store);
		if (ordered)
			CHECK_STR(outcome.text, "");
		else
			CHECK(strstr(outcome.text, "no journal orders") != NULL);
		CHECK_INT(result_of(&outcome, rich.gone)->erased, 1);
		tally_store_close(&store);
		forge_free(&forge);
	}
	CASE("not by one alone");
	CHECK_OK(forge_read(honest, space_of(rich.gone), &forge, &err));
	forge_drop_journal(&forge, forge_find(&forge, TYPE_DELETE_LEDGER, 0));
	add_order(&forge, TYPE_OCCULT, "journalId", forge_find(&forge, TYPE_CUSTOM, 0));
	store = forged_store(&forge);
	outcome = audit(store);
	CHECK(strstr(outcome.text, "signatures of the owner and another ADMIN") != NULL);
	tally_store_close(&store);
	forge_free(&forge);
}

/* ---- what the auditor holds ---- */

static struct tally_audit_held held_of(const char *ledger)
{
	struct tally_signed_checkpoint checkpoint;
	struct tally_checkpoint parsed;
	struct tally_note note;

	CHECK_INT(tally_ledger_checkpoint(rich.core, tally_bytes_str(ledger), &rich.arena,
					  &checkpoint, &err), 1);
	CHECK(tally_note_parse(checkpoint.note, &note) &&
	      tally_checkpoint_parse(note.text, &parsed));
	return (struct tally_audit_held){ .name = "kept", .origin = parsed.origin,
					  .size = parsed.size, .root = parsed.root,
					  .note = checkpoint.note };
}

static struct outcome audit_held(struct tally_store *store, const struct tally_audit_held *held)
{
	return audit_with(store, (struct tally_audit_options){ .held = held, .held_count = 1 });
}

static void a_kept_checkpoint_convicts_another_history(void)
{
	struct tally_audit_held held = held_of(rich.gone), wrong;
	struct tally_store *store;
	struct outcome outcome;
	struct forge forge;

	outcome = audit_held(honest, &held);
	CHECK_STR(outcome.text, "");
	CHECK_INT(result_of(&outcome, rich.gone)->held, 1);
	CASE("a payload that fits its hash");
	CHECK_OK(forge_read(honest, space_of(rich.gone), &forge, &err));
	CHECK(forge_find(&forge, TYPE_CUSTOM, 0) == 1);
	forge_journal(&forge, 1, NULL)->record.clues = &(const struct tally_bytes){ (const uint8_t *)"c", 1 };
	forge_journal(&forge, 1, NULL)->record.clue_count = 1;
	store = forged_store(&forge);
	outcome = audit(store);
	CHECK_STR(outcome.text, "");		/* it is as good a history as any */
	outcome = audit_held(store, &held);
	CHECK(strstr(outcome.text, "kept: the first 3 journals are not those") != NULL);
	tally_store_close(&store);
	CASE("a shorter one");
	forge_drop_block(&forge, forge.count - 1);
	store = forged_store(&forge);
	outcome = audit_held(store, &held);
	CHECK(strstr(outcome.text, "kept: 3 journals were signed for, and only 2 are there") != NULL);
	tally_store_close(&store);
	forge_free(&forge);
	CASE("signed by somebody else");
	wrong = held;
	wrong.note = tally_arena_bytes(&rich.arena, held.note);
	((uint8_t *)(uintptr_t)wrong.note.data)[wrong.note.size - 10] ^= 1;
	outcome = audit_held(honest, &wrong);
	CHECK(strstr(outcome.text, "kept: it is not signed by the key") != NULL);
	CASE("of no ledger of this store");
	wrong = held;
	wrong.origin = TALLY_BYTES_LIT("else.example/l-0123456789abcdef012345678");
	outcome = audit_held(honest, &wrong);
	CHECK(strstr(outcome.text, "is not there") != NULL);
	CASE("of a name that its log never had");
	wrong.origin = tally_bytes_str(tally_arena_printf(&rich.arena, "else.example/%s", rich.gone));
	wrong.note = TALLY_BYTES_NONE;
	outcome = audit_held(honest, &wrong);
	CHECK(strstr(outcome.text, "was never called else.example") != NULL);
}

/* Then no ledger's origin is that of the store; what was signed tells that it is the store's that changed. */
static void a_store_that_calls_itself_otherwise(void)
{
	struct tally_audit_held held = held_of("system");
	struct tally_store *store;
	struct outcome outcome;
	struct forge forge;
	const char *first;

	outcome = audit_held(honest, &held);
	CHECK_STR(outcome.text, "");
	CHECK_INT(result_of(&outcome, "system")->held, 1);
	CHECK_OK(forge_read(honest, space_of("system"), &forge, &err));
	forge_field(&forge, 0, "origin")->text = TALLY_BYTES_LIT("else.example/store");
	store = forged_store(&forge);
	outcome = audit_held(store, &held);
	first = strstr(outcome.text, "kept: the first");
	CHECK(first != NULL);
	CHECK(first < strstr(outcome.text, "its origin is not that of the store"));
	CHECK(strstr(outcome.text, "journals were signed for, is not there") == NULL);
	tally_store_close(&store);
	forge_free(&forge);
}

static void a_receipt_convicts_another_journal(void)
{
	struct tally_audit_held held = held_of(rich.gone);
	struct tally_inclusion proof;
	struct outcome outcome;

	/* the ledger is deleted: its proofs are the index's no more, but those of its tree */
	CHECK_INT(tally_journal_prove(rich.core, tally_bytes_str(rich.gone), 1, held.size, &proof,
				      &err), 1);
	held.has_index = true;
	held.index = 1;
	held.path = proof.path;
	held.path_count = proof.path_count;
	outcome = audit_held(honest, &held);
	CHECK_STR(outcome.text, "");
	held.has_leaf = true;
	memset(held.leaf.bytes, 7, sizeof(held.leaf.bytes));
	outcome = audit_held(honest, &held);
	CHECK(strstr(outcome.text, "kept: journal 1 is another one") != NULL);
	held.has_leaf = false;
	held.index = 0;
	outcome = audit_held(honest, &held);
	CHECK(strstr(outcome.text, "its path does not lead from journal 0") != NULL);
}

/* ---- resuming ---- */

static void what_was_audited_before_is_passed_over(void)
{
	struct tally_hash *leaves, root;
	struct tally_frontier frontier;
	struct outcome whole = audit(honest), outcome;
	struct forge forge;
	uint64_t journals;

	CHECK_OK(forge_read(honest, space_of(rich.plain), &forge, &err));
	forge_blocks(&forge, forge.count, &leaves, &journals);
	tally_frontier_init(&frontier);
	for (uint64_t size = 1; size <= journals; size++) {
		struct tally_audit_options options = { .only = rich.plain, .from = size,
						       .from_root = &root, .threads = 1 };

		CASE("from %llu", (unsigned long long)size);
		tally_frontier_append(&frontier, &leaves[size - 1]);
		tally_frontier_root(&frontier, &root);
		outcome = audit_with(honest, options);
		CHECK_STR(outcome.text, "");
		CHECK_INT(outcome.ledgers[0].from, size);
		CHECK(outcome.ledgers[0].payloads <= result_of(&whole, rich.plain)->payloads);
		CHECK_MEM(outcome.ledgers[0].root.bytes, result_of(&whole, rich.plain)->root.bytes, 32);
		if (size == journals)
			CHECK_INT(outcome.ledgers[0].signatures, 0);
		root.bytes[9] ^= 1;
		outcome = audit_with(honest, options);
		CHECK(strstr(outcome.text, "what was audited before: the first") != NULL);
	}
	forge_free(&forge);
}

/* A forgery before the point is not looked for, but what it changed of the state is found behind. */
static void the_state_is_made_from_the_first_journal_on(void)
{
	struct tally_store *store;
	struct outcome outcome;
	struct forge forge;
	uint64_t journal, last = 0, next;

	CHECK_OK(forge_read(honest, space_of(rich.plain), &forge, &err));
	journal = with_clue(&forge, "clue 1");
	forge_journal(&forge, journal, NULL)->record.clue_count = 0;
	while ((next = forge_find(&forge, TYPE_STATE_ROOT, last + 1)) != UINT64_MAX)
		last = next;
	store = forged_store(&forge);
	outcome = audit_with(store, (struct tally_audit_options){ .only = rich.plain,
								  .from = last });
	CHECK(strstr(outcome.text, "make the state root") != NULL);
	outcome = audit_with(store, (struct tally_audit_options){ .only = rich.plain,
								  .from = last + 1 });
	CHECK(strstr(outcome.text, "make the state root") == NULL);
	tally_store_close(&store);
	forge_free(&forge);
}

/* ---- the index ---- */

static struct tally_store *copy_with_index(void)
{
	struct tally_store *store = open_store("mem:", true);

	CHECK_OK(forge_copy(rich.store, store, NULL, NULL, true, &err));
	return store;
}

struct lie {
	uint64_t space;
	uint32_t table;
	struct tally_arena arena;
	struct tally_bytes key, value;
	uint64_t skip;
};

static int take_pair(void *ctx, struct tally_bytes key, struct tally_bytes value)
{
	struct lie *lie = ctx;

	if (lie->skip-- > 0)
		return 0;
	lie->key = tally_arena_bytes(&lie->arena, key);
	lie->value = tally_arena_bytes(&lie->arena, value);
	return 1;
}

/* Changes one pair of a table in place of the mark. 0 it took a pair out, 1 changed, 2 added. */
static void tell_lie(struct tally_store *store, struct lie *lie, int kind)
{
	struct tally_change change = { lie->table, kind == 0, lie->key, lie->value };
	struct tally_mark mark;

	if (kind == 1 && lie->value.size > 0)
		((uint8_t *)(uintptr_t)lie->value.data)[lie->value.size - 1] ^= 1;
	if (kind == 1 && lie->value.size == 1)
		change.value = TALLY_BYTES_LIT("\1more");
	if (kind == 2)
		((uint8_t *)(uintptr_t)lie->key.data)[lie->key.size - 1] ^= 0x55;
	CHECK_OK(tally_store_mark(store, lie->space, &mark, &err));
	CHECK_OK(tally_store_apply(store, lie->space, &mark, &mark, &change, 1, &err));
}

static void try_lies(const char *ledger, uint32_t table)
{
	static const char *const kinds[] = { "taken out", "changed", "added" };

	for (int kind = 0; kind < 3; kind++) {
		struct tally_store *store = copy_with_index();
		struct lie lie = { .space = space_of(ledger), .table = table };
		struct outcome outcome;
		char place[48];

		CASE("table %u, a pair %s", table, kinds[kind]);
		lie.skip = 0;
		CHECK_OK(tally_store_scan(store, lie.space, table, TALLY_BYTES_NONE, TALLY_BYTES_NONE,
					  false, take_pair, &lie, &err));
		CHECK(lie.key.size > 0);
		tell_lie(store, &lie, kind);
		outcome = audit_with(store, (struct tally_audit_options){
			.only = ledger, .index = store, .blocks = store });
		snprintf(place, sizeof(place), "%s: index table %u: key ", ledger, table);
		if (strstr(outcome.text, place) == NULL)
			FAIL("found \"%s\", not %s", outcome.text, place);
		tally_arena_free(&lie.arena);
		tally_store_close(&store);
	}
}

static void every_lie_of_an_index_is_found(void)
{
	static const uint32_t plain[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 18, 19, 20, 21 };
	static const uint32_t keys[] = { 16, 17 }, system[] = { 32, 33, 34, 35 };

	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		try_lies(rich.plain, plain[i]);
	for (size_t i = 0; i < 2; i++)
		try_lies(rich.keys, keys[i]);
	for (size_t i = 0; i < 4; i++)
		try_lies("system", system[i]);
}

static void a_mark_of_other_blocks_is_found(void)
{
	struct tally_store *store = copy_with_index(), *shorter = open_store("mem:", true);
	struct tally_bytes *blocks;
	struct outcome outcome;
	struct forge forge;

	CHECK_OK(forge_read(honest, space_of(rich.plain), &forge, &err));
	forge.blocks[3].header.time_ms++;
	for (size_t b = 4; b < forge.count; b++)
		forge.blocks[b].header.time_ms += 10;
	blocks = forge_blocks(&forge, 0, NULL, NULL);
	CHECK_OK(forge_copy(store, shorter, &forge, blocks, true, &err));
	outcome = audit_with(shorter, (struct tally_audit_options){
		.only = rich.plain, .index = shorter, .blocks = shorter });
	CHECK(strstr(outcome.text, "its index was made of another one") != NULL);
	tally_store_close(&shorter);
	shorter = open_store("mem:", true);
	forge.count--;
	CHECK_OK(forge_copy(store, shorter, &forge, blocks, true, &err));
	outcome = audit_with(shorter, (struct tally_audit_options){
		.only = rich.plain, .index = shorter, .blocks = shorter });
	CHECK(strstr(outcome.text, "blocks are there") != NULL ||
	      strstr(outcome.text, "are there") != NULL);
	forge_free(&forge);
	tally_store_close(&shorter);
	tally_store_close(&store);
}

int main(void)
{
	tally_log_open(TALLY_LOG_ERROR, NULL, &err);
	if (!rich_begin(&rich, &err) || !rich_open(&rich, "mem", "mem:rich", true, &err) ||
	    !rich_fill(&rich, 2, &err) || tally_core_maintain(rich.core, &err) != 0) {
		printf("not ok - the store is made: %s\n", err.text);
		return 1;
	}
	honest = open_store("mem:rich", false);
	TEST(an_honest_store_is_found_good);
	TEST(one_ledger_alone);
	TEST(the_index_is_what_the_blocks_make);
	TEST(a_forge_alone_changes_nothing);
	TEST(every_forgery_is_found_where_it_is);
	TEST(blocks_out_of_order_are_found);
	TEST(no_byte_of_a_block_can_be_turned);
	TEST(what_is_ordered_may_be_erased);
	TEST(a_kept_checkpoint_convicts_another_history);
	TEST(a_store_that_calls_itself_otherwise);
	TEST(a_receipt_convicts_another_journal);
	TEST(what_was_audited_before_is_passed_over);
	TEST(the_state_is_made_from_the_first_journal_on);
	TEST(every_lie_of_an_index_is_found);
	TEST(a_mark_of_other_blocks_is_found);
	tally_store_close(&honest);
	rich_end(&rich);
	tally_mem_forget("rich");
	return tap_done();
}
