/*
 * How a ledger is reached, its own limits, and listings of keys, through the core over the mem driver:
 * who gets in from where, what is refused and changes nothing, and that an index built anew says the
 * same.
 */
#include "config.h"

#include "access.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "conf.h"
#include "index_hash.h"
#include "mem.h"
#include "store.h"
#include "tap.h"

#define STORE "mem:access"

static struct {
	struct tally_conf *conf;
	struct tally_core *core;
	struct tally_first_key first;
	struct tally_ledger_created ledger;
	struct tally_arena arena;
} w;

static struct tally_err err;

static struct tally_bytes id(void)
{
	return tally_bytes_str(w.ledger.ledger_id);
}

static struct tally_write owner(void)
{
	return (struct tally_write){ .caller = { .account = w.first.account } };
}

static bool open_core(bool create)
{
	struct tally_store_args args = { .location = STORE, .conf = w.conf, .create = create,
					 .blocks = true, .index = true };
	struct tally_core_options options = { .conf = w.conf, .short_lived = true };
	const struct tally_driver *driver;
	struct tally_store *store;

	if (tally_driver_find("mem", NULL, &driver, &err) == 0 &&
	    tally_store_open(driver, &args, &store, &err) == 0 &&
	    tally_core_open_on(&options, store, store, create ? &w.first : NULL, &w.core, &err) == 0)
		return true;
	FAIL("open: %s", err.text);
	return false;
}

static bool begin(enum tally_ledger_type type, bool public)
{
	struct tally_ledger_create create = { .name = TALLY_BYTES_LIT("Ledger"), .type = type,
					      .public_read = public };
	struct tally_write write;

	memset(&w, 0, sizeof(w));
	w.conf = tally_conf_new();
	if (!open_core(true))
		return false;
	write = owner();
	if (tally_ledger_create(w.core, &write, &create, &w.ledger, &err) == 0)
		return true;
	FAIL("create: %s", err.text);
	return false;
}

static void end(void)
{
	tally_core_close(&w.core);
	tally_arena_free(&w.arena);
	tally_conf_free(&w.conf);
	tally_mem_forget("access");
}

static uint64_t journals(void)
{
	struct tally_ledger_info info = { .journal_count = 0 };

	CHECK_INT(tally_ledger_describe(w.core, id(), &w.arena, &info, &err), 1);
	return info.journal_count;
}

/* The tables are what the blocks make; the ledger's blocks are well. */
static void check_rebuild(void)
{
	uint8_t before[TALLY_HASH_SIZE], after[TALLY_HASH_SIZE];
	uint64_t space;

	REQUIRE(tally_ledger_id_space(id(), &space));
	CHECK_OK(index_hash(w.core, space, before, &err));
	CHECK_OK(tally_core_rebuild(w.core, TALLY_BYTES_NONE, NULL, NULL, &err));
	CHECK_OK(index_hash(w.core, space, after, &err));
	CHECK_MEM(after, before, TALLY_HASH_SIZE);
	CHECK_OK(tally_core_check(w.core, TALLY_BYTES_NONE, NULL, NULL, &err));
}

/* Closes the store and opens it again: the head comes out of the index. */
static void reopen(void)
{
	tally_core_close(&w.core);
	REQUIRE(open_core(false));
}

static struct tally_reach from(const char *address, const char *listener)
{
	struct tally_reach reach = { .listener = tally_bytes_str(listener) };

	if (address != NULL)
		reach.has_address = tally_address_parse(tally_bytes_str(address), reach.address);
	reach.this_host = address == NULL || (reach.has_address &&
					      tally_address_is_loopback(reach.address));
	return reach;
}

/* TALLY_OK, or why the owner may not read a journal from there. */
static enum tally_code reading(const char *address, const char *listener)
{
	struct tally_reach reach = from(address, listener);
	struct tally_caller caller = { .account = w.first.account, .reach = &reach };

	return tally_authorise(w.core, &caller, id(), PERM_VIEW_JOURNAL, &err) == 0 ?
		       TALLY_OK : err.code;
}

/* The same of an append, as it is decided when it is committed. */
static enum tally_code appending(const char *address, const char *listener)
{
	struct tally_reach reach = from(address, listener);
	struct tally_write write = { .caller = { .account = w.first.account, .reach = &reach } };
	struct tally_entry entry = { .payload = TALLY_BYTES_LIT("x") };
	struct tally_append_result result;

	return tally_append(w.core, &write, id(), &entry, 1, true, &result, &err) == 0 ?
		       TALLY_OK : err.code;
}

static void check_from(const char *address, const char *listener, enum tally_code want)
{
	uint64_t count = journals();

	CASE("from %s by %s", address != NULL ? address : "a socket",
	     listener != NULL ? listener : "the public way");
	CHECK_STR(tally_code_name(reading(address, listener)), tally_code_name(want));
	CHECK_STR(tally_code_name(appending(address, listener)), tally_code_name(want));
	CHECK_INT(journals(), count + (want == TALLY_OK));
}

