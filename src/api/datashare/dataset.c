/* Data sets: published, closed, deleted, found. The data itself is encrypted and given back. */
#include "objects.h"

#include <json.h>

#include "secret.h"

/* What the interface has, and this server has not. */
static int check_supported(const struct tally_share_call *call, struct tally_err *err)
{
	const struct tally_share_value *category = tally_share_value(call, "category");

	if (category->given && category->number == 1)
		return tally_err_about(err, TALLY_UNSUPPORTED, "category", "abe is not available yet");
	if (tally_share_value(call, "watermarkType")->given)
		return tally_err_about(err, TALLY_UNSUPPORTED, "watermarkType",
				       "watermarks are not available yet");
	if (tally_share_text(call, "file").size > 0)
		return tally_err_about(err, TALLY_UNSUPPORTED, "file",
				       "it is for watermarks, which are not available yet");
	return 0;
}

/* ---- publishing ---- */

static struct tally_bytes dataset_content(struct tally_share_call *call,
					  const struct tally_share_sealed *sealed)
{
	struct tally_node *root = tally_node_object(call->arena);

	tally_share_make_dataset(call, tally_add_object(call->arena, root, "dataset"), sealed,
				 tally_share_text(call, "dataUrl"));
	return tally_encode_json(call->arena, root);
}

static int publish(struct tally_share_call *call, const struct tally_share_sealed *sealed,
		   struct tally_err *err)
{
	struct tally_bytes provider = tally_share_text(call, "provider");
	struct tally_bytes product = tally_share_text(call, "productID");
	struct tally_share_object object;
	struct tally_share_change change;
	struct tally_share_done done;

	tally_share_begin(call, "publish-dataset", &change);
	tally_share_say(&change, "provider", provider);
	tally_share_say(&change, "product", product);
	change.content = dataset_content(call, sealed);
	if (tally_share_run(call, &change, &done, err) != 0)
		return -1;
	if (done.known)		/* under a key that nobody but its provider has now */
		return tally_err_about(err, TALLY_REPLAYED, "Request", "query the data set");
	if (tally_share_need(call, SHARE_DATASET, provider, product, &object, err) != 0 ||
	    tally_share_add_dataset(call, call->reply, &object, err) != 0)
		return -1;
	tally_add_str(call->arena, call->reply, "encryptData",
		      tally_base64_encode(call->arena, sealed->ciphertext));
	return 0;
}

int tally_share_publish(struct tally_share_call *call, struct tally_err *err)
{
	struct tally_bytes provider = tally_share_text(call, "provider");
	struct tally_share_sealed sealed;
	int result;

	if (check_supported(call, err) != 0 || tally_share_must_be(call, provider, err) != 0)
		return -1;
	tally_share_seal(call, provider, tally_share_text(call, "productID"),
			 tally_share_text(call, "plainData"), &sealed);
	result = publish(call, &sealed, err);
	tally_wipe(&sealed.key, sizeof(sealed.key));
	return result;
}

static int change_state(struct tally_share_call *call, const char *op, struct tally_err *err)
{
	struct tally_share_change change;
	struct tally_share_done done;

	tally_share_begin(call, op, &change);
	tally_share_say(&change, "provider", tally_share_text(call, "provider"));
	tally_share_say(&change, "product", tally_share_text(call, "productID"));
	if (tally_share_must_be(call, tally_share_text(call, "provider"), err) != 0 ||
	    tally_share_run(call, &change, &done, err) != 0)
		return -1;
	tally_share_success(call);
	return 0;
}

int tally_share_close(struct tally_share_call *call, struct tally_err *err)
{
	return change_state(call, "close-dataset", err);
}

int tally_share_delete(struct tally_share_call *call, struct tally_err *err)
{
	return change_state(call, "delete-dataset", err);
}

/* ---- sharing in one step ---- */

enum action { ACTION_NEW, ACTION_APPEND };

/* Names that the server gives where the caller gives none. */
struct names {
	struct tally_bytes provider, product, consumer, order;
	struct tally_bytes creator, process;
	const char *op;
	bool on_chain;
	struct tally_bytes data_url;
};

