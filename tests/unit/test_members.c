/*
 * How accounts become members, what becomes of them, and who may say so: through the core over the mem
 * driver. Random changes are held against a model of the rules; what the members are afterwards is then
 * read in every way there is, before and after the index was made anew.
 */
#include "config.h"

#include "core.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "buf.h"
#include "conf.h"
#include "hash.h"
#include "mem.h"
#include "store.h"
#include "tap.h"

#define ACCOUNTS 6

static struct tally_err err;

static struct {
	struct tally_conf *conf;
	struct tally_core *core;
	struct tally_first_key first;
	uint64_t accounts[ACCOUNTS];
	struct tally_ledger_created ledger;
	struct tally_arena arena;
} w;

static struct tally_bytes ledger(void)
{
	return tally_bytes_str(w.ledger.ledger_id);
}

static struct tally_write by(uint64_t account)
{
	return (struct tally_write){ .caller = { .account = account } };
}

static bool begin(bool public)
{
	struct tally_store_args args = { .location = "mem:members", .create = true, .blocks = true,
					 .index = true };
	struct tally_core_options options = { .short_lived = true };
	struct tally_ledger_create create = { .name = TALLY_BYTES_LIT("Ledger"),
					      .public_read = public };
	struct tally_write local = { .caller = { .local = true } }, write;
	const struct tally_driver *driver;
	struct tally_store *store;
	bool good;

	memset(&w, 0, sizeof(w));
	w.conf = tally_conf_new();
	options.conf = args.conf = w.conf;
	good = tally_driver_find("mem", NULL, &driver, &err) == 0 &&
	       tally_store_open(driver, &args, &store, &err) == 0 &&
	       tally_core_open_on(&options, store, store, &w.first, &w.core, &err) == 0;
	for (int i = 0; good && i < ACCOUNTS; i++)
		good = tally_account_create(w.core, &local, TALLY_BYTES_LIT("a"), &w.accounts[i],
					    &err) == 0;
	write = by(w.first.account);
	good = good && tally_ledger_create(w.core, &write, &create, &w.ledger, &err) == 0;
	if (!good)
		FAIL("begin: %s", err.text);
	return good;
}

static void end(void)
{
	tally_core_close(&w.core);
	tally_arena_free(&w.arena);
	tally_conf_free(&w.conf);
	tally_mem_forget("members");
}

static int invite(uint64_t caller, uint64_t account)
{
	struct tally_write write = by(caller);

	return tally_member_invite(w.core, &write, ledger(), &account, 1, &err);
}

static int accept_with(uint64_t account, const struct tally_member_key *key, char *id_r)
{
	struct tally_write write = by(account);

	return tally_member_accept(w.core, &write, ledger(), key, id_r, &err);
}

static int accept_as(uint64_t account, char *id_r)
{
	static const struct tally_member_key none = { .type = KEY_TYPE_NONE };

	return accept_with(account, &none, id_r);
}

static int enable(uint64_t caller, const char *id, bool enabled)
{
	struct tally_write write = by(caller);

	return tally_member_enable(w.core, &write, ledger(), tally_bytes_str(id), enabled, &err);
}

static int delete(uint64_t caller, const char *id)
{
	struct tally_write write = by(caller);

	return tally_member_delete(w.core, &write, ledger(), tally_bytes_str(id), &err);
}

static int set_role(uint64_t caller, const char *id, enum tally_role role)
{
	struct tally_write write = by(caller);

	return tally_member_set_role(w.core, &write, ledger(), tally_bytes_str(id), role, &err);
}

static int append_as(uint64_t account)
{
	struct tally_entry entry = { .payload = TALLY_BYTES_LIT("x") };
	struct tally_append_result result;
	struct tally_write write = by(account);

	return tally_append(w.core, &write, ledger(), &entry, 1, true, &result, &err);
}

static int may_read(uint64_t account)
{
	struct tally_caller caller = { .account = account };

	return tally_authorise(w.core, &caller, ledger(), PERM_VIEW_JOURNAL, &err);
}