static int ip_list(enum tally_ip_change how, const char *text)
{
	struct tally_write write = owner();

	return tally_access_ip_list(w.core, &write, id(), how, tally_bytes_str(text), &err);
}

static const char *list_now(void)
{
	struct tally_access access;

	if (tally_access_get(w.core, id(), &w.arena, &access, &err) != 0)
		return err.text;
	return tally_arena_str(&w.arena, access.ip_list);
}

/* ---- networks ---- */

static void lists_of_networks(void)
{
	REQUIRE(begin(LEDGER_JOURNAL, false));
	CHECK_STR(list_now(), "");
	check_from("203.0.113.9", NULL, TALLY_OK);
	CHECK_OK(ip_list(IP_COVER, "10.1.2.3/8, 2001:DB8::5/32 ,192.0.2.1"));
	CHECK_STR(list_now(), "10.0.0.0/8,2001:db8::/32,192.0.2.1");
	check_from("10.200.0.1", NULL, TALLY_OK);
	check_from("::ffff:10.200.0.1", NULL, TALLY_OK);
	check_from("2001:db8:1::1", NULL, TALLY_OK);
	check_from("192.0.2.1", NULL, TALLY_OK);
	check_from("192.0.2.2", NULL, TALLY_DENIED);
	check_from("11.0.0.1", NULL, TALLY_DENIED);
	check_from("127.0.0.1", NULL, TALLY_DENIED);
	check_from(NULL, NULL, TALLY_DENIED);
	CHECK_STR(err.subject, "Access");
	CHECK_OK(ip_list(IP_APPEND, "198.51.100.0/24,192.0.2.1"));
	CHECK_STR(list_now(), "10.0.0.0/8,2001:db8::/32,192.0.2.1,198.51.100.0/24");
	CHECK_OK(ip_list(IP_DELETE, "10.0.0.0/8,192.0.2.1"));
	CHECK_STR(list_now(), "2001:db8::/32,198.51.100.0/24");
	check_from("10.200.0.1", NULL, TALLY_DENIED);
	check_from("198.51.100.7", NULL, TALLY_OK);
	check_rebuild();
	reopen();
	CHECK_STR(list_now(), "2001:db8::/32,198.51.100.0/24");
	check_from("10.200.0.1", NULL, TALLY_DENIED);
	CHECK_OK(ip_list(IP_COVER, "0.0.0.0/0,::/0"));
	check_from("10.200.0.1", NULL, TALLY_OK);
	check_from("2a00::1", NULL, TALLY_OK);
	CHECK_OK(ip_list(IP_COVER, "::/0"));
	check_from("2a00::1", NULL, TALLY_OK);
	check_from("10.200.0.1", NULL, TALLY_DENIED);
	end();
}

static void wrong_lists_change_nothing(void)
{
	static const struct {
		enum tally_ip_change how;
		const char *text;
	} cases[] = {
		{ IP_COVER, "" }, { IP_COVER, "," }, { IP_COVER, "10.0.0.0/8," },
		{ IP_COVER, "10.0.0.0/33" }, { IP_COVER, "localhost" }, { IP_APPEND, "10.0.0.1;::1" },
		{ IP_APPEND, "::1/129" }, { IP_DELETE, "10.0.0.1" }, { IP_DELETE, "192.0.2.0/24" },
		{ IP_DELETE, "nonsense" },
	};
	char many[TALLY_IP_LIST_TEXT];
	size_t size = 0;
	uint64_t count;

	REQUIRE(begin(LEDGER_JOURNAL, false));
	CHECK_OK(ip_list(IP_COVER, "192.0.2.0/24"));
	count = journals();
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		CASE("'%s'", cases[i].text);
		CHECK_FAILS(ip_list(cases[i].how, cases[i].text), TALLY_INVALID);
		CHECK_STR(err.subject, "IpList");
	}
	CASE("one too many");
	for (unsigned int i = 0; i <= TALLY_IP_LIST_MAX; i++)
		size += (size_t)snprintf(many + size, sizeof(many) - size, "%s10.0.%u.1",
					 i > 0 ? "," : "", i);
	CHECK_FAILS(ip_list(IP_COVER, many), TALLY_INVALID);
	CHECK_INT(journals(), count);
	CHECK_STR(list_now(), "192.0.2.0/24");
	*strrchr(many, ',') = '\0';
	CHECK_OK(ip_list(IP_COVER, many));
	CHECK_STR(list_now(), many);
	CHECK_FAILS(ip_list(IP_APPEND, "192.0.2.1"), TALLY_INVALID);
	check_rebuild();
	end();
}

/* ---- open access ---- */

