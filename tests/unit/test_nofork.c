/*
 * No second, inconsistent checkpoint: forged blocks of another host, copies of a store that go on
 * side by side, checkpoints that come from elsewhere, cosigned ones, and going on under a new name.
 */
#include "config.h"

#include "core.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "block.h"
#include "conf.h"
#include "log.h"
#include "mem.h"
#include "note.h"
#include "store.h"
#include "tap.h"

struct host {
	struct tally_conf *conf;
	struct tally_store *blocks;	/* the core's; for forging */
	struct tally_core *core;
};

static struct tally_err err;
static struct tally_arena arena;
static struct tally_first_key first;
static struct tally_ledger_created ledger;
static char policy_path[64];

static struct tally_bytes ledger_id(void)
{
	return tally_bytes_str(ledger.ledger_id);
}

static struct tally_store *open_store(struct host *host, const char *name, bool create)
{
	struct tally_store_args args = { .location = name, .conf = host->conf, .create = create,
					 .blocks = true, .index = true };
	const struct tally_driver *driver;
	struct tally_store *store = NULL;

	if (tally_driver_find("mem", NULL, &driver, &err) != 0 ||
	    tally_store_open(driver, &args, &store, &err) != 0)
		FAIL("mem: %s", err.text);
	return store;
}

static bool open_host(struct host *host, const char *name, bool create, const char *policy)
{
	struct tally_core_options options = { .policy = policy };

	memset(host, 0, sizeof(*host));
	host->conf = tally_conf_new();
	options.conf = host->conf;
	host->blocks = open_store(host, name, create);
	if (tally_core_open_on(&options, host->blocks, host->blocks, create ? &first : NULL,
			       &host->core, &err) != 0) {
		FAIL("open: %s", err.text);
		return false;
	}
	return true;
}

static void close_host(struct host *host)
{
	tally_core_close(&host->core);
	tally_conf_free(&host->conf);
}

static bool make_ledger(struct host *host)
{
	struct tally_ledger_create create = { .name = TALLY_BYTES_LIT("one") };
	struct tally_write write = { .caller = { .account = first.account } };

	if (tally_ledger_create(host->core, &write, &create, &ledger, &err) == 0)
		return true;
	FAIL("create: %s", err.text);
	return false;
}

static int append(struct host *host, const char *text)
{
	struct tally_entry entry = { .payload = tally_bytes_str(text) };
	struct tally_write write = { .caller = { .account = first.account } };
	struct tally_append_result result;

	return tally_append(host->core, &write, ledger_id(), &entry, 1, true, &result, &err);
}

static struct tally_signed_checkpoint checkpoint_of(struct host *host)
{
	struct tally_signed_checkpoint checkpoint = { 0 };

	if (tally_ledger_checkpoint(host->core, ledger_id(), &arena, &checkpoint, &err) != 1)
		FAIL("checkpoint: %s", err.text);
	return checkpoint;
}

/* ---- forged blocks ---- */

static uint64_t space_of_ledger(void)
{
	uint8_t bytes[8];

	tally_hex_decode(tally_bytes(ledger.ledger_id + 2, 16), bytes, 8);
	return tally_get_u64(bytes);
}

enum forgery { FORGED_ROOT, FORGED_PREVIOUS, FORGED_STORE_TIME };

/* The next block, as a host would write it that has the newest block's journals once more, but for
 * one thing that is not what it should be. */