static struct tally_ledger_info info(void)
{
	struct tally_ledger_info info = { .journal_count = 0 };

	CHECK_INT(tally_ledger_describe(w.core, ledger(), &w.arena, &info, &err), 1);
	return info;
}

static struct tally_journal last_journal(void)
{
	struct tally_journal journal = { .id = 0 };

	CHECK_INT(tally_journal_get(w.core, ledger(), info().journal_count - 1, &w.arena, &journal,
				    &err), 1);
	return journal;
}

/* A refusal: the code, the subject, and that the ledger is as it was. */
#define REFUSED(call, wanted, about) do { \
		uint64_t before_ = info().journal_count; \
		CHECK_FAILS(call, wanted); \
		CHECK_STR(err.subject, about); \
		CHECK_INT(info().journal_count, before_); \
	} while (0)

/* ---- one way through ---- */

static void an_invitation_is_accepted_once(void)
{
	char id[TALLY_MEMBER_ID_SIZE + 1], again[TALLY_MEMBER_ID_SIZE + 1];
	uint64_t owner, guest, pair[2], many[TALLY_INVITE_MAX + 1] = { 0 };
	struct tally_journal journal;
	struct tally_member member;
	struct tally_write write;
	const char *wanted;

	REQUIRE(begin(false));
	owner = w.first.account;
	guest = w.accounts[0];
	write = by(owner);
	REFUSED(accept_as(guest, id), TALLY_NOTFOUND, "Ledger");
	REFUSED(invite(owner, 4711), TALLY_NOTFOUND, "Account 4711");
	REFUSED(invite(guest, w.accounts[1]), TALLY_NOTFOUND, "Ledger");
	pair[0] = pair[1] = guest;
	REFUSED(tally_member_invite(w.core, &write, ledger(), pair, 2, &err), TALLY_INVALID, "AliUids");
	REFUSED(tally_member_invite(w.core, &write, ledger(), pair, 0, &err), TALLY_INVALID, "AliUids");
	REFUSED(tally_member_invite(w.core, &write, ledger(), many, TALLY_INVITE_MAX + 1, &err),
		TALLY_INVALID, "AliUids");
	pair[1] = w.accounts[1];
	CHECK_OK(tally_member_invite(w.core, &write, ledger(), pair, 2, &err));
	journal = last_journal();
	CHECK_STR(journal.payload_type, "INVITE_MEMBERS");
	wanted = tally_arena_printf(&w.arena, "{\"accounts\":\"%llu,%llu\"}",
				    (unsigned long long)pair[0], (unsigned long long)pair[1]);
	CHECK_BYTES(journal.payload, tally_bytes_str(wanted));
	/* invited is not a member yet */
	CHECK_FAILS(may_read(guest), TALLY_NOTFOUND);
	CHECK_INT(info().member_count, 1);
	REFUSED(invite(owner, guest), TALLY_EXISTS,
		tally_arena_printf(&w.arena, "Invitation of account %llu", (unsigned long long)guest));
	CHECK_OK(accept_as(guest, id));
	journal = last_journal();
	CHECK_STR(journal.payload_type, "CREATE_MEMBER");
	CHECK_BYTES(journal.member_id, tally_bytes_str(id));
	wanted = tally_arena_printf(&w.arena, "{\"account\":%llu,\"invitation\":1,\"memberId\":\"%s\","
				    "\"role\":\"READER\"}", (unsigned long long)guest, id);
	CHECK_BYTES(journal.payload, tally_bytes_str(wanted));
	CHECK_OK(may_read(guest));
	CHECK_FAILS(append_as(guest), TALLY_DENIED);
	CHECK_INT(info().member_count, 2);
	REFUSED(accept_as(guest, again), TALLY_EXISTS, "Member");
	REFUSED(accept_as(owner, again), TALLY_EXISTS, "Member");
	REFUSED(accept_as(w.accounts[2], again), TALLY_NOTFOUND, "Ledger");
	REFUSED(accept_as(0, again), TALLY_MISSING, "Account");
	REFUSED(invite(owner, guest), TALLY_EXISTS,
		tally_arena_printf(&w.arena, "Member of account %llu", (unsigned long long)guest));
	/* who was made a member needs his invitation no more */
	{
		struct tally_member_create create = { .account = w.accounts[1], .role = ROLE_WRITER };

		CHECK_OK(tally_member_create(w.core, &write, ledger(), &create, again, &err));
		CHECK_OK(delete(owner, again));
		REFUSED(accept_as(w.accounts[1], again), TALLY_NOTFOUND, "Ledger");
	}
	CHECK_INT(tally_member_get(w.core, &write.caller, ledger(), tally_bytes_str(id), &member, &err),
		  1);
	CHECK_INT(member.role, ROLE_READER);
	end();
}

