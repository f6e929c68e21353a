/*
 * RPC signature version 1.0: how a set of parameters becomes the string to sign and its
 * HMAC-SHA1. The server checks with it, `tally call` signs with it. Pure: no clock, no randomness.
 *
 * Parameters are decoded here (what a form decoder yields); a parameter named Signature is never
 * part of what is signed, empty values are.
 */
#ifndef TALLY_RPCSIGN_H
#define TALLY_RPCSIGN_H

#include "bytes.h"

struct tally_arena;

struct tally_rpc_param {
	struct tally_bytes name;
	struct tally_bytes value;
};

#define TALLY_RPC_VERSION "2019-11-22"
#define TALLY_RPC_MAC_SIZE 20

/* A-Z a-z 0-9 - _ . ~ stay, every other byte becomes %XY with upper-case digits. */
struct tally_bytes tally_percent_encode(struct tally_arena *arena, struct tally_bytes text);

/* Sorts by name, byte order, in place; what follows wants them so. */
void tally_rpc_sort(struct tally_rpc_param *params, size_t count);

/* name=value joined with '&', each percent-encoded; Signature left out. */
struct tally_bytes tally_rpc_canonical_query(struct tally_arena *arena,
					     const struct tally_rpc_param *sorted, size_t count);

/* METHOD & %2F & percent-encoded canonical query. */
struct tally_bytes tally_rpc_string_to_sign(struct tally_arena *arena, const char *method,
					    const struct tally_rpc_param *sorted, size_t count);

/* HMAC-SHA1 under secret followed by '&'. */
void tally_rpc_mac(struct tally_bytes secret, struct tally_bytes string_to_sign,
		   uint8_t mac_r[TALLY_RPC_MAC_SIZE]);

/*
 * The client's side: adds the common parameters that are not among params yet (Version, Format
 * only if given by the caller, AccessKeyId, SignatureMethod, SignatureVersion, SignatureNonce,
 * Timestamp), signs, and returns the whole as it goes on the wire: query string or form body,
 * Signature last. extra are parameters that travel elsewhere (the other of query and body) but
 * are signed too; may be NULL. nonce and timestamp as text; key_id empty: unsigned, nothing but
 * Version is added.
 */
struct tally_bytes tally_rpc_signed_query(struct tally_arena *arena, const char *method,
					  const struct tally_rpc_param *params, size_t count,
					  const struct tally_rpc_param *extra, size_t extra_count,
					  struct tally_bytes key_id, struct tally_bytes secret,
					  const char *nonce, const char *timestamp);

#endif