static void forge(struct host *host, uint64_t number, enum forgery forgery)
{
	struct tally_block_header header;
	struct tally_block_builder builder;
	struct tally_block_entry entry;
	struct tally_block_write write;
	struct tally_buf buf = { 0 };
	struct tally_bytes last, item, slots[SLOT_KINDS];
	uint8_t hash[32];

	REQUIRE(tally_core_block_read(host->core, space_of_ledger(), number - 1, &arena, &last,
				      &err) == 1);
	REQUIRE(tally_block_header_read(last, &header, hash, &err) == 0);
	tally_block_entry_read(last.data + tally_block_table_place(0), &entry);
	item = tally_bytes(last.data + tally_block_body_place(header.count) + entry.place,
			   tally_block_entry_size(&entry));
	for (int kind = 0; kind < SLOT_KINDS; kind++)
		tally_block_slot(&entry, item, (enum tally_slot_kind)kind, &slots[kind], &err);
	tally_block_begin(&builder, &buf, 1);
	tally_block_add(&builder, slots[SLOT_RECORD], slots[SLOT_PAYLOAD], TALLY_BYTES_NONE,
			entry.crc[SLOT_PAYLOAD], TALLY_BYTES_NONE);
	header.first += header.count;
	header.number = number;
	memcpy(header.previous, hash, sizeof(hash));
	if (forgery == FORGED_PREVIOUS)
		header.previous[5] ^= 1;
	if (forgery == FORGED_STORE_TIME)
		header.time_ms -= 1000;
	memset(header.root, 0x5a, sizeof(header.root));
	tally_block_end(&builder, &header, hash);
	write = (struct tally_block_write){ .space = header.space, .number = number,
					    .data = tally_buf_bytes(&buf) };
	CHECK_OK(tally_store_append(host->blocks, &write, 1, &err));
	tally_buf_free(&buf);
}

/* Neither host builds on it or signs; what was before is read on. */
static void check_read_only(struct host *host, uint64_t blocks)
{
	struct tally_signed_checkpoint checkpoint;
	struct tally_journal journal;
	uint64_t count;

	CHECK_FAILS(append(host, "more"), TALLY_CORRUPT);
	CHECK_STR(err.subject, "ReadOnly");
	CHECK(strstr(err.text, "block 4") != NULL);
	CHECK_FAILS(append(host, "more"), TALLY_CORRUPT);
	CHECK_STR(err.subject, "ReadOnly");
	CHECK_FAILS(tally_ledger_checkpoint(host->core, ledger_id(), &arena, &checkpoint, &err),
		    TALLY_CORRUPT);
	CHECK_STR(err.subject, "ReadOnly");
	CHECK_INT(tally_journal_get(host->core, ledger_id(), 3, &arena, &journal, &err), 1);
	CHECK_BYTES(journal.payload, TALLY_BYTES_LIT("c"));
	CHECK_INT(tally_journal_get(host->core, ledger_id(), 4, &arena, &journal, &err), 0);
	CHECK_OK(tally_store_last(host->blocks, space_of_ledger(), &count, &err));
	CHECK_INT(count, blocks);
}

static void a_forged_block_is_not_built_on(void)
{
	static const enum forgery forgeries[] = { FORGED_ROOT, FORGED_PREVIOUS, FORGED_STORE_TIME };

	for (size_t i = 0; i < 3; i++) {
		struct tally_journal journal;
		struct host a, b;

		CASE("forgery %zu", i);
		REQUIRE(open_host(&a, "mem:forge", true, NULL) && make_ledger(&a));
		CHECK_OK(append(&a, "a"));
		CHECK_OK(append(&a, "b"));
		REQUIRE(open_host(&b, "mem:forge", false, NULL));
		CHECK_OK(append(&b, "c"));
		CHECK_INT(checkpoint_of(&b).size, 4);
		/* who asks for what is not there looks what others wrote */
		CHECK_INT(tally_journal_get(a.core, ledger_id(), 3, &arena, &journal, &err), 1);
		CHECK_INT(checkpoint_of(&a).size, 4);
		forge(&a, 4, forgeries[i]);
		check_read_only(&a, 5);
		check_read_only(&b, 5);
		close_host(&b);
		close_host(&a);
		tally_mem_forget("forge");
	}
}