/* A caller that is local says for which account it accepts. */
static void local_administration_accepts_for_an_account(void)
{
	struct tally_write local = { .caller = { .local = true } };
	static const struct tally_member_key none = { .type = KEY_TYPE_NONE };
	char id[TALLY_MEMBER_ID_SIZE + 1];

	REQUIRE(begin(true));
	CHECK_OK(invite(w.first.account, w.accounts[0]));
	REFUSED(tally_member_accept(w.core, &local, ledger(), &none, id, &err), TALLY_MISSING, "Account");
	local.caller.account = w.accounts[1];
	REFUSED(tally_member_accept(w.core, &local, ledger(), &none, id, &err), TALLY_DENIED, "Role");
	local.caller.account = w.accounts[0];
	CHECK_OK(tally_member_accept(w.core, &local, ledger(), &none, id, &err));
	CHECK_STR(last_journal().payload_type, "CREATE_MEMBER");
	end();
}

static void disabled_members_can_do_nothing(void)
{
	char id[TALLY_MEMBER_ID_SIZE + 1];
	struct tally_state_found state;
	uint64_t owner, guest;

	REQUIRE(begin(false));
	owner = w.first.account;
	guest = w.accounts[0];
	CHECK_OK(invite(owner, guest));
	CHECK_OK(accept_as(guest, id));
	CHECK_OK(set_role(owner, id, ROLE_ADMIN));
	CHECK_OK(append_as(guest));
	CHECK_OK(enable(owner, id, false));
	CHECK_STR(last_journal().payload_type, "DISABLE_MEMBER");
	CHECK_FAILS(may_read(guest), TALLY_DENIED);
	REFUSED(append_as(guest), TALLY_DENIED, "Member");
	REFUSED(invite(guest, w.accounts[1]), TALLY_DENIED, "Member");
	REFUSED(enable(guest, id, true), TALLY_DENIED, "Member");
	REFUSED(accept_as(guest, id), TALLY_DENIED, "Member");
	CHECK_INT(tally_state_refresh(w.core, ledger(), &err), 1);
	CHECK_INT(tally_state_prove_member(w.core, ledger(), tally_bytes_str(id), 0, &state, &err), 1);
	CHECK(state.there && !state.member.enabled && state.member.role == ROLE_ADMIN);
	CHECK_OK(enable(owner, id, true));
	CHECK_STR(last_journal().payload_type, "ENABLE_MEMBER");
	CHECK_OK(append_as(guest));
	end();
}

/* The owner stays, whoever asks; every other ADMIN can go. */
static void a_ledger_keeps_an_admin(void)
{
	char id[TALLY_MEMBER_ID_SIZE + 1];
	const char *owners;
	uint64_t callers[2];

	REQUIRE(begin(false));
	owners = w.ledger.member_id;
	callers[0] = w.first.account;
	callers[1] = w.accounts[0];
	CHECK_OK(invite(callers[0], callers[1]));
	CHECK_OK(accept_as(callers[1], id));
	CHECK_OK(set_role(callers[0], id, ROLE_ADMIN));
	for (int i = 0; i < 2; i++) {
		REFUSED(set_role(callers[i], owners, ROLE_WRITER), TALLY_INVALID, "Role");
		REFUSED(enable(callers[i], owners, false), TALLY_INVALID, "MemberId");
		REFUSED(delete(callers[i], owners), TALLY_INVALID, "MemberId");
	}
	CHECK_OK(enable(callers[1], id, false));	/* itself */
	CHECK_OK(enable(callers[0], id, true));
	CHECK_OK(delete(callers[1], id));
	CHECK_INT(info().member_count, 1);
	CHECK_OK(append_as(callers[0]));
	end();
}

