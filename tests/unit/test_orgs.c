/* Organisations and channels in the system ledger: who is there, what is refused, and a rebuild. */
#include "buf.h"
#include "cert.h"
#include "conf.h"
#include "mem.h"
#include "share.h"
#include "store.h"
#include "tables.h"
#include "tap.h"

#define DAY 86400000ull

static struct tally_conf *conf;
static struct tally_core *core;
static struct tally_arena arena;
static struct tally_first_key owner;
static struct tally_err err;
static const struct tally_write local = { .caller = { .local = true } };
static char *ca, *leaf;

static bool begin(void)
{
	struct tally_core_options options = { .short_lived = true };
	struct tally_store_args args = { .location = "mem:", .create = true, .blocks = true,
					 .index = true };
	static const uint8_t key[32] = { 1, 2, 3 };
	struct tally_cert_make make = { .name = "ca", .key = key, .ca = true, .from_ms = DAY,
					.until_ms = 2 * DAY };
	const struct tally_driver *driver;
	struct tally_store *store;

	options.conf = args.conf = conf = tally_conf_new();
	if (tally_cert_make(&make, &arena, &ca, &err) != 0)
		return false;
	make.ca = false;
	return tally_cert_make(&make, &arena, &leaf, &err) == 0 &&
	       tally_driver_find("mem", NULL, &driver, &err) == 0 &&
	       tally_store_open(driver, &args, &store, &err) == 0 &&
	       tally_core_open_on(&options, store, store, &owner, &core, &err) == 0;
}

static void make_ledger(const char *name, enum tally_ledger_type type,
			struct tally_ledger_created *created_r)
{
	struct tally_write write = { .caller = { .account = owner.account } };
	struct tally_ledger_create create = { .name = tally_bytes_str(name), .type = type };

	CHECK_OK(tally_ledger_create(core, &write, &create, created_r, &err));
}

static void organisations(void)
{
	struct tally_org org, *orgs;
	size_t count;

	CHECK_OK(tally_org_add(core, &local, TALLY_BYTES_LIT("org1"), tally_bytes_str(ca), &err));
	CHECK_OK(tally_org_add(core, &local, TALLY_BYTES_LIT("a.B_c-9"), tally_bytes_str(ca), &err));
	CHECK_INT(tally_org_find(core, TALLY_BYTES_LIT("org1"), &arena, &org, &err), 1);
	CHECK_BYTES(org.certificate, tally_bytes_str(ca));
	CHECK(org.create_ms > 0);
	CHECK_INT(tally_org_find(core, TALLY_BYTES_LIT("org2"), &arena, &org, &err), 0);
	CHECK_INT(tally_org_find(core, TALLY_BYTES_LIT("a/b"), &arena, &org, &err), 0);
	CHECK_OK(tally_org_list(core, &arena, &orgs, &count, &err));
	CHECK_INT(count, 2);
	CHECK_BYTES(orgs[0].id, TALLY_BYTES_LIT("a.B_c-9"));
}

static void refused_organisations(void)
{
	static const char long_id[] = "0123456789012345678901234567890123456789012345678901234567890123x";
	const struct {
		const char *id;
		const char *certificate;
		enum tally_code code;
		const char *subject;
	} cases[] = {
		{ "", ca, TALLY_INVALID, "OrganizationId" },
		{ "a b", ca, TALLY_INVALID, "OrganizationId" },
		{ "a/b", ca, TALLY_INVALID, "OrganizationId" },
		{ "\xc3\xa4", ca, TALLY_INVALID, "OrganizationId" },
		{ long_id, ca, TALLY_INVALID, "OrganizationId" },
		{ "org3", "", TALLY_INVALID, "Certificate" },
		{ "org3", "x", TALLY_INVALID, "Certificate" },
		{ "org3", leaf, TALLY_INVALID, "Certificate" },
		{ "org1", ca, TALLY_EXISTS, "Organization" },
	};
	struct tally_org *orgs;
	size_t count;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		CASE("%.10s %.10s", cases[i].id, cases[i].certificate);
		CHECK_FAILS(tally_org_add(core, &local, tally_bytes_str(cases[i].id),
					  tally_bytes_str(cases[i].certificate), &err),
			    cases[i].code);
		CHECK_STR(err.subject, cases[i].subject);
	}
	CHECK_FAILS(tally_org_remove(core, &local, TALLY_BYTES_LIT("org3"), &err), TALLY_NOTFOUND);
	CHECK_FAILS(tally_org_remove(core, &local, TALLY_BYTES_LIT("a b"), &err), TALLY_NOTFOUND);
	CHECK_OK(tally_org_list(core, &arena, &orgs, &count, &err));
	CHECK_INT(count, 2);
}

