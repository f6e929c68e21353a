/*
 * Journals into a ledger, in batches, for verbs that append many.
 *
 * Every journal gets a ClientToken derived from the upload's name and the journal's place in it. A
 * token that the ledger knows is answered with the first receipt, so an upload that broke off is
 * simply run again: what is there already is not appended twice, and what failed half-way is retried
 * the same way. Tokens live for 7 days.
 *
 *	upload_open, upload_begin
 *	for each journal: upload_entry, its members into upload->body, upload_entry_end
 *	upload_close
 */
#ifndef TALLY_CMD_UPLOAD_H
#define TALLY_CMD_UPLOAD_H

#include <limits.h>
#include <stdio.h>

#include "buf.h"
#include "client.h"
#include "print.h"

#define UPLOAD_RECORD_MAX (16u << 20)	/* bytes of one line or file that are read at all */

#define UPLOAD_BATCH_OPTION { "batch", "N", "journals sent at a time (default 1000, at most 10000)" }

struct upload {
	struct verb_call *call;
	struct client client;
	const char *ledger;
	char name[PATH_MAX + 64];	/* of the upload under way, first part of every token */
	bool named;			/* run again, it has the same name */
	bool kv;			/* the ledger is a KV ledger; known once the upload began */
	const char *source;		/* what is being read, for messages */
	struct tally_buf body;		/* the batch so far, NDJSON as AppendJournals takes it */
	uint64_t sent, known;		/* appended now; were there already */
	uint64_t first, last;		/* journal ids of this upload */
	uint64_t bytes_done;		/* of the source, for the bar */
	/* upload.c's */
	uint64_t bytes_total;
	uint64_t batch;
	uint64_t before;		/* journals the ledger had when the upload began */
	size_t entry_at;		/* where the entry under way begins in body */
	struct place *places;		/* of the batch's journals */
	uint64_t count;			/* journals in body */
	struct bar bar;
	bool begun;
};

/* Reads --batch, opens what the options name. VERB_OK, or the status after printing why. */
int upload_open(struct verb_call *call, const char *ledger, struct upload *upload);
/* Asks the ledger how far it is; bytes_total is that of all sources, 0: not known. False after
 * printing why not. */
bool upload_begin(struct upload *upload, uint64_t bytes_total);

/* Bytes of the files named behind the verb's first word; 0 when one of them is no plain file. */
uint64_t upload_size(const struct verb_call *call);

/* Opens a source, "-" being standard input, and names the upload: after --token, else the file's path;
 * number is its place on the line. NULL after printing why not. The caller closes it. */
FILE *upload_source(struct upload *upload, const char *source, int number);

/* Hands out its lines, counted from 1, without line ends and without empty ones, until each says false;
 * sends what is left behind the last. */
typedef bool upload_line(void *ctx, struct tally_bytes line, uint64_t number);
bool upload_lines(struct upload *upload, FILE *from, upload_line *each, void *ctx);

/* One journal: opened, its members added to body (the first without a comma), closed. place: its line
 * or number in the source, for messages; 0: the source as a whole. Sends the batch when it is full;
 * false after printing why that, or a journal of it, was refused. */
void upload_entry(struct upload *upload);
bool upload_entry_end(struct upload *upload, uint64_t place);

/* "name":"text", and Payload or PayloadBase64; without a comma. */
void upload_add_member(struct tally_buf *body, const char *name, struct tally_bytes text);
void upload_add_payload(struct tally_buf *body, struct tally_bytes payload);
/* Clues, with a comma before; nothing where there are none. */
void upload_add_clues(struct tally_buf *body, const struct tally_bytes *clues, size_t count);

/* 48 characters that no other place of this or another upload has. */
void upload_token(const struct upload *upload, uint64_t place, char token[65]);
/* The same of what has an id of its own, wherever it comes from. */
void upload_id_token(const struct upload *upload, struct tally_bytes id, char token[65]);

/* A write that is no journal of a batch: sends the batch, then what ask makes of the client, as often as
 * it takes. False after printing why it was refused; client.code says why too. */
typedef void upload_ask(void *ctx);
bool upload_one(struct upload *upload, upload_ask *ask, void *ctx, uint64_t place);

/* Sends what is left of a batch. */
bool upload_flush(struct upload *upload);

/* After upload_open: sends what is left (where good), says what was done, frees all. */
int upload_close(struct upload *upload, bool good);

#endif