static struct tally_bytes new_order(struct tally_share_call *call)
{
	char text[TALLY_BASE58_TEXT(16)];
	uint8_t random[16];

	tally_random(random, sizeof(random));
	tally_base58_encode(tally_bytes(random, sizeof(random)), text);
	return tally_bytes_str(tally_arena_str(call->arena, tally_bytes_str(text)));
}

/* A UUID, version 4 (RFC 9562 5.4). */
static struct tally_bytes new_process(struct tally_share_call *call)
{
	uint8_t random[16];
	char hex[33];

	tally_random(random, sizeof(random));
	random[6] = (uint8_t)(0x40 | (random[6] & 15));
	random[8] = (uint8_t)(0x80 | (random[8] & 63));
	tally_hex_encode(random, sizeof(random), hex);
	return tally_bytes_str(tally_arena_printf(call->arena, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8,
						  hex + 12, hex + 16, hex + 20));
}

static int name_process(struct tally_share_call *call, struct names *names, struct tally_err *err)
{
	const struct tally_share_value *action = tally_share_value(call, "action");

	names->op = "share-dataset";
	if (!action->given)
		return 0;
	if (action->number == ACTION_NEW) {
		names->op = "share-dataset-new";
		names->creator = names->provider;
		names->process = new_process(call);
		return 0;
	}
	names->op = "share-dataset-append";
	names->creator = tally_share_text(call, "creatorDID");
	names->process = tally_share_text(call, "processID");
	if (names->creator.size == 0)
		return tally_err_about(err, TALLY_MISSING, "creatorDID", "it is missing");
	if (names->process.size == 0)
		return tally_err_about(err, TALLY_MISSING, "processID", "it is missing");
	return 0;
}

static int name_all(struct tally_share_call *call, struct names *names, struct tally_err *err)
{
	*names = (struct names){ .provider = tally_share_text(call, "provider"),
				 .product = tally_share_text(call, "productID"),
				 .consumer = tally_share_text(call, "consumer"),
				 .order = tally_share_text(call, "orderSeq"),
				 .on_chain = tally_share_flag(call, "onChainStore"),
				 .data_url = tally_share_text(call, "dataUrl") };
	if (names->order.size == 0)
		names->order = new_order(call);
	if (names->on_chain)
		names->data_url = tally_bytes_str(tally_arena_printf(
			call->arena, "ledger:%.*s/%.*s/%.*s", (int)call->ledger_id.size,
			(const char *)call->ledger_id.data, (int)names->consumer.size,
			(const char *)names->consumer.data, (int)names->order.size,
			(const char *)names->order.data));
	if (names->data_url.size == 0)
		return tally_err_about(err, TALLY_MISSING, "dataUrl", "it is missing");
	if (!names->on_chain && tally_share_text(call, "sampleUrl").size == 0)
		return tally_err_about(err, TALLY_MISSING, "sampleUrl", "it is missing");
	return name_process(call, names, err);
}

static struct tally_bytes share_content(struct tally_share_call *call, const struct names *names,
					const struct tally_share_sealed *sealed,
					const uint8_t point[65])
{
	struct json_object *keywords = tally_share_value(call, "productIDKeywords")->json;
	struct tally_node *root = tally_node_object(call->arena), *to;
	struct tally_arena *arena = call->arena;

	tally_share_make_dataset(call, tally_add_object(arena, root, "dataset"), sealed,
				 names->data_url);
	to = tally_add_object(arena, root, "order");
	tally_add_text(arena, to, "consumerName", tally_share_text(call, "consumerName"));
	tally_add_text(arena, to, "providerName", tally_share_text(call, "providerName"));
	tally_add_text(arena, to, "productName", tally_share_text(call, "productName"));
	tally_add_str(arena, to, "price", "0");
	tally_add_str(arena, to, "encryptedAesKey",
		      tally_share_wrap_order(call, point, sealed->key, names->consumer, names->order,
					     names->product));
	tally_add_str(arena, to, "reason", "");
	tally_add_str(arena, to, "lockProof", "");
	if (keywords != NULL)
		tally_share_add_json(arena, to, "productIDKeywords", keywords);
	tally_add_text(arena, root, "stageName", tally_share_text(call, "stageName"));
	return tally_encode_json(arena, root);
}