static void open_access(void)
{
	struct tally_reach far = from("203.0.113.9", NULL), here = from("127.0.0.1", NULL);
	struct tally_caller reader = { .reach = &far };
	struct tally_write write;
	struct tally_access access;

	REQUIRE(begin(LEDGER_JOURNAL, true));
	write = owner();
	CHECK_OK(tally_authorise(w.core, &reader, id(), PERM_VIEW_JOURNAL, &err));
	CHECK_OK(tally_access_open(w.core, &write, id(), false, &err));
	check_from("203.0.113.9", NULL, TALLY_DENIED);
	check_from("127.0.0.1", NULL, TALLY_OK);
	check_from("::1", NULL, TALLY_OK);
	check_from(NULL, NULL, TALLY_OK);
	CHECK_FAILS(tally_authorise(w.core, &reader, id(), PERM_VIEW_JOURNAL, &err), TALLY_DENIED);
	reader.reach = &here;
	CHECK_OK(tally_authorise(w.core, &reader, id(), PERM_VIEW_JOURNAL, &err));
	check_rebuild();
	reopen();
	check_from("203.0.113.9", NULL, TALLY_DENIED);
	CHECK_OK(tally_access_get(w.core, id(), &w.arena, &access, &err));
	CHECK(!access.open);
	CHECK_OK(tally_access_open(w.core, &write, id(), true, &err));
	check_from("203.0.113.9", NULL, TALLY_OK);
	end();
}

/* Who has no part in a ledger does not learn from where it is reached. */
static void strangers_learn_nothing(void)
{
	struct tally_reach far = from("203.0.113.9", NULL);
	struct tally_caller stranger = { .account = w.first.account + 1, .reach = &far };
	struct tally_write write;

	REQUIRE(begin(LEDGER_JOURNAL, false));
	write = owner();
	CHECK_OK(tally_access_open(w.core, &write, id(), false, &err));
	CHECK_FAILS(tally_authorise(w.core, &stranger, id(), PERM_VIEW_JOURNAL, &err), TALLY_NOTFOUND);
	CHECK_FAILS(tally_authorise(w.core, &stranger, id(), PERM_VIEW_ACCESS, &err), TALLY_NOTFOUND);
	end();
}

/* Makes an account, and invites it. */
static struct tally_write invited_account(void)
{
	struct tally_write local = { .caller = { .local = true } }, write = owner();
	struct tally_write account = { .caller = { .local = false } };

	CHECK_OK(tally_account_create(w.core, &local, TALLY_BYTES_LIT("one"), &account.caller.account,
				      &err));
	CHECK_OK(tally_member_invite(w.core, &write, id(), &account.caller.account, 1, &err));
	return account;
}

/* An invitation too is accepted only from where the ledger is reached, and stays open until then. */
static void invitations_are_held(void)
{
	static const struct tally_member_key none = { .type = KEY_TYPE_NONE };
	struct tally_reach far = from("203.0.113.9", NULL), near = from("127.0.0.1", NULL);
	char member[TALLY_MEMBER_ID_SIZE + 1];
	struct tally_write write, guest;
	uint64_t count;

	REQUIRE(begin(LEDGER_JOURNAL, false));
	write = owner();
	CHECK_OK(tally_access_open(w.core, &write, id(), false, &err));
	guest = invited_account();
	count = journals();
	guest.caller.reach = &far;
	CHECK_FAILS(tally_member_accept(w.core, &guest, id(), &none, member, &err), TALLY_DENIED);
	CHECK_STR(err.subject, "Access");
	CHECK_INT(journals(), count);
	guest.caller.reach = &near;
	CHECK_OK(tally_member_accept(w.core, &guest, id(), &none, member, &err));
	CHECK_INT(journals(), count + 1);
	end();
}

/* How many ledgers are listed to a caller, from there. */
static size_t listed(uint64_t account, const struct tally_reach *reach)
{
	struct tally_caller caller = { .account = account, .reach = reach };
	struct tally_ledger_info *infos;
	size_t count = SIZE_MAX;
	bool more;

	CHECK_OK(tally_ledger_list(w.core, &caller, TALLY_BYTES_NONE, 10, &w.arena, &infos, &count,
				   &more, &err));
	return count;
}

/* The listing of ledgers has those only that are reached from there, to owners and to members. */
static void listings_leave_out(void)
{
	static const struct tally_member_key none = { .type = KEY_TYPE_NONE };
	struct tally_reach far = from("203.0.113.9", NULL), near = from("127.0.0.1", NULL);
	char member[TALLY_MEMBER_ID_SIZE + 1];
	struct tally_write write, guest;

	REQUIRE(begin(LEDGER_JOURNAL, false));
	write = owner();
	guest = invited_account();
	CHECK_OK(tally_member_accept(w.core, &guest, id(), &none, member, &err));
	CHECK_INT(listed(guest.caller.account, &far), 1);
	CHECK_OK(tally_access_open(w.core, &write, id(), false, &err));
	CHECK_INT(listed(w.first.account, &far), 0);
	CHECK_INT(listed(guest.caller.account, &far), 0);
	CHECK_INT(listed(w.first.account, &near), 1);
	CHECK_INT(listed(guest.caller.account, &near), 1);
	end();
}

/* ---- endpoints ---- */

