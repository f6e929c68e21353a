/* Members in memory: found as of one change and no other, by id and by account; the newest stay. */
#include "config.h"

#include "membercache.h"

#include <stdio.h>
#include <string.h>

#include "tap.h"

static struct tally_member member(unsigned int number, enum tally_role role)
{
	struct tally_member member = { .account = 1000 + number, .role = role, .enabled = true };

	snprintf(member.id, sizeof(member.id), "m-%026u", number);
	return member;
}

static void as_of_one_change(void)
{
	struct tally_membercache *cache = tally_membercache_new();
	uint64_t before = tally_membercache_change(), after = tally_membercache_change();
	struct tally_member writer = member(1, ROLE_WRITER), reader = member(1, ROLE_READER), found;

	CHECK(before != 0 && after != before);
	tally_membercache_put(cache, before, &writer);
	CHECK(tally_membercache_get(cache, before, tally_bytes_str(writer.id), 0, &found));
	CHECK_INT(found.role, ROLE_WRITER);
	CHECK(tally_membercache_get(cache, before, TALLY_BYTES_NONE, 1001, &found));
	CHECK_STR(found.id, writer.id);
	CHECK(!tally_membercache_get(cache, before, TALLY_BYTES_NONE, 1002, &found));
	CHECK(!tally_membercache_get(cache, after, tally_bytes_str(writer.id), 0, &found));
	tally_membercache_put(cache, after, &reader);
	CHECK(tally_membercache_get(cache, after, TALLY_BYTES_NONE, 1001, &found));
	CHECK_INT(found.role, ROLE_READER);
	/* who still looks at the ledger as it was */
	CHECK(tally_membercache_get(cache, before, TALLY_BYTES_NONE, 1001, &found));
	CHECK_INT(found.role, ROLE_WRITER);
	tally_membercache_free(cache);
}

static void no_change_is_known(void)
{
	struct tally_membercache *cache = tally_membercache_new();
	struct tally_member writer = member(1, ROLE_WRITER), found;

	tally_membercache_put(cache, 0, &writer);
	CHECK(!tally_membercache_get(cache, 0, tally_bytes_str(writer.id), 0, &found));
	CHECK(!tally_membercache_get(cache, 0, TALLY_BYTES_NONE, 1001, &found));
	tally_membercache_free(cache);
}

static void the_newest_stay(void)
{
	struct tally_membercache *cache = tally_membercache_new();
	uint64_t change = tally_membercache_change();
	struct tally_member found;
	unsigned int kept = 0;

	for (unsigned int i = 0; i < 100; i++) {
		struct tally_member one = member(i, ROLE_WRITER);

		tally_membercache_put(cache, change, &one);
		CHECK(tally_membercache_get(cache, change, tally_bytes_str(one.id), 0, &found));
	}
	for (unsigned int i = 0; i < 100; i++) {
		bool there = tally_membercache_get(cache, change, TALLY_BYTES_NONE, 1000 + i, &found);

		kept += there;
		CHECK(!there || found.account == 1000 + i);
	}
	CHECK(kept > 0 && kept < 100);
	tally_membercache_free(cache);
}

int main(void)
{
	TEST(as_of_one_change);
	TEST(no_change_is_known);
	TEST(the_newest_stay);
	return tap_done();
}
