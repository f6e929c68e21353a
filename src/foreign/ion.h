/*
 * Amazon Ion 1.0, text and binary: reading values, their hash (Ion Hash 1.0 with SHA-256), and writing
 * them. Strict, and smaller than the format: no shared symbol tables, no symbol tables in text, at most
 * TALLY_ION_DEPTH values within one another and TALLY_ION_NODES in one value. What is read lives in the
 * arena given.
 */
#ifndef TALLY_ION_H
#define TALLY_ION_H

#include "arena.h"
#include "bytes.h"

struct tally_buf;
struct tally_err;

#define TALLY_ION_DEPTH 64
#define TALLY_ION_NODES (1u << 20)
#define TALLY_ION_DIGITS 1200		/* of a number */

/* The numbers are the type codes of the hash; a negative int has ION_INT + 1 there. */
enum tally_ion_type {
	ION_NULL = 0, ION_BOOL = 1, ION_INT = 2, ION_FLOAT = 4, ION_DECIMAL = 5, ION_TIMESTAMP = 6,
	ION_SYMBOL = 7, ION_STRING = 8, ION_CLOB = 9, ION_BLOB = 10, ION_LIST = 11, ION_SEXP = 12,
	ION_STRUCT = 13
};

struct tally_ion {
	enum tally_ion_type type;
	bool null;			/* null.int ...; of ION_NULL always */
	bool boolean;			/* of ION_BOOL */
	bool negative;			/* of ION_INT */
	bool unknown;			/* of ION_SYMBOL: symbol zero, which has no text */
	/*
	 * Of a scalar: its representation as it is hashed. int: the magnitude, big-endian, without leading
	 * zeros; float: 8 bytes, none for 0e0; decimal: exponent and coefficient; timestamp: its components in
	 * UTC; symbol, string: UTF-8; clob, blob: the bytes.
	 */
	struct tally_bytes bytes;
	struct tally_bytes name;	/* of a struct's member */
	const struct tally_bytes *annotations;
	size_t annotation_count;
	struct tally_ion *first, *next;	/* members or items, in their order */
	size_t count;
};

/* Top-level values one after the other, of text or, where it begins with the version marker, binary. */
struct tally_ion_reader {
	const uint8_t *at, *end;
	bool binary;
	struct tally_arena *symbols_in;	/* where the texts of symbols live: as long as the reader */
	struct tally_bytes *symbols;	/* of a local symbol table, from 10 on */
	size_t symbol_count;
};

/* bytes and arena must live as long as the reader. */
void tally_ion_open(struct tally_ion_reader *reader, struct tally_bytes bytes,
		    struct tally_arena *symbols_in);
/* 1 and a value, 0 at the end, -1 INVALID: the text says where. */
int tally_ion_next(struct tally_ion_reader *reader, struct tally_arena *arena,
		   struct tally_ion **value_r, struct tally_err *err);

/* A member of a struct by name, the only one; NULL where there is none, it is null, or value is no struct. */
const struct tally_ion *tally_ion_member(const struct tally_ion *value, const char *name);
/* Text of a string or symbol; false for anything else. */
bool tally_ion_text(const struct tally_ion *value, struct tally_bytes *text_r);
/* A number from 0 up to max. */
bool tally_ion_uint(const struct tally_ion *value, uint64_t max, uint64_t *number_r);

/* SHA-256 of the value by Ion Hash. */
void tally_ion_hash(const struct tally_ion *value, uint8_t hash_r[32]);

/*
 * Writes it as Ion text, which reads as the same value; or as JSON, which does not: numbers are numbers,
 * timestamps and symbols texts, clobs and blobs base64, infinities and what is not a number null,
 * annotations left out, and of members of one name the first stays.
 */
void tally_ion_write_text(const struct tally_ion *value, struct tally_buf *buf);
void tally_ion_write_json(const struct tally_ion *value, struct tally_buf *buf);

#endif
