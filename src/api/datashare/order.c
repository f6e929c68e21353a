/* Orders of data sets: applied for, authorised, ended, found. */
#include "objects.h"

#include <assert.h>
#include <json.h>

#include "secret.h"

static int find_order(struct tally_share_call *call, struct tally_share_object *order_r,
		      struct tally_err *err)
{
	return tally_share_need(call, SHARE_ORDER, tally_share_text(call, "consumer"),
				tally_share_text(call, "orderSeq"), order_r, err);
}

/* A change of an order, as it was looked at; its answer is the order. */
static int change_order(struct tally_share_call *call, const char *op,
			const struct tally_share_object *basis, struct tally_bytes content,
			struct tally_err *err)
{
	struct tally_share_change change;
	struct tally_share_done done;

	tally_share_begin(call, op, &change);
	tally_share_say(&change, "consumer", basis->a);
	tally_share_say(&change, "order", basis->b);
	change.content = content;
	change.has_basis = true;
	change.basis = basis->last;
	return tally_share_run(call, &change, &done, err);
}

static int reply_order(struct tally_share_call *call, struct tally_err *err)
{
	struct tally_share_object order;

	if (find_order(call, &order, err) != 0)
		return -1;
	return tally_share_add_order(call, call->reply, &order, err);
}

/* ---- applying ---- */

static int apply_content(struct tally_share_call *call, const struct tally_share_object *dataset,
			 struct tally_bytes *content_r, struct tally_err *err)
{
	struct tally_node *root = tally_node_object(call->arena);
	struct tally_node *to = tally_add_object(call->arena, root, "order");
	struct json_object *whole, *part;

	if (tally_share_open(call, dataset->content, "dataset", &whole, &part, err) != 0)
		return -1;
	tally_add_text(call->arena, to, "consumerName", tally_share_text(call, "consumerName"));
	tally_share_copy(call, to, part, "providerName");
	tally_share_copy(call, to, part, "productName");
	tally_share_copy(call, to, part, "price");
	tally_add_str(call->arena, to, "encryptedAesKey", "");
	tally_add_text(call->arena, to, "reason", tally_share_text(call, "reason"));
	tally_add_str(call->arena, to, "lockProof", "");
	json_object_put(whole);
	*content_r = tally_encode_json(call->arena, root);
	return 0;
}

int tally_share_apply(struct tally_share_call *call, struct tally_err *err)
{
	struct tally_bytes consumer = tally_share_text(call, "consumer");
	struct tally_share_object dataset;
	struct tally_share_change change;
	struct tally_share_done done;

	tally_share_begin(call, "apply-order", &change);
	tally_share_say(&change, "consumer", consumer);
	tally_share_say(&change, "order", tally_share_text(call, "orderSeq"));
	tally_share_say(&change, "provider", tally_share_text(call, "provider"));
	tally_share_say(&change, "product", tally_share_text(call, "productID"));
	if (tally_share_must_be(call, consumer, err) != 0 ||
	    tally_share_need(call, SHARE_DATASET, tally_share_text(call, "provider"),
			     tally_share_text(call, "productID"), &dataset, err) != 0 ||
	    apply_content(call, &dataset, &change.content, err) != 0 ||
	    tally_share_run(call, &change, &done, err) != 0)
		return -1;
	return reply_order(call, err);
}

/* ---- authorising ---- */

/* The data key, from its provider to the consumer. */
static int pass_on(struct tally_share_call *call, const struct tally_share_object *order,
		   const struct tally_share_object *dataset, const uint8_t point[65],
		   const char **wrapped_r, struct tally_err *err)
{
	const struct tally_bytes parts[] = { dataset->a, dataset->b };
	struct json_object *whole, *part;
	uint8_t key[TALLY_DATA_KEY];
	struct tally_bytes wrapped;

	if (tally_share_open(call, dataset->content, "dataset", &whole, &part, err) != 0)
		return -1;
	wrapped = tally_share_member(call, part, "encryptedAesKey");
	json_object_put(whole);
	if (tally_share_unwrap(call, wrapped, tally_share_context(call, "dataset", parts, 2), key,
			       err) != 0)
		return -1;
	*wrapped_r = tally_share_wrap_order(call, point, key, order->a, order->b, order->product);
	tally_wipe(key, sizeof(key));
	return 0;
}