static int create_endpoint(const char *listener, const char *token)
{
	struct tally_write write = owner();
	char endpoint_id[TALLY_ENDPOINT_ID];
	struct tally_endpoint endpoint = { .listener = tally_bytes_str(listener),
					   .address = TALLY_BYTES_LIT("192.0.2.5:8443") };

	tally_endpoint_id(id(), endpoint.listener, "ledger.test", endpoint_id);
	endpoint.id = tally_bytes_str(endpoint_id);
	write.token = tally_bytes_str(token);
	return tally_endpoint_create(w.core, &write, id(), &endpoint, &err);
}

static void endpoints(void)
{
	static const char *const listeners[] = { "vpc-a/vsw-1", "vpc-a/vsw-2", "vpc-b/vsw-1" };
	struct tally_endpoint *list;
	struct tally_write write;
	char first[TALLY_ENDPOINT_ID];
	uint64_t count;
	size_t got;
	bool more;

	REQUIRE(begin(LEDGER_JOURNAL, false));
	write = owner();
	check_from("10.0.0.1", "vpc-a/vsw-1", TALLY_NOTFOUND);
	check_from("127.0.0.1", "vpc-a/vsw-1", TALLY_NOTFOUND);
	for (size_t i = 0; i < 3; i++)
		CHECK_OK(create_endpoint(listeners[i], i == 0 ? "tok" : NULL));
	count = journals();
	CHECK_OK(create_endpoint(listeners[0], "tok"));
	CHECK_FAILS(create_endpoint(listeners[0], NULL), TALLY_EXISTS);
	CHECK_FAILS(create_endpoint(listeners[1], "tok"), TALLY_MISMATCH);
	CHECK_FAILS(create_endpoint("vpc-a", NULL), TALLY_INVALID);
	CHECK_FAILS(create_endpoint("vpc-a/", NULL), TALLY_INVALID);
	CHECK_FAILS(create_endpoint("vpc a/x", NULL), TALLY_INVALID);
	CHECK_FAILS(create_endpoint("a/b/c", NULL), TALLY_INVALID);
	CHECK_INT(journals(), count);
	CHECK_OK(tally_access_open(w.core, &write, id(), false, &err));
	check_from("10.0.0.1", "vpc-a/vsw-1", TALLY_OK);
	check_from("10.0.0.1", "vpc-b/vsw-1", TALLY_OK);
	check_from("10.0.0.1", "vpc-b/vsw-2", TALLY_NOTFOUND);
	check_from("10.0.0.1", NULL, TALLY_DENIED);
	CHECK_OK(ip_list(IP_COVER, "10.0.0.0/24"));
	check_from("10.0.0.1", "vpc-a/vsw-1", TALLY_OK);
	check_from("10.0.1.1", "vpc-a/vsw-1", TALLY_DENIED);
	CHECK_OK(tally_endpoint_list(w.core, id(), TALLY_BYTES_NONE, 2, &w.arena, &list, &got, &more,
				     &err));
	REQUIRE(got == 2 && more);
	CHECK_BYTES(list[0].listener, TALLY_BYTES_LIT("vpc-a/vsw-1"));
	CHECK_BYTES(list[0].address, TALLY_BYTES_LIT("192.0.2.5:8443"));
	CHECK_BYTES(list[0].member_id, tally_bytes_str(w.ledger.member_id));
	tally_endpoint_id(id(), list[0].listener, "ledger.test", first);
	CHECK_BYTES(list[0].id, tally_bytes_str(first));
	CHECK(list[0].create_ms > 0);
	CHECK_OK(tally_endpoint_list(w.core, id(), list[1].listener, 2, &w.arena, &list, &got, &more,
				     &err));
	REQUIRE(got == 1 && !more);
	CHECK_BYTES(list[0].listener, TALLY_BYTES_LIT("vpc-b/vsw-1"));
	check_rebuild();
	reopen();
	count = journals();
	CHECK_FAILS(tally_endpoint_delete(w.core, &write, id(), tally_bytes_str(first),
					  TALLY_BYTES_LIT("vpc-b/vsw-1"), &err), TALLY_NOTFOUND);
	CHECK_FAILS(tally_endpoint_delete(w.core, &write, id(), TALLY_BYTES_LIT("other.ledger.test"),
					  TALLY_BYTES_LIT("vpc-a/vsw-1"), &err), TALLY_NOTFOUND);
	CHECK_INT(journals(), count);
	CHECK_OK(tally_endpoint_delete(w.core, &write, id(), tally_bytes_str(first),
				       TALLY_BYTES_LIT("vpc-a/vsw-1"), &err));
	check_from("10.0.0.1", "vpc-a/vsw-1", TALLY_NOTFOUND);
	CHECK_OK(create_endpoint(listeners[0], NULL));
	check_from("10.0.0.1", "vpc-a/vsw-1", TALLY_OK);
	check_rebuild();
	end();
}

/* ---- limits ---- */

static int set_limit(enum tally_limit limit, uint64_t value)
{
	struct tally_ledger_change change = { .name = TALLY_BYTES_NONE };
	struct tally_write write = owner();

	change.set_limit[limit] = true;
	change.limits[limit] = value;
	return tally_ledger_modify(w.core, &write, id(), &change, &err);
}