/* A process that is named and is not there is a wrong argument of this request. */
static int share_failed(struct tally_err *err)
{
	if (err->code == TALLY_NOTFOUND && strcmp(err->subject, "Process") == 0)
		return tally_err_about(err, TALLY_INVALID, "processID", "there is no such process");
	return -1;
}

static int share(struct tally_share_call *call, const struct names *names,
		 const struct tally_share_sealed *sealed, const uint8_t point[65],
		 struct tally_err *err)
{
	struct tally_share_object object;
	struct tally_share_change change;
	struct tally_share_done done;

	tally_share_begin(call, names->op, &change);
	tally_share_say(&change, "provider", names->provider);
	tally_share_say(&change, "product", names->product);
	tally_share_say(&change, "consumer", names->consumer);
	tally_share_say(&change, "order", names->order);
	tally_share_say(&change, "creator", names->creator);
	tally_share_say(&change, "process", names->process);
	change.content = share_content(call, names, sealed, point);
	if (names->on_chain)
		change.ciphertext = sealed->ciphertext;
	if (tally_share_run(call, &change, &done, err) != 0)
		return share_failed(err);
	if (done.known)
		return tally_err_about(err, TALLY_REPLAYED, "Request", "query the order");
	if (tally_share_need(call, SHARE_ORDER, names->consumer, names->order, &object, err) != 0 ||
	    tally_share_add_order(call, call->reply, &object, err) != 0)
		return -1;
	tally_add_str(call->arena, call->reply, "encryptData",
		      tally_base64_encode(call->arena, sealed->ciphertext));
	return 0;
}

int tally_share_share(struct tally_share_call *call, struct tally_err *err)
{
	struct tally_share_sealed sealed;
	struct tally_share_object consumer;
	struct names names;
	int result;

	if (check_supported(call, err) != 0 || name_all(call, &names, err) != 0 ||
	    tally_share_must_be(call, names.provider, err) != 0 ||
	    tally_share_need(call, SHARE_DID, names.consumer, TALLY_BYTES_NONE, &consumer, err) != 0)
		return -1;
	tally_share_seal(call, names.provider, names.product, tally_share_text(call, "plainData"),
			 &sealed);
	result = share(call, &names, &sealed, consumer.point, err);
	tally_wipe(&sealed.key, sizeof(sealed.key));
	return result;
}

/* ---- finding ---- */

int tally_share_query_dataset(struct tally_share_call *call, struct tally_err *err)
{
	struct tally_share_object object;

	if (tally_share_need(call, SHARE_DATASET, tally_share_text(call, "provider"),
			     tally_share_text(call, "productID"), &object, err) != 0)
		return -1;
	return tally_share_add_dataset(call, call->reply, &object, err);
}

/* 1, 0; a data set whose content was removed matches nothing. */
static int is_wanted(struct tally_share_call *call, const struct tally_share_object *object,
		     struct tally_err *err)
{
	struct tally_bytes status = tally_share_text(call, "status");
	struct tally_bytes text = tally_share_text(call, "searchText");
	struct json_object *whole, *part;
	bool found;

	if (status.size > 0 && !tally_bytes_is(status, tally_share_state_name(object->state)))
		return 0;
	if (tally_share_open(call, object->content, "dataset", &whole, &part, err) != 0)
		return err->code == TALLY_NOTFOUND ? 0 : -1;
	found = tally_share_matches(tally_share_member(call, part, "productName"), text) ||
		tally_share_matches(tally_share_member(call, part, "description"), text);
	json_object_put(whole);
	return found;
}

