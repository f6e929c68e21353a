/*
 * Time stamps: what an authority answers is taken, and whatever differs from what was asked, is
 * signed by somebody else, or is no time stamp at all, is not. The authority is our own; that
 * another's tokens are read, and ours by others, is shown in tests/cli/time.sh.
 */
#include "tsp.h"

#include <stdlib.h>

#include "arena.h"
#include "clock.h"
#include "secret.h"
#include "tap.h"

#define DAY_MS (86400 * 1000ull)
#define THEN_MS 1577934245678ull	/* 2020-01-02T03:04:05.678Z */

static struct tally_arena arena;
static struct tally_err err;
static uint8_t digest[TALLY_HASH_SIZE], other[TALLY_HASH_SIZE];

/* An authority whose certificates were good for a week in 2020. */
static struct authority {
	struct tally_tsa_files files;
	struct tally_tsa *tsa;
	struct tally_tsp_trust *trust;
} first, second;

static bool make(struct authority *authority, const char *name)
{
	return tally_tsa_make(name, THEN_MS - DAY_MS, THEN_MS + 6 * DAY_MS, &arena,
			      &authority->files, &err) == 0 &&
	       tally_tsa_open(&authority->files, &authority->tsa, &err) == 0 &&
	       tally_tsp_trust_parse(authority->files.ca, &authority->trust, &err) == 0;
}

static void drop(struct authority *authority)
{
	tally_tsa_free(&authority->tsa);
	tally_tsp_trust_free(&authority->trust);
}

static struct tally_bytes query_for(const uint8_t hash[TALLY_HASH_SIZE])
{
	struct tally_bytes query = TALLY_BYTES_NONE;

	CHECK_OK(tally_tsp_query(hash, &arena, &query, &err));
	return query;
}

static struct tally_bytes answer(struct authority *authority, struct tally_bytes query,
				 uint64_t time_ms)
{
	struct tally_bytes reply = TALLY_BYTES_NONE;

	CHECK_OK(tally_tsa_answer(authority->tsa, query, time_ms, &arena, &reply, &err));
	return reply;
}

static struct tally_bytes token_of(struct authority *authority, uint64_t time_ms)
{
	struct tally_bytes query = query_for(digest), token = TALLY_BYTES_NONE;
	struct tally_tsp_info info;

	CHECK_OK(tally_tsp_accept(query, answer(authority, query, time_ms), authority->trust,
				  &arena, &token, &info, &err));
	return token;
}

static void a_token_says_what_was_stamped_and_when(void)
{
	struct tally_bytes query = query_for(digest), token;
	struct tally_tsp_info info, again;

	REQUIRE(tally_tsp_accept(query, answer(&first, query, THEN_MS), first.trust, &arena,
				 &token, &info, &err) == 0);
	CHECK_MEM(info.digest, digest, sizeof(digest));
	CHECK_INT(info.time_ms, THEN_MS);
	CHECK_INT(info.accuracy_ms, 1000);
	CHECK_STR(info.policy, "2.999.3161");
	CHECK_STR(info.authority, "First (self-made, for tests)");
	CHECK_INT(strlen(info.serial), 32);
	CHECK_INT(strspn(info.serial, "0123456789abcdef"), 32);
	CHECK_STR(tally_tsa_name(first.tsa), info.authority);
	CHECK_OK(tally_tsp_read(token, &again, &err));
	CHECK_MEM(&again, &info, sizeof(info));
	CHECK_OK(tally_tsp_verify(token, digest, first.trust, &again, &err));
	CHECK_MEM(&again, &info, sizeof(info));
	/* as a reply once more, for tools that want one */
	CHECK_OK(tally_tsp_accept(query, tally_tsp_reply_of(token, &arena), first.trust, &arena,
				  &token, &again, &err));
}

static void milliseconds_are_read(void)
{
	static const uint64_t times[] = { THEN_MS - 678, THEN_MS, THEN_MS + 1, THEN_MS + 22,
					  THEN_MS + 322, THEN_MS + 5 * DAY_MS };
	struct tally_tsp_info info;

	for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++) {
		CASE("%" PRIu64, times[i]);
		CHECK_OK(tally_tsp_read(token_of(&first, times[i]), &info, &err));
		CHECK_INT(info.time_ms, times[i]);
	}
}