static int append_sized(size_t size, size_t clues, size_t count, bool atomic,
			struct tally_append_result *results)
{
	static const struct tally_bytes names[] = { TALLY_BYTES_LIT("a"), TALLY_BYTES_LIT("b"),
						    TALLY_BYTES_LIT("c") };
	struct tally_entry *entries = tally_arena_array(&w.arena, struct tally_entry, count);
	uint8_t *payload = tally_arena_alloc(&w.arena, size + 1);
	struct tally_write write = owner();

	memset(payload, 'p', size);
	for (size_t i = 0; i < count; i++)
		entries[i] = (struct tally_entry){ .payload = tally_bytes(payload, i == 0 ? size : 1),
						   .clues = names, .clue_count = clues };
	return tally_append(w.core, &write, id(), entries, count, atomic, results, &err);
}

static void limits_of_a_ledger(void)
{
	static const struct {
		enum tally_limit limit;
		uint64_t above;
		const char *name;
	} servers[] = { { LIMIT_BATCH, 10001, "BatchLimit" }, { LIMIT_CLUES, 33, "ClueLimit" },
			{ LIMIT_MEMBERS, 1001, "MemberLimit" }, { LIMIT_PAGE, 1025, "PageLimit" },
			{ LIMIT_PAYLOAD, (4 << 20) + 1, "PayloadLimit" } };
	struct tally_journal_query query = { .end_id = UINT64_MAX, .end_ms = UINT64_MAX, .limit = 100 };
	struct tally_member_create member = { .account = 4711, .role = ROLE_READER };
	char member_id[TALLY_MEMBER_ID_SIZE + 1];
	struct tally_append_result results[4];
	struct tally_journal_page page;
	struct tally_ledger_info info;
	struct tally_write write;
	uint64_t count;

	REQUIRE(begin(LEDGER_JOURNAL, false));
	write = owner();
	count = journals();
	for (size_t i = 0; i < 5; i++) {
		CASE("%s above the server's", servers[i].name);
		CHECK_FAILS(set_limit(servers[i].limit, servers[i].above), TALLY_INVALID);
		CHECK_STR(err.subject, servers[i].name);
		CHECK_INT(journals(), count);
	}
	CHECK_OK(set_limit(LIMIT_PAYLOAD, 10));
	CHECK_OK(set_limit(LIMIT_CLUES, 2));
	CHECK_OK(set_limit(LIMIT_BATCH, 3));
	CHECK_OK(set_limit(LIMIT_MEMBERS, 1));
	CHECK_OK(set_limit(LIMIT_PAGE, 4));
	check_rebuild();
	reopen();
	count = journals();
	CHECK_FAILS(append_sized(11, 0, 1, true, results), TALLY_INVALID);
	CHECK_STR(err.subject, "Payload");
	CHECK_FAILS(append_sized(1, 3, 1, true, results), TALLY_INVALID);
	CHECK_STR(err.subject, "Clues");
	CHECK_FAILS(append_sized(1, 0, 4, true, results), TALLY_INVALID);
	CHECK_STR(err.subject, "Journals");
	CHECK_FAILS(append_sized(1, 0, 4, false, results), TALLY_INVALID);
	CHECK_FAILS(append_sized(11, 0, 3, true, results), TALLY_INVALID);
	CHECK_STR(err.subject, "Journals.0.Payload");
	CHECK_FAILS(tally_member_create(w.core, &write, id(), &member, member_id, &err), TALLY_DENIED);
	CHECK_INT(journals(), count);
	CHECK_OK(append_sized(10, 2, 1, true, results));
	CHECK_OK(append_sized(11, 0, 3, false, results));
	CHECK_INT(results[0].err.code, TALLY_INVALID);
	CHECK_INT(results[1].err.code, TALLY_OK);
	CHECK_INT(results[2].err.code, TALLY_OK);
	CHECK_INT(journals(), count + 3);
	CHECK_OK(tally_journal_list(w.core, id(), &query, &w.arena, &page, &err));
	CHECK_INT(page.count, 4);
	CHECK(page.more);
	CHECK_OK(set_limit(LIMIT_PAYLOAD, 0));
	CHECK_OK(append_sized(11, 0, 1, true, results));
	CHECK_INT(tally_ledger_describe(w.core, id(), &w.arena, &info, &err), 1);
	CHECK_INT(info.limits[LIMIT_PAYLOAD], 0);
	CHECK_INT(info.limits[LIMIT_PAGE], 4);
	check_rebuild();
	end();
}

/* ---- the key store ---- */

