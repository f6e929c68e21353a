/* Actions on how a ledger is reached, consent to the key store, and regions. */
#include "reply.h"

static struct tally_bytes ledger_of(const struct tally_call *call)
{
	return tally_arg_bytes(call, "LedgerId");
}

static const struct tally_reply_field empty_reply[] = { REPLY_END };

static const struct tally_param ledger_params[] = {
	LEDGER_ID_PARAM,
	PARAM_END
};

/* ---- GetAccessAttribute ---- */

/* Where clients reach it; nothing while open access is off. */
static const char *open_uri(const struct tally_call *call, const struct tally_access *access)
{
	if (!access->open)
		return "";
	if (call->settings->open_uri != NULL)
		return call->settings->open_uri;
	return tally_arena_printf(call->arena, "%s://%.*s/", call->https ? "https" : "http",
				  (int)call->host.size, (const char *)call->host.data);
}

static int get_access_attribute(struct tally_call *call, struct tally_err *err)
{
	struct tally_access access;

	if (tally_access_get(call->core, ledger_of(call), call->arena, &access, err) < 0)
		return -1;
	tally_add_text(call->arena, call->reply, "LedgerId", ledger_of(call));
	tally_add_str(call->arena, call->reply, "EnableOpenAccess", access.open ? "true" : "false");
	tally_add_str(call->arena, call->reply, "OpenUri", open_uri(call, &access));
	return 0;
}

static const struct tally_reply_field get_access_attribute_reply[] = {
	{ "LedgerId", NODE_TEXT, false, "The ledger." },
	{ "EnableOpenAccess", NODE_TEXT, false,
	  "true: it is reached by the server's public way in; false: by its endpoints, and from the "
	  "server's own host, only." },
	{ "OpenUri", NODE_TEXT, false, "Where it is reached so; empty where it is not." },
	REPLY_END
};

const struct tally_action tally_action_get_access_attribute = {
	.name = "GetAccessAttribute",
	.family = FAMILY_LEDGERDB,
	.summary = "Tell whether a ledger is reached by the public way in.",
	.methods = METHOD_GET | METHOD_POST,
	.kind = ACTION_READ,
	.need = PERM_VIEW_ACCESS,
	.params = ledger_params,
	.reply = get_access_attribute_reply,
	.run = get_access_attribute,
};

/* ---- ModifyAccessAttribute ---- */

static int modify_access_attribute(struct tally_call *call, struct tally_err *err)
{
	return tally_access_open(call->core, &call->write, ledger_of(call),
				 tally_arg_bool(call, "EnableOpenAccess", true), err);
}

static const struct tally_param modify_access_attribute_params[] = {
	LEDGER_ID_PARAM,
	{ .name = "EnableOpenAccess", .type = PARAM_BOOL, .required = true, .example = "false",
	  .help = "false: refuse what does not come by an endpoint of the ledger or from the server's "
		  "own host." },
	PARAM_END
};

const struct tally_action tally_action_modify_access_attribute = {
	.name = "ModifyAccessAttribute",
	.family = FAMILY_LEDGERDB,
	.summary = "Switch the public way in to a ledger on or off.",
	.methods = METHOD_GET | METHOD_POST,
	.kind = ACTION_WRITE,
	.need = PERM_UPDATE_LEDGER,
	.params = modify_access_attribute_params,
	.reply = empty_reply,
	.run = modify_access_attribute,
};

/* ---- GetIpWhiteList ---- */

static int get_ip_white_list(struct tally_call *call, struct tally_err *err)
{
	struct tally_access access;

	if (tally_access_get(call->core, ledger_of(call), call->arena, &access, err) < 0)
		return -1;
	tally_add_text(call->arena, call->reply, "LedgerId", ledger_of(call));
	tally_add_text(call->arena, call->reply, "IpList", access.ip_list);
	return 0;
}

static const struct tally_reply_field get_ip_white_list_reply[] = {
	{ "LedgerId", NODE_TEXT, false, "The ledger." },
	{ "IpList", NODE_TEXT, false,
	  "Networks from which it is reached, separated by commas; empty: from everywhere." },
	REPLY_END
};

const struct tally_action tally_action_get_ip_white_list = {
	.name = "GetIpWhiteList",
	.family = FAMILY_LEDGERDB,
	.summary = "Return the networks from which a ledger is reached.",
	.methods = METHOD_GET | METHOD_POST,
	.kind = ACTION_READ,
	.need = PERM_VIEW_ACCESS,
	.params = ledger_params,
	.reply = get_ip_white_list_reply,
	.run = get_ip_white_list,
};

/* ---- ModifyIpWhiteList ---- */

static const char *const modify_types[] = { "Cover", "Append", "Delete", NULL };

static int modify_ip_white_list(struct tally_call *call, struct tally_err *err)
{
	return tally_access_ip_list(call->core, &call->write, ledger_of(call),
				    (enum tally_ip_change)tally_arg_enum(call, "ModifyType"),
				    tally_arg_bytes(call, "IpList"), err);
}

static const struct tally_param modify_ip_white_list_params[] = {
	LEDGER_ID_PARAM,
	{ .name = "IpList", .type = PARAM_TEXT, .required = true, .min = 1, .max = 8192,
	  .example = "192.0.2.0/24,2001:db8::/32",
	  .help = "Addresses and networks of IPv4 and IPv6, separated by commas." },
	{ .name = "ModifyType", .type = PARAM_ENUM, .required = true, .choices = modify_types,
	  .example = "Cover",
	  .help = "Cover: instead of the list; Append: to the list; Delete: from the list, but not "
		  "the last one (Cover with 0.0.0.0/0,::/0 lets everybody in)." },
	PARAM_END
};

