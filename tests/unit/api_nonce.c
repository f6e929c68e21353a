/* The table of nonces: new once, forgotten when expired, bounded, and one winner of a race. */
#include <pthread.h>
#include <stdlib.h>

#include "arena.h"
#include "auth.h"
#include "tap.h"

static enum tally_nonce_use use_of(struct tally_nonces *nonces, struct tally_bytes nonce,
				   uint64_t now_ms, uint64_t expire_ms)
{
	return tally_nonces_take(nonces, nonce, TALLY_BYTES_LIT("GetJournal\nl-1"), now_ms,
				 expire_ms);
}

static bool is_new(struct tally_nonces *nonces, struct tally_bytes nonce, uint64_t now_ms,
		   uint64_t expire_ms)
{
	return use_of(nonces, nonce, now_ms, expire_ms) == NONCE_NEW;
}

static struct tally_bytes nonce_of(unsigned int number, char room[16])
{
	snprintf(room, 16, "k\n%u", number);
	return tally_bytes_str(room);
}

static void once_until_it_expires(void)
{
	struct tally_nonces *nonces = tally_nonces_new(64);
	struct tally_bytes nonce = TALLY_BYTES_LIT("k\nx");

	CHECK(is_new(nonces, nonce, 1000000, 2000000));
	CHECK(!is_new(nonces, nonce, 1000000, 2000000));
	CHECK(!is_new(nonces, nonce, 2000000, 3000000));
	CHECK(is_new(nonces, TALLY_BYTES_LIT("l\nx"), 2000000, 3000000));
	CHECK(is_new(nonces, nonce, 2002000, 3000000));
	CHECK(!is_new(nonces, nonce, 2002000, 3000000));
	tally_nonces_free(&nonces);
	CHECK(nonces == NULL);
	tally_nonces_free(&nonces);
}

/* Taken for one thing, it is known to have been taken when it comes with another one. */
static void used_for_something_else(void)
{
	struct tally_nonces *nonces = tally_nonces_new(64);
	struct tally_bytes nonce = TALLY_BYTES_LIT("k\nx"), a = TALLY_BYTES_LIT("AppendJournal\nl-1"),
			   b = TALLY_BYTES_LIT("AppendJournal\nl-2");

	CHECK_INT(tally_nonces_take(nonces, nonce, a, 1000000, 2000000), NONCE_NEW);
	CHECK_INT(tally_nonces_take(nonces, nonce, b, 1000000, 2000000), NONCE_ELSEWHERE);
	CHECK_INT(tally_nonces_take(nonces, nonce, TALLY_BYTES_NONE, 1000000, 2000000),
		  NONCE_ELSEWHERE);
	CHECK_INT(tally_nonces_take(nonces, nonce, a, 1000000, 2000000), NONCE_SAME);
	CHECK_INT(tally_nonces_take(nonces, nonce, b, 2002000, 3000000), NONCE_NEW);
	CHECK_INT(tally_nonces_take(nonces, nonce, a, 2002000, 3000000), NONCE_ELSEWHERE);
	tally_nonces_free(&nonces);
}

/* Hardly filled, it knows them all; past its bound it goes on, and knows the newest. */
static void bounded(void)
{
	struct tally_nonces *nonces = tally_nonces_new(1 << 14);
	unsigned int i, known = 0;
	char room[16];

	for (i = 0; i < 1 << 10; i++)
		CHECK(is_new(nonces, nonce_of(i, room), 1000000, 2000000 + i * 1000));
	for (i = 0; i < 1 << 10; i++)
		known += !is_new(nonces, nonce_of(i, room), 1000000, 2000000);
	CHECK_INT(known, 1 << 10);
	for (; i < 1 << 16; i++)
		CHECK(is_new(nonces, nonce_of(i, room), 1000000, 2000000 + i * 1000));
	CHECK(!is_new(nonces, nonce_of(i - 1, room), 1000000, 2000000));
	tally_nonces_free(&nonces);
}

#define THREADS 4
#define EACH 5000

struct racer {
	struct tally_nonces *nonces;
	unsigned int won;
};

static void *race(void *arg)
{
	struct racer *racer = arg;
	char room[16];
	unsigned int i;

	for (i = 0; i < EACH; i++)
		racer->won += is_new(racer->nonces, nonce_of(i, room), 1000000, 2000000);
	return NULL;
}

static void one_winner(void)
{
	struct tally_nonces *nonces = tally_nonces_new(1 << 17);
	struct racer racers[THREADS];
	pthread_t threads[THREADS];
	unsigned int won = 0, i;

	for (i = 0; i < THREADS; i++) {
		racers[i] = (struct racer){ nonces, 0 };
		REQUIRE(pthread_create(&threads[i], NULL, race, &racers[i]) == 0);
	}
	for (i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		won += racers[i].won;
	}
	CHECK_INT(won, EACH);
	tally_nonces_free(&nonces);
}

int main(void)
{
	TEST(once_until_it_expires);
	TEST(used_for_something_else);
	TEST(bounded);
	TEST(one_winner);
	return tap_done();
}