static void keys_of_the_key_store(void)
{
	struct tally_kms_key kms = { TALLY_BYTES_LIT("key-1"), TALLY_BYTES_LIT("v2") }, got;
	struct tally_kms_key wrong = { TALLY_BYTES_LIT("../x"), TALLY_BYTES_NONE };
	struct tally_bytes me;
	struct tally_member_key key;
	uint8_t private[TALLY_MEMBER_PRIVATE] = { 1 };
	struct tally_write write;
	uint64_t count;

	REQUIRE(begin(LEDGER_JOURNAL, false));
	write = owner();
	me = tally_bytes_str(w.ledger.member_id);
	CHECK_OK(tally_member_public(KEY_TYPE_ED25519, private, &key, &err));
	count = journals();
	CHECK_FAILS(tally_member_set_kms_key(w.core, &write, id(), me, &key, &kms, &err), TALLY_DENIED);
	CHECK_STR(err.subject, "ServiceRole");
	CHECK_INT(journals(), count);
	CHECK_OK(tally_access_grant(w.core, &write, id(), &err));
	CHECK_FAILS(tally_member_set_kms_key(w.core, &write, id(), me, &key, &wrong, &err),
		    TALLY_INVALID);
	CHECK_OK(tally_member_set_kms_key(w.core, &write, id(), me, &key, &kms, &err));
	CHECK_INT(tally_member_kms_key(w.core, id(), me, &w.arena, &got, &err), 1);
	CHECK_BYTES(got.id, kms.id);
	CHECK_BYTES(got.version, kms.version);
	check_rebuild();
	private[0] = 2;
	CHECK_OK(tally_member_public(KEY_TYPE_ED25519, private, &key, &err));
	CHECK_OK(tally_member_set_key(w.core, &write, id(), me, &key, &err));
	CHECK_INT(tally_member_kms_key(w.core, id(), me, &w.arena, &got, &err), 0);
	check_rebuild();
	end();
}

/* By its characters alone: whoever audits has no token. */
static void keys_on_tokens(void)
{
	static const struct {
		const char *id, *version;
		bool good;
	} cases[] = {
		{ "pkcs11:token=till%20token;object=till-7;type=public", "", true },
		{ "pkcs11:", "", true },
		{ "pkcs11:object=-._~%:[]@!$'()*+,=&;", "", true },
		{ "pkcs11:object=o", "1", false },
		{ "pkcs11:object=o?pin-value=1", "", false },
		{ "pkcs11:object=o#", "", false },
		{ "pkcs11:object=a/b", "", false },
		{ "pkcs11:object=a b", "", false },
		{ "pkcs11:object=\xc3\xa4", "", false },
		{ "PKCS11:object=o", "", false },
		{ "pkcs11", "", true },		/* a file's name */
	};
	struct tally_kms_key kms = { TALLY_BYTES_NONE, TALLY_BYTES_NONE }, got;
	uint8_t private[TALLY_MEMBER_PRIVATE] = { 1 };
	char longest[TALLY_KMS_URI + 1];
	struct tally_member_key key;
	struct tally_write write;
	struct tally_bytes me;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		CASE("%s", cases[i].id);
		CHECK_INT(tally_kms_key_valid(tally_bytes_str(cases[i].id),
					      tally_bytes_str(cases[i].version)), cases[i].good);
	}
	CASE("sizes");
	memset(longest, 'a', sizeof(longest));
	memcpy(longest, "pkcs11:object=", 14);
	CHECK(!tally_kms_key_valid(tally_bytes(longest, sizeof(longest)), TALLY_BYTES_NONE));
	kms.id = tally_bytes(longest, TALLY_KMS_URI);
	REQUIRE(begin(LEDGER_JOURNAL, false));
	write = owner();
	me = tally_bytes_str(w.ledger.member_id);
	CHECK_OK(tally_access_grant(w.core, &write, id(), &err));
	CHECK_OK(tally_member_public(KEY_TYPE_ED25519, private, &key, &err));
	CHECK_OK(tally_member_set_kms_key(w.core, &write, id(), me, &key, &kms, &err));
	CHECK_INT(tally_member_kms_key(w.core, id(), me, &w.arena, &got, &err), 1);
	CHECK_BYTES(got.id, kms.id);
	CHECK_INT(got.version.size, 0);
	check_rebuild();
	end();
}

/* Who was deleted and comes again by the same id brings a key of its own. */
static void a_key_of_the_key_store_goes_with_its_member(void)
{
	struct tally_kms_key kms = { TALLY_BYTES_LIT("key-1"), TALLY_BYTES_LIT("v2") }, got;
	uint8_t private[TALLY_MEMBER_PRIVATE] = { 1 };
	char member[TALLY_MEMBER_ID_SIZE + 1], again[TALLY_MEMBER_ID_SIZE + 1];
	struct tally_member_key first, second;
	struct tally_write write, guest;

	REQUIRE(begin(LEDGER_JOURNAL, false));
	write = owner();
	CHECK_OK(tally_member_public(KEY_TYPE_ED25519, private, &first, &err));
	private[0] = 2;
	CHECK_OK(tally_member_public(KEY_TYPE_ED25519, private, &second, &err));
	guest = invited_account();
	CHECK_OK(tally_access_grant(w.core, &write, id(), &err));
	CHECK_OK(tally_member_accept(w.core, &guest, id(), &(struct tally_member_key){ 0 }, member, &err));
	CHECK_OK(tally_member_set_kms_key(w.core, &guest, id(), TALLY_BYTES_NONE, &first, &kms, &err));
	CHECK_INT(tally_member_kms_key(w.core, id(), tally_bytes_str(member), &w.arena, &got, &err), 1);
	CHECK_OK(tally_member_delete(w.core, &write, id(), tally_bytes_str(member), &err));
	CHECK_INT(tally_member_kms_key(w.core, id(), tally_bytes_str(member), &w.arena, &got, &err), 0);
	CHECK_OK(tally_member_invite(w.core, &write, id(), &guest.caller.account, 1, &err));
	CHECK_OK(tally_member_accept(w.core, &guest, id(), &second, again, &err));
	CHECK_STR(again, member);
	CHECK_INT(tally_member_kms_key(w.core, id(), tally_bytes_str(member), &w.arena, &got, &err), 0);
	reopen();
	CHECK_INT(tally_member_kms_key(w.core, id(), tally_bytes_str(member), &w.arena, &got, &err), 0);
	check_rebuild();
	end();
}