/* A host that comes later, to a store whose newest block is forged, signs nothing either. */
static void a_forged_block_is_found_on_opening(void)
{
	struct tally_signed_checkpoint checkpoint;
	struct host a, b;

	REQUIRE(open_host(&a, "mem:late", true, NULL) && make_ledger(&a));
	CHECK_OK(append(&a, "a"));
	forge(&a, 2, FORGED_ROOT);
	REQUIRE(open_host(&b, "mem:late", false, NULL));
	CHECK_FAILS(tally_ledger_checkpoint(b.core, ledger_id(), &arena, &checkpoint, &err),
		    TALLY_CORRUPT);
	CHECK(strstr(err.text, "block 2") != NULL);
	CHECK_FAILS(append(&b, "x"), TALLY_CORRUPT);
	close_host(&b);
	close_host(&a);
	tally_mem_forget("late");
}

/* ---- copies ---- */

struct copying {
	struct host *from, *to;
};

static int copy_space(void *ctx, uint64_t space, uint64_t blocks, bool dropped)
{
	struct copying *copying = ctx;

	(void)dropped;
	for (uint64_t n = 0; n < blocks; n++) {
		struct tally_block_write write = { .space = space, .number = n };

		if (tally_store_read(copying->from->blocks, space, n, 0, UINT64_MAX, &arena,
				     &write.data, &err) != 1 ||
		    tally_store_append(copying->to->blocks, &write, 1, &err) != 0)
			FAIL("copying: %s", err.text);
	}
	return 0;
}

/* All blocks of a store as another store: what a backup is. */
static bool copy_host(struct host *from, const char *name, struct host *to)
{
	struct copying copying = { from, to };
	struct tally_core_options options = { 0 };

	memset(to, 0, sizeof(*to));
	to->conf = tally_conf_new();
	options.conf = to->conf;
	to->blocks = open_store(to, name, true);
	if (tally_store_spaces(from->blocks, copy_space, &copying, &err) != 0 ||
	    tally_core_open_on(&options, to->blocks, to->blocks, NULL, &to->core, &err) != 0) {
		FAIL("copy: %s", err.text);
		return false;
	}
	return true;
}

static bool fits(struct host *host, struct tally_bytes note)
{
	bool result = false;

	if (tally_ledger_was_signed(host->core, ledger_id(), note, &result, &err) != 1)
		FAIL("was_signed: %s", err.text);
	return result;
}

static void a_copy_learns_what_the_other_signed(void)
{
	struct tally_signed_checkpoint old, one, two, again;
	struct host a, b;
	bool result;

	REQUIRE(open_host(&a, "mem:original", true, NULL) && make_ledger(&a));
	CHECK_OK(append(&a, "a"));
	old = checkpoint_of(&a);
	REQUIRE(copy_host(&a, "mem:copy", &b));
	CHECK_OK(append(&a, "only here"));
	CHECK_OK(append(&a, "and more"));
	one = checkpoint_of(&a);
	CHECK_OK(append(&b, "only there"));
	two = checkpoint_of(&b);
	CASE("what both have");
	CHECK(fits(&b, old.note) && fits(&a, old.note));
	CHECK_OK(append(&b, "goes on"));
	CASE("a larger tree");
	CHECK(!fits(&b, one.note));
	CHECK_FAILS(append(&b, "x"), TALLY_CORRUPT);
	CHECK_STR(err.subject, "ReadOnly");
	CHECK_FAILS(tally_ledger_checkpoint(b.core, ledger_id(), &arena, &again, &err), TALLY_CORRUPT);
	CASE("a smaller tree of another history");
	CHECK(!fits(&a, two.note));
	CHECK_FAILS(append(&a, "x"), TALLY_CORRUPT);
	CHECK_FAILS(tally_ledger_checkpoint(a.core, ledger_id(), &arena, &again, &err), TALLY_CORRUPT);
	CASE("signatures of others say nothing");
	again = old;
	((uint8_t *)again.note.data)[again.note.size - 10] ^= 1;
	CHECK_FAILS(tally_ledger_was_signed(a.core, ledger_id(), again.note, &result, &err),
		    TALLY_INVALID);
	close_host(&a);
	close_host(&b);
	tally_mem_forget("original");
	tally_mem_forget("copy");
}

/* ---- a new origin ---- */

