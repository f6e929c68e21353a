/*
 * The table of nonces: buckets of eight slots, each a 64-bit keyed digest with its time of expiry
 * and 16 bits that stand for its use. A slot that has expired is free; where a bucket is full of live ones the one that
 * expires first is given up, so memory is bounded whatever comes. The key is of this process, so
 * nobody outside can aim at a bucket.
 */
#include "auth.h"

#include <pthread.h>
#include <stdlib.h>

#include "hash.h"
#include "secret.h"

#define SLOTS 8
#define LOCKS 64

struct bucket {
	uint64_t digest[SLOTS];
	uint32_t expire_s[SLOTS];	/* 0: never used */
	uint16_t use[SLOTS];
};

struct tally_nonces {
	uint8_t key[32];
	size_t mask;			/* number of buckets, a power of two, minus one */
	struct bucket *buckets;
	pthread_mutex_t locks[LOCKS];
};

struct tally_nonces *tally_nonces_new(size_t capacity)
{
	struct tally_nonces *nonces = tally_calloc(1, sizeof(*nonces));
	size_t buckets = 1, i;

	while (buckets * SLOTS < capacity)
		buckets *= 2;
	nonces->mask = buckets - 1;
	/* untouched pages cost nothing, so a process that answers one request pays for none */
	nonces->buckets = tally_calloc(buckets, sizeof(*nonces->buckets));
	tally_random(nonces->key, sizeof(nonces->key));
	for (i = 0; i < LOCKS; i++)
		pthread_mutex_init(&nonces->locks[i], NULL);
	return nonces;
}

void tally_nonces_free(struct tally_nonces **nonces)
{
	size_t i;

	if (*nonces == NULL)
		return;
	for (i = 0; i < LOCKS; i++)
		pthread_mutex_destroy(&(*nonces)->locks[i]);
	free((*nonces)->buckets);
	free(*nonces);
	*nonces = NULL;
}

static enum tally_nonce_use take(struct bucket *bucket, uint64_t digest, uint16_t use,
				 uint32_t now_s, uint32_t expire_s)
{
	size_t best = 0, i;

	for (i = 0; i < SLOTS; i++) {
		bool live = bucket->expire_s[i] >= now_s && bucket->expire_s[i] != 0;

		if (live && bucket->digest[i] == digest)
			return bucket->use[i] == use ? NONCE_SAME : NONCE_ELSEWHERE;
		if (bucket->expire_s[i] < bucket->expire_s[best])
			best = i;
	}
	bucket->digest[best] = digest;
	bucket->expire_s[best] = expire_s;
	bucket->use[best] = use;
	return NONCE_NEW;
}

enum tally_nonce_use tally_nonces_take(struct tally_nonces *nonces, struct tally_bytes nonce,
				       struct tally_bytes use, uint64_t now_ms,
				       uint64_t expire_ms)
{
	uint8_t digest[TALLY_DIGEST_SIZE], use_digest[TALLY_DIGEST_SIZE];
	enum tally_nonce_use found;
	size_t number;

	tally_keyed_digest(nonces->key, nonce, digest);
	tally_keyed_digest(nonces->key, use, use_digest);
	number = (size_t)tally_get_u64(digest + 8) & nonces->mask;
	pthread_mutex_lock(&nonces->locks[number % LOCKS]);
	found = take(&nonces->buckets[number], tally_get_u64(digest), tally_get_u16(use_digest),
		     (uint32_t)(now_ms / 1000), (uint32_t)(expire_ms / 1000 + 1));
	pthread_mutex_unlock(&nonces->locks[number % LOCKS]);
	return found;
}