static void who_was_deleted_can_come_back(void)
{
	static const uint8_t private[] = { 1, 2, 3 }, other[TALLY_MEMBER_PRIVATE] = { 4, 5 };
	char id[TALLY_MEMBER_ID_SIZE + 1], again[TALLY_MEMBER_ID_SIZE + 1];
	struct tally_member_create create = { .role = ROLE_WRITER };
	uint8_t bytes[TALLY_MEMBER_PRIVATE] = { 0 };
	struct tally_member_key key, next;
	struct tally_state_found state;
	struct tally_member member;
	struct tally_write write;
	uint64_t owner, guest;

	REQUIRE(begin(false));
	memcpy(bytes, private, sizeof(private));
	owner = w.first.account;
	guest = w.accounts[0];
	write = by(owner);
	CHECK_OK(tally_member_public(KEY_TYPE_ED25519, bytes, &key, &err));
	CHECK_OK(tally_member_public(KEY_TYPE_ED25519, other, &next, &err));
	CHECK_OK(invite(owner, guest));
	CHECK_OK(accept_with(guest, &key, id));
	CHECK_INT(tally_state_refresh(w.core, ledger(), &err), 1);
	CHECK_OK(delete(owner, id));
	CHECK_STR(last_journal().payload_type, "DELETE_MEMBER");
	CHECK_FAILS(may_read(guest), TALLY_NOTFOUND);
	CHECK_INT(tally_member_get(w.core, &write.caller, ledger(), tally_bytes_str(id), &member, &err),
		  0);
	/* what was, is provable as of then; of now it is proved that there is none */
	CHECK_INT(tally_state_prove_member(w.core, ledger(), tally_bytes_str(id), 0, &state, &err), 1);
	CHECK(state.there);
	CHECK_INT(tally_state_refresh(w.core, ledger(), &err), 1);
	CHECK_INT(tally_state_prove_member(w.core, ledger(), tally_bytes_str(id), 0, &state, &err), 1);
	CHECK(!state.there);
	REFUSED(delete(owner, id), TALLY_NOTFOUND, tally_arena_printf(&w.arena, "Member %s", id));
	REFUSED(enable(owner, id, true), TALLY_NOTFOUND, tally_arena_printf(&w.arena, "Member %s", id));
	REFUSED(set_role(owner, id, ROLE_ADMIN), TALLY_NOTFOUND,
		tally_arena_printf(&w.arena, "Member %s", id));
	/* nobody else gets the id, nobody the key */
	create.id = tally_bytes_str(id);
	create.key = next;
	REFUSED(tally_member_create(w.core, &write, ledger(), &create, again, &err), TALLY_INVALID,
		"MemberId");
	create.account = w.accounts[1];
	REFUSED(tally_member_create(w.core, &write, ledger(), &create, again, &err), TALLY_INVALID,
		"MemberId");
	CHECK_OK(invite(owner, guest));
	REFUSED(accept_with(guest, &key, again), TALLY_INVALID, "PublicKey");
	CHECK_OK(accept_with(guest, &next, again));
	CHECK_STR(again, id);
	CHECK_INT(tally_state_refresh(w.core, ledger(), &err), 1);
	CHECK_INT(tally_state_prove_member(w.core, ledger(), tally_bytes_str(id), 0, &state, &err), 1);
	CHECK(state.there);
	CHECK(tally_member_key_equal(&state.member.key, &next));
	end();
}