struct adopted {
	char origin[256], new_origin[256];
	uint64_t was, is;
	bool fits;
	unsigned int count;
};

static void note_adopted(void *ctx, const struct tally_adopt_log *log)
{
	struct adopted *adopted = ctx;

	adopted->count++;
	snprintf(adopted->origin, sizeof(adopted->origin), "%s", log->origin);
	snprintf(adopted->new_origin, sizeof(adopted->new_origin), "%s",
		 log->new_origin != NULL ? log->new_origin : "");
	adopted->was = log->was;
	adopted->is = log->is;
	adopted->fits = log->fits;
}

static struct adopted adopt(struct host *host, enum tally_adopt how)
{
	struct adopted adopted = { .count = 0 };

	CHECK_OK(tally_core_adopt(host->core, how, note_adopted, &adopted, &err));
	CHECK_INT(adopted.count, 1);
	return adopted;
}

static void check_rename(struct host *host, const struct adopted *adopted,
			 const struct tally_signed_checkpoint *one)
{
	struct tally_journal journal;
	char root[65];
	const char *want;

	tally_hex_encode(one->root.bytes, 32, root);
	want = tally_arena_printf(&arena, "{\"origin\":\"%s\",\"previousOrigin\":\"%s\","
				  "\"previousRoot\":\"%s\",\"previousSize\":%" PRIu64 "}",
				  adopted->new_origin, adopted->origin, root, one->size);
	CHECK_INT(tally_journal_get(host->core, ledger_id(), adopted->is, &arena, &journal, &err), 1);
	CHECK_STR(journal.payload_type, "UPDATE_LEDGER");
	CHECK_BYTES(journal.payload, tally_bytes_str(want));
}

static void a_new_origin_names_the_old_one(void)
{
	struct tally_signed_checkpoint one, next;
	struct tally_checkpoint parsed;
	struct adopted adopted;
	struct tally_vkey vkey;
	struct tally_note note;
	const char *text;
	struct host a, b, c;

	REQUIRE(open_host(&a, "mem:original", true, NULL) && make_ledger(&a));
	CHECK_OK(append(&a, "a"));
	REQUIRE(copy_host(&a, "mem:copy", &b) && copy_host(&a, "mem:copy2", &c));
	CHECK_OK(append(&a, "lost"));
	one = checkpoint_of(&a);
	CASE("before anything is known");
	adopted = adopt(&b, ADOPT_NEW_ORIGIN);
	CHECK(adopted.fits && adopted.new_origin[0] == '\0');
	CASE("only looking");
	CHECK(!fits(&b, one.note));
	adopted = adopt(&b, ADOPT_LOOK);
	CHECK(!adopted.fits && adopted.was == 3 && adopted.is == 2 && adopted.new_origin[0] == '\0');
	CHECK_FAILS(append(&b, "x"), TALLY_CORRUPT);
	CASE("adopted");
	adopted = adopt(&b, ADOPT_NEW_ORIGIN);
	CHECK(strcmp(adopted.new_origin, adopted.origin) != 0);
	CHECK(strcmp(strrchr(adopted.new_origin, '/') + 1, ledger.ledger_id) == 0);
	check_rename(&b, &adopted, &one);
	CHECK_OK(append(&b, "goes on"));
	next = checkpoint_of(&b);
	REQUIRE(tally_note_parse(next.note, &note) && tally_checkpoint_parse(note.text, &parsed));
	CHECK_BYTES(parsed.origin, tally_bytes_str(adopted.new_origin));
	CHECK_INT(parsed.size, 4);
	CHECK_INT(tally_ledger_vkey(b.core, ledger_id(), &arena, &text, &err), 1);
	REQUIRE(tally_vkey_parse(tally_bytes_str(text), &vkey));
	CHECK_STR(vkey.name, adopted.new_origin);
	CHECK_INT(tally_note_verify(&note, &vkey, 1, NULL, NULL), 1);
	CASE("once");
	CHECK(adopt(&b, ADOPT_NEW_ORIGIN).new_origin[0] == '\0');
	CASE("the index is a function of the blocks");
	CHECK_OK(tally_core_rebuild(b.core, TALLY_BYTES_NONE, NULL, NULL, &err));
	CHECK_OK(append(&b, "and on"));
	REQUIRE(tally_note_parse(checkpoint_of(&b).note, &note) &&
		tally_checkpoint_parse(note.text, &parsed));
	CHECK_BYTES(parsed.origin, tally_bytes_str(adopted.new_origin));
	CASE("another copy gets another name");
	CHECK(!fits(&c, one.note));
	CHECK(strcmp(adopt(&c, ADOPT_NEW_ORIGIN).new_origin, adopted.new_origin) != 0);
	close_host(&a);
	close_host(&b);
	close_host(&c);
	tally_mem_forget("original");
	tally_mem_forget("copy");
	tally_mem_forget("copy2");
}

