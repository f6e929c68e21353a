/* Data sets and orders as they are answered, and the keys of data that is shared. */
#ifndef TALLY_SHARE_OBJECTS_H
#define TALLY_SHARE_OBJECTS_H

#include "endpoint.h"
#include "envelope.h"

/* Where an envelope opens (doc/formats.md, section 26). */
struct tally_bytes tally_share_context(const struct tally_share_call *call, const char *purpose,
				       const struct tally_bytes *parts, size_t count);

/* A fresh data key, the data under it, and the key for whom it is for. Wipe the key. */
struct tally_share_sealed {
	uint8_t key[TALLY_DATA_KEY];
	struct tally_bytes ciphertext;
	const char *wrapped;		/* base64 */
};
/* For the holder of the private key of this point. */
void tally_share_seal_for(struct tally_share_call *call, const uint8_t point[65],
			  struct tally_bytes key_context, struct tally_bytes data_context,
			  struct tally_bytes plain, struct tally_share_sealed *sealed_r);
/* Of a data set, for its provider, who calls. */
void tally_share_seal(struct tally_share_call *call, struct tally_bytes provider,
		      struct tally_bytes product, struct tally_bytes plain,
		      struct tally_share_sealed *sealed_r);
/* For the consumer of an order, base64. */
const char *tally_share_wrap_order(struct tally_share_call *call, const uint8_t point[65],
				   const uint8_t key[TALLY_DATA_KEY], struct tally_bytes consumer,
				   struct tally_bytes order, struct tally_bytes product);
/* Opens a wrapped key with the caller's private key. DENIED or INVALID about "Decryption". */
int tally_share_unwrap(struct tally_share_call *call, struct tally_bytes base64,
		       struct tally_bytes context, uint8_t key_r[TALLY_DATA_KEY],
		       struct tally_err *err);
/* ... and the data under it. The same errors. */
int tally_share_unseal(struct tally_share_call *call, struct tally_bytes base64,
		       struct tally_bytes key_context, struct tally_bytes ciphertext,
		       struct tally_bytes data_context, struct tally_bytes *plain_r,
		       struct tally_err *err);
/* SHA-256 in hex. */
const char *tally_share_hash_text(struct tally_share_call *call, struct tally_bytes bytes);

/* The parameters of a data set into its content, as a member of `to`. What is not said is empty. */
void tally_share_make_dataset(struct tally_share_call *call, struct tally_node *to,
			      const struct tally_share_sealed *sealed, struct tally_bytes data_url);

/* DatasetResponse and DataOrderResponse: what the row and its content say, as members of `to`. */
int tally_share_add_dataset(struct tally_share_call *call, struct tally_node *to,
			    const struct tally_share_object *dataset, struct tally_err *err);
int tally_share_add_order(struct tally_share_call *call, struct tally_node *to,
			  const struct tally_share_object *order, struct tally_err *err);

/* A part of an order's content; the rest of it is as before. Empty: also. */
struct tally_share_order_change {
	struct tally_bytes wrapped, reason;
};
int tally_share_order_content(struct tally_share_call *call, const struct tally_share_object *order,
			      const struct tally_share_order_change *change,
			      struct tally_bytes *content_r, struct tally_err *err);

/* Does the text stand in this? Empty: it does. */
bool tally_share_matches(struct tally_bytes in, struct tally_bytes text);
/* ... in any string of a JSON value. */
bool tally_share_json_matches(struct tally_share_call *call, struct json_object *value,
			      struct tally_bytes text);

void tally_share_success(struct tally_share_call *call);

SHARE_HANDLER(tally_share_publish);
SHARE_HANDLER(tally_share_close);
SHARE_HANDLER(tally_share_delete);
SHARE_HANDLER(tally_share_query_dataset);
SHARE_HANDLER(tally_share_query_datasets);
SHARE_HANDLER(tally_share_share);
SHARE_HANDLER(tally_share_plaintext);
SHARE_HANDLER(tally_share_apply);
SHARE_HANDLER(tally_share_authorize);
SHARE_HANDLER(tally_share_delete_order);
SHARE_HANDLER(tally_share_update_order);
SHARE_HANDLER(tally_share_query_order);
SHARE_HANDLER(tally_share_query_orders);
SHARE_HANDLER(tally_share_query_process);
SHARE_HANDLER(tally_share_query_processes);

#endif
