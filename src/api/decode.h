/*
 * From the bytes of a request to typed parameters: form decoding of query and body, then the rows
 * of an action.
 */
#ifndef TALLY_DECODE_H
#define TALLY_DECODE_H

#include "action.h"
#include "fault.h"
#include "request.h"
#include "rpcsign.h"

/* All parameters of query and form body, decoded and sorted by name. */
struct tally_form {
	struct tally_rpc_param *params;
	size_t count;
};

enum tally_body_kind { BODY_NONE, BODY_FORM, BODY_JSON, BODY_LINES, BODY_OTHER };

/* What Content-Type says of a POST's body. Of any other method, and an empty body: BODY_NONE. */
enum tally_body_kind tally_body_kind(const struct tally_request *request);

/*
 * Form decoding ('+' is a space, %XY a byte), query and body in one set. -1 with fault for a
 * parameter given twice, a broken escape or too many parameters; *form_r holds what could be read
 * even then, so that the error can go out in the format asked for.
 */
int tally_form_parse(struct tally_arena *arena, struct tally_bytes query, struct tally_bytes body,
		     struct tally_form *form_r, struct tally_fault *fault);

/* False where it is absent. */
bool tally_form_get(const struct tally_form *form, const char *name, struct tally_bytes *value_r);

struct tally_value {
	bool given;
	struct tally_bytes bytes;	/* as sent; of base64 and hashes what they hold */
	uint64_t number;		/* also index of an enum, and 0 or 1 of a bool */
	const struct tally_bytes *items;
	size_t item_count;
};

struct tally_values {
	const struct tally_action *action;
	struct tally_value *of;		/* one for each row, in their order */
};

/*
 * Typed values of the rows, or the first fault: missing ones first, then invalid ones, each in
 * the order of the rows. Undeclared parameters are ignored (they are signed all the same).
 */
int tally_decode(struct tally_arena *arena, const struct tally_action *action,
		 const struct tally_form *form, enum tally_body_kind body_kind,
		 struct tally_bytes body, struct tally_values *values_r,
		 struct tally_fault *fault);

/* ---- JSON from outside (json-c) ---- */

/* A JSON array of strings, and nothing but it. False if it is anything else. */
bool tally_json_strings(struct tally_arena *arena, struct tally_bytes text,
			const struct tally_bytes **items_r, size_t *count_r);

/* Members' signatures: a JSON array of at most `most` objects with MemberId, MemberSignature and
 * MemberSignatureType (or Signature, SignatureType). False if it is anything else. */
struct tally_signature_text {
	struct tally_bytes member_id, signature, type;
};
bool tally_json_signatures(struct tally_arena *arena, struct tally_bytes text,
			   struct tally_signature_text *signatures, size_t most, size_t *count_r);

struct tally_batch_rules {
	bool lines;		/* one object a line; else a JSON array of objects */
	bool each;		/* a malformed entry is refused alone: its `refused` says why */
	size_t most;		/* entries */
};

/*
 * Entries of a batch. Members: Payload or PayloadBase64, Clues, ClientId, ClientToken. -1 INVALID
 * or MISSING with the subject "Journals.3.Payload", counted from 0, of a malformed entry; or
 * "Journals" of a body that is no array, has no entries, or too many.
 */
int tally_json_entries(struct tally_arena *arena, struct tally_bytes body,
		       const struct tally_batch_rules *rules, struct tally_entry **entries_r,
		       size_t *count_r, struct tally_err *err);

#endif