/* While one adopts, many write and have signed. Nothing is ever signed under the old name that the
 * other did not sign too. */
struct busy {
	struct host *host;
	char origin[256];
	_Atomic bool stop;
	_Atomic unsigned int under_old, under_new, written;
};

static void *keep_busy(void *arg)
{
	struct busy *busy = arg;
	struct tally_arena own = { 0 };
	struct tally_err why;

	while (!busy->stop) {
		struct tally_entry entry = { .payload = TALLY_BYTES_LIT("busy") };
		struct tally_write write = { .caller = { .account = first.account } };
		struct tally_signed_checkpoint checkpoint;
		struct tally_append_result result;

		if (tally_append(busy->host->core, &write, ledger_id(), &entry, 1, true, &result,
				 &why) == 0)
			busy->written++;
		if (tally_ledger_checkpoint(busy->host->core, ledger_id(), &own, &checkpoint,
					    &why) == 1) {
			size_t size = strlen(busy->origin);

			if (checkpoint.note.data[size] == '\n' &&
			    memcmp(checkpoint.note.data, busy->origin, size) == 0)
				busy->under_old++;
			else
				busy->under_new++;
		}
		tally_arena_reset(&own);
	}
	tally_arena_free(&own);
	return NULL;
}

static void nothing_is_signed_under_the_old_name(void)
{
	static struct busy busy;
	struct tally_signed_checkpoint one;
	struct adopted adopted;
	pthread_t threads[4];
	struct host a, b;

	REQUIRE(open_host(&a, "mem:original", true, NULL) && make_ledger(&a));
	REQUIRE(copy_host(&a, "mem:copy", &b));
	CHECK_OK(append(&a, "lost"));
	CHECK_OK(append(&a, "lost"));
	one = checkpoint_of(&a);
	CHECK(!fits(&b, one.note));
	memset(&busy, 0, sizeof(busy));
	busy.host = &b;
	adopted = adopt(&b, ADOPT_LOOK);
	strcpy(busy.origin, adopted.origin);
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, keep_busy, &busy);
	for (int i = 0; i < 200; i++)		/* they are at it, in vain */
		adopt(&b, ADOPT_LOOK);
	CHECK_INT(busy.written, 0);
	CHECK(adopt(&b, ADOPT_NEW_ORIGIN).new_origin[0] != '\0');
	while (busy.under_new < 50)
		adopt(&b, ADOPT_LOOK);
	busy.stop = true;
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	CHECK(busy.written > 0);
	CHECK_INT(busy.under_old, 0);
	close_host(&a);
	close_host(&b);
	tally_mem_forget("original");
	tally_mem_forget("copy");
}

/* ---- cosigned checkpoints ---- */

static uint8_t seeds[3][32] = { { 1 }, { 2 }, { 3 } };
static struct tally_vkey witnesses[3];