static void channels(void)
{
	struct tally_ledger_created one, two, kv, gone;
	struct tally_write write = { .caller = { .account = owner.account } };
	struct tally_channel channel, *list;
	size_t count;

	make_ledger("one", LEDGER_JOURNAL, &one);
	make_ledger("two", LEDGER_JOURNAL, &two);
	make_ledger("kv", LEDGER_KV, &kv);
	make_ledger("gone", LEDGER_JOURNAL, &gone);
	CHECK_OK(tally_ledger_delete(core, &write, tally_bytes_str(gone.ledger_id), &err));
#define ADD(name, ledger) tally_channel_add(core, &local, TALLY_BYTES_LIT(name), \
					    tally_bytes_str(ledger), &err)
	CHECK_OK(ADD("mychannel", one.ledger_id));
	CHECK_FAILS(ADD("mychannel", two.ledger_id), TALLY_EXISTS);
	CHECK_FAILS(ADD("other", one.ledger_id), TALLY_EXISTS);
	CHECK_FAILS(ADD("other", kv.ledger_id), TALLY_INVALID);
	CHECK_FAILS(ADD("other", gone.ledger_id), TALLY_NOTFOUND);
	CHECK_FAILS(ADD("other", "l-nothing"), TALLY_NOTFOUND);
	CHECK_FAILS(ADD("no/name", two.ledger_id), TALLY_INVALID);
	CHECK_OK(ADD("other", two.ledger_id));
	CHECK_INT(tally_channel_find(core, TALLY_BYTES_LIT("mychannel"), &arena, &channel, &err), 1);
	CHECK_BYTES(channel.ledger_id, tally_bytes_str(one.ledger_id));
	CHECK_OK(tally_channel_list(core, &arena, &list, &count, &err));
	CHECK_INT(count, 2);
}

struct tables {
	struct tally_buf rows;
};

static int add_row(void *ctx, uint32_t table, struct tally_bytes key, struct tally_bytes value)
{
	struct tables *tables = ctx;

	if (table != TABLE_ORG && table != TABLE_CHANNEL)
		return 0;
	tally_buf_add_u32(&tables->rows, table);
	tally_buf_add_bytes(&tables->rows, key);
	tally_buf_add_bytes(&tables->rows, value);
	return 0;
}

/* What was removed is gone, may come back, and a rebuild makes the same tables. */
static void removed_and_rebuilt(void)
{
	struct tables before = { { 0 } }, after = { { 0 } };
	struct tally_channel channel;
	struct tally_org org;

	CHECK_OK(tally_org_remove(core, &local, TALLY_BYTES_LIT("org1"), &err));
	CHECK_INT(tally_org_find(core, TALLY_BYTES_LIT("org1"), &arena, &org, &err), 0);
	CHECK_OK(tally_channel_remove(core, &local, TALLY_BYTES_LIT("mychannel"), &err));
	CHECK_INT(tally_channel_find(core, TALLY_BYTES_LIT("mychannel"), &arena, &channel, &err), 0);
	CHECK_FAILS(tally_channel_remove(core, &local, TALLY_BYTES_LIT("mychannel"), &err),
		    TALLY_NOTFOUND);
	CHECK_OK(tally_org_add(core, &local, TALLY_BYTES_LIT("org1"), tally_bytes_str(ca), &err));
	CHECK_OK(tally_core_index_each(core, 0, add_row, &before, &err));
	CHECK_OK(tally_core_rebuild(core, TALLY_BYTES_NONE, NULL, NULL, &err));
	CHECK_OK(tally_core_index_each(core, 0, add_row, &after, &err));
	CHECK(before.rows.size > 1000);
	CHECK_BYTES(tally_buf_bytes(&after.rows), tally_buf_bytes(&before.rows));
	tally_buf_free(&before.rows);
	tally_buf_free(&after.rows);
}

int main(void)
{
	if (!begin()) {
		printf("Bail out! %s\n", err.text);
		return 99;
	}
	TEST(organisations);
	TEST(refused_organisations);
	TEST(channels);
	TEST(removed_and_rebuilt);
	tally_core_close(&core);
	tally_conf_free(&conf);
	tally_arena_free(&arena);
	return tap_done();
}
