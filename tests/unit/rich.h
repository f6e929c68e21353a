/*
 * A store that has something of everything: ledgers with clues, members of each kind of key and their
 * signatures in both forms, keys and values, policies, STATE_ROOTs, time anchors by a self-made
 * authority, a trust point, accounts and access keys, what was deleted and erased. For tests that
 * audit, tamper with, or export it.
 */
#ifndef TALLY_RICH_H
#define TALLY_RICH_H

#include "core.h"
#include "tsp.h"

struct rich {
	struct tally_conf *conf;
	struct tally_core *core;
	struct tally_store *store;		/* the core's; closed with it */
	struct tally_first_key first;
	struct tally_arena arena;
	/* ledgers */
	char plain[TALLY_LEDGER_ID_SIZE + 1];	/* JOURNAL, signatures accepted */
	char strict[TALLY_LEDGER_ID_SIZE + 1];	/* JOURNAL, two signatures required */
	char keys[TALLY_LEDGER_ID_SIZE + 1];	/* KV */
	char gone[TALLY_LEDGER_ID_SIZE + 1];	/* deleted */
	char erased[TALLY_LEDGER_ID_SIZE + 1];	/* JOURNAL, of which payloads were removed */
	char reached[TALLY_LEDGER_ID_SIZE + 1];	/* JOURNAL, not reached from everywhere, with limits */
	char members[5][TALLY_MEMBER_ID_SIZE + 1];	/* of plain: by their kind of key, 1 to 4 */
	/* the authority */
	struct tally_tsa *tsa;
	struct tally_tsp_trust *trust;
	struct tally_bytes ca;			/* its certificate, PEM */
	uint64_t journal;			/* of the last append */
};

/* The authority and a configuration. False with *err; rich_end all the same. */
bool rich_begin(struct rich *rich, struct tally_err *err);
/* A new store of a driver, open for short, or one that is there already. */
bool rich_open(struct rich *rich, const char *driver, const char *location, bool create,
	       struct tally_err *err);
/* Options of a core of that driver and place, short-lived, with the authority: for a core that opens its
 * stores itself. Returns true. */
bool rich_configure(struct rich *rich, const char *driver, const char *location,
		    struct tally_core_options *options_r);
/* Fills a new one; rounds: how often what can be repeated is, at least 1. */
bool rich_fill(struct rich *rich, unsigned int rounds, struct tally_err *err);
void rich_close(struct rich *rich);
void rich_end(struct rich *rich);

/* The private key of a member of plain and strict, by its kind. */
const uint8_t *rich_private(unsigned int type);

/* Appends one journal; clue may be NULL. */
bool rich_append(struct rich *rich, const char *ledger, const char *text, const char *clue,
		 struct tally_err *err);
/* One that these members of a ledger sign, in the own form: kinds of keys, ids beside them. */
bool rich_append_signed(struct rich *rich, const char *ledger, const char *text, const char *nonce,
			const unsigned int *types, char (*ids)[TALLY_MEMBER_ID_SIZE + 1],
			size_t count, struct tally_err *err);

#endif