static void write_policy(const char *quorum)
{
	FILE *file = fopen(policy_path, "w");
	char text[TALLY_VKEY_TEXT];

	for (int i = 0; i < 3; i++) {
		uint8_t public[32];

		tally_ed25519_public(seeds[i], public);
		tally_vkey_make(&witnesses[i], tally_bytes_str(tally_arena_printf(&arena, "w%d.example", i)),
				NOTE_COSIGNATURE, public);
		tally_vkey_format(&witnesses[i], text);
		fprintf(file, "witness w%d %s\n", i, text);
	}
	fprintf(file, "group two 2 w0 w1 w2\nquorum %s\n", quorum);
	fclose(file);
}

/* A note with the lines of these witnesses (bits). */
static struct tally_bytes cosigned_by(struct tally_bytes note, unsigned int who)
{
	struct tally_buf buf = { 0 };
	struct tally_bytes made;
	struct tally_note parsed;
	char line[TALLY_NOTE_LINE];

	tally_note_parse(note, &parsed);
	tally_buf_add_bytes(&buf, note);
	for (unsigned int i = 0; i < 3; i++) {
		if ((who >> i & 1) == 0)
			continue;
		tally_note_cosign(&witnesses[i], seeds[i], parsed.text, 1700000000 + i, line);
		tally_buf_add_str(&buf, line);
	}
	made = tally_arena_bytes(&arena, tally_buf_bytes(&buf));
	tally_buf_free(&buf);
	return made;
}

static int keep(struct host *host, struct tally_bytes note)
{
	return tally_ledger_keep_cosigned(host->core, ledger_id(), note, &err);
}

static size_t lines_of(struct tally_bytes note)
{
	struct tally_note parsed;

	return tally_note_parse(note, &parsed) ? parsed.signature_count : 0;
}

static void what_has_a_quorum_is_published(void)
{
	struct tally_signed_checkpoint own, newer, got;
	struct tally_ledger_created other;
	struct tally_ledger_create create = { .name = TALLY_BYTES_LIT("other") };
	struct tally_write write;
	struct host a;

	write_policy("two");
	REQUIRE(open_host(&a, "mem:cosigned", true, policy_path) && make_ledger(&a));
	CHECK_OK(append(&a, "a"));
	own = checkpoint_of(&a);
	CHECK_FAILS(tally_ledger_published(a.core, ledger_id(), &arena, &got, &err), TALLY_BUSY);
	CHECK_INT(tally_ledger_cosigned(a.core, ledger_id(), &arena, &got, &err), 0);
	CASE("too few");
	CHECK_FAILS(keep(&a, own.note), TALLY_INVALID);
	CHECK_FAILS(keep(&a, cosigned_by(own.note, 1)), TALLY_INVALID);
	CASE("enough");
	CHECK_INT(keep(&a, cosigned_by(own.note, 3)), 1);
	CHECK_INT(tally_ledger_published(a.core, ledger_id(), &arena, &got, &err), 1);
	CHECK_BYTES(got.note, cosigned_by(own.note, 3));
	CASE("one more of the same tree");
	CHECK_INT(keep(&a, cosigned_by(own.note, 6)), 1);
	CHECK_INT(tally_ledger_published(a.core, ledger_id(), &arena, &got, &err), 1);
	CHECK_BYTES(got.note, cosigned_by(own.note, 7));
	CASE("the ledger grows, what is published stays");
	CHECK_OK(append(&a, "b"));
	newer = checkpoint_of(&a);
	CHECK_INT(tally_ledger_published(a.core, ledger_id(), &arena, &got, &err), 1);
	CHECK_INT(got.size, 2);
	CHECK_INT(keep(&a, cosigned_by(newer.note, 5)), 1);
	CHECK_INT(keep(&a, cosigned_by(own.note, 7)), 1);	/* an older one changes nothing */
	CHECK_INT(tally_ledger_published(a.core, ledger_id(), &arena, &got, &err), 1);
	CHECK_INT(got.size, 3);
	CHECK_INT(lines_of(got.note), 3);
	CASE("lines of strangers are not kept");
	CHECK_INT(keep(&a, tally_bytes_str(tally_arena_printf(
				   &arena, "%.*s\xe2\x80\x94 stranger.example AAAAAAAA\n",
				   (int)cosigned_by(newer.note, 7).size,
				   (const char *)cosigned_by(newer.note, 7).data))), 1);
	CHECK_INT(tally_ledger_cosigned(a.core, ledger_id(), &arena, &got, &err), 1);
	CHECK_INT(lines_of(got.note), 4);
	CASE("of another ledger");
	write = (struct tally_write){ .caller = { .account = first.account } };
	CHECK_OK(tally_ledger_create(a.core, &write, &create, &other, &err));
	CHECK_FAILS(tally_ledger_keep_cosigned(a.core, tally_bytes_str(other.ledger_id),
					       cosigned_by(newer.note, 7), &err), TALLY_INVALID);
	CHECK_INT(tally_ledger_keep_cosigned(a.core, TALLY_BYTES_LIT("l-0000000000000000000000001"),
					     newer.note, &err), 0);
	close_host(&a);
	tally_mem_forget("cosigned");
}