/* ---- keys and values, in pages, against a model ---- */

#define MODEL_KEYS 60

struct model {
	char keys[MODEL_KEYS][16];
	uint64_t journal[MODEL_KEYS];		/* of the value in force; 0: none */
	unsigned int versions[MODEL_KEYS];
};

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void fill_model(struct model *model, unsigned int steps)
{
	static const char *const stems[] = { "a", "b/", "b/long-", "\xc3\xa4", "z" };
	struct tally_write write = owner();
	struct tally_receipt receipt;

	memset(model, 0, sizeof(*model));
	for (unsigned int i = 0; i < MODEL_KEYS; i++)
		snprintf(model->keys[i], sizeof(model->keys[i]), "%s%u", stems[i % 5], i);
	qsort(model->keys, MODEL_KEYS, sizeof(model->keys[0]), by_text);
	for (unsigned int i = 0; i < steps; i++) {
		unsigned int at = (unsigned int)rand() % MODEL_KEYS;
		struct tally_bytes key = tally_bytes_str(model->keys[at]);
		bool removes = model->journal[at] != 0 && rand() % 3 == 0;

		if (removes)
			CHECK_OK(tally_kv_delete(w.core, &write, id(), key, &receipt, &err));
		else
			CHECK_OK(tally_kv_set(w.core, &write, id(), key, key, &receipt, &err));
		model->journal[at] = removes ? 0 : receipt.journal_id;
		model->versions[at]++;
	}
}

/* All pages of a listing hold the model's keys of that prefix, in order, and no other. */
static void check_list(const struct model *model, const char *prefix, size_t limit, bool values)
{
	struct tally_kv_query query = { .prefix = tally_bytes_str(prefix), .limit = limit,
					.values = values, .byte_limit = 20 };
	struct tally_kv_page page;
	size_t at = 0, pages = 0;

	CASE("prefix '%s', pages of %zu", prefix, limit);
	do {
		CHECK_OK(tally_kv_list(w.core, id(), &query, &w.arena, &page, &err));
		CHECK(page.count <= limit);
		for (size_t i = 0; i < page.count; i++, at++) {
			while (at < MODEL_KEYS && (model->journal[at] == 0 ||
						   strncmp(model->keys[at], prefix, strlen(prefix)) != 0))
				at++;
			REQUIRE(at < MODEL_KEYS);
			CHECK_BYTES(page.items[i].key, tally_bytes_str(model->keys[at]));
			CHECK_INT(page.items[i].journal_id, model->journal[at]);
			if (values)
				CHECK_BYTES(page.items[i].journal.payload, page.items[i].key);
		}
		query.after = page.last_key;
	} while (page.more && ++pages < 1000);
	CHECK(pages < 1000);
	for (; at < MODEL_KEYS; at++)
		CHECK(model->journal[at] == 0 ||
		      strncmp(model->keys[at], prefix, strlen(prefix)) != 0);
}

static void check_history(const struct model *model, unsigned int at)
{
	struct tally_kv_query query = { .prefix = tally_bytes_str(model->keys[at]), .limit = 2,
					.values = true, .byte_limit = SIZE_MAX };
	struct tally_kv_page page;
	uint64_t last = UINT64_MAX;
	size_t seen = 0;

	CASE("key %s", model->keys[at]);
	if (model->versions[at] == 0) {
		CHECK_FAILS(tally_kv_history(w.core, id(), &query, &w.arena, &page, &err),
			    TALLY_NOTFOUND);
		return;
	}
	do {
		CHECK_OK(tally_kv_history(w.core, id(), &query, &w.arena, &page, &err));
		for (size_t i = 0; i < page.count; i++, seen++) {
			const struct tally_kv_item *item = &page.items[i];

			CHECK(item->journal_id < last);
			last = item->journal_id;
			CHECK_STR(item->journal.payload_type, item->deleted ? "KV_DELETE" : "KV_SET");
			CHECK_MEM(item->hash.bytes, item->journal.hash.bytes, TALLY_HASH_SIZE);
			if (seen == 0)
				CHECK_INT(item->deleted, model->journal[at] == 0);
		}
		query.has_cursor = true;
		query.cursor = page.cursor;
	} while (page.more && seen < 1000);
	CHECK_INT(seen, model->versions[at]);
}

