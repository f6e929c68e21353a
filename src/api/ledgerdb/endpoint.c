/*
 * Actions on endpoints. An endpoint lets a ledger be reached by one private listener of the server's, which
 * VpcId and VSwitchId name; what listeners there are, the operator says.
 */
#include <stdio.h>

#include "listeners.h"
#include "reply.h"

static struct tally_bytes ledger_of(const struct tally_call *call)
{
	return tally_arg_bytes(call, "LedgerId");
}

static struct tally_bytes listener_of(const struct tally_call *call)
{
	struct tally_bytes vpc = tally_arg_bytes(call, "VpcId");
	struct tally_bytes vswitch = tally_arg_bytes(call, "VSwitchId");

	return tally_bytes_str(tally_arena_printf(call->arena, "%.*s/%.*s", (int)vpc.size,
						  (const char *)vpc.data, (int)vswitch.size,
						  (const char *)vswitch.data));
}

static const struct tally_listener *listener_here(const struct tally_call *call,
						  struct tally_bytes name)
{
	return tally_listener_find(call->settings->listeners, call->settings->listener_count, name);
}

#define LISTENER_PARAMS \
	{ .name = "VpcId", .type = PARAM_TEXT, .required = true, .min = 1, \
	  .max = TALLY_ENDPOINT_PART, .example = "vpc-office", \
	  .help = "The first half of a private listener's name, as configured." }, \
	{ .name = "VSwitchId", .type = PARAM_TEXT, .required = true, .min = 1, \
	  .max = TALLY_ENDPOINT_PART, .example = "vsw-1", \
	  .help = "The second half." }

/* ---- CreateVpcEndpoint ---- */

static int create_vpc_endpoint(struct tally_call *call, struct tally_err *err)
{
	const struct tally_listener *listener = listener_here(call, listener_of(call));
	char *id = tally_arena_alloc(call->arena, TALLY_ENDPOINT_ID);
	struct tally_endpoint endpoint = { .listener = listener_of(call) };

	if (listener == NULL)
		return tally_err_about(err, TALLY_INVALID, "VpcId",
				       "the server has no private listener of that name");
	tally_endpoint_id(ledger_of(call), endpoint.listener, call->settings->endpoint_domain, id);
	endpoint.id = tally_bytes_str(id);
	endpoint.address = tally_bytes_str(tally_arena_printf(call->arena, "%s:%u",
							      listener->address, listener->port));
	if (tally_endpoint_create(call->core, &call->write, ledger_of(call), &endpoint, err) < 0)
		return -1;
	tally_add_str(call->arena, call->reply, "VpcEndpointId", id);
	return 0;
}

static const struct tally_param create_vpc_endpoint_params[] = {
	LEDGER_ID_PARAM,
	LISTENER_PARAMS,
	{ .name = "ClientToken", .type = PARAM_TOKEN,
	  .example = "123e4567-e89b-12d3-a456-426655440000",
	  .help = "The same token again gives the same endpoint; up to 64 ASCII characters." },
	PARAM_END
};

static const struct tally_reply_field create_vpc_endpoint_reply[] = {
	{ "VpcEndpointId", NODE_TEXT, false, "The endpoint: a host name." },
	REPLY_END
};

const struct tally_action tally_action_create_vpc_endpoint = {
	.name = "CreateVpcEndpoint",
	.family = FAMILY_LEDGERDB,
	.summary = "Let a ledger be reached by a private listener.",
	.methods = METHOD_GET | METHOD_POST,
	.kind = ACTION_WRITE,
	.need = PERM_UPDATE_LEDGER,
	.params = create_vpc_endpoint_params,
	.reply = create_vpc_endpoint_reply,
	.run = create_vpc_endpoint,
};

/* ---- DeleteVpcEndpoint ---- */

static int delete_vpc_endpoint(struct tally_call *call, struct tally_err *err)
{
	return tally_endpoint_delete(call->core, &call->write, ledger_of(call),
				     tally_arg_bytes(call, "VpcEndpointId"), listener_of(call), err);
}

static const struct tally_param delete_vpc_endpoint_params[] = {
	LEDGER_ID_PARAM,
	{ .name = "VpcEndpointId", .type = PARAM_TEXT, .required = true, .min = 1,
	  .max = TALLY_ENDPOINT_ID - 1, .example = "1f2e3d4c5b6a79.ledger.internal",
	  .help = "The endpoint." },
	LISTENER_PARAMS,
	PARAM_END
};

static const struct tally_reply_field empty_reply[] = { REPLY_END };

const struct tally_action tally_action_delete_vpc_endpoint = {
	.name = "DeleteVpcEndpoint",
	.family = FAMILY_LEDGERDB,
	.summary = "Take an endpoint of a ledger away.",
	.methods = METHOD_GET | METHOD_POST,
	.kind = ACTION_WRITE,
	.need = PERM_UPDATE_LEDGER,
	.params = delete_vpc_endpoint_params,
	.reply = empty_reply,
	.run = delete_vpc_endpoint,
};

/* ---- ListVpcEndpoints ---- */

static struct tally_bytes list_scope(struct tally_call *call)
{
	struct tally_bytes id = ledger_of(call);