static void without_a_quorum_the_newest_is_published(void)
{
	struct tally_signed_checkpoint own, got;
	struct host a;

	write_policy("none");
	REQUIRE(open_host(&a, "mem:cosigned", true, policy_path) && make_ledger(&a));
	own = checkpoint_of(&a);
	CHECK_INT(tally_ledger_published(a.core, ledger_id(), &arena, &got, &err), 1);
	CHECK_BYTES(got.note, own.note);
	CHECK_FAILS(keep(&a, own.note), TALLY_INVALID);
	CHECK_INT(keep(&a, cosigned_by(own.note, 1)), 1);
	CHECK_INT(tally_ledger_published(a.core, ledger_id(), &arena, &got, &err), 1);
	CHECK_BYTES(got.note, cosigned_by(own.note, 1));
	CHECK_OK(append(&a, "b"));
	CHECK_INT(tally_ledger_published(a.core, ledger_id(), &arena, &got, &err), 1);
	CHECK_INT(got.size, 2);
	CHECK_INT(lines_of(got.note), 1);
	close_host(&a);
	tally_mem_forget("cosigned");
	CASE("no policy");
	REQUIRE(open_host(&a, "mem:cosigned", true, NULL) && make_ledger(&a));
	CHECK_FAILS(keep(&a, cosigned_by(checkpoint_of(&a).note, 7)), TALLY_UNSUPPORTED);
	CHECK_INT(tally_ledger_published(a.core, ledger_id(), &arena, &got, &err), 1);
	close_host(&a);
	tally_mem_forget("cosigned");
}

static void a_wrong_policy_is_refused(void)
{
	struct tally_core_options options = { .policy = policy_path };
	struct host a = { 0 };
	FILE *file = fopen(policy_path, "w");

	fputs("quorum nobody\n", file);
	fclose(file);
	a.conf = tally_conf_new();
	options.conf = a.conf;
	a.blocks = open_store(&a, "mem:wrong", true);
	CHECK_FAILS(tally_core_open_on(&options, a.blocks, a.blocks, &first, &a.core, &err),
		    TALLY_INVALID);
	CHECK(strstr(err.text, "line 1") != NULL && strstr(err.text, "witness.policy") != NULL);
	tally_conf_free(&a.conf);
	tally_mem_forget("wrong");
}

int main(void)
{
	tally_log_open(TALLY_LOG_ERROR, "/dev/null", &err);
	snprintf(policy_path, sizeof(policy_path), "/tmp/tally-policy-%ld", (long)getpid());
	TEST(a_forged_block_is_not_built_on);
	TEST(a_forged_block_is_found_on_opening);
	TEST(a_copy_learns_what_the_other_signed);
	TEST(a_new_origin_names_the_old_one);
	TEST(nothing_is_signed_under_the_old_name);
	TEST(what_has_a_quorum_is_published);
	TEST(without_a_quorum_the_newest_is_published);
	TEST(a_wrong_policy_is_refused);
	unlink(policy_path);
	tally_arena_free(&arena);
	return tap_done();
}
