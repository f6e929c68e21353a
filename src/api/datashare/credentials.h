/* Verifiable credentials: schemas, applications for them, credentials; and the indexes that name these. */
#ifndef TALLY_SHARE_CREDENTIALS_H
#define TALLY_SHARE_CREDENTIALS_H

#include "endpoint.h"

struct json_object;

/* ---- indexes (index.c): a DID of this server's making, '_', a name ---- */

struct tally_bytes tally_share_index(struct tally_arena *arena, struct tally_bytes did,
				     struct tally_bytes name);
/* False: the text is none. A name may have '_' in it, a DID has not. */
bool tally_share_index_parts(struct tally_bytes index, struct tally_bytes *did_r,
			     struct tally_bytes *name_r);
/* The object that a parameter names: as tally_share_need, also where the text is no index. */
int tally_share_need_index(struct tally_share_call *call, enum tally_share_kind kind,
			   const char *param, struct tally_share_object *object_r,
			   struct tally_err *err);

/* ---- schemas (schema.c) ---- */

/* Are these attributes of a schema? 0, or -1 INVALID about "attributes". */
int tally_share_check_attributes(struct tally_arena *arena, struct json_object *attributes,
				 struct tally_err *err);
/* Does a text say an object that has all of them, each of its type, and no others? Without attributes any
 * object will do. 0, or -1 INVALID about "data". */
int tally_share_check_data(struct json_object *attributes, struct tally_bytes data,
			   struct tally_err *err);

/* ---- credentials (credential.c) ---- */

struct tally_share_credential {
	struct tally_bytes issuer, sequence, owner;
	struct tally_bytes schema;		/* identifier ... */
	struct tally_bytes schema_index;	/* ... and index */
	struct tally_bytes wrapped, data_hash;
	uint64_t issued_s, expires_s;		/* 0: it does not expire */
};
/* What its issuer signs, as members of `to`: canonical JSON (RFC 8785) when it is encoded, for its members
 * stand sorted. */
void tally_share_add_credential(struct tally_arena *arena, struct tally_node *to,
				const struct tally_share_credential *credential);

/* ---- handlers ---- */

SHARE_HANDLER(tally_share_publish_schema);
SHARE_HANDLER(tally_share_query_schema);
SHARE_HANDLER(tally_share_apply_credential);
SHARE_HANDLER(tally_share_answer_application);
SHARE_HANDLER(tally_share_query_application);
SHARE_HANDLER(tally_share_query_applications);
SHARE_HANDLER(tally_share_issue_credential);
SHARE_HANDLER(tally_share_query_credential);
SHARE_HANDLER(tally_share_verify_credential);

#endif
