/* Decoding the parameters of an endpoint from its body. */
#ifndef TALLY_SHARE_DECODE_H
#define TALLY_SHARE_DECODE_H

#include "endpoint.h"
#include "secret_body.h"

/* "2020-10-27T17:28:16+08:00", with a fraction or not, or with Z: RFC 3339. */
bool tally_share_timestamp(struct tally_bytes text, uint64_t *ms_r);

/* A mandatory common field: 0, or -1 MISSING or INVALID with its name as subject. */
int tally_share_common(struct tally_arena *arena, struct json_object *body, const char *name,
		       size_t max, struct tally_bytes *text_r, struct tally_err *err);

/* call->values by the rows of the endpoint. MISSING, INVALID with the name as subject. */
int tally_share_decode(struct tally_share_call *call, struct json_object *body,
		       const struct tally_secret_body *taken, struct tally_err *err);

/* Decimal numbers r and s as "r+s", compressed by gzip or not, in hex, as the header x-bcs-signature-sign
 * has them: 64 bytes, s low. */
bool tally_share_signature(struct tally_bytes text, bool zipped, uint8_t signature_r[64]);

#endif