const struct tally_action tally_action_modify_ip_white_list = {
	.name = "ModifyIpWhiteList",
	.family = FAMILY_LEDGERDB,
	.summary = "Change the networks from which a ledger is reached.",
	.methods = METHOD_GET | METHOD_POST,
	.kind = ACTION_WRITE,
	.need = PERM_UPDATE_LEDGER,
	.params = modify_ip_white_list_params,
	.reply = empty_reply,
	.run = modify_ip_white_list,
};

/* ---- GrantServiceLinkedRole ---- */

static int grant_service_linked_role(struct tally_call *call, struct tally_err *err)
{
	struct tally_access access;

	if (tally_access_get(call->core, ledger_of(call), call->arena, &access, err) < 0 ||
	    (!access.service_role &&
	     tally_access_grant(call->core, &call->write, ledger_of(call), err) < 0))
		return -1;
	tally_add_str(call->arena, call->reply, "SLRStatus", "GRANTED");
	return 0;
}

static const struct tally_reply_field grant_service_linked_role_reply[] = {
	{ "SLRStatus", NODE_TEXT, false, "GRANTED." },
	REPLY_END
};

const struct tally_action tally_action_grant_service_linked_role = {
	.name = "GrantServiceLinkedRole",
	.family = FAMILY_LEDGERDB,
	.summary = "Let keys of the operator's key store become members' keys of a ledger.",
	.methods = METHOD_GET | METHOD_POST,
	.kind = ACTION_WRITE,
	.need = PERM_UPDATE_LEDGER,
	.params = ledger_params,
	.reply = grant_service_linked_role_reply,
	.run = grant_service_linked_role,
};

/* ---- DescribeRegions ---- */

static void add_region(struct tally_call *call, struct tally_node *list, struct tally_bytes id,
		       struct tally_bytes endpoint, struct tally_bytes name)
{
	struct tally_node *to = tally_add_object(call->arena, list, NULL);

	tally_add_text(call->arena, to, "LocalName", name);
	tally_add_text(call->arena, to, "RegionEndpoint", endpoint);
	tally_add_text(call->arena, to, "RegionId", id);
}

/* What stands before a character, which is taken away with it; all where it is not there. */
static struct tally_bytes cut(struct tally_bytes *text, char at)
{
	const uint8_t *end = text->size > 0 ? memchr(text->data, at, text->size) : NULL;
	struct tally_bytes part = *text;

	if (end == NULL) {
		*text = TALLY_BYTES_NONE;
		return part;
	}
	part.size = (size_t)(end - text->data);
	*text = tally_bytes(end + 1, text->size - part.size - 1);
	return part;
}

/* "REGION|HOST|NAME,REGION|..."; without a host that of the request, without a name the id. */
static void add_regions(struct tally_call *call, struct tally_node *list)
{
	struct tally_bytes text = tally_bytes_str(call->settings->regions);

	while (text.size > 0) {
		struct tally_bytes one = cut(&text, ',');
		struct tally_bytes id = cut(&one, '|'), host = cut(&one, '|');

		while (id.size > 0 && id.data[0] == ' ') {
			id.data++;
			id.size--;
		}
		if (id.size > 0)
			add_region(call, list, id, host.size > 0 ? host : call->host,
				   one.size > 0 ? one : id);
	}
}

static int describe_regions(struct tally_call *call, struct tally_err *err)
{
	struct tally_bytes region = tally_bytes_str(call->settings->region);
	struct tally_node *list;

	(void)err;
	tally_add_bool(call->arena, call->reply, "Success", true);
	tally_add_uint(call->arena, call->reply, "ErrorCode", 200);
	list = tally_add_list(call->arena, call->reply, "Regions", "Result");
	if (call->settings->regions != NULL && *call->settings->regions != '\0')
		add_regions(call, list);
	else
		add_region(call, list, region, call->host, region);
	return 0;
}

static const struct tally_param describe_regions_params[] = {
	{ .name = "RegionId", .type = PARAM_TEXT, .max = 128, .example = "local",
	  .help = "Sent by client libraries; all regions are answered." },
	PARAM_END
};

static const struct tally_reply_field describe_regions_reply[] = {
	{ "Success", NODE_BOOL, false, "true." },
	{ "ErrorCode", NODE_UINT, false, "200." },
	{ "Regions", NODE_LIST, false, "The regions, as configured." },
	{ "Regions[Result]", NODE_OBJECT, true, "A region." },
	{ "Regions[Result].LocalName", NODE_TEXT, false, "Its name for people." },
	{ "Regions[Result].RegionEndpoint", NODE_TEXT, false, "The host that serves it." },
	{ "Regions[Result].RegionId", NODE_TEXT, false, "Its id." },
	REPLY_END
};

const struct tally_action tally_action_describe_regions = {
	.name = "DescribeRegions",
	.family = FAMILY_LEDGERDB,
	.summary = "Return the regions of the service.",
	.methods = METHOD_GET | METHOD_POST,
	.kind = ACTION_READ,
	.need = PERM_ANYONE,
	.params = describe_regions_params,
	.reply = describe_regions_reply,
	.run = describe_regions,
};
