/* Data sets and orders as they are answered, and the keys of data that is shared; see objects.h. */
#include "config.h"

#include "objects.h"

#include <json.h>
#include <stdlib.h>

#include "buf.h"
#include "json_in.h"
#include "secret.h"

/* ---- envelopes ---- */

struct tally_bytes tally_share_context(const struct tally_share_call *call, const char *purpose,
				       const struct tally_bytes *parts, size_t count)
{
	return tally_envelope_context(call->arena, call->channel, purpose, parts, count);
}

static const char *wrap(struct tally_share_call *call, const uint8_t point[65],
			struct tally_bytes context, const uint8_t key[TALLY_DATA_KEY])
{
	uint8_t wrapped[TALLY_WRAPPED_KEY];

	tally_key_wrap(point, context, key, wrapped);
	return tally_base64_encode(call->arena, tally_bytes(wrapped, sizeof(wrapped)));
}

void tally_share_seal_for(struct tally_share_call *call, const uint8_t point[65],
			  struct tally_bytes key_context, struct tally_bytes data_context,
			  struct tally_bytes plain, struct tally_share_sealed *sealed_r)
{
	size_t size = plain.size + TALLY_DATA_OVERHEAD;
	uint8_t *sealed = tally_arena_alloc(call->arena, size);

	tally_random(sealed_r->key, sizeof(sealed_r->key));
	tally_data_seal(sealed_r->key, data_context, plain, sealed);
	sealed_r->ciphertext = tally_bytes(sealed, size);
	sealed_r->wrapped = wrap(call, point, key_context, sealed_r->key);
}

void tally_share_seal(struct tally_share_call *call, struct tally_bytes provider,
		      struct tally_bytes product, struct tally_bytes plain,
		      struct tally_share_sealed *sealed_r)
{
	const struct tally_bytes parts[] = { provider, product };

	tally_share_seal_for(call, call->cert.point, tally_share_context(call, "dataset", parts, 2),
			     tally_share_context(call, "data", parts, 2), plain, sealed_r);
}

const char *tally_share_wrap_order(struct tally_share_call *call, const uint8_t point[65],
				   const uint8_t key[TALLY_DATA_KEY], struct tally_bytes consumer,
				   struct tally_bytes order, struct tally_bytes product)
{
	const struct tally_bytes parts[] = { consumer, order, product };

	return wrap(call, point, tally_share_context(call, "order", parts, 3), key);
}

int tally_share_unwrap(struct tally_share_call *call, struct tally_bytes base64,
		       struct tally_bytes context, uint8_t key_r[TALLY_DATA_KEY],
		       struct tally_err *err)
{
	struct tally_bytes wrapped;
	struct tally_err why = { 0 };

	if (!tally_base64_decode(call->arena, base64, &wrapped))
		return tally_err_about(err, TALLY_INVALID, "Decryption", "the key is no base64");
	if (tally_key_unwrap(call->private, context, wrapped, key_r, &why) != 0)
		return tally_err_about(err, TALLY_DENIED, "Decryption", "the key: %s", why.text);
	return 0;
}

int tally_share_unseal(struct tally_share_call *call, struct tally_bytes base64,
		       struct tally_bytes key_context, struct tally_bytes ciphertext,
		       struct tally_bytes data_context, struct tally_bytes *plain_r,
		       struct tally_err *err)
{
	uint8_t key[TALLY_DATA_KEY], *plain;
	struct tally_err why = { 0 };
	int result;

	if (tally_share_unwrap(call, base64, key_context, key, err) != 0)
		return -1;
	plain = tally_arena_alloc(call->arena, ciphertext.size + 1);
	result = tally_data_open(key, data_context, ciphertext, plain, &why);
	tally_wipe(key, sizeof(key));
	if (result != 0)
		return tally_err_about(err, TALLY_DENIED, "Decryption", "the data: %s", why.text);
	*plain_r = tally_bytes(plain, ciphertext.size - TALLY_DATA_OVERHEAD);
	return 0;
}

/* ---- contents ---- */

/* What a caller says of a data set, in the order in which it is answered. */
static const char *const dataset_texts[] = {
	"providerName", "productName", "sampleUrl", "sampleSize", "sampleType", "sampleName",
	"fileType", "dataUrl", "dataHash", "dataSize", "dataName", "description", "price",
	"encryptedAesKey", "category"
};
#define DATASET_TEXTS (sizeof(dataset_texts) / sizeof(*dataset_texts))

const char *tally_share_hash_text(struct tally_share_call *call, struct tally_bytes bytes)
{
	char *hex = tally_arena_alloc(call->arena, 2 * TALLY_HASH_SIZE + 1);
	uint8_t hash[TALLY_HASH_SIZE];

	tally_sha256(bytes.data, bytes.size, hash);
	tally_hex_encode(hash, sizeof(hash), hex);
	return hex;
}

