/*
 * Signed notes (c2sp.org/signed-note) and checkpoints (c2sp.org/tlog-checkpoint). Pure functions
 * over the caller's buffers; everything parsed borrows from the text given.
 *
 *   <text, ends with LF> LF <signature line>+
 *   signature line: em dash SP <key name> SP base64(key id (4) || signature) LF
 */
#ifndef TALLY_NOTE_H
#define TALLY_NOTE_H

#include "sign.h"
#include "tree.h"

#define TALLY_NOTE_MAX (64u << 10)	/* bytes of a note we read */
#define TALLY_NOTE_SIGNATURES 64	/* signature lines we read, at least 16 by the text */
#define TALLY_KEY_NAME_MAX 255

enum tally_note_type {			/* type byte of a key */
	NOTE_ED25519 = 0x01,
	NOTE_COSIGNATURE = 0x04		/* timestamped Ed25519 (c2sp.org/tlog-cosignature) */
};

/* A verifier key: name, key id, type byte and public key. */
struct tally_vkey {
	char name[TALLY_KEY_NAME_MAX + 1];
	uint32_t id;
	uint8_t type;
	uint8_t public[TALLY_ED25519_PUBLIC];
};

/* Not empty, no Unicode space, no '+', no control character, valid UTF-8, at most 255 bytes. */
bool tally_key_name_valid(struct tally_bytes name);

/* First 4 bytes of SHA-256(name || LF || type || public key). */
uint32_t tally_key_id(struct tally_bytes name, uint8_t type,
		      const uint8_t public[TALLY_ED25519_PUBLIC]);

/* That of an ECDSA key on P-256 (type 0x02), of an uncompressed point 0x04 || x || y: first 4 bytes
 * of SHA-256 of its DER SubjectPublicKeyInfo, whatever the name. */
uint32_t tally_key_id_p256(const uint8_t point[65]);

/* Makes a verifier key; false for a name that cannot be one. */
bool tally_vkey_make(struct tally_vkey *vkey_r, struct tally_bytes name, uint8_t type,
		     const uint8_t public[TALLY_ED25519_PUBLIC]);

/* "<name>+<8 hex>+<base64>"; text must hold TALLY_VKEY_TEXT characters. */
#define TALLY_VKEY_TEXT (TALLY_KEY_NAME_MAX + 1 + 8 + 1 + 44 + 1)
void tally_vkey_format(const struct tally_vkey *vkey, char *text);
/* Strict: the key id must be the key's, the type one we know. */
bool tally_vkey_parse(struct tally_bytes text, struct tally_vkey *vkey_r);

/* One signature line. */
struct tally_note_signature {
	struct tally_bytes name;
	uint32_t id;
	uint8_t bytes[72];		/* behind the key id: 64 (Ed25519) or 8 + 64 (cosignature) */
	size_t size;			/* 0 where it is longer than any kind we know */
	struct tally_bytes line;	/* with its LF */
};

struct tally_note {
	struct tally_bytes text;	/* signed bytes, with the final LF */
	struct tally_note_signature signatures[TALLY_NOTE_SIGNATURES];
	size_t signature_count;
};

/* False where it is no well-formed note. */
bool tally_note_parse(struct tally_bytes bytes, struct tally_note *note_r);

/* Only the signatures of a note whose text is known: one or more lines and nothing else. Fills
 * signatures and their number; text stays as it is. */
bool tally_note_lines(struct tally_bytes bytes, struct tally_note *note);

/*
 * Verifies with the keys given: lines of unknown keys are passed over; a line of a known key that
 * does not verify makes the whole note invalid. Returns how many known keys signed, each counted
 * once, or -1. signed_r (may be NULL) has a flag for each key; times_r (may be NULL) the time of
 * each cosignature, seconds.
 */
int tally_note_verify(const struct tally_note *note, const struct tally_vkey *keys,
		      size_t key_count, bool *signed_r, uint64_t *times_r);

/* A signature line for text into line, which must hold TALLY_NOTE_LINE characters; its length. */
#define TALLY_NOTE_LINE (3 + 1 + TALLY_KEY_NAME_MAX + 1 + 104 + 1 + 1)
size_t tally_note_sign(const struct tally_vkey *vkey, const uint8_t seed[TALLY_ED25519_SEED],
		       struct tally_bytes text, char *line);

/* The same for a cosignature at a time (seconds since 1970). text is a checkpoint's; 0 where it is
 * longer than can be cosigned. */
#define TALLY_COSIGNED_TEXT 1984
size_t tally_note_cosign(const struct tally_vkey *vkey, const uint8_t seed[TALLY_ED25519_SEED],
			 struct tally_bytes text, uint64_t seconds, char *line);

/*
 * What an ML-DSA-44 cosigner (type 0x06) signs for the subtree [start, end) of a log; a checkpoint is
 * start 0, end its size. Only the bytes: no signature of that kind is made or verified here. Their
 * number, or 0 for names that are too long or empty, or a time with a start that is not 0.
 */
#define TALLY_SUBTREE_MESSAGE (12 + 2 * (1 + TALLY_KEY_NAME_MAX) + 3 * 8 + TALLY_HASH_SIZE)
size_t tally_note_subtree_message(struct tally_bytes cosigner, uint64_t seconds,
				  struct tally_bytes origin, uint64_t start, uint64_t end,
				  const struct tally_hash *hash,
				  uint8_t out[TALLY_SUBTREE_MESSAGE]);

/* ---- checkpoints ---- */

struct tally_checkpoint {
	struct tally_bytes origin;
	uint64_t size;
	struct tally_hash root;
	struct tally_bytes extension;	/* further lines, or empty */
};

/* The note's text: strict (no leading zero, 44 characters of base64, no empty line). */
bool tally_checkpoint_parse(struct tally_bytes text, struct tally_checkpoint *checkpoint_r);

/* Origin, size, root; text must hold TALLY_CHECKPOINT_TEXT characters. Its length. */
#define TALLY_CHECKPOINT_TEXT (TALLY_KEY_NAME_MAX + 1 + 20 + 1 + 44 + 1 + 1)
size_t tally_checkpoint_format(struct tally_bytes origin, uint64_t size,
			       const struct tally_hash *root, char *text);

#endif
