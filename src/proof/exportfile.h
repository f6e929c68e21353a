/*
 * Export files (doc/formats.md, "Export files"): a ledger, or a range of it, as NDJSON. The first line has
 * the signed checkpoint; every other is one journal, and is checked with the first line alone. Each line is
 * canonical JSON (RFC 8785) with just the members that the format knows: nothing in a line counts that no
 * hash leads to, and a line has one form. Reading is pure functions; no I/O.
 */
#ifndef TALLY_EXPORTFILE_H
#define TALLY_EXPORTFILE_H

#include "leaf.h"
#include "note.h"

struct tally_buf;
struct tally_err;

#define TALLY_EXPORT_FORMAT "tallystick export v1"
#define TALLY_EXPORT_LINE_MAX (64u << 20)	/* bytes of a line we read */

struct tally_export_head {
	struct tally_bytes ledger_id;
	struct tally_bytes verifier_key;	/* as text */
	struct tally_bytes checkpoint;		/* the signed note */
	uint64_t from, to;			/* the journals that follow, both included */
	/* set by reading */
	struct tally_vkey vkey;
	struct tally_checkpoint tree;
};

struct tally_export_line {
	struct tally_bytes leaf_text;
	struct tally_leaf leaf;			/* of leaf_text; set by reading */
	struct tally_hash path[TALLY_TREE_MAX_PATH];
	size_t path_count;
	bool removed;				/* the leaf has a payload, the line has it not */
	bool has_payload;
	uint8_t salt[TALLY_SALT_SIZE];
	struct tally_bytes payload;
	struct tally_bytes evidence;		/* empty: none */
	uint8_t evidence_salt[TALLY_SALT_SIZE];
};

/* Adds a line with its line feed. What a journal's line says of its leaf is taken from leaf_text, which
 * must parse. */
void tally_export_head_format(const struct tally_export_head *head, struct tally_buf *buf);
void tally_export_line_format(const struct tally_export_line *line, struct tally_buf *buf);

/*
 * Takes a first line apart and checks it: its checkpoint is signed by its verifier key, and is of the
 * ledger's log and of a tree that has all of the range. That the key is the right one is the caller's
 * to know. text has no line feed; room has text.size bytes and lives as long as head_r. INVALID where it
 * is malformed, UNSUPPORTED of another format, DENIED and CORRUPT where it does not hold; text names the
 * member.
 */
int tally_export_head_read(struct tally_bytes text, uint8_t *room, struct tally_export_head *head_r,
			   struct tally_err *err);

/* The same of a journal's line: it is leaf journal_id of the head's tree, and all else is the leaf's. */
int tally_export_line_read(struct tally_bytes text, const struct tally_export_head *head,
			   uint64_t journal_id, uint8_t *room, struct tally_export_line *line_r,
			   struct tally_err *err);

#endif