static void check_model(const struct model *model)
{
	static const char *const prefixes[] = { "", "a", "b", "b/", "b/long-", "\xc3", "\xc3\xa4", "z",
						"zz", "nothing" };

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++) {
		check_list(model, prefixes[i], 1, true);
		check_list(model, prefixes[i], 7, false);
		check_list(model, prefixes[i], 1000, false);
	}
	for (unsigned int i = 0; i < MODEL_KEYS; i++)
		check_history(model, i);
}

static void keys_in_pages(void)
{
	const char *given = getenv("TALLY_TEST_SEED");
	unsigned int seed = given != NULL ? (unsigned int)atoi(given) : (unsigned int)time(NULL);
	struct model model;

	printf("# seed %u\n", seed);
	srand(seed);
	REQUIRE(begin(LEDGER_KV, false));
	fill_model(&model, 300);
	check_model(&model);
	check_rebuild();
	reopen();
	check_model(&model);
	end();
}

/* Of very many keys without a value one page looks at some thousands only, and the next goes on. */
static void a_page_of_nothing_ends(void)
{
	struct tally_kv_query query = { .limit = 100, .byte_limit = SIZE_MAX };
	struct tally_kv_page page;
	struct tally_write write;
	unsigned int pages = 0;
	size_t seen = 0;
	char key[16];

	REQUIRE(begin(LEDGER_KV, false));
	write = owner();
	for (unsigned int i = 0; i < 9000; i++) {
		snprintf(key, sizeof(key), "k%05u", i);
		CHECK_OK(tally_kv_set(w.core, &write, id(), tally_bytes_str(key), TALLY_BYTES_NONE, NULL,
				      &err));
		if (i != 8999)
			CHECK_OK(tally_kv_delete(w.core, &write, id(), tally_bytes_str(key), NULL, &err));
	}
	do {
		CHECK_OK(tally_kv_list(w.core, id(), &query, &w.arena, &page, &err));
		CHECK_INT(page.count, pages == 1);
		seen += page.count;
		query.after = page.last_key;
	} while (page.more && ++pages < 10);
	CHECK_INT(pages, 1);
	CHECK_INT(seen, 1);
	end();
}

static void keys_need_a_kv_ledger(void)
{
	struct tally_kv_query query = { .prefix = TALLY_BYTES_LIT("k"), .limit = 1 };
	struct tally_kv_page page;

	REQUIRE(begin(LEDGER_JOURNAL, false));
	CHECK_FAILS(tally_kv_list(w.core, id(), &query, &w.arena, &page, &err), TALLY_INVALID);
	CHECK_STR(err.subject, "LedgerId");
	CHECK_FAILS(tally_kv_history(w.core, id(), &query, &w.arena, &page, &err), TALLY_INVALID);
	CHECK_FAILS(tally_kv_list(w.core, TALLY_BYTES_LIT("l-1"), &query, &w.arena, &page, &err),
		    TALLY_NOTFOUND);
	end();
}

static void pages_have_the_ledgers_limit(void)
{
	struct tally_kv_query query = { .limit = 100, .byte_limit = SIZE_MAX };
	struct tally_kv_page page;
	struct model model;

	REQUIRE(begin(LEDGER_KV, false));
	srand(1);
	fill_model(&model, 100);
	CHECK_OK(set_limit(LIMIT_PAGE, 3));
	CHECK_OK(tally_kv_list(w.core, id(), &query, &w.arena, &page, &err));
	CHECK_INT(page.count, 3);
	CHECK(page.more);
	CHECK_OK(set_limit(LIMIT_PAYLOAD, 1));
	query.prefix = TALLY_BYTES_LIT("k");
	{
		struct tally_write write = owner();

		CHECK_FAILS(tally_kv_set(w.core, &write, id(), query.prefix, TALLY_BYTES_LIT("vv"),
					 NULL, &err), TALLY_INVALID);
		CHECK_STR(err.subject, "Value");
		CHECK_OK(tally_kv_set(w.core, &write, id(), query.prefix, TALLY_BYTES_LIT("v"), NULL,
				      &err));
	}
	end();
}

int main(void)
{
	TEST(lists_of_networks);
	TEST(wrong_lists_change_nothing);
	TEST(open_access);
	TEST(strangers_learn_nothing);
	TEST(invitations_are_held);
	TEST(listings_leave_out);
	TEST(endpoints);
	TEST(limits_of_a_ledger);
	TEST(keys_of_the_key_store);
	TEST(keys_on_tokens);
	TEST(a_key_of_the_key_store_goes_with_its_member);
	TEST(keys_in_pages);
	TEST(a_page_of_nothing_ends);
	TEST(keys_need_a_kv_ledger);
	TEST(pages_have_the_ledgers_limit);
	return tap_done();
}