static void the_same_token_does_nothing_twice(void)
{
	static const struct tally_member_key none = { .type = KEY_TYPE_NONE };
	char id[TALLY_MEMBER_ID_SIZE + 1];
	struct tally_write write;
	uint64_t before;

	REQUIRE(begin(false));
	write = by(w.first.account);
	write.token = TALLY_BYTES_LIT("t");
	CHECK_OK(tally_member_invite(w.core, &write, ledger(), w.accounts, 2, &err));
	before = info().journal_count;
	CHECK_OK(tally_member_invite(w.core, &write, ledger(), w.accounts, 2, &err));
	CHECK_INT(info().journal_count, before);
	REFUSED(tally_member_invite(w.core, &write, ledger(), w.accounts, 1, &err), TALLY_MISMATCH,
		"ClientToken");
	write.caller.account = w.accounts[1];
	CHECK_OK(tally_member_accept(w.core, &write, ledger(), &none, id, &err));
	before = info().journal_count;
	CHECK_OK(tally_member_accept(w.core, &write, ledger(), &none, id, &err));
	CHECK_INT(info().journal_count, before);
	end();
}

/* ---- listing ---- */

static size_t listed(uint64_t account, size_t limit, struct tally_bytes after, bool *more_r)
{
	struct tally_caller caller = { .account = account };
	struct tally_ledger_info *infos;
	size_t count = 0;

	CHECK_OK(tally_ledger_list(w.core, &caller, after, limit, &w.arena, &infos, &count, more_r, &err));
	return count;
}

/* What an account has joined is listed to it, between what it owns, as long as it is an enabled member. */
static void ledgers_are_listed_to_members(void)
{
	struct tally_ledger_create create = { .name = TALLY_BYTES_LIT("own") };
	char id[TALLY_MEMBER_ID_SIZE + 1], last[TALLY_LEDGER_ID_SIZE + 1] = "";
	struct tally_ledger_created created;
	struct tally_caller caller;
	struct tally_write write;
	uint64_t owner, guest;
	unsigned int seen = 0;
	bool more = true;

	REQUIRE(begin(true));
	owner = w.first.account;
	guest = w.accounts[0];
	caller = (struct tally_caller){ .account = guest };
	write = by(guest);
	for (int i = 0; i < 3; i++)
		CHECK_OK(tally_ledger_create(w.core, &write, &create, &created, &err));
	CHECK_INT(listed(guest, 10, TALLY_BYTES_NONE, &more), 3);
	CHECK_OK(invite(owner, guest));
	CHECK_INT(listed(guest, 10, TALLY_BYTES_NONE, &more), 3);
	CHECK_OK(accept_as(guest, id));
	CHECK_INT(listed(guest, 10, TALLY_BYTES_NONE, &more), 4);
	CHECK(!more);
	/* pages of one meet each once, in order */
	for (more = true; more && seen < 10; seen++) {
		struct tally_ledger_info *infos;
		size_t count;

		CHECK_OK(tally_ledger_list(w.core, &caller, tally_bytes_str(last), 1, &w.arena, &infos,
					   &count, &more, &err));
		REQUIRE(count == 1);
		CHECK(strcmp(infos[0].id, last) > 0);
		strcpy(last, infos[0].id);
	}
	CHECK_INT(seen, 4);
	CHECK_OK(enable(owner, id, false));
	CHECK_INT(listed(guest, 10, TALLY_BYTES_NONE, &more), 3);
	CHECK_OK(enable(owner, id, true));
	CHECK_INT(listed(guest, 10, TALLY_BYTES_NONE, &more), 4);
	CHECK_OK(delete(owner, id));
	CHECK_INT(listed(guest, 10, TALLY_BYTES_NONE, &more), 3);
	CHECK_OK(invite(owner, guest));
	CHECK_OK(accept_as(guest, id));
	CHECK_INT(listed(guest, 10, TALLY_BYTES_NONE, &more), 4);
	CHECK_INT(listed(w.accounts[1], 10, TALLY_BYTES_NONE, &more), 0);
	CHECK_INT(listed(owner, 10, TALLY_BYTES_NONE, &more), 1);
	/* local administration sees all; of a deleted ledger nobody anything */
	caller = (struct tally_caller){ .local = true };
	{
		struct tally_ledger_info *infos;
		size_t count;

		CHECK_OK(tally_ledger_list(w.core, &caller, TALLY_BYTES_NONE, 10, &w.arena, &infos, &count,
					   &more, &err));
		CHECK_INT(count, 4);
	}
	write = by(owner);
	CHECK_OK(tally_ledger_delete(w.core, &write, ledger(), &err));
	CHECK_INT(listed(guest, 10, TALLY_BYTES_NONE, &more), 3);
	end();
}

