/* The table of read nonces: new once, forgotten when expired, bounded, and one winner of a race. */
#include <pthread.h>
#include <stdlib.h>

#include "arena.h"
#include "auth.h"
#include "tap.h"

static struct tally_bytes nonce_of(unsigned int number, char room[16])
{
	snprintf(room, 16, "k\n%u", number);
	return tally_bytes_str(room);
}

static void once_until_it_expires(void)
{
	struct tally_nonces *nonces = tally_nonces_new(64);
	struct tally_bytes nonce = TALLY_BYTES_LIT("k\nx");

	CHECK(tally_nonces_take(nonces, nonce, 1000000, 2000000));
	CHECK(!tally_nonces_take(nonces, nonce, 1000000, 2000000));
	CHECK(!tally_nonces_take(nonces, nonce, 2000000, 3000000));
	CHECK(tally_nonces_take(nonces, TALLY_BYTES_LIT("l\nx"), 2000000, 3000000));
	CHECK(tally_nonces_take(nonces, nonce, 2002000, 3000000));
	CHECK(!tally_nonces_take(nonces, nonce, 2002000, 3000000));
	tally_nonces_free(&nonces);
	CHECK(nonces == NULL);
	tally_nonces_free(&nonces);
}

/* Hardly filled, it knows them all; past its bound it goes on, and knows the newest. */
static void bounded(void)
{
	struct tally_nonces *nonces = tally_nonces_new(1 << 14);
	unsigned int i, known = 0;
	char room[16];

	for (i = 0; i < 1 << 10; i++)
		CHECK(tally_nonces_take(nonces, nonce_of(i, room), 1000000, 2000000 + i * 1000));
	for (i = 0; i < 1 << 10; i++)
		known += !tally_nonces_take(nonces, nonce_of(i, room), 1000000, 2000000);
	CHECK_INT(known, 1 << 10);
	for (; i < 1 << 16; i++)
		CHECK(tally_nonces_take(nonces, nonce_of(i, room), 1000000, 2000000 + i * 1000));
	CHECK(!tally_nonces_take(nonces, nonce_of(i - 1, room), 1000000, 2000000));
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
		racer->won += tally_nonces_take(racer->nonces, nonce_of(i, room), 1000000, 2000000);
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
	TEST(bounded);
	TEST(one_winner);
	return tap_done();
}