/* They expired in 2020; a token of theirs is as good as it was. */
static void expired_certificates(void)
{
	struct tally_bytes token = token_of(&first, THEN_MS), query = query_for(digest);
	struct tally_tsp_info info;

	CHECK(tally_now_ms() > THEN_MS + 6 * DAY_MS);
	CHECK_OK(tally_tsp_verify(token, digest, first.trust, &info, &err));
	CASE("after its end");
	CHECK_FAILS(tally_tsp_accept(query, answer(&first, query, THEN_MS + 7 * DAY_MS), first.trust,
				     &arena, &token, &info, &err), TALLY_INVALID);
	CHECK(strstr(err.text, "expired") != NULL);
	CASE("before its begin");
	CHECK_FAILS(tally_tsp_accept(query, answer(&first, query, THEN_MS - 2 * DAY_MS), first.trust,
				     &arena, &token, &info, &err), TALLY_INVALID);
	CHECK(strstr(err.text, "not yet valid") != NULL);
}

static void what_differs_is_refused(void)
{
	struct tally_bytes query = query_for(digest), good = answer(&first, query, THEN_MS);
	struct tally_bytes token;
	struct tally_tsp_info info;

	CASE("of another digest");
	CHECK_FAILS(tally_tsp_accept(query_for(other), good, first.trust, &arena, &token, &info,
				     &err), TALLY_INVALID);
	CASE("to another query for the same digest");
	CHECK_FAILS(tally_tsp_accept(query_for(digest), good, first.trust, &arena, &token, &info,
				     &err), TALLY_INVALID);
	CHECK(strstr(err.text, "another query") != NULL);
	CASE("of an authority that is not trusted");
	CHECK_FAILS(tally_tsp_accept(query, good, second.trust, &arena, &token, &info, &err),
		    TALLY_INVALID);
	CASE("no query");
	CHECK_FAILS(tally_tsp_accept(good, good, first.trust, &arena, &token, &info, &err),
		    TALLY_INVALID);
	CASE("a query for a reply");
	CHECK_FAILS(tally_tsp_accept(query, query, first.trust, &arena, &token, &info, &err),
		    TALLY_INVALID);
	CASE("nothing");
	CHECK_FAILS(tally_tsp_accept(query, TALLY_BYTES_NONE, first.trust, &arena, &token, &info,
				     &err), TALLY_INVALID);
	CHECK_FAILS(tally_tsp_read(TALLY_BYTES_NONE, &info, &err), TALLY_INVALID);
	CASE("too long");
	CHECK_FAILS(tally_tsp_read(tally_bytes(tally_arena_zalloc(&arena, TALLY_TSP_MAX + 1),
					       TALLY_TSP_MAX + 1), &info, &err), TALLY_INVALID);
	token = token_of(&first, THEN_MS);
	CASE("a token of another digest");
	CHECK_FAILS(tally_tsp_verify(token, other, first.trust, &info, &err), TALLY_INVALID);
	CASE("a token of an authority that is not trusted");
	CHECK_FAILS(tally_tsp_verify(token, digest, second.trust, &info, &err), TALLY_INVALID);
	CASE("a reply for a token");
	CHECK_FAILS(tally_tsp_verify(good, digest, first.trust, &info, &err), TALLY_INVALID);
}

/* A certificate that no CA vouches for is trusted when it is the one that is named. */
static void the_certificate_itself_may_be_trusted(void)
{
	struct tally_bytes token = token_of(&first, THEN_MS);
	struct tally_tsp_trust *trust;
	struct tally_tsp_info info;

	REQUIRE(tally_tsp_trust_parse(first.files.certificate, &trust, &err) == 0);
	CHECK_OK(tally_tsp_verify(token, digest, trust, &info, &err));
	tally_tsp_trust_free(&trust);
	REQUIRE(tally_tsp_trust_parse(second.files.certificate, &trust, &err) == 0);
	CHECK_FAILS(tally_tsp_verify(token, digest, trust, &info, &err), TALLY_INVALID);
	tally_tsp_trust_free(&trust);
}

static void an_authority_refuses(void)
{
	struct tally_bytes query = query_for(digest), reply, token;
	struct tally_tsp_info info;

	REQUIRE(tally_tsa_answer(first.tsa, TALLY_BYTES_LIT("no query"), THEN_MS, &arena, &reply,
				 &err) == 0);
	CHECK_FAILS(tally_tsp_accept(query, reply, first.trust, &arena, &token, &info, &err),
		    TALLY_DENIED);
	CHECK(strstr(err.text, "status 2") != NULL);
	REQUIRE(tally_tsa_answer(first.tsa, TALLY_BYTES_NONE, THEN_MS, &arena, &reply, &err) == 0);
	CHECK_FAILS(tally_tsp_accept(query, reply, first.trust, &arena, &token, &info, &err),
		    TALLY_DENIED);
}