/* ---- permission items ---- */

static void roles_have_the_permissions_of_light_clients(void)
{
	static const struct {
		enum tally_role role;
		unsigned int numbers[TALLY_ITEMS_MAX + 1];
	} cases[] = {
		{ ROLE_NONE, { 0 } },
		{ ROLE_READER, { 2, 4, 6, 8, 10 } },
		{ ROLE_WRITER, { 2, 4, 6, 7, 8, 10 } },
		{ ROLE_ADMIN, { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 } },
	};
	static const char *const names[] = { NULL, "UPDATE_LEDGER", "VIEW_LEDGER", "UPDATE_MEMBER",
					     "VIEW_MEMBER", "UPDATE_TRUSTPOINT", "VIEW_TRUSTPOINT",
					     "CUSTOM_TX", "VIEW_TX", "CREATE_TIMEANCHOR",
					     "VIEW_TIMEANCHOR" };
	struct tally_permission_item items[TALLY_ITEMS_MAX];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t count = tally_role_items(cases[i].role, items), wanted = 0;

		while (cases[i].numbers[wanted] != 0)
			wanted++;
		CASE("role %d", cases[i].role);
		CHECK_INT(count, wanted);
		for (size_t k = 0; k < count && k < wanted; k++) {
			CHECK_INT(items[k].number, cases[i].numbers[k]);
			CHECK_STR(items[k].name, names[items[k].number]);
			CHECK_INT(items[k].weight, 1);
		}
	}
}

/* ---- random changes ---- */

struct model {
	bool invited, member, enabled;
	enum tally_role role;
	char id[TALLY_MEMBER_ID_SIZE + 1];
};

static bool is_admin(const struct model *model, size_t who)
{
	return who == ACCOUNTS ||
	       (model[who].member && model[who].enabled && model[who].role == ROLE_ADMIN);
}

/* What comes of a change: the model's answer, and the model after it. */
static bool expected(struct model *model, size_t who, unsigned int what, size_t about,
		     enum tally_role role)
{
	struct model *m = &model[about];

	switch (what) {
	case 0:
		if (!is_admin(model, who) || m->member || m->invited)
			return false;
		return m->invited = true;
	case 1:
		if (!m->invited)
			return false;
		*m = (struct model){ .member = true, .enabled = true, .role = ROLE_READER };
		return true;
	case 2:
	case 3:
		if (!is_admin(model, who) || !m->member)
			return false;
		m->enabled = what == 2;
		return true;
	case 4:
		if (!is_admin(model, who) || !m->member)
			return false;
		m->role = role;
		return true;
	default:
		if (!is_admin(model, who) || !m->member)
			return false;
		m->member = false;
		return true;
	}
}

static int change(uint64_t caller, unsigned int what, uint64_t account, const char *id,
		  enum tally_role role)
{
	char ignored[TALLY_MEMBER_ID_SIZE + 1];

	switch (what) {
	case 0:
		return invite(caller, account);
	case 1:
		return accept_as(account, ignored);
	case 2:
	case 3:
		return enable(caller, id, what == 2);
	case 4:
		return set_role(caller, id, role);
	default:
		return delete(caller, id);
	}
}