	return tally_bytes_str(tally_arena_printf(call->arena, "ListVpcEndpoints %.*s", (int)id.size,
						  (const char *)id.data));
}

/* The two halves of a listener's name. */
static void add_listener(struct tally_call *call, struct tally_node *to, struct tally_bytes name)
{
	const uint8_t *slash = memchr(name.data, '/', name.size);
	size_t vpc = slash != NULL ? (size_t)(slash - name.data) : name.size;

	tally_add_text(call->arena, to, "VpcId", tally_bytes(name.data, vpc));
	tally_add_text(call->arena, to, "VSwitchId",
		       slash != NULL ? tally_bytes(slash + 1, name.size - vpc - 1) :
				       TALLY_BYTES_NONE);
}

static void add_endpoint(struct tally_call *call, struct tally_node *to,
			 const struct tally_endpoint *endpoint)
{
	bool ready = listener_here(call, endpoint->listener) != NULL;

	tally_add_text(call->arena, to, "VpcEndpointId", endpoint->id);
	tally_add_text(call->arena, to, "LedgerId", ledger_of(call));
	tally_add_text(call->arena, to, "MemberId", endpoint->member_id);
	tally_add_str(call->arena, to, "RegionId", call->settings->region);
	add_listener(call, to, endpoint->listener);
	tally_add_text(call->arena, to, "Address", endpoint->address);
	tally_add_uint(call->arena, to, "CreateTime", endpoint->create_ms);
	tally_add_str(call->arena, to, "Status", ready ? "READY" : "CREATING");
}

static int list_vpc_endpoints(struct tally_call *call, struct tally_err *err)
{
	struct tally_bytes token = tally_arg_bytes(call, "NextToken"), after = TALLY_BYTES_NONE;
	uint64_t limit = tally_arg_uint(call, "MaxResults", 10);
	struct tally_endpoint *endpoints;
	struct tally_node *list;
	const char *next = "";
	size_t count;
	bool more;

	if (token.size > 0 && tally_next_open(call, list_scope(call), token, &after, err) < 0)
		return -1;
	if (tally_endpoint_list(call->core, ledger_of(call), after, limit, call->arena, &endpoints,
				&count, &more, err) < 0)
		return -1;
	if (more && count > 0)
		next = tally_next_token(call, list_scope(call), endpoints[count - 1].listener);
	tally_add_str(call->arena, call->reply, "NextToken", next);
	tally_add_uint(call->arena, call->reply, "MaxResults", limit);
	list = tally_add_list(call->arena, call->reply, "VpcEndpoints", "VpcEndpoint");
	for (size_t i = 0; i < count; i++)
		add_endpoint(call, tally_add_object(call->arena, list, NULL), &endpoints[i]);
	return 0;
}

static const struct tally_param list_vpc_endpoints_params[] = {
	LEDGER_ID_PARAM,
	{ .name = "NextToken", .type = PARAM_NEXT, .example = "",
	  .help = "From the page before; empty or absent: from the start." },
	{ .name = "MaxResults", .type = PARAM_UINT, .min = 1, .max = 100, .fallback = "10",
	  .example = "10", .help = "Endpoints of a page." },
	PARAM_END
};

static const struct tally_reply_field list_vpc_endpoints_reply[] = {
	{ "NextToken", NODE_TEXT, false, "For the next page; empty: there is none." },
	{ "MaxResults", NODE_UINT, false, "As asked." },
	{ "VpcEndpoints", NODE_LIST, false, "Endpoints of the ledger, by the names of listeners." },
	{ "VpcEndpoints[VpcEndpoint]", NODE_OBJECT, true, "An endpoint." },
	{ "VpcEndpoints[VpcEndpoint].VpcEndpointId", NODE_TEXT, false, "Its id: a host name." },
	{ "VpcEndpoints[VpcEndpoint].LedgerId", NODE_TEXT, false, "The ledger." },
	{ "VpcEndpoints[VpcEndpoint].MemberId", NODE_TEXT, false, "The member that made it." },
	{ "VpcEndpoints[VpcEndpoint].RegionId", NODE_TEXT, false, "Region, as configured." },
	{ "VpcEndpoints[VpcEndpoint].VpcId", NODE_TEXT, false,
	  "First half of the listener's name." },
	{ "VpcEndpoints[VpcEndpoint].VSwitchId", NODE_TEXT, false, "The second half." },
	{ "VpcEndpoints[VpcEndpoint].Address", NODE_TEXT, false,
	  "Where the listener was when the endpoint was made." },
	{ "VpcEndpoints[VpcEndpoint].CreateTime", NODE_UINT, false, "Milliseconds." },
	{ "VpcEndpoints[VpcEndpoint].Status", NODE_TEXT, false,
	  "READY; CREATING where the server has no listener of that name now." },
	REPLY_END
};

const struct tally_action tally_action_list_vpc_endpoints = {
	.name = "ListVpcEndpoints",
	.family = FAMILY_LEDGERDB,
	.summary = "Page through the endpoints of a ledger.",
	.methods = METHOD_GET | METHOD_POST,
	.kind = ACTION_READ,
	.need = PERM_VIEW_ACCESS,
	.params = list_vpc_endpoints_params,
	.reply = list_vpc_endpoints_reply,
	.run = list_vpc_endpoints,
};