void tally_share_make_dataset(struct tally_share_call *call, struct tally_node *to,
			      const struct tally_share_sealed *sealed, struct tally_bytes data_url)
{
	struct tally_arena *arena = call->arena;
	static const char *const as_given[] = { "providerName", "productName", "sampleSize",
						"sampleType", "sampleName", "fileType", "dataSize",
						"dataName", "description" };
	struct tally_bytes hash = tally_share_text(call, "dataHash");
	struct tally_bytes sample = tally_share_text(call, "sampleUrl");

	for (size_t i = 0; i < sizeof(as_given) / sizeof(*as_given); i++)
		tally_add_text(arena, to, as_given[i], tally_share_text(call, as_given[i]));
	tally_add_text(arena, to, "sampleUrl", sample.size > 0 ? sample : data_url);
	tally_add_text(arena, to, "dataUrl", data_url);
	tally_add_text(arena, to, "dataHash",
		       hash.size > 0 ? hash : tally_bytes_str(tally_share_hash_text(
						      call, sealed->ciphertext)));
	tally_add_str(arena, to, "price", "0");
	tally_add_str(arena, to, "encryptedAesKey", sealed->wrapped);
	tally_add_str(arena, to, "category", "symmetric");
}

int tally_share_add_dataset(struct tally_share_call *call, struct tally_node *to,
			    const struct tally_share_object *dataset, struct tally_err *err)
{
	struct json_object *whole, *part;

	if (tally_share_open(call, dataset->content, "dataset", &whole, &part, err) != 0)
		return -1;
	tally_add_text(call->arena, to, "provider", dataset->a);
	tally_add_text(call->arena, to, "productID", dataset->b);
	for (size_t i = 0; i < DATASET_TEXTS; i++)
		tally_share_copy(call, to, part, dataset_texts[i]);
	tally_add_str(call->arena, to, "status", tally_share_state_name(dataset->state));
	tally_share_add_time(call->arena, to, "publishTime", dataset->create_ms);
	tally_add_list(call->arena, to, "dataFiles", "item");
	tally_add_list(call->arena, to, "sampleFiles", "item");
	json_object_put(whole);
	return 0;
}

static const char *const order_texts[] = { "consumerName", "providerName", "productName", "price",
					   "encryptedAesKey", "reason", "lockProof" };
#define ORDER_TEXTS (sizeof(order_texts) / sizeof(*order_texts))

int tally_share_add_order(struct tally_share_call *call, struct tally_node *to,
			  const struct tally_share_object *order, struct tally_err *err)
{
	struct json_object *whole, *part;

	if (tally_share_open(call, order->content, "order", &whole, &part, err) != 0)
		return -1;
	tally_add_text(call->arena, to, "consumer", order->a);
	tally_add_text(call->arena, to, "orderSeq", order->b);
	tally_add_text(call->arena, to, "provider", order->provider);
	tally_add_text(call->arena, to, "productID", order->product);
	tally_share_add_time(call->arena, to, "applyTime", order->create_ms);
	for (size_t i = 0; i < ORDER_TEXTS; i++)
		tally_share_copy(call, to, part, order_texts[i]);
	tally_add_str(call->arena, to, "status", tally_share_state_name(order->state));
	tally_add_text(call->arena, to, "creatorDID", order->creator);
	tally_add_text(call->arena, to, "processID", order->process);
	json_object_put(whole);
	return 0;
}

int tally_share_order_content(struct tally_share_call *call, const struct tally_share_object *order,
			      const struct tally_share_order_change *change,
			      struct tally_bytes *content_r, struct tally_err *err)
{
	struct tally_node *root = tally_node_object(call->arena), *to;
	struct json_object *whole, *part, *keywords;

	if (tally_share_open(call, order->content, "order", &whole, &part, err) != 0)
		return -1;
	to = tally_add_object(call->arena, root, "order");
	for (size_t i = 0; i < ORDER_TEXTS; i++) {
		struct tally_bytes text = tally_share_member(call, part, order_texts[i]);

		if (change->wrapped.size > 0 && strcmp(order_texts[i], "encryptedAesKey") == 0)
			text = change->wrapped;
		if (change->reason.size > 0 && strcmp(order_texts[i], "reason") == 0)
			text = change->reason;
		tally_add_text(call->arena, to, order_texts[i], text);
	}
	if (json_object_object_get_ex(part, "productIDKeywords", &keywords))
		tally_share_add_json(call->arena, to, "productIDKeywords", keywords);
	json_object_put(whole);
	*content_r = tally_encode_json(call->arena, root);
	return 0;
}

/* ---- searching ---- */

bool tally_share_matches(struct tally_bytes in, struct tally_bytes text)
{
	if (text.size == 0)
		return true;
	return in.size > 0 && memmem(in.data, in.size, text.data, text.size) != NULL;
}

bool tally_share_json_matches(struct tally_share_call *call, struct json_object *value,
			      struct tally_bytes text)
{
	struct tally_bytes in;

	if (json_object_is_type(value, json_type_array))
		for (size_t i = 0; i < json_object_array_length(value); i++)
			if (tally_share_json_matches(call, json_object_array_get_idx(value, i), text))
				return true;
	if (json_object_is_type(value, json_type_object)) {
		json_object_object_foreach(value, name, member) {
			(void)name;
			if (tally_share_json_matches(call, member, text))
				return true;
		}
	}
	return tally_json_text(call->arena, value, &in) && tally_share_matches(in, text);
}

void tally_share_success(struct tally_share_call *call)
{
	tally_add_str(call->arena, call->reply, "result", "success");
}