static void check_members(const struct model *model, char (*ids)[TALLY_MEMBER_ID_SIZE + 1])
{
	struct tally_member *members, member;
	size_t count, wanted = 1;
	bool more;

	for (size_t i = 0; i < ACCOUNTS; i++) {
		struct tally_caller caller = { .account = w.accounts[i] };
		struct tally_state_found state;
		int found = tally_member_get(w.core, &caller, ledger(), TALLY_BYTES_NONE, &member,
					     &err);

		CASE("account %zu", i);
		wanted += model[i].member;
		CHECK_INT(found, model[i].member);
		CHECK_INT(may_read(w.accounts[i]) == 0, model[i].member && model[i].enabled);
		CHECK_INT(tally_state_prove_member(w.core, ledger(), tally_bytes_str(ids[i]), 0, &state,
						   &err), 1);
		CHECK_INT(state.there, model[i].member);
		if (found != 1)
			continue;
		CHECK_STR(member.id, ids[i]);
		CHECK_INT(member.role, model[i].role);
		CHECK_INT(member.enabled, model[i].enabled);
		CHECK_INT(state.member.role, model[i].role);
	}
	CHECK_OK(tally_member_list(w.core, ledger(), TALLY_BYTES_NONE, 2 * ACCOUNTS, &w.arena, &members,
				   &count, &more, &err));
	CHECK_INT(count, wanted);
	CHECK_INT(info().member_count, wanted);
}

static void random_changes(void)
{
	const char *given = getenv("TALLY_TEST_SEED");
	unsigned int seed = given != NULL ? (unsigned int)atoi(given) : (unsigned int)time(NULL);
	char ids[ACCOUNTS][TALLY_MEMBER_ID_SIZE + 1];
	struct model model[ACCOUNTS] = { 0 };
	unsigned int done = 0;

	printf("# seed %u\n", seed);
	REQUIRE(begin(false));
	for (size_t i = 0; i < ACCOUNTS; i++) {
		uint8_t number[8], hash[TALLY_HASH_SIZE];
		struct tally_sha256 sha;
		char hex[65];

		tally_put_u64(number, w.accounts[i]);
		tally_sha256_init(&sha);
		tally_sha256_add(&sha, "tallystick member v1\n", 21);
		tally_sha256_add(&sha, w.ledger.ledger_id, TALLY_LEDGER_ID_SIZE);
		tally_sha256_add(&sha, number, 8);
		tally_sha256_end(&sha, hash);
		tally_hex_encode(hash, sizeof(hash), hex);
		snprintf(ids[i], sizeof(ids[i]), "m-%.26s", hex);
	}
	srand(seed);
	for (unsigned int step = 0; step < 600; step++) {
		size_t who = (size_t)rand() % (ACCOUNTS + 1), about = (size_t)rand() % ACCOUNTS;
		unsigned int what = (unsigned int)rand() % 6;
		enum tally_role role = ROLE_READER + (unsigned int)rand() % 3;
		uint64_t before = info().journal_count;
		bool wanted;
		int result;

		if (rand() % 2 == 0)
			who = ACCOUNTS;		/* the owner, so that something happens */
		wanted = expected(model, who, what, about, role);
		result = change(who == ACCOUNTS ? w.first.account : w.accounts[who], what,
				w.accounts[about], ids[about], role);
		CASE("seed %u, step %u: %u about %zu by %zu: %s", seed, step, what, about, who,
		     result != 0 ? err.text : "done");
		CHECK_INT(result, wanted ? 0 : -1);
		CHECK_INT(info().journal_count, before + wanted);
		done += wanted;
		if (step % 50 == 49)
			CHECK(tally_state_refresh(w.core, ledger(), &err) >= 0);
	}
	CHECK(done > 50);
	CHECK(tally_state_refresh(w.core, ledger(), &err) >= 0);
	check_members(model, ids);
	CHECK_OK(tally_core_rebuild(w.core, TALLY_BYTES_NONE, NULL, NULL, &err));
	check_members(model, ids);
	end();
}

int main(void)
{
	TEST(an_invitation_is_accepted_once);
	TEST(local_administration_accepts_for_an_account);
	TEST(disabled_members_can_do_nothing);
	TEST(a_ledger_keeps_an_admin);
	TEST(who_was_deleted_can_come_back);
	TEST(the_same_token_does_nothing_twice);
	TEST(ledgers_are_listed_to_members);
	TEST(roles_have_the_permissions_of_light_clients);
	TEST(random_changes);
	return tap_done();
}