int tally_share_authorize(struct tally_share_call *call, struct tally_err *err)
{
	struct tally_share_object order, dataset, consumer;
	struct tally_share_order_change change = { .wrapped = TALLY_BYTES_NONE };
	struct tally_bytes content;
	const char *wrapped;

	if (find_order(call, &order, err) != 0 || tally_share_must_be(call, order.provider, err) != 0)
		return -1;
	if (order.state != SHARE_REQUEST && !call->write.again)
		return tally_err_about(err, TALLY_INVALID, "State", "the order is %s",
				       tally_share_state_name(order.state));
	if (tally_share_need(call, SHARE_DATASET, order.provider, order.product, &dataset, err) != 0 ||
	    tally_share_need(call, SHARE_DID, order.a, TALLY_BYTES_NONE, &consumer, err) != 0 ||
	    pass_on(call, &order, &dataset, consumer.point, &wrapped, err) != 0)
		return -1;
	change.wrapped = tally_bytes_str(wrapped);
	if (tally_share_order_content(call, &order, &change, &content, err) != 0 ||
	    change_order(call, "authorize-order", &order, content, err) != 0)
		return -1;
	return reply_order(call, err);
}

/* ---- ending ---- */

int tally_share_update_order(struct tally_share_call *call, struct tally_err *err)
{
	static const char *const ops[] = { "finish-order", "fail-order", "cancel-order" };
	uint64_t status = tally_share_value(call, "orderStatus")->number;
	struct tally_share_order_change change = { .reason = tally_share_text(call, "reason") };
	struct tally_bytes content = TALLY_BYTES_NONE;
	struct tally_share_object order;

	assert(status < sizeof(ops) / sizeof(*ops));
	if (find_order(call, &order, err) != 0)
		return -1;
	if (change.reason.size > 0 &&
	    tally_share_order_content(call, &order, &change, &content, err) != 0)
		return -1;
	if (change_order(call, ops[status], &order, content, err) != 0)
		return -1;
	tally_share_success(call);
	return 0;
}

int tally_share_delete_order(struct tally_share_call *call, struct tally_err *err)
{
	struct tally_share_change change;
	struct tally_share_done done;

	tally_share_begin(call, "delete-order", &change);
	tally_share_say(&change, "consumer", tally_share_text(call, "consumer"));
	tally_share_say(&change, "order", tally_share_text(call, "orderSeq"));
	if (tally_share_must_be(call, tally_share_text(call, "consumer"), err) != 0 ||
	    tally_share_run(call, &change, &done, err) != 0)
		return -1;
	tally_share_success(call);
	return 0;
}

/* ---- finding ---- */

int tally_share_query_order(struct tally_share_call *call, struct tally_err *err)
{
	return reply_order(call, err);
}

/* The text stands in the product's name, or in a keyword. */
static int matches_text(struct tally_share_call *call, const struct tally_share_object *order,
			struct tally_err *err)
{
	struct tally_bytes text = tally_share_text(call, "searchText");
	struct json_object *whole, *part, *keywords = NULL;
	bool found;

	if (tally_share_open(call, order->content, "order", &whole, &part, err) != 0)
		return err->code == TALLY_NOTFOUND ? 0 : -1;
	json_object_object_get_ex(part, "productIDKeywords", &keywords);
	found = tally_share_matches(tally_share_member(call, part, "productName"), text) ||
		(keywords != NULL && tally_share_json_matches(call, keywords, text));
	json_object_put(whole);
	return found;
}

static int is_wanted(struct tally_share_call *call, const struct tally_share_object *order,
		     struct tally_err *err)
{
	struct tally_bytes provider = tally_share_text(call, "provider");
	struct tally_bytes status = tally_share_text(call, "status");

	if ((provider.size > 0 && !tally_bytes_equal(provider, order->provider)) ||
	    (status.size > 0 && !tally_bytes_is(status, tally_share_state_name(order->state))))
		return 0;
	return matches_text(call, order, err);
}

int tally_share_query_orders(struct tally_share_call *call, struct tally_err *err)
{
	struct tally_share_object *orders;
	struct tally_share_page page;
	struct tally_node *items;
	uint64_t total = 0;
	size_t count;

	if (tally_share_page(call, &page, err) != 0 ||
	    tally_share_list(call->core, call->ledger_id, SHARE_ORDER,
			     tally_share_text(call, "consumer"), call->arena, &orders, &count,
			     err) != 0)
		return -1;
	items = tally_add_list(call->arena, call->reply, "items", "item");
	for (size_t i = 0; i < count; i++) {
		int wanted = is_wanted(call, &orders[i], err);

		if (wanted < 0)
			return -1;
		if (wanted == 1 && tally_share_on_page(&page, total) &&
		    tally_share_add_order(call, tally_add_object(call->arena, items, NULL), &orders[i],
					  err) != 0)
			return -1;
		total += (uint64_t)wanted;
	}
	tally_share_add_page(call, &page, total);
	return 0;
}
