/* The frame of a peer; see peer.h. */
#define _GNU_SOURCE
#include "peer.h"

#include <getopt.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/evp.h>

#define WRITERS_MAX 1024
#define POOL 65536

struct writer {
	pthread_t thread;
	uint64_t random;
	uint64_t *latencies;		/* ns */
	size_t count, room;
};

static const struct peer *peer;
static struct peer_run run = { .writers = 1, .batch = 1, .size = 256, .seconds = 2 };
static pthread_barrier_t ready;
static uint8_t *pool;
static EVP_MD *sha256;		/* fetched once: that takes longer than hashing */
static _Atomic uint64_t next = 1, begun_ns;

void peer_die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fprintf(stderr, "%s: ", peer->name);
	vfprintf(stderr, format, args);
	fprintf(stderr, "\n");
	va_end(args);
	_exit(1);
}

void peer_link(const uint8_t before[PEER_HASH], const void *payload, size_t size,
	       uint8_t hash_r[PEER_HASH])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	if (ctx == NULL || EVP_DigestInit_ex2(ctx, sha256, NULL) != 1 ||
	    EVP_DigestUpdate(ctx, before, PEER_HASH) != 1 || EVP_DigestUpdate(ctx, payload, size) != 1 ||
	    EVP_DigestFinal_ex(ctx, hash_r, NULL) != 1)
		peer_die("SHA-256 fails");
	EVP_MD_CTX_free(ctx);
}

/* ---- writers ---- */

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t next_random(uint64_t *state)
{
	/* xorshift64*: George Marsaglia, Sebastiano Vigna */
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dull;
}

static void note(struct writer *writer, uint64_t ns)
{
	if (writer->count == writer->room) {
		writer->room = writer->room != 0 ? 2 * writer->room : 4096;
		writer->latencies = realloc(writer->latencies, writer->room * sizeof *writer->latencies);
		if (writer->latencies == NULL)
			peer_die("out of memory");
	}
	writer->latencies[writer->count++] = ns;
}

/* Payloads that differ from one another and do not compress. */
static void fill(struct writer *writer, uint8_t *payloads)
{
	for (unsigned int i = 0; i < run.batch; i++)
		memcpy(payloads + (size_t)i * run.size, pool + next_random(&writer->random) % POOL,
		       run.size);
}

static void *work(void *ctx)
{
	struct writer *writer = ctx;
	uint8_t *payloads = malloc((size_t)run.batch * run.size);
	void *own = peer->writer_open(&run);
	uint64_t now, end;

	if (payloads == NULL)
		peer_die("out of memory");
	/* what each needs to begin is not timed */
	if (pthread_barrier_wait(&ready) == PTHREAD_BARRIER_SERIAL_THREAD)
		begun_ns = now_ns();
	pthread_barrier_wait(&ready);
	now = begun_ns;
	end = now + (uint64_t)(run.seconds * 1e9);
	while (now < end) {
		struct peer_batch batch = { payloads, run.batch, atomic_fetch_add(&next, run.batch) };
		uint64_t before;

		fill(writer, payloads);
		before = now_ns();
		peer->append(own, &run, &batch);
		now = now_ns();
		note(writer, now - before);
	}
	peer->writer_close(own);
	free(payloads);
	return NULL;
}

/* ---- the result ---- */

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void print(struct writer *writers, double seconds)
{
	uint64_t *all, appended;
	size_t total = 0, at = 0;

	for (unsigned int i = 0; i < run.writers; i++)
		total += writers[i].count;
	all = malloc((total + 1) * sizeof *all);
	if (all == NULL || total == 0)
		peer_die("not one batch was appended");
	for (unsigned int i = 0; i < run.writers; i++) {
		memcpy(all + at, writers[i].latencies, writers[i].count * sizeof *all);
		at += writers[i].count;
	}
	qsort(all, total, sizeof *all, compare);
	appended = (uint64_t)total * run.batch;
	if (peer->count(&run) != appended)
		peer_die("%llu records were acknowledged, %llu are there",
			 (unsigned long long)appended, (unsigned long long)peer->count(&run));
	printf("{\"rate\":%.3f,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"p999_ms\":%.3f,\"count\":%llu,"
	       "\"seconds\":%.3f,\"version\":\"%s\"}\n",
	       (double)appended / seconds, (double)all[total / 2] / 1e6,
	       (double)all[total * 99 / 100] / 1e6, (double)all[total * 999 / 1000] / 1e6,
	       (unsigned long long)appended, seconds, peer->version());
	free(all);
}

/* ---- the command line ---- */

static void usage(void)
{
	fprintf(stderr, "usage: %s --dir DIR [--target TEXT] [--variant NAME] [--writers N] [--batch N] "
		"[--size BYTES] [--seconds S]\n", peer->name);
	exit(2);
}

static unsigned int number(const char *text, unsigned long max)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*text < '1' || *text > '9' || *end != '\0' || value > max)
		usage();
	return (unsigned int)value;
}

static void read_options(int argc, char **argv)
{
	static const struct option options[] = {
		{ "dir", 1, NULL, 'd' }, { "target", 1, NULL, 't' }, { "variant", 1, NULL, 'v' },
		{ "writers", 1, NULL, 'w' }, { "batch", 1, NULL, 'b' }, { "size", 1, NULL, 's' },
		{ "seconds", 1, NULL, 'n' }, { NULL, 0, NULL, 0 }
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'd': run.dir = optarg; break;
		case 't': run.target = optarg; break;
		case 'v': run.variant = optarg; break;
		case 'w': run.writers = number(optarg, WRITERS_MAX); break;
		case 'b': run.batch = number(optarg, 10000); break;
		case 's': run.size = number(optarg, 1 << 20); break;
		case 'n': run.seconds = atof(optarg); break;
		default: usage();
		}
	}
	if (optind != argc || run.dir == NULL || !(run.seconds > 0 && run.seconds <= 86400))
		usage();
}

static void check_variant(void)
{
	const char *const *at = peer->variants;

	while (at != NULL && *at != NULL && (run.variant == NULL || strcmp(*at, run.variant) != 0))
		at++;
	if (run.variant != NULL ? at == NULL || *at == NULL : peer->variants != NULL)
		usage();
}

int peer_main(int argc, char **argv, const struct peer *this)
{
	struct writer *writers;
	uint64_t ended_ns, random = 88172645463325252ull;

	peer = this;
	read_options(argc, argv);
	check_variant();
	writers = calloc(run.writers, sizeof *writers);
	pool = malloc(POOL + run.size);
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	if (writers == NULL || pool == NULL || sha256 == NULL)
		peer_die("out of memory");
	for (size_t i = 0; i < POOL + run.size; i++)
		pool[i] = (uint8_t)(next_random(&random) >> 56);
	peer->open(&run);
	pthread_barrier_init(&ready, NULL, run.writers);
	for (unsigned int i = 0; i < run.writers; i++) {
		writers[i].random = 0x9e3779b97f4a7c15ull * (i + 1);
		if (pthread_create(&writers[i].thread, NULL, work, &writers[i]) != 0)
			peer_die("cannot start %u threads", run.writers);
	}
	for (unsigned int i = 0; i < run.writers; i++)
		pthread_join(writers[i].thread, NULL);
	ended_ns = now_ns();
	print(writers, (double)(ended_ns - begun_ns) / 1e9);
	peer->close();
	for (unsigned int i = 0; i < run.writers; i++)
		free(writers[i].latencies);
	EVP_MD_free(sha256);
	free(writers);
	free(pool);
	return 0;
}
