/*
 * Envelopes of data that is shared: data under a data key, and a data key for whoever has a private key.
 * Every envelope begins with its version, u8 1.
 *
 *   data     u8 1 | 12 nonce | ciphertext | 16 tag           AES-256-GCM (SP 800-38D)
 *   wrapped  u8 1 | 65 point (04, x, y) | 12 nonce | 32 ciphertext | 16 tag
 *
 * Wrapping is ECIES on P-256: the key of AES-256-GCM is HKDF-SHA-256 (RFC 5869) of the x coordinate of
 * the ECDH secret, with the ephemeral point as salt and the context as info; the context is the
 * additional data too. A context says what the key is for, so that an envelope cannot be put elsewhere.
 */
#ifndef TALLY_ENVELOPE_H
#define TALLY_ENVELOPE_H

#include "arena.h"
#include "bytes.h"
#include "err.h"

#define TALLY_DATA_KEY 32u
#define TALLY_DATA_OVERHEAD 29u
#define TALLY_WRAPPED_KEY 126u

/* sealed_r holds plain.size + TALLY_DATA_OVERHEAD bytes. A random nonce. */
void tally_data_seal(const uint8_t key[TALLY_DATA_KEY], struct tally_bytes context,
		     struct tally_bytes plain, uint8_t *sealed_r);
/* plain_r holds sealed.size - TALLY_DATA_OVERHEAD bytes; wiped where it fails. -1 INVALID for a sealed
 * text that is too short or of another version, DENIED where key, context or bytes are others. */
int tally_data_open(const uint8_t key[TALLY_DATA_KEY], struct tally_bytes context,
		    struct tally_bytes sealed, uint8_t *plain_r, struct tally_err *err);

/* For the holder of the private key of this point, which is valid. */
void tally_key_wrap(const uint8_t point[65], struct tally_bytes context,
		    const uint8_t key[TALLY_DATA_KEY], uint8_t wrapped_r[TALLY_WRAPPED_KEY]);
/* -1 INVALID for what is no envelope, DENIED where private key, context or bytes are others. */
int tally_key_unwrap(const uint8_t private[32], struct tally_bytes context,
		     struct tally_bytes wrapped, uint8_t key_r[TALLY_DATA_KEY], struct tally_err *err);

/* Where an envelope opens (doc/formats.md, section 26): what it is for, in which channel, and the names of
 * what it belongs to, each shorter than 64 KiB. In arena. */
struct tally_bytes tally_envelope_context(struct tally_arena *arena, struct tally_bytes channel,
					  const char *purpose, const struct tally_bytes *parts,
					  size_t count);

/* The same with what is random otherwise, for test vectors: never for data. */
void tally_data_seal_with(const uint8_t key[TALLY_DATA_KEY], struct tally_bytes context,
			  struct tally_bytes plain, const uint8_t nonce[12], uint8_t *sealed_r);
int tally_key_wrap_with(const uint8_t point[65], struct tally_bytes context,
			const uint8_t key[TALLY_DATA_KEY], const uint8_t ephemeral[32],
			const uint8_t nonce[12], uint8_t wrapped_r[TALLY_WRAPPED_KEY]);

#endif
