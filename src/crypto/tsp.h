/*
 * Time stamps of RFC 3161: an authority signs that it saw a digest at a time. Asking for one,
 * checking what was answered, and an authority's own side, for tests. OpenSSL's TS functions are
 * seen here only; nothing here speaks to the network.
 *
 * What is kept is the token: the signed part of the answer, DER. Everything from outside is
 * refused whole unless it is exactly as the standard has it.
 */
#ifndef TALLY_TSP_H
#define TALLY_TSP_H

#include "err.h"
#include "hash.h"

#define TALLY_TSP_MAX 32768		/* bytes of a query, a reply or a token */
#define TALLY_TSP_SERIAL 40		/* digits of the longest serial number: 160 bits */
#define TALLY_TSP_NAME 200		/* bytes of the longest name we keep */

struct tally_arena;
struct tally_tsp_trust;

/* What a token says. Believe it only after tally_tsp_verify. */
struct tally_tsp_info {
	uint8_t digest[TALLY_HASH_SIZE];	/* what was stamped; SHA-256 by its own word */
	uint64_t time_ms;			/* genTime */
	uint64_t accuracy_ms;			/* it may be off by that; rounded up; 0: not said */
	char serial[TALLY_TSP_SERIAL + 1];	/* lower-case hex without leading zeros */
	char policy[128];			/* OID in dots */
	char authority[TALLY_TSP_NAME + 1];	/* common name in the signing certificate, else its
						   whole subject; "" where the token has none */
};

/* ---- certificates that are trusted ---- */

/* Every certificate of a PEM text; other parts are passed over. INVALID where there is none. */
int tally_tsp_trust_parse(struct tally_bytes pem, struct tally_tsp_trust **trust_r,
			  struct tally_err *err);
/* The same from a file. */
int tally_tsp_trust_read(const char *path, struct tally_tsp_trust **trust_r,
			 struct tally_err *err);
void tally_tsp_trust_free(struct tally_tsp_trust **trust);

/* ---- the client's side ---- */

/* A query for a digest, with a random nonce, asking for the authority's certificates. */
int tally_tsp_query(const uint8_t digest[TALLY_HASH_SIZE], struct tally_arena *arena,
		    struct tally_bytes *query_r, struct tally_err *err);

/*
 * The reply to a query: granted, with the query's imprint and nonce, and a token that
 * tally_tsp_verify finds good. DENIED with the authority's words where it refused; INVALID for
 * all else. The token lives in arena.
 */
int tally_tsp_accept(struct tally_bytes query, struct tally_bytes reply,
		     const struct tally_tsp_trust *trust, struct tally_arena *arena,
		     struct tally_bytes *token_r, struct tally_tsp_info *info_r,
		     struct tally_err *err);

/*
 * A token for this digest: its signature, and the chain from its certificate, which must be for
 * time stamping alone and say so critically, to one that is trusted, as of the time that the
 * token states; so it stays good when certificates expire. Revocation is not looked at. INVALID.
 */
int tally_tsp_verify(struct tally_bytes token, const uint8_t digest[TALLY_HASH_SIZE],
		     const struct tally_tsp_trust *trust, struct tally_tsp_info *info_r,
		     struct tally_err *err);

/* What it says, unverified. INVALID where it is no token. */
int tally_tsp_read(struct tally_bytes token, struct tally_tsp_info *info_r, struct tally_err *err);

/* A token as the reply that brought it (status granted), for other tools. In arena. */
struct tally_bytes tally_tsp_reply_of(struct tally_bytes token, struct tally_arena *arena);

/* ---- the authority's side (tsa.c) ---- */

struct tally_tsa;

/* PEM texts. The key of the CA is not among them: it signs this one certificate. */
struct tally_tsa_files {
	struct tally_bytes ca, certificate, key;
};

/*
 * A new authority: CA, and a certificate for time stamping signed by it, both good from from_ms
 * to until_ms. The name stands in them with " (self-made, for tests)" behind it. In arena; wipe
 * the arena.
 */
int tally_tsa_make(const char *name, uint64_t from_ms, uint64_t until_ms,
		   struct tally_arena *arena, struct tally_tsa_files *files_r,
		   struct tally_err *err);

int tally_tsa_open(const struct tally_tsa_files *files, struct tally_tsa **tsa_r,
		   struct tally_err *err);
void tally_tsa_free(struct tally_tsa **tsa);

/* Its name, as in the certificate. */
const char *tally_tsa_name(const struct tally_tsa *tsa);

/*
 * Answers a query as of a time. What is no query, or one it does not serve, is answered too, with
 * a refusal. Serial numbers are random, 128 bits, so any number of processes may answer at once.
 */
int tally_tsa_answer(const struct tally_tsa *tsa, struct tally_bytes query, uint64_t time_ms,
		     struct tally_arena *arena, struct tally_bytes *reply_r,
		     struct tally_err *err);

#endif
