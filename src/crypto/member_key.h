/*
 * Members' keys and signatures, of four kinds:
 *
 *   kind       key                          signature            signs
 *   SECP256K1  65 bytes: 04, x, y (SEC 1)   r, s; s low          SHA-256 of the message, by ECDSA
 *   SECP256R1  the same on P-256            r, s; s low          the same
 *   SM2        the same on the SM2 curve    r, s                 SM3 of Z and the message
 *   ED25519    32 bytes (RFC 8032)          R, S                 the message (pure Ed25519)
 *
 * A signature has 64 bytes: two numbers of 32, big-endian (Ed25519: as RFC 8032 has them). s is
 * low when it is at most half of the group's order; of a signature's two forms (r, s) and
 * (r, order - s) only that one is taken, so that nobody can make a second signature from one he
 * saw. SM2 (GM/T 0003.2) has no second form. Its Z is that of GM/T 0003.2 5.5 for the user
 * id "1234567812345678", which GM/T 0009 makes the default. Of Ed25519, R must be in the group of
 * prime order, as a key must; then it does not matter whether the cofactor is used.
 *
 * A private key has 32 bytes: a number from 1 to order - 1, big-endian (SM2: to order - 2), or the
 * seed of Ed25519. It belongs to one kind: under one number two curves must not be used. Whoever
 * holds it wipes it (secret.h); the functions here wipe what they made of it.
 *
 * Everything here may be called from any thread at any time.
 */
#ifndef TALLY_MEMBER_KEY_H
#define TALLY_MEMBER_KEY_H

#include "bytes.h"

struct tally_err;

enum tally_key_type {			/* these numbers go on disk */
	KEY_TYPE_NONE = 0,
	KEY_TYPE_SECP256K1 = 1,
	KEY_TYPE_SECP256R1 = 2,
	KEY_TYPE_SM2 = 3,
	KEY_TYPE_ED25519 = 4
};

#define TALLY_MEMBER_KEY_MAX 65
#define TALLY_MEMBER_KEY_TEXT (2 * TALLY_MEMBER_KEY_MAX + 1)
#define TALLY_MEMBER_PRIVATE 32
#define TALLY_MEMBER_SIGNATURE 64

struct tally_member_key {
	uint8_t type;				/* enum tally_key_type */
	uint8_t size;				/* of bytes: that of its kind */
	uint8_t bytes[TALLY_MEMBER_KEY_MAX];	/* beyond size: zero */
};

/* "SECP256K1", "SECP256R1", "SM2", "ED25519"; NULL for any other number. */
const char *tally_key_type_name(unsigned int type);

/* By exactly that name; KEY_TYPE_NONE where there is no such kind. */
enum tally_key_type tally_key_type_find(struct tally_bytes name);

/* Bytes of a public key of that kind; 0 for any other number. */
size_t tally_key_type_size(unsigned int type);

/*
 * A key from its bytes, or from hex of either case. INVALID for another size or form (a compressed
 * point too), for a point that is not on the curve, and for an Ed25519 point that is not canonical
 * or not in the group of prime order (the neutral element and those of small order are not).
 * UNSUPPORTED for an unknown kind, or one that this OpenSSL lacks.
 */
int tally_member_key_set(struct tally_member_key *key_r, unsigned int type,
			 struct tally_bytes bytes, struct tally_err *err);
int tally_member_key_parse(struct tally_member_key *key_r, unsigned int type,
			   struct tally_bytes hex, struct tally_err *err);

/* Lower-case hex; text holds TALLY_MEMBER_KEY_TEXT characters. */
void tally_member_key_format(const struct tally_member_key *key, char *text);

static inline bool tally_member_key_equal(const struct tally_member_key *a,
					  const struct tally_member_key *b)
{
	return a->type == b->type && a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0;
}

/*
 * Did this key sign this message? The key is one that tally_member_key_set accepted, now or when it
 * was stored; any other bytes do no harm. False for a type or size that no kind has.
 *
 * There is no form of a key that is prepared in advance: libsecp256k1 and libsodium would gain
 * nothing by it, OpenSSL a seventh of its time.
 */
bool tally_member_verify(const struct tally_member_key *key, struct tally_bytes message,
			 const uint8_t signature[TALLY_MEMBER_SIGNATURE]);

/* The same by the SHA-256 of the message. SECP256K1 and SECP256R1 only, false for others. */
bool tally_member_verify_digest(const struct tally_member_key *key, const uint8_t digest[32],
				const uint8_t signature[TALLY_MEMBER_SIGNATURE]);

/* ---- for who holds the private key: the command line, and tests ---- */

/* A new private key from the system's generator. UNSUPPORTED as above. */
int tally_member_generate(unsigned int type, uint8_t private_r[TALLY_MEMBER_PRIVATE],
			  struct tally_err *err);

/* INVALID for a number out of range. */
int tally_member_public(unsigned int type, const uint8_t private[TALLY_MEMBER_PRIVATE],
			struct tally_member_key *key_r, struct tally_err *err);

/*
 * The same message has the same signature: nonces are those of RFC 6979, for SM2 (where no
 * standard says so) made in the same way with HMAC-SM3 from the digest that it signs.
 */
int tally_member_sign(unsigned int type, const uint8_t private[TALLY_MEMBER_PRIVATE],
		      struct tally_bytes message, uint8_t signature_r[TALLY_MEMBER_SIGNATURE],
		      struct tally_err *err);

/*
 * A private key as PEM, as `openssl genpkey` and `openssl ecparam -genkey` write them: PKCS#8
 * (RFC 5958), written and read, and SEC 1 (RFC 5915), read. The kind stands in it.
 *
 * Reading: blocks of parameters are passed over; there must be one private key and nothing else.
 * INVALID for what is malformed, larger than TALLY_MEMBER_PEM_MAX, or has another public key
 * beside the private one; UNSUPPORTED for keys of other kinds, curves that are not named, and
 * keys under a passphrase (nobody is asked for one).
 */
#define TALLY_MEMBER_PEM_MAX 8192u
#define TALLY_MEMBER_PEM_TEXT 512u	/* what is written, with its NUL, is shorter */

int tally_member_pem_format(unsigned int type, const uint8_t private[TALLY_MEMBER_PRIVATE],
			    char text_r[TALLY_MEMBER_PEM_TEXT], struct tally_err *err);
int tally_member_pem_parse(struct tally_bytes text, enum tally_key_type *type_r,
			   uint8_t private_r[TALLY_MEMBER_PRIVATE], struct tally_err *err);

/*
 * The same in a file of mode 0600, synced with its directory. Writing: EXISTS if there is one,
 * which is never replaced. Reading: NOTFOUND; DENIED if others than its owner may read it.
 */
int tally_member_key_file_write(const char *path, unsigned int type,
				const uint8_t private[TALLY_MEMBER_PRIVATE], struct tally_err *err);
int tally_member_key_file_read(const char *path, enum tally_key_type *type_r,
			       uint8_t private_r[TALLY_MEMBER_PRIVATE], struct tally_err *err);

/*
 * A public key as PEM (RFC 7468 13), as `openssl pkey -pubout` writes it: one block and nothing else;
 * and in a plain file. As above otherwise, but for who may read it.
 */
int tally_member_public_pem_parse(struct tally_bytes text, struct tally_member_key *key_r,
				  struct tally_err *err);
int tally_member_public_file_read(const char *path, struct tally_member_key *key_r,
				  struct tally_err *err);

#endif
