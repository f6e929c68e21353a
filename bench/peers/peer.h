/*
 * The frame of a peer: a small program that appends records of so many bytes to another store, by so many
 * writers at once, each waiting until its batch is durable, and prints one line of JSON. One file a peer
 * fills in struct peer; peer.c has the command line, the threads and the clock.
 *
 * Afterwards, and not timed, a peer counts what its store holds and, where it keeps a chain of hashes,
 * makes all of them anew: a rate counts for nothing if a record is not there. The peers take nothing from
 * the ledger's own sources, so that whoever repeats a measurement can read them alone.
 */
#ifndef PEER_H
#define PEER_H

#include <stddef.h>
#include <stdint.h>

#define PEER_HASH 32

/* As the command line says it. */
struct peer_run {
	const char *dir;		/* an empty directory of this run */
	const char *target;		/* what to connect to, for peers that are servers */
	const char *variant;		/* one of the peer's; NULL: it has one way only */
	unsigned int writers, batch, size;
	double seconds;
};

/* One batch: payloads lie behind one another, each of run->size bytes. */
struct peer_batch {
	const uint8_t *payloads;
	unsigned int count;
	uint64_t first;			/* numbers that no other batch has, from 1 */
};

struct peer {
	const char *name;
	const char *const *variants;	/* NULL-terminated; NULL: none */
	/* All of these end the program with peer_die on an error. */
	void (*open)(const struct peer_run *run);
	void *(*writer_open)(const struct peer_run *run);	/* in the writer's thread */
	void (*append)(void *writer, const struct peer_run *run, const struct peer_batch *batch);
	void (*writer_close)(void *writer);
	/* How many records the store holds, its hashes made anew. */
	uint64_t (*count)(const struct peer_run *run);
	void (*close)(void);
	const char *(*version)(void);
};

int peer_main(int argc, char **argv, const struct peer *peer);

void peer_die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* A link of a chain: SHA-256 of the hash before and the payload. */
void peer_link(const uint8_t before[PEER_HASH], const void *payload, size_t size,
	       uint8_t hash_r[PEER_HASH]);

#endif