int tally_share_query_datasets(struct tally_share_call *call, struct tally_err *err)
{
	struct tally_share_object *objects;
	struct tally_share_page page;
	struct tally_node *items;
	uint64_t total = 0;
	size_t count;

	if (tally_share_page(call, &page, err) != 0 ||
	    tally_share_list(call->core, call->ledger_id, SHARE_DATASET,
			     tally_share_text(call, "provider"), call->arena, &objects, &count,
			     err) != 0)
		return -1;
	items = tally_add_list(call->arena, call->reply, "items", "item");
	for (size_t i = 0; i < count; i++) {
		int wanted = is_wanted(call, &objects[i], err);

		if (wanted < 0)
			return -1;
		if (wanted == 1 && tally_share_on_page(&page, total) &&
		    tally_share_add_dataset(call, tally_add_object(call->arena, items, NULL),
					    &objects[i], err) != 0)
			return -1;
		total += (uint64_t)wanted;
	}
	tally_share_add_page(call, &page, total);
	return 0;
}

/* ---- the plain data, for its consumer ---- */

/* 0, or -1 MISSING where it neither came along nor is kept on the ledger. */
static int find_ciphertext(struct tally_share_call *call, const struct tally_share_object *order,
			   struct tally_bytes *ciphertext_r, struct tally_err *err)
{
	struct tally_share_object object;
	int found;

	*ciphertext_r = tally_share_text(call, "encryptData");
	if (!tally_share_flag(call, "onChainStore"))
		return ciphertext_r->size > 0 ? 0 :
		       tally_err_about(err, TALLY_MISSING, "encryptData", "it is missing");
	if (tally_share_need(call, SHARE_CIPHERTEXT, order->a, order->b, &object, err) != 0)
		return -1;
	found = tally_share_content(call->core, call->ledger_id, object.content, call->arena,
				    ciphertext_r, err);
	if (found == 0)
		return tally_err_about(err, TALLY_NOTFOUND, "Content", "the ciphertext");
	return found < 0 ? -1 : 0;
}

static int open_data(struct tally_share_call *call, const struct tally_share_object *order,
		     struct tally_bytes wrapped, struct tally_bytes ciphertext,
		     struct tally_bytes *plain_r, struct tally_err *err)
{
	const struct tally_bytes of_key[] = { order->a, order->b, order->product };
	const struct tally_bytes of_data[] = { order->provider, order->product };

	return tally_share_unseal(call, wrapped, tally_share_context(call, "order", of_key, 3),
				  ciphertext, tally_share_context(call, "data", of_data, 2), plain_r,
				  err);
}

int tally_share_plaintext(struct tally_share_call *call, struct tally_err *err)
{
	struct tally_bytes consumer = tally_share_text(call, "consumer"), ciphertext, plain;
	struct tally_share_object order;
	struct json_object *whole, *part;
	struct tally_bytes wrapped;

	if (tally_share_value(call, "watermarkType")->given)
		return tally_err_about(err, TALLY_UNSUPPORTED, "watermarkType",
				       "watermarks are not available yet");
	if (tally_share_must_be(call, consumer, err) != 0 ||
	    tally_share_need(call, SHARE_ORDER, consumer, tally_share_text(call, "orderSeq"), &order,
			     err) != 0)
		return -1;
	if (order.state != SHARE_READY && order.state != SHARE_FINISHED)
		return tally_err_about(err, TALLY_INVALID, "State", "the order is %s",
				       tally_share_state_name(order.state));
	if (find_ciphertext(call, &order, &ciphertext, err) != 0 ||
	    tally_share_open(call, order.content, "order", &whole, &part, err) != 0)
		return -1;
	wrapped = tally_share_member(call, part, "encryptedAesKey");
	json_object_put(whole);
	if (call->private != NULL &&
	    open_data(call, &order, wrapped, ciphertext, &plain, err) != 0)
		return -1;
	tally_add_text(call->arena, call->reply, "provider", order.provider);
	tally_add_text(call->arena, call->reply, "productID", order.product);
	if (call->private != NULL) {
		tally_add_str(call->arena, call->reply, "plaintext",
			      tally_base64_encode(call->arena, plain));
		return 0;
	}
	/* who keeps his key opens it himself */
	tally_add_text(call->arena, call->reply, "encryptedAesKey", wrapped);
	tally_add_str(call->arena, call->reply, "encryptData",
		      tally_base64_encode(call->arena, ciphertext));
	return 0;
}
