/*
 * What documents say of endpoints and their parameters, beside what the rows of endpoints.c say: a table
 * of endpoints, and one of the names that parameters have, which mean the same wherever they stand.
 */
#ifndef TALLY_SHARE_ENDPOINT_WORDS_H
#define TALLY_SHARE_ENDPOINT_WORDS_H

#include "endpoint.h"
#include "share_fault.h"

struct tally_share_words {
	const char *name;			/* of the endpoint */
	const char *summary;
	bool writes;
	const struct tally_reply_field *reply;	/* members of the answer */
	const char *example;			/* parameters that its example has beside the required ones,
						   separated by spaces; NULL: none */
};

/* NULL: it is not available, or nothing is said of it. */
const struct tally_share_words *tally_share_words(const struct tally_share_endpoint *row);

struct tally_share_param_words {
	const char *name;
	const char *help;
	const char *example;			/* JSON of lists and objects, else the text */
};
/* NULL: nothing is said of it. */
const struct tally_share_param_words *tally_share_param_words(const char *name);

/* Of each type of parameter: its name for people, its type in JSON schema. */
struct tally_share_type_words {
	const char *name, *json;
};
extern const struct tally_share_type_words tally_share_type_words[];

/* What a caller must have. */
const char *tally_share_need_words(const struct tally_share_endpoint *row);

/* The errors that a row leads to; those of every request come on top. Their number. */
#define TALLY_SHARE_ROW_FAULTS 12
size_t tally_share_row_faults(const struct tally_share_endpoint *row,
			      enum tally_share_fault_kind kinds_r[TALLY_SHARE_ROW_FAULTS]);
/* Those of every request; SHARE_FAULT_NONE ends them. */
extern const enum tally_share_fault_kind tally_share_common_faults[];

/*
 * The example, as lines of a shell: with `tally call`, which signs; with curl and the private key where the
 * server needs that. Certificate and key are in me.pem and me.key; the server is in TALLY_ENDPOINT.
 */
const char *tally_share_example(struct tally_arena *arena, const struct tally_share_endpoint *row);

#endif