/* Cut anywhere, with a byte more, and with any byte changed: of what still verifies (a certificate
 * that is not needed, the order of a set) digest, time and serial number are the same. */
static void broken_bytes(void)
{
	struct tally_bytes token = token_of(&first, THEN_MS), longer;
	struct tally_tsp_info info, want;
	uint8_t *copy = tally_arena_copy(&arena, token.data, token.size + 1);
	unsigned int passed = 0;

	REQUIRE(tally_tsp_read(token, &want, &err) == 0);
	for (size_t size = 0; size < token.size; size++) {
		CASE("the first %zu bytes", size);
		CHECK_FAILS(tally_tsp_verify(tally_bytes(copy, size), digest, first.trust, &info,
					     &err), TALLY_INVALID);
	}
	copy[token.size] = 0;
	longer = tally_bytes(copy, token.size + 1);
	CASE("a byte more");
	CHECK_FAILS(tally_tsp_verify(longer, digest, first.trust, &info, &err), TALLY_INVALID);
	for (size_t i = 0; i < token.size; i++) {
		for (int bit = 0; bit < 8; bit += 7) {
			copy[i] ^= (uint8_t)(1 << bit);
			CASE("byte %zu, bit %d", i, bit);
			if (tally_tsp_verify(tally_bytes(copy, token.size), digest, first.trust,
					     &info, &err) == 0) {
				passed++;
				CHECK_MEM(info.digest, want.digest, sizeof(want.digest));
				CHECK_INT(info.time_ms, want.time_ms);
				CHECK_STR(info.serial, want.serial);
				CHECK_STR(info.authority, want.authority);
			}
			copy[i] ^= (uint8_t)(1 << bit);
		}
	}
	CASE("not everything");
	CHECK(passed < token.size);
}

static void files_of_certificates(void)
{
	static const char *const none[] = { "", "\n", "no certificate",
					    "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n" };
	struct tally_bytes token = token_of(&first, THEN_MS), both;
	struct tally_tsp_trust *trust = NULL;
	struct tally_tsp_info info;

	for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++) {
		CASE("%s", none[i]);
		CHECK_FAILS(tally_tsp_trust_parse(tally_bytes_str(none[i]), &trust, &err),
			    TALLY_INVALID);
	}
	CASE("a key");
	CHECK_FAILS(tally_tsp_trust_parse(first.files.key, &trust, &err), TALLY_INVALID);
	CASE("no such file");
	CHECK_FAILS(tally_tsp_trust_read("/nonexistent/ca.pem", &trust, &err), TALLY_IO);
	CASE("several");
	both = tally_bytes_str(tally_arena_printf(&arena, "other\n%s%s%s",
						  (const char *)second.files.ca.data,
						  (const char *)second.files.key.data,
						  (const char *)first.files.ca.data));
	REQUIRE(tally_tsp_trust_parse(both, &trust, &err) == 0);
	CHECK_OK(tally_tsp_verify(token, digest, trust, &info, &err));
	tally_tsp_trust_free(&trust);
}

static void keys_that_do_not_belong(void)
{
	struct tally_tsa_files files = first.files;
	struct tally_tsa *tsa;

	files.key = second.files.key;
	CHECK_FAILS(tally_tsa_open(&files, &tsa, &err), TALLY_INVALID);
	files = first.files;
	files.certificate = TALLY_BYTES_LIT("none");
	CHECK_FAILS(tally_tsa_open(&files, &tsa, &err), TALLY_INVALID);
}

static void serials_and_queries_differ(void)
{
	struct tally_tsp_info one, two;

	CHECK_OK(tally_tsp_read(token_of(&first, THEN_MS), &one, &err));
	CHECK_OK(tally_tsp_read(token_of(&first, THEN_MS), &two, &err));
	CHECK(strcmp(one.serial, two.serial) != 0);
	CHECK(!tally_bytes_equal(query_for(digest), query_for(digest)));
}

int main(void)
{
	tally_sha256("one", 3, digest);
	tally_sha256("two", 3, other);
	if (!make(&first, "First") || !make(&second, "Second")) {
		printf("Bail out! %s\n", err.text);
		return 99;
	}
	TEST(a_token_says_what_was_stamped_and_when);
	TEST(milliseconds_are_read);
	TEST(expired_certificates);
	TEST(what_differs_is_refused);
	TEST(the_certificate_itself_may_be_trusted);
	TEST(an_authority_refuses);
	TEST(broken_bytes);
	TEST(files_of_certificates);
	TEST(keys_that_do_not_belong);
	TEST(serials_and_queries_differ);
	drop(&first);
	drop(&second);
	tally_arena_free(&arena);
	return tap_done();
}
