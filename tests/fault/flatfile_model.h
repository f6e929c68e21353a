/*
 * What a store must hold: a workload by chance over the flat-file driver that notes what it tried
 * and what was acknowledged, and an audit of a store against the notes up to some point.
 */
#ifndef FLATFILE_MODEL_H
#define FLATFILE_MODEL_H

#include "store.h"

#define MODEL_SPACES 6
#define MODEL_TABLES 2
#define MODEL_KEYS 60

struct model;

/* position: of the medium, called at each note (NULL: always 0). */
struct model *model_new(uint64_t seed, size_t (*position)(void *ctx), void *ctx);
void model_free(struct model *model);

/* Opens the store in the directory with small segments and small limits. */
int model_open(const char *directory, bool create, struct tally_store **store_r,
	       struct tally_err *err);

/*
 * One step by chance: append, erase, drop, apply, sync, reset, maintain. 0, or -1 when the store
 * says an error (what was tried is noted, what was not acknowledged is not).
 */
int model_step(struct model *model, struct tally_store *store, struct tally_err *err);

/* Notes that the index is durable as it is. */
void model_synced(struct model *model);

/*
 * Everything that was acknowledged up to the position is there and right, everything else that is
 * there was tried and is right. NULL, or what is wrong (static text buffer).
 */
const char *model_audit(struct model *model, size_t position, struct tally_store *store);

/* After an audit that found something wrong: the code of the error that the store told, OK when it
 * told none but gave other bytes than it should. */
enum tally_code model_code(void);

/* Appends one block to space 0 and reads it back; NULL, or what is wrong. */
const char *model_goes_on(struct model *model, struct tally_store *store);

/* Of all spaces, those dropped counted as 0. For comparing what was shown before and after. */
void model_counts(struct tally_store *store, uint64_t counts[MODEL_SPACES]);

#endif
