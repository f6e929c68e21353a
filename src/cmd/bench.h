/* What the kinds of tally bench share. */
#ifndef TALLY_CMD_BENCH_H
#define TALLY_CMD_BENCH_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "core.h"
#include "err.h"
#include "record.h"
#include "verb.h"

struct json_object;

struct bench {
	struct verb_call *call;
	const char *driver;
	uint64_t batch, size, clients, seconds, clues, journals, every;
	char directory[PATH_MAX];	/* ours, removed at the end */
	struct tally_conf *conf;
	struct tally_core *core;
	struct tally_first_key key;
	char ledger[TALLY_LEDGER_ID_SIZE + 1];
	uint64_t filled;		/* journals to read from */
	bool durable;			/* as the driver promises */
	struct tally_entry *prepared;	/* append: signed before, each to be appended once */
	uint64_t prepared_count;
	_Atomic uint64_t prepared_next;
	const struct floor *floor;	/* floor: the file */
	uint64_t deadline_ns;
	_Atomic bool failed;
};

struct outcome {
	double seconds;
	uint64_t count, syncs;
	uint64_t written;		/* bytes that went to the disk; 0 where nobody counts them */
	double p50_ms, p99_ms, p999_ms, longest_ms;
	double node_rate;		/* tree: node hashes a second, alone */
	double recovery_ms, open_ms, memory_mb, bytes_each;	/* open */
};

/* Payloads that do not compress and differ from one another: part of a random pool each. */
uint8_t *bench_pool(uint64_t size);
uint64_t bench_random(uint64_t *state);

/* Where the bench's store is, and its driver. False after printing why not. */
bool bench_configure(struct bench *bench);

/* A store in the bench's directory, with a ledger. False after printing why not. */
bool bench_open_store(struct bench *bench);

/* Who writes: the account that the store was made for. */
struct tally_write bench_write(const struct bench *bench);

/* A writer of the bench's ledger that has a key (secp256k1). False after printing why not. */
struct bench_signer {
	uint8_t private[TALLY_MEMBER_PRIVATE];
	char member_id[TALLY_MEMBER_ID_SIZE + 1];
};
bool bench_signer_add(struct bench *bench, struct bench_signer *signer);

/* Signs an entry; number makes its nonce, one for each. The entry points into signed_r. */
struct bench_signed {
	struct tally_signing signing;
	struct tally_signature signature;
	uint8_t salt[TALLY_SALT_SIZE];
	char nonce[24];
};
int bench_sign(const struct bench *bench, const struct bench_signer *signer, uint64_t number,
	       struct tally_entry *entry, struct bench_signed *signed_r, struct tally_err *err);

/* What is printed: the machine in one line; members rate, p50_ms, p99_ms, p999_ms, longest_ms; a number
 * with three places, as precise as it is. */
void bench_describe_machine(char *text, size_t size);
void bench_add_double(struct json_object *object, const char *name, double value);
void bench_add_rate(struct json_object *object, const struct outcome *outcome);
void bench_print_latency(const struct outcome *outcome);

/* An interrupt asked to end early. */
bool bench_interrupted(void);

/*
 * The kinds. Each fills the outcome; false after printing why not.
 *
 *   append  clients threads, each appending batches of journals to one ledger and waiting until
 *           they are durable, for a number of seconds
 *   read    the same with single journals read at random positions of a ledger filled before
 *   prove   the same with inclusion proofs, from stored tiles; with --clues, lineages of clues
 *   verify  one thread: such proofs checked, without a store and without signatures
 *   tree    one thread: batches of leaves into a tree of depth 40 and its root after each; in turns
 *           with node hashes alone, which are the most it could be
 *   audit   a store of so many journals, signed or not, audited from its blocks up
 *   open    a store of so many journals opened, after a SIGKILL and after it was closed in order
 *   floor   one thread: one write and one fdatasync for each batch, into space written before;
 *           no hashing, no index: what the medium can give
 */
typedef bool bench_kind(struct bench *bench, struct outcome *outcome);
bench_kind bench_append, bench_read, bench_prove, bench_verify, bench_tree, bench_audit, bench_open, bench_floor;

/* bench http, a part of the verb on its own: it has no store. */
extern const struct verb bench_http;

#endif
